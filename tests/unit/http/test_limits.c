/* test_limits.c - every wait ends: slow heads, slow bodies, idle connections, readers that stop; floods stay flat. */
#include "client.h"

#include <fcntl.h>

enum { LIMIT_MS = 300, STALL_MS = 600, LATE_MS = 2500, BIG = 20 << 20 };

static void answer_big(http_job *job, void *arg)
{
    char *p = hse_calloc(1, BIG);

    (void)arg;
    http_job_answer_take(job, 200, "application/octet-stream", p, BIG, hse_free);
}

static void answer_ten_kib(http_job *job, void *arg)
{
    static const char ten[10240];

    (void)arg;
    http_job_answer(job, 200, "text/plain", ten, sizeof ten);
}

static const http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
    {HTTP_GET, "/ten", HTTP_BODY_NONE, 0, NULL, answer_ten_kib, NULL, 0},
    {HTTP_POST, "/body", HTTP_BODY_BUFFERED, 1 << 20, NULL, answer_body_size, NULL, 0},
    {HTTP_GET, "/big", HTTP_BODY_NONE, 0, NULL, answer_big, NULL, 0},
};

static http_server *open_limited(uint16_t *port)
{
    http_options o = {.routes = routes,
                      .n_routes = COUNT(routes),
                      .drain_ms = 100,
                      .head_ms = LIMIT_MS,
                      .idle_ms = LIMIT_MS,
                      .body_grace_ms = LIMIT_MS,
                      .body_min_rate = 1000,
                      .write_stall_ms = STALL_MS};

    return open_server(&o, port);
}

/* Send `first`, then `drip` every 40 ms until the server answers or closes. Milliseconds that it took. */
static unsigned drip_until_cut(uint16_t port, const char *first, const char *drip, char *got, size_t capacity)
{
    int fd = dial(port);
    uint64_t start = hse_now_ms();
    bool closed = false;

    send_text(fd, first);
    got[0] = '\0';
    while (!closed && !got[0] && hse_now_ms() - start < 3000) {
        if (!send_text(fd, drip))
            break;
        receive(fd, got, capacity, 40, &closed);
    }
    unsigned took = (unsigned)(hse_now_ms() - start);
    close(fd);
    return took;
}

TEST(slow_heads_and_bodies_are_cut)
{
    static const struct {
        const char *name, *first, *drip;
        int status;
    } cases[] = {
        {"head", "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", "a", 408},
        {"first line", "G", "E", 408},
        {"lines of a head", "GET /hello HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 408},
        {"body with a length", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n", "x", 408},
        {"chunked body", "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 408},
        {"chunk extension", "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;", "x", 408},
        {"nothing", "", "", 0},
        {"idle after a request", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "", 404},
    };
    uint16_t port;
    http_server *s = open_limited(&port);
    char got[4096];
    http_stats stats;

    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned took = drip_until_cut(port, cases[i].first, cases[i].drip, got, sizeof got);
        CHECK(status_of(got) == cases[i].status, "%s: got %.200s", cases[i].name, got);
        CHECK((took >= LIMIT_MS - 20 && took < LATE_MS) || cases[i].status == 404, "%s: after %u ms", cases[i].name,
              took);
    }
    http_server_stats(s, &stats);
    CHECK(stats.timeouts == 6, "%llu timeouts are counted", (unsigned long long)stats.timeouts);
    http_server_close(&s);
}

TEST(idle_connections_are_closed_and_quick_bodies_are_not)
{
    uint16_t port;
    http_server *s = open_limited(&port);
    char got[4096], block[100];
    bool closed;
    int fd = dial(port);

    memset(block, 'x', sizeof block);
    send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    receive_answer(fd, got, sizeof got);
    uint64_t start = hse_now_ms();
    receive(fd, got, sizeof got, 3000, &closed);
    uint64_t took = hse_now_ms() - start;
    CHECK(closed && !got[0] && took >= LIMIT_MS - 20 && took < LATE_MS, "idle: after %llu ms",
          (unsigned long long)took);
    close(fd);

    fd = dial(port); /* 2,500 bytes a second for 0.8 s, which is longer than the grace */
    send_text(fd, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        send_all(fd, block, sizeof block);
        sleep_ms(40);
    }
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 200 && strstr(got, "\r\n\r\n2000"), "a body in time: %.200s", got);
    close(fd);
    http_server_close(&s);
}

TEST(a_reader_that_stops_is_cut)
{
    uint16_t port;
    http_server *s = open_limited(&port);
    int fd = dial(port), small = 32768;
    http_stats stats = {0};

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    uint64_t start = hse_now_ms();
    while ((stats.timeouts == 0 || stats.open) && hse_now_ms() - start < 5000) {
        sleep_ms(5);
        http_server_stats(s, &stats);
    }
    uint64_t took = hse_now_ms() - start;
    CHECK(stats.timeouts == 1 && stats.open == 0, "%llu timeouts, %llu open", (unsigned long long)stats.timeouts,
          (unsigned long long)stats.open);
    CHECK(took >= STALL_MS - 20 && took < LATE_MS, "after %llu ms", (unsigned long long)took);
    close(fd);
    http_server_close(&s);
}

/* Longer than the idle time, but never longer than the write deadline without a byte taken. */
TEST(a_slow_reader_gets_its_whole_answer)
{
    uint16_t port;
    http_server *s = open_limited(&port);
    int fd = dial(port), small = 32768;
    size_t n = 0;
    char *got = malloc(1 << 20);
    uint64_t start = hse_now_ms();

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    while (n < BIG) {
        ssize_t r = recv(fd, got, 1 << 20, MSG_WAITALL);
        CHECK(r > 0, "cut after %zu bytes and %llu ms", n, (unsigned long long)(hse_now_ms() - start));
        n += (size_t)r;
        sleep_ms(40);
    }
    CHECK(hse_now_ms() - start > 2 * LIMIT_MS, "the test is too quick to show anything");
    close(fd);
    free(got);
    http_server_close(&s);
}

TEST(after_an_error_the_rest_is_drained_for_a_moment_only)
{
    uint16_t port;
    http_server *s = open_limited(&port);
    int fd = dial(port);
    char noise[1000];
    http_stats stats = {0};

    memset(noise, 'n', sizeof noise);
    send_text(fd, "bad\r\n\r\n");
    uint64_t start = hse_now_ms();
    do { /* never reads, never stops */
        send_all(fd, noise, sizeof noise);
        sleep_ms(5);
        http_server_stats(s, &stats);
    } while ((stats.open || !stats.accepted) && hse_now_ms() - start < 5000);
    CHECK(hse_now_ms() - start < LATE_MS, "still open after %llu ms", (unsigned long long)(hse_now_ms() - start));
    close(fd);
    http_server_close(&s);
}

/* Requests without end whose answers nobody reads. */
static void flood(uint16_t port, const char *path, long most_kib)
{
    char request[100];
    hse_buf all;
    int fd = dial(port);
    size_t sent = 0;
    long before = resident_kib();

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    hse_buf_init(&all, 1 << 20);
    while (all.size < 65536)
        hse_buf_str(&all, request);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (uint64_t end = hse_now_ms() + 250; hse_now_ms() < end;) {
        size_t at = sent % all.size;
        ssize_t n = send(fd, all.data + at, all.size - at, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else
            sleep_ms(1);
    }
    CHECK(sent > 65536, "%s: only %zu bytes went out", path, sent);
    CHECK(!exact_memory() || resident_kib() - before < most_kib, "%s: memory grew by %ld KiB for %zu bytes", path,
          resident_kib() - before, sent);
    close(fd);
    hse_buf_free(&all);
}

TEST(a_flood_of_pipelined_requests_stays_flat)
{
    uint16_t port;
    http_server *s = open_limited(&port);
    char got[512];

    flood(port, "/hello", 2048);
    flood(port, "/ten", 2048);
    flood(port, "/big", 2048 + BIG / 1024); /* one of these answers at a time */
    CHECK(ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got) == 200, "afterwards: %.200s", got);
    http_server_close(&s);
}

TEST(pipelined_requests_are_all_answered_in_order)
{
    enum { N = 5000 };
    uint16_t port;
    http_server *s = open_limited(&port);
    int fd = dial(port);
    hse_buf all;
    char *got = malloc(1 << 22);
    bool closed;
    unsigned hello = 0, none = 0;

    hse_buf_init(&all, 1 << 20);
    for (int i = 0; i < N; i++)
        hse_buf_str(&all, i % 2 ? "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    hse_buf_str(&all, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK(send_all(fd, all.data, all.size), "not all requests are taken");
    receive(fd, got, 1 << 22, 3000, &closed);
    for (const char *p = got; (p = strstr(p, "HTTP/1.1 ")); p++) {
        bool expect_hello = hello == none;
        CHECK(strncmp(p + 9, expect_hello ? "200" : "404", 3) == 0, "answer %u is %.12s", hello + none, p);
        if (expect_hello)
            hello++;
        else
            none++;
    }
    CHECK(closed && hello + none == N + 1, "%u answers", hello + none);
    free(got);
    hse_buf_free(&all);
    close(fd);
    http_server_close(&s);
}

TEST(a_client_that_closes_its_side_gets_what_it_asked_for)
{
    enum { N = 300 };
    uint16_t port;
    http_server *s = open_limited(&port);
    int fd = dial(port), small = 32768;
    char *got = malloc(16384);
    size_t n = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < N; i++)
        send_text(fd, i % 100 == 99 ? "GET /big HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /ten HTTP/1.1\r\nHost: a\r\n\r\n");
    shutdown(fd, SHUT_WR);
    sleep_ms(100);
    for (ssize_t r; (r = recv(fd, got, 16384, 0)) > 0;)
        n += (size_t)r;
    CHECK(n > 3u * BIG + (N - 3) * 10240u, "only %zu bytes came", n);
    free(got);
    close(fd);
    http_server_close(&s);
}

static void *stop_thread(void *server)
{
    http_server_stop(server, 5000);
    return NULL;
}

TEST(an_answer_on_its_way_survives_a_stop)
{
    uint16_t port;
    http_server *s = open_limited(&port);
    int fd = dial(port), small = 32768;
    char *got = malloc(1 << 20);
    size_t n = 0;
    pthread_t t;
    http_stats stats;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    WAIT_STATS(s, stats, stats.by_status[200] == 1);
    pthread_create(&t, NULL, stop_thread, s);
    sleep_ms(50);
    for (ssize_t r; (r = recv(fd, got, 1 << 20, 0)) > 0;)
        n += (size_t)r;
    CHECK(n > BIG, "only %zu bytes came", n);
    free(got);
    close(fd);
    pthread_join(t, NULL);
    http_server_close(&s);
}

TEST(an_idle_connection_costs_little)
{
    enum { N = 400 };
    uint16_t port;
    http_options o = {.routes = routes, .n_routes = COUNT(routes)};
    http_server *s = open_server(&o, &port);
    char got[512];
    int fd[N];
    long before = 0;

    for (int i = 0; i < N; i++) {
        if (i == N / 2)
            before = resident_kib();
        fd[i] = dial(port);
        send_text(fd[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        receive_answer(fd[i], got, sizeof got);
    }
    long grown = resident_kib() - before;
    CHECK(!exact_memory() || grown <= N / 2, "%d idle connections cost %ld KiB", N / 2, grown);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    http_server_close(&s);
}
