/* roman.c - Roman numerals. */
#include "text/common/common.h"

static int digit(char c)
{
    switch (c & ~0x20) {
    case 'I': return 1;
    case 'V': return 5;
    case 'X': return 10;
    case 'L': return 50;
    case 'C': return 100;
    case 'D': return 500;
    case 'M': return 1000;
    default: return 0;
    }
}

unsigned common_roman(const char *s, size_t n)
{
    static const struct {
        unsigned value;
        const char *numeral;
    } parts[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"},
                 {40, "xl"},  {10, "x"},   {9, "ix"},  {5, "v"},    {4, "iv"},  {1, "i"}};
    unsigned v = 0;
    size_t at = 0;

    if (n == 0 || n > 15)
        return 0;
    for (size_t k = 0; k < COUNT(parts); k++)
        for (int times = 0; times < (parts[k].value == 1000 ? 3
                                     : strlen(parts[k].numeral) == 2 || (parts[k].value + 5) % 10 == 0 ||
                                             parts[k].value == 50 || parts[k].value == 500
                                         ? 1
                                         : 3);
             times++) {
            size_t len = strlen(parts[k].numeral);
            bool same = len <= n - at;
            for (size_t i = 0; i < len && same; i++)
                same = (s[at + i] | 0x20) == parts[k].numeral[i];
            if (!same)
                break;
            v += parts[k].value;
            at += len;
        }
    return at == n ? v : 0;
}

bool common_is_roman(const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!digit(word[i]) || (word[i] & 0x20) != (word[0] & 0x20))
            return false;
    return n > 0 && n <= 15;
}
