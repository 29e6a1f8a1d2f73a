/* say.c - how English says numbers. */
#include "text/en/en.h"
#include "text/en/number.h"

void en_say_digits(hse_buf *out, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (digits[i] >= '0' && digits[i] <= '9')
            en_say_value(out, (unsigned)(digits[i] - '0'));
}

void en_say_cardinal(hse_buf *out, const char *digits, size_t n)
{
    say_gap(out);
    if (!en_cardinal(out, digits, n, 0))
        en_say_digits(out, digits, n);
}

void en_say_ordinal(hse_buf *out, const char *digits, size_t n)
{
    say_gap(out);
    if (en_ordinal(out, digits, n, 0))
        return;
    size_t from = out->size;
    en_say_digits(out, digits, n);
    en_make_ordinal(out, from);
}

static size_t to_digits(unsigned v, char text[12])
{
    char reversed[12];
    size_t n = 0;

    do
        reversed[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    for (size_t i = 0; i < n; i++)
        text[i] = reversed[n - 1 - i];
    return n;
}

void en_say_value(hse_buf *out, unsigned v)
{
    char digits[12];
    size_t n = to_digits(v, digits);

    en_say_cardinal(out, digits, n);
}

void en_say_value_ordinal(hse_buf *out, unsigned v)
{
    char digits[12];
    size_t n = to_digits(v, digits);

    en_say_ordinal(out, digits, n);
}

void en_say_two(hse_buf *out, unsigned v, const char *zero)
{
    if (v < 10)
        say(out, zero);
    en_say_value(out, v);
}

void en_say_year(hse_buf *out, unsigned year)
{
    unsigned high = year / 100, low = year % 100;

    if (year < 100 || year > 9999 || year % 1000 < 10) { /* 2000-2009, 1000 */
        en_say_value(out, year);
    } else {
        en_say_value(out, high);
        if (low == 0)
            say(out, "hundred");
        else
            en_say_two(out, low, "oh");
    }
}

void en_say_pairs(hse_buf *out, const char *digits, size_t n)
{
    unsigned v = 0;

    for (size_t i = 0; i < n && i < 4; i++)
        v = v * 10 + (unsigned)(digits[i] - '0');
    if (n == 0 || n > 4 || (n > 1 && digits[0] == '0'))
        en_say_digits(out, digits, n);
    else
        en_say_year(out, v);
}

bool en_is_one(const text_scan *s, const text_number *n)
{
    (void)s;
    return n->n == 1 && n->digits[0] == '1' && n->n_fraction == 0;
}

void en_say_number(hse_buf *out, const text_scan *s, const text_number *n)
{
    if (n->n > 1 && n->digits[0] == '0' && n->n_fraction == 0)
        en_say_digits(out, n->digits, n->n);
    else if (n->n)
        en_say_cardinal(out, n->digits, n->n);
    if (n->n_fraction) {
        say(out, "point");
        en_say_digits(out, s->text + n->fraction, n->n_fraction);
    }
}

void en_make_plural(hse_buf *out)
{
    if (out->size == 0)
        return;
    if (out->data[out->size - 1] == 'y') {
        out->size--;
        hse_buf_str(out, "ies");
    } else if (out->data[out->size - 1] == 'x') {
        hse_buf_str(out, "es");
    } else {
        hse_buf_byte(out, 's');
    }
}

bool en_number(const text_scan *s, size_t i, text_number *out)
{
    return scan_number(s, i, ',', '.', out);
}

bool en_sentence_ends(const text_scan *s, size_t end)
{
    size_t i = end;

    while (i < end + 3 && (scan_char(s, i) == '"' || scan_char(s, i) == '\'' || scan_char(s, i) == ')'))
        i++;
    if (i >= s->size || scan_char(s, i) == '\n' || scan_char(s, i) == '\r')
        return true;
    return scan_char(s, i) == ' ' && scan_is_upper(s, i + 1);
}

bool en_word_before(const text_scan *s, size_t at, const char *words)
{
    size_t end = scan_skip_space_back(s, at);
    size_t start = scan_word_start(s, end), n = end - start;

    if (n == 0 || end == at)
        return false;
    for (const char *w = words; *w;) {
        const char *space = strchr(w, ' ');
        size_t len = space ? (size_t)(space - w) : strlen(w);
        bool same = len == n;
        for (size_t i = 0; i < n && same; i++)
            same = (s->text[start + i] | 0x20) == w[i];
        if (same)
            return true;
        w += len + (space != NULL);
    }
    return false;
}

bool en_minus_stands(const text_scan *s)
{
    char before = s->at ? s->text[s->at - 1] : ' ';

    return !scan_word_before(s, s->at) && before != '-' && before != ')';
}

bool en_follows_the(const text_scan *s)
{
    return en_word_before(s, s->at, "the");
}
