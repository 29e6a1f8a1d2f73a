/* avx2.h - the parts of the AVX2 table. */
#ifndef HSE_KERNELS_AVX2_H
#define HSE_KERNELS_AVX2_H

#include "kernels/kernels.h"

void k_avx2_gemm(hse_kernels *k);

#endif
