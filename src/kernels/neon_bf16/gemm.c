/* gemm.c - bf16 products by BFDOT, on weights that the NEON table packed. */
#define HSE_KERNELS_NEON_BF16
#include "kernels/neon/vec.h"

enum { BF16_PASSES = 1 };

typedef bfloat16x8_t v16;

INLINE void vf_store_bf16(uint16_t *p, vf x, int n)
{
    bfloat16x4_t narrow = vcvt_bf16_f32(x);

    memcpy(p, &narrow, n <= 0 ? 0 : (size_t)(n < VF_LANES ? n : VF_LANES) * sizeof *p);
}

INLINE v16 v16_weights(const char *p, int pass)
{
    (void)pass;
    return vreinterpretq_bf16_s8(v8_load(p));
}
INLINE v16 v16_inputs(const char *p, int pass)
{
    (void)pass;
    return vreinterpretq_bf16_s32(vi_spread32(p));
}
INLINE vf v16_add_products(vf sum, v16 in, v16 w)
{
    return vbfdotq_f32(sum, in, w);
}

#include "kernels/simd/gemm.h"
#include "kernels/simd/prepare.h"

#include "kernels/neon/neon.h"

GEMM(bf16)

void k_neon_bf16(hse_kernels *k)
{
    k->gemm[K_BF16] = gemm_bf16;
    set_prepare(k);
}
