/* numbers.c - digits in Korean: sino-Korean or native numerals before a noun that counts, one by one elsewhere. */
#include "text/ko/ko.h"

#include "base/utf8.h"
#include "text/ascii.h"

#include <string.h>

enum { MAX_DIGITS = 16, LAST_SYLLABLE = 0xD7A3, NAMELESS = 10 };

/* A digit of another script counts places and has no name itself (the reference). */
static const char *const sino[] = {"",       "\uC77C", "\uC774", "\uC0BC", "\uC0AC", "\uC624",
                                   "\uC721", "\uCE60", "\uD314", "\uAD6C", [NAMELESS] = ""};
static const char *const native[] = {"",             "\uD55C",       "\uB450",       "\uC138",       "\uB124",
                                     "\uB2E4\uC12F", "\uC5EC\uC12F", "\uC77C\uACF1", "\uC5EC\uB35F", "\uC544\uD649", [NAMELESS] = ""};
static const char *const tens[] = {"",             "\uC5F4",       "\uC2A4\uBB3C", "\uC11C\uB978", "\uB9C8\uD754",
                                   "\uC270",       "\uC608\uC21C", "\uC77C\uD754", "\uC5EC\uB4E0", "\uC544\uD754", [NAMELESS] = ""};
static const char *const small[] = {"", "\uC2ED", "\uBC31", "\uCC9C"};
static const char *const large[] = {"", "\uB9CC", "\uC5B5", "\uC870"};
static const char *const alone[] = {"\uC601", "\uC77C", "\uC774", "\uC0BC", "\uC0AC", "\uC624", "\uC721", "\uCE60", "\uD314", "\uAD6C"};

static void put(ko_text *out, const char *s)
{
    ko_put_utf8(out, s, strlen(s));
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Of any script. */
static bool is_any_digit(uint32_t c)
{
    return is_digit(c) || (c > 0x7F && text_digit_value(ko_code(c)) >= 0);
}

/* A digit and its place. A one is not said before ten, hundred, thousand and ten thousand, up to that of ten million; in
 * higher places only before ten thousands of millions it is. */
static void say_place(ko_text *out, unsigned d, size_t place, bool is_native)
{
    bool silent_one = d == 1 && place >= 1 && place <= 7;

    if (is_native && place < 2) {
        put(out, place ? tens[d] : native[d]);
        return;
    }
    if (!silent_one)
        put(out, sino[d]);
    put(out, place % 4 ? small[place % 4] : large[place / 4]);
}

static void say_number(ko_text *out, const uint8_t *digits, size_t n, bool is_native)
{
    unsigned said = 0;                      /* bit k: k places ago something was said */

    if (n == 1 && digits[0] == 0) {
        put(out, alone[0]);
        return;
    }
    if (is_native && n == 2 && digits[0] == 2 && digits[1] == 0) {
        put(out, "\uC2A4\uBB34");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t place = n - 1 - i, before = out->n;
        unsigned d = digits[i];

        /* The unit of four places stands for its zero if one of the three digits before was said. */
        if (d || (place % 4 == 0 && (said & 7)))
            say_place(out, d, place, is_native);
        said = said << 1 | (out->n > before);
    }
}

static bool is_hangul(uint32_t c)
{
    return c >= 0x3131 && c <= LAST_SYLLABLE;
}

/* Native numerals count the nouns of the list, and what is a part of one. */
static bool counts_native(hse_bytes counted, const ko_text *t, size_t from, size_t to)
{
    char noun[256];
    size_t n = 0;

    for (size_t i = from; i < to; i++) {
        if (n + 4 > sizeof noun)
            return false;
        n += hse_utf8_put(noun + n, ko_code(t->c[i]));
    }
    for (size_t i = 0; i + n <= counted.size; i++)
        if (memcmp(counted.data + i, noun, n) == 0)
            return true;
    return false;
}

/* A number before Hangul that ends in a marked counter: where that ends; 0: none here. */
static size_t counted_end(const ko_text *t, size_t digits_end)
{
    size_t i = digits_end;

    while (i < t->n && is_hangul(ko_code(t->c[i])))
        if (ko_mark_of(t->c[i++]) != KO_NO_MARK)
            return ko_mark_of(t->c[i - 1]) == KO_COUNTER ? i : 0;
    return 0;
}

hse_status ko_say_numbers(ko_text *t, hse_bytes counted, hse_error *err)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};

    for (size_t i = 0; i < t->n;) {
        uint8_t digits[MAX_DIGITS];
        size_t n = 0, end = i, stop;

        while (is_any_digit(t->c[i]) && end < t->n && (is_any_digit(t->c[end]) || t->c[end] == ',')) {
            if (t->c[end] != ',' && n++ < MAX_DIGITS)
                digits[n - 1] = is_digit(t->c[end]) ? (uint8_t)(t->c[end] - '0') : NAMELESS;
            end++;
        }
        stop = n ? counted_end(t, end) : 0;
        if (stop && n > MAX_DIGITS)
            return hse_fail(err, HSE_E_ARG, 0, "a number of %zu digits; at most %d can be spoken", n, MAX_DIGITS);
        if (stop) {
            say_number(&out, digits, n, counts_native(counted, t, end, stop));
            i = end;
        } else {
            end = n ? end : i + 1;
            for (; i < end; i++)
                if (is_digit(t->c[i]))
                    put(&out, alone[t->c[i] - '0']);
                else
                    ko_put(&out, t->c[i]);
        }
    }
    *t = out;
    return HSE_OK;
}
