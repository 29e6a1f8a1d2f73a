/* vocoder.h - MelGAN, one band or several: mel frames -> waveform at 16 kHz.
 *
 * A window of frames decodes to exactly its part of the whole: each output sample sees a bounded number of frames, so a window
 * is run with that many frames on both sides and cut. That is how audio is streamed, and how long mels run in bounded memory. */
#ifndef HSE_MODELS_HARMONYSPEECH_VOCODER_H
#define HSE_MODELS_HARMONYSPEECH_VOCODER_H

#include "formats/weights.h"
#include "models/harmonyspeech/config.h"
#include "models/windows.h"
#include "nn/bind.h"

enum {
    HS1_BREAK_HOP = 200,                    /* upstream counts breaks in frames of 200 samples, whatever the model's hop is */
    HS1_BREAK_SILENCE = 2400,
    HS1_AUDIO_RATE = 16000,
};

typedef struct {
    nn_conv1d_layer wide, narrow, skip;
} hs1_stack;

typedef struct {
    hs1_vocoder_config cfg;
    nn_conv1d_layer first, last, pqmf;
    nn_conv_transpose1d_layer up[HS1_MAX_SCALES];
    hs1_stack       stack[HS1_MAX_SCALES][HS1_MAX_STACKS];
    nn_params      *params;
    int             context;                /* frames that a sample's value depends on, to each side of its own */
    int             reach[HS1_MAX_SCALES], rate[HS1_MAX_SCALES];        /* the same behind each upsampling; rows a frame there */
    int             min_frames;             /* fewer cannot be mirrored at their ends */
    int             window;                 /* frames that are decoded together at most */
} hs1_vocoder;

hse_status hs1_vocoder_open(hs1_vocoder **out, const hse_weights *w, const char *config, size_t config_size, const hse_kernels *k,
                            k_weight_type type, hse_error *err);
void       hs1_vocoder_close(hs1_vocoder **m);

typedef struct {
    const float  *mel;                      /* [frames][in], scaled as the network wants it */
    windows_audio audio;
} hs1_wave;

/* All items; the return value is for what concerns all. Mels that are too short to be mirrored are lengthened by repeating
 * their last frame; with `reference` they are an error, as upstream. Taps: melgan_<index>, melgan_out, vocoder_wav. */
hse_status hs1_vocoder_run(const hs1_vocoder *m, nn_ctx *c, hs1_wave *items, int n, bool reference, hse_error *err);

/* Arena bytes of a run of these many frames. */
size_t hs1_vocoder_plan(const hs1_vocoder *m, nn_ctx *c, size_t frames);

/* What upstream does with the finished wave: silence after each segment (breaks: frames of each, NULL = none), what lies after
 * the last one is lost, peak at 0.97. *out is the caller's. */
hse_status hs1_reference_wave(float **out, size_t *out_n, const float *wave, size_t n, const int *breaks, size_t n_breaks,
                              hse_error *err);

#endif
