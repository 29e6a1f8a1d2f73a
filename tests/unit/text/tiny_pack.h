/* tiny_pack.h - language packs made in a test: maps, plain sections, and a double array of a few words. */
#ifndef HSE_TEST_TINY_PACK_H
#define HSE_TEST_TINY_PACK_H

#include "base/buf.h"

#include <string.h>

enum { TINY_SECTIONS = 16, TINY_NODES = 64, TINY_SPAN = 258 };

typedef struct {
    char    name[TINY_SECTIONS][24];
    hse_buf data[TINY_SECTIONS];
    size_t  count;
} tiny_pack;

static inline void tiny_number(hse_buf *b, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hse_buf_byte(b, (uint8_t)(v >> 8 * i));
}

static inline hse_buf *tiny_section(tiny_pack *p, const char *name)
{
    hse_buf *b = &p->data[p->count];

    hse_buf_init(b, 1 << 22);
    memset(p->name[p->count], 0, sizeof p->name[0]);
    memcpy(p->name[p->count++], name, strlen(name));
    return b;
}

/* Pairs of key and value, then NULL. */
static inline void tiny_map(tiny_pack *p, const char *name, const char *const *pairs)
{
    uint32_t slot[128] = {0}, at[64], n = 0, slots = 128, blob = 0;
    hse_buf *b = tiny_section(p, name);

    for (; pairs[2 * n]; n++) {
        uint64_t h = 0xCBF29CE484222325u;

        for (const char *c = pairs[2 * n]; *c; c++)
            h = (h ^ (uint8_t)*c) * 0x100000001B3u;
        for (h %= slots; slot[h]; h = (h + 1) % slots)
            ;
        slot[h] = n + 1;
        at[n] = blob;
        blob += (uint32_t)(strlen(pairs[2 * n]) + 1 + strlen(pairs[2 * n + 1]));
    }
    at[n] = blob;
    tiny_number(b, n, 4);
    tiny_number(b, slots, 4);
    for (uint32_t i = 0; i <= n; i++)
        tiny_number(b, at[i], 4);
    for (uint32_t i = 0; i < slots; i++)
        tiny_number(b, slot[i], 4);
    for (uint32_t i = 0; i < n; i++) {
        hse_buf_append(b, pairs[2 * i], strlen(pairs[2 * i]) + 1);
        hse_buf_str(b, pairs[2 * i + 1]);
    }
}

typedef struct {
    const char *word;
    int16_t     cost;
    char        tag;
} tiny_word;

/* Node k's units begin at 1 + k * TINY_SPAN, so that no two nodes meet. */
static inline void tiny_trie(hse_buf *out, const tiny_word *words, size_t count)
{
    static uint32_t unit[2 * (1 + TINY_NODES * TINY_SPAN)];
    uint32_t nodes = 1;

    memset(unit, 0, sizeof unit);
    unit[0] = 1;
    for (size_t w = 0; w < count; w++) {
        uint32_t base = 1;

        for (const char *c = words[w].word; *c; c++) {
            uint32_t *u = &unit[2 * (base + (uint8_t)*c + 1)];

            if (u[1] == 0) {
                u[0] = 1 + nodes++ * TINY_SPAN;
                u[1] = base;
            }
            base = u[0];
        }
        unit[2 * base] = ~((uint32_t)w << 8 | 1);
        unit[2 * base + 1] = base;
    }
    for (size_t i = 0; i < 2 * (1 + (size_t)nodes * TINY_SPAN); i++)
        tiny_number(out, unit[i], 4);
}

static inline void tiny_words(hse_buf *out, const tiny_word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tiny_number(out, 0, 4);
        tiny_number(out, (uint16_t)words[i].cost, 2);
        tiny_number(out, (uint8_t)words[i].tag, 2);
    }
}

/* Three kinds: 0 the others, 1 spaces, 2 katakana (grouped; also guessed where a word is known). */
static inline void tiny_mecab(tiny_pack *p, const tiny_word *words, size_t count)
{
    static const tiny_word unknown[] = {{"", 5000, 'X'}, {"", 5000, 'S'}, {"", 3000, 'K'}};
    hse_buf *b = tiny_section(p, "mecab.chars");

    tiny_number(b, 3, 4);
    tiny_number(b, 1, 4);
    for (uint32_t c = 0; c < 0x3100; c++)
        tiny_number(b, c == ' ' ? 1u << 1 | 1u << 18 : c >= 0x30A0 ? 1u << 2 | 2u << 18 | 3u << 30 : 1u | 1u << 26, 4);
    tiny_trie(tiny_section(p, "mecab.trie"), words, count);
    tiny_words(tiny_section(p, "mecab.words"), words, count);
    b = tiny_section(p, "mecab.matrix");
    tiny_number(b, 0x10001, 4);
    tiny_number(b, 0, 2);
    b = tiny_section(p, "mecab.unk.at");
    for (uint32_t i = 0; i < 3; i++)
        tiny_number(b, i << 8 | 1, 4);
    tiny_words(tiny_section(p, "mecab.unk"), unknown, 3);
}

/* The file's bytes; the sections are freed. */
static inline void tiny_finish(tiny_pack *p, hse_buf *out)
{
    uint64_t at = 16 + 40 * p->count;

    hse_buf_init(out, 1 << 23);
    hse_buf_append(out, "HSEPACK1", 8);
    tiny_number(out, 1, 4);
    tiny_number(out, p->count, 4);
    for (size_t i = 0; i < p->count; at += p->data[i].size, i++) {
        hse_buf_append(out, p->name[i], sizeof p->name[i]);
        tiny_number(out, at, 8);
        tiny_number(out, p->data[i].size, 8);
    }
    for (size_t i = 0; i < p->count; i++) {
        hse_buf_append(out, p->data[i].data, p->data[i].size);
        hse_buf_free(&p->data[i]);
    }
    p->count = 0;
}

#endif
