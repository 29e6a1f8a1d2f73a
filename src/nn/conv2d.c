/* conv2d.c - 2-D convolutions over [row, position, channel]: a task gathers the inputs of a tile of output
 * positions, tap by tap, into a scratch area in its cache, and multiplies. A transposed one multiplies on the grid
 * of its inputs, makes all stride_h * stride_w outputs of a grid point at once, and then puts them in their places. */
#include "base/mem.h"
#include "nn/internal.h"

static const size_t TILE_BYTES = 128 << 10;

typedef struct {
    nn_ctx         *c;
    const k_packed *w;
    const float    *bias;
    nn_tensor       x, out;
    nn_then         then;
    const int      *in_starts, *grid_starts, *out_starts;
    int             grid_width;
    int             taps_h, taps_w, dilation_h, dilation_w;
    int step_h, step_w, off_h, off_w; /* grid row r, tap i reads input row r * step_h + off_h + i * dilation_h */
    int             phases_h, phases_w, first_h, first_w, cut_h, cut_w;     /* phases_h 0: not transposed */
    const uint8_t  *in;                     /* all positions in the weights' type, `k` elements each */
    const float    *in_scale;
    size_t          k, element;
    int             tile, tasks;
    size_t          grid;                   /* positions of the whole grid */
    uint8_t        *slots;
    size_t          slot_bytes, scale_at, result_at;
    size_t          convert_tasks;
} job;

static size_t element_of(k_weight_type type)
{
    return type == K_INT8 ? 1 : type == K_BF16 ? 2 : 4;
}

/* `n` input positions from (row, pos) on of an item to place `at` of the tile; row -1 stands for zeros. */
static void put(const job *j, uint8_t *slot, size_t at, size_t source, bool inside, int n)
{
    size_t bytes = (size_t)n * j->k * j->element;
    float *scale = (float *)(void *)(slot + j->scale_at) + at;

    if (inside)
        memcpy(slot + at * j->k * j->element, j->in + source * j->k * j->element, bytes);
    else
        memset(slot + at * j->k * j->element, j->w->type == K_INT8 ? 128 : 0, bytes);
    for (int i = 0; i < n && j->w->type == K_INT8; i++)
        scale[i] = inside ? j->in_scale[source + (size_t)i] : 0.0f;
}

static void gather_position(const job *j, uint8_t *slot, size_t at, int item, int row, int pos)
{
    int rows = j->in_starts[item + 1] - j->in_starts[item], width = j->x.width;
    int p0 = pos * j->step_w + j->off_w;
    bool together = j->dilation_w == 1 && p0 >= 0 && p0 + j->taps_w <= width;

    for (int i = 0; i < j->taps_h; i++, at += (size_t)j->taps_w) {
        int r = row * j->step_h + j->off_h + i * j->dilation_h;
        bool row_inside = r >= 0 && r < rows;
        size_t source = row_inside ? (size_t)(j->in_starts[item] + r) * (size_t)width : 0;
        if (!row_inside || together) {
            put(j, slot, at, source + (row_inside ? (size_t)p0 : 0), row_inside, j->taps_w);
            continue;
        }
        for (int t = 0; t < j->taps_w; t++) {
            int p = p0 + t * j->dilation_w;
            bool inside = p >= 0 && p < width;
            put(j, slot, at + (size_t)t, source + (inside ? (size_t)p : 0), inside, 1);
        }
    }
}

/* The outputs of one grid point of a transposed convolution to their places. */
static void scatter(const job *j, const float *from, int item, int row, int pos)
{
    size_t cols = (size_t)j->out.cols;
    int rows = j->out_starts[item + 1] - j->out_starts[item];

    for (int h = 0; h < j->phases_h; h++)
        for (int v = 0; v < j->phases_w; v++, from += cols) {
            int r = (j->first_h + row) * j->phases_h + h - j->cut_h,
                p = (j->first_w + pos) * j->phases_w + v - j->cut_w;
            if (r >= 0 && r < rows && p >= 0 && p < j->out.width)
                memcpy(nn_data(j->c, j->out) +
                           ((size_t)(j->out_starts[item] + r) * (size_t)j->out.width + (size_t)p) * cols,
                       from, cols * sizeof *from);
        }
}

typedef struct {
    int item, row, pos;
} place;

static void forward(const job *j, place *p)
{
    if (++p->pos < j->grid_width)
        return;
    p->pos = 0;
    p->row++;
    while (p->item + 1 < j->x.items && p->row >= j->grid_starts[p->item + 1] - j->grid_starts[p->item]) {
        p->item++;
        p->row = 0;
    }
}

static place find(const job *j, size_t position)
{
    int row = (int)(position / (size_t)j->grid_width), i = 0;

    while (j->grid_starts[i + 1] <= row)
        i++;
    return (place){.item = i, .row = row - j->grid_starts[i], .pos = (int)(position % (size_t)j->grid_width)};
}

static void tile(const job *j, uint8_t *slot, size_t from, size_t to)
{
    size_t taps = (size_t)j->w->taps;
    place first = find(j, from), p = first;
    const nn_then *then = &j->then;
    k_gemm m = {.w = j->w,
                .a = slot,
                .a_row = taps * j->k,
                .a_tap = j->k,
                .a_scale = (const float *)(const void *)(slot + j->scale_at),
                .a_scale_row = taps,
                .a_scale_tap = 1,
                .rows = (int)(to - from),
                .panel_to = j->w->panels,
                .bias = j->bias,
                .act = then->act,
                .slope = then->slope,
                .alpha = then->alpha == 0.0f ? 1.0f : then->alpha};

    for (size_t at = from; at < to; at++, forward(j, &p))
        gather_position(j, slot, (at - from) * taps, p.item, p.row, p.pos);
    if (j->phases_h > 0) {
        m.out = (float *)(void *)(slot + j->result_at);
        m.out_row = (size_t)j->w->n;
    } else {
        m.out = nn_data(j->c, j->out) + from * (size_t)j->out.ld;
        m.out_row = (size_t)j->out.ld;
    }
    if (then->norm) {
        m.scale = then->norm->scale;
        m.shift = then->norm->shift;
    }
    if (!nn_is_none(then->residual)) {
        m.residual = nn_data(j->c, then->residual) + from * (size_t)then->residual.ld;
        m.residual_row = (size_t)then->residual.ld;
    }
    j->c->k->gemm[j->w->type](&m);
    p = first;
    for (size_t at = from; at < to && j->phases_h > 0; at++, forward(j, &p))
        scatter(j, m.out + (at - from) * m.out_row, p.item, p.row, p.pos);
}

static void task(void *arg, int t)
{
    const job *j = arg;
    size_t from, to;
    int slot = nn_slot_take(j->c);

    nn_task_range(j->grid, j->tasks, t, &from, &to);
    for (; from < to && !nn_stopped(j->c); from += (size_t)j->tile)
        tile(j, j->slots + (size_t)slot * j->slot_bytes, from, nn_min_size(to, from + (size_t)j->tile));
    nn_slot_give(j->c, slot);
}

typedef struct {
    job   *j;
    float *scale;
    int    tasks;
} convert_job;

static void convert_task(void *arg, int t)
{
    const convert_job *v = arg;
    const job *j = v->j;
    size_t from, to, ld = (size_t)j->x.ld;

    nn_task_range(nn_positions(j->x), v->tasks, t, &from, &to);
    const float *in = nn_data(j->c, j->x) + from * ld;
    uint8_t *out = (uint8_t *)(uintptr_t)j->in + from * j->k * j->element;
    if (j->w->type == K_BF16)
        j->c->k->to_bf16((uint16_t *)(void *)out, j->k, in, ld, (int)(to - from), j->x.cols, j->x.act, j->x.slope);
    else
        j->c->k->to_int8(out, j->k, v->scale + from, in, ld, (int)(to - from), j->x.cols, j->x.act, j->x.slope);
}

/* The input in the weights' type, dense: converted once, since each position is read by many taps. */
static bool prepare(job *j)
{
    nn_ctx *c = j->c;
    size_t align = (size_t)c->k->k_align[j->w->type], bytes, at, scales;

    if (j->w->type == K_F32) {
        j->x = nn_dense(c, j->x);
        j->k = (size_t)j->x.cols;
        if (nn_running(c))
            j->in = (const uint8_t *)nn_data(c, j->x);
        return c->error.status == HSE_OK;
    }
    j->k = ((size_t)j->x.cols + align - 1) / align * align;
    if (!hse_mul_size(nn_positions(j->x), j->k * j->element, &bytes) || !nn_alloc(c, bytes, &at) ||
        !nn_alloc_floats(c, nn_positions(j->x), 1, &scales))
        return false;
    if (!nn_running(c))
        return true;
    j->in = nn_ptr(c, at);
    j->in_scale = nn_ptr(c, scales);
    convert_job v = {
        .j = j, .scale = nn_ptr(c, scales), .tasks = nn_task_count(c, nn_positions(j->x), (double)j->x.cols * 2)};
    nn_run_tasks(c, v.tasks, convert_task, &v);
    return true;
}

static void run(job *j, uint32_t grid_starts, int grid_rows)
{
    nn_ctx *c = j->c;
    size_t slots, slots_bytes, in_at = 0, scale_at = 0, taps = (size_t)j->w->taps;

    j->grid = (size_t)grid_rows * (size_t)j->grid_width;
    if (c->error.status != HSE_OK || j->grid == 0)
        return;
    j->element = element_of(j->w->type);
    if (!prepare(j))
        return;
    if (nn_running(c)) {                            /* the scratch may move the arena: keep places, not pointers */
        in_at = (size_t)(j->in - c->base);
        scale_at = j->in_scale ? (size_t)((const uint8_t *)j->in_scale - c->base) : 0;
    }
    size_t row = taps * j->k * j->element, step = (size_t)c->k->gemm_rows[j->w->type],
           rows = TILE_BYTES / row / step * step;
    j->tile = (int)(rows < 2 * step ? 2 * step : rows > 1024 ? 1024 : rows);
    j->tasks = nn_task_count(c, j->grid, (double)j->w->n * j->w->k * j->w->taps);
    j->scale_at = nn_align((size_t)j->tile * row);
    j->result_at = j->scale_at + nn_align((size_t)j->tile * taps * sizeof(float));
    j->slot_bytes = j->result_at + (j->phases_h > 0 ? nn_align((size_t)j->tile * (size_t)j->w->n * sizeof(float)) : 0);
    if (!hse_mul_size(j->slot_bytes, (size_t)c->threads, &slots_bytes) || !nn_alloc(c, slots_bytes, &slots) ||
        !nn_running(c))
        return;
    j->in = c->base + in_at;
    j->in_scale = (const float *)(const void *)(c->base + scale_at);
    j->slots = nn_ptr(c, slots);
    j->in_starts = nn_list(c, j->x.starts);
    j->out_starts = nn_list(c, j->out.starts);
    j->grid_starts = nn_list(c, grid_starts);
    nn_run_tasks(c, j->tasks, task, j);
    nn_check_stop(c);
}

/* ---- the two layers ---- */

enum { MOST = 1 << 20 };

static bool sane(nn_ctx *c, const char *op, const int *numbers, int n, int least)
{
    for (int i = 0; i < n; i++)
        if (numbers[i] < least || numbers[i] > MOST) {
            nn_error(c, HSE_E_ARG, "%s: a stride, dilation or padding of %d", op, numbers[i]);
            return false;
        }
    return true;
}

static long long extent(long long n, int kernel, int dilation, int stride, int first, int second)
{
    long long span = (long long)dilation * (kernel - 1) + 1, padded = n + first + second;

    return n == 0 && padded < span ? 0 : padded < span ? -1 : (padded - span) / stride + 1;
}

static long long rows_out(const void *layer, long long rows)
{
    const nn_conv2d_layer *l = layer;

    return extent(rows, l->kernel_h, l->dilation_h, l->stride_h, l->top, l->bottom);
}

nn_tensor nn_conv2d_then(nn_ctx *c, const nn_conv2d_layer *l, nn_tensor x, nn_then then)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "conv2d", x) || !nn_expect_cols(c, "conv2d", x, l->in) ||
        !sane(c, "conv2d", (int[]){l->stride_h, l->stride_w, l->dilation_h, l->dilation_w}, 4, 1) ||
        !sane(c, "conv2d", (int[]){l->top, l->bottom, l->before, l->after}, 4, 0))
        return NN_NONE;
    long long width = extent(x.width, l->kernel_w, l->dilation_w, l->stride_w, l->before, l->after);
    if (width <= 0) {
        nn_error(c, HSE_E_ARG, "conv2d: %d positions a row are too few", x.width);
        return NN_NONE;
    }
    if (!nn_starts_map(c, "conv2d", x, rows_out, l, &starts, &rows))
        return NN_NONE;
    nn_tensor out = nn_then_out(c, "conv2d", &then, x, starts, rows, (int)width, l->out);
    if (nn_is_none(out))
        return NN_NONE;
    size_t top = c->top;
    run(&(job){.c = c, .w = &l->w, .bias = l->bias, .x = x, .out = out, .then = then, .grid_width = (int)width,
               .taps_h = l->kernel_h, .taps_w = l->kernel_w, .dilation_h = l->dilation_h, .dilation_w = l->dilation_w,
               .step_h = l->stride_h, .step_w = l->stride_w, .off_h = -l->top, .off_w = -l->before},
        starts, rows);
    nn_release(c, top);
    return c->error.status == HSE_OK ? out : NN_NONE;
}

nn_tensor nn_conv2d(nn_ctx *c, const nn_conv2d_layer *l, nn_tensor x)
{
    return nn_conv2d_then(c, l, x, (nn_then){0});
}

static long long spread(long long n, int kernel, int stride, int first, int second)
{
    return n == 0 ? 0 : (n - 1) * stride + kernel - first - second;
}

static long long spread_rows(const void *layer, long long rows)
{
    const nn_conv_transpose2d_layer *l = layer;

    return spread(rows, l->kernel_h, l->stride_h, l->top, l->bottom);
}

static long long grid_of(long long n, int stride, int cut)
{
    return n <= 0 ? n : (n - 1 + cut) / stride + 1 - cut / stride;
}

static long long grid_rows(const void *layer, long long rows)
{
    const nn_conv_transpose2d_layer *l = layer;

    return grid_of(spread_rows(layer, rows), l->stride_h, l->top);
}

nn_tensor nn_conv_transpose2d(nn_ctx *c, const nn_conv_transpose2d_layer *l, nn_tensor x)
{
    uint32_t starts, grid;
    int rows, n;

    if (!nn_start(c, "conv_transpose2d", x) || !nn_expect_cols(c, "conv_transpose2d", x, l->in) ||
        !sane(c, "conv_transpose2d", (int[]){l->top, l->bottom, l->before, l->after}, 4, 0))
        return NN_NONE;
    long long width = spread(x.width, l->kernel_w, l->stride_w, l->before, l->after);
    if (width <= 0 || width > 1 << 28) {
        nn_error(c, HSE_E_ARG, "conv_transpose2d: %d positions a row make %lld", x.width, width);
        return NN_NONE;
    }
    if (!nn_starts_map(c, "conv_transpose2d", x, spread_rows, l, &starts, &rows))
        return NN_NONE;
    nn_tensor out = nn_make(c, x.items, starts, rows, (int)width, l->out);
    size_t top = c->top;
    uint32_t lists_top = c->lists_top;
    if (nn_is_none(out) || !nn_starts_map(c, "conv_transpose2d", x, grid_rows, l, &grid, &n))
        return NN_NONE;
    int taps_h = (l->kernel_h + l->stride_h - 1) / l->stride_h, taps_w = (l->kernel_w + l->stride_w - 1) / l->stride_w;
    int first_h = l->top / l->stride_h, first_w = l->before / l->stride_w;
    run(&(job){.c = c,
               .w = &l->w,
               .bias = l->bias,
               .x = x,
               .out = out,
               .grid_width = (int)grid_of(width, l->stride_w, l->before),
               .taps_h = taps_h,
               .taps_w = taps_w,
               .dilation_h = 1,
               .dilation_w = 1,
               .step_h = 1,
               .step_w = 1,
               .off_h = first_h - (taps_h - 1),
               .off_w = first_w - (taps_w - 1),
               .phases_h = l->stride_h,
               .phases_w = l->stride_w,
               .first_h = first_h,
               .first_w = first_w,
               .cut_h = l->top,
               .cut_w = l->before},
        grid, n);
    nn_release(c, top);
    c->lists_top = lists_top;
    return c->error.status == HSE_OK ? out : NN_NONE;
}
