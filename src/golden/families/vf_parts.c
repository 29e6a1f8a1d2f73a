/* vf_parts.c - VoiceFixer's golden cases of single parts: front, denoiser, blocks, conditioning, files. */
#include "golden/families/vf.h"

#include "audio/resample.h"
#include "base/mem.h"
#include "models/voicefixer/prefilter.h"
#include "models/voicefixer/restorer.h"
#include "models/voicefixer/vocoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes ---- */

void vf_give_grid(golden_case *c, const char *name, const nn_view *v)
{
    size_t items = (size_t)v->items, rows = (size_t)(v->starts[1] - v->starts[0]), width = (size_t)v->width,
           cols = (size_t)v->cols, wide = width - 1;
    float *out = golden_wants(c, name) ? hse_alloc(items * rows * width * cols * sizeof *out) : NULL;

    if (!out)
        return;
    for (size_t i = 0; i < items; i++)
        for (size_t r = 0; r < rows; r++)
            for (size_t p = 0; p < wide; p++)
                for (size_t k = 0; k < cols; k++)
                    out[((i * cols + k) * rows + r) * wide + p] = v->data[((i * rows + r) * width + p) * cols + k];
    golden_give(c, name, out, 4, (size_t[]){items, cols, rows, wide});
    hse_free(out);
}

void vf_give_map(golden_case *c, const char *name, const nn_view *v)
{
    golden_give(c, name, v->data, 4,
                (size_t[]){(size_t)v->items, 1, (size_t)(v->starts[1] - v->starts[0]), (size_t)v->cols});
}

/* [B, C, rows, positions] as a grid: channels last, a gap of zeros behind each row. */
static float *grid_of(const golden_array *x)
{
    size_t n = x->dim[0], cols = x->dim[1], rows = x->dim[2], wide = x->dim[3];
    float *out = hse_calloc(n * rows * (wide + 1) * cols, sizeof *out);

    for (size_t i = 0; out && i < n; i++)
        for (size_t k = 0; k < cols; k++)
            for (size_t r = 0; r < rows; r++)
                for (size_t p = 0; p < wide; p++)
                    out[((i * rows + r) * (wide + 1) + p) * cols + k] = x->data[((i * cols + k) * rows + r) * wide + p];
    return out;
}

static nn_tensor grid_input(nn_ctx *c, const golden_array *x, const float *grid)
{
    enum { MOST = 64 };
    const float *data[MOST];
    int rows[MOST], n = (int)x->dim[0];
    size_t each = x->dim[2] * (x->dim[3] + 1) * x->dim[1];

    if (n > MOST) {
        nn_error(c, HSE_E_LIMIT, "a batch of %d", n);
        return NN_NONE;
    }
    for (int i = 0; i < n; i++) {
        rows[i] = (int)x->dim[2];
        data[i] = grid + (size_t)i * each;
    }
    return nn_input2d(c, n, rows, (int)x->dim[3] + 1, (int)x->dim[1], data);
}

/* ---- binding a part ---- */

typedef struct {
    vf_checkpoint file;
    nn_binder *b;
    nn_params *params;
} part;

static k_weight_type part_type(const golden_case *c)
{
    return c->options->dtype == K_INT8 ? K_BF16 : c->options->dtype;
}

static bool part_begin(golden_case *c, part *p, const char *role)
{
    hse_error err = {0};

    *p = (part){.b = NULL};
    if (!vf_checkpoint_open(c, role, &p->file))
        return false;
    if (nn_binder_open(&p->b,
                       &(nn_binder_options){
                           .weights = p->file.w, .name = p->file.name, .kernels = c->kernels, .type = part_type(c)},
                       &err) == HSE_OK)
        return true;
    golden_fail_error(c, "binding", &err);
    return false;
}

static bool part_bound(golden_case *c, part *p)
{
    hse_error err = {0};

    if (nn_binder_close(&p->b, &p->params, &err) == HSE_OK)
        return true;
    golden_fail_error(c, "binding", &err);
    return false;
}

static void part_end(part *p)
{
    if (p->b)
        nn_binder_close(&p->b, &p->params, NULL);
    nn_params_free(&p->params);
    vf_checkpoint_close(&p->file);
}

/* ---- denoiser ---- */

static void hear_denoiser(void *user, const nn_view *v)
{
    char name[96];

    snprintf(name, sizeof name, "generator.%s", v->name);
    vf_give_map(user, name, v);
    if (strcmp(v->name, "mask") == 0)
        vf_give_map(user, "mask", v);
}

void vf_golden_denoiser(golden_case *c)
{
    enum { MOST = 64 };
    char prefix[400], full[420];
    golden_array x = {0};
    hse_error err = {0};
    vf_denoiser m = {0};
    part p;

    if (!part_begin(c, &p, "checkpoint") || !golden_input(c, "mel", &x))
        goto done;
    if (!vf_find_prefix(p.file.w, "denoiser.1.weight", prefix, sizeof prefix) || x.rank != 4 || x.dim[0] > MOST) {
        golden_fail(c, "no denoiser, or a mel of another shape");
        goto done;
    }
    snprintf(full, sizeof full, "%sdenoiser.", prefix);
    vf_denoiser_bind(p.b, p.file.w, part_type(c), full, &m);
    if (!part_bound(c, &p))
        goto done;
    int rows[MOST], n = (int)x.dim[0];
    const float *data[MOST];
    for (int i = 0; i < n; i++) {
        rows[i] = (int)x.dim[2];
        data[i] = x.data + (size_t)i * x.dim[2] * x.dim[3];
    }
    nn_listen(c->nn, hear_denoiser, c);
    nn_begin(c->nn, NN_RUN);
    nn_tap(c->nn, vf_denoiser_run(c->nn, &m, nn_input(c->nn, n, rows, (int)x.dim[3], data)), "mask");
    if (nn_end(c->nn, &err) != HSE_OK)
        golden_fail_error(c, "the denoiser", &err);
done:
    golden_free_array(&x);
    part_end(&p);
}

/* ---- blocks of the UNet: the kind's name says which ---- */

static void hear_unet(void *user, const nn_view *v)
{
    char name[128];

    snprintf(name, sizeof name, "generator.unet.%s", v->name);
    vf_give_grid(user, name, v);
    vf_give_grid(user, v->name, v);
}

static void run_unet(golden_case *c, part *p, const char *block, const char *full, const golden_array *x,
                     const golden_array *skip, const float *grid, const float *skip_grid)
{
    vf_encoder_block encoder = {0};
    vf_decoder_block decoder = {0};
    nn_grid_block single = {0};
    hse_error err = {0};
    nn_tensor y;

    if (strncmp(block, "encoder", 7) == 0)
        vf_encoder_bind(p->b, p->file.w, part_type(c), full, &encoder);
    else if (strncmp(block, "decoder", 7) == 0)
        vf_decoder_bind(p->b, p->file.w, part_type(c), full, &decoder);
    else
        vf_block_bind(p->b, p->file.w, part_type(c), full, &single);
    if (!part_bound(c, p))
        return;
    nn_listen(c->nn, hear_unet, c);
    nn_begin(c->nn, NN_RUN);
    y = grid_input(c->nn, x, grid);
    if (block[0] == 'e') {
        y = vf_encoder_run(c->nn, &encoder, y, block);
        nn_tap(c->nn, y, "full");
        nn_tap(c->nn, nn_grid_pool(c->nn, y), "pool");
    } else if (block[0] == 'd') {
        nn_tensor beside = grid_input(c->nn, skip, skip_grid);
        nn_tap(c->nn, vf_decoder_run(c->nn, &decoder, y, beside, block), "y");
    } else {
        nn_tap(c->nn, nn_grid_block_run(c->nn, &single, y, block), "y");
    }
    if (nn_end(c->nn, &err) != HSE_OK)
        golden_fail_error(c, block, &err);
}

void vf_golden_unet(golden_case *c)
{
    const char *block = strstr(c->kind, "unet_") + 5;
    char anchor[96], prefix[300], full[400];
    golden_array x = {0}, skip = {0};
    float *grid = NULL, *skip_grid = NULL;
    part p;

    snprintf(anchor, sizeof anchor, "unet.%.40s.%s", block,
             block[0] == 'e' ? "conv_block1.conv1.weight" : "conv1.weight");
    if (!part_begin(c, &p, "checkpoint") || !golden_input(c, "x", &x) ||
        (block[0] == 'd' && !golden_input(c, "skip", &skip)))
        goto done;
    if (!vf_find_prefix(p.file.w, anchor, prefix, sizeof prefix) || x.rank != 4 || (skip.data && skip.rank != 4)) {
        golden_fail(c, "no %s in the checkpoint, or an input of another shape", anchor);
        goto done;
    }
    snprintf(full, sizeof full, "%sunet.%.40s", prefix, block);
    if (!(grid = grid_of(&x)) || (skip.data && !(skip_grid = grid_of(&skip))))
        golden_fail(c, "no memory");
    else
        run_unet(c, &p, block, full, &x, &skip, grid, skip_grid);
done:
    hse_free(grid);
    hse_free(skip_grid);
    golden_free_array(&x);
    golden_free_array(&skip);
    part_end(&p);
}

/* ---- parts of the vocoder ---- */

void vf_golden_condition(golden_case *c)
{
    golden_array mel = {0};
    float *db = NULL, *cond = NULL, *turned = NULL, weight[1024];

    if (!golden_input(c, "mel", &mel))
        return;
    size_t bands = mel.dim[mel.rank - 1], frames = mel.count / bands, all = frames + vf_vocoder_padding(frames);
    if (bands > COUNT(weight)) {
        golden_fail(c, "%zu bands", bands);
        goto done;
    }
    db = hse_alloc(mel.count * sizeof *db);
    cond = hse_alloc(bands * sizeof *cond);
    turned = hse_alloc(all * bands * sizeof *turned);
    if (!db || !cond || !turned) {
        golden_fail(c, "no memory");
        goto done;
    }
    for (size_t k = 0; k < bands; k++)
        weight[k] = vf_vocoder_weight((int)k);
    for (size_t f = 0; f < all; f++) {
        if (f < frames)
            vf_vocoder_condition(mel.data + f * bands, (int)bands, db + f * bands, cond);
        for (size_t k = 0; k < bands; k++) {
            turned[k * all + f] = f < frames ? cond[k] : -4.0f;
            if (f < frames && isinf(db[f * bands + k]))
                db[f * bands + k] = 999.0f; /* how the case writes it */
        }
    }
    golden_give1(c, "weight", weight, bands);
    golden_give(c, "db", db, mel.rank, mel.dim);
    golden_give(c, "cond", turned, 3, (size_t[]){1, bands, all});
done:
    hse_free(db);
    hse_free(cond);
    hse_free(turned);
    golden_free_array(&mel);
}

/* The first tensor called <prefix>generator.<index>.<rest>: its prefix and index. */
static bool find_index(const hse_weights *w, const char *rest, char *prefix, size_t size, int *index)
{
    char anchor[96];

    for (*index = 0; *index < 64; ++*index) {
        snprintf(anchor, sizeof anchor, "generator.%d.%s", *index, rest);
        if (vf_find_prefix(w, anchor, prefix, size))
            return true;
    }
    return false;
}

static float *rows_of(const golden_array *x) /* [1, C, T] -> [T][C] */
{
    size_t cols = x->dim[1], rows = x->dim[2];
    float *out = hse_alloc(x->count * sizeof *out + 1);

    for (size_t k = 0; out && k < cols; k++)
        for (size_t r = 0; r < rows; r++)
            out[r * cols + k] = x->data[k * rows + r];
    return out;
}

static void hear_channels(void *user, const nn_view *v)
{
    golden_give_view(user, v->name, v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
}

static void run_stage(golden_case *c, bool upsample, const char *anchor)
{
    golden_array x = {0};
    vf_stage s = {0};
    hse_error err = {0};
    char prefix[300];
    float *rows = NULL;
    int index, count;
    part p;

    if (!part_begin(c, &p, "checkpoint") || !golden_input(c, "x", &x))
        goto done;
    if (!find_index(p.file.w, anchor, prefix, sizeof prefix, &index) || x.rank != 3 || !(rows = rows_of(&x))) {
        golden_fail(c, "no %s in the checkpoint, or an input of another shape", anchor);
        goto done;
    }
    nn_enter(p.b, "%s", prefix);
    if (upsample)
        vf_upsample_bind(p.b, p.file.w, prefix, index, &s);
    else
        vf_stack_bind(p.b, p.file.w, prefix, index, &s);
    nn_leave(p.b);
    if (!part_bound(c, &p))
        goto done;
    count = (int)x.dim[2];
    nn_listen(c->nn, hear_channels, c);
    nn_begin(c->nn, NN_RUN);
    nn_tensor y = nn_input(c->nn, 1, &count, (int)x.dim[1], &(const float *){rows});
    if (upsample)
        nn_tap(c->nn, nn_conv_transpose1d(c->nn, &s.up, nn_act(c->nn, y, K_ADD_SIN, 1.0f)), "original_y");
    else
        nn_tap(c->nn, vf_stack_run(c->nn, &s, y, index), "y");
    if (nn_end(c->nn, &err) != HSE_OK)
        golden_fail_error(c, anchor, &err);
done:
    hse_free(rows);
    golden_free_array(&x);
    part_end(&p);
}

void vf_golden_upsample(golden_case *c)
{
    vf_not_run(c, "hse");
    vf_not_run(c, "repeat"); /* of the port's skip connection */
    vf_not_run(c, "skip");
    run_stage(c, true, "layer.bias");
}

void vf_golden_resstack(golden_case *c)
{
    run_stage(c, false, "layers.0.1.bias");
}

/* ---- front ---- */

static void logs(golden_case *c, const char *input, const char *prefix, vf_logs kind, float (*f)(float, vf_logs))
{
    golden_array x = {0};
    char name[64];

    if (!golden_input(c, input, &x))
        return;
    for (size_t i = 0; i < x.count; i++)
        x.data[i] = f(x.data[i], kind);
    snprintf(name, sizeof name, "%s_%s_log", prefix, f == vf_to_log ? "to" : "from");
    golden_give1(c, name, x.data, x.count);
    golden_free_array(&x);
}

void vf_golden_logs(golden_case *c)
{
    logs(c, "linear", "original", VF_LOG_10, vf_to_log);
    logs(c, "log", "original", VF_LOG_10, vf_from_log);
    logs(c, "linear", "hse", VF_LOG_NATURAL, vf_to_log);
    logs(c, "log", "hse", VF_LOG_NATURAL, vf_from_log);
}

/* Every input file through decoding and resampling. The first samples that the case says are a resampler's start are
 * not compared. */
void vf_golden_load(golden_case *c)
{
    int rate = (int)golden_param(c, "sr", 44100);
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        json_t *spec = json_object_get(json_object_get(c->json, "outputs"), key);
        size_t ignore = (size_t)golden_number(spec, "ignore_first", 0), n = 0;
        golden_array x = {0}, want = {0};
        hse_error err = {0};
        unsigned from;
        float *y = NULL;

        if (!golden_wav(c, key, &x, &from))
            continue;
        if (hse_resample(&y, &n, x.data, x.count, (int)from, rate, &err) != HSE_OK) {
            golden_fail_error(c, key, &err);
        } else if (ignore && golden_load(c, json_string_value(json_object_get(spec, "file")), &want)) {
            for (size_t i = 0; i < ignore && i < n && i < want.count; i++)
                y[i] = want.data[i];
        }
        golden_give1(c, key, y, n);
        hse_free(y);
        golden_free_array(&want);
        golden_free_array(&x);
    }
}

/* The bank as a matrix, and the transform's two halves. */
static void give_stages(golden_case *c, const vf_spectrum *s, const golden_array *x, size_t frames)
{
    size_t bins = (size_t)hse_stft_bins(s->stft), bands = (size_t)hse_mel_bands(s->mel);
    float *bank = hse_calloc(bins * bands, sizeof *bank), *pairs = hse_alloc(frames * bins * 2 * sizeof *pairs),
          *half = hse_alloc(frames * bins * sizeof *half),
          *scratch = hse_alloc(hse_stft_scratch(s->stft) * sizeof *scratch);

    if (!bank || !pairs || !half || !scratch) {
        golden_fail(c, "no memory");
        goto done;
    }
    for (size_t b = 0; b < bands; b++) {
        const float *weights;
        int n, first = hse_mel_band(s->mel, (int)b, &n, &weights);
        for (int k = 0; k < n; k++)
            bank[(size_t)(first + k) * bands + b] = weights[k];
    }
    golden_give2(c, "fb", bank, bins, bands);
    hse_stft_run(s->stft, HSE_STFT_COMPLEX, x->data, x->count, 0, frames, pairs, scratch);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < frames * bins; i++)
            half[i] = pairs[2 * i + k];
        golden_give(c, k ? "imag" : "real", half, 4, (size_t[]){1, 1, frames, bins});
    }
done:
    hse_free(bank);
    hse_free(pairs);
    hse_free(half);
    hse_free(scratch);
}

void vf_golden_stft_mel(golden_case *c)
{
    int bands = (int)golden_param(c, "n_mels", VF_BANDS);
    float *magnitude = NULL, *mel = NULL;
    vf_spectrum s = {0};
    golden_array x = {0};
    hse_error err = {0};

    if (vf_spectrum_open(&s, (int)golden_param(c, "sample_rate", VF_RATE),
                         (int)golden_param(c, "window_size", VF_WINDOW), (int)golden_param(c, "hop_size", VF_HOP),
                         bands, &err) != HSE_OK) {
        golden_fail_error(c, "the spectrum", &err);
        return;
    }
    if (golden_input(c, "audio", &x)) {
        size_t frames = vf_spectrum_frames(&s, x.count), bins = (size_t)hse_stft_bins(s.stft);
        magnitude = hse_alloc(frames * bins * sizeof *magnitude + 1);
        mel = hse_alloc(frames * (size_t)bands * sizeof *mel + 1);
        if (!magnitude || !mel || vf_spectrum_run(&s, x.data, x.count, 0, frames, magnitude, mel, &err) != HSE_OK) {
            golden_fail(c, "no memory");
        } else {
            give_stages(c, &s, &x, frames);
            golden_give(c, "sp", magnitude, 4, (size_t[]){1, 1, frames, bins});
            golden_give(c, "mel", mel, 4, (size_t[]){1, 1, frames, (size_t)bands});
        }
    }
    hse_free(magnitude);
    hse_free(mel);
    golden_free_array(&x);
    vf_spectrum_close(&s);
}

void vf_golden_mode1(golden_case *c)
{
    golden_array x = {0};
    hse_error err = {0};
    float *y = NULL;
    size_t n;
    int cutoff;

    if (!golden_input(c, "audio", &x))
        return;
    if (vf_prefilter(&y, &n, &cutoff, x.data, x.count, golden_param(c, "ratio", VF_PREFILTER_RATIO), &err) != HSE_OK) {
        golden_fail_error(c, "the prefilter", &err);
    } else {
        if (cutoff != (int)golden_param(c, "cutoff_bin", cutoff))
            golden_fail(c, "bin %d is the first removed, %d is wanted", cutoff, (int)golden_param(c, "cutoff_bin", 0));
        golden_give1(c, "audio", y, n);
    }
    hse_free(y);
    golden_free_array(&x);
}
