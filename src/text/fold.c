#include "text/fold.h"

#include "base/utf8.h"
#include "text/ascii.h"

#include <utf8proc.h>

enum { MAX_MARKS = 8 };

/* What one character (with its marks) becomes. */
typedef struct {
    char bytes[96]; /* 20 code points of 4 bytes, and a space before a fraction */
    size_t n;
} piece;

static void put(piece *out, uint32_t c)
{
    char utf8[4];
    size_t n = hse_utf8_put(utf8, c);

    if (out->n + n <= sizeof out->bytes) {
        memcpy(out->bytes + out->n, utf8, n);
        out->n += n;
    }
}

static bool is_mark(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_MN;
}

/* Nobody sees or says these: soft hyphen, zero-width and direction controls, variation selectors, tags. The joiners
 * stay: they shape words of Indic scripts and Persian. */
static bool is_invisible(uint32_t c)
{
    return c == 0xAD || c == 0x200B || c == 0x2060 || c == 0xFEFF || c == 0x200E || c == 0x200F ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || (c >= 0xFE00 && c <= 0xFE0F) ||
           (c >= 0xE0000 && c <= 0xE01EF);
}

/* Control characters that are no white space; a zero byte would end the text for whoever reads it as a string. */
static bool is_control(uint32_t c)
{
    return c < 0x09 || (c > 0x0D && c < 0x20) || (c >= 0x7F && c < 0xA0);
}

static bool is_compatible(uint32_t c)
{
    return (c >= 0xFF01 && c <= 0xFF5E) || (c >= 0x1D400 && c <= 0x1D7FF) || (c >= 0xFB00 && c <= 0xFB06) ||
           (c >= 0x2160 && c <= 0x217F) || (c >= 0x249C && c <= 0x24E9) || (c >= 0x3200 && c <= 0x33FF) ||
           (c >= 0x2B0 && c <= 0x2B8) || (c >= 0x2E0 && c <= 0x2E4) || (c >= 0x1D2C && c <= 0x1D6A) ||
           (c >= 0x1D9B && c <= 0x1DBF) || (c >= 0x2071 && c <= 0x209C);
}

/* Digits that are not plain: superscripts, circled, of another script. A superscript 2 or 3 behind a letter or number
 * is a power, which the rules read. */
static bool is_odd_digit(const char *text, size_t at, uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);

    if (category != UTF8PROC_CATEGORY_NO && category != UTF8PROC_CATEGORY_ND)
        return false;
    if (c != 0xB2 && c != 0xB3)
        return true;
    char before = at > 0 ? text[at - 1] : ' ';
    return !((before >= '0' && before <= '9') || ((before | 0x20) >= 'a' && (before | 0x20) <= 'z') || before == ')');
}

static bool is_fraction(uint32_t c)
{
    return (c >= 0xBC && c <= 0xBE) || (c >= 0x2150 && c <= 0x215E);
}

static bool is_blank(uint32_t c)
{
    return c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool digit_at(const char *text, size_t size, size_t i)
{
    return i < size && text[i] >= '0' && text[i] <= '9';
}

static void put_decomposed(uint32_t c, piece *out)
{
    utf8proc_int32_t part[20];
    int last_class = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, part, (utf8proc_ssize_t)COUNT(part),
                                                 UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &last_class);

    for (utf8proc_ssize_t i = 0; i < n && i < (utf8proc_ssize_t)COUNT(part); i++)
        put(out, part[i] == 0x2044 ? '/' : (uint32_t)part[i]); /* 0x2044: fraction slash */
}

/* A base character of `len` bytes and the marks behind it, composed. Returns the bytes taken. A run of marks is cut to
 * MAX_MARKS: composing sorts them, which would take quadratic time, and nobody says the rest. */
static size_t put_composed(const char *text, size_t size, size_t len, piece *out)
{
    utf8proc_int32_t points[1 + MAX_MARKS];
    utf8proc_ssize_t n = 1;
    uint32_t c = 0;
    size_t at = len, next;

    hse_utf8_next(text, size, &c);
    points[0] = (utf8proc_int32_t)c;
    while ((next = hse_utf8_next(text + at, size - at, &c)) && is_mark(c)) {
        if (n <= MAX_MARKS && !is_invisible(c))
            points[n++] = (utf8proc_int32_t)c;
        at += next;
    }
    n = utf8proc_normalize_utf32(points, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    for (utf8proc_ssize_t i = 0; i < n; i++)
        put(out, (uint32_t)points[i]);
    return at;
}

/* "，！（）：；？" and the like, where it is punctuation: between digits it is a part of a number or a time. */
static bool is_wide_punctuation(const char *text, size_t size, size_t at, uint32_t c)
{
    bool mark = c == 0xFF01 || c == 0xFF08 || c == 0xFF09 || c == 0xFF0C || c == 0xFF1A || c == 0xFF1B || c == 0xFF1F;
    bool colon = c == 0xFF1A; /* 12：30; a comma between plain digits is one of a list */
    uint32_t before = 0, after = 0;

    if (!mark)
        return false;
    if (at >= 3)
        hse_utf8_next(text + at - 3, 3, &before); /* a full-width digit; the length is 3 as its own */
    hse_utf8_next(text + at + 3, size - at - 3, &after);
    bool digits = ((colon && digit_at(text, size, at - 1)) || (before >= 0xFF10 && before <= 0xFF19)) &&
                  ((colon && digit_at(text, size, at + 3)) || (after >= 0xFF10 && after <= 0xFF19));
    return at == 0 || !digits;
}

/* Append the character at `at` folded and return the bytes taken; 0 when it stays as it is. */
static size_t fold_one(const char *text, size_t size, size_t at, bool wide, piece *out)
{
    uint32_t c = 0, mark = 0;
    size_t len = hse_utf8_next(text + at, size - at, &c);
    size_t mark_len = hse_utf8_next(text + at + len, size - at - len, &mark);

    if (mark_len && mark >= 0x300 && is_mark(mark) && c != '\n' && !is_mark(c))
        return put_composed(text + at, size - at, len, out);
    if (is_control(c)) {
        put(out, ' ');
        return len;
    }
    if (c < 0x80)
        return 0;
    if (is_invisible(c))
        return len;
    if (is_blank(c)) {
        put(out, ' ');
    } else if (c == 0x2212 || c == 0x2010 || c == 0x2011) {
        put(out, '-');
    } else if (c == 0x2044 || c == 0x2215) {
        put(out, '/');
    } else if (c == 0x2012 || c == 0x2013) {
        /* An en dash between numbers or amounts is "to", elsewhere a dash of the sentence. */
        bool before = at > 0 && (digit_at(text, size, at - 1) || text[at - 1] == '%' || (text[at - 1] | 0x20) == 'm');
        bool after = digit_at(text, size, at + len) || (at + len < size && text[at + len] == '$');
        if (!before || !after)
            return 0;
        put(out, '-');
    } else if (is_fraction(c)) {
        if (at > 0 && digit_at(text, size, at - 1))
            put(out, ' ');
        put_decomposed(c, out);
    } else if (is_odd_digit(text, at, c)) {
        int value = text_digit_value(c);
        if (value >= 0)
            put(out, (uint32_t)('0' + value));
        else
            put_decomposed(c, out);
    } else if (wide && is_wide_punctuation(text, size, at, c)) {
        return 0;
    } else if (is_compatible(c)) {
        put_decomposed(c, out);
    } else if (is_mark(c)) {
        return put_composed(text + at, size - at, len, out); /* marks without a letter */
    } else {
        return 0;
    }
    return len;
}

/* Could the character that starts with this byte, or the one behind it, be folded? */
static bool suspicious(const char *text, size_t size, size_t i)
{
    unsigned char c = (unsigned char)text[i];

    if (c < 0x80) {
        unsigned char next = i + 1 < size ? (unsigned char)text[i + 1] : 0;
        return is_control(c) || next == 0xCC || next == 0xCD || next >= 0xD2; /* a mark may follow */
    }
    return true;
}

bool text_fold(const char *text, size_t size, bool wide, hse_buf *out)
{
    size_t copied = 0;
    bool changed = false;

    for (size_t i = 0; i < size && out->status == HSE_OK;) {
        piece folded;
        uint32_t c;
        size_t taken = 0;

        folded.n = 0;
        if (suspicious(text, size, i) && (taken = fold_one(text, size, i, wide, &folded))) {
            hse_buf_append(out, text + copied, i - copied);
            hse_buf_append(out, folded.bytes, folded.n);
            changed = true;
            copied = i + taken;
        }
        i += taken ? taken : hse_utf8_next(text + i, size - i, &c);
    }
    if (changed)
        hse_buf_append(out, text + copied, size - copied);
    return changed;
}
