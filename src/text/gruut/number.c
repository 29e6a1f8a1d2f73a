/* number.c - cardinal numbers and amounts in Spanish and French words, as num2words writes them ("veintiuno mil", "deux cent un",
 * "doscientas libras"). */
#include "text/es/es.h"
#include "text/fr/fr.h"
#include "text/gruut/internal.h"

#include <stdio.h>
#include <string.h>

void gruut_number(gruut_language language, uint64_t value, hse_buf *out)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

    if (language == GRUUT_ES)
        es_cardinal(out, digits, (size_t)n, ES_FULL);
    else
        fr_cardinal(out, digits, (size_t)n, false);
}

/* ---- amounts ---- */

struct gruut_currency {
    const char *sign;
    struct {
        const char *one, *many;             /* NULL: the original has no words for it, and the sign is part of a word */
        unsigned    use;
    } noun[2];                              /* by language */
};

static const gruut_currency currencies[] = {
    {"\u20AC", {[GRUUT_ES] = {"euro", "euros", USE_MASCULINE}, [GRUUT_FR] = {"euro", "euros", USE_MASCULINE}}},
    {"\u00A3", {[GRUUT_ES] = {"libra", "libras", USE_FEMININE}, [GRUUT_FR] = {"livre", "livres", USE_MASCULINE}}},
    {"\u00A5", {[GRUUT_ES] = {"yen", "yenes", USE_MASCULINE}}},
};

const gruut_currency *gruut_currency_at(gruut_language language, const char *word, size_t size, size_t *sign)
{
    for (size_t i = 0; i < COUNT(currencies); i++) {
        *sign = strlen(currencies[i].sign);
        if (currencies[i].noun[language].one && size > *sign && memcmp(word, currencies[i].sign, *sign) == 0)
            return &currencies[i];
    }
    return NULL;
}

void gruut_amount(gruut_language language, const gruut_currency *currency, uint64_t value, hse_buf *out)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

    if (language == GRUUT_ES)
        es_cardinal(out, digits, (size_t)n, currency->noun[language].use);
    else
        fr_cardinal(out, digits, (size_t)n, false);
    hse_buf_printf(out, " %s", value == 1 ? currency->noun[language].one : currency->noun[language].many);
}
