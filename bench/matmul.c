/* matmul.c - our packed products against oneDNN and OpenBLAS in one run, alternating; medians, ratios, share of the
 * peak.
 *
 *   bench_matmul [threads] [shape]         shape: a part of a line's name; threads: 1 (CPU time) or more (wall clock)
 */
#include "peak.h"
#include "peers.h"

#include "base/mem.h"
#include "base/pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 9, WORKERS_PER_THREAD = 2 };

typedef struct {
    const char *name;
    int m, n, k, taps;
} shape;

static const shape shapes[] = {
    {"1512x512x512", 1512, 512, 512, 1},
    {"1512x512x2048", 1512, 512, 2048, 1},
    {"1512x5120x1280", 1512, 5120, 1280, 1},
    {"448x384x384", 448, 384, 384, 1},
    {"70x512x512", 70, 512, 512, 1},
    {"1499x512x512", 1499, 512, 512, 1},
    {"37x80x1024", 37, 80, 1024, 1},
    {"1499x2048x512", 1499, 2048, 512, 1},
    {"997x256x320", 997, 256, 320, 1},
    {"1x2048x512", 1, 2048, 512, 1},
    {"4x2048x512", 4, 2048, 512, 1},
    {"8x1536x512", 8, 1536, 512, 1},
    {"13x2048x512", 13, 2048, 512, 1},
    {"4000x16x48", 4000, 16, 48, 1},
    {"4000x32x96", 4000, 32, 96, 1},
    {"4000x48x144", 4000, 48, 144, 1},
    {"4000x80x240", 4000, 80, 240, 1},
    {"4000x4x224", 4000, 4, 224, 1},
    {"conv 1024 256->256 taps 3", 1024, 256, 256, 3},
    {"conv 1024 256->256 taps 11", 1024, 256, 256, 11},
    {"conv 4096 128->128 taps 7", 4096, 128, 128, 7},
    {"conv 8192 64->64 taps 3", 8192, 64, 64, 3},
    {"conv 8192 32->32 taps 3", 8192, 32, 32, 3},
    {"conv 8192 32->32 taps 11", 8192, 32, 32, 11},
    {"conv 8192 16->16 taps 3", 8192, 16, 16, 3},
    {"conv 8192 16->16 taps 11", 8192, 16, 16, 11},
    {"conv 512 512->512 taps 11", 512, 512, 512, 11},
    {"conv 8192 32->4 taps 7", 8192, 32, 4, 7},
};

/* Everything that one shape and type needs. Convolutions have no peer here: these would need an im2col copy first. */
typedef struct {
    const hse_kernels *k;
    hse_pool *pool;
    const shape *s;
    k_weight_type type;
    k_packed w;
    k_gemm g;
    int parts;
    float *in, *weights, *weights_t, *out, *scale, *w_scale;
    void *a, *w_own, *block;
    peer_onednn *onednn;
} job;

static void *room(size_t bytes)
{
    void *p = hse_alloc_aligned(64, (bytes + 4095) / 4096 * 4096);

    if (p == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

static void fill(float *p, size_t n)
{
    static uint32_t seed = 1;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)seed / 2147483648.0f;
    }
}

/* The weights as the peer takes them: [n][k], rounded or quantised by our own kernels. */
static void peer_weights(job *j)
{
    const shape *s = j->s;
    size_t n = (size_t)s->n, k = (size_t)s->k;

    j->w_own = room(n * k * 4);
    j->w_scale = room(n * 4);
    if (j->type == K_F32)
        memcpy(j->w_own, j->weights, n * k * 4);
    else if (j->type == K_BF16)
        j->k->to_bf16(j->w_own, k, j->weights, k, s->n, s->k, K_NONE, 0);
    else {
        j->k->to_int8(j->w_own, k, j->w_scale, j->weights, k, s->n, s->k, K_NONE, 0);
        for (size_t i = 0; i < n * k; i++)
            ((uint8_t *)j->w_own)[i] ^= 0x80;
    }
}

static void job_open(job *j)
{
    const shape *s = j->s;
    size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k, taps = (size_t)s->taps;
    size_t align = (size_t)j->k->k_align[j->type], a_row = (k + align - 1) / align * align, rows = m + taps - 1;

    j->in = room(rows * k * 4);
    j->weights = room(n * k * taps * 4);
    j->weights_t = room(n * k * 4);
    j->out = room(m * n * 4);
    j->scale = room(rows * 4);
    fill(j->in, rows * k);
    fill(j->weights, n * k * taps);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < k; i++)
            j->weights_t[i * n + r] = j->weights[r * k * taps + i];
    j->block = room(j->k->pack_size(j->type, s->n, s->k, s->taps));
    j->k->pack(&j->w, j->block, j->type, s->n, s->k, s->taps, j->weights, k * taps, k, 1);
    j->a = j->in;
    if (j->type != K_F32)
        j->a = room(rows * a_row * 2);
    if (j->type == K_BF16)
        j->k->to_bf16(j->a, a_row, j->in, k, (int)rows, s->k, K_NONE, 0);
    if (j->type == K_INT8)
        j->k->to_int8(j->a, a_row, j->scale, j->in, k, (int)rows, s->k, K_NONE, 0);
    j->g = (k_gemm){.w = &j->w,
                    .a = j->a,
                    .a_row = a_row,
                    .a_tap = a_row,
                    .a_scale = j->scale,
                    .a_scale_row = 1,
                    .a_scale_tap = 1,
                    .rows = s->m,
                    .panel_to = j->w.panels,
                    .out = j->out,
                    .out_row = n,
                    .alpha = 1.0f};
    if (s->taps == 1 && a_row == k) {
        peer_weights(j);
        j->onednn =
            peer_onednn_open(j->type, s->m, s->n, s->k, j->a, j->w_own, j->type == K_INT8 ? j->w_scale : NULL, j->out);
    }
}

static void job_close(job *j)
{
    peer_onednn_close(j->onednn);
    void *all[] = {
        j->in, j->weights, j->weights_t, j->out, j->scale, j->w_scale, j->w_own, j->block, j->a == j->in ? NULL : j->a};
    for (size_t i = 0; i < COUNT(all); i++)
        hse_free(all[i]);
}

/* One part of the rows, or of the panels when there are few rows. */
static void run_part(void *arg, int part)
{
    job *j = arg;
    k_gemm g = j->g;
    int step = j->k->gemm_rows[j->type], tiles = (g.rows + step - 1) / step, panels = j->w.panels;

    if (tiles >= j->parts) {
        int from = tiles * part / j->parts * step, to = tiles * (part + 1) / j->parts * step;
        size_t element = j->type == K_F32 ? 4 : j->type == K_BF16 ? 2 : 1;
        to = to < g.rows ? to : g.rows;
        g.a = (const char *)g.a + (size_t)from * g.a_row * element;
        g.a_scale += from;
        g.out += (size_t)from * g.out_row;
        g.rows = to - from;
    } else {
        g.panel_from = panels * part / j->parts;
        g.panel_to = panels * (part + 1) / j->parts;
    }
    j->k->gemm[j->type](&g);
}

static void run_ours(job *j)
{
    hse_pool_run(j->pool, j->parts, run_part, j);
}

static void run_onednn(job *j)
{
    peer_onednn_run(j->onednn);
}

static void run_openblas(job *j)
{
    peer_openblas(j->s->m, j->s->n, j->s->k, j->in, j->weights_t, j->out);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, ascending);
    return x[n / 2];
}

static double time_of(void (*run)(job *), job *j, int times, bool wall)
{
    double from = bench_seconds(wall);

    for (int i = 0; i < times; i++)
        run(j);
    return (bench_seconds(wall) - from) / times;
}

/* Runs all in turn, PAIRS times; prints our rate and the median of each pair's ratio. */
static void compare(job *j, double peak)
{
    void (*run[3])(job *) = {run_ours, j->onednn != NULL ? run_onednn : NULL,
                             j->type == K_F32 && j->s->taps == 1 ? run_openblas : NULL};
    double operations = 2.0 * j->s->m * j->s->n * j->s->k * j->s->taps, time[3][PAIRS] = {{0}}, ratio[3][PAIRS];
    bool wall = j->parts > 1;
    int times = 1;

    for (int p = 0; p < 3; p++)
        if (run[p] != NULL)
            time_of(run[p], j, 2, wall); /* warm */
    while (time_of(run_ours, j, times, wall) * times < 0.004)
        times *= 2;
    for (int i = 0; i < PAIRS; i++)
        for (int p = 0; p < 3; p++)
            if (run[p] != NULL) {
                time[p][i] = time_of(run[p], j, times, wall);
                ratio[p][i] = time[p][i] / time[0][i];
            }
    static const char *const types[] = {"f32", "bf16", "int8"};
    double rate = operations / median(time[0], PAIRS) / 1e9;
    printf("%-28s %-5s %8.1f G/s %5.1f %% of peak", j->s->name, types[j->type], rate, peak > 0 ? 100 * rate / peak : 0);
    if (run[1] != NULL)
        printf("   oneDNN %8.1f, ours %.2f x", operations / median(time[1], PAIRS) / 1e9, median(ratio[1], PAIRS));
    if (run[2] != NULL)
        printf("   OpenBLAS %7.1f, ours %.2f x", operations / median(time[2], PAIRS) / 1e9, median(ratio[2], PAIRS));
    printf("\n");
    fflush(stdout);
}

/* Products of two activations, as in attention: a [m][k] with b [n][k] (transposed) or [k][n]; one thread. */
typedef struct {
    const char *name;
    int m, n, k;
    bool transposed;
} plain_shape;

static const plain_shape plain_shapes[] = {
    {"scores 1500x1500x64", 1500, 1500, 64, true}, {"values 1500x64x1500", 1500, 64, 1500, false},
    {"scores 197x197x96", 197, 197, 96, true},     {"values 197x96x197", 197, 96, 197, false},
    {"scores 1x1500x64", 1, 1500, 64, true},       {"values 1x64x1500", 1, 64, 1500, false},
};

static void plain_product(const hse_kernels *k, const plain_shape *s, double peak)
{
    size_t m = (size_t)s->m, n = (size_t)s->n, inner = (size_t)s->k;
    float *a = room(m * inner * 4), *b = room(n * inner * 4), *c = room(m * n * 4);
    double time[2][PAIRS], ratio[PAIRS], operations = 2.0 * s->m * s->n * s->k;
    int times = 1 + (int)(2e8 / operations);

    fill(a, m * inner);
    fill(b, n * inner);
    for (int i = -1; i < PAIRS; i++) { /* the first round warms up */
        double from = bench_seconds(false), between;
        for (int t = 0; t < times; t++)
            (s->transposed ? k->matmul_nt : k->matmul_nn)(c, n, a, inner, b, s->transposed ? inner : n, s->m, s->n,
                                                          s->k, 0.125f);
        between = bench_seconds(false);
        for (int t = 0; t < times; t++)
            peer_openblas_plain(s->transposed, s->m, s->n, s->k, 0.125f, a, b, c);
        if (i >= 0) {
            time[0][i] = (between - from) / times;
            time[1][i] = (bench_seconds(false) - between) / times;
            ratio[i] = time[1][i] / time[0][i];
        }
    }
    double rate = operations / median(time[0], PAIRS) / 1e9;
    printf("%-28s %-5s %8.1f G/s %5.1f %% of peak   OpenBLAS %7.1f, ours %.2f x\n", s->name, "f32", rate,
           peak > 0 ? 100 * rate / peak : 0, operations / median(time[1], PAIRS) / 1e9, median(ratio, PAIRS));
    hse_free(a);
    hse_free(b);
    hse_free(c);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    const char *only = argc > 2 ? argv[2] : "";
    unsigned mask;
    hse_error err = {0};
    hse_pool *pool = NULL;

    if (threads < 1 || hse_cpu_mask(NULL, &mask, &err) != HSE_OK || hse_pool_open(&pool, threads, &err) != HSE_OK) {
        fprintf(stderr, "bench_matmul: %s\n", err.text[0] != '\0' ? err.text : "threads must be at least 1");
        return 1;
    }
    const hse_kernels *k = hse_kernels_get(mask);
    peers_set_threads(threads);
    peers_print_versions();
    printf("ours: %s; %d thread%s; %s; median of %d alternating runs\n", k->name, threads, threads > 1 ? "s" : "",
           threads > 1 ? "wall clock" : "CPU time", PAIRS);
    for (int type = 0; type < K_WEIGHT_TYPES; type++)
        for (size_t i = 0; i < COUNT(shapes); i++) {
            if (strstr(shapes[i].name, only) == NULL)
                continue;
            job j = {.k = k, .pool = pool, .s = &shapes[i], .type = (k_weight_type)type, .parts = threads};
            job_open(&j);
            bench_peak before = bench_measure_peak(mask);
            compare(&j, before.rate[type] * threads);
            bench_peak after = bench_measure_peak(mask);
            if (after.rate[type] < 0.95 * before.rate[type] || after.rate[type] > 1.05 * before.rate[type])
                printf("%-28s the peak went from %.1f to %.1f G/s meanwhile\n", "", before.rate[type],
                       after.rate[type]);
            job_close(&j);
        }
    for (size_t i = 0; threads == 1 && i < COUNT(plain_shapes); i++)
        if (strstr(plain_shapes[i].name, only) != NULL)
            plain_product(k, &plain_shapes[i], bench_measure_peak(mask).rate[K_F32]);
    hse_pool_close(&pool);
    return 0;
}
