#include "text/scan.h"

#include "base/utf8.h"
#include "text/language.h"

#include <utf8proc.h>

unsigned scan_class(char ch)
{
    unsigned char c = (unsigned char)ch;

    if (c >= 'a' && c <= 'z')
        return SCAN_LOWER;
    if (c >= 'A' && c <= 'Z')
        return SCAN_UPPER;
    if (c >= '0' && c <= '9')
        return SCAN_DIGIT;
    if (c >= 0x80)
        return SCAN_HIGH;
    switch (c) {
    case ' ':
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r': return SCAN_SPACE;
    case ',':
    case ';':
    case ':':
    case '!':
    case '?':
    case '\'':
    case '"':
    case '(':
    case ')':
    case '-': return 0;
    case '.': return SCAN_DOT;
    case '@': return SCAN_AT;
    default: return SCAN_SIGNAL;
    }
}

char scan_char(const text_scan *s, size_t i)
{
    return i < s->size ? s->text[i] : '\0';
}

bool scan_is_digit(const text_scan *s, size_t i)
{
    char c = scan_char(s, i);
    return c >= '0' && c <= '9';
}

bool scan_is_upper(const text_scan *s, size_t i)
{
    char c = scan_char(s, i);
    return c >= 'A' && c <= 'Z';
}

bool scan_is_letter(const text_scan *s, size_t i)
{
    char c = (char)(scan_char(s, i) | 0x20);
    return c >= 'a' && c <= 'z';
}

size_t scan_word_char(const text_scan *s, size_t i)
{
    uint32_t c;

    if (i >= s->size)
        return 0;
    if (!(s->text[i] & 0x80))
        return scan_is_letter(s, i) || scan_is_digit(s, i);

    size_t len = hse_utf8_next(s->text + i, s->size - i, &c);
    utf8proc_category_t category = len ? utf8proc_category((utf8proc_int32_t)c) : UTF8PROC_CATEGORY_CN;
    bool word = (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME) ||
                category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL;
    return word ? len : 0;
}

/* Where the character that ends at i (not 0) starts. */
static size_t character_before(const text_scan *s, size_t i)
{
    size_t start = i;

    do
        start--;
    while (start > 0 && i - start < 4 && ((unsigned char)s->text[start] & 0xC0) == 0x80);
    return start;
}

bool scan_word_before(const text_scan *s, size_t i)
{
    if (i == 0 || i > s->size)
        return false;
    size_t start = character_before(s, i);
    return scan_word_char(s, start) == i - start;
}

size_t scan_wide(const text_scan *s, size_t i)
{
    uint32_t c;

    if (i >= s->size || (unsigned char)s->text[i] < 0xE1)
        return 0;
    size_t len = hse_utf8_next(s->text + i, s->size - i, &c);
    bool wide = (c >= 0x3005 && c <= 0x3007) || (c >= 0x3041 && c <= 0x30FF && c != 0x30FB) || (c >= 0x3131 && c <= 0x318E) ||
                (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                (c >= 0x20000 && c <= 0x3FFFF);
    return wide ? len : 0;
}

size_t scan_wide_before(const text_scan *s, size_t i)
{
    if (i == 0 || i > s->size || !((unsigned char)s->text[i - 1] & 0x80))
        return 0;
    size_t start = character_before(s, i);
    return scan_wide(s, start) == i - start ? i - start : 0;
}

bool scan_joined(const text_scan *s, size_t i)
{
    return scan_word_before(s, i) && !(s->language->unspaced && scan_wide_before(s, i));
}

bool scan_goes_on(const text_scan *s, size_t i)
{
    return scan_word_char(s, i) && !(s->language->unspaced && scan_wide(s, i));
}

size_t scan_digits(const text_scan *s, size_t i, size_t max)
{
    size_t n = 0;

    while (n <= max && scan_is_digit(s, i + n))
        n++;
    return n;
}

size_t scan_letters(const text_scan *s, size_t i)
{
    size_t n = 0;

    while (n <= SCAN_MAX_WORD && scan_is_letter(s, i + n))
        n++;
    return n;
}

unsigned scan_value(const text_scan *s, size_t i, size_t n)
{
    unsigned v = 0;

    for (size_t k = 0; k < n && k < 9; k++)
        v = v * 10 + (unsigned)(scan_char(s, i + k) - '0');
    return v;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool scan_is(const text_scan *s, size_t i, const char *word)
{
    for (; *word; word++, i++)
        if (i >= s->size || (s->text[i] != *word && lower(s->text[i]) != *word))
            return false;
    return true;
}

bool scan_is_before(const text_scan *s, size_t i, const char *word)
{
    size_t n = strlen(word);

    return n <= i && scan_is(s, i - n, word);
}

bool scan_same(const text_scan *s, size_t i, size_t n, const char *word)
{
    return strlen(word) == n && scan_is(s, i, word);
}

size_t scan_word_start(const text_scan *s, size_t end)
{
    size_t start = end;

    while (start > 0 && end - start < SCAN_MAX_WORD && scan_is_letter(s, start - 1))
        start--;
    return start;
}

size_t scan_skip_space_back(const text_scan *s, size_t i)
{
    return i > 0 && scan_char(s, i - 1) == ' ' ? i - 1 : i;
}

static bool group_at(const text_scan *s, size_t i, char group)
{
    return scan_char(s, i) == group && scan_digits(s, i + 1, 3) == 3;
}

bool scan_number(const text_scan *s, size_t i, char group, char point, text_number *out)
{
    size_t at = i, n = scan_digits(s, i, SCAN_MAX_DIGITS);

    *out = (text_number){0};
    if (n > SCAN_MAX_DIGITS || (n == 0 && !(scan_char(s, i) == point && scan_is_digit(s, i + 1))))
        return false;
    memcpy(out->digits, s->text + i, n);
    at += n;
    if (n >= 1 && n <= 3)
        for (; n + 3 <= SCAN_MAX_DIGITS && group_at(s, at, group); at += 4, n += 3) {
            memcpy(out->digits + n, s->text + at + 1, 3);
            out->grouped = true;
        }
    out->n = n;
    out->digits[n] = '\0';
    if (scan_char(s, at) == point) {
        size_t f = scan_digits(s, at + 1, SCAN_MAX_DIGITS);
        if (f > SCAN_MAX_DIGITS)
            return false;
        if (f > 0) {
            out->fraction = at + 1;
            out->n_fraction = f;
            at += 1 + f;
        }
    }
    out->len = at - i;
    return true;
}

int scan_find(const void *table, size_t n, size_t size, const char *word, size_t len)
{
    char key[SCAN_MAX_WORD + 1];
    size_t low = 0, high = n;

    if (len == 0 || len > SCAN_MAX_WORD)
        return -1;
    for (size_t i = 0; i < len; i++)
        key[i] = lower(word[i]);
    key[len] = '\0';
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *entry;
        memcpy(&entry, (const char *)table + mid * size, sizeof entry);
        int order = strcmp(key, entry);
        if (order == 0)
            return (int)mid;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return -1;
}

void say_gap(hse_buf *out)
{
    static const char tight[] = " \t\n\r\v\f([{\"'`-/~#*<\\_";

    if (out->size && !strchr(tight, out->data[out->size - 1]))
        hse_buf_byte(out, ' ');
}

void say_n(hse_buf *out, const char *words, size_t n)
{
    if (n == 0)
        return;
    say_gap(out);
    hse_buf_append(out, words, n);
}

void say(hse_buf *out, const char *words)
{
    say_n(out, words, strlen(words));
}

void say_mark(hse_buf *out, char mark)
{
    hse_buf_byte(out, (uint8_t)mark);
}
