/* http_multipart.c - fuzzes the multipart parser: two ways to cut the input give the same parts, names and bytes. First
 * byte: how to cut; then, up to a newline, the Content-Type when it begins with 'm' (else a fixed one), then the body.
 */
#include "http/multipart.h"

#include <stdint.h>
#include <string.h>

static void require(int condition)
{
    if (!condition)
        __builtin_trap();
}

typedef struct {
    uint64_t hash, bytes;
    unsigned begun, ended, refuse_at;
    hse_status result;
    char text[232];
} record;

static void mix(record *r, const void *data, size_t size)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < size; i++)
        r->hash = (r->hash ^ p[i]) * 1099511628211u;
}

static hse_status begin(void *arg, const http_part *part, hse_error *err)
{
    record *r = arg;

    require(r->begun == r->ended && strlen(part->name) < HTTP_PART_MAX_NAME && strlen(part->type) < HTTP_PART_MAX_TYPE);
    mix(r, part->name, strlen(part->name) + 1);
    mix(r, part->type, strlen(part->type) + 1);
    if (part->filename)
        mix(r, part->filename, strlen(part->filename) + 1);
    if (++r->begun == r->refuse_at)
        return hse_fail(err, HSE_E_LIMIT, 0, "refused by the test");
    return HSE_OK;
}

static hse_status data(void *arg, const void *p, size_t size, hse_error *err)
{
    record *r = arg;

    (void)err;
    require(r->begun == r->ended + 1 && size > 0);
    mix(r, p, size);
    r->bytes += size;
    return HSE_OK;
}

static hse_status end(void *arg, hse_error *err)
{
    record *r = arg;

    (void)err;
    r->ended++;
    mix(r, "|", 1);
    return HSE_OK;
}

static record parse(http_slice type, const char *b, size_t n, size_t step, unsigned refuse_at)
{
    static http_multipart m;
    static const http_part_events events = {begin, data, end};
    record r = {.hash = 14695981039346656037u, .refuse_at = refuse_at};
    hse_error err = {0};

    r.result = http_multipart_init(&m, type, &events, &r, &err);
    for (size_t at = 0; at < n && r.result == HSE_OK; at += step)
        r.result = http_multipart_feed(&m, b + at, step < n - at ? step : n - at, &err);
    if (r.result == HSE_OK)
        r.result = http_multipart_finish(&m, &err);
    require(r.result == HSE_OK || (err.text[0] && m.state == PART_FAILED));
    require(r.bytes <= n && r.begun <= HTTP_MULTIPART_MAX_PARTS);
    memcpy(r.text, err.text, sizeof r.text);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
    static const char fixed[] = "multipart/form-data; boundary=x";
    http_slice type = {fixed, sizeof fixed - 1};

    if (n < 2)
        return 0;
    size_t step = 1 + in[0] % 67;
    unsigned refuse_at = in[0] >= 224 ? in[0] - 223u : 0;
    const char *b = (const char *)in + 1;
    n--;
    const char *newline = *b == 'm' ? memchr(b, '\n', n) : NULL;
    if (newline) {
        type = (http_slice){b, (size_t)(newline - b)};
        n -= type.size + 1;
        b = newline + 1;
    }
    record whole = parse(type, b, n, n ? n : 1, refuse_at), cut = parse(type, b, n, step, refuse_at);
    require(whole.result == cut.result && strcmp(whole.text, cut.text) == 0);
    require(whole.result != HSE_OK || (whole.begun == whole.ended && whole.begun == cut.begun));
    require(whole.result != HSE_OK || (whole.hash == cut.hash && whole.bytes == cut.bytes));
    return 0;
}
