#include "server/schema.h"

#include "base/mem.h"
#include "config/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    schema_form *form;
    uint64_t max_upload;
    int depth;
    api_error *error;
} parsing;

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
    if (json_is_string(v))
        return api_fail(e, 400, path, "%s must be %s, not the string \"%.40s\"", path, expected, json_string_value(v));
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

static bool take_text(const schema_field *f, field_kind kind, const char *path, const json_t *v, const char **out,
                      api_error *e)
{
    if (kind == FIELD_ID && json_is_object(v)) {
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
    if (kind == FIELD_CHOICE && !is_choice(f->choices, s, n)) {
        if (n == 0 && !f->required)
            return true;
        return api_fail(e, 400, path, "%s is \"%.60s\"; it must be one of %s", path, s, f->choices);
    }
    if (f->max > 0 && kind != FIELD_CHOICE && (double)n > f->max)
        return api_fail(e, 413, path, "%s has %zu bytes, the limit is %.0f", path, n, f->max);
    if ((double)n < f->min)
        return api_fail(e, 400, path, "%s is %s", path, n ? "too short" : "empty");
    *out = s;
    return true;
}

/* The value of *v within the field's bounds; one of out and whole is NULL. */
static bool take_number(const schema_field *f, const char *path, const json_t *v, double *out, int64_t *whole,
                        api_error *e)
{
    if (!json_is_number(v))
        return wrong_type(e, path, whole ? "a whole number" : "a number", v);
    if (whole && !json_is_integer(v))
        return api_fail(e, 400, path, "%s must be a whole number", path);
    double d = json_number_value(v);
    bool bounded = f->min < f->max;
    /* integers are compared as integers: beyond 2^53 a double would round a value that is over its bound down to it */
    bool out_of = whole ? json_integer_value(v) < (json_int_t)f->min || json_integer_value(v) > (json_int_t)f->max
                        : d < f->min || d > f->max;
    if (!isfinite(d) || (bounded && out_of))
        return api_fail(e, 400, path, "%s is %.16g; it must be from %.16g to %.16g", path, d, f->min, f->max);
    if (whole)
        *whole = json_integer_value(v);
    else if (out)
        *out = d;
    return true;
}

static bool take_duration(const schema_field *f, const char *path, const json_t *v, schema_number *out, api_error *e)
{
    double d = 0;

    if (json_is_number(v))
        d = json_number_value(v);
    else if (!json_is_string(v))
        return wrong_type(e, path, "a number of seconds or a duration", v);
    else if (!hse_duration_parse(json_string_value(v), &d))
        return api_fail(e, 400, path,
                        "%s is \"%.40s\"; it must be seconds, or a duration like \"5m\" or \"1h30m\"; -1 is for ever",
                        path, json_string_value(v));
    if (!isfinite(d) || d > f->max)
        return api_fail(e, 400, path, "%s is %g s; it must be at most %g s, or negative (for ever)", path, d, f->max);
    *out = (schema_number){true, d};
    return true;
}

static bool take_bool(const char *path, const json_t *v, schema_bool *out, api_error *e)
{
    if (!json_is_boolean(v))
        return wrong_type(e, path, "true or false", v);
    *out = (schema_bool){true, json_is_true(v)};
    return true;
}

static bool take_base64(const schema_field *f, const char *path, const json_t *v, const parsing *p, hse_buf *out)
{
    hse_error err = {0};
    double max = f->max > 0 ? f->max : (double)p->max_upload;

    if (p->form && json_is_integer(v)) { /* a file of the form; its size was bounded as it came */
        schema_form_take(p->form, (size_t)json_integer_value(v), out);
        return true;
    }
    if (!json_is_string(v))
        return wrong_type(p->error, path, "a base64 string", v);
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (n > 5 && strncmp(s, "data:", 5) == 0) { /* data:audio/wav;base64,... */
        const char *comma = memchr(s, ',', n < 200 ? n : 200);
        if (!comma || comma - s < 7 || strncmp(comma - 7, ";base64", 7) != 0)
            return api_fail(p->error, 400, path, "%s is a data URL without base64", path);
        n -= (size_t)(comma + 1 - s);
        s = comma + 1;
    }
    if ((double)n / 4 * 3 > max + 3)
        return api_fail(p->error, 413, path, "%s has over %.0f bytes, the limit%s", path, max,
                        f->max > 0 ? "" : " (--max-upload)");
    if (strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0 || strncmp(s, "file://", 7) == 0)
        return api_fail(p->error, 400, path, "%s is an address, and nothing is fetched here: send the file itself in base64", path);
    hse_buf_init(out, (size_t)max + 8);
    if (hse_buf_unbase64(out, s, n, true, &err) != HSE_OK)
        return api_fail(p->error, err.status == HSE_E_NOMEM ? 500 : 400, path, "%s: %s", path, err.text);
    if ((double)out->size > max)
        return api_fail(p->error, 413, path, "%s has over %.0f bytes, the limit%s", path, max,
                        f->max > 0 ? "" : " (--max-upload)");
    return true;
}

static bool is_empty(const json_t *v)
{
    return (json_is_string(v) && json_string_length(v) == 0) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

enum { MAX_WORD = 40 };

/* How many letters must be put in, left out or exchanged (Levenshtein); MAX_WORD when a word is too long for it. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[MAX_WORD + 1];

    if (n > MAX_WORD || m > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t exchanged = corner + (a[i - 1] != b[j - 1]), one_more = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = exchanged < one_more ? exchanged : one_more;
        }
    }
    return row[m];
}

bool schema_unknown(const schema *s, const char *path, const char *name, api_error *e)
{
    const char *meant = NULL;
    size_t least = 3, n;

    for (size_t i = 0; i < s->count; i++) {
        size_t d = distance(name, s->fields[i].name);
        if (s->fields[i].kind != FIELD_REFUSED && d < least && d < strlen(name)) {
            least = d;
            meant = s->fields[i].name;
        }
    }
    api_fail(e, 400, path, "unknown field %.80s; %s%s", path, meant ? "did you mean " : "there are", meant ? meant : "");
    e->code = "unknown_parameter";
    n = strlen(e->text);
    const char *comma = "";
    for (size_t i = 0; !meant && i < s->count; i++) {
        const char *field = s->fields[i].name;
        bool fits = n + strlen(field) + 6 < sizeof e->text;
        if (s->fields[i].kind == FIELD_REFUSED)
            continue;
        n += (size_t)snprintf(e->text + n, sizeof e->text - n, "%s %s", comma, fits ? field : "...");
        comma = ",";
        if (!fits)
            break;
    }
    return false;
}

static bool parse_object(const schema *s, const json_t *root, const char *prefix, void *out, parsing *p);

static bool take_object(const schema_field *f, const char *path, const json_t *v, void *out, parsing *p)
{
    if (f->word && json_is_string(v)) { /* "auto" for {"type": "auto"} */
        const schema_field *sub = schema_find(f->object, f->word, strlen(f->word));
        if (!parse_object(f->object, NULL, path, out, p))
            return false;
        return take_text(sub, sub->kind, path, v, (const char **)(void *)((char *)out + sub->offset), p->error);
    }
    if (!json_is_object(v))
        return wrong_type(p->error, path, f->word ? "an object or a word" : "an object", v);
    if (p->depth == SCHEMA_MAX_DEPTH)
        return api_fail(p->error, 400, path, "%s is nested too deeply", path);
    p->depth++;
    bool ok = parse_object(f->object, v, path, out, p);
    p->depth--;
    return ok;
}

static size_t item_size(const schema_field *f)
{
    switch (f->item) {
    case FIELD_NUMBER: return sizeof(double);
    case FIELD_INTEGER: return sizeof(int64_t);
    case FIELD_OBJECT: return f->object->size;
    default: return sizeof(const char *);
    }
}

static bool take_list(const schema_field *f, const char *path, const json_t *v, schema_list *out, parsing *p)
{
    size_t max = f->max_items ? f->max_items : SCHEMA_MAX_ITEMS, size = item_size(f);
    bool ok = true;

    if (!json_is_array(v))
        return wrong_type(p->error, path, "a list", v);
    size_t n = json_array_size(v);
    if (n > max || n < f->min_items)
        return api_fail(p->error, 400, path, "%s has %zu entries; it must have from %zu to %zu", path, n, f->min_items,
                        max);
    out->items = hse_calloc(n ? n : 1, size);
    if (!out->items)
        return api_fail(p->error, 500, NULL, "not enough memory for this request");
    out->count = n; /* first: schema_free looks at all of them */
    for (size_t i = 0; i < n && ok; i++) {
        const json_t *x = json_array_get(v, i);
        char *to = (char *)out->items + i * size, at[80];
        snprintf(at, sizeof at, "%.48s[%u]", path, (unsigned)i);
        if (f->item == FIELD_NUMBER)
            ok = take_number(f, at, x, (double *)(void *)to, NULL, p->error);
        else if (f->item == FIELD_INTEGER)
            ok = take_number(f, at, x, NULL, (int64_t *)(void *)to, p->error);
        else if (f->item == FIELD_OBJECT)
            ok = take_object(f, at, x, to, p);
        else
            ok = take_text(f, f->item, at, x, (const char **)(void *)to, p->error);
    }
    return ok;
}

static bool take(const schema_field *f, const char *path, const json_t *v, void *out, parsing *p)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_CHOICE:
    case FIELD_ID: return take_text(f, f->kind, path, v, out, p->error);
    case FIELD_NAME: return (json_is_number(v) && json_number_value(v) == 0) || take_text(f, f->kind, path, v, out, p->error);
    case FIELD_NUMBER: {
        schema_number *n = out;
        return n->given = take_number(f, path, v, &n->value, NULL, p->error);
    }
    case FIELD_INTEGER: {
        schema_integer *n = out;
        return n->given = take_number(f, path, v, NULL, &n->value, p->error);
    }
    case FIELD_BOOL: return take_bool(path, v, out, p->error);
    case FIELD_DURATION: return take_duration(f, path, v, out, p->error);
    case FIELD_BASE64: return take_base64(f, path, v, p, out);
    case FIELD_OBJECT: return take_object(f, path, v, out, p);
    case FIELD_LIST: return take_list(f, path, v, out, p);
    case FIELD_REFUSED:
        if (is_empty(v))
            return true;
        api_fail(p->error, 400, path, "%s is not supported: %s", path, f->doc);
        p->error->code = "unsupported";
        return false;
    case FIELD_ANY: return true;
    }
    return true;
}

const schema_field *schema_find(const schema *s, const char *name, size_t n)
{
    for (size_t i = 0; i < s->count; i++)
        if (strncmp(s->fields[i].name, name, n) == 0 && s->fields[i].name[n] == '\0')
            return &s->fields[i];
    return NULL;
}

/* What an absent field holds. Texts of choices point into the table. */
static void set_defaults(const schema *s, void *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const schema_field *f = &s->fields[i];
        void *at = (char *)out + f->offset;
        if (f->kind == FIELD_OBJECT)
            set_defaults(f->object, at);
        if (!f->def)
            continue;
        if (f->kind == FIELD_NUMBER || f->kind == FIELD_DURATION)
            ((schema_number *)at)->value = strtod(f->def, NULL);
        else if (f->kind == FIELD_INTEGER)
            ((schema_integer *)at)->value = strtoll(f->def, NULL, 10);
        else if (f->kind == FIELD_BOOL)
            ((schema_bool *)at)->value = strcmp(f->def, "true") == 0;
        else if (f->kind == FIELD_CHOICE || f->kind == FIELD_TEXT)
            *(const char **)at = f->def;
    }
}

/* root NULL: an object with nothing in it, of which nothing is demanded. */
static bool parse_object(const schema *s, const json_t *root, const char *prefix, void *out, parsing *p)
{
    char path[64];
    union {
        const json_t *c;
        json_t *v;
    } tree = {.c = root}; /* jansson iterates over non-const objects only */

    set_defaults(s, out);
    for (void *i = json_object_iter(tree.v); i; i = json_object_iter_next(tree.v, i)) {
        const char *name = json_object_iter_key(i);
        const json_t *v = json_object_iter_value(i);
        const schema_field *f = schema_find(s, name, strlen(name));

        snprintf(path, sizeof path, "%s%s%.40s", prefix, *prefix ? "." : "", name);
        if (!f) {
            return schema_unknown(s, path, name, p->error);
        }
        if (!json_is_null(v) && !take(f, path, v, (char *)out + f->offset, p))
            return false;
    }
    for (size_t i = 0; root && i < s->count; i++)
        if (s->fields[i].required && !schema_has(root, s->fields[i].name)) {
            snprintf(path, sizeof path, "%s%s%.40s", prefix, *prefix ? "." : "", s->fields[i].name);
            return api_fail(p->error, 400, path, "%s is missing", path);
        }
    return true;
}

bool schema_parse(const schema *s, const json_t *root, schema_form *form, uint64_t max_upload, void *out,
                  api_error *error)
{
    parsing p = {form, max_upload, 0, error};

    if (!json_is_object(root))
        return api_fail(error, 400, NULL, "the body must be a JSON object, not %s", type_name(root));
    return parse_object(s, root, "", out, &p);
}

void schema_free(const schema *s, void *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const schema_field *f = &s->fields[i];
        void *at = (char *)out + f->offset;
        if (f->kind == FIELD_BASE64) {
            hse_buf_free(at);
        } else if (f->kind == FIELD_OBJECT) {
            schema_free(f->object, at);
        } else if (f->kind == FIELD_LIST) {
            schema_list *list = at;
            for (size_t k = 0; f->item == FIELD_OBJECT && k < list->count; k++)
                schema_free(f->object, (char *)list->items + k * f->object->size);
            hse_free(list->items);
            *list = (schema_list){0};
        }
    }
}

bool schema_has(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);

    return v && !json_is_null(v);
}
