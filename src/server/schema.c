#include "server/schema.h"

#include <math.h>
#include <stdio.h>

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a string";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    default: return "null";
    }
}

static bool wrong_type(api_error *e, const char *path, const char *expected, const json_t *v)
{
    return api_fail(e, 400, path, "%s must be %s, not %s", path, expected, type_name(v));
}

static bool is_choice(const char *choices, const char *word, size_t n)
{
    for (const char *p = choices; *p; p += *p == '|') {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, word, n) == 0)
            return true;
        p += len;
    }
    return false;
}

static bool take_text(const schema_field *f, const char *path, const json_t *v, const char **out, api_error *e)
{
    if (f->kind == FIELD_ID && json_is_object(v)) {
        v = json_object_get(v, "id");
        if (!v)
            return api_fail(e, 400, path, "%s must be a name or {\"id\": name}", path);
    }
    if (!json_is_string(v))
        return wrong_type(e, path, "a string", v);
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (strlen(s) != n)
        return api_fail(e, 400, path, "%s holds a NUL character", path);
    if (f->kind == FIELD_CHOICE && !is_choice(f->choices, s, n)) {
        if (n == 0 && !f->required)
            return true;
        return api_fail(e, 400, path, "%s is \"%.60s\"; it must be one of %s", path, s, f->choices);
    }
    if ((double)n > f->max)
        return api_fail(e, 413, path, "%s has %zu bytes, the limit is %.0f", path, n, f->max);
    if ((double)n < f->min)
        return api_fail(e, 400, path, "%s is %s", path, n ? "too short" : "empty");
    *out = s;
    return true;
}

static bool take_number(const schema_field *f, const char *path, const json_t *v, void *out, api_error *e)
{
    if (!json_is_number(v))
        return wrong_type(e, path, f->kind == FIELD_INTEGER ? "a whole number" : "a number", v);
    double d = json_number_value(v);
    if (f->kind == FIELD_INTEGER && !json_is_integer(v))
        return api_fail(e, 400, path, "%s must be a whole number", path);
    if (!isfinite(d) || d < f->min || d > f->max)
        return api_fail(e, 400, path, "%s is %g; it must be from %g to %g", path, d, f->min, f->max);
    if (f->kind == FIELD_INTEGER)
        *(schema_integer *)out = (schema_integer){true, json_integer_value(v)};
    else
        *(schema_number *)out = (schema_number){true, d};
    return true;
}

static bool take_base64(const schema_field *f, const char *path, const json_t *v, hse_buf *out, api_error *e)
{
    hse_error err = {0};

    if (!json_is_string(v))
        return wrong_type(e, path, "a base64 string", v);
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (n > 5 && strncmp(s, "data:", 5) == 0) {             /* data:audio/wav;base64,... */
        const char *comma = memchr(s, ',', n < 200 ? n : 200);
        if (!comma || comma - s < 7 || strncmp(comma - 7, ";base64", 7) != 0)
            return api_fail(e, 400, path, "%s is a data URL without base64", path);
        n -= (size_t)(comma + 1 - s);
        s = comma + 1;
    }
    if ((double)n / 4 * 3 > f->max + 3)
        return api_fail(e, 413, path, "%s has over %.0f bytes, the limit (--max-upload)", path, f->max);
    hse_buf_init(out, (size_t)f->max + 8);
    if (hse_buf_unbase64(out, s, n, true, &err) != HSE_OK)
        return api_fail(e, err.status == HSE_E_NOMEM ? 500 : 400, path, "%s: %s", path, err.text);
    return true;
}

static bool is_empty(const json_t *v)
{
    return (json_is_string(v) && json_string_length(v) == 0) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static bool parse_object(const schema *s, const json_t *root, const char *prefix, void *out, api_error *e);

static bool take(const schema_field *f, const char *path, const json_t *v, void *out, api_error *e)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
    case FIELD_ID: return take_text(f, path, v, out, e);
    case FIELD_NUMBER:
    case FIELD_INTEGER: return take_number(f, path, v, out, e);
    case FIELD_BOOL:
        if (!json_is_boolean(v))
            return wrong_type(e, path, "true or false", v);
        *(schema_bool *)out = (schema_bool){true, json_is_true(v)};
        return true;
    case FIELD_BASE64: return take_base64(f, path, v, out, e);
    case FIELD_OBJECT:
        if (!json_is_object(v))
            return wrong_type(e, path, "an object", v);
        return parse_object(f->object, v, path, out, e);
    case FIELD_REFUSED:
        if (is_empty(v))
            return true;
        api_fail(e, 400, path, "%s is not supported: %s", path, f->doc);
        e->code = "unsupported";
        return false;
    }
    return true;
}

static const schema_field *find(const schema *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return &s->fields[i];
    return NULL;
}

static bool parse_object(const schema *s, const json_t *root, const char *prefix, void *out, api_error *e)
{
    char path[64];
    union { const json_t *c; json_t *v; } tree = {.c = root};       /* jansson iterates over non-const objects only */

    for (void *i = json_object_iter(tree.v); i; i = json_object_iter_next(tree.v, i)) {
        const char *name = json_object_iter_key(i);
        const json_t *v = json_object_iter_value(i);
        const schema_field *f = find(s, name);

        snprintf(path, sizeof path, "%s%s%.40s", prefix, *prefix ? "." : "", name);
        if (!f) {
            api_fail(e, 400, path, "unknown field %s", path);
            e->code = "unknown_parameter";
            return false;
        }
        if (!json_is_null(v) && !take(f, path, v, (char *)out + f->offset, e))
            return false;
    }
    for (size_t i = 0; i < s->count; i++)
        if (s->fields[i].required && !schema_has(root, s->fields[i].name)) {
            snprintf(path, sizeof path, "%s%s%.40s", prefix, *prefix ? "." : "", s->fields[i].name);
            return api_fail(e, 400, path, "%s is missing", path);
        }
    return true;
}

bool schema_parse(const schema *s, const json_t *root, void *out, api_error *error)
{
    if (!json_is_object(root))
        return api_fail(error, 400, NULL, "the body must be a JSON object, not %s", type_name(root));
    return parse_object(s, root, "", out, error);
}

void schema_free(const schema *s, void *out)
{
    for (size_t i = 0; i < s->count; i++) {
        void *at = (char *)out + s->fields[i].offset;
        if (s->fields[i].kind == FIELD_BASE64)
            hse_buf_free(at);
        else if (s->fields[i].kind == FIELD_OBJECT)
            schema_free(s->fields[i].object, at);
    }
}

bool schema_has(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);

    return v && !json_is_null(v);
}
