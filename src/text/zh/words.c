/* words.c - where Chinese words begin and end, and what parts of speech they are. */
#include "text/zh/internal.h"

#include <math.h>
#include <string.h>

#define RARE (-3.14e100)                    /* jieba's logarithm of what was never seen */

/* ---- the dictionary ---- */

/* Is this a word or the beginning of one? *frequency 0: only the beginning. */
static bool lookup(const text_zh *zh, const char *word, size_t size, uint32_t *frequency, hse_bytes *tag)
{
    hse_bytes v;

    *frequency = 0;
    if (!text_map_get(&zh->words, word, size, &v))
        return false;
    if (v.size >= 4) {
        *frequency = (uint32_t)v.data[0] | (uint32_t)v.data[1] << 8 | (uint32_t)v.data[2] << 16 | (uint32_t)v.data[3] << 24;
        if (tag)
            *tag = (hse_bytes){v.data + 4, v.size - 4};
    }
    return true;
}

static size_t bytes_of(const zh_chars *c, size_t from, size_t to)
{
    return c->at[to] - c->at[from];
}

/* next[i]: where the word that begins at i ends on the best path; i in [from, to). */
static hse_status best_path(const text_zh *zh, const zh_chars *c, size_t from, size_t to, uint32_t *next, hse_arena *arena,
                            hse_error *err)
{
    double *score = hse_arena_array(arena, to - from + 1, sizeof *score);

    if (!score)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the words of %zu characters", to - from);
    for (size_t i = to; i-- > from;) {
        double best = -INFINITY;
        uint32_t frequency;

        next[i] = 0;
        for (size_t end = i + 1; end <= to && lookup(zh, c->text + c->at[i], bytes_of(c, i, end), &frequency, NULL); end++) {
            double s = frequency ? log(frequency) - zh->log_total + score[end - from] : -INFINITY;

            if (frequency && s >= best) {   /* of equals the longer one */
                best = s;
                next[i] = (uint32_t)end;
            }
        }
        if (next[i] == 0) {
            next[i] = (uint32_t)i + 1;
            best = -zh->log_total + score[i + 1 - from];
        }
        score[i - from] = best;
    }
    return HSE_OK;
}

/* ---- models of what is in no dictionary ---- */

enum { B, E, M, S };

/* Cut the characters [from, to), all of them Han, into words. */
static hse_status cut_run(const text_zh *zh, const zh_chars *c, size_t from, size_t to, text_list *out, hse_error *err)
{
    size_t n = to - from, begin = from, done = from;
    uint8_t (*back)[4] = hse_arena_array(out->arena, n, sizeof *back), *state = hse_arena_alloc(out->arena, n);
    double v[4] = {0}, next[4];

    if (!back || !state)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the words of %zu characters", n);
    for (size_t t = 0; t < n; t++) {
        hse_bytes emit = {NULL, 0};

        text_map_get(&zh->cut_emit, c->text + c->at[from + t], bytes_of(c, from + t, from + t + 1), &emit);
        for (int y = 0; y < 4; y++) {
            double e = emit.size ? zh_number(emit, (size_t)y) : RARE;
            /* What can stand before B, E, M, S: in the order in which equals count. */
            static const int before[4][2] = {{E, S}, {B, M}, {B, M}, {E, S}};

            next[y] = t == 0 ? zh_number(zh->cut, (size_t)y) + e : -INFINITY;
            for (int k = 0; t > 0 && k < 2; k++) {
                int x = before[y][k];
                double p = v[x] + zh_number(zh->cut, 4 + (size_t)x * 4 + (size_t)y) + e;

                if (k == 0 || p >= next[y]) {
                    next[y] = p;
                    back[t][y] = (uint8_t)x;
                }
            }
        }
        memcpy(v, next, sizeof v);
    }
    state[n - 1] = v[S] >= v[E] ? S : E;
    for (size_t t = n - 1; t > 0; t--)
        state[t - 1] = back[t][state[t]];
    for (size_t t = 0; t < n; t++) {
        if (state[t] == B)
            begin = from + t;
        if (state[t] == E || state[t] == S) {
            size_t first = state[t] == E ? begin : from + t;

            text_list_add(out, c->text + c->at[first], bytes_of(c, first, from + t + 1), NULL);
            done = from + t + 1;
        }
    }
    if (done < to)
        text_list_add(out, c->text + c->at[done], bytes_of(c, done, to), NULL);
    return HSE_OK;
}

/* States that the model knows for a character: bits in `out`; false: any. */
static bool states_of(const text_zh *zh, const zh_chars *c, size_t at, bool *out)
{
    hse_bytes list;

    if (!text_map_get(&zh->tag_chars, c->text + c->at[at], bytes_of(c, at, at + 1), &list))
        return false;
    memset(out, 0, zh->states * sizeof *out);
    for (size_t i = 0; i + 4 <= list.size; i += 4) {
        size_t s = (size_t)list.data[i] | (size_t)list.data[i + 1] << 8;

        if (s < zh->states)
            out[s] = true;
    }
    return true;
}

/* The logarithms of a character in every state. */
static void emissions(const text_zh *zh, const zh_chars *c, size_t at, double *out)
{
    hse_bytes list = {NULL, 0};

    for (size_t i = 0; i < zh->states; i++)
        out[i] = RARE;
    text_map_get(&zh->tag_emit, c->text + c->at[at], bytes_of(c, at, at + 1), &list);
    for (size_t i = 0; i + 12 <= list.size; i += 12) {
        size_t s = (size_t)list.data[i] | (size_t)list.data[i + 1] << 8;

        if (s < zh->states)
            out[s] = zh_number((hse_bytes){list.data + i + 4, 8}, 0);
    }
}

/* Of what can stand before state y the best, of equals the last; false: nothing that is likely at all. */
static bool best_before(const text_zh *zh, size_t y, const bool *was, const double *v, double emit, double *next, uint8_t *back)
{
    double best = -INFINITY;

    for (uint32_t i = zh->pair_from[y]; i < zh->pair_from[y + 1]; i++) {
        size_t x = zh->pair[i].before;
        double p = was[x] ? v[x] + zh->pair[i].log_p + emit : -INFINITY;

        if (p > -INFINITY && p >= best) {
            best = p;
            *back = (uint8_t)x;
        }
    }
    *next = best;
    return best > -INFINITY;
}

/* Nothing is likely: the last of all that were, as upstream's search among equals has it. */
static void last_before(const text_zh *zh, size_t y, bool any, const bool *was, const double *v, double emit, double *next, uint8_t *back)
{
    bool first = true;

    for (size_t x = 0; x < zh->states; x++) {
        if (!was[x] || (any && !zh->leads[x]))
            continue;
        double p = v[x] + zh_number(zh->tag_trans, x * zh->states + y) + emit;
        if (first || p >= *next) {
            *next = p;
            *back = (uint8_t)x;
            first = false;
        }
    }
}

/* One step: from the states in `was` with values v to those that the character may have. */
static void step(const text_zh *zh, const zh_chars *c, size_t at, const bool *was, const double *v, bool *is, double *next,
                 uint8_t *back)
{
    bool follows[ZH_STATES] = {false}, known[ZH_STATES], any = false, both = false;
    double emit[ZH_STATES];
    size_t n = zh->states;

    for (size_t y = 0; y < n; y++)
        for (uint32_t i = zh->pair_from[y]; i < zh->pair_from[y + 1] && !follows[y]; i++)
            if (was[zh->pair[i].before])
                follows[y] = any = true;
    bool listed = states_of(zh, c, at, known);
    for (size_t y = 0; y < n; y++) {
        is[y] = (!listed || known[y]) && follows[y];
        both = both || is[y];
    }
    for (size_t y = 0; y < n && !both; y++)
        is[y] = any ? follows[y] : true;
    emissions(zh, c, at, emit);
    for (size_t y = 0; y < n; y++)
        if (is[y] && !best_before(zh, y, was, v, emit[y], &next[y], &back[y]))
            last_before(zh, y, any, was, v, emit[y], &next[y], &back[y]);
}

/* The same with parts of speech. */
static hse_status tag_run(const text_zh *zh, const zh_chars *c, size_t from, size_t to, text_list *out, hse_error *err)
{
    size_t n = to - from, begin = from, done = from;
    uint8_t *back = hse_arena_array(out->arena, n, ZH_STATES), *state = hse_arena_alloc(out->arena, n), last = 0;
    bool is[2][ZH_STATES] = {{false}}, listed;
    double v[2][ZH_STATES] = {{0}}, best = -INFINITY;
    bool first = true;

    if (!back || !state)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the words of %zu characters", n);
    listed = states_of(zh, c, from, is[0]);
    emissions(zh, c, from, v[0]);
    for (size_t y = 0; y < zh->states; y++) {
        is[0][y] = !listed || is[0][y];
        v[0][y] += zh_number(zh->tag_start, y);
    }
    for (size_t t = 1; t < n; t++)
        step(zh, c, from + t, is[(t + 1) & 1], v[(t + 1) & 1], is[t & 1], v[t & 1], back + t * ZH_STATES);
    for (size_t y = 0; y < zh->states; y++)
        if (is[(n - 1) & 1][y] && (first || v[(n - 1) & 1][y] >= best)) {
            best = v[(n - 1) & 1][y];
            last = (uint8_t)y;
            first = false;
        }
    state[n - 1] = last;
    for (size_t t = n - 1; t > 0; t--)
        state[t - 1] = back[t * ZH_STATES + state[t]];
    for (size_t t = 0; t < n; t++) {
        const char *name = zh->name[state[t]];

        if (name[0] == 'B')
            begin = from + t;
        if (name[0] == 'E' || name[0] == 'S') {
            size_t start = name[0] == 'E' ? begin : from + t;

            text_list_add(out, c->text + c->at[start], bytes_of(c, start, from + t + 1), name + 1);
            done = from + t + 1;
        }
    }
    if (done < to)
        text_list_add(out, c->text + c->at[done], bytes_of(c, done, to), zh->name[state[done - from]] + 1);
    return HSE_OK;
}

/* ---- what is no Han ---- */

static bool is_letter_or_digit(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit_or_dot(uint32_t c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

/* Plain words: letters and digits with a fraction and a percent sign behind them are one. */
static void cut_other(const zh_chars *c, size_t from, size_t to, text_list *out)
{
    for (size_t i = from, end; i < to; i = end) {
        bool word = is_letter_or_digit(c->code[i]);

        for (end = i; end < to && is_letter_or_digit(c->code[end]) == word;)
            end++;
        if (word && end + 1 < to && c->code[end] == '.' && c->code[end + 1] >= '0' && c->code[end + 1] <= '9')
            for (end++; end < to && c->code[end] >= '0' && c->code[end] <= '9';)
                end++;
        if (word && end < to && c->code[end] == '%')
            end++;
        text_list_add(out, c->text + c->at[i], bytes_of(c, i, end), NULL);
    }
}

/* With tags: digits and dots are m, letters and digits eng, the rest x. */
static void tag_other(const zh_chars *c, size_t from, size_t to, text_list *out)
{
    for (size_t i = from, end; i < to; i = end) {
        int kind = is_digit_or_dot(c->code[i]) ? 1 : is_letter_or_digit(c->code[i]) ? 2 : 0;

        for (end = i + 1; end < to; end++) {
            bool same = kind == 1   ? is_digit_or_dot(c->code[end])
                        : kind == 2 ? is_letter_or_digit(c->code[end])
                                    : !is_digit_or_dot(c->code[end]) && !is_letter_or_digit(c->code[end]);
            if (!same)
                break;
        }
        text_list_add(out, c->text + c->at[i], bytes_of(c, i, end), kind == 1 ? "m" : kind == 2 ? "eng" : "x");
    }
}

/* Characters that no dictionary word covers. */
static hse_status cut_unknown(const text_zh *zh, const zh_chars *c, size_t from, size_t to, bool tags, text_list *out,
                              hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = from, end; i < to && s == HSE_OK; i = end) {
        bool han = zh_is_han(c->code[i]);

        for (end = i; end < to && zh_is_han(c->code[end]) == han && end - i < ZH_RUN;)
            end++;
        if (han)
            s = tags ? tag_run(zh, c, i, end, out, err) : cut_run(zh, c, i, end, out, err);
        else if (tags)
            tag_other(c, i, end, out);
        else
            cut_other(c, i, end, out);
    }
    return s;
}

/* ---- all together ---- */

static void add_word(const text_zh *zh, const zh_chars *c, size_t from, size_t to, bool tags, text_list *out)
{
    char tag[16] = "x";
    uint32_t frequency;
    hse_bytes t = {NULL, 0};

    if (tags && lookup(zh, c->text + c->at[from], bytes_of(c, from, to), &frequency, &t) && t.size && t.size < sizeof tag) {
        memcpy(tag, t.data, t.size);
        tag[t.size] = '\0';
    }
    text_list_add(out, c->text + c->at[from], bytes_of(c, from, to), tags ? tag : NULL);
}

/* Single characters [from, to) of the best path that follow each other. */
static hse_status flush(const text_zh *zh, const zh_chars *c, size_t from, size_t to, bool tags, text_list *out, hse_error *err)
{
    uint32_t frequency = 0;

    if (to - from > 1 && to - from <= 64)
        lookup(zh, c->text + c->at[from], bytes_of(c, from, to), &frequency, NULL);
    if (to - from > 1 && !frequency)
        return cut_unknown(zh, c, from, to, tags, out, err);
    for (; from < to; from++)
        add_word(zh, c, from, from + 1, tags, out);
    return HSE_OK;
}

static hse_status cut_block(const text_zh *zh, const zh_chars *c, size_t from, size_t to, uint32_t *next, bool tags,
                            text_list *out, hse_error *err)
{
    size_t single = from;                   /* where the single characters before i begin */
    hse_status s = best_path(zh, c, from, to, next, out->arena, err);

    for (size_t i = from; s == HSE_OK && i < to; i = next[i]) {
        if (next[i] == i + 1)
            continue;
        if (single < i)
            s = flush(zh, c, single, i, tags, out, err);
        add_word(zh, c, i, next[i], tags, out);
        single = next[i];
    }
    if (s == HSE_OK && single < to)
        s = flush(zh, c, single, to, tags, out, err);
    return s;
}

static bool is_word_char(uint32_t c, bool tags)
{
    return zh_is_han(c) || is_letter_or_digit(c) || c == '+' || c == '#' || c == '&' || c == '.' || c == '_' ||
           (!tags && (c == '%' || c == '-'));
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* A stretch of characters that belong to no word, one by one; "\r\n" is one. Upstream asks the stretch's first character, not
 * the one at hand, whether it is English. */
static void add_others(const zh_chars *c, size_t from, size_t to, bool tags, text_list *out)
{
    size_t stretch = from;

    for (size_t i = from, end; i < to; i = end) {
        bool space = is_space(c->code[i]);
        const char *tag = "x";

        end = i + 1 + (space && c->code[i] == '\r' && i + 1 < to && c->code[i + 1] == '\n');
        if (space)
            stretch = end;
        else if (is_digit_or_dot(c->code[i]))
            tag = "m";
        else if (is_letter_or_digit(c->code[stretch]))
            tag = "eng";
        text_list_add(out, c->text + c->at[i], bytes_of(c, i, end), tags ? tag : NULL);
    }
}

static hse_status cut_text(const text_zh *zh, const char *text, size_t size, bool tags, text_list *out, hse_error *err)
{
    zh_chars c;
    uint32_t *next;
    hse_status s = zh_chars_cut(&c, text, size, out->arena, err);

    if (s == HSE_OK && !(next = hse_arena_array(out->arena, c.n + 1, sizeof *next)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for the words of %zu characters", c.n);
    for (size_t i = 0, end; s == HSE_OK && i < c.n; i = end) {
        bool word = is_word_char(c.code[i], tags);

        for (end = i; end < c.n && is_word_char(c.code[end], tags) == word;)
            end++;
        if (word)
            s = cut_block(zh, &c, i, end, next, tags, out, err);
        else
            add_others(&c, i, end, tags, out);
    }
    return s;
}

hse_status text_zh_words(const text_zh *zh, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_list l = {.arena = arena};
    hse_status s = cut_text(zh, text, size, false, &l, err);

    return s == HSE_OK ? text_list_give(&l, "a text's words", out, err) : s;
}

hse_status text_zh_tags(const text_zh *zh, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_list l = {.arena = arena};
    hse_status s = cut_text(zh, text, size, true, &l, err);

    return s == HSE_OK ? text_list_give(&l, "a text's words", out, err) : s;
}

hse_status text_zh_search(const text_zh *zh, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_list words = {.arena = arena}, l = {.arena = arena};
    hse_status s = cut_text(zh, text, size, false, &words, err);
    uint32_t frequency;

    for (size_t i = 0; s == HSE_OK && i < words.count; i++) {
        zh_chars c;

        s = zh_chars_cut(&c, words.item[i], strlen(words.item[i]), arena, err);
        for (size_t gram = 2; s == HSE_OK && gram <= 3 && c.n > gram; gram++)
            for (size_t k = 0; k + gram <= c.n; k++)
                if (lookup(zh, c.text + c.at[k], bytes_of(&c, k, k + gram), &frequency, NULL) && frequency)
                    text_list_add(&l, c.text + c.at[k], bytes_of(&c, k, k + gram), NULL);
        text_list_add(&l, words.item[i], strlen(words.item[i]), NULL);
    }
    return s == HSE_OK ? text_list_give(&l, "a text's words", out, err) : s;
}
