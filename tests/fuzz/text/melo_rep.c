/* Pronunciation tables: whatever the bytes, every word that was found lies in the file and has phones. */
#include "text/melo/rep.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    melo_rep *rep = NULL;

    if (melo_rep_open(&rep, (hse_bytes){data, size}, "fuzz.rep", NULL) != HSE_OK)
        return 0;
    for (size_t from = 0; from < size && from < 4096; from++)
        for (size_t n = 0; n < 12 && from + n <= size; n++) {
            hse_bytes p = melo_rep_find(rep, (const char *)data + from, n);

            if (p.data && (p.size == 0 || p.data < data || p.data + p.size > data + size))
                abort();
        }
    melo_rep_close(&rep);
    return 0;
}
