/* unet.c - see unet.h.
 *
 *     block:    x + conv2(act(norm2(conv1(act(norm1(x)))))), the input through a 1 x 1 convolution where channels
 * change encoder:  four blocks, kept for the decoder of its level, then the mean of 2 x 2 decoder:  transposed
 * convolution, the encoder's result beside it, four blocks */
#include "models/voicefixer/unet.h"

#include <math.h>
#include <stdio.h>

static const float EPS = 1e-5f, SLOPE = 0.01f;

/* ---- binding ---- */

static int dim_of(const hse_weights *w, const char *prefix, const char *name, int axis)
{
    char full[512];
    const hse_weight *t;

    snprintf(full, sizeof full, "%s%s", prefix, name);
    t = hse_weights_find(w, full);
    return t && axis < t->rank && t->dim[axis] > 0 && t->dim[axis] <= 1 << 16 ? (int)t->dim[axis] : 1;
}

/* conv1 with the norm behind it as factors of its outputs and a bias. */
static void bind_conv1(nn_binder *b, nn_grid_block *l)
{
    float *w = nn_bind_scratch(b, 4, (int[]){l->out, l->in, 3, 3}, "conv1.weight");
    float *undo = nn_bind_work(b, 2 * (size_t)l->out);
    nn_norm norm;

    nn_bind_batch_norm(b, &norm, l->out, EPS, "bn2");
    if (w && undo && nn_binder_ok(b)) {
        for (int o = 0; o < l->out; o++) {
            for (int i = 0; i < l->in * 9; i++)
                w[o * l->in * 9 + i] *= norm.scale[o];
            undo[o] = norm.scale[o] == 0.0f ? 0.0f : 1.0f / norm.scale[o];
            undo[l->out + o] = -norm.shift[o] * undo[o];
        }
        nn_make_conv2d(b, &l->conv1, l->in, l->out, 3, 3, w, norm.shift);
        nn_make_norm(b, &l->undo, l->out, EPS, undo, undo + l->out);
    }
    nn_scratch_end(b);
}

void vf_block_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, nn_grid_block *l)
{
    *l = (nn_grid_block){
        .in = dim_of(w, name, ".conv1.weight", 1), .out = dim_of(w, name, ".conv1.weight", 0), .slope = SLOPE};
    l->has_shortcut = l->in != l->out;
    nn_bind_type(b, l->out < VF_NARROW ? K_F32 : type);
    nn_enter(b, "%s.", name);
    nn_bind_batch_norm(b, &l->norm, l->in, EPS, "bn1");
    bind_conv1(b, l);
    nn_bind_bias(b, NN_ABSENT);
    nn_bind_conv2d(b, &l->conv2, l->out, l->out, 3, 3, "conv2");
    nn_bind_bias(b, NN_REQUIRED);
    if (l->has_shortcut) { /* all that passes by the block goes through it: never reduced */
        nn_conv2d_layer one;
        nn_bind_type(b, K_F32);
        nn_bind_conv2d(b, &one, l->in, l->out, 1, 1, "shortcut");
        l->shortcut = (nn_linear_layer){.w = one.w, .bias = one.bias};
    }
    nn_leave(b);
}

static void bind_blocks(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, int first,
                        nn_grid_block *l)
{
    char full[512];

    for (int i = 0; i < VF_BLOCKS; i++) {
        snprintf(full, sizeof full, "%.400s.conv_block%d", name, first + i);
        vf_block_bind(b, w, type, full, &l[i]);
        if (i > 0 && l[i].in != l[i - 1].out)
            nn_bind_problem(b, "%s takes %d channels, the block before it gives %d", full, l[i].in, l[i - 1].out);
    }
}

void vf_encoder_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, vf_encoder_block *l)
{
    bind_blocks(b, w, type, name, 1, l->block);
}

void vf_decoder_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *name, vf_decoder_block *l)
{
    int in = dim_of(w, name, ".conv1.weight", 0), out = dim_of(w, name, ".conv1.weight", 1);
    nn_norm norm;

    nn_enter(b, "%s.", name);
    nn_bind_type(b, out < VF_NARROW ? K_F32 : type);
    nn_bind_batch_norm(b, &norm, in, EPS, "bn1");
    nn_make_grid_up(b, &l->up, in, out, nn_bind_scratch(b, 4, (int[]){in, out, 3, 3}, "conv1.weight"));
    l->up.norm = norm;
    nn_scratch_end(b);
    nn_leave(b);
    bind_blocks(b, w, type, name, 2, l->block);
    if (l->block[0].in != 2 * out)
        nn_bind_problem(b, "%s.conv_block2 takes %d channels, %d come from below and beside", name, l->block[0].in,
                        2 * out);
}

void vf_unet_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *prefix, vf_unet *m)
{
    char name[512];
    int below = 2;

    for (int i = 0; i < VF_LEVELS; i++) {
        snprintf(name, sizeof name, "%.400sencoder_block%d", prefix, i + 1);
        vf_encoder_bind(b, w, type, name, &m->encoder[i]);
        if (m->encoder[i].block[0].in != below)
            nn_bind_problem(b, "%s takes %d channels, %d come in", name, m->encoder[i].block[0].in, below);
        below = m->encoder[i].block[VF_BLOCKS - 1].out;
    }
    snprintf(name, sizeof name, "%.400sconv_block7", prefix);
    vf_block_bind(b, w, type, name, &m->middle);
    if (m->middle.in != below)
        nn_bind_problem(b, "%s takes %d channels, %d come in", name, m->middle.in, below);
    below = m->middle.out;
    for (int i = 0; i < VF_LEVELS; i++) {
        const vf_encoder_block *skip = &m->encoder[VF_LEVELS - 1 - i];
        snprintf(name, sizeof name, "%.400sdecoder_block%d", prefix, i + 1);
        vf_decoder_bind(b, w, type, name, &m->decoder[i]);
        if (m->decoder[i].up.in != below || m->decoder[i].up.out != skip->block[VF_BLOCKS - 1].out)
            nn_bind_problem(b, "%s: %d -> %d channels, where %d come from below and %d from beside", name,
                            m->decoder[i].up.in, m->decoder[i].up.out, below, skip->block[VF_BLOCKS - 1].out);
        below = m->decoder[i].block[VF_BLOCKS - 1].out;
    }
    snprintf(name, sizeof name, "%.400safter_conv_block1", prefix);
    vf_block_bind(b, w, type, name, &m->after1);
    nn_conv2d_layer last;
    nn_bind_type(b, K_F32);
    nn_bind_conv2d(b, &last, m->after1.out, 1, 1, 1, "%.400safter_conv2", prefix);
    m->after2 = (nn_linear_layer){.w = last.w, .bias = last.bias};
    if (m->after1.in != below)
        nn_bind_problem(b, "%s takes %d channels, %d come in", name, m->after1.in, below);
}

/* ---- the network ---- */

/* Each block's result takes the place of what came in, where that lies above the mark. */
static nn_tensor blocks(nn_ctx *c, nn_mark_t mark, const nn_grid_block *l, nn_tensor x, const char *name, int first)
{
    char full[96];

    for (int i = 0; i < VF_BLOCKS; i++) {
        snprintf(full, sizeof full, "%s.conv_block%d", name, first + i);
        x = nn_keep(c, mark, nn_grid_block_run(c, &l[i], x, full));
    }
    return x;
}

nn_tensor vf_encoder_run(nn_ctx *c, const vf_encoder_block *l, nn_tensor x, const char *name)
{
    return blocks(c, nn_mark(c), l->block, x, name, 1);
}

nn_tensor vf_decoder_run(nn_ctx *c, const vf_decoder_block *l, nn_tensor x, nn_tensor skip, const char *name)
{
    nn_mark_t mark = nn_mark(c);
    int cols = l->up.out;
    nn_tensor both = nn_grid_new(c, x, 2, 2 * nn_width(x), 2 * cols);

    nn_grid_up_run(c, &l->up, x, both, name);
    nn_copy_cols(c, skip, both, cols);
    return blocks(c, mark, l->block, both, name, 2);
}

/* Decoder i; behind the last one what makes its channels one. */
static nn_tensor level(nn_ctx *c, const vf_unet *m, int i, nn_tensor x, nn_tensor skip)
{
    char name[64];

    snprintf(name, sizeof name, "decoder_block%d", i + 1);
    x = vf_decoder_run(c, &m->decoder[i], x, skip, name);
    nn_tap(c, x, "%s", name);
    return i < VF_LEVELS - 1 ? x : nn_linear(c, &m->after2, nn_grid_block_run(c, &m->after1, x, "after_conv_block1"));
}

/* The same, strip by strip of a long recording's rows, so that the finest levels, whose results have twice the channels beside them
 * while they are computed, are held only once. Each strip comes with the rows that its convolutions look at: the bits are the whole's. */
static nn_tensor level_in_strips(nn_ctx *c, const vf_unet *m, int i, nn_tensor x, nn_tensor skip)
{
    enum { REACH = 12 };            /* two rows a block, two behind the last level, one of the upsampling; even */
    int rows = 2 * nn_rows(c, x, 0), cols = i < VF_LEVELS - 1 ? m->decoder[i].block[VF_BLOCKS - 1].out : 1;

    if (nn_items(x) != 1 || rows < 2 * VF_STRIP || nn_listening(c))
        return level(c, m, i, x, skip);
    nn_tensor y = nn_grid_new(c, x, 2, 2 * nn_width(x), cols);
    for (int from = 0; from < rows; from += VF_STRIP) {
        int to = from + VF_STRIP < rows ? from + VF_STRIP : rows, low = from > REACH ? from - REACH : 0;
        int high = to + REACH < rows ? to + REACH : rows;
        nn_mark_t mark = nn_mark(c);
        nn_tensor below = nn_slice_rows(c, x, &(int){low / 2}, &(int){(high - low) / 2});
        nn_tensor beside = nn_slice_rows(c, skip, &low, &(int){high - low});

        nn_copy_rows(c, level(c, m, i, below, beside), from - low, to - from, y, from);
        nn_keep_all(c, mark, NULL, 0);
    }
    return y;
}

nn_tensor vf_unet_run(nn_ctx *c, const vf_unet *m, nn_tensor x)
{
    nn_tensor skip[VF_LEVELS];
    nn_mark_t below[VF_LEVELS];     /* what lies above is wanted until the decoder of that level is done */
    char name[64];

    for (int i = 0; i < VF_LEVELS; i++) {
        below[i] = nn_mark(c);
        if (i > 0) {
            x = nn_grid_pool(c, skip[i - 1]);
            nn_tap(c, x, "encoder_block%d", i);
        }
        snprintf(name, sizeof name, "encoder_block%d", i + 1);
        skip[i] = vf_encoder_run(c, &m->encoder[i], x, name);
    }
    nn_mark_t mark = nn_mark(c);
    x = nn_grid_pool(c, skip[VF_LEVELS - 1]);
    nn_tap(c, x, "encoder_block%d", VF_LEVELS);
    x = nn_keep(c, mark, nn_grid_block_run(c, &m->middle, x, "conv_block7"));
    for (int i = 0; i < VF_LEVELS; i++)
        x = nn_keep(c, below[VF_LEVELS - 1 - i], level_in_strips(c, m, i, x, skip[VF_LEVELS - 1 - i]));
    nn_tap(c, x, "after_conv2");
    return x;
}
