/* error.h - what a client is told when something is wrong: one shape that OpenAI's and HSE's clients both read.
 *
 * Texts to clients never hold a path or an address of the server: api_error_map keeps the sentence of the engine and cuts such
 * words out; the whole text goes to the log. */
#ifndef HSE_SERVER_ERROR_H
#define HSE_SERVER_ERROR_H

#include "base/buf.h"
#include "http/http.h"

typedef struct {
    int         http;               /* 400, 404, ... */
    const char *code;               /* "model_not_found", ... or NULL; constant */
    char        param[64];          /* the field that is wrong, "" when there is none */
    char        text[256];          /* one sentence */
    int         retry_after_s;      /* > 0: sent as Retry-After; the SDKs try again. 0: x-should-retry: false on 5xx */
} api_error;

/* Fills *e and returns false, so that a check can `return api_fail(...)`. */
bool api_fail(api_error *e, int http, const char *param, const char *fmt, ...) HSE_PRINTF(4, 5);

/* The engine's error as a client may see it. */
void api_error_map(api_error *e, const hse_error *err);
/* What the operator sees of it: errors that are the server's own as errors, a deadline as a warning, or as nothing to worry
 * about when the client itself set it; the rest is the client's. */
void api_error_log(const api_error *e, const hse_error *err, const char *request_id, bool own_deadline);
/* Both. */
void api_error_from(api_error *e, const hse_error *err, const char *request_id);

/* s without what names files or addresses of the server. */
void api_public_text(char *out, size_t size, const char *s);

/* Append {"error":{...},"object":"error",...} . */
void api_error_body(const api_error *e, hse_buf *out);

/* Answer the job with it. After the head has gone out the connection is cut instead. */
void api_error_answer(http_job *job, const api_error *e);

/* http_hooks.error_body for errors that the HTTP front finds by itself. */
void api_http_error_body(void *arg, int status, const char *message, hse_buf *out);

/* Append s as a JSON string with its quotes. */
void api_json_string(hse_buf *out, const char *s, size_t n);

#endif
