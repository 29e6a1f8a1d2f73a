/* internal.h - what the operations share: the context's insides, memory, work on the pool. */
#ifndef HSE_NN_INTERNAL_H
#define HSE_NN_INTERNAL_H

#include "base/bytes.h"
#include "nn/nn.h"

enum { NN_RNN_BLOCK = 64 };     /* hidden units whose gates stand together, see rnn.c */
enum { NN_ALIGN = 64, NN_MAX_THREADS = 256, NN_SLOT_WORDS = NN_MAX_THREADS / 64 };

struct nn_ctx {
    const hse_kernels *k;
    hse_pool          *pool;
    int                threads;
    size_t             max_bytes;
    bool               poison;
    nn_mode            mode;
    hse_error          error;               /* status HSE_OK: none so far */

    uint8_t           *base;                /* the arena; unused while planning */
    size_t             capacity, top, peak;
    int               *lists;               /* first rows of items, row indices: real while planning too */
    size_t             lists_capacity;      /* in numbers */
    uint32_t           lists_top;

    const atomic_bool *cancel;
    uint64_t           deadline_ns;
    nn_between        *between;
    void              *between_user;
    nn_listener       *listener;
    void              *listener_user;
    _Atomic uint64_t slots[NN_SLOT_WORDS]; /* scratch areas that a task holds; at most `threads` tasks run at once */
};

/* True when an operation may start: no error, not cancelled, and the tensor (if it matters) is one. */
bool nn_start(nn_ctx *c, const char *op, nn_tensor x);
/* After a task that nn_stopped has ended: turns the reason into the error. True when the run must end. */
bool nn_check_stop(nn_ctx *c);

/* Bytes at the top of the arena; 0 is a valid place, so success is the return value. Pointers taken before are
 * stale. */
bool nn_alloc(nn_ctx *c, size_t bytes, size_t *at);
bool nn_alloc_floats(nn_ctx *c, size_t a, size_t b, size_t *at);        /* a * b floats, checked */
void nn_release(nn_ctx *c, size_t top);                                 /* what was allocated since c->top was `top` */
/* n numbers in the list memory; NULL on failure. nn_list gives the pointer, stale after the next nn_list_new. */
bool nn_list_new(nn_ctx *c, size_t n, uint32_t *list);
static inline int *nn_list(const nn_ctx *c, uint32_t list) { return c->lists + list; }

/* A new tensor of these items. Returns NN_NONE with the error set when there is no room. */
nn_tensor nn_make(nn_ctx *c, int items, uint32_t starts, int rows, int width, int cols);
nn_tensor nn_make_like(nn_ctx *c, nn_tensor like, int cols);
/* List items + 1 starts from row counts; the list of `like` is used again when it says the same. *rows: their sum. */
bool nn_starts_from(nn_ctx *c, const char *op, int items, const int *counts, const nn_tensor *like, uint32_t *starts,
                    int *rows);

/* The same for rows[i] = f(layer, rows of item i of x); a negative result is an error that f has not described: the
 * item is too short. */
bool nn_starts_map(nn_ctx *c, const char *op, nn_tensor x, long long (*f)(const void *layer, long long rows),
                   const void *layer, uint32_t *starts, int *rows);

nn_tensor nn_settle(nn_ctx *c, nn_tensor x);        /* no activation left to apply; may still be a slice of columns */
nn_tensor nn_dense(nn_ctx *c, nn_tensor x);         /* nor a slice */
bool      nn_same_rows(const nn_ctx *c, nn_tensor a, nn_tensor b);

static inline bool nn_is_none(nn_tensor t) { return t.items == 0; }
static inline bool nn_running(const nn_ctx *c) { return c->mode == NN_RUN && c->error.status == HSE_OK; }
static inline void *nn_ptr(const nn_ctx *c, size_t at) { return c->base + at; }
static inline float *nn_data(const nn_ctx *c, nn_tensor t) { return (float *)(void *)(c->base + t.at); }
static inline size_t nn_positions(nn_tensor t) { return (size_t)t.rows * (size_t)t.width; }
static inline int nn_min(int a, int b) { return a < b ? a : b; }
static inline int nn_max_int(int a, int b) { return a > b ? a : b; }
static inline size_t nn_min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t nn_align(size_t n) { return (n + NN_ALIGN - 1) & ~(size_t)(NN_ALIGN - 1); }

/* Where row `row` of an item of `rows` rows is read from, for a row outside it too: -1 = zeros, -2 = the constant. */
int nn_pad_source(nn_pad pad, int row, int rows);

/* Cut n things, each `cost` multiply-adds (or as many memory touches), into at most 4 tasks a thread: how many
 * tasks. */
int  nn_task_count(const nn_ctx *c, size_t n, double cost);
/* n rows in tiles of about the same size, at most `most` rows, as many tiles as keep `threads` threads busy to the end: the
 * rows of one, at least `least`. */
int  nn_even_tile(int n, int most, int least, int threads);
/* The part of 0..n that is task t of `tasks`. */
void nn_task_range(size_t n, int tasks, int t, size_t *from, size_t *to);
void nn_run_tasks(nn_ctx *c, int tasks, hse_task *f, void *arg);

/* Packed columns of x, through the activation that x still waits for, times the weights: the heart of all linear
 * layers and 1-D convolutions. Item i has in_starts[i + 1] - in_starts[i] rows of x and out_starts[..] rows of
 * result; row o reads the input rows o * stride - left + t * dilation. With `phases` > 1 (transposed convolution)
 * row o of an item becomes the output rows (first + o) * phases - cut onwards, `phases` of them, and what lies
 * outside the item's out_rows_starts is dropped. */
typedef struct {
    const k_packed *w;
    const float    *bias;
    nn_tensor       x;
    uint32_t        out_starts;
    int             rows;                   /* of the result, all items */
    int             kernel, dilation, stride, left;
    nn_pad          pad;
    float           pad_value;
    nn_tensor       out;                    /* ld may be larger than cols */
    nn_then         then;
    int             phases, first, cut;     /* phases 0 or 1: none of this */
} nn_gemm;

void nn_gemm_run(nn_ctx *c, const nn_gemm *g);          /* in a plan too: counts the scratch */
/* Settle and check `then` against a result of these rows; the tensor to write to (a new one, or a slice of
 * then->into). */
nn_tensor nn_then_out(nn_ctx *c, const char *op, nn_then *then, nn_tensor like, uint32_t starts, int rows, int width,
                      int cols);
bool nn_expect_cols(nn_ctx *c, const char *op, nn_tensor x, int cols);

/* Row r of the result is row index[r] of x; items and rows are those of `shape`. */
nn_tensor nn_gather_listed(nn_ctx *c, nn_tensor x, nn_tensor shape, uint32_t index);
nn_tensor nn_highway_mix(nn_ctx *c, nn_tensor x, nn_tensor gate, nn_tensor value);

/* A scratch area of one task, out of `threads` that lie one after another. */
int  nn_slot_take(nn_ctx *c);
void nn_slot_give(nn_ctx *c, int slot);

#endif
