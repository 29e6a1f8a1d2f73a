/* config.json of a BERT from hostile bytes: what is accepted has dims that a network can be made of. */
#include "models/bert/bert.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bert m;
    hse_error err = {0};
    bool good;

    m = (bert){0};
    if (bert_read_config(&m, (hse_bytes){data, size}, &err) == HSE_OK)
        good = m.hidden >= 1 && m.hidden % m.heads == 0 && m.layers > BERT_SKIPPED && m.layers <= BERT_MAX_LAYERS && m.inner >= 1 &&
               m.vocabulary >= 1 && m.positions >= 1 && m.eps >= 0.0f && m.eps < 1.0f;
    else
        good = err.text[0] != '\0';
    if (!good)
        abort();
    return 0;
}
