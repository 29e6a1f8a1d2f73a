/* pronounce.c - a group of Korean letters as it is spoken. The rules' numbers are those of the standard pronunciation. */
#include "text/ko/ko.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 64 << 10, SYLLABLES = 0xAC00, LAST_SYLLABLE = 0xD7A3, FINALS = 28 };

typedef struct {
    const char *from, *to;
} rule;

/* Sounds of single syllables, and stems and endings by their part of speech. */
static const rule special[] = {
    {"[\u110C\u110D\u110E]\u1167", "\\1\u1165"},                                            /* 5.1 */
    {"[\u1100\u1101\u1102\u1103\u1104\u1105\u1106\u1107\u1108\u1109\u110A\u110C\u110D\u110E\u110F\u1110\u1111\u1112]\u1174",
     "\\1\u1175"},                                                                          /* 5.3 */
    {"[\u1100\u1173]\u11AE\u110B", "\\1\u1109"},                                            /* 16: names of letters */
    {"[\u110B\u1173][\u11BD\u11BE\u11C0\u11C2]\u110B", "\\1\u1109"},
    {"[\u110B\u1173]\u11BF\u110B", "\\1\u1100"},
    {"[\u110B\u1173]\u11C1\u110B", "\\1\u1107"},
    {"\u11B0/P[\u1100\u1101]", "\u11AF\u1101"},                                             /* 11.1 */
    {"[\u11B2\u11B4]/P\u1100", "\\1\u1101"},                                                /* 25 */
    {"[\u11B2\u11B4]/P\u1103", "\\1\u1104"},
    {"[\u11B2\u11B4]/P\u1109", "\\1\u110A"},
    {"[\u11B2\u11B4]/P\u110C", "\\1\u110D"},
    {"[\u11AB\u11B7]/P\u1100", "\\1\u1101"},                                                /* 24 */
    {"[\u11AB\u11B7]/P\u1103", "\\1\u1104"},
    {"[\u11AB\u11B7]/P\u1109", "\\1\u110A"},
    {"[\u11AB\u11B7]/P\u110C", "\\1\u110D"},
    {"\u11AC/P\u1100", "\u11AB\u1101"},
    {"\u11AC/P\u1103", "\u11AB\u1104"},
    {"\u11AC/P\u1109", "\u11AB\u110A"},
    {"\u11AC/P\u110C", "\u11AB\u110D"},
    {"\u11B1/P\u1100", "\u11B7\u1101"},
    {"\u11B1/P\u1103", "\u11B7\u1104"},
    {"\u11B1/P\u1109", "\u11B7\u110A"},
    {"\u11B1/P\u110C", "\u11B7\u110D"},
    {"\u1107\u1161\u11B2[^\u110B\u1112]", "\u1107\u1161\u11B8\\1"},                         /* 10.1 */
    {"\u1102\u1165\u11B2[\u110C\u110D\u1103\u1104]\u116E", "\u1102\u1165\u11B8\\1\u116E"},
    {"\u11AE\u110B[\u1175\u1167]", "\u110C\\1"},                                            /* 17 */
    {"\u11C0\u110B[\u1175\u1167]", "\u110E\\1"},
    {"\u11B4\u110B[\u1175\u1167]", "\u11AF\u110E\\1"},
    {"\u11AE\u1112\u1175", "\u110E\u1175"},
    {"\u11AF/E \u1100", "\u11AF \u1101"},                                                   /* 27 */
    {"\u11AF/E \u1103", "\u11AF \u1104"},
    {"\u11AF/E \u1107", "\u11AF \u1108"},
    {"\u11AF/E \u1109", "\u11AF \u110A"},
    {"\u11AF/E \u110C", "\u11AF \u110D"},
    {"\u11AF\u1100\u1165\u11AF", "\u11AF\u1101\u1165\u11AF"},
    {"\u11AF\u1107\u1161\u11A9\u110B\u1166", "\u11AF\u1108\u1161\u1101\u1166"},
    {"\u11AF\u1109\u1166\u1105\u1161", "\u11AF\u110A\u1166\u1105\u1161"},
    {"\u11AF\u1109\u116E\u1105\u1169\u11A8", "\u11AF\u110A\u116E\u1105\u1169\u11A8"},
    {"\u11AF\u110C\u1175\u1105\u1161\u1103\u1169", "\u11AF\u110D\u1175\u1105\u1161\u1103\u1169"},
    {"\u11AF\u110C\u1175\u110B\u1165\u11AB\u110C\u1165\u11BC", "\u11AF\u110D\u1175\u110B\u1165\u11AB\u110C\u1165\u11BC"},
    {"\u11AF\u110C\u1175\u11AB\u1103\u1162", "\u11AF\u110D\u1175\u11AB\u1103\u1162"},
    {"/[PJEB]", ""},
};

/* 13, 14, 15: a final before a silent initial; the first part stays, the second becomes the initial. */
static const struct {
    const char *final, *stays, *initial;
} links[] = {
    {"\u11A8", "", "\u1100"},       {"\u11A9", "", "\u1101"},       {"\u11AB", "", "\u1102"},       {"\u11AE", "", "\u1103"},
    {"\u11AF", "", "\u1105"},       {"\u11B7", "", "\u1106"},       {"\u11B8", "", "\u1107"},       {"\u11BA", "", "\u1109"},
    {"\u11BB", "", "\u110A"},       {"\u11BD", "", "\u110C"},       {"\u11BE", "", "\u110E"},       {"\u11BF", "", "\u110F"},
    {"\u11C0", "", "\u1110"},       {"\u11C1", "", "\u1111"},       {"\u11AA", "\u11A8", "\u110A"}, {"\u11AC", "\u11AB", "\u110C"},
    {"\u11B0", "\u11AF", "\u1100"}, {"\u11B1", "\u11AF", "\u1106"}, {"\u11B2", "\u11AF", "\u1107"}, {"\u11B3", "\u11AF", "\u110A"},
    {"\u11B4", "\u11AF", "\u1110"}, {"\u11B5", "\u11AF", "\u1111"}, {"\u11B9", "\u11B8", "\u110A"},
};

/* 12.4: no breath before a vowel. */
static const rule breath[] = {{"\u11C2\u110B", "\u110B"}, {"\u11AD\u110B", "\u1102"}, {"\u11B6\u110B", "\u1105"}};

static bool whole_pairs(hse_bytes b)
{
    size_t strings = 0;

    for (size_t i = 0; i < b.size; i++)
        strings += b.data[i] == 0;
    return strings && strings % 2 == 0 && b.data[b.size - 1] == 0;
}

hse_status text_ko_read(text_ko *out, const text_pack *pack, hse_error *err)
{
    text_ko ko = {.idioms = text_pack_bytes(pack, "idioms"), .table = text_pack_bytes(pack, "table"),
                  .counted = text_pack_bytes(pack, "counted")};
    hse_status s = text_pack_map(&ko.english, pack, "english", err);

    if (s == HSE_OK)
        s = text_mecab_read(&ko.mecab, pack, err);
    if (s == HSE_OK && (!whole_pairs(ko.idioms) || !whole_pairs(ko.table) || !ko.counted.size))
        s = hse_fail(err, HSE_E_FORMAT, 0, "the language pack's rules are damaged: run scripts/language-data again");
    if (s == HSE_OK)
        *out = ko;
    return s;
}

static void apply(ko_text *t, const rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ko_replace(t, rules[i].from, rules[i].to);
}

static void apply_pack(ko_text *t, hse_bytes pairs, bool plain)
{
    const char *at = (const char *)pairs.data, *end = at + pairs.size;

    while (at < end) {
        const char *from = at, *to = from + strlen(from) + 1;

        at = to + strlen(to) + 1;
        if (plain)
            ko_replace_plain(t, from, strlen(from), to, strlen(to));
        else
            ko_replace(t, from, to);
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
        hse_buf_append(out, bytes, hse_utf8_put(bytes, t->c[i]));
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

/* What the rules want to know of a word's last character: an ending's rieul, a stem's nasal or cluster, a counting noun. */
static char mark_of(char tag, uint32_t c)
{
    static const char stems[] = {4, 5, 9, 10, 11, 13, 16};

    if (tag == 'B')
        return 'B';
    if (tag == 'E')
        return final_of(c) == 8 ? 'E' : '\0';
    return tag == 'V' && final_of(c) && memchr(stems, (int)final_of(c), sizeof stems) ? 'P' : '\0';
}

static void mark(ko_text *t, const text_answer *words)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};
    size_t at = 0;

    for (size_t i = 0; i < words->count; i++) {
        size_t left = 0;

        for (const char *p = words->item[i]; *p; p++)
            left += ((uint8_t)*p & 0xC0) != 0x80;
        while (at < t->n && left) {
            char m = t->c[at] != ' ' && left == 1 ? mark_of(*words->tag[i], t->c[at]) : '\0';

            left -= t->c[at] != ' ';
            ko_put(&out, t->c[at++]);
            if (m) {
                ko_put(&out, '/');
                ko_put(&out, (uint32_t)m);
            }
        }
    }
    while (at < t->n)
        ko_put(&out, t->c[at++]);
    *t = out;
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

static void decompose(ko_text *t)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};

    for (size_t i = 0; i < t->n; i++) {
        uint32_t c = t->c[i], k = c - SYLLABLES;

        if (c < SYLLABLES || c > LAST_SYLLABLE) {
            ko_put(&out, c);
            continue;
        }
        ko_put(&out, 0x1100 + k / (21 * FINALS));
        ko_put(&out, 0x1161 + k / FINALS % 21);
        if (k % FINALS)
            ko_put(&out, 0x11A7 + k % FINALS);
    }
    *t = out;
}

static void link_finals(ko_text *t)
{
    char from[16], to[16];

    for (int space = 0; space < 2; space++)
        for (size_t i = 0; i < COUNT(links); i++) {
            snprintf(from, sizeof from, "%s%s\u110B", links[i].final, space ? " " : "");
            snprintf(to, sizeof to, "%s%s%s", links[i].stays, space ? " " : "", links[i].initial);
            ko_replace(t, from, to);
        }
    apply(t, breath, COUNT(breath));
}

static bool is_initial(uint32_t c)
{
    return c >= 0x1100 && c <= 0x1112;
}

static bool is_vowel(uint32_t c)
{
    return c >= 0x1161 && c <= 0x1175;
}

/* A vowel without an initial gets the silent one; of two such, only the first. */
static void complete(ko_text *t)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};

    for (size_t i = 0; i < t->n;) {
        size_t before = i == 0 && is_vowel(t->c[0]) ? 0 : 1;

        if (before && is_initial(t->c[i])) {
            ko_put(&out, t->c[i++]);
            continue;
        }
        if (before)
            ko_put(&out, t->c[i]);
        i += before;
        if (i < t->n && is_vowel(t->c[i])) {
            ko_put(&out, 0x110B);
            ko_put(&out, t->c[i++]);
        }
    }
    *t = out;
}

static hse_status pronounce(const text_ko *ko, ko_text *t, hse_error *err)
{
    hse_status s;

    apply_pack(t, ko->idioms, true);
    say_english(ko, t);
    s = annotate(ko, t, err);
    if (s == HSE_OK)
        s = ko_say_numbers(t, ko->counted, err);
    if (s != HSE_OK)
        return s;
    decompose(t);
    apply(t, special, COUNT(special));
    apply_pack(t, ko->table, false);
    link_finals(t);
    complete(t);
    return HSE_OK;
}

hse_status text_ko_pronounce(const text_ko *ko, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    ko_text t = {.arena = arena};
    hse_buf b;
    hse_status s;

    *out = (text_answer){0};
    if (size > MAX_BYTES)
        return hse_fail(err, HSE_E_LIMIT, 0, "a word of %zu bytes; at most %d can be spoken", size, MAX_BYTES);
    ko_put_utf8(&t, text, size);
    s = pronounce(ko, &t, err);
    hse_buf_init(&b, (size_t)16 * MAX_BYTES);
    if (s == HSE_OK)
        s = write_out(&t, &b, err);
    if (s == HSE_OK)
        return text_answer_take(out, &b, arena, "a text's pronunciation", err);
    hse_buf_free(&b);
    return s;
}
