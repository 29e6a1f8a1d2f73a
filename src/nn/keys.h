/* keys.h - attention over keys and values that are packed like weights, head by head, so that queries are multiplied with
 * them by the kernels of linear layers, in any of their types, and any number of times.
 *
 * INT8 stands for: keys less their mean over time (which changes no attention), one scale a key, queries quantized row by
 * row; values with one scale a channel, attention weights in two parts of 7 bits each, which lose nothing that float32
 * results would show.
 *
 * Ownership  an nn_keys lives in memory that the caller brings and owns nothing.
 * Threads    heads may be packed and used at the same time. */
#ifndef HSE_NN_KEYS_H
#define HSE_NN_KEYS_H

#include "nn/nn.h"

typedef struct {
    int           count, heads, width;      /* keys; heads; columns of a head */
    k_weight_type k_type, v_type;
    k_packed     *k, *v;                    /* [heads]: k of `count` outputs, v of `width` outputs */
} nn_keys;

/* Bytes for an nn_keys of this shape; 0 when they do not fit a size_t. */
size_t nn_keys_bytes(const hse_kernels *k, int count, int heads, int width, k_weight_type k_type, k_weight_type v_type);
/* memory: that many bytes, 64-byte aligned. Then pack each head. */
void   nn_keys_place(nn_keys *x, const hse_kernels *k, int count, int heads, int width, k_weight_type k_type,
                     k_weight_type v_type, void *memory);
/* Row t of head h: keys + t * row + h * width; values likewise. The keys of an INT8 head lose their mean in place. */
void   nn_keys_pack(const nn_keys *x, const hse_kernels *k, int head, float *keys, const float *values, size_t row);

/* Bytes of scratch, 64-byte aligned, that one call of nn_keys_attend needs at most. */
size_t nn_keys_scratch(const hse_kernels *k, const nn_keys *x);
/* out[r] = softmax(scale * q[r] k^T) v for one head; q and out point to the head's first column. scores, when not NULL, gets
 * the scaled products before the softmax, rows of x->count. */
void   nn_keys_attend(const hse_kernels *k, const nn_keys *x, int head, const float *q, size_t q_row, int rows, float scale,
                      float *out, size_t out_row, float *scores, size_t scores_row, void *scratch);

/* Self-attention of each item: qkv has the columns [query | key | value]. Types as above. */
nn_tensor nn_self_attention(nn_ctx *c, nn_tensor qkv, int heads, k_weight_type k_type, k_weight_type v_type);

#endif
