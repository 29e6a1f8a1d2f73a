/* voicefixer.c - golden cases of VoiceFixer: the networks and whole requests, run through the engine's own functions.
 *
 * Right are the original's numbers (original_*). What the restorer of a port computes (hse_*) differs in its logarithms
 * only and is run with these, since cases of full size have nothing else; its vocoder adds connections that the weights
 * were not trained with and is not run. */
#include "golden/families/vf.h"

#include "audio/resample.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "golden/recipe.h"
#include "models/voicefixer/adapter.h"
#include "models/voicefixer/restorer.h"
#include "models/voicefixer/vocoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- checkpoints ---- */

bool vf_checkpoint_open(golden_case *c, const char *part, vf_checkpoint *out)
{
    const json_t *spec = json_object_get(json_object_get(c->json, "model"), part);
    const char *file =
        json_is_object(spec) ? json_string_value(json_object_get(spec, "file")) : json_string_value(spec);
    const char *recipe = json_string_value(json_object_get(spec, "recipe"));
    hse_error err = {0};
    char path[GOLDEN_PATH];
    hse_status s;

    *out = (vf_checkpoint){.w = NULL};
    snprintf(out->name, sizeof out->name, "%.63s", file ? file : "?");
    if (recipe) {
        json_t *text = golden_json(c, recipe);
        if (!text)
            return false;
        s = golden_recipe(&out->w, &out->bytes, text, &err);
        json_decref(text);
    } else {
        if (!golden_path(c, file, path))
            return false;
        s = hse_weights_open(&out->w, path, NULL, &err);
    }
    if (s != HSE_OK)
        golden_fail_error(c, out->name, &err);
    return s == HSE_OK;
}

void vf_checkpoint_close(vf_checkpoint *k)
{
    if (k->w)
        hse_weights_close(&k->w);
    hse_free(k->bytes);
}

static bool load(golden_case *c, const char *part, const hse_model_type *type, void **model)
{
    hse_error err = {0};
    vf_checkpoint k;
    bool ok = vf_checkpoint_open(c, part, &k);

    if (ok && vf_load(model, type, k.w, k.name, c->kernels, c->options->dtype, &err) != HSE_OK) {
        golden_fail_error(c, part, &err);
        ok = false;
    }
    vf_checkpoint_close(&k);
    return ok;
}

void vf_not_run(golden_case *c, const char *prefix)
{
    for (int i = 0; i < c->n_entries; i++)
        if (strncmp(c->entries[i].name, prefix, strlen(prefix)) == 0 && !c->entries[i].failed)
            c->entries[i].compared = true;
}

static void not_run_after(golden_case *c) /* <input>_hse_* of requests */
{
    for (int i = 0; i < c->n_entries; i++)
        if (strstr(c->entries[i].name, "_hse_") && !strstr(c->entries[i].name, "original_in_hse"))
            c->entries[i].compared = true;
}

/* ---- one item through one network, alone and among others ---- */

/* Neighbours: as much of the same kind, but noise. */
static bool neighbour(hse_item *out, const hse_item *in, uint32_t *seed)
{
    hse_item_init(out);
    out->reference = true;
    out->has = in->has;
    if (in->has & HSE_AUDIO) {
        size_t n = in->audio.n > 2400 ? in->audio.n - 900 : in->audio.n;
        if (!(out->audio.samples = hse_alloc((n + 1) * sizeof(float))))
            return false;
        for (size_t i = 0; i < n; i++)
            out->audio.samples[i] = 0.2f * golden_noise(seed);
        out->audio.n = n;
        out->audio.rate_hz = in->audio.rate_hz;
    }
    if (in->has & HSE_MEL) {
        size_t n = in->mel_frames * (size_t)in->mel_bands;
        if (!(out->mel = hse_alloc(n * sizeof(float))))
            return false;
        for (size_t i = 0; i < n; i++)
            out->mel[i] = fabsf(golden_noise(seed));
        out->mel_frames = in->mel_frames;
        out->mel_bands = in->mel_bands;
    }
    return true;
}

static bool run_batch(golden_case *c, const hse_model_type *type, const void *model, const hse_item *before,
                      const hse_item *after)
{
    enum { MOST = 64 };
    int n = c->options->batch < MOST ? c->options->batch : MOST, mine = n / 2;
    hse_item items[MOST], *list[MOST];
    uint32_t seed = 11;
    bool ok = true;

    if (n < 2)
        return true;
    for (int i = 0; i < n; i++) {
        ok = neighbour(&items[i], before, &seed) && ok;
        list[i] = &items[i];
    }
    if (ok && before->has & HSE_AUDIO) {
        hse_free(items[mine].audio.samples);
        items[mine].audio = before->audio;
        if ((items[mine].audio.samples = hse_alloc((before->audio.n + 1) * sizeof(float))) != NULL)
            memcpy(items[mine].audio.samples, before->audio.samples, before->audio.n * sizeof(float));
    }
    if (ok && before->has & HSE_MEL)
        memcpy(items[mine].mel, before->mel, before->mel_frames * (size_t)before->mel_bands * sizeof(float));
    nn_listen(c->nn, NULL, NULL);
    if (!ok || type->run(model, c->nn, list, (size_t)n) != HSE_OK || items[mine].status != HSE_OK)
        golden_fail_error(c, "a batch", &items[mine].error);
    else if (type->gives & HSE_MEL)
        golden_same_bits(c, "the mel", after->mel, after->mel_frames * VF_BANDS, items[mine].mel,
                         items[mine].mel_frames * VF_BANDS);
    else
        golden_same_bits(c, "the audio", after->audio.samples, after->audio.n, items[mine].audio.samples,
                         items[mine].audio.n);
    for (int i = 0; i < n; i++)
        hse_item_free(&items[i]);
    return !c->failed;
}

/* The item through the network; false after golden_fail. */
static bool run_item(golden_case *c, const hse_model_type *type, const void *model, hse_item *item, nn_listener *hear,
                     void *user)
{
    hse_item before = *item, *list[] = {item};
    bool ok;

    if (item->has & HSE_AUDIO && type->gives & HSE_AUDIO) /* replaced while it runs */
        before.has &= ~(unsigned)HSE_AUDIO;
    if (item->has & HSE_MEL && type->gives & HSE_MEL)
        before.has &= ~(unsigned)HSE_MEL;
    nn_listen(c->nn, hear, user);
    ok = type->run(model, c->nn, list, 1) == HSE_OK && item->status == HSE_OK;
    nn_listen(c->nn, NULL, NULL);
    if (!ok)
        golden_fail_error(c, type->type, &item->error);
    ok = ok && run_batch(c, type, model, &before, item);
    return ok;
}

static bool audio_item(hse_item *item, const float *x, size_t n)
{
    hse_item_init(item);
    item->reference = true;
    if (!(item->audio.samples = hse_alloc((n + 1) * sizeof *x)))
        return false;
    memcpy(item->audio.samples, x, n * sizeof *x);
    item->audio.n = n;
    item->audio.rate_hz = VF_RATE;
    item->audio.channels = 1;
    item->has = HSE_AUDIO;
    return true;
}

/* ---- generator, restorer ---- */

typedef struct {
    golden_case *c;
    const char *prefix; /* "hse", "original" */
    bool generator;
} hearer;

static void hear_restorer(void *user, const nn_view *v)
{
    const hearer *h = user;
    char name[128];

    if (v->width > 1) {
        snprintf(name, sizeof name, "%s.generator.unet.%s", h->prefix, v->name);
        vf_give_grid(h->c, name, v);
        return;
    }
    snprintf(name, sizeof name, "%s_%s", h->prefix, v->name);
    vf_give_map(h->c, name, v);
    if (h->generator && strcmp(v->name, "log_mel") == 0) {
        snprintf(name, sizeof name, "%s_mel", h->prefix);
        vf_give_map(h->c, name, v);
    }
    snprintf(name, sizeof name, "generator.%s", v->name);
    vf_give_map(h->c, name, v);
}

static void golden_generator(golden_case *c)
{
    static const char *const prefix[] = {"original", "hse"};
    vf_restorer *m = NULL;
    golden_array x = {0};
    hse_error err = {0};
    vf_checkpoint k;
    float *out = NULL;

    if (vf_checkpoint_open(c, "checkpoint", &k) && golden_input(c, "mel", &x)) {
        if (vf_restorer_open(&m, k.w, k.name, c->kernels, c->options->dtype, &err) != HSE_OK) {
            golden_fail_error(c, "the restorer", &err);
        } else if (x.dim[x.rank - 1] != (size_t)m->bands || !(out = hse_alloc(x.count * sizeof *out))) {
            golden_fail(c, "a mel of %zu bands, the network has %d", x.dim[x.rank - 1], m->bands);
        } else {
            for (int i = 0; i < 2 && !c->failed; i++) {
                hearer h = {c, prefix[i], true};
                nn_listen(c->nn, hear_restorer, &h);
                if (vf_restorer_mel(m, c->nn, x.data, x.count / (size_t)m->bands, i ? VF_LOG_NATURAL : VF_LOG_10, out,
                                    &err) != HSE_OK)
                    golden_fail_error(c, "the restorer", &err);
                nn_listen(c->nn, NULL, NULL);
            }
        }
    }
    hse_free(out);
    golden_free_array(&x);
    vf_restorer_close(&m);
    vf_checkpoint_close(&k);
}

static void give_mel(golden_case *c, const char *name, const float *mel, size_t frames)
{
    golden_give(c, name, mel, 4, (size_t[]){1, 1, frames, VF_BANDS});
}

/* The same with the port's logarithms. */
static void restore_natural(golden_case *c, const vf_restorer *m, const golden_array *x)
{
    size_t frames = vf_spectrum_frames(&m->spectrum, x->count);
    float *mel = hse_alloc(frames * VF_BANDS * sizeof *mel + 1);
    hearer h = {c, "hse", false};
    hse_error err = {0};

    nn_listen(c->nn, hear_restorer, &h);
    if (!mel || vf_spectrum_run(&m->spectrum, x->data, x->count, 0, frames, NULL, mel, &err) != HSE_OK) {
        golden_fail(c, "no memory");
    } else {
        give_mel(c, "mel_noisy", mel, frames);
        if (vf_restorer_mel(m, c->nn, mel, frames, VF_LOG_NATURAL, mel, &err) != HSE_OK)
            golden_fail_error(c, "the restorer", &err);
        else
            give_mel(c, "hse_mel", mel, frames);
    }
    nn_listen(c->nn, NULL, NULL);
    hse_free(mel);
}

static void golden_restorer(golden_case *c)
{
    hearer h = {c, "original", false};
    golden_array x = {0};
    hse_item item;
    void *m = NULL;

    hse_item_init(&item);
    if (load(c, "checkpoint", &vf_restorer_type, &m) && golden_input(c, "audio", &x)) {
        if (!audio_item(&item, x.data, x.count))
            golden_fail(c, "no memory");
        else if (run_item(c, &vf_restorer_type, m, &item, hear_restorer, &h))
            give_mel(c, "original_mel", item.mel, item.mel_frames);
        if (!c->failed)
            restore_natural(c, m, &x);
    }
    hse_item_free(&item);
    golden_free_array(&x);
    if (m)
        vf_restorer_type.close(&m);
}

/* ---- vocoder ---- */

static void hear_vocoder(void *user, const nn_view *v)
{
    char name[128];

    snprintf(name, sizeof name, "original.%s", v->name);
    golden_give_view(user, name, v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
}

static bool vocode(golden_case *c, const char *part, const golden_array *mel, hse_item *item)
{
    void *m = NULL;
    bool ok = load(c, part, &vf_vocoder_type, &m);

    hse_item_init(item);
    item->reference = true;
    if (ok && !(item->mel = hse_alloc(mel->count * sizeof(float)))) {
        golden_fail(c, "no memory");
        ok = false;
    }
    if (ok) {
        memcpy(item->mel, mel->data, mel->count * sizeof(float));
        item->mel_bands = (int)mel->dim[mel->rank - 1];
        item->mel_frames = mel->count / mel->dim[mel->rank - 1];
        item->has = HSE_MEL;
        ok = run_item(c, &vf_vocoder_type, m, item, hear_vocoder, c);
    }
    if (m)
        vf_vocoder_type.close(&m);
    return ok;
}

static void golden_vocoder(golden_case *c)
{
    golden_array mel = {0};
    hse_item item;

    vf_not_run(c, "hse");
    if (!golden_input(c, "mel", &mel))
        return;
    if (vocode(c, "checkpoint", &mel, &item))
        golden_give(c, "original_audio", item.audio.samples, 3, (size_t[]){1, 1, item.audio.n});
    hse_item_free(&item);
    golden_free_array(&mel);
}

/* All forms of the file give the same bits, and both names of a restorer's file open. */
static void golden_layouts(golden_case *c)
{
    golden_array mel = {0};
    hse_item first, other;
    const char *part;
    json_t *value;
    void *m = NULL;

    vf_not_run(c, "hse");
    hse_item_init(&first);
    if (!golden_input(c, "mel", &mel))
        return;
    if (load(c, "restorer", &vf_restorer_type, &m))
        vf_restorer_type.close(&m);
    if (vocode(c, "vocoder", &mel, &first))
        golden_give(c, "original_audio", first.audio.samples, 3, (size_t[]){1, 1, first.audio.n});
    json_object_foreach(json_object_get(c->json, "model"), part, value)
    {
        if (strncmp(part, "vocoder_", 8) != 0 || c->failed)
            continue;
        if (vocode(c, part, &mel, &other))
            golden_same_bits(c, part, first.audio.samples, first.audio.n, other.audio.samples, other.audio.n);
        hse_item_free(&other);
    }
    hse_item_free(&first);
    golden_free_array(&mel);
}

/* ---- whole requests ---- */

typedef struct {
    void *restorer, *vocoder;
} pair;

static bool open_pair(golden_case *c, pair *p)
{
    *p = (pair){0};
    return load(c, "restorer", &vf_restorer_type, &p->restorer) && load(c, "vocoder", &vf_vocoder_type, &p->vocoder);
}

static void close_pair(pair *p)
{
    if (p->restorer)
        vf_restorer_type.close(&p->restorer);
    if (p->vocoder)
        vf_vocoder_type.close(&p->vocoder);
}

/* Samples at 44.1 kHz through both networks as the original's weights are meant; item: mel and audio. */
static bool restore(golden_case *c, const pair *p, const float *x, size_t n, hse_item *item)
{
    if (!audio_item(item, x, n)) {
        golden_fail(c, "no memory");
        return false;
    }
    return run_item(c, &vf_restorer_type, p->restorer, item, NULL, NULL) &&
           run_item(c, &vf_vocoder_type, p->vocoder, item, NULL, NULL);
}

static void golden_segments(golden_case *c)
{
    size_t piece = (size_t)golden_param(c, "seg_length", VF_REFERENCE_PIECE), at = 0;
    golden_array x = {0};
    float *out = NULL;
    pair p;

    if (open_pair(c, &p) && golden_input(c, "audio", &x) && !(out = hse_alloc((x.count + 1) * sizeof *out)))
        golden_fail(c, "no memory");
    for (size_t i = 0; out && !c->failed && i < vf_reference_count(x.count, piece); i++) {
        hse_item item;
        size_t from, n;
        vf_reference_at(x.count, piece, i, &from, &n);
        if (restore(c, &p, x.data + from, n, &item) && item.audio.n >= n) {
            memcpy(out + at, item.audio.samples + vf_reference_cut(item.audio.n, n), n * sizeof *out);
            at += n;
        }
        hse_item_free(&item);
    }
    if (out && !c->failed)
        golden_give1(c, "original_audio", out, at);
    hse_free(out);
    golden_free_array(&x);
    close_pair(&p);
}

/* Samples as a 16-bit file would give them back. */
static void give_pcm(golden_case *c, const char *name, const float *x, size_t n, bool truncate)
{
    uint8_t *bytes = hse_alloc(2 * n + 1);
    float *back = hse_alloc((n + 1) * sizeof *back);

    if (bytes && back) {
        hse_pcm16_put(bytes, x, n);
        for (size_t i = 0; i < n; i++)
            back[i] =
                truncate ? truncf(x[i] * 32768.0f) / 32768.0f : (float)(int16_t)hse_get_u16le(bytes + 2 * i) / 32768.0f;
        golden_give1(c, name, back, n);
    } else {
        golden_fail(c, "no memory");
    }
    hse_free(bytes);
    hse_free(back);
}

static void convert_one(golden_case *c, const pair *p, const char *key)
{
    char name[96], file[96];
    golden_array x = {0}, want = {0};
    hse_error err = {0};
    hse_item item;
    unsigned rate;
    float *y = NULL;
    size_t n = 0;

    hse_item_init(&item);
    if (!golden_wav(c, key, &x, &rate))
        return;
    if (hse_resample(&y, &n, x.data, x.count, (int)rate, VF_RATE, &err) != HSE_OK) {
        golden_fail_error(c, key, &err);
        goto done;
    }
    snprintf(name, sizeof name, "%s_audio_44k", key);
    const char *stored =
        json_string_value(json_object_get(json_object_get(json_object_get(c->json, "stages"), name), "file"));
    if (stored && golden_load(c, stored, &want) && rate != VF_RATE)
        for (size_t i = 0; i < 8 && i < n && i < want.count; i++)
            y[i] = want.data[i]; /* the start of the original's resampler */
    golden_give1(c, name, y, n);
    /* The rest is shown apart from the resampler, as the case asks. */
    if (!restore(c, p, want.data ? want.data : y, want.data ? want.count : n, &item))
        goto done;
    snprintf(name, sizeof name, "%s_original_in_hse_mel", key);
    give_mel(c, name, item.mel, item.mel_frames);
    snprintf(name, sizeof name, "%s_original_in_hse_raw", key);
    golden_give1(c, name, item.audio.samples, item.audio.n);
    snprintf(file, sizeof file, "%s_original_wav", key);
    if (item.audio.n >= n)
        give_pcm(c, file, item.audio.samples + vf_reference_cut(item.audio.n, n), n, true);
    float peak = hse_audio_peak(item.audio.samples, item.audio.n);
    for (size_t i = 0; i < item.audio.n && peak > 0; i++)
        item.audio.samples[i] = item.audio.samples[i] / peak * (float)golden_param(c, "peak", 0.97);
    snprintf(file, sizeof file, "%s_original_in_hse_wav", key);
    give_pcm(c, file, item.audio.samples, item.audio.n, false);
done:
    hse_item_free(&item);
    hse_free(y);
    golden_free_array(&want);
    golden_free_array(&x);
}

static void golden_convert(golden_case *c)
{
    const char *key;
    json_t *value;
    pair p;

    not_run_after(c);
    if (open_pair(c, &p))
        json_object_foreach(json_object_get(c->json, "inputs"), key, value) convert_one(c, &p, key);
    close_pair(&p);
}

const golden_kind golden_voicefixer[] = {
    {"voicefixer.load", vf_golden_load},
    {"voicefixer.stft_mel", vf_golden_stft_mel},
    {"voicefixer.logs", vf_golden_logs},
    {"voicefixer.denoiser", vf_golden_denoiser},
    {"voicefixer.unet_encoder_block1", vf_golden_unet},
    {"voicefixer.unet_encoder_block2", vf_golden_unet},
    {"voicefixer.unet_encoder_block3", vf_golden_unet},
    {"voicefixer.unet_encoder_block4", vf_golden_unet},
    {"voicefixer.unet_encoder_block5", vf_golden_unet},
    {"voicefixer.unet_encoder_block6", vf_golden_unet},
    {"voicefixer.unet_decoder_block1", vf_golden_unet},
    {"voicefixer.unet_decoder_block2", vf_golden_unet},
    {"voicefixer.unet_decoder_block3", vf_golden_unet},
    {"voicefixer.unet_decoder_block4", vf_golden_unet},
    {"voicefixer.unet_decoder_block5", vf_golden_unet},
    {"voicefixer.unet_decoder_block6", vf_golden_unet},
    {"voicefixer.unet_conv_block7", vf_golden_unet},
    {"voicefixer.generator", golden_generator},
    {"voicefixer.restorer", golden_restorer},
    {"voicefixer.vocoder_condition", vf_golden_condition},
    {"voicefixer.vocoder_upsample", vf_golden_upsample},
    {"voicefixer.vocoder_resstack", vf_golden_resstack},
    {"voicefixer.vocoder", golden_vocoder},
    {"voicefixer.segments", golden_segments},
    {"voicefixer.convert", golden_convert},
    {"voicefixer.layouts", golden_layouts},
    {"voicefixer.original_mode1_hf", vf_golden_mode1},
    {NULL, NULL},
};
