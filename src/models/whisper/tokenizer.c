/* tokenizer.c - ids with a meaning, text to ids and back, suppressed ids. split_words.c cuts ids into words. */
#include "models/whisper/tokenizer_internal.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "formats/zip.h"
#include "text/ascii.h"

#include <stdio.h>
#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------------- special ids */

/* The id of a special token, which is entered as number `otherwise` where the files do not list it. */
static hse_status special_id(whisper_tokenizer *t, const char *name, int32_t otherwise, int32_t *out, hse_error *err)
{
    size_t n = strlen(name);
    int32_t id = bpe_find(t->b, name, n);

    *out = id >= 0 ? id : otherwise;
    return bpe_add_special(t->b, *out, name, n, err);
}

static int32_t language_token(const whisper_tokenizer *t, int i)
{
    char name[16];
    int n = snprintf(name, sizeof name, "<|%s|>", whisper_languages[i].code);

    return bpe_find(t->b, name, (size_t)n);
}

/* Those that the files list, one after another from <|en|> on; or as many as the model's number of ids leaves room for. */
static hse_status find_languages(whisper_tokenizer *t, int32_t vocab, hse_error *err)
{
    enum { OTHERS = 1 + 6 }; /* <|startoftranscript|>, <|translate|> ... <|notimestamps|> */
    whisper_special *s = &t->special;
    int32_t first = language_token(t, 0);
    int most = WHISPER_LANGUAGES;

    s->language_begin = first >= 0 ? first : s->sot + 1;
    if (first < 0) {
        most = vocab ? vocab - (s->eot + 1) - OTHERS - WHISPER_TIMES : WHISPER_LANGUAGES - 1;
        if (most < 1 || most > WHISPER_LANGUAGES)
            return hse_fail(err, HSE_E_FORMAT, 0,
                            "the vocabulary lists no special tokens, and the model's %d ids leave no room for 1 to %d "
                            "languages after <|endoftext|> (%d)",
                            vocab, WHISPER_LANGUAGES, s->eot);
    }
    for (int i = 0; i < most; i++) {
        char name[16];
        int32_t id;
        if (first >= 0 && language_token(t, i) != first + i)
            break;
        snprintf(name, sizeof name, "<|%s|>", whisper_languages[i].code);
        hse_status st = special_id(t, name, s->language_begin + i, &id, err);
        if (st != HSE_OK)
            return st;
        s->languages = i + 1;
    }
    return HSE_OK;
}

static hse_status find_specials(whisper_tokenizer *t, int32_t vocab, hse_error *err)
{
    whisper_special *s = &t->special;
    const char *no_speech = bpe_find(t->b, "<|nospeech|>", 12) < 0 && bpe_find(t->b, "<|nocaptions|>", 14) >= 0
                                ? "<|nocaptions|>"
                                : "<|nospeech|>";
    hse_status st;

    if ((st = special_id(t, "<|endoftext|>", (int32_t)bpe_count(t->b), &s->eot, err)) != HSE_OK ||
        (st = special_id(t, "<|startoftranscript|>", s->eot + 1, &s->sot, err)) != HSE_OK ||
        (st = find_languages(t, vocab, err)) != HSE_OK)
        return st;
    int32_t next = s->language_begin + s->languages;
    if ((st = special_id(t, "<|translate|>", next, &s->translate, err)) != HSE_OK ||
        (st = special_id(t, "<|transcribe|>", next + 1, &s->transcribe, err)) != HSE_OK ||
        (st = special_id(t, "<|startoflm|>", next + 2, &s->sot_lm, err)) != HSE_OK ||
        (st = special_id(t, "<|startofprev|>", next + 3, &s->sot_prev, err)) != HSE_OK ||
        (st = special_id(t, no_speech, next + 4, &s->no_speech, err)) != HSE_OK ||
        (st = special_id(t, "<|notimestamps|>", next + 5, &s->no_timestamps, err)) != HSE_OK)
        return st;
    s->timestamp_begin = s->no_timestamps + 1;
    s->vocab = vocab ? vocab : s->timestamp_begin + WHISPER_TIMES;
    return HSE_OK;
}

/* The rest of the program relies on this order. */
static hse_status check_order(const whisper_special *s, size_t ids, hse_error *err)
{
    const struct {
        const char *name;
        int32_t id;
    } inside[] = {
        {"<|startoftranscript|>", s->sot},
        {"<|en|>", s->language_begin},
        {"the last language", s->language_begin + s->languages - 1},
        {"<|translate|>", s->translate},
        {"<|transcribe|>", s->transcribe},
        {"<|startoflm|>", s->sot_lm},
        {"<|startofprev|>", s->sot_prev},
        {"<|nospeech|>", s->no_speech},
    };

    for (size_t i = 0; i < COUNT(inside); i++)
        if (inside[i].id <= s->eot || inside[i].id >= s->no_timestamps)
            return hse_fail(err, HSE_E_FORMAT, 0, "%s has the id %d, which is not between <|endoftext|> (%d) and "
                            "<|notimestamps|> (%d)", inside[i].name, inside[i].id, s->eot, s->no_timestamps);
    if (s->sot >= s->language_begin)
        return hse_fail(err, HSE_E_FORMAT, 0, "<|startoftranscript|> (%d) is not before <|en|> (%d)", s->sot,
                        s->language_begin);
    int32_t needed = s->timestamp_begin + WHISPER_TIMES;
    if (ids > (size_t)needed)
        needed = (int32_t)ids;
    if (s->vocab < needed)
        return hse_fail(err, HSE_E_FORMAT, 0, "the model has %d ids, the vocabulary needs %d: they do not belong together",
                        s->vocab, needed);
    return HSE_OK;
}

/* ------------------------------------------------------------------------------------------------ suppressed ids */

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static void sort_unique(bpe_ids *ids)
{
    size_t n = 0;

    if (ids->count == 0)
        return;
    qsort(ids->id, ids->count, sizeof *ids->id, by_value);
    for (size_t i = 0; i < ids->count; i++)
        if (i == 0 || ids->id[i] != ids->id[n - 1])
            ids->id[n++] = ids->id[i];
    ids->count = n;
}

/* The first id of " symbol" or "symbol", where that is its only one or `first` is enough. */
static hse_status add_symbol(whisper_tokenizer *t, const char *symbol, bool first, bpe_ids *scratch, hse_error *err)
{
    hse_status s = HSE_OK;

    for (int space = 0; space < 2 && s == HSE_OK; space++) {
        char text[16];
        int n = snprintf(text, sizeof text, "%s%s", space ? " " : "", symbol);
        scratch->count = 0;
        s = whisper_encode(t, text, (size_t)n, scratch, err);
        if (s == HSE_OK && scratch->count && (scratch->count == 1 || first))
            s = bpe_ids_add(&t->non_speech, scratch->id[0], err);
    }
    return s;
}

static hse_status find_non_speech(whisper_tokenizer *t, hse_error *err)
{
    static const char *const symbols[] = {
        "\"", "#",  "(",  ")",   "*",   "+",   "/",  ":",  ";",  "<",  "=",   ">",   "@",  "[",   "\\",  "]",
        "^",  "_",  "`",  "{",   "|",   "}",   "~",  "「", "」", "『", "』",  "<<",  ">>", "<<<", ">>>", "--",
        "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[", "]]", "{{", "}}", "♪♪", "♪♪♪",
    };
    static const char *const notes[] = {"♩", "♪", "♫", "♬", "♭", "♮", "♯"};
    static const char *const openings[] = {" -", " '"}; /* fine inside a word, not before one */
    bpe_ids scratch = {0};
    hse_status s = HSE_OK;

    for (size_t i = 0; i < COUNT(openings) && s == HSE_OK; i++) {
        scratch.count = 0;
        s = whisper_encode(t, openings[i], 2, &scratch, err);
        if (s == HSE_OK && scratch.count)
            s = bpe_ids_add(&t->non_speech, scratch.id[0], err);
    }
    for (size_t i = 0; i < COUNT(symbols) && s == HSE_OK; i++)
        s = add_symbol(t, symbols[i], false, &scratch, err);
    for (size_t i = 0; i < COUNT(notes) && s == HSE_OK; i++)
        s = add_symbol(t, notes[i], true, &scratch, err);
    bpe_ids_free(&scratch);
    sort_unique(&t->non_speech);
    return s;
}

const int32_t *whisper_non_speech(const whisper_tokenizer *t, size_t *n)
{
    *n = t->non_speech.count;
    return t->non_speech.id;
}

hse_status whisper_suppressed(const whisper_tokenizer *t, const int32_t *tokens, size_t n, bpe_ids *out, hse_error *err)
{
    static const int32_t usual = -1;
    const whisper_special *sp = &t->special;
    const int32_t always[] = {sp->transcribe, sp->translate, sp->sot, sp->sot_prev, sp->sot_lm, sp->no_speech};
    hse_status s = HSE_OK;

    if (!tokens) {
        tokens = &usual;
        n = 1;
    }
    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        if (tokens[i] < -1 || tokens[i] >= sp->vocab)
            return hse_fail(err, HSE_E_ARG, 0, "suppress_tokens: %d is no id of this model (0 to %d, or -1)", tokens[i],
                            sp->vocab - 1);
        if (tokens[i] >= 0)
            s = bpe_ids_add(out, tokens[i], err);
        for (size_t k = 0; tokens[i] < 0 && k < t->non_speech.count && s == HSE_OK; k++)
            s = bpe_ids_add(out, t->non_speech.id[k], err);
    }
    for (size_t i = 0; i < COUNT(always) && s == HSE_OK; i++)
        s = bpe_ids_add(out, always[i], err);
    sort_unique(out);
    return s;
}

/* ------------------------------------------------------------------------------------------------- opening, closing */

hse_status whisper_tokenizer_from(whisper_tokenizer **out, vocabulary *v, int32_t vocab, hse_error *err)
{
    whisper_tokenizer *t = hse_calloc(1, sizeof *t);
    hse_status s;

    if (!t) {
        vocabulary_close(v);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a tokenizer");
    }
    t->b = v->b;
    t->plain = v->plain;
    *v = (vocabulary){0};
    for (size_t id = 0; id < bpe_count(t->b) && !t->special.multilingual; id++) {
        hse_bytes token = bpe_token(t->b, (int32_t)id);
        t->special.multilingual = token.data && token.size == 0;
    }
    if ((s = find_specials(t, vocab, err)) == HSE_OK && (s = check_order(&t->special, bpe_count(t->b), err)) == HSE_OK) {
        sort_unique(&t->plain);
        bpe_finish(t->b);
        s = find_non_speech(t, err);
    }
    if (s != HSE_OK) {
        whisper_tokenizer_close(&t);
        return s;
    }
    *out = t;
    return HSE_OK;
}

void whisper_tokenizer_close(whisper_tokenizer **at)
{
    whisper_tokenizer *t = *at;

    *at = NULL;
    if (!t)
        return;
    bpe_close(&t->b);
    bpe_ids_free(&t->plain);
    bpe_ids_free(&t->non_speech);
    hse_free(t);
}

typedef hse_status read_file(vocabulary *v, hse_bytes text, hse_error *err);

static hse_status read_from(vocabulary *v, const char *path, read_file *f, hse_error *err)
{
    hse_map map = {.fd = -1};
    hse_status s = hse_map_open(&map, path, err);

    if (s != HSE_OK)
        return s;
    if (map.bytes.size > VOCABULARY_MAX_FILE)
        s = hse_fail(err, HSE_E_LIMIT, 0, "%zu bytes, the limit is %d", map.bytes.size, VOCABULARY_MAX_FILE);
    else
        s = f(v, map.bytes, err);
    hse_map_close(&map);
    return s == HSE_OK ? s : hse_fail_in(err, s, "%s", path);
}

hse_status whisper_tokenizer_open(whisper_tokenizer **out, const whisper_tokenizer_files *f, hse_error *err)
{
    const char *path = f->tokenizer_json ? f->tokenizer_json
                       : f->vocab_json   ? f->vocab_json
                       : f->vocabulary   ? f->vocabulary
                                         : f->tiktoken;
    vocabulary v;
    hse_status s;

    if (!path)
        return hse_fail(err, HSE_E_NOT_FOUND, 0,
                        "no vocabulary: tokenizer.json, vocab.json with merges.txt, vocabulary.json or a .tiktoken file");
    if (path == f->vocab_json && !f->merges_txt)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "%s needs merges.txt beside it", path);
    if ((s = vocabulary_open(&v, err)) != HSE_OK)
        return s;
    if (path == f->tokenizer_json)
        s = read_from(&v, path, vocabulary_tokenizer_json, err);
    else if (path == f->vocabulary)
        s = read_from(&v, path, vocabulary_list, err);
    else if (path == f->tiktoken)
        s = read_from(&v, path, vocabulary_tiktoken, err);
    else if ((s = read_from(&v, path, vocabulary_vocab_json, err)) == HSE_OK &&
             (s = read_from(&v, f->merges_txt, vocabulary_merges_txt, err)) == HSE_OK && f->added_tokens_json)
        s = read_from(&v, f->added_tokens_json, vocabulary_added_json, err);
    if (s != HSE_OK) {
        vocabulary_close(&v);
        return s;
    }
    s = whisper_tokenizer_from(out, &v, f->vocab, err);
    return s == HSE_OK ? s : hse_fail_in(err, s, "%s", path);
}

/* ------------------------------------------------------------------------------------------------------- questions */

const whisper_special *whisper_specials(const whisper_tokenizer *t)
{
    return &t->special;
}

int32_t whisper_language_id(const whisper_tokenizer *t, const char *code_or_name)
{
    int i = whisper_find_language(code_or_name);

    if (i < 0 || i >= t->special.languages || (!t->special.multilingual && i != 0))
        return -1;
    return t->special.language_begin + i;
}

const char *whisper_language_of(const whisper_tokenizer *t, int32_t id)
{
    int32_t i = id - t->special.language_begin;

    return i >= 0 && i < t->special.languages ? whisper_languages[i].code : NULL;
}

hse_bytes whisper_token_bytes(const whisper_tokenizer *t, int32_t id)
{
    return id < t->special.eot ? bpe_token(t->b, id) : (hse_bytes){0};
}

/* --------------------------------------------------------------------------------------------------- text and ids */

hse_status whisper_encode(const whisper_tokenizer *t, const char *text, size_t size, bpe_ids *out, hse_error *err)
{
    return bpe_encode(t->b, text, size, true, out, err);
}

void whisper_stream_put(const whisper_tokenizer *t, whisper_stream *s, int32_t id, hse_buf *out)
{
    uint8_t bytes[sizeof s->held + BPE_MAX_TOKEN_BYTES];
    hse_bytes token = whisper_token_bytes(t, id);
    size_t n = s->n_held + token.size;

    if (token.size == 0)
        return;
    memcpy(bytes, s->held, s->n_held);
    memcpy(bytes + s->n_held, token.data, token.size);
    s->n_held = bpe_incomplete(bytes, n);
    bpe_put_utf8(out, bytes, n - s->n_held);
    memcpy(s->held, bytes + n - s->n_held, s->n_held);
}

void whisper_stream_end(whisper_stream *s, hse_buf *out)
{
    bpe_put_utf8(out, s->held, s->n_held);
    s->n_held = 0;
}

void whisper_decode(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out)
{
    whisper_stream s = {0};

    for (size_t i = 0; i < n; i++)
        whisper_stream_put(t, &s, ids[i], out);
    whisper_stream_end(&s, out);
}

void whisper_decode_with_timestamps(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out)
{
    whisper_stream s = {0};

    for (size_t i = 0; i < n; i++) {
        if (ids[i] < t->special.timestamp_begin || ids[i] > BPE_MAX_TOKENS) {
            whisper_stream_put(t, &s, ids[i], out);
            continue;
        }
        whisper_stream_end(&s, out);
        int32_t hundredths = (ids[i] - t->special.timestamp_begin) * 2;
        hse_buf_printf(out, "<|%d.%02d|>", hundredths / 100, hundredths % 100);
    }
    whisper_stream_end(&s, out);
}

void whisper_decode_all(const whisper_tokenizer *t, const int32_t *ids, size_t n, bool special, hse_buf *out)
{
    hse_buf bytes;

    hse_buf_init(&bytes, out->ceiling);
    for (size_t i = 0; i < n; i++) {
        hse_bytes token = bpe_token(t->b, ids[i]);
        bool plain = ids[i] < t->special.eot ||
                     (t->plain.count && bsearch(&ids[i], t->plain.id, t->plain.count, sizeof *t->plain.id, by_value));
        if (plain || special)
            hse_buf_append(&bytes, token.data, token.size);
    }
    if (bytes.status == HSE_OK)
        bpe_put_utf8(out, bytes.data, bytes.size);
    else
        out->status = bytes.status;
    hse_buf_free(&bytes);
}

/* ----------------------------------------------------------------------------------------------------------- measures */

hse_status whisper_compression_ratio(const char *text, size_t size, double *out, hse_error *err)
{
    size_t packed = 0;
    hse_status s = zip_packed_size((const uint8_t *)text, size, 6, &packed, err);

    if (s == HSE_OK)
        *out = (double)size / (double)packed;
    return s;
}

void whisper_strip(const char **text, size_t *size)
{
    const char *from, *end;
    uint32_t c;
    size_t n;

    if (*size == 0)
        return;
    from = *text;
    end = from + *size;
    while (from < end && (n = hse_utf8_next(from, (size_t)(end - from), &c)) > 0 && text_is_space(c))
        from += n;
    while (end > from) {
        n = 1;
        while (n < 4 && n < (size_t)(end - from) && ((unsigned char)end[-(ptrdiff_t)n] & 0xC0) == 0x80)
            n++;
        if (hse_utf8_next(end - n, n, &c) != n || !text_is_space(c))
            break;
        end -= n;
    }
    *text = from;
    *size = (size_t)(end - from);
}

char *whisper_keep_text(hse_arena *arena, const char *text, size_t size)
{
    static const char instead[] = "\xef\xbf\xbd";
    size_t nuls = 0;
    char *copy, *to;

    for (size_t i = 0; i < size; i++)
        nuls += text[i] == '\0';
    if (!(copy = to = hse_arena_alloc(arena, size + 2 * nuls + 1)))
        return NULL;
    for (size_t i = 0; i < size; i++)
        if (text[i])
            *to++ = text[i];
        else
            for (const char *c = instead; *c; c++)
                *to++ = *c;
    *to = '\0';
    return copy;
}
