#include "server/sse.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_MS = 50, STALL_MS = 30000, PING_MS = 15000 };       /* how often a waiting request looks whether its client is there */

static const char event_stream[] = "text/event-stream";

hse_status api_stream_open(api_stream *s, api_call *call, hse_error *err)
{
    const hse_config *config = call->server->options.config;

    *s = (api_stream){.call = call, .stall_ms = STALL_MS, .ping_ns = PING_MS * UINT64_C(1000000), .last_ns = hse_now_ns()};
    if (config && config->stream_stall_s > 0)
        s->stall_ms = (unsigned)(config->stream_stall_s * 1000);
    if (config)
        s->ping_ns = config->sse_ping_s > 0 ? (uint64_t)(config->sse_ping_s * 1e9) : 0;
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return s->fd >= 0 ? HSE_OK : hse_fail_sys(err, errno, "no descriptor for a request");
}

void api_stream_close(api_stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void api_stream_notify(void *stream)
{
    const api_stream *s = stream;
    const uint64_t one = 1;

    /* It fails only when the counter is full, that is, long since readable. */
    (void)!write(s->fd, &one, sizeof one);
}

static hse_status gone(hse_error *err)
{
    return hse_fail(err, HSE_E_CANCELLED, 0, "the client has gone");
}

hse_status api_stream_wait(api_stream *s, hse_error *err)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};

    for (;;) {
        uint64_t counter;
        int n = poll(&p, 1, LOOK_MS);

        if (n > 0) {
            (void)!read(s->fd, &counter, sizeof counter);
            return HSE_OK;
        }
        if (n < 0 && errno != EINTR)
            return hse_fail_sys(err, errno, "cannot wait for a job");
        if (http_job_cancelled(s->call->job))
            return gone(err);
        if (s->events && s->ping_ns && hse_now_ns() - s->last_ns >= s->ping_ns) {
            hse_status status = api_stream_write(s, event_stream, ": ping\n\n", 8, err);
            if (status != HSE_OK)
                return status;
        }
    }
}

hse_status api_stream_write(api_stream *s, const char *type, const void *data, size_t size, hse_error *err)
{
    hse_status status = HSE_OK;

    if (!s->started) {
        if (s->events)
            http_job_header(s->call->job, "Cache-Control", "no-store");
        status = http_job_start(s->call->job, 200, type);
        s->started = status == HSE_OK;
    }
    if (status == HSE_OK)
        status = http_job_write(s->call->job, data, size, s->stall_ms);
    s->last_ns = hse_now_ns();
    if (status == HSE_E_DEADLINE)
        return hse_fail(err, HSE_E_CANCELLED, 0, "the client took nothing for %u ms", s->stall_ms);
    return status == HSE_OK ? HSE_OK : gone(err);
}

hse_status api_stream_event(api_stream *s, hse_buf *json, hse_error *err)
{
    hse_status status = hse_buf_status(json, "an event", err);

    hse_buf_str(json, "\n\n");
    if (status == HSE_OK)
        status = hse_buf_status(json, "an event", err);
    if (status == HSE_OK)
        status = api_stream_write(s, event_stream, json->data, json->size, err);
    hse_buf_clear(json);
    return status;
}

void api_stream_fail(api_stream *s, const hse_error *err)
{
    api_call *c = s->call;
    hse_buf body;
    hse_error ignored;

    api_engine_error(c, err, NULL);                     /* fills call->error, writes the log */
    if (!s->events || err->status == HSE_E_CANCELLED) {
        http_job_fail(c->job, c->error.http, "the answer was cut");
        return;
    }
    hse_buf_init(&body, 8192);
    hse_buf_str(&body, "data: ");
    api_error_body(&c->error, &body);
    if (api_stream_event(s, &body, &ignored) == HSE_OK)
        http_job_finish(c->job);
    else
        http_job_fail(c->job, c->error.http, "the answer was cut");
    hse_buf_free(&body);
}
