/* test_tls.c - the same front over TLS. */
#include "tls_client.h"

#include <signal.h>

enum { BIG = 8 << 20 };

static atomic_int cancel_calls;

static void note_cancel(http_job *job, void *user)
{
    (void)job;
    (void)user;
    atomic_fetch_add(&cancel_calls, 1);
}

static void answer_wait(http_job *job, void *arg)
{
    (void)arg;
    http_job_on_cancel(job, note_cancel);
    http_job_attach(job, http_job_ref(job), NULL);
}

static void answer_big(http_job *job, void *arg)
{
    char *p = hse_calloc(1, BIG);

    (void)arg;
    http_job_answer_take(job, 200, "application/octet-stream", p, BIG, hse_free);
}

static void *soon_thread(void *arg)
{
    sleep_ms(20);
    http_job_answer(arg, 200, "text/plain", "soon", 4);
    http_job_unref(arg);
    return NULL;
}

static void answer_soon(http_job *job, void *arg)
{
    (void)arg;
    run_thread(soon_thread, job);
}

static atomic_int tls_seen;

static void answer_tls(http_job *job, void *arg)
{
    (void)arg;
    atomic_store(&tls_seen, http_job_request(job)->tls);
    http_job_answer(job, 200, "text/plain", "hello", 5);
}

/* Waits keep a handle in `user`; it is given back when cancelled, so that the job can go. */
static void note_cancel_and_leave(http_job *job, void *user)
{
    note_cancel(job, user);
    http_job_unref(job);
}

static void answer_wait_once(http_job *job, void *arg)
{
    answer_wait(job, arg);
    http_job_on_cancel(job, note_cancel_and_leave);
}

static const http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_BODY_NONE, 0, NULL, answer_tls, NULL, 0},
    {HTTP_POST, "/body", HTTP_BODY_BUFFERED, 64 << 20, NULL, answer_body_size, NULL, 0},
    {HTTP_GET, "/big", HTTP_BODY_NONE, 0, NULL, answer_big, NULL, 0},
    {HTTP_GET, "/soon", HTTP_BODY_NONE, 0, NULL, answer_soon, NULL, 0},
    {HTTP_GET, "/wait", HTTP_BODY_NONE, 0, NULL, answer_wait_once, NULL, 0},
};

static bool tls_send(SSL *ssl, const void *data, size_t size)
{
    size_t sent = 0;

    return size == 0 || (SSL_write_ex(ssl, data, size, &sent) == 1 && sent == size);
}

static bool tls_send_text(SSL *ssl, const char *text)
{
    return tls_send(ssl, text, strlen(text));
}

/* As many bytes as wanted, or fewer when the connection ends. */
static size_t tls_receive(SSL *ssl, char *out, size_t want)
{
    size_t n = 0, got;

    while (n < want && SSL_read_ex(ssl, out + n, want - n, &got) == 1)
        n += got;
    return n;
}

static void tls_answer(SSL *ssl, char *out, size_t capacity)
{
    size_t n = 0;
    const char *length;

    while (n + 1 < capacity && tls_receive(ssl, out + n, 1) == 1) {
        out[++n] = '\0';
        if (n >= 4 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    out[n] = '\0';
    if ((length = strstr(out, "Content-Length: "))) {
        size_t size = strtoul(length + 16, NULL, 10);
        n += tls_receive(ssl, out + n, size < capacity - 1 - n ? size : capacity - 1 - n);
        out[n] = '\0';
    }
}

static http_server *open_tls(const tls_files *t, uint16_t *port, unsigned handshake_ms)
{
    http_options o = {.routes = routes,
                      .n_routes = COUNT(routes),
                      .drain_ms = 100,
                      .tls_cert = t->cert,
                      .tls_key = t->key,
                      .handshake_ms = handshake_ms};

    return open_server(&o, port);
}

TEST(requests_and_large_bodies_both_ways)
{
    tls_files t;
    uint16_t port;
    char got[2048], *big = calloc(1, BIG);

    signal(SIGPIPE, SIG_IGN); /* the client's own: OpenSSL writes with write */
    make_tls(&t);
    http_server *s = open_tls(&t, &port, 0);
    int fd = dial(port);
    SSL *ssl = tls_dial(&t, fd);
    CHECK(ssl, "no handshake");
    CHECK(SSL_version(ssl) >= TLS1_2_VERSION, "version %d", SSL_version(ssl));

    tls_send_text(ssl, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_answer(ssl, got, sizeof got);
    CHECK(status_of(got) == 200 && atomic_load(&tls_seen) == 1, "got %.200s", got);

    tls_send_text(ssl, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
    CHECK(tls_send(ssl, big, BIG), "the body is not taken");
    tls_answer(ssl, got, sizeof got);
    CHECK(status_of(got) == 200 && strstr(got, "8388608"), "got %.200s", got);

    /* the second request lies in OpenSSL's buffer while the first one waits for its thread */
    static const char two[] = "GET /soon HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    tls_send_text(ssl, two);
    tls_answer(ssl, got, sizeof got);
    CHECK(strstr(got, "soon"), "got %.200s", got);
    tls_answer(ssl, got, sizeof got);
    CHECK(strstr(got, "hello"), "got %.200s", got);

    tls_send_text(ssl, "GET /soon HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_send_text(ssl, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_answer(ssl, got, sizeof got);
    CHECK(strstr(got, "soon"), "got %.200s", got);
    sleep_ms(100); /* the server's side fills up meanwhile */
    size_t n = tls_receive(ssl, got, 200);
    CHECK(n == 200 && status_of(got) == 200, "got %.200s", got);
    got[200] = '\0';
    const char *body = strstr(got, "\r\n\r\n");
    CHECK(body, "the head has more than 200 bytes: %.200s", got);
    for (size_t left = BIG - (size_t)(got + 200 - body - 4); left; left -= n)
        CHECK((n = tls_receive(ssl, big, left < 65536 ? left : 65536)) > 0, "the answer lacks %zu bytes", left);
    SSL_free(ssl);
    close(fd);
    http_server_close(&s);
    drop_tls(&t);
    free(big);
}

TEST(departures_and_strangers)
{
    tls_files t;
    uint16_t port;
    char got[256];
    bool closed;

    make_tls(&t);
    http_server *s = open_tls(&t, &port, 300);
    int fd = dial(port);
    SSL *ssl = tls_dial(&t, fd);
    CHECK(ssl, "no handshake");
    tls_send_text(ssl, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    sleep_ms(50);
    SSL_free(ssl);
    close(fd);
    for (int i = 0; i < 1000 && !atomic_load(&cancel_calls); i++)
        sleep_ms(1);
    CHECK(atomic_load(&cancel_calls) == 1, "nobody noticed that the client left");

    fd = dial(port); /* plain HTTP */
    send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    receive(fd, got, sizeof got, 4000, &closed);
    CHECK(closed && !strstr(got, "200"), "plain HTTP: %.100s", got);
    close(fd);

    fd = dial(port); /* nothing at all */
    uint64_t start = hse_now_ms();
    receive(fd, got, sizeof got, 4000, &closed);
    CHECK(closed && hse_now_ms() - start < 2500 && hse_now_ms() - start >= 250, "after %llu ms",
          (unsigned long long)(hse_now_ms() - start));
    close(fd);

    SSL_CTX_set_max_proto_version(t.client, TLS1_1_VERSION);
    fd = dial(port);
    CHECK(!tls_dial(&t, fd), "TLS 1.1 is accepted");
    close(fd);
    http_server_close(&s);
    drop_tls(&t);
}

TEST(http_1_1_is_agreed_on)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", other[] = "\x02h2";
    static const struct {
        const unsigned char *offer;
        unsigned size;
        const char *agreed;
    } cases[] = {{both, sizeof both - 1, "http/1.1"}, {other, sizeof other - 1, ""}};
    tls_files t;
    uint16_t port;

    make_tls(&t);
    http_server *s = open_tls(&t, &port, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const unsigned char *agreed = NULL;
        unsigned size = 0;
        int fd = dial(port);
        SSL_CTX_set_alpn_protos(t.client, cases[i].offer, cases[i].size);
        SSL *ssl = tls_dial(&t, fd);
        CHECK(ssl, "offer %zu: no handshake", i);
        SSL_get0_alpn_selected(ssl, &agreed, &size);
        CHECK(http_slice_is((http_slice){(const char *)agreed, size}, cases[i].agreed), "offer %zu: '%.*s'", i,
              (int)size, agreed ? (const char *)agreed : "");
        SSL_free(ssl);
        close(fd);
    }
    http_server_close(&s);
    drop_tls(&t);
}

TEST(a_key_of_another_certificate_is_refused)
{
    tls_files t, other;
    http_server *s = NULL;
    hse_error err;
    static const http_address a = {"127.0.0.1", 0};

    make_tls(&t);
    other = t;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    write_pem(other.key, NULL, key);
    EVP_PKEY_free(key);
    http_options o = {
        .addresses = &a, .n_addresses = 1, .routes = routes, .n_routes = 1, .tls_cert = t.cert, .tls_key = t.key};
    CHECK(http_server_open(&s, &o, &err) == HSE_E_FORMAT && strstr(err.text, "TLS key"), "%s", err.text);
    drop_tls(&t);
}
