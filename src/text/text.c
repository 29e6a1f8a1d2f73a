#include "text/text.h"

#include "base/utf8.h"
#include "text/en/spell.h"
#include "text/hs1/frontend.h"
#include "text/hs1/respell.h"
#include "text/marks.h"
#include "text/normalize.h"

static const char *const mode_names[] = {"on", "reference", "off"};

hse_status text_mode_parse(const char *name, text_mode *out, hse_error *err)
{
    if (!name || !*name) {
        *out = TEXT_MODE_ON;
        return HSE_OK;
    }
    for (size_t i = 0; i < COUNT(mode_names); i++)
        if (strcmp(name, mode_names[i]) == 0) {
            *out = (text_mode)i;
            return HSE_OK;
        }
    return hse_fail(err, HSE_E_ARG, 0, "unknown text normalization '%.40s': expected on, reference or off", name);
}

const char *text_mode_name(text_mode mode)
{
    return mode_names[mode <= TEXT_MODE_OFF ? mode : TEXT_MODE_ON];
}

static hse_status find_language(const char *name, const text_language **out, hse_error *err)
{
    *out = text_language_find(name);
    if (*out)
        return HSE_OK;
    return hse_fail(err, HSE_E_ARG, 0, "unknown language '%.40s': expected en, zh, zh_mix_en, es, fr, ja or ko", name ? name : "");
}

static hse_status check_utf8(const char *text, size_t size, hse_error *err)
{
    size_t bad;

    if (hse_utf8_valid(text, size, &bad))
        return HSE_OK;
    return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8: wrong byte at position %zu", bad);
}

hse_status text_prepare(const char *language, text_mode mode, const char *text, size_t size, hse_buf *out,
                        hse_error *err)
{
    const text_language *lang;
    hse_status s = find_language(language, &lang, err);

    if (s != HSE_OK)
        return s;
    if (mode == TEXT_MODE_ON)
        return text_normalize(lang, text, size, out, err);
    if ((s = check_utf8(text, size, err)) != HSE_OK)
        return s;
    hse_buf_append(out, text, size);
    return hse_buf_status(out, "the spoken text", err);
}

/* Phones become letters, initials their names: what the model can read. */
static hse_status spell_for_hs1(const char *piece, size_t size, bool initials, hse_buf *out, hse_error *err)
{
    hse_status s = HSE_OK;
    size_t at = 0;

    for (text_part p; s == HSE_OK && text_marks_next(piece, size, &at, &p);)
        if (p.phones)
            s = hs1_respell(p.phones, p.phones_size, out, err);
        else if (initials)
            en_spell(p.words, p.size, out);
        else
            hse_buf_append(out, p.words, p.size);
    return s == HSE_OK ? hse_buf_status(out, "the spelled text", err) : s;
}

hse_status text_hs1_ids(const char *language, text_mode mode, const char *piece, size_t size, hse_buf *ids,
                        hse_error *err)
{
    const text_language *lang;
    hse_buf spelled;
    hse_status s = find_language(language, &lang, err);

    if (s != HSE_OK || mode == TEXT_MODE_REFERENCE)
        return s != HSE_OK ? s : hs1_text_ids(piece, size, ids, err);
    if ((s = check_utf8(piece, size, err)) != HSE_OK)
        return s;
    hse_buf_init(&spelled, size > SIZE_MAX / 32 ? SIZE_MAX - 1 : size * 16 + 64);
    s = spell_for_hs1(piece, size, mode == TEXT_MODE_ON && lang == text_language_find("en"), &spelled, err);
    if (s == HSE_OK)
        s = hs1_text_ids(hse_buf_text(&spelled), spelled.size, ids, err);
    hse_buf_free(&spelled);
    return s;
}

hse_status text_reader_open(text_reader *r, const char *language, text_mode mode, const char *text, size_t size,
                            size_t limit, hse_error *err)
{
    const text_language *lang;
    hse_status s;

    *r = (text_reader){0};
    if ((s = find_language(language, &lang, err)) != HSE_OK || (s = check_utf8(text, size, err)) != HSE_OK)
        return s;
    r->language = lang;
    r->mode = mode;
    r->limit = limit;
    r->first = true;
    text_sentences_start(&r->source, text, size, limit);
    hse_buf_init(&r->words, SIZE_MAX - 1); /* bounded by what normalising one sentence gives */
    return HSE_OK;
}

/* Something in it can be spoken: a letter or a digit. */
static bool speakable(const char *text, size_t size)
{
    text_scan s = {.text = text, .size = size};

    for (size_t i = 0; i < size; i++)
        if (scan_word_char(&s, i))
            return true;
    return false;
}

static hse_status normalize_part(void *user, const char *words, size_t size, hse_buf *out, hse_error *err)
{
    return text_normalize(((const text_reader *)user)->language, words, size, out, err);
}

/* The next sentence into r->words; false at the end. */
static hse_status next_sentence(text_reader *r, bool *more, hse_error *err)
{
    while ((*more = text_sentences_next(&r->source, &r->span))) {
        const char *sentence = r->source.text + r->span.start;
        size_t size = r->span.end - r->span.start;
        hse_status s = HSE_OK;

        hse_buf_clear(&r->words);
        if (r->mode == TEXT_MODE_ON) {
            s = text_marks_map(sentence, size, normalize_part, r, &r->words, err);
        } else {
            hse_buf_append(&r->words, sentence, size);
            s = hse_buf_status(&r->words, "a sentence", err);
        }
        if (s != HSE_OK)
            return s;
        if (speakable(hse_buf_text(&r->words), r->words.size)) {
            text_sentences_start(&r->inner, hse_buf_text(&r->words), r->words.size, r->limit);
            return HSE_OK;
        }
    }
    return HSE_OK;
}

hse_status text_reader_next(text_reader *r, text_piece *out, bool *more, hse_error *err)
{
    text_span span;

    if (r->mode == TEXT_MODE_REFERENCE) {
        size_t size = r->source.size;
        *more = r->first;
        r->first = false;
        *out = (text_piece){r->source.text, size, {0, size, TEXT_PAUSE_NONE}, TEXT_PAUSE_NONE};
        return HSE_OK;
    }
    for (;;) {
        if (r->inner.text && text_sentences_next(&r->inner, &span)) {
            const char *words = r->inner.text + span.start;
            if (!speakable(words, span.end - span.start))
                continue;
            bool last = r->inner.at >= r->inner.size;
            *out = (text_piece){words, span.end - span.start, r->span, last ? r->span.pause : span.pause};
            *more = true;
            return HSE_OK;
        }
        hse_status s = next_sentence(r, more, err);
        if (s != HSE_OK || !*more)
            return s;
    }
}

void text_reader_close(text_reader *r)
{
    hse_buf_free(&r->words);
    *r = (text_reader){0};
}
