/* test_strict.c - 77 requests, well-formed and not, each followed at once by a second request on the same connection. A
 * malformed one must be refused and the connection closed: an answer to the second one would mean that server and
 * sender disagree about where a request ends. */
#include "client.h"

#define GET  "GET /hello HTTP/1.1\r\n" HOST
#define POST "POST /body HTTP/1.1\r\n" HOST
#define CH   POST "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"

typedef struct {
    const char *name, *bytes;
    size_t size;        /* 0: strlen */
    int status;         /* 200: served, and the connection goes on; else refused with this */
    const char *repeat; /* sent `times` times after `bytes`, then `tail` */
    size_t times;
    const char *tail;
} row;

static const row rows[] = {
    {"valid GET", GET "\r\n", 0, 200, 0, 0, 0},
    {"valid chunked", CH "5\r\nhello\r\n0\r\n\r\n", 0, 200, 0, 0, 0},
    {"valid Content-Length", POST "Content-Length: 5\r\n\r\nhello", 0, 200, 0, 0, 0},
    {"chunk extension", CH "5;a=b\r\nhello\r\n0\r\n\r\n", 0, 200, 0, 0, 0},
    {"trailer", CH "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", 0, 200, 0, 0, 0},
    {"bare LF everywhere", "GET /hello HTTP/1.1\nHost: a\n\n", 0, 400, 0, 0, 0},
    {"bare LF in one header", GET "X: 1\nY: 2\r\n\r\n", 0, 400, 0, 0, 0},
    {"bare LF ends the head", GET "\n", 0, 400, 0, 0, 0},
    {"CL + TE", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"TE + CL", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"two CL that differ", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"two CL that agree", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL 5, 5", POST "Content-Length: 5, 5\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL 5 6", POST "Content-Length: 5 6\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL +5", POST "Content-Length: +5\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL -1", POST "Content-Length: -1\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL 0x5", POST "Content-Length: 0x5\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL empty", POST "Content-Length: \r\n\r\nhello", 0, 400, 0, 0, 0},
    {"CL 2^64+5", POST "Content-Length: 18446744073709551621\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"folded line", GET "X: a\r\n  b\r\n\r\n", 0, 400, 0, 0, 0},
    {"folded TE", POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 0, 501, 0, 0, 0},
    {"space before the first header", "GET /hello HTTP/1.1\r\n Host: a\r\nX: b\r\n\r\n", 0, 400, 0, 0, 0},
    {"TE gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 501, 0, 0, 0},
    {"TE gzip", POST "Transfer-Encoding: gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 501, 0, 0, 0},
    {"TE identity", POST "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 0, 501, 0, 0, 0},
    {"TE chunked, gzip", POST "Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 501, 0, 0, 0},
    {"TE xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 501, 0, 0, 0},
    {"TE VT chunked",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     0, 400, 0, 0, 0},
    {"TE twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 400,
     0, 0, 0},
    {"TE chunked and identity",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"TE on HTTP/1.0", "POST /body HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0,
     400, 0, 0, 0},
    {"space before colon, CL", POST "Content-Length : 5\r\n\r\nhello", 0, 400, 0, 0, 0},
    {"space before colon, TE", POST "Transfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"name with a parenthesis", GET "Fo(o: x\r\n\r\n", 0, 400, 0, 0, 0},
    {"name with a space", GET "Fo o: x\r\n\r\n", 0, 400, 0, 0, 0},
    {"empty name", GET ": x\r\n\r\n", 0, 400, 0, 0, 0},
    {"no colon", GET "Foo\r\n\r\n", 0, 400, 0, 0, 0},
    {"name with 0x80", GET "Fo\x80o: x\r\n\r\n", 0, 400, 0, 0, 0},
    {"NUL in a value", GET "Foo: a\0b\r\n\r\n", sizeof(GET "Foo: a\0b\r\n\r\n") - 1, 400, 0, 0, 0},
    {"bare CR in a value", GET "Foo: a\rTransfer-Encoding: chunked\r\n\r\n", 0, 400, 0, 0, 0},
    {"CR before the end", GET "\rX\n\r\n", 0, 400, 0, 0, 0},
    {"0x01 in a value",
     GET "Foo: a\x01"
         "b\r\n\r\n",
     0, 400, 0, 0, 0},
    {"no Host", "GET /hello HTTP/1.1\r\n\r\n", 0, 400, 0, 0, 0},
    {"two Hosts", GET "Host: b\r\n\r\n", 0, 400, 0, 0, 0},
    {"150 headers", GET, 0, 431, "X-Y: 1\r\n", 150, "\r\n"},
    {"64 KiB header", GET "X: ", 0, 431, "aaaaaaaaaaaaaaaa", 4096, "\r\n\r\n"},
    {"2 MiB header", GET "X: ", 0, 431, "aaaaaaaaaaaaaaaa", 131072, "\r\n\r\n"},
    {"100 KiB target", "GET /hello?", 0, 414, "aaaaaaaaaaaaaaaa", 6400, " HTTP/1.1\r\n" HOST "\r\n"},
    {"chunk 0x5", CH "0x5\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk +5", CH "+5\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk -1", CH "-1\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk G", CH "G\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk size after a space", CH " 5\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk size before a space", CH "5 \r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk without a size", CH "\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk of 17 digits", CH "10000000000000005\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk size ends with LF", CH "5\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk extension ends with LF", CH "5;a\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk extension with a CR", CH "5;a\rX\r\nhello\r\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk data then XX", CH "5\r\nhelloXX0\r\n\r\n", 0, 400, 0, 0, 0},
    {"chunk data then LF", CH "5\r\nhello\n0\r\n\r\n", 0, 400, 0, 0, 0},
    {"last chunk with LF", CH "5\r\nhello\r\n0\n\n", 0, 400, 0, 0, 0},
    {"1 MiB chunk extension", CH "5;", 0, 400, "aaaaaaaaaaaaaaaa", 65536, "\r\nhello\r\n0\r\n\r\n"},
    {"trailer ends with LF", CH "5\r\nhello\r\n0\r\nX: 1\n\r\n", 0, 400, 0, 0, 0},
    {"HTTP/1.2", "GET /hello HTTP/1.2\r\n" HOST "\r\n", 0, 505, 0, 0, 0},
    {"HTTP/9.9", "GET /hello HTTP/9.9\r\n" HOST "\r\n", 0, 505, 0, 0, 0},
    {"http/1.1", "GET /hello http/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"HTTP/0.9", "GET /hello\r\n\r\n", 0, 400, 0, 0, 0},
    {"method G(T", "G(T /hello HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"leading space", " GET /hello HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"two spaces", "GET  /hello HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"tabs", "GET\t/hello\tHTTP/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"space in the target", "GET /hel lo HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"control character in the target", "GET /hello\x01 HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"space after the version", "GET /hello HTTP/1.1 \r\n" HOST "\r\n", 0, 400, 0, 0, 0},
    {"4 KiB of noise", "\x93\x0c\xfe\x01\r\x80\x7f\xc3", 0, 400, "\x9d\x11\xee\x02\n\x84\x7f\xc1", 511, ""},
    {"TLS on the plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, 400, "\x20", 500, ""},
};

static const http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
    {HTTP_GET, "/next", HTTP_BODY_NONE, 0, NULL, answer_hello, NULL, 0},
    {HTTP_POST, "/body", HTTP_BODY_BUFFERED, 1 << 20, NULL, answer_body_size, NULL, 0},
};

static unsigned count_answers(const char *text)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, "HTTP/1.1 ")); p++)
        n += p[9] >= '1' && p[9] <= '5';
    return n;
}

/* `step` bytes a send: 0 sends all at once. */
static void try_row(uint16_t port, const row *r, size_t step)
{
    char got[4096];
    bool closed, sent = true;
    hse_buf all;
    int fd = dial(port);

    hse_buf_init(&all, 4 << 20);
    hse_buf_append(&all, r->bytes, r->size ? r->size : strlen(r->bytes));
    for (size_t i = 0; i < r->times; i++)
        hse_buf_str(&all, r->repeat);
    if (r->tail)
        hse_buf_str(&all, r->tail);
    hse_buf_str(&all, NEXT);
    for (size_t at = 0; at < all.size && sent; at += step ? step : all.size)
        sent = send_all(fd, all.data + at, step && step < all.size - at ? step : all.size - at);
    if (r->status == 200) { /* both answers, and then the connection is still open */
        size_t n = receive_answer(fd, got, sizeof got);
        n += receive_answer(fd, got + n, sizeof got - n);
        receive(fd, got + n, sizeof got - n, 20, &closed);
    } else {
        receive(fd, got, sizeof got, 5000, &closed);
    }
    close(fd);
    hse_buf_free(&all);

    CHECK(status_of(got) == r->status, "%s (step %zu): got '%.60s', want %d", r->name, step, got, r->status);
    CHECK(count_answers(got) == (r->status == 200 ? 2u : 1u), "%s (step %zu): %u answers: %.300s", r->name, step,
          count_answers(got), got);
    CHECK(closed == (r->status != 200), "%s (step %zu): the connection is %s", r->name, step,
          closed ? "closed" : "open");
    CHECK(r->status == 200 || strstr(got, "Connection: close"), "%s: the answer does not say that it closes", r->name);
}

TEST(the_table_of_malformed_requests)
{
    http_options o = {.routes = routes, .n_routes = COUNT(routes), .drain_ms = 100};
    uint16_t port;
    http_server *s = open_server(&o, &port);
    http_stats stats;

    CHECK(COUNT(rows) == 77, "the table has %zu rows", COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        try_row(port, &rows[i], 0);
        if (rows[i].times == 0 && rows[i].status != 200) /* the same byte by byte */
            try_row(port, &rows[i], 1);
    }
    http_server_stats(s, &stats);
    CHECK(stats.by_status[400] > 80 && stats.by_status[431] == 3 && stats.by_status[414] == 1, "counted %llu %llu %llu",
          (unsigned long long)stats.by_status[400], (unsigned long long)stats.by_status[431],
          (unsigned long long)stats.by_status[414]);
    http_server_close(&s);
}
