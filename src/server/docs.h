/* docs.h - /openapi.json, made from the tables of routes and fields, and the pages that show it. */
#ifndef HSE_SERVER_DOCS_H
#define HSE_SERVER_DOCS_H

#include "base/buf.h"
#include "http/http.h"
#include "server/schema.h"

/* The whole document: OpenAPI 3.1. */
void api_openapi_write(hse_buf *out);

/* A file that /docs and /redoc load; false when there is none of that name, or none at all is built in. */
bool api_docs_find(const char *name, hse_bytes *data, const char **type);

http_handler api_openapi, api_docs, api_redoc, api_docs_file;      /* arg: api_bound */

#endif
