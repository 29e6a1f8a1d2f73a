/* numbers.c - Spanish numbers: cardinals (long scale, groups of six digits) with gender, ordinals. */
#include "text/es/es.h"

static const char *const small[] = {
    "cero",       "uno",        "dos",        "tres",      "cuatro",       "cinco",       "seis",        "siete",
    "ocho",       "nueve",      "diez",       "once",      "doce",         "trece",       "catorce",     "quince",
    "dieciséis",  "diecisiete", "dieciocho",  "diecinueve", "veinte",      "veintiuno",   "veintidós",   "veintitrés",
    "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve"};
static const char *const tens[] = {"treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"};
static const char *const hundreds[] = {"", "ciento", "doscient", "trescient", "cuatrocient", "quinient", "seiscient", "setecient",
                                       "ochocient", "novecient"};
static const char *const scales[] = {"", "mill", "bill", "trill", "cuatrill", "quintill"};

static void put(hse_buf *out, size_t from, const char *word)
{
    if (out->size > from)
        hse_buf_byte(out, ' ');
    hse_buf_str(out, word);
}

/* 1 to 99, whose last word may be a one. */
static void below_hundred(hse_buf *out, size_t from, unsigned v, unsigned use)
{
    const char *one = use == USE_FEMININE ? "una" : use == USE_MASCULINE ? "un" : "uno";

    if (v == 21) {
        put(out, from, use == USE_MASCULINE ? "veintiún" : use == USE_FEMININE ? "veintiuna" : "veintiuno");
    } else if (v < 30) {
        put(out, from, v == 1 ? one : small[v]);
    } else {
        put(out, from, tens[v / 10 - 3]);
        if (v % 10) {
            hse_buf_str(out, " y ");
            hse_buf_str(out, v % 10 == 1 ? one : small[v % 10]);
        }
    }
}

/* 1 to 999 */
static void below_thousand(hse_buf *out, size_t from, unsigned v, unsigned use)
{
    if (v == 100) {
        put(out, from, "cien");
        return;
    }
    if (v > 100) {
        put(out, from, hundreds[v / 100]);
        if (v >= 200)
            hse_buf_str(out, use == USE_FEMININE ? "as" : "os");
    }
    if (v % 100)
        below_hundred(out, from, v % 100, use);
}

/* 1 to 999,999 */
static void below_million(hse_buf *out, size_t from, unsigned v, unsigned use)
{
    unsigned before_mil = use == ES_FULL || use == USE_FEMININE ? use : USE_MASCULINE;

    if (v >= 2000)
        below_thousand(out, from, v / 1000, before_mil);
    if (v >= 1000)
        put(out, from, "mil");
    if (v % 1000)
        below_thousand(out, from, v % 1000, use);
}

bool es_cardinal(hse_buf *out, const char *digits, size_t n, unsigned use)
{
    size_t from = out->size;

    while (n > 1 && digits[0] == '0') {
        digits++;
        n--;
    }
    if (n == 0 || n > ES_MAX_DIGITS)
        return false;
    if (n == 1 && digits[0] == '0')
        put(out, from, small[0]);
    for (size_t g = (n + 5) / 6; g-- > 0;) {
        size_t end = n - 6 * g, first = end < 6 ? 0 : end - 6;
        unsigned v = 0;

        for (size_t i = first; i < end; i++)
            v = v * 10 + (unsigned)(digits[i] - '0');
        if (v == 0)
            continue;
        if (g == 0) {
            below_million(out, from, v, use);
        } else {
            below_million(out, from, v, v == 1 || use != ES_FULL ? USE_MASCULINE : use);
            put(out, from, scales[g]);
            hse_buf_str(out, v == 1 ? "ón" : "ones");
        }
    }
    return true;
}

/* ---- ordinals ---- */

static const char *const units[] = {"",       "primer", "segund",  "tercer", "cuart",
                                    "quint",  "sext",   "séptim", "octav",  "noven"};
static const char *const ordinal_tens[] = {"",             "décim",      "vigésim",     "trigésim",   "cuadragésim",
                                           "quincuagésim", "sexagésim", "septuagésim", "octogésim", "nonagésim"};
static const char *const ordinal_hundreds[] = {"",            "centésim",   "ducentésim",   "tricentésim", "cuadringentésim",
                                               "quingentésim", "sexcentésim", "septingentésim", "octingentésim", "noningentésim"};

static void ending(hse_buf *out, es_ordinal_form form)
{
    hse_buf_byte(out, form == ES_PRIMERA ? 'a' : 'o');
}

static void unit(hse_buf *out, unsigned v, es_ordinal_form form)
{
    hse_buf_str(out, units[v]);
    if (!(form == ES_PRIMER && (v == 1 || v == 3)))
        ending(out, form);
}

/* 1 to 99: up to twenty-nine one word */
static void tens_and_units(hse_buf *out, size_t from, unsigned v, es_ordinal_form form)
{
    unsigned ten = v / 10, one = v % 10;

    if (out->size > from)
        hse_buf_byte(out, ' ');
    if (ten == 0) {
        unit(out, one, form);
    } else if (one == 0) {
        hse_buf_str(out, ordinal_tens[ten]);
        ending(out, form);
    } else if (form != ES_PRIMER && (v == 11 || v == 12)) {
        hse_buf_str(out, v == 11 ? "undécim" : "duodécim");
        ending(out, form);
    } else if (ten <= 2) {
        /* decimotercero, decimoctavo: no accent, one o */
        hse_buf_str(out, ten == 1 ? "decim" : "vigesim");
        if (one != 8)
            hse_buf_byte(out, 'o');
        unit(out, one, form);
    } else {
        hse_buf_str(out, ordinal_tens[ten]);
        ending(out, form == ES_PRIMER ? ES_PRIMERO : form);
        hse_buf_byte(out, ' ');
        unit(out, one, form);
    }
}

/* A cardinal in front of milésimo or millonésimo, joined with it: quinientosmilésimo. */
static void multiple(hse_buf *out, unsigned v, es_ordinal_form form)
{
    char digits[12];
    size_t n = 0, from = out->size, kept = from;

    if (v == 1)
        return;
    for (unsigned place = 100000; place; place /= 10)
        digits[n++] = (char)('0' + v / place % 10);
    es_cardinal(out, digits, n, form == ES_PRIMERA ? USE_FEMININE : USE_MASCULINE);
    for (size_t i = from; i < out->size; i++)
        if (out->data[i] != ' ')
            out->data[kept++] = out->data[i];
    out->size = kept;
}

bool es_ordinal(hse_buf *out, unsigned value, es_ordinal_form form)
{
    static const struct {
        unsigned value;
        const char *word;
    } large[] = {{1000000, "millonésim"}, {1000, "milésim"}};
    size_t from = out->size;

    if (value == 0 || value >= 1000000000)
        return false;
    for (size_t k = 0; k < COUNT(large); value %= large[k++].value)
        if (value >= large[k].value) {
            if (out->size > from)
                hse_buf_byte(out, ' ');
            multiple(out, value / large[k].value, form);
            hse_buf_str(out, large[k].word);
            ending(out, form == ES_PRIMER ? ES_PRIMERO : form);
        }
    if (value >= 100) {
        if (out->size > from)
            hse_buf_byte(out, ' ');
        hse_buf_str(out, ordinal_hundreds[value / 100]);
        ending(out, form == ES_PRIMER ? ES_PRIMERO : form);
    }
    if (value % 100)
        tens_and_units(out, from, value % 100, form);
    return true;
}
