/* avx2.c - the table of AVX2, FMA, F16C. */
#include "kernels/avx2/vec.h"

#include "kernels/simd/attend.h"
#include "kernels/simd/elements.h"
#include "kernels/simd/prepare.h"
#include "kernels/simd/rows.h"

#include "kernels/avx2/avx2.h"

static void from_f16(float *out, const void *in, size_t n)
{
    const char *p = in;
    size_t i = 0;

    for (; n - i >= VF_LANES; i += VF_LANES)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p + 2 * i))));
    if (i < n) {
        char half[2 * VF_LANES] = {0};
        float whole[VF_LANES];
        memcpy(half, p + 2 * i, 2 * (n - i));
        _mm256_storeu_ps(whole, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)half)));
        memcpy(out + i, whole, (n - i) * sizeof *out);
    }
}

void hse_kernels_avx2(hse_kernels *k)
{
    set_elements(k);
    set_rows(k);
    k->attend = k_attend_rows;
    set_prepare(k);
    k->from_f16 = from_f16;
    k_avx2_gemm(k);
}
