/* onnx.c - ONNX models: open and read every tensor. */
#include "read_all.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A model has no magic number: the first field is set right, so that each input reaches the reader. */
    uint8_t *copy = malloc(size + 2);

    if (!copy)
        return 0;
    memcpy(copy, "\x08\x08", 2);
    memcpy(copy + 2, data, size);
    fuzz_open(copy, size + 2);
    free(copy);
    fuzz_open(data, size);
    return 0;
}
