/* Grids (rows that end in a gap which reads as zero, whatever stands there) and residual pairs, against double loops.
 */
#include "nn_test.h"

static struct {
    int in, out, width; /* width without the gap */
} s;
static int rows_at_once;

static float factor(unsigned seed, int i, int n)
{
    return 0.75f + 0.5f * fabsf(numbers(seed, (size_t)n)[i]);
}

/* The gap is no result: rows of width * cols numbers. */
static nn_tensor without_gap(nn_ctx *c, nn_tensor y)
{
    int width = nn_width(y) - 1, cols = nn_cols(y);

    if (!nn_ok(c))
        return y;
    return nn_slice_cols(c, nn_reshape(c, y, 1, (width + 1) * cols), 0, width * cols);
}

/* ---- the block ---- */

static void build_block(nn_binder *b, void *model)
{
    nn_grid_block *l = model;
    float scale[256], none[256] = {0};

    *l = (nn_grid_block){
        .in = s.in, .out = s.out, .slope = 0.1f, .has_shortcut = s.in != s.out, .rows_at_once = rows_at_once};
    for (int i = 0; i < s.in; i++)
        scale[i] = factor(1, i, s.in);
    nn_make_norm(b, &l->norm, s.in, 0, scale, numbers(2, (size_t)s.in));
    nn_make_conv2d(b, &l->conv1, s.in, s.out, 3, 3, numbers(3, (size_t)(9 * s.in * s.out)), numbers(4, (size_t)s.out));
    nn_make_conv2d(b, &l->conv2, s.out, s.out, 3, 3, numbers(5, (size_t)(9 * s.out * s.out)), NULL);
    nn_make_norm(b, &l->undo, s.out, 0, none, none);
    if (l->has_shortcut)
        nn_make_linear(b, &l->shortcut, s.in, s.out, numbers(6, (size_t)(s.in * s.out)), numbers(7, (size_t)s.out));
}

static nn_tensor forward_block(nn_ctx *c, const void *model, nn_tensor x)
{
    return without_gap(c, nn_grid_block_run(c, model, x, "block"));
}

static double leaky(double v)
{
    return v < 0 ? v * 0.1f : v;
}

/* y[r][p][o] = sum over 3 x 3 of x, which is zero outside rows x width. */
static void convolve(const double *x, int rows, int in, int out, const float *w, double *y)
{
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < s.width; p++)
            for (int o = 0; o < out; o++) {
                double sum = 0;
                for (int t = 0; t < 9; t++) {
                    int rr = r + t / 3 - 1, pp = p + t % 3 - 1;
                    for (int i = 0; i < in && rr >= 0 && rr < rows && pp >= 0 && pp < s.width; i++)
                        sum += x[(rr * s.width + pp) * in + i] * w[(o * in + i) * 9 + t];
                }
                y[(r * s.width + p) * out + o] = sum;
            }
}

static size_t reference_block(const float *x, int rows, double *out)
{
    int positions = rows * s.width;
    double *a = calloc((size_t)(positions * s.in + 1), sizeof *a),
           *b = calloc((size_t)(positions * s.out + 1), sizeof *b);

    for (int r = 0; r < rows; r++)
        for (int p = 0; p < s.width; p++)
            for (int i = 0; i < s.in; i++)
                a[(r * s.width + p) * s.in + i] =
                    leaky((double)x[(r * (s.width + 1) + p) * s.in + i] * (double)factor(1, i, s.in) +
                          (double)numbers(2, (size_t)s.in)[i]);
    convolve(a, rows, s.in, s.out, numbers(3, (size_t)(9 * s.in * s.out)), b);
    for (int k = 0; k < positions * s.out; k++)
        b[k] = leaky(b[k] + (double)numbers(4, (size_t)s.out)[k % s.out]);
    convolve(b, rows, s.out, s.out, numbers(5, (size_t)(9 * s.out * s.out)), out);
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < s.width; p++)
            for (int o = 0; o < s.out; o++) {
                const float *from = x + (r * (s.width + 1) + p) * s.in;
                double add = s.in == s.out ? (double)from[o] : (double)numbers(7, (size_t)s.out)[o];
                for (int i = 0; i < s.in && s.in != s.out; i++)
                    add += (double)from[i] * (double)numbers(6, (size_t)(s.in * s.out))[o * s.in + i];
                out[(r * s.width + p) * s.out + o] += add;
            }
    free(a);
    free(b);
    return (size_t)(positions * s.out);
}

TEST(grid_blocks_agree_with_double)
{
    static const struct {
        const char *name;
        int in, out, width;
    } cases[] = {
        {"equal channels", 12, 12, 9},        {"one position", 8, 8, 1}, {"odd channels, more", 5, 7, 6},
        {"fewer, several panels", 20, 70, 3}, {"two inputs", 2, 33, 15},
    };
    static nn_grid_block block;

    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(&s, &cases[i].in, sizeof s);
        rows_at_once = (int)i * 2 % 7; /* 0, 2, 4, 6, 1 */
        check_case(&(nn_case){.name = cases[i].name,
                              .in = s.in,
                              .width = s.width + 1,
                              .build = build_block,
                              .forward = forward_block,
                              .reference = reference_block,
                              .db = {115, 38, 0},
                              .short_items = true},
                   &block);
    }
}

/* ---- upsampling and pooling ---- */

static void build_up(nn_binder *b, void *model)
{
    nn_grid_up *u = model;
    float scale[256];
    nn_norm norm;

    for (int i = 0; i < s.in; i++)
        scale[i] = factor(1, i, s.in);
    nn_make_norm(b, &norm, s.in, 0, scale, numbers(2, (size_t)s.in));
    nn_make_grid_up(b, u, s.in, s.out, numbers(3, (size_t)(9 * s.in * s.out)));
    u->norm = norm;
}

/* Into the second tensor's first columns; the others keep what they have. */
static nn_tensor forward_up(nn_ctx *c, const void *model, nn_tensor x)
{
    nn_tensor into = nn_grid_new(c, x, 2, 2 * nn_width(x), s.out + 3);

    return without_gap(c, nn_slice_cols(c, nn_grid_up_run(c, model, x, into, "up"), 0, s.out));
}

static size_t reference_up(const float *x, int rows, double *out)
{
    const float *w = numbers(3, (size_t)(9 * s.in * s.out));
    int wide = 2 * s.width + 1;

    for (int k = 0; k < 2 * rows * wide * s.out; k++)
        out[k] = 0;
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < s.width; p++)
            for (int i = 0; i < s.in; i++) {
                double v = (double)x[(r * (s.width + 1) + p) * s.in + i] * (double)factor(1, i, s.in) +
                           (double)numbers(2, (size_t)s.in)[i];
                for (int t = 0; t < 9 && v > 0; t++)
                    for (int o = 0; o < s.out && 2 * r + t / 3 < 2 * rows; o++)
                        out[((2 * r + t / 3) * wide + 2 * p + t % 3) * s.out + o] += v * w[(i * s.out + o) * 9 + t];
            }
    return (size_t)(2 * rows * wide * s.out);
}

static void build_nothing(nn_binder *b, void *model)
{
    (void)b, (void)model;
}

static nn_tensor forward_pool(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    return without_gap(c, nn_grid_pool(c, x));
}

static size_t reference_pool(const float *x, int rows, double *out)
{
    int narrow = s.width / 2, n = 0;
    size_t row = (size_t)((s.width + 1) * s.in);

    for (int r = 0; r < rows / 2; r++)
        for (int p = 0; p < narrow; p++)
            for (int i = 0; i < s.in; i++) {
                const float *a = x + (size_t)(2 * r) * row + (size_t)(2 * p * s.in + i);
                out[n++] = ((double)a[0] + a[s.in] + a[row] + a[row + (size_t)s.in]) / 4;
            }
    return (size_t)n;
}

TEST(grids_are_upsampled_and_pooled)
{
    static const struct {
        const char *name;
        int in, out, width;
    } cases[] = {{"even", 12, 20, 8}, {"one position", 7, 5, 1}, {"odd, several panels", 9, 67, 3}};
    static nn_grid_up up;

    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(&s, &cases[i].in, sizeof s);
        check_case(&(nn_case){.name = cases[i].name,
                              .in = s.in,
                              .width = s.width + 1,
                              .build = build_up,
                              .forward = forward_up,
                              .reference = reference_up,
                              .db = {115, 38, 0},
                              .short_items = true},
                   &up);
        if (s.width > 1)
            check_case(&(nn_case){.name = "pool",
                                  .in = s.in,
                                  .width = s.width + 1,
                                  .build = build_nothing,
                                  .forward = forward_pool,
                                  .reference = reference_pool,
                                  .db = {120, 0, 0},
                                  .short_items = true},
                       &up);
    }
}

TEST(grids_of_the_wrong_shape_are_refused)
{
    static nn_grid_up up;
    static nn_grid_block block;
    nn_ctx *c = NULL;
    nn_binder *b = NULL;
    nn_params *params = NULL;
    hse_error err = {0};
    int rows = 4;

    memcpy(&s, &(int[]){3, 4, 5}, sizeof s);
    assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.type = K_F32}, &err), HSE_OK);
    build_up(b, &up);
    build_block(b, &block);
    assert_int_equal(nn_binder_close(&b, &params, &err), HSE_OK);
    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    for (int i = 0; i < 9; i++) {
        const float *data = numbers(9, 4 * 6 * 4);
        nn_begin(c, NN_RUN);
        nn_tensor x = nn_input2d(c, 1, &rows, i == 2 ? 2 : 6, i == 0 || i == 4 ? 4 : 3, &data);
        if (i == 0)
            nn_grid_block_run(c, &block, x, "block");
        else if (i == 1)
            nn_grid_up_run(c, &up, x, nn_grid_new(c, x, 2, 11, 4), "up");
        else if (i == 2)
            nn_grid_pool(c, x);
        else if (i == 3)
            nn_copy_cols(c, x, nn_grid_new(c, x, 1, 6, 4), 2);
        else if (i == 4)
            nn_grid_up_run(c, &up, x, nn_grid_new(c, x, 2, 12, 4), "up");
        else
            nn_copy_rows(c, x, i == 5 ? 2 : 0, 3, nn_grid_new(c, x, 1, i == 7 ? 5 : 6, i == 8 ? 4 : 3), i == 6 ? 2 : 0);
        CHECK(nn_end(c, &err) == HSE_E_ARG && err.text[0], "case %d: %s", i, err.text);
    }
    nn_close(&c);
    nn_params_free(&params);
}
