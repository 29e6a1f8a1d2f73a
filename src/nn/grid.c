/* grid.c - 3 x 3 convolutions as products with shifted rows.
 *
 * A grid's rows end in a gap that reads as zero. With a row of zeros above and below each item the nine taps of a
 * position are at nine fixed distances in the flattened input, so a convolution is one product with packed weights over
 * all positions (k_gemm.tap_at), with no gathered copy. The input is first brought into that form, normalised,
 * activated and in the weights' type ("field"); the first convolution of a block writes its result, activated, straight
 * into the field that the second reads. A block goes through both in stretches of rows that stay in the cache, each
 * with the rows around it that it looks at, so its scratch does not grow with the input. What is computed for the gaps
 * means nothing and costs one position a row. */
#include "base/mem.h"
#include "nn/bind_internal.h"
#include "nn/internal.h"

static const size_t TILE_BYTES = 128 << 10; /* of input that a task looks at */

/* Prepared input of rows [first, first + rows) of all: a row of zeros, these rows, a row of zeros; a position at either
 * end. The zeros stand for what is outside the item; where a stretch ends inside it, nobody looks at them. */
typedef struct {
    size_t at;           /* in the arena */
    size_t row, element; /* elements of a position, bytes of one */
    int first, rows, width;
    k_weight_type type;
} field;

static uint8_t *field_row(nn_ctx *c, const field *f, int row_of_all)
{
    size_t position = 1 + (size_t)(row_of_all - f->first + 1) * (size_t)f->width;

    return (uint8_t *)nn_ptr(c, f->at) + position * f->row * f->element;
}

/* Room for up to `rows` rows. */
static bool field_new(nn_ctx *c, field *f, int rows, int width, int cols, k_weight_type type)
{
    size_t align = (size_t)c->k->k_align[type], positions, bytes;

    *f = (field){.rows = rows, .width = width, .type = type};
    f->element = type == K_BF16 ? 2 : 4;
    f->row = type == K_BF16 ? ((size_t)cols + align - 1) / align * align : (size_t)cols;
    if (!hse_mul_size((size_t)rows + 2, (size_t)width, &positions) ||
        !hse_mul_size(positions + 2, f->row * f->element, &bytes)) {
        nn_error(c, HSE_E_LIMIT, "a grid of %d rows is too large", rows);
        return false;
    }
    return nn_alloc(c, bytes, &f->at);
}

/* The field for other rows, with the zeros around them. */
static void field_set(nn_ctx *c, field *f, int first, int rows)
{
    size_t position = f->row * f->element, row = (size_t)f->width * position;

    f->first = first;
    f->rows = rows;
    memset(field_row(c, f, first - 1) - position, 0, row + position);
    memset(field_row(c, f, first + rows), 0, row + position);
}

static void field_gaps(nn_ctx *c, const field *f, int from, int to)
{
    for (int r = from; r < to; r++)
        memset(field_row(c, f, r) + (size_t)(f->width - 1) * f->row * f->element, 0, f->row * f->element);
}

/* ---- filling a field ---- */

typedef struct {
    nn_ctx *c;
    const field *f;
    nn_tensor x;
    const nn_norm *norm;
    k_act act;
    float slope;
    size_t slots, slot_floats;
    int chunk, tasks;
} filler;

static bool filler_new(nn_ctx *c, filler *j, nn_tensor x, const nn_norm *norm, k_act act, float slope)
{
    *j = (filler){.c = c, .x = x, .norm = norm, .act = act, .slope = slope};
    if (norm->channels != x.cols) {
        nn_error(c, HSE_E_ARG, "grid: a norm of %d channels on %d", norm->channels, x.cols);
        return false;
    }
    j->chunk = nn_max_int(1, (16 << 10) / (x.width * x.cols));
    j->slot_floats = (size_t)j->chunk * (size_t)x.width * (size_t)x.cols;
    return nn_alloc_floats(c, j->slot_floats, (size_t)c->threads, &j->slots);
}

static void fill_rows(const filler *j, float *scratch, int from, int to)
{
    const hse_kernels *k = j->c->k;
    int positions = (to - from) * j->x.width, cols = j->x.cols;
    const float *in = nn_data(j->c, j->x) + (size_t)from * (size_t)j->x.width * (size_t)cols;
    uint8_t *out = field_row(j->c, j->f, from);
    float *floats = j->f->type == K_F32 ? (float *)(void *)out : scratch;

    k->affine(floats, in, j->norm->scale, j->norm->shift, positions, cols);
    if (j->f->type == K_BF16)
        k->to_bf16((uint16_t *)(void *)out, j->f->row, floats, (size_t)cols, positions, cols, j->act, j->slope);
    else
        k->act(floats, floats, (size_t)positions * (size_t)cols, j->act, j->slope);
    field_gaps(j->c, j->f, from, to);
}

static void fill_task(void *arg, int t)
{
    const filler *j = arg;
    size_t from, to;
    int slot = nn_slot_take(j->c);
    float *scratch = (float *)nn_ptr(j->c, j->slots) + (size_t)slot * j->slot_floats;

    nn_task_range((size_t)j->f->rows, j->tasks, t, &from, &to);
    for (int r = (int)from, end; r < (int)to; r = end) {
        end = nn_min((int)to, r + j->chunk);
        fill_rows(j, scratch, j->f->first + r, j->f->first + end);
    }
    nn_slot_give(j->c, slot);
}

/* norm, act and conversion of rows of x (dense) into f. */
static void field_fill(filler *j, field *f, int first, int rows)
{
    j->f = f;
    j->tasks = nn_task_count(j->c, (size_t)rows, (double)j->x.width * j->x.cols * 3);
    field_set(j->c, f, first, rows);
    nn_run_tasks(j->c, j->tasks, fill_task, j);
}

/* ---- products over a field ---- */

typedef struct {
    nn_ctx *c;
    const field *f;
    k_gemm m; /* all but the rows */
    float *out;
    const float *residual;
    uint16_t *out_bf16;
    ptrdiff_t tap_at[9];
    int first, positions; /* row of all that it begins with; positions */
    int tile, tiles, groups;
} conv_job;

static void conv_task(void *arg, int t)
{
    const conv_job *j = arg;
    int from = t / j->groups * j->tile, to = nn_min(from + j->tile, j->positions);
    size_t panel_from, panel_to;
    k_gemm m = j->m;

    if (nn_stopped(j->c))
        return;
    nn_task_range((size_t)m.w->panels, j->groups, t % j->groups, &panel_from, &panel_to);
    m.a = field_row(j->c, j->f, j->first) + (size_t)from * j->f->row * j->f->element;
    m.tap_at = j->tap_at;
    m.rows = to - from;
    m.out = j->out ? j->out + (size_t)from * m.out_row : NULL;
    m.residual = j->residual ? j->residual + (size_t)from * m.residual_row : NULL;
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
        j->tile = (nn_min((int)fit * 4, j->positions) + step - 1) / step * step; /* weights matter more than inputs */
        j->tiles = (j->positions + j->tile - 1) / j->tile;
        j->groups = nn_min(want, w->panels);
    }
}

static void three_by_three(ptrdiff_t tap_at[9], const field *f)
{
    for (int t = 0; t < 9; t++)
        tap_at[t] = ((t / 3 - 1) * (ptrdiff_t)f->width + t % 3 - 1) * (ptrdiff_t)f->row;
}

/* A 3 x 3 convolution of f, its rows [first, first + rows) of all: into `out` (a tensor), or activated into the field
 * `next`, which then is of these rows. */
static void convolve(nn_ctx *c, const nn_conv2d_layer *l, const field *f, int first, int rows, nn_tensor out,
                     nn_tensor residual, field *next, float slope)
{
    size_t at = (size_t)first * (size_t)f->width;
    conv_job j = {.c = c,
                  .f = f,
                  .first = first,
                  .positions = rows * f->width,
                  .m = {.w = &l->w, .bias = l->bias, .a_row = f->row, .alpha = 1.0f}};

    three_by_three(j.tap_at, f);
    if (next) {
        field_set(c, next, first, rows);
        if (next->type == K_BF16) {
            j.out_bf16 = (uint16_t *)(void *)field_row(c, next, first);
            j.m.out_bf16_row = next->row;
            j.m.bf16_act = K_LEAKY_RELU;
            j.m.bf16_slope = slope;
        } else {
            j.out = (float *)(void *)field_row(c, next, first);
            j.m.out_row = next->row;
            j.m.act = K_LEAKY_RELU;
            j.m.slope = slope;
        }
    } else {
        j.out = nn_data(c, out) + at * (size_t)out.ld;
        j.m.out_row = (size_t)out.ld;
        j.residual = nn_is_none(residual) ? NULL : nn_data(c, residual) + at * (size_t)residual.ld;
        j.m.residual_row = (size_t)residual.ld;
    }
    conv_tiles(&j);
    nn_run_tasks(c, j.tiles * j.groups, conv_task, &j);
    if (next)
        field_gaps(c, next, first, first + rows);
}

/* ---- the block ---- */

typedef struct {
    filler fill;
    field f, between;
    nn_tensor y, residual, shown[2]; /* shown: what the convolutions give, for a listener */
} block_run;

/* Rows [from, to) of the item [start, end). */
static void stretch(nn_ctx *c, const nn_grid_block *b, block_run *s, int start, int end, int from, int to)
{
    int a = nn_max_int(from - 1, start), z = nn_min(to + 1, end);    /* what conv2 looks at */
    int first = nn_max_int(a - 1, start), last = nn_min(z + 1, end); /* what conv1 looks at for that */

    field_fill(&s->fill, &s->f, first, last - first);
    if (!nn_is_none(s->shown[0]))
        convolve(c, &b->conv1, &s->f, from, to - from, s->shown[0], NN_NONE, NULL, 0);
    convolve(c, &b->conv1, &s->f, a, z - a, NN_NONE, NN_NONE, &s->between, b->slope);
    if (!nn_is_none(s->shown[1]))
        convolve(c, &b->conv2, &s->between, from, to - from, s->shown[1], NN_NONE, NULL, 0);
    convolve(c, &b->conv2, &s->between, from, to - from, s->y, s->residual, NULL, 0);
}

/* Rows that are worked on at once: enough to keep all threads busy and the rows that two stretches both compute few. */
static int rows_at_once(const nn_grid_block *b, nn_tensor x)
{
    size_t row = (size_t)x.width * (size_t)nn_max_int(b->in, b->out) * 2;
    int fit = (int)(((size_t)4 << 20) / row);

    return b->rows_at_once > 0 ? b->rows_at_once : nn_max_int(fit, 64);
}

static void tap_block(nn_ctx *c, const nn_grid_block *b, nn_tensor x, const block_run *s, const char *name)
{
    nn_tap(c, nn_batch_norm(c, &b->norm, x), "%s.bn1", name);
    nn_tap(c, nn_batch_norm(c, &b->undo, s->shown[0]), "%s.conv1", name);
    nn_tap(c, s->shown[1], "%s.conv2", name);
}

nn_tensor nn_grid_block_run(nn_ctx *c, const nn_grid_block *b, nn_tensor x, const char *name)
{
    block_run s = {.y = NN_NONE};
    int most = 0, at_once;

    if (!nn_start(c, "grid block", x) || !nn_expect_cols(c, "grid block", x, b->in))
        return NN_NONE;
    x = nn_dense(c, x);
    s.y = nn_make_like(c, x, b->out);
    if (nn_is_none(s.y) || x.rows == 0)
        return s.y;
    s.residual = b->has_shortcut ? nn_linear_then(c, &b->shortcut, x, (nn_then){.into = s.y}) : x;
    size_t top = c->top;
    at_once = rows_at_once(b, x);
    for (int i = 0; i < x.items; i++)
        most = nn_max_int(most, nn_rows(c, x, i));
    most = nn_min(most, at_once);
    for (int i = 0; i < 2 && nn_listening(c); i++)
        s.shown[i] = nn_make_like(c, x, b->out);
    if (!field_new(c, &s.f, most + 4, x.width, b->in, b->conv1.w.type) ||
        !field_new(c, &s.between, most + 2, x.width, b->out, b->conv2.w.type) ||
        !filler_new(c, &s.fill, x, &b->norm, K_LEAKY_RELU, b->slope))
        return NN_NONE;
    for (int i = 0; i < x.items && nn_running(c); i++) {
        int start = nn_list(c, x.starts)[i], end = nn_list(c, x.starts)[i + 1];
        for (int from = start; from < end && !nn_check_stop(c); from += at_once)
            stretch(c, b, &s, start, end, from, nn_min(from + at_once, end));
    }
    if (nn_listening(c))
        tap_block(c, b, x, &s, name);
    nn_release(c, top);
    nn_tap(c, s.y, "%s", name);
    return c->error.status == HSE_OK ? s.y : NN_NONE;
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
            size_t n = (size_t)in, m = (size_t)out, taps = (size_t)nh * (size_t)nv;
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
    nn_ctx *c;
    const nn_grid_up *u;
    const field *f;
    nn_tensor out;
    int first, last, out_first, tasks; /* rows of all of x, and the result's first row */
    int extra;                         /* one more even row: what lies below the last */
} up_job;

static void up_phase(const up_job *j, int h, int v, int from, int to)
{
    const field *f = j->f;
    int kernel[2], back_h[2], back_v[2], nh = taps_of(h, kernel, back_h), nv = taps_of(v, kernel, back_v);
    size_t ld = (size_t)j->out.ld, width = (size_t)j->out.width;
    ptrdiff_t tap_at[4];
    k_gemm m = {
        .w = &j->u->phase[h][v], .a_row = f->row, .tap_at = tap_at, .rows = f->width, .out_row = 2 * ld, .alpha = 1.0f};

    for (int k = 0; k < nh * nv; k++)
        tap_at[k] = -(back_h[k / nv] * (ptrdiff_t)f->width + back_v[k % nv]) * (ptrdiff_t)f->row;
    for (int p = 0; p < m.w->panels; p++)
        for (int r = from; r < (h == 0 && to == j->last ? to + j->extra : to); r++) {
            size_t row = (size_t)j->out_first + 2 * (size_t)(r - j->first) + (size_t)h;
            m.a = field_row(j->c, f, r);
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

/* Item i of x, whose rows f holds. */
static void up(nn_ctx *c, const nn_grid_up *u, const field *f, nn_tensor out, int item, int extra)
{
    up_job j = {.c = c,
                .u = u,
                .f = f,
                .out = out,
                .first = f->first,
                .last = f->first + f->rows,
                .out_first = nn_list(c, out.starts)[item],
                .extra = extra};

    j.tasks = nn_task_count(c, (size_t)f->rows, 9.0 * f->width * u->in * u->out);
    j.tasks = nn_min(j.tasks, c->threads); /* each reads all weights again for its rows */
    nn_run_tasks(c, j.tasks, up_task, &j);
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
    nn_tensor whole = NN_NONE;
    filler fill;
    int most = 0;
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
    if (nn_listening(c)) { /* with the row below the last, which the network drops */
        uint32_t starts;
        int rows;

        nn_tap(c, nn_batch_norm(c, &u->norm, x), "%s.bn1", name);
        if (!nn_starts_map(c, "grid upsampling", x, grown, &(growth){2, 1}, &starts, &rows))
            return NN_NONE;
        whole = nn_make(c, x.items, starts, rows, into.width, u->out);
    }
    for (int i = 0; i < x.items; i++)
        most = nn_max_int(most, nn_rows(c, x, i));
    if (!field_new(c, &f, most, x.width, u->in, u->phase[0][0].type) || !filler_new(c, &fill, x, &u->norm, K_RELU, 0))
        return NN_NONE;
    for (int i = 0; i < x.items && nn_running(c); i++) {
        if (nn_rows(c, x, i) == 0)
            continue;
        field_fill(&fill, &f, nn_list(c, x.starts)[i], nn_rows(c, x, i));
        up(c, u, &f, into, i, 0);
        if (!nn_is_none(whole))
            up(c, u, &f, whole, i, 1);
        nn_check_stop(c);
    }
    nn_tap(c, whole, "%s.conv1", name);
    nn_release(c, top);
    return c->error.status == HSE_OK ? into : NN_NONE;
}

/* ---- the rest ---- */

typedef struct {
    nn_ctx *c;
    nn_tensor x, out;
    int tasks;
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

void nn_copy_rows(nn_ctx *c, nn_tensor x, int from, int n, nn_tensor into, int at)
{
    if (!nn_start(c, "copy", x) || !nn_start(c, "copy", into))
        return;
    size_t row = (size_t)x.width * (size_t)x.cols;

    x = nn_settle(c, x);
    if (x.items != 1 || into.items != 1 || x.width != into.width || x.cols != into.cols || x.ld != x.cols || into.ld != into.cols ||
        from < 0 || n < 0 || from > x.rows - n || at < 0 || at > into.rows - n) {
        nn_error(c, HSE_E_ARG, "copy: %d rows from %d on of %d x %d x %d to row %d of %d x %d x %d", n, from, x.rows, x.width, x.cols, at,
                 into.rows, into.width, into.cols);
        return;
    }
    if (nn_running(c))
        memcpy(nn_data(c, into) + (size_t)at * row, nn_data(c, x) + (size_t)from * row, (size_t)n * row * sizeof(float));
}

typedef struct {
    nn_ctx *c;
    nn_tensor x, out;
    int item, tasks, rows;
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
