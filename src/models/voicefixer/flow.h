/* flow.h - the vocoder's stages, through which rows flow.
 *
 * A layer computes each row once, as soon as the rows are there that it looks at, and keeps of its input what the next rows
 * will look at: no row is computed twice, and memory does not grow with the recording. The bits are those of the whole. */
#ifndef HSE_MODELS_VOICEFIXER_FLOW_H
#define HSE_MODELS_VOICEFIXER_FLOW_H

#include "models/voicefixer/vocoder.h"

/* x: what the first stage reads, a row a frame. out: the samples of frames [from, to). Taps generator.N of the stages, each
 * in one piece. */
void vf_flow_run(const vf_vocoder *m, nn_ctx *c, nn_tensor x, size_t from, size_t to, float *out);

#endif
