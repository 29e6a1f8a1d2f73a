/* test_schema.c - the reader of the field tables: JSON, forms and query strings into structs, and what each mistake is called. */
#include "base/mem.h"
#include "example.h"
#include "formats/json.h"
#include "test.h"
#include "torture.h"

enum { UPLOAD = 1000 };

#define TYPE "multipart/form-data; boundary=x"
#define PART(name, value) "--x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(name, value)                                                                                                 \
    "--x\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n" value "\r\n"
#define END "--x--\r\n"

static bool from_json(example *out, const char *text, api_error *e)
{
    json_t *root = NULL;
    hse_error err = {0};

    *out = (example){0};
    *e = (api_error){0};
    if (hse_json_parse(&root, (hse_bytes){(const uint8_t *)text, strlen(text)}, "the body", NULL, &err) != HSE_OK)
        return api_fail(e, err.status == HSE_E_NOMEM ? 500 : 400, NULL, "%s", err.text);
    bool ok = schema_parse(&example_schema, root, NULL, UPLOAD, out, e);
    schema_free(&example_schema, out);      /* texts are borrowed from the tree: looked at by the tests that keep it */
    json_decref(root);
    return ok;
}

typedef struct { const char *body; int http; const char *param; } row;

TEST(json_mistakes_have_a_status_and_the_fields_path)
{
    static const row rows[] = {
        {"{\"text\":\"a\"}", 0, ""},
        {"{}", 400, "text"},
        {"{\"text\":null}", 400, "text"},
        {"{\"text\":\"\"}", 400, "text"},
        {"{\"text\":\"0123456789abcdef\"}", 0, ""},
        {"{\"text\":\"0123456789abcdefg\"}", 413, "text"},
        {"{\"text\":1}", 400, "text"},
        {"{\"text\":\"a\",\"choice\":\"\"}", 0, ""},
        {"{\"text\":\"a\",\"choice\":\"b\"}", 400, "choice"},
        {"{\"text\":\"a\",\"choice\":\"a|bc\"}", 400, "choice"},
        {"{\"text\":\"a\",\"choice\":\"def\"}", 0, ""},
        {"{\"text\":\"a\",\"id\":{\"id\":\"v\"}}", 0, ""},
        {"{\"text\":\"a\",\"id\":{\"id\":1}}", 400, "id"},
        {"{\"text\":\"a\",\"id\":{}}", 400, "id"},
        {"{\"text\":\"a\",\"number\":-2}", 0, ""},
        {"{\"text\":\"a\",\"number\":-2.0000001}", 400, "number"},
        {"{\"text\":\"a\",\"number\":2.5}", 0, ""},
        {"{\"text\":\"a\",\"number\":\"1\"}", 400, "number"},
        {"{\"text\":\"a\",\"plain\":-1e300}", 0, ""},
        {"{\"text\":\"a\",\"integer\":9007199254740992}", 0, ""},
        {"{\"text\":\"a\",\"integer\":9007199254740993}", 400, "integer"},
        {"{\"text\":\"a\",\"integer\":1.5}", 400, "integer"},
        {"{\"text\":\"a\",\"integer\":-1}", 400, "integer"},
        {"{\"text\":\"a\",\"yes\":\"true\"}", 400, "yes"},
        {"{\"text\":\"a\",\"duration\":\"1h\"}", 0, ""},
        {"{\"text\":\"a\",\"duration\":3601}", 400, "duration"},
        {"{\"text\":\"a\",\"duration\":-1}", 0, ""},
        {"{\"text\":\"a\",\"duration\":\"x\"}", 400, "duration"},
        {"{\"text\":\"a\",\"duration\":[]}", 400, "duration"},
        {"{\"text\":\"a\",\"small\":\"AAAAAA==\"}", 0, ""},
        {"{\"text\":\"a\",\"small\":\"AAAAAAA=\"}", 413, "small"},
        {"{\"text\":\"a\",\"small\":\"AAAAAAAAAAAA\"}", 413, "small"},
        {"{\"text\":\"a\",\"small\":\"?\"}", 400, "small"},
        {"{\"text\":\"a\",\"small\":0}", 400, "small"},
        {"{\"text\":\"a\",\"inner\":\"auto\"}", 0, ""},
        {"{\"text\":\"a\",\"inner\":\"manual\"}", 400, "inner"},
        {"{\"text\":\"a\",\"inner\":{\"threshold\":2}}", 400, "inner.threshold"},
        {"{\"text\":\"a\",\"inner\":{\"x\":2}}", 400, "inner.x"},
        {"{\"text\":\"a\",\"inner\":[]}", 400, "inner"},
        {"{\"text\":\"a\",\"words\":[\"w\",\"x\",\"w\"]}", 0, ""},
        {"{\"text\":\"a\",\"words\":[]}", 400, "words"},
        {"{\"text\":\"a\",\"words\":[\"w\",\"x\",\"w\",\"x\"]}", 400, "words"},
        {"{\"text\":\"a\",\"words\":[\"w\",\"y\"]}", 400, "words[1]"},
        {"{\"text\":\"a\",\"words\":\"w\"}", 400, "words"},
        {"{\"text\":\"a\",\"numbers\":[0,1,0.5]}", 0, ""},
        {"{\"text\":\"a\",\"numbers\":[0,1.5]}", 400, "numbers[1]"},
        {"{\"text\":\"a\",\"numbers\":[null]}", 400, "numbers[0]"},
        {"{\"text\":\"a\",\"integers\":[1,-5]}", 0, ""},
        {"{\"text\":\"a\",\"integers\":[1.5]}", 400, "integers[0]"},
        {"{\"text\":\"a\",\"objects\":[{},{\"threshold\":1,\"clip\":\"AAAA\"}]}", 0, ""},
        {"{\"text\":\"a\",\"objects\":[{},{\"threshold\":-1}]}", 400, "objects[1].threshold"},
        {"{\"text\":\"a\",\"objects\":[{\"clip\":\"AAAA\"},7]}", 400, "objects[1]"},
        {"{\"text\":\"a\",\"gone\":\"\"}", 0, ""},
        {"{\"text\":\"a\",\"gone\":[]}", 0, ""},
        {"{\"text\":\"a\",\"gone\":false}", 400, "gone"},
        {"{\"text\":\"a\",\"Text\":\"a\"}", 400, "Text"},
        {"{\"text\":\"a\",\"\":1}", 400, ""},
        {"[]", 400, ""},
        {"\"text\"", 400, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        example got;
        api_error e;
        bool ok = from_json(&got, rows[i].body, &e);
        CHECK(ok == (rows[i].http == 0) && e.http == rows[i].http && strcmp(e.param, rows[i].param) == 0, "%s: %d %s (%s), not %d %s",
              rows[i].body, e.http, e.param, e.text, rows[i].http, rows[i].param);
    }
}

TEST(defaults_stand_where_nothing_was_given)
{
    example got;
    api_error e;

    CHECK(from_json(&got, "{\"text\":\"a\"}", &e), "%s", e.text);
    CHECK(strcmp(got.choice, "bc") == 0 && strcmp(got.fallback, "here") == 0, "texts");
    CHECK(!got.number.given && got.number.value == 1.5 && !got.integer.given && got.integer.value == 7, "numbers");
    CHECK(!got.yes.given && got.yes.value && got.inner.threshold.value == 0.5 && !got.inner.threshold.given, "the rest");
    CHECK(from_json(&got, "{\"text\":\"a\",\"yes\":false,\"number\":0,\"integer\":0,\"duration\":\"1m30s\"}", &e), "%s", e.text);
    CHECK(got.yes.given && !got.yes.value && got.number.given && got.number.value == 0 && got.integer.given && got.integer.value == 0,
          "given values lost to defaults");
    CHECK(got.duration.given && got.duration.value == 90, "%g s", got.duration.value);
}

static bool from_form(example *out, json_t **root, const char *body, size_t size, api_error *e)
{
    schema_form *form = NULL;

    *out = (example){0};
    *e = (api_error){0};
    if (!schema_form_read(&example_schema, (http_slice){TYPE, strlen(TYPE)}, (hse_bytes){(const uint8_t *)body, size}, UPLOAD, root, &form, e))
        return false;
    bool ok = schema_parse(&example_schema, *root, form, UPLOAD, out, e);
    schema_form_free(&form);
    return ok;
}

TEST(a_form_fills_the_same_struct)
{
    static const char body[] =
        PART("text", "hello") PART("choice", "def") PART("id", "v") PART("number", "-0.25") PART("integer", "12") PART("yes", "False")
        PART("duration", "5m") PART("inner[type]", "server") PART("inner[threshold]", "0.75") PART("words[]", "w") PART("words[]", "x")
        PART("numbers", "0.5") PART("integers[]", "-3") PART("objects", "[{\"threshold\":1},{}]") PART("plain", "")
        FILE_PART("file", "RIFF\0\1\2\r\n--y") END;
    example got;
    json_t *root = NULL;
    api_error e;

    CHECK(from_form(&got, &root, body, sizeof body - 1, &e), "%s: %s", e.param, e.text);
    CHECK(strcmp(got.text, "hello") == 0 && strcmp(got.choice, "def") == 0 && strcmp(got.id, "v") == 0, "texts");
    CHECK(got.number.value == -0.25 && got.integer.value == 12 && got.yes.given && !got.yes.value && got.duration.value == 300, "numbers");
    CHECK(!got.plain.given, "an empty number was taken");
    CHECK(strcmp(got.inner.type, "server") == 0 && got.inner.threshold.value == 0.75, "object");
    const char *const *words = got.words.items;
    CHECK(got.words.count == 2 && strcmp(words[0], "w") == 0 && strcmp(words[1], "x") == 0, "list of words");
    const double *numbers = got.numbers.items;
    const int64_t *integers = got.integers.items;
    CHECK(got.numbers.count == 1 && numbers[0] == 0.5 && got.integers.count == 1 && integers[0] == -3, "lists of numbers");
    const example_inner *objects = got.objects.items;
    CHECK(got.objects.count == 2 && objects[0].threshold.value == 1 && objects[1].threshold.value == 0.5, "list of objects");
    CHECK(got.file.size == 12 && memcmp(got.file.data, "RIFF\0\1\2\r\n--y", 12) == 0, "file of %zu bytes", got.file.size);
    schema_free(&example_schema, &got);
    json_decref(root);
}

TEST(a_forms_mistakes_are_named)
{
    static char large[UPLOAD + 400];
    static const row rows[] = {
        {PART("text", "a") END, 0, ""},
        {PART("text", "a") PART("text", "b") END, 400, "text"},
        {PART("text", "a") PART("nothing", "b") END, 400, "nothing"},
        {PART("text", "a") PART("text[]", "b") END, 400, "text[]"},
        {PART("text", "a") PART("inner[nothing]", "b") END, 400, "inner[nothing]"},
        {PART("text", "a") PART("inner[type", "auto") END, 400, "inner[type"},
        {PART("text", "a") PART("inner[type]x", "auto") END, 400, "inner[type]x"},
        {PART("text", "a") PART("inner[]", "auto") END, 400, "inner[]"},
        {PART("text", "a") PART("[]", "auto") END, 400, "[]"},
        {PART("text", "a") PART("inner", "auto") END, 0, ""},
        {PART("text", "a") PART("inner", "auto") PART("inner[type]", "auto") END, 400, "inner"},
        {PART("text", "a") PART("inner[type]", "auto") PART("inner[type]", "auto") END, 400, "type"},
        {PART("text", "a") PART("number", "1e2") END, 400, "number"},
        {PART("text", "a") PART("number", "nan") END, 400, "number"},
        {PART("text", "a") PART("number", "0x1") END, 400, "number"},
        {PART("text", "a") PART("number", "1 ") PART("number", "1") END, 400, "number"},
        {PART("text", "a") PART("integer", "1.0") END, 400, "integer"},
        {PART("text", "a") PART("yes", "maybe") END, 400, "yes"},
        {PART("text", "a\xff") END, 400, "text"},
        {PART("text", "a") PART("words[]", "w") PART("words[]", "w") PART("words[]", "w") PART("words[]", "w") END, 400, "words"},
        {PART("text", "a") PART("objects", "[{]") END, 400, "objects"},
        {PART("text", "a") PART("objects", "words") END, 400, "objects[0]"},
        {PART("text", "a") PART("gone[a][b]", "1") END, 400, "gone"},
        {PART("text", "a") PART("gone", "") END, 0, ""},
        {PART("text", "a") FILE_PART("small", "12345") END, 413, "small"},
        {PART("text", "a") FILE_PART("small", "1234") END, 0, ""},
        {PART("text", "a") PART("small", "AAAA") END, 0, ""},
        {PART("text", "a") FILE_PART("text", "b") END, 400, "text"},
        {PART("text", "a"), 400, ""},
        {"", 400, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        example got;
        json_t *root = NULL;
        api_error e;
        bool ok = from_form(&got, &root, rows[i].body, strlen(rows[i].body), &e);
        CHECK(ok == (rows[i].http == 0) && e.http == rows[i].http && strcmp(e.param, rows[i].param) == 0, "row %zu: %d %s (%s), not %d %s",
              i, e.http, e.param, e.text, rows[i].http, rows[i].param);
        schema_free(&example_schema, &got);
        json_decref(root);
    }
    for (int over = 0; over < 2; over++) {                  /* the upload limit, at and one above */
        example got;
        json_t *root = NULL;
        api_error e;
        int n = snprintf(large, sizeof large, PART("text", "a") FILE_PART("file", "%0*d") END, UPLOAD + over, 0);
        bool ok = from_form(&got, &root, large, (size_t)n, &e);
        CHECK(ok == !over && (!over || (e.http == 413 && strcmp(e.param, "file") == 0)), "%d bytes: %d %s", UPLOAD + over, e.http, e.text);
        schema_free(&example_schema, &got);
        json_decref(root);
    }
}

TEST(a_query_string_fills_the_same_struct)
{
    static const struct { const char *query; int http; const char *text; } rows[] = {
        {"text=a%20b&number=1&words[]=w&words%5B%5D=x&yes=1", 0, "a b"},
        {"text=a&text=b", 400, NULL},
        {"text=%ff", 400, NULL},
        {"text=%", 400, NULL},
        {"nothing=1", 400, NULL},
        {"", 400, NULL},
        {"text=a&yes=", 0, "a"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        example got = {0};
        json_t *root = NULL;
        api_error e = {0};
        bool ok = schema_query_read(&example_schema, (http_slice){rows[i].query, strlen(rows[i].query)}, &root, &e) &&
                  schema_parse(&example_schema, root, NULL, UPLOAD, &got, &e);
        CHECK(ok == (rows[i].http == 0) && e.http == rows[i].http, "%s: %d %s", rows[i].query, e.http, e.text);
        CHECK(!ok || strcmp(got.text, rows[i].text) == 0, "%s: %s", rows[i].query, got.text);
        schema_free(&example_schema, &got);
        json_decref(root);
    }
}

static hse_status tortured_form(void *arg, hse_error *err)
{
    static const char body[] = PART("text", "hello") PART("inner[threshold]", "0.75") PART("words[]", "w") PART("integer", "12")
        PART("objects", "[{\"clip\":\"AAAA\"}]") PART("small", "AAAA") FILE_PART("file", "0123456789") END;
    example got;
    json_t *root = NULL;
    api_error e;

    (void)arg;
    bool ok = from_form(&got, &root, body, sizeof body - 1, &e);
    schema_free(&example_schema, &got);
    json_decref(root);
    return ok ? HSE_OK : hse_fail(err, e.http == 500 ? HSE_E_NOMEM : HSE_E_FORMAT, 0, "%s", e.text);
}

TEST(torture_a_form)
{
    unsigned n = test_torture("form", tortured_form, NULL);

    CHECK(n > 10, "%u allocations", n);
}

static hse_status tortured_json(void *arg, hse_error *err)
{
    example got;
    api_error e;

    (void)arg;
    bool ok = from_json(&got, "{\"text\":\"a\",\"objects\":[{\"clip\":\"AAAA\"},{}],\"numbers\":[1,0],\"file\":\"AAAAAAAA\"}", &e);
    return ok ? HSE_OK : hse_fail(err, e.http == 500 ? HSE_E_NOMEM : HSE_E_FORMAT, 0, "%s", e.text);
}

TEST(torture_json)
{
    CHECK(test_torture("json", tortured_json, NULL) > 5, "too few");
}
