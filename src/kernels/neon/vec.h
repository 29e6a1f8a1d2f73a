/* vec.h - what simd/ needs of aarch64's NEON: 4 floats a vector, 32 registers. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_NEON_VEC_H
#define HSE_KERNELS_NEON_VEC_H

#include "kernels/simd/common.h"

#include <arm_neon.h>

enum {
    VF_LANES = 4, VF_BYTES = 16,
    MOST_ROWS = 12, MOST_VECTORS = 4,       /* of a tile; 24 sums leave room for the weights and an input */
    MOST_WIDE = MOST_VECTORS,              /* vectors of a tile of one or two rows, over several panels */
    FEW_ROWS = 3,
    GROUPS_AT_ONCE = 1536,                  /* of inputs in a stretch: a panel's part is 96 KiB */
    GEMM_ROWS = 24,
};

#define TILES(X, kind)                                                                                                 \
    X(kind, 1, 1) X(kind, 2, 1) X(kind, 3, 1) X(kind, 4, 1) X(kind, 5, 1) X(kind, 6, 1) X(kind, 7, 1) X(kind, 8, 1)    \
    X(kind, 9, 1) X(kind, 10, 1) X(kind, 11, 1) X(kind, 12, 1)                                                         \
    X(kind, 1, 2) X(kind, 2, 2) X(kind, 3, 2) X(kind, 4, 2) X(kind, 5, 2) X(kind, 6, 2) X(kind, 7, 2) X(kind, 8, 2)    \
    X(kind, 9, 2) X(kind, 10, 2) X(kind, 11, 2) X(kind, 12, 2)                                                         \
    X(kind, 1, 3) X(kind, 2, 3) X(kind, 3, 3) X(kind, 4, 3) X(kind, 5, 3) X(kind, 6, 3) X(kind, 7, 3) X(kind, 8, 3)    \
    X(kind, 1, 4) X(kind, 2, 4) X(kind, 3, 4) X(kind, 4, 4) X(kind, 5, 4) X(kind, 6, 4)

static const int most_rows_f32[MOST_VECTORS] = {12, 12, 8, 6};
#define most_rows_bf16 most_rows_f32
#define most_rows_int8 most_rows_f32

typedef float32x4_t vf;
typedef int32x4_t vi;

INLINE vf vf_zero(void) { return vdupq_n_f32(0.0f); }
INLINE vf vf_set1(float x) { return vdupq_n_f32(x); }
INLINE vf vf_spread(const float *p) { return vld1q_dup_f32(p); }
INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
INLINE void vf_store(float *p, vf x) { vst1q_f32(p, x); }

/* There are no masks: a partial vector goes through memory of its own. */
/* The first n of 4 bf16. */
INLINE vf vf_load_bf16(const uint16_t *p, int n)
{
    uint16_t some[VF_LANES] = {0};

    if (n < VF_LANES) {
        memcpy(some, p, (size_t)n * sizeof *p);
        p = some;
    }
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
INLINE vf vf_load_f16(const char *p)
{
    uint16_t half[VF_LANES];

    memcpy(half, p, sizeof half);
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(half)));
}

INLINE vf vf_load_or(const float *p, int n, vf rest)
{
    float lane[VF_LANES];

    if (n >= VF_LANES)
        return vf_load(p);
    vf_store(lane, rest);
    if (n > 0)
        memcpy(lane, p, (size_t)n * sizeof *p);
    return vf_load(lane);
}

INLINE vf vf_load_n(const float *p, int n) { return vf_load_or(p, n, vf_zero()); }

INLINE void vf_store_n(float *p, vf x, int n)
{
    float lane[VF_LANES];

    vf_store(n >= VF_LANES ? p : lane, x);
    if (n > 0 && n < VF_LANES)
        memcpy(p, lane, (size_t)n * sizeof *p);
}

INLINE vf vf_keep_first(vf x, int n)
{
    static const uint32_t count[VF_LANES] = {0, 1, 2, 3};
    uint32x4_t kept = vcltq_u32(vld1q_u32(count), vdupq_n_u32((uint32_t)n));

    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), kept));
}

INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
INLINE vf vf_abs(vf a) { return vabsq_f32(a); }
INLINE vf vf_neg(vf a) { return vnegq_f32(a); }
INLINE vf vf_round(vf a) { return vrndnq_f32(a); }
INLINE uint32x4_t vf_less(vf a, vf b) { return vcltq_f32(a, b); }
INLINE uint32x4_t vf_is_nan(vf a) { return vmvnq_u32(vceqq_f32(a, a)); }
INLINE vf vf_select(uint32x4_t m, vf yes, vf no) { return vbslq_f32(m, yes, no); }
INLINE vf vi_to_float(vi a) { return vcvtq_f32_s32(a); }
INLINE vi vf_to_int(vf a) { return vcvtnq_s32_f32(a); }

/* 2^n for whole n in -126..127 */
INLINE vf vf_exp2(vf n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}

INLINE vf vf_times_exp2(vf x, vf n) { return vf_mul(x, vf_exp2(n)); }

INLINE float vf_total(vf x) { return vaddvq_f32(x); }
INLINE vi vf_bits(vf a) { return vreinterpretq_s32_f32(a); }
INLINE vi vi_max(vi a, vi b) { return vmaxq_s32(a, b); }
INLINE int32_t vi_largest(vi a) { return vmaxvq_s32(a); }
INLINE vi vi_zero(void) { return vdupq_n_s32(0); }

INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
INLINE int32_t vi_total(vi a) { return vaddvq_s32(a); }

/* The low bytes of the first n lanes; those of whole numbers of -127..127 with 128 added. */
INLINE void vi_store_bytes(uint8_t *p, vi x, int n)
{
    uint16x4_t half = vreinterpret_u16_s16(vmovn_s32(x));
    uint8x8_t narrow = vmovn_u16(vcombine_u16(half, half));

    memcpy(p, &narrow, (size_t)(n < VF_LANES ? n : VF_LANES));
}

INLINE void vi_store_offset_bytes(uint8_t *p, vi x, int n) { vi_store_bytes(p, vi_add(x, vdupq_n_s32(128)), n); }

/* x[i][j] <-> x[j][i] */
INLINE void vf_transpose(vf x[VF_LANES])
{
    float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(x[0], x[1])), b = vreinterpretq_f64_f32(vtrn2q_f32(x[0], x[1]));
    float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(x[2], x[3])), d = vreinterpretq_f64_f32(vtrn2q_f32(x[2], x[3]));

    x[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    x[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    x[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    x[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}

INLINE vi vi_spread32(const void *p)
{
    int32_t v;

    memcpy(&v, p, sizeof v);
    return vdupq_n_s32(v);
}

INLINE int8x16_t v8_load(const char *p) { return vld1q_s8((const int8_t *)p); }

#ifndef HSE_KERNELS_NEON_BF16
enum { BF16_PASSES = 2 };

/* The first n lanes as bf16, to nearest even, NaN kept. */
INLINE void vf_store_bf16(uint16_t *p, vf x, int n)
{
    uint32x4_t u = vreinterpretq_u32_f32(x), odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    uint32x4_t rounded = vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff)));

    rounded = vbslq_u32(vf_is_nan(x), vorrq_u32(u, vdupq_n_u32(0x400000)), rounded);
    uint16x4_t narrow = vshrn_n_u32(rounded, 16);
    memcpy(p, &narrow, n <= 0 ? 0 : (size_t)(n < VF_LANES ? n : VF_LANES) * sizeof *p);
}

/* bf16 pairs by widening: the first of each pair in pass 0, the second in pass 1. */
typedef vf v16;

INLINE v16 v16_half(uint32x4_t pairs, int pass)
{
    return vreinterpretq_f32_u32(pass == 0 ? vshlq_n_u32(pairs, 16) : vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
}

INLINE v16 v16_weights(const char *p, int pass) { return v16_half(vreinterpretq_u32_s8(v8_load(p)), pass); }
INLINE v16 v16_inputs(const char *p, int pass) { return v16_half(vreinterpretq_u32_s32(vi_spread32(p)), pass); }
INLINE vf v16_add_products(vf sum, v16 in, v16 w) { return vfmaq_f32(sum, in, w); }
#endif

enum { INT8_PASSES = 1 };

typedef int8x16_t v8;

#ifndef HSE_KERNELS_NEON_DOT
/* int8 fours by exact 16-bit products, added in pairs twice. Inputs lose their offset on the way, so there is nothing
 * to undo afterwards. */
INLINE vi v8_add_products(vi sum, v8 in, v8 w)
{
    vi low = vpaddlq_s16(vmull_s8(vget_low_s8(in), vget_low_s8(w))), high = vpaddlq_s16(vmull_high_s8(in, w));
    return vaddq_s32(sum, vpaddq_s32(low, high));
}
#else
INLINE vi v8_add_products(vi sum, v8 in, v8 w) { return vdotq_s32(sum, w, in); }
#endif

INLINE v8 v8_weights(const char *p, int pass) { (void)pass; return v8_load(p); }

INLINE v8 v8_inputs(const char *p, int pass)
{
    (void)pass;
    return veorq_s8(vreinterpretq_s8_s32(vi_spread32(p)), vdupq_n_s8(-128));
}

INLINE vi v8_start(const int32_t *comp) { (void)comp; return vdupq_n_s32(0); }

#endif
