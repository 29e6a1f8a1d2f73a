/* number.c - cardinal numbers in Spanish and French words, as num2words writes them ("veintiuno mil", "deux cent un"). */
#include "text/es/es.h"
#include "text/fr/fr.h"
#include "text/gruut/internal.h"

#include <stdio.h>

void gruut_number(gruut_language language, uint64_t value, hse_buf *out)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

    if (language == GRUUT_ES)
        es_cardinal(out, digits, (size_t)n, ES_FULL);
    else
        fr_cardinal(out, digits, (size_t)n, false);
}
