/* clock.h - monotonic time for intervals and deadlines. Never wall-clock time, which may jump. */
#ifndef HSE_BASE_CLOCK_H
#define HSE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t hse_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t hse_now_ms(void)
{
    return hse_now_ns() / 1000000u;
}

#endif
