/* bytes.h - a borrowed run of bytes, and little-endian reads from it. The caller checks the bounds first. */
#ifndef HSE_BASE_BYTES_H
#define HSE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t         size;
} hse_bytes;

/* True when [offset, offset + length) lies inside a thing of `size` bytes; cannot wrap. */
static inline bool hse_in_range(uint64_t size, uint64_t offset, uint64_t length)
{
    return offset <= size && length <= size - offset;
}

static inline uint16_t hse_get_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t hse_get_u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t hse_get_u64le(const uint8_t *p)
{
    return (uint64_t)hse_get_u32le(p) | (uint64_t)hse_get_u32le(p + 4) << 32;
}

static inline uint16_t hse_get_u16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t hse_get_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline void hse_put_u16le(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void hse_put_u32le(uint8_t *p, uint32_t v)
{
    hse_put_u16le(p, (uint16_t)v);
    hse_put_u16le(p + 2, (uint16_t)(v >> 16));
}

#endif
