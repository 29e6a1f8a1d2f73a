/* form.c - any bytes as a form, then through the table of a request with a field of every kind. */
#include "../../unit/server/example.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char type[] = "multipart/form-data; boundary=x";
    json_t *root = NULL;
    schema_form *form = NULL;
    api_error e = {0};
    example got = {0};

    if (schema_form_read(&example_schema, (http_slice){type, sizeof type - 1}, (hse_bytes){data, size}, 4096, &root, &form, &e)) {
        if (!schema_parse(&example_schema, root, form, 4096, &got, &e) && e.http == 0)
            __builtin_trap();
        schema_free(&example_schema, &got);
    }
    schema_form_free(&form);
    json_decref(root);
    return 0;
}
