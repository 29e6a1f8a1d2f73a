/* network.h - Whisper's encoder and decoder (Radford et al. 2022), batched over windows and hypotheses.
 *
 * A decoding works on windows (encoded stretches of audio) and sequences (growing lists of tokens over a window). Each step
 * feeds any number of rows, one token each, of any sequences at once: prompts of different lengths, beams, several files.
 * A sequence is forked without copying keys or values: a table says in which cache row each of its positions lies.
 *
 *     whisper_decoding_open(&d, m, c, &limits, &err);
 *     whisper_encode_windows(d, n, mels, frames, windows, false, &err);   cross keys and values are computed here, once
 *     int s = whisper_sequence_new(d, windows[0], &err);
 *     whisper_step(d, rows, n_rows, &err);                            one pass over the weights for all rows
 *     const float *logits = whisper_logits(d, i);                     of row i, where rows[i].logits was set
 *
 * An element's bits do not depend on what else is in the batch, on the threads, or on how a prompt is cut into steps.
 *
 * Ownership  a decoding borrows model and context until it is closed; the context must not be used otherwise meanwhile.
 * Threads    a model is read-only and shared; a decoding belongs to one thread. */
#ifndef HSE_MODELS_WHISPER_NETWORK_H
#define HSE_MODELS_WHISPER_NETWORK_H

#include "models/whisper/config.h"

#include "nn/nn.h"

typedef struct whisper_network whisper_network;
typedef struct whisper_decoding whisper_decoding;

typedef struct {
    const hse_weights *weights;             /* open already (whisper_config_open_weights); NULL: opened from the config's path */
    const hse_kernels *kernels;             /* NULL: the best */
    hse_pool          *pool;                /* packs the weights; NULL: one thread */
    k_weight_type      type;                /* of the matrices: norms, biases and positions stay float32 */
    size_t             max_bytes;           /* packed weights at most; 0 = 16 GiB */
    const hse_weights_limits *limits;       /* of opening the file; NULL: the defaults */
} whisper_network_options;

/* The type that a compute_type of CTranslate2 (or a dtype) stands for: int8, int8_float32, int8_float16, int8_bfloat16 and auto are
 * int8, the fastest that keeps the floors of docs/precision.md; bfloat16 and float16 are bf16, since a CPU has no float16 products;
 * default is int8 where the file is (config: whisper_stored_int8), else float32. False for another word. */
bool whisper_compute_type(const char *word, bool stored_int8, k_weight_type *out);
/* Are the matrices of an open checkpoint int8? */
bool whisper_stored_int8(const hse_weights *w);

/* HSE_E_FORMAT with the tensor's name when one is missing, of another shape, or not finite. */
hse_status whisper_network_open(whisper_network **out, const whisper_config *config, const whisper_network_options *opt,
                                hse_error *err);
void       whisper_network_close(whisper_network **m);
size_t     whisper_network_bytes(const whisper_network *m);
k_weight_type whisper_network_type(const whisper_network *m);
const whisper_dims *whisper_network_dims(const whisper_network *m);

typedef struct {
    int windows, sequences;                 /* at most, at the same time */
    int positions;                          /* of a sequence; 0 = the model's 448 */
    int rows;                               /* in one step; 0 = as many as sequences + a prompt needs */
} whisper_decoding_limits;

hse_status whisper_decoding_open(whisper_decoding **out, const whisper_network *m, nn_ctx *c,
                                 const whisper_decoding_limits *limits, hse_error *err);
void       whisper_decoding_close(whisper_decoding **d);
/* Bytes that such a decoding needs at most beside the weights, of windows of full length: the arena while one is encoded, keys and
 * values, cache, workspace, a row of logits for each sequence. c only plans. 0: it does not fit a size_t, or c is cancelled. */
size_t     whisper_decoding_plan(const whisper_network *m, nn_ctx *c, const whisper_decoding_limits *limits);

/* mel[i]: [frames[i]][mels], at most 3000 frames (faster-whisper always gives 3000, padded with 0.0). window[i] gets the
 * number of the encoded window; keep_output keeps the encoder's result for whisper_encoder_output. */
hse_status whisper_encode_windows(whisper_decoding *d, int n, const float *const *mel, const int *frames, int *window,
                                  bool keep_output, hse_error *err);
/* [(frames + 1) / 2][width] */
hse_status whisper_encoder_output(const whisper_decoding *d, int window, float *out, size_t count, hse_error *err);
/* The encoder by itself, which is what peers time: out [(frames + 1) / 2][width], without what the decoder attends to. */
hse_status whisper_encoder_alone(const whisper_decoding *d, const float *mel, int frames, float *out, hse_error *err);
int        whisper_window_positions(const whisper_decoding *d, int window);         /* (frames + 1) / 2 */
void       whisper_window_free(whisper_decoding *d, int window);        /* its sequences must be gone */

int        whisper_sequence_new(whisper_decoding *d, int window);       /* -1: over the limit */
int        whisper_sequence_fork(whisper_decoding *d, int sequence);    /* -1: over the limit. The same past, no copies of it */
void       whisper_sequence_free(whisper_decoding *d, int sequence);    /* cache rows that only it used are free again */
int        whisper_sequence_length(const whisper_decoding *d, int sequence);

typedef struct {
    int     sequence;                       /* rows of one sequence stand in order; its position counts by itself */
    int32_t token;
    bool    logits;                         /* are wanted of this row */
} whisper_row;

hse_status whisper_step(whisper_decoding *d, const whisper_row *rows, int n, hse_error *err);
/* [vocab] of row i of the last step; may be changed in place; valid until the next step. NULL where not wanted. */
float *whisper_logits(whisper_decoding *d, int row);

/* For alignment: with heads chosen before, each step keeps the cross-attention scores (scaled, before softmax) of its rows:
 * whisper_cross_scores gives [positions of the window] of head number `head` of those chosen for a position of a sequence;
 * NULL where none were kept. heads: pairs layer, head. INT8 scores differ from the others by a constant per row, which no
 * softmax sees. What was kept is forgotten when the heads are chosen anew. */
hse_status   whisper_keep_scores(whisper_decoding *d, const int (*heads)[2], int n, hse_error *err);     /* n = 0: stop */
const float *whisper_cross_scores(const whisper_decoding *d, int sequence, int position, int head);

#endif
