/* inner.h - what the files of the server share: connections, jobs, loops. Not for other folders.
 *
 * A connection and its timers belong to one loop thread and are never locked. A job is shared: fields below its lock
 * are guarded by it, `conn` is the loop thread's alone. Locks nest in the order job, loop (wake list), never the other
 * way. User code is never called with a lock held. */
#ifndef HTTP_INNER_H
#define HTTP_INNER_H

#include "base/buf.h"
#include "http/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

enum {
    HTTP_READ_SIZE = 65536,             /* one read; also the largest piece that a blocking write queues at once */
    HTTP_READ_ROUNDS = 4,               /* reads for one connection before the others get their turn */
    HTTP_MAX_EXTRA = 16384,             /* bytes of headers that a handler may add */
    HTTP_ID_SIZE = 65,
    HTTP_PEER_SIZE = INET6_ADDRSTRLEN,
    HTTP_NO_TIMER = -1,
};

typedef struct http_loop http_loop;
typedef struct http_conn http_conn;

/* What epoll hands back points to one of these, the first member of its owner. */
typedef enum { SOURCE_CONN, SOURCE_LISTENER, SOURCE_WAKE } http_source;

typedef struct {
    _Atomic uint64_t accepted, refused_total, refused_address, requests, in_flight, cancelled, timeouts;
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t by_status[600];
} http_counters;

typedef struct {
    http_source source;
    int         fd;
    bool        is_unix;
} http_listener;

struct http_loop {
    http_source     source;             /* SOURCE_WAKE: the event descriptor */
    http_server    *server;
    pthread_t       thread;
    bool            started;
    int             epoll, event, spare;        /* spare: given up for a moment when descriptors run out */
    http_listener  *listeners;
    size_t          n_listeners;
    bool            listening;
    uint64_t        accept_again_ms;    /* != 0: accepting pauses until then */
    uint64_t        warn_again_ms;
    http_conn      *conns, *graves;     /* all open ones; closed ones, freed after the batch that may still name them */
    size_t          n_conns;
    http_conn      *busy;               /* its input is being understood; its job is looked at right afterwards */
    http_conn     **timers;             /* binary heap by timer_due */
    size_t          n_timers, timer_capacity;
    uint64_t        now_ms;             /* of this round */
    uint64_t        random[2];
    pthread_mutex_t wake_lock;
    http_job       *wake_first, *wake_last;
    http_counters   count;
    char            scratch[HTTP_READ_SIZE];
};

typedef struct http_limit_entry http_limit_entry;

typedef struct {
    pthread_mutex_t    lock;
    http_limit_entry **buckets;
    uint64_t           seed;
} http_limits;

typedef struct {
    char     *host;
    char     *unix_path;                /* NULL for TCP */
    uint64_t  unix_inode;
    uint16_t  port;
} http_bound;

struct http_server {
    http_options     options;           /* defaults filled in; strings borrowed ones are not used after open */
    http_bound      *bound;
    size_t           n_bound;
    http_loop      **loops;
    unsigned         n_loops;
    SSL_CTX         *tls;
    http_limits      limits;
    _Atomic uint64_t buffered;
    atomic_uint      open;
    atomic_bool      stopping;
    _Atomic uint64_t stop_due_ms;
};

typedef enum {
    CONN_HANDSHAKE,                     /* TLS */
    CONN_HEAD,                          /* between requests, or inside a head */
    CONN_BODY,
    CONN_WAIT,                          /* the request is complete, its answer is not */
    CONN_DRAIN,                         /* the last answer is on its way; what still comes is thrown away */
    CONN_CLOSED,
} http_conn_state;

typedef struct {
    void  *data;
    size_t size;
    void (*release)(void *);
} http_blob;

struct http_conn {
    http_source     source;
    http_conn_state state;
    http_loop      *loop;
    int             fd;
    uint32_t        events;             /* what epoll is asked for */
    SSL            *ssl;
    uint32_t        tls_events;         /* EPOLLIN or EPOLLOUT when TLS needs the other direction to go on */
    bool            shut, eof, paused;  /* our side is closed; the peer sends no more; the body is held up */
    bool            answered;           /* CONN_WAIT only for room in the output */
    bool            again, tls_more;    /* more to do at the next round; OpenSSL holds input */
    http_job       *job;
    hse_buf         in;                 /* bytes received and not yet understood */
    hse_buf         out;                /* then `blob`: bytes to send */
    http_blob       blob;
    size_t          out_sent, blob_sent;
    uint64_t        state_due, write_due, timer_due;    /* ms; 0 = none */
    ptrdiff_t       timer;              /* place in the heap or HTTP_NO_TIMER */
    uint64_t        body_start, body_bytes, paused_at;
    http_conn      *next, *prev;
    http_limit_entry *limit;
    char            peer[HTTP_PEER_SIZE];
};

typedef enum {
    JOB_OPEN,                           /* nothing of the answer is queued */
    JOB_STREAM,                         /* head queued, body under way */
    JOB_ENDED,                          /* all of it queued */
    JOB_CUT,                            /* to be cut off */
} http_job_phase;

struct http_job {
    atomic_int       refs, handles;     /* memory: connection, wake list and handles; handles: who may still answer */
    http_conn       *conn;              /* loop thread only; NULL once detached */
    http_server     *server;            /* loop thread only */
    /* set by the loop before anybody else sees the job */
    http_request     request;
    char            *text;              /* head, decoded path, headers: what request points into */
    char             id[HTTP_ID_SIZE], peer[HTTP_PEER_SIZE];
    uint8_t          minor;
    bool             head_only;         /* HEAD */
    uint64_t         started_ns;
    uint32_t         high_water;
    void           (*error_body)(void *, int, const char *, hse_buf *);
    void            *error_arg;
    const char      *error_type;
    /* loop thread only: the way of the body */
    hse_buf          body;
    uint64_t         body_limit, body_counted;
    const char      *limit_name;
    http_chunks      chunks;
    bool             dispatched;        /* the server's own handle is given back */
    bool             collecting;
    http_handler    *then;
    void            *then_arg;

    pthread_mutex_t  lock;
    pthread_cond_t   room;
    http_job_phase   phase;
    http_loop       *loop;              /* NULL once detached */
    http_job        *wake_next;         /* guarded by the loop's wake_lock */
    bool             posted, close, body_done, paused, want_drain;
    atomic_bool      cancelled;
    int              status;
    hse_buf          extra, out;
    http_blob        blob;
    size_t           in_conn;           /* of this job, bytes that wait in the connection's output */
    uint64_t         bytes;             /* queued so far */
    http_sink        sink;
    bool             has_sink;
    void           (*on_cancel)(http_job *, void *);
    void           (*on_drain)(http_job *, void *);
    void            *user;
    void           (*release)(void *);

    http_head        head;              /* last: large */
};

extern _Thread_local http_loop *http_current_loop;      /* NULL on threads that are no loop */

static inline void http_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void http_blob_free(http_blob *b)
{
    if (b->release)
        b->release(b->data);
    *b = (http_blob){0};
}

/* job.c */
http_job *http_job_new(http_conn *c);                   /* NULL: no memory. Held by the connection and the server */
void      http_job_hold(http_job *job);                 /* memory only */
void      http_job_drop(http_job *job);
void      http_job_dispatched(http_job *job);           /* give the server's own handle back, once */
void      http_job_detach(http_job *job, bool cancel);  /* the connection lets go */
void      http_job_post(http_job *job);                 /* with job->lock: have the loop look at it */
void      http_job_tell_cancel(http_job *job);          /* cancelled by the server: wake writers, call back */

/* answer.c */
void http_put_date(hse_buf *out);
/* Status line and headers. length < 0: chunked, or until the end of the connection for HTTP/1.0. */
void http_put_head(hse_buf *out, const http_job *job, int status, const char *type, int64_t length, bool close);

/* conn.c */
void http_conn_open(http_loop *loop, int fd, const struct sockaddr_storage *address);
void http_conn_event(http_conn *c, uint32_t events);
void http_conn_wake(http_conn *c);                      /* its job has something */
void http_conn_timeout(http_conn *c);
void http_conn_stop(http_conn *c);                      /* the server stops: idle ones go */
void http_conn_kill(http_conn *c);
void http_conn_fail(http_conn *c, int status, const char *message);     /* an answer of the server's own, then close */
void http_conn_continue(http_conn *c);                  /* 100 Continue */

/* exchange.c: what a connection does with a request */
void http_begin(http_conn *c, const char *bytes, size_t size);  /* the head is complete; routes, checks, may answer */
void http_body_piece(http_conn *c, http_slice piece);
void http_body_end(http_conn *c);

/* loop.c */
http_loop *http_loop_new(http_server *s, hse_error *err);
void       http_loop_free(http_loop *l);
void      *http_loop_main(void *loop);
void       http_loop_poke(http_loop *l);
void       http_timer_set(http_conn *c);                /* after a change of its due times */
void       http_timer_remove(http_conn *c);
uint64_t   http_random(http_loop *l);

/* listen.c */
hse_status http_listen(http_server *s, hse_error *err);
void       http_unlisten(http_server *s);

/* limit.c */
hse_status http_limits_init(http_limits *l, hse_error *err);
void       http_limits_free(http_limits *l);
/* False when the address has `max` connections. *entry is NULL when the address is not limited. */
bool       http_limits_enter(http_limits *l, const struct sockaddr_storage *a, uint32_t max,
                             http_limit_entry **entry);
void       http_limits_leave(http_limits *l, http_limit_entry *entry);

/* route.c */
typedef struct {
    const http_route *route;            /* path and method match */
    unsigned          allowed;          /* methods of all routes that have this path; 0 = unknown path */
    size_t            rest_at, rest_size;
} http_match;

http_match http_route_find(const http_route *routes, size_t n, const char *path, unsigned method);
hse_status http_routes_check(const http_route *routes, size_t n, hse_error *err);
void       http_allow(char out[64], unsigned methods);

/* tls.c: bytes in and out, with and without TLS. The transfers return the bytes moved, or one of these. */
enum { IO_AGAIN = -1, IO_END = -2, IO_ERROR = -3 };

hse_status http_tls_open(SSL_CTX **out, const char *cert, const char *key, hse_error *err);
int        http_tls_accept(http_conn *c);               /* 1: done; 0: not yet; -1: failed */
ptrdiff_t  http_io_read(http_conn *c, void *to, size_t n);
ptrdiff_t  http_io_write(http_conn *c, const void *from, size_t n);
void       http_io_shut(http_conn *c);                  /* no more output from us */

#endif
