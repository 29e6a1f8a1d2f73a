/* bert.c - adapters of family melo's BERT: word pieces and features. */
#include "golden/case.h"

#include "base/mem.h"
#include "models/bert/bert.h"

#include <stdio.h>
#include <string.h>

enum { VOCABULARY_BYTES = 1 << 26 };

static json_t *strings(const text_wordpiece *w, const hse_buf *ids)
{
    const int32_t *id = (const int32_t *)(const void *)ids->data;
    json_t *list = json_array();

    for (size_t i = 0; i < ids->size / sizeof *id; i++)
        json_array_append_new(list, json_string(text_wordpiece_token(w, id[i])));
    return list;
}

/* [CLS], the ids, [SEP]. */
static json_t *numbers(const text_wordpiece *w, const hse_buf *ids)
{
    const int32_t *id = (const int32_t *)(const void *)ids->data;
    json_t *list = json_array();

    json_array_append_new(list, json_integer(text_wordpiece_find(w, "[CLS]")));
    for (size_t i = 0; i < ids->size / sizeof *id; i++)
        json_array_append_new(list, json_integer(id[i]));
    json_array_append_new(list, json_integer(text_wordpiece_find(w, "[SEP]")));
    return list;
}

text_wordpiece *golden_open_tokens(golden_case *c)
{
    text_wordpiece *w = NULL;
    char path[GOLDEN_PATH];
    hse_error err = {0};

    if (golden_model_path(c, "tokenizer", path) && bert_open_tokens(&w, path, &err) != HSE_OK)
        golden_fail_error(c, "the vocabulary", &err);
    return w;
}

static void tok(golden_case *c)
{
    text_wordpiece *w = golden_open_tokens(c);
    json_t *rows = w ? golden_expected_json(c, "expected") : NULL, *row;
    size_t i, k;

    json_array_foreach(rows, i, row)
    {
        json_t *words = json_object_get(row, "mecab_words"), *word, *text = json_object_get(row, "text");
        hse_error err = {0};
        hse_status s = HSE_OK;
        hse_buf ids;

        hse_buf_init(&ids, VOCABULARY_BYTES);
        if (words)
            json_array_foreach(words, k, word)
                s = s == HSE_OK ? text_wordpiece_word(w, json_string_value(word), json_string_length(word), &ids, &err) : s;
        else
            s = text_wordpiece_run(w, json_string_value(text), json_string_length(text), &ids, &err);
        if (s != HSE_OK)
            golden_fail_error(c, "a text", &err);
        json_object_set_new(row, "tokens", strings(w, &ids));
        json_object_set_new(row, "ids", numbers(w, &ids));
        hse_buf_free(&ids);
    }
    if (rows)
        golden_give_json(c, "expected", rows);
    text_wordpiece_close(&w);
}

/* ---- features ---- */

static void hear(void *user, const nn_view *v)
{
    golden_give_view(user, v->name, v, GOLDEN_ROWS);
}

static int32_t *read_ids(const json_t *list, int *n)
{
    int32_t *ids = hse_alloc((json_array_size(list) + 1) * sizeof *ids);

    *n = (int)json_array_size(list);
    for (int i = 0; ids && i < *n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, (size_t)i));
    return ids;
}

/* Row i repeated word2ph[i] times, turned: [hidden][symbols]. */
static void give_features(golden_case *c, const bert *m, const bert_text *t, const json_t *piece, size_t index)
{
    const json_t *spread = json_object_get(piece, "word2ph_blank");
    const char *name = json_string_value(json_object_get(piece, "features"));
    size_t hidden = (size_t)m->hidden, total = 0, at = 0, rows = json_array_size(spread);
    char tokens[32];
    float *out;

    snprintf(tokens, sizeof tokens, "tokens_%zu", index);
    golden_give2(c, tokens, t->features, (size_t)t->n, hidden);
    if (!name)
        return;
    for (size_t i = 0; i < rows; i++)
        total += (size_t)json_integer_value(json_array_get(spread, i));
    if (rows > (size_t)t->n || !(out = hse_alloc((total * hidden + 1) * sizeof *out))) {
        golden_fail(c, "piece %zu: %zu words for %d tokens", index, rows, t->n);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        for (json_int_t k = json_integer_value(json_array_get(spread, i)); k > 0; k--, at++)
            for (size_t h = 0; h < hidden; h++)
                out[h * total + at] = t->features[i * hidden + h];
    golden_give2(c, name, out, hidden, total);
    hse_free(out);
}

/* Does the model's own tokenizer cut the piece as the case says? */
static void check_tokens(golden_case *c, const bert *m, const json_t *piece, const int32_t *ids, int n)
{
    const json_t *text = json_object_get(piece, "norm_text"), *words = json_object_get(piece, "mecab_words"), *word;
    int32_t cls = text_wordpiece_find(m->tokens, "[CLS]"), sep = text_wordpiece_find(m->tokens, "[SEP]");
    hse_error err = {0};
    hse_buf mine;
    size_t k;

    hse_buf_init(&mine, VOCABULARY_BYTES);
    if (words) {
        hse_buf_append(&mine, &cls, sizeof cls);
        json_array_foreach(words, k, word)
            text_wordpiece_word(m->tokens, json_string_value(word), json_string_length(word), &mine, &err);
        hse_buf_append(&mine, &sep, sizeof sep);
    } else {
        bert_tokenize(m, json_string_value(text), json_string_length(text), &mine, &err);
    }
    if (mine.size != (size_t)n * sizeof *ids || memcmp(mine.data, ids, mine.size) != 0)
        golden_fail(c, "a piece is cut into other tokens than the case's");
    hse_buf_free(&mine);
}

/* Each alone and all together: the same bits. */
static void check_batch(golden_case *c, const bert *m, const bert_text *alone, int n)
{
    bert_text *items = hse_calloc((size_t)n + 1, sizeof *items);
    hse_error err = {0};

    for (int i = 0; items && i < n; i++)
        items[i] = (bert_text){.ids = alone[i].ids, .n = alone[i].n};
    if (!items || bert_run(m, c->nn, items, n, &err) != HSE_OK)
        golden_fail_error(c, "BERT in a batch", &err);
    for (int i = 0; items && i < n && !c->failed; i++)
        golden_same_bits(c, "the features", alone[i].features, (size_t)alone[i].n * (size_t)m->hidden, items[i].features,
                         (size_t)items[i].n * (size_t)m->hidden);
    for (int i = 0; items && i < n; i++)
        hse_free(items[i].features);
    hse_free(items);
}

static void features(golden_case *c)
{
    enum { MOST = 256 };
    bert_source source = {.kernels = c->kernels, .type = c->options->dtype, .all_layers = true};
    json_t *pieces = golden_json(c, json_string_value(json_object_get(
                                        json_object_get(json_object_get(c->json, "inputs"), "pieces"), "file"))), *piece;
    bert_text text[MOST] = {{0}};
    char dir[GOLDEN_PATH];
    int32_t *ids[MOST] = {NULL};
    bert *m = NULL;
    hse_error err = {0};
    size_t i;
    int n = 0;

    if (golden_model_path(c, "bert", dir)) {
        source.dir = dir;
        if (bert_open(&m, &source, &err) != HSE_OK)
            golden_fail_error(c, "the model", &err);
    }
    json_array_foreach(pieces, i, piece)
    {
        if (!m || n == MOST || !(ids[n] = read_ids(json_object_get(piece, "token_ids"), &text[n].n)))
            break;
        text[n].ids = ids[n];
        check_tokens(c, m, piece, ids[n], text[n].n);
        nn_listen(c->nn, i == 0 ? hear : NULL, c);
        if (bert_run(m, c->nn, &text[n], 1, &err) != HSE_OK || text[n].status != HSE_OK)
            golden_fail_error(c, "BERT", err.status ? &err : &text[n].error);
        else
            give_features(c, m, &text[n], piece, i);
        nn_listen(c->nn, NULL, NULL);
        n++;
    }
    if (m && !c->failed)
        check_batch(c, m, text, n);
    for (int k = 0; k < n; k++) {
        hse_free(text[k].features);
        hse_free(ids[k]);
    }
    json_decref(pieces);
    bert_close(&m);
}

const golden_kind golden_bert[] = {
    {"melo.tok", tok},
    {"melo.bert", features},
    {NULL, NULL},
};
