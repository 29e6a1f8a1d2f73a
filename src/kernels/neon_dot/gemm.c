/* gemm.c - int8 products by SDOT, on weights that the NEON table packed. */
#define HSE_KERNELS_NEON_DOT
#include "kernels/neon/vec.h"

#include "kernels/simd/gemm.h"

#include "kernels/neon/neon.h"

GEMM(int8)

void k_neon_dot(hse_kernels *k)
{
    k->gemm[K_INT8] = gemm_int8;
}
