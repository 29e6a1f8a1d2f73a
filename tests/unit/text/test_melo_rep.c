/* MeloTTS' table of English words: what is an entry, which one counts, damaged tables, no memory. */
#include "test.h"
#include "torture.h"

#include "base/buf.h"
#include "text/melo/rep.h"

static void with_comment(hse_buf *b, int lines, const char *rest)
{
    hse_buf_init(b, 1 << 16);
    for (int i = 0; i < lines; i++)
        hse_buf_str(b, "## a line  of comment\n");
    hse_buf_str(b, rest);
}

static hse_bytes bytes_of(const hse_buf *b)
{
    return (hse_bytes){b->data, b->size};
}

TEST(words_are_found_as_they_stand)
{
    static const struct {
        const char *name, *lines, *word, *want;
    } cases[] = {
        {"one of two", "A  AH0\nABOUT  AH0 - B AW1 T\n", "ABOUT", "AH0 - B AW1 T"},
        {"the last of equal ones", "A  AH0\nA  EY1\n", "A", "EY1"},
        {"no newline at the end", "A  AH0\nB  B IY1", "B", "B IY1"},
        {"carriage returns", "A  AH0\r\nB  B IY1\r\n", "A", "AH0"},
        {"space at the end", "A  AH0 \n", "A", "AH0"},
        {"three spaces", "A   AH0\n", "A", " AH0"},
        {"small letters are other words", "A  AH0\n", "a", NULL},
        {"a word's beginning is none", "ABOUT  AH0\n", "ABO", NULL},
        {"one space", "A  AH0\nB B IY1\n", "B", NULL},
        {"no phones", "A  AH0\nB  \n", "B", NULL},
        {"no word", "A  AH0\n  B\n", "", NULL},
        {"a word beyond ASCII", "CAFÉ  K\n", "CAFÉ", "K"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        melo_rep *rep = NULL;
        hse_error err = {0};
        hse_buf b;

        with_comment(&b, 48, cases[i].lines);
        CHECK(melo_rep_open(&rep, bytes_of(&b), "test.rep", &err) == HSE_OK, "%s: %s", cases[i].name, err.text);
        hse_bytes got = melo_rep_find(rep, cases[i].word, strlen(cases[i].word));
        size_t n = cases[i].want ? strlen(cases[i].want) : 0;
        CHECK((got.data != NULL) == (cases[i].want != NULL) && got.size == n && (!n || memcmp(got.data, cases[i].want, n) == 0),
              "%s: got \"%.*s\"", cases[i].name, (int)got.size, got.data ? (const char *)got.data : "");
        melo_rep_close(&rep);
        hse_buf_free(&b);
    }
}

TEST(tables_without_a_word_are_refused)
{
    static const struct {
        const char *name;
        int         comment;
        const char *rest;
    } cases[] = {{"empty", 0, ""}, {"comment alone", 48, ""}, {"words before line 49", 30, "A  AH0\n"}, {"no pairs", 48, "A\nB C\n"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        melo_rep *rep = NULL;
        hse_error err = {0};
        hse_buf b;

        with_comment(&b, cases[i].comment, cases[i].rest);
        hse_status s = melo_rep_open(&rep, bytes_of(&b), "test.rep", &err);
        CHECK(s == HSE_E_FORMAT && !rep && strstr(err.text, "test.rep"), "%s: %d, %s", cases[i].name, (int)s, err.text);
        hse_buf_free(&b);
    }
}

static hse_status open_and_close(void *arg, hse_error *err)
{
    melo_rep *rep = NULL;
    hse_status s = melo_rep_open(&rep, bytes_of(arg), "test.rep", err);

    melo_rep_close(&rep);
    return s;
}

TEST(every_allocation_may_fail)
{
    hse_buf b;

    with_comment(&b, 48, "A  AH0\n");
    test_torture("melo_rep_open", open_and_close, &b);
    hse_buf_free(&b);
}
