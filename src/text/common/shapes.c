/* shapes.c - dates and times in numbers. */
#include "text/common/common.h"

bool common_clock(const text_scan *s, size_t i, const char *separators, text_clock *c)
{
    size_t n = scan_digits(s, i, 2), at = i + n;
    char sep = scan_char(s, at);

    *c = (text_clock){0};
    if (n < 1 || n > 2 || !sep || !strchr(separators, sep) || scan_digits(s, at + 1, 2) != 2)
        return false;
    c->hour = scan_value(s, i, n);
    c->leading_zero = n == 2 && scan_char(s, i) == '0';
    c->minute = scan_value(s, at + 1, 2);
    at += 3;
    if (sep == ':' && scan_char(s, at) == ':' && scan_digits(s, at + 1, 2) == 2) {
        c->second = scan_value(s, at + 1, 2);
        c->has_second = true;
        at += 3;
    }
    if (c->hour > 24 || c->minute > 59 || c->second > 59)
        return false;
    if (strchr(separators, scan_char(s, at)) && scan_char(s, at) && scan_is_digit(s, at + 1))
        return false;
    if (scan_char(s, at) == ',' && scan_is_digit(s, at + 1))
        return false;
    c->len = at - i;
    return true;
}

size_t common_clock_dash(text_scan *s, size_t i)
{
    const text_words *w = s->language->words;
    text_clock c;

    if ((scan_char(s, i) != '-' && scan_char(s, i) != '~') || !common_clock(s, i + 1, w->clock_separators, &c))
        return 0;
    common_say(s, w->range);
    return 1;
}

size_t common_rule_clock(text_scan *s)
{
    const text_words *w = s->language->words;
    text_clock c;

    if (!common_clock(s, s->at, w->clock_separators, &c))
        return 0;
    w->clock(s, &c);
    return c.len + common_clock_dash(s, s->at + c.len);
}

/* The separator at i: its bytes; 0 when it is none of them. Beside ASCII the middle dot. */
static size_t separator_at(const text_scan *s, size_t i, const char *separators)
{
    char c = scan_char(s, i);

    if (scan_is(s, i, "·"))
        return strlen("·");
    return c && strchr(separators, c) ? 1 : 0;
}

bool common_date(const text_scan *s, size_t i, const char *separators, text_date *d)
{
    size_t at = i, first = 0;

    *d = (text_date){0};
    for (int k = 0; k < 3; k++) {
        size_t n = scan_digits(s, at, 4);
        if (n < 1 || n > 4)
            return false;
        d->at[k] = at;
        d->n[k] = n;
        d->value[k] = scan_value(s, at, n);
        at += n;
        if (k == 2)
            break;
        size_t sep = separator_at(s, at, separators);
        if (!sep || (k == 1 && memcmp(s->text + at, s->text + first, sep) != 0))
            return false;
        first = at;
        at += sep;
    }
    size_t more = separator_at(s, at, separators);
    if ((more && scan_is_digit(s, at + more)) || scan_is_digit(s, at) || !common_ends(s, at))
        return false;
    d->len = at - i;
    return true;
}

size_t common_day_month(const text_scan *s, unsigned *day, unsigned *month)
{
    size_t n = scan_digits(s, s->at, 2), at = s->at + n + 1, m = scan_digits(s, at, 2);

    if (n < 1 || n > 2 || m < 1 || m > 2 || (scan_char(s, at - 1) != '.' && scan_char(s, at - 1) != '/') || !common_ends(s, at + m) ||
        scan_char(s, at + m) == '/')
        return 0;
    *day = scan_value(s, s->at, n);
    *month = scan_value(s, at, m);
    return *day >= 1 && *day <= 31 && *month >= 1 && *month <= 12 ? n + 1 + m : 0;
}

size_t common_rule_date(text_scan *s)
{
    text_date d;

    if (!common_date(s, s->at, "-/.", &d) || !s->language->words->date(s, &d))
        return 0;
    return d.len;
}
