/* spectrum.c - see spectrum.h. */
#include "models/voicefixer/spectrum.h"

#include "base/mem.h"

#include <math.h>

enum { FRAMES_AT_ONCE = 64 };

hse_status vf_spectrum_open(vf_spectrum *s, int rate_hz, int window, int hop, int bands, hse_error *err)
{
    const hse_stft_config stft = {.n_fft = window, .hop = hop, .pad = window / 2, .pad_with = HSE_STFT_REFLECT};
    const hse_mel_config mel = {
        .rate_hz = rate_hz, .n_fft = window, .n_mels = bands, .scale = HSE_MEL_HTK, .norm = HSE_MEL_PEAK_1};
    hse_status status;

    *s = (vf_spectrum){0};
    if ((status = hse_stft_open(&s->stft, &stft, err)) == HSE_OK &&
        (status = hse_mel_open(&s->mel, &mel, err)) == HSE_OK)
        return HSE_OK;
    vf_spectrum_close(s);
    return status;
}

void vf_spectrum_close(vf_spectrum *s)
{
    if (s->stft)
        hse_stft_close(&s->stft);
    if (s->mel)
        hse_mel_close(&s->mel);
}

size_t vf_spectrum_frames(const vf_spectrum *s, size_t samples)
{
    return hse_stft_frames(s->stft, samples);
}

hse_status vf_spectrum_run(const vf_spectrum *s, const float *x, size_t n, size_t first, size_t frames,
                           float *magnitude, float *mel, hse_error *err)
{
    size_t bins = (size_t)hse_stft_bins(s->stft), bands = (size_t)hse_mel_bands(s->mel);
    float *work = hse_alloc((FRAMES_AT_ONCE * bins + hse_stft_scratch(s->stft)) * sizeof *work);

    if (!work)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a spectrum");
    for (size_t at = 0, count; at < frames; at += count) {
        count = frames - at < FRAMES_AT_ONCE ? frames - at : FRAMES_AT_ONCE;
        float *out = magnitude ? magnitude + at * bins : work;
        hse_stft_run(s->stft, HSE_STFT_POWER, x, n, first + at, count, out, work + FRAMES_AT_ONCE * bins);
        for (size_t i = 0; i < count * bins; i++)
            out[i] = sqrtf(out[i] > 1e-8f ? out[i] : 1e-8f);
        hse_mel_run(s->mel, out, count, mel + at * bands);
    }
    hse_free(work);
    return HSE_OK;
}
