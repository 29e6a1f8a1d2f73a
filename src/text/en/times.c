/* times.c - times of the day and their ranges. */
#include "text/en/en.h"

static const char *const zones[] = {
    "est", "edt", "pst",  "pdt", "cst", "cdt", "mst", "mdt", "gmt",
    "utc", "cet", "cest", "bst", "ist", "jst", "kst", "et",  "pt",
};

/* am, a.m., A.M, p : bytes; which of them in *pm. `strict` leaves out a lone letter. */
static size_t half_day(const text_scan *s, size_t i, bool *pm)
{
    char c = (char)(scan_char(s, i) | 0x20);
    size_t at = i + 1;

    if (c != 'a' && c != 'p')
        return 0;
    if (scan_char(s, at) == '.')
        at++;
    if ((scan_char(s, at) | 0x20) != 'm')
        return 0;
    at++;
    if (scan_char(s, at) == '.' && scan_char(s, i + 1) == '.')
        at++;
    else if (scan_word_char(s, at))
        return 0;
    *pm = c == 'p';
    return at - i;
}

static size_t zone_at(const text_scan *s, size_t i, char name[5])
{
    size_t at = i, n = 0;
    bool dots = false;

    while (n < 4 && scan_is_letter(s, at)) {
        name[n++] = (char)(scan_char(s, at++) | 0x20);
        if (scan_char(s, at) == '.' && (scan_is_letter(s, at + 1) || dots)) {
            dots = true;
            at++;
        }
    }
    name[n] = '\0';
    if (scan_word_char(s, at))
        return 0;
    for (size_t k = 0; k < COUNT(zones); k++)
        if (strcmp(name, zones[k]) == 0) {
            if (n == 2 && !scan_is_upper(s, i))
                return 0; /* "et", "pt" */
            for (size_t j = 0; j < n; j++)
                name[j] = (char)(name[j] & ~0x20);
            return at - i;
        }
    return 0;
}

static void say_unit(hse_buf *out, unsigned v, const char *unit)
{
    en_say_value(out, v);
    say(out, unit);
    if (v != 1)
        hse_buf_byte(out, 's');
}

typedef struct {
    size_t len;
    unsigned hour, minute, second;
    bool has_minute, has_second, has_half, pm;
    size_t fraction, n_fraction;
    bool dot; /* the last character is the dot of an abbreviation */
    char zone[5];
} clock_time;

/* 5pm, 5 p.m., 10:30, 1.59 p.m., 14:10:30.5, with a zone behind it */
static bool parse(const text_scan *s, size_t i, clock_time *t)
{
    size_t n = scan_digits(s, i, 2), at = i + n, len;

    *t = (clock_time){0};
    if (n < 1 || n > 2 || (t->hour = scan_value(s, i, n)) > 24)
        return false;
    char sep = scan_char(s, at);
    if ((sep == ':' || sep == '.') && scan_digits(s, at + 1, 2) == 2) {
        t->minute = scan_value(s, at + 1, 2);
        t->has_minute = true;
        at += 3;
        if (sep == ':' && scan_char(s, at) == ':' && scan_digits(s, at + 1, 2) == 2) {
            t->second = scan_value(s, at + 1, 2);
            t->has_second = true;
            at += 3;
            n = scan_char(s, at) == '.' ? scan_digits(s, at + 1, 6) : 0;
            if (n >= 1 && n <= 6) {
                t->fraction = at + 1;
                t->n_fraction = n;
                at += 1 + n;
            }
        }
        if (t->minute > 59 || t->second > 59 || (scan_char(s, at) == ':' && scan_is_digit(s, at + 1)))
            return false;
    }
    size_t space = scan_char(s, at) == ' ';
    if (t->hour >= 1 && t->hour <= 12 && (len = half_day(s, at + space, &t->pm))) {
        t->has_half = true;
        at += space + len;
    }
    if (!t->has_half && (!t->has_minute || sep == '.'))
        return false;
    space = scan_char(s, at) == ' ';
    if ((len = zone_at(s, at + space, t->zone)) > 0 && (space || t->has_half))
        at += space + len;
    else
        t->zone[0] = '\0';
    if (!t->zone[0] && scan_word_char(s, at) && scan_char(s, at) != 'Z')
        return false;
    t->dot = scan_char(s, at - 1) == '.';
    t->len = at - i;
    return true;
}

static void say_time(const text_scan *s, hse_buf *out, const clock_time *t, bool half)
{
    if (t->has_second) {
        say_unit(out, t->hour, "hour");
        say_unit(out, t->minute, "minute");
        say(out, "and");
        if (t->n_fraction) {
            en_say_value(out, t->second);
            say(out, "point");
            en_say_digits(out, s->text + t->fraction, t->n_fraction);
            say(out, "seconds");
        } else {
            say_unit(out, t->second, "second");
        }
    } else {
        en_say_value(out, t->hour);
        if (t->minute)
            en_say_two(out, t->minute, "oh");
        else if (!t->has_half && t->has_minute && half)
            say(out, "o'clock");
    }
    if (t->has_half && half)
        say(out, t->pm ? "PM" : "AM");
    if (t->zone[0])
        say(out, t->zone);
}

size_t en_time_at(const text_scan *s, size_t i, hse_buf *out)
{
    clock_time t;

    if (!parse(s, i, &t))
        return 0;
    say_time(s, out, &t, true);
    return t.len;
}

static size_t range_dash(const text_scan *s, size_t i)
{
    if (scan_char(s, i) == '-' && scan_is_digit(s, i + 1))
        return 1;
    return scan_is(s, i, " - ") && scan_is_digit(s, i + 3) ? 3 : 0;
}

size_t en_rule_time(text_scan *s)
{
    clock_time a, b;
    size_t n = scan_digits(s, s->at, 2), dash;

    if (parse(s, s->at, &a)) {
        size_t end = s->at + a.len;
        if ((dash = range_dash(s, end)) && parse(s, end + dash, &b)) {
            /* "1:00-2:00 pm" is "one to two PM" */
            bool bare = !a.has_half && b.has_half && !a.has_second && a.minute == 0;
            say_time(s, s->out, &a, !bare);
            say(s->out, "to");
            say_time(s, s->out, &b, true);
            a.dot = b.dot;
            end += dash + b.len;
        } else {
            bool said = scan_is(s, end, " o'clock") && !a.has_half;
            say_time(s, s->out, &a, !said);
        }
        if (a.dot && en_sentence_ends(s, end))
            say_mark(s->out, '.');
        return end - s->at;
    }
    /* 9-5pm: the first has no sign of a time but the second's */
    if (n >= 1 && n <= 2 && scan_value(s, s->at, n) >= 1 && scan_value(s, s->at, n) <= 12 &&
        (dash = range_dash(s, s->at + n)) && parse(s, s->at + n + dash, &b) && b.has_half) {
        en_say_value(s->out, scan_value(s, s->at, n));
        say(s->out, "to");
        say_time(s, s->out, &b, true);
        if (b.dot && en_sentence_ends(s, s->at + n + dash + b.len))
            say_mark(s->out, '.');
        return n + dash + b.len;
    }
    return 0;
}
