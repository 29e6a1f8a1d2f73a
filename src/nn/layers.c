/* layers.c - linear layers and 1-D convolutions: shapes and checks; the work is in gemm.c. */
#include "nn/internal.h"

bool nn_expect_cols(nn_ctx *c, const char *op, nn_tensor x, int cols)
{
    if (x.cols == cols)
        return true;
    nn_error(c, HSE_E_ARG, "%s: the input has %d columns, the layer takes %d", op, x.cols, cols);
    return false;
}

static bool expect_1d(nn_ctx *c, const char *op, nn_tensor x)
{
    if (x.width == 1)
        return true;
    nn_error(c, HSE_E_ARG, "%s: the input has %d positions a row, 1 is wanted", op, x.width);
    return false;
}

nn_tensor nn_then_out(nn_ctx *c, const char *op, nn_then *then, nn_tensor like, uint32_t starts, int rows, int width,
                      int cols)
{
    nn_tensor shape = {.items = like.items, .starts = starts, .rows = rows, .width = width, .cols = cols};

    if (then->norm && then->norm->channels != cols) {
        nn_error(c, HSE_E_ARG, "%s: a norm of %d channels on %d", op, then->norm->channels, cols);
        return NN_NONE;
    }
    if (!nn_is_none(then->residual)) {
        then->residual = nn_settle(c, then->residual);
        if (c->error.status != HSE_OK || then->residual.cols != cols || !nn_same_rows(c, then->residual, shape)) {
            nn_error(c, HSE_E_ARG, "%s: the residual has another shape than the result", op);
            return NN_NONE;
        }
    }
    if (nn_is_none(then->into))
        return nn_make(c, like.items, starts, rows, width, cols);
    if (then->col < 0 || then->col > then->into.cols - cols || !nn_same_rows(c, then->into, shape)) {
        nn_error(c, HSE_E_ARG, "%s: the tensor to write into has another shape", op);
        return NN_NONE;
    }
    nn_tensor out = then->into;
    out.at += (size_t)then->col * sizeof(float);
    out.cols = cols;
    return out;
}

nn_tensor nn_linear_then(nn_ctx *c, const nn_linear_layer *l, nn_tensor x, nn_then then)
{
    if (!nn_start(c, "linear", x) || !nn_expect_cols(c, "linear", x, l->w.k))
        return NN_NONE;
    nn_tensor out = nn_then_out(c, "linear", &then, x, x.starts, x.rows, x.width, l->w.n);
    if (nn_is_none(out))
        return NN_NONE;
    nn_gemm_run(c, &(nn_gemm){.w = &l->w,
                              .bias = l->bias,
                              .x = x,
                              .out_starts = x.starts,
                              .rows = x.rows * x.width,
                              .kernel = 1,
                              .dilation = 1,
                              .stride = 1,
                              .out = out,
                              .then = then});
    return c->error.status == HSE_OK ? out : NN_NONE;
}

nn_tensor nn_linear(nn_ctx *c, const nn_linear_layer *l, nn_tensor x)
{
    return nn_linear_then(c, l, x, (nn_then){0});
}

nn_tensor nn_highway(nn_ctx *c, const nn_linear_layer *h, const nn_linear_layer *g, nn_tensor x)
{
    nn_tensor gate = nn_linear_then(c, g, x, (nn_then){.act = K_SIGMOID});
    nn_tensor value = nn_linear(c, h, x);

    return nn_highway_mix(c, x, gate, value);
}

/* ---- convolution ---- */

static long long conv_rows(long long rows, int kernel, int dilation, int stride, int left, int right, nn_pad pad)
{
    long long span = (long long)dilation * (kernel - 1) + 1, padded = rows + left + right;

    if (rows == 0 && padded < span)
        return 0;
    if (padded < span || (pad == NN_REFLECT && (left >= rows || right >= rows)) || (pad == NN_REPLICATE && rows == 0))
        return -1;
    return (padded - span) / stride + 1;
}

static long long conv1d_rows(const void *layer, long long rows)
{
    const nn_conv1d_layer *l = layer;

    return conv_rows(rows, l->kernel, l->dilation, l->stride, l->left, l->right, l->pad);
}

static bool sane_conv(nn_ctx *c, const char *op, int kernel, int dilation, int stride, int left, int right)
{
    enum { MOST = 1 << 24 };

    if (kernel >= 1 && dilation >= 1 && stride >= 1 && left >= -MOST && right >= -MOST && left <= MOST &&
        right <= MOST && stride <= MOST && (long long)dilation * kernel <= MOST)
        return true;
    nn_error(c, HSE_E_ARG, "%s: kernel %d, dilation %d, stride %d, padding %d and %d cannot be", op, kernel, dilation,
             stride, left, right);
    return false;
}

nn_tensor nn_conv1d_then(nn_ctx *c, const nn_conv1d_layer *l, nn_tensor x, nn_then then)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "conv1d", x) || !expect_1d(c, "conv1d", x) || !nn_expect_cols(c, "conv1d", x, l->in) ||
        !sane_conv(c, "conv1d", l->kernel, l->dilation, l->stride, l->left, l->right) ||
        !nn_starts_map(c, "conv1d", x, conv1d_rows, l, &starts, &rows))
        return NN_NONE;
    nn_tensor out = nn_then_out(c, "conv1d", &then, x, starts, rows, 1, l->out);
    if (nn_is_none(out))
        return NN_NONE;
    nn_gemm_run(c, &(nn_gemm){.w = &l->w,
                              .bias = l->bias,
                              .x = x,
                              .out_starts = starts,
                              .rows = rows,
                              .kernel = l->kernel,
                              .dilation = l->dilation,
                              .stride = l->stride,
                              .left = l->left,
                              .pad = l->pad,
                              .pad_value = l->pad_value,
                              .out = out,
                              .then = then});
    return c->error.status == HSE_OK ? out : NN_NONE;
}

nn_tensor nn_conv1d(nn_ctx *c, const nn_conv1d_layer *l, nn_tensor x)
{
    return nn_conv1d_then(c, l, x, (nn_then){0});
}

/* ---- transposed convolution: output row o of an item takes tap k of input row i where i * stride + k = o + left.
 * With o + left = q * stride + phase, all phases of one q read the same inputs q, q - 1, ...: one product makes
 * `stride` rows. ---- */

static long long transposed_rows(const void *layer, long long rows)
{
    const nn_conv_transpose1d_layer *l = layer;

    if (rows == 0)
        return 0;
    long long n = (rows - 1) * l->stride + l->kernel - l->left - l->right;
    return n >= 0 ? n : -1;
}

static long long transposed_groups(const void *layer, long long rows)
{
    const nn_conv_transpose1d_layer *l = layer;
    long long n = transposed_rows(layer, rows);

    return n <= 0 ? n : (n - 1 + l->left) / l->stride + 1 - l->left / l->stride;
}

nn_tensor nn_conv_transpose1d_into(nn_ctx *c, const nn_conv_transpose1d_layer *l, nn_tensor x, nn_tensor into)
{
    uint32_t starts, groups;
    int rows, group_rows, taps = l->w.taps;

    if (!nn_start(c, "conv_transpose1d", x) || !expect_1d(c, "conv_transpose1d", x) ||
        !nn_expect_cols(c, "conv_transpose1d", x, l->in) ||
        !sane_conv(c, "conv_transpose1d", l->kernel, 1, l->stride, l->left, l->right))
        return NN_NONE;
    if (l->left < 0 || l->right < 0) {
        nn_error(c, HSE_E_ARG, "conv_transpose1d: cannot cut %d and %d rows", l->left, l->right);
        return NN_NONE;
    }
    if (!nn_starts_map(c, "conv_transpose1d", x, transposed_rows, l, &starts, &rows))
        return NN_NONE;
    nn_tensor out = nn_then_out(c, "conv_transpose1d", &(nn_then){.into = into}, x, starts, rows, 1, l->out);
    if (!nn_is_none(out) && out.ld != l->out) {
        nn_error(c, HSE_E_ARG, "conv_transpose1d: the tensor to write into has %d columns, %d come", out.ld, l->out);
        return NN_NONE;
    }
    if (nn_is_none(out))
        return NN_NONE;
    uint32_t lists_top = c->lists_top;
    if (nn_starts_map(c, "conv_transpose1d", x, transposed_groups, l, &groups, &group_rows)) {
        int first = l->left / l->stride;
        nn_gemm_run(c, &(nn_gemm){.w = &l->w,
                                  .bias = l->bias,
                                  .x = x,
                                  .out_starts = groups,
                                  .rows = group_rows,
                                  .kernel = taps,
                                  .dilation = 1,
                                  .stride = 1,
                                  .left = taps - 1 - first,
                                  .out = out,
                                  .phases = l->stride,
                                  .first = first,
                                  .cut = l->left});
        c->lists_top = lists_top;
    }
    return c->error.status == HSE_OK ? out : NN_NONE;
}

nn_tensor nn_conv_transpose1d(nn_ctx *c, const nn_conv_transpose1d_layer *l, nn_tensor x)
{
    return nn_conv_transpose1d_into(c, l, x, NN_NONE);
}

/* ---- one output ---- */

typedef struct {
    const nn_conv1d_to_one_layer *l;
    const float *taps;                      /* [rows][kernel] */
    float       *out;
    const int   *starts;
    int          items, tasks;
} to_one_job;

static float at_edge(const to_one_job *j, const float *taps, int rows, int r)
{
    const nn_conv1d_to_one_layer *l = j->l;
    float sum = 0;

    for (int t = 0; t < l->kernel; t++) {
        int source = nn_pad_source(l->pad, r - l->left + t, rows);

        if (source >= 0)
            sum += taps[(size_t)source * (size_t)l->kernel + (size_t)t];
    }
    return sum;
}

static void to_one_task(void *arg, int t)
{
    const to_one_job *j = arg;
    const nn_conv1d_to_one_layer *l = j->l;
    size_t from, to, kernel = (size_t)l->kernel;
    float bias = l->bias ? l->bias[0] : 0.0f;

    nn_task_range((size_t)j->starts[j->items], j->tasks, t, &from, &to);
    for (int i = 0, p = (int)from; p < (int)to; p++) {
        while (j->starts[i + 1] <= p)
            i++;
        int r = p - j->starts[i], rows = j->starts[i + 1] - j->starts[i];
        const float *taps = j->taps + (size_t)j->starts[i] * kernel;
        float sum = 0;
        if (r < l->left || r + l->right >= rows)
            sum = at_edge(j, taps, rows, r);
        else
            for (size_t k = 0; k < kernel; k++)
                sum += taps[(size_t)(r - l->left) * kernel + k * (kernel + 1)];
        j->out[p] = sum + bias;
    }
}

nn_tensor nn_conv1d_to_one(nn_ctx *c, const nn_conv1d_to_one_layer *l, nn_tensor x)
{
    if (!nn_start(c, "conv1d to one", x) || !expect_1d(c, "conv1d to one", x))
        return NN_NONE;
    for (int i = 0; i < x.items; i++) {
        int rows = nn_rows(c, x, i);
        if (l->pad == NN_CONSTANT || l->left + l->right != l->kernel - 1 || l->left < 0 || l->right < 0 ||
            (l->pad == NN_REFLECT && rows > 0 && (l->left >= rows || l->right >= rows))) {
            nn_error(c, HSE_E_ARG, "conv1d to one: kernel %d, padding %d and %d of %d rows cannot be", l->kernel, l->left,
                     l->right, rows);
            return NN_NONE;
        }
    }
    nn_tensor out = nn_make_like(c, x, 1);
    nn_mark_t mark = nn_mark(c);
    nn_tensor taps = nn_linear(c, &l->tap, x);
    if (!nn_running(c)) {
        nn_keep_all(c, mark, NULL, 0);
        return nn_is_none(taps) ? NN_NONE : out;
    }
    to_one_job j = {.l = l, .taps = nn_data(c, taps), .out = nn_data(c, out), .starts = nn_list(c, x.starts), .items = x.items};
    j.tasks = nn_task_count(c, (size_t)x.rows, 4.0 * l->kernel);
    nn_run_tasks(c, j.tasks, to_one_task, &j);
    nn_keep_all(c, mark, NULL, 0);
    return out;
}

/* ---- depthwise ---- */

typedef struct {
    nn_ctx                     *c;
    const nn_depthwise1d_layer *l;
    nn_tensor                   x, out;
    const int                  *in_starts, *out_starts;
    size_t                      slots;
    int                         tasks;
} depthwise_job;

static long long depthwise_rows(const void *layer, long long rows)
{
    const nn_depthwise1d_layer *l = layer;

    return conv_rows(rows, l->kernel, l->dilation, l->stride, l->left, l->right, l->pad);
}

/* One row: a multiply-add of the whole row for each tap. */
static void depthwise_row(const depthwise_job *j, const float *item, int rows, int o, float *out, float *constant)
{
    const nn_depthwise1d_layer *l = j->l;
    size_t n = (size_t)l->channels;

    if (l->bias)
        memcpy(out, l->bias, n * sizeof *out);
    else
        memset(out, 0, n * sizeof *out);
    for (int t = 0; t < l->kernel; t++) {
        int source = nn_pad_source(l->pad, o * l->stride - l->left + t * l->dilation, rows);
        const float *in = source >= 0 ? item + (size_t)source * (size_t)j->x.ld : constant;
        if (source != -1)
            j->c->k->affine(out, in, l->w + (size_t)t * n, out, 1, l->channels);
    }
}

static void depthwise_task(void *arg, int t)
{
    const depthwise_job *j = arg;
    const nn_depthwise1d_layer *l = j->l;
    size_t from, to, cols = (size_t)l->channels;
    int i = 0, slot = nn_slot_take(j->c);
    float *constant = (float *)nn_ptr(j->c, j->slots) + (size_t)slot * cols;

    for (size_t k = 0; k < cols; k++)
        constant[k] = l->pad_value;
    nn_task_range((size_t)j->out.rows, j->tasks, t, &from, &to);
    for (; from < to && !nn_stopped(j->c); from++) {
        while (j->out_starts[i + 1] <= (int)from)
            i++;
        depthwise_row(j, nn_data(j->c, j->x) + (size_t)j->in_starts[i] * (size_t)j->x.ld,
                      j->in_starts[i + 1] - j->in_starts[i], (int)from - j->out_starts[i],
                      nn_data(j->c, j->out) + from * cols, constant);
    }
    nn_slot_give(j->c, slot);
}

nn_tensor nn_depthwise1d(nn_ctx *c, const nn_depthwise1d_layer *l, nn_tensor x)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "depthwise1d", x) || !expect_1d(c, "depthwise1d", x) ||
        !nn_expect_cols(c, "depthwise1d", x, l->channels) ||
        !sane_conv(c, "depthwise1d", l->kernel, l->dilation, l->stride, l->left, l->right) ||
        !nn_starts_map(c, "depthwise1d", x, depthwise_rows, l, &starts, &rows))
        return NN_NONE;
    nn_tensor out = nn_make(c, x.items, starts, rows, 1, l->channels);
    size_t top = c->top;
    depthwise_job j = {.c = c, .l = l, .x = nn_settle(c, x), .out = out};
    j.tasks = nn_task_count(c, (size_t)rows, (double)l->channels * l->kernel / 4);
    if (nn_alloc_floats(c, (size_t)c->threads, (size_t)l->channels, &j.slots) && nn_running(c)) {
        j.in_starts = nn_list(c, x.starts);
        j.out_starts = nn_list(c, starts);
        nn_run_tasks(c, j.tasks, depthwise_task, &j);
        nn_check_stop(c);
    }
    nn_release(c, top);
    return c->error.status == HSE_OK ? out : NN_NONE;
}
