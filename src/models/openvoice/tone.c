#include "models/openvoice/tone.h"

#include "audio/resample.h"
#include "base/file.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- opening ---- */

enum { CONFIG_BYTES = 4 << 20 };

static void close_tone(void **model)
{
    ov_tone *m = *model;

    if (!m)
        return;
    vits_converter_close(&m->net);
    ov_colours_close(&m->colours);
    hse_free(m);
    *model = NULL;
}

static hse_status read_config(vits_config **out, const char *dir, const char *file, hse_error *err)
{
    char path[4096], *text = NULL;
    size_t size;
    hse_status s;

    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return hse_fail(err, HSE_E_ARG, 0, "the path of %s is too long", file);
    if ((s = hse_file_read(&text, &size, path, CONFIG_BYTES, err)) == HSE_OK)
        s = vits_config_open(out, (hse_bytes){(const uint8_t *)text, size}, file, VITS_CONVERTER, err);
    hse_free(text);
    return s;
}

/* The type's files[0] is the checkpoint, files[1] the config. */
static hse_status open_tone(void **out, const hse_model_type *type, unsigned wanted, const ov_colour_file *files,
                            const hse_model_source *source, hse_error *err)
{
    const char *format = source->load_format ? source->load_format : "auto";
    vits_config *config = NULL;
    hse_weights *w = NULL;
    char path[4096];
    hse_status s;

    if (strcmp(format, "auto") != 0 && strcmp(format, "pt") != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "load_format \"%.40s\"; OpenVoice has auto and pt", format);
    if (snprintf(path, sizeof path, "%s/%s", source->dir, type->files[0]) >= (int)sizeof path)
        return hse_fail(err, HSE_E_ARG, 0, "the path of %s is too long", type->files[0]);
    ov_tone *m = hse_calloc(1, sizeof *m);
    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    if ((s = read_config(&config, source->dir, type->files[1], err)) == HSE_OK)
        s = hse_weights_open(&w, path, &source->limits, err);
    if (s == HSE_OK)
        s = vits_converter_open(&m->net, w, config, wanted, source->kernels, source->precision, err);
    if (s == HSE_OK && files)
        s = ov_colours_open(&m->colours, files, source->dir, (size_t)m->net->dims.gin, err);
    if (w)
        hse_weights_close(&w);
    vits_config_close(&config);
    void *model = m;
    if (s != HSE_OK)
        close_tone(&model);
    else
        *out = model;
    return s;
}

static hse_status open_encoder_1(void **out, const hse_model_source *source, hse_error *err)
{
    return open_tone(out, &ov1_encoder_type, VITS_HEARS, NULL, source, err);
}

static hse_status open_encoder_2(void **out, const hse_model_source *source, hse_error *err)
{
    return open_tone(out, &ov2_encoder_type, VITS_HEARS, NULL, source, err);
}

static hse_status open_converter_1(void **out, const hse_model_source *source, hse_error *err)
{
    return open_tone(out, &ov1_converter_type, VITS_HEARS | VITS_CONVERTS, ov1_colour_files, source, err);
}

static hse_status open_converter_2(void **out, const hse_model_source *source, hse_error *err)
{
    return open_tone(out, &ov2_converter_type, VITS_HEARS | VITS_CONVERTS, ov2_colour_files, source, err);
}

static size_t tone_bytes(const void *model)
{
    const ov_tone *m = model;

    return vits_converter_bytes(m->net) + m->colours.count * (size_t)m->net->dims.gin * sizeof(float);
}

static unsigned tone_rate(const void *model)
{
    return (unsigned)((const ov_tone *)model)->net->rate_hz;
}

static unsigned any_rate(const void *model)
{
    (void)model;
    return 0;
}

/* ---- both ---- */

static const ov_piece *piece_of(const hse_item *item)
{
    const ov_piece *p = item->own;

    return p && p->tag == OV_PIECE_TAG ? p : NULL;
}

/* The item's samples at the model's rate, in *own where they are not the item's. Between a base speaker and the converter the original
 * has a file of 16 bits. */
static hse_status samples_of(const vits_converter *net, const hse_item *item, const float **x, size_t *n, float **own, hse_error *err)
{
    const hse_audio *a = &item->audio;
    hse_status s;

    if (!(item->has & HSE_AUDIO) || a->n == 0)
        return hse_fail(err, HSE_E_ARG, 0, "there is no audio");
    if (hse_audio_first_bad(a->samples, a->n) < a->n)
        return hse_fail(err, HSE_E_ARG, hse_audio_first_bad(a->samples, a->n), "sample %zu is not a number or too large",
                        hse_audio_first_bad(a->samples, a->n));
    *x = a->samples;
    *n = a->n;
    if (item->reference && item->voice) {
        if (!(*own = hse_alloc(a->n * sizeof **own)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", a->n);
        for (size_t i = 0; i < a->n; i++)
            (*own)[i] = fminf(fmaxf(floorf(a->samples[i] * 32768.0f), -32768.0f), 32767.0f) / 32768.0f;
        *x = *own;
    }
    if (a->rate_hz == net->rate_hz)
        return HSE_OK;
    float *at_rate = NULL;
    if ((s = hse_resample(&at_rate, n, *x, a->n, a->rate_hz, net->rate_hz, err)) != HSE_OK)
        return s;
    hse_free(*own);
    *x = *own = at_rate;
    return HSE_OK;
}

static bool stops(hse_status s)
{
    return s == HSE_E_CANCELLED || s == HSE_E_DEADLINE;
}

/* The batch's own trouble, or memory that none of it has. */
static hse_status fail_all(hse_item *const *items, size_t n, hse_status s, const hse_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (items[i]->status == HSE_OK) {
            items[i]->status = s;
            items[i]->error = *err;
        }
    return s;
}

/* ---- hearing ---- */

typedef struct {
    ov_heard *heard;                        /* of the good items, in order */
    float   **own;                          /* of each item */
    size_t   *of, n;
} audience;

static bool open_audience(audience *a, size_t n)
{
    *a = (audience){.heard = hse_calloc(n + 1, sizeof *a->heard), .own = hse_calloc(n + 1, sizeof *a->own), .of = hse_calloc(n + 1, sizeof *a->of)};
    return a->heard && a->own && a->of;
}

static void close_audience(audience *a, size_t n)
{
    for (size_t i = 0; a->own && i < n; i++)
        hse_free(a->own[i]);
    for (size_t i = 0; a->heard && i < a->n; i++)
        hse_free(a->heard[i].embedding);
    hse_free(a->heard);
    hse_free(a->own);
    hse_free(a->of);
}

static hse_status invite(audience *a, const vits_converter *net, hse_item *item, size_t i)
{
    ov_heard *t = &a->heard[a->n];
    ov_recording *r = &t->recording;
    hse_status s;

    *r = (ov_recording){.rate_hz = net->rate_hz, .said = item->said, .said_count = item->said_count, .has_said = item->has & HSE_TRANSCRIPT,
                        .strict = item->reference};
    if (piece_of(item) && piece_of(item)->error.status != HSE_OK) {
        item->error = piece_of(item)->error;
        return item->error.status;
    }
    if ((s = samples_of(net, item, &r->samples, &r->n, &a->own[i], &item->error)) != HSE_OK)
        return s;
    if (!(t->embedding = hse_alloc((size_t)net->dims.gin * sizeof *t->embedding)))
        return hse_fail(&item->error, HSE_E_NOMEM, 0, "no memory for a tone colour");
    a->of[a->n++] = i;
    return HSE_OK;
}

static hse_status hear(const vits_converter *net, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_error err = {0};
    audience a;
    hse_status s = open_audience(&a, n) ? HSE_OK : hse_fail(&err, HSE_E_NOMEM, 0, "no memory for %zu recordings", n);

    for (size_t i = 0; s == HSE_OK && i < n; i++)
        items[i]->status = invite(&a, net, items[i], i);
    if (s == HSE_OK)
        s = ov_hear(net, c, a.heard, a.n, &err);
    for (size_t k = 0; s == HSE_OK && k < a.n; k++) {
        hse_item *item = items[a.of[k]];

        if ((item->status = a.heard[k].status) != HSE_OK) {
            item->error = a.heard[k].error;
            continue;
        }
        hse_free(item->embedding);
        item->embedding = a.heard[k].embedding;
        item->embedding_size = (size_t)net->dims.gin;
        item->has |= HSE_EMBEDDING;
        a.heard[k].embedding = NULL;
    }
    close_audience(&a, n);
    return s == HSE_OK ? s : fail_all(items, n, s, &err);
}

static hse_status encoder_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    return hear(((const ov_tone *)model)->net, c, items, n);
}

static size_t unknown_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    (void)model, (void)c, (void)items, (void)n;
    return 0;                               /* the parts are chosen while it runs; together they have some 2000 frames */
}

/* As the original finds speech when it has no recogniser. */
static bool wants_speech(const hse_split_input *in, hse_vad_options *vad)
{
    *vad = *in->vad;
    vad->min_speech_ms = 100;
    vad->min_silence_ms = 1000;
    return true;
}

static void describe_encoder(const void *model, char *out, size_t size)
{
    const vits_converter *net = ((const ov_tone *)model)->net;

    snprintf(out, size, "reference encoder over %d bins, tone colour %d, %d Hz", net->bins, net->dims.gin, net->rate_hz);
}

/* ---- converting ---- */

typedef struct {
    vits_conversion of;
    float          *samples, *spec, *colour;            /* its own */
} turn;

/* Whose colour the audio has: in *source, unless it must be heard first. */
static hse_status source_of(const ov_tone *m, const hse_item *item, const float **source, hse_error *err)
{
    if (item->voice)
        return ov_colours_find(source, &m->colours, item->language, item->voice, err);
    if (item->reference && !*source)
        *source = item->embedding;
    return HSE_OK;
}

static hse_status prepare_window(const vits_converter *net, const hse_item *item, const ov_piece *p, turn *t, hse_error *err)
{
    size_t frames;
    hse_status s;

    if (p->error.status != HSE_OK) {
        *err = p->error;
        return err->status;
    }
    if ((s = vits_spectrogram(net, item->audio.samples, item->audio.n, &t->spec, &frames, err)) != HSE_OK)
        return s;
    if (p->last <= p->first || frames < p->lead + (p->last - p->first))
        return hse_fail(err, HSE_E_ARG, 0, "a window of %zu frames; %zu were expected", frames, p->lead + p->last - p->first);
    t->of = (vits_conversion){.spec = t->spec + p->lead * (size_t)net->bins, .spec_from = p->first, .spec_to = p->last, .source = p->source,
                              .target = p->target, .audio = {.frames = p->frames, .from = p->from, .to = p->to}};
    return HSE_OK;
}

static hse_status prepare_whole(const ov_tone *m, const hse_item *item, turn *t, hse_error *err)
{
    const vits_converter *net = m->net;
    const ov_piece *p = piece_of(item);
    const float *x, *source = p ? p->source : NULL;
    size_t n, frames;
    hse_status s;

    s = hse_embedding_check(item->embedding_field, item->has & HSE_EMBEDDING ? item->embedding_size : 0, (size_t)net->dims.gin, err);
    if (s != HSE_OK ||
        (s = source_of(m, item, &source, err)) != HSE_OK ||
        (s = samples_of(net, item, &x, &n, &t->samples, err)) != HSE_OK ||
        (s = vits_spectrogram(net, x, n, &t->spec, &frames, err)) != HSE_OK)
        return s;
    t->of = (vits_conversion){.spec = t->spec, .spec_to = frames, .source = source, .target = item->embedding,
                              .noise = p ? p->noise : NULL, .audio = {.frames = frames, .to = frames}};
    return HSE_OK;
}

/* Those whose source nobody named. */
static hse_status hear_sources(const vits_converter *net, nn_ctx *c, hse_item *const *items, turn *t, size_t n)
{
    size_t gin = (size_t)net->dims.gin;
    hse_status s = HSE_OK;

    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        const hse_item *item = items[i];

        if (item->status != HSE_OK || t[i].of.source)
            continue;
        ov_heard h = {.recording = {.samples = t[i].samples ? t[i].samples : item->audio.samples, .rate_hz = net->rate_hz}};
        h.recording.n = t[i].samples ? hse_resampled_length(item->audio.n, item->audio.rate_hz, net->rate_hz) : item->audio.n;
        if (!(h.embedding = t[i].colour = hse_alloc(gin * sizeof *h.embedding))) {
            items[i]->status = hse_fail(&items[i]->error, HSE_E_NOMEM, 0, "no memory for a tone colour");
            continue;
        }
        s = ov_hear(net, c, &h, 1, &items[i]->error);
        items[i]->status = s != HSE_OK ? s : h.status;
        if (s == HSE_OK && h.status != HSE_OK)
            items[i]->error = h.error;
        t[i].of.source = t[i].colour;
        s = stops(s) ? s : HSE_OK;
    }
    return s;
}

static void take(const vits_converter *net, hse_item *item, windows_audio *t)
{
    item->status = t->status;
    if (t->status != HSE_OK) {
        item->error = t->error;
        return;
    }
    hse_audio_free(&item->audio);
    item->audio = (hse_audio){.samples = t->wave, .n = t->samples, .rate_hz = net->rate_hz, .channels = 1};
    item->has |= HSE_AUDIO;
    t->wave = NULL;
}

/* All good items in one go. */
static hse_status convert(const vits_converter *net, nn_ctx *c, hse_item *const *items, turn *t, size_t n, hse_error *err)
{
    vits_conversion *list = hse_calloc(n + 1, sizeof *list);
    size_t good = 0;
    hse_status s;

    if (!list)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu conversions", n);
    for (size_t i = 0; i < n; i++)
        if (items[i]->status == HSE_OK) {
            t[i].of.tau = OV_TAU;
            t[i].of.seed = items[i]->seed;
            t[i].of.stream = items[i]->stream | UINT64_C(1) << 63;      /* not the base speaker's numbers once more */
            list[good++] = t[i].of;
        }
    s = vits_convert(net, c, list, (int)good, err);
    good = 0;
    for (size_t i = 0; i < n; i++)
        if (items[i]->status == HSE_OK) {
            if (s == HSE_OK)
                take(net, items[i], &list[good].audio);
            hse_free(list[good++].audio.wave);
        }
    hse_free(list);
    return s;
}

static hse_status converter_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const ov_tone *m = model;
    hse_item **heard = hse_calloc(n + 1, sizeof *heard), **others = hse_calloc(n + 1, sizeof *others);
    turn *t = hse_calloc(n + 1, sizeof *t);
    size_t hearers = 0, rest = 0;
    hse_error err = {0};
    hse_status s = heard && others && t ? HSE_OK : hse_fail(&err, HSE_E_NOMEM, 0, "no memory for %zu items", n);

    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        const ov_piece *p = piece_of(items[i]);

        if (p && p->hear)
            heard[hearers++] = items[i];
        else
            others[rest++] = items[i];
    }
    if (s == HSE_OK && hearers)
        s = hear(m->net, c, heard, hearers);
    for (size_t i = 0; s == HSE_OK && i < rest; i++) {
        hse_item *item = others[i];
        const ov_piece *p = piece_of(item);

        item->status = p && p->window ? prepare_window(m->net, item, p, &t[i], &item->error) : prepare_whole(m, item, &t[i], &item->error);
    }
    if (s == HSE_OK)
        s = hear_sources(m->net, c, others, t, rest);
    if (s == HSE_OK && rest && (s = convert(m->net, c, others, t, rest, &err)) != HSE_OK)
        fail_all(others, rest, s, &err);
    for (size_t i = 0; t && i < rest; i++) {
        hse_free(t[i].samples);
        hse_free(t[i].spec);
        hse_free(t[i].colour);
    }
    hse_free(heard);
    hse_free(others);
    hse_free(t);
    return s;
}

static size_t converter_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const vits_converter *net = ((const ov_tone *)model)->net;
    size_t most = 0;

    for (size_t i = 0; i < n; i++) {
        size_t frames = vits_frames(net, hse_resampled_length(items[i]->audio.n, items[i]->audio.rate_hz, net->rate_hz));

        most = frames > most ? frames : most;
    }
    return most ? vits_convert_plan(net, c, most) : 0;
}

static void describe_converter(const void *model, char *out, size_t size)
{
    const ov_tone *m = model;
    const vits_converter *net = m->net;
    size_t there = 0;

    for (size_t i = 0; i < m->colours.count; i++)
        there += m->colours.value[i] != NULL;
    snprintf(out, size, "VITS flow %d, latent %d, tone colour %d%s, HiFi-GAN %d, %d Hz, colours of %zu base voices", net->dims.hidden,
             net->dims.inter, net->dims.gin, net->zero_g ? " (flow only)" : "", net->dims.up_channels, net->rate_hz, there);
}

/* ---- types ---- */

#define FILES_1 {"checkpoints/converter/checkpoint.pth", "checkpoints/converter/config.json"}
#define FILES_2 {"converter/checkpoint.pth", "converter/config.json"}

#define ENCODER(type_, family_, name_, open_, ...)                                                                              \
    {.type = type_, .family = family_, .name = name_, .open = open_, .files = __VA_ARGS__, .takes = HSE_AUDIO | HSE_TRANSCRIPT, \
     .gives = HSE_EMBEDDING, .embedding_is_torch = true, .auto_precision = K_F32, .close = close_tone, .run = encoder_run,      \
     .plan = unknown_plan, .bytes = tone_bytes, .rate_hz = any_rate, .describe = describe_encoder, .wants_speech = wants_speech}

#define CONVERTER(type_, family_, name_, open_, ...)                                                                            \
    {.type = type_, .family = family_, .name = name_, .open = open_, .files = __VA_ARGS__, .takes = HSE_AUDIO | HSE_EMBEDDING,  \
     .gives = HSE_AUDIO, .auto_precision = K_BF16, .close = close_tone, .run = converter_run, .plan = converter_plan,           \
     .bytes = tone_bytes, .rate_hz = tone_rate, .describe = describe_converter, .split_open = ov_split_open,                    \
     .split_next = ov_split_next, .split_took = ov_split_took, .split_close = ov_split_close}

const hse_model_type ov1_encoder_type =
    ENCODER("OpenVoiceV1ToneConverterEncoder", "openvoice_v1", "ov1-tone-converter-encoder", open_encoder_1, FILES_1);
const hse_model_type ov1_converter_type =
    CONVERTER("OpenVoiceV1ToneConverter", "openvoice_v1", "ov1-tone-converter", open_converter_1, FILES_1);
const hse_model_type ov2_encoder_type =
    ENCODER("OpenVoiceV2ToneConverterEncoder", "openvoice_v2", "ov2-tone-converter-encoder", open_encoder_2, FILES_2);
const hse_model_type ov2_converter_type =
    CONVERTER("OpenVoiceV2ToneConverter", "openvoice_v2", "ov2-tone-converter", open_converter_2, FILES_2);
