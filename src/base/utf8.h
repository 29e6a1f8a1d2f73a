/* utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef HSE_BASE_UTF8_H
#define HSE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the character at s and its code point in *c; 0 when the bytes are not valid UTF-8 (or n is 0). */
size_t hse_utf8_next(const char *s, size_t n, uint32_t *c);

/* Write c (a valid scalar value) to out; returns its length, 1 to 4. */
size_t hse_utf8_put(char out[4], uint32_t c);

/* True when all n bytes are valid; else *bad (may be NULL) is the offset of the first wrong byte. */
bool hse_utf8_valid(const char *s, size_t n, size_t *bad);

#endif
