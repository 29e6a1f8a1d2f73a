/* CTranslate2's model.bin: damaged files, and quantized matrices as rows of numbers. */
#include "build.h"
#include "formats/ctranslate2.h"
#include "torture.h"

#define DATA "tests/unit/formats/data/"

/* ---- files made byte by byte ---- */

static void put_string(hse_buf *b, const char *s)
{
    put(b, strlen(s) + 1, 2);
    hse_buf_append(b, s, strlen(s) + 1);
}

static void put_head(hse_buf *b, uint32_t version, uint32_t variables)
{
    put(b, version, 4);
    if (version >= 2) {
        put_string(b, "WhisperSpec");
        put(b, 3, 4);
    }
    put(b, variables, 4);
}

/* A variable of rank 1. */
static void put_row(hse_buf *b, const char *name, unsigned type, uint32_t dim, uint32_t bytes, const void *data,
                    size_t size)
{
    put_string(b, name);
    put(b, 1, 1);
    put(b, dim, 4);
    put(b, type, 1);
    put(b, bytes, 4);
    hse_buf_append(b, data, size);
}

typedef void builder(hse_buf *b);

static void good(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put(b, 0, 4);
}

static void rank_200(hse_buf *b)
{
    put_head(b, 6, 1);
    put_string(b, "a");
    put(b, 200, 1);
    for (int i = 0; i < 200; i++)
        put(b, 1, 4);
}

static void rank_9(hse_buf *b)
{
    put_head(b, 6, 1);
    put_string(b, "a");
    put(b, 9, 1);
    put(b, 1, 40);
}

static void type_6(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 6, 2, 2, "xy", 2);
    put(b, 0, 4);
}

static void old_item_size_3(hse_buf *b)
{
    put_head(b, 3, 1);
    put_row(b, "a", 3, 2, 2, "xyzxyz", 6);
    put(b, 0, 4);
}

static void one_byte_more(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 3, "xyz", 3);
    put(b, 0, 4);
}

static void one_byte_less(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 1, "x", 1);
    put(b, 0, 4);
}

static void beyond_the_end(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, UINT32_MAX, UINT32_MAX, "xy", 2);
}

static void product_of_dims(hse_buf *b)
{
    put_head(b, 6, 1);
    put_string(b, "a");
    put(b, 3, 1);
    for (int i = 0; i < 3; i++)
        put(b, UINT32_MAX, 4);
    put(b, 1, 1);
    put(b, 2, 4);
    put(b, 0, 2);
    put(b, 0, 4);
}

static void same_name(hse_buf *b)
{
    put_head(b, 6, 2);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put(b, 0, 4);
}

static void nameless(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "", 1, 2, 2, "xy", 2);
    put(b, 0, 4);
}

static void name_without_end(hse_buf *b)
{
    put_head(b, 6, 1);
    put(b, 3, 2);
    hse_buf_append(b, "abc", 3);
    put(b, 0, 30);
}

static void name_with_two_ends(hse_buf *b)
{
    put_head(b, 6, 1);
    put(b, 4, 2);
    hse_buf_append(b, "a\0b\0", 4);
    put(b, 0, 30);
}

static void long_name(hse_buf *b)
{
    put_head(b, 6, 1);
    put(b, 60000, 2);
    put(b, 0, 60000);
}

static void name_no_utf8(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "\xff", 1, 2, 2, "xy", 2);
    put(b, 0, 4);
}

static void spec_no_utf8(hse_buf *b)
{
    put(b, 6, 4);
    put_string(b, "W\xff");
    put(b, 3, 4);
    put(b, 0, 8);
}

static void alias_of_nothing(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put(b, 1, 4);
    put_string(b, "b");
    put_string(b, "c");
}

static void alias_of_itself(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put(b, 1, 4);
    put_string(b, "b");
    put_string(b, "b");
}

static void alias_that_is_there(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put(b, 1, 4);
    put_string(b, "a");
    put_string(b, "a");
}

static void something_behind(hse_buf *b)
{
    good(b);
    put(b, 0, 1);
}

static void many_variables(hse_buf *b)
{
    put_head(b, 6, UINT32_MAX);
    put_row(b, "a", 1, 2, 2, "xy", 2);
}

static void many_aliases(hse_buf *b)
{
    put_head(b, 6, 1);
    put_row(b, "a", 1, 2, 2, "xy", 2);
    put(b, UINT32_MAX, 4);
}

static void version_7(hse_buf *b)
{
    put_head(b, 7, 0);
    put(b, 0, 4);
}

static void version_200(hse_buf *b)
{
    put_head(b, 200, 0);
    put(b, 0, 4);
}

static void version_0(hse_buf *b)
{
    put_head(b, 0, 1);
    put_row(b, "a", 1, 2, 2, "xy", 2);
}

TEST(damaged_files)
{
    static const struct {
        const char *name;
        builder *build;
        hse_status want;
        const char *words;
    } cases[] = {
        {"good", good, HSE_OK, NULL},
        {"rank 200", rank_200, HSE_E_LIMIT, "200 dimensions"},
        {"rank 9", rank_9, HSE_E_LIMIT, "9 dimensions"},
        {"type 6", type_6, HSE_E_UNSUPPORTED, "type 6"},
        {"item size 3", old_item_size_3, HSE_E_UNSUPPORTED, "item size of 3"},
        {"one byte more", one_byte_more, HSE_E_FORMAT, "asks for 2 bytes, it has 3"},
        {"one byte less", one_byte_less, HSE_E_FORMAT, "beyond"},
        {"beyond the end", beyond_the_end, HSE_E_FORMAT, "are left in the file"},
        {"product of dimensions", product_of_dims, HSE_E_FORMAT, "product"},
        {"the same name twice", same_name, HSE_E_FORMAT, "two tensors"},
        {"no name", nameless, HSE_E_FORMAT, "1 bytes with its NUL"},
        {"a name without its end", name_without_end, HSE_E_FORMAT, "NUL"},
        {"a name with two ends", name_with_two_ends, HSE_E_FORMAT, "NUL"},
        {"a long name", long_name, HSE_E_FORMAT, "60000"},
        {"a name that is no UTF-8", name_no_utf8, HSE_E_FORMAT, "UTF-8"},
        {"a specification that is no UTF-8", spec_no_utf8, HSE_E_FORMAT, "UTF-8"},
        {"an alias of nothing", alias_of_nothing, HSE_E_FORMAT, "stands for c"},
        {"an alias of itself", alias_of_itself, HSE_E_FORMAT, "stands for b"},
        {"an alias that is there", alias_that_is_there, HSE_E_FORMAT, "two tensors"},
        {"something behind", something_behind, HSE_E_FORMAT, "1 bytes follow"},
        {"2^32 - 1 variables", many_variables, HSE_E_FORMAT, "ends inside"},
        {"2^32 - 1 aliases", many_aliases, HSE_E_FORMAT, "ends inside"},
        {"version 7", version_7, HSE_E_UNSUPPORTED, "version 7"},
        {"version 200", version_200, HSE_E_UNSUPPORTED, "version 200"},
        {"version 0", version_0, HSE_E_UNSUPPORTED, "not a checkpoint format"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = new_buf();
        cases[i].build(&b);
        expect(cases[i].name, view(&b), cases[i].want, cases[i].words);
        hse_buf_free(&b);
    }
}

/* ---- values ---- */

static hse_weights *open_data(const char *name)
{
    hse_weights *w = NULL;
    hse_error err = {0};

    CHECK(hse_weights_open(&w, test_path(name), NULL, &err) == HSE_OK, "%s: %s", name, err.text);
    return w;
}

static void check_matrix(const hse_weights *w, const char *name, hse_dtype dtype, float first_scale, float second_scale,
                         const float want[6])
{
    ct2_matrix m;
    float got[6] = {0}, row[3];
    hse_error err = {0};

    CHECK(ct2_matrix_open(&m, w, name, &err) == HSE_OK, "%s: %s", name, err.text);
    CHECK(m.rows == 2 && m.cols == 3 && m.weight->dtype == dtype, "%s: %zu x %zu", name, m.rows, m.cols);
    CHECK(ct2_matrix_scale(&m, 0) == first_scale && ct2_matrix_scale(&m, 1) == second_scale, "%s: scales %g %g", name,
          (double)ct2_matrix_scale(&m, 0), (double)ct2_matrix_scale(&m, 1));
    ct2_matrix_rows_f32(&m, 0, 2, got);
    ct2_matrix_rows_f32(&m, 1, 1, row);
    for (int i = 0; i < 6; i++)
        CHECK(got[i] == want[i] && (i < 3 || row[i - 3] == want[i]), "%s[%d]: %g, not %g", name, i, (double)got[i],
              (double)want[i]);
    const int8_t *stored_numbers = ct2_matrix_i8(&m);
    CHECK((stored_numbers != NULL) == (dtype == HSE_I8), "%s", name);
    for (int i = 0; stored_numbers && i < 6; i++)
        CHECK(stored_numbers[i] == i - 3, "%s[%d] is stored as %d", name, i, stored_numbers[i]);
}

TEST(matrices_of_every_version)
{
    static const char *const names[] = {DATA "ct2-v1.bin", DATA "ct2-v3.bin", DATA "ct2-v6.bin"};
    static const float halves[] = {-1.5f, -1, -.5f, 0, .5f, 1}, eighths[] = {-.375f, -.25f, -.125f, 0, .125f, .25f};
    static const float rows[] = {-.75f, -.5f, -.25f, 0, 2, 4};

    for (size_t i = 0; i < COUNT(names); i++) {
        hse_weights *w = open_data(names[i]);
        int64_t version = 0;
        const char *spec = NULL;
        CHECK(hse_weights_int(w, "ctranslate2.version", &version) && version == (i == 0 ? 1 : i == 1 ? 3 : 6), "%s",
              names[i]);
        CHECK(hse_weights_text(w, "ctranslate2.spec", &spec) == (i > 0), "%s", names[i]);
        CHECK(i == 0 || strcmp(spec, "WhisperSpec") == 0, "%s: %s", names[i], spec);
        check_matrix(w, "f32", HSE_F32, 1, 1, halves);
        check_matrix(w, "w/weight", HSE_I8, 4, .5f, rows);
        check_matrix(w, "x/weight", HSE_I16, 8, 8, eighths);
        if (version >= 3) {
            check_matrix(w, "y/weight", HSE_I8, 4, .5f, rows);
            check_matrix(w, "z", HSE_F32, 1, 1, halves);
        }
        if (version >= 4) {
            check_matrix(w, "f16", HSE_F16, 1, 1, halves);
            check_matrix(w, "bf16", HSE_BF16, 1, 1, halves);
        }
        hse_weights_close(&w);
    }
}

static hse_weights *open_buf(const hse_buf *b)
{
    hse_weights *w = NULL;
    hse_error err = {0};

    CHECK(hse_weights_open_bytes(&w, view(b), "test", NULL, &err) == HSE_OK, "%s", err.text);
    return w;
}

TEST(matrices_without_proper_scales)
{
    static const float nan_scale[] = {1, __builtin_nanf("")}, zero[] = {0, 1}, negative[] = {1, -1},
                       infinite[] = {1, __builtin_inff()}, fine[] = {1, 2};
    static const struct {
        const char *name, *scale;
        unsigned type;
        const void *data;
        uint32_t count, size;
        hse_status want;
        const char *words;
    } cases[] = {
        {"good", "w_scale", 0, fine, 2, 8, HSE_OK, ""},
        {"one for all", "w_scale", 0, fine, 1, 4, HSE_OK, ""},
        {"none", "v_scale", 0, fine, 2, 8, HSE_E_FORMAT, "has no w_scale"},
        {"integers", "w_scale", 3, fine, 2, 8, HSE_E_FORMAT, "floats are expected"},
        {"empty", "w_scale", 0, fine, 0, 0, HSE_E_FORMAT, "0 values for 2 rows"},
        {"NaN", "w_scale", 0, nan_scale, 2, 8, HSE_E_FORMAT, "value 1"},
        {"zero", "w_scale", 0, zero, 2, 8, HSE_E_FORMAT, "value 0"},
        {"negative", "w_scale", 0, negative, 2, 8, HSE_E_FORMAT, "above 0"},
        {"infinite", "w_scale", 0, infinite, 2, 8, HSE_E_FORMAT, "above 0"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = new_buf();
        hse_error err = {0};
        ct2_matrix m;
        put_head(&b, 6, 2);
        put_row(&b, "w", 1, 2, 2, "\1\2", 2);
        put_row(&b, cases[i].scale, cases[i].type, cases[i].count, cases[i].size, cases[i].data, cases[i].size);
        put(&b, 0, 4);
        hse_weights *w = open_buf(&b);
        hse_status s = ct2_matrix_open(&m, w, "w", &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].words), "%s: %d %s", cases[i].name, (int)s, err.text);
        s = ct2_matrix_open(&m, w, "nothing", &err);
        CHECK(s == HSE_E_NOT_FOUND && strstr(err.text, "nothing"), "%d %s", (int)s, err.text);
        hse_weights_close(&w);
        hse_buf_free(&b);
    }
}

TEST(matrices_of_other_kinds)
{
    hse_weights *w = open_data(DATA "ct2-v6.bin");
    hse_error err = {0};
    ct2_matrix m;
    float got;
    hse_bytes bytes;

    CHECK(ct2_matrix_open(&m, w, "i32", &err) == HSE_E_FORMAT && strstr(err.text, "int32"), "%s", err.text);
    CHECK(ct2_matrix_open(&m, w, "empty", &err) == HSE_OK && m.rows == 0 && m.cols == 0, "%s", err.text);
    CHECK(ct2_matrix_open(&m, w, "w/weight_scale", &err) == HSE_OK && m.rows == 2 && m.cols == 1, "%s", err.text);
    ct2_matrix_rows_f32(&m, 1, 1, &got);
    CHECK(got == .5f, "%g", (double)got);
    hse_weights_close(&w);

    /* bytes as they are in a file: not of a view, not of what is packed */
    w = open_data(DATA "torch-p2.pt");
    CHECK(hse_weights_bytes(w, hse_weights_find(w, "model.i8"), &bytes, &err) == HSE_OK && bytes.size == 6 &&
              (int8_t)bytes.data[0] == -3,
          "%s", err.text);
    CHECK(hse_weights_bytes(w, hse_weights_find(w, "model.t.view"), &bytes, &err) == HSE_E_UNSUPPORTED &&
              strstr(err.text, "C order"),
          "%s", err.text);
    CHECK(ct2_matrix_open(&m, w, "model.t.view", &err) == HSE_E_UNSUPPORTED, "%s", err.text);
    hse_weights_close(&w);
    w = open_data(DATA "torch-deflated.pt");
    CHECK(hse_weights_bytes(w, hse_weights_find(w, "model.i8"), &bytes, &err) == HSE_E_UNSUPPORTED &&
              strstr(err.text, "packed"),
          "%s", err.text);
    hse_weights_close(&w);
}
