/* bench.c - hse bench: how fast is this machine and the engine on it? bench/run.py drives the same command beside the peers: with
 * --peer each line on standard input runs the work once and answers "MILLISECONDS COUNT". */
#include "cli/commands.h"
#include "cli/common.h"

#include "cli/bench_whisper.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const cli_option options[] = {
    {"runs", 'n', CLI_INT, "N", "9", 1, 10000, false, "counted runs after two to warm up; the median is printed"},
    {"text", 0, CLI_TEXT, "TEXT", "Hello there, this is a sentence of middling length for a benchmark.", 0, 0, false, "what speak speaks"},
    {"peer", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "answer lines on standard input instead; the first is the text"},
    {"audio", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "what whisper-quality hears"},
    CLI_MODEL_OPTION,
    CLI_CONFIG_OPTION,
};

typedef struct {
    hse_engine *engine;
    const char *model;
    const char *text;
    hse_error   err;
} work;

/* One run: how much came out (samples, chunks), or -1. */
typedef long work_fn(work *w);

static long speak_once(work *w)
{
    hse_speak_options o;
    hse_pcm pcm = {0};

    hse_speak_options_init(&o);
    o.model = w->model;
    o.text_mode = HSE_TEXT_REFERENCE;           /* what the peers run: front end and networks */
    o.loudness = HSE_LOUDNESS_NONE;
    if (hse_speak(w->engine, w->text, &o, &pcm, &w->err) != HSE_OK)
        return -1;
    long n = (long)pcm.count;
    hse_pcm_free(&pcm);
    return n;
}

static void ignore_event(void *user, const hse_vad_event *event)
{
    (void)user;
    (void)event;
}

static long vad_once(work *w)
{
    enum { CHUNK = 512, CHUNKS = 1000 };
    hse_vad_session *session = NULL;
    hse_vad_params p;
    uint32_t seed = 1;
    float x[CHUNK];

    hse_vad_params_init(&p);
    p.model = w->model;
    hse_status s = hse_vad_session_open(&session, w->engine, &p, 16000, &w->err);
    for (int i = 0; i < CHUNKS && s == HSE_OK; i++) {
        for (int j = 0; j < CHUNK; j++) {
            seed = seed * 1664525u + 1013904223u;
            x[j] = (float)(int32_t)seed * (0.2f / 2147483648.0f);
        }
        s = hse_vad_session_push(session, x, CHUNK, ignore_event, NULL, &w->err);
    }
    hse_vad_session_close(&session);
    return s == HSE_OK ? CHUNKS : -1;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int run_counted(work *w, work_fn *f, const char *name, long runs)
{
    double *ms = hse_alloc((size_t)runs * sizeof *ms);
    long count = 0;

    if (!ms)
        return cli_fail_text("no memory for %ld runs", runs);
    for (long i = -2; i < runs && count >= 0; i++) {
        uint64_t began = hse_now_ns();
        count = f(w);
        if (i >= 0)
            ms[i] = (double)(hse_now_ns() - began) * 1e-6;
    }
    if (count >= 0) {
        qsort(ms, (size_t)runs, sizeof *ms, compare_doubles);
        printf("%s: median %.2f ms, from %.2f to %.2f, %ld runs of %ld %s\n", name, ms[runs / 2], ms[0], ms[runs - 1], runs, count,
               f == vad_once ? "chunks" : "samples");
    }
    hse_free(ms);
    return count >= 0 ? CLI_OK : cli_fail(&w->err);
}

static int run_peer(work *w, work_fn *f)
{
    char text[4096], line[4096];

    if (!fgets(text, sizeof text, stdin))
        return CLI_OK;
    text[strcspn(text, "\n")] = '\0';
    w->text = text;
    if (f(w) < 0)
        return cli_fail(&w->err);
    printf("ready hse %s\n", HSE_VERSION);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        uint64_t began = hse_now_ns();
        long count = f(w);
        if (count < 0)
            return cli_fail(&w->err);
        printf("%.3f %ld\n", (double)(hse_now_ns() - began) * 1e-6, count);
        fflush(stdout);
    }
    return CLI_OK;
}

/* What one core does right now in the product's own kernels, in CPU time: a product that stays in cache. */
static int peak(unsigned mask)
{
    enum { M = 252, N = 512, K = 512, REPEAT = 40 };
    static const char *const names[] = {"float32", "bfloat16", "int8"};
    const hse_kernels *k = hse_kernels_get(mask);
    float *w = hse_calloc((size_t)N * K, sizeof *w), *out = hse_calloc((size_t)M * N, sizeof *out);
    void *a = hse_calloc((size_t)M * K, sizeof(float));
    float *scale = hse_calloc(M, sizeof *scale);

    printf("%s, one core:", hse_cpu_name(mask));
    for (int t = 0; w && out && a && scale && t < K_WEIGHT_TYPES; t++) {
        k_packed p = {0};
        void *block = hse_alloc_aligned(64, k->pack_size((k_weight_type)t, N, K, 1));
        if (!block)
            break;
        k->pack(&p, block, (k_weight_type)t, N, K, 1, w, K, 0, 1);
        k_gemm g = {.w = &p, .a = a, .a_row = K, .a_scale = scale, .a_scale_row = 1, .rows = M, .panel_to = p.panels, .out = out,
                    .out_row = N, .alpha = 1};
        double best = 1e9;
        for (int r = 0; r < REPEAT; r++) {
            struct timespec from, to;
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
            k->gemm[t](&g);
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
            double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
            if (s < best)
                best = s;
        }
        printf(" %s %.0f", names[t], 2.0 * M * N * K / best * 1e-9);
        hse_free(block);
    }
    puts(" GFLOP/s");
    hse_free(w);
    hse_free(out);
    hse_free(a);
    hse_free(scale);
    return CLI_OK;
}

static double snr_db(const hse_pcm *want, const hse_pcm *got)
{
    double signal = 0, noise = 0;

    if (want->count != got->count)
        return -INFINITY;
    for (size_t i = 0; i < want->count; i++) {
        double d = (double)want->samples[i] - (double)got->samples[i];
        signal += (double)want->samples[i] * (double)want->samples[i];
        noise += d * d;
    }
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}

/* The quality beside the speed: each reduced precision against float32, on this model and text. */
static int snr(const cli_args *a, const char *text)
{
    static const char *const types[] = {"float32", "bfloat16", "int8", "auto"};
    hse_pcm pcm[COUNT(types)] = {{0}};
    hse_error err = {0};
    hse_status s = HSE_OK;

    for (size_t i = 0; i < COUNT(types) && s == HSE_OK; i++) {
        hse_engine *engine = NULL;
        hse_engine_options e;
        hse_speak_options o;
        hse_engine_options_init(&e);
        e.config = cli_text(a, "config");
        e.models = cli_text(a, "models");
        e.cpu = cli_text(a, "cpu");
        e.dtype = types[i];
        hse_speak_options_init(&o);
        o.model = cli_text(a, "model");
        o.loudness = HSE_LOUDNESS_NONE;
        s = hse_engine_open(&engine, &e, &err);
        if (s == HSE_OK)
            s = hse_speak(engine, text, &o, &pcm[i], &err);
        hse_engine_close(&engine);
        if (s == HSE_OK && i)
            printf("  %s against float32: SNR %.1f dB over %.2f s\n", types[i], snr_db(&pcm[0], &pcm[i]),
                   (double)pcm[0].count / pcm[0].rate_hz);
    }
    for (size_t i = 0; i < COUNT(types); i++)
        hse_pcm_free(&pcm[i]);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

/* --model is a model's folder. */
static int whisper(const cli_args *a, const char *what)
{
    bench_whisper_options o = {.dir = cli_text(a, "model"), .decode = strcmp(what, "whisper-decode") == 0,
                               .load = strcmp(what, "whisper-load") == 0, .dtype = K_INT8,
                               .peer = cli_flag(a, "peer"), .runs = (int)cli_int(a, "runs")};
    hse_config *config = NULL;
    hse_error err = {0};

    if (!o.decode && !o.load && strcmp(what, "whisper-encode") != 0 && strcmp(what, "whisper-quality") != 0)
        return cli_usage(a->command, "\"%s\" is not whisper-load, whisper-encode, whisper-decode or whisper-quality", what);
    if (!o.dir)
        return cli_usage(a->command, "%s wants --model FOLDER", what);
    if (cli_config_open(&config, a, &err) != HSE_OK)
        return cli_config_fail(a, &err);
    o.threads = (int)config->threads;
    o.cpu = config->cpu;
    if (config->dtype == HSE_DTYPE_FLOAT32 || config->dtype == HSE_DTYPE_BFLOAT16)
        o.dtype = config->dtype == HSE_DTYPE_FLOAT32 ? K_F32 : K_BF16;
    hse_status s;
    if (strcmp(what, "whisper-quality") == 0) {
        hse_pcm audio = {0};
        s = cli_text(a, "audio") ? cli_read_audio(&audio, cli_text(a, "audio"), &err) : HSE_OK;
        if (s == HSE_OK && audio.count && audio.rate_hz != 16000)
            s = hse_fail(&err, HSE_E_ARG, 0, "%s has %u Hz, 16000 are wanted", cli_text(a, "audio"), audio.rate_hz);
        if (s == HSE_OK)
            s = bench_whisper_quality(&o, audio.samples, audio.count, &err);
        hse_pcm_free(&audio);
    } else {
        s = bench_whisper(&o, &err);
    }
    hse_config_close(&config);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

static int run(const cli_args *a)
{
    const char *what = a->operands[0];
    unsigned mask = 0;
    work w = {.model = cli_text(a, "model"), .text = cli_text(a, "text")};
    int status;

    if (strcmp(what, "peak") == 0) {
        status = hse_cpu_mask(cli_text(a, "cpu") ? cli_text(a, "cpu") : "auto", &mask, &w.err) == HSE_OK ? peak(mask) : cli_fail(&w.err);
    } else if (strcmp(what, "snr") == 0) {
        status = snr(a, w.text);
    } else if (strncmp(what, "whisper-", 8) == 0) {
        status = whisper(a, what);
    } else if (strcmp(what, "speak") == 0 || strcmp(what, "vad") == 0) {
        work_fn *f = what[0] == 's' ? speak_once : vad_once;
        if (cli_engine_open(&w.engine, a, &w.err) != HSE_OK)
            status = cli_fail(&w.err);
        else
            status = cli_flag(a, "peer") ? run_peer(&w, f) : run_counted(&w, f, what, cli_int(a, "runs"));
        cli_engine_close(&w.engine);
    } else {
        status = cli_usage(a->command, "\"%s\" is not speak, vad, snr, peak, whisper-load, whisper-encode, whisper-decode or whisper-quality", what);
    }
    return status;
}

const cli_command cli_bench = {
    .name = "bench", .operands = "speak|vad|snr|peak|whisper-load|whisper-encode|whisper-decode|whisper-quality",
    .summary = "Measure speed and precision on this machine", .min_operands = 1, .max_operands = 1, .options = options,
    .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "speak: one text, front end to samples. vad: 1,000 chunks of 32 ms. snr: reduced precision against float32.\n"
               "peak: matrix products in cache, one core. whisper-load, whisper-encode, whisper-decode: --model FOLDER from the page cache;\n"
               "a window of noise; 100 tokens of one window, of eight at once, and of a search with five beams. whisper-quality: bf16\n"
               "and int8 against float32 on noise or --audio FILE (16 kHz). The comparison with other programs is make bench.\n\n"
               "Examples:\n  hse bench peak\n  hse bench speak --dtype int8 --threads 1\n",
};
