/* The binder: names, shapes, weight norm and batch norm from a checkpoint; every problem in one message. */
#include "nn_test.h"

/* ---- a safetensors file in memory ---- */

typedef struct {
    const char  *name, *shape;                              /* "2,3" */
    const float *data;
    size_t       count;
} entry;

typedef struct {
    hse_buf      file;
    hse_weights *w;
} checkpoint;

static void open_checkpoint(checkpoint *k, const entry *entries, size_t n)
{
    hse_buf header;
    hse_error err = {0};
    uint8_t size[8] = {0};
    size_t at = 0;

    hse_buf_init(&header, 1 << 20);
    hse_buf_init(&k->file, 64 << 20);
    hse_buf_byte(&header, '{');
    for (size_t i = 0; i < n; i++, at = at + entries[i - 1].count * 4)
        hse_buf_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", i ? "," : "",
                       entries[i].name, entries[i].shape, at, at + entries[i].count * 4);
    hse_buf_byte(&header, '}');
    while (header.size % 8 != 0)
        hse_buf_byte(&header, ' ');
    hse_put_u32le(size, (uint32_t)header.size);
    hse_buf_append(&k->file, size, 8);
    hse_buf_append(&k->file, header.data, header.size);
    for (size_t i = 0; i < n; i++)
        hse_buf_append(&k->file, entries[i].data, entries[i].count * 4);
    hse_buf_free(&header);
    k->w = NULL;
    CHECK(hse_weights_open_bytes(&k->w, (hse_bytes){k->file.data, k->file.size}, "test", NULL, &err) == HSE_OK, "%s",
          err.text);
}

static void close_checkpoint(checkpoint *k)
{
    hse_weights_close(&k->w);
    hse_buf_free(&k->file);
}

/* out = layer(x) for one item. */
typedef struct {
    nn_linear_layer           linear;
    nn_conv1d_layer           conv;
    nn_conv_transpose1d_layer up;
    nn_rnn_layer              rnn;
    nn_norm                   norm;
    nn_table                  table;
    const float              *tensor;
} layers;

static nn_binder *begin(const checkpoint *k, bool strict, hse_buf *report)
{
    nn_binder *b = NULL;
    hse_error err = {0};

    nn_binder_options o = {
        .weights = k->w, .name = "test.safetensors", .type = K_F32, .strict = strict, .report = report};
    assert_int_equal(nn_binder_open(&b, &o, &err), HSE_OK);
    return b;
}

static void conv_out(const layers *l, float *out, size_t n)
{
    nn_ctx *c = NULL;
    hse_error err = {0};
    const float *x = numbers(70, 6 * 4);

    assert_int_equal(nn_open(&c, &(nn_options){.poison = true}, &err), HSE_OK);
    nn_begin(c, NN_RUN);
    nn_tensor t = nn_input(c, 1, (int[]){6}, 4, &x);
    nn_read(c, l->up.w.data ? nn_conv_transpose1d(c, &l->up, t) : nn_conv1d(c, &l->conv, t), 0, out, n);
    CHECK(nn_end(c, &err) == HSE_OK, "%s", err.text);
    nn_close(&c);
}

TEST(every_problem_is_in_one_message)
{
    const float *d = numbers(1, 1000);
    const entry entries[] = {
        {"net.a.weight", "3,4", d, 12},       {"net.a.bias", "3", d, 3},
        {"net.conv.weight", "5,4,3", d, 60},  {"net.b.weight", "3,4", d, 12},
        {"net.b.bias", "4", d, 4},            {"step", "1", d, 1},
        {"optimizer.x", "2", d, 2},           {"optimizer.y\\u0007", "2", d, 2},
        {"surplus", "2", d, 2},               {"net.lstm.weight_ih_l0", "8,4", d, 32},
    };
    checkpoint k;
    layers l;
    hse_buf report;
    hse_error err = {0};
    nn_params *params = NULL;

    open_checkpoint(&k, entries, COUNT(entries));
    hse_buf_init(&report, 1 << 20);
    nn_binder *b = begin(&k, true, &report);
    nn_enter(b, "net.");
    nn_bind_linear(b, &l.linear, 4, 3, "a");
    nn_bind_conv1d(b, &l.conv, 4, 5, 5, 1, "conv");
    nn_bind_bias(b, NN_REQUIRED);
    nn_bind_linear(b, &l.linear, 4, 3, "b");
    nn_bind_linear(b, &l.linear, 4, 3, "c.%d", 7);
    nn_bind_lstm(b, &l.rnn, 4, 2, 1, 1, "lstm");
    nn_leave(b);
    nn_bind_ignore(b, "step");
    nn_bind_ignore(b, "optimizer.x");
    nn_bind_problem(b, "config says %d", 3);
    assert_false(nn_binder_ok(b));
    assert_int_equal(nn_binder_close(&b, &params, &err), HSE_E_FORMAT);
    assert_null(b);
    assert_null(params);
    const char *all = hse_buf_text(&report);
    static const char *const lines[] = {
        "net.conv.weight is [5, 4, 3], expected [5, 4, 5]\n",
        "net.b.bias is [4], expected [3]\n",
        "net.c.7.weight is missing\n",
        "net.c.7.bias is missing\n",
        "net.lstm.weight_hh_l0 is missing\n",
        "net.lstm.bias_ih_l0 is missing\n",
        "net.lstm.bias_hh_l0 is missing\n",
        "config says 3\n",
        "surplus is not known\n",
        "optimizer.y? is not known\n",
    };
    size_t n = 0;
    for (size_t i = 0; i < COUNT(lines); i++) {
        CHECK(strstr(all, lines[i]), "no line %s in\n%s", lines[i], all);
        n += strlen(lines[i]);
    }
    CHECK(strlen(all) == n, "further lines:\n%s", all);
    CHECK(strstr(err.text, "test.safetensors does not fit the model: 5 missing, 2 of a wrong shape or type, 2 not "
                           "known, 1 other problems: net.conv.weight is"),
          "%s", err.text);
    hse_buf_free(&report);
    close_checkpoint(&k);
    assert_int_equal(hse_pages_total(), 0);
}

TEST(weight_norm_is_folded_in_both_layouts)
{
    static float plain[5 * 4 * 3], g[5], v[5 * 4 * 3], up[4 * 5 * 4], up_g[4], up_v[4 * 5 * 4];
    const float *r = numbers(5, 1000);
    float want[2][12 * 5 + 30], got[12 * 5 + 30];

    memcpy(v, r, sizeof v);
    memcpy(up_v, r + 100, sizeof up_v);
    for (size_t i = 0; i < 5; i++) {
        double size = 0;
        g[i] = r[300 + i];
        for (size_t j = 0; j < 12; j++)
            size += (double)v[i * 12 + j] * v[i * 12 + j];
        for (size_t j = 0; j < 12; j++)
            plain[i * 12 + j] = v[i * 12 + j] * (float)(g[i] / sqrt(size));
    }
    for (size_t i = 0; i < 4; i++) {                        /* of a transposed convolution: over the input channels */
        double size = 0;
        up_g[i] = r[310 + i];
        for (size_t j = 0; j < 20; j++)
            size += (double)up_v[i * 20 + j] * up_v[i * 20 + j];
        for (size_t j = 0; j < 20; j++)
            up[i * 20 + j] = up_v[i * 20 + j] * (float)(up_g[i] / sqrt(size));
    }
    const entry tables[3][4] = {
        {{"c.weight", "5,4,3", plain, 60}, {"u.weight", "4,5,4", up, 80}},
        {{"c.weight_g", "5,1,1", g, 5},
         {"c.weight_v", "5,4,3", v, 60},
         {"u.weight_g", "4,1,1", up_g, 4},
         {"u.weight_v", "4,5,4", up_v, 80}},
        {{"c.parametrizations.weight.original0", "5,1,1", g, 5},
         {"c.parametrizations.weight.original1", "5,4,3", v, 60},
         {"u.parametrizations.weight.original0", "4,1,1", up_g, 4},
         {"u.parametrizations.weight.original1", "4,5,4", up_v, 80}},
    };
    for (int i = 0; i < 3; i++)
        for (int presence = NN_OPTIONAL; presence <= NN_ABSENT; presence++) {
            checkpoint k;
            layers l = {.tensor = NULL};
            nn_params *params = NULL;
            hse_error err = {0};
            open_checkpoint(&k, tables[i], i == 0 ? 2 : 4);
            nn_binder *b = begin(&k, true, NULL);
            nn_bind_weight_norm(b, (nn_presence)presence);
            nn_bind_conv1d(b, &l.conv, 4, 5, 3, 1, "c");
            nn_bind_conv_transpose1d(b, &l.up, 4, 5, 4, 2, "u");
            hse_status s = nn_binder_close(&b, &params, &err);
            bool fine = presence == NN_OPTIONAL || (presence == NN_REQUIRED) == (i > 0);
            CHECK((s == HSE_OK) == fine, "layout %d, weight norm %d: %s", i, presence, err.text);
            if (fine) {
                conv_out(&l, got, 12 * 5);
                l.up.w.data = NULL;
                conv_out(&l, got + 12 * 5, 30);
                if (i == 0)
                    memcpy(want[0], got, sizeof got);
                CHECK(memcmp(got, want[0], sizeof got) == 0, "layout %d gives other numbers", i);
            }
            nn_params_free(&params);
            close_checkpoint(&k);
        }
    static const float zero[60];
    const entry bad[] = {{"c.weight_g", "5,1,1", g, 5}, {"c.weight_v", "5,4,3", zero, 60}};
    checkpoint k;
    layers l;
    nn_params *params = NULL;
    hse_error err = {0};
    open_checkpoint(&k, bad, 2);
    nn_binder *b = begin(&k, true, NULL);
    nn_bind_conv1d(b, &l.conv, 4, 5, 3, 1, "c");
    CHECK(nn_binder_close(&b, &params, &err) == HSE_E_FORMAT && strstr(err.text, "a row of zeros"), "%s", err.text);
    close_checkpoint(&k);
}

TEST(norms_tables_and_tensors_come_as_they_are)
{
    static const float weight[2] = {2, -1}, bias[2] = {1, 0}, mean[2] = {3, 4}, var[2] = {4, 0.25f},
                       bad_var[2] = {1, -2};
    static const float table[6] = {1, 2, 3, 4, 5, 6}, count[1] = {9}, nan_table[2] = {1, NAN};
    const entry entries[] = {
        {"bn.weight", "2", weight, 2},
        {"bn.bias", "2", bias, 2},
        {"bn.running_mean", "2", mean, 2},
        {"bn.running_var", "2", var, 2},
        {"bn.num_batches_tracked", "", count, 1},
        {"table", "3,2", table, 6},
        {"x.weight", "2", weight, 2},
        {"x.bias", "2", bias, 2},
        {"x.running_mean", "2", mean, 2},
        {"x.running_var", "2", bad_var, 2},
        {"nan", "2", nan_table, 2},
        {"ln.weight", "2", weight, 2},
        {"ln.bias", "2", bias, 2},
    };
    checkpoint k;
    layers l;
    nn_norm ln;
    nn_params *params = NULL;
    hse_error err = {0};
    int dim[2] = {-1, 2};

    open_checkpoint(&k, entries, COUNT(entries));
    nn_binder *b = begin(&k, true, NULL);
    nn_bind_batch_norm(b, &l.norm, 2, 0.0f, "bn");
    nn_bind_layer_norm(b, &ln, 2, 1e-5f, "ln");
    nn_bind_table(b, &l.table, 3, 2, "table");
    nn_bind_tensor(b, &l.tensor, 2, (int[]){3, 2}, "%s", "table");
    const float *scratch = nn_bind_scratch(b, 2, dim, "table");
    CHECK(scratch && dim[0] == 3 && scratch[5] == 6, "rows of an unknown table");
    nn_bind_ignore(b, "x.*");
    nn_bind_ignore(b, "nan");
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
    CHECK(l.norm.scale[0] == 1 && l.norm.shift[0] == -2 && l.norm.scale[1] == -2 && l.norm.shift[1] == 8, "%g %g",
          (double)l.norm.scale[1], (double)l.norm.shift[1]);
    CHECK(ln.scale[1] == -1 && ln.shift[0] == 1, "layer norm");
    CHECK(memcmp(l.table.table, table, sizeof table) == 0 && memcmp(l.tensor, table, sizeof table) == 0,
          "numbers changed");
    CHECK(nn_params_bytes(params) > 0 && nn_params_bytes(params) < 1024, "%zu", nn_params_bytes(params));
    nn_params_free(&params);

    b = begin(&k, false, NULL);
    nn_bind_batch_norm(b, &l.norm, 2, 1e-5f, "x");
    nn_bind_tensor(b, &l.tensor, 1, (int[]){2}, "nan");
    CHECK(nn_binder_close(&b, &params, &err) == HSE_E_FORMAT && strstr(err.text, "running_var holds -2") &&
              strstr(err.text, "nan holds a value"),
          "%s", err.text);
    close_checkpoint(&k);
}

/* Dims come from a config that anybody can write: none may wrap, allocate without end or reach a kernel. */
TEST(hostile_dims_are_refused)
{
    static const int edges[] = {0, -1, 1 << 26, (1 << 26) + 1, INT32_MAX, INT32_MIN};
    const float *d = numbers(1, 100);
    const entry entries[] = {{"a.weight", "3,4", d, 12}};
    checkpoint k;

    open_checkpoint(&k, entries, 1);
    for (size_t i = 0; i < COUNT(edges); i++)
        for (int what = 0; what < 12; what++) {
            layers l;
            nn_conv2d_layer plane;
            nn_conv_transpose2d_layer plane_up;
            nn_depthwise1d_layer depth;
            nn_params *params = NULL;
            hse_error err = {0};
            nn_binder *b = begin(&k, false, NULL);
            int e = edges[i];
            switch (what) {
            case 0: nn_bind_linear(b, &l.linear, e, 3, "a"); break;
            case 1: nn_bind_linear(b, &l.linear, e, e, "a"); break;
            case 2: nn_bind_conv1d(b, &l.conv, 4, e, e, e, "a"); break;
            case 3: nn_bind_conv1d(b, &l.conv, e, 3, e, 1, "a"); break;
            case 4: nn_bind_conv_transpose1d(b, &l.up, e, e, 4, e, "a"); break;
            case 5: nn_bind_conv2d(b, &plane, e, 3, e, e, "a"); break;
            case 6: nn_bind_conv_transpose2d(b, &plane_up, 4, e, 3, 3, e, e, "a"); break;
            case 7: nn_bind_depthwise1d(b, &depth, e, e, 1, "a"); break;
            case 8: nn_bind_lstm(b, &l.rnn, e, e, 1, 1, "a"); break;
            case 9: nn_bind_gru(b, &l.rnn, 4, 4, e, e, "a"); break;
            case 10: nn_bind_batch_norm(b, &l.norm, e, 0, "a"); break;
            default: nn_bind_table(b, &l.table, e, e, "a"); break;
            }
            CHECK(nn_binder_close(&b, &params, &err) == HSE_E_FORMAT && err.text[0], "dim %d, layer %d: %s", e, what,
                  err.text);
            assert_null(params);
        }
    layers l;
    nn_params *params = NULL;
    hse_error err = {0};
    nn_binder *b = begin(&k, false, NULL);                  /* names and prefixes without end */
    for (int i = 0; i < 40; i++)
        nn_enter(b, "%0300d.", i);
    nn_bind_linear(b, &l.linear, 4, 3, "%0600d", 1);
    for (int i = 0; i < 60; i++)
        nn_leave(b);
    nn_bind_linear(b, &l.linear, 4, 3, "a");
    CHECK(nn_binder_close(&b, &params, &err) == HSE_E_FORMAT && strstr(err.text, "too long"), "%s", err.text);

    assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.weights = k.w, .max_bytes = 100}, &err), HSE_OK);
    nn_bind_linear(b, &l.linear, 4, 3, "a");
    CHECK(nn_binder_close(&b, &params, &err) == HSE_E_LIMIT && strstr(err.text, "over the memory limit"), "%s",
          err.text);
    close_checkpoint(&k);
    assert_int_equal(hse_pages_total(), 0);
}

/* A layer may stay in float32 while the model is bf16; each runs as what it was bound as. */
TEST(the_type_can_be_chosen_for_each_layer)
{
    const float *d = numbers(1, 100);
    const entry entries[] = {{"a.weight", "3,4", d, 12}, {"b.weight", "3,4", d, 12}};
    checkpoint k;
    layers l, m;
    nn_params *params = NULL;
    hse_error err = {0};

    open_checkpoint(&k, entries, 2);
    nn_binder *b = begin(&k, true, NULL);
    nn_bind_type(b, K_INT8);
    nn_bind_linear(b, &l.linear, 4, 3, "a");
    nn_bind_type(b, K_F32);
    nn_bind_linear(b, &m.linear, 4, 3, "b");
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
    CHECK(l.linear.w.type == K_INT8 && m.linear.w.type == K_F32 && !l.linear.bias, "types");
    nn_params_free(&params);
    close_checkpoint(&k);
}
