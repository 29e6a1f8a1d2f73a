/* bpe.c - any bytes to tokens and back, with merges by rank and by id, which must agree; and broken UTF-8 put right. */
#include "base/mem.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/bpe_split.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* The bytes, pairs that grow on each other, a special token inside another. */
static bpe *build(bool by_id)
{
    static const char *const merges[][2] = {{"a", "a"}, {"aa", "aa"}, {" ", "a"}, {"b", "a"},   {"\xC3", "\xA9"},
                                            {" ", " "}, {"<", "|"},  {"aaaa", "b"}, {" a", "b"}, {"1", "2"}};
    bpe *b = NULL;
    hse_error err;
    int32_t next = 256;

    must(bpe_open(&b, 1024, &err) == HSE_OK);
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        must(bpe_add(b, i, &byte, 1, &err) == HSE_OK);
    }
    for (size_t i = 0; i < COUNT(merges); i++) {
        char both[16];
        size_t n = strlen(merges[i][0]), m = strlen(merges[i][1]);
        memcpy(both, merges[i][0], n);
        memcpy(both + n, merges[i][1], m);
        must(bpe_add(b, next++, both, n + m, &err) == HSE_OK);
        if (!by_id)
            must(bpe_merge(b, merges[i][0], n, merges[i][1], m, &err) == HSE_OK);
    }
    must(bpe_add_special(b, 300, "<|a|>", 5, &err) == HSE_OK && bpe_add_special(b, 301, "<|a|>b", 6, &err) == HSE_OK);
    if (by_id)
        bpe_merge_by_id(b);
    bpe_finish(b);
    return b;
}

static void check_text(const uint8_t *data, size_t size)
{
    hse_buf text, parts;
    size_t held = bpe_incomplete(data, size);

    hse_buf_init(&text, 16 + 3 * size);
    hse_buf_init(&parts, 16 + 3 * size);
    bpe_put_utf8(&text, data, size);
    bpe_put_utf8(&parts, data, size - held);
    bpe_put_utf8(&parts, data + size - held, held);
    must(text.status == HSE_OK && held <= 3 && hse_utf8_valid(hse_buf_text(&text), text.size, NULL));
    must(text.size == parts.size && (text.size == 0 || memcmp(text.data, parts.data, text.size) == 0));
    hse_buf_free(&text);
    hse_buf_free(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bpe *b[2];
    bpe_ids ids[2] = {{0}, {0}};
    hse_error err = {0};

    for (int i = 0; i < 2; i++) {
        if (!b[i])
            b[i] = build(i);
        must(bpe_encode(b[i], (const char *)data, size, true, &ids[i], &err) == HSE_OK);
        size_t at = 0;
        for (size_t k = 0; k < ids[i].count; k++) {
            hse_bytes token = bpe_token(b[i], ids[i].id[k]);
            must(token.size > 0 && token.size <= size - at && memcmp(token.data, data + at, token.size) == 0);
            at += token.size;
        }
        must(at == size);
    }
    must(ids[0].count == ids[1].count);
    must(ids[0].count == 0 || memcmp(ids[0].id, ids[1].id, ids[0].count * sizeof *ids[0].id) == 0);
    check_text(data, size);
    bpe_ids_free(&ids[0]);
    bpe_ids_free(&ids[1]);
    return 0;
}
