#include "npy.h"
#include "test.h"

#include "audio/audio.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "audio/webrtc_vad.h"
#include "base/mem.h"

#include <math.h>

/* The encoder's preparation of the signal: resample, scale to 0.9, raise to -30 dB, to wrapping 16-bit integers. */
static int16_t *prepare(const char *wav, size_t *n)
{
    hse_error err = {0};
    FILE *f = fopen(test_path(wav), "rb");
    CHECK(f, "%s", wav);
    hse_audio_source src = {.fd = fileno(f)};
    hse_audio a = {0};
    CHECK(hse_wav_decode(&a, &src, NULL, &err) == HSE_OK, "%s: %s", wav, err.text);
    fclose(f);
    float *x;
    CHECK(hse_resample(&x, n, a.samples, a.n, a.rate_hz, 16000, &err) == HSE_OK, "%s", err.text);
    hse_audio_scale(x, *n, 0.9f / hse_audio_peak(x, *n));
    double power = 0;
    for (size_t i = 0; i < *n; i++)
        power += (double)x[i] * x[i];
    double gain = -30 - 10 * log10(power / (double)*n);
    if (gain > 0)
        hse_audio_scale(x, *n, (float)pow(10, gain / 20));
    int16_t *pcm = malloc(*n * sizeof *pcm);
    for (size_t i = 0; i < *n; i++)
        pcm[i] = (int16_t)(uint16_t)(int32_t)rintf(x[i] * 32767.0f);
    hse_audio_free(&a);
    hse_free(x);
    return pcm;
}

TEST(webrtc_vad_agrees_with_the_kit_frame_by_frame)
{
    static const char *const cases[] = {"enc_16k_mono",     "enc_22k_mono", "enc_44k_stereo",
                                        "enc_silence_gaps", "enc_short",    "enc_click_overflow"};

    for (size_t c = 0; c < COUNT(cases); c++) {
        char path[128];
        size_t n;
        npy want[3];
        static const char *const stage[] = {"vad_flags", "vad_features", "vad_total_power"};

        for (int i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "tests/golden/harmonyspeech/%s/%s.npy", cases[c], stage[i]);
            want[i] = npy_read(path);
        }
        snprintf(path, sizeof path, "tests/golden/harmonyspeech/%s/reference.wav", cases[c]);
        int16_t *pcm = prepare(path, &n);
        CHECK(n / HSE_WEBRTC_FRAME == want[0].n, "%s: %zu frames, want %zu", cases[c], n / HSE_WEBRTC_FRAME, want[0].n);
        hse_webrtc_vad v;
        hse_webrtc_vad_init(&v);
        for (size_t i = 0; i < want[0].n; i++) {
            hse_webrtc_trace t;
            bool speech = hse_webrtc_vad_frame(&v, pcm + i * HSE_WEBRTC_FRAME, &t);
            for (size_t b = 0; b < HSE_WEBRTC_BANDS; b++)
                CHECK(t.features[b] == (int)want[1].v[i * HSE_WEBRTC_BANDS + b], "%s frame %zu band %zu: %d, want %g",
                      cases[c], i, b, t.features[b], (double)want[1].v[i * HSE_WEBRTC_BANDS + b]);
            CHECK(t.total_power == (int)want[2].v[i], "%s frame %zu: power %d, want %g", cases[c], i, t.total_power,
                  (double)want[2].v[i]);
            CHECK(speech == (want[0].v[i] > 0), "%s frame %zu: flag %d, want %g", cases[c], i, speech,
                  (double)want[0].v[i]);
        }
        for (int i = 0; i < 3; i++)
            free(want[i].v);
        free(pcm);
    }
}

TEST(webrtc_vad_takes_any_samples_for_an_hour)
{
    /* Extremes, noise that changes its level, clicks: no undefined arithmetic (run under UBSan), models stay positive.
     */
    hse_webrtc_vad v;
    uint32_t seed = 1;

    hse_webrtc_vad_init(&v);
    for (int i = 0; i < 120000; i++) {
        int16_t pcm[HSE_WEBRTC_FRAME];
        int mode = i / 300 % 5;
        for (int k = 0; k < HSE_WEBRTC_FRAME; k++) {
            seed = seed * 1664525u + 1013904223u;
            int r = (int)(seed >> 16) - 32768;
            pcm[k] = (int16_t)(mode == 0   ? r
                               : mode == 1 ? (k % 2 ? 32767 : -32768)
                               : mode == 2 ? -32768
                               : mode == 3 ? r >> (i % 16)
                                           : (k == i % 480 ? 32767 : 0));
        }
        hse_webrtc_vad_frame(&v, pcm, NULL);
        for (int k = 0; k < 2; k++)
            for (int b = 0; b < HSE_WEBRTC_BANDS; b++)
                CHECK(v.noise_std[k][b] >= 384 && v.speech_std[k][b] >= 384, "frame %d band %d", i, b);
    }
}

TEST(webrtc_vad_hears_nothing_in_silence)
{
    static const int16_t silence[HSE_WEBRTC_FRAME];
    hse_webrtc_vad v;
    hse_webrtc_trace t;

    hse_webrtc_vad_init(&v);
    for (int i = 0; i < 100; i++) {
        CHECK(!hse_webrtc_vad_frame(&v, silence, &t), "frame %d", i);
        CHECK(t.total_power == 0 && t.features[0] == 368, "frame %d: power %d", i, t.total_power);
    }
}
