/* jscan.h - reads JSON text (RFC 8259) token by token, without a tree: what a header or a pre-scan needs.
 *
 * Strict: UTF-8 only, no comments, no trailing commas, no NaN, no control characters in strings. Nothing is allocated.
 * */
#ifndef HSE_FORMATS_JSCAN_H
#define HSE_FORMATS_JSCAN_H

#include "base/bytes.h"
#include "base/status.h"

enum { JSON_MAX_DEPTH = 32 };

typedef struct {
    const char *text;
    size_t      size, pos;
    uint64_t    at;             /* the text's offset in the file, for messages */
    hse_error  *err;
    int         max_depth;      /* js_skip's; 0 = JSON_MAX_DEPTH, which is also the most */
} jscan;

/* The first byte of the next token, white space skipped; 0 at the end. Consumes nothing else. */
char       js_peek(jscan *j);
/* The byte c, or an error that says what was expected. */
hse_status js_expect(jscan *j, char c, const char *expected);
/* A string, decoded to out (of `room` bytes, zero-terminated); HSE_E_LIMIT when it does not fit, HSE_E_FORMAT when it
 * holds \u0000. out NULL: checked and skipped. */
hse_status js_string(jscan *j, char *out, size_t room, size_t *length);
/* A number's text: *length bytes from the present place, which moves behind it. *integer: no fraction, no exponent. */
hse_status js_number(jscan *j, size_t *length, bool *integer);
hse_status js_u64(jscan *j, uint64_t *out);                     /* a non-negative integer without fraction */
/* After a value inside [ ] or { }: a comma (*more) or the closing byte, which is consumed. */
hse_status js_more(jscan *j, char close, bool *more);
/* Any one value, of at most JSON_MAX_DEPTH levels. *cost (may be NULL) grows by an estimate of the bytes that a tree of
 * it takes up. */
hse_status js_skip(jscan *j, size_t *cost);
hse_status js_end(jscan *j);                                    /* only white space is left */
hse_status js_fail(jscan *j, hse_status status, const char *fmt, ...) HSE_PRINTF(3, 4);   /* with line and column */

#endif
