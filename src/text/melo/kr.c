/* kr.c - MeloTTS' Korean: some words of Latin letters in Hangul, then the pronunciation of every group of BERT's tokens, a
 * symbol a letter of Hangul. */
#include "text/melo/internal.h"

enum { GROUP_MEMORY = 64 << 20 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_ideograph(uint32_t c)
{
    return (c >= 0x2E80 && c <= 0x2FD5 && c != 0x2E9A && !(c >= 0x2EF4 && c <= 0x2EFF)) || c == 0x3005 || c == 0x3007 ||
           (c >= 0x3021 && c <= 0x3029) || (c >= 0x3038 && c <= 0x303B) || (c >= 0x3400 && c <= 0x4DB5) ||
           (c >= 0x4E00 && c <= 0x9FC3) || (c >= 0xF900 && c <= 0xFA2D) || (c >= 0xFA30 && c <= 0xFA6A) ||
           (c >= 0xFA70 && c <= 0xFAD9);
}

static void spell(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        const char *to = NULL;
        size_t n = 0, k = 0;
        char word[32];

        for (; k < melo_kr_etc_count && !to; k++)
            if (strncmp(t + i, melo_kr_etc[k].from, strlen(melo_kr_etc[k].from)) == 0) {
                to = melo_kr_etc[k].to;
                n = strlen(melo_kr_etc[k].from);
            }
        if (!to && is_letter(t[i])) {
            while (i + n < size && is_letter(t[i + n]))
                n++;
            if (n < sizeof word) {
                memcpy(word, t + i, n);
                word[n] = '\0';
                to = melo_map(melo_kr_english, melo_kr_english_count, word);
            }
        }
        if (to)
            hse_buf_str(out, to);
        else
            hse_buf_append(out, t + i, n ? n : 1);
        i += n ? n : 1;
    }
}

static void drop_ideographs(hse_buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t n = hse_utf8_next(text + i, size - i, &c);

        n = n ? n : 1;
        if (!is_ideograph(c))
            hse_buf_append(out, text + i, n);
        i += n;
    }
}

static hse_status normalise(const char *text, size_t size, hse_arena *arena, const char **norm, hse_error *err)
{
    hse_buf now, next;

    hse_buf_init(&now, MELO_TEXT_BYTES);
    hse_buf_init(&next, MELO_TEXT_BYTES);
    text = text_strip(text, &size);
    drop_ideographs(&now, text, size);
    spell(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    melo_lower(&next, hse_buf_text(&now), now.size);
    hse_buf_advance(&now, &next);
    hse_buf_free(&next);
    return hse_buf_to_arena(&now, arena, "the text", norm, err);
}

hse_status melo_kr_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err)
{
    (void)front;
    return normalise(piece, strlen(piece), arena, norm, err);
}

static hse_status say_group(const melo_front *front, const melo_group *g, hse_arena *arena, melo_phones *p, hse_error *err)
{
    char *word = hse_arena_strndup(arena, g->word, g->size);
    const char *norm;
    text_answer a = {0};
    hse_status s;

    if (!word)
        return melo_no_memory(err);
    if (g->unknown || melo_in(melo_punctuation, melo_punctuation_count, word)) {
        melo_phone_add(p, g->unknown ? "_" : word, g->unknown ? 1 : g->size, 0);
        return HSE_OK;
    }
    s = normalise(word, g->size, arena, &norm, err);
    if (s == HSE_OK)
        s = front->dictionary.ask(front->dictionary.user, TEXT_G2PK, norm, strlen(norm), arena, &a, err);
    for (const char *at = s == HSE_OK && a.count ? a.item[0] : ""; *at;) {
        uint32_t c;
        size_t n = hse_utf8_next(at, strlen(at), &c);

        melo_phone_add(p, at, n ? n : 1, 0);
        at += n ? n : 1;
    }
    return s;
}

hse_status melo_kr_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err)
{
    melo_group *group;
    hse_arena groups, scratch;              /* nothing of them is kept */
    size_t count = 0;
    hse_status s;

    (void)norm, (void)arena;
    hse_arena_init(&groups, MELO_ARENA);
    hse_arena_init(&scratch, GROUP_MEMORY);
    s = melo_groups(&group, &count, front->tokens, token, tokens, &groups, err);
    for (size_t i = 0; s == HSE_OK && i < count; i++) {
        size_t before = phones->phones;

        s = say_group(front, &group[i], &scratch, phones, err);
        melo_share(phones, phones->phones - before, group[i].tokens);
        hse_arena_reset(&scratch);
    }
    hse_arena_free(&scratch);
    hse_arena_free(&groups);
    return s;
}
