/* conn.c - a connection: bytes in, bytes out, deadlines, the end. Runs on its loop's thread only.
 *
 * Every event ends in pump(), which moves the job's output into the connection's, writes, and takes up input that had
 * to wait, until nothing moves; then arm() tells epoll what to wait for. After an error nothing is parsed any more:
 * the connection answers, closes its side, throws away what comes for drain_ms and ends. */
#include "base/clock.h"
#include "base/mem.h"
#include "http/inner.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <arpa/inet.h>

enum {
    PUMP_ROUNDS = 16,
    FLUSH_BYTES = 1 << 20,              /* written for one connection before the others get their turn */
    SHARED_OUT = 65536,                 /* answers to pipelined requests are put together up to here */
};

static const http_options *options(const http_conn *c)
{
    return &c->loop->server->options;
}

static size_t pending(const http_conn *c)
{
    assert(c->out_sent <= c->out.size && c->blob_sent <= c->blob.size);
    return c->out.size - c->out_sent + (c->blob.size - c->blob_sent);
}

/* May input be understood now? Not while the answers to earlier requests pile up. */
static bool can_parse(const http_conn *c)
{
    return (c->state == CONN_HEAD || (c->state == CONN_BODY && !c->paused)) && c->blob.size == 0 &&
           pending(c) <= options(c)->high_water;
}

static bool can_read(const http_conn *c)
{
    return !c->eof && (c->state == CONN_DRAIN || can_parse(c));
}

/* While a request waits for its answer (or we hold its body up) the peer's departure is all that matters: its FIN is
 * seen even behind bytes that are left unread, which throttles it. Once the answer is there a half-closed peer may
 * have it. */
static bool watches_peer(const http_conn *c)
{
    return (c->state == CONN_WAIT && !c->answered) || (c->state == CONN_BODY && c->paused);
}

static void arm(http_conn *c)
{
    uint32_t events = c->tls_events;

    if (c->state != CONN_HANDSHAKE) {
        if (can_read(c))
            events |= EPOLLIN | EPOLLRDHUP;
        else if (watches_peer(c))
            events |= EPOLLRDHUP;
        if (pending(c) || c->again || (c->tls_more && can_read(c)))
            events |= EPOLLOUT;
    }
    http_timer_set(c);
    if (events == c->events)
        return;
    c->events = events;
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(c->loop->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0)
        http_conn_kill(c);
}

static void report(http_conn *c, http_job *job, int status)
{
    const http_hooks *hooks = &options(c)->hooks;

    pthread_mutex_lock(&job->lock);
    uint64_t bytes = job->bytes;
    pthread_mutex_unlock(&job->lock);
    if (status > 0 && status < 600)
        http_count(&c->loop->count.by_status[status], 1);
    if (hooks->done)
        hooks->done(hooks->arg, &job->request, status, bytes, hse_now_ns() - job->started_ns);
}

void http_conn_kill(http_conn *c)
{
    http_loop *l = c->loop;
    http_job *job = c->job;

    if (c->state == CONN_CLOSED)
        return;
    if (job && c->state != CONN_HEAD) {
        pthread_mutex_lock(&job->lock);
        int status = job->phase == JOB_CUT && job->status ? job->status : 499;
        pthread_mutex_unlock(&job->lock);
        if (status == 499)
            http_count(&l->count.cancelled, 1);
        report(c, job, status);
    }
    c->state = CONN_CLOSED;
    c->job = NULL;
    if (job)
        http_job_detach(job, true);
    SSL_free(c->ssl);
    close(c->fd);
    hse_buf_free(&c->in);
    hse_buf_free(&c->out);
    http_blob_free(&c->blob);
    c->out_sent = c->blob_sent = 0;
    http_timer_remove(c);
    http_limits_leave(&l->server->limits, c->limit);
    if (c->prev)
        c->prev->next = c->next;
    else
        l->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->next = l->graves;
    l->graves = c;
    l->n_conns--;
    atomic_fetch_sub(&l->server->open, 1);
}

/* With a reset instead of a proper end, so that the peer cannot take half an answer for a whole one. */
static void cut(http_conn *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    http_conn_kill(c);
}

static void enter_drain(http_conn *c)
{
    c->state = CONN_DRAIN;
    c->state_due = 0;                   /* runs once the output is out; until then the write deadline does */
    hse_buf_free(&c->in);
}

static void complete(http_conn *c, bool close)
{
    http_job *job = c->job;

    c->job = NULL;
    c->paused = c->answered = false;
    report(c, job, job->status);
    http_job_detach(job, false);
    if (close || atomic_load(&c->loop->server->stopping)) {
        enter_drain(c);
        return;
    }
    c->state = CONN_HEAD;               /* idle from the moment that the answer is out */
    c->state_due = pending(c) ? 0 : c->loop->now_ms + options(c)->idle_ms;
}

/* With the job's lock: take its output over, all at once when the connection has none. */
static void take_output(http_conn *c, http_job *job)
{
    if (pending(c) == 0) {
        hse_buf empty = c->out;
        c->out = job->out;
        job->out = empty;
        job->out.size = 0;
        c->out_sent = 0;
    } else if (c->blob.size == 0 && pending(c) + job->out.size <= SHARED_OUT) {
        hse_buf_consume(&c->out, c->out_sent);
        c->out_sent = 0;
        hse_buf_append(&c->out, job->out.data, job->out.size);
        hse_buf_clear(&job->out);
    } else {
        return;
    }
    c->blob = job->blob;
    c->blob_sent = 0;
    job->blob = (http_blob){0};
}

static void note_pause(http_conn *c, bool paused)
{
    if (paused == c->paused || c->state != CONN_BODY)
        return;
    c->paused = paused;
    if (paused) {
        c->paused_at = c->loop->now_ms;
        c->state_due = 0;
    } else {                            /* the time that we held it up is not the client's */
        c->body_start += c->loop->now_ms - c->paused_at;
        c->state_due = c->body_start + options(c)->body_grace_ms + c->body_bytes * 1000 / options(c)->body_min_rate;
    }
}

/* Move the job on: its output to the connection, its writers' room, its end. */
static void service(http_conn *c)
{
    http_job *job = c->job;
    void (*drain)(http_job *, void *) = NULL;

    if (!job || c->state == CONN_HEAD || c->state == CONN_CLOSED)
        return;
    pthread_mutex_lock(&job->lock);
    bool is_cut = job->phase == JOB_CUT, close = job->close || !job->body_done;
    if (!is_cut && (job->out.size || job->blob.size)) {
        take_output(c, job);
        if (pending(c) && !c->write_due)
            c->write_due = c->loop->now_ms + options(c)->write_stall_ms;
    }
    bool ended = job->phase == JOB_ENDED && job->out.size == 0 && job->blob.size == 0, paused = job->paused;
    c->answered = job->phase == JOB_ENDED;
    job->in_conn = pending(c);
    size_t waiting = job->out.size + job->in_conn;
    if (waiting < job->high_water)
        pthread_cond_broadcast(&job->room);
    if (job->want_drain && waiting < job->high_water / 2) {
        job->want_drain = false;
        drain = job->on_drain;
    }
    void *user = job->user;
    pthread_mutex_unlock(&job->lock);

    if (is_cut || c->out.status != HSE_OK) {
        cut(c);
        return;
    }
    note_pause(c, paused);
    if (drain)
        drain(job, user);
    if (ended)
        complete(c, close);
}

static void output_done(http_conn *c)
{
    hse_buf_free(&c->out);
    http_blob_free(&c->blob);
    c->out_sent = c->blob_sent = 0;
    c->write_due = 0;
    if (c->state == CONN_HEAD && !c->job)
        c->state_due = c->loop->now_ms + options(c)->idle_ms;
}

static void finish_drain(http_conn *c)
{
    if (c->state != CONN_DRAIN || pending(c))
        return;
    if (c->eof) {
        http_conn_kill(c);
        return;
    }
    if (!c->shut) {
        c->shut = true;
        http_io_shut(c);
        c->state_due = c->loop->now_ms + options(c)->drain_ms;
    }
}

/* Write what waits. True when all of it is out. */
static bool flush(http_conn *c)
{
    size_t total = 0, left;

    while ((left = pending(c)) > 0) {
        bool in_blob = c->out_sent == c->out.size;
        const char *base = in_blob ? c->blob.data : (const char *)c->out.data;
        const char *from = base + (in_blob ? c->blob_sent : c->out_sent);
        size_t size = in_blob ? left : c->out.size - c->out_sent;

        if (total >= FLUSH_BYTES)
            return false;
        ptrdiff_t n = http_io_write(c, from, size < FLUSH_BYTES ? size : FLUSH_BYTES);
        if (n == IO_AGAIN)
            return false;
        if (n < 0) {
            http_conn_kill(c);
            return false;
        }
        total += (size_t)n;
        http_count(&c->loop->count.bytes_out, (uint64_t)n);
        c->write_due = c->loop->now_ms + options(c)->write_stall_ms;
        if (in_blob)
            c->blob_sent += (size_t)n;
        else
            c->out_sent += (size_t)n;
    }
    output_done(c);
    return total > 0;
}

void http_conn_fail(http_conn *c, int status, const char *message)
{
    http_job *job = c->job;

    pthread_mutex_lock(&job->lock);
    job->close = true;
    pthread_mutex_unlock(&job->lock);
    c->state = CONN_WAIT;
    c->state_due = 0;
    c->paused = false;
    http_job_fail(job, status, message);
    http_job_tell_cancel(job);          /* whoever took pieces of the body has no more to expect */
    http_job_dispatched(job);
}

void http_conn_continue(http_conn *c)
{
    hse_buf_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    if (!c->write_due)
        c->write_due = c->loop->now_ms + options(c)->write_stall_ms;
}

static size_t take_head(http_conn *c, const char *data, size_t n)
{
    if (!c->job) {
        if (!(c->job = http_job_new(c))) {
            http_conn_kill(c);
            return 0;
        }
        c->state_due = c->loop->now_ms + options(c)->head_ms;
    }
    int k = http_head_feed(&c->job->head, data, n);
    if (k < 0) {
        char words[120];
        snprintf(words, sizeof words, "the header is larger than %u bytes, or has more than %u lines", c->job->head.max_size, c->job->head.max_fields);
        http_conn_fail(c, -k, k == -431 ? words : http_head_error(-k));
        return n;
    }
    if (k > 0)
        http_begin(c, data, (size_t)k);
    return (size_t)k;
}

static size_t take_body(http_conn *c, const char *data, size_t n)
{
    http_job *job = c->job;
    http_slice piece = {data, n};
    size_t used;
    bool end;

    if (job->request.chunked) {
        ptrdiff_t k = http_chunks_feed(&job->chunks, data, n, &piece);
        if (k < 0) {
            http_conn_fail(c, 400, "the chunked request body is not well-formed");
            return n;
        }
        used = (size_t)k;
        end = job->chunks.state == HTTP_CHUNK_DONE;
    } else {
        uint64_t left = job->request.content_length - c->body_bytes;
        if (piece.size > left)
            piece.size = (size_t)left;
        used = piece.size;
        end = piece.size == left;
    }
    c->body_bytes += piece.size;
    c->state_due = c->body_start + options(c)->body_grace_ms + c->body_bytes * 1000 / options(c)->body_min_rate;
    if (piece.size)
        http_body_piece(c, piece);
    if (end && c->state == CONN_BODY && c->job == job)
        http_body_end(c);
    return used;
}

/* Understand as much of the input as may be; returns the bytes that are done with. */
static size_t parse(http_conn *c, const char *data, size_t n)
{
    size_t off = 0;

    while (off < n && can_parse(c)) {
        c->loop->busy = c;
        size_t used = c->state == CONN_HEAD ? take_head(c, data + off, n - off) : take_body(c, data + off, n - off);
        c->loop->busy = NULL;
        if (used == 0)
            break;
        off += used;
        service(c);
    }
    return c->state == CONN_DRAIN || c->state == CONN_CLOSED ? n : off;
}

static bool parse_kept(http_conn *c)
{
    if (c->in.size == 0 || !can_parse(c))
        return false;
    size_t used = parse(c, (const char *)c->in.data, c->in.size);
    if (c->state == CONN_DRAIN || c->state == CONN_CLOSED)
        return true;
    hse_buf_consume(&c->in, used);
    if (c->in.size == 0)
        hse_buf_free(&c->in);
    return used > 0;
}

static void pump(http_conn *c)
{
    bool moved = true;

    c->again = false;
    for (int round = 0; moved && c->state != CONN_CLOSED; round++) {
        if (round == PUMP_ROUNDS) {     /* epoll reports a writable socket at once: the rest at the next round */
            c->again = true;
            break;
        }
        service(c);
        moved = c->state != CONN_CLOSED && flush(c);
        if (c->state != CONN_CLOSED && parse_kept(c))
            moved = true;
        if (c->state != CONN_CLOSED)
            finish_drain(c);
    }
    if (c->state != CONN_CLOSED)
        arm(c);
}

static void input_end(http_conn *c, bool error)
{
    if (!error && pending(c) && (c->state == CONN_HEAD || c->state == CONN_DRAIN)) {
        c->eof = true;                  /* it may still be reading */
        if (c->state == CONN_HEAD && c->job) {
            http_job_detach(c->job, true);
            c->job = NULL;
        }
        enter_drain(c);
        return;
    }
    http_conn_kill(c);
}

static void keep_input(http_conn *c, const char *data, size_t n)
{
    hse_buf_append(&c->in, data, n);
    if (c->in.status != HSE_OK)
        http_conn_kill(c);
}

static void read_input(http_conn *c)
{
    char *scratch = c->loop->scratch;

    c->tls_more = false;
    for (int round = 0; round < HTTP_READ_ROUNDS && can_read(c); round++) {
        ptrdiff_t n = http_io_read(c, scratch, HTTP_READ_SIZE);
        if (n == IO_AGAIN)
            return;
        if (n < 0) {
            input_end(c, n == IO_ERROR);
            return;
        }
        http_count(&c->loop->count.bytes_in, (uint64_t)n);
        if (c->state == CONN_DRAIN)
            continue;
        if (c->in.size) {
            keep_input(c, scratch, (size_t)n);
            if (c->state != CONN_CLOSED)
                parse_kept(c);
        } else {
            size_t used = parse(c, scratch, (size_t)n);
            if (used < (size_t)n)
                keep_input(c, scratch + used, (size_t)n - used);
        }
        if (c->state == CONN_CLOSED || (!c->ssl && n < HTTP_READ_SIZE))
            return;
    }
    /* What OpenSSL has already taken from the socket epoll does not know of. */
    c->tls_more = c->ssl && SSL_has_pending(c->ssl);
}

static bool handshake(http_conn *c)
{
    int r = http_tls_accept(c);

    if (r < 0)
        http_conn_kill(c);
    if (r <= 0)
        return false;
    c->state = CONN_HEAD;
    c->state_due = c->loop->now_ms + options(c)->head_ms;
    return true;
}

void http_conn_event(http_conn *c, uint32_t events)
{
    if (c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_HANDSHAKE && !handshake(c)) {
        if (c->state != CONN_CLOSED)
            arm(c);
        return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) || ((events & EPOLLRDHUP) && watches_peer(c))) {
        http_conn_kill(c);
        return;
    }
    if (events & EPOLLOUT)
        pump(c);
    if (c->state != CONN_CLOSED && ((events & (EPOLLIN | EPOLLRDHUP)) || c->ssl))
        read_input(c);
    if (c->state != CONN_CLOSED)
        pump(c);
}

void http_conn_wake(http_conn *c)
{
    pump(c);
    if (c->state != CONN_CLOSED && c->ssl) {    /* records may have waited inside OpenSSL while nothing was read */
        read_input(c);
        if (c->state != CONN_CLOSED)
            pump(c);
    }
}

void http_conn_timeout(http_conn *c)
{
    uint64_t now = c->loop->now_ms;
    bool stalled = c->write_due && c->write_due <= now;
    bool taking = c->state == CONN_BODY || (c->state == CONN_HEAD && c->job);

    if (!stalled && taking && !can_parse(c)) {  /* it is we who do not read: the write deadline is what runs */
        c->state_due = now + 1000;
        return;
    }
    if (stalled || taking || c->state == CONN_HANDSHAKE)
        http_count(&c->loop->count.timeouts, 1);
    if (stalled || !taking) {
        http_conn_kill(c);
        return;
    }
    http_conn_fail(c, 408, c->state == CONN_HEAD ? "the request header did not come in time"
                                                 : "the request body did not come in time");
    pump(c);
}

void http_conn_stop(http_conn *c)
{
    if (c->state == CONN_HANDSHAKE || (c->state == CONN_HEAD && !c->job && !pending(c))) {
        http_conn_kill(c);
    } else if (c->state == CONN_HEAD && !c->job) {
        enter_drain(c);
        pump(c);
    }
}

static void peer_text(http_conn *c, const struct sockaddr_storage *a)
{
    memcpy(c->peer, "unix", 5);
    if (a->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, c->peer, sizeof c->peer);
    } else if (a->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, c->peer, sizeof c->peer);
    }
}

static bool reserve_timer(http_loop *l)
{
    if (l->n_conns < l->timer_capacity)
        return true;
    size_t capacity = l->timer_capacity ? l->timer_capacity * 2 : 64, size;
    http_conn **timers = hse_mul_size(capacity, sizeof(http_conn *), &size) ? hse_realloc(l->timers, size) : NULL;
    if (!timers)
        return false;
    l->timers = timers;
    l->timer_capacity = capacity;
    return true;
}

/* One attempt to tell a client why; a TLS client could not read it. */
static void say_busy(const http_server *s, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";

    if (!s->tls)
        (void)!send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Takes the descriptor, also when it fails. */
void http_conn_open(http_loop *l, int fd, const struct sockaddr_storage *address)
{
    http_server *s = l->server;
    http_limit_entry *limit = NULL;
    http_conn *c;

    if (atomic_fetch_add(&s->open, 1) >= s->options.max_connections) {
        http_count(&l->count.refused_total, 1);
        say_busy(s, fd);
        goto refuse;
    }
    if (!http_limits_enter(&s->limits, address, s->options.max_per_address, &limit)) {
        http_count(&l->count.refused_address, 1);
        say_busy(s, fd);
        goto refuse;
    }
    if (!reserve_timer(l) || !(c = hse_calloc(1, sizeof *c)))
        goto refuse;
    *c = (http_conn){.source = SOURCE_CONN, .state = CONN_HEAD, .loop = l, .fd = fd, .limit = limit,
                     .timer = HTTP_NO_TIMER, .events = EPOLLIN | EPOLLRDHUP,
                     .state_due = l->now_ms + s->options.head_ms};
    hse_buf_init(&c->in, SIZE_MAX / 2);
    hse_buf_init(&c->out, SIZE_MAX / 2);
    peer_text(c, address);
    if (s->tls) {
        c->state = CONN_HANDSHAKE;
        c->state_due = l->now_ms + s->options.handshake_ms;
        if (!(c->ssl = SSL_new(s->tls)) || SSL_set_fd(c->ssl, fd) != 1) {
            SSL_free(c->ssl);
            hse_free(c);
            goto refuse;
        }
        SSL_set_accept_state(c->ssl);
    }
    struct epoll_event e = {.events = c->events, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        SSL_free(c->ssl);
        hse_free(c);
        goto refuse;
    }
    if ((c->next = l->conns))
        c->next->prev = c;
    l->conns = c;
    l->n_conns++;
    http_count(&l->count.accepted, 1);
    http_timer_set(c);
    return;
refuse:
    http_limits_leave(&s->limits, limit);
    atomic_fetch_sub(&s->open, 1);
    close(fd);
}
