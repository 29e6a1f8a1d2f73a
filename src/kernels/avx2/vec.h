/* vec.h - what simd/ needs of AVX2, FMA, F16C: 8 floats a vector, 16 registers. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_AVX2_VEC_H
#define HSE_KERNELS_AVX2_VEC_H

#include "kernels/simd/common.h"

#include <immintrin.h>

enum {
    VF_LANES = 8, VF_BYTES = 32,
    MOST_ROWS = 12, MOST_VECTORS = 2,       /* of a tile; 12 sums leave room for the weights and an input */
    MOST_WIDE = 4 * MOST_VECTORS,          /* vectors of a tile of one or two rows, over several panels */
    FEW_ROWS = 3,
    GROUPS_AT_ONCE = 1536,                  /* of inputs in a stretch: a panel's part is 96 KiB */
    GEMM_ROWS = 12,
    BF16_PASSES = 2, INT8_PASSES = 2,
};

#define TILES(X, kind)                                                                                                 \
    X(kind, 1, 1) X(kind, 2, 1) X(kind, 3, 1) X(kind, 4, 1) X(kind, 5, 1) X(kind, 6, 1) X(kind, 7, 1) X(kind, 8, 1)    \
    X(kind, 9, 1) X(kind, 10, 1) X(kind, 11, 1) X(kind, 12, 1)                                                         \
    X(kind, 1, 2) X(kind, 2, 2) X(kind, 3, 2) X(kind, 4, 2) X(kind, 5, 2) X(kind, 6, 2)                        \
    X(kind, 2, 4) X(kind, 1, 8)

static const int most_rows_f32[MOST_VECTORS] = {12, 6};
static const int most_rows_bf16[MOST_VECTORS] = {8, 4};     /* widening takes registers */
#define most_rows_int8 most_rows_f32

typedef __m256 vf;
typedef __m256i vi;

/* All bits in the first n lanes. */
INLINE vi vf_first(int n)
{
    static const int32_t edge[2 * VF_LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    int from = n >= VF_LANES ? 0 : n > 0 ? VF_LANES - n : VF_LANES;

    return _mm256_loadu_si256((const __m256i *)(const void *)(edge + from));
}

INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
INLINE vf vf_set1(float x) { return _mm256_set1_ps(x); }
INLINE vf vf_spread(const float *p) { return _mm256_broadcast_ss(p); }
INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
INLINE vf vf_load_n(const float *p, int n) { return n >= VF_LANES ? vf_load(p) : _mm256_maskload_ps(p, vf_first(n)); }

/* The first n of 8 bf16. */
INLINE vf vf_load_bf16(const uint16_t *p, int n)
{
    uint16_t some[VF_LANES] = {0};

    if (n < VF_LANES) {
        memcpy(some, p, (size_t)n * sizeof *p);
        p = some;
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}
INLINE vf vf_load_f16(const char *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)); }
INLINE vf vf_load_or(const float *p, int n, vf rest)
{
    return _mm256_blendv_ps(rest, vf_load_n(p, n), _mm256_castsi256_ps(vf_first(n)));
}

INLINE vf vf_keep_first(vf x, int n) { return _mm256_and_ps(x, _mm256_castsi256_ps(vf_first(n))); }

INLINE void vf_store_n(float *p, vf x, int n)
{
    if (n >= VF_LANES)
        vf_store(p, x);
    else
        _mm256_maskstore_ps(p, vf_first(n), x);
}

INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf vf_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vf vf_neg(vf a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
INLINE vf vf_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf vf_less(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
INLINE vf vf_is_nan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
INLINE vf vf_select(vf m, vf yes, vf no) { return _mm256_blendv_ps(no, yes, m); }
INLINE vf vi_to_float(vi a) { return _mm256_cvtepi32_ps(a); }
INLINE vi vf_to_int(vf a) { return _mm256_cvtps_epi32(a); }

/* 2^n for whole n in -126..127 */
INLINE vf vf_exp2(vf n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}

INLINE vf vf_times_exp2(vf x, vf n) { return vf_mul(x, vf_exp2(n)); }

INLINE float vf_total(vf x)
{
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

INLINE vi vf_bits(vf a) { return _mm256_castps_si256(a); }
INLINE vi vi_max(vi a, vi b) { return _mm256_max_epi32(a, b); }
INLINE vi vi_zero(void) { return _mm256_setzero_si256(); }

INLINE int32_t vi_largest(vi a)
{
    __m128i q = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));

    q = _mm_max_epi32(q, _mm_shuffle_epi32(q, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

/* The low half of each lane, side by side. */
INLINE __m128i vi_narrow(vi x)
{
    return _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

/* The first n lanes as bf16, to nearest even, NaN kept. */
INLINE void vf_store_bf16(uint16_t *p, vf x, int n)
{
    vi u = vf_bits(x), odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    vi rounded = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    vi quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));

    rounded = vf_bits(vf_select(vf_is_nan(x), _mm256_castsi256_ps(quiet), _mm256_castsi256_ps(rounded)));
    __m128i narrow = vi_narrow(_mm256_srli_epi32(rounded, 16));
    if (n >= VF_LANES)
        _mm_storeu_si128((__m128i *)(void *)p, narrow);
    else if (n > 0)
        memcpy(p, &narrow, (size_t)n * sizeof *p);
}

INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }

INLINE int32_t vi_total(vi a)
{
    __m128i q = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));

    q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

/* The low bytes of the first n lanes; those of whole numbers of -127..127 with 128 added. */
INLINE void vi_store_bytes(uint8_t *p, vi x, int n)
{
    __m128i narrow = vi_narrow(_mm256_and_si256(x, _mm256_set1_epi32(255)));

    narrow = _mm_packus_epi16(narrow, narrow);
    memcpy(p, &narrow, (size_t)(n < VF_LANES ? n : VF_LANES));
}

INLINE void vi_store_offset_bytes(uint8_t *p, vi x, int n) { vi_store_bytes(p, vi_add(x, _mm256_set1_epi32(128)), n); }

/* x[i][j] <-> x[j][i]: pairs of 32 and 64 bits inside halves, then the halves. */
INLINE void vf_transpose(vf x[VF_LANES])
{
    vf y[VF_LANES];

    UNROLL for (int i = 0; i < 8; i += 4) {
        vf a = _mm256_unpacklo_ps(x[i], x[i + 1]), b = _mm256_unpackhi_ps(x[i], x[i + 1]);
        vf c = _mm256_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);
        y[i] = _mm256_shuffle_ps(a, c, 0x44);
        y[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        y[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        y[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(y[i], y[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(y[i], y[i + 4], 0x31);
    }
}

INLINE vi vi_spread32(const void *p)
{
    int32_t v;

    memcpy(&v, p, sizeof v);
    return _mm256_set1_epi32(v);
}

INLINE vi vi_load(const char *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

/* bf16 pairs by widening: the first of each pair in pass 0, the second in pass 1. */
typedef vf v16;

INLINE v16 v16_half(vi pairs, int pass)
{
    return _mm256_castsi256_ps(pass == 0 ? _mm256_slli_epi32(pairs, 16)
                                         : _mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000u)));
}

INLINE v16 v16_weights(const char *p, int pass) { return v16_half(vi_load(p), pass); }
INLINE v16 v16_inputs(const char *p, int pass) { return v16_half(vi_spread32(p), pass); }
INLINE vf v16_add_products(vf sum, v16 in, v16 w) { return _mm256_fmadd_ps(in, w, sum); }

/* int8 fours by exact products of 16-bit numbers: bytes 0 and 2 of each four in pass 0, bytes 1 and 3 in pass 1. */
typedef vi v8;

INLINE v8 v8_weights(const char *p, int pass)
{
    vi four = vi_load(p);
    return _mm256_srai_epi16(pass == 0 ? _mm256_slli_epi16(four, 8) : four, 8);
}

INLINE v8 v8_inputs(const char *p, int pass)
{
    vi four = vi_spread32(p);
    return pass == 0 ? _mm256_and_si256(four, _mm256_set1_epi16(0xff)) : _mm256_srli_epi16(four, 8);
}

INLINE vi v8_add_products(vi sum, v8 in, v8 w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(in, w)); }
INLINE vi v8_start(const int32_t *comp) { return vi_load((const char *)comp); }

#endif
