/* avx512.c - the table of AVX-512 F, BW, DQ, VL. */
#include "kernels/avx512/vec.h"

#include "kernels/simd/attend.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/panel.h"
#include "kernels/simd/prepare.h"
#include "kernels/simd/rows.h"

#include "kernels/avx512/avx512.h"

void hse_kernels_avx512(hse_kernels *k)
{
    set_elements(k);
    set_rows(k);
    k->attend = k_attend_rows;
    set_prepare(k);
    set_panel(k);
    k_avx512_gemm(k);
}
