/* vits_models.h - the small OpenVoice and MeloTTS models of tests/golden, opened for a test. */
#ifndef HSE_TEST_VITS_MODELS_H
#define HSE_TEST_VITS_MODELS_H

#include "test.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/vits/converter.h"
#include "models/vits/tts.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const char      *dir;
    vits_config_kind kind;
} vits_folder;

static const vits_folder vits_odd = {"tests/golden/melo/model_odd_zero", VITS_MELO},
                         vits_resflow = {"tests/golden/melo/model_resflow_noise", VITS_MELO},
                         vits_base = {"tests/golden/openvoice/tts_small", VITS_OPENVOICE_BASE},
                         vits_colour = {"tests/golden/openvoice/conv_small", VITS_CONVERTER};

static inline char *vits_read(const vits_folder *f, const char *file, size_t *size)
{
    char path[300], *bytes = NULL;

    snprintf(path, sizeof path, "%s/%s", f->dir, file);
    CHECK(hse_file_read(&bytes, size, test_path(path), 1 << 26, NULL) == HSE_OK, "%s", path);
    return bytes;
}

static inline vits_config *vits_read_config(const vits_folder *f)
{
    vits_config *config = NULL;
    hse_error err = {0};
    size_t size;
    char *text = vits_read(f, "config.json", &size);

    CHECK(vits_config_open(&config, (hse_bytes){(uint8_t *)text, size}, "config.json", f->kind, &err) == HSE_OK, "%s",
          err.text);
    hse_free(text);
    return config;
}

/* The synthesizer, or the converter, of a folder from these bytes of a checkpoint; *err says why not. */
static inline hse_status vits_open_bytes(const vits_folder *f, const vits_config *config, const char *bytes, size_t size,
                                         const hse_kernels *k, k_weight_type type, vits_tts **tts, vits_converter **conv,
                                         hse_error *err)
{
    hse_weights *w = NULL;
    hse_status s = hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)bytes, size}, "checkpoint.pth", NULL, err);

    if (s == HSE_OK)
        s = f->kind == VITS_CONVERTER ? vits_converter_open(conv, w, config, VITS_HEARS | VITS_CONVERTS, k, type, err)
                                      : vits_tts_open(tts, w, config, f->kind, k, type, err);
    if (w)
        hse_weights_close(&w);
    return s;
}

static inline void vits_load(const vits_folder *f, const hse_kernels *k, k_weight_type type, vits_tts **tts,
                             vits_converter **conv)
{
    vits_config *config = vits_read_config(f);
    hse_error err = {0};
    size_t size;
    char *bytes = vits_read(f, "checkpoint.pth", &size);

    CHECK(vits_open_bytes(f, config, bytes, size, k, type, tts, conv, &err) == HSE_OK, "%s: %s", f->dir, err.text);
    hse_free(bytes);
    vits_config_close(&config);
}

static inline vits_tts *vits_load_tts(const vits_folder *f, const hse_kernels *k, k_weight_type type)
{
    vits_tts *m = NULL;

    vits_load(f, k, type, &m, NULL);
    return m;
}

static inline nn_ctx *vits_context(const hse_kernels *k, int threads)
{
    static hse_pool *pool[4];
    nn_ctx *c = NULL;

    if (!pool[threads])
        CHECK(hse_pool_open(&pool[threads], threads, NULL) == HSE_OK, "pool");
    CHECK(nn_open(&c, &(nn_options){.kernels = k, .pool = pool[threads], .poison = true}, NULL) == HSE_OK, "context");
    return c;
}

static inline float vits_noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)*seed / 2147483648.0f;
}

/* n symbols that the model has; the lists live until the next call with the same `slot`. */
static inline vits_utterance vits_say(const vits_tts *m, int slot, int n)
{
    enum { SLOTS = 8, MOST = 64 };
    static int32_t symbols[SLOTS][MOST], tones[SLOTS][MOST], languages[SLOTS][MOST];
    uint32_t seed = (uint32_t)(slot * 100 + n);

    for (int i = 0; i < n && i < MOST; i++) {
        symbols[slot][i] = (int32_t)(fabsf(vits_noise(&seed)) * (float)(m->symbol.count - 1));
        tones[slot][i] = m->melo ? i % m->tone.count : 0;
        languages[slot][i] = m->melo ? i % m->language.count : 0;
    }
    return (vits_utterance){.symbols = symbols[slot], .tones = tones[slot], .languages = languages[slot], .n = n,
                            .speaker = slot % m->speaker.count, .noise_scale = 0.6f, .noise_scale_w = 0.8f, .sdp_ratio = 0.2f,
                            .length_scale = 1.0f, .seed = 7, .stream = (uint64_t)slot};
}

static inline void vits_forget(vits_utterance *u)
{
    hse_free(u->durations);
    hse_free(u->z);
    u->durations = NULL;
    u->z = NULL;
}

#endif
