/* unet.h - the UNet of residual blocks inside VoiceFixer's restorer: [log mel of the noisy, log mel of the clean] -> what to
 * add. Six levels down and up, so time is padded to a multiple of 64 and the last band is dropped, which makes the number of
 * bands 2^k - 1 and leaves its place to the gap that nn's grids end in. */
#ifndef HSE_MODELS_VOICEFIXER_UNET_H
#define HSE_MODELS_VOICEFIXER_UNET_H

#include "nn/bind.h"

enum { VF_LEVELS = 6, VF_BLOCKS = 4, VF_TIME_STEP = 1 << VF_LEVELS };
/* Layers that give fewer channels stay float32: they are little work, and so few products do not average their rounding out. */
enum { VF_NARROW = 32 };
enum { VF_STRIP = 256 };            /* rows of a level that are computed at once, where there are twice as many */

typedef struct {
    nn_grid_block block[VF_BLOCKS];
} vf_encoder_block;

typedef struct {
    nn_grid_up    up;
    nn_grid_block block[VF_BLOCKS];
} vf_decoder_block;

typedef struct {
    vf_encoder_block encoder[VF_LEVELS];
    nn_grid_block    middle;                /* conv_block7 */
    vf_decoder_block decoder[VF_LEVELS];
    nn_grid_block    after1;
    nn_linear_layer  after2;
} vf_unet;

/* Whole names. type: of the 3 x 3 convolutions. Dims come from the shapes. The parts are for golden runs of single blocks. */
void vf_unet_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *prefix, vf_unet *m);
void vf_block_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, nn_grid_block *l);
void vf_encoder_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, vf_encoder_block *l);
void vf_decoder_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, vf_decoder_block *l);

/* x: [rows][positions + gap][channels]. Taps are named `name`... */
nn_tensor vf_encoder_run(nn_ctx *c, const vf_encoder_block *l, nn_tensor x, const char *name);     /* before pooling */
nn_tensor vf_decoder_run(nn_ctx *c, const vf_decoder_block *l, nn_tensor x, nn_tensor skip, const char *name);
/* [rows][bands][2] -> [rows][bands][1]; rows a multiple of 64, bands of 64 and at least 128; the last band's result means
 * nothing. */
nn_tensor vf_unet_run(nn_ctx *c, const vf_unet *m, nn_tensor x);

#endif
