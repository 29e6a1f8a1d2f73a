#include "base/arena.h"

#include "base/mem.h"

#include <string.h>

struct hse_arena_block {
    hse_arena_block *next;
    size_t           used, size;
    _Alignas(16) unsigned char data[];
};

enum { ALIGN = 16, FIRST_BLOCK = 4096, MAX_BLOCK = 1 << 20 };

void hse_arena_init(hse_arena *a, size_t ceiling)
{
    *a = (hse_arena){.ceiling = ceiling};
}

void hse_arena_free(hse_arena *a)
{
    while (a->blocks) {
        hse_arena_block *next = a->blocks->next;
        hse_free(a->blocks);
        a->blocks = next;
    }
    a->total = 0;
}

void hse_arena_reset(hse_arena *a)
{
    hse_arena_block *newest = a->blocks;

    if (!newest)
        return;
    a->blocks = newest->next;
    hse_arena_free(a);
    newest->next = NULL;
    newest->used = 0;
    a->blocks = newest;
}

void *hse_arena_alloc(hse_arena *a, size_t size)
{
    hse_arena_block *b = a->blocks;
    size_t need;

    if (!hse_add_size(size ? size : 1, ALIGN - 1, &need))
        return NULL;
    need &= ~(size_t)(ALIGN - 1);
    if (need > a->ceiling || a->total > a->ceiling - need)
        return NULL;
    if (!b || b->size - b->used < need) {
        size_t block = !b ? FIRST_BLOCK : b->size >= MAX_BLOCK / 2 ? MAX_BLOCK : b->size * 2;
        if (block < need)
            block = need;
        size_t bytes;
        if (!hse_add_size(block, sizeof *b, &bytes) || !(b = hse_alloc_aligned(ALIGN, bytes)))
            return NULL;
        *b = (hse_arena_block){.next = a->blocks, .size = block};
        a->blocks = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    a->total += need;
    memset(p, 0, need);
    return p;
}

void *hse_arena_array(hse_arena *a, size_t count, size_t size)
{
    size_t bytes;

    return hse_mul_size(count, size, &bytes) ? hse_arena_alloc(a, bytes) : NULL;
}

void *hse_arena_grow(hse_arena *a, void *list, size_t count, size_t *room, size_t size)
{
    size_t more = *room ? 2 * *room : 8;
    void *wider;

    if (count < *room)
        return list;
    if ((wider = hse_arena_array(a, more, size)) == NULL)
        return NULL;
    if (count)
        memcpy(wider, list, count * size);
    *room = more;
    return wider;
}

char *hse_arena_strndup(hse_arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = hse_arena_alloc(a, len + 1);

    if (copy)
        memcpy(copy, s, len);
    return copy;
}
