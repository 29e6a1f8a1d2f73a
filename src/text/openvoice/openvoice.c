/* openvoice.c - splitting, and from phonetic text to symbols. */
#include "text/openvoice/internal.h"

#include "text/ascii.h"

hse_status openvoice_no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's symbols");
}

/* ---- splitting ---- */

typedef struct {
    hse_arena   *arena;
    const char **list;
    size_t       count, room;
    bool         no_memory;
} pieces;

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

    for (size_t n; (n = hse_utf8_next(*text, *size, &c)) != 0 && text_is_space(c);) {
        *text += n;
        *size -= n;
    }
    while (*size) {
        size_t n = 1;

        while (n < *size && n < 4 && ((uint8_t)(*text)[*size - n] & 0xC0) == 0x80)
            n++;
        if (!hse_utf8_next(*text + *size - n, n, &c) || !text_is_space(c))
            break;
        *size -= n;
    }
}

/* Words between single spaces, or characters. */
static size_t length_of(openvoice_language language, const char *text, size_t size)
{
    size_t n = language == OPENVOICE_EN;

    for (size_t i = 0; i < size; i++)
        n += language == OPENVOICE_EN ? text[i] == ' ' : ((uint8_t)text[i] & 0xC0) != 0x80;
    return n;
}

/* Full-width marks to plain ones; in English curly quotes, too, and brackets and quotes go. Runs of newline, tab and space
 * become one space. */
static void plain_marks(hse_buf *out, openvoice_language language, const char *text, size_t size)
{
    static const struct {
        const char *from, *to;
        bool        english;
    } marks[] = {{"\u3002", ".", false}, {"\uFF01", ".", false}, {"\uFF1F", ".", false}, {"\uFF1B", ".", false},
                 {"\uFF0C", ",", false}, {"\u201C", "", true},   {"\u201D", "", true},   {"\u2018", "'", true},
                 {"\u2019", "'", true},  {"\u00AB", "", true},   {"\u00BB", "", true}};
    bool space = false;

    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t n = hse_utf8_next(text + i, size - i, &c), k = 0;
        bool white = c == '\n' || c == '\t' || c == ' ';

        n = n ? n : 1;
        while (k < COUNT(marks) && (strlen(marks[k].from) != n || memcmp(marks[k].from, text + i, n) != 0 ||
                                    (marks[k].english && language != OPENVOICE_EN)))
            k++;
        if (k < COUNT(marks))
            hse_buf_str(out, marks[k].to);
        else if (white && !space)
            hse_buf_byte(out, ' ');
        else if (!white && !(language == OPENVOICE_EN && c < 128 && c && strchr("<>()[]\"", (int)c)))
            hse_buf_append(out, text + i, n);
        else if (!white)
            white = space;                  /* what goes leaves a run as it was */
        space = white;
        i += n;
    }
}

/* Cut behind each mark, joined with spaces until there is enough. */
static void join_parts(pieces *p, openvoice_language language, const char *text, size_t size)
{
    enum { ENOUGH = 10 };
    char *joined = hse_arena_alloc(p->arena, 2 * size + 2);
    size_t at = 0, length = 0, from = 0;
    bool any = false;

    if (!joined) {
        p->no_memory = true;
        return;
    }
    for (size_t i = 0; i <= size; i++) {
        if (i < size && !(text[i] && strchr(",.!?;", text[i])))
            continue;
        const char *part = text + from;
        size_t n = (i < size ? i + 1 : size) - from;

        from = i + 1;
        strip(&part, &n);
        if (n == 0 && i >= size)            /* only an empty last part is dropped */
            break;
        if (any)
            joined[at++] = ' ';
        memcpy(joined + at, part, n);
        at += n;
        any = true;
        length += length_of(language, part, n);
        if (length > ENOUGH) {
            add(p, joined, at);
            at = length = 0;
            any = false;
        }
    }
    if (any)
        add(p, joined, at);
}

/* A piece of two words (characters) or fewer is joined with the next one; a last one with the one before. */
static void merge_short(pieces *p, openvoice_language language, hse_buf *work)
{
    enum { SHORT = 2 };
    const char **list = p->list;
    size_t count = p->count;

    p->list = NULL;
    p->count = p->room = 0;
    for (size_t i = 0; i < count + 1 && !p->no_memory; i++) {
        size_t n = p->count;
        bool last = i == count, is_short = n && length_of(language, p->list[n - 1], strlen(p->list[n - 1])) <= SHORT;

        if (last && (!is_short || n < 2))
            break;
        if (!last && !is_short) {
            add(p, list[i], strlen(list[i]));
            continue;
        }
        hse_buf_clear(work);
        hse_buf_printf(work, "%s %s", p->list[last ? n - 2 : n - 1], last ? p->list[n - 1] : list[i]);
        p->count -= last ? 2 : 1;
        add(p, hse_buf_text(work), work->size);
        if (last)
            break;
    }
}

hse_status openvoice_split(openvoice_language language, const char *text, size_t size, hse_arena *arena, const char ***out,
                           size_t *count, hse_error *err)
{
    pieces p = {.arena = arena};
    hse_buf plain;
    hse_status s;
    size_t bad;

    *out = NULL;
    *count = 0;
    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8 at byte %zu", bad);
    hse_buf_init(&plain, OPENVOICE_TEXT_BYTES);
    plain_marks(&plain, language, text, size);
    if ((s = hse_buf_status(&plain, "the text", err)) == HSE_OK) {
        join_parts(&p, language, hse_buf_text(&plain), plain.size);
        merge_short(&p, language, &plain);
        s = hse_buf_status(&plain, "the text", err);
    }
    hse_buf_free(&plain);
    if (s == HSE_OK && p.no_memory)
        s = openvoice_no_memory(err);
    if (s == HSE_OK) {
        *out = p.list;
        *count = p.count;
    }
    return s;
}

/* ---- symbols ---- */

/* White space at the end goes; a dot comes where no mark ends the text. */
static hse_status close_text(const char *phonetic, hse_arena *arena, const char **out, hse_error *err)
{
    static const char *const ends[] = {".", ",", "!", "?", "-", "\u2026", "~"};
    size_t n = strlen(phonetic);
    const char *start = phonetic;
    bool closed = false;
    hse_buf b;

    strip(&start, &n);
    n = n ? n + (size_t)(start - phonetic) : 0;
    for (size_t i = 0; i < COUNT(ends); i++)
        closed = closed || (n >= strlen(ends[i]) && memcmp(phonetic + n - strlen(ends[i]), ends[i], strlen(ends[i])) == 0);
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    hse_buf_append(&b, phonetic, n);
    if (n && !closed)
        hse_buf_byte(&b, '.');
    return hse_buf_to_arena(&b, arena, "the text", out, err);
}

static hse_status ids_of(openvoice_piece *out, const openvoice_front *front, hse_arena *arena, hse_error *err)
{
    size_t size = strlen(out->cleaned), n = 0;
    int32_t *plain = hse_arena_array(arena, size + 1, sizeof *plain), *blank;

    if (!plain)
        return openvoice_no_memory(err);
    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t length = hse_utf8_next(out->cleaned + i, size - i, &c);
        int id;

        length = length ? length : 1;
        if ((id = front->symbol_id(front->symbols, out->cleaned + i, length)) >= 0)
            plain[n++] = id;
        i += length;
    }
    out->ids_no_blank = out->ids = plain;
    out->n_no_blank = out->n = n;
    if (!front->add_blank)
        return HSE_OK;
    if (!(blank = hse_arena_array(arena, 2 * n + 1, sizeof *blank)))
        return openvoice_no_memory(err);
    for (size_t i = 0; i < n; i++)
        blank[2 * i + 1] = plain[i];
    out->ids = blank;
    out->n = 2 * n + 1;
    return HSE_OK;
}

hse_status openvoice_piece_run(openvoice_piece *out, const openvoice_front *front, const char *piece, hse_arena *arena,
                               hse_error *err)
{
    bool english = front->language == OPENVOICE_EN;
    const char *tag = english ? "[EN]" : "[ZH]", *phonetic = NULL, *spaced = NULL;
    hse_buf b;
    hse_status s;

    *out = (openvoice_piece){0};
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    for (const char *c = piece; *c; c++) {
        hse_buf_byte(&b, (uint8_t)*c);
        if (*c >= 'a' && *c <= 'z' && c[1] >= 'A' && c[1] <= 'Z')
            hse_buf_byte(&b, ' ');
    }
    if ((s = hse_buf_to_arena(&b, arena, "the text", &spaced, err)) != HSE_OK)
        return s;
    hse_buf_init(&b, OPENVOICE_TEXT_BYTES);
    hse_buf_printf(&b, "%s%s%s", tag, spaced, tag);
    if ((s = hse_buf_to_arena(&b, arena, "the text", &out->marked, err)) != HSE_OK)
        return s;
    s = english ? openvoice_english(out, front, spaced, arena, &phonetic, err)
                : openvoice_chinese(out, front, spaced, arena, &phonetic, err);
    if (s == HSE_OK)
        s = close_text(phonetic, arena, &out->cleaned, err);
    return s == HSE_OK ? ids_of(out, front, arena, err) : s;
}
