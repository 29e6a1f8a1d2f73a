#include "npy.h"
#include "test.h"

#include "audio/fft.h"
#include "audio/mel.h"
#include "audio/stft.h"
#include "base/mem.h"
#include "base/status.h"

#include <math.h>
#include <pthread.h>

TEST(fft_agrees_with_a_plain_transform_in_double)
{
    static const int lengths[] = {2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 45, 77, 120, 400, 441, 512, 882, 1024, 1200, 2048};

    for (size_t c = 0; c < COUNT(lengths); c++) {
        const int n = lengths[c], bins = n / 2 + 1;
        hse_error err = {0};
        hse_fft *p = NULL;
        float *x = test_floats((size_t)n), *spec = test_floats((size_t)bins * 2), *back = test_floats((size_t)n);
        double worst = 0;

        CHECK(hse_fft_open(&p, n, &err) == HSE_OK, "%d: %s", n, err.text);
        float *scratch = test_floats(hse_fft_scratch(p));
        hse_fft_forward(p, x, spec, scratch);
        for (int k = 0; k < bins; k++) {
            double re = 0, im = 0;
            for (int t = 0; t < n; t++) {
                double a = -2 * M_PI * (double)((int64_t)k * t % n) / n;
                re += (double)x[t] * cos(a);
                im += (double)x[t] * sin(a);
            }
            worst = fmax(worst, fmax(fabs(re - (double)spec[2 * k]), fabs(im - (double)spec[2 * k + 1])));
        }
        CHECK(worst < 4e-7 * sqrt(n) * log2(n + 2), "n %d: off by %g", n, worst);
        hse_fft_inverse(p, spec, back, scratch);
        for (int t = 0; t < n; t++)
            CHECK(fabsf(back[t] - x[t]) < 1e-6f, "n %d: sample %d comes back as %g, was %g", n, t, (double)back[t],
                  (double)x[t]);
        hse_fft_close(&p);
    }
}

/* The definition, in double: pad, window, transform. */
static void plain_stft(const hse_stft_config *c, const float *x, long n, long frame, int k, double out[2])
{
    const int window = c->window ? c->window : c->n_fft, left = (c->n_fft - window) / 2;

    out[0] = out[1] = 0;
    for (int i = 0; i < window; i++) {
        long t = frame * c->hop - c->pad + left + i;
        double v = 0;
        if (t >= 0 && t < n)
            v = (double)x[t];
        else if (c->pad_with == HSE_STFT_REFLECT)
            v = (double)x[t < 0 ? -t : 2 * (n - 1) - t];
        v *= 0.5 - 0.5 * cos(2 * M_PI * i / window);
        out[0] += v * cos(-2 * M_PI * k * (left + i) / c->n_fft);
        out[1] += v * sin(-2 * M_PI * k * (left + i) / c->n_fft);
    }
}

static const hse_stft_config shapes[] = {
    {.n_fft = 400, .hop = 160, .pad = 200, .pad_with = HSE_STFT_ZEROS},
    {.n_fft = 400, .hop = 160, .pad = 200, .pad_with = HSE_STFT_REFLECT},
    {.n_fft = 512, .window = 300, .hop = 100, .pad = 256, .pad_with = HSE_STFT_REFLECT},
    {.n_fft = 1024, .hop = 256, .pad = 384, .pad_with = HSE_STFT_REFLECT},
    {.n_fft = 64, .hop = 16, .pad = 0},
    {.n_fft = 45, .hop = 10, .pad = 22, .pad_with = HSE_STFT_REFLECT},
};

TEST(stft_agrees_with_its_definition)
{
    for (size_t c = 0; c < COUNT(shapes); c++) {
        const long n = 1300;
        hse_error err = {0};
        hse_stft *s = NULL;
        float *x = test_floats((size_t)n);

        CHECK(hse_stft_open(&s, &shapes[c], &err) == HSE_OK, "shape %zu: %s", c, err.text);
        size_t frames = hse_stft_frames(s, (size_t)n), bins = (size_t)hse_stft_bins(s);
        CHECK(frames == 1 + (size_t)(n + 2 * shapes[c].pad - shapes[c].n_fft) / (size_t)shapes[c].hop, "%zu", frames);
        float *all = test_floats(frames * bins * 2), *one = test_floats(bins), *power = test_floats(frames * bins);
        float *scratch = test_floats(hse_stft_scratch(s));
        hse_stft_run(s, HSE_STFT_COMPLEX, x, (size_t)n, 0, frames, all, scratch);
        hse_stft_run(s, HSE_STFT_POWER, x, (size_t)n, 0, frames, power, scratch);
        for (size_t f = 0; f < frames; f++) {
            hse_stft_run(s, HSE_STFT_MAGNITUDE, x, (size_t)n, f, 1, one, scratch);
            for (size_t k = 0; k < bins; k++) {
                double want[2];
                const float *got = all + (f * bins + k) * 2;
                plain_stft(&shapes[c], x, n, (long)f, (int)k, want);
                CHECK(fabs(want[0] - (double)got[0]) < 3e-5 && fabs(want[1] - (double)got[1]) < 3e-5,
                      "shape %zu frame %zu bin %zu: %g %+gi, want %g %+gi", c, f, k, (double)got[0], (double)got[1],
                      want[0], want[1]);
                CHECK(power[f * bins + k] == got[0] * got[0] + got[1] * got[1], "power");
                CHECK(one[k] == sqrtf(power[f * bins + k]), "a frame alone differs");
            }
        }
        hse_stft_close(&s);
    }
}

TEST(istft_undoes_stft)
{
    for (size_t c = 0; c < COUNT(shapes); c++) {
        const size_t n = 1300;
        hse_stft *s = NULL;
        float *x = test_floats(n), *y = test_floats(n);

        if (shapes[c].pad == 0)
            continue; /* the first and last samples of an uncentred transform are lost in the window */
        CHECK(hse_stft_open(&s, &shapes[c], NULL) == HSE_OK, "shape %zu", c);
        size_t frames = hse_stft_frames(s, n);
        float *spec = test_floats(frames * (size_t)hse_stft_bins(s) * 2), *scratch = test_floats(hse_stft_scratch(s));
        hse_stft_run(s, HSE_STFT_COMPLEX, x, n, 0, frames, spec, scratch);
        size_t covered = (frames - 1) * (size_t)shapes[c].hop + (size_t)shapes[c].n_fft / 2;
        covered = covered < n ? covered : n;
        hse_istft_run(s, spec, frames, (size_t)shapes[c].pad, y, n, scratch);
        for (size_t t = 0; t < covered; t++)
            CHECK(fabsf(x[t] - y[t]) < 2e-5f, "shape %zu sample %zu: %g, want %g", c, t, (double)y[t], (double)x[t]);
        hse_stft_close(&s);
    }
}

TEST(stft_knows_what_is_too_short)
{
    hse_stft *s = NULL;
    static const hse_stft_config bad[] = {{.n_fft = 1, .hop = 1},
                                          {.n_fft = 400, .hop = 0},
                                          {.n_fft = 400, .hop = 160, .window = 401},
                                          {.n_fft = 400, .hop = 160, .pad = -1},
                                          {.n_fft = (1 << 20) + 1, .hop = 160}};

    for (size_t c = 0; c < COUNT(bad); c++) {
        hse_error err = {0};
        CHECK(hse_stft_open(&s, &bad[c], &err) == HSE_E_ARG && err.text[0] && !s, "case %zu", c);
    }
    CHECK(hse_stft_open(&s, &shapes[1], NULL) == HSE_OK, "open");
    CHECK(hse_stft_frames(s, 0) == 0 && hse_stft_frames(s, 200) == 0 && hse_stft_frames(s, 201) == 2, "reflect");
    hse_stft_close(&s);
    CHECK(hse_stft_open(&s, &shapes[0], NULL) == HSE_OK, "open");
    CHECK(hse_stft_frames(s, 0) == 1 && hse_stft_frames(s, 160) == 2 && hse_stft_frames(s, SIZE_MAX) == 0, "zeros");
    hse_stft_close(&s);
}

TEST(mel_filters_agree_with_librosa)
{
    static const struct {
        const char *name;
        hse_mel_config cfg;
    } cases[] = {
        {"mel_16000_400_40_slaney", {16000, 400, 40, 0, 0, HSE_MEL_SLANEY, HSE_MEL_AREA_1}},
        {"mel_16000_400_80_slaney", {16000, 400, 80, 0, 8000, HSE_MEL_SLANEY, HSE_MEL_AREA_1}},
        {"mel_8000_256_20_htk_area", {8000, 256, 20, 50, 3500, HSE_MEL_HTK, HSE_MEL_AREA_1}},
        {"mel_16000_400_30_htk_peak", {16000, 400, 30, 0, 0, HSE_MEL_HTK, HSE_MEL_PEAK_1}},
        {"melsum_44100_2048_128_htk_peak", {44100, 2048, 128, 0, 0, HSE_MEL_HTK, HSE_MEL_PEAK_1}},
        {"melsum_22050_1024_80_slaney", {22050, 1024, 80, 0, 8000, HSE_MEL_SLANEY, HSE_MEL_AREA_1}},
        {"melsum_16000_400_128_slaney", {16000, 400, 128, 0, 0, HSE_MEL_SLANEY, HSE_MEL_AREA_1}},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        const int bins = cases[c].cfg.n_fft / 2 + 1, bands = cases[c].cfg.n_mels;
        char path[128];
        hse_error err = {0};
        hse_mel *m = NULL;

        snprintf(path, sizeof path, "tests/data/audio/%s.npy", cases[c].name);
        npy want = npy_read(path);
        bool product = strncmp(cases[c].name, "melsum", 6) == 0;
        CHECK(want.n == (size_t)(product ? bands : bands * bins), "%s: %zu values", path, want.n);
        CHECK(hse_mel_open(&m, &cases[c].cfg, &err) == HSE_OK, "%s: %s", path, err.text);
        float *spec = test_floats((size_t)bins * 2), *got = test_floats((size_t)bands * 2);
        for (int k = 0; k < bins; k++)
            spec[k] = spec[bins + k] = (float)(1 + 7 * k % 13);
        hse_mel_run(m, spec, 2, got);
        for (int b = 0; b < bands; b++) {
            CHECK(got[b] == got[bands + b], "%s: frames differ", path);
            if (product) {
                CHECK(fabsf(got[b] - want.v[b]) <= 1e-6f * want.v[b], "%s band %d: %.9g, want %.9g", path, b,
                      (double)got[b], (double)want.v[b]);
                continue;
            }
            const float *w;
            int n, first = hse_mel_band(m, b, &n, &w);
            for (int k = 0; k < bins; k++) {
                float have = k >= first && k < first + n ? w[k - first] : 0, ref = want.v[b * bins + k];
                CHECK(fabsf(have - ref) <= 1e-6f * fabsf(ref) + 1e-9f, "%s band %d bin %d: %.9g, want %.9g", path, b, k,
                      (double)have, (double)ref);
            }
        }
        hse_mel_close(&m);
        free(want.v);
    }
}

TEST(mel_refuses_what_makes_no_sense)
{
    static const hse_mel_config bad[] = {
        {0, 400, 40, 0, 0, 0, 0},          {16000, 1, 40, 0, 0, 0, 0},      {16000, 400, 0, 0, 0, 0, 0},
        {16000, 400, 40, -1, 0, 0, 0},     {16000, 400, 40, 0, 8001, 0, 0}, {16000, 400, 40, 5000, 4000, 0, 0},
        {16000, 400, 5000, 0, 8000, 0, 0}, {16000, 400, 40, NAN, 0, 0, 0},
    };

    for (size_t c = 0; c < COUNT(bad); c++) {
        hse_mel *m = NULL;
        hse_error err = {0};
        CHECK(hse_mel_open(&m, &bad[c], &err) == HSE_E_ARG && !m && err.text[0], "case %zu", c);
    }
}

TEST(plans_survive_failed_allocations)
{
    for (uint64_t k = 1;; k++) {
        static const hse_mel_config mel = {16000, 400, 40, 0, 0, HSE_MEL_SLANEY, HSE_MEL_AREA_1};
        hse_stft *s = NULL;
        hse_mel *m = NULL;
        hse_mem_fail_at(k, false);
        hse_status a = hse_stft_open(&s, &shapes[0], NULL), b = hse_mel_open(&m, &mel, NULL);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(struck == (a == HSE_E_NOMEM || b == HSE_E_NOMEM), "allocation %llu: %d %d", (unsigned long long)k, a, b);
        CHECK((s != NULL) == (a == HSE_OK) && (m != NULL) == (b == HSE_OK), "an object came with an error");
        hse_stft_close(&s);
        hse_mel_close(&m);
        if (!struck)
            break;
    }
}

typedef struct {
    const hse_stft *s;
    const float *x;
    float *out;
} share;

static void *run_shared(void *arg)
{
    share *w = arg;
    float *scratch = malloc(hse_stft_scratch(w->s) * sizeof *scratch);

    for (int i = 0; i < 50; i++)
        hse_stft_run(w->s, HSE_STFT_POWER, w->x, 3000, 0, hse_stft_frames(w->s, 3000), w->out, scratch);
    free(scratch);
    return NULL;
}

TEST(one_plan_serves_threads)
{
    hse_stft *s = NULL;
    share w[4];
    pthread_t t[4];
    float *x = test_floats(3000);

    CHECK(hse_stft_open(&s, &shapes[0], NULL) == HSE_OK, "open");
    size_t size = hse_stft_frames(s, 3000) * (size_t)hse_stft_bins(s);
    for (int i = 0; i < 4; i++) {
        w[i] = (share){s, x, test_floats(size)};
        CHECK(pthread_create(&t[i], NULL, run_shared, &w[i]) == 0, "thread");
    }
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    for (int i = 1; i < 4; i++)
        CHECK(memcmp(w[0].out, w[i].out, size * sizeof(float)) == 0, "thread %d got other bits", i);
    hse_stft_close(&s);
}
