/* json.c - JSON text. */
#include "read_all.h"

#include "formats/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root = NULL;
    hse_error err = {0};
    hse_status s = hse_json_parse(&root, (hse_bytes){data, size}, "input", NULL, &err);

    /* The scan is at least as strict as jansson, which so never sees what it would refuse but for two reasons. */
    fuzz_check((s == HSE_OK) == (root != NULL) && (s == HSE_OK || err.text[0]));
    json_decref(root);
    return 0;
}
