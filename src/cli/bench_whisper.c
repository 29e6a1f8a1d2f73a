/* bench_whisper.c - how fast Whisper's encoder and decoder are, without what stands around them. */
#include "cli/bench_whisper.h"

#include "base/clock.h"
#include "base/mem.h"
#include "models/whisper/adapter.h"
#include "models/whisper/generate.h"
#include "models/whisper/mel.h"
#include "models/whisper/pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 3000, TOKENS = 100, MOST = 8, BEAMS = 5, PROMPT = 4 };

typedef struct {
    const bench_whisper_options *o;
    hse_pool *pool;
    nn_ctx *ctx;
    whisper_model *model;
    whisper_decoding *decoding;
    whisper_searcher *searcher;
    float *mel, *output;            /* of a window; of the encoder alone */
    double load_ms;
    int window[MOST], windows;
} work;

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static hse_status open_model(work *w, hse_error *err)
{
    const bench_whisper_options *o = w->o;
    unsigned mask;
    hse_status s = hse_cpu_mask(o->cpu, &mask, err);

    if (s != HSE_OK || (!w->pool && (s = hse_pool_open(&w->pool, o->threads, err)) != HSE_OK))
        return s;
    uint64_t began = hse_now_ns();
    s = whisper_model_open(
        &w->model,
        &(hse_model_source){
            .dir = o->dir, .kernels = hse_kernels_get(mask), .pool = w->pool, .precision = o->dtype},
        err);
    w->load_ms = (double)(hse_now_ns() - began) * 1e-6;
    return s;
}

static hse_status open_all(work *w, hse_error *err)
{
    uint32_t seed = 1;
    hse_status s = open_model(w, err);

    if (s != HSE_OK ||
        (s = nn_open(&w->ctx, &(nn_options){.kernels = w->model->kernels, .pool = w->pool}, err)) != HSE_OK ||
        (s = whisper_decoding_open(&w->decoding, w->model->network, w->ctx,
                                   &(whisper_decoding_limits){.windows = MOST, .sequences = MOST * (BEAMS + 1)}, err)) !=
            HSE_OK ||
        (s = whisper_searcher_open(&w->searcher, w->decoding, w->ctx, w->model->kernels, &w->model->config.dims,
                                   whisper_specials(w->model->tokenizer), NULL, 0, err)) != HSE_OK)
        return s;
    size_t n = (size_t)FRAMES * (size_t)w->model->config.dims.mels;
    size_t outputs = (size_t)FRAMES / 2 * (size_t)w->model->config.dims.width;
    if (!(w->mel = hse_alloc(n * sizeof *w->mel)) || !(w->output = hse_alloc(outputs * sizeof *w->output)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a window");
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        w->mel[i] = (float)(int32_t)seed * (0.7f / 2147483648.0f);
    }
    return HSE_OK;
}

static void close_all(work *w)
{
    whisper_searcher_close(&w->searcher);
    whisper_decoding_close(&w->decoding);
    nn_close(&w->ctx);
    whisper_model_close(&w->model);
    hse_pool_close(&w->pool);
    hse_free(w->mel);
    hse_free(w->output);
}

static hse_status encode(work *w, int *window, hse_error *err)
{
    const int frames = FRAMES;
    const float *mel = w->mel;

    return whisper_encode_windows(w->decoding, 1, &mel, &frames, window, false, err);
}

/* <|startoftranscript|><|en|><|transcribe|><|notimestamps|>, or what an English-only model has of it. */
static size_t prompt_of(const work *w, int32_t out[PROMPT])
{
    const whisper_special *x = whisper_specials(w->model->tokenizer);
    size_t n = 0;

    out[n++] = x->sot;
    if (x->multilingual) {
        out[n++] = x->language_begin;
        out[n++] = x->transcribe;
    }
    out[n++] = x->no_timestamps;
    return n;
}

/* The product's own search over n windows: half of max_length, or what the prompt leaves of it, in tokens each, since none may end. */
static hse_status decode(work *w, int n, int beams, int max_length, long *count, hse_error *err)
{
    int32_t prompt[PROMPT], eot = whisper_specials(w->model->tokenizer)->eot;
    whisper_job job[MOST] = {0}, *jobs[MOST];
    hse_status s = HSE_OK;

    while (s == HSE_OK && w->windows < n)
        s = encode(w, &w->window[w->windows++], err);
    for (int i = 0; i < n; i++) {
        jobs[i] = &job[i];
        job[i] = (whisper_job){.task = WHISPER_GENERATE,
                               .window = w->window[i],
                               .prompt = prompt,
                               .prompt_count = prompt_of(w, prompt),
                               .search = {.beam_size = beams,
                                          .hypotheses = 1,
                                          .patience = 1,
                                          .length_penalty = 1,
                                          .repetition_penalty = 1,
                                          .max_length = max_length,
                                          .suppress = &eot,
                                          .suppress_count = 1}};
    }
    if (s == HSE_OK)
        s = whisper_jobs_run(w->searcher, jobs, (size_t)n, MOST * (BEAMS + PROMPT), err);
    for (int i = 0; i < n; i++) {
        *count += job[i].hypothesis_count ? (long)job[i].hypothesis[0].count : 0;
        whisper_job_free(&job[i]);
    }
    return s;
}

static hse_status once(work *w, const char *line, long *count, hse_error *err)
{
    int window = -1;
    hse_status s;

    *count = 0;
    if (w->o->decode) {
        bool beam = strncmp(line, "beam ", 5) == 0;
        long given = strtol(beam ? line + 5 : line, NULL, 10);
        int most = beam ? BEAMS : MOST, n = given < 1 ? 1 : given < most ? (int)given : most;
        return decode(w, beam ? 1 : n, beam ? n : 1, 2 * TOKENS, count, err);
    }
    if (strncmp(line, "alone", 5) == 0) {
        *count = FRAMES / 2;
        return whisper_encoder_alone(w->decoding, w->mel, FRAMES, w->output, err);
    }
    if ((s = encode(w, &window, err)) != HSE_OK)
        return s;
    if (strncmp(line, "first", 5) == 0) { /* the window with its first token */
        w->window[0] = window;
        w->windows = 1;
        s = decode(w, 1, 1, PROMPT + 1, count, err);
        w->windows = 0;
    }
    *count = whisper_window_positions(w->decoding, window);
    whisper_window_free(w->decoding, window);
    return s;
}

static hse_status answer(work *w, hse_error *err)
{
    char line[256];
    long count;

    if (!fgets(line, sizeof line, stdin))
        return HSE_OK;
    hse_status s = once(w, line, &count, err);
    if (s != HSE_OK)
        return s;
    printf("ready hse %s, weights %.1f MB, loaded in %.1f ms\n", HSE_VERSION,
           (double)whisper_network_bytes(w->model->network) * 1e-6, w->load_ms);
    fflush(stdout);
    while (s == HSE_OK && fgets(line, sizeof line, stdin)) {
        double cpu = cpu_ms();
        uint64_t began = hse_now_ns();
        s = once(w, line, &count, err);
        if (s == HSE_OK)
            printf("%.3f %ld %.3f\n", (double)(hse_now_ns() - began) * 1e-6, count, cpu_ms() - cpu);
        fflush(stdout);
    }
    return s;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static hse_status counted(work *w, const char *line, hse_error *err)
{
    size_t runs = (size_t)w->o->runs;
    double *ms = hse_alloc(2 * runs * sizeof *ms), *cpu = ms ? ms + runs : NULL;
    hse_status s = HSE_OK;
    long count = 1;

    if (!ms)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu runs", runs);

    for (size_t i = 0; i <= runs && s == HSE_OK; i++) { /* the first to warm up */
        double used = cpu_ms();
        uint64_t began = hse_now_ns();
        s = once(w, line, &count, err);
        ms[i > 0 ? i - 1 : 0] = (double)(hse_now_ns() - began) * 1e-6;
        cpu[i > 0 ? i - 1 : 0] = cpu_ms() - used;
    }
    if (s == HSE_OK) {
        qsort(ms, runs, sizeof *ms, by_value);
        qsort(cpu, runs, sizeof *cpu, by_value);
        if (w->o->decode)
            printf("decode %-7s median %.3f ms a step, from %.3f; CPU %.3f, from %.3f; %.0f tokens/s\n", line,
                   ms[runs / 2] / TOKENS, ms[0] / TOKENS, cpu[runs / 2] / TOKENS, cpu[0] / TOKENS,
                   (double)count / (ms[runs / 2] * 1e-3));
        else
            printf("encode%s: median %.1f ms, from %.1f; CPU %.1f, from %.1f\n",
                   line[0] == 'a' ? ", the encoder alone" : ", keys and values for the decoder with it", ms[runs / 2], ms[0],
                   cpu[runs / 2], cpu[0]);
        fflush(stdout);
    }
    hse_free(ms);
    return s;
}

/* Weights, vocabulary and all, as the engine opens it. */
static hse_status loads(work *w, hse_error *err)
{
    size_t runs = (size_t)w->o->runs;
    double *ms = hse_alloc(2 * runs * sizeof *ms), *cpu = ms ? ms + runs : NULL;
    hse_status s = ms ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu runs", runs);

    for (size_t i = 0; i <= runs && s == HSE_OK; i++) { /* the first brings the file into the page cache */
        double used = cpu_ms();
        if ((s = open_model(w, err)) != HSE_OK)
            break;
        ms[i > 0 ? i - 1 : 0] = w->load_ms;
        cpu[i > 0 ? i - 1 : 0] = cpu_ms() - used;
        whisper_model_close(&w->model);
    }
    if (s == HSE_OK) {
        qsort(ms, runs, sizeof *ms, by_value);
        qsort(cpu, runs, sizeof *cpu, by_value);
        printf("load: median %.1f ms, from %.1f; CPU %.1f, from %.1f\n", ms[runs / 2], ms[0], cpu[runs / 2], cpu[0]);
    }
    hse_free(ms);
    return s;
}

hse_status bench_whisper(const bench_whisper_options *o, hse_error *err)
{
    work w = {.o = o};
    hse_status s = o->load ? loads(&w, err) : open_all(&w, err);

    if (s == HSE_OK && o->peer && !o->load) {
        s = answer(&w, err);
    } else if (s == HSE_OK && !o->load) {
        printf("%s: weights %.1f MB, loaded in %.1f ms\n", o->dir,
               (double)whisper_network_bytes(w.model->network) * 1e-6, w.load_ms);
        static const char *const lines[2][3] = {{"alone", "1", NULL}, {"1", "8", "beam 5"}};
        for (size_t i = 0; i < 3 && lines[o->decode][i] && s == HSE_OK; i++)
            s = counted(&w, lines[o->decode][i], err);
    }
    close_all(&w);
    return s;
}

/* ---- quality ---- */

typedef struct {
    float *output, *logits; /* [positions][width], [TOKENS][vocab] */
    size_t outputs, vocab;
    int32_t picked[TOKENS]; /* the largest logit at each place */
} heard;

/* `forced`: float32's tokens; NULL: the own ones go on. */
static hse_status hear(const bench_whisper_options *o, k_weight_type type, const float *mel, const int32_t *forced,
                       heard *h, hse_error *err)
{
    static const int32_t prompt[PROMPT] = {50258, 50259, 50359, 50363};
    bench_whisper_options own = *o;
    work w = {.o = &own};
    const int frames = FRAMES;
    int window;

    own.dtype = type;
    hse_status s = open_all(&w, err);
    if (s == HSE_OK)
        s = whisper_encode_windows(w.decoding, 1, mel ? &mel : (const float *const *)&w.mel, &frames, &window, true,
                                   err);
    if (s == HSE_OK) {
        const whisper_dims *d = &w.model->config.dims;
        h->vocab = (size_t)d->vocab;
        h->outputs = (size_t)whisper_window_positions(w.decoding, window) * (size_t)d->width;
        h->output = hse_alloc(h->outputs * sizeof *h->output);
        h->logits = hse_alloc(TOKENS * h->vocab * sizeof *h->logits);
        s = h->output && h->logits ? whisper_encoder_output(w.decoding, window, h->output, h->outputs, err)
                                   : hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d rows of logits", TOKENS);
    }
    int sequence = s == HSE_OK ? whisper_sequence_new(w.decoding, window) : -1;
    for (int i = 0; i < TOKENS && s == HSE_OK; i++) {
        whisper_row rows[PROMPT];
        int n = i == 0 ? PROMPT : 1;
        for (int k = 0; k < n; k++)
            rows[k] = (whisper_row){sequence,
                                    i == 0   ? prompt[k] % (int32_t)h->vocab
                                    : forced ? forced[i - 1]
                                             : h->picked[i - 1],
                                    k == n - 1};
        if ((s = whisper_step(w.decoding, rows, n, err)) != HSE_OK)
            break;
        const float *row = whisper_logits(w.decoding, n - 1);
        memcpy(h->logits + (size_t)i * h->vocab, row, h->vocab * sizeof *row);
        for (size_t v = 1, at = 0; v < h->vocab; v++) {
            at = row[v] > row[at] ? v : at;
            h->picked[i] = (int32_t)at;
        }
    }
    close_all(&w);
    return s;
}

static double snr_of(const float *want, const float *got, size_t n)
{
    double signal = 0, noise = 0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)want[i] - (double)got[i];
        signal += (double)want[i] * (double)want[i];
        noise += d * d;
    }
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}

/* The first 30 s as the encoder takes them; NULL with the error set. */
static float *mel_of(const bench_whisper_options *o, const float *samples, size_t count, hse_error *err)
{
    whisper_config config = {0};
    whisper_mel *m = NULL;
    float *mel = NULL;

    if (whisper_config_open(&config, o->dir, NULL, NULL, NULL, err) != HSE_OK)
        return NULL;
    int mels = config.dims.mels;
    whisper_config_close(&config);
    if (count > 30 * WHISPER_RATE)
        count = 30 * WHISPER_RATE;
    size_t frames = whisper_mel_count(count);
    if (!(mel = hse_calloc((FRAMES + frames) * (size_t)mels, sizeof *mel)))
        hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", frames);
    else if (whisper_mel_open(&m, mels, err) != HSE_OK ||
             whisper_mel_run(m, NULL, samples, count, mel, err) != HSE_OK) {
        hse_free(mel);
        mel = NULL;
    }
    whisper_mel_close(&m);
    return mel;
}

hse_status bench_whisper_quality(const bench_whisper_options *o, const float *samples, size_t count, hse_error *err)
{
    static const char *const names[] = {"float32", "bfloat16", "int8"};
    float *mel = samples ? mel_of(o, samples, count, err) : NULL;
    heard h[K_WEIGHT_TYPES] = {{0}};
    hse_status s = samples && !mel ? err->status : HSE_OK;

    for (int t = 0; t < K_WEIGHT_TYPES && s == HSE_OK; t++) {
        int equal = 0;
        if ((s = hear(o, (k_weight_type)t, mel, t ? h[0].picked : NULL, &h[t], err)) != HSE_OK || t == 0)
            continue;
        for (int i = 0; i < TOKENS; i++)
            equal += h[t].picked[i] == h[0].picked[i];
        printf("%s: %s against float32: encoder output %.1f dB, logits %.1f dB, %d of %d tokens equal\n", o->dir,
               names[t], snr_of(h[0].output, h[t].output, h[0].outputs),
               snr_of(h[0].logits, h[t].logits, TOKENS * h[0].vocab), equal, TOKENS);
    }
    for (int t = 0; t < K_WEIGHT_TYPES; t++) {
        hse_free(h[t].output);
        hse_free(h[t].logits);
    }
    hse_free(mel);
    return s;
}
