/* prefilter.c - see prefilter.h. Two passes in portions, so that an hour needs no spectrum in memory. */
#include "models/voicefixer/prefilter.h"

#include "audio/stft.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { N_FFT = 2048, HOP = 512, BINS = N_FFT / 2 + 1, AT_ONCE = 64, AROUND = N_FFT / HOP / 2 };

hse_status vf_mode_check(int mode, hse_error *err)
{
    if (mode == 0 || mode == 1)
        return HSE_OK;
    if (mode == 2)
        return hse_fail(
            err, HSE_E_UNSUPPORTED, 0,
            "mode: 2 runs VoiceFixer's networks as in training, which gives another answer each time; use 0 or 1");
    return hse_fail(err, HSE_E_ARG, 0, "mode: %d; VoiceFixer has 0 and 1", mode);
}

static void weigh(const hse_stft *stft, const float *x, size_t n, size_t frames, double sum[BINS], float *work)
{
    memset(sum, 0, BINS * sizeof *sum);
    for (size_t at = 0, count; at < frames; at += count) {
        count = frames - at < AT_ONCE ? frames - at : AT_ONCE;
        hse_stft_run(stft, HSE_STFT_MAGNITUDE, x, n, at, count, work, work + (size_t)(AT_ONCE + 2 * AROUND) * 2 * BINS);
        for (size_t i = 0; i < count * BINS; i++) {
            float level = log10f(work[i] + 1e-8f);
            sum[i % BINS] += level > 0.0f ? (double)level : 0.0;
        }
    }
}

static int cutoff_of(const double sum[BINS], double ratio)
{
    double total = 0, below = 0;

    for (int i = 0; i < BINS; i++)
        total += sum[i];
    if (!(total > 0))
        return BINS;
    for (int i = 0; i < BINS; i++)
        if ((below += sum[i]) >= ratio * total)
            return i;
    return BINS;
}

/* Samples [from, from + count) again from frames without their bins from `cutoff` on. */
static void filter(const hse_stft *stft, const float *x, size_t n, size_t frames, int cutoff, size_t from, size_t count,
                   float *out, float *work)
{
    size_t first = from / HOP > AROUND ? from / HOP - AROUND : 0, last = (from + count) / HOP + AROUND + 1;
    float *scratch = work + (size_t)(AT_ONCE + 2 * AROUND) * 2 * BINS;

    last = last < frames ? last : frames;
    hse_stft_run(stft, HSE_STFT_COMPLEX, x, n, first, last - first, work, scratch);
    for (size_t f = 0; f < last - first; f++)
        memset(work + (f * BINS + (size_t)cutoff) * 2, 0, (size_t)(BINS - cutoff) * 2 * sizeof *work);
    hse_istft_run(stft, work, last - first, from - first * HOP + N_FFT / 2, out, count, scratch);
}

hse_status vf_prefilter(float **out, size_t *out_n, int *cutoff, const float *x, size_t n, double ratio, hse_error *err)
{
    const hse_stft_config config = {.n_fft = N_FFT, .hop = HOP, .pad = N_FFT / 2, .pad_with = HSE_STFT_ZEROS};
    size_t length = n / HOP * HOP, frames;
    hse_stft *stft = NULL;
    double sum[BINS];
    hse_status s = hse_stft_open(&stft, &config, err);

    if (s != HSE_OK)
        return s;
    frames = hse_stft_frames(stft, n);
    float *work = hse_alloc(((size_t)(AT_ONCE + 2 * AROUND) * 2 * BINS + hse_stft_scratch(stft)) * sizeof *work);
    float *y = hse_alloc((length + 1) * sizeof *y);
    if (!work || !y) {
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", length);
        hse_free(y);
    } else {
        int bin;
        weigh(stft, x, n, frames, sum, work);
        bin = cutoff_of(sum, ratio);
        for (size_t at = 0, count; at < length; at += count) {
            count = length - at < (AT_ONCE - 1) * HOP ? length - at : (AT_ONCE - 1) * HOP;
            filter(stft, x, n, frames, bin, at, count, y + at, work);
        }
        if (cutoff)
            *cutoff = bin;
        *out = y;
        *out_n = length;
    }
    hse_free(work);
    hse_stft_close(&stft);
    return s;
}
