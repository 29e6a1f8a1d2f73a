/* A message in speech: as many samples, the same bits however cut, found after what recordings go through, not found where there is none. */
#include "test.h"
#include "torture.h"

#include "audio/resample.h"
#include "audio/watermark.h"

#include <math.h>
#include <stdlib.h>

enum { RATE = 16000 };

/* Something like speech: a voice's harmonics under formants that move, syllables and pauses. Deterministic. */
static float *speech(size_t n, unsigned seed)
{
    float *x = malloc(n * sizeof *x);
    uint32_t r = seed * 2654435761u + 1;
    double phase = 0, f0 = 120, formant[3] = {500, 1500, 2500}, to[3] = {700, 1200, 2600}, loud = 0, target = 1;

    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        if (i % 1600 == 0) {
            for (int k = 0; k < 3; k++) {
                r = r * 1664525u + 1013904223u;
                to[k] = (double[]){300, 900, 2200}[k] + (double)(r >> 16) / 65536 * (double[]){600, 1300, 1200}[k];
            }
            r = r * 1664525u + 1013904223u;
            target = (r >> 28) < 2 ? 0 : 0.3 + (double)(r >> 24) / 256;
        }
        for (int k = 0; k < 3; k++)
            formant[k] += (to[k] - formant[k]) / 400;
        loud += (target - loud) / 300;
        f0 = 130 + 25 * sin((double)i / 9000);
        phase += f0 / RATE;
        double v = 0;
        for (int h = 1; h * f0 < 5000; h++) {
            double hz = h * f0, gain = 0.02;
            for (int k = 0; k < 3; k++)
                gain += exp(-pow((hz - formant[k]) / 150, 2)) / (k + 1);
            v += gain / sqrt(h) * sin(2 * M_PI * h * phase);
        }
        r = r * 1664525u + 1013904223u;
        x[i] = (float)(0.1 * loud * (v + 0.05 * ((double)(r >> 16) / 32768 - 1)));
    }
    return x;
}

static void mark(const float *x, size_t n, int rate, const char *message, size_t step, hse_buf *out)
{
    hse_watermark *w = NULL;
    hse_error err = {0};

    hse_buf_init(out, 1 << 28);
    CHECK(hse_watermark_open(&w, rate, message, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < n; i += step)
        assert_int_equal(hse_watermark_push(w, x + i, i + step < n ? step : n - i, out, &err), HSE_OK);
    assert_int_equal(hse_watermark_finish(w, out, &err), HSE_OK);
    hse_watermark_close(&w);
    CHECK(out->size == n * sizeof *x, "%zu bytes for %zu samples", out->size, n);
}

static void expect(const char *name, const float *x, size_t n, int rate, const char *message)
{
    hse_watermark_result r;
    hse_error err = {0};

    CHECK(hse_watermark_find(x, n, rate, &r, &err) == HSE_OK, "%s: %s", name, err.text);
    CHECK(r.found == (message != NULL) && strcmp(r.message, message ? message : "") == 0, "%s: found %d '%s' (%.2f), want '%s'", name, r.found,
          r.message, (double)r.strength, message ? message : "");
}

TEST(a_message_is_found_after_what_recordings_go_through)
{
    size_t n = RATE * 8;
    float *x = speech(n, 1), *y;
    hse_buf marked;

    mark(x, n, RATE, "Ab-9", 4096, &marked);
    y = (float *)(void *)marked.data;
    expect("as it is", y, n, RATE, "Ab-9");
    expect("cut", y + 12345, n - 23456, RATE, "Ab-9");
    for (size_t i = 0; i < n; i++)
        y[i] = (float)lrintf(y[i] * 0.3f * 32767) / 32767;
    expect("softer, in 16 bits", y, n, RATE, "Ab-9");
    double power = 0;
    for (size_t i = 0; i < n; i++)
        power += (double)y[i] * y[i] / (double)n;
    uint32_t r = 7;
    for (size_t i = 0; i < n; i++) {                /* uniform: variance a^2 / 3 */
        r = r * 1664525u + 1013904223u;
        y[i] += (float)(sqrt(3 * power / 100) * ((double)(r >> 8) / (1 << 23) - 1));
    }
    expect("under noise 20 dB below", y, n, RATE, "Ab-9");

    hse_resampler *to = NULL;
    hse_buf other;
    hse_error err = {0};
    hse_buf_init(&other, 1 << 28);
    assert_int_equal(hse_resampler_open(&to, RATE, 44100, &err), HSE_OK);
    assert_int_equal(hse_resampler_push(to, y, n, &other, &err), HSE_OK);
    assert_int_equal(hse_resampler_finish(to, &other, &err), HSE_OK);
    hse_resampler_close(&to);
    expect("at 44.1 kHz", (const float *)(const void *)other.data, other.size / sizeof(float), 44100, "Ab-9");
    hse_buf_free(&other);
    hse_buf_free(&marked);
    free(x);
}

TEST(nothing_is_found_where_nothing_is)
{
    for (unsigned seed = 1; seed <= 6; seed++) {
        float *x = speech(RATE * 5, seed);

        expect("speech", x, RATE * 5, RATE, NULL);
        free(x);
    }
    float *silence = calloc(RATE * 3, sizeof *silence);
    assert_non_null(silence);
    expect("silence", silence, RATE * 3, RATE, NULL);
    expect("too short", silence, 100, RATE, NULL);
    expect("nothing", silence, 0, RATE, NULL);
    free(silence);
}

TEST(the_same_bits_however_cut)
{
    size_t n = RATE + 777;
    float *x = speech(n, 3);
    hse_buf whole, pieces;

    mark(x, n, RATE, "default", n, &whole);
    for (size_t step = 1; step < 4000; step = step * 5 + 3) {
        mark(x, n, RATE, "default", step, &pieces);
        CHECK(memcmp(whole.data, pieces.data, whole.size) == 0, "pieces of %zu give other bits", step);
        hse_buf_free(&pieces);
    }
    double signal = 0, change = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)((const float *)(const void *)whole.data)[i] - (double)x[i];

        signal += (double)x[i] * x[i];
        change += d * d;
    }
    /* No bin changes by more than exp(0.25) - 1 = 0.284: -10.9 dB if all of the signal lay in the band. */
    CHECK(10 * log10(signal / change) > 10.9, "%.1f dB", 10 * log10(signal / change));
    hse_buf_free(&whole);
    free(x);
}

TEST(messages_and_rates_are_checked)
{
    static const struct {
        const char *message;
        int         rate;
        hse_status  want;
    } rows[] = {{"", RATE, HSE_E_ARG},        {"123456789", RATE, HSE_E_ARG}, {"a b", RATE, HSE_E_ARG}, {"\xC3\xA4", RATE, HSE_E_ARG},
                {"12345678", RATE, HSE_OK},   {"-", RATE, HSE_OK},            {"a", 8000, HSE_E_ARG},   {"a", 1 << 20, HSE_E_ARG}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_watermark *w = NULL;
        hse_error err = {0};
        hse_status s = hse_watermark_open(&w, rows[i].rate, rows[i].message, &err);

        CHECK(s == rows[i].want && (s == HSE_OK || strstr(err.text, "watermark: ")), "'%s' at %d: %d '%s'", rows[i].message, rows[i].rate, (int)s, err.text);
        hse_watermark_close(&w);
    }
}

static hse_status tortured(void *arg, hse_error *err)
{
    hse_watermark *w = NULL;
    hse_watermark_result r;
    hse_buf out;

    hse_buf_init(&out, 1 << 20);
    hse_status s = hse_watermark_open(&w, RATE, "x", err);
    if (s == HSE_OK)
        s = hse_watermark_push(w, arg, 2000, &out, err);
    if (s == HSE_OK)
        s = hse_watermark_finish(w, &out, err);
    if (s == HSE_OK)
        s = hse_watermark_find(arg, 2000, RATE, &r, err);
    hse_watermark_close(&w);
    hse_buf_free(&out);
    return s;
}

TEST(every_allocation_may_fail)
{
    float *x = speech(2000, 1);

    test_torture("watermark", tortured, x);
    free(x);
}
