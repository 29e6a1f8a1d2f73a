/* gemm.c - packed products with NEON; bf16 and int8 by widening, for machines without the instructions. */
#include "kernels/neon/vec.h"

#include "kernels/simd/gemm.h"

#include "kernels/neon/neon.h"

GEMM(f32)
GEMM(bf16)
GEMM(int8)

#include "kernels/simd/matmul.h"
#include "kernels/simd/products.h"

void k_neon_gemm(hse_kernels *k)
{
    fill_products(k);
}
