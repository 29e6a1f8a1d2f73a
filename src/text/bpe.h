/* bpe.h - byte-level byte-pair encoding, as GPT-2 introduced it: text to ids and back.
 *
 * Text is cut by GPT-2's pattern ('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+), each piece is
 * cut into its bytes, and neighbours are merged, the pair of lowest rank first and of equals the leftmost. Any text encodes
 * in O(n log n), of whatever shape.
 *
 * A vocabulary is built by adding tokens, then merges, then special tokens, then bpe_finish. Tokens may have any bytes.
 * Special tokens are recognized in a text before it is cut, the longest at the leftmost place.
 *
 * Ownership  bpe_close. Ids that were given belong to the caller: bpe_ids_free.
 * Threads    read-only after bpe_finish: encoding and decoding may run on any number of threads. */
#ifndef HSE_TEXT_BPE_H
#define HSE_TEXT_BPE_H

#include "base/buf.h"

#include <stdbool.h>

enum { BPE_MAX_TOKENS = 1 << 20, BPE_MAX_TOKEN_BYTES = 1024, BPE_MAX_SPECIAL_BYTES = 128, BPE_MAX_TEXT = 4 << 20 };

typedef struct bpe bpe;

typedef struct {
    int32_t *id;
    size_t   count, capacity;
} bpe_ids;

void       bpe_ids_free(bpe_ids *ids);                                  /* may be used again afterwards */
hse_status bpe_ids_add(bpe_ids *ids, int32_t id, hse_error *err);

/* The 256 bytes as GPT-2 writes them in vocabulary files: 33..126, 161..172, 174..255 as themselves, the others as U+0100 on
 * in order. */
uint32_t bpe_char_of_byte(uint8_t byte);
int      bpe_byte_of_char(uint32_t c);                                  /* -1: stands for no byte */
/* A token's name in a vocabulary file to its bytes; false when it has a character that stands for none. */
bool     bpe_bytes_of_name(const char *name, size_t size, uint8_t *out, size_t *out_size);   /* out: `size` bytes */

hse_status bpe_open(bpe **out, size_t max_tokens, hse_error *err);      /* ids are below max_tokens */
void       bpe_close(bpe **b);

/* HSE_E_FORMAT: the id is taken or out of range, or the bytes are (empty ones may repeat); HSE_E_LIMIT: too long. */
hse_status bpe_add(bpe *b, int32_t id, const void *bytes, size_t size, hse_error *err);
/* The next rank: tokens `left` and `right` become the token whose bytes are theirs. All three must be known. A pair that was
 * given before keeps its first rank. */
hse_status bpe_merge(bpe *b, const void *left, size_t left_size, const void *right, size_t right_size, hse_error *err);
/* In place of merges (tiktoken's rule; a vocabulary without its merges): any two neighbours whose bytes together are a token
 * merge, and the token's id is the rank. For a vocabulary in the order of its merges both rules are the same. */
void       bpe_merge_by_id(bpe *b);
/* A token of its own: found in texts when they are encoded with `special`, decoded as its text. Its id may be one that was
 * added, if the bytes are the same. */
hse_status bpe_add_special(bpe *b, int32_t id, const char *text, size_t size, hse_error *err);
void       bpe_finish(bpe *b);

/* Append the ids of a text. Bytes that are no UTF-8 are encoded as they are. special false: names of special tokens are
 * ordinary text. HSE_E_LIMIT: over BPE_MAX_TEXT; HSE_E_FORMAT: a byte that no token stands for. */
hse_status bpe_encode(const bpe *b, const char *text, size_t size, bool special, bpe_ids *out, hse_error *err);

/* The token's bytes; {NULL, 0} for an id that has none. */
hse_bytes  bpe_token(const bpe *b, int32_t id);
int32_t    bpe_find(const bpe *b, const void *bytes, size_t size);      /* -1 */
size_t     bpe_count(const bpe *b);                                     /* 1 + the highest id */

/* Bytes that need not be UTF-8 appended as UTF-8: each maximal part of an ill-formed sequence (Unicode 3.9, table 3-8) becomes
 * one U+FFFD. */
void       bpe_put_utf8(hse_buf *out, const uint8_t *bytes, size_t size);
/* How many bytes at the end are the beginning of a character that more bytes could complete: 0 to 3. */
size_t     bpe_incomplete(const uint8_t *bytes, size_t size);

#endif
