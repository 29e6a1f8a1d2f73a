/* vocabulary.c - tokenizer.json, vocab.json with merges.txt, CTranslate2's vocabulary.json and .txt, and tiktoken files.
 *
 * They are read token by token, without a tree: a tokenizer.json has 100,000 values, and a tree of it takes longer to make
 * than all that is done with it. */
#include "models/whisper/vocabulary.h"

#include "base/utf8.h"
#include "formats/jscan.h"
#include "formats/names.h"

enum { NAME_ROOM = 2 * BPE_MAX_TOKEN_BYTES + 2 };  /* a name has at most two bytes for each of the token's */

hse_status vocabulary_open(vocabulary *v, hse_error *err)
{
    *v = (vocabulary){0};
    return bpe_open(&v->b, BPE_MAX_TOKENS, err);
}

void vocabulary_close(vocabulary *v)
{
    bpe_close(&v->b);
    bpe_ids_free(&v->plain);
}

static const char end_of_text[] = "<|endoftext|>";

static bool is_end_of_text(const char *name, size_t n)
{
    return n == sizeof end_of_text - 1 && memcmp(name, end_of_text, n) == 0;
}

/* A name of the byte alphabet, or, as the decoders of such files do it, the text as it stands. */
static hse_status add_name(vocabulary *v, uint64_t id, const char *name, size_t n, hse_error *err)
{
    uint8_t bytes[NAME_ROOM];
    size_t size;

    if (id > INT32_MAX)
        return hse_fail(err, HSE_E_FORMAT, 0, "\"%s\": the id %llu is no id", name_quote(name, n).text,
                        (unsigned long long)id);
    if (!bpe_bytes_of_name(name, n, bytes, &size))
        return bpe_add(v->b, (int32_t)id, name, n, err);
    return bpe_add(v->b, (int32_t)id, bytes, size, err);
}

static hse_status add_merge(vocabulary *v, const char *left, size_t n_left, const char *right, size_t n_right,
                            hse_error *err)
{
    uint8_t a[NAME_ROOM], b[NAME_ROOM];
    size_t n_a = 0, n_b = 0;

    if (n_left > sizeof a || n_right > sizeof b || !bpe_bytes_of_name(left, n_left, a, &n_a) ||
        !bpe_bytes_of_name(right, n_right, b, &n_b))
        return hse_fail(err, HSE_E_FORMAT, 0, "the merge \"%.60s\" \"%.60s\" is no pair of tokens",
                        name_quote(left, n_left).text, name_quote(right, n_right).text);
    return bpe_merge(v->b, a, n_a, b, n_b, err);
}

/* An error of the vocabulary, with the place in the JSON text. */
static hse_status at_place(jscan *j, hse_status s)
{
    char text[sizeof j->err->text];

    if (s == HSE_OK || s == HSE_E_NOMEM || !j->err)
        return s;
    memcpy(text, j->err->text, sizeof text);
    return js_fail(j, s, "%s", text);
}

/* {"name": id, ...} to f. */
typedef hse_status use_name(vocabulary *v, uint64_t id, const char *name, size_t n, hse_error *err);

static hse_status read_names(vocabulary *v, jscan *j, use_name *f)
{
    char name[NAME_ROOM];
    bool more = true;
    size_t n = 0;
    uint64_t id = 0;
    hse_status s = js_expect(j, '{', "'{'");

    if (s == HSE_OK && js_peek(j) == '}')
        return js_more(j, '}', &more);
    while (s == HSE_OK && more) {
        if ((s = js_string(j, name, sizeof name, &n)) != HSE_OK || (s = js_expect(j, ':', "':'")) != HSE_OK ||
            (s = js_u64(j, &id)) != HSE_OK || (s = at_place(j, f(v, id, name, n, j->err))) != HSE_OK)
            return s;
        s = js_more(j, '}', &more);
    }
    return s;
}

hse_status vocabulary_vocab_json(vocabulary *v, hse_bytes text, hse_error *err)
{
    jscan j = {.text = (const char *)text.data, .size = text.size, .err = err};
    hse_status s = read_names(v, &j, add_name);

    return s == HSE_OK ? js_end(&j) : s;
}

static hse_status add_special(vocabulary *v, uint64_t id, const char *name, size_t n, hse_error *err)
{
    if (id > INT32_MAX)
        return hse_fail(err, HSE_E_FORMAT, 0, "\"%s\": the id %llu is no id", name_quote(name, n).text,
                        (unsigned long long)id);
    return bpe_add_special(v->b, (int32_t)id, name, n, err);
}

hse_status vocabulary_added_json(vocabulary *v, hse_bytes text, hse_error *err)
{
    jscan j = {.text = (const char *)text.data, .size = text.size, .err = err};
    hse_status s = read_names(v, &j, add_special);

    return s == HSE_OK ? js_end(&j) : s;
}

/* Lines without their ends; false at the end of the text. An empty last line is none. */
static bool next_line(hse_bytes text, size_t *at, const char **line, size_t *n)
{
    if (*at >= text.size)
        return false;
    const uint8_t *from = text.data + *at, *end = memchr(from, '\n', text.size - *at);
    size_t size = end ? (size_t)(end - from) : text.size - *at;
    *at += size + (end ? 1 : 0);
    *line = (const char *)from;
    *n = size > 0 && from[size - 1] == '\r' ? size - 1 : size;
    return true;
}

static hse_status in_line(hse_status s, size_t number, hse_error *err)
{
    return s == HSE_E_NOMEM ? s : hse_fail_in(err, s, "line %zu", number);
}

hse_status vocabulary_merges_txt(vocabulary *v, hse_bytes text, hse_error *err)
{
    const char *line, *space;
    size_t at = 0, n, number = 0;
    hse_status s;

    while (next_line(text, &at, &line, &n)) {
        number++;
        if (n == 0 || (number == 1 && n >= 8 && memcmp(line, "#version", 8) == 0))
            continue;
        space = memchr(line, ' ', n);
        if (!space)
            return hse_fail(err, HSE_E_FORMAT, at, "line %zu: \"%s\" is no pair of tokens", number,
                            name_quote(line, n).text);
        size_t left = (size_t)(space - line);
        if ((s = add_merge(v, line, left, space + 1, n - left - 1, err)) != HSE_OK)
            return in_line(s, number, err);
    }
    return HSE_OK;
}

/* ---------------------------------------------------------------------------------------------------- tokenizer.json */

static bool read_bool(jscan *j, hse_status *s)
{
    char c = js_peek(j);

    *s = c == 't' || c == 'f' ? js_skip(j, NULL) : js_fail(j, HSE_E_FORMAT, "true or false is expected");
    return c == 't';
}

static hse_status read_merge(vocabulary *v, jscan *j)
{
    char left[2 * NAME_ROOM], right[NAME_ROOM];
    size_t n_left = 0, n_right = 0;
    bool more = false;
    hse_status s;

    if (js_peek(j) == '"') { /* "a b" */
        if ((s = js_string(j, left, sizeof left, &n_left)) != HSE_OK)
            return s;
        const char *space = memchr(left, ' ', n_left);
        if (!space)
            return js_fail(j, HSE_E_FORMAT, "the merge \"%s\" is no pair of tokens", name_quote(left, n_left).text);
        size_t n = (size_t)(space - left);
        return at_place(j, add_merge(v, left, n, space + 1, n_left - n - 1, j->err));
    }
    if ((s = js_expect(j, '[', "\"a b\" or [\"a\", \"b\"]")) != HSE_OK ||
        (s = js_string(j, left, NAME_ROOM, &n_left)) != HSE_OK || (s = js_expect(j, ',', "','")) != HSE_OK ||
        (s = js_string(j, right, sizeof right, &n_right)) != HSE_OK || (s = js_more(j, ']', &more)) != HSE_OK)
        return s;
    if (more)
        return js_fail(j, HSE_E_FORMAT, "a merge of more than two tokens");
    return at_place(j, add_merge(v, left, n_left, right, n_right, j->err));
}

static hse_status read_merges(vocabulary *v, jscan *j)
{
    bool more = true;
    hse_status s = js_expect(j, '[', "'['");

    if (s == HSE_OK && js_peek(j) == ']')
        return js_more(j, ']', &more);
    while (s == HSE_OK && more)
        if ((s = read_merge(v, j)) == HSE_OK)
            s = js_more(j, ']', &more);
    return s;
}

/* Members of "model" that change what comes out of it, and the one value that is read here. */
static hse_status check_plain(jscan *j, const char *key)
{
    static const char *const falsy[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges",
                                        "byte_fallback"};
    size_t start = (js_peek(j), j->pos);
    hse_status s = js_skip(j, NULL);

    for (size_t i = 0; i < COUNT(falsy) && s == HSE_OK; i++) {
        const char *value = j->text + start;
        size_t n = j->pos - start;
        if (strcmp(key, falsy[i]) != 0 || (n == 2 && memcmp(value, "\"\"", 2) == 0) || value[0] == 'n' ||
            value[0] == 'f')
            continue;
        s = js_fail(j, HSE_E_UNSUPPORTED, "model.%s is \"%s\", which is not read here", key, name_quote(value, n).text);
    }
    return s;
}

typedef struct {
    size_t added, merges; /* where they begin, when they come before what they need; 0: done or not there */
    bool vocab;
} places;

static hse_status read_model(vocabulary *v, jscan *j, places *p)
{
    bool more = true;
    char key[64], type[16];
    hse_status s = js_expect(j, '{', "'{'");

    if (s == HSE_OK && js_peek(j) == '}')
        return js_more(j, '}', &more);
    while (s == HSE_OK && more) {
        if ((s = js_string(j, key, sizeof key, NULL)) != HSE_OK || (s = js_expect(j, ':', "':'")) != HSE_OK)
            return s;
        if (strcmp(key, "type") == 0) {
            if ((s = js_string(j, type, sizeof type, NULL)) == HSE_OK && strcmp(type, "BPE") != 0)
                s = js_fail(j, HSE_E_UNSUPPORTED, "a tokenizer of type \"%s\"; only BPE is read here",
                            name_quote(type, strlen(type)).text);
        } else if (strcmp(key, "vocab") == 0) {
            if (p->vocab)
                return js_fail(j, HSE_E_FORMAT, "model.vocab stands there twice");
            p->vocab = true;
            s = read_names(v, j, add_name);
        } else if (strcmp(key, "merges") == 0 && p->vocab) {
            s = read_merges(v, j);
        } else if (strcmp(key, "merges") == 0) {
            p->merges = j->pos;
            s = js_skip(j, NULL);
        } else {
            s = check_plain(j, key);
        }
        if (s == HSE_OK)
            s = js_more(j, '}', &more);
    }
    return s;
}

/* {"id": 50257, "content": "<|endoftext|>", "special": true, ...} */
static hse_status read_added(vocabulary *v, jscan *j)
{
    char key[32], content[NAME_ROOM];
    bool more = true, special = true, has_id = false, has_content = false;
    uint64_t id = 0;
    size_t n = 0;
    hse_status s = js_expect(j, '{', "'{'");

    while (s == HSE_OK && more) {
        if ((s = js_string(j, key, sizeof key, NULL)) != HSE_OK || (s = js_expect(j, ':', "':'")) != HSE_OK)
            return s;
        if (strcmp(key, "id") == 0) {
            s = js_u64(j, &id);
            has_id = true;
        } else if (strcmp(key, "content") == 0) {
            s = js_string(j, content, sizeof content, &n);
            has_content = true;
        } else if (strcmp(key, "special") == 0) {
            special = read_bool(j, &s);
        } else if (strcmp(key, "lstrip") == 0 || strcmp(key, "rstrip") == 0 || strcmp(key, "single_word") == 0) {
            if (read_bool(j, &s) && s == HSE_OK)
                s = js_fail(j, HSE_E_UNSUPPORTED, "an added token with %s, which is not read here", key);
        } else {
            s = js_skip(j, NULL);
        }
        if (s == HSE_OK)
            s = js_more(j, '}', &more);
    }
    if (s != HSE_OK)
        return s;
    if (!has_id || !has_content)
        return js_fail(j, HSE_E_FORMAT, "an added token without %s", has_id ? "content" : "id");
    if ((s = at_place(j, add_special(v, id, content, n, j->err))) != HSE_OK || special)
        return s;
    return bpe_ids_add(&v->plain, (int32_t)id, j->err);
}

static hse_status read_all_added(vocabulary *v, jscan *j)
{
    bool more = true;
    hse_status s = js_expect(j, '[', "'['");

    if (s == HSE_OK && js_peek(j) == ']')
        return js_more(j, ']', &more);
    while (s == HSE_OK && more)
        if ((s = read_added(v, j)) == HSE_OK)
            s = js_more(j, ']', &more);
    return s;
}

hse_status vocabulary_tokenizer_json(vocabulary *v, hse_bytes text, hse_error *err)
{
    jscan j = {.text = (const char *)text.data, .size = text.size, .err = err};
    places p = {0};
    bool more = true;
    char key[64];
    hse_status s = js_expect(&j, '{', "'{'");

    while (s == HSE_OK && more) {
        if ((s = js_string(&j, key, sizeof key, NULL)) != HSE_OK || (s = js_expect(&j, ':', "':'")) != HSE_OK)
            return s;
        if (strcmp(key, "model") == 0) {
            s = read_model(v, &j, &p);
        } else {
            if (strcmp(key, "added_tokens") == 0)
                p.added = j.pos;
            s = js_skip(&j, NULL);
        }
        if (s == HSE_OK)
            s = js_more(&j, '}', &more);
    }
    if (s != HSE_OK || (s = js_end(&j)) != HSE_OK)
        return s;
    if (!p.vocab)
        return js_fail(&j, HSE_E_FORMAT, "there is no model.vocab");
    if (p.merges) {
        j.pos = p.merges;
        s = read_merges(v, &j);
    }
    if (s == HSE_OK && p.added) {
        j.pos = p.added;
        s = read_all_added(v, &j);
    }
    return s;
}

/* ---------------------------------------------------------------------------------------- CTranslate2's, and tiktoken's */

/* "<|1.08|>": listed as a token, but recognized in texts only where a tokenizer.json says so. */
static bool is_time(const char *name, size_t n)
{
    return n > 4 && memcmp(name, "<|", 2) == 0 && name[2] >= '0' && name[2] <= '9';
}

typedef struct {
    vocabulary *v;
    uint64_t n;
    bool past; /* <|endoftext|> has come: names are special from there on */
} list;

static hse_status add_listed(list *l, const char *name, size_t n, hse_error *err)
{
    uint64_t id = l->n++;

    l->past = l->past || is_end_of_text(name, n);
    if (id >= BPE_MAX_TOKENS)
        return hse_fail(err, HSE_E_LIMIT, 0, "more than %d tokens", BPE_MAX_TOKENS);
    if (!l->past)
        return add_name(l->v, id, name, n, err);
    return n == 0 || is_time(name, n) ? HSE_OK : add_special(l->v, id, name, n, err);
}

static hse_status read_list(list *l, hse_bytes text, hse_error *err)
{
    jscan j = {.text = (const char *)text.data, .size = text.size, .err = err};
    char name[NAME_ROOM];
    bool more = true;
    size_t n = 0;
    hse_status s = js_expect(&j, '[', "'['");

    if (s == HSE_OK && js_peek(&j) == ']')
        s = js_more(&j, ']', &more);
    while (s == HSE_OK && more)
        if ((s = js_string(&j, name, sizeof name, &n)) == HSE_OK &&
            (s = at_place(&j, add_listed(l, name, n, err))) == HSE_OK)
            s = js_more(&j, ']', &more);
    return s == HSE_OK ? js_end(&j) : s;
}

static bool is_json_list(hse_bytes text)
{
    jscan j = {.text = (const char *)text.data, .size = text.size};

    if (js_peek(&j) != '[')
        return false;
    j.pos++;
    return js_peek(&j) == '"' || js_peek(&j) == ']';
}

hse_status vocabulary_list(vocabulary *v, hse_bytes text, hse_error *err)
{
    list l = {.v = v};
    const char *line;
    size_t at = 0, n;
    hse_status s = HSE_OK;

    if (is_json_list(text))
        s = read_list(&l, text, err);
    else
        while (s == HSE_OK && next_line(text, &at, &line, &n)) {
            if (n >= NAME_ROOM)
                s = hse_fail(err, HSE_E_LIMIT, at, "a token of %zu bytes", n);
            else if (!hse_utf8_valid(line, n, NULL))
                s = hse_fail(err, HSE_E_FORMAT, at, "no UTF-8: \"%s\"", name_quote(line, n).text);
            else
                s = add_listed(&l, line, n, err);
            if (s != HSE_OK)
                return in_line(s, (size_t)l.n + (n >= NAME_ROOM), err);
        }
    bpe_merge_by_id(v->b);
    return s;
}

static hse_status read_rank(const char *text, size_t n, uint64_t *out)
{
    uint64_t v = 0;

    if (n == 0 || n > 9)
        return HSE_E_FORMAT;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return HSE_E_FORMAT;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *out = v;
    return HSE_OK;
}

hse_status vocabulary_tiktoken(vocabulary *v, hse_bytes text, hse_error *err)
{
    const char *line, *space;
    size_t at = 0, n, number = 0;
    uint64_t rank = 0;
    hse_buf bytes;
    hse_status s = HSE_OK;

    hse_buf_init(&bytes, BPE_MAX_TOKEN_BYTES + 8);
    while (s == HSE_OK && next_line(text, &at, &line, &n)) {
        number++;
        if (n == 0)
            continue;
        space = memchr(line, ' ', n);
        size_t size = space ? (size_t)(space - line) : n;
        hse_buf_clear(&bytes);
        if (!space || size == 0 || read_rank(space + 1, n - size - 1, &rank) != HSE_OK)
            s = hse_fail(err, HSE_E_FORMAT, at, "\"%s\" is not base64, a space and a rank", name_quote(line, n).text);
        else if (!(size == 1 && line[0] == '=')) /* the empty token */
            s = hse_buf_unbase64(&bytes, line, size, false, err);
        if (s == HSE_OK)
            s = bpe_add(v->b, (int32_t)rank, bytes.size ? bytes.data : (const uint8_t *)"", bytes.size, err);
        if (s != HSE_OK)
            in_line(s, number, err);
    }
    hse_buf_free(&bytes);
    bpe_merge_by_id(v->b);
    return s;
}
