/* Silero VAD beyond what golden cases show: the same bits in any block size and batch, live streams in any pieces,
 * options and files that are wrong, the rates of the product. */
#include "test.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/silero/adapter.h"
#include "models/silero/recording.h"
#include "models/silero/segments.h"
#include "models/silero/silero.h"

#include <math.h>

static const char *const files[] = {"silero_vad.onnx", "silero_vad_16k.safetensors", "silero_vad_v6.onnx"};

static silero *load(const char *file, const hse_kernels *k)
{
    char path[200];
    hse_weights *w = NULL;
    silero *m = NULL;
    hse_error err = {0};

    snprintf(path, sizeof path, "models/demo/silero/%s", file);
    CHECK(hse_weights_open(&w, test_path(path), NULL, &err) == HSE_OK, "%s: %s", file, err.text);
    CHECK(silero_open(&m, w, file, k, &err) == HSE_OK, "%s: %s", file, err.text);
    hse_weights_close(&w);
    return m;
}

static float *noisy(size_t n)
{
    float *x = hse_alloc((n + 1) * sizeof *x);
    uint32_t seed = 77;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = 0.3f * (float)(int32_t)seed / 2147483648.0f * (1 + sinf((float)i * 0.0007f));
    }
    return x;
}

TEST(a_chunk_has_the_same_bits_in_any_block_and_batch)
{
    static const char *const cpus[] = {"generic", "avx2", "avx512", "neon"};

    for (size_t f = 0; f < COUNT(files); f++)
        for (size_t k = 0; k < COUNT(cpus); k++) {
            unsigned mask;
            if (hse_cpu_mask(cpus[k], &mask, NULL) != HSE_OK)
                continue;
            silero *m = load(files[f], hse_kernels_get(mask));
            for (unsigned rate = 8000; rate <= 16000; rate += 8000) {
                const silero_net *net = silero_at(m, rate);
                if (!net)
                    continue;
                enum { BATCH = 5 };
                size_t chunk = (size_t)silero_chunk(net), n = 70 * chunk - 3, count = silero_chunks(net, n);
                float *x = noisy(n), *want = hse_alloc(count * sizeof *want),
                      *in = hse_calloc(BATCH * chunk, sizeof *in), p[BATCH];
                silero_stream *s = NULL;

                CHECK(silero_file(net, x, n, want, NULL, NULL, NULL, NULL, NULL, NULL) == HSE_OK, "file");
                CHECK(silero_stream_open(&s, m, NULL) == HSE_OK, "stream");
                for (size_t i = 0; i < count; i++) {
                    for (size_t b = 0; b < BATCH; b++)
                        for (size_t t = 0; t < chunk; t++)
                            in[b * chunk + t] =
                                b == 3 ? (i * chunk + t < n ? x[i * chunk + t] : 0) : x[(i * 31 + b * 17 + t) % n];
                    CHECK(silero_stream_run(s, in, BATCH, chunk, rate, p, NULL) == HSE_OK, "run");
                    CHECK(memcmp(&p[3], &want[i], sizeof *p) == 0,
                          "%s %s %u Hz: chunk %zu is %.9g in a batch, %.9g in the file", files[f], cpus[k], rate, i,
                          (double)p[3], (double)want[i]);
                }
                silero_stream_close(&s);
                hse_free(x);
                hse_free(want);
                hse_free(in);
            }
            silero_close(&m);
        }
}

typedef struct {
    hse_vad_event event[64];
    size_t count;
} events;

static void note(void *user, const hse_vad_event *e)
{
    events *all = user;

    CHECK(all->count < COUNT(all->event), "too many events");
    all->event[all->count++] = *e;
}

static float *speech(size_t *n)
{
    char *bytes = NULL;
    size_t size;
    float *x;

    CHECK(hse_file_read(&bytes, &size, test_path("tests/golden/silero/audio/gaps_16k.wav"), 1 << 24, NULL) == HSE_OK,
          "the recording");
    *n = (size - 44) / 2;
    x = hse_alloc(*n * sizeof *x);
    for (size_t i = 0; i < *n; i++)
        x[i] = (float)(int16_t)hse_get_u16le((uint8_t *)bytes + 44 + 2 * i) / 32768.0f;
    hse_free(bytes);
    return x;
}

TEST(live_streams_give_the_same_events_in_any_pieces)
{
    static const size_t pieces[] = {1 << 20, 512, 511, 1, 1000};
    hse_model_source source = {.dir = test_path("models/demo/silero")};
    hse_vad_options o;
    events want = {.count = 0};
    void *m = NULL, *live = NULL;
    size_t n;
    float *x = speech(&n);

    silero_vad_defaults(&o);
    CHECK(silero_vad_type.open(&m, &source, NULL) == HSE_OK, "open");
    for (unsigned times = 1; times <= 3; times += 2)
        for (size_t k = 0; k < COUNT(pieces); k++) {
            events got = {.count = 0};
            size_t count = n * times;
            float *y = hse_alloc(count * sizeof *y);
            for (size_t i = 0; i < count; i++)
                y[i] = x[i / times];
            CHECK(silero_vad_type.live_open(&live, m, &o, 16000 * times, NULL) == HSE_OK, "live");
            for (size_t at = 0; at < count; at += pieces[k])
                CHECK(silero_vad_type.live_push(live, y + at, count - at < pieces[k] ? count - at : pieces[k], note,
                                                &got, NULL) == HSE_OK,
                      "push");
            silero_vad_type.live_close(&live);
            if (!want.count)
                want = got;
            CHECK(got.count == want.count && got.count > 8, "%zu events, want %zu", got.count, want.count);
            for (size_t i = 0; i < got.count; i++)
                CHECK(got.event[i].start == want.event[i].start && got.event[i].at == want.event[i].at * times,
                      "pieces of %zu, %u times: event %zu at %lld", pieces[k], times, i, (long long)got.event[i].at);
            hse_free(y);
        }
    hse_free(x);
    silero_vad_type.close(&m);
}

TEST(recordings_at_any_rate_give_nearly_the_same_segments)
{
    static const int rates[] = {16000, 8000, 11025, 22050, 44100, 48000};
    hse_model_source source = {.dir = test_path("models/demo/silero")};
    void *m = NULL;
    nn_ctx *c = NULL;
    size_t n, want = 0;
    float *x = speech(&n);

    CHECK(silero_vad_type.open(&m, &source, NULL) == HSE_OK, "open");
    CHECK(nn_open(&c, &(nn_options){0}, NULL) == HSE_OK, "context");
    for (size_t i = 0; i < COUNT(rates); i++) {
        hse_item item, *list = &item;

        hse_item_init(&item);
        item.audio.rate_hz = rates[i];
        item.audio.channels = 1;
        item.audio.n = n * (size_t)rates[i] / 16000;
        item.audio.samples = hse_alloc(item.audio.n * sizeof(float));
        for (size_t k = 0; k < item.audio.n; k++) {
            size_t at = k * 16000 / (size_t)rates[i];
            item.audio.samples[k] = x[at < n ? at : n - 1];
        }
        CHECK(silero_vad_type.run(m, c, &list, 1) == HSE_OK && item.status == HSE_OK, "%d Hz: %s", rates[i],
              item.error.text);
        want = i ? want : item.segment_count;
        CHECK(item.segment_count + 1 >= want && item.segment_count <= want + 1, "%d Hz: %zu segments, at 16 kHz %zu",
              rates[i], item.segment_count, want);
        for (size_t k = 0; k < item.segment_count; k++)
            CHECK(item.segments[k].start < item.segments[k].end && item.segments[k].end <= (int64_t)item.audio.n &&
                      (k == 0 || item.segments[k - 1].end <= item.segments[k].start),
                  "%d Hz: segment %zu", rates[i], k);
        hse_item_free(&item);
    }
    hse_free(x);
    nn_close(&c);
    silero_vad_type.close(&m);
}

/* The engine computes a recording in parts of some seconds: the segments are those of the whole, upstream's and
 * faster-whisper's, at rates that are resampled too. */
TEST(a_recording_in_parts_has_the_segments_of_the_whole)
{
    static const size_t lengths[] = {1, 511, 512, 163840, 163841, 320 * 512 * 2 - 1, 320 * 512 * 2, 320 * 512 * 2 + 40, 700000};

    for (int fw = 0; fw < 2; fw++) {
        silero *m = load(fw ? "silero_vad_v6.onnx" : "silero_vad.onnx", hse_kernels_get(~0u));
        const silero_net *net = silero_at(m, 16000);

        for (size_t i = 0; i < COUNT(lengths); i++) {
            size_t n = lengths[i], count = fw ? silero_fw_chunks(net, n) : silero_chunks(net, n), got = 0, want_n = 0;
            float *x = noisy(n), *p = hse_alloc(count * sizeof *p);
            hse_segment *want = NULL, *segments = NULL;
            silero_segmenter seg;
            hse_item item;
            hse_error err = {0};
            nn_ctx *c = NULL;

            for (size_t j = 0; j < n; j++)
                x[j] *= j / 40000 % 2 ? 1 : 0.001f;
            CHECK((fw ? silero_fw_file(net, x, n, p, &err) : silero_file(net, x, n, p, NULL, NULL, NULL, NULL, NULL, &err)) == HSE_OK,
                  "%s", err.text);
            hse_item_init(&item);
            item.has = HSE_AUDIO;
            item.audio = (hse_audio){.samples = x, .n = n, .rate_hz = 16000, .channels = 1};
            item.vad.threshold = 0.02;
            item.vad.min_speech_ms = 0;
            item.vad.faster_whisper = fw;
            silero_segmenter_init(&seg, &item.vad, 16000, 512);
            for (size_t j = 0; j < count; j++)
                silero_segmenter_push(&seg, p[j]);
            CHECK(silero_segmenter_finish(&seg, (int64_t)n, &want, &want_n, &err) == HSE_OK, "%s", err.text);
            CHECK(nn_open(&c, &(nn_options){0}, &err) == HSE_OK, "%s", err.text);
            CHECK(silero_find_speech(m, c, &item, &segments, &got, &err) == HSE_OK, "%s", err.text);
            CHECK(got == want_n && (got == 0 || memcmp(segments, want, got * sizeof *want) == 0), "fw %d, %zu samples: %zu segments, want %zu",
                  fw, n, got, want_n);
            CHECK(n < 100000 || want_n > 0, "fw %d, %zu samples: nothing to compare", fw, n);
            nn_close(&c);
            hse_free(want);
            hse_free(segments);
            hse_free(p);
            hse_free(x);
        }
        silero_close(&m);
    }
}

TEST(options_and_audio_that_are_wrong_are_refused)
{
    hse_model_source source = {.dir = test_path("models/demo/silero")};
    void *m = NULL;
    nn_ctx *c = NULL;
    struct {
        const char *name;
        hse_vad_options o;
        int rate;
        float sample;
        const char *says;
    } cases[16];
    size_t n = 0;
    hse_vad_options d;

    silero_vad_defaults(&d);
#define ADD(label, field, value, hz, x, word)                                                                          \
    do {                                                                                                               \
        cases[n].name = label, cases[n].o = d, cases[n].rate = hz, cases[n].sample = x, cases[n].says = word;          \
        cases[n++].o.field = value;                                                                                    \
    } while (0)
    ADD("threshold over 1", threshold, 1.5, 16000, 0, "threshold");
    ADD("threshold not a number", threshold, NAN, 16000, 0, "threshold");
    ADD("neg_threshold over 1", neg_threshold, 2, 16000, 0, "neg_threshold");
    ADD("negative time", min_speech_ms, -1, 16000, 0, "min_speech_duration_ms");
    ADD("silence not a number", min_silence_ms, NAN, 16000, 0, "min_silence_duration_ms");
    ADD("infinite padding", pad_ms, INFINITY, 16000, 0, "speech_pad_ms");
    ADD("negative limit", max_speech_s, -1, 16000, 0, "max_speech_duration_s");
    ADD("rate 0", threshold, 0.5, 0, 0, "rate");
    ADD("rate negative", threshold, 0.5, -16000, 0, "rate");
    ADD("rate huge", threshold, 0.5, 1000000000, 0, "rate");
    ADD("NaN sample", threshold, 0.5, 16000, NAN, "not a number");
    ADD("infinite sample", threshold, 0.5, 48000, INFINITY, "not a number");
#undef ADD
    CHECK(silero_vad_type.open(&m, &source, NULL) == HSE_OK, "open");
    CHECK(nn_open(&c, &(nn_options){0}, NULL) == HSE_OK, "context");
    for (size_t i = 0; i < n; i++) {
        hse_item item, *list = &item;

        hse_item_init(&item);
        item.vad = cases[i].o;
        item.audio =
            (hse_audio){.samples = hse_calloc(4000, sizeof(float)), .n = 4000, .rate_hz = cases[i].rate, .channels = 1};
        item.audio.samples[2345] = cases[i].sample;
        CHECK(silero_vad_type.run(m, c, &list, 1) == HSE_OK, "%s", cases[i].name);
        CHECK(item.status != HSE_OK && strstr(item.error.text, cases[i].says), "%s: %d '%s'", cases[i].name,
              (int)item.status, item.error.text);
        hse_item_free(&item);
    }
    nn_close(&c);
    silero_vad_type.close(&m);
}

TEST(load_formats)
{
    static const struct {
        const char *dir, *format;
        hse_status want;
    } cases[] = {
        {"models/demo/silero", NULL, HSE_OK},
        {"models/demo/silero", "auto", HSE_OK},
        {"models/demo/silero", "onnx", HSE_OK},
        {"models/demo/silero", "jit", HSE_OK},
        {"models/demo/silero", "safetensors", HSE_OK},
        {"models/demo/silero", "v6", HSE_OK},
        {"models/demo/silero", "gguf", HSE_E_UNSUPPORTED},
        {"models/demo/silero/silero_vad_v6.onnx", NULL, HSE_OK},
        {"models/demo", "onnx", HSE_E_NOT_FOUND},
        {"models/nowhere", NULL, HSE_E_NOT_FOUND},
        {"models/demo/silero/LICENSE", NULL, HSE_E_FORMAT},
        {"models/demo/harmonyspeech/encoder/encoder.pt", NULL, HSE_E_FORMAT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_model_source source = {.dir = test_path(cases[i].dir), .load_format = cases[i].format};
        hse_error err = {0};
        void *m = NULL;
        hse_status s = silero_vad_type.open(&m, &source, &err);

        CHECK(s == cases[i].want || (cases[i].want == HSE_E_FORMAT && s == HSE_E_UNSUPPORTED), "%s %s: got %d (%s)",
              cases[i].dir, cases[i].format ? cases[i].format : "", (int)s, err.text);
        CHECK((m != NULL) == (s == HSE_OK) && (m || err.text[0]), "%s", cases[i].dir);
        if (m)
            silero_vad_type.close(&m);
    }
}

TEST(rounding_is_pythons)
{
    static const struct {
        double x;
        int digits;
        double want;
    } cases[] = {
        {0.125, 2, 0.12}, {0.375, 2, 0.38}, {2.675, 2, 2.67},  {1.25, 1, 1.2}, {1.35, 1, 1.4}, {-0.5, 0, -0.0},
        {1.5, 0, 2},      {2.5, 0, 2},      {1e300, 3, 1e300}, {0.05, 1, 0.1}, {0.25, 1, 0.2},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK(silero_round(cases[i].x, cases[i].digits) == cases[i].want, "round(%g, %d) = %.17g, want %g", cases[i].x,
              cases[i].digits, silero_round(cases[i].x, cases[i].digits), cases[i].want);
}

TEST(every_failed_allocation_is_reported)
{
    char *bytes = NULL;
    size_t size;

    CHECK(hse_file_read(&bytes, &size, test_path("tests/fuzz/seeds/model_silero/folded.safetensors"), 1 << 20, NULL) ==
              HSE_OK,
          "seed");
    for (uint64_t n = 1; n < 5000; n++) {
        hse_weights *w = NULL;
        silero *m = NULL;
        float x[1000] = {0}, p[8];

        hse_mem_fail_at(n, false);
        hse_status s = hse_weights_open_bytes(&w, (hse_bytes){(uint8_t *)bytes, size}, "seed", NULL, NULL);
        if (s == HSE_OK)
            s = silero_open(&m, w, "seed", NULL, NULL);
        if (s == HSE_OK)
            s = silero_file(silero_at(m, 8000), x, COUNT(x), p, NULL, NULL, NULL, NULL, NULL, NULL);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        silero_close(&m);
        if (w)
            hse_weights_close(&w);
        if (!struck) {
            CHECK(s == HSE_OK, "without a failure: %d", (int)s);
            break;
        }
        CHECK(s == HSE_E_NOMEM, "allocation %d: got %d", (int)n, (int)s);
    }
    hse_free(bytes);
}
