/* names.h - from a name to its number, for tables of up to 2^32 - 2 names that come from a hostile file.
 *
 * The hash is keyed with a random seed (SipHash-2-4), so a file cannot be made whose names collide and turn the lookup
 * quadratic. The index holds no names: the owner's function gives name number i. Not thread-safe while adding. */
#ifndef HSE_FORMATS_NAMES_H
#define HSE_FORMATS_NAMES_H

#include "base/status.h"

#include <stdbool.h>

typedef struct {
    uint32_t hash, number;          /* number: 1 + the name's number; 0 = free */
} name_slot;

typedef const char *name_at(const void *owner, size_t i, size_t *length);

typedef struct {
    uint64_t    seed[2];
    name_slot  *slots;
    size_t      capacity, count;    /* capacity is a power of two, at most half full */
    name_at    *at;
    const void *owner;
} name_index;

enum { NAME_NONE = -1, NAME_NO_MEMORY = -2 };

void    name_index_init(name_index *x, name_at *at, const void *owner);
void    name_index_free(name_index *x);
/* The number of `name`, or NAME_NONE. */
int64_t name_index_find(const name_index *x, const char *name, size_t length);
/* Enter `name` as number i. NAME_NONE: done; >= 0: that number has the same name already and nothing was entered;
 * NAME_NO_MEMORY. */
int64_t name_index_add(name_index *x, const char *name, size_t length, size_t i);

/* A file's text in a message: at most 80 bytes of it, unprintable bytes as '?'. */
typedef struct {
    char text[84];
} quoted;
quoted name_quote(const char *text, size_t length);

#endif
