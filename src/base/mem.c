#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

void *(hse_alloc)(size_t size)
{
    return fault() ? NULL : malloc(size ? size : 1);
}

void *(hse_calloc)(size_t count, size_t size)
{
    return fault() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *(hse_realloc)(void *p, size_t size)
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

char *(hse_strndup)(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = len < SIZE_MAX ? hse_alloc(len + 1) : NULL;

    if (copy) {
        memcpy(copy, s, len);
        copy[len] = '\0';
    }
    return copy;
}

char *(hse_strdup)(const char *s)
{
    return hse_strndup(s, SIZE_MAX);
}

void hse_free(void *p)
{
    free(p);
}

/* Huge pages where the system offers them: an arena is touched from end to end, and a fault for each 4 KiB would cost more
 * than many of the operations that work in it. */
enum { HUGE_FROM = 4 << 20 };

static _Atomic size_t pages_held;

static bool whole_pages(size_t size, size_t *out)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), padded;

    if (!hse_add_size(size ? size : 1, page - 1, &padded))
        return false;
    *out = padded & ~(page - 1);
    return true;
}

void *hse_pages_alloc(size_t size)
{
    size_t bytes;

    if (fault() || !whole_pages(size, &bytes))
        return NULL;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (bytes >= HUGE_FROM)
        madvise(p, bytes, MADV_HUGEPAGE);
    atomic_fetch_add(&pages_held, bytes);
    return p;
}

void *hse_pages_resize(void *p, size_t old_size, size_t size)
{
    size_t old_bytes, bytes;

    if (fault() || !whole_pages(old_size, &old_bytes) || !whole_pages(size, &bytes))
        return NULL;
    void *q = mremap(p, old_bytes, bytes, MREMAP_MAYMOVE);
    if (q == MAP_FAILED)
        return NULL;
    if (bytes >= HUGE_FROM)
        madvise(q, bytes, MADV_HUGEPAGE);
    atomic_fetch_add(&pages_held, bytes - old_bytes);       /* wraps to a subtraction when it shrinks */
    return q;
}

void hse_pages_free(void *p, size_t size)
{
    size_t bytes;

    if (!p || !whole_pages(size, &bytes))
        return;
    munmap(p, bytes);
    atomic_fetch_sub(&pages_held, bytes);
}

size_t hse_pages_total(void)
{
    return atomic_load(&pages_held);
}

/* Sanitizers have a heap of their own. The C library's is never set up then, and two threads that trim it at once do that in each
 * other's way: one reads a null pointer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void hse_mem_trim(void)
{
}
#else
void hse_mem_trim(void)
{
    malloc_trim(0);
}
#endif
