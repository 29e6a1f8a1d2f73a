/* avx512.c - the table of AVX-512 F, BW, DQ, VL. */
#include "kernels/avx512/avx512.h"

void hse_kernels_avx512(hse_kernels *k)
{
    k_avx512_gemm(k);
}
