/* docs.h - /openapi.json, made from the tables of routes and fields, and the pages that show it. */
#ifndef HSE_SERVER_DOCS_H
#define HSE_SERVER_DOCS_H

#include "base/buf.h"
#include "http/http.h"
#include "server/schema.h"

/* The whole document: OpenAPI 3.1. */
void api_openapi_write(hse_buf *out);

http_handler api_openapi, api_docs, api_redoc, api_docs_file;      /* arg: api_bound */

#endif
