/* rows.h - sums over a row, and what is built on them, for one instruction set. A row of n elements always goes through
 * the same four vectors of sums in the same order. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_ROWS_H
#define HSE_KERNELS_SIMD_ROWS_H

#include "kernels/simd/math.h"

#include <math.h>

typedef enum { SUM_PLAIN, SUM_PRODUCTS, SUM_SQUARED_DISTANCES } k_sum_kind;

/* The sum s with one more vector: x, x y, or (x - y)^2. */
INLINE vf sum_with(k_sum_kind kind, vf s, vf x, vf y)
{
    if (kind == SUM_PLAIN)
        return vf_add(s, x);
    if (kind == SUM_PRODUCTS)
        return vf_fma(x, y, s);
    vf d = vf_sub(x, y);
    return vf_fma(d, d, s);
}

/* y comes from b, or is `same` in every lane when b is NULL. Beyond n, x reads as `same`, y too: nothing is added. */
INLINE float sum_row(k_sum_kind kind, const float *a, const float *b, float same, size_t n)
{
    vf sum[4], y = vf_set1(same);
    size_t i = 0;

    UNROLL for (int j = 0; j < 4; j++)
        sum[j] = vf_zero();
    for (; n - i >= 4 * VF_LANES; i += 4 * VF_LANES)
        UNROLL for (int j = 0; j < 4; j++) {
            size_t at = i + (size_t)(j * VF_LANES);
            sum[j] = sum_with(kind, sum[j], vf_load(a + at), b != NULL ? vf_load(b + at) : y);
        }
    for (; n - i >= VF_LANES; i += VF_LANES)
        sum[0] = sum_with(kind, sum[0], vf_load(a + i), b != NULL ? vf_load(b + i) : y);
    if (i < n) {
        int left = (int)(n - i);
        sum[1] = sum_with(kind, sum[1], vf_load_or(a + i, left, y), b != NULL ? vf_load_or(b + i, left, y) : y);
    }
    return vf_total(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
}

static float k_sum(const float *x, size_t n)
{
    return sum_row(SUM_PLAIN, x, NULL, 0.0f, n);
}

static float k_sum_squares(const float *x, size_t n)
{
    return sum_row(SUM_PRODUCTS, x, x, 0.0f, n);
}

static float k_dot(const float *a, const float *b, size_t n)
{
    return sum_row(SUM_PRODUCTS, a, b, 0.0f, n);
}

/* As bits, magnitudes order like numbers, with NaN above all. */
static float k_max_abs(const float *x, size_t n)
{
    vi most = vi_zero();
    size_t i = 0;

    for (; n - i >= VF_LANES; i += VF_LANES)
        most = vi_max(most, vf_bits(vf_abs(vf_load(x + i))));
    if (i < n)
        most = vi_max(most, vf_bits(vf_abs(vf_load_n(x + i, (int)(n - i)))));
    int32_t bits = vi_largest(most);
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

static void k_softmax(float *x, size_t row, int rows, int n)
{
    for (int r = 0; r < rows; r++, x += row) {
        vf most = vf_set1(largest_of(x, n)), sum = vf_zero(), lowest = vf_set1(-INFINITY);
        int i = 0;

        for (; n - i >= VF_LANES; i += VF_LANES) {
            vf e = vf_exp(vf_sub(vf_load(x + i), most));
            vf_store(x + i, e);
            sum = vf_add(sum, e);
        }
        if (i < n) {
            vf e = vf_keep_first(vf_exp(vf_sub(vf_load_or(x + i, n - i, lowest), most)), n - i);
            vf_store_n(x + i, e, n - i);
            sum = vf_add(sum, e);
        }
        vf scale = vf_set1(1.0f / vf_total(sum));
        for (i = 0; n - i >= VF_LANES; i += VF_LANES)
            vf_store(x + i, vf_mul(vf_load(x + i), scale));
        if (i < n)
            vf_store_n(x + i, vf_mul(vf_load_n(x + i, n - i), scale), n - i);
    }
}

static float k_largest(const float *x, int n)
{
    return largest_of(x, n);
}

static float k_exp_sum(const float *x, float most, int n)
{
    vf sum[4], top = vf_set1(most);
    int i = 0;

    UNROLL for (int j = 0; j < 4; j++)
        sum[j] = vf_zero();
    for (; n - i >= 4 * VF_LANES; i += 4 * VF_LANES)
        UNROLL for (int j = 0; j < 4; j++)
            sum[j] = vf_add(sum[j], vf_exp(vf_sub(vf_load(x + i + j * VF_LANES), top)));
    for (; i < n; i += VF_LANES) {
        int left = n - i < VF_LANES ? n - i : VF_LANES;
        sum[0] = vf_add(sum[0], vf_keep_first(vf_exp(vf_sub(vf_load_n(x + i, left), top)), left));
    }
    return vf_total(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
}

static void k_layer_norm(float *out, const float *in, const float *gain, const float *bias, float eps, int rows, int n)
{
    for (int r = 0; r < rows; r++, in += n, out += n) {
        float mean = sum_row(SUM_PLAIN, in, NULL, 0.0f, (size_t)n) / (float)n;
        float variance = sum_row(SUM_SQUARED_DISTANCES, in, NULL, mean, (size_t)n) / (float)n;
        vf centre = vf_set1(mean), rate = vf_set1(1.0f / sqrtf(variance + eps)), one = vf_set1(1.0f);

        for (int i = 0; i < n; i += VF_LANES) {
            int left = n - i < VF_LANES ? n - i : VF_LANES;
            vf y = vf_mul(vf_sub(vf_load_n(in + i, left), centre), rate);
            vf by = gain != NULL ? vf_load_n(gain + i, left) : one;
            y = vf_fma(y, by, bias != NULL ? vf_load_n(bias + i, left) : vf_zero());
            vf_store_n(out + i, y, left);
        }
    }
}

static void set_rows(hse_kernels *k)
{
    k->sum = k_sum;
    k->sum_squares = k_sum_squares;
    k->dot = k_dot;
    k->max_abs = k_max_abs;
    k->largest = k_largest;
    k->exp_sum = k_exp_sum;
    k->softmax = k_softmax;
    k->layer_norm = k_layer_norm;
}

#endif
