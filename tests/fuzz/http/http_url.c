/* http_url.c - fuzzes percent-decoding, query strings and header parameters. Decoding never grows a text, its
 * result is valid UTF-8 without NUL, and encoding it again and decoding gives it back. */
#include "base/utf8.h"
#include "http/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition)
        __builtin_trap();
}

static void check_decode(http_slice s, bool plus, char *out, char *again)
{
    size_t n = 0, n2 = 0, m = 0, bad;
    hse_error err = {0};

    if (http_percent_decode(out, &n, s, plus, &err) != HSE_OK) {
        require(err.text[0] && err.offset <= s.size);
        return;
    }
    require(n <= s.size && out[n] == '\0' && strlen(out) == n && hse_utf8_valid(out, n, &bad));
    for (size_t i = 0; i < n; i++) {
        again[m++] = '%';
        again[m++] = "0123456789abcdef"[(unsigned char)out[i] >> 4];
        again[m++] = "0123456789ABCDEF"[(unsigned char)out[i] & 15];
    }
    char *back = malloc(m + 1);
    require(back && http_percent_decode(back, &n2, (http_slice){again, m}, plus, &err) == HSE_OK);
    require(n2 == n && memcmp(back, out, n) == 0);
    free(back);
}

static void check_query(http_slice s)
{
    http_slice rest = s, name, value;
    char out[64];
    size_t pairs = 0;
    hse_error err = {0};

    while (http_query_next(&rest, &name, &value)) {
        require(name.size + value.size <= s.size && ++pairs <= s.size);
        require(!memchr(name.data, '=', name.size) && !memchr(value.data, '&', value.size));
    }
    require(rest.size == 0);
    hse_status r = http_query_get(s, "a b", out, sizeof out, &err);
    require(r != HSE_OK || strlen(out) < sizeof out);
    require(http_query_get(s, "a b", out, 1, &err) != HSE_OK || out[0] == '\0');
}

static void check_params(http_slice s)
{
    char out[32];
    hse_error err = {0};
    http_slice type = http_media_type(s);

    require(type.size <= s.size);
    if (http_header_param(s, "name", out, sizeof out, &err) == HSE_OK)
        require(strlen(out) < sizeof out);
    else
        require(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
    http_slice s = {(const char *)in, n}, query;
    char *out = malloc(n + 1), *again = malloc(3 * n + 1);
    size_t size;
    hse_error err = {0};

    require(out && again);
    check_decode(s, false, out, again);
    check_decode(s, true, out, again);
    if (http_decode_path(out, &size, s, &query, &err) == HSE_OK) {
        require(size <= n && query.size <= n);
        for (size_t i = 0; i < size; i++)
            require((unsigned char)out[i] >= 32 && out[i] != 127);
    }
    check_query(s);
    check_params(s);
    free(out);
    free(again);
    return 0;
}
