/* pickle_internal.h - what pickle.c builds and pickle_value.c looks at. */
#ifndef HSE_FORMATS_PICKLE_INTERNAL_H
#define HSE_FORMATS_PICKLE_INTERNAL_H

#include "formats/pickle.h"

/* A pickle beyond these limits is refused, however well-formed. */
enum { MAX_MARKS = 256, MAX_MEMO = 1 << 20, MAX_OPCODES = 1 << 22 };

/* A node takes 16 bytes, since a hostile file makes one from each of its bytes. Small integers take none: a ref with
 * the top bit set is a 31-bit integer. What a, b, c mean:
 *   INT, REAL        b, c   the 64 bits
 *   STRING BYTES BIG a, b   length and offset in the pickle
 *   TUPLE            a, b   length and first index in refs[]
 *   LIST DICT        a, b, c  length, first and last index in cells[]
 *   GLOBAL, INERT    a, b, c  length and offset of the name, offset of the module; `more` is the module's length
 *   STORAGE, TENSOR  a      the argument tuple */
typedef struct {
    uint8_t  kind, known;
    uint16_t more;
    uint32_t a, b, c;
} node;

typedef struct {
    pk_ref   key, value;
    uint32_t next;              /* 0 ends the chain; cells[0] is not used */
} cell;

enum { REF_NONE, REF_FALSE, REF_TRUE, REF_EMPTY, N_FIXED };     /* nodes that every pickle has */
#define REF_UNSET (UINT32_MAX >> 1)
#define REF_SMALL ((pk_ref)1 << 31)

struct pickle {
    hse_bytes in;
    size_t    pos;
    uint64_t  at;                               /* the pickle's place in the file, for messages */
    size_t    memory, budget;
    node     *nodes;
    pk_ref   *refs, *stack, *memo;
    cell     *cells;
    size_t    n_nodes, cap_nodes, n_refs, cap_refs, n_stack, cap_stack, n_memo, cap_memo, n_cells, cap_cells;
    size_t    memo_used, marks[MAX_MARKS], n_marks;
    pk_ref    root;
    hse_error *err;
};

/* The globals that mean something. A node's `known` is 1 + the index, or 0. */
typedef struct {
    const char *module, *name;
    uint8_t     known;                          /* pk_global */
    int8_t      dtype;                          /* hse_dtype, or -1 */
} pickle_global;

extern const pickle_global pickle_globals[];

bool    pickle_equals(const uint8_t *text, size_t n, const char *word);
uint8_t pickle_find_global(const uint8_t *module, size_t module_size, const uint8_t *name, size_t name_size);

#endif
