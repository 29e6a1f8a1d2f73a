/* Sentences: where a text is cut, and where not. */
#include "test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/sentences.h"

#include <stdlib.h>

/* The pieces joined by '|', each with a letter for its pause: none comma Clause(k) sentence paragraph. */
static const char *cut(const char *text, size_t limit)
{
    static char out[8192];
    text_sentences it;
    text_span span;
    size_t n = 0;

    text_sentences_start(&it, text, strlen(text), limit);
    out[0] = '\0';
    while (text_sentences_next(&it, &span))
        n +=
            (size_t)snprintf(out + n, sizeof out - n, "%s%.*s<%c>", n ? "|" : "", (int)(span.end - span.start),
                             text + span.start, span.pause == TEXT_PAUSE_CLAUSE ? 'k' : text_pause_name(span.pause)[0]);
    return out;
}

static const struct {
    const char *text, *want;
} cases[] = {
    {"", ""},
    {"   \n\t ", ""},
    {"Hello", "Hello<s>"},
    {"Hello there. How are you? Fine!", "Hello there.<s>|How are you?<s>|Fine!<s>"},
    {"Dr. Smith met Mr. Jones. They talked.", "Dr. Smith met Mr. Jones.<s>|They talked.<s>"},
    {"It costs 3.50 dollars. Yes.", "It costs 3.50 dollars.<s>|Yes.<s>"},
    {"See www.example.com. Then go.", "See www.example.com.<s>|Then go.<s>"},
    {"J. R. R. Tolkien wrote it. He did.", "J. R. R. Tolkien wrote it.<s>|He did.<s>"},
    {"The U.S. President spoke. Good.", "The U.S. President spoke.<s>|Good.<s>"},
    {"He lives in the U.S. He likes it.", "He lives in the U.S.<s>|He likes it.<s>"},
    {"At 5 p.m. we left. Bye.", "At 5 p.m. we left.<s>|Bye.<s>"},
    {"Take vitamin C. The rest is easy.", "Take vitamin C.<s>|The rest is easy.<s>"},
    {"\"Go!\" he said. \"Now?\" \"Yes.\"", "\"Go!\" he said.<s>|\"Now?\"<s>|\"Yes.\"<s>"},
    {"Wait... what? Well... Maybe.", "Wait... what?<s>|Well...<s>|Maybe.<s>"},
    {"Well\xE2\x80\xA6 that is it.", "Well\xE2\x80\xA6 that is it.<s>"},
    {"She said \xE2\x80\x9CStop.\xE2\x80\x9D Then she left.",
     "She said \xE2\x80\x9CStop.\xE2\x80\x9D<s>|Then she left.<s>"},
    {"\xE4\xBD\xA0\xE5\xA5\xBD\xE3\x80\x82\xE4\xB8\x96\xE7\x95\x8C\xEF\xBC\x81",
     "\xE4\xBD\xA0\xE5\xA5\xBD\xE3\x80\x82<s>|\xE4\xB8\x96\xE7\x95\x8C\xEF\xBC\x81<s>"},
    {"El Sr. Ruiz, de EE. UU., vio la pág. 5. Luego, el vier. 10, salió.",
     "El Sr. Ruiz, de EE. UU., vio la pág. 5.<s>|Luego, el vier. 10, salió.<s>"},
    {"Fue en el 500 a. C. y no antes. Sí.", "Fue en el 500 a. C. y no antes.<s>|Sí.<s>"},
    {"One.\n\nTwo.", "One.<p>|Two.<s>"},
    {"A title\n\nThe text starts. It ends.", "A title<p>|The text starts.<s>|It ends.<s>"},
    {"a line that\nis wrapped here.", "a line that\nis wrapped here.<s>"},
    {"Roses are red\nViolets are blue", "Roses are red<s>|Violets are blue<s>"},
    {"- one\n- two", "- one<s>|- two<s>"},
    {"1. Do this. 2. Do that.", "1. Do this.<s>|2. Do that.<s>"},
    {"No. 5 is alive. I said no. Then I left.", "No. 5 is alive.<s>|I said no.<s>|Then I left.<s>"},
    {"Really?! Yes!!! OK.", "Really?!<s>|Yes!!!<s>|OK.<s>"},
    {"Yahoo! is a name. e.g. this.", "Yahoo! is a name. e.g. this.<s>"},
    {"(It rained.) We stayed.", "(It rained.)<s>|We stayed.<s>"},
    {"Apples, pears, etc. The end.", "Apples, pears, etc.<s>|The end.<s>"},
};

TEST(sentences_end_where_a_reader_ends_them)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = cut(cases[i].text, 0);
        CHECK(strcmp(got, cases[i].want) == 0, "'%s': got %s, want %s", cases[i].text, got, cases[i].want);
    }
}

TEST(long_sentences_are_cut_at_clauses_then_words)
{
    const char *got = cut("one two three four, five six seven eight nine ten eleven", 30);
    CHECK(strcmp(got, "one two three four,<c>|five six seven eight nine ten<n>|eleven<s>") == 0, "%s", got);
    got = cut("one two three; four five six, seven eight nine ten eleven", 32);
    CHECK(strcmp(got, "one two three;<k>|four five six,<c>|seven eight nine ten eleven<s>") == 0, "%s", got);
    got = cut("Donaudampfschifffahrtsgesellschaft is one word", 20);
    CHECK(strcmp(got, "Donaudampfschifffahrtsgesellschaft<n>|is one word<s>") == 0, "%s", got);
}

/* Every byte that is no white space is in exactly one span, in order; no span is longer than the limit allows. */
static void check_cover(const char *name, const char *text, size_t size, size_t limit)
{
    text_sentences it;
    text_span span;
    size_t at = 0, spans = 0;
    uint64_t start = hse_now_ms();

    text_sentences_start(&it, text, size, limit);
    while (text_sentences_next(&it, &span)) {
        CHECK(span.start >= at && span.end > span.start && span.end <= size, "%s: span %zu is %zu-%zu", name, spans,
              span.start, span.end);
        at = span.end;
        spans++;
    }
    CHECK(hse_now_ms() - start < 5000, "%s: %llu ms", name, (unsigned long long)(hse_now_ms() - start));
    CHECK(spans > 0, "%s: no span", name);
}

TEST(any_mebibyte_takes_linear_time)
{
    static const struct {
        const char *name, *unit;
    } shapes[] = {
        {"letters", "a"},
        {"dots", "."},
        {"dots and letters", "a."},
        {"line feeds in a sentence", "a\n"},
        {"separators", "\xE2\x80\xA8"},
        {"marks", "\xCC\x81"},
        {"spaces behind dots", ".     "},
        {"quotes", "\".\""},
        {"commas", ","},
        {"hanzi", "\xE4\xBD\xA0"},
        {"carriage returns", "a\r"},
        {"exclamations", "!?"},
        {"wrapped", "word word\nword "},
        {"initials", "A. "},
    };
    size_t size = 1 << 20;
    char *text = hse_alloc(size + 8);

    assert_non_null(text);
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t n = strlen(shapes[i].unit), total = size / n * n;
        text[0] = 'x';
        for (size_t k = 0; k + n <= total; k += n)
            memcpy(text + 1 + k, shapes[i].unit, n);
        check_cover(shapes[i].name, text, total + 1, 0);
        check_cover(shapes[i].name, text, total + 1, 16);
    }
    hse_free(text);
}
