/* fake_split.h - model types that split requests into many items.
 *
 * Restorer: parts of 1000 samples; each sample is doubled by the restorer (as a mel of one band) and gets 1 added by the
 * vocoder, so that the whole is 2 x + 1 in order, whatever came back first. Recogniser: a word for each 1000 samples (of the
 * speech it was given, where it asked for some), spoken one after the other or, batched, side by side. Finder: the first and the
 * last quarter of the recording. */
#ifndef TEST_ENGINE_FAKE_SPLIT_H
#define TEST_ENGINE_FAKE_SPLIT_H

#include "engine/fake.h"

enum { FS_PART = 1000, FS_RATE = 8000, FS_FED = 1 << 20 };      /* FS_FED: samples of a recording that is fed, at most */

typedef struct {
    atomic_int open, closed, nexts, under_way, most, slow_us, fail_at, wait_open;
    atomic_int cancelled_in_open;
} fs_state;

static fs_state fs;

static inline void fs_reset(void)
{
    fs = (fs_state){0};
    fs.fail_at = -1;
}

typedef struct {
    hse_split_input in;
    size_t    total, next, took;            /* samples; parts */
    int       out;
    bool      one_by_one, words, ended;     /* ended: total is known */
    float    *fed;                          /* what came by fs_feed; NULL: the recording is in->audio */
    float    *done;                         /* [total], in place */
    bool     *there;
    size_t    shown;
    hse_item *items[64];
    size_t    given;
    hse_transcript facts;
    hse_transcript_segment text;
    char      word[32];
} fs_split;

static inline size_t fs_parts(const fs_split *s)
{
    return (s->total + FS_PART - 1) / FS_PART;
}

static inline hse_status fs_open(void **out, const void *model, const hse_split_input *in, hse_error *err)
{
    (void)model;
    atomic_fetch_add(&fs.open, 1);
    for (int i = 0; atomic_load(&fs.wait_open) && i < 5000; i++) {
        if (in->cancel && atomic_load(in->cancel)) {
            atomic_fetch_add(&fs.cancelled_in_open, 1);
            atomic_fetch_add(&fs.closed, 1);
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        }
        usleep(1000);
    }
    fs_split *s = hse_calloc(1, sizeof *s);
    if (s) {
        s->in = *in;
        s->total = in->audio->n;
        s->words = in->transcribe != NULL;
        s->one_by_one = s->words && !in->transcribe->batched;
        if (in->has_speech) {
            s->total = 0;
            for (size_t i = 0; i < in->speech_count; i++)
                s->total += (size_t)(in->speech[i].end - in->speech[i].start);
        }
        s->ended = in->audio->samples;
        s->fed = s->ended ? NULL : hse_calloc(FS_FED, sizeof *s->fed);
        s->done = hse_calloc(s->ended ? s->total + 1 : FS_FED, sizeof *s->done);
        s->there = hse_calloc(s->ended ? fs_parts(s) + 1 : FS_FED / FS_PART + 1, sizeof *s->there);
    }
    if (!s || !s->done || !s->there || (!s->ended && !s->fed)) {
        if (s) {
            hse_free(s->fed);
            hse_free(s->done);
            hse_free(s->there);
        }
        hse_free(s);
        atomic_fetch_add(&fs.closed, 1);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the fake split");
    }
    *out = s;
    return HSE_OK;
}

static inline hse_status fs_feed(void *split, const float *samples, size_t n, bool end, hse_error *err)
{
    fs_split *s = split;

    if (s->total + n > FS_FED || (end && s->total + n == 0))
        return hse_fail(err, HSE_E_ARG, 0, "source_audio has %s samples", end ? "no" : "too many");
    if (n)
        memcpy(s->fed + s->total, samples, n * sizeof *samples);
    s->total += n;
    s->ended = end;
    return HSE_OK;
}

static inline hse_item *fs_next(void *split)
{
    fs_split *s = split;
    size_t from = s->next * FS_PART, n = s->total - from < FS_PART ? s->total - from : FS_PART;

    atomic_fetch_add(&fs.nexts, 1);
    if (s->next == fs_parts(s) || (!s->ended && n < FS_PART) || (s->one_by_one && s->out) || s->out == 64)
        return NULL;
    hse_item *it = hse_calloc(1, sizeof *it);
    if (!it)
        return NULL;
    hse_item_init(it);
    it->own = s;
    it->frame_from = s->next;
    it->has = HSE_AUDIO;
    it->audio = (hse_audio){.samples = hse_calloc(n + 1, sizeof(float)), .n = n, .rate_hz = s->in.audio->rate_hz, .channels = 1};
    if (!it->audio.samples) {
        hse_free(it);
        return NULL;
    }
    if (!s->in.has_speech)
        memcpy(it->audio.samples, (s->fed ? s->fed : s->in.audio->samples) + from, n * sizeof(float));
    s->next++;
    s->items[s->next % 64] = it;
    int now = ++s->out;
    if (now > atomic_load(&fs.most))
        atomic_store(&fs.most, now);
    return it;
}

static inline void fs_say(fs_split *s, hse_split_output *out, size_t part)
{
    size_t end = (part + 1) * FS_PART < s->total ? (part + 1) * FS_PART : s->total;

    snprintf(s->word, sizeof s->word, " word%zu", part);
    s->text = (hse_transcript_segment){.id = (int32_t)part + 1, .start = (double)(part * FS_PART) / s->in.audio->rate_hz,
                                       .end = (double)end / s->in.audio->rate_hz, .text = s->word, .language = "en"};
    out->text = &s->text;
    out->text_count = 1;
}

static inline hse_status fs_took(void *split, hse_item *item, hse_split_output *out, hse_error *err)
{
    fs_split *s = split;

    (void)err;
    *out = (hse_split_output){0};
    if (item) {
        size_t part = item->frame_from, from = part * FS_PART;

        memcpy(s->done + from, item->audio.samples, item->audio.n * sizeof(float));
        s->there[part] = true;
        hse_item_free(item);
        s->items[(part + 1) % 64] = NULL;
        hse_free(item);
        s->out--;
        s->took++;
    }
    if (s->words) {                         /* in order: one word a call, the rest waits for the next */
        if (s->shown < fs_parts(s) && s->there[s->shown])
            fs_say(s, out, s->shown++);
        s->facts = (hse_transcript){.language = s->shown ? "en" : NULL, .language_probability = 0.5,
                                    .duration = (double)s->in.audio->n / s->in.audio->rate_hz,
                                    .duration_after_vad = (double)s->total / s->in.audio->rate_hz};
        out->transcript = &s->facts;
        if (s->took == fs_parts(s) && s->shown < fs_parts(s) && s->there[s->shown]) {
            static hse_transcript_segment rest[1024];
            static char words[1024][32];
            size_t n = 0;

            if (out->text_count)
                rest[n++] = s->text, snprintf(words[0], 32, "%s", s->word), rest[0].text = words[0];
            while (s->shown < fs_parts(s) && n < 1024) {
                fs_say(s, out, s->shown++);
                rest[n] = s->text;
                snprintf(words[n], 32, "%s", s->word);
                rest[n].text = words[n];
                n++;
            }
            out->text = rest;
            out->text_count = n;
        }
    } else {
        size_t from = s->shown;

        while (s->shown < s->total && s->there[s->shown / FS_PART])
            s->shown = s->shown / FS_PART * FS_PART + FS_PART < s->total ? s->shown / FS_PART * FS_PART + FS_PART : s->total;
        out->samples = s->done + from;
        out->sample_count = s->shown - from;
    }
    out->done = s->ended && s->took == fs_parts(s);
    return HSE_OK;
}

static inline void fs_close(void **split)
{
    fs_split *s = *split;

    for (size_t i = 0; i < 64; i++)
        if (s->items[i]) {
            hse_item_free(s->items[i]);
            hse_free(s->items[i]);
        }
    hse_free(s->fed);
    hse_free(s->done);
    hse_free(s->there);
    hse_free(s);
    atomic_fetch_add(&fs.closed, 1);
    *split = NULL;
}

static inline hse_status fs_run(nn_ctx *c, hse_item *const *items, size_t n, int step)
{
    hse_status s = fake_enter(step ? 2 : 1, c, items, n);

    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        hse_item *it = items[i];

        if ((int)it->frame_from == atomic_load(&fs.fail_at)) {
            item_fail(it, HSE_E_FORMAT, "this part is broken");
            continue;
        }
        for (size_t j = 0; j < it->audio.n; j++)
            it->audio.samples[j] = step ? it->audio.samples[j] + 1 : it->audio.samples[j] * 2;
    }
    return s;
}

static inline hse_status fs_restore(const void *m, nn_ctx *c, hse_item *const *items, size_t n) { (void)m; return fs_run(c, items, n, 0); }
static inline hse_status fs_vocode(const void *m, nn_ctx *c, hse_item *const *items, size_t n) { (void)m; return fs_run(c, items, n, 1); }

static inline bool fs_wants_speech(const hse_split_input *in, hse_vad_options *vad)
{
    if (!in->transcribe || !in->transcribe->vad_filter)
        return false;
    hse_request r;
    hse_request_init(&r, HSE_JOB_VAD);
    *vad = r.vad;
    vad->faster_whisper = true;
    return true;
}

static inline hse_status fs_find(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = fake_enter(3, c, items, n);

    (void)model;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        int64_t all = (int64_t)items[i]->audio.n;

        if (!(items[i]->segments = hse_calloc(2, sizeof(hse_segment)))) {
            item_fail(items[i], HSE_E_NOMEM, "no memory");
            continue;
        }
        items[i]->segments[0] = (hse_segment){0, all / 4};
        items[i]->segments[1] = (hse_segment){all - all / 4, all};
        items[i]->segment_count = 2;
    }
    return s;
}

#define FS_SPLIT .split_open = fs_open, .split_next = fs_next, .split_took = fs_took, .split_close = fs_close

static const hse_model_type fs_restorer_type = {
    FAKE_COMMON, FS_SPLIT, .split_feed = fs_feed, .type = "VoiceFixerRestorer", .name = "restorer", .takes = HSE_AUDIO, .gives = HSE_MEL,
    .open = fake_open_synth, .run = fs_restore, .files = {"restorer.fake"},
};
static const hse_model_type fs_vocoder_type = {
    FAKE_COMMON, .type = "VoiceFixerVocoder", .name = "restorer-vocoder", .takes = HSE_MEL, .gives = HSE_AUDIO,
    .open = fake_open_vocoder, .run = fs_vocode, .files = {"restorer-vocoder.fake"},
};
static const hse_model_type fs_recogniser_type = {
    FAKE_COMMON, FS_SPLIT, .type = "FasterWhisper", .name = "recogniser", .takes = HSE_AUDIO, .gives = HSE_TRANSCRIPT | HSE_SEGMENTS,
    .open = fake_open_synth, .run = fs_restore, .wants_speech = fs_wants_speech, .files = {"recogniser.fake"},
};
static const hse_model_type fs_finder_type = {
    FAKE_COMMON, .type = "SileroVADV6", .name = "finder", .takes = HSE_AUDIO, .gives = HSE_SEGMENTS,
    .open = fake_open_vad, .run = fs_find, .files = {"finder.fake"},
};
static const hse_model_type fs_converter_type = {
    FAKE_COMMON, .type = "FakeConverter", .name = "converter", .takes = HSE_AUDIO | HSE_EMBEDDING, .gives = HSE_AUDIO,
    .open = fake_open_vocoder, .run = fs_vocode, .files = {"converter.fake"},
};

static const hse_model_type *const fs_types[] = {&fs_recogniser_type, &fs_restorer_type, &fs_vocoder_type, &fs_finder_type,
                                                 &fs_converter_type, &fake_encoder_type, NULL};

static inline const char *fs_models(const char *name)
{
    static const char *const files[] = {"restorer.fake", "restorer-vocoder.fake", "recogniser.fake", "finder.fake", "converter.fake",
                                        "encoder.fake"};
    static char dir[400];
    char path[512];

    snprintf(path, sizeof path, "rm -rf '%s/%s'; mkdir -p '%s/%s/org/all'", HSE_BINARY_DIR, name, HSE_BINARY_DIR, name);
    CHECK(system(path) == 0, "%s", path);
    snprintf(dir, sizeof dir, "%s/%s", HSE_BINARY_DIR, name);
    snprintf(path, sizeof path, "%s/org/all", dir);
    for (size_t i = 0; i < COUNT(files); i++)
        fake_file(path, files[i], "");
    return dir;
}

static inline hse_engine *fs_engine(void)
{
    hse_engine_setup setup = {.types = fs_types, .no_bundled = true, .threads = 2, .models = fs_models("split-models")};
    hse_engine *e = NULL;
    hse_error err = {0};

    fake_reset();
    fs_reset();
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    return e;
}

/* A ramp of n samples; the caller's. */
static inline float *fs_ramp(size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);

    CHECK(x, "no memory");
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i % 997) * 0.001f;
    return x;
}

#endif
