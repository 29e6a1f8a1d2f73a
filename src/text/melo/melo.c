/* melo.c - the languages as rows, and what they have in common: lists, groups of tokens, the final sequences. */
#include "text/melo/internal.h"

#include "text/marks.h"


#include <ctype.h>
#include <strings.h>
#include <utf8proc.h>

static const melo_rules rules[MELO_LANGUAGES] = {
    [MELO_EN] = {"EN", 2, 7, true, melo_split_long, melo_en_normalise, melo_tokenise, melo_en_say},
    [MELO_ZH] = {"ZH", 0, 0, true, melo_split_short, melo_zh_normalise, melo_tokenise, melo_zh_say},
    [MELO_ZH_MIX_EN] = {"ZH_MIX_EN", 3, 0, true, melo_split_short, melo_zh_mix_normalise, melo_tokenise, melo_zh_mix_say},
    [MELO_ES] = {"ES", 5, 12, true, melo_split_long, melo_es_normalise, melo_tokenise, melo_es_say},
    [MELO_FR] = {"FR", 6, 13, true, melo_split_long, melo_fr_normalise, melo_tokenise, melo_fr_say},
    [MELO_JP] = {"JP", 1, 6, true, melo_split_short, melo_jp_normalise, melo_jp_tokenise, melo_jp_say},
    [MELO_KR] = {"KR", 4, 11, true, melo_split_short, melo_kr_normalise, melo_tokenise, melo_kr_say},
};

static const struct {
    const char   *name;
    melo_language language;
} names[] = {
    {"EN", MELO_EN},         {"EN_V2", MELO_EN},   {"EN_NEWEST", MELO_EN},         {"ZH", MELO_ZH},
    {"ZH_MIX_EN", MELO_ZH_MIX_EN},                 {"ES", MELO_ES},                {"SP", MELO_ES},
    {"FR", MELO_FR},         {"JP", MELO_JP},      {"JA", MELO_JP},                {"KR", MELO_KR},
    {"KO", MELO_KR},
};

bool melo_language_find(const char *name, melo_language *out)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcasecmp(names[i].name, name) == 0) {
            *out = names[i].language;
            return true;
        }
    return false;
}

const char *melo_language_name(melo_language language)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (names[i].language == language)
            return names[i].name;
    return "?";
}

/* ---- characters ---- */

void melo_lower(hse_buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t c = 0xFFFD;
        size_t n = hse_utf8_next(text + i, size - i, &c);
        char utf8[4];

        i += n ? n : 1;
        if (c == 0x130)                     /* the one letter whose small form is two */
            hse_buf_append(out, "i\u0307", 3);
        else
            hse_buf_append(out, utf8, hse_utf8_put(utf8, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c)));
    }
}

/* ---- lists ---- */

/* A text has few phones, and each of them often. */
static const char *keep_phone(melo_phones *p, const char *phone, size_t size)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)phone[i]) * 16777619u;
    const char **kept = &p->kept[h % MELO_KEPT_PHONES];
    if (!*kept || strlen(*kept) != size || memcmp(*kept, phone, size) != 0)
        *kept = hse_arena_strndup(p->arena, phone, size);
    return *kept;
}

void melo_phone_add(melo_phones *p, const char *phone, size_t size, int tone)
{
    if (p->no_memory)                       /* the rooms may be those of lists that were not kept */
        return;
    size_t room = p->phone_room;
    const char **list = hse_arena_grow(p->arena, p->phone, p->phones, &p->phone_room, sizeof *list);
    int32_t *tones = hse_arena_grow(p->arena, p->tone, p->phones, &room, sizeof *tones);
    const char *copy = keep_phone(p, phone, size);

    if (!list || !tones || !copy) {
        p->no_memory = true;
        return;
    }
    p->phone = list;
    p->tone = tones;
    p->phone[p->phones] = copy;
    p->tone[p->phones++] = tone;
}

void melo_word_add(melo_phones *p, int phones)
{
    if (p->no_memory)
        return;
    int32_t *list = hse_arena_grow(p->arena, p->word2ph, p->words, &p->word_room, sizeof *list);

    if (!list) {
        p->no_memory = true;
        return;
    }
    p->word2ph = list;
    p->word2ph[p->words++] = phones;
}

void melo_share(melo_phones *p, size_t phones, size_t tokens)
{
    for (size_t i = 0; i < tokens; i++)     /* one by one to the least: the first ones get one more */
        melo_word_add(p, (int)(phones / tokens + (i < phones % tokens)));
}

/* ---- tokens ---- */

hse_status melo_tokenise(const melo_front *front, const char *norm, hse_arena *arena, int32_t **token, size_t *count,
                         hse_error *err)
{
    hse_buf ids;
    hse_status s;

    hse_buf_init(&ids, MELO_TEXT_BYTES);
    s = text_wordpiece_run(front->tokens, norm, strlen(norm), &ids, err);
    *count = ids.size / sizeof **token;
    if (s == HSE_OK && !(*token = hse_arena_array(arena, *count + 1, sizeof **token)))
        s = melo_no_memory(err);
    if (s == HSE_OK && ids.size)
        memcpy(*token, ids.data, ids.size);
    hse_buf_free(&ids);
    return s;
}

hse_status melo_groups(melo_group **out, size_t *count, const text_wordpiece *w, const int32_t *token, size_t tokens,
                       hse_arena *arena, hse_error *err)
{
    melo_group *list = hse_arena_array(arena, tokens + 1, sizeof *list);
    size_t n = 0, total = 0;
    char *at;

    for (size_t i = 0; i < tokens; i++)
        total += strlen(text_wordpiece_token(w, token[i])) + 1;
    if (!list || !(at = hse_arena_alloc(arena, total + 1)))
        return melo_no_memory(err);
    for (size_t i = 0; i < tokens; i++) {
        const char *t = text_wordpiece_token(w, token[i]);

        if (t[0] == '#' && n == 0)
            return hse_fail(err, HSE_E_ARG, 0, "a text cannot begin with '#'");
        if (t[0] != '#') {
            if (n)
                *at++ = '\0';
            list[n++] = (melo_group){.word = at, .unknown = strcmp(t, "[UNK]") == 0};
        }
        for (; *t; t++)
            if (*t != '#')
                *at++ = *t;
        list[n - 1].size = (size_t)(at - list[n - 1].word);
        list[n - 1].tokens++;
    }
    *out = list;
    *count = n;
    return HSE_OK;
}

/* ---- pieces ---- */

hse_status melo_split(melo_language language, const char *text, size_t size, hse_arena *arena, const char ***out,
                      size_t *count, hse_error *err)
{
    size_t bad;

    *out = NULL;
    *count = 0;
    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8 at byte %zu", bad);
    return rules[language].split(text, size, arena, out, count, err);
}

static bool is_plain(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    return c < 128 ? isalnum((int)c) || (c && strchr(" ,.!?'-", (int)c)) : k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

const char *melo_plain(const char *text, hse_arena *arena)
{
    size_t size = strlen(text), at = 0, to = 0;
    char *out = hse_arena_alloc(arena, size + 1);

    for (text_part p; out && text_marks_next(text, size, &at, &p);)
        for (size_t i = 0, n; i < p.size; i += n) {
            uint32_t c = 0;

            n = hse_utf8_next(p.words + i, p.size - i, &c);
            n = n ? n : 1;
            memcpy(out + to, is_plain(c) ? p.words + i : " ", is_plain(c) ? n : 1);
            to += is_plain(c) ? n : 1;
        }
    return out;
}

/* A space between a small ASCII letter and a capital one behind it. */
static hse_status part_camels(const char *piece, hse_arena *arena, const char **out, hse_error *err)
{
    size_t size = strlen(piece);
    hse_buf b;

    hse_buf_init(&b, MELO_TEXT_BYTES);
    for (size_t i = 0; i < size; i++) {
        hse_buf_byte(&b, (uint8_t)piece[i]);
        if (piece[i] >= 'a' && piece[i] <= 'z' && piece[i + 1] >= 'A' && piece[i + 1] <= 'Z')
            hse_buf_byte(&b, ' ');
    }
    return hse_buf_to_arena(&b, arena, "the text", out, err);
}

static hse_status finish(melo_piece *out, const melo_front *front, const melo_rules *r, const melo_phones *p,
                         hse_arena *arena, hse_error *err)
{
    size_t n = p->phones, i = 0, step = front->add_blank ? 2 : 1, all = front->add_blank ? 2 * n + 1 : n;
    int32_t *ids = hse_arena_array(arena, all + 1, sizeof *ids), *tones = hse_arena_array(arena, all + 1, sizeof *tones),
            *languages = hse_arena_array(arena, all + 1, sizeof *languages),
            *spread = hse_arena_array(arena, p->words + 1, sizeof *spread);

    if (!ids || !tones || !languages || !spread)
        return melo_no_memory(err);
    for (; i < n; i++) {
        int id = front->symbol_id(front->symbols, p->phone[i], strlen(p->phone[i]));

        if (id < 0 && front->lenient && (id = front->symbol_id(front->symbols, "UNK", 3)) < 0)
            id = 0;
        if (id < 0)
            return hse_fail(err, HSE_E_ARG, 0, "the model has no symbol '%.40s'", p->phone[i]);
        size_t at = step * i + step - 1;    /* zeros before, between and after where there are blanks */
        ids[at] = id;
        tones[at] = p->tone[i] + r->tone_start;
        languages[at] = r->language_id;
    }
    for (i = 0; i < p->words; i++)
        spread[i] = front->add_blank ? 2 * p->word2ph[i] + (i == 0) : p->word2ph[i];
    out->phone = p->phone;
    out->tone = p->tone;
    out->word2ph = p->word2ph;
    out->phone_count = n;
    out->word_count = out->spread_count = p->words;
    out->spread = spread;
    out->symbol_ids = ids;
    out->tone_ids = tones;
    out->language_ids = languages;
    out->n = all;
    return HSE_OK;
}

/* ---- from a piece to symbols ---- */

/* What the parts of a piece have in common. */
typedef struct {
    const melo_front *front;
    hse_arena        *arena;
    melo_phones       phones;
    hse_buf           norm, tokens;
} telling;

static hse_status tell_words(telling *t, const char *words, hse_error *err)
{
    const melo_rules *r = &rules[t->front->language];
    const char *norm = NULL;
    int32_t *token = NULL;
    size_t count = 0;
    hse_status s = HSE_OK;

    if (t->front->language == MELO_EN || t->front->language == MELO_ZH_MIX_EN)
        s = part_camels(words, t->arena, &words, err);
    if (s == HSE_OK)
        s = r->normalise(t->front, words, t->arena, &norm, err);
    if (s == HSE_OK)
        s = r->tokenise(t->front, norm, t->arena, &token, &count, err);
    if (s != HSE_OK)
        return s;
    hse_buf_str(&t->norm, norm);
    hse_buf_append(&t->tokens, token, count * sizeof *token);
    return r->say(t->front, norm, token, count, t->arena, &t->phones, err);
}

/* A word with its phones: BERT sees the word, or something unknown. */
static hse_status tell_phones(telling *t, const text_part *part, hse_error *err)
{
    int32_t *token = NULL, unknown = text_wordpiece_find(t->front->tokens, "[UNK]");
    size_t count = 0, before = t->phones.phones;
    const char *word = hse_arena_strndup(t->arena, part->words, part->size);
    hse_status s = word ? rules[t->front->language].tokenise(t->front, word, t->arena, &token, &count, err) : melo_no_memory(err);

    if (s == HSE_OK)
        s = melo_say_phones(t->front->language, part->phones, part->phones_size, &t->phones, err);
    if (s != HSE_OK)
        return s;
    hse_buf_str(&t->norm, word);
    if (count == 0)
        token = &unknown;
    count = count ? count : 1;
    hse_buf_append(&t->tokens, token, count * sizeof *token);
    melo_share(&t->phones, t->phones.phones - before, count);
    return HSE_OK;
}

static hse_status tell_parts(telling *t, const char *piece, hse_error *err)
{
    size_t size = strlen(piece), at = 0;
    hse_status s = HSE_OK;

    if (size == 0)
        return tell_words(t, piece, err);
    for (text_part part; s == HSE_OK && text_marks_next(piece, size, &at, &part);) {
        const char *words = part.phones ? NULL : hse_arena_strndup(t->arena, part.words, part.size);

        s = part.phones ? tell_phones(t, &part, err) : words ? tell_words(t, words, err) : melo_no_memory(err);
    }
    return s;
}

hse_status melo_piece_run(melo_piece *out, const melo_front *front, const char *piece, hse_arena *arena, hse_error *err)
{
    telling t = {.front = front, .arena = arena, .phones = {.arena = arena}};
    const melo_rules *r = &rules[front->language];
    int32_t *token = NULL;

    *out = (melo_piece){0};
    hse_buf_init(&t.norm, MELO_TEXT_BYTES);
    hse_buf_init(&t.tokens, MELO_TEXT_BYTES);
    if (r->ends) {
        melo_phone_add(&t.phones, "_", 1, 0);
        melo_word_add(&t.phones, 1);
    }
    hse_status s = tell_parts(&t, piece, err);
    if (r->ends) {
        melo_phone_add(&t.phones, "_", 1, 0);
        melo_word_add(&t.phones, 1);
    }
    if (s == HSE_OK)
        s = hse_buf_status(&t.tokens, "the text", err);
    out->token_count = t.tokens.size / sizeof *token;
    if (s == HSE_OK && !(token = hse_arena_array(arena, out->token_count + 1, sizeof *token)))
        s = melo_no_memory(err);
    if (s == HSE_OK && t.tokens.size)
        memcpy(token, t.tokens.data, t.tokens.size);
    out->tokens = token;
    hse_buf_free(&t.tokens);
    if (s == HSE_OK)
        s = hse_buf_to_arena(&t.norm, arena, "the text", &out->norm, err);
    else
        hse_buf_free(&t.norm);
    if (s == HSE_OK && t.phones.no_memory)
        s = melo_no_memory(err);
    return s == HSE_OK ? finish(out, front, r, &t.phones, arena, err) : s;
}

hse_status melo_piece_check_bert(const melo_piece *piece, melo_language language, hse_error *err)
{
    size_t tokens = piece->token_count + 2;

    if (language == MELO_ZH || language == MELO_ZH_MIX_EN) {        /* surplus tokens are not looked at */
        if (piece->word_count > tokens)
            return hse_fail(err, HSE_E_ARG, 0, "%zu words for %zu tokens", piece->word_count, tokens);
        return HSE_OK;
    }
    if (piece->word_count != tokens)
        return hse_fail(err, HSE_E_ARG, 0, "%zu words for %zu tokens", piece->word_count, tokens);
    return HSE_OK;
}
