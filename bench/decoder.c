/* decoder.c - a HiFi-GAN decoder at MeloTTS size with random weights, on the operations of nn: how much of the
 * machine's peak a whole network keeps, stage by stage. One thread is measured in CPU time, more on the wall clock.
 *
 *   bench_decoder [threads] [float32|bfloat16|int8] [seconds of audio]
 */
#include "peak.h"

#include "base/mem.h"
#include "nn/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGES = 5, KERNELS = 3, MEL = 192, CHANNELS = 512, RATE = 44100, HOP = 512, ROUNDS = 5 };

static const int rates[STAGES] = {8, 8, 2, 2, 2}, up_kernel[STAGES] = {16, 16, 8, 2, 2}, kernels[KERNELS] = {3, 7, 11};

typedef struct {
    nn_conv1d_layer           pre, post, wide[STAGES][KERNELS][3], near[STAGES][KERNELS][3];
    nn_conv_transpose1d_layer up[STAGES];
} decoder;

static float *noise(size_t n)
{
    static uint32_t seed = 1;
    float *p = hse_alloc(n * sizeof *p);

    for (size_t i = 0; p && i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)seed / 2147483648.0f * 0.05f;
    }
    return p;
}

static void conv(nn_binder *b, nn_conv1d_layer *l, int in, int out, int kernel, int dilation)
{
    float *w = noise((size_t)in * (size_t)out * (size_t)kernel), *bias = noise((size_t)out);

    nn_make_conv1d(b, l, in, out, kernel, dilation, w, bias);
    hse_free(w);
    hse_free(bias);
}

static void build(nn_binder *b, decoder *d)
{
    int ch = CHANNELS;

    conv(b, &d->pre, MEL, CHANNELS, 7, 1);
    for (int i = 0; i < STAGES; i++, ch /= 2) {
        float *w = noise((size_t)ch * (size_t)(ch / 2) * (size_t)up_kernel[i]);
        nn_make_conv_transpose1d(b, &d->up[i], ch, ch / 2, up_kernel[i], rates[i], w, NULL);
        hse_free(w);
        for (int k = 0; k < KERNELS; k++)
            for (int j = 0; j < 3; j++) {
                conv(b, &d->wide[i][k][j], ch / 2, ch / 2, kernels[k], 2 * j + 1);
                conv(b, &d->near[i][k][j], ch / 2, ch / 2, kernels[k], 1);
            }
    }
    conv(b, &d->post, ch, 1, 7, 1);
}

static bool wall;
static double stage_s[STAGES + 1];

static nn_tensor res_block(nn_ctx *c, const decoder *d, int i, int k, nn_tensor x, nn_tensor sum)
{
    for (int j = 0; j < 3; j++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor y = nn_conv1d(c, &d->wide[i][k][j], nn_leaky_relu(c, x, 0.1f));
        x = nn_keep(c, mark, nn_conv1d_then(c, &d->near[i][k][j], nn_leaky_relu(c, y, 0.1f), (nn_then){.residual = x}));
    }
    return nn_add(c, sum, x);
}

static nn_tensor forward(nn_ctx *c, const decoder *d, nn_tensor x)
{
    double last = bench_seconds(wall), now;

    x = nn_conv1d(c, &d->pre, x);
    for (int i = 0; i < STAGES; i++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor up = nn_conv_transpose1d(c, &d->up[i], nn_leaky_relu(c, x, 0.1f)), sum = NN_NONE;
        for (int k = 0; k < KERNELS; k++) {
            nn_mark_t block = nn_mark(c);
            sum = nn_keep(c, block, res_block(c, d, i, k, up, sum));
        }
        x = nn_keep(c, mark, nn_scale(c, sum, 1.0f / KERNELS));
        stage_s[i] += (now = bench_seconds(wall)) - last;
        last = now;
    }
    x = nn_tanh(c, nn_conv1d(c, &d->post, nn_leaky_relu(c, x, 0.01f)));
    stage_s[STAGES] += bench_seconds(wall) - last;
    return x;
}

static double flops(double rows)
{
    double sum = 2.0 * 7 * MEL * CHANNELS * rows;
    int ch = CHANNELS;

    for (int i = 0; i < STAGES; i++, ch /= 2) {
        sum += 2.0 * up_kernel[i] * ch * (ch / 2) * rows;
        rows *= rates[i];
        for (int k = 0; k < KERNELS; k++)
            sum += 2.0 * 6 * kernels[k] * (ch / 2) * (ch / 2) * rows;
    }
    return sum + 2.0 * 7 * ch * rows;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, rows = (int)((argc > 3 ? atof(argv[3]) : 2) * RATE / HOP);
    k_weight_type type = argc > 2 && strcmp(argv[2], "float32") == 0 ? K_F32
                         : argc > 2 && strcmp(argv[2], "int8") == 0  ? K_INT8
                                                                     : K_BF16;
    static decoder d;
    nn_binder *b = NULL;
    nn_params *params = NULL;
    hse_pool *pool = NULL;
    nn_ctx *c = NULL;
    hse_error err = {0};
    const float *mel = noise((size_t)rows * MEL);
    double best = 1e9, seconds = (double)rows * HOP / RATE;

    wall = threads > 1;
    if (nn_binder_open(&b, &(nn_binder_options){.type = type}, &err) != HSE_OK)
        goto fail;
    build(b, &d);
    if (nn_binder_close(&b, &params, &err) != HSE_OK || hse_pool_open(&pool, threads, &err) != HSE_OK ||
        nn_open(&c, &(nn_options){.pool = pool}, &err) != HSE_OK)
        goto fail;
    bench_peak before = bench_measure_peak(hse_cpu_detect());
    for (int i = 0; i <= ROUNDS; i++) {
        double start = bench_seconds(wall);
        if (i == 1)
            memset(stage_s, 0, sizeof stage_s);             /* the first round touches the memory */
        nn_begin(c, NN_RUN);
        forward(c, &d, nn_input(c, 1, &rows, MEL, &mel));
        if (nn_end(c, &err) != HSE_OK)
            goto fail;
        double took = bench_seconds(wall) - start;
        best = took < best ? took : best;
    }
    bench_peak after = bench_measure_peak(hse_cpu_detect());
    double peak = before.rate[type] > after.rate[type] ? before.rate[type] : after.rate[type],
           rate = flops(rows) / best / 1e9;
    printf("threads %d, %s: RTF %.3f, %.0f GFLOP/s, %.0f %% of %d x the peak %.0f (%.0f after), arena %zu MB\n",
           threads,
           type == K_F32    ? "float32"
           : type == K_BF16 ? "bfloat16"
                            : "int8",
           best / seconds, rate, 100 * rate / (peak * threads), threads, before.rate[type], after.rate[type],
           nn_peak(c) >> 20);
    for (int i = 0; i <= STAGES; i++)
        printf("  stage %d: %.1f ms\n", i, stage_s[i] / ROUNDS * 1e3);
    nn_close(&c);
    hse_pool_close(&pool);
    nn_params_free(&params);
    return 0;
fail:
    fprintf(stderr, "%s\n", err.text);
    return 1;
}
