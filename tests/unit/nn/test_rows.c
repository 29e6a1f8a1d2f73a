/* Everything without packed weights: element by element, rows and columns, norms, attention. */
#include "nn_test.h"

static nn_norm norm;
enum { COLS = 24 };

static void build_nothing(nn_binder *b, void *model)
{
    (void)b;
    (void)model;
}

static void check(const char *name, int in, int width, void (*build)(nn_binder *, void *),
                  nn_tensor (*forward)(nn_ctx *, const void *, nn_tensor),
                  size_t (*reference)(const float *, int, double *), bool short_items)
{
    check_case(&(nn_case){.name = name,
                          .in = in,
                          .width = width,
                          .build = build ? build : build_nothing,
                          .forward = forward,
                          .reference = reference,
                          .db = {100, 0, 0},
                          .short_items = short_items},
               &norm);
}

/* ---- element by element: one network that goes through all of them ---- */

static nn_tensor forward_elements(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    nn_tensor sum = NN_NONE;
    nn_tensor parts[] = {nn_relu(c, x),
                         nn_leaky_relu(c, nn_relu(c, nn_scale(c, x, -1)), 0.1f),
                         nn_tanh(c, x),
                         nn_sigmoid(c, x),
                         nn_gelu(c, x),
                         nn_silu(c, x),
                         nn_scale_shift(c, x, 2, 1),
                         nn_max(c, x, nn_scale(c, x, -0.5f)),
                         nn_mul(c, x, nn_leaky_relu(c, x, 0.2f)),
                         nn_act(c, x, K_NONE, 0)};
    for (size_t i = 0; i < COUNT(parts); i++)
        sum = nn_add(c, sum, parts[i]);
    return nn_concat(c, 3, (nn_tensor[]){sum, nn_leaky_relu(c, x, 0.5f), nn_slice_cols(c, sum, 3, 5)});
}

static size_t reference_elements(const float *x, int rows, double *out)
{
    for (int r = 0; r < rows; r++) {
        double *to = out + r * (2 * COLS + 5);
        for (int i = 0; i < COLS; i++) {
            double v = x[r * COLS + i], pos = v > 0 ? v : 0, neg = v < 0 ? -v : 0, lo = -0.5 * v;
            to[i] = pos + neg + tanh(v) + 1 / (1 + exp(-v)) + v * 0.5 * (1 + erf(v / sqrt(2))) + v / (1 + exp(-v)) +
                    2 * v + 1 + (v > lo ? v : lo) + v * (v < 0 ? v * 0.2f : v) + v;
            to[COLS + i] = v < 0 ? v * 0.5 : v;
        }
        memcpy(to + 2 * COLS, to + 3, 5 * sizeof *to);
    }
    return (size_t)(rows * (2 * COLS + 5));
}

TEST(elements_agree_with_double)
{
    check("elements", COLS, 1, NULL, forward_elements, reference_elements, true);
}

/* ---- rows ---- */

static nn_tensor forward_rows(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    int counts[256], from[MAX_ITEMS], count[MAX_ITEMS], n = 0;

    x = nn_pad_rows(c, x, 2, 1, NN_CONSTANT, 3.0f);
    for (int i = 0; i < nn_items(x); i++) {
        int rows = nn_rows(c, x, i);
        for (int r = 0; r < rows; r++)
            counts[n++] = r % 3;                            /* depends on the place in the item only */
        from[i] = 1;
        count[i] = -1;                                      /* after the repetition: all but the first and last */
    }
    x = nn_repeat_rows(c, nn_relu(c, x), counts);
    for (int i = 0; i < nn_items(x); i++)
        count[i] = nn_rows(c, x, i) - 2;
    return nn_max_pool2(c, nn_slice_rows(c, x, from, count));
}

static size_t reference_rows(const float *x, int rows, double *out)
{
    static double all[512][COLS];
    int n = 0, done = 0;

    for (int r = 0; r < rows + 3; r++)
        for (int k = 0; k < r % 3; k++, n++)
            for (int i = 0; i < COLS; i++) {
                double v = r < 2 || r >= rows + 2 ? 3 : x[(r - 2) * COLS + i];
                all[n][i] = v > 0 ? v : 0;
            }
    for (int r = 1; r < n - 1; r++, done++)
        for (int i = 0; i < COLS; i++)
            out[done * COLS + i] = r > 1 && all[r - 1][i] > all[r][i] ? all[r - 1][i] : all[r][i];
    return (size_t)(done * COLS);
}

TEST(rows_move_as_told)
{
    check("rows", COLS, 1, NULL, forward_rows, reference_rows, true);
}

static nn_tensor forward_vectors(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    nn_tensor mean = nn_mean_rows(c, nn_relu(c, x));
    nn_tensor unit = nn_l2_normalise(c, nn_add_vector(c, x, mean), 1e-6f);
    return nn_magnitude(c, nn_softmax(c, nn_append_vector(c, unit, nn_slice_cols(c, mean, 2, 6))));
}

static size_t reference_vectors(const float *x, int rows, double *out)
{
    double mean[COLS] = {0}, v[COLS + 6];
    int half = (COLS + 6) / 2;

    for (int r = 0; r < rows; r++)
        for (int i = 0; i < COLS; i++)
            mean[i] += (x[r * COLS + i] > 0 ? x[r * COLS + i] : 0) / (double)rows;
    for (int r = 0; r < rows; r++) {
        double size = 0, sum = 0;
        for (int i = 0; i < COLS; i++) {
            v[i] = x[r * COLS + i] + mean[i];
            size += v[i] * v[i];
        }
        for (int i = 0; i < COLS; i++)
            v[i] /= sqrt(size);
        memcpy(v + COLS, mean + 2, 6 * sizeof *v);
        for (int i = 0; i < COLS + 6; i++)
            sum += v[i] = exp(v[i]);
        for (int i = 0; i < half; i++)
            out[r * half + i] = sqrt(v[i] * v[i] + v[half + i] * v[half + i]) / sum;
    }
    return (size_t)(rows * half);
}

TEST(vectors_per_item_agree_with_double)
{
    check("vectors", COLS, 1, NULL, forward_vectors, reference_vectors, false);
}

static nn_tensor forward_reshape(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    return nn_reshape(c, nn_softmax(c, nn_reshape(c, nn_relu(c, x), 1, 12)), 3, 8);
}

static size_t reference_reshape(const float *x, int rows, double *out)
{
    for (int r = 0; r < rows * 2; r++) {
        double sum = 0;
        for (int i = 0; i < 12; i++)
            sum += out[r * 12 + i] = exp(x[r * 12 + i] > 0 ? x[r * 12 + i] : 0);
        for (int i = 0; i < 12; i++)
            out[r * 12 + i] /= sum;
    }
    return (size_t)(rows * COLS);
}

TEST(a_reshape_keeps_the_numbers)
{
    check("reshape", 8, 3, NULL, forward_reshape, reference_reshape, true);
}

/* ---- norms ---- */

static void build_norm(nn_binder *b, void *model)
{
    nn_make_norm(b, model, COLS, 1e-5f, numbers(30, COLS), numbers(31, COLS));
}

static nn_tensor forward_layer_norm(nn_ctx *c, const void *model, nn_tensor x)
{
    return nn_layer_norm(c, model, nn_batch_norm(c, model, nn_relu(c, x)));
}

static double normed(const float *x, int i)
{
    const float *g = numbers(30, COLS), *b = numbers(31, COLS);
    double v = (x[i] > 0 ? x[i] : 0) * (double)g[i] + b[i];

    return v;
}

static size_t reference_layer_norm(const float *x, int rows, double *out)
{
    const float *g = numbers(30, COLS), *b = numbers(31, COLS);

    for (int r = 0; r < rows; r++) {
        double mean = 0, squares = 0, v[COLS];
        for (int i = 0; i < COLS; i++)
            mean += (v[i] = normed(x + r * COLS, i)) / COLS;
        for (int i = 0; i < COLS; i++)
            squares += (v[i] - mean) * (v[i] - mean) / COLS;
        for (int i = 0; i < COLS; i++)
            out[r * COLS + i] = (v[i] - mean) / sqrt(squares + 1e-5) * g[i] + b[i];
    }
    return (size_t)(rows * COLS);
}

TEST(layer_and_batch_norm_agree_with_double)
{
    check("layer norm", COLS, 1, build_norm, forward_layer_norm, reference_layer_norm, true);
}

static int groups;

static nn_tensor forward_group_norm(nn_ctx *c, const void *model, nn_tensor x)
{
    return groups == COLS ? nn_instance_norm(c, model, x) : nn_group_norm(c, model, x, groups);
}

static size_t reference_group_norm(const float *x, int rows, double *out)
{
    const float *g = numbers(30, COLS), *b = numbers(31, COLS);
    int each = COLS / groups, positions = rows * 2;

    for (int k = 0; k < groups; k++) {
        double mean = 0, squares = 0, n = positions * each;
        for (int p = 0; p < positions; p++)
            for (int i = k * each; i < (k + 1) * each; i++)
                mean += x[p * COLS + i] / n;
        for (int p = 0; p < positions; p++)
            for (int i = k * each; i < (k + 1) * each; i++)
                squares += (x[p * COLS + i] - mean) * (x[p * COLS + i] - mean) / n;
        for (int p = 0; p < positions; p++)
            for (int i = k * each; i < (k + 1) * each; i++)
                out[p * COLS + i] = (x[p * COLS + i] - mean) / sqrt(squares + 1e-5) * g[i] + b[i];
    }
    return (size_t)(positions * COLS);
}

TEST(group_and_instance_norm_agree_with_double)
{
    for (groups = 1; groups <= COLS; groups *= groups < 4 ? 2 : 6)
        check("group norm", COLS, 2, build_norm, forward_group_norm, reference_group_norm, true);
}

/* ---- attention ---- */

static struct {
    bool causal;
    int  window, heads;
} a;

static nn_tensor forward_attention(nn_ctx *c, const void *model, nn_tensor x)
{
    (void)model;
    static const float *rel_k, *rel_v;

    if (!rel_k) {
        rel_k = numbers(40, 9 * 8);
        rel_v = numbers(41, 9 * 8);
    }
    return nn_attention_with(c, nn_slice_cols(c, x, 0, 8), nn_slice_cols(c, x, 8, 8), nn_slice_cols(c, x, 16, 8),
                             &(nn_attention_options){.heads = a.heads,
                                                     .causal = a.causal,
                                                     .window = a.window,
                                                     .rel_k = a.window ? rel_k : NULL,
                                                     .rel_v = a.window ? rel_v : NULL});
}

static size_t reference_attention(const float *x, int rows, double *out)
{
    const float *rel_k = numbers(40, 9 * 8), *rel_v = numbers(41, 9 * 8);
    int w = 8 / a.heads;

    for (int h = 0; h < a.heads; h++)
        for (int i = 0; i < rows; i++) {
            double p[64], sum = 0;
            int n = a.causal ? i + 1 : rows;
            for (int k = 0; k < n; k++) {
                int d = k - i + a.window;
                p[k] = 0;
                for (int m = 0; m < w; m++) {
                    double key = x[k * COLS + 8 + h * w + m];
                    if (a.window && d >= 0 && d <= 2 * a.window)
                        key += rel_k[d * w + m];
                    p[k] += x[i * COLS + h * w + m] * key / sqrt(w);
                }
                sum += p[k] = exp(p[k]);
            }
            for (int m = 0; m < w; m++) {
                double v = 0;
                for (int k = 0; k < n; k++) {
                    int d = k - i + a.window;
                    double value = x[k * COLS + 16 + h * w + m];
                    if (a.window && d >= 0 && d <= 2 * a.window)
                        value += rel_v[d * w + m];
                    v += p[k] / sum * value;
                }
                out[i * 8 + h * w + m] = v;
            }
        }
    return (size_t)(rows * 8);
}

TEST(attention_agrees_with_double)
{
    static const struct { const char *name; bool causal; int window, heads;
    } cases[] = {
        {"attention", false, 0, 2},          {"one head", false, 0, 1},           {"causal", true, 0, 4},
        {"relative, window 4", false, 4, 2}, {"relative, window 1", false, 1, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        a.causal = cases[i].causal;
        a.window = cases[i].window;
        a.heads = cases[i].heads;
        check(cases[i].name, COLS, 1, NULL, forward_attention, reference_attention, true);
    }
}

/* Two queries on seven keys see what the last two of seven queries see; without a mask, other lengths attend across. */
TEST(attention_over_other_keys)
{
    const float *x = numbers(45, 7 * COLS), *last = x + 5 * COLS;
    float want[7 * 8], got[2 * 8];
    nn_ctx *c = NULL;
    hse_error err = {0};

    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    for (int causal = 0; causal < 2; causal++) {
        nn_attention_options o = {.heads = 2, .causal = causal == 1};
        nn_begin(c, NN_RUN);
        nn_tensor all = nn_input(c, 1, (int[]){7}, COLS, &x), some = nn_input(c, 1, (int[]){2}, COLS, &last);
        nn_tensor k = nn_slice_cols(c, all, 8, 8), v = nn_slice_cols(c, all, 16, 8);
        nn_read(c, nn_attention_with(c, nn_slice_cols(c, all, 0, 8), k, v, &o), 0, want, 7 * 8);
        nn_read(c, nn_attention_with(c, nn_slice_cols(c, some, 0, 8), k, v, &o), 0, got, 2 * 8);
        CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
        CHECK(memcmp(want + 5 * 8, got, sizeof got) == 0, "causal %d", causal);
    }
    nn_begin(c, NN_RUN);
    nn_tensor t = nn_input(c, 1, (int[]){7}, COLS, &x);
    CHECK(nn_attention(c, t, t, t, 5).items == 0 && nn_end(c, &err) == HSE_E_ARG, "24 columns in 5 heads");
    nn_close(&c);
}
