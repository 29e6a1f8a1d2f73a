/* url.h - strict percent-decoding, query strings and the parameters of headers. No state; thread-safe. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/status.h"
#include "http/parse.h"

/* Decode %XX (and '+' as a space, in queries) into out, which holds s.size + 1 bytes; a 0 byte follows. HSE_E_FORMAT
 * for a '%' without two hexadecimal digits or a NUL (with the offset in s), or a result that is not UTF-8 (offset in
 * out). */
hse_status http_percent_decode(char *out, size_t *out_size, http_slice s, bool plus_is_space, hse_error *err);

/* The path of a request target: cuts the query off (into *query, may be NULL), decodes, refuses control characters. */
hse_status http_decode_path(char *out, size_t *out_size, http_slice target, http_slice *query, hse_error *err);

/* Take the next name=value of a query (or of a form body) off the front; both still encoded. False at the end. */
bool http_query_next(http_slice *rest, http_slice *name, http_slice *value);

/* The decoded value of parameter `name` in out (capacity bytes, zero-terminated). HSE_E_NOT_FOUND: absent;
 * HSE_E_FORMAT: badly encoded; HSE_E_ARG: given twice; HSE_E_LIMIT: longer than capacity - 1. */
hse_status http_query_get(http_slice query, const char *name, char *out, size_t capacity, hse_error *err);

/* A parameter of a header like `multipart/form-data; boundary="a b"`: its value without quotes and escapes,
 * zero-terminated. HSE_E_NOT_FOUND, HSE_E_FORMAT (not well-formed, or given twice), HSE_E_LIMIT (longer than capacity
 * - 1). */
hse_status http_header_param(http_slice value, const char *name, char *out, size_t capacity, hse_error *err);

/* The media type of a Content-Type value (before ';', without spaces). */
http_slice http_media_type(http_slice value);

#endif
