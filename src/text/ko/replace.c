/* replace.c - a text as code points, and the small patterns that the rules of pronunciation are written in. */
#include "text/ko/ko.h"

#include "base/utf8.h"

#include <string.h>

enum { PIECES = 16, SET = 32, CAPTURES = 4, MAX_TEXT = 1 << 18 };

typedef enum { ONE, ANY_OF, NONE_OF, SPACE_OR_NOTHING, NO_LETTER } piece_kind;

typedef struct {
    piece_kind kind;
    uint32_t   c[SET];
    size_t     n;
} piece;

typedef struct {
    piece  piece[PIECES];
    size_t n;
} pattern;

typedef struct {
    uint32_t c[CAPTURES];                   /* 0: nothing was captured */
    size_t   n, end;
} match;

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

/* The next character of a zero-terminated string; 0 at its end and where it is no UTF-8. */
static uint32_t next(const char **s)
{
    uint32_t c = 0;
    size_t n = hse_utf8_next(*s, strlen(*s) < 4 ? strlen(*s) : 4, &c);

    *s += n;
    return n ? c : 0;
}

static bool read_set(const char **s, piece *p)
{
    uint32_t c;

    p->kind = ANY_OF;
    if (**s == '^') {
        p->kind = NONE_OF;
        ++*s;
    }
    while ((c = next(s)) != 0 && c != ']' && p->n < SET)
        p->c[p->n++] = c;
    return c == ']';
}

static bool read_pattern(pattern *p, const char *s)
{
    uint32_t c;

    p->n = 0;
    while (*s) {
        piece *e = &p->piece[p->n];

        if (p->n == PIECES || (c = next(&s)) == 0)
            return false;
        p->n++;
        e->n = 0;
        if (c == '[') {
            if (!read_set(&s, e))
                return false;
            continue;
        }
        e->kind = c == '?' ? SPACE_OR_NOTHING : c == '!' ? NO_LETTER : ONE;
        e->c[0] = c;
    }
    return p->n > 0;
}

/* Signs and punctuation of the blocks that a Korean text has; every script's letters count as letters. */
static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (c < 0xC0)
        return c == 0xAA || c == 0xB2 || c == 0xB3 || c == 0xB5 || c == 0xB9 || c == 0xBA || (c >= 0xBC && c <= 0xBE);
    return c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x206F) && !(c >= 0x20A0 && c <= 0x20CF) &&
           !(c >= 0x2190 && c <= 0x245F) && !(c >= 0x2500 && c <= 0x2BFF) && !(c >= 0x2E00 && c <= 0x2E7F && c != 0x2E2F) &&
           !(c >= 0x3000 && c <= 0x3004) && !(c >= 0x3008 && c <= 0x3020) && !(c >= 0xFE30 && c <= 0xFE6F) &&
           !(c >= 0xFF01 && c <= 0xFF0F) && !(c >= 0xFF1A && c <= 0xFF20) && !(c >= 0x1F000 && c <= 0x1FAFF);
}

static bool in_set(const piece *p, uint32_t c)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->c[i] == c)
            return true;
    return false;
}

/* One piece at `at`: how many characters it takes (*used), and whether it fits. */
static bool fits(const piece *p, const ko_text *t, size_t at, size_t *used)
{
    bool end = at >= t->n;
    uint32_t c = end ? 0 : t->c[at];

    *used = end ? 0 : 1;
    switch (p->kind) {
    case ONE: return !end && c == p->c[0];
    case ANY_OF: return !end && in_set(p, c);
    case NONE_OF: return end || !in_set(p, c);
    case NO_LETTER: return end || !is_letter(c);
    default: *used = !end && c == ' '; return true;
    }
}

static bool match_at(const pattern *p, const ko_text *t, size_t at, match *m)
{
    m->n = 0;
    m->end = at;
    for (size_t i = 0; i < p->n; i++) {
        size_t used;

        if (!fits(&p->piece[i], t, m->end, &used))
            return false;
        if (p->piece[i].kind != ONE && m->n < CAPTURES)
            m->c[m->n++] = used ? t->c[m->end] : 0;
        m->end += used;
    }
    return true;
}

static void put_replacement(ko_text *out, const char *to, const match *m)
{
    uint32_t c;

    while ((c = next(&to)) != 0) {
        if (c == '\\' && *to >= '1' && *to <= '0' + CAPTURES) {
            size_t k = (size_t)(*to++ - '1');

            if (k < m->n && m->c[k])
                ko_put(out, m->c[k]);
        } else {
            ko_put(out, c);
        }
    }
}

void ko_replace(ko_text *t, const char *from, const char *to)
{
    ko_text out = {.arena = t->arena};
    pattern p;
    match m;
    size_t first = 0, kept = 0;

    if (!read_pattern(&p, from))
        return;
    while (first < t->n && !match_at(&p, t, first, &m))
        first++;
    if (first == t->n)
        return;
    for (size_t i = first; i < t->n;) {
        if (!match_at(&p, t, i, &m) || m.end == i) {
            i++;
            continue;
        }
        for (; kept < i; kept++)
            ko_put(&out, t->c[kept]);
        put_replacement(&out, to, &m);
        i = kept = m.end;
    }
    for (; kept < t->n; kept++)
        ko_put(&out, t->c[kept]);
    out.no_memory |= t->no_memory;
    out.full |= t->full;
    *t = out;
}

void ko_replace_plain(ko_text *t, const char *from, size_t from_size, const char *to, size_t to_size)
{
    ko_text key = {.arena = t->arena}, out = {.arena = t->arena};
    bool found = false;

    ko_put_utf8(&key, from, from_size);
    t->no_memory |= key.no_memory;
    if (key.n == 0 || t->no_memory)
        return;
    for (size_t i = 0; i + key.n <= t->n && !found; i++)
        found = memcmp(t->c + i, key.c, key.n * sizeof *key.c) == 0;
    if (!found)
        return;
    for (size_t i = 0; i < t->n;) {
        if (i + key.n <= t->n && memcmp(t->c + i, key.c, key.n * sizeof *key.c) == 0) {
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
