/* schema.h - one table of fields per request drives parsing (JSON, multipart forms, query strings), validation, error texts and
 * the OpenAPI document.
 *
 * schema_parse takes a JSON object apart into the request's struct: every field is checked for its type and bounds, unknown
 * ones are refused by name, null counts as absent, absent ones get their default. The first mistake ends it, with the field's
 * path in error.param. A form or a query string is turned into such an object first (form.c), so there is one way through.
 *
 * A row:  {"speed", FIELD_NUMBER, offsetof(speech_request, speed), .doc = "2 = twice as fast", .min = 0.25, .max = 4, .def = "1"}
 * Tables of answers are written the same way, with offset 0; only the OpenAPI document reads them. */
#ifndef HSE_SERVER_SCHEMA_H
#define HSE_SERVER_SCHEMA_H

#include "server/error.h"

#include <jansson.h>

typedef enum {
    FIELD_TEXT,                     /* const char *: borrowed from the JSON tree; NULL when absent. min, max: bytes; 0: any */
    FIELD_CHOICE,                   /* the same, one of `choices` */
    FIELD_ID,                       /* the same as FIELD_TEXT; also as {"id": "..."} */
    FIELD_NAME,                     /* the same as FIELD_TEXT; the number 0 is none, for clients to which it is a number */
    FIELD_NUMBER,                   /* schema_number. Bounds hold when min < max, here and below */
    FIELD_INTEGER,                  /* schema_integer */
    FIELD_BOOL,                     /* schema_bool; in forms and queries: true false 1 0 */
    FIELD_DURATION,                 /* schema_number, in seconds: a number, or "300", "5m", "1h30m", "500ms"; < 0: for ever */
    FIELD_BASE64,                   /* hse_buf: the decoded bytes, or a form's file; empty when absent. max: bytes; 0: the
                                     * upload limit */
    FIELD_OBJECT,                   /* the sub-schema's struct, in place */
    FIELD_LIST,                     /* schema_list of `item`: TEXT and CHOICE (const char *), NUMBER (double), INTEGER
                                     * (int64_t), OBJECT (structs of object->size). min, max: of each; min_items, max_items */
    FIELD_REFUSED,                  /* known, not offered: anything but null, "", [] and {} is refused with `doc` as the reason */
    FIELD_ANY,                      /* in answers: any JSON value */
} field_kind;

typedef struct { bool given; double value; } schema_number;         /* given: by the client; value: else the default, or 0 */
typedef struct { bool given; int64_t value; } schema_integer;
typedef struct { bool given, value; } schema_bool;
typedef struct { size_t count; void *items; } schema_list;          /* const char *const *words = list.items; */

typedef struct schema schema;

typedef struct {
    const char   *name;
    field_kind    kind;
    size_t        offset;           /* in the request's struct */
    const char   *doc;              /* one sentence for the OpenAPI document; of FIELD_REFUSED: why */
    bool          required;         /* in answers: always there */
    double        min, max;
    const char   *choices;          /* "a|b|c" */
    const char   *def;              /* default as plain text: "0.5", "mp3", "false"; NULL: none, or none that is constant */
    const schema *object;           /* of FIELD_OBJECT and lists of them */
    field_kind    item;             /* of FIELD_LIST */
    size_t        min_items, max_items;     /* max_items 0: SCHEMA_MAX_ITEMS */
    const char   *word;             /* FIELD_OBJECT: a bare string stands for the object with this one field */
} schema_field;

enum { SCHEMA_MAX_ITEMS = 256, SCHEMA_MAX_DEPTH = 8 };

struct schema {
    const char         *name;       /* of the OpenAPI document: "TextToSpeechRequest" */
    const schema_field *fields;
    size_t              count, size;        /* of fields; of the struct, also of a sub-schema that stands in lists */
    const char         *doc;
};

#define SCHEMA(title, table, type, ...) {title, table, COUNT(table), sizeof(type), "" __VA_ARGS__}

/* The files of a form that was read. */
typedef struct schema_form schema_form;

/* A multipart/form-data body (names as the OpenAI SDKs write them: a, list[], object[a]) as a JSON object for schema_parse.
 * An object or list of objects may also be sent as JSON text. Values that are no number (true, ...) where the table wants one
 * stay text, so that schema_parse says what is wrong. *form, which also holds the files, is freed with schema_form_free. */
bool schema_form_read(const schema *s, http_slice content_type, hse_bytes body, uint64_t max_upload, json_t **root,
                      schema_form **form, api_error *error);
void schema_form_free(schema_form **form);
/* The same of a query string. */
bool schema_query_read(const schema *s, http_slice query, json_t **root, api_error *error);

/* out points to a zeroed struct of s->size bytes; free it with schema_free whatever came back. form: of the tree, or NULL. */
bool schema_parse(const schema *s, const json_t *root, schema_form *form, uint64_t max_upload, void *out, api_error *error);
void schema_free(const schema *s, void *out);

/* Does the object hold this field with something in it (not null)? */
bool schema_has(const json_t *root, const char *name);

const schema_field *schema_find(const schema *s, const char *name, size_t n);
/* The error of a field that the table does not have: with the one that was meant, or all that there are. Returns false. */
bool schema_unknown(const schema *s, const char *path, const char *name, api_error *e);
/* form.c, for schema.c: the file number `index` of a form, moved to out. */
void schema_form_take(schema_form *form, size_t index, hse_buf *out);

#endif
