/* readings.c - how Chinese characters are read. */
#include "text/zh/internal.h"

#include <string.h>

/* Characters that pypinyin takes for Chinese ones. */
static bool has_readings(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || c == 0x3007 || (c >= 0xE815 && c <= 0xE864) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A703 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81D) || (c >= 0x2B825 && c <= 0x2BF6E) || (c >= 0x2C029 && c <= 0x2CE93) || c == 0x2D016 ||
           (c >= 0x2D11B && c <= 0x2EBD9) || (c >= 0x2F80A && c <= 0x2FA1F) || (c >= 0x30000 && c <= 0x3134A) ||
           (c >= 0x31350 && c <= 0x32389);
}

/* The part of a reading: a column of the syllable's row. */
static void add_part(const text_zh *zh, text_zh_part part, const char *syllable, size_t size, text_list *out)
{
    hse_bytes row;
    const uint8_t *at, *end;

    if (!text_map_get(&zh->syllable, syllable, size, &row)) {
        text_list_add(out, syllable, size, NULL);
        return;
    }
    at = row.data;
    end = row.data + row.size;
    for (int i = 0; i < (int)part && at < end; i++) {
        const uint8_t *tab = memchr(at, '\t', (size_t)(end - at));

        at = tab ? tab + 1 : end;
    }
    const uint8_t *tab = memchr(at, '\t', (size_t)(end - at));
    text_list_add(out, (const char *)at, (size_t)((tab ? tab : end) - at), NULL);
}

/* An ideograph without a reading: no initial, no final, and in bopomofo itself with the sign of no tone. */
static void add_unread(text_zh_part part, const char *character, size_t size, text_list *out)
{
    char marked[8];

    if (part != ZH_BOPOMOFO || size > 4) {
        text_list_add(out, "", 0, NULL);
        return;
    }
    memcpy(marked, character, size);
    memcpy(marked + size, "\u02D9", 3);
    text_list_add(out, marked, size + 2, NULL);
}

static void add_char(const text_zh *zh, text_zh_part part, const zh_chars *c, size_t i, text_list *out)
{
    size_t size = c->at[i + 1] - c->at[i];
    hse_bytes reading;

    if (text_map_get(&zh->reading, c->text + c->at[i], size, &reading))
        add_part(zh, part, (const char *)reading.data, reading.size, out);
    else
        add_unread(part, c->text + c->at[i], size, out);
}

/* The longest phrase that begins at i: where it ends; 0: none. */
static size_t phrase_at(const text_zh *zh, const zh_chars *c, size_t i, size_t to, hse_bytes *readings)
{
    size_t found = 0;
    hse_bytes v;

    for (size_t end = i + 1; end <= to && text_map_get(&zh->phrase, c->text + c->at[i], c->at[end] - c->at[i], &v); end++)
        if (v.size) {
            found = end;
            *readings = v;
        }
    return found;
}

static void add_phrase(const text_zh *zh, text_zh_part part, hse_bytes readings, text_list *out)
{
    for (size_t i = 0; i < readings.size;) {
        const uint8_t *space = memchr(readings.data + i, ' ', readings.size - i);
        size_t end = space ? (size_t)(space - readings.data) : readings.size;

        add_part(zh, part, (const char *)readings.data + i, end - i, out);
        i = end + 1;
    }
}

hse_status text_zh_readings(const text_zh *zh, text_zh_part part, const char *text, size_t size, hse_arena *arena,
                            text_answer *out, hse_error *err)
{
    text_list l = {.arena = arena};
    zh_chars c;
    hse_status s = zh_chars_cut(&c, text, size, arena, err);

    if (s != HSE_OK)
        return s;
    for (size_t i = 0, end; i < c.n; i = end) {
        bool han = has_readings(c.code[i]);

        for (end = i; end < c.n && has_readings(c.code[end]) == han;)
            end++;
        if (!han) {
            text_list_add(&l, c.text + c.at[i], c.at[end] - c.at[i], NULL);
            continue;
        }
        for (size_t k = i; k < end;) {
            hse_bytes readings;
            size_t to = phrase_at(zh, &c, k, end, &readings);

            if (to)
                add_phrase(zh, part, readings, &l);
            else
                add_char(zh, part, &c, k, &l);
            k = to ? to : k + 1;
        }
    }
    return text_list_give(&l, "a text's words", out, err);
}
