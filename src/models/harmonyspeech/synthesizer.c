/* synthesizer.c - ForwardTacotron (after Schaefer's variant of FastSpeech and Tacotron's CBHG), with energy and a
 * speaker:
 *
 *     three series predictors (durations, pitch, energy): embedding | speaker -> 3 convolutions -> GRU -> 1 value a
 * symbol embedding -> prenet CBHG, + projected pitch + projected energy each row repeated for its duration, | speaker
 * -> LSTM -> linear = mel -> postnet CBHG -> linear = mel
 *
 * A CBHG is a bank of convolutions of width 1 to K, a pooling over two rows, two more convolutions around a residual,
 * highways, a GRU. Even widths pad more on the left, which gives the rows that upstream keeps after cutting.
 *
 * While somebody listens, values that the fused layers never write down are computed a second time, as upstream has
 * them. */
#include "models/harmonyspeech/synthesizer.h"

#include "base/mem.h"
#include "models/harmonyspeech/keys.h"

#include <math.h>
#include <stdio.h>

enum {
    GROUP_FRAMES = 16384, /* rows that run together; an item that is longer runs alone */
    KERNEL = 5,           /* of the series' convolutions */
};

static const float bn_eps = 1e-5f;

/* ---- opening ---- */

/* Reduced weights are for the wide products: the banks, the post net's projection, the LSTM. The rest is little work
 * and stays float32, or its noise would be what is heard; so do the series, since a duration that rounds the other way
 * moves all that follows. int8 is for the post net alone: in the LSTM, whose inputs are of very different sizes, it
 * costs 10 dB. Figures: docs/precision.md. */
typedef struct {
    k_weight_type prenet, lstm, postnet;
} types;

static types types_of(k_weight_type asked)
{
    k_weight_type least = asked == K_INT8 ? K_BF16 : asked;

    return (types){least, least, asked};
}

static void bind_conv_norm(nn_binder *b, hs1_conv_norm *l, int in, int out, int kernel)
{
    nn_bind_conv1d(b, &l->conv, in, out, kernel, 1, "conv");
    nn_bind_batch_norm(b, &l->norm, out, bn_eps, "bnorm");
}

/* The first convolution reads embedding | speaker, and the speaker is the same in every row: most of its work is one
 * sum, done once. So its weights are split by columns. */
static void bind_split(nn_binder *b, hs1_series *s, int embedding, int speaker, int out)
{
    int both = embedding + speaker, dim[] = {out, both, KERNEL};
    float *w = nn_bind_scratch(b, 3, dim, "conv.weight");
    float *part = w ? nn_bind_work(b, (size_t)out * (size_t)both * KERNEL) : NULL;

    if (part) {
        float *e = part, *v = part + (size_t)out * (size_t)embedding * KERNEL;
        for (int o = 0; o < out; o++) {
            memcpy(e + (size_t)o * (size_t)embedding * KERNEL, w + (size_t)o * (size_t)both * KERNEL,
                   (size_t)embedding * KERNEL * sizeof *w);
            memcpy(v + (size_t)o * (size_t)speaker * KERNEL,
                   w + ((size_t)o * (size_t)both + (size_t)embedding) * KERNEL, (size_t)speaker * KERNEL * sizeof *w);
        }
        nn_make_conv1d(b, &s->conv[0].conv, embedding, out, KERNEL, 1, e, NULL);
        nn_make_conv1d(b, &s->speaker, speaker, out, KERNEL, 1, v, NULL);
    }
    nn_scratch_end(b);
    nn_bind_batch_norm(b, &s->conv[0].norm, out, bn_eps, "bnorm");
}

static void bind_series(nn_binder *b, hs1_series *s, const hs1_synthesizer_config *c, const hs1_series_config *dims,
                        const char *name)
{
    nn_enter(b, "%s.", name);
    nn_bind_table(b, &s->embedding, c->chars, c->series_embed, "embedding.weight");
    nn_bind_bias(b, NN_ABSENT);
    for (int i = 0; i < 3; i++) {
        nn_enter(b, "convs.%d.", i);
        if (i == 0)
            bind_split(b, s, c->series_embed, c->speaker, dims->conv);
        else
            bind_conv_norm(b, &s->conv[i], dims->conv, dims->conv, KERNEL);
        nn_leave(b);
    }
    nn_bind_bias(b, NN_REQUIRED);
    nn_bind_gru(b, &s->rnn, dims->conv, dims->rnn, 1, 2, "rnn");
    nn_bind_linear(b, &s->lin, 2 * dims->rnn, 1, "lin");
    nn_leave(b);
}

/* At the upstream's width the layers behind the bank are most of the work too, and their noise averages out. */
enum { WIDE = 256 };

static void bind_cbhg(nn_binder *b, hs1_cbhg *l, int in, int channels, int k, int highways, k_weight_type bank,
                      k_weight_type project, const char *name)
{
    k_weight_type rest = channels >= WIDE && bank != K_F32 ? K_BF16 : K_F32;

    if (project == K_F32)
        project = rest;
    l->k = k;
    l->highways = highways;
    l->channels = channels;
    nn_enter(b, "%s.", name);
    nn_bind_bias(b, NN_ABSENT);
    nn_bind_type(b, bank);
    for (int i = 0; i < k; i++) {
        nn_enter(b, "conv1d_bank.%d.", i);
        bind_conv_norm(b, &l->bank[i], in, channels, i + 1);
        nn_leave(b);
    }
    nn_bind_type(b, project);
    nn_enter(b, "conv_project1.");
    bind_conv_norm(b, &l->project1, k * channels, channels, 3);
    nn_leave(b);
    nn_bind_type(b, rest);
    nn_enter(b, "conv_project2.");
    bind_conv_norm(b, &l->project2, channels, in, 3);
    nn_leave(b);
    nn_bind_linear(b, &l->pre_highway, in, channels, "pre_highway");
    nn_bind_bias(b, NN_REQUIRED);
    for (int i = 0; i < highways; i++) {
        nn_bind_linear(b, &l->w1[i], channels, channels, "highways.%d.W1", i);
        nn_bind_linear(b, &l->w2[i], channels, channels, "highways.%d.W2", i);
    }
    nn_bind_gru(b, &l->rnn, channels, channels, 1, 2, "rnn");
    nn_leave(b);
}

static void bind_all(nn_binder *b, hs1_synthesizer *m, k_weight_type asked)
{
    const hs1_synthesizer_config *c = &m->cfg;
    const types type = types_of(asked);
    const float *unused;

    nn_bind_weight_norm(b, NN_ABSENT);
    nn_bind_table(b, &m->embedding, c->chars, c->embed, "embedding.weight");
    nn_bind_type(b, K_F32);
    bind_series(b, &m->dur, c, &c->dur, "dur_pred");
    bind_series(b, &m->pitch, c, &c->pitch, "pitch_pred");
    bind_series(b, &m->energy, c, &c->energy, "energy_pred");
    bind_cbhg(b, &m->prenet, c->embed, c->prenet, c->prenet_k, c->prenet_highways, type.prenet, K_F32, "prenet");
    nn_bind_type(b, type.lstm);
    nn_bind_lstm(b, &m->lstm, 2 * c->prenet + c->speaker, c->rnn, 1, 2, "lstm");
    nn_bind_type(b, K_F32);
    nn_bind_linear(b, &m->lin, 2 * c->rnn, c->mels, "lin");
    bind_cbhg(b, &m->postnet, c->mels, c->postnet, c->postnet_k, c->postnet_highways, type.postnet, type.postnet,
              "postnet");
    nn_bind_conv1d(b, &m->pitch_proj, 1, 2 * c->prenet, 3, 1, "pitch_proj");
    nn_bind_conv1d(b, &m->energy_proj, 1, 2 * c->prenet, 3, 1, "energy_proj");
    nn_bind_bias(b, NN_ABSENT);
    nn_bind_linear(b, &m->post_proj, 2 * c->postnet, c->mels, "post_proj");
    nn_bind_tensor(b, &unused, 1, (int[]){1}, "step");
}

hse_status hs1_synthesizer_open(hs1_synthesizer **out, const hse_weights *w, const char *config, size_t config_size,
                                const hse_kernels *k, k_weight_type type, hse_error *err)
{
    nn_binder_options opt = {.weights = w, .name = "synthesizer.pt", .kernels = k, .type = type, .strict = true};
    hs1_synthesizer_config cfg;
    hs1_synthesizer *m = NULL;
    nn_binder *b = NULL;
    hse_status s;

    if ((s = hs1_synthesizer_config_read(&cfg, config, config_size, err)) != HSE_OK)
        return s;
    if (!(m = hse_calloc(1, sizeof *m)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    m->cfg = cfg;
    if ((s = nn_binder_open(&b, &opt, err)) != HSE_OK)
        goto fail;
    hs1_ignore_outside(b, w, "model_state.");
    nn_enter(b, "model_state.");
    bind_all(b, m, type);
    nn_leave(b);
    if ((s = nn_binder_close(&b, &m->params, err)) != HSE_OK)
        goto fail;
    *out = m;
    return HSE_OK;
fail:
    hs1_synthesizer_close(&m);
    return s;
}

void hs1_synthesizer_close(hs1_synthesizer **m)
{
    if (!*m)
        return;
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

void hs1_mel_free(hs1_mel *item)
{
    hse_free(item->durations);
    hse_free(item->pitch);
    hse_free(item->energy);
    hse_free(item->repeats);
    hse_free(item->mel);
    item->durations = item->pitch = item->energy = item->mel = NULL;
    item->repeats = NULL;
}

/* ---- the network ---- */

static nn_tensor conv_norm(nn_ctx *c, const hs1_conv_norm *l, nn_tensor x, k_act act, nn_tensor residual)
{
    return nn_conv1d_then(c, &l->conv, x, (nn_then){.act = act, .norm = &l->norm, .residual = residual});
}

/* Which rows stand for which in the sum over the speaker's columns: it differs from row to row only where the
 * convolution looks past an end, so KERNEL rows have every value there is. */
typedef struct {
    int *count, *item; /* the short items: rows, and for each row the speaker it repeats */
    int *row;          /* for each symbol the row of the short items that it equals */
} spread;

static nn_tensor series_run(nn_ctx *c, const hs1_series *s, nn_tensor x, nn_tensor speaker, const spread *to,
                            const char *name)
{
    nn_tap(c, x, "%s_embedding", name);
    nn_tensor sum = nn_conv1d(c, &s->speaker, nn_gather_rows(c, speaker, nn_items(speaker), to->count, to->item));
    const int *rows = to->count + nn_items(speaker); /* symbols of each item */

    sum = nn_gather_rows(c, sum, nn_items(speaker), rows, to->row);
    x = nn_conv1d_then(c, &s->conv[0].conv, x, (nn_then){.residual = sum});
    nn_tap(c, x, "%s_convs_0_conv", name);
    x = nn_batch_norm(c, &s->conv[0].norm, nn_relu(c, x));
    nn_tap(c, x, "%s_convs_0", name);
    for (int i = 1; i < 3; i++) {
        x = conv_norm(c, &s->conv[i], x, K_RELU, NN_NONE);
        nn_tap(c, x, "%s_convs_%d", name, i);
    }
    x = nn_gru(c, &s->rnn, x, NULL);
    nn_tap(c, x, "%s_rnn", name);
    x = nn_linear(c, &s->lin, x);
    nn_tap(c, x, "%s_lin", name);
    return x;
}

/* What upstream's modules give where our fused layers give less: even widths with their last row, the pooling with its
 * row behind the end, the second projection before the residual. */
static void cbhg_show(nn_ctx *c, const hs1_cbhg *l, nn_tensor x, nn_tensor bank, nn_tensor projected, const char *name)
{
    nn_mark_t mark = nn_mark(c);

    for (int i = 0; i < l->k; i++) {
        hs1_conv_norm whole = l->bank[i];
        whole.conv.left = whole.conv.right = (i + 1) / 2;
        nn_tap(c, conv_norm(c, &whole, x, K_RELU, NN_NONE), "%s_conv1d_bank_%d", name, i);
    }
    nn_tap(c, nn_max_pool2(c, nn_pad_rows(c, bank, 0, 1, NN_REPLICATE, 0)), "%s_maxpool", name);
    nn_tap(c, projected, "%s_conv_project1", name);
    nn_tap(c, conv_norm(c, &l->project2, projected, K_NONE, NN_NONE), "%s_conv_project2", name);
    nn_keep_all(c, mark, NULL, 0);
}

static nn_tensor cbhg_run(nn_ctx *c, const hs1_cbhg *l, nn_tensor x, const char *name)
{
    nn_mark_t mark = nn_mark(c);
    nn_tensor bank = nn_new(c, x, l->k * l->channels), y;

    for (int i = 0; i < l->k; i++)
        nn_conv1d_then(c, &l->bank[i].conv, x,
                       (nn_then){.act = K_RELU, .norm = &l->bank[i].norm, .into = bank, .col = i * l->channels});
    y = conv_norm(c, &l->project1, nn_max_pool2(c, bank), K_RELU, NN_NONE);
    if (nn_listening(c))
        cbhg_show(c, l, x, bank, y, name);
    y = nn_keep(c, mark, y); /* the bank is by far the widest */
    y = conv_norm(c, &l->project2, y, K_NONE, x);
    y = nn_linear(c, &l->pre_highway, y);
    nn_tap(c, y, "%s_pre_highway", name);
    for (int i = 0; i < l->highways; i++) {
        y = nn_highway(c, &l->w1[i], &l->w2[i], y);
        nn_tap(c, y, "%s_highways_%d", name, i);
    }
    y = nn_keep(c, mark, nn_gru(c, &l->rnn, y, NULL));
    nn_tap(c, y, "%s_rnn", name);
    return y;
}

/* x + strength * conv(series). */
static nn_tensor add_series(nn_ctx *c, const nn_conv1d_layer *conv, nn_tensor series, float strength, nn_tensor x,
                            const char *name)
{
    if (nn_listening(c))
        nn_tap(c, nn_conv1d(c, conv, series), "%s", name);
    if (strength == 0)
        return x;
    return nn_conv1d_then(c, conv, series, (nn_then){.alpha = strength, .residual = x});
}

/* index: for each frame of each item the row of its symbol, -1 (only when `padded`) for a row of zeros. */
static nn_tensor decode(const hs1_synthesizer *m, nn_ctx *c, nn_tensor x, nn_tensor speaker, const int *frames,
                        const int *index, bool padded)
{
    if (padded || nn_listening(c)) {
        x = nn_gather_rows(c, x, nn_items(x), frames, index);
        nn_tap(c, x, "lr");
        x = nn_lstm(c, &m->lstm, nn_append_vector(c, x, speaker), NULL);
    } else {
        x = nn_lstm_gathered(c, &m->lstm, nn_append_vector(c, x, speaker), frames, index, NULL);
    }
    nn_tap(c, x, "lstm");
    x = nn_linear(c, &m->lin, x);
    nn_tap(c, x, "lin");
    x = nn_linear(c, &m->post_proj, cbhg_run(c, &m->postnet, x, "postnet"));
    nn_tap(c, x, "post_proj");
    return x;
}

/* ---- items ---- */

static hse_status check_item(const hs1_synthesizer *m, hs1_mel *t)
{
    if (t->n < 1 || t->n > HS1_MAX_SYMBOLS)
        return hse_fail(&t->error, t->n < 1 ? HSE_E_ARG : HSE_E_LIMIT, 0,
                        "a text of %d symbols; 1 to %d can be spoken in one piece", t->n, HS1_MAX_SYMBOLS);
    for (int i = 0; i < t->n; i++)
        if (t->ids[i] < 0 || t->ids[i] >= m->cfg.chars)
            return hse_fail(&t->error, HSE_E_ARG, 0, "symbol %d is %d; the model knows 0 to %d", i, t->ids[i],
                            m->cfg.chars - 1);
    for (int i = 0; i < m->cfg.speaker; i++)
        if (!isfinite(t->embedding[i]))
            return hse_fail(&t->error, HSE_E_ARG, 0, "value %d of the speaker's embedding is not a number", i);
    if (!isfinite(t->alpha) || !isfinite(t->pitch_factor) || !isfinite(t->energy_factor))
        return hse_fail(&t->error, HSE_E_ARG, 0, "speed, pitch or energy is not a number");

    size_t n = (size_t)t->n;
    t->durations = hse_alloc(n * sizeof(float));
    t->pitch = hse_alloc(n * sizeof(float));
    t->energy = hse_alloc(n * sizeof(float));
    t->repeats = hse_alloc(n * sizeof(int));
    if (!t->durations || !t->pitch || !t->energy || !t->repeats)
        return hse_fail(&t->error, HSE_E_NOMEM, 0, "no memory for %d symbols", t->n);
    return HSE_OK;
}

/* The raw predictions -> durations, repeats, frames, pitch, energy. Quirk: the rule that fills in 2 frames a symbol
 * looks at the sum of the durations rounded towards zero, repetition at durations rounded to nearest. */
static hse_status finish_series(hs1_mel *t)
{
    float alpha = t->alpha != 0 ? t->alpha : 1, pitch = t->pitch_factor != 0 ? t->pitch_factor : 1;
    float energy = t->energy_factor != 0 ? t->energy_factor : 1;
    int64_t truncated = 0, frames = 0;

    for (int i = 0; i < t->n; i++) {
        t->durations[i] /= alpha;
        t->pitch[i] *= pitch;
        t->energy[i] *= energy;
        if (!isfinite(t->durations[i]) || !isfinite(t->pitch[i]) || !isfinite(t->energy[i]))
            return hse_fail(&t->error, HSE_E_FORMAT, 0,
                            "the prediction for symbol %d is not a number (a damaged checkpoint?)", i);
        if (fabsf(t->durations[i]) > HS1_MAX_SYMBOL_FRAMES)
            return hse_fail(&t->error, HSE_E_LIMIT, 0, "symbol %d would last %.0f frames; at most %d are possible", i,
                            (double)t->durations[i], HS1_MAX_SYMBOL_FRAMES);
        truncated += (int64_t)t->durations[i];
    }
    for (int i = 0; i < t->n; i++) {
        if (truncated <= 0)
            t->durations[i] = 2;
        t->durations[i] = fmaxf(t->durations[i], 0);
        t->repeats[i] = (int)floorf(t->durations[i] + 0.5f);
        frames += t->repeats[i];
    }
    if (frames > HS1_MAX_FRAMES)
        return hse_fail(&t->error, HSE_E_LIMIT, 0, "the text would last %lld frames; at most %d are possible",
                        (long long)frames, HS1_MAX_FRAMES);
    t->frames = (int)frames;
    return HSE_OK;
}

/* Work space of a run: lists over its items. */
typedef struct {
    hs1_mel **item;
    const int32_t **ids;
    const float **speaker, **pitch, **energy;
    int *symbols, *frames, *one;
    int n;
} batch;

static hse_status batch_open(batch *b, int n, hse_error *err)
{
    size_t pointers = 5, ints = 3, bytes;
    char *p = NULL;

    if (hse_mul_size((size_t)n, pointers * sizeof(void *) + ints * sizeof(int), &bytes))
        p = hse_calloc(1, bytes);
    if (!p)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a batch of %d", n);
    *b = (batch){.item = (void *)p};
    b->ids = (void *)(b->item + n);
    b->speaker = (void *)(b->ids + n);
    b->pitch = b->speaker + n;
    b->energy = b->pitch + n;
    b->symbols = (void *)(b->energy + n);
    b->frames = b->symbols + n;
    b->one = b->frames + n;
    return HSE_OK;
}

static void batch_add(batch *b, hs1_mel *t)
{
    b->item[b->n] = t;
    b->ids[b->n] = t->ids;
    b->speaker[b->n] = t->embedding;
    b->pitch[b->n] = t->pitch;
    b->energy[b->n] = t->energy;
    b->symbols[b->n] = t->n;
    b->frames[b->n] = t->frames;
    b->one[b->n++] = 1;
}

static void read_series(nn_ctx *c, nn_tensor x, const batch *b, size_t field)
{
    for (int i = 0; i < b->n; i++) {
        float **out = (void *)((char *)b->item[i] + field);
        nn_read(c, x, i, *out, (size_t)b->symbols[i]);
    }
}

static hse_status spread_open(spread *to, const batch *b, hse_error *err)
{
    size_t symbols = 0, n = (size_t)b->n;
    int first = 0, *at;

    for (size_t i = 0; i < n; i++)
        symbols += (size_t)b->symbols[i];
    if (!(to->count = hse_alloc((2 * n + KERNEL * n + symbols) * sizeof *to->count)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a batch of %d", b->n);
    memcpy(to->count + n, b->symbols, n * sizeof *to->count);
    to->item = at = to->count + 2 * n;
    for (int i = 0; i < b->n; i++) {
        to->count[i] = b->symbols[i] < KERNEL ? b->symbols[i] : KERNEL;
        for (int k = 0; k < to->count[i]; k++)
            *at++ = i;
    }
    to->row = at;
    for (int i = 0; i < b->n; first += to->count[i++])
        for (int r = 0, rows = b->symbols[i]; r < rows; r++) {
            int from_end = rows - r, half = KERNEL / 2;
            *at++ = first + (rows <= KERNEL || r < half ? r : from_end <= half ? KERNEL - from_end : half);
        }
    return HSE_OK;
}

static hse_status run_series(const hs1_synthesizer *m, nn_ctx *c, const batch *b, hse_error *err)
{
    const struct {
        const hs1_series *series;
        const char *name;
        size_t field;
    } series[] = {
        {&m->dur, "dur_pred", offsetof(hs1_mel, durations)},
        {&m->pitch, "pitch_pred", offsetof(hs1_mel, pitch)},
        {&m->energy, "energy_pred", offsetof(hs1_mel, energy)},
    };
    spread to = {0};
    hse_status s;

    if ((s = spread_open(&to, b, err)) != HSE_OK)
        return s;
    nn_begin(c, NN_RUN);
    nn_tensor speaker = nn_input(c, b->n, b->one, m->cfg.speaker, b->speaker);
    for (size_t i = 0; i < COUNT(series); i++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor x = nn_embedding(c, &series[i].series->embedding, b->n, b->symbols, b->ids);
        read_series(c, series_run(c, series[i].series, x, speaker, &to, series[i].name), b, series[i].field);
        nn_keep_all(c, mark, NULL, 0);
    }
    s = nn_end(c, err);
    hse_free(to.count);
    return s;
}

/* Which symbol each frame repeats, all items one after another; padded with -1 to `longest` rows where that is not 0.
 */
static int *repeat_index(const batch *b, int longest)
{
    size_t total = 0, at = 0;
    int *index, row = 0;

    for (int i = 0; i < b->n; i++)
        total += (size_t)(longest ? longest : b->frames[i]);
    if (!(index = hse_alloc((total + 1) * sizeof *index)))
        return NULL;
    for (int i = 0; i < b->n; i++) {
        size_t end = at + (size_t)(longest ? longest : b->frames[i]);
        for (int s = 0; s < b->symbols[i]; s++, row++)
            for (int k = 0; k < b->item[i]->repeats[s]; k++)
                index[at++] = row;
        while (at < end)
            index[at++] = -1;
    }
    return index;
}

/* Symbols to mel frames. */
static nn_tensor frames_pass(const hs1_synthesizer *m, nn_ctx *c, const batch *b, const int *index, bool padded)
{
    nn_tensor speaker = nn_input(c, b->n, b->one, m->cfg.speaker, b->speaker);
    nn_tensor pitch = nn_input(c, b->n, b->symbols, 1, b->pitch), energy = nn_input(c, b->n, b->symbols, 1, b->energy);
    nn_tensor x = nn_embedding(c, &m->embedding, b->n, b->symbols, b->ids);

    nn_tap(c, x, "embedding");
    x = cbhg_run(c, &m->prenet, x, "prenet");
    x = add_series(c, &m->pitch_proj, pitch, m->cfg.pitch_strength, x, "pitch_proj");
    x = add_series(c, &m->energy_proj, energy, m->cfg.energy_strength, x, "energy_proj");
    return decode(m, c, x, speaker, b->frames, index, padded);
}

static hse_status run_decoder(const hs1_synthesizer *m, nn_ctx *c, const batch *b, int longest, hse_error *err)
{
    int *index = repeat_index(b, longest);
    hse_status s;

    if (!index)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the frames of %d items", b->n);
    for (int i = 0; i < b->n; i++) {
        hs1_mel *t = b->item[i];
        if (longest)
            t->frames = b->frames[i] = longest;
        if (!(t->mel = hse_alloc((size_t)t->frames * (size_t)m->cfg.mels * sizeof *t->mel + 1))) {
            hse_free(index);
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d mel frames", t->frames);
        }
    }

    nn_begin(c, NN_RUN);
    nn_tensor x = frames_pass(m, c, b, index, longest > 0);
    for (int i = 0; i < b->n; i++)
        nn_read(c, x, i, b->item[i]->mel, (size_t)b->frames[i] * (size_t)m->cfg.mels);
    s = nn_end(c, err);
    hse_free(index);
    for (int i = 0; s == HSE_OK && i < b->n; i++) {
        hs1_mel *t = b->item[i];
        size_t count = (size_t)t->frames * (size_t)m->cfg.mels, at = 0;
        while (at < count && isfinite(t->mel[at]))
            at++;
        if (at < count)
            t->status =
                hse_fail(&t->error, HSE_E_FORMAT, 0, "frame %zu of the mel is not a number (a damaged checkpoint?)",
                         at / (size_t)m->cfg.mels);
    }
    return s;
}

/* The items that are still well, in groups of a bounded number of frames. */
static hse_status run_groups(const hs1_synthesizer *m, nn_ctx *c, batch *b, hs1_mel *items, int n, bool together,
                             hse_error *err)
{
    int longest = 0;
    hse_status s = HSE_OK;

    for (int i = 0; together && i < n; i++)
        longest = items[i].frames > longest ? items[i].frames : longest;
    for (int i = 0; i < n && s == HSE_OK;) {
        int rows = 0;
        b->n = 0;
        for (; i < n && (together || b->n == 0 || rows + items[i].frames + items[i].n <= GROUP_FRAMES); i++) {
            if (items[i].status != HSE_OK)
                continue;
            batch_add(b, &items[i]);
            rows += items[i].frames + items[i].n;
        }
        if (b->n)
            s = run_decoder(m, c, b, longest, err);
    }
    return s;
}

size_t hs1_synthesizer_plan(const hs1_synthesizer *m, nn_ctx *c, int n, int symbols, int frames)
{
    int group = GROUP_FRAMES / (symbols + frames), count = group < 1 ? 1 : group < n ? group : n;
    hs1_mel t = {.n = symbols, .frames = frames};
    int32_t *ids = hse_calloc((size_t)symbols + 1, sizeof *ids);
    int *index = hse_calloc((size_t)count * (size_t)frames + 1, sizeof *index);
    batch b = {0};
    size_t peak = 0;

    if (ids && index && batch_open(&b, count, NULL) == HSE_OK) {
        t.ids = ids;
        for (int i = 0; i < count; i++)
            batch_add(&b, &t);
        nn_begin(c, NN_PLAN);
        frames_pass(m, c, &b, index, false);
        peak = nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
    }
    hse_free(b.item);
    hse_free(index);
    hse_free(ids);
    return peak;
}

hse_status hs1_synthesizer_run(const hs1_synthesizer *m, nn_ctx *c, hs1_mel *items, int n, bool pad_together,
                               hse_error *err)
{
    batch b = {0};
    hse_status s;

    if (n < 1)
        return HSE_OK;
    if ((s = batch_open(&b, n, err)) != HSE_OK)
        return s;
    for (int i = 0; i < n; i++)
        if ((items[i].status = check_item(m, &items[i])) == HSE_OK)
            batch_add(&b, &items[i]);
    if (b.n)
        s = run_series(m, c, &b, err);
    for (int i = 0; i < n && s == HSE_OK; i++)
        if (items[i].status == HSE_OK)
            items[i].status = finish_series(&items[i]);
    if (s == HSE_OK)
        s = run_groups(m, c, &b, items, n, pad_together, err);
    hse_free(b.item);
    for (int i = 0; i < n; i++)
        if (s != HSE_OK || items[i].status != HSE_OK)
            hs1_mel_free(&items[i]);
    return s;
}
