/* gemm.c - linear layers and 1-D convolutions as products with packed weights, without im2col.
 *
 * The result is cut into tiles of rows and groups of panels; a task computes one tile for one group. A tile's input
 * rows are used where they lie when that is possible (float32, nothing to apply, nothing outside the item);
 * otherwise the task first writes them, padded, activated and converted to the weights' type, into a scratch area
 * that stays in its cache. Neighbouring tiles both convert the few rows that they share: cheaper than a pass over
 * memory, and no task waits for another. */
#include "base/mem.h"
#include "nn/internal.h"

#include <limits.h>

static const size_t TILE_BYTES = 256 << 10;     /* input of one tile: a quarter of a typical second-level cache */
static const size_t SMALL_WEIGHTS = 512 << 10;  /* below, a second reading by another row tile costs nothing */
enum { MANY_ROWS = 192 };                       /* nor above as many rows a tile */

typedef struct {
    nn_ctx            *c;
    const nn_gemm     *g;
    const hse_kernels *k;
    k_weight_type      type;
    const float       *x;
    size_t             ld, in;
    const int         *in_starts, *out_starts, *final_starts;   /* final: of the rows that phases make */
    int                whole_in[2], whole_out[2];               /* items do not matter: one run of rows */
    bool               flat;                /* the kernel's taps lie side by side in x: one tap of kernel * in */
    int                span;                /* input rows that one result row looks at */
    int                tile, tiles, groups, rows;
    float             *out;
    const float       *residual;
    uint8_t           *slots;
    size_t             slot_bytes, floats_at, scale_at, edge_at;
    size_t             prepared_row;        /* elements from one prepared row to the next */
} job;

int nn_pad_source(nn_pad pad, int row, int rows)
{
    if (row >= 0 && row < rows)
        return row;
    switch (pad) {
    case NN_REFLECT:
        return row < 0 ? -row : 2 * (rows - 1) - row;
    case NN_REPLICATE:
        return row < 0 ? 0 : rows - 1;
    case NN_CONSTANT:
        return -2;
    case NN_ZERO:
        break;
    }
    return -1;
}

/* Rows [from, to) of the item as floats, one after another. */
static void fill_floats(const job *j, const float *item, int rows, int from, int to, float *out)
{
    nn_tensor x = j->g->x;
    size_t in = j->in;
    int r = from;

    while (r < to) {
        float *row = out + (size_t)(r - from) * in;
        int run = r >= 0 && r < rows ? nn_min(to, rows) - r : 1;
        int source = nn_pad_source(j->g->pad, r, rows);

        if (j->ld != in)
            run = 1;
        if (source < 0)
            for (size_t i = 0; i < in; i++)
                row[i] = source == -1 ? 0.0f : j->g->pad_value;
        else if (x.act == K_NONE)
            memcpy(row, item + (size_t)source * j->ld, (size_t)run * in * sizeof *row);
        else
            j->k->act(row, item + (size_t)source * j->ld, (size_t)run * in, x.act, x.slope);
        r += run;
    }
}

static void convert(const job *j, uint8_t *slot, size_t at, const float *in, size_t in_row, int rows, int k, k_act act)
{
    float slope = j->g->x.slope;

    if (j->type == K_BF16)
        j->k->to_bf16((uint16_t *)(void *)slot + at * j->prepared_row, j->prepared_row, in, in_row, rows, k, act,
                      slope);
    else
        j->k->to_int8(slot + at * j->prepared_row, j->prepared_row, (float *)(void *)(slot + j->scale_at) + at, in,
                      in_row, rows, k, act, slope);
}

static void zero_row(const job *j, uint8_t *slot, size_t at)
{
    if (j->type == K_BF16) {
        memset((uint16_t *)(void *)slot + at * j->prepared_row, 0, j->prepared_row * sizeof(uint16_t));
    } else {
        memset(slot + at * j->prepared_row, 128, j->prepared_row);
        ((float *)(void *)(slot + j->scale_at))[at] = 0.0f;
    }
}

/* Rows [from, to) of the item in the weights' type. */
static void fill_converted(const job *j, const float *item, int rows, int from, int to, uint8_t *slot)
{
    float *floats = (float *)(void *)(slot + j->floats_at);

    for (int r = from; r < to;) {
        size_t at = (size_t)(r - from);
        int run = r >= 0 && r < rows ? nn_min(to, rows) - r : 1;
        int source = nn_pad_source(j->g->pad, r, rows);

        if (source == -1) {
            zero_row(j, slot, at);
        } else if (source == -2) {
            for (size_t i = 0; i < j->in; i++)
                floats[i] = j->g->pad_value;
            convert(j, slot, at, floats, j->in, 1, (int)j->in, K_NONE);
        } else {
            convert(j, slot, at, item + (size_t)source * j->ld, j->ld, run, (int)j->in, j->g->x.act);
        }
        r += run;
    }
}

/* Result rows [from, to) of item i from prepared input, where phases make whole output rows. */
static void emit(const job *j, k_gemm *m, int i, int from, int to, int panel_from, int panel_to)
{
    const nn_gemm *g = j->g;
    size_t row = (size_t)j->out_starts[i] + (size_t)from;

    m->rows = to - from;
    m->out = j->out + row * m->out_row;
    m->residual = j->residual ? j->residual + row * m->residual_row : NULL;
    if (g->phases > 1) {
        long long first = (long long)(g->first + from) * g->phases - g->cut;
        m->out = j->out + ((long long)j->final_starts[i] + first) * g->out.cols;
    }
    if (m->rows <= j->k->gemm_rows[j->type]) {
        m->panel_from = panel_from;
        m->panel_to = panel_to;
        j->k->gemm[j->type](m);
        return;
    }
    for (int p = panel_from; p < panel_to; p++) {       /* a panel stays in the cache while all rows pass by */
        m->panel_from = p;
        m->panel_to = p + 1;
        j->k->gemm[j->type](m);
    }
}

/* One row of phases that lies partly outside the item: computed aside, the inner part copied. */
static void emit_edge(const job *j, k_gemm *m, uint8_t *slot, int i, int row, int panel_from, int panel_to)
{
    const nn_gemm *g = j->g;
    long long final_rows = j->final_starts[i + 1] - j->final_starts[i], cols = g->out.cols;
    long long first = (long long)(g->first + row) * g->phases - g->cut;
    long long from = panel_from * g->w->panel, to = nn_min(panel_to * g->w->panel, g->w->n);
    float *edge = (float *)(void *)(slot + j->edge_at);

    m->rows = 1;
    m->out = edge;
    m->panel_from = panel_from;
    m->panel_to = panel_to;
    j->k->gemm[j->type](m);
    from = from > -first * cols ? from : -first * cols;
    to = to < (final_rows - first) * cols ? to : (final_rows - first) * cols;
    if (from < to)
        memcpy(j->out + (j->final_starts[i] + first) * cols + from, edge + from, (size_t)(to - from) * sizeof *edge);
}

/* Result rows [from, to) of item i, whose input rows start at row in0 of `a`. */
static void multiply(const job *j, k_gemm *m, uint8_t *slot, int i, int from, int to, int panel_from, int panel_to)
{
    const nn_gemm *g = j->g;

    if (g->phases <= 1) {
        emit(j, m, i, from, to, panel_from, panel_to);
        return;
    }
    int final_rows = j->final_starts[i + 1] - j->final_starts[i];
    size_t width = j->type == K_INT8 ? 1 : j->type == K_BF16 ? 2 : 4;
    const uint8_t *a = m->a;
    const float *scale = m->a_scale;
    int r = from;

    while (r < to) {
        int end = r;
        while (end < to && (g->first + end) * g->phases >= g->cut &&
               (g->first + end + 1) * g->phases - g->cut <= final_rows)
            end++;
        m->a = a + (size_t)(r - from) * m->a_row * width;
        m->a_scale = scale ? scale + (size_t)(r - from) * m->a_scale_row : NULL;
        if (end > r) {
            emit(j, m, i, r, end, panel_from, panel_to);
            r = end;
        } else {
            emit_edge(j, m, slot, i, r, panel_from, panel_to);
            r++;
        }
    }
}

static void direct(const job *j, k_gemm *m, const float *item, uint8_t *slot, int i, int from, int to, int panel_from,
                   int panel_to)
{
    m->a = item + (long long)((long long)from * j->g->stride - j->g->left) * (long long)j->ld;
    m->a_row = (size_t)j->g->stride * j->ld;
    m->a_tap = (size_t)j->g->dilation * j->ld;
    multiply(j, m, slot, i, from, to, panel_from, panel_to);
}

static void prepared(const job *j, k_gemm *m, const float *item, int rows, uint8_t *slot, int i, int from, int to,
                     int panel_from, int panel_to)
{
    const nn_gemm *g = j->g;
    int in0 = from * g->stride - g->left, in1 = (to - 1) * g->stride - g->left + j->span;
    float *floats = (float *)(void *)(slot + j->floats_at);

    m->a = slot;
    m->a_row = (size_t)g->stride * j->prepared_row;
    m->a_tap = (size_t)g->dilation * j->prepared_row;
    m->a_scale = j->type == K_INT8 ? (const float *)(const void *)(slot + j->scale_at) : NULL;
    m->a_scale_row = (size_t)g->stride;
    m->a_scale_tap = (size_t)g->dilation;
    if (j->type == K_F32) {
        fill_floats(j, item, rows, in0, in1, (float *)(void *)slot);
    } else if (j->flat) {
        fill_floats(j, item, rows, in0, in1, floats);
        convert(j, slot, 0, floats, (size_t)g->stride * j->in, to - from, g->w->k, K_NONE);
        m->a_row = j->prepared_row;
        m->a_scale_row = 1;
    } else {
        fill_converted(j, item, rows, in0, in1, slot);
    }
    multiply(j, m, slot, i, from, to, panel_from, panel_to);
}

static void segment(const job *j, k_gemm *m, uint8_t *slot, int i, int from, int to, int panel_from, int panel_to)
{
    const nn_gemm *g = j->g;
    const float *item = j->x + (size_t)j->in_starts[i] * j->ld;
    int rows = j->in_starts[i + 1] - j->in_starts[i], lo = to, hi = to;

    if (j->type == K_F32 && g->x.act == K_NONE && !(j->flat && j->ld != j->in)) {
        lo = g->left > 0 ? (g->left + g->stride - 1) / g->stride : 0;
        hi = rows + g->left >= j->span ? (rows + g->left - j->span) / g->stride + 1 : 0;
        lo = nn_min(nn_max_int(lo, from), to);
        hi = nn_min(nn_max_int(hi, lo), to);
    }
    if (from < lo)
        prepared(j, m, item, rows, slot, i, from, lo, panel_from, panel_to);
    if (lo < hi)
        direct(j, m, item, slot, i, lo, hi, panel_from, panel_to);
    if (hi < to)
        prepared(j, m, item, rows, slot, i, hi, to, panel_from, panel_to);
}

static void task(void *arg, int t)
{
    const job *j = arg;
    const nn_gemm *g = j->g;
    const nn_then *then = &g->then;
    int tile = t / j->groups, group = t % j->groups;
    int from = tile * j->tile, to = nn_min(from + j->tile, j->rows);
    size_t panel_from, panel_to;

    if (nn_stopped(j->c))
        return;
    nn_task_range((size_t)g->w->panels, j->groups, group, &panel_from, &panel_to);
    int slot = nn_slot_take(j->c);
    uint8_t *memory = j->slots + (size_t)slot * j->slot_bytes;
    k_gemm m = {.w = g->w, .bias = g->bias, .out_row = (size_t)(g->phases > 1 ? g->w->n : g->out.ld), .act = then->act,
                .slope = then->slope, .alpha = then->alpha == 0.0f ? 1.0f : then->alpha,
                .residual_row = (size_t)then->residual.ld};
    if (then->norm) {
        m.scale = then->norm->scale;
        m.shift = then->norm->shift;
    }
    int i = 0, last = g->out.items; /* the item that holds row `from`: the last one that starts at or before it */
    if (j->out_starts == j->whole_out)
        last = 1;
    while (last - i > 1) {
        int middle = i + (last - i) / 2;
        if (j->out_starts[middle] <= from)
            i = middle;
        else
            last = middle;
    }
    for (; from < to; i++) {
        int end = nn_min(to, j->out_starts[i + 1]);
        if (end > from)
            segment(j, &m, memory, i, from - j->out_starts[i], end - j->out_starts[i], (int)panel_from, (int)panel_to);
        from = nn_max_int(from, end);
    }
    nn_slot_give(j->c, slot);
}

static int round_up(int n, int multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static void choose_tiles(job *j)
{
    const k_packed *w = j->g->w;
    int step = j->k->gemm_rows[j->type], stride = j->g->stride;
    size_t row_bytes = (size_t)stride * j->prepared_row * (j->type == K_INT8 ? 1 : j->type == K_BF16 ? 2 : 4);
    size_t fit = TILE_BYTES / (row_bytes ? row_bytes : 1);
    size_t halo = 4 * (size_t)j->span / (size_t)stride; /* rows that two tiles both convert: at most a quarter */
    double cost = (double)w->n * w->k * w->taps / (j->type == K_F32 ? 1 : 2) / w->panels;
    int want = nn_task_count(j->c, (size_t)j->rows * (size_t)w->panels, cost);

    fit = fit < halo ? halo : fit;
    j->tile = fit < (size_t)step * 2 ? step * 2 : fit > 4096 ? 4096 : (int)fit;
    bool small = w->panel_bytes * (size_t)w->panels <= SMALL_WEIGHTS;
    int threads = nn_min(j->c->threads, want);
    j->tile = nn_even_tile(j->rows, j->tile, small ? step * 4 : MANY_ROWS, threads);
    j->tiles = (j->rows + j->tile - 1) / j->tile;
    j->groups = j->tiles >= threads ? 1 : nn_max_int(1, nn_min((want + j->tiles - 1) / j->tiles, w->panels));
}

/* Reserve the scratch of all tasks that can run at once; false after an error. */
static bool reserve_slots(job *j, size_t *at)
{
    const nn_gemm *g = j->g;
    size_t rows = (size_t)(j->tile - 1) * (size_t)g->stride + (size_t)j->span;
    size_t width = j->type == K_INT8 ? 1 : j->type == K_BF16 ? 2 : 4, floats = j->in;
    size_t kept = j->flat && j->type != K_F32 ? (size_t)j->tile : rows, bytes;

    if (j->flat && j->type != K_F32 && !hse_mul_size(rows, j->in, &floats))
        floats = SIZE_MAX / 8;
    if (!hse_mul_size(kept, j->prepared_row * width, &bytes) || bytes > SIZE_MAX / 4096 || floats > SIZE_MAX / 4096) {
        nn_error(j->c, HSE_E_LIMIT, "a convolution over %zu rows at once is too large", rows);
        return false;
    }
    j->floats_at = nn_align(bytes);
    j->scale_at = j->floats_at + nn_align(floats * sizeof(float));
    j->edge_at = j->scale_at + (j->type == K_INT8 ? nn_align(kept * sizeof(float)) : 0);
    j->slot_bytes = j->edge_at + (g->phases > 1 ? nn_align((size_t)g->w->n * sizeof(float)) : 0);
    return hse_mul_size(j->slot_bytes, (size_t)j->c->threads, &bytes) && nn_alloc(j->c, bytes, at);
}

void nn_gemm_run(nn_ctx *c, const nn_gemm *g)
{
    size_t top = c->top, slots;
    int in = g->x.cols, align = c->k->k_align[g->w->type];
    job j = {.c = c, .g = g, .k = c->k, .type = g->w->type, .in = (size_t)in, .ld = (size_t)g->x.ld, .rows = g->rows};
    bool pointwise = g->kernel == 1 && g->stride == 1 && g->left == 0 && g->phases <= 1;

    if (c->error.status != HSE_OK || g->rows == 0)
        return;
    j.flat = g->kernel > 1 && g->w->taps == 1;
    j.span = g->dilation * (g->kernel - 1) + 1;
    j.prepared_row = (size_t)(j.type == K_F32 ? in : round_up(j.flat ? g->w->k : in, align));
    choose_tiles(&j);
    if (!reserve_slots(&j, &slots))
        return;
    if (c->mode == NN_RUN) {
        j.whole_in[1] = j.whole_out[1] = g->rows;
        j.x = nn_data(c, g->x);
        j.out = nn_data(c, g->out);
        j.residual = nn_is_none(g->then.residual) ? NULL : nn_data(c, g->then.residual);
        j.slots = nn_ptr(c, slots);
        j.in_starts = pointwise ? j.whole_in : nn_list(c, g->x.starts);
        j.out_starts = pointwise ? j.whole_out : nn_list(c, g->out_starts);
        j.final_starts = nn_list(c, g->out.starts);
        nn_run_tasks(c, j.tiles * j.groups, task, &j);
        nn_check_stop(c);
    }
    nn_release(c, top);
}
