/* generic.h - plain C: the reference in behaviour, and what runs where no instruction set is known. It uses libm, whose
 * results do not depend on an element's place. */
#ifndef HSE_KERNELS_GENERIC_H
#define HSE_KERNELS_GENERIC_H

#include "kernels/kernels.h"

float k_generic_act1(float v, k_act act, float slope);
void k_generic_gemm(hse_kernels *k);
void k_generic_rows(hse_kernels *k);
void k_generic_elements(hse_kernels *k);

#endif
