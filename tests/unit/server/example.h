/* example.h - a table with a field of every kind, for the tests of the tables' reader. */
#ifndef HSE_TEST_EXAMPLE_H
#define HSE_TEST_EXAMPLE_H

#include "server/schema.h"

#include <stddef.h>

typedef struct {
    const char    *type;
    schema_number  threshold;
    hse_buf        clip;
} example_inner;

typedef struct {
    const char    *text, *choice, *id, *fallback;
    schema_number  number, duration, plain;
    schema_integer integer;
    schema_bool    yes;
    hse_buf        file, small;
    example_inner  inner;
    schema_list    words, numbers, integers, objects;
} example;

#define I(member) offsetof(example_inner, member)
static const schema_field example_inner_fields[] = {
    {"type", FIELD_CHOICE, I(type), .doc = "kind", .choices = "auto|server"},
    {"threshold", FIELD_NUMBER, I(threshold), .doc = "level", .min = 0, .max = 1, .def = "0.5"},
    {"clip", FIELD_BASE64, I(clip), .doc = "sound", .max = 64},
};
static const schema example_inner_schema = SCHEMA("Inner", example_inner_fields, example_inner);

#define X(member) offsetof(example, member)
static const schema_field example_fields[] = {
    {"text", FIELD_TEXT, X(text), .doc = "text", .required = true, .min = 1, .max = 16},
    {"choice", FIELD_CHOICE, X(choice), .doc = "choice", .choices = "a|bc|def", .def = "bc"},
    {"id", FIELD_ID, X(id), .doc = "name", .max = 8},
    {"fallback", FIELD_TEXT, X(fallback), .doc = "text", .def = "here"},
    {"number", FIELD_NUMBER, X(number), .doc = "number", .min = -2, .max = 2.5, .def = "1.5"},
    {"plain", FIELD_NUMBER, X(plain), .doc = "number without bounds"},
    {"duration", FIELD_DURATION, X(duration), .doc = "time", .max = 3600},
    {"integer", FIELD_INTEGER, X(integer), .doc = "whole number", .min = 0, .max = 9007199254740992.0, .def = "7"},
    {"yes", FIELD_BOOL, X(yes), .doc = "flag", .def = "true"},
    {"file", FIELD_BASE64, X(file), .doc = "upload"},
    {"small", FIELD_BASE64, X(small), .doc = "bytes", .max = 4},
    {"inner", FIELD_OBJECT, X(inner), .doc = "object", .object = &example_inner_schema, .word = "type"},
    {"words", FIELD_LIST, X(words), .doc = "words", .item = FIELD_CHOICE, .choices = "w|x", .max_items = 3, .min_items = 1},
    {"numbers", FIELD_LIST, X(numbers), .doc = "numbers", .item = FIELD_NUMBER, .min = 0, .max = 1, .max_items = 4},
    {"integers", FIELD_LIST, X(integers), .doc = "integers", .item = FIELD_INTEGER, .max_items = 4},
    {"objects", FIELD_LIST, X(objects), .doc = "objects", .item = FIELD_OBJECT, .object = &example_inner_schema, .max_items = 2},
    {"gone", FIELD_REFUSED, 0, .doc = "nobody needs it"},
};
static const schema example_schema = SCHEMA("Example", example_fields, example);

#endif
