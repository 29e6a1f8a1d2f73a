/* The facade: modes, languages, pieces, faults. */
#include "test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "text/hs1/frontend.h"
#include "text/normalize.h"
#include "text/text.h"

TEST(modes_and_languages_are_refused_by_name)
{
    static const struct {
        const char *language, *mode;
        hse_status want;
        const char *in_message;
    } rows[] = {
        {"en", "on", HSE_OK, ""},
        {"EN", NULL, HSE_OK, ""},
        {"zh", "on", HSE_OK, ""},
        {"JP", "on", HSE_OK, ""},
        {"KR", "off", HSE_OK, ""},
        {"SP", "reference", HSE_OK, ""},
        {"zh_mix_en", "off", HSE_OK, ""},
        {"xx", "on", HSE_E_ARG, "'xx'"},
        {"", "off", HSE_E_ARG, "language"},
        {"en", "loud", HSE_E_ARG, "'loud'"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        text_mode mode = TEXT_MODE_ON;
        hse_error err = {0};
        hse_buf out;
        hse_buf_init(&out, 1 << 16);
        hse_status s = text_mode_parse(rows[i].mode, &mode, &err);
        if (s == HSE_OK)
            s = text_prepare(rows[i].language, mode, "abc", 3, &out, &err);
        CHECK(s == rows[i].want, "%s %s: %d (%s)", rows[i].language, rows[i].mode ? rows[i].mode : "-", (int)s,
              err.text);
        CHECK(strstr(err.text, rows[i].in_message), "%s: '%s' is not in '%s'", rows[i].language, rows[i].in_message,
              err.text);
        CHECK((s == HSE_OK) == (strcmp(hse_buf_text(&out), "abc") == 0), "%s: '%s'", rows[i].language,
              hse_buf_text(&out));
        hse_buf_free(&out);
    }
}

TEST(invalid_utf8_is_an_error_with_its_offset)
{
    static const char text[] = "good \xC3\x28 bad";
    text_reader r;

    for (int mode = TEXT_MODE_ON; mode <= TEXT_MODE_OFF; mode++) {
        hse_error err = {0};
        hse_buf out;
        hse_buf_init(&out, 1 << 16);
        CHECK(text_prepare("en", (text_mode)mode, text, sizeof text - 1, &out, &err) == HSE_E_FORMAT && err.offset == 5,
              "mode %d: %s", mode, err.text);
        CHECK(out.size == 0, "mode %d wrote %zu bytes", mode, out.size);
        CHECK(text_reader_open(&r, "en", (text_mode)mode, text, sizeof text - 1, 0, &err) == HSE_E_FORMAT &&
                  err.offset == 5,
              "mode %d", mode);
        CHECK(text_hs1_ids("en", (text_mode)mode, text, sizeof text - 1, &out, &err) == HSE_E_FORMAT && err.offset == 5,
              "mode %d", mode);
        hse_buf_free(&out);
    }
}

static const char *read_all(const char *text, text_mode mode, size_t limit)
{
    static char out[16384];
    text_reader r;
    text_piece p;
    bool more;
    size_t n = 0;
    hse_error err = {0};

    out[0] = '\0';
    CHECK(text_reader_open(&r, "en", mode, text, strlen(text), limit, &err) == HSE_OK, "%s", err.text);
    for (;;) {
        CHECK(text_reader_next(&r, &p, &more, &err) == HSE_OK, "%s", err.text);
        if (!more)
            break;
        CHECK(p.source.end <= strlen(text) && p.source.start <= p.source.end, "%s: source %zu-%zu", text,
              p.source.start, p.source.end);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s<%s>", n ? "|" : "", (int)p.size, p.words,
                              text_pause_name(p.pause));
    }
    text_reader_close(&r);
    return out;
}

TEST(pieces_are_normalised_sentences)
{
    static const struct {
        const char *text;
        text_mode mode;
        const char *want;
    } rows[] = {
        {"", TEXT_MODE_ON, ""},
        {" \n ", TEXT_MODE_ON, ""},
        {"*** --- ...", TEXT_MODE_ON, ""},
        {"OK", TEXT_MODE_ON, "OK<sentence>"},
        {"I paid $5. Dr. Lee did not.\n\nThe end.", TEXT_MODE_ON,
         "I paid five dollars.<sentence>|Doctor Lee did not.<paragraph>|The end.<sentence>"},
        {"I paid $5. Yes.", TEXT_MODE_OFF, "I paid $5.<sentence>|Yes.<sentence>"},
        {"I paid $5. Yes.", TEXT_MODE_REFERENCE, "I paid $5. Yes.<none>"},
        {"", TEXT_MODE_REFERENCE, "<none>"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = read_all(rows[i].text, rows[i].mode, 0);
        CHECK(strcmp(got, rows[i].want) == 0, "'%s': got %s, want %s", rows[i].text, got, rows[i].want);
    }
    /* words that grow beyond the limit are cut again */
    const char *got = read_all("Take 777777 of them now", TEXT_MODE_ON, 32);
    CHECK(strcmp(got, "Take seven hundred seventy seven<none>|thousand seven hundred seventy<none>|seven of them "
                      "now<sentence>") == 0,
          "%s", got);
}

static const char *ids_text(const char *text)
{
    static char out[4096];
    hse_buf ids;
    hse_error err = {0};
    size_t n = 0;

    hse_buf_init(&ids, 1 << 16);
    CHECK(text_hs1_ids("en", TEXT_MODE_ON, text, strlen(text), &ids, &err) == HSE_OK, "%s: %s", text, err.text);
    CHECK(ids.size && ids.data[ids.size - 1] == HS1_END, "%s: no end", text);
    for (size_t i = 0; i + 1 < ids.size; i++)
        out[n++] = hs1_symbol_char(ids.data[i]);
    out[n] = '\0';
    hse_buf_free(&ids);
    return out;
}

TEST(initials_are_spelled_for_a_model_without_capitals)
{
    static const char *const rows[][2] = {
        {"The FBI and NASA.", "the eff bee eye and nasa."},
        {"one PM EST", "one pee em ee ess tea"},
        {"two PhDs, CDs and TVs", "two pee aitch dee ess, see dees and tea vees"},
        {"x plus y", "ex plus why"},
        {"I am a dog", "i am a dog"},
        {"HELLO US TV", "hello us tea vee"},
        {"it's", "it's"},
        {"A US-led plan B", "a you ess-led plan bee"},
        {"www dot abc dot com", "double you double you double you dot abc dot com"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(strcmp(ids_text(rows[i][0]), rows[i][1]) == 0, "'%s': got '%s', want '%s'", rows[i][0],
              ids_text(rows[i][0]), rows[i][1]);
}

TEST(a_hundred_thousand_characters_cost_the_memory_of_one_sentence)
{
    static const char sentence[] = "On Jan. 5, 2020 at 10:30 a.m. he paid $1,234.56 for 12 kg of it. ";
    size_t size = 100000 / (sizeof sentence - 1) * (sizeof sentence - 1), pieces = 0, largest = 0;
    char *text = hse_alloc(size);
    text_reader r;
    text_piece p;
    bool more;

    assert_non_null(text);
    for (size_t i = 0; i < size; i += sizeof sentence - 1)
        memcpy(text + i, sentence, sizeof sentence - 1);
    uint64_t start = hse_now_ms();
    CHECK(text_reader_open(&r, "en", TEXT_MODE_ON, text, size, 0, NULL) == HSE_OK, "open");
    while (text_reader_next(&r, &p, &more, NULL) == HSE_OK && more) {
        pieces++;
        largest = r.words.capacity > largest ? r.words.capacity : largest;
    }
    text_reader_close(&r);
    CHECK(pieces == size / (sizeof sentence - 1), "%zu pieces", pieces);
    CHECK(largest <= 4096, "a buffer of %zu bytes", largest);
    CHECK(hse_now_ms() - start < 2000, "%llu ms", (unsigned long long)(hse_now_ms() - start));
    hse_free(text);
}

/* Everything that reads a text, once; the status of the first failure. */
static hse_status all_of_it(const char *text, size_t size)
{
    text_reader r;
    text_piece p;
    bool more = true;
    hse_buf ids, out;
    hse_error err = {0};

    hse_buf_init(&ids, 1 << 20);
    hse_buf_init(&out, 1 << 20);
    hse_status s = text_reader_open(&r, "en", TEXT_MODE_ON, text, size, 0, &err);
    while (s == HSE_OK && (s = text_reader_next(&r, &p, &more, &err)) == HSE_OK && more)
        s = text_hs1_ids("en", TEXT_MODE_ON, p.words, p.size, &ids, &err);
    text_reader_close(&r);
    if (s == HSE_OK)
        s = text_prepare("en", TEXT_MODE_ON, text, size, &out, &err);
    CHECK(s == HSE_OK || err.text[0], "status %d without words", (int)s);
    hse_buf_free(&ids);
    hse_buf_free(&out);
    return s;
}

TEST(every_allocation_may_fail)
{
    static const char text[] =
        "\xEF\xBC\xA8i! Dr. No paid \xC2\xA3"
        "5 for 3\xC2\xBD kg (\xE2\x89\x88 $7.25).\n\nSee www.example.com at 10:30 a.m. in ch. IV.";
    uint64_t n = 0;

    for (int sticky = 0; sticky < 2; sticky++)
        for (n = 1;; n++) {
            hse_mem_fail_at(n, sticky);
            hse_status s = all_of_it(text, sizeof text - 1);
            bool failed = hse_mem_failed();
            hse_mem_fail_at(0, false);
            CHECK(s == (failed ? HSE_E_NOMEM : HSE_OK), "allocation %llu: status %d", (unsigned long long)n, (int)s);
            if (!failed)
                break;
        }
    CHECK(n > 10, "only %llu allocations", (unsigned long long)n);
    CHECK(all_of_it(text, sizeof text - 1) == HSE_OK, "the next call works");
}

TEST(any_mebibyte_is_normalised_in_linear_time)
{
    static const char *const units[] = {
        "1",
        "a",
        " ",
        ".",
        "a.",
        "1.",
        "1-",
        "1/",
        "a1",
        "$",
        "$1",
        "%",
        "=",
        "<",
        "{",
        "\"",
        "1\"",
        "(",
        "-",
        "a@",
        "@",
        "://",
        "www.",
        "1,",
        "1,111",
        "\xCC\x81",
        "\xE4\xBD\xA0",
        "e\xCC\x81",
        "\xF0\x9F\x98\x80",
        "\xC2\xBD",
        "1:1:",
        "I",
        "IV ",
        "a-",
        "-1",
        "U.S.",
        "1 x ",
        "+1 ",
        "A ",
        "3/4 ",
        "1'",
        "\xE2\x82\xAC",
        "#",
        "_",
        "http://a",
        "1 A ",
        "\xE2\x80\x8B",
        "&",
        "77 ",
        "5% ",
        "1 Bb ",
        "\xEF\xBC\x91",
        "\xC2\xB2",
        "\xD9\xA3",
        "\xE2\x91\xA0",
        "\xE3\x8B\x80",
        "\xF0\x9F\x84\x81",
        "x\xC2\xB2",
    };
    size_t size = 1 << 20;
    char *text = hse_alloc(size);

    assert_non_null(text);
    for (size_t i = 0; i < COUNT(units); i++) {
        size_t n = strlen(units[i]), total = size / n * n;
        hse_buf out;
        hse_error err = {0};
        hse_buf_init(&out, 64u << 20);
        for (size_t k = 0; k < total; k += n)
            memcpy(text + k, units[i], n);
        uint64_t start = hse_now_ms();
        hse_status s = text_prepare("en", TEXT_MODE_ON, text, total, &out, &err);
        uint64_t ms = hse_now_ms() - start;
        CHECK(s == HSE_OK, "'%s': %s", units[i], err.text);
        CHECK(ms < 8000, "'%s': %llu ms", units[i], (unsigned long long)ms);
        if (ms > 400)
            print_message("  '%s' x %zu: %llu ms, %zu bytes\n", units[i], total / n, (unsigned long long)ms, out.size);
        /* and nothing in it makes the front end refuse the text */
        hse_buf ids;
        hse_buf_init(&ids, 64u << 20);
        s = text_hs1_ids("en", TEXT_MODE_ON, hse_buf_text(&out), out.size < 100000 ? out.size : 100000, &ids, &err);
        CHECK(s == HSE_OK || err.offset > 99990, "'%s': %s", units[i], err.text);
        hse_buf_free(&ids);
        hse_buf_clear(&out);
        start = hse_now_ms();
        s = hs1_text_ids(text, total, &out, &err);
        CHECK(hse_now_ms() - start < 8000, "'%s': front end %llu ms", units[i],
              (unsigned long long)(hse_now_ms() - start));
        hse_buf_free(&out);
    }
    hse_free(text);
}

TEST(plain_text_passes_unchanged_and_fast)
{
    static const char sentence[] =
        "It was a bright cold day in the spring, and the clocks were striking; nobody said \"why?\" (or how). ";
    size_t size = (4u << 20) / (sizeof sentence - 1) * (sizeof sentence - 1);
    char *text = hse_alloc(size);
    hse_buf out;

    assert_non_null(text);
    hse_buf_init(&out, 64u << 20);
    for (size_t i = 0; i < size; i += sizeof sentence - 1)
        memcpy(text + i, sentence, sizeof sentence - 1);
    uint64_t start = hse_now_ns();
    CHECK(text_prepare("en", TEXT_MODE_ON, text, size, &out, NULL) == HSE_OK, "status");
    double seconds = (double)(hse_now_ns() - start) * 1e-9;
    print_message("  plain text: %.1f MB/s\n", (double)size / seconds * 1e-6);
    CHECK(out.size == size && memcmp(out.data, text, size) == 0, "the text changed");
    hse_buf_free(&out);
    hse_free(text);
}
