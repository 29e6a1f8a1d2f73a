/* arena.h - many small allocations with one end of life (a request, a parsed file). Freed all at once; a single
 * allocation cannot be freed. A ceiling bounds the total. Not thread-safe. */
#ifndef HSE_BASE_ARENA_H
#define HSE_BASE_ARENA_H

#include <stddef.h>

typedef struct hse_arena_block hse_arena_block;

typedef struct {
    hse_arena_block *blocks;
    size_t           total, ceiling;
} hse_arena;

void  hse_arena_init(hse_arena *a, size_t ceiling);
void  hse_arena_free(hse_arena *a);                             /* the arena may be used again afterwards */
void  hse_arena_reset(hse_arena *a);                            /* all is given up, room for about as much again is kept */
void *hse_arena_alloc(hse_arena *a, size_t size);               /* zeroed, 16-byte aligned; NULL when out of memory or over the ceiling */
void *hse_arena_array(hse_arena *a, size_t count, size_t size); /* the same for count * size, checked */
/* A list of `count` items with room for one more: the list itself, or a wider copy (*room is raised). NULL: as above. */
void *hse_arena_grow(hse_arena *a, void *list, size_t count, size_t *room, size_t size);
char *hse_arena_strndup(hse_arena *a, const char *s, size_t n);

#endif
