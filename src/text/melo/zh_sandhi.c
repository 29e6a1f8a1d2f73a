#include "text/melo/zh_sandhi.h"

#include <stdlib.h>
#include <utf8proc.h>

#define BU "\u4E0D"
#define YI "\u4E00"
#define ER "\u513F"
#define GE "\u4E2A"

/* ---- characters of a word ---- */

static size_t count_chars(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((uint8_t)*s & 0xC0) != 0x80;
    return n;
}

/* Where character i begins; the end for i >= the count. */
static const char *char_at(const char *s, size_t i)
{
    for (; *s; s++)
        if (((uint8_t)*s & 0xC0) != 0x80 && i-- == 0)
            break;
    return s;
}

static size_t char_size(const char *s)
{
    uint32_t c;
    size_t n = hse_utf8_next(s, strnlen(s, 4), &c);

    return n ? n : *s != '\0';
}

static bool char_is(const char *s, const char *c)
{
    return *s && strncmp(s, c, strlen(c)) == 0;
}

/* Is the character one of those in `set`? */
static bool char_in(const char *s, const char *set)
{
    size_t n = char_size(s);

    for (; n && *set; set += char_size(set))
        if (char_size(set) == n && memcmp(set, s, n) == 0)
            return true;
    return false;
}

/* Python's str.isnumeric of one character. */
static bool is_numeric(const char *s)
{
    static const char *const han = "\u3405\u3483\u382A\u3B4D\u4E00\u4E03\u4E07\u4E09\u4E5D\u4E8C\u4E94\u4E96\u4EBF"
                                   "\u4EC0\u4EDF\u4EE8\u4F0D\u4F70\u5104\u5146\u5169\u516B\u516D\u5341\u5343\u5344"
                                   "\u5345\u534C\u53C1\u53C2\u53C3\u53C4\u56DB\u58F1\u58F9\u5E7A\u5EFE\u5EFF\u5F0C"
                                   "\u5F0D\u5F0E\u5F10\u62FE\u634C\u67D2\u6F06\u7396\u767E\u8086\u842C\u8CAE\u8CB3"
                                   "\u8D30\u9621\u9646\u964C\u9678\u96F6\uF96B\uF973\uF978\uF9B2\uF9D1\uF9D3\uF9FD"
                                   "\U00020001\U00020064\U000200E2\U00020121\U0002092A\U00020983\U0002098C"
                                   "\U0002099C\U00020AEA\U00020AFD\U00020B19\U00022390\U00022998\U00023B1B"
                                   "\U0002626D\U0002F890";
    uint32_t c;

    if (!hse_utf8_next(s, strlen(s), &c))
        return false;
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO) || char_in(s, han);
}

static char tone_of(const char *final)
{
    return *final ? final[strlen(final) - 1] : '\0';
}

static bool all_three(const char *const *final, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tone_of(final[i]) != '3')
            return false;
    return true;
}

/* ---- joining words ---- */

static hse_status join(zh_word *out, const zh_word *a, const char *b, hse_arena *arena, hse_error *err)
{
    size_t n = strlen(a->text), m = strlen(b);
    char *text = hse_arena_alloc(arena, n + m + 1);

    if (!text)
        return melo_no_memory(err);
    memcpy(text, a->text, n);
    memcpy(text + n, b, m + 1);
    *out = (zh_word){text, a->tag, a->chars + count_chars(b)};
    return HSE_OK;
}

/* A lone "not" goes before the next word. */
static hse_status merge_bu(zh_word *w, size_t *count, hse_arena *arena, hse_error *err)
{
    hse_status s = HSE_OK;
    size_t n = 0;
    bool waiting = false;

    for (size_t i = 0; i < *count && s == HSE_OK; i++) {
        zh_word one = w[i];

        if (waiting)
            s = join(&one, &(zh_word){BU, w[i].tag, 1}, w[i].text, arena, err);
        waiting = strcmp(one.text, BU) == 0;
        if (!waiting)
            w[n++] = one;
    }
    if (waiting)
        w[n++] = (zh_word){BU, "d", 1};
    *count = n;
    return s;
}

/* X one X, X a verb, is one word; then "one" takes up what follows. Upstream finds X in its output by the place in its input, so
 * after a first such word another one is changed; where that place is not there yet the whole step is left out. */
static hse_status merge_yi(zh_word *w, size_t *count, hse_arena *arena, hse_error *err)
{
    zh_word *out = hse_arena_array(arena, *count + 1, sizeof *out);
    hse_status s = HSE_OK;
    size_t n = 0, kept = 0;

    if (!out)
        return melo_no_memory(err);
    for (size_t i = 0; i < *count && s == HSE_OK; i++) {
        bool yi = strcmp(w[i].text, YI) == 0;

        if (i > 0 && yi && i + 1 < *count && strcmp(w[i - 1].text, w[i + 1].text) == 0 && strcmp(w[i - 1].tag, "v") == 0) {
            zh_word half;

            if (i - 1 >= n)
                return HSE_OK;
            s = join(&half, &out[i - 1], YI, arena, err);
            if (s == HSE_OK)
                s = join(&half, &half, out[i - 1].text, arena, err);
            out[i - 1] = half;
        } else if (!(i > 1 && strcmp(w[i - 1].text, YI) == 0 && strcmp(w[i - 2].text, w[i].text) == 0 &&
                     strcmp(w[i].tag, "v") == 0)) {
            out[n++] = w[i];
        }
    }
    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        if (kept && strcmp(w[kept - 1].text, YI) == 0)
            s = join(&w[kept - 1], &w[kept - 1], out[i].text, arena, err);
        else
            w[kept++] = out[i];
    }
    *count = kept;
    return s;
}

static hse_status merge_same(zh_word *w, size_t *count, hse_arena *arena, hse_error *err)
{
    hse_status s = HSE_OK;
    size_t n = 0;

    for (size_t i = 0; i < *count && s == HSE_OK; i++) {
        if (n && strcmp(w[n - 1].text, w[i].text) == 0)
            s = join(&w[n - 1], &w[n - 1], w[i].text, arena, err);
        else
            w[n++] = w[i];
    }
    *count = n;
    return s;
}

static hse_status finals_of(const melo_front *front, const char *word, hse_arena *arena, text_answer *out, hse_error *err)
{
    return front->dictionary.ask(front->dictionary.user, TEXT_PINYIN_FINALS, word, strlen(word), arena, out, err);
}

static bool is_double(const char *word)
{
    const char *second = char_at(word, 1);

    return count_chars(word) == 2 && strncmp(word, second, strlen(second)) == 0 && (size_t)(second - word) == strlen(second);
}

/* Words of third tones up to three characters together: all of both, or (whole false) only where they meet. */
static hse_status merge_threes(const melo_front *front, zh_word *w, size_t *count, bool whole, hse_arena *arena, hse_error *err)
{
    text_answer before = {0}, here;
    zh_word last = {0};
    bool joined = false;
    hse_status s = HSE_OK;
    size_t n = 0;

    for (size_t i = 0; i < *count; i++, before = here) {
        zh_word one = w[i];
        bool threes = false;

        if ((s = finals_of(front, one.text, arena, &here, err)) != HSE_OK)
            return s;
        if (i > 0 && !joined && before.count && here.count)
            threes = whole ? all_three(before.item, before.count) && all_three(here.item, here.count)
                           : tone_of(before.item[before.count - 1]) == '3' && tone_of(here.item[0]) == '3';
        joined = threes && !is_double(last.text) && last.chars + one.chars <= 3;
        if (joined)
            s = join(&w[n - 1], &w[n - 1], one.text, arena, err);
        else
            w[n++] = one;
        if (s != HSE_OK)
            return s;
        last = one;
    }
    *count = n;
    return HSE_OK;
}

static hse_status merge_er(zh_word *w, size_t *count, hse_arena *arena, hse_error *err)
{
    hse_status s = HSE_OK;
    const char *last = "";
    size_t n = 0;

    for (size_t i = 0; i < *count && s == HSE_OK; i++) {
        const char *text = w[i].text;

        if (i > 0 && strcmp(text, ER) == 0 && strcmp(last, "#") != 0)
            s = join(&w[n - 1], &w[n - 1], text, arena, err);
        else
            w[n++] = w[i];
        last = text;
    }
    *count = n;
    return s;
}

hse_status melo_zh_merge(const melo_front *front, zh_word *word, size_t *count, hse_arena *arena, hse_error *err)
{
    hse_status s = merge_bu(word, count, arena, err);

    if (s == HSE_OK)
        s = merge_yi(word, count, arena, err);
    if (s == HSE_OK)
        s = merge_same(word, count, arena, err);
    if (s == HSE_OK)
        s = merge_threes(front, word, count, true, arena, err);
    if (s == HSE_OK)
        s = merge_threes(front, word, count, false, arena, err);
    return s == HSE_OK ? merge_er(word, count, arena, err) : s;
}

/* ---- tones ---- */

/* One word while its tones change. */
typedef struct {
    const melo_front *front;
    const zh_word    *word;
    const char      **final;
    size_t            count;
    hse_arena        *arena;
    bool              short_of;             /* a syllable was missing */
    bool              no_memory;
} toner;

static void set_tone(toner *t, size_t i, char tone)
{
    size_t n;
    char *copy;

    if (i >= t->count || !*t->final[i]) {
        t->short_of = true;
        return;
    }
    n = strlen(t->final[i]);
    if (!(copy = hse_arena_strndup(t->arena, t->final[i], n))) {
        t->no_memory = true;
        return;
    }
    copy[n - 1] = tone;
    t->final[i] = copy;
}

static char tone_at(toner *t, size_t i)
{
    if (i >= t->count) {
        t->short_of = true;
        return '\0';
    }
    return tone_of(t->final[i]);
}

static void tone_bu(toner *t)
{
    const char *text = t->word->text;
    size_t n = t->word->chars;

    if (n == 3 && char_is(char_at(text, 1), BU)) {
        set_tone(t, 1, '5');
        return;
    }
    for (size_t i = 0; i + 1 < n; i++, text += char_size(text))
        if (char_is(text, BU) && tone_at(t, i + 1) == '4')
            set_tone(t, i, '2');
}

static void tone_yi(toner *t)
{
    static const char *const marks = "\uFF1A\uFF0C\uFF1B\u3002\uFF1F\uFF01\u201C\u201D\u2018\u2019':,;.?!";
    const char *text = t->word->text, *at = text;
    bool any = strstr(text, YI) != NULL, numbers = true;
    size_t n = t->word->chars;

    for (; *at; at += char_size(at))
        numbers = numbers && (char_is(at, YI) || is_numeric(at));
    if (any && numbers)
        return;
    if (n == 3 && char_is(char_at(text, 1), YI) && char_size(text) == char_size(char_at(text, 2)) &&
        strncmp(text, char_at(text, 2), char_size(text)) == 0) {
        set_tone(t, 1, '5');
    } else if (char_is(text, "\u7B2C\u4E00")) {
        set_tone(t, 1, '1');
    } else {
        at = text;
        for (size_t i = 0; i + 1 < n; i++) {
            const char *next = at + char_size(at);

            if (char_is(at, YI) && tone_at(t, i + 1) == '4')
                set_tone(t, i, '2');
            else if (char_is(at, YI) && !char_in(next, marks))
                set_tone(t, i, '4');
            at = next;
        }
    }
}

/* The word or its last two characters are listed. */
static bool is_neutral(const char *word)
{
    size_t n = count_chars(word);

    return melo_in(melo_zh_neutral, melo_zh_neutral_count, word) ||
           melo_in(melo_zh_neutral, melo_zh_neutral_count, char_at(word, n > 2 ? n - 2 : 0));
}

/* Where the word is cut in two, in characters: at its shortest search token. */
static hse_status cut_word(toner *t, size_t *cut, hse_error *err)
{
    const char *text = t->word->text, *shortest = NULL, *place;
    text_answer a = {0};
    size_t least = 0;
    hse_status s = t->front->dictionary.ask(t->front->dictionary.user, TEXT_JIEBA_SEARCH, text, strlen(text), t->arena, &a, err);

    for (size_t i = 0; s == HSE_OK && i < a.count; i++) {
        size_t n = count_chars(a.item[i]);

        if (!shortest || n < least) {
            shortest = a.item[i];
            least = n;
        }
    }
    place = shortest ? strstr(text, shortest) : text;
    *cut = !shortest || place == text ? (shortest ? least : t->word->chars) : t->word->chars - least;
    return s;
}

static void tone_last(toner *t)
{
    static const char *const particles = "\u5427\u5462\u554A\u5450\u567B\u561B\u5416\u55E8\u54E6\u54D2\u989D\u6EF4\u54E9\u54DF"
                                         "\u55BD\u5570\u8036\u5594\u8BF6\u7684\u5730\u5F97";
    const char *text = t->word->text, *tag = t->word->tag, *ge = strstr(text, GE);
    size_t n = t->word->chars, at_ge = 0;
    const char *last = char_at(text, n - 1), *before = char_at(text, n > 1 ? n - 2 : 0);
    bool noun = strcmp(tag, "r") == 0 || strcmp(tag, "n") == 0;
    bool place = strcmp(tag, "s") == 0 || strcmp(tag, "l") == 0 || strcmp(tag, "f") == 0;

    for (const char *at = text; ge && at < ge; at += char_size(at))
        at_ge++;
    const char *counted = at_ge ? char_at(text, at_ge - 1) : "";
    if (char_in(last, particles) ||
        (n > 1 && char_in(last, "\u4EEC\u5B50") && noun && !melo_in(melo_zh_not_neutral, melo_zh_not_neutral_count, text)) ||
        (n > 1 && char_in(last, "\u4E0A\u4E0B\u91CC") && place) ||
        (n > 1 && char_in(last, "\u6765\u53BB") && char_in(before, "\u4E0A\u4E0B\u8FDB\u51FA\u56DE\u8FC7\u8D77\u5F00")))
        set_tone(t, t->count - 1, '5');
    else if ((at_ge && (is_numeric(counted) ||
                        char_in(counted, "\u51E0\u6709\u4E24\u534A\u591A\u5404\u6574\u6BCF\u505A\u662F"))) ||
             strcmp(text, GE) == 0)
        set_tone(t, at_ge, '5');
    else if (is_neutral(text))
        set_tone(t, t->count - 1, '5');
}

static hse_status tone_neutral(toner *t, hse_error *err)
{
    const char *text = t->word->text, *before = text;
    char kind = t->word->tag[0];
    bool doubled = (kind == 'n' || kind == 'v' || kind == 'a') && !melo_in(melo_zh_not_neutral, melo_zh_not_neutral_count, text);
    size_t cut;
    hse_status s;

    for (size_t i = 1, n = t->word->chars; doubled && i < n; i++) {
        const char *at = char_at(before, 1);

        if ((size_t)(at - before) == char_size(at) && memcmp(at, before, char_size(at)) == 0)
            set_tone(t, i, '5');
        before = at;
    }
    tone_last(t);
    if ((s = cut_word(t, &cut, err)) != HSE_OK)
        return s;
    const char *first = hse_arena_strndup(t->arena, text, (size_t)(char_at(text, cut) - text));
    if (!first)
        return melo_no_memory(err);
    if (is_neutral(first))
        set_tone(t, (cut < t->count ? cut : t->count) - 1, '5');
    if (is_neutral(char_at(text, cut)))
        set_tone(t, t->count - 1, '5');
    return HSE_OK;
}

static hse_status tone_three(toner *t, hse_error *err)
{
    const char *const *f = t->final;
    size_t n = t->word->chars, cut;
    hse_status s;

    if (n == 2 && all_three(f, t->count)) {
        set_tone(t, 0, '2');
    } else if (n == 3) {
        if ((s = cut_word(t, &cut, err)) != HSE_OK)
            return s;
        if (all_three(f, t->count)) {
            if (cut == 2)
                set_tone(t, 0, '2');
            if (cut == 2 || cut == 1)
                set_tone(t, 1, '2');
        } else {
            size_t first = cut < t->count ? cut : t->count, second = t->count - first;

            if (first == 2 && all_three(f, 2))
                set_tone(t, 0, '2');
            if (second == 2 && all_three(f + first, 2))
                set_tone(t, first, '2');
            else if (second && first && !all_three(f + first, second) && tone_of(f[first]) == '3' && tone_of(f[first - 1]) == '3')
                set_tone(t, first - 1, '2');
        }
    } else if (n == 4) {
        if (t->count >= 2 && all_three(f, 2))
            set_tone(t, 0, '2');
        if (t->count > 2 && all_three(f + 2, t->count - 2))
            set_tone(t, 2, '2');
    }
    return HSE_OK;
}

hse_status melo_zh_tones(const melo_front *front, const zh_word *word, const char **final, size_t count, hse_arena *arena,
                         hse_error *err)
{
    toner t = {.front = front, .word = word, .final = final, .count = count, .arena = arena};
    hse_status s;

    if (count == 0 || word->chars == 0)
        return HSE_OK;
    tone_bu(&t);
    tone_yi(&t);
    s = tone_neutral(&t, err);
    if (s == HSE_OK)
        s = tone_three(&t, err);
    if (s == HSE_OK && t.no_memory)
        return melo_no_memory(err);
    if (s == HSE_OK && t.short_of)
        return hse_fail(err, HSE_E_ARG, 0, "the word '%.60s' has no readings for all of its characters", word->text);
    return s;
}
