/* A request's text, of any kind, with a lexicon: spans that lie in order in a valid text, or an error with words; and its phones as
 * letters. */
#include "base/utf8.h"
#include "text/hs1/respell.h"
#include "text/markup/markup.h"
#include "text/marks.h"
#include "text/phones.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check(const text_markup *m)
{
    size_t at = 0, bad;

    must(hse_utf8_valid(m->text, m->size, &bad));
    for (size_t i = 0; i < m->count; i++) {
        const text_markup_span *span = &m->span[i];
        size_t part = 0;

        must(span->from >= at && span->to >= span->from && span->to <= m->size);
        must(span->style.rate >= 0.1f && span->style.rate <= 10 && span->style.pitch >= 0.1f && span->style.gain >= 0);
        must(span->pause_ms <= MARKUP_MAX_PAUSE_MS && (span->end == SPAN_ENDS_PAUSE || span->pause_ms == 0));
        at = span->to;
        for (text_part p; text_marks_next(m->text + span->from, span->to - span->from, &part, &p);) {
            hse_buf letters;

            if (!p.phones) {
                must(!text_has_marks(p.words, p.size));
                continue;
            }
            must(m->marked && p.size <= TEXT_MARK_WORDS && p.phones_size && p.phones_size <= TEXT_PHONES_MAX);
            hse_buf_init(&letters, 1 << 14);
            (void)hs1_respell(p.phones, p.phones_size, &letters, NULL);
            hse_buf_free(&letters);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char lexicon[] = "SQL = sequel\nnew york = /njuː jɔːk/\na=b\nAB = {EY1 B IY1}\n中 = /a/\n[fr]\nchat = /ʃa/\n";
    text_pronunciations *p = NULL;
    text_markup m = {0};

    if (size == 0 || text_pronunciations_new(&p, NULL) != HSE_OK)
        return 0;
    must(text_pronunciations_add(p, (hse_bytes){(const uint8_t *)lexicon, sizeof lexicon - 1}, NULL) == HSE_OK &&
         text_pronunciations_finish(p, NULL) == HSE_OK);
    hse_error err = {0};
    hse_status s = text_markup_read(&m, (hse_input_type)(data[0] % 3), (const char *)data + 1, size - 1, "en", data[0] & 4 ? p : NULL,
                                    data[0] & 8 ? p : NULL, &err);
    if (s == HSE_OK)
        check(&m);
    else
        must(err.text[0] != '\0');
    text_markup_free(&m);
    text_pronunciations_close(&p);
    return 0;
}
