/* numbers.c - French numbers: cardinals (long scale) and ordinals. */
#include "text/fr/fr.h"

static const char *const small[] = {"zéro", "un",    "deux",  "trois",  "quatre",   "cinq",   "six",   "sept",     "huit",     "neuf", "dix",
                                    "onze", "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf", "vingt"};
static const char *const tens[] = {"",          "",         "vingt",    "trente",       "quarante",
                                   "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"};
static const char *const scales[FR_MAX_DIGITS / 3] = {"",         "mille",    "million",     "milliard",     "billion",     "billiard",
                                                      "trillion", "trilliard", "quadrillion", "quadrilliard", "quintillion", "quintilliard"};

/* 1 to 999; "cents" and "quatre-vingts" where nothing follows. */
static void below_thousand(hse_buf *out, unsigned v, bool last)
{
    unsigned rest = v % 100, unit;

    if (v >= 200) {
        hse_buf_str(out, small[v / 100]);
        hse_buf_byte(out, ' ');
    }
    if (v >= 100)
        hse_buf_str(out, rest ? "cent " : v >= 200 && last ? "cents" : "cent");
    if (rest <= 20) {
        hse_buf_str(out, rest ? small[rest] : "");
        return;
    }
    unit = rest / 10 == 7 || rest / 10 == 9 ? 10 + rest % 10 : rest % 10;
    hse_buf_str(out, tens[rest / 10]);
    if (rest == 80) {
        hse_buf_str(out, last ? "s" : "");
    } else if (unit) {
        hse_buf_str(out, unit % 10 == 1 && rest < 80 ? " et " : "-");
        hse_buf_str(out, small[unit]);
    }
}

bool fr_cardinal(hse_buf *out, const char *digits, size_t n, bool feminine)
{
    size_t from = out->size;

    while (n > 1 && digits[0] == '0') {
        digits++;
        n--;
    }
    if (n == 0 || n > FR_MAX_DIGITS)
        return false;
    if (n == 1 && digits[0] == '0')
        hse_buf_str(out, small[0]);
    for (size_t g = (n + 2) / 3; g-- > 0;) {
        size_t end = n - 3 * g, first = end < 3 ? 0 : end - 3;
        unsigned v = 0;

        for (size_t i = first; i < end; i++)
            v = v * 10 + (unsigned)(digits[i] - '0');
        if (v == 0)
            continue;
        if (out->size > from)
            hse_buf_byte(out, ' ');
        if (g != 1 || v > 1)
            below_thousand(out, v, g != 1);
        if (g == 0 && feminine && v % 10 == 1 && v % 100 != 11 && v % 100 != 71 && v % 100 != 91)
            hse_buf_byte(out, 'e');
        if (g) {
            hse_buf_str(out, g == 1 && v == 1 ? "" : " ");
            hse_buf_str(out, scales[g]);
            hse_buf_str(out, g > 1 && v > 1 ? "s" : "");
        }
    }
    return true;
}

bool fr_ordinal(hse_buf *out, const char *digits, size_t n, bool feminine)
{
    if (n == 1 && digits[0] == '1') {
        hse_buf_str(out, feminine ? "première" : "premier");
        return true;
    }
    if (!fr_cardinal(out, digits, n, false))
        return false;
    /* quatre -> quatrième, cents -> centième, cinq -> cinquième, neuf -> neuvième */
    char last = (char)out->data[out->size - 1];
    if (last == 'e' || (last == 's' && (out->data[out->size - 2] == 't' || out->data[out->size - 2] == 'n' || out->data[out->size - 2] == 'd')))
        out->size--;
    else if (last == 'q')
        hse_buf_byte(out, 'u');
    else if (last == 'f')
        out->data[out->size - 1] = 'v';
    hse_buf_str(out, "ième");
    return true;
}
