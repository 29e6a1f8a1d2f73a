/* test_document.c - the OpenAPI document and the error bodies are JSON whatever stands in them; the tables keep their rules. */
#include "formats/json.h"
#include "server/api.h"
#include "server/docs.h"
#include "test.h"
#include "torture.h"

TEST(the_document_is_json_and_has_every_route)
{
    hse_buf out;
    json_t *root = NULL;
    hse_error err = {0};

    hse_buf_init(&out, 8u << 20);
    api_openapi_write(&out);
    CHECK(hse_json_parse(&root, (hse_bytes){out.data, out.size}, "document", NULL, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < api_route_count; i++)
        CHECK((api_routes[i].flags & ROUTE_HIDDEN) || json_object_get(json_object_get(root, "paths"), api_routes[i].path), "%s is missing",
              api_routes[i].path);
    json_decref(root);
    hse_buf_free(&out);
}

static void check_fields(const schema *s, int depth)
{
    CHECK(depth < SCHEMA_MAX_DEPTH, "%s is too deep", s->name);
    for (size_t i = 0; i < s->count; i++) {
        const schema_field *f = &s->fields[i];
        CHECK(f->doc && *f->doc, "%s.%s has no words", s->name, f->name);
        CHECK(schema_find(s, f->name, strlen(f->name)) == f, "%s.%s is there twice", s->name, f->name);
        bool choice = f->kind == FIELD_CHOICE || (f->kind == FIELD_LIST && f->item == FIELD_CHOICE);
        CHECK(choice == (f->choices != NULL), "%s.%s: choices", s->name, f->name);
        bool object = f->kind == FIELD_OBJECT || (f->kind == FIELD_LIST && f->item == FIELD_OBJECT);
        CHECK(object == (f->object != NULL), "%s.%s: object", s->name, f->name);
        CHECK(s->size == 0 || f->offset < s->size, "%s.%s lies outside its struct", s->name, f->name);
        if (f->object && s->size)
            CHECK(f->object->size > 0 && f->offset + (f->kind == FIELD_OBJECT ? f->object->size : sizeof(schema_list)) <= s->size,
                  "%s.%s is larger than its place", s->name, f->name);
        if (f->object && f->object != s)
            check_fields(f->object, depth + 1);
    }
}

TEST(the_tables_keep_their_rules)
{
    for (size_t i = 0; i < api_route_count; i++) {
        const api_route *r = &api_routes[i];
        CHECK((r->run != NULL) != (r->quick != NULL), "%s has one handler", r->path);
        CHECK(r->summary && r->tag, "%s has no words", r->path);
        CHECK(strncmp(r->path, "/v1/", 4) != 0 || !(r->flags & (ROUTE_OPEN | ROUTE_HIDDEN)), "%s is open", r->path);
        CHECK(r->method != HTTP_POST || r->body || r->form, "%s takes no body", r->path);
        const schema *all[] = {r->body, r->form, r->query, r->answer};
        for (size_t k = 0; k < COUNT(all); k++)
            if (all[k])
                check_fields(all[k], 0);
    }
}

TEST(error_texts_of_any_bytes_are_json)
{
    static const char *const texts[] = {"plain", "a \"quote\" and \\", "line\nfeed\ttab\x01", "caf\xc3\xa9", "broken \xff\xfe", ""};

    for (size_t i = 0; i < COUNT(texts); i++) {
        hse_buf out;
        json_t *root = NULL;
        hse_error err = {0};
        api_error e;
        api_fail(&e, 400, texts[i], "%s", texts[i]);
        hse_buf_init(&out, 1 << 16);
        api_error_body(&e, &out);
        CHECK(hse_json_parse(&root, (hse_bytes){out.data, out.size}, "error", NULL, &err) == HSE_OK, "%s", err.text);
        CHECK(json_is_string(json_object_get(root, "message")) && json_is_object(json_object_get(root, "error")), "members");
        json_decref(root);
        hse_buf_free(&out);
    }
}

TEST(texts_for_clients_name_no_files)
{
    static const struct { const char *from, *to; } rows[] = {
        {"cannot open /usr/share/x.bin: no such file", "cannot open (file): no such file"},
        {"model org/name is not here", "model org/name is not here"},
        {"'../secret' is not a name", "'(file)' is not a name"},
        {"bad pointer 0xdeadbeef", "bad pointer (file)"},
        {"audio/wav is fine", "audio/wav is fine"},
    };
    char got[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        api_public_text(got, sizeof got, rows[i].from);
        CHECK(strcmp(got, rows[i].to) == 0, "\"%s\", not \"%s\"", got, rows[i].to);
    }
}

TEST(keys_are_compared_whole)
{
    static const char *const keys[] = {"alpha", "", "a key with spaces"};
    static const struct { const char *header, *value; api_key_verdict want; } rows[] = {
        {"Authorization", "Bearer alpha", KEY_GOOD},  {"authorization", "bearer alpha", KEY_GOOD},   {"Authorization", "Bearer  alpha", KEY_GOOD},
        {"Authorization", "Bearer alph", KEY_WRONG},  {"Authorization", "Bearer alphaa", KEY_WRONG}, {"Authorization", "alpha", KEY_MISSING},
        {"Authorization", "Basic alpha", KEY_MISSING}, {"Authorization", "Bearer", KEY_MISSING},     {"Authorization", "Bearer ", KEY_MISSING},
        {"Api-Key", "alpha", KEY_GOOD},               {"api-key", "a key with spaces", KEY_GOOD},    {"Api-Key", "", KEY_MISSING},
        {"Api-Key", "ALPHA", KEY_WRONG},              {"X-Other", "alpha", KEY_MISSING},
    };
    api_keys *k = NULL;
    hse_error err = {0};
    char name[KEY_NAME_SIZE], again[KEY_NAME_SIZE];

    CHECK(api_keys_open(&k, keys, COUNT(keys), &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(rows); i++) {
        http_header h = {{rows[i].header, strlen(rows[i].header)}, {rows[i].value, strlen(rows[i].value)}};
        http_request r = {.headers = &h, .n_headers = 1};
        api_key_verdict got = api_keys_check(k, &r, name);
        CHECK(got == rows[i].want, "%s: %s gives %d, not %d", rows[i].header, rows[i].value, (int)got, (int)rows[i].want);
        CHECK((got == KEY_GOOD) == (strncmp(name, "key:", 4) == 0), "%s", name);
        CHECK(got != KEY_GOOD || (api_keys_check(k, &r, again) == KEY_GOOD && strcmp(name, again) == 0), "the name changes");
    }
    api_key_set *none = NULL;
    CHECK(api_key_set_open(&none, k, (const char *const[]){""}, 1, &err) == HSE_E_ARG && !none, "empty keys open the door");
    CHECK(api_key_set_open(&none, k, NULL, 0, &err) == HSE_OK, "%s", err.text);
    api_keys_put(k, &none);
    http_request bare = {0};
    CHECK(!api_keys_any(k) && api_keys_check(k, &bare, NULL) == KEY_NOT_NEEDED, "keys remain");
    api_keys_close(&k);
}

static hse_status tortured_keys(void *arg, hse_error *err)
{
    static const char *const keys[] = {"alpha", "beta"};
    api_keys *k = NULL;
    api_key_set *set = NULL;

    (void)arg;
    hse_status s = api_keys_open(&k, keys, COUNT(keys), err);
    if (s == HSE_OK && (s = api_key_set_open(&set, k, keys, 1, err)) == HSE_OK)
        api_keys_put(k, &set);
    api_keys_close(&k);
    return s;
}

TEST(torture_keys)
{
    CHECK(test_torture("keys", tortured_keys, NULL) >= 4, "too few");
}
