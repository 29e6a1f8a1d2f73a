/* buf.h - a growing byte buffer that cannot be made without a ceiling.
 *
 * The first failure (no memory, ceiling reached) is kept: later appends do nothing, so a writer appends freely and asks
 * hse_buf_status once at the end. Not thread-safe. */
#ifndef HSE_BASE_BUF_H
#define HSE_BASE_BUF_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

typedef struct {
    uint8_t   *data;        /* always followed by a 0 byte once something was appended */
    size_t     size, capacity, ceiling;
    hse_status status;
} hse_buf;

void hse_buf_init(hse_buf *b, size_t ceiling);
void hse_buf_free(hse_buf *b);                                   /* the buffer may be used again afterwards */
void hse_buf_clear(hse_buf *b);                                  /* forget the content and the error, keep the memory */
void hse_buf_append(hse_buf *b, const void *data, size_t size);
void hse_buf_byte(hse_buf *b, uint8_t byte);
void hse_buf_str(hse_buf *b, const char *s);
void hse_buf_printf(hse_buf *b, const char *fmt, ...) HSE_PRINTF(2, 3);
void hse_buf_base64(hse_buf *b, const void *data, size_t size);  /* RFC 4648 with padding */
void hse_buf_json(hse_buf *b, const char *s, size_t n);          /* a JSON string with its quotes; what is not UTF-8 becomes U+FFFD */
void *hse_buf_extend(hse_buf *b, size_t size);                   /* `size` uninitialised bytes at the end, or NULL */
/* A text goes from step to step: what a step wrote to `next` becomes `now`, and `next` is empty. The first failure stays in `now`,
 * whatever later steps write. */
void hse_buf_advance(hse_buf *now, hse_buf *next);
void hse_buf_consume(hse_buf *b, size_t size);                   /* drop the first bytes */
const char *hse_buf_text(const hse_buf *b);                      /* zero-terminated; "" while empty */
char *hse_buf_take(hse_buf *b, size_t *size);                    /* give the memory away (hse_free); NULL after a failure */

/* HSE_OK, or the first failure described in *err; `what` names the thing that was written. */
hse_status hse_buf_status(const hse_buf *b, const char *what, hse_error *err);

/* The text as a string in the arena; frees the buffer, also after a failure. `what` as above. */
hse_status hse_buf_to_arena(hse_buf *b, hse_arena *arena, const char *what, const char **out, hse_error *err);

/* Decode RFC 4648 base64 (padding optional, white space between characters allowed when `lenient`) and append the bytes.
 * err->offset is the position of the first wrong character. */
hse_status hse_buf_unbase64(hse_buf *b, const char *text, size_t size, bool lenient, hse_error *err);

#endif
