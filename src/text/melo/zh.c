/* zh.c - MeloTTS' Chinese, alone and mixed with English: numbers, punctuation, words, readings, tones, two symbols a syllable. */
#include "text/melo/zh_sandhi.h"

#include "text/zh/zh.h"

enum { SEGMENT_MEMORY = 64 << 20 };

/* ---- normalising ---- */

static bool is_ideograph(uint32_t c)
{
    return c >= 0x4E00 && c <= 0x9FA5;
}

/* Upstream joins its marks to a character class in which '-(inverted question mark) is a range. */
static bool in_range_class(uint32_t c)
{
    return c == '!' || c == '?' || c == 0x2026 || (c >= 0x27 && c <= 0xBF);
}

static bool is_mixed_mark(uint32_t c)
{
    return c == '!' || c == '?' || c == 0x2026 || c == ',' || c == '.' || c == '\'' || c == '-';
}

static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_kept(uint32_t c, bool mixed)
{
    if (mixed)
        return is_ideograph(c) || is_letter(c) || c == '_' || text_is_space(c) || is_mixed_mark(c);
    return is_ideograph(c) || in_range_class(c);
}

/* Two characters, the punctuation map, and away with what is left. */
static void plain_marks(hse_buf *out, const char *t, size_t size, bool mixed)
{
    const melo_pair *map = mixed ? melo_zh_mix_punctuation : melo_zh_punctuation;
    size_t count = mixed ? melo_zh_mix_punctuation_count : melo_zh_punctuation_count;
    bool space = false;

    for (size_t i = 0; i < size;) {
        uint32_t c = 0xFFFD;
        size_t n = hse_utf8_next(t + i, size - i, &c);
        char one[8] = "";
        const char *to;

        n = n ? n : 1;
        if (size - i >= 3 && memcmp(t + i, "...", 3) == 0)
            n = 3;
        memcpy(one, t + i, n);
        to = c == 0x55EF ? "\u6069" : c == 0x5463 ? "\u6BCD" : melo_map(map, count, one);
        to = to ? to : one;
        i += n;
        while (*to) {
            size_t length = hse_utf8_next(to, strlen(to), &c);
            bool white;

            length = length ? length : 1;
            white = mixed && text_is_space(c);
            if (white && !space)
                hse_buf_byte(out, ' ');
            if (!white && is_kept(c, mixed)) {
                hse_buf_append(out, to, length);
                space = false;
            }
            space = space || white;
            to += length;
        }
    }
}

static hse_status normalise(const melo_front *front, const char *piece, bool mixed, hse_arena *arena, const char **norm,
                            hse_error *err)
{
    hse_buf now, next;
    hse_status s;

    hse_buf_init(&now, MELO_TEXT_BYTES);
    hse_buf_init(&next, MELO_TEXT_BYTES);
    s = text_zh_spell_numbers(&front->dictionary, piece, strlen(piece), arena, &now, err);
    plain_marks(&next, hse_buf_text(&now), now.size, mixed);
    hse_buf_advance(&now, &next);
    hse_buf_free(&next);
    if (s == HSE_OK)
        return hse_buf_to_arena(&now, arena, "the text", norm, err);
    hse_buf_free(&now);
    return s;
}

hse_status melo_zh_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err)
{
    return normalise(front, piece, false, arena, norm, err);
}

hse_status melo_zh_mix_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm,
                                 hse_error *err)
{
    return normalise(front, piece, true, arena, norm, err);
}

/* ---- a syllable's two symbols ---- */

/* The spelling of pinyin that the table has: "ui" for c + "uei", "yi" for "i" alone. */
static void spell(char out[64], const char *initial, const char *final, size_t n)
{
    static const melo_pair behind[] = {{"uei", "ui"}, {"iou", "iu"}, {"uen", "un"}};
    static const melo_pair alone[] = {{"ing", "ying"}, {"i", "yi"}, {"in", "yin"}, {"u", "wu"}};
    static const melo_pair first[] = {{"v", "yu"}, {"e", "e"}, {"i", "y"}, {"u", "w"}};
    const melo_pair *map = *initial ? behind : alone;
    size_t count = *initial ? COUNT(behind) : COUNT(alone);

    for (size_t i = 0; i < count; i++)
        if (strlen(map[i].from) == n && memcmp(map[i].from, final, n) == 0) {
            snprintf(out, 64, "%s%s", initial, map[i].to);
            return;
        }
    for (size_t i = 0; !*initial && i < COUNT(first); i++)
        if (*final == *first[i].from) {
            snprintf(out, 64, "%s%.*s", first[i].to, (int)n - 1, final + 1);
            return;
        }
    snprintf(out, 64, "%s%.*s", initial, (int)n, final);
}

static hse_status say_syllable(melo_phones *p, const char *initial, const char *final, hse_error *err)
{
    size_t n = strlen(final), phones = 0;
    const char *symbols;
    char pinyin[64];

    if (strcmp(initial, final) == 0) {
        if (!melo_in(melo_punctuation, melo_punctuation_count, initial))
            return hse_fail(err, HSE_E_ARG, 0, "'%.40s' cannot be spoken in Chinese", initial);
        melo_phone_add(p, initial, strlen(initial), 0);
        melo_word_add(p, 1);
        return HSE_OK;
    }
    if (n < 2 || n > 16 || strlen(initial) > 8 || final[n - 1] < '1' || final[n - 1] > '5')
        return hse_fail(err, HSE_E_ARG, 0, "'%.40s%.40s' is no syllable", initial, final);
    spell(pinyin, initial, final, n - 1);
    if (!(symbols = melo_map(melo_zh_pinyin, melo_zh_pinyin_count, pinyin)))
        return hse_fail(err, HSE_E_ARG, 0, "the syllable '%.40s' has no symbols", pinyin);
    while (*symbols) {
        size_t length = strcspn(symbols, " ");

        melo_phone_add(p, symbols, length, final[n - 1] - '0');
        symbols += length + (symbols[length] == ' ');
        phones++;
    }
    melo_word_add(p, (int)phones);
    return HSE_OK;
}

/* ---- words ---- */

static hse_status say_word(const melo_front *front, const zh_word *w, hse_arena *arena, melo_phones *p, hse_error *err)
{
    text_answer initials = {0}, finals = {0};
    const text_dictionary *d = &front->dictionary;
    const char **final;
    hse_status s = d->ask(d->user, TEXT_PINYIN_INITIALS, w->text, strlen(w->text), arena, &initials, err);

    if (s == HSE_OK)
        s = d->ask(d->user, TEXT_PINYIN_FINALS, w->text, strlen(w->text), arena, &finals, err);
    if (s != HSE_OK)
        return s;
    if (!(final = hse_arena_array(arena, finals.count + 1, sizeof *final)))
        return melo_no_memory(err);
    if (finals.count)
        memcpy(final, finals.item, finals.count * sizeof *final);
    s = melo_zh_tones(front, w, final, finals.count, arena, err);
    for (size_t i = 0; s == HSE_OK && i < finals.count && i < initials.count; i++)
        s = say_syllable(p, initials.item[i], final[i], err);
    return s;
}

/* Text in which there are no letters. The arena is for this alone. */
static hse_status say_words(const melo_front *front, const char *text, size_t size, hse_arena *arena, melo_phones *p, hse_error *err)
{
    size_t count;
    text_answer a = {0};
    zh_word *word;
    hse_status s = front->dictionary.ask(front->dictionary.user, TEXT_JIEBA_POSSEG, text, size, arena, &a, err);

    if (s != HSE_OK)
        return s;
    if (!(word = hse_arena_array(arena, a.count + 1, sizeof *word)))
        return melo_no_memory(err);
    for (size_t i = 0; i < a.count; i++) {
        word[i] = (zh_word){.text = a.item[i], .tag = a.tag && a.tag[i] ? a.tag[i] : "x"};
        for (const char *c = a.item[i]; *c; c++)
            word[i].chars += ((uint8_t)*c & 0xC0) != 0x80;
    }
    count = a.count;
    s = melo_zh_merge(front, word, &count, arena, err);
    for (size_t i = 0; s == HSE_OK && i < count; i++)
        if (strcmp(word[i].tag, "eng") != 0)
            s = say_word(front, &word[i], arena, p, err);
    return s;
}

/* A stretch without cuts: letters are left out. What is needed on the way to its phones is not kept. */
static hse_status say_segment(const melo_front *front, const char *text, size_t size, hse_arena *arena, melo_phones *p,
                              hse_error *err)
{
    char *bare = hse_arena_alloc(arena, size + 1);
    hse_arena scratch;
    hse_status s = HSE_OK;
    size_t n = 0;

    if (!bare)
        return melo_no_memory(err);
    for (size_t i = 0; i < size; i++)
        if (!is_letter((uint8_t)text[i]))
            bare[n++] = text[i];
    hse_arena_init(&scratch, SEGMENT_MEMORY);
    for (size_t from = 0, to; s == HSE_OK && from < n; from = to) {
        to = text_zh_stretch(bare, n, from);
        s = say_words(front, bare + from, to - from, &scratch, p, err);
        hse_arena_reset(&scratch);
    }
    hse_arena_free(&scratch);
    return s;
}

/* In mixed text: runs of letters and white space are English, the rest is Chinese. */
static hse_status say_mixed(const melo_front *front, const char *text, size_t size, hse_arena *arena, melo_phones *p,
                            hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0, end; s == HSE_OK && i < size; i = end) {
        bool english = is_letter((uint8_t)text[i]) || text[i] == ' ';

        for (end = i; end < size && (is_letter((uint8_t)text[end]) || text[end] == ' ') == english;)
            end++;
        if (!english) {
            s = say_segment(front, text + i, end - i, arena, p, err);
            continue;
        }
        const char *run = hse_arena_strndup(arena, text + i, end - i);
        size_t first = p->phones;
        if (!run)
            return melo_no_memory(err);
        s = melo_en_say(front, run, NULL, 0, arena, p, err);
        for (; s == HSE_OK && first < p->phones; first++)
            p->tone[first] += 7;            /* English tones follow all others */
    }
    return s;
}

static hse_status say_all(const melo_front *front, const char *norm, bool mixed, hse_arena *arena, melo_phones *p,
                          hse_error *err)
{
    size_t size = strlen(norm);
    hse_status s = HSE_OK;

    for (size_t from = 0, i = 0; s == HSE_OK && from < size; from = i) {
        bool cut = false, blank = true;
        uint32_t c;
        size_t end;

        for (; i < size && !cut;) {
            size_t n = hse_utf8_next(norm + i, size - i, &c);

            cut = mixed ? is_mixed_mark(c) : in_range_class(c);
            blank = blank && text_is_space(c);
            i += n ? n : 1;
        }
        end = i;
        for (size_t n; (n = hse_utf8_next(norm + i, size - i, &c)) != 0 && cut && text_is_space(c);)
            i += n;
        if (!blank)
            s = mixed ? say_mixed(front, norm + from, end - from, arena, p, err)
                      : say_segment(front, norm + from, end - from, arena, p, err);
    }
    return s;
}

hse_status melo_zh_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err)
{
    (void)token;
    (void)tokens;
    return say_all(front, norm, false, arena, phones, err);
}

hse_status melo_zh_mix_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                           melo_phones *phones, hse_error *err)
{
    (void)token;
    (void)tokens;
    return say_all(front, norm, true, arena, phones, err);
}
