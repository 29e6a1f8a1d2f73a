/* asian.c - numerals of Chinese, Japanese and Korean: groups of four digits, each with a large unit. */
#include "text/common/common.h"

enum { TEN = 1, THOUSAND = 3 };

/* One group of four; `first`: nothing was said before it, `unit`: a large unit follows. */
static void say_group(hse_buf *out, const char *d, const asian_numerals *a, bool first, bool unit)
{
    bool said = false, zero = false;

    for (unsigned place = 4; place-- > 0;) {
        unsigned digit = (unsigned)(d[3 - place] - '0');
        bool silent = place > 0 && digit == 1 && !a->zeros && !(place == THOUSAND && a->one_thousand && unit);

        if (digit == 0) {
            zero = said || zero;
            continue;
        }
        if (a->zeros && zero)
            hse_buf_str(out, a->digit[0]);
        zero = false;
        /* ten, not one ten, where it leads its group: fifteen, but one hundred and one ten, and zero one ten at the end */
        if (a->zeros && place == TEN && digit == 1 && !said && (first || unit))
            silent = true;
        if (!silent)
            hse_buf_str(out, digit == 2 && place == THOUSAND && a->two ? a->two : a->digit[digit]);
        hse_buf_str(out, a->small[place]);
        said = true;
    }
}

static unsigned group_value(const char *d)
{
    return (unsigned)((d[0] - '0') * 1000 + (d[1] - '0') * 100 + (d[2] - '0') * 10 + (d[3] - '0'));
}

bool asian_cardinal(hse_buf *out, const char *digits, size_t n, const asian_numerals *a)
{
    char padded[4];
    size_t start = out->size;
    bool gap = false; /* zeros since what was said last */

    if (n == 0)
        return false;
    while (n > 1 && digits[0] == '0') {
        digits++;
        n--;
    }
    if (n > 4 * a->n_large)
        return false;
    if (n == 1 && digits[0] == '0') {
        hse_buf_str(out, a->digit[0]);
        return true;
    }
    for (size_t g = (n + 3) / 4; g-- > 0;) {
        size_t end = n - 4 * g, len = end < 4 ? end : 4;
        memset(padded, '0', sizeof padded);
        memcpy(padded + 4 - len, digits + end - len, len);
        unsigned value = group_value(padded);
        bool first = out->size == start;

        if (value == 0) {
            /* Chinese has 10^4 times 10^8 instead of a unit of its own: the 10^8 is said though its group is zero */
            if (a->zeros && g == 2 && !first)
                hse_buf_str(out, a->large[g]);
            gap = true;
            continue;
        }
        if (a->zeros && !first && (gap || value < 1000))
            hse_buf_str(out, a->digit[0]);
        if (value == 2 && g && a->two)
            hse_buf_str(out, a->two);
        else if (!(value == 1 && g == 1 && first && a->silent_myriad))
            say_group(out, padded, a, first, g > 0);
        hse_buf_str(out, a->large[g]);
        gap = false;
    }
    return true;
}

void asian_digits(hse_buf *out, const text_scan *s, size_t i, size_t n, const asian_numerals *a)
{
    for (size_t k = 0; k < n; k++)
        hse_buf_str(out, a->digit[scan_char(s, i + k) - '0']);
}

void asian_number(text_scan *s, const text_number *n, const asian_numerals *a)
{
    if (!asian_cardinal(s->out, n->n ? n->digits : "0", n->n ? n->n : 1, a))
        common_say_digits(s, n->digits, n->n);
    if (n->n_fraction) {
        hse_buf_str(s->out, a->point);
        asian_digits(s->out, s, n->fraction, n->n_fraction, a);
    }
}
