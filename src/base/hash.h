/* hash.h - a keyed hash of bytes (SipHash-2-4) for tables whose names come from a hostile file: without the key nobody can
 * make names that collide. */
#ifndef HSE_BASE_HASH_H
#define HSE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A random key. Without entropy (early boot) it is predictable: tables stay right, only their speed can be attacked. */
void     hse_hash_seed(uint64_t seed[2]);
uint64_t hse_hash(const uint64_t seed[2], const void *data, size_t size);

#endif
