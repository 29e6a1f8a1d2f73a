/* res1d.c - stacks of residual layers over 1-D data, without the tensors between their convolutions.
 *
 * A task takes a tile of rows. For each stack it brings what the first convolution reads, activated and in the weights'
 * type, into a scratch area in its cache: as one stretch of rows, or, when the dilation is very wide, as one for each tap.
 * What a convolution gives is activated and converted as it leaves the registers and is what the next one reads; the
 * running sum stays beside it. Rows outside the item are zeros at each step, not a layer's answer to zeros. A layer's
 * result is wanted for some rows more than the tile has, as many as the layers behind it look at: where that would be
 * more than a small part of the work (wide layers have short tiles), only one layer is done at a time, and where even that
 * is too much, each convolution by itself. The bits are the same in all three ways. */
#include "base/mem.h"
#include "nn/internal.h"

static const size_t TILE_BYTES = 512 << 10;
enum { MOST_ROWS = 4096, CHAIN_WASTE = 32, LAYER_WASTE = 64 };      /* rows done twice: at most one in so many */

typedef struct {
    nn_ctx *c;
    const nn_res_stack *stacks;
    int n;
    bool add;                               /* out has the sum of what came before */
    float slope, alpha;
    k_weight_type type;
    const float *x;
    float *out;
    size_t cols, x_ld, out_ld;
    size_t row, element;                    /* of prepared rows: elements of a row, bytes of an element */
    const int *starts, *out_starts;         /* of x and of the result, whose row 0 is an item's row `skip` */
    int items, rows, skip, tile, tiles;     /* rows: of the result */
    uint8_t *slots;
    size_t slot_bytes, second_at, sum_at;   /* prepared rows, more of them, the running sum as floats */
} job;

/* ---- shapes ---- */

/* Rows to each side that a layer looks at. */
static int reach_of(const nn_conv1d_layer *l)
{
    return l ? l->dilation * (l->kernel - 1) / 2 : 0;
}

static int layer_reach(const nn_res_layer *l)
{
    return reach_of(l->wide) + reach_of(l->near);
}

/* Rows to each side for which the result of layer `from - 1` is wanted beyond those of the stack's result. */
static int reach_behind(const nn_res_stack *s, int from)
{
    int reach = 0;

    for (int i = from; i < s->n; i++)
        reach += layer_reach(&s->layer[i]);
    return reach;
}

static bool can_fuse(const nn_conv1d_layer *l, const nn_conv1d_layer *first, int cols)
{
    int reach = reach_of(l);

    return l->w.type == first->w.type && l->w.type != K_INT8 && l->in == cols && l->out == cols && l->kernel % 2 == 1 &&
           l->w.taps == l->kernel && l->stride == 1 && l->left == reach && l->right == reach && l->pad == NN_ZERO;
}

static size_t prepared_rows(const nn_res_stack *s, int tile)
{
    const nn_res_layer *l = &s->layer[0];
    size_t middle = (size_t)tile + 2 * ((size_t)reach_behind(s, 1) + (size_t)reach_of(l->near));
    size_t together = middle + 2 * (size_t)reach_of(l->wide), apart = middle * (size_t)l->wide->kernel;

    return together < apart ? together : apart;
}

/* The tile, so that its scratch fits the cache; true when few rows are computed twice. */
static bool choose_tile(job *j, int waste)
{
    const hse_kernels *k = j->c->k;
    int step = k->gemm_rows[j->type], least = 2 * step, threads;
    size_t row_bytes = j->row * j->element * 2 + j->cols * sizeof(float), fit = TILE_BYTES / row_bytes;
    double taps = 0, extra = 0;

    for (int i = 0; i < j->n; i++)
        for (int q = 0; q < j->stacks[i].n; q++) {
            const nn_res_layer *l = &j->stacks[i].layer[q];
            double behind = 2.0 * reach_behind(&j->stacks[i], q + 1), near = l->near ? l->near->kernel : 0;
            taps += l->wide->kernel + near;
            extra += (behind + 2.0 * reach_of(l->near)) * l->wide->kernel + behind * near;
        }
    threads = nn_min(j->c->threads, nn_task_count(j->c, (size_t)j->rows, taps * (double)j->cols * (double)j->cols));
    j->tile = nn_max_int(fit > MOST_ROWS ? MOST_ROWS : (int)fit, least);
    j->tile = nn_even_tile(j->rows, j->tile, least, threads);
    j->tiles = (j->rows + j->tile - 1) / j->tile;
    return j->tiles == 1 || extra * waste <= taps * j->tile;
}

/* ---- a tile ---- */

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
static void multiply(const job *j, const nn_conv1d_layer *l, k_gemm *m)
{
    m->w = &l->w;
    m->bias = l->bias;
    m->a_row = j->row;
    m->alpha = 1.0f;
    for (int p = 0; p < l->w.panels; p++) {
        m->panel_from = p;
        m->panel_to = p + 1;
        j->c->k->gemm[j->type](m);
    }
}

/* One item's part of a tile on its way through a stack. Prepared rows are counted from `low`, sums from `sum_low`. */
typedef struct {
    const float *item;                      /* the input */
    int          start, rows;               /* where the item's row 0 would be in the result; rows of the item */
    uint8_t     *now, *next;                /* prepared rows: those to be read, those to be written */
    float       *sum;
    int          sum_low;
} part;

static uint8_t *prepared_at(const job *j, uint8_t *p, int row)
{
    return p + (size_t)row * j->row * j->element;
}

/* Zeros for the rows of [low, high) that are outside the item, in prepared rows that begin with row low. */
static void zero_outside(const job *j, const part *p, uint8_t *at, int low, int high)
{
    size_t bytes = j->row * j->element;

    if (low < 0)
        memset(at, 0, (size_t)(nn_min(0, high) - low) * bytes);
    if (high > p->rows)
        memset(prepared_at(j, at, nn_max_int(p->rows, low) - low), 0, (size_t)(high - nn_max_int(p->rows, low)) * bytes);
}

/* What the wide convolution of a layer with two gives, activated, for rows [low, high). */
static void between(const job *j, part *p, const nn_conv1d_layer *l, size_t tap, int low, int high)
{
    int from = nn_max_int(low, 0), to = nn_min(high, p->rows);
    k_gemm m = {.a = prepared_at(j, p->now, from - low), .a_tap = tap, .rows = to - from};

    if (j->type == K_BF16) {
        m.out_bf16 = (uint16_t *)(void *)prepared_at(j, p->next, from - low);
        m.out_bf16_row = j->row;
        m.bf16_act = K_LEAKY_RELU;
        m.bf16_slope = j->slope;
    } else {
        m.out = (float *)(void *)prepared_at(j, p->next, from - low);
        m.out_row = j->row;
        m.act = K_LEAKY_RELU;
        m.slope = j->slope;
    }
    multiply(j, l, &m);
    zero_outside(j, p, p->next, low, high);
    uint8_t *read = p->now;
    p->now = p->next;
    p->next = read;
}

/* A layer's result for rows [low, high) of the item: the input of the first layer, else the sum, plus the convolution. To
 * `out` when it is not NULL, else to the sum; activated to the next prepared rows where another layer follows. */
static void finish(const job *j, part *p, const nn_conv1d_layer *l, size_t tap, int low, int high, bool first, bool last,
                   float *out)
{
    int from = nn_max_int(low, 0), to = nn_min(high, p->rows);
    float *sum = p->sum + (size_t)(from - p->sum_low) * j->cols;
    k_gemm m = {.a = prepared_at(j, p->now, from - low), .a_tap = tap, .rows = to - from, .residual = sum,
                .residual_row = j->cols, .out = sum, .out_row = j->cols};

    if (first) {
        m.residual = p->item + (size_t)from * j->x_ld;
        m.residual_row = j->x_ld;
    }
    if (out) {
        m.out = out;
        m.out_row = j->out_ld;
    }
    if (!last && j->type == K_BF16) {
        m.out_bf16 = (uint16_t *)(void *)prepared_at(j, p->next, from - low);
        m.out_bf16_row = j->row;
        m.bf16_act = K_LEAKY_RELU;
        m.bf16_slope = j->slope;
    }
    multiply(j, l, &m);
    if (last)
        return;
    if (j->type != K_BF16)
        j->c->k->act((float *)(void *)prepared_at(j, p->next, from - low), sum, (size_t)(to - from) * j->cols, K_LEAKY_RELU,
                     j->slope);
    zero_outside(j, p, p->next, low, high);
    uint8_t *read = p->now;
    p->now = p->next;
    p->next = read;
}

/* rows x cols of alpha * y to out, or added to it. */
static void combine(const job *j, float *out, const float *y, size_t y_ld, int rows, bool add)
{
    const hse_kernels *k = j->c->k;
    bool dense = y_ld == j->cols && j->out_ld == j->cols;
    size_t n = dense ? (size_t)rows * j->cols : j->cols;

    for (int r = 0; r < (dense ? nn_min(rows, 1) : rows); r++, out += j->out_ld, y += y_ld) {
        if (add)
            k->axpy(out, y, j->alpha, n);
        else
            k->scale(out, y, j->alpha, 0.0f, n);
    }
}

/* Result rows [from, to) of an item through one stack. */
static void run_stack(const job *j, uint8_t *slot, const nn_res_stack *s, part *p, int from, int to, bool add)
{
    float *out = j->out + (size_t)(p->start + from) * j->out_ld;        /* start may be negative, the sum is not */
    bool direct = !add && j->alpha == 1.0f;

    p->now = slot;
    p->next = slot + j->second_at;
    p->sum = (float *)(void *)(slot + j->sum_at);
    p->sum_low = from - reach_behind(s, 1);
    for (int q = 0; q < s->n; q++) {
        const nn_res_layer *l = &s->layer[q];
        bool first = q == 0, last = q == s->n - 1;
        int behind = reach_behind(s, q + 1), low = from - behind, high = to + behind, near = reach_of(l->near);
        int wide = reach_of(l->wide), middle = high - low + 2 * near;
        size_t tap = (size_t)l->wide->dilation * j->row;

        if (first && 2 * (long long)wide <= (long long)(l->wide->kernel - 1) * middle) {
            fill(j, p->item, p->rows, low - near - wide, high + near + wide, p->now);
        } else if (first) {
            for (int t = 0; t < l->wide->kernel; t++)
                fill(j, p->item, p->rows, low - near - wide + t * l->wide->dilation,
                     high + near - wide + t * l->wide->dilation, prepared_at(j, p->now, t * middle));
            tap = (size_t)middle * j->row;
        }
        if (l->near) {
            between(j, p, l->wide, tap, low - near, high + near);
            tap = j->row;
        }
        finish(j, p, l->near ? l->near : l->wide, tap, low, high, first, last, last && direct ? out : NULL);
    }
    if (!direct)
        combine(j, out, p->sum + (size_t)(from - p->sum_low) * j->cols, j->cols, to - from, add);
}

static void task(void *arg, int t)
{
    const job *j = arg;
    int from = t * j->tile, to = nn_min(from + j->tile, j->rows);

    int slot = nn_slot_take(j->c);
    for (int i = 0; i < j->items && from < to; i++) {
        int start = j->out_starts[i] - j->skip, end = j->out_starts[i + 1], stop = nn_min(to, end);
        if (from >= end)
            continue;
        part p = {.item = j->x + (size_t)j->starts[i] * j->x_ld, .start = start, .rows = j->starts[i + 1] - j->starts[i]};
        for (int k = 0; k < j->n && !nn_stopped(j->c); k++)
            run_stack(j, j->slots + (size_t)slot * j->slot_bytes, &j->stacks[k], &p, from - start, stop - start,
                      j->add || k > 0);
        from = stop;
    }
    nn_slot_give(j->c, slot);
}

/* ---- the three ways ---- */

/* Stacks from x to out, tile by tile; false when that is not worth it. */
static bool run_tiles(job j, nn_tensor x, nn_tensor out, int waste)
{
    nn_ctx *c = j.c;
    size_t top = c->top, most = 0, slots, bytes;
    int behind = 0;

    if (!choose_tile(&j, waste))
        return false;
    for (int i = 0; i < j.n; i++) {
        size_t rows = prepared_rows(&j.stacks[i], j.tile);
        most = rows > most ? rows : most;
        behind = nn_max_int(behind, reach_behind(&j.stacks[i], 1));
    }
    j.second_at = nn_align(most * j.row * j.element);
    j.sum_at = 2 * j.second_at;
    j.slot_bytes = j.sum_at + nn_align(((size_t)j.tile + 2 * (size_t)behind) * j.cols * sizeof(float));
    if (hse_mul_size(j.slot_bytes, (size_t)c->threads, &bytes) && nn_alloc(c, bytes, &slots) && nn_running(c)) {
        j.slots = nn_ptr(c, slots);
        j.x = nn_data(c, x);
        j.x_ld = (size_t)x.ld;
        j.out = nn_data(c, out);
        j.out_ld = (size_t)out.ld;
        j.starts = nn_list(c, x.starts);
        j.out_starts = nn_list(c, out.starts);
        nn_run_tasks(c, j.tiles, task, &j);
        nn_check_stop(c);
    }
    nn_release(c, top);
    return true;
}

typedef struct {
    job         j;                          /* out and y are its own */
    const float *y;
    size_t      y_ld;
    int         tasks;
} sum_job;

static void sum_task(void *arg, int t)
{
    const sum_job *s = arg;
    size_t from, to;

    nn_task_range((size_t)s->j.rows, s->tasks, t, &from, &to);
    combine(&s->j, s->j.out + from * s->j.out_ld, s->y + from * s->y_ld, s->y_ld, (int)(to - from), s->j.add);
}

static void run_sum(const job *j, nn_tensor y, nn_tensor out)
{
    sum_job s = {.j = *j, .y_ld = (size_t)y.ld, .tasks = nn_task_count(j->c, (size_t)j->rows, (double)j->cols)};

    if (!nn_running(j->c))
        return;
    s.j.out = nn_data(j->c, out);
    s.j.out_ld = (size_t)out.ld;
    s.y = nn_data(j->c, y);
    nn_run_tasks(j->c, s.tasks, sum_task, &s);
}

/* The convolution that gives rows [from, from + count) of what l makes of `rows` rows. */
static nn_conv1d_layer only_rows(const nn_conv1d_layer *l, int rows, int from, int count)
{
    nn_conv1d_layer only = *l;

    only.left -= from;
    only.right -= rows - from - count;
    return only;
}

/* Each convolution by itself. */
static void run_plain(const job *j, const nn_res_layer *l, nn_tensor x, nn_tensor into, nn_tensor between_them)
{
    nn_ctx *c = j->c;
    int skip = j->skip, low = nn_max_int(skip - reach_of(l->near), 0), rows = x.rows;
    int high = nn_min(skip + into.rows + reach_of(l->near), rows);
    nn_tensor y = nn_leaky_relu(c, x, j->slope), residual = x;
    nn_conv1d_layer wide = *l->wide, near = l->near ? *l->near : wide;

    if (skip > 0 || into.rows != rows) {
        residual = nn_part_rows(c, x, skip, into.rows);
        wide = only_rows(l->wide, rows, low, high - low);
        near = l->near ? only_rows(l->near, high - low, skip - low, into.rows) : wide;
        between_them = l->near ? nn_part_rows(c, between_them, 0, high - low) : between_them;
    }
    if (l->near)
        y = nn_leaky_relu(c, nn_conv1d_then(c, &wide, y, (nn_then){.into = between_them}), j->slope);
    nn_conv1d_then(c, &near, y, (nn_then){.residual = residual, .into = into});
}

/* Made when it is first wanted. */
static nn_tensor kept_tensor(nn_ctx *c, nn_tensor *kept, nn_tensor like)
{
    if (nn_is_none(*kept))
        *kept = nn_make_like(c, like, like.cols);
    return *kept;
}

/* Layer by layer, with whole tensors between them. */
static void run_layers(const job *j, bool fused, nn_tensor x, nn_tensor out)
{
    nn_ctx *c = j->c;
    nn_tensor kept[3] = {NN_NONE, NN_NONE, NN_NONE};        /* between convolutions, and the results of two layers */

    for (int i = 0; i < j->n; i++) {
        const nn_res_stack *s = &j->stacks[i];
        nn_tensor y = x;
        for (int q = 0; q < s->n && c->error.status == HSE_OK; q++) {
            nn_res_stack one = {.n = 1, .layer = {s->layer[q]}};
            job k = *j;
            bool last = q == s->n - 1, direct = last && i == 0 && j->alpha == 1.0f;
            nn_tensor to = direct ? out : NN_NONE;

            k.stacks = &one;
            k.n = 1;
            k.add = last && i > 0;
            k.alpha = last ? j->alpha : 1.0f;
            k.skip = last ? j->skip : 0;
            k.rows = last ? j->rows : x.rows;
            if (!last)
                to = kept_tensor(c, &kept[1 + q % 2], x);
            if (!fused || !run_tiles(k, y, last ? out : to, LAYER_WASTE)) {
                to = direct ? out : kept_tensor(c, &kept[1 + q % 2], x);
                if (last && !direct && out.rows != x.rows)
                    to = nn_part_rows(c, to, 0, out.rows);
                run_plain(&k, &s->layer[q], y, to, s->layer[q].near ? kept_tensor(c, &kept[0], x) : NN_NONE);
                if (last && !direct)
                    run_sum(&k, to, out);
            }
            y = to;
        }
    }
}

static bool stacks_fit(nn_ctx *c, int n, const nn_res_stack *stacks, nn_tensor x)
{
    for (int i = 0; i < n; i++) {
        if (stacks[i].n < 1 || stacks[i].n > NN_MAX_RES_LAYERS)
            return false;
        for (int q = 0; q < stacks[i].n; q++)
            if (!nn_expect_cols(c, "residual stack", x, stacks[i].layer[q].wide->in))
                return false;
    }
    return n > 0 && x.width == 1;
}

nn_tensor nn_res_stacks1d_rows(nn_ctx *c, int n, const nn_res_stack *stacks, float slope, float alpha, nn_tensor x, int from,
                               nn_tensor out)
{
    if (!nn_start(c, "residual stack", x) || !nn_start(c, "residual stack", out))
        return NN_NONE;
    uint32_t lists_top = c->lists_top;
    size_t top = c->top;
    x = nn_settle(c, x);
    if (c->error.status != HSE_OK)
        return NN_NONE;
    bool rows_fit = x.items == 1 ? out.items == 1 && from >= 0 && from <= x.rows - out.rows : from == 0 && nn_same_rows(c, x, out);
    if (!stacks_fit(c, n, stacks, x) || !rows_fit || out.width != 1 || out.cols != x.cols || (x.rows > 0 && out.at == x.at)) {
        nn_error(c, HSE_E_ARG, "residual stack: the result has another shape, or is the input");
        return NN_NONE;
    }
    if (out.rows == 0)
        return out;
    const nn_conv1d_layer *first = stacks[0].layer[0].wide;
    int align = c->k->k_align[K_BF16];
    job j = {.c = c, .stacks = stacks, .n = n, .slope = slope, .alpha = alpha, .type = first->w.type,
             .cols = (size_t)x.cols, .items = x.items, .rows = out.rows, .skip = from};
    bool fused = true, chain = n > 1;
    for (int i = 0; i < n; i++)
        for (int q = 0; q < stacks[i].n; q++) {
            const nn_res_layer *l = &stacks[i].layer[q];
            fused = fused && can_fuse(l->wide, first, x.cols) && (!l->near || can_fuse(l->near, first, x.cols)) &&
                    (!l->near || l->near->dilation == 1);
            chain = chain || stacks[i].n > 1;
        }
    j.element = j.type == K_BF16 ? 2 : 4;
    j.row = j.type == K_BF16 ? (j.cols + (size_t)align - 1) / (size_t)align * (size_t)align : j.cols;
    if (!(fused && chain && run_tiles(j, x, out, CHAIN_WASTE)))
        run_layers(&j, fused, x, out);
    nn_release(c, top);
    c->lists_top = lists_top;
    return c->error.status == HSE_OK ? out : NN_NONE;
}

nn_tensor nn_res_stacks1d(nn_ctx *c, int n, const nn_res_stack *stacks, float slope, float alpha, nn_tensor x, nn_tensor out)
{
    if (nn_start(c, "residual stack", x) && !nn_same_rows(c, x, out)) {
        nn_error(c, HSE_E_ARG, "residual stack: the result has other rows than the input");
        return NN_NONE;
    }
    return nn_res_stacks1d_rows(c, n, stacks, slope, alpha, x, 0, out);
}
