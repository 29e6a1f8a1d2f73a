/* adapter.c - see adapter.h. */
#include "models/voicefixer/adapter.h"

#include "audio/resample.h"
#include "base/mem.h"
#include "models/voicefixer/prefilter.h"
#include "models/voicefixer/restorer.h"
#include "models/voicefixer/vocoder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Without a split at most this many frames at once: longer recordings would need memory without bound. */
enum { MOST_WHOLE = 1 << 13 };

/* ---- opening ---- */

hse_status vf_load(void **model, const hse_model_type *type, const hse_weights *w, const char *name,
                   const hse_kernels *k, k_weight_type precision, hse_error *err)
{
    vf_restorer *restorer = NULL;
    vf_vocoder *vocoder = NULL;
    hse_status s;

    if (type == &vf_restorer_type) {
        if ((s = vf_restorer_open(&restorer, w, name, k, precision, err)) != HSE_OK)
            return s;
        if (restorer->bands != VF_BANDS) {
            s = hse_fail(err, HSE_E_FORMAT, 0, "%.80s is of %d mel bands; VoiceFixer at 44.1 kHz has %d", name,
                         restorer->bands, VF_BANDS);
            vf_restorer_close(&restorer);
            return s;
        }
        *model = restorer;
        return HSE_OK;
    }
    if ((s = vf_vocoder_open(&vocoder, w, name, k, precision, err)) != HSE_OK)
        return s;
    if (vocoder->bands != VF_BANDS || vocoder->hop != VF_HOP) {
        s = hse_fail(err, HSE_E_FORMAT, 0,
                     "%.80s takes %d mel bands and makes %d samples a frame; VoiceFixer has %d and %d", name,
                     vocoder->bands, vocoder->hop, VF_BANDS, VF_HOP);
        vf_vocoder_close(&vocoder);
        return s;
    }
    *model = vocoder;
    return HSE_OK;
}

/* The first of the type's files that is there. */
static hse_status open_file(void **out, const hse_model_type *type, const hse_model_source *source, hse_error *err)
{
    const char *format = source->load_format ? source->load_format : "auto", *name = type->files[0];
    hse_weights *w = NULL;
    char path[4096];
    hse_status s;

    if (strcmp(format, "auto") != 0 && strcmp(format, "pt") != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "load_format \"%.40s\"; VoiceFixer has auto and pt", format);
    for (const char *p = type->files[0]; *p;) {
        size_t n = strcspn(p, "|");
        if (snprintf(path, sizeof path, "%s/%.*s", source->dir, (int)n, p) >= (int)sizeof path)
            return hse_fail(err, HSE_E_ARG, 0, "the path of %.80s is too long", p);
        if (access(path, F_OK) == 0)
            break;
        p += n + (p[n] == '|');
        if (!*p)
            snprintf(path, sizeof path, "%s/%.*s", source->dir, (int)strcspn(name, "|"), name);
    }
    if ((s = hse_weights_open(&w, path, &source->limits, err)) != HSE_OK)
        return s;
    name = strrchr(path, '/') + 1;
    s = vf_load(out, type, w, name, source->kernels, source->precision, err);
    hse_weights_close(&w);
    return s;
}

static const vf_piece *piece_of(const hse_item *item)
{
    const vf_piece *p = item->own;

    return p && p->tag == VF_PIECE_TAG ? p : NULL;
}

/* ---- restorer ---- */

static hse_status restorer_open(void **out, const hse_model_source *source, hse_error *err)
{
    return open_file(out, &vf_restorer_type, source, err);
}

static void restorer_close(void **model)
{
    vf_restorer *m = *model;

    vf_restorer_close(&m);
    *model = NULL;
}

/* The item's samples at 44.1 kHz, long enough to be reflected, in *own where they are not the item's. */
static hse_status samples_of(const hse_item *item, const float **x, size_t *n, float **own, hse_error *err)
{
    const hse_audio *a = &item->audio;
    hse_status s;

    if (!(item->has & HSE_AUDIO) || a->n == 0)
        return hse_fail(err, HSE_E_ARG, 0, "there is no audio to restore");
    if (hse_audio_first_bad(a->samples, a->n) < a->n)
        return hse_fail(err, HSE_E_ARG, hse_audio_first_bad(a->samples, a->n),
                        "sample %zu is not a number or too large", hse_audio_first_bad(a->samples, a->n));
    *x = a->samples;
    *n = a->n;
    if (a->rate_hz != VF_RATE) {
        if ((s = hse_resample(own, n, a->samples, a->n, a->rate_hz, VF_RATE, err)) != HSE_OK)
            return s;
        *x = *own;
    }
    if (*n >= VF_LEAST_SAMPLES)
        return HSE_OK;
    if (item->reference)
        return hse_fail(err, HSE_E_ARG, 0, "%zu samples at 44.1 kHz; the original needs %d", *n, VF_LEAST_SAMPLES);
    float *longer = hse_calloc(VF_LEAST_SAMPLES, sizeof *longer);
    if (!longer)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d samples", VF_LEAST_SAMPLES);
    memcpy(longer, *x, *n * sizeof *longer);
    hse_free(*own);
    *x = *own = longer;
    *n = VF_LEAST_SAMPLES;
    return HSE_OK;
}

/* Which frames of the item's audio are wanted. */
static hse_status frames_of(const hse_item *item, size_t have, size_t real, size_t *from, size_t *to, hse_error *err)
{
    const vf_piece *p = piece_of(item);
    bool window = item->frame_from || item->frame_to;

    *from = p && !p->whole ? p->segment.skip : window ? item->frame_from : 0;
    *to = p && !p->whole ? p->segment.skip + p->segment.mel_to - p->segment.mel_from : window ? item->frame_to : real;
    if (*from >= *to || *to > have)
        return hse_fail(err, HSE_E_ARG, 0, "frames %zu to %zu of audio of %zu", *from, *to, have);
    if (*to - *from > MOST_WHOLE)
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu frames at once; at most %d, longer recordings are restored in pieces",
                        *to - *from, MOST_WHOLE);
    return HSE_OK;
}

static hse_status restore(const vf_restorer *m, nn_ctx *c, hse_item *item)
{
    const vf_piece *piece = piece_of(item);
    const float *x = NULL;
    float *own = NULL, *mel = NULL;
    size_t n = 0, from = 0, to = 0;
    hse_status s;

    if (piece && piece->error.status != HSE_OK) {
        item->error = piece->error;
        return piece->error.status;
    }
    if ((s = samples_of(item, &x, &n, &own, &item->error)) == HSE_OK)
        s = frames_of(item, vf_spectrum_frames(&m->spectrum, n),
                      1 + hse_resampled_length(item->audio.n, item->audio.rate_hz, VF_RATE) / VF_HOP, &from, &to,
                      &item->error);
    if (s == HSE_OK && !(mel = hse_alloc((to - from) * VF_BANDS * sizeof *mel)))
        s = hse_fail(&item->error, HSE_E_NOMEM, 0, "no memory for %zu frames", to - from);
    if (s == HSE_OK)
        s = vf_spectrum_run(&m->spectrum, x, n, from, to - from, NULL, mel, &item->error);
    hse_free(own);
    if (s == HSE_OK)
        s = vf_restorer_mel(m, c, mel, to - from, VF_LOG_10, mel, &item->error);
    for (size_t i = 0; i < (to - from) * VF_BANDS && s == HSE_OK; i++)
        if (!(mel[i] >= 0.0f && mel[i] <= 1e6f))
            s = hse_fail(&item->error, HSE_E_FORMAT, 0, "frame %zu of the mel is not a number (a damaged checkpoint?)",
                         i / VF_BANDS);
    if (s != HSE_OK) {
        hse_free(mel);
        return s;
    }
    hse_free(item->mel);
    item->mel = mel;
    item->mel_frames = to - from;
    item->mel_bands = VF_BANDS;
    item->has |= HSE_MEL;
    return HSE_OK;
}

/* A status that ends the whole batch. */
static bool stops(hse_status s)
{
    return s == HSE_E_CANCELLED || s == HSE_E_DEADLINE;
}

/* One by one: an item's work fills all threads, and a window's activations are what memory is sized for. */
static hse_status restorer_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (stops(items[i]->status = restore(model, c, items[i])))
            return items[i]->status;
    return HSE_OK;
}

static size_t restorer_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++) {
        const vf_piece *p = piece_of(items[i]);
        size_t frames = p && !p->whole
                            ? p->segment.mel_to - p->segment.mel_from
                            : 1 + hse_resampled_length(items[i]->audio.n, items[i]->audio.rate_hz, VF_RATE) / VF_HOP;
        if (!p && frames > VF_MOST_FRAMES) /* a recording that will be split */
            frames = VF_MOST_FRAMES;
        frames = frames > MOST_WHOLE ? MOST_WHOLE : frames;
        most = frames > most ? frames : most;
    }
    return vf_restorer_plan(model, c, most);
}

static size_t restorer_bytes(const void *model)
{
    return nn_params_bytes(((const vf_restorer *)model)->params);
}

static unsigned audio_rate(const void *model)
{
    (void)model;
    return VF_RATE;
}

static void restorer_describe(const void *model, char *out, size_t size)
{
    const vf_restorer *m = model;
    const vf_unet *u = &m->unet;

    snprintf(out, size, "ResUNet, %d mel bands, denoiser GRU %d + %d, channels %d %d %d %d %d %d", m->bands,
             m->denoiser.gru[0].hidden, m->denoiser.gru[1].hidden, u->encoder[0].block[0].out,
             u->encoder[1].block[0].out, u->encoder[2].block[0].out, u->encoder[3].block[0].out,
             u->encoder[4].block[0].out, u->encoder[5].block[0].out);
}

const hse_model_type vf_restorer_type = {
    .type = "VoiceFixerRestorer",
    .family = "voicefixer",
    .lets_go = true,
    .takes = HSE_AUDIO,
    .gives = HSE_MEL,
    .auto_precision = K_BF16,
    .open = restorer_open,
    .close = restorer_close,
    .run = restorer_run,
    .plan = restorer_plan,
    .bytes = restorer_bytes,
    .rate_hz = audio_rate,
    .describe = restorer_describe,
    .name = "voicefixer-restorer",
    .files = {"vf.ckpt|analysis_module/checkpoints/vf.ckpt|restorer/vf.ckpt"},
    .split_open = vf_split_open,
    .split_feed = vf_split_feed,
    .split_most = 1,                        /* a second one gains 2 % of the time on two threads, for the activations of both networks at once */
    .split_next = vf_split_next,
    .split_took = vf_split_took,
    .split_close = vf_split_close,
    .check_mode = vf_mode_check,
};

/* ---- vocoder ---- */

static hse_status vocoder_open(void **out, const hse_model_source *source, hse_error *err)
{
    return open_file(out, &vf_vocoder_type, source, err);
}

static void vocoder_close(void **model)
{
    vf_vocoder *m = *model;

    vf_vocoder_close(&m);
    *model = NULL;
}

/* What part of the item's mel is to become how many samples. */
static void window_of(const hse_item *item, vf_vocoder_window *w, size_t *samples)
{
    const vf_piece *p = piece_of(item);
    size_t made_from =
        item->has & HSE_AUDIO && item->audio.n ? hse_resampled_length(item->audio.n, item->audio.rate_hz, VF_RATE) : 0;

    *w = (vf_vocoder_window){.mel = item->mel, .frames = item->mel_frames, .ends = true, .to = item->mel_frames};
    if (item->reference || (p && p->whole)) {
        w->to += vf_vocoder_padding(w->frames);
    } else if (p) {
        const vf_segment *s = &p->segment;
        w->ends = s->mel_ends;
        w->from = s->core_from - s->mel_from;
        w->to = (s->out_to + VF_HOP - 1) / VF_HOP - s->mel_from;
        *samples = s->out_to - s->out_from;
        return;
    } else if (item->frame_from || item->frame_to) {
        w->from = item->frame_from;
        w->to = item->frame_to;
    } else if (made_from && item->mel_frames == 1 + made_from / VF_HOP) {
        *samples = made_from;
        return;
    }
    *samples = w->to > w->from ? (w->to - w->from) * VF_HOP : 0;
}

static hse_status vocode(const vf_vocoder *m, nn_ctx *c, hse_item *item)
{
    vf_vocoder_window w;
    size_t samples;
    float *out;
    hse_status s;

    if (!(item->has & HSE_MEL) || item->mel_bands != VF_BANDS || item->mel_frames == 0)
        return hse_fail(&item->error, HSE_E_ARG, 0, "a mel of %zu frames of %d bands; the vocoder takes %d bands",
                        item->mel_frames, item->mel_bands, VF_BANDS);
    window_of(item, &w, &samples);
    if (w.to <= w.from || w.to - w.from > MOST_WHOLE)
        return hse_fail(&item->error, HSE_E_LIMIT, 0, "frames %zu to %zu; at most %d at once", w.from, w.to,
                        MOST_WHOLE);
    if (!(out = hse_alloc((w.to - w.from) * VF_HOP * sizeof *out)))
        return hse_fail(&item->error, HSE_E_NOMEM, 0, "no memory for %zu frames of audio", w.to - w.from);
    if ((s = vf_vocoder_run(m, c, &w, out, &item->error)) != HSE_OK) {
        hse_free(out);
        return s;
    }
    hse_audio_free(&item->audio);
    item->audio = (hse_audio){.samples = out, .n = samples, .rate_hz = VF_RATE, .channels = 1};
    item->has |= HSE_AUDIO;
    return HSE_OK;
}

static hse_status vocoder_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (stops(items[i]->status = vocode(model, c, items[i])))
            return items[i]->status;
    return HSE_OK;
}

static size_t vocoder_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const vf_vocoder *m = model;
    size_t most = 4;

    for (size_t i = 0; i < n; i++) {
        vf_vocoder_window w;
        size_t samples, frames;
        if (!piece_of(items[i]) && !items[i]->mel_frames) { /* a recording that will be split */
            size_t whole = 1 + hse_resampled_length(items[i]->audio.n, items[i]->audio.rate_hz, VF_RATE) / VF_HOP;
            frames = whole < VF_MOST_FRAMES ? whole : VF_MOST_FRAMES;
            most = frames > most ? frames : most;
            continue;
        }
        window_of(items[i], &w, &samples);
        frames = w.to > w.from ? w.to - w.from + 2 * (size_t)vf_vocoder_context(m) : 0;
        frames = frames < w.frames + 5 ? frames : w.frames + 5;
        most = frames > most ? frames : most;
    }
    return vf_vocoder_plan(m, c, most > 2 * MOST_WHOLE ? 2 * MOST_WHOLE : most);
}

static size_t vocoder_bytes(const void *model)
{
    return nn_params_bytes(((const vf_vocoder *)model)->params);
}

static void vocoder_describe(const void *model, char *out, size_t size)
{
    const vf_vocoder *m = model;
    int n = snprintf(out, size, "TFGAN, %d channels, hop %d, %d mel bands, scales", m->channels, m->hop, m->bands);

    for (int i = 0; i < m->stages && n > 0 && (size_t)n < size; i++)
        n += snprintf(out + n, size - (size_t)n, " %d", m->stage[i].factor);
}

const hse_model_type vf_vocoder_type = {
    .type = "VoiceFixerVocoder",
    .family = "voicefixer",
    .lets_go = true,
    .takes = HSE_MEL,
    .gives = HSE_AUDIO,
    .auto_precision = K_BF16,
    .open = vocoder_open,
    .close = vocoder_close,
    .run = vocoder_run,
    .plan = vocoder_plan,
    .bytes = vocoder_bytes,
    .rate_hz = audio_rate,
    .describe = vocoder_describe,
    .name = "voicefixer-vocoder",
    .files = {"model.ckpt-1490000_trimed.pt|synthesis_module/44100/model.ckpt-1490000_trimed.pt|"
              "vocoder/model.ckpt-1490000_trimed.pt"},
};
