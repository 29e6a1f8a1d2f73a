/* limiter.h - the product's loudness stage: a fixed gain, then a limiter that looks 5 ms ahead.
 *
 * The output never exceeds the ceiling, has as many samples as the input, stands at the same time, and is the same bits
 * however the input is cut into pieces. Where gain x signal stays below the ceiling (for the hold and release before it
 * too) a sample is multiplied by the gain and by nothing else. One limiter belongs to one signal and one thread. */
#ifndef HSE_AUDIO_LIMITER_H
#define HSE_AUDIO_LIMITER_H

#include "base/buf.h"

typedef struct hse_limiter hse_limiter;

#define HSE_LIMITER_CEILING 0.97f

/* gain: linear, applied before limiting, finite and > 0. ceiling: > 0, at most 1. */
hse_status hse_limiter_open(hse_limiter **out, int rate_hz, float gain, float ceiling, hse_error *err);
void hse_limiter_close(hse_limiter **l);

/* Append to `out` (an array of float) what is complete: 5 ms less than came in. HSE_E_FORMAT for a sample that is not
 * finite. finish appends the rest and makes the limiter ready for another signal. */
hse_status hse_limiter_push(hse_limiter *l, const float *x, size_t n, hse_buf *out, hse_error *err);
hse_status hse_limiter_finish(hse_limiter *l, hse_buf *out, hse_error *err);

/* A whole signal in place. */
hse_status hse_limit(float *x, size_t n, int rate_hz, float gain, float ceiling, hse_error *err);

#endif
