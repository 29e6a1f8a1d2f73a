/* split.c - a text to the pieces that MeloTTS speaks one by one: sentences of up to some hundred characters for languages
 * with spaces, of ten characters and more for the others. */
#include "text/melo/internal.h"

#include "text/pieces.h"

enum { WANTED = 256, MOST = 512 };          /* characters: a piece ends at a sentence's end from the one on, at the other anyhow */

/* Runs of white space become one space; one is put behind each of , . ! ? as well. */
static void space_marks(hse_buf *out, const char *text, size_t size)
{
    bool space = false;

    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t n = hse_utf8_next(text + i, size - i, &c);

        n = n ? n : 1;
        if (text_is_space(c)) {
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

static void emit(text_pieces *p, const chars *c, size_t from, size_t to)
{
    size_t size = c->at[to] - c->at[from];
    const char *text = text_strip(c->text + c->at[from], &size);
    bool something = false;

    for (size_t i = 0; i < size && !something; i++)
        something = !is_one_of(text[i], " \t\n\r\f\v.,;:!?");
    if (something)
        text_pieces_add(p, text, size);
}

/* Upstream's scan: `from` is where the piece begins, i the last character taken into it. */
static void scan(text_pieces *p, const chars *c)
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
    text_pieces p = {.arena = arena};
    hse_buf plain, spaced;
    chars c;
    hse_status s;

    hse_buf_init(&plain, MELO_TEXT_BYTES);
    hse_buf_init(&spaced, MELO_TEXT_BYTES);
    text_plain_marks(&plain, text, size, true);
    space_marks(&spaced, hse_buf_text(&plain), plain.size);
    if (cut_chars(&c, hse_buf_text(&spaced), spaced.size, arena))
        scan(&p, &c);
    else
        p.no_memory = true;
    if ((s = hse_buf_status(&plain, "the text", err)) == HSE_OK)
        s = hse_buf_status(&spaced, "the text", err);
    hse_buf_free(&plain);
    hse_buf_free(&spaced);
    return s == HSE_OK ? text_pieces_give(&p, out, count, err) : s;
}

/* ---- the others ---- */

hse_status melo_split_short(const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count, hse_error *err)
{
    return text_split(TEXT_CHARACTERS, false, text, size, arena, out, count, err);
}
