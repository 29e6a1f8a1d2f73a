/* test_url.c - percent-decoding, query strings, Accept, header parameters. */
#include "http/url.h"

#include "test.h"

static http_slice slice(const char *s)
{
    return (http_slice){s, strlen(s)};
}

TEST(percent_decoding_is_strict)
{
    static const struct {
        const char *in;
        bool plus;
        hse_status status;
        const char *out;
        uint64_t offset;
    } cases[] = {
        {"", false, HSE_OK, "", 0},
        {"abc", false, HSE_OK, "abc", 0},
        {"a%20b", false, HSE_OK, "a b", 0},
        {"a+b", false, HSE_OK, "a+b", 0},
        {"a+b", true, HSE_OK, "a b", 0},
        {"%2f%2F", false, HSE_OK, "//", 0},
        {"%C3%a9", false, HSE_OK, "\xc3\xa9", 0},
        {"%252e", false, HSE_OK, "%2e", 0},
        {"%", false, HSE_E_FORMAT, "", 0},
        {"a%2", false, HSE_E_FORMAT, "", 1},
        {"a%2g", false, HSE_E_FORMAT, "", 1},
        {"a%G2", false, HSE_E_FORMAT, "", 1},
        {"a%00", false, HSE_E_FORMAT, "", 1},
        {"ab%ff", false, HSE_E_FORMAT, "", 2},
        {"%c0%af", false, HSE_E_FORMAT, "", 0},
        {"%ed%a0%80", false, HSE_E_FORMAT, "", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[32];
        size_t size;
        hse_error err = {0};
        hse_status got = http_percent_decode(out, &size, slice(cases[i].in), cases[i].plus, &err);
        CHECK(got == cases[i].status, "'%s': %d", cases[i].in, (int)got);
        CHECK(got != HSE_OK || (strcmp(out, cases[i].out) == 0 && size == strlen(out)), "'%s': '%s'", cases[i].in, out);
        CHECK(got == HSE_OK || err.offset == cases[i].offset, "'%s': offset %llu", cases[i].in,
              (unsigned long long)err.offset);
    }
}

TEST(paths_and_queries)
{
    static const struct {
        const char *target;
        hse_status status;
        const char *path, *query;
    } cases[] = {
        {"/", HSE_OK, "/", ""},          {"/a?b=c?d", HSE_OK, "/a", "b=c?d"}, {"/a%3Fb", HSE_OK, "/a?b", ""},
        {"/a?", HSE_OK, "/a", ""},       {"/a?%zz", HSE_OK, "/a", "%zz"},     {"/a%0d%0ab", HSE_E_FORMAT, "", ""},
        {"/a%7f", HSE_E_FORMAT, "", ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[32];
        size_t size;
        http_slice query;
        hse_error err = {0};
        hse_status got = http_decode_path(out, &size, slice(cases[i].target), &query, &err);
        CHECK(got == cases[i].status, "'%s': %d", cases[i].target, (int)got);
        CHECK(got != HSE_OK || (strcmp(out, cases[i].path) == 0 && http_slice_is(query, cases[i].query)),
              "'%s': '%s' '%.*s'", cases[i].target, out, (int)query.size, query.data);
    }
}

TEST(query_parameters)
{
    static const struct {
        const char *query, *name;
        hse_status status;
        const char *value;
    } cases[] = {
        {"a=1&b=2", "b", HSE_OK, "2"},        {"a=1&b", "b", HSE_OK, ""},
        {"a=1&b=", "b", HSE_OK, ""},          {"&&a=1&&", "a", HSE_OK, "1"},
        {"a=b=c", "a", HSE_OK, "b=c"},        {"a%20b=x+y%2B", "a b", HSE_OK, "x y+"},
        {"a+b=x", "a b", HSE_OK, "x"},        {"ab=1", "a", HSE_E_NOT_FOUND, ""},
        {"a=1", "ab", HSE_E_NOT_FOUND, ""},   {"", "a", HSE_E_NOT_FOUND, ""},
        {"a%=1", "a", HSE_E_NOT_FOUND, ""},   {"a=1&%61=2", "a", HSE_E_ARG, ""},
        {"a=%", "a", HSE_E_FORMAT, ""},       {"a=1234567", "a", HSE_OK, "1234567"},
        {"a=12345678", "a", HSE_E_LIMIT, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[8];
        hse_error err = {0};
        hse_status got = http_query_get(slice(cases[i].query), cases[i].name, out, sizeof out, &err);
        CHECK(got == cases[i].status, "'%s': %d %s", cases[i].query, (int)got, err.text);
        CHECK(got != HSE_OK || strcmp(out, cases[i].value) == 0, "'%s': '%s'", cases[i].query, out);
        CHECK(got == HSE_OK || strchr(err.text, cases[i].name[0]), "'%s': '%s' does not name it", cases[i].query,
              err.text);
    }
}

TEST(header_parameters)
{
    static const struct {
        const char *value, *name;
        hse_status status;
        const char *out;
    } cases[] = {
        {"multipart/form-data; boundary=abc", "boundary", HSE_OK, "abc"},
        {"multipart/form-data;BOUNDARY=\"a b\"", "boundary", HSE_OK, "a b"},
        {"form-data; name=\"a\\\"b\\\\c\\d\"", "name", HSE_OK, "a\"b\\c\\d"},
        {"form-data; x=1; name=n ; y=\"2\"", "name", HSE_OK, "n"},
        {"form-data;", "name", HSE_E_NOT_FOUND, ""},
        {"form-data;;name=x", "name", HSE_OK, "x"},
        {"form-data", "name", HSE_E_NOT_FOUND, ""},
        {"form-data; name=\"\"", "name", HSE_OK, ""},
        {"form-data; name=a; name=a", "name", HSE_E_FORMAT, ""},
        {"form-data; name=", "name", HSE_E_FORMAT, ""},
        {"form-data; name=\"a", "name", HSE_E_FORMAT, ""},
        {"form-data; name=\"a\\", "name", HSE_E_FORMAT, ""},
        {"form-data; name=a b", "name", HSE_E_FORMAT, ""},
        {"form-data; =a", "name", HSE_E_FORMAT, ""},
        {"form-data; name=123456789012345", "name", HSE_OK, "123456789012345"},
        {"form-data; name=1234567890123456", "name", HSE_E_LIMIT, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[16];
        hse_error err = {0};
        hse_status got = http_header_param(slice(cases[i].value), cases[i].name, out, sizeof out, &err);
        CHECK(got == cases[i].status, "'%s': %d %s", cases[i].value, (int)got, err.text);
        CHECK(got != HSE_OK || strcmp(out, cases[i].out) == 0, "'%s': '%s'", cases[i].value, out);
    }
    CHECK(http_slice_is(http_media_type(slice(" text/plain ; charset=x")), "text/plain"), "media type");
    CHECK(http_slice_is(http_media_type(slice("")), ""), "no media type");
}
