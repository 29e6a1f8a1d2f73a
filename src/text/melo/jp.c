/* jp.c - MeloTTS' Japanese: numbers in words, everything as katakana, kana to phones. */
#include "text/melo/internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(const char *t)
{
    size_t n = 0;

    while (is_digit(t[n]))
        n++;
    return n;
}

/* Commas between groups of three are left out. */
static void join_groups(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t n = digits_at(t + i), end = 0;

        if (!n) {
            hse_buf_byte(out, (uint8_t)t[i++]);
            continue;
        }
        /* The first group has one to three digits: of a longer run the last three begin it. */
        for (size_t k = n; t[i + k] == ',' && digits_at(t + i + k + 1) >= 3; k += 4)
            end = k + 4;
        if (!end || n == 0) {
            hse_buf_append(out, t + i, n);
            i += n;
            continue;
        }
        for (size_t k = 0; k < end; k++)
            if (t[i + k] != ',')
                hse_buf_byte(out, (uint8_t)t[i + k]);
        i += end;
    }
}

/* "$5" -> "5" and its unit. */
static void move_currency(hse_buf *out, const char *t, size_t size)
{
    static const melo_pair units[] = {{"$", "\u30C9\u30EB"}, {"\u00A5", "\u5186"}, {"\u00A3", "\u30DD\u30F3\u30C9"},
                                      {"\u20AC", "\u30E6\u30FC\u30ED"}};

    for (size_t i = 0; i < size;) {
        const char *unit = NULL;
        size_t sign = 0, n = 0;

        for (size_t k = 0; k < COUNT(units) && !unit; k++)
            if (strncmp(t + i, units[k].from, strlen(units[k].from)) == 0) {
                unit = units[k].to;
                sign = strlen(units[k].from);
            }
        for (size_t k = sign; unit && (is_digit(t[i + k]) || t[i + k] == '.'); k++)
            n = is_digit(t[i + k]) ? k + 1 - sign : n;
        if (n) {
            hse_buf_append(out, t + i + sign, n);
            hse_buf_str(out, unit);
            i += sign + n;
        } else {
            hse_buf_byte(out, (uint8_t)t[i++]);
        }
    }
}

static hse_status spell_numbers(const melo_front *front, hse_buf *out, const char *t, size_t size, hse_arena *arena, hse_error *err)
{
    for (size_t i = 0; i < size;) {
        size_t n = digits_at(t + i), part = n && t[i + n] == '.' ? digits_at(t + i + n + 1) : 0;
        text_answer a = {0};

        if (!n) {
            hse_buf_byte(out, (uint8_t)t[i++]);
            continue;
        }
        n += part ? part + 1 : 0;
        hse_status s = front->dictionary.ask(front->dictionary.user, TEXT_NUM2WORDS_JA, t + i, n, arena, &a, err);
        if (s != HSE_OK)
            return s;
        if (a.count)
            hse_buf_str(out, a.item[0]);
        i += n;
    }
    return HSE_OK;
}

static bool is_japanese(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF);
}

static void keep_japanese(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t n = hse_utf8_next(t + i, size - i, &c);

        n = n ? n : 1;
        if (is_japanese(c))
            hse_buf_append(out, t + i, n);
        i += n;
    }
}

hse_status melo_jp_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t size = utf8proc_map((const utf8proc_uint8_t *)piece, (utf8proc_ssize_t)strlen(piece), &folded,
                                         UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
    text_answer a = {0};
    hse_buf now, next;
    hse_status s;

    if (size < 0)
        return melo_no_memory(err);
    hse_buf_init(&now, MELO_TEXT_BYTES);
    hse_buf_init(&next, MELO_TEXT_BYTES);
    join_groups(&now, (const char *)folded, (size_t)size);
    free(folded);                           /* utf8proc's memory is the C library's */
    move_currency(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    s = spell_numbers(front, &next, hse_buf_text(&now), now.size, arena, err);
    hse_buf_advance(&now, &next);
    keep_japanese(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    if (s == HSE_OK)
        s = hse_buf_status(&now, "the text", err);
    if (s == HSE_OK && now.size)
        s = front->dictionary.ask(front->dictionary.user, TEXT_KAKASI, hse_buf_text(&now), now.size, arena, &a, err);
    *norm = a.count ? a.item[0] : "";
    hse_buf_free(&now);
    hse_buf_free(&next);
    return s;
}

/* MeCab's words, each cut into pieces. */
hse_status melo_jp_tokenise(const melo_front *front, const char *norm, hse_arena *arena, int32_t **token, size_t *count,
                            hse_error *err)
{
    text_answer words = {0};
    hse_buf ids;
    hse_status s = HSE_OK;

    hse_buf_init(&ids, MELO_TEXT_BYTES);
    if (*norm)
        s = front->dictionary.ask(front->dictionary.user, TEXT_MECAB_JA, norm, strlen(norm), arena, &words, err);
    for (size_t i = 0; s == HSE_OK && i < words.count; i++)
        s = text_wordpiece_word(front->tokens, words.item[i], strlen(words.item[i]), &ids, err);
    *count = ids.size / sizeof **token;
    if (s == HSE_OK && !(*token = hse_arena_array(arena, *count + 1, sizeof **token)))
        s = melo_no_memory(err);
    if (s == HSE_OK && ids.size)
        memcpy(*token, ids.data, ids.size);
    hse_buf_free(&ids);
    return s;
}

/* The phones of a kana, or of two; NULL: none in the table. */
static const char *kana(const char *word, size_t left, size_t characters, size_t *size)
{
    char key[16];
    size_t n = 0;

    for (size_t i = 0; i < characters; i++) {
        uint32_t c;
        size_t m = hse_utf8_next(word + n, left - n, &c);

        if (!m)
            return NULL;
        n += m;
    }
    memcpy(key, word, n);
    key[n] = '\0';
    *size = n;
    return characters == 2 ? melo_map(melo_kana_2, melo_kana_2_count, key) : melo_map(melo_kana_1, melo_kana_1_count, key);
}

static void say_group(melo_phones *p, const char *word, size_t size)
{
    for (size_t i = 0; i < size;) {
        const char *phones;
        uint32_t c = 0;
        size_t n = 0;

        phones = kana(word + i, size - i, 2, &n);
        phones = phones ? phones : kana(word + i, size - i, 1, &n);
        if (!phones) {
            n = hse_utf8_next(word + i, size - i, &c);
            n = n ? n : 1;
            if (c != 0x30FC)                /* the sign of a long vowel has no phone */
                melo_phone_add(p, word + i, n, 0);
        }
        while (phones && *phones) {
            size_t length = strcspn(phones, " ");

            melo_phone_add(p, phones, length, 0);
            phones += length + (phones[length] == ' ');
        }
        i += n;
    }
}

hse_status melo_jp_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err)
{
    melo_group *group;
    hse_arena groups;                       /* nothing of it is kept */
    size_t count = 0;
    hse_status s;

    (void)norm, (void)arena;
    hse_arena_init(&groups, MELO_ARENA);
    s = melo_groups(&group, &count, front->tokens, token, tokens, &groups, err);
    for (size_t i = 0; s == HSE_OK && i < count; i++) {
        size_t before = phones->phones;

        if (group[i].unknown)
            melo_phone_add(phones, "_", 1, 0);
        else
            say_group(phones, group[i].word, group[i].size);
        melo_share(phones, phones->phones - before, group[i].tokens);
    }
    hse_arena_free(&groups);
    return s;
}
