/* panel.h - weights and halves on their way into panels, for one instruction set. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_PANEL_H
#define HSE_KERNELS_SIMD_PANEL_H

#include "kernels/convert.h"
#include "kernels/simd/math.h"

/* The first `left` of a vector of floats or halves, zeros behind them; a full vector when left is a constant. */
INLINE vf numbers_at(const char *p, bool halves, int left)
{
    char some[2 * VF_LANES] = {0};

    if (!halves)
        return left == VF_LANES ? vf_load((const float *)(const void *)p) : vf_load_n((const float *)(const void *)p, left);
    if (left < VF_LANES) {
        memcpy(some, p, (size_t)left * 2);
        p = some;
    }
    return vf_load_f16(p);
}

static void k_from_f16(float *out, const void *in, size_t n)
{
    const char *p = in;
    size_t i = 0;

    for (; n - i >= VF_LANES; i += VF_LANES)
        vf_store(out + i, numbers_at(p + 2 * i, true, VF_LANES));
    if (i < n)
        vf_store_n(out + i, numbers_at(p + 2 * i, true, (int)(n - i)), (int)(n - i));
}

/* One row, and the start of the next one's way here from memory. */
INLINE void quantize_row(int8_t *out, float *scale, int32_t *sum, const char *in, bool halves, size_t in_row, int k)
{
    const size_t size = halves ? 2 : 4;
    vi most = vi_zero(), total = vi_zero();
    int i = 0;

    for (; k - i >= VF_LANES; i += VF_LANES) {
        __builtin_prefetch(in + ((size_t)i + in_row) * size);
        most = vi_max(most, vf_bits(vf_abs(numbers_at(in + (size_t)i * size, halves, VF_LANES))));
    }
    if (i < k)
        most = vi_max(most, vf_bits(vf_abs(numbers_at(in + (size_t)i * size, halves, k - i))));
    int32_t bits = vi_largest(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    float factor = k_int8_factor(largest);
    *scale = k_int8_scale(largest);
    if (factor == 0.0f) {
        memset(out, 0, (size_t)((k + 3) / 4 * 4));
        *sum = 0;
        return;
    }
    for (i = 0; k - i >= VF_LANES; i += VF_LANES) {
        vi q = vf_to_int(vf_mul(numbers_at(in + (size_t)i * size, halves, VF_LANES), vf_set1(factor)));
        total = vi_add(total, q);
        vi_store_bytes((uint8_t *)out + i, q, VF_LANES);
    }
    if (i < k) {
        vi q = vf_to_int(vf_mul(numbers_at(in + (size_t)i * size, halves, k - i), vf_set1(factor)));
        total = vi_add(total, q);
        vi_store_bytes((uint8_t *)out + i, q, k - i);
    }
    for (i = k; i % 4 != 0; i++)
        out[i] = 0;
    *sum = vi_total(total);
}

static void k_quantize(int8_t *out, size_t out_row, float *scale, int32_t *sum, const void *in, bool halves, size_t in_row,
                       int rows, int k)
{
    const char *p = in;

    for (int r = 0; r < rows; r++, out += out_row) {
        if (halves)
            quantize_row(out, &scale[r], &sum[r], p + (size_t)r * in_row * 2, true, in_row, k);
        else
            quantize_row(out, &scale[r], &sum[r], p + (size_t)r * in_row * 4, false, in_row, k);
    }
}

/* Blocks of VF_LANES x VF_LANES words. */
static void k_turn(void *out, size_t out_row, const void *in, size_t in_row, int rows, int words)
{
    for (int row = 0; row < rows; row += VF_LANES) {
        int n = rows - row < VF_LANES ? rows - row : VF_LANES;
        for (int word = 0; word < words; word += VF_LANES) {
            int left = words - word < VF_LANES ? words - word : VF_LANES;
            const char *from = (const char *)in + (size_t)row * in_row + (size_t)word * 4;
            char *to = (char *)out + (size_t)word * out_row + (size_t)row * 4;
            vf x[VF_LANES];
            if (n == VF_LANES && left == VF_LANES) {
                UNROLL for (int j = 0; j < VF_LANES; j++) {
                    __builtin_prefetch(from + (size_t)(VF_LANES + j) * in_row);     /* rows of a wide matrix are far apart */
                    x[j] = vf_load((const float *)(const void *)(from + (size_t)j * in_row));
                }
                vf_transpose(x);
                UNROLL for (int i = 0; i < VF_LANES; i++)
                    vf_store((float *)(void *)(to + (size_t)i * out_row), x[i]);
                continue;
            }
            UNROLL for (int j = 0; j < VF_LANES; j++)
                x[j] = j < n ? vf_load_n((const float *)(const void *)(from + (size_t)j * in_row), left) : vf_zero();
            vf_transpose(x);
            UNROLL for (int i = 0; i < VF_LANES; i++)
                if (i < left)
                    vf_store_n((float *)(void *)(to + (size_t)i * out_row), x[i], n);
        }
    }
}

static void set_panel(hse_kernels *k)
{
    k->from_f16 = k_from_f16;
    k->quantize = k_quantize;
    k->turn = k_turn;
}

#endif
