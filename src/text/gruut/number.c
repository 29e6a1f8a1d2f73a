/* number.c - cardinal numbers in Spanish and French words, as num2words writes them ("veintiuno mil", "deux cent un"). */
#include "text/gruut/internal.h"

static const char *const es_small[] = {
    "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece", "catorce",
    "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés",
    "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve"};
static const char *const es_tens[] = {"treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"};
static const char *const es_hundreds[] = {"", "", "dos", "tres", "cuatro", "quin", "seis", "sete", "ocho", "nove"};
static const char *const fr_small[] = {"zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix",
                                       "onze", "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit",
                                       "dix-neuf", "vingt"};
static const char *const fr_tens[] = {"", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt",
                                      "quatre-vingt"};

/* ---- Spanish ---- */

/* 1 to 999. */
static void es_hundred(unsigned n, hse_buf *out)
{
    unsigned rest = n % 100;

    if (n == 100) {
        hse_buf_str(out, "cien");
        return;
    }
    if (n > 100) {
        hse_buf_str(out, n < 200 ? "ciento" : es_hundreds[n / 100]);
        hse_buf_str(out, n < 200 ? "" : n / 100 == 5 ? "ientos" : "cientos");
        hse_buf_str(out, rest ? " " : "");
    }
    if (rest >= 30) {
        hse_buf_str(out, es_tens[rest / 10 - 3]);
        if (rest % 10)
            hse_buf_printf(out, " y %s", es_small[rest % 10]);
    } else if (rest) {
        hse_buf_str(out, es_small[rest]);
    }
}

/* 1 to 999999. */
static void es_thousand(unsigned n, hse_buf *out)
{
    if (n >= 2000) {
        es_hundred(n / 1000, out);
        hse_buf_byte(out, ' ');
    }
    if (n >= 1000)
        hse_buf_str(out, n % 1000 ? "mil " : "mil");
    if (n % 1000)
        es_hundred(n % 1000, out);
}

static void es_number(uint64_t value, hse_buf *out)
{
    static const char *const name[] = {"", "mill", "bill"};
    uint64_t unit = 1000000000000;
    bool some = false;

    for (size_t i = 2; i > 0; i--, unit /= 1000000) {
        unsigned part = (unsigned)(value / unit % 1000000);

        if (!part)
            continue;
        hse_buf_str(out, some ? " " : "");
        if (part == 1)
            hse_buf_printf(out, "un %són", name[i]);
        else {
            es_thousand(part, out);
            hse_buf_printf(out, " %sones", name[i]);
        }
        some = true;
    }
    if (value % 1000000) {
        hse_buf_str(out, some ? " " : "");
        es_thousand((unsigned)(value % 1000000), out);
    }
}

/* ---- French ---- */

/* 1 to 999; "cents" and "quatre-vingts" where nothing follows. */
static void fr_hundred(unsigned n, bool last, hse_buf *out)
{
    unsigned rest = n % 100, unit;

    if (n >= 200)
        hse_buf_printf(out, "%s ", fr_small[n / 100]);
    if (n >= 100)
        hse_buf_str(out, rest ? "cent " : n >= 200 && last ? "cents" : "cent");
    if (rest <= 20) {
        hse_buf_str(out, rest ? fr_small[rest] : "");
        return;
    }
    unit = rest / 10 == 7 || rest / 10 == 9 ? 10 + rest % 10 : rest % 10;
    hse_buf_str(out, fr_tens[rest / 10]);
    if (rest == 80)
        hse_buf_str(out, last ? "s" : "");
    else if (unit % 10 == 1 && rest < 80)
        hse_buf_printf(out, " et %s", fr_small[unit]);
    else if (unit)
        hse_buf_printf(out, "-%s", fr_small[unit]);
}

static void fr_number(uint64_t value, hse_buf *out)
{
    static const char *const name[] = {"", "mille", "million", "milliard", "billion", "billiard"};
    uint64_t unit = 1000000000000000;
    bool some = false;

    for (size_t i = 6; i-- > 0; unit /= 1000) {
        unsigned part = (unsigned)(value / unit % 1000);

        if (!part)
            continue;
        hse_buf_str(out, some ? " " : "");
        if (i != 1 || part > 1)
            fr_hundred(part, i != 1, out);
        if (i)
            hse_buf_printf(out, "%s%s%s", i == 1 && part == 1 ? "" : " ", name[i], i > 1 && part > 1 ? "s" : "");
        some = true;
    }
}

void gruut_number(gruut_language language, uint64_t value, hse_buf *out)
{
    if (value == 0)
        hse_buf_str(out, language == GRUUT_ES ? es_small[0] : fr_small[0]);
    else if (language == GRUUT_ES)
        es_number(value, out);
    else
        fr_number(value, out);
}
