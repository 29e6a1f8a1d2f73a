/* raw.h - for models that run kernels on memory of their own (caches that outlive a run, steps too small for operations), beside
 * the operations of nn.h. */
#ifndef HSE_NN_RAW_H
#define HSE_NN_RAW_H

#include "nn/nn.h"

const hse_kernels *nn_kernels(const nn_ctx *c);
hse_pool          *nn_pool(const nn_ctx *c);            /* NULL: one thread */
int                nn_threads(const nn_ctx *c);         /* how many tasks run at once at most */

/* The number of a scratch area, 0 to nn_threads - 1, that no other task holds meanwhile. */
int  nn_scratch_take(nn_ctx *c);
void nn_scratch_give(nn_ctx *c, int scratch);

/* A place between two operations. What nn_cancel_by set has happened: HSE_E_CANCELLED or HSE_E_DEADLINE with its sentence; otherwise HSE_OK. */
hse_status nn_interrupted(nn_ctx *c, hse_error *err);

/* The numbers of a dense tensor, until the next operation; NULL while planning and after an error. */
float *nn_raw(nn_ctx *c, nn_tensor t);

/* Shows rows of the model's own memory to the listener, as nn_tap does with a tensor: one item. */
void nn_show(nn_ctx *c, const float *data, int rows, int cols, const char *fmt, ...) HSE_PRINTF(5, 6);

#endif
