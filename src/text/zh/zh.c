/* zh.c - opening the pack, and what the other files share. */
#include "text/zh/internal.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

static uint64_t u64_of(hse_bytes b)
{
    uint64_t v = 0;

    for (size_t i = b.size < 8 ? b.size : 8; i-- > 0;)
        v = v << 8 | b.data[i];
    return v;
}

double zh_number(hse_bytes b, size_t index)
{
    double d;
    uint64_t bits;

    if (index >= b.size / sizeof d)
        return -INFINITY;
    bits = u64_of((hse_bytes){b.data + index * sizeof d, sizeof d});
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* Room for all pairs was made by who calls. */
static void list_pairs(text_zh *zh)
{
    size_t n = zh->states;
    uint32_t count = 0;

    for (size_t y = 0; y < n; y++) {
        zh->pair_from[y] = count;
        for (size_t x = 0; x < n; x++) {
            double p = zh_number(zh->tag_trans, x * n + y);

            if (p > -INFINITY)
                zh->pair[count++] = (zh_pair){p, (uint8_t)x};
        }
    }
    zh->pair_from[n] = count;
}

static hse_status read_states(text_zh *zh, hse_error *err)
{
    size_t n = 0, at = 0, pairs;

    for (size_t i = 0; i < zh->tag_names.size; i++)
        n += zh->tag_names.data[i] == 0;
    if (n == 0 || n > ZH_STATES || zh->tag_names.data[zh->tag_names.size - 1] != 0 ||
        zh->tag_trans.size != n * n * sizeof(double) || zh->tag_start.size != n * sizeof(double))
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's model of parts of speech is damaged: run "
                        "scripts/language-data again");
    zh->name = hse_calloc(n, sizeof *zh->name);
    zh->leads = hse_calloc(n, sizeof *zh->leads);
    if (!zh->name || !zh->leads)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a language pack");
    zh->states = n;
    for (size_t i = 0; i < n; i++) {
        zh->name[i] = (const char *)zh->tag_names.data + at;
        at += strlen(zh->name[i]) + 1;
        for (size_t k = 0; k < n && !zh->leads[i]; k++)
            zh->leads[i] = zh_number(zh->tag_trans, i * n + k) > -INFINITY;
    }
    for (size_t i = pairs = 0; i < n * n; i++)
        pairs += zh_number(zh->tag_trans, i) > -INFINITY;
    if (!(zh->pair = hse_calloc(pairs + 1, sizeof *zh->pair)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a language pack");
    list_pairs(zh);
    return HSE_OK;
}

hse_status text_zh_open(text_zh **out, const text_pack *pack, hse_error *err)
{
    text_zh *zh = hse_calloc(1, sizeof *zh);
    const struct {
        text_map   *map;
        const char *name;
    } maps[] = {{zh ? &zh->words : NULL, "words"},       {zh ? &zh->cut_emit : NULL, "cut.emit"},
                {zh ? &zh->tag_emit : NULL, "tag.emit"}, {zh ? &zh->tag_chars : NULL, "tag.chars"},
                {zh ? &zh->reading : NULL, "reading"},   {zh ? &zh->phrase : NULL, "phrase"},
                {zh ? &zh->syllable : NULL, "syllable"}};
    hse_status s = HSE_OK;

    if (!zh)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a language pack");
    for (size_t i = 0; i < COUNT(maps) && s == HSE_OK; i++)
        s = text_pack_map(maps[i].map, pack, maps[i].name, err);
    zh->cut = text_pack_bytes(pack, "cut");
    zh->tag_names = text_pack_bytes(pack, "tag.states");
    zh->tag_start = text_pack_bytes(pack, "tag.start");
    zh->tag_trans = text_pack_bytes(pack, "tag.trans");
    zh->log_total = log((double)u64_of(text_pack_bytes(pack, "total")) + 1e-300);
    if (s == HSE_OK)
        s = read_states(zh, err);
    if (s != HSE_OK)
        text_zh_close(&zh);
    else
        *out = zh;
    return s;
}

void text_zh_close(text_zh **zh)
{
    if (!*zh)
        return;
    hse_free((*zh)->name);
    hse_free((*zh)->leads);
    hse_free((*zh)->pair);
    hse_free(*zh);
    *zh = NULL;
}

size_t text_zh_stretch(const char *text, size_t size, size_t from)
{
    size_t to = size - from > ZH_STRETCH ? from + ZH_STRETCH : size;

    while (to < size && to > from + 1 && ((uint8_t)text[to] & 0xC0) == 0x80)
        to--;
    return to;
}

bool zh_is_han(uint32_t c)
{
    return c >= 0x4E00 && c <= 0x9FD5;
}

hse_status zh_chars_cut(zh_chars *c, const char *text, size_t size, hse_arena *arena, hse_error *err)
{
    c->text = text;
    c->n = 0;
    c->at = hse_arena_array(arena, size + 1, sizeof *c->at);
    c->code = hse_arena_array(arena, size + 1, sizeof *c->code);
    if (!c->at || !c->code)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text of %zu bytes", size);
    for (size_t i = 0; i < size; c->n++) {
        size_t n = hse_utf8_next(text + i, size - i, &c->code[c->n]);

        c->at[c->n] = (uint32_t)i;
        i += n ? n : 1;
    }
    c->at[c->n] = (uint32_t)size;
    return HSE_OK;
}
