/* http.h - HTTP/1.1 server: strict, non-blocking, every wait bounded.
 *
 * Shape      http_server_open() takes addresses, a route table and hooks, and starts one epoll loop per thread. A
 *            complete request becomes an http_job: the request and the way to answer it. The route's handler gets the
 *            job on the loop thread and must not block: it answers at once, or takes a handle (http_job_ref) and gives
 *            it to other threads.
 * Order      of events for one request: head complete -> hooks.before (auth, CORS; also for unknown paths) -> 404, 405,
 *            413 or 501 by the server -> 100 Continue when asked for -> body -> handler -> answer -> hooks.done.
 * Ownership  what a job points to (request, body) lives until the last handle and the connection have let it go.
 *            Borrowed arguments are copied unless a function says "take". hooks.arg must outlive the last handle.
 * Threads    every http_job_ function may be called from any thread, except http_job_write, which blocks and is refused
 *            on a loop thread, and http_job_sink and http_job_collect, which are for the handler. Hooks, handlers,
 *            sinks and callbacks run on a loop thread, without locks held; with several loops they run in several
 *            threads at once (for one job: always the same).
 * Lost jobs  a job that nobody holds and nobody has answered is answered with 500: a client never waits for nothing.
 * Half-close a client that shuts its sending side while its request waits for an answer counts as gone (there is no
 *            other way to see that it left behind unread pipelined bytes).
 * Errors     the library never prints; it logs as component "http". Bodies of error answers come from
 *            hooks.error_body. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/bytes.h"
#include "base/buf.h"
#include "base/status.h"
#include "http/parse.h"

typedef struct http_server http_server;
typedef struct http_job    http_job;

typedef void http_handler(http_job *job, void *arg);

/* ---- routes ---- */

typedef enum {
    HTTP_BODY_NONE,             /* a body of any size is refused with 413 */
    HTTP_BODY_BUFFERED,         /* the handler is called with the whole body in request->body */
    HTTP_BODY_SINK,             /* the handler is called after the head; it must call http_job_sink or http_job_collect,
                                 * or answer */
} http_body_mode;

typedef struct {
    unsigned       methods;     /* HTTP_GET | HTTP_POST ...; GET brings HEAD with it */
    const char    *pattern;     /* "/v1/models", or with one '*' for one or more characters, slashes included:
                                 * "/v1/models/" "*", "/v1/models/" "*" "/load". An exact pattern wins, then the longest
                                 * text before '*', then the longest text after it. */
    http_body_mode body;
    uint64_t       limit;       /* largest body in bytes; larger: 413, at once when Content-Length says so */
    const char    *limit_name;  /* the option that sets it, named in the 413 answer; may be NULL */
    http_handler  *handler;
    void          *arg;
    unsigned       flags;       /* the caller's, for hooks.before: "needs a key", ... */
} http_route;

/* ---- requests ---- */

typedef struct {
    http_slice name, value;
} http_header;

typedef struct {
    unsigned           method;          /* http_method; HEAD stays HTTP_HEAD */
    http_slice         method_text, target;
    const char        *path;            /* decoded, valid UTF-8, no control characters, zero-terminated */
    const char        *rest;            /* what '*' of the route's pattern stands for, decoded; "" without */
    http_slice         query;           /* raw, without '?': see url.h */
    const http_header *headers;
    uint32_t           n_headers;
    uint64_t           content_length;  /* announced; 0 when chunked or none */
    bool               chunked;
    hse_bytes          body;            /* HTTP_BODY_BUFFERED: the whole body */
    const char        *id;              /* x-request-id: the client's when well-formed, else a fresh one. Sent back. */
    const char        *peer;            /* "127.0.0.1", "::1", "unix" */
    bool               tls;
    bool               wants_websocket; /* asks for an upgrade; nothing offers one yet */
    const http_route  *route;           /* NULL in hooks.before when nothing matches */
} http_request;

const http_request *http_job_request(const http_job *job);

/* The value of the first header of that name (any case), or an empty slice with data NULL. */
http_slice http_request_header(const http_request *r, const char *name);

/* ---- answers ---- */

/* Handles: the handler's own call needs none. A handle keeps the job's memory valid. */
http_job *http_job_ref(http_job *job);
void      http_job_unref(http_job *job);

/* The caller's own state: released when the job's memory goes (or replaced). It is passed to the callbacks below. */
void  http_job_attach(http_job *job, void *user, void (*release)(void *user));
void *http_job_user(const http_job *job);

/* Add a header to the answer; before the answer begins. HSE_E_ARG: not a field name, or CR, LF, control characters in
 * the value (nothing is sent then), or too late. Content-Length, Transfer-Encoding, Connection, Date and x-request-id
 * are ours. */
hse_status http_job_header(http_job *job, const char *name, const char *value);

/* The whole answer at once. content_type NULL: none. status 204 and 304 have no body. HSE_E_ARG when already begun,
 * HSE_E_CANCELLED when the client has gone (nothing more to do in both cases). */
hse_status http_job_answer(http_job *job, int status, const char *content_type, const void *body, size_t size);
/* The same without a copy: `release(body)` is called (from any thread) when it is sent or not needed, failures too. */
hse_status http_job_answer_take(http_job *job, int status, const char *content_type, void *body, size_t size,
                                void (*release)(void *body));

/* An error answer with a body from hooks.error_body. Before the head: this answer. After it: the connection is cut, so
 * that the client sees that the answer is incomplete. `message` is for the client: no paths, no internals. */
void http_job_fail(http_job *job, int status, const char *message);

/* An answer in pieces: start, write..., finish. Each piece is sent as soon as the socket takes it. */
hse_status http_job_start(http_job *job, int status, const char *content_type);
/* Blocks while more than the high-water mark waits to be sent. HSE_E_CANCELLED: the client has gone; HSE_E_DEADLINE:
 * no room after timeout_ms (the piece may have been taken in part: call http_job_fail); HSE_E_ARG: no start, or a loop
 * thread. */
hse_status http_job_write(http_job *job, const void *data, size_t size, unsigned timeout_ms);
/* Never blocks: takes all of it, or HSE_E_BUSY above the mark; the on_drain callback then says when to go on. */
hse_status http_job_try_write(http_job *job, const void *data, size_t size);
hse_status http_job_finish(http_job *job);

/* True once the client has gone, the write stalled, or the server stops. Set within milliseconds. */
bool http_job_cancelled(const http_job *job);

/* Called at most once, when the job is cancelled before its answer is complete; at once, on this thread, if it already
 * is. */
void http_job_on_cancel(http_job *job, void (*f)(http_job *job, void *user));
/* Called each time the queue falls below half of the mark after http_job_try_write said HSE_E_BUSY. */
void http_job_on_drain(http_job *job, void (*f)(http_job *job, void *user));

/* ---- bodies taken in pieces (HTTP_BODY_SINK) ---- */

/* Called on the loop thread. A piece is borrowed for the call. If `data` or `end` answers the job the rest of the body
 * is dropped and the connection closed after the answer. When the client goes before the end: on_cancel. */
typedef struct {
    void (*data)(http_job *job, void *user, const void *data, size_t size);
    void (*end)(http_job *job, void *user);
} http_sink;

hse_status http_job_sink(http_job *job, const http_sink *sink);
/* Or: decide to buffer after all, as HTTP_BODY_BUFFERED does, and call `then` with the whole body. */
hse_status http_job_collect(http_job *job, uint64_t limit, const char *limit_name, http_handler *then, void *arg);
/* Stop and resume reading the body (any thread); the client is throttled, the minimum rate does not run meanwhile.
 * `end` still comes when the pause was asked for in the last piece. */
void http_job_pause_body(http_job *job);
void http_job_resume_body(http_job *job);

/* ---- the server ---- */

typedef struct {
    void  *arg;
    /* Before routing is acted on, for every well-formed request. May answer the job: then nothing else is called. */
    void (*before)(void *arg, http_job *job);
    /* Append the body of an error answer. NULL: the message as text/plain. */
    void (*error_body)(void *arg, int status, const char *message, hse_buf *out);
    const char *error_type;             /* its content type */
    /* No route has this path. Must answer. NULL: 404 through error_body. */
    void (*not_found)(void *arg, http_job *job);
    /* The answer is complete (or cut: 499 = the client went first). For access logs and metrics. */
    void (*done)(void *arg, const http_request *request, int status, uint64_t bytes_out, uint64_t duration_ns);
} http_hooks;

typedef struct {
    const char *host;                   /* name or address; a path (has '/' or ends in ".sock") is a unix socket */
    uint16_t    port;                   /* 0: a free one, see http_server_port */
} http_address;

/* 0 in any field: the default in brackets. */
typedef struct {
    const http_address *addresses;
    size_t              n_addresses;
    bool                share_port;     /* let other processes listen on the same port [a port in use is an error] */
    unsigned            loops;          /* threads [one per core] */
    const http_route   *routes;         /* borrowed until the server is closed */
    size_t              n_routes;
    http_hooks          hooks;
    const char         *tls_cert, *tls_key;     /* PEM files; both or none. TLS 1.2 and above. */
    uint32_t            max_header_bytes, max_header_fields;    /* [16384, 100] */
    uint32_t            max_connections;        /* [12000] */
    uint32_t            max_per_address;        /* [256]; loopback and unix sockets have no such limit */
    uint64_t            max_buffered;           /* bodies in memory, over all connections [1 GiB]; above: 503 */
    uint32_t            high_water;             /* bytes of output waiting before its producers are held [262144] */
    uint32_t            head_ms;                /* from the first byte of a head to its end [10000] */
    uint32_t            idle_ms;                /* between requests [60000] */
    uint32_t            body_grace_ms;          /* a body has this long plus 1 s for each body_min_rate bytes [10000] */
    uint32_t            body_min_rate;          /* bytes per second [1024] */
    uint32_t            write_stall_ms;         /* no byte of output taken by the client [30000] */
    uint32_t            handshake_ms;           /* TLS [10000] */
    uint32_t            drain_ms;               /* after the last answer, for the client to close first [500] */
    uint32_t            socket_mode;            /* permissions of unix sockets [0660] */
} http_options;

hse_status http_server_open(http_server **out, const http_options *options, hse_error *err);
/* The port that address number i listens on; 0 for a unix socket. */
uint16_t   http_server_port(const http_server *s, size_t i);
/* Graceful stop: no new connections, idle ones are closed, requests under way may finish within drain_ms, then are
 * cancelled. Returns when all connections are closed. Stop and close are for one thread, which is none of the loops. */
void       http_server_stop(http_server *s, unsigned drain_ms);
/* Stop at once if need be, join the threads, free. Handles that others still hold stay valid (their jobs are
 * cancelled). */
void       http_server_close(http_server **s);

typedef struct {
    uint64_t accepted, open;
    uint64_t refused_total, refused_address;    /* over max_connections, over max_per_address */
    uint64_t requests, in_flight;               /* heads understood; answers not complete yet */
    uint64_t cancelled;                         /* the client went first (counted as 499 too) */
    uint64_t timeouts;                          /* deadlines that cut a connection, idle ones not counted */
    uint64_t bytes_in, bytes_out;               /* HTTP bytes, before TLS */
    uint64_t buffered;                          /* body bytes in memory now */
    uint64_t by_status[600];                    /* answers by status code */
} http_stats;

void http_server_stats(const http_server *s, http_stats *out);

/* "Not Found"; "Unknown" for codes that have no text here. */
const char *http_reason(int status);

#endif
