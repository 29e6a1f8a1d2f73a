#include "formats/names.h"

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_CAPACITY = 64 };

static uint32_t hash(const uint64_t seed[2], const char *name, size_t length)
{
    uint64_t h = hse_hash(seed, name, length);

    return (uint32_t)(h ^ h >> 32);
}

void name_index_init(name_index *x, name_at *at, const void *owner)
{
    *x = (name_index){.at = at, .owner = owner};
    hse_hash_seed(x->seed);
}

void name_index_free(name_index *x)
{
    hse_free(x->slots);
    x->slots = NULL;
    x->capacity = x->count = 0;
}

/* The slot that holds the name, or the free one where it belongs. */
static name_slot *probe(const name_index *x, uint32_t h, const char *name, size_t length)
{
    for (size_t i = h & (x->capacity - 1);; i = (i + 1) & (x->capacity - 1)) {
        name_slot *slot = &x->slots[i];
        size_t n = 0;
        if (slot->number == 0)
            return slot;
        if (slot->hash != h)
            continue;
        const char *other = x->at(x->owner, slot->number - 1, &n);
        if (n == length && memcmp(other, name, n) == 0)
            return slot;
    }
}

static bool grow(name_index *x)
{
    size_t capacity = x->capacity ? x->capacity * 2 : FIRST_CAPACITY;
    name_slot *slots = hse_calloc(capacity, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < x->capacity; i++) {
        if (x->slots[i].number == 0)
            continue;
        size_t to = x->slots[i].hash & (capacity - 1);
        while (slots[to].number)
            to = (to + 1) & (capacity - 1);
        slots[to] = x->slots[i];
    }
    hse_free(x->slots);
    x->slots = slots;
    x->capacity = capacity;
    return true;
}

int64_t name_index_find(const name_index *x, const char *name, size_t length)
{
    if (x->count == 0)
        return NAME_NONE;
    return (int64_t)probe(x, hash(x->seed, name, length), name, length)->number - 1;
}

int64_t name_index_add(name_index *x, const char *name, size_t length, size_t i)
{
    if (i >= UINT32_MAX - 1 || (x->count >= x->capacity / 2 && !grow(x)))
        return NAME_NO_MEMORY;
    uint32_t h = hash(x->seed, name, length);
    name_slot *slot = probe(x, h, name, length);
    if (slot->number)
        return (int64_t)slot->number - 1;
    *slot = (name_slot){.hash = h, .number = (uint32_t)i + 1};
    x->count++;
    return NAME_NONE;
}

quoted name_quote(const char *text, size_t length)
{
    quoted q = {{0}};
    size_t n = length < 80 ? length : 80;

    for (size_t i = 0; i < n; i++)
        q.text[i] = (uint8_t)text[i] >= 0x20 && (uint8_t)text[i] < 0x7f ? text[i] : '?';
    if (length > n)
        memcpy(q.text + n, "...", 4);
    return q;
}
