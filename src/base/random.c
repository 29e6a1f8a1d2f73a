#include "base/random.h"

#include <math.h>

enum { ROUNDS = 10 };

void hse_random_block(uint32_t out[4], uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t c[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ key[1],
                            (uint32_t)a};

        for (int k = 0; k < 4; k++)
            c[k] = next[k];
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    for (int k = 0; k < 4; k++)
        out[k] = c[k];
}

static double unit(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double hse_random_unit(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t r[4];

    hse_random_block(r, seed, stream, index / 2);
    return index % 2 ? unit(r[2], r[3]) : unit(r[0], r[1]);
}

void hse_random_normal(float *out, size_t n, uint64_t seed, uint64_t stream, uint64_t first)
{
    for (size_t i = 0; i < n;) {
        uint64_t index = first + i;
        uint32_t r[4];

        hse_random_block(r, seed, stream, index / 2);
        double radius = sqrt(-2 * log(1 - unit(r[0], r[1]))), angle = 6.283185307179586 * unit(r[2], r[3]);

        if (index % 2 == 0)
            out[i++] = (float)(radius * cos(angle));
        if (i < n)                          /* the second of the pair: next, or what a start in the middle asks for */
            out[i++] = (float)(radius * sin(angle));
    }
}
