/* network_decode.c - the decoder, some rows (tokens) at a time: token and position, layers of self-attention over the
 * cache, cross-attention over the window, feed-forward; a norm; the product with all tokens' embeddings.
 *
 * A step is a few hundred microseconds, so it does without tensors: one workspace, a product or an attention at a time
 * on the pool. A cache row holds one position's keys and values of all layers; sequences list the rows they see, and
 * rows count the sequences that list them. */
#include "models/whisper/network_internal.h"

#include "base/mem.h"
#include "kernels/pack.h"
#include "nn/raw.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 64, MAX_SEQUENCES = 4096, MAX_WINDOWS = 4096, MAX_ROWS = 1 << 20, MAX_KEPT_HEADS = 4096 };

typedef struct {
    bool used;
    int window, length;
    int32_t *row;  /* [positions] of the cache */
    float *scores; /* kept: [positions that have some][heads][count of the window] */
    size_t scores_bytes;
    int scores_from, scores_end; /* positions whose scores are kept */
} sequence;

struct whisper_decoding {
    const whisper_network *m;
    nn_ctx *c;
    const hse_kernels *k;
    hse_pool *pool;
    int threads;
    whisper_decoding_limits limits;

    whisper_window *windows;
    sequence *sequences;
    int32_t *tables; /* all sequences' rows */

    void *cache; /* [layer][cache row][keys | values]: float, or bf16 beside reduced weights */
    size_t cache_rows, cache_bytes;
    uint32_t *uses;     /* of each cache row */
    int32_t *free_rows; /* a stack: the lowest on top at first */
    size_t n_free;

    float *x, *h, *wide, *att; /* [CHUNK] rows of width, width, max(3 width, ffn), width */
    void *reduced;             /* [CHUNK] rows in the weights' type */
    float *reduced_scale;
    char *scratch; /* [threads] */
    size_t scratch_bytes;
    float *logits; /* rows that wanted them */
    size_t logits_bytes;
    int *logits_of; /* row of the step -> row of logits, or -1 */
    int n_rows, rows_capacity;

    int (*kept)[2]; /* layer, head */
    int n_kept;
    char *workspace;
    size_t workspace_bytes;
};

/* ---- life ---- */

static size_t carve(size_t *at, size_t bytes)
{
    size_t from = *at;

    *at += whisper_align(bytes);
    return from;
}

/* The workspace of one step; the places are set when there is memory. */
static size_t workspace(whisper_decoding *d, char *memory)
{
    const whisper_dims *dims = &d->m->dims;
    size_t width = (size_t)dims->width, ffn = (size_t)dims->decoder_ffn, wide = ffn > 3 * width ? ffn : 3 * width, at = 0;
    int head = dims->width / dims->decoder_heads;
    nn_keys shape = {.count = dims->encoder_positions,
                     .heads = dims->decoder_heads,
                     .width = head,
                     .k_type = d->m->type,
                     .v_type = d->m->type};
    size_t row = CHUNK * sizeof(float), x = carve(&at, row * width), h = carve(&at, row * width),
           w = carve(&at, row * wide), a = carve(&at, row * width), r = carve(&at, row * (wide + 64)),
           s = carve(&at, row);
    size_t cross = nn_keys_scratch(d->k, &shape),
           self = whisper_align((size_t)d->limits.positions * (size_t)dims->decoder_heads * sizeof(float));

    d->scratch_bytes = cross > self ? cross : self;
    size_t scratch = carve(&at, d->scratch_bytes * (size_t)d->threads);
    if (memory) {
        d->x = (float *)(void *)(memory + x);
        d->h = (float *)(void *)(memory + h);
        d->wide = (float *)(void *)(memory + w);
        d->att = (float *)(void *)(memory + a);
        d->reduced = memory + r;
        d->reduced_scale = (float *)(void *)(memory + s);
        d->scratch = memory + scratch;
    }
    return at;
}

static bool measure(whisper_decoding *d)
{
    const whisper_dims *dims = &d->m->dims;

    d->cache_rows = (size_t)d->limits.sequences * (size_t)d->limits.positions; /* both are bounded */
    d->workspace_bytes = workspace(d, NULL);
    return hse_mul_size(d->cache_rows * 2 * (d->m->type == K_F32 ? sizeof(float) : sizeof(uint16_t)),
                        (size_t)dims->width * (size_t)dims->decoder_layers, &d->cache_bytes);
}

static bool allocate(whisper_decoding *d)
{
    size_t sequences = (size_t)d->limits.sequences, positions = (size_t)d->limits.positions;

    if (!measure(d))
        return false;
    d->windows = hse_calloc((size_t)d->limits.windows, sizeof *d->windows);
    d->sequences = hse_calloc(sequences, sizeof *d->sequences);
    d->tables = hse_calloc(d->cache_rows, sizeof *d->tables);
    d->uses = hse_calloc(d->cache_rows, sizeof *d->uses);
    d->free_rows = hse_alloc(d->cache_rows * sizeof *d->free_rows);
    d->cache = hse_pages_alloc(d->cache_bytes); /* pages come when they are written */
    d->workspace = hse_pages_alloc(d->workspace_bytes);
    if (!d->windows || !d->sequences || !d->tables || !d->uses || !d->free_rows || !d->cache || !d->workspace)
        return false;
    for (size_t i = 0; i < d->cache_rows; i++)
        d->free_rows[i] = (int32_t)(d->cache_rows - 1 - i);
    d->n_free = d->cache_rows;
    for (size_t i = 0; i < sequences; i++)
        d->sequences[i].row = d->tables + i * positions;
    workspace(d, d->workspace);
    return true;
}

/* With what was left open; false where they are none. */
static bool fill_limits(whisper_decoding_limits *o, const whisper_network *m)
{
    if (o->positions == 0)
        o->positions = m->dims.decoder_positions;
    if (o->rows == 0)
        o->rows = MAX_ROWS;
    return o->windows >= 1 && o->windows <= MAX_WINDOWS && o->sequences >= 1 && o->sequences <= MAX_SEQUENCES &&
           o->positions >= 1 && o->positions <= m->dims.decoder_positions && o->rows >= 1 && o->rows <= MAX_ROWS;
}

size_t whisper_decoding_plan(const whisper_network *m, nn_ctx *c, const whisper_decoding_limits *limits)
{
    whisper_decoding d = {.m = m, .k = m->kernels, .threads = nn_threads(c), .limits = *limits};
    size_t arena = whisper_encode_plan(m, c), window = whisper_window_bytes(m, m->dims.encoder_positions), windows, sum;
    size_t logits = (size_t)limits->sequences * (size_t)m->dims.vocab * sizeof(float);

    if (arena == 0 || window == 0 || !fill_limits(&d.limits, m) || !measure(&d) ||
        !hse_mul_size(window, (size_t)d.limits.windows, &windows) || !hse_add_size(arena, windows, &sum) ||
        !hse_add_size(sum, d.cache_bytes, &sum) || !hse_add_size(sum, d.workspace_bytes + logits, &sum))
        return 0;
    return sum;
}

hse_status whisper_decoding_open(whisper_decoding **out, const whisper_network *m, nn_ctx *c,
                                 const whisper_decoding_limits *limits, hse_error *err)
{
    whisper_decoding_limits o = *limits;

    if (!fill_limits(&o, m))
        return hse_fail(err, HSE_E_ARG, 0, "a decoding of %d windows, %d sequences of %d positions, %d rows", o.windows,
                        o.sequences, o.positions, o.rows);
    if (nn_kernels(c) != m->kernels)
        return hse_fail(err, HSE_E_ARG, 0, "the weights were packed for %s, the context runs %s", m->kernels->name,
                        nn_kernels(c)->name);
    whisper_decoding *d = hse_calloc(1, sizeof *d);
    if (d) {
        d->m = m;
        d->c = c;
        d->k = m->kernels;
        d->pool = nn_pool(c);
        d->threads = nn_threads(c);
        d->limits = o;
    }
    if (!d || !allocate(d)) {
        whisper_decoding_close(&d);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to decode %d sequences", o.sequences);
    }
    *out = d;
    return HSE_OK;
}

void whisper_decoding_close(whisper_decoding **decoding)
{
    whisper_decoding *d = *decoding;

    if (!d)
        return;
    for (int i = 0; i < d->limits.sequences && d->sequences; i++)
        hse_pages_free(d->sequences[i].scores, d->sequences[i].scores_bytes);
    for (int i = 0; i < d->limits.windows && d->windows; i++)
        whisper_window_clear(&d->windows[i]);
    hse_pages_free(d->cache, d->cache_bytes);
    hse_pages_free(d->workspace, d->workspace_bytes);
    hse_pages_free(d->logits, d->logits_bytes);
    hse_free(d->windows);
    hse_free(d->sequences);
    hse_free(d->tables);
    hse_free(d->uses);
    hse_free(d->free_rows);
    hse_free(d->logits_of);
    hse_free(d->kept);
    hse_free(d);
    *decoding = NULL;
}

/* ---- windows ---- */

hse_status whisper_encode_windows(whisper_decoding *d, int n, const float *const *mel, const int *frames, int *window,
                                  bool keep_output, hse_error *err)
{
    for (int i = 0; i < n; i++) {
        int at = 0;
        hse_status s;
        while (at < d->limits.windows && d->windows[at].used)
            at++;
        if (at == d->limits.windows)
            s = hse_fail(err, HSE_E_LIMIT, 0, "more than %d windows at once", d->limits.windows);
        else
            s = whisper_encode_one(d->m, d->c, &d->windows[at], mel[i], frames[i], keep_output, err);
        if (s != HSE_OK) {
            while (i-- > 0)
                whisper_window_rest(&d->windows[window[i]]);
            return s;
        }
        window[i] = at;
    }
    return HSE_OK;
}

static whisper_window *window_at(const whisper_decoding *d, int window)
{
    return window >= 0 && window < d->limits.windows && d->windows[window].used ? &d->windows[window] : NULL;
}

hse_status whisper_encoder_output(const whisper_decoding *d, int window, float *out, size_t count, hse_error *err)
{
    const whisper_window *w = window_at(d, window);
    size_t n = w ? (size_t)w->count * (size_t)d->m->dims.width : 0;

    if (!w || !w->output || count != n)
        return hse_fail(err, HSE_E_ARG, 0, "window %d has no output of %zu numbers", window, count);
    memcpy(out, w->output, n * sizeof *out);
    return HSE_OK;
}

hse_status whisper_encoder_alone(const whisper_decoding *d, const float *mel, int frames, float *out, hse_error *err)
{
    return whisper_encode_only(d->m, d->c, mel, frames, out, err);
}

int whisper_window_positions(const whisper_decoding *d, int window)
{
    const whisper_window *w = window_at(d, window);

    return w ? w->count : 0;
}

void whisper_window_free(whisper_decoding *d, int window)
{
    whisper_window *w = window_at(d, window);

    if (w && w->sequences == 0)
        whisper_window_rest(w);
}

/* ---- sequences ---- */

static sequence *sequence_at(const whisper_decoding *d, int number)
{
    return number >= 0 && number < d->limits.sequences && d->sequences[number].used ? &d->sequences[number] : NULL;
}

static int sequence_unused(const whisper_decoding *d)
{
    for (int i = 0; i < d->limits.sequences; i++)
        if (!d->sequences[i].used)
            return i;
    return -1;
}

int whisper_sequence_new(whisper_decoding *d, int window)
{
    int i = window_at(d, window) ? sequence_unused(d) : -1;

    if (i >= 0) {
        sequence *s = &d->sequences[i];
        *s = (sequence){.used = true, .window = window, .row = s->row};
        d->windows[window].sequences++;
    }
    return i;
}

int whisper_sequence_fork(whisper_decoding *d, int number)
{
    const sequence *from = sequence_at(d, number);
    int i = from ? whisper_sequence_new(d, from->window) : -1;

    if (i >= 0) {
        sequence *s = &d->sequences[i];
        memcpy(s->row, from->row, (size_t)from->length * sizeof *s->row);
        s->length = s->scores_from = s->scores_end = from->length;
        for (int p = 0; p < s->length; p++)
            d->uses[s->row[p]]++;
    }
    return i;
}

static void release_rows(whisper_decoding *d, sequence *s, int from, int to)
{
    for (int p = from; p < to; p++)
        if (--d->uses[s->row[p]] == 0)
            d->free_rows[d->n_free++] = s->row[p];
}

void whisper_sequence_free(whisper_decoding *d, int number)
{
    sequence *s = sequence_at(d, number);

    if (!s)
        return;
    release_rows(d, s, 0, s->length);
    hse_pages_free(s->scores, s->scores_bytes);
    s->scores = NULL;
    s->scores_bytes = 0;
    s->used = false;
    d->windows[s->window].sequences--;
}

int whisper_sequence_length(const whisper_decoding *d, int number)
{
    const sequence *s = sequence_at(d, number);

    return s ? s->length : -1;
}

/* ---- products ---- */

typedef struct {
    const whisper_decoding *d;
    k_gemm g;
    int tasks;
} product_job;

static void product_task(void *arg, int t)
{
    const product_job *j = arg;
    k_gemm g = j->g;
    long long panels = g.w->panels;

    g.panel_from = (int)(panels * t / j->tasks);
    g.panel_to = (int)(panels * (t + 1) / j->tasks);
    j->d->k->gemm[g.w->type](&g);
}

/* out = act(in w + bias) + residual, for up to CHUNK rows. */
static void product(whisper_decoding *d, const nn_linear_layer *l, const float *in, int rows, float *out, k_act act,
                    const float *residual)
{
    enum { TASK_BYTES = 64 << 10 }; /* of weights: some microseconds */
    const k_packed *w = &l->w;
    size_t align = (size_t)d->k->k_align[w->type], padded = ((size_t)w->k + align - 1) / align * align;
    size_t bytes = w->panel_bytes * (size_t)w->panels, most = (size_t)d->threads * 4;
    product_job j = {.d = d,
                     .g = {.w = w,
                           .a = in,
                           .a_row = (size_t)w->k,
                           .rows = rows,
                           .out = out,
                           .out_row = (size_t)w->n,
                           .bias = l->bias,
                           .residual = residual,
                           .residual_row = (size_t)w->n,
                           .alpha = 1,
                           .act = act}};

    if (w->type == K_BF16)
        d->k->to_bf16(d->reduced, padded, in, (size_t)w->k, rows, w->k, K_NONE, 0.0f);
    if (w->type == K_INT8) {
        d->k->to_int8(d->reduced, padded, d->reduced_scale, in, (size_t)w->k, rows, w->k, K_NONE, 0.0f);
        j.g.a_scale = d->reduced_scale;
        j.g.a_scale_row = 1;
    }
    if (w->type != K_F32) {
        j.g.a = d->reduced;
        j.g.a_row = padded;
    }
    j.tasks = bytes / TASK_BYTES < 1 ? 1 : bytes / TASK_BYTES < most ? (int)(bytes / TASK_BYTES) : (int)most;
    if (j.tasks > w->panels)
        j.tasks = w->panels;
    hse_pool_run(d->threads > 1 ? d->pool : NULL, d->threads > 1 ? j.tasks : (j.tasks = 1), product_task, &j);
}

/* ---- attention ---- */

typedef struct { /* of a row of a chunk */
    sequence *sequence;
    int position;
} place;

typedef struct {
    whisper_decoding *d;
    const place *places;
    int layer, parts;
    const int *run; /* first rows of runs over one window; the end behind them */
} attention_job;

static size_t cache_element(const whisper_decoding *d)
{
    return d->m->type == K_F32 ? sizeof(float) : sizeof(uint16_t);
}

static char *cache_layer(const whisper_decoding *d, int layer)
{
    return (char *)d->cache + (size_t)layer * d->cache_rows * 2 * (size_t)d->m->dims.width * cache_element(d);
}

/* The chunk's keys and values (columns 1 and 2 of three) into their rows. */
static void cache_write(const whisper_decoding *d, int layer, const place *places, int rows)
{
    size_t width = (size_t)d->m->dims.width;

    for (int r = 0; r < rows; r++) {
        const float *from = d->wide + (size_t)r * 3 * width + width;
        char *to =
            cache_layer(d, layer) + (size_t)places[r].sequence->row[places[r].position] * 2 * width * cache_element(d);
        if (d->m->type == K_F32)
            memcpy(to, from, 2 * width * sizeof(float));
        else
            d->k->to_bf16((uint16_t *)(void *)to, 0, from, 0, 1, d->m->dims.width * 2, K_NONE, 0.0f);
    }
}

static void self_task(void *arg, int task)
{
    attention_job *j = arg;
    whisper_decoding *d = j->d;
    size_t width = (size_t)d->m->dims.width;
    int heads = d->m->dims.decoder_heads, row = task / j->parts, part = task % j->parts, slot = nn_scratch_take(d->c);
    float *weight = (float *)(void *)(d->scratch + (size_t)slot * d->scratch_bytes);

    int first = heads * part / j->parts, count = heads * (part + 1) / j->parts - first;
    size_t each = width / (size_t)heads, at = (size_t)first * each;

    d->k->attend(&(k_attend){.q = d->wide + (size_t)row * 3 * width + at,
                             .heads = count,
                             .width = (int)each,
                             .cache = cache_layer(d, j->layer) + at * cache_element(d),
                             .bf16 = d->m->type != K_F32,
                             .row = 2 * width,
                             .values = width,
                             .rows = j->places[row].sequence->row,
                             .n = j->places[row].position + 1,
                             .scale = 1.0f / sqrtf((float)each),
                             .weights = weight,
                             .out = d->att + (size_t)row * width + at});
    nn_scratch_give(d->c, slot);
}

/* The rows of one run, one head. */
static void cross_task(void *arg, int task)
{
    attention_job *j = arg;
    whisper_decoding *d = j->d;
    int heads = d->m->dims.decoder_heads, run = task / heads, head = task % heads, from = j->run[run],
        rows = j->run[run + 1] - from;
    size_t width = (size_t)d->m->dims.width, each = width / (size_t)heads,
           at = (size_t)from * width + (size_t)head * each;
    const whisper_window *w = &d->windows[j->places[from].sequence->window];
    const sequence *s = j->places[from].sequence;
    size_t kept = (size_t)d->n_kept * (size_t)w->count;
    float *scores = NULL;
    int slot = nn_scratch_take(d->c);

    for (int i = d->n_kept - 1; i >= 0; i--)
        if (d->kept[i][0] == j->layer && d->kept[i][1] == head)
            scores =
                s->scores + (size_t)(j->places[from].position - s->scores_from) * kept + (size_t)i * (size_t)w->count;
    nn_keys_attend(d->k, &w->keys[j->layer], head, d->wide + at, width, rows, 1.0f / sqrtf((float)each), d->att + at,
                   width, scores, kept, d->scratch + (size_t)slot * d->scratch_bytes);
    nn_scratch_give(d->c, slot);
}

/* ---- a step ---- */

/* Rows over the same window are multiplied together; where scores are kept, rows of the same sequence. */
static int find_runs(const whisper_decoding *d, const place *places, int rows, int run[CHUNK + 1])
{
    int runs = 0;

    for (int r = 0; r < rows; r++)
        if (r == 0 || places[r].sequence->window != places[r - 1].sequence->window ||
            (d->n_kept && places[r].sequence != places[r - 1].sequence))
            run[runs++] = r;
    run[runs] = rows;
    return runs;
}

static void norm(const whisper_decoding *d, const nn_norm *n, int rows)
{
    d->k->layer_norm(d->h, d->x, n->scale, n->shift, n->eps, rows, n->channels);
}

static void layer_run(whisper_decoding *d, int number, const place *places, int rows, const int *run, int runs)
{
    const whisper_layer *l = &d->m->decoder[number];
    int heads = d->m->dims.decoder_heads;
    attention_job j = {.d = d, .places = places, .layer = number, .run = run, .parts = 1};

    norm(d, &l->self.norm, rows);
    product(d, &l->self.qkv, d->h, rows, d->wide, K_NONE, NULL);
    cache_write(d, number, places, rows);
    if (rows < d->threads)
        j.parts = heads < d->threads ? heads : d->threads;
    hse_pool_run(d->pool, rows * j.parts, self_task, &j);
    product(d, &l->self.out, d->att, rows, d->x, K_NONE, d->x);

    norm(d, &l->cross.norm, rows);
    product(d, &l->cross.q, d->h, rows, d->wide, K_NONE, NULL);
    hse_pool_run(d->pool, runs * heads, cross_task, &j);
    product(d, &l->cross.out, d->att, rows, d->x, K_NONE, d->x);

    norm(d, &l->ffn.norm, rows);
    product(d, &l->ffn.up, d->h, rows, d->wide, K_GELU, NULL);
    product(d, &l->ffn.down, d->wide, rows, d->x, K_NONE, d->x);
}

/* Tokens and positions into x. */
static void embed(whisper_decoding *d, const whisper_row *rows, const place *places, int n)
{
    size_t width = (size_t)d->m->dims.width;

    for (int r = 0; r < n; r++) {
        float *x = d->x + (size_t)r * width;
        k_unpack_output(d->k, &d->m->embedding.w, rows[r].token, x);
        d->k->add(x, x, d->m->decoder_positions + (size_t)places[r].position * width, width);
    }
}

/* The rows that want logits are brought together first. */
static void give_logits(whisper_decoding *d, const whisper_row *rows, int n, int first)
{
    size_t width = (size_t)d->m->dims.width, vocab = (size_t)d->m->dims.vocab;
    int wanted = 0, at = -1;

    for (int r = 0; r < n; r++)
        if (rows[r].logits) {
            if (at < 0)
                at = d->logits_of[first + r];
            memmove(d->h + (size_t)wanted++ * width, d->h + (size_t)r * width, width * sizeof *d->h);
        }
    if (wanted > 0)
        product(d, &d->m->embedding, d->h, wanted, d->logits + (size_t)at * vocab, K_NONE, NULL);
}

static hse_status chunk_run(whisper_decoding *d, const whisper_row *rows, const place *places, int n, int first,
                            hse_error *err)
{
    int run[CHUNK + 1], runs = find_runs(d, places, n, run), width = d->m->dims.width;
    hse_status s = HSE_OK;

    embed(d, rows, places, n);
    nn_show(d->c, d->x, n, width, "dec_in");
    for (int i = 0; i < d->m->dims.decoder_layers && s == HSE_OK; i++) {
        if ((s = nn_interrupted(d->c, err)) != HSE_OK)
            break;
        layer_run(d, i, places, n, run, runs);
        nn_show(d->c, d->x, n, width, "dec_layer%d", i);
    }
    if (s != HSE_OK)
        return s;
    norm(d, &d->m->decoder_norm, n);
    nn_show(d->c, d->h, n, width, "dec_out");
    give_logits(d, rows, n, first);
    return HSE_OK;
}

/* ---- checks and room, before anything is computed ---- */

static hse_status check_rows(const whisper_decoding *d, const whisper_row *rows, int n, hse_error *err)
{
    if (n < 1 || n > d->limits.rows)
        return hse_fail(err, HSE_E_ARG, 0, "a step of %d rows, 1 to %d are possible", n, d->limits.rows);
    for (int r = 0; r < n; r++) {
        if (!sequence_at(d, rows[r].sequence))
            return hse_fail(err, HSE_E_ARG, 0, "row %d: there is no sequence %d", r, rows[r].sequence);
        if (rows[r].token < 0 || rows[r].token >= d->m->dims.vocab)
            return hse_fail(err, HSE_E_ARG, 0, "row %d: token %d is not in the vocabulary of %d", r, (int)rows[r].token,
                            d->m->dims.vocab);
    }
    return HSE_OK;
}

static bool room_for_logits(whisper_decoding *d, const whisper_row *rows, int n)
{
    size_t wanted = 0, bytes;

    if (n > d->rows_capacity) {
        int *p = hse_realloc(d->logits_of, (size_t)n * sizeof *p);
        if (!p)
            return false;
        d->logits_of = p;
        d->rows_capacity = n;
    }
    for (int r = 0; r < n; r++)
        wanted += rows[r].logits;
    if (!hse_mul_size(wanted, (size_t)d->m->dims.vocab * sizeof(float), &bytes))
        return false;
    if (bytes > d->logits_bytes) {
        float *p = hse_pages_alloc(bytes);
        if (!p)
            return false;
        hse_pages_free(d->logits, d->logits_bytes);
        d->logits = p;
        d->logits_bytes = bytes;
    }
    return true;
}

/* Room for the scores of one more position. */
static bool room_for_scores(const whisper_decoding *d, sequence *s)
{
    size_t each = (size_t)d->n_kept * (size_t)d->windows[s->window].count * sizeof(float), bytes;

    if (s->length != s->scores_end)
        s->scores_from = s->length;
    s->scores_end = s->length + 1;
    if (!hse_mul_size(each, (size_t)(s->scores_end - s->scores_from), &bytes))
        return false;
    if (bytes <= s->scores_bytes)
        return true;
    size_t want = bytes + bytes / 2 + 8 * each;
    float *p = s->scores ? hse_pages_resize(s->scores, s->scores_bytes, want) : hse_pages_alloc(want);
    if (!p)
        return false;
    s->scores = p;
    s->scores_bytes = want;
    return true;
}

/* A cache row and a position for each row of the step; what was taken is in places[0..*taken). */
static hse_status take_places(whisper_decoding *d, const whisper_row *rows, int n, place *places, int *taken,
                              hse_error *err)
{
    for (int r = 0; r < n; r++) {
        sequence *s = &d->sequences[rows[r].sequence];
        if (s->length >= d->limits.positions)
            return hse_fail(err, HSE_E_LIMIT, 0, "sequence %d is longer than %d positions", rows[r].sequence,
                            d->limits.positions);
        if (d->n_kept && !room_for_scores(d, s))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the scores of %d heads", d->n_kept);
        int32_t row = d->free_rows[--d->n_free]; /* there are as many as all sequences can use */
        d->uses[row] = 1;
        places[r] = (place){.sequence = s, .position = s->length};
        s->row[s->length++] = row;
        *taken = r + 1;
    }
    return HSE_OK;
}

hse_status whisper_step(whisper_decoding *d, const whisper_row *rows, int n, hse_error *err)
{
    hse_status s = check_rows(d, rows, n, err);
    int taken = 0, logits = 0;
    place *places;

    d->n_rows = 0;
    if (s != HSE_OK)
        return s;
    if (!room_for_logits(d, rows, n) || !(places = hse_alloc((size_t)n * sizeof *places)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a step of %d rows", n);
    for (int r = 0; r < n; r++)
        d->logits_of[r] = rows[r].logits ? logits++ : -1;
    s = take_places(d, rows, n, places, &taken, err);
    for (int r = 0; r < n && s == HSE_OK; r += CHUNK)
        s = chunk_run(d, rows + r, places + r, n - r < CHUNK ? n - r : CHUNK, r, err);
    if (s == HSE_OK)
        d->n_rows = n;
    while (s != HSE_OK && taken-- > 0) { /* as if the step had not been asked for */
        sequence *of = places[taken].sequence;
        of->length--;
        release_rows(d, of, of->length, of->length + 1);
        if (of->scores_end > of->length)
            of->scores_end = of->length > of->scores_from ? of->length : of->scores_from;
    }
    hse_free(places);
    return s;
}

float *whisper_logits(whisper_decoding *d, int row)
{
    if (row < 0 || row >= d->n_rows || d->logits_of[row] < 0)
        return NULL;
    return d->logits + (size_t)d->logits_of[row] * (size_t)d->m->dims.vocab;
}

/* ---- kept scores ---- */

hse_status whisper_keep_scores(whisper_decoding *d, const int (*heads)[2], int n, hse_error *err)
{
    int(*kept)[2] = NULL;

    if (n < 0 || n > MAX_KEPT_HEADS)
        return hse_fail(err, HSE_E_ARG, 0, "%d heads to keep, the limit is %d", n, MAX_KEPT_HEADS);
    for (int i = 0; i < n; i++)
        if (heads[i][0] < 0 || heads[i][0] >= d->m->dims.decoder_layers || heads[i][1] < 0 ||
            heads[i][1] >= d->m->dims.decoder_heads)
            return hse_fail(err, HSE_E_ARG, 0, "there is no head %d of layer %d", heads[i][1], heads[i][0]);
    if (n > 0 && !(kept = hse_alloc((size_t)n * sizeof *kept)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d heads", n);
    for (int i = 0; i < n; i++)
        memcpy(kept[i], heads[i], sizeof *kept);
    hse_free(d->kept);
    d->kept = kept;
    d->n_kept = n;
    for (int i = 0; i < d->limits.sequences; i++) {
        sequence *s = &d->sequences[i];
        hse_pages_free(s->scores, s->scores_bytes);
        s->scores = NULL;
        s->scores_bytes = 0;
        s->scores_from = s->scores_end = s->length;
    }
    return HSE_OK;
}

const float *whisper_cross_scores(const whisper_decoding *d, int number, int position, int head)
{
    const sequence *s = sequence_at(d, number);

    if (!s || !s->scores || head < 0 || head >= d->n_kept || position < s->scores_from || position >= s->scores_end)
        return NULL;
    for (int i = 0; i < head; i++) /* one that was chosen twice is kept once */
        if (d->kept[i][0] == d->kept[head][0] && d->kept[i][1] == d->kept[head][1])
            head = i;
    size_t count = (size_t)d->windows[s->window].count;
    return s->scores + ((size_t)(position - s->scores_from) * (size_t)d->n_kept + (size_t)head) * count;
}
