/* english.c - English to IPA: transliteration, abbreviations, numbers, the CMU table with eng_to_ipa's marks of stress. */
#include "text/openvoice/internal.h"

#include "text/ascii.h"
#include "text/en/abbreviations.h"
#include "text/zh/zh.h"
#include "text/hs1/frontend.h"

/* ---- a pronunciation as IPA ---- */

typedef enum { OTHER, VOWEL, STOP, NASAL, FRICATIVE } phone_kind;

static const struct {
    const char *name, *ipa;                 /* NULL: the name itself */
    phone_kind  kind;
} table[] = {
    {"aa", "\u0251", VOWEL},  {"ae", "\u00E6", VOWEL}, {"ah", "\u0259", VOWEL}, {"ao", "\u0254", VOWEL},
    {"aw", "a\u028A", VOWEL}, {"ay", "a\u026A", VOWEL}, {"b", NULL, STOP},       {"ch", "\u02A7", OTHER},
    {"d", NULL, STOP},        {"dh", "\u00F0", FRICATIVE}, {"eh", "\u025B", VOWEL}, {"er", "\u0259r", VOWEL},
    {"ey", "e\u026A", VOWEL}, {"f", NULL, FRICATIVE},  {"g", NULL, STOP},       {"hh", "h", OTHER},
    {"ih", "\u026A", VOWEL},  {"iy", "i", VOWEL},      {"jh", "\u02A4", OTHER}, {"k", NULL, STOP},
    {"l", NULL, OTHER},       {"m", NULL, NASAL},      {"n", NULL, NASAL},      {"ng", "\u014B", NASAL},
    {"ow", "o\u028A", VOWEL}, {"oy", "\u0254\u026A", VOWEL}, {"p", NULL, STOP}, {"r", NULL, OTHER},
    {"s", NULL, FRICATIVE},   {"sh", "\u0283", FRICATIVE}, {"t", NULL, STOP},   {"th", "\u03B8", FRICATIVE},
    {"uh", "\u028A", VOWEL},  {"uw", "u", VOWEL},      {"v", NULL, FRICATIVE},  {"w", NULL, OTHER},
    {"y", "j", OTHER},        {"z", NULL, FRICATIVE},  {"zh", "\u0292", FRICATIVE},
};

enum { MAX_PHONES = 64, MAX_NAME = 8 };

typedef struct {
    char       name[MAX_NAME];              /* without the digit */
    char       stress;                      /* '1', '2', or 0 */
    const char *ipa;
    phone_kind kind;
    char       marks[16];                   /* set before it, the last one first */
} phone;

static int read_phones(phone *p, const char *arpabet)
{
    int n = 0;

    while (*arpabet && n < MAX_PHONES) {
        size_t size = strcspn(arpabet, " "), length = size;
        phone *q = &p[n];

        *q = (phone){0};
        if (length && arpabet[length - 1] >= '0' && arpabet[length - 1] <= '9')
            q->stress = arpabet[--length] == '0' ? 0 : arpabet[length];
        if (length && length < MAX_NAME) {
            memcpy(q->name, arpabet, length);
            q->ipa = q->name;
            for (size_t i = 0; i < COUNT(table); i++)
                if (strcmp(table[i].name, q->name) == 0) {
                    q->ipa = table[i].ipa ? table[i].ipa : q->name;
                    q->kind = table[i].kind;
                }
            n++;
        }
        arpabet += size + (arpabet[size] == ' ');
    }
    return n;
}

static bool is_hiatus(const phone *a, const phone *b)
{
    static const char *const pairs[][2] = {{"er", "iy"}, {"iy", "ow"}, {"uw", "ow"}, {"iy", "ah"},
                                           {"iy", "ey"}, {"uw", "eh"}, {"er", "eh"}};

    for (size_t i = 0; i < COUNT(pairs); i++)
        if (strcmp(a->name, pairs[i][0]) == 0 && strcmp(b->name, pairs[i][1]) == 0)
            return true;
    return false;
}

static int syllables(const phone *p, int n)
{
    int count = 0;

    for (int i = 0; i < n; i++)
        count += p[i].kind == VOWEL && (i == 0 || p[i - 1].kind != VOWEL || is_hiatus(&p[i - 1], &p[i]));
    return count;
}

static void put_mark(phone *p, char stress)
{
    const char *mark = stress == '1' ? "\u02C8" : "\u02CC";
    size_t n = strlen(p->marks), m = strlen(mark);

    if (n + m >= sizeof p->marks)
        return;
    memmove(p->marks + m, p->marks, n + 1);
    memcpy(p->marks, mark, m);
}

static bool is_cluster(const phone *a, const phone *b)
{
    static const char *const pairs[] = {"sp", "st", "sk", "fr", "fl"};

    for (size_t i = 0; i < COUNT(pairs); i++)
        if (strlen(a->name) == 1 && strlen(b->name) == 1 && a->name[0] == pairs[i][0] && b->name[0] == pairs[i][1])
            return true;
    return false;
}

/* The mark of phone k goes before the consonants that begin its syllable. For the nearest phone "right" is the word's first:
 * upstream's index runs over the end there. */
static void place_stress(phone *p, int k)
{
    for (int i = k - 1; i >= 0; i--) {
        bool nearest = i == k - 1;
        const phone *right = nearest ? &p[0] : &p[i + 1];

        if (p[i].kind != NASAL && p[i].kind != FRICATIVE && p[i].kind != VOWEL && strcmp(p[i].name, "w") != 0 &&
            (nearest || right->kind != STOP))
            continue;
        if (is_cluster(&p[i], right))
            put_mark(&p[i], p[k].stress);
        else if (!nearest && right->kind != VOWEL)
            put_mark(&p[i + 1], p[k].stress);
        else
            put_mark(p[i].kind == VOWEL ? &p[k] : &p[i], p[k].stress);
        return;
    }
    put_mark(&p[0], p[k].stress);
}

/* `from` becomes `to` all over the text, unless it begins it. */
static void swap(hse_buf *out, const char *text, const char *from, const char *to)
{
    size_t n = strlen(from);
    bool begins = strncmp(text, from, n) == 0;

    while (*text) {
        if (!begins && strncmp(text, from, n) == 0) {
            hse_buf_str(out, to);
            text += n;
        } else {
            hse_buf_byte(out, (uint8_t)*text++);
        }
    }
}

hse_status openvoice_ipa(const char *arpabet, hse_arena *arena, const char **out, hse_error *err)
{
    phone p[MAX_PHONES];
    int n = read_phones(p, arpabet);
    hse_buf a, b;

    if (syllables(p, n) > 1)
        for (int i = 0; i < n; i++) {
            if (p[i].stress && i == 0)
                put_mark(&p[0], p[0].stress);
            else if (p[i].stress)
                place_stress(p, i);
        }
    hse_buf_init(&a, 1 << 12);
    hse_buf_init(&b, 1 << 12);
    for (int i = 0; i < n; i++)
        hse_buf_printf(&a, "%s%s", p[i].marks, p[i].ipa);
    swap(&b, hse_buf_text(&a), "\u02C8\u0259r", "\u0259\u02C8r");
    hse_buf_advance(&a, &b);
    swap(&b, hse_buf_text(&a), "\u02C8ie", "i\u02C8e");
    hse_buf_advance(&a, &b);
    hse_buf_free(&b);
    return hse_buf_to_arena(&a, arena, "the text", out, err);
}

/* ---- words ---- */

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_mark(char c)
{
    return c && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ", c) != NULL;
}

/* Of several pronunciations the greatest by code point is spoken. */
static hse_status say_core(const openvoice_front *front, const char *core, size_t size, hse_arena *arena, hse_buf *out,
                           hse_error *err)
{
    text_answer a = {0};
    const char *best = NULL, *ipa;
    bool word = false;
    hse_status s = HSE_OK;

    for (size_t i = 0; i < size; i++)
        word = word || !is_digit(core[i]);
    if (!word)
        return HSE_OK;
    s = front->dictionary.ask(front->dictionary.user, TEXT_IPA_EN, core, size, arena, &a, err);
    for (size_t i = 0; s == HSE_OK && i < a.count; i++) {
        s = openvoice_ipa(a.item[i], arena, &ipa, err);
        if (s == HSE_OK && (!best || strcmp(ipa, best) > 0))    /* bytes of UTF-8 order as code points do */
            best = ipa;
    }
    if (best) {
        hse_buf_str(out, best);
    } else {
        hse_buf_append(out, core, size);
        hse_buf_byte(out, '*');
    }
    return s;
}

/* A word between white space: marks come back where they touch a letter. */
static hse_status say_word(const openvoice_front *front, const char *w, size_t size, hse_arena *arena, hse_buf *out,
                           hse_error *err)
{
    size_t from = 0, to = size, before = 0, after = size;
    hse_status s;

    while (from < to && is_mark(w[from]))
        from++;
    while (to > from && is_mark(w[to - 1]))
        to--;
    while (before < size && !is_letter(w[before]) && !is_digit(w[before]))
        before++;
    while (after > 0 && !is_letter(w[after - 1]) && !is_digit(w[after - 1]))
        after--;
    if (before < size && is_letter(w[before]))
        hse_buf_append(out, w, before);
    s = say_core(front, w + from, to - from, arena, out, err);
    if (after > 0 && is_letter(w[after - 1]))
        hse_buf_append(out, w + after, size - after);
    return s;
}

static hse_status say_all(const openvoice_front *front, const char *text, hse_arena *arena, hse_buf *out, hse_error *err)
{
    hse_status s = HSE_OK;
    bool first = true;

    while (*text && s == HSE_OK) {
        size_t space = strspn(text, " \t\n\r\f\v\x1c\x1d\x1e\x1f"), n = strcspn(text + space, " \t\n\r\f\v\x1c\x1d\x1e\x1f");

        text += space;
        if (!n)
            break;
        if (!first && !(out->size && out->data[out->size - 1] == ' '))
            hse_buf_byte(out, ' ');
        s = say_word(front, text, n, arena, out, err);
        first = false;
        text += n;
    }
    return s;
}

/* ---- l and r ---- */

/* An l that no vowel follows before the next space becomes a dark one; of several the first. */
static void darken(hse_buf *out, const char *text)
{
    static const char *const vowels[] = {"a", "e", "i", "o", "u", "\u00E6", "\u0251", "\u0254", "\u0259", "\u025B", "\u026A",
                                         "\u028A"};
    size_t size = strlen(text), done = 0;       /* an l before this was looked at: a vowel comes first */

    for (size_t i = 0; i < size;) {
        size_t end = i + 1;
        bool vowel = false;

        if (text[i] != 'l' || i < done) {
            hse_buf_byte(out, (uint8_t)text[i++]);
            continue;
        }
        for (; end < size && text[end] != ' ' && !vowel; end += !vowel)
            for (size_t k = 0; k < COUNT(vowels) && !vowel; k++)
                vowel = strncmp(text + end, vowels[k], strlen(vowels[k])) == 0;
        if (vowel) {
            done = end;
            hse_buf_byte(out, (uint8_t)text[i++]);
        } else {
            hse_buf_str(out, "\u026B");
            hse_buf_append(out, text + i + 1, end - i - 1);
            i = end;
        }
    }
}

static void last_letters(hse_buf *out, const char *text)
{
    static const struct {
        const char *from, *to;
    } map[] = {{"r", "\u0279"}, {"\u02A4", "d\u0292"}, {"\u02A7", "t\u0283"}, {"...", "\u2026"}};

    while (*text) {
        size_t k = 0;

        while (k < COUNT(map) && strncmp(text, map[k].from, strlen(map[k].from)) != 0)
            k++;
        if (k < COUNT(map)) {
            hse_buf_str(out, map[k].to);
            text += strlen(map[k].from);
        } else {
            hse_buf_byte(out, (uint8_t)*text++);
        }
    }
}

/* ---- all together ---- */

static hse_status step(openvoice_piece *out, int i, const char *name, hse_buf *b, hse_arena *arena, hse_error *err)
{
    out->step_name[i] = name;
    return hse_buf_to_arena(b, arena, "the text", &out->step[i], err);
}

static hse_status english_numbers(const char *text, size_t size, hse_buf *out, hse_error *err)
{
    hse_buf *steps[HS1_STEPS] = {[HS1_STEP_NUMBERS] = out};

    return hs1_clean(text, size, steps, err);
}

/* As the dictionary has it, else by rules of our own; small letters. */
static hse_status fold(const openvoice_front *front, const char *text, hse_arena *arena, hse_buf *out, hse_error *err)
{
    text_answer ascii = {0};
    hse_status s = front->dictionary.ask(front->dictionary.user, TEXT_UNIDECODE, text, strlen(text), arena, &ascii, err);

    if (s == HSE_OK && ascii.found)
        hse_buf_str(out, ascii.count ? ascii.item[0] : "");
    else if (s == HSE_OK)
        s = text_to_ascii(text, strlen(text), out, err);
    for (size_t i = 0; i < out->size; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (uint8_t)(out->data[i] + 32);
    return s;
}

hse_status openvoice_english(openvoice_piece *out, const openvoice_front *front, const char *text, hse_arena *arena,
                             const char **phonetic, hse_error *err)
{
    hse_buf b, work;
    hse_status s;

    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    if ((s = fold(front, text, arena, &b, err)) != HSE_OK) {
        hse_buf_free(&b);
        return s;
    }
    if ((s = step(out, 0, "unidecode_lower", &b, arena, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    hse_buf_init(&work, OPENVOICE_TEXT_BYTES);
    hse_buf_str(&b, out->step[0]);
    en_expand_abbreviations(&b, &work, EN_TITLES);
    hse_buf_free(&work);
    if ((s = step(out, 1, "abbreviations", &b, arena, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    s = english_numbers(out->step[1], strlen(out->step[1]), &b, err);
    if (s == HSE_OK)
        s = step(out, 2, "numbers", &b, arena, err);
    else
        hse_buf_free(&b);
    if (s != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    s = say_all(front, out->step[2], arena, &b, err);
    if (s == HSE_OK)
        s = step(out, 3, "ipa", &b, arena, err);
    else
        hse_buf_free(&b);
    if (s != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    darken(&b, out->step[3]);
    if ((s = step(out, 4, "dark_l", &b, arena, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    last_letters(&b, out->step[4]);
    s = step(out, 5, "ipa2", &b, arena, err);
    *phonetic = out->step[5];
    return s;
}

/* ---- numbers alone ---- */

hse_status openvoice_numbers(const openvoice_front *front, const char *text, size_t size, hse_arena *arena, const char **out,
                             hse_error *err)
{
    hse_buf b;
    hse_status s;

    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    s = front->language == OPENVOICE_EN ? english_numbers(text, size, &b, err)
                                        : text_zh_spell_numbers(&front->dictionary, text, size, arena, &b, err);
    if (s == HSE_OK)
        return hse_buf_to_arena(&b, arena, "the text", out, err);
    hse_buf_free(&b);
    return s;
}
