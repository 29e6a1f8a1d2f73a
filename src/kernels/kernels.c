/* kernels.c - the tables: plain C fills one, then each instruction set of the mask overrides, slowest first. */
#include "kernels/kernels.h"

#include <pthread.h>

enum { CPU_MASKS = 64 };

static hse_kernels tables[CPU_MASKS];
static unsigned present;
static pthread_once_t built = PTHREAD_ONCE_INIT;

/* A set is used only on top of those it extends, because they share the layout of packed weights. */
static unsigned usable(unsigned mask)
{
    if ((mask & HSE_CPU_AVX2) == 0)
        mask &= ~(unsigned)HSE_CPU_AVX512;
    if ((mask & HSE_CPU_AVX512) == 0)
        mask &= ~(unsigned)HSE_CPU_AVX512_BF16;
    if ((mask & HSE_CPU_NEON) == 0)
        mask &= ~(unsigned)(HSE_CPU_NEON_DOT | HSE_CPU_NEON_BF16);
    return mask;
}

static void build(void)
{
    present = hse_cpu_detect();
    for (unsigned mask = 0; mask < CPU_MASKS; mask++) {
        hse_kernels *k = &tables[mask];

        if ((mask & ~present) != 0 || usable(mask) != mask)
            continue;
        k->cpu = mask;
        hse_kernels_generic(k);
#if defined(__x86_64__)
        if (mask & HSE_CPU_AVX2)
            hse_kernels_avx2(k);
        if (mask & HSE_CPU_AVX512)
            hse_kernels_avx512(k);
        if (mask & HSE_CPU_AVX512_BF16)
            hse_kernels_avx512_bf16(k);
#elif defined(__aarch64__)
        if (mask & HSE_CPU_NEON)
            hse_kernels_neon(k);
#endif
        k->name = hse_cpu_name(mask);
    }
}

const hse_kernels *hse_kernels_get(unsigned mask)
{
    pthread_once(&built, build);
    return &tables[usable(mask & present)];
}
