/* vocoder.c - see vocoder.h.
 *
 *     condition -> 5 convolutions with ELU -> convolution of 7 -> stages: y + sin y, transposed convolution, residual
 * stack
 *     -> convolution of 7 -> tanh
 *
 * skip_conv stands in the checkpoint and is not used: the original leaves it out. */
#include "models/voicefixer/vocoder.h"

#include "base/mem.h"
#include "models/voicefixer/flow.h"
#include "models/voicefixer/restorer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const float SILENCE = -4.0f;
enum { MOST_FRAMES = 1 << 20, MOST_FACTOR = 64 };

/* ---- binding ---- */

static int dim_of(const hse_weights *w, const char *prefix, const char *layer, int axis)
{
    static const char *const endings[] = {"weight_v", "parametrizations.weight.original1", "weight"};
    char full[512];

    for (size_t i = 0; i < COUNT(endings); i++) {
        snprintf(full, sizeof full, "%.380s%s.%s", prefix, layer, endings[i]);
        const hse_weight *t = hse_weights_find(w, full);
        if (t)
            return axis < t->rank && t->dim[axis] > 0 && t->dim[axis] <= 1 << 16 ? (int)t->dim[axis] : 1;
    }
    return 0;
}

void vf_upsample_bind(nn_binder *b, const hse_weights *w, const char *prefix, int index, vf_stage *s)
{
    char name[64];

    snprintf(name, sizeof name, "generator.%d.layer", index);
    int in = dim_of(w, prefix, name, 0), out = dim_of(w, prefix, name, 1), kernel = dim_of(w, prefix, name, 2);
    s->factor = kernel / 2;
    s->channels = out;
    if (kernel % 2 || s->factor < 1 || s->factor > MOST_FACTOR) {
        nn_bind_problem(b, "%s has a kernel of %d; it must be even, 2 to %d", name, kernel, 2 * MOST_FACTOR);
        s->factor = 1;
        return;
    }
    nn_bind_conv_transpose1d(b, &s->up, in, out, kernel, s->factor, "%s", name);
    s->up.left = s->factor / 2 + s->factor % 2;
    s->up.right = s->factor / 2;
    nn_bind_ignore(b, "generator.%d.skip_conv.weight", index);
    nn_bind_ignore(b, "generator.%d.skip_conv.bias", index);
}

void vf_stack_bind(nn_binder *b, const hse_weights *w, const char *prefix, int index, vf_stage *s)
{
    char name[64];

    snprintf(name, sizeof name, "generator.%d.layers.0.1", index);
    int channels = dim_of(w, prefix, name, 0);
    for (int i = 0, dilation = 1; i < VF_MAX_DEPTH; i++, dilation *= 3) {
        snprintf(name, sizeof name, "generator.%d.layers.%d.1", index, i);
        if (dim_of(w, prefix, name, 0) == 0)
            break;
        nn_bind_conv1d(b, &s->wide[i], channels, channels, 3, dilation, "generator.%d.layers.%d.1", index, i);
        nn_bind_conv1d(b, &s->narrow[i], channels, channels, 3, 1, "generator.%d.layers.%d.3", index, i);
        s->depth = i + 1;
    }
    if (s->depth == 0)
        nn_bind_problem(b, "generator.%d has no layers", index);
    else if (s->channels != 0 && s->channels != channels)
        nn_bind_problem(b, "generator.%d has %d channels, %d come in", index, channels, s->channels);
    s->channels = channels;
}

static void bind_all(nn_binder *b, const hse_weights *w, const char *prefix, vf_vocoder *m, k_weight_type type)
{
    char name[64];
    int channels, index = 3;

    /* The stacks only add to what passes by them; what the other layers lose is lost for good. Those before the first
     * stage are little work and in float32 worth 1.7 dB (docs/precision.md). */
    nn_bind_type(b, K_F32);
    nn_enter(b, "%s", prefix);
    nn_bind_bias(b, NN_REQUIRED);
    m->bands = dim_of(w, prefix, "condnet.0", 1);
    m->cond_channels = channels = dim_of(w, prefix, "condnet.0", 0);
    for (int i = 0; i < VF_COND_LAYERS; i++)
        nn_bind_conv1d(b, &m->cond[i], i == 0 ? m->bands : channels, channels, 3, 1, "condnet.%d", 2 * i);
    m->channels = dim_of(w, prefix, "generator.1", 0);
    nn_bind_conv1d(b, &m->first, channels, m->channels, 7, 1, "generator.1");
    m->first.pad = NN_REFLECT;
    channels = m->channels;
    for (m->hop = 1; m->stages < VF_MAX_STAGES; index += 3) {
        vf_stage *s = &m->stage[m->stages];
        snprintf(name, sizeof name, "generator.%d.layer", index);
        int in = dim_of(w, prefix, name, 0);
        if (in == 0)
            break;
        if (in != channels)
            nn_bind_problem(b, "%s takes %d channels, %d come in", name, in, channels);
        k_weight_type own = dim_of(w, prefix, name, 1) < VF_NARROW ? K_F32 : type;
        snprintf(name, sizeof name, "generator.%d.layer", index + 3);
        bool first = m->stages == 0, last = dim_of(w, prefix, name, 0) == 0;
        nn_bind_type(b, last || (first && type == K_INT8) ? K_F32 : own); /* either costs 0.35 dB in bf16: too many for both */
        vf_upsample_bind(b, w, prefix, index, s);
        nn_bind_type(b, own);
        vf_stack_bind(b, w, prefix, index + 1, s);
        m->stages++;
        m->hop *= s->factor;
        channels = s->channels;
    }
    nn_bind_type(b, K_F32);
    nn_bind_conv1d_to_one(b, &m->last, channels, 7, "generator.%d", index + 1);
    m->last.pad = NN_REFLECT;
    nn_leave(b);
    if (m->stages < 1 || m->hop > 1 << 16)
        nn_bind_problem(b, "%d stages that make %d samples a frame", m->stages, m->hop);
}

/* How many rows on either side of its input each stage's result depends on, in whole frames: from the last stage back.
 */
static void find_context(vf_vocoder *m)
{
    int reach = 3, rate = m->hop;

    for (int i = m->stages - 1; i >= 0; i--) {
        const vf_stage *s = &m->stage[i];
        for (int k = 0; k < s->depth; k++)
            reach += s->wide[k].dilation + 1;
        reach = (reach + s->factor - 1) / s->factor + 2;
        rate /= s->factor;
        m->context[i] = (reach + rate - 1) / rate;
    }
}

hse_status vf_vocoder_open(vf_vocoder **out, const hse_weights *w, const char *name, const hse_kernels *k,
                           k_weight_type type, hse_error *err)
{
    nn_binder_options opt = {.weights = w, .name = name, .kernels = k, .type = type};
    vf_vocoder *m = NULL;
    nn_binder *b = NULL;
    char prefix[380];
    hse_status s;

    if (!vf_find_prefix(w, "condnet.0.bias", prefix, sizeof prefix))
        return hse_fail(err, HSE_E_FORMAT, 0, "%.80s is no VoiceFixer vocoder: no tensor's name ends in condnet.0.bias",
                        name);
    if (!(m = hse_calloc(1, sizeof *m)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    if ((s = nn_binder_open(&b, &opt, err)) != HSE_OK)
        goto fail;
    bind_all(b, w, prefix, m, type);
    if ((s = nn_binder_close(&b, &m->params, err)) != HSE_OK)
        goto fail;
    find_context(m);
    *out = m;
    return HSE_OK;
fail:
    vf_vocoder_close(&m);
    return s;
}

void vf_vocoder_close(vf_vocoder **m)
{
    if (!*m)
        return;
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

/* ---- conditioning ---- */

float vf_vocoder_weight(int band)
{
    return (float)(18.8927416350036 * exp(0.0269863588184314 * (band + 1)));
}

void vf_vocoder_condition(const float *mel, int bands, float *db, float *cond)
{
    for (int k = 0; k < bands; k++) {
        float q = fabsf(mel[k] / vf_vocoder_weight(k)), s = 20.0f * log10f(q > 1e-5f ? q : 1e-5f) - 20.0f;
        float y = 8.0f * ((s + 115.0f) / 115.0f) - 4.0f;
        if (db)
            db[k] = s;
        cond[k] = y < -4.0f ? -4.0f : y > 4.0f ? 4.0f : y;
    }
}

/* ---- the network ---- */

static nn_tensor condnet(nn_ctx *c, const vf_vocoder *m, nn_tensor x)
{
    for (int i = 0; i < VF_COND_LAYERS; i++) {
        nn_mark_t mark = nn_mark(c);
        x = nn_conv1d(c, &m->cond[i], x);
        if (i == VF_COND_LAYERS - 1)
            nn_tap(c, x, "condnet");
        x = nn_keep(c, mark, nn_act(c, x, K_ELU, 0.0f));
    }
    return x;
}

static void forward(const vf_vocoder *m, nn_ctx *c, const float *cond, size_t frames, size_t from, size_t to, float *out)
{
    int rows = (int)frames;
    nn_tensor x = nn_input(c, 1, &rows, m->bands, &cond);

    x = nn_conv1d(c, &m->first, condnet(c, m, x));
    nn_tap(c, x, "generator.1");
    vf_flow_run(m, c, x, from, to, out);
}

static hse_status check(const vf_vocoder *m, const vf_vocoder_window *w, hse_error *err)
{
    size_t most = w->frames + (w->ends ? vf_vocoder_padding(w->frames) : 0);

    if (w->frames == 0 || w->frames > MOST_FRAMES || w->from >= w->to || w->to > most)
        return hse_fail(err, HSE_E_ARG, 0, "frames %zu to %zu of a mel of %zu", w->from, w->to, w->frames);
    for (size_t i = 0; i < w->frames * (size_t)m->bands; i++)
        if (isnan(w->mel[i]))
            return hse_fail(err, HSE_E_ARG, 0, "frame %zu of the mel is not a number", i / (size_t)m->bands);
    return HSE_OK;
}

hse_status vf_vocoder_run(const vf_vocoder *m, nn_ctx *c, const vf_vocoder_window *w, float *out, hse_error *err)
{
    size_t bands = (size_t)m->bands, context = (size_t)m->context[0] + 8, hop = (size_t)m->hop;
    float *cond;
    hse_status s = check(m, w, err);

    if (s != HSE_OK)
        return s;
    size_t all = w->frames + (w->ends ? vf_vocoder_padding(w->frames) : 0);
    size_t first = w->from > context ? w->from - context : 0, last = all - w->to > context ? w->to + context : all;
    size_t frames = last - first;
    cond = hse_alloc((frames < 4 ? 4 : frames) * bands * sizeof *cond);
    if (cond) {
        for (size_t f = first; f < last; f++)
            for (size_t k = 0; k < bands && f >= w->frames; k++)
                cond[(f - first) * bands + k] = SILENCE;
        for (size_t f = first; f < last && f < w->frames; f++)
            vf_vocoder_condition(w->mel + f * bands, m->bands, NULL, cond + (f - first) * bands);
        for (; frames < 4; frames++) /* too little to be mirrored: a window of a longer recording */
            memcpy(cond + frames * bands, cond + (frames - 1) * bands, bands * sizeof *cond);
        nn_begin(c, NN_RUN);
        forward(m, c, cond, frames, w->from - first, w->to - first, out);
        s = nn_end(c, err);
        for (size_t i = 0; i < (w->to - w->from) * hop && s == HSE_OK; i++)
            if (!isfinite(out[i]))
                s = hse_fail(err, HSE_E_FORMAT, 0, "sample %zu of the audio is not a number (a damaged checkpoint?)",
                             i);
    } else {
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", frames);
    }
    hse_free(cond);
    return s;
}

size_t vf_vocoder_plan(const vf_vocoder *m, nn_ctx *c, size_t frames)
{
    if (frames < 4 || frames > MOST_FRAMES)
        return 0;
    nn_begin(c, NN_PLAN);
    forward(m, c, NULL, frames, 0, frames, NULL);
    return nn_end(c, NULL) == HSE_OK ? nn_peak(c) : 0;
}

int vf_vocoder_context(const vf_vocoder *m)
{
    return m->context[0] + 8;
}
