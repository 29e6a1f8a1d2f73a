#include "audio/mel.h"

#include "audio/fft.h"
#include "base/mem.h"

#include <math.h>

typedef struct {
    int first, n; /* bins with a weight */
    size_t at;    /* of its weights */
} mel_band;

struct hse_mel {
    int n_mels, bins;
    mel_band *band;
    float *weight;
};

static const double slaney_hz = 200.0 / 3, slaney_knee_mel = 15, slaney_knee_hz = 1000;

static double slaney_step(void)
{
    return log(6.4) / 27;
}

static double to_mel(hse_mel_scale scale, double hz)
{
    if (scale == HSE_MEL_HTK)
        return 2595 * log10(1 + hz / 700);
    return hz < slaney_knee_hz ? hz / slaney_hz : slaney_knee_mel + log(hz / slaney_knee_hz) / slaney_step();
}

static double to_hz(hse_mel_scale scale, double mel)
{
    if (scale == HSE_MEL_HTK)
        return 700 * (pow(10, mel / 2595) - 1);
    return mel < slaney_knee_mel ? mel * slaney_hz : slaney_knee_hz * exp((mel - slaney_knee_mel) * slaney_step());
}

/* Weight of the triangle low..peak..high (Hz) at a frequency. */
static float weight_at(double hz, const double edge[3], hse_mel_norm norm)
{
    double up = (hz - edge[0]) / (edge[1] - edge[0]), down = (edge[2] - hz) / (edge[2] - edge[1]);
    double w = up < down ? up : down;

    if (!(w > 0))
        return 0;
    /* librosa keeps the triangles in float32 before it scales them */
    return norm == HSE_MEL_PEAK_1 ? (float)w : (float)((float)w * (2 / (edge[2] - edge[0])));
}

hse_status hse_mel_open(hse_mel **out, const hse_mel_config *c, hse_error *err)
{
    const double nyquist = c->rate_hz / 2.0, top = c->f_max > 0 ? c->f_max : nyquist;
    hse_mel *m = NULL;
    size_t used = 0;

    if (c->rate_hz < 1 || c->n_fft < 2 || c->n_fft > HSE_FFT_MAX || c->n_mels < 1 || c->n_mels > 4096 ||
        !(c->f_min >= 0) || !(top > c->f_min) || !(top <= nyquist))
        return hse_fail(err, HSE_E_ARG, 0, "mel filters: %d bands from %g to %g Hz of %d points at %d Hz make no sense",
                        c->n_mels, c->f_min, top, c->n_fft, c->rate_hz);
    const int bins = c->n_fft / 2 + 1;
    if (!(m = hse_calloc(1, sizeof *m)) || !(m->band = hse_calloc((size_t)c->n_mels, sizeof *m->band)) ||
        /* a bin lies under two triangles at most, and at their edges its weight is 0 */
        !(m->weight = hse_calloc((size_t)bins * 2 + 2, sizeof *m->weight))) {
        hse_mel_close(&m);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d mel filters", c->n_mels);
    }
    m->n_mels = c->n_mels;
    m->bins = bins;
    const double low = to_mel(c->scale, c->f_min), high = to_mel(c->scale, top), step = (high - low) / (c->n_mels + 1);
    for (int i = 0; i < c->n_mels; i++) {
        double edge[3];
        for (int j = 0; j < 3; j++)
            edge[j] = to_hz(c->scale, i + j == c->n_mels + 1 ? high : low + step * (i + j));
        mel_band *b = &m->band[i];
        b->at = used;
        for (int k = 0; k < bins && used < (size_t)bins * 2 + 2; k++) {
            float w = weight_at((double)k * c->rate_hz / c->n_fft, edge, c->norm);
            if (w <= 0) {
                if (b->n)
                    break;
                continue;
            }
            if (!b->n++)
                b->first = k;
            m->weight[used++] = w;
        }
    }
    *out = m;
    return HSE_OK;
}

void hse_mel_close(hse_mel **m)
{
    if (!*m)
        return;
    hse_free((*m)->band);
    hse_free((*m)->weight);
    hse_free(*m);
    *m = NULL;
}

int hse_mel_bands(const hse_mel *m)
{
    return m->n_mels;
}

int hse_mel_band(const hse_mel *m, int band, int *n, const float **weights)
{
    *n = m->band[band].n;
    *weights = m->weight + m->band[band].at;
    return m->band[band].first;
}

void hse_mel_run(const hse_mel *m, const float *spec, size_t frames, float *out)
{
    for (size_t f = 0; f < frames; f++, spec += m->bins) {
        for (int i = 0; i < m->n_mels; i++) {
            const mel_band *b = &m->band[i];
            const float *w = m->weight + b->at, *x = spec + b->first;
            double sum = 0;
            for (int k = 0; k < b->n; k++)
                sum += (double)w[k] * x[k];
            *out++ = (float)sum;
        }
    }
}
