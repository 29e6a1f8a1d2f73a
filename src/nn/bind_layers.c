/* bind_layers.c - from torch's tensor layouts to packed layers: folds weight norm and batch norm, reorders gates. */
#include "nn/bind_internal.h"

#include "base/mem.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

/* The rest of a name: a format that takes the va_list after it. */
#define NAME(full, name)                            \
    char full[NN_NAME_BYTES];                       \
    va_list name_args;                              \
    va_start(name_args, name);                      \
    bool name_ok = nn_name_v(b, full, name, name_args); \
    va_end(name_args)

static const char *with(char out[NN_NAME_BYTES], const char *name, const char *ending)
{
    snprintf(out, NN_NAME_BYTES, "%.460s%s", name, ending);
    return out;
}

/* ---- reading ---- */

/* g over the first dimension: weight[i] = g[i] * v[i] / |v[i]|. */
static nn_temp read_weight_norm(nn_binder *b, const char *g_name, const char *v_name, int rank, const int *dim)
{
    int g_dim[HSE_MAX_RANK] = {dim[0], 1, 1, 1, 1, 1, 1, 1};
    nn_temp g = nn_read_tensor(b, g_name, rank, g_dim, NN_REQUIRED),
            v = nn_read_tensor(b, v_name, rank, dim, NN_REQUIRED);
    size_t each = 1;

    for (int i = 1; i < rank; i++)
        each *= (size_t)dim[i];
    for (size_t r = 0; g.at && v.at && r < (size_t)dim[0]; r++) {
        double squares = 0;
        for (size_t i = 0; i < each; i++)
            squares += (double)v.at[r * each + i] * v.at[r * each + i];
        if (squares == 0) {
            nn_note(b, NN_OTHER, "%s has a row of zeros, which cannot be normalised", v_name);
            break;
        }
        float factor = (float)(g.at[r] / sqrt(squares));
        for (size_t i = 0; i < each; i++)
            v.at[r * each + i] *= factor;
    }
    if (!g.at)
        nn_temp_free(&v);
    nn_temp_free(&g);
    return v;
}

static nn_temp read_weight(nn_binder *b, const char *name, int rank, const int *dim)
{
    char plain[NN_NAME_BYTES], g[NN_NAME_BYTES], v[NN_NAME_BYTES], new_g[NN_NAME_BYTES], new_v[NN_NAME_BYTES];

    with(plain, name, ".weight");
    with(g, name, ".weight_g");
    with(v, name, ".weight_v");
    with(new_g, name, ".parametrizations.weight.original0");
    with(new_v, name, ".parametrizations.weight.original1");
    if (b->weight_norm != NN_REQUIRED &&
        (b->weight_norm == NN_ABSENT || nn_find(b, plain) || (!nn_find(b, v) && !nn_find(b, new_v))))
        return nn_read_tensor(b, plain, rank, dim, NN_REQUIRED);
    if (nn_find(b, new_v) || nn_find(b, new_g))
        return read_weight_norm(b, new_g, new_v, rank, dim);
    return read_weight_norm(b, g, v, rank, dim);
}

static nn_temp read_bias(nn_binder *b, const char *name, int n)
{
    char full[NN_NAME_BYTES];

    return b->bias == NN_ABSENT ? (nn_temp){0} : nn_read_tensor(b, with(full, name, ".bias"), 1, &n, b->bias);
}

/* ---- packing ---- */

static bool pack(nn_binder *b, k_packed *p, int n, int k, int taps, const float *w, size_t w_n, size_t w_t, size_t w_i)
{
    void *block = nn_params_new(b, b->k->pack_size(b->type, n, k, taps));

    *p = (k_packed){0};
    if (!block)
        return false;
    b->k->pack(p, block, b->type, n, k, taps, w, w_n, w_t, w_i);
    return true;
}

static bool made(nn_binder *b, const char *what, const float *w, int rank, const int *dim)
{
    size_t count;

    return w && b->fatal.status == HSE_OK && nn_dims_ok(b, what, rank, dim, &count);
}

void nn_make_linear(nn_binder *b, nn_linear_layer *l, int in, int out, const float *w, const float *bias)
{
    *l = (nn_linear_layer){0};
    if (!made(b, "a linear layer", w, 2, (int[]){out, in}) || !pack(b, &l->w, out, in, 1, w, (size_t)in, 0, 1))
        return;
    l->bias = nn_keep_floats(b, bias, (size_t)out);
}

void nn_make_conv1d(nn_binder *b, nn_conv1d_layer *l, int in, int out, int kernel, int dilation, const float *w,
                    const float *bias)
{
    enum { NARROW = 8 }; /* fewer inputs than a vector: the taps are joined into one row */
    size_t n = (size_t)in, taps = (size_t)kernel;
    nn_temp joined = {0};

    *l = (nn_conv1d_layer){.in = in, .out = out, .kernel = kernel, .dilation = dilation, .stride = 1};
    if (!made(b, "a convolution", w, 3, (int[]){out, in, kernel}))
        return;
    if (dilation < 1 || (long long)dilation * (kernel - 1) > INT_MAX / 4) {
        nn_note(b, NN_OTHER, "a convolution with kernel %d and dilation %d", kernel, dilation);
        return;
    }
    l->right = dilation * (kernel - 1) / 2;
    l->left = dilation * (kernel - 1) - l->right;
    if (kernel > 1 && dilation == 1 && in < NARROW) {
        joined = nn_temp_new(b, (size_t)out * n * taps);
        for (size_t o = 0; joined.at && o < (size_t)out; o++)
            for (size_t t = 0; t < taps; t++)
                for (size_t i = 0; i < n; i++)
                    joined.at[(o * taps + t) * n + i] = w[(o * n + i) * taps + t];
        if (joined.at)
            pack(b, &l->w, out, in * kernel, 1, joined.at, n * taps, 0, 1);
        nn_temp_free(&joined);
    } else {
        pack(b, &l->w, out, in, kernel, w, n * taps, 1, taps);
    }
    l->bias = nn_keep_floats(b, bias, (size_t)out);
}

void nn_make_conv1d_to_one(nn_binder *b, nn_conv1d_to_one_layer *l, int in, int kernel, const float *w, const float *bias)
{
    *l = (nn_conv1d_to_one_layer){.kernel = kernel};
    if (!made(b, "a convolution", w, 2, (int[]){in, kernel}))
        return;
    l->right = (kernel - 1) / 2;
    l->left = kernel - 1 - l->right;
    pack(b, &l->tap.w, kernel, in, 1, w, 1, 0, (size_t)kernel);
    l->bias = nn_keep_floats(b, bias, 1);
}

void nn_make_conv_transpose1d(nn_binder *b, nn_conv_transpose1d_layer *l, int in, int out, int kernel, int stride,
                              const float *w, const float *bias)
{
    size_t n = (size_t)in, m = (size_t)out, k = (size_t)kernel, s = (size_t)stride;

    *l = (nn_conv_transpose1d_layer){.in = in, .out = out, .kernel = kernel, .stride = stride};
    if (!made(b, "a transposed convolution", w, 4, (int[]){out, in, kernel, stride}))
        return;
    if ((long long)stride * out > 1 << 26) {
        nn_note(b, NN_OTHER, "a transposed convolution of %d outputs and stride %d", out, stride);
        return;
    }
    size_t taps = (k + s - 1) / s;
    if (kernel >= stride) {
        l->right = (kernel - stride) / 2;
        l->left = kernel - stride - l->right;
    }
    nn_temp t = nn_temp_new(b, s * m * taps * n), wide = nn_temp_new(b, s * m);
    if (t.at && wide.at) {
        for (size_t p = 0; p < s; p++)
            for (size_t o = 0; o < m; o++)
                for (size_t tap = 0; tap < taps; tap++) {
                    size_t source = p + (taps - 1 - tap) * s;   /* the oldest input comes first */
                    float *to = t.at + ((p * m + o) * taps + tap) * n;
                    for (size_t i = 0; i < n && source < k; i++)
                        to[i] = w[(i * m + o) * k + source];
                }
        pack(b, &l->w, stride * out, in, (int)taps, t.at, taps * n, n, 1);
        for (size_t p = 0; p < s && bias; p++)
            memcpy(wide.at + p * m, bias, m * sizeof *bias);
        l->bias = bias ? nn_keep_floats(b, wide.at, s * m) : NULL;
    }
    nn_temp_free(&t);
    nn_temp_free(&wide);
}

void nn_make_depthwise1d(nn_binder *b, nn_depthwise1d_layer *l, int channels, int kernel, int dilation, const float *w,
                         const float *bias)
{
    size_t n = (size_t)channels, taps = (size_t)kernel;

    *l = (nn_depthwise1d_layer){.channels = channels, .kernel = kernel, .dilation = dilation, .stride = 1};
    if (!made(b, "a depthwise convolution", w, 2, (int[]){channels, kernel}) || dilation < 1 ||
        (long long)dilation * (kernel - 1) > INT_MAX / 4)
        return;
    l->right = dilation * (kernel - 1) / 2;
    l->left = dilation * (kernel - 1) - l->right;
    float *p = nn_params_new(b, n * taps * sizeof *p);
    for (size_t i = 0; p && i < n; i++)
        for (size_t t = 0; t < taps; t++)
            p[t * n + i] = w[i * taps + t];
    l->w = p;
    l->bias = nn_keep_floats(b, bias, n);
}

static void halve(int total, int *first, int *second)
{
    *second = total > 0 ? total / 2 : 0;
    *first = total > 0 ? total - *second : 0;
}

void nn_make_conv2d(nn_binder *b, nn_conv2d_layer *l, int in, int out, int kernel_h, int kernel_w, const float *w,
                    const float *bias)
{
    *l = (nn_conv2d_layer){.in = in,
                           .out = out,
                           .kernel_h = kernel_h,
                           .kernel_w = kernel_w,
                           .stride_h = 1,
                           .stride_w = 1,
                           .dilation_h = 1,
                           .dilation_w = 1};
    if (!made(b, "a convolution", w, 4, (int[]){out, in, kernel_h, kernel_w}))
        return;
    if ((long long)kernel_h * kernel_w > 1 << 16) {
        nn_note(b, NN_OTHER, "a convolution with a kernel of %d x %d", kernel_h, kernel_w);
        return;
    }
    halve(kernel_h - 1, &l->top, &l->bottom);
    halve(kernel_w - 1, &l->before, &l->after);
    size_t taps = (size_t)kernel_h * (size_t)kernel_w;
    pack(b, &l->w, out, in, (int)taps, w, (size_t)in * taps, 1, taps);
    l->bias = nn_keep_floats(b, bias, (size_t)out);
}

/* Phases side by side, as in one dimension: output (phase_h, phase_w, o), taps from the oldest row and position on. */
void nn_make_conv_transpose2d(nn_binder *b, nn_conv_transpose2d_layer *l, int in, int out, int kernel_h, int kernel_w,
                              int stride_h, int stride_w, const float *w, const float *bias)
{
    *l = (nn_conv_transpose2d_layer){
        .in = in, .out = out, .kernel_h = kernel_h, .kernel_w = kernel_w, .stride_h = stride_h, .stride_w = stride_w};
    if (!made(b, "a transposed convolution", w, 4, (int[]){out, in, kernel_h, kernel_w}))
        return;
    if (stride_h < 1 || stride_w < 1 || (long long)kernel_h * kernel_w > 1 << 16 ||
        (long long)stride_h * stride_w > 1 << 12 || (long long)stride_h * stride_w * out > 1 << 24) {
        nn_note(b, NN_OTHER, "a transposed convolution with a kernel of %d x %d and stride %d x %d", kernel_h, kernel_w,
                stride_h, stride_w);
        return;
    }
    halve(kernel_h - stride_h, &l->top, &l->bottom);
    halve(kernel_w - stride_w, &l->before, &l->after);
    int taps_h = (kernel_h + stride_h - 1) / stride_h, taps_w = (kernel_w + stride_w - 1) / stride_w;
    int taps = taps_h * taps_w, wide_n = stride_h * stride_w * out;
    nn_temp t = nn_temp_new(b, (size_t)wide_n * (size_t)taps * (size_t)in), wide = nn_temp_new(b, (size_t)wide_n);
    for (int n = 0; t.at && wide.at && n < wide_n; n++) {
        int o = n % out, phase = n / out;
        wide.at[n] = bias ? bias[o] : 0.0f;
        for (int tap = 0; tap < taps; tap++) {
            int h = phase / stride_w + (taps_h - 1 - tap / taps_w) * stride_h;
            int v = phase % stride_w + (taps_w - 1 - tap % taps_w) * stride_w;
            float *to = t.at + ((size_t)n * (size_t)taps + (size_t)tap) * (size_t)in;
            for (size_t i = 0; i < (size_t)in && h < kernel_h && v < kernel_w; i++)
                to[i] =
                    w[((i * (size_t)out + (size_t)o) * (size_t)kernel_h + (size_t)h) * (size_t)kernel_w + (size_t)v];
        }
    }
    if (t.at && wide.at) {
        pack(b, &l->w, wide_n, in, taps, t.at, (size_t)taps * (size_t)in, (size_t)in, 1);
        l->bias = bias ? nn_keep_floats(b, wide.at, (size_t)wide_n) : NULL;
    }
    nn_temp_free(&t);
    nn_temp_free(&wide);
}

void nn_make_norm(nn_binder *b, nn_norm *n, int channels, float eps, const float *scale, const float *shift)
{
    *n = (nn_norm){.channels = channels, .eps = eps};
    if (channels <= 0)
        return;
    n->scale = nn_keep_floats(b, scale, (size_t)channels);
    n->shift = nn_keep_floats(b, shift, (size_t)channels);
}

void nn_make_table(nn_binder *b, nn_table *t, int count, int cols, const float *table)
{
    *t = (nn_table){.count = count, .cols = cols};
    if (made(b, "a table", table, 2, (int[]){count, cols}))
        t->table = nn_keep_floats(b, table, (size_t)count * (size_t)cols);
}

/* ---- binding ---- */

void nn_bind_linear(nn_binder *b, nn_linear_layer *l, int in, int out, const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 2, (int[]){out, in}), bias = read_bias(b, full, out);
    nn_make_linear(b, l, in, out, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_linears(nn_binder *b, nn_linear_layer *l, int in, int each, const char *const *names, int n)
{
    char name[NN_NAME_BYTES], weight[NN_NAME_BYTES], bias[NN_NAME_BYTES];
    size_t rows = (size_t)each, size = rows * (size_t)in;
    nn_temp w = nn_temp_new(b, (size_t)n * size), all = nn_temp_new(b, (size_t)n * rows);
    bool whole = w.at && all.at;

    for (int i = 0; i < n && w.at && all.at; i++) {
        snprintf(name, sizeof name, "%.*s%s", b->prefix_size, b->prefix, names[i]);
        const hse_weight *stored = nn_find(b, with(weight, name, ".weight"));
        nn_temp part = nn_read_tensor(b, weight, stored && stored->rank == 3 ? 3 : 2, (int[]){each, in, 1}, NN_REQUIRED);
        nn_temp part_bias = nn_read_tensor(b, with(bias, name, ".bias"), 1, &each, NN_REQUIRED);

        whole = whole && part.at && part_bias.at;
        if (part.at)
            memcpy(w.at + (size_t)i * size, part.at, size * sizeof *w.at);
        if (part_bias.at)
            memcpy(all.at + (size_t)i * rows, part_bias.at, rows * sizeof *all.at);
        nn_temp_free(&part);
        nn_temp_free(&part_bias);
    }
    nn_make_linear(b, l, in, n * each, whole ? w.at : NULL, all.at);
    nn_temp_free(&w);
    nn_temp_free(&all);
}

void nn_bind_conv1d_to_one(nn_binder *b, nn_conv1d_to_one_layer *l, int in, int kernel, const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 3, (int[]){1, in, kernel}), bias = read_bias(b, full, 1);
    nn_make_conv1d_to_one(b, l, in, kernel, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_conv1d(nn_binder *b, nn_conv1d_layer *l, int in, int out, int kernel, int dilation, const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 3, (int[]){out, in, kernel}), bias = read_bias(b, full, out);
    nn_make_conv1d(b, l, in, out, kernel, dilation, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_conv_transpose1d(nn_binder *b, nn_conv_transpose1d_layer *l, int in, int out, int kernel, int stride,
                              const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 3, (int[]){in, out, kernel}), bias = read_bias(b, full, out);
    nn_make_conv_transpose1d(b, l, in, out, kernel, stride, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_depthwise1d(nn_binder *b, nn_depthwise1d_layer *l, int channels, int kernel, int dilation,
                         const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 3, (int[]){channels, 1, kernel}), bias = read_bias(b, full, channels);
    nn_make_depthwise1d(b, l, channels, kernel, dilation, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_conv2d(nn_binder *b, nn_conv2d_layer *l, int in, int out, int kernel_h, int kernel_w, const char *name,
                    ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 4, (int[]){out, in, kernel_h, kernel_w}), bias = read_bias(b, full, out);
    nn_make_conv2d(b, l, in, out, kernel_h, kernel_w, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_conv_transpose2d(nn_binder *b, nn_conv_transpose2d_layer *l, int in, int out, int kernel_h, int kernel_w,
                              int stride_h, int stride_w, const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = read_weight(b, full, 4, (int[]){in, out, kernel_h, kernel_w}), bias = read_bias(b, full, out);
    nn_make_conv_transpose2d(b, l, in, out, kernel_h, kernel_w, stride_h, stride_w, w.at, bias.at);
    nn_temp_free(&w);
    nn_temp_free(&bias);
}

void nn_bind_table(nn_binder *b, nn_table *t, int count, int cols, const char *name, ...)
{
    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp w = nn_read_tensor(b, full, 2, (int[]){count, cols}, NN_REQUIRED);
    nn_make_table(b, t, count, cols, w.at);
    nn_temp_free(&w);
}

void nn_bind_layer_norm(nn_binder *b, nn_norm *n, int channels, float eps, const char *name, ...)
{
    char part[NN_NAME_BYTES];

    NAME(full, name);
    if (!name_ok)
        return;
    nn_temp gain = nn_read_tensor(b, with(part, full, ".weight"), 1, &channels, NN_REQUIRED);
    nn_temp bias = nn_read_tensor(b, with(part, full, ".bias"), 1, &channels, NN_REQUIRED);
    nn_make_norm(b, n, channels, eps, gain.at, bias.at);
    nn_temp_free(&gain);
    nn_temp_free(&bias);
}

void nn_bind_batch_norm(nn_binder *b, nn_norm *n, int channels, float eps, const char *name, ...)
{
    static const char *const parts[] = {".weight", ".bias", ".running_mean", ".running_var"};
    char part[NN_NAME_BYTES];
    nn_temp t[COUNT(parts)];
    const hse_weight *count;
    bool all = true;

    NAME(full, name);
    *n = (nn_norm){.channels = channels, .eps = eps};
    if (!name_ok)
        return;
    for (size_t i = 0; i < COUNT(parts); i++) {
        t[i] = nn_read_tensor(b, with(part, full, parts[i]), 1, &channels, NN_REQUIRED);
        all = all && t[i].at;
    }
    if ((count = nn_find(b, with(part, full, ".num_batches_tracked"))) != NULL)
        nn_mark_used(b, count);
    for (int i = 0; all && i < channels; i++) {
        double spread = (double)t[3].at[i] + eps;
        if (!(spread > 0)) {
            nn_note(b, NN_OTHER, "%s.running_var holds %g", full, (double)t[3].at[i]);
            break;
        }
        double scale = t[0].at[i] / sqrt(spread);
        t[0].at[i] = (float)scale;
        t[1].at[i] = (float)(t[1].at[i] - t[2].at[i] * scale);
    }
    if (all)
        nn_make_norm(b, n, channels, eps, t[0].at, t[1].at);
    for (size_t i = 0; i < COUNT(parts); i++)
        nn_temp_free(&t[i]);
}

/* ---- recurrent layers: see rnn.c for the order of the rows ---- */

void nn_make_rnn(nn_binder *b, nn_rnn_layer *l, int gates, int in, int hidden, int layers, int directions)
{
    size_t count;

    *l = (nn_rnn_layer){0};
    if (layers < 1 || layers > NN_MAX_RNN_LAYERS || directions < 1 || directions > 2 || (gates != 3 && gates != 4)) {
        nn_note(b, NN_OTHER, "a recurrent layer of %d layers, %d directions and %d gates", layers, directions, gates);
        return;
    }
    if (!nn_dims_ok(b, "a recurrent layer", 3, (int[]){in, hidden, gates * directions}, &count))
        return;
    *l = (nn_rnn_layer){.in = in, .hidden = hidden, .layers = layers, .directions = directions, .gates = gates};
}

/* The row of a gate-major matrix that stands at row `to` in the order of the steps. */
static int source_row(const nn_rnn_layer *l, const char *order, int to)
{
    const char *wanted = l->gates == 4 ? "ifgo" : "rzn";
    int from = to / (l->gates * NN_RNN_BLOCK) * NN_RNN_BLOCK, units = nn_min(NN_RNN_BLOCK, l->hidden - from);
    int gate = (to - from * l->gates) / units, unit = (to - from * l->gates) % units, source = 0;

    while (order[source] != wanted[gate] && !(order[source] == 'c' && wanted[gate] == 'g'))
        source++;
    return source * l->hidden + from + unit;
}

/* Rows of `width` numbers into the order of the steps, in place: along each cycle of the permutation, since the
 * matrices of a recurrent layer are the largest tensors of a model and a second copy would be the peak of loading. */
static bool reorder(nn_binder *b, const nn_rnn_layer *l, const char *order, float *w, size_t width)
{
    size_t n = (size_t)l->gates * (size_t)l->hidden, bytes = width * sizeof *w;
    nn_temp space = nn_temp_new(b, width + n);          /* one row, and a mark for each row that is in its place */

    if (!space.at)
        return false;
    float *row = space.at, *placed = space.at + width;
    for (size_t start = 0; start < n; start++) {
        if (placed[start] != 0.0f)
            continue;
        memcpy(row, w + start * width, bytes);
        for (size_t to = start;;) {
            size_t source = (size_t)source_row(l, order, (int)to);
            placed[to] = 1.0f;
            if (source == start) {
                memcpy(w + to * width, row, bytes);
                break;
            }
            memcpy(w + to * width, w + source * width, bytes);
            to = source;
        }
    }
    nn_temp_free(&space);
    return true;
}

static bool known_order(const char *order, int gates)
{
    return gates == 4 ? strcmp(order, "ifgo") == 0 || strcmp(order, "iofc") == 0
                      : strcmp(order, "rzn") == 0 || strcmp(order, "zrn") == 0;
}

/* Takes t and frees it. False: there is no such matrix, and no size of one in the file to believe. */
static bool pack_gates(nn_binder *b, k_packed *p, const nn_rnn_layer *l, const char *order, nn_temp t, int width)
{
    bool there = t.at != NULL;

    if (there && reorder(b, l, order, t.at, (size_t)width))
        pack(b, p, l->gates * l->hidden, width, 1, t.at, (size_t)width, 0, 1);
    nn_temp_free(&t);
    return there;
}

/* Takes both and frees them. An LSTM only ever needs their sum. `wanted` is false where the matrices are missing: nothing of the size that
 * somebody's config names is then made. */
static void keep_biases(nn_binder *b, nn_rnn_cell *cell, const nn_rnn_layer *l, const char *order, bool wanted, nn_temp w, nn_temp u)
{
    size_t n = (size_t)l->gates * (size_t)l->hidden;

    if (wanted && !w.at)
        w = nn_temp_new(b, n);
    if (wanted && !u.at)
        u = nn_temp_new(b, n);
    if (wanted && w.at && u.at && reorder(b, l, order, w.at, 1) && reorder(b, l, order, u.at, 1)) {
        for (size_t i = 0; i < n && l->gates == 4; i++)
            w.at[i] += u.at[i];
        cell->bias_w = nn_keep_floats(b, w.at, n);
        cell->bias_u = l->gates == 4 ? NULL : nn_keep_floats(b, u.at, n);
    }
    nn_temp_free(&w);
    nn_temp_free(&u);
}

static nn_temp copy_of(nn_binder *b, const float *from, size_t count)
{
    nn_temp t = from ? nn_temp_new(b, count) : (nn_temp){0};

    if (t.at)
        memcpy(t.at, from, count * sizeof *from);
    return t;
}

void nn_make_rnn_cell(nn_binder *b, nn_rnn_layer *l, int layer, int direction, const char *order, const float *w,
                      const float *u, const float *bias_w, const float *bias_u)
{
    int in = layer == 0 ? l->in : l->hidden * l->directions;
    size_t n = (size_t)l->gates * (size_t)l->hidden;

    if (!w || !u || b->fatal.status != HSE_OK || layer < 0 || layer >= l->layers || direction < 0 ||
        direction >= l->directions)
        return;
    if (!known_order(order, l->gates)) {
        nn_note(b, NN_OTHER, "the gate order \"%s\"", order);
        return;
    }
    nn_rnn_cell *cell = &l->cell[layer][direction];
    pack_gates(b, &cell->w, l, order, copy_of(b, w, n * (size_t)in), in);
    pack_gates(b, &cell->u, l, order, copy_of(b, u, n * (size_t)l->hidden), l->hidden);
    keep_biases(b, cell, l, order, true, copy_of(b, bias_w, n), copy_of(b, bias_u, n));
}

/* One matrix after the other, so that only one is in memory beside its packed form. */
static void bind_cell(nn_binder *b, nn_rnn_layer *l, int layer, int direction, const char *name, const char *ending)
{
    int n = l->gates * l->hidden, in = layer == 0 ? l->in : l->hidden * l->directions;
    const char *order = l->gates == 4 ? "ifgo" : "rzn";
    nn_rnn_cell *cell = &l->cell[layer][direction];
    char part[NN_NAME_BYTES];

    snprintf(part, sizeof part, "%.440s.weight_ih%s", name, ending);
    bool whole = pack_gates(b, &cell->w, l, order, nn_read_tensor(b, part, 2, (int[]){n, in}, NN_REQUIRED), in);
    snprintf(part, sizeof part, "%.440s.weight_hh%s", name, ending);
    whole = pack_gates(b, &cell->u, l, order, nn_read_tensor(b, part, 2, (int[]){n, l->hidden}, NN_REQUIRED), l->hidden) && whole;
    snprintf(part, sizeof part, "%.440s.bias_ih%s", name, ending);
    nn_temp bias_w = b->bias == NN_ABSENT ? (nn_temp){0} : nn_read_tensor(b, part, 1, &n, b->bias);
    snprintf(part, sizeof part, "%.440s.bias_hh%s", name, ending);
    nn_temp bias_u = b->bias == NN_ABSENT ? (nn_temp){0} : nn_read_tensor(b, part, 1, &n, b->bias);
    keep_biases(b, cell, l, order, whole, bias_w, bias_u);
}

static void bind_rnn(nn_binder *b, nn_rnn_layer *l, int gates, int in, int hidden, int layers, int directions,
                     const char *name)
{
    char ending[32];

    nn_make_rnn(b, l, gates, in, hidden, layers, directions);
    for (int i = 0; i < l->layers; i++)
        for (int d = 0; d < l->directions; d++) {
            snprintf(ending, sizeof ending, "_l%d%s", i, d == 1 ? "_reverse" : "");
            bind_cell(b, l, i, d, name, ending);
        }
}

void nn_bind_lstm(nn_binder *b, nn_rnn_layer *l, int in, int hidden, int layers, int directions, const char *name, ...)
{
    NAME(full, name);
    if (name_ok)
        bind_rnn(b, l, 4, in, hidden, layers, directions, full);
}

void nn_bind_gru(nn_binder *b, nn_rnn_layer *l, int in, int hidden, int layers, int directions, const char *name, ...)
{
    NAME(full, name);
    if (name_ok)
        bind_rnn(b, l, 3, in, hidden, layers, directions, full);
}

void nn_bind_lstm_cell(nn_binder *b, nn_rnn_layer *l, int in, int hidden, const char *name, ...)
{
    NAME(full, name);
    nn_make_rnn(b, l, 4, in, hidden, 1, 1);
    if (name_ok && l->layers == 1)
        bind_cell(b, l, 0, 0, full, "");
}
