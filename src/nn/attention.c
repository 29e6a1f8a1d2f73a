/* attention.c - softmax(q k^T scale) v, head by head, item by item. A task takes a few query rows of one head, so
 * that their scores stay in the cache; the scores of a whole sequence are never stored. Relative positions are those
 * of Shaw et al. (2018) in a window, as VITS uses them: embeddings are added to the keys and the values of
 * neighbours at most `window` away. */
#include "nn/internal.h"

#include <math.h>

enum { QUERIES = 32 };

typedef struct {
    nn_ctx               *c;
    nn_attention_options  opt;
    nn_tensor             q, k, v, out;
    const int            *q_starts, *k_starts;
    int                   tasks;
    size_t                units, slots, row;    /* units: tiles of queries x heads; row: floats of one score row */
} job;

static int tiles_of(const int *starts, int i)
{
    return (starts[i + 1] - starts[i] + QUERIES - 1) / QUERIES;
}

/* Keys that query i of an item sees: all, or those up to its own place counted from the end. */
static int visible(const job *j, int i, int queries, int keys)
{
    int n = j->opt.causal ? i + 1 + keys - queries : keys;

    return n < 0 ? 0 : n;
}

static void add_relative_keys(const job *j, float *score, const float *q, int i, int keys, size_t width)
{
    int window = j->opt.window;

    for (int other = nn_max_int(0, i - window); other <= nn_min(keys - 1, i + window); other++)
        score[other] += j->opt.scale * j->c->k->dot(q, j->opt.rel_k + (size_t)(other - i + window) * width, width);
}

static void add_relative_values(const job *j, float *out, const float *weight, int i, int keys, size_t width)
{
    int window = j->opt.window;

    for (int other = nn_max_int(0, i - window); other <= nn_min(keys - 1, i + window); other++)
        j->c->k->axpy(out, j->opt.rel_v + (size_t)(other - i + window) * width, weight[other], width);
}

static void unit(const job *j, float *scores, int item, int tile, int head)
{
    const hse_kernels *k = j->c->k;
    int queries = j->q_starts[item + 1] - j->q_starts[item], keys = j->k_starts[item + 1] - j->k_starts[item];
    int from = tile * QUERIES, to = nn_min(queries, from + QUERIES), most = visible(j, to - 1, queries, keys);
    int width = j->q.cols / j->opt.heads, v_width = j->v.cols / j->opt.heads;
    size_t h = (size_t)head, w = (size_t)width, vw = (size_t)v_width;
    const float *q = nn_data(j->c, j->q) + (size_t)(j->q_starts[item] + from) * (size_t)j->q.ld + h * w;
    const float *key = nn_data(j->c, j->k) + (size_t)j->k_starts[item] * (size_t)j->k.ld + h * w;
    const float *value = nn_data(j->c, j->v) + (size_t)j->k_starts[item] * (size_t)j->v.ld + h * vw;
    float *out = nn_data(j->c, j->out) + (size_t)(j->q_starts[item] + from) * (size_t)j->out.ld + h * vw;

    k->matmul_nt(scores, j->row, q, (size_t)j->q.ld, key, (size_t)j->k.ld, to - from, most, width, j->opt.scale);
    for (int i = from; i < to; i++) {
        float *score = scores + (size_t)(i - from) * j->row;
        int n = visible(j, i, queries, keys);
        if (j->opt.rel_k)
            add_relative_keys(j, score, q + (size_t)(i - from) * (size_t)j->q.ld, i, n, w);
        if (n > 0)
            k->softmax(score, j->row, 1, n);
        memset(score + n, 0, (size_t)(most - n) * sizeof *score);
    }
    k->matmul_nn(out, (size_t)j->out.ld, scores, j->row, value, (size_t)j->v.ld, to - from, v_width, most, 1.0f);
    for (int i = from; i < to && j->opt.rel_v; i++)
        add_relative_values(j, out + (size_t)(i - from) * (size_t)j->out.ld, scores + (size_t)(i - from) * j->row, i,
                            visible(j, i, queries, keys), vw);
}

static void task(void *arg, int t)
{
    const job *j = arg;
    size_t from, to, before = 0, heads = (size_t)j->opt.heads;
    int item = 0, slot = nn_slot_take(j->c);
    float *scores = (float *)nn_ptr(j->c, j->slots) + (size_t)slot * QUERIES * j->row;

    nn_task_range(j->units, j->tasks, t, &from, &to);
    for (; from < to && !nn_stopped(j->c); from++) {
        while (from - before >= (size_t)tiles_of(j->q_starts, item) * heads)
            before += (size_t)tiles_of(j->q_starts, item++) * heads;
        unit(j, scores, item, (int)((from - before) / heads), (int)((from - before) % heads));
    }
    nn_slot_give(j->c, slot);
}

static bool fits(nn_ctx *c, nn_tensor q, nn_tensor k, nn_tensor v, const nn_attention_options *o)
{
    if (q.items == k.items && q.width == 1 && k.width == 1 && q.cols == k.cols && nn_same_rows(c, k, v) &&
        o->heads > 0 && q.cols % o->heads == 0 && v.cols % o->heads == 0) {
        if (o->window == 0 && !o->rel_k && !o->rel_v)
            return true;
        if (o->window > 0 && o->window < 1 << 20 && !o->causal && nn_same_rows(c, q, k))
            return true;
        nn_error(c, HSE_E_ARG, "attention: relative positions need a window and as many keys as queries");
        return false;
    }
    nn_error(c, HSE_E_ARG, "attention: queries of %d items x %d columns, keys %d x %d, values %d x %d, %d heads",
             q.items, q.cols, k.items, k.cols, v.items, v.cols, o->heads);
    return false;
}

nn_tensor nn_attention_with(nn_ctx *c, nn_tensor q, nn_tensor k, nn_tensor v, const nn_attention_options *opt)
{
    int longest = 0;

    if (!nn_start(c, "attention", q) || !nn_start(c, "attention", k) || !nn_start(c, "attention", v) ||
        !fits(c, q, k, v, opt))
        return NN_NONE;
    nn_tensor out = nn_make_like(c, q, v.cols);
    size_t top = c->top;
    job j = {.c = c, .opt = *opt, .q = nn_settle(c, q), .k = nn_settle(c, k), .v = nn_settle(c, v), .out = out};
    if (nn_is_none(out) || c->error.status != HSE_OK)
        return NN_NONE;
    int width = q.cols / opt->heads;
    if (j.opt.scale == 0.0f)
        j.opt.scale = 1.0f / sqrtf((float)width);
    j.q_starts = nn_list(c, q.starts);
    j.k_starts = nn_list(c, k.starts);
    for (int i = 0; i < q.items; i++) {
        longest = nn_max_int(longest, j.k_starts[i + 1] - j.k_starts[i]);
        j.units += (size_t)tiles_of(j.q_starts, i) * (size_t)opt->heads;
    }
    j.row = nn_align((size_t)longest * sizeof(float)) / sizeof(float);
    j.tasks = nn_task_count(c, j.units, (double)QUERIES * longest * (q.cols + v.cols) / opt->heads);
    if (nn_alloc_floats(c, (size_t)c->threads * QUERIES, j.row, &j.slots) && nn_running(c)) {
        nn_run_tasks(c, j.tasks, task, &j);
        nn_check_stop(c);
    }
    nn_release(c, top);
    return c->error.status == HSE_OK ? out : NN_NONE;
}

nn_tensor nn_attention(nn_ctx *c, nn_tensor q, nn_tensor k, nn_tensor v, int heads)
{
    return nn_attention_with(c, q, k, v, &(nn_attention_options){.heads = heads});
}
