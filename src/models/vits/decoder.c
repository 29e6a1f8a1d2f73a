/* decoder.c - the HiFi-GAN generator (Kong et al. 2020): convolution; per stage a transposed convolution and the mean of
 * several stacks of dilated residual convolutions; convolution, tanh. */
#include "models/vits/vits.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

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
static int context_frames(const vits_decoder *d)
{
    const vits_dims *m = &d->dims;
    int reach = d->post.left;

    for (int i = m->stages - 1; i >= 0; i--) {
        int most = 0;

        for (int j = 0; j < m->kernels; j++) {
            int sum = 0;

            for (int q = 0; q < d->blocks; q++)
                sum += d->block[i][j].wide[q].left + d->block[i][j].near[q].left;
            most = sum > most ? sum : most;
        }
        reach = (reach + most + m->up_kernel[i] + m->up_rate[i] - 1) / m->up_rate[i] + 1;
    }
    return reach + d->pre.left;
}

void vits_decoder_bind(nn_binder *b, vits_decoder *d, const vits_dims *dims, k_weight_type type)
{
    int channels = dims->up_channels;

    *d = (vits_decoder){.dims = *dims, .blocks = dims->resblock == 1 ? 3 : 2, .hop = 1};
    nn_enter(b, "dec.");
    nn_bind_type(b, K_F32);
    nn_bind_conv1d(b, &d->pre, dims->inter, channels, 7, 1, "conv_pre");
    nn_bind_conv1d(b, &d->condition, dims->gin, channels, 1, 1, "cond");
    nn_bind_type(b, type);
    for (int i = 0; i < dims->stages; i++) {
        int out = channels / 2;

        if (channels % 2 != 0 || dims->up_kernel[i] < dims->up_rate[i])
            nn_bind_problem(b, "an upsampling stage of %d channels, rate %d, kernel %d", channels, dims->up_rate[i],
                            dims->up_kernel[i]);
        nn_bind_conv_transpose1d(b, &d->up[i], channels, out, dims->up_kernel[i], dims->up_rate[i], "ups.%d", i);
        d->up[i].left = d->up[i].right = (dims->up_kernel[i] - dims->up_rate[i]) / 2;
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
    nn_bind_conv1d(b, &d->post, channels, 1, 7, 1, "conv_post");
    nn_bind_bias(b, NN_OPTIONAL);
    nn_bind_type(b, type);
    nn_leave(b);
    d->context = context_frames(d);
}

/* ---- the network ---- */

static nn_tensor run_block(nn_ctx *c, const vits_decoder *d, const vits_block *k, nn_tensor x)
{
    for (int i = 0; i < d->blocks; i++) {
        nn_mark_t mark = nn_mark(c);
        nn_then then = {.residual = x};
        nn_tensor y = nn_leaky_relu(c, x, 0.1f);

        if (d->dims.resblock == 1)
            y = nn_leaky_relu(c, nn_conv1d(c, &k->wide[i], y), 0.1f);
        x = nn_keep(c, mark, nn_conv1d_then(c, d->dims.resblock == 1 ? &k->near[i] : &k->wide[i], y, then));
    }
    return x;
}

nn_tensor vits_decoder_run(nn_ctx *c, const vits_decoder *d, nn_tensor z, nn_tensor speaker)
{
    nn_tensor x = nn_conv1d(c, &d->pre, z), g = nn_conv1d(c, &d->condition, speaker);
    int kernels = d->dims.kernels;

    nn_tap(c, x, "dec.conv_pre");
    nn_tap(c, g, "dec.cond");
    x = nn_add_vector(c, x, g);
    for (int i = 0; i < d->dims.stages; i++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor up = nn_conv_transpose1d(c, &d->up[i], nn_leaky_relu(c, x, 0.1f)), sum = NN_NONE;

        nn_tap(c, up, "dec.ups.%d", i);
        for (int j = 0; j < kernels; j++) {
            nn_mark_t block = nn_mark(c);
            nn_tensor y = run_block(c, d, &d->block[i][j], up);

            nn_tap(c, y, "dec.resblocks.%d", i * kernels + j);
            sum = nn_keep(c, block, nn_add(c, sum, y));
        }
        x = nn_keep(c, mark, nn_scale(c, sum, 1.0f / (float)kernels));
        nn_tap(c, x, "dec.mrf.%d", i);
    }
    x = nn_conv1d(c, &d->post, nn_leaky_relu(c, x, 0.01f));     /* upstream calls leaky_relu without a slope here */
    nn_tap(c, x, "dec.conv_post");
    x = nn_tanh(c, x);
    nn_tap(c, x, "dec");
    return x;
}

/* ---- windows ---- */

/* A piece of an item that goes through the network: frames [from, to) are wanted, [first, last) go in. */
typedef struct {
    vits_wave *item;
    size_t from, to, first, last;
} piece;

enum { PIECES = 32, MAX_WINDOW = 2048 };

/* Some 64 MB of activations, but never so few frames that most of the work would go into the context. */
size_t vits_decoder_window(const vits_decoder *d)
{
    size_t widest = (size_t)d->dims.up_channels, rows = 1, channels = widest, least = (size_t)d->context * 4;

    for (int i = 0; i < d->dims.stages; i++) {
        rows *= (size_t)d->dims.up_rate[i];
        channels /= 2;
        widest = rows * channels > widest ? rows * channels : widest;
    }
    size_t fit = ((size_t)64 << 20) / (widest * sizeof(float) * 5);
    least = least > 64 ? least : 64;
    return fit > MAX_WINDOW ? MAX_WINDOW : fit < least ? least : fit;
}

static hse_status run_pieces(const vits_decoder *d, nn_ctx *c, const piece *p, int n, const float *zeros, hse_error *err)
{
    const float *data[PIECES], *speaker[PIECES];
    int rows[PIECES], one[PIECES];
    size_t hop = (size_t)d->hop, most = 0;
    float *scratch;
    hse_status s;

    for (int i = 0; i < n; i++) {
        size_t frames = p[i].last - p[i].first;

        data[i] = p[i].item->z + p[i].first * (size_t)d->dims.inter;
        speaker[i] = p[i].item->speaker ? p[i].item->speaker : zeros;
        rows[i] = (int)frames;
        one[i] = 1;
        most = frames > most ? frames : most;
    }
    if (!(scratch = hse_alloc((most * hop + (size_t)d->tail) * sizeof *scratch)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", most * hop);
    nn_begin(c, NN_RUN);
    nn_tensor z = nn_input(c, n, rows, d->dims.inter, data), g = nn_input(c, n, one, d->dims.gin, speaker);
    nn_tensor x = vits_decoder_run(c, d, z, g);
    for (int i = 0; i < n && nn_ok(c); i++) {
        vits_wave *t = p[i].item;
        bool last = p[i].to == t->frames;

        nn_read(c, x, i, scratch, (size_t)rows[i] * hop + (size_t)d->tail);
        memcpy(t->wave + (p[i].from - t->from) * hop, scratch + (p[i].from - p[i].first) * hop,
               ((p[i].to - p[i].from) * hop + (last ? (size_t)d->tail : 0)) * sizeof *scratch);
    }
    s = nn_end(c, err);
    hse_free(scratch);
    return s;
}

static hse_status check_item(const vits_decoder *d, vits_wave *t)
{
    size_t bytes;

    t->wave = NULL;
    t->samples = 0;
    if (t->from >= t->to || t->to > t->frames)
        return hse_fail(&t->error, HSE_E_ARG, 0, "frames %zu to %zu of %zu", t->from, t->to, t->frames);
    if (!hse_mul_size(t->to - t->from, (size_t)d->hop * sizeof(float), &bytes) ||
        !hse_add_size(bytes, (size_t)d->tail * sizeof(float), &bytes) || !(t->wave = hse_alloc(bytes)))
        return hse_fail(&t->error, HSE_E_NOMEM, 0, "no memory for %zu frames of audio", t->to - t->from);
    t->samples = (t->to - t->from) * (size_t)d->hop + (t->to == t->frames ? (size_t)d->tail : 0);
    return HSE_OK;
}

/* A result with a number that is none becomes the item's error. */
static void check_wave(vits_wave *t)
{
    for (size_t i = 0; i < t->samples; i++)
        if (!isfinite(t->wave[i])) {
            t->status = hse_fail(&t->error, HSE_E_FORMAT, 0,
                                 "sample %zu of the audio is not a number (a damaged checkpoint?)", i);
            return;
        }
}

hse_status vits_decode(const vits_decoder *d, nn_ctx *c, vits_wave *items, int n, hse_error *err)
{
    size_t context = (size_t)d->context, window = vits_decoder_window(d), rows = 0;
    float *zeros = hse_calloc((size_t)d->dims.gin, sizeof *zeros);
    piece p[PIECES];
    hse_status s = HSE_OK;
    int waiting = 0;

    if (!zeros)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a speaker");
    for (int i = 0; i < n && s == HSE_OK; i++) {
        vits_wave *t = &items[i];

        if ((t->status = check_item(d, t)) != HSE_OK)
            continue;
        for (size_t from = t->from; from < t->to && s == HSE_OK; from += window) {
            size_t to = t->to - from < window ? t->to : from + window;
            size_t first = from < context ? 0 : from - context,
                   last = t->frames - to < context ? t->frames : to + context;

            if (waiting && (waiting == PIECES || rows + last - first > window + 2 * context)) {
                s = run_pieces(d, c, p, waiting, zeros, err);
                waiting = 0;
                rows = 0;
            }
            p[waiting++] = (piece){t, from, to, first, last};
            rows += last - first;
        }
    }
    if (waiting && s == HSE_OK)
        s = run_pieces(d, c, p, waiting, zeros, err);
    for (int i = 0; i < n; i++) {
        vits_wave *t = &items[i];

        if (s == HSE_OK && t->status == HSE_OK)
            check_wave(t);
        if (s != HSE_OK || t->status != HSE_OK) {
            hse_free(t->wave);
            t->wave = NULL;
            t->samples = 0;
        }
    }
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
    vits_decoder_run(c, d, z, g);
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}
