/* vits.c - how fast the networks of OpenVoice and MeloTTS are at their real dims (bench/vits_full.py writes them).
 *
 *     bench_vits decode FOLDER/melo THREADS f32|bf16|int8 SECONDS             the decoder alone, on noise
 *     bench_vits decode FOLDER/openvoice-v1/checkpoints/base_speakers/EN ...
 *     bench_vits sentence FOLDER/melo THREADS TYPE BERT                       tokens and symbols to samples
 *     bench_vits convert FOLDER/openvoice-v2/converter THREADS TYPE SECONDS             noise in another voice
 *
 * Answers lines like bench/vits_peer.py: any line runs once and prints its milliseconds, samples, CPU milliseconds and the
 * process's peak in MB; "save FILE" also keeps the samples; "peak" prints the rate in GFLOP/s that multiply-adds of the type
 * reach at this moment on one core. The number behind "ready" is the GFLOP that a decoding takes. */
#include "peak.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "models/bert/bert.h"
#include "models/vits/converter.h"
#include "models/vits/tts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TOKENS = 25, EACH = 4, SYMBOLS = TOKENS * EACH + 1 };

typedef struct {
    const char  *what, *dir, *last;
    k_weight_type type;
    vits_config *config;
    vits_tts    *tts;
    vits_converter *converter;
    bert        *words;
    float       *input;                     /* decode: the latent; convert: samples */
    size_t       count;                     /* frames; samples */
    nn_ctx      *c;
    hse_error    err;
} bench;

/* A counter's noise in -1..1, the same in bench/vits_peer.py. */
static float noise(uint64_t i)
{
    uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (float)((double)(z >> 40) / 16777216 * 2 - 1);
}

static double cpu_ms(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

static bool is(const bench *b, const char *what)
{
    return strcmp(b->what, what) == 0;
}

/* ---- loading ---- */

static hse_status open_config(bench *b, vits_config_kind kind)
{
    char path[4096], *text = NULL;
    size_t size;
    hse_status s;

    snprintf(path, sizeof path, "%s/config.json", b->dir);
    if ((s = hse_file_read(&text, &size, path, 1 << 22, &b->err)) == HSE_OK)
        s = vits_config_open(&b->config, (hse_bytes){(uint8_t *)text, size}, "config.json", kind, &b->err);
    hse_free(text);
    return s;
}

static hse_status load(bench *b)
{
    bool melo = strstr(b->dir, "melo") != NULL;
    vits_config_kind kind = is(b, "convert") ? VITS_CONVERTER : melo ? VITS_MELO : VITS_OPENVOICE_BASE;
    hse_weights *w = NULL;
    char path[4096];
    hse_status s;

    snprintf(path, sizeof path, "%s/checkpoint.pth", b->dir);
    if ((s = open_config(b, kind)) == HSE_OK && (s = hse_weights_open(&w, path, NULL, &b->err)) == HSE_OK)
        s = is(b, "convert") ? vits_converter_open(&b->converter, w, b->config, VITS_HEARS | VITS_CONVERTS, NULL, b->type, &b->err)
                             : vits_tts_open(&b->tts, w, b->config, kind, NULL, b->type, &b->err);
    if (w)
        hse_weights_close(&w);
    if (s == HSE_OK && is(b, "sentence"))
        s = bert_open(&b->words, &(bert_source){.dir = b->last, .type = K_F32}, &b->err);
    return s;
}

static void prepare(bench *b)
{
    size_t rate = (size_t)b->config->rate_hz, n;

    b->count = is(b, "sentence") ? 0 : (size_t)(atof(b->last) * (double)rate);
    if (is(b, "decode"))
        b->count /= (size_t)b->tts->decoder.hop;
    n = is(b, "decode") ? b->count * (size_t)b->config->dims.inter : b->count;
    b->input = hse_alloc((n + 1) * sizeof *b->input);
    for (size_t i = 0; b->input && i < n; i++)
        b->input[i] = noise(i) * (is(b, "decode") ? 1.7f : 0.3f);
}

/* ---- running ---- */

static bool decode(bench *b, const float *z, size_t frames, int speaker, windows_audio *out)
{
    vits_wave wave = {.z = z, .speaker = vits_tts_speaker(b->tts, speaker), .audio = {.frames = frames, .to = frames}};
    hse_status s = vits_decode(&b->tts->decoder, b->c, &wave, 1, &b->err);

    *out = wave.audio;
    if (s == HSE_OK && out->status != HSE_OK)
        b->err = out->error;
    return s == HSE_OK && out->status == HSE_OK;
}

static bool speak(bench *b, windows_audio *out)
{
    int32_t ids[TOKENS], symbols[SYMBOLS], tones[SYMBOLS], languages[SYMBOLS];
    static float features[SYMBOLS * VITS_JA_BERT];
    bert_text text = {.ids = ids, .n = TOKENS};
    vits_utterance u = {.symbols = symbols, .tones = tones, .languages = languages, .n = SYMBOLS, .ja_bert = features,
                        .sdp_ratio = 0.2f, .length_scale = 1.0f};
    bool ok;

    for (int i = 0; i < TOKENS; i++)
        ids[i] = 1000 + 37 * i;
    for (int i = 0; i < SYMBOLS; i++) {
        symbols[i] = i % 2 ? 10 + i * 7 % 90 : 0;
        tones[i] = i % 2 ? 7 + i % 3 : 0;
        languages[i] = i % 2 ? 2 : 0;
    }
    ok = bert_run(b->words, b->c, &text, 1, &b->err) == HSE_OK && text.status == HSE_OK;
    for (int i = 0; ok && i < SYMBOLS; i++)
        memcpy(features + i * VITS_JA_BERT, text.features + (i / EACH < TOKENS ? i / EACH : TOKENS - 1) * VITS_JA_BERT,
               VITS_JA_BERT * sizeof *features);
    hse_free(text.features);
    ok = ok && vits_tts_run(b->tts, b->c, &u, 1, &b->err) == HSE_OK && u.status == HSE_OK;
    ok = ok && decode(b, u.z, (size_t)u.frames, 0, out);
    hse_free(u.durations);
    hse_free(u.z);
    return ok;
}

static bool convert(bench *b, windows_audio *out)
{
    static float source[1024], target[1024];
    vits_conversion t = {.source = source, .target = target};
    float *spec = NULL;
    bool ok;

    for (int i = 0; i < b->config->dims.gin && i < 1024; i++) {
        source[i] = noise((uint64_t)i) * 0.5f;
        target[i] = noise((uint64_t)i + 5000) * 0.5f;
    }
    ok = vits_spectrogram(b->converter, b->input, b->count, &spec, &t.audio.frames, &b->err) == HSE_OK;
    t.spec = spec;
    t.audio.to = t.audio.frames;
    ok = ok && vits_convert(b->converter, b->c, &t, 1, &b->err) == HSE_OK && t.audio.status == HSE_OK;
    *out = t.audio;
    hse_free(spec);
    return ok;
}

static double decoder_flops(const vits_dims *d, double frames)
{
    double sum = 2.0 * 7 * d->inter * d->up_channels * frames;
    int n = d->up_channels;

    for (int i = 0; i < d->stages; i++, n /= 2) {
        sum += 2.0 * d->up_kernel[i] * n * (n / 2) * frames;
        frames *= d->up_rate[i];
        for (int k = 0; k < d->kernels; k++)
            sum += 2.0 * 6 * d->block_kernel[k] * (n / 2) * (n / 2) * frames;
    }
    return sum + 2.0 * 7 * n * frames;
}

static void answer(bench *b, char *line)
{
    windows_audio out = {0};
    double cpu = cpu_ms(), ms;
    uint64_t start = hse_now_ns();
    struct rusage use;
    FILE *f;

    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "peak") == 0) {
        printf("%.1f 0\n", bench_measure_peak(hse_cpu_detect()).rate[b->type]);
        return;
    }
    if (!(is(b, "decode") ? decode(b, b->input, b->count, 0, &out) : is(b, "sentence") ? speak(b, &out) : convert(b, &out))) {
        fprintf(stderr, "%s\n", b->err.text);
        exit(1);
    }
    ms = (double)(hse_now_ns() - start) / 1e6;
    cpu = cpu_ms() - cpu;
    if (strncmp(line, "save ", 5) == 0 && (f = fopen(line + 5, "wb")) != NULL) {
        fwrite(out.wave, sizeof *out.wave, out.samples, f);
        fclose(f);
    }
    hse_free(out.wave);
    getrusage(RUSAGE_SELF, &use);
    printf("%.2f %zu cpu %.2f peak %ld\n", ms, out.samples, cpu, use.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    static bench b;
    hse_pool *pool = NULL;
    char line[4096];

    if (argc < 6) {
        fprintf(stderr, "usage: bench_vits decode|sentence|convert FOLDER THREADS f32|bf16|int8 SECONDS|BERT\n");
        return 2;
    }
    b.what = argv[1];
    b.dir = argv[2];
    b.last = argv[5];
    b.type = strcmp(argv[4], "f32") == 0 ? K_F32 : strcmp(argv[4], "bf16") == 0 ? K_BF16 : K_INT8;
    if (hse_pool_open(&pool, atoi(argv[3]), &b.err) != HSE_OK ||
        nn_open(&b.c, &(nn_options){.pool = pool}, &b.err) != HSE_OK || load(&b) != HSE_OK) {
        fprintf(stderr, "%s\n", b.err.text);
        return 1;
    }
    prepare(&b);
    size_t bytes = (b.tts ? vits_tts_bytes(b.tts) : vits_converter_bytes(b.converter)) + (b.words ? bert_bytes(b.words) : 0);
    printf("ready hse %s threads %s weights %zu MB GFLOP %.2f\n", hse_cpu_name(hse_cpu_detect()), argv[3], bytes >> 20,
           is(&b, "decode") ? decoder_flops(&b.config->dims, (double)b.count) / 1e9 : 0.0);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        answer(&b, line);
        fflush(stdout);
    }
    return 0;
}
