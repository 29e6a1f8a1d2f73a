/* chinese.c - Chinese to IPA by way of bopomofo. */
#include "text/openvoice/internal.h"

#include "text/zh/zh.h"

enum { STRETCH_MEMORY = 64 << 20 };

typedef struct {
    const char *from, *to;
} pair;

static const pair latin[] = {
    {"a", "\u311F\u02C9"}, {"b", "\u3105\u3127\u02CB"}, {"c", "\u3119\u3127\u02C9"}, {"d", "\u3109\u3127\u02CB"},
    {"e", "\u3127\u02CB"}, {"f", "\u311D\u02CA\u3108\u3128\u02CB"}, {"g", "\u3110\u3127\u02CB"},
    {"h", "\u311D\u02C7\u3111\u3129\u02CB"}, {"i", "\u311E\u02CB"}, {"j", "\u3110\u311F\u02CB"}, {"k", "\u310E\u311F\u02CB"},
    {"l", "\u311D\u02CA\u311B\u02CB"}, {"m", "\u311D\u02CA\u3107\u3128\u02CB"}, {"n", "\u3123\u02C9"}, {"o", "\u3121\u02C9"},
    {"p", "\u3106\u3127\u02C9"}, {"q", "\u310E\u3127\u3121\u02C9"}, {"r", "\u311A\u02CB"}, {"s", "\u311D\u02CA\u3119\u02CB"},
    {"t", "\u310A\u3127\u02CB"}, {"u", "\u3127\u3121\u02C9"}, {"v", "\u3128\u3127\u02C9"},
    {"w", "\u3109\u311A\u02CB\u3105\u3128\u02CB\u310C\u3127\u3121\u02CB"}, {"x", "\u311D\u02C9\u310E\u3128\u02CB\u3119\u02CB"},
    {"y", "\u3128\u311E\u02CB"}, {"z", "\u3117\u311F\u02CB"},
};

/* One replacement after the other, each over the whole text. */
static const pair to_ipa[] = {
    {"\u3105\u311B", "p\u207Cwo"}, {"\u3106\u311B", "p\u02B0wo"}, {"\u3107\u311B", "mwo"}, {"\u3108\u311B", "fwo"},
    {"\u3105", "p\u207C"}, {"\u3106", "p\u02B0"}, {"\u3107", "m"}, {"\u3108", "f"}, {"\u3109", "t\u207C"},
    {"\u310A", "t\u02B0"}, {"\u310B", "n"}, {"\u310C", "l"}, {"\u310D", "k\u207C"}, {"\u310E", "k\u02B0"}, {"\u310F", "x"},
    {"\u3110", "t\u0283\u207C"}, {"\u3111", "t\u0283\u02B0"}, {"\u3112", "\u0283"}, {"\u3113", "ts`\u207C"},
    {"\u3114", "ts`\u02B0"}, {"\u3115", "s`"}, {"\u3116", "\u0279`"}, {"\u3117", "ts\u207C"}, {"\u3118", "ts\u02B0"},
    {"\u3119", "s"}, {"\u311A", "a"}, {"\u311B", "o"}, {"\u311C", "\u0259"}, {"\u311D", "\u025B"}, {"\u311E", "a\u026A"},
    {"\u311F", "e\u026A"}, {"\u3120", "\u0251\u028A"}, {"\u3121", "o\u028A"}, {"\u3127\u3122", "j\u025Bn"},
    {"\u3129\u3122", "\u0265\u00E6n"}, {"\u3122", "an"}, {"\u3127\u3123", "in"}, {"\u3129\u3123", "\u0265n"},
    {"\u3123", "\u0259n"}, {"\u3124", "\u0251\u014B"}, {"\u3127\u3125", "i\u014B"}, {"\u3128\u3125", "\u028A\u014B"},
    {"\u3129\u3125", "j\u028A\u014B"}, {"\u3125", "\u0259\u014B"}, {"\u3126", "\u0259\u027B"}, {"\u3127", "i"},
    {"\u3128", "u"}, {"\u3129", "\u0265"}, {"\u02C9", "\u2192"}, {"\u02CA", "\u2191"}, {"\u02C7", "\u2193\u2191"},
    {"\u02CB", "\u2193"}, {"\u02D9", ""}, {"\uFF0C", ","}, {"\u3002", "."}, {"\uFF01", "!"}, {"\uFF1F", "?"}, {"\u2014", "-"},
};

static void replace(hse_buf *out, const char *text, const char *from, const char *to)
{
    size_t n = strlen(from);

    for (const char *found; (found = strstr(text, from)) != NULL; text = found + n) {
        hse_buf_append(out, text, (size_t)(found - text));
        hse_buf_str(out, to);
    }
    hse_buf_str(out, text);
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* i and u before certain vowels become glides. */
static void glides(hse_buf *out, const char *text)
{
    for (; *text; text++) {
        const char *next = text + 1;
        bool open = *next == 'a' || *next == 'o' || *next == 'e';

        if (*text == 'i' && open)
            hse_buf_byte(out, 'j');
        else if (*text == 'u' && (open || starts(next, "\u0259")))
            hse_buf_byte(out, 'w');
        else
            hse_buf_byte(out, (uint8_t)*text);
    }
}

/* Does the text end here, or do tone arrows or spaces follow? */
static bool tone_or_end(const char *text)
{
    return !*text || *text == ' ' || starts(text, "\u2192") || starts(text, "\u2193") || starts(text, "\u2191");
}

/* A syllable of a sibilant alone gets its vowel: `sounds` are the sibilants. */
static void syllabic(hse_buf *out, const char *text, const char *const *sounds, size_t count, const char *vowel)
{
    while (*text) {
        size_t n = 0;

        for (size_t i = 0; i < count && !n; i++)
            n = starts(text, sounds[i]) ? strlen(sounds[i]) : 0;
        if (n && starts(text + n, "\u207C"))
            n += strlen("\u207C");
        else if (n && starts(text + n, "\u02B0"))
            n += strlen("\u02B0");
        hse_buf_append(out, text, n ? n : 1);
        if (n && tone_or_end(text + n))
            hse_buf_str(out, vowel);
        text += n ? n : 1;
    }
}

static bool has_han(const char *word)
{
    uint32_t c;

    for (size_t n, left = strlen(word); (n = hse_utf8_next(word, left, &c)) != 0; word += n, left -= n)
        if (c >= 0x4E00 && c <= 0x9FFF)
            return true;
    return false;
}

/* The first tone has no mark in bopomofo: it gets one. */
static void add_syllable(hse_buf *out, const char *bopomofo)
{
    size_t n = strlen(bopomofo);
    uint32_t c = 0;

    hse_buf_str(out, bopomofo);
    if (n >= 3 && hse_utf8_next(bopomofo + n - 3, 3, &c) == 3 && c >= 0x3105 && c <= 0x3129)
        hse_buf_str(out, "\u02C9");
}

static hse_status say_stretch(openvoice_piece *out, const openvoice_front *front, const char *text, size_t size, hse_arena *arena,
                              hse_buf *b, hse_error *err)
{
    const text_dictionary *d = &front->dictionary;
    text_answer *words = hse_arena_alloc(arena, sizeof *words), *readings;
    hse_status s;

    if (!words)
        return openvoice_no_memory(err);
    if ((s = d->ask(d->user, TEXT_JIEBA, text, size, arena, words, err)) != HSE_OK)
        return s;
    if (!(readings = hse_arena_array(arena, words->count + 1, sizeof *readings)))
        return openvoice_no_memory(err);
    for (size_t i = 0; i < words->count; i++) {
        const char *w = words->item[i];

        if ((s = d->ask(d->user, TEXT_BOPOMOFO, w, strlen(w), arena, &readings[i], err)) != HSE_OK)
            return s;
        if (!has_han(w)) {
            hse_buf_str(b, w);
            continue;
        }
        if (b->size)
            hse_buf_byte(b, ' ');
        for (size_t k = 0; k < readings[i].count; k++)
            add_syllable(b, readings[i].item[k]);
    }
    out->words = words;
    out->readings = readings;
    return HSE_OK;
}

/* Words and readings are kept where the text is one stretch. */
static hse_status say_words(openvoice_piece *out, const openvoice_front *front, const char *text, hse_arena *arena, hse_buf *b,
                            hse_error *err)
{
    size_t size = strlen(text);
    hse_arena scratch;
    hse_status s = HSE_OK;

    if (text_zh_stretch(text, size, 0) == size)
        return say_stretch(out, front, text, size, arena, b, err);
    hse_arena_init(&scratch, STRETCH_MEMORY);
    for (size_t from = 0, to; s == HSE_OK && from < size; from = to) {
        to = text_zh_stretch(text, size, from);
        s = say_stretch(out, front, text + from, to - from, &scratch, b, err);
        hse_arena_reset(&scratch);
    }
    hse_arena_free(&scratch);
    out->words = out->readings = NULL;
    return s;
}

static hse_status step(openvoice_piece *out, int i, const char *name, hse_buf *b, hse_arena *arena, hse_error *err)
{
    out->step_name[i] = name;
    return hse_buf_to_arena(b, arena, "the text", &out->step[i], err);
}

/* Every pair of the list in turn; letters of any case for `latin`. */
static hse_status replace_all(const char *text, const pair *list, size_t count, hse_arena *arena, const char **out, hse_error *err)
{
    hse_buf a, b;

    hse_buf_init(&a, OPENVOICE_TEXT_BYTES);
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    hse_buf_str(&a, text);
    for (size_t i = 0; i < count && a.status == HSE_OK; i++) {     /* a failure would be cleared with its buffer */
        hse_buf swap = a;

        if (!strstr(hse_buf_text(&a), list[i].from))
            continue;
        hse_buf_clear(&b);
        replace(&b, hse_buf_text(&a), list[i].from, list[i].to);
        a = b;
        b = swap;
    }
    hse_buf_free(&b);
    return hse_buf_to_arena(&a, arena, "the text", out, err);
}

static void say_latin(hse_buf *out, const char *text)
{
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;

        if (c >= 'a' && c <= 'z')
            hse_buf_str(out, latin[c - 'a'].to);
        else
            hse_buf_byte(out, (uint8_t)*text);
    }
}

hse_status openvoice_chinese(openvoice_piece *out, const openvoice_front *front, const char *text, hse_arena *arena,
                             const char **phonetic, hse_error *err)
{
    static const pair commas[] = {{"\u3001", "\uFF0C"}, {"\uFF1B", "\uFF0C"}, {"\uFF1A", "\uFF0C"}};
    static const char *const retroflex[] = {"s`", "\u0279`"}, *const dental[] = {"s"};
    const char *plain, *ipa;
    hse_buf b;
    hse_status s = openvoice_numbers(front, text, strlen(text), arena, &out->step[0], err);

    out->step_name[0] = "numbers";
    if (s == HSE_OK)
        s = replace_all(out->step[0], commas, COUNT(commas), arena, &plain, err);
    if (s != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    s = say_words(out, front, plain, arena, &b, err);
    if (s == HSE_OK)
        s = step(out, 1, "bopomofo", &b, arena, err);
    else
        hse_buf_free(&b);
    if (s != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    say_latin(&b, out->step[1]);
    if ((s = step(out, 2, "latin", &b, arena, err)) != HSE_OK)
        return s;
    out->step_name[3] = "ipa_map";
    if ((s = replace_all(out->step[2], to_ipa, COUNT(to_ipa), arena, &out->step[3], err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    glides(&b, out->step[3]);
    if ((s = hse_buf_to_arena(&b, arena, "the text", &ipa, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    syllabic(&b, ipa, retroflex, COUNT(retroflex), "\u0279`");
    if ((s = hse_buf_to_arena(&b, arena, "the text", &ipa, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    replace(&b, ipa, "\u027B", "\u0279`");
    if ((s = hse_buf_to_arena(&b, arena, "the text", &ipa, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    syllabic(&b, ipa, dental, COUNT(dental), "\u0279");
    s = step(out, 4, "ipa", &b, arena, err);
    *phonetic = out->step[4];
    return s;
}
