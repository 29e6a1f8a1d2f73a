/* numbers.c - numbers, ranges, fractions, ratios, versions, codes. */
#include "text/common/common.h"

void common_say_n(text_scan *s, const char *words, size_t n)
{
    if (s->language->unspaced)
        hse_buf_append(s->out, words, n);
    else
        say_n(s->out, words, n);
}

void common_say(text_scan *s, const char *words)
{
    common_say_n(s, words, strlen(words));
}

void common_say_digits(text_scan *s, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (digits[i] >= '0' && digits[i] <= '9')
            common_say(s, s->language->words->digit[digits[i] - '0']);
}

void common_say_value(text_scan *s, unsigned value, unsigned use)
{
    text_number n = {0};
    char reversed[12];

    do
        reversed[n.n++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    for (size_t i = 0; i < n.n; i++)
        n.digits[i] = reversed[n.n - 1 - i];
    s->language->words->number(s, &n, use);
}

static void say_decimal_group(text_scan *s, size_t i, size_t n, unsigned use)
{
    for (; n && scan_char(s, i) == '0'; i++, n--)
        common_say_digits(s, "0", 1);
    if (n)
        common_say_value(s, scan_value(s, i, n), use);
}

void common_say_decimals(text_scan *s, const text_number *n, unsigned use)
{
    size_t i = n->fraction, left = n->n_fraction;

    if (left && scan_char(s, i) == '0') {
        common_say_digits(s, s->text + i, left - 1);
        common_say_value(s, scan_value(s, i + left - 1, 1), use);
        return;
    }
    if (left < 3 || (left == 3 && scan_char(s, i + 2) != '0')) {
        say_decimal_group(s, i, left, use);
        return;
    }
    for (; left > 2; i += 2, left -= 2)
        say_decimal_group(s, i, 2, USE_ALONE);
    say_decimal_group(s, i, left, use);
}

void common_say_quantity(text_scan *s, const text_quantity *q, unsigned use)
{
    const text_words *w = s->language->words;

    if (q->negative)
        common_say(s, w->minus);
    w->number(s, &q->number, q->n_scale ? USE_MASCULINE : use);
    if (q->n_scale)
        common_say_n(s, s->text + q->scale, q->n_scale);
}

static bool starts_with_vowel(const char *word)
{
    return *word && strchr("aeiouyhAEIOU", *word);
}

unsigned common_value(const text_number *n)
{
    unsigned v = 0;

    for (size_t i = 0; i < n->n && i < 9; i++)
        v = v * 10 + (unsigned)(n->digits[i] - '0');
    return v;
}

bool common_is_one(const text_number *n)
{
    return n->n == 1 && n->digits[0] == '1' && n->n_fraction == 0;
}

bool common_is_zero(const text_number *n)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->digits[i] != '0')
            return false;
    return true;
}

void common_say_noun(text_scan *s, const text_quantity *q, const text_noun *noun)
{
    const text_words *w = s->language->words;
    const text_number *n = &q->number;
    bool small = common_is_zero(n) || (n->n == 1 && n->digits[0] == '1');
    bool one = !q->n_scale && (w->plural_from_two ? small : common_is_one(n));
    const char *word = one || !noun->many ? noun->one : noun->many;

    /* un millón de euros, also in digits */
    bool millions = n->n > 6 && !n->n_fraction && strspn(n->digits + n->n - 6, "0") == 6;
    if ((q->n_scale || millions) && w->of) {
        bool vowel = w->of_vowel && starts_with_vowel(word);
        common_say(s, vowel ? w->of_vowel : w->of);
        if (vowel) {
            hse_buf_str(s->out, word);
            return;
        }
    }
    common_say(s, word);
}

bool common_number(const text_scan *s, size_t i, text_number *out)
{
    const text_words *w = s->language->words;
    text_number spaced; /* as others write it */

    if (!scan_number(s, i, w->group, w->point, out))
        return false;
    size_t end = i + out->len;
    char mark = scan_char(s, end);
    /* 12.50 where others write a comma */
    if (w->space_groups && (mark == w->group || mark == w->point) && scan_is_digit(s, end + 1) &&
        scan_number(s, i, w->point, w->group, &spaced) && spaced.len > out->len) {
        *out = spaced;
        return true;
    }
    if (w->space_groups && !out->grouped && scan_number(s, i, ' ', w->point, &spaced) && spaced.grouped &&
        !scan_is_digit(s, i + spaced.len))
        *out = spaced;
    return true;
}

size_t common_skip_space(const text_scan *s, size_t i)
{
    return i + (scan_char(s, i) == ' ');
}

size_t common_word_before(const text_scan *s, size_t end)
{
    size_t start = end;

    while (start > 0 && end - start < SCAN_MAX_WORD && scan_class(s->text[start - 1]) & (SCAN_LOWER | SCAN_UPPER | SCAN_HIGH))
        start--;
    return start;
}

bool common_word_is(const text_scan *s, size_t i, size_t n, const char *const *list)
{
    for (; *list; list++)
        if (scan_same(s, i, n, *list))
            return true;
    return false;
}

bool common_degree_is_ordinal(const text_scan *s, const char *const *articles)
{
    size_t end = scan_skip_space_back(s, s->at), start = scan_word_start(s, end);

    return s->at == 0 || common_word_is(s, start, end - start, articles);
}

bool common_capital(const text_scan *s, size_t i)
{
    unsigned char next = (unsigned char)scan_char(s, i + 1);

    return scan_is_upper(s, i) || (scan_char(s, i) == '\xC3' && next >= 0x80 && next <= 0x9E);
}

bool common_ends(const text_scan *s, size_t i)
{
    char c = scan_char(s, i);

    if (scan_goes_on(s, i))
        return false;
    if (c == ',' && s->language->words->group == ',') /* a list, but for three digits */
        return scan_digits(s, i + 1, 3) != 3;
    return !((c == '.' || c == ',') && scan_is_digit(s, i + 1));
}

bool common_minus_stands(const text_scan *s, size_t i)
{
    char before = i ? s->text[i - 1] : ' ';

    return !scan_joined(s, i) && before != '-' && before != ')';
}

bool common_quantity(const text_scan *s, size_t i, text_quantity *q)
{
    const text_words *w = s->language->words;
    size_t at = i;

    *q = (text_quantity){0};
    if (scan_char(s, at) == '-') {
        q->negative = true;
        at++;
    }
    if (!common_number(s, at, &q->number))
        return false;
    at += q->number.len;
    size_t word = common_skip_space(s, at);
    for (size_t k = 0; w->scales[k]; k++) {
        size_t n = strlen(w->scales[k]);
        if (!scan_is(s, word, w->scales[k]) || (!s->language->unspaced && scan_word_char(s, word + n)))
            continue;
        q->scale = word;
        q->n_scale = n;
        at = word + n;
        break;
    }
    q->len = at - i;
    return true;
}

/* A number that is one: neither part of a longer row of points nor a code. */
static bool plain_number(const text_scan *s, size_t i, text_number *n)
{
    return common_number(s, i, n) && common_ends(s, i + n->len);
}

static bool is_code(const text_number *n)
{
    return n->n > 1 && n->digits[0] == '0';
}

/* The dash of a range at i: bytes. */
static size_t dash_at(const text_scan *s, size_t i)
{
    static const char *const dashes[] = {"-", "~", "\u2013", "\u2014"};

    for (size_t k = 0; k < COUNT(dashes); k++)
        if (scan_is(s, i, dashes[k]))
            return strlen(dashes[k]);
    return 0;
}

static bool rises(const text_scan *s, const text_number *a, const text_number *b)
{
    size_t an = a->n, bn = b->n;
    const char *ad = a->digits, *bd = b->digits;

    while (an > 1 && *ad == '0') {
        ad++;
        an--;
    }
    while (bn > 1 && *bd == '0') {
        bd++;
        bn--;
    }
    int order = an != bn ? (an < bn ? -1 : 1) : memcmp(ad, bd, an);
    if (order)
        return order < 0;
    size_t n = a->n_fraction < b->n_fraction ? a->n_fraction : b->n_fraction;
    order = n ? memcmp(s->text + a->fraction, s->text + b->fraction, n) : 0;
    return order ? order < 0 : a->n_fraction < b->n_fraction;
}

size_t common_rule_range(text_scan *s)
{
    const text_words *w = s->language->words;
    text_number a, b;
    size_t dash, at;

    if (!common_number(s, s->at, &a) || is_code(&a) || (s->at > 0 && scan_char(s, s->at - 1) == '-'))
        return 0;
    at = s->at + a.len;
    if (!(dash = dash_at(s, at)) || !plain_number(s, at + dash, &b) || is_code(&b) || !rises(s, &a, &b))
        return 0;
    at += dash + b.len;
    if (scan_char(s, at) == '-' || scan_char(s, at) == '/' || scan_char(s, at) == '=')
        return 0;
    unsigned use = w->use ? w->use(s, at) : USE_ALONE;
    w->number(s, &a, use);
    common_say(s, w->range);
    w->number(s, &b, use);
    return at - s->at;
}

size_t common_rule_span(text_scan *s)
{
    const text_words *w = s->language->words;
    size_t dash = dash_at(s, s->at), before = scan_skip_space_back(s, s->at), behind = common_skip_space(s, s->at + dash);

    if (!dash || !w->spans || !scan_is_digit(s, behind) || (before < s->at) != (behind > s->at + dash))
        return 0;
    for (size_t k = 0; w->spans[k]; k++)
        if (scan_is_before(s, before, w->spans[k])) {
            common_say(s, w->range);
            return behind - s->at;
        }
    return 0;
}

/* 1/2, 2 3/4 */
size_t common_rule_fraction(text_scan *s)
{
    text_number whole, n, d, *first = NULL;
    size_t at = s->at;

    if (!common_number(s, at, &n) || n.n_fraction || n.n == 0)
        return 0;
    size_t next = at + n.len;
    if (scan_char(s, next) == ' ' && common_number(s, next + 1, &d) && !d.n_fraction && scan_char(s, next + 1 + d.len) == '/') {
        whole = n;
        first = &whole;
        at = next + 1;
        n = d;
    }
    if (scan_char(s, at + n.len) != '/' || !plain_number(s, at + n.len + 1, &d) || d.n_fraction || d.n == 0 || is_code(&n) ||
        is_code(&d) || common_is_zero(&d) || n.n > 6 || d.n > 6)
        return 0;
    at += n.len + 1 + d.len;
    if (scan_char(s, at) == '/')
        return 0;
    static const text_quantity one = {.number = {.n = 1, .digits = "1"}};
    s->language->words->fraction(s, first, &n, &d);
    return at + common_say_unit(s, at, &one) - s->at;
}

/* 16:9, 3:2:1 */
size_t common_rule_ratio(text_scan *s)
{
    const text_words *w = s->language->words;
    text_number n;
    size_t at = s->at;
    int count = 0;

    while (count < 4 && common_number(s, at, &n) && n.n && n.n <= 6) {
        if (count++)
            common_say(s, w->ratio);
        w->number(s, &n, USE_ALONE);
        at += n.len;
        if (scan_char(s, at) != ':' || !scan_is_digit(s, at + 1))
            break;
        at++;
    }
    return count > 1 && scan_char(s, at - 1) != ':' && common_ends(s, at) ? at - s->at : 0;
}

/* 2.0.1 */
size_t common_rule_version(text_scan *s)
{
    const text_words *w = s->language->words;
    size_t at = s->at, parts = 0, n;
    text_number number;

    if (common_number(s, at, &number) && number.grouped)
        return 0;
    number = (text_number){0};
    while (parts < 16 && (n = scan_digits(s, at, 6)) >= 1 && n <= 6) {
        if (parts)
            common_say(s, w->spoken_point);
        if (n > 1 && scan_char(s, at) == '0') {
            common_say_digits(s, s->text + at, n);
        } else {
            memcpy(number.digits, s->text + at, n);
            number.n = n;
            w->number(s, &number, USE_ALONE);
        }
        at += n;
        parts++;
        if (parts == 16 || scan_char(s, at) != '.' || !scan_is_digit(s, at + 1))
            break;
        at++;
    }
    return parts >= 3 && !scan_is_digit(s, at) && scan_char(s, at - 1) != '.' ? at - s->at : 0;
}

/* What no other rule has read. A zero in front makes it a code. */
size_t common_rule_number(text_scan *s)
{
    text_quantity q;

    if (!common_quantity(s, s->at, &q) || q.negative)
        return 0;
    if (is_code(&q.number) && !q.number.n_fraction)
        common_say_digits(s, q.number.digits, q.number.n);
    else
        common_say_quantity(s, &q, s->language->words->use ? s->language->words->use(s, s->at + q.len) : USE_ALONE);
    return q.len;
}

size_t common_rule_code(text_scan *s)
{
    size_t n = scan_digits(s, s->at, SCAN_MAX_DIGITS);

    /* B12, A4, iPhone15: two digits are a number */
    if (n <= 2 && scan_char(s, s->at) != '0') {
        common_say_value(s, scan_value(s, s->at, n), USE_ALONE);
        return n;
    }

    n = n > SCAN_MAX_DIGITS ? SCAN_MAX_DIGITS : n;
    common_say_digits(s, s->text + s->at, n);
    return n;
}
