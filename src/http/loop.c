/* loop.c - one epoll loop: accepts, events, timers, jobs that other threads have touched. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <netinet/tcp.h>

enum { BATCH = 256, ACCEPT_BATCH = 64, LONGEST_SLEEP_MS = 60000, ACCEPT_PAUSE_MS = 100 };

/* xoroshiro128+ (Blackman, Vigna): for request ids, where different is enough. */
uint64_t http_random(http_loop *l)
{
    uint64_t a = l->random[0], b = l->random[1], sum = a + b;

    b ^= a;
    l->random[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
    l->random[1] = b << 37 | b >> 27;
    return sum;
}

http_loop *http_loop_new(http_server *s, hse_error *err)
{
    http_loop *l = hse_calloc(1, sizeof *l);

    if (!l) {
        hse_fail(err, HSE_E_NOMEM, 0, "no memory for a server loop");
        return NULL;
    }
    l->source = SOURCE_WAKE;
    l->server = s;
    if (getrandom(l->random, sizeof l->random, 0) != (ssize_t)sizeof l->random) {
        l->random[0] = hse_now_ns();
        l->random[1] = (uint64_t)getpid() << 32 | 1;
    }
    pthread_mutex_init(&l->wake_lock, NULL);
    l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    l->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    if (l->spare < 0 || l->event < 0 || l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->event, &e) != 0) {
        hse_fail_sys(err, errno, "a server loop cannot be made");
        http_loop_free(l);
        return NULL;
    }
    return l;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void stop_listening(http_loop *l)
{
    for (size_t i = 0; i < l->n_listeners; i++)
        close_fd(l->listeners[i].fd);
    l->n_listeners = 0;
    l->listening = false;
}

void http_loop_free(http_loop *l)
{
    if (!l)
        return;
    stop_listening(l);
    hse_free(l->listeners);
    hse_free(l->timers);
    close_fd(l->spare);
    close_fd(l->event);
    close_fd(l->epoll);
    pthread_mutex_destroy(&l->wake_lock);
    hse_free(l);
}

void http_loop_poke(http_loop *l)
{
    uint64_t one = 1;

    (void)!write(l->event, &one, sizeof one);   /* fails only when the counter is full: it is awake then */
}

/* ---- timers: a heap of the connections' next deadlines. A deadline that moves away is noticed when the old one
 * comes. */

static void place(http_loop *l, size_t i, http_conn *c)
{
    l->timers[i] = c;
    c->timer = (ptrdiff_t)i;
}

static void sift_up(http_loop *l, size_t i)
{
    http_conn *c = l->timers[i];

    while (i > 0 && l->timers[(i - 1) / 2]->timer_due > c->timer_due) {
        place(l, i, l->timers[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(l, i, c);
}

static void sift_down(http_loop *l, size_t i)
{
    http_conn *c = l->timers[i];

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->n_timers)
            break;
        if (child + 1 < l->n_timers && l->timers[child + 1]->timer_due < l->timers[child]->timer_due)
            child++;
        if (l->timers[child]->timer_due >= c->timer_due)
            break;
        place(l, i, l->timers[child]);
        i = child;
    }
    place(l, i, c);
}

static uint64_t next_due(const http_conn *c)
{
    if (c->state_due && c->write_due)
        return c->state_due < c->write_due ? c->state_due : c->write_due;
    return c->state_due ? c->state_due : c->write_due;
}

void http_timer_set(http_conn *c)
{
    http_loop *l = c->loop;
    uint64_t due = next_due(c);

    if (due == 0)
        return;
    if (c->timer == HTTP_NO_TIMER) {
        c->timer_due = due;
        l->timers[l->n_timers] = c;
        sift_up(l, l->n_timers++);
    } else if (due < c->timer_due) {
        c->timer_due = due;
        sift_up(l, (size_t)c->timer);
    }
}

void http_timer_remove(http_conn *c)
{
    http_loop *l = c->loop;

    if (c->timer == HTTP_NO_TIMER)
        return;
    size_t i = (size_t)c->timer;
    http_conn *last = l->timers[--l->n_timers];
    c->timer = HTTP_NO_TIMER;
    if (last == c)
        return;
    place(l, i, last);
    sift_up(l, i);
    sift_down(l, (size_t)last->timer);
}

static void run_timers(http_loop *l)
{
    while (l->n_timers && l->timers[0]->timer_due <= l->now_ms) {
        http_conn *c = l->timers[0];
        uint64_t due = next_due(c);

        http_timer_remove(c);
        if (due && due <= l->now_ms)
            http_conn_timeout(c);
        if (c->state != CONN_CLOSED)
            http_timer_set(c);
    }
}

/* ---- accepting ---- */

static void watch_listeners(http_loop *l, bool on)
{
    for (size_t i = 0; i < l->n_listeners; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &l->listeners[i]};
        epoll_ctl(l->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->listeners[i].fd, &e);
    }
}

/* No descriptor is left. A client in the queue would wait and epoll would report it for ever: the spare one is given up
 * for a moment to accept and close it. When even that fails, accepting pauses. */
static void out_of_descriptors(http_loop *l, int listener)
{
    close_fd(l->spare);
    l->spare = -1;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close_fd(fd);
    l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    http_count(&l->count.refused_total, 1);
    if (fd < 0 || l->spare < 0) {
        watch_listeners(l, false);
        l->accept_again_ms = l->now_ms + ACCEPT_PAUSE_MS;
    }
}

static void accept_some(http_loop *l, const http_listener *listener)
{
    for (int i = 0; i < ACCEPT_BATCH && l->listening; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int one = 1, fd = accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            if (!listener->is_unix)
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            http_conn_open(l, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE) {
            if (l->now_ms >= l->warn_again_ms) {        /* a flood of clients must not become one of lines */
                hse_log(HSE_LOG_WARN, "http", NULL, "no file descriptor is left: connections are closed");
                l->warn_again_ms = l->now_ms + 1000;
            }
            out_of_descriptors(l, listener->fd);
            return;
        } else if (errno == ENOBUFS || errno == ENOMEM) {
            watch_listeners(l, false);
            l->accept_again_ms = l->now_ms + ACCEPT_PAUSE_MS;
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- the loop ---- */

static void run_wakes(http_loop *l)
{
    for (;;) {
        pthread_mutex_lock(&l->wake_lock);
        http_job *job = l->wake_first;
        if (job)
            l->wake_first = job->wake_next;
        pthread_mutex_unlock(&l->wake_lock);
        if (!job)
            return;
        pthread_mutex_lock(&job->lock);
        job->posted = false;            /* from now on a change is posted again */
        pthread_mutex_unlock(&job->lock);
        if (job->conn)
            http_conn_wake(job->conn);
        http_job_drop(job);
    }
}

static void free_graves(http_loop *l)
{
    while (l->graves) {
        http_conn *c = l->graves;
        l->graves = c->next;
        hse_free(c);
    }
}

static int sleep_ms(const http_loop *l)
{
    uint64_t until = l->now_ms + LONGEST_SLEEP_MS, now = hse_now_ms();

    if (l->n_timers && l->timers[0]->timer_due < until)
        until = l->timers[0]->timer_due;
    if (l->accept_again_ms && l->accept_again_ms < until)
        until = l->accept_again_ms;
    uint64_t stop = atomic_load(&l->server->stop_due_ms);
    if (!l->listening && stop < until)
        until = stop;
    return until > now ? (int)(until - now) : 0;
}

/* The server stops: no new clients; idle ones go, and all of them once the time is up. */
static void wind_down(http_loop *l)
{
    if (l->listening) {
        for (size_t i = 0; i < l->n_listeners; i++)     /* who is in the queue already is served */
            accept_some(l, &l->listeners[i]);
        stop_listening(l);
    }
    bool late = atomic_load(&l->server->stop_due_ms) <= l->now_ms;
    for (http_conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        if (late)
            http_conn_kill(c);
        else
            http_conn_stop(c);
    }
}

static void dispatch(http_loop *l, const struct epoll_event *e)
{
    uint64_t count;

    switch (*(const http_source *)e->data.ptr) {
    case SOURCE_CONN:
        http_conn_event(e->data.ptr, e->events);
        break;
    case SOURCE_LISTENER:
        accept_some(l, e->data.ptr);
        break;
    case SOURCE_WAKE:
        (void)!read(l->event, &count, sizeof count);
        break;
    }
}

void *http_loop_main(void *arg)
{
    http_loop *l = arg;
    struct epoll_event events[BATCH];
    bool running = true;

    http_current_loop = l;
    l->now_ms = hse_now_ms();
    l->listening = true;
    watch_listeners(l, true);
    while (running) {
        int n = epoll_wait(l->epoll, events, BATCH, sleep_ms(l));
        l->now_ms = hse_now_ms();
        if (l->accept_again_ms && l->accept_again_ms <= l->now_ms) {
            l->accept_again_ms = 0;
            if (l->spare < 0)
                l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
            watch_listeners(l, true);
        }
        for (int i = 0; i < n; i++)
            dispatch(l, &events[i]);
        run_timers(l);
        bool stopping = atomic_load(&l->server->stopping);
        if (stopping)
            wind_down(l);
        run_wakes(l);                   /* last: the loop's own posts do not poke it */
        free_graves(l);
        running = !stopping || l->conns;
    }
    return NULL;
}
