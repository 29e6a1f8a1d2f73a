#include "models/bert/bert.h"

#include "base/file.h"
#include "base/mem.h"
#include "formats/json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG_BYTES = 1 << 20, VOCABULARY_BYTES = 64 << 20 };

/* ---- config ---- */

static hse_status path_of(char out[PATH_MAX], const char *dir, const char *file, hse_error *err)
{
    if (snprintf(out, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "the path of %s is too long", file);
    return HSE_OK;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static hse_status load_json(json_t **out, const char *dir, const char *file, hse_error *err)
{
    char path[PATH_MAX];
    hse_status s = path_of(path, dir, file, err);

    return s == HSE_OK ? hse_json_load(out, path, &(hse_json_limits){.max_bytes = CONFIG_BYTES}, err) : s;
}

static hse_status dim(int *out, const json_t *config, const char *key, int high, hse_error *err)
{
    const json_t *v = json_object_get(config, key);

    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > high)
        return hse_fail(err, HSE_E_FORMAT, 0, "config.json: \"%s\" is missing or not an integer of 1 to %d", key, high);
    *out = (int)json_integer_value(v);
    return HSE_OK;
}

/* hidden_act as transformers names it; absent: gelu. */
static hse_status read_act(bert *m, const json_t *config, hse_error *err)
{
    static const struct {
        const char *name;
        k_act       act;
    } acts[] = {{"gelu", K_GELU}, {"gelu_python", K_GELU}, {"gelu_new", K_GELU_TANH}, {"gelu_fast", K_GELU_TANH},
                {"gelu_pytorch_tanh", K_GELU_TANH}, {"relu", K_RELU}, {"silu", K_SILU}, {"swish", K_SILU}, {"tanh", K_TANH}};
    const json_t *v = json_object_get(config, "hidden_act");
    const char *name = v ? json_string_value(v) : "gelu";

    for (size_t i = 0; name && i < COUNT(acts); i++)
        if (strcmp(name, acts[i].name) == 0) {
            m->act = acts[i].act;
            return HSE_OK;
        }
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "config.json: \"hidden_act\" is \"%.40s\"; gelu, gelu_new, relu, silu and tanh are "
                    "known", name ? name : "no string");
}

hse_status bert_read_config(bert *m, hse_bytes json, hse_error *err)
{
    const struct {
        const char *key;
        int        *out, high;
    } dims[] = {{"hidden_size", &m->hidden, BERT_MAX_DIM},
                {"num_attention_heads", &m->heads, 256},
                {"num_hidden_layers", &m->layers, BERT_MAX_LAYERS},
                {"intermediate_size", &m->inner, BERT_MAX_DIM},
                {"vocab_size", &m->vocabulary, 1 << 22},
                {"max_position_embeddings", &m->positions, BERT_MAX_DIM}};
    json_t *config = NULL;
    hse_status s = hse_json_parse(&config, json, "config.json", &(hse_json_limits){.max_bytes = CONFIG_BYTES}, err);

    for (size_t i = 0; i < COUNT(dims) && s == HSE_OK; i++)
        s = dim(dims[i].out, config, dims[i].key, dims[i].high, err);
    const json_t *eps = json_object_get(config, "layer_norm_eps");
    if (s == HSE_OK)
        s = read_act(m, config, err);
    if (s == HSE_OK && m->hidden % m->heads != 0)
        s = hse_fail(err, HSE_E_FORMAT, 0, "config.json: hidden_size %d does not divide into %d heads", m->hidden, m->heads);
    if (s == HSE_OK && m->layers < BERT_SKIPPED)
        s = hse_fail(err, HSE_E_FORMAT, 0, "config.json: %d layers; the features are those before the last %d", m->layers,
                     BERT_SKIPPED);
    m->eps = json_is_number(eps) ? (float)json_number_value(eps) : 1e-12f;
    if (s == HSE_OK && !(m->eps >= 0.0f && m->eps < 1.0f))
        s = hse_fail(err, HSE_E_FORMAT, 0, "config.json: \"layer_norm_eps\" is not in 0..1");
    json_decref(config);
    return s;
}

static hse_status load_config(bert *m, const char *dir, hse_error *err)
{
    char path[PATH_MAX], *text = NULL;
    size_t size;
    hse_status s = path_of(path, dir, "config.json", err);

    if (s == HSE_OK)
        s = hse_file_read(&text, &size, path, CONFIG_BYTES, err);
    if (s == HSE_OK)
        s = bert_read_config(m, (hse_bytes){(const uint8_t *)text, size}, err);
    hse_free(text);
    return s;
}

/* tokenizer_config.json need not be there. */
hse_status bert_open_tokens(text_wordpiece **out, const char *dir, hse_error *err)
{
    text_wordpiece_options o = {.lower = true, .strip_accents = true};
    char path[PATH_MAX], *vocabulary = NULL;
    json_t *config = NULL;
    size_t size = 0;
    hse_status s = path_of(path, dir, "tokenizer_config.json", err);

    if (s == HSE_OK && is_file(path))
        s = load_json(&config, dir, "tokenizer_config.json", err);
    const json_t *lower = json_object_get(config, "do_lower_case"), *strip = json_object_get(config, "strip_accents");

    o.join_ideographs = json_is_false(json_object_get(config, "tokenize_chinese_chars"));
    if (json_is_boolean(lower))
        o.lower = json_is_true(lower);
    o.strip_accents = json_is_boolean(strip) ? json_is_true(strip) : o.lower;
    json_decref(config);
    if (s == HSE_OK)
        s = path_of(path, dir, "vocab.txt", err);
    if (s == HSE_OK)
        s = hse_file_read(&vocabulary, &size, path, VOCABULARY_BYTES, err);
    if (s == HSE_OK)
        s = text_wordpiece_open(out, (hse_bytes){(const uint8_t *)vocabulary, size}, "vocab.txt", &o, err);
    hse_free(vocabulary);
    return s;
}

static hse_status read_vocabulary(bert *m, const char *dir, hse_error *err)
{
    hse_status s = bert_open_tokens(&m->tokens, dir, err);

    if (s == HSE_OK && text_wordpiece_count(m->tokens) > (size_t)m->vocabulary)
        s = hse_fail(err, HSE_E_FORMAT, 0, "vocab.txt has %zu tokens, the model %d", text_wordpiece_count(m->tokens),
                     m->vocabulary);
    return s;
}

/* ---- weights ---- */

/* A model with a head (BertForMaskedLM) calls its body "bert"; saved without one (BertModel) it is all there is. */
static const char *prefix_of(const hse_weights *w)
{
    return hse_weights_find(w, "embeddings.word_embeddings.weight") ? "" : "bert.";
}

/* LayerNorm.weight and .bias; older files say gamma and beta. */
static void bind_norm(nn_binder *b, nn_norm *n, const bert *m, const hse_weights *w, const char *name)
{
    char full[128];

    snprintf(full, sizeof full, "%s%s.LayerNorm.gamma", prefix_of(w), name);
    bool old = hse_weights_find(w, full) != NULL;
    *n = (nn_norm){.channels = m->hidden, .eps = m->eps};
    nn_bind_tensor(b, &n->scale, 1, &m->hidden, "%s.LayerNorm.%s", name, old ? "gamma" : "weight");
    nn_bind_tensor(b, &n->shift, 1, &m->hidden, "%s.LayerNorm.%s", name, old ? "beta" : "bias");
}

static void bind_layer(nn_binder *b, bert *m, const hse_weights *w, int i)
{
    bert_layer *l = &m->layer[i];
    char name[96];

    nn_enter(b, "encoder.layer.%d.attention.self.", i);
    nn_bind_linears(b, &l->qkv, m->hidden, m->hidden, (const char *[]){"query", "key", "value"}, 3);
    nn_leave(b);
    nn_bind_linear(b, &l->attention, m->hidden, m->hidden, "encoder.layer.%d.attention.output.dense", i);
    snprintf(name, sizeof name, "encoder.layer.%d.attention.output", i);
    bind_norm(b, &l->attention_norm, m, w, name);
    nn_bind_linear(b, &l->intermediate, m->hidden, m->inner, "encoder.layer.%d.intermediate.dense", i);
    nn_bind_linear(b, &l->output, m->inner, m->hidden, "encoder.layer.%d.output.dense", i);
    snprintf(name, sizeof name, "encoder.layer.%d.output", i);
    bind_norm(b, &l->output_norm, m, w, name);
}

static hse_status read_weights(bert *m, const bert_source *source, hse_error *err)
{
    static const char *const files[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    char path[PATH_MAX], name[128];
    hse_weights *w = NULL;
    nn_binder *b = NULL;
    const hse_weight *types;
    hse_status s = HSE_OK;
    size_t i = 0;

    for (; i < COUNT(files) && s == HSE_OK; i++)
        if ((s = path_of(path, source->dir, files[i], err)) == HSE_OK && is_file(path))
            break;
    if (s == HSE_OK && i == COUNT(files))
        s = hse_fail(err, HSE_E_NOT_FOUND, 0, "%.150s has neither model.safetensors nor pytorch_model.bin", source->dir);
    if (s == HSE_OK)
        s = hse_weights_open(&w, path, source->limits, err);
    if (s == HSE_OK)
        s = nn_binder_open(&b, &(nn_binder_options){.weights = w, .name = files[i], .kernels = source->kernels,
                                                    .type = source->type}, err);
    if (s == HSE_OK) {
        snprintf(name, sizeof name, "%sembeddings.token_type_embeddings.weight", prefix_of(w));
        types = hse_weights_find(w, name);
        nn_enter(b, "%s", prefix_of(w));
        nn_bind_table(b, &m->word, m->vocabulary, m->hidden, "embeddings.word_embeddings.weight");
        nn_bind_table(b, &m->position, m->positions, m->hidden, "embeddings.position_embeddings.weight");
        nn_bind_table(b, &m->type, types && types->rank == 2 && types->dim[0] < 1024 ? (int)types->dim[0] : 2, m->hidden,
                      "embeddings.token_type_embeddings.weight");
        bind_norm(b, &m->norm, m, w, "embeddings");
        for (int k = 0; k < m->used; k++)
            bind_layer(b, m, w, k);
        nn_leave(b);
        s = nn_binder_close(&b, &m->params, err);
    }
    if (w)
        hse_weights_close(&w);
    return s;
}

hse_status bert_open(bert **out, const bert_source *source, hse_error *err)
{
    bert *m = hse_calloc(1, sizeof *m);
    hse_status s;

    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    if ((s = load_config(m, source->dir, err)) == HSE_OK && (s = read_vocabulary(m, source->dir, err)) == HSE_OK) {
        m->used = source->all_layers ? m->layers : m->layers - BERT_SKIPPED;
        s = read_weights(m, source, err);
    }
    if (s != HSE_OK)
        bert_close(&m);
    else
        *out = m;
    return s;
}

void bert_close(bert **m)
{
    if (!*m)
        return;
    text_wordpiece_close(&(*m)->tokens);
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

size_t bert_bytes(const bert *m)
{
    return nn_params_bytes(m->params);
}

/* ---- the network ---- */

/* residual + layer(x), normalised. */
static nn_tensor add_norm(nn_ctx *c, const nn_linear_layer *l, const nn_norm *norm, nn_tensor x, nn_tensor residual)
{
    return nn_layer_norm(c, norm, nn_linear_then(c, l, x, (nn_then){.residual = residual}));
}

static nn_tensor run_layer(nn_ctx *c, const bert *m, int i, nn_tensor x)
{
    const bert_layer *l = &m->layer[i];
    nn_mark_t mark = nn_mark(c);
    nn_tensor qkv = nn_linear(c, &l->qkv, x);
    nn_tensor a = nn_attention(c, nn_slice_cols(c, qkv, 0, m->hidden), nn_slice_cols(c, qkv, m->hidden, m->hidden),
                               nn_slice_cols(c, qkv, 2 * m->hidden, m->hidden), m->heads);

    nn_tap(c, a, "bert.encoder.layer.%d.attention.self", i);
    x = nn_keep(c, mark, add_norm(c, &l->attention, &l->attention_norm, a, x));
    nn_tap(c, x, "bert.encoder.layer.%d.attention.output", i);
    nn_tensor h = nn_linear_then(c, &l->intermediate, x, (nn_then){.act = m->act});
    nn_tap(c, h, "bert.encoder.layer.%d.intermediate", i);
    x = nn_keep(c, mark, add_norm(c, &l->output, &l->output_norm, h, x));
    nn_tap(c, x, "bert.encoder.layer.%d.output", i);
    nn_tap(c, x, "hidden_states.%d", i + 1);
    return x;
}

/* ids, positions and zeros of n items. The features are behind all layers but the last two. */
static nn_tensor network(nn_ctx *c, const bert *m, int n, const int *rows, const int32_t *const *ids,
                         const int32_t *const *positions, const int32_t *const *zeros)
{
    nn_tensor x = nn_embedding(c, &m->word, n, rows, ids), features = NN_NONE;

    x = nn_add(c, x, nn_embedding(c, &m->type, n, rows, zeros));
    x = nn_add(c, x, nn_embedding(c, &m->position, n, rows, positions));
    x = nn_layer_norm(c, &m->norm, x);
    nn_tap(c, x, "bert.embeddings");
    nn_tap(c, x, "hidden_states.0");
    for (int i = 0; i <= m->used; i++) {
        if (i == m->layers - BERT_SKIPPED)
            features = nn_scale(c, x, 1.0f);    /* a copy: later layers reuse the place */
        if (i < m->used)
            x = run_layer(c, m, i, x);
    }
    return features;
}

hse_status bert_run(const bert *m, nn_ctx *c, bert_text *items, int n, hse_error *err)
{
    int *rows = hse_calloc((size_t)n + 1, sizeof *rows), good = 0, longest = 0;
    const int32_t **list = hse_calloc(3 * (size_t)n + 1, sizeof *list);
    int32_t *counting = NULL;
    hse_status s = HSE_OK;

    for (int i = 0; i < n; i++) {
        bert_text *t = &items[i];

        t->features = NULL;
        t->status = HSE_OK;
        if (t->n < 1 || t->n > m->positions)
            t->status = hse_fail(&t->error, HSE_E_LIMIT, 0, "%d tokens; the model takes 1 to %d", t->n, m->positions);
        for (int k = 0; k < t->n && t->status == HSE_OK; k++)
            if (t->ids[k] < 0 || t->ids[k] >= m->vocabulary)
                t->status = hse_fail(&t->error, HSE_E_ARG, 0, "token %d at place %d; the model has %d", (int)t->ids[k], k,
                                     m->vocabulary);
        longest = t->status == HSE_OK && t->n > longest ? t->n : longest;
    }
    counting = hse_calloc(2 * (size_t)longest + 1, sizeof *counting);
    if (!rows || !list || !counting)
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d texts", n);
    for (int k = 0; k < longest && s == HSE_OK; k++)
        counting[k] = k;
    for (int i = 0; i < n && s == HSE_OK; i++)
        if (items[i].status == HSE_OK) {
            rows[good] = items[i].n;
            list[good] = items[i].ids;
            list[n + good] = counting;
            list[2 * n + good++] = counting + longest;
        }
    if (s == HSE_OK && good) {
        nn_begin(c, NN_RUN);
        nn_tensor x = network(c, m, good, rows, list, list + n, list + 2 * n);
        for (int i = 0, at = 0; i < n && nn_ok(c); i++) {
            bert_text *t = &items[i];
            size_t count = (size_t)t->n * (size_t)m->hidden;

            if (t->status != HSE_OK)
                continue;
            if ((t->features = hse_alloc(count * sizeof *t->features)) != NULL)
                nn_read(c, x, at, t->features, count);
            else
                t->status = hse_fail(&t->error, HSE_E_NOMEM, 0, "no memory for the features of %d tokens", t->n);
            at++;
        }
        s = nn_end(c, err);
    }
    for (int i = 0; i < n && s != HSE_OK; i++) {
        hse_free(items[i].features);
        items[i].features = NULL;
    }
    hse_free(rows);
    hse_free(list);
    hse_free(counting);
    return s;
}

size_t bert_plan(const bert *m, nn_ctx *c, int tokens)
{
    int rows = tokens < m->positions ? tokens : m->positions;
    int32_t *zeros = hse_calloc((size_t)rows + 1, sizeof *zeros);
    const int32_t *list = zeros;
    size_t peak = 0;

    if (zeros) {
        nn_begin(c, NN_PLAN);
        network(c, m, 1, &rows, &list, &list, &list);
        peak = nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
    }
    hse_free(zeros);
    return peak;
}

hse_status bert_tokenize(const bert *m, const char *text, size_t size, hse_buf *ids, hse_error *err)
{
    int32_t cls = text_wordpiece_find(m->tokens, "[CLS]"), sep = text_wordpiece_find(m->tokens, "[SEP]");
    hse_status s;

    if (cls < 0 || sep < 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "vocab.txt has no [CLS] or no [SEP]");
    hse_buf_append(ids, &cls, sizeof cls);
    s = text_wordpiece_run(m->tokens, text, size, ids, err);
    hse_buf_append(ids, &sep, sizeof sep);
    return s == HSE_OK ? hse_buf_status(ids, "the tokens", err) : s;
}
