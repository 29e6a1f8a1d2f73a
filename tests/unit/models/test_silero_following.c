/* Stretches of speech on a live stream: the events are the segments of the finished recording, whatever the pieces and the options. */
#include "test.h"

#include "base/file.h"
#include "models/silero/adapter.h"
#include "models/silero/recording.h"
#include "models/silero/segments.h"
#include "torture.h"

#include <math.h>

enum { RATE = 16000, MOST = 4096 };

typedef struct {
    hse_vad_event list[MOST];
    size_t count;
    int64_t heard;                          /* samples pushed when it was told */
    bool late;                              /* an event about what was not heard yet */
} events;

static void note(void *user, const hse_vad_event *e)
{
    events *v = user;

    v->late = v->late || e->at > v->heard;
    if (v->count < MOST)
        v->list[v->count++] = *e;
}

static void *model(void)
{
    void *m = NULL;
    hse_error err = {0};

    CHECK(silero_vad_v6_type.open(&m, &(hse_model_source){.dir = test_path("models/demo/silero"), .kernels = hse_kernels_get(~0u)},
                                  &err) == HSE_OK, "%s", err.text);
    return m;
}

/* Speech with pauses and noise of all lengths. */
static float *recording_of(size_t *n)
{
    char *bytes = NULL;
    hse_error err = {0};
    size_t size, speech, at = 0;
    uint32_t seed = 3;

    CHECK(hse_file_read(&bytes, &size, test_path("tests/golden/whisper/audio/jfk.wav"), 1 << 24, &err) == HSE_OK, "%s", err.text);
    speech = (size - 44) / 2;
    *n = 40 * RATE + 211;
    float *x = hse_calloc(*n, sizeof *x);
    while (at < *n) {
        seed = seed * 1664525u + 1013904223u;
        size_t from = (seed >> 8) % speech, length = 2000 + (seed >> 4) % 40000, pause = (seed >> 12) % 30000;
        for (size_t i = 0; i < length && from + i < speech && at < *n; i++)
            x[at++] = (float)(int16_t)((uint8_t)bytes[44 + 2 * (from + i)] | (uint8_t)bytes[45 + 2 * (from + i)] << 8) / 32768.0f;
        at += pause;
    }
    hse_free(bytes);
    return x;
}

static void follow(const void *m, const hse_vad_options *o, const float *x, size_t n, size_t piece, events *out)
{
    void *live = NULL;
    hse_error err = {0};

    CHECK(silero_vad_v6_type.live_open(&live, m, o, RATE, &err) == HSE_OK, "%s", err.text);
    for (int again = 0; again < 2; again++) { /* after the end it begins anew */
        out->count = 0;
        out->heard = 0;
        for (size_t i = 0; i < n; i += piece) {
            size_t count = n - i < piece ? n - i : piece;
            out->heard += (int64_t)count;
            CHECK(silero_vad_v6_type.live_push(live, x + i, count, note, out, &err) == HSE_OK, "%s", err.text);
        }
        CHECK(silero_vad_v6_type.live_finish(live, note, out, &err) == HSE_OK, "%s", err.text);
    }
    silero_vad_v6_type.live_close(&live);
}

TEST(events_are_the_segments_of_the_recording)
{
    static const struct {
        double threshold, min_speech, min_silence, pad, max_speech;
        bool longest;
    } rows[] = {
        {0.5, 0, 2000, 400, INFINITY, false}, {0.5, 0, 300, 100, 30, true}, {0.5, 0, 0, 0, INFINITY, false},
        {0.5, 400, 100, 400, INFINITY, false}, {0.4, 250, 64, 500, 3, true}, {0.6, 0, 100, 400, 2, false}, {0.3, 1000, 500, 30, 4, true},
    };
    static const size_t lengths[] = {40 * RATE + 211, 20 * RATE, 512 * 300, 512 * 300 + 470, 511, 1, 0};
    static events got;
    void *m = model();
    nn_ctx *c = NULL;
    size_t n;
    float *x = recording_of(&n);
    hse_error err = {0};

    CHECK(nn_open(&c, &(nn_options){0}, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(lengths); k++) {
            hse_segment *want = NULL;
            size_t count = 0;
            hse_item item;

            hse_item_init(&item);
            silero_fw_vad_defaults(&item.vad);
            item.vad.faster_whisper = true;
            item.vad.threshold = rows[i].threshold;
            item.vad.min_speech_ms = rows[i].min_speech;
            item.vad.min_silence_ms = rows[i].min_silence;
            item.vad.pad_ms = rows[i].pad;
            item.vad.max_speech_s = rows[i].max_speech;
            item.vad.longest_silence_at_max_speech = rows[i].longest;
            item.audio = (hse_audio){.samples = x, .n = lengths[k], .rate_hz = RATE, .channels = 1};
            CHECK(silero_find_speech(m, c, &item, &want, &count, &err) == HSE_OK, "%s", err.text);
            got.late = false;
            follow(m, &item.vad, x, lengths[k], k % 2 ? 1000 : 16000, &got);
            CHECK(got.count == 2 * count, "row %zu, length %zu: %zu events, %zu segments", i, lengths[k], got.count, count);
            CHECK(!got.late, "row %zu, length %zu: an event from the future", i, lengths[k]);
            for (size_t s = 0; s < count; s++)
                CHECK(got.list[2 * s].start && !got.list[2 * s + 1].start && got.list[2 * s].at == want[s].start &&
                          got.list[2 * s + 1].at == want[s].end,
                      "row %zu, length %zu, segment %zu: %lld to %lld, want %lld to %lld", i, lengths[k], s,
                      (long long)got.list[2 * s].at, (long long)got.list[2 * s + 1].at, (long long)want[s].start,
                      (long long)want[s].end);
            hse_free(want);
        }
    hse_free(x);
    nn_close(&c);
    silero_vad_v6_type.close(&m);
}

TEST(stretches_are_followed_at_16_khz_alone)
{
    void *m = model(), *live = NULL;
    hse_vad_options o;
    hse_error err = {0};

    silero_fw_vad_defaults(&o);
    o.faster_whisper = true;
    CHECK(silero_vad_v6_type.live_open(&live, m, &o, 8000, &err) == HSE_E_ARG && strstr(err.text, "16000"), "\"%s\"", err.text);
    o.threshold = NAN;
    CHECK(silero_vad_v6_type.live_open(&live, m, &o, RATE, &err) == HSE_E_ARG && !live, "\"%s\"", err.text);
    silero_vad_v6_type.close(&m);
}

typedef struct {
    const void *model;
    const float *x;
    size_t n;
} tortured;

static hse_status once(void *arg, hse_error *err)
{
    tortured *t = arg;
    static events got;
    hse_vad_options o;
    void *live = NULL;
    hse_status s;

    silero_fw_vad_defaults(&o);
    o.faster_whisper = true;
    o.min_silence_ms = o.pad_ms = 0;
    got.count = 0;
    if ((s = silero_vad_v6_type.live_open(&live, t->model, &o, RATE, err)) != HSE_OK)
        return s;
    s = silero_vad_v6_type.live_push(live, t->x, t->n, note, &got, err);
    if (s == HSE_OK)
        s = silero_vad_v6_type.live_finish(live, note, &got, err);
    silero_vad_v6_type.live_close(&live);
    return s;
}

TEST(memory_that_fails_while_following_is_an_error)
{
    void *m = model();
    size_t n;
    float *x = recording_of(&n);
    tortured t = {m, x, 20 * RATE};

    CHECK(test_torture("following", once, &t) > 3, "nothing was allocated");
    hse_free(x);
    silero_vad_v6_type.close(&m);
}
