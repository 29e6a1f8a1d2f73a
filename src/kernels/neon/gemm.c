/* gemm.c - packed products with NEON; bf16 and int8 by widening, for machines without the instructions. */
#include "kernels/neon/vec.h"

#include "kernels/simd/gemm.h"

#include "kernels/neon/neon.h"

GEMM(f32)
GEMM(bf16)
GEMM(int8)

#include "kernels/simd/matmul.h"

static const k_layout layout = {.lanes = VF_LANES, .vectors = MOST_VECTORS};

static size_t pack_size(k_weight_type type, int n, int k, int taps)
{
    return k_pack_size(&layout, type, n, k, taps);
}

static void pack(k_packed *p, void *block, k_weight_type type, int n, int k, int taps, const float *w, size_t w_n,
                 size_t w_t, size_t w_i)
{
    k_pack(&layout, p, block, type, n, k, taps, w, w_n, w_t, w_i);
}

void k_neon_gemm(hse_kernels *k)
{
    k->pack_size = pack_size;
    k->pack = pack;
    k->gemm[K_F32] = gemm_f32;
    k->gemm[K_BF16] = gemm_bf16;
    k->gemm[K_INT8] = gemm_int8;
    for (int type = 0; type < K_WEIGHT_TYPES; type++)
        k->gemm_rows[type] = GEMM_ROWS;
    k->matmul_nt = k_matmul_nt;
    k->matmul_nn = k_matmul_nn;
}
