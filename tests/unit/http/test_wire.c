/* test_wire.c - random connections against the real server, plain and TLS: requests put together, damaged, cut into
 * pieces, left in the middle. Under ASan and TSan this is where mistakes in the connection's life show.
 * HSE_WIRE_CONNECTIONS says how many (2,000 by default); HSE_WIRE_SEED another sequence. Afterwards nothing may be left
 * over. */
#include "tls_client.h"

#include <signal.h>

static atomic_int handles_out;

/* ---- handlers that do something of everything ---- */

static void leave(http_job *job)
{
    http_job_unref(job);
    atomic_fetch_sub(&handles_out, 1);
}

static void *wait_thread(void *arg)
{
    for (int i = 0; i < 20 && !http_job_cancelled(arg); i++)
        sleep_ms(1);
    http_job_answer(arg, 200, "text/plain", "late", 4);
    leave(arg);
    return NULL;
}

static void *stream_thread(void *arg)
{
    static const char piece[50000];
    hse_status s = http_job_start(arg, 200, "text/plain");

    for (int i = 0; i < 120 && s == HSE_OK; i++)
        s = http_job_write(arg, piece, sizeof piece, 30);
    if (s == HSE_OK)
        http_job_finish(arg);
    else
        http_job_fail(arg, 500, "cut");
    leave(arg);
    return NULL;
}

static void *resume_thread(void *arg)
{
    sleep_ms(1);
    http_job_resume_body(arg);
    leave(arg);
    return NULL;
}

static void hand_over(http_job *job, void *arg)
{
    void *(*f)(void *);

    memcpy(&f, arg, sizeof f);
    atomic_fetch_add(&handles_out, 1);
    run_thread(f, job);
}

static void take(http_job *job, void *user, const void *data, size_t size)
{
    unsigned *calls = user;

    if (++*calls == 3) {
        http_job_pause_body(job);
        atomic_fetch_add(&handles_out, 1);
        run_thread(resume_thread, job);
    }
    if (size && memchr(data, '!', size))
        http_job_fail(job, 422, "a piece that is not wanted");
}

static void take_end(http_job *job, void *user)
{
    (void)user;
    http_job_answer(job, 200, "text/plain", "taken", 5);
}

static void note_cancel(http_job *job, void *user)
{
    (void)user;
    if (!http_job_cancelled(job))
        abort();
}

static void answer_sink(http_job *job, void *arg)
{
    static const http_sink sink = {take, take_end};

    (void)arg;
    http_job_attach(job, hse_calloc(1, sizeof(unsigned)), hse_free);
    http_job_on_cancel(job, note_cancel);
    http_job_sink(job, &sink);
}

static void pour_more(http_job *job, void *user)
{
    static const char piece[20000];
    unsigned *left = user;

    while (*left && http_job_try_write(job, piece, sizeof piece) == HSE_OK)
        --*left;
    if (*left == 0)
        http_job_finish(job);
}

/* Keeps no handle while it pours: the job is failed when the handler returns, at any state of the output. */
static void answer_pour(http_job *job, void *arg)
{
    unsigned *left = hse_calloc(1, sizeof *left);

    (void)arg;
    *left = 50;
    http_job_attach(job, left, hse_free);
    http_job_on_drain(job, pour_more);
    http_job_start(job, 200, "text/plain");
    pour_more(job, left);
}

static void answer_blob(http_job *job, void *arg)
{
    (void)arg;
    http_job_answer_take(job, 200, "text/plain", hse_calloc(1, 300000), 300000, hse_free);
}

static void guard(void *arg, http_job *job)
{
    (void)arg;
    if (http_slice_is(http_request_header(http_job_request(job), "Authorization"), "no"))
        http_job_fail(job, 401, "no");
}

static void *(*threads[])(void *) = {wait_thread, stream_thread};

static const http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
    {HTTP_POST, "/body", HTTP_BODY_BUFFERED, 5000, "--max", answer_body_size, NULL, 0},
    {HTTP_GET | HTTP_POST, "/wait", HTTP_BODY_BUFFERED, 100, NULL, hand_over, &threads[0], 0},
    {HTTP_GET, "/stream", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[1], 0},
    {HTTP_POST, "/sink", HTTP_BODY_SINK, 100000, NULL, answer_sink, NULL, 0},
    {HTTP_GET, "/pour", HTTP_BODY_NONE, 0, NULL, answer_pour, NULL, 0},
    {HTTP_GET, "/blob/*", HTTP_BODY_NONE, 0, NULL, answer_blob, NULL, 0},
};

/* ---- the connections ---- */

static const char *const parts[] = {
    "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /hello HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n",
    "POST /body HTTP/1.1\r\nHost: a\r\nAuthorization: no\r\nContent-Length: 5\r\n\r\nhello",
    "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /stream HTTP/1.0\r\n\r\n",
    "GET /pour HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /blob/a%20b/c?x=1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
    "chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n3;x=y\r\nefg\r\n0\r\nT: u\r\n\r\n",
    "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab!defgh",
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /hello HTTP/1.1\nHost: a\n\n",
};
static const char *const bits[] = {"\r\n",      "\n",   "\r", " ", ":",          "ffffffff",
                                   "0\r\n\r\n", "\x80", "%",  "!", "Host: b\r\n"};

static _Atomic uint64_t connections;

typedef struct {
    uint16_t port, tls_port;
    tls_files *tls;
    uint64_t state;
    unsigned count;
} fuzzer;

static unsigned draw(fuzzer *f, unsigned below)
{
    f->state ^= f->state << 13;
    f->state ^= f->state >> 7;
    f->state ^= f->state << 17;
    return (unsigned)(f->state % below);
}

static void compose(fuzzer *f, hse_buf *b)
{
    hse_buf_clear(b);
    for (unsigned i = 0, n = 1 + draw(f, 3); i < n; i++)
        hse_buf_str(b, parts[draw(f, COUNT(parts))]);
    for (unsigned i = 0, n = draw(f, 5); i < n && b->size; i++) {
        unsigned at = draw(f, (unsigned)b->size), kind = draw(f, 10);
        const char *bit = bits[draw(f, COUNT(bits))];
        if (kind < 4) {
            b->data[at] = (uint8_t)draw(f, 256);
        } else if (kind < 6) {
            size_t cut = 1 + draw(f, 4), left = b->size - at;
            cut = cut < left ? cut : left;
            memmove(b->data + at, b->data + at + cut, left - cut);
            b->size -= cut;
        } else if (kind < 8) {
            size_t size = strlen(bit), left = b->size - at;
            hse_buf_append(b, bit, size);
            memmove(b->data + at + size, b->data + at, left);
            memcpy(b->data + at, bit, size);
        }
    }
}

static void send_pieces(fuzzer *f, int fd, SSL *ssl, const hse_buf *b)
{
    static const unsigned sizes[] = {1, 7, 50, 9999};
    size_t step = sizes[draw(f, 4)], sent;

    for (size_t at = 0; at < b->size; at += step) {
        size_t n = step < b->size - at ? step : b->size - at;
        if (ssl ? SSL_write_ex(ssl, b->data + at, n, &sent) != 1 : !send_all(fd, b->data + at, n))
            return;
    }
}

static void one_connection(fuzzer *f, hse_buf *b)
{
    bool use_tls = draw(f, 12) == 0;
    int fd = dial(use_tls ? f->tls_port : f->port);
    struct linger now = {1, 0};
    SSL *ssl = NULL;
    char got[4096];
    size_t n;

    set_timeout(fd, 20);
    bool lazy = draw(f, 16) == 0; /* takes so little that writers run into their deadlines */
    if (lazy)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    compose(f, b);
    if (use_tls && draw(f, 8)) {
        set_timeout(fd, 500);
        ssl = tls_dial(f->tls, fd);
        set_timeout(fd, 20);
    }
    if (!use_tls || ssl || draw(f, 2))
        send_pieces(f, fd, ssl, b);
    for (unsigned i = draw(f, 4); i > 1; i--)
        if (ssl ? SSL_read_ex(ssl, got, sizeof got, &n) != 1 : recv(fd, got, draw(f, 2) ? 1 : sizeof got, 0) <= 0)
            break;
    if (lazy)
        sleep_ms(draw(f, 60));
    if (draw(f, 8) == 0)
        shutdown(fd, SHUT_WR);
    if (draw(f, 3) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    SSL_free(ssl);
    close(fd);
    atomic_fetch_add(&connections, 1);
}

static void *fuzz_thread(void *arg)
{
    fuzzer *f = arg;
    hse_buf b;

    hse_buf_init(&b, 1 << 16);
    for (unsigned i = 0; i < f->count; i++)
        one_connection(f, &b);
    hse_buf_free(&b);
    return NULL;
}

static unsigned number(const char *variable, unsigned otherwise)
{
    const char *text = getenv(variable);

    return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

TEST(random_connections_leave_nothing_behind)
{
    enum { THREADS = 4 };
    http_options o = {.routes = routes,
                      .n_routes = COUNT(routes),
                      .drain_ms = 50,
                      .head_ms = 200,
                      .idle_ms = 200,
                      .body_grace_ms = 200,
                      .write_stall_ms = 300,
                      .handshake_ms = 300,
                      .high_water = 65536,
                      .hooks = {.before = guard}};
    unsigned total = number("HSE_WIRE_CONNECTIONS", is_quick() ? 100 : 2000);
    uint64_t seed = number("HSE_WIRE_SEED", 7);
    tls_files tls;
    uint16_t port, tls_port;
    pthread_t t[THREADS];
    fuzzer f[THREADS];
    char got[512];

    signal(SIGPIPE, SIG_IGN);
    make_tls(&tls);
    http_server *s = open_server(&o, &port);
    o.tls_cert = tls.cert;
    o.tls_key = tls.key;
    http_server *secure = open_server(&o, &tls_port);
    for (unsigned i = 0; i < THREADS; i++) {
        f[i] = (fuzzer){port, tls_port, &tls, (seed * THREADS + i + 1) * 0x9E3779B97F4A7C15u, total / THREADS};
        assert_int_equal(pthread_create(&t[i], NULL, fuzz_thread, &f[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);

    CHECK(ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got) == 200, "afterwards: %.200s", got);
    for (int i = 0; i < 3000 && atomic_load(&handles_out); i++)
        sleep_ms(1);
    CHECK(atomic_load(&handles_out) == 0, "%d threads still hold jobs", atomic_load(&handles_out));
    http_server *both[] = {s, secure};
    for (int i = 0; i < 2; i++) {
        http_stats stats; /* every deadline above is far below 5 s */
        WAIT_STATS(both[i], stats, stats.open == 0 && stats.in_flight == 0 && stats.buffered == 0);
        printf("%s: %llu requests, %llu answered 200, %llu 400, %llu cancelled, %llu timeouts\n", i ? "TLS" : "plain",
               (unsigned long long)stats.requests, (unsigned long long)stats.by_status[200],
               (unsigned long long)stats.by_status[400], (unsigned long long)stats.cancelled,
               (unsigned long long)stats.timeouts);
    }
    printf("%llu connections\n", (unsigned long long)atomic_load(&connections));
    http_server_close(&s);
    http_server_close(&secure);
    drop_tls(&tls);
}
