/* openapi.c - the OpenAPI 3.1 document, written from the tables of routes and fields. */
#include "server/docs.h"

#include "server/api.h"

#include <ctype.h>
#include <stdio.h>

enum { MAX_COMPONENTS = 128 };

/* The schemas that were named so far; a form's have files where JSON has base64, so they are components of their own.
 */
typedef struct {
    hse_buf *out;
    const schema *component[MAX_COMPONENTS];
    bool form[MAX_COMPONENTS];
    size_t count;
} writing;

static void text(hse_buf *out, const char *s)
{
    api_json_string(out, s, strlen(s));
}

static void member(hse_buf *out, const char *name, const char *value)
{
    hse_buf_printf(out, ",\"%s\":", name);
    text(out, value);
}

/* Note that the document needs this component, and refer to it. */
static void reference(writing *w, const schema *s, bool form)
{
    size_t i = 0;

    while (i < w->count && (w->component[i] != s || w->form[i] != form))
        i++;
    if (i == w->count && w->count < MAX_COMPONENTS) {
        w->component[w->count] = s;
        w->form[w->count++] = form;
    }
    hse_buf_printf(w->out, "{\"$ref\":\"#/components/schemas/%s%s\"}", s->name, form ? "Form" : "");
}

/* "a|b" -> ["a","b"], with null at the end when it may be absent. */
static void words(hse_buf *out, const char *list, bool nullable)
{
    hse_buf_byte(out, '[');
    for (const char *p = list; p && *p; p += *p == '|') {
        size_t n = strcspn(p, "|");
        if (p != list)
            hse_buf_byte(out, ',');
        api_json_string(out, p, n);
        p += n;
    }
    hse_buf_str(out, nullable ? ",null]" : "]");
}

static void type(hse_buf *out, const char *name, bool nullable)
{
    if (nullable)
        hse_buf_printf(out, "\"type\":[\"%s\",\"null\"]", name);
    else
        hse_buf_printf(out, "\"type\":\"%s\"", name);
}

static void number(hse_buf *out, const char *name, double v)
{
    hse_buf_printf(out, v > -1e15 && v < 1e15 && v == (double)(int64_t)v ? ",\"%s\":%.0f" : ",\"%s\":%.17g", name, v);
}

static void number_bounds(hse_buf *out, const schema_field *f)
{
    if (f->min < f->max) {
        number(out, "minimum", f->min);
        number(out, "maximum", f->max);
    }
}

/* The members of one value's schema, without braces; `f` also describes the entries of a list, whose kind is `kind`. */
static void value(writing *w, const schema_field *f, field_kind kind, bool nullable, bool form)
{
    hse_buf *out = w->out;

    switch (kind) {
    case FIELD_TEXT:
        type(out, "string", nullable);
        if (f->min > 0)
            number(out, "minLength", f->min);
        if (f->max > 0)
            number(out, "maxLength", f->max);
        break;
    case FIELD_CHOICE:
        type(out, "string", nullable);
        hse_buf_str(out, ",\"enum\":");
        words(out, f->choices, nullable);
        break;
    case FIELD_NAME:
        hse_buf_printf(out, "\"anyOf\":[{\"type\":\"string\"},{\"const\":0}%s]", nullable ? ",{\"type\":\"null\"}" : "");
        break;
    case FIELD_ID:
        hse_buf_printf(
            out,
            "\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}},"
            "\"required\":[\"id\"]}%s]",
            nullable ? ",{\"type\":\"null\"}" : "");
        break;
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        type(out, kind == FIELD_NUMBER ? "number" : "integer", nullable);
        number_bounds(out, f);
        break;
    case FIELD_BOOL: type(out, "boolean", nullable); break;
    case FIELD_DURATION: hse_buf_printf(out, "\"type\":[\"number\",\"string\"%s]", nullable ? ",\"null\"" : ""); break;
    case FIELD_BASE64:
        type(out, "string", nullable && !form);
        hse_buf_str(out, form ? ",\"format\":\"binary\"" : ",\"contentEncoding\":\"base64\"");
        break;
    case FIELD_OBJECT:
        hse_buf_str(out, "\"anyOf\":[");
        reference(w, f->object, form);
        if (f->word)
            hse_buf_str(out, ",{\"type\":\"string\"}");
        hse_buf_str(out, nullable ? ",{\"type\":\"null\"}]" : "]");
        break;
    case FIELD_LIST:
        type(out, "array", nullable);
        hse_buf_str(out, ",\"items\":{");
        value(w, f, f->item, false, form);
        hse_buf_printf(out, "},\"minItems\":%zu", f->min_items);
        if (f->max_items)
            hse_buf_printf(out, ",\"maxItems\":%zu", f->max_items);
        break;
    case FIELD_REFUSED: hse_buf_str(out, "\"deprecated\":true"); break;
    case FIELD_ANY:
        hse_buf_str(out, "\"type\":[\"object\",\"array\",\"string\",\"number\",\"boolean\",\"null\"]");
        break;
    }
}

static void default_value(hse_buf *out, const schema_field *f)
{
    bool bare =
        f->kind == FIELD_NUMBER || f->kind == FIELD_INTEGER || f->kind == FIELD_BOOL || f->kind == FIELD_DURATION;

    if (!f->def)
        return;
    hse_buf_str(out, ",\"default\":");
    if (bare)
        hse_buf_str(out, f->def);
    else
        text(out, f->def);
}

static void field(writing *w, const schema_field *f, bool form)
{
    hse_buf_byte(w->out, '{');
    value(w, f, f->kind, !f->required, form);
    default_value(w->out, f);
    if (f->kind == FIELD_REFUSED) {
        hse_buf_str(w->out, ",\"description\":");
        hse_buf_str(w->out, "\"Known and not supported (anything but null and empty is refused): ");
        hse_buf scratch;
        hse_buf_init(&scratch, 4096);
        text(&scratch, f->doc);
        hse_buf_append(w->out, hse_buf_text(&scratch) + 1,
                       scratch.size ? scratch.size - 1 : 0); /* without its first quote */
        hse_buf_free(&scratch);
    } else if (f->doc && *f->doc) {
        member(w->out, "description", f->doc);
    }
    hse_buf_byte(w->out, '}');
}

static void component(writing *w, const schema *s, bool form)
{
    hse_buf *out = w->out;
    bool first = true;

    hse_buf_printf(out, "\"%s%s\":{\"type\":\"object\",\"title\":\"%s%s\"", s->name, form ? "Form" : "", s->name,
                   form ? "Form" : "");
    if (s->doc && *s->doc)
        member(out, "description", s->doc);
    hse_buf_str(out, ",\"properties\":{");
    for (size_t i = 0; i < s->count; i++) {
        const schema_field *f = &s->fields[i];
        hse_buf_printf(out, "%s\"%s%s\":", i ? "," : "", f->name, form && f->kind == FIELD_LIST ? "[]" : "");
        field(w, f, form);
    }
    hse_buf_str(out, "}");
    for (size_t i = 0; i < s->count; i++)
        if (s->fields[i].required) {
            hse_buf_printf(out, "%s\"%s%s\"", first ? ",\"required\":[" : ",", s->fields[i].name,
                           form && s->fields[i].kind == FIELD_LIST ? "[]" : "");
            first = false;
        }
    hse_buf_str(out, first ? "" : "]");
    hse_buf_str(out, s->size ? ",\"additionalProperties\":false}" : "}"); /* answers may grow */
}

/* "{id}" of the path and the fields of the query string. */
static void parameters(writing *w, const api_route *r)
{
    hse_buf *out = w->out;
    const char *open = strchr(r->path, '{'), *close = open ? strchr(open, '}') : NULL;
    bool first = true;

    if (close) {
        hse_buf_str(out,
                    ",\"parameters\":[{\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"},\"name\":");
        api_json_string(out, open + 1, (size_t)(close - open - 1));
        hse_buf_byte(out, '}');
        first = false;
    }
    for (size_t i = 0; r->query && i < r->query->count; i++) {
        const schema_field *f = &r->query->fields[i];
        hse_buf_printf(out, "%s{\"in\":\"query\",\"name\":\"%s\",\"required\":%s,\"schema\":",
                       first ? ",\"parameters\":[" : ",", f->name, f->required ? "true" : "false");
        field(w, f, true);
        hse_buf_byte(out, '}');
        first = false;
    }
    if (!first)
        hse_buf_byte(out, ']');
}

static void request_body(writing *w, const api_route *r)
{
    hse_buf *out = w->out;

    if (!r->body && !r->form)
        return;
    hse_buf_str(out, ",\"requestBody\":{\"required\":true,\"content\":{");
    if (r->body) {
        hse_buf_str(out, "\"application/json\":{\"schema\":");
        reference(w, r->body, false);
        hse_buf_byte(out, '}');
    }
    if (r->form) {
        hse_buf_str(out, r->body ? ",\"multipart/form-data\":{\"schema\":" : "\"multipart/form-data\":{\"schema\":");
        reference(w, r->form, true);
        hse_buf_byte(out, '}');
    }
    hse_buf_str(out, "}}");
}

static void responses(writing *w, const api_route *r)
{
    hse_buf *out = w->out;
    bool json = r->answer || !r->media;

    hse_buf_str(out, ",\"responses\":{\"200\":{\"description\":\"Success\",\"content\":{");
    if (json) {
        hse_buf_str(out, "\"application/json\":{\"schema\":");
        if (r->answer)
            reference(w, r->answer, false);
        else
            hse_buf_str(out, "{\"type\":\"object\"}");
        hse_buf_byte(out, '}');
    }
    for (const char *p = r->media; p && *p; p += *p == '|') {
        size_t n = strcspn(p, "|");
        hse_buf_printf(out, "%s\"%.*s\":{\"schema\":{\"type\":\"string\"%s}}", json || p != r->media ? "," : "", (int)n,
                       p, strncmp(p, "audio/", 6) == 0 ? ",\"format\":\"binary\"" : "");
        p += n;
    }
    hse_buf_str(out, "}}");
    static const char *const errors[] = {"4XX", "5XX"};
    for (size_t i = 0; i < COUNT(errors); i++) {
        hse_buf_printf(out, ",\"%s\":{\"description\":\"%s\",\"content\":{\"application/json\":{\"schema\":", errors[i],
                       i ? "The server cannot do it now, or at all" : "The request is wrong");
        reference(w, &error_answer, false);
        hse_buf_str(out, "}}}");
    }
    hse_buf_byte(out, '}');
}

static const char *method_name(unsigned method)
{
    switch (method) {
    case HTTP_POST: return "post";
    case HTTP_PUT: return "put";
    case HTTP_PATCH: return "patch";
    case HTTP_DELETE: return "delete";
    default: return "get";
    }
}

static void operation(writing *w, const api_route *r)
{
    hse_buf *out = w->out;

    hse_buf_printf(out, "\"%s\":{\"tags\":[\"%s\"],\"operationId\":\"%s", method_name(r->method), r->tag,
                   method_name(r->method));
    for (const char *p = r->path; *p; p++)
        if (*p != '}')
            hse_buf_byte(out, (uint8_t)(isalnum((unsigned char)*p) ? *p : '_'));
    hse_buf_byte(out, '"');
    member(out, "summary", r->summary);
    if (r->doc)
        member(out, "description", r->doc);
    /* where keys are configured one of the two is needed, else none */
    hse_buf_str(out, r->flags & ROUTE_OPEN ? ",\"security\":[]" : ",\"security\":[{\"bearer\":[]},{\"apiKey\":[]},{}]");
    parameters(w, r);
    request_body(w, r);
    responses(w, r);
    hse_buf_byte(out, '}');
}

static bool shown(const api_route *r)
{
    return !(r->flags & ROUTE_HIDDEN);
}

static void paths(writing *w)
{
    bool first = true;

    for (size_t i = 0; i < api_route_count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || (shown(&api_routes[j]) && strcmp(api_routes[j].path, api_routes[i].path) == 0);
        if (seen || !shown(&api_routes[i]))
            continue;
        hse_buf_printf(w->out, "%s\"%s\":{", first ? "" : ",", api_routes[i].path);
        first = false;
        for (size_t j = i; j < api_route_count; j++)
            if (shown(&api_routes[j]) && strcmp(api_routes[j].path, api_routes[i].path) == 0) {
                if (j != i)
                    hse_buf_byte(w->out, ',');
                operation(w, &api_routes[j]);
            }
        hse_buf_byte(w->out, '}');
    }
}

void api_openapi_write(hse_buf *out)
{
    writing w = {.out = out};

    hse_buf_str(
        out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"harmonyspeech\",\"version\":\"" HSE_VERSION "\","
             "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"},\"description\":"
             "\"The forms of Harmony Speech Engine and of OpenAI on the same routes. An unknown field, a wrong type or "
             "a value "
             "out of bounds is refused with 400 and the field's path in param; null counts as absent.\"},\"paths\":{");
    paths(&w);
    hse_buf_str(out, "},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                     "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"Api-Key\"}},\"schemas\":{");
    for (size_t i = 0; i < w.count; i++) { /* grows while components name others */
        if (i)
            hse_buf_byte(out, ',');
        component(&w, w.component[i], w.form[i]);
    }
    hse_buf_str(out, "}}}");
}

void api_openapi(http_job *job, void *arg)
{
    const api_bound *b = arg;

    http_job_answer(job, 200, "application/json", b->server->openapi, b->server->openapi_size);
}
