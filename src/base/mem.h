/* mem.h - allocation that tests can make fail, and arithmetic that cannot wrap.
 *
 * All memory of the library comes from these calls. Sizes that come from outside go through hse_mul_size/hse_add_size
 * first. Thread-safe. */
#ifndef HSE_BASE_MEM_H
#define HSE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *hse_alloc(size_t size) __attribute__((malloc));               /* size 0 gives a pointer that may be freed */
void *hse_calloc(size_t count, size_t size);                        /* NULL when count * size wraps */
void *hse_realloc(void *p, size_t size);                            /* on failure p is still yours */
void *hse_alloc_aligned(size_t alignment, size_t size);             /* alignment: a power of two; free with hse_free */
char *hse_strdup(const char *s);
char *hse_strndup(const char *s, size_t n);
void  hse_free(void *p);                                            /* NULL is fine */
/* What an analyser knows of the C library's (what is zeroed, what is lost), it then knows of these. Not of hse_free: a count
 * of references is beyond it, and it would take each release for the last one. */
#ifdef __clang_analyzer__
#include <stdlib.h>
#include <string.h>
#define hse_alloc(size)         malloc(size)
#define hse_calloc(count, size) calloc(count, size)
#define hse_realloc(p, size)    realloc(p, size)
#define hse_strdup(s)           strdup(s)
#define hse_strndup(s, n)       strndup(s, n)
#endif

/* Whole zeroed pages straight from the system, for blocks of megabytes that grow (resize may move them; on failure p is
 * still yours) and that are given back at once. The caller remembers the size; it is rounded up to pages inside. `total` is
 * what is held now, by all threads. They obey fault injection too. */
void  *hse_pages_alloc(size_t size);
void  *hse_pages_resize(void *p, size_t old_size, size_t size);
void   hse_pages_free(void *p, size_t size);                        /* NULL is fine */
size_t hse_pages_total(void);

/* Gives what was freed and is still held back to the system. After something large; costs some 100 us. */
void hse_mem_trim(void);

/* Fault injection: from now on, allocation number n (1 = the next one) fails, once, or for ever when `sticky`. n = 0
 * switches it off. hse_mem_failed() says whether the fault has struck since. Counts every thread's allocations. */
void hse_mem_fail_at(uint64_t n, bool sticky);
bool hse_mem_failed(void);

/* *out = a * b, a + b; false (and *out untouched) when the result does not fit. */
static inline bool hse_mul_size(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline bool hse_add_size(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline bool hse_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

#endif
