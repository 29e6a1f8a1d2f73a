/* segments.h - from speech probabilities to segments and events: the state machines around the Silero network.
 *
 * silero_segmenter is get_speech_timestamps of the silero-vad package (and, with other options, faster-whisper's copy of
 * it), fed one probability at a time, so that a live stream and a file go through the same code. silero_iterator is
 * VADIterator. The rest is what faster-whisper does with segments: joining them to chunks and mapping times back.
 * All arithmetic is in double, as Python's. Nothing here is shared between threads. */
#ifndef HSE_MODELS_SILERO_SEGMENTS_H
#define HSE_MODELS_SILERO_SEGMENTS_H

#include "models/model.h"

void silero_vad_defaults(hse_vad_options *o);           /* of the package silero-vad */
void silero_fw_vad_defaults(hse_vad_options *o);        /* VadOptions of faster-whisper */
/* HSE_E_ARG names the field that is not a number, negative or (a probability) above 1. */
hse_status silero_vad_check(const hse_vad_options *o, hse_error *err);

typedef struct {
    double  threshold, neg_threshold;                   /* the rest in samples, not rounded */
    double  min_speech, max_speech, min_silence, pad, silence_at_max;
    bool    longest_silence;
    int64_t window, position;
    bool    triggered;
    int64_t start, temp_end, prev_end, next_start;      /* 0 = not set: no silence can begin at 0 */
    int64_t best_end, best_length;                      /* the longest silence that a too long segment could be cut at */
    hse_segment *segments;
    size_t  count, capacity;
    bool    no_memory;
} silero_segmenter;

/* window: samples per probability, 512 or 256. The options have been checked. */
void silero_segmenter_init(silero_segmenter *s, const hse_vad_options *o, unsigned rate_hz, int window);
void silero_segmenter_free(silero_segmenter *s);
void silero_segmenter_push(silero_segmenter *s, double probability);
/* The padded segments of `samples` samples of audio; the caller's from now on (hse_free). The segmenter is empty after it. */
hse_status silero_segmenter_finish(silero_segmenter *s, int64_t samples, hse_segment **out, size_t *count, hse_error *err);

/* x rounded to `digits` decimals as Python's round() does: the exact binary value, half to even. */
double silero_round(double x, int digits);
/* A segment in seconds, as with return_seconds. */
void silero_seconds(const hse_segment *s, int64_t samples, unsigned rate_hz, int digits, double *start, double *end);

typedef enum { SILERO_NO_EVENT, SILERO_START, SILERO_END } silero_event;

typedef struct {
    double  threshold, min_silence, pad;
    int64_t window, current, temp_end;
    bool    triggered;
} silero_iterator;

void silero_iterator_init(silero_iterator *it, double threshold, double min_silence_ms, double pad_ms, unsigned rate_hz,
                          int window);
/* *position is in samples, not truncated. */
silero_event silero_iterator_push(silero_iterator *it, double probability, double *position);

/* collect_chunks of faster-whisper: which segments make up each piece of audio, each piece at most max_samples where its
 * segments allow. Its quirk is kept: the list of a piece lacks the segment that opened it, unless it is the first. */
typedef struct {
    size_t  first, count;                               /* segments joined to this piece */
    int64_t samples, offset;                            /* its length; the sum of the lengths before it */
    size_t  listed_first, listed_count;                 /* what upstream's metadata lists */
} silero_piece;

hse_status silero_collect(const hse_segment *segments, size_t n, double max_samples, silero_piece **out, size_t *count,
                          hse_error *err);

/* SpeechTimestampsMap: a time in the audio without silence -> time in the original, rounded to two decimals. */
size_t silero_time_segment(const hse_segment *segments, size_t n, unsigned rate_hz, double time, bool is_end);
double silero_original_time(const hse_segment *segments, size_t n, unsigned rate_hz, double time, bool is_end);

#endif
