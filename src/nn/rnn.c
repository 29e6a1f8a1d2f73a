/* rnn.c - LSTM and GRU over ragged batches.
 *
 * The input's share of all gates is one product over all rows. Then each step multiplies the states of the items that
 * are still running with the recurrent weights. Items are sorted by length, so those are always the first ones, and the
 * input's share is stored step by step in the same order ("packed"), so that a step finds its rows together.
 *
 * Gates are stored in blocks of NN_RNN_BLOCK hidden units: all gates of units 0..63, then all gates of 64..127, ...
 * A group of blocks is then a range of panels whose owner has everything to finish its units, and a step needs one
 * meeting of the threads, not two. States are double-buffered, because others still read the old ones. With two
 * directions and two threads there is no meeting at all: each direction runs to its end alone. */
#include "nn/internal.h"

static const double GROUP_COST = 150e3;     /* multiply-adds of a step that are worth a thread */

typedef struct {
    nn_ctx             *c;
    const nn_rnn_layer *l;
    const nn_rnn_cell  *cell;               /* of this layer: [directions] */
    int                 items, steps, groups, blocks_each;
    const int          *starts, *order;     /* order[a]: the a-th longest item */
    const int          *step_row;           /* where a step's rows start in gx; steps + 1 */
    bool                packed;             /* false: one item, gx has the rows of x */
    const int          *index;              /* then: the row of gx for each step; NULL: the step's own */
    const float        *gx[2];
    float              *h[2][2], *cells[2], *u[2];      /* [direction], h also by parity of the step */
    float              *out;
    size_t              out_ld, h_ld;       /* of a converted state row */
    uint8_t            *slots;
    size_t              slot_bytes, scale_at;
    int                 now;                /* the step that the groups work on */
} job;

static int width_of(const job *j)
{
    return j->l->gates * j->l->hidden;
}

static const float *gx_row(const job *j, int d, int t)
{
    int row = j->packed || d == 0 ? j->step_row[t] : j->steps - 1 - t;

    if (j->index)
        row = j->index[row];
    return j->gx[d] + (size_t)row * (size_t)width_of(j);
}

static void multiply_states(const job *j, uint8_t *slot, int d, int t, int active, int panel_from, int panel_to)
{
    const nn_rnn_cell *cell = &j->cell[d];
    size_t n = (size_t)width_of(j), hidden = (size_t)j->l->hidden;
    const float *h = j->h[d][t & 1];
    k_gemm m = {.w = &cell->u, .a = h, .a_row = hidden, .rows = active, .panel_from = panel_from, .panel_to = panel_to,
                .out = j->u[d], .out_row = n, .bias = cell->bias_u, .alpha = 1.0f};

    if (cell->u.type == K_BF16) {
        j->c->k->to_bf16((uint16_t *)(void *)slot, j->h_ld, h, hidden, active, j->l->hidden, K_NONE, 0.0f);
    } else if (cell->u.type == K_INT8) {
        float *scale = (float *)(void *)(slot + j->scale_at);
        j->c->k->to_int8(slot, j->h_ld, scale, h, hidden, active, j->l->hidden, K_NONE, 0.0f);
        m.a_scale = scale;
        m.a_scale_row = 1;
    }
    if (cell->u.type != K_F32) {
        m.a = slot;
        m.a_row = j->h_ld;
    }
    if (j->l->gates == 4) {
        m.residual = gx_row(j, d, t);
        m.residual_row = n;
    }
    j->c->k->gemm[cell->u.type](&m);
}

/* Hidden units of blocks [from, to) of every active item. */
static void finish_units(const job *j, int d, int t, int active, int from, int to)
{
    const hse_kernels *k = j->c->k;
    size_t n = (size_t)width_of(j), hidden = (size_t)j->l->hidden, gates = (size_t)j->l->gates;
    const float *gx = gx_row(j, d, t);

    for (int a = 0; a < active; a++) {
        int item = j->order[a], len = j->starts[item + 1] - j->starts[item];
        size_t row = (size_t)j->starts[item] + (size_t)(d == 0 ? t : len - 1 - t);
        float *next = j->h[d][(t + 1) & 1] + (size_t)a * hidden;
        const float *last = j->h[d][t & 1] + (size_t)a * hidden, *u = j->u[d] + (size_t)a * n;
        for (int b = from; b < to; b++) {
            size_t at = (size_t)b * NN_RNN_BLOCK;
            int units = nn_min(NN_RNN_BLOCK, j->l->hidden - (int)at);
            if (gates == 4) {
                k->lstm_step(next + at, j->cells[d] + (size_t)a * hidden + at, u + at * 4, units);
            } else {
                memcpy(next + at, last + at, (size_t)units * sizeof *next);
                k->gru_step(next + at, gx + (size_t)a * n + at * 3, u + at * 3, units);
            }
        }
        size_t at = (size_t)from * NN_RNN_BLOCK, end = (size_t)nn_min(to * NN_RNN_BLOCK, j->l->hidden);
        memcpy(j->out + row * j->out_ld + (size_t)d * hidden + at, next + at, (end - at) * sizeof *next);
    }
}

static int blocks_of(const job *j)
{
    return (j->l->hidden + NN_RNN_BLOCK - 1) / NN_RNN_BLOCK;
}

static void step(const job *j, uint8_t *slot, int d, int t, int group)
{
    int active = j->step_row[t + 1] - j->step_row[t], blocks = blocks_of(j);
    int from = group * j->blocks_each, to = nn_min(from + j->blocks_each, blocks);
    const k_packed *u = &j->cell[d].u;

    if (from >= to)
        return;
    int panel_from = from * NN_RNN_BLOCK * j->l->gates / u->panel;
    int panel_to = to == blocks ? u->panels : to * NN_RNN_BLOCK * j->l->gates / u->panel;
    multiply_states(j, slot, d, t, active, panel_from, panel_to);
    finish_units(j, d, t, active, from, to);
}

static void direction_task(void *arg, int d)
{
    const job *j = arg;
    int slot = nn_slot_take(j->c);

    for (int t = 0; t < j->steps && ((t & 31) != 0 || !nn_stopped(j->c)); t++)
        step(j, j->slots + (size_t)slot * j->slot_bytes, d, t, 0);
    nn_slot_give(j->c, slot);
}

static void step_task(void *arg, int task)
{
    const job *j = arg;
    int slot = nn_slot_take(j->c);

    step(j, j->slots + (size_t)slot * j->slot_bytes, task / j->groups, j->now, task % j->groups);
    nn_slot_give(j->c, slot);
}

/* Groups must begin at whole panels. */
static void choose_groups(job *j)
{
    const nn_rnn_layer *l = j->l;
    int rows = NN_RNN_BLOCK * l->gates, panel = j->cell[0].u.panel, unit = 1, blocks = blocks_of(j);
    double cost = (double)l->gates * l->hidden * l->hidden / GROUP_COST;
    int want = j->c->threads / l->directions;

    while (rows * unit % panel != 0)
        unit++;
    want = nn_min(want, cost < 1 ? 1 : cost > NN_MAX_THREADS ? NN_MAX_THREADS : (int)cost);
    want = nn_max_int(1, nn_min(want, blocks / unit));
    j->blocks_each = ((blocks + want - 1) / want + unit - 1) / unit * unit;
    j->groups = (blocks + j->blocks_each - 1) / j->blocks_each;
}

static void run_steps(job *j)
{
    if (j->groups == 1) {
        nn_run_tasks(j->c, j->l->directions, direction_task, j);
        return;
    }
    for (j->now = 0; j->now < j->steps && ((j->now & 31) != 0 || !nn_stopped(j->c)); j->now++)
        nn_run_tasks(j->c, j->groups * j->l->directions, step_task, j);
}

/* ---- order of the rows ---- */

/* order: items by falling length (equal ones as they came); step_row: running sums of the active items. */
static bool list_order(nn_ctx *c, nn_tensor x, uint32_t *order, uint32_t *step_row, int *steps)
{
    int n = x.items, longest = 0;

    for (int i = 0; i < n; i++)
        longest = nn_max_int(longest, nn_rows(c, x, i));
    if (!nn_list_new(c, (size_t)n, order) || !nn_list_new(c, (size_t)longest + 2, step_row))
        return false;
    /* Counting sort: place[len] first counts the items of that length, then says where the next of them goes.
     * step_row has just the room for it, and becomes the running sum afterwards. */
    int *o = nn_list(c, *order), *place = nn_list(c, *step_row);
    memset(place, 0, ((size_t)longest + 2) * sizeof *place);
    for (int i = 0; i < n; i++)
        place[nn_rows(c, x, i)]++;
    for (int len = longest, at = 0; len >= 0; len--) {
        int count = place[len];
        place[len] = at;
        at += count;
    }
    for (int i = 0; i < n; i++)
        o[place[nn_rows(c, x, i)]++] = i;
    for (int t = 0, row = 0, active = n; t <= longest; t++) {
        place[t] = row;
        while (active > 0 && nn_rows(c, x, o[active - 1]) <= t)
            active--;
        row += active;
    }
    *steps = longest;
    return true;
}

/* The rows of x as the steps read them; `shape` has the items' true rows, index (or NULL) says which row of x each
 * of those is. */
static nn_tensor packed_rows(nn_ctx *c, nn_tensor x, nn_tensor shape, const int *index, uint32_t order,
                             uint32_t step_row, int steps, int direction)
{
    uint32_t list;

    if (!nn_list_new(c, (size_t)shape.rows, &list))
        return NN_NONE;
    const int *o = nn_list(c, order), *s = nn_list(c, shape.starts), *step = nn_list(c, step_row);
    int *to = nn_list(c, list);
    for (int t = 0; t < steps; t++)
        for (int a = 0; a < step[t + 1] - step[t]; a++) {
            int row = direction == 0 ? s[o[a]] + t : s[o[a] + 1] - 1 - t;
            to[step[t] + a] = index ? index[row] : row;
        }
    return nn_gather_listed(c, x, shape, list);
}

/* The input's share of all gates, in the order in which the steps read it. With an index the product is made before
 * the rows are multiplied, without one after they are put in order: each time over the narrower or fewer rows. */
static nn_tensor input_share(nn_ctx *c, const nn_rnn_layer *l, const nn_rnn_cell *cell, nn_tensor x, nn_tensor shape,
                             const int *index, uint32_t order, uint32_t step_row, int steps, int direction)
{
    bool packed = shape.items > 1, early = index != NULL;
    nn_tensor gx = packed || !early ? nn_make_like(c, shape, l->gates * l->hidden) : NN_NONE;
    size_t top = c->top;
    nn_tensor in = packed && !early ? packed_rows(c, x, shape, NULL, order, step_row, steps, direction) : x;
    nn_tensor out = early ? nn_make_like(c, x, l->gates * l->hidden) : gx;

    if (c->error.status != HSE_OK)
        return NN_NONE;
    nn_gemm_run(c, &(nn_gemm){.w = &cell->w,
                              .bias = cell->bias_w,
                              .x = in,
                              .out_starts = in.starts,
                              .rows = in.rows,
                              .kernel = 1,
                              .dilation = 1,
                              .stride = 1,
                              .out = out});
    if (early && !packed)
        return out;
    if (early) {
        nn_tensor rows = packed_rows(c, out, shape, index, order, step_row, steps, direction);
        if (nn_running(c))
            memcpy(nn_data(c, gx), nn_data(c, rows), (size_t)shape.rows * (size_t)gx.cols * sizeof(float));
    }
    nn_release(c, top);
    return gx;
}

/* ---- one layer ---- */

typedef struct {
    size_t h[2][2], cells[2], u[2], slots;
    nn_tensor gx[2];
} places;

static bool reserve(nn_ctx *c, job *j, places *p)
{
    const nn_rnn_layer *l = j->l;
    size_t items = (size_t)j->items, hidden = (size_t)l->hidden;
    size_t align = (size_t)c->k->k_align[j->cell[0].u.type], row;
    bool ok = true;

    for (int d = 0; d < l->directions; d++)
        ok = ok && nn_alloc_floats(c, items, hidden, &p->h[d][0]) && nn_alloc_floats(c, items, hidden, &p->h[d][1]) &&
             nn_alloc_floats(c, items, hidden, &p->cells[d]) &&
             nn_alloc_floats(c, items, (size_t)l->gates * hidden, &p->u[d]);
    j->h_ld = (hidden + align - 1) / align * align;
    row = items * j->h_ld * sizeof(uint16_t);           /* bf16; int8 needs half of it */
    j->scale_at = nn_align(row);
    j->slot_bytes = j->cell[0].u.type == K_F32 ? NN_ALIGN : j->scale_at + nn_align(items * sizeof(float));
    return ok && nn_alloc(c, j->slot_bytes * (size_t)c->threads, &p->slots);
}

/* The start state of this layer in the order of the items; zeros where none is given. */
static void load_state(const job *j, nn_tensor state, int layer, int d, float *to)
{
    size_t hidden = (size_t)j->l->hidden;

    for (int a = 0; a < j->items; a++) {
        if (nn_is_none(state))
            memset(to + (size_t)a * hidden, 0, hidden * sizeof *to);
        else
            memcpy(to + (size_t)a * hidden,
                   nn_data(j->c, state) + (size_t)j->order[a] * (size_t)state.ld +
                       (size_t)(layer * j->l->directions + d) * hidden,
                   hidden * sizeof *to);
    }
}

static void save_state(const job *j, nn_tensor h, nn_tensor cells, int layer, int d)
{
    size_t hidden = (size_t)j->l->hidden, col = (size_t)(layer * j->l->directions + d) * hidden;

    for (int a = 0; a < j->items; a++) {
        int item = j->order[a], len = j->starts[item + 1] - j->starts[item];
        size_t to = (size_t)item * (size_t)h.ld + col;
        memcpy(nn_data(j->c, h) + to, j->h[d][len & 1] + (size_t)a * hidden, hidden * sizeof(float));
        if (!nn_is_none(cells))
            memcpy(nn_data(j->c, cells) + to, j->cells[d] + (size_t)a * hidden, hidden * sizeof(float));
    }
}

static void run_layer(nn_ctx *c, const nn_rnn_layer *l, int layer, nn_tensor x, const int *index, nn_tensor out,
                      nn_state start, nn_state final)
{
    size_t top = c->top;
    uint32_t lists_top = c->lists_top, order, step_row;
    job j = {.c = c, .l = l, .cell = l->cell[layer], .items = out.items, .packed = out.items > 1};
    places p;

    if (!list_order(c, out, &order, &step_row, &j.steps))
        return;
    choose_groups(&j);
    j.index = j.packed ? NULL : index;
    for (int d = 0; d < l->directions && c->error.status == HSE_OK; d++)
        p.gx[d] = input_share(c, l, &l->cell[layer][d], x, out, index, order, step_row, j.steps, d);
    if (reserve(c, &j, &p) && nn_running(c)) {
        j.starts = nn_list(c, out.starts);
        j.order = nn_list(c, order);
        j.step_row = nn_list(c, step_row);
        j.out = nn_data(c, out);
        j.out_ld = (size_t)out.ld;
        j.slots = nn_ptr(c, p.slots);
        for (int d = 0; d < l->directions; d++) {
            j.gx[d] = nn_data(c, p.gx[d]);
            j.h[d][0] = nn_ptr(c, p.h[d][0]);
            j.h[d][1] = nn_ptr(c, p.h[d][1]);
            j.cells[d] = nn_ptr(c, p.cells[d]);
            j.u[d] = nn_ptr(c, p.u[d]);
            load_state(&j, start.h, layer, d, j.h[d][0]);
            load_state(&j, l->gates == 4 ? start.c : NN_NONE, layer, d, j.cells[d]);
        }
        run_steps(&j);
        for (int d = 0; d < l->directions && !nn_check_stop(c) && !nn_is_none(final.h); d++)
            save_state(&j, final.h, final.c, layer, d);
    }
    nn_release(c, top);
    c->lists_top = lists_top;
}

static bool good_state(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, nn_tensor state)
{
    if (nn_is_none(state) || (state.items == x.items && state.rows == x.items && state.width == 1 &&
                              state.cols == l->layers * l->directions * l->hidden))
        return true;
    nn_error(c, HSE_E_ARG, "recurrent layer: a state of %d rows x %d, expected %d x %d", state.rows, state.cols,
             x.items, l->layers * l->directions * l->hidden);
    return false;
}

static nn_tensor state_new(nn_ctx *c, int items, int cols)
{
    uint32_t starts;

    if (!nn_list_new(c, (size_t)items + 1, &starts))
        return NN_NONE;
    for (int i = 0; i <= items; i++)
        nn_list(c, starts)[i] = i;
    return nn_make(c, items, starts, items, 1, cols);
}

/* shape: x, or the items and rows that index makes of it. */
static nn_tensor run_rnn(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, nn_tensor shape, const int *index,
                         nn_state *state, int gates)
{
    nn_state start = {0}, final = {0};
    int cols = l->layers * l->directions * l->hidden;

    if (!nn_start(c, "recurrent layer", x) || !nn_expect_cols(c, "recurrent layer", x, l->in))
        return NN_NONE;
    if (x.width != 1 || l->gates != gates) {
        nn_error(c, HSE_E_ARG, "recurrent layer: a row of %d positions, a layer of %d gates", x.width, l->gates);
        return NN_NONE;
    }
    if (state) {
        if (!good_state(c, l, x, state->h) || !good_state(c, l, x, state->c))
            return NN_NONE;
        start.h = nn_is_none(state->h) ? NN_NONE : nn_settle(c, state->h);
        start.c = nn_is_none(state->c) ? NN_NONE : nn_settle(c, state->c);
        final.h = state_new(c, x.items, cols);
        final.c = gates == 4 ? state_new(c, x.items, cols) : NN_NONE;
    }
    nn_tensor out = nn_make_like(c, shape, l->directions * l->hidden);
    size_t top = c->top;
    nn_tensor other = l->layers > 1 ? nn_make_like(c, shape, l->directions * l->hidden) : NN_NONE;
    for (int i = 0; i < l->layers && c->error.status == HSE_OK; i++) {
        nn_tensor to = (l->layers - i) % 2 == 1 ? out : other;     /* the last layer writes the result */
        run_layer(c, l, i, x, i == 0 ? index : NULL, to, start, final);
        x = to;
    }
    nn_release(c, top);
    if (nn_check_stop(c))
        return NN_NONE;
    if (state)
        *state = final;
    return out;
}

nn_tensor nn_lstm(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, nn_state *state)
{
    return run_rnn(c, l, x, x, NULL, state, 4);
}

nn_tensor nn_lstm_gathered(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, const int *counts, const int *index,
                           nn_state *state)
{
    nn_tensor shape = x;

    if (!nn_start(c, "lstm_gathered", x) ||
        !nn_starts_from(c, "lstm_gathered", x.items, counts, &x, &shape.starts, &shape.rows))
        return NN_NONE;
    for (int r = 0; r < shape.rows; r++)
        if (index[r] < 0 || index[r] >= x.rows) {
            nn_error(c, HSE_E_ARG, "lstm_gathered: row %d of %d", index[r], x.rows);
            return NN_NONE;
        }
    return run_rnn(c, l, x, shape, index, state, 4);
}

nn_tensor nn_gru(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, nn_state *state)
{
    return run_rnn(c, l, x, x, NULL, state, 3);
}
