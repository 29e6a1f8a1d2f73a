/* split.c - a text to the pieces that MeloTTS speaks one by one: sentences of up to some hundred characters for languages
 * with spaces, of ten characters and more for the others. */
#include "text/melo/internal.h"

/* ---- shared ---- */

typedef struct {
    hse_arena   *arena;
    const char **list;
    size_t       count, room;
    bool         no_memory;
} pieces;

/* White space at both ends is left out; nothing is added where nothing stays, unless `empty` ones count. */
static void add(pieces *p, const char *text, size_t size)
{
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 16;
        const char **list = hse_arena_array(p->arena, room, sizeof *list);

        if (!list) {
            p->no_memory = true;
            return;
        }
        if (p->count)
            memcpy(list, p->list, p->count * sizeof *list);
        p->list = list;
        p->room = room;
    }
    if (!(p->list[p->count] = hse_arena_strndup(p->arena, text, size)))
        p->no_memory = true;
    else
        p->count++;
}

static void strip(const char **text, size_t *size)
{
    uint32_t c;

    for (;;) {
        size_t n = hse_utf8_next(*text, *size, &c);

        if (n == 0 || !melo_is_space(c))
            break;
        *text += n;
        *size -= n;
    }
    while (*size) {
        size_t n = 1;

        while (n < *size && n < 4 && ((uint8_t)(*text)[*size - n] & 0xC0) == 0x80)
            n++;
        if (!hse_utf8_next(*text + *size - n, n, &c) || !melo_is_space(c))
            break;
        *size -= n;
    }
}

/* Full-width marks to plain ones; where there are spaces between words curly quotes, too, and brackets and quotes go. */
static void plain_marks(hse_buf *out, const char *text, size_t size, bool spaced)
{
    static const melo_pair marks[] = {{"\u3002", "."}, {"\uFF01", "."}, {"\uFF1F", "."}, {"\uFF1B", "."},
                                      {"\uFF0C", ","}, {"\u201C", "\""}, {"\u201D", "\""}, {"\u2018", "'"}, {"\u2019", "'"}};
    enum { FULL_WIDTH = 5 };
    static const char *const dropped[] = {"<", ">", "(", ")", "[", "]", "\"", "\u00AB", "\u00BB"};

    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(text + i, size - i, &c);
        const char *to = NULL;
        bool gone = false;

        n = n ? n : 1;
        for (size_t k = 0; k < (spaced ? COUNT(marks) : FULL_WIDTH) && !to; k++)
            if (strlen(marks[k].from) == n && memcmp(marks[k].from, text + i, n) == 0)
                to = marks[k].to;
        for (size_t k = 0; k < COUNT(dropped) && spaced && !gone; k++) {
            const char *what = to ? to : text + i;
            size_t length = to ? strlen(to) : n;

            gone = strlen(dropped[k]) == length && memcmp(dropped[k], what, length) == 0;
        }
        if (!gone)
            hse_buf_append(out, to ? to : text + i, to ? strlen(to) : n);
        i += n;
    }
}

static hse_status finish(pieces *p, hse_buf *a, hse_buf *b, const char ***out, size_t *count, hse_error *err)
{
    hse_status s = hse_buf_status(a, "the text", err);

    if (s == HSE_OK)
        s = hse_buf_status(b, "the text", err);
    if (s == HSE_OK && p->no_memory)
        s = melo_no_memory(err);
    hse_buf_free(a);
    hse_buf_free(b);
    if (s == HSE_OK) {
        *out = p->list;
        *count = p->count;
    }
    return s;
}

/* ---- languages with spaces ---- */

enum { WANTED = 256, MOST = 512 };          /* characters: a piece ends at a sentence's end from the one on, at the other anyhow */

/* Runs of white space become one space; one is put behind each of , . ! ? as well. */
static void space_marks(hse_buf *out, const char *text, size_t size)
{
    bool space = false;

    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(text + i, size - i, &c);

        n = n ? n : 1;
        if (melo_is_space(c)) {
            if (!space)
                hse_buf_byte(out, ' ');
            space = true;
        } else {
            hse_buf_append(out, text + i, n);
            space = c == ',' || c == '.' || c == '!' || c == '?';
            if (space)
                hse_buf_byte(out, ' ');
        }
        i += n;
    }
}

/* The text as characters, so that going back is one step. */
typedef struct {
    const char *text;
    uint32_t   *at;                         /* where character i begins; at[count] = the end */
    size_t      count;
} chars;

static bool cut_chars(chars *c, const char *text, size_t size, hse_arena *arena)
{
    c->text = text;
    c->count = 0;
    if (!(c->at = hse_arena_array(arena, size + 1, sizeof *c->at)))
        return false;
    for (size_t i = 0; i < size; i++)
        if (((uint8_t)text[i] & 0xC0) != 0x80)
            c->at[c->count++] = (uint32_t)i;
    c->at[c->count] = (uint32_t)size;
    return true;
}

/* The character at i, 0 at or behind the end (all that matter are ASCII). */
static char char_at(const chars *c, size_t i)
{
    return i < c->count ? c->text[c->at[i]] : '\0';
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static void emit(pieces *p, const chars *c, size_t from, size_t to)
{
    const char *text = c->text + c->at[from];
    size_t size = c->at[to] - c->at[from];
    bool something = false;

    strip(&text, &size);
    for (size_t i = 0; i < size && !something; i++)
        something = !is_one_of(text[i], " \t\n\r\f\v.,;:!?");
    if (something)
        add(p, text, size);
}

/* Upstream's scan: `from` is where the piece begins, i the last character taken into it. */
static void scan(pieces *p, const chars *c)
{
    size_t from = 0, cut = 0;
    bool has_cut = false;

    for (size_t i = 0; i < c->count; i++) {
        char at = char_at(c, i), next = char_at(c, i + 1);
        size_t length = i + 1 - from;

        if (length >= MOST) {
            if (has_cut && length > WANTED / 2) {
                i = cut;
            } else {
                while (!is_one_of(char_at(c, i), "!?.\n ") && i > from && i + 1 - from > WANTED)
                    i--;
            }
            emit(p, c, from, i + 1);
            from = i + 1;
            has_cut = false;
        } else if (is_one_of(at, "!?") || (is_one_of(at, ".,") && (next == '\0' || is_one_of(next, "\n ")))) {
            while (i + 1 < c->count && is_one_of(char_at(c, i + 1), "!?."))
                i++;
            cut = i;
            has_cut = true;
            if (i + 1 - from >= WANTED) {
                emit(p, c, from, i + 1);
                from = i + 1;
                has_cut = false;
            }
        }
    }
    if (from < c->count)
        emit(p, c, from, c->count);
}

hse_status melo_split_long(const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count, hse_error *err)
{
    pieces p = {.arena = arena};
    hse_buf plain, spaced;
    chars c;

    hse_buf_init(&plain, MELO_TEXT_BYTES);
    hse_buf_init(&spaced, MELO_TEXT_BYTES);
    plain_marks(&plain, text, size, true);
    space_marks(&spaced, hse_buf_text(&plain), plain.size);
    if (cut_chars(&c, hse_buf_text(&spaced), spaced.size, arena))
        scan(&p, &c);
    else
        p.no_memory = true;
    return finish(&p, &plain, &spaced, out, count, err);
}

/* ---- the others ---- */

enum { SHORT = 2, ENOUGH = 10 };            /* characters */

static size_t count_chars(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += ((uint8_t)text[i] & 0xC0) != 0x80;
    return n;
}

/* Cut behind each mark; parts are joined with spaces until there are more than ten characters. */
static void join_parts(pieces *p, const char *text, size_t size)
{
    char *joined = hse_arena_alloc(p->arena, 2 * size + 2);
    size_t at = 0, characters = 0, from = 0;
    bool any = false;

    if (!joined) {
        p->no_memory = true;
        return;
    }
    for (size_t i = 0; i <= size; i++) {
        if (i < size && !is_one_of(text[i], ",.!?;"))
            continue;
        const char *part = text + from;
        size_t length = (i < size ? i + 1 : size) - from;

        from = i + 1;
        strip(&part, &length);
        if (length == 0 && i >= size)       /* only an empty last part is dropped */
            break;
        if (any)
            joined[at++] = ' ';
        memcpy(joined + at, part, length);
        at += length;
        any = true;
        characters += count_chars(part, length);
        if (characters > ENOUGH) {
            add(p, joined, at);
            at = characters = 0;
            any = false;
        }
    }
    if (at)
        add(p, joined, at);
}

/* A piece of two characters or fewer is joined with the next one; a last one with the one before. */
static void merge_short(pieces *p, hse_buf *work)
{
    const char **list = p->list;
    size_t count = p->count;

    p->list = NULL;
    p->count = p->room = 0;
    for (size_t i = 0; i < count && !p->no_memory; i++) {
        bool short_before = p->count && count_chars(p->list[p->count - 1], strlen(p->list[p->count - 1])) <= SHORT;
        bool short_last = i + 1 == count && i > 0 && count_chars(list[i], strlen(list[i])) <= SHORT;

        if (!short_before && !(short_last && p->count)) {
            add(p, list[i], strlen(list[i]));
            continue;
        }
        hse_buf_clear(work);
        hse_buf_printf(work, "%s %s", p->list[p->count - 1], list[i]);
        p->count--;
        add(p, hse_buf_text(work), work->size);
    }
}

hse_status melo_split_short(const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count, hse_error *err)
{
    pieces p = {.arena = arena};
    hse_buf plain, spaced;
    bool space = false;

    hse_buf_init(&plain, MELO_TEXT_BYTES);
    hse_buf_init(&spaced, MELO_TEXT_BYTES);
    plain_marks(&plain, text, size, false);
    for (size_t i = 0; i < plain.size; i++) {
        bool now = is_one_of((char)plain.data[i], "\n\t ");

        if (!now)
            hse_buf_byte(&spaced, plain.data[i]);
        else if (!space)
            hse_buf_byte(&spaced, ' ');
        space = now;
    }
    join_parts(&p, hse_buf_text(&spaced), spaced.size);
    merge_short(&p, &plain);
    return finish(&p, &plain, &spaced, out, count, err);
}
