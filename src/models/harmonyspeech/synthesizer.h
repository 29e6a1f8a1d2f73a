/* synthesizer.h - ForwardTacotron: symbol ids and a speaker's embedding -> mel frames. No masks anywhere: an item is computed
 * as if it were alone, and is. */
#ifndef HSE_MODELS_HARMONYSPEECH_SYNTHESIZER_H
#define HSE_MODELS_HARMONYSPEECH_SYNTHESIZER_H

#include "formats/weights.h"
#include "models/harmonyspeech/config.h"
#include "nn/bind.h"

enum {
    HS1_MAX_SYMBOLS = 20000,                /* of one item: some 25 minutes of speech in one piece */
    HS1_MAX_SYMBOL_FRAMES = 2000,           /* 25 s for one symbol: no checkpoint that works says so */
    HS1_MAX_FRAMES = 1 << 18,               /* of one item: 54 minutes */
};

typedef struct {                            /* convolution without bias, ReLU (or not), batch norm */
    nn_conv1d_layer conv;
    nn_norm         norm;
} hs1_conv_norm;

typedef struct {
    nn_table        embedding;
    hs1_conv_norm   conv[3];                /* the first: over the embedding's columns alone */
    nn_conv1d_layer speaker;                /* over the speaker's columns of the first */
    nn_rnn_layer    rnn;
    nn_linear_layer lin;
} hs1_series;

typedef struct {
    int             k, highways, channels;
    hs1_conv_norm   bank[HS1_MAX_BANK], project1, project2;
    nn_linear_layer pre_highway, w1[HS1_MAX_HIGHWAYS], w2[HS1_MAX_HIGHWAYS];
    nn_rnn_layer    rnn;
} hs1_cbhg;

typedef struct {
    hs1_synthesizer_config cfg;
    hs1_series      dur, pitch, energy;
    nn_table        embedding;
    hs1_cbhg        prenet, postnet;
    nn_conv1d_layer pitch_proj, energy_proj;
    nn_rnn_layer    lstm;
    nn_linear_layer lin, post_proj;
    nn_params      *params;
} hs1_synthesizer;

hse_status hs1_synthesizer_open(hs1_synthesizer **out, const hse_weights *w, const char *config, size_t config_size,
                                const hse_kernels *k, k_weight_type type, hse_error *err);
void       hs1_synthesizer_close(hs1_synthesizer **m);

/* One item. `alpha` divides the durations; 0 in alpha, pitch_factor or energy_factor stands for 1, as upstream's falsy values. */
typedef struct {
    const int32_t *ids;
    int            n;                       /* symbols; 1 to HS1_MAX_SYMBOLS */
    const float   *embedding;               /* [speaker] */
    float          alpha, pitch_factor, energy_factor;
    /* results, from hs1_mel_free's point of view: all owned by the item */
    float         *durations, *pitch, *energy;      /* [n], after alpha, factors and clamping */
    int           *repeats;                 /* [n] frames of each symbol */
    int            frames;
    float         *mel;                     /* [frames][mels], after the post net */
    hse_status     status;                  /* of this item */
    hse_error      error;
} hs1_mel;

/* Runs all items; what is wrong with one is in its status. The return value is for what concerns all. `pad_together`: the
 * original's batch of rows, where shorter rows get zero vectors up to the longest. Taps are upstream's module names. */
hse_status hs1_synthesizer_run(const hs1_synthesizer *m, nn_ctx *c, hs1_mel *items, int n, bool pad_together, hse_error *err);
void       hs1_mel_free(hs1_mel *item);
/* Arena bytes of n items of so many symbols and frames. */
size_t     hs1_synthesizer_plan(const hs1_synthesizer *m, nn_ctx *c, int n, int symbols, int frames);

#endif
