#include "text/normalize.h"

#include "base/utf8.h"
#include "text/fold.h"

#include <utf8proc.h>

static unsigned run_classes(const char *text, size_t size, size_t at, size_t *end)
{
    unsigned has = 0, c;

    while (at < size && !((c = scan_class(text[at])) & SCAN_SPACE)) {
        has |= c;
        at++;
    }
    *end = at;
    return has;
}

/* What could start here; 0 for what is copied as it is. */
static unsigned start_kind(const text_scan *s)
{
    char c = s->text[s->at];
    unsigned class = scan_class(c);

    if (class & SCAN_DIGIT)
        return scan_joined(s, s->at) ? START_INNER : START_DIGIT;
    if (class & (SCAN_LOWER | SCAN_UPPER))
        return scan_joined(s, s->at) ? 0 : START_LETTER;
    if (class == SCAN_DOT && scan_is_digit(s, s->at + 1))
        return scan_word_before(s, s->at) ? 0 : START_DIGIT; /* ".5" */
    if (class == SCAN_DOT || class == 0) {
        /* plain punctuation matters in front of a number or an amount alone */
        char next = scan_char(s, s->at + 1);
        return scan_class(next) & (SCAN_DIGIT | SCAN_HIGH) || next == '$' || (c == '-' && next == ' ') ? START_SYMBOL
                                                                                                       : 0;
    }
    if (c == '$')
        return START_CURRENCY;
    if (c == '{' || c == '}' || c == '[' || c == ']' || c == '`' || c == '\\')
        return 0;
    if (class & SCAN_HIGH) {
        uint32_t point = 0;
        hse_utf8_next(s->text + s->at, s->size - s->at, &point);
        utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
        if (category == UTF8PROC_CATEGORY_SC)
            return START_CURRENCY;
        return !scan_word_char(s, s->at) ? START_SYMBOL : scan_joined(s, s->at) ? 0 : START_LETTER;
    }
    return START_SYMBOL;
}

static size_t try_rules(text_scan *s, unsigned kind)
{
    size_t before = s->out->size;

    for (size_t i = 0; i < s->language->n_rules; i++) {
        const text_rule *rule = &s->language->rules[i];
        size_t taken = rule->starts & kind ? rule->match(s) : 0;

        if (taken)
            return taken;
        s->out->size = before;
    }
    return 0;
}

/* The rest of the word at `at`, or one character. In an unspaced language a Latin word ends where wide letters begin, and
 * the other way round. */
static size_t plain_length(const text_scan *s, unsigned kind)
{
    size_t i = s->at, len;
    bool unspaced = s->language->unspaced, wide = unspaced && scan_wide(s, i);

    if (kind == START_LETTER || kind == 0)
        for (; i < s->size && !scan_is_digit(s, i); i += len) {
            len = scan_class(s->text[i]) & (SCAN_LOWER | SCAN_UPPER) ? 1 : scan_word_char(s, i);
            if (len == 0 || (unspaced && wide != (scan_wide(s, i) > 0)))
                break;
        }
    if (i == s->at) {
        uint32_t c;
        len = hse_utf8_next(s->text + i, s->size - i, &c);
        i += len ? len : 1;
    }
    return i - s->at;
}

/* A character that a rule has not taken. Braces would make some front ends drop what is inside them. */
static void copy(text_scan *s, size_t n)
{
    char c = s->text[s->at];

    if (c == '{' || c == '}')
        hse_buf_byte(s->out, c == '{' ? '(' : ')');
    else
        hse_buf_append(s->out, s->text + s->at, n);
}

static void walk(text_scan *s)
{
    bool said = false; /* the last thing written came from a rule */

    while (s->at < s->size && s->out->status == HSE_OK) {
        if (s->at >= s->run_end) {
            size_t start = s->at;
            while (s->at < s->size && scan_class(s->text[s->at]) & SCAN_SPACE)
                s->at++;
            hse_buf_append(s->out, s->text + start, s->at - start);
            s->run = s->at;
            s->run_has = run_classes(s->text, s->size, s->at, &s->run_end);
            said = said && start == s->at;
            continue;
        }
        unsigned kind = start_kind(s);
        bool plain = !(s->run_has & ~(unsigned)(SCAN_LOWER | SCAN_UPPER));
        size_t n = plain_length(s, kind), taken = 0;

        if (kind && (!plain || kind != START_LETTER || s->language->cue(s->text + s->at, n)))
            taken = try_rules(s, kind);
        if (taken) {
            s->at += taken;
            said = true;
            continue;
        }
        if (said && !s->language->unspaced && scan_word_char(s, s->at) && s->out->size &&
            scan_class((char)s->out->data[s->out->size - 1]) != SCAN_SPACE)
            say_n(s->out, s->text + s->at, n);
        else
            copy(s, n);
        said = false;
        s->at += n;
    }
}

hse_status text_normalize(const text_language *language, const char *text, size_t size, hse_buf *out, hse_error *err)
{
    hse_buf folded;
    size_t bad, before = out->size;
    hse_status s = HSE_OK;

    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8: wrong byte at position %zu", bad);
    hse_buf_init(&folded, size > SIZE_MAX / 8 ? SIZE_MAX - 1 : size * 8 + 64);
    if (text_fold(text, size, language->unspaced, &folded)) {
        text = hse_buf_text(&folded);
        size = folded.size;
        s = hse_buf_status(&folded, "the text", err);
    }
    if (s == HSE_OK) {
        /* A rule may look one character back at what is said, but must not join words to an earlier text. */
        hse_buf words;
        hse_buf_init(&words, size > SIZE_MAX / 64 ? SIZE_MAX - 1 : size * 48 + 1024);
        text_scan scan = {.language = language, .text = text, .size = size, .out = &words};
        walk(&scan);
        if ((s = hse_buf_status(&words, "the spoken text", err)) == HSE_OK)
            hse_buf_append(out, hse_buf_text(&words), words.size);
        hse_buf_free(&words);
    }
    hse_buf_free(&folded);
    if (s == HSE_OK)
        s = hse_buf_status(out, "the spoken text", err);
    if (s != HSE_OK)
        out->size = before;
    return s;
}
