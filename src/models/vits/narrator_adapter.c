#include "models/vits/narrator_adapter.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/vits/narrator.h"
#include "text/lexicon.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { CONFIG_BYTES = 4 << 20, PATH_BYTES = 4096 };

/* ---- which files, which languages, whose voices ---- */

/* What MeloTTS asks in each language: the names of BERT's repositories, of old and of now. */
static const struct {
    const char *language, *bert;
} melo_languages[] = {
    {"en", "bert-base-uncased|google-bert/bert-base-uncased"},
    {"zh", "hfl/chinese-roberta-wwm-ext-large"},
    {"zh_mix_en", "bert-base-multilingual-uncased|google-bert/bert-base-multilingual-uncased"},
    {"es", "dccuchile/bert-base-spanish-wwm-uncased"},
    {"fr", "dbmdz/bert-base-french-europeana-cased"},
    {"ja", "tohoku-nlp/bert-base-japanese-v3|cl-tohoku/bert-base-japanese-v3"},
    {"ko", "kykim/bert-kor-base"},
};

static hse_status join(char out[PATH_BYTES], const char *dir, const char *file, hse_error *err)
{
    if (snprintf(out, PATH_BYTES, "%s/%s", dir, file) >= PATH_BYTES)
        return hse_fail(err, HSE_E_ARG, 0, "the path of %.40s is too long", file);
    return HSE_OK;
}

/* "checkpoints/base_speakers/EN/config.json" for "en", below the folder. */
static hse_status base_speaker(char out[PATH_BYTES], const char *dir, const char *language, const char *file, hse_error *err)
{
    char name[80];

    snprintf(name, sizeof name, "checkpoints/base_speakers/%s/%s", strcasecmp(language, "zh") == 0 ? "ZH" : "EN", file);
    return join(out, dir, name, err);
}

static hse_status read_config(vits_config **out, const char *path, vits_config_kind kind, hse_error *err)
{
    char *text = NULL;
    size_t size;
    hse_status s = hse_file_read(&text, &size, path, CONFIG_BYTES, err);

    if (s == HSE_OK)
        s = vits_config_open(out, (hse_bytes){(const uint8_t *)text, size}, "config.json", kind, err);
    hse_free(text);
    return s;
}

static hse_status copy_voices(hse_model_facts *out, const vits_config *config, hse_arena *arena, hse_error *err)
{
    const char **names = hse_arena_array(arena, config->speaker_count + 1, sizeof *names);

    for (size_t i = 0; names && i < config->speaker_count; i++)
        if (!(names[i] = hse_arena_strndup(arena, config->speakers[i].name, strlen(config->speakers[i].name))))
            names = NULL;
    if (!names)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voices");
    out->voices = names;
    out->voice_count = config->speaker_count;
    return HSE_OK;
}

/* The language that a speaker is named after: "EN-US", "EN_INDIA", "ZH"; NULL: none. */
static const char *language_of(const char *speaker)
{
    static const struct {
        const char *name, *language;
    } names[] = {{"EN", "en"}, {"ZH", "zh"}, {"ES", "es"}, {"SP", "es"}, {"FR", "fr"}, {"JP", "ja"}, {"KR", "ko"}};
    size_t n = strcspn(speaker, "-_");

    for (size_t i = 0; i < COUNT(names); i++)
        if (strlen(names[i].name) == n && strncmp(names[i].name, speaker, n) == 0)
            return names[i].language;
    return NULL;
}

static hse_status melo_look(hse_model_facts *out, const char *dir, const char *language, hse_arena *arena, hse_error *err)
{
    char path[PATH_BYTES];
    vits_config *config = NULL;
    hse_status s = join(path, dir, "config.json", err);

    *out = (hse_model_facts){.companion_what = "BERT"};
    if (s == HSE_OK)
        s = read_config(&config, path, VITS_MELO, err);
    if (s != HSE_OK)
        return s;
    language = language ? language : language_of(config->speakers[0].name);
    for (size_t i = 0; language && i < COUNT(melo_languages); i++)
        if (strcmp(melo_languages[i].language, language) == 0) {
            out->languages[0] = melo_languages[i].language;
            out->companion = melo_languages[i].bert;
        }
    out->companion_files[0] = "vocab.txt";
    if (!config->disable_bert) {
        out->companion_files[1] = "config.json";
        out->companion_files[2] = "model.safetensors|model.safetensors.index.json|pytorch_model.bin|pytorch_model.bin.index.json";
    }
    s = copy_voices(out, config, arena, err);
    if (s == HSE_OK && !out->languages[0])
        s = language ? hse_fail(err, HSE_E_UNSUPPORTED, 0, "MeloTTS does not speak '%.20s'", language)
                     : hse_fail(err, HSE_E_UNSUPPORTED, 0, "config.json: speaker '%.40s' names no language; a config says it "
                                "with `language`", config->speakers[0].name);
    vits_config_close(&config);
    return s;
}

static hse_status openvoice_look(hse_model_facts *out, const char *dir, const char *language, hse_arena *arena, hse_error *err)
{
    static const char *const languages[] = {"en", "zh"};
    char path[PATH_BYTES];
    vits_config *config = NULL;
    size_t n = 0;
    hse_status s;

    *out = (hse_model_facts){0};
    for (size_t i = 0; i < COUNT(languages); i++) {
        if ((s = base_speaker(path, dir, languages[i], "checkpoint.pth", err)) != HSE_OK)
            return s;
        if (access(path, F_OK) == 0)
            out->languages[n++] = languages[i];
    }
    language = language ? language : n ? out->languages[0] : "en";
    if (!vits_narrator_speaks(VITS_OPENVOICE_BASE, language))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "OpenVoice V1 has base speakers of en and zh, none of '%.20s'", language);
    if ((s = base_speaker(path, dir, language, "config.json", err)) == HSE_OK)
        s = read_config(&config, path, VITS_OPENVOICE_BASE, err);
    if (s == HSE_OK)
        s = copy_voices(out, config, arena, err);
    vits_config_close(&config);
    return s;
}

/* ---- opening ---- */

static void close_model(void **model)
{
    vits_narrator *m = *model;

    vits_narrator_close(&m);
    *model = NULL;
}

static hse_status open_model(void **out, const hse_model_source *source, vits_narrator_source *from, hse_error *err)
{
    const char *format = source->load_format ? source->load_format : "auto";
    vits_narrator *m = NULL;
    hse_status s;

    from->language = source->language ? source->language : "en";
    if (strcmp(format, "auto") != 0 && strcmp(format, "pt") != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "load_format \"%.40s\"; this model has auto and pt", format);
    if (!source->lexicon)
        return hse_fail(err, HSE_E_ARG, 0, "a voice that reads texts needs the language packs");
    if (!from->rep && (s = text_lexicon_need(source->lexicon, from->language, err)) != HSE_OK)
        return s;
    from->dictionary = text_lexicon_dictionary(source->lexicon);
    from->kernels = source->kernels;
    from->type = source->precision;
    from->limits = &source->limits;
    from->parts = source->parts;
    if ((s = vits_narrator_open(&m, from, err)) == HSE_OK)
        *out = m;
    return s;
}

static hse_status melo_open(void **out, const hse_model_source *source, hse_error *err)
{
    char config[PATH_BYTES], checkpoint[PATH_BYTES], rep[PATH_BYTES];
    vits_narrator_source from = {.kind = VITS_MELO, .config = config, .checkpoint = checkpoint, .bert = source->companion};
    hse_status s = join(config, source->dir, "config.json", err);

    if (s == HSE_OK)
        s = join(checkpoint, source->dir, "checkpoint.pth", err);
    if (s == HSE_OK)
        s = join(rep, source->dir, "cmudict.rep", err);
    if (s == HSE_OK && access(rep, F_OK) == 0)
        from.rep = rep;
    return s == HSE_OK ? open_model(out, source, &from, err) : s;
}

static hse_status openvoice_open(void **out, const hse_model_source *source, hse_error *err)
{
    const char *language = source->language ? source->language : "en";
    char config[PATH_BYTES], checkpoint[PATH_BYTES];
    vits_narrator_source from = {.kind = VITS_OPENVOICE_BASE, .config = config, .checkpoint = checkpoint};
    hse_status s = base_speaker(config, source->dir, language, "config.json", err);

    if (s == HSE_OK)
        s = base_speaker(checkpoint, source->dir, language, "checkpoint.pth", err);
    return s == HSE_OK ? open_model(out, source, &from, err) : s;
}

static size_t model_bytes(const void *model)
{
    return vits_narrator_bytes(model);
}

static size_t companion_bytes(const void *model)
{
    const vits_narrator *m = model;

    return m->bert ? bert_bytes(m->bert) : 0;
}

static unsigned model_rate(const void *model)
{
    return (unsigned)((const vits_narrator *)model)->config->rate_hz;
}

static void describe(const void *model, char *out, size_t size)
{
    const vits_narrator *m = model;
    const vits_dims *d = &m->tts->dims;
    int n = snprintf(out, size, "VITS, %d channels, %d layers, decoder %d channels, hop %d, %zu symbols, %zu speakers", d->hidden,
                     d->layers, d->up_channels, m->tts->decoder.hop, m->config->symbol_count, m->config->speaker_count);

    if (m->bert && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, ", BERT %d x %d", m->bert->used, m->bert->hidden);
}

/* ---- a text to a latent ---- */

static hse_status speaker_of(const vits_narrator *m, const hse_item *item, int *speaker, hse_error *err)
{
    const char *name = item->voice ? item->voice : m->config->speakers[0].name;

    if ((*speaker = vits_speaker_id(m->config, name)) < 0)
        return hse_fail(err, HSE_E_ARG, 0, "voice: the model has no speaker '%.60s'", name);
    return HSE_OK;
}

static void take_latent(const vits_narrator *m, hse_item *item, vits_told *t)
{
    item->status = t->status;
    if (t->status != HSE_OK) {
        item->error = t->error;
        return;
    }
    hse_free(item->mel);
    item->mel = t->z;
    item->mel_frames = (size_t)t->frames;
    item->mel_bands = m->tts->dims.inter;
    item->has |= HSE_MEL;
    t->z = NULL;
}

static hse_status run_texts(const vits_narrator *m, nn_ctx *c, hse_item *const *items, size_t n)
{
    vits_told *t = hse_calloc(n + 1, sizeof *t);
    size_t *of = hse_calloc(n + 1, sizeof *of), good = 0;
    hse_error err = {0};
    hse_status s = t && of ? HSE_OK : hse_fail(&err, HSE_E_NOMEM, 0, "no memory for %zu texts", n);

    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        hse_item *item = items[i];

        if ((item->status = speaker_of(m, item, &t[good].speaker, &item->error)) != HSE_OK)
            continue;
        t[good].text = item->text ? item->text : "";
        t[good].speed = item->speed;
        t[good].lenient = !item->reference;
        t[good].seed = item->seed;
        t[good].stream = item->stream;
        of[good++] = i;
    }
    if (s == HSE_OK && good)
        s = vits_narrator_tell(m, c, t, (int)good, &err);
    for (size_t i = 0; i < good; i++) {
        if (s == HSE_OK)
            take_latent(m, items[of[i]], &t[i]);
        else
            items[of[i]]->status = s, items[of[i]]->error = err;
        vits_told_free(&t[i]);
    }
    hse_free(t);
    hse_free(of);
    return s;
}

/* ---- windows of latents to audio ---- */

static hse_status window_of(const vits_narrator *m, const hse_item *item, vits_wave *w, hse_error *err)
{
    bool window = item->frame_from || item->frame_to;
    int speaker;
    hse_status s = speaker_of(m, item, &speaker, err);

    if (s == HSE_OK && item->mel_bands != m->tts->dims.inter)
        s = hse_fail(err, HSE_E_ARG, 0, "a latent of %d channels; the decoder takes %d", item->mel_bands, m->tts->dims.inter);
    if (s == HSE_OK)
        *w = (vits_wave){.z = item->mel, .speaker = vits_tts_speaker(m->tts, speaker),
                         .audio = {.frames = item->mel_frames, .from = window ? item->frame_from : 0,
                                   .to = window ? item->frame_to : item->mel_frames}};
    return s;
}

/* The window's samples, and the silence behind the piece's last. */
static hse_status take_wave(const vits_narrator *m, hse_item *item, windows_audio *w)
{
    size_t gap = w->to == w->frames ? vits_narrator_gap(m, item->speed) : 0, bytes;
    float *wave;

    if (w->status != HSE_OK) {
        item->error = w->error;
        return w->status;
    }
    if (!hse_add_size(w->samples, gap, &bytes) || !hse_mul_size(bytes, sizeof *wave, &bytes) ||
        !(wave = hse_realloc(w->wave, bytes)))
        return hse_fail(&item->error, HSE_E_NOMEM, 0, "no memory for %zu samples", w->samples + gap);
    memset(wave + w->samples, 0, gap * sizeof *wave);
    w->wave = NULL;
    hse_audio_free(&item->audio);
    item->audio = (hse_audio){.samples = wave, .n = w->samples + gap, .rate_hz = m->config->rate_hz, .channels = 1};
    item->has |= HSE_AUDIO;
    return HSE_OK;
}

static hse_status run_windows(const vits_narrator *m, nn_ctx *c, hse_item *const *items, size_t n)
{
    vits_wave *w = hse_calloc(n + 1, sizeof *w);
    size_t *of = hse_calloc(n + 1, sizeof *of), good = 0;
    hse_error err = {0};
    hse_status s = w && of ? HSE_OK : hse_fail(&err, HSE_E_NOMEM, 0, "no memory for %zu windows", n);

    for (size_t i = 0; i < n && s == HSE_OK; i++)
        if ((items[i]->status = window_of(m, items[i], &w[good], &items[i]->error)) == HSE_OK)
            of[good++] = i;
    if (s == HSE_OK && good)
        s = vits_decode(&m->tts->decoder, c, w, (int)good, &err);
    for (size_t i = 0; i < good; i++) {
        if (s == HSE_OK)
            items[of[i]]->status = take_wave(m, items[of[i]], &w[i].audio);
        else
            items[of[i]]->status = s, items[of[i]]->error = err;
        hse_free(w[i].audio.wave);
    }
    hse_free(w);
    hse_free(of);
    return s;
}

/* Texts and windows, each kind in one pass. */
static hse_status run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    const vits_narrator *m = model;
    hse_item **sorted = hse_calloc(n + 1, sizeof *sorted);
    size_t texts = 0, others = 0;
    hse_status s;

    if (!sorted)
        return HSE_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        bool window = items[i]->has & HSE_MEL;

        sorted[window ? n - 1 - others : texts] = items[i];
        others += window;
        texts += !window;
    }
    s = others ? run_windows(m, c, sorted + texts, others) : HSE_OK;
    if (s == HSE_OK && texts)
        s = run_texts(m, c, sorted, texts);
    hse_free(sorted);
    return s;
}

/* How long a text lasts is what the model finds out: planned for people's usual pace, and with the blanks between its phones. One text
 * after the other is an upper bound of what they need together. */
static size_t plan_texts(const vits_narrator *m, nn_ctx *c, hse_item *const *items, size_t n)
{
    enum { MOST_BYTES = 4096 };                         /* of a sentence: longer ones are cut before */
    const double usual_frames = 6, phones = 2;          /* of a byte */
    size_t sum = 0, heard = 0;

    for (size_t i = 0; i < n; i++) {
        size_t bytes = items[i]->text ? strlen(items[i]->text) : 0;
        double speed = items[i]->speed > 0 ? (double)items[i]->speed : 1;

        bytes = bytes < MOST_BYTES ? bytes : MOST_BYTES;
        if (items[i]->has & HSE_MEL || !bytes)
            continue;
        if (m->bert && bytes > heard)
            heard = bytes;
        sum += vits_tts_plan(m->tts, c, (int)((double)bytes * phones) + 1, (int)((double)bytes * usual_frames / fmax(speed, 0.1)) + 1);
    }
    size_t hearing = heard ? bert_plan(m->bert, c, (int)(heard < 512 ? heard : 512)) : 0;
    return sum > hearing ? sum : hearing;
}

static size_t plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    size_t frames = 0, texts = plan_texts(model, c, items, n);

    for (size_t i = 0; i < n; i++)
        if (items[i]->has & HSE_MEL)
            frames += items[i]->frame_to ? items[i]->frame_to - items[i]->frame_from : items[i]->mel_frames;
    size_t decoding = frames ? vits_decode_plan(&((const vits_narrator *)model)->tts->decoder, c, frames) : 0;
    return decoding > texts ? decoding : texts;
}

/* ---- the types ---- */

static hse_status melo_cut(const char *language, const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count,
                           hse_error *err)
{
    return vits_narrator_cut(VITS_MELO, language, text, size, arena, out, count, err);
}

static hse_status openvoice_cut(const char *language, const char *text, size_t size, hse_arena *arena, const char ***out,
                                size_t *count, hse_error *err)
{
    return vits_narrator_cut(VITS_OPENVOICE_BASE, language, text, size, arena, out, count, err);
}

#define SPEAKS_ITSELF                                                                                                   \
    .takes = HSE_TEXT, .gives = HSE_MEL | HSE_AUDIO, .auto_precision = K_BF16, .close = close_model, .run = run,         \
    .plan = plan, .bytes = model_bytes, .rate_hz = model_rate, .describe = describe, .fixed_pitch = true

const hse_model_type melo_type = {
    SPEAKS_ITSELF,
    .type = "MeloTTSSynthesizer",
    .family = "melo",
    .open = melo_open,
    .name = "ov2-synthesizer",
    .files = {"checkpoint.pth"},
    .look = melo_look,
    .companion_bytes = companion_bytes,
    .cut = melo_cut,
    .check_phones = melo_check_phones,
};

const hse_model_type openvoice_v1_type = {
    SPEAKS_ITSELF,
    .type = "OpenVoiceV1Synthesizer",
    .family = "openvoice",
    .styled = true,
    .open = openvoice_open,
    .name = "ov1-synthesizer",
    .files = {"checkpoints/base_speakers/EN/checkpoint.pth|checkpoints/base_speakers/ZH/checkpoint.pth"},
    .look = openvoice_look,
    .cut = openvoice_cut,
    .check_phones = openvoice_check_phones,
};
