/* pronounce.c - a group of Korean letters as it is spoken: irregular words, English, parts of speech, numbers, sounds. */
#include "text/ko/ko.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <string.h>

enum { MAX_BYTES = 64 << 10, SYLLABLES = 0xAC00, LAST_SYLLABLE = 0xD7A3, FINALS = 28, RIEUL = 8 };

static bool whole_pairs(hse_bytes b)
{
    size_t strings = 0;

    for (size_t i = 0; i < b.size; i++)
        strings += b.data[i] == 0;
    return strings && strings % 2 == 0 && b.data[b.size - 1] == 0;
}

hse_status text_ko_read(text_ko *out, const text_pack *pack, hse_error *err)
{
    text_ko ko = {.idioms = text_pack_bytes(pack, "idioms"), .counted = text_pack_bytes(pack, "counted")};
    hse_status s = text_pack_map(&ko.english, pack, "english", err);

    if (s == HSE_OK)
        s = text_mecab_read(&ko.mecab, pack, err);
    if (s == HSE_OK && (!whole_pairs(ko.idioms) || !ko.counted.size))
        s = hse_fail(err, HSE_E_FORMAT, 0, "the language pack's rules are damaged: run scripts/language-data again");
    if (s == HSE_OK)
        *out = ko;
    return s;
}

static void say_irregular(ko_text *t, hse_bytes pairs)
{
    const char *at = (const char *)pairs.data, *end = at + pairs.size;

    while (at < end) {
        const char *from = at, *to = from + strlen(from) + 1;

        at = to + strlen(to) + 1;
        ko_replace(t, from, strlen(from), to, strlen(to));
    }
}

static bool is_latin(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'';
}

static void say_english(const text_ko *ko, ko_text *t)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};

    for (size_t i = 0, n; i < t->n; i += n) {
        char word[64];
        hse_bytes hangul;

        for (n = 0; i + n < t->n && is_latin(t->c[i + n]); n++)
            if (n < sizeof word)
                word[n] = (char)(t->c[i + n] < 'a' && t->c[i + n] != '\'' ? t->c[i + n] + 32 : t->c[i + n]);
        if (n && n <= sizeof word && text_map_get(&ko->english, word, n, &hangul)) {
            ko_put_utf8(&out, (const char *)hangul.data, hangul.size);
            continue;
        }
        n = n ? n : 1;
        for (size_t k = 0; k < n; k++)
            ko_put(&out, t->c[i + k]);
    }
    *t = out;
}

static hse_status write_out(const ko_text *t, hse_buf *out, hse_error *err)
{
    char bytes[4];

    for (size_t i = 0; i < t->n; i++)
        hse_buf_append(out, bytes, hse_utf8_put(bytes, ko_code(t->c[i])));
    if (t->no_memory)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's pronunciation");
    if (t->full)
        return hse_fail(err, HSE_E_LIMIT, 0, "a text's pronunciation is too long");
    return hse_buf_status(out, "a text's pronunciation", err);
}

/* The final of a syllable: 1 to 27; 0: none. */
static uint32_t final_of(uint32_t c)
{
    return c >= SYLLABLES && c <= LAST_SYLLABLE ? (c - SYLLABLES) % FINALS : 0;
}

static ko_mark mark_of(char tag, uint32_t c)
{
    static const char stems[] = {4, 5, 9, 10, 11, 13, 16};         /* nasals, and clusters of 11, 24 and 25 */

    if (tag == 'B')
        return KO_COUNTER;
    if (tag == 'E' && final_of(c) == RIEUL)
        return KO_ENDING;
    return tag == 'V' && final_of(c) && memchr(stems, (int)final_of(c), sizeof stems) ? KO_STEM : KO_NO_MARK;
}

/* The last character of each word that matters. */
static void mark(ko_text *t, const text_answer *words)
{
    size_t at = 0;

    for (size_t i = 0; i < words->count; i++) {
        size_t left = 0;

        for (const char *p = words->item[i]; *p; p++)
            left += ((uint8_t)*p & 0xC0) != 0x80;
        for (; at < t->n && left; at++) {
            if (t->c[at] == ' ')
                continue;
            if (--left == 0)
                t->c[at] = ko_marked(t->c[at], mark_of(*words->tag[i], t->c[at]));
        }
    }
}

/* Marks where parts of speech matter; none when a word's spaces are of a kind that the analyser drops. */
static hse_status annotate(const text_ko *ko, ko_text *t, hse_error *err)
{
    text_answer words;
    size_t spaces = 0, size = 0;
    hse_buf utf8;
    hse_status s;

    hse_buf_init(&utf8, (size_t)4 * MAX_BYTES);
    s = write_out(t, &utf8, err);
    if (s == HSE_OK)
        s = text_mecab_cut(&ko->mecab, hse_buf_text(&utf8), utf8.size, t->arena, &words, err);
    if (s == HSE_OK) {
        for (size_t i = 0; i < t->n; i++)
            spaces += t->c[i] == ' ';
        for (size_t i = 0; i < words.count; i++)
            size += strlen(words.item[i]);
        if (size == utf8.size - spaces)
            mark(t, &words);
    }
    hse_buf_free(&utf8);
    return s;
}

static hse_status pronounce(const text_ko *ko, ko_text *t, hse_error *err)
{
    hse_status s;

    say_irregular(t, ko->idioms);
    say_english(ko, t);
    if ((s = annotate(ko, t, err)) == HSE_OK && (s = ko_say_numbers(t, ko->counted, err)) == HSE_OK)
        ko_say_sounds(t);
    return s;
}

hse_status text_ko_pronounce(const text_ko *ko, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    hse_arena scratch;                      /* what a group needs on its way is not kept: a text has many */
    ko_text t = {.arena = &scratch};
    hse_buf b;
    hse_status s;

    *out = (text_answer){0};
    if (size > MAX_BYTES)
        return hse_fail(err, HSE_E_LIMIT, 0, "a word of %zu bytes; at most %d can be spoken", size, MAX_BYTES);
    hse_arena_init(&scratch, 64 << 20);
    ko_put_utf8(&t, text, size);
    s = pronounce(ko, &t, err);
    hse_buf_init(&b, (size_t)16 * MAX_BYTES);
    if (s == HSE_OK)
        s = write_out(&t, &b, err);
    hse_arena_free(&scratch);
    if (s == HSE_OK)
        return text_answer_take(out, &b, arena, "a text's pronunciation", err);
    hse_buf_free(&b);
    return s;
}
