/* res1d.c - a residual layer of two convolutions in one pass: x + narrow(act(wide(act(x)))).
 *
 * A task takes a tile of rows. What wide reads is brought, activated and in the weights' type, into a scratch area in
 * its cache: as one stretch of rows when the dilation is small, otherwise as one for each tap. What wide gives stays
 * there too, activated, and is what narrow reads; the rows outside the item are zeros there, not wide's answer to
 * zeros. So each row of x is read a few times from near and the result is written once. */
#include "base/mem.h"
#include "nn/internal.h"

static const size_t TILE_BYTES = 512 << 10;

typedef struct {
    nn_ctx *c;
    const nn_conv1d_layer *wide, *narrow;
    float slope;
    k_weight_type type;
    const float *x;
    float *out;
    size_t cols, x_ld, out_ld;
    size_t row, element; /* of the scratch: elements of a row, bytes of an element */
    const int *starts;
    int items, rows, tile, tiles;
    uint8_t *slots;
    size_t slot_bytes, middle_at;
} job;

/* Rows [from, to) of an item at p, activated and converted; zeros outside it. */
static void fill(const job *j, const float *item, int rows, int from, int to, uint8_t *p)
{
    const hse_kernels *k = j->c->k;
    size_t bytes = j->row * j->element;

    for (int r = from, n; r < to; r += n, p += (size_t)n * bytes) {
        if (r < 0 || r >= rows) {
            n = r < 0 ? nn_min(0, to) - r : to - r;
            memset(p, 0, (size_t)n * bytes);
            continue;
        }
        n = nn_min(to, rows) - r;
        const float *in = item + (size_t)r * j->x_ld;
        if (j->type == K_BF16) {
            k->to_bf16((uint16_t *)(void *)p, j->row, in, j->x_ld, n, (int)j->cols, K_LEAKY_RELU, j->slope);
            continue;
        }
        for (int i = 0; i < (j->x_ld == j->cols ? 1 : n); i++)
            k->act((float *)(void *)p + (size_t)i * j->row, in + (size_t)i * j->x_ld,
                   j->x_ld == j->cols ? (size_t)n * j->cols : j->cols, K_LEAKY_RELU, j->slope);
    }
}

/* Panel by panel, so that a panel stays in the cache while all rows pass by. */
static void multiply(const job *j, k_gemm *m)
{
    for (int p = 0; p < m->w->panels; p++) {
        m->panel_from = p;
        m->panel_to = p + 1;
        j->c->k->gemm[j->type](m);
    }
}

/* Result rows [from, to) of the item that starts at row `start`. */
static void segment(const job *j, uint8_t *slot, int start, int rows, int from, int to)
{
    const float *item = j->x + (size_t)start * j->x_ld;
    int reach = j->wide->dilation, middle = to - from + 2;
    bool together = 2 * (long long)reach <= 2 * middle;
    uint8_t *between = slot + j->middle_at;
    size_t bytes = j->row * j->element;
    k_gemm m = {.w = &j->wide->w, .bias = j->wide->bias, .a = slot, .a_row = j->row, .rows = middle, .alpha = 1.0f};

    if (together) {
        fill(j, item, rows, from - 1 - reach, to + 1 + reach, slot);
        m.a_tap = (size_t)reach * j->row;
    } else {
        for (int t = -1; t <= 1; t++)
            fill(j, item, rows, from - 1 + t * reach, to + 1 + t * reach, slot + (size_t)((t + 1) * middle) * bytes);
        m.a_tap = (size_t)middle * j->row;
    }
    if (j->type == K_BF16) {
        m.out_bf16 = (uint16_t *)(void *)between;
        m.out_bf16_row = j->row;
        m.bf16_act = K_LEAKY_RELU;
        m.bf16_slope = j->slope;
    } else {
        m.out = (float *)(void *)between;
        m.out_row = j->row;
        m.act = K_LEAKY_RELU;
        m.slope = j->slope;
    }
    multiply(j, &m);
    if (from == 0)
        memset(between, 0, bytes);
    if (to == rows)
        memset(between + (size_t)(middle - 1) * bytes, 0, bytes);
    m = (k_gemm){.w = &j->narrow->w,
                 .bias = j->narrow->bias,
                 .a = between,
                 .a_row = j->row,
                 .a_tap = j->row,
                 .rows = to - from,
                 .out = j->out + (size_t)(start + from) * j->out_ld,
                 .out_row = j->out_ld,
                 .residual = item + (size_t)from * j->x_ld,
                 .residual_row = j->x_ld,
                 .alpha = 1.0f};
    multiply(j, &m);
}

static void task(void *arg, int t)
{
    const job *j = arg;
    int from = t * j->tile, to = nn_min(from + j->tile, j->rows);

    if (nn_stopped(j->c))
        return;
    int slot = nn_slot_take(j->c);
    for (int i = 0; i < j->items && from < to; i++) {
        int start = j->starts[i], end = j->starts[i + 1], stop = nn_min(to, end);
        if (from >= end)
            continue;
        segment(j, j->slots + (size_t)slot * j->slot_bytes, start, end - start, from - start, stop - start);
        from = stop;
    }
    nn_slot_give(j->c, slot);
}

static bool same_length(const nn_conv1d_layer *l)
{
    return l->kernel == 3 && l->stride == 1 && l->left == l->dilation && l->right == l->dilation && l->pad == NN_ZERO;
}

static void run(job *j, nn_tensor x, nn_tensor out)
{
    nn_ctx *c = j->c;
    int step = c->k->gemm_rows[j->type], align = c->k->k_align[j->type];
    size_t slots, bytes;

    j->element = j->type == K_BF16 ? 2 : 4;
    j->row = j->type == K_BF16 ? (j->cols + (size_t)align - 1) / (size_t)align * (size_t)align : j->cols;
    size_t fit = TILE_BYTES / (4 * j->row * j->element);
    int want = nn_task_count(c, (size_t)j->rows, 6 * (double)j->cols * (double)j->cols);
    j->tile = fit > 4096 ? 4096 : (int)fit;
    j->tile = nn_min(j->tile, (j->rows + want - 1) / want);
    j->tile = nn_max_int((j->tile + step - 1) / step * step, 2 * step);
    j->tiles = (j->rows + j->tile - 1) / j->tile;
    size_t middle = (size_t)j->tile + 2;
    j->middle_at = nn_align(3 * middle * j->row * j->element);
    j->slot_bytes = j->middle_at + nn_align(middle * j->row * j->element);
    if (!hse_mul_size(j->slot_bytes, (size_t)c->threads, &bytes) || !nn_alloc(c, bytes, &slots))
        return;
    if (!nn_running(c))
        return;
    j->slots = nn_ptr(c, slots);
    j->x = nn_data(c, x);
    j->out = nn_data(c, out);
    j->starts = nn_list(c, x.starts);
    nn_run_tasks(c, j->tiles, task, j);
    nn_check_stop(c);
}

nn_tensor nn_res_pair1d(nn_ctx *c, const nn_conv1d_layer *wide, const nn_conv1d_layer *narrow, float slope, nn_tensor x,
                        nn_tensor out)
{
    if (!nn_start(c, "residual pair", x) || !nn_start(c, "residual pair", out) ||
        !nn_expect_cols(c, "residual pair", x, wide->in))
        return NN_NONE;
    x = nn_settle(c, x);
    if (c->error.status != HSE_OK)
        return NN_NONE;
    if (!nn_same_rows(c, x, out) || out.cols != x.cols || (x.rows > 0 && out.at == x.at)) {
        nn_error(c, HSE_E_ARG, "residual pair: the result has another shape, or is the input");
        return NN_NONE;
    }
    if (wide->w.type == K_INT8 || wide->w.taps != 3 || narrow->w.taps != 3 || narrow->w.type != wide->w.type ||
        !same_length(wide) || !same_length(narrow) || narrow->dilation != 1 || x.width != 1 || wide->out != x.cols ||
        narrow->in != x.cols) {
        nn_tensor y = nn_conv1d(c, wide, nn_leaky_relu(c, x, slope));
        return nn_conv1d_then(c, narrow, nn_leaky_relu(c, y, slope), (nn_then){.residual = x, .into = out});
    }
    if (x.rows == 0)
        return out;
    size_t top = c->top;
    job j = {.c = c,
             .wide = wide,
             .narrow = narrow,
             .slope = slope,
             .type = wide->w.type,
             .cols = (size_t)x.cols,
             .x_ld = (size_t)x.ld,
             .out_ld = (size_t)out.ld,
             .items = x.items,
             .rows = x.rows};
    run(&j, x, out);
    nn_release(c, top);
    return c->error.status == HSE_OK ? out : NN_NONE;
}
