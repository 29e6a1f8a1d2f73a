/* 2-D convolutions, plain and transposed, against double loops. */
#include "nn_test.h"

static struct {
    int in, out, kh, kw, sh, sw, dh, dw, top, bottom, before, after, width;
} s;

static nn_conv2d_layer conv;
static nn_conv_transpose2d_layer transposed;

static const float *weights(void)
{
    return numbers(1, (size_t)(s.in * s.out * s.kh * s.kw));
}

static void build(nn_binder *b, void *model)
{
    nn_conv2d_layer *l = model;

    nn_make_conv2d(b, l, s.in, s.out, s.kh, s.kw, weights(), numbers(2, (size_t)s.out));
    l->stride_h = s.sh;
    l->stride_w = s.sw;
    l->dilation_h = s.dh;
    l->dilation_w = s.dw;
    l->top = s.top;
    l->bottom = s.bottom;
    l->before = s.before;
    l->after = s.after;
}

static nn_tensor forward(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_conv2d(c, model, nn_leaky_relu(c, x, 0.1f));
}

static double at(const float *x, int rows, int r, int p, int i)
{
    if (r < 0 || r >= rows || p < 0 || p >= s.width)
        return 0;
    double v = x[(r * s.width + p) * s.in + i];
    return v < 0 ? v * 0.1f : v;
}

static size_t reference(const float *x, int rows, double *out)
{
    const float *w = weights(), *b = numbers(2, (size_t)s.out);
    int need = s.dh * (s.kh - 1) + 1 - s.top - s.bottom, oh = rows < need || rows == 0 ? 0 : (rows - need) / s.sh + 1;
    int ow = (s.width + s.before + s.after - s.dw * (s.kw - 1) - 1) / s.sw + 1;
    size_t n = 0;

    for (int r = 0; r < oh; r++)
        for (int p = 0; p < ow; p++)
            for (int o = 0; o < s.out; o++) {
                double sum = b[o];
                for (int i = 0; i < s.in; i++)
                    for (int h = 0; h < s.kh; h++)
                        for (int v = 0; v < s.kw; v++)
                            sum += at(x, rows, r * s.sh - s.top + h * s.dh, p * s.sw - s.before + v * s.dw, i) *
                                   w[((o * s.in + i) * s.kh + h) * s.kw + v];
                out[n++] = sum;
            }
    return n;
}

TEST(convolutions_in_two_dimensions_agree_with_double)
{
    static const struct {
        const char *name;
        int in, out, kh, kw, sh, sw, dh, dw, top, bottom, before, after, width;
    } cases[] = {
        {"3 x 3", 12, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 9},
        {"1 x 1", 12, 20, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 9},
        {"one channel in", 1, 33, 3, 5, 1, 2, 1, 1, 1, 1, 2, 2, 16},
        {"strides 2 and 3", 8, 17, 5, 4, 2, 3, 1, 1, 2, 2, 0, 3, 10},
        {"dilated", 8, 17, 3, 3, 1, 1, 2, 3, 2, 2, 3, 3, 11},
        {"causal in time", 8, 70, 3, 3, 1, 1, 1, 1, 2, 0, 1, 1, 5},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(&s, &cases[i].in, sizeof s);
        check_case(&(nn_case){.name = cases[i].name, .in = s.in, .width = s.width, .build = build, .forward = forward,
                              .reference = reference, .db = {120, 42, 33}, .short_items = true},
                   &conv);
    }
}

static void build_transposed(nn_binder *b, void *model)
{
    nn_conv_transpose2d_layer *l = model;

    nn_make_conv_transpose2d(b, l, s.in, s.out, s.kh, s.kw, s.sh, s.sw, weights(), numbers(2, (size_t)s.out));
    l->top = s.top;
    l->bottom = s.bottom;
    l->before = s.before;
    l->after = s.after;
}

static nn_tensor forward_transposed(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_conv_transpose2d(c, model, nn_leaky_relu(c, x, 0.1f));
}

static size_t reference_transposed(const float *x, int rows, double *out)
{
    const float *w = weights(), *b = numbers(2, (size_t)s.out);
    int oh = rows == 0 ? 0 : (rows - 1) * s.sh + s.kh - s.top - s.bottom,
        ow = (s.width - 1) * s.sw + s.kw - s.before - s.after;

    for (int r = 0; r < oh * ow; r++)
        for (int o = 0; o < s.out; o++)
            out[r * s.out + o] = b[o];
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < s.width; p++)
            for (int h = 0; h < s.kh; h++)
                for (int v = 0; v < s.kw; v++) {
                    int to = r * s.sh + h - s.top, place = p * s.sw + v - s.before;
                    if (to < 0 || to >= oh || place < 0 || place >= ow)
                        continue;
                    for (int o = 0; o < s.out; o++)
                        for (int i = 0; i < s.in; i++)
                            out[(to * ow + place) * s.out + o] +=
                                at(x, rows, r, p, i) * w[((i * s.out + o) * s.kh + h) * s.kw + v];
                }
    return (size_t)(oh * ow * s.out);
}

TEST(transposed_convolutions_in_two_dimensions_agree_with_double)
{
    static const struct {
        const char *name;
        int in, out, kh, kw, sh, sw, dh, dw, top, bottom, before, after, width;
    } cases[] = {
        {"stride 2, kernel 4", 8, 12, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1, 6},
        {"stride 2 x 1, kernel 3", 8, 12, 3, 3, 2, 1, 1, 1, 1, 0, 1, 1, 6},
        {"no cut, kernel 3 x 5", 4, 40, 3, 5, 2, 3, 1, 1, 0, 0, 0, 0, 5},
        {"stride 1", 4, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 5},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(&s, &cases[i].in, sizeof s);
        check_case(&(nn_case){.name = cases[i].name, .in = s.in, .width = s.width, .build = build_transposed,
                              .forward = forward_transposed, .reference = reference_transposed, .db = {120, 42, 33},
                              .short_items = true},
                   &transposed);
    }
}
