/* MeloTTS' and OpenVoice's front ends apart from their dictionaries: splitting, abbreviations, hostile and long texts, no memory.
 * (What they say: golden cases.) */
#include "test.h"
#include "torture.h"

#include "text/en/abbreviations.h"
#include "text/melo/melo.h"
#include "text/openvoice/openvoice.h"
#include "text/pieces.h"

/* Every question is answered with its key, cut at spaces; readings of Chinese with one syllable for all. */
static hse_status echo(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_list l = {.arena = arena};

    (void)user;
    *out = (text_answer){0};
    if (table == TEXT_UNIDECODE)            /* then the rules for it are asked */
        return HSE_OK;
    for (size_t i = 0; i < size && (table == TEXT_PINYIN_INITIALS || table == TEXT_PINYIN_FINALS); i++)
        if ((key[i] & 0xC0) == 0xC0)
            text_list_add(&l, table == TEXT_PINYIN_FINALS ? "a1" : "b", table == TEXT_PINYIN_FINALS ? 2 : 1, NULL);
        else if ((key[i] & 0x80) == 0)
            text_list_add(&l, ".", 1, NULL);
    for (size_t i = 0; i < size && table != TEXT_PINYIN_INITIALS && table != TEXT_PINYIN_FINALS;) {
        size_t n = strcspn(key + i, " ") < size - i ? strcspn(key + i, " ") : size - i;

        if (n)
            text_list_add(&l, key + i, n, table == TEXT_JIEBA_POSSEG ? "n" : NULL);
        i += n + 1;
    }
    return text_list_give(&l, "an answer", out, err);
}

static int symbol_id(const void *symbols, const char *symbol, size_t size)
{
    (void)symbols;
    return size ? (uint8_t)symbol[0] : -1;
}

static text_wordpiece *tokens(void)
{
    static const char vocabulary[] = "[UNK]\n[CLS]\n[SEP]\nhello\n##s\na\n##a\n1\n##1\n.\n,\n#\n\u30A2\n\uAC00\n";
    text_wordpiece *w = NULL;

    (void)text_wordpiece_open(&w, (hse_bytes){(const uint8_t *)vocabulary, sizeof vocabulary - 1}, "vocab.txt", &(text_wordpiece_options){.lower = true},
                              NULL);
    return w;
}

/* language < MELO_LANGUAGES: MeloTTS; then OpenVoice's two. */
enum { FRONTS = MELO_LANGUAGES + 2 };

typedef struct {
    int         front;
    const char *text;
    size_t      size;
    const text_wordpiece *tokens;
    size_t      refused, most;              /* pieces; arena bytes of one */
} spoken;

static hse_status speak(spoken *t, hse_error *err)
{
    const melo_front melo = {.language = t->front < MELO_LANGUAGES ? (melo_language)t->front : MELO_EN, .tokens = t->tokens,
                             .dictionary = {echo, NULL}, .symbol_id = symbol_id, .add_blank = true};
    const openvoice_front openvoice = {.language = t->front == MELO_LANGUAGES ? OPENVOICE_EN : OPENVOICE_ZH, .dictionary = {echo, NULL},
                                       .symbol_id = symbol_id, .add_blank = true};
    const char **piece = NULL;
    size_t n = 0;
    hse_arena cut, arena;
    hse_status s;

    hse_arena_init(&cut, 1u << 30);
    s = t->front < MELO_LANGUAGES ? melo_split(melo.language, t->text, t->size, &cut, &piece, &n, err)
                                  : openvoice_split(openvoice.language, t->text, t->size, &cut, &piece, &n, err);
    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        melo_piece m;
        openvoice_piece o;

        hse_arena_init(&arena, 1u << 30);
        s = t->front < MELO_LANGUAGES ? melo_piece_run(&m, &melo, piece[i], &arena, err) : openvoice_piece_run(&o, &openvoice, piece[i], &arena, err);
        t->most = arena.total > t->most ? arena.total : t->most;
        hse_arena_free(&arena);
        if (s != HSE_E_NOMEM && s != HSE_OK) {          /* what the original raises at, numbers without words */
            t->refused++;
            s = HSE_OK;
        }
    }
    hse_arena_free(&cut);
    return s;
}

static hse_status speak_once(void *arg, hse_error *err)
{
    return speak(arg, err);
}

TEST(every_allocation_may_fail)
{
    static const char *const texts[FRONTS] = {
        "Mr. Smith paid $5.20 at 3:45 pm.", "\u4ECA\u5929305\u9875\uFF0C\u4E0D.", "hello\u4F60\u597D 3.", "\u00BFHola, ni\u00F1o; qu\u00E9?", "M. Dupont & l'\u00E9t\u00E9...",
        "\u30A2\u30A21,234\u5186", "\uAC00\uAC00 AI 1+1!", "Mr. Smith's 21st \u00BD.", "\u4E2D\u6587ABC 101000\uFF0C\u3002",
    };
    text_wordpiece *w = tokens();

    for (int front = 0; front < FRONTS; front++) {
        spoken t = {.front = front, .text = texts[front], .size = strlen(texts[front]), .tokens = w};

        test_torture(texts[front], speak_once, &t);
    }
    text_wordpiece_close(&w);
}

TEST(long_texts_of_anything_take_bounded_memory)
{
    enum { BYTES = 1 << 16, FACTOR = 192 };            /* the most that a byte of text may cost in an arena */
    static const char *const units[] = {"a", "1", "\u0301", "a\u0301", "\u4E00", "\uAC00", "\u30A2", "a\u4E001\uAC00 \u0416\u0301,", "a b ", "!", "#", "1.1,", "mr.", "1+1"};
    static char text[BYTES + 16];
    text_wordpiece *w = tokens();

    for (int front = 0; front < FRONTS; front++)
        for (size_t i = 0; i < COUNT(units); i++) {
            size_t n = strlen(units[i]), size = 0;
            hse_error err = {0};

            for (; size + n <= BYTES; size += n)
                memcpy(text + size, units[i], n);
            text[size] = '\0';
            spoken t = {.front = front, .text = text, .size = size, .tokens = w};
            hse_status s = speak(&t, &err);
            CHECK(s == HSE_OK, "front %d, \"%s\": %d %s", front, units[i], (int)s, err.text);
            CHECK(t.most <= (size_t)BYTES * FACTOR, "front %d, \"%s\": %zu bytes", front, units[i], t.most);
        }
    text_wordpiece_close(&w);
}

TEST(what_is_no_utf8_is_refused_with_its_place)
{
    static const char *const texts[] = {"ab\xFF", "\xC3", "a\xED\xA0\x80"};
    static const uint64_t at[] = {2, 0, 1};

    for (int front = 0; front < FRONTS; front++)
        for (size_t i = 0; i < COUNT(texts); i++) {
            hse_error err = {0};
            spoken t = {.front = front, .text = texts[i], .size = strlen(texts[i])};

            CHECK(speak(&t, &err) == HSE_E_FORMAT && err.offset == at[i], "front %d, text %zu: offset %llu, %s", front, i, (unsigned long long)err.offset,
                  err.text);
        }
}

TEST(short_pieces_are_joined)
{
    static const struct { text_unit unit; bool spaced; const char *text, *want; } cases[] = {
        {TEXT_WORDS, true, "", ""},
        {TEXT_WORDS, true, " \t\n ", ""},
        {TEXT_WORDS, true, "One two. Three.", "One two. Three."},
        {TEXT_WORDS, true, "a b c d e f g h i j k. l m n o p.", "a b c d e f g h i j k.|l m n o p."},
        {TEXT_WORDS, true, "a b c d e f g h i j k. l m.", "a b c d e f g h i j k. l m."},              /* a short last one */
        {TEXT_WORDS, true, "\u201CA\u201D (b) [c]\u3002", "A b c."},
        {TEXT_CHARACTERS, false, "\u4E00\u4E8C\u4E09\u3002\u56DB\u4E94\uFF0C", "\u4E00\u4E8C\u4E09. \u56DB\u4E94,"},
        {TEXT_CHARACTERS, false, "0123456789a. b", "0123456789a. b"},
        {TEXT_CHARACTERS, false, "(a) \"b\"", "(a) \"b\""},                                          /* brackets stay */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char **piece = NULL;
        char got[200] = "";
        size_t n = 0, at = 0;
        hse_arena arena;
        hse_error err = {0};

        hse_arena_init(&arena, 1 << 20);
        CHECK(text_split(cases[i].unit, cases[i].spaced, cases[i].text, strlen(cases[i].text), &arena, &piece, &n, &err) == HSE_OK, "%s", err.text);
        for (size_t k = 0; k < n; k++)
            at += (size_t)snprintf(got + at, sizeof got - at, "%s%s", k ? "|" : "", piece[k]);
        CHECK(strcmp(got, cases[i].want) == 0, "case %zu: \"%s\", want \"%s\"", i, got, cases[i].want);
        hse_arena_free(&arena);
    }
}

TEST(abbreviations_go_one_after_the_other)
{
    static const struct { size_t count; const char *text, *want; } cases[] = {
        {EN_TITLES, "mr. dr.", "mister doctor"}, {EN_TITLES, "mr.st.", "misterst."}, {EN_TITLES, "st.st.", "saintsaint"},
        {EN_TITLES, "xmr.", "xmr."}, {EN_TITLES, "\u00E9mr.", "\u00E9mr."}, {EN_TITLES, "-mr.", "-mister"}, {EN_TITLES, "mr", "mr"},
        {EN_TITLES, "jan.", "jan."}, {EN_ABBREVIATIONS, "jan.", "january"}, {EN_TITLES, "", ""}, {EN_TITLES, "...", "..."},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf now, next;

        hse_buf_init(&now, 1 << 10);
        hse_buf_init(&next, 1 << 10);
        hse_buf_str(&now, cases[i].text);
        en_expand_abbreviations(&now, &next, cases[i].count);
        CHECK(strcmp(hse_buf_text(&now), cases[i].want) == 0, "\"%s\": \"%s\"", cases[i].text, hse_buf_text(&now));
        hse_buf_free(&now);
        hse_buf_free(&next);
    }
}
