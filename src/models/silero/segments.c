#include "models/silero/segments.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void silero_vad_defaults(hse_vad_options *o)
{
    *o = (hse_vad_options){
        .threshold = 0.5,
        .neg_threshold = -1,
        .min_speech_ms = 250,
        .min_silence_ms = 100,
        .pad_ms = 30,
        .max_speech_s = INFINITY,
        .min_silence_at_max_speech_ms = 98,
        .longest_silence_at_max_speech = true,
    };
}

void silero_fw_vad_defaults(hse_vad_options *o)
{
    *o = (hse_vad_options){
        .threshold = 0.5,
        .neg_threshold = -1,
        .min_speech_ms = 0,
        .min_silence_ms = 2000,
        .pad_ms = 400,
        .max_speech_s = INFINITY,
        .min_silence_at_max_speech_ms = 98,
        .longest_silence_at_max_speech = false,
    };
}

hse_status silero_vad_check(const hse_vad_options *o, hse_error *err)
{
    const struct {
        const char *name;
        double value, low, high;
    } fields[] = {
        {"threshold", o->threshold, 0, 1},
        {"neg_threshold", o->neg_threshold < 0 ? 0 : o->neg_threshold, 0, 1},
        {"min_speech_duration_ms", o->min_speech_ms, 0, 1e12},
        {"max_speech_duration_s", o->max_speech_s, 0, INFINITY},
        {"min_silence_duration_ms", o->min_silence_ms, 0, 1e12},
        {"speech_pad_ms", o->pad_ms, 0, 1e12},
        {"min_silence_at_max_speech", o->min_silence_at_max_speech_ms, 0, 1e12},
    };

    for (size_t i = 0; i < COUNT(fields); i++)
        if (!(fields[i].value >= fields[i].low && fields[i].value <= fields[i].high)) /* NaN fails both */
            return hse_fail(err, HSE_E_ARG, 0, "%s is %g; it must be from %g to %g", fields[i].name, fields[i].value,
                            fields[i].low, fields[i].high);
    return HSE_OK;
}

void silero_segmenter_init(silero_segmenter *s, const hse_vad_options *o, unsigned rate_hz, int window)
{
    double rate = rate_hz, pad = rate * o->pad_ms / 1000;

    *s = (silero_segmenter){
        .threshold = o->threshold,
        .neg_threshold = o->neg_threshold < 0 ? fmax(o->threshold - 0.15, 0.01) : o->neg_threshold,
        .min_speech = rate * o->min_speech_ms / 1000,
        .max_speech = rate * o->max_speech_s - window - 2 * pad,
        .min_silence = rate * o->min_silence_ms / 1000,
        .pad = pad,
        .silence_at_max = rate * o->min_silence_at_max_speech_ms / 1000,
        .longest_silence = o->longest_silence_at_max_speech,
        .window = window,
    };
}

void silero_segmenter_free(silero_segmenter *s)
{
    hse_free(s->segments);
    *s = (silero_segmenter){0};
}

static void keep(silero_segmenter *s, int64_t start, int64_t end)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16, bytes;
        hse_segment *p = NULL;

        if (hse_mul_size(capacity, sizeof *p, &bytes))
            p = hse_realloc(s->segments, bytes);
        if (!p) {
            s->no_memory = true;
            return;
        }
        s->segments = p;
        s->capacity = capacity;
    }
    s->segments[s->count++] = (hse_segment){start, end};
}

static void clear_marks(silero_segmenter *s)
{
    s->prev_end = s->next_start = s->temp_end = 0;
    s->best_end = s->best_length = 0;
}

/* The segment has grown too long at position `at`. False when this chunk is done with. */
static bool cut(silero_segmenter *s, int64_t at)
{
    if (s->longest_silence && s->best_length > 0) {
        keep(s, s->start, s->best_end);
        s->start = s->best_end + s->best_length;
        clear_marks(s);
        return true;
    }
    if (s->prev_end) {
        keep(s, s->start, s->prev_end);
        if (s->next_start < s->prev_end)
            s->triggered = false;
        else
            s->start = s->next_start;
        clear_marks(s);
        return true;
    }
    keep(s, s->start, at);
    s->triggered = false;
    clear_marks(s);
    return false;
}

void silero_segmenter_push(silero_segmenter *s, double p)
{
    int64_t at = s->position;

    s->position += s->window;
    if (p >= s->threshold && s->temp_end) {
        int64_t silence = at - s->temp_end;
        if ((double)silence > s->silence_at_max && silence > s->best_length) { /* the first of equals stays */
            s->best_end = s->temp_end;
            s->best_length = silence;
        }
        s->temp_end = 0;
        if (s->next_start < s->prev_end)
            s->next_start = at;
    }
    if (p >= s->threshold && !s->triggered) {
        s->triggered = true;
        s->start = at;
        return;
    }
    if (s->triggered && (double)(at - s->start) > s->max_speech && !cut(s, at))
        return;
    if (!(p < s->neg_threshold) || !s->triggered)
        return;

    if (!s->temp_end)
        s->temp_end = at;
    if (!s->longest_silence && (double)(at - s->temp_end) > s->silence_at_max)
        s->prev_end = s->temp_end;
    if ((double)(at - s->temp_end) < s->min_silence)
        return;
    if ((double)(s->temp_end - s->start) > s->min_speech)
        keep(s, s->start, s->temp_end);
    s->triggered = false;
    clear_marks(s);
}

/* Widen each segment by the padding, and share a gap that is too short for two. */
static void pad_segments(silero_segmenter *s, int64_t samples)
{
    hse_segment *seg = s->segments;

    for (size_t i = 0; i < s->count; i++) {
        double end = (double)seg[i].end;

        if (i == 0)
            seg[i].start = (int64_t)fmax(0, (double)seg[i].start - s->pad);
        if (i + 1 == s->count) {
            seg[i].end = (int64_t)fmin((double)samples, end + s->pad);
            continue;
        }
        int64_t gap = seg[i + 1].start - seg[i].end;
        if ((double)gap < 2 * s->pad) {
            int64_t half = (gap - (gap < 0)) / 2; /* floor */
            seg[i].end += half;
            seg[i + 1].start = seg[i + 1].start > half ? seg[i + 1].start - half : 0;
        } else {
            seg[i].end = (int64_t)fmin((double)samples, end + s->pad);
            seg[i + 1].start = (int64_t)fmax(0, (double)seg[i + 1].start - s->pad);
        }
    }
}

hse_status silero_segmenter_finish(silero_segmenter *s, int64_t samples, hse_segment **out, size_t *count,
                                   hse_error *err)
{
    if (s->triggered && (double)(samples - s->start) > s->min_speech)
        keep(s, s->start, samples);
    if (s->no_memory) {
        silero_segmenter_free(s);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of speech segments");
    }
    pad_segments(s, samples);
    *out = s->segments;
    *count = s->count;
    s->segments = NULL;
    silero_segmenter_free(s);
    return HSE_OK;
}

double silero_round(double x, int digits)
{
    char text[400]; /* the longest double has 309 digits before the point */

    if (!isfinite(x) || digits < 0 || digits > 60)
        return x;
    snprintf(text, sizeof text, "%.*f", digits, x); /* printf rounds the exact value, half to even */
    return strtod(text, NULL);
}

void silero_seconds(const hse_segment *s, int64_t samples, unsigned rate_hz, int digits, double *start, double *end)
{
    *start = fmax(silero_round((double)s->start / rate_hz, digits), 0);
    *end = fmin(silero_round((double)s->end / rate_hz, digits), (double)samples / rate_hz);
}

void silero_iterator_init(silero_iterator *it, double threshold, double min_silence_ms, double pad_ms, unsigned rate_hz,
                          int window)
{
    *it = (silero_iterator){
        .threshold = threshold,
        .min_silence = (double)rate_hz * min_silence_ms / 1000,
        .pad = (double)rate_hz * pad_ms / 1000,
        .window = window,
    };
}

silero_event silero_iterator_push(silero_iterator *it, double p, double *position)
{
    it->current += it->window;
    if (p >= it->threshold)
        it->temp_end = 0;
    if (p >= it->threshold && !it->triggered) {
        it->triggered = true;
        *position = fmax(0, (double)it->current - it->pad - (double)it->window);
        return SILERO_START;
    }
    if (!(p < it->threshold - 0.15) || !it->triggered)
        return SILERO_NO_EVENT;
    if (!it->temp_end)
        it->temp_end = it->current;
    if ((double)(it->current - it->temp_end) < it->min_silence)
        return SILERO_NO_EVENT;
    *position = (double)it->temp_end + it->pad - (double)it->window;
    it->temp_end = 0;
    it->triggered = false;
    return SILERO_END;
}

hse_status silero_collect(const hse_segment *segments, size_t n, double max_samples, silero_piece **out, size_t *count,
                          hse_error *err)
{
    silero_piece *p = hse_calloc(n + 1, sizeof *p);
    size_t k = 0;

    if (!p)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu pieces of speech", n + 1);
    for (size_t i = 0; i < n; i++) {
        int64_t length = segments[i].end - segments[i].start;

        if ((double)(p[k].samples + length) > max_samples) {
            p[k + 1].offset = p[k].offset + p[k].samples;
            k++;
            p[k].first = i;
            p[k].listed_first = i + 1;
        } else {
            p[k].listed_count++;
        }
        p[k].count++;
        p[k].samples += length;
    }
    *out = p;
    *count = k + 1;
    return HSE_OK;
}

size_t silero_time_segment(const hse_segment *segments, size_t n, unsigned rate_hz, double time, bool is_end)
{
    int64_t sample = (int64_t)(time * rate_hz), end = 0;

    for (size_t i = 0; i < n; i++) {
        end += segments[i].end - segments[i].start;
        if (end > sample || (is_end && end == sample))
            return i;
    }
    return n ? n - 1 : 0;
}

double silero_original_time(const hse_segment *segments, size_t n, unsigned rate_hz, double time, bool is_end)
{
    int64_t silence = 0, end = 0;

    if (n == 0)
        return time;
    for (size_t i = 0; i <= silero_time_segment(segments, n, rate_hz, time, is_end); i++) {
        silence += segments[i].start - end;
        end = segments[i].end;
    }
    return silero_round((double)silence / rate_hz + time, 2);
}
