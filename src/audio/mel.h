/* mel.h - mel filter banks as librosa and torchaudio make them, and their product with a spectrum.
 *
 * Triangles on n_mels + 2 points that lie evenly on the mel scale from f_min to f_max, at the bins k rate / n_fft.
 * Computed in double, used in float32. Read-only after hse_mel_open: threads may share one. */
#ifndef HSE_AUDIO_MEL_H
#define HSE_AUDIO_MEL_H

#include "base/status.h"

#include <stddef.h>

typedef struct hse_mel hse_mel;

typedef enum {
    HSE_MEL_SLANEY, /* 200/3 Hz a mel up to 1 kHz, logarithmic above: librosa's default */
    HSE_MEL_HTK,    /* 2595 log10(1 + f/700) */
} hse_mel_scale;

typedef enum {
    HSE_MEL_PEAK_1, /* triangles of height 1 */
    HSE_MEL_AREA_1, /* each times 2 / (its width in Hz): "slaney" norm */
} hse_mel_norm;

typedef struct {
    int rate_hz, n_fft, n_mels;
    double f_min, f_max; /* f_max 0: rate / 2 */
    hse_mel_scale scale;
    hse_mel_norm norm;
} hse_mel_config;

hse_status hse_mel_open(hse_mel **out, const hse_mel_config *config, hse_error *err);
void hse_mel_close(hse_mel **m);
int hse_mel_bands(const hse_mel *m);

/* The weights of one band: returns the first bin, *n how many bins follow (may be 0), *weights their factors. */
int hse_mel_band(const hse_mel *m, int band, int *n, const float **weights);

/* spec [frames][n_fft/2 + 1] -> out [frames][n_mels]; sums run over rising bins. */
void hse_mel_run(const hse_mel *m, const float *spec, size_t frames, float *out);

#endif
