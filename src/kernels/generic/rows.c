/* rows.c - sums over a row, and what is built on them. Four sums side by side, element i into sum i % 4. */
#include "kernels/generic/generic.h"

#include "kernels/convert.h"

#include <math.h>
#include <string.h>

enum { SUMS = 4 };

static float total(const float *s)
{
    return (s[0] + s[2]) + (s[1] + s[3]);
}

static float sum(const float *x, size_t n)
{
    float s[SUMS] = {0};

    for (size_t i = 0; i < n; i++)
        s[i % SUMS] += x[i];
    return total(s);
}

static float dot(const float *a, const float *b, size_t n)
{
    float s[SUMS] = {0};

    for (size_t i = 0; i < n; i++)
        s[i % SUMS] += a[i] * b[i];
    return total(s);
}

static float sum_squares(const float *x, size_t n)
{
    return dot(x, x, n);
}

/* Without their sign the bits of floats order like the numbers, and NaN comes above all. */
static float max_abs(const float *x, size_t n)
{
    uint32_t max = 0;
    float result;

    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        u &= 0x7fffffffu;
        max = u > max ? u : max;
    }
    memcpy(&result, &max, sizeof result);
    return result;
}

static void softmax(float *x, size_t row, int rows, int n)
{
    for (int r = 0; r < rows; r++, x += row) {
        float max = -INFINITY, s[SUMS] = {0};

        for (int i = 0; i < n; i++)
            max = x[i] > max ? x[i] : max;
        for (int i = 0; i < n; i++) {
            x[i] = expf(x[i] - max);
            s[i % SUMS] += x[i];
        }
        float scale = 1.0f / total(s);
        for (int i = 0; i < n; i++)
            x[i] *= scale;
    }
}

static float largest(const float *x, int n)
{
    float most = -INFINITY;

    for (int i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static float exp_sum(const float *x, float most, int n)
{
    float s[SUMS] = {0};

    for (int i = 0; i < n; i++)
        s[i % SUMS] += expf(x[i] - most);
    return total(s);
}

static void exp_bf16(uint16_t *out, size_t out_row, float *scale, const float *x, size_t x_row, int rows, int n)
{
    for (int r = 0; r < rows; r++, out += out_row, x += x_row) {
        float most = largest(x, n), s[SUMS] = {0};

        for (int i = 0; i < n; i++) {
            float e = expf(x[i] - most);
            s[i % SUMS] += e;
            out[i] = k_to_bf16(e);
        }
        if (n % 2)
            out[n] = 0;
        scale[r] = 1.0f / total(s);
    }
}

static void exp_int8(uint8_t *out, size_t out_row, float *scale, const float *x, size_t x_row, int rows, int n)
{
    for (int r = 0; r < rows; r++, out += 2 * out_row, x += x_row) {
        float most = largest(x, n), s[SUMS] = {0};
        uint8_t *rest = out + out_row;

        for (int i = 0; i < n; i++) {
            float e = expf(x[i] - most), v = e * 127.0f, whole = rintf(v);
            s[i % SUMS] += e;
            out[i] = (uint8_t)(128 + (isfinite(whole) ? (int)whole : 0));
            rest[i] = (uint8_t)(128 + (isfinite(v) ? (int)lrintf((v - whole) * 254.0f) : 0));
        }
        for (int i = n; i % 4 != 0; i++)
            out[i] = rest[i] = 128;
        scale[2 * r] = 1.0f / (127.0f * total(s));
        scale[2 * r + 1] = scale[2 * r] / 254.0f;
    }
}

static float cached(const k_attend *a, size_t at)
{
    return a->bf16 ? k_from_bf16(((const uint16_t *)a->cache)[at]) : ((const float *)a->cache)[at];
}

static void attend(const k_attend *a)
{
    for (int h = 0; h < a->heads; h++) {
        size_t from = (size_t)h * (size_t)a->width;
        float *weights = a->weights + (size_t)h * (size_t)a->n, *out = a->out + from;
        for (int r = 0; r < a->n; r++) {
            float s[SUMS] = {0};
            for (int i = 0; i < a->width; i++)
                s[i % SUMS] += a->q[from + (size_t)i] * cached(a, (size_t)a->rows[r] * a->row + from + (size_t)i);
            weights[r] = a->scale * total(s);
        }
        softmax(weights, 0, 1, a->n);
        memset(out, 0, (size_t)a->width * sizeof *out);
        for (int r = 0; r < a->n; r++)
            for (int i = 0; i < a->width; i++)
                out[i] += weights[r] * cached(a, (size_t)a->rows[r] * a->row + a->values + from + (size_t)i);
    }
}

static void layer_norm(float *out, const float *in, const float *gain, const float *bias, float eps, int rows, int n)
{
    for (int r = 0; r < rows; r++, in += n, out += n) {
        float mean = sum(in, (size_t)n) / (float)n, s[SUMS] = {0};

        for (int i = 0; i < n; i++)
            s[i % SUMS] += (in[i] - mean) * (in[i] - mean);
        float rate = 1.0f / sqrtf(total(s) / (float)n + eps);
        for (int i = 0; i < n; i++) {
            float v = (in[i] - mean) * rate;
            out[i] = v * (gain != NULL ? gain[i] : 1.0f) + (bias != NULL ? bias[i] : 0.0f);
        }
    }
}

void k_generic_rows(hse_kernels *k)
{
    k->sum = sum;
    k->dot = dot;
    k->sum_squares = sum_squares;
    k->max_abs = max_abs;
    k->largest = largest;
    k->exp_sum = exp_sum;
    k->softmax = softmax;
    k->attend = attend;
    k->exp_bf16 = exp_bf16;
    k->exp_int8 = exp_int8;
    k->layer_norm = layer_norm;
}
