/* vocoder.c - the MelGAN generator (Kumar et al. 2019), multi-band where it has several outputs (Yang et al. 2020):
 *
 *     convolution; per scale: activation, transposed convolution, residual stacks of growing dilation;
 *     activation, convolution, tanh; synthesis filter bank
 *
 * In the causal variant upstream pads both ends and keeps the first rows: padding on the left alone. Its transposed
 * convolution puts a copy of the first row in front. */
#include "models/harmonyspeech/vocoder.h"

#include "base/mem.h"
#include "models/harmonyspeech/keys.h"
#include "models/harmonyspeech/pqmf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- opening ---- */

static int power(int base, int exponent)
{
    int r = 1;

    while (exponent-- > 0)
        r *= base;
    return r;
}

static void pad_as_configured(const hs1_vocoder_config *c, nn_conv1d_layer *l)
{
    int reach = (l->kernel - 1) * l->dilation;

    l->left = c->causal ? reach : reach / 2;
    l->right = reach - l->left;
    l->pad = c->pad;
    l->pad_value = c->pad_value;
}

static void bind_conv(nn_binder *b, const hs1_vocoder_config *c, nn_conv1d_layer *l, int in, int out, int kernel,
                      int dilation, const char *name)
{
    nn_bind_conv1d(b, l, in, out, kernel, dilation, "%s%s", name, c->causal ? ".conv" : "");
    l->kernel = kernel; /* known even when the checkpoint lacks it */
    l->dilation = dilation;
    pad_as_configured(c, l);
}

/* What the transposed convolutions and the skip connections lose is lost for good, while the stacks only add to what
 * passes by them. One step better than asked for, they win 8 dB on a trained voice for a quarter of the time. Where they
 * are wide they are too much of the work for that. The first and the last layer are small. Figures: docs/precision.md. */
enum { WIDE = 96 };

static k_weight_type finer(k_weight_type type, const hs1_vocoder_config *c, int inputs)
{
    if (c->channels >= 4 * WIDE && inputs >= WIDE)
        return type;
    return type == K_INT8 ? K_BF16 : K_F32;
}

static void bind_stack(nn_binder *b, const hs1_vocoder_config *c, hs1_stack *s, int channels, int dilation,
                       k_weight_type type)
{
    nn_bind_type(b, type);
    bind_conv(b, c, &s->wide, channels, channels, c->stack_kernel, dilation, c->causal ? "stack.1" : "stack.2");
    nn_bind_conv1d(b, &s->narrow, channels, channels, 1, 1, "%s", c->causal ? "stack.3" : "stack.4");
    nn_bind_type(b, finer(type, c, channels));
    nn_bind_conv1d(b, &s->skip, channels, channels, 1, 1, "skip_layer");
}

/* Index in upstream's list of the transposed convolution of block i; its stacks follow. */
static int up_index(const hs1_vocoder_config *c, int i)
{
    return (c->causal ? 2 : 3) + i * (2 + c->stacks);
}

static void bind_all(nn_binder *b, hs1_vocoder *m, k_weight_type type)
{
    const hs1_vocoder_config *c = &m->cfg;
    int channels = c->channels;
    char name[16];

    nn_bind_bias(b, c->bias ? NN_REQUIRED : NN_ABSENT);
    nn_bind_weight_norm(b, c->weight_norm ? NN_REQUIRED : NN_ABSENT);
    nn_enter(b, "model.generator.melgan.");
    nn_bind_type(b, K_F32);
    snprintf(name, sizeof name, "%d", c->causal ? 0 : 1);
    bind_conv(b, c, &m->first, c->in, channels, c->kernel, 1, name);
    for (int i = 0; i < c->scales; i++, channels /= 2) {
        int u = c->scale[i], at = up_index(c, i);

        nn_bind_type(b, finer(type, c, channels));
        nn_bind_conv_transpose1d(b, &m->up[i], channels, channels / 2, 2 * u, u, "%d%s", at,
                                 c->causal ? ".deconv" : "");
        if (c->causal)
            m->up[i].left = m->up[i].right = u;
        for (int j = 0; j < c->stacks; j++) {
            nn_enter(b, "%d.", at + 1 + j);
            bind_stack(b, c, &m->stack[i][j], channels / 2, power(c->stack_kernel, j), type);
            nn_leave(b);
        }
    }
    nn_bind_type(b, K_F32);
    snprintf(name, sizeof name, "%d", (c->causal ? 2 : 4) + c->scales * (2 + c->stacks));
    bind_conv(b, c, &m->last, channels, c->out, c->kernel, 1, name);
    nn_leave(b);
    if (c->out > 1)
        hs1_pqmf_bind(b, &m->pqmf, c->out);
}

/* How far a sample sees, counted back from the output in rows of each rate. The larger side is used for both. */
static void find_context(hs1_vocoder *m)
{
    const hs1_vocoder_config *c = &m->cfg;
    int reach = (c->out > 1 ? m->pqmf.left + m->pqmf.right : 0) + m->last.left;

    for (int i = 0; i < c->scales; i++)
        m->rate[i] = (i ? m->rate[i - 1] : 1) * c->scale[i];
    for (int i = c->scales - 1; i >= 0; i--) {
        for (int j = 0; j < c->stacks; j++)
            reach += m->stack[i][j].wide.left;
        m->reach[i] = (reach + m->rate[i] - 1) / m->rate[i];
        reach = (reach + c->scale[i] - 1) / c->scale[i] + 2;
    }
    m->context = reach + m->first.left;
}

static int min_frames(const hs1_vocoder *m)
{
    const hs1_vocoder_config *c = &m->cfg;
    int rate = 1, need = m->first.left + 1;

    if (c->pad != NN_REFLECT)
        return 1;
    for (int i = 0; i < c->scales; i++) {
        rate *= c->scale[i];
        for (int j = 0; j < c->stacks; j++)
            if (m->stack[i][j].wide.left / rate + 1 > need)
                need = m->stack[i][j].wide.left / rate + 1;
    }
    return m->last.left / rate + 1 > need ? m->last.left / rate + 1 : need;
}

/* Some 64 MB of activations, but never so few frames that most of the work would go into the context. */
static int window_frames(const hs1_vocoder *m)
{
    const hs1_vocoder_config *c = &m->cfg;
    size_t widest = (size_t)c->channels, rows = 1;

    for (int i = 0; i < c->scales; i++) {
        rows *= (size_t)c->scale[i];
        size_t row = rows * (size_t)(c->channels >> (i + 1));
        widest = row > widest ? row : widest;
    }
    size_t fit = ((size_t)64 << 20) / (widest * sizeof(float) * 5);
    size_t least = (size_t)m->context * 4 > 64 ? (size_t)m->context * 4 : 64;
    return (int)(fit > 2048 ? 2048 : fit < least ? least : fit);
}

hse_status hs1_vocoder_open(hs1_vocoder **out, const hse_weights *w, const char *config, size_t config_size,
                            const hse_kernels *k, k_weight_type type, hse_error *err)
{
    nn_binder_options opt = {.weights = w, .name = "vocoder.pt", .kernels = k, .type = type, .strict = true};
    hs1_vocoder_config cfg;
    hs1_vocoder *m = NULL;
    nn_binder *b = NULL;
    hse_status s;

    if ((s = hs1_vocoder_config_read(&cfg, config, config_size, err)) != HSE_OK)
        return s;
    if (!(m = hse_calloc(1, sizeof *m)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    m->cfg = cfg;
    if ((s = nn_binder_open(&b, &opt, err)) != HSE_OK)
        goto fail;
    hs1_ignore_outside(b, w, "model.generator.");
    bind_all(b, m, type);
    if ((s = nn_binder_close(&b, &m->params, err)) != HSE_OK)
        goto fail;
    find_context(m);
    m->min_frames = min_frames(m);
    m->window = window_frames(m);
    *out = m;
    return HSE_OK;
fail:
    hs1_vocoder_close(&m);
    return s;
}

void hs1_vocoder_close(hs1_vocoder **m)
{
    if (!*m)
        return;
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

/* ---- the network ---- */

static nn_tensor activate(nn_ctx *c, const hs1_vocoder_config *cfg, nn_tensor x)
{
    switch (cfg->act) {
    case K_NONE: return x;
    case K_LEAKY_RELU: return nn_leaky_relu(c, x, cfg->slope);
    case K_RELU: return nn_relu(c, x);
    default: return nn_act(c, x, cfg->act, 0);
    }
}

static nn_tensor stack_run(nn_ctx *c, const hs1_vocoder_config *cfg, const hs1_stack *s, nn_tensor x)
{
    nn_tensor skip = nn_conv1d(c, &s->skip, x);
    nn_tensor y = nn_conv1d(c, &s->wide, activate(c, cfg, x));

    return nn_conv1d_then(c, &s->narrow, activate(c, cfg, y), (nn_then){.residual = skip});
}

/* p: whose frames are wanted, with what there is of them in s, which is updated; NULL: all are. */
static nn_tensor melgan_run(nn_ctx *c, const hs1_vocoder *m, nn_tensor x, const windows_piece *p, windows_span *s)
{
    const hs1_vocoder_config *cfg = &m->cfg;

    x = nn_conv1d(c, &m->first, x);
    nn_tap(c, x, "melgan_%d", cfg->causal ? 0 : 1);
    for (int i = 0; i < cfg->scales; i++) {
        nn_mark_t mark = nn_mark(c);

        x = activate(c, cfg, x);
        if (cfg->causal)
            x = nn_pad_rows(c, x, 1, 0, NN_REPLICATE, 0);
        x = nn_conv_transpose1d(c, &m->up[i], x);
        if (p)
            x = windows_cut(c, x, m->rate[i], m->reach[i], p, s);
        nn_tap(c, x, "melgan_%d", up_index(cfg, i));
        for (int j = 0; j < cfg->stacks; j++) {
            x = nn_keep(c, mark, stack_run(c, cfg, &m->stack[i][j], x));
            nn_tap(c, x, "melgan_%d", up_index(cfg, i) + 1 + j);
        }
    }
    x = nn_conv1d(c, &m->last, activate(c, cfg, x));
    nn_tap(c, x, "melgan_%d", (cfg->causal ? 2 : 4) + cfg->scales * (2 + cfg->stacks));
    if (cfg->final_tanh)
        x = nn_tanh(c, x);
    nn_tap(c, x, "melgan_out");
    if (cfg->out > 1)
        x = nn_reshape(c, nn_conv1d(c, &m->pqmf, x), 1, 1);
    nn_tap(c, x, "vocoder_wav");
    return x;
}

/* ---- items and windows ---- */

typedef struct {
    const hs1_vocoder *m;
    nn_ctx            *c;
    const hs1_wave    *items;
    const windows     *w;
} decoding;

/* A mel that is too short to be mirrored, with its last frame repeated; NULL without memory. */
static float *lengthened(const hs1_vocoder *m, const hs1_wave *t)
{
    size_t in = (size_t)m->cfg.in, need = (size_t)m->min_frames, frames = t->audio.frames;
    float *longer = hse_alloc(need * in * sizeof *longer);

    for (size_t f = 0; longer && f < need; f++)
        memcpy(longer + f * in, t->mel + (f < frames ? f : frames - 1) * in, in * sizeof *longer);
    return longer;
}

static hse_status run_pieces(void *user, const windows_piece *p, int n, hse_error *err)
{
    const decoding *j = user;
    const hs1_vocoder *m = j->m;
    const float *data[WINDOWS_PIECES];
    float *scratch = NULL, *longer[WINDOWS_PIECES] = {NULL};
    int rows[WINDOWS_PIECES];
    windows_span there[WINDOWS_PIECES];
    size_t most = 0;
    hse_status s = HSE_OK;

    for (int i = 0; i < n; i++) {
        const hs1_wave *t = &j->items[p[i].item];

        data[i] = t->mel + p[i].first * (size_t)m->cfg.in;
        rows[i] = (int)(p[i].last - p[i].first);
        if (t->audio.frames < (size_t)m->min_frames) {
            data[i] = longer[i] = lengthened(m, t);
            rows[i] = m->min_frames;
        }
        if (!data[i])
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d frames", m->min_frames);
        there[i] = (windows_span){0, rows[i]};
        most = (size_t)rows[i] > most ? (size_t)rows[i] : most;
    }
    if (s == HSE_OK && !(scratch = hse_alloc(most * j->w->hop * sizeof *scratch)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", most * j->w->hop);
    if (s == HSE_OK) {
        nn_begin(j->c, NN_RUN);
        nn_tensor x = melgan_run(j->c, m, nn_input(j->c, n, rows, m->cfg.in, data), p, there);
        for (int i = 0; i < n && nn_ok(j->c); i++) {
            nn_read(j->c, x, i, scratch, (size_t)(there[i].to - there[i].from) * j->w->hop);
            windows_take(j->w, &p[i], scratch, p[i].first + (size_t)there[i].from);
        }
        s = nn_end(j->c, err);
    }
    for (int i = 0; i < n; i++)
        hse_free(longer[i]);
    hse_free(scratch);
    return s;
}

static hse_status check_item(const hs1_vocoder *m, hs1_wave *t, bool reference)
{
    if (reference && t->audio.frames < (size_t)m->min_frames)
        return hse_fail(&t->audio.error, HSE_E_ARG, 0, "a mel of %zu frames; the model's padding needs %d", t->audio.frames,
                        m->min_frames);
    for (size_t i = 0; i < t->audio.frames * (size_t)m->cfg.in; i++)
        if (!isfinite(t->mel[i]))
            return hse_fail(&t->audio.error, HSE_E_ARG, 0, "frame %zu of the mel is not a number", i / (size_t)m->cfg.in);
    return HSE_OK;
}

hse_status hs1_vocoder_run(const hs1_vocoder *m, nn_ctx *c, hs1_wave *items, int n, bool reference, hse_error *err)
{
    windows w = {.window = (size_t)m->window, .context = (size_t)m->context, .hop = (size_t)m->cfg.hop, .run = run_pieces};
    decoding j = {m, c, items, &w};

    w.user = &j;
    for (int i = 0; i < n; i++)
        items[i].audio.status = check_item(m, &items[i], reference);
    return windows_run(&w, &items->audio, sizeof *items, (size_t)n, err);
}

size_t hs1_vocoder_plan(const hs1_vocoder *m, nn_ctx *c, size_t frames)
{
    size_t most = (size_t)m->window + 2 * (size_t)m->context;
    int rows = (int)(frames < (size_t)m->min_frames ? (size_t)m->min_frames : frames < most ? frames : most);
    const float *none = NULL;

    nn_begin(c, NN_PLAN);
    melgan_run(c, m, nn_input(c, 1, &rows, m->cfg.in, &none), NULL, NULL);
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}

hse_status hs1_reference_wave(float **out, size_t *out_n, const float *wave, size_t n, const int *breaks,
                              size_t n_breaks, hse_error *err)
{
    size_t total = n, at = 0, from = 0;
    double peak = 0;
    float *x;

    if (breaks && (!hse_mul_size(n_breaks, HS1_BREAK_SILENCE, &total) || !hse_add_size(total, n, &total)))
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu breaks are too many", n_breaks);
    if (total > SIZE_MAX / sizeof *x - 1 || !(x = hse_calloc(total + 1, sizeof *x)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", total);
    if (!breaks) {
        memcpy(x, wave, n * sizeof *x);
        at = n;
    }
    for (size_t i = 0; breaks && i < n_breaks; i++) {
        size_t left = n - from, count = breaks[i] > 0 ? (size_t)breaks[i] * HS1_BREAK_HOP : 0;

        count = count < left ? count : left;
        memcpy(x + at, wave + from, count * sizeof *x);
        from += count;
        at += count + HS1_BREAK_SILENCE;
    }
    for (size_t i = 0; i < at; i++)
        peak = fabs((double)x[i]) > peak ? fabs((double)x[i]) : peak;
    for (size_t i = 0; peak > 0 && i < at; i++)
        x[i] = (float)(x[i] / peak * 0.97);
    *out = x;
    *out_n = at;
    return HSE_OK;
}
