/* Any bytes through the whole way of a text: sentences, the normaliser, spelling, the HS1 front end. Checks what must
 * hold for every input: an error has words; a text that is UTF-8 is never refused; words are valid UTF-8, bounded, and
 * bring no digit to the front end; spans cover the text in order. */
#include "text/text.h"
#include "base/utf8.h"
#include "text/hs1/frontend.h"
#include "text/normalize.h"

#include <stdlib.h>

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

static void check_words(const char *words, size_t n)
{
    MUST(hse_utf8_valid(words, n, NULL));
    for (size_t i = 0; i < n; i++)
        MUST(!(words[i] >= '0' && words[i] <= '9') && words[i] != '{' && words[i] != '}');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const char *text, size_t size)
{
    bool valid = hse_utf8_valid(text, size, NULL), more = true;
    hse_error err = {0};
    text_reader r;
    text_piece p;
    hse_buf out, ids;

    hse_buf_init(&out, SIZE_MAX / 2);
    hse_buf_init(&ids, SIZE_MAX / 2);
    hse_status s = text_prepare("en", TEXT_MODE_ON, text, size, &out, &err);
    MUST(s == (valid ? HSE_OK : HSE_E_FORMAT) && (valid || err.text[0]));
    if (valid)
        check_words(hse_buf_text(&out), out.size);
    s = hs1_text_ids(text, size, &ids, &err);
    MUST(valid || s == HSE_E_FORMAT);
    MUST(s != HSE_OK || ids.data[ids.size - 1] == HS1_END);

    size_t limit = size ? 16 + (unsigned char)text[0] : 0, at = 0;
    MUST(text_reader_open(&r, "en", TEXT_MODE_ON, text, size, limit, &err) == (valid ? HSE_OK : HSE_E_FORMAT));
    while (valid && more) {
        MUST(text_reader_next(&r, &p, &more, &err) == HSE_OK);
        if (!more)
            break;
        MUST(p.source.start >= at && p.source.end <= size && p.size > 0);
        at = p.source.start;
        check_words(p.words, p.size);
        hse_buf_clear(&ids);
        MUST(text_hs1_ids("en", TEXT_MODE_ON, p.words, p.size, &ids, &err) == HSE_OK && ids.size > 0);
    }
    text_reader_close(&r);
    hse_buf_free(&out);
    hse_buf_free(&ids);
}

/* Most mutations are no longer UTF-8, which is refused at the door: their wrong bytes are mended and they go in again.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t bad;

    run(text, size);
    if (hse_utf8_valid(text, size, &bad))
        return 0;
    char *mended = malloc(size);
    if (!mended)
        return 0;
    memcpy(mended, text, size);
    for (; !hse_utf8_valid(mended, size, &bad); mended[bad] = (char)(mended[bad] & 0x7F))
        ;
    run(mended, size);
    free(mended);
    return 0;
}
