/* server.c - opening, stopping and counting. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "http/inner.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { MAX_LOOPS = 64, OTHER_DESCRIPTORS = 256 };

static void defaults(http_options *o)
{
#define DEFAULT(field, value) o->field = o->field ? o->field : (value)
    DEFAULT(loops, (unsigned)hse_cpu_count());
    DEFAULT(max_header_bytes, HTTP_MAX_HEAD);
    DEFAULT(max_header_fields, HTTP_MAX_FIELDS);
    DEFAULT(max_connections, 12000);
    DEFAULT(max_per_address, 256);
    DEFAULT(max_buffered, (uint64_t)1 << 30);
    DEFAULT(high_water, 262144);
    DEFAULT(head_ms, 10000);
    DEFAULT(idle_ms, 60000);
    DEFAULT(body_grace_ms, 10000);
    DEFAULT(body_min_rate, 1024);
    DEFAULT(write_stall_ms, 30000);
    DEFAULT(handshake_ms, 10000);
    DEFAULT(drain_ms, 500);
    DEFAULT(socket_mode, 0660);
#undef DEFAULT
    if (o->loops > MAX_LOOPS)
        o->loops = MAX_LOOPS;
    o->socket_mode &= 0777;
}

static hse_status check(const http_options *o, hse_error *err)
{
    if (o->max_header_bytes > UINT16_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "the header limit is at most %u bytes, not %u", UINT16_MAX,
                        o->max_header_bytes);
    if (o->max_header_fields > HTTP_MAX_FIELDS)
        return hse_fail(err, HSE_E_ARG, 0, "the limit of header fields is at most %d, not %u", HTTP_MAX_FIELDS,
                        o->max_header_fields);
    if (!o->n_routes || !o->routes)
        return hse_fail(err, HSE_E_ARG, 0, "a server needs routes");
    return http_routes_check(o->routes, o->n_routes, err);
}

/* As many descriptors as the connections may need, as far as the system lets us. */
static void raise_limit(http_options *o)
{
    struct rlimit r;
    rlim_t want = (rlim_t)o->max_connections + OTHER_DESCRIPTORS;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    if (r.rlim_cur < want) {
        r.rlim_cur = r.rlim_max == RLIM_INFINITY || r.rlim_max > want ? want : r.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &r) != 0)
            getrlimit(RLIMIT_NOFILE, &r);
    }
    if (r.rlim_cur < want && r.rlim_cur > 2 * OTHER_DESCRIPTORS) {
        o->max_connections = (uint32_t)(r.rlim_cur - OTHER_DESCRIPTORS);
        hse_log(HSE_LOG_WARN, "http", NULL, "the system allows %llu open files: at most %u connections",
                (unsigned long long)r.rlim_cur, o->max_connections);
    }
}

/* Signals are for the program's own thread; SIGPIPE, which OpenSSL's write could raise, for none. */
static hse_status start(http_server *s, hse_error *err)
{
    sigset_t all, before;
    hse_status status = HSE_OK;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < s->n_loops && status == HSE_OK; i++) {
        int sys = pthread_create(&s->loops[i]->thread, NULL, http_loop_main, s->loops[i]);
        if (sys)
            status = hse_fail_sys(err, sys, "a server thread cannot be started");
        else
            s->loops[i]->started = true;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

hse_status http_server_open(http_server **out, const http_options *options, hse_error *err)
{
    http_server *s = hse_calloc(1, sizeof *s);
    hse_status status;

    if (!s)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the server");
    s->options = *options;
    defaults(&s->options);
    atomic_store(&s->stop_due_ms, UINT64_MAX);
    if ((status = check(&s->options, err)) != HSE_OK || (status = http_limits_init(&s->limits, err)) != HSE_OK)
        goto fail;
    raise_limit(&s->options);
    if ((options->tls_cert || options->tls_key) &&
        (status = http_tls_open(&s->tls, options->tls_cert, options->tls_key, err)) != HSE_OK)
        goto fail;
    if (!(s->loops = hse_calloc(s->options.loops, sizeof(http_loop *)))) {
        status = hse_fail(err, HSE_E_NOMEM, 0, "no memory for the server's loops");
        goto fail;
    }
    for (; s->n_loops < s->options.loops; s->n_loops++)
        if (!(s->loops[s->n_loops] = http_loop_new(s, err))) {
            status = err ? err->status : HSE_E_NOMEM;
            goto fail;
        }
    if ((status = http_listen(s, err)) != HSE_OK || (status = start(s, err)) != HSE_OK)
        goto fail;
    *out = s;
    return HSE_OK;
fail:
    http_server_close(&s);
    return status;
}

uint16_t http_server_port(const http_server *s, size_t i)
{
    return i < s->n_bound ? s->bound[i].port : 0;
}

void http_server_stop(http_server *s, unsigned drain_ms)
{
    uint64_t due = hse_now_ms() + drain_ms;

    if (due < atomic_load(&s->stop_due_ms))
        atomic_store(&s->stop_due_ms, due);
    atomic_store(&s->stopping, true);
    for (unsigned i = 0; i < s->n_loops; i++)
        http_loop_poke(s->loops[i]);
    for (unsigned i = 0; i < s->n_loops; i++)
        if (s->loops[i]->started) {
            pthread_join(s->loops[i]->thread, NULL);
            s->loops[i]->started = false;
        }
}

void http_server_close(http_server **server)
{
    http_server *s = *server;

    if (!s)
        return;
    http_server_stop(s, 0);
    for (unsigned i = 0; i < s->n_loops; i++)
        http_loop_free(s->loops[i]);
    hse_free(s->loops);
    http_unlisten(s);
    http_limits_free(&s->limits);
    SSL_CTX_free(s->tls);
    hse_free(s);
    *server = NULL;
}

void http_server_stats(const http_server *s, http_stats *out)
{
    *out = (http_stats){.open = atomic_load(&s->open), .buffered = atomic_load(&s->buffered)};
    for (unsigned i = 0; i < s->n_loops; i++) {
        const http_counters *c = &s->loops[i]->count;
        out->accepted += atomic_load_explicit(&c->accepted, memory_order_relaxed);
        out->refused_total += atomic_load_explicit(&c->refused_total, memory_order_relaxed);
        out->refused_address += atomic_load_explicit(&c->refused_address, memory_order_relaxed);
        out->requests += atomic_load_explicit(&c->requests, memory_order_relaxed);
        out->in_flight += atomic_load_explicit(&c->in_flight, memory_order_relaxed);
        out->cancelled += atomic_load_explicit(&c->cancelled, memory_order_relaxed);
        out->timeouts += atomic_load_explicit(&c->timeouts, memory_order_relaxed);
        out->bytes_in += atomic_load_explicit(&c->bytes_in, memory_order_relaxed);
        out->bytes_out += atomic_load_explicit(&c->bytes_out, memory_order_relaxed);
        for (size_t k = 0; k < COUNT(out->by_status); k++)
            out->by_status[k] += atomic_load_explicit(&c->by_status[k], memory_order_relaxed);
    }
}
