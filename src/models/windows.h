/* windows.h - audio of long inputs in windows of bounded memory, for networks whose every sample sees a bounded number of
 * frames. What is wanted of each item is cut into pieces that go in with so many frames to both sides; pieces of several
 * items share a pass; the samples are those of the whole, bit for bit. */
#ifndef HSE_MODELS_WINDOWS_H
#define HSE_MODELS_WINDOWS_H

#include "nn/nn.h"

/* What an item asks for and gets. */
typedef struct {
    size_t     frames, from, to;            /* how many there are; what is wanted: from < to <= frames */
    float     *wave;                        /* (to - from) * hop samples and, where to == frames, the tail (hse_free) */
    size_t     samples;
    hse_status status;
    hse_error  error;
} windows_audio;

enum { WINDOWS_PIECES = 32 };               /* in a pass, at most */

typedef struct {
    windows_audio *audio;
    size_t         item;                    /* whose it is */
    size_t         from, to, first, last;   /* frames wanted, frames that go in */
} windows_piece;

typedef struct {
    size_t      window, context;            /* frames of a window, and what its samples see to each side */
    size_t      hop, tail;                  /* samples a frame, and beyond the last */
    hse_status (*run)(void *user, const windows_piece *pieces, int n, hse_error *err);     /* calls windows_take for each */
    void       *user;
} windows;

/* n items, `stride` bytes from one to the next; those whose status is an error already are left alone. A result with a number
 * that is none becomes the item's error. The return value is for what concerns all; no item has a wave then. */
hse_status windows_run(const windows *w, windows_audio *first, size_t stride, size_t n, hse_error *err);

/* Copies what is wanted of a piece from `wave`, whose first sample is that of frame `first`. */
void windows_take(const windows *w, const windows_piece *p, const float *wave, size_t first);

/* Frames of a piece, counted from its first, that are still there on its way through a network. */
typedef struct {
    int from, to;
} windows_span;

/* Of each item of x what the wanted frames still see, `reach` frames to each side; x has `rate` rows a frame (and a few more
 * behind the last, which stay with it). s is updated. */
nn_tensor windows_cut(nn_ctx *c, nn_tensor x, int rate, int reach, const windows_piece *p, windows_span *s);

#endif
