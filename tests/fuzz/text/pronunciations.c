/* A lexicon of any bytes, in lines or PLS: an error with words, or entries that replace words of a text. */
#include "text/markup/markup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "A word, New York and SQL's nginx; \xE4\xB8\xAD\xE5\x9B\xBD a b c d C++ .NET don't \xC3\x89t\xC3\xA9 x";
    text_pronunciations *p = NULL;
    text_markup m = {0};
    hse_error err = {0};
    hse_status s = text_pronunciations_new(&p, &err);

    if (s == HSE_OK)
        s = text_pronunciations_add(p, (hse_bytes){data, size}, &err);
    if (s == HSE_OK)
        s = text_pronunciations_finish(p, &err);
    if (s == HSE_OK)
        s = text_markup_read(&m, HSE_INPUT_TEXT, text, sizeof text - 1, "en", p, NULL, &err);
    if (s != HSE_OK && !err.text[0])
        abort();
    if (s == HSE_OK && m.count > 1)
        abort();
    text_markup_free(&m);
    text_pronunciations_close(&p);
    return 0;
}
