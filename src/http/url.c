/* url.c - see url.h. */
#include "http/url.h"

#include "base/utf8.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

hse_status http_percent_decode(char *out, size_t *out_size, http_slice s, bool plus_is_space, hse_error *err)
{
    size_t n = 0, bad;

    for (size_t i = 0; i < s.size; i++) {
        size_t at = i;
        char c = s.data[i];
        if (c == '%') {
            int high = s.size - i > 2 ? hex_digit(s.data[i + 1]) : -1, low = high >= 0 ? hex_digit(s.data[i + 2]) : -1;
            if (low < 0)
                return hse_fail(err, HSE_E_FORMAT, i, "'%%' is not followed by two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0')
            return hse_fail(err, HSE_E_FORMAT, at, "a NUL character is not allowed");
        out[n++] = c;
    }
    if (!hse_utf8_valid(out, n, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not valid UTF-8 after decoding");
    out[n] = '\0';
    *out_size = n;
    return HSE_OK;
}

hse_status http_decode_path(char *out, size_t *out_size, http_slice target, http_slice *query, hse_error *err)
{
    const char *mark = target.size ? memchr(target.data, '?', target.size) : NULL;
    http_slice path = {target.data, mark ? (size_t)(mark - target.data) : target.size};
    hse_status s = http_percent_decode(out, out_size, path, false, err);

    if (s != HSE_OK)
        return s;
    for (size_t i = 0; i < *out_size; i++)
        if ((unsigned char)out[i] < 32 || out[i] == 127)
            return hse_fail(err, HSE_E_FORMAT, i, "the path has a control character");
    if (query)
        *query = mark ? (http_slice){mark + 1, target.size - path.size - 1} : (http_slice){"", 0};
    return HSE_OK;
}

bool http_query_next(http_slice *rest, http_slice *name, http_slice *value)
{
    while (rest->size) {
        const char *end = memchr(rest->data, '&', rest->size);
        http_slice pair = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
        size_t used = pair.size + (end != NULL);

        rest->data += used;
        rest->size -= used;
        if (pair.size == 0)
            continue;
        const char *eq = memchr(pair.data, '=', pair.size);
        *name = (http_slice){pair.data, eq ? (size_t)(eq - pair.data) : pair.size};
        *value = eq ? (http_slice){eq + 1, pair.size - name->size - 1} : (http_slice){"", 0};
        return true;
    }
    return false;
}

/* Does the encoded name stand for `name`? Compared while decoding, so that no buffer is needed. */
static bool name_is(http_slice encoded, const char *name)
{
    size_t i = 0;

    for (; i < encoded.size && *name; i++, name++) {
        char c = encoded.data[i];
        int high = c == '%' && encoded.size - i > 2 ? hex_digit(encoded.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(encoded.data[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c != *name)
            return false;
    }
    return i == encoded.size && !*name;
}

hse_status http_query_get(http_slice query, const char *name, char *out, size_t capacity, hse_error *err)
{
    http_slice n, v, found = {NULL, 0};
    size_t size;

    while (http_query_next(&query, &n, &v)) {
        if (!name_is(n, name))
            continue;
        if (found.data)
            return hse_fail(err, HSE_E_ARG, 0, "the query parameter '%s' is given twice", name);
        found = v;
    }
    if (!found.data)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "the query parameter '%s' is missing", name);
    if (found.size >= capacity)         /* the encoded form is the longer one: a bound for both */
        return hse_fail(err, HSE_E_LIMIT, 0, "the query parameter '%s' has %zu bytes, at most %zu are allowed", name,
                        found.size, capacity - 1);
    hse_status s = http_percent_decode(out, &size, found, true, err);
    return s == HSE_OK ? s : hse_fail_in(err, s, "query parameter '%s'", name);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_spaces(http_slice *s)
{
    while (s->size && is_space(*s->data)) {
        s->data++;
        s->size--;
    }
}

static http_slice take_token(http_slice *s)
{
    http_slice t = {s->data, 0};

    while (s->size && http_is_token_char((unsigned char)*s->data)) {
        s->data++;
        s->size--;
    }
    t.size = (size_t)(s->data - t.data);
    return t;
}

static bool take_char(http_slice *s, char c)
{
    if (s->size == 0 || *s->data != c)
        return false;
    s->data++;
    s->size--;
    return true;
}

/* A quoted string with its quotes in *out; false when it does not end. */
static bool take_quoted(http_slice *s, http_slice *out)
{
    *out = (http_slice){s->data, 0};
    if (!take_char(s, '"'))
        return false;
    while (s->size && *s->data != '"') {
        size_t step = *s->data == '\\' ? 2 : 1;
        if (step > s->size)
            return false;
        s->data += step;
        s->size -= step;
    }
    if (!take_char(s, '"'))
        return false;
    out->size = (size_t)(s->data - out->data);
    return true;
}

/* ";" name "=" value. 1: taken; 0: no parameter follows; -1: malformed. */
static int take_param(http_slice *s, http_slice *name, http_slice *value)
{
    skip_spaces(s);
    if (!take_char(s, ';'))
        return 0;
    skip_spaces(s);
    *name = take_token(s);
    if (name->size == 0)
        return s->size == 0 || *s->data == ';' || *s->data == ',' ? 1 : -1;     /* "a;" is allowed by RFC 9110, 5.6.6 */
    if (!take_char(s, '='))
        return -1;
    if (s->size && *s->data == '"')
        return take_quoted(s, value) ? 1 : -1;
    *value = take_token(s);
    return value->size ? 1 : -1;
}

/* Without quotes. A backslash is an escape before a quote or another backslash only: browsers send file names of
 * Windows with single ones. False when it does not fit. */
static bool unquote(http_slice v, char *out, size_t capacity)
{
    bool quoted = v.size >= 2 && v.data[0] == '"';
    size_t n = 0, end = quoted ? v.size - 1 : v.size;

    for (size_t i = quoted; i < end; i++) {
        if (quoted && v.data[i] == '\\' && i + 1 < end && (v.data[i + 1] == '"' || v.data[i + 1] == '\\'))
            i++;
        if (n + 1 >= capacity)
            return false;
        out[n++] = v.data[i];
    }
    out[n] = '\0';
    return true;
}

hse_status http_header_param(http_slice s, const char *name, char *out, size_t capacity, hse_error *err)
{
    http_slice n = {0}, v = {0}, found = {NULL, 0};
    int p;

    while (s.size && *s.data != ';') {
        s.data++;
        s.size--;
    }
    while ((p = take_param(&s, &n, &v)) > 0) {
        if (!http_slice_is_nocase(n, name))
            continue;
        if (found.data)
            return hse_fail(err, HSE_E_FORMAT, 0, "the parameter '%s' is given twice", name);
        found = v;
    }
    if (p < 0 || s.size)
        return hse_fail(err, HSE_E_FORMAT, 0, "the parameters after ';' are not well-formed");
    if (!found.data)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "the parameter '%s' is missing", name);
    if (memchr(found.data, '\0', found.size))
        return hse_fail(err, HSE_E_FORMAT, 0, "the parameter '%s' has a NUL character", name);
    if (!unquote(found, out, capacity))
        return hse_fail(err, HSE_E_LIMIT, 0, "the parameter '%s' is longer than %zu bytes", name, capacity - 1);
    return HSE_OK;
}

http_slice http_media_type(http_slice v)
{
    const char *semicolon = v.size ? memchr(v.data, ';', v.size) : NULL;

    if (semicolon)
        v.size = (size_t)(semicolon - v.data);
    while (v.size && is_space(v.data[v.size - 1]))
        v.size--;
    skip_spaces(&v);
    return v;
}
