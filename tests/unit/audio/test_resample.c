#include "npy.h"
#include "test.h"

#include "audio/resample.h"
#include "base/mem.h"

#include <math.h>
#include <pthread.h>

TEST(resample_agrees_with_the_kit)
{
    static const int rates[] = {8000, 11025, 22050, 24000, 32000, 44100, 48000};

    for (size_t c = 0; c < COUNT(rates); c++) {
        char path[128];
        hse_error err = {0};
        float *y;
        size_t n;

        snprintf(path, sizeof path, "tests/golden/harmonyspeech/resample_to_16k/wav_%d.npy", rates[c]);
        npy in = npy_read(path);
        snprintf(path, sizeof path, "tests/golden/harmonyspeech/resample_to_16k/out_%d.npy", rates[c]);
        npy want = npy_read(path);
        CHECK(hse_resample(&y, &n, in.v, in.n, rates[c], 16000, &err) == HSE_OK, "%d: %s", rates[c], err.text);
        CHECK(n == want.n, "%d Hz: %zu samples, want %zu", rates[c], n, want.n);
        double worst = 0;
        for (size_t i = 0; i < n; i++)
            worst = fmax(worst, fabs((double)y[i] - (double)want.v[i]));
        CHECK(worst <= 1e-6, "%d Hz: off by %g (the kit allows 2e-4)", rates[c], worst);
        free(in.v);
        free(want.v);
        hse_free(y);
    }
}

static float *noise(size_t n)
{
    return test_floats(n);
}

TEST(resample_in_pieces_gives_the_same_bits)
{
    static const int pairs[][2] = {{48000, 16000}, {44100, 16000}, {16000, 44100}, {22050, 24000}, {8000, 16000},
                                   {16000, 8000},  {16000, 16000}, {11025, 48000}, {384000, 1000}, {1000, 384000},
                                   {16000, 16001}, {44100, 48000}, {24000, 16000}, {12345, 54321}};
    uint32_t seed = 7;

    for (size_t c = 0; c < COUNT(pairs); c++)
        for (size_t n = 1; n <= 40000; n = n * 5 + 3) {
            const int in = pairs[c][0], to = pairs[c][1];
            if ((double)n * to / in > 2e6)
                continue;
            hse_error err = {0};
            float *x = noise(n), *whole;
            size_t whole_n;

            CHECK(hse_resample(&whole, &whole_n, x, n, in, to, &err) == HSE_OK, "%s", err.text);
            CHECK(whole_n == hse_resampled_length(n, in, to), "%d to %d, n %zu: %zu samples", in, to, n, whole_n);
            for (int round = 0; round < 4; round++) {
                hse_resampler *r = NULL;
                hse_buf b;
                hse_buf_init(&b, SIZE_MAX / 2);
                CHECK(hse_resampler_open(&r, in, to, &err) == HSE_OK, "%s", err.text);
                for (int again = 0; again < 2; again++) { /* the second time on the finished one */
                    hse_buf_clear(&b);
                    for (size_t at = 0; at < n;) {
                        seed = seed * 1664525u + 1013904223u;
                        size_t piece = round == 0 ? 1 : round == 1 ? 160 : (seed >> 8) % (round == 2 ? 50 : 9000) + 1;
                        if (round == 0 && n > 3000)
                            piece = 97;
                        piece = piece < n - at ? piece : n - at;
                        CHECK(hse_resampler_push(r, x + at, piece, &b, &err) == HSE_OK, "%s", err.text);
                        at += piece;
                    }
                    CHECK(hse_resampler_finish(r, &b, &err) == HSE_OK, "%s", err.text);
                    CHECK(b.size == whole_n * sizeof(float), "%d to %d, n %zu: %zu bytes, want %zu", in, to, n, b.size,
                          whole_n * sizeof(float));
                    CHECK(whole_n == 0 || memcmp(b.data, whole, b.size) == 0, "%d to %d, n %zu, round %d: other bits",
                          in, to, n, round);
                }
                hse_resampler_close(&r);
                hse_buf_free(&b);
            }
            hse_free(whole);
        }
}

TEST(resample_of_nothing_is_nothing)
{
    hse_error err = {0};
    float *y = NULL, x = 0;
    size_t n = 99;

    CHECK(hse_resample(&y, &n, &x, 0, 48000, 16000, &err) == HSE_OK && n == 0 && !y, "%zu %s", n, err.text);
    CHECK(hse_resample(&y, &n, &x, 1, 999, 16000, &err) == HSE_E_ARG && err.text[0], "a rate below the bound");
    CHECK(hse_resample(&y, &n, &x, 1, 16000, 384001, &err) == HSE_E_ARG && err.text[0], "a rate above the bound");
}

TEST(resample_survives_failed_allocations)
{
    float *x = noise(5000);

    for (uint64_t k = 1;; k++) {
        hse_error err = {0};
        float *y = NULL;
        size_t n;
        hse_mem_fail_at(k, false);
        hse_status s = hse_resample(&y, &n, x, 5000, 44100, 16000, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(s == (struck ? HSE_E_NOMEM : HSE_OK), "allocation %llu: %d %s", (unsigned long long)k, s, err.text);
        hse_free(y);
        if (!struck)
            break;
    }
}

static void *resample_a_lot(void *arg)
{
    const float *x = arg;
    size_t n;

    for (int i = 0; i < 20; i++) {
        float *y = NULL;
        if (hse_resample(&y, &n, x, 3000, i % 2 ? 44100 : 24000, 16000, NULL) != HSE_OK)
            return arg;
        hse_free(y);
    }
    return NULL;
}

TEST(resample_in_threads)
{
    pthread_t t[4];
    float *x = noise(3000);

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, resample_a_lot, x) == 0, "thread %d", i);
    for (int i = 0; i < 4; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        CHECK(!bad, "thread %d failed", i);
    }
}
