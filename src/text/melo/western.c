/* western.c - MeloTTS' Spanish and French: marks and abbreviations made plain, then the IPA of every group of BERT's tokens, a
 * symbol a character. */
#include "text/melo/internal.h"

#include <utf8proc.h>

/* ---- abbreviations ---- */

/* The pattern's length in the text, 0: no match. '.' is any character but a newline, "\." a dot. */
static size_t match(const char *pattern, bool any_case, const char *text, size_t left)
{
    size_t at = 0;

    while (*pattern) {
        uint32_t want, got;
        size_t n, m;
        bool any = *pattern == '.';

        pattern += *pattern == '\\';
        n = hse_utf8_next(pattern, strlen(pattern), &want);
        m = hse_utf8_next(text + at, left - at, &got);
        if (!m || (any ? got == '\n'
                       : want != got && !(any_case && utf8proc_tolower((utf8proc_int32_t)want) ==
                                                          utf8proc_tolower((utf8proc_int32_t)got))))
            return 0;
        pattern += n;
        at += m;
    }
    return at;
}

static void expand(hse_buf *out, const char *text, size_t size, const melo_pattern *p)
{
    bool inside = false;

    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t n = inside ? 0 : match(p->word, p->any_case, text + i, size - i);

        if (n) {
            hse_buf_str(out, p->to);
            /* the boundary before the next place is judged by the text as it was */
            for (size_t k = i; k < i + n;) {
                size_t m = hse_utf8_next(text + k, size - k, &c);

                k += m ? m : 1;
            }
        } else {
            n = hse_utf8_next(text + i, size - i, &c);
            n = n ? n : 1;
            hse_buf_append(out, text + i, n);
        }
        inside = text_is_word(c);
        i += n;
    }
}

/* ---- marks ---- */

static void replace_marks(hse_buf *out, const char *t, size_t size, const melo_pair *map, size_t count)
{
    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(t + i, size - i, &c);
        char one[8] = "";
        const char *to;

        n = size - i >= 3 && memcmp(t + i, "...", 3) == 0 ? 3 : n ? n : 1;
        memcpy(one, t + i, n);
        to = melo_map(map, count, one);
        hse_buf_str(out, to ? to : one);
        i += n;
    }
}

static void replace_symbols(hse_buf *out, const char *t, size_t size, const char *and, bool keep_apostrophe)
{
    for (size_t i = 0; i < size; i++) {
        char c = t[i];

        if (c == ';' || c == ':')
            hse_buf_byte(out, ',');
        else if (c == '-')
            hse_buf_byte(out, ' ');
        else if (c == '&')
            hse_buf_str(out, and);
        else if (c != '\'' || keep_apostrophe)
            hse_buf_byte(out, (uint8_t)c);
    }
}

static void drop_quotes(hse_buf *out, const char *t, size_t size, bool keep_apostrophe)
{
    for (size_t i = 0; i < size;) {
        bool guillemet = strncmp(t + i, "\u00AB", 2) == 0 || strncmp(t + i, "\u00BB", 2) == 0;

        if (!guillemet && !(t[i] && strchr("<>()[]\"", t[i])) && !(t[i] == '\'' && !keep_apostrophe))
            hse_buf_byte(out, (uint8_t)t[i]);
        i += guillemet ? 2 : 1;
    }
}

/* No mark at the beginning, single spaces, a dot at the end where no mark is. */
static void tidy(hse_buf *out, const char *t, size_t size)
{
    static const char *const ends[] = {".", ",", "!", "?", "-", "\u2026"};
    bool space = true, closed = false;

    for (size_t i = strspn(t, ",.!?"); i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(t + i, size - i, &c);
        bool white = text_is_space(c);

        n = n ? n : 1;
        if (white && !space)
            hse_buf_byte(out, ' ');
        else if (!white)
            hse_buf_append(out, t + i, n);
        space = white;
        i += n;
    }
    if (out->size && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    for (size_t i = 0; i < COUNT(ends); i++)
        closed = closed || (out->size >= strlen(ends[i]) &&
                            memcmp(out->data + out->size - strlen(ends[i]), ends[i], strlen(ends[i])) == 0);
    if (out->size && !closed)
        hse_buf_byte(out, '.');
}

/* Frees both. */
static hse_status finish(hse_buf *now, hse_buf *next, bool keep_apostrophe, hse_arena *arena, const char **norm, hse_error *err)
{
    drop_quotes(next, hse_buf_text(now), now->size, keep_apostrophe);
    hse_buf_advance(now, next);
    tidy(next, hse_buf_text(now), now->size);
    hse_buf_advance(now, next);
    hse_buf_free(next);
    return hse_buf_to_arena(now, arena, "the text", norm, err);
}

hse_status melo_es_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err)
{
    hse_buf now, next;

    (void)front;
    hse_buf_init(&now, MELO_TEXT_BYTES);
    hse_buf_init(&next, MELO_TEXT_BYTES);
    melo_lower(&now, piece, strlen(piece));
    replace_symbols(&next, hse_buf_text(&now), now.size, "y", false);
    hse_buf_advance(&now, &next);
    replace_marks(&next, hse_buf_text(&now), now.size, melo_es_punctuation, melo_es_punctuation_count);
    hse_buf_advance(&now, &next);
    return finish(&now, &next, false, arena, norm, err);
}

hse_status melo_fr_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err)
{
    hse_buf now, next;

    (void)front;
    hse_buf_init(&now, MELO_TEXT_BYTES);
    hse_buf_init(&next, MELO_TEXT_BYTES);
    hse_buf_str(&now, piece);
    for (size_t i = 0; i < melo_fr_abbreviations_count; i++) {
        expand(&next, hse_buf_text(&now), now.size, &melo_fr_abbreviations[i]);
        hse_buf_advance(&now, &next);
    }
    replace_marks(&next, hse_buf_text(&now), now.size, melo_fr_punctuation, melo_fr_punctuation_count);
    hse_buf_advance(&now, &next);
    replace_symbols(&next, hse_buf_text(&now), now.size, " et ", true);
    hse_buf_advance(&now, &next);
    return finish(&now, &next, true, arena, norm, err);
}

/* ---- phones ---- */

/* A symbol a character, spaces left out. */
static void add_characters(melo_phones *p, const char *ipa, bool spanish)
{
    size_t size = strlen(ipa);

    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t n = hse_utf8_next(ipa + i, size - i, &c), run = strspn(ipa + i, "t");

        n = n ? n : 1;
        if (!spanish && run >= 3)           /* French: three and more go */
            n = run;
        else if (spanish && c == 'g')
            melo_phone_add(p, "\u0261", 2, 0);
        else if (c != ' ')
            melo_phone_add(p, ipa + i, n, 0);
        i += n;
    }
}

static hse_status say(const melo_front *front, bool spanish, const int32_t *token, size_t tokens, hse_arena *arena,
                      melo_phones *phones, hse_error *err)
{
    const text_dictionary *d = &front->dictionary;
    melo_group *group;
    size_t count;
    hse_status s = melo_groups(&group, &count, front->tokens, token, tokens, arena, err);

    for (size_t i = 0; s == HSE_OK && i < count; i++) {
        size_t before = phones->phones;
        text_answer a = {0};

        if (group[i].unknown) {
            melo_phone_add(phones, "UNK", 3, 0);
        } else {
            const char *word = hse_arena_strndup(arena, group[i].word, group[i].size);

            if (!word)
                return melo_no_memory(err);
            s = d->ask(d->user, spanish ? TEXT_GRUUT_ES : TEXT_GRUUT_FR, word, group[i].size, arena, &a, err);
            if (s == HSE_OK && a.count)
                add_characters(phones, a.item[0], spanish);
        }
        melo_share(phones, phones->phones - before, group[i].tokens);
    }
    return s;
}

hse_status melo_es_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err)
{
    (void)norm;
    return say(front, true, token, tokens, arena, phones, err);
}

hse_status melo_fr_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err)
{
    (void)norm;
    return say(front, false, token, tokens, arena, phones, err);
}
