/* listen.c - from addresses to listening sockets. Each loop has its own socket per TCP address (SO_REUSEPORT spreads
 * the clients over them); a unix socket is one that all loops share. */
#include "base/log.h"
#include "base/mem.h"
#include "http/inner.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, MAX_ADDRESSES = 16, FREE_PORT_ATTEMPTS = 20 };

static bool is_path(const char *host)
{
    size_t n = strlen(host);

    return strchr(host, '/') || (n > 5 && strcmp(host + n - 5, ".sock") == 0);
}

static hse_status add_listener(http_loop *l, int fd, bool is_unix, hse_error *err)
{
    http_listener *grown = hse_realloc(l->listeners, (l->n_listeners + 1) * sizeof *grown);

    if (!grown) {
        close(fd);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a listening socket");
    }
    l->listeners = grown;
    l->listeners[l->n_listeners++] = (http_listener){.source = SOURCE_LISTENER, .fd = fd, .is_unix = is_unix};
    return HSE_OK;
}

/* A socket file may be left over from a server that was killed: nobody answers on it. */
static hse_status clear_path(const char *path, const struct sockaddr_un *a, hse_error *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return HSE_OK;
    if (!S_ISSOCK(st.st_mode))
        return hse_fail(err, HSE_E_ARG, 0, "%s exists and is not a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool used = fd >= 0 && (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno != ECONNREFUSED);
    if (fd >= 0)
        close(fd);
    if (used)
        return hse_fail_sys(err, EADDRINUSE, "cannot listen on %s", path);
    return unlink(path) == 0 ? HSE_OK : hse_fail_sys(err, errno, "cannot remove %s", path);
}

static hse_status listen_unix(http_server *s, http_bound *b, const char *path, hse_error *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(path) >= sizeof a.sun_path)
        return hse_fail(err, HSE_E_ARG, 0, "the socket path %s is longer than %zu bytes", path, sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path) + 1);
    hse_status status = clear_path(path, &a, err);
    if (status != HSE_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        int sys = errno;
        if (fd >= 0)
            close(fd);
        return hse_fail_sys(err, sys, "cannot listen on %s", path);
    }
    if (!(b->unix_path = hse_strdup(path))) {
        close(fd);
        unlink(path);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the path of a socket");
    }
    if (lstat(path, &st) == 0)
        b->unix_inode = st.st_ino;
    if (chmod(path, s->options.socket_mode) != 0 || listen(fd, BACKLOG) != 0) {
        int sys = errno;
        close(fd);
        return hse_fail_sys(err, sys, "cannot listen on %s", path);
    }
    for (unsigned i = 0; i < s->n_loops && status == HSE_OK; i++) {
        int own = i == 0 ? fd : dup(fd);
        status = own < 0 ? hse_fail_sys(err, errno, "cannot listen on %s", path)
                         : add_listener(s->loops[i], own, true, err);
    }
    return status;
}

/* A bound TCP socket, or -1 with errno. */
static int bind_tcp(const struct addrinfo *a, bool reuse_port)
{
    int one = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (reuse_port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        return 0;
    memcpy(&v4, &a, sizeof v4);
    memcpy(&v6, &a, sizeof v6);
    return ntohs(a.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static void set_port(struct addrinfo *a, uint16_t port)
{
    if (a->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)a->ai_addr)->sin_port = htons(port);
}

/* One address of a name, in all loops. SO_REUSEPORT alone would let a second server of the same user take half of our
 * clients without a word, so first see, without it, that nobody listens there. */
static hse_status listen_one(http_server *s, http_bound *b, const char *host, struct addrinfo *a, hse_error *err)
{
    if (b->port)
        set_port(a, b->port);
    if (b->port && !s->options.share_port) {
        int probe = bind_tcp(a, false);
        if (probe < 0)
            return hse_fail_sys(err, errno, "cannot listen on %s port %u", host, b->port);
        close(probe);
    }
    for (unsigned i = 0; i < s->n_loops; i++) {
        int fd = bind_tcp(a, true);
        if (fd < 0 || listen(fd, BACKLOG) != 0) {
            int sys = errno;
            if (fd >= 0)
                close(fd);
            return hse_fail_sys(err, sys, "cannot listen on %s port %u", host, b->port);
        }
        if (!b->port) {
            b->port = port_of(fd);
            set_port(a, b->port);
        }
        hse_status status = add_listener(s->loops[i], fd, false, err);
        if (status != HSE_OK)
            return status;
    }
    return HSE_OK;
}

/* All addresses of a name ("localhost" has two); one that this machine lacks is passed over if another works. */
static hse_status listen_all(http_server *s, http_bound *b, const char *host, struct addrinfo *found, hse_error *err)
{
    unsigned listening = 0;

    for (struct addrinfo *a = found; a; a = a->ai_next) {
        hse_error one = {0};
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        hse_status r = listen_one(s, b, host, a, &one);
        if (r == HSE_OK) {
            listening++;
        } else if ((one.sys == EADDRNOTAVAIL || one.sys == EAFNOSUPPORT) && (listening || a->ai_next)) {
            hse_log(HSE_LOG_INFO, "http", NULL, "%s (passed over)", one.text);
        } else {
            if (err)
                *err = one;
            return r;
        }
    }
    return listening ? HSE_OK : hse_fail(err, HSE_E_ARG, 0, "cannot listen on %s: it has no usable address", host);
}

/* Close what was opened since every loop had n listeners. */
static void unlisten_from(http_server *s, size_t n)
{
    for (unsigned i = 0; i < s->n_loops; i++)
        while (s->loops[i]->n_listeners > n)
            close(s->loops[i]->listeners[--s->loops[i]->n_listeners].fd);
}

static hse_status listen_tcp(http_server *s, http_bound *b, const char *host, uint16_t port, hse_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    size_t before = s->loops[0]->n_listeners;
    char service[8];
    hse_error one = {0};
    hse_status status;

    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed)
        return hse_fail(err, HSE_E_ARG, 0, "cannot listen on %s: %s", host, gai_strerror(failed));
    for (int attempt = 0;; attempt++) {
        b->port = port;
        for (struct addrinfo *a = found; a; a = a->ai_next)
            if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
                set_port(a, port);
        status = listen_all(s, b, host, found, &one);
        /* A port that is free on the first address of a name may be taken on the second: any other will do. */
        if (status == HSE_OK || port != 0 || one.sys != EADDRINUSE || attempt == FREE_PORT_ATTEMPTS)
            break;
        unlisten_from(s, before);
    }
    freeaddrinfo(found);
    if (status != HSE_OK && err)
        *err = one;
    return status;
}

hse_status http_listen(http_server *s, hse_error *err)
{
    const http_options *o = &s->options;

    if (o->n_addresses == 0 || o->n_addresses > MAX_ADDRESSES)
        return hse_fail(err, HSE_E_ARG, 0, "a server listens on 1 to %d addresses, not %zu", MAX_ADDRESSES,
                        o->n_addresses);
    if (!(s->bound = hse_calloc(o->n_addresses, sizeof *s->bound)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the addresses");
    for (size_t i = 0; i < o->n_addresses; i++) {
        const char *host = o->addresses[i].host;
        s->n_bound = i + 1;
        hse_status status = !host || !*host ? hse_fail(err, HSE_E_ARG, i, "address %zu has no host", i)
                            : is_path(host) ? listen_unix(s, &s->bound[i], host, err)
                                            : listen_tcp(s, &s->bound[i], host, o->addresses[i].port, err);
        if (status != HSE_OK)
            return status;
    }
    return HSE_OK;
}

/* Remove our socket files, unless another server has put its own there meanwhile. */
void http_unlisten(http_server *s)
{
    struct stat st;

    for (size_t i = 0; i < s->n_bound; i++) {
        const http_bound *b = &s->bound[i];
        if (b->unix_path && lstat(b->unix_path, &st) == 0 && st.st_ino == b->unix_inode)
            unlink(b->unix_path);
        hse_free(b->unix_path);
    }
    hse_free(s->bound);
    s->bound = NULL;
    s->n_bound = 0;
}
