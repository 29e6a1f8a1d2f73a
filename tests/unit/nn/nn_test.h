/* nn_test.h - runs an operation on random ragged batches, on every instruction set, weight type and thread count,
 * and compares it with a plain double reference that sees one item at a time. */
#ifndef HSE_NN_TEST_H
#define HSE_NN_TEST_H

#include "test.h"

#include "base/mem.h"
#include "nn/bind.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_ITEMS = 8, MAX_OUT = 1 << 17 };

/* One operation with its weights. `reference` gives an item's rows and numbers. */
typedef struct {
    const char *name;
    int         in, width;                                  /* of the input; width 0 = 1 */
    void      (*build)(nn_binder *b, void *model);
    nn_tensor (*forward)(nn_ctx *c, const void *model, nn_tensor x);
    size_t    (*reference)(const float *x, int rows, double *out);      /* numbers written */
    double      db[K_WEIGHT_TYPES];                         /* signal to error, at least; 0 = the type is not used */
    bool        short_items;                                /* items of 0 and 1 rows are fine */
} nn_case;

/* Deterministic numbers in -1..1: the same, at the same place, for the same seed and count. They live until the
 * program ends. */
static inline const float *numbers(unsigned seed, size_t n)
{
    enum { MOST = 512 };
    static struct { unsigned seed; size_t n; float *at; } known[MOST];
    int i = 0;

    while (i < MOST && known[i].at && (known[i].seed != seed || known[i].n != n))
        i++;
    assert_true(i < MOST);
    if (known[i].at)
        return known[i].at;
    float *p = malloc((n + 1) * sizeof *p);
    known[i].seed = seed;
    known[i].n = n;
    known[i].at = p;
    seed = seed * 2654435761u + 1;
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525u + 1013904223u;
        p[k] = (float)(int32_t)(seed ^ seed >> 15) / 2147483648.0f;
    }
    return p;
}

/* The masks that make a difference on this machine: plain C first. */
static inline int all_masks(unsigned masks[8])
{
    const unsigned steps[] = {HSE_CPU_AVX2, HSE_CPU_AVX512,   HSE_CPU_AVX512_BF16,
                              HSE_CPU_NEON, HSE_CPU_NEON_DOT, HSE_CPU_NEON_BF16};
    unsigned mask = 0;
    int n = 1;

    masks[0] = 0;
    for (size_t i = 0; i < COUNT(steps); i++)
        if (hse_cpu_detect() & steps[i])
            masks[n++] = mask |= steps[i];
    if (getenv("HSE_TEST_QUICK") && n > 2) {                /* under a sanitizer: the plain kernels and the widest */
        masks[1] = masks[n - 1];
        n = 2;
    }
    return n;
}

static inline double snr_db(const double *want, const float *got, size_t n)
{
    double signal = 0, error = 0;

    for (size_t i = 0; i < n; i++) {
        double d = want[i] - got[i];
        signal += want[i] * want[i];
        error += d * d;                                     /* NaN stays NaN and fails the comparison */
    }
    return error == 0 ? 300 : 10 * log10(signal / error);
}

static const int test_rows[MAX_ITEMS] = {7, 1, 40, 3, 0, 12, 5, 23};
static const int test_long_rows[MAX_ITEMS] = {17, 9, 40, 13, 8, 12, 11, 23};

/* Items [from, from + n) of the batch through the model; out[i] is filled, sizes[i] told. Returns the status. */
static inline hse_status run_items(nn_ctx *c, const nn_case *k, const void *model, const int *rows, const float **data,
                                   int from, int n, float **out, size_t *sizes, hse_error *err)
{
    nn_begin(c, NN_RUN);
    nn_tensor y = k->forward(c, model, nn_input2d(c, n, rows + from, k->width ? k->width : 1, k->in, data + from));
    for (int i = 0; i < n && nn_ok(c); i++) {
        sizes[i] = (size_t)nn_rows(c, y, i) * (size_t)nn_width(y) * (size_t)nn_cols(y);
        out[i] = malloc(sizes[i] * sizeof(float) + 1);
        nn_read(c, y, i, out[i], sizes[i]);
    }
    return nn_end(c, err);
}

static inline void check_against_reference(const nn_case *k, const char *what, double db, const int *rows,
                                           const float **data, float **out, const size_t *sizes)
{
    static double want[MAX_OUT];
    static double all_want[MAX_OUT];
    static float all_got[MAX_OUT];
    size_t total = 0;

    for (int i = 0; i < MAX_ITEMS; i++) {
        size_t n = k->reference(data[i], rows[i], want);
        CHECK(n == sizes[i], "%s %s item %d: %zu numbers, want %zu", k->name, what, i, sizes[i], n);
        CHECK(total + n <= MAX_OUT, "%s: the test's buffers are too small", k->name);
        memcpy(all_want + total, want, n * sizeof *want);
        memcpy(all_got + total, out[i], n * sizeof **out);
        total += n;
        CHECK(n == 0 || snr_db(want, out[i], n) >= db - 10, "%s %s item %d of %d rows: %.1f dB, want %.1f", k->name,
              what, i, rows[i], snr_db(want, out[i], n), db - 10);
    }
    CHECK(snr_db(all_want, all_got, total) >= db, "%s %s: %.1f dB, want %.1f", k->name, what,
          snr_db(all_want, all_got, total), db);
}

static inline void check_planned(nn_ctx *c, const nn_case *k, const void *model, const int *rows, size_t peak)
{
    nn_begin(c, NN_PLAN);
    k->forward(c, model, nn_input2d(c, MAX_ITEMS, rows, k->width ? k->width : 1, k->in, NULL));
    CHECK(nn_end(c, NULL) == HSE_OK && nn_peak(c) == peak, "%s: planned %zu bytes, used %zu", k->name, nn_peak(c),
          peak);
}

/* One table and weight type: the batch on 1, 2 and 3 threads, each item alone, the plan. */
static inline void check_type(const nn_case *k, void *model, const hse_kernels *kernels, k_weight_type type,
                              const int *rows, const float **data)
{
    float *first[MAX_ITEMS] = {0}, *out[MAX_ITEMS] = {0};
    size_t sizes[MAX_ITEMS], n[MAX_ITEMS];
    hse_error err = {0};
    nn_params *params = NULL;
    nn_binder *b = NULL;
    char what[64];

    snprintf(what, sizeof what, "%s %s", kernels->name, type == K_F32 ? "f32" : type == K_BF16 ? "bf16" : "int8");
    assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.kernels = kernels, .type = type}, &err), HSE_OK);
    k->build(b, model);
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s: %s", k->name, err.text);
    for (int threads = 1; threads <= 3; threads++) {
        hse_pool *pool = NULL;
        nn_ctx *c = NULL;
        assert_int_equal(hse_pool_open(&pool, threads, &err), HSE_OK);
        assert_int_equal(nn_open(&c, &(nn_options){.kernels = kernels, .pool = pool, .poison = true}, &err), HSE_OK);
        CHECK(run_items(c, k, model, rows, data, 0, MAX_ITEMS, out, sizes, &err) == HSE_OK, "%s %s: %s", k->name, what,
              err.text);
        size_t peak = nn_peak(c);
        if (threads == 1) {
            check_against_reference(k, what, k->db[type], rows, data, out, sizes);
            memcpy(first, out, sizeof first);
        }
        for (int i = 0; i < MAX_ITEMS && threads > 1; i++) {
            CHECK(memcmp(first[i], out[i], sizes[i] * sizeof(float)) == 0, "%s %s item %d: other bits on %d threads",
                  k->name, what, i, threads);
            free(out[i]);
        }
        check_planned(c, k, model, rows, peak);
        for (int i = 0; i < MAX_ITEMS; i += threads) {      /* batches of 1, 2 and 3 */
            int count = threads < MAX_ITEMS - i ? threads : MAX_ITEMS - i;
            CHECK(run_items(c, k, model, rows, data, i, count, out, n, &err) == HSE_OK, "%s %s: %s", k->name, what,
                  err.text);
            for (int m = 0; m < count; m++) {
                CHECK(n[m] == sizes[i + m] && memcmp(first[i + m], out[m], n[m] * sizeof(float)) == 0,
                      "%s %s item %d: other bits in a batch of %d", k->name, what, i + m, count);
                free(out[m]);
            }
        }
        nn_close(&c);
        hse_pool_close(&pool);
    }
    for (int i = 0; i < MAX_ITEMS; i++)
        free(first[i]);
    nn_params_free(&params);
}

static inline void check_case(const nn_case *k, void *model)
{
    const int *rows = k->short_items ? test_rows : test_long_rows;
    const float *data[MAX_ITEMS];
    unsigned masks[8];
    int n = all_masks(masks);

    for (int i = 0; i < MAX_ITEMS; i++)
        data[i] = numbers(100 + (unsigned)i, (size_t)rows[i] * (size_t)k->in * (size_t)(k->width ? k->width : 1));
    for (int m = 0; m < n; m++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++)
            if (k->db[type] > 0)
                check_type(k, model, hse_kernels_get(masks[m]), (k_weight_type)type, rows, data);
}

#endif
