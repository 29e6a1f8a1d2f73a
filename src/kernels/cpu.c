/* cpu.c - what the machine offers, and the names by which a user chooses among it. */
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* The state components that the system saves on a task switch. A set whose registers are not saved must not be used. */
static uint64_t saved_state(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

unsigned hse_cpu_detect(void)
{
    enum { OSXSAVE = 1 << 27, FMA = 1 << 12, F16C = 1 << 29, AVX = 1 << 28, YMM_STATE = 0x06, ZMM_STATE = 0xe6 };
    unsigned a, b, c, d, cpu = 0;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & OSXSAVE) == 0 || (c & AVX) == 0 || (c & FMA) == 0 || (c & F16C) == 0)
        return 0;
    uint64_t state = saved_state();
    if ((state & YMM_STATE) != YMM_STATE || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    if (b >> 5 & 1)
        cpu |= HSE_CPU_AVX2;
    const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    if (cpu == 0 || (state & ZMM_STATE) != ZMM_STATE || (b & f_dq_bw_vl) != f_dq_bw_vl)
        return cpu;
    cpu |= HSE_CPU_AVX512;
    bool vnni = c >> 11 & 1;
    if (vnni && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1))
        cpu |= HSE_CPU_AVX512_BF16;
    return cpu;
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

unsigned hse_cpu_detect(void)
{
    const unsigned long dot = 1ul << 20, bf16 = 1ul << 14; /* HWCAP_ASIMDDP, HWCAP2_BF16 of the kernel's ABI */
    unsigned cpu = HSE_CPU_NEON;

    if (getauxval(AT_HWCAP) & dot)
        cpu |= HSE_CPU_NEON_DOT;
    if (getauxval(AT_HWCAP2) & bf16)
        cpu |= HSE_CPU_NEON_BF16;
    return cpu;
}

#else
unsigned hse_cpu_detect(void)
{
    return 0;
}
#endif

hse_status hse_cpu_mask(const char *name, unsigned *mask, hse_error *err)
{
    static const struct {
        const char *name;
        unsigned needs, allows;
    } sets[] = {
        {"generic", 0, 0},
        {"avx2", HSE_CPU_AVX2, HSE_CPU_AVX2},
        {"avx512", HSE_CPU_AVX512, HSE_CPU_AVX2 | HSE_CPU_AVX512 | HSE_CPU_AVX512_BF16},
        {"neon", HSE_CPU_NEON, HSE_CPU_NEON | HSE_CPU_NEON_DOT | HSE_CPU_NEON_BF16},
        {"auto", 0, ~0u},
    };
    const char *where = "cpu";

    if (name == NULL) {
        name = getenv("HSE_CPU");
        where = "HSE_CPU";
    }
    if (name == NULL || name[0] == '\0')
        name = "auto";
    for (size_t i = 0; i < COUNT(sets); i++) {
        if (strcmp(name, sets[i].name) != 0)
            continue;
        unsigned present = hse_cpu_detect();
        if ((present & sets[i].needs) != sets[i].needs)
            return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s: this machine has no %s, it has %s", where, name,
                            hse_cpu_name(present));
        *mask = present & sets[i].allows;
        return HSE_OK;
    }
    return hse_fail(err, HSE_E_ARG, 0, "%s: \"%s\" is not one of generic, avx2, avx512, neon, auto", where, name);
}

const char *hse_cpu_name(unsigned mask)
{
    if (mask & HSE_CPU_AVX512_BF16)
        return "avx512+bf16+vnni";
    if (mask & HSE_CPU_AVX512)
        return "avx512";
    if (mask & HSE_CPU_AVX2)
        return "avx2";
    switch (mask & (HSE_CPU_NEON | HSE_CPU_NEON_DOT | HSE_CPU_NEON_BF16)) {
    case HSE_CPU_NEON | HSE_CPU_NEON_DOT | HSE_CPU_NEON_BF16: return "neon+dot+bf16";
    case HSE_CPU_NEON | HSE_CPU_NEON_DOT: return "neon+dot";
    case HSE_CPU_NEON | HSE_CPU_NEON_BF16: return "neon+bf16";
    case HSE_CPU_NEON: return "neon";
    default: return "generic";
    }
}
