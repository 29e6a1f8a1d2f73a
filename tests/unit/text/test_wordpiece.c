/* BERT's word pieces: vocabularies that are damaged, texts of all kinds, no memory. (Tokens as the original's: golden cases.) */
#include "test.h"
#include "torture.h"

#include "text/wordpiece.h"

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\n##s\nun\n##believ\n##able\n\u4E2D\n.\n,\n\u00E9t\u00E9\nete\n";

static hse_status tokenise(const char *vocab, size_t vocab_size, text_wordpiece_options o, const char *text, size_t size, char *out,
                           size_t room, hse_error *err)
{
    text_wordpiece *w = NULL;
    hse_buf ids;
    hse_status s = text_wordpiece_open(&w, (hse_bytes){(const uint8_t *)vocab, vocab_size}, "vocab.txt", &o, err);

    hse_buf_init(&ids, 1 << 26);
    if (s == HSE_OK)
        s = text_wordpiece_run(w, text, size, &ids, err);
    *out = '\0';
    for (size_t i = 0, at = 0; s == HSE_OK && i + 4 <= ids.size && at + 1 < room; i += 4) {
        int32_t id;

        memcpy(&id, ids.data + i, sizeof id);
        at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " " : "", text_wordpiece_token(w, id));
    }
    hse_buf_free(&ids);
    text_wordpiece_close(&w);
    return s;
}

TEST(words_are_cut_into_the_longest_pieces)
{
    static const struct { const char *text, *want; text_wordpiece_options o; } cases[] = {
        {"Hello, worlds.", "hello , world ##s .", {true, true, false}},
        {"unbelievable", "un ##believ ##able", {true, true, false}},
        {"unbelievabl", "[UNK]", {true, true, false}},                 /* one piece without an entry: the whole word */
        {"Hello", "[UNK]", {false, false, false}},
        {"hello[MASK]world", "hello [MASK] world", {true, true, false}},
        {"\u00C9t\u00E9", "ete", {true, true, false}},
        {"\u00C9t\u00E9", "\u00E9t\u00E9", {true, false, false}},
        {"hello\u4E2Dworld", "hello \u4E2D world", {true, true, false}},
        {"hello\u4E2Dworld", "[UNK]", {true, true, true}},       /* ideographs as letters */
        {"hello\U0002B820world", "[UNK]", {true, true, false}},  /* not in the library's list of them */
        {"hello hel\u0378lo", "hello [UNK]", {true, true, false}},    /* a character of a later Unicode is a letter */
        {"hel\u200Blo", "hello", {true, true, false}},                 /* control and format characters are dropped */
        {"\t hello \r\n", "hello", {true, true, false}},
        {"hello\u3000world", "hello world", {true, true, false}},
        {"\xFF\xFE", "", {true, true, false}},                         /* U+FFFD is dropped as well */
        {"", "", {true, true, false}},
    };
    char out[256];

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        hse_status s = tokenise(vocabulary, sizeof vocabulary - 1, cases[i].o, cases[i].text, strlen(cases[i].text), out, sizeof out, &err);

        CHECK(s == HSE_OK && strcmp(out, cases[i].want) == 0, "case %zu: \"%s\", want \"%s\" (%s)", i, out, cases[i].want, err.text);
    }
}

TEST(a_damaged_vocabulary_is_refused_with_its_reason)
{
    static const struct { const char *name, *bytes; size_t size; hse_status want; } cases[] = {
        {"empty", "", 0, HSE_E_FORMAT},
        {"no [UNK]", "a\nb\n", 4, HSE_E_FORMAT},
        {"no UTF-8", "[UNK]\n\xFF\xFF\n", 9, HSE_E_FORMAT},
        {"cut inside a character", "[UNK]\n\xE4\xB8", 8, HSE_E_FORMAT},
        {"a line end of Windows", "[UNK]\r\na\r\n", 10, HSE_OK},
        {"without the last line end", "[UNK]\na", 7, HSE_OK},
        {"the same token twice", "[UNK]\na\na\n", 10, HSE_OK},
        {"an empty line", "[UNK]\n\na\n", 9, HSE_OK},
        {"only [UNK]", "[UNK]", 5, HSE_OK},
    };
    char out[64];

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        hse_status s = tokenise(cases[i].bytes, cases[i].size, (text_wordpiece_options){.lower = true, .strip_accents = true}, "a", 1, out, sizeof out, &err);

        CHECK(s == cases[i].want, "%s: %d %s", cases[i].name, (int)s, err.text);
        CHECK(s == HSE_OK || err.text[0], "%s: an error without words", cases[i].name);
    }
}

static hse_status run_once(void *arg, hse_error *err)
{
    char out[64];

    (void)arg;
    return tokenise(vocabulary, sizeof vocabulary - 1, (text_wordpiece_options){.lower = true, .strip_accents = true}, "Unbelievable \u00C9t\u00E9, worlds!", 27, out, sizeof out, err);
}

TEST(every_allocation_may_fail)
{
    CHECK(test_torture("wordpiece", run_once, NULL) >= 3, "nothing was allocated");
}

/* Ids of a MiB: as many as pieces there can be, and no more. */
TEST(long_texts_give_bounded_ids)
{
    enum { BYTES = 1 << 20 };
    static const char *const units[] = {"a", "1", "\u0301", "a\u0301", "\u4E2D", "hello ", "[", "[UNK]", "[UN", "\xFF", "\xE4", "##s", ". "};
    static char text[BYTES];
    text_wordpiece *w = NULL;

    CHECK(text_wordpiece_open(&w, (hse_bytes){(const uint8_t *)vocabulary, sizeof vocabulary - 1}, "v", &(text_wordpiece_options){.lower = true, .strip_accents = true}, NULL) ==
              HSE_OK, "open");
    for (size_t i = 0; i < COUNT(units); i++) {
        hse_error err = {0};
        hse_buf ids;

        for (size_t k = 0; k < BYTES; k++)
            text[k] = units[i][k % strlen(units[i])];
        hse_buf_init(&ids, 4 * (size_t)BYTES + 64);
        hse_status s = text_wordpiece_run(w, text, BYTES, &ids, &err);
        CHECK(s == HSE_OK && ids.size % 4 == 0, "%s: %d %s", units[i], (int)s, err.text);
        hse_buf_free(&ids);
    }
    text_wordpiece_close(&w);
}
