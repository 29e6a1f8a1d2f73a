#include "base/buf.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

void hse_buf_init(hse_buf *b, size_t ceiling)
{
    *b = (hse_buf){.ceiling = ceiling};
}

void hse_buf_free(hse_buf *b)
{
    hse_free(b->data);
    hse_buf_init(b, b->ceiling);
}

void hse_buf_clear(hse_buf *b)
{
    b->size = 0;
    b->status = HSE_OK;
    if (b->data)
        b->data[0] = 0;
}

void hse_buf_advance(hse_buf *now, hse_buf *next)
{
    if (now->status == HSE_OK) {
        hse_buf swap = *now;

        *now = *next;
        *next = swap;
    }
    hse_buf_clear(next);
}

void *hse_buf_extend(hse_buf *b, size_t size)
{
    size_t need;

    if (b->status != HSE_OK)
        return NULL;
    if (!hse_add_size(b->size, size, &need) || need > b->ceiling || need == SIZE_MAX) {
        b->status = HSE_E_LIMIT;
        return NULL;
    }
    if (!b->data || need + 1 > b->capacity) {
        size_t capacity = b->capacity < 64 ? 64 : b->capacity;
        while (capacity < need + 1)
            capacity = capacity > SIZE_MAX / 2 ? need + 1 : capacity * 2;
        if (capacity - 1 > b->ceiling)
            capacity = b->ceiling + 1;
        uint8_t *data = hse_realloc(b->data, capacity);
        if (!data) {
            b->status = HSE_E_NOMEM;
            return NULL;
        }
        b->data = data;
        b->capacity = capacity;
    }
    void *at = b->data + b->size;
    b->size = need;
    b->data[need] = 0;
    return at;
}

void hse_buf_append(hse_buf *b, const void *data, size_t size)
{
    void *at = size ? hse_buf_extend(b, size) : NULL;

    if (at)
        memcpy(at, data, size);
}

void hse_buf_byte(hse_buf *b, uint8_t byte)
{
    hse_buf_append(b, &byte, 1);
}

void hse_buf_str(hse_buf *b, const char *s)
{
    hse_buf_append(b, s, strlen(s));
}

void hse_buf_printf(hse_buf *b, const char *fmt, ...)
{
    char small[256];
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (n < 0) {
        if (b->status == HSE_OK)
            b->status = HSE_E_ARG;
    } else if ((size_t)n < sizeof small) {
        hse_buf_append(b, small, (size_t)n);
    } else {
        size_t before = b->size;
        char *at = hse_buf_extend(b, (size_t)n + 1);
        if (at) {
            vsnprintf(at, (size_t)n + 1, fmt, again);
            b->size = before + (size_t)n;
        }
    }
    va_end(again);
}

void hse_buf_base64(hse_buf *b, const void *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;
    size_t out_size;

    if (!hse_mul_size(size / 3 + (size % 3 != 0), 4, &out_size)) {
        b->status = HSE_E_LIMIT;
        return;
    }
    char *out = hse_buf_extend(b, out_size);
    if (!out)
        return;
    for (; size >= 3; size -= 3, p += 3, out += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        out[0] = digits[v >> 18];
        out[1] = digits[v >> 12 & 63];
        out[2] = digits[v >> 6 & 63];
        out[3] = digits[v & 63];
    }
    if (size) {
        uint32_t v = (uint32_t)p[0] << 16 | (size == 2 ? (uint32_t)p[1] << 8 : 0);
        out[0] = digits[v >> 18];
        out[1] = digits[v >> 12 & 63];
        out[2] = size == 2 ? digits[v >> 6 & 63] : '=';
        out[3] = '=';
    }
}

static const int8_t base64_value[128] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
};

static int base64_digit(unsigned char c)
{
    return c < 128 ? base64_value[c] : -1;
}

/* Whole groups of four digits, as far as there is nothing else between them: how many characters. */
static size_t base64_groups(uint8_t **out, const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    uint8_t *at = *out;
    size_t i = 0;

    for (; size - i >= 4; i += 4) {
        int a = base64_digit(p[i]), b = base64_digit(p[i + 1]), c = base64_digit(p[i + 2]), d = base64_digit(p[i + 3]);
        if ((a | b | c | d) < 0)
            break;
        uint32_t v = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d;
        *at++ = (uint8_t)(v >> 16);
        *at++ = (uint8_t)(v >> 8);
        *at++ = (uint8_t)v;
    }
    *out = at;
    return i;
}

hse_status hse_buf_unbase64(hse_buf *b, const char *text, size_t size, bool lenient, hse_error *err)
{
    uint32_t v = 0;
    int have = 0, pads = 0;
    size_t before = b->size;
    uint8_t *out = hse_buf_extend(b, size / 4 * 3 + 3);

    if (!out)
        return hse_buf_status(b, "the base64 data", err);
    uint8_t *at = out;
    for (size_t i = base64_groups(&at, text, size); i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        int d = base64_digit(c);

        if (lenient && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        if (c == '=' && have >= 2 && have + pads < 4) {
            pads++;
            continue;
        }
        if (d < 0 || pads) {
            b->size = before;
            return hse_fail(err, HSE_E_FORMAT, i, "not base64: unexpected character at position %zu", i);
        }
        v = v << 6 | (uint32_t)d;
        if (++have == 4) {
            *at++ = (uint8_t)(v >> 16);
            *at++ = (uint8_t)(v >> 8);
            *at++ = (uint8_t)v;
            have = 0;
            v = 0;
            i += base64_groups(&at, text + i + 1, size - i - 1);
        }
    }
    if (have == 1 || (pads && have + pads != 4)) {
        b->size = before;
        return hse_fail(err, HSE_E_FORMAT, size, "not base64: the text is cut off after %zu characters", size);
    }
    if (have >= 2)
        *at++ = (uint8_t)(have == 2 ? v >> 4 : v >> 10);
    if (have == 3)
        *at++ = (uint8_t)(v >> 2);
    b->size = before + (size_t)(at - out);
    b->data[b->size] = 0;
    return HSE_OK;
}

void hse_buf_json(hse_buf *b, const char *s, size_t n)
{
    hse_buf_byte(b, '"');
    for (size_t i = 0, length; i < n; i += length) {
        uint32_t c = 0;

        length = hse_utf8_next(s + i, n - i, &c);
        if (length == 0) {
            hse_buf_str(b, "\\ufffd");
            length = 1;
        } else if (c == '"' || c == '\\') {
            hse_buf_byte(b, '\\');
            hse_buf_byte(b, (uint8_t)c);
        } else if (c < 0x20 || c == 0x7F) {
            hse_buf_printf(b, "\\u%04x", (unsigned)c);
        } else {
            hse_buf_append(b, s + i, length);
        }
    }
    hse_buf_byte(b, '"');
}

void hse_buf_consume(hse_buf *b, size_t size)
{
    if (size >= b->size) {
        b->size = 0;
    } else {
        memmove(b->data, b->data + size, b->size - size);
        b->size -= size;
    }
    if (b->data)
        b->data[b->size] = 0;
}

const char *hse_buf_text(const hse_buf *b)
{
    return b->data ? (const char *)b->data : "";
}

char *hse_buf_take(hse_buf *b, size_t *size)
{
    if (b->status == HSE_OK && !b->data && !hse_buf_extend(b, 0))
        return NULL;
    if (b->status != HSE_OK)
        return NULL;
    char *data = (char *)b->data;
    if (size)
        *size = b->size;
    hse_buf_init(b, b->ceiling);
    return data;
}

hse_status hse_buf_status(const hse_buf *b, const char *what, hse_error *err)
{
    switch (b->status) {
    case HSE_OK: return HSE_OK;
    case HSE_E_NOMEM: return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", what);
    case HSE_E_LIMIT: return hse_fail(err, HSE_E_LIMIT, b->size, "%s is over the limit of %zu bytes", what, b->ceiling);
    default: return hse_fail(err, b->status, 0, "%s could not be written", what);
    }
}

hse_status hse_buf_to_arena(hse_buf *b, hse_arena *arena, const char *what, const char **out, hse_error *err)
{
    hse_status s = hse_buf_status(b, what, err);

    if (s == HSE_OK && !(*out = hse_arena_strndup(arena, hse_buf_text(b), b->size)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", what);
    hse_buf_free(b);
    return s;
}
