/* sse.h - answers that leave while they are computed: waiting for a job without blocking for ever, and server-sent events.
 *
 * An event is one `data:` line of JSON. While a model is silent a comment (": ping") goes out now and then, so that proxies do
 * not cut the connection. An error after the first byte is an event {"error":{...}}, which OpenAI's SDKs raise.
 *
 *     api_stream s;
 *     api_stream_open(&s, call);       request.notify = api_stream_notify, request.user = &s
 *     ... hse_job_open, then as long as there is nothing to fetch: api_stream_wait
 *     ... api_stream_event for each piece; the first one begins the answer
 *     hse_job_close; api_stream_close */
#ifndef HSE_SERVER_SSE_H
#define HSE_SERVER_SSE_H

#include "server/api.h"

typedef struct {
    api_call *call;
    int       fd;                   /* an eventfd: written by the engine's threads */
    bool      events;               /* the answer is an event stream: pings are allowed */
    bool      started;              /* the answer's head has gone out */
    unsigned  stall_ms;
    uint64_t  ping_ns, last_ns;     /* 0: no pings; when something was sent last */
} api_stream;

hse_status api_stream_open(api_stream *s, api_call *call, hse_error *err);
void       api_stream_close(api_stream *s);
void       api_stream_notify(void *stream);             /* hse_request.notify */

/* Until the engine says that something has changed; pings meanwhile. HSE_E_CANCELLED: the client has gone. */
hse_status api_stream_wait(api_stream *s, hse_error *err);
/* Bytes as they are; `type` begins the answer where it has not begun. Waits for a slow client, at most stall_ms. */
hse_status api_stream_write(api_stream *s, const char *type, const void *data, size_t size, hse_error *err);
/* One event; `json` is emptied. */
hse_status api_stream_event(api_stream *s, hse_buf *json, hse_error *err);
/* After the answer has begun: say what went wrong (events), or cut the connection (bytes). Then the answer is over. */
void       api_stream_fail(api_stream *s, const hse_error *err);

#endif
