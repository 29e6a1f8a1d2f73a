#include "formats/config.h"

#include "formats/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_KEY = 128 };

typedef struct {
    char text[100];
} found_text;

/* What was found, in words: the value itself where it is short. */
static found_text found(const json_t *v)
{
    found_text f;

    switch (v ? (int)json_typeof(v) : -1) {
    case -1: snprintf(f.text, sizeof f.text, "nothing"); break;
    case JSON_NULL: snprintf(f.text, sizeof f.text, "null"); break;
    case JSON_OBJECT: snprintf(f.text, sizeof f.text, "an object"); break;
    case JSON_ARRAY: snprintf(f.text, sizeof f.text, "an array of %zu", json_array_size(v)); break;
    case JSON_INTEGER: snprintf(f.text, sizeof f.text, "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
    case JSON_REAL: snprintf(f.text, sizeof f.text, "%g", json_real_value(v)); break;
    case JSON_STRING:
        snprintf(f.text, sizeof f.text, "\"%s\"", name_quote(json_string_value(v), json_string_length(v)).text);
        break;
    default: snprintf(f.text, sizeof f.text, "%s", json_is_true(v) ? "true" : "false");
    }
    return f;
}

void cfg_init(hse_config *c, const json_t *root, const char *file)
{
    *c = (hse_config){.root = root, .file = file};
    if (!json_is_object(root))
        cfg_fail(c, "", "an object is expected, found %s", found(root).text);
}

/* The value at a path, null included. */
static const json_t *look(const hse_config *c, const char *path)
{
    const json_t *v = c->root;

    while (v && *path) {
        size_t n = strcspn(path, ".");
        char key[MAX_KEY];
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        if (json_is_array(v)) {
            size_t i = 0;
            if (n == 0 || n > 6 || strspn(key, "0123456789") != n)
                return NULL;
            for (size_t k = 0; k < n; k++)
                i = i * 10 + (size_t)(key[k] - '0');
            v = json_array_get(v, i);
        } else {
            v = json_object_get(v, key); /* NULL when v is no object */
        }
        path += n + (path[n] == '.');
    }
    return v;
}

const json_t *cfg_get(const hse_config *c, const char *path)
{
    const json_t *v = look(c, path);

    return json_is_null(v) ? NULL : v;
}

void cfg_fail(hse_config *c, const char *path, const char *fmt, ...)
{
    char what[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    c->n_errors++;
    size_t room = sizeof c->text - c->used;
    int n = snprintf(c->text + c->used, room, "%s%s%s%s", c->used ? "; " : "", path, path[0] ? ": " : "", what);
    if (n > 0 && (size_t)n < room)
        c->used += (size_t)n;
    else
        c->text[c->used] = '\0'; /* it does not fit: cfg_status says how many are left out */
}

/* The value to read; NULL when the getter is done: absent with a fallback, or the absence is an error, noted here. */
static const json_t *want(hse_config *c, const char *path, bool optional, const char *expected)
{
    const json_t *v = cfg_get(c, path);

    if (!v && !optional)
        cfg_fail(c, path, "%s is expected, found %s", expected, found(look(c, path)).text);
    return v;
}

static void get_int(hse_config *c, const char *path, bool optional, int fallback, int min, int max, int *out)
{
    char expected[64];

    snprintf(expected, sizeof expected, "an integer from %d to %d", min, max);
    *out = fallback;
    const json_t *v = want(c, path, optional, expected);
    if (!v)
        return;
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        cfg_fail(c, path, "%s is expected, found %s", expected, found(v).text);
    else
        *out = (int)json_integer_value(v);
}

void cfg_int(hse_config *c, const char *path, int min, int max, int *out)
{
    get_int(c, path, false, min, min, max, out);
}

void cfg_int_or(hse_config *c, const char *path, int fallback, int min, int max, int *out)
{
    get_int(c, path, true, fallback, min, max, out);
}

static void get_real(hse_config *c, const char *path, bool optional, double fallback, double min, double max,
                     double *out)
{
    char expected[80];

    snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
    *out = fallback;
    const json_t *v = want(c, path, optional, expected);
    if (!v)
        return;
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= min && x <= max))
        cfg_fail(c, path, "%s is expected, found %s", expected, found(v).text);
    else
        *out = x;
}

void cfg_real(hse_config *c, const char *path, double min, double max, double *out)
{
    get_real(c, path, false, min, min, max, out);
}

void cfg_real_or(hse_config *c, const char *path, double fallback, double min, double max, double *out)
{
    get_real(c, path, true, fallback, min, max, out);
}

static void get_bool(hse_config *c, const char *path, bool optional, bool fallback, bool *out)
{
    *out = fallback;
    const json_t *v = want(c, path, optional, "true or false");
    if (v && !json_is_boolean(v))
        cfg_fail(c, path, "true or false is expected, found %s", found(v).text);
    else if (v)
        *out = json_is_true(v);
}

void cfg_bool(hse_config *c, const char *path, bool *out)
{
    get_bool(c, path, false, false, out);
}

void cfg_bool_or(hse_config *c, const char *path, bool fallback, bool *out)
{
    get_bool(c, path, true, fallback, out);
}

static void get_text(hse_config *c, const char *path, bool optional, const char *fallback, const char **out)
{
    *out = fallback;
    const json_t *v = want(c, path, optional, "a string");
    if (v && !json_is_string(v))
        cfg_fail(c, path, "a string is expected, found %s", found(v).text);
    else if (v)
        *out = json_string_value(v);
}

void cfg_text(hse_config *c, const char *path, const char **out)
{
    get_text(c, path, false, "", out);
}

void cfg_text_or(hse_config *c, const char *path, const char *fallback, const char **out)
{
    get_text(c, path, true, fallback, out);
}

void cfg_ints(hse_config *c, const char *path, int min, int max, int min_count, int max_count, int *out, int *count)
{
    char expected[96];

    snprintf(expected, sizeof expected, "an array of %d to %d integers from %d to %d", min_count, max_count, min, max);
    *count = 0;
    const json_t *v = want(c, path, false, expected);
    if (!v)
        return;
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > (size_t)max_count || n < (size_t)min_count) {
        cfg_fail(c, path, "%s is expected, found %s", expected, found(v).text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(v, i);
        if (!json_is_integer(x) || json_integer_value(x) < min || json_integer_value(x) > max) {
            cfg_fail(c, path, "%s is expected, found %s at index %zu", expected, found(x).text, i);
            return;
        }
        out[i] = (int)json_integer_value(x);
    }
    *count = (int)n;
}

hse_status cfg_status(const hse_config *c, hse_error *err)
{
    if (c->n_errors == 0)
        return HSE_OK;
    if (c->n_errors == 1)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s: %s", c->file, c->text);
    return hse_fail(err, HSE_E_FORMAT, 0, "%s: %zu mistakes: %s", c->file, c->n_errors, c->text);
}
