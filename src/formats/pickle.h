/* pickle.h - reads a pickle (protocols 2 to 5) as data. Nothing is imported and nothing is called.
 *
 * The opcodes that build plain values are executed; globals are names, of which a dozen are known. REDUCE of a known
 * tensor function gives a PK_TENSOR that remembers its arguments; REDUCE, NEWOBJ and BUILD of anything unknown give an
 * inert object. Every other opcode is refused by name.
 *
 * A value is a pk_ref. Strings point into the pickle's bytes, which must outlive the result. */
#ifndef HSE_FORMATS_PICKLE_H
#define HSE_FORMATS_PICKLE_H

#include "base/bytes.h"
#include "base/status.h"

typedef uint32_t pk_ref;

typedef enum {
    PK_NONE, PK_BOOL, PK_INT, PK_REAL, PK_STRING, PK_BYTES,
    PK_BIG,                     /* an integer beyond 64 bits: its little-endian bytes */
    PK_TUPLE, PK_LIST, PK_DICT,
    PK_GLOBAL,                  /* a class or function, by name */
    PK_STORAGE,                 /* a persistent id: pk_arguments gives its tuple */
    PK_TENSOR,                  /* a call of a tensor function: pk_known and pk_arguments */
    PK_INERT,                   /* an object that is neither of these; pk_name may give its class */
} pk_kind;

typedef enum {
    PKG_UNKNOWN,
    PKG_ORDERED_DICT, PKG_DEFAULT_DICT, PKG_SIZE,
    PKG_REBUILD, PKG_REBUILD_V2, PKG_REBUILD_V3, PKG_PARAMETER,
    PKG_STORAGE_TYPED,          /* torch.FloatStorage and its like: pk_dtype */
    PKG_STORAGE_BYTES,          /* torch.storage.UntypedStorage */
    PKG_DTYPE,                  /* torch.float32 and its like: pk_dtype */
} pk_global;

typedef struct pickle pickle;

/* Read the pickle at the start of `in`; *used is its length. `at` is its offset in the file and `memory` the most bytes
 * that the result may take up. */
hse_status pickle_read(pickle **out, hse_bytes in, size_t *used, uint64_t at, size_t memory, hse_error *err);
void       pickle_close(pickle **p);
pk_ref     pickle_root(const pickle *p);

pk_kind     pk_kind_of(const pickle *p, pk_ref r);
int64_t     pk_int(const pickle *p, pk_ref r);                          /* PK_INT, PK_BOOL */
double      pk_real(const pickle *p, pk_ref r);                         /* PK_REAL */
hse_bytes   pk_text(const pickle *p, pk_ref r);                         /* PK_STRING, PK_BYTES, PK_BIG */
size_t      pk_length(const pickle *p, pk_ref r);                       /* PK_TUPLE, PK_LIST, PK_DICT */
pk_ref      pk_item(const pickle *p, pk_ref tuple, size_t i);           /* PK_TUPLE, i < length */
pk_global   pk_known(const pickle *p, pk_ref r);                        /* PK_GLOBAL, PK_TENSOR */
int         pk_dtype(const pickle *p, pk_ref r);                        /* PK_GLOBAL: an hse_dtype; -1 for others */
hse_bytes   pk_module(const pickle *p, pk_ref r);                       /* PK_GLOBAL, PK_INERT: names, may be empty */
hse_bytes   pk_name(const pickle *p, pk_ref r);
pk_ref      pk_arguments(const pickle *p, pk_ref r);                    /* PK_STORAGE, PK_TENSOR: a PK_TUPLE */

/* Walk a PK_LIST or PK_DICT: start with *cursor = 0; false at the end. A list gives no key. */
bool pk_next(const pickle *p, pk_ref r, uint32_t *cursor, pk_ref *key, pk_ref *value);

/* Walk every storage that was named anywhere: start with *cursor = 0. */
bool pk_next_storage(const pickle *p, uint32_t *cursor, pk_ref *storage);

#endif
