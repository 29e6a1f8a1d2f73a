/* multipart.h - multipart/form-data (RFC 7578) as it arrives: no allocation, every part of it bounded.
 *
 * Feed the body in pieces of any size; the callbacks see the same parts and the same bytes however it is cut (though
 * not in the same portions). Strict: a part needs Content-Disposition: form-data with a name; bare CR or LF in a
 * part's header, an encoding of the content (base64), or text after a delimiter is an error. After an error the parser
 * refuses all input. One thread at a time. */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "base/status.h"
#include "http/parse.h"

enum {
    HTTP_PART_MAX_HEAD = 4096,          /* bytes of one part's header */
    HTTP_PART_MAX_FIELDS = 16,
    HTTP_PART_MAX_NAME = 256,           /* with the closing 0 */
    HTTP_PART_MAX_FILENAME = 1024,
    HTTP_PART_MAX_TYPE = 256,
    HTTP_MULTIPART_MAX_PARTS = 256,
    HTTP_MULTIPART_MAX_PREAMBLE = 1024, /* before the first delimiter, and after the last */
    HTTP_MULTIPART_MAX_BOUNDARY = 70,
};

/* Valid UTF-8 without control characters; valid during `begin` only. A file's name is for display: never use it as a
 * path. */
typedef struct {
    const char *name;
    const char *filename;               /* NULL: a plain field; "": a name that is not UTF-8 */
    const char *type;                   /* "" when not given */
} http_part;

/* What a callback returns other than HSE_OK ends the parse with that status (and *err, which it may fill). */
typedef struct {
    hse_status (*begin)(void *arg, const http_part *part, hse_error *err);
    hse_status (*data)(void *arg, const void *data, size_t size, hse_error *err);
    hse_status (*end)(void *arg, hse_error *err);
} http_part_events;

typedef enum {
    PART_PREAMBLE, PART_DELIMITER, PART_PADDING, PART_LF, PART_CLOSE, PART_HEAD, PART_DATA, PART_EPILOGUE, PART_FAILED,
} http_part_state;

typedef struct {
    http_part_events events;
    void            *arg;
    http_part_state  state;
    hse_status       failed;
    uint64_t         offset;            /* bytes fed so far */
    uint32_t         parts, outside;    /* outside: bytes of preamble or epilogue */
    uint32_t         matched;           /* bytes of the delimiter that the last bytes of input equal */
    uint32_t         delimiter_size, head_size;
    char             delimiter[HTTP_MULTIPART_MAX_BOUNDARY + 4];        /* CR LF - - boundary */
    char             head[HTTP_PART_MAX_HEAD];
    char             name[HTTP_PART_MAX_NAME], filename[HTTP_PART_MAX_FILENAME], type[HTTP_PART_MAX_TYPE];
} http_multipart;

/* content_type: the request's. HSE_E_UNSUPPORTED when it is not multipart/form-data, HSE_E_FORMAT without a good
 * boundary. */
hse_status http_multipart_init(http_multipart *m, http_slice content_type, const http_part_events *events, void *arg,
                               hse_error *err);
/* HSE_E_FORMAT with the offset in the body, HSE_E_LIMIT, HSE_E_UNSUPPORTED, or a callback's status. */
hse_status http_multipart_feed(http_multipart *m, const void *data, size_t size, hse_error *err);
/* The body is over: HSE_E_FORMAT when the closing delimiter has not come. */
hse_status http_multipart_finish(http_multipart *m, hse_error *err);

#endif
