/* table.h - what a format's reader fills: the table behind hse_weights. Internal to src/formats.
 *
 * A reader says which runs of bytes ("parts") the file has and which arrays lie in them; every check that all formats
 * share is made here once: names (UTF-8, no duplicates), rank, products of dimensions, the range of a strided view. */
#ifndef HSE_FORMATS_TABLE_H
#define HSE_FORMATS_TABLE_H

#include "base/arena.h"
#include "base/file.h"
#include "formats/names.h"
#include "formats/weights.h"
#include "formats/zip.h"

#include <pthread.h>
#include <stdatomic.h>

typedef enum {
    PART_RAW,                   /* the bytes of the file */
    PART_DEFLATED,              /* a raw deflate stream */
    PART_PROTO,                 /* a repeated field of an ONNX TensorProto; see onnx.c */
    PART_SHARD,                 /* a part of another file; see shards.c */
} part_kind;

typedef struct {
    uint64_t     offset, stored;        /* where in the file, and how many bytes there */
    uint64_t     size;                  /* bytes once unpacked: what weights' offsets count in */
    uint32_t     crc;
    uint8_t      kind;                  /* part_kind */
    uint8_t      dtype;                 /* PART_PROTO: hse_dtype to unpack to */
    bool         has_crc;
    _Atomic bool checked;               /* the CRC was compared and is right */
    uint32_t     shard, shard_part;     /* PART_SHARD: which file, and which part of its table */
} weights_part;

typedef struct {
    const char *name, *text;            /* text: a string; NULL: an integer (bools are 0 and 1) */
    double      real;
    int64_t     integer;
    bool        is_real;
} weights_scalar;

/* The unpacked bytes of one part, kept until another is needed or the caller drops it. Behind a pointer, so that a
 * const table can use it under its lock. */
typedef struct {
    pthread_mutex_t lock;
    uint8_t        *data;
    uint32_t        part;
} weights_cache;

struct hse_weights {
    const char        *format;
    char              *path;            /* for messages */
    hse_map            map;
    hse_bytes          file;
    hse_weights_limits limits;          /* defaults filled in */
    hse_weight        *items;
    weights_part      *parts;
    weights_scalar    *scalars;
    size_t             n_items, cap_items, n_parts, cap_parts, n_scalars, cap_scalars;
    uint64_t           unpack_cost;     /* bytes to unpack when every array is read once, in the worst order */
    name_index         item_index, scalar_index;
    hse_arena          strings;
    weights_cache     *cache;
    hse_weights      **shards;          /* the files that an index names; NULL: this table is one file's */
    size_t             n_shards;
};

/* More elements than the part holds are possible in a view with stride 0; beyond this many they are refused. */
enum { MAX_REPEATED_ELEMENTS = 1 << 20, MAX_SCALARS = 65536 };

hse_status table_add_part(hse_weights *w, const weights_part *part, uint32_t *number, hse_error *err);

/* Enter an array. `item` brings dtype, rank, dim, stride, offset, part; name and count are set here. `at` is the place
 * in the file that messages name. table_c_strides fills the strides of C order. */
hse_status table_add(hse_weights *w, const hse_weight *item, const char *name, size_t length, uint64_t at,
                     hse_error *err);
void       table_c_strides(hse_weight *item);

/* Plain values. Of more than MAX_SCALARS the later ones are not kept. */
hse_status table_add_scalar(hse_weights *w, const weights_scalar *value, const char *name, size_t length,
                            const char *text, size_t text_length, uint64_t at, hse_error *err);

/* One reader per format: fills the table from w->file. */
hse_status torch_zip_read(hse_weights *w, const zip_archive *z, hse_error *err);
hse_status npz_read(hse_weights *w, const zip_archive *z, hse_error *err);
hse_status torch_legacy_read(hse_weights *w, hse_error *err);
hse_status safetensors_read(hse_weights *w, hse_error *err);
hse_status npy_read(hse_weights *w, hse_error *err);
hse_status onnx_read(hse_weights *w, hse_error *err);
hse_status ctranslate2_read(hse_weights *w, hse_error *err);
bool       ctranslate2_probe(hse_bytes file);

/* An index of shards: w->path says where it is. */
bool       shards_is_index(const char *path);
hse_status shards_read(hse_weights *w, hse_error *err);
/* The entry of an item in its own file's table. */
hse_weight shards_item(const hse_weights *w, const hse_weight *item, const hse_weights **shard);

/* Unpack a PART_PROTO part to `out` (part->size bytes). */
hse_status onnx_unpack(hse_bytes file, const weights_part *part, uint8_t *out, hse_error *err);

/* n elements that stand one after another, at any alignment. */
void table_floats(hse_dtype dtype, const uint8_t *p, float *out, size_t n);

#endif
