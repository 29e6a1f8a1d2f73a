/* en.c - MeloTTS' English: times, money and numbers in words, abbreviations, then a dictionary for every group of BERT's
 * tokens. */
#include "text/melo/internal.h"

#include "text/en/abbreviations.h"
#include "text/en/number.h"

/* ---- numbers ---- */

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

static hse_status too_large(const char *digits, size_t n, hse_error *err)
{
    return hse_fail(err, HSE_E_ARG, 0, "the number %.*s is too large to be spoken", (int)(n > 60 ? 60 : n), digits);
}

static unsigned value_of(const char *digits, size_t n)
{
    unsigned v = 0;

    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned)(digits[i] - '0');
    return v;
}

/* ---- times ---- */

/* The clock time at t ("3:45", "12:00 pm"), whose first character begins a word: how long it is with the white space and the
 * marker that belong to it; 0: none. */
static size_t time_at(const char *t, size_t left, unsigned *hour, unsigned *minute, const char **marker)
{
    size_t h = digits_at(t), at, space;
    uint32_t c = 0;

    if (h < 1 || h > 2 || t[h] != ':' || digits_at(t + h + 1) < 2 || t[h + 1] > '5')
        return 0;
    *hour = value_of(t, h);
    if (*hour > 23)
        return 0;
    *minute = value_of(t + h + 1, 2);
    at = space = h + 3;
    for (size_t n; (n = hse_utf8_next(t + space, left - space, &c)) != 0 && text_is_space(c);)
        space += n;
    for (size_t end = space;; end = at) {   /* with the white space first, else without it */
        *marker = NULL;
        if (strncmp(t + end, "am", 2) == 0 || strncmp(t + end, "pm", 2) == 0) {
            bool more = hse_utf8_next(t + end + 2, left - end - 2, &c) != 0 && text_is_word(c);

            if (!more) {
                *marker = t[end] == 'a' ? "a m" : "p m";
                return end + 2;
            }
        }
        /* A word boundary: behind the digits one may be, behind white space a word must begin. */
        bool word = hse_utf8_next(t + end, left - end, &c) != 0 && text_is_word(c);
        if (word == (end > at))
            return end;
        if (end == at)
            return 0;
    }
}

static void expand_times(hse_buf *out, const char *t, size_t size)
{
    bool inside = false;                    /* the character before is part of a word */

    for (size_t i = 0; i < size;) {
        unsigned hour, minute;
        const char *marker;
        uint32_t c = 0;
        size_t n = !inside && is_digit(t[i]) ? time_at(t + i, size - i, &hour, &minute, &marker) : 0;

        if (n) {
            char word[16];
            bool noon = hour >= 12 || hour == 0;

            hour = hour > 12 ? hour - 12 : hour == 0 ? 12 : hour;
            snprintf(word, sizeof word, "%u", hour);
            en_with_years(out, word, strlen(word));
            hse_buf_byte(out, ' ');
            if (minute) {
                snprintf(word, sizeof word, "%u", minute);
                hse_buf_str(out, minute < 10 ? "oh " : "");
                en_with_years(out, word, strlen(word));
                hse_buf_byte(out, ' ');
            }
            hse_buf_str(out, marker ? marker : noon ? "p m" : "a m");
            inside = text_is_word((uint8_t)t[i + n - 1]);
            i += n;
            continue;
        }
        n = hse_utf8_next(t + i, size - i, &c);
        n = n ? n : 1;
        hse_buf_append(out, t + i, n);
        inside = text_is_word(c);
        i += n;
    }
}

/* ---- money and other numbers, one pass each ---- */

static void remove_commas(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        size_t end = i;

        if (!is_digit(t[i])) {
            hse_buf_byte(out, (uint8_t)t[i]);
            continue;
        }
        while (is_digit(t[end]) || t[end] == ',')
            end++;
        while (!is_digit(t[end - 1]))
            end--;
        for (; i < end; i++)
            if (t[i] != ',')
                hse_buf_byte(out, (uint8_t)t[i]);
        i--;
    }
}

typedef struct {
    const char *sign, *one, *many, *cent, *cents;
} currency;

static const currency currencies[] = {{"$", "dollar", "dollars", "cent", "cents"},
                                      {"\u00A3", "pound sterling", "pounds sterling", "penny", "pence"},
                                      {"\u00A5", "yen", "yen", "sen", "sen"}};

/* An amount's digits, dots allowed inside: its length, 0 when no digit follows. */
static size_t amount_at(const char *t)
{
    size_t n = 0;

    while (is_digit(t[n]) || t[n] == '.' || t[n] == ',')
        n++;
    while (n && !is_digit(t[n - 1]))
        n--;
    return n;
}

static bool is_zero(const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (digits[i] != '0')
            return false;
    return true;
}

static const char *skip_zeros(const char *digits, size_t *n)
{
    while (*n > 1 && *digits == '0') {
        digits++;
        --*n;
    }
    return digits;
}

/* "3 dollars 50 cents": the numbers themselves become words later. */
static void say_amount(hse_buf *out, const currency *c, const char *t, size_t n)
{
    const char *dot = memchr(t, '.', n), *second = dot ? memchr(dot + 1, '.', n - (size_t)(dot + 1 - t)) : NULL;
    size_t whole = dot ? (size_t)(dot - t) : n, part = dot ? n - whole - 1 : 0;
    bool any = false;

    if (second) {
        hse_buf_append(out, t, n);
        hse_buf_printf(out, " %s", c->many);
        return;
    }
    if (!is_zero(t, whole)) {
        const char *digits = skip_zeros(t, &whole);

        hse_buf_printf(out, "%.*s %s", (int)whole, digits, whole == 1 && *digits == '1' ? c->one : c->many);
        any = true;
    }
    if (part && !is_zero(dot + 1, part)) {
        const char *digits = skip_zeros(dot + 1, &part);

        hse_buf_printf(out, "%s%.*s %s", any ? " " : "", (int)part, digits, part == 1 && *digits == '1' ? c->cent : c->cents);
        any = true;
    }
    if (!any)
        hse_buf_printf(out, "zero %s", c->many);
}

static void expand_money(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t n = 0;

        for (size_t k = 0; k < COUNT(currencies) && !n; k++) {
            size_t sign = strlen(currencies[k].sign);

            if (strncmp(t + i, currencies[k].sign, sign) == 0 && (n = amount_at(t + i + sign)) != 0) {
                say_amount(out, &currencies[k], t + i + sign, n);
                n += sign;
            }
        }
        if (!n)
            hse_buf_byte(out, (uint8_t)t[i]);
        i += n ? n : 1;
    }
}

static void expand_points(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t whole = digits_at(t + i), part = whole && t[i + whole] == '.' ? digits_at(t + i + whole + 1) : 0;

        if (part) {
            hse_buf_append(out, t + i, whole);
            hse_buf_str(out, " point ");
            hse_buf_append(out, t + i + whole + 1, part);
            i += whole + 1 + part;
        } else {
            size_t n = whole ? whole : 1;

            hse_buf_append(out, t + i, n);
            i += n;
        }
    }
}

static hse_status expand_numbers(hse_buf *out, const char *t, size_t size, bool ordinals, hse_error *err)
{
    for (size_t i = 0; i < size;) {
        bool minus = !ordinals && t[i] == '-' && is_digit(t[i + 1]);
        size_t n = digits_at(t + i + minus);
        const char *digits = t + i + minus, *end = digits + n;

        if (n == 0) {
            hse_buf_byte(out, (uint8_t)t[i++]);
            continue;
        }
        if (!ordinals) {
            hse_buf_str(out, minus ? "minus " : "");
            if (!(minus ? en_cardinal(out, digits, n, EN_HYPHEN | EN_COMMA) : en_with_years(out, digits, n)))
                return too_large(digits, n, err);
            i += minus + n;
        } else if (strncmp(end, "st", 2) == 0 || strncmp(end, "nd", 2) == 0 || strncmp(end, "rd", 2) == 0 ||
                   strncmp(end, "th", 2) == 0) {
            if (!en_ordinal(out, digits, n, EN_HYPHEN | EN_COMMA | EN_AND))
                return too_large(digits, n, err);
            i += n + 2;
        } else {
            hse_buf_append(out, digits, n);
            i += n;
        }
    }
    return HSE_OK;
}

hse_status melo_en_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err)
{
    hse_buf now, next;
    hse_status s = HSE_OK;

    (void)front;
    hse_buf_init(&now, MELO_TEXT_BYTES);
    hse_buf_init(&next, MELO_TEXT_BYTES);
    melo_lower(&now, piece, strlen(piece));
    expand_times(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    remove_commas(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    expand_money(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    expand_points(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    for (int ordinals = 1; s == HSE_OK && ordinals >= 0; ordinals--) {
        s = expand_numbers(&next, hse_buf_text(&now), now.size, ordinals, err);
        hse_buf_advance(&now, &next);
    }
    en_expand_abbreviations(&now, &next, EN_TITLES);
    hse_buf_free(&next);
    if (s == HSE_OK)
        return hse_buf_to_arena(&now, arena, "the text", norm, err);
    hse_buf_free(&now);
    return s;
}

/* ---- words to phones ---- */

/* A phone of ARPAbet: small letters, the stress digit gives the tone; then upstream's own spellings. */
static void add_phone(melo_phones *p, const char *phone, size_t size, bool arpabet)
{
    char name[64];
    const char *to;
    int tone = 0;

    if (size >= sizeof name) {
        melo_phone_add(p, "UNK", 3, 0);
        return;
    }
    memcpy(name, phone, size);
    name[size] = '\0';
    if (arpabet && is_digit(name[size - 1])) {
        tone = name[size - 1] - '0' + 1;
        name[--size] = '\0';
    }
    for (size_t i = 0; arpabet && i < size; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] + 32);
    to = melo_map(melo_en_replacements, melo_en_replacements_count, name);
    to = to ? to : melo_in(melo_symbols, melo_symbols_count, name) ? name : "UNK";
    melo_phone_add(p, to, strlen(to), tone);
}

/* "AE1 K - M IY0" */
static void add_syllables(melo_phones *p, const char *value)
{
    while (*value) {
        size_t n = strcspn(value, " ");

        if (n && !(n == 1 && *value == '-'))
            add_phone(p, value, n, true);
        value += n;
        value += strspn(value, " ");
    }
}

static hse_status say_group(const melo_front *front, const melo_group *g, hse_arena *arena, melo_phones *p, hse_error *err)
{
    char *upper = hse_arena_strndup(arena, g->word, g->size);
    text_answer a = {0};
    hse_status s;

    if (!upper)
        return melo_no_memory(err);
    for (char *c = upper; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 32);
    s = front->dictionary.ask(front->dictionary.user, TEXT_CMUDICT_REP, upper, g->size, arena, &a, err);
    if (s == HSE_OK && a.found && a.count) {
        add_syllables(p, a.item[0]);
        return HSE_OK;
    }
    if (s == HSE_OK)
        s = front->dictionary.ask(front->dictionary.user, TEXT_G2P_EN, g->word, g->size, arena, &a, err);
    for (size_t i = 0; s == HSE_OK && i < a.count; i++)
        if (strcmp(a.item[i], " ") != 0)
            add_phone(p, a.item[i], strlen(a.item[i]), melo_in(melo_arpabet, melo_arpabet_count, a.item[i]));
    return s;
}

hse_status melo_en_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err)
{
    int32_t *own = NULL;
    melo_group *group;
    size_t count;
    hse_status s = HSE_OK;

    if (!token) {
        s = melo_tokenise(front, norm, arena, &own, &tokens, err);
        token = own;
    }
    if (s == HSE_OK)
        s = melo_groups(&group, &count, front->tokens, token, tokens, arena, err);
    for (size_t i = 0; s == HSE_OK && i < count; i++) {
        size_t before = phones->phones;

        s = say_group(front, &group[i], arena, phones, err);
        melo_share(phones, phones->phones - before, group[i].tokens);
    }
    return s;
}
