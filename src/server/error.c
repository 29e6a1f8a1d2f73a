#include "server/error.h"

#include "base/log.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

bool api_fail(api_error *e, int http, const char *param, const char *fmt, ...)
{
    va_list args;

    *e = (api_error){.http = http};
    if (param)
        snprintf(e->param, sizeof e->param, "%s", param);
    va_start(args, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    return false;
}

/* A word that looks like a path ("/usr/...", "../x", "a/b/c.pt") or an address is replaced by its kind. Media types and
 * model names ("org/name") have one slash and no dot behind it. */
static bool internal_word(const char *w, size_t n)
{
    int slashes = 0;

    for (size_t i = 0; i < n; i++)
        slashes += w[i] == '/';
    return (n > 1 && w[0] == '/') || slashes > 1 || (n > 2 && w[0] == '0' && w[1] == 'x') ||
           (n > 1 && w[0] == '.' && w[1] == '.' && slashes);
}

void api_public_text(char *out, size_t size, const char *s)
{
    size_t at = 0;

    while (*s && at + 8 < size) {
        size_t n = strcspn(s, " \"'(),;:");
        if (n && internal_word(s, n)) {
            memcpy(out + at, "(file)", 6);
            at += 6;
            s += n;
        } else {
            for (; n && at + 2 < size; n--)
                out[at++] = *s++;
        }
        if (*s && at + 2 < size)
            out[at++] = *s++;
    }
    out[at] = '\0';
}

void api_error_map(api_error *e, const hse_error *err)
{
    static const struct {
        hse_status status;
        int http;
        const char *code;
        int retry_s;
    } map[] = {
        {HSE_E_ARG, 400, NULL, 0},
        {HSE_E_FORMAT, 400, NULL, 0},
        {HSE_E_LIMIT, 413, "too_large", 0},
        {HSE_E_UNSUPPORTED, 400, "unsupported", 0},
        {HSE_E_NOT_FOUND, 404, "model_not_found", 0},
        {HSE_E_BUSY, 503, "overloaded", 1},
        {HSE_E_CANCELLED, 499, "cancelled", 0},
        {HSE_E_DEADLINE, 504, "deadline_exceeded", 0},
        {HSE_E_NOMEM, 500, "out_of_memory", 0},
        {HSE_E_IO, 500, "internal_error", 0},
    };

    *e = (api_error){.http = 500, .code = "internal_error"};
    for (size_t i = 0; i < COUNT(map); i++)
        if (map[i].status == err->status) {
            e->http = map[i].http;
            e->code = map[i].code;
            e->retry_after_s = map[i].retry_s;
        }
    if (err->status == HSE_E_IO || err->status == HSE_E_NOMEM) {
        snprintf(e->text, sizeof e->text, "%s",
                 err->status == HSE_E_IO ? "the server could not do this; its log says why"
                                         : "not enough memory for this request");
    } else {
        api_public_text(e->text, sizeof e->text, err->text[0] ? err->text : "the request could not be served");
    }
}

void api_error_log(const api_error *e, const hse_error *err, const char *request_id, bool own_deadline)
{
    hse_log_level level = HSE_LOG_INFO;

    if (err->status == HSE_E_DEADLINE)
        level = own_deadline ? HSE_LOG_INFO : HSE_LOG_WARN;
    else if (err->status == HSE_E_BUSY)
        level = HSE_LOG_WARN;
    else if (e->http >= 500)
        level = HSE_LOG_ERROR;
    hse_log(level, "server", request_id, "%d: %s", e->http, err->text);
}

void api_error_from(api_error *e, const hse_error *err, const char *request_id)
{
    api_error_map(e, err);
    api_error_log(e, err, request_id, false);
}

void api_json_string(hse_buf *out, const char *s, size_t n)
{
    hse_buf_byte(out, '"');
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = hse_utf8_next(s + i, n - i, &c);
        if (len == 0) {
            hse_buf_str(out, "\\ufffd");
            len = 1;
        } else if (c == '"' || c == '\\') {
            hse_buf_byte(out, '\\');
            hse_buf_byte(out, (uint8_t)c);
        } else if (c < 0x20 || c == 0x7F) {
            hse_buf_printf(out, "\\u%04x", (unsigned)c);
        } else {
            hse_buf_append(out, s + i, len);
        }
        i += len;
    }
    hse_buf_byte(out, '"');
}

static const char *openai_type(int http)
{
    switch (http) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    default: return http >= 500 ? "server_error" : "invalid_request_error";
    }
}

static const char *hse_type(int http)
{
    switch (http) {
    case 401: return "AuthenticationError";
    case 403: return "PermissionDeniedError";
    case 404: return "NotFoundError";
    case 429: return "RateLimitError";
    default: return http >= 500 ? "InternalServerError" : "BadRequestError";
    }
}

/* The same words twice: nested for OpenAI's clients, flat for HSE's, whose code is a number. */
void api_error_body(const api_error *e, hse_buf *out)
{
    for (int nested = 1; nested >= 0; nested--) {
        hse_buf_str(out, nested ? "{\"error\":{\"message\":" : ",\"object\":\"error\",\"message\":");
        api_json_string(out, e->text, strlen(e->text));
        hse_buf_printf(out, ",\"type\":\"%s\",\"param\":", nested ? openai_type(e->http) : hse_type(e->http));
        if (e->param[0])
            api_json_string(out, e->param, strlen(e->param));
        else
            hse_buf_str(out, "null");
        if (!nested)
            hse_buf_printf(out, ",\"code\":%d}", e->http);
        else if (e->code)
            hse_buf_printf(out, ",\"code\":\"%s\"}", e->code);
        else
            hse_buf_str(out, ",\"code\":null}");
    }
}

void api_error_answer(http_job *job, const api_error *e)
{
    hse_buf body;

    hse_buf_init(&body, 4096);
    api_error_body(e, &body);
    if (e->http == 401)
        http_job_header(job, "WWW-Authenticate", "Bearer");
    if (e->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", e->retry_after_s);
        http_job_header(job, "Retry-After", seconds);
        http_job_header(job, "x-should-retry", "true");
    } else if (e->http >= 500 || e->http == 408 || e->http == 409 || e->http == 429) {
        http_job_header(job, "x-should-retry", "false"); /* it would fail again: the SDKs must not try twice more */
    }
    if (http_job_answer(job, e->http, "application/json", hse_buf_text(&body), body.size) == HSE_E_ARG)
        http_job_fail(job, e->http, e->text);
    hse_buf_free(&body);
}

void api_http_error_body(void *arg, int status, const char *message, hse_buf *out)
{
    api_error e;

    (void)arg;
    api_fail(&e, status, NULL, "%s", message);
    e.code = status == 413 ? "too_large" : status == 503 ? "overloaded" : NULL;
    api_error_body(&e, out);
}
