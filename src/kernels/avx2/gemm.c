/* gemm.c - packed products with AVX2; bf16 and int8 by widening, for machines without the instructions. */
#include "kernels/avx2/vec.h"

#include "kernels/simd/gemm.h"

#include "kernels/avx2/avx2.h"

GEMM(f32)
GEMM(bf16)
GEMM(int8)

#include "kernels/simd/matmul.h"
#include "kernels/simd/products.h"

void k_avx2_gemm(hse_kernels *k)
{
    fill_products(k);
}
