/* bind_internal.h - what bind.c and bind_layers.c share. */
#ifndef HSE_NN_BIND_INTERNAL_H
#define HSE_NN_BIND_INTERNAL_H

#include "nn/bind.h"
#include "nn/internal.h"

#include <stdarg.h>

enum { NN_NAME_BYTES = 512, NN_MAX_DEPTH = 16, NN_MAX_SCRATCH = 16 };

typedef enum { NN_MISSING, NN_SHAPE, NN_EXTRA, NN_OTHER, NN_NOTES } nn_note_kind;

typedef struct {                            /* floats that live while a tensor is read */
    float *at;
    size_t bytes;
} nn_temp;

struct nn_binder {
    nn_binder_options  opt;
    const hse_kernels *k;
    k_weight_type      type;
    nn_presence        bias, weight_norm;
    size_t             max_bytes;
    nn_params         *params;
    uint8_t           *used;                /* for each tensor of the checkpoint */
    char               prefix[NN_NAME_BYTES];
    int                prefix_size, prefix_sizes[NN_MAX_DEPTH], depth;
    nn_temp            scratch[NN_MAX_SCRATCH];
    int                scratches;
    int                notes[NN_NOTES];
    hse_buf            report;              /* all problems */
    char               first[160];          /* the beginning of them, for the message */
    hse_error          fatal;               /* no memory, over a limit: nothing more is read */
};

void nn_note(nn_binder *b, nn_note_kind kind, const char *fmt, ...) HSE_PRINTF(3, 4);
void nn_fatal(nn_binder *b, hse_status status, const char *what);

void        *nn_params_new(nn_binder *b, size_t bytes);             /* 64-byte aligned; NULL with the fatal error set */
const float *nn_keep_floats(nn_binder *b, const float *from, size_t count);    /* a copy in the params; NULL for NULL */
nn_temp      nn_temp_new(nn_binder *b, size_t count);                  /* zeroed; at is NULL with the fatal error set */
void         nn_temp_free(nn_temp *t);

/* prefix + name; room for an ending */
bool              nn_name_v(nn_binder *b, char *out, const char *fmt, va_list args) HSE_PRINTF(3, 0);
const hse_weight *nn_find(nn_binder *b, const char *name);
void              nn_mark_used(nn_binder *b, const hse_weight *w);
/* The tensor as floats, or at NULL: absent (noted when required), another shape, not finite (noted). */
nn_temp           nn_read_tensor(nn_binder *b, const char *name, int rank, const int *dim, nn_presence presence);
bool              nn_dims_ok(nn_binder *b, const char *name, int rank, const int *dim, size_t *count);

#endif
