/* The context: first error wins, plan, run and tap, memory, cancelling, allocations that fail. */
#include "nn_test.h"

#include "base/clock.h"

enum { IN = 12, HIDDEN = 40, ROWS = 9 };

typedef struct {                                            /* a little of everything that takes memory */
    nn_conv1d_layer           conv;
    nn_conv_transpose1d_layer up;
    nn_conv2d_layer           plane;
    nn_rnn_layer              lstm;
    nn_linear_layer           out;
    nn_norm                   norm;
    nn_params                *params;
} model;

static void build(nn_binder *b, model *m)
{
    nn_make_conv1d(b, &m->conv, IN, HIDDEN, 5, 2, numbers(1, IN * HIDDEN * 5), numbers(2, HIDDEN));
    nn_make_conv_transpose1d(b, &m->up, HIDDEN, HIDDEN, 4, 2, numbers(3, HIDDEN * HIDDEN * 4), NULL);
    nn_make_conv2d(b, &m->plane, 4, 4, 3, 3, numbers(4, 4 * 4 * 9), NULL);
    nn_make_rnn(b, &m->lstm, 4, HIDDEN, HIDDEN, 2, 2);
    for (int l = 0; l < 2; l++)
        for (int d = 0; d < 2; d++)
            nn_make_rnn_cell(b, &m->lstm, l, d, "ifgo", numbers(5, 4 * HIDDEN * HIDDEN * 2),
                             numbers(6, 4 * HIDDEN * HIDDEN), NULL, NULL);
    nn_make_linear(b, &m->out, 2 * HIDDEN, IN, numbers(7, 2 * HIDDEN * IN), NULL);
    nn_make_norm(b, &m->norm, HIDDEN, 1e-5f, numbers(8, HIDDEN), numbers(9, HIDDEN));
}

static void make(model *m, k_weight_type type)
{
    nn_binder *b = NULL;
    hse_error err = {0};

    assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.type = type}, &err), HSE_OK);
    build(b, m);
    CHECK(nn_binder_close(&b, &m->params, &err) == HSE_OK, "%s", err.text);
}

static nn_tensor forward(nn_ctx *c, const model *m, nn_tensor x)
{
    nn_mark_t mark = nn_mark(c);
    nn_tensor y = nn_conv1d_then(c, &m->conv, x, (nn_then){.act = K_TANH, .norm = &m->norm});
    nn_state state = {.h = NN_NONE};

    nn_tap(c, y, "conv");
    y = nn_conv_transpose1d(c, &m->up, nn_leaky_relu(c, y, 0.1f));
    y = nn_reshape(c, nn_conv2d(c, &m->plane, nn_reshape(c, y, HIDDEN / 4, 4)), 1, HIDDEN);
    y = nn_keep(c, mark, nn_attention(c, y, y, y, 4));
    nn_tap(c, nn_relu(c, nn_slice_cols(c, y, 3, 7)), "slice of %s", "attention");
    y = nn_layer_norm(c, &m->norm, y);
    return nn_linear(c, &m->out, nn_lstm(c, &m->lstm, y, &state));
}

static hse_status run(nn_ctx *c, const model *m, int rows, float *out, hse_error *err)
{
    const float *x = numbers(10, (size_t)rows * IN), *parts[2] = {x, x};

    nn_begin(c, NN_RUN);
    nn_tensor y = forward(c, m, nn_input(c, 2, (int[]){rows, rows - 2}, IN, parts));
    nn_read(c, y, 0, out, (size_t)(rows * 2 * IN));
    return nn_end(c, err);
}

TEST(the_first_error_wins_and_names_its_place)
{
    model m;
    nn_ctx *c = NULL;
    hse_error err = {0};
    const float *x = numbers(10, ROWS * IN);
    float out[8] = {1, 2, 3};

    make(&m, K_F32);
    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    nn_begin(c, NN_RUN);
    nn_tensor t = nn_input(c, 1, (int[]){ROWS}, IN, &x);
    nn_tensor y = nn_linear(c, &m.out, t);                  /* takes 80 columns, not 12 */
    CHECK(nn_items(y) == 0 && !nn_ok(c), "an error gives no tensor");
    nn_error(c, HSE_E_FORMAT, "a later one");
    nn_read(c, nn_conv1d(c, &m.conv, t), 0, out, 3);
    CHECK(nn_end(c, &err) == HSE_E_ARG && strstr(err.text, "linear: the input has 12 columns, the layer takes 80"),
          "%s", err.text);
    CHECK(out[0] == 1 && out[2] == 3, "nothing is written after an error");
    static const struct { const char *name; int what;
    } cases[] = {
        {"conv1d: the input is missing", 0},
        {"read: item 0 has 108 numbers, 5 are wanted", 1},
        {"read: item 1 of 1", 2},
        {"slice_cols: 5 columns from 8 on of 12", 3},
        {"add: 1 items of 9 rows x 12 and 1 items of 9 rows x 5", 4},
        {"input: item 0 has -1 rows", 5},
        {"input: 0 items", 6},
        {"embedding: id 7 at place 1, the table has 7", 7},
        {"reshape: an item's 9 rows of 12 numbers do not make rows of 7", 8},
        {"repeat_rows: row 2 -4 times", 9},
        {"gather_rows: row 9 of 9", 10},
        {"slice_rows: 3 rows from 7 on of an item of 9", 11},
        {"keep: the input is missing", 12},
        {"concat: part 1 has other rows", 13},
        {"mean_rows: item 0 has no rows", 14},
        {"append_vector: the vector has 1 items with 9", 15},
        {"magnitude: 5 columns are not pairs", 16},
        {"recurrent layer: the input has 12 columns, the layer takes 40", 17},
        {"linear: the residual has another shape", 18},
        {"linear: the tensor to write into has another shape", 19},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static const float table[7 * 2];
        const nn_table e = {.table = table, .count = 7, .cols = 2};
        const int32_t ids[2] = {6, 7}, *id = ids;
        const int counts[ROWS] = {1, 1, -4}, nine[1] = {9};
        const nn_linear_layer l = {.w = {.n = 3, .k = 12}};
        nn_begin(c, NN_PLAN);
        t = nn_input(c, 1, (int[]){ROWS}, IN, NULL);
        nn_tensor empty = nn_input(c, 1, (int[]){0}, IN, NULL), five = nn_slice_cols(c, t, 0, 5);
        switch (cases[i].what) {
        case 0: nn_conv1d(c, &m.conv, NN_NONE); break;
        case 1: nn_read(c, t, 0, out, 5); break;
        case 2: nn_read(c, t, 1, out, 5); break;
        case 3: nn_slice_cols(c, t, 8, 5); break;
        case 4: nn_add(c, t, five); break;
        case 5: nn_input(c, 1, (int[]){-1}, IN, NULL); break;
        case 6: nn_input(c, 0, NULL, IN, NULL); break;
        case 7: nn_embedding(c, &e, 1, (int[]){2}, &id); break;
        case 8: nn_reshape(c, t, 1, 7); break;
        case 9: nn_repeat_rows(c, t, counts); break;
        case 10: nn_gather_rows(c, t, 1, (int[]){1}, nine); break;
        case 11: nn_slice_rows(c, t, (int[]){7}, (int[]){3}); break;
        case 12: nn_keep(c, nn_mark(c), NN_NONE); break;
        case 13: nn_concat(c, 2, (nn_tensor[]){t, empty}); break;
        case 14: nn_mean_rows(c, empty); break;
        case 15: nn_append_vector(c, t, t); break;
        case 16: nn_magnitude(c, five); break;
        case 17: nn_lstm(c, &m.lstm, t, NULL); break;
        case 18: nn_linear_then(c, &l, t, (nn_then){.residual = t}); break;
        default: nn_linear_then(c, &l, t, (nn_then){.into = t, .col = 10}); break;
        }
        CHECK(nn_end(c, &err) == HSE_E_ARG && strstr(err.text, cases[i].name), "%s: got \"%s\"", cases[i].name,
              err.text);
    }
    nn_begin(c, NN_PLAN);
    t = nn_input(c, 1, (int[]){ROWS}, IN, NULL);
    const int many[ROWS] = {1 << 28, 1 << 28, 1 << 28, 1 << 28, 1 << 28};
    nn_repeat_rows(c, t, many);
    CHECK(nn_end(c, &err) == HSE_E_LIMIT && strstr(err.text, "more than"), "%s", err.text);
    nn_close(&c);
    nn_params_free(&m.params);
}

TEST(a_plan_tells_the_memory_of_a_run)
{
    model m;
    hse_error err = {0};
    static float out[400 * 2 * IN];

    for (int type = 0; type < K_WEIGHT_TYPES; type++) {
        make(&m, (k_weight_type)type);
        for (int threads = 1; threads <= 3; threads++)
            for (int rows = 3; rows < 400; rows += 180) {
                nn_ctx *c = NULL;
                hse_pool *pool = NULL;
                assert_int_equal(hse_pool_open(&pool, threads, &err), HSE_OK);
                assert_int_equal(nn_open(&c, &(nn_options){.pool = pool, .poison = true}, &err), HSE_OK);
                size_t held = hse_pages_total();
                nn_begin(c, NN_PLAN);
                forward(c, &m, nn_input(c, 2, (int[]){rows, rows - 2}, IN, NULL));
                assert_int_equal(nn_end(c, &err), HSE_OK);
                size_t peak = nn_peak(c);
                CHECK(hse_pages_total() == held, "a plan takes no memory");
                assert_int_equal(nn_reserve(c, peak, &err), HSE_OK);
                hse_mem_fail_at(1, true);                   /* nothing may be allocated from here on */
                CHECK(run(c, &m, rows, out, &err) == HSE_OK, "type %d rows %d: %s", type, rows, err.text);
                CHECK(!hse_mem_failed(), "an allocation in the middle of a run");
                hse_mem_fail_at(0, false);
                CHECK(nn_peak(c) == peak, "type %d rows %d threads %d: planned %zu, used %zu", type, rows, threads,
                      peak, nn_peak(c));
                nn_close(&c);
                hse_pool_close(&pool);
            }
        nn_params_free(&m.params);
    }
    assert_int_equal(hse_pages_total(), 0);
}

TEST(a_ceiling_holds_in_plan_and_run)
{
    model m;
    nn_ctx *c = NULL;
    hse_error err = {0};
    static float out[ROWS * 2 * IN];

    make(&m, K_F32);
    assert_int_equal(nn_open(&c, &(nn_options){.max_bytes = 40000}, &err), HSE_OK);
    CHECK(run(c, &m, ROWS, out, &err) == HSE_E_LIMIT && strstr(err.text, "the limit is 40000"), "%s", err.text);
    nn_begin(c, NN_PLAN);
    forward(c, &m, nn_input(c, 1, (int[]){ROWS * 20}, IN, NULL));
    CHECK(nn_end(c, &err) == HSE_E_LIMIT && strstr(err.text, "the run needs"), "%s", err.text);
    CHECK(nn_reserve(c, 40001, &err) == HSE_E_LIMIT, "%s", err.text);
    nn_begin(c, NN_PLAN);                                   /* sizes that do not fit a size_t */
    nn_tensor t = nn_input2d(c, 1, (int[]){1 << 29}, 1 << 30, 1 << 30, NULL);
    CHECK(nn_items(t) == 0 && nn_end(c, &err) == HSE_E_LIMIT && strstr(err.text, "too large"), "%s", err.text);
    nn_close(&c);
    nn_params_free(&m.params);
}

TEST(memory_is_kept_between_runs_and_trimmed)
{
    model m;
    nn_ctx *c = NULL;
    hse_error err = {0};
    static float out[2][400 * 2 * IN];

    make(&m, K_BF16);
    size_t weights = hse_pages_total();
    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    assert_int_equal(run(c, &m, 400, out[0], &err), HSE_OK);
    size_t held = hse_pages_total();
    assert_int_equal(run(c, &m, 400, out[1], &err), HSE_OK);
    assert_int_equal(hse_pages_total(), held);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0, "a second run gives other bits");
    nn_trim(c, 2 << 20);
    CHECK(hse_pages_total() <= weights + (2u << 20), "%zu held", hse_pages_total());
    assert_int_equal(run(c, &m, 400, out[1], &err), HSE_OK);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0, "other bits after a trim");
    nn_trim(c, 0);
    assert_int_equal(hse_pages_total(), weights);
    nn_close(&c);
    nn_params_free(&m.params);
}

/* ---- keep ---- */

TEST(keep_moves_what_is_kept_and_drops_the_rest)
{
    nn_ctx *c = NULL;
    hse_error err = {0};
    const float *x = numbers(11, ROWS * IN);
    float want[4][ROWS * 2 * IN], got[ROWS * 2 * IN];

    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    nn_begin(c, NN_RUN);
    nn_tensor t = nn_input(c, 1, (int[]){ROWS}, IN, &x);
    nn_mark_t mark = nn_mark(c);
    int twice[ROWS];
    for (int i = 0; i < ROWS; i++)
        twice[i] = 2;
    nn_tensor waste = nn_scale(c, t, 9), a = nn_repeat_rows(c, nn_scale(c, waste, 2), twice),
              b = nn_leaky_relu(c, nn_scale(c, t, 3), 0.1f);
    nn_tensor same = a, slice = nn_slice_cols(c, nn_scale(c, t, 5), 2, 4), old = t;
    nn_read(c, a, 0, want[0], ROWS * 2 * IN);
    nn_read(c, b, 0, want[1], ROWS * IN);
    nn_read(c, slice, 0, want[2], ROWS * 4);
    nn_keep_all(c, mark, (nn_tensor *[]){&slice, &b, &same, &old, &a}, 5);
    nn_read(c, same, 0, got, ROWS * 2 * IN);
    CHECK(memcmp(got, want[0], ROWS * 2 * IN * sizeof *got) == 0, "repeated rows");
    CHECK(same.at == a.at && same.starts == a.starts, "what was one place stays one place");
    nn_read(c, b, 0, got, ROWS * IN);
    CHECK(memcmp(got, want[1], ROWS * IN * sizeof *got) == 0, "an activation that was still to be applied");
    nn_read(c, slice, 0, got, ROWS * 4);
    CHECK(memcmp(got, want[2], ROWS * 4 * sizeof *got) == 0, "a slice");
    nn_read(c, old, 0, got, ROWS * IN);
    CHECK(memcmp(got, x, ROWS * IN * sizeof *got) == 0, "a tensor from before the mark");
    mark = nn_mark(c);                                      /* what stands right behind the mark stays where it is */
    nn_tensor next = nn_keep(c, mark, nn_scale(c, t, 3));
    CHECK(next.at == mark.top && nn_mark(c).top > mark.top, "kept at %zu, mark at %zu", next.at, mark.top);
    nn_scale(c, t, 7);
    nn_read(c, next, 0, got, ROWS * IN);
    for (int i = 0; i < ROWS * IN; i++)
        CHECK(fabsf(got[i] - 3 * x[i]) < 1e-6f, "%d", i);
    size_t kept = nn_mark(c).top;
    for (int i = 0; i < 100; i++) {                         /* a loop of steps needs no more memory than one */
        nn_mark_t step = nn_mark(c);
        a = nn_keep(c, step, nn_slice_rows(c, nn_concat(c, 2, (nn_tensor[]){a, a}), (int[]){0}, (int[]){5}));
        a = nn_slice_cols(c, a, 0, IN);
        nn_mark_t now = nn_mark(c);
        nn_keep_all(c, step, (nn_tensor *[]){&a}, 1);
        CHECK(nn_mark(c).starts <= now.starts, "lists grow");
        kept = nn_mark(c).top;
        nn_keep_all(c, step, NULL, 0);
        a = same;
        CHECK(nn_mark(c).top == step.top && kept > step.top, "the mark is the end again");
    }
    CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
    nn_close(&c);
}

/* ---- tap ---- */

typedef struct {
    int    calls;
    char   names[4][64];
    double sums[4];
    int    rows[4], cols[4];
} heard;

static void listen(void *user, const nn_view *v)
{
    heard *h = user;
    size_t n = (size_t)v->starts[v->items] * (size_t)v->width * (size_t)v->cols;

    assert_true(h->calls < 4);
    snprintf(h->names[h->calls], sizeof h->names[0], "%s", v->name);
    h->rows[h->calls] = v->starts[v->items];
    h->cols[h->calls] = v->cols;
    for (size_t i = 0; i < n; i++)
        h->sums[h->calls] += v->data[i];
    h->calls++;
}

TEST(a_listener_sees_the_named_tensors_and_changes_nothing)
{
    model m;
    nn_ctx *c = NULL;
    hse_error err = {0};
    heard h = {0};
    float quiet[ROWS * 2 * IN], out[ROWS * 2 * IN];

    make(&m, K_F32);
    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    assert_int_equal(run(c, &m, ROWS, quiet, &err), HSE_OK);
    nn_listen(c, listen, &h);
    assert_int_equal(run(c, &m, ROWS, out, &err), HSE_OK);
    CHECK(h.calls == 2 && strcmp(h.names[0], "conv") == 0 && strcmp(h.names[1], "slice of attention") == 0,
          "%d calls, %s", h.calls, h.names[0]);
    CHECK(h.rows[0] == 2 * ROWS - 2 && h.cols[0] == HIDDEN && h.rows[1] == 2 * h.rows[0] && h.cols[1] == 7, "%d x %d",
          h.rows[1], h.cols[1]);
    CHECK(h.sums[1] > 0, "the activation is applied");
    CHECK(memcmp(quiet, out, sizeof out) == 0, "listening changed the result");
    nn_close(&c);
    nn_params_free(&m.params);
}

/* ---- stopping ---- */

static void raise_flag(void *user, const nn_view *v)
{
    (void)v;
    atomic_store((atomic_bool *)user, true);
}

TEST(a_run_can_be_cancelled_and_has_a_deadline)
{
    model m;
    nn_ctx *c = NULL;
    hse_error err = {0};
    atomic_bool flag = false;
    float out[ROWS * 2 * IN];

    make(&m, K_F32);
    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    nn_cancel_by(c, &flag, 0);
    assert_int_equal(run(c, &m, ROWS, out, &err), HSE_OK);
    nn_listen(c, raise_flag, &flag);                        /* in the middle of the run */
    CHECK(run(c, &m, ROWS, out, &err) == HSE_E_CANCELLED, "%s", err.text);
    nn_listen(c, NULL, NULL);
    CHECK(run(c, &m, ROWS, out, &err) == HSE_E_CANCELLED, "the flag is still up");
    atomic_store(&flag, false);
    nn_cancel_by(c, &flag, hse_now_ns() - 1);
    CHECK(run(c, &m, ROWS, out, &err) == HSE_E_DEADLINE, "%s", err.text);
    nn_cancel_by(c, &flag, hse_now_ns() + 60000000000u);
    assert_int_equal(run(c, &m, ROWS, out, &err), HSE_OK);
    nn_close(&c);
    nn_params_free(&m.params);
}

/* ---- allocations that fail ---- */

static hse_status everything(float *out, hse_error *err)
{
    model m = {.params = NULL};
    nn_binder *b = NULL;
    nn_ctx *c = NULL;
    hse_status s = nn_binder_open(&b, &(nn_binder_options){.type = K_INT8}, err);

    if (s != HSE_OK)
        return s;
    build(b, &m);
    s = nn_binder_close(&b, &m.params, err);
    if (s == HSE_OK)
        s = nn_open(&c, &(nn_options){.poison = true}, err);
    if (s == HSE_OK)
        s = run(c, &m, ROWS, out, err);
    nn_close(&c);
    nn_params_free(&m.params);
    return s;
}

TEST(every_allocation_can_fail)
{
    float want[ROWS * 2 * IN], got[ROWS * 2 * IN];
    hse_error err = {0};

    assert_int_equal(everything(want, &err), HSE_OK);
    for (int sticky = 0; sticky < 2; sticky++)
        for (uint64_t n = 1;; n++) {
            hse_mem_fail_at(n, sticky == 1);
            hse_status s = everything(got, &err);
            bool struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            CHECK(hse_pages_total() == 0, "failure %d leaks %zu bytes", (int)n, hse_pages_total());
            if (!struck) {
                CHECK(s == HSE_OK && memcmp(want, got, sizeof want) == 0, "%d: %s", (int)n, err.text);
                CHECK(n > 10, "only %d allocations", (int)n);
                break;
            }
            CHECK(s == HSE_E_NOMEM && err.text[0], "failure %d gives %d (%s)", (int)n, (int)s, err.text);
        }
    assert_int_equal(everything(got, &err), HSE_OK);
}
