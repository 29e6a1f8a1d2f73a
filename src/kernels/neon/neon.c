/* neon.c - the table of aarch64. */
#include "kernels/neon/vec.h"

#include "kernels/simd/attend.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/panel.h"
#include "kernels/simd/prepare.h"
#include "kernels/simd/rows.h"

#include "kernels/neon/neon.h"

void hse_kernels_neon(hse_kernels *k)
{
    set_elements(k);
    set_rows(k);
    k->attend = k_attend_rows;
    set_prepare(k);
    set_panel(k);
    k_neon_gemm(k);
    if (k->cpu & HSE_CPU_NEON_DOT)
        k_neon_dot(k);
    if (k->cpu & HSE_CPU_NEON_BF16)
        k_neon_bf16(k);
}
