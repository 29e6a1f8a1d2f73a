/* adapter.c - the three networks of Harmony Speech V1 as model types over items. */
#include "models/harmonyspeech/adapter.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/config.h"
#include "text/hs1/respell.h"
#include "text/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- files ---- */

typedef hse_status open_fn(void **out, const hse_weights *w, const char *config, size_t size, const hse_kernels *k,
                           k_weight_type type, hse_error *err);

static hse_status open_encoder(void **out, const hse_weights *w, const char *config, size_t size, const hse_kernels *k,
                               k_weight_type type, hse_error *err)
{
    hs1_encoder *m = NULL;
    hse_status s = hs1_encoder_open(&m, w, config, size, k, type, err);

    *out = m;
    return s;
}

static hse_status open_synthesizer(void **out, const hse_weights *w, const char *config, size_t size,
                                   const hse_kernels *k, k_weight_type type, hse_error *err)
{
    hs1_synthesizer *m = NULL;
    hse_status s = hs1_synthesizer_open(&m, w, config, size, k, type, err);

    *out = m;
    return s;
}

static hse_status open_vocoder(void **out, const hse_weights *w, const char *config, size_t size, const hse_kernels *k,
                               k_weight_type type, hse_error *err)
{
    hs1_vocoder *m = NULL;
    hse_status s = hs1_vocoder_open(&m, w, config, size, k, type, err);

    *out = m;
    return s;
}

hse_status hs1_load(void **model, const hse_model_type *type, const char *checkpoint, const char *config,
                    const hse_model_source *source, hse_error *err)
{
    open_fn *open = type == &hs1_encoder_type       ? open_encoder
                    : type == &hs1_synthesizer_type ? open_synthesizer
                                                    : open_vocoder;
    hse_weights *w = NULL;
    char *text = NULL;
    void *m = NULL;
    size_t size;
    hse_status s = hse_file_read(&text, &size, config, MODEL_CONFIG_BYTES, err);

    if (s == HSE_OK)
        s = hse_weights_open(&w, checkpoint, &source->limits, err);
    if (s == HSE_OK)
        s = open(&m, w, text, size, source->kernels, source->precision, err);
    if (w)
        hse_weights_close(&w);
    hse_free(text);
    if (s == HSE_OK)
        *model = m;
    return s;
}

/* <dir>/<part>/<part>.pt, or <dir>/<part>.pt where dir is the part's own folder; config.json beside it. */
static hse_status open_part(void **out, const hse_model_type *type, const char *part, const hse_model_source *source,
                            hse_error *err)
{
    const char *format = source->load_format ? source->load_format : "auto";
    char checkpoint[4096], config[4096];

    if (strcmp(format, "auto") != 0 && strcmp(format, "pt") != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "load_format \"%.40s\"; Harmony Speech V1 has auto and pt", format);
    if (strlen(source->dir) + 64 > sizeof checkpoint)
        return hse_fail(err, HSE_E_ARG, 0, "the path is over %zu bytes", sizeof checkpoint - 64);
    snprintf(checkpoint, sizeof checkpoint, "%s/%s.pt", source->dir, part);
    snprintf(config, sizeof config, "%s/config.json", source->dir);
    if (access(checkpoint, F_OK) != 0) {
        snprintf(checkpoint, sizeof checkpoint, "%s/%s/%s.pt", source->dir, part, part);
        snprintf(config, sizeof config, "%s/%s/config.json", source->dir, part);
    }
    return hs1_load(out, type, checkpoint, config, source, err);
}

/* ---- encoder ---- */

static hse_status encoder_open(void **out, const hse_model_source *source, hse_error *err)
{
    return open_part(out, &hs1_encoder_type, "encoder", source, err);
}

static void encoder_close(void **model)
{
    hs1_encoder *m = *model;

    hs1_encoder_close(&m);
    *model = NULL;
}

static hse_status embed(const hs1_encoder *m, nn_ctx *c, hse_item *item, hse_error *run_error)
{
    size_t size = (size_t)m->cfg.embedding;
    hs1_voice v;
    float *embedding;
    hse_status s;

    if (!m->plan.mel)
        return item->status = hse_fail(&item->error, HSE_E_UNSUPPORTED, 0,
                                       "this speaker encoder reads %d mel bands; from audio there are %d", m->cfg.mels,
                                       HS1_VOICE_MELS);
    if (!(embedding = hse_alloc(size * sizeof *embedding)))
        return item->status = hse_fail(&item->error, HSE_E_NOMEM, 0, "no memory for an embedding of %zu", size);
    item->status = hs1_voice_prepare(&v, &m->plan, &item->audio, item->reference, NULL, &item->error);
    if (item->status == HSE_OK) {
        item->status = s = hs1_encoder_voice(m, c, &v, NULL, NULL, embedding, &item->error);
        if (s == HSE_E_CANCELLED || s == HSE_E_DEADLINE)
            *run_error = item->error;
        hs1_voice_free(&v);
    }
    if (item->status != HSE_OK) {
        hse_free(embedding);
        return item->status;
    }
    hse_free(item->embedding);
    item->embedding = embedding;
    item->embedding_size = size;
    item->has |= HSE_EMBEDDING;
    return HSE_OK;
}

static hse_status encoder_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    /* Recordings come one by one: each is already a batch of partials that are all equally long. */
    for (size_t i = 0; i < n; i++) {
        hse_error stop = {0};
        embed(model, c, items[i], &stop);
        if (stop.status != HSE_OK)
            return stop.status;
    }
    return HSE_OK;
}

static size_t encoder_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    (void)items, (void)n;
    return hs1_encoder_plan(model, c);
}

static size_t encoder_bytes(const void *model)
{
    return nn_params_bytes(((const hs1_encoder *)model)->params);
}

static unsigned audio_rate(const void *model)
{
    (void)model;
    return HS1_AUDIO_RATE;
}

static unsigned any_rate(const void *model)
{
    (void)model;
    return 0;
}

static void encoder_describe(const void *model, char *out, size_t size)
{
    const hs1_encoder_config *c = &((const hs1_encoder *)model)->cfg;

    snprintf(out, size, "LSTM %d x %d over %d mel bands, embedding %d", c->layers, c->hidden, c->mels, c->embedding);
}

const hse_model_type hs1_encoder_type = {
    .type = "HarmonySpeechEncoder",
    .family = "harmonyspeech",
    .takes = HSE_AUDIO,
    .gives = HSE_EMBEDDING,
    .auto_precision = K_F32,
    .open = encoder_open,
    .close = encoder_close,
    .run = encoder_run,
    .plan = encoder_plan,
    .bytes = encoder_bytes,
    .rate_hz = any_rate,
    .describe = encoder_describe,
    .name = "hs1-encoder",
    .files = {"encoder/encoder.pt", "encoder/config.json"},
};

/* ---- synthesizer ---- */

static hse_status synthesizer_open(void **out, const hse_model_source *source, hse_error *err)
{
    return open_part(out, &hs1_synthesizer_type, "synthesizer", source, err);
}

static void synthesizer_close(void **model)
{
    hs1_synthesizer *m = *model;

    hs1_synthesizer_close(&m);
    *model = NULL;
}

/* The item's text as symbol ids, in t->ids (hse_free). */
static hse_status symbols(const hs1_synthesizer *m, const hse_item *item, hs1_mel *t, int32_t **ids, hse_error *err)
{
    const char *text = item->text ? item->text : "";
    hse_buf bytes;
    hse_status s;

    hse_buf_init(&bytes, HS1_MAX_SYMBOLS);
    s = text_hs1_ids("en", item->reference ? TEXT_MODE_REFERENCE : item->spell ? TEXT_MODE_ON : TEXT_MODE_OFF, text, strlen(text), &bytes, err);
    if (s == HSE_OK)
        s = hse_embedding_check(item->embedding_field, item->embedding_size, (size_t)m->cfg.speaker, err);
    if (s == HSE_OK && !(*ids = hse_alloc((bytes.size + 1) * sizeof **ids)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu symbols", bytes.size);
    if (s == HSE_OK) {
        for (size_t i = 0; i < bytes.size; i++)
            (*ids)[i] = bytes.data[i];
        *t = (hs1_mel){.ids = *ids,
                       .n = (int)bytes.size,
                       .embedding = item->embedding,
                       .alpha = item->speed,
                       .pitch_factor = item->pitch,
                       .energy_factor = item->energy};
    }
    hse_buf_free(&bytes);
    return s;
}

static void take_mel(hse_item *item, hs1_mel *t, int bands)
{
    item->status = t->status;
    if (t->status != HSE_OK) {
        item->error = t->error;
        return;
    }
    hse_free(item->mel);
    item->mel = t->mel;
    item->mel_frames = (size_t)t->frames;
    item->mel_bands = bands;
    item->has |= HSE_MEL;
    t->mel = NULL;
}

static hse_status synthesizer_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const hs1_synthesizer *m = model;
    hs1_mel *t = hse_calloc(n + 1, sizeof *t);
    int32_t **ids = hse_calloc(n + 1, sizeof *ids);
    size_t *of = hse_calloc(n + 1, sizeof *of), good = 0;
    hse_error err = {0};
    hse_status s = t && ids && of ? HSE_OK : HSE_E_NOMEM;

    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        items[i]->status = symbols(m, items[i], &t[good], &ids[good], &items[i]->error);
        if (items[i]->status == HSE_OK)
            of[good++] = i;
    }
    if (s == HSE_OK)
        s = hs1_synthesizer_run(m, c, t, (int)good, false, &err);
    for (size_t i = 0; i < good; i++) {
        if (s == HSE_OK)
            take_mel(items[of[i]], &t[i], m->cfg.mels);
        else
            items[of[i]]->status = s, items[of[i]]->error = err;
        hs1_mel_free(&t[i]);
        hse_free(ids[i]);
    }
    hse_free(t);
    hse_free(ids);
    hse_free(of);
    return s;
}

/* How long a text lasts is what the model finds out: planned for people's usual pace, 13 letters a second. */
static size_t synthesizer_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const double usual_frames = 6;
    size_t symbols = 0;
    double frames = 0;

    for (size_t i = 0; i < n; i++) {
        size_t length = items[i]->text ? strlen(items[i]->text) : 0;
        double lasts = (double)length * usual_frames / (items[i]->speed > 0 ? (double)items[i]->speed : 1);

        symbols = length > symbols ? length : symbols;
        frames = lasts > frames ? lasts : frames;
    }
    if (!symbols)
        return 0;
    return hs1_synthesizer_plan(model, c, (int)n, symbols < HS1_MAX_SYMBOLS ? (int)symbols : HS1_MAX_SYMBOLS,
                                frames < HS1_MAX_FRAMES ? (int)frames + 1 : HS1_MAX_FRAMES);
}

static size_t synthesizer_bytes(const void *model)
{
    return nn_params_bytes(((const hs1_synthesizer *)model)->params);
}

static void synthesizer_describe(const void *model, char *out, size_t size)
{
    const hs1_synthesizer_config *c = &((const hs1_synthesizer *)model)->cfg;

    snprintf(out, size, "ForwardTacotron, prenet %d (bank %d), LSTM %d, postnet %d (bank %d), %d mel bands, speaker %d",
             c->prenet, c->prenet_k, c->rnn, c->postnet, c->postnet_k, c->mels, c->speaker);
}

static hse_status check_phones(const char *language, const char *ipa, size_t size, hse_error *err)
{
    hse_buf letters;

    (void)language;
    hse_buf_init(&letters, HS1_MAX_SYMBOLS);
    hse_status s = hs1_respell(ipa, size, &letters, err);
    hse_buf_free(&letters);
    return s;
}

const hse_model_type hs1_synthesizer_type = {
    .type = "HarmonySpeechSynthesizer",
    .family = "harmonyspeech",
    .takes = HSE_TEXT | HSE_EMBEDDING,
    .gives = HSE_MEL,
    .auto_precision = K_F32,
    .open = synthesizer_open,
    .close = synthesizer_close,
    .run = synthesizer_run,
    .plan = synthesizer_plan,
    .bytes = synthesizer_bytes,
    .rate_hz = audio_rate,
    .describe = synthesizer_describe,
    .name = "hs1-synthesizer",
    .files = {"synthesizer/synthesizer.pt", "synthesizer/config.json"},
    .languages = {"en"},
    .check_phones = check_phones,
};

/* ---- vocoder ---- */

static hse_status vocoder_open(void **out, const hse_model_source *source, hse_error *err)
{
    return open_part(out, &hs1_vocoder_type, "vocoder", source, err);
}

static void vocoder_close(void **model)
{
    hs1_vocoder *m = *model;

    hs1_vocoder_close(&m);
    *model = NULL;
}

/* The item's mel as the network wants it, in *own. */
static hse_status scaled_mel(const hs1_vocoder *m, const hse_item *item, hs1_wave *t, float **own, hse_error *err)
{
    size_t count = item->mel_frames * (size_t)item->mel_bands;
    bool window = item->frame_from || item->frame_to;
    float scale = item->reference ? 0.25f : (float)m->cfg.input_scale;

    if (item->mel_bands != m->cfg.in || item->mel_frames == 0)
        return hse_fail(err, HSE_E_ARG, 0,
                        "a mel of %zu frames of %d bands; the vocoder needs at least one frame of %d", item->mel_frames,
                        item->mel_bands, m->cfg.in);
    if (window && item->reference)
        return hse_fail(err, HSE_E_ARG, 0,
                        "the original scales by the peak of the whole audio: in reference mode there are no windows");
    if (!(*own = hse_alloc((count + 1) * sizeof **own)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu mel values", count);
    for (size_t i = 0; i < count; i++)
        (*own)[i] = item->mel[i] * scale;
    *t = (hs1_wave){.mel = *own,
                    .audio = {.frames = item->mel_frames,
                              .from = window ? item->frame_from : 0,
                              .to = window ? item->frame_to : item->mel_frames}};
    return HSE_OK;
}

static hse_status take_wave(hse_item *item, windows_audio *t)
{
    size_t n = t->samples;
    float *wave = t->wave;

    if (t->status != HSE_OK) {
        item->error = t->error;
        return t->status;
    }
    t->wave = NULL;
    if (item->reference) {
        const int frames = (int)item->mel_frames;
        float *finished = NULL;
        hse_status s = hs1_reference_wave(&finished, &n, wave, n, &frames, 1, &item->error);

        hse_free(wave);
        if (s != HSE_OK)
            return s;
        wave = finished;
    }
    hse_audio_free(&item->audio);
    item->audio = (hse_audio){.samples = wave, .n = n, .rate_hz = HS1_AUDIO_RATE, .channels = 1};
    item->has |= HSE_AUDIO;
    return HSE_OK;
}

static hse_status vocoder_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const hs1_vocoder *m = model;
    hs1_wave *t = hse_calloc(n + 1, sizeof *t);
    float **own = hse_calloc(n + 1, sizeof *own);
    hse_status s = t && own ? HSE_OK : HSE_E_NOMEM;
    hse_error err = {0};

    /* Reference items differ in how a short mel is met, so those and the others run apart. */
    for (int reference = 0; reference < 2 && s == HSE_OK; reference++) {
        size_t good = 0;

        for (size_t i = 0; i < n; i++) {
            hse_item *item = items[i];
            if (item->reference != (reference != 0))
                continue;
            item->status = scaled_mel(m, item, &t[good], &own[good], &item->error);
            if (item->status == HSE_OK)
                good++;
        }
        s = hs1_vocoder_run(m, c, t, (int)good, reference != 0, &err);
        for (size_t i = 0, k = 0; i < n; i++) {
            if (items[i]->reference != (reference != 0) || items[i]->status != HSE_OK)
                continue;
            if (s == HSE_OK)
                items[i]->status = take_wave(items[i], &t[k].audio);
            else
                items[i]->status = s, items[i]->error = err;
            hse_free(t[k].audio.wave);
            hse_free(own[k]);
            own[k++] = NULL;
        }
    }
    hse_free(t);
    hse_free(own);
    return s;
}

static size_t vocoder_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    size_t frames = 0;

    for (size_t i = 0; i < n; i++)
        frames += items[i]->frame_to ? items[i]->frame_to - items[i]->frame_from : items[i]->mel_frames;
    return hs1_vocoder_plan(model, c, frames);
}

static size_t vocoder_bytes(const void *model)
{
    return nn_params_bytes(((const hs1_vocoder *)model)->params);
}

static float vocoder_gain(const void *model)
{
    return (float)((const hs1_vocoder *)model)->cfg.gain_db;
}

static void vocoder_describe(const void *model, char *out, size_t size)
{
    const hs1_vocoder_config *c = &((const hs1_vocoder *)model)->cfg;

    snprintf(out, size, "MelGAN%s, %d band%s, %d channels, %d scales, hop %d, %d mel bands",
             c->causal ? " (causal)" : "", c->out, c->out == 1 ? "" : "s", c->channels, c->scales, c->hop, c->in);
}

const hse_model_type hs1_vocoder_type = {
    .type = "HarmonySpeechVocoder",
    .family = "harmonyspeech",
    .takes = HSE_MEL,
    .gives = HSE_AUDIO,
    .auto_precision = K_F32,
    .open = vocoder_open,
    .close = vocoder_close,
    .run = vocoder_run,
    .plan = vocoder_plan,
    .bytes = vocoder_bytes,
    .rate_hz = audio_rate,
    .gain_db = vocoder_gain,
    .describe = vocoder_describe,
    .name = "hs1-vocoder",
    .files = {"vocoder/vocoder.pt", "vocoder/config.json"},
};
