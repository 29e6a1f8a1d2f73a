/* keys.c - attention over packed keys and values. A block of query rows goes through all keys: its scores and attention
 * weights stay in the second-level cache beside the head's keys and values. */
#include "nn/keys.h"

#include "base/mem.h"
#include "kernels/pack.h"
#include "nn/internal.h"

#include <math.h>

enum { ROWS = 48 }; /* queries of a block: whole tiles on every instruction set */

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

/* ---- packing ---- */

static size_t head_bytes(const hse_kernels *k, const nn_keys *x)
{
    return nn_align(k->pack_size(x->k_type, x->count, x->width, 1)) +
           nn_align(k->pack_size(x->v_type, x->width, x->count, 1));
}

size_t nn_keys_bytes(const hse_kernels *k, int count, int heads, int width, k_weight_type k_type, k_weight_type v_type)
{
    nn_keys x = {.count = count, .heads = heads, .width = width, .k_type = k_type, .v_type = v_type};
    size_t bytes;

    if (!hse_mul_size(head_bytes(k, &x), (size_t)heads, &bytes) ||
        !hse_add_size(bytes, nn_align(2 * (size_t)heads * sizeof(k_packed)), &bytes))
        return 0;
    return bytes;
}

void nn_keys_place(nn_keys *x, const hse_kernels *k, int count, int heads, int width, k_weight_type k_type,
                   k_weight_type v_type, void *memory)
{
    char *at = memory;

    *x = (nn_keys){.count = count, .heads = heads, .width = width, .k_type = k_type, .v_type = v_type};
    x->k = memory;
    x->v = x->k + heads;
    at += nn_align(2 * (size_t)heads * sizeof(k_packed));
    for (int h = 0; h < heads; h++) {
        k_pack_begin(k, &x->k[h], at, k_type, count, width, 1);
        at += nn_align(k->pack_size(k_type, count, width, 1));
        k_pack_begin(k, &x->v[h], at, v_type, width, count, 1);
        at += nn_align(k->pack_size(v_type, width, count, 1));
    }
}

/* A constant that is added to all keys adds the same to all scores of a query, which a softmax does not see; a few
 * columns of large mean would take the range of the others. */
static void subtract_mean(const hse_kernels *k, float *keys, size_t row, int count, int width)
{
    enum { AT_ONCE = 64, LINE = 16, AHEAD = 8 };

    for (int from = 0; from < width; from += AT_ONCE) {
        size_t n = (size_t)nn_min(AT_ONCE, width - from);
        float mean[AT_ONCE] = {0};
        for (int t = 0; t < count; t++) {
            for (size_t i = 0; i < n; i += LINE) /* rows are far apart */
                __builtin_prefetch(keys + (size_t)(t + AHEAD) * row + (size_t)from + i);
            k->add(mean, mean, keys + (size_t)t * row + (size_t)from, n);
        }
        k->scale(mean, mean, -1.0f / (float)count, 0.0f, n);
        for (int t = 0; t < count; t++)
            k->add(keys + (size_t)t * row + (size_t)from, keys + (size_t)t * row + (size_t)from, mean, n);
    }
}

void nn_keys_pack(const nn_keys *x, const hse_kernels *k, int head, float *keys, const float *values, size_t row)
{
    size_t at = (size_t)head * (size_t)x->width;
    const k_packed *pk = &x->k[head], *pv = &x->v[head];

    keys += at;
    values += at;
    if (x->k_type == K_INT8)
        subtract_mean(k, keys, row, x->count, x->width);
    for (int p = 0; p < pk->panels; p++)
        k_pack_panel(k, pk, p, keys + (size_t)(p * pk->panel) * row, row, 0, 1);
    for (int p = 0; p < pv->panels; p++)
        k_pack_panel(k, pv, p, values + p * pv->panel, 1, 0, row);
}

/* ---- attending ---- */

typedef struct {
    size_t scores_row, q_row, p_row;          /* in elements */
    size_t scores, q, p, scale, parts, bytes; /* where each lies */
} layout;

static size_t type_bytes(k_weight_type type)
{
    return type == K_F32 ? sizeof(float) : type == K_BF16 ? sizeof(uint16_t) : 1;
}

static layout layout_of(const hse_kernels *k, const nn_keys *x)
{
    layout l = {.scores_row = (size_t)round_up(x->count, 16),
                .q_row = (size_t)round_up(x->width, k->k_align[x->k_type]),
                .p_row = (size_t)round_up(x->count, k->k_align[x->v_type])};

    l.q = nn_align(ROWS * l.scores_row * sizeof(float));
    l.p = l.q + nn_align(ROWS * l.q_row * type_bytes(x->k_type));
    l.scale = l.p + nn_align(2 * ROWS * l.p_row * type_bytes(x->v_type));
    l.parts = l.scale + nn_align(2 * ROWS * sizeof(float));
    l.bytes = l.parts + nn_align(2 * ROWS * (size_t)x->width * sizeof(float));
    return l;
}

size_t nn_keys_scratch(const hse_kernels *k, const nn_keys *x)
{
    return layout_of(k, x).bytes;
}

/* The weighted values, from scores. */
static void values(const hse_kernels *k, const nn_keys *x, int head, const layout *l, char *at, int rows, float *out,
                   size_t out_row)
{
    float *scores = (float *)(void *)at, *scale = (float *)(void *)(at + l->scale),
          *parts = (float *)(void *)(at + l->parts);
    size_t width = (size_t)x->width;
    k_gemm g = {.w = &x->v[head],
                .a = at + l->p,
                .a_row = l->p_row,
                .rows = rows,
                .panel_to = x->v[head].panels,
                .out = out,
                .out_row = out_row,
                .alpha = 1};

    if (x->v_type == K_F32) {
        k->softmax(scores, l->scores_row, rows, x->count);
        g.a = scores;
        g.a_row = l->scores_row;
        k->gemm[K_F32](&g);
    } else if (x->v_type == K_BF16) {
        k->exp_bf16((uint16_t *)(void *)(at + l->p), l->p_row, scale, scores, l->scores_row, rows, x->count);
        k->gemm[K_BF16](&g);
        for (int r = 0; r < rows; r++)
            k->scale(out + (size_t)r * out_row, out + (size_t)r * out_row, scale[r], 0.0f, width);
    } else {
        k->exp_int8((uint8_t *)at + l->p, l->p_row, scale, scores, l->scores_row, rows, x->count);
        g.a_scale = scale;
        g.a_scale_row = 1;
        g.rows = 2 * rows;
        g.out = parts;
        g.out_row = width;
        k->gemm[K_INT8](&g);
        for (int r = 0; r < rows; r++)
            k->add(out + (size_t)r * out_row, parts + (size_t)(2 * r) * width, parts + (size_t)(2 * r + 1) * width,
                   width);
    }
}

static void block(const hse_kernels *k, const nn_keys *x, int head, const layout *l, const float *q, size_t q_row,
                  int rows, float scale, float *out, size_t out_row, float *keep, size_t keep_row, char *at)
{
    float *scores = (float *)(void *)at, *q_scale = (float *)(void *)(at + l->scale);
    k_gemm g = {.w = &x->k[head],
                .a = q,
                .a_row = q_row,
                .rows = rows,
                .panel_to = x->k[head].panels,
                .out = scores,
                .out_row = l->scores_row,
                .alpha = scale};

    if (x->k_type != K_F32) {
        g.a = at + l->q;
        g.a_row = l->q_row;
    }
    if (x->k_type == K_BF16)
        k->to_bf16((uint16_t *)(void *)(at + l->q), l->q_row, q, q_row, rows, x->width, K_NONE, 0.0f);
    if (x->k_type == K_INT8) {
        k->to_int8((uint8_t *)at + l->q, l->q_row, q_scale, q, q_row, rows, x->width, K_NONE, 0.0f);
        for (int r = 0; r < rows; r++) /* one multiplication less for each score */
            q_scale[r] *= scale;
        g.alpha = 1;
        g.a_scale = q_scale;
        g.a_scale_row = 1;
    }
    k->gemm[x->k_type](&g);
    for (int r = 0; r < rows && keep; r++)
        memcpy(keep + (size_t)r * keep_row, scores + (size_t)r * l->scores_row, (size_t)x->count * sizeof *keep);
    values(k, x, head, l, at, rows, out, out_row);
}

void nn_keys_attend(const hse_kernels *k, const nn_keys *x, int head, const float *q, size_t q_row, int rows,
                    float scale, float *out, size_t out_row, float *scores, size_t scores_row, void *scratch)
{
    layout l = layout_of(k, x);

    for (int r = 0; r < rows; r += ROWS)
        block(k, x, head, &l, q + (size_t)r * q_row, q_row, nn_min(ROWS, rows - r), scale, out + (size_t)r * out_row,
              out_row, scores ? scores + (size_t)r * scores_row : NULL, scores_row, scratch);
}

/* ---- self-attention as an operation ---- */

typedef struct {
    nn_ctx *c;
    nn_tensor qkv, out;
    int heads, width, tiles;
    int item_from, item_rows;
    float scale;
    nn_keys keys;
    size_t slots, slot_bytes;
} job;

static void pack_head(void *arg, int head)
{
    const job *j = arg;
    size_t row = (size_t)j->qkv.ld, cols = (size_t)j->heads * (size_t)j->width;
    float *q = nn_data(j->c, j->qkv) + (size_t)j->item_from * row;

    if (!nn_stopped(j->c))
        nn_keys_pack(&j->keys, j->c->k, head, q + cols, q + 2 * cols, row);
}

static void attend(void *arg, int t)
{
    const job *j = arg;
    int head = t / j->tiles, from = t % j->tiles * ROWS, rows = nn_min(ROWS, j->item_rows - from);
    size_t at = (size_t)head * (size_t)j->width, row = (size_t)j->item_from + (size_t)from;

    if (nn_stopped(j->c))
        return;
    int slot = nn_slot_take(j->c);
    nn_keys_attend(j->c->k, &j->keys, head, nn_data(j->c, j->qkv) + row * (size_t)j->qkv.ld + at, (size_t)j->qkv.ld,
                   rows, j->scale, nn_data(j->c, j->out) + row * (size_t)j->out.ld + at, (size_t)j->out.ld, NULL, 0,
                   (char *)nn_ptr(j->c, j->slots) + (size_t)slot * j->slot_bytes);
    nn_slot_give(j->c, slot);
}

static bool item(job *j, k_weight_type k_type, k_weight_type v_type)
{
    nn_ctx *c = j->c;
    size_t top = c->top, at, bytes = nn_keys_bytes(c->k, j->item_rows, j->heads, j->width, k_type, v_type), slots;

    if (bytes == 0) {
        nn_error(c, HSE_E_LIMIT, "self-attention over %d rows is too large", j->item_rows);
        return false;
    }
    nn_keys shape = {.count = j->item_rows, .heads = j->heads, .width = j->width, .k_type = k_type, .v_type = v_type};
    j->slot_bytes = nn_keys_scratch(c->k, &shape);
    if (!nn_alloc(c, bytes, &at) || !hse_mul_size(j->slot_bytes, (size_t)c->threads, &slots) ||
        !nn_alloc(c, slots, &j->slots))
        return false;
    if (nn_running(c)) {
        nn_keys_place(&j->keys, c->k, j->item_rows, j->heads, j->width, k_type, v_type, nn_ptr(c, at));
        j->tiles = (j->item_rows + ROWS - 1) / ROWS;
        nn_run_tasks(c, j->heads, pack_head, j);
        nn_run_tasks(c, j->heads * j->tiles, attend, j);
        nn_check_stop(c);
    }
    nn_release(c, top);
    return c->error.status == HSE_OK;
}

nn_tensor nn_self_attention(nn_ctx *c, nn_tensor qkv, int heads, k_weight_type k_type, k_weight_type v_type)
{
    if (!nn_start(c, "self-attention", qkv))
        return NN_NONE;
    if (heads <= 0 || qkv.cols % (3 * heads) != 0 || qkv.width != 1) {
        nn_error(c, HSE_E_ARG, "self-attention: %d columns for %d heads", qkv.cols, heads);
        return NN_NONE;
    }
    qkv = nn_settle(c, qkv);
    nn_tensor out = nn_make_like(c, qkv, qkv.cols / 3);
    if (nn_is_none(out) || c->error.status != HSE_OK)
        return NN_NONE;
    job j = {.c = c, .qkv = qkv, .out = out, .heads = heads, .width = qkv.cols / (3 * heads)};
    j.scale = 1.0f / sqrtf((float)j.width);
    for (int i = 0; i < qkv.items; i++) {
        const int *starts = nn_list(c, qkv.starts);
        j.item_from = starts[i];
        j.item_rows = starts[i + 1] - starts[i];
        if (j.item_rows > 0 && !item(&j, k_type, v_type))
            return NN_NONE;
    }
    return out;
}
