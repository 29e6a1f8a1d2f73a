#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t countdown;      /* allocations left until the fault; 0 = no fault armed */
static _Atomic bool     stick, struck;

void hse_mem_fail_at(uint64_t n, bool sticky)
{
    atomic_store(&struck, false);
    atomic_store(&stick, sticky);
    atomic_store(&countdown, n);
}

bool hse_mem_failed(void)
{
    return atomic_load(&struck);
}

static bool fault(void)
{
    uint64_t left = atomic_load_explicit(&countdown, memory_order_relaxed);

    if (left == 0)
        return false;
    while (left > 1)
        if (atomic_compare_exchange_weak(&countdown, &left, left - 1))
            return false;
    if (left == 0)
        return false;
    atomic_store(&struck, true);
    if (!atomic_load(&stick))
        atomic_store(&countdown, 0);
    return true;
}

void *hse_alloc(size_t size)
{
    return fault() ? NULL : malloc(size ? size : 1);
}

void *hse_calloc(size_t count, size_t size)
{
    return fault() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *hse_realloc(void *p, size_t size)
{
    return fault() ? NULL : realloc(p, size ? size : 1);
}

void *hse_alloc_aligned(size_t alignment, size_t size)
{
    size_t padded;

    if (fault() || !hse_add_size(size ? size : 1, alignment - 1, &padded))
        return NULL;
    return aligned_alloc(alignment, padded & ~(alignment - 1));
}

char *hse_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = len < SIZE_MAX ? hse_alloc(len + 1) : NULL;

    if (copy) {
        memcpy(copy, s, len);
        copy[len] = '\0';
    }
    return copy;
}

char *hse_strdup(const char *s)
{
    return hse_strndup(s, SIZE_MAX);
}

void hse_free(void *p)
{
    free(p);
}
