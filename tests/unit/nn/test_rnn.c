/* LSTM and GRU against double loops: layers, directions, ragged batches, gate orders, states carried on. */
#include "nn_test.h"

static struct {
    int gates, in, hidden, layers, directions;
    const char *order;                                      /* NULL: torch's */
} s;

static nn_rnn_layer rnn;

static unsigned seed_of(int layer, int direction, int what)
{
    return 1000u + (unsigned)(layer * 100 + direction * 10 + what);
}

/* Small weights: a state that saturates hides mistakes. */
static float *small(unsigned seed, size_t n, float scale)
{
    const float *from = numbers(seed, n);
    float *p = malloc(n * sizeof *p);

    for (size_t i = 0; i < n; i++)
        p[i] = from[i] * scale;
    return p;
}

/* Rows of a tensor in torch's gate order moved to another: order "iofc" has the output gate second. */
static void permute(float *w, const char *torch, const char *order, int hidden, int width)
{
    size_t block = (size_t)hidden * (size_t)width;
    float *copy = malloc(strlen(order) * block * sizeof *copy);

    for (size_t g = 0; order[g]; g++) {
        char want = order[g] == 'c' ? 'g' : order[g];
        memcpy(copy + g * block, w + (size_t)(strchr(torch, want) - torch) * block, block * sizeof *w);
    }
    memcpy(w, copy, strlen(order) * block * sizeof *w);
    free(copy);
}

static void build_rnn(nn_binder *b, void *model)
{
    nn_rnn_layer *l = model;
    const char *torch = s.gates == 4 ? "ifgo" : "rzn";
    int n = s.gates * s.hidden;

    nn_make_rnn(b, l, s.gates, s.in, s.hidden, s.layers, s.directions);
    for (int i = 0; i < s.layers; i++)
        for (int d = 0; d < s.directions; d++) {
            int in = i == 0 ? s.in : s.hidden * s.directions;
            float *p[4] = {small(seed_of(i, d, 0), (size_t)(n * in), 0.3f),
                           small(seed_of(i, d, 1), (size_t)(n * s.hidden), 0.2f),
                           small(seed_of(i, d, 2), (size_t)n, 0.5f), small(seed_of(i, d, 3), (size_t)n, 0.5f)};
            int width[4] = {in, s.hidden, 1, 1};
            for (int k = 0; k < 4 && s.order; k++)
                permute(p[k], torch, s.order, s.hidden, width[k]);
            nn_make_rnn_cell(b, l, i, d, s.order ? s.order : torch, p[0], p[1], p[2], p[3]);
            for (int k = 0; k < 4; k++)
                free(p[k]);
        }
}

static nn_tensor forward_rnn(nn_ctx *c, const void *model, nn_tensor x)
{
    return s.gates == 4 ? nn_lstm(c, model, x, NULL) : nn_gru(c, model, x, NULL);
}

static double sigmoid(double v)
{
    return 1 / (1 + exp(-v));
}

static void cell_step(const float *w, const float *u, const float *bw, const float *bu, int in, const double *x,
                      double *h, double *c)
{
    double *a = malloc((size_t)(s.gates * s.hidden) * 2 * sizeof *a), *b = a + s.gates * s.hidden;

    for (int j = 0; j < s.gates * s.hidden; j++) {
        a[j] = bw[j];
        b[j] = bu[j];
        for (int i = 0; i < in; i++)
            a[j] += w[j * in + i] * x[i];
        for (int i = 0; i < s.hidden; i++)
            b[j] += u[j * s.hidden + i] * h[i];
    }
    for (int j = 0, n = s.hidden; j < n; j++)
        if (s.gates == 4) {
            double i = sigmoid(a[j] + b[j]), f = sigmoid(a[n + j] + b[n + j]), g = tanh(a[2 * n + j] + b[2 * n + j]);
            c[j] = f * c[j] + i * g;
            h[j] = sigmoid(a[3 * n + j] + b[3 * n + j]) * tanh(c[j]);
        } else {
            double r = sigmoid(a[j] + b[j]), z = sigmoid(a[n + j] + b[n + j]),
                   v = tanh(a[2 * n + j] + r * b[2 * n + j]);
            h[j] = (1 - z) * v + z * h[j];
        }
    free(a);
}

static size_t reference_rnn(const float *x, int rows, double *out)
{
    int width = s.hidden * s.directions, n = s.gates * s.hidden;
    double *in = malloc((size_t)(rows * (s.in > width ? s.in : width) + 1) * sizeof *in);

    for (int i = 0; i < rows * s.in; i++)
        in[i] = x[i];
    for (int l = 0; l < s.layers; l++) {
        int cols = l == 0 ? s.in : width;
        for (int d = 0; d < s.directions; d++) {
            float *w = small(seed_of(l, d, 0), (size_t)(n * cols), 0.3f),
                  *u = small(seed_of(l, d, 1), (size_t)(n * s.hidden), 0.2f),
                  *bw = small(seed_of(l, d, 2), (size_t)n, 0.5f), *bu = small(seed_of(l, d, 3), (size_t)n, 0.5f);
            double *h = calloc((size_t)s.hidden * 2, sizeof *h);
            for (int t = 0; t < rows; t++) {
                int row = d == 0 ? t : rows - 1 - t;
                cell_step(w, u, bw, bu, cols, in + row * cols, h, h + s.hidden);
                memcpy(out + row * width + d * s.hidden, h, (size_t)s.hidden * sizeof *h);
            }
            free(w), free(u), free(bw), free(bu), free(h);
        }
        memcpy(in, out, (size_t)(rows * width) * sizeof *in);
    }
    free(in);
    return (size_t)(rows * width);
}

TEST(recurrent_layers_agree_with_double)
{
    static const struct { const char *name; int gates, in, hidden, layers, directions; const char *order; } cases[] = {
        {"lstm",                    4, 20,  16, 1, 1, NULL},
        {"lstm, 3 layers",          4, 20,  33, 3, 1, NULL},
        {"lstm, both ways",         4, 10, 100, 1, 2, NULL},
        {"lstm, 2 layers both ways", 4, 7,  65, 2, 2, NULL},
        {"lstm, onnx gate order",   4, 20,  70, 1, 1, "iofc"},
        {"gru",                     3, 20,  16, 1, 1, NULL},
        {"gru, both ways",          3, 12, 130, 1, 2, NULL},
        {"gru, 2 layers both ways", 3, 12,  64, 2, 2, NULL},
        {"gru, onnx gate order",    3, 12,  40, 1, 1, "zrn"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        s.gates = cases[i].gates;
        s.in = cases[i].in;
        s.hidden = cases[i].hidden;
        s.layers = cases[i].layers;
        s.directions = cases[i].directions;
        s.order = cases[i].order;
        check_case(&(nn_case){.name = cases[i].name,
                              .in = s.in,
                              .build = build_rnn,
                              .forward = forward_rnn,
                              .reference = reference_rnn,
                              .db = {100, 35, 25},
                              .short_items = true},
                   &rnn);
    }
}

/* Wide enough that the threads share every step. */
TEST(wide_recurrent_layers_give_the_same_bits_on_any_thread_count)
{
    enum { ROWS = 12, IN = 16, HIDDEN = 448, COLS = HIDDEN };
    nn_rnn_layer l;
    hse_error err = {0};
    const float *x = numbers(50, ROWS * 2 * IN), *parts[2] = {x, x + ROWS * IN};
    static float want[2][ROWS * COLS], got[2][ROWS * COLS];

    for (int type = 0; type < K_WEIGHT_TYPES; type++)
        for (int gates = 3; gates <= 4; gates++) {
            nn_binder *b = NULL;
            nn_params *params = NULL;
            s.gates = gates;
            s.in = IN;
            s.hidden = HIDDEN;
            s.layers = s.directions = 1;
            s.order = NULL;
            assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.type = (k_weight_type)type}, &err), HSE_OK);
            build_rnn(b, &l);
            assert_int_equal(nn_binder_close(&b, &params, &err), HSE_OK);
            for (int threads = 1; threads <= 5; threads++) {
                hse_pool *pool = NULL;
                nn_ctx *c = NULL;
                assert_int_equal(hse_pool_open(&pool, threads, &err), HSE_OK);
                assert_int_equal(nn_open(&c, &(nn_options){.pool = pool, .poison = true}, &err), HSE_OK);
                nn_begin(c, NN_RUN);
                nn_tensor y = forward_rnn(c, &l, nn_input(c, 2, (int[]){ROWS, ROWS - 5}, IN, parts));
                nn_read(c, y, 0, got[0], ROWS * COLS);
                nn_read(c, y, 1, got[1], (ROWS - 5) * COLS);
                CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
                if (threads == 1)
                    memcpy(want, got, sizeof want);
                CHECK(memcmp(want, got, sizeof want) == 0, "type %d gates %d: other bits on %d threads", type, gates,
                      threads);
                nn_close(&c);
                hse_pool_close(&pool);
            }
            nn_params_free(&params);
        }
}

/* A run in pieces that hands its state on has the bits of the whole, also when the items of a batch stop at other
 * places. */
TEST(a_state_carries_on_where_a_run_stopped)
{
    enum { ROWS = 20, IN = 9, HIDDEN = 40, LAYERS = 2, CUT = 7 };
    nn_rnn_layer l;
    hse_error err = {0};
    nn_ctx *c = NULL;
    const float *x = numbers(60, ROWS * 2 * IN);
    static float whole[2][ROWS * HIDDEN], piece[2][ROWS * HIDDEN], kept[4][2][LAYERS * HIDDEN];

    s.in = IN;
    s.hidden = HIDDEN;
    s.layers = LAYERS;
    s.directions = 1;
    s.order = NULL;
    for (s.gates = 3; s.gates <= 4; s.gates++) {
        nn_binder *b = NULL;
        nn_params *params = NULL;
        assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.type = K_F32}, &err), HSE_OK);
        build_rnn(b, &l);
        assert_int_equal(nn_binder_close(&b, &params, &err), HSE_OK);
        assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
        const int rows[2] = {ROWS, ROWS - 4}, first[2] = {CUT, CUT + 2}, rest[2] = {ROWS - CUT, ROWS - 4 - CUT - 2},
                  one[2] = {1, 1};
        const float *all[2] = {x, x + ROWS * IN}, *tail[2] = {x + CUT * IN, x + ROWS * IN + (CUT + 2) * IN};
        nn_state end[2] = {{.h = NN_NONE}, {.h = NN_NONE}};
        nn_begin(c, NN_RUN);
        nn_tensor y = s.gates == 4 ? nn_lstm(c, &l, nn_input(c, 2, rows, IN, all), &end[0])
                                   : nn_gru(c, &l, nn_input(c, 2, rows, IN, all), &end[0]);
        nn_tensor z = s.gates == 4 ? nn_lstm(c, &l, nn_input(c, 2, first, IN, all), &end[1])
                                   : nn_gru(c, &l, nn_input(c, 2, first, IN, all), &end[1]);
        for (int i = 0; i < 2; i++) {
            nn_read(c, y, i, whole[i], (size_t)(rows[i] * HIDDEN));
            nn_read(c, z, i, piece[i], (size_t)(first[i] * HIDDEN));
            nn_read(c, end[0].h, i, kept[0][i], LAYERS * HIDDEN);
            nn_read(c, end[1].h, i, kept[1][i], LAYERS * HIDDEN);
            if (s.gates == 4)
                nn_read(c, end[1].c, i, kept[2][i], LAYERS * HIDDEN);
        }
        CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
        nn_begin(c, NN_RUN);
        const float *h[2] = {kept[1][0], kept[1][1]}, *cells[2] = {kept[2][0], kept[2][1]};
        nn_state go = {.h = nn_input(c, 2, one, LAYERS * HIDDEN, h),
                       .c = s.gates == 4 ? nn_input(c, 2, one, LAYERS * HIDDEN, cells) : NN_NONE};
        nn_tensor w = s.gates == 4 ? nn_lstm(c, &l, nn_input(c, 2, rest, IN, tail), &go)
                                   : nn_gru(c, &l, nn_input(c, 2, rest, IN, tail), &go);
        for (int i = 0; i < 2; i++) {
            nn_read(c, w, i, piece[i] + first[i] * HIDDEN, (size_t)(rest[i] * HIDDEN));
            nn_read(c, go.h, i, kept[3][i], LAYERS * HIDDEN);
        }
        CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
        for (int i = 0; i < 2; i++) {
            CHECK(memcmp(whole[i], piece[i], (size_t)(rows[i] * HIDDEN) * sizeof(float)) == 0,
                  "gates %d item %d: other bits", s.gates, i);
            CHECK(memcmp(kept[0][i], kept[3][i], sizeof kept[0][i]) == 0, "gates %d item %d: another final state",
                  s.gates, i);
            CHECK(memcmp(kept[0][i] + HIDDEN, whole[i] + (rows[i] - 1) * HIDDEN, HIDDEN * sizeof(float)) == 0,
                  "state of item %d", i);
        }
        nn_begin(c, NN_RUN);
        nn_state wrong = {.h = nn_input(c, 2, one, HIDDEN, h)};
        (void)(s.gates == 4 ? nn_lstm(c, &l, nn_input(c, 2, rest, IN, tail), &wrong)
                            : nn_gru(c, &l, nn_input(c, 2, rest, IN, tail), &wrong));
        CHECK(nn_end(c, &err) == HSE_E_ARG, "a state of one layer for two");
        nn_close(&c);
        nn_params_free(&params);
    }
}

TEST(a_gathered_lstm_has_the_bits_of_gather_and_lstm)
{
    enum { IN = 9, HIDDEN = 70, ROWS = 5, FRAMES = 13 };
    nn_rnn_layer l;
    hse_error err = {0};
    nn_ctx *c = NULL;
    const float *x = numbers(61, ROWS * 2 * IN), *parts[2] = {x, x + ROWS * IN};
    const int rows[2] = {ROWS, ROWS - 1}, counts[2] = {FRAMES - 4, FRAMES};
    int index[2 * FRAMES];
    static float want[2][FRAMES * 2 * HIDDEN], got[2][FRAMES * 2 * HIDDEN];

    s.in = IN;
    s.hidden = HIDDEN;
    s.layers = s.directions = 2;
    s.order = NULL;
    s.gates = 4;
    for (int type = 0; type < K_WEIGHT_TYPES; type++)
        for (int items = 1; items <= 2; items++) {
            nn_binder *b = NULL;
            nn_params *params = NULL;
            nn_state end[2] = {{.h = NN_NONE}, {.h = NN_NONE}};
            float state_a[4 * HIDDEN], state_b[4 * HIDDEN];
            assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.type = (k_weight_type)type}, &err), HSE_OK);
            build_rnn(b, &l);
            assert_int_equal(nn_binder_close(&b, &params, &err), HSE_OK);
            assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
            for (int i = 0, at = 0; i < items; i++)
                for (int r = 0; r < counts[i]; r++)
                    index[at++] = (i ? rows[0] : 0) + r % rows[i];
            nn_begin(c, NN_RUN);
            nn_tensor t = nn_leaky_relu(c, nn_input(c, items, rows, IN, parts), 0.1f);
            nn_tensor y = nn_lstm(c, &l, nn_gather_rows(c, t, items, counts, index), &end[0]);
            nn_tensor z = nn_lstm_gathered(c, &l, t, counts, index, &end[1]);
            for (int i = 0; i < items; i++) {
                size_t n = (size_t)counts[i] * 2 * HIDDEN;
                nn_read(c, y, i, want[i], n);
                nn_read(c, z, i, got[i], n);
                nn_read(c, end[0].c, i, state_a, 4 * HIDDEN);
                nn_read(c, end[1].c, i, state_b, 4 * HIDDEN);
                CHECK(memcmp(want[i], got[i], n * sizeof(float)) == 0, "type %d, item %d of %d: other bits", type, i,
                      items);
                CHECK(memcmp(state_a, state_b, sizeof state_a) == 0, "type %d, item %d of %d: another state", type, i,
                      items);
            }
            CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
            index[1] = -1;
            nn_begin(c, NN_PLAN);
            nn_lstm_gathered(c, &l, nn_input(c, items, rows, IN, NULL), counts, index, NULL);
            CHECK(nn_end(c, &err) == HSE_E_ARG && strstr(err.text, "row -1 of"), "%s", err.text);
            nn_close(&c);
            nn_params_free(&params);
        }
}
