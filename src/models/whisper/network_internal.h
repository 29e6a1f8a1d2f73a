/* network_internal.h - what the files of the network share: network_load.c fills the weights, network_encode.c turns audio into
 * keys and values, network_decode.c runs the decoder. */
#ifndef HSE_MODELS_WHISPER_NETWORK_INTERNAL_H
#define HSE_MODELS_WHISPER_NETWORK_INTERNAL_H

#include "models/whisper/network.h"

#include "nn/keys.h"

enum { WHISPER_ALIGN = 64 };

typedef struct {
    nn_norm         norm;
    nn_linear_layer qkv, out;               /* [query | key | value]; the key has no bias */
} whisper_self;

typedef struct {
    nn_norm         norm;
    nn_linear_layer q, kv, out;
} whisper_cross;

typedef struct {
    nn_norm         norm;
    nn_linear_layer up, down;
} whisper_ffn;

typedef struct {
    whisper_self  self;
    whisper_cross cross;                    /* the decoder's */
    whisper_ffn   ffn;
} whisper_layer;

struct whisper_network {
    whisper_dims     dims;
    const hse_kernels *kernels;
    k_weight_type    type;
    nn_conv1d_layer  conv[2];
    const float     *encoder_positions, *decoder_positions;
    whisper_layer   *encoder, *decoder;     /* [layers] */
    nn_norm          encoder_norm, decoder_norm;
    nn_linear_layer  embedding;             /* [vocab] outputs: the logits; read output by output: the tokens */
    void            *memory;                /* of all of the above */
    size_t           bytes;
};

/* One stretch of audio, encoded: what the decoder attends to. */
typedef struct {
    bool     used;
    int      count;                         /* positions */
    int      sequences;                     /* that stand on it */
    nn_keys *keys;                          /* [decoder layers] */
    void    *memory;                        /* of the keys; pages */
    size_t   bytes;
    float   *output;                        /* [count][width] where it was asked for */
} whisper_window;

/* Fills an unused window. */
hse_status whisper_encode_one(const whisper_network *m, nn_ctx *c, whisper_window *w, const float *mel, int frames,
                              bool keep_output, hse_error *err);
/* The encoder alone: out [(frames + 1) / 2][width]. */
hse_status whisper_encode_only(const whisper_network *m, nn_ctx *c, const float *mel, int frames, float *out, hse_error *err);
size_t     whisper_encode_plan(const whisper_network *m, nn_ctx *c);       /* of the arena, for a window of full length; 0: none */
size_t     whisper_window_bytes(const whisper_network *m, int count);      /* keys and values of `count` positions; 0: too many */
void       whisper_window_rest(whisper_window *w);         /* unused; its memory stays for the next one */
void       whisper_window_clear(whisper_window *w);

static inline size_t whisper_align(size_t n)
{
    return (n + WHISPER_ALIGN - 1) & ~(size_t)(WHISPER_ALIGN - 1);
}

#endif
