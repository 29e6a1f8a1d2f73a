/* gemm.c - products with packed weights, and of two activations, in tiles of ROWS x WIDTH sums. The vectors are the
 * compiler's own: four numbers side by side, whatever the target makes of them. */
#include "kernels/generic/generic.h"

#include "kernels/convert.h"
#include "kernels/pack.h"

enum { ROWS = 4, LANES = 4, VECTORS = 2, WIDTH = LANES * VECTORS };

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(16)));

static const k_layout layout = {.lanes = LANES, .vectors = VECTORS};

#define INLINE __attribute__((always_inline)) static inline

INLINE vf spread(float v)
{
    return (vf){v, v, v, v};
}

INLINE vf load(const void *p)
{
    vf v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* What follows adds the products of one tap to sum[r][v]; `rows` and `vectors` are constants wherever it is inlined. */
INLINE void tap_f32(vf sum[][VECTORS], int rows, int vectors, const float *a, size_t a_row, const float *b, int k)
{
    for (int i = 0; i < k; i++)
        for (int v = 0; v < vectors; v++, b += LANES) {
            vf w = load(b);
            for (int r = 0; r < rows; r++)
                sum[r][v] += w * spread(a[(size_t)r * a_row + (size_t)i]);
        }
}

INLINE void tap_bf16(vf sum[][VECTORS], int rows, int vectors, const uint16_t *a, size_t a_row, const uint16_t *b,
                     int k)
{
    for (int i = 0; i < k; i += 2)
        for (int v = 0; v < vectors; v++, b += 2 * LANES) {
            vu w = (vu)load(b);
            vf first = (vf)(w << 16), second = (vf)(w & 0xffff0000u);
            for (int r = 0; r < rows; r++) {
                const uint16_t *pair = a + (size_t)r * a_row + i;
                sum[r][v] += first * spread(k_from_bf16(pair[0]));
                sum[r][v] += second * spread(k_from_bf16(pair[1]));
            }
        }
}

INLINE void tap_int8(vf sum[][VECTORS], int rows, int vectors, const uint8_t *a, size_t a_row, const int8_t *b, int k,
                     const float *scale, size_t scale_row)
{
    vi exact[ROWS][VECTORS] = {0};

    for (int i = 0; i < k; i += 4)
        for (int v = 0; v < vectors; v++, b += 4 * LANES) {
            vi w = (vi)load(b);
            vi part[4] = {w << 24 >> 24, w << 16 >> 24, w << 8 >> 24, w >> 24};
            for (int r = 0; r < rows; r++)
                for (int e = 0; e < 4; e++)
                    exact[r][v] += part[e] * (a[(size_t)r * a_row + (size_t)(i + e)] - 128);
        }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] += __builtin_convertvector(exact[r][v], vf) * spread(scale[(size_t)r * scale_row]);
}

static void finish(const k_gemm *g, size_t r, int from, int width, const float *sum)
{
    const k_packed *w = g->w;
    int n = w->n - from < width ? w->n - from : width;

    for (int j = 0; j < n; j++) {
        size_t at = (size_t)from + (size_t)j;
        float v = w->type == K_INT8 ? sum[j] * w->scale[at] : sum[j];

        v = k_generic_act1(g->bias != NULL ? v + g->bias[at] : v, g->act, g->slope);
        if (g->scale != NULL)
            v = v * g->scale[at] + (g->shift != NULL ? g->shift[at] : 0.0f);
        v *= g->alpha;
        if (g->residual != NULL)
            v += g->residual[r * g->residual_row + at];
        if (g->out != NULL)
            g->out[r * g->out_row + at] = v;
        if (g->out_bf16 != NULL)
            g->out_bf16[r * g->out_bf16_row + at] = k_to_bf16(k_generic_act1(v, g->bf16_act, g->bf16_slope));
    }
    if (g->out_bf16 != NULL && from + n == w->n && w->n % 2)
        g->out_bf16[r * g->out_bf16_row + (size_t)w->n] = 0;
}

INLINE void tile(const k_gemm *g, int panel, int r, int rows, int vectors)
{
    const k_packed *w = g->w;
    const char *b = (const char *)w->data + (size_t)panel * w->panel_bytes;
    int group = k_group(w->type);
    size_t row = (size_t)r * g->a_row, tap = (size_t)((w->k + group - 1) / group) * (size_t)group * (size_t)vectors * LANES;
    vf sum[ROWS][VECTORS] = {0};

    for (int t = 0; t < w->taps; t++) {
        size_t from = (size_t)t * tap;
        ptrdiff_t at = (ptrdiff_t)row + (g->tap_at != NULL ? g->tap_at[t] : (ptrdiff_t)((size_t)t * g->a_tap));
        if (w->type == K_F32)
            tap_f32(sum, rows, vectors, (const float *)g->a + at, g->a_row, (const float *)(const void *)b + from,
                    w->k);
        else if (w->type == K_BF16)
            tap_bf16(sum, rows, vectors, (const uint16_t *)g->a + at, g->a_row,
                     (const uint16_t *)(const void *)b + from, w->k);
        else
            tap_int8(sum, rows, vectors, (const uint8_t *)g->a + at, g->a_row, (const int8_t *)b + from, w->k,
                     g->a_scale + (size_t)r * g->a_scale_row + (size_t)t * g->a_scale_tap, g->a_scale_row);
    }
    for (int i = 0; i < rows; i++) {
        float v[WIDTH];
        memcpy(v, sum[i], sizeof v);
        finish(g, (size_t)r + (size_t)i, panel * w->panel, vectors * LANES, v);
    }
}

static void gemm(const k_gemm *g)
{
    for (int panel = g->panel_from; panel < g->panel_to; panel++) {
        bool wide = g->w->n - panel * g->w->panel > LANES;
        int r = 0;

        for (; g->rows - r >= ROWS; r += ROWS)
            if (wide)
                tile(g, panel, r, ROWS, VECTORS);
            else
                tile(g, panel, r, ROWS, 1);
        for (; r < g->rows; r++)
            if (wide)
                tile(g, panel, r, 1, VECTORS);
            else
                tile(g, panel, r, 1, 1);
    }
}

static size_t pack_size(k_weight_type type, int n, int k, int taps)
{
    return k_pack_size(&layout, type, n, k, taps);
}

static void pack(k_packed *p, void *block, k_weight_type type, int n, int k, int taps, const float *w, size_t w_n,
                 size_t w_t, size_t w_i)
{
    k_pack(&layout, p, block, type, n, k, taps, w, w_n, w_t, w_i);
}

/* c[r][j..j+width) for any distance of b's elements along j and i. */
static void product(float *c, const float *a, const float *b, size_t b_j, size_t b_i, int width, int k, float alpha)
{
    float sum[WIDTH] = {0};

    for (int i = 0; i < k; i++)
        for (int j = 0; j < width; j++)
            sum[j] += a[i] * b[(size_t)j * b_j + (size_t)i * b_i];
    for (int j = 0; j < width; j++)
        c[j] = alpha * sum[j];
}

static void matmul(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_j, size_t b_i,
                   int rows, int n, int k, float alpha)
{
    for (int r = 0; r < rows; r++, c += c_row, a += a_row) {
        int j = 0;
        for (; n - j >= WIDTH; j += WIDTH)
            product(c + j, a, b + (size_t)j * b_j, b_j, b_i, WIDTH, k, alpha);
        if (j < n)
            product(c + j, a, b + (size_t)j * b_j, b_j, b_i, n - j, k, alpha);
    }
}

static void matmul_nt(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, int rows,
                      int n, int k, float alpha)
{
    matmul(c, c_row, a, a_row, b, b_row, 1, rows, n, k, alpha);
}

static void matmul_nn(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, int rows,
                      int n, int k, float alpha)
{
    matmul(c, c_row, a, a_row, b, 1, b_row, rows, n, k, alpha);
}

void k_generic_gemm(hse_kernels *k)
{
    k->pack_size = pack_size;
    k->pack = pack;
    k->layout = &layout;
    for (int type = 0; type < K_WEIGHT_TYPES; type++) {
        k->gemm[type] = gemm;
        k->gemm_rows[type] = ROWS;
        k->k_align[type] = k_group((k_weight_type)type);
    }
    k->matmul_nt = matmul_nt;
    k->matmul_nn = matmul_nn;
}

void hse_kernels_generic(hse_kernels *k)
{
    k_generic_elements(k);
    k_generic_rows(k);
    k_generic_gemm(k);
}
