#include "test.h"

#include "audio/audio.h"
#include "audio/limiter.h"
#include "base/mem.h"

#include <math.h>

TEST(limiter_keeps_the_ceiling_the_length_and_quiet_signals)
{
    static const struct {
        const char *name;
        int rate;
        float gain, level;
        size_t n;
    } cases[] = {
        {"quiet stays as it is", 16000, 1, 0.5f, 8000},
        {"gain alone", 24000, 1.5f, 0.6f, 8000},
        {"loud", 16000, 1, 3, 8000},
        {"very loud", 48000, 20, 40, 30000},
        {"one sample", 16000, 1, 5, 1},
        {"shorter than the look-ahead", 16000, 2, 5, 40},
        {"exactly the look-ahead", 16000, 2, 5, 80},
        {"one more", 16000, 2, 5, 81},
        {"lowest rate", 1000, 2, 5, 3000},
        {"highest rate", 384000, 2, 5, 9000},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        float *x = test_floats(cases[c].n), y[30000];
        hse_error err = {0};
        bool quiet = cases[c].gain * cases[c].level < HSE_LIMITER_CEILING;

        hse_audio_scale(x, cases[c].n, cases[c].level);
        memcpy(y, x, cases[c].n * sizeof *y);
        CHECK(hse_limit(y, cases[c].n, cases[c].rate, cases[c].gain, HSE_LIMITER_CEILING, &err) == HSE_OK, "%s: %s",
              cases[c].name, err.text);
        for (size_t i = 0; i < cases[c].n; i++) {
            CHECK(fabsf(y[i]) <= HSE_LIMITER_CEILING, "%s: sample %zu is %g", cases[c].name, i, (double)y[i]);
            CHECK(!quiet || y[i] == x[i] * cases[c].gain, "%s: sample %zu changed", cases[c].name, i);
            CHECK(y[i] * x[i] >= 0, "%s: sample %zu changed its sign: out of time", cases[c].name, i);
        }
    }
}

TEST(limiter_ramps_and_recovers)
{
    enum { N = 32000, PEAK = 8000 };
    static float x[N];

    for (int i = 0; i < N; i++)
        x[i] = 0.5f;
    x[PEAK] = 5;
    CHECK(hse_limit(x, N, 16000, 1, HSE_LIMITER_CEILING, NULL) == HSE_OK, "limit");
    for (int i = 1; i < N; i++)
        CHECK(i == PEAK || i == PEAK + 1 || fabsf(x[i] - x[i - 1]) < 0.02f, "a jump at %d: %g to %g", i,
              (double)x[i - 1], (double)x[i]);
    CHECK(x[PEAK - 200] == 0.5f, "the gain fell more than 10 ms before the peak");
    CHECK(x[PEAK + 16000] > 0.4999f, "the gain has not come back after a second: %g", (double)x[PEAK + 16000]);
    CHECK(x[PEAK] > 0.9f, "the peak itself is %g", (double)x[PEAK]);
}

TEST(limiter_in_pieces_gives_the_same_bits)
{
    enum { N = 20000 };
    float *x = test_floats(N), *whole = test_floats(N);
    uint32_t seed = 3;

    for (size_t i = 0; i < N; i++)
        x[i] *= (float)(1 + i % 7000 / 2000);
    memcpy(whole, x, N * sizeof *x);
    CHECK(hse_limit(whole, N, 22050, 1.3f, HSE_LIMITER_CEILING, NULL) == HSE_OK, "limit");
    for (size_t most = 1; most < 5000; most = most * 3 + 1) {
        hse_limiter *l = NULL;
        hse_buf b;
        hse_error err = {0};
        hse_buf_init(&b, 1 << 20);
        CHECK(hse_limiter_open(&l, 22050, 1.3f, HSE_LIMITER_CEILING, &err) == HSE_OK, "%s", err.text);
        for (int again = 0; again < 2; again++) {
            hse_buf_clear(&b);
            for (size_t at = 0; at < N;) {
                seed = seed * 1664525u + 1013904223u;
                size_t n = (seed >> 8) % most + 1;
                n = n < N - at ? n : N - at;
                CHECK(hse_limiter_push(l, x + at, n, &b, &err) == HSE_OK, "%s", err.text);
                at += n;
                CHECK(b.size / sizeof *x + 22050 / 100 >= at, "more than 10 ms behind");
            }
            CHECK(hse_limiter_finish(l, &b, &err) == HSE_OK, "%s", err.text);
            CHECK(b.size == N * sizeof *x && memcmp(b.data, whole, b.size) == 0, "pieces up to %zu: other bits", most);
        }
        hse_limiter_close(&l);
        hse_buf_free(&b);
    }
}

TEST(limiter_refuses_what_is_no_sample)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 2e9f};
    hse_limiter *l = NULL;
    hse_error err = {0};

    for (size_t c = 0; c < COUNT(bad); c++) {
        float x[3] = {0, 0.1f, bad[c]};
        CHECK(hse_limit(x, 3, 16000, 1, HSE_LIMITER_CEILING, &err) == HSE_E_FORMAT && strstr(err.text, "sample 2"),
              "%s", err.text);
    }
    CHECK(hse_limiter_open(&l, 16000, NAN, 0.97f, &err) == HSE_E_ARG && !l, "gain");
    CHECK(hse_limiter_open(&l, 16000, 0, 0.97f, &err) == HSE_E_ARG && !l, "gain");
    CHECK(hse_limiter_open(&l, 16000, 1, 1.5f, &err) == HSE_E_ARG && !l, "ceiling");
    CHECK(hse_limiter_open(&l, 999, 1, 0.9f, &err) == HSE_E_ARG && !l, "rate");
}

TEST(limiter_survives_failed_allocations)
{
    for (uint64_t k = 1;; k++) {
        float x[500] = {2};
        hse_error err = {0};
        hse_mem_fail_at(k, false);
        hse_status s = hse_limit(x, 500, 16000, 1, HSE_LIMITER_CEILING, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(s == (struck ? HSE_E_NOMEM : HSE_OK), "allocation %llu: %d", (unsigned long long)k, s);
        if (!struck)
            break;
    }
}
