/* adapter.c - Whisper as a model type: audio in, text or stretches of speech out. */
#include "models/whisper/adapter.h"

#include "base/mem.h"
#include "models/silero/segments.h"
#include "models/whisper/split.h"

#include <stdio.h>
#include <string.h>

/* ---- the model ---- */

static hse_status copy_ids(int32_t **out, size_t *count, const int32_t *ids, size_t n, hse_error *err)
{
    if (!(*out = hse_alloc((n + 1) * sizeof **out)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu tokens", n);
    if (n)
        memcpy(*out, ids, n * sizeof **out);
    *count = n;
    return HSE_OK;
}

/* What the files say, else what the vocabulary has. */
static hse_status read_ids(whisper_model *m, hse_error *err)
{
    const whisper_special *special = whisper_specials(m->tokenizer);
    const whisper_config *c = &m->config;
    bpe_ids blank = {0};
    hse_status s = HSE_OK;

    if (c->n_suppress_begin) {
        s = copy_ids(&m->suppress_begin, &m->n_suppress_begin, c->suppress_begin, c->n_suppress_begin, err);
    } else {
        s = whisper_encode(m->tokenizer, " ", 1, &blank, err);
        if (s == HSE_OK)
            s = bpe_ids_add(&blank, special->eot, err);
        m->suppress_begin = blank.id;
        m->n_suppress_begin = blank.count;
    }
    if (s != HSE_OK || !special->multilingual)
        return s;
    if (!(m->languages = hse_alloc((size_t)(special->languages + 1) * sizeof *m->languages)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d languages", special->languages);
    for (int i = 0; i < special->languages; i++) {
        int32_t id = special->language_begin + i;
        bool in = c->n_languages == 0;
        for (size_t k = 0; k < c->n_languages && !in; k++)
            in = c->languages[k] == id;
        if (in)
            m->languages[m->n_languages++] = id;
    }
    return HSE_OK;
}

hse_status whisper_model_open(whisper_model **out, const hse_model_source *source, hse_error *err)
{
    whisper_model *m = hse_calloc(1, sizeof *m);
    hse_weights *weights = NULL;
    hse_status s;

    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    k_weight_type type = source->precision;
    m->kernels = source->kernels ? source->kernels : hse_kernels_get(~0u);
    s = whisper_config_open_weights(&m->config, &weights, source->dir, source->load_format, NULL, &source->limits, err);
    if (s == HSE_OK && source->as_stored && whisper_stored_int8(weights))
        type = K_INT8;
    if (s == HSE_OK)
        s = whisper_config_tokenizer(&m->config, &m->tokenizer, err);
    if (s == HSE_OK)
        s = read_ids(m, err);
    if (s == HSE_OK)
        s = whisper_mel_open(&m->mel, m->config.dims.mels, err);
    if (s == HSE_OK)
        s = whisper_network_open(&m->network, &m->config,
                                 &(whisper_network_options){.weights = weights,
                                                            .kernels = m->kernels,
                                                            .pool = source->pool,
                                                            .type = type,
                                                            .limits = &source->limits},
                                 err);
    if (weights)
        hse_weights_close(&weights);
    if (s != HSE_OK) {
        whisper_model_close(&m);
        return s;
    }
    *out = m;
    return HSE_OK;
}

void whisper_model_close(whisper_model **m)
{
    if (!*m)
        return;
    whisper_network_close(&(*m)->network);
    whisper_tokenizer_close(&(*m)->tokenizer);
    whisper_mel_close(&(*m)->mel);
    whisper_config_close(&(*m)->config);
    hse_free((*m)->languages);
    hse_free((*m)->suppress_begin);
    hse_free(*m);
    *m = NULL;
}

bool whisper_can_detect(const whisper_model *m)
{
    return m->n_languages > 0;
}

int whisper_max_length(const whisper_model *m)
{
    return m->config.dims.decoder_positions;
}

/* ---- the type ---- */

static hse_status type_open(void **out, const hse_model_source *source, hse_error *err)
{
    whisper_model *m = NULL;
    hse_status s = whisper_model_open(&m, source, err);

    if (s == HSE_OK)
        *out = m;
    return s;
}

static void type_close(void **model)
{
    whisper_model *m = *model;

    whisper_model_close(&m);
    *model = NULL;
}

static bool concerns_all(hse_status s)
{
    return s == HSE_E_CANCELLED || s == HSE_E_DEADLINE || s == HSE_E_NOMEM;
}

static hse_status run_some(const whisper_model *m, nn_ctx *c, hse_item *const *items, size_t n, bool told)
{
    whisper_piece **p = hse_alloc((n + 1) * sizeof *p);
    hse_error err = {0};
    size_t count = 0;
    hse_status s;

    for (size_t i = 0; i < n; i++) {
        items[i]->status = HSE_OK;
        if (!items[i]->own)
            items[i]->status = hse_fail(&items[i]->error, HSE_E_ARG, 0, "an item that no transcription made");
        else if (p)
            p[count++] = items[i]->own;
    }
    s = p ? whisper_pieces_run(m, c, p, count, &err) : hse_fail(&err, HSE_E_NOMEM, 0, "no memory for %zu windows", n);
    hse_free(p);
    for (size_t i = 0; i < n && s != HSE_OK && (told || concerns_all(s)); i++)
        if (items[i]->own) {
            items[i]->status = s;
            items[i]->error = err;
        }
    return s;
}

static hse_status type_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = run_some(model, c, items, n, n == 1);

    if (s == HSE_OK || concerns_all(s) || n == 1)
        return concerns_all(s) ? s : HSE_OK;
    for (size_t i = 0; i < n; i++) { /* which of them is it? */
        s = run_some(model, c, items + i, 1, true);
        if (concerns_all(s))
            return s;
    }
    return HSE_OK;
}

static size_t type_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    whisper_piece **p = hse_alloc((n + 1) * sizeof *p);
    size_t bytes = 0;

    for (size_t i = 0; p && i < n; i++)
        p[i] = items[i]->own;
    if (p)
        bytes = whisper_pieces_plan(model, c, p, n);
    hse_free(p);
    return bytes;
}

static size_t type_bytes(const void *model)
{
    const whisper_model *m = model;

    return whisper_network_bytes(m->network);
}

static k_weight_type type_precision(const void *model)
{
    const whisper_model *m = model;

    return whisper_network_type(m->network);
}

static unsigned type_rate(const void *model)
{
    (void)model;
    return 0;
}

static void type_describe(const void *model, char *out, size_t size)
{
    const whisper_model *m = model;
    const whisper_dims *d = &m->config.dims;

    snprintf(out, size, "Whisper, %s, %d mels, width %d, %d + %d layers, %d tokens",
             whisper_specials(m->tokenizer)->multilingual ? "many languages" : "English", d->mels, d->width, d->encoder_layers,
             d->decoder_layers, d->vocab);
}

/* ---- requests of many pieces ---- */

bool whisper_wants_speech(const hse_transcribe_options *o, bool reference, hse_vad_options *vad)
{
    double chunk = o->chunk_length_s > 0.0 ? o->chunk_length_s : 30.0;

    if (!o->vad_filter || o->clip_count)
        return false;
    silero_fw_vad_defaults(vad);
    if (!o->batched || o->vad_params_given) {
        vad->threshold = o->vad.threshold;
        vad->neg_threshold = o->vad.neg_threshold;
        vad->min_speech_ms = o->vad.min_speech_ms;
        vad->min_silence_ms = o->vad.min_silence_ms;
        vad->pad_ms = o->vad.pad_ms;
        vad->max_speech_s = o->vad.max_speech_s > 0.0 ? o->vad.max_speech_s : vad->max_speech_s;
        vad->min_silence_at_max_speech_ms = o->vad.min_silence_at_max_speech_ms;
    } else {
        vad->min_silence_ms = 160.0;
    }
    if (o->batched)
        vad->max_speech_s = chunk;
    vad->faster_whisper = true;
    if (reference)
        return true;
    /* Each stretch of speech is decoded by itself: none is longer than a window, padding included, and it is cut where it is
     * stillest. */
    vad->longest_silence_at_max_speech = o->vad.longest_silence_at_max_speech != 0;
    if (!(vad->max_speech_s > 0.0 && vad->max_speech_s < chunk))
        vad->max_speech_s = chunk;
    return true;
}

static bool wants_speech(const hse_split_input *in, hse_vad_options *vad)
{
    hse_transcribe_options usual;

    if (in->transcribe)
        return whisper_wants_speech(in->transcribe, in->reference, vad);
    hse_transcribe_options_init(&usual);
    usual.batched = 1;
    return whisper_wants_speech(&usual, in->reference, vad);
}

typedef struct {
    whisper_sequential *sequential;
    whisper_batched    *batched;
} any_split;

static hse_status split_open(void **out, const void *model, const hse_split_input *in, hse_error *err)
{
    any_split *a = hse_calloc(1, sizeof *a);
    hse_status s;

    if (!a)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a transcription");
    if (!in->transcribe || in->transcribe->batched)
        s = whisper_batched_open(&a->batched, model, in, err);
    else
        s = whisper_sequential_open(&a->sequential, model, in, err);
    if (s != HSE_OK) {
        hse_free(a);
        return s;
    }
    *out = a;
    return HSE_OK;
}

static hse_item *split_next(void *split)
{
    any_split *a = split;

    return a->batched ? whisper_batched_next(a->batched) : whisper_sequential_next(a->sequential);
}

static hse_status split_took(void *split, hse_item *item, hse_split_output *out, hse_error *err)
{
    any_split *a = split;

    return a->batched ? whisper_batched_took(a->batched, item, out, err)
                      : whisper_sequential_took(a->sequential, item, out, err);
}

static void split_close(void **split)
{
    any_split *a = *split;

    if (!a)
        return;
    whisper_batched_close(&a->batched);
    whisper_sequential_close(&a->sequential);
    hse_free(a);
    *split = NULL;
}

const hse_model_type whisper_type = {
    .type = "FasterWhisper",
    .family = "whisper",
    .takes = HSE_AUDIO,
    .gives = HSE_TRANSCRIPT | HSE_SEGMENTS,
    .auto_precision = K_INT8,
    .compute_type = whisper_compute_type,
    .open = type_open,
    .close = type_close,
    .run = type_run,
    .plan = type_plan,
    .bytes = type_bytes,
    .precision = type_precision,
    .rate_hz = type_rate,
    .describe = type_describe,
    .name = "whisper",
    .files = {"model.bin|model.safetensors|model.safetensors.index.json|pytorch_model.bin|pytorch_model.bin.index.json",
              "config.json", "vocabulary.json|vocabulary.txt|preprocessor_config.json|generation_config.json"},
    .holds = whisper_holds_openai,
    .repos_of = whisper_repos_of,
    .wants_speech = wants_speech,
    .split_open = split_open,
    .split_next = split_next,
    .split_took = split_took,
    .split_close = split_close,
};
