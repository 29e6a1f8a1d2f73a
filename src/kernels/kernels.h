/* kernels.h - the table of hot loops. One field per kernel; plain C fills it, each instruction set overrides.
 *
 * Contract of every field: a count may be 0, pointers need no alignment (packed weights excepted), nothing outside the
 * stated range is read or written. The value of an output element depends on its own inputs only, never on its index, on
 * the other elements or on n: tails go through the same operations (masked vectors, fused multiply-adds) as full vectors.
 * That is what makes a batch bit-identical to its items run alone.
 *
 * Matrices are row-major; a "row stride" is in elements. Kernels know nothing of tensors, items or threads: the caller
 * (nn/) cuts the work into ranges of rows and panels and runs them where it likes. */
#ifndef HSE_KERNELS_H
#define HSE_KERNELS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum {                                      /* instruction sets, as bits; 0 is plain C */
    HSE_CPU_AVX2 = 1,                       /* AVX2, FMA, F16C                          */
    HSE_CPU_AVX512 = 2,                     /* AVX-512 F, BW, DQ, VL                    */
    HSE_CPU_AVX512_BF16 = 4,                /* and BF16, VNNI                           */
    HSE_CPU_NEON = 8,                       /* aarch64 baseline                         */
    HSE_CPU_NEON_DOT = 16,                  /* and SDOT/UDOT                            */
    HSE_CPU_NEON_BF16 = 32,                 /* and BFDOT/BFMMLA                         */
};

unsigned hse_cpu_detect(void);              /* what the machine and its system offer (XCR0 checked) */
/* "generic", "avx2", "avx512", "neon", "auto" (or NULL: environment HSE_CPU, else auto) -> a mask to pass to
 * hse_kernels_get. Each name includes what is below it. HSE_E_ARG for another word, HSE_E_UNSUPPORTED when the machine
 * lacks it. */
hse_status hse_cpu_mask(const char *name, unsigned *mask, hse_error *err);
const char *hse_cpu_name(unsigned mask);    /* "avx512+bf16+vnni" ... for people */

typedef enum { K_F32, K_BF16, K_INT8, K_WEIGHT_TYPES } k_weight_type;

/* What is done to an accumulated element before it is stored. */
typedef enum {
    K_NONE, K_RELU, K_LEAKY_RELU, K_GELU, K_GELU_TANH, K_TANH, K_SIGMOID, K_SILU, K_EXP, K_ELU,
    K_ADD_SIN,                              /* y = leaky_relu(x), y + sin y (slope 1: x + sin x) */
    K_ACTS
} k_act;

/* Packed weights of a linear layer or convolution: n outputs, `taps` taps of k inputs each.
 *
 * The layout belongs to the kernel that packed it (panels of `panel` outputs; within a panel tap by tap, k by k) and must be
 * run by the same table. INT8: symmetric, one scale per output channel; the activations are quantised per row while
 * running, products are exact integers, and each tap is scaled on its own, so a row's result does not depend on its
 * neighbours' ranges. */
typedef struct {
    k_weight_type type;
    int           n, k, taps;               /* k is the true input width */
    int           panel, panels;            /* panels = ceil(n / panel) */
    size_t        panel_bytes;
    void         *data;                     /* 64-byte aligned, panels * panel_bytes */
    float        *scale;                    /* INT8: [n padded to whole panels] */
    int32_t      *comp;                     /* INT8: what undoes the unsigned offset, [taps][n padded] */
} k_packed;

/* out[r][j] = post( act( bias[j] + sum over taps t and inputs i of a[r*a_row + t*a_tap + i] * w[j][t][i] ) )
 * for r < rows and j in the panels [panel_from, panel_to):
 *   v = act(sum + bias[j]);  v = v * scale[j] + shift[j] (when scale);  v = v * alpha;  v += residual[r][j] (when residual)
 * The sum runs over taps in order, inside a tap over i in order, with one accumulator per element (float32 for F32 and BF16;
 * BF16 takes inputs in pairs; INT8 is exact inside a tap). */
typedef struct {
    const k_packed *w;
    const void  *a;                         /* F32: float; BF16: bf16 bits (k_bf16 rows, padded: see a_pad); INT8: uint8 = q + 128 */
    size_t       a_row, a_tap;              /* distance of two output rows / two taps, in elements of a */
    const ptrdiff_t *tap_at;                /* F32, BF16, may be NULL: instead of t * a_tap tap t is read at tap_at[t], in
                                               elements of a: the taps of a 2-D kernel on a flattened grid */
    const float *a_scale;                   /* INT8: scale of input row; row r, tap t uses a_scale[r*a_scale_row + t*a_scale_tap] */
    size_t       a_scale_row, a_scale_tap;
    int          rows, panel_from, panel_to;
    float       *out;
    size_t       out_row;                   /* out points to column 0 of row 0 */
    const float *bias, *scale, *shift;      /* each [n] or NULL */
    const float *residual;                  /* may be the same memory as out */
    size_t       residual_row;
    float        alpha;                     /* 1 = nothing */
    k_act        act;
    float        slope;                     /* of K_LEAKY_RELU */
    /* For a chain of bf16 layers, when not NULL: bf16_act(v) is rounded to bf16 and stored here as well (whatever w's
     * type), columns from n up to a multiple of k_align[K_BF16] as zeros, so that the result is the next layer's input
     * without a pass through memory. out may then be NULL. Must not overlap a. */
    uint16_t    *out_bf16;
    size_t       out_bf16_row;
    k_act        bf16_act;
    float        bf16_slope;
} k_gemm;

/* The attention of one query to n rows of a cache, some heads side by side: the keys of row r begin at cache[rows[r] * row], its
 * values `values` behind them. For each head out[i] = sum over r of softmax(scale * q k)[r] * v[i]. */
typedef struct {
    const float   *q;
    int            heads, width;            /* columns of a head */
    const void    *cache;                   /* float, or bf16 bits */
    bool           bf16;
    size_t         row, values;             /* in elements */
    const int32_t *rows;
    int            n;                       /* at least 1 */
    float          scale;
    float         *weights;                 /* heads * n floats of scratch */
    float         *out;
} k_attend;

typedef struct hse_kernels {
    const char *name;                       /* "generic", "avx2", ... */
    unsigned    cpu;

    /* Packing. get(arg, j, t, i) style access is slow; the source is w[j*w_n + t*w_t + i*w_i] float32 (so a transposed
     * or interleaved checkpoint layout packs without a copy). pack_size says the bytes needed for data, scale and comp together
     * (64-byte aligned parts); pack fills p, whose data points to such a block. bf16 rounds to nearest even. */
    size_t (*pack_size)(k_weight_type type, int n, int k, int taps);
    void   (*pack)(k_packed *p, void *block, k_weight_type type, int n, int k, int taps, const float *w, size_t w_n, size_t w_t,
                   size_t w_i);
    const struct k_layout *layout;          /* of the packed weights: kernels/pack.h packs by it in parts */

    void (*gemm[K_WEIGHT_TYPES])(const k_gemm *g);
    int    gemm_rows[K_WEIGHT_TYPES];       /* rows of one register tile: the caller cuts row ranges at multiples of it */
    int    k_align[K_WEIGHT_TYPES];         /* prepared input rows (BF16, INT8) are zero-padded to a multiple of this */

    /* Activations for the reduced types: `rows` rows of k floats (row stride in), optionally through act first, into rows of
     * stride `out_row` whose tail up to k_align is written with zeros (INT8: with 128). */
    void (*to_bf16)(uint16_t *out, size_t out_row, const float *in, size_t in_row, int rows, int k, k_act act, float slope);
    void (*to_int8)(uint8_t *out, size_t out_row, float *scale, const float *in, size_t in_row, int rows, int k, k_act act,
                    float slope);

    void (*attend)(const k_attend *a);

    /* n half-precision numbers, little-endian, at any alignment; exact. */
    void (*from_f16)(float *out, const void *in, size_t n);

    /* For packing. `rows` rows of k weights (floats, or such halves; row stride in elements) as int8 with each row's scale and sum, by the
     * rule of to_int8; the tail up to a multiple of 4 is zeros, the scale of a row that is not finite NaN. turn: words of 32
     * bits, out[i][j] = in[j][i] for j < rows, i < words; strides in bytes, any alignment of in. */
    void (*quantize)(int8_t *out, size_t out_row, float *scale, int32_t *sum, const void *in, bool halves, size_t in_row, int rows,
                     int k);
    void (*turn)(void *out, size_t out_row, const void *in, size_t in_row, int rows, int words);

    /* Attention weights for such products: e^(x - the row's largest), what they must be multiplied with to sum to 1 in scale. As bf16;
     * or in two parts, row r in the rows 2r (e * 127, rounded) and 2r + 1 (254 times what that left) of int8 inputs. */
    void (*exp_bf16)(uint16_t *out, size_t out_row, float *scale, const float *x, size_t x_row, int rows, int n);
    void (*exp_int8)(uint8_t *out, size_t out_row, float *scale, const float *x, size_t x_row, int rows, int n);

    /* Plain products of two activations (attention, PQMF): c[r][j] = alpha * sum_i a[r][i] * b[j][i] (nt) or
     * alpha * sum_i a[r][i] * b[i][j] (nn), rows x n, k inner. One accumulator per element, i in order. */
    void (*matmul_nt)(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, int rows, int n, int k,
                      float alpha);
    void (*matmul_nn)(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, int rows, int n, int k,
                      float alpha);

    /* Element by element. out may be in. */
    void (*act)(float *out, const float *in, size_t n, k_act act, float slope);
    void (*add)(float *out, const float *a, const float *b, size_t n);
    void (*mul)(float *out, const float *a, const float *b, size_t n);
    void (*axpy)(float *y, const float *x, float a, size_t n);                      /* y += a x, fused */
    void (*scale)(float *out, const float *in, float a, float b, size_t n);         /* a x + b, fused */
    void (*max)(float *out, const float *a, const float *b, size_t n);
    void (*affine)(float *out, const float *in, const float *scale, const float *shift, int rows, int n);   /* per column */
    void (*gate)(float *out, const float *x, const float *shift, size_t n);         /* y = x + shift, 2n each: tanh(y[i]) sigmoid(y[n + i]) */
    void (*highway)(float *x, const float *g, const float *h, size_t n);            /* x = g relu(h) + (1-g) x, g after sigmoid */

    /* Row by row: one row of n elements at a time, sums in a fixed order that depends on n only. */
    void (*softmax)(float *x, size_t row, int rows, int n);
    void (*layer_norm)(float *out, const float *in, const float *gain, const float *bias, float eps, int rows, int n);
    float (*sum)(const float *x, size_t n);
    float (*sum_squares)(const float *x, size_t n);
    float (*dot)(const float *a, const float *b, size_t n);
    float (*max_abs)(const float *x, size_t n);                                     /* 0 for n = 0; NaN if any is NaN */
    float (*largest)(const float *x, int n);                                        /* -infinity for n = 0; NaN counts as less */
    float (*exp_sum)(const float *x, float most, int n);                            /* sum of e^(x - most) for x <= most */

    /* One step of a recurrent layer for one item of width h.
     * LSTM: gates[4h] = W x + U h + biases in the order i, f, g, o (already summed); c and h are updated in place.
     * GRU: x[3h] = W x + b, u[3h] = U h + c in the order r, z, n; h in place. */
    void (*lstm_step)(float *h, float *c, const float *gates, int width);
    void (*gru_step)(float *h, const float *x, const float *u, int width);
} hse_kernels;

/* The table for a mask of HSE_CPU_* bits (those the machine lacks are ignored): built once, constant, never freed. */
const hse_kernels *hse_kernels_get(unsigned mask);

/* Each fills in what it has and leaves the rest; called in ascending order. */
void hse_kernels_generic(hse_kernels *k);
void hse_kernels_avx2(hse_kernels *k);
void hse_kernels_avx512(hse_kernels *k);
void hse_kernels_avx512_bf16(hse_kernels *k);
void hse_kernels_neon(hse_kernels *k);

static inline float k_from_bf16(uint16_t v)
{
    union { uint32_t u; float f; } x = {.u = (uint32_t)v << 16};
    return x.f;
}

#endif
