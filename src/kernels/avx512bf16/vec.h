/* vec.h - AVX-512 with BF16 and VNNI: two bf16 or four 8-bit products a lane and instruction. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_AVX512BF16_VEC_H
#define HSE_KERNELS_AVX512BF16_VEC_H

#define HSE_KERNELS_AVX512_DOT
#include "kernels/avx512/vec.h"

enum { BF16_PASSES = 1, INT8_PASSES = 1 };

typedef vi v16;
typedef vi v8;

INLINE void vf_store_bf16(uint16_t *p, vf x, int n)
{
    _mm256_mask_storeu_epi16(p, vf_first(n), (__m256i)_mm512_cvtneps_pbh(x));
}

/* Both halves of a pair in one instruction, which flushes subnormal inputs and results to zero. */
INLINE v16 v16_weights(const char *p, int pass) { (void)pass; return _mm512_loadu_si512(p); }
INLINE v16 v16_inputs(const char *p, int pass) { (void)pass; return vi_spread32(p); }
INLINE vf v16_add_products(vf sum, v16 in, v16 w) { return _mm512_dpbf16_ps(sum, (__m512bh)in, (__m512bh)w); }

INLINE v8 v8_weights(const char *p, int pass) { (void)pass; return _mm512_loadu_si512(p); }
INLINE v8 v8_inputs(const char *p, int pass) { (void)pass; return vi_spread32(p); }

/* In assembly, because GCC 12 keeps two copies of the sums of a large tile when it sees through the intrinsic. */
INLINE vi v8_add_products(vi sum, v8 in, v8 w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(in), "v"(w));
    return sum;
}


INLINE vi v8_start(const int32_t *comp) { return _mm512_loadu_si512(comp); }

#endif
