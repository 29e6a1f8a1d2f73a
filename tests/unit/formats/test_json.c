/* JSON under limits, and config fields that name every mistake. */
#include "build.h"
#include "torture.h"

#include "formats/json.h"

#include <locale.h>
#include <math.h>

static hse_status parse(const char *text, size_t size, const hse_json_limits *limits, hse_error *err)
{
    json_t *root = NULL;
    hse_status s = hse_json_parse(&root, (hse_bytes){(const uint8_t *)text, size}, "body", limits, err);

    CHECK((root != NULL) == (s == HSE_OK), "status %d", (int)s);
    json_decref(root);
    return s;
}

TEST(json_texts)
{
    static const struct {
        const char *name, *text;
        size_t size;
        hse_status want;
        const char *words;
    } cases[] = {
#define J(name, s, want, words) {name, s, sizeof(s) - 1, want, words}
        J("an object", "{\"a\": [1, 2.5, \"x\", true, false, null, {}]}", HSE_OK, ""),
        J("a word", "true", HSE_OK, ""),
        J("a number", "-0.5e+3", HSE_OK, ""),
        J("a text", "\"\\u00e9\\ud83d\\ude00\"", HSE_OK, ""),
        J("white space around", " \t\r\n[] \n", HSE_OK, ""),
        J("the largest integer", "9223372036854775807", HSE_OK, ""),
        J("the smallest integer", "-9223372036854775808", HSE_OK, ""),
        J("nothing", "", HSE_E_FORMAT, "line 1, column 1"),
        J("only white space", "  \n", HSE_E_FORMAT, "line 2"),
        J("a comment", "[1] // x", HSE_E_FORMAT, "follows"),
        J("two values", "1 2", HSE_E_FORMAT, "column 3"),
        J("an unknown word", "nul", HSE_E_FORMAT, "value"),
        J("NaN", "NaN", HSE_E_FORMAT, "value"),
        J("Infinity", "-Infinity", HSE_E_FORMAT, "value"),
        J("single quotes", "{'a':1}", HSE_E_FORMAT, "string"),
        J("no quotes", "{a:1}", HSE_E_FORMAT, "string"),
        J("trailing comma in a list", "[1,]", HSE_E_FORMAT, "value"),
        J("trailing comma in an object", "{\"a\":1,}", HSE_E_FORMAT, "string"),
        J("missing comma", "[1 2]", HSE_E_FORMAT, "','"),
        J("missing colon", "{\"a\" 1}", HSE_E_FORMAT, "':'"),
        J("wrong bracket", "[1}", HSE_E_FORMAT, "']'"),
        J("unfinished list", "[1", HSE_E_FORMAT, "ends"),
        J("unfinished object", "{\"a\":", HSE_E_FORMAT, "value"),
        J("unfinished text", "\"abc", HSE_E_FORMAT, "end"),
        J("only a bracket", "[", HSE_E_FORMAT, "value"),
        J("a lone bracket", "]", HSE_E_FORMAT, "value"),
        J("leading zero", "01", HSE_E_FORMAT, "value"),
        J("plus", "+1", HSE_E_FORMAT, "value"),
        J("lone minus", "-", HSE_E_FORMAT, "value"),
        J("a point at the end", "1.", HSE_E_FORMAT, "number"),
        J("a point at the front", ".5", HSE_E_FORMAT, "value"),
        J("no exponent", "1e", HSE_E_FORMAT, "number"),
        J("half an exponent", "1e+", HSE_E_FORMAT, "number"),
        J("hexadecimal", "0x10", HSE_E_FORMAT, "follows"),
        J("integer of 64 bits", "9223372036854775808", HSE_E_FORMAT, "64 bits"),
        J("integer of 100 digits",
          "11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
          HSE_E_FORMAT, "64 bits"),
        J("real beyond double", "1e999", HSE_E_FORMAT, "beyond double"),
        J("a tiny real", "1e-999", HSE_OK, ""),
        J("a key twice", "{\"a\":1,\"b\":2,\"a\":3}", HSE_E_FORMAT, "duplicate"),
        J("a key twice, once escaped", "{\"a\":1,\"\\u0061\":3}", HSE_E_FORMAT, "duplicate"),
        J("a key twice inside", "[{\"x\":{\"a\":1,\"a\":1}}]", HSE_E_FORMAT, "duplicate"),
        J("a long real", "0.10000000000000000000000000000000000000000000000000000000000000000000000000000000001",
          HSE_OK, ""),
        J("NUL escape", "\"a\\u0000b\"", HSE_E_FORMAT, "NUL"),
        J("NUL byte", "\"a\0b\"", HSE_E_FORMAT, "control"),
        J("NUL behind", "1\0", HSE_E_FORMAT, "follows"),
        J("NUL in a key", "{\"\\u0000\":1}", HSE_E_FORMAT, "NUL"),
        J("control character", "\"a\tb\"", HSE_E_FORMAT, "control"),
        J("DEL is allowed", "\"\x7f\"", HSE_OK, ""),
        J("bad escape", "\"\\q\"", HSE_E_FORMAT, "escape"),
        J("short escape", "\"\\u12\"", HSE_E_FORMAT, "escape"),
        J("low surrogate alone", "\"\\udc00\"", HSE_E_FORMAT, "surrogate"),
        J("high surrogate alone", "\"\\ud800x\"", HSE_E_FORMAT, "surrogate"),
        J("high surrogate twice", "\"\\ud800\\ud800\"", HSE_E_FORMAT, "surrogate"),
        J("invalid UTF-8", "\"\xff\"", HSE_E_FORMAT, "UTF-8"),
        J("overlong", "\"\xc0\x80\"", HSE_E_FORMAT, "UTF-8"),
        J("encoded surrogate", "\"\xed\xa0\x80\"", HSE_E_FORMAT, "UTF-8"),
        J("above U+10FFFF", "\"\xf4\x90\x80\x80\"", HSE_E_FORMAT, "UTF-8"),
        J("cut UTF-8", "\"\xe2\x82\"", HSE_E_FORMAT, "UTF-8"),
        J("byte order mark", "\xef\xbb\xbf{}", HSE_E_FORMAT, "value"),
        J("the place", "{\n  \"a\": 1,\n  \"b\": ?\n}", HSE_E_FORMAT, "line 3, column 8"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        hse_status got = parse(cases[i].text, cases[i].size, NULL, &err);
        CHECK(got == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        CHECK(strstr(err.text, cases[i].words) && (got == HSE_OK || strncmp(err.text, "body: ", 6) == 0), "%s: %s",
              cases[i].name, err.text);
    }
}

TEST(every_cut_of_a_text_is_refused)
{
    static const char text[] =
        "{\"model\": {\"n\": [1, -2.5e3, \"\\u00e9\\\"\"], \"t\": true, \"f\": false, \"z\": null}}";

    for (size_t n = 0; n + 1 < sizeof text; n++)
        CHECK(parse(text, n, NULL, NULL) == HSE_E_FORMAT, "cut to %zu", n);
    CHECK(parse(text, sizeof text - 1, NULL, NULL) == HSE_OK, "whole");
}

TEST(json_limits)
{
    hse_error err = {0};
    char deep[200];

    for (int depth = 31; depth <= 90; depth++) {
        memset(deep, '[', (size_t)depth);
        memset(deep + depth, ']', (size_t)depth);
        CHECK(parse(deep, 2 * (size_t)depth, NULL, &err) == (depth <= 32 ? HSE_OK : HSE_E_LIMIT), "depth %d: %s", depth,
              err.text);
    }
    CHECK(parse("[[[1]]]", 7, &(hse_json_limits){.max_depth = 3}, &err) == HSE_OK, "%s", err.text);
    CHECK(parse("[[[1]]]", 7, &(hse_json_limits){.max_depth = 2}, &err) == HSE_E_LIMIT, "%s", err.text);
    CHECK(parse("[[[1]]]", 7, &(hse_json_limits){.max_bytes = 7}, &err) == HSE_OK, "%s", err.text);
    CHECK(parse("[[[1]]]", 7, &(hse_json_limits){.max_bytes = 6}, &err) == HSE_E_LIMIT &&
              strstr(err.text, "limit is 6"),
          "%s", err.text);

    /* a million empty objects would take a hundred times their text */
    hse_buf b = new_buf();
    hse_buf_str(&b, "[{}");
    for (int i = 0; i < 200000; i++)
        hse_buf_str(&b, ",{}");
    hse_buf_str(&b, "]");
    CHECK(parse(hse_buf_text(&b), b.size, NULL, &err) == HSE_E_LIMIT && strstr(err.text, "memory"), "%s", err.text);
    hse_buf_clear(&b);
    /* but a long text, as an upload in base64, costs what it is */
    hse_buf_str(&b, "{\"audio\":\"");
    for (int i = 0; i < 1000000; i++)
        hse_buf_str(&b, "QUJDREVGR0hJSktMTU5PUA");
    hse_buf_str(&b, "\"}");
    CHECK(parse(hse_buf_text(&b), b.size, NULL, &err) == HSE_OK, "%s", err.text);
    hse_buf_free(&b);
}

static hse_status parse_all(void *arg, hse_error *err)
{
    json_t *root = NULL;
    hse_bytes text = LITERAL(
        "{\"\\u0061\": [1, 2.5, \"a\\tb\", 0.100000000000000000000000000000000000000000000000000000000000000000000000, "
        "\"x\", {\"long enough a key to be allocated\": null}], \"b\": {}}");
    hse_status s = arg ? hse_json_load(&root, arg, NULL, err) : hse_json_parse(&root, text, NULL, NULL, err);

    json_decref(root);
    return s;
}

TEST(json_without_memory)
{
    char path[512];
    hse_error err = {0};

    CHECK(test_torture("json", parse_all, NULL) > 5, "allocations");
    snprintf(path, sizeof path, "%s", test_path("tests/fuzz/seeds/json/config"));
    test_torture("json file", parse_all, path);
    snprintf(path, sizeof path, "%s", test_path("tests/fuzz/seeds/json/absent"));
    CHECK(parse_all(path, &err) == HSE_E_NOT_FOUND && strstr(err.text, "absent"), "%s", err.text);
}

static json_t *tree(const char *text)
{
    json_t *root = NULL;
    hse_error err = {0};

    CHECK(hse_json_parse(&root, (hse_bytes){(const uint8_t *)text, strlen(text)}, NULL, NULL, &err) == HSE_OK, "%s",
          err.text);
    return root;
}

TEST(json_values_are_exact)
{
    json_t *root = tree("{\"\\u00e9\": \"\\ud83d\\ude00\\n\", \"i\": [-9223372036854775808, 9223372036854775807, -0], "
                        "\"r\": [0.1, -2.5e-3, 1E2],"
                        " \"n\": {\"b\": {\"\": [[], {}, \"\", null]}}}");
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));

    CHECK(strcmp(text, "{\"\u00e9\":\"\U0001f600\\n\",\"i\":[-9223372036854775808,9223372036854775807,0],\"r\":[0."
                       "10000000000000001,"
                       "-0.0025000000000000001,100.0],\"n\":{\"b\":{\"\":[[],{},\"\",null]}}}") == 0,
          "%.400s", text);
    hse_free(text);
    json_decref(root);
}

TEST(numbers_do_not_depend_on_the_locale)
{
    json_t *root;

    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        print_message("no German locale here; the C locale is used\n");
    root = tree("{\"a\": 1.5}");
    CHECK(fabs(json_real_value(json_object_get(root, "a")) - 1.5) < 1e-12, "%g", json_real_value(json_object_get(root, "a")));
    setlocale(LC_NUMERIC, "C");
    json_decref(root);
}
