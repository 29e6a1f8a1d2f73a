#include "audio/stft.h"

#include "audio/fft.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

struct hse_stft {
    hse_stft_config cfg;
    hse_fft *fft;
    float *window; /* n_fft values */
};

hse_status hse_stft_open(hse_stft **out, const hse_stft_config *config, hse_error *err)
{
    hse_stft_config c = *config;
    hse_stft *s = NULL;
    hse_status status;

    if (c.window == 0)
        c.window = c.n_fft;
    if (c.n_fft < 2 || c.n_fft > HSE_FFT_MAX || c.window < 1 || c.window > c.n_fft || c.hop < 1 || c.pad < 0 ||
        c.pad > c.n_fft)
        return hse_fail(err, HSE_E_ARG, 0, "STFT: n_fft %d, window %d, hop %d and padding %d do not go together",
                        c.n_fft, c.window, c.hop, c.pad);
    if (!(s = hse_calloc(1, sizeof *s)) || !(s->window = hse_calloc((size_t)c.n_fft, sizeof *s->window))) {
        status = hse_fail(err, HSE_E_NOMEM, 0, "no memory for an STFT of %d points", c.n_fft);
        goto fail;
    }
    s->cfg = c;
    for (int i = 0, left = (c.n_fft - c.window) / 2; i < c.window; i++)
        s->window[left + i] = (float)(0.5 - 0.5 * cos(2 * M_PI * i / c.window));
    if ((status = hse_fft_open(&s->fft, c.n_fft, err)) != HSE_OK)
        goto fail;
    *out = s;
    return HSE_OK;
fail:
    hse_stft_close(&s);
    return status;
}

void hse_stft_close(hse_stft **s)
{
    if (!*s)
        return;
    hse_fft_close(&(*s)->fft);
    hse_free((*s)->window);
    hse_free(*s);
    *s = NULL;
}

int hse_stft_bins(const hse_stft *s)
{
    return hse_fft_bins(s->fft);
}

size_t hse_stft_scratch(const hse_stft *s)
{
    return (size_t)s->cfg.n_fft + 2 * (size_t)hse_fft_bins(s->fft) + hse_fft_scratch(s->fft);
}

const float *hse_stft_window(const hse_stft *s)
{
    return s->window;
}

size_t hse_stft_frames(const hse_stft *s, size_t n)
{
    size_t pad = (size_t)s->cfg.pad, n_fft = (size_t)s->cfg.n_fft;

    if (s->cfg.pad_with == HSE_STFT_REFLECT && pad && n <= pad)
        return 0;
    if (n > SIZE_MAX - 2 * pad || n + 2 * pad < n_fft)
        return 0;
    return 1 + (n + 2 * pad - n_fft) / (size_t)s->cfg.hop;
}

/* Sample t of the padded signal, where t may lie outside [0, n). */
static float padded(const hse_stft *s, const float *x, ptrdiff_t n, ptrdiff_t t)
{
    if (t >= 0 && t < n)
        return x[t];
    if (s->cfg.pad_with == HSE_STFT_ZEROS)
        return 0;
    return x[t < 0 ? -t : 2 * (n - 1) - t];
}

static void cut_frame(const hse_stft *s, const float *x, ptrdiff_t n, size_t index, float *frame)
{
    const ptrdiff_t at = (ptrdiff_t)(index * (size_t)s->cfg.hop) - s->cfg.pad, n_fft = s->cfg.n_fft;

    if (at >= 0 && at + n_fft <= n) {
        for (ptrdiff_t i = 0; i < n_fft; i++)
            frame[i] = x[at + i] * s->window[i];
    } else {
        for (ptrdiff_t i = 0; i < n_fft; i++)
            frame[i] = padded(s, x, n, at + i) * s->window[i];
    }
}

void hse_stft_run(const hse_stft *s, hse_stft_kind kind, const float *x, size_t n, size_t first, size_t frames,
                  float *out, float *scratch)
{
    const int bins = hse_stft_bins(s);
    float *frame = scratch, *spec = frame + s->cfg.n_fft, *work = spec + 2 * bins;

    for (size_t f = 0; f < frames; f++) {
        cut_frame(s, x, (ptrdiff_t)n, first + f, frame);
        if (kind == HSE_STFT_COMPLEX) {
            hse_fft_forward(s->fft, frame, out, work);
            out += 2 * bins;
            continue;
        }
        hse_fft_forward(s->fft, frame, spec, work);
        for (int k = 0; k < bins; k++) {
            float power = spec[2 * k] * spec[2 * k] + spec[2 * k + 1] * spec[2 * k + 1];
            *out++ = kind == HSE_STFT_POWER ? power : sqrtf(power);
        }
    }
}

void hse_istft_run(const hse_stft *s, const float *spec, size_t frames, size_t skip, float *out, size_t n,
                   float *scratch)
{
    const size_t n_fft = (size_t)s->cfg.n_fft, hop = (size_t)s->cfg.hop, bins = (size_t)hse_stft_bins(s);
    float *frame = scratch, *work = frame + n_fft;

    memset(out, 0, n * sizeof *out);
    for (size_t f = 0; f < frames; f++) {
        size_t at = f * hop;
        if (at + n_fft <= skip || at >= skip + n)
            continue;
        hse_fft_inverse(s->fft, spec + f * bins * 2, frame, work);
        for (size_t i = at < skip ? skip - at : 0; i < n_fft && at + i < skip + n; i++)
            out[at + i - skip] += frame[i] * s->window[i];
    }
    for (size_t t = 0; t < n; t++) {
        size_t pos = t + skip, last = pos / hop;
        float squares = 0;
        for (size_t f = pos >= n_fft ? (pos - n_fft) / hop + 1 : 0; f <= last && f < frames; f++)
            squares += s->window[pos - f * hop] * s->window[pos - f * hop];
        if (squares > 1e-11f)
            out[t] /= squares;
    }
}
