/* bind.h - fills a model's layers from a checkpoint, by name and exact shape.
 *
 *     nn_binder *b;
 *     s = nn_binder_open(&b, &(nn_binder_options){.weights = w, .kernels = k, .type = K_BF16, .strict = true}, err);
 *     nn_enter(b, "model_state.");
 *     nn_bind_lstm(b, &m->lstm, 40, 256, 3, 1, "lstm");
 *     nn_bind_linear(b, &m->linear, 256, 256, "linear");
 *     nn_leave(b);
 *     s = nn_binder_close(&b, &m->params, err);
 *
 * Nothing stops at the first mistake: missing, mis-shaped and (strict) extra tensors are collected, and nn_binder_close
 * names them all. Weight norm (weight_g/weight_v, or parametrizations.weight.original0/1) and batch norm are folded. A
 * tensor's file pages are given back once it is packed, so the peak is the packed weights and the largest tensor
 * (twice, where it is rearranged).
 *
 * Ownership  the layers point into the nn_params; free those after the last run. The layers are undefined unless
 *            nn_binder_close returned HSE_OK.
 * Names      are printf-style and stand behind the prefixes given to nn_enter; ".weight" and ".bias" are added.
 * Threads    a binder belongs to one thread. */
#ifndef HSE_NN_BIND_H
#define HSE_NN_BIND_H

#include "base/buf.h"
#include "formats/weights.h"
#include "nn/nn.h"

typedef struct nn_binder nn_binder;
typedef struct nn_params nn_params;

typedef enum { NN_OPTIONAL, NN_REQUIRED, NN_ABSENT } nn_presence;

typedef struct {
    const hse_weights *weights;             /* NULL: only nn_make_* work */
    const char        *name;                /* of the checkpoint, for messages */
    const hse_kernels *kernels;             /* the table that will run the layers; NULL: the best */
    k_weight_type      type;
    bool               strict;              /* a tensor that nothing bound or ignored is an error */
    size_t             max_bytes;           /* packed weights at most; 0 = 16 GiB */
    hse_buf           *report;              /* takes every problem, one a line; may be NULL */
} nn_binder_options;

hse_status nn_binder_open(nn_binder **out, const nn_binder_options *opt, hse_error *err);
hse_status nn_binder_close(nn_binder **b, nn_params **params, hse_error *err);  /* params is set on success only */
bool       nn_binder_ok(const nn_binder *b);            /* nothing wrong so far */

size_t nn_params_bytes(const nn_params *p);             /* of packed weights, biases and tables */
void   nn_params_free(nn_params **p);

/* Prefixes nest: nn_enter(b, "prenet."), nn_enter(b, "highways.%d.", i). */
void nn_enter(nn_binder *b, const char *fmt, ...) HSE_PRINTF(2, 3);
void nn_leave(nn_binder *b);

/* These hold until changed. Start: the options' type, bias NN_OPTIONAL, weight norm NN_OPTIONAL (NN_REQUIRED: plain
 * weights are refused; NN_ABSENT: weight norm is refused). */
void nn_bind_type(nn_binder *b, k_weight_type type);
void nn_bind_bias(nn_binder *b, nn_presence presence);
void nn_bind_weight_norm(nn_binder *b, nn_presence presence);

void nn_bind_linear(nn_binder *b, nn_linear_layer *l, int in, int out, const char *name, ...) HSE_PRINTF(5, 6);
/* Linear layers (or convolutions of kernel 1) of the same inputs, `each` outputs a name: side by side, so that one product
 * gives them all. Every one has a bias. */
void nn_bind_linears(nn_binder *b, nn_linear_layer *l, int in, int each, const char *const *names, int n);
void nn_bind_conv1d(nn_binder *b, nn_conv1d_layer *l, int in, int out, int kernel, int dilation, const char *name, ...)
    HSE_PRINTF(7, 8);
void nn_bind_conv1d_to_one(nn_binder *b, nn_conv1d_to_one_layer *l, int in, int kernel, const char *name, ...) HSE_PRINTF(5, 6);
void nn_bind_conv_transpose1d(nn_binder *b, nn_conv_transpose1d_layer *l, int in, int out, int kernel, int stride,
                              const char *name, ...) HSE_PRINTF(7, 8);
void nn_bind_depthwise1d(nn_binder *b, nn_depthwise1d_layer *l, int channels, int kernel, int dilation,
                         const char *name, ...) HSE_PRINTF(6, 7);
void nn_bind_conv2d(nn_binder *b, nn_conv2d_layer *l, int in, int out, int kernel_h, int kernel_w, const char *name,
                    ...) HSE_PRINTF(7, 8);
void nn_bind_conv_transpose2d(nn_binder *b, nn_conv_transpose2d_layer *l, int in, int out, int kernel_h, int kernel_w,
                              int stride_h, int stride_w, const char *name, ...) HSE_PRINTF(9, 10);
/* torch.nn.LSTM/GRU: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, then _reverse, then l1. directions: 1 or 2. */
void nn_bind_lstm(nn_binder *b, nn_rnn_layer *l, int in, int hidden, int layers, int directions, const char *name, ...)
    HSE_PRINTF(7, 8);
void nn_bind_gru(nn_binder *b, nn_rnn_layer *l, int in, int hidden, int layers, int directions, const char *name, ...)
    HSE_PRINTF(7, 8);
/* torch.nn.LSTMCell: weight_ih, weight_hh, bias_ih, bias_hh. */
void nn_bind_lstm_cell(nn_binder *b, nn_rnn_layer *l, int in, int hidden, const char *name, ...) HSE_PRINTF(5, 6);
void nn_bind_layer_norm(nn_binder *b, nn_norm *n, int channels, float eps, const char *name, ...) HSE_PRINTF(5, 6);
/* weight, bias, running_mean, running_var (num_batches_tracked is ignored), folded to scale and shift. */
void nn_bind_batch_norm(nn_binder *b, nn_norm *n, int channels, float eps, const char *name, ...) HSE_PRINTF(5, 6);
/* Under its full name. */
void nn_bind_table(nn_binder *b, nn_table *t, int count, int cols, const char *name, ...) HSE_PRINTF(5, 6);
/* A tensor of exactly this shape as float32 in C order, under its full name; *out is NULL when it is missing. */
void nn_bind_tensor(nn_binder *b, const float **out, int rank, const int *dim, const char *name, ...) HSE_PRINTF(5, 6);
/* Tensors that may be there and are not used: one name, or all that start with `name` when it ends in '*'. */
void nn_bind_ignore(nn_binder *b, const char *name, ...) HSE_PRINTF(2, 3);

/* The same layers from numbers that a model computes or has rearranged (torch's layouts; copied). bias may be NULL. */
void nn_make_linear(nn_binder *b, nn_linear_layer *l, int in, int out, const float *w, const float *bias);
void nn_make_conv1d(nn_binder *b, nn_conv1d_layer *l, int in, int out, int kernel, int dilation, const float *w,
                    const float *bias);
void nn_make_conv1d_to_one(nn_binder *b, nn_conv1d_to_one_layer *l, int in, int kernel, const float *w, const float *bias);
void nn_make_conv_transpose1d(nn_binder *b, nn_conv_transpose1d_layer *l, int in, int out, int kernel, int stride,
                              const float *w, const float *bias);
void nn_make_depthwise1d(nn_binder *b, nn_depthwise1d_layer *l, int channels, int kernel, int dilation, const float *w,
                         const float *bias);
void nn_make_conv2d(nn_binder *b, nn_conv2d_layer *l, int in, int out, int kernel_h, int kernel_w, const float *w,
                    const float *bias);
void nn_make_conv_transpose2d(nn_binder *b, nn_conv_transpose2d_layer *l, int in, int out, int kernel_h, int kernel_w,
                              int stride_h, int stride_w, const float *w, const float *bias);
/* w: torch's [in][out][3][3] of a transposed convolution without bias; the norm is the caller's. */
void nn_make_grid_up(nn_binder *b, nn_grid_up *u, int in, int out, const float *w);
void nn_make_norm(nn_binder *b, nn_norm *n, int channels, float eps, const float *scale, const float *shift);
void nn_make_table(nn_binder *b, nn_table *t, int count, int cols, const float *table);

/* One cell of a recurrent layer. `order` says which gate each block of `hidden` rows is: "ifgo" or "iofc" (ONNX
 * LSTM; c = g), "rzn" (torch) or "zrn" (ONNX) for a GRU. w: [gates * hidden][inputs of this layer], u: [gates *
 * hidden][hidden], biases NULL = 0. nn_make_rnn first sets the dims; then every cell is made. */
void nn_make_rnn(nn_binder *b, nn_rnn_layer *l, int gates, int in, int hidden, int layers, int directions);
void nn_make_rnn_cell(nn_binder *b, nn_rnn_layer *l, int layer, int direction, const char *order, const float *w,
                      const float *u, const float *bias_w, const float *bias_u);

/* For tensors that need rearranging before nn_make_*: the tensor as float32 in memory that lives until
 * nn_scratch_end, or NULL (the problem is noted; a later nn_make_* with NULL weights does nothing). dim -1 accepts
 * any size up to 2^24 and writes it back. */
float *nn_bind_scratch(nn_binder *b, int rank, int *dim, const char *name, ...) HSE_PRINTF(4, 5);
/* Work space for that: `count` floats, zeroed, that live until nn_scratch_end; NULL is noted. */
float *nn_bind_work(nn_binder *b, size_t count);
void   nn_scratch_end(nn_binder *b);

/* A problem that the model itself finds (a config that contradicts a shape). */
void nn_bind_problem(nn_binder *b, const char *fmt, ...) HSE_PRINTF(2, 3);

#endif
