#include "nn_test.h"

static int channels, layers, n_stacks, kernel[3], dilation[3];
static bool pairs;
static float alpha;
static struct {
    nn_conv1d_layer wide[3][3], near[3][3];
} net;

static void conv(nn_binder *b, nn_conv1d_layer *l, unsigned seed, int k, int d)
{
    nn_make_conv1d(b, l, channels, channels, k, d, numbers(seed, (size_t)(k * channels * channels)),
                   numbers(seed + 1, (size_t)channels));
}

static void build(nn_binder *b, void *model)
{
    (void)model;
    for (int i = 0; i < n_stacks; i++)
        for (int q = 0; q < layers; q++) {
            unsigned seed = 1000 + 10 * (unsigned)(3 * i + q);

            conv(b, &net.wide[i][q], seed, kernel[i], dilation[q]);
            conv(b, &net.near[i][q], seed + 5, kernel[i], 1);
        }
}

static nn_tensor forward(nn_ctx *c, const void *model, nn_tensor x)
{
    nn_res_stack s[3];

    (void)model;
    for (int i = 0; i < n_stacks; i++) {
        s[i] = (nn_res_stack){.n = layers};
        for (int q = 0; q < layers; q++)
            s[i].layer[q] = (nn_res_layer){&net.wide[i][q], pairs ? &net.near[i][q] : NULL};
    }
    return nn_res_stacks1d(c, n_stacks, s, 0.1f, alpha, x, nn_new(c, x, channels));
}

/* The same by single convolutions. */
static nn_tensor forward_plain(nn_ctx *c, nn_tensor x)
{
    nn_tensor sum = NN_NONE;

    for (int i = 0; i < n_stacks; i++) {
        nn_tensor y = x;
        for (int q = 0; q < layers; q++) {
            nn_tensor z = nn_conv1d(c, &net.wide[i][q], nn_leaky_relu(c, y, 0.1f));
            y = pairs ? nn_add(c, nn_conv1d(c, &net.near[i][q], nn_leaky_relu(c, z, 0.1f)), y) : nn_add(c, z, y);
        }
        sum = nn_add(c, sum, y);
    }
    return nn_scale(c, sum, alpha);
}

static double leaky(double v)
{
    return v < 0 ? v * (double)0.1f : v;
}

static void convolve(const double *x, int rows, int k, int d, unsigned seed, double *y)
{
    const float *w = numbers(seed, (size_t)(k * channels * channels)), *bias = numbers(seed + 1, (size_t)channels);

    for (int r = 0; r < rows; r++)
        for (int o = 0; o < channels; o++) {
            double sum = (double)bias[o];
            for (int t = 0; t < k; t++) {
                int rr = r + (t - k / 2) * d;
                for (int i = 0; i < channels && rr >= 0 && rr < rows; i++)
                    sum += leaky(x[rr * channels + i]) * (double)w[(o * channels + i) * k + t];
            }
            y[r * channels + o] = sum;
        }
}

static size_t reference(const float *x, int rows, double *out)
{
    size_t n = (size_t)(rows * channels);
    double *now = calloc(n + 1, sizeof *now), *wide = calloc(n + 1, sizeof *wide), *near = calloc(n + 1, sizeof *near);

    memset(out, 0, n * sizeof *out);
    for (int i = 0; i < n_stacks; i++) {
        for (size_t k = 0; k < n; k++)
            now[k] = (double)x[k];
        for (int q = 0; q < layers; q++) {
            unsigned seed = 1000 + 10 * (unsigned)(3 * i + q);
            convolve(now, rows, kernel[i], dilation[q], seed, wide);
            if (pairs)
                convolve(wide, rows, kernel[i], 1, seed + 5, near);
            for (size_t k = 0; k < n; k++)
                now[k] += pairs ? near[k] : wide[k];
        }
        for (size_t k = 0; k < n; k++)
            out[k] += (double)alpha * now[k];
    }
    free(now);
    free(wide);
    free(near);
    return n;
}

typedef struct {
    const char *name;
    int channels, stacks, layers, kernel[3], dilation[3];
    bool pairs;
    float alpha;
} shape;

static void use(const shape *s)
{
    channels = s->channels;
    n_stacks = s->stacks;
    layers = s->layers;
    pairs = s->pairs;
    alpha = s->alpha;
    memcpy(kernel, s->kernel, sizeof kernel);
    memcpy(dilation, s->dilation, sizeof dilation);
}

TEST(residual_stacks_agree_with_double)
{
    static const shape cases[] = {
        {"near", 12, 1, 1, {3}, {1}, true, 1},
        {"far", 16, 1, 1, {3}, {9}, true, 1},
        {"farther than the item", 12, 1, 1, {3}, {243}, true, 1},
        {"several panels", 70, 1, 1, {3}, {27}, true, 1},
        {"few channels", 5, 1, 1, {3}, {3}, true, 1},
        {"one convolution a layer", 9, 1, 2, {5}, {1, 3}, false, 1},
        {"a stack of three", 16, 1, 3, {7}, {1, 3, 5}, true, 1},
        {"the mean of three stacks", 8, 3, 3, {3, 7, 11}, {1, 3, 5}, true, 1 / 3.0f},
        {"the mean of two, one convolution a layer", 24, 2, 2, {3, 5}, {1, 3}, false, 0.5f},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        use(&cases[i]);
        check_case(&(nn_case){.name = cases[i].name,
                              .in = channels,
                              .build = build,
                              .forward = forward,
                              .reference = reference,
                              .db = {105, 32, 22},
                              .short_items = true},
                   &net);
    }
}

static void run_rows(nn_ctx *c, int rows, bool plain, float *out)
{
    const float *data = numbers(77, (size_t)rows * (size_t)channels);
    hse_error err = {0};

    nn_begin(c, NN_RUN);
    nn_tensor x = nn_input(c, 1, &rows, channels, &data);
    nn_read(c, plain ? forward_plain(c, x) : forward(c, NULL, x), 0, out, (size_t)rows * (size_t)channels);
    CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
}

/* Tiles with rows done twice, layer by layer or all at once, whatever the number of rows and threads chooses: the bits are
 * those of the convolutions one by one (a mean's alone differ in how it is added up, so the sum of one stack is compared). */
TEST(tiles_have_the_bits_of_the_convolutions)
{
    static const shape cases[] = {
        {"narrow", 16, 1, 3, {11}, {1, 3, 5}, true, 1},
        {"odd", 5, 1, 3, {7}, {1, 3, 5}, true, 1},
        {"wide", 96, 1, 3, {3}, {1, 3, 5}, true, 1},
        {"one convolution a layer", 32, 1, 2, {5}, {1, 3}, false, 1},
    };
    static const int rows[] = {1, 97, 700, 2600};
    static float want[2600 * 96], got[2600 * 96];
    unsigned masks[8];
    int n = all_masks(masks);

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int m = 0; m < n; m++)
            for (int type = K_F32; type <= K_BF16; type++) {
                const hse_kernels *k = hse_kernels_get(masks[m]);
                hse_error err = {0};
                nn_params *params = NULL;
                nn_binder *b = NULL;

                use(&cases[i]);
                CHECK(nn_binder_open(&b, &(nn_binder_options){.kernels = k, .type = (k_weight_type)type}, &err) == HSE_OK,
                      "%s", err.text);
                build(b, NULL);
                CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
                for (size_t r = 0; r < (masks[m] ? COUNT(rows) : COUNT(rows) - 1); r++)
                    for (int threads = 1; threads <= 3; threads++) {
                        hse_pool *pool = NULL;
                        nn_ctx *c = NULL;

                        CHECK(hse_pool_open(&pool, threads, &err) == HSE_OK &&
                                  nn_open(&c, &(nn_options){.kernels = k, .pool = pool, .poison = true}, &err) == HSE_OK,
                              "%s", err.text);
                        if (threads == 1)
                            run_rows(c, rows[r], true, want);
                        run_rows(c, rows[r], false, got);
                        CHECK(memcmp(want, got, (size_t)rows[r] * (size_t)channels * sizeof *got) == 0,
                              "%s, %s type %d, %d rows on %d threads: other bits", cases[i].name, k->name, type, rows[r],
                              threads);
                        nn_close(&c);
                        hse_pool_close(&pool);
                    }
                nn_params_free(&params);
            }
}

/* Rows [from, from + count) alone, whether the layer's two convolutions go hand in hand or (int8) one by one. */
TEST(some_rows_are_those_of_the_whole)
{
    static const shape cases[] = {
        {"near", 16, 1, 1, {3}, {1}, true, 1},
        {"far", 40, 1, 1, {3}, {81}, true, 1},
        {"one convolution", 16, 1, 1, {5}, {3}, false, 1},
        {"several layers", 16, 2, 2, {3, 5}, {1, 3}, true, 0.5f},
    };
    static const int parts[][2] = {{0, 1}, {0, 300}, {1, 299}, {100, 50}, {299, 1}, {37, 0}};
    enum { ROWS = 300 };
    static float all[ROWS * 40], got[ROWS * 40];
    unsigned masks[8];
    int n = all_masks(masks), rows = ROWS;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int m = 0; m < n; m++)
            for (int type = K_F32; type < K_WEIGHT_TYPES; type++) {
                const hse_kernels *k = hse_kernels_get(masks[m]);
                hse_error err = {0};
                nn_params *params = NULL;
                nn_binder *b = NULL;
                nn_ctx *c = NULL;

                use(&cases[i]);
                CHECK(nn_binder_open(&b, &(nn_binder_options){.kernels = k, .type = (k_weight_type)type}, &err) == HSE_OK, "%s", err.text);
                build(b, NULL);
                CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
                CHECK(nn_open(&c, &(nn_options){.kernels = k, .poison = true}, &err) == HSE_OK, "%s", err.text);
                run_rows(c, rows, false, all);
                for (size_t p = 0; p < COUNT(parts); p++) {
                    const float *data = numbers(77, (size_t)rows * (size_t)channels);
                    size_t from = (size_t)parts[p][0] * (size_t)channels, count = (size_t)parts[p][1] * (size_t)channels;
                    nn_res_stack s[3];

                    for (int t = 0; t < n_stacks; t++) {
                        s[t] = (nn_res_stack){.n = layers};
                        for (int q = 0; q < layers; q++)
                            s[t].layer[q] = (nn_res_layer){&net.wide[t][q], pairs ? &net.near[t][q] : NULL};
                    }
                    nn_begin(c, NN_RUN);
                    nn_tensor x = nn_input(c, 1, &rows, channels, &data), out = nn_new_rows(c, parts[p][1], channels);
                    nn_read(c, nn_res_stacks1d_rows(c, n_stacks, s, 0.1f, alpha, x, parts[p][0], out), 0, got, count);
                    CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
                    CHECK(memcmp(all + from, got, count * sizeof *got) == 0, "%s, %s type %d: %d rows from %d on have other bits",
                          cases[i].name, k->name, type, parts[p][1], parts[p][0]);
                    nn_begin(c, NN_RUN);
                    x = nn_input(c, 1, &rows, channels, &data);
                    nn_res_stacks1d_rows(c, n_stacks, s, 0.1f, alpha, x, rows - parts[p][1] + 1, nn_new_rows(c, parts[p][1], channels));
                    CHECK(nn_end(c, &err) == HSE_E_ARG, "rows beyond the last");
                }
                nn_close(&c);
                nn_params_free(&params);
            }
}

TEST(stacks_of_the_wrong_shape_are_refused)
{
    static const shape right = {"", 4, 1, 2, {3}, {1, 3}, true, 1};
    const float *data = numbers(5, 4 * 9);
    hse_error err = {0};
    nn_params *params = NULL;
    nn_binder *b = NULL;
    nn_ctx *c = NULL;
    int rows = 9;

    use(&right);
    CHECK(nn_binder_open(&b, &(nn_binder_options){.type = K_F32}, &err) == HSE_OK, "%s", err.text);
    build(b, NULL);
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
    CHECK(nn_open(&c, &(nn_options){0}, &err) == HSE_OK, "%s", err.text);
    for (int i = 0; i < 5; i++) {
        nn_res_stack s = {.n = i == 0 ? 0 : i == 1 ? NN_MAX_RES_LAYERS + 1 : 1, .layer = {{&net.wide[0][0], &net.near[0][0]}}};

        nn_begin(c, NN_RUN);
        nn_tensor x = nn_input(c, 1, &rows, 4, &data);
        nn_res_stacks1d(c, i == 2 ? 0 : 1, &s, 0.1f, 1, i == 3 ? nn_slice_cols(c, x, 0, 3) : x,
                        i == 4 ? x : nn_new(c, x, i == 3 ? 3 : 4));
        CHECK(nn_end(c, &err) == HSE_E_ARG && err.text[0], "case %d: %s", i, err.text);
    }
    nn_close(&c);
    nn_params_free(&params);
}
