/* bpe_split.c - GPT-2's pattern
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * alternative by alternative, and broken UTF-8 put right. Every look ahead is part of the piece that is returned, so a text
 * is cut in linear time. */
#include "text/bpe_split.h"

#include "base/utf8.h"
#include "text/bpe.h"

#include <string.h>
#include <utf8proc.h>

typedef enum { LETTER, NUMBER, SPACE, OTHER } char_class;

/* Unicode's White_Space, which is what \s means in the pattern. */
static bool is_white(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 0x09 && c <= 0x0D);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* The class of the first character and its length; a byte that is no UTF-8 is OTHER by itself. */
static char_class class_at(const char *text, size_t size, size_t *length)
{
    uint32_t c;
    size_t n = hse_utf8_next(text, size, &c);

    *length = n ? n : 1;
    if (n == 0)
        return OTHER;
    if (is_white(c))
        return SPACE;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return NUMBER;
    default: return OTHER;
    }
}

static size_t contraction(const char *text, size_t size)
{
    static const char *const ends[] = {"s", "t", "re", "ve", "m", "ll", "d"};

    if (text[0] != '\'')
        return 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t n = strlen(ends[i]);
        if (size > n && memcmp(text + 1, ends[i], n) == 0)
            return 1 + n;
    }
    return 0;
}

size_t bpe_piece(const char *text, size_t size)
{
    size_t n = contraction(text, size), at, last, length;
    char_class kind;

    if (n)
        return n;
    kind = class_at(text, size, &at);
    if (kind == SPACE) {
        size_t end = at;
        last = 0; /* where the last white character of the run starts */
        while (end < size && class_at(text + end, size - end, &length) == SPACE) {
            last = end;
            end += length;
        }
        if (end == size)
            return end;
        if (last > 0)
            return last; /* \s+(?!\S) leaves one, which the next piece takes if it is a space */
        if (text[0] != ' ')
            return end; /* \s+ */
        kind = class_at(text + end, size - end, &length);
        at = end + length;
    }
    while (at < size && class_at(text + at, size - at, &length) == kind)
        at += length;
    return at;
}

/* ------------------------------------------------------------------------------------------------------ broken UTF-8 */

/* Length of the well-formed character at p (*whole), or of the maximal part of an ill-formed one; *open when the text ends
 * inside what could still become a character. */
static size_t maximal_part(const uint8_t *p, size_t n, bool *whole, bool *open)
{
    uint8_t low = 0x80, high = 0xBF;
    size_t want = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0, i = 1;

    *whole = *open = false;
    if (want == 0)
        return 1;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    for (; i < want && i < n && p[i] >= low && p[i] <= high; i++) {
        low = 0x80;
        high = 0xBF;
    }
    *whole = i == want;
    *open = i < want && i == n;
    return i;
}

void bpe_put_utf8(hse_buf *out, const uint8_t *bytes, size_t size)
{
    size_t from = 0;
    bool whole, open;

    for (size_t at = 0; at < size;) {
        size_t n = maximal_part(bytes + at, size - at, &whole, &open);
        if (!whole) {
            hse_buf_append(out, bytes + from, at - from);
            hse_buf_append(out, "\xEF\xBF\xBD", 3);
            from = at + n;
        }
        at += n;
    }
    if (from < size)
        hse_buf_append(out, bytes + from, size - from);
}

size_t bpe_incomplete(const uint8_t *bytes, size_t size)
{
    bool whole, open;

    for (size_t n = size < 3 ? size : 3; n > 0; n--) {
        if ((bytes[size - n] & 0xC0) == 0x80)
            continue;
        maximal_part(bytes + size - n, n, &whole, &open);
        if (open)
            return n;
    }
    return 0;
}
