/* voicefixer.c - how fast VoiceFixer's networks restore noise or a recording, and what reduced weights and cuts cost.
 *
 *     bench_voicefixer FOLDER SECONDS THREADS f32|bf16|int8 [CPU]     answers lines like bench/voicefixer_peer.py: any
 * line runs once, "save FILE" also keeps the samples
 *     bench_voicefixer FOLDER SECONDS THREADS TYPE seam               the answer in pieces against the answer in one
 *     bench_voicefixer FOLDER SECONDS THREADS bf16|int8 quality       mel and audio against float32
 * In place of SECONDS (of noise) a recording's file may stand.
 *
 * Up to 23 s run as one piece, longer ones in pieces as the engine does. */
#include "audio/decode.h"
#include "audio/resample.h"
#include "base/clock.h"
#include "base/mem.h"
#include "models/voicefixer/adapter.h"
#include "models/voicefixer/restorer.h"
#include "models/voicefixer/vocoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
    void *restorer, *vocoder;
    nn_ctx *c;
    hse_error err;
} pair;

static float *signal_of(size_t n)
{
    float *x = hse_alloc((n + 1) * sizeof *x);

    for (size_t i = 0; x && i < n; i++) {
        uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        float u = (float)((double)(z >> 40) / 16777216 * 2 - 1);
        x[i] = u * (float)(0.15 + 0.14 * sin((double)i * (2 * 3.14159265358979323846 / 30011)));
    }
    return x;
}

/* Noise of so many seconds, or the file. */
static bool input(hse_audio *out, const char *what, hse_error *err)
{
    hse_audio from = {0};
    char *end;
    double seconds = strtod(what, &end);

    *out = (hse_audio){.rate_hz = VF_RATE, .channels = 1};
    if (!*end) {
        out->n = (size_t)(seconds * VF_RATE);
        return (out->samples = signal_of(out->n)) != NULL;
    }
    bool ok = hse_audio_decode_file(&from, what, NULL, err) == HSE_OK &&
              hse_resample(&out->samples, &out->n, from.samples, from.n, from.rate_hz, VF_RATE, err) == HSE_OK;
    hse_audio_free(&from);
    return ok;
}

static double ms_since(uint64_t start)
{
    return (double)(hse_now_ns() - start) / 1e6;
}

static double cpu_ms(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

static bool step(pair *p, const hse_model_type *type, const void *model, hse_item *item)
{
    if (type->run(model, p->c, &item, 1) == HSE_OK && item->status == HSE_OK)
        return true;
    fprintf(stderr, "%s: %s\n", type->type, item->error.text);
    return false;
}

/* The whole recording in pieces; samples go to out. */
static bool pieces(pair *p, const hse_audio *audio, float *out, size_t *n, double *restorer_ms)
{
    hse_split_input in = {.audio = audio};
    hse_split_output o = {0};
    void *split = NULL;
    bool ok = vf_split_open(&split, p->restorer, &in, &p->err) == HSE_OK;

    *n = 0;
    while (ok && !o.done) {
        hse_item *item = vf_split_next(split);
        uint64_t start = hse_now_ns();
        ok = item && step(p, &vf_restorer_type, p->restorer, item);
        *restorer_ms += ms_since(start);
        ok = ok && step(p, &vf_vocoder_type, p->vocoder, item) && vf_split_took(split, item, &o, &p->err) == HSE_OK;
        if (ok && out)
            memcpy(out + *n, o.samples, o.sample_count * sizeof *out);
        *n += ok ? o.sample_count : 0;
    }
    vf_split_close(&split);
    return ok;
}

static bool whole(pair *p, const hse_audio *audio, float *out, size_t *n)
{
    hse_item item;
    bool ok;

    hse_item_init(&item);
    item.audio = *audio;
    item.audio.samples = hse_alloc((audio->n + 1) * sizeof(float));
    memcpy(item.audio.samples, audio->samples, audio->n * sizeof(float));
    item.has = HSE_AUDIO;
    ok = step(p, &vf_restorer_type, p->restorer, &item) && step(p, &vf_vocoder_type, p->vocoder, &item);
    if (ok) {
        *n = item.audio.n;
        memcpy(out, item.audio.samples, *n * sizeof *out);
    }
    hse_item_free(&item);
    return ok;
}

static double snr(const float *want, const float *got, size_t n)
{
    double signal = 0, noise = 0;

    for (size_t i = 0; i < n; i++) {
        signal += (double)want[i] * want[i];
        noise += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    }
    return 10 * log10(signal / noise);
}

static int seam(pair *p, const hse_audio *audio)
{
    float *one = hse_alloc(audio->n * sizeof *one), *cut = hse_alloc(audio->n * sizeof *cut);
    size_t n, m;
    double ms = 0, worst = 0;

    if (!whole(p, audio, one, &n) || !pieces(p, audio, cut, &m, &ms) || n != m)
        return 1;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)cut[i] - one[i]));
    printf("%zu samples in %zu pieces: %.1f dB, worst difference %.2g\n", n, vf_segment_count(n), snr(one, cut, n), worst);
    for (size_t i = 1; i < vf_segment_count(n); i++) {
        size_t from = vf_segment_at(n, i).out_from - VF_RATE / 2, left = n - from;

        printf("second around cut %zu: %.1f dB\n", i, snr(one + from, cut + from, left < VF_RATE ? left : VF_RATE));
    }
    hse_free(one);
    hse_free(cut);
    return 0;
}

static bool open_model(pair *p, const hse_model_type *type, void **model, const char *dir, k_weight_type t,
                       const hse_kernels *k)
{
    hse_model_source source = {.dir = dir, .kernels = k, .precision = t};

    if (type->open(model, &source, &p->err) == HSE_OK)
        return true;
    fprintf(stderr, "%s\n", p->err.text);
    return false;
}

/* What the type costs: the same recording through both networks in float32. */
static int quality(pair *p, const hse_audio *audio, const char *dir, const hse_kernels *k)
{
    pair full = {.c = p->c};
    hse_item items[2];
    pair *const pairs[2] = {&full, p};

    if (!open_model(&full, &vf_restorer_type, &full.restorer, dir, K_F32, k) || !open_model(&full, &vf_vocoder_type, &full.vocoder, dir, K_F32, k))
        return 1;
    for (int i = 0; i < 2; i++) {
        hse_item_init(&items[i]);
        items[i].audio = *audio;
        items[i].audio.samples = hse_alloc((audio->n + 1) * sizeof(float));
        memcpy(items[i].audio.samples, audio->samples, audio->n * sizeof(float));
        items[i].has = HSE_AUDIO;
        if (!step(pairs[i], &vf_restorer_type, pairs[i]->restorer, &items[i]) || !step(pairs[i], &vf_vocoder_type, pairs[i]->vocoder, &items[i]))
            return 1;
    }
    printf("mel %.2f dB, audio %.2f dB\n", snr(items[0].mel, items[1].mel, items[0].mel_frames * VF_BANDS),
           snr(items[0].audio.samples, items[1].audio.samples, items[0].audio.n));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: bench_voicefixer FOLDER SECONDS|FILE THREADS f32|bf16|int8 [seam|quality|CPU]\n");
        return 2;
    }
    bool cuts = argc > 5 && strcmp(argv[5], "seam") == 0, compares = argc > 5 && strcmp(argv[5], "quality") == 0;
    k_weight_type t = strcmp(argv[4], "f32") == 0 ? K_F32 : strcmp(argv[4], "bf16") == 0 ? K_BF16 : K_INT8;
    size_t made;
    hse_pool *pool = NULL;
    unsigned mask;
    pair p = {0};
    char line[4096];

    if (hse_cpu_mask(argc > 5 && !cuts && !compares ? argv[5] : NULL, &mask, &p.err) != HSE_OK)
        return 2;
    const hse_kernels *k = hse_kernels_get(mask);
    hse_audio audio;
    if (!input(&audio, argv[2], &p.err)) {
        fprintf(stderr, "%s\n", p.err.text);
        return 1;
    }
    size_t n = audio.n;
    if (hse_pool_open(&pool, atoi(argv[3]), &p.err) != HSE_OK ||
        nn_open(&p.c, &(nn_options){.kernels = k, .pool = pool}, &p.err) != HSE_OK ||
        !open_model(&p, &vf_restorer_type, &p.restorer, argv[1], t, k) ||
        !open_model(&p, &vf_vocoder_type, &p.vocoder, argv[1], t, k))
        return 1;
    if (cuts)
        return seam(&p, &audio);
    if (compares)
        return quality(&p, &audio, argv[1], k);
    float *out = n > (size_t)1 << 24 ? NULL : hse_alloc((n + VF_FADE) * sizeof *out);
    printf("ready hse threads %s %s weights %zu MB\n", argv[3], hse_cpu_name(k->cpu),
           (vf_restorer_type.bytes(p.restorer) + vf_vocoder_type.bytes(p.vocoder)) >> 20);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        uint64_t start = hse_now_ns();
        double restorer = 0, all, cpu = cpu_ms();
        struct rusage use;
        FILE *f;
        if (!pieces(&p, &audio, out, &made, &restorer))
            return 1;
        all = ms_since(start);
        cpu = cpu_ms() - cpu;
        line[strcspn(line, "\n")] = '\0';
        if (out && strncmp(line, "save ", 5) == 0 && (f = fopen(line + 5, "wb")) != NULL) {
            fwrite(out, sizeof *out, made, f);
            fclose(f);
        }
        getrusage(RUSAGE_SELF, &use);
        printf("%.1f %zu restorer %.0f vocoder %.0f cpu %.0f peak %ld MB\n", all, made, restorer, all - restorer, cpu,
               use.ru_maxrss / 1024);
        fflush(stdout);
    }
    return 0;
}
