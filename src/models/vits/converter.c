#include "models/vits/converter.h"

#include "base/mem.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

static const int reference_channels[VITS_REFERENCE_LAYERS] = {32, 32, 64, 64, 128, 128};

/* ---- opening ---- */

/* Upstream counts a feature as channel * bins + bin, here it is bin * channels + channel. */
static void bind_gru(nn_binder *b, nn_rnn_layer *l, int bins)
{
    enum { HIDDEN = VITS_REFERENCE_HIDDEN, GATES = 3 * VITS_REFERENCE_HIDDEN };
    size_t channels = (size_t)reference_channels[VITS_REFERENCE_LAYERS - 1], width = (size_t)bins;
    int in = bins * (int)channels, gates = GATES;
    float *turned = nn_bind_work(b, (size_t)GATES * (size_t)in);
    const float *w = nn_bind_scratch(b, 2, (int[]){GATES, in}, "gru.weight_ih_l0"),
                *u = nn_bind_scratch(b, 2, (int[]){GATES, HIDDEN}, "gru.weight_hh_l0"),
                *bias_w = nn_bind_scratch(b, 1, &gates, "gru.bias_ih_l0"),
                *bias_u = nn_bind_scratch(b, 1, &gates, "gru.bias_hh_l0");

    for (size_t g = 0; w && turned && g < (size_t)GATES; g++)
        for (size_t ch = 0; ch < channels; ch++)
            for (size_t f = 0; f < width; f++)
                turned[g * (size_t)in + f * channels + ch] = w[g * (size_t)in + ch * width + f];
    nn_make_rnn(b, l, 3, in, HIDDEN, 1, 1);
    nn_make_rnn_cell(b, l, 0, 0, "rzn", w ? turned : NULL, u, bias_w, bias_u);
    nn_scratch_end(b);
}

static void bind_reference(nn_binder *b, vits_reference *r, const hse_weights *weights, int bins, int gin)
{
    int in = 1, width = bins;

    r->bins = bins;
    nn_enter(b, "ref_enc.");
    if (hse_weights_find(weights, "model.ref_enc.layernorm.weight")) {
        nn_bind_layer_norm(b, &r->norm, bins, 1e-5f, "layernorm");
    } else {                                /* some files do not have it: it keeps what it starts with */
        float *one = nn_bind_work(b, (size_t)bins), *zero = nn_bind_work(b, (size_t)bins);

        for (int i = 0; one && i < bins; i++)
            one[i] = 1.0f;
        nn_make_norm(b, &r->norm, bins, 1e-5f, one, zero);
        nn_scratch_end(b);
    }
    for (int i = 0; i < VITS_REFERENCE_LAYERS; i++) {
        nn_conv2d_layer *l = &r->conv[i];

        nn_bind_conv2d(b, l, in, reference_channels[i], 3, 3, "convs.%d", i);
        l->stride_h = l->stride_w = 2;
        l->top = l->bottom = l->before = l->after = 1;
        in = reference_channels[i];
        width = (width - 1) / 2 + 1;
    }
    bind_gru(b, &r->gru, width);
    nn_bind_linear(b, &r->proj, VITS_REFERENCE_HIDDEN, gin, "proj");
    nn_leave(b);
}

static void bind_wanted(nn_binder *b, vits_converter *m, const hse_weights *weights, unsigned wanted, k_weight_type type)
{
    const vits_dims *d = &m->dims;
    vits_flow_dims flow = {.couplings = 4, .inter = d->inter, .hidden = d->hidden, .layers = 4, .kernel = 5, .gin = d->gin};

    nn_enter(b, "model.");
    if (wanted & VITS_HEARS)
        bind_reference(b, &m->reference, weights, m->bins, d->gin);
    if (wanted & VITS_CONVERTS) {
        nn_bind_type(b, d->hidden < VITS_NARROW ? K_F32 : type);
        vits_posterior_bind(b, &m->posterior, m->bins, d->inter, d->hidden, d->gin);
        vits_flow_bind(b, &m->flow, &flow);
        vits_decoder_bind(b, &m->decoder, d, type);
        if (m->decoder.hop != m->hop)
            nn_bind_problem(b, "the decoder gives %d samples a frame, the spectrogram's hop is %d", m->decoder.hop, m->hop);
    }
    nn_leave(b);
    m->context = 2 * VITS_POSTERIOR_LAYERS + 2 * 2 * flow.couplings * flow.layers;      /* kernels of 5 reach 2 frames */
}

hse_status vits_converter_open(vits_converter **out, const hse_weights *weights, const vits_config *config, unsigned wanted,
                               const hse_kernels *k, k_weight_type type, hse_error *err)
{
    vits_converter *m = hse_calloc(1, sizeof *m);
    nn_binder *b = NULL;
    hse_status s;

    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    m->dims = config->dims;
    m->rate_hz = config->rate_hz;
    m->bins = config->filter_length / 2 + 1;
    m->hop = config->hop_length;
    m->pad = (config->filter_length - config->hop_length) / 2;
    m->zero_g = config->zero_g;
    hse_stft_config stft = {.n_fft = config->filter_length, .window = config->win_length, .hop = config->hop_length,
                            .pad = m->pad, .pad_with = HSE_STFT_REFLECT};
    s = hse_stft_open(&m->stft, &stft, err);
    if (s == HSE_OK)
        s = nn_binder_open(&b, &(nn_binder_options){.weights = weights, .name = "checkpoint.pth", .kernels = k, .type = K_F32},
                           err);
    if (s == HSE_OK) {
        bind_wanted(b, m, weights, wanted, type);
        s = nn_binder_close(&b, &m->params, err);
    }
    if (s != HSE_OK)
        vits_converter_close(&m);
    else
        *out = m;
    return s;
}

void vits_converter_close(vits_converter **m)
{
    if (!*m)
        return;
    if ((*m)->stft)
        hse_stft_close(&(*m)->stft);
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

size_t vits_converter_bytes(const vits_converter *m)
{
    return nn_params_bytes(m->params);
}

/* ---- spectrogram ---- */

hse_status vits_spectrogram(const vits_converter *m, const float *samples, size_t n, float **out, size_t *frames,
                            hse_error *err)
{
    size_t count = hse_stft_frames(m->stft, n), bytes;
    float *scratch, *spec = NULL;

    if (count == 0)
        return hse_fail(err, HSE_E_ARG, 0, "the recording has %zu samples; the model needs more than %d", n, m->pad);
    scratch = hse_alloc(hse_stft_scratch(m->stft) * sizeof *scratch);
    if (!hse_mul_size(count, (size_t)m->bins * sizeof *spec, &bytes) || !scratch || !(spec = hse_alloc(bytes))) {
        hse_free(scratch);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a spectrogram of %zu frames", count);
    }
    hse_stft_run(m->stft, HSE_STFT_POWER, samples, n, 0, count, spec, scratch);
    hse_free(scratch);
    for (size_t i = 0; i < count * (size_t)m->bins; i++)
        spec[i] = sqrtf(spec[i] + 1e-6f);
    *out = spec;
    *frames = count;
    return HSE_OK;
}

size_t vits_frames(const vits_converter *m, size_t samples)
{
    return hse_stft_frames(m->stft, samples);
}

/* The first frames of a window see its mirrored beginning, so it begins that many earlier. */
void vits_samples_of(const vits_converter *m, size_t n, size_t first, size_t last, size_t *from, size_t *to, size_t *lead)
{
    size_t hop = (size_t)m->hop, pad = (size_t)m->pad, mirrored = (pad + hop - 1) / hop, end;

    *lead = first < mirrored ? first : mirrored;
    *from = (first - *lead) * hop;
    end = (last - 1) * hop + 2 * (size_t)m->bins;
    *to = end - pad < n ? end - pad : n;
}

/* ---- reference encoder ---- */

static nn_tensor reference_network(nn_ctx *c, const vits_reference *r, nn_tensor x)
{
    nn_state state = {NN_NONE, NN_NONE};
    nn_mark_t mark = nn_mark(c);

    x = nn_layer_norm(c, &r->norm, x);
    nn_tap(c, x, "ref_enc.layernorm");
    x = nn_reshape(c, x, r->bins, 1);
    for (int i = 0; i < VITS_REFERENCE_LAYERS; i++) {
        x = nn_keep(c, mark, nn_conv2d(c, &r->conv[i], x));
        nn_tap(c, x, "ref_enc.convs.%d", i);
        x = nn_relu(c, x);
    }
    x = nn_reshape(c, x, 1, nn_width(x) * nn_cols(x));
    x = nn_gru(c, &r->gru, x, &state);
    nn_tap(c, x, "ref_enc.gru");
    x = nn_linear(c, &r->proj, state.h);
    nn_tap(c, x, "ref_enc.proj");
    return x;
}

hse_status vits_reference_run(const vits_converter *m, nn_ctx *c, int n, const float *const *spec, const int *frames,
                              float *const *embedding, hse_error *err)
{
    nn_begin(c, NN_RUN);
    nn_tensor x = reference_network(c, &m->reference, nn_input(c, n, frames, m->bins, spec));
    for (int i = 0; i < n && nn_ok(c); i++)
        nn_read(c, x, i, embedding[i], (size_t)m->dims.gin);
    return nn_end(c, err);
}

/* ---- conversion ---- */

typedef struct {
    const vits_converter *m;
    const vits_conversion *items;
    const windows_piece *p;
    int          n;
    int          rows[WINDOWS_PIECES], one[WINDOWS_PIECES];
    const float *data[WINDOWS_PIECES], *source[WINDOWS_PIECES], *target[WINDOWS_PIECES], *zero[WINDOWS_PIECES];
    float       *latent[WINDOWS_PIECES];            /* [rows][2 inter], then [rows][inter] */
} pass;

/* mean + noise tau exp(logs), in place of the statistics. */
static void sample_latent(const pass *p, int i)
{
    const vits_conversion *t = &p->items[p->p[i].item];
    size_t inter = (size_t)p->m->dims.inter;
    float *x = p->latent[i], noise[64];

    for (size_t r = 0; r < (size_t)p->rows[i]; r++)
        for (size_t k = 0; k < inter; k += COUNT(noise)) {
            size_t at = (p->p[i].first + r) * inter + k, n = inter - k < COUNT(noise) ? inter - k : COUNT(noise);

            if (t->tau == 0.0f)
                memset(noise, 0, sizeof noise);
            else if (t->noise)
                memcpy(noise, t->noise + at, n * sizeof *noise);
            else
                hse_random_normal(noise, n, t->seed, t->stream, at);
            for (size_t j = 0; j < n; j++) {
                float mean = x[r * 2 * inter + k + j], logs = x[r * 2 * inter + inter + k + j];

                x[r * inter + k + j] = mean + noise[j] * t->tau * expf(logs);
            }
        }
}

/* The decoder's input for the frames of each piece and what the decoder sees around them. */
static nn_tensor latent_pass(nn_ctx *c, pass *p, int *from, int *count, windows_span *s)
{
    const vits_converter *m = p->m;
    nn_tensor spec = nn_input(c, p->n, p->rows, m->bins, p->data);
    nn_tensor source = nn_input(c, p->n, p->one, m->dims.gin, p->source),
              target = nn_input(c, p->n, p->one, m->dims.gin, p->target),
              none = nn_input(c, p->n, p->one, m->dims.gin, p->zero);
    nn_mark_t mark = nn_mark(c);
    nn_tensor x = vits_posterior_run(c, &m->posterior, spec, m->zero_g ? none : source);

    for (int i = 0; i < p->n && nn_ok(c) && p->p; i++) {            /* NULL while planning */
        nn_read(c, x, i, p->latent[i], (size_t)p->rows[i] * 2 * (size_t)m->dims.inter);
        sample_latent(p, i);
    }
    nn_keep_all(c, mark, NULL, 0);
    x = nn_input(c, p->n, p->rows, m->dims.inter, (const float *const *)p->latent);
    nn_tap(c, x, "z");
    x = vits_flow_run(c, &m->flow, x, source, false, false);
    nn_tap(c, x, "z_p");
    x = vits_flow_run(c, &m->flow, x, target, true, true);
    nn_tap(c, x, "z_hat");
    x = nn_keep(c, mark, nn_slice_rows(c, x, from, count));
    return vits_decoder_run(c, &m->decoder, x, m->zero_g ? none : target, s ? p->p : NULL, s);
}

typedef struct {
    const vits_converter  *m;
    nn_ctx                *c;
    const vits_conversion *items;
    const float           *zeros;           /* a tone colour */
    const windows         *w;
} conversion;

static hse_status run_pieces(void *user, const windows_piece *pieces, int n, hse_error *err)
{
    const conversion *j = user;
    const vits_converter *m = j->m;
    size_t inter = (size_t)m->dims.inter, reach = (size_t)m->decoder.context, total = 0, most = 0;
    pass p = {.m = m, .items = j->items, .p = pieces, .n = n};
    int from[WINDOWS_PIECES], count[WINDOWS_PIECES];
    windows_span there[WINDOWS_PIECES];
    hse_status s;

    for (int i = 0; i < n; i++) {
        const windows_piece *q = &pieces[i];
        const vits_conversion *t = &j->items[q->item];
        size_t low = q->from - q->first < reach ? q->first : q->from - reach,
               high = q->last - q->to < reach ? q->last : q->to + reach;

        p.rows[i] = (int)(q->last - q->first);
        p.one[i] = 1;
        p.data[i] = t->spec + (q->first - t->spec_from) * (size_t)m->bins;
        p.source[i] = t->source;
        p.target[i] = t->target;
        p.zero[i] = j->zeros;
        from[i] = (int)(low - q->first);
        count[i] = (int)(high - low);
        there[i] = (windows_span){from[i], from[i] + count[i]};
        total += q->last - q->first;
        most = high - low > most ? high - low : most;
    }
    float *block = hse_alloc((total * 2 * inter + most * j->w->hop + j->w->tail) * sizeof *block), *at = block;
    if (!block)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", total);
    for (int i = 0; i < n; i++) {
        p.latent[i] = at;
        at += (size_t)p.rows[i] * 2 * inter;
    }
    nn_begin(j->c, NN_RUN);
    nn_tensor x = latent_pass(j->c, &p, from, count, there);
    for (int i = 0; i < n && nn_ok(j->c); i++) {
        nn_read(j->c, x, i, at, (size_t)nn_rows(j->c, x, i));
        windows_take(j->w, &pieces[i], at, pieces[i].first + (size_t)there[i].from);
    }
    s = nn_end(j->c, err);
    hse_free(block);
    return s;
}

static hse_status check_item(const vits_converter *m, vits_conversion *t)
{
    size_t reach = vits_convert_reach(m), frames = t->audio.frames, low = t->audio.from < reach ? 0 : t->audio.from - reach,
           high = frames - t->audio.to < reach ? frames : t->audio.to + reach;

    if (t->audio.to > frames || t->spec_from > low || (t->spec_to && t->spec_to < high))
        return hse_fail(&t->audio.error, HSE_E_ARG, 0, "a spectrogram of frames %zu to %zu; %zu to %zu of %zu are needed", t->spec_from,
                        t->spec_to, low, high, frames);
    if (!(t->tau >= 0.0f) || !isfinite(t->tau))
        return hse_fail(&t->audio.error, HSE_E_ARG, 0, "tau %g; expected a number from 0 on", (double)t->tau);
    for (int i = 0; i < m->dims.gin; i++)
        if (!isfinite(t->source[i]) || !isfinite(t->target[i]))
            return hse_fail(&t->audio.error, HSE_E_ARG, 0, "number %d of a tone colour is not one", i);
    return HSE_OK;
}

size_t vits_convert_reach(const vits_converter *m)
{
    return (size_t)m->context + (size_t)m->decoder.context;
}

hse_status vits_convert(const vits_converter *m, nn_ctx *c, vits_conversion *items, int n, hse_error *err)
{
    float *zeros = hse_calloc((size_t)m->dims.gin, sizeof *zeros);
    windows w = {.window = vits_decoder_window(&m->decoder), .context = vits_convert_reach(m),
                 .hop = (size_t)m->hop, .tail = (size_t)m->decoder.tail, .run = run_pieces};
    conversion j = {m, c, items, zeros, &w};
    hse_status s;

    if (!zeros)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a tone colour");
    w.user = &j;
    for (int i = 0; i < n; i++)
        items[i].audio.status = check_item(m, &items[i]);
    s = windows_run(&w, &items->audio, sizeof *items, (size_t)n, err);
    hse_free(zeros);
    return s;
}

size_t vits_convert_plan(const vits_converter *m, nn_ctx *c, size_t frames)
{
    size_t window = vits_decoder_window(&m->decoder), context = vits_convert_reach(m);
    pass p = {.m = m, .n = 1, .one = {1}};
    int from = 0, count;

    p.rows[0] = (int)(frames < window + 2 * context ? frames : window + 2 * context);
    count = p.rows[0] < (int)window + 2 * m->decoder.context ? p.rows[0] : (int)window + 2 * m->decoder.context;
    nn_begin(c, NN_PLAN);
    latent_pass(c, &p, &from, &count, NULL);
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}
