#include "text/marks.h"

#include <string.h>

#define ANCHOR     "\xEF\xBF\xB9"
#define SEPARATOR  "\xEF\xBF\xBA"
#define TERMINATOR "\xEF\xBF\xBB"

enum { MARK = 3 };                          /* bytes of each */

bool text_mark_char(const char *text, size_t size)
{
    return size >= MARK && memcmp(text, ANCHOR, MARK - 1) == 0 && text[2] >= ANCHOR[2] && text[2] <= TERMINATOR[2];
}

/* Where the character is, from `at` on; `size` when it is not there. */
static size_t find(const char *text, size_t size, size_t at, const char *mark)
{
    const char *p = at < size ? memmem(text + at, size - at, mark, MARK) : NULL;

    return p ? (size_t)(p - text) : size;
}

bool text_has_marks(const char *text, size_t size)
{
    return find(text, size, 0, ANCHOR) < size;
}

size_t text_mark_size(const char *text, size_t size)
{
    size_t window = size < TEXT_MARK_BYTES ? size : TEXT_MARK_BYTES;

    if (size < MARK || memcmp(text, ANCHOR, MARK) != 0)
        return 0;
    size_t separator = find(text, window, MARK, SEPARATOR), end = find(text, window, separator + MARK, TERMINATOR);
    return end < window ? end + MARK : 0;
}

bool text_marks_next(const char *text, size_t size, size_t *at, text_part *out)
{
    size_t start = *at, end = start, mark = 0;

    if (start >= size)
        return false;
    while (end < size && !(mark = text_mark_size(text + end, size - end)))
        end = find(text, size, end + 1, ANCHOR);
    if (end > start) {
        *out = (text_part){text + start, end - start, NULL, 0};
        *at = end;
        return true;
    }
    size_t separator = find(text, start + mark, start, SEPARATOR), phones = separator + MARK;
    *out = (text_part){text + start + MARK, separator - start - MARK, text + phones, start + mark - MARK - phones};
    *at = start + mark;
    return true;
}

void text_mark_put(hse_buf *out, const char *words, size_t size, const char *phones, size_t phones_size)
{
    hse_buf_append(out, ANCHOR, MARK);
    hse_buf_append(out, words, size);
    hse_buf_append(out, SEPARATOR, MARK);
    hse_buf_append(out, phones, phones_size);
    hse_buf_append(out, TERMINATOR, MARK);
}

hse_status text_marks_map(const char *text, size_t size, text_plain_fn *plain, void *user, hse_buf *out, hse_error *err)
{
    hse_status s = HSE_OK;
    size_t at = 0;

    for (text_part p; s == HSE_OK && text_marks_next(text, size, &at, &p);)
        if (p.phones)
            text_mark_put(out, p.words, p.size, p.phones, p.phones_size);
        else
            s = plain(user, p.words, p.size, out, err);
    return s == HSE_OK ? hse_buf_status(out, "the text", err) : s;
}
