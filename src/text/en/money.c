/* money.c - amounts: a sign or a code, a number, perhaps a scale, perhaps "per month". */
#include "text/en/en.h"

#include "base/utf8.h"

typedef struct {
    const char *sign; /* as written before (or behind) the number */
    const char *one, *many;
    const char *cent, *cents; /* NULL: no hundredth part that anybody says */
} currency;

/* Longer signs first: "US$" before "$". */
static const currency signs[] = {
    {"US$", "us dollar", "us dollars", "cent", "cents"},
    {"CA$", "canadian dollar", "canadian dollars", "cent", "cents"},
    {"AU$", "australian dollar", "australian dollars", "cent", "cents"},
    {"NZ$", "new zealand dollar", "new zealand dollars", "cent", "cents"},
    {"HK$", "hong kong dollar", "hong kong dollars", "cent", "cents"},
    {"NT$", "new taiwan dollar", "new taiwan dollars", NULL, NULL},
    {"C$", "canadian dollar", "canadian dollars", "cent", "cents"},
    {"A$", "australian dollar", "australian dollars", "cent", "cents"},
    {"S$", "singapore dollar", "singapore dollars", "cent", "cents"},
    {"R$", "brazilian real", "brazilian reals", "centavo", "centavos"},
    {"$", "dollar", "dollars", "cent", "cents"},
    {"£", "pound", "pounds", "penny", "pence"},
    {"€", "euro", "euros", "cent", "cents"},
    {"¥", "yen", "yen", NULL, NULL},
    {"₩", "won", "won", NULL, NULL},
    {"₹", "rupee", "rupees", "paisa", "paise"},
    {"₽", "ruble", "rubles", "kopeck", "kopecks"},
    {"₺", "lira", "lira", "kurus", "kurus"},
    {"₴", "hryvnia", "hryvnias", "kopeck", "kopecks"},
    {"₪", "shekel", "shekels", "agora", "agorot"},
    {"₫", "dong", "dong", NULL, NULL},
    {"₦", "naira", "naira", "kobo", "kobo"},
    {"₱", "peso", "pesos", "centavo", "centavos"},
    {"฿", "baht", "baht", "satang", "satang"},
    {"₡", "colon", "colons", NULL, NULL},
    {"₿", "bitcoin", "bitcoins", NULL, NULL},
    {"¢", "cent", "cents", NULL, NULL},
};

static const currency codes[] = {
    {"AUD", "australian dollar", "australian dollars", "cent", "cents"},
    {"BRL", "brazilian real", "brazilian reals", "centavo", "centavos"},
    {"CAD", "canadian dollar", "canadian dollars", "cent", "cents"},
    {"CHF", "swiss franc", "swiss francs", "centime", "centimes"},
    {"CNY", "yuan", "yuan", NULL, NULL},
    {"CZK", "czech koruna", "czech korunas", NULL, NULL},
    {"DKK", "danish krone", "danish kroner", NULL, NULL},
    {"EUR", "euro", "euros", "cent", "cents"},
    {"GBP", "british pound", "british pounds", "penny", "pence"},
    {"HKD", "hong kong dollar", "hong kong dollars", "cent", "cents"},
    {"INR", "indian rupee", "indian rupees", "paisa", "paise"},
    {"JPY", "japanese yen", "japanese yen", NULL, NULL},
    {"KRW", "korean won", "korean won", NULL, NULL},
    {"MXN", "mexican peso", "mexican pesos", "centavo", "centavos"},
    {"NOK", "norwegian krone", "norwegian kroner", NULL, NULL},
    {"NZD", "new zealand dollar", "new zealand dollars", "cent", "cents"},
    {"PLN", "polish zloty", "polish zlotys", NULL, NULL},
    {"RMB", "yuan", "yuan", NULL, NULL},
    {"RUB", "russian ruble", "russian rubles", "kopeck", "kopecks"},
    {"SEK", "swedish krona", "swedish kronor", NULL, NULL},
    {"SGD", "singapore dollar", "singapore dollars", "cent", "cents"},
    {"USD", "us dollar", "us dollars", "cent", "cents"},
    {"ZAR", "south african rand", "south african rand", "cent", "cents"},
};

static const struct {
    const char *word, *say;
    bool letter; /* a short form */
} scales[] = {
    {"hundred", "hundred", false}, {"thousand", "thousand", false}, {"million", "million", false},
    {"billion", "billion", false}, {"trillion", "trillion", false}, {"quadrillion", "quadrillion", false},
    {"mln", "million", true},      {"bln", "billion", true},        {"trln", "trillion", true},
    {"mil", "million", true},      {"bil", "billion", true},        {"mn", "million", true},
    {"mm", "million", true},       {"bn", "billion", true},         {"tn", "trillion", true},
    {"k", "thousand", true},       {"m", "million", true},          {"b", "billion", true},
    {"t", "trillion", true},
};

size_t en_scale(const text_scan *s, size_t i, bool letters, const char **word)
{
    size_t at = i + (scan_char(s, i) == ' ');
    size_t n = scan_letters(s, at);

    for (size_t k = 0; k < COUNT(scales) && n; k++)
        if ((letters || (!scales[k].letter && at > i)) && scan_same(s, at, n, scales[k].word) &&
            !scan_word_char(s, at + n) &&
            !(scales[k].letter && at > i && n == 1 && scan_is_upper(s, at) && scan_char(s, at + 1) == '.')) {
            *word = scales[k].say;
            return at + n - i;
        }
    return 0;
}

static const currency *sign_at(const text_scan *s, size_t i, size_t *len)
{
    char first = scan_char(s, i);

    if (first != '$' && !(first & 0x80) &&
        !(scan_is_upper(s, i) && (scan_char(s, i + 1) == '$' || scan_char(s, i + 2) == '$')))
        return NULL;
    for (size_t k = 0; k < COUNT(signs); k++) {
        size_t n = strlen(signs[k].sign);
        if (n <= s->size - i && memcmp(s->text + i, signs[k].sign, n) == 0) {
            *len = n;
            return &signs[k];
        }
    }
    return NULL;
}

static const currency *code_at(const text_scan *s, size_t i, size_t *len)
{
    if (!scan_is_upper(s, i) || scan_letters(s, i) != 3 || (scan_word_char(s, i + 3) && !scan_is_digit(s, i + 3)))
        return NULL;
    for (size_t k = 0; k < COUNT(codes); k++)
        if (memcmp(s->text + i, codes[k].sign, 3) == 0) {
            *len = 3;
            return &codes[k];
        }
    return NULL;
}

typedef struct {
    const currency *currency;
    bool negative;
    text_number number;
    const char *scale;
    size_t len;
} amount;

/* [-]sign[ ][-]number[ scale] */
static bool parse(const text_scan *s, size_t i, const currency *known, amount *a)
{
    size_t at = i, n = 0;

    *a = (amount){0};
    if (i >= s->size)
        return false;
    if (scan_char(s, at) == '-') {
        a->negative = true;
        at++;
    }
    if (at >= s->size)
        return false;
    if (!(a->currency = sign_at(s, at, &n)) && !(a->currency = code_at(s, at, &n)) && !(a->currency = known))
        return false;
    at += n;
    if (n && scan_char(s, at) == ' ')
        at++;
    if (n && scan_char(s, at) == '-') {
        a->negative = true;
        at++;
    }
    if (!en_number(s, at, &a->number))
        return false;
    text_number swapped; /* 1.234,56 as most of Europe writes it */
    if (scan_number(s, at, '.', ',', &swapped) && swapped.grouped && swapped.n_fraction && swapped.len > a->number.len)
        a->number = swapped;
    at += a->number.len;
    at += en_scale(s, at, true, &a->scale);
    if (scan_word_char(s, at))
        return false;
    a->len = at - i;
    return true;
}

/* Dollars and cents when at most two digits of the fraction count, else the number with its point. */
static void say_amount(text_scan *s, const amount *a, bool with_unit)
{
    const text_number *n = &a->number;
    size_t places = n->n_fraction;
    hse_buf *out = s->out;
    bool zero = true;

    while (places > 2 && scan_char(s, n->fraction + places - 1) == '0')
        places--;
    for (size_t i = 0; i < n->n; i++)
        zero = zero && n->digits[i] == '0';
    bool round = true;
    for (size_t i = 0; i < places; i++)
        round = round && scan_char(s, n->fraction + i) == '0';
    if (a->negative)
        say(out, "minus");
    if (a->scale || !with_unit || (places > 0 && !round && (places > 2 || !a->currency->cent))) {
        text_number shown = *n;
        if (!a->scale)
            shown.n_fraction = round ? 0 : places;
        en_say_number(out, s, &shown);
        if (a->scale)
            say(out, a->scale);
        if (with_unit)
            say(out, !a->scale && en_is_one(s, &shown) ? a->currency->one : a->currency->many);
        return;
    }
    unsigned cents = round ? 0 : scan_value(s, n->fraction, places) * (places == 1 ? 10 : 1);
    bool one = n->n == 1 && n->digits[0] == '1';
    if (!zero || !cents) {
        en_say_cardinal(out, n->n ? n->digits : "0", n->n ? n->n : 1);
        say(out, one ? a->currency->one : a->currency->many);
    }
    if (cents) {
        en_say_value(out, cents);
        say(out, cents == 1 ? a->currency->cent : a->currency->cents);
    }
}

/* "/mo", "/hour", "/kg": bytes, said as "per month" */
static size_t say_per(text_scan *s, size_t i)
{
    static const struct {
        const char *written, *say;
    } periods[] = {
        {"d", "day"},      {"day", "day"},    {"h", "hour"},      {"hour", "hour"}, {"hr", "hour"},
        {"min", "minute"}, {"mo", "month"},   {"month", "month"}, {"mth", "month"}, {"person", "person"},
        {"s", "second"},   {"sec", "second"}, {"unit", "unit"},   {"week", "week"}, {"wk", "week"},
        {"y", "year"},     {"year", "year"},  {"yr", "year"},
    };
    const char *one, *many;

    if (scan_char(s, i) != '/')
        return 0;
    size_t n = scan_letters(s, i + 1);
    int k = scan_find(periods, COUNT(periods), sizeof periods[0], s->text + i + 1, n);
    if (k >= 0 && !scan_word_char(s, i + 1 + n)) {
        say(s->out, "per");
        say(s->out, periods[k].say);
        return 1 + n;
    }
    if ((n = en_unit(s, i + 1, &one, &many))) {
        say(s->out, "per");
        say(s->out, one);
        return 1 + n;
    }
    return 0;
}

static size_t finish(text_scan *s, const amount *first, size_t end, const currency *known)
{
    amount last;
    size_t dash = scan_char(s, end) == '-' ? 1 : scan_is(s, end, " - ") ? 3 : 0;

    if (dash && !first->negative && parse(s, end + dash, known, &last) && !last.negative) {
        /* "$5-10" and "$5-$10" */
        bool again = !scan_is_digit(s, end + dash);
        say_amount(s, first, again);
        say(s->out, "to");
        say_amount(s, &last, true);
        end += dash + last.len;
    } else {
        say_amount(s, first, true);
    }
    return end;
}

/* $20.50, -£5, US$76.3 trillion, ¥30b, $20/mo, $50-$100, USD 100 */
size_t en_rule_money(text_scan *s)
{
    amount a;

    if (!parse(s, s->at, NULL, &a) || (scan_char(s, s->at) == '-' && !en_minus_stands(s)))
        return 0;
    /* "$100 USD" says its currency twice */
    size_t end = s->at + a.len, n;
    if (scan_char(s, end) == ' ' && end + 1 < s->size) {
        const currency *code = code_at(s, end + 1, &n);
        if (code && strstr(code->many, a.currency->many)) {
            a.currency = code;
            end += 1 + n;
        }
    }
    end = finish(s, &a, end, a.currency);
    return end + say_per(s, end) - s->at;
}

/* 5€, 20 ¢, 5 million USD: the sign behind the number */
size_t en_rule_money_suffix(text_scan *s)
{
    amount a = {0};
    size_t at = s->at, n = 0;

    if (scan_char(s, at) == '-') {
        if (!en_minus_stands(s))
            return 0;
        a.negative = true;
        at++;
    }
    if (!en_number(s, at, &a.number))
        return 0;
    at += a.number.len;
    at += en_scale(s, at, false, &a.scale);
    if (scan_char(s, at) == ' ')
        at++;
    if (at >= s->size)
        return 0;
    if (!(a.currency = sign_at(s, at, &n)) && !(a.currency = code_at(s, at, &n)))
        return 0;
    if (scan_word_char(s, at + n) || (scan_char(s, at - 1) == ' ' && scan_class(scan_char(s, at)) & SCAN_SIGNAL))
        return 0; /* "5 $10 notes" */
    say_amount(s, &a, true);
    at += n;
    return at + say_per(s, at) - s->at;
}
