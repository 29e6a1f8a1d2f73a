/* avx512.h - the parts of the AVX-512 table. */
#ifndef HSE_KERNELS_AVX512_H
#define HSE_KERNELS_AVX512_H

#include "kernels/kernels.h"

void k_avx512_gemm(hse_kernels *k);

#endif
