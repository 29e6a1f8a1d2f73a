/* random.h - numbers drawn by counter, not by turn: the same seed, stream and index give the same number on every machine, in
 * any order and on any thread, so a request's noise does not depend on what else runs. Philox4x32-10 (Salmon et al. 2011).
 * Not for secrets. */
#ifndef HSE_BASE_RANDOM_H
#define HSE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Four numbers of 32 bits. */
void hse_random_block(uint32_t out[4], uint64_t seed, uint64_t stream, uint64_t index);

/* Number `index` of the stream, in [0, 1), with 53 bits. */
double hse_random_unit(uint64_t seed, uint64_t stream, uint64_t index);

/* Standard normal numbers first .. first + n - 1 of the stream (Box and Muller 1958). */
void hse_random_normal(float *out, size_t n, uint64_t seed, uint64_t stream, uint64_t first);

#endif
