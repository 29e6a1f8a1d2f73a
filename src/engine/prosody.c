#include "engine/prosody.h"

#include "base/utf8.h"

enum { MAX_WORDS = 64 << 20, MAX_PIECES = 1 << 20 };

/* Milliseconds of silence behind a piece, about what a newsreader leaves; what the model itself adds at its edges (some 50 ms)
 * comes on top. */
static const unsigned pause_ms[] = {
    [TEXT_PAUSE_NONE] = 0,       [TEXT_PAUSE_COMMA] = 100,     [TEXT_PAUSE_CLAUSE] = 180,
    [TEXT_PAUSE_SENTENCE] = 300, [TEXT_PAUSE_PARAGRAPH] = 600,
};

/* A voice that has learnt from sentences needs to see where one ends: without a mark the last word is cut short ("A" has a
 * third of the energy of "A."). So a piece that ends in a word, behind closing quotes too, gets a full stop. */
static bool lacks_stop(const text_piece *p)
{
    size_t n = p->size, at;
    uint32_t c = 0;

    while (n && strchr("\"')]", p->words[n - 1]))
        n--;
    for (at = n; at > 0 && n - at < 4 && !hse_utf8_next(p->words + at - 1, n - at + 1, &c); at--)
        ;
    bool latin = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xC0 && c <= 0x24F);
    return p->pause >= TEXT_PAUSE_SENTENCE && latin;
}

static void add_piece(hse_buf *words, hse_buf *pieces, const char *text, size_t size, unsigned pause)
{
    sentence next = {.from = words->size, .to = words->size + size, .pause_ms = pause};

    hse_buf_append(words, text, size);
    hse_buf_append(pieces, &next, sizeof next);
}

/* A sentence as the model wants it cut: the pause is behind its last piece. */
static hse_status cut_sentence(hse_buf *words, hse_buf *pieces, const hse_buf *text, unsigned pause, const char *language,
                               hse_cut_fn *cut, hse_error *err)
{
    const char **list = NULL;
    size_t count = 0;
    hse_arena arena;

    hse_arena_init(&arena, MAX_WORDS);
    hse_status s = cut(language, hse_buf_text(text), text->size, &arena, &list, &count, err);
    for (size_t i = 0; s == HSE_OK && i < count; i++)
        add_piece(words, pieces, list[i], strlen(list[i]), i + 1 == count ? pause : 0);
    hse_arena_free(&arena);
    return s;
}

static hse_status read_pieces(text_reader *r, const char *language, hse_cut_fn *cut, hse_buf *words, hse_buf *pieces, hse_error *err)
{
    hse_status s = HSE_OK;
    bool more = true;
    hse_buf text;

    hse_buf_init(&text, MAX_WORDS);

    while (s == HSE_OK) {
        text_piece p;

        if ((s = text_reader_next(r, &p, &more, err)) != HSE_OK || !more)
            break;
        hse_buf_clear(&text);
        hse_buf_append(&text, p.words, p.size);
        if (r->mode == TEXT_MODE_ON && lacks_stop(&p))
            hse_buf_byte(&text, '.');
        if ((s = hse_buf_status(&text, "a sentence of input", err)) == HSE_OK && cut)
            s = cut_sentence(words, pieces, &text, pause_ms[p.pause], language, cut, err);
        else if (s == HSE_OK)
            add_piece(words, pieces, hse_buf_text(&text), text.size, pause_ms[p.pause]);
        if (s == HSE_OK && (s = hse_buf_status(words, "the words of input", err)) == HSE_OK)
            s = hse_buf_status(pieces, "the sentences of input", err);
    }
    hse_buf_free(&text);
    return s;
}

hse_status hse_prosody_split(char **words, sentence **out, size_t *count, const char *text, size_t size, const char *language,
                             text_mode mode, hse_cut_fn *cut, hse_error *err)
{
    text_reader r;
    hse_buf text_out, pieces;
    hse_status s = text_reader_open(&r, language, mode, text, size, 0, err);

    if (s != HSE_OK)
        return s;
    hse_buf_init(&text_out, MAX_WORDS);
    hse_buf_init(&pieces, MAX_PIECES * sizeof(sentence));
    s = read_pieces(&r, language, cut, &text_out, &pieces, err);
    if (s == HSE_OK && pieces.size) {
        sentence *list = (sentence *)(void *)pieces.data;

        *count = pieces.size / sizeof *list;
        list[*count - 1].pause_ms = 0;                  /* behind the last word there is nothing to wait for */
        *words = hse_buf_take(&text_out, NULL);
        *out = (sentence *)(void *)hse_buf_take(&pieces, NULL);
    }
    text_reader_close(&r);
    hse_buf_free(&text_out);
    hse_buf_free(&pieces);
    return s;
}
