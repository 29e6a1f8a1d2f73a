/* gemm.h - products with packed weights for one instruction set, over the vectors of its vec.h.
 *
 * A tile is MR rows by NV vectors of sums that stay in registers while the inputs go by: per group of inputs NV loads
 * of weights, MR broadcasts of activations, MR * NV fused multiply-adds. Row r of the output reads inputs at r * a_row
 * + t * a_tap for tap t, so a convolution is the same loop with taps > 1. When a panel of weights outgrows the
 * second-level cache the inputs are cut into stretches at places that depend on the weights' shape alone, and the
 * float32 sums wait in `part` meanwhile: no element's order of additions depends on where its row stands. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_GEMM_H
#define HSE_KERNELS_SIMD_GEMM_H

#include "kernels/pack.h"
#include "kernels/simd/math.h"

enum {
    BLOCK_ROWS = 96,                    /* most rows whose sums wait in `part` */
    A_BYTES = 512 << 10,                /* inputs that should stay in the second-level cache beside a panel */
    FETCH_ROWS = 16,                    /* up to which a panel of weights passes by quickly */
    AHEAD = 512,                       /* bytes by which the weights are fetched early when few rows use each */
};

/* One tile: `taps` taps of `groups` groups of inputs. Strides of a in bytes. */
typedef struct {
    const char    *a;
    size_t         a_row, a_tap;
    const ptrdiff_t *tap_at;            /* NULL, or where each tap is, in elements */
    int            taps, groups;
    const char    *b;
    size_t         b_step;              /* from one group's weights to the next */
    size_t         b_panel;             /* and from one panel to the next, for tiles of several */
    float         *part;                /* [MR][NV * VF_LANES], where the sums go */
    bool           add;                 /* they go on from what is there */
    const k_gemm  *g;                   /* not NULL: the sums are whole, their epilogue simple; finish them at once */
    int            row, from, left;     /* then: first row and column of the output, columns from there to its end */
    const float   *a_scale;             /* INT8, as in k_gemm */
    size_t         a_scale_row, a_scale_tap;
    const int32_t *comp;                /* of this panel's first output and tap */
    size_t         comp_tap;
} k_tile;

typedef void k_tile_run(const k_tile *x);

/* Vector v of a group's weights; beyond MOST_VECTORS it is in a following panel. */
INLINE const char *weights_at(const k_tile *x, const char *b, int v)
{
    return b + (size_t)(v / MOST_VECTORS) * x->b_panel + v % MOST_VECTORS * VF_BYTES;
}

/* Activations that cost an instruction or two, so that they can stand in every tile's code. */
static bool simple_act(k_act act)
{
    return act == K_NONE || act == K_RELU || act == K_LEAKY_RELU;
}

INLINE vf vf_simple_act(vf y, k_act act, float slope)
{
    if (act == K_RELU)
        return vf_max(vf_zero(), y);
    if (act == K_LEAKY_RELU)
        return vf_select(vf_less(y, vf_zero()), vf_mul(y, vf_set1(slope)), y);
    return y;
}

/* The sums of one tile to their place: the same operations as finish_rows, straight from the registers. Few tiles have this
 * (see finishes), since it makes a tile's code several times as long. */
INLINE void finish_tile(int mr, int nv, const k_tile *x, vf sum[][MOST_WIDE])
{
    const k_gemm g = *x->g;                                     /* a copy, since a store of vectors may be to anywhere */
    size_t row = (size_t)x->row, from = (size_t)x->from;
    int columns = x->left;

    UNROLL for (int v = 0; v < nv; v++) {
        if (g.bias != NULL) {
            vf bias = vf_load_n(g.bias + from + v * VF_LANES, columns - v * VF_LANES);
            UNROLL for (int r = 0; r < mr; r++)
                sum[r][v] = vf_add(sum[r][v], bias);
        }
        if (g.act != K_NONE)
            UNROLL for (int r = 0; r < mr; r++)
                sum[r][v] = vf_simple_act(sum[r][v], g.act, g.slope);
    }
    if (g.alpha != 1.0f)
        UNROLL for (int r = 0; r < mr; r++)
            UNROLL for (int v = 0; v < nv; v++)
                sum[r][v] = vf_mul(sum[r][v], vf_set1(g.alpha));
    if (g.residual != NULL) {
        const float *p = g.residual + row * g.residual_row + from;
        UNROLL for (int r = 0; r < mr; r++, p += g.residual_row)
            UNROLL for (int v = 0; v < nv; v++)
                sum[r][v] = vf_add(sum[r][v], vf_load_n(p + v * VF_LANES, columns - v * VF_LANES));
    }
    if (g.out != NULL) {
        float *p = g.out + row * g.out_row + from;
        UNROLL for (int r = 0; r < mr; r++, p += g.out_row)
            UNROLL for (int v = 0; v < nv; v++)
                vf_store_n(p + v * VF_LANES, sum[r][v], columns - v * VF_LANES);
    }
    if (g.out_bf16 != NULL) {
        uint16_t *p = g.out_bf16 + row * g.out_bf16_row + from;
        UNROLL for (int r = 0; r < mr; r++, p += g.out_bf16_row) {
            UNROLL for (int v = 0; v < nv; v++)
                vf_store_bf16(p + v * VF_LANES, vf_simple_act(sum[r][v], g.bf16_act, g.bf16_slope), columns - v * VF_LANES);
            if (columns % 2 && columns <= nv * VF_LANES)
                p[columns] = 0;
        }
    }
}

/* The rows of a tile's inputs by few registers: a pointer for each eight rows, and multiples of the row's size that the
 * compiler is kept from working out row by row. */
typedef struct {
    const char *base[(MOST_ROWS + 7) / 8];
    size_t      one, three, five, seven;
} k_rows;

INLINE k_rows rows_at(const char *a, size_t row, int mr)
{
    k_rows p = {.one = row, .three = 3 * row, .five = 5 * row, .seven = 7 * row};

    __asm__("" : "+r"(p.one), "+r"(p.three), "+r"(p.five), "+r"(p.seven));
    UNROLL for (int i = 0; i < (mr + 7) / 8; i++) {
        p.base[i] = a + (size_t)i * 8 * row;
        __asm__("" : "+r"(p.base[i]));
    }
    return p;
}

INLINE const char *tap_of(const k_tile *x, int t, int element)
{
    return x->tap_at != NULL ? x->a + x->tap_at[t] * element : x->a + (size_t)t * x->a_tap;
}

INLINE void rows_next(k_rows *p, int mr)
{
    UNROLL for (int i = 0; i < (mr + 7) / 8; i++)
        p->base[i] += 4;
}

INLINE const char *row_of(const k_rows *p, int r)
{
    const char *base = p->base[r / 8];

    switch (r % 8) {
    case 1: return base + p->one;
    case 2: return base + 2 * p->one;
    case 3: return base + p->three;
    case 4: return base + 4 * p->one;
    case 5: return base + p->five;
    case 6: return base + 2 * p->three;
    case 7: return base + p->seven;
    default: return base;
    }
}

/* Tiles whose code has finish_tile: the tallest; and of whole panels those of one, four and five rows (a text, eight of them, a
 * beam), where an epilogue of its own costs as much as a short panel. */
INLINE bool finishes(int mr, int nv, const int *most_rows)
{
    return nv <= MOST_VECTORS && (mr == 1 || mr == most_rows[nv - 1] || (nv == MOST_VECTORS && (mr == 4 || mr == 5)));
}

/* Where sums come from and go to when they are float32 throughout. */
INLINE void begin_sums(int mr, int nv, const k_tile *x, vf sum[][MOST_WIDE])
{
    UNROLL for (int r = 0; r < mr; r++)
        UNROLL for (int v = 0; v < nv; v++)
            sum[r][v] = vf_zero();
    if (x->add)
        UNROLL for (int r = 0; r < mr; r++)
            UNROLL for (int v = 0; v < nv; v++)
                sum[r][v] = vf_load(x->part + (r * nv + v) * VF_LANES);
}

INLINE void end_sums(int mr, int nv, const int *most_rows, const k_tile *x, vf sum[][MOST_WIDE])
{
    if (finishes(mr, nv, most_rows) && x->g != NULL) {
        finish_tile(mr, nv, x, sum);
        return;
    }
    UNROLL for (int r = 0; r < mr; r++)
        UNROLL for (int v = 0; v < nv; v++)
            vf_store(x->part + (r * nv + v) * VF_LANES, sum[r][v]);
}

__attribute__((unused)) INLINE void tile_f32(int mr, int nv, const k_tile *x)
{
    vf sum[MOST_ROWS][MOST_WIDE];
    const char *b = x->b;

    begin_sums(mr, nv, x, sum);
    for (int t = 0; t < x->taps; t++) {
        k_rows a = rows_at(tap_of(x, t, 4), x->a_row, mr);
        for (int i = 0; i < x->groups; i++, rows_next(&a, mr), b += x->b_step) {
            vf w[MOST_WIDE];
            UNROLL for (int v = 0; v < nv; v++)
                w[v] = vf_load((const float *)(const void *)(weights_at(x, b, v)));
            if (mr <= FEW_ROWS)
                UNROLL for (int v = 0; v < nv; v++)
                    __builtin_prefetch(weights_at(x, b, v) + AHEAD);
            UNROLL for (int r = 0; r < mr; r++) {
                vf in = vf_spread((const float *)(const void *)(row_of(&a, r)));
                UNROLL for (int v = 0; v < nv; v++)
                    sum[r][v] = vf_fma(in, w[v], sum[r][v]);
            }
        }
    }
    end_sums(mr, nv, most_rows_f32, x, sum);
}

INLINE void tile_bf16(int mr, int nv, const k_tile *x)
{
    vf sum[MOST_ROWS][MOST_WIDE];
    const char *b = x->b;

    begin_sums(mr, nv, x, sum);
    for (int t = 0; t < x->taps; t++) {
        k_rows a = rows_at(tap_of(x, t, 2), x->a_row, mr);
        for (int i = 0; i < x->groups; i++, rows_next(&a, mr), b += x->b_step) {
            if (mr <= FEW_ROWS)
                UNROLL for (int v = 0; v < nv; v++)
                    __builtin_prefetch(weights_at(x, b, v) + AHEAD);
            UNROLL for (int pass = 0; pass < BF16_PASSES; pass++) {
                v16 w[MOST_WIDE];
                UNROLL for (int v = 0; v < nv; v++)
                    w[v] = v16_weights(weights_at(x, b, v), pass);
                UNROLL for (int r = 0; r < mr; r++) {
                    v16 in = v16_inputs(row_of(&a, r), pass);
                    UNROLL for (int v = 0; v < nv; v++)
                        sum[r][v] = v16_add_products(sum[r][v], in, w[v]);
                }
            }
        }
    }
    end_sums(mr, nv, most_rows_bf16, x, sum);
}

/* Whole numbers inside a tap; between taps float32 sums in `part`, because each tap has its own scale. */
INLINE void tile_int8(int mr, int nv, const k_tile *x)
{
    const char *b = x->b;

    for (int t = 0; t < x->taps; t++) {
        k_rows a = rows_at(x->a + (size_t)t * x->a_tap, x->a_row, mr);
        vi sum[MOST_ROWS][MOST_WIDE];
        UNROLL for (int r = 0; r < mr; r++)
            UNROLL for (int v = 0; v < nv; v++)
                sum[r][v] = v8_start(x->comp + (size_t)t * x->comp_tap + v * VF_LANES);
        for (int i = 0; i < x->groups; i++, rows_next(&a, mr), b += x->b_step) {
            if (mr <= FEW_ROWS)
                UNROLL for (int v = 0; v < nv; v++)
                    __builtin_prefetch(weights_at(x, b, v) + AHEAD);
            UNROLL for (int pass = 0; pass < INT8_PASSES; pass++) {
                v8 w[MOST_WIDE];
                UNROLL for (int v = 0; v < nv; v++)
                    w[v] = v8_weights(weights_at(x, b, v), pass);
                UNROLL for (int r = 0; r < mr; r++) {
                    v8 in = v8_inputs(row_of(&a, r), pass);
                    UNROLL for (int v = 0; v < nv; v++)
                        sum[r][v] = v8_add_products(sum[r][v], in, w[v]);
                }
            }
        }
        if (finishes(mr, nv, most_rows_int8) && x->g != NULL && x->taps == 1) {
            vf y[MOST_ROWS][MOST_WIDE];
            UNROLL for (int r = 0; r < mr; r++) {
                vf scale = vf_spread(x->a_scale + (size_t)r * x->a_scale_row);
                UNROLL for (int v = 0; v < nv; v++)
                    y[r][v] = vf_mul(vf_mul(vi_to_float(sum[r][v]), scale),
                                     vf_load(x->g->w->scale + x->from + v * VF_LANES));
            }
            finish_tile(mr, nv, x, y);
            return;
        }
        UNROLL for (int r = 0; r < mr; r++) {
            vf scale = vf_spread(x->a_scale + (size_t)r * x->a_scale_row + (size_t)t * x->a_scale_tap);
            UNROLL for (int v = 0; v < nv; v++) {
                float *p = x->part + (r * nv + v) * VF_LANES;
                vf s = vi_to_float(sum[r][v]);
                vf_store(p, t > 0 || x->add ? vf_fma(s, scale, vf_load(p)) : vf_mul(s, scale));
            }
        }
    }
}

/* Bias to residual for `rows` rows of sums, and the stores. from: the first column; vectors: how many of the panel. */
static void finish_rows(const k_gemm *g, int row, int rows, int from, int vectors, const float *part)
{
    const k_packed *w = g->w;

    for (int v = 0; v < vectors; v++) {
        int at = from + v * VF_LANES, left = w->n - at < VF_LANES ? w->n - at : VF_LANES;
        size_t col = (size_t)at;
        vf weight_scale = w->type == K_INT8 ? vf_load(w->scale + at) : vf_zero();
        vf bias = g->bias != NULL ? vf_load_n(g->bias + at, left) : vf_zero();
        vf gain = g->scale != NULL ? vf_load_n(g->scale + at, left) : vf_zero();
        vf shift = g->scale != NULL && g->shift != NULL ? vf_load_n(g->shift + at, left) : vf_zero();
        vf alpha = vf_set1(g->alpha);

        for (int i = 0; i < rows; i++) {
            size_t r = (size_t)(row + i);
            vf y = vf_load(part + (i * vectors + v) * VF_LANES);
            if (w->type == K_INT8)
                y = vf_mul(y, weight_scale);
            if (g->bias != NULL)
                y = vf_add(y, bias);
            y = w->type == K_INT8 && g->act == K_GELU ? vf_gelu_near(y) : vf_act(y, g->act, g->slope);
            if (g->scale != NULL)
                y = vf_fma(y, gain, shift);
            if (g->alpha != 1.0f)
                y = vf_mul(y, alpha);
            if (g->residual != NULL)
                y = vf_add(y, vf_load_n(g->residual + r * g->residual_row + col, left));
            if (g->out != NULL)
                vf_store_n(g->out + r * g->out_row + col, y, left);
            if (g->out_bf16 != NULL)
                vf_store_bf16(g->out_bf16 + r * g->out_bf16_row + col, vf_act(y, g->bf16_act, g->bf16_slope), left);
        }
        if (g->out_bf16 != NULL && left % 2 && at + left == w->n)
            for (int i = 0; i < rows; i++)
                g->out_bf16[(size_t)(row + i) * g->out_bf16_row + (size_t)w->n] = 0;
    }
}

/* Rows of the next tile: full ones while there are two, then what is left in even parts, since a tile of one row costs
 * as much as one of two or three. */
static int tile_rows(k_tile_run *const *run, int left, int most)
{
    int rows = left <= most ? left : left >= 2 * most ? most : (left + 1) / 2;

    while (rows > 1 && run[rows] == NULL)
        rows--;
    return rows;
}

/* The stretches of inputs that are summed in one go: either `taps` whole taps or `groups` groups of one tap. */
typedef struct {
    int taps, groups;
} k_stretch;

static k_stretch stretch_of(k_weight_type type, int taps, int groups)
{
    k_stretch s = {.taps = taps > 0 ? taps : 1, .groups = groups > 0 ? groups : 1};

    if (type == K_INT8)
        return s;                                           /* a tap's sum is scaled once */
    if (groups > GROUPS_AT_ONCE) {
        int parts = (groups + GROUPS_AT_ONCE - 1) / GROUPS_AT_ONCE;
        s = (k_stretch){.taps = 1, .groups = (groups + parts - 1) / parts};
    } else if (groups > 0 && taps > GROUPS_AT_ONCE / groups) {
        s.taps = GROUPS_AT_ONCE / groups;
    }
    return s;
}

static size_t element_bytes(k_weight_type type)
{
    return type == K_F32 ? 4 : type == K_BF16 ? 2 : 1;
}

/* Is an epilogue one that finish_tile has? */
static bool simple_epilogue(const k_gemm *g)
{
    return g->scale == NULL && simple_act(g->act) && (g->out_bf16 == NULL || simple_act(g->bf16_act)) &&
           (g->w->type != K_INT8 || g->w->taps == 1);
}

/* What a short panel would wait for at its start and end. */
static void fetch_scales(const k_packed *w, int from, int nv)
{
    for (int v = 0; v < nv; v++) {
        __builtin_prefetch(w->comp + from + v * VF_LANES);
        __builtin_prefetch(w->scale + from + v * VF_LANES);
    }
}

/* `panels` panels, all full when they are several, for the rows [row, row + rows); rows <= BLOCK_ROWS when the inputs
 * need more than one stretch. */
static void panel_rows(const k_gemm *g, int panel, int panels, int row, int rows,
                       k_tile_run *const run[][MOST_ROWS + 1], const int *most_rows)
{
    _Alignas(64) float part[BLOCK_ROWS * MOST_VECTORS * VF_LANES];
    const k_packed *w = g->w;
    int from = panel * w->panel, left = w->n - from, lanes = left < w->panel ? left : w->panel;
    int nv = panels > 1 ? panels * MOST_VECTORS : (lanes + VF_LANES - 1) / VF_LANES;
    int most = panels > 1 ? rows : most_rows[nv - 1], group = k_group(w->type);
    int groups = (w->k + group - 1) / group;
    bool one_run = g->tap_at == NULL && g->a_tap == (size_t)(groups * group) && w->type != K_INT8;
    int taps = one_run ? 1 : w->taps;

    groups = one_run ? groups * w->taps : groups;               /* taps that lie one behind the other are one */
    k_stretch s = stretch_of(w->type, taps, groups);
    size_t element = element_bytes(w->type), step = (size_t)(nv / panels * VF_BYTES);
    const char *weights = (const char *)w->data + (size_t)panel * w->panel_bytes;
    bool whole = s.taps >= taps && s.groups >= groups;
    bool simple = simple_epilogue(g);
    k_tile x = {.a_row = g->a_row * element, .a_tap = g->a_tap * element, .b_step = step, .b_panel = w->panel_bytes,
                .a_scale_row = g->a_scale_row, .a_scale_tap = g->a_scale_tap,
                .comp_tap = (size_t)w->panel * (size_t)w->panels};

    if (w->type == K_INT8 && rows <= FETCH_ROWS && panel + 2 < w->panels)
        fetch_scales(w, from + 2 * w->panel, nv);
    for (int t = 0; t < taps || t == 0; t += s.taps)
        for (int i = 0; i < groups || i == 0; i += s.groups) {
            x.taps = taps - t < s.taps ? taps - t : s.taps;
            x.groups = groups - i < s.groups ? groups - i : s.groups;
            x.b = weights + ((size_t)t * (size_t)groups + (size_t)i) * step;
            x.add = t > 0 || i > 0;
            bool last = t + s.taps >= taps && i + s.groups >= groups;
            x.from = from;
            x.left = left;
            for (int r = 0, next; r < rows; r += next) {
                size_t at = (size_t)(row + r);
                next = tile_rows(run[nv - 1], rows - r, most);
                bool at_once = last && simple && panels == 1 && finishes(next, nv, most_rows);
                x.g = at_once ? g : NULL;
                x.a = (const char *)g->a + at * x.a_row + (size_t)i * (size_t)group * element;
                if (g->tap_at != NULL)
                    x.tap_at = g->tap_at + t;
                else
                    x.a += (size_t)t * x.a_tap;
                x.row = row + r;
                x.part = whole ? part : part + (size_t)(r * nv * VF_LANES);
                if (w->type == K_INT8) {
                    x.a_scale = g->a_scale + at * g->a_scale_row + (size_t)t * g->a_scale_tap;
                    x.comp = w->comp + (size_t)t * x.comp_tap + from;
                }
                run[nv - 1][next](&x);
                if (last && !at_once)
                    finish_rows(g, row + r, next, from, nv, x.part);
            }
        }
}

/* One int8 row against whole panels, as keys are in attention: nothing is set up anew for each of them. */
static void one_row(const k_gemm *g, int panel, int end, k_tile_run *run)
{
    const k_packed *w = g->w;
    k_tile x = {.a = g->a, .taps = 1, .groups = (w->k + 3) / 4, .b_step = MOST_VECTORS * VF_BYTES, .b_panel = w->panel_bytes, .g = g,
                .a_scale = g->a_scale};

    for (; panel < end; panel++) {
        x.from = panel * w->panel;
        x.left = w->n - x.from;
        x.b = (const char *)w->data + (size_t)panel * w->panel_bytes;
        x.comp = w->comp + x.from;
        if (panel + 2 < w->panels)
            fetch_scales(w, x.from + 2 * w->panel, MOST_VECTORS);
        run(&x);
    }
}

/* One or two rows make too few sums of one panel to hide a multiply-add's latency where vectors are short. */
static int panels_at_once(const k_gemm *g, int panel, int rows, k_tile_run *const run[][MOST_ROWS + 1])
{
    int panels = MOST_WIDE / MOST_VECTORS;

    if (rows > FEW_ROWS || g->w->panel < MOST_VECTORS * VF_LANES)
        return 1;
    while (panels > 1 && (panel + panels > g->panel_to || (panel + panels) * g->w->panel > g->w->n ||
                          run[panels * MOST_VECTORS - 1][rows] == NULL))
        panels /= 2;
    return panels;
}

/* Blocks of rows that fit the second-level cache, each against all panels; a block's inputs and one panel's weights
 * stay there meanwhile. */
static void gemm_with(const k_gemm *g, k_tile_run *const run[][MOST_ROWS + 1], const int *most_rows)
{
    const k_packed *w = g->w;
    size_t row_bytes = (size_t)w->k * element_bytes(w->type) + 1;
    int block = row_bytes < A_BYTES / BLOCK_ROWS ? BLOCK_ROWS : (int)(A_BYTES / row_bytes) / GEMM_ROWS * GEMM_ROWS;

    if (block < GEMM_ROWS)
        block = GEMM_ROWS;
    if (w->type == K_INT8 && g->rows == 1 && simple_epilogue(g) && w->panel == MOST_VECTORS * VF_LANES && MOST_WIDE == MOST_VECTORS) {
        int whole = w->n / w->panel < g->panel_to ? w->n / w->panel : g->panel_to;
        if (g->panel_from < whole)
            one_row(g, g->panel_from, whole, run[MOST_VECTORS - 1][1]);
        if (whole < g->panel_to && g->panel_from < g->panel_to)
            panel_rows(g, whole > g->panel_from ? whole : g->panel_from, 1, 0, 1, run, most_rows);
        return;
    }
    for (int row = 0; row < g->rows; row += block) {
        int rows = g->rows - row < block ? g->rows - row : block;
        for (int panel = g->panel_from, panels; panel < g->panel_to; panel += panels) {
            panels = panels_at_once(g, panel, rows, run);
            panel_rows(g, panel, panels, row, rows, run, most_rows);
        }
    }
}

/* GEMM(f32) defines gemm_f32 with its tiles; TILES(X, kind) of vec.h lists the shapes as X(kind, mr, nv). */
#define GEMM_TILE(kind, mr, nv)                                                                                        \
    static void tile_##kind##_##mr##x##nv(const k_tile *x)                                                             \
    {                                                                                                                  \
        tile_##kind(mr, nv, x);                                                                                        \
    }
#define GEMM_ENTRY(kind, mr, nv) [(nv) - 1][mr] = tile_##kind##_##mr##x##nv,
#define GEMM(kind)                                                                                                     \
    TILES(GEMM_TILE, kind)                                                                                             \
    static k_tile_run *const tiles_##kind[MOST_WIDE][MOST_ROWS + 1] = {TILES(GEMM_ENTRY, kind)};                    \
    static void gemm_##kind(const k_gemm *g)                                                                           \
    {                                                                                                                  \
        gemm_with(g, tiles_##kind, most_rows_##kind);                                                                  \
    }

#endif
