#include "audio/fft.h"

#include "base/mem.h"

#include <kiss_fft.h>
#include <math.h>
#include <string.h>

/* Even n: one complex transform of n/2 points, z[t] = x[2t] + i x[2t+1], then the two interleaved spectra are taken
 * apart and joined with one twiddle a bin. Odd n: a complex transform of n points. */
struct hse_fft {
    int n, points; /* points of the complex transform */
    kiss_fft_cfg forward, inverse;
    kiss_fft_cpx *twiddle; /* exp(-2 pi i k / n), k = 0..n/2; even n only */
};

static kiss_fft_cfg new_plan(int points, int inverse)
{
    size_t size = 0;

    kiss_fft_alloc(points, inverse, NULL, &size); /* asks for the size alone */
    void *mem = hse_alloc(size);
    return mem ? kiss_fft_alloc(points, inverse, mem, &size) : NULL;
}

hse_status hse_fft_open(hse_fft **out, int n, hse_error *err)
{
    if (n < 2 || n > HSE_FFT_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "a transform of %d points: expected 2 to %d", n, HSE_FFT_MAX);
    hse_fft *p = hse_calloc(1, sizeof *p);

    if (!p)
        goto no_memory;
    p->n = n;
    p->points = n % 2 ? n : n / 2;
    p->forward = new_plan(p->points, 0);
    p->inverse = new_plan(p->points, 1);
    if (!p->forward || !p->inverse)
        goto no_memory;
    if (n % 2 == 0) {
        if (!(p->twiddle = hse_alloc(((size_t)n / 2 + 1) * sizeof *p->twiddle)))
            goto no_memory;
        for (int k = 0; k <= n / 2; k++) {
            double a = -2 * M_PI * k / n;
            p->twiddle[k] = (kiss_fft_cpx){(float)cos(a), (float)sin(a)};
        }
    }
    *out = p;
    return HSE_OK;
no_memory:
    hse_fft_close(&p);
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a transform of %d points", n);
}

void hse_fft_close(hse_fft **p)
{
    if (!*p)
        return;
    hse_free((*p)->forward);
    hse_free((*p)->inverse);
    hse_free((*p)->twiddle);
    hse_free(*p);
    *p = NULL;
}

int hse_fft_length(const hse_fft *p)
{
    return p->n;
}

int hse_fft_bins(const hse_fft *p)
{
    return p->n / 2 + 1;
}

size_t hse_fft_scratch(const hse_fft *p)
{
    return (size_t)p->points * 4; /* complex in, complex out */
}

void hse_fft_forward(const hse_fft *p, const float *x, float *bins, float *scratch)
{
    const int m = p->points;
    kiss_fft_cpx *in = (kiss_fft_cpx *)(void *)scratch, *z = in + m, *out = (kiss_fft_cpx *)(void *)bins;

    if (p->n % 2) {
        for (int t = 0; t < m; t++)
            in[t] = (kiss_fft_cpx){x[t], 0};
        kiss_fft(p->forward, in, z);
        memcpy(out, z, ((size_t)p->n / 2 + 1) * sizeof *out);
        return;
    }
    memcpy(in, x, (size_t)p->n * sizeof *x);
    kiss_fft(p->forward, in, z);
    out[0] = (kiss_fft_cpx){z[0].r + z[0].i, 0};
    out[m] = (kiss_fft_cpx){z[0].r - z[0].i, 0};
    for (int k = 1; k < m; k++) {
        const kiss_fft_cpx a = z[k], b = z[m - k], w = p->twiddle[k];
        /* even = (a + conj b)/2, odd = (a - conj b)/2i; X[k] = even + w odd */
        float er = 0.5f * (a.r + b.r), ei = 0.5f * (a.i - b.i);
        float or = 0.5f * (a.i + b.i), oi = 0.5f * (b.r - a.r);
        out[k].r = er + (w.r * or -w.i * oi);
        out[k].i = ei + (w.r * oi + w.i * or);
    }
}

void hse_fft_inverse(const hse_fft *p, const float *bins, float *x, float *scratch)
{
    const int m = p->points;
    kiss_fft_cpx *z = (kiss_fft_cpx *)(void *)scratch, *out = z + m;
    const kiss_fft_cpx *in = (const kiss_fft_cpx *)(const void *)bins;
    const float scale = 1.0f / (float)p->n;

    if (p->n % 2) {
        z[0] = (kiss_fft_cpx){in[0].r, 0};
        for (int k = 1; k <= p->n / 2; k++) {
            z[k] = in[k];
            z[m - k] = (kiss_fft_cpx){in[k].r, -in[k].i};
        }
        kiss_fft(p->inverse, z, out);
        for (int t = 0; t < m; t++)
            x[t] = out[t].r * scale;
        return;
    }
    z[0] = (kiss_fft_cpx){in[0].r + in[m].r, in[0].r - in[m].r};
    for (int k = 1; k < m; k++) {
        const kiss_fft_cpx a = in[k], b = in[m - k], w = p->twiddle[k];
        /* twice even and odd of the forward direction: odd = conj(w) (X[k] - conj X[m-k]), z = even + i odd */
        float er = a.r + b.r, ei = a.i - b.i, dr = a.r - b.r, di = a.i + b.i;
        float or = w.r * dr + w.i * di, oi = w.r * di - w.i * dr;
        z[k] = (kiss_fft_cpx){er - oi, ei + or };
    }
    kiss_fft(p->inverse, z, out);
    for (int t = 0; t < m; t++) {
        x[2 * t] = out[t].r * scale;
        x[2 * t + 1] = out[t].i * scale;
    }
}
