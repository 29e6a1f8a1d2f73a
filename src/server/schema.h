/* schema.h - one table of fields per request drives parsing, validation and error texts (and the OpenAPI document, when it comes).
 *
 * schema_parse takes a JSON object apart into the request's struct: every field is checked for its type and bounds, unknown
 * ones are refused by name, null counts as absent. The first mistake ends it, with the field's path in error.param. */
#ifndef HSE_SERVER_SCHEMA_H
#define HSE_SERVER_SCHEMA_H

#include "server/error.h"

#include <jansson.h>

typedef enum {
    FIELD_TEXT,                     /* const char *: borrowed from the JSON tree; NULL when absent. min, max: bytes */
    FIELD_CHOICE,                   /* the same, one of `choices` */
    FIELD_ID,                       /* the same; also as {"id": "..."} */
    FIELD_NUMBER,                   /* schema_number */
    FIELD_INTEGER,                  /* schema_integer */
    FIELD_BOOL,                     /* schema_bool */
    FIELD_BASE64,                   /* hse_buf: the decoded bytes; empty when absent. max: bytes */
    FIELD_OBJECT,                   /* the sub-schema's struct, in place */
    FIELD_REFUSED,                  /* known, not offered: anything but null, "", [] and {} is refused with `doc` as the reason */
} field_kind;

typedef struct { bool given; double value; } schema_number;
typedef struct { bool given; int64_t value; } schema_integer;
typedef struct { bool given, value; } schema_bool;

typedef struct schema schema;

typedef struct {
    const char   *name;
    field_kind    kind;
    bool          required;
    size_t        offset;           /* in the request's struct */
    double        min, max;
    const char   *choices;          /* "a|b|c" */
    const schema *object;
    const char   *doc;
} schema_field;

struct schema {
    const char         *name;
    const schema_field *fields;
    size_t              count, size;    /* of fields; of the struct */
};

/* out points to a zeroed struct of s->size bytes; free it with schema_free whatever came back. */
bool schema_parse(const schema *s, const json_t *root, void *out, api_error *error);
void schema_free(const schema *s, void *out);

/* Does the object hold this field with something in it (not null)? */
bool schema_has(const json_t *root, const char *name);

#endif
