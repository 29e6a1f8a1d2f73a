/* job.c - the handle of a request: answers from any thread, back-pressure, cancellation. */
#include "base/clock.h"
#include "base/mem.h"
#include "http/inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OUT_CEILING_BITS = 62 };         /* what an answer may hold: memory is the limit, not this */

_Thread_local http_loop *http_current_loop;

http_job *http_job_new(http_conn *c)
{
    http_server *s = c->loop->server;
    http_job *job = hse_alloc(sizeof *job);

    if (!job)
        return NULL;
    memset(job, 0, offsetof(http_job, head));
    http_head_init(&job->head, s->options.max_header_bytes, s->options.max_header_fields);
    atomic_init(&job->refs, 2);
    atomic_init(&job->handles, 1);
    job->conn = c;
    job->server = s;
    job->loop = c->loop;
    job->high_water = s->options.high_water;
    job->error_body = s->options.hooks.error_body;
    job->error_arg = s->options.hooks.arg;
    job->error_type = s->options.hooks.error_type;
    job->started_ns = hse_now_ns();
    job->minor = 1;
    job->body_done = true;
    memcpy(job->peer, c->peer, sizeof job->peer);
    snprintf(job->id, sizeof job->id, "req_%016llx%08llx", (unsigned long long)http_random(c->loop),
             (unsigned long long)http_random(c->loop) >> 32);
    job->request = (http_request){.path = "", .rest = "", .query = {"", 0}, .method_text = {"", 0}, .target = {"", 0},
                                  .id = job->id, .peer = job->peer, .tls = c->ssl != NULL};
    hse_buf_init(&job->extra, HTTP_MAX_EXTRA);
    hse_buf_init(&job->out, (size_t)1 << OUT_CEILING_BITS);
    hse_buf_init(&job->body, (size_t)1 << OUT_CEILING_BITS);
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job->room, &attr);
    pthread_condattr_destroy(&attr);
    http_count(&c->loop->count.in_flight, 1);
    return job;
}

static void job_free(http_job *job)
{
    if (job->release)
        job->release(job->user);
    http_blob_free(&job->blob);
    hse_buf_free(&job->extra);
    hse_buf_free(&job->out);
    hse_buf_free(&job->body);
    hse_free(job->text);
    pthread_cond_destroy(&job->room);
    pthread_mutex_destroy(&job->lock);
    hse_free(job);
}

void http_job_hold(http_job *job)
{
    atomic_fetch_add(&job->refs, 1);
}

void http_job_drop(http_job *job)
{
    if (atomic_fetch_sub(&job->refs, 1) == 1)
        job_free(job);
}

http_job *http_job_ref(http_job *job)
{
    atomic_fetch_add(&job->handles, 1);
    http_job_hold(job);
    return job;
}

/* The last one who could have answered has gone: the client must not wait for ever. */
void http_job_unref(http_job *job)
{
    if (!job)
        return;
    if (atomic_fetch_sub(&job->handles, 1) == 1)
        http_job_fail(job, 500, "the server lost this request");
    http_job_drop(job);
}

void http_job_dispatched(http_job *job)
{
    if (!job->dispatched) {
        job->dispatched = true;
        http_job_unref(job);
    }
}

/* The list of a loop may be empty only if the loop has been poked for it or is about to look (its own posts). */
void http_job_post(http_job *job)
{
    http_loop *l = job->loop;

    if (!l || job->posted || (http_current_loop == l && l->busy && l->busy == job->conn))
        return;
    job->posted = true;
    http_job_hold(job);
    job->wake_next = NULL;
    pthread_mutex_lock(&l->wake_lock);
    bool first = l->wake_first == NULL;
    if (first)
        l->wake_first = job;
    else
        l->wake_last->wake_next = job;
    l->wake_last = job;
    pthread_mutex_unlock(&l->wake_lock);
    if (first && http_current_loop != l)
        http_loop_poke(l);
}

void http_job_tell_cancel(http_job *job)
{
    pthread_mutex_lock(&job->lock);
    bool first = !atomic_exchange(&job->cancelled, true);
    void (*f)(http_job *, void *) = first ? job->on_cancel : NULL;
    void *user = job->user;
    pthread_cond_broadcast(&job->room);
    pthread_mutex_unlock(&job->lock);
    if (f)
        f(job, user);
}

void http_job_detach(http_job *job, bool cancel)
{
    http_counters *count = &job->conn->loop->count;

    job->conn = NULL;
    pthread_mutex_lock(&job->lock);
    job->loop = NULL;
    pthread_cond_broadcast(&job->room);
    pthread_mutex_unlock(&job->lock);
    if (cancel)
        http_job_tell_cancel(job);
    atomic_fetch_sub(&job->server->buffered, job->body.size);
    atomic_fetch_sub_explicit(&count->in_flight, 1, memory_order_relaxed);
    http_job_dispatched(job);
    http_job_drop(job);
}

const http_request *http_job_request(const http_job *job)
{
    return &job->request;
}

http_slice http_request_header(const http_request *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_headers; i++)
        if (http_slice_is_nocase(r->headers[i].name, name))
            return r->headers[i].value;
    return (http_slice){NULL, 0};
}

void http_job_attach(http_job *job, void *user, void (*release)(void *))
{
    pthread_mutex_lock(&job->lock);
    void *old = job->user;
    void (*old_release)(void *) = job->release;
    job->user = user;
    job->release = release;
    pthread_mutex_unlock(&job->lock);
    if (old_release)
        old_release(old);
}

void *http_job_user(const http_job *job)
{
    http_job *j = (http_job *)job;

    pthread_mutex_lock(&j->lock);
    void *user = j->user;
    pthread_mutex_unlock(&j->lock);
    return user;
}

static bool value_ok(const char *v)
{
    for (; *v; v++)
        if (((unsigned char)*v < 32 && *v != '\t') || *v == 127)
            return false;
    return true;
}

static bool name_ok(const char *name)
{
    static const char *const ours[] = {"content-length", "transfer-encoding", "connection", "date", "x-request-id"};
    http_slice s = {name, strlen(name)};

    for (size_t i = 0; i < s.size; i++)
        if (!http_is_token_char((unsigned char)name[i]))
            return false;
    for (size_t i = 0; i < COUNT(ours); i++)
        if (http_slice_is_nocase(s, ours[i]))
            return false;
    return s.size > 0;
}

hse_status http_job_header(http_job *job, const char *name, const char *value)
{
    hse_status s = HSE_E_ARG;

    if (!name_ok(name) || !value_ok(value))
        return HSE_E_ARG;
    pthread_mutex_lock(&job->lock);
    if (job->phase == JOB_OPEN) {
        size_t before = job->extra.size;
        hse_buf_printf(&job->extra, "%s: %s\r\n", name, value);
        if ((s = job->extra.status) != HSE_OK) {        /* never half a line */
            job->extra.size = before;
            job->extra.status = HSE_OK;
        }
    }
    pthread_mutex_unlock(&job->lock);
    return s;
}

/* With the lock: may an answer begin? */
static hse_status may_begin(const http_job *job, int status, const char *type)
{
    if (job->phase != JOB_OPEN || status < 200 || status > 599 || (type && !value_ok(type)))
        return HSE_E_ARG;
    return job->loop && !atomic_load(&job->cancelled) ? HSE_OK : HSE_E_CANCELLED;
}

/* With the lock: the head. Without all of the body received, what follows on the connection has no known beginning. */
static void begin(http_job *job, int status, const char *type, int64_t length)
{
    if (!job->body_done || (length < 0 && job->minor == 0) || atomic_load(&job->loop->server->stopping))
        job->close = true;
    job->status = status;
    http_put_head(&job->out, job, status, type, length, job->close);
}

/* With the lock: what was queued goes out, or the connection is cut when memory ran out meanwhile. */
static hse_status queued(http_job *job, http_job_phase phase, size_t before)
{
    hse_status s = job->out.status;

    job->phase = s == HSE_OK ? phase : JOB_CUT;
    job->bytes += job->out.size - before;
    http_job_post(job);
    return s;
}

static hse_status answer(http_job *job, int status, const char *type, http_blob blob, bool copy)
{
    pthread_mutex_lock(&job->lock);
    hse_status s = may_begin(job, status, type);
    if (s == HSE_OK) {
        bool bare = job->head_only || status == 204 || status == 304;
        begin(job, status, type, (int64_t)blob.size);
        if (!bare && copy) {
            hse_buf_append(&job->out, blob.data, blob.size);
        } else if (!bare && blob.size) {
            job->blob = blob;
            job->bytes += blob.size;
            blob.release = NULL;
        }
        s = queued(job, JOB_ENDED, 0);
    }
    pthread_mutex_unlock(&job->lock);
    http_blob_free(&blob);
    return s;
}

hse_status http_job_answer(http_job *job, int status, const char *type, const void *body, size_t size)
{
    return answer(job, status, type, (http_blob){.data = (void *)body, .size = size}, true);
}

hse_status http_job_answer_take(http_job *job, int status, const char *type, void *body, size_t size,
                                void (*release)(void *))
{
    return answer(job, status, type, (http_blob){.data = body, .size = size, .release = release}, false);
}

void http_job_fail(http_job *job, int status, const char *message)
{
    hse_buf body;
    hse_status s = HSE_OK;

    pthread_mutex_lock(&job->lock);
    http_job_phase phase = job->loop ? job->phase : JOB_ENDED;
    if (phase == JOB_STREAM) {
        job->phase = JOB_CUT;
        http_job_post(job);
    }
    pthread_mutex_unlock(&job->lock);
    if (phase != JOB_OPEN)
        return;

    hse_buf_init(&body, (size_t)1 << 20);
    if (job->error_body)
        job->error_body(job->error_arg, status, message, &body);
    else
        hse_buf_printf(&body, "%s\n", message);
    const char *type = job->error_body ? job->error_type : "text/plain; charset=utf-8";
    if (body.status == HSE_OK)
        s = http_job_answer(job, status, type, body.data, body.size);
    else
        s = http_job_answer(job, status, NULL, NULL, 0);
    hse_buf_free(&body);
    if (s != HSE_E_NOMEM)
        return;
    pthread_mutex_lock(&job->lock);
    job->phase = JOB_CUT;
    http_job_post(job);
    pthread_mutex_unlock(&job->lock);
}

hse_status http_job_start(http_job *job, int status, const char *type)
{
    pthread_mutex_lock(&job->lock);
    hse_status s = may_begin(job, status, type);
    if (s == HSE_OK) {
        begin(job, status, type, -1);
        s = queued(job, JOB_STREAM, 0);
    }
    pthread_mutex_unlock(&job->lock);
    return s;
}

/* With the lock. Each piece is one chunk; HTTP/1.0 has none, the end of the connection ends the body. */
static hse_status put_piece(http_job *job, const void *data, size_t size)
{
    size_t before = job->out.size;

    if (job->head_only || job->status == 204 || job->status == 304 || size == 0)
        return HSE_OK;
    if (job->minor > 0)
        hse_buf_printf(&job->out, "%zx\r\n", size);
    hse_buf_append(&job->out, data, size);
    if (job->minor > 0)
        hse_buf_append(&job->out, "\r\n", 2);
    return queued(job, JOB_STREAM, before);
}

static hse_status may_write(const http_job *job)
{
    if (!job->loop || atomic_load(&job->cancelled) || job->phase == JOB_CUT)
        return HSE_E_CANCELLED;
    return job->phase == JOB_STREAM ? HSE_OK : HSE_E_ARG;
}

static bool is_full(const http_job *job)
{
    return job->out.size + job->in_conn >= job->high_water;
}

/* With the lock: wait until the queue has room. */
static hse_status wait_for_room(http_job *job, const struct timespec *until)
{
    hse_status s;

    while ((s = may_write(job)) == HSE_OK && is_full(job))
        if (pthread_cond_timedwait(&job->room, &job->lock, until) == ETIMEDOUT && is_full(job)) {
            s = may_write(job);
            return s == HSE_OK ? HSE_E_DEADLINE : s;
        }
    return s;
}

hse_status http_job_write(http_job *job, const void *data, size_t size, unsigned timeout_ms)
{
    const uint8_t *p = data;
    uint64_t due = hse_now_ns() + (uint64_t)timeout_ms * 1000000u;
    struct timespec until = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};

    if (http_current_loop)
        return HSE_E_ARG;
    pthread_mutex_lock(&job->lock);
    hse_status s = may_write(job);
    while (size && s == HSE_OK && (s = wait_for_room(job, &until)) == HSE_OK) {
        size_t piece = size < HTTP_READ_SIZE ? size : HTTP_READ_SIZE;
        s = put_piece(job, p, piece);
        p += piece;
        size -= piece;
    }
    pthread_mutex_unlock(&job->lock);
    return s;
}

hse_status http_job_try_write(http_job *job, const void *data, size_t size)
{
    pthread_mutex_lock(&job->lock);
    hse_status s = may_write(job);
    if (s == HSE_OK && is_full(job)) {
        job->want_drain = true;
        s = HSE_E_BUSY;
    } else if (s == HSE_OK) {
        s = put_piece(job, data, size);
    }
    pthread_mutex_unlock(&job->lock);
    return s;
}

hse_status http_job_finish(http_job *job)
{
    pthread_mutex_lock(&job->lock);
    hse_status s = may_write(job);
    if (s == HSE_OK) {
        size_t before = job->out.size;
        if (job->minor > 0 && !job->head_only && job->status != 204 && job->status != 304)
            hse_buf_str(&job->out, "0\r\n\r\n");
        s = queued(job, JOB_ENDED, before);
    }
    pthread_mutex_unlock(&job->lock);
    return s;
}

bool http_job_cancelled(const http_job *job)
{
    return atomic_load(&job->cancelled);
}

void http_job_on_cancel(http_job *job, void (*f)(http_job *, void *))
{
    pthread_mutex_lock(&job->lock);
    bool now = atomic_load(&job->cancelled);
    void *user = job->user;
    job->on_cancel = now ? NULL : f;
    pthread_mutex_unlock(&job->lock);
    if (now && f)
        f(job, user);
}

void http_job_on_drain(http_job *job, void (*f)(http_job *, void *))
{
    pthread_mutex_lock(&job->lock);
    job->on_drain = f;
    pthread_mutex_unlock(&job->lock);
}

hse_status http_job_sink(http_job *job, const http_sink *sink)
{
    if (!job->conn || !sink->data || !sink->end)
        return HSE_E_ARG;
    job->sink = *sink;
    job->has_sink = true;
    return HSE_OK;
}

hse_status http_job_collect(http_job *job, uint64_t limit, const char *limit_name, http_handler *then, void *arg)
{
    if (!job->conn || job->has_sink || !then)
        return HSE_E_ARG;
    job->collecting = true;
    job->body_limit = limit;
    job->limit_name = limit_name;
    job->then = then;
    job->then_arg = arg;
    return HSE_OK;
}

static void set_paused(http_job *job, bool paused)
{
    pthread_mutex_lock(&job->lock);
    job->paused = paused;
    http_job_post(job);
    pthread_mutex_unlock(&job->lock);
}

void http_job_pause_body(http_job *job)
{
    set_paused(job, true);
}

void http_job_resume_body(http_job *job)
{
    set_paused(job, false);
}
