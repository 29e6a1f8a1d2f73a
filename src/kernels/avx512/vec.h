/* vec.h - what simd/ needs of AVX-512 F, BW, DQ, VL: 16 floats a vector, 32 registers, masks for tails. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_AVX512_VEC_H
#define HSE_KERNELS_AVX512_VEC_H

#include "kernels/simd/common.h"

#include <immintrin.h>

enum {
    VF_LANES = 16, VF_BYTES = 64,
    MOST_ROWS = 24, MOST_VECTORS = 4,       /* of a tile; 24 sums leave room for the weights and an input */
    MOST_WIDE = MOST_VECTORS,              /* vectors of a tile of one or two rows, over several panels */
    FEW_ROWS = 3,
    GROUPS_AT_ONCE = 1536,                  /* of inputs in a stretch: a panel's part is 384 KiB */
    GEMM_ROWS = 24,
};

#define TILES(X, kind)                                                                                                 \
    X(kind, 1, 1) X(kind, 2, 1) X(kind, 3, 1) X(kind, 4, 1) X(kind, 5, 1) X(kind, 6, 1) X(kind, 7, 1) X(kind, 8, 1)    \
    X(kind, 9, 1) X(kind, 10, 1) X(kind, 11, 1) X(kind, 12, 1) X(kind, 24, 1)                                         \
    X(kind, 1, 2) X(kind, 2, 2) X(kind, 3, 2) X(kind, 4, 2) X(kind, 5, 2) X(kind, 6, 2) X(kind, 7, 2) X(kind, 8, 2)    \
    X(kind, 9, 2) X(kind, 10, 2) X(kind, 11, 2) X(kind, 12, 2)                                                         \
    X(kind, 1, 3) X(kind, 2, 3) X(kind, 3, 3) X(kind, 4, 3) X(kind, 5, 3) X(kind, 6, 3) X(kind, 7, 3) X(kind, 8, 3)    \
    X(kind, 1, 4) X(kind, 2, 4) X(kind, 3, 4) X(kind, 4, 4) X(kind, 5, 4) X(kind, 6, 4)

static const int most_rows_f32[MOST_VECTORS] = {24, 12, 8, 6};
#define most_rows_bf16 most_rows_f32
#define most_rows_int8 most_rows_f32

typedef __m512 vf;
typedef __m512i vi;

INLINE __mmask16 vf_first(int n)
{
    unsigned lanes = n >= VF_LANES ? 0xffffu : n > 0 ? (1u << n) - 1u : 0u;

    return (__mmask16)lanes;
}

INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
INLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
INLINE vf vf_spread(const float *p) { return _mm512_set1_ps(*p); }
INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
INLINE vf vf_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vf_first(n), p); }
INLINE vf vf_load_bf16(const uint16_t *p, int n)
{
    __m256i half = _mm256_maskz_loadu_epi16(vf_first(n), p);

    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
INLINE vf vf_load_f16(const char *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
INLINE vf vf_load_or(const float *p, int n, vf rest) { return _mm512_mask_loadu_ps(rest, vf_first(n), p); }
INLINE vf vf_keep_first(vf x, int n) { return _mm512_maskz_mov_ps(vf_first(n), x); }
INLINE void vf_store_n(float *p, vf x, int n) { _mm512_mask_storeu_ps(p, vf_first(n), x); }
INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
INLINE vf vf_abs(vf a) { return _mm512_abs_ps(a); }
INLINE vf vf_neg(vf a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE __mmask16 vf_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE __mmask16 vf_is_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
INLINE vf vf_select(__mmask16 m, vf yes, vf no) { return _mm512_mask_blend_ps(m, no, yes); }
INLINE vf vi_to_float(vi a) { return _mm512_cvtepi32_ps(a); }
INLINE vi vf_to_int(vf a) { return _mm512_cvtps_epi32(a); }

/* 2^n for whole n in -126..127 */
INLINE vf vf_exp2(vf n)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}

INLINE vf vf_times_exp2(vf x, vf n) { return _mm512_scalef_ps(x, n); }

INLINE float vf_total(vf x)
{
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

INLINE vi vf_bits(vf a) { return _mm512_castps_si512(a); }
INLINE vi vi_max(vi a, vi b) { return _mm512_max_epi32(a, b); }
INLINE int32_t vi_largest(vi a) { return _mm512_reduce_max_epi32(a); }
INLINE vi vi_zero(void) { return _mm512_setzero_si512(); }

INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
INLINE int32_t vi_total(vi a) { return _mm512_reduce_add_epi32(a); }

/* The low bytes of the first n lanes; those of whole numbers of -127..127 with 128 added. */
INLINE void vi_store_bytes(uint8_t *p, vi x, int n) { _mm_mask_storeu_epi8(p, vf_first(n), _mm512_cvtepi32_epi8(x)); }
INLINE void vi_store_offset_bytes(uint8_t *p, vi x, int n) { vi_store_bytes(p, vi_add(x, _mm512_set1_epi32(128)), n); }

/* x[i][j] <-> x[j][i]: pairs of 32 and 64 bits inside quarters, then the quarters. */
INLINE void vf_transpose(vf x[VF_LANES])
{
    vf y[VF_LANES];

    UNROLL for (int i = 0; i < 16; i += 4) {
        vf a = _mm512_unpacklo_ps(x[i], x[i + 1]), b = _mm512_unpackhi_ps(x[i], x[i + 1]);
        vf c = _mm512_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm512_unpackhi_ps(x[i + 2], x[i + 3]);
        y[i] = _mm512_shuffle_ps(a, c, 0x44);
        y[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        y[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        y[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        vf a = _mm512_shuffle_f32x4(y[i], y[i + 4], 0x88), b = _mm512_shuffle_f32x4(y[i], y[i + 4], 0xdd);
        vf c = _mm512_shuffle_f32x4(y[i + 8], y[i + 12], 0x88), d = _mm512_shuffle_f32x4(y[i + 8], y[i + 12], 0xdd);
        x[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        x[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

INLINE vi vi_spread32(const void *p)
{
    int32_t v;

    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}

#ifndef HSE_KERNELS_AVX512_DOT
enum { BF16_PASSES = 2, INT8_PASSES = 2 };

/* The first n lanes as bf16, to nearest even, NaN kept. */
INLINE void vf_store_bf16(uint16_t *p, vf x, int n)
{
    vi u = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    vi rounded = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));

    rounded = _mm512_mask_or_epi32(rounded, vf_is_nan(x), u, _mm512_set1_epi32(0x400000));
    _mm256_mask_storeu_epi16(p, vf_first(n), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

/* bf16 pairs by widening: the first of each pair in pass 0, the second in pass 1. */
typedef vf v16;

INLINE v16 v16_half(vi pairs, int pass)
{
    return _mm512_castsi512_ps(pass == 0 ? _mm512_slli_epi32(pairs, 16)
                                         : _mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000u)));
}

INLINE v16 v16_weights(const char *p, int pass) { return v16_half(_mm512_loadu_si512(p), pass); }
INLINE v16 v16_inputs(const char *p, int pass) { return v16_half(vi_spread32(p), pass); }
INLINE vf v16_add_products(vf sum, v16 in, v16 w) { return _mm512_fmadd_ps(in, w, sum); }

/* int8 fours by exact products of 16-bit numbers: bytes 0 and 2 of each four in pass 0, bytes 1 and 3 in pass 1. */
typedef vi v8;

INLINE v8 v8_weights(const char *p, int pass)
{
    vi four = _mm512_loadu_si512(p);
    return _mm512_srai_epi16(pass == 0 ? _mm512_slli_epi16(four, 8) : four, 8);
}

INLINE v8 v8_inputs(const char *p, int pass)
{
    vi four = vi_spread32(p);
    return pass == 0 ? _mm512_and_si512(four, _mm512_set1_epi16(0xff)) : _mm512_srli_epi16(four, 8);
}

INLINE vi v8_add_products(vi sum, v8 in, v8 w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(in, w)); }
INLINE vi v8_start(const int32_t *comp) { return _mm512_loadu_si512(comp); }
#endif

#endif
