/* rows.c - operations that move rows and columns, and those that look at one row or column at a time. */
#include "base/mem.h"
#include "nn/internal.h"

#include <limits.h>
#include <math.h>

/* ---- moving rows ---- */

static float *row_of(const nn_ctx *c, nn_tensor t, int row)
{
    return nn_data(c, t) + (size_t)row * (size_t)t.width * (size_t)t.ld;
}

static size_t row_floats(nn_tensor t)
{
    return (size_t)t.width * (size_t)t.cols;
}

/* Copy one row of x (-1: zeros, -2: the value) to a row of a dense tensor. */
static void copy_row(const nn_ctx *c, float *to, nn_tensor x, int row, float value)
{
    size_t n = row_floats(x);

    if (row < 0) {
        for (size_t i = 0; i < n; i++)
            to[i] = row == -1 ? 0.0f : value;
        return;
    }
    const float *from = row_of(c, x, row);
    for (int p = 0; p < x.width; p++)
        memcpy(to + (size_t)p * (size_t)x.cols, from + (size_t)p * (size_t)x.ld, (size_t)x.cols * sizeof *to);
}

static bool one_item(nn_ctx *c, const char *op, nn_tensor x, int from, int count)
{
    if (!nn_start(c, op, x))
        return false;
    if (x.items == 1 && from >= 0 && count >= 0 && from <= x.rows - count)
        return true;
    nn_error(c, HSE_E_ARG, "%s: %d rows from %d on of %d items with %d", op, count, from, x.items, x.rows);
    return false;
}

nn_tensor nn_new_rows(nn_ctx *c, int rows, int cols)
{
    uint32_t starts;
    int sum;

    if (nn_check_stop(c) || !nn_starts_from(c, "new rows", 1, &rows, NULL, &starts, &sum))
        return NN_NONE;
    if (cols <= 0) {
        nn_error(c, HSE_E_ARG, "new rows: %d columns", cols);
        return NN_NONE;
    }
    return nn_make(c, 1, starts, rows, 1, cols);
}

nn_tensor nn_part_rows(nn_ctx *c, nn_tensor x, int from, int count)
{
    uint32_t starts;

    if (!one_item(c, "part", x, from, count) || !nn_starts_from(c, "part", 1, &count, &x, &starts, &x.rows))
        return NN_NONE;
    x.at += (size_t)from * (size_t)x.width * (size_t)x.ld * sizeof(float);
    x.starts = starts;
    return x;
}

void nn_front_rows(nn_ctx *c, nn_tensor x, int from, int count)
{
    if (one_item(c, "front", x, from, count) && nn_running(c) && from > 0)
        memmove(row_of(c, x, 0), row_of(c, x, from), (size_t)count * (size_t)x.width * (size_t)x.ld * sizeof(float));
}

nn_tensor nn_gather_listed(nn_ctx *c, nn_tensor x, nn_tensor shape, uint32_t index)
{
    x = nn_settle(c, x);
    nn_tensor out = nn_make_like(c, shape, x.cols);

    if (!nn_is_none(out) && nn_running(c))
        for (int r = 0; r < shape.rows; r++)
            copy_row(c, row_of(c, out, r), x, nn_list(c, index)[r], 0.0f);
    return out;
}

nn_tensor nn_gather_rows(nn_ctx *c, nn_tensor x, int items, const int *counts, const int *index)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "gather_rows", x) || !nn_starts_from(c, "gather_rows", items, counts, &x, &starts, &rows))
        return NN_NONE;
    for (int r = 0; r < rows; r++)
        if (index[r] < -1 || index[r] >= x.rows) {
            nn_error(c, HSE_E_ARG, "gather_rows: row %d of %d", index[r], x.rows);
            return NN_NONE;
        }
    x = nn_settle(c, x);
    nn_tensor out = nn_make(c, items, starts, rows, x.width, x.cols);
    if (!nn_is_none(out) && nn_running(c))
        for (int r = 0; r < rows; r++)
            copy_row(c, row_of(c, out, r), x, index[r], 0.0f);
    return out;
}

nn_tensor nn_slice_rows(nn_ctx *c, nn_tensor x, const int *from, const int *count)
{
    uint32_t starts;
    int rows;

    if (!nn_start(c, "slice_rows", x) || !nn_starts_from(c, "slice_rows", x.items, count, &x, &starts, &rows))
        return NN_NONE;
    for (int i = 0; i < x.items; i++)
        if (from[i] < 0 || from[i] > nn_rows(c, x, i) - count[i]) {
            nn_error(c, HSE_E_ARG, "slice_rows: %d rows from %d on of an item of %d", count[i], from[i],
                     nn_rows(c, x, i));
            return NN_NONE;
        }
    x = nn_settle(c, x);
    nn_tensor out = nn_make(c, x.items, starts, rows, x.width, x.cols);
    if (!nn_is_none(out) && nn_running(c))
        for (int i = 0, to = 0; i < x.items; i++)
            for (int r = 0; r < count[i]; r++, to++)
                copy_row(c, row_of(c, out, to), x, nn_list(c, x.starts)[i] + from[i] + r, 0.0f);
    return out;
}

nn_tensor nn_repeat_rows(nn_ctx *c, nn_tensor x, const int *counts)
{
    uint32_t starts;
    long long sum = 0;

    if (!nn_start(c, "repeat_rows", x) || !nn_list_new(c, (size_t)x.items + 1, &starts))
        return NN_NONE;
    const int *old = nn_list(c, x.starts);
    int *s = nn_list(c, starts);
    s[0] = 0;
    for (int i = 0, r = 0; i < x.items; i++) {
        for (; r < old[i + 1]; r++) {
            if (counts[r] < 0) {
                nn_error(c, HSE_E_ARG, "repeat_rows: row %d %d times", r, counts[r]);
                return NN_NONE;
            }
            if ((sum += counts[r]) >= INT_MAX / 2) {
                nn_error(c, HSE_E_LIMIT, "repeat_rows: more than %d rows", INT_MAX / 2);
                return NN_NONE;
            }
        }
        s[i + 1] = (int)sum;
    }
    x = nn_settle(c, x);
    nn_tensor out = nn_make(c, x.items, starts, (int)sum, x.width, x.cols);
    if (!nn_is_none(out) && nn_running(c))
        for (int r = 0, to = 0; r < x.rows; r++)
            for (int i = 0; i < counts[r]; i++, to++)
                copy_row(c, row_of(c, out, to), x, r, 0.0f);
    return out;
}

typedef struct {
    int    left, right;
    nn_pad pad;
} padding;

static long long padded_rows(const void *layer, long long rows)
{
    const padding *p = layer;

    if ((p->pad == NN_REFLECT && (p->left >= rows || p->right >= rows)) || (p->pad == NN_REPLICATE && rows == 0))
        return p->left == 0 && p->right == 0 ? rows : -1;
    return rows + p->left + p->right;
}

nn_tensor nn_pad_rows(nn_ctx *c, nn_tensor x, int left, int right, nn_pad pad, float value)
{
    padding p = {left, right, pad};
    uint32_t starts;
    int rows;

    if (!nn_start(c, "pad_rows", x))
        return NN_NONE;
    if (left < 0 || right < 0) {
        nn_error(c, HSE_E_ARG, "pad_rows: %d and %d rows", left, right);
        return NN_NONE;
    }
    if (!nn_starts_map(c, "pad_rows", x, padded_rows, &p, &starts, &rows))
        return NN_NONE;
    x = nn_settle(c, x);
    nn_tensor out = nn_make(c, x.items, starts, rows, x.width, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    const int *old = nn_list(c, x.starts), *s = nn_list(c, starts);
    for (int i = 0; i < x.items; i++)
        for (int r = s[i]; r < s[i + 1]; r++) {
            int source = nn_pad_source(pad, r - s[i] - left, old[i + 1] - old[i]);
            copy_row(c, row_of(c, out, r), x, source < 0 ? source : old[i] + source, value);
        }
    return out;
}

nn_tensor nn_reshape(nn_ctx *c, nn_tensor x, int width, int cols)
{
    size_t each, have = row_floats(x);
    uint32_t starts;

    if (!nn_start(c, "reshape", x))
        return NN_NONE;
    if (width <= 0 || cols <= 0 || !hse_mul_size((size_t)width, (size_t)cols, &each) || each > INT_MAX) {
        nn_error(c, HSE_E_ARG, "reshape: to %d positions of %d columns", width, cols);
        return NN_NONE;
    }
    x = nn_dense(c, x);
    if (!nn_list_new(c, (size_t)x.items + 1, &starts))
        return NN_NONE;
    const int *old = nn_list(c, x.starts);
    int *s = nn_list(c, starts);
    for (int i = 0; i <= x.items; i++) {
        size_t n = (size_t)old[i] * have; /* of all items before: the quotient must come out each time */
        if (n % each != 0 || n / each >= INT_MAX / 2) {
            nn_error(c, HSE_E_ARG, "reshape: an item's %d rows of %zu numbers do not make rows of %zu", old[i], have,
                     each);
            return NN_NONE;
        }
        s[i] = (int)(n / each);
    }
    x.starts = starts;
    x.rows = s[x.items];
    x.width = width;
    x.cols = x.ld = cols;
    return x;
}

nn_tensor nn_slice_cols(nn_ctx *c, nn_tensor x, int from, int n)
{
    if (!nn_start(c, "slice_cols", x))
        return NN_NONE;
    if (from < 0 || n <= 0 || from > x.cols - n) {
        nn_error(c, HSE_E_ARG, "slice_cols: %d columns from %d on of %d", n, from, x.cols);
        return NN_NONE;
    }
    x.at += (size_t)from * sizeof(float);
    x.cols = n;
    return x;
}

nn_tensor nn_reverse_cols(nn_ctx *c, nn_tensor x)
{
    if (!nn_start(c, "reverse_cols", x))
        return NN_NONE;
    x = nn_settle(c, x);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    size_t cols = (size_t)x.cols;
    for (size_t p = 0; p < nn_positions(x); p++) {
        const float *from = nn_data(c, x) + p * (size_t)x.ld;
        float *to = nn_data(c, out) + p * cols;

        for (size_t i = 0; i < cols; i++)
            to[i] = from[cols - 1 - i];
    }
    return out;
}

nn_tensor nn_embedding(nn_ctx *c, const nn_table *e, int items, const int *counts, const int32_t *const *ids)
{
    uint32_t starts;
    int rows;

    if (nn_check_stop(c) || !nn_starts_from(c, "embedding", items, counts, NULL, &starts, &rows))
        return NN_NONE;
    for (int i = 0; i < items; i++)
        for (int r = 0; r < counts[i]; r++)
            if (ids[i][r] < 0 || ids[i][r] >= e->count) {
                nn_error(c, HSE_E_ARG, "embedding: id %d at place %d, the table has %d", ids[i][r], r, e->count);
                return NN_NONE;
            }
    nn_tensor out = nn_make(c, items, starts, rows, 1, e->cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    float *to = nn_data(c, out);
    for (int i = 0; i < items; i++)
        for (int r = 0; r < counts[i]; r++, to += e->cols)
            memcpy(to, e->table + (size_t)ids[i][r] * (size_t)e->cols, (size_t)e->cols * sizeof *to);
    return out;
}

/* ---- one row at a time ---- */

nn_tensor nn_max_pool2(nn_ctx *c, nn_tensor x)
{
    if (!nn_start(c, "max_pool2", x))
        return NN_NONE;
    x = nn_dense(c, x);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    const int *s = nn_list(c, x.starts);
    size_t n = row_floats(x);
    for (int i = 0; i < x.items; i++) {
        if (s[i] == s[i + 1])
            continue;
        memcpy(row_of(c, out, s[i]), row_of(c, x, s[i]), n * sizeof(float));
        c->k->max(row_of(c, out, s[i]) + n, row_of(c, x, s[i]), row_of(c, x, s[i]) + n,
                  (size_t)(s[i + 1] - s[i] - 1) * n);
    }
    return out;
}

typedef struct {
    nn_ctx        *c;
    const nn_norm *norm;                    /* NULL: softmax */
    nn_tensor      x, out;
    int            tasks;
} row_job;

static void row_task(void *arg, int t)
{
    const row_job *j = arg;
    const hse_kernels *k = j->c->k;
    size_t from, to, n = (size_t)j->x.cols;

    nn_task_range(nn_positions(j->x), j->tasks, t, &from, &to);
    float *out = nn_data(j->c, j->out) + from * n;
    const float *in = nn_data(j->c, j->x) + from * n;
    if (j->norm) {
        k->layer_norm(out, in, j->norm->scale, j->norm->shift, j->norm->eps, (int)(to - from), j->x.cols);
    } else {
        memcpy(out, in, (to - from) * n * sizeof *out);
        k->softmax(out, n, (int)(to - from), j->x.cols);
    }
}

static nn_tensor by_row(nn_ctx *c, nn_tensor x, const nn_norm *norm)
{
    x = nn_dense(c, x);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    row_job j = {
        .c = c, .norm = norm, .x = x, .out = out, .tasks = nn_task_count(c, nn_positions(x), (double)x.cols * 8)};
    nn_run_tasks(c, j.tasks, row_task, &j);
    return out;
}

nn_tensor nn_softmax(nn_ctx *c, nn_tensor x)
{
    return nn_start(c, "softmax", x) ? by_row(c, x, NULL) : NN_NONE;
}

nn_tensor nn_layer_norm(nn_ctx *c, const nn_norm *n, nn_tensor x)
{
    return nn_start(c, "layer_norm", x) && nn_expect_cols(c, "layer_norm", x, n->channels) ? by_row(c, x, n) : NN_NONE;
}

nn_tensor nn_l2_normalise(nn_ctx *c, nn_tensor x, float eps)
{
    if (!nn_start(c, "l2_normalise", x))
        return NN_NONE;
    x = nn_settle(c, x);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    for (size_t p = 0, n = (size_t)x.cols; p < nn_positions(x); p++) {
        const float *from = nn_data(c, x) + p * (size_t)x.ld;
        float size = sqrtf(c->k->sum_squares(from, n)), *to = nn_data(c, out) + p * n;
        size = size < eps ? eps : size;
        for (size_t i = 0; i < n; i++)
            to[i] = from[i] / size;
    }
    return out;
}

nn_tensor nn_mean_rows(nn_ctx *c, nn_tensor x)
{
    uint32_t starts;

    if (!nn_start(c, "mean_rows", x))
        return NN_NONE;
    if (x.width != 1) {
        nn_error(c, HSE_E_ARG, "mean_rows: the input has %d positions a row, 1 is wanted", x.width);
        return NN_NONE;
    }
    if (!nn_list_new(c, (size_t)x.items + 1, &starts))
        return NN_NONE;
    for (int i = 0; i <= x.items; i++) {
        if (i < x.items && nn_rows(c, x, i) == 0) {
            nn_error(c, HSE_E_ARG, "mean_rows: item %d has no rows", i);
            return NN_NONE;
        }
        nn_list(c, starts)[i] = i;
    }
    x = nn_settle(c, x);
    nn_tensor out = nn_make(c, x.items, starts, x.items, 1, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    for (int i = 0; i < x.items; i++)
        for (int j = 0; j < x.cols; j++) {
            double sum = 0;
            int from = nn_list(c, x.starts)[i], to = nn_list(c, x.starts)[i + 1];
            for (int r = from; r < to; r++)
                sum += row_of(c, x, r)[j];
            row_of(c, out, i)[j] = (float)(sum / (to - from));
        }
    return out;
}

/* ---- norms over all positions of an item ---- */

/* Mean and 1 / deviation of `n` columns from `col` on, each column alone (each = 1) or all together, then the
 * affine. */
static void norm_columns(const nn_ctx *c, const nn_norm *norm, nn_tensor x, nn_tensor out, int item, int col, int n)
{
    const int *s = nn_list(c, x.starts);
    size_t from = (size_t)s[item] * (size_t)x.width, to = (size_t)s[item + 1] * (size_t)x.width;
    double sum = 0, squares = 0, count = (double)(to - from) * n;

    for (size_t p = from; p < to; p++)
        for (int j = col; j < col + n; j++)
            sum += nn_data(c, x)[p * (size_t)x.ld + (size_t)j];
    double mean = sum / count;
    for (size_t p = from; p < to; p++)
        for (int j = col; j < col + n; j++) {
            double v = nn_data(c, x)[p * (size_t)x.ld + (size_t)j] - mean;
            squares += v * v;
        }
    double factor = 1 / sqrt(squares / count + norm->eps);
    for (size_t p = from; p < to; p++)
        for (int j = col; j < col + n; j++) {
            double v = (nn_data(c, x)[p * (size_t)x.ld + (size_t)j] - mean) * factor;
            if (norm->scale)
                v = v * norm->scale[j] + norm->shift[j];
            nn_data(c, out)[p * (size_t)out.ld + (size_t)j] = (float)v;
        }
}

typedef struct {
    nn_ctx        *c;
    const nn_norm *norm;
    nn_tensor      x, out;
    int            groups;
} norm_job;

static void norm_task(void *arg, int t)
{
    const norm_job *j = arg;
    int each = j->x.cols / j->groups;

    if (!nn_stopped(j->c))
        norm_columns(j->c, j->norm, j->x, j->out, t / j->groups, t % j->groups * each, each);
}

nn_tensor nn_group_norm(nn_ctx *c, const nn_norm *n, nn_tensor x, int groups)
{
    if (!nn_start(c, "group_norm", x) || !nn_expect_cols(c, "group_norm", x, n->channels))
        return NN_NONE;
    if (groups < 1 || x.cols % groups != 0 || x.items > INT_MAX / groups) {
        nn_error(c, HSE_E_ARG, "group_norm: %d channels in %d groups", x.cols, groups);
        return NN_NONE;
    }
    x = nn_settle(c, x);
    nn_tensor out = nn_make_like(c, x, x.cols);
    if (nn_is_none(out) || !nn_running(c))
        return out;
    norm_job j = {c, n, x, out, groups};
    hse_pool_run(nn_task_count(c, nn_positions(x), (double)x.cols * 4) > 1 ? c->pool : NULL, x.items * groups,
                 norm_task, &j);
    return nn_check_stop(c) ? NN_NONE : out;
}

nn_tensor nn_instance_norm(nn_ctx *c, const nn_norm *n, nn_tensor x)
{
    return nn_group_norm(c, n, x, x.cols > 0 ? x.cols : 1);
}
