/* json.h - bounded JSON reading for everybody (config files, request bodies), on top of jansson.
 *
 * The text is scanned before a tree is built: its size and depth, strict UTF-8 without NUL, RFC 8259 and nothing more,
 * and no tree of more than 2 x the text + 16 MiB. Duplicate keys and numbers that do not fit (integers beyond 64 bits,
 * reals beyond double) are refused.
 *
 * Errors     err->text is "what: JSON, line 3, column 7: ..."; err->offset is the byte. HSE_E_FORMAT, HSE_E_LIMIT.
 * Ownership  the tree belongs to the caller: json_decref. Its memory comes from hse_alloc. */
#ifndef HSE_FORMATS_JSON_H
#define HSE_FORMATS_JSON_H

#include "base/bytes.h"
#include "base/status.h"

#include <jansson.h>

typedef struct {
    size_t max_bytes;           /* 0 = 256 MiB: what an upload in base64 may take */
    int    max_depth;           /* 0 = 32, which is also the most */
} hse_json_limits;

/* `what` names the text in messages ("the body"; a file's path); NULL: no name. limits may be NULL. */
hse_status hse_json_parse(json_t **out, hse_bytes text, const char *what, const hse_json_limits *limits,
                          hse_error *err);
hse_status hse_json_load(json_t **out, const char *path, const hse_json_limits *limits, hse_error *err);

#endif
