/* test_job.c - answers from other threads: streaming, back-pressure, clients that leave, bodies taken in pieces. */
#include "client.h"

/* Departures are noticed in well under 1 ms; a busy machine may take longer to run us. */
enum { NOTICE_MS = 500 };

enum { PIECE = 65536, STREAM_PIECES = 256 };

static atomic_int handles_out;        /* threads that still hold a job */
static _Atomic uint64_t cancelled_ns; /* when on_cancel was called */
static atomic_int cancel_calls, released_users;
static _Atomic size_t produced;
static atomic_int last_status;

static void note_cancel(http_job *job, void *user)
{
    (void)user;
    atomic_store(&cancelled_ns, http_job_cancelled(job) ? hse_now_ns() : 1);
    atomic_fetch_add(&cancel_calls, 1);
}

static atomic_int late_cancels;

static void note_late_cancel(http_job *job, void *user)
{
    (void)user;
    atomic_fetch_add(&late_cancels, http_job_cancelled(job));
}

static void release_user(void *user)
{
    atomic_fetch_add(&released_users, 1);
    hse_free(user);
}

static void leave(http_job *job)
{
    http_job_unref(job);
    atomic_fetch_sub(&handles_out, 1);
}

/* Waits for up to 3 s to be cancelled, as a job in a queue does, then answers. */
static void *wait_thread(void *arg)
{
    http_job *job = arg;

    for (int i = 0; i < 300 && !http_job_cancelled(job); i++)
        sleep_ms(10);
    atomic_store(&last_status, (int)http_job_answer(job, 200, "text/plain", "late", 4));
    if (http_job_cancelled(job))
        http_job_on_cancel(job, note_late_cancel);
    leave(job);
    return NULL;
}

static void *soon_thread(void *arg)
{
    sleep_ms(30);
    http_job_answer(arg, 200, "text/plain", "soon", 4);
    leave(arg);
    return NULL;
}

static void *lose_thread(void *arg)
{
    sleep_ms(10);
    leave(arg);
    return NULL;
}

static void *stream_thread(void *arg)
{
    char *piece = malloc(PIECE);
    hse_status s = http_job_start(arg, 200, "audio/wav");

    memset(piece, 's', PIECE);
    for (int i = 0; i < STREAM_PIECES && s == HSE_OK; i++) {
        s = http_job_write(arg, piece, PIECE, 20000);
        if (s == HSE_OK)
            atomic_fetch_add(&produced, PIECE);
    }
    if (s == HSE_OK)
        s = http_job_finish(arg);
    atomic_store(&last_status, (int)s);
    free(piece);
    leave(arg);
    return NULL;
}

static void *deadline_thread(void *arg)
{
    char *piece = calloc(1, PIECE);
    hse_status s = http_job_start(arg, 200, "audio/wav");

    while (s == HSE_OK)
        s = http_job_write(arg, piece, PIECE, 100);
    atomic_store(&last_status, (int)s);
    http_job_fail(arg, 504, "too slow");
    free(piece);
    leave(arg);
    return NULL;
}

static void *break_thread(void *arg)
{
    http_job_start(arg, 200, "text/plain");
    http_job_write(arg, "some", 4, 1000);
    sleep_ms(30);
    http_job_fail(arg, 500, "broken");
    leave(arg);
    return NULL;
}

static void *lose_stream_thread(void *arg)
{
    http_job_start(arg, 200, "text/plain");
    http_job_write(arg, "some", 4, 1000);
    leave(arg);
    return NULL;
}

static void hand_over(http_job *job, void *thread)
{
    void *(*f)(void *);
    int *user = hse_alloc(sizeof *user);

    memcpy(&f, thread, sizeof f);
    http_job_attach(job, user, release_user);
    CHECK(http_job_user(job) == user, "the attached pointer");
    http_job_attach(job, user = hse_alloc(sizeof *user), release_user); /* the first one is released */
    CHECK(http_job_sink(job, &(http_sink){0}) == HSE_E_ARG && http_job_collect(job, 1, NULL, NULL, NULL) == HSE_E_ARG,
          "a sink without callbacks is taken");
    http_job_on_cancel(job, note_cancel);
    atomic_fetch_add(&handles_out, 1);
    run_thread(f, job);
}

/* Streams from callbacks alone, never blocking. */
typedef struct {
    size_t left;
} pour;

static void pour_more(http_job *job, void *user)
{
    static const char piece[10000];
    pour *p = user;
    hse_status s = HSE_OK;

    while (p->left && (s = http_job_try_write(job, piece, sizeof piece < p->left ? sizeof piece : p->left)) == HSE_OK)
        p->left -= sizeof piece < p->left ? sizeof piece : p->left;
    if (s == HSE_E_BUSY)
        return;
    http_job_finish(job);
    http_job_unref(job);
}

static void answer_pour(http_job *job, void *arg)
{
    pour *p = hse_calloc(1, sizeof *p);

    (void)arg;
    p->left = 8u << 20;
    http_job_attach(job, p, hse_free);
    http_job_on_drain(job, pour_more);
    http_job_ref(job);
    CHECK(http_job_try_write(job, "x", 1) == HSE_E_ARG, "a write before the start");
    CHECK(http_job_start(job, 200, "text/plain") == HSE_OK, "start");
    CHECK(http_job_write(job, "x", 1, 1) == HSE_E_ARG, "a blocking write on the loop");
    pour_more(job, p);
}

/* ---- bodies in pieces ---- */

typedef struct {
    uint64_t bytes;
    bool pause, refuse;
} intake;

static void *resume_thread(void *arg)
{
    sleep_ms(20);
    http_job_resume_body(arg);
    leave(arg);
    return NULL;
}

static void take(http_job *job, void *user, const void *data, size_t size)
{
    intake *in = user;

    (void)data;
    in->bytes += size;
    if (in->refuse && in->bytes > 100000)
        http_job_answer(job, 422, "text/plain", "no", 2);
    if (in->pause) {
        in->pause = false;
        http_job_pause_body(job);
        atomic_fetch_add(&handles_out, 1);
        run_thread(resume_thread, job);
    }
}

static void take_end(http_job *job, void *user)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)((intake *)user)->bytes);
    http_job_answer(job, 200, "text/plain", text, strlen(text));
}

static void answer_sink(http_job *job, void *arg)
{
    static const http_sink sink = {take, take_end};
    intake *in = hse_calloc(1, sizeof *in);

    in->pause = arg && strcmp(arg, "pause") == 0;
    in->refuse = arg && strcmp(arg, "refuse") == 0;
    http_job_attach(job, in, hse_free);
    http_job_on_cancel(job, note_cancel);
    http_job_sink(job, &sink);
}

static void answer_collect(http_job *job, void *arg)
{
    if (http_slice_is(http_request_header(http_job_request(job), "Content-Type"), "application/json"))
        http_job_collect(job, 10, "--max-json", answer_body_size, arg);
    else
        answer_sink(job, NULL);
}

static void *(*threads[])(void *) = {wait_thread,     soon_thread,  lose_thread,       stream_thread,
                                     deadline_thread, break_thread, lose_stream_thread};

static const http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
    {HTTP_GET, "/wait", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[0], 0},
    {HTTP_GET, "/soon", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[1], 0},
    {HTTP_GET, "/lose", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[2], 0},
    {HTTP_GET, "/stream", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[3], 0},
    {HTTP_GET, "/deadline", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[4], 0},
    {HTTP_GET, "/break", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[5], 0},
    {HTTP_GET, "/lose-stream", HTTP_BODY_NONE, 0, NULL, hand_over, &threads[6], 0},
    {HTTP_GET, "/pour", HTTP_BODY_NONE, 0, NULL, answer_pour, NULL, 0},
    {HTTP_POST, "/upload", HTTP_BODY_SINK, 200u << 20, NULL, answer_sink, NULL, 0},
    {HTTP_POST, "/pause", HTTP_BODY_SINK, 200u << 20, NULL, answer_sink, (char[]){"pause"}, 0},
    {HTTP_POST, "/refuse", HTTP_BODY_SINK, 200u << 20, NULL, answer_sink, (char[]){"refuse"}, 0},
    {HTTP_POST, "/either", HTTP_BODY_SINK, 200u << 20, "--max-upload", answer_collect, NULL, 0},
};

static http_options base_options(void)
{
    atomic_store(&cancelled_ns, 0);
    atomic_store(&cancel_calls, 0);
    atomic_store(&released_users, 0);
    atomic_store(&produced, 0);
    atomic_store(&last_status, 99);
    return (http_options){.routes = routes, .n_routes = COUNT(routes), .drain_ms = 100};
}

static bool wait_for(atomic_int *value, int want, unsigned ms)
{
    for (uint64_t until = hse_now_ms() + ms; hse_now_ms() < until; sleep_ms(1))
        if (atomic_load(value) == want)
            return true;
    return atomic_load(value) == want;
}

static void close_server(http_server **s)
{
    http_stats stats;

    CHECK(wait_for(&handles_out, 0, 5000), "%d threads still hold jobs", atomic_load(&handles_out));
    WAIT_STATS(*s, stats, stats.in_flight == 0);
    http_server_close(s);
}

TEST(other_threads_answer)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[1024];
    int fd = dial(port);

    send_text(fd, "GET /soon HTTP/1.1\r\nHost: a\r\n\r\nGET /lose HTTP/1.1\r\nHost: a\r\n\r\nGET /hello "
                  "HTTP/1.1\r\nHost: a\r\n\r\n");
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 200 && strstr(got, "soon"), "got %.200s", got);
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 500, "a job that nobody answers: %.200s", got);
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 200 && strstr(got, "hello"), "got %.200s", got);
    close(fd);
    CHECK(wait_for(&released_users, 4, 3000), "%d attached objects released", atomic_load(&released_users));
    CHECK(atomic_load(&cancel_calls) == 0, "on_cancel was called");
    close_server(&s);
}

/* how: 0 FIN, 1 RST, 2 FIN with a pipelined request unread before it */
static void leave_while_waiting(uint16_t port, int how)
{
    int fd = dial(port);
    struct linger now = {1, 0};

    atomic_store(&cancel_calls, 0);
    send_text(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    sleep_ms(50);
    if (how == 2)
        send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    if (how == 1)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    uint64_t t = hse_now_ns();
    close(fd);
    CHECK(wait_for(&cancel_calls, 1, 2000), "way %d: nobody noticed", how);
    double ms = (double)(atomic_load(&cancelled_ns) - t) / 1e6;
    CHECK(ms < NOTICE_MS, "way %d: noticed after %.1f ms", how, ms);
    CHECK(wait_for(&handles_out, 0, 2000), "the thread did not stop");
    CHECK(atomic_load(&last_status) == HSE_E_CANCELLED, "its answer gave %d", atomic_load(&last_status));
}

TEST(a_client_that_leaves_is_noticed_at_once)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    http_stats stats;

    for (int how = 0; how < 3; how++)
        leave_while_waiting(port, how);
    http_server_stats(s, &stats);
    CHECK(atomic_load(&late_cancels) == 3, "a callback that is set afterwards is not called");
    CHECK(stats.cancelled == 3 && stats.by_status[499] == 3, "%llu cancelled", (unsigned long long)stats.cancelled);
    close_server(&s);
}

/* Decode a whole chunked answer; the size of the body, or -1 when it does not end properly. */
static long read_stream(int fd)
{
    http_chunks chunks = {0};
    char *buf = malloc(PIECE);
    size_t n = 0, at = 0;
    bool head = false;

    while (chunks.state != HTTP_CHUNK_DONE) {
        ssize_t r = recv(fd, buf + n, PIECE - n, 0);
        if (r <= 0)
            break;
        n += (size_t)r;
        if (!head) {
            char *end = memmem(buf, n, "\r\n\r\n", 4);
            if (!end)
                continue;
            head = true;
            at = (size_t)(end - buf) + 4;
        }
        while (at < n && chunks.state != HTTP_CHUNK_DONE) {
            http_slice data;
            ptrdiff_t k = http_chunks_feed(&chunks, buf + at, n - at, &data);
            CHECK(k > 0, "malformed chunk at %zu", at);
            at += (size_t)k;
        }
        n = at = 0;
    }
    free(buf);
    return chunks.state == HTTP_CHUNK_DONE ? (long)chunks.data : -1;
}

TEST(streams_arrive_whole)
{
    static const char *const paths[] = {"/stream", "/pour"};
    static const long sizes[] = {(long)PIECE * STREAM_PIECES, 8 << 20};
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char request[100], got[4096];
    bool closed;

    for (int i = 0; i < 2; i++) {
        int fd = dial(port);
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
        for (int again = 0; again < 2; again++) {
            send_text(fd, request);
            long n = read_stream(fd);
            CHECK(n == sizes[i], "%s: %ld bytes, want %ld", paths[i], n, sizes[i]);
        }
        send_text(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        receive_head(fd, got, sizeof got);
        receive(fd, got + strlen(got), sizeof got - strlen(got), 20, &closed);
        set_timeout(fd, 5000);
        CHECK(strstr(got, "chunked") && strcmp(strstr(got, "\r\n\r\n"), "\r\n\r\n") == 0, "HEAD: %.200s", got);
        close(fd);
    }
    int fd = dial(port); /* HTTP/1.0: no chunks, the end of the connection is the end */
    size_t n = 0;
    send_text(fd, "GET /stream HTTP/1.0\r\n\r\n");
    for (ssize_t r; (r = recv(fd, got, sizeof got, 0)) > 0;)
        n += (size_t)r;
    CHECK(n > (size_t)PIECE * STREAM_PIECES && n < (size_t)PIECE * STREAM_PIECES + 500, "HTTP/1.0: %zu bytes", n);
    close(fd);
    close_server(&s);
}

TEST(a_reader_that_stops_holds_the_producer_not_the_memory)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    int fd = dial(port), small = 65536;
    long before = resident_kib();

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_text(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t first = 0, second = 1;
    for (int i = 0; i < 30 && first != second; i++) {
        first = atomic_load(&produced);
        sleep_ms(200);
        second = atomic_load(&produced);
    }
    CHECK(first == second && first > 0 && first < (size_t)PIECE * STREAM_PIECES, "it went on: %zu, then %zu bytes",
          first, second);
    CHECK(!exact_memory() || resident_kib() - before < 8192, "memory grew by %ld KiB", resident_kib() - before);
    uint64_t t = hse_now_ns();
    close(fd);
    CHECK(wait_for(&cancel_calls, 1, 2000), "nobody noticed that the reader left");
    CHECK((double)(atomic_load(&cancelled_ns) - t) / 1e6 < NOTICE_MS, "noticed late");
    CHECK(wait_for(&last_status, HSE_E_CANCELLED, 2000), "the writer got %d", atomic_load(&last_status));

    fd = dial(port);
    send_text(fd, "GET /deadline HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(wait_for(&last_status, HSE_E_DEADLINE, 5000), "a write with a deadline gave %d", atomic_load(&last_status));
    CHECK(wait_for(&handles_out, 0, 2000), "the thread did not stop");
    CHECK(read_stream(fd) == -1, "a cut answer looks whole");
    close(fd);
    close_server(&s);
}

TEST(a_failure_after_the_head_cuts_the_connection)
{
    static const char *const requests[] = {"GET /break HTTP/1.1\r\nHost: a\r\n\r\n",
                                           "GET /lose-stream HTTP/1.1\r\nHost: a\r\n\r\n",
                                           "GET /break HTTP/1.0\r\n\r\n"};
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);

    for (size_t i = 0; i < COUNT(requests); i++) {
        int fd = dial(port);
        char got[1024];
        size_t n = 0;
        ssize_t r;
        send_text(fd, requests[i]);
        while ((r = recv(fd, got + n, sizeof got - 1 - n, 0)) > 0)
            n += (size_t)r;
        got[n] = '\0';
        CHECK(r < 0 && errno == ECONNRESET, "%s: a proper end after %.200s", requests[i], got);
        close(fd);
    }
    close_server(&s);
}

TEST(a_large_upload_passes_through_without_being_kept)
{
    static const char *const paths[] = {"/upload", "/pause"};
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[1024], request[200], *block = calloc(1, 1 << 20);
    long before = resident_kib(), most = 0;

    for (int i = 0; i < 2; i++)
        for (int chunked = 0; chunked < 2; chunked++) {
            int fd = dial(port);
            snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", paths[i],
                     chunked ? "Transfer-Encoding: chunked" : "Content-Length: 104857600");
            send_text(fd, request);
            for (int k = 0; k < 100; k++) {
                CHECK(!chunked || send_text(fd, "100000\r\n"), "chunk %d", k);
                CHECK(send_all(fd, block, 1 << 20), "%s: MiB %d is not taken", paths[i], k);
                CHECK(!chunked || send_text(fd, "\r\n"), "chunk %d", k);
                long now = resident_kib() - before;
                most = now > most ? now : most;
            }
            CHECK(!chunked || send_text(fd, "0\r\n\r\n"), "the last chunk");
            receive_answer(fd, got, sizeof got);
            CHECK(status_of(got) == 200 && strstr(got, "104857600"), "%s: %.200s", paths[i], got);
            close(fd);
        }
    CHECK(!exact_memory() || most < 4096, "memory grew by %ld KiB", most);
    free(block);
    close_server(&s);
}

TEST(an_upload_can_be_refused_while_it_comes)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[1024], *block = calloc(1, 1 << 20);
    int fd = dial(port);

    send_text(fd, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    send_all(fd, block, 1 << 20);
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 422 && strstr(got, "Connection: close"), "got %.200s", got);
    close(fd);

    fd = dial(port); /* a client that leaves in the middle */
    send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    send_all(fd, block, 1000);
    sleep_ms(20);
    atomic_store(&cancel_calls, 0);
    close(fd);
    CHECK(wait_for(&cancel_calls, 1, 2000), "nobody noticed");

    fd = dial(port); /* a body that turns out to be malformed */
    send_text(fd, "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx");
    receive_answer(fd, got, sizeof got);
    CHECK(status_of(got) == 400, "got %.200s", got);
    CHECK(wait_for(&cancel_calls, 2, 2000), "the sink was not told");
    close(fd);
    free(block);
    close_server(&s);
}

TEST(a_handler_may_choose_to_buffer)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    static const struct {
        const char *request;
        int status;
        const char *contains;
    } cases[] = {
        {"POST /either HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{ }", 200,
         "\r\n\r\n3"},
        {"POST /either HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n", 413,
         "--max-json"},
        {"POST /either HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: "
         "chunked\r\n\r\nb\r\n01234567890\r\n",
         413, "--max-json"},
        {"POST /either HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n01234567890123456789", 200, "\r\n\r\n20"},
        {"POST /either HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", 200,
         "\r\n\r\n0"},
    };
    char got[1024];

    for (size_t i = 0; i < COUNT(cases); i++) {
        int status = ask(port, cases[i].request, got, sizeof got);
        CHECK(status == cases[i].status && strstr(got, cases[i].contains), "case %zu: %.300s", i, got);
    }
    close_server(&s);
}

static void *stop_thread(void *server)
{
    http_server_stop(server, 2000);
    return NULL;
}

TEST(stopping_lets_requests_finish)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    char got[1024];
    bool closed;
    int busy = dial(port), idle = dial(port);
    pthread_t t;

    send_text(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    receive_answer(idle, got, sizeof got);
    send_text(busy, "GET /soon HTTP/1.1\r\nHost: a\r\n\r\n");
    http_stats stats;
    WAIT_STATS(s, stats, stats.in_flight == 1);
    uint64_t start = hse_now_ms();
    pthread_create(&t, NULL, stop_thread, s);
    receive(busy, got, sizeof got, 3000, &closed);
    CHECK(status_of(got) == 200 && strstr(got, "soon") && closed, "the busy one: %.200s", got);
    close(busy);
    receive(idle, got, sizeof got, 3000, &closed);
    CHECK(closed && !got[0], "the idle one: %.200s", got);
    close(idle);
    pthread_join(t, NULL);
    CHECK(hse_now_ms() - start < 1900, "it took %llu ms", (unsigned long long)(hse_now_ms() - start));
    close_server(&s);
}

TEST(stopping_cancels_what_does_not_finish)
{
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    int fd = dial(port);

    send_text(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    http_stats stats;
    WAIT_STATS(s, stats, stats.in_flight == 1 && atomic_load(&handles_out) == 1);
    uint64_t start = hse_now_ms();
    http_server_stop(s, 100);
    CHECK(hse_now_ms() - start >= 90 && hse_now_ms() - start < 3000, "after %llu ms",
          (unsigned long long)(hse_now_ms() - start));
    CHECK(atomic_load(&cancel_calls) == 1, "not cancelled");
    http_server_close(&s); /* while the thread may still hold its handle */
    CHECK(wait_for(&handles_out, 0, 5000), "the thread did not stop");
    close(fd);
}

TEST(many_clients_at_once)
{
    enum { CLIENTS = 200 };
    http_options o = base_options();
    uint16_t port;
    http_server *s = open_server(&o, &port);
    int fd[CLIENTS];
    char got[512];

    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            fd[i] = dial(port);
            send_text(fd[i],
                      i % 2 ? "GET /soon HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
            if (i % 5 == 4)
                close(fd[i]);
        }
        for (int i = 0; i < CLIENTS; i++) {
            if (i % 5 == 4)
                continue;
            receive_answer(fd[i], got, sizeof got);
            CHECK(status_of(got) == 200, "client %d: %.200s", i, got);
            close(fd[i]);
        }
    }
    close_server(&s);
}
