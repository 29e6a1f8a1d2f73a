/* network_load.c - a checkpoint's matrices into packed layers: finds the tensors under the names of three formats, lays
 * out one block of memory for all, and packs panel by panel on all threads. Matrices that are int8 in the file and stay
 * int8 are rearranged without becoming floats. */
#include "models/whisper/network_internal.h"

#include "base/mem.h"
#include "formats/ctranslate2.h"
#include "kernels/pack.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX = 64, NAME = 160, MOST_PIECES = 3, PANELS_OF_TASK = 4 };

static const size_t DEFAULT_MAX_BYTES = (size_t)16 << 30;

/* ---- names ---- */

/* The same tensor in the three formats, behind the prefix of its half or layer. */
typedef struct {
    const char *ct2, *hf, *openai;
} names;

static const names attn_norm = {"self_attention/layer_norm", "self_attn_layer_norm", "attn_ln"},
                   attn_qkv[MOST_PIECES] = {{"self_attention/linear_0", "self_attn.q_proj", "attn.query"},
                                            {NULL, "self_attn.k_proj", "attn.key"},
                                            {NULL, "self_attn.v_proj", "attn.value"}},
                   attn_out = {"self_attention/linear_1", "self_attn.out_proj", "attn.out"},
                   cross_norm = {"attention/layer_norm", "encoder_attn_layer_norm", "cross_attn_ln"},
                   cross_q = {"attention/linear_0", "encoder_attn.q_proj", "cross_attn.query"},
                   cross_kv[2] = {{"attention/linear_1", "encoder_attn.k_proj", "cross_attn.key"},
                                  {NULL, "encoder_attn.v_proj", "cross_attn.value"}},
                   cross_out = {"attention/linear_2", "encoder_attn.out_proj", "cross_attn.out"},
                   ffn_norm = {"ffn/layer_norm", "final_layer_norm", "mlp_ln"},
                   ffn_up = {"ffn/linear_0", "fc1", "mlp.0"}, ffn_down = {"ffn/linear_1", "fc2", "mlp.2"},
                   encoder_norm = {"layer_norm", "layer_norm", "ln_post"},
                   decoder_norm = {"layer_norm", "layer_norm", "ln"},
                   conv_names[2] = {{"conv1", "conv1", "conv1"}, {"conv2", "conv2", "conv2"}},
                   positions_of[2] = {{"position_encodings/encodings", "embed_positions.weight",
                                       "positional_embedding"},
                                      {"position_encodings/encodings", "embed_positions.weight",
                                       "positional_embedding"}},
                   embedding = {"embeddings", "embed_tokens", "token_embedding"};

/* ---- what is to be read ---- */

typedef struct { /* rows of a matrix as the file has them */
    ct2_matrix m;
    float *floats; /* unpacked where the file cannot be read in place; else NULL */
    size_t rows;
    const hse_weight *weight;
} piece;

typedef struct {
    k_packed *w;
    k_weight_type type;
    int outputs, inputs, taps, n_pieces, first_task;
    piece pieces[MOST_PIECES];
    _Atomic int left; /* panels that are not packed yet: the last one gives the file's pages back */
    char name[NAME];
} matrix;

typedef struct {
    whisper_network *m;
    const hse_weights *weights;
    whisper_format format;
    const char *root; /* in front of all names */
    matrix *matrices;
    size_t n_matrices, capacity;
    size_t float_count;    /* of what stays float32 */
    float *floats;         /* NULL while counting */
    size_t scratch_floats; /* of a task */
    float *scratch;        /* [threads] */
    _Atomic uint64_t slots;
    int tasks;
    _Atomic int bad;     /* 1 + the matrix that holds a value that is not finite */
    char prefix[PREFIX]; /* of the half or layer */
    hse_status status;
    hse_error *err;
} loader;

static void fail(loader *l, hse_status status, const char *fmt, ...) HSE_PRINTF(3, 4);
static void fail(loader *l, hse_status status, const char *fmt, ...)
{
    char text[200];
    va_list args;

    if (l->status != HSE_OK)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    l->status = hse_fail(l->err, status, 0, "%s", text);
}

static void in_half(loader *l, const char *half, int layer)
{
    if (layer < 0)
        snprintf(l->prefix, sizeof l->prefix, l->format == WHISPER_CT2 ? "%s%s/" : "%s%s.", l->root, half);
    else if (l->format == WHISPER_CT2)
        snprintf(l->prefix, sizeof l->prefix, "%s%s/layer_%d/", l->root, half, layer);
    else
        snprintf(l->prefix, sizeof l->prefix, l->format == WHISPER_HF ? "%s%s.layers.%d." : "%s%s.blocks.%d.", l->root,
                 half, layer);
}

static void full_name(loader *l, const names *n, const char *end, char out[NAME])
{
    const char *own = l->format == WHISPER_CT2 ? n->ct2 : l->format == WHISPER_HF ? n->hf : n->openai;

    out[0] = '\0';
    if (own)
        snprintf(out, NAME, "%s%s%s%s", l->prefix, own, *end ? (l->format == WHISPER_CT2 ? "/" : ".") : "", end);
}

/* The tensor of exactly `count` numbers in this shape; NULL after a failure, or quietly when it may be absent. */
static const hse_weight *find(loader *l, const char *name, int rank, const size_t *dim, bool required)
{
    const hse_weight *w = hse_weights_find(l->weights, name);
    bool same = w && w->rank == rank;
    char want[64] = "", have[64] = "";
    int at = 0;

    if (l->status != HSE_OK)
        return NULL;
    if (!w) {
        if (required)
            fail(l, HSE_E_FORMAT, "the tensor %s is missing", name);
        return NULL;
    }
    for (int i = 0; i < rank && same; i++)
        same = w->dim[i] == dim[i];
    if (same)
        return w;
    for (int i = 0; i < rank && at < (int)sizeof want; i++)
        at += snprintf(want + at, sizeof want - (size_t)at, "%s%zu", i ? ", " : "", dim[i]);
    at = 0;
    for (int i = 0; i < w->rank && at < (int)sizeof have; i++)
        at += snprintf(have + at, sizeof have - (size_t)at, "%s%llu", i ? ", " : "", (unsigned long long)w->dim[i]);
    fail(l, HSE_E_FORMAT, "%s is [%s], [%s] is expected", name, have, want);
    return NULL;
}

/* ---- numbers that stay float32 ---- */

/* `count` floats; while counting, NULL. */
static float *take(loader *l, size_t count)
{
    size_t at = l->float_count;

    l->float_count += whisper_align(count * sizeof(float)) / sizeof(float);
    return l->floats ? l->floats + at : NULL;
}

static void read_floats(loader *l, const hse_weight *w, const char *name, float *out)
{
    hse_error err = {0};

    if (!w || !out || l->status != HSE_OK)
        return;
    hse_status s = hse_weights_read_f32(l->weights, w, out, &err);
    hse_weights_drop(l->weights, w);
    if (s != HSE_OK)
        fail(l, s, "%s: %.120s", name, err.text);
    else if (!(l->m->kernels->max_abs(out, (size_t)w->count) < INFINITY))
        fail(l, HSE_E_FORMAT, "%s holds a value that is not finite", name);
}

static void load_norm(loader *l, nn_norm *norm, const names *n, int width)
{
    bool ct2 = l->format == WHISPER_CT2;
    size_t dim = (size_t)width;
    char name[NAME];
    float *scale = take(l, dim), *shift = take(l, dim);

    *norm = (nn_norm){.scale = scale, .shift = shift, .channels = width, .eps = 1e-5f};
    full_name(l, n, ct2 ? "gamma" : "weight", name);
    read_floats(l, find(l, name, 1, &dim, true), name, scale);
    full_name(l, n, ct2 ? "beta" : "bias", name);
    read_floats(l, find(l, name, 1, &dim, true), name, shift);
}

static const float *load_table(loader *l, const names *n, int rows, int cols)
{
    size_t dim[2] = {(size_t)rows, (size_t)cols};
    float *out = take(l, dim[0] * dim[1]);
    char name[NAME];

    full_name(l, n, "", name);
    read_floats(l, find(l, name, 2, dim, true), name, out);
    return out;
}

/* Biases of the pieces one after another; where a piece has none, zeros. */
static const float *load_bias(loader *l, const names *n, int n_pieces, size_t each)
{
    int pieces = l->format == WHISPER_CT2 ? 1 : n_pieces;
    size_t dim = l->format == WHISPER_CT2 ? each * (size_t)n_pieces : each;
    float *out = take(l, each * (size_t)n_pieces);
    char name[NAME];

    for (int i = 0; i < pieces; i++) {
        full_name(l, &n[i], "bias", name);
        bool key = n_pieces > 1 && l->format != WHISPER_CT2 && i == n_pieces - 2; /* upstream's keys have none */
        const hse_weight *w = find(l, name, 1, &dim, !key);
        if (w)
            read_floats(l, w, name, out ? out + (size_t)i * dim : NULL);
        else if (out)
            memset(out + (size_t)i * dim, 0, dim * sizeof *out);
    }
    return out;
}

/* ---- matrices ---- */

static matrix *new_matrix(loader *l, k_packed *w, k_weight_type type, int outputs, int inputs, int taps)
{
    if (l->n_matrices == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 128;
        matrix *p = hse_realloc(l->matrices, capacity * sizeof *p);
        if (!p) {
            fail(l, HSE_E_NOMEM, "no memory to load a network");
            return NULL;
        }
        l->matrices = p;
        l->capacity = capacity;
    }
    matrix *m = &l->matrices[l->n_matrices++];
    memset(m, 0, sizeof *m);
    m->w = w;
    m->type = type;
    m->outputs = outputs;
    m->inputs = inputs;
    m->taps = taps;
    return m;
}

static void open_piece(loader *l, piece *p, const char *name, int rank, const size_t *dim)
{
    hse_error err = {0};

    if (!(p->weight = find(l, name, rank, dim, true)))
        return;
    p->rows = dim[0];
    hse_status s = ct2_matrix_open(&p->m, l->weights, name, &err);
    if (s == HSE_E_UNSUPPORTED && p->weight->dtype != HSE_I8 && p->weight->dtype != HSE_I16) {
        size_t bytes =
            (size_t)p->weight->count * sizeof(float); /* deflated, or a view: read whole when it is its turn */
        if (!(p->floats = hse_alloc(bytes))) {
            fail(l, HSE_E_NOMEM, "no memory to read %s", name);
            return;
        }
        s = hse_weights_read_f32(l->weights, p->weight, p->floats, &err);
    }
    if (s != HSE_OK)
        fail(l, s, "%s: %.120s", name, err.text);
}

/* n[0..n_pieces): matrices of each x inputs (x 3 taps) that stand above one another; CTranslate2 has them as one. */
static void load_matrix(loader *l, k_packed *w, k_weight_type type, const names *n, int n_pieces, int each, int inputs,
                        int taps)
{
    int pieces = l->format == WHISPER_CT2 ? 1 : n_pieces;
    size_t dim[3] = {(size_t)each * (size_t)(n_pieces / pieces), (size_t)inputs, (size_t)taps};

    if (l->floats || l->status != HSE_OK) /* the second pass is about the floats alone */
        return;
    matrix *m = new_matrix(l, w, type, each * n_pieces, inputs, taps);
    if (!m)
        return;
    m->n_pieces = pieces;
    for (int i = 0; i < pieces; i++) {
        char name[NAME];
        full_name(l, &n[i], "weight", name);
        open_piece(l, &m->pieces[i], name, taps > 1 ? 3 : 2, dim);
        if (i == 0)
            memcpy(m->name, name, sizeof name);
    }
}

static void load_linear(loader *l, nn_linear_layer *layer, const names *n, int n_pieces, int inputs, int each)
{
    load_matrix(l, &layer->w, l->m->type, n, n_pieces, each, inputs, 1);
    layer->bias = load_bias(l, n, n_pieces, (size_t)each);
}

static void load_conv(loader *l, nn_conv1d_layer *layer, const names *n, int in, int out, int stride)
{
    k_packed w = layer->w;

    *layer = (nn_conv1d_layer){
        .w = w, .in = in, .out = out, .kernel = 3, .dilation = 1, .stride = stride, .left = 1, .right = 1};
    load_matrix(l, &layer->w, l->m->type == K_F32 ? K_F32 : K_BF16, n, 1, out, in, 3);
    layer->bias = load_bias(l, n, 1, (size_t)out);
}

static void load_layer(loader *l, whisper_layer *layer, int width, int ffn, bool cross)
{
    load_norm(l, &layer->self.norm, &attn_norm, width);
    load_linear(l, &layer->self.qkv, attn_qkv, 3, width, width);
    load_linear(l, &layer->self.out, &attn_out, 1, width, width);
    if (cross) {
        load_norm(l, &layer->cross.norm, &cross_norm, width);
        load_linear(l, &layer->cross.q, &cross_q, 1, width, width);
        load_linear(l, &layer->cross.kv, cross_kv, 2, width, width);
        load_linear(l, &layer->cross.out, &cross_out, 1, width, width);
    }
    load_norm(l, &layer->ffn.norm, &ffn_norm, width);
    load_linear(l, &layer->ffn.up, &ffn_up, 1, width, ffn);
    load_linear(l, &layer->ffn.down, &ffn_down, 1, ffn, width);
}

/* Every tensor once, in one order: the first pass finds them and counts, the second reads what stays float32. */
static void load_all(loader *l)
{
    whisper_network *m = l->m;
    const whisper_dims *d = &m->dims;

    in_half(l, "encoder", -1);
    load_conv(l, &m->conv[0], &conv_names[0], d->mels, d->width, 1);
    load_conv(l, &m->conv[1], &conv_names[1], d->width, d->width, 2);
    m->encoder_positions = load_table(l, &positions_of[0], d->encoder_positions, d->width);
    load_norm(l, &m->encoder_norm, &encoder_norm, d->width);
    for (int i = 0; i < d->encoder_layers; i++) {
        in_half(l, "encoder", i);
        load_layer(l, &m->encoder[i], d->width, d->encoder_ffn, false);
    }
    in_half(l, "decoder", -1);
    m->decoder_positions = load_table(l, &positions_of[1], d->decoder_positions, d->width);
    load_norm(l, &m->decoder_norm, &decoder_norm, d->width);
    for (int i = 0; i < d->decoder_layers; i++) {
        in_half(l, "decoder", i);
        load_layer(l, &m->decoder[i], d->width, d->decoder_ffn, true);
    }
    in_half(l, "decoder", -1);
    load_matrix(l, &m->embedding.w, m->type, &embedding, 1, d->vocab, d->width, 1);
}

/* ---- packing ---- */

/* Rows [first, first + n) of the pieces as floats, scratch or where they lie. */
static const float *rows_as_floats(const loader *l, const matrix *m, int first, int n, float *scratch)
{
    size_t cols = (size_t)m->inputs * (size_t)m->taps, from = (size_t)first, left = (size_t)n;
    float *out = scratch;

    for (int i = 0; i < m->n_pieces && left > 0; i++) {
        const piece *p = &m->pieces[i];
        if (from >= p->rows) {
            from -= p->rows;
            continue;
        }
        size_t take_rows = p->rows - from < left ? p->rows - from : left;
        if (p->floats)
            memcpy(out, p->floats + from * cols, take_rows * cols * sizeof *out);
        else if (p->weight->dtype == HSE_F16)
            l->m->kernels->from_f16(out, p->m.data + from * cols * 2, take_rows * cols);
        else
            ct2_matrix_rows_f32(&p->m, from, take_rows, out);
        out += take_rows * cols;
        left -= take_rows;
        from = 0;
    }
    return scratch;
}

/* Rows [first, first + n) where the file has them as halves in one place; NULL otherwise. */
static const uint8_t *rows_as_halves(const matrix *m, int first, int n)
{
    size_t from = (size_t)first, cols = (size_t)m->inputs;

    for (int i = 0; i < m->n_pieces; i++) {
        const piece *p = &m->pieces[i];
        if (from < p->rows)
            return !p->floats && p->weight->dtype == HSE_F16 && p->rows - from >= (size_t)n
                       ? p->m.data + from * cols * 2
                       : NULL;
        from -= p->rows;
    }
    return NULL;
}

/* Are an int8 panel's weights finite? */
static bool finite_scales(const k_packed *w, int first, int n)
{
    for (int j = first; j < first + n; j++)
        if (isnan(w->scale[j]))
            return false;
    return true;
}

static bool pack_panel(const loader *l, const matrix *m, int panel, float *scratch)
{
    int first = panel * m->w->panel, n = k_panel_outputs(m->w, panel);
    size_t cols = (size_t)m->inputs * (size_t)m->taps;
    const int8_t *stored =
        m->n_pieces == 1 && m->type == K_INT8 && !m->pieces[0].floats ? ct2_matrix_i8(&m->pieces[0].m) : NULL;

    if (stored) {
        for (int j = 0; j < n; j++)
            scratch[j] = 1.0f / ct2_matrix_scale(&m->pieces[0].m, (size_t)first + (size_t)j);
        k_pack_panel_int8(l->m->kernels, m->w, panel, stored + (size_t)first * cols, cols, scratch);
        return true;
    }
    bool quantized = m->type == K_INT8 && m->taps == 1 && m->inputs <= K_MOST_INPUTS;
    const uint8_t *halves = quantized ? rows_as_halves(m, first, n) : NULL;
    if (halves) {
        k_pack_panel_halves(l->m->kernels, m->w, panel, halves, cols);
        return finite_scales(m->w, first, n);
    }
    const float *rows = rows_as_floats(l, m, first, n, scratch);
    if (!(l->m->kernels->max_abs(rows, (size_t)n * cols) < INFINITY))
        return false;
    k_pack_panel(l->m->kernels, m->w, panel, rows, cols, 1, (size_t)m->taps);
    return true;
}

static float *scratch_take(loader *l, int *slot)
{
    uint64_t held = atomic_load(&l->slots);

    for (;;) { /* at most 64 tasks run at once: one is free */
        int i = __builtin_ctzll(~held);
        if (atomic_compare_exchange_weak(&l->slots, &held, held | (uint64_t)1 << i)) {
            *slot = i;
            return l->scratch + (size_t)i * l->scratch_floats;
        }
    }
}

static void pack_task(void *arg, int task)
{
    loader *l = arg;
    size_t i = 0, end = l->n_matrices;
    int slot;

    if (atomic_load(&l->bad))
        return;
    while (end - i > 1) { /* the last matrix whose first task is not behind this one */
        size_t middle = i + (end - i) / 2;
        if (l->matrices[middle].first_task <= task)
            i = middle;
        else
            end = middle;
    }
    matrix *m = &l->matrices[i];
    float *scratch = scratch_take(l, &slot);
    int from = (task - m->first_task) * PANELS_OF_TASK,
        to = from + PANELS_OF_TASK < m->w->panels ? from + PANELS_OF_TASK : m->w->panels;
    for (int p = from; p < to; p++)
        if (!pack_panel(l, m, p, scratch))
            atomic_store(&l->bad, (int)i + 1);
    if (atomic_fetch_sub(&m->left, to - from) == to - from)
        for (int p = 0; p < m->n_pieces; p++) {
            hse_free(m->pieces[p].floats);
            m->pieces[p].floats = NULL;
            hse_weights_drop(l->weights, m->pieces[p].weight);
        }
    atomic_fetch_and(&l->slots, ~((uint64_t)1 << slot));
}

/* One block for the floats and all packed matrices. */
static void lay_out(loader *l, size_t max_bytes)
{
    whisper_network *m = l->m;
    size_t bytes = l->float_count * sizeof(float);
    bool fits = l->status == HSE_OK;

    for (size_t i = 0; i < l->n_matrices && fits; i++) {
        const matrix *x = &l->matrices[i];
        size_t cols = (size_t)x->inputs * (size_t)x->taps;
        fits = hse_add_size(bytes, whisper_align(m->kernels->pack_size(x->type, x->outputs, x->inputs, x->taps)),
                            &bytes) &&
               bytes <= max_bytes;
        if (cols * 64 > l->scratch_floats)
            l->scratch_floats = cols * 64; /* no panel has more outputs */
    }
    if (l->status != HSE_OK)
        return;
    if (!fits) {
        fail(l, HSE_E_LIMIT, "the weights are over the memory limit of %zu bytes", max_bytes);
        return;
    }
    if (!(m->memory = hse_pages_alloc(bytes))) {
        fail(l, HSE_E_NOMEM, "no memory for %zu bytes of weights", bytes);
        return;
    }
    m->bytes = bytes;
    l->floats = m->memory;
    char *at = (char *)m->memory + l->float_count * sizeof(float);
    for (size_t i = 0; i < l->n_matrices; i++) {
        matrix *x = &l->matrices[i];
        size_t size = k_pack_begin(m->kernels, x->w, at, x->type, x->outputs, x->inputs, x->taps);
        at += whisper_align(size);
        x->first_task = l->tasks;
        atomic_init(&x->left, x->w->panels);
        l->tasks += (x->w->panels + PANELS_OF_TASK - 1) / PANELS_OF_TASK;
    }
}

static void pack_all(loader *l, hse_pool *pool)
{
    int threads = hse_pool_threads(pool);
    size_t floats;

    if (l->status != HSE_OK)
        return;
    if (threads > 63) {
        pool = NULL;
        threads = 1;
    }
    if (!hse_mul_size(l->scratch_floats, (size_t)threads, &floats) || floats > SIZE_MAX / sizeof(float) ||
        !(l->scratch = hse_pages_alloc(floats * sizeof(float)))) {
        fail(l, HSE_E_NOMEM, "no memory to pack the weights");
        return;
    }
    hse_pool_run(pool, l->tasks, pack_task, l);
    hse_pages_free(l->scratch, floats * sizeof(float));
    int bad = atomic_load(&l->bad);
    if (bad)
        fail(l, HSE_E_FORMAT, "%s holds a value that is not finite", l->matrices[bad - 1].name);
}

/* ---- types ---- */

bool whisper_compute_type(const char *word, bool stored_int8, k_weight_type *out)
{
    static const struct {
        const char *word;
        k_weight_type type;
    } words[] = {{"int8", K_INT8}, {"int8_float32", K_INT8}, {"int8_float16", K_INT8}, {"int8_bfloat16", K_INT8},
                 {"auto", K_INT8}, {"bfloat16", K_BF16},     {"float16", K_BF16},      {"float32", K_F32}};

    if (strcmp(word, "default") == 0) {
        *out = stored_int8 ? K_INT8 : K_F32;
        return true;
    }
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(word, words[i].word) == 0) {
            *out = words[i].type;
            return true;
        }
    return false;
}

bool whisper_stored_int8(const hse_weights *w)
{
    const hse_weight *embeddings = hse_weights_find(w, "decoder/embeddings/weight");

    return embeddings && embeddings->dtype == HSE_I8;
}

/* ---- life ---- */

/* Where the names begin: state dicts stand in a container of an OpenAI file, and "model." may be missing. */
static const char *root_of(const hse_weights *w, whisper_format format)
{
    static const char *const roots[] = {"", "model.", "model_state_dict."};
    char name[NAME];

    for (size_t i = 0; i < COUNT(roots); i++) {
        snprintf(name, sizeof name, "%s%s", roots[i],
                 format == WHISPER_CT2 ? "encoder/conv1/weight" : "encoder.conv1.weight");
        if (hse_weights_find(w, name))
            return roots[i];
    }
    return format == WHISPER_HF ? "model." : format == WHISPER_OPENAI ? "model_state_dict." : "";
}

static bool dims_ok(const whisper_dims *d, hse_error *err)
{
    const struct {
        const char *name;
        int value, most;
    } all[] = {{"mels", d->mels, 512},
               {"vocabulary", d->vocab, WHISPER_MAX_VOCAB},
               {"width", d->width, WHISPER_MAX_WIDTH},
               {"encoder feed-forward width", d->encoder_ffn, 8 * WHISPER_MAX_WIDTH},
               {"decoder feed-forward width", d->decoder_ffn, 8 * WHISPER_MAX_WIDTH},
               {"encoder heads", d->encoder_heads, WHISPER_MAX_HEADS},
               {"decoder heads", d->decoder_heads, WHISPER_MAX_HEADS},
               {"encoder layers", d->encoder_layers, WHISPER_MAX_LAYERS},
               {"decoder layers", d->decoder_layers, WHISPER_MAX_LAYERS},
               {"encoder positions", d->encoder_positions, WHISPER_MAX_POSITIONS},
               {"decoder positions", d->decoder_positions, WHISPER_MAX_POSITIONS}};

    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i].value < 1 || all[i].value > all[i].most) {
            hse_fail(err, HSE_E_FORMAT, 0, "a network with %s %d, 1 to %d is possible", all[i].name, all[i].value,
                     all[i].most);
            return false;
        }
    if (d->width % d->encoder_heads || d->width % d->decoder_heads) {
        hse_fail(err, HSE_E_FORMAT, 0, "a width of %d is no multiple of %d or %d heads", d->width, d->encoder_heads,
                 d->decoder_heads);
        return false;
    }
    return true;
}

hse_status whisper_network_open(whisper_network **out, const whisper_config *config, const whisper_network_options *opt,
                                hse_error *err)
{
    const whisper_dims *d = &config->dims;
    loader l = {.format = config->format, .err = err, .weights = opt->weights};
    hse_weights *own = NULL;
    hse_status s;

    if (!dims_ok(d, err))
        return HSE_E_FORMAT;
    if (!opt->weights) {
        if ((s = hse_weights_open(&own, config->weights, opt->limits, err)) != HSE_OK)
            return s;
        l.weights = own;
    }
    whisper_network *m = l.m = hse_calloc(1, sizeof *m);
    if (m) {
        m->dims = *d;
        m->type = opt->type;
        m->kernels = opt->kernels ? opt->kernels : hse_kernels_get(~0u);
        m->encoder = hse_calloc((size_t)d->encoder_layers, sizeof *m->encoder);
        m->decoder = hse_calloc((size_t)d->decoder_layers, sizeof *m->decoder);
    }
    if (!m || !m->encoder || !m->decoder)
        fail(&l, HSE_E_NOMEM, "no memory for a network");
    if (l.status == HSE_OK) {
        l.root = root_of(l.weights, l.format);
        load_all(&l);
        lay_out(&l, opt->max_bytes ? opt->max_bytes : DEFAULT_MAX_BYTES);
    }
    if (l.status == HSE_OK) {
        l.float_count = 0;
        load_all(&l);
        pack_all(&l, opt->pool);
    }
    for (size_t i = 0; i < l.n_matrices; i++)
        for (int p = 0; p < l.matrices[i].n_pieces; p++)
            hse_free(l.matrices[i].pieces[p].floats);
    hse_free(l.matrices);
    hse_weights_close(&own);
    if (l.status != HSE_OK)
        whisper_network_close(&m);
    else
        *out = m;
    return l.status;
}

void whisper_network_close(whisper_network **network)
{
    whisper_network *m = *network;

    if (!m)
        return;
    hse_pages_free(m->memory, m->bytes);
    hse_free(m->encoder);
    hse_free(m->decoder);
    hse_free(m);
    *network = NULL;
}

k_weight_type whisper_network_type(const whisper_network *m)
{
    return m->type;
}

size_t whisper_network_bytes(const whisper_network *m)
{
    return m->bytes;
}

const whisper_dims *whisper_network_dims(const whisper_network *m)
{
    return &m->dims;
}
