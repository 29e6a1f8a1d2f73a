/* A BERT's vocabulary and a text, both anything: flags, vocabulary, a 0 byte, text. Ids are inside the vocabulary or there is an
 * error. */
#include "text/wordpiece.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    size_t vocabulary = end ? (size_t)(end - data) - 1 : size ? size - 1 : 0;
    const char *text = end ? (const char *)end + 1 : "";
    size_t text_size = end ? size - vocabulary - 2 : 0;
    text_wordpiece *w = NULL;
    hse_buf ids;

    if (size == 0 || text_wordpiece_open(&w, (hse_bytes){data + 1, vocabulary}, "fuzz",
                                         &(text_wordpiece_options){.lower = data[0] & 1, .strip_accents = data[0] & 2}, NULL) != HSE_OK)
        return 0;
    hse_buf_init(&ids, 1 << 24);
    if (text_wordpiece_run(w, text, text_size, &ids, NULL) == HSE_OK && text_wordpiece_word(w, text, text_size, &ids, NULL) == HSE_OK)
        for (size_t i = 0; i + 4 <= ids.size; i += 4) {
            int32_t id;

            memcpy(&id, ids.data + i, sizeof id);
            if (!text_wordpiece_token(w, id))
                abort();
        }
    hse_buf_free(&ids);
    text_wordpiece_close(&w);
    return 0;
}
