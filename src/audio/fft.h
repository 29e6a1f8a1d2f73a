/* fft.h - the transform of a real signal, of any even or odd length, on top of KissFFT's complex one.
 *
 * A plan is read-only after hse_fft_open and may be shared by threads; the caller brings the scratch, so nothing is
 * allocated while it runs as long as the length (half of it, when even) has no prime factor above 5; with a larger
 * prime KissFFT allocates inside. Results depend on nothing but the input. */
#ifndef HSE_AUDIO_FFT_H
#define HSE_AUDIO_FFT_H

#include "base/status.h"

typedef struct hse_fft hse_fft;

enum { HSE_FFT_MAX = 1 << 20 };

hse_status hse_fft_open(hse_fft **out, int n, hse_error *err);
void hse_fft_close(hse_fft **p);
int hse_fft_length(const hse_fft *p);
int hse_fft_bins(const hse_fft *p);       /* n/2 + 1 */
size_t hse_fft_scratch(const hse_fft *p); /* floats that forward and inverse need */

/* bins: hse_fft_bins pairs (real, imaginary), the sum of x[t] exp(-2 pi i k t / n). */
void hse_fft_forward(const hse_fft *p, const float *x, float *bins, float *scratch);
/* The inverse with its 1/n: forward, then inverse gives x. Imaginary parts of bin 0 (and n/2) are ignored. */
void hse_fft_inverse(const hse_fft *p, const float *bins, float *x, float *scratch);

#endif
