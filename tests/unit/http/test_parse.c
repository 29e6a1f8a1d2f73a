/* test_parse.c - the head parser and the chunk decoder on their own: what is understood, and that it does not depend on
 * how the bytes are cut. What is refused is test_strict.c's table. */
#include "http/parse.h"

#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char good[] =
    "\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: [::1]:80\r\nX-Empty:\r\nX-Spaces: \t a b \t\r\n"
    "Content-Length: 000123\r\nConnection: keep-alive , Upgrade,close\r\nUpgrade: WebSocket\r\n"
    "Expect: 100-Continue\r\nAuthorization: Bearer x\r\nContent-Type: a/b\r\nX-High: \xe9\r\n\r\n";

static http_slice field_value(const http_head *h, const char *bytes, const char *name)
{
    for (uint32_t i = 0; i < h->n_fields; i++)
        if (http_slice_is_nocase((http_slice){bytes + h->field[i].name, h->field[i].name_size}, name))
            return (http_slice){bytes + h->field[i].value, h->field[i].value_size};
    return (http_slice){NULL, 0};
}

static void check_good(const http_head *h)
{
    CHECK(h->method == HTTP_POST && h->minor == 1 && h->n_fields == 10, "method %u, %u fields", h->method, h->n_fields);
    CHECK(http_slice_is((http_slice){good + h->target_at, h->target_size}, "/a/b?c=d"), "target");
    CHECK(http_slice_is((http_slice){good + h->method_at, h->method_size}, "POST"), "method text");
    CHECK(h->has_length && h->length == 123 && !h->chunked, "length %llu", (unsigned long long)h->length);
    CHECK(h->close && h->wants_upgrade && h->upgrade_websocket && h->expect_continue, "flags");
    CHECK(http_slice_is(field_value(h, good, "x-SPACES"), "a b"), "a value without the spaces around it");
    CHECK(http_slice_is(field_value(h, good, "X-Empty"), ""), "an empty value");
    CHECK(http_slice_is(field_value(h, good, "x-high"), "\xe9"), "a value with a byte above 127");
}

TEST(a_head_is_understood_however_it_is_cut)
{
    const size_t n = sizeof good - 1;
    http_head h;

    http_head_init(&h, 0, 0);
    CHECK(http_head_feed(&h, good, n) == (int)n, "whole");
    check_good(&h);
    for (size_t cut = 0; cut < n; cut++) { /* no prefix is complete or wrong */
        http_head_init(&h, 0, 0);
        CHECK(http_head_feed(&h, good, cut) == 0, "the first %zu bytes are not 'more'", cut);
        CHECK(http_head_feed(&h, good, n) == (int)n, "cut at %zu", cut);
        check_good(&h);
    }
    http_head_init(&h, 0, 0);
    for (size_t i = 0; i < n; i++)
        CHECK(http_head_feed(&h, good, i) == 0, "byte by byte: %zu", i);
    CHECK(http_head_feed(&h, good, n) == (int)n, "byte by byte");
    check_good(&h);
}

TEST(limits_are_exact)
{
    static char b[40000];
    http_head h;
    int n;

    for (unsigned fields = 98; fields <= 101; fields++) {
        size_t at = (size_t)sprintf(b, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < fields; i++)
            at += (size_t)sprintf(b + at, "A: b\r\n");
        at += (size_t)sprintf(b + at, "\r\n");
        http_head_init(&h, 0, 0);
        n = http_head_feed(&h, b, at);
        CHECK(n == (fields <= 100 ? (int)at : -431), "%u fields: %d", fields, n);
    }
    for (size_t size = HTTP_MAX_HEAD - 1; size <= HTTP_MAX_HEAD + 1; size++) {
        size_t at = (size_t)sprintf(b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
        memset(b + at, 'x', size - at - 4);
        memcpy(b + size - 4, "\r\n\r\n", 4);
        http_head_init(&h, 0, 0);
        n = http_head_feed(&h, b, size);
        CHECK(n == (size <= HTTP_MAX_HEAD ? (int)size : -431), "a head of %zu bytes: %d", size, n);
    }
    for (size_t line = HTTP_MAX_LINE - 1; line <= HTTP_MAX_LINE + 1; line++) { /* with CR, without LF */
        size_t at = (size_t)sprintf(b, "GET /");
        memset(b + at, 'x', line - at - 10);
        size_t end = line - 10 + (size_t)sprintf(b + line - 10, " HTTP/1.1\r\nHost: a\r\n\r\n");
        http_head_init(&h, 0, 0);
        n = http_head_feed(&h, b, end);
        CHECK(n == (line <= HTTP_MAX_LINE ? (int)end : -414), "a line of %zu bytes: %d", line, n);
    }
    http_head_init(&h, 64, 2);
    CHECK(http_head_feed(&h, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n", 41) == -431, "a limit of 2 fields");
    http_head_init(&h, 30, 0);
    CHECK(http_head_feed(&h, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n", 41) == -431, "a limit of 30 bytes");
    CHECK(http_head_feed(&h, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27) == -431, "the error stays");
}

TEST(every_status_has_words)
{
    static const int all[] = {400, 414, 417, 431, 501, 505};

    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(http_head_error(all[i]), http_head_error(all[j])) != 0, "%d and %d say the same", all[i],
                  all[j]);
}

/* Decode everything; the data goes to out. Returns its size or -1; *used: bytes taken. */
static long decode(const char *b, size_t n, size_t step, char *out, size_t *used)
{
    http_chunks c = {0};
    size_t total = 0;

    *used = 0;
    while (*used < n && c.state != HTTP_CHUNK_DONE) {
        http_slice data;
        ptrdiff_t k = http_chunks_feed(&c, b + *used, step < n - *used ? step : n - *used, &data);
        if (k < 0) {
            CHECK(http_chunks_feed(&c, "0", 1, &data) < 0, "a failed decoder goes on");
            return -1;
        }
        memcpy(out + total, data.data ? data.data : "", data.size);
        total += data.size;
        *used += (size_t)k;
    }
    return c.state == HTTP_CHUNK_DONE ? (long)total : -2;
}

TEST(chunks_are_decoded_however_they_are_cut)
{
    static const struct {
        const char *bytes;
        long size;
        const char *data;
    } cases[] = {
        {"0\r\n\r\n", 0, ""},
        {"5\r\nhello\r\n0\r\n\r\nGET", 5, "hello"},
        {"5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n000\r\nA: b\r\nC-d:\r\n\r\nG", 15, "hello0123456789"},
        {"00000005\r\nhello\r\n0\r\n\r\n", 5, "hello"},
        {"000000005\r\nhello\r\n0\r\n\r\n", -1, ""},
        {"5\r\nhello\r\n0\r\n", -2, ""},
        {"5\r\nhel", -2, ""},
        {"\r\n", -1, ""},
        {"5;a\x01\r\n", -1, ""},
        {"0\r\nA b: c\r\n\r\n", -1, ""},
        {"0\r\n: c\r\n\r\n", -1, ""},
        {"0\r\nA: \x7f\r\n\r\n", -1, ""},
        {"0\r\nA: b\r\n\rx", -1, ""},
        {"0\r\n\rx", -1, ""},
    };
    char out[64];
    size_t used, used_whole;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step <= strlen(cases[i].bytes); step++) {
            long whole = decode(cases[i].bytes, strlen(cases[i].bytes), SIZE_MAX, out, &used_whole);
            long size = decode(cases[i].bytes, strlen(cases[i].bytes), step, out, &used);
            CHECK(size == cases[i].size && size == whole, "case %zu step %zu: %ld, whole %ld", i, step, size, whole);
            CHECK(size < 0 || (used == used_whole && memcmp(out, cases[i].data, (size_t)size) == 0), "case %zu: data",
                  i);
        }
}

TEST(framing_may_not_outweigh_the_data)
{
    static char b[200000];
    size_t at = 0, used;
    static char out[200000];

    for (int i = 0; i < 12000; i++)
        at += (size_t)sprintf(b + at, "1\r\nx\r\n");
    at += (size_t)sprintf(b + at, "0\r\n\r\n");
    CHECK(decode(b, at, SIZE_MAX, out, &used) == 12000, "12,000 chunks of one byte");
    at -= 5;
    for (int i = 0; i < 5000; i++)
        at += (size_t)sprintf(b + at, "1\r\nx\r\n");
    CHECK(decode(b, at, SIZE_MAX, out, &used) == -1, "17,000 chunks of one byte");
    at = (size_t)sprintf(b, "1;");
    memset(b + at, 'e', 1000);
    CHECK(decode(b, at + 1000, SIZE_MAX, out, &used) == -1, "an extension of 1,000 bytes");
    at = (size_t)sprintf(b, "0\r\nA: ");
    memset(b + at, 'e', 5000);
    CHECK(decode(b, at + 5000, SIZE_MAX, out, &used) == -1, "a trailer of 5,000 bytes");
    memset(b + 3, 'n', 5000);
    CHECK(decode(b, 5000, SIZE_MAX, out, &used) == -1, "a trailer's name of 5,000 bytes");
}
