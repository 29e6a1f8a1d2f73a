/* sets.h - for the tests of kernels: every instruction set of the machine, memory between guard pages, random numbers.
 */
#ifndef TEST_KERNELS_SETS_H
#define TEST_KERNELS_SETS_H

#include "kernels/kernels.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Runs the body with `k` set to each different table of this machine, plain C first. HSE_TEST_CPU, a number, leaves
 * only that mask. */
#define FOR_EACH_SET(k)                                                                                                \
    for (unsigned set_mask = 0, set_all = hse_cpu_detect(); set_mask <= set_all; set_mask++)                           \
        for (const hse_kernels *k = set_table(set_mask, set_all); k != NULL; k = NULL)

static inline const hse_kernels *set_table(unsigned mask, unsigned all)
{
    const char *only = getenv("HSE_TEST_CPU");
    const hse_kernels *k;

    if ((mask & ~all) != 0 || (only != NULL && strtoul(only, NULL, 0) != mask))
        return NULL;
    k = hse_kernels_get(mask);
    return k->cpu == mask ? k : NULL; /* a subset that the tables do not tell apart */
}

/* A range of memory with an unreadable page on each side. */
typedef struct {
    char *start;
    size_t size;
} guarded;

static inline guarded guarded_new(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (bytes + page - 1) / page * page;
    char *p = mmap(NULL, size + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) != 0 || mprotect(p + page + size, page, PROT_NONE) != 0)
        abort();
    return (guarded){p + page, size};
}

/* `count` elements that end at the upper guard, or, with `low`, begin at the lower one. */
static inline void *guarded_at(guarded g, size_t count, size_t element, bool low)
{
    if (count * element > g.size)
        abort();
    return low ? g.start : g.start + g.size - count * element;
}

static inline float *guarded_floats(guarded g, size_t count, bool low)
{
    return guarded_at(g, count, sizeof(float), low);
}

static inline uint32_t random_bits(void)
{
    static uint32_t seed = 1;

    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static inline float random_float(float range)
{
    return range * ((float)(random_bits() >> 8) / 8388608.0f - 1.0f);
}

static inline void random_fill(float *p, size_t n, float range)
{
    for (size_t i = 0; i < n; i++)
        p[i] = random_float(range);
}

static inline uint32_t bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

static inline bool same_bits(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bits_of(a[i]) != bits_of(b[i]) && !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

/* fmax in a loop that sums, too, stops GCC 12 for aarch64 with an internal error. */
static inline double larger(double a, double b)
{
    return b > a ? b : a;
}

/* The activation in double. */
static inline double exact_act(double v, k_act act, double slope)
{
    switch (act) {
    case K_RELU: return v < 0 ? 0 : v;
    case K_LEAKY_RELU: return v < 0 ? v * slope : v;
    case K_GELU: return 0.5 * v * erfc(-v * 0.70710678118654752440);
    case K_GELU_TANH: return 0.5 * v * (1 + tanh(0.79788456080286535588 * (v + 0.044715 * v * v * v)));
    case K_TANH: return tanh(v);
    case K_SIGMOID: return 1 / (1 + exp(-v));
    case K_SILU: return v / (1 + exp(-v));
    case K_EXP: return exp(v);
    case K_ELU: return v < 0 ? expm1(v) : v;
    case K_ADD_SIN:
        v = v < 0 ? v * slope : v;
        return isinf(v) ? v : v + sin(v);
    case K_NONE:
    case K_ACTS: break;
    }
    return v;
}

static inline const char *act_name(k_act act)
{
    static const char *const names[K_ACTS] = {"none", "relu",    "leaky", "gelu", "gelu_tanh",
                                              "tanh", "sigmoid", "silu",  "exp",   "elu",  "add_sin"};
    return names[act];
}

#endif
