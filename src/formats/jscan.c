#include "formats/jscan.h"

#include "base/utf8.h"
#include "formats/names.h"

#include <stdarg.h>
#include <stdio.h>

/* What jansson takes for a value, measured on x86-64 with glibc: rounded up. */
enum { COST_OBJECT = 288, COST_ARRAY = 144, COST_STRING = 64, COST_NUMBER = 32, COST_MEMBER = 96, COST_ITEM = 16 };

hse_status js_fail(jscan *j, hse_status status, const char *fmt, ...)
{
    char what[160];
    va_list args;
    size_t line = 1, column = 1;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    for (size_t i = 0; i < j->pos && i < j->size; i++) {
        column = j->text[i] == '\n' ? 1 : column + 1;
        line += j->text[i] == '\n';
    }
    return hse_fail(j->err, status, j->at + j->pos, "JSON, line %zu, column %zu: %s", line, column, what);
}

char js_peek(jscan *j)
{
    while (j->pos < j->size) {
        char c = j->text[j->pos];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c;
        j->pos++;
    }
    return 0;
}

hse_status js_expect(jscan *j, char c, const char *expected)
{
    char got = js_peek(j);

    if (got == c && j->pos < j->size) {
        j->pos++;
        return HSE_OK;
    }
    if (j->pos == j->size)
        return js_fail(j, HSE_E_FORMAT, "the text ends where %s is expected", expected);
    return js_fail(j, HSE_E_FORMAT, "%s is expected, found '%s'", expected, name_quote(&got, 1).text);
}

static bool hex4(const char *p, uint32_t *out)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

/* The escape after a backslash at text[pos - 1]; a surrogate pair is one character. */
static hse_status escape(jscan *j, uint32_t *c)
{
    static const char codes[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *p = j->text + j->pos, *found;
    size_t left = j->size - j->pos;
    uint32_t low;

    if (left && p[0] && (found = strchr(codes, p[0]))) {
        *c = (uint8_t)values[found - codes];
        j->pos++;
        return HSE_OK;
    }
    if (left < 5 || p[0] != 'u' || !hex4(p + 1, c))
        return js_fail(j, HSE_E_FORMAT, "a damaged escape in a string");
    j->pos += 5;
    if (*c >= 0xD800 && *c < 0xE000) {
        if (*c >= 0xDC00 || left < 11 || p[5] != '\\' || p[6] != 'u' || !hex4(p + 7, &low) || low < 0xDC00 ||
            low >= 0xE000)
            return js_fail(j, HSE_E_FORMAT, "half of a surrogate pair in a string");
        j->pos += 6;
        *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (*c == 0)
        return js_fail(j, HSE_E_FORMAT, "a NUL character in a string");
    return HSE_OK;
}

/* Characters at the beginning, by eights, that stand for themselves: ASCII, no quote, backslash or control character. A recording in
 * base64 is nothing else. */
static size_t plain(const char *text, size_t size)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    size_t n = 0;

    for (; size - n >= 8; n += 8) {
        uint64_t x, quote, backslash;

        memcpy(&x, text + n, sizeof x);
        quote = x ^ ones * '"';
        backslash = x ^ ones * '\\';
        if ((x | (x - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops)
            break;
    }
    return n;
}

hse_status js_string(jscan *j, char *out, size_t room, size_t *length)
{
    size_t n = 0;
    hse_status s = js_expect(j, '"', "a string");

    while (s == HSE_OK) {
        uint32_t c;
        char utf8[4];
        size_t run = plain(j->text + j->pos, j->size - j->pos);
        if (out && run >= room - n)
            run = room - n - 1;             /* the next character is one too many */
        if (out)
            memcpy(out + n, j->text + j->pos, run);
        j->pos += run;
        n += run;
        size_t width = hse_utf8_next(j->text + j->pos, j->size - j->pos, &c);
        if (j->pos == j->size)
            return js_fail(j, HSE_E_FORMAT, "a string without its end");
        if (width == 0)
            return js_fail(j, HSE_E_FORMAT, "a string is not UTF-8");
        if (c < 0x20)
            return js_fail(j, HSE_E_FORMAT, "a control character in a string");
        j->pos += width;
        if (c == '"')
            break;
        if (c == '\\' && (s = escape(j, &c)) != HSE_OK)
            return s;
        width = hse_utf8_put(utf8, c);
        if (out) {
            if (width >= room - n)
                return js_fail(j, HSE_E_LIMIT, "a string of more than %zu bytes", room - 1);
            memcpy(out + n, utf8, width);
        }
        n += width;
    }
    if (s == HSE_OK && out)
        out[n] = '\0';
    if (s == HSE_OK && length)
        *length = n;
    return s;
}

static bool is_digit(const jscan *j, size_t pos)
{
    return pos < j->size && j->text[pos] >= '0' && j->text[pos] <= '9';
}

hse_status js_u64(jscan *j, uint64_t *out)
{
    uint64_t v = 0;
    char first = js_peek(j);

    if (!is_digit(j, j->pos) || (first == '0' && is_digit(j, j->pos + 1)))
        return js_fail(j, HSE_E_FORMAT, "a non-negative integer is expected");
    while (is_digit(j, j->pos)) {
        uint64_t digit = (uint64_t)(j->text[j->pos] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return js_fail(j, HSE_E_FORMAT, "an integer beyond 64 bits");
        v = v * 10 + digit;
        j->pos++;
    }
    if (j->pos < j->size && strchr(".eE", j->text[j->pos]) && j->text[j->pos])
        return js_fail(j, HSE_E_FORMAT, "an integer is expected, found a fraction");
    *out = v;
    return HSE_OK;
}

hse_status js_more(jscan *j, char close, bool *more)
{
    if (js_peek(j) == close && j->pos < j->size) {
        j->pos++;
        *more = false;
        return HSE_OK;
    }
    *more = true;
    return js_expect(j, ',', close == '}' ? "',' or '}'" : "',' or ']'");
}

hse_status js_number(jscan *j, size_t *length, bool *integer)
{
    size_t p = j->pos;

    p += p < j->size && j->text[p] == '-';
    if (!is_digit(j, p) || (j->text[p] == '0' && is_digit(j, p + 1)))
        return js_fail(j, HSE_E_FORMAT, "a value is expected");
    *integer = true;
    while (is_digit(j, p))
        p++;
    if (p < j->size && j->text[p] == '.') {
        *integer = false;
        if (!is_digit(j, ++p))
            return js_fail(j, HSE_E_FORMAT, "a damaged number");
        while (is_digit(j, p))
            p++;
    }
    if (p < j->size && (j->text[p] == 'e' || j->text[p] == 'E')) {
        *integer = false;
        p++;
        p += p < j->size && (j->text[p] == '+' || j->text[p] == '-');
        if (!is_digit(j, p))
            return js_fail(j, HSE_E_FORMAT, "a damaged number");
        while (is_digit(j, p))
            p++;
    }
    *length = p - j->pos;
    j->pos = p;
    return HSE_OK;
}

static hse_status skip_word(jscan *j)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t length;
    bool integer;

    for (size_t i = 0; i < COUNT(words); i++) {
        size_t n = strlen(words[i]);
        if (j->size - j->pos >= n && memcmp(j->text + j->pos, words[i], n) == 0) {
            j->pos += n;
            return HSE_OK;
        }
    }
    return js_number(j, &length, &integer);
}

static void add_cost(size_t *cost, size_t n)
{
    if (cost && __builtin_add_overflow(*cost, n, cost))
        *cost = SIZE_MAX;
}

static hse_status skip_key(jscan *j, size_t *cost)
{
    size_t n = 0;
    hse_status s = js_string(j, NULL, 0, &n);

    if (s == HSE_OK)
        add_cost(cost, n + COST_MEMBER);
    return s == HSE_OK ? js_expect(j, ':', "':'") : s;
}

hse_status js_skip(jscan *j, size_t *cost)
{
    char closing[JSON_MAX_DEPTH];
    int depth = 0, max_depth = j->max_depth > 0 && j->max_depth < JSON_MAX_DEPTH ? j->max_depth : JSON_MAX_DEPTH;
    hse_status s = HSE_OK;

    for (;;) {
        size_t n = 0;
        char c = js_peek(j);
        if (c == '{' || c == '[') {
            if (depth == max_depth)
                return js_fail(j, HSE_E_LIMIT, "nested deeper than %d", max_depth);
            j->pos++;
            add_cost(cost, c == '{' ? COST_OBJECT : COST_ARRAY);
            closing[depth++] = c == '{' ? '}' : ']';
            if (js_peek(j) == closing[depth - 1] && j->pos < j->size) {
                j->pos++;
                depth--;
            } else if (c == '{') {
                if ((s = skip_key(j, cost)) != HSE_OK)
                    return s;
                continue;
            } else {
                add_cost(cost, COST_ITEM);
                continue;
            }
        } else {
            s = c == '"' ? js_string(j, NULL, 0, &n) : skip_word(j);
            if (s != HSE_OK)
                return s;
            add_cost(cost, c == '"' ? COST_STRING + n : COST_NUMBER);
        }
        bool more = false;
        while (depth && !more) { /* after a value: the next one, or the ends of its containers */
            if ((s = js_more(j, closing[depth - 1], &more)) != HSE_OK)
                return s;
            depth -= !more;
        }
        if (depth == 0)
            return HSE_OK;
        if (closing[depth - 1] == '}' && (s = skip_key(j, cost)) != HSE_OK)
            return s;
        add_cost(cost, closing[depth - 1] == ']' ? COST_ITEM : 0);
    }
}

hse_status js_end(jscan *j)
{
    js_peek(j);
    return j->pos == j->size ? HSE_OK : js_fail(j, HSE_E_FORMAT, "something follows the value");
}
