#include "engine/job/prosody.h"

#include "base/utf8.h"
#include "text/marks.h"

enum {
    MAX_WORDS = 64 << 20, MAX_PIECES = 1 << 20,
    CUT_LIMIT = 200,            /* characters of a piece of a model that cuts texts itself: its work grows faster than the text */
    CUT_BYTES = 4 * CUT_LIMIT,  /* even of a word that has no end */
};

/* Milliseconds of silence behind a piece, about what a newsreader leaves; what the model itself adds at its edges (some 50 ms)
 * comes on top. */
static const unsigned pause_ms[] = {
    [TEXT_PAUSE_NONE] = 0,       [TEXT_PAUSE_COMMA] = 100,     [TEXT_PAUSE_CLAUSE] = 180,
    [TEXT_PAUSE_SENTENCE] = 300, [TEXT_PAUSE_PARAGRAPH] = 600,
};

/* The last character, closing quotes aside; 0: there is none. */
static uint32_t last_character(const text_piece *p)
{
    size_t n = p->size, at;
    uint32_t c = 0;

    while (n && strchr("\"')]", p->words[n - 1]))
        n--;
    for (at = n; at > 0 && n - at < 4 && !hse_utf8_next(p->words + at - 1, n - at + 1, &c); at--)
        ;
    return c;
}

/* A voice that has learnt from sentences needs to see where one ends: without a mark the last word is cut short ("A" has a
 * third of the energy of "A."). So a piece that ends in a word, behind closing quotes too, gets a full stop; a comma where the
 * sentence goes on in the next span. */
static bool lacks_mark(const text_piece *p)
{
    uint32_t c = last_character(p);

    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xC0 && c <= 0x24F) || c == 0xFFFB;
}

/* Where a span ends inside a text: the pause that its own last character asks for. */
static text_pause own_pause(const text_piece *p)
{
    uint32_t c = last_character(p);

    switch (c) {
    case '.': case '!': case '?': case 0x2026: case 0x3002: case 0xFF01: case 0xFF1F: return TEXT_PAUSE_SENTENCE;
    case ',': case 0x3001: case 0xFF0C: return TEXT_PAUSE_COMMA;
    case ';': case ':': case 0xFF1B: case 0xFF1A: return TEXT_PAUSE_CLAUSE;
    default: return TEXT_PAUSE_NONE;
    }
}

/* What is said and how: the pieces so far. */
typedef struct {
    hse_buf  words, pieces;
    unsigned lead_ms;
} spoken_text;

static sentence *last_piece(spoken_text *t)
{
    return t->pieces.size ? (sentence *)(void *)(t->pieces.data + t->pieces.size) - 1 : NULL;
}

static void add_piece(spoken_text *t, const char *text, size_t size, unsigned pause, const text_style *style)
{
    sentence next = {.from = t->words.size, .to = t->words.size + size, .pause_ms = pause, .style = style};

    hse_buf_append(&t->words, text, size);
    hse_buf_append(&t->pieces, &next, sizeof next);
}

/* Marks stand for one character each while a model cuts, since it knows nothing of them: the first is U+F0000. */
enum { STAND_IN = 0xF0000, MAX_STAND_INS = 0xFFFE };

static void hide_marks(hse_buf *out, const hse_buf *text)
{
    uint32_t next = STAND_IN;
    size_t at = 0;
    char utf8[4];

    for (text_part p; text_marks_next(hse_buf_text(text), text->size, &at, &p);)
        if (p.phones && next < STAND_IN + MAX_STAND_INS)
            hse_buf_append(out, utf8, hse_utf8_put(utf8, next++));
        else
            hse_buf_append(out, p.words, p.size);
}

/* A piece of it with its marks again. */
static void show_marks(hse_buf *out, const char *cut, const hse_buf *text)
{
    size_t size = strlen(cut), at = 0;
    uint32_t next = STAND_IN, c;
    text_part p = {0};

    for (size_t i = 0, n; i < size; i += n) {
        n = hse_utf8_next(cut + i, size - i, &c);
        n = n ? n : 1;
        while (c >= STAND_IN && next <= c && text_marks_next(hse_buf_text(text), text->size, &at, &p))
            next += p.phones != NULL;
        if (c >= STAND_IN && next == c + 1)             /* pieces are in order, and so are their marks */
            text_mark_put(out, p.words, p.size, p.phones, p.phones_size);
        else
            hse_buf_append(out, cut + i, n);
    }
}

/* In parts of at most `limit` bytes (0: whole). */
static void add_short(spoken_text *t, const char *text, size_t size, size_t limit, unsigned pause, const text_style *style)
{
    while (limit && size > limit) {
        size_t n = limit;

        while (((uint8_t)text[n] & 0xC0) == 0x80)       /* between characters */
            n--;
        add_piece(t, text, n, 0, style);
        text += n;
        size -= n;
    }
    add_piece(t, text, size, pause, style);
}

/* A sentence as the model wants it cut: the pause is behind its last piece. */
static hse_status cut_sentence(spoken_text *t, const hse_buf *text, size_t limit, unsigned pause, const text_style *style,
                               const char *language, hse_cut_fn *cut, hse_error *err)
{
    bool marked = text_has_marks(hse_buf_text(text), text->size);
    const char **list = NULL;
    size_t count = 0;
    hse_arena arena;
    hse_buf hidden, shown;

    hse_arena_init(&arena, MAX_WORDS);
    hse_buf_init(&hidden, MAX_WORDS);
    hse_buf_init(&shown, MAX_WORDS);
    if (marked)
        hide_marks(&hidden, text);
    hse_status s = hse_buf_status(&hidden, "a sentence of input", err);
    const hse_buf *from = marked ? &hidden : text;
    if (s == HSE_OK)
        s = cut(language, hse_buf_text(from), from->size, &arena, &list, &count, err);
    for (size_t i = 0; s == HSE_OK && i < count; i++) {
        hse_buf_clear(&shown);
        if (marked)
            show_marks(&shown, list[i], text);
        s = hse_buf_status(&shown, "a sentence of input", err);
        add_short(t, marked ? hse_buf_text(&shown) : list[i], marked ? shown.size : strlen(list[i]), marked ? 0 : limit,
                  i + 1 == count ? pause : 0, style);
    }
    hse_arena_free(&arena);
    hse_buf_free(&hidden);
    hse_buf_free(&shown);
    return s;
}

typedef struct {
    const char *language;
    text_mode   mode;
    hse_cut_fn *cut;
} how_to_split;

/* The pieces of one span. */
static hse_status read_pieces(text_reader *r, spoken_text *t, const text_markup_span *span, bool at_end, const how_to_split *how,
                              hse_error *err)
{
    bool more = true, goes_on = (span->end == SPAN_ENDS_OPEN || span->end == SPAN_ENDS_PAUSE) && !at_end;
    hse_status s = HSE_OK;
    hse_buf text;

    hse_buf_init(&text, MAX_WORDS);
    while (s == HSE_OK) {
        text_piece p;

        if ((s = text_reader_next(r, &p, &more, err)) != HSE_OK || !more)
            break;
        bool last = r->mode == TEXT_MODE_REFERENCE || (r->source.at >= r->source.size && r->inner.at >= r->inner.size);
        text_pause pause = p.pause;

        if (last && !at_end)
            pause = goes_on ? own_pause(&p) : span->end == SPAN_ENDS_PARAGRAPH ? TEXT_PAUSE_PARAGRAPH : TEXT_PAUSE_SENTENCE;
        hse_buf_clear(&text);
        hse_buf_append(&text, p.words, p.size);
        if (r->mode == TEXT_MODE_ON && p.pause >= TEXT_PAUSE_SENTENCE && lacks_mark(&p))
            hse_buf_byte(&text, last && goes_on ? ',' : '.');
        if ((s = hse_buf_status(&text, "a sentence of input", err)) == HSE_OK && how->cut)
            s = cut_sentence(t, &text, r->mode == TEXT_MODE_REFERENCE ? 0 : CUT_BYTES, pause_ms[pause], &span->style, how->language,
                             how->cut, err);
        else if (s == HSE_OK)
            add_piece(t, hse_buf_text(&text), text.size, pause_ms[pause], &span->style);
        if (s == HSE_OK && (s = hse_buf_status(&t->words, "the words of input", err)) == HSE_OK)
            s = hse_buf_status(&t->pieces, "the sentences of input", err);
    }
    hse_buf_free(&text);
    return s;
}

static hse_status read_span(spoken_text *t, const text_markup *m, size_t i, const how_to_split *how, hse_error *err)
{
    const text_markup_span *span = &m->span[i];
    size_t before = t->pieces.size;
    hse_status s = HSE_OK;
    text_reader r;

    if (span->to > span->from) {
        if ((s = text_reader_open(&r, how->language, how->mode, m->text + span->from, span->to - span->from,
                                  how->cut ? CUT_LIMIT : 0, err)) != HSE_OK)
            return s;
        s = read_pieces(&r, t, span, i + 1 == m->count, how, err);
        text_reader_close(&r);
    }
    sentence *last = last_piece(t);
    if (s != HSE_OK || span->end != SPAN_ENDS_PAUSE)
        return s;
    if (!last)
        t->lead_ms += span->pause_ms;
    else
        last->pause_ms = t->pieces.size > before ? span->pause_ms : last->pause_ms + span->pause_ms;
    return s;
}

hse_status hse_prosody_split(char **words, sentence **out, size_t *count, unsigned *lead_ms, const text_markup *m,
                             const char *language, text_mode mode, hse_cut_fn *cut, hse_error *err)
{
    spoken_text t = {.lead_ms = 0};
    hse_status s = HSE_OK;

    hse_buf_init(&t.words, MAX_WORDS);
    hse_buf_init(&t.pieces, MAX_PIECES * sizeof(sentence));
    for (size_t i = 0; i < m->count && s == HSE_OK; i++) {
        const char *own = m->span[i].style.language;
        how_to_split how = {own ? own : language, mode, cut};

        s = read_span(&t, m, i, &how, err);
    }
    if (s == HSE_OK && t.pieces.size) {
        if (m->span[m->count - 1].end != SPAN_ENDS_PAUSE)
            last_piece(&t)->pause_ms = 0;               /* behind the last word there is nothing to wait for */
        *count = t.pieces.size / sizeof(sentence);
        *words = hse_buf_take(&t.words, NULL);
        *out = (sentence *)(void *)hse_buf_take(&t.pieces, NULL);
        *lead_ms = t.lead_ms;
    }
    hse_buf_free(&t.words);
    hse_buf_free(&t.pieces);
    return s;
}
