#include "text/markup/pronunciations.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/ascii.h"
#include "text/language.h"
#include "text/markup/xml.h"
#include "text/marks.h"
#include "text/phones.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

enum { MEMORY = 64 << 20 };

typedef struct {
    text_pronunciation is;
    char               unit[PRONUNCIATIONS_MAX_WORD + 4];       /* the first word in small letters; what it is found by */
    size_t             unit_size, order;
    bool               exact;               /* it has a capital letter */
} entry;

struct text_pronunciations {
    hse_arena arena;
    hse_buf   entries;                      /* of entry; sorted by unit once finished */
};

static hse_status no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for pronunciations");
}

/* ---- characters and words ------------------------------------------------------------------------------------------ */

typedef struct {
    uint32_t c;
    size_t   size;                          /* 0 at the end */
} character;

static character char_at(const char *text, size_t size, size_t at)
{
    character ch = {0, 0};

    if (at < size && !(ch.size = hse_utf8_next(text + at, size - at, &ch.c)))
        ch = (character){0xFFFD, 1};
    return ch;
}

static uint32_t small(uint32_t c)
{
    return c == 0x2019 ? '\'' : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

static bool is_word(uint32_t c)
{
    utf8proc_category_t k;

    if (c < 128)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    k = utf8proc_category((utf8proc_int32_t)c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO);            /* letters, marks, numbers */
}

/* Scripts that put no blank between words, and Hangul, which puts endings behind them. */
static bool is_dense(uint32_t c)
{
    return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x0E00 && c <= 0x0EFF) ||
           c >= 0x20000;
}

/* Do these two belong to one word? */
static bool joined(uint32_t a, uint32_t b)
{
    return is_word(a) && is_word(b) && !is_dense(a) && !is_dense(b);
}

bool text_word_begins(const char *text, size_t size, size_t at)
{
    size_t before = at;
    character here = char_at(text, size, at), last;

    if (at == 0)
        return true;
    do
        before--;
    while (before > 0 && at - before < 4 && ((uint8_t)text[before] & 0xC0) == 0x80);
    last = char_at(text, at, before);
    return !joined(last.c, here.c);
}

static bool word_ends(const char *text, size_t size, size_t at, uint32_t last)
{
    character next = char_at(text, size, at);

    if (next.size == 0)
        return true;
    if (joined(last, next.c))
        return false;
    if (small(next.c) != '\'' || !is_word(last) || is_dense(last))
        return true;
    character letter = char_at(text, size, at + next.size), behind = char_at(text, size, at + next.size + letter.size);
    bool owner = small(letter.c) == 's' && !(behind.size && is_word(behind.c));
    return owner || !is_word(letter.c);     /* "GIF's" has the word, "don't" has not "don" */
}

/* The first word at `at` in small letters, or the one character that stands there; its bytes in `out`. 0: longer than any entry's. */
static size_t first_unit(const char *text, size_t size, size_t at, char out[PRONUNCIATIONS_MAX_WORD + 4])
{
    size_t n = 0;
    uint32_t last = 0;

    for (character ch; (ch = char_at(text, size, at)).size && (n == 0 || joined(last, ch.c)); at += ch.size) {
        if (n + 4 > PRONUNCIATIONS_MAX_WORD + 4)
            return 0;
        n += hse_utf8_put(out + n, small(ch.c));
        last = ch.c;
    }
    return n;
}

/* ---- entries ------------------------------------------------------------------------------------------------------- */

/* The word with one blank for white space and none around it; bytes, or 0 when it does not fit or there is none. */
static size_t tidy(const char *word, size_t size, char out[PRONUNCIATIONS_MAX_WORD + 1])
{
    size_t n = 0;
    bool gap = false;

    for (size_t i = 0; i < size;) {
        character ch = char_at(word, size, i);

        if (text_is_space(ch.c)) {
            gap = n > 0;
        } else {
            if (n + gap + ch.size > PRONUNCIATIONS_MAX_WORD)
                return 0;
            if (gap)
                out[n++] = ' ';
            gap = false;
            memcpy(out + n, word + i, ch.size);
            n += ch.size;
        }
        i += ch.size;
    }
    return n;
}

static bool has_capital(const char *word, size_t size)
{
    for (size_t i = 0; i < size;) {
        character ch = char_at(word, size, i);

        if (ch.c != 0x2019 && small(ch.c) != ch.c)
            return true;
        i += ch.size;
    }
    return false;
}

/* What no entry may hold. */
static hse_status check_text(const char *text, size_t size, hse_error *err)
{
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7F || text_mark_char(text + i, size - i))
            return hse_fail(err, HSE_E_FORMAT, i, "a control character in an entry");
    return HSE_OK;
}

typedef struct {
    const char   *word, *value;
    size_t        word_size, value_size;
    bool          phones;
    text_alphabet alphabet;
    const char   *language;
} draft;

static hse_status add_entry(text_pronunciations *p, const draft *d, hse_error *err)
{
    char word[PRONUNCIATIONS_MAX_WORD + 1];
    entry e = {.order = p->entries.size / sizeof e};
    size_t n = tidy(d->word, d->word_size, word);
    hse_buf ipa;
    hse_status s;

    if (e.order >= PRONUNCIATIONS_MAX_ENTRIES)
        return hse_fail(err, HSE_E_LIMIT, 0, "over %d entries", PRONUNCIATIONS_MAX_ENTRIES);
    if (n == 0)
        return hse_fail(err, HSE_E_ARG, 0, "a word has 1 to %d bytes", PRONUNCIATIONS_MAX_WORD);
    if (d->value_size == 0 || d->value_size > PRONUNCIATIONS_MAX_VALUE)
        return hse_fail(err, HSE_E_ARG, 0, "what stands for '%.*s' has 1 to %d bytes", (int)(n < 40 ? n : 40), word, PRONUNCIATIONS_MAX_VALUE);
    if ((s = check_text(word, n, err)) != HSE_OK || (s = check_text(d->value, d->value_size, err)) != HSE_OK)
        return s;
    hse_buf_init(&ipa, TEXT_PHONES_MAX * 8);
    if (d->phones)
        s = text_phones_read(d->alphabet, d->value, d->value_size, &ipa, err);
    else
        hse_buf_append(&ipa, d->value, d->value_size);
    if (s == HSE_OK)
        s = hse_buf_status(&ipa, "an entry", err);
    e.is = (text_pronunciation){.word = hse_arena_strndup(&p->arena, word, n), .word_size = n, .phones = d->phones, .language = d->language,
                                .value = hse_arena_strndup(&p->arena, hse_buf_text(&ipa), ipa.size), .value_size = ipa.size};
    hse_buf_free(&ipa);
    if (s != HSE_OK)
        return s;
    e.unit_size = first_unit(word, n, 0, e.unit);
    e.exact = has_capital(word, n);
    hse_buf_append(&p->entries, &e, sizeof e);
    return e.is.word && e.is.value ? hse_buf_status(&p->entries, "pronunciations", err) : no_memory(err);
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

static void trim(const char **text, size_t *size)
{
    while (*size && strchr(" \t\r", **text)) {
        ++*text;
        --*size;
    }
    while (*size && strchr(" \t\r", (*text)[*size - 1]))
        --*size;
}

static hse_status take_section(const char *line, size_t size, const char **language, hse_error *err)
{
    char name[16] = "";

    if (size == 3 && line[1] == '*') {
        *language = NULL;
        return HSE_OK;
    }
    if (size - 2 < sizeof name)
        memcpy(name, line + 1, size - 2);
    if (!(*language = text_language_code(name)))
        return hse_fail(err, HSE_E_ARG, 0, "'%.*s' is no language: [en], [fr], ... or [*] for all", (int)(size < 40 ? size : 40), line);
    return HSE_OK;
}

static hse_status take_line(text_pronunciations *p, const char *line, size_t size, const char **language, hse_error *err)
{
    draft d = {.language = *language};

    trim(&line, &size);
    if (size == 0 || *line == '#')
        return HSE_OK;
    const char *equals = memchr(line, '=', size);
    if (!equals && size >= 3 && *line == '[' && line[size - 1] == ']')
        return take_section(line, size, language, err);
    if (!equals)
        return hse_fail(err, HSE_E_FORMAT, 0, "expected 'word = what stands for it', found '%.*s'", (int)(size < 40 ? size : 40), line);
    d.word = line;
    d.word_size = (size_t)(equals - line);
    d.value = equals + 1;
    d.value_size = size - d.word_size - 1;
    trim(&d.value, &d.value_size);
    char open = d.value_size > 2 ? d.value[0] : 0, close = d.value_size > 2 ? d.value[d.value_size - 1] : 0;
    if ((d.phones = (open == '/' && close == '/') || (open == '{' && close == '}'))) {
        d.alphabet = open == '/' ? TEXT_IPA : TEXT_ARPABET;
        d.value++;
        d.value_size -= 2;
    }
    return add_entry(p, &d, err);
}

static hse_status read_lines(text_pronunciations *p, const char *text, size_t size, hse_error *err)
{
    const char *language = NULL;
    hse_status s = HSE_OK;
    size_t number = 0;

    for (size_t i = 0; i < size && s == HSE_OK;) {
        const char *end = memchr(text + i, '\n', size - i);
        size_t n = end ? (size_t)(end - text) - i : size - i;

        number++;
        if ((s = take_line(p, text + i, n, &language, err)) != HSE_OK) {
            if (err)
                err->offset = i;
            if (s != HSE_E_NOMEM)
                hse_fail_in(err, s, "line %zu", number);
        }
        i += n + 1;
    }
    return s;
}

/* ---- PLS ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    text_pronunciations *p;
    text_alphabet        alphabet, phoneme_alphabet;
    const char          *language;
    hse_buf              words, value;      /* of the lexeme: its graphemes, a 0 byte behind each */
    hse_buf             *into;              /* where text goes now; NULL: only white space may stand here */
    bool                 root, in_lexeme, phones, has_value;
} pls;

static hse_status pls_alphabet(xml_reader *x, const char *name, text_alphabet *out)
{
    if (name && !text_alphabet_find(name, out))
        return xml_fail(x, HSE_E_UNSUPPORTED, "the alphabet '%.40s' is not offered; there are ipa, x-sampa and cmu-arpabet", name);
    return HSE_OK;
}

static hse_status pls_root(pls *l, xml_reader *x, const char *const *attributes)
{
    static const char *const known[] = {"version", "alphabet", "xml:lang", "xml:base", NULL};
    const char *language = xml_attribute(attributes, "xml:lang"), *version = xml_attribute(attributes, "version");
    hse_status s = xml_allow(x, "lexicon", attributes, known);

    if (s == HSE_OK && version && strcmp(version, "1.0") != 0)
        return xml_fail(x, HSE_E_UNSUPPORTED, "PLS of version '%.20s'; 1.0 is read", version);
    if (s == HSE_OK && language) {
        char primary[16];
        size_t n = strcspn(language, "-");

        snprintf(primary, sizeof primary, "%.*s", (int)n, language);
        if (!(l->language = text_language_code(primary)))
            return xml_fail(x, HSE_E_UNSUPPORTED, "xml:lang: '%.20s' is no language that is spoken here", language);
    }
    return s == HSE_OK ? pls_alphabet(x, xml_attribute(attributes, "alphabet"), &l->alphabet) : s;
}

static hse_status pls_start(void *user, xml_reader *x, const char *name, const char *const *attributes)
{
    static const char *const none[] = {"xml:id", NULL}, *const alphabet[] = {"alphabet", NULL};
    pls *l = user;

    if (!l->root) {
        l->root = true;
        return strcmp(name, "lexicon") == 0 ? pls_root(l, x, attributes)
                                            : xml_fail(x, HSE_E_FORMAT, "expected <lexicon>, found <%.40s>", name);
    }
    if (!l->in_lexeme) {
        if (strcmp(name, "lexeme") != 0)
            return xml_fail(x, HSE_E_UNSUPPORTED, "<%.40s> is not offered; <lexicon> holds <lexeme>", name);
        l->in_lexeme = true;
        l->has_value = false;
        hse_buf_clear(&l->words);
        hse_buf_clear(&l->value);
        return xml_allow(x, name, attributes, none);
    }
    if (l->into)
        return xml_fail(x, HSE_E_FORMAT, "<%.40s> inside another element of <lexeme>", name);
    if (strcmp(name, "grapheme") == 0) {
        l->into = &l->words;
        return xml_allow(x, name, attributes, none);
    }
    bool phones = strcmp(name, "phoneme") == 0;
    if (!phones && strcmp(name, "alias") != 0)
        return xml_fail(x, HSE_E_UNSUPPORTED, "<%.40s> is not offered; <lexeme> holds <grapheme>, <phoneme> and <alias>", name);
    text_alphabet spelled = l->alphabet;
    hse_status s = xml_allow(x, name, attributes, alphabet);
    if (s == HSE_OK && phones)
        s = pls_alphabet(x, xml_attribute(attributes, "alphabet"), &spelled);
    l->into = &l->value;
    if (!l->has_value) {                                /* the first pronunciation counts */
        l->phones = phones;
        l->phoneme_alphabet = spelled;
    }
    return s;
}

static hse_status pls_end(void *user, xml_reader *x, const char *name)
{
    pls *l = user;

    if (l->into) {
        hse_buf_byte(l->into, 0);
        if (l->into == &l->value)
            l->has_value = true;
        l->into = NULL;
        return HSE_OK;
    }
    if (strcmp(name, "lexeme") != 0)
        return HSE_OK;
    l->in_lexeme = false;
    hse_error inner = {0};
    hse_status s = hse_buf_status(&l->words, "a lexeme", &inner);
    if (s == HSE_OK)
        s = hse_buf_status(&l->value, "a lexeme", &inner);
    if (s != HSE_OK)
        return xml_fail_with(x, s, &inner);
    if (!l->words.size || !l->has_value)
        return xml_fail(x, HSE_E_FORMAT, "a <lexeme> needs a <grapheme> and a <phoneme> or an <alias>");
    draft d = {.value = hse_buf_text(&l->value), .phones = l->phones, .alphabet = l->phoneme_alphabet, .language = l->language};
    d.value_size = strlen(d.value);
    trim(&d.value, &d.value_size);
    for (size_t i = 0; i < l->words.size && s == HSE_OK; i += d.word_size + 1) {
        d.word = hse_buf_text(&l->words) + i;
        d.word_size = strlen(d.word);
        s = add_entry(l->p, &d, &inner);
    }
    return s == HSE_OK ? s : xml_fail_with(x, s, &inner);
}

static hse_status pls_text(void *user, xml_reader *x, const char *text, size_t size)
{
    pls *l = user;

    if (l->into) {
        for (size_t i = 0; i < size && (l->into != &l->value || !l->has_value); i++)
            hse_buf_byte(l->into, (uint8_t)(strchr("\t\r\n", text[i]) ? ' ' : text[i]));
        return HSE_OK;
    }
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i]))
            return xml_fail(x, HSE_E_FORMAT, "text between the elements");
    return HSE_OK;
}

static hse_status read_pls(text_pronunciations *p, const char *text, size_t size, hse_error *err)
{
    static const xml_handlers handlers = {pls_start, pls_end, pls_text, "lexicon", 4};
    pls l = {.p = p};

    hse_buf_init(&l.words, 64 * PRONUNCIATIONS_MAX_WORD);
    hse_buf_init(&l.value, 64 * PRONUNCIATIONS_MAX_VALUE);
    hse_status s = xml_read(text, size, &handlers, &l, err);
    hse_buf_free(&l.words);
    hse_buf_free(&l.value);
    return s;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

hse_status text_pronunciations_new(text_pronunciations **out, hse_error *err)
{
    text_pronunciations *p = hse_calloc(1, sizeof *p);

    if (!p)
        return no_memory(err);
    hse_arena_init(&p->arena, MEMORY);
    hse_buf_init(&p->entries, (PRONUNCIATIONS_MAX_ENTRIES + 1) * sizeof(entry));
    *out = p;
    return HSE_OK;
}

void text_pronunciations_close(text_pronunciations **p)
{
    if (!*p)
        return;
    hse_arena_free(&(*p)->arena);
    hse_buf_free(&(*p)->entries);
    hse_free(*p);
    *p = NULL;
}

hse_status text_pronunciations_add(text_pronunciations *p, hse_bytes file, hse_error *err)
{
    const char *text = (const char *)file.data;
    size_t size = file.size, bad, at = 0;

    if (size > PRONUNCIATIONS_MAX_FILE)
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu bytes of pronunciations; at most %d", size, PRONUNCIATIONS_MAX_FILE);
    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "pronunciations are UTF-8; byte %zu is not", bad);
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    while (at < size && strchr(" \t\r\n", text[at]))
        at++;
    return at < size && text[at] == '<' ? read_pls(p, text + at, size - at, err) : read_lines(p, text, size, err);
}

static int by_unit(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    size_t n = x->unit_size < y->unit_size ? x->unit_size : y->unit_size;
    int order = memcmp(x->unit, y->unit, n);

    if (order == 0)
        order = (x->unit_size > y->unit_size) - (x->unit_size < y->unit_size);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool same_unit(const entry *e, const char *unit, size_t size)
{
    return e->unit_size == size && memcmp(e->unit, unit, size) == 0;
}

hse_status text_pronunciations_finish(text_pronunciations *p, hse_error *err)
{
    entry *list = (entry *)(void *)p->entries.data;
    size_t count = text_pronunciations_count(p);

    if (count)
        qsort(list, count, sizeof *list, by_unit);
    for (size_t i = 0, same = 0; i < count; i++) {
        same = i && same_unit(&list[i], list[i - 1].unit, list[i - 1].unit_size) ? same + 1 : 1;
        if (same > PRONUNCIATIONS_MAX_SAME)
            return hse_fail(err, HSE_E_LIMIT, 0, "over %d entries begin with '%.*s'", PRONUNCIATIONS_MAX_SAME, (int)list[i].unit_size, list[i].unit);
    }
    return HSE_OK;
}

size_t text_pronunciations_count(const text_pronunciations *p)
{
    return p ? p->entries.size / sizeof(entry) : 0;
}

/* Behind the entry where it stands at `at`, else 0. */
static size_t match(const entry *e, const char *text, size_t size, size_t at)
{
    uint32_t last = 0;

    for (size_t i = 0; i < e->is.word_size;) {
        character want = char_at(e->is.word, e->is.word_size, i), found = char_at(text, size, at);

        if (want.c == ' ') {
            if (!found.size || !text_is_space(found.c))
                return 0;
            while ((found = char_at(text, size, at)).size && text_is_space(found.c))
                at += found.size;
        } else {
            if (!found.size || (e->exact ? want.c != found.c : small(want.c) != small(found.c)))
                return 0;
            at += found.size;
        }
        last = want.c;
        i += want.size;
    }
    return word_ends(text, size, at, last) ? at : 0;
}

const text_pronunciation *text_pronunciations_find(const text_pronunciations *p, const char *language, const char *text, size_t size,
                                                   size_t at, size_t *end)
{
    const entry *list = p ? (const entry *)(const void *)p->entries.data : NULL, *best = NULL;
    size_t count = text_pronunciations_count(p), low = 0, high = count, best_end = 0;
    entry key;

    if (!count || !(key.unit_size = first_unit(text, size, at, key.unit)))
        return NULL;
    key.order = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (by_unit(&list[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && same_unit(&list[low], key.unit, key.unit_size); low++) {
        const entry *e = &list[low];
        bool fits = !e->is.language || (language && strcmp(e->is.language, language) == 0);
        size_t ends = fits ? match(e, text, size, at) : 0;
        int better = !ends || ends < best_end ? -1
                     : ends > best_end        ? 1
                                              : 2 * (e->exact - best->exact) + (e->is.language != NULL) - (best->is.language != NULL);

        if (better >= 0) {
            best = e;
            best_end = ends;
        }
    }
    if (!best)
        return NULL;
    *end = best_end;
    return &best->is;
}
