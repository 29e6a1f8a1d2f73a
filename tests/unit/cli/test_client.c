/* Where a server is, and what the command line makes of answers that no honest server gives. */
#include "cli/client.h"
#include "base/mem.h"
#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(addresses_of_servers)
{
    static const struct { const char *text, *host; int port; bool tls; const char *url; } cases[] = {
        {"127.0.0.1", "127.0.0.1", 12080, false, "http://127.0.0.1:12080"},
        {"localhost:80", "localhost", 80, false, "http://localhost:80"},
        {"http://a.b:1/", "a.b", 1, false, "http://a.b:1"},
        {"https://a.b", "a.b", 12080, true, "https://a.b:12080"},
        {"[::1]:99", "::1", 99, false, "http://[::1]:99"},
        {"::1", "::1", 12080, false, "http://[::1]:12080"},
        {"http://[fe80::1]", "fe80::1", 12080, false, "http://[fe80::1]:12080"},
        {"0.0.0.0:5", "127.0.0.1", 5, false, "http://127.0.0.1:5"},
        {"[::]:5", "::1", 5, false, "http://[::1]:5"},
        {"/run/hse.sock", "/run/hse.sock", 0, false, "unix:/run/hse.sock"},
        {"unix:hse.sock", "hse.sock", 0, false, "unix:hse.sock"},
        {"", NULL, 0, false, NULL}, {"http://", NULL, 0, false, NULL}, {"ftp://a", NULL, 0, false, NULL}, {"a:0", NULL, 0, false, NULL},
        {"a:65536", NULL, 0, false, NULL}, {"a:b", NULL, 0, false, NULL}, {"a:1x", NULL, 0, false, NULL}, {"a b", NULL, 0, false, NULL},
        {"a\r\nX: y", NULL, 0, false, NULL}, {"http://a/path", NULL, 0, false, NULL}, {"[::1", NULL, 0, false, NULL}, {"unix:", NULL, 0, false, NULL},
        {"[::1]x", NULL, 0, false, NULL}, {":5", NULL, 0, false, NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cli_remote r;
        hse_error err = {0};
        hse_status s = cli_remote_parse(&r, cases[i].text, 12080, &err);

        CHECK(s == (cases[i].host ? HSE_OK : HSE_E_ARG), "%s: %d %s", cases[i].text, (int)s, err.text);
        if (s == HSE_OK)
            CHECK(strcmp(r.host, cases[i].host) == 0 && r.port == cases[i].port && r.tls == cases[i].tls && strcmp(r.url, cases[i].url) == 0,
                  "%s: %.80s %d %.80s", cases[i].text, r.host, r.port, r.url);
    }
    char longest[400];
    cli_remote r;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK(cli_remote_parse(&r, longest, 1, NULL) == HSE_E_ARG, "a name of 399 bytes");
    longest[0] = '/';
    CHECK(cli_remote_parse(&r, longest, 1, NULL) == HSE_E_ARG, "a path of 399 bytes");
}

/* ---- a server of one answer ---------------------------------------------------------------------------------------- */

typedef struct {
    int         fd, port;
    const char *answer;
    size_t      size, piece;                /* bytes a send */
    char        seen[2048];
} one_answer;

static void *serve(void *arg)
{
    one_answer *a = arg;
    int fd = accept(a->fd, NULL, NULL);
    size_t have = 0;

    while (have + 1 < sizeof a->seen && !strstr(a->seen, "\r\n\r\n")) {
        ssize_t n = recv(fd, a->seen + have, sizeof a->seen - have - 1, 0);
        if (n <= 0)
            break;
        have += (size_t)n;
        a->seen[have] = '\0';
    }
    for (size_t at = 0; at < a->size; at += a->piece) {
        size_t n = a->size - at < a->piece ? a->size - at : a->piece;
        if (send(fd, a->answer + at, n, MSG_NOSIGNAL) < 0)
            break;
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, a->seen, 1, 0) > 0)
        ;
    close(fd);
    return NULL;
}

static hse_status collect(void *user, const void *data, size_t size, hse_error *err)
{
    hse_buf_append(user, data, size);
    return hse_buf_status(user, "the answer", err);
}

static hse_status ask(one_answer *a, hse_buf *out, hse_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;
    cli_remote r;
    char url[40];

    a->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(a->fd, (struct sockaddr *)&address, size) == 0 && listen(a->fd, 1) == 0 &&
              getsockname(a->fd, (struct sockaddr *)&address, &size) == 0, "no socket");
    snprintf(url, sizeof url, "127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(cli_remote_parse(&r, url, 1, err), HSE_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, a), 0);
    cli_call call = {.method = "GET", .path = "/x", .silence_ms = 20000};
    hse_status s = cli_http(&r, &call, collect, out, err);
    pthread_join(thread, NULL);
    close(a->fd);
    return s;
}

TEST(answers_of_every_kind)
{
#define OK "HTTP/1.1 200 OK\r\n"
    static const struct { const char *name, *answer; hse_status want; const char *body; } cases[] = {
        {"a length", OK "Content-Length: 5\r\n\r\nhello", HSE_OK, "hello"},
        {"more than the length", OK "content-length:  5 \r\n\r\nhello, you", HSE_OK, "hello"},
        {"nothing", OK "Content-Length: 0\r\n\r\n", HSE_OK, ""},
        {"until the end", OK "\r\nhello", HSE_OK, "hello"},
        {"chunks", OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", HSE_OK, "hello"},
        {"after 100", "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\nhi", HSE_OK, "hi"},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhi", HSE_OK, "hi"},
        {"cut in the body", OK "Content-Length: 50\r\n\r\nhello", HSE_E_IO, NULL},
        {"cut in a chunk", OK "Transfer-Encoding: chunked\r\n\r\n9\r\nhel", HSE_E_IO, NULL},
        {"no last chunk", OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", HSE_E_IO, NULL},
        {"bad chunks", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nhel\r\n", HSE_E_FORMAT, NULL},
        {"cut in the head", "HTTP/1.1 200 OK\r\nContent-", HSE_E_IO, NULL},
        {"nothing at all", "", HSE_E_IO, NULL},
        {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n\r\n", HSE_E_FORMAT, NULL},
        {"a strange status", "HTTP/1.1 9999 X\r\n\r\n", HSE_E_FORMAT, NULL},
        {"a negative status", "HTTP/1.1 -200 X\r\n\r\n", HSE_E_FORMAT, NULL},
        {"not found", "HTTP/1.1 404 X\r\nContent-Length: 25\r\n\r\n{\"message\":\"no such cat\"}\n", HSE_E_NOT_FOUND, "no such cat"},
        {"OpenAI's error", "HTTP/1.1 400 X\r\n\r\n{\"error\":{\"message\":\"bad cat\"}}", HSE_E_ARG, "bad cat"},
        {"busy", "HTTP/1.1 503 X\r\n\r\n<html>", HSE_E_BUSY, "503"},
        {"no key", "HTTP/1.1 401 X\r\n\r\n{\"message\":\"key?\"}", HSE_E_IO, "--api-key"},
        {"late", "HTTP/1.1 504 X\r\n\r\n", HSE_E_DEADLINE, "504"},
        {"moved", "HTTP/1.1 302 X\r\nLocation: http://elsewhere/\r\n\r\n", HSE_E_IO, "302"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t piece = 1; piece < 100; piece += 98) {
            one_answer a = {.answer = cases[i].answer, .size = strlen(cases[i].answer), .piece = piece};
            hse_error err = {0};
            hse_buf out;

            hse_buf_init(&out, 1 << 16);
            hse_status s = ask(&a, &out, &err);
            CHECK(s == cases[i].want, "%s: %d %s", cases[i].name, (int)s, err.text);
            if (cases[i].body)
                CHECK(strstr(s == HSE_OK ? hse_buf_text(&out) : err.text, cases[i].body) != NULL, "%s: %s %s", cases[i].name,
                      hse_buf_text(&out), err.text);
            if (s == HSE_OK)
                CHECK(strcmp(hse_buf_text(&out), cases[i].body) == 0, "%s: %s", cases[i].name, hse_buf_text(&out));
            hse_buf_free(&out);
        }
}

TEST(a_head_without_end_is_bounded)
{
    enum { SIZE = 1 << 20 };
    char *endless = hse_alloc(SIZE);
    one_answer a = {.answer = endless, .size = SIZE, .piece = 65536};
    hse_error err = {0};
    hse_buf out;

    memset(endless, 'a', SIZE);
    memcpy(endless, "HTTP/1.1 200 OK\r\nX: ", 20);
    hse_buf_init(&out, 1 << 16);
    CHECK(ask(&a, &out, &err) == HSE_E_IO && strstr(err.text, "too large"), "%s", err.text);
    hse_buf_free(&out);
    hse_free(endless);
}

/* ---- wav in pieces ------------------------------------------------------------------------------------------------- */

typedef struct {
    int16_t  got[64];
    size_t   n;
    unsigned rate_hz;
} samples;

static int take(void *user, const float *x, size_t count, unsigned rate_hz)
{
    samples *s = user;

    s->rate_hz = rate_hz;
    for (size_t i = 0; i < count && s->n < 64; i++)
        s->got[s->n++] = (int16_t)(x[i] * 32768.0f);
    return 0;
}

TEST(a_wav_comes_in_any_pieces)
{
    static const char head[] = OK "\r\nRIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\xff\xff\xff\xff"
                               "\x01\x00\x00\x80\xff\x7f\xfe\xff";
    static const int16_t want[] = {1, -32768, 32767, -2};

    for (size_t piece = 1; piece < 12; piece++) {
        one_answer a = {.answer = head, .size = sizeof head - 1, .piece = piece};
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        pthread_t thread;
        cli_remote r;
        char url[40];
        samples s = {.n = 0};
        hse_error err = {0};
        hse_buf body;

        a.fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(bind(a.fd, (struct sockaddr *)&address, size) == 0 && listen(a.fd, 1) == 0 &&
                  getsockname(a.fd, (struct sockaddr *)&address, &size) == 0, "no socket");
        snprintf(url, sizeof url, "127.0.0.1:%d", ntohs(address.sin_port));
        assert_int_equal(cli_remote_parse(&r, url, 1, &err), HSE_OK);
        assert_int_equal(pthread_create(&thread, NULL, serve, &a), 0);
        hse_buf_init(&body, 64);
        hse_buf_str(&body, "{}");
        CHECK(cli_wav_call(&r, "/x", &body, take, &s, &err) == HSE_OK, "pieces of %zu: %s", piece, err.text);
        CHECK(s.n == 4 && s.rate_hz == 16000 && memcmp(s.got, want, sizeof want) == 0, "pieces of %zu: %zu samples", piece, s.n);
        hse_buf_free(&body);
        pthread_join(thread, NULL);
        close(a.fd);
    }
}
