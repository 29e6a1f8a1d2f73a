/* Byte-level BPE: how a text is cut, what merges, special tokens, broken UTF-8, hostile texts. */
#include "test.h"

#include "base/mem.h"
#include "text/bpe.h"
#include "text/bpe_split.h"
#include "torture.h"

/* ---- pieces ---- */

TEST(texts_are_cut_as_the_pattern_says)
{
    static const struct {
        const char *text, *pieces; /* separated by '/' */
    } cases[] = {
        {"Hello world", "Hello/ world"},
        {"it's I'm we've you'll he'd they're don't", "it/'s/ I/'m/ we/'ve/ you/'ll/ he/'d/ they/'re/ don/'t"},
        {"IT'S 'x ' '", "IT/'/S/ '/x/ '/ '"},
        {"'sx", "'s/x"},
        {"a  b   c", "a/ / b/  / c"},
        {"a \t\n b", "a/ \t\n/ b"},
        {"a\nb\n\nc", "a/\n/b/\n/\n/c"},
        {"end  ", "end/  "},
        {" \n", " \n"},
        {"\t x", "\t/ x"},
        {"x\t", "x/\t"},
        {"a1b22 333", "a/1/b/22/ 333"},
        {"$5.00, 50%!", "$/5/./00/,/ 50/%!"},
        {"  ...", " / ..."},
        {"e\xCC\x81", "e/\xCC\x81"},                                    /* a mark is no letter */
        {"caf\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC", "caf\xC3\xA9/ \xE6\x97\xA5\xE6\x9C\xAC"},
        {"x\xC2\xB2\xC2\xBD\xD9\xA1", "x/\xC2\xB2\xC2\xBD\xD9\xA1"},       /* No, Nd */
        {"\xE2\x85\xA7" "a", "\xE2\x85\xA7/a"},                        /* Nl */
        {"a\xC2\xA0" "b", "a/\xC2\xA0/b"},                             /* a space, but not ' ' */
        {"a \xE3\x80\x80" "b", "a/ /\xE3\x80\x80/b"},
        {"a\x1C" "b", "a/\x1C/b"},                                     /* no white space of Unicode */
        {"\xF0\x9F\x98\x80 \xF0\x9F\x98\x80", "\xF0\x9F\x98\x80/ \xF0\x9F\x98\x80"},
        {"a\xFF\xC3", "a/\xFF\xC3"},                                   /* broken bytes are signs */
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *want = cases[i].pieces, *text = cases[i].text;
        size_t size = strlen(text);
        for (size_t at = 0; at < size;) {
            size_t n = bpe_piece(text + at, size - at), m = strcspn(want, "/");
            CHECK(n == m && memcmp(text + at, want, n) == 0, "\"%s\" at %zu: %zu bytes, not %zu", text, at, n, m);
            at += n;
            want += m + (want[m] == '/');
        }
        CHECK(*want == '\0', "\"%s\": more pieces are expected: %s", text, want);
    }
}

TEST(bytes_and_their_characters)
{
    bool seen[0x200] = {false};

    for (int b = 0; b < 256; b++) {
        uint32_t c = bpe_char_of_byte((uint8_t)b);
        CHECK(c < 0x144 && !seen[c] && c > 32 && c != 127 && bpe_byte_of_char(c) == b, "byte %d is U+%04X", b, c);
        seen[c] = true;
    }
    CHECK(bpe_char_of_byte(' ') == 0x120 && bpe_char_of_byte('\n') == 0x10A && bpe_char_of_byte(0xAD) == 0x143, "known ones");
    for (uint32_t c = 0; c < 0x300; c++)
        CHECK(bpe_byte_of_char(c) >= 0 ? seen[c] : c >= 0x200 || !seen[c], "U+%04X is %d", c, bpe_byte_of_char(c));
    uint8_t out[8];
    size_t n;
    CHECK(bpe_bytes_of_name("\xC4\xA0t", 3, out, &n) && n == 2 && memcmp(out, " t", 2) == 0, "%zu", n);
    CHECK(!bpe_bytes_of_name(" t", 2, out, &n) && !bpe_bytes_of_name("\xE2\x82\xAC", 3, out, &n) &&
              !bpe_bytes_of_name("\xFF", 1, out, &n),
          "names of no token");
}

/* ---- vocabularies ---- */

static void must(hse_status s, const hse_error *err)
{
    CHECK(s == HSE_OK, "%s", err->text);
}

static void add(bpe *b, int32_t id, const char *bytes)
{
    hse_error err = {0};

    must(bpe_add(b, id, bytes, strlen(bytes), &err), &err);
}

static hse_status merge(bpe *b, const char *left, const char *right, hse_error *err)
{
    return bpe_merge(b, left, strlen(left), right, strlen(right), err);
}

static bpe *letters(void)
{
    bpe *b = NULL;
    hse_error err = {0};

    must(bpe_open(&b, 1000, &err), &err);
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        must(bpe_add(b, i, &byte, 1, &err), &err);
    }
    return b;
}

static void check_ids(const bpe *b, const char *text, bool special, size_t n, const int32_t *want)
{
    bpe_ids ids = {0};
    hse_error err = {0};

    must(bpe_encode(b, text, strlen(text), special, &ids, &err), &err);
    CHECK(ids.count == n, "\"%s\": %zu ids, not %zu", text, ids.count, n);
    for (size_t i = 0; i < n; i++)
        CHECK(ids.id[i] == want[i], "\"%s\"[%zu]: %d, not %d", text, i, ids.id[i], want[i]);
    bpe_ids_free(&ids);
}

#define IDS(...) sizeof((int32_t[]){__VA_ARGS__}) / 4, (int32_t[]){__VA_ARGS__}

TEST(lowest_rank_first_and_leftmost)
{
    bpe *b = letters();
    hse_error err = {0};

    add(b, 300, "aa");
    add(b, 301, "ab");
    add(b, 302, "aab");
    add(b, 303, "bc");
    add(b, 304, "abc");
    must(merge(b, "b", "c", &err), &err);
    must(merge(b, "a", "a", &err), &err);
    must(merge(b, "a", "b", &err), &err);
    must(merge(b, "aa", "b", &err), &err);
    must(merge(b, "a", "bc", &err), &err);
    must(merge(b, "b", "c", &err), &err); /* again: keeps its rank */
    bpe_finish(b);
    check_ids(b, "aaa", false, IDS(300, 'a'));
    check_ids(b, "aaaa", false, IDS(300, 300));
    check_ids(b, "aab", false, IDS(302));
    check_ids(b, "abc", false, IDS(304));
    check_ids(b, "aabc", false, IDS(300, 303)); /* bc, then aa: nothing joins those */
    check_ids(b, "bab", false, IDS('b', 301));
    check_ids(b, "a", false, IDS('a'));
    bpe_ids none = {0};
    must(bpe_encode(b, "", 0, true, &none, &err), &err);
    CHECK(none.count == 0, "%zu", none.count);
    CHECK(bpe_count(b) == 305 && bpe_token(b, 299).data == NULL && bpe_token(b, -1).data == NULL &&
              bpe_token(b, 5000).data == NULL && bpe_token(b, 304).size == 3,
          "tokens");
    CHECK(bpe_find(b, "abc", 3) == 304 && bpe_find(b, "abd", 3) == -1 && bpe_find(b, "", 0) == -1, "find");
    bpe_close(&b);
    CHECK(b == NULL, "closed");
}

TEST(merging_by_id_needs_no_merges)
{
    bpe *b = letters();
    hse_error err = {0};

    add(b, 300, "th");
    add(b, 301, "the");
    add(b, 302, "he");
    must(bpe_add(b, 303, "", 0, &err), &err);
    must(bpe_add_special(b, 304, "xy", 2, &err), &err);
    bpe_merge_by_id(b);
    bpe_finish(b);
    check_ids(b, "the", false, IDS(301));
    check_ids(b, "he", false, IDS(302));
    check_ids(b, "xy", false, IDS('x', 'y')); /* merges never give a special token */
    check_ids(b, "xy", true, IDS(304));
    bpe_close(&b);
}

TEST(special_tokens_the_longest_at_the_leftmost_place)
{
    bpe *b = letters();
    hse_error err = {0};
    static const char *const names[] = {"<|a|>", "<|a|>b", "<|ab|>", "<", "z"};

    for (size_t i = 0; i < COUNT(names) - 2; i++)
        must(bpe_add_special(b, 400 + (int32_t)i, names[i], strlen(names[i]), &err), &err);
    must(bpe_add_special(b, 'z', "z", 1, &err), &err); /* known already */
    must(bpe_add_special(b, 'z', "z", 1, &err), &err);
    bpe_finish(b);
    check_ids(b, "<|a|>", true, IDS(400));
    check_ids(b, "<|a|>b<|a|>c", true, IDS(401, 400, 'c'));
    check_ids(b, "<|<|ab|>|>", true, IDS('<', '|', 402, '|', '>'));
    check_ids(b, "<|a|>", false, IDS('<', '|', 'a', '|', '>'));
    check_ids(b, "<|a|", true, IDS('<', '|', 'a', '|'));
    check_ids(b, " z x", true, IDS(' ', 'z', ' ', 'x'));
    bpe_close(&b);
}

TEST(vocabularies_that_cannot_be)
{
    bpe *b = letters();
    hse_error err = {0};
    char long_name[BPE_MAX_TOKEN_BYTES + 1];
    bpe *none = NULL;

    memset(long_name, 'x', sizeof long_name);
    add(b, 300, "ab");
    CHECK(bpe_add(b, 300, "cd", 2, &err) == HSE_E_FORMAT && strstr(err.text, "id 300"), "%s", err.text);
    CHECK(bpe_add(b, 301, "ab", 2, &err) == HSE_E_FORMAT && strstr(err.text, "300 and 301"), "%s", err.text);
    CHECK(bpe_add(b, -1, "cd", 2, &err) == HSE_E_FORMAT && bpe_add(b, 1000, "cd", 2, &err) == HSE_E_FORMAT, "%s", err.text);
    CHECK(bpe_add(b, 302, long_name, sizeof long_name, &err) == HSE_E_LIMIT, "%s", err.text);
    CHECK(merge(b, "q1", "b", &err) == HSE_E_FORMAT && strstr(err.text, "left"), "%s", err.text);
    CHECK(merge(b, "a", "q1", &err) == HSE_E_FORMAT && strstr(err.text, "right"), "%s", err.text);
    CHECK(merge(b, "a", "c", &err) == HSE_E_FORMAT && strstr(err.text, "result"), "%s", err.text);
    CHECK(merge(b, "", "a", &err) == HSE_E_FORMAT, "%s", err.text);
    CHECK(bpe_add_special(b, 303, "", 0, &err) == HSE_E_FORMAT, "%s", err.text);
    CHECK(bpe_add_special(b, 303, long_name, BPE_MAX_SPECIAL_BYTES + 1, &err) == HSE_E_FORMAT, "%s", err.text);
    CHECK(bpe_add_special(b, 303, "ab", 2, &err) == HSE_E_FORMAT, "%s", err.text);
    CHECK(bpe_open(&none, BPE_MAX_TOKENS + 1, &err) == HSE_E_LIMIT && !none, "%s", err.text);
    bpe_finish(b);
    char *huge = hse_calloc(1, BPE_MAX_TEXT + 1);
    bpe_ids ids = {0};
    CHECK(bpe_encode(b, huge, BPE_MAX_TEXT + 1, true, &ids, &err) == HSE_E_LIMIT && ids.count == 0, "%s", err.text);
    hse_free(huge);
    bpe_close(&b);

    must(bpe_open(&b, 10, &err), &err); /* a byte without a token */
    add(b, 0, "a");
    bpe_finish(b);
    CHECK(bpe_encode(b, "ab", 2, true, &ids, &err) == HSE_E_FORMAT && strstr(err.text, "0x62"), "%s", err.text);
    bpe_ids_free(&ids);
    bpe_close(&b);
    bpe_close(&b);
}

/* What is quadratic somewhere would not come to an end here. */
TEST(a_mebibyte_of_anything)
{
    static const char *const units[] = {"a", " ", "ab", "<", "<|", "\xFF", "\xC3\xA9", "1 ", "\n"};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    enum { SIZE = 1 << 17 };
#else
    enum { SIZE = 1 << 20 };
#endif
    char *text = hse_alloc(SIZE), name[BPE_MAX_SPECIAL_BYTES];
    hse_error err = {0};

    memset(name, '<', sizeof name);
    for (int by_id = 0; by_id < 2; by_id++) {
        bpe *b = letters();
        for (int32_t i = 0, n = 2; n <= 512; i++, n *= 2) { /* aa, aaaa, ...: every merge makes another one possible */
            char run[512];
            memset(run, 'a', sizeof run);
            must(bpe_add(b, 300 + i, run, (size_t)n, &err), &err);
            must(bpe_merge(b, run, (size_t)n / 2, run, (size_t)n / 2, &err), &err);
        }
        name[sizeof name - 1] = '>'; /* agrees with a run of '<' to its last byte */
        must(bpe_add_special(b, 500, name, sizeof name, &err), &err);
        if (by_id)
            bpe_merge_by_id(b);
        bpe_finish(b);
        for (size_t u = 0; u < COUNT(units); u++) {
            size_t n = strlen(units[u]), bytes = 0;
            bpe_ids ids = {0};
            for (size_t i = 0; i < SIZE; i++)
                text[i] = units[u][i % n];
            must(bpe_encode(b, text, SIZE, true, &ids, &err), &err);
            for (size_t i = 0; i < ids.count; i++)
                bytes += bpe_token(b, ids.id[i]).size;
            CHECK(bytes == SIZE && (u != 0 || ids.count == SIZE / 512), "%s: %zu ids", units[u], ids.count);
            bpe_ids_free(&ids);
        }
        bpe_close(&b);
    }
    hse_free(text);
}

/* ---- broken UTF-8 ---- */

TEST(each_maximal_part_becomes_one_sign)
{
#define X "\xEF\xBF\xBD"
    static const struct {
        const char *in, *want;
        size_t incomplete;
    } cases[] = {
        {"", "", 0},
        {"plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 0},
        {"a\xF1\x80\x80\xE1\x80\xC2" "b\x80" "c\x80\xBF" "d", "a" X X X "b" X "c" X X "d", 0}, /* Unicode 3.9, table 3-8 */
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82" "A", X X X X X X X X "A", 0},                        /* overlong */
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF" "A", X X X X X X X X "A", 0},                        /* surrogates */
        {"\xF4\x91\x92\x93\xFF" "A\x80\xBF" "B", X X X X X "A" X X "B", 0},                      /* too large */
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF" "A", X X X X "A", 0},
        {"x\xC3", "x" X, 1},
        {"x\xE2\x82", "x" X, 2},
        {"x\xE2", "x" X, 1},
        {"x\xF0\x9F\x98", "x" X, 3},
        {"x\xF0\x9F", "x" X, 2},
        {"x\xF0\x80", "x" X X, 0},
        {"x\xED\xA0", "x" X X, 0},
        {"x\xF5", "x" X, 0},
        {"x\x80\x80\x80\x80", "x" X X X X, 0},
        {"\xC3\xA9\xC3", "\xC3\xA9" X, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf out;
        size_t n = strlen(cases[i].in);
        hse_buf_init(&out, 1000);
        bpe_put_utf8(&out, (const uint8_t *)cases[i].in, n);
        CHECK(strcmp(hse_buf_text(&out), cases[i].want) == 0, "case %zu: %s", i, hse_buf_text(&out));
        CHECK(bpe_incomplete((const uint8_t *)cases[i].in, n) == cases[i].incomplete, "case %zu: %zu", i,
              bpe_incomplete((const uint8_t *)cases[i].in, n));
        hse_buf_free(&out);
    }
}

static hse_status build_and_encode(void *arg, hse_error *err)
{
    bpe *b = NULL;
    bpe_ids ids = {0};
    hse_status s = bpe_open(&b, 3000, err);

    (void)arg;
    for (int32_t i = 0; s == HSE_OK && i < 2000; i++) {
        uint8_t bytes[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
        s = bpe_add(b, i, bytes, i < 256 ? 1 : 2, err);
    }
    for (int32_t i = 256; s == HSE_OK && i < 2000; i++) {
        uint8_t bytes[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
        s = bpe_merge(b, bytes, 1, bytes + 1, 1, err);
    }
    for (int32_t i = 0; s == HSE_OK && i < 100; i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "<%d>", (int)i);
        s = bpe_add_special(b, 2000 + i, name, (size_t)n, err);
    }
    if (s == HSE_OK) {
        bpe_finish(b);
        s = bpe_encode(b, "text \1\2\3 <55> more", 18, true, &ids, err);
    }
    bpe_ids_free(&ids);
    bpe_close(&b);
    return s;
}

TEST(each_allocation_fails_once)
{
    CHECK(test_torture("bpe", build_and_encode, NULL) > 10, "few allocations");
}
