/* convert.h - single numbers between float32, bf16 and int8, for packing and for plain C. */
#ifndef HSE_KERNELS_CONVERT_H
#define HSE_KERNELS_CONVERT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* To nearest, ties to even. A NaN stays one: its low half could round away otherwise. */
static inline uint16_t k_to_bf16(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16, quiet = u >> 16 | 0x40u;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

/* What turns a range of +-max into +-127 and back. A range that is not finite has no scale: the numbers become zeros
 * and the scale NaN, so that the result says so. */
static inline float k_int8_factor(float max)
{
    float factor = 127.0f / max;
    return max > 0.0f && isfinite(max) && isfinite(factor) ? factor : 0.0f; /* 127 / denormal is infinite */
}

static inline float k_int8_scale(float max)
{
    if (!isfinite(max))
        return NAN;
    return k_int8_factor(max) != 0.0f ? max / 127.0f : 0.0f;
}

static inline int k_to_int8(float x, float factor)
{
    return factor != 0.0f ? (int)lrintf(x * factor) : 0;
}

#endif
