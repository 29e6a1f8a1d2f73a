/* request.c - any bytes as the JSON body (first byte 'j') or the query string (else) of a request with a field of every kind. */
#include "../../unit/server/example.h"
#include "formats/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root = NULL;
    api_error e = {0};
    example got = {0};
    hse_error err;

    if (size == 0)
        return 0;
    bool ok = data[0] == 'j' ? hse_json_parse(&root, (hse_bytes){data + 1, size - 1}, "the body", NULL, &err) == HSE_OK
                             : schema_query_read(&example_schema, (http_slice){(const char *)data + 1, size - 1}, &root, &e);
    if (ok) {
        if (!schema_parse(&example_schema, root, NULL, 4096, &got, &e) && e.http == 0)
            __builtin_trap();
        schema_free(&example_schema, &got);
    }
    json_decref(root);
    return 0;
}
