/* pqmf.h - the pseudo quadrature mirror filter bank that joins the bands of a multi-band vocoder (Nguyen 1994; Yang et al.
 * 2020). 63 taps; the prototype is a sinc of cutoff 0.142 under a Kaiser window of beta 9, whatever the number of bands. */
#ifndef HSE_MODELS_HARMONYSPEECH_PQMF_H
#define HSE_MODELS_HARMONYSPEECH_PQMF_H

#include "nn/bind.h"

enum { HS1_PQMF_TAPS = 63 };

/* [bands][63] each; either may be NULL. */
void hs1_pqmf_filters(int bands, float *synthesis, float *analysis);

/* Synthesis as a convolution over the bands' rows with `bands` outputs: a row's outputs are its samples, in order, so that a
 * reshape to one column is the waveform. */
void hs1_pqmf_bind(nn_binder *b, nn_conv1d_layer *l, int bands);

#endif
