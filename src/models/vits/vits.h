/* vits.h - the parts that OpenVoice and MeloTTS are made of (VITS, Kim et al. 2021): text encoder, duration predictors,
 * normalising flow, posterior encoder, HiFi-GAN decoder. One definition for all of them; which parts a model has, and
 * under which names, its own folder says.
 *
 * Every part is a struct of layers, a bind function that fills it from a checkpoint under the binder's current prefix, and a
 * run function from tensors to tensors over a ragged batch. Tensors are [time, channel]; a speaker vector is one row an item.
 * Dims come from the config and are checked against the shapes. Taps carry upstream's module paths; `name` is the path of
 * the part ("enc_p.encoder"). Threads: bound parts are read-only and shared. */
#ifndef HSE_MODELS_VITS_VITS_H
#define HSE_MODELS_VITS_VITS_H

#include "models/windows.h"
#include "nn/bind.h"

enum {
    VITS_MAX_LAYERS = 32, VITS_MAX_FLOWS = 16, VITS_MAX_STAGES = 8, VITS_MAX_KERNELS = 8, VITS_MAX_DILATIONS = 3,
    VITS_WINDOW = 4,                        /* relative positions of the attention: fixed in upstream's code, as are: */
    VITS_DURATION_CHANNELS = 256,
    VITS_DDS_LAYERS = 3,
    VITS_SPLINE_BINS = 10,
    VITS_POSTERIOR_LAYERS = 16,
    VITS_MAX_DIM = 1 << 16,
    VITS_NARROW = 32,                       /* hidden channels below which reduced weights win nothing and cost precision */
};

/* The dims that both families' config.json name alike. */
typedef struct {
    int  inter, hidden, filter, heads, layers, kernel, gin;
    int  resblock;                          /* 1, 2 */
    int  kernels, block_kernel[VITS_MAX_KERNELS], dilation[VITS_MAX_KERNELS][VITS_MAX_DILATIONS];
    int  stages, up_rate[VITS_MAX_STAGES], up_kernel[VITS_MAX_STAGES], up_channels;
} vits_dims;

/* ---- text encoder: post-norm transformer with relative positions (Shaw et al. 2018) ---- */

typedef struct {
    nn_linear_layer qkv;
    nn_conv1d_layer out;
    const float    *rel_k, *rel_v;          /* [2 window + 1][hidden / heads] */
    nn_norm         norm_1, norm_2;
    nn_conv1d_layer conv_1, conv_2;
} vits_encoder_layer;

typedef struct {
    int                layers, heads, hidden;
    bool               conditioned;         /* the speaker is added before layer 2 */
    nn_linear_layer    speaker;
    vits_encoder_layer layer[VITS_MAX_LAYERS];
} vits_encoder;

/* conditioned: `spk_emb_linear` is there, of gin inputs. */
void      vits_encoder_bind(nn_binder *b, vits_encoder *e, int layers, int hidden, int filter, int heads, int kernel,
                            bool conditioned, int gin);
nn_tensor vits_encoder_run(nn_ctx *c, const vits_encoder *e, nn_tensor x, nn_tensor speaker, const char *name);

/* ---- WaveNet stack (van den Oord et al. 2016), not causal ---- */

typedef struct {
    int             layers, hidden;
    nn_conv1d_layer condition;              /* gin -> 2 hidden layers */
    nn_conv1d_layer in[VITS_MAX_LAYERS], res_skip[VITS_MAX_LAYERS];
} vits_wavenet;

void      vits_wavenet_bind(nn_binder *b, vits_wavenet *w, int layers, int hidden, int kernel, int gin);
/* A speaker of zeros is not none: the condition's bias counts. */
nn_tensor vits_wavenet_run(nn_ctx *c, const vits_wavenet *w, nn_tensor x, nn_tensor speaker, const char *name);

/* ---- durations ---- */

typedef struct {                            /* dilated, depth-separable convolutions */
    int                  channels;
    nn_depthwise1d_layer sep[VITS_DDS_LAYERS];
    nn_conv1d_layer      one[VITS_DDS_LAYERS];
    nn_norm              norm_1[VITS_DDS_LAYERS], norm_2[VITS_DDS_LAYERS];
} vits_dds;

typedef struct {
    nn_conv1d_layer pre, proj;
    vits_dds        convs;
} vits_spline_flow;

enum { VITS_SPLINE_FLOWS = 3 };             /* upstream stores a fourth and leaves it out */

typedef struct {
    int              hidden;
    nn_conv1d_layer  dp_cond, dp_conv_1, dp_conv_2, dp_proj;            /* the deterministic predictor */
    nn_norm          dp_norm_1, dp_norm_2;
    nn_conv1d_layer  pre, cond, proj;       /* the stochastic one */
    vits_dds         convs;
    const float     *affine_m, *affine_logs;            /* [2] */
    vits_spline_flow flow[VITS_SPLINE_FLOWS];           /* flows.7, flows.5, flows.3 */
} vits_durations;

void vits_durations_bind(nn_binder *b, vits_durations *d, int hidden, int gin);         /* `dp.` and `sdp.` */

/* x: the text encoder's result before its projection. noise[i]: 2 x rows standard normal numbers, channel by channel;
 * logw[i] takes one number a row. Ends the tensors' life: reads them, so the context must be between begin and end. */
typedef struct {
    float        noise_scale, sdp_ratio;
    const float *noise;
    float       *logw;
} vits_duration_item;

void vits_durations_run(nn_ctx *c, const vits_durations *d, nn_tensor x, nn_tensor speaker, const vits_duration_item *items);

/* ceil(exp(logw) * length_scale) for each of n rows, at least 1 frame together; HSE_E_LIMIT above max_frames, HSE_E_FORMAT
 * where a number is no number. */
hse_status vits_lengths(int *durations, int *frames, const float *logw, int n, float length_scale, int max_frames,
                        hse_error *err);

/* ---- flow: mean-only couplings with a reversal of the channels between them ---- */

typedef struct {
    nn_conv1d_layer pre, post;
    vits_wavenet    wavenet;
    vits_encoder    encoder;
} vits_coupling;

typedef struct {
    int           couplings, inter;
    bool          transformer;              /* couplings are transformer encoders, not WaveNets */
    vits_coupling coupling[VITS_MAX_FLOWS]; /* flows.0, flows.2, ... */
} vits_flow;

typedef struct {
    int  couplings, inter, hidden, layers, kernel, gin;
    bool transformer;
    int  filter, heads;                     /* of the transformer form */
} vits_flow_dims;

void      vits_flow_bind(nn_binder *b, vits_flow *f, const vits_flow_dims *d);          /* `flow.` */
/* inverse: from the prior to the decoder's input. `again` marks the stage names of a second run in one pass ("#2"). */
nn_tensor vits_flow_run(nn_ctx *c, const vits_flow *f, nn_tensor x, nn_tensor speaker, bool inverse, bool again);

/* ---- posterior encoder ---- */

typedef struct {
    nn_conv1d_layer pre, proj;
    vits_wavenet    wavenet;
} vits_posterior;

void      vits_posterior_bind(nn_binder *b, vits_posterior *p, int bins, int inter, int hidden, int gin);       /* `enc_q.` */
nn_tensor vits_posterior_run(nn_ctx *c, const vits_posterior *p, nn_tensor spec, nn_tensor speaker);    /* [rows, 2 inter]: mean, log deviation */

/* ---- decoder: HiFi-GAN (Kong et al. 2020) ----
 *
 * A window of frames decodes to exactly its part of the whole: each sample sees a bounded number of frames, so a window runs
 * with that many frames on both sides and is cut. */

typedef struct {
    nn_conv1d_layer wide[VITS_MAX_DILATIONS], near[VITS_MAX_DILATIONS];     /* near: resblock 1 only */
} vits_block;

typedef struct {
    vits_dims                 dims;
    int                       blocks;       /* convolutions (pairs) of a block */
    nn_conv1d_layer           pre, condition;
    nn_conv1d_to_one_layer    post;
    nn_conv_transpose1d_layer up[VITS_MAX_STAGES];
    vits_block                block[VITS_MAX_STAGES][VITS_MAX_KERNELS];
    int                       hop;          /* samples a frame */
    int                       tail;         /* samples beyond frames * hop: where kernel - rate is odd */
    int                       context;      /* frames a sample depends on, to each side of its own */
    int                       reach[VITS_MAX_STAGES], rate[VITS_MAX_STAGES];       /* the same behind each upsampling; rows a frame there */
} vits_decoder;

/* type: of the blocks; upsampling is one step finer, the first and the last layer float32. */
void      vits_decoder_bind(nn_binder *b, vits_decoder *d, const vits_dims *dims, k_weight_type type);          /* `dec.` */
/* p: whose frames are wanted, with what there is of them in s, which is updated; NULL: all are. */
nn_tensor vits_decoder_run(nn_ctx *c, const vits_decoder *d, nn_tensor z, nn_tensor speaker, const windows_piece *p,
                           windows_span *s);
size_t    vits_decoder_window(const vits_decoder *d);       /* frames that are decoded together at most */

typedef struct {
    const float  *z;                        /* [frames][inter] */
    const float  *speaker;                  /* [gin]; NULL: zeros */
    windows_audio audio;
} vits_wave;

/* All items, in passes of bounded memory; the return value is for what concerns all. */
hse_status vits_decode(const vits_decoder *d, nn_ctx *c, vits_wave *items, int n, hse_error *err);
size_t     vits_decode_plan(const vits_decoder *d, nn_ctx *c, size_t frames);          /* arena bytes */

/* ---- shared by the parts ---- */

/* `NAME.gamma` and `NAME.beta`, eps 1e-5. */
void vits_norm_bind(nn_binder *b, nn_norm *n, int channels, const char *name, ...) HSE_PRINTF(4, 5);
/* residual + layer(x), in one pass unless somebody listens to `name`: upstream's module has no residual in it. */
nn_tensor vits_add(nn_ctx *c, const nn_conv1d_layer *layer, nn_tensor x, nn_tensor residual, const char *name, ...)
    HSE_PRINTF(5, 6);

#endif
