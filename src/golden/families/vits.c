/* vits.c - adapters of the networks of families melo and openvoice. */
#include "golden/case.h"

#include "base/file.h"
#include "base/mem.h"
#include "audio/decode.h"
#include "audio/resample.h"
#include "audio/stft.h"
#include "models/vits/converter.h"
#include "models/vits/tts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_BYTES = 1 << 24 };

/* ---- opening ---- */

static bool open_config(golden_case *c, vits_config **config, vits_config_kind kind)
{
    char path[GOLDEN_PATH], *text = NULL;
    hse_error err = {0};
    size_t size;
    hse_status s;

    if (!golden_model_path(c, "config", path))
        return false;
    if ((s = hse_file_read(&text, &size, path, CONFIG_BYTES, &err)) == HSE_OK)
        s = vits_config_open(config, (hse_bytes){(const uint8_t *)text, size}, "config.json", kind, &err);
    hse_free(text);
    if (s != HSE_OK)
        golden_fail_error(c, "the config", &err);
    return s == HSE_OK;
}

static vits_tts *open_tts(golden_case *c, vits_config_kind kind)
{
    vits_config *config = NULL;
    hse_weights *w = NULL;
    vits_tts *m = NULL;
    char path[GOLDEN_PATH];
    hse_error err = {0};

    if (open_config(c, &config, kind) && golden_model_path(c, "checkpoint", path) &&
        (hse_weights_open(&w, path, NULL, &err) != HSE_OK ||
         vits_tts_open(&m, w, config, kind, c->kernels, c->options->dtype, &err) != HSE_OK))
        golden_fail_error(c, "the model", &err);
    if (w)
        hse_weights_close(&w);
    vits_config_close(&config);
    return m;
}

/* ---- inputs ---- */

static bool given(const golden_case *c, const char *name)
{
    return json_object_get(json_object_get(c->json, "inputs"), name) != NULL;
}

static int32_t *read_ids(golden_case *c, const char *name, int *n)
{
    golden_array x = {0};
    int32_t *ids = NULL;

    if (golden_input(c, name, &x) && (ids = hse_alloc((x.count + 1) * sizeof *ids)) != NULL) {
        for (size_t i = 0; i < x.count; i++)
            ids[i] = (int32_t)x.data[i];
        *n = (int)x.count;
    }
    golden_free_array(&x);
    return ids;
}

/* [.., channels, n] of the file as [n][channels]. */
static float *read_turned(golden_case *c, const char *name, int *rows)
{
    golden_array x = {0};
    float *out = NULL;

    if (given(c, name) && golden_input(c, name, &x) && x.rank >= 2) {
        size_t n = x.dim[x.rank - 1], channels = x.dim[x.rank - 2];

        if ((out = hse_alloc((x.count + 1) * sizeof *out)) != NULL)
            for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < channels; k++)
                    out[i * channels + k] = x.data[k * n + i];
        if (rows)
            *rows = (int)n;
    }
    golden_free_array(&x);
    return out;
}

/* ---- the synthesizer ---- */

static void hear(void *user, const nn_view *v)
{
    golden_case *c = user;

    if (strcmp(v->name, "emb_g") == 0)
        golden_give2(c, v->name, v->data, (size_t)v->items, (size_t)v->cols);
    else if (strcmp(v->name, "enc_p.emb") == 0 || strstr(v->name, "spk_emb_linear"))
        golden_give_view(c, v->name, v, GOLDEN_ROWS | GOLDEN_LEAD);
    else
        golden_give_view(c, v->name, v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
    if (strcmp(v->name, "m_p") == 0)
        golden_give_view(c, "m_p_expanded", v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
    if (strcmp(v->name, "logs_p") == 0)
        golden_give_view(c, "logs_p_expanded", v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
}

static void hear_logw(golden_case *c, const vits_utterance *u, const nn_view *v)
{
    float *w = hse_alloc((size_t)u->n * sizeof *w);

    for (int i = 0; w && i < u->n; i++)
        w[i] = expf(v->data[i]) * u->length_scale;
    if (w)
        golden_give(c, "w", w, 3, (size_t[]){1, 1, (size_t)u->n});
    hse_free(w);
}

typedef struct {
    golden_case *c;
    const vits_utterance *u;
} listener;

static void hear_tts(void *user, const nn_view *v)
{
    listener *l = user;

    hear(l->c, v);
    if (strcmp(v->name, "logw") == 0)
        hear_logw(l->c, l->u, v);
}

/* Among other utterances, and decoded in windows: the same bits. */
static void check_batch(golden_case *c, const vits_tts *m, const vits_utterance *u, const vits_wave *alone)
{
    enum { MOST = 16 };
    int n = c->options->batch > MOST ? MOST : c->options->batch > 3 ? c->options->batch : 3, mine = n / 2;
    vits_utterance item[MOST];
    vits_wave wave[MOST] = {{0}};
    size_t hop = (size_t)m->decoder.hop, cut = alone->audio.frames / 3 + 1;
    hse_error err = {0};

    for (int i = 0; i < n; i++) {
        item[i] = *u;
        item[i].seed = (uint64_t)i;
        if (i != mine) {
            item[i].noise_w = item[i].noise_z = NULL;
            item[i].n = u->n - i % u->n;
        }
    }
    if (vits_tts_run(m, c->nn, item, n, &err) != HSE_OK || item[mine].status != HSE_OK) {
        golden_fail_error(c, "the synthesizer in a batch", err.status ? &err : &item[mine].error);
    } else {
        int waves = 0;

        golden_same_bits(c, "z", u->z, (size_t)u->frames * (size_t)m->dims.inter, item[mine].z,
                         (size_t)item[mine].frames * (size_t)m->dims.inter);
        for (size_t from = 0; from < alone->audio.frames && waves < 4; from += cut, waves++)
            wave[waves] = (vits_wave){.z = u->z, .speaker = alone->speaker,
                                        .audio = {.frames = alone->audio.frames, .from = from,
                                                  .to = from + cut < alone->audio.frames ? from + cut : alone->audio.frames}};
        for (int i = 0; i < n && waves < MOST; i++)
            if (i != mine && item[i].status == HSE_OK)
                wave[waves++] = (vits_wave){.z = item[i].z, .speaker = alone->speaker,
                                              .audio = {.frames = (size_t)item[i].frames, .to = (size_t)item[i].frames}};
        if (vits_decode(&m->decoder, c->nn, wave, waves, &err) != HSE_OK)
            golden_fail_error(c, "the decoder in a batch", &err);
        for (int i = 0; i < waves && !c->failed; i++)
            if (wave[i].z == u->z) {
                const windows_audio *t = &wave[i].audio, *all = &alone->audio;
                size_t left = all->samples - t->from * hop;

                golden_same_bits(c, "a window of the audio", all->wave + t->from * hop, left < t->samples ? left : t->samples,
                                 t->wave, t->samples);
            }
        for (int i = 0; i < waves; i++)
            hse_free(wave[i].audio.wave);
    }
    for (int i = 0; i < n; i++) {
        hse_free(item[i].durations);
        hse_free(item[i].z);
    }
}

/* The stages of the decoder in one piece; vits_decode runs longer utterances in windows, which nobody could compare. */
static void hear_decoder(golden_case *c, const vits_tts *m, const vits_utterance *u)
{
    const float *speaker = vits_tts_speaker(m, u->speaker), *z = u->z;
    int one = 1;
    hse_error err = {0};

    nn_listen(c->nn, hear, c);
    nn_begin(c->nn, NN_RUN);
    nn_tensor x = nn_input(c->nn, 1, &u->frames, m->dims.inter, &z), g = nn_input(c->nn, 1, &one, m->dims.gin, &speaker);
    vits_decoder_run(c->nn, &m->decoder, x, g, NULL, NULL);
    if (nn_end(c->nn, &err) != HSE_OK)
        golden_fail_error(c, "the decoder's stages", &err);
    nn_listen(c->nn, NULL, NULL);
}

static void give_audio(golden_case *c, const vits_tts *m, const vits_utterance *u, bool melo)
{
    float *durations = hse_alloc((size_t)u->n * sizeof *durations), frames = (float)u->frames;
    vits_wave wave = {.z = u->z, .speaker = vits_tts_speaker(m, u->speaker),
                      .audio = {.frames = (size_t)u->frames, .to = (size_t)u->frames}};
    hse_error err = {0};

    for (int i = 0; durations && i < u->n; i++)
        durations[i] = (float)u->durations[i];
    if (durations)
        golden_give1(c, "durations", durations, (size_t)u->n);
    golden_give1(c, "y_length", &frames, 1);
    hse_free(durations);
    hear_decoder(c, m, u);
    if (vits_decode(&m->decoder, c->nn, &wave, 1, &err) != HSE_OK || wave.audio.status != HSE_OK)
        golden_fail_error(c, "the decoder", err.status ? &err : &wave.audio.error);
    if (!c->failed) {
        golden_give(c, "audio", wave.audio.wave, melo ? 1 : 3,
                    melo ? (size_t[]){wave.audio.samples} : (size_t[]){1, 1, wave.audio.samples});
        check_batch(c, m, u, &wave);
    }
    hse_free(wave.audio.wave);
}

static void tts(golden_case *c, bool melo)
{
    vits_tts *m = open_tts(c, melo ? VITS_MELO : VITS_OPENVOICE_BASE);
    int n = 0, others = 0;
    int32_t *ids = m ? read_ids(c, melo ? "phones" : "x", &n) : NULL, *tones = NULL, *languages = NULL;
    float *bert = read_turned(c, "bert", NULL), *ja_bert = read_turned(c, "ja_bert", NULL), *noise_z;
    golden_array noise_w = {0};
    vits_utterance u = {.symbols = ids, .n = n, .bert = bert, .ja_bert = ja_bert};
    hse_error err = {0};

    u.noise_z = noise_z = read_turned(c, "noise_z", &u.noise_z_frames);
    if (ids && melo) {
        u.tones = tones = read_ids(c, "tones", &others);
        u.languages = languages = read_ids(c, "lang_ids", &others);
    }
    if (given(c, melo ? "noise_sdp" : "noise_w") && golden_input(c, melo ? "noise_sdp" : "noise_w", &noise_w))
        u.noise_w = noise_w.data;
    u.speaker = (int)golden_param(c, "sid", 0);
    u.noise_scale = (float)golden_param(c, "noise_scale", 0);
    u.noise_scale_w = (float)golden_param(c, "noise_scale_w", 0);
    u.sdp_ratio = (float)golden_param(c, "sdp_ratio", 0);
    u.length_scale = (float)golden_param(c, "length_scale", 1);
    if (ids && !c->failed) {
        nn_listen(c->nn, hear_tts, &(listener){c, &u});
        if (vits_tts_run(m, c->nn, &u, 1, &err) != HSE_OK || u.status != HSE_OK)
            golden_fail_error(c, "the synthesizer", err.status ? &err : &u.error);
        nn_listen(c->nn, NULL, NULL);
        if (!c->failed)
            give_audio(c, m, &u, melo);
    }
    hse_free(u.durations);
    hse_free(u.z);
    hse_free(ids);
    hse_free(tones);
    hse_free(languages);
    hse_free(bert);
    hse_free(ja_bert);
    hse_free(noise_z);
    golden_free_array(&noise_w);
    vits_tts_close(&m);
}

/* ---- the converter ---- */

static vits_converter *open_converter(golden_case *c)
{
    vits_config *config = NULL;
    hse_weights *w = NULL;
    vits_converter *m = NULL;
    char path[GOLDEN_PATH];
    hse_error err = {0};

    if (open_config(c, &config, VITS_CONVERTER) && golden_model_path(c, "checkpoint", path) &&
        (hse_weights_open(&w, path, NULL, &err) != HSE_OK ||
         vits_converter_open(&m, w, config, VITS_HEARS | VITS_CONVERTS, c->kernels, c->options->dtype, &err) != HSE_OK))
        golden_fail_error(c, "the model", &err);
    if (w)
        hse_weights_close(&w);
    vits_config_close(&config);
    return m;
}

/* A recording as the spectrogram that the networks read. */
static float *read_spectrogram(golden_case *c, const vits_converter *m, const char *input, size_t *frames)
{
    hse_audio audio = {0};
    char *bytes = NULL;
    float *spec = NULL, *at_rate = NULL;
    size_t size, n;
    hse_error err = {0};

    bool read = golden_input_bytes(c, input, &bytes, &size);
    hse_audio_source source = hse_source_bytes((hse_bytes){(const uint8_t *)bytes, read ? size : 0});
    if (read &&
        (hse_audio_decode(&audio, &source, NULL, &err) != HSE_OK ||
         hse_resample(&at_rate, &n, audio.samples, audio.n, (int)audio.rate_hz, m->rate_hz, &err) != HSE_OK ||
         vits_spectrogram(m, at_rate, n, &spec, frames, &err) != HSE_OK))
        golden_fail_error(c, input, &err);
    hse_free(bytes);
    hse_free(at_rate);
    hse_audio_free(&audio);
    return spec;
}

/* [frames][bins] as [1, bins, frames]. */
static void give_spectrogram(golden_case *c, const float *spec, size_t frames, size_t bins)
{
    float *turned;

    if (!golden_wants(c, "spec") || !(turned = hse_alloc((frames * bins + 1) * sizeof *turned)))
        return;
    for (size_t f = 0; f < frames; f++)
        for (size_t b = 0; b < bins; b++)
            turned[b * frames + f] = spec[f * bins + b];
    golden_give(c, "spec", turned, 3, (size_t[]){1, bins, frames});
    hse_free(turned);
}

/* [time][frequency][channel] of one item as [1, channel, time, frequency]. */
static void give_image(golden_case *c, const nn_view *v)
{
    size_t rows = (size_t)(v->starts[1] - v->starts[0]), width = (size_t)v->width, cols = (size_t)v->cols;
    float *x = hse_alloc((rows * width * cols + 1) * sizeof *x);

    for (size_t p = 0; x && p < rows * width; p++)
        for (size_t k = 0; k < cols; k++)
            x[k * rows * width + p] = v->data[p * cols + k];
    if (x)
        golden_give(c, v->name, x, 4, (size_t[]){1, cols, rows, width});
    hse_free(x);
}

static void hear_converter(void *user, const nn_view *v)
{
    golden_case *c = user;
    size_t rows = (size_t)(v->starts[1] - v->starts[0]), cols = (size_t)v->cols;

    if (strncmp(v->name, "ref_enc.convs.", 14) == 0)
        give_image(c, v);
    else if (strcmp(v->name, "ref_enc.layernorm") == 0)
        golden_give(c, v->name, v->data, 4, (size_t[]){1, 1, rows, cols});
    else if (strcmp(v->name, "ref_enc.gru") == 0)
        golden_give(c, v->name, v->data, 3, (size_t[]){1, rows, cols});
    else if (strcmp(v->name, "ref_enc.proj") == 0)
        golden_give2(c, v->name, v->data, rows, cols);
    else
        golden_give_view(c, v->name, v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
}

/* The mean of the colours of ref0, ref1, ...; each also alone and all at once, with the same bits. */
static void embed(golden_case *c, const vits_converter *m)
{
    enum { FILES = 8 };
    int n = (int)golden_param(c, "n_files", 1), frames[FILES];
    size_t gin = (size_t)m->dims.gin, count = 0;
    float *spec[FILES] = {NULL}, *g[FILES] = {NULL}, *mean = hse_calloc(gin, sizeof *mean), *alone = hse_calloc(gin, sizeof *alone);
    char name[16];
    hse_error err = {0};

    if (n < 1 || n > FILES || !mean || !alone)
        golden_fail(c, "%d files", n);
    for (int i = 0; i < n && !c->failed; i++) {
        snprintf(name, sizeof name, "ref%d", i);
        spec[i] = read_spectrogram(c, m, name, &count);
        frames[i] = (int)count;
        if (!(g[i] = hse_calloc(gin, sizeof *g[i])))
            golden_fail(c, "no memory");
    }
    if (!c->failed && n == 1)
        give_spectrogram(c, spec[0], (size_t)frames[0], (size_t)m->bins);
    nn_listen(c->nn, n == 1 ? hear_converter : NULL, c);
    if (!c->failed && vits_reference_run(m, c->nn, n, (const float *const *)spec, frames, g, &err) != HSE_OK)
        golden_fail_error(c, "the reference encoder", &err);
    nn_listen(c->nn, NULL, NULL);
    for (int i = 0; i < n && !c->failed; i++) {
        snprintf(name, sizeof name, "g%d", i);
        golden_give(c, name, g[i], 3, (size_t[]){1, gin, 1});
        for (size_t k = 0; k < gin; k++)
            mean[k] += g[i][k] / (float)n;
        if (vits_reference_run(m, c->nn, 1, (const float *const[]){spec[i]}, &frames[i], &alone, &err) != HSE_OK)
            golden_fail_error(c, "the reference encoder", &err);
        else
            golden_same_bits(c, name, alone, gin, g[i], gin);
    }
    if (!c->failed)
        golden_give(c, "se", mean, 3, (size_t[]){1, gin, 1});
    for (int i = 0; i < FILES; i++) {
        hse_free(spec[i]);
        hse_free(g[i]);
    }
    hse_free(mean);
    hse_free(alone);
}

/* Embedding files: every form gives the same numbers. */
static void read_files(golden_case *c)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        char path[GOLDEN_PATH];
        hse_weights *w = NULL;
        const hse_weight *t;
        float *x = NULL;
        hse_error err = {0};

        if (!golden_input_path(c, key, path))
            return;
        if (hse_weights_open(&w, path, NULL, &err) != HSE_OK || !(t = hse_weights_find(w, "")) ||
            !(x = hse_alloc(t->count * sizeof *x)) || hse_weights_read_f32(w, t, x, &err) != HSE_OK)
            golden_fail_error(c, key, &err);
        else
            golden_give(c, "se", x, 3, (size_t[]){1, (size_t)t->count, 1});
        hse_free(x);
        if (w)
            hse_weights_close(&w);
    }
}

static void check_conversion_batch(golden_case *c, const vits_converter *m, const vits_conversion *alone)
{
    vits_conversion item[6];
    size_t cut = alone->audio.frames / 3 + 1, hop = (size_t)m->hop;
    int n = 0;
    hse_error err = {0};

    item[n] = *alone;                       /* another request */
    item[n].source = alone->target;
    item[n++].audio.frames = item[0].audio.to = item[0].spec_to = alone->audio.frames - alone->audio.frames / 4;
    for (size_t from = 0; from < alone->audio.frames; from += cut) {
        item[n] = *alone;
        item[n].audio.from = from;
        item[n++].audio.to = from + cut < alone->audio.frames ? from + cut : alone->audio.frames;
    }
    if (vits_convert(m, c->nn, item, n, &err) != HSE_OK)
        golden_fail_error(c, "the converter in a batch", &err);
    for (int i = 1; i < n && !c->failed; i++)
        golden_same_bits(c, "a window of the audio", alone->audio.wave + item[i].audio.from * hop, item[i].audio.samples,
                         item[i].audio.wave, item[i].audio.samples);
    for (int i = 0; i < n; i++)
        hse_free(item[i].audio.wave);
}

static void convert(golden_case *c, const vits_converter *m)
{
    golden_array source = {0}, target = {0};
    int noise_frames = 0;
    float *noise = read_turned(c, "noise_q", &noise_frames);
    vits_conversion t = {.noise = noise, .tau = (float)golden_param(c, "tau", 0.3)};
    hse_error err = {0};
    float *spec = NULL;

    if (golden_input(c, "src_se", &source) && golden_input(c, "tgt_se", &target) &&
        (t.spec = spec = read_spectrogram(c, m, "source", &t.audio.frames)) != NULL) {
        t.source = source.data;
        t.target = target.data;
        t.audio.to = t.spec_to = t.audio.frames;
        give_spectrogram(c, spec, t.audio.frames, (size_t)m->bins);
        if (source.count != (size_t)m->dims.gin || target.count != source.count || (noise && noise_frames != (int)t.audio.frames))
            golden_fail(c, "inputs of other sizes than the model's");
        nn_listen(c->nn, hear_converter, c);
        if (!c->failed && (vits_convert(m, c->nn, &t, 1, &err) != HSE_OK || t.audio.status != HSE_OK))
            golden_fail_error(c, "the converter", err.status ? &err : &t.audio.error);
        nn_listen(c->nn, NULL, NULL);
        if (!c->failed) {
            golden_give(c, "audio", t.audio.wave, 3, (size_t[]){1, 1, t.audio.samples});
            check_conversion_batch(c, m, &t);
        }
    }
    hse_free(t.audio.wave);
    hse_free(spec);
    hse_free(noise);
    golden_free_array(&source);
    golden_free_array(&target);
}

static void openvoice_conv(golden_case *c)
{
    vits_converter *m = open_converter(c);

    if (m && given(c, "source"))
        convert(c, m);
    else if (m && given(c, "ref0"))
        embed(c, m);
    else if (m)
        read_files(c);
    vits_converter_close(&m);
}

/* The spectrogram alone, of a plan made from the case's sizes. */
static void openvoice_spectrogram(golden_case *c)
{
    int n_fft = (int)golden_param(c, "n_fft", 0), hop = (int)golden_param(c, "hop_size", 0);
    vits_converter m = {.bins = n_fft / 2 + 1, .hop = hop, .pad = (n_fft - hop) / 2};
    hse_stft_config config = {.n_fft = n_fft, .window = (int)golden_param(c, "win_size", 0), .hop = hop, .pad = m.pad,
                              .pad_with = HSE_STFT_REFLECT};
    golden_array y = {0};
    float *spec = NULL, *padded;
    size_t frames;
    hse_error err = {0};

    if (golden_input(c, "y", &y) && hse_stft_open(&m.stft, &config, &err) == HSE_OK &&
        vits_spectrogram(&m, y.data, y.count, &spec, &frames, &err) == HSE_OK) {
        size_t pad = (size_t)m.pad, n = y.count;

        give_spectrogram(c, spec, frames, (size_t)m.bins);
        if ((padded = hse_alloc((n + 2 * pad) * sizeof *padded)) != NULL) {
            for (size_t i = 0; i < n + 2 * pad; i++)
                padded[i] = y.data[i < pad ? pad - i : i - pad < n ? i - pad : 2 * n - 2 - (i - pad)];
            golden_give2(c, "padded", padded, 1, n + 2 * pad);
        }
        hse_free(padded);
        golden_give1(c, "window", hse_stft_window(m.stft) + (n_fft - config.window) / 2, (size_t)config.window);
    } else if (!c->failed) {
        golden_fail_error(c, "the spectrogram", &err);
    }
    hse_free(spec);
    if (m.stft)
        hse_stft_close(&m.stft);
    golden_free_array(&y);
}

static void melo_model(golden_case *c)
{
    tts(c, true);
}

static void openvoice_tts(golden_case *c)
{
    tts(c, false);
}

const golden_kind golden_vits[] = {
    {"melo.model", melo_model},
    {"openvoice.tts", openvoice_tts},
    {"openvoice.conv", openvoice_conv},
    {"openvoice.spectrogram", openvoice_spectrogram},
    {NULL, NULL},
};
