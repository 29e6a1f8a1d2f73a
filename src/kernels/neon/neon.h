/* neon.h - the parts of the NEON table; the folders neon_dot and neon_bf16 are compiled for later cores. */
#ifndef HSE_KERNELS_NEON_H
#define HSE_KERNELS_NEON_H

#include "kernels/kernels.h"

void k_neon_gemm(hse_kernels *k);
void k_neon_dot(hse_kernels *k);
void k_neon_bf16(hse_kernels *k);

#endif
