/* Any bytes through the normaliser of each language; the first byte chooses it. What must hold for every input: a text that
 * is UTF-8 is never refused, words are valid UTF-8, bounded, and bring no digit and no brace to the front end. */
#include "base/utf8.h"
#include "text/normalize.h"

#include <stdlib.h>

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const text_language *language, const char *text, size_t size)
{
    bool valid = hse_utf8_valid(text, size, NULL);
    hse_error err = {0};
    hse_buf out;

    hse_buf_init(&out, SIZE_MAX / 2);
    hse_status s = text_normalize(language, text, size, &out, &err);
    MUST(s == (valid ? HSE_OK : HSE_E_FORMAT) && (valid || err.text[0]));
    MUST(out.size <= 64 * size + 64 && hse_utf8_valid(hse_buf_text(&out), out.size, NULL));
    for (size_t i = 0; i < out.size; i++)
        MUST(!(out.data[i] >= '0' && out.data[i] <= '9') && out.data[i] != '{' && out.data[i] != '}');
    hse_buf_free(&out);
}

/* Most mutations are no longer UTF-8, which is refused at the door: their wrong bytes are mended and they go in again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codes[] = {"zh", "ja", "ko", "es", "fr", "en"};

    if (size == 0)
        return 0;
    const text_language *language = text_language_find(codes[*data % COUNT(codes)]);
    const char *text = (const char *)data + 1;
    size_t n = size - 1, bad;
    run(language, text, n);
    if (hse_utf8_valid(text, n, &bad))
        return 0;
    char *mended = malloc(n);
    if (!mended)
        return 0;
    memcpy(mended, text, n);
    for (; !hse_utf8_valid(mended, n, &bad); mended[bad] = (char)(mended[bad] & 0x7F))
        ;
    run(language, mended, n);
    free(mended);
    return 0;
}
