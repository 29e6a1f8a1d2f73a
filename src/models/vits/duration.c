/* duration.c - how long each symbol is spoken: a small regression network, and the inverse of a flow of monotone
 * rational-quadratic splines (Durkan et al. 2019) over noise; their weighted mean counts. */
#include "models/vits/vits.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>

enum { BINS = VITS_SPLINE_BINS, PARAMS = 3 * VITS_SPLINE_BINS - 1 };

/* ---- binding ---- */

static void bind_dds(nn_binder *b, vits_dds *d, int channels)
{
    int dilation = 1;

    d->channels = channels;
    nn_enter(b, "convs.");
    for (int i = 0; i < VITS_DDS_LAYERS; i++, dilation *= 3) {
        nn_bind_depthwise1d(b, &d->sep[i], channels, 3, dilation, "convs_sep.%d", i);
        nn_bind_conv1d(b, &d->one[i], channels, channels, 1, 1, "convs_1x1.%d", i);
        vits_norm_bind(b, &d->norm_1[i], channels, "norms_1.%d", i);
        vits_norm_bind(b, &d->norm_2[i], channels, "norms_2.%d", i);
    }
    nn_leave(b);
}

void vits_durations_bind(nn_binder *b, vits_durations *d, int hidden, int gin)
{
    *d = (vits_durations){.hidden = hidden};
    nn_enter(b, "dp.");
    nn_bind_conv1d(b, &d->dp_cond, gin, hidden, 1, 1, "cond");
    nn_bind_conv1d(b, &d->dp_conv_1, hidden, VITS_DURATION_CHANNELS, 3, 1, "conv_1");
    nn_bind_conv1d(b, &d->dp_conv_2, VITS_DURATION_CHANNELS, VITS_DURATION_CHANNELS, 3, 1, "conv_2");
    vits_norm_bind(b, &d->dp_norm_1, VITS_DURATION_CHANNELS, "norm_1");
    vits_norm_bind(b, &d->dp_norm_2, VITS_DURATION_CHANNELS, "norm_2");
    nn_bind_conv1d(b, &d->dp_proj, VITS_DURATION_CHANNELS, 1, 1, 1, "proj");
    nn_leave(b);
    nn_enter(b, "sdp.");
    nn_bind_conv1d(b, &d->pre, hidden, hidden, 1, 1, "pre");
    nn_bind_conv1d(b, &d->cond, gin, hidden, 1, 1, "cond");
    nn_bind_conv1d(b, &d->proj, hidden, hidden, 1, 1, "proj");
    bind_dds(b, &d->convs, hidden);
    nn_bind_tensor(b, &d->affine_m, 2, (int[]){2, 1}, "flows.0.m");
    nn_bind_tensor(b, &d->affine_logs, 2, (int[]){2, 1}, "flows.0.logs");
    for (int i = 0; i < VITS_SPLINE_FLOWS; i++) {
        vits_spline_flow *f = &d->flow[i];

        nn_enter(b, "flows.%d.", 7 - 2 * i);
        nn_bind_conv1d(b, &f->pre, 1, hidden, 1, 1, "pre");
        nn_bind_conv1d(b, &f->proj, hidden, PARAMS, 1, 1, "proj");
        bind_dds(b, &f->convs, hidden);
        nn_leave(b);
    }
    nn_bind_ignore(b, "post_*");            /* of training */
    nn_bind_ignore(b, "flows.1.*");         /* upstream leaves it out on purpose */
    nn_leave(b);
}

/* ---- the spline ---- */

/* Knots of widths or heights: -5, ..., 5. */
static void knots(double knot[BINS + 1], const float *raw, double scale)
{
    double most = raw[0], sum = 0, at = 0, e[BINS];

    for (int i = 1; i < BINS; i++)
        most = raw[i] > most ? raw[i] : most;
    for (int i = 0; i < BINS; i++)
        sum += e[i] = exp((raw[i] - most) * scale);
    for (int i = 0; i < BINS; i++) {
        at += 1e-3 + (1 - 1e-3 * BINS) * (e[i] / sum);
        knot[i + 1] = 10 * at - 5;
    }
    knot[0] = -5;
    knot[BINS] = 5;
}

static double softplus(double x)
{
    return x > 30 ? x : log1p(exp(x));
}

/* p: widths, heights, inner derivatives of one position. */
static float spline_inverse(float y, const float *p, double scale)
{
    double x_knot[BINS + 1], y_knot[BINS + 1];
    int bin = 0;

    if (!(y >= -5.0f && y <= 5.0f))         /* also what is no number */
        return y;
    knots(x_knot, p, scale);
    knots(y_knot, p + BINS, scale);
    while (bin < BINS - 1 && y_knot[bin + 1] <= (double)y)
        bin++;
    double d0 = bin ? 1e-3 + softplus(p[2 * BINS + bin - 1]) : 1.0;
    double d1 = bin < BINS - 1 ? 1e-3 + softplus(p[2 * BINS + bin]) : 1.0;
    double w = x_knot[bin + 1] - x_knot[bin], h = y_knot[bin + 1] - y_knot[bin];
    double delta = h / w, s = d0 + d1 - 2 * delta, q = (double)y - y_knot[bin];
    double A = q * s + h * (delta - d0), B = h * d0 - q * s, C = -delta * q, D = B * B - 4 * A * C;

    return (float)(2 * C / (-B - sqrt(D > 0 ? D : 0)) * w + x_knot[bin]);
}

/* ---- running ---- */

static nn_tensor run_dds(nn_ctx *c, const vits_dds *d, nn_tensor x, const char *name)
{
    for (int i = 0; i < VITS_DDS_LAYERS; i++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor y = nn_depthwise1d(c, &d->sep[i], x);

        nn_tap(c, y, "%s.convs_sep.%d", name, i);
        y = nn_layer_norm(c, &d->norm_1[i], y);
        nn_tap(c, y, "%s.norms_1.%d", name, i);
        y = nn_conv1d(c, &d->one[i], nn_gelu(c, y));
        nn_tap(c, y, "%s.convs_1x1.%d", name, i);
        y = nn_layer_norm(c, &d->norm_2[i], y);
        nn_tap(c, y, "%s.norms_2.%d", name, i);
        x = nn_keep(c, mark, nn_add(c, x, nn_gelu(c, y)));
    }
    nn_tap(c, x, "%s", name);
    return x;
}

static nn_tensor run_regression(nn_ctx *c, const vits_durations *d, nn_tensor x, nn_tensor speaker)
{
    nn_tensor g = nn_conv1d(c, &d->dp_cond, speaker);

    nn_tap(c, g, "dp.cond");
    x = nn_conv1d(c, &d->dp_conv_1, nn_add_vector(c, x, g));
    nn_tap(c, x, "dp.conv_1");
    x = nn_layer_norm(c, &d->dp_norm_1, nn_relu(c, x));
    nn_tap(c, x, "dp.norm_1");
    x = nn_conv1d(c, &d->dp_conv_2, x);
    nn_tap(c, x, "dp.conv_2");
    x = nn_layer_norm(c, &d->dp_norm_2, nn_relu(c, x));
    nn_tap(c, x, "dp.norm_2");
    x = nn_conv1d(c, &d->dp_proj, x);
    nn_tap(c, x, "dp.proj");
    nn_tap(c, x, "dp");
    return x;
}

/* The two channels of the flow's variable live outside the network, [2][rows] an item: half of it is scalar work. */
typedef struct {
    nn_ctx *c;
    int     items, *rows;
    float **z, *params;                     /* params: of the longest item */
    const float **data;
    bool    swapped;                        /* channel 0 is z's second half */
} variable;

static float *channel(const variable *v, int item, int which)
{
    return v->z[item] + (size_t)((which != 0) != v->swapped ? v->rows[item] : 0);
}

static void tap_variable(variable *v, const char *name)
{
    if (!nn_listening(v->c))
        return;
    nn_mark_t mark = nn_mark(v->c);
    nn_tensor part[2];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < v->items; i++)
            v->data[i] = channel(v, i, k);
        part[k] = nn_input(v->c, v->items, v->rows, 1, v->data);
    }
    nn_tap(v->c, nn_concat(v->c, 2, part), "%s", name);
    nn_keep_all(v->c, mark, NULL, 0);
}

static void invert_spline(variable *v, const vits_spline_flow *f, nn_tensor h, const char *name)
{
    nn_ctx *c = v->c;
    nn_mark_t mark = nn_mark(c);
    char convs[64];

    for (int i = 0; i < v->items; i++)
        v->data[i] = channel(v, i, 0);
    nn_tensor x = nn_conv1d(c, &f->pre, nn_input(c, v->items, v->rows, 1, v->data));
    nn_tap(c, x, "%s.pre", name);
    snprintf(convs, sizeof convs, "%s.convs", name);
    x = nn_conv1d(c, &f->proj, run_dds(c, &f->convs, nn_add(c, x, h), convs));
    nn_tap(c, x, "%s.proj", name);
    for (int i = 0; i < v->items && nn_ok(c); i++) {
        float *z = channel(v, i, 1);

        nn_read(c, x, i, v->params, (size_t)v->rows[i] * PARAMS);
        for (int r = 0; r < v->rows[i]; r++)
            z[r] = spline_inverse(z[r], v->params + (size_t)r * PARAMS, 1.0 / sqrt(f->convs.channels));
    }
    nn_keep_all(c, mark, NULL, 0);
    tap_variable(v, name);
}

static void run_flow(variable *v, const vits_durations *d, nn_tensor h)
{
    char name[32];

    for (int i = 0; i < VITS_SPLINE_FLOWS; i++) {
        v->swapped = !v->swapped;
        snprintf(name, sizeof name, "sdp.flows.%d", 8 - 2 * i);
        tap_variable(v, name);
        snprintf(name, sizeof name, "sdp.flows.%d", 7 - 2 * i);
        invert_spline(v, &d->flow[i], h, name);
    }
    v->swapped = !v->swapped;
    tap_variable(v, "sdp.flows.2");
    for (int i = 0; i < v->items; i++)
        for (int k = 0; k < 2; k++) {
            float *z = channel(v, i, k);

            for (int r = 0; r < v->rows[i]; r++)
                z[r] = (z[r] - d->affine_m[k]) * expf(-d->affine_logs[k]);
        }
    tap_variable(v, "sdp.flows.0");
}

static void tap_rows(variable *v, float *const *rows, const char *name)
{
    if (!nn_listening(v->c))
        return;
    nn_mark_t mark = nn_mark(v->c);
    for (int i = 0; i < v->items; i++)
        v->data[i] = rows[i];
    nn_tap(v->c, nn_input(v->c, v->items, v->rows, 1, v->data), "%s", name);
    nn_keep_all(v->c, mark, NULL, 0);
}

static nn_tensor run_condition(nn_ctx *c, const vits_durations *d, nn_tensor x, nn_tensor speaker)
{
    nn_tensor g = nn_conv1d(c, &d->cond, speaker);

    nn_tap(c, g, "sdp.cond");
    x = nn_conv1d(c, &d->pre, x);
    nn_tap(c, x, "sdp.pre");
    x = nn_conv1d(c, &d->proj, run_dds(c, &d->convs, nn_add_vector(c, x, g), "sdp.convs"));
    nn_tap(c, x, "sdp.proj");
    return x;
}

void vits_durations_run(nn_ctx *c, const vits_durations *d, nn_tensor x, nn_tensor speaker, const vits_duration_item *items)
{
    int n = nn_items(x), longest = 0;
    size_t total = 0, count = (size_t)n;
    variable v = {.c = c, .items = n};
    float *block = NULL;

    if (!nn_ok(c))
        return;
    for (int i = 0; i < n; i++) {
        int rows = nn_rows(c, x, i);

        total += (size_t)rows;
        longest = rows > longest ? rows : longest;
    }
    v.rows = hse_calloc(count, sizeof *v.rows);
    v.z = hse_calloc(count, sizeof *v.z);
    v.data = hse_calloc(count, sizeof *v.data);
    block = hse_calloc(2 * total + (size_t)longest * PARAMS + 1, sizeof *block);
    if (!v.rows || !v.z || !v.data || !block) {
        nn_error(c, HSE_E_NOMEM, "no memory for the durations of %zu symbols", total);
    } else {
        float *at = block;

        for (int i = 0; i < n; i++) {
            v.rows[i] = nn_rows(c, x, i);
            v.z[i] = at;
            at += 2 * v.rows[i];
            for (int r = 0; r < 2 * v.rows[i] && !nn_planning(c); r++)
                v.z[i][r] = items[i].noise[r] * items[i].noise_scale;
        }
        v.params = at;
        run_flow(&v, d, run_condition(c, d, x, speaker));
        nn_tensor regression = run_regression(c, d, x, speaker);
        for (int i = 0; i < n && nn_ok(c) && !nn_planning(c); i++) {
            const float *z = channel(&v, i, 0);
            float ratio = items[i].sdp_ratio;

            nn_read(c, regression, i, items[i].logw, (size_t)v.rows[i]);
            for (int r = 0; r < v.rows[i]; r++)
                items[i].logw[r] = z[r] * ratio + items[i].logw[r] * (1.0f - ratio);
        }
        if (nn_ok(c) && nn_listening(c)) {
            for (int i = 0; i < n; i++)
                v.z[i] = channel(&v, i, 0);
            tap_rows(&v, v.z, "sdp");
            for (int i = 0; i < n; i++)
                v.z[i] = items[i].logw;
            tap_rows(&v, v.z, "logw");
        }
    }
    hse_free(v.rows);
    hse_free(v.z);
    hse_free(v.data);
    hse_free(block);
}

hse_status vits_lengths(int *durations, int *frames, const float *logw, int n, float length_scale, int max_frames,
                        hse_error *err)
{
    long long sum = 0;

    for (int i = 0; i < n; i++) {
        float w = ceilf(expf(logw[i]) * length_scale);

        if (!(w >= 0.0f))
            return hse_fail(err, HSE_E_FORMAT, 0, "the duration of symbol %d is not a number (a damaged checkpoint?)", i);
        if (w > (float)max_frames || (sum += (long long)w) > max_frames)
            return hse_fail(err, HSE_E_LIMIT, 0, "the durations come to more than %d frames", max_frames);
        durations[i] = (int)w;
    }
    *frames = sum > 0 ? (int)sum : 1;
    return HSE_OK;
}
