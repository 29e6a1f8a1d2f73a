/* matmul.h - products of two activations, on the tiles of gemm.h. The second matrix is brought into panels on the way,
 * a stretch of k at a time, unless its rows already are what a tile reads and too few tiles would read them again. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_MATMUL_H
#define HSE_KERNELS_SIMD_MATMUL_H

#include "kernels/simd/gemm.h"

enum {
    STRETCH = 128,                      /* values of k brought into a panel at a time: 32 KiB with 64 columns */
    READ_IN_PLACE = 12,                 /* rows up to which bringing them would cost more than it saves */
};

/* columns `from` to `from + left` (at most a panel) of k values of b, whose element (i, j) is at i * b_i + j. */
static void bring_rows(float *panel, int nv, const float *b, size_t b_row, int left, int k)
{
    for (int i = 0; i < k; i++, b += b_row)
        for (int v = 0; v < nv; v++, panel += VF_LANES)
            vf_store(panel, vf_load_n(b + v * VF_LANES, left - v * VF_LANES));
}

/* The same where b holds a row for each column: blocks of VF_LANES x VF_LANES turned round. */
static void bring_columns(float *panel, int nv, const float *b, size_t b_row, int left, int k)
{
    for (int v = 0; v < nv; v++)
        for (int i = 0; i < k; i += VF_LANES) {
            int columns = left - v * VF_LANES < VF_LANES ? left - v * VF_LANES : VF_LANES;
            int values = k - i < VF_LANES ? k - i : VF_LANES;
            vf x[VF_LANES];
            UNROLL for (int j = 0; j < VF_LANES; j++)
                x[j] = j < columns ? vf_load_n(b + (size_t)(v * VF_LANES + j) * b_row + i, values) : vf_zero();
            vf_transpose(x);
            UNROLL for (int j = 0; j < VF_LANES; j++)
                if (j < values)
                    vf_store(panel + (size_t)((i + j) * nv + v) * VF_LANES, x[j]);
        }
}

/* Rows `row` to `row + rows` of one panel of columns; at most BLOCK_ROWS when k takes more than one stretch. */
static void product_panel(const k_gemm *g, const float *b, size_t b_row, bool by_rows, int row, int rows, int from,
                          int k, k_tile_run *const run[][MOST_ROWS + 1], const int *most_rows)
{
    _Alignas(64) float part[BLOCK_ROWS * MOST_VECTORS * VF_LANES], panel[STRETCH * MOST_VECTORS * VF_LANES];
    const int wide = MOST_VECTORS * VF_LANES;
    int left = g->w->n - from, nv = left < wide ? (left + VF_LANES - 1) / VF_LANES : MOST_VECTORS;
    bool in_place = by_rows && rows <= READ_IN_PLACE && left >= nv * VF_LANES;
    int stretch = in_place ? k : STRETCH;
    k_tile x = {.a_row = g->a_row * sizeof(float), .taps = 1, .from = from, .left = left};

    b += by_rows ? (size_t)from : (size_t)from * b_row;
    for (int i = 0; i < k || i == 0; i += stretch > 0 ? stretch : 1) {
        x.groups = k - i < stretch ? k - i : stretch;
        x.add = i > 0;
        bool last = i + x.groups >= k;
        if (in_place)
            x.b = (const char *)b, x.b_step = b_row * sizeof(float);
        else {
            x.b = (const char *)panel, x.b_step = (size_t)(nv * VF_BYTES);
            if (by_rows)
                bring_rows(panel, nv, b + (size_t)i * b_row, b_row, left, x.groups);
            else
                bring_columns(panel, nv, b + i, b_row, left, x.groups);
        }
        for (int r = 0, next; r < rows; r += next) {
            next = tile_rows(run[nv - 1], rows - r, most_rows[nv - 1]);
            bool at_once = last && next == most_rows[nv - 1];
            x.a = (const char *)((const float *)g->a + (size_t)(row + r) * g->a_row + i);
            x.row = row + r;
            x.g = at_once ? g : NULL;
            x.part = k <= stretch ? part : part + (size_t)(r * nv * VF_LANES);
            run[nv - 1][next](&x);
            if (last && !at_once)
                finish_rows(g, row + r, next, from, nv, x.part);
        }
    }
}

static void product(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, bool by_rows,
                    int rows, int n, int k, float alpha, k_tile_run *const run[][MOST_ROWS + 1], const int *most_rows)
{
    k_packed w = {.type = K_F32, .n = n, .k = k, .taps = 1};
    k_gemm g = {.w = &w, .a = a, .a_row = a_row, .rows = rows, .out = c, .out_row = c_row, .alpha = alpha};
    int block = k <= STRETCH || rows < BLOCK_ROWS ? rows : BLOCK_ROWS;

    for (int row = 0; row < rows; row += block)
        for (int from = 0; from < n; from += MOST_VECTORS * VF_LANES)
            product_panel(&g, b, b_row, by_rows, row, rows - row < block ? rows - row : block, from, k, run, most_rows);
}

static void k_matmul_nt(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, int rows,
                        int n, int k, float alpha)
{
    product(c, c_row, a, a_row, b, b_row, false, rows, n, k, alpha, tiles_f32, most_rows_f32);
}

static void k_matmul_nn(float *c, size_t c_row, const float *a, size_t a_row, const float *b, size_t b_row, int rows,
                        int n, int k, float alpha)
{
    product(c, c_row, a, a_row, b, b_row, true, rows, n, k, alpha, tiles_f32, most_rows_f32);
}

#endif
