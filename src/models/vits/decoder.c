/* decoder.c - the HiFi-GAN generator (Kong et al. 2020): convolution; per stage a transposed convolution and the mean of
 * several stacks of dilated residual convolutions; convolution, tanh. */
#include "models/vits/vits.h"

#include "base/mem.h"

/* ---- binding ---- */

static void bind_block(nn_binder *b, vits_decoder *d, vits_block *k, int channels, int kernel, const int *dilation)
{
    for (int i = 0; i < d->blocks; i++) {
        bool pair = d->dims.resblock == 1;

        nn_bind_conv1d(b, &k->wide[i], channels, channels, kernel, dilation[i], pair ? "convs1.%d" : "convs.%d", i);
        if (pair)
            nn_bind_conv1d(b, &k->near[i], channels, channels, kernel, 1, "convs2.%d", i);
    }
}

/* Frames to each side that a sample depends on, counted back from the output. */
static void find_context(vits_decoder *d)
{
    const vits_dims *m = &d->dims;
    int reach = d->post.left;

    for (int i = 0; i < m->stages; i++)
        d->rate[i] = (i ? d->rate[i - 1] : 1) * m->up_rate[i];
    for (int i = m->stages - 1; i >= 0; i--) {
        int most = 0;

        for (int j = 0; j < m->kernels; j++) {
            int sum = 0;

            for (int q = 0; q < d->blocks; q++)
                sum += d->block[i][j].wide[q].left + d->block[i][j].near[q].left;
            most = sum > most ? sum : most;
        }
        reach += most;
        d->reach[i] = reach / d->rate[i] + 1;
        reach = (reach + m->up_kernel[i] + m->up_rate[i] - 1) / m->up_rate[i] + 1;
    }
    d->context = reach + d->pre.left;
}

/* What a transposed convolution loses is lost for good, while the blocks behind it only add to what passes by them. One step
 * better than asked for it is 3 % of the work and wins 5 dB. Blocks of few channels are as fast in bf16 as in int8, and those
 * of fewer than a vector's (no published model has them) as fast in float32. Figures: docs/precision.md. */
enum { NARROW = 64, NARROWEST = 16 };

static k_weight_type up_type(k_weight_type type)
{
    return type == K_INT8 ? K_BF16 : K_F32;
}

static k_weight_type block_type(k_weight_type type, int channels)
{
    return channels < NARROWEST ? K_F32 : type == K_INT8 && channels < NARROW ? K_BF16 : type;
}

void vits_decoder_bind(nn_binder *b, vits_decoder *d, const vits_dims *dims, k_weight_type type)
{
    int channels = dims->up_channels;

    *d = (vits_decoder){.dims = *dims, .blocks = dims->resblock == 1 ? 3 : 2, .hop = 1};
    nn_enter(b, "dec.");
    nn_bind_type(b, K_F32);
    nn_bind_conv1d(b, &d->pre, dims->inter, channels, 7, 1, "conv_pre");
    nn_bind_conv1d(b, &d->condition, dims->gin, channels, 1, 1, "cond");
    for (int i = 0; i < dims->stages; i++) {
        int out = channels / 2;             /* upstream, too, forgets the half of an odd number */

        if (out < 1 || dims->up_kernel[i] < dims->up_rate[i])
            nn_bind_problem(b, "an upsampling stage of %d channels, rate %d, kernel %d", channels, dims->up_rate[i],
                            dims->up_kernel[i]);
        nn_bind_type(b, up_type(type));
        nn_bind_conv_transpose1d(b, &d->up[i], channels, out, dims->up_kernel[i], dims->up_rate[i], "ups.%d", i);
        d->up[i].left = d->up[i].right = (dims->up_kernel[i] - dims->up_rate[i]) / 2;
        nn_bind_type(b, block_type(type, out));
        for (int j = 0; j < dims->kernels; j++) {
            nn_enter(b, "resblocks.%d.", i * dims->kernels + j);
            bind_block(b, d, &d->block[i][j], out, dims->block_kernel[j], dims->dilation[j]);
            nn_leave(b);
        }
        channels = out;
        d->hop *= dims->up_rate[i];
        d->tail = d->tail * dims->up_rate[i] + (dims->up_kernel[i] - dims->up_rate[i]) % 2;
    }
    nn_bind_type(b, K_F32);
    nn_bind_bias(b, NN_ABSENT);
    nn_bind_conv1d_to_one(b, &d->post, channels, 7, "conv_post");
    nn_bind_bias(b, NN_OPTIONAL);
    nn_bind_type(b, type);
    nn_leave(b);
    find_context(d);
}

/* ---- the network ---- */

static nn_res_stack stack_of(const vits_decoder *d, const vits_block *k)
{
    nn_res_stack s = {.n = d->blocks};

    for (int i = 0; i < d->blocks; i++)
        s.layer[i] = (nn_res_layer){&k->wide[i], d->dims.resblock == 1 ? &k->near[i] : NULL};
    return s;
}

/* The mean of what the blocks of stage i make of x. */
static nn_tensor run_blocks(nn_ctx *c, const vits_decoder *d, int i, nn_tensor x)
{
    int kernels = d->dims.kernels;
    nn_res_stack stack[VITS_MAX_KERNELS];

    for (int j = 0; j < kernels; j++) {
        nn_mark_t mark = nn_mark(c);

        stack[j] = stack_of(d, &d->block[i][j]);
        if (nn_listening(c))
            nn_tap(c, nn_res_stacks1d(c, 1, &stack[j], 0.1f, 1.0f, x, nn_new(c, x, nn_cols(x))), "dec.resblocks.%d",
                   i * kernels + j);
        nn_keep_all(c, mark, NULL, 0);
    }
    return nn_res_stacks1d(c, kernels, stack, 0.1f, 1.0f / (float)kernels, x, nn_new(c, x, nn_cols(x)));
}

nn_tensor vits_decoder_run(nn_ctx *c, const vits_decoder *d, nn_tensor z, nn_tensor speaker, const windows_piece *p,
                           windows_span *s)
{
    nn_tensor x = nn_conv1d(c, &d->pre, z), g = nn_conv1d(c, &d->condition, speaker);

    nn_tap(c, x, "dec.conv_pre");
    nn_tap(c, g, "dec.cond");
    x = nn_add_vector(c, x, g);
    for (int i = 0; i < d->dims.stages; i++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor up = nn_conv_transpose1d(c, &d->up[i], nn_leaky_relu(c, x, 0.1f));

        if (p)
            up = windows_cut(c, up, d->rate[i], d->reach[i], p, s);
        nn_tap(c, up, "dec.ups.%d", i);
        x = nn_keep(c, mark, run_blocks(c, d, i, up));
        nn_tap(c, x, "dec.mrf.%d", i);
    }
    x = nn_conv1d_to_one(c, &d->post, nn_leaky_relu(c, x, 0.01f));      /* upstream calls leaky_relu without a slope here */
    nn_tap(c, x, "dec.conv_post");
    x = nn_tanh(c, x);
    nn_tap(c, x, "dec");
    return x;
}

/* ---- windows ---- */

enum { MAX_WINDOW = 2048 };

/* Some 24 MB of activations (a stage's input, that upsampled, the blocks' mean), but never so few frames that most of the
 * work would go into the context. */
size_t vits_decoder_window(const vits_decoder *d)
{
    size_t widest = (size_t)d->dims.up_channels, rows = 1, channels = widest, least = (size_t)d->context * 4;

    for (int i = 0; i < d->dims.stages; i++) {
        rows *= (size_t)d->dims.up_rate[i];
        channels /= 2;
        widest = rows * channels > widest ? rows * channels : widest;
    }
    size_t fit = ((size_t)24 << 20) / (widest * sizeof(float) * 3);
    least = least > 64 ? least : 64;
    return fit > MAX_WINDOW ? MAX_WINDOW : fit < least ? least : fit;
}

typedef struct {
    const vits_decoder *d;
    nn_ctx             *c;
    const vits_wave    *items;
    const float        *zeros;              /* a speaker */
    const windows      *w;
} decoding;

static hse_status run_pieces(void *user, const windows_piece *p, int n, hse_error *err)
{
    const decoding *j = user;
    const vits_decoder *d = j->d;
    const float *data[WINDOWS_PIECES], *speaker[WINDOWS_PIECES];
    int rows[WINDOWS_PIECES], one[WINDOWS_PIECES];
    windows_span there[WINDOWS_PIECES];
    size_t most = 0;
    float *scratch;
    hse_status s;

    for (int i = 0; i < n; i++) {
        const vits_wave *t = &j->items[p[i].item];
        size_t frames = p[i].last - p[i].first;

        data[i] = t->z + p[i].first * (size_t)d->dims.inter;
        speaker[i] = t->speaker ? t->speaker : j->zeros;
        rows[i] = (int)frames;
        one[i] = 1;
        there[i] = (windows_span){0, rows[i]};
        most = frames > most ? frames : most;
    }
    if (!(scratch = hse_alloc((most * j->w->hop + j->w->tail) * sizeof *scratch)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", most * j->w->hop);
    nn_begin(j->c, NN_RUN);
    nn_tensor z = nn_input(j->c, n, rows, d->dims.inter, data), g = nn_input(j->c, n, one, d->dims.gin, speaker);
    nn_tensor x = vits_decoder_run(j->c, d, z, g, p, there);
    for (int i = 0; i < n && nn_ok(j->c); i++) {
        nn_read(j->c, x, i, scratch, (size_t)nn_rows(j->c, x, i));
        windows_take(j->w, &p[i], scratch, p[i].first + (size_t)there[i].from);
    }
    s = nn_end(j->c, err);
    hse_free(scratch);
    return s;
}

hse_status vits_decode(const vits_decoder *d, nn_ctx *c, vits_wave *items, int n, hse_error *err)
{
    float *zeros = hse_calloc((size_t)d->dims.gin, sizeof *zeros);
    windows w = {.window = vits_decoder_window(d), .context = (size_t)d->context, .hop = (size_t)d->hop,
                 .tail = (size_t)d->tail, .run = run_pieces};
    decoding j = {d, c, items, zeros, &w};
    hse_status s;

    if (!zeros)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a speaker");
    w.user = &j;
    for (int i = 0; i < n; i++)
        items[i].audio.status = HSE_OK;
    s = windows_run(&w, &items->audio, sizeof *items, (size_t)n, err);
    hse_free(zeros);
    return s;
}

size_t vits_decode_plan(const vits_decoder *d, nn_ctx *c, size_t frames)
{
    size_t most = vits_decoder_window(d) + 2 * (size_t)d->context;
    int rows = (int)(frames < most ? frames : most), one = 1;
    const float *none = NULL;

    nn_begin(c, NN_PLAN);
    nn_tensor z = nn_input(c, 1, &rows, d->dims.inter, &none), g = nn_input(c, 1, &one, d->dims.gin, &none);
    vits_decoder_run(c, d, z, g, NULL, NULL);
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}
