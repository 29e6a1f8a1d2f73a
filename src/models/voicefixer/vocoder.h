/* vocoder.h - VoiceFixer's vocoder (TFGAN): linear mel -> audio at 44.1 kHz.
 *
 * A sample depends on some six seconds of mel on either side: residual stacks reach 3^7 rows far at every rate, and at the
 * lowest rate a row is a seventh of a frame. But that is exact: with this context a window of the mel gives the very bits of
 * the whole. Rows flow through the layers piece by piece (flow.h), so a run's memory hardly grows with the window. */
#ifndef HSE_MODELS_VOICEFIXER_VOCODER_H
#define HSE_MODELS_VOICEFIXER_VOCODER_H

#include "nn/bind.h"

enum { VF_MAX_STAGES = 8, VF_MAX_DEPTH = 12, VF_COND_LAYERS = 5 };

typedef struct {
    nn_conv_transpose1d_layer up;
    nn_conv1d_layer wide[VF_MAX_DEPTH], narrow[VF_MAX_DEPTH];
    int factor, depth, channels;            /* channels that come out */
} vf_stage;

typedef struct {
    nn_params      *params;
    nn_conv1d_layer cond[VF_COND_LAYERS], first;
    nn_conv1d_to_one_layer last;
    vf_stage        stage[VF_MAX_STAGES];
    int             stages, bands, hop, cond_channels, channels;
    int             context[VF_MAX_STAGES]; /* frames on either side that a sample depends on, from this stage's input on */
    int             piece_rows;             /* that a layer makes at once; 0: as many as are best */
} vf_vocoder;

hse_status vf_vocoder_open(vf_vocoder **out, const hse_weights *w, const char *name, const hse_kernels *k,
                           k_weight_type type, hse_error *err);
void       vf_vocoder_close(vf_vocoder **m);

/* Parts, for golden runs of single blocks: the upsampling at `index` of the generator, the stack at another. */
void      vf_upsample_bind(nn_binder *b, const hse_weights *w, const char *prefix, int index, vf_stage *s);
void      vf_stack_bind(nn_binder *b, const hse_weights *w, const char *prefix, int index, vf_stage *s);
nn_tensor vf_stack_run(nn_ctx *c, const vf_stage *s, nn_tensor x, int index);

/* Frames that stand behind the mel's own, which the network was trained with. */
static inline size_t vf_vocoder_padding(size_t frames)
{
    return 4 + frames % 2;
}

/* db, cond: [bands] of one frame; db may be NULL. */
void vf_vocoder_condition(const float *mel, int bands, float *db, float *cond);
float vf_vocoder_weight(int band);          /* from 0 */

typedef struct {
    const float *mel;                       /* [frames][bands], not negative, of any size */
    size_t       frames;
    bool         ends;                      /* the mel's last frame is the recording's */
    size_t       from, to;                  /* frames wanted: hop samples each; to <= frames, or with `ends` <= frames + padding */
} vf_vocoder_window;

/* out: (to - from) * hop samples. Where the mel does not begin or end the recording, the samples within vf_vocoder_context
 * frames of that edge differ from those of the whole. Taps: condnet, generator.N. */
hse_status vf_vocoder_run(const vf_vocoder *m, nn_ctx *c, const vf_vocoder_window *w, float *out, hse_error *err);
size_t     vf_vocoder_plan(const vf_vocoder *m, nn_ctx *c, size_t frames);
int        vf_vocoder_context(const vf_vocoder *m);

#endif
