/* fake.h - model types that compute simple sums in place of networks, so that scheduling is tested without weights: text of
 * n bytes gives 2 n frames of mel (at speed 1), a frame gives 10 samples that also depend on its neighbours, a recording
 * gives an embedding of 4 numbers. They count batches, can be held at a gate, and can be told to fail. */
#ifndef TEST_ENGINE_FAKE_H
#define TEST_ENGINE_FAKE_H

#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bounds on time are for a machine that has a core to spare; sanitizers are slower. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { FAKE_SLACK = 10 };
#else
enum { FAKE_SLACK = 2 };
#endif

enum { FAKE_BANDS = 3, FAKE_HOP = 10, FAKE_RATE = 8000, FAKE_DIM = 4, FAKE_TYPES = 4 };

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            closed[FAKE_TYPES];     /* the gate: a batch waits in front of it */
    int             passes[FAKE_TYPES];     /* batches that a closed gate lets through */
    size_t          hold_frames;            /* a batch with a mel of so many frames waits, gate or not; 0 = none */
    bool            hold_open[FAKE_TYPES];  /* a load waits */
    int             inside[FAKE_TYPES];     /* batches that compute now */
    int             fail_open[FAKE_TYPES];  /* this many loads fail */
    int             opens[FAKE_TYPES];
    int             batches[FAKE_TYPES], items[FAKE_TYPES], largest[FAKE_TYPES];
    int             delay_us[FAKE_TYPES], open_delay_us[FAKE_TYPES];
    int             no_memory_above;        /* batches of the vocoder that are larger fail as a whole; 0 = none */
    char            order[4096];            /* first letters of the texts as the synthesizer sees them */
    size_t          order_n;
} fake_state;

static atomic_int fake_weight = 16;         /* bytes of each model */
static atomic_int fake_activation = 1;      /* bytes that an item of a batch is said to need */
static atomic_size_t fake_planned;          /* frames of the longest mel that was planned for */

static fake_state fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void fake_reset(void)
{
    pthread_mutex_lock(&fake.lock);
    memset(fake.closed, 0, sizeof fake.closed);
    memset(fake.passes, 0, sizeof fake.passes);
    memset(fake.hold_open, 0, sizeof fake.hold_open);
    fake.hold_frames = 0;
    memset(fake.inside, 0, sizeof fake.inside);
    memset(fake.fail_open, 0, sizeof fake.fail_open);
    memset(fake.opens, 0, sizeof fake.opens);
    memset(fake.batches, 0, sizeof fake.batches);
    memset(fake.items, 0, sizeof fake.items);
    memset(fake.largest, 0, sizeof fake.largest);
    memset(fake.delay_us, 0, sizeof fake.delay_us);
    memset(fake.open_delay_us, 0, sizeof fake.open_delay_us);
    fake.no_memory_above = 0;
    fake.order_n = 0;
    pthread_mutex_unlock(&fake.lock);
}

/* A counter of the state, read as the models' threads write it. */
static inline int fake_count(const int *counter)
{
    pthread_mutex_lock(&fake.lock);
    int n = *counter;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

/* How many texts the synthesizer saw before the first that begins with this letter. */
static inline size_t fake_place(char letter)
{
    size_t at = 0;

    pthread_mutex_lock(&fake.lock);
    while (at < fake.order_n && fake.order[at] != letter)
        at++;
    pthread_mutex_unlock(&fake.lock);
    return at;
}

static inline void fake_gate(int type, bool closed)
{
    pthread_mutex_lock(&fake.lock);
    fake.closed[type] = closed;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

/* One batch may go through the closed gate. */
static inline void fake_pass(int type)
{
    pthread_mutex_lock(&fake.lock);
    fake.passes[type]++;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_hold_frames(size_t frames)
{
    pthread_mutex_lock(&fake.lock);
    fake.hold_frames = frames;
    pthread_mutex_unlock(&fake.lock);
}

/* What the synthesizer makes of a text, at speed 1. */
static inline size_t fake_frames(const char *text)
{
    return 2 * strlen(text);
}

static inline void fake_hold_open(int type, bool hold)
{
    pthread_mutex_lock(&fake.lock);
    fake.hold_open[type] = hold;
    pthread_mutex_unlock(&fake.lock);
}

/* Wait until a batch stands at the gate; false after 5 s. */
static inline bool fake_wait_inside(int type)
{
    for (int i = 0; i < 5000; i++) {
        pthread_mutex_lock(&fake.lock);
        int n = fake.inside[type];
        pthread_mutex_unlock(&fake.lock);
        if (n)
            return true;
        usleep(1000);
    }
    return false;
}

/* Wait until one batch computes and no more; false after 5 s. */
static inline bool fake_wait_alone(int type)
{
    for (int i = 0; i < 5000 && fake_count(&fake.inside[type]) != 1; i++)
        usleep(1000);
    return fake_count(&fake.inside[type]) == 1;
}

/* One step of a network, as far as cancelling is concerned. */
static inline hse_status fake_step(nn_ctx *c)
{
    static const float one[1] = {1};
    const float *data[1] = {one};
    const int rows[1] = {1};

    nn_begin(c, NN_RUN);
    nn_tensor x = nn_input(c, 1, rows, 1, data);
    nn_scale(c, x, 2);
    return nn_end(c, NULL);
}

/* Locked: must this batch wait? */
static inline bool fake_held(int type, hse_item *const *items, size_t n)
{
    bool held = fake.closed[type] && !fake.passes[type];

    for (size_t i = 0; i < n; i++)
        held |= fake.hold_frames && items[i]->mel_frames == fake.hold_frames;
    return held;
}

static inline hse_status fake_enter(int type, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = HSE_OK;

    pthread_mutex_lock(&fake.lock);
    fake.batches[type]++;
    fake.items[type] += (int)n;
    if ((int)n > fake.largest[type])
        fake.largest[type] = (int)n;
    fake.inside[type]++;
    pthread_cond_broadcast(&fake.changed);
    int delay = fake.delay_us[type];
    while (s == HSE_OK && fake_held(type, items, n)) {
        pthread_mutex_unlock(&fake.lock);
        usleep(500);
        s = fake_step(c);
        pthread_mutex_lock(&fake.lock);
    }
    fake.passes[type] -= fake.closed[type] && fake.passes[type];
    pthread_mutex_unlock(&fake.lock);
    for (uint64_t end = hse_now_ns() + (uint64_t)delay * 1000; delay && s == HSE_OK && hse_now_ns() < end;) {
        usleep(200);
        s = fake_step(c);
    }
    if (s == HSE_OK)
        s = fake_step(c);
    pthread_mutex_lock(&fake.lock);
    fake.inside[type]--;
    pthread_mutex_unlock(&fake.lock);
    return s;
}

static inline hse_status fake_open(int type, void **out, const hse_model_source *source, hse_error *err)
{
    pthread_mutex_lock(&fake.lock);
    fake.opens[type]++;
    bool fail = fake.fail_open[type] > 0 && fake.fail_open[type]-- > 0;
    int delay = fake.open_delay_us[type];
    while (fake.hold_open[type]) {
        pthread_mutex_unlock(&fake.lock);
        usleep(500);
        pthread_mutex_lock(&fake.lock);
    }
    pthread_mutex_unlock(&fake.lock);
    if (delay)
        usleep((useconds_t)delay);
    if (fail)
        return hse_fail(err, HSE_E_FORMAT, 12, "the fake file in %.60s is damaged", source->dir);
    if (!(*out = hse_alloc(16)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the fake model");
    return HSE_OK;
}

static inline void fake_close(void **model)
{
    hse_free(*model);
    *model = NULL;
}

static inline hse_status fake_open_encoder(void **m, const hse_model_source *s, hse_error *e) { return fake_open(0, m, s, e); }
static inline hse_status fake_open_synth(void **m, const hse_model_source *s, hse_error *e) { return fake_open(1, m, s, e); }
static inline hse_status fake_open_vocoder(void **m, const hse_model_source *s, hse_error *e) { return fake_open(2, m, s, e); }
static inline hse_status fake_open_vad(void **m, const hse_model_source *s, hse_error *e) { return fake_open(3, m, s, e); }

static inline void item_fail(hse_item *it, hse_status status, const char *text)
{
    it->status = hse_fail(&it->error, status, 0, "%s", text);
}

static inline hse_status fake_encode(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = fake_enter(0, c, items, n);

    (void)model;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        hse_item *it = items[i];

        if (!(it->embedding = hse_calloc(FAKE_DIM, sizeof(float)))) {
            item_fail(it, HSE_E_NOMEM, "no memory");
            continue;
        }
        it->embedding_size = FAKE_DIM;
        for (size_t j = 0; j < it->audio.n; j++)
            it->embedding[j % FAKE_DIM] += it->audio.samples[j];
    }
    return s;
}

static inline hse_status fake_synthesize(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < n; i++)
        if (fake.order_n < sizeof fake.order)
            fake.order[fake.order_n++] = items[i]->text[0];
    pthread_mutex_unlock(&fake.lock);
    hse_status s = fake_enter(1, c, items, n);

    (void)model;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        hse_item *it = items[i];
        size_t length = strlen(it->text);

        if (it->embedding_size != FAKE_DIM) {
            item_fail(it, HSE_E_ARG, "input_embedding: 4 numbers are needed");
            continue;
        }
        if (strstr(it->text, "fail")) {
            item_fail(it, HSE_E_FORMAT, "the text says so");
            continue;
        }
        it->mel_frames = (size_t)((float)fake_frames(it->text) / it->speed);
        it->mel_bands = FAKE_BANDS;
        if (!(it->mel = hse_calloc(it->mel_frames * FAKE_BANDS + 1, sizeof(float)))) {
            item_fail(it, HSE_E_NOMEM, "no memory");
            continue;
        }
        for (size_t j = 0; j < it->mel_frames * FAKE_BANDS; j++)
            it->mel[j] = (float)(it->text[j % length] % 17) * 0.01f * it->pitch + it->embedding[j % FAKE_DIM] * it->energy * 0.1f;
    }
    return s;
}

static inline hse_status fake_vocode(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = fake_enter(2, c, items, n);

    (void)model;
    if (s == HSE_OK && fake.no_memory_above && n > (size_t)fake.no_memory_above)
        return HSE_E_NOMEM;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        hse_item *it = items[i];
        size_t from = it->frame_to ? it->frame_from : 0, to = it->frame_to ? it->frame_to : it->mel_frames;

        if (it->mel_frames && from >= to) {
            item_fail(it, HSE_E_ARG, "an empty window");
            continue;
        }
        it->audio = (hse_audio){.n = (to - from) * FAKE_HOP, .rate_hz = FAKE_RATE, .channels = 1};
        if (!(it->audio.samples = hse_alloc(it->audio.n * sizeof(float) + 1))) {
            item_fail(it, HSE_E_NOMEM, "no memory");
            continue;
        }
        for (size_t f = from; f < to; f++)
            for (size_t k = 0; k < FAKE_HOP; k++) {
                const float *m = it->mel + f * FAKE_BANDS;
                float v = m[k % FAKE_BANDS] + (f ? m[-1] : 0) - (f + 1 < it->mel_frames ? m[FAKE_BANDS] : 0);
                it->audio.samples[(f - from) * FAKE_HOP + k] = sinf(v * 3 + (float)k);
            }
    }
    return s;
}

static inline hse_status fake_detect(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = fake_enter(3, c, items, n);

    (void)model;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        if (!(items[i]->segments = hse_calloc(1, sizeof(hse_segment)))) {
            item_fail(items[i], HSE_E_NOMEM, "no memory");
            continue;
        }
        items[i]->segments[0] = (hse_segment){(int64_t)items[i]->vad.pad_ms, (int64_t)items[i]->audio.n};
        items[i]->segment_count = 1;
    }
    return s;
}

static inline size_t fake_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    (void)model, (void)c;
    for (size_t i = 0; i < n; i++)
        if (items[i]->mel_frames > atomic_load(&fake_planned))
            atomic_store(&fake_planned, items[i]->mel_frames);
    return n * (size_t)atomic_load(&fake_activation);
}

static inline size_t fake_bytes(const void *model)
{
    (void)model;
    return (size_t)atomic_load(&fake_weight);
}

static inline unsigned fake_rate(const void *model)
{
    (void)model;
    return FAKE_RATE;
}

static inline float fake_gain(const void *model)
{
    (void)model;
    return 6;
}

static inline void fake_describe(const void *model, char *out, size_t size)
{
    (void)model;
    snprintf(out, size, "fake");
}

#define FAKE_COMMON .family = "fake", .close = fake_close, .plan = fake_plan, .bytes = fake_bytes, .rate_hz = fake_rate, \
                    .describe = fake_describe, .auto_precision = K_F32

static const hse_model_type fake_encoder_type = {
    FAKE_COMMON, .type = "HarmonySpeechEncoder", .name = "hs1-encoder", .takes = HSE_AUDIO, .gives = HSE_EMBEDDING,
    .open = fake_open_encoder, .run = fake_encode, .files = {"encoder.fake"},
};
static const hse_model_type fake_synthesizer_type = {
    FAKE_COMMON, .type = "HarmonySpeechSynthesizer", .name = "hs1-synthesizer", .takes = HSE_TEXT | HSE_EMBEDDING, .gives = HSE_MEL,
    .open = fake_open_synth, .run = fake_synthesize, .files = {"synthesizer.fake"}, .languages = {"en"},
};
static const hse_model_type fake_vocoder_type = {
    FAKE_COMMON, .type = "HarmonySpeechVocoder", .name = "hs1-vocoder", .takes = HSE_MEL, .gives = HSE_AUDIO,
    .open = fake_open_vocoder, .run = fake_vocode, .gain_db = fake_gain, .files = {"vocoder.fake|vocoder.other"},
};
static const hse_model_type fake_vad_type = {
    FAKE_COMMON, .type = "SileroVAD", .name = "silero-vad", .takes = HSE_AUDIO, .gives = HSE_SEGMENTS,
    .open = fake_open_vad, .run = fake_detect, .files = {"vad.fake"},
};
static const hse_model_type *const fake_types[] = {&fake_encoder_type, &fake_synthesizer_type, &fake_vocoder_type, &fake_vad_type, NULL};

/* ---- folders ------------------------------------------------------------------------------------------------------- */

static inline void fake_file(const char *dir, const char *name, const char *content)
{
    char path[512];

    snprintf(path, sizeof path, "%.400s/%.100s", dir, name);
    FILE *f = fopen(path, "w");
    CHECK(f, "%s", path);
    fputs(content, f);
    fclose(f);
}

/* A folder of models for this test program: HSE_BINARY_DIR/<name>, made anew. */
static inline const char *fake_models(const char *name)
{
    static char dir[400];
    char path[512];

    snprintf(path, sizeof path, "rm -rf '%s/%s'", HSE_BINARY_DIR, name);
    CHECK(system(path) == 0, "%s", path);
    snprintf(dir, sizeof dir, "%s/%s", HSE_BINARY_DIR, name);
    mkdir(dir, 0755);
    snprintf(path, sizeof path, "%s/org", dir);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/org/voice", dir);
    mkdir(path, 0755);
    fake_file(path, "encoder.fake", "");
    fake_file(path, "synthesizer.fake", "");
    fake_file(path, "vocoder.other", "");
    snprintf(path, sizeof path, "%s/org/voice/voices", dir);
    mkdir(path, 0755);
    fake_file(path, "anna.json", "{\"name\": \"anna\", \"embedding\": [0.1, 0.2, 0.3, 0.4]}");
    fake_file(path, "bert.json", "{\"default\": true, \"embedding_base64\": \"AAAAPwAAgD8AAAC/AAAAAA==\"}");
    fake_file(path, "cora.json", "{\"embedding\": [1e999]}");
    snprintf(path, sizeof path, "%s/vad", dir);
    mkdir(path, 0755);
    fake_file(path, "vad.fake", "");
    return dir;
}

static inline hse_engine *fake_engine(const hse_engine_setup *change)
{
    hse_engine_setup setup = change ? *change : (hse_engine_setup){0};
    hse_engine *e = NULL;
    hse_error err = {0};

    setup.types = fake_types;
    setup.no_bundled = true;
    if (!setup.models)
        setup.models = fake_models("fake-models");
    setup.threads = setup.threads ? setup.threads : 2;
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    return e;
}

static inline hse_request fake_speech(const char *text)
{
    hse_request r;

    hse_request_init(&r, HSE_JOB_SPEAK);
    r.text = text;
    r.text_size = strlen(text);
    r.text_mode = HSE_TEXT_OFF;
    return r;
}

/* Figures of one model; its strings are not there. */
static inline hse_model_stats fake_stats(hse_engine *e, const char *name)
{
    hse_engine_stats st;
    hse_model_stats found = {0};
    hse_error err;

    CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < st.model_count; i++)
        if (strcmp(st.models[i].name, name) == 0)
            found = st.models[i];
    found.name = found.type = found.problem = NULL;
    hse_engine_stats_free(&st);
    return found;
}

/* Wait until n items stand in a model's queue; false after 5 s. */
static inline bool fake_wait_queued(hse_engine *e, const char *name, size_t n)
{
    for (int i = 0; i < 5000; i++) {
        if (fake_stats(e, name).waiting == n)
            return true;
        usleep(1000);
    }
    return false;
}

/* All audio of a job; its status is returned. *out is to be freed. */
static inline hse_status fake_read_all(hse_job *job, float **out, size_t *n, hse_error *err)
{
    size_t room = 0, got = 0;
    bool end = false;
    hse_status s = HSE_OK;

    *out = NULL;
    *n = 0;
    while (s == HSE_OK && !end) {
        if (*n + 700 > room) {
            room = room * 2 + 700;
            float *more = realloc(*out, room * sizeof(float));
            CHECK(more, "no memory");
            *out = more;
        }
        s = hse_job_read(job, *out + *n, 613, &got, &end, true, err);
        *n += got;
    }
    return s;
}

#endif
