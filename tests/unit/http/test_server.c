/* test_server.c - what a client sees: routing, methods, bodies, limits, addresses, the end of the server. */
#include "client.h"
#include "http/inner.h"
#include "http/url.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static atomic_int done_calls, last_done_status;

static void answer_echo(http_job *job, void *arg)
{
    const http_request *r = http_job_request(job);
    char text[512], q[32] = "-";
    hse_error err;

    (void)arg;
    http_query_get(r->query, "q", q, sizeof q, &err);
    http_slice agent = http_request_header(r, "USER-AGENT");
    snprintf(text, sizeof text, "path=%s rest=%s q=%s agent=%.*s peer=%s id=%s body=%.*s", r->path, r->rest, q,
             (int)agent.size, agent.data ? agent.data : "", r->peer, r->id,
             (int)(r->body.size < 64 ? r->body.size : 64), r->body.data ? (const char *)r->body.data : "");
    http_job_answer(job, 200, "text/plain", text, strlen(text));
}

static void answer_nothing(http_job *job, void *arg)
{
    (void)job;
    (void)arg;
}

static void answer_headers(http_job *job, void *arg)
{
    char long_value[HTTP_MAX_EXTRA];

    (void)arg;
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    bool ok =
        http_job_header(job, "X-Good", "yes") == HSE_OK &&
        http_job_header(job, "X-Bad", "a\r\nSet-Cookie: b") != HSE_OK && http_job_header(job, "X Bad", "a") != HSE_OK &&
        http_job_header(job, "", "a") != HSE_OK && http_job_header(job, "content-length", "5") != HSE_OK &&
        http_job_header(job, "X-Long", long_value) != HSE_OK && http_job_answer(job, 99, NULL, NULL, 0) == HSE_E_ARG &&
        http_job_answer(job, 200, "a\nb", NULL, 0) == HSE_E_ARG;
    http_job_answer(job, ok ? 200 : 500, "text/plain", "x", 1);
    if (http_job_answer(job, 200, "text/plain", "y", 1) != HSE_E_ARG ||
        http_job_header(job, "X-Late", "z") != HSE_E_ARG)
        http_job_fail(job, 500, "a second answer was taken");
}

static void answer_empty(http_job *job, void *arg)
{
    (void)arg;
    http_job_answer(job, 204, NULL, NULL, 0);
}

static atomic_int released;

static void release_counted(void *p)
{
    atomic_fetch_add(&released, 1);
    hse_free(p);
}

enum { BIG = 20 << 20 };

static void answer_big(http_job *job, void *arg)
{
    char *p = hse_alloc(BIG);

    (void)arg;
    if (p)
        memset(p, 'b', BIG);
    http_job_answer_take(job, 200, "application/octet-stream", p, p ? BIG : 0, release_counted);
}

static void error_body(void *arg, int status, const char *message, hse_buf *out)
{
    (void)arg;
    hse_buf_printf(out, "{\"error\":%d,\"message\":\"%s\"}", status, message);
}

static void guard(void *arg, http_job *job)
{
    const http_request *r = http_job_request(job);

    (void)arg;
    if (r->route && r->route->flags == 1 && !http_slice_is(http_request_header(r, "Authorization"), "Bearer k"))
        http_job_fail(job, 401, "wrong key");
}

static void note_done(void *arg, const http_request *r, int status, uint64_t bytes, uint64_t ns)
{
    (void)arg;
    (void)r;
    (void)bytes;
    (void)ns;
    atomic_store(&last_done_status, status);
    atomic_fetch_add(&done_calls, 1);
}

static const http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
    {HTTP_GET, "/v1/models", HTTP_BODY_NONE, 0, NULL, answer_echo, NULL, 0},
    {HTTP_GET | HTTP_DELETE, "/v1/models/*", HTTP_BODY_NONE, 0, NULL, answer_echo, NULL, 0},
    {HTTP_POST, "/v1/models/*/load", HTTP_BODY_BUFFERED, 100, NULL, answer_echo, NULL, 0},
    {HTTP_POST, "/echo", HTTP_BODY_BUFFERED, 1000, "--max-json", answer_echo, NULL, 0},
    {HTTP_POST, "/large", HTTP_BODY_BUFFERED, 1 << 30, NULL, answer_body_size, NULL, 0},
    {HTTP_GET, "/lost", HTTP_BODY_NONE, 0, NULL, answer_nothing, NULL, 0},
    {HTTP_POST, "/lost-sink", HTTP_BODY_SINK, 1000, NULL, answer_nothing, NULL, 0},
    {HTTP_GET, "/headers", HTTP_BODY_NONE, 0, NULL, answer_headers, NULL, 0},
    {HTTP_GET, "/empty", HTTP_BODY_NONE, 0, NULL, answer_empty, NULL, 0},
    {HTTP_GET, "/big", HTTP_BODY_NONE, 0, NULL, answer_big, NULL, 0},
    {HTTP_POST, "/locked", HTTP_BODY_BUFFERED, 1000, NULL, answer_echo, NULL, 1},
};

static http_options base_options(void)
{
    return (http_options){
        .routes = routes,
        .n_routes = COUNT(routes),
        .drain_ms = 100,
        .hooks = {.before = guard, .error_body = error_body, .error_type = "application/json", .done = note_done}};
}

TEST(each_request_gets_its_answer)
{
    static const struct {
        const char *request;
        int status;
        const char *contains, *lacks;
    } cases[] = {
        {"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "\r\n\r\nhello", "Connection: close"},
        {"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "Content-Length: 5\r\n", "hello"},
        {"GET /hello HTTP/1.0\r\n\r\n", 200, "Connection: close", NULL},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, "Connection: close", NULL},
        {"\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello", NULL},
        {"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, " GMT\r\n", NULL},
        {"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", 200, "path=/v1/models rest= q=- ", NULL},
        {"GET /v1/models/a/b%2Fc%20d?x=1&q=%C3%A9+f HTTP/1.1\r\nHost: a\r\n\r\n", 200,
         "path=/v1/models/a/b/c d rest=a/b/c d q=\xc3\xa9 f ", NULL},
        {"POST /v1/models/org/m/load HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", 200,
         "rest=org/m q=- agent= peer=127.0.0.1", NULL},
        {"POST /v1/models/load HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405,
         "Allow: GET, HEAD, DELETE, OPTIONS", NULL},
        {"GET /v1/models/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, "{\"error\":404,", NULL},
        {"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, "Content-Type: application/json", "Connection: close"},
        {"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "Allow: GET, HEAD, OPTIONS\r\n", NULL},
        {"OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n", 204, "Allow: GET, HEAD, OPTIONS\r\n", "Content-Length"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, "Allow: GET, HEAD, POST, DELETE, OPTIONS\r\n", NULL},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "", NULL},
        {"BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501, "", NULL},
        {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "", NULL},
        {"GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, "", NULL},
        {"GET /hello#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "", NULL},
        {"GET /hel%6Co HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello", NULL},
        {"GET /hello%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "Connection: close", NULL},
        {"GET /hello%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "", NULL},
        {"GET /hello%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "", NULL},
        {"GET /v1/models HTTP/1.1\r\nHost: a\r\nUser-Agent: t/1\r\nX-Request-Id: abc.7\r\n\r\n", 200,
         "x-request-id: abc.7\r\n", NULL},
        {"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Request-Id: <b>\r\n\r\n", 200, "x-request-id: req_", "<b>"},
        {"GET /v1/models HTTP/1.1\r\nHost: a\r\nuser-agent: t/1\r\n\r\n", 200, "agent=t/1 ", NULL},
        {"GET /lost HTTP/1.1\r\nHost: a\r\n\r\n", 500, "{\"error\":500", NULL},
        {"POST /lost-sink HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 500, "Connection: close", NULL},
        {"GET /headers HTTP/1.1\r\nHost: a\r\n\r\n", 200, "X-Good: yes\r\n", "X-Bad"},
        {"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n", 204, "HTTP/1.1 204 No Content", "Content-Length"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, "body=abc", NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n", 200,
         "body=abc", NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413, "option --max-json", NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413,
         "Connection: close", NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", 408, "did not come in time",
         NULL},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413, "takes no request body", NULL},
        {"POST /locked HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 401, "wrong key", NULL},
        {"POST /locked HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", 401, "wrong key",
         NULL},
        {"POST /locked HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nAuthorization: Bearer k\r\n\r\nabc", 200, "body=abc",
         NULL},
        {"POST /locked HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nAuthorization: Bearer k\r\n\r\n", 400, "",
         NULL},
        {"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "", NULL},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n", 417, "", NULL},
    };
    http_options o = base_options();
    uint16_t port;
    char got[4096];

    o.body_grace_ms = 200;
    http_server *s = open_server(&o, &port);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int fd = dial(port);
        send_text(fd, cases[i].request);
        if (strncmp(cases[i].request, "HEAD", 4) == 0)
            receive_head(fd, got, sizeof got);
        else
            receive_answer(fd, got, sizeof got);
        close(fd);
        CHECK(status_of(got) == cases[i].status, "%s: got %.80s", cases[i].request, got);
        CHECK(strstr(got, cases[i].contains), "%s: no '%s' in %.300s", cases[i].request, cases[i].contains, got);
        CHECK(!cases[i].lacks || !strstr(got, cases[i].lacks), "%s: '%s' in %.300s", cases[i].request, cases[i].lacks,
              got);
    }
    http_server_close(&s);
}

TEST(a_chunked_body_over_the_limit_is_refused_while_it_comes)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[1024], chunk[600];
    int fd = dial(port);

    memset(chunk, 'x', sizeof chunk);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        send_text(fd, "258\r\n");
        send_all(fd, chunk, 600);
        send_text(fd, "\r\n");
    }
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 413, "got %.80s", got);
    close(fd);

    /* framing may not be most of what is sent */
    fd = dial(port);
    send_text(fd, "POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 40000 && send_text(fd, "1\r\nx\r\n"); i++)
        ;
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 400, "40,000 chunks of one byte: got %.80s", got);
    close(fd);
    http_server_close(&s);
}

TEST(the_memory_for_bodies_has_a_ceiling_over_all_connections)
{
    http_options o = base_options();
    uint16_t port;
    char got[1024], *body = calloc(1, 400000);
    http_stats stats;

    o.max_buffered = 1000000;
    http_server *s = open_server(&o, &port);
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(port);
        send_text(fd[i], "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 400001\r\n\r\n");
        send_all(fd[i], body, 400000);
        if (i < 2)
            WAIT_STATS(s, stats, stats.buffered == 400000u * (unsigned)(i + 1));
    }
    receive_answer(fd[2], got, sizeof got);
    CHECK(status_of(got) == 503 && strstr(got, "Retry-After: "), "got %.300s", got);
    for (int i = 0; i < 2; i++) {
        send_text(fd[i], "x");
        receive_answer(fd[i], got, sizeof got);
        CHECK(status_of(got) == 200 && strstr(got, "400001"), "got %.300s", got);
    }
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    WAIT_STATS(s, stats, stats.buffered == 0);
    free(body);
    http_server_close(&s);
}

TEST(expect_continue_is_answered_once_the_route_has_accepted)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[1024];
    int fd = dial(port);

    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    receive_head(fd, got, sizeof got);
    CHECK(strcmp(got, "HTTP/1.1 100 Continue\r\n\r\n") == 0, "got%.200s", got);
    send_text(fd, "abc");
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 200 && strstr(got, "body=abc"), "got%.200s", got);
    close(fd);
    http_server_close(&s);
}

TEST(keep_alive_pipelining_and_every_cut)
{
    static const char two[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "GET /v1/models/x HTTP/1.1\r\nHost: a\r\n\r\n";
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    int fd = dial(port);
    char got[1024];

    for (size_t cut = 0; cut <= sizeof two - 1; cut++) { /* all on one connection */
        send_all(fd, two, cut);
        if (cut % 16 == 0)
            sleep_ms(1);
        send_all(fd, two + cut, sizeof two - 1 - cut);
        receive_answer(fd, got, sizeof got);
        CHECK(status_of(got) == 200 && strstr(got, "body=abc"), "cut at %zu: %.200s", cut, got);
        receive_answer(fd, got, sizeof got);
        CHECK(status_of(got) == 200 && strstr(got, "rest=x"), "cut at %zu: %.200s", cut, got);
    }
    close(fd);
    http_server_close(&s);
}

TEST(an_answer_without_a_copy_arrives_whole_and_is_released)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    int fd = dial(port);
    char got[512], *big = malloc(BIG);
    size_t n = 0;

    atomic_store(&released, 0);
    send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    char *end = NULL;
    for (size_t have = 0; !end && have < sizeof got - 1; have++) {
        if (recv(fd, got + have, 1, 0) != 1)
            break;
        got[have + 1] = '\0';
        end = strstr(got, "\r\n\r\n");
    }
    CHECK(end && strstr(got, "Content-Length: 20971520"), "head%.200s", got);
    while (n < BIG) {
        ssize_t r = recv(fd, big + n, BIG - n, 0);
        CHECK(r > 0, "the body stops after %zu bytes", n);
        n += (size_t)r;
    }
    CHECK(big[0] == 'b' && big[BIG - 1] == 'b', "the body is not what was sent");
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 200 && strstr(got, "hello"), "after it: %.200s", got);
    CHECK(atomic_load(&released) == 1, "released %d times", atomic_load(&released));

    send_text(fd, "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    receive_head(fd, got, sizeof got);
    for (int i = 0; i < 5000 && atomic_load(&released) < 2; i++)
        sleep_ms(1);
    CHECK(atomic_load(&released) == 2, "HEAD: released %d times", atomic_load(&released));
    close(fd);
    free(big);
    http_server_close(&s);
}

TEST(connections_over_the_cap_are_told_so)
{
    http_options o = base_options();
    uint16_t port;
    char got[512];
    bool closed;
    int fd[5];
    http_stats stats;

    o.max_connections = 4;
    http_server *s = open_server(&o, &port);
    for (int i = 0; i < 4; i++) {
        fd[i] = dial(port);
        send_text(fd[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        receive_answer(fd[i], got, sizeof got);
        CHECK(status_of(got) == 200, "connection %d: %.200s", i, got);
    }
    fd[4] = dial(port);
    receive(fd[4], got, sizeof got, 2000, &closed);
    CHECK(status_of(got) == 503 && closed, "the fifth: %.200s", got);
    http_server_stats(s, &stats);
    CHECK(stats.open == 4 && stats.refused_total == 1 && stats.accepted == 4, "open %llu",
          (unsigned long long)stats.open);
    for (int i = 0; i < 5; i++)
        close(fd[i]);
    WAIT_STATS(s, stats, stats.open == 0);
    CHECK(ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got) == 200, "after they left: %.200s", got);
    http_server_close(&s);
}

TEST(the_cap_per_address_counts_networks)
{
    http_limits l;
    hse_error err;
    http_limit_entry *e[4], *none;
    struct sockaddr_storage a = {0}, b = {0}, loop = {0};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    assert_int_equal(http_limits_init(&l, &err), HSE_OK);
    inet_pton(AF_INET6, "2001:db8:1:2::1", &v6.sin6_addr);
    memcpy(&a, &v6, sizeof v6);
    inet_pton(AF_INET6, "2001:db8:1:2:ffff::9", &v6.sin6_addr);
    memcpy(&b, &v6, sizeof v6);
    CHECK(http_limits_enter(&l, &a, 2, &e[0]) && http_limits_enter(&l, &b, 2, &e[1]), "the first two enter");
    http_limit_entry *many[9000]; /* more than there are buckets, so that they form chains */
    for (uint32_t i = 0; i < 9000; i++) {
        v4.sin_addr.s_addr = htonl(0x0A000000u + i);
        memcpy(&loop, &v4, sizeof v4);
        CHECK(http_limits_enter(&l, &loop, 1, &many[i]), "address %u", i);
    }
    for (uint32_t i = 0; i < 9000; i += 2)
        http_limits_leave(&l, many[i]);
    v4.sin_addr.s_addr = htonl(0x0A000000u + 1);
    memcpy(&loop, &v4, sizeof v4);
    CHECK(!http_limits_enter(&l, &loop, 1, &none), "one of those that stayed enters twice");
    inet_pton(AF_INET6, "::1", &v6.sin6_addr);
    memcpy(&loop, &v6, sizeof v6);
    CHECK(http_limits_enter(&l, &loop, 1, &none) && !none, "IPv6 loopback has no limit");
    CHECK(!http_limits_enter(&l, &a, 2, &none), "a third of the same /64 is refused");
    http_limits_leave(&l, e[0]);
    CHECK(http_limits_enter(&l, &a, 2, &e[0]), "one left, one enters");
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    memcpy(&a, &v4, sizeof v4);
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
    memcpy(&b, &v6, sizeof v6);
    CHECK(http_limits_enter(&l, &a, 2, &e[2]) && http_limits_enter(&l, &b, 2, &e[3]), "an IPv4 client enters twice");
    CHECK(!http_limits_enter(&l, &a, 2, &none), "a mapped address is the same client");
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&loop, &v4, sizeof v4);
    for (int i = 0; i < 1000; i++)
        CHECK(http_limits_enter(&l, &loop, 2, &none) && !none, "loopback has no limit");
    for (int i = 0; i < 4; i++)
        http_limits_leave(&l, e[i]);
    http_limits_free(&l);
}

TEST(running_out_of_descriptors_refuses_one_and_recovers)
{
    http_options o = base_options();
    struct rlimit before, low;
    uint16_t port;
    char got[512];
    bool closed;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    o.loops = 1;
    o.max_connections = 100;
    http_server *s = open_server(&o, &port);
    a.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)fd + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0, "the limit cannot be lowered");
    int r = connect(fd, (struct sockaddr *)&a, sizeof a);
    receive(fd, got, sizeof got, 2000, &closed);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(r == 0 && closed && !got[0], "the client is not turned away: %d %d '%.200s'", r, closed, got);
    close(fd);
    sleep_ms(150);
    CHECK(ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got) == 200, "afterwards: %.200s", got);
    http_server_close(&s);
}

TEST(accepting_pauses_when_not_even_the_spare_descriptor_helps)
{
    http_options o = base_options();
    struct rlimit before, none;
    uint16_t port;
    char got[512];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (is_quick())
        return; /* valgrind keeps descriptors of its own */
    o.loops = 1;
    o.max_connections = 100;
    http_server *s = open_server(&o, &port);
    a.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0, "the limit cannot be lowered");
    int r = connect(fd, (struct sockaddr *)&a, sizeof a);
    send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    sleep_ms(50);
    setrlimit(RLIMIT_NOFILE, &before);
    set_timeout(fd, 5000);
    receive_answer(fd, got, sizeof got);
    CHECK(r == 0 && status_of(got) == 200, "the client that waited: %.200s", got);
    close(fd);
    http_server_close(&s);
}

TEST(the_limit_of_open_files_is_raised)
{
    http_options o = base_options();
    struct rlimit before, low, now;
    uint16_t port;

    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = 300;
    if (before.rlim_max != RLIM_INFINITY && before.rlim_max < 1256)
        return;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0, "the limit cannot be lowered");
    o.max_connections = 1000;
    o.loops = 1;
    http_server *s = open_server(&o, &port);
    getrlimit(RLIMIT_NOFILE, &now);
    http_server_close(&s);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(now.rlim_cur >= 1256, "%llu files are allowed", (unsigned long long)now.rlim_cur);
}

/* The first address of this machine that is not loopback; false without a network. */
static bool own_address(struct sockaddr_in *a)
{
    struct ifaddrs *all = NULL;
    bool found = false;

    if (getifaddrs(&all) != 0)
        return false;
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK)) {
            memcpy(a, i->ifa_addr, sizeof *a);
            found = true;
        }
    freeifaddrs(all);
    return found;
}

TEST(one_address_gets_its_share_only)
{
    static const http_address everywhere = {"0.0.0.0", 0};
    http_options o = base_options();
    struct sockaddr_in a;
    uint16_t port;
    char got[512];
    bool closed;
    int fd[3];

    if (!own_address(&a))
        return;
    o.addresses = &everywhere;
    o.n_addresses = 1;
    o.max_per_address = 2;
    http_server *s = open_server(&o, &port);
    a.sin_port = htons(port);
    for (int i = 0; i < 3; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(fd[i], (struct sockaddr *)&a, sizeof a) == 0, "connect: %s", strerror(errno));
        set_timeout(fd[i], 5000);
        if (i < 2) {
            send_text(fd[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
            receive_answer(fd[i], got, sizeof got);
            CHECK(status_of(got) == 200, "connection %d: %.200s", i, got);
        }
    }
    receive(fd[2], got, sizeof got, 5000, &closed);
    CHECK(closed && status_of(got) == 503, "the third: %.200s", got);
    CHECK(ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got) == 200, "loopback: %.200s", got);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    http_server_close(&s);
}

static int dial_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(a.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    set_timeout(fd, 2000);
    return fd;
}

TEST(several_addresses_unix_sockets_and_ports_in_use)
{
    char path[64], got[512];
    http_options o = base_options();
    hse_error err;
    uint16_t port;
    struct stat st;
    http_server *second = NULL;

    snprintf(path, sizeof path, "/tmp/hse-test-%d.sock", (int)getpid());
    http_address two[] = {{"localhost", 0}, {path, 0}};
    o.addresses = two;
    o.n_addresses = 2;
    http_server *s = open_server(&o, &port);
    CHECK(port != 0 && http_server_port(s, 1) == 0 && http_server_port(s, 9) == 0, "ports %u", port);
    CHECK(ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got) == 200, "tcp: %.200s", got);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0660, "the socket's mode is %o", st.st_mode & 0777);
    int fd = dial_unix(path);
    CHECK(fd >= 0, "cannot connect to %s", path);
    send_text(fd, "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n");
    receive_answer(fd, got, sizeof got);
    CHECK(strstr(got, "peer=unix"), "unix: %.200s", got);
    close(fd);

    two[0] = (http_address){"127.0.0.1", port};
    CHECK(http_server_open(&second, &o, &err) == HSE_E_IO && err.sys == EADDRINUSE, "a port in use: %s", err.text);
    o.n_addresses = 1;
    two[0] = (http_address){path, 0};
    CHECK(http_server_open(&second, &o, &err) == HSE_E_IO && err.sys == EADDRINUSE, "a socket in use: %s", err.text);
    two[0] = (http_address){"127.0.0.1", port};
    o.share_port = true;
    CHECK(http_server_open(&second, &o, &err) == HSE_OK, "a shared port: %s", err.text);
    http_server_close(&second);
    http_server_close(&s);
    CHECK(stat(path, &st) != 0, "the socket file is left behind");

    /* a file that a killed server left behind is replaced, another kind of file is not */
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strlen(path) + 1);
    CHECK(bind(left, (struct sockaddr *)&a, sizeof a) == 0, "bind: %s", strerror(errno));
    close(left);
    two[0] = (http_address){path, 0};
    CHECK(http_server_open(&s, &o, &err) == HSE_OK, "a stale socket: %s", err.text);
    http_server_close(&s);
    FILE *f = fopen(path, "w");
    fclose(f);
    CHECK(http_server_open(&s, &o, &err) == HSE_E_ARG && strstr(err.text, "not a socket"), "a file: %s", err.text);
    unlink(path);
}

TEST(wrong_options_are_named)
{
    static const http_route twice[] = {{HTTP_GET, "/a", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
                                       {HTTP_GET, "/a", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0}};
    static const http_route stars[] = {{HTTP_GET, "/a/*/b/*", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0}};
    static const http_route slash[] = {{HTTP_GET, "a", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0}};
    static const http_address ok = {"127.0.0.1", 0}, nowhere = {"no.such.host.invalid", 80}, empty = {"", 80};
    static const http_address far = {"/no/such/folder/x.sock", 0}, foreign = {"192.0.2.1", 0};
    static const http_address deep = {
        "/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "890123456789012345678901234567890.sock",
        0};
    const struct {
        http_options o;
        const char *contains;
    } cases[] = {
        {{.addresses = &ok, .n_addresses = 1, .routes = twice, .n_routes = 2}, "given twice"},
        {{.addresses = &ok, .n_addresses = 1, .routes = stars, .n_routes = 1}, "more than one '*'"},
        {{.addresses = &ok, .n_addresses = 1, .routes = slash, .n_routes = 1}, "begins with '/'"},
        {{.addresses = &ok, .n_addresses = 1}, "needs routes"},
        {{.routes = routes, .n_routes = 1}, "listens on 1 to"},
        {{.addresses = &nowhere, .n_addresses = 1, .routes = routes, .n_routes = 1}, "no.such.host.invalid"},
        {{.addresses = &empty, .n_addresses = 1, .routes = routes, .n_routes = 1}, "has no host"},
        {{.addresses = &far, .n_addresses = 1, .routes = routes, .n_routes = 1}, "/no/such/folder/x.sock"},
        {{.addresses = &deep, .n_addresses = 1, .routes = routes, .n_routes = 1}, "longer than"},
        {{.addresses = &foreign, .n_addresses = 1, .routes = routes, .n_routes = 1}, "192.0.2.1"},
        {{.addresses = &ok, .n_addresses = 1, .routes = routes, .n_routes = 1, .max_header_bytes = 70000}, "65535"},
        {{.addresses = &ok, .n_addresses = 1, .routes = routes, .n_routes = 1, .max_header_fields = 101},
         "at most 100"},
        {{.addresses = &ok, .n_addresses = 1, .routes = routes, .n_routes = 1, .tls_cert = "x"},
         "both a certificate and a key"},
        {{.addresses = &ok, .n_addresses = 1, .routes = routes, .n_routes = 1, .tls_cert = "/none", .tls_key = "/none"},
         "TLS certificate"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        http_server *s = NULL;
        hse_error err = {0};
        hse_status got = http_server_open(&s, &cases[i].o, &err);
        CHECK(got != HSE_OK && !s && strstr(err.text, cases[i].contains), "case %zu: %d '%s'", i, (int)got, err.text);
    }
}

TEST(the_log_hook_sees_every_request)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[512];

    atomic_store(&done_calls, 0);
    ask(port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got);
    ask(port, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got);
    ask(port, "nonsense\r\n\r\n", got, sizeof got);
    for (int i = 0; i < 5000 && atomic_load(&done_calls) < 3; i++)
        sleep_ms(1);
    CHECK(atomic_load(&done_calls) == 3 && atomic_load(&last_done_status) == 400, "%d calls, last %d",
          atomic_load(&done_calls), atomic_load(&last_done_status));
    http_server_close(&s);
}

static void answer_not_found(void *arg, http_job *job)
{
    (void)arg;
    if (http_slice_is(http_job_request(job)->target, "/silent"))
        return;
    http_job_answer(job, 404, "text/plain", "nothing of ours", 15);
}

TEST(unknown_paths_have_a_hook)
{
    http_options o = base_options();
    uint16_t port;
    char got[512];

    o.hooks.not_found = answer_not_found;
    o.hooks.error_body = NULL;
    http_server *s = open_server(&o, &port);
    ask(port, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got);
    CHECK(status_of(got) == 404 && strstr(got, "nothing of ours"), "%.200s", got);
    ask(port, "GET /silent HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got);
    CHECK(status_of(got) == 404 && strstr(got, "no such path"), "a hook that says nothing: %.200s", got);
    ask(port, "POST /v1/models/a/load HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", got, sizeof got);
    CHECK(status_of(got) == 413 && strstr(got, "larger than 100 bytes\n"), "%.200s", got);
    http_server_close(&s);
}

TEST(every_status_has_a_reason)
{
    static const int used[] = {200, 204, 400, 401, 403, 404, 405, 408, 409, 413, 414,
                               415, 417, 422, 429, 431, 499, 500, 501, 503, 504, 505};

    for (size_t i = 0; i < COUNT(used); i++)
        CHECK(strcmp(http_reason(used[i]), "Unknown") != 0, "%d has none", used[i]);
    CHECK(strcmp(http_reason(404), "Not Found") == 0 && strcmp(http_reason(599), "Unknown") == 0, "404 and 599");
    for (int status = 200; status < 600; status++)
        for (int other = 200; other < status; other++)
            CHECK(strcmp(http_reason(status), http_reason(other)) != 0 || strcmp(http_reason(status), "Unknown") == 0,
                  "%d and %d have the same", status, other);
}

TEST(every_allocation_may_fail)
{
    static const char *const requests[] = {
        "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        "GET /headers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    };
    http_options o = base_options();
    static const http_address a = {"127.0.0.1", 0};
    hse_error err;
    char got[1024];
    bool closed, struck = true;
    http_server *s = NULL;
    unsigned answered = 0;

    o.addresses = &a;
    o.n_addresses = 1;
    o.loops = 1;
    for (uint64_t n = 1; struck; n++) { /* opening */
        hse_mem_fail_at(n, false);
        hse_status status = http_server_open(&s, &o, &err);
        struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK((status == HSE_OK) == !struck && (s != NULL) == !struck, "allocation %llu: %d", (unsigned long long)n,
              (int)status);
        CHECK(!struck || (status == HSE_E_NOMEM && err.text[0]), "allocation %llu: %d", (unsigned long long)n,
              (int)status);
    }
    uint16_t port = http_server_port(s, 0);
    for (size_t i = 0; i < COUNT(requests); i++) {
        struck = true;
        for (uint64_t n = 1; struck; n++) { /* serving */
            hse_mem_fail_at(n, false);
            int fd = dial(port);
            send_text(fd, requests[i]);
            receive(fd, got, sizeof got, 2000, &closed);
            close(fd);
            struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            answered += got[0] != '\0';
            CHECK(closed, "request %zu, allocation %llu: the client waits for ever", i, (unsigned long long)n);
            CHECK(!got[0] || status_of(got) >= 200, "request %zu, allocation %llu: %.200s", i, (unsigned long long)n,
                  got);
            CHECK(struck || status_of(got) == (i == 3 ? 404 : 200), "request %zu: %.200s", i, got);
        }
    }
    CHECK(answered > COUNT(requests), "nothing was answered under a failure");
    http_server_close(&s);
}
