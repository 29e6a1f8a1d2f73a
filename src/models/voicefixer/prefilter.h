/* prefilter.h - what the original's modes do before the networks.
 *
 * Mode 0: nothing (the default). Mode 1: high frequencies are removed first, from the bin on at which 95 % of the recording's
 * logarithmic spectrum lie below; the answer is 512 * (n / 512) samples long. Mode 2 runs the networks as in training, with
 * random dropout: it has no reproducible answer and is refused. */
#ifndef HSE_MODELS_VOICEFIXER_PREFILTER_H
#define HSE_MODELS_VOICEFIXER_PREFILTER_H

#include "base/status.h"

#include <stddef.h>

hse_status vf_mode_check(int mode, hse_error *err);             /* HSE_OK for 0 and 1 */
/* *out (hse_free) and its length; *cutoff (may be NULL) the first bin that was removed, of 1025. Where nothing exceeds the
 * level that the spectrum is weighed from (silence, very quiet recordings) nothing is removed, where the original would
 * remove everything. */
#define VF_PREFILTER_RATIO 0.95
hse_status vf_prefilter(float **out, size_t *out_n, int *cutoff, const float *x, size_t n, double ratio, hse_error *err);

#endif
