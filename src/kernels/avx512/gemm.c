/* gemm.c - packed products with AVX-512; bf16 and int8 by widening, for machines without the instructions. */
#include "kernels/avx512/vec.h"

#include "kernels/simd/gemm.h"

#include "kernels/avx512/avx512.h"

GEMM(f32)
GEMM(bf16)
GEMM(int8)

#include "kernels/simd/matmul.h"
#include "kernels/simd/products.h"

void k_avx512_gemm(hse_kernels *k)
{
    fill_products(k);
}
