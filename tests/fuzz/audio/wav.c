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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hse_audio_source src = hse_source_bytes((hse_bytes){data, size});
    const hse_audio_limits limits = {.max_seconds = 100, .max_bytes = 1 << 16};
    hse_audio a = {0};
    hse_error err = {0};
    hse_wav_info w;

    if (hse_wav_decode(&a, &src, &limits, &err) != HSE_OK) {
        demand(err.text[0] && err.status != HSE_OK && !a.samples && err.offset <= UINT64_MAX / 2);
        return 0;
    }
    demand(hse_wav_open(&w, &src, NULL, &err) == HSE_OK && w.frames == a.n && a.n <= size);
    demand(a.n <= (1 << 14) && a.rate_hz >= HSE_RATE_MIN && a.rate_hz <= HSE_RATE_MAX);
    demand(hse_audio_first_bad(a.samples, a.n) == a.n);
    for (size_t i = 0; i < a.n; i++)
        demand(isfinite(a.samples[i]));
    hse_audio_free(&a);
    return 0;
}
