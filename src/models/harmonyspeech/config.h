/* config.h - the three config.json files of Harmony Speech V1: constructor arguments under "model". Every dim is bounded
 * here, before a weight is looked at; the shapes of the checkpoint must then agree with them. */
#ifndef HSE_MODELS_HARMONYSPEECH_CONFIG_H
#define HSE_MODELS_HARMONYSPEECH_CONFIG_H

#include "kernels/kernels.h"
#include "nn/nn.h"

enum { HS1_MAX_DIM = 8192, HS1_MAX_BANK = 64, HS1_MAX_HIGHWAYS = 32, HS1_MAX_SCALES = 8, HS1_MAX_STACKS = 8, HS1_MAX_HOP = 4096 };

typedef struct {
    int mels, hidden, layers, embedding;
} hs1_encoder_config;

typedef struct {
    int conv, rnn;
} hs1_series_config;

typedef struct {
    int embed, series_embed, chars, speaker, mels, rnn;
    hs1_series_config dur, pitch, energy;
    float pitch_strength, energy_strength;
    int prenet, prenet_k, prenet_highways, postnet, postnet_k, postnet_highways;
} hs1_synthesizer_config;

typedef struct {
    int    in, out, kernel, channels, scales, scale[HS1_MAX_SCALES], stack_kernel, stacks;
    int    hop;                             /* samples a frame: product of the scales and the bands */
    bool   bias, final_tanh, weight_norm, causal;
    k_act  act;
    float  slope;
    nn_pad pad;
    float  pad_value;
    double input_scale;                     /* 0.25, the original's division by 4, where the file does not say */
    double gain_db;                         /* beside "model"; 0 where the file does not say */
} hs1_vocoder_config;

hse_status hs1_encoder_config_read(hs1_encoder_config *out, const char *json, size_t size, hse_error *err);
hse_status hs1_synthesizer_config_read(hs1_synthesizer_config *out, const char *json, size_t size, hse_error *err);
hse_status hs1_vocoder_config_read(hs1_vocoder_config *out, const char *json, size_t size, hse_error *err);

#endif
