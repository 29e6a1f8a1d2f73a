/* avx2.c - the table of AVX2, FMA, F16C. */
#include "kernels/avx2/vec.h"

#include "kernels/simd/attend.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/panel.h"
#include "kernels/simd/prepare.h"
#include "kernels/simd/rows.h"

#include "kernels/avx2/avx2.h"

void hse_kernels_avx2(hse_kernels *k)
{
    set_elements(k);
    set_rows(k);
    k->attend = k_attend_rows;
    set_prepare(k);
    set_panel(k);
    k_avx2_gemm(k);
}
