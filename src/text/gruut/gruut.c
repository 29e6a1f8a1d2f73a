#include "text/gruut/gruut.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "text/ascii.h"
#include "text/gruut/internal.h"

#include <utf8proc.h>

enum { NFC_BYTES = 1024 };

/* French: the words of a number that end with a silent consonant, which is said before a vowel. */
static const struct {
    const char *word, *consonant;
} links[] = {{"vingt", " t"}, {"cent", " t"},  {"dix", " z"},    {"deux", " z"},
             {"trois", " z"}, {"six", " z"},   {"vingts", " z"}, {"cents", " z"}};

enum { LINKS = sizeof links / sizeof *links };

/* Those that are linked. */
typedef struct {
    bool linked[LINKS];
} link_set;

struct text_gruut {
    gruut_language language;
    text_map       words;           /* word -> phones with spaces between them */
    gruut_crf      crf;
    link_set      *kept;            /* NULL: links are forgotten behind each number */
};

/* What one question works with. */
typedef struct {
    const text_gruut *g;
    hse_buf           out;          /* the answer */
    hse_buf           lower, bare, phones, plain;
    hse_buf           number;
    bool              word;         /* the answer ends with a word: a space comes before the next */
} saying;

hse_status text_gruut_open(text_gruut **out, const text_pack *pack, gruut_language language, hse_error *err)
{
    text_gruut *g = hse_calloc(1, sizeof *g);
    hse_status s;

    if (!g)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a lexicon");
    g->language = language;
    s = text_pack_map(&g->words, pack, "words", err);
    if (s == HSE_OK)
        s = gruut_crf_open(&g->crf, pack, err);
    if (s == HSE_OK)
        *out = g;
    else
        text_gruut_close(&g);
    return s;
}

void text_gruut_close(text_gruut **gruut)
{
    if (!*gruut)
        return;
    gruut_crf_close(&(*gruut)->crf);
    hse_free((*gruut)->kept);
    hse_free(*gruut);
    *gruut = NULL;
}

hse_status text_gruut_keep_links(text_gruut *gruut, hse_error *err)
{
    if (!gruut->kept && !(gruut->kept = hse_calloc(1, sizeof *gruut->kept)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for links");
    return HSE_OK;
}

/* ---- characters ---- */

static bool is_punctuation(uint32_t c)
{
    switch (c) {
    case ';': case ':': case ',': case '.': case '!': case '?': case '"':
    case 0xA1: case 0xBF: case 0xAB: case 0xBB:            /* inverted marks, guillemets */
    case 0x2014: case 0x2026: case 0x201C: case 0x201D:    /* dash, ellipsis, quotes */
        return true;
    default:
        return false;
    }
}

/* A letter, a number or '_' of any script. */
static bool is_word_character(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    return c == '_' || (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

static void put(hse_buf *out, uint32_t c)
{
    char one[4];

    hse_buf_append(out, one, hse_utf8_put(one, c));
}

static void lower(hse_buf *out, const char *word, size_t size)
{
    hse_buf_clear(out);
    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(word + i, size - i, &c);

        if (!n)
            return;
        put(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        i += n;
    }
}

static void keep_word_characters(hse_buf *out, const char *word, size_t size)
{
    hse_buf_clear(out);
    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(word + i, size - i, &c);

        if (!n)
            return;
        if (is_word_character(c))
            hse_buf_append(out, word + i, n);
        i += n;
    }
}

/* Letters and their marks become one character each; a long word stays as it is. */
static void compose(hse_buf *text)
{
    utf8proc_int32_t point[4 * NFC_BYTES];
    utf8proc_ssize_t n;

    if (text->size > NFC_BYTES)
        return;
    n = utf8proc_decompose((const utf8proc_uint8_t *)hse_buf_text(text), (utf8proc_ssize_t)text->size, point,
                           (utf8proc_ssize_t)(sizeof point / sizeof *point), UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0 || n > (utf8proc_ssize_t)(sizeof point / sizeof *point))
        return;
    n = utf8proc_normalize_utf32(point, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    hse_buf_clear(text);
    for (utf8proc_ssize_t i = 0; i < n; i++)
        put(text, (uint32_t)point[i]);
}

/* ---- one word ---- */

/* A buffer's failure, before the next word clears it. */
static hse_status check(const hse_buf *b, hse_error *err)
{
    return hse_buf_status(b, "a word's sounds", err);
}

/* The lexicon's phones, {NULL, 0}: not there. What is not UTF-8 is not taken. */
static hse_bytes look_up(const text_gruut *g, const char *word, size_t size)
{
    hse_bytes v;

    if (size && text_map_get(&g->words, word, size, &v) && hse_utf8_valid((const char *)v.data, v.size, NULL))
        return v;
    return (hse_bytes){NULL, 0};
}

/* The word's phones into s->phones. */
static hse_status pronounce(saying *s, const char *word, size_t size, hse_error *err)
{
    hse_bytes v = look_up(s->g, word, size);
    hse_status status;

    hse_buf_clear(&s->phones);
    if (!v.data) {
        lower(&s->lower, word, size);
        v = look_up(s->g, hse_buf_text(&s->lower), s->lower.size);
    }
    if (!v.data) {
        keep_word_characters(&s->bare, word, size);
        v = look_up(s->g, hse_buf_text(&s->bare), s->bare.size);
        if (check(&s->bare, err) != HSE_OK)
            return s->bare.status;
    }
    if (!v.data) {
        keep_word_characters(&s->bare, hse_buf_text(&s->lower), s->lower.size);
        v = look_up(s->g, hse_buf_text(&s->bare), s->bare.size);
    }
    status = check(&s->lower, err);
    if (status == HSE_OK)
        status = check(&s->bare, err);
    if (status != HSE_OK)
        return status;
    if (v.data) {
        hse_buf_append(&s->phones, v.data, v.size);
        return check(&s->phones, err);
    }
    compose(&s->lower);
    status = check(&s->lower, err);
    return status != HSE_OK ? status : gruut_crf_guess(&s->g->crf, hse_buf_text(&s->lower), s->lower.size, &s->phones, err);
}

/* Phones without the spaces between them. */
static void emit(saying *s, const hse_buf *phones)
{
    const char *p = hse_buf_text(phones);

    if (!phones->size)
        return;
    hse_buf_str(&s->out, s->word ? " " : "");
    for (size_t i = 0; i < phones->size; i++)
        if (p[i] != ' ')
            hse_buf_byte(&s->out, (uint8_t)p[i]);
    s->word = true;
}

/* ---- numbers ---- */

/* Digits, and a power of ten as programs write it ("2e3"). Over 18 digits: false. */
static bool read_number(const char *word, size_t size, uint64_t *value)
{
    size_t i = 0;
    unsigned power = 0;

    *value = 0;
    if (!size)
        return false;
    for (; i < size && word[i] >= '0' && word[i] <= '9'; i++) {
        if (*value >= 100000000000000000)
            return false;
        *value = *value * 10 + (uint64_t)(word[i] - '0');
    }
    if (i == size)
        return true;
    if (i == 0 || (word[i] != 'e' && word[i] != 'E') || i + 1 == size || size - i > 3)
        return false;
    for (i++; i < size; i++) {
        if (word[i] < '0' || word[i] > '9')
            return false;
        power = power * 10 + (unsigned)(word[i] - '0');
    }
    for (; power > 0 && *value; power--) {
        if (*value >= 100000000000000000)
            return false;
        *value *= 10;
    }
    return true;
}

static bool all_digits(const char *word, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (word[i] < '0' || word[i] > '9')
            return false;
    return size > 0;
}

static bool is(const char *word, size_t size, const char *other)
{
    return strlen(other) == size && memcmp(word, other, size) == 0;
}

static bool begins_with_vowel(const char *word, size_t size)
{
    static const char *const words[] = {"et", "un", "huit", "euro", "euros"};     /* of those that a number may have behind another */

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(word, size, words[i]))
            return true;
    return false;
}

/* A word that is linked once is linked wherever the number has it: the original's words share their phones. */
static void find_links(const hse_buf *number, link_set *set)
{
    const char *t = hse_buf_text(number);

    for (size_t i = 0, n, m; i < number->size; i += n + 1) {
        n = strcspn(t + i, " -");
        m = i + n < number->size ? strcspn(t + i + n + 1, " -") : 0;
        for (size_t k = 0; k < LINKS && m; k++)
            if (is(t + i, n, links[k].word) && begins_with_vowel(t + i + n + 1, m))
                set->linked[k] = true;
    }
}

static void add_link(saying *s, const link_set *set, const char *word, size_t size)
{
    for (size_t k = 0; k < LINKS; k++)
        if (set->linked[k] && is(word, size, links[k].word))
            hse_buf_str(&s->phones, links[k].consonant);
}

static hse_status say_plain(saying *s, const char *word, size_t size, hse_error *err)
{
    hse_status status = pronounce(s, word, size, err);

    if (status == HSE_OK && s->g->kept)
        add_link(s, s->g->kept, word, size);
    if (status == HSE_OK)
        emit(s, &s->phones);
    return status;
}

/* The words of a number, each from the lexicon. */
static hse_status say_number_words(saying *s, hse_error *err)
{
    const char *t = hse_buf_text(&s->number);
    link_set here = {{false}}, *set = s->g->kept ? s->g->kept : &here;
    hse_status status = HSE_OK;

    if (s->g->language == GRUUT_FR)
        find_links(&s->number, set);
    for (size_t i = 0, n; status == HSE_OK && i < s->number.size; i += n + 1) {
        n = strcspn(t + i, " -");
        status = pronounce(s, t + i, n, err);
        add_link(s, set, t + i, n);
        emit(s, &s->phones);
        if (status == HSE_OK)
            status = check(&s->phones, err);
    }
    return status;
}

static hse_status say_number(saying *s, uint64_t value, hse_error *err)
{
    hse_status status;

    hse_buf_clear(&s->number);
    gruut_number(s->g->language, value, &s->number);
    status = check(&s->number, err);
    return status == HSE_OK ? say_number_words(s, err) : status;
}

/* An amount: a sign and a number behind it. */
static hse_status say_amount(saying *s, const gruut_currency *currency, uint64_t value, hse_error *err)
{
    hse_status status;

    hse_buf_clear(&s->number);
    gruut_amount(s->g->language, currency, value, &s->number);
    status = check(&s->number, err);
    return status == HSE_OK ? say_number_words(s, err) : status;
}

/* A number that has no name: its digits one by one. */
static hse_status say_digits(saying *s, const char *word, size_t size, hse_error *err)
{
    hse_status status = HSE_OK;

    for (size_t i = 0; status == HSE_OK && i < size; i++)
        status = say_number(s, (uint64_t)(word[i] - '0'), err);
    return status;
}

/* ---- a text ---- */

static hse_status say_part(saying *s, const char *word, size_t size, hse_error *err)
{
    uint64_t value;
    const gruut_currency *currency;
    size_t sign;

    if (look_up(s->g, word, size).data)
        return say_plain(s, word, size, err);
    if (read_number(word, size, &value))
        return say_number(s, value, err);
    if ((currency = gruut_currency_at(s->g->language, word, size, &sign)) != NULL && read_number(word + sign, size - sign, &value))
        return say_amount(s, currency, value, err);
    if (all_digits(word, size))
        return say_digits(s, word, size, err);
    return say_plain(s, word, size, err);
}

/* s->plain: the word with straight apostrophes. */
static void straighten(saying *s, const char *word, size_t size)
{
    hse_buf_clear(&s->plain);
    for (size_t i = 0; i < size;) {
        bool curly = size - i >= 3 && memcmp(word + i, "\u2019", 3) == 0;

        hse_buf_append(&s->plain, curly ? "'" : word + i, 1);
        i += curly ? 3 : 1;
    }
}

/* A word that the lexicon does not have is cut at '-' and '_', unless it is nothing else. */
static hse_status say_word(saying *s, const char *word, size_t size, hse_error *err)
{
    hse_status status = HSE_OK;
    bool some = false, cut = false;

    if (!look_up(s->g, word, size).data) {
        straighten(s, word, size);
        status = check(&s->plain, err);
        word = hse_buf_text(&s->plain);
        size = s->plain.size;
    }
    for (size_t i = 0; i < size; i++) {
        bool mark = word[i] == '-' || word[i] == '_';

        cut = cut || mark;
        some = some || !mark;
    }
    if (status == HSE_OK && (!cut || !some || look_up(s->g, word, size).data))
        return say_part(s, word, size, err);
    for (size_t i = 0, n; status == HSE_OK && i < size; i += n + 1) {
        for (n = 0; i + n < size && word[i + n] != '-' && word[i + n] != '_'; n++)
            ;
        if (n)
            status = say_part(s, word + i, n, err);
    }
    return status;
}

/* Words between spaces; punctuation is kept where it is. */
static hse_status say_text(saying *s, const char *text, size_t size, hse_error *err)
{
    hse_status status = HSE_OK;
    size_t from = 0;

    for (size_t i = 0; status == HSE_OK && i <= size;) {
        uint32_t c = ' ';
        size_t n = i < size ? hse_utf8_next(text + i, size - i, &c) : 1;
        bool mark = is_punctuation(c);

        if (!n)
            return hse_fail(err, HSE_E_FORMAT, i, "byte %zu of a word is not UTF-8", i);
        if (mark || text_is_space(c)) {
            status = i > from ? say_word(s, text + from, i - from, err) : HSE_OK;
            from = i + n;
        }
        if (mark) {
            hse_buf_append(&s->out, text + i, n);
            s->word = false;
        }
        i += n;
    }
    return status;
}

hse_status text_gruut_say(const text_gruut *gruut, const char *text, size_t size, hse_arena *arena, text_answer *out,
                          hse_error *err)
{
    saying s = {.g = gruut};
    hse_buf *all[] = {&s.out, &s.lower, &s.bare, &s.phones, &s.plain, &s.number};
    hse_status status;

    *out = (text_answer){0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        hse_buf_init(all[i], GRUUT_TEXT_BYTES);
    status = say_text(&s, text, size, err);
    for (size_t i = 0; status == HSE_OK && i < sizeof all / sizeof *all; i++)
        status = check(all[i], err);
    if (status == HSE_OK)
        status = text_answer_take(out, &s.out, arena, "an answer", err);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        hse_buf_free(all[i]);
    return status;
}
