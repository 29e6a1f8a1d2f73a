/* Harmony Speech V1 from hostile files: one byte that says which model, two bytes of length, config.json, the
 * checkpoint in any format. What opens is run on a little input; every answer is finite numbers or an error. */
#include "base/bytes.h"
#include "base/mem.h"
#include "models/harmonyspeech/adapter.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static nn_ctx *context(void)
{
    static nn_ctx *c;

    if (!c && nn_open(&c, &(nn_options){.max_bytes = (size_t)1 << 28, .poison = true}, NULL) != HSE_OK)
        abort();
    return c;
}

static void must_be_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            abort();
}

static void run_encoder(const hs1_encoder *m)
{
    size_t e = (size_t)m->cfg.embedding, mels = (size_t)m->cfg.mels;
    float *x = hse_calloc(7 * mels, sizeof *x), *out = hse_calloc(2 * e, sizeof *out),
          *mean = hse_calloc(e, sizeof *mean);
    const float *frames[] = {x, x + mels};
    int rows[] = {5, 6};

    for (size_t i = 0; x && i < 7 * mels; i++)
        x[i] = (float)(i % 11) * 0.1f;
    if (x && out && mean && hs1_encoder_partials(m, context(), 2, rows, frames, out, NULL) == HSE_OK &&
        hs1_encoder_mean(m, out, 2, NULL, mean, NULL) == HSE_OK)
        must_be_finite(mean, e);
    hse_free(x);
    hse_free(out);
    hse_free(mean);
}

static void run_synthesizer(const hs1_synthesizer *m)
{
    static const int32_t ids[] = {0, 1, 0, 1, 0, 1, 0};
    float *voice = hse_calloc((size_t)m->cfg.speaker, sizeof *voice);
    hs1_mel t[2] = {{.ids = ids, .n = 3, .embedding = voice, .alpha = 1},
                    {.ids = ids, .n = 7, .embedding = voice, .alpha = 0.5f}};

    if (voice && m->cfg.chars > 1 && hs1_synthesizer_run(m, context(), t, 2, false, NULL) == HSE_OK)
        for (int i = 0; i < 2; i++)
            if (t[i].status == HSE_OK)
                must_be_finite(t[i].mel, (size_t)t[i].frames * (size_t)m->cfg.mels);
    hs1_mel_free(&t[0]);
    hs1_mel_free(&t[1]);
    hse_free(voice);
}

static void run_vocoder(const hs1_vocoder *m)
{
    enum { FRAMES = 9 };
    size_t in = (size_t)m->cfg.in;
    float *mel = hse_calloc(FRAMES * in, sizeof *mel);
    hs1_wave t[2] = {{.mel = mel, .audio = {.frames = FRAMES, .to = FRAMES}},
                     {.mel = mel, .audio = {.frames = 1, .to = 1}}};

    for (size_t i = 0; mel && i < FRAMES * in; i++)
        mel[i] = (float)(i % 7) * 0.2f - 0.5f;
    if (mel && m->window < 1 << 16 && m->min_frames < 1 << 12 &&
        hs1_vocoder_run(m, context(), t, 2, false, NULL) == HSE_OK)
        for (int i = 0; i < 2; i++) {
            if (t[i].audio.status == HSE_OK)
                must_be_finite(t[i].audio.wave, t[i].audio.samples);
            hse_free(t[i].audio.wave);
        }
    hse_free(mel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hse_kernels *k = hse_kernels_get(0);
    hse_weights_limits limits = {.max_tensors = 4096, .max_header_bytes = 1 << 20, .max_inflated_bytes = 1 << 24};
    hse_weights *w = NULL;
    size_t length;

    if (size < 3 || (length = hse_get_u16le(data + 1)) > size - 3)
        return 0;
    const char *config = (const char *)data + 3;
    hse_bytes file = {data + 3 + length, size - 3 - length};
    if (hse_weights_open_bytes(&w, file, "fuzz", &limits, NULL) != HSE_OK)
        return 0;
    if (data[0] % 3 == 0) {
        hs1_encoder *m = NULL;
        if (hs1_encoder_open(&m, w, config, length, k, K_F32, NULL) == HSE_OK)
            run_encoder(m);
        hs1_encoder_close(&m);
    } else if (data[0] % 3 == 1) {
        hs1_synthesizer *m = NULL;
        if (hs1_synthesizer_open(&m, w, config, length, k, K_F32, NULL) == HSE_OK)
            run_synthesizer(m);
        hs1_synthesizer_close(&m);
    } else {
        hs1_vocoder *m = NULL;
        if (hs1_vocoder_open(&m, w, config, length, k, K_F32, NULL) == HSE_OK)
            run_vocoder(m);
        hs1_vocoder_close(&m);
    }
    hse_weights_close(&w);
    return 0;
}
