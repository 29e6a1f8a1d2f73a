/* What holds for every checkpoint format: valid files read exactly, cut and changed ones never crash, faults do not
 * leak. */
#include "build.h"
#include "torture.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA "tests/unit/formats/data/"

static const struct {
    const char *file, *format, *prefix;
    size_t count;
    bool checked; /* a CRC covers all that matters */
} files[] = {
    {DATA "torch-p2.pt", "torch zip", "model.", 23, true},
    {DATA "torch-p3.pt", "torch zip", "model.", 23, true},
    {DATA "torch-p4.pt", "torch zip", "model.", 23, true},
    {DATA "torch-p5.pt", "torch zip", "model.", 23, true},
    {DATA "torch-deflated.pt", "torch zip", "model.", 23, true},
    {DATA "torch-stored.pt", "torch zip", "model.", 23, true},
    {DATA "torch-streamed.pt", "torch zip", "model.", 23, true},
    {DATA "legacy-p2.pt", "torch legacy", "model.", 20, false},
    {DATA "legacy-p3.pt", "torch legacy", "model.", 20, false},
    {DATA "legacy-p4.pt", "torch legacy", "model.", 20, false},
    {DATA "legacy-p5.pt", "torch legacy", "model.", 20, false},
    {DATA "all.safetensors", "safetensors", "", 15, false},
    {DATA "stored.npz", "npz", "", 15, true},
    {DATA "deflated.npz", "npz", "", 15, true},
    {DATA "v1.npy", "npy", "", 1, false},
    {DATA "v2.npy", "npy", "", 1, false},
    {DATA "v3.npy", "npy", "", 1, false},
    {DATA "fortran.npy", "npy", "", 1, false},
    {DATA "all.onnx", "onnx", "", 34, false},
    {DATA "bare.pt", "torch zip", "", 1, true},
    {DATA "bare-legacy.pt", "torch legacy", "", 1, false},
    {DATA "ct2-v1.bin", "ctranslate2", "", 9, false},
    {DATA "ct2-v3.bin", "ctranslate2", "", 12, false},
    {DATA "ct2-v6.bin", "ctranslate2", "", 15, false},
};

/* How many places of a file the exhaustive tests go on by: under a sanitizer, which makes each run ten times as long,
 * and in files that differ from another only in the pickle's protocol, they look at every seventh (or 23rd) place. Both
 * are prime to every alignment. */
static size_t stride_of(size_t file)
{
#if defined(__SANITIZE_THREAD__)
    size_t step = 23;
#elif defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
    size_t step = 7;
#else
    size_t step = 1;
#endif
    return strstr(files[file].file, "-p3") || strstr(files[file].file, "-p5") ? 7 * step : step;
}

/* Element i of a tensor of the given dtype, as make_seeds.py writes it. */
static float value(hse_dtype d, uint64_t i)
{
    switch (d) {
    case HSE_F32:
    case HSE_F64:
    case HSE_F16:
    case HSE_BF16: return ((float)i - 3) / 2;
    case HSE_I8:
    case HSE_I16:
    case HSE_I32:
    case HSE_I64: return (float)i - 3;
    case HSE_BOOL: return (float)(i % 2);
    default: return (float)i;
    }
}

static void check_values(const hse_weights *w, const char *name, hse_dtype dtype, int rank, const uint64_t *dim,
                         const float *want)
{
    const hse_weight *t = hse_weights_find(w, name);
    float got[64];
    hse_error err = {0};

    CHECK(t != NULL, "%s is missing", name);
    CHECK(t->dtype == dtype && t->rank == rank, "%s: %s, rank %d", name, hse_dtype_name(t->dtype), t->rank);
    uint64_t n = 1;
    for (int i = 0; i < rank; i++) {
        CHECK(t->dim[i] == dim[i], "%s: dimension %d is %d", name, i, (int)t->dim[i]);
        n *= dim[i];
    }
    CHECK(t->count == n && n <= COUNT(got), "%s: %d elements", name, (int)t->count);
    CHECK(hse_weights_read_f32(w, t, got, &err) == HSE_OK, "%s: %s", name, err.text);
    for (uint64_t i = 0; i < n; i++)
        CHECK(got[i] == want[i], "%s[%d]: got %.9g, want %.9g", name, (int)i, (double)got[i], (double)want[i]);
    if (dtype == HSE_F32 || dtype == HSE_F64 || dtype == HSE_F16 || dtype == HSE_BF16)
        return;
    int32_t integers[64];
    CHECK(hse_weights_read_i32(w, t, integers, &err) == HSE_OK, "%s: %s", name, err.text);
    for (uint64_t i = 0; i < n; i++)
        CHECK(integers[i] == (int32_t)want[i], "%s[%d]: got %d", name, (int)i, integers[i]);
}

static void check_counting(const hse_weights *w, const char *name, hse_dtype dtype)
{
    float want[6];

    for (uint64_t i = 0; i < COUNT(want); i++)
        want[i] = value(dtype, i);
    check_values(w, name, dtype, 2, (const uint64_t[]){2, 3}, want);
}

static hse_weights *open_file(const char *path)
{
    hse_weights *w = NULL;
    hse_error err = {0};

    CHECK(hse_weights_open(&w, test_path(path), NULL, &err) == HSE_OK, "%s: %s", path, err.text);
    return w;
}

TEST(every_stored_file_opens_as_what_it_is)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        hse_weights *w = open_file(files[i].file);
        CHECK(strcmp(hse_weights_format(w), files[i].format) == 0, "%s: format %s", files[i].file,
              hse_weights_format(w));
        CHECK(hse_weights_count(w) == files[i].count, "%s: %zu tensors", files[i].file, hse_weights_count(w));
        CHECK(hse_weights_find(w, "no such name") == NULL && hse_weights_at(w, files[i].count) == NULL, "%s",
              files[i].file);
        hse_weights_close(&w);
        CHECK(w == NULL, "%s", files[i].file);
    }
}

TEST(torch_files_are_read_exactly)
{
    static const struct {
        const char *name;
        hse_dtype dtype;
    } dtypes[] = {
        {"model.f32", HSE_F32}, {"model.f64", HSE_F64},   {"model.f16", HSE_F16}, {"model.bf16", HSE_BF16},
        {"model.i8", HSE_I8},   {"model.u8", HSE_U8},     {"model.i16", HSE_I16}, {"model.i32", HSE_I32},
        {"model.i64", HSE_I64}, {"model.bool", HSE_BOOL}, {"model.u16", HSE_U16}, {"model.u32", HSE_U32},
        {"model.u64", HSE_U64},
    };

    for (size_t f = 0; f < COUNT(files); f++) {
        if (files[f].count < 20 || strncmp(files[f].format, "torch", 5) != 0)
            continue;
        hse_weights *w = open_file(files[f].file);
        for (size_t i = 0; i < COUNT(dtypes) - (files[f].count == 20 ? 3 : 0); i++)
            check_counting(w, dtypes[i].name, dtypes[i].dtype);
        float base[24], transposed[24], part[6];
        for (uint64_t i = 0; i < 24; i++) {
            base[i] = value(HSE_F32, i);
            transposed[i] = value(HSE_F32, i % 4 * 6 + i / 4);
        }
        for (uint64_t i = 0; i < 6; i++)
            part[i] = value(HSE_F32, (1 + i / 3) * 6 + 2 + i % 3);
        check_values(w, "model.t.view", HSE_F32, 2, (const uint64_t[]){6, 4}, transposed);
        check_values(w, "model.t.part", HSE_F32, 2, (const uint64_t[]){2, 3}, part);
        check_values(w, "model.t.row", HSE_F32, 1, (const uint64_t[]){6}, base + 12);
        check_values(w, "model.scalar", HSE_F32, 0, NULL, base);
        check_values(w, "model.empty", HSE_F32, 2, (const uint64_t[]){0, 3}, NULL);
        check_values(w, "model.expanded", HSE_F32, 2, (const uint64_t[]){2, 3},
                     (const float[]){-1.5f, -1, -.5f, -1.5f, -1, -.5f});
        check_values(w, "model.parameter", HSE_F32, 2, (const uint64_t[]){2, 2}, base);
        check_values(w, "list.0", HSE_F32, 1, (const uint64_t[]){2}, base);
        check_values(w, "list.1.k", HSE_I64, 1, (const uint64_t[]){1}, (const float[]){-3});
        check_values(w, "9", HSE_F32, 1, (const uint64_t[]){1}, base);
        hse_weights_close(&w);
    }
}

TEST(plain_values_of_a_torch_file)
{
    static const struct {
        const char *name;
        bool found;
        int64_t want;
    } integers[] = {
        {"step", true, 7},
        {"big", true, (int64_t)1 << 40},
        {"negative", true, -5},
        {"flag", true, 1},
        {"huge", false, 0},
        {"rate", false, 0},
        {"name", false, 0},
        {"list.2", false, 0},
        {"size.0", false, 0},
        {"model", false, 0},
        {"ignored.none", false, 0},
        {"ignored.default.a", true, 1},
        {"ignored.opaque", false, 0},
        {"", false, 0},
    };

    for (size_t f = 0; f < COUNT(files); f++) {
        if (files[f].count < 20 || strncmp(files[f].format, "torch", 5) != 0)
            continue;
        hse_weights *w = open_file(files[f].file);
        for (size_t i = 0; i < COUNT(integers); i++) {
            int64_t got = 0;
            bool found = hse_weights_int(w, integers[i].name, &got);
            /* an inert defaultdict keeps no items unless it is a known one: it is */
            CHECK(found == integers[i].found && got == integers[i].want, "%s %s: %d %lld", files[f].file,
                  integers[i].name, found, (long long)got);
        }
        double real = 0;
        const char *text = NULL;
        CHECK(hse_weights_real(w, "rate", &real) && real == 0.25, "%g", real);
        CHECK(hse_weights_real(w, "step", &real) && real == 7, "%g", real);
        CHECK(!hse_weights_real(w, "name", &real) && !hse_weights_text(w, "step", &text) &&
                  !hse_weights_text(w, "x", &text),
              "types");
        CHECK(hse_weights_text(w, "name", &text) && strcmp(text, "tiny \u00e9") == 0, "%s", text);
        hse_weights_close(&w);
    }
}

TEST(safetensors_npz_npy_and_onnx_are_read_exactly)
{
    static const struct {
        const char *safetensors, *numpy;
        int onnx;
        hse_dtype dtype;
    } kinds[] = {
        {"f32", "float32", 1, HSE_F32}, {"f64", "float64", 11, HSE_F64}, {"f16", "float16", 10, HSE_F16},
        {"bf16", NULL, 16, HSE_BF16},   {"i8", "int8", 3, HSE_I8},       {"u8", "uint8", 2, HSE_U8},
        {"i16", "int16", 5, HSE_I16},   {"u16", "uint16", 4, HSE_U16},   {"i32", "int32", 6, HSE_I32},
        {"u32", "uint32", 12, HSE_U32}, {"i64", "int64", 7, HSE_I64},    {"u64", "uint64", 13, HSE_U64},
        {"bool", "bool", 9, HSE_BOOL},
    };
    hse_weights *safetensors = open_file(DATA "all.safetensors"), *onnx = open_file(DATA "all.onnx");
    hse_weights *npz[2] = {open_file(DATA "stored.npz"), open_file(DATA "deflated.npz")};
    float many[24];
    const char *text = NULL;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        char name[16];
        check_counting(safetensors, kinds[i].safetensors, kinds[i].dtype);
        for (int k = 0; k < 2 && kinds[i].numpy; k++)
            check_counting(npz[k], kinds[i].numpy, kinds[i].dtype);
        snprintf(name, sizeof name, "raw.%d", kinds[i].onnx);
        check_counting(onnx, name, kinds[i].dtype);
        snprintf(name, sizeof name, "rep.%d", kinds[i].onnx);
        check_counting(onnx, name, kinds[i].dtype);
    }
    for (uint64_t i = 0; i < 24; i++)
        many[i] = value(HSE_F32, i);
    for (int k = 0; k < 2; k++) {
        check_values(npz[k], "fortran", HSE_F32, 3, (const uint64_t[]){2, 3, 4}, many);
        check_values(npz[k], "scalar", HSE_F32, 0, NULL, many);
        check_values(npz[k], "empty", HSE_F32, 2, (const uint64_t[]){0, 3}, NULL);
        hse_weights_close(&npz[k]);
    }
    check_values(safetensors, "scalar", HSE_F32, 0, NULL, many);
    check_values(safetensors, "empty", HSE_F32, 2, (const uint64_t[]){0, 3}, NULL);
    CHECK(hse_weights_text(safetensors, "__metadata__.format", &text) && strcmp(text, "pt") == 0, "%s", text);
    CHECK(hse_weights_text(safetensors, "__metadata__.note", &text) && strcmp(text, "\u00e9 \"quoted\" \\ \n") == 0,
          "%s", text);
    check_values(onnx, "k.float", HSE_F32, 0, NULL, (const float[]){0.5f});
    check_values(onnx, "k.int", HSE_I64, 0, NULL, (const float[]){-7});
    check_values(onnx, "k.floats", HSE_F32, 1, (const uint64_t[]){2}, (const float[]){0.5f, 1.5f});
    check_counting(onnx, "deep.w", HSE_F32);
    check_counting(onnx, "deeper.w", HSE_F32);
    check_counting(onnx, "else.w", HSE_F32);
    check_counting(onnx, "then.init", HSE_F32);
    hse_weights_close(&safetensors);
    hse_weights_close(&onnx);
    for (int v = 1; v <= 3; v++) {
        char path[64];
        snprintf(path, sizeof path, DATA "v%d.npy", v);
        hse_weights *npy = open_file(path);
        check_counting(npy, "", HSE_F32);
        hse_weights_close(&npy);
    }
    hse_weights *fortran = open_file(DATA "fortran.npy");
    check_values(fortran, "", HSE_F32, 3, (const uint64_t[]){2, 3, 4}, many);
    hse_weights_close(&fortran);
}

TEST(values_that_are_no_int32_are_refused)
{
    hse_weights *w = open_file(DATA "all.onnx");
    int32_t out[8];
    hse_error err = {0};

    CHECK(hse_weights_read_i32(w, hse_weights_find(w, "k.ints"), out, &err) == HSE_E_FORMAT &&
              strstr(err.text, "element 2"),
          "%s", err.text);
    CHECK(hse_weights_read_i32(w, hse_weights_find(w, "raw.1"), out, &err) == HSE_E_FORMAT &&
              strstr(err.text, "float32"),
          "%s", err.text);
    hse_weights_close(&w);
}

TEST(a_file_cut_at_any_byte_is_an_error)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        hse_bytes whole = stored(files[i].file);
        for (size_t n = 0; n < whole.size; n += stride_of(i)) {
            /* a copy of exactly n bytes at a guard of the allocator's, so that a sanitizer sees one read too many */
            uint8_t *cut = hse_alloc(n);
            hse_error err = {0};
            uint64_t print;
            memcpy(cut, whole.data, n);
            hse_status s = fingerprint((hse_bytes){cut, n}, &print, &err);
            CHECK(s != HSE_OK, "%s cut to %zu of %zu bytes is accepted", files[i].file, n, whole.size);
            hse_free(cut);
        }
        release(whole);
    }
}

TEST(a_changed_byte_is_noticed_or_without_effect)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        hse_bytes whole = stored(files[i].file);
        uint8_t *copy = hse_alloc(whole.size);
        uint64_t want, got;
        hse_error err = {0};
        CHECK(fingerprint(whole, &want, &err) == HSE_OK, "%s: %s", files[i].file, err.text);
        memcpy(copy, whole.data, whole.size);
        for (size_t at = 0; at < whole.size; at += stride_of(i))
            for (int bit = 0; bit < 8; bit += files[i].checked ? 1 : 3) {
                copy[at] ^= (uint8_t)(1 << bit);
                hse_status s = fingerprint((hse_bytes){copy, whole.size}, &got, &err);
                CHECK(s != HSE_OK || got == want || !files[i].checked, "%s: bit %d of byte %zu", files[i].file, bit,
                      at);
                copy[at] ^= (uint8_t)(1 << bit);
            }
        hse_free(copy);
        release(whole);
    }
}

/* Every place of 1, 2, 4 and 8 bytes takes every boundary value: whichever integer field stands there is covered. */
TEST(every_integer_field_at_every_boundary)
{
    static const uint64_t values[] = {0,
                                      1,
                                      0x7f,
                                      0x80,
                                      0xff,
                                      0x7fff,
                                      0x8000,
                                      0xffff,
                                      INT32_MAX,
                                      (uint64_t)INT32_MAX + 1,
                                      UINT32_MAX,
                                      (uint64_t)UINT32_MAX + 1,
                                      INT64_MAX,
                                      (uint64_t)INT64_MAX + 1,
                                      UINT64_MAX - 1,
                                      UINT64_MAX};

    for (size_t i = 0; i < COUNT(files); i++) {
        hse_bytes whole = stored(files[i].file);
        uint8_t *copy = hse_alloc(whole.size);
        size_t step = stride_of(i) * (whole.size > 2048 ? 3 : 1); /* the large ones repeat a structure */
        memcpy(copy, whole.data, whole.size);
        for (size_t at = 0; at < whole.size; at += step)
            for (size_t width = 1; width <= 8; width *= 2)
                for (size_t v = 0; v < COUNT(values); v++) {
                    uint64_t print;
                    size_t n = width < whole.size - at ? width : whole.size - at;
                    if (width < 8 && values[v] >> (8 * width))
                        break;
                    for (size_t k = 0; k < n; k++)
                        copy[at + k] = (uint8_t)(values[v] >> (8 * k));
                    fingerprint((hse_bytes){copy, whole.size}, &print, NULL);
                    memcpy(copy + at, whole.data + at, n);
                }
        hse_free(copy);
        release(whole);
    }
}

static hse_status open_and_read(void *arg, hse_error *err)
{
    uint64_t print;

    return fingerprint(*(hse_bytes *)arg, &print, err);
}

TEST(each_allocation_fails_once)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        hse_bytes whole = stored(files[i].file);
        unsigned n = test_torture(files[i].file, open_and_read, &whole);
        CHECK(n > 3, "%s: only %u allocations", files[i].file, n);
        release(whole);
    }
}

static hse_status open_path(void *arg, hse_error *err)
{
    hse_weights *w = NULL;
    hse_status s = hse_weights_open(&w, arg, NULL, err);

    hse_weights_close(&w);
    return s;
}

TEST(opening_a_path)
{
    static const struct {
        const char *path;
        hse_status want;
        const char *words;
    } cases[] = {
        {DATA "nothing.pt", HSE_E_NOT_FOUND, "nothing.pt"},
        {DATA, HSE_E_FORMAT, "regular"},
        {DATA "script.pt", HSE_E_UNSUPPORTED, "TorchScript"},
        {DATA "whole-module.pt", HSE_E_UNSUPPORTED, "Opaque"},
        {DATA "external.onnx", HSE_E_UNSUPPORTED, "another file"},
        {"LICENSE", HSE_E_UNSUPPORTED, "not a checkpoint format"},
        {DATA "bare.pt", HSE_OK, ""},
    };
    char path[512];

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        snprintf(path, sizeof path, "%s", test_path(cases[i].path));
        hse_status s = open_path(path, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].words), "%s: %d %s", cases[i].path, (int)s, err.text);
    }
    snprintf(path, sizeof path, "%s", test_path(DATA "bare.pt"));
    test_torture("path", open_path, path);
    expect("empty", (hse_bytes){NULL, 0}, HSE_E_FORMAT, "empty");
    expect("one byte", LITERAL("x"), HSE_E_UNSUPPORTED, "78");
}

TEST(limits_are_kept_and_named)
{
    static const struct {
        const char *file;
        hse_weights_limits limits;
        hse_status want;
        const char *words;
    } cases[] = {
        {DATA "torch-p2.pt", {.max_tensors = 23}, HSE_OK, ""},
        {DATA "torch-p2.pt", {.max_tensors = 22}, HSE_E_LIMIT, "max_tensors"},
        {DATA "legacy-p2.pt", {.max_tensors = 19}, HSE_E_LIMIT, "max_tensors"},
        {DATA "all.safetensors", {.max_tensors = 14}, HSE_E_LIMIT, "max_tensors"},
        {DATA "all.safetensors", {.max_header_bytes = 100}, HSE_E_LIMIT, "max_header_bytes"},
        {DATA "torch-p2.pt", {.max_header_bytes = 100}, HSE_E_LIMIT, "max_header_bytes"},
        {DATA "torch-p2.pt", {.max_header_bytes = 1900}, HSE_E_LIMIT, "max_header_bytes"},
        {DATA "deflated.npz", {.max_inflated_bytes = 100}, HSE_E_LIMIT, "max_inflated_bytes"},
        {DATA "torch-deflated.pt", {.max_inflated_bytes = 1000}, HSE_E_LIMIT, "max_inflated_bytes"},
        {DATA "all.onnx", {.max_tensors = 33}, HSE_E_LIMIT, "max_tensors"},
        {DATA "all.onnx", {.max_inflated_bytes = 100}, HSE_E_LIMIT, "max_inflated_bytes"},
        {DATA "all.onnx", {.max_tensors = 34}, HSE_OK, ""},
        {DATA "ct2-v6.bin", {.max_tensors = 14}, HSE_E_LIMIT, "max_tensors"},
        {DATA "ct2-v6.bin", {.max_tensors = 15}, HSE_OK, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_weights *w = NULL;
        hse_error err = {0};
        hse_status s = hse_weights_open(&w, test_path(cases[i].file), &cases[i].limits, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].words), "case %zu: %d %s", i, (int)s, err.text);
        hse_weights_close(&w);
    }
}

/* A tensor of more elements than are converted at a time, from a file that is mapped, and a strided view of it. */
TEST(large_tensors_are_read_in_pieces)
{
    enum { ROWS = 1500, COLUMNS = 1000 };
    hse_buf b = new_buf();
    char path[64] = "/tmp/hse-test-XXXXXX";
    hse_weights *w = NULL;
    hse_error err = {0};
    float *out = hse_alloc((size_t)ROWS * COLUMNS * sizeof *out);
    int fd = mkstemp(path);

    hse_buf_extend(&b, 8);
    hse_buf_printf(&b, "{\"a\":{\"dtype\":\"I32\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}", ROWS, COLUMNS,
                   ROWS * COLUMNS * 4);
    uint64_t header = b.size - 8;
    memcpy(b.data, &header, 8);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        put(&b, (uint64_t)i, 4);
    CHECK(fd >= 0 && write(fd, b.data, b.size) == (ssize_t)b.size, "%s", path);
    close(fd);
    CHECK(hse_weights_open(&w, path, NULL, &err) == HSE_OK, "%s", err.text);
    hse_weight t = *hse_weights_find(w, "a");
    for (int turn = 0; turn < 2; turn++) {
        CHECK(hse_weights_read_f32(w, &t, out, &err) == HSE_OK, "%s", err.text);
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            int want = turn ? i % ROWS * COLUMNS + i / ROWS : i;
            CHECK(out[i] == (float)want, "turn %d: element %d is %g", turn, i, (double)out[i]);
        }
        uint64_t swap = t.dim[0];
        t.dim[0] = t.dim[1];
        t.dim[1] = swap;
        swap = t.stride[0];
        t.stride[0] = t.stride[1];
        t.stride[1] = swap;
    }
    hse_weights_close(&w);
    unlink(path);
    hse_free(out);
    hse_buf_free(&b);
}

typedef struct {
    const hse_weights *w;
    bool wrong;
} reading;

static void *read_again(void *arg)
{
    reading *r = arg;

    for (int turn = 0; turn < 50; turn++)
        for (size_t i = 0; i < hse_weights_count(r->w); i++) {
            const hse_weight *t = hse_weights_at(r->w, i);
            float out[64];
            r->wrong = r->wrong || hse_weights_read_f32(r->w, t, out, NULL) != HSE_OK ||
                       (t->rank == 2 && t->count == 6 && t->dtype == HSE_I32 && out[5] != 2);
            hse_weights_drop(r->w, t);
        }
    return NULL;
}

TEST(reads_and_drops_of_many_threads)
{
    static const char *const shared[] = {DATA "torch-p2.pt", DATA "deflated.npz", DATA "all.onnx"};

    for (size_t f = 0; f < COUNT(shared); f++) {
        hse_weights *w = open_file(shared[f]);
        pthread_t threads[4];
        reading r[4];
        for (size_t i = 0; i < COUNT(threads); i++) {
            r[i] = (reading){w, false};
            CHECK(pthread_create(&threads[i], NULL, read_again, &r[i]) == 0, "thread %zu", i);
        }
        for (size_t i = 0; i < COUNT(threads); i++) {
            pthread_join(threads[i], NULL);
            CHECK(!r[i].wrong, "%s: thread %zu read something else", shared[f], i);
        }
        hse_weights_close(&w);
    }
}

/* Peak memory of a child that opens the bytes, above that of one that does nothing. In KiB. */
static long peak(hse_bytes file, const hse_weights_limits *limits)
{
    int fd[2];
    long kib[2] = {0};

    for (int turn = 0; turn < 2; turn++) {
        CHECK(pipe(fd) == 0, "pipe");
        pid_t child = fork();
        if (child == 0) {
            hse_weights *w = NULL;
            struct rusage before, after;
            getrusage(RUSAGE_SELF, &before);
            if (turn && hse_weights_open_bytes(&w, file, "file", limits, NULL) == HSE_OK)
                hse_weights_close(&w);
            getrusage(RUSAGE_SELF, &after);
            if (write(fd[1], &after.ru_maxrss, sizeof after.ru_maxrss) < 0)
                _exit(1);
            _exit(0);
        }
        close(fd[1]);
        CHECK(child > 0 && read(fd[0], &kib[turn], sizeof kib[turn]) == sizeof kib[turn], "child");
        waitpid(child, NULL, 0);
        close(fd[0]);
    }
    return kib[1] - kib[0];
}

/* A header of n tensors, each of `bytes` bytes: with 0, the most tensors that a header can hold. */
static hse_buf many_tensors(size_t n, size_t bytes)
{
    hse_buf b = new_buf();

    hse_buf_extend(&b, 8);
    for (size_t i = 0; i < n; i++)
        hse_buf_printf(&b, "%c\"%zx\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}", i ? ',' : '{', i,
                       bytes, i * bytes, i * bytes + bytes);
    hse_buf_byte(&b, '}');
    uint64_t header = b.size - 8;
    memcpy(b.data, &header, 8);
    for (size_t i = 0; i < n * bytes; i++)
        hse_buf_byte(&b, 1);
    return b;
}

TEST(small_hostile_files_take_little_memory)
{
    static const hse_weights_limits wide = {.max_tensors = 2000000, .max_header_bytes = 128 << 20};
    hse_buf files_made[6] = {
        many_tensors(65536, 0), many_tensors(1000000, 1), new_buf(), new_buf(), new_buf(), new_buf()};
    /* pickles of one opcode over and over: empty dicts, tuples of one, memo entries, a list in itself */
    static const char *const opcodes[] = {"}", ")\x85", "}\x94", "a"};

    for (size_t i = 0; i < COUNT(opcodes); i++) {
        hse_buf pkl = new_buf();
        archive a = archive_new();
        hse_buf_str(&pkl, "\x80\x02");
        hse_buf_str(&pkl, opcodes[i][0] == 'a' ? "]q" : "");
        if (opcodes[i][0] == 'a')
            hse_buf_byte(&pkl, 0);
        for (int k = 0; k < 300000; k++)
            hse_buf_str(&pkl, opcodes[i][0] == 'a' ? "K" : opcodes[i]);
        hse_buf_byte(&pkl, '.');
        archive_add(&a, "x/data.pkl", view(&pkl));
        archive_end(&a);
        files_made[2 + i] = a.file;
        hse_buf_free(&pkl);
    }
    for (size_t i = 0; i < COUNT(files_made); i++) {
        long kib = peak(view(&files_made[i]), i == 1 ? &wide : NULL),
             limit = (long)(3 * files_made[i].size / 1024) + 16 * 1024;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        CHECK(kib <= limit, "file %zu of %zu bytes takes %ld KiB, the limit is %ld", i, files_made[i].size, kib, limit);
#endif
        print_message("file %zu: %zu bytes, %ld KiB of %ld\n", i, files_made[i].size, kib, limit);
        hse_buf_free(&files_made[i]);
    }
}

TEST(a_million_names_load_in_linear_time)
{
    static const hse_weights_limits wide = {.max_tensors = 2000000, .max_header_bytes = 128 << 20};
    double seconds[2];

    for (int turn = 0; turn < 2; turn++) {
        hse_buf b = many_tensors(turn ? 1000000 : 100000, 0);
        struct rusage before, after;
        hse_weights *w = NULL;
        getrusage(RUSAGE_SELF, &before);
        CHECK(hse_weights_open_bytes(&w, view(&b), "many", &wide, NULL) == HSE_OK, "turn %d", turn);
        getrusage(RUSAGE_SELF, &after);
        hse_weights_close(&w);
        hse_buf_free(&b);
        seconds[turn] = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
                        1e-6 * (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec);
    }
    print_message("100,000 names: %.3f s, 1,000,000: %.3f s\n", seconds[0], seconds[1]);
    CHECK(seconds[1] < 40 * seconds[0] + 1, "100,000 names took %.3f s, 1,000,000 %.3f s", seconds[0], seconds[1]);
}
