/* encoder.h - the speaker encoder: mel frames of a partial -> LSTM -> linear, ReLU, unit length. */
#ifndef HSE_MODELS_HARMONYSPEECH_ENCODER_H
#define HSE_MODELS_HARMONYSPEECH_ENCODER_H

#include "formats/weights.h"
#include "models/harmonyspeech/config.h"
#include "models/harmonyspeech/voice.h"
#include "nn/bind.h"

typedef struct {
    hs1_encoder_config cfg;
    nn_rnn_layer    lstm;
    nn_linear_layer linear;
    nn_params      *params;
    hs1_voice_plan  plan;                   /* open where the model has 40 mels; audio cannot go into any other */
} hs1_encoder;

hse_status hs1_encoder_open(hs1_encoder **out, const hse_weights *w, const char *config, size_t config_size, const hse_kernels *k,
                            k_weight_type type, hse_error *err);
void       hs1_encoder_close(hs1_encoder **m);

/* n partials of rows[i] frames; out: [n][embedding], each of unit length. Taps: lstm_out, lstm_hidden, lstm_cell (one row an
 * item, [layer][hidden]), linear, partial_embeds. */
hse_status hs1_encoder_partials(const hs1_encoder *m, nn_ctx *c, int n, const int *rows, const float *const *frames, float *out,
                                hse_error *err);
/* The mean of the partials, and the embedding: that mean at unit length. HSE_E_FORMAT when that is no number (all zeros). */
hse_status hs1_encoder_mean(const hs1_encoder *m, const float *partials, size_t n, float *mean, float *embedding, hse_error *err);
/* Both for all partials of a recording, in groups of a bounded size. partials, mean may be NULL. */
hse_status hs1_encoder_voice(const hs1_encoder *m, nn_ctx *c, const hs1_voice *v, float **partials, float *mean, float *embedding,
                             hse_error *err);
/* Arena bytes of one group. */
size_t hs1_encoder_plan(const hs1_encoder *m, nn_ctx *c);

#endif
