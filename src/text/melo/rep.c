#include "text/melo/rep.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum { COMMENT_LINES = 48, MAX_LINES = 1 << 22 };

typedef struct {
    hse_bytes word, phones;                 /* word.data NULL: free */
} entry;

struct melo_rep {
    uint64_t key[2];
    size_t   mask;                          /* entries - 1; at most half of them are used */
    entry    list[];
};

/* The line that begins at `at` in two parts; false: it is no entry. *next: where the next one begins. */
static bool read_line(hse_bytes file, size_t at, entry *out, size_t *next)
{
    const uint8_t *line = file.data + at, *end = memchr(line, '\n', file.size - at);
    size_t size = end ? (size_t)(end - line) : file.size - at, gap = 0;

    *next = at + size + 1;
    while (size && (line[size - 1] == '\r' || line[size - 1] == ' '))
        size--;
    while (gap + 2 < size && !(line[gap] == ' ' && line[gap + 1] == ' '))
        gap++;
    if (gap == 0 || gap + 2 >= size)
        return false;
    *out = (entry){{line, gap}, {line + gap + 2, size - gap - 2}};
    return true;
}

static entry *place_of(const melo_rep *r, const void *word, size_t size)
{
    size_t i = (size_t)hse_hash(r->key, word, size) & r->mask;

    for (; r->list[i].word.data; i = (i + 1) & r->mask)
        if (r->list[i].word.size == size && memcmp(r->list[i].word.data, word, size) == 0)
            break;
    return (entry *)&r->list[i];
}

hse_status melo_rep_open(melo_rep **out, hse_bytes file, const char *name, hse_error *err)
{
    size_t lines = 1, places = 16, found = 0, line = 0, bytes;
    melo_rep *r;
    entry e;

    for (size_t i = 0; i < file.size; i++)
        lines += file.data[i] == '\n';
    if (lines > MAX_LINES)
        return hse_fail(err, HSE_E_LIMIT, 0, "%.80s has over %d lines", name, MAX_LINES);
    while (places < 2 * lines)
        places *= 2;
    if (!hse_mul_size(places, sizeof(entry), &bytes) || !(r = hse_calloc(1, sizeof *r + bytes)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %.80s", name);
    hse_hash_seed(r->key);
    r->mask = places - 1;
    for (size_t at = 0, next; at < file.size; at = next, line++)
        if (read_line(file, at, &e, &next) && line >= COMMENT_LINES) {
            *place_of(r, e.word.data, e.word.size) = e;
            found++;
        }
    if (!found) {
        melo_rep_close(&r);
        return hse_fail(err, HSE_E_FORMAT, 0, "%.80s has no line \"WORD  PHONES\" behind its first %d", name, COMMENT_LINES);
    }
    *out = r;
    return HSE_OK;
}

void melo_rep_close(melo_rep **rep)
{
    hse_free(*rep);
    *rep = NULL;
}

hse_bytes melo_rep_find(const melo_rep *r, const char *word, size_t size)
{
    return size ? place_of(r, word, size)->phones : (hse_bytes){NULL, 0};
}
