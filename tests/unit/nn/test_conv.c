/* Linear layers and 1-D convolutions against double loops. */
#include "nn_test.h"

/* ---- the shapes, as file-scope values that build, forward and reference share ---- */

static struct {
    int in, out, kernel, dilation, stride, left, right;     /* left -1: as the binder sets it */
    nn_pad pad;
    bool bias, relu_before;
} s;

static nn_conv1d_layer conv;

static void build_conv(nn_binder *b, void *model)
{
    nn_conv1d_layer *l = model;
    const float *w = numbers(1, (size_t)(s.in * s.out * s.kernel)), *bias = numbers(2, (size_t)s.out);

    nn_make_conv1d(b, l, s.in, s.out, s.kernel, s.dilation, w, s.bias ? bias : NULL);
    l->stride = s.stride;
    if (s.left >= 0) {
        l->left = s.left;
        l->right = s.right;
    }
    l->pad = s.pad;
    l->pad_value = 0.75f;
}

static nn_tensor forward_conv(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_conv1d(c, model, s.relu_before ? nn_leaky_relu(c, x, 0.1f) : x);
}

static double padded(const float *x, int rows, int r, int i)
{
    if (r < 0 || r >= rows)
        switch (s.pad) {
        case NN_ZERO:
            return 0;
        case NN_CONSTANT:
            return 0.75;
        case NN_REFLECT:
            r = r < 0 ? -r : 2 * rows - 2 - r;
            break;
        case NN_REPLICATE:
            r = r < 0 ? 0 : rows - 1;
            break;
        }
    double v = x[r * s.in + i];
    return s.relu_before && v < 0 ? v * 0.1f : v;
}

static size_t reference_conv(const float *x, int rows, double *out)
{
    const float *w = numbers(1, (size_t)(s.in * s.out * s.kernel)), *bias = numbers(2, (size_t)s.out);
    int span = s.dilation * (s.kernel - 1), left = s.left >= 0 ? s.left : span - span / 2,
        right = s.left >= 0 ? s.right : span / 2;
    int n = rows + left + right - span - 1 < 0 ? 0 : (rows + left + right - span - 1) / s.stride + 1;

    for (int o = 0; o < n; o++)
        for (int j = 0; j < s.out; j++) {
            double sum = s.bias ? bias[j] : 0;
            for (int t = 0; t < s.kernel; t++)
                for (int i = 0; i < s.in; i++)
                    sum += padded(x, rows, o * s.stride - left + t * s.dilation, i) * w[(j * s.in + i) * s.kernel + t];
            out[o * s.out + j] = sum;
        }
    return (size_t)(n * s.out);
}

TEST(convolutions_agree_with_double)
{
    static const struct {
        const char *name;
        int in, out, kernel, dilation, stride, left, right;
        nn_pad pad;
        bool bias, relu_before, short_items;
    } cases[] = {
        {"pointwise",               20,  70, 1, 1, 1, -1, 0, NN_ZERO,      true,  false, true},
        {"kernel 3",                24,  40, 3, 1, 1, -1, 0, NN_ZERO,      true,  false, true},
        {"kernel 4, even",          24,  40, 4, 1, 1, -1, 0, NN_ZERO,      false, false, true},
        {"kernel 16, even",         33,  17, 16, 1, 1, -1, 0, NN_ZERO,     false, true,  true},
        {"dilation 5, before relu", 40,  96, 3, 5, 1, -1, 0, NN_ZERO,      true,  true,  true},
        {"reflect",                 17,  33, 7, 1, 1, -1, 0, NN_REFLECT,   true,  true,  false},
        {"replicate",               17,  33, 5, 2, 1, -1, 0, NN_REPLICATE, true,  false, false},
        {"constant",                17,  33, 5, 1, 1, -1, 0, NN_CONSTANT,  true,  true,  true},
        {"causal",                  16,  16, 3, 3, 1,  6, 0, NN_ZERO,      true,  false, true},
        {"reflect on the right",    16,  16, 3, 1, 1,  0, 2, NN_REFLECT,   true,  false, false},
        {"stride 2",                129, 64, 3, 1, 2,  1, 1, NN_ZERO,      true,  true,  true},
        {"stride 2, nothing before", 24, 40, 3, 1, 2,  1, 1, NN_ZERO,      true,  false, true},
        {"stride 3, wide padding",  24,  40, 7, 1, 3,  5, 6, NN_REPLICATE, true,  false, false},
        {"stride 3, no padding",    24,  40, 5, 1, 3,  0, 0, NN_ZERO,      true,  false, false},
        {"narrow input",            1,   70, 5, 1, 1, -1, 0, NN_ZERO,      true,  false, true},
        {"narrow, strided, relu",   2,   30, 8, 1, 4,  0, 3, NN_REFLECT,   true,  true,  false},
        {"narrow, constant",        3,   30, 6, 1, 2,  3, 3, NN_CONSTANT,  true,  true,  true},
        {"narrow, dilated",         3,   30, 3, 2, 1, -1, 0, NN_ZERO,      true,  false, true},
        {"one output",              48,  1,  7, 1, 1, -1, 0, NN_ZERO,      true,  true,  true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        s.in = cases[i].in;
        s.out = cases[i].out;
        s.kernel = cases[i].kernel;
        s.dilation = cases[i].dilation;
        s.stride = cases[i].stride;
        s.left = cases[i].left;
        s.right = cases[i].right;
        s.pad = cases[i].pad;
        s.bias = cases[i].bias;
        s.relu_before = cases[i].relu_before;
        check_case(&(nn_case){.name = cases[i].name, .in = s.in, .build = build_conv, .forward = forward_conv,
                              .reference = reference_conv, .db = {120, 42, 33}, .short_items = cases[i].short_items},
                   &conv);
    }
}

/* ---- epilogue: act, norm, alpha, residual, into ---- */

static struct {
    nn_linear_layer l;
    nn_norm         norm;
    nn_linear_layer first;
} fused;

enum { F_IN = 24, F_OUT = 37 };

static void build_fused(nn_binder *b, void *model)
{
    (void)model;
    nn_make_linear(b, &fused.l, F_IN, F_OUT, numbers(3, F_IN * F_OUT), numbers(4, F_OUT));
    nn_make_norm(b, &fused.norm, F_OUT, 0, numbers(5, F_OUT), numbers(6, F_OUT));
    nn_make_linear(b, &fused.first, F_IN, F_OUT, numbers(7, F_IN * F_OUT), NULL);
}

static nn_tensor forward_fused(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    nn_tensor r = nn_linear(c, &fused.first, x), wide = nn_new(c, x, F_OUT * 2);
    nn_linear_then(
        c, &fused.l, x,
        (nn_then){.act = K_TANH, .norm = &fused.norm, .alpha = 0.5f, .residual = r, .into = wide, .col = F_OUT});
    nn_linear_then(c, &fused.first, x, (nn_then){.act = K_LEAKY_RELU, .slope = 0.25f, .into = wide});
    return wide;
}

static size_t reference_fused(const float *x, int rows, double *out)
{
    const float *w = numbers(3, F_IN * F_OUT), *b = numbers(4, F_OUT), *g = numbers(5, F_OUT), *h = numbers(6, F_OUT),
                *v = numbers(7, F_IN * F_OUT);

    for (int r = 0; r < rows; r++)
        for (int j = 0; j < F_OUT; j++) {
            double sum = b[j], first = 0;
            for (int i = 0; i < F_IN; i++) {
                sum += (double)x[r * F_IN + i] * w[j * F_IN + i];
                first += (double)x[r * F_IN + i] * v[j * F_IN + i];
            }
            out[r * F_OUT * 2 + F_OUT + j] = (tanh(sum) * g[j] + h[j]) * 0.5 + first;
            out[r * F_OUT * 2 + j] = first < 0 ? first * 0.25 : first;
        }
    return (size_t)(rows * F_OUT * 2);
}

TEST(epilogues_agree_with_double)
{
    check_case(&(nn_case){.name = "epilogue",
                          .in = F_IN,
                          .build = build_fused,
                          .forward = forward_fused,
                          .reference = reference_fused,
                          .db = {120, 42, 33},
                          .short_items = true},
               NULL);
}

/* ---- transposed ---- */

static struct {
    int in, out, kernel, stride, left, right;
} t;

static nn_conv_transpose1d_layer transposed;

static void build_transposed(nn_binder *b, void *model)
{
    nn_conv_transpose1d_layer *l = model;

    nn_make_conv_transpose1d(b, l, t.in, t.out, t.kernel, t.stride, numbers(8, (size_t)(t.in * t.out * t.kernel)),
                             numbers(9, (size_t)t.out));
    if (t.left >= 0) {
        l->left = t.left;
        l->right = t.right;
    }
}

static nn_tensor forward_transposed(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_conv_transpose1d(c, model, nn_leaky_relu(c, x, 0.2f));
}

static size_t reference_transposed(const float *x, int rows, double *out)
{
    const float *w = numbers(8, (size_t)(t.in * t.out * t.kernel)), *b = numbers(9, (size_t)t.out);
    int right = t.left >= 0 ? t.right : (t.kernel - t.stride) / 2;
    int left = t.left >= 0 ? t.left : t.kernel - t.stride - right,
        n = rows == 0 ? 0 : (rows - 1) * t.stride + t.kernel - left - right;

    for (int o = 0; o < n; o++)
        for (int j = 0; j < t.out; j++)
            out[o * t.out + j] = b[j];
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < t.kernel; k++) {
            int o = r * t.stride + k - left;
            for (int j = 0; j < t.out && o >= 0 && o < n; j++)
                for (int i = 0; i < t.in; i++) {
                    double v = x[r * t.in + i];
                    out[o * t.out + j] += (v < 0 ? v * 0.2f : v) * w[(i * t.out + j) * t.kernel + k];
                }
        }
    return (size_t)(n * t.out);
}

TEST(transposed_convolutions_agree_with_double)
{
    static const struct { const char *name; int in, out, kernel, stride, left, right; } cases[] = {
        {"kernel 2u, stride 4",        32, 16, 8, 4, -1, 0},
        {"kernel 2u, stride 5, odd",   32, 16, 10, 5, -1, 0},
        {"kernel 2u, cut u both ends", 24, 13, 6, 3, 3, 3},
        {"kernel no multiple",         24, 13, 7, 3, -1, 0},
        {"no cut",                     24, 40, 5, 2, 0, 0},
        {"kernel below stride",        8,  5,  2, 3, 0, 0},
        {"stride 1",                   8,  20, 3, 1, 1, 1},
        {"cut more than a stride",     8,  20, 9, 2, 5, 2},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        t.in = cases[i].in;
        t.out = cases[i].out;
        t.kernel = cases[i].kernel;
        t.stride = cases[i].stride;
        t.left = cases[i].left;
        t.right = cases[i].right;
        check_case(&(nn_case){.name = cases[i].name,
                              .in = t.in,
                              .build = build_transposed,
                              .forward = forward_transposed,
                              .reference = reference_transposed,
                              .db = {120, 42, 33},
                              .short_items = true},
                   &transposed);
    }
}

/* ---- depthwise ---- */

static nn_depthwise1d_layer depthwise;
enum { D_CHANNELS = 37, D_KERNEL = 5 };

static void build_depthwise(nn_binder *b, void *model)
{
    nn_make_depthwise1d(b, model, D_CHANNELS, D_KERNEL, 2, numbers(10, D_CHANNELS * D_KERNEL), numbers(11, D_CHANNELS));
}

static nn_tensor forward_depthwise(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_depthwise1d(c, model, nn_relu(c, x));
}

static size_t reference_depthwise(const float *x, int rows, double *out)
{
    const float *w = numbers(10, D_CHANNELS * D_KERNEL), *b = numbers(11, D_CHANNELS);

    for (int o = 0; o < rows; o++)
        for (int i = 0; i < D_CHANNELS; i++) {
            out[o * D_CHANNELS + i] = b[i];
            for (int k = 0; k < D_KERNEL; k++) {
                int r = o - 4 + k * 2;
                if (r >= 0 && r < rows && x[r * D_CHANNELS + i] > 0)
                    out[o * D_CHANNELS + i] += (double)x[r * D_CHANNELS + i] * w[i * D_KERNEL + k];
            }
        }
    return (size_t)(rows * D_CHANNELS);
}

TEST(depthwise_agrees_with_double)
{
    check_case(&(nn_case){.name = "depthwise", .in = D_CHANNELS, .build = build_depthwise, .forward = forward_depthwise,
                          .reference = reference_depthwise, .db = {120, 0, 0}, .short_items = true},
               &depthwise);
}

TEST(wide_layers_are_cut_into_tasks_without_a_trace)
{
    nn_conv1d_layer l;
    float *want = NULL;
    size_t n = 0;
    nn_params *params = NULL;
    nn_binder *b = NULL;
    hse_error err = {0};
    const float *x = numbers(20, 700 * 96), *parts[2] = {x, x + 300 * 96};

    for (int type = 0; type < K_WEIGHT_TYPES; type++) {
        assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.type = (k_weight_type)type}, &err), HSE_OK);
        nn_make_conv1d(b, &l, 96, 320, 5, 3, numbers(21, 96 * 320 * 5), NULL);
        assert_int_equal(nn_binder_close(&b, &params, &err), HSE_OK);
        for (int threads = 1; threads <= 4; threads++) {
            hse_pool *pool = NULL;
            nn_ctx *c = NULL;
            assert_int_equal(hse_pool_open(&pool, threads, &err), HSE_OK);
            assert_int_equal(nn_open(&c, &(nn_options){.pool = pool, .poison = true}, &err), HSE_OK);
            nn_begin(c, NN_RUN);
            nn_tensor y = nn_conv1d(c, &l, nn_leaky_relu(c, nn_input(c, 2, (int[]){300, 400}, 96, parts), 0.3f));
            float *got = malloc(700 * 320 * sizeof *got);
            nn_read(c, y, 0, got, 300 * 320);
            nn_read(c, y, 1, got + 300 * 320, 400 * 320);
            CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
            CHECK(threads == 1 || memcmp(got, want, n) == 0, "type %d, %d threads: other bits", type, threads);
            if (threads == 1) {
                free(want);
                want = got;
                n = 700 * 320 * sizeof *got;
            } else {
                free(got);
            }
            nn_close(&c);
            hse_pool_close(&pool);
        }
        nn_params_free(&params);
    }
    free(want);
}

/* ---- one output ---- */

static struct {
    int in, kernel;
    nn_pad pad;
} one;

static void build_one(nn_binder *b, void *model)
{
    nn_conv1d_to_one_layer *l = model;

    nn_make_conv1d_to_one(b, l, one.in, one.kernel, numbers(31, (size_t)(one.in * one.kernel)), numbers(32, 1));
    l->pad = one.pad;
}

static nn_tensor forward_one(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_conv1d_to_one(c, model, nn_leaky_relu(c, x, 0.2f));
}

static size_t reference_one(const float *x, int rows, double *out)
{
    const float *w = numbers(31, (size_t)(one.in * one.kernel));

    for (int r = 0; r < rows; r++) {
        out[r] = (double)numbers(32, 1)[0];
        for (int k = 0; k < one.kernel; k++) {
            int at = r + k - one.kernel / 2;
            if (one.pad == NN_REFLECT)
                at = at < 0 ? -at : at >= rows ? 2 * (rows - 1) - at : at;
            for (int i = 0; i < one.in && at >= 0 && at < rows; i++) {
                double v = (double)x[at * one.in + i];
                out[r] += (v < 0 ? v * (double)0.2f : v) * (double)w[i * one.kernel + k];
            }
        }
    }
    return (size_t)rows;
}

TEST(convolutions_to_one_output_agree_with_double)
{
    static const struct { const char *name; int in, kernel; nn_pad pad; } cases[] = {
        {"zeros outside", 32, 7, NN_ZERO}, {"mirrored", 16, 7, NN_REFLECT}, {"even", 5, 4, NN_ZERO}, {"one tap", 24, 1, NN_ZERO},
    };
    nn_conv1d_to_one_layer layer;

    for (size_t i = 0; i < COUNT(cases); i++) {
        one.in = cases[i].in;
        one.kernel = cases[i].kernel;
        one.pad = cases[i].pad;
        check_case(&(nn_case){.name = cases[i].name, .in = one.in, .build = build_one, .forward = forward_one,
                              .reference = reference_one, .db = {110, 40, 30}, .short_items = one.pad == NN_ZERO},
                   &layer);
    }
}

TEST(convolutions_to_one_output_refuse_what_they_cannot_do)
{
    const float *data = numbers(33, 3 * 8);
    nn_conv1d_to_one_layer layer;
    hse_error err = {0};
    nn_params *params = NULL;
    nn_binder *b = NULL;
    nn_ctx *c = NULL;

    CHECK(nn_binder_open(&b, &(nn_binder_options){.type = K_F32}, &err) == HSE_OK, "%s", err.text);
    nn_make_conv1d_to_one(b, &layer, 8, 7, numbers(31, 56), NULL);
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK && nn_open(&c, &(nn_options){0}, &err) == HSE_OK, "%s", err.text);
    for (int i = 0; i < 4; i++) {
        int rows = 3;
        nn_conv1d_to_one_layer l = layer;
        l.pad = i == 0 ? NN_CONSTANT : i == 1 ? NN_REFLECT : NN_ZERO;
        l.left -= i == 2;
        nn_begin(c, NN_RUN);
        nn_tensor x = nn_input(c, 1, &rows, 8, &data);
        nn_conv1d_to_one(c, &l, i == 3 ? nn_slice_cols(c, x, 0, 4) : x);
        CHECK(nn_end(c, &err) == HSE_E_ARG && err.text[0], "case %d: %s", i, err.text);
    }
    nn_close(&c);
    nn_params_free(&params);
}
