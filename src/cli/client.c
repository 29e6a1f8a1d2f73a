#include "cli/client.h"

#include "cli/common.h"

#include "audio/wav.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "formats/json.h"
#include "http/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum {
    MAX_HEAD = 32 << 10, MAX_ERROR = 64 << 10, MAX_ANSWER = 256 << 20, MAX_UPLOAD = 100 << 20,
    CONNECT_MS = 5000, LOOK_MS = 300, LOOK_ANSWER_MS = 2000, TICK_MS = 100,
};

typedef struct {
    const cli_remote *remote;
    int      fd;
    SSL_CTX *tls;
    SSL     *ssl;
    char     in[16 << 10];
    size_t   at, have;
    int      silence_ms;            /* 0: no limit */
} wire;

/* ---- the connection ------------------------------------------------------------------------------------------------ */

/* Wait for the socket; a tick at a time, so that Ctrl-C is seen. limit_ms 0: for ever. */
static hse_status wait_for(const wire *w, short events, int limit_ms, const char *what, hse_error *err)
{
    uint64_t until = hse_now_ms() + (uint64_t)limit_ms;

    for (;;) {
        struct pollfd p = {.fd = w->fd, .events = events};
        int n = poll(&p, 1, TICK_MS);

        if (cli_cancelled())
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        if (n > 0)
            return HSE_OK;
        if (n < 0 && errno != EINTR)
            return hse_fail_sys(err, errno, "%s", w->remote->url);
        if (limit_ms && hse_now_ms() >= until)
            return hse_fail(err, HSE_E_DEADLINE, 0, "%s: %s took over %d ms", w->remote->url, what, limit_ms);
    }
}

static hse_status connect_to(wire *w, const struct sockaddr *address, socklen_t size, int family, int ms, hse_error *err)
{
    int failed = 0;
    socklen_t length = sizeof failed;

    w->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0)
        return hse_fail_sys(err, errno, "no socket");
    hse_status s = HSE_OK;
    if (connect(w->fd, address, size) != 0 && errno != EINPROGRESS)
        s = hse_fail_sys(err, errno, "%s cannot be reached", w->remote->url);
    else if ((s = wait_for(w, POLLOUT, ms, "connecting", err)) == HSE_OK &&
             (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &failed, &length) != 0 || failed))
        s = hse_fail_sys(err, failed ? failed : errno, "%s cannot be reached", w->remote->url);
    if (s != HSE_OK) {
        close(w->fd);
        w->fd = -1;
        if (s == HSE_E_NOT_FOUND)               /* ENOENT of a socket's path: no such server, not no such model */
            err->status = s = HSE_E_IO;
    }
    return s;
}

static hse_status connect_unix(wire *w, int ms, hse_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(w->remote->host) >= sizeof address.sun_path)
        return hse_fail(err, HSE_E_ARG, 0, "%s: the path of a unix socket has at most %zu bytes", w->remote->host, sizeof address.sun_path - 1);
    memcpy(address.sun_path, w->remote->host, strlen(w->remote->host) + 1);
    return connect_to(w, (const struct sockaddr *)&address, sizeof address, AF_UNIX, ms, err);
}

static hse_status connect_tcp(wire *w, int ms, hse_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    char port[8];

    snprintf(port, sizeof port, "%d", w->remote->port);
    int bad = getaddrinfo(w->remote->host, port, &hints, &list);
    if (bad)
        return hse_fail(err, HSE_E_IO, 0, "%s: %s", w->remote->url, gai_strerror(bad));
    hse_status s = HSE_E_IO;
    for (const struct addrinfo *a = list; a && s != HSE_OK && s != HSE_E_CANCELLED; a = a->ai_next)
        s = connect_to(w, a->ai_addr, a->ai_addrlen, a->ai_family, ms, err);
    freeaddrinfo(list);
    return s;
}

/* What OpenSSL waits for; HSE_OK: try again. */
static hse_status tls_wait(wire *w, int result, int ms, hse_error *err)
{
    int why = SSL_get_error(w->ssl, result);

    if (why == SSL_ERROR_WANT_READ)
        return wait_for(w, POLLIN, ms, "an answer", err);
    if (why == SSL_ERROR_WANT_WRITE)
        return wait_for(w, POLLOUT, ms, "sending", err);
    unsigned long code = ERR_get_error();
    long verify = SSL_get_verify_result(w->ssl);
    const char *reason = verify != X509_V_OK ? X509_verify_cert_error_string(verify) : code ? ERR_reason_error_string(code) : NULL;
    return hse_fail(err, HSE_E_IO, 0, "%s: TLS: %s", w->remote->url, reason ? reason : "the connection was cut");
}

static hse_status start_tls(wire *w, int ms, hse_error *err)
{
    ERR_clear_error();
    w->tls = SSL_CTX_new(TLS_client_method());
    if (!w->tls || SSL_CTX_set_default_verify_paths(w->tls) != 1 || !(w->ssl = SSL_new(w->tls)) ||
        SSL_set1_host(w->ssl, w->remote->host) != 1 || SSL_set_fd(w->ssl, w->fd) != 1)
        return hse_fail(err, HSE_E_NOMEM, 0, "OpenSSL gives no TLS connection");
    SSL_CTX_set_verify(w->tls, SSL_VERIFY_PEER, NULL);
    SSL_set_verify(w->ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_tlsext_host_name(w->ssl, w->remote->host);
    for (;;) {
        int n = SSL_connect(w->ssl);
        if (n == 1)
            return HSE_OK;
        hse_status s = tls_wait(w, n, ms, err);
        if (s != HSE_OK)
            return s;
    }
}

static void disconnect(wire *w)
{
    SSL_free(w->ssl);
    SSL_CTX_free(w->tls);
    if (w->fd >= 0)
        close(w->fd);
}

static hse_status send_all(wire *w, const void *data, size_t size, hse_error *err)
{
    const char *p = data;

    while (size) {
        ssize_t n = w->ssl ? SSL_write(w->ssl, p, size > INT32_MAX ? INT32_MAX : (int)size) : send(w->fd, p, size, MSG_NOSIGNAL);
        hse_status s = HSE_OK;
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        } else if (w->ssl) {
            s = tls_wait(w, (int)n, 0, err);
        } else if (errno == EAGAIN) {
            s = wait_for(w, POLLOUT, 0, "sending", err);
        } else if (errno != EINTR) {
            s = hse_fail_sys(err, errno, "%s", w->remote->url);
        }
        if (s != HSE_OK)
            return s;
    }
    return HSE_OK;
}

/* More bytes into `in`; *end: the other side has closed. */
static hse_status receive(wire *w, bool *end, hse_error *err)
{
    if (w->at) {
        memmove(w->in, w->in + w->at, w->have - w->at);
        w->have -= w->at;
        w->at = 0;
    }
    for (;;) {
        size_t room = sizeof w->in - w->have;
        ssize_t n = w->ssl ? SSL_read(w->ssl, w->in + w->have, (int)room) : recv(w->fd, w->in + w->have, room, 0);
        hse_status s = HSE_OK;
        if (n > 0) {
            w->have += (size_t)n;
            return HSE_OK;
        }
        if ((!w->ssl && n == 0) || (w->ssl && SSL_get_error(w->ssl, (int)n) == SSL_ERROR_ZERO_RETURN)) {
            *end = true;
            return HSE_OK;
        }
        if (w->ssl)
            s = tls_wait(w, (int)n, w->silence_ms, err);
        else if (errno == EAGAIN)
            s = wait_for(w, POLLIN, w->silence_ms, "an answer", err);
        else if (errno != EINTR)
            s = hse_fail_sys(err, errno, "%s", w->remote->url);
        if (s != HSE_OK)
            return s;
    }
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int      status;
    bool     chunked, has_length;
    uint64_t length;
} head;

static bool header_is(const char *line, size_t n, const char *name, const char **value, size_t *size)
{
    size_t length = strlen(name);

    if (n <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
        return false;
    *value = line + length + 1;
    *size = n - length - 1;
    while (*size && (**value == ' ' || **value == '\t')) {
        ++*value;
        --*size;
    }
    return true;
}

static hse_status parse_head(head *h, const char *text, size_t n, const cli_remote *r, hse_error *err)
{
    char *end = NULL;

    *h = (head){0};
    if (n < 13 || memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ' || (h->status = (int)strtol(text + 9, &end, 10)) < 100 || h->status > 599)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s: the answer is not HTTP", r->url);
    for (const char *line = text, *next; line < text + n; line = next) {
        const char *feed = memchr(line, '\n', (size_t)(text + n - line)), *value;
        size_t size;
        next = feed ? feed + 1 : text + n;
        size_t length = (size_t)(next - line);
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            length--;
        if (header_is(line, length, "transfer-encoding", &value, &size)) {
            h->chunked = size == 7 && strncasecmp(value, "chunked", 7) == 0;
        } else if (header_is(line, length, "content-length", &value, &size)) {
            h->length = strtoull(value, &end, 10);
            h->has_length = end > value;
        }
    }
    return HSE_OK;
}

/* Read heads until one that is not 1xx. */
static hse_status read_head(wire *w, head *h, hse_error *err)
{
    bool end = false;

    do {
        const char *stop = NULL;
        while (!(stop = memmem(w->in + w->at, w->have - w->at, "\r\n\r\n", 4))) {
            if (end || w->have - w->at == sizeof w->in)
                return hse_fail(err, HSE_E_IO, 0, "%s: %s", w->remote->url, end ? "the connection was closed without an answer"
                                                                                 : "the answer's head is too large");
            hse_status s = receive(w, &end, err);
            if (s != HSE_OK)
                return s;
        }
        size_t n = (size_t)(stop + 4 - (w->in + w->at));
        hse_status s = parse_head(h, w->in + w->at, n, w->remote, err);
        w->at += n;
        if (s != HSE_OK)
            return s;
    } while (h->status < 200);
    return HSE_OK;
}

static hse_status cut(const wire *w, hse_error *err)
{
    return hse_fail(err, HSE_E_IO, 0, "%s: the server cut its answer; its log says why", w->remote->url);
}

static hse_status read_body(wire *w, const head *h, cli_piece_fn fn, void *user, hse_error *err)
{
    http_chunks chunks = {0};
    uint64_t left = h->has_length ? h->length : UINT64_MAX;
    bool end = false;

    for (;;) {
        hse_status s = HSE_OK;
        while (w->at < w->have && s == HSE_OK) {
            http_slice data = {w->in + w->at, w->have - w->at};
            ptrdiff_t n = (ptrdiff_t)data.size;
            if (h->chunked) {
                data.size = 0;
                n = http_chunks_feed(&chunks, w->in + w->at, w->have - w->at, &data);
                if (n < 0)
                    return hse_fail(err, HSE_E_FORMAT, 0, "%s: the answer's chunks are malformed", w->remote->url);
            } else if (data.size > left) {
                data.size = (size_t)left;
            }
            left -= h->chunked ? 0 : data.size;
            w->at += (size_t)n;
            if (data.size)
                s = fn(user, data.data, data.size, err);
            if (chunks.state == HTTP_CHUNK_DONE)
                break;
        }
        if (s != HSE_OK || (h->chunked ? chunks.state == HTTP_CHUNK_DONE : left == 0))
            return s;
        if (end)
            return h->chunked || h->has_length ? cut(w, err) : HSE_OK;
        if ((s = receive(w, &end, err)) != HSE_OK)
            return s == HSE_E_IO ? cut(w, err) : s;
    }
}

static hse_status collect(void *user, const void *data, size_t size, hse_error *err)
{
    hse_buf_append(user, data, size);
    return hse_buf_status(user, "the answer", err);
}

/* The server's words, in either form of its error object. */
static hse_status refused(wire *w, const head *h, hse_error *err)
{
    hse_status s = h->status == 404                         ? HSE_E_NOT_FOUND
                   : h->status == 413                       ? HSE_E_LIMIT
                   : h->status == 429 || h->status == 503   ? HSE_E_BUSY
                   : h->status == 504                       ? HSE_E_DEADLINE
                   : h->status == 400 || h->status == 422   ? HSE_E_ARG
                                                            : HSE_E_IO;
    const char *hint = h->status == 401 ? " (--api-key, HSE_API_KEY)" : "";
    json_t *root = NULL;
    hse_error inner = {0};
    hse_buf body;

    hse_buf_init(&body, MAX_ERROR);
    if (read_body(w, h, collect, &body, &inner) == HSE_OK)
        hse_json_parse(&root, (hse_bytes){body.data, body.size}, NULL, NULL, &inner);
    const char *text = json_string_value(json_object_get(root, "message"));
    if (!text)
        text = json_string_value(json_object_get(json_object_get(root, "error"), "message"));
    if (text)
        hse_fail(err, s, 0, "%s%s", text, hint);
    else
        hse_fail(err, s, 0, "%s answered with status %d%s", w->remote->url, h->status, hint);
    json_decref(root);
    hse_buf_free(&body);
    return s;
}

static void put_head(hse_buf *out, const cli_remote *r, const cli_call *c)
{
    bool v6 = strchr(r->host, ':') != NULL;

    hse_buf_printf(out, "%s %s HTTP/1.1\r\nHost: ", c->method, c->path);
    if (r->port)
        hse_buf_printf(out, v6 ? "[%s]:%d\r\n" : "%s:%d\r\n", r->host, r->port);
    else
        hse_buf_str(out, "localhost\r\n");
    hse_buf_printf(out, "User-Agent: hse/%s\r\nAccept: %s\r\nConnection: close\r\n", HSE_VERSION, c->accept ? c->accept : "application/json");
    if (r->key)
        hse_buf_printf(out, "Authorization: Bearer %s\r\n", r->key);
    if (c->body)
        hse_buf_printf(out, "Content-Type: %s\r\n", c->content_type ? c->content_type : "application/json");
    if (c->body || strcmp(c->method, "POST") == 0)
        hse_buf_printf(out, "Content-Length: %zu\r\n", c->size);
    hse_buf_str(out, "\r\n");
}

hse_status cli_http(const cli_remote *r, const cli_call *call, cli_piece_fn fn, void *user, hse_error *err)
{
    wire w = {.remote = r, .fd = -1, .silence_ms = call->silence_ms};
    int ms = call->connect_ms ? call->connect_ms : CONNECT_MS;
    hse_error sending = {0};
    head h = {0};
    hse_buf out;

    cli_cancel_on_signal();
    hse_buf_init(&out, 16 << 10);
    put_head(&out, r, call);
    hse_status s = hse_buf_status(&out, "the request", err);
    if (s == HSE_OK)
        s = r->port ? connect_tcp(&w, ms, err) : connect_unix(&w, ms, err);
    if (s == HSE_OK && r->tls)
        s = start_tls(&w, ms, err);
    if (s == HSE_OK)
        s = send_all(&w, out.data, out.size, err);
    if (s == HSE_OK && call->size)              /* a server may refuse before it has read all; then its words count */
        s = send_all(&w, call->body, call->size, &sending);
    hse_buf_free(&out);
    if (s == HSE_OK || sending.status == HSE_E_IO) {
        s = read_head(&w, &h, err);
        if (s != HSE_OK && sending.status == HSE_E_IO)
            *err = sending;
        if (s == HSE_OK)
            s = h.status / 100 == 2 ? read_body(&w, &h, fn, user, err) : refused(&w, &h, err);
    } else if (sending.status != HSE_OK) {
        *err = sending;
    }
    disconnect(&w);
    return s;
}

hse_status cli_http_json(const cli_remote *r, const char *method, const char *path, const hse_buf *body, json_t **answer, hse_error *err)
{
    cli_call call = {.method = method, .path = path, .body = body ? body->data : NULL, .size = body ? body->size : 0};
    hse_buf out;

    hse_buf_init(&out, MAX_ANSWER);
    hse_status s = body ? hse_buf_status(body, "the request", err) : HSE_OK;
    if (s == HSE_OK)
        s = cli_http(r, &call, collect, &out, err);
    if (s == HSE_OK && answer)
        s = hse_json_parse(answer, (hse_bytes){out.data, out.size}, "the server's answer", NULL, err);
    hse_buf_free(&out);
    return s;
}

/* ---- audio --------------------------------------------------------------------------------------------------------- */

typedef struct {
    hse_pcm_fn fn;
    void      *user;
    uint8_t    head[HSE_WAV_HEADER];
    size_t     have;                        /* of the head; afterwards 1 when half a sample waits in `odd` */
    uint8_t    odd;
    bool       begun;
    unsigned   rate_hz;
} wav_reader;

/* The server writes one kind of header: 44 bytes, mono, 16 bits. */
static hse_status take_head(wav_reader *w, hse_error *err)
{
    const uint8_t *h = w->head;

    if (memcmp(h, "RIFF", 4) != 0 || memcmp(h + 8, "WAVEfmt ", 8) != 0 || memcmp(h + 36, "data", 4) != 0 || h[20] != 1 || h[22] != 1 ||
        h[34] != 16 || (w->rate_hz = hse_get_u32le(h + 24)) == 0 || w->rate_hz > 384000)
        return hse_fail(err, HSE_E_FORMAT, 0, "the server's answer is not a mono wav of 16 bits");
    w->begun = true;
    w->have = 0;
    return HSE_OK;
}

static hse_status take_samples(void *user, const void *data, size_t size, hse_error *err)
{
    enum { BLOCK = 4096 };
    wav_reader *w = user;
    const uint8_t *p = data;
    float block[BLOCK];
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        hse_status s = HSE_OK;
        if (!w->begun) {
            w->head[w->have++] = p[i];
            if (w->have == HSE_WAV_HEADER && (s = take_head(w, err)) != HSE_OK)
                return s;
            continue;
        }
        if (w->have == 0) {
            w->odd = p[i];
            w->have = 1;
        } else {
            block[n++] = (float)(int16_t)(uint16_t)(w->odd | p[i] << 8) / 32768.0f;
            w->have = 0;
        }
        if (n == BLOCK || (n && i + 1 == size)) {
            if (w->fn(w->user, block, n, w->rate_hz))
                return hse_fail(err, HSE_E_CANCELLED, 0, "stopped");
            n = 0;
        }
    }
    return HSE_OK;
}

hse_status cli_wav_call(const cli_remote *r, const char *path, const hse_buf *body, hse_pcm_fn fn, void *user, hse_error *err)
{
    cli_call call = {.method = "POST", .path = path, .accept = "audio/wav", .body = body->data, .size = body->size};
    wav_reader w = {.fn = fn, .user = user};

    return cli_http(r, &call, take_samples, &w, err);
}

/* ---- bodies -------------------------------------------------------------------------------------------------------- */

void cli_json_text(hse_buf *out, const char *name, const char *text)
{
    if (!text)
        return;
    hse_buf_printf(out, ",\"%s\":", name);
    hse_buf_json(out, text, strlen(text));
}

hse_status cli_json_file(hse_buf *out, const char *name, const char *path, hse_error *err)
{
    char *data = NULL;
    size_t size = 0;
    hse_status s = hse_file_read(&data, &size, path, MAX_UPLOAD, err);

    if (s == HSE_OK && size == 0) {                     /* to a server an empty field is none */
        hse_free(data);
        s = hse_fail(err, HSE_E_FORMAT, 0, "%.150s: the audio is empty: 0 bytes", path);
    }
    if (s != HSE_OK)
        return s;
    hse_buf_printf(out, ",\"%s\":\"", name);
    hse_buf_base64(out, data, size);
    hse_buf_byte(out, '"');
    hse_free(data);
    return hse_buf_status(out, "the request", err);
}

void cli_name_file(hse_error *err, const char *field, const char *path)
{
    size_t n = strlen(field);
    char rest[sizeof err->text];

    if (!path || !*path || strncmp(err->text, field, n) != 0 || strncmp(err->text + n, ": ", 2) != 0)
        return;
    snprintf(rest, sizeof rest, "%s", err->text + n + 2);
    snprintf(err->text, sizeof err->text, "%.100s: %.120s", path, rest);
}

void cli_url_escape(hse_buf *out, const char *name)
{
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || strchr("-_.~/", c))
            hse_buf_byte(out, c);
        else
            hse_buf_printf(out, "%%%02X", c);
    }
}

/* ---- finding it ---------------------------------------------------------------------------------------------------- */

hse_status cli_remote_parse(cli_remote *out, const char *url, int default_port, hse_error *err)
{
    const char *rest = url;

    *out = (cli_remote){.port = default_port};
    if (strncmp(url, "unix:", 5) == 0 || url[0] == '/') {
        rest = url[0] == '/' ? url : url + 5;
        out->port = 0;
        if (!*rest || strlen(rest) >= sizeof out->host)
            return hse_fail(err, HSE_E_ARG, 0, "\"%s\" is no unix socket", url);
        snprintf(out->host, sizeof out->host, "%s", rest);
        snprintf(out->url, sizeof out->url, "unix:%s", rest);
        return HSE_OK;
    }
    if (strncmp(url, "https://", 8) == 0) {
        out->tls = true;
        rest = url + 8;
    } else if (strncmp(url, "http://", 7) == 0) {
        rest = url + 7;
    } else if (strstr(url, "://")) {
        return hse_fail(err, HSE_E_ARG, 0, "\"%s\": only http and https are spoken", url);
    }
    size_t n = strcspn(rest, "/?#");
    const char *slash = rest + n, *closing = *rest == '[' ? memchr(rest, ']', n) : NULL;
    const char *from = closing ? rest + 1 : rest, *colon = closing ? closing + 1 : memchr(rest, ':', n);
    if (!closing && colon && memchr(colon + 1, ':', n - (size_t)(colon + 1 - rest)))
        colon = NULL;                                   /* an IPv6 address without brackets */
    const char *to = closing ? closing : colon ? colon : rest + n;
    if (*rest == '[' && !closing)
        return hse_fail(err, HSE_E_ARG, 0, "\"%s\" has a bracket that is not closed", url);
    if (colon && colon < rest + n && *colon == ':') {
        char *end = NULL;
        long port = strtol(colon + 1, &end, 10);
        if (end != rest + n || port < 1 || port > 65535)
            return hse_fail(err, HSE_E_ARG, 0, "\"%s\" has no port from 1 to 65535 behind its colon", url);
        out->port = (int)port;
    } else if (closing && closing + 1 != rest + n) {
        return hse_fail(err, HSE_E_ARG, 0, "\"%s\" is not an address", url);
    }
    if (to == from || (size_t)(to - from) >= sizeof out->host - 1 || strcmp(slash, "/") > 0 || strcspn(from, " \t\r\n") < (size_t)(to - from))
        return hse_fail(err, HSE_E_ARG, 0, "\"%s\" is not the address of a server (http://HOST:PORT)", url);
    snprintf(out->host, sizeof out->host, "%.*s", (int)(to - from), from);
    if (strcmp(out->host, "0.0.0.0") == 0 || strcmp(out->host, "::") == 0)      /* where it listens, not where it is */
        snprintf(out->host, sizeof out->host, "%s", out->host[0] == '0' ? "127.0.0.1" : "::1");
    snprintf(out->url, sizeof out->url, strchr(out->host, ':') ? "%s://[%s]:%d" : "%s://%s:%d", out->tls ? "https" : "http", out->host,
             out->port);
    return HSE_OK;
}

/* An option that shapes the engine of this process has no meaning for a server's. */
static const char *engine_option(const cli_args *a)
{
    for (size_t i = 0; cli_option_at(a->command, i); i++) {
        const cli_option *o = cli_option_at(a->command, i);
        if (a->given[i] && (cli_option_setting(o) || strcmp(o->name, "config") == 0))
            return o->name;
    }
    return cli_model_path(a) ? "model with a path" : NULL;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int default_port(void)
{
    const char *text = variable("HSE_PORT");
    long port = text ? strtol(text, NULL, 10) : 0;

    return port > 0 && port < 65536 ? (int)port : 12080;
}

/* Somebody else may listen there: only what says a version is ours. */
static bool answers(const cli_remote *r, hse_error *err)
{
    cli_call call = {.method = "GET", .path = "/version", .connect_ms = LOOK_MS, .silence_ms = LOOK_ANSWER_MS};
    json_t *root = NULL;
    hse_buf out;

    hse_buf_init(&out, 4096);
    bool ok = cli_http(r, &call, collect, &out, err) == HSE_OK &&
              hse_json_parse(&root, (hse_bytes){out.data, out.size}, "its /version", NULL, err) == HSE_OK;
    if (ok && !json_is_string(json_object_get(root, "version"))) {
        hse_fail(err, HSE_E_IO, 0, "%s is not a speech server", r->url);
        ok = false;
    }
    json_decref(root);
    hse_buf_free(&out);
    return ok;
}

hse_status cli_remote_find(cli_remote *out, bool *found, const cli_args *a, bool needed, hse_error *err)
{
    const char *named = cli_text(a, "server"), *engine = engine_option(a), *host = variable("HSE_HOST");
    bool local = !needed && cli_flag(a, "local");
    hse_error look = {0};

    *found = false;
    if (named && (local || engine))
        return hse_fail(err, HSE_E_ARG, 0, "--server and --%s exclude each other", local ? "local" : engine);
    if (!named && (local || engine))
        return HSE_OK;
    hse_status s = cli_remote_parse(out, named ? named : host ? host : "127.0.0.1", default_port(), err);
    if (s != HSE_OK)
        return s;
    out->key = cli_text(a, "api-key");
    if (out->key && strpbrk(out->key, "\r\n"))
        return hse_fail(err, HSE_E_ARG, 0, "--api-key holds a line break");
    *found = answers(out, &look);
    if (*found) {
        fprintf(stderr, "hse: using the server at %s\n", out->url);
        return HSE_OK;
    }
    if (look.status == HSE_E_CANCELLED || named) {
        *err = look;
        return err->status == HSE_E_ARG ? HSE_E_IO : err->status;
    }
    if (!needed)
        return HSE_OK;
    if (look.sys == ECONNREFUSED || look.sys == ENOENT)
        return hse_fail(err, HSE_E_IO, 0, "no server is running at %s (hse serve starts one)", out->url);
    return hse_fail(err, HSE_E_IO, 0, "no hse serve: %s", look.text);
}
