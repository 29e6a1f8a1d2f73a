/* prepare.h - activations into the reduced types, for one instruction set. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_PREPARE_H
#define HSE_KERNELS_SIMD_PREPARE_H

#include "kernels/convert.h"
#include "kernels/simd/math.h"

static void k_to_bf16_rows(uint16_t *out, size_t out_row, const float *in, size_t in_row, int rows, int k, k_act act,
                           float slope)
{
    for (int r = 0; r < rows; r++, out += out_row, in += in_row) {
        int i = 0;
        for (; k - i >= VF_LANES; i += VF_LANES)
            vf_store_bf16(out + i, vf_act(vf_load(in + i), act, slope), VF_LANES);
        if (i < k)
            vf_store_bf16(out + i, vf_act(vf_load_n(in + i, k - i), act, slope), k - i);
        if (k % 2)
            out[k] = 0;
    }
}

/* The largest magnitude after the activation. As bits, magnitudes order like numbers, with NaN above all. */
INLINE float largest_after(const float *in, size_t in_row, int k, k_act act, float slope)
{
    vi most = vi_zero();
    int i = 0;

    for (; k - i >= VF_LANES; i += VF_LANES) {
        __builtin_prefetch(in + in_row + i);                    /* the next row is on its way meanwhile */
        most = vi_max(most, vf_bits(vf_abs(vf_act(vf_load(in + i), act, slope))));
    }
    if (i < k) {
        vf last = vf_keep_first(vf_act(vf_load_n(in + i, k - i), act, slope), k - i);
        most = vi_max(most, vf_bits(vf_abs(last)));
    }
    int32_t bits = vi_largest(most);
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

static void k_to_int8_rows(uint8_t *out, size_t out_row, float *scale, const float *in, size_t in_row, int rows, int k,
                           k_act act, float slope)
{
    for (int r = 0; r < rows; r++, out += out_row, in += in_row) {
        float most = largest_after(in, in_row, k, act, slope), factor = k_int8_factor(most);
        int i = 0;

        scale[r] = k_int8_scale(most);
        if (factor == 0.0f) {                                   /* no range, or none that is a number: all zeros */
            memset(out, 128, (size_t)((k + 3) / 4 * 4));
            continue;
        }
        vf f = vf_set1(factor);
        for (; k - i >= VF_LANES; i += VF_LANES)
            vi_store_offset_bytes(out + i, vf_to_int(vf_mul(vf_act(vf_load(in + i), act, slope), f)), VF_LANES);
        if (i < k)
            vi_store_offset_bytes(out + i, vf_to_int(vf_mul(vf_act(vf_load_n(in + i, k - i), act, slope), f)), k - i);
        for (i = k; i % 4 != 0; i++)
            out[i] = 128;
    }
}

/* `left` lanes of e^(x - most), zeros behind them. */
INLINE vf weights_at_row(const float *x, int left, vf most)
{
    if (left >= VF_LANES)
        return vf_exp_below(vf_sub(vf_load(x), most));
    return vf_keep_first(vf_exp_below(vf_sub(vf_load_n(x, left), most)), left);
}

static void k_exp_bf16_rows(uint16_t *out, size_t out_row, float *scale, const float *x, size_t x_row, int rows, int n)
{
    for (int r = 0; r < rows; r++, out += out_row, x += x_row) {
        vf base = vf_set1(1.44269504f), most = vf_set1(-1.44269504f * largest_of(x, n)), sum = vf_zero();
        int i = 0;

        for (; n - i >= VF_LANES; i += VF_LANES) {
            vf e = vf_exp2_coarse(vf_fma(vf_load(x + i), base, most));
            sum = vf_add(sum, e);
            vf_store_bf16(out + i, e, VF_LANES);
        }
        if (i < n) {
            vf e = vf_keep_first(vf_exp2_coarse(vf_fma(vf_load_n(x + i, n - i), base, most)), n - i);
            sum = vf_add(sum, e);
            vf_store_bf16(out + i, e, n - i);
        }
        if (n % 2)
            out[n] = 0;
        scale[r] = 1.0f / vf_total(sum);
    }
}

static void k_exp_int8_rows(uint8_t *out, size_t out_row, float *scale, const float *x, size_t x_row, int rows, int n)
{
    for (int r = 0; r < rows; r++, out += 2 * out_row, x += x_row) {
        vf most = vf_set1(largest_of(x, n)), sum = vf_zero();
        uint8_t *rest = out + out_row;

        for (int i = 0; i < n; i += VF_LANES) {
            int left = n - i < VF_LANES ? n - i : VF_LANES;
            vf e = weights_at_row(x + i, n - i, most), v = vf_mul(e, vf_set1(127.0f)), whole = vf_round(v);
            sum = vf_add(sum, e);
            vi_store_offset_bytes(out + i, vf_to_int(whole), left);
            vi_store_offset_bytes(rest + i, vf_to_int(vf_mul(vf_sub(v, whole), vf_set1(254.0f))), left);
        }
        for (int i = n; i % 4 != 0; i++)
            out[i] = rest[i] = 128;
        scale[2 * r] = 1.0f / (127.0f * vf_total(sum));
        scale[2 * r + 1] = scale[2 * r] / 254.0f;
    }
}

static void set_prepare(hse_kernels *k)
{
    k->to_bf16 = k_to_bf16_rows;
    k->to_int8 = k_to_int8_rows;
    k->exp_bf16 = k_exp_bf16_rows;
    k->exp_int8 = k_exp_int8_rows;
}

#endif
