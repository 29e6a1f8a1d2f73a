/* text.c - a text as code points. */
#include "text/ko/ko.h"

#include "base/utf8.h"

#include <string.h>

enum { MAX_TEXT = 1 << 18 };

void ko_put(ko_text *t, uint32_t c)
{
    if (t->n == MAX_TEXT)
        t->full = true;
    if (t->no_memory || t->full)
        return;
    uint32_t *list = hse_arena_grow(t->arena, t->c, t->n, &t->room, sizeof *list);
    if (!list) {
        t->no_memory = true;
        return;
    }
    t->c = list;
    t->c[t->n++] = c;
}

void ko_put_utf8(ko_text *t, const char *s, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t c;

        n = hse_utf8_next(s + i, size - i, &c);
        if (n)
            ko_put(t, c);
        n = n ? n : 1;
    }
}

static bool is_at(const ko_text *t, size_t at, const ko_text *key)
{
    return at + key->n <= t->n && memcmp(t->c + at, key->c, key->n * sizeof *key->c) == 0;
}

void ko_replace(ko_text *t, const char *from, size_t from_size, const char *to, size_t to_size)
{
    ko_text key = {.arena = t->arena}, out = {.arena = t->arena};
    size_t first = 0;

    ko_put_utf8(&key, from, from_size);
    t->no_memory |= key.no_memory;
    if (key.n == 0 || t->no_memory)
        return;
    while (first < t->n && !is_at(t, first, &key))
        first++;
    if (first == t->n)
        return;
    for (size_t i = 0; i < t->n;) {
        if (i >= first && is_at(t, i, &key)) {
            ko_put_utf8(&out, to, to_size);
            i += key.n;
        } else {
            ko_put(&out, t->c[i++]);
        }
    }
    out.no_memory |= t->no_memory;
    out.full |= t->full;
    *t = out;
}
