/* grid.c - 3 x 3 convolutions as products with shifted rows.
 *
 * A grid's rows end in a gap that reads as zero. With a row of zeros above and below each item the nine taps of a
 * position are at nine fixed distances in the flattened input, so a convolution is one product with packed weights over
 * all positions (k_gemm.tap_at), with no gathered copy. The input is first brought into that form, normalised, activated
 * and in the weights' type ("field"); the first convolution of a block writes its result, activated, straight into the
 * field that the second reads. What is computed for the gaps means nothing and costs one position a row. */
#include "base/mem.h"
#include "nn/bind_internal.h"
#include "nn/internal.h"

static const size_t TILE_BYTES = 128 << 10; /* of input that a task looks at */

/* Prepared input: for each item a row of zeros, then its rows; a row of zeros at the end; a position at either end. */
typedef struct {
    size_t        at;                       /* in the arena */
    size_t        row, element;             /* elements of a position, bytes of one */
    int           items, rows, width;
    uint32_t      starts;
    k_weight_type type;
} field;

static size_t field_position(const field *f, int item, int row_of_all)
{
    return 1 + (size_t)(row_of_all + item + 1) * (size_t)f->width;
}

static uint8_t *field_ptr(nn_ctx *c, const field *f, size_t position)
{
    return (uint8_t *)nn_ptr(c, f->at) + position * f->row * f->element;
}

static bool field_new(nn_ctx *c, field *f, nn_tensor like, int cols, k_weight_type type)
{
    size_t align = (size_t)c->k->k_align[type], positions, bytes;

    *f = (field){.items = like.items, .rows = like.rows, .width = like.width, .starts = like.starts, .type = type};
    f->element = type == K_BF16 ? 2 : 4;
    f->row = type == K_BF16 ? ((size_t)cols + align - 1) / align * align : (size_t)cols;
    if (!hse_mul_size((size_t)like.rows + (size_t)like.items + 1, (size_t)like.width, &positions) ||
        !hse_mul_size(positions + 2, f->row * f->element, &bytes)) {
        nn_error(c, HSE_E_LIMIT, "a grid of %d rows is too large", like.rows);
        return false;
    }
    return nn_alloc(c, bytes, &f->at);
}

/* Zeros where nothing is written: around the items. */
static void field_frame(nn_ctx *c, const field *f)
{
    const int *starts = nn_list(c, f->starts);
    size_t position = f->row * f->element, row = (size_t)f->width * position;

    memset(field_ptr(c, f, 0), 0, position);
    for (int i = 0; i < f->items; i++)
        memset(field_ptr(c, f, field_position(f, i, starts[i] - 1)), 0, row);
    memset(field_ptr(c, f, field_position(f, f->items, f->rows) - (size_t)f->width), 0, row + position);
}

static void field_gaps(nn_ctx *c, const field *f, int item, int from, int to)
{
    for (int r = from; r < to; r++)
        memset(field_ptr(c, f, field_position(f, item, r) + (size_t)f->width - 1), 0, f->row * f->element);
}

/* ---- filling a field ---- */

typedef struct {
    nn_ctx        *c;
    const field   *f;
    nn_tensor      x;
    const nn_norm *norm;
    k_act          act;
    float          slope;
    float         *slots;
    size_t         slot_floats;
    int            chunk, tasks;
} fill_job;

/* Rows [from, to) of all, which are of one item. */
static void fill_rows(const fill_job *j, float *scratch, int item, int from, int to)
{
    const hse_kernels *k = j->c->k;
    int positions = (to - from) * j->x.width, cols = j->x.cols;
    const float *in = nn_data(j->c, j->x) + (size_t)from * (size_t)j->x.width * (size_t)cols;
    uint8_t *out = field_ptr(j->c, j->f, field_position(j->f, item, from));
    float *floats = j->f->type == K_F32 ? (float *)(void *)out : scratch;

    k->affine(floats, in, j->norm->scale, j->norm->shift, positions, cols);
    if (j->f->type == K_BF16)
        k->to_bf16((uint16_t *)(void *)out, j->f->row, floats, (size_t)cols, positions, cols, j->act, j->slope);
    else
        k->act(floats, floats, (size_t)positions * (size_t)cols, j->act, j->slope);
    field_gaps(j->c, j->f, item, from, to);
}

static void fill_task(void *arg, int t)
{
    const fill_job *j = arg;
    const int *starts = nn_list(j->c, j->x.starts);
    size_t from, to;
    int slot = nn_slot_take(j->c);

    nn_task_range((size_t)j->x.rows, j->tasks, t, &from, &to);
    for (int i = 0, r = (int)from; i < j->x.items && r < (int)to; i++)
        while (r < nn_min((int)to, starts[i + 1])) {
            int end = nn_min(nn_min((int)to, starts[i + 1]), r + j->chunk);
            fill_rows(j, j->slots + (size_t)slot * j->slot_floats, i, r, end);
            r = end;
        }
    nn_slot_give(j->c, slot);
}

/* norm, act and conversion of x (dense) into a new field. */
static bool field_fill(nn_ctx *c, field *f, nn_tensor x, const nn_norm *norm, k_act act, float slope,
                       k_weight_type type)
{
    size_t slots, top;
    fill_job j = {.c = c, .f = f, .x = x, .norm = norm, .act = act, .slope = slope};

    if (norm->channels != x.cols) {
        nn_error(c, HSE_E_ARG, "grid: a norm of %d channels on %d", norm->channels, x.cols);
        return false;
    }
    if (!field_new(c, f, x, x.cols, type))
        return false;
    top = c->top;
    j.chunk = nn_max_int(1, (16 << 10) / (x.width * x.cols));
    j.slot_floats = (size_t)j.chunk * (size_t)x.width * (size_t)x.cols;
    if (!nn_alloc_floats(c, j.slot_floats, (size_t)c->threads, &slots))
        return false;
    if (nn_running(c)) {
        j.slots = nn_ptr(c, slots);
        j.tasks = nn_task_count(c, (size_t)x.rows, (double)x.width * x.cols * 3);
        field_frame(c, f);
        nn_run_tasks(c, j.tasks, fill_task, &j);
    }
    nn_release(c, top);
    return c->error.status == HSE_OK && !nn_check_stop(c);
}

/* ---- products over a field ---- */

typedef struct {
    nn_ctx       *c;
    const field  *f;
    k_gemm        m;                        /* all but the rows */
    float        *out;
    const float  *residual;
    uint16_t     *out_bf16;
    ptrdiff_t     tap_at[9];
    int           start, positions, item;   /* of the item */
    int           tile, tiles, groups;
} conv_job;

static void conv_task(void *arg, int t)
{
    const conv_job *j = arg;
    int from = t / j->groups * j->tile, to = nn_min(from + j->tile, j->positions);
    size_t row = (size_t)j->start * (size_t)j->f->width + (size_t)from, panel_from, panel_to;
    k_gemm m = j->m;

    if (nn_stopped(j->c))
        return;
    nn_task_range((size_t)m.w->panels, j->groups, t % j->groups, &panel_from, &panel_to);
    m.a = field_ptr(j->c, j->f, field_position(j->f, j->item, j->start) + (size_t)from);
    m.tap_at = j->tap_at;
    m.rows = to - from;
    m.out = j->out ? j->out + row * m.out_row : NULL;
    m.residual = j->residual ? j->residual + row * m.residual_row : NULL;
    m.out_bf16 = j->out_bf16 ? j->out_bf16 + (size_t)from * m.out_bf16_row : NULL;
    for (size_t p = panel_from; p < panel_to; p++) {
        m.panel_from = (int)p;
        m.panel_to = (int)p + 1;
        j->c->k->gemm[m.w->type](&m);
    }
}

static void conv_tiles(conv_job *j)
{
    const k_packed *w = j->m.w;
    int step = j->c->k->gemm_rows[w->type];
    size_t fit = TILE_BYTES / (j->f->row * j->f->element);
    int want = nn_task_count(j->c, (size_t)j->positions, (double)w->n * w->k * w->taps);

    j->tile = fit > 1 << 16 ? 1 << 16 : nn_max_int((int)fit, 2 * step);
    j->tile = (nn_min(j->tile, nn_max_int(j->positions / want, step)) + step - 1) / step * step;
    j->tiles = (j->positions + j->tile - 1) / j->tile;
    j->groups = 1;
    if (w->panels > 1 && j->tiles < want)
        j->groups = nn_min((want + j->tiles - 1) / j->tiles, w->panels);
    if (w->panel_bytes * (size_t)w->panels > (size_t)1 << 20 && j->tiles > 1 && w->panels >= want) {
        j->tile = (nn_min((int)fit * 4, j->positions) + step - 1) / step * step;    /* weights matter more than inputs */
        j->tiles = (j->positions + j->tile - 1) / j->tile;
        j->groups = nn_min(want, w->panels);
    }
}

static void three_by_three(ptrdiff_t tap_at[9], const field *f)
{
    for (int t = 0; t < 9; t++)
        tap_at[t] = ((t / 3 - 1) * (ptrdiff_t)f->width + t % 3 - 1) * (ptrdiff_t)f->row;
}

/* A 3 x 3 convolution of f: into `out` (a tensor of as many rows), or activated into the field `next`. */
static void convolve(nn_ctx *c, const nn_conv2d_layer *l, const field *f, nn_tensor out, nn_tensor residual, field *next,
                     float slope)
{
    conv_job j = {.c = c, .f = f, .m = {.w = &l->w, .bias = l->bias, .a_row = f->row, .alpha = 1.0f}};

    if (!nn_running(c))
        return;
    const int *starts = nn_list(c, f->starts);
    three_by_three(j.tap_at, f);
    if (next)
        field_frame(c, next);
    for (int i = 0; i < f->items && c->error.status == HSE_OK; i++) {
        j.item = i;
        j.start = starts[i];
        j.positions = (starts[i + 1] - starts[i]) * f->width;
        if (j.positions == 0)
            continue;
        if (next && next->type == K_BF16) {
            j.out_bf16 = (uint16_t *)(void *)field_ptr(c, next, field_position(next, i, starts[i]));
            j.m.out_bf16_row = next->row;
            j.m.bf16_act = K_LEAKY_RELU;
            j.m.bf16_slope = slope;
        } else if (next) {
            /* out counts rows of all items, the field's rows of zeros stand between */
            j.out = (float *)(void *)field_ptr(c, next, field_position(next, i, starts[i])) -
                    (size_t)starts[i] * (size_t)f->width * next->row;
            j.m.out_row = next->row;
            j.m.act = K_LEAKY_RELU;
            j.m.slope = slope;
        } else {
            j.out = nn_data(c, out);
            j.m.out_row = (size_t)out.ld;
            j.residual = nn_is_none(residual) ? NULL : nn_data(c, residual);
            j.m.residual_row = (size_t)residual.ld;
        }
        conv_tiles(&j);
        nn_run_tasks(c, j.tiles * j.groups, conv_task, &j);
        if (next)
            field_gaps(c, next, i, starts[i], starts[i + 1]);
    }
    nn_check_stop(c);
}

/* What the first convolution gives before the norm behind it, and what the second adds: shown to a listener only. */
static void show(nn_ctx *c, const nn_grid_block *b, nn_tensor x, const field *f, const field *between, const char *name)
{
    nn_mark_t mark = nn_mark(c);
    nn_tensor y = nn_make_like(c, x, b->out);

    nn_tap(c, nn_batch_norm(c, &b->norm, x), "%s.bn1", name);
    convolve(c, &b->conv1, f, y, NN_NONE, NULL, 0);
    nn_tap(c, nn_batch_norm(c, &b->undo, y), "%s.conv1", name);
    convolve(c, &b->conv2, between, y, NN_NONE, NULL, 0);
    nn_tap(c, y, "%s.conv2", name);
    nn_release(c, mark.top);
}

nn_tensor nn_grid_block_run(nn_ctx *c, const nn_grid_block *b, nn_tensor x, const char *name)
{
    nn_tensor residual;
    field f, between;

    if (!nn_start(c, "grid block", x) || !nn_expect_cols(c, "grid block", x, b->in))
        return NN_NONE;
    x = nn_dense(c, x);
    nn_tensor y = nn_make_like(c, x, b->out);
    if (nn_is_none(y) || x.rows == 0)
        return y;
    residual = b->has_shortcut ? nn_linear_then(c, &b->shortcut, x, (nn_then){.into = y}) : x;
    size_t top = c->top;
    if (!field_new(c, &between, x, b->out, b->conv2.w.type))
        return NN_NONE;
    size_t inner = c->top;
    if (!field_fill(c, &f, x, &b->norm, K_LEAKY_RELU, b->slope, b->conv1.w.type))
        return NN_NONE;
    convolve(c, &b->conv1, &f, NN_NONE, NN_NONE, &between, b->slope);
    if (nn_listening(c))
        show(c, b, x, &f, &between, name);
    nn_release(c, inner);
    convolve(c, &b->conv2, &between, y, residual, NULL, 0);
    nn_release(c, top);
    nn_tap(c, y, "%s", name);
    return c->error.status == HSE_OK ? y : NN_NONE;
}

/* ---- transposed ---- */

/* Kernel row (or position) and input of each tap of a parity, the older input first: an even result takes tap 2 of the
 * input before and tap 0 of its own, an odd one tap 1 of its own. */
static int taps_of(int parity, int kernel[2], int back[2])
{
    kernel[0] = parity ? 1 : 2;
    back[0] = parity ? 0 : 1;
    kernel[1] = 0;
    back[1] = 0;
    return parity ? 1 : 2;
}

void nn_make_grid_up(nn_binder *b, nn_grid_up *u, int in, int out, const float *w)
{
    *u = (nn_grid_up){.in = in, .out = out};
    for (int h = 0; h < 2; h++)
        for (int v = 0; v < 2; v++) {
            int kh[2], kv[2], back[2], nh = taps_of(h, kh, back), nv = taps_of(v, kv, back);
            size_t n = (size_t)in, m = (size_t)out, taps = (size_t)(nh * nv);
            nn_conv2d_layer l;
            nn_temp t = w ? nn_temp_new(b, m * n * taps) : (nn_temp){0};

            for (size_t o = 0; t.at && o < m; o++)
                for (size_t i = 0; i < n; i++)
                    for (int k = 0; k < nh * nv; k++)
                        t.at[(o * n + i) * taps + (size_t)k] =
                            w[(i * m + o) * 9 + (size_t)(kh[k / nv] * 3 + kv[k % nv])];
            nn_make_conv2d(b, &l, in, out, nh, nv, t.at, NULL);
            u->phase[h][v] = l.w;
            nn_temp_free(&t);
        }
}

typedef struct {
    nn_ctx           *c;
    const nn_grid_up *u;
    const field      *f;
    nn_tensor         out;
    int               item, first, last, out_first, tasks;  /* rows of all of x, and the result's first row */
    int               extra;                /* one more even row: what lies below the last */
} up_job;

static void up_phase(const up_job *j, int h, int v, int from, int to)
{
    const field *f = j->f;
    int kernel[2], back_h[2], back_v[2], nh = taps_of(h, kernel, back_h), nv = taps_of(v, kernel, back_v);
    size_t ld = (size_t)j->out.ld, width = (size_t)j->out.width;
    ptrdiff_t tap_at[4];
    k_gemm m = {.w = &j->u->phase[h][v], .a_row = f->row, .tap_at = tap_at, .rows = f->width, .out_row = 2 * ld,
                .alpha = 1.0f};

    for (int k = 0; k < nh * nv; k++)
        tap_at[k] = -(back_h[k / nv] * (ptrdiff_t)f->width + back_v[k % nv]) * (ptrdiff_t)f->row;
    for (int p = 0; p < m.w->panels; p++)
        for (int r = from; r < (h == 0 && to == j->last ? to + j->extra : to); r++) {
            size_t row = (size_t)j->out_first + 2 * (size_t)(r - j->first) + (size_t)h;
            m.a = field_ptr(j->c, f, field_position(f, j->item, r));
            m.out = nn_data(j->c, j->out) + (row * width + (size_t)v) * ld;
            m.panel_from = p;
            m.panel_to = p + 1;
            j->c->k->gemm[m.w->type](&m);
        }
}

static void up_task(void *arg, int t)
{
    const up_job *j = arg;
    size_t from, to;

    nn_task_range((size_t)(j->last - j->first), j->tasks, t, &from, &to);
    for (int phase = 0; phase < 4 && from < to && !nn_stopped(j->c); phase++)
        up_phase(j, phase / 2, phase % 2, j->first + (int)from, j->first + (int)to);
}

static void up(nn_ctx *c, const nn_grid_up *u, const field *f, nn_tensor out, int extra)
{
    if (!nn_running(c))
        return;
    const int *starts = nn_list(c, f->starts), *out_starts = nn_list(c, out.starts);
    for (int i = 0; i < f->items; i++) {
        up_job j = {.c = c, .u = u, .f = f, .out = out, .item = i, .first = starts[i], .last = starts[i + 1],
                    .out_first = out_starts[i], .extra = extra};
        if (j.first == j.last)
            continue;
        j.tasks = nn_task_count(c, (size_t)(j.last - j.first), 9.0 * f->width * u->in * u->out);
        j.tasks = nn_min(j.tasks, c->threads); /* each reads all weights again for its rows */
        nn_run_tasks(c, j.tasks, up_task, &j);
    }
    nn_check_stop(c);
}

typedef struct {
    int times, more;
} growth;

static long long grown(const void *arg, long long rows)
{
    const growth *g = arg;

    return rows * g->times + g->more;
}

nn_tensor nn_grid_new(nn_ctx *c, nn_tensor x, int times, int width, int cols)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "grid", x) || !nn_starts_map(c, "grid", x, grown, &(growth){times, 0}, &starts, &rows))
        return NN_NONE;
    return nn_make(c, x.items, starts, rows, width, cols);
}

nn_tensor nn_grid_up_run(nn_ctx *c, const nn_grid_up *u, nn_tensor x, nn_tensor into, const char *name)
{
    field f;

    if (!nn_start(c, "grid upsampling", x) || !nn_start(c, "grid upsampling", into) ||
        !nn_expect_cols(c, "grid upsampling", x, u->in))
        return NN_NONE;
    x = nn_dense(c, x);
    if (into.width != 2 * x.width || into.rows != 2 * x.rows || into.items != x.items || into.cols < u->out) {
        nn_error(c, HSE_E_ARG, "grid upsampling: the tensor to write into has another shape");
        return NN_NONE;
    }
    size_t top = c->top;
    if (!field_fill(c, &f, x, &u->norm, K_RELU, 0, u->phase[0][0].type))
        return NN_NONE;
    if (nn_listening(c)) {
        uint32_t starts;
        int rows;

        nn_tap(c, nn_batch_norm(c, &u->norm, x), "%s.bn1", name);
        if (!nn_starts_map(c, "grid upsampling", x, grown, &(growth){2, 1}, &starts, &rows))
            return NN_NONE;
        nn_tensor whole = nn_make(c, x.items, starts, rows, into.width, u->out);
        up(c, u, &f, whole, 1);
        nn_tap(c, whole, "%s.conv1", name);
    }
    up(c, u, &f, into, 0);
    nn_release(c, top);
    return c->error.status == HSE_OK ? into : NN_NONE;
}

/* ---- the rest ---- */

typedef struct {
    nn_ctx   *c;
    nn_tensor x, out;
    int       tasks;
} copy_job;

static void copy_task(void *arg, int t)
{
    const copy_job *j = arg;
    size_t from, to, cols = (size_t)j->x.cols;

    nn_task_range(nn_positions(j->x), j->tasks, t, &from, &to);
    for (size_t p = from; p < to; p++)
        memcpy(nn_data(j->c, j->out) + p * (size_t)j->out.ld, nn_data(j->c, j->x) + p * (size_t)j->x.ld,
               cols * sizeof(float));
}

nn_tensor nn_copy_cols(nn_ctx *c, nn_tensor x, nn_tensor into, int col)
{
    if (!nn_start(c, "copy", x) || !nn_start(c, "copy", into))
        return NN_NONE;
    x = nn_settle(c, x);
    nn_tensor out = nn_then_out(c, "copy", &(nn_then){.into = into, .col = col}, x, x.starts, x.rows, x.width, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    copy_job j = {.c = c, .x = x, .out = out, .tasks = nn_task_count(c, nn_positions(x), (double)x.cols * 2)};
    nn_run_tasks(c, j.tasks, copy_task, &j);
    return out;
}

typedef struct {
    nn_ctx   *c;
    nn_tensor x, out;
    int       item, tasks, rows;
} pool_job;

static void pool_task(void *arg, int t)
{
    const pool_job *j = arg;
    size_t from, to, cols = (size_t)j->x.cols, wide = (size_t)j->x.width * cols, narrow = (size_t)j->out.width * cols;
    const float *in = nn_data(j->c, j->x) + (size_t)nn_list(j->c, j->x.starts)[j->item] * wide;
    float *out = nn_data(j->c, j->out) + (size_t)nn_list(j->c, j->out.starts)[j->item] * narrow;

    nn_task_range((size_t)j->rows, j->tasks, t, &from, &to);
    for (size_t r = from; r < to; r++)
        for (size_t p = 0; p < (size_t)j->out.width; p++) {
            const float *a = in + 2 * r * wide + 2 * p * cols, *b = a + wide;
            float *y = out + r * narrow + p * cols;
            size_t next = 2 * p + 1 < (size_t)j->x.width ? cols : 0;
            for (size_t i = 0; i < cols; i++)
                y[i] = (a[i] + a[i + next] + b[i] + b[i + next]) * 0.25f;
        }
}

static long long half(const void *arg, long long rows)
{
    (void)arg;
    return rows / 2;
}

nn_tensor nn_grid_pool(nn_ctx *c, nn_tensor x)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "grid pool", x))
        return NN_NONE;
    x = nn_dense(c, x);
    int width = (x.width - 1) / 2 + 1;
    if (width < 2 || !nn_starts_map(c, "grid pool", x, half, NULL, &starts, &rows)) {
        nn_error(c, HSE_E_ARG, "grid pool: %d positions a row are too few", x.width - 1);
        return NN_NONE;
    }
    nn_tensor out = nn_make(c, x.items, starts, rows, width, x.cols);
    for (int i = 0; i < x.items && nn_running(c); i++) {
        pool_job j = {.c = c, .x = x, .out = out, .item = i, .rows = nn_rows(c, out, i)};
        j.tasks = nn_task_count(c, (size_t)j.rows, (double)width * x.cols * 4);
        nn_run_tasks(c, j.tasks, pool_task, &j);
    }
    return c->error.status == HSE_OK ? out : NN_NONE;
}
