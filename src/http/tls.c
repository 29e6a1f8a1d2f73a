/* tls.c - the transport under a connection: a plain socket, or OpenSSL on it. */
#include "http/inner.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#include <openssl/err.h>
#include <openssl/pem.h>

/* Only HTTP/1.1 is spoken here; a client that offers protocols without it goes on without an agreement. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                           unsigned in_size, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static hse_status tls_fail(hse_error *err, const char *what, const char *file)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code))
        return hse_fail_sys(err, (int)ERR_GET_REASON(code), "%s %s", what, file);
    if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        reason = "expected a PEM file, found no line -----BEGIN ...";
    return hse_fail(err, HSE_E_FORMAT, 0, "%s %s: %s", what, file, reason ? reason : "cannot be used");
}

hse_status http_tls_open(SSL_CTX **out, const char *cert, const char *key, hse_error *err)
{
    hse_status s = HSE_OK;

    if (!cert || !key)
        return hse_fail(err, HSE_E_ARG, 0, "TLS needs both a certificate and a key file");
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        s = hse_fail(err, HSE_E_NOMEM, 0, "OpenSSL gives no TLS context");
    else if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        s = tls_fail(err, "TLS certificate", cert);
    else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        s = tls_fail(err, "TLS key", key);
    if (s != HSE_OK) {
        SSL_CTX_free(ctx);
        return s;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    *out = ctx;
    return HSE_OK;
}

/* AGAIN, END or ERROR for a call that did not succeed; notes the direction that TLS waits for. */
static int tls_result(http_conn *c, int result)
{
    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        c->tls_events = EPOLLIN;
        return IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        c->tls_events = EPOLLOUT;
        return IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    default:
        return IO_ERROR;
    }
}

int http_tls_accept(http_conn *c)
{
    c->tls_events = 0;
    ERR_clear_error();
    int r = SSL_accept(c->ssl);
    if (r == 1)
        return 1;
    return tls_result(c, r) == IO_AGAIN ? 0 : -1;
}

static ptrdiff_t socket_result(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_AGAIN : IO_ERROR;
}

ptrdiff_t http_io_read(http_conn *c, void *to, size_t n)
{
    assert(c->state != CONN_CLOSED);        /* its descriptor may be another's by now */
    if (!c->ssl) {
        ptrdiff_t got = socket_result(recv(c->fd, to, n, 0));
        return got == 0 ? IO_END : got;
    }
    size_t got = 0;
    c->tls_events = 0;
    ERR_clear_error();
    int r = SSL_read_ex(c->ssl, to, n, &got);
    if (r == 1)
        return (ptrdiff_t)got;
    r = tls_result(c, r);
    if (c->tls_events == EPOLLIN)           /* the usual case, which the connection asks for anyway */
        c->tls_events = 0;
    return r;
}

ptrdiff_t http_io_write(http_conn *c, const void *from, size_t n)
{
    assert(c->state != CONN_CLOSED);
    if (!c->ssl)
        return socket_result(send(c->fd, from, n, MSG_NOSIGNAL));
    size_t sent = 0;
    c->tls_events = 0;
    ERR_clear_error();
    int r = SSL_write_ex(c->ssl, from, n, &sent);
    if (r == 1)
        return (ptrdiff_t)sent;
    r = tls_result(c, r);
    return r == IO_END ? IO_ERROR : r;
}

void http_io_shut(http_conn *c)
{
    if (c->ssl && SSL_is_init_finished(c->ssl)) {
        ERR_clear_error();
        SSL_shutdown(c->ssl);               /* sends close_notify once; what the peer says to it does not matter */
    }
    shutdown(c->fd, SHUT_WR);
}
