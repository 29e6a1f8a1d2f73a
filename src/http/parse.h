/* parse.h - strict HTTP/1.1 framing (RFC 9112): the head of a request and the chunked body. No allocation, no I/O.
 *
 * Strict means that whatever two servers could read differently is refused: bare LF, bare CR, folded lines, a space
 * before the colon, Content-Length together with Transfer-Encoding, either of them twice (even if equal), any coding
 * but "chunked", absolute-form targets, no Host or two. After an error the bytes that follow have no meaning: answer,
 * close. Both parsers give the same result however the bytes are cut into pieces. Not thread-safe; no pointers are
 * kept. */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_MAX_FIELDS = 100,
    HTTP_MAX_HEAD = 16384,          /* all bytes of a head, first line and empty line included */
    HTTP_MAX_LINE = 8192,           /* the request line: what is longer is 414 */
    HTTP_MAX_CHUNK_LINE = 256,      /* extensions after one chunk size */
    HTTP_MAX_TRAILER = 4096,        /* all trailers; they are checked and dropped */
    HTTP_MAX_CHUNK_OVERHEAD = 65536 /* how much more than its data framing may be: no bodies of 1-byte chunks */
};

/* A borrowed piece of text, not zero-terminated. */
typedef struct {
    const char *data;
    size_t      size;
} http_slice;

/* Compare with a zero-terminated text; the second ignores ASCII case. */
bool http_slice_is(http_slice s, const char *text);
bool http_slice_is_nocase(http_slice s, const char *text);

bool http_is_token_char(unsigned char c);       /* tchar of RFC 9110 */

typedef enum {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_PUT = 8,
    HTTP_PATCH = 16,
    HTTP_DELETE = 32,
    HTTP_OPTIONS = 64,
} http_method;                                  /* 0: a well-formed method that is none of these */

/* One header line, as offsets from the head's first byte (the buffer may move between calls). */
typedef struct {
    uint16_t name, name_size, value, value_size;
} http_field;

typedef struct {
    uint32_t   max_size, max_fields;
    uint32_t   next, seen;          /* first byte of the line under way; bytes already searched for its end */
    int        failed;              /* the status of the first error, which stays */
    bool       skipped_line, have_line;
    uint8_t    minor;               /* HTTP/1.minor */
    bool       has_host, has_length, chunked, close, expect_continue, has_authorization, has_type;
    bool       wants_upgrade, upgrade_websocket;    /* Connection: upgrade; Upgrade: websocket */
    unsigned   method;              /* http_method or 0 */
    uint16_t   method_at, method_size, target_at, target_size;
    uint64_t   length;              /* Content-Length, when has_length */
    uint32_t   n_fields;
    http_field field[HTTP_MAX_FIELDS];
} http_head;

/* max_size <= 65535, max_fields <= HTTP_MAX_FIELDS; 0 = the constants above. */
void http_head_init(http_head *h, uint32_t max_size, uint32_t max_fields);

/* `bytes` are all n bytes received since the head began (more at each call, the old ones unchanged). Returns the size
 * of the complete head, 0 when more bytes are needed, or minus the status to answer: 400, 414, 417, 431, 501, 505. */
int http_head_feed(http_head *h, const char *bytes, size_t n);

/* A sentence for the status that http_head_feed returned (positive). Constant text. */
const char *http_head_error(int status);

typedef enum {
    HTTP_CHUNK_SIZE, HTTP_CHUNK_EXTENSION, HTTP_CHUNK_SIZE_LF, HTTP_CHUNK_DATA, HTTP_CHUNK_DATA_CR, HTTP_CHUNK_DATA_LF,
    HTTP_CHUNK_TRAILER_START, HTTP_CHUNK_TRAILER_NAME, HTTP_CHUNK_TRAILER, HTTP_CHUNK_TRAILER_LF, HTTP_CHUNK_END_LF,
    HTTP_CHUNK_DONE, HTTP_CHUNK_FAILED,
} http_chunk_state;

typedef struct {
    http_chunk_state state;
    uint32_t         digits, line, trailer;
    uint64_t         left;              /* data bytes of the chunk under way */
    uint64_t         data, overhead;    /* totals */
} http_chunks;                          /* begins as all zero */

/* Decode up to n bytes. Returns the bytes consumed, at most n, and in *data (a part of `bytes`) the body bytes among
 * them, if any; or -1 when malformed (for ever after). Call again while bytes remain, until HTTP_CHUNK_DONE. */
ptrdiff_t http_chunks_feed(http_chunks *c, const char *bytes, size_t n, http_slice *data);

#endif
