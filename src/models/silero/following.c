/* following.c - stretches of speech while they are heard. */
#include "models/silero/following.h"

#include "base/mem.h"
#include "models/silero/segments.h"

#include <math.h>
#include <string.h>

enum { RATE = 16000, MAX_CHUNK = 512 };

struct silero_following {
    const silero_net *net;
    silero_reader    *reader;
    silero_segmenter  segmenter;
    hse_vad_options   options;
    int64_t           samples;
    size_t            filled, started, ended;           /* samples in chunk; events given */
    float             chunk[MAX_CHUNK];
};

static void begin(silero_following *f)
{
    silero_segmenter_init(&f->segmenter, &f->options, RATE, silero_chunk(f->net));
    f->samples = 0;
    f->filled = f->started = f->ended = 0;
}

hse_status silero_following_open(silero_following **out, const silero_net *net, const hse_vad_options *o, hse_error *err)
{
    silero_following *f = hse_calloc(1, sizeof *f);
    hse_status s;

    if (!f)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a stream");
    f->net = net;
    f->options = *o;
    if ((s = silero_reader_open(&f->reader, net, err)) != HSE_OK) {
        hse_free(f);
        return s;
    }
    begin(f);
    *out = f;
    return HSE_OK;
}

void silero_following_close(silero_following **f)
{
    if (!*f)
        return;
    silero_reader_close(&(*f)->reader);
    silero_segmenter_free(&(*f)->segmenter);
    hse_free(*f);
    *f = NULL;
}

void silero_following_reset(silero_following *f)
{
    silero_segmenter_free(&f->segmenter);
    silero_reader_reset(f->reader, f->net);
    begin(f);
}

/* The beginning of segment i, not padded, when it is sure that there will be one. */
static bool start_of(const silero_following *f, size_t i, int64_t *start)
{
    const silero_segmenter *s = &f->segmenter;

    if (i < s->count) {
        *start = s->segments[i].start;
        return true;
    }
    if (i > s->count || !s->triggered)
        return false;
    *start = s->start;
    return s->min_speech <= 0.0 || (!s->temp_end && (double)(s->position - s->window - s->start) > s->min_speech);
}

/* Half of the gap behind segment i where it is too short for two paddings; else -1. */
static int64_t shared_gap(const silero_following *f, size_t i, int64_t next)
{
    int64_t gap = next - f->segmenter.segments[i].end;

    return (double)gap < 2 * f->segmenter.pad ? gap / 2 : -1; /* no segment begins before another ends */
}

static bool padded_start(const silero_following *f, size_t i, int64_t *at)
{
    int64_t start, half;

    if (!start_of(f, i, &start))
        return false;
    half = i ? shared_gap(f, i - 1, start) : -1;
    *at = half < 0 ? (int64_t)fmax(0, (double)start - f->segmenter.pad) : start > half ? start - half : 0;
    return true;
}

static bool padded_end(const silero_following *f, size_t i, int64_t *at)
{
    const silero_segmenter *s = &f->segmenter;
    int64_t end, next;

    if (i >= s->count)
        return false;
    end = s->segments[i].end;
    if (start_of(f, i + 1, &next)) {
        int64_t half = shared_gap(f, i, next);
        *at = half < 0 ? (int64_t)((double)end + s->pad) : end + half;
        return true;
    }
    next = s->triggered ? s->start : s->position; /* the earliest that one could begin */
    *at = (int64_t)((double)end + s->pad);
    return (double)(next - end) >= 2 * s->pad;
}

static void tell(silero_following *f, bool start, int64_t at, hse_vad_event_fn fn, void *user)
{
    fn(user, &(hse_vad_event){.start = start, .at = at});
    if (start)
        f->started++;
    else
        f->ended++;
}

static void tell_all(silero_following *f, hse_vad_event_fn fn, void *user)
{
    int64_t at;

    for (;;) {
        if (f->started == f->ended ? padded_start(f, f->started, &at) : padded_end(f, f->ended, &at))
            tell(f, f->started == f->ended, at, fn, user);
        else
            return;
    }
}

static hse_status run_chunk(silero_following *f, size_t usable, hse_error *err)
{
    float p = 0.0f;

    if (!silero_reader_run(f->reader, f->net, f->chunk, usable, 1, &p, NULL, NULL))
        return hse_fail(err, HSE_E_CANCELLED, 0, "voice activity detection was stopped");
    silero_segmenter_push(&f->segmenter, (double)p);
    f->filled = 0;
    return f->segmenter.no_memory ? hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of speech segments") : HSE_OK;
}

hse_status silero_following_push(silero_following *f, const float *samples, size_t n, hse_vad_event_fn fn, void *user,
                                 hse_error *err)
{
    size_t chunk = (size_t)silero_chunk(f->net);
    hse_status s = HSE_OK;

    while (n && s == HSE_OK) {
        size_t take = chunk - f->filled < n ? chunk - f->filled : n;

        memcpy(f->chunk + f->filled, samples, take * sizeof *samples);
        f->filled += take;
        f->samples += (int64_t)take;
        samples += take;
        n -= take;
        if (f->filled < chunk)
            break;
        if ((s = run_chunk(f, chunk, err)) == HSE_OK)
            tell_all(f, fn, user);
    }
    return s;
}

/* The last chunk is padded with zeros, a whole one added where there was none to pad; the end of it reads as zeros (a bug of
 * upstream, see silero_fw_file). */
hse_status silero_following_finish(silero_following *f, hse_vad_event_fn fn, void *user, hse_error *err)
{
    size_t chunk = (size_t)silero_chunk(f->net), most = chunk - (size_t)silero_context(f->net), count = 0;
    hse_segment *segments = NULL;
    hse_status s;

    memset(f->chunk + f->filled, 0, (chunk - f->filled) * sizeof *f->chunk);
    s = run_chunk(f, f->filled < most ? f->filled : most, err);
    if (s == HSE_OK)
        s = silero_segmenter_finish(&f->segmenter, f->samples, &segments, &count, err);
    while (s == HSE_OK && f->ended < count) {
        if (f->started == f->ended)
            tell(f, true, segments[f->started].start, fn, user);
        else
            tell(f, false, segments[f->ended].end, fn, user);
    }
    hse_free(segments);
    silero_following_reset(f);
    return s;
}
