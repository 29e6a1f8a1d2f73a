#include "text/mecab.h"

#include "base/utf8.h"

#include <string.h>

enum { RUN = 4096, GROUP = 24, WORD = 8, FROM_ONE = 2048, TO_ONE = 4096, RUN_MEMORY = 96 << 20 };

typedef struct node node;
struct node {
    node    *prev, *next_end;               /* the best one before it; another one that ends where it ends */
    int64_t  cost;                          /* of the path to its end */
    uint16_t left, right, tag;
    int16_t  own;
    uint32_t at, size;
};

typedef struct {
    const text_mecab *m;
    hse_arena         arena;
    const char       *text;
    size_t            size;
    node            **ends;                 /* by the place where they end, newest first */
    uint32_t         *end_count;
    node             *begin[FROM_ONE];      /* those that begin here, in order of making */
    size_t            begins;
    bool              no_memory;
} lattice;

typedef struct part part;
struct part {
    part       *next;
    const char *text;
    size_t      size;
    uint16_t    tag;
};

static uint16_t u16_at(hse_bytes b, size_t i)
{
    uint32_t v = i < b.size / 2 ? (uint32_t)b.data[2 * i] | (uint32_t)b.data[2 * i + 1] << 8 : 0;

    return (uint16_t)v;
}

static uint32_t u32_at(hse_bytes b, size_t i)
{
    return i < b.size / 4 ? (uint32_t)u16_at(b, 2 * i) | (uint32_t)u16_at(b, 2 * i + 1) << 16 : 0;
}

hse_status text_mecab_read(text_mecab *out, const text_pack *pack, hse_error *err)
{
    text_mecab m = {.trie = text_pack_bytes(pack, "mecab.trie"), .words = text_pack_bytes(pack, "mecab.words"),
                    .matrix = text_pack_bytes(pack, "mecab.matrix"), .chars = text_pack_bytes(pack, "mecab.chars"),
                    .unknown_at = text_pack_bytes(pack, "mecab.unk.at"), .unknown = text_pack_bytes(pack, "mecab.unk")};
    size_t sizes = (size_t)u16_at(m.matrix, 0) * u16_at(m.matrix, 1);

    m.lefts = u16_at(m.matrix, 0);
    m.categories = u32_at(m.chars, 0);
    m.space = u32_at(m.chars, 1);
    if (m.trie.size < 8 || m.words.size < WORD || sizes == 0 || m.matrix.size != 4 + 2 * sizes || m.chars.size < 12 ||
        m.categories == 0 || m.categories > 18 || m.space >= m.categories || m.unknown_at.size != 4 * (size_t)m.categories ||
        m.unknown.size < WORD)
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's dictionary of words is damaged: run scripts/language-data "
                        "again");
    *out = m;
    return HSE_OK;
}

/* ---- kinds of characters ---- */

static uint32_t info_at(const lattice *l, size_t at, size_t *length)
{
    uint32_t c = 0;

    *length = hse_utf8_next(l->text + at, l->size - at, &c);
    *length = *length ? *length : 1;
    return u32_at(l->m->chars, 2 + (c < 0xFFFF ? (size_t)c : 0));
}

static bool alike(uint32_t a, uint32_t b)
{
    return (a & b & 0x3FFFF) != 0;
}

/* Over all that is of the kind of the character before it, at most `limit` characters. */
static size_t skip_kind(const lattice *l, size_t at, uint32_t info, size_t limit, size_t *characters)
{
    *characters = 0;
    while (at < l->size && *characters < limit) {
        size_t length;
        uint32_t next = info_at(l, at, &length);

        if (!alike(info, next))
            break;
        info = next;
        at += length;
        ++*characters;
    }
    return at;
}

/* ---- the lattice ---- */

static void add(lattice *l, hse_bytes words, size_t index, size_t at, size_t size)
{
    node *n;

    if (index >= words.size / WORD || l->begins == FROM_ONE || l->no_memory)
        return;
    if (!(n = hse_arena_alloc(&l->arena, sizeof *n))) {
        l->no_memory = true;
        return;
    }
    n->left = u16_at(words, 4 * index);
    n->right = u16_at(words, 4 * index + 1);
    n->own = (int16_t)u16_at(words, 4 * index + 2);
    n->tag = u16_at(words, 4 * index + 3);
    n->at = (uint32_t)at;
    n->size = (uint32_t)size;
    l->begin[l->begins++] = n;
}

static void add_all(lattice *l, hse_bytes words, uint32_t value, size_t at, size_t size)
{
    for (uint32_t i = 0; i < (value & 0xFF); i++)
        add(l, words, (value >> 8) + i, at, size);
}

static void add_unknown(lattice *l, uint32_t info, size_t at, size_t end)
{
    uint32_t kind = info >> 18 & 0xFF;

    if (end > at && kind < l->m->categories)
        add_all(l, l->m->unknown, u32_at(l->m->unknown_at, kind), at, end - at);
}

/* Every dictionary word that begins here. A unit whose check is its own base holds a value, stored as -value - 1. */
static void add_known(lattice *l, size_t at)
{
    size_t units = l->m->trie.size / 8;
    uint32_t base = u32_at(l->m->trie, 0);

    for (size_t i = at;; i++) {
        uint32_t value = u32_at(l->m->trie, 2 * (size_t)base), next;

        if (base < units && u32_at(l->m->trie, 2 * (size_t)base + 1) == base && value >> 31 && i > at)
            add_all(l, l->m->words, ~value, at, i - at);
        if (i == l->size)
            return;
        next = base + (uint8_t)l->text[i] + 1;
        if (next >= units || u32_at(l->m->trie, 2 * (size_t)next + 1) != base)
            return;
        base = u32_at(l->m->trie, 2 * (size_t)next);
    }
}

/* Words for what may be in no dictionary: the run of one kind, and its first characters. */
static void add_guesses(lattice *l, uint32_t info, size_t at, size_t first)
{
    size_t group = 0, end = at + first, characters, length;

    if (info >> 30 & 1) {
        group = skip_kind(l, end, info, GROUP + 1, &characters);
        if (characters <= GROUP)
            add_unknown(l, info, at, group);
    }
    for (uint32_t i = 1; i <= (info >> 26 & 15) && end <= l->size; i++) {
        if (end == group)
            continue;
        add_unknown(l, info, at, end);
        if (end == l->size || !alike(info, info_at(l, end, &length)))
            break;
        end += length;
    }
    if (l->begins == 0)
        add_unknown(l, info, at, end);
}

static int64_t link_cost(const text_mecab *m, const node *a, const node *b)
{
    return (int16_t)u16_at(m->matrix, 2 + a->right + (size_t)m->lefts * b->left) + (int64_t)b->own;
}

/* The best node before n among those that end at `at`; of equals the newest. */
static void join(const lattice *l, size_t at, node *n)
{
    int64_t best = INT64_MAX;

    for (node *a = l->ends[at]; a; a = a->next_end) {
        int64_t cost = a->cost + link_cost(l->m, a, n);

        if (cost < best) {
            best = cost;
            n->prev = a;
        }
    }
    n->cost = best;
}

static void lay(lattice *l, size_t at)
{
    size_t spaces, first, start = skip_kind(l, at, 1u << l->m->space, l->size, &spaces);
    uint32_t info;

    l->begins = 0;
    if (start == l->size)
        return;
    info = info_at(l, start, &first);
    add_known(l, start);
    if (l->begins == 0 || info >> 31)
        add_guesses(l, info, start, first);
    /* Nothing at all can only come from a damaged dictionary: the character stands alone. */
    if (l->begins == 0)
        add(l, l->m->unknown, 0, start, first);
    for (size_t i = l->begins; i-- > 0;) {
        node *n = l->begin[i];
        size_t end = n->at + n->size;

        join(l, at, n);
        if (l->end_count[end] < TO_ONE) {
            l->end_count[end]++;
            n->next_end = l->ends[end];
            l->ends[end] = n;
        }
    }
}

static hse_status cut_run(lattice *l, const char *text, size_t size, hse_arena *arena, part ***tail, hse_error *err)
{
    node end = {0}, *start = hse_arena_alloc(&l->arena, sizeof *start), *n;
    part *list = NULL;

    l->text = text;
    l->size = size;
    l->ends = hse_arena_array(&l->arena, size + 1, sizeof(node *));
    l->end_count = hse_arena_array(&l->arena, size + 1, sizeof *l->end_count);
    if (!start || !l->ends || !l->end_count)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's words");
    l->ends[0] = start;
    for (size_t at = 0; at < size && !l->no_memory; at++)
        if (l->ends[at])
            lay(l, at);
    if (l->no_memory)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's words");
    for (size_t at = size + 1; at-- > 0 && !end.prev;)
        if (l->ends[at])
            join(l, at, &end);
    for (n = end.prev; n && n != start; n = n->prev) {
        part *p = hse_arena_alloc(arena, sizeof *p);

        if (!p)
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's words");
        *p = (part){list, text + n->at, n->size, n->tag};
        list = p;
    }
    for (**tail = list; **tail; *tail = &(**tail)->next)
        ;
    return HSE_OK;
}

/* Where the next run ends: not inside a character. */
static size_t run_end(const char *text, size_t size)
{
    size_t n = size < RUN ? size : RUN;

    while (n < size && n > RUN - 4 && ((uint8_t)text[n] & 0xC0) == 0x80)
        n--;
    return n;
}

hse_status text_mecab_cut(const text_mecab *m, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    lattice *l = hse_arena_alloc(arena, sizeof *l);
    part *list = NULL, **tail = &list;
    size_t count = 0;
    hse_status s = HSE_OK;

    *out = (text_answer){.found = true};
    if (!l)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's words");
    l->m = m;
    for (size_t at = 0, n; s == HSE_OK && at < size; at += n) {
        n = run_end(text + at, size - at);
        hse_arena_init(&l->arena, RUN_MEMORY);
        s = cut_run(l, text + at, n, arena, &tail, err);
        hse_arena_free(&l->arena);
    }
    for (part *p = list; p; p = p->next)
        count++;
    if (s != HSE_OK || count == 0)
        return s;
    const char **item = hse_arena_array(arena, count, sizeof *item), **tag = hse_arena_array(arena, count, sizeof *tag);
    if (!item || !tag)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's words");
    for (size_t i = 0; i < count; i++, list = list->next) {
        char letter = (char)list->tag;

        item[i] = hse_arena_strndup(arena, list->text, list->size);
        tag[i] = hse_arena_strndup(arena, &letter, letter != 0);
        if (!item[i] || !tag[i])
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's words");
    }
    *out = (text_answer){.item = item, .tag = tag, .count = count, .found = true};
    return HSE_OK;
}
