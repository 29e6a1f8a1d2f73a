/* openvoice.c - splitting, and from phonetic text to symbols. */
#include "text/openvoice/internal.h"

#include "text/ascii.h"
#include "text/marks.h"
#include "text/pieces.h"

hse_status openvoice_no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's symbols");
}

/* ---- splitting ---- */

hse_status openvoice_split(openvoice_language language, const char *text, size_t size, hse_arena *arena, const char ***out,
                           size_t *count, hse_error *err)
{
    bool english = language == OPENVOICE_EN;
    size_t bad;

    *out = NULL;
    *count = 0;
    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8 at byte %zu", bad);
    return text_split(english ? TEXT_WORDS : TEXT_CHARACTERS, english, text, size, arena, out, count, err);
}

/* ---- symbols ---- */

/* White space at the end goes; a dot comes where no mark ends the text. */
static hse_status close_text(const char *phonetic, hse_arena *arena, const char **out, hse_error *err)
{
    static const char *const ends[] = {".", ",", "!", "?", "-", "\u2026", "~"};
    size_t n = strlen(phonetic);
    const char *start = text_strip(phonetic, &n);
    bool closed = false;
    hse_buf b;

    n = n ? n + (size_t)(start - phonetic) : 0;
    for (size_t i = 0; i < COUNT(ends); i++)
        closed = closed || (n >= strlen(ends[i]) && memcmp(phonetic + n - strlen(ends[i]), ends[i], strlen(ends[i])) == 0);
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    hse_buf_append(&b, phonetic, n);
    if (n && !closed)
        hse_buf_byte(&b, '.');
    return hse_buf_to_arena(&b, arena, "the text", out, err);
}

static hse_status ids_of(openvoice_piece *out, const openvoice_front *front, hse_arena *arena, hse_error *err)
{
    size_t size = strlen(out->cleaned), n = 0;
    int32_t *plain = hse_arena_array(arena, size + 1, sizeof *plain), *blank;

    if (!plain)
        return openvoice_no_memory(err);
    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t length = hse_utf8_next(out->cleaned + i, size - i, &c);
        int id;

        length = length ? length : 1;
        if ((id = front->symbol_id(front->symbols, out->cleaned + i, length)) >= 0)
            plain[n++] = id;
        i += length;
    }
    out->ids_no_blank = out->ids = plain;
    out->n_no_blank = out->n = n;
    if (!front->add_blank)
        return HSE_OK;
    if (!(blank = hse_arena_array(arena, 2 * n + 1, sizeof *blank)))
        return openvoice_no_memory(err);
    for (size_t i = 0; i < n; i++)
        blank[2 * i + 1] = plain[i];
    out->ids = blank;
    out->n = 2 * n + 1;
    return HSE_OK;
}

/* Words to phonetic text; the steps in `out` are those of the last. */
static hse_status tell_words(openvoice_piece *out, const openvoice_front *front, const char *words, hse_arena *arena, const char **phonetic,
                             hse_error *err)
{
    bool english = front->language == OPENVOICE_EN;
    const char *tag = english ? "[EN]" : "[ZH]", *spaced = NULL;
    hse_buf b;
    hse_status s;

    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    for (const char *c = words; *c; c++) {
        hse_buf_byte(&b, (uint8_t)*c);
        if (*c >= 'a' && *c <= 'z' && c[1] >= 'A' && c[1] <= 'Z')
            hse_buf_byte(&b, ' ');
    }
    if ((s = hse_buf_to_arena(&b, arena, "the text", &spaced, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    hse_buf_printf(&b, "%s%s%s", tag, spaced, tag);
    if ((s = hse_buf_to_arena(&b, arena, "the text", &out->marked, err)) != HSE_OK)
        return s;
    return english ? openvoice_english(out, front, spaced, arena, phonetic, err)
                   : openvoice_chinese(out, front, spaced, arena, phonetic, err);
}

/* A piece with marks, part by part. Punctuation behind a mark is put down at once: standing alone it would be lost. */
static hse_status tell_parts(openvoice_piece *out, const openvoice_front *front, const char *piece, hse_arena *arena, const char **phonetic,
                             hse_error *err)
{
    size_t size = strlen(piece), at = 0;
    hse_status s = HSE_OK;
    hse_buf all;

    hse_buf_init(&all, OPENVOICE_TEXT_BYTES);
    for (text_part part; s == HSE_OK && text_marks_next(piece, size, &at, &part);) {
        const char *words = NULL, *said = "";
        size_t marks = part.phones ? 0 : strspn(part.words, ".,!?-~"), n = marks < part.size ? marks : part.size;

        hse_buf_append(&all, part.words, n);
        if (all.size && !n && all.data[all.size - 1] != ' ')
            hse_buf_byte(&all, ' ');
        if (part.phones) {
            s = openvoice_phones(front->language, part.phones, part.phones_size, &all, err);
        } else if (part.size > n) {
            if (!(words = hse_arena_strndup(arena, part.words + n, part.size - n)))
                s = openvoice_no_memory(err);
            if (s == HSE_OK && (s = tell_words(out, front, words, arena, &said, err)) == HSE_OK)
                hse_buf_printf(&all, "%s%s", n && *said && *said != ' ' ? " " : "", said);
        }
    }
    if (s == HSE_OK)
        return hse_buf_to_arena(&all, arena, "the text", phonetic, err);
    hse_buf_free(&all);
    return s;
}

hse_status openvoice_piece_run(openvoice_piece *out, const openvoice_front *front, const char *piece, hse_arena *arena,
                               hse_error *err)
{
    const char *phonetic = NULL;

    *out = (openvoice_piece){0};
    hse_status s = text_has_marks(piece, strlen(piece)) ? tell_parts(out, front, piece, arena, &phonetic, err)
                                                        : tell_words(out, front, piece, arena, &phonetic, err);
    if (s == HSE_OK)
        s = close_text(phonetic, arena, &out->cleaned, err);
    return s == HSE_OK ? ids_of(out, front, arena, err) : s;
}
