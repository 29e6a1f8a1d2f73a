/* numbers.c - plain numbers in all their forms: ordinals, ranges, fractions, dimensions, versions, codes. */
#include "text/en/en.h"
#include "text/en/number.h"

static bool number_follows(const text_scan *s, size_t i)
{
    return scan_is_digit(s, i) || (scan_char(s, i) == '.' && scan_is_digit(s, i + 1));
}

/* The number ends here: neither a letter nor more digits behind a point or comma. */
static bool number_ends(const text_scan *s, size_t i)
{
    char c = scan_char(s, i);

    return !scan_word_char(s, i) && !((c == '.' || c == ',') && scan_is_digit(s, i + 1));
}

/* 23rd, 1,000th; a suffix that does not fit is said as it is: "four rd" */
size_t en_rule_ordinal(text_scan *s)
{
    text_number n;

    if (!en_number(s, s->at, &n) || n.n_fraction || n.n == 0)
        return 0;
    size_t at = s->at + n.len;
    if (scan_is(s, at, "ers") || scan_word_char(s, at + 2) || !scan_is_letter(s, at))
        return 0;
    unsigned ones = (unsigned)(n.digits[n.n - 1] - '0'), tens = n.n > 1 ? (unsigned)(n.digits[n.n - 2] - '0') : 0;
    const char *right = tens == 1 || ones == 0 || ones > 3 ? "th" : ones == 1 ? "st" : ones == 2 ? "nd" : "rd";
    if (scan_is(s, at, right)) {
        en_say_ordinal(s->out, n.digits, n.n);
    } else if (scan_is(s, at, "st") || scan_is(s, at, "nd") || scan_is(s, at, "rd") || scan_is(s, at, "th")) {
        en_say_cardinal(s->out, n.digits, n.n);
        say_n(s->out, s->text + at, 2);
    } else {
        return 0;
    }
    return n.len + 2;
}

static void say_side(text_scan *s, const text_number *n)
{
    if (n->n == 4 && !n->grouped && n->n_fraction == 0 && n->digits[0] != '0')
        en_say_year(s->out, (unsigned)((n->digits[0] - '0') * 1000 + (n->digits[1] - '0') * 100 +
                                       (n->digits[2] - '0') * 10 + n->digits[3] - '0'));
    else
        en_say_number(s->out, s, n);
}

/* 25 x 7 m, 1920x1080, 3 × 4 = 12, 2*8, 2.5x */
size_t en_rule_dimension(text_scan *s)
{
    text_number n;
    size_t at = s->at, count = 0;
    bool times = false;

    if (!en_number(s, at, &n))
        return 0;
    say_side(s, &n);
    at += n.len;
    for (;;) {
        const char *one, *many;
        size_t space = scan_char(s, at) == ' ', u = 0, unit_at = at;
        /* 25 cm x 7 cm */
        if (!scan_is(s, at + space, "x") && (u = en_unit(s, at + space, &one, &many))) {
            at += space + u;
            space = scan_char(s, at) == ' ';
        }
        size_t op = at + space, width = scan_is(s, op, "×") ? strlen("×") : 1;
        char c = scan_char(s, op);
        if (width == 1 && c != 'x' && c != 'X' && c != '*') {
            at = unit_at;
            break;
        }
        size_t next = op + width + (scan_char(s, op + width) == ' ');
        if (!number_follows(s, next) || !en_number(s, next, &n)) {
            at = unit_at;
            break;
        }
        if (u)
            say(s->out, many);
        const char *o, *m;
        size_t behind = next + n.len, gap = scan_char(s, behind) == ' ';
        times =
            times || c == '*' || scan_char(s, behind + gap) == '=' || (width > 1 && !en_unit(s, behind + gap, &o, &m));
        say(s->out, times ? "times" : "by");
        say_side(s, &n);
        at = next + n.len;
        count++;
        if (count == 8)
            break;
    }
    if (count == 0) {
        /* "2x + 3" is algebra */
        bool algebra = scan_char(s, at + 1) == ' ' && scan_char(s, at + 2) && strchr("+-=*/", scan_char(s, at + 2));
        if ((scan_char(s, at) == 'x' || scan_char(s, at) == 'X') && !scan_word_char(s, at + 1) && !algebra) {
            say(s->out, "times");
            return at + 1 - s->at;
        }
        return 0;
    }
    const char *one, *many;
    size_t space = scan_char(s, at) == ' ', u = en_unit(s, at + space, &one, &many);
    if (u) {
        say(s->out, many);
        at += space + u;
    } else if (scan_word_char(s, at)) {
        return 0;
    }
    return at - s->at;
}

static double approximate(const text_number *n, const text_scan *s)
{
    double v = 0, scale = 0.1;

    for (size_t i = 0; i < n->n; i++)
        v = v * 10 + (n->digits[i] - '0');
    for (size_t i = 0; i < n->n_fraction && i < 9; i++) {
        v += scale * (scan_char(s, n->fraction + i) - '0');
        scale /= 10;
    }
    return v;
}

/* 2-8, 1970-2010, 10,000-20,000, 2010-12. A falling pair ("978-0") is no range: it keeps its dash. */
size_t en_rule_range(text_scan *s)
{
    text_number a, b;
    size_t at = s->at, dash;

    if (scan_word_before(s, s->at) || (s->at > 0 && scan_char(s, s->at - 1) == '-'))
        return 0;
    if (!en_number(s, at, &a) || a.n == 0)
        return 0;
    at += a.len;
    /* 2005/06 */
    if (a.n == 4 && a.len == 4 && scan_char(s, at) == '/' && scan_digits(s, at + 1, 2) == 2 && number_ends(s, at + 3) &&
        scan_value(s, at + 1, 2) == (scan_value(s, s->at, 4) + 1) % 100 && scan_char(s, at + 3) != '/') {
        say_side(s, &a);
        en_say_two(s->out, scan_value(s, at + 1, 2), "oh");
        return 7;
    }
    bool spaced = scan_is(s, at, " - ");
    dash = scan_char(s, at) == '-' ? 1 : spaced ? 3 : 0;
    if (!dash || !en_number(s, at + dash, &b) || b.n == 0)
        return 0;
    at += dash + b.len;
    char next = scan_char(s, at);
    if (!number_ends(s, at) || (next == '-' && (scan_is_digit(s, at + 1) || scan_is_upper(s, at + 1))) || next == '/' ||
        scan_is(s, at, " - ") || scan_is(s, at, " = ") || next == '=')
        return 0;
    if ((a.n > 1 && a.digits[0] == '0') || (b.n > 1 && b.digits[0] == '0' && !(a.n == 4 && b.n == 2)))
        return 0;
    bool rising = approximate(&a, s) < approximate(&b, s);
    bool years = a.n == 4 && b.n == 2 && !a.grouped && memcmp(a.digits + 2, b.digits, 2) < 0;
    say_side(s, &a);
    if (rising || years) {
        /* "2 - 8" alone is a subtraction; "2 - 8 people" is not */
        bool counted = scan_char(s, at) == ' ' && scan_is_letter(s, at + 1);
        say(s->out, spaced && !counted && a.n < 4 ? "minus" : "to");
    } else if (spaced) {
        say(s->out, "minus");
    } else {
        hse_buf_str(s->out, " - ");
    }
    if (years)
        en_say_two(s->out, (unsigned)((b.digits[0] - '0') * 10 + b.digits[1] - '0'), "oh");
    else
        say_side(s, &b);
    return at - s->at;
}

static unsigned gcd(unsigned a, unsigned b)
{
    while (b) {
        unsigned r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static void say_fraction(hse_buf *out, unsigned n, unsigned d)
{
    en_say_value(out, n);
    if (d == 2) {
        say(out, n == 1 ? "half" : "halves");
    } else if (d == 4) {
        say(out, n == 1 ? "quarter" : "quarters");
    } else if (d == 1 || d > 1000 || n > 1000) {
        say(out, "over");
        en_say_value(out, d);
    } else {
        en_say_value_ordinal(out, d);
        if (n != 1)
            hse_buf_byte(out, 's');
    }
}

/* n/d at i with nothing numeric around it: bytes */
static size_t fraction_at(const text_scan *s, size_t i, unsigned *n, unsigned *d)
{
    size_t a = scan_digits(s, i, 6), b = scan_char(s, i + a) == '/' ? scan_digits(s, i + a + 1, 6) : 0;
    size_t end = i + a + 1 + b;

    if (a < 1 || a > 6 || b < 1 || b > 6 || scan_char(s, i + a + 1) == '0' || !number_ends(s, end) ||
        scan_char(s, end) == '/')
        return 0;
    if (a > 1 && scan_char(s, i) == '0')
        return 0;
    *n = scan_value(s, i, a);
    *d = scan_value(s, i + a + 1, b);
    return end - i;
}

/* 1/2, 3/4, 23 5/8, 24/7, 2/8 */
size_t en_rule_fraction(text_scan *s)
{
    text_number whole;
    unsigned n, d;
    size_t len;

    if (en_number(s, s->at, &whole) && !whole.n_fraction && whole.n &&
        (scan_char(s, s->at + whole.len) == ' ' || scan_char(s, s->at + whole.len) == '-') &&
        (len = fraction_at(s, s->at + whole.len + 1, &n, &d)) && n < d && d <= 100 && n > 0) {
        en_say_number(s->out, s, &whole);
        say(s->out, "and");
        if (n == 1 && (d == 2 || d == 4))
            say(s->out, d == 2 ? "a half" : "a quarter");
        else
            say_fraction(s->out, n, d);
        return whole.len + 1 + len;
    }
    if (!(len = fraction_at(s, s->at, &n, &d)))
        return 0;
    if ((n == 24 && d == 7) || (n == 9 && d == 11) || n == d) {
        en_say_value(s->out, n); /* twenty four seven, nine eleven, fifty fifty */
        en_say_value(s->out, d);
    } else if (n > 1 && n < d && d <= 12 && gcd(n, d) > 1) {
        en_say_value(s->out, n); /* not in lowest terms: a score or a division, no part of a whole */
        say(s->out, "divided by");
        en_say_value(s->out, d);
    } else {
        say_fraction(s->out, n, d);
    }
    return len;
}

/* 2:8, 16:9, 3:2 (what is not a time) */
size_t en_rule_ratio(text_scan *s)
{
    text_number a, b;
    size_t at = s->at, spaces;

    if (!en_number(s, at, &a) || a.n == 0 || a.n > 4)
        return 0;
    at += a.len;
    spaces = scan_is(s, at, " : ") ? 1 : 0;
    if (scan_char(s, at + spaces) != ':' || !en_number(s, at + spaces + 1 + spaces, &b) || b.n == 0 || b.n > 4)
        return 0;
    at += 2 * spaces + 1 + b.len;
    en_say_number(s->out, s, &a);
    say(s->out, "to");
    en_say_number(s->out, s, &b);
    if (scan_char(s, at) == ':' && en_number(s, at + 1, &b) && b.n && b.n <= 4) {
        say(s->out, "to");
        en_say_number(s->out, s, &b);
        at += 1 + b.len;
    }
    return number_ends(s, at) && !(scan_char(s, at) == ':' && scan_is_digit(s, at + 1)) ? at - s->at : 0;
}

/* 2.0.1, 10.4.2.1 (what is no date and no address) */
size_t en_rule_version(text_scan *s)
{
    size_t at = s->at, parts = 0, n;

    while (parts < 16 && (n = scan_digits(s, at, 6)) >= 1 && n <= 6) {
        if (parts)
            say(s->out, "point");
        if (n > 1 && scan_char(s, at) == '0')
            en_say_digits(s->out, s->text + at, n);
        else
            en_say_cardinal(s->out, s->text + at, n);
        at += n;
        parts++;
        if (parts == 16 || scan_char(s, at) != '.' || !scan_is_digit(s, at + 1))
            break;
        at++;
    }
    return parts >= 3 && !scan_is_digit(s, at) && scan_char(s, at - 1) != '.' ? at - s->at : 0;
}

/* The digits of a code: A321 "three twenty one", 08 "zero eight", 12345 one by one; behind a dash a plain number. */
static void say_code(text_scan *s, size_t i, size_t n, bool alone)
{
    const char *digits = s->text + i;

    if (n == 1 || (digits[0] != '0' && (n == 2 || (alone && n == 3))))
        en_say_cardinal(s->out, digits, n);
    else if ((n == 3 || n == 4) && digits[0] != '0')
        en_say_pairs(s->out, digits, n);
    else if (n >= 4 && digits[0] != '0' && n <= 6 && memcmp(digits + n - 3, "000", 3) == 0)
        en_say_cardinal(s->out, digits, n);
    else
        en_say_digits(s->out, digits, n);
}

static bool is_decade(const text_scan *s, size_t i, size_t n)
{
    return (n == 4 || n == 2) && scan_char(s, i + n - 1) == '0' && scan_char(s, i + n) == 's' &&
           !scan_word_char(s, i + n + 1);
}

/* B2A23C, t-0t25d12-f, 133-A, COVID-19, mp3, 20-year-old: letters and digits in one word, dashes kept */
size_t en_rule_serial(text_scan *s)
{
    size_t at = s->at, n, digits = 0, letters = 0, dashes = 0;

    while (at - s->at < SCAN_REACH / 4) {
        size_t start = at;
        if ((n = scan_digits(s, at, SCAN_MAX_DIGITS)) > 0) {
            if (n > SCAN_MAX_DIGITS)
                return 0;
            at += n;
            char next = scan_char(s, at), before = start > s->at ? s->text[start - 1] : '\0';
            if (before == '-' && is_decade(s, start, n)) /* mid-1980s */
                return 0;
            if (start == s->at && (next == '.' || next == ',') && scan_is_digit(s, at + 1))
                return 0;
            if (start > s->at && before != '-')
                say_gap(s->out);
            say_code(s, start, n, (start == s->at || before == '-') && !scan_is_letter(s, at));
            digits++;
            /* v2.0.1, iPhone-4.5 */
            for (int part = 0;
                 part < 8 && scan_char(s, at) == '.' && scan_is_digit(s, at + 1) && scan_digits(s, at + 1, 6) <= 6;
                 part++) {
                n = scan_digits(s, at + 1, 6);
                say(s->out, "point");
                say_code(s, at + 1, n, true);
                at += 1 + n;
            }
        } else if ((n = scan_letters(s, at)) > 0) {
            if (n > SCAN_MAX_WORD)
                return 0;
            at += n;
            if (digits == 0 && dashes == 0 && scan_word_char(s, at) && !scan_is_digit(s, at))
                return 0;
            say_n(s->out, s->text + start, n);
            letters++;
        } else if (scan_char(s, at) == '-' && (scan_is_digit(s, at + 1) || scan_is_letter(s, at + 1)) && at > s->at) {
            hse_buf_byte(s->out, '-');
            at++;
            dashes++;
        } else {
            break;
        }
    }
    if (digits == 0 || (letters == 0 && dashes < 2))
        return 0;
    if (s->text[at - 1] == '-') { /* the code is longer than we look: the rest is another */
        s->out->size--;
        at--;
    }
    return at - s->at;
}

/* -5, +5, #5, ~5, ±5, № 5 in front of a number, and of nothing else */
size_t en_rule_sign(text_scan *s)
{
    static const struct {
        const char *sign, *say;
    } signs[] = {{"-", "minus"}, {"+", "plus"},  {"#", "number"},       {"№", "number"},
                 {"~", "about"}, {"≈", "about"}, {"±", "plus or minus"}};

    for (size_t k = 0; k < COUNT(signs); k++) {
        size_t n = strlen(signs[k].sign);
        if (!scan_is(s, s->at, signs[k].sign))
            continue;
        size_t at = s->at + n;
        if (scan_char(s, at) == ' ' && *signs[k].sign == (char)0xE2)
            at++;
        if (!number_follows(s, at) && !(s->text[s->at] == '~' && scan_char(s, at) == '$'))
            return 0;
        if (s->text[s->at] == '-' && !en_minus_stands(s))
            return 0;
        say(s->out, signs[k].say);
        return at - s->at;
    }
    return 0;
}

/* What is left: 13,000  2012  0.5  .75  1.5 million  007 */
size_t en_rule_number(text_scan *s)
{
    text_number n;
    const char *scale = NULL;
    size_t at = s->at;

    if (!en_number(s, at, &n))
        return 0;
    at += n.len;
    if (!number_ends(s, at) && !scan_is_letter(s, at)) {
        /* "1,2,3" and "12,34": a list */
        if (n.n_fraction)
            return 0;
    }
    if (n.n_fraction == 0 && n.n == 4 && !n.grouped && n.digits[0] != '0' &&
        (n.digits[0] == '1' || memcmp(n.digits, "20", 2) == 0)) {
        say_side(s, &n);
    } else if (n.n > 12 && !n.grouped && !n.n_fraction) {
        en_say_digits(s->out, n.digits, n.n); /* no one hears a number in it */
    } else {
        en_say_number(s->out, s, &n);
    }
    at += en_scale(s, at, false, &scale);
    if (scale)
        say(s->out, scale);
    return at - s->at;
}

/* 1.2M users, 3B people: a count in millions, when what is counted follows */
size_t en_rule_count(text_scan *s)
{
    text_number n;
    size_t at = s->at;

    if (!en_number(s, at, &n))
        return 0;
    at += n.len;
    char c = scan_char(s, at);
    bool counted = scan_char(s, at + 1) == ' ' && scan_is_letter(s, at + 2) && !scan_is_upper(s, at + 2);
    if ((c != 'M' && c != 'B') || !counted)
        return 0;
    en_say_number(s->out, s, &n);
    say(s->out, c == 'M' ? "million" : "billion");
    return at + 1 - s->at;
}

/* Digits without end: one by one. A pause after every third keeps a voice from running out of breath. */
size_t en_rule_long_digits(text_scan *s)
{
    size_t n = 0;

    while (s->at + n < s->size && s->text[s->at + n] >= '0' && s->text[s->at + n] <= '9') {
        if (n && n % 12 == 0)
            say_mark(s->out, ',');
        en_say_value(s->out, (unsigned)(s->text[s->at + n] - '0'));
        n++;
    }
    return n;
}
