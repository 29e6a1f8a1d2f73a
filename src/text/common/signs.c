/* signs.c - signs that stand for words. */
#include "text/common/common.h"

static bool number_at(const text_scan *s, size_t i)
{
    return scan_is_digit(s, i) || ((scan_char(s, i) == '.' || scan_char(s, i) == ',') && scan_is_digit(s, i + 1));
}

/* Something that is calculated with stands around the sign of n bytes at s->at. */
static bool between(const text_scan *s, size_t n)
{
    size_t before = scan_skip_space_back(s, s->at), behind = common_skip_space(s, s->at + n);
    char left = before ? s->text[before - 1] : '\0', right = scan_char(s, behind);

    bool dash = scan_char(s, s->at) == '-' || scan_char(s, s->at) == '/', spaced = before < s->at && behind > s->at + n;

    /* COVID-19, 2-B, y/o: only numbers stand close to these */
    if (dash && !spaced && !((scan_is_digit(s, before - 1) || left == ')') && (scan_is_digit(s, behind) || right == '(')))
        return false;
    bool operand = scan_word_before(s, before) || left == ')' || left == '%';
    bool number = number_at(s, behind) || right == '(' || right == '-';
    /* two letters are a word and its neighbour: "y/o", "a - b"; one of the sides is a number */
    if (operand && !number && scan_word_char(s, behind))
        return scan_is_digit(s, before - 1) || scan_char(s, s->at) == '=' || (s->text[s->at] & 0x80);
    return operand && number;
}

size_t common_rule_sign(text_scan *s)
{
    const text_words *w = s->language->words;

    for (size_t k = 0; k < w->n_signs; k++) {
        const text_sign *sign = &w->signs[k];
        bool stands = false;

        if (!scan_is(s, s->at, sign->written))
            continue;
        size_t n = strlen(sign->written), end = s->at + n;
        switch (sign->where) {
        case SIGN_LEADS: stands = number_at(s, end) && common_minus_stands(s, s->at); break;
        case SIGN_BETWEEN: stands = between(s, n); break;
        default: stands = true;
        }
        if (!stands)
            continue;
        if (*sign->say)
            common_say(s, sign->say);
        return n;
    }
    return 0;
}
