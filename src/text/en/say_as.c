/* say_as.c - English: letters, numbers, dates and telephone numbers where the writer says what they are. */
#include "text/en/en.h"

#include "base/utf8.h"
#include "text/common/common.h"
#include "text/en/spell.h"

#include <string.h>

static const struct {
    char        sign;
    const char *name;
} signs[] = {
    {'-', "dash"},    {'.', "dot"},      {',', "comma"},       {'@', "at"},           {'/', "slash"},       {'_', "underscore"},
    {'+', "plus"},    {'#', "hash"},     {'&', "ampersand"},   {'*', "star"},         {':', "colon"},       {';', "semicolon"},
    {'!', "exclamation mark"},           {'?', "question mark"},                      {'=', "equals"},      {'%', "percent"},
    {'$', "dollar"},  {'(', "open parenthesis"},               {')', "close parenthesis"},                  {'\'', "apostrophe"},
    {'"', "quote"},   {'<', "less than"},                      {'>', "greater than"}, {'\\', "backslash"}, {'|', "bar"},
    {'~', "tilde"},   {'^', "caret"},    {'[', "open bracket"},                       {']', "close bracket"},
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(const char *text, size_t size, size_t i)
{
    size_t n = 0;

    while (i + n < size && digit(text[i + n]))
        n++;
    return n;
}

/* A character by its name; false: it has none here. */
static bool say_character(hse_buf *out, char c)
{
    const char *letter = en_letter_name(c);

    if (letter) {
        say(out, letter);
        return true;
    }
    if (digit(c)) {
        en_say_value(out, (unsigned)(c - '0'));
        return true;
    }
    for (size_t i = 0; i < COUNT(signs); i++)
        if (signs[i].sign == c) {
            say(out, signs[i].name);
            return true;
        }
    return false;
}

/* One after another, a comma where there was a blank. Characters without a name stay as they are. */
static bool say_characters(hse_buf *out, const char *text, size_t size)
{
    bool any = false;

    for (size_t i = 0, n; i < size; i += n) {
        uint32_t c;

        n = hse_utf8_next(text + i, size - i, &c);
        n = n ? n : 1;
        if (c == ' ') {
            say_mark(out, ',');
        } else if (c >= 0x80) {
            say_n(out, text + i, n);
            any = true;
        } else {
            any = say_character(out, (char)c) || any;
        }
    }
    return any;
}

/* Digit by digit, a comma between groups: "555-0199" is "five five five, oh one nine nine", with letters and a plus. */
static bool say_telephone(hse_buf *out, const char *text, size_t size)
{
    bool any = false, gap = false;

    for (size_t i = 0; i < size; i++) {
        if (strchr(" -.()/", text[i])) {
            gap = any;
            continue;
        }
        if (!digit(text[i]) && !en_letter_name(text[i]) && text[i] != '+' && text[i] != '#' && text[i] != '*')
            return false;
        if (gap)
            say_mark(out, ',');
        say_character(out, text[i]);
        any = true;
        gap = false;
    }
    return any;
}

/* -1,234.50: digits with commas or blanks between groups, a fraction. */
static bool say_number(hse_buf *out, const char *text, size_t size)
{
    char whole[64];
    size_t n = 0, i = size && (*text == '-' || *text == '+');

    for (; i < size && (digit(text[i]) || (n && (text[i] == ',' || text[i] == ' '))); i++)
        if (digit(text[i])) {
            if (n == sizeof whole)
                return false;
            whole[n++] = text[i];
        }
    size_t fraction = i < size && text[i] == '.' ? digits_at(text, size, i + 1) : 0;
    if ((n == 0 && !fraction) || i + (fraction ? fraction + 1 : 0) != size)
        return false;
    if (*text == '-')
        say(out, "minus");
    if (n)
        en_say_cardinal(out, whole, n);
    if (fraction) {
        say(out, "point");
        en_say_digits(out, text + i + 1, fraction);
    }
    return true;
}

static bool say_ordinal(hse_buf *out, const char *text, size_t size)
{
    size_t n = digits_at(text, size, 0);
    static const char *const endings[] = {"", ".", "st", "nd", "rd", "th"};

    for (size_t k = 0; n && n <= 36 && k < COUNT(endings); k++)
        if (strlen(endings[k]) == size - n && memcmp(endings[k], text + n, size - n) == 0) {
            en_say_ordinal(out, text, n);
            return true;
        }
    return false;
}

/* ---- dates --------------------------------------------------------------------------------------------------------- */

static bool say_date(hse_buf *out, const char *format, const char *text, size_t size)
{
    text_parts p;

    if (!common_parts(format, text, size, &p))
        return false;
    if (p.day_first) {
        say(out, "the");
        en_say_value_ordinal(out, p.day);
        say(out, "of");
        say(out, en_month_name(p.month));
    } else {
        if (p.month)
            say(out, en_month_name(p.month));
        if (p.day)
            en_say_value_ordinal(out, p.day);
    }
    if (p.has_year) {
        if (p.day && p.month && !p.day_first)
            say_mark(out, ',');
        en_say_year(out, p.year);
    }
    return true;
}

bool en_say_as(hse_buf *out, text_say_kind kind, const char *format, const char *text, size_t size)
{
    switch (kind) {
    case SAY_CHARACTERS: return say_characters(out, text, size);
    case SAY_DIGITS:
        for (size_t i = 0; i < size; i++)
            if (!digit(text[i]) && text[i] != ' ')
                return false;
        en_say_digits(out, text, size);
        return true;
    case SAY_TELEPHONE: return say_telephone(out, text, size);
    case SAY_CARDINAL: return say_number(out, text, size);
    case SAY_ORDINAL: return say_ordinal(out, text, size);
    case SAY_DATE: return say_date(out, format, text, size);
    default: return false;                  /* its look says all */
    }
}
