/* converter.h - OpenVoice's tone-colour converter and its reference encoder (Qin et al. 2023): the same words in another voice.
 *
 * A recording becomes a linear spectrogram; the posterior encoder gives a latent, the flow takes the source's colour out of
 * it and, backwards, puts the target's in, the decoder speaks it. Every frame of the result sees a bounded number of frames,
 * so a window computes to exactly its part of the whole: long recordings run in bounded memory, and are streamed. */
#ifndef HSE_MODELS_VITS_CONVERTER_H
#define HSE_MODELS_VITS_CONVERTER_H

#include "audio/stft.h"
#include "models/vits/config.h"

enum { VITS_REFERENCE_LAYERS = 6, VITS_REFERENCE_HIDDEN = 128 };

typedef struct {
    int             bins;
    nn_norm         norm;
    nn_conv2d_layer conv[VITS_REFERENCE_LAYERS];
    nn_rnn_layer    gru;
    nn_linear_layer proj;
} vits_reference;

typedef struct {
    vits_dims      dims;
    int            rate_hz, bins, pad, hop;
    bool           zero_g;                  /* only the flow sees the colours */
    hse_stft      *stft;
    vits_reference reference;
    vits_posterior posterior;
    vits_flow      flow;
    vits_decoder   decoder;
    int            context;                 /* frames that a frame of the decoder's input depends on, to each side */
    nn_params     *params;
} vits_converter;

enum { VITS_HEARS = 1, VITS_CONVERTS = 2 };                 /* what it is wanted for: weights of other parts are not held */

hse_status vits_converter_open(vits_converter **out, const hse_weights *weights, const vits_config *config, unsigned wanted,
                               const hse_kernels *k, k_weight_type type, hse_error *err);
void       vits_converter_close(vits_converter **m);
size_t     vits_converter_bytes(const vits_converter *m);

/* sqrt(re^2 + im^2 + 1e-6) of n samples at the model's rate: *out is [frames][bins], the caller's (hse_free). HSE_E_ARG when
 * the recording is too short to be mirrored at its ends. */
hse_status vits_spectrogram(const vits_converter *m, const float *samples, size_t n, float **out, size_t *frames,
                            hse_error *err);
size_t     vits_frames(const vits_converter *m, size_t samples);        /* 0: too short */
/* The samples that frames [first, last) of a recording of n samples are made of: [*from, *to), of which they are frames
 * [*lead, *lead + last - first). A window is computed from its own samples to the same bits. */
void       vits_samples_of(const vits_converter *m, size_t n, size_t first, size_t last, size_t *from, size_t *to, size_t *lead);

/* Tone colours: embedding[i] takes gin numbers of spectrogram i. */
hse_status vits_reference_run(const vits_converter *m, nn_ctx *c, int n, const float *const *spec, const int *frames,
                              float *const *embedding, hse_error *err);

typedef struct {
    const float  *spec;                     /* of frames [spec_from, spec_to): [frames][bins] */
    size_t        spec_from, spec_to;       /* what is wanted and vits_convert_reach frames more, as far as there are; 0: all */
    const float  *source, *target;          /* colours: [gin] */
    float         tau;                      /* how much noise: upstream's 0.3 */
    uint64_t      seed, stream;
    const float  *noise;                    /* instead of drawn: [frames][inter] */
    windows_audio audio;
} vits_conversion;

size_t     vits_convert_reach(const vits_converter *m);
hse_status vits_convert(const vits_converter *m, nn_ctx *c, vits_conversion *items, int n, hse_error *err);
size_t     vits_convert_plan(const vits_converter *m, nn_ctx *c, size_t frames);       /* arena bytes */

#endif
