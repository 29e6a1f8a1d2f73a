/* numeral.c - Japanese numerals in kanji. */
#include "text/common/common.h"
#include "text/ja/ja.h"

#include "base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 51, MAX_FRACTION = 17 };

static const char *const large[] = {"",       "\u4E07", "\u5104", "\u5146", "\u4EAC", "\u5793", "\u79ED",
                                    "\u7A63", "\u6E9D", "\u6F97", "\u6B63", "\u8F09", "\u6975"};

/* A one is not said before ten, hundred, thousand. */
static const asian_numerals kanji = {
    .digit = {"\u96F6", "\u4E00", "\u4E8C", "\u4E09", "\u56DB", "\u4E94", "\u516D", "\u4E03", "\u516B", "\u4E5D"},
    .small = {"", "\u5341", "\u767E", "\u5343"},
    .large = large,
    .n_large = COUNT(large),
};

/* The digits behind the point as a double keeps them: at most as many as tell it from its neighbours. */
static size_t fraction(char *out, size_t room, const char *number, double *value)
{
    char text[64] = "";
    const char *exponent, *dot;
    double rest;
    int places;

    *value = strtod(number, NULL);
    for (int precision = 1; precision <= MAX_FRACTION; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, *value);
        if (!(strtod(text, NULL) < *value || strtod(text, NULL) > *value))
            break;
    }
    exponent = strchr(text, 'e');
    dot = memchr(text, '.', exponent ? (size_t)(exponent - text) : 0);
    places = (dot ? (int)(exponent - dot) - 1 : 0) - (exponent ? (int)strtol(exponent + 1, NULL, 10) : 0);
    if (places <= 0 || *value >= 1e16 || !(*value > 0))
        return 0;
    places = places > 40 ? 40 : places;
    rest = (*value - floor(*value)) * pow(10, places);
    rest = fabs(round(rest) - rest) < 0.01 ? round(rest) : floor(rest);
    snprintf(text, sizeof text, "%0*.0f", places, rest);
    snprintf(out, room, "%s", text);
    return strlen(out);
}

static void say_fraction(hse_buf *out, const char *number)
{
    char digits[64];
    double value;
    size_t n = fraction(digits, sizeof digits, number, &value);

    if (!n)
        return;
    hse_buf_str(out, "\u70B9");
    for (size_t i = 0; i < n; i++)
        hse_buf_str(out, kanji.digit[digits[i] - '0']);
}

hse_status text_ja_numeral(const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    char *number = hse_arena_strndup(arena, text, size);
    size_t n, skip = 0;
    hse_buf b;

    *out = (text_answer){0};
    if (!number)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a numeral");
    n = strspn(number, "0123456789");
    if (n == 0 || n + (number[n] == '.') + strspn(number + n + (number[n] == '.'), "0123456789") != size)
        return hse_fail(err, HSE_E_ARG, 0, "'%.40s' is no number", number);
    while (skip < n && number[skip] == '0')
        skip++;
    if (n - skip > MAX_DIGITS)
        return hse_fail(err, HSE_E_ARG, 0, "a number of %zu digits; at most %d can be spoken", n - skip, MAX_DIGITS);
    hse_buf_init(&b, 4096);
    asian_cardinal(&b, number + (skip < n ? skip : n - 1), skip < n ? n - skip : 1, &kanji);
    if (number[n] == '.')
        say_fraction(&b, number + skip);
    return text_answer_take(out, &b, arena, "a numeral", err);
}
