/* numeral.c - Chinese numerals as cn2an writes them ("low": the small characters). */
#include "text/zh/internal.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <string.h>

enum { MAX_DIGITS = 16 };

/* While a numeral is put together its characters are letters: 0-9, and the units of ten, hundred, thousand, 10^4, 10^8. */
static const char letters[] = "0123456789THKWY";
static const char *const characters[] = {"\u96F6", "\u4E00", "\u4E8C", "\u4E09", "\u56DB", "\u4E94", "\u516D", "\u4E03",
                                         "\u516B", "\u4E5D", "\u5341", "\u767E", "\u5343", "\u4E07", "\u4EBF"};
static const char units[] = "\0THKWTHKYTHKWTHK";

static void say(hse_buf *out, char letter)
{
    hse_buf_str(out, characters[strchr(letters, letter) - letters]);
}

/* Each place where `from` (two letters) stands becomes `to` (one), from left to right. */
static void replace(char *word, const char *from, char to)
{
    char *put = word;

    for (const char *at = word; *at; at++) {
        bool found = at[0] == from[0] && at[1] == from[1];

        *put++ = found ? to : *at;
        at += found;
    }
    *put = '\0';
}

/* n <= 16 digits without a leading zero (but "0"). A zero is said once between what is not zero; not behind a unit of four
 * places where the next thousand follows; not at the ends. */
static void whole(hse_buf *out, const char *d, size_t n)
{
    char word[4 * MAX_DIGITS + 2] = "", *at = word, *put = word;

    for (size_t i = 0; i < n; i++) {
        size_t place = n - 1 - i;

        if (d[i] != '0' || place % 4 == 0) {
            *at++ = d[i];
            if (units[place])
                *at++ = units[place];
        }
        if (d[i] == '0' && i > 0 && at[-1] != '0')
            *at++ = '0';
    }
    *at = '\0';
    replace(word, "00", '0');
    replace(word, "0W", 'W');
    replace(word, "0Y", 'Y');
    replace(word, "YW", 'Y');
    for (at = word; *at == '0';)
        at++;
    for (size_t left = strlen(at); left && at[left - 1] == '0';)
        at[--left] = '\0';
    for (; *at; at++) {
        bool drop = *at == '0' && put > word && (put[-1] == 'W' || put[-1] == 'Y') && at[1] > '0' && at[1] <= '9' && at[2] == 'K';

        if (!drop)
            *put++ = *at;
    }
    *put = '\0';
    at = word[0] == '1' && word[1] == 'T' ? word + 1 : word;        /* ten, not one ten */
    if (!*at)
        say(out, '0');
    for (; *at; at++)
        say(out, *at);
}

/* Digits and dots of full width become plain ones. False: something else is there. */
static bool plain(char *out, size_t *n, const char *digits, size_t size)
{
    *n = 0;
    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t length = hse_utf8_next(digits + i, size - i, &c);

        if (length == 3 && c >= 0xFF0E && c <= 0xFF19)
            c -= 0xFEE0;
        if (!length || (c != '.' && (c < '0' || c > '9')))
            return false;
        out[(*n)++] = (char)c;
        i += length;
    }
    return *n > 0;
}

hse_status text_zh_numeral(const char *text, size_t text_size, hse_arena *arena, text_answer *out, hse_error *err)
{
    char *digits = hse_arena_alloc(arena, text_size + 1);
    size_t size;

    if (!digits)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a numeral");
    if (!plain(digits, &size, text, text_size) || digits[0] == '.')
        return hse_fail(err, HSE_E_ARG, 0, "'%.*s' is no number", (int)(text_size > 40 ? 40 : text_size), text);
    char *dot = memchr(digits, '.', size);
    size_t n = dot ? (size_t)(dot - digits) : size, skip = 0;
    hse_buf b;

    while (skip + 1 < n && digits[skip] == '0')
        skip++;
    if (dot && memchr(dot + 1, '.', size - n - 1))
        return hse_fail(err, HSE_E_ARG, 0, "a number with two points");
    if (n - skip > MAX_DIGITS)
        return hse_fail(err, HSE_E_ARG, 0, "a number of %zu digits; at most %d can be spoken", n - skip, MAX_DIGITS);
    hse_buf_init(&b, 1 << 20);
    whole(&b, digits + skip, n - skip);
    if (dot) {
        hse_buf_str(&b, "\u70B9");
        for (size_t i = n + 1; i < size && i <= n + MAX_DIGITS; i++)
            say(&b, digits[i]);
    }
    return text_answer_take(out, &b, arena, "a numeral", err);
}

/* ---- numbers in a text ---- */

static size_t digits_at(const char *t, size_t left)
{
    size_t n = 0, length;
    uint32_t c;

    while ((length = hse_utf8_next(t + n, left - n, &c)) != 0 && ((c >= '0' && c <= '9') || (c >= 0xFF10 && c <= 0xFF19)))
        n += length;
    return n;
}

hse_status text_zh_spell_numbers(const text_dictionary *dictionary, const char *text, size_t size, hse_arena *arena, hse_buf *out,
                                 hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0, n; s == HSE_OK && i < size; i += n) {
        size_t part;
        text_answer a = {0};
        uint32_t c;

        if ((n = digits_at(text + i, size - i)) == 0) {
            n = hse_utf8_next(text + i, size - i, &c);
            n = n ? n : 1;
            hse_buf_append(out, text + i, n);
            continue;
        }
        part = i + n < size && text[i + n] == '.' ? digits_at(text + i + n + 1, size - i - n - 1) : 0;
        n += part ? part + 1 : 0;
        s = dictionary->ask(dictionary->user, TEXT_CN2AN, text + i, n, arena, &a, err);
        if (s == HSE_OK && a.count)
            hse_buf_str(out, a.item[0]);
    }
    return s;
}
