/* katakana.c - kanji and hiragana as katakana, in the manner of pykakasi: at a kanji the longest word of the table wins, and
 * its first reading; no other rule. */
#include "text/ja/ja.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <string.h>

enum { MAX_LONGEST = 64, CEILING = 64 << 20, LONG_VOWEL = 0x30FC };

typedef enum { AFTER_OTHER, AFTER_HIRAGANA, AFTER_KATAKANA } script;

hse_status text_ja_read(text_ja *out, const text_pack *pack, hse_error *err)
{
    hse_bytes longest = text_pack_bytes(pack, "kanji.longest");
    hse_status s = text_pack_map(&out->words, pack, "kanji", err);

    if (s == HSE_OK)
        s = text_pack_map(&out->variants, pack, "kanji.variants", err);
    if (s != HSE_OK)
        return s;
    if (longest.size != 4 || longest.data[0] == 0 || longest.data[0] > MAX_LONGEST)
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's table of kanji is damaged: run scripts/language-data again");
    out->longest = longest.data[0];
    return HSE_OK;
}

static bool is_hiragana(uint32_t c)
{
    return c >= 0x3041 && c <= 0x3096;
}

static bool is_katakana(uint32_t c)
{
    return c >= 0x30A1 && c <= 0x30FB;
}

/* Old and rare forms of kanji become those of the table, all over the text, before any word is looked for. */
static void unify(const text_ja *ja, hse_buf *out, const char *text, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t c;
        hse_bytes to;

        n = hse_utf8_next(text + i, size - i, &c);
        n = n ? n : 1;
        if (n >= 3 && text_map_get(&ja->variants, text + i, n, &to))
            hse_buf_append(out, to.data, to.size);
        else
            hse_buf_append(out, text + i, n);
    }
}

/* The length of the longest word at the front, and its reading; 0: none. */
static size_t longest_word(const text_ja *ja, const char *text, size_t size, hse_bytes *reading)
{
    uint8_t end[MAX_LONGEST + 1];           /* of its characters */
    size_t n = 0, at = 0, length;
    uint32_t c;

    while (n < ja->longest && (length = hse_utf8_next(text + at, size - at, &c)) != 0 && at + length < 256) {
        at += length;
        end[n++] = (uint8_t)at;
    }
    while (n-- > 0)
        if (text_map_get(&ja->words, text, end[n], reading))
            return end[n];
    return 0;
}

static void put(hse_buf *out, uint32_t c)
{
    char bytes[4];

    hse_buf_append(out, bytes, hse_utf8_put(bytes, c));
}

/* The sign of a long vowel repeats a hiragana, stays behind a katakana once, and is a hyphen elsewhere. */
static script say_long(hse_buf *out, script before, uint32_t last)
{
    if (before == AFTER_HIRAGANA)
        put(out, last);
    else if (before == AFTER_KATAKANA)
        put(out, LONG_VOWEL);
    else
        hse_buf_byte(out, '-');
    return before == AFTER_HIRAGANA ? before : AFTER_OTHER;
}

static void say(const text_ja *ja, hse_buf *out, const char *text, size_t size)
{
    script before = AFTER_OTHER;
    uint32_t c, last = 0;

    for (size_t i = 0, n; i < size; i += n) {
        hse_bytes reading = {0};

        n = hse_utf8_next(text + i, size - i, &c);
        if (c >= 0x3400 && n >= 3 && (n = longest_word(ja, text + i, size - i, &reading)) != 0) {
            hse_buf_append(out, reading.data, reading.size);
            before = AFTER_OTHER;
            continue;
        }
        n = hse_utf8_next(text + i, size - i, &c);
        if (n && c == LONG_VOWEL) {
            before = say_long(out, before, last);
        } else if (n && is_hiragana(c)) {
            put(out, last = c + 0x60);
            before = AFTER_HIRAGANA;
        } else {
            n = n ? n : 1;
            hse_buf_append(out, text + i, n);
            before = is_katakana(c) ? AFTER_KATAKANA : AFTER_OTHER;
        }
    }
}

hse_status text_ja_katakana(const text_ja *ja, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    hse_buf plain, said;
    hse_status s;

    *out = (text_answer){0};
    hse_buf_init(&plain, CEILING);
    hse_buf_init(&said, CEILING);
    unify(ja, &plain, text, size);
    if ((s = hse_buf_status(&plain, "the text", err)) == HSE_OK) {
        say(ja, &said, hse_buf_text(&plain), plain.size);
        s = text_answer_take(out, &said, arena, "a text's reading", err);
    }
    hse_buf_free(&plain);
    hse_buf_free(&said);
    return s;
}
