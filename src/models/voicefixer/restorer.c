/* restorer.c - see restorer.h. */
#include "models/voicefixer/restorer.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const float EPS = 1e-5f;
enum { MOST_FRAMES = 1 << 20 };

float vf_to_log(float v, vf_logs logs)
{
    return logs == VF_LOG_10 ? log10f(v > 1e-8f ? v : 1e-8f) : logf(v + 1e-8f);
}

float vf_from_log(float v, vf_logs logs)
{
    return logs == VF_LOG_10 ? powf(10.0f, v < 5.0f ? v : 5.0f) : expf(v);
}

/* ---- binding ---- */

bool vf_find_prefix(const hse_weights *w, const char *anchor, char *prefix, size_t size)
{
    size_t end = strlen(anchor), best = SIZE_MAX;

    for (size_t i = 0; i < hse_weights_count(w); i++) {
        const char *name = hse_weights_at(w, i)->name;
        size_t n = strlen(name);
        if (n < end || n - end >= size || strcmp(name + n - end, anchor) != 0 || n - end >= best)
            continue;
        if (n > end && name[n - end - 1] != '.')
            continue;
        best = n - end;
        memcpy(prefix, name, best);
        prefix[best] = '\0';
    }
    return best != SIZE_MAX;
}

static int dim_of(const hse_weights *w, const char *prefix, const char *name, int axis)
{
    char full[512];

    snprintf(full, sizeof full, "%.400s%s", prefix, name);
    const hse_weight *t = hse_weights_find(w, full);
    return t && axis < t->rank && t->dim[axis] > 0 && t->dim[axis] <= 1 << 16 ? (int)t->dim[axis] : 1;
}

static int gru_layers(const hse_weights *w, const char *prefix, int index)
{
    char full[512];
    int n = 1;

    for (; n < NN_MAX_RNN_LAYERS; n++) {
        snprintf(full, sizeof full, "%.400s%d.gru.weight_ih_l%d", prefix, index, n);
        if (!hse_weights_find(w, full))
            break;
    }
    return n;
}

void vf_denoiser_bind(nn_binder *b, const hse_weights *w, k_weight_type type, const char *prefix, vf_denoiser *m)
{
    static const int norms[] = {0, 3, 9, 13}, linears[] = {1, 4, 11, 15};
    char name[32];

    nn_enter(b, "%s", prefix);
    for (int i = 0; i < 4; i++)
        nn_bind_batch_norm(b, &m->norm[i], 1, EPS, "%d", norms[i]);
    nn_bind_bias(b, NN_REQUIRED);
    nn_bind_type(b, K_F32); /* a tenth of the denoiser's work, which is little */
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%d.weight", linears[i]);
        nn_bind_linear(b, &m->linear[i], dim_of(w, prefix, name, 1), dim_of(w, prefix, name, 0), "%d", linears[i]);
    }
    for (int i = 0; i < 2; i++) {
        nn_bind_batch_norm(b, &m->gru_norm[i], 1, EPS, "%d.bn", 7 + i);
        snprintf(name, sizeof name, "%d.gru.weight_ih_l0", 7 + i);
        int in = dim_of(w, prefix, name, 1);
        snprintf(name, sizeof name, "%d.gru.weight_hh_l0", 7 + i);
        int hidden = dim_of(w, prefix, name, 1);
        nn_bind_type(b, hidden < VF_NARROW ? K_F32 : type);
        nn_bind_gru(b, &m->gru[i], in, hidden, gru_layers(w, prefix, 7 + i), 2, "%d.gru", 7 + i);
    }
    nn_leave(b);
    m->bands = m->linear[0].w.k;
    if (nn_binder_ok(b) && (m->linear[1].w.k != m->linear[0].w.n || m->gru[0].in != m->linear[1].w.n ||
                            m->gru[1].in != 2 * m->gru[0].hidden || m->linear[2].w.k != 2 * m->gru[1].hidden ||
                            m->linear[3].w.k != m->linear[2].w.n || m->linear[3].w.n != m->bands))
        nn_bind_problem(b, "the denoiser's layers (%d -> %d -> %d -> GRU %d -> GRU %d -> %d -> %d) do not fit together",
                        m->bands, m->linear[0].w.n, m->linear[1].w.n, m->gru[0].hidden, m->gru[1].hidden,
                        m->linear[2].w.n, m->linear[3].w.n);
}

hse_status vf_restorer_open(vf_restorer **out, const hse_weights *w, const char *name, const hse_kernels *k,
                            k_weight_type type, hse_error *err)
{
    nn_binder_options opt = {.weights = w, .name = name, .kernels = k, .type = type};
    char prefix[2][384], denoiser[400], unet[400];
    vf_restorer *m = NULL;
    nn_binder *b = NULL;
    hse_status s;

    if (!vf_find_prefix(w, "denoiser.1.weight", prefix[0], sizeof prefix[0]) ||
        !vf_find_prefix(w, "unet.after_conv2.weight", prefix[1], sizeof prefix[1]))
        return hse_fail(
            err, HSE_E_FORMAT, 0,
            "%.80s is no VoiceFixer restorer: no tensor's name ends in denoiser.1.weight or unet.after_conv2.weight",
            name);
    snprintf(denoiser, sizeof denoiser, "%s%s", prefix[0], "denoiser.");
    snprintf(unet, sizeof unet, "%s%s", prefix[1], "unet.");
    if (!(m = hse_calloc(1, sizeof *m)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    if ((s = nn_binder_open(&b, &opt, err)) != HSE_OK)
        goto fail;
    vf_denoiser_bind(b, w, type, denoiser, &m->denoiser);
    vf_unet_bind(b, w, type == K_INT8 ? K_BF16 : type, unet, &m->unet);
    m->bands = m->denoiser.bands;
    if (nn_binder_ok(b) && (m->bands < 2 * VF_TIME_STEP || m->bands % VF_TIME_STEP != 0))
        nn_bind_problem(b, "%d mel bands; the UNet needs a multiple of 64, at least 128", m->bands);
    if ((s = nn_binder_close(&b, &m->params, err)) != HSE_OK)
        goto fail;
    if (m->bands == VF_BANDS &&
        (s = vf_spectrum_open(&m->spectrum, VF_RATE, VF_WINDOW, VF_HOP, VF_BANDS, err)) != HSE_OK)
        goto fail;
    *out = m;
    return HSE_OK;
fail:
    vf_restorer_close(&m);
    return s;
}

void vf_restorer_close(vf_restorer **m)
{
    if (!*m)
        return;
    nn_params_free(&(*m)->params);
    vf_spectrum_close(&(*m)->spectrum);
    hse_free(*m);
    *m = NULL;
}

/* ---- the networks ---- */

static nn_tensor normalise(nn_ctx *c, const nn_norm *n, nn_tensor x)
{
    return nn_scale_shift(c, x, n->scale[0], n->shift[0]);
}

nn_tensor vf_denoiser_run(nn_ctx *c, const vf_denoiser *m, nn_tensor x)
{
    x = normalise(c, &m->norm[0], x);
    nn_tap(c, x, "denoiser.0");
    x = nn_linear(c, &m->linear[0], x);
    nn_tap(c, x, "denoiser.1");
    x = nn_linear(c, &m->linear[1], normalise(c, &m->norm[1], nn_relu(c, x)));
    nn_tap(c, x, "denoiser.4");
    x = nn_relu(c, x);
    for (int i = 0; i < 2; i++) {
        x = normalise(c, &m->gru_norm[i], x);
        nn_tap(c, x, "denoiser.%d.bn", 7 + i);
        x = nn_gru(c, &m->gru[i], x, NULL);
        nn_tap(c, x, "denoiser.%d", 7 + i);
    }
    x = normalise(c, &m->norm[2], x);
    nn_tap(c, x, "denoiser.9");
    x = nn_linear(c, &m->linear[2], nn_relu(c, x));
    nn_tap(c, x, "denoiser.11");
    x = nn_linear(c, &m->linear[3], nn_relu(c, normalise(c, &m->norm[3], x)));
    nn_tap(c, x, "denoiser.15");
    return nn_sigmoid(c, x);
}

/* Both logarithms side by side, time padded with zeros, the last band's place left to the gap. */
static void logarithms(float *pairs, const float *mel, const float *clean, size_t frames, size_t bands, vf_logs logs)
{
    for (size_t i = 0; i < frames * bands; i++) {
        pairs[2 * i] = vf_to_log(mel[i], logs);
        pairs[2 * i + 1] = vf_to_log(clean[i], logs);
    }
}

static nn_tensor shown(nn_ctx *c, int frames, int bands, const float *values)
{
    return nn_input(c, 1, &frames, bands, &values);
}

/* One run: pairs is [frames padded][bands][2], clean and out [frames][bands]. */
static void forward(const vf_restorer *m, nn_ctx *c, const float *mel, int frames, vf_logs logs, float *pairs,
                    float *out)
{
    size_t bands = (size_t)m->bands, count = (size_t)frames * bands;
    int padded = (frames + VF_TIME_STEP - 1) / VF_TIME_STEP * VF_TIME_STEP;
    const float *data = mel, *pair_data = pairs;
    nn_mark_t mark = nn_mark(c);
    nn_tensor x = nn_input(c, 1, &frames, m->bands, &data);

    x = nn_mul(c, vf_denoiser_run(c, &m->denoiser, x), x);
    nn_tap(c, x, "clean");
    nn_read(c, x, 0, out, count);
    if (nn_ok(c) && !nn_planning(c))
        logarithms(pairs, mel, out, (size_t)frames, bands, logs);
    nn_keep_all(c, mark, NULL, 0);
    nn_tensor y = vf_unet_run(c, &m->unet, nn_input2d(c, 1, &padded, m->bands, 2, &pair_data));
    y = nn_slice_rows(c, nn_reshape(c, y, 1, m->bands), &(int){0}, &frames);
    nn_read(c, y, 0, out, count);
    if (!nn_ok(c) || nn_planning(c))
        return;
    for (size_t i = bands - 1; i < count; i += bands)
        out[i] = 0.0f;
    nn_tap(c, shown(c, frames, m->bands, out), "unet_out");
    for (size_t i = 0; i < count; i++)
        out[i] += pairs[2 * i + 1];
    nn_tap(c, shown(c, frames, m->bands, out), "log_mel");
    for (size_t i = 0; i < count; i++)
        out[i] = vf_from_log(out[i], logs);
}

hse_status vf_restorer_mel(const vf_restorer *m, nn_ctx *c, const float *mel, size_t frames, vf_logs logs, float *out,
                           hse_error *err)
{
    size_t bands = (size_t)m->bands, padded = (frames + VF_TIME_STEP - 1) / VF_TIME_STEP * VF_TIME_STEP;
    float *pairs, *own;
    hse_status s;

    if (frames == 0 || frames > MOST_FRAMES)
        return hse_fail(err, HSE_E_ARG, 0, "a mel of %zu frames; 1 to %d can be restored at once", frames, MOST_FRAMES);
    pairs = hse_calloc(2 * padded * bands, sizeof *pairs);
    own = hse_alloc(frames * bands * sizeof *own);
    if (pairs && own) {
        memcpy(own, mel, frames * bands * sizeof *own);
        nn_begin(c, NN_RUN);
        forward(m, c, own, (int)frames, logs, pairs, out);
        s = nn_end(c, err);
    } else {
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", frames);
    }
    hse_free(pairs);
    hse_free(own);
    return s;
}

size_t vf_restorer_plan(const vf_restorer *m, nn_ctx *c, size_t frames)
{
    size_t padded = (frames + VF_TIME_STEP - 1) / VF_TIME_STEP * VF_TIME_STEP;
    float *out = NULL;
    hse_status s = HSE_E_LIMIT;

    if (frames == 0 || frames > MOST_FRAMES || !(out = hse_alloc(2 * padded * (size_t)m->bands * sizeof *out)))
        return 0;
    nn_begin(c, NN_PLAN);
    forward(m, c, out, (int)frames, VF_LOG_10, out, out);
    s = nn_end(c, NULL);
    hse_free(out);
    return s == HSE_OK ? nn_peak(c) : 0;
}
