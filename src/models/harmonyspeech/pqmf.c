#include "models/harmonyspeech/pqmf.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* The modified Bessel function of the first kind and order 0, by its power series. */
static double bessel_i0(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 200 && term > sum * 1e-18; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

void hs1_pqmf_filters(int bands, float *synthesis, float *analysis)
{
    const double cutoff = 0.142, beta = 9;
    const int half = HS1_PQMF_TAPS / 2;

    for (int n = 0; n < HS1_PQMF_TAPS; n++) {
        double m = n - half, r = m / half;
        double h =
            (m == 0 ? cutoff : sin(cutoff * pi * m) / (pi * m)) * bessel_i0(beta * sqrt(1 - r * r)) / bessel_i0(beta);

        for (int k = 0; k < bands; k++) {
            double angle = (2 * k + 1) * pi / (2.0 * bands) * m, quarter = (k % 2 ? -1 : 1) * pi / 4;
            if (synthesis)
                synthesis[k * HS1_PQMF_TAPS + n] = (float)(2 * h * cos(angle - quarter));
            if (analysis)
                analysis[k * HS1_PQMF_TAPS + n] = (float)(2 * h * cos(angle + quarter));
        }
    }
}

/* Upstream puts each band, times the number of bands S, at every S-th sample and correlates with its filter f:
 * out[S t + p] = sum over q, k of S f_k[S q - p + 31] x_k[t + q]. That is a convolution with one output per phase p. */
void hs1_pqmf_bind(nn_binder *b, nn_conv1d_layer *l, int bands)
{
    const int half = HS1_PQMF_TAPS / 2, first = -(half / bands), last = (bands - 1 + half) / bands,
              taps = last - first + 1;
    size_t n = (size_t)bands * (size_t)bands * (size_t)taps;
    float *f = nn_bind_work(b, (size_t)bands * HS1_PQMF_TAPS), *w = nn_bind_work(b, n);

    if (f && w) {
        hs1_pqmf_filters(bands, f, NULL);
        for (int p = 0; p < bands; p++)
            for (int k = 0; k < bands; k++)
                for (int q = first; q <= last; q++) {
                    int i = bands * q - p + half;
                    if (i >= 0 && i < HS1_PQMF_TAPS)
                        w[(p * bands + k) * taps + (q - first)] = (float)bands * f[k * HS1_PQMF_TAPS + i];
                }
        nn_make_conv1d(b, l, bands, bands, taps, 1, w, NULL);
        l->left = -first;
        l->right = last;
    }
    nn_scratch_end(b);
}
