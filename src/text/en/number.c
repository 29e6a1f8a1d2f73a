#include "text/en/number.h"

#include <string.h>

static const char *const small[20] = {
    "zero", "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",
    "ten",  "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
};
static const char *const tens[10] = {
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
};
static const char *const scales[EN_MAX_DIGITS / 3] = {
    "",           "thousand",   "million",   "billion",   "trillion",  "quadrillion", "quintillion",
    "sextillion", "septillion", "octillion", "nonillion", "decillion",
};

void en_below_100(hse_buf *out, unsigned v, int flags)
{
    if (v < 20) {
        hse_buf_str(out, small[v]);
        return;
    }
    hse_buf_str(out, tens[v / 10 % 10]);
    if (v % 10) {
        hse_buf_byte(out, flags & EN_HYPHEN ? '-' : ' ');
        hse_buf_str(out, small[v % 10]);
    }
}

static void below_1000(hse_buf *out, unsigned v, int flags)
{
    if (v >= 100) {
        hse_buf_str(out, small[v / 100]);
        hse_buf_str(out, " hundred");
        if (v % 100)
            hse_buf_str(out, flags & EN_AND ? " and " : " ");
    }
    if (v % 100 || v == 0)
        en_below_100(out, v % 100, flags);
}

bool en_cardinal(hse_buf *out, const char *digits, size_t n, int flags)
{
    if (n == 0)
        return false;
    while (n > 1 && digits[0] == '0') {
        digits++;
        n--;
    }
    if (n > EN_MAX_DIGITS)
        return false;

    size_t start = out->size;
    for (size_t groups = (n + 2) / 3, g = groups; g-- > 0;) {
        size_t end = n - g * 3, first = end < 3 ? 0 : end - 3;
        unsigned v = 0;

        for (size_t i = first; i < end; i++)
            v = v * 10 + (unsigned)(digits[i] - '0');
        if (v == 0 && groups > 1)
            continue;
        if (out->size > start) {
            bool tail = g == 0 && v < 100;
            hse_buf_str(out, tail && flags & EN_AND ? " and " : !tail && flags & EN_COMMA ? ", " : " ");
        }
        below_1000(out, v, flags);
        if (g > 0) {
            hse_buf_byte(out, ' ');
            hse_buf_str(out, scales[g]);
        }
    }
    return true;
}

void en_make_ordinal(hse_buf *out, size_t from)
{
    static const struct {
        const char *cardinal, *ordinal;
    } irregular[] = {
        {"one", "first"},    {"two", "second"}, {"three", "third"},    {"five", "fifth"},
        {"eight", "eighth"}, {"nine", "ninth"}, {"twelve", "twelfth"},
    };
    const char *text = hse_buf_text(out);
    size_t word = out->size;

    while (word > from && text[word - 1] != ' ' && text[word - 1] != '-')
        word--;
    for (size_t i = 0; i < COUNT(irregular); i++)
        if (strcmp(text + word, irregular[i].cardinal) == 0) {
            out->size = word;
            hse_buf_str(out, irregular[i].ordinal);
            return;
        }
    if (out->size > word && text[out->size - 1] == 'y') {
        out->size--;
        hse_buf_str(out, "ieth");
    } else {
        hse_buf_str(out, "th");
    }
}

bool en_ordinal(hse_buf *out, const char *digits, size_t n, int flags)
{
    size_t from = out->size;

    if (!en_cardinal(out, digits, n, flags))
        return false;
    en_make_ordinal(out, from);
    return true;
}

bool en_with_years(hse_buf *out, const char *digits, size_t n)
{
    while (n > 1 && digits[0] == '0') {
        digits++;
        n--;
    }
    if (n != 4 || digits[0] > '2' || memcmp(digits, "1000", 4) == 0 || memcmp(digits, "2000", 4) == 0)
        return en_cardinal(out, digits, n, EN_HYPHEN | EN_COMMA);

    unsigned high = (unsigned)((digits[0] - '0') * 10 + digits[1] - '0');
    unsigned low = (unsigned)((digits[2] - '0') * 10 + digits[3] - '0');

    if (high == 20 && low < 10) {
        hse_buf_str(out, "two thousand ");
        en_below_100(out, low, EN_HYPHEN);
        return true;
    }
    en_below_100(out, high, EN_HYPHEN);
    hse_buf_str(out, low == 0 ? " hundred" : low < 10 ? " oh " : " ");
    if (low)
        en_below_100(out, low, EN_HYPHEN);
    return true;
}
