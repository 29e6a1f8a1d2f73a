#include "text/sentences.h"

#include "base/utf8.h"
#include "text/ascii.h"
#include "text/marks.h"
#include "text/scan.h"

#include <utf8proc.h>

/* Abbreviations whose dot does not end a sentence: titles and what stands in front of a name or number. English,
 * Spanish, French; lower case, sorted. */
static const char *const never_last[] = {
    "adm", "al", "approx", "aprox", "art", "attn", "av", "avda", "bd", "ca", "capt", "cf", "cmdr", "cnel", "col",
    "cpl", "cía", "dept", "det", "dr", "dra", "drs", "dña", "ee", "eg", "ej", "eq", "est", "fig", "figs", "fr", "ft", "gen",
    "gov", "gral", "hnos", "hon", "ie", "ing", "lic", "lt", "m", "maj", "messrs", "mgr", "mlle", "mlles", "mm", "mme",
    "mmes", "mr", "mrs", "ms", "mt", "mx", "pej", "pp", "pres", "prof", "profa", "pvt", "rep", "rev", "sen",
    "sgt", "sr", "sra", "sres", "srta", "st", "sta", "ste", "sto", "supt", "tel", "ud", "uds", "ver", "viz", "vol",
    "vols", "vs",
};

/* These end one only when no number follows. */
static const char *const before_number[] = {
    "abr", "ago", "apr", "aug", "avr", "c", "cap", "ch", "chap", "dec", "dic", "dom", "déc", "ene", "feb", "févr",
    "jan", "janv", "jue", "juil", "jul", "jun", "lun", "mar", "mier", "mié", "miér", "no", "nos", "nov", "núm", "oct",
    "op", "p", "para", "pt", "pág", "págs", "sab", "sec", "sep", "sept", "sáb", "vie", "vier",
};

/* Behind a single capital letter ("vitamin C. The") one of these starts a sentence; anything else is a name. */
static const char *const starters[] = {
    "a",    "after",   "all",  "also",  "an",   "and",  "are",  "as",   "at",      "because", "but",   "can",   "did",
    "do",   "for",     "from", "he",    "her",  "here", "his",  "how",  "however", "i",       "if",    "in",    "is",
    "it",   "its",     "let",  "many",  "most", "my",   "no",   "not",  "now",     "of",      "on",    "one",   "or",
    "our",  "perhaps", "she",  "since", "so",   "some", "that", "the",  "their",   "then",    "there", "these", "they",
    "this", "those",   "to",   "today", "was",  "we",   "well", "what", "when",    "where",   "which", "while", "who",
    "why",  "will",    "with", "would", "yes",  "yet",  "you",  "your",
};

enum { MAX_STOPS = 32 }; /* a longer run of full stops is an ornament */

#define IN(list, p, n) (scan_find(list, COUNT(list), sizeof list[0], p, n) >= 0)

typedef struct {
    uint32_t c;
    size_t len; /* 0 at the end of the text */
} character;

static character at(const text_sentences *it, size_t i)
{
    character ch = {0, 0};

    if (i < it->size && !(ch.len = hse_utf8_next(it->text + i, it->size - i, &ch.c))) {
        ch.c = 0xFFFD;
        ch.len = 1;
    }
    if (ch.c == 0xFFF9) { /* a word with its phones stays in one piece */
        size_t mark = text_mark_size(it->text + i, it->size - i);
        ch.len = mark ? mark : ch.len;
    }
    return ch;
}

static bool is_closer(uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == '}' || c == 0xBB || c == 0x2019 || c == 0x201D ||
           c == 0x300D || c == 0x300F || c == 0x3011 || c == 0x300B || c == 0x3009 || c == 0xFF09 || c == 0xFF3D ||
           c == 0x203A;
}

static bool is_opener(uint32_t c)
{
    return c == '"' || c == '\'' || c == '(' || c == '[' || c == '{' || c == 0xAB || c == 0x2018 || c == 0x201C ||
           c == 0xBF || c == 0xA1 || c == 0x2039 || c == '*' || c == '_';
}

/* Full stops of scripts that put no space behind them. */
static bool is_wide_stop(uint32_t c)
{
    return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF0E || c == 0xFF61;
}

static bool is_stop(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x203D || c == 0x203C || c == 0x2047 ||
           c == 0x2048 || c == 0x2049 || c == 0x0964 || c == 0x0965 || c == 0x061F || c == 0x06D4 || c == 0x0589 ||
           c == 0x1362;
}

static bool is_lower(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LL;
}

static bool is_upper(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LT;
}

static size_t skip_spaces(const text_sentences *it, size_t i)
{
    for (character ch; (ch = at(it, i)).len && text_is_space(ch.c); i += ch.len)
        ;
    return i;
}

/* The first character of the next word, quotation marks and parentheses aside; looks a few characters ahead. */
static character next_word(const text_sentences *it, size_t i, size_t *where)
{
    i = skip_spaces(it, i);
    for (int k = 0; k < 4 && at(it, i).len && is_opener(at(it, i).c); k++)
        i += at(it, i).len;
    *where = i;
    return at(it, i);
}

static size_t letters_before(const text_sentences *it, size_t start, size_t end)
{
    size_t n = 0;

    while (end - n > start && n < SCAN_MAX_WORD &&
           scan_class(it->text[end - n - 1]) & (SCAN_LOWER | SCAN_UPPER | SCAN_HIGH))
        n++;
    return n;
}

static size_t word_length(const text_sentences *it, size_t i)
{
    size_t n = 0;

    while (i + n < it->size && n < SCAN_MAX_WORD && scan_class(it->text[i + n]) & (SCAN_LOWER | SCAN_UPPER))
        n++;
    return n;
}

/* Does the dot at `dot` of a sentence that began at `start` belong to an abbreviation, an initial or a list number? */
static bool dot_continues(const text_sentences *it, size_t start, size_t dot, size_t behind)
{
    size_t n = letters_before(it, start, dot), word = dot - n, where;
    character next = next_word(it, behind, &where);
    const char *p = it->text + word;
    bool starter = IN(starters, it->text + where, word_length(it, where)) && is_upper(next.c);

    if (n == 0) {
        /* "1. Do this": the number of a list item, at the start of a line */
        size_t digits = 0;
        while (dot - digits > start && digits < 4 && scan_class(it->text[dot - digits - 1]) & SCAN_DIGIT)
            digits++;
        return digits > 0 && digits <= 3 && dot - digits == start && next.len;
    }
    if (IN(never_last, p, n) && !(n == 1 && !(*p == 'M' || *p == 'm')))
        return next.len != 0;
    if (IN(before_number, p, n))
        return next.c >= '0' && next.c <= '9';
    if (n == 1 && (*p == 'a' || *p == 'd') && next.c == 'C' && where + 1 < it->size && it->text[where + 1] == '.')
        return true; /* 500 a. C. */
    bool single = n == 1 && scan_class(*p) & SCAN_UPPER;
    bool in_initials = n == 1 && word > start && it->text[word - 1] == '.'; /* U.S. , J.R.R. */
    if (in_initials)
        return !starter && !(scan_class(*p) & SCAN_LOWER);
    if (single && *p != 'I')
        return is_upper(next.c) && !starter;
    return false;
}

/* After the stop at i (with the stops and closers behind it): does the sentence end here? */
static bool ends_at(const text_sentences *it, size_t start, size_t stop, size_t *end)
{
    character ch = at(it, stop);
    size_t i = stop + ch.len, count = 1;
    bool wide = is_wide_stop(ch.c), only_dots = ch.c == '.' || ch.c == 0x2026, closed = false;

    for (character next; count < MAX_STOPS && (next = at(it, i)).len && (is_stop(next.c) || is_wide_stop(next.c));
         i += next.len, count++) {
        wide = wide || is_wide_stop(next.c);
        only_dots = only_dots && (next.c == '.' || next.c == 0x2026);
    }
    size_t stops_end = i;
    if (count == MAX_STOPS) {
        *end = i;
        return true;
    }
    for (character next; i - stops_end < MAX_STOPS && (next = at(it, i)).len && is_closer(next.c); i += next.len)
        closed = true;
    *end = i;
    character behind = at(it, i);
    if (behind.len == 0 || wide)
        return true;
    if (!text_is_space(behind.c))
        return false; /* 3.14, example.com, ?! inside a word */
    size_t where;
    character next = next_word(it, i, &where);
    if (next.len == 0)
        return true;
    if (is_lower(next.c))
        return false;
    if (only_dots && count == 1 && !closed && ch.c == '.')
        return !dot_continues(it, start, stop, stops_end);
    return true;
}

/* A line feed at i: bytes of white space around it; the pause it makes, NONE when the line only wraps. */
static text_pause line_break(const text_sentences *it, size_t start, size_t i)
{
    size_t end = i, lines = 0, where;

    for (character ch; (ch = at(it, end)).len && text_is_space(ch.c); end += ch.len)
        lines += ch.c == '\n' || ch.c == 0x2028 || (ch.c == '\r' && at(it, end + 1).c != '\n');
    if (lines > 1 || end >= it->size)
        return TEXT_PAUSE_PARAGRAPH;
    character first = at(it, end), next = next_word(it, end, &where);
    bool bullet = (first.c == '-' || first.c == '*' || first.c == 0x2022 || first.c == 0x2013) &&
                  at(it, end + first.len).c == ' ';
    if (bullet || (first.c >= '0' && first.c <= '9'))
        return TEXT_PAUSE_SENTENCE;
    /* a short line in front of a capital letter is a heading, a verse, a list; a full one is wrapped */
    return !is_lower(next.c) && i - start < 60 ? TEXT_PAUSE_SENTENCE : TEXT_PAUSE_NONE;
}

/* Where an over-long piece may be cut, best last. */
typedef struct {
    size_t end[3]; /* behind a word, a comma, a clause; 0: nowhere yet */
} cuts;

static void note_cut(cuts *c, const text_sentences *it, size_t i, character ch, size_t characters)
{
    character next = at(it, i + ch.len);
    bool spaced = next.len == 0 || text_is_space(next.c) || is_closer(next.c);
    bool late = characters * 4 >= it->limit; /* an early comma leaves a scrap */

    if (text_is_space(next.c) || (ch.c >= 0x2E80 && ch.c < 0xE000))
        c->end[0] = i + ch.len;
    if (!late)
        return;
    if ((ch.c == ',' && spaced) || ch.c == 0x3001 || ch.c == 0xFF0C)
        c->end[1] = i + ch.len;
    if (((ch.c == ';' || ch.c == ':') && spaced) || ch.c == 0x2014 || ch.c == 0xFF1B || ch.c == 0xFF1A ||
        (ch.c == '-' && i > 0 && it->text[i - 1] == ' ' && spaced))
        c->end[2] = i + ch.len;
}

/* A word that is longer than the limit stays whole up to here; then it is cut between characters, marks kept with
 * theirs. */
static size_t hard_cut(const text_sentences *it, size_t i)
{
    size_t most = it->limit * 3, marks = it->limit;
    character ch;

    for (; most > 0 && (ch = at(it, i)).len && !text_is_space(ch.c); most--)
        i += ch.len;
    for (; marks > 0 && (ch = at(it, i)).len && utf8proc_category((utf8proc_int32_t)ch.c) == UTF8PROC_CATEGORY_MN;
         marks--)
        i += ch.len;
    return i;
}

static void yield(text_sentences *it, text_span *out, size_t start, size_t end, text_pause pause)
{
    size_t next = skip_spaces(it, end), lines = 0;

    for (size_t k = end; k < next; k++)
        lines += it->text[k] == '\n';
    while (end > start && scan_class(it->text[end - 1]) & SCAN_SPACE)
        end--;
    if (pause == TEXT_PAUSE_SENTENCE && lines > 1)
        pause = TEXT_PAUSE_PARAGRAPH;
    *out = (text_span){start, end, pause};
    it->at = next;
}

void text_sentences_start(text_sentences *it, const char *text, size_t size, size_t limit)
{
    *it = (text_sentences){.text = text, .size = size, .limit = limit ? limit : TEXT_SENTENCE_LIMIT};
    if (it->limit < TEXT_SENTENCE_LIMIT_MIN)
        it->limit = TEXT_SENTENCE_LIMIT_MIN;
    it->at = skip_spaces(it, 0);
}

bool text_sentences_next(text_sentences *it, text_span *out)
{
    size_t start = it->at, i = start, characters = 0, end;
    cuts c = {{0, 0, 0}};

    if (start >= it->size)
        return false;
    for (character ch; (ch = at(it, i)).len;) {
        if (ch.c == '\n' || ch.c == '\r' || ch.c == 0x2028 || ch.c == 0x2029) {
            text_pause pause = ch.c == 0x2029 ? TEXT_PAUSE_PARAGRAPH : line_break(it, start, i);
            if (pause != TEXT_PAUSE_NONE) {
                yield(it, out, start, i, it->at >= it->size ? TEXT_PAUSE_SENTENCE : pause);
                return true;
            }
        } else if ((is_stop(ch.c) || is_wide_stop(ch.c))) {
            bool ends = ends_at(it, start, i, &end);
            characters += end - i;
            if (ends) {
                yield(it, out, start, end, TEXT_PAUSE_SENTENCE);
                return true;
            }
            if (end > i + ch.len && characters < it->limit) {
                i = end;
                continue;
            }
        }
        note_cut(&c, it, i, ch, characters);
        i += ch.len;
        if (++characters >= it->limit && skip_spaces(it, i) < it->size) {
            for (int k = 2; k >= 0; k--)
                if (c.end[k] > start) {
                    yield(it, out, start, c.end[k],
                          k == 2   ? TEXT_PAUSE_CLAUSE
                          : k == 1 ? TEXT_PAUSE_COMMA
                                   : TEXT_PAUSE_NONE);
                    return true;
                }
            yield(it, out, start, hard_cut(it, i), TEXT_PAUSE_NONE);
            return true;
        }
    }
    yield(it, out, start, it->size, TEXT_PAUSE_SENTENCE);
    return true;
}

const char *text_pause_name(text_pause pause)
{
    static const char *const names[] = {"none", "comma", "clause", "sentence", "paragraph"};

    return names[pause <= TEXT_PAUSE_PARAGRAPH ? pause : TEXT_PAUSE_NONE];
}
