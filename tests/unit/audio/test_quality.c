/* Figures of a recording: seconds of speech, SNR, flat tops; the kit's recording with known noise added. */
#include "audio/decode.h"
#include "audio/quality.h"
#include "base/mem.h"
#include "test.h"
#include "torture.h"

#include <math.h>
#include <stdlib.h>

static hse_audio speech(void)
{
    hse_audio a = {0};
    hse_error err = {0};

    CHECK(hse_audio_decode_file(&a, test_path("tests/golden/silero/audio/jfk_16k.wav"), NULL, &err) == HSE_OK, "%s", err.text);
    return a;
}

static hse_audio_quality measure(const hse_audio *a)
{
    hse_audio_quality q = {0};
    hse_error err = {0};

    CHECK(hse_audio_quality_of(&q, a, &err) == HSE_OK, "%s", err.text);
    return q;
}

/* Uniform noise of this root mean square. */
static void add_noise(hse_audio *a, double rms)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < a->n; i++) {
        seed = seed * 1664525u + 1013904223u;
        a->samples[i] += (float)(((double)(seed >> 8) / (1 << 24) - 0.5) * sqrt(12) * rms);
    }
}

TEST(speech_is_heard_and_noise_is_measured)
{
    hse_audio a = speech();
    hse_audio_quality clean = measure(&a), noisy;
    double before = clean.snr_db;

    CHECK(fabs(clean.seconds - 11.0) < 0.01 && clean.speech_seconds > 5 && clean.speech_seconds < 11, "%g of %g s", clean.speech_seconds,
          clean.seconds);
    CHECK(clean.snr_db > 15 && clean.clipped < 0.001, "SNR %g, clipped %g", clean.snr_db, clean.clipped);
    for (int step = 0; step < 2; step++) {                          /* louder steady noise leaves no pause that the detector sees */
        add_noise(&a, 0.015 * (1 + step));
        noisy = measure(&a);
        CHECK(noisy.snr_db < before - 1.5, "step %d: %g dB after %g", step, noisy.snr_db, before);
        before = noisy.snr_db;
    }
    hse_audio_free(&a);
}

/* Speech in the middle of noise that is 20 dB below it: the figure says about 20. */
TEST(the_figure_is_decibels)
{
    hse_audio a = speech();
    hse_audio_quality q = measure(&a);
    double power = 0, want = 15;
    size_t pad = 32000;
    float *x = hse_calloc(a.n + pad, sizeof *x);

    CHECK(x, "no memory");
    for (size_t i = 0; i < a.n; i++)
        power += (double)a.samples[i] * (double)a.samples[i];
    power /= (double)a.n * q.speech_seconds / q.seconds;            /* nearly all of it is in the speech */
    memcpy(x + pad, a.samples, a.n * sizeof *x);
    hse_audio_free(&a);
    hse_audio padded = {x, 176000 + pad, 16000, 1};
    add_noise(&padded, sqrt(power / pow(10, want / 10)));
    q = measure(&padded);
    CHECK(fabs(q.snr_db - want) < 4, "%g dB, want %g", q.snr_db, want);
    hse_audio_free(&padded);
}

TEST(flat_tops_are_clipping_and_tones_are_not)
{
    static float x[16000];
    hse_audio a = {x, COUNT(x), 16000, 1};

    for (size_t i = 0; i < COUNT(x); i++)
        x[i] = 0.9F * sinf((float)i * 0.04F);                       /* 102 Hz */
    CHECK(measure(&a).clipped == 0, "a tone: %g", measure(&a).clipped);
    for (size_t i = 0; i < COUNT(x); i++)
        x[i] = fminf(fmaxf(2 * x[i], -1), 1);
    CHECK(measure(&a).clipped > 0.4, "twice over the top: %g", measure(&a).clipped);
    for (size_t i = 0; i < COUNT(x); i++)
        x[i] *= 0.5F;                                               /* clipped before it was turned down */
    CHECK(measure(&a).clipped > 0.4, "turned down: %g", measure(&a).clipped);
}

TEST(what_has_no_speech_has_no_snr)
{
    static float x[8000];
    hse_audio none = {0}, silence = {x, COUNT(x), 8000, 1}, blip = {x, 10, 48000, 1};

    CHECK(measure(&none).seconds == 0 && isnan(measure(&none).snr_db), "nothing");
    hse_audio_quality q = measure(&silence);
    CHECK(q.seconds == 1 && q.speech_seconds == 0 && isnan(q.snr_db) && q.clipped == 0, "silence");
    x[3] = 1;
    CHECK(measure(&blip).speech_seconds == 0, "ten samples");
}

TEST(similarity_is_a_cosine)
{
    const float a[] = {1, 2, 3}, b[] = {2, 4, 6}, c[] = {-1, -2, -3}, zero[3] = {0}, d[] = {3, 0, -1};

    CHECK(fabs(hse_embedding_similarity(a, 3, b, 3) - 1) < 1e-12, "the same direction");
    CHECK(fabs(hse_embedding_similarity(a, 3, c, 3) + 1) < 1e-12, "the opposite");
    CHECK(fabs(hse_embedding_similarity(a, 3, d, 3)) < 1e-12, "a right angle");
    CHECK(isnan(hse_embedding_similarity(a, 3, zero, 3)) && isnan(hse_embedding_similarity(a, 3, b, 2)), "no answer");
}

static hse_status tortured(void *arg, hse_error *err)
{
    hse_audio_quality q;

    return hse_audio_quality_of(&q, arg, err);
}

TEST(torture)
{
    hse_audio a = speech();

    a.rate_hz = 22050;                                              /* so that it is resampled */
    CHECK(test_torture("quality", tortured, &a) >= 3, "allocations");
    hse_audio_free(&a);
}
