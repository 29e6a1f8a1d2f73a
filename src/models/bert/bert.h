/* bert.h - BERT (Devlin et al. 2018) as a source of features: token ids to the hidden states behind one layer.
 *
 * MeloTTS takes what comes out of the third last state of a masked language model, so the layers behind it, the pooler and the
 * head are not even loaded. A folder is Hugging Face's: config.json, model.safetensors or pytorch_model.bin (whole or in shards),
 * vocab.txt, tokenizer_config.json.
 *
 * Threads    an open model is read-only and shared. */
#ifndef HSE_MODELS_BERT_BERT_H
#define HSE_MODELS_BERT_BERT_H

#include "formats/weights.h"
#include "nn/bind.h"
#include "text/wordpiece.h"

enum { BERT_MAX_LAYERS = 48, BERT_MAX_DIM = 1 << 16, BERT_SKIPPED = 2 };

typedef struct {
    nn_linear_layer qkv, attention, intermediate, output;
    nn_norm         attention_norm, output_norm;
} bert_layer;

typedef struct {
    int             hidden, heads, layers, inner, vocabulary, positions;
    int             used;                   /* layers that are there: layers - 2, or all */
    float           eps;
    k_act           act;
    nn_table        word, position, type;
    nn_norm         norm;
    bert_layer      layer[BERT_MAX_LAYERS];
    nn_params      *params;
    text_wordpiece *tokens;
} bert;

typedef struct {
    const char              *dir;
    const hse_kernels       *kernels;
    k_weight_type            type;
    bool                     all_layers;    /* golden runs look at every state */
    const hse_weights_limits *limits;       /* may be NULL */
} bert_source;

hse_status bert_open(bert **out, const bert_source *source, hse_error *err);
/* The word pieces of a folder alone: no weights, no config.json (text_wordpiece_close). */
hse_status bert_open_tokens(text_wordpiece **out, const char *dir, hse_error *err);
void       bert_close(bert **m);
size_t     bert_bytes(const bert *m);
/* The dims of a config.json, into m. */
hse_status bert_read_config(bert *m, hse_bytes json, hse_error *err);

typedef struct {
    const int32_t *ids;                     /* with [CLS] and [SEP] */
    int            n;
    float         *features;                /* the result: [n][hidden], the item's (hse_free) */
    hse_status     status;
    hse_error      error;
} bert_text;

/* All items; the return value is for what concerns all. Taps: upstream's module paths, hidden_states.N. */
hse_status bert_run(const bert *m, nn_ctx *c, bert_text *items, int n, hse_error *err);
size_t     bert_plan(const bert *m, nn_ctx *c, int tokens);            /* arena bytes */

/* The ids (int32_t) of a text with [CLS] and [SEP] around it. Not for a Japanese model. */
hse_status bert_tokenize(const bert *m, const char *text, size_t size, hse_buf *ids, hse_error *err);

#endif
