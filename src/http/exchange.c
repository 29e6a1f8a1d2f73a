/* exchange.c - one request on its way from the complete head to the handler. */
#include "base/mem.h"
#include "http/inner.h"
#include "http/url.h"

#include <stdio.h>
#include <string.h>

static bool answered(http_job *job)
{
    pthread_mutex_lock(&job->lock);
    bool begun = job->phase != JOB_OPEN;
    pthread_mutex_unlock(&job->lock);
    return begun;
}

/* 1 to 64 characters that cannot mean anything to a log or a header. */
static void take_id(http_job *job)
{
    http_slice id = http_request_header(&job->request, "x-request-id");

    if (id.size == 0 || id.size >= HTTP_ID_SIZE)
        return;
    for (size_t i = 0; i < id.size; i++)
        if (!http_is_token_char((unsigned char)id.data[i]))
            return;
    memcpy(job->id, id.data, id.size);
    job->id[id.size] = '\0';
}

/* Copy the head and fill job->request; false when there is no memory. One block: headers, head, path, rest. */
static bool fill_request(http_job *job, const char *bytes, size_t size)
{
    const http_head *h = &job->head;
    http_request *r = &job->request;
    size_t headers_size = h->n_fields * sizeof(http_header);

    if (!(job->text = hse_alloc(headers_size + size + 2 * ((size_t)h->target_size + 1))))
        return false;
    http_header *headers = (http_header *)(void *)job->text;
    char *head = job->text + headers_size;
    memcpy(head, bytes, size);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        headers[i].name = (http_slice){head + h->field[i].name, h->field[i].name_size};
        headers[i].value = (http_slice){head + h->field[i].value, h->field[i].value_size};
    }
    r->headers = headers;
    r->n_headers = h->n_fields;
    r->method = h->method;
    r->method_text = (http_slice){head + h->method_at, h->method_size};
    r->target = (http_slice){head + h->target_at, h->target_size};
    r->content_length = h->length;
    r->chunked = h->chunked;
    r->wants_websocket = h->wants_upgrade && h->upgrade_websocket;
    job->minor = h->minor;
    job->head_only = h->method == HTTP_HEAD;
    pthread_mutex_lock(&job->lock);
    job->close = h->close;
    job->body_done = !h->chunked && h->length == 0;
    pthread_mutex_unlock(&job->lock);
    take_id(job);
    return true;
}

static hse_status decode_target(http_job *job, size_t head_size, hse_error *err)
{
    http_request *r = &job->request;
    char *path = job->text + r->n_headers * sizeof(http_header) + head_size;
    size_t size;
    hse_status s = http_decode_path(path, &size, r->target, &r->query, err);

    if (s == HSE_OK)
        r->path = path;
    return s;
}

static http_match find_route(http_job *job)
{
    const http_options *o = &job->server->options;
    http_request *r = &job->request;
    http_match m = http_route_find(o->routes, o->n_routes, r->path, r->method);

    if (strcmp(r->path, "*") == 0)          /* OPTIONS for the server as a whole */
        for (size_t i = 0; i < o->n_routes; i++)
            m.allowed |= o->routes[i].methods | (o->routes[i].methods & HTTP_GET ? (unsigned)HTTP_HEAD : 0u);
    r->route = m.route;
    if (m.route && m.rest_size) {
        char *rest = (char *)r->path + strlen(r->path) + 1;
        memcpy(rest, r->path + m.rest_at, m.rest_size);
        rest[m.rest_size] = '\0';
        r->rest = rest;
    }
    return m;
}

static void refuse_method(http_job *job, unsigned allowed)
{
    char allow[64], text[160];

    http_allow(allow, allowed);
    http_job_header(job, "Allow", allow);
    if (job->request.method == HTTP_OPTIONS) {
        http_job_answer(job, 204, NULL, NULL, 0);
        return;
    }
    snprintf(text, sizeof text, "this path does not take %.*s; it takes %s", (int)job->request.method_text.size,
             job->request.method_text.data, allow);
    http_job_fail(job, 405, text);
}

static void too_large(http_conn *c)
{
    const http_job *job = c->job;
    char text[200];

    if (job->body_limit == 0)
        snprintf(text, sizeof text, "this path takes no request body");
    else if (job->limit_name)
        snprintf(text, sizeof text, "the request body is larger than %llu bytes (option %s)",
                 (unsigned long long)job->body_limit, job->limit_name);
    else
        snprintf(text, sizeof text, "the request body is larger than %llu bytes", (unsigned long long)job->body_limit);
    http_conn_fail(c, 413, text);
}

/* The hook, then what only routing can say. True when there is a route and nothing is answered yet. */
static bool admit(http_job *job)
{
    const http_hooks *hooks = &job->server->options.hooks;
    http_match m = find_route(job);

    if (hooks->before)
        hooks->before(hooks->arg, job);
    if (answered(job))
        return false;
    if (job->request.method == 0)
        http_job_fail(job, 501, "the method is not known");
    else if (!m.allowed && hooks->not_found)
        hooks->not_found(hooks->arg, job);
    else if (!m.allowed)
        http_job_fail(job, 404, "no such path");
    else if (!m.route)
        refuse_method(job, m.allowed);
    return m.route != NULL && !answered(job);
}

/* The handler of a route that takes its body in pieces says how. False when that is settled by an answer. */
static bool ask_handler(http_conn *c)
{
    http_job *job = c->job;
    const http_route *route = job->request.route;

    if (route->body != HTTP_BODY_SINK)
        return true;
    route->handler(job, route->arg);
    if (answered(job))
        return false;
    if (!job->has_sink && !job->collecting) {
        http_job_fail(job, 500, "the server lost this request");
        return false;
    }
    if (!job->request.chunked && job->request.content_length > job->body_limit) {
        too_large(c);
        return false;
    }
    return true;
}

void http_begin(http_conn *c, const char *bytes, size_t size)
{
    http_job *job = c->job;
    hse_error err;

    c->state = CONN_WAIT;
    c->state_due = 0;
    if (!fill_request(job, bytes, size)) {
        http_conn_kill(c);
        return;
    }
    http_count(&c->loop->count.requests, 1);
    if (decode_target(job, size, &err) != HSE_OK) {
        http_conn_fail(c, 400, "the path is not well-formed: '%' needs two hexadecimal digits, the result is UTF-8");
        return;
    }
    if (!admit(job)) {
        if (!answered(job) && job->request.route == NULL)   /* a not_found hook that did not answer */
            http_job_fail(job, 404, "no such path");
        http_job_dispatched(job);
        return;
    }
    const http_route *route = job->request.route;
    job->body_limit = route->body == HTTP_BODY_NONE ? 0 : route->limit;
    job->limit_name = route->limit_name;
    if (!job->request.chunked && job->request.content_length > job->body_limit) {
        too_large(c);
        return;
    }
    if (!ask_handler(c)) {
        http_job_dispatched(job);
        return;
    }
    if (job->body_done) {
        http_body_end(c);
        return;
    }
    c->state = CONN_BODY;
    c->body_start = c->loop->now_ms;
    c->body_bytes = 0;
    c->state_due = c->body_start + job->server->options.body_grace_ms;
    if (job->head.expect_continue && job->minor > 0)
        http_conn_continue(c);
}

static void keep_piece(http_conn *c, http_slice piece)
{
    http_job *job = c->job;
    http_server *s = job->server;

    if (atomic_fetch_add(&s->buffered, piece.size) + piece.size > s->options.max_buffered) {
        atomic_fetch_sub(&s->buffered, piece.size);
        http_job_header(job, "Retry-After", "5");
        http_conn_fail(c, 503, "the server holds as many request bodies as it may; try again later");
        return;
    }
    size_t before = job->body.size;
    hse_buf_append(&job->body, piece.data, piece.size);
    if (job->body.size == before) {
        atomic_fetch_sub(&s->buffered, piece.size);
        http_conn_fail(c, 503, "the server has no memory for the request body");
    }
}

void http_body_piece(http_conn *c, http_slice piece)
{
    http_job *job = c->job;

    job->body_counted += piece.size;
    if (job->body_counted > job->body_limit)
        too_large(c);
    else if (job->has_sink)
        job->sink.data(job, http_job_user(job), piece.data, piece.size);
    else
        keep_piece(c, piece);
}

void http_body_end(http_conn *c)
{
    http_job *job = c->job;
    const http_route *route = job->request.route;

    c->state = CONN_WAIT;
    c->state_due = 0;
    pthread_mutex_lock(&job->lock);
    job->body_done = true;
    pthread_mutex_unlock(&job->lock);
    job->request.body = (hse_bytes){job->body.data, job->body.size};
    if (job->has_sink)
        job->sink.end(job, http_job_user(job));
    else if (job->collecting)
        job->then(job, job->then_arg);
    else
        route->handler(job, route->arg);
    http_job_dispatched(job);
}
