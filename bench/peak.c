/* peak.c - what this core can do right now. Twelve independent chains hide the latency of a fused operation. */
#include "peak.h"

#include "kernels/kernels.h"

#include <time.h>

double bench_seconds(bool wall)
{
    struct timespec t;

    clock_gettime(wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#if defined(__x86_64__)
#define TWELVE(op, r)                                                                                                  \
    op " %%" r "12,%%" r "13,%%" r "0\n" op " %%" r "12,%%" r "13,%%" r "1\n" op " %%" r "12,%%" r "13,%%" r "2\n" op  \
       " %%" r "12,%%" r "13,%%" r "3\n" op " %%" r "12,%%" r "13,%%" r "4\n" op " %%" r "12,%%" r "13,%%" r "5\n" op  \
       " %%" r "12,%%" r "13,%%" r "6\n" op " %%" r "12,%%" r "13,%%" r "7\n" op " %%" r "12,%%" r "13,%%" r "8\n" op  \
       " %%" r "12,%%" r "13,%%" r "9\n" op " %%" r "12,%%" r "13,%%" r "10\n" op " %%" r "12,%%" r "13,%%" r "11\n"
#define CLOBBERS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"

/* The best of three stretches of some milliseconds: GFLOP/s (or 8-bit GOP/s) of one instruction. */
#define MEASURE(op, r, operations)                                                                                     \
    double best = 0;                                                                                                   \
    __asm__ volatile("vxorps %%xmm12,%%xmm12,%%xmm12\nvxorps %%xmm13,%%xmm13,%%xmm13" ::: "xmm12", "xmm13");           \
    for (int turn = 0; turn < 3; turn++) {                                                                             \
        double from = bench_seconds(false);                                                                            \
        for (int i = 0; i < 1000000; i++)                                                                              \
            __asm__ volatile(TWELVE(op, r)::: CLOBBERS);                                                               \
        double rate = 12e6 * (operations) / (bench_seconds(false) - from) / 1e9;                                       \
        best = rate > best ? rate : best;                                                                              \
    }                                                                                                                  \
    return best

static double fma512(void)
{
    MEASURE("vfmadd231ps", "zmm", 32);
}
static double fma256(void)
{
    MEASURE("vfmadd231ps", "ymm", 16);
}
static double bf16_512(void)
{
    MEASURE("vdpbf16ps", "zmm", 64);
}
static double int8_512(void)
{
    MEASURE("vpdpbusd", "zmm", 128);
}

bench_peak bench_measure_peak(unsigned cpu)
{
    if (cpu & HSE_CPU_AVX512_BF16)
        return (bench_peak){{fma512(), bf16_512(), int8_512()}};
    double f = cpu & HSE_CPU_AVX512 ? fma512() : cpu & HSE_CPU_AVX2 ? fma256() : 0;
    return (bench_peak){{f, f, 2 * f}};
}
#else
bench_peak bench_measure_peak(unsigned cpu)
{
    (void)cpu;
    return (bench_peak){{0, 0, 0}};
}
#endif
