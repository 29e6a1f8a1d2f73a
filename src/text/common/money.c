/* money.c - amounts with the sign or the code of their currency, in front or behind. */
#include "text/common/common.h"

const text_currency *common_currency(const text_scan *s, size_t i, size_t *len)
{
    const text_words *w = s->language->words;
    const text_currency *best = NULL;

    *len = 0;
    if (i >= s->size)
        return NULL;
    for (size_t k = 0; k < w->n_currencies; k++) {
        const text_currency *c = &w->currencies[k];
        if (!scan_is(s, i, c->written))
            continue;
        size_t n = strlen(c->written);
        bool letters = scan_class(c->written[n - 1]) & SCAN_LOWER;
        if (n <= *len)
            continue;
        /* "5 frases": a code is a word of its own, but for the number it stands at */
        if (letters && scan_goes_on(s, i + n) && !scan_is_digit(s, i + n))
            continue;
        best = c;
        *len = n;
    }
    return best;
}

bool common_is_code(const text_words *w, const char *word, size_t n)
{
    text_scan s = {.text = word, .size = n};

    for (size_t k = 0; k < w->n_currencies; k++)
        if (scan_same(&s, 0, n, w->currencies[k].written))
            return true;
    return false;
}

static void say_cents(text_scan *s, const text_currency *c, unsigned cents)
{
    static const text_quantity one = {.number = {.n = 1, .digits = "1"}}, many = {.number = {.n = 1, .digits = "2"}};

    common_say_value(s, cents, USE_MASCULINE);
    common_say_noun(s, cents == 1 ? &one : &many, &(text_noun){.one = c->cent, .many = c->cents});
}

/* Whole and hundredths apart when there are such and at most two digits say them, else the number with its point. */
static void say_amount(text_scan *s, const text_quantity *q, const text_currency *c)
{
    const text_number *n = &q->number;
    unsigned use = c->noun.feminine ? USE_FEMININE : USE_MASCULINE;
    size_t places = n->n_fraction;
    text_quantity whole = *q;

    if (q->n_scale || !c->cent || places == 0 || places > 2) {
        common_say_quantity(s, q, use);
        common_say_noun(s, q, &c->noun);
        return;
    }
    unsigned cents = scan_value(s, n->fraction, places) * (places == 1 ? 10 : 1);
    whole.number.n_fraction = 0;
    if (!common_is_zero(&whole.number) || cents == 0) {
        common_say_quantity(s, &whole, use);
        common_say_noun(s, &whole, &c->noun);
    } else if (q->negative) {
        common_say(s, s->language->words->minus);
    }
    if (cents)
        say_cents(s, c, cents);
}

/* $5, -$5, $ -5, EUR 5, $5-10, 1.5万 behind its sign */
size_t common_rule_money(text_scan *s)
{
    size_t at = s->at, n;
    bool negative = scan_char(s, at) == '-';
    text_quantity q, last;

    if (negative && !common_minus_stands(s, at))
        return 0;
    at += negative;
    const text_currency *c = common_currency(s, at, &n);
    if (!c)
        return 0;
    at = common_skip_space(s, at + n);
    if (!common_quantity(s, at, &q))
        return 0;
    at += q.len;
    /* "$5 millones de dólares", "fr 1 5/8": what goes on is no amount of this sign */
    if (!common_ends(s, at))
        return 0;
    size_t dash = scan_char(s, at) == '-' || scan_char(s, at) == '~', again;
    if (dash && !q.negative && !negative && common_currency(s, at + 1, &again) == c)
        dash += again;
    if (dash && !negative && common_quantity(s, at + dash, &last) && !last.negative && common_ends(s, at + dash + last.len)) {
        common_say_quantity(s, &q, c->noun.feminine ? USE_FEMININE : USE_MASCULINE);
        common_say(s, s->language->words->range);
        say_amount(s, &last, c);
        return at + dash + last.len - s->at;
    }
    q.negative = q.negative || negative;
    say_amount(s, &q, c);
    return at - s->at;
}

/* 5 $, 5€, 100 USD, 2 billones de € */
size_t common_rule_money_behind(text_scan *s)
{
    text_quantity q;
    size_t n;

    if (!common_quantity(s, s->at, &q) || (q.negative && !common_minus_stands(s, s->at)))
        return 0;
    size_t at = common_skip_space(s, s->at + q.len);
    const text_currency *c = common_currency(s, at, &n);
    if (!c || (scan_is_digit(s, at + n)))
        return 0; /* "5 $10" */
    say_amount(s, &q, c);
    return at + n - s->at;
}

size_t common_rule_currency(text_scan *s)
{
    static const text_quantity many = {.number = {.n = 1, .digits = "2"}};
    size_t n;
    const text_currency *c = common_currency(s, s->at, &n);

    if (!c)
        return 0;
    common_say_noun(s, &many, &c->noun);
    return n;
}
