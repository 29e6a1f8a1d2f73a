/* json.h - bounded JSON reading for everybody (config files, request bodies), on top of jansson.
 *
 * The text is scanned before a tree is built: at most `max_bytes` long, at most JSON_MAX_DEPTH (32) levels, strict UTF-8
 * without NUL, RFC 8259 and nothing more, and no tree of more than 2 x the text + 16 MiB. Duplicate keys and numbers
 * that do not fit (integers beyond 64 bits, reals beyond double) are refused.
 *
 * Errors     err->text is "what: JSON, line 3, column 7: ..."; err->offset is the byte. HSE_E_FORMAT, HSE_E_LIMIT.
 * Ownership  the tree belongs to the caller: json_decref. Its memory comes from hse_alloc. */
#ifndef HSE_FORMATS_JSON_H
#define HSE_FORMATS_JSON_H

#include "base/status.h"

#include <jansson.h>

/* `what` names the text in messages; NULL or "": no name. */
hse_status hse_json_parse(json_t **out, const char *text, size_t size, size_t max_bytes, const char *what, hse_error *err);
hse_status hse_json_load(json_t **out, const char *path, size_t max_bytes, hse_error *err);

#endif
