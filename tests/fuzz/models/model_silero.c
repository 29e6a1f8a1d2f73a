/* Silero VAD from hostile files (safetensors or ONNX), then four chunks through what opens; and the state machines on
 * the probabilities. A checkpoint may give NaN probabilities; they must not give segments outside the audio. */
#include "base/mem.h"
#include "models/silero/segments.h"
#include "models/silero/silero.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const silero *m, unsigned rate)
{
    enum { SAMPLES = 1900 };
    const silero_net *net = silero_at(m, rate);
    float x[SAMPLES], p[16];
    hse_segment *s = NULL;
    silero_segmenter seg;
    hse_vad_options o;
    size_t n = 0;

    if (!net)
        return;
    for (int i = 0; i < SAMPLES; i++)
        x[i] = (float)(i * 37 % 101) * 0.01f - 0.5f;
    if (silero_file(net, x, SAMPLES, p, NULL, NULL, NULL, NULL, NULL, NULL) != HSE_OK)
        return;
    silero_vad_defaults(&o);
    o.min_speech_ms = o.min_silence_ms = 0;
    silero_segmenter_init(&seg, &o, rate, silero_chunk(net));
    for (size_t i = 0; i < silero_chunks(net, SAMPLES); i++)
        silero_segmenter_push(&seg, p[i]);
    if (silero_segmenter_finish(&seg, SAMPLES, &s, &n, NULL) != HSE_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (s[i].start < 0 || s[i].end > SAMPLES || s[i].start > s[i].end)
            abort();
    hse_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hse_weights_limits limits = {.max_tensors = 4096, .max_header_bytes = 1 << 20, .max_inflated_bytes = 1 << 24};
    hse_weights *w = NULL;
    silero *m = NULL;

    if (hse_weights_open_bytes(&w, (hse_bytes){data, size}, "fuzz", &limits, NULL) != HSE_OK)
        return 0;
    if (silero_open(&m, w, "fuzz", hse_kernels_get(0), NULL) == HSE_OK) {
        run(m, 16000);
        run(m, 8000);
    }
    silero_close(&m);
    hse_weights_close(&w);
    return 0;
}
