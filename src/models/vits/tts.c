#include "models/vits/tts.h"

#include "base/mem.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

enum { NOISE_W, NOISE_Z, DRAWS };           /* streams of an utterance */

/* ---- opening ---- */

static void bind_encoder(nn_binder *b, vits_tts *m, const vits_config *config)
{
    const vits_dims *d = &m->dims;

    nn_enter(b, "enc_p.");
    nn_bind_table(b, &m->symbol, (int)config->symbol_count, d->hidden, "emb.weight");
    if (m->melo) {
        nn_bind_table(b, &m->tone, config->tones, d->hidden, "tone_emb.weight");
        nn_bind_table(b, &m->language, config->languages, d->hidden, "language_emb.weight");
        nn_bind_conv1d(b, &m->bert, VITS_BERT, d->hidden, 1, 1, "bert_proj");
        nn_bind_conv1d(b, &m->ja_bert, VITS_JA_BERT, d->hidden, 1, 1, "ja_bert_proj");
    }
    nn_enter(b, "encoder.");
    vits_encoder_bind(b, &m->encoder, d->layers, d->hidden, d->filter, d->heads, d->kernel,
                      m->melo && config->conditioned_encoder && !config->encoder_unheard, d->gin);
    if (m->melo && config->encoder_unheard)
        nn_bind_ignore(b, "spk_emb_linear.*");
    nn_leave(b);
    nn_bind_conv1d(b, &m->proj, d->hidden, 2 * d->inter, 1, 1, "proj");
    nn_leave(b);
}

static void bind_all(nn_binder *b, vits_tts *m, const vits_config *config, k_weight_type type)
{
    const vits_dims *d = &m->dims;
    vits_flow_dims flow = {.couplings = 4, .inter = d->inter, .hidden = d->hidden, .layers = 4, .kernel = 5, .gin = d->gin};

    if (m->melo && config->transformer_flow) {
        flow.transformer = true;
        flow.couplings = config->flow_layers;
        flow.layers = config->flow_encoder_layers;
        flow.filter = d->filter;
        flow.heads = d->heads;
    } else if (m->melo) {
        flow.layers = config->flow_layers;
    }
    nn_enter(b, "model.");
    nn_bind_table(b, &m->speaker, config->n_speakers, d->gin, "emb_g.weight");
    bind_encoder(b, m, config);
    vits_durations_bind(b, &m->durations, d->hidden, d->gin);
    nn_bind_type(b, d->hidden < VITS_NARROW ? K_F32 : type);
    vits_flow_bind(b, &m->flow, &flow);
    vits_decoder_bind(b, &m->decoder, d, type);
    nn_bind_ignore(b, "enc_q.*");           /* of training */
    nn_leave(b);
}

hse_status vits_tts_open(vits_tts **out, const hse_weights *weights, const vits_config *config, vits_config_kind kind,
                         const hse_kernels *k, k_weight_type type, hse_error *err)
{
    vits_tts *m = hse_calloc(1, sizeof *m);
    nn_binder *b = NULL;
    hse_status s;

    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    m->dims = config->dims;
    m->melo = kind == VITS_MELO;
    s = nn_binder_open(&b, &(nn_binder_options){.weights = weights, .name = "checkpoint.pth", .kernels = k, .type = K_F32}, err);
    if (s == HSE_OK) {
        bind_all(b, m, config, type);
        s = nn_binder_close(&b, &m->params, err);
    }
    if (s != HSE_OK)
        vits_tts_close(&m);
    else
        *out = m;
    return s;
}

void vits_tts_close(vits_tts **m)
{
    if (!*m)
        return;
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

size_t vits_tts_bytes(const vits_tts *m)
{
    return nn_params_bytes(m->params);
}

const float *vits_tts_speaker(const vits_tts *m, int speaker)
{
    return speaker >= 0 && speaker < m->speaker.count ? m->speaker.table + (size_t)speaker * (size_t)m->speaker.cols : NULL;
}

/* ---- one pass: symbols to durations and prior ---- */

typedef struct {
    const vits_tts  *m;
    vits_utterance **item;
    int              n;
    const float    **data, **speaker;
    const int32_t  **ids;
    int             *rows, *one;
    vits_duration_item *duration;
    float           *zeros, *noise, *logw, *stats;      /* noise: [2][n] of all; stats: [n][2 inter] of all */
} pass;

static nn_tensor embed(nn_ctx *c, const pass *p, const nn_table *t, size_t offset)
{
    for (int i = 0; i < p->n; i++)
        memcpy(&p->ids[i], (const char *)p->item[i] + offset, sizeof p->ids[i]);
    return nn_embedding(c, t, p->n, p->rows, p->ids);
}

static nn_tensor features(nn_ctx *c, const pass *p, const nn_conv1d_layer *l, int width, bool japanese)
{
    for (int i = 0; i < p->n; i++) {
        const float *given = japanese ? p->item[i]->ja_bert : p->item[i]->bert;

        p->data[i] = given ? given : p->zeros;
    }
    return nn_conv1d(c, l, nn_input(c, p->n, p->rows, width, p->data));
}

static nn_tensor encoder_input(nn_ctx *c, const pass *p)
{
    const vits_tts *m = p->m;
    nn_tensor x = embed(c, p, &m->symbol, offsetof(vits_utterance, symbols));

    nn_tap(c, x, "enc_p.emb");
    if (m->melo) {
        x = nn_add(c, x, embed(c, p, &m->tone, offsetof(vits_utterance, tones)));
        x = nn_add(c, x, embed(c, p, &m->language, offsetof(vits_utterance, languages)));
        x = nn_add(c, x, features(c, p, &m->bert, VITS_BERT, false));
        x = nn_add(c, x, features(c, p, &m->ja_bert, VITS_JA_BERT, true));
    }
    x = nn_scale(c, x, sqrtf((float)m->dims.hidden));
    nn_tap(c, x, "enc_p.embed");
    return x;
}

static void text_pass(nn_ctx *c, const pass *p)
{
    const vits_tts *m = p->m;
    nn_tensor speaker = nn_input(c, p->n, p->one, m->dims.gin, p->speaker);
    float *stats = p->stats;

    nn_tap(c, speaker, "emb_g");
    nn_tensor x = vits_encoder_run(c, &m->encoder, encoder_input(c, p), speaker, "enc_p.encoder");
    nn_tensor prior = nn_conv1d(c, &m->proj, x);
    nn_tap(c, prior, "enc_p.proj");
    vits_durations_run(c, &m->durations, x, speaker, p->duration);
    for (int i = 0; i < p->n && nn_ok(c) && !nn_planning(c); i++) {
        size_t count = (size_t)p->rows[i] * 2 * (size_t)m->dims.inter;

        nn_read(c, prior, i, stats, count);
        stats += count;
    }
}

/* ---- the other: prior to the decoder's input ---- */

/* z_p = m + noise exp(logs) noise_scale, each symbol's row repeated for its frames. */
static hse_status sample_prior(const vits_tts *m, vits_utterance *u, const float *stats)
{
    size_t inter = (size_t)m->dims.inter, count = (size_t)u->frames * inter;
    float *z = hse_calloc(count, sizeof *z);
    size_t row = 0;

    if (!z)
        return hse_fail(&u->error, HSE_E_NOMEM, 0, "no memory for %d frames", u->frames);
    if (u->noise_z && u->noise_z_frames != u->frames) {
        hse_free(z);
        return hse_fail(&u->error, HSE_E_ARG, 0, "noise of %d frames; the durations give %d", u->noise_z_frames, u->frames);
    }
    if (u->noise_z)
        memcpy(z, u->noise_z, count * sizeof *z);
    else if (u->noise_scale != 0.0f)
        hse_random_normal(z, count, u->seed, u->stream * DRAWS + NOISE_Z, 0);
    for (int i = 0; i < u->n; i++) {
        const float *mean = stats + (size_t)i * 2 * inter, *logs = mean + inter;

        for (int d = 0; d < u->durations[i]; d++, row++)
            for (size_t k = 0; k < inter; k++)
                z[row * inter + k] = mean[k] + z[row * inter + k] * expf(logs[k]) * u->noise_scale;
    }
    for (size_t k = 0; row == 0 && k < inter; k++)      /* all durations are 0: one frame of a standard prior, as upstream */
        z[k] *= u->noise_scale;
    u->z = z;
    return HSE_OK;
}

/* The repeated prior is never stored; who listens gets it. */
static void tap_prior(nn_ctx *c, const pass *p, const float *stats)
{
    const vits_utterance *u = p->item[0];
    size_t inter = (size_t)p->m->dims.inter, row = 0;
    float *wide;

    if (!nn_listening(c) || !(wide = hse_alloc((size_t)u->frames * 2 * inter * sizeof *wide)))
        return;
    for (int i = 0; i < u->n; i++)
        for (int d = 0; d < u->durations[i]; d++, row++)
            memcpy(wide + row * 2 * inter, stats + (size_t)i * 2 * inter, 2 * inter * sizeof *wide);
    if (row == (size_t)u->frames) {
        nn_tensor x = nn_input(c, 1, &u->frames, (int)(2 * inter), (const float *const[]){wide});

        nn_tap(c, nn_slice_cols(c, x, 0, (int)inter), "m_p");
        nn_tap(c, nn_slice_cols(c, x, (int)inter, (int)inter), "logs_p");
    }
    hse_free(wide);
}

static void flow_pass(nn_ctx *c, const pass *p, const float *first_stats)
{
    const vits_tts *m = p->m;

    for (int i = 0; i < p->n; i++) {
        p->rows[i] = p->item[i]->frames;
        p->data[i] = p->item[i]->z;
    }
    if (first_stats)
        tap_prior(c, p, first_stats);
    nn_tensor speaker = nn_input(c, p->n, p->one, m->dims.gin, p->speaker);
    nn_tensor x = nn_input(c, p->n, p->rows, m->dims.inter, p->data);
    nn_tap(c, x, "z_p");
    x = vits_flow_run(c, &m->flow, x, speaker, true, false);
    nn_tap(c, x, "z");
    for (int i = 0; i < p->n && nn_ok(c) && !nn_planning(c); i++)
        nn_read(c, x, i, p->item[i]->z, (size_t)p->rows[i] * (size_t)m->dims.inter);
}

/* ---- running ---- */

static hse_status check_item(const vits_tts *m, vits_utterance *u)
{
    const struct {
        const int32_t *ids;
        int            count;
        const char    *name;
    } lists[] = {{u->symbols, m->symbol.count, "symbol"},
                 {m->melo ? u->tones : NULL, m->tone.count, "tone"},
                 {m->melo ? u->languages : NULL, m->language.count, "language"}};

    u->durations = NULL;
    u->z = NULL;
    if (u->n < 1)
        return hse_fail(&u->error, HSE_E_ARG, 0, "there are no symbols to speak");
    if (!vits_tts_speaker(m, u->speaker))
        return hse_fail(&u->error, HSE_E_ARG, 0, "speaker %d of %d", u->speaker, m->speaker.count);
    if (!(u->length_scale > 0.0f) || !isfinite(u->length_scale))
        return hse_fail(&u->error, HSE_E_ARG, 0, "length_scale %g; expected a number above 0", (double)u->length_scale);
    for (size_t k = 0; k < COUNT(lists); k++)
        for (int i = 0; lists[k].ids && i < u->n; i++)
            if (lists[k].ids[i] < 0 || lists[k].ids[i] >= lists[k].count)
                return hse_fail(&u->error, HSE_E_ARG, 0, "%s %d at place %d; the model has %d", lists[k].name,
                                (int)lists[k].ids[i], i, lists[k].count);
    if (!(u->durations = hse_calloc((size_t)u->n, sizeof *u->durations)))
        return hse_fail(&u->error, HSE_E_NOMEM, 0, "no memory for %d symbols", u->n);
    return HSE_OK;
}

static void pass_free(pass *p)
{
    hse_free(p->item);
    hse_free(p->data);
    hse_free(p->speaker);
    hse_free(p->ids);
    hse_free(p->rows);
    hse_free(p->one);
    hse_free(p->duration);
    hse_free(p->zeros);
    hse_free(p->noise);
    hse_free(p->logw);
    hse_free(p->stats);
}

/* Room for the good ones among `items`. */
static hse_status pass_prepare(pass *p, const vits_tts *m, vits_utterance *items, int n, hse_error *err)
{
    size_t most = (size_t)n, symbols = 0, longest = 0;

    *p = (pass){.m = m};
    for (int i = 0; i < n; i++) {
        symbols += items[i].status == HSE_OK ? (size_t)items[i].n : 0;
        longest = items[i].status == HSE_OK && (size_t)items[i].n > longest ? (size_t)items[i].n : longest;
    }
    p->item = hse_calloc(most, sizeof *p->item);
    p->data = hse_calloc(most, sizeof *p->data);
    p->speaker = hse_calloc(most, sizeof *p->speaker);
    p->ids = hse_calloc(most, sizeof *p->ids);
    p->rows = hse_calloc(most, sizeof *p->rows);
    p->one = hse_calloc(most, sizeof *p->one);
    p->duration = hse_calloc(most, sizeof *p->duration);
    p->zeros = hse_calloc(m->melo ? longest * VITS_BERT + 1 : 1, sizeof *p->zeros);
    p->noise = hse_calloc(2 * symbols + 1, sizeof *p->noise);
    p->logw = hse_calloc(symbols + 1, sizeof *p->logw);
    p->stats = hse_calloc(symbols * 2 * (size_t)m->dims.inter + 1, sizeof *p->stats);
    if (!p->item || !p->data || !p->speaker || !p->ids || !p->rows || !p->one || !p->duration || !p->zeros || !p->noise ||
        !p->logw || !p->stats)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu symbols", symbols);
    float *noise = p->noise, *logw = p->logw;
    for (int i = 0; i < n; i++) {
        vits_utterance *u = &items[i];
        int at = p->n;

        if (u->status != HSE_OK)
            continue;
        p->item[at] = u;
        p->rows[at] = u->n;
        p->one[at] = 1;
        p->speaker[at] = vits_tts_speaker(m, u->speaker);
        if (!u->noise_w && u->noise_scale_w != 0.0f)
            hse_random_normal(noise, 2 * (size_t)u->n, u->seed, u->stream * DRAWS + NOISE_W, 0);
        p->duration[at] = (vits_duration_item){.noise_scale = u->noise_scale_w, .sdp_ratio = u->sdp_ratio,
                                               .noise = u->noise_w ? u->noise_w : noise, .logw = logw};
        noise += 2 * u->n;
        logw += u->n;
        p->n++;
    }
    return HSE_OK;
}

/* Durations and priors; who fails leaves the pass. Returns the statistics of the first that stays, for the taps. */
static const float *sample_all(pass *p)
{
    const float *stats = p->stats, *first = NULL;
    int kept = 0;

    for (int i = 0; i < p->n; i++) {
        vits_utterance *u = p->item[i];

        u->status = vits_lengths(u->durations, &u->frames, p->duration[i].logw, u->n, u->length_scale, VITS_MAX_FRAMES,
                                 &u->error);
        if (u->status == HSE_OK)
            u->status = sample_prior(p->m, u, stats);
        if (u->status == HSE_OK) {
            first = kept ? first : stats;
            p->speaker[kept] = p->speaker[i];
            p->item[kept++] = u;
        }
        stats += (size_t)u->n * 2 * (size_t)p->m->dims.inter;
    }
    p->n = kept;
    return first;
}

hse_status vits_tts_run(const vits_tts *m, nn_ctx *c, vits_utterance *items, int n, hse_error *err)
{
    pass p;
    hse_status s;

    for (int i = 0; i < n; i++)
        items[i].status = check_item(m, &items[i]);
    s = pass_prepare(&p, m, items, n, err);
    if (s == HSE_OK && p.n) {
        nn_begin(c, NN_RUN);
        text_pass(c, &p);
        s = nn_end(c, err);
    }
    const float *first = s == HSE_OK ? sample_all(&p) : NULL;
    if (s == HSE_OK && p.n) {
        nn_begin(c, NN_RUN);
        flow_pass(c, &p, first);
        s = nn_end(c, err);
    }
    pass_free(&p);
    for (int i = 0; i < n; i++)
        if (s != HSE_OK || items[i].status != HSE_OK) {
            hse_free(items[i].durations);
            hse_free(items[i].z);
            items[i].durations = NULL;
            items[i].z = NULL;
        }
    return s;
}

size_t vits_tts_plan(const vits_tts *m, nn_ctx *c, int n, int frames)
{
    vits_utterance u = {.n = n, .frames = frames}, *item = &u;
    const float *data = NULL, *speaker = NULL;
    const int32_t *ids = NULL;
    int rows = n, one = 1;
    vits_duration_item duration = {0};
    size_t peak;
    int32_t *zeros = hse_calloc((size_t)n, sizeof *zeros);
    pass p = {.m = m, .item = &item, .n = 1, .data = &data, .speaker = &speaker, .ids = &ids, .rows = &rows, .one = &one,
              .duration = &duration};

    if (!zeros)
        return 0;
    u.symbols = u.tones = u.languages = zeros;
    nn_begin(c, NN_PLAN);
    text_pass(c, &p);
    peak = nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
    nn_begin(c, NN_PLAN);
    flow_pass(c, &p, NULL);
    size_t flow = nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
    hse_free(zeros);
    return flow > peak ? flow : peak;
}
