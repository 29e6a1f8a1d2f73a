/* nn.h - the operations that networks are written in. A model is a function from tensors to tensors:
 *
 *     nn_begin(c, NN_RUN);
 *     nn_tensor x = nn_input(c, items, rows, 80, mels);
 *     x = nn_conv1d_then(c, &m->pre, x, (nn_then){.act = K_RELU, .norm = &m->bnorm});
 *     x = nn_lstm(c, &m->lstm, x, NULL);
 *     nn_read(c, x, 0, out, n);
 *     status = nn_end(c, err);
 *
 * Tensors    small values without a pointer: [row, channel] matrices, channels last. A batch is ragged: its items' rows
 *            stand one after another. 2-D data has `width` positions in each row ([time, frequency, channel]). No
 *            operation mixes items, and an element's bits do not depend on the batch, the thread count or the mode.
 * Errors     the first one is kept in the context; every later operation does nothing and returns NN_NONE. nn_end
 *            reports it.
 * Modes      NN_RUN computes. NN_PLAN does the same calls on shapes only: nn_peak then says how many bytes a run needs.
 *            With nn_listen a run also shows its named tensors (nn_tap) to a listener.
 * Memory     activations live in the context's arena until nn_begin, or until nn_keep drops what came after nn_mark.
 *            Pages stay with the context for the next run; nn_trim gives them back. Nothing is allocated once the arena
 *            is large enough.
 * Threads    a context belongs to one thread at a time and runs its work on the pool; layers are read-only and shared.
 *
 * nn_relu and nn_leaky_relu cost nothing by themselves: the tensor remembers them, and a layer that reads it applies
 * them while it converts its input. Any other reader applies them first. */
#ifndef HSE_NN_H
#define HSE_NN_H

#include "base/pool.h"
#include "base/status.h"
#include "kernels/kernels.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nn_ctx nn_ctx;

/* Do not look inside: use nn_items, nn_rows and friends. */
typedef struct {
    size_t   at;                /* bytes from the arena's start */
    uint32_t starts;            /* where the item's first rows are listed: items + 1 numbers */
    int      items, rows;       /* rows of all items together */
    int      cols, width;
    int      ld;                /* floats from one position to the next; cols unless this is a slice of columns */
    k_act    act;               /* still to be applied: K_NONE, K_RELU, K_LEAKY_RELU or K_ADD_SIN */
    float    slope;
} nn_tensor;

#define NN_NONE ((nn_tensor){0})

typedef enum { NN_RUN, NN_PLAN } nn_mode;
typedef enum { NN_ZERO, NN_REFLECT, NN_REPLICATE, NN_CONSTANT } nn_pad;     /* what stands outside an item's rows */

/* ---- layers: filled by the binder (nn/bind.h); a model may then set the fields marked * ---- */

typedef struct {
    k_packed     w;
    const float *bias;                      /* [out] or NULL */
} nn_linear_layer;

/* out[o] = sum over t of w[t] * in[o * stride - left + t * dilation]; rows out = (rows + left + right - dilation *
 * (kernel - 1) - 1) / stride + 1. The binder sets stride 1 and left + right = dilation * (kernel - 1), left the
 * larger half, so the length stays. */
typedef struct {
    k_packed     w;
    const float *bias;
    int          in, out, kernel, dilation;
    int          stride, left, right;       /* * */
    nn_pad       pad;                       /* * */
    float        pad_value;                 /* * for NN_CONSTANT */
} nn_conv1d_layer;

/* rows out = (rows - 1) * stride + kernel - left - right: left and right rows are cut off. The binder sets left +
 * right = kernel - stride, left the larger half, so the length is multiplied by stride. (torch: left = padding,
 * right = padding - output_padding.) */
typedef struct {
    k_packed     w;                         /* the `stride` phases side by side: stride * out outputs */
    const float *bias;                      /* [stride * out] or NULL */
    int          in, out, kernel, stride;
    int          left, right;               /* * */
} nn_conv_transpose1d_layer;

/* A convolution with one output: every row of x times all taps at once, and the taps' products added up behind that, since a
 * product with one output would leave most of a vector idle. */
typedef struct {
    nn_linear_layer tap;                    /* `kernel` outputs, no bias */
    const float    *bias;                   /* [1] or NULL */
    int             kernel;
    int             left, right;            /* * kernel - 1 together, so that the length stays */
    nn_pad          pad;                    /* * not NN_CONSTANT */
} nn_conv1d_to_one_layer;

typedef struct {                            /* every channel with its own kernel */
    const float *w, *bias;                  /* w: [kernel][channels] */
    int          channels, kernel, dilation;
    int          stride, left, right;       /* * */
    nn_pad       pad;                       /* * */
    float        pad_value;                 /* * */
} nn_depthwise1d_layer;

/* Rows are the height (time), positions in a row the width (frequency); zeros stand outside. The binder sets stride
 * 1 and pads to keep the size (left half the larger). */
typedef struct {
    k_packed     w;
    const float *bias;
    int          in, out, kernel_h, kernel_w;
    int          stride_h, stride_w, dilation_h, dilation_w;    /* * */
    int          top, bottom, before, after;                    /* * */
} nn_conv2d_layer;

/* rows out = (rows - 1) * stride_h + kernel_h - top - bottom, positions likewise. The binder sets top + bottom =
 * kernel_h - stride_h, so that the size is multiplied by the stride (torch: bottom = padding - output_padding). */
typedef struct {
    k_packed     w;                         /* the stride_h * stride_w phases side by side */
    const float *bias;
    int          in, out, kernel_h, kernel_w, stride_h, stride_w;
    int          top, bottom, before, after;                    /* * rows and positions cut off */
} nn_conv_transpose2d_layer;

typedef struct {                      /* y = x * scale + shift: a folded batch norm; or gain and bias of a layer norm */
    const float *scale, *shift;
    int          channels;
    float        eps;                       /* of layer, instance and group norm */
} nn_norm;

typedef struct {
    const float *table;                     /* [count][cols] */
    int          count, cols;
} nn_table;

enum { NN_MAX_RNN_LAYERS = 8 };

typedef struct {                            /* one layer, one direction; gates reordered, see nn/rnn.c */
    k_packed     w, u;
    const float *bias_w, *bias_u;           /* LSTM: the sum of both in bias_w */
} nn_rnn_cell;

typedef struct {
    int         in, hidden, layers, directions, gates;          /* gates: 4 for LSTM, 3 for GRU */
    nn_rnn_cell cell[NN_MAX_RNN_LAYERS][2];
} nn_rnn_layer;

/* The state of a recurrent layer: one row an item, columns [layer][direction][hidden]. NN_NONE stands for zeros; c
 * is the LSTM's. */
typedef struct {
    nn_tensor h, c;
} nn_state;

enum { NN_MAX_RES_LAYERS = 4 };

/* Residual layers, one after another: x + near(act(wide(act(x)))), act being LeakyReLU; without `near` x + wide(act(x)). */
typedef struct {
    const nn_conv1d_layer *wide, *near;
} nn_res_layer;

typedef struct {
    int          n;
    nn_res_layer layer[NN_MAX_RES_LAYERS];
} nn_res_stack;

/* A pre-activation residual block of 3 x 3 convolutions (He et al. 2016) on a grid, see nn_grid_block_run. */
typedef struct {
    int             in, out;
    float           slope;                  /* of both LeakyReLUs */
    nn_norm         norm;                   /* of the input */
    nn_conv2d_layer conv1, conv2;           /* the norm between them is part of conv1 */
    nn_norm         undo;                   /* takes that norm off again, for taps */
    nn_linear_layer shortcut;               /* 1 x 1, where in and out differ */
    bool            has_shortcut;
    int             rows_at_once;           /* * 0: as many as are best */
} nn_grid_block;

/* Norm, ReLU, transposed convolution 3 x 3 of stride 2: its four phases, [row parity][position parity]. */
typedef struct {
    int      in, out;
    nn_norm  norm;
    k_packed phase[2][2];
} nn_grid_up;

/* What a layer does to its result before it is stored, in this order. All zero = nothing. */
typedef struct {
    k_act          act;
    float          slope;                   /* of K_LEAKY_RELU */
    const nn_norm *norm;                    /* batch norm */
    float          alpha;                   /* factor; 0 stands for 1 */
    nn_tensor      residual;                /* added; the result's shape */
    nn_tensor      into;         /* write to columns from `col` on of this tensor (from nn_new) and return that slice */
    int            col;
} nn_then;

typedef struct {
    int          heads;
    float        scale;                     /* of q k; 0 = 1 / sqrt(head width) */
    bool         causal;                    /* query i of an item sees keys up to i + keys - queries */
    int          window;                    /* relative positions -window..window have embeddings; 0 = none */
    const float *rel_k, *rel_v;             /* [2 window + 1][head width], shared by all heads (Shaw et al. 2018) */
} nn_attention_options;

/* ---- context ---- */

typedef struct {
    const hse_kernels *kernels;             /* NULL: the best this machine has */
    hse_pool          *pool;                /* NULL: one thread */
    size_t             max_bytes;           /* ceiling of the arena; 0 = 4 GiB */
    bool               poison;              /* fill fresh memory with NaN, to show reads of what was never written */
} nn_options;

/* A named tensor as the listener sees it; valid during the call only. Item i is rows starts[i] to starts[i + 1]. */
typedef struct {
    const char  *name;
    int          items, cols, width;
    const int   *starts;
    const float *data;                      /* [rows][width][cols] */
} nn_view;

typedef void nn_listener(void *user, const nn_view *view);

hse_status nn_open(nn_ctx **out, const nn_options *opt, hse_error *err);
void       nn_close(nn_ctx **c);
void       nn_begin(nn_ctx *c, nn_mode mode);           /* forgets all tensors and the error of the run before */
hse_status nn_end(nn_ctx *c, hse_error *err);           /* the first error since nn_begin, or HSE_OK */
bool       nn_ok(const nn_ctx *c);                      /* no error so far */
void       nn_error(nn_ctx *c, hse_status status, const char *fmt, ...) HSE_PRINTF(3, 4);   /* a model's own error */
bool       nn_planning(const nn_ctx *c);
size_t     nn_peak(const nn_ctx *c);                    /* bytes of the arena used at most since nn_begin */
hse_status nn_reserve(nn_ctx *c, size_t bytes, hse_error *err);     /* make room now, not in the middle of a run */
void       nn_trim(nn_ctx *c, size_t keep);      /* give the pages above `keep` bytes back; not between begin and end */
size_t     nn_held(const nn_ctx *c);             /* bytes of pages that it keeps for the next run */
void       nn_listen(nn_ctx *c, nn_listener *f, void *user);        /* NULL: stop. Survives nn_begin */
bool       nn_listening(const nn_ctx *c);       /* for values that are worth computing only when they are shown */
/* Checked between operations (and inside long ones): a raised flag ends the run with HSE_E_CANCELLED, hse_now_ns()
 * past the deadline with HSE_E_DEADLINE. NULL and 0: none. Survives nn_begin. */
void       nn_cancel_by(nn_ctx *c, const atomic_bool *flag, uint64_t deadline_ns);
bool       nn_stopped(const nn_ctx *c);                 /* for what computes without operations: true when it should end */
/* Called on the run's own thread between operations, as often as they come: it may take its time, and compute with other contexts
 * meanwhile. NULL: none. Survives nn_begin. */
typedef void nn_between(void *user);
void       nn_between_by(nn_ctx *c, nn_between *f, void *user);
void       nn_pause(nn_ctx *c);                         /* for what computes without operations: a place between two */

/* data[i]: rows[i] * cols */
nn_tensor nn_input(nn_ctx *c, int items, const int *rows, int cols, const float *const *data);
nn_tensor nn_input2d(nn_ctx *c, int items, const int *rows, int width, int cols, const float *const *data);
nn_tensor nn_new(nn_ctx *c, nn_tensor like, int cols);  /* same items and rows, other columns, content undefined */
/* One item of so many rows, content undefined; rows [from, from + count) of a tensor of one item, in the same memory; such rows
 * moved to its front. */
nn_tensor nn_new_rows(nn_ctx *c, int rows, int cols);
nn_tensor nn_part_rows(nn_ctx *c, nn_tensor x, int from, int count);
void      nn_front_rows(nn_ctx *c, nn_tensor x, int from, int count);
int       nn_items(nn_tensor t);
int       nn_cols(nn_tensor t);
int       nn_width(nn_tensor t);
int       nn_rows(nn_ctx *c, nn_tensor t, int item);    /* 0 after an error */
/* Item's rows * width * cols floats; `count` must be exactly that. Zeros while planning, nothing after an error. */
void      nn_read(nn_ctx *c, nn_tensor t, int item, float *out, size_t count);
void      nn_read_channels_first(nn_ctx *c, nn_tensor t, int item, float *out, size_t count); /* [cols][rows * width] */

typedef struct {
    size_t   top;
    uint32_t starts;
} nn_mark_t;

nn_mark_t nn_mark(nn_ctx *c);
nn_tensor nn_keep(nn_ctx *c, nn_mark_t mark, nn_tensor t);          /* drop all since the mark except t, which moves */
void      nn_keep_all(nn_ctx *c, nn_mark_t mark, nn_tensor *const *t, int n);   /* the same for several */
void      nn_tap(nn_ctx *c, nn_tensor t, const char *fmt, ...) HSE_PRINTF(3, 4);

/* ---- layers ---- */

nn_tensor nn_linear(nn_ctx *c, const nn_linear_layer *l, nn_tensor x);
nn_tensor nn_linear_then(nn_ctx *c, const nn_linear_layer *l, nn_tensor x, nn_then then);
nn_tensor nn_conv1d(nn_ctx *c, const nn_conv1d_layer *l, nn_tensor x);
nn_tensor nn_conv1d_then(nn_ctx *c, const nn_conv1d_layer *l, nn_tensor x, nn_then then);
nn_tensor nn_conv_transpose1d(nn_ctx *c, const nn_conv_transpose1d_layer *l, nn_tensor x);
nn_tensor nn_conv_transpose1d_into(nn_ctx *c, const nn_conv_transpose1d_layer *l, nn_tensor x, nn_tensor into); /* of its shape */
nn_tensor nn_conv1d_to_one(nn_ctx *c, const nn_conv1d_to_one_layer *l, nn_tensor x);
nn_tensor nn_depthwise1d(nn_ctx *c, const nn_depthwise1d_layer *l, nn_tensor x);
nn_tensor nn_conv2d(nn_ctx *c, const nn_conv2d_layer *l, nn_tensor x);
nn_tensor nn_conv2d_then(nn_ctx *c, const nn_conv2d_layer *l, nn_tensor x, nn_then then);
nn_tensor nn_conv_transpose2d(nn_ctx *c, const nn_conv_transpose2d_layer *l, nn_tensor x);
/* alpha * the sum of what n stacks make of x, into `out` (from nn_new, another tensor); lengths stay. */
nn_tensor nn_res_stacks1d(nn_ctx *c, int n, const nn_res_stack *stacks, float slope, float alpha, nn_tensor x,
                          nn_tensor out);
/* For one item: only rows `from` on of that, as many as out has. */
nn_tensor nn_res_stacks1d_rows(nn_ctx *c, int n, const nn_res_stack *stacks, float slope, float alpha, nn_tensor x, int from,
                               nn_tensor out);

/* Grids: 2-D data whose rows end in a position of no meaning, the gap. Read as zero it stands right of its row and left
 * of the next, so that a 3 x 3 kernel is 9 taps on the flattened positions. width counts the gap; zeros stand outside.
 * Taps are called `name`.bn1, .conv1, .conv2 and show the gap too. */
nn_tensor nn_grid_block_run(nn_ctx *c, const nn_grid_block *b, nn_tensor x, const char *name);
/* H rows of W positions (and the gap) -> 2H rows of 2W + 1 positions and the gap, into the first columns of `into`. */
nn_tensor nn_grid_up_run(nn_ctx *c, const nn_grid_up *u, nn_tensor x, nn_tensor into, const char *name);
nn_tensor nn_grid_pool(nn_ctx *c, nn_tensor x);    /* mean of 2 x 2; an odd last row or position is dropped */
/* A tensor of the items and rows of x, each item's rows times `times`, of other width and columns; content undefined. */
nn_tensor nn_grid_new(nn_ctx *c, nn_tensor x, int times, int width, int cols);
nn_tensor nn_copy_cols(nn_ctx *c, nn_tensor x, nn_tensor into, int col);   /* x into columns of another of its shape */
/* Rows [from, from + n) of x to the rows `at` on of `into`; both are dense and of one item. */
void      nn_copy_rows(nn_ctx *c, nn_tensor x, int from, int n, nn_tensor into, int at);
/* The last layer's outputs, [rows, directions * hidden]: forward first. state: NULL, or the start state (NN_NONE =
 * zeros), replaced by the final one (of each item's own last row; the backward direction's is at its first row). */
nn_tensor nn_lstm(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, nn_state *state);
nn_tensor nn_gru(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, nn_state *state);
/* nn_lstm over nn_gather_rows(c, x, items of x, counts, index), with the same bits; but the input's share of the
 * gates is computed once for each row of x, not for each of its copies. Every index is a row of x. */
nn_tensor nn_lstm_gathered(nn_ctx *c, const nn_rnn_layer *l, nn_tensor x, const int *counts, const int *index,
                           nn_state *state);
nn_tensor nn_layer_norm(nn_ctx *c, const nn_norm *n, nn_tensor x);
nn_tensor nn_batch_norm(nn_ctx *c, const nn_norm *n, nn_tensor x);
/* per item and channel over all positions; scale may be NULL */
nn_tensor nn_instance_norm(nn_ctx *c, const nn_norm *n, nn_tensor x);
nn_tensor nn_group_norm(nn_ctx *c, const nn_norm *n, nn_tensor x, int groups);
nn_tensor nn_embedding(nn_ctx *c, const nn_table *e, int items, const int *counts, const int32_t *const *ids);
/* relu(h) sig(g) + x (1 - sig(g)) */
nn_tensor nn_highway(nn_ctx *c, const nn_linear_layer *h, const nn_linear_layer *g, nn_tensor x);
/* q: [queries, width], k and v: [keys, width]; item by item. */
nn_tensor nn_attention(nn_ctx *c, nn_tensor q, nn_tensor k, nn_tensor v, int heads);
nn_tensor nn_attention_with(nn_ctx *c, nn_tensor q, nn_tensor k, nn_tensor v, const nn_attention_options *opt);

/* ---- element by element ---- */

nn_tensor nn_act(nn_ctx *c, nn_tensor x, k_act act, float slope);
nn_tensor nn_relu(nn_ctx *c, nn_tensor x);
nn_tensor nn_leaky_relu(nn_ctx *c, nn_tensor x, float slope);
nn_tensor nn_tanh(nn_ctx *c, nn_tensor x);
nn_tensor nn_sigmoid(nn_ctx *c, nn_tensor x);
nn_tensor nn_gelu(nn_ctx *c, nn_tensor x);
nn_tensor nn_silu(nn_ctx *c, nn_tensor x);
nn_tensor nn_add(nn_ctx *c, nn_tensor a, nn_tensor b);              /* NN_NONE + b = b, so that a sum can start empty */
nn_tensor nn_mul(nn_ctx *c, nn_tensor a, nn_tensor b);
nn_tensor nn_max(nn_ctx *c, nn_tensor a, nn_tensor b);
nn_tensor nn_scale(nn_ctx *c, nn_tensor x, float a);
nn_tensor nn_scale_shift(nn_ctx *c, nn_tensor x, float a, float b); /* a x + b */
nn_tensor nn_add_vector(nn_ctx *c, nn_tensor x, nn_tensor v); /* v: one row an item, added to each of the item's rows */
nn_tensor nn_append_vector(nn_ctx *c, nn_tensor x, nn_tensor v);    /* the same, appended as columns */
nn_tensor nn_gate(nn_ctx *c, nn_tensor x, nn_tensor v);     /* columns [a | b] of nn_add_vector(x, v) -> tanh(a) sigmoid(b) */

/* ---- rows and columns ---- */

nn_tensor nn_softmax(nn_ctx *c, nn_tensor x);                       /* over the columns */
/* each row / max(|row|, eps); a zero row with eps 0 gives NaN */
nn_tensor nn_l2_normalise(nn_ctx *c, nn_tensor x, float eps);
nn_tensor nn_mean_rows(nn_ctx *c, nn_tensor x);                  /* one row an item; an item without rows is an error */
nn_tensor nn_magnitude(nn_ctx *c, nn_tensor x);                     /* columns [re | im] -> sqrt(re^2 + im^2) */
nn_tensor nn_max_pool2(nn_ctx *c, nn_tensor x);                     /* y[t] = max(x[t-1], x[t]), y[0] = x[0] */
nn_tensor nn_concat(nn_ctx *c, int n, const nn_tensor *parts);      /* columns side by side */
nn_tensor nn_slice_cols(nn_ctx *c, nn_tensor x, int from, int n);   /* a view: nothing is copied */
nn_tensor nn_reverse_cols(nn_ctx *c, nn_tensor x);                  /* the last column first */
nn_tensor nn_slice_rows(nn_ctx *c, nn_tensor x, const int *from, const int *count);     /* per item */
nn_tensor nn_pad_rows(nn_ctx *c, nn_tensor x, int left, int right, nn_pad pad, float value);
/* row r counts[r] times; counts for all rows of all items */
nn_tensor nn_repeat_rows(nn_ctx *c, nn_tensor x, const int *counts);
/* Item i of the result has counts[i] rows: copies of the rows of x (numbered through all items) that `index` lists;
 * -1 = zeros. */
nn_tensor nn_gather_rows(nn_ctx *c, nn_tensor x, int items, const int *counts, const int *index);
/* the same numbers; rows * width * cols of an item stay */
nn_tensor nn_reshape(nn_ctx *c, nn_tensor x, int width, int cols);

#endif
