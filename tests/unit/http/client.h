/* client.h - a blocking client and a small server for the tests of the HTTP front. */
#ifndef TEST_HTTP_CLIENT_H
#define TEST_HTTP_CLIENT_H

#include "base/clock.h"
#include "base/mem.h"
#include "http/http.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define HOST "Host: a\r\n"

static inline void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static inline void set_timeout(int fd, unsigned ms)
{
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static inline int dial(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        fail_msg("cannot connect to port %u: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    set_timeout(fd, 5000);
    return fd;
}

/* False when the server has gone before all of it was sent. */
static inline bool send_all(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static inline bool send_text(int fd, const char *text)
{
    return send_all(fd, text, strlen(text));
}

/* All that comes until the server closes (*closed), nothing comes for `ms`, or the room is full. Zero-terminated. */
static inline size_t receive(int fd, char *out, size_t capacity, unsigned ms, bool *closed)
{
    size_t n = 0;

    set_timeout(fd, ms);
    *closed = false;
    while (n + 1 < capacity) {
        ssize_t r = recv(fd, out + n, capacity - 1 - n, 0);
        if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (r <= 0) {
            *closed = true;
            break;
        }
        n += (size_t)r;
    }
    out[n] = '\0';
    return n;
}

/* One answer: its head and as much body as Content-Length says (or all of a chunked one, as it is on the wire). */
static inline size_t receive_answer(int fd, char *out, size_t capacity)
{
    size_t n = 0, want = SIZE_MAX;

    out[0] = '\0';
    while (n < want && n + 1 < capacity) {
        ssize_t r = recv(fd, out + n, 1, 0);
        if (r <= 0)
            break;
        out[++n] = '\0';
        if (want == SIZE_MAX && n >= 4 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0) {
            const char *length = strstr(out, "Content-Length: ");
            if (length)
                want = n + strtoul(length + 16, NULL, 10);
            else if (!strstr(out, "chunked"))
                break;
        }
        if (want == SIZE_MAX && n >= 5 && memcmp(out + n - 5, "0\r\n\r\n", 5) == 0 && strstr(out, "chunked"))
            break;
    }
    return n;
}

/* A head without the body that it may announce. */
static inline size_t receive_head(int fd, char *out, size_t capacity)
{
    size_t n = 0;

    out[0] = '\0';
    while (n + 1 < capacity && recv(fd, out + n, 1, 0) == 1) {
        out[++n] = '\0';
        if (n >= 4 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    return n;
}

static inline int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* One request on a connection of its own; `out` gets the answer. */
static inline int ask(uint16_t port, const char *request, char *out, size_t capacity)
{
    int fd = dial(port);

    send_text(fd, request);
    receive_answer(fd, out, capacity);
    close(fd);
    return status_of(out);
}

/* Under valgrind (scripts/valgrind) there is less to do, and memory is not what the program uses. */
static inline bool is_quick(void)
{
    return getenv("HSE_TEST_QUICK") != NULL;
}

/* Can resident memory be judged here? */
static inline bool exact_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return !is_quick();
#endif
}

/* Resident memory of this process in KiB. */
static inline long resident_kib(void)
{
    long pages = 0, total = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static inline http_server *open_server(http_options *o, uint16_t *port)
{
    static const http_address loopback = {"127.0.0.1", 0};
    http_server *s = NULL;
    hse_error err = {0};

    if (!o->addresses) {
        o->addresses = &loopback;
        o->n_addresses = 1;
    }
    if (!o->loops)
        o->loops = 2;
    if (http_server_open(&s, o, &err) != HSE_OK)
        fail_msg("the server does not open: %s", err.text);
    *port = http_server_port(s, 0);
    return s;
}

/* Wait for a condition of the counters, for up to 5 s. */
#define WAIT_STATS(server, stats, condition)                                                                           \
    do {                                                                                                               \
        for (int wait_i = 0; wait_i < 5000; wait_i++) {                                                                \
            http_server_stats(server, &(stats));                                                                       \
            if (condition)                                                                                             \
                break;                                                                                                 \
            sleep_ms(1);                                                                                               \
        }                                                                                                              \
        CHECK(condition, "it did not happen within 5 s");                                                              \
    } while (0)

/* ---- handlers ---- */

static inline void answer_hello(http_job *job, void *arg)
{
    (void)arg;
    http_job_answer(job, 200, "text/plain", "hello", 5);
}

static inline void answer_body_size(http_job *job, void *arg)
{
    char text[32];

    (void)arg;
    snprintf(text, sizeof text, "%zu", http_job_request(job)->body.size);
    http_job_answer(job, 200, "text/plain", text, strlen(text));
}

/* The thread that a test handler gives its job to. */
static inline void run_thread(void *(*f)(void *), http_job *job)
{
    pthread_t t;

    if (pthread_create(&t, NULL, f, http_job_ref(job)) != 0) {
        http_job_unref(job);
        return;
    }
    pthread_detach(t);
}

#endif
