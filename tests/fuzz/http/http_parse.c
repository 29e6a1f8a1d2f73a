/* http_parse.c - fuzzes the head parser and the chunk decoder. Properties: the same result however the input is cut; no
 * prefix of a good head is complete or an error; what is accepted has no two readings. First byte: how to cut. */
#include "base/mem.h"
#include "http/parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition)
        __builtin_trap();
}

/* Feed growing prefixes, `step` bytes more each time (0: all at once). */
static int feed_head(http_head *h, const char *b, size_t n, size_t step)
{
    int r = 0;

    http_head_init(h, 0, 0);
    for (size_t at = step && step < n ? step : n;; at = n - at > step ? at + step : n) {
        r = http_head_feed(h, b, at);
        require(r <= (int)at);
        if (r != 0 || at == n)
            return r;
    }
}

static void check_good(const http_head *h, const char *b, size_t size)
{
    require(h->have_line && h->n_fields <= HTTP_MAX_FIELDS && size <= HTTP_MAX_HEAD);
    require(memcmp(b + size - 4, "\r\n\r\n", 4) == 0);
    require(!(h->chunked && h->has_length) && !(h->chunked && h->minor == 0) && (h->has_host || h->minor == 0));
    require(h->target_size > 0 && (b[h->target_at] == '/' || b[h->target_at] == '*'));
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const http_field *f = &h->field[i];
        require(f->name_size > 0 && (size_t)f->name + f->name_size < size && (size_t)f->value + f->value_size <= size);
        require(b[f->name + f->name_size] == ':');
        for (size_t k = 0; k < f->value_size; k++)
            require(b[f->value + k] != '\r' && b[f->value + k] != '\n' && b[f->value + k] != '\0');
    }
}

typedef struct {
    http_chunks chunks;
    uint64_t hash, size;
    size_t used;
    int failed;
} chunk_result;

static chunk_result feed_chunks(const char *b, size_t n, size_t step)
{
    chunk_result r = {.hash = 14695981039346656037u};

    while (r.used < n && r.chunks.state != HTTP_CHUNK_DONE) {
        size_t piece = step && step < n - r.used ? step : n - r.used;
        http_slice data;
        ptrdiff_t k = http_chunks_feed(&r.chunks, b + r.used, piece, &data);
        if (k < 0) {
            r.failed = 1;
            return r;
        }
        require(k > 0 && (size_t)k <= piece);
        require(data.size == 0 || (data.data >= b + r.used && data.data + data.size <= b + r.used + k));
        for (size_t i = 0; i < data.size; i++)
            r.hash = (r.hash ^ (unsigned char)data.data[i]) * 1099511628211u;
        r.size += data.size;
        r.used += (size_t)k;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
    static http_head whole, cut;

    if (n == 0)
        return 0;
    size_t step = 1 + in[0] % 23;
    const char *b = (const char *)in + 1;
    n--;

    int k = feed_head(&whole, b, n, 0), k2 = feed_head(&cut, b, n, step);
    require(k == k2 && http_head_error(k < 0 ? -k : 400)[0]);
    if (k > 0) {
        check_good(&whole, b, (size_t)k);
        require(whole.n_fields == cut.n_fields && whole.length == cut.length && whole.chunked == cut.chunked);
        require(memcmp(whole.field, cut.field, whole.n_fields * sizeof *whole.field) == 0);
        require(feed_head(&cut, b, (size_t)k - 1, 0) == 0);
        require(feed_head(&cut, b, (size_t)k, 1) == k);
    }

    size_t off = k > 0 ? (size_t)k : 0;
    chunk_result a = feed_chunks(b + off, n - off, 0), c = feed_chunks(b + off, n - off, step);
    require(a.failed == c.failed && a.size == c.size && a.hash == c.hash);
    require(a.failed || (a.used == c.used && a.chunks.state == c.chunks.state));
    require(a.chunks.data == a.size && a.chunks.overhead <= a.size + HTTP_MAX_CHUNK_OVERHEAD + 1);
    return 0;
}
