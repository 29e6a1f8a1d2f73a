/* network_encode.c - the encoder: two convolutions over the log-mel frames (the second halves their number), positions,
 * layers, a norm; then the keys and values that each of the decoder's layers attends to. */
#include "models/whisper/network_internal.h"

#include "base/mem.h"
#include "nn/raw.h"

#include <math.h>

static nn_tensor ffn_run(nn_ctx *c, const whisper_ffn *f, nn_tensor x)
{
    nn_tensor h = nn_linear_then(c, &f->up, nn_layer_norm(c, &f->norm, x), (nn_then){.act = K_GELU});

    return nn_linear_then(c, &f->down, h, (nn_then){.residual = x});
}

static nn_tensor encoder_run(nn_ctx *c, const whisper_network *m, nn_tensor mel)
{
    const whisper_dims *d = &m->dims;
    k_weight_type v_type = m->type == K_INT8 ? K_BF16 : m->type;
    nn_mark_t start = nn_mark(c);
    nn_tensor x = nn_conv1d_then(c, &m->conv[0], mel, (nn_then){.act = K_GELU});

    nn_tap(c, x, "enc_conv1");
    x = nn_conv1d_then(c, &m->conv[1], x, (nn_then){.act = K_GELU});
    nn_tap(c, x, "enc_conv2");
    int rows = nn_rows(c, x, 0);
    x = nn_add(c, x, nn_input(c, 1, &rows, d->width, (const float *const[]){m->encoder_positions}));
    x = nn_keep(c, start, x);
    nn_tap(c, x, "enc_in");
    for (int i = 0; i < d->encoder_layers; i++) {
        const whisper_layer *l = &m->encoder[i];
        nn_mark_t mark = nn_mark(c);
        nn_tensor qkv = nn_linear(c, &l->self.qkv, nn_layer_norm(c, &l->self.norm, x));
        nn_tensor a = nn_self_attention(c, qkv, d->encoder_heads, m->type, v_type);
        nn_tensor y = nn_linear_then(c, &l->self.out, a, (nn_then){.residual = x});
        x = nn_keep(c, mark, ffn_run(c, &l->ffn, y));
        nn_tap(c, x, "enc_layer%d", i);
    }
    return nn_layer_norm(c, &m->encoder_norm, x);
}

/* ---- cross keys and values ---- */

typedef struct {
    const nn_keys *keys;
    const hse_kernels *k;
    float *kv; /* [count][2 width] */
    size_t width;
} pack_job;

static void pack_head(void *arg, int head)
{
    const pack_job *j = arg;

    nn_keys_pack(j->keys, j->k, head, j->kv, j->kv + j->width, 2 * j->width);
}

static size_t layer_bytes(const whisper_network *m, int count)
{
    const whisper_dims *d = &m->dims;

    return whisper_align(
        nn_keys_bytes(m->kernels, count, d->decoder_heads, d->width / d->decoder_heads, m->type, m->type));
}

size_t whisper_window_bytes(const whisper_network *m, int count)
{
    size_t bytes;

    return hse_mul_size(layer_bytes(m, count), (size_t)m->dims.decoder_layers, &bytes) ? bytes : 0;
}

/* Keys' memory for `count` positions; what the window had before is used again when it fits exactly. */
static bool window_place(const whisper_network *m, whisper_window *w, int count)
{
    const whisper_dims *d = &m->dims;
    size_t each = layer_bytes(m, count), layers = (size_t)d->decoder_layers, bytes = whisper_window_bytes(m, count);

    if (bytes == 0)
        return false;
    if (bytes != w->bytes) {
        whisper_window_clear(w);
        if (!(w->memory = hse_pages_alloc(bytes)))
            return false;
        w->bytes = bytes;
    }
    if (!w->keys && !(w->keys = hse_calloc(layers, sizeof *w->keys)))
        return false;
    for (size_t i = 0; i < layers; i++)
        nn_keys_place(&w->keys[i], m->kernels, count, d->decoder_heads, d->width / d->decoder_heads, m->type, m->type,
                      (char *)w->memory + i * each);
    w->count = count;
    return true;
}

/* What each of the decoder's layers attends to. */
static void keys_run(nn_ctx *c, const whisper_network *m, const whisper_window *w, nn_tensor x)
{
    for (int i = 0; i < m->dims.decoder_layers && nn_ok(c); i++) {
        nn_mark_t mark = nn_mark(c);
        float *kv = nn_raw(c, nn_linear(c, &m->decoder[i].cross.kv, x)); /* NULL while planning */
        if (kv)
            hse_pool_run(nn_pool(c), m->dims.decoder_heads, pack_head,
                         &(pack_job){.keys = &w->keys[i], .k = m->kernels, .kv = kv, .width = (size_t)m->dims.width});
        nn_keep_all(c, mark, NULL, 0);
    }
}

size_t whisper_encode_plan(const whisper_network *m, nn_ctx *c)
{
    const int frames = 2 * m->dims.encoder_positions;
    const float *none = NULL;

    nn_begin(c, NN_PLAN);
    keys_run(c, m, NULL, encoder_run(c, m, nn_input(c, 1, &frames, m->dims.mels, &none)));
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}

/* *x = the encoder's result within a run that has begun with it; *count: its positions. */
static hse_status begin(const whisper_network *m, nn_ctx *c, const float *mel, int frames, nn_tensor *x, int *count,
                        hse_error *err)
{
    const whisper_dims *d = &m->dims;

    *count = frames / 2 + frames % 2;
    if (frames < 1 || *count > d->encoder_positions)
        return hse_fail(err, HSE_E_ARG, 0, "a window of %d frames, 1 to %d are possible", frames,
                        2 * d->encoder_positions);
    nn_begin(c, NN_RUN);
    *x = encoder_run(c, m, nn_input(c, 1, &frames, d->mels, &mel));
    return HSE_OK;
}

hse_status whisper_encode_only(const whisper_network *m, nn_ctx *c, const float *mel, int frames, float *out, hse_error *err)
{
    nn_tensor x;
    int count;
    hse_status s = begin(m, c, mel, frames, &x, &count, err);

    if (s != HSE_OK)
        return s;
    if (nn_ok(c))
        nn_read(c, x, 0, out, (size_t)count * (size_t)m->dims.width);
    return nn_end(c, err);
}

hse_status whisper_encode_one(const whisper_network *m, nn_ctx *c, whisper_window *w, const float *mel, int frames,
                              bool keep_output, hse_error *err)
{
    nn_tensor x;
    int count;
    hse_status s = begin(m, c, mel, frames, &x, &count, err);

    if (s != HSE_OK)
        return s;
    size_t n = (size_t)count * (size_t)m->dims.width;
    if (nn_ok(c) && (!window_place(m, w, count) || (keep_output && !(w->output = hse_alloc(n * sizeof *w->output)))))
        nn_error(c, HSE_E_NOMEM, "no memory for a window of %d positions", count);
    if (nn_ok(c) && keep_output)
        nn_read(c, x, 0, w->output, n);
    keys_run(c, m, w, x);
    s = nn_end(c, err);
    if (s != HSE_OK)
        whisper_window_clear(w);
    w->used = s == HSE_OK;
    return s;
}

void whisper_window_rest(whisper_window *w)
{
    hse_free(w->output);
    w->output = NULL;
    w->used = false;
}

void whisper_window_clear(whisper_window *w)
{
    hse_pages_free(w->memory, w->bytes);
    hse_free(w->keys);
    hse_free(w->output);
    *w = (whisper_window){0};
}
