/* A user's phones as the symbols of MeloTTS and OpenVoice V1: pieces of a mark alone ask no dictionary. */
#include "test.h"

#include "text/marks.h"
#include "text/melo/melo.h"
#include "text/openvoice/openvoice.h"

static int any_symbol(const void *symbols, const char *symbol, size_t size)
{
    (void)symbols, (void)symbol, (void)size;
    return 1;
}

static hse_status nothing_known(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    (void)user, (void)table, (void)key, (void)size, (void)arena, (void)err;
    *out = (text_answer){0};
    return HSE_OK;
}

static void mark(hse_buf *piece, const char *word, const char *ipa)
{
    hse_buf_init(piece, 4096);
    text_mark_put(piece, word, strlen(word), ipa, strlen(ipa));
}

static text_wordpiece *words(void)
{
    static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n##llo\nx\n.\n";
    text_wordpiece *w = NULL;
    hse_error err = {0};

    CHECK(text_wordpiece_open(&w, (hse_bytes){(const uint8_t *)vocab, sizeof vocab - 1}, "vocab", &(text_wordpiece_options){.lower = true, .strip_accents = true}, &err) == HSE_OK, "%s", err.text);
    return w;
}

TEST(melo_says_phones_with_tones)
{
    static const struct {
        melo_language language;
        const char   *word, *ipa, *phones, *tones, *word2ph;
    } rows[] = {
        {MELO_EN, "hello", "həˈloʊ", "_ hh ah l ow _", "0 0 1 0 2 0", "1 2 2 1"},
        {MELO_EN, "", "vɪʒn\u0329", "_ V ih zh ah n _", "0 0 1 0 1 0 0", "1 5 1"},
        {MELO_EN, "x", "ˈkæt.ˌdɔːɡ", "_ k ae t d ao g _", "0 0 2 0 0 3 0 0", "1 6 1"},
        {MELO_ES, "x", "ˈxoxɾe", "_ ˈ x o x ɾ e _", "0 0 0 0 0 0 0 0", "1 6 1"},
        {MELO_FR, "x", "bɔ\u0303ʒuʁ", "_ b ɔ \u0303 ʒ u ʁ _", "0 0 0 0 0 0 0 0", "1 6 1"},
        {MELO_JP, "x", "toːkjoː", "_ t o: ky o: _", "0 0 0 0 0 0", "1 4 1"},
    };
    text_wordpiece *w = words();

    for (size_t i = 0; i < COUNT(rows); i++) {
        melo_front front = {.language = rows[i].language, .tokens = w, .dictionary = {nothing_known, NULL}, .symbol_id = any_symbol};
        hse_buf piece, phones, tones, word2ph;
        hse_error err = {0};
        hse_arena arena;
        melo_piece p;

        hse_arena_init(&arena, 1 << 20);
        mark(&piece, rows[i].word, rows[i].ipa);
        hse_buf_init(&phones, 4096);
        hse_buf_init(&tones, 4096);
        hse_buf_init(&word2ph, 4096);
        hse_status s = melo_piece_run(&p, &front, hse_buf_text(&piece), &arena, &err);
        CHECK(s == HSE_OK, "%s: %s", rows[i].ipa, err.text);
        for (size_t k = 0; k < p.phone_count; k++) {
            hse_buf_printf(&phones, "%s%s", k ? " " : "", p.phone[k]);
            hse_buf_printf(&tones, "%s%d", k ? " " : "", p.tone[k]);
        }
        for (size_t k = 0; k < p.word_count; k++)
            hse_buf_printf(&word2ph, "%s%d", k ? " " : "", p.word2ph[k]);
        CHECK(strcmp(hse_buf_text(&phones), rows[i].phones) == 0, "%s: '%s', want '%s'", rows[i].ipa, hse_buf_text(&phones), rows[i].phones);
        CHECK(strcmp(hse_buf_text(&tones), rows[i].tones) == 0, "%s: '%s', want '%s'", rows[i].ipa, hse_buf_text(&tones), rows[i].tones);
        CHECK(strcmp(hse_buf_text(&word2ph), rows[i].word2ph) == 0, "%s: '%s', want '%s'", rows[i].ipa, hse_buf_text(&word2ph), rows[i].word2ph);
        CHECK(melo_piece_check_bert(&p, rows[i].language, &err) == HSE_OK, "%s: %s", rows[i].ipa, err.text);
        hse_buf_free(&piece);
        hse_buf_free(&phones);
        hse_buf_free(&tones);
        hse_buf_free(&word2ph);
        hse_arena_free(&arena);
    }
    text_wordpiece_close(&w);
}

TEST(openvoice_says_phones_as_its_own_ipa)
{
    static const struct {
        openvoice_language language;
        const char        *ipa, *cleaned;
    } rows[] = {
        {OPENVOICE_EN, "həˈloʊ", "həˈloʊ."},        {OPENVOICE_EN, "ˈrʌɡ/bɝd", "ˈɹəg bəɹd."},
        {OPENVOICE_ZH, "pei˨˩˦tɕiŋ˥", "p⁼ei↓↑tʃ⁼iŋ→."}, {OPENVOICE_ZH, "ʂɑŋ˥˩xai˧˥", "s`ɑŋ↓xai↑."},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        openvoice_front front = {.language = rows[i].language, .dictionary = {nothing_known, NULL}, .symbol_id = any_symbol};
        hse_error err = {0};
        hse_arena arena;
        hse_buf piece;
        openvoice_piece p;

        hse_arena_init(&arena, 1 << 20);
        mark(&piece, "x", rows[i].ipa);
        hse_status s = openvoice_piece_run(&p, &front, hse_buf_text(&piece), &arena, &err);
        CHECK(s == HSE_OK && strcmp(p.cleaned, rows[i].cleaned) == 0, "%s: '%s', want '%s'", rows[i].ipa, s == HSE_OK ? p.cleaned : err.text,
              rows[i].cleaned);
        hse_buf_free(&piece);
        hse_arena_free(&arena);
    }
}

/* Words before and behind go through the dictionary, marks behind keep their place. */
TEST(openvoice_keeps_what_stands_around)
{
    static const char text[] = "So \xEF\xBF\xB9x\xEF\xBF\xBAk\xC3\xA6t\xEF\xBF\xBB, go!";
    openvoice_front front = {.language = OPENVOICE_EN, .dictionary = {nothing_known, NULL}, .symbol_id = any_symbol};
    hse_error err = {0};
    hse_arena arena;
    openvoice_piece p;

    hse_arena_init(&arena, 1 << 20);
    CHECK(openvoice_piece_run(&p, &front, text, &arena, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(p.cleaned, "so* k\xC3\xA6t, go*!") == 0, "'%s'", p.cleaned);
    hse_arena_free(&arena);
}

TEST(sounds_that_a_model_has_not_are_named)
{
    static const struct {
        hse_status (*check)(const char *language, const char *ipa, size_t size, hse_error *err);
        const char *language, *ipa, *words;
    } rows[] = {
        {melo_check_phones, "en", "jœʁk", "MeloTTS in EN has no sound for 'œ'"}, {melo_check_phones, "fr", "ʘa", "MeloTTS in FR has no sound for 'ʘ'"},
        {melo_check_phones, "ja", "θa", "no sound for 'θ'"},                     {melo_check_phones, "zh", "a", "MeloTTS in ZH takes no phones"},
        {melo_check_phones, "ko", "a", "takes no phones"},                       {openvoice_check_phones, "en", "ʁa", "OpenVoice in EN has no sound for 'ʁ'"},
        {openvoice_check_phones, "zh", "θa", "OpenVoice in ZH"},                 {openvoice_check_phones, "fr", "a", "'fr' is not spoken"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_error err = {0};
        hse_status s = rows[i].check(rows[i].language, rows[i].ipa, strlen(rows[i].ipa), &err);

        CHECK(s == HSE_E_UNSUPPORTED && strstr(err.text, rows[i].words), "%s %s: %d '%s'", rows[i].language, rows[i].ipa, (int)s, err.text);
    }
    static const char *const good[][2] = {{"en", "həˈloʊ"}, {"es", "ˈola"}, {"fr", "bɔ\u0303"}, {"ja", "toː"}};
    for (size_t i = 0; i < COUNT(good); i++)
        CHECK(melo_check_phones(good[i][0], good[i][1], strlen(good[i][1]), NULL) == HSE_OK, "%s", good[i][1]);
}
