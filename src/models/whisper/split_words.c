/* split_words.c - ids cut into words, as faster-whisper's tokenizer does it.
 *
 * A piece ends where the bytes so far are whole characters, or where what is broken in them is broken in the full text, too.
 * With spaces between words, a piece that begins without one and is no punctuation joins the word before it. */
#include "models/whisper/tokenizer_internal.h"

#include "base/mem.h"

enum { MAX_IDS = 8192 };    /* a piece is decoded again with each id that joins it */

static bool has_no_spaces(const char *language)
{
    static const char *const codes[] = {"zh", "ja", "th", "lo", "my", "yue"};

    for (size_t i = 0; language && i < COUNT(codes); i++)
        if (strcmp(language, codes[i]) == 0)
            return true;
    return false;
}

static const char replacement[] = "\xEF\xBF\xBD";

static size_t characters(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* The first U+FFFD of a text, counted in characters; false when there is none. */
static bool find_replacement(const hse_buf *text, size_t *at)
{
    const char *p = text->size ? memmem(text->data, text->size, replacement, 3) : NULL;

    if (!p)
        return false;
    *at = characters((const char *)text->data, (size_t)(p - (const char *)text->data));
    return true;
}

/* The full text, walked forwards once: is its character number `index` a U+FFFD? */
typedef struct {
    const hse_buf *text;
    size_t byte, index;
} walker;

static bool is_replacement(walker *w, size_t index)
{
    const uint8_t *p = w->text->data;
    size_t n = w->text->size;

    while (w->index < index && w->byte < n) {
        w->byte++;
        while (w->byte < n && (p[w->byte] & 0xC0) == 0x80)
            w->byte++;
        w->index++;
    }
    return w->index == index && n - w->byte >= 3 && memcmp(p + w->byte, replacement, 3) == 0;
}

typedef struct {
    const whisper_tokenizer *t;
    const int32_t *ids;
    bool spaces;
    whisper_words *out;
    hse_buf text;   /* the words' texts, each followed by a 0 */
    size_t capacity;
} splitter;

/* Python's `piece.strip() in string.punctuation`: a part of it, and also nothing at all. */
static bool is_punctuation(const char *text, size_t size)
{
    static const char all[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    whisper_strip(&text, &size);
    return size == 0 || memmem(all, sizeof all - 1, text, size);
}

/* Texts are offsets until the buffer has stopped moving. */
static hse_status add_piece(splitter *s, size_t first, size_t count, const hse_buf *piece, hse_error *err)
{
    whisper_words *w = s->out;
    const char *text = hse_buf_text(piece);
    bool joins = s->spaces && w->count && s->ids[first] < s->t->special.eot && !(piece->size && text[0] == ' ') &&
                 !is_punctuation(text, piece->size);

    if (joins) {
        hse_buf_append(&s->text, piece->data, piece->size);
        w->word[w->count - 1].size += piece->size;
        w->word[w->count - 1].count += count;
        return HSE_OK;
    }
    if (w->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 32;
        whisper_word *word = hse_realloc(w->word, capacity * sizeof *word);
        if (!word)
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", w->count + 1);
        w->word = word;
        s->capacity = capacity;
    }
    if (w->count)
        hse_buf_byte(&s->text, 0);
    w->word[w->count++] = (whisper_word){NULL, piece->size, first, count};
    hse_buf_append(&s->text, piece->data, piece->size);
    return HSE_OK;
}

static hse_status split(splitter *s, size_t n, const hse_buf *full, hse_buf *piece, hse_error *err)
{
    walker w = {full, 0, 0};
    size_t first = 0, offset = 0, at;
    hse_status st = HSE_OK;

    for (size_t i = 0; i < n && st == HSE_OK; i++) {
        hse_buf_clear(piece);
        whisper_decode_with_timestamps(s->t, s->ids + first, i + 1 - first, piece);
        if (piece->status != HSE_OK)
            return hse_buf_status(piece, "a word", err);
        if (find_replacement(piece, &at) && !is_replacement(&w, offset + at))
            continue;
        st = add_piece(s, first, i + 1 - first, piece, err);
        offset += characters((const char *)piece->data, piece->size);
        first = i + 1;
    }
    return st;
}

hse_status whisper_split_words(const whisper_tokenizer *t, const char *language, const int32_t *ids, size_t n,
                               whisper_words *out, hse_error *err)
{
    whisper_words words = {0};
    splitter s = {.t = t, .ids = ids, .spaces = !has_no_spaces(language), .out = &words};
    hse_buf full, piece;
    hse_status st;

    if (n > MAX_IDS)
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu tokens to cut into words, the limit is %d", n, MAX_IDS);
    hse_buf_init(&full, (n + 1) * 4 * BPE_MAX_TOKEN_BYTES);
    hse_buf_init(&piece, full.ceiling);
    hse_buf_init(&s.text, full.ceiling + n);
    whisper_decode_with_timestamps(t, ids, n, &full);
    st = hse_buf_status(&full, "the text", err);
    if (st == HSE_OK && (st = split(&s, n, &full, &piece, err)) == HSE_OK)
        st = hse_buf_status(&s.text, "the words", err);
    hse_buf_free(&full);
    hse_buf_free(&piece);
    if (st == HSE_OK && words.count) {
        hse_buf_byte(&s.text, 0);
        words.text = hse_buf_take(&s.text, NULL);
        if (!words.text)
            st = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", words.count);
    }
    if (st != HSE_OK) {
        hse_buf_free(&s.text);
        whisper_words_free(&words);
        return st;
    }
    const char *at = words.text;
    for (size_t i = 0; i < words.count; i++) {
        words.word[i].text = at;
        at += words.word[i].size + 1;
    }
    hse_buf_free(&s.text);
    *out = words;
    return HSE_OK;
}

void whisper_words_free(whisper_words *w)
{
    hse_free(w->word);
    hse_free(w->text);
    *w = (whisper_words){0};
}
