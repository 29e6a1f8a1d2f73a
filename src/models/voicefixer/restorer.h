/* restorer.h - VoiceFixer's restorer (Liu et al. 2021): the linear mel of damaged speech -> that of clean speech.
 *
 *     mask = denoiser(mel); clean = mask * mel; log mel = clean's logarithm + unet(log of mel, log of clean)
 *
 * The checkpoint (vf.ckpt) may be flat, inside {"model_state"} or {"generator"}, or a Lightning file: what belongs to the
 * network is found by the ends of the names, everything else is left alone. Sizes come from the shapes. */
#ifndef HSE_MODELS_VOICEFIXER_RESTORER_H
#define HSE_MODELS_VOICEFIXER_RESTORER_H

#include "models/voicefixer/spectrum.h"
#include "models/voicefixer/unet.h"

typedef struct {
    nn_norm         norm[5];                /* one channel: a factor and an offset for all (0, 3, 9, 13; [4] is unused) */
    nn_norm         gru_norm[2];
    nn_linear_layer linear[4];              /* 1, 4, 11, 15 */
    nn_rnn_layer    gru[2];                 /* 7, 8 */
    int             bands;
} vf_denoiser;

typedef struct {
    nn_params  *params;
    vf_denoiser denoiser;
    vf_unet     unet;
    vf_spectrum spectrum;
    int         bands;
} vf_restorer;

/* Which logarithms surround the UNet. The weights were trained with log10; a port of the original uses the natural one,
 * which golden runs can ask for. */
typedef enum { VF_LOG_10, VF_LOG_NATURAL } vf_logs;

float vf_to_log(float v, vf_logs logs);
float vf_from_log(float v, vf_logs logs);

/* The part of a tensor's name before `anchor`, of the shortest name that ends so, at a dot; false: no such tensor. */
bool vf_find_prefix(const hse_weights *w, const char *anchor, char *prefix, size_t size);
void vf_denoiser_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *prefix, vf_denoiser *m);
nn_tensor vf_denoiser_run(nn_ctx *c, const vf_denoiser *m, nn_tensor mel);      /* -> mask; taps denoiser.N */

/* Without a spectrum when the network does not have 128 bands: then only vf_restorer_mel works. */
hse_status vf_restorer_open(vf_restorer **out, const hse_weights *w, const char *name, const hse_kernels *k,
                            k_weight_type type, hse_error *err);
void       vf_restorer_close(vf_restorer **m);
/* mel, out: [frames][bands]; out may be mel. log_out may be NULL: the log mel. Taps: denoiser.N, clean, unet blocks,
 * unet_out, log_mel. */
hse_status vf_restorer_mel(const vf_restorer *m, nn_ctx *c, const float *mel, size_t frames, vf_logs logs, float *out,
                           hse_error *err);
size_t     vf_restorer_plan(const vf_restorer *m, nn_ctx *c, size_t frames);    /* arena bytes; 0 when too long to say */

#endif
