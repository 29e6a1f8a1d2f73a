/* recording.c - see recording.h. The audio is brought to the network's rate part by part too, so that nothing is as long as the
 * recording but the recording. */
#include "models/silero/recording.h"

#include "audio/resample.h"
#include "base/mem.h"
#include "models/silero/segments.h"

#include <math.h>

enum { PART = 320, PUSH = 1 << 16 };        /* chunks of a part: 10 s; samples that go into the resampler at once */

typedef struct {
    const silero_net *net;
    silero_reader    *reader;
    silero_segmenter  segmenter;
    const hse_audio  *audio;
    hse_resampler    *resampler;            /* NULL where the rate fits, or every k-th sample is taken */
    hse_buf           ready;                /* of float: what the resampler has given and no part has taken */
    bool              flushed;
    size_t            read, every;          /* samples of the audio that went in */
    bool              reference, round;     /* positions: cut off as upstream's, or to the nearest sample */
    double            factor;               /* positions in the audio = factor times those at the network's rate */
    size_t            n, usable, chunks;    /* at the network's rate; the samples from `usable` on read as zeros */
    size_t            first, count;         /* chunks that are done; of the part under way, 0 = none */
    const float      *part;
    float            *own;                  /* room for a part */
    float             probs[PART];
    hse_item          item;
    hse_error         error;
    hse_segment      *segments;
    size_t            segment_count;
} recording;

/* Upstream keeps every k-th sample of a rate of 16000 k; the product resamples. faster-whisper has 16 kHz alone. */
static hse_status choose_net(recording *r, const silero *m, bool faster_whisper, hse_error *err)
{
    unsigned rate = (unsigned)r->audio->rate_hz;

    r->n = r->audio->n;
    r->every = r->reference && rate > 16000 && rate % 16000 == 0 ? rate / 16000 : 1;
    r->factor = 1;
    r->net = faster_whisper && rate != 16000 ? NULL : silero_at(m, rate);
    if (r->net)
        return HSE_OK;
    if (!(r->net = silero_at(m, 16000)))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "these weights are not for %u Hz", rate);
    r->factor = (double)rate / 16000;
    r->round = faster_whisper;
    if (r->every > 1) {
        r->n = r->audio->n / r->every + (r->audio->n % r->every != 0);
        return HSE_OK;
    }
    r->n = hse_resampled_length(r->audio->n, (int)rate, 16000);
    return hse_resampler_open(&r->resampler, (int)rate, 16000, err);
}

hse_status silero_split_open(void **split, const void *model, const hse_split_input *in, hse_error *err)
{
    recording *r = hse_calloc(1, sizeof *r);
    hse_status s;

    if (!r)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for voice activity detection");
    r->audio = in->audio;
    r->reference = in->reference;
    hse_item_init(&r->item);
    r->item.own = r;
    hse_buf_init(&r->ready, SIZE_MAX / 2);
    if ((s = silero_vad_check(in->vad, err)) == HSE_OK && (s = choose_net(r, model, in->vad->faster_whisper, err)) == HSE_OK)
        s = silero_reader_open(&r->reader, r->net, err);
    if (s == HSE_OK && !(r->own = hse_alloc((size_t)PART * (size_t)silero_chunk(r->net) * sizeof(float))))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for voice activity detection");
    if (s != HSE_OK) {
        void *v = r;
        silero_split_close(&v);
        return s;
    }
    size_t chunk = (size_t)silero_chunk(r->net);
    r->chunks = in->vad->faster_whisper ? silero_fw_chunks(r->net, r->n) : silero_chunks(r->net, r->n);
    r->usable = r->n;
    if (in->vad->faster_whisper && r->usable > r->chunks * chunk - (size_t)silero_context(r->net))
        r->usable = r->chunks * chunk - (size_t)silero_context(r->net);         /* its bug: see silero_fw_file */
    silero_segmenter_init(&r->segmenter, in->vad, r->net == silero_at(model, 8000) ? 8000 : 16000, silero_chunk(r->net));
    *split = r;
    return HSE_OK;
}

void silero_split_close(void **split)
{
    recording *r = *split;

    if (!r)
        return;
    silero_reader_close(&r->reader);
    silero_segmenter_free(&r->segmenter);
    hse_resampler_close(&r->resampler);
    hse_buf_free(&r->ready);
    hse_free(r->own);
    hse_free(r->segments);
    hse_free(r);
    *split = NULL;
}

/* Resample until `want` samples are ready, or all of them. */
static hse_status fill(recording *r, size_t want, hse_error *err)
{
    hse_status s = HSE_OK;

    while (s == HSE_OK && !r->flushed && r->ready.size / sizeof(float) < want) {
        size_t left = r->audio->n - r->read, n = left < PUSH ? left : PUSH;

        if (n)
            s = hse_resampler_push(r->resampler, r->audio->samples + r->read, n, &r->ready, err);
        else
            s = hse_resampler_finish(r->resampler, &r->ready, err);
        r->flushed = n == 0;
        r->read += n;
        if (s == HSE_OK)
            s = hse_buf_status(&r->ready, "audio", err);
    }
    return s;
}

/* The next `n` samples at the network's rate. */
static hse_status next_samples(recording *r, size_t n, hse_error *err)
{
    size_t from = r->first * (size_t)silero_chunk(r->net);

    r->part = r->own;
    if (r->every > 1) {
        for (size_t i = 0; i < n; i++)
            r->own[i] = r->audio->samples[(from + i) * r->every];
        return HSE_OK;
    }
    if (!r->resampler) {
        r->part = r->audio->samples + from;
        return HSE_OK;
    }
    hse_status s = fill(r, n, err);
    if (s != HSE_OK)
        return s;
    size_t there = r->ready.size / sizeof(float), use = there < n ? there : n;
    if (use)
        memcpy(r->own, r->ready.data, use * sizeof(float));
    memset(r->own + use, 0, (n - use) * sizeof(float));
    if (use < there)
        memmove(r->ready.data, r->ready.data + use * sizeof(float), (there - use) * sizeof(float));
    r->ready.size = (there - use) * sizeof(float);
    return HSE_OK;
}

hse_item *silero_split_next(void *split)
{
    recording *r = split;
    size_t left = r->chunks - r->first, chunk = (size_t)silero_chunk(r->net), from = r->first * chunk;

    if (r->count || left == 0)
        return NULL;
    r->count = left < PART ? left : PART;
    size_t n = from >= r->n ? 0 : r->n - from < r->count * chunk ? r->n - from : r->count * chunk;
    r->item.status = next_samples(r, n, &r->error);     /* a failure shows when the part is computed */
    r->item.has = 0;
    return &r->item;
}

static bool stopped(void *context)
{
    return nn_stopped(context);
}

static bool paused(void *context)
{
    nn_pause(context);
    return nn_stopped(context);
}

hse_status silero_part_run(void *split, nn_ctx *c, bool alone, hse_error *err)
{
    recording *r = split;
    size_t from = r->first * (size_t)silero_chunk(r->net), most = r->count * (size_t)silero_chunk(r->net);
    size_t usable = from >= r->usable ? 0 : r->usable - from < most ? r->usable - from : most;

    if (r->error.status != HSE_OK) {
        *err = r->error;
        return r->error.status;
    }
    if (!silero_reader_run(r->reader, r->net, r->part, usable, r->count, r->probs, alone ? paused : stopped, c))
        return hse_fail(err, HSE_E_CANCELLED, 0, "voice activity detection was stopped");
    return HSE_OK;
}

static int64_t position(const recording *r, int64_t at)
{
    return r->round ? llround((double)at * r->factor) : (int64_t)((double)at * r->factor);
}

static hse_status finish(recording *r, hse_error *err)
{
    hse_status s = silero_segmenter_finish(&r->segmenter, (int64_t)r->n, &r->segments, &r->segment_count, err);

    for (size_t i = 0; s == HSE_OK && r->factor != 1 && i < r->segment_count; i++) {
        hse_segment *g = &r->segments[i];

        g->start = position(r, g->start);
        g->end = position(r, g->end);
        if (!r->reference && g->end > (int64_t)r->audio->n)
            g->end = (int64_t)r->audio->n;
    }
    return s;
}

hse_status silero_split_took(void *split, hse_item *item, hse_split_output *out, hse_error *err)
{
    recording *r = split;
    hse_status s = HSE_OK;

    *out = (hse_split_output){0};
    if (item) {
        for (size_t i = 0; i < r->count; i++)
            silero_segmenter_push(&r->segmenter, r->probs[i]);
        r->first += r->count;
        r->count = 0;
    }
    if (r->first < r->chunks)
        return HSE_OK;
    if ((s = finish(r, err)) != HSE_OK)
        return s;
    out->segments = r->segments;
    out->segment_count = r->segment_count;
    out->done = true;
    return HSE_OK;
}

static hse_status check(const hse_audio *a, hse_error *err)
{
    if (a->rate_hz < HSE_RATE_MIN || a->rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "the audio's rate is %d Hz; it must be from %d to %d", a->rate_hz, HSE_RATE_MIN,
                        HSE_RATE_MAX);
    size_t bad = hse_audio_first_bad(a->samples, a->n);
    return bad < a->n ? hse_fail(err, HSE_E_FORMAT, bad, "sample %zu of the audio is not a number", bad) : HSE_OK;
}

hse_status silero_find_speech(const silero *m, nn_ctx *c, const hse_item *item, hse_segment **out, size_t *count, hse_error *err)
{
    const hse_split_input in = {.audio = &item->audio, .vad = &item->vad, .reference = item->reference};
    hse_split_output o = {0};
    recording *r = NULL;
    void *v = NULL;
    hse_status s = silero_vad_check(&item->vad, err);

    if (s == HSE_OK)
        s = check(&item->audio, err);
    if (s == HSE_OK)
        s = silero_split_open(&v, m, &in, err);
    if (s != HSE_OK)
        return s;
    r = v;
    s = silero_split_took(v, NULL, &o, err);
    while (s == HSE_OK && !o.done) {
        hse_item *part = silero_split_next(v);

        s = silero_part_run(v, c, false, err);
        if (s == HSE_OK)
            s = silero_split_took(v, part, &o, err);
    }
    if (s == HSE_OK) {
        *out = r->segments;
        *count = r->segment_count;
        r->segments = NULL;
    }
    silero_split_close(&v);
    return s;
}
