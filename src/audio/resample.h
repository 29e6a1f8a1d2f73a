/* resample.h - change of sample rate as the reference does it: libsoxr at quality HQ (linear phase, no delay, gain 1).
 *
 * n samples become ceil(n out/in): soxr gives floor(n out/in + 0.5), and at most one zero follows. Pushing a signal in
 * pieces of any size gives the same bits as pushing it at once. A resampler belongs to one thread at a time; different
 * resamplers may run at the same time. */
#ifndef HSE_AUDIO_RESAMPLE_H
#define HSE_AUDIO_RESAMPLE_H

#include "audio/audio.h"
#include "base/buf.h"

typedef struct hse_resampler hse_resampler;

/* Rates within HSE_RATE_MIN..HSE_RATE_MAX; equal rates pass samples through unchanged. */
hse_status hse_resampler_open(hse_resampler **out, int in_hz, int out_hz, hse_error *err);
void hse_resampler_close(hse_resampler **r);

/* Append to `out` (an array of float) what the n samples complete; finish appends the rest, after which the resampler
 * is ready for another signal. After a failure it can only be closed. */
hse_status hse_resampler_push(hse_resampler *r, const float *x, size_t n, hse_buf *out, hse_error *err);
hse_status hse_resampler_finish(hse_resampler *r, hse_buf *out, hse_error *err);

size_t hse_resampled_length(size_t n, int in_hz, int out_hz);

/* The whole signal: *out (hse_free) has hse_resampled_length samples; NULL when that is 0. */
hse_status hse_resample(float **out, size_t *out_n, const float *x, size_t n, int in_hz, int out_hz, hse_error *err);

#endif
