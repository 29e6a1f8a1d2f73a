/* Whisper's log-mel frames: lengths, reflected edges, parts and threads give the same bits, what is no sound is refused. */
#include "test.h"

#include "base/mem.h"
#include "models/whisper/mel.h"
#include "torture.h"

#include <math.h>

static whisper_mel *open_mel(int mels)
{
    whisper_mel *m = NULL;
    hse_error err = {0};

    CHECK(whisper_mel_open(&m, mels, &err) == HSE_OK, "%s", err.text);
    return m;
}

static float *signal_of(size_t n)
{
    float *x = hse_alloc(n * sizeof *x + 1);

    for (size_t i = 0; i < n; i++)
        x[i] = 0.4f * sinf((float)i * 0.05f) + 0.1f * sinf((float)(i % 977) * 1.3f);
    return x;
}

static float *run(const whisper_mel *m, hse_pool *pool, const float *x, size_t n)
{
    float *out = hse_alloc(whisper_mel_count(n) * (size_t)whisper_mel_bands(m) * sizeof *out);
    hse_error err = {0};

    CHECK(whisper_mel_run(m, pool, x, n, out, &err) == HSE_OK, "%zu samples: %s", n, err.text);
    return out;
}

/* The definition in double, with numpy's reflection for signals shorter than the padding. */
static double reference(const float *x, size_t n, size_t frame, int bin)
{
    ptrdiff_t last = (ptrdiff_t)n + WHISPER_HOP - 1;
    double re = 0, im = 0;

    for (int k = 0; k < WHISPER_FFT; k++) {
        ptrdiff_t i = (ptrdiff_t)frame * WHISPER_HOP - WHISPER_FFT / 2 + k, period = 2 * last;
        i = ((i % period) + period) % period;
        i = i > last ? period - i : i;
        double v = (size_t)i < n ? (double)x[i] : 0, angle = 2 * M_PI * k * bin / WHISPER_FFT;
        v *= 0.5 - 0.5 * cos(2 * M_PI * k / WHISPER_FFT);
        re += v * cos(angle);
        im -= v * sin(angle);
    }
    return re * re + im * im;
}

TEST(edges_are_reflected_as_often_as_it_takes)
{
    static const size_t lengths[] = {1, 39, 40, 41, 159, 160, 161, 399, 1000};
    whisper_mel *m = open_mel(80);
    float filters[80 * 201];

    whisper_mel_filters(m, filters);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t n = lengths[i], frames = whisper_mel_count(n);
        float *x = signal_of(n), *got = run(m, NULL, x, n);
        double most = -10, *want = hse_alloc(frames * 80 * sizeof *want);
        CHECK(frames == (n + 160) / 160, "%zu samples: %zu frames", n, frames);
        for (size_t f = 0; f < frames; f++) {
            double power[201];
            for (int b = 0; b < 201; b++)
                power[b] = reference(x, n, f, b);
            for (int k = 0; k < 80; k++) {
                double sum = 0;
                for (int b = 0; b < 201; b++)
                    sum += (double)filters[k * 201 + b] * power[b];
                want[f * 80 + (size_t)k] = log10(sum > 1e-10 ? sum : 1e-10);
                most = fmax(most, want[f * 80 + (size_t)k]);
            }
        }
        for (size_t k = 0; k < frames * 80; k++) {
            double w = (fmax(want[k], most - 8) + 4) / 4;
            CHECK(fabs((double)got[k] - w) < 1e-3, "%zu samples, value %zu: %g, not %g", n, k, (double)got[k], w);
        }
        hse_free(want);
        hse_free(got);
        hse_free(x);
    }
    whisper_mel_close(&m);
}

TEST(nothing_and_silence)
{
    whisper_mel *m = open_mel(128);
    float silence[1600] = {0};
    float *out = run(m, NULL, NULL, 0);

    for (int k = 0; k < 128; k++)
        CHECK(out[k] == -1.5f, "no samples: %g", (double)out[k]);
    hse_free(out);
    out = run(m, NULL, silence, 1600);
    for (int k = 0; k < 11 * 128; k++)
        CHECK(out[k] == -1.5f, "silence: %g", (double)out[k]);
    hse_free(out);
    whisper_mel_close(&m);
}

TEST(parts_and_threads_give_the_same_bits)
{
    enum { N = 100000 };
    static const struct {
        size_t first, frames;
    } parts[] = {{0, 1}, {0, 626}, {7, 200}, {500, 126}, {620, 20}, {625, 1}, {626, 3}, {5000, 2}, {100, 0}};
    whisper_mel *m = open_mel(80);
    float *x = signal_of(N), *alone = run(m, NULL, x, N), *part = hse_alloc(700 * 80 * sizeof *part), peak = 0, again = 0;
    hse_error err = {0};

    CHECK(whisper_mel_peak(m, NULL, x, N, &peak, &err) == HSE_OK, "%s", err.text);
    for (int threads = 1; threads <= 5; threads += 2) {
        hse_pool *pool = NULL;
        CHECK(hse_pool_open(&pool, threads, &err) == HSE_OK, "%s", err.text);
        float *together = run(m, pool, x, N);
        CHECK(memcmp(alone, together, 625 * 80 * sizeof *alone) == 0, "%d threads", threads);
        CHECK(whisper_mel_peak(m, pool, x, N, &again, &err) == HSE_OK && again == peak, "%d threads: peak %g", threads,
              (double)again);
        for (size_t i = 0; i < COUNT(parts); i++) {
            CHECK(whisper_mel_frames(m, pool, x, N, peak, parts[i].first, parts[i].frames, part, &err) == HSE_OK, "%s",
                  err.text);
            for (size_t f = 0; f < parts[i].frames; f++)
                for (size_t k = 0; k < 80; k++) {
                    size_t at = parts[i].first + f;
                    float want = at < whisper_mel_count(N) ? alone[at * 80 + k] : 0;
                    CHECK(part[f * 80 + k] == want, "part %zu, frame %zu", i, f);
                }
        }
        hse_free(together);
        hse_pool_close(&pool);
    }
    hse_free(part);
    hse_free(alone);
    hse_free(x);
    whisper_mel_close(&m);
}

TEST(what_is_no_sound)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 2e9f, -1e30f};
    whisper_mel *m = open_mel(80);
    float x[2000] = {0}, *out = hse_alloc(20 * 80 * sizeof *out), peak;
    hse_error err = {0};

    for (size_t i = 0; i < COUNT(bad); i++) {
        x[777] = bad[i];
        CHECK(whisper_mel_run(m, NULL, x, 2000, out, &err) == HSE_E_FORMAT && err.offset == 777, "%s", err.text);
        CHECK(whisper_mel_peak(m, NULL, x, 2000, &peak, &err) == HSE_E_FORMAT, "%s", err.text);
        CHECK(whisper_mel_frames(m, NULL, x, 2000, 0, 4, 3, out, &err) == HSE_E_FORMAT && err.offset == 777, "%s", err.text);
        CHECK(whisper_mel_frames(m, NULL, x, 2000, 0, 8, 3, out, &err) == HSE_OK, "frames that do not see it: %s", err.text);
    }
    x[777] = 1e9f; /* the loudest there is: its power is finite */
    CHECK(whisper_mel_run(m, NULL, x, 2000, out, &err) == HSE_OK && isfinite(out[5 * 80]), "%s", err.text);
    CHECK(whisper_mel_frames(m, NULL, x, 2000, NAN, 0, 1, out, &err) == HSE_E_ARG, "%s", err.text);
    CHECK(whisper_mel_frames(m, NULL, x, 2000, 0, SIZE_MAX, 1, out, &err) == HSE_E_ARG, "%s", err.text);
    CHECK(whisper_mel_run(m, NULL, x, SIZE_MAX, out, &err) == HSE_E_LIMIT, "%s", err.text);
    hse_free(out);
    whisper_mel_close(&m);
    CHECK(whisper_mel_open(&m, 0, &err) == HSE_E_UNSUPPORTED && whisper_mel_open(&m, 513, &err) == HSE_E_UNSUPPORTED, "%s",
          err.text);
}

static hse_status tortured(void *arg, hse_error *err)
{
    whisper_mel *m = NULL;
    float x[500] = {0}, out[4 * 80];
    hse_status s = whisper_mel_open(&m, 80, err);

    (void)arg;
    if (s == HSE_OK)
        s = whisper_mel_run(m, NULL, x, 500, out, err);
    whisper_mel_close(&m);
    return s;
}

TEST(each_allocation_fails_once)
{
    CHECK(test_torture("mel", tortured, NULL) > 3, "few allocations");
}
