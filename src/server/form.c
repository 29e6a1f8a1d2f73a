/* form.c - multipart forms and query strings become the JSON object that schema_parse takes apart, so that a field has
 * one meaning however it was sent. The table says what a text stands for: the value "7" of a number is a number. */
#include "server/schema.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "http/multipart.h"
#include "http/url.h"

#include <stdio.h>
#include <strings.h>

enum { MAX_FILES = 16, MAX_VALUE = 1 << 20, MAX_QUERY_VALUE = 4096 };

struct schema_form {
    hse_buf file[MAX_FILES];
    size_t files;
};

typedef struct {
    const schema *s;
    json_t *root;
    schema_form *form;
    uint64_t max_upload;
    size_t total; /* bytes of all parts that are no files */
    api_error *error;
    /* the part under way */
    const schema_field *field;
    json_t *into; /* the object that gets it; borrowed */
    char name[HTTP_PART_MAX_NAME];
    bool is_file;
    hse_buf data;
} reading;

static bool no_memory(reading *r)
{
    api_fail(r->error, 500, NULL, "not enough memory for this request");
    return false;
}

static bool unknown(reading *r, const char *name)
{
    schema_unknown(r->s, name, name, r->error);
    return false;
}

/* The object named `name` inside `o`, made when it is not there. */
static json_t *child(reading *r, json_t *o, const char *name)
{
    json_t *c = json_object_get(o, name);

    if (!c && json_object_set_new_nocheck(o, name, c = json_object()) != 0) {
        no_memory(r);
        return NULL;
    }
    if (!json_is_object(c)) {
        api_fail(r->error, 400, name, "%.40s is there twice", name);
        return NULL;
    }
    return c;
}

/* "a", "list[]", "object[a]", "object[a][b]" -> field and the object it goes into. */
static bool resolve(reading *r, const char *name)
{
    const schema *s = r->s;
    const char *at = name;
    size_t n = strcspn(name, "[");

    r->into = r->root;
    for (;;) {
        r->field = n ? schema_find(s, at, n) : NULL;
        if (!r->field)
            return unknown(r, name);
        const char *rest = at == name ? at + n : at + n + 1; /* behind the name, or behind its ']' */
        if (*rest == '\0' || r->field->kind == FIELD_REFUSED)
            return true;
        if (r->field->kind == FIELD_LIST && strcmp(rest, "[]") == 0)
            return true;
        size_t inner = strcspn(rest + (*rest == '['), "[]");
        if (r->field->kind != FIELD_OBJECT || *rest != '[' || rest[1 + inner] != ']')
            return unknown(r, name);
        if (!(r->into = child(r, r->into, r->field->name)))
            return false;
        s = r->field->object;
        at = rest + 1;
        n = inner;
    }
}

static bool is_json_text(const schema_field *f, const char *text)
{
    char c = text[strspn(text, " \t\r\n")];

    return (f->kind == FIELD_OBJECT && c == '{') ||
           (f->kind == FIELD_LIST && f->item == FIELD_OBJECT && (c == '[' || c == '{'));
}

static bool number_kind(field_kind k)
{
    return k == FIELD_NUMBER || k == FIELD_INTEGER;
}

/* What the text stands for; NULL after an error. */
static json_t *value_of(reading *r, const char *text, size_t size)
{
    const schema_field *f = r->field;
    field_kind kind = f->kind == FIELD_LIST ? f->item : f->kind;
    json_t *v = NULL;
    hse_error err = {0};

    if (!hse_utf8_valid(text, size, NULL)) {
        api_fail(r->error, 400, f->name, "%s is not UTF-8", f->name);
        return NULL;
    }
    if (size == 0 && (number_kind(kind) || kind == FIELD_BOOL || kind == FIELD_DURATION))
        return json_null(); /* a form's way to leave a field out */
    if (is_json_text(f, text)) {
        if (hse_json_parse(&v, (hse_bytes){(const uint8_t *)text, size}, f->name, NULL, &err) != HSE_OK)
            api_fail(r->error, err.status == HSE_E_NOMEM ? 500 : 400, f->name, "%s", err.text);
        return v;
    }
    if (number_kind(kind)) {
        hse_status s = hse_json_parse(&v, (hse_bytes){(const uint8_t *)text, size}, NULL, NULL, &err);
        if (s == HSE_OK && json_is_number(v))
            return v;
        json_decref(v);
        v = NULL;
        if (s == HSE_E_NOMEM) {
            no_memory(r);
            return NULL;
        }
    }
    if (kind == FIELD_BOOL) {
        if (strcmp(text, "true") == 0 || strcmp(text, "True") == 0 || strcmp(text, "1") == 0)
            return json_true();
        if (strcmp(text, "false") == 0 || strcmp(text, "False") == 0 || strcmp(text, "0") == 0)
            return json_false();
    }
    if (!(v = json_stringn_nocheck(text, size)))
        no_memory(r);
    return v;
}

/* Put a value where its name says; takes it over. */
static bool put(reading *r, json_t *v)
{
    const schema_field *f = r->field;

    if (f->kind == FIELD_LIST && !json_is_array(v)) {
        json_t *list = json_object_get(r->into, f->name);
        if (!list && json_object_set_new_nocheck(r->into, f->name, list = json_array()) != 0) {
            json_decref(v);
            return no_memory(r);
        }
        if (json_array_size(list) >=
            (f->max_items ? f->max_items : SCHEMA_MAX_ITEMS) + 1) { /* schema_parse refuses one too many */
            json_decref(v);
            return true;
        }
        return json_array_append_new(list, v) == 0 || no_memory(r);
    }
    if (json_object_get(r->into, f->name) && f->kind != FIELD_REFUSED) {
        json_decref(v);
        return api_fail(r->error, 400, f->name, "%s is there twice", f->name);
    }
    return json_object_set_new_nocheck(r->into, f->name, v) == 0 || no_memory(r);
}

/* ---- multipart -----------------------------------------------------------------------------------------------------
 */

/* Some clients send a file's bytes and its type without a name. */
static bool is_media(const char *type)
{
    return strncasecmp(type, "audio/", 6) == 0 || strncasecmp(type, "video/", 6) == 0 || strcasecmp(type, "application/octet-stream") == 0;
}

static hse_status begin_part(void *arg, const http_part *part, hse_error *err)
{
    reading *r = arg;

    if (!resolve(r, part->name))
        return hse_fail(err, HSE_E_ARG, 0, "refused");
    snprintf(r->name, sizeof r->name, "%s", part->name);
    r->is_file = (part->filename || is_media(part->type)) && r->field->kind == FIELD_BASE64;
    if (r->is_file && r->form->files == MAX_FILES) {
        api_fail(r->error, 400, r->field->name, "there are over %d files", MAX_FILES);
        return hse_fail(err, HSE_E_ARG, 0, "refused");
    }
    size_t ceiling = MAX_VALUE;
    if (r->field->kind == FIELD_BASE64) {
        double max = r->field->max > 0 ? r->field->max : (double)r->max_upload;
        ceiling = (size_t)(r->is_file ? max : max / 3 * 4 + 256);
    }
    hse_buf_init(&r->data, ceiling + 1);
    return HSE_OK;
}

static hse_status part_data(void *arg, const void *data, size_t size, hse_error *err)
{
    reading *r = arg;

    hse_buf_append(&r->data, data, size);
    if (r->data.status == HSE_OK && r->data.size < r->data.ceiling)
        return HSE_OK;
    if (r->data.status == HSE_E_NOMEM)
        no_memory(r);
    else
        api_fail(r->error, 413, r->field->name, "%s has over %zu bytes, the limit%s", r->field->name,
                 r->data.ceiling - 1, r->is_file ? " (--max-upload)" : "");
    return hse_fail(err, HSE_E_ARG, 0, "refused");
}

static hse_status end_part(void *arg, hse_error *err)
{
    reading *r = arg;
    json_t *v;

    if (r->is_file) {
        r->form->file[r->form->files] = r->data;
        r->data = (hse_buf){0};
        v = json_integer((json_int_t)r->form->files++);
        if (!v)
            no_memory(r);
    } else {
        r->total += r->data.size;
        v = value_of(r, hse_buf_text(&r->data), r->data.size);
        hse_buf_free(&r->data);
    }
    if (!v || !put(r, v))
        return hse_fail(err, HSE_E_ARG, 0, "refused");
    return HSE_OK;
}

/* An empty object whose memory comes from hse_alloc like every tree of json.h. */
static bool new_root(reading *r)
{
    static const uint8_t empty[] = {'{', '}'};

    return hse_json_parse(&r->root, (hse_bytes){empty, 2}, NULL, NULL, NULL) == HSE_OK || no_memory(r);
}

bool schema_form_read(const schema *s, http_slice content_type, hse_bytes body, uint64_t max_upload, json_t **root,
                      schema_form **form, api_error *error)
{
    static const http_part_events events = {begin_part, part_data, end_part};
    reading r = {.s = s, .max_upload = max_upload, .error = error};
    http_multipart *m = hse_alloc(sizeof *m); /* 10 KiB: not on a request thread's small stack */
    hse_error err = {0};
    bool ok = false;

    *error = (api_error){0};
    r.form = hse_calloc(1, sizeof *r.form);
    if (!m || !r.form) {
        no_memory(&r);
    } else if (new_root(&r)) {
        ok = http_multipart_init(m, content_type, &events, &r, &err) == HSE_OK &&
             http_multipart_feed(m, body.data, body.size, &err) == HSE_OK && http_multipart_finish(m, &err) == HSE_OK;
        if (!ok && !error->http) { /* not one of the callbacks: the body itself */
            api_fail(error, err.status == HSE_E_UNSUPPORTED ? 415 : 400, NULL, "%s", err.text);
            error->code = "invalid_form";
        }
    }
    hse_free(m);
    hse_buf_free(&r.data);
    *form = r.form;
    *root = r.root;
    if (!ok) {
        schema_form_free(form);
        json_decref(*root);
        *root = NULL;
    }
    return ok;
}

void schema_form_take(schema_form *form, size_t index, hse_buf *out)
{
    if (index >= form->files)
        return;
    *out = form->file[index];
    form->file[index] = (hse_buf){0};
}

void schema_form_free(schema_form **form)
{
    schema_form *f = *form;

    if (!f)
        return;
    for (size_t i = 0; i < f->files; i++)
        hse_buf_free(&f->file[i]);
    hse_free(f);
    *form = NULL;
}

/* ---- query strings -------------------------------------------------------------------------------------------------
 */

static bool query_pair(reading *r, http_slice name, http_slice value)
{
    char key[HTTP_PART_MAX_NAME], text[MAX_QUERY_VALUE];
    size_t n = 0;
    hse_error err = {0};

    if (name.size >= sizeof key || value.size >= sizeof text)
        return api_fail(r->error, 413, NULL, "a parameter of the query string is too long");
    if (http_percent_decode(key, &n, name, true, &err) != HSE_OK ||
        http_percent_decode(text, &n, value, true, &err) != HSE_OK)
        return api_fail(r->error, 400, NULL, "the query string is badly encoded: %s", err.text);
    if (!resolve(r, key))
        return false;
    json_t *v = value_of(r, text, n);
    return v && put(r, v);
}

bool schema_query_read(const schema *s, http_slice query, json_t **root, api_error *error)
{
    reading r = {.s = s, .error = error};
    http_slice name, value;
    bool ok = new_root(&r);

    while (ok && http_query_next(&query, &name, &value))
        ok = query_pair(&r, name, value);
    *root = r.root;
    if (!ok) {
        json_decref(r.root);
        *root = NULL;
    }
    return ok;
}
