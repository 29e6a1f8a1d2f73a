/* gemm.c - bf16 and int8 products by AVX512_BF16 and AVX512_VNNI, on weights that the AVX-512 table packed. */
#include "kernels/avx512bf16/vec.h"

#include "kernels/simd/gemm.h"
#include "kernels/simd/prepare.h"

GEMM(bf16)
GEMM(int8)

void hse_kernels_avx512_bf16(hse_kernels *k)
{
    k->gemm[K_BF16] = gemm_bf16;
    k->gemm[K_INT8] = gemm_int8;
    set_prepare(k);
}
