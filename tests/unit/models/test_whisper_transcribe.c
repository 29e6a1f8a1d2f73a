/* Transcription on the kit's tiny models of random weights, as the product does it: audio without speech, hostile audio, bounds,
 * seeds, company, orders, cancelling, and memory that fails. What the text must be is in the golden cases. */
#include "test.h"
#include "torture.h"

#include "base/file.h"
#include "base/pool.h"
#include "models/silero/adapter.h"
#include "models/silero/recording.h"
#include "models/whisper/adapter.h"
#include "models/whisper/split.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 64, RATE = 16000 };

/* ---- models ---- */

static void *whisper_of(const char *folder)
{
    char path[200];
    void *m = NULL;
    hse_error err = {0};

    snprintf(path, sizeof path, "tests/golden/whisper/models/%s", folder);
    CHECK(whisper_type.open(&m, &(hse_model_source){.dir = test_path(path), .kernels = hse_kernels_get(~0u)}, &err) == HSE_OK,
          "%s: %s", folder, err.text);
    return m;
}

static void *vad_model(void)
{
    void *m = NULL;
    hse_error err = {0};

    CHECK(silero_vad_v6_type.open(&m, &(hse_model_source){.dir = test_path("models/demo/silero"), .kernels = hse_kernels_get(~0u)},
                                  &err) == HSE_OK, "%s", err.text);
    return m;
}

static nn_ctx *context(void)
{
    nn_ctx *c = NULL;
    hse_error err = {0};

    CHECK(nn_open(&c, &(nn_options){.poison = true}, &err) == HSE_OK, "%s", err.text);
    return c;
}

/* ---- audio ---- */

static float *load(const char *name, size_t *n)
{
    char path[200], *bytes = NULL;
    hse_error err = {0};
    size_t size;

    snprintf(path, sizeof path, "tests/golden/whisper/audio/%s", name);
    CHECK(hse_file_read(&bytes, &size, test_path(path), 1 << 24, &err) == HSE_OK && size > 44, "%s: %s", name, err.text);
    *n = (size - 44) / 2;
    float *x = hse_alloc((*n + 1) * sizeof *x);
    for (size_t i = 0; i < *n; i++)
        x[i] = (float)(int16_t)((uint8_t)bytes[44 + 2 * i] | (uint8_t)bytes[45 + 2 * i] << 8) / 32768.0f;
    hse_free(bytes);
    return x;
}

typedef enum { SILENCE, NOISE, SINE, CHORDS, CLICKS, SOUNDS } kind;

static float *make(kind k, size_t n)
{
    float *x = hse_calloc(n + 1, sizeof *x);
    uint32_t seed = 9;

    for (size_t i = 0; i < n && k != SILENCE; i++) {
        float t = (float)i / RATE;
        seed = seed * 1664525u + 1013904223u;
        x[i] = k == NOISE    ? 0.5f * (float)(int32_t)seed / 2147483648.0f
               : k == SINE   ? 0.7f * sinf(6.2831853f * 440.0f * t)
               : k == CHORDS ? 0.2f * (sinf(1382.3f * t) + sinf(1741.6f * t) + sinf(2073.5f * t)) * (1.0f - fmodf(t, 0.5f))
                             : (i % 4000 == 0 ? 1.0f : 0.0f);
    }
    return x;
}

/* ---- running ---- */

typedef struct {
    char     text[20000];
    double   start[MOST], end[MOST];
    size_t   segments, words, items;
    char     language[16];
    double   after_vad;
    hse_status status;
    hse_error error;
} outcome;

typedef struct {
    const void *model, *vad;
    nn_ctx *c;
    const float *x;
    size_t n;
    int rate;
    const hse_transcribe_options *o;
    bool reference, shuffled;
    size_t give_up;                         /* close after so many items; 0: never */
} task;

static void collect(outcome *to, const hse_split_output *out)
{
    for (size_t i = 0; i < out->text_count; i++) {
        const hse_transcript_segment *g = &out->text[i];
        strncat(to->text, g->text, sizeof to->text - strlen(to->text) - 1);
        if (to->segments < MOST) {
            to->start[to->segments] = g->start;
            to->end[to->segments] = g->end;
        }
        to->segments++;
        to->words += g->word_count;
        CHECK(g->id == (int32_t)to->segments, "id %d of segment %zu", (int)g->id, to->segments);
    }
    if (out->transcript) {
        snprintf(to->language, sizeof to->language, "%s", out->transcript->language ? out->transcript->language : "");
        to->after_vad = out->transcript->duration_after_vad;
    }
}

static void run_items(const task *t, void *split, outcome *to)
{
    hse_split_output out = {0};
    bool done = false;

    to->status = whisper_type.split_took(split, NULL, &out, &to->error);
    if (to->status == HSE_OK)
        collect(to, &out);
    done = out.done;
    while (!done && to->status == HSE_OK) {
        hse_item *items[MOST];
        size_t n = 0;

        while (n < MOST && (items[n] = whisper_type.split_next(split)) != NULL)
            n++;
        CHECK(n > 0, "nothing is under way, and it is not done");
        to->items += n;
        if (t->give_up && to->items >= t->give_up)
            return;
        to->status = whisper_type.run(t->model, t->c, items, n);
        if (to->status != HSE_OK) {
            to->error = items[0]->error;
            return;
        }
        for (size_t i = 0; i < n && to->status == HSE_OK; i++) {
            to->status = whisper_type.split_took(split, items[t->shuffled ? n - 1 - i : i], &out, &to->error);
            if (to->status == HSE_OK)
                collect(to, &out);
            done = out.done;
        }
    }
}

static void transcribe(const task *t, outcome *to)
{
    hse_audio audio = {.samples = (float *)(uintptr_t)t->x, .n = t->n, .rate_hz = t->rate ? t->rate : RATE, .channels = 1};
    hse_split_input in = {.audio = &audio, .transcribe = t->o, .reference = t->reference, .seed = t->o ? t->o->seed : 0};
    hse_segment *speech = NULL;
    hse_vad_options vad;
    void *split = NULL;
    size_t count = 0;

    memset(to, 0, sizeof *to);
    if (t->vad && whisper_type.wants_speech(&in, &vad)) {
        hse_item item;
        hse_item_init(&item);
        item.audio = audio;
        item.vad = vad;
        to->status = silero_find_speech(t->vad, t->c, &item, &speech, &count, &to->error);
        if (to->status != HSE_OK)
            return;
        in.speech = speech;
        in.speech_count = count;
        in.has_speech = true;
    }
    to->status = whisper_type.split_open(&split, t->model, &in, &to->error);
    if (to->status == HSE_OK) {
        run_items(t, split, to);
        whisper_type.split_close(&split);
    }
    hse_free(speech);
}

/* Several at once: their windows run together. */
static void transcribe_together(const task *t, size_t n, outcome *to)
{
    hse_audio audio[8];
    hse_split_input in[8];
    void *split[8] = {0};
    bool done[8] = {0};
    hse_split_output out = {0};
    size_t count = 1;

    for (size_t i = 0; i < n; i++) {
        memset(&to[i], 0, sizeof to[i]);
        audio[i] = (hse_audio){.samples = (float *)(uintptr_t)t[i].x, .n = t[i].n, .rate_hz = RATE, .channels = 1};
        in[i] = (hse_split_input){.audio = &audio[i], .transcribe = t[i].o, .seed = t[i].o->seed};
        CHECK(whisper_type.split_open(&split[i], t[i].model, &in[i], &to[i].error) == HSE_OK &&
                  whisper_type.split_took(split[i], NULL, &out, &to[i].error) == HSE_OK, "%zu: %s", i, to[i].error.text);
        collect(&to[i], &out);
        done[i] = out.done;
    }
    while (count) {
        hse_item *items[MOST];
        size_t owner[MOST];

        count = 0;
        for (size_t i = 0; i < n; i++)
            while (!done[i] && count < MOST && (items[count] = whisper_type.split_next(split[i])) != NULL)
                owner[count++] = i;
        CHECK(!count || whisper_type.run(t->model, t->c, items, count) == HSE_OK, "%s", items[0]->error.text);
        for (size_t k = 0; k < count; k++) {
            size_t i = owner[k];
            CHECK(whisper_type.split_took(split[i], items[k], &out, &to[i].error) == HSE_OK, "%zu: %s", i, to[i].error.text);
            collect(&to[i], &out);
            done[i] = out.done;
        }
    }
    for (size_t i = 0; i < n; i++)
        whisper_type.split_close(&split[i]);
}

static bool equal(const outcome *a, const outcome *b)
{
    return strcmp(a->text, b->text) == 0 && a->segments == b->segments && strcmp(a->language, b->language) == 0 &&
           memcmp(a->start, b->start, sizeof a->start) == 0 && memcmp(a->end, b->end, sizeof a->end) == 0;
}

static outcome got, other;

/* ---- tests ---- */

TEST(where_nobody_speaks_there_is_no_text)
{
    void *m = whisper_of("ml/ct2_float16"), *vad = vad_model();
    nn_ctx *c = context();
    hse_transcribe_options o;

    for (int batched = 0; batched < 2; batched++)
        for (int k = 0; k < SOUNDS; k++) {
            size_t n = 6 * RATE;
            float *x = make((kind)k, n);
            hse_transcribe_options_init(&o);
            o.batched = batched;
            transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o}, &got);
            CHECK(got.status == HSE_OK, "sound %d: %s", k, got.error.text);
            if (got.after_vad == 0.0)
                CHECK(got.text[0] == '\0' && got.items == 0, "sound %d: %zu items, \"%.40s\"", k, got.items, got.text);
            CHECK(k != SILENCE || got.after_vad == 0.0, "speech in silence: %g s", got.after_vad);
            hse_free(x);
        }
    nn_close(&c);
    silero_vad_v6_type.close(&vad);
    whisper_type.close(&m);
}

/* Three hours; five minutes under a sanitizer. No window is ever decoded, and nothing but the detector's table grows with it. */
TEST(hours_of_silence_are_no_text)
{
    void *m = whisper_of("en/ct2_int8_float16"), *vad = vad_model();
    nn_ctx *c = context();
    size_t n = (size_t)RATE * (getenv("HSE_TEST_QUICK") ? 5 * 60 : 3 * 3600), before = hse_pages_total();
    float *x = hse_calloc(n, sizeof *x); /* pages that nobody writes */
    hse_transcribe_options o;

    CHECK(x, "no memory for %zu samples", n);
    for (int batched = 0; batched < 2; batched++) {
        hse_transcribe_options_init(&o);
        o.batched = batched;
        transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o}, &got);
        CHECK(got.status == HSE_OK && got.items == 0 && got.segments == 0 && got.text[0] == '\0' && got.after_vad == 0.0,
              "%zu items, %zu segments, %g s of speech: %s", got.items, got.segments, got.after_vad, got.error.text);
    }
    CHECK(hse_pages_total() - before < (size_t)64 << 20, "%zu bytes of pages", hse_pages_total() - before);
    hse_free(x);
    nn_close(&c);
    silero_vad_v6_type.close(&vad);
    whisper_type.close(&m);
}

TEST(any_audio_takes_a_bounded_number_of_windows)
{
    const size_t sizes[] = {0, 1, 2, 100, 160, 319, 320, 8000, (getenv("HSE_TEST_QUICK") ? 35 : 95) * RATE};
    void *m = whisper_of("en/ct2_int8_float16");
    nn_ctx *c = context();
    hse_transcribe_options o;

    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int k = 0; k < SOUNDS; k++) {
            float *x = make((kind)k, sizes[i]);
            if (sizes[i] > RATE && k != SILENCE && k != NOISE) {
                hse_free(x);
                continue;
            }
            hse_transcribe_options_init(&o);
            o.vad_filter = 0;
            o.beam_size = o.best_of = 2;
            o.max_new_tokens = 20;
            transcribe(&(task){.model = m, .c = c, .x = x, .n = sizes[i], .o = &o}, &got);
            CHECK(got.status == HSE_OK, "%zu samples of sound %d: %s", sizes[i], k, got.error.text);
            CHECK(got.items <= 17 + 12 * (sizes[i] / (30 * RATE)), "%zu samples of sound %d: %zu windows", sizes[i], k, got.items);
            CHECK(sizes[i] >= 160 || got.items == 0, "%zu samples: %zu windows", sizes[i], got.items);
            hse_free(x);
        }
    nn_close(&c);
    whisper_type.close(&m);
}

TEST(a_sample_that_is_no_number_is_refused)
{
    void *m = whisper_of("en/ct2_int8_float16");
    nn_ctx *c = context();
    float *x = make(NOISE, RATE);
    hse_transcribe_options o;

    x[777] = NAN;
    for (int batched = 0; batched < 2; batched++) {
        hse_transcribe_options_init(&o);
        o.vad_filter = 0;
        o.batched = batched;
        transcribe(&(task){.model = m, .c = c, .x = x, .n = RATE, .o = &o}, &got);
        CHECK(got.status == HSE_E_FORMAT && got.error.text[0], "%d: \"%s\"", (int)got.status, got.error.text);
    }
    hse_free(x);
    nn_close(&c);
    whisper_type.close(&m);
}

TEST(one_seed_gives_one_text)
{
    void *m = whisper_of("ml/ct2_float16");
    nn_ctx *c = context();
    size_t n;
    float *x = load("jfk.wav", &n);
    hse_transcribe_options o;
    outcome *first = hse_calloc(3, sizeof *first);

    for (int i = 0; i < 3; i++) {
        hse_transcribe_options_init(&o);
        o.vad_filter = 0;
        o.language = "en";
        o.temperatures[0] = 0.7;
        o.temperature_count = 1;
        o.best_of = 3;
        o.max_new_tokens = 30;
        o.has_seed = 1;
        o.seed = i == 2 ? 8 : 7;
        transcribe(&(task){.model = m, .c = c, .x = x, .n = n, .o = &o}, &first[i]);
        CHECK(first[i].status == HSE_OK && first[i].text[0], "%s", first[i].error.text);
    }
    CHECK(equal(&first[0], &first[1]), "the same seed: \"%.60s\", then \"%.60s\"", first[0].text, first[1].text);
    CHECK(!equal(&first[0], &first[2]), "another seed gives the same text");
    o.has_seed = 0;
    o.seed = 3;
    transcribe(&(task){.model = m, .c = c, .x = x, .n = n, .o = &o}, &got);
    o.seed = 4;
    transcribe(&(task){.model = m, .c = c, .x = x, .n = n, .o = &o}, &other);
    CHECK(equal(&got, &other), "without a seed the text is always the same");
    hse_free(first);
    hse_free(x);
    nn_close(&c);
    whisper_type.close(&m);
}

TEST(options_of_all_kinds_run_together)
{
    enum { N = 5 };
    void *m = whisper_of("ml/ct2_float16");
    nn_ctx *c = context();
    size_t n, m4;
    float *x = load("jfk.wav", &n), *y = load("synth4.wav", &m4);
    hse_transcribe_options o[N];
    task t[N];
    outcome *alone = hse_calloc(N, sizeof *alone), *together = hse_calloc(N, sizeof *together);

    for (int i = 0; i < N; i++) {
        hse_transcribe_options_init(&o[i]);
        o[i].vad_filter = 0;
        o[i].max_new_tokens = 24 + 4 * i;
        t[i] = (task){.model = m, .c = c, .x = i % 2 ? y : x, .n = i % 2 ? m4 : n, .o = &o[i]};
    }
    o[1].beam_size = 1;
    o[1].word_timestamps = 1;
    o[2].temperatures[0] = 0.8; /* drawn, and tried again */
    o[2].log_prob_threshold = 0;
    o[2].temperature_count = 2;
    o[3].batched = 1;
    o[3].without_timestamps = 1;
    o[3].language = "de";
    o[4].initial_prompt = "Ask not";
    o[4].repetition_penalty = 1.3;
    o[4].no_repeat_ngram_size = 3;
    o[4].multilingual = 1;
    for (int i = 0; i < N; i++)
        transcribe(&t[i], &alone[i]);
    transcribe_together(t, N, together);
    for (int i = 0; i < N; i++)
        CHECK(alone[i].status == HSE_OK && alone[i].text[0] && equal(&alone[i], &together[i]),
              "options %d: \"%.60s\" alone, \"%.60s\" together", i, alone[i].text, together[i].text);
    hse_free(alone);
    hse_free(together);
    hse_free(x);
    hse_free(y);
    nn_close(&c);
    whisper_type.close(&m);
}

TEST(chunks_come_back_in_any_order)
{
    void *m = whisper_of("ml/ct2_float16"), *vad = vad_model();
    nn_ctx *c = context();
    size_t n;
    float *x = load("long.wav", &n);
    hse_transcribe_options o;

    hse_transcribe_options_init(&o);
    o.batched = o.word_timestamps = 1;
    o.chunk_length_s = 8;
    o.beam_size = 2;
    o.language = "en";
    transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o}, &got);
    transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o, .shuffled = true}, &other);
    CHECK(got.status == HSE_OK && got.items >= 4 && got.words > 0, "%zu items, %zu words: %s", got.items, got.words, got.error.text);
    CHECK(equal(&got, &other), "another order, another text");
    for (size_t i = 1; i <= 5; i += 2) /* given up while items are out: nothing leaks */
        transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o, .give_up = i}, &other);
    o.batched = 0;
    transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o, .give_up = 2}, &other);
    hse_free(x);
    nn_close(&c);
    silero_vad_v6_type.close(&vad);
    whisper_type.close(&m);
}

/* What a live session relies on: every stretch of speech by itself, told the language and the text before it. */
/* A clip of a moment is too little to hear a language in: it is found in all that follows the clip's start, as the reference does. */
TEST(a_short_clip_does_not_decide_the_language)
{
    void *m = whisper_of("ml/ct2_float16");
    nn_ctx *c = context();
    size_t n;
    float *x = load("long.wav", &n);
    hse_transcribe_options o;

    hse_transcribe_options_init(&o);
    o.vad_filter = 0;
    o.beam_size = 1;
    o.max_new_tokens = 2;
    for (int i = 0; i < 4; i++) {
        const double clip[] = {12.0 * i, 12.0 * i + 0.3};
        o.clip_timestamps = clip;
        o.clip_count = COUNT(clip);
        transcribe(&(task){.model = m, .c = c, .x = x, .n = n, .o = &o}, &got);
        transcribe(&(task){.model = m, .c = c, .x = x, .n = n, .o = &o, .reference = true}, &other);
        CHECK(got.status == HSE_OK && other.status == HSE_OK, "from %g: %s", clip[0], got.error.text);
        CHECK(strcmp(got.language, other.language) == 0, "from %g: %s, the reference hears %s", clip[0], got.language, other.language);
    }
    hse_free(x);
    nn_close(&c);
    whisper_type.close(&m);
}

TEST(stretches_of_speech_are_transcribed_one_by_one)
{
    void *m = whisper_of("ml/ct2_float16"), *vad = vad_model();
    nn_ctx *c = context();
    size_t n;
    float *x = load("long.wav", &n);
    hse_transcribe_options o;

    hse_transcribe_options_init(&o);
    o.vad.min_silence_ms = 300;
    o.vad.pad_ms = 100;
    o.beam_size = 1;
    o.max_new_tokens = 40;
    transcribe(&(task){.model = m, .vad = vad, .c = c, .x = x, .n = n, .o = &o}, &got);
    CHECK(got.status == HSE_OK && got.segments > 1 && got.language[0], "%zu segments: %s", got.segments, got.error.text);
    for (size_t i = 1; i < got.segments && i < MOST; i++)
        CHECK(got.start[i] >= got.start[i - 1] - 30.0, "segment %zu starts at %g", i, got.start[i]);

    for (int rate = 8000; rate <= 48000; rate *= 6) { /* any rate of input */
        float *y = NULL;
        size_t count;
        hse_error err = {0};
        CHECK(hse_resample(&y, &count, x, n, RATE, rate, &err) == HSE_OK, "%s", err.text);
        transcribe(&(task){.model = m, .vad = vad, .c = c, .x = y, .n = count, .rate = rate, .o = &o}, &other);
        CHECK(other.status == HSE_OK && other.segments > 0, "%d Hz: %s", rate, other.error.text);
        hse_free(y);
    }
    hse_free(x);
    nn_close(&c);
    silero_vad_v6_type.close(&vad);
    whisper_type.close(&m);
}

/* What admission counts on: no batch needs more than was planned, and the plan is of the same order. */
TEST(a_batch_needs_no_more_than_its_plan)
{
    static const char *const folders[] = {"en/ct2_int8_float16", "v3/ct2_float16"};
    hse_transcribe_options o;

    for (size_t k = 0; k < COUNT(folders); k++) {
        void *m = whisper_of(folders[k]), *split = NULL;
        nn_ctx *c = context();
        float *x = make(NOISE, 70 * RATE);
        hse_audio audio = {.samples = x, .n = 70 * RATE, .rate_hz = RATE, .channels = 1};
        hse_item *items[MOST], bare, *alone = &bare;
        hse_split_output out;
        hse_error err = {0};
        size_t n = 0, before, planned, held;

        hse_transcribe_options_init(&o);
        o.vad_filter = 0;
        o.batched = 1;
        o.language = "en";
        o.max_new_tokens = 8;
        hse_item_init(&bare);
        bare.audio = audio;
        size_t one = whisper_type.plan(m, c, &alone, 1);
        CHECK(whisper_type.split_open(&split, m, &(hse_split_input){.audio = &audio, .transcribe = &o}, &err) == HSE_OK &&
                  whisper_type.split_took(split, NULL, &out, &err) == HSE_OK, "%s", err.text);
        while (n < MOST && (items[n] = whisper_type.split_next(split)) != NULL)
            n++;
        planned = whisper_type.plan(m, c, items, n);
        before = hse_pages_total();
        CHECK(n == 3 && whisper_type.run(m, c, items, n) == HSE_OK, "%zu windows: %s", n, items[0]->error.text);
        held = hse_pages_total() - before;              /* the arena's pages, which stay */
        CHECK(one > 0 && one < planned && planned < 3 * one, "%zu for three windows, %zu for one", planned, one);
        CHECK(held > 0 && held <= one, "an arena of %zu, planned %zu", held, one);
        for (size_t i = 0; i < n; i++)
            CHECK(whisper_type.split_took(split, items[i], &out, &err) == HSE_OK, "%s", err.text);
        whisper_type.split_close(&split);
        hse_free(x);
        nn_close(&c);
        whisper_type.close(&m);
    }
}

TEST(a_raised_flag_ends_it)
{
    void *m = whisper_of("en/ct2_int8_float16");
    nn_ctx *c = context();
    float *x = make(NOISE, RATE);
    atomic_bool stop = true;
    hse_transcribe_options o;

    hse_transcribe_options_init(&o);
    o.vad_filter = 0;
    nn_cancel_by(c, &stop, 0);
    transcribe(&(task){.model = m, .c = c, .x = x, .n = RATE, .o = &o}, &got);
    CHECK(got.status == HSE_E_CANCELLED, "%d: %s", (int)got.status, got.error.text);
    hse_free(x);
    nn_close(&c);
    whisper_type.close(&m);
}

typedef struct {
    task t;
} tortured;

static hse_status once(void *arg, hse_error *err)
{
    tortured *t = arg;

    transcribe(&t->t, &got);
    *err = got.error;
    return got.status;
}

TEST(memory_that_fails_anywhere_is_an_error)
{
    void *m = whisper_of("en/ct2_int8_float16");
    nn_ctx *c = context();
    size_t n;
    float *x = load("second.wav", &n);
    hse_transcribe_options o;
    tortured t;

    for (int batched = 0; batched < 2; batched++) {
        hse_transcribe_options_init(&o);
        o.batched = batched;
        o.vad_filter = 0;
        o.word_timestamps = o.token_logprobs = 1;
        o.initial_prompt = "Once";
        o.beam_size = o.best_of = 2;
        o.max_new_tokens = 6;
        o.log_prob_threshold = 0; /* so that there is a second attempt */
        o.temperature_count = 2;
        t.t = (task){.model = m, .c = c, .x = x, .n = n, .o = &o};
        unsigned allocations = test_torture(batched ? "batched" : "sequential", once, &t);
        CHECK(allocations > 20, "%u allocations", allocations);
    }
    hse_free(x);
    nn_close(&c);
    whisper_type.close(&m);
}
