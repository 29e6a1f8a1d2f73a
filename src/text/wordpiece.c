#include "text/wordpiece.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

enum { MAX_TOKENS = 1 << 20, MAX_BYTES = 64 << 20, MAX_WORD = 100, MAX_TOKEN = 1024 };

static const char *const specials[] = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};

struct text_wordpiece {
    uint64_t  seed[2];
    char     *bytes;                        /* the tokens, each with a 0 behind it */
    uint32_t *at, *slots;                   /* of token i in bytes; id + 1 by hash, 0 = free */
    size_t    count, mask, longest;         /* longest: bytes of a token */
    int32_t   unknown;
    text_wordpiece_options how;
};

/* ---- the vocabulary ---- */

static size_t token_size(const text_wordpiece *w, size_t i)
{
    return w->at[i + 1] - w->at[i] - 1;
}

static int32_t find(const text_wordpiece *w, const char *token, size_t size)
{
    if (size > w->longest)
        return -1;
    for (size_t i = (size_t)hse_hash(w->seed, token, size) & w->mask; w->slots[i]; i = (i + 1) & w->mask) {
        size_t id = w->slots[i] - 1;

        if (token_size(w, id) == size && memcmp(w->bytes + w->at[id], token, size) == 0)
            return (int32_t)id;
    }
    return -1;
}

static void put(text_wordpiece *w, size_t id)
{
    const char *token = w->bytes + w->at[id];
    size_t size = token_size(w, id), i = (size_t)hse_hash(w->seed, token, size) & w->mask;

    for (; w->slots[i]; i = (i + 1) & w->mask) {
        size_t other = w->slots[i] - 1;

        if (token_size(w, other) == size && memcmp(w->bytes + w->at[other], token, size) == 0)
            break;                          /* of equal ones the last counts */
    }
    w->slots[i] = (uint32_t)id + 1;
    w->longest = size > w->longest ? size : w->longest;
}

static hse_status read_tokens(text_wordpiece *w, hse_bytes file, const char *name, hse_error *err)
{
    size_t to = 0, line = 0;

    for (size_t from = 0; from < file.size; line++) {
        const uint8_t *end = memchr(file.data + from, '\n', file.size - from);
        size_t stop = end ? (size_t)(end - file.data) : file.size, size = stop - from;

        if (size && file.data[stop - 1] == '\r')
            size--;
        if (size > MAX_TOKEN)
            return hse_fail(err, HSE_E_FORMAT, from, "%.80s: token %zu is %zu bytes long; at most %d", name, line, size,
                            MAX_TOKEN);
        if (memchr(file.data + from, 0, size) || !hse_utf8_valid((const char *)file.data + from, size, NULL))
            return hse_fail(err, HSE_E_FORMAT, from, "%.80s: token %zu is not UTF-8", name, line);
        w->at[line] = (uint32_t)to;
        memcpy(w->bytes + to, file.data + from, size);
        to += size;
        w->bytes[to++] = '\0';
        from = stop + 1;
    }
    w->at[line] = (uint32_t)to;
    w->count = line;
    for (size_t i = 0; i < line; i++)
        put(w, i);
    w->unknown = find(w, "[UNK]", 5);
    return w->unknown >= 0 ? HSE_OK : hse_fail(err, HSE_E_FORMAT, 0, "%.80s has no token [UNK]", name);
}

hse_status text_wordpiece_open(text_wordpiece **out, hse_bytes vocabulary, const char *name,
                               const text_wordpiece_options *options, hse_error *err)
{
    text_wordpiece *w;
    size_t lines = 1, slots = 16;
    hse_status s = HSE_OK;

    if (vocabulary.size > MAX_BYTES)
        return hse_fail(err, HSE_E_LIMIT, 0, "%.80s has %zu bytes; at most %d", name, vocabulary.size, MAX_BYTES);
    for (size_t i = 0; i < vocabulary.size; i++)
        lines += vocabulary.data[i] == '\n';
    if (lines > MAX_TOKENS)
        return hse_fail(err, HSE_E_LIMIT, 0, "%.80s has %zu tokens; at most %d", name, lines, MAX_TOKENS);
    while (slots < 2 * lines)
        slots *= 2;
    if (!(w = hse_calloc(1, sizeof *w)) || !(w->bytes = hse_alloc(vocabulary.size + lines + 1)) ||
        !(w->at = hse_calloc(lines + 1, sizeof *w->at)) || !(w->slots = hse_calloc(slots, sizeof *w->slots)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for a vocabulary of %zu tokens", lines);
    if (s == HSE_OK) {
        hse_hash_seed(w->seed);
        w->mask = slots - 1;
        w->how = *options;
        s = read_tokens(w, vocabulary, name, err);
    }
    if (s != HSE_OK)
        text_wordpiece_close(&w);
    else
        *out = w;
    return s;
}

void text_wordpiece_close(text_wordpiece **w)
{
    if (!*w)
        return;
    hse_free((*w)->bytes);
    hse_free((*w)->at);
    hse_free((*w)->slots);
    hse_free(*w);
    *w = NULL;
}

const char *text_wordpiece_token(const text_wordpiece *w, int32_t id)
{
    return id >= 0 && (size_t)id < w->count ? w->bytes + w->at[id] : NULL;
}

int32_t text_wordpiece_find(const text_wordpiece *w, const char *token)
{
    return find(w, token, strlen(token));
}

size_t text_wordpiece_count(const text_wordpiece *w)
{
    return w->count;
}

/* ---- pieces ---- */

static void give(hse_buf *ids, int32_t id)
{
    hse_buf_append(ids, &id, sizeof id);
}

hse_status text_wordpiece_word(const text_wordpiece *w, const char *word, size_t size, hse_buf *ids, hse_error *err)
{
    char piece[MAX_WORD * 4 + 2] = "##";
    size_t chars = 0, start = ids->size;

    for (size_t i = 0; i < size; i++)
        chars += ((uint8_t)word[i] & 0xC0) != 0x80;
    if (chars > MAX_WORD || size > MAX_WORD * 4) {
        give(ids, w->unknown);
    } else {
        for (size_t from = 0; from < size;) {
            size_t head = from ? 2 : 0, to = size;
            int32_t id = -1;

            memcpy(piece + 2, word + from, size - from);
            if (to - from > w->longest)
                to = from + w->longest;
            for (; to > from; to--) {
                if (to < size && ((uint8_t)word[to] & 0xC0) == 0x80)
                    continue;               /* inside a character */
                if ((id = find(w, piece + 2 - head, head + to - from)) >= 0)
                    break;
            }
            if (id < 0) {                   /* a part without a cover: the whole word is unknown */
                ids->size = start;
                give(ids, w->unknown);
                break;
            }
            give(ids, id);
            from = to;
        }
    }
    return hse_buf_status(ids, "the tokens", err);
}

/* ---- words ---- */

/* 0x2B920: a slip of the tokenizers library (the block begins at 2B820), which the originals run. */
static bool is_ideograph(int32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static bool is_punctuation(int32_t c)
{
    utf8proc_category_t k;

    if (c < 128)
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
    k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

static bool stands_alone(const text_wordpiece *w, int32_t c)
{
    return is_punctuation(c) || (!w->how.join_ideographs && is_ideograph(c));
}

typedef enum { LETTER, SPACE, DROPPED, ALONE } char_kind;

/* Characters that Unicode has not assigned are letters: of a text in newer Unicode nothing is lost. */
static char_kind kind_of(const text_wordpiece *w, int32_t c)
{
    utf8proc_category_t k;

    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return SPACE;
    if (c == 0 || c == 0xFFFD)
        return DROPPED;
    k = utf8proc_category(c);
    if (k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP)
        return SPACE;
    if (k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CS || k == UTF8PROC_CATEGORY_CO)
        return DROPPED;
    return stands_alone(w, c) ? ALONE : LETTER;
}

typedef struct {
    const text_wordpiece *w;
    hse_buf              *ids;
    char                  word[(MAX_WORD + 2) * 4];     /* enough to see that it is too long */
    size_t                size, chars;
} cutter;

static hse_status end_word(cutter *k, hse_error *err)
{
    hse_status s = HSE_OK;

    if (k->chars > MAX_WORD)
        give(k->ids, k->w->unknown);
    else if (k->size)
        s = text_wordpiece_word(k->w, k->word, k->size, k->ids, err);
    k->size = k->chars = 0;
    return s == HSE_OK ? hse_buf_status(k->ids, "the tokens", err) : s;
}

static hse_status put_char(cutter *k, int32_t c, hse_error *err)
{
    bool alone = stands_alone(k->w, c);
    hse_status s = alone ? end_word(k, err) : HSE_OK;

    if (k->chars++ <= MAX_WORD)
        k->size += hse_utf8_put(k->word + k->size, (uint32_t)c);
    return s == HSE_OK && alone ? end_word(k, err) : s;
}

/* Accents and case of one character. */
static hse_status fold_char(cutter *k, int32_t c, hse_error *err)
{
    utf8proc_int32_t part[32] = {c};
    utf8proc_ssize_t n = 1;
    hse_status s = HSE_OK;

    if (k->w->how.strip_accents) {
        n = utf8proc_decompose_char(c, part, COUNT(part), UTF8PROC_DECOMPOSE, NULL);
        if (n < 0 || n > (utf8proc_ssize_t)COUNT(part)) {
            part[0] = c;
            n = 1;
        }
    }
    for (utf8proc_ssize_t i = 0; i < n && s == HSE_OK; i++) {
        if (k->w->how.strip_accents && utf8proc_category(part[i]) == UTF8PROC_CATEGORY_MN)
            continue;
        if (k->w->how.lower && part[i] == 0x130) {      /* the one letter whose small form is two */
            s = put_char(k, 'i', err);
            part[i] = 0x307;
        }
        if (s == HSE_OK)
            s = put_char(k, k->w->how.lower ? utf8proc_tolower(part[i]) : part[i], err);
    }
    return s;
}

/* The special token that begins here, or NULL. */
static const char *special_at(const char *text, size_t left)
{
    for (size_t i = 0; i < COUNT(specials); i++)
        if (left >= strlen(specials[i]) && memcmp(text, specials[i], strlen(specials[i])) == 0)
            return specials[i];
    return NULL;
}

hse_status text_wordpiece_run(const text_wordpiece *w, const char *text, size_t size, hse_buf *ids, hse_error *err)
{
    cutter k = {.w = w, .ids = ids};
    hse_status s = HSE_OK;

    for (size_t i = 0; i < size && s == HSE_OK;) {
        const char *special = text[i] == '[' ? special_at(text + i, size - i) : NULL;
        uint32_t c = 0xFFFD;
        size_t length;

        if (special && find(w, special, strlen(special)) >= 0) {
            s = end_word(&k, err);
            give(ids, find(w, special, strlen(special)));
            i += strlen(special);
            continue;
        }
        length = hse_utf8_next(text + i, size - i, &c);
        i += length ? length : 1;
        switch (kind_of(w, (int32_t)c)) {
        case SPACE: s = end_word(&k, err); break;
        case DROPPED: break;
        case ALONE:
            s = end_word(&k, err);
            if (s == HSE_OK)
                s = fold_char(&k, (int32_t)c, err);
            if (s == HSE_OK)
                s = end_word(&k, err);
            break;
        case LETTER: s = fold_char(&k, (int32_t)c, err); break;
        }
    }
    return s == HSE_OK ? end_word(&k, err) : s;
}
