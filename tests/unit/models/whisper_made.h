/* whisper_made.h - a CTranslate2 file of random weights, made in memory. */
#ifndef HSE_TEST_WHISPER_MADE_H
#define HSE_TEST_WHISPER_MADE_H

#include "models/whisper/network.h"
#include "test.h"

#include "base/buf.h"

#include <math.h>

typedef struct {
    hse_buf file;
    whisper_config config;
    uint32_t seed, count;
    const char *damage, *without; /* a variable that holds a NaN; that is left out */
} made;

static inline void put32(hse_buf *b, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

    hse_buf_append(b, bytes, 4);
}

static inline void put_name(hse_buf *b, const char *name)
{
    size_t n = strlen(name) + 1;

    hse_buf_byte(b, (uint8_t)n);
    hse_buf_byte(b, (uint8_t)(n >> 8));
    hse_buf_append(b, name, n);
}

static inline float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)*seed / 2147483648.0f;
}

/* Weights whose sums of `inputs` products stay of order 1. */
static inline void put_tensor(made *m, const char *name, int rank, const int *dim, float range, float around)
{
    size_t count = 1;

    if (m->without && strcmp(name, m->without) == 0)
        return;
    m->count++;
    put_name(&m->file, name);
    hse_buf_byte(&m->file, (uint8_t)rank);
    for (int i = 0; i < rank; i++) {
        put32(&m->file, (uint32_t)dim[i]);
        count *= (size_t)dim[i];
    }
    hse_buf_byte(&m->file, 0);
    put32(&m->file, (uint32_t)(count * 4));
    for (size_t i = 0; i < count; i++) {
        float v = around + range * noise(&m->seed);
        uint32_t u;
        if (m->damage && i == count / 2 && strcmp(name, m->damage) == 0)
            v = NAN;
        memcpy(&u, &v, sizeof u);
        put32(&m->file, u);
    }
}

static inline void put_matrix(made *m, const char *at, const char *name, int rows, int cols)
{
    char full[128];

    snprintf(full, sizeof full, "%s%s/weight", at, name);
    put_tensor(m, full, 2, (int[]){rows, cols}, 1.7f / sqrtf((float)cols), 0);
    snprintf(full, sizeof full, "%s%s/bias", at, name);
    put_tensor(m, full, 1, &rows, 0.1f, 0);
}

static inline void put_norm(made *m, const char *at, const char *name, int width)
{
    char full[128];

    snprintf(full, sizeof full, "%s%s/gamma", at, name);
    put_tensor(m, full, 1, &width, 0.2f, 1);
    snprintf(full, sizeof full, "%s%s/beta", at, name);
    put_tensor(m, full, 1, &width, 0.1f, 0);
}

static inline void put_half(made *m, const char *half, int layers, int positions)
{
    const whisper_dims *d = &m->config.dims;
    int w = d->width, ffn = half[0] == 'd' ? d->decoder_ffn : d->encoder_ffn;
    char at[64];

    snprintf(at, sizeof at, "%s/position_encodings/encodings", half);
    put_tensor(m, at, 2, (int[]){positions, w}, 0.5f, 0);
    snprintf(at, sizeof at, "%s/", half);
    put_norm(m, at, "layer_norm", w);
    for (int i = 0; i < layers; i++) {
        snprintf(at, sizeof at, "%s/layer_%d/", half, i);
        put_norm(m, at, "self_attention/layer_norm", w);
        put_matrix(m, at, "self_attention/linear_0", 3 * w, w);
        put_matrix(m, at, "self_attention/linear_1", w, w);
        if (half[0] == 'd') {
            put_norm(m, at, "attention/layer_norm", w);
            put_matrix(m, at, "attention/linear_0", w, w);
            put_matrix(m, at, "attention/linear_1", 2 * w, w);
            put_matrix(m, at, "attention/linear_2", w, w);
        }
        put_norm(m, at, "ffn/layer_norm", w);
        put_matrix(m, at, "ffn/linear_0", ffn, w);
        put_matrix(m, at, "ffn/linear_1", w, ffn);
    }
}

static inline void make(made *m, const whisper_dims *dims)
{
    m->config.format = WHISPER_CT2;
    m->config.dims = *dims;
    m->seed = 5;
    m->count = 0;
    hse_buf_init(&m->file, 512 << 20);
    put32(&m->file, 6);
    put_name(&m->file, "WhisperSpec");
    put32(&m->file, 3);
    put32(&m->file, 0);
    put_tensor(m, "encoder/conv1/weight", 3, (int[]){dims->width, dims->mels, 3}, 0.5f, 0);
    put_tensor(m, "encoder/conv1/bias", 1, &dims->width, 0.1f, 0);
    put_tensor(m, "encoder/conv2/weight", 3, (int[]){dims->width, dims->width, 3}, 0.2f, 0);
    put_tensor(m, "encoder/conv2/bias", 1, &dims->width, 0.1f, 0);
    put_half(m, "encoder", dims->encoder_layers, dims->encoder_positions);
    put_half(m, "decoder", dims->decoder_layers, dims->decoder_positions);
    put_tensor(m, "decoder/embeddings/weight", 2, (int[]){dims->vocab, dims->width}, 0.5f, 0);
    put32(&m->file, 0);
    CHECK(m->file.size > 100, "no memory for a made-up file");
    memcpy(m->file.data + 4 + 2 + 12 + 4, &m->count, 4);
}

static inline hse_status open_made(whisper_network **out, const made *m, k_weight_type type, const hse_kernels *k,
                            hse_pool *pool, hse_error *err)
{
    hse_weights *w = NULL;
    hse_status s =
        hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)m->file.data, m->file.size}, "made", NULL, err);

    if (s == HSE_OK)
        s = whisper_network_open(
            out, &m->config, &(whisper_network_options){.weights = w, .kernels = k, .pool = pool, .type = type}, err);
    hse_weights_close(&w);
    return s;
}

#endif
