/* elementwise.c - activations, sums, products: one pass over rows, in one pattern for all. */
#include "nn/internal.h"

#include <math.h>

typedef enum { OP_COPY, OP_ACT, OP_ADD, OP_MUL, OP_MAX, OP_SCALE, OP_AFFINE, OP_HIGHWAY } op_kind;

typedef struct {
    nn_ctx      *c;
    op_kind      kind;
    float       *out;
    const float *a, *b, *d;
    size_t       out_ld, a_ld, b_ld, d_ld, cols, positions;
    k_act        act;
    float        p, q;                      /* slope; factor and summand */
    int          tasks;
} job;

static void apply(const job *j, float *out, const float *a, const float *b, const float *d, size_t n)
{
    const hse_kernels *k = j->c->k;

    switch (j->kind) {
    case OP_COPY:
        memcpy(out, a, n * sizeof *out);
        break;
    case OP_ACT:
        k->act(out, a, n, j->act, j->p);
        break;
    case OP_ADD:
        k->add(out, a, b, n);
        break;
    case OP_MUL:
        k->mul(out, a, b, n);
        break;
    case OP_MAX:
        k->max(out, a, b, n);
        break;
    case OP_SCALE:
        k->scale(out, a, j->p, j->q, n);
        break;
    case OP_AFFINE:
        k->affine(out, a, b, d, (int)(n / j->cols), (int)j->cols);
        break;
    case OP_HIGHWAY:
        memcpy(out, a, n * sizeof *out);
        k->highway(out, b, d, n);
        break;
    }
}

static void task(void *arg, int t)
{
    const job *j = arg;
    size_t from, to;

    nn_task_range(j->positions, j->tasks, t, &from, &to);
    if (from == to)
        return;
    if (j->a_ld == j->cols && j->out_ld == j->cols && (j->b_ld == 0 || j->b_ld == j->cols) &&
        (j->d_ld == 0 || j->d_ld == j->cols)) {
        apply(j, j->out + from * j->cols, j->a + from * j->cols, j->b ? j->b + from * j->b_ld : NULL,
              j->d ? j->d + from * j->d_ld : NULL, (to - from) * j->cols);
        return;
    }
    for (; from < to; from++)
        apply(j, j->out + from * j->out_ld, j->a + from * j->a_ld, j->b ? j->b + from * j->b_ld : NULL,
              j->d ? j->d + from * j->d_ld : NULL, j->cols);
}

static void run(job *j)
{
    j->tasks =
        nn_task_count(j->c, j->positions, (double)j->cols * (j->kind == OP_ACT && j->act > K_LEAKY_RELU ? 8 : 2));
    nn_run_tasks(j->c, j->tasks, task, j);
}

/* out = kind(a, b, d) over all positions of a; b and d none: not used. */
static nn_tensor map(nn_ctx *c, op_kind kind, nn_tensor a, nn_tensor b, nn_tensor d, k_act act, float p, float q)
{
    nn_tensor out = nn_make_like(c, a, a.cols);

    if (nn_is_none(out) || !nn_running(c))
        return out;
    job j = {.c = c,
             .kind = kind,
             .out = nn_data(c, out),
             .a = nn_data(c, a),
             .out_ld = (size_t)out.ld,
             .a_ld = (size_t)a.ld,
             .cols = (size_t)a.cols,
             .positions = nn_positions(a),
             .act = act,
             .p = p,
             .q = q};
    if (!nn_is_none(b)) {
        j.b = nn_data(c, b);
        j.b_ld = (size_t)b.ld;
    }
    if (!nn_is_none(d)) {
        j.d = nn_data(c, d);
        j.d_ld = (size_t)d.ld;
    }
    run(&j);
    return out;
}

bool nn_same_rows(const nn_ctx *c, nn_tensor a, nn_tensor b)
{
    return a.items == b.items && a.rows == b.rows && a.width == b.width &&
           (a.starts == b.starts ||
            memcmp(nn_list(c, a.starts), nn_list(c, b.starts), ((size_t)a.items + 1) * sizeof(int)) == 0);
}

nn_tensor nn_settle(nn_ctx *c, nn_tensor x)
{
    k_act act = x.act;

    x.act = K_NONE;
    if (act == K_NONE || c->error.status != HSE_OK)
        return x;
    return map(c, OP_ACT, x, NN_NONE, NN_NONE, act, x.slope, 0.0f);
}

nn_tensor nn_dense(nn_ctx *c, nn_tensor x)
{
    x = nn_settle(c, x);
    return x.ld == x.cols || c->error.status != HSE_OK ? x : map(c, OP_COPY, x, NN_NONE, NN_NONE, K_NONE, 0.0f, 0.0f);
}

nn_tensor nn_act(nn_ctx *c, nn_tensor x, k_act act, float slope)
{
    if (!nn_start(c, "activation", x))
        return NN_NONE;
    x = nn_settle(c, x);
    if (act == K_NONE || act == K_RELU || act == K_LEAKY_RELU || act == K_ADD_SIN) {
        x.act = act;
        x.slope = slope;
        return x;
    }
    return c->error.status == HSE_OK ? map(c, OP_ACT, x, NN_NONE, NN_NONE, act, slope, 0.0f) : NN_NONE;
}

nn_tensor nn_relu(nn_ctx *c, nn_tensor x)
{
    return nn_act(c, x, K_RELU, 0.0f);
}

nn_tensor nn_leaky_relu(nn_ctx *c, nn_tensor x, float slope)
{
    return nn_act(c, x, K_LEAKY_RELU, slope);
}

nn_tensor nn_tanh(nn_ctx *c, nn_tensor x)
{
    return nn_act(c, x, K_TANH, 0.0f);
}

nn_tensor nn_sigmoid(nn_ctx *c, nn_tensor x)
{
    return nn_act(c, x, K_SIGMOID, 0.0f);
}

nn_tensor nn_gelu(nn_ctx *c, nn_tensor x)
{
    return nn_act(c, x, K_GELU, 0.0f);
}

nn_tensor nn_silu(nn_ctx *c, nn_tensor x)
{
    return nn_act(c, x, K_SILU, 0.0f);
}

static nn_tensor pairwise(nn_ctx *c, const char *name, op_kind kind, nn_tensor a, nn_tensor b)
{
    if (!nn_start(c, name, a) || !nn_start(c, name, b))
        return NN_NONE;
    if (a.cols != b.cols || !nn_same_rows(c, a, b)) {
        nn_error(c, HSE_E_ARG, "%s: %d items of %d rows x %d and %d items of %d rows x %d", name, a.items, a.rows,
                 a.cols, b.items, b.rows, b.cols);
        return NN_NONE;
    }
    a = nn_settle(c, a);
    b = nn_settle(c, b);
    return c->error.status == HSE_OK ? map(c, kind, a, b, NN_NONE, K_NONE, 0.0f, 0.0f) : NN_NONE;
}

nn_tensor nn_add(nn_ctx *c, nn_tensor a, nn_tensor b)
{
    return nn_is_none(a) && nn_start(c, "add", b) ? b : pairwise(c, "add", OP_ADD, a, b);
}

nn_tensor nn_mul(nn_ctx *c, nn_tensor a, nn_tensor b)
{
    return pairwise(c, "mul", OP_MUL, a, b);
}

nn_tensor nn_max(nn_ctx *c, nn_tensor a, nn_tensor b)
{
    return pairwise(c, "max", OP_MAX, a, b);
}

nn_tensor nn_scale_shift(nn_ctx *c, nn_tensor x, float a, float b)
{
    if (!nn_start(c, "scale", x))
        return NN_NONE;
    x = nn_settle(c, x);
    return c->error.status == HSE_OK ? map(c, OP_SCALE, x, NN_NONE, NN_NONE, K_NONE, a, b) : NN_NONE;
}

nn_tensor nn_scale(nn_ctx *c, nn_tensor x, float a)
{
    return nn_scale_shift(c, x, a, 0.0f);
}

nn_tensor nn_highway_mix(nn_ctx *c, nn_tensor x, nn_tensor gate, nn_tensor value)
{
    if (!nn_start(c, "highway", x) || !nn_start(c, "highway", gate) || !nn_start(c, "highway", value) ||
        !nn_expect_cols(c, "highway", x, gate.cols))
        return NN_NONE;
    x = nn_settle(c, x);
    return c->error.status == HSE_OK ? map(c, OP_HIGHWAY, x, gate, value, K_NONE, 0.0f, 0.0f) : NN_NONE;
}

nn_tensor nn_batch_norm(nn_ctx *c, const nn_norm *n, nn_tensor x)
{
    if (!nn_start(c, "batch_norm", x) || !nn_expect_cols(c, "batch_norm", x, n->channels))
        return NN_NONE;
    x = nn_settle(c, x);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    job j = {.c = c, .kind = OP_AFFINE, .out = nn_data(c, out), .a = nn_data(c, x), .b = n->scale, .d = n->shift,
             .out_ld = (size_t)out.ld, .a_ld = (size_t)x.ld, .cols = (size_t)x.cols, .positions = nn_positions(x)};
    run(&j);
    return out;
}

/* Copy x into the first columns of out. */
static void copy_cols(nn_ctx *c, nn_tensor out, int col, nn_tensor x)
{
    job j = {.c = c, .kind = x.act == K_NONE ? OP_COPY : OP_ACT, .out = nn_data(c, out) + col, .a = nn_data(c, x),
             .out_ld = (size_t)out.ld, .a_ld = (size_t)x.ld, .cols = (size_t)x.cols, .positions = nn_positions(x),
             .act = x.act, .p = x.slope};
    run(&j);
}

nn_tensor nn_concat(nn_ctx *c, int n, const nn_tensor *parts)
{
    int cols = 0;

    for (int i = 0; i < n; i++) {
        if (!nn_start(c, "concat", parts[i]))
            return NN_NONE;
        if (!nn_same_rows(c, parts[0], parts[i]) || __builtin_add_overflow(cols, parts[i].cols, &cols)) {
            nn_error(c, HSE_E_ARG, "concat: part %d has other rows than the first, or there are too many columns", i);
            return NN_NONE;
        }
    }
    if (n <= 0) {
        nn_error(c, HSE_E_ARG, "concat: no parts");
        return NN_NONE;
    }
    nn_tensor out = nn_make_like(c, parts[0], cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    for (int i = 0, col = 0; i < n; col += parts[i++].cols)
        copy_cols(c, out, col, parts[i]);
    return out;
}

static bool one_row_an_item(nn_ctx *c, const char *op, nn_tensor x, nn_tensor v)
{
    if (v.items == x.items && v.rows == v.items && v.width == 1) {
        const int *s = nn_list(c, v.starts);
        int i = 0;
        while (i < v.items && s[i] == i)
            i++;
        if (i == v.items)
            return true;
    }
    nn_error(c, HSE_E_ARG, "%s: the vector has %d items with %d rows, the tensor has %d items", op, v.items, v.rows,
             x.items);
    return false;
}

nn_tensor nn_add_vector(nn_ctx *c, nn_tensor x, nn_tensor v)
{
    if (!nn_start(c, "add_vector", x) || !nn_start(c, "add_vector", v) || !nn_expect_cols(c, "add_vector", v, x.cols) ||
        !one_row_an_item(c, "add_vector", x, v))
        return NN_NONE;
    x = nn_settle(c, x);
    v = nn_settle(c, v);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    const int *s = nn_list(c, x.starts);
    size_t cols = (size_t)x.cols, width = (size_t)x.width;
    for (int i = 0; i < x.items; i++)
        for (size_t p = (size_t)s[i] * width; p < (size_t)s[i + 1] * width; p++)
            c->k->add(nn_data(c, out) + p * cols, nn_data(c, x) + p * (size_t)x.ld,
                      nn_data(c, v) + (size_t)i * (size_t)v.ld, cols);
    return out;
}

typedef struct {
    nn_ctx    *c;
    nn_tensor  x, v, out;
    const int *starts;
    int        tasks;
} gate_job;

static void gate_task(void *arg, int t)
{
    const gate_job *j = arg;
    size_t from, to, n = (size_t)j->out.cols;
    int item = 0;

    nn_task_range((size_t)j->out.rows, j->tasks, t, &from, &to);
    for (; from < to; from++) {
        while (j->starts[item + 1] <= (int)from)
            item++;
        j->c->k->gate(nn_data(j->c, j->out) + from * n, nn_data(j->c, j->x) + from * (size_t)j->x.ld,
                      nn_data(j->c, j->v) + (size_t)item * (size_t)j->v.ld, n);
    }
}

nn_tensor nn_gate(nn_ctx *c, nn_tensor x, nn_tensor v)
{
    if (!nn_start(c, "gate", x) || !nn_start(c, "gate", v) || !nn_expect_cols(c, "gate", v, x.cols) ||
        !one_row_an_item(c, "gate", x, v))
        return NN_NONE;
    if (x.cols % 2 != 0 || x.width != 1) {
        nn_error(c, HSE_E_ARG, "gate: %d positions of %d columns", x.width, x.cols);
        return NN_NONE;
    }
    x = nn_settle(c, x);
    v = nn_settle(c, v);
    nn_tensor out = nn_make_like(c, x, x.cols / 2);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    gate_job j = {.c = c, .x = x, .v = v, .out = out, .starts = nn_list(c, x.starts)};
    j.tasks = nn_task_count(c, (size_t)x.rows, (double)x.cols * 8);
    nn_run_tasks(c, j.tasks, gate_task, &j);
    return out;
}

nn_tensor nn_append_vector(nn_ctx *c, nn_tensor x, nn_tensor v)
{
    int cols;

    if (!nn_start(c, "append_vector", x) || !nn_start(c, "append_vector", v) ||
        !one_row_an_item(c, "append_vector", x, v))
        return NN_NONE;
    if (__builtin_add_overflow(x.cols, v.cols, &cols)) {
        nn_error(c, HSE_E_LIMIT, "append_vector: too many columns");
        return NN_NONE;
    }
    v = nn_settle(c, v);
    nn_tensor out = nn_make_like(c, x, cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    copy_cols(c, out, 0, x);
    const int *s = nn_list(c, x.starts);
    for (int i = 0; i < x.items; i++)
        for (size_t p = (size_t)s[i] * (size_t)x.width; p < (size_t)s[i + 1] * (size_t)x.width; p++)
            memcpy(nn_data(c, out) + p * (size_t)cols + x.cols, nn_data(c, v) + (size_t)i * (size_t)v.ld,
                   (size_t)v.cols * sizeof(float));
    return out;
}

nn_tensor nn_magnitude(nn_ctx *c, nn_tensor x)
{
    if (!nn_start(c, "magnitude", x))
        return NN_NONE;
    if (x.cols % 2 != 0) {
        nn_error(c, HSE_E_ARG, "magnitude: %d columns are not pairs", x.cols);
        return NN_NONE;
    }
    nn_tensor out = nn_make_like(c, x, x.cols / 2);
    size_t top = c->top;
    x = nn_settle(c, x);
    if (!nn_is_none(out) && nn_running(c))
        for (size_t p = 0, n = (size_t)out.cols; p < nn_positions(x); p++) {
            const float *re = nn_data(c, x) + p * (size_t)x.ld, *im = re + n;
            float *to = nn_data(c, out) + p * n;
            for (size_t i = 0; i < n; i++)
                to[i] = sqrtf(re[i] * re[i] + im[i] * im[i]);
        }
    nn_release(c, top);
    return out;
}
