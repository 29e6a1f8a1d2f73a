/* weights.h - the named tensors of a checkpoint, whatever file format they come in.
 *
 * A reader (torch zip and legacy, safetensors, npz, onnx, CTranslate2) fills one plain table: name, dtype, shape, strides, and where
 * the bytes are. Nothing in the table is a pointer into the file; numbers are taken out with hse_weights_read_f32,
 * which converts, and checks again. Nested containers of a torch file are flattened with dots
 * ("model_state.lstm.weight_ih_l0"); a file that is one bare array (npy, a torch file of one tensor) has the name "".
 * An ONNX constant has its node's output name. Keys that are neither strings nor integers, and objects that are
 * neither arrays nor plain values, are left out.
 *
 * A zip entry's CRC is checked the first time something of it is read (about 0.4 ms a MB, once), not while opening.
 *
 * Ownership  hse_weights_open maps the file and keeps it mapped until hse_weights_close.
 * Errors     HSE_E_FORMAT with the byte offset, HSE_E_LIMIT over a limit, HSE_E_UNSUPPORTED for a format or dtype by
 *            name.
 * Threads    once open, all calls but hse_weights_close may run at the same time. */
#ifndef HSE_FORMATS_WEIGHTS_H
#define HSE_FORMATS_WEIGHTS_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>

enum { HSE_MAX_RANK = 8 };

typedef enum {
    HSE_F32, HSE_F64, HSE_F16, HSE_BF16, HSE_I8, HSE_U8, HSE_I16, HSE_U16, HSE_I32, HSE_U32, HSE_I64, HSE_U64, HSE_BOOL,
} hse_dtype;

typedef struct {
    const char *name;                   /* UTF-8, owned by the table */
    hse_dtype   dtype;
    int         rank;                   /* 0 (a scalar) to HSE_MAX_RANK */
    uint64_t    dim[HSE_MAX_RANK];
    uint64_t    stride[HSE_MAX_RANK];   /* in elements; C order unless the file holds a view */
    uint64_t    count;                  /* product of dim, checked */
    uint64_t    offset;                 /* first element: byte offset inside `part` */
    uint32_t    part;                   /* which run of bytes of the file: a zip entry, a storage */
} hse_weight;

typedef struct hse_weights hse_weights;

typedef struct {
    uint64_t max_tensors;               /* 0 = 65,536 */
    uint64_t max_header_bytes;          /* 0 = 16 MiB: JSON header, pickle, directory */
    uint64_t max_inflated_bytes;        /* 0 = 4 GiB: what deflated entries may unpack to in all */
} hse_weights_limits;

/* A path that ends in ".index.json" (model.safetensors.index.json) opens the files that its "weight_map" names, which stand
 * beside it, as one table. */
hse_status hse_weights_open(hse_weights **out, const char *path, const hse_weights_limits *limits, hse_error *err);
/* The same over bytes that outlive the table (tests, fuzzing, a memory-mapped parent). `name` is used in messages. */
hse_status hse_weights_open_bytes(hse_weights **out, hse_bytes file, const char *name, const hse_weights_limits *limits,
                                  hse_error *err);
void hse_weights_close(hse_weights **w);

const char       *hse_weights_format(const hse_weights *w);                 /* "torch zip", "safetensors", ... */
size_t            hse_weights_count(const hse_weights *w);
const hse_weight *hse_weights_at(const hse_weights *w, size_t i);           /* i < count; in the file's order */
const hse_weight *hse_weights_find(const hse_weights *w, const char *name); /* NULL when absent; by hash */

/* A plain value of the file: what stands in a torch file's nested dicts beside the tensors (an OpenAI checkpoint's
 * "dims.n_mels"), or a safetensors metadata string ("__metadata__.format"). Bools are the integers 0 and 1; an integer
 * is also a real. False when absent or of another type. Values inside lists, and those after the first 65,536, are not
 * kept. */
bool hse_weights_int(const hse_weights *w, const char *name, int64_t *out);
bool hse_weights_real(const hse_weights *w, const char *name, double *out);
bool hse_weights_text(const hse_weights *w, const char *name, const char **out);

/* All `weight->count` elements in C order as float32 (any dtype converts; bfloat16 and half exactly). */
hse_status hse_weights_read_f32(const hse_weights *w, const hse_weight *weight, float *out, hse_error *err);
/* The same as integers, exact: a float dtype, or a value outside int32, is HSE_E_FORMAT. */
hse_status hse_weights_read_i32(const hse_weights *w, const hse_weight *weight, int32_t *out, hse_error *err);

/* The stored bytes themselves, little-endian, at any alignment, inside the mapped file; valid until the table is closed.
 * HSE_E_UNSUPPORTED where there are none as such: the array is packed (a deflated zip entry), or a view that is not in C
 * order. */
hse_status hse_weights_bytes(const hse_weights *w, const hse_weight *weight, hse_bytes *out, hse_error *err);

/* Give the file pages (or unpacked memory) of this tensor back; it can still be read again. */
void hse_weights_drop(const hse_weights *w, const hse_weight *weight);

const char *hse_dtype_name(hse_dtype d);                                    /* "float32" ... */
size_t      hse_dtype_size(hse_dtype d);

#endif
