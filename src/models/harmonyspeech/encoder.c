#include "models/harmonyspeech/encoder.h"

#include "base/mem.h"
#include "models/harmonyspeech/keys.h"

#include <math.h>

enum { GROUP = 64 }; /* partials that run together: the arena stays below some 100 MB at any length */

hse_status hs1_encoder_open(hs1_encoder **out, const hse_weights *w, const char *config, size_t config_size,
                            const hse_kernels *k, k_weight_type type, hse_error *err)
{
    nn_binder_options opt = {.weights = w, .name = "encoder.pt", .kernels = k, .type = type, .strict = true};
    hs1_encoder_config cfg;
    hs1_encoder *m = NULL;
    nn_binder *b = NULL;
    const float *unused;
    hse_status s;

    if ((s = hs1_encoder_config_read(&cfg, config, config_size, err)) != HSE_OK)
        return s;
    if (!(m = hse_calloc(1, sizeof *m)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    m->cfg = cfg;
    if ((s = nn_binder_open(&b, &opt, err)) != HSE_OK)
        goto fail;
    hs1_ignore_outside(b, w, "model_state.");
    nn_enter(b, "model_state.");
    nn_bind_bias(b, NN_REQUIRED);
    nn_bind_weight_norm(b, NN_ABSENT);
    nn_bind_lstm(b, &m->lstm, cfg.mels, cfg.hidden, cfg.layers, 1, "lstm");
    nn_bind_type(b, K_F32);
    nn_bind_linear(b, &m->linear, cfg.hidden, cfg.embedding, "linear");
    nn_bind_tensor(b, &unused, 1, (int[]){1}, "similarity_weight"); /* of training; must be there */
    nn_bind_tensor(b, &unused, 1, (int[]){1}, "similarity_bias");
    nn_leave(b);
    if ((s = nn_binder_close(&b, &m->params, err)) != HSE_OK)
        goto fail;
    if (cfg.mels == HS1_VOICE_MELS && (s = hs1_voice_plan_open(&m->plan, err)) != HSE_OK)
        goto fail;
    *out = m;
    return HSE_OK;
fail:
    hs1_encoder_close(&m);
    return s;
}

void hs1_encoder_close(hs1_encoder **m)
{
    if (!*m)
        return;
    hs1_voice_plan_close(&(*m)->plan);
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

static nn_tensor encoder_forward(const hs1_encoder *m, nn_ctx *c, int n, const int *rows, const float *const *frames)
{
    const hs1_encoder_config *cfg = &m->cfg;
    nn_state state = {0};
    nn_tensor x = nn_lstm(c, &m->lstm, nn_input(c, n, rows, cfg->mels, frames), &state);

    nn_tap(c, x, "lstm_out");
    nn_tap(c, state.h, "lstm_hidden");
    nn_tap(c, state.c, "lstm_cell");
    x = nn_slice_cols(c, state.h, (cfg->layers - 1) * cfg->hidden,
                      cfg->hidden); /* the last layer after the last frame */
    x = nn_linear(c, &m->linear, x);
    nn_tap(c, x, "linear");
    x = nn_l2_normalise(c, nn_relu(c, x), 0);
    nn_tap(c, x, "partial_embeds");
    return x;
}

hse_status hs1_encoder_partials(const hs1_encoder *m, nn_ctx *c, int n, const int *rows, const float *const *frames,
                                float *out, hse_error *err)
{
    size_t e = (size_t)m->cfg.embedding;

    nn_begin(c, NN_RUN);
    nn_tensor x = encoder_forward(m, c, n, rows, frames);
    for (int i = 0; i < n; i++)
        nn_read(c, x, i, out + (size_t)i * e, e);
    return nn_end(c, err);
}

size_t hs1_encoder_plan(const hs1_encoder *m, nn_ctx *c)
{
    const float *frames[GROUP] = {0};
    int rows[GROUP];

    for (int i = 0; i < GROUP; i++)
        rows[i] = HS1_PARTIAL_FRAMES;
    nn_begin(c, NN_PLAN);
    encoder_forward(m, c, GROUP, rows, frames);
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}

hse_status hs1_encoder_mean(const hs1_encoder *m, const float *partials, size_t n, float *mean, float *embedding,
                            hse_error *err)
{
    size_t e = (size_t)m->cfg.embedding;
    double norm = 0;

    for (size_t i = 0; i < e; i++) {
        double sum = 0;
        for (size_t p = 0; p < n; p++)
            sum += partials[p * e + i];
        embedding[i] = (float)(sum / (double)n);
        if (mean)
            mean[i] = embedding[i];
        norm += (double)embedding[i] * embedding[i];
    }
    norm = sqrt(norm);
    for (size_t i = 0; i < e; i++)
        embedding[i] = (float)(embedding[i] / norm);
    if (!(norm > 0) || !isfinite(norm))
        return hse_fail(err, HSE_E_FORMAT, 0, "the speaker encoder's embedding is not a direction (its length is %g)",
                        norm);
    return HSE_OK;
}

hse_status hs1_encoder_voice(const hs1_encoder *m, nn_ctx *c, const hs1_voice *v, float **partials, float *mean,
                             float *embedding, hse_error *err)
{
    size_t e = (size_t)m->cfg.embedding, bytes;
    float *all = NULL;
    hse_status s = HSE_OK;

    if (hse_mul_size(v->partials, e * sizeof *all, &bytes))
        all = hse_alloc(bytes);
    if (!all)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu partial embeddings", v->partials);
    for (size_t first = 0; first < v->partials && s == HSE_OK; first += GROUP) {
        int n = v->partials - first < GROUP ? (int)(v->partials - first) : GROUP, rows[GROUP];
        const float *frames[GROUP];

        for (int i = 0; i < n; i++) {
            rows[i] = HS1_PARTIAL_FRAMES;
            frames[i] = v->mel + (first + (size_t)i) * HS1_PARTIAL_STEP * HS1_VOICE_MELS;
        }
        s = hs1_encoder_partials(m, c, n, rows, frames, all + first * e, err);
    }
    if (s == HSE_OK)
        s = hs1_encoder_mean(m, all, v->partials, mean, embedding, err);
    if (s == HSE_OK && partials)
        *partials = all;
    else
        hse_free(all);
    return s;
}
