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
INLINE float largest_after(const float *in, int k, k_act act, float slope)
{
    vi most = vi_zero();
    int i = 0;

    for (; k - i >= VF_LANES; i += VF_LANES)
        most = vi_max(most, vf_bits(vf_abs(vf_act(vf_load(in + i), act, slope))));
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
        float most = largest_after(in, k, act, slope), factor = k_int8_factor(most);
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

#endif
