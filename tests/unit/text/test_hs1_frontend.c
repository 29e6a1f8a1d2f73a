/* The HS1 front end against the golden cases, and what they do not hold. */
#include "test.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/ascii.h"
#include "text/en/number.h"
#include "text/hs1/frontend.h"

#include <jansson.h>

static json_t *load(const char *name)
{
    char path[256];
    json_error_t e;

    snprintf(path, sizeof path, "tests/golden/harmonyspeech/%s", name);
    json_t *j = json_load_file(test_path(path), JSON_ALLOW_NUL, &e);
    CHECK(j, "%s: line %d: %s", name, e.line, e.text);
    return j;
}

static void check_steps(const char *text, size_t n, json_t *want)
{
    hse_buf out[HS1_STEPS], *step[HS1_STEPS];
    hse_error err = {0};

    for (int i = 0; i < HS1_STEPS; i++) {
        hse_buf_init(&out[i], 1 << 20);
        step[i] = &out[i];
    }
    const char *piece = text_strip(text, &n);
    hse_status s = hs1_clean(piece, n, step, &err);
    CHECK(s == HSE_OK, "%s: %s", text, err.text);
    for (int i = 0; i < HS1_STEPS; i++) {
        const char *w = json_string_value(json_object_get(want, hs1_step_names[i]));
        CHECK(w && strcmp(w, hse_buf_text(&out[i])) == 0, "%s: step %s: got '%s', want '%s'", text, hs1_step_names[i],
              hse_buf_text(&out[i]), w ? w : "(missing)");
        hse_buf_free(&out[i]);
    }
}

TEST(every_golden_text_gives_every_step_and_id)
{
    json_t *cases = load("text_main/cases.json"), *c;
    size_t i, checked = 0, with_steps = 0;

    json_array_foreach(cases, i, c)
    {
        json_t *text = json_object_get(c, "text"), *ids = json_object_get(c, "ids"),
               *steps = json_object_get(c, "steps");
        hse_buf got;
        hse_error err = {0};
        hse_buf_init(&got, 1 << 20);
        hse_status s = hs1_text_ids(json_string_value(text), json_string_length(text), &got, &err);
        if (json_object_get(c, "error")) {
            CHECK(s != HSE_OK && err.text[0] && got.size == 0, "%s: no error", json_string_value(text));
        } else {
            CHECK(s == HSE_OK, "%s: %s", json_string_value(text), err.text);
            CHECK(got.size == json_array_size(ids), "%s: %zu ids, want %zu", json_string_value(text), got.size,
                  json_array_size(ids));
            for (size_t k = 0; k < got.size; k++)
                CHECK(got.data[k] == json_integer_value(json_array_get(ids, k)), "%s: id %zu is %d",
                      json_string_value(text), k, got.data[k]);
        }
        if (json_is_object(steps)) {
            check_steps(json_string_value(text), json_string_length(text), steps);
            with_steps++;
        }
        hse_buf_free(&got);
        checked++;
    }
    CHECK(checked >= 192 && with_steps > 150, "%zu texts, %zu with steps", checked, with_steps);
    json_decref(cases);
}

TEST(every_golden_number_has_its_words)
{
    json_t *words = load("text_numbers/words.json"), *v;
    const char *key;
    size_t checked = 0;
    hse_buf out;

    hse_buf_init(&out, 4096);
    json_object_foreach(json_object_get(words, "cardinals"), key, v)
    {
        hse_buf_clear(&out);
        CHECK(en_with_years(&out, key, strlen(key)), "%s", key);
        CHECK(strcmp(hse_buf_text(&out), json_string_value(v)) == 0, "%s: got '%s', want '%s'", key, hse_buf_text(&out),
              json_string_value(v));
        checked++;
    }
    json_object_foreach(json_object_get(words, "ordinals"), key, v)
    {
        hse_buf_clear(&out);
        CHECK(en_ordinal(&out, key, strspn(key, "0123456789"), EN_HYPHEN | EN_COMMA | EN_AND), "%s", key);
        CHECK(strcmp(hse_buf_text(&out), json_string_value(v)) == 0, "%s: got '%s', want '%s'", key, hse_buf_text(&out),
              json_string_value(v));
        checked++;
    }
    CHECK(checked >= 714, "%zu numbers", checked);
    hse_buf_free(&out);
    json_decref(words);
}

TEST(every_golden_character_has_its_ascii_form)
{
    json_t *map = load("text_transliteration/map.json"), *v;
    const char *key;
    size_t checked = 0, wrong = 0;

    json_object_foreach(map, key, v)
    {
        char utf8[4];
        hse_buf out;
        uint32_t c = (uint32_t)strtoul(key, NULL, 16);
        size_t n = hse_utf8_put(utf8, c);
        hse_buf_init(&out, 256);
        CHECK(text_to_ascii(utf8, n, &out, NULL) == HSE_OK, "%s", key);
        if (strcmp(hse_buf_text(&out), json_string_value(v)) != 0) {
            print_message("U+%s: got '%s', want '%s'\n", key, hse_buf_text(&out), json_string_value(v));
            wrong++;
        }
        hse_buf_free(&out);
        checked++;
    }
    CHECK(checked >= 474 && wrong == 0, "%zu of %zu characters differ", wrong, checked);
    json_decref(map);
}
