/* wav - any bytes as a WAV file: decoding ends with samples that are finite, or with an error in words. */
#include "audio/wav.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition)
        abort();
}

/* The bytes as raw PCM of the kind that the first two say. */
static void as_raw(const uint8_t *data, size_t size)
{
    const hse_audio_limits limits = {.max_seconds = 100, .max_bytes = 1 << 16};
    hse_audio a = {0};
    hse_error err = {0};

    if (size < 2)
        return;
    hse_status s = hse_pcm_decode(&a, (hse_bytes){data + 2, size - 2}, (hse_pcm_coding)(data[0] % 8), data[1] % 12,
                                  900 + data[0], &limits, &err);
    demand((s == HSE_OK) == (err.text[0] == '\0') && (s == HSE_OK || !a.samples));
    demand(hse_audio_first_bad(a.samples, a.n) == a.n);
    hse_audio_free(&a);
}

/* What was decoded, written and decoded again: each sample is the 16-bit step below it. */
static void round_trip(const hse_audio *a)
{
    hse_audio again = {0};
    hse_error err = {0};
    hse_buf b;

    hse_buf_init(&b, 1 << 17);
    demand(hse_wav_encode(&b, a->samples, a->n, a->rate_hz, &err) == HSE_OK);
    const hse_audio_source src = hse_source_bytes((hse_bytes){b.data, b.size});
    demand(hse_wav_decode(&again, &src, NULL, &err) == HSE_OK && again.n == a->n && again.rate_hz == a->rate_hz);
    for (size_t i = 0; i < a->n; i++) {
        float want = floorf(a->samples[i] * 32768);
        want = want > 32767 ? 32767 : want < -32768 ? -32768 : want;
        demand(again.samples[i] * 32768 == want);
    }
    hse_audio_free(&again);
    hse_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hse_audio_source src = hse_source_bytes((hse_bytes){data, size});
    const hse_audio_limits limits = {.max_seconds = 100, .max_bytes = 1 << 16};
    hse_audio a = {0};
    hse_error err = {0};
    hse_wav_info w;

    as_raw(data, size);
    if (hse_wav_decode(&a, &src, &limits, &err) != HSE_OK) {
        demand(err.text[0] && err.status != HSE_OK && !a.samples && err.offset <= UINT64_MAX / 2);
        return 0;
    }
    demand(hse_wav_open(&w, &src, NULL, &err) == HSE_OK && w.frames == a.n && a.n <= size);
    demand(a.n <= (1 << 14) && a.rate_hz >= HSE_RATE_MIN && a.rate_hz <= HSE_RATE_MAX);
    demand(hse_audio_first_bad(a.samples, a.n) == a.n);
    for (size_t i = 0; i < a.n; i++)
        demand(isfinite(a.samples[i]));
    round_trip(&a);
    hse_audio_free(&a);
    return 0;
}
