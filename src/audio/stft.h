/* stft.h - short-time Fourier transform and its inverse, as torch.stft/istft and librosa compute them: periodic Hann
 * window (centred in n_fft when shorter), no scaling.
 *
 * A plan is read-only and may be shared; the caller brings hse_stft_scratch floats a thread. Frames may be computed in
 * any portions by any threads: each depends on the signal alone. Results are [frame][bin]. */
#ifndef HSE_AUDIO_STFT_H
#define HSE_AUDIO_STFT_H

#include "base/status.h"

#include <stdbool.h>

typedef struct hse_stft hse_stft;

typedef enum { HSE_STFT_ZEROS, HSE_STFT_REFLECT } hse_stft_pad;
typedef enum {
    HSE_STFT_COMPLEX,   /* pairs (real, imaginary): 2 floats a bin */
    HSE_STFT_POWER,     /* re^2 + im^2 */
    HSE_STFT_MAGNITUDE, /* its square root */
} hse_stft_kind;

typedef struct {
    int n_fft, window, hop; /* window 0: n_fft */
    int pad;                /* samples put on both sides: n_fft / 2 for what is called centred, 0 for none */
    hse_stft_pad pad_with;
} hse_stft_config;

hse_status hse_stft_open(hse_stft **out, const hse_stft_config *config, hse_error *err);
void hse_stft_close(hse_stft **s);
int hse_stft_bins(const hse_stft *s);            /* n_fft/2 + 1 */
size_t hse_stft_scratch(const hse_stft *s);      /* floats */
const float *hse_stft_window(const hse_stft *s); /* n_fft values */

/* 1 + floor((n + 2 pad - n_fft) / hop); 0 when the padded signal is shorter than n_fft, or too short to be reflected
 * (n <= pad). */
size_t hse_stft_frames(const hse_stft *s, size_t n);

/* Frames [first, first + frames) of the n samples; they must be below hse_stft_frames(s, n). */
void hse_stft_run(const hse_stft *s, hse_stft_kind kind, const float *x, size_t n, size_t first, size_t frames,
                  float *out, float *scratch);

/* The samples at [skip, skip + n) of the overlapped frames, divided by the overlapped squares of the window (where that
 * is above 1e-11). skip = n_fft/2 undoes centring. Beyond the last frame: zeros. spec: [frame][bin] pairs. */
void hse_istft_run(const hse_stft *s, const float *spec, size_t frames, size_t skip, float *out, size_t n,
                   float *scratch);

#endif
