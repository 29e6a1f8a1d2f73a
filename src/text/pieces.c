#include "text/pieces.h"

#include "base/utf8.h"
#include "text/ascii.h"

enum { TEXT_BYTES = 16 << 20, ENOUGH = 10, SHORT = 2 };

void text_pieces_add(text_pieces *p, const char *text, size_t size)
{
    if (p->no_memory)
        return;
    const char **list = hse_arena_grow(p->arena, p->list, p->count, &p->room, sizeof *list);
    const char *copy = hse_arena_strndup(p->arena, text, size);

    if (!list || !copy) {
        p->no_memory = true;
        return;
    }
    p->list = list;
    p->list[p->count++] = copy;
}

hse_status text_pieces_give(const text_pieces *p, const char ***out, size_t *count, hse_error *err)
{
    if (p->no_memory)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's pieces");
    *out = p->list;
    *count = p->count;
    return HSE_OK;
}

void text_plain_marks(hse_buf *out, const char *text, size_t size, bool spaced)
{
    static const struct {
        const char *from, *to;
        bool        any;                    /* of texts without spaces between words, too */
    } marks[] = {{"\u3002", ".", true}, {"\uFF01", ".", true}, {"\uFF1F", ".", true}, {"\uFF1B", ".", true}, {"\uFF0C", ",", true},
                 {"\u201C", "", false}, {"\u201D", "", false}, {"\u2018", "'", false}, {"\u2019", "'", false}, {"\u00AB", "", false},
                 {"\u00BB", "", false}};

    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(text + i, size - i, &c), k = n > 1 ? 0 : COUNT(marks);

        n = n ? n : 1;
        while (k < COUNT(marks) && (strlen(marks[k].from) != n || memcmp(marks[k].from, text + i, n) != 0 || !(spaced || marks[k].any)))
            k++;
        if (k < COUNT(marks))
            hse_buf_str(out, marks[k].to);
        else if (!spaced || n > 1 || !text[i] || !strchr("<>()[]\"", text[i]))
            hse_buf_append(out, text + i, n);
        i += n;
    }
}

/* Runs of newline, tab and space become one space. */
static void single_spaces(hse_buf *out, const char *text, size_t size)
{
    bool space = false;

    for (size_t i = 0; i < size; i++) {
        bool now = text[i] == '\n' || text[i] == '\t' || text[i] == ' ';

        if (!now)
            hse_buf_byte(out, (uint8_t)text[i]);
        else if (!space)
            hse_buf_byte(out, ' ');
        space = now;
    }
}

static size_t length_of(text_unit unit, const char *text, size_t size)
{
    size_t n = unit == TEXT_WORDS;

    for (size_t i = 0; i < size; i++)
        n += unit == TEXT_WORDS ? text[i] == ' ' : ((uint8_t)text[i] & 0xC0) != 0x80;
    return n;
}

static void join_parts(text_pieces *p, text_unit unit, const char *text, size_t size, hse_buf *joined)
{
    size_t length = 0, from = 0;

    for (size_t i = 0; i <= size; i++) {
        if (i < size && !(text[i] && strchr(",.!?;", text[i])))
            continue;
        size_t n = (i < size ? i + 1 : size) - from;
        const char *part = text_strip(text + from, &n);

        from = i + 1;
        if (n == 0)                         /* the last part alone can be empty */
            continue;
        if (joined->size)
            hse_buf_byte(joined, ' ');
        hse_buf_append(joined, part, n);
        length += length_of(unit, part, n);
        if (length > ENOUGH) {
            text_pieces_add(p, hse_buf_text(joined), joined->size);
            hse_buf_consume(joined, joined->size);
            length = 0;
        }
    }
    if (joined->size)
        text_pieces_add(p, hse_buf_text(joined), joined->size);
}

static void merge_short(text_pieces *p, text_unit unit, hse_buf *work)
{
    const char **list = p->list;
    size_t count = p->count;

    p->list = NULL;
    p->count = p->room = 0;
    for (size_t i = 0; i < count + 1 && !p->no_memory; i++) {
        size_t n = p->count;
        bool last = i == count, is_short = n && length_of(unit, p->list[n - 1], strlen(p->list[n - 1])) <= SHORT;

        if (last && (!is_short || n < 2))
            break;
        if (!last && !is_short) {
            text_pieces_add(p, list[i], strlen(list[i]));
            continue;
        }
        hse_buf_consume(work, work->size);
        hse_buf_printf(work, "%s %s", p->list[last ? n - 2 : n - 1], last ? p->list[n - 1] : list[i]);
        p->count -= last ? 2 : 1;
        text_pieces_add(p, hse_buf_text(work), work->size);
    }
}

hse_status text_split(text_unit unit, bool spaced, const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count,
                      hse_error *err)
{
    text_pieces p = {.arena = arena};
    hse_buf plain, work;
    hse_status s;

    hse_buf_init(&plain, TEXT_BYTES);
    hse_buf_init(&work, TEXT_BYTES);
    text_plain_marks(&work, text, size, spaced);
    single_spaces(&plain, hse_buf_text(&work), work.size);
    hse_buf_consume(&work, work.size);
    join_parts(&p, unit, hse_buf_text(&plain), plain.size, &work);
    merge_short(&p, unit, &work);
    if ((s = hse_buf_status(&plain, "the text", err)) == HSE_OK)
        s = hse_buf_status(&work, "the text", err);
    hse_buf_free(&plain);
    hse_buf_free(&work);
    return s == HSE_OK ? text_pieces_give(&p, out, count, err) : s;
}
