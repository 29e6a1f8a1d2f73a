/* OpenVoice's tone colours beyond what golden cases show: long recordings window by window, items in company, references that are
 * short or strangely cut, folders that lack files or hold damaged ones. Checkpoints are the small ones of the golden cases. */
#include "audio/resample.h"
#include "base/file.h"
#include "base/mem.h"
#include "models/openvoice/tone.h"
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATE = 22050, GIN = 16 };

#define SMALL "tests/golden/openvoice/conv_small/"

static char folder[] = "/tmp/hse-openvoice-XXXXXX";

static void put(const char *file, const char *name)
{
    char path[300], *bytes = NULL, *slash;
    size_t size;
    hse_error err = {0};

    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (slash = path + sizeof folder; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        CHECK(mkdir(path, 0700) == 0 || errno == EEXIST, "%s", path);
        *slash = '/';
    }
    CHECK(hse_file_read(&bytes, &size, test_path(file), 1 << 24, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_file_write(path, bytes, size, &err) == HSE_OK, "%s", err.text);
    hse_free(bytes);
}

/* A repository of V1, as users have it. */
static const char *repository(void)
{
    static bool made;

    if (!made) {
        CHECK(mkdtemp(folder) != NULL, "%s", folder);
        put(SMALL "checkpoint.pth", "checkpoints/converter/checkpoint.pth");
        put(SMALL "config.json", "checkpoints/converter/config.json");
        put(SMALL "src_se.pth", "checkpoints/base_speakers/EN/en_default_se.pth");
        made = true;
    }
    return folder;
}

static void *open_type(const hse_model_type *type, hse_status want, const char *words)
{
    const hse_model_source source = {.dir = repository(), .kernels = hse_kernels_get(~0u), .precision = K_F32};
    void *m = NULL;
    hse_error err = {0};
    hse_status s = type->open(&m, &source, &err);

    CHECK(s == want && (!words || strstr(err.text, words)), "%s: %d %s", type->type, (int)s, err.text);
    CHECK((m != NULL) == (want == HSE_OK), "a model came with an error");
    return m;
}

static nn_ctx *context(void)
{
    nn_ctx *c = NULL;
    hse_error err = {0};

    CHECK(nn_open(&c, &(nn_options){.kernels = hse_kernels_get(~0u)}, &err) == HSE_OK, "%s", err.text);
    return c;
}

/* Something that is not the same everywhere. */
static float *tones(size_t n)
{
    float *x = hse_alloc((n + 1) * sizeof *x);

    for (size_t i = 0; x && i < n; i++)
        x[i] = 0.3f * (float)sin((double)i * (0.02 + 0.01 * sin((double)i / 9000.0))) + 0.05f * (float)sin((double)i * 0.6);
    return x;
}

static hse_item item_of(const float *x, size_t n, int rate)
{
    hse_item item;

    hse_item_init(&item);
    item.has = HSE_AUDIO;
    item.audio = (hse_audio){.samples = hse_alloc((n + 1) * sizeof *x), .n = n, .rate_hz = rate, .channels = 1};
    memcpy(item.audio.samples, x, n * sizeof *x);
    return item;
}

static void set_target(hse_item *item, float level)
{
    item->embedding = hse_alloc(GIN * sizeof(float));
    item->embedding_size = GIN;
    item->has |= HSE_EMBEDDING;
    for (int i = 0; i < GIN; i++)
        item->embedding[i] = level * (float)cos(i);
}

/* All of a split, in an order and batches of its own; the samples, which are the caller's. */
static float *convert_split(const void *m, nn_ctx *c, const hse_split_input *in, size_t *n, size_t *count)
{
    void *split = NULL;
    hse_split_output out = {0};
    hse_error err = {0};
    hse_buf samples;

    hse_buf_init(&samples, 1 << 26);
    *count = 0;
    CHECK(ov_split_open(&split, m, in, &err) == HSE_OK, "%s", err.text);
    CHECK(ov_split_took(split, NULL, &out, &err) == HSE_OK && !out.done, "%s", err.text);
    while (!out.done) {
        hse_item *items[3];
        size_t k = 0;

        while (k < COUNT(items) && (items[k] = ov_split_next(split)) != NULL)
            k++;
        CHECK(k > 0, "the split has nothing to hand out, and is not done");
        CHECK(ov1_converter_type.run(m, c, items, k) == HSE_OK, "%s", items[0]->error.text);
        *count += k;
        for (; k; k--) {                                /* back in the wrong order */
            CHECK(ov_split_took(split, items[k - 1], &out, &err) == HSE_OK, "%s", err.text);
            hse_buf_append(&samples, out.samples, out.sample_count * sizeof(float));
        }
    }
    CHECK(ov_split_next(split) == NULL, "more, although it is done");
    ov_split_close(&split);
    *n = samples.size / sizeof(float);
    return (float *)(void *)hse_buf_take(&samples, NULL);
}

TEST(windows_of_a_long_recording_are_the_whole_bit_for_bit)
{
    enum { LONG = 12 * RATE + 77 };
    void *m = open_type(&ov1_converter_type, HSE_OK, NULL);
    nn_ctx *c = context();
    float *x = tones(LONG), target[GIN];
    hse_item whole = item_of(x, LONG, RATE), *items[] = {&whole};
    hse_audio audio = {.samples = x, .n = LONG, .rate_hz = RATE, .channels = 1};

    set_target(&whole, 0.8f);
    memcpy(target, whole.embedding, sizeof target);
    whole.seed = 5;
    CHECK(ov1_converter_type.run(m, c, items, 1) == HSE_OK && whole.status == HSE_OK, "%s", whole.error.text);
    CHECK(whole.audio.n > LONG - 600 && whole.audio.rate_hz == RATE, "%zu samples", whole.audio.n);
    for (int again = 0; again < 2; again++) {
        hse_split_input in = {.audio = &audio, .embedding = target, .embedding_size = GIN, .seed = again ? 6 : 5};
        size_t n = 0, count = 0, same = 0;
        float *y = convert_split(m, c, &in, &n, &count);

        CHECK(n == whole.audio.n && count > 3, "%zu of %zu samples in %zu windows", n, whole.audio.n, count);
        for (size_t i = 0; i < n; i++)
            same += memcmp(&y[i], &whole.audio.samples[i], sizeof *y) == 0;
        CHECK(again ? same < n / 2 : same == n, "%zu of %zu samples are the same with %s seed", same, n, again ? "another" : "the same");
        hse_free(y);
    }
    hse_item_free(&whole);
    hse_free(x);
    nn_close(&c);
    ov1_converter_type.close(&m);
}

TEST(items_in_company_have_the_bits_they_have_alone)
{
    static const size_t sizes[] = {3 * RATE, 900, RATE / 2, 2 * RATE + 11};
    void *m = open_type(&ov1_converter_type, HSE_OK, NULL), *e = open_type(&ov1_encoder_type, HSE_OK, NULL);
    nn_ctx *c = context();
    float *x = tones(4 * RATE);
    hse_item alone[COUNT(sizes)], together[COUNT(sizes)], *items[COUNT(sizes)];

    for (int encoder = 0; encoder < 2; encoder++) {
        const hse_model_type *type = encoder ? &ov1_encoder_type : &ov1_converter_type;

        for (size_t i = 0; i < COUNT(sizes); i++) {
            alone[i] = item_of(x + i, sizes[i], i == 2 ? 44100 : RATE);
            together[i] = item_of(x + i, sizes[i], i == 2 ? 44100 : RATE);
            if (!encoder) {
                set_target(&alone[i], 1.0f / (float)(i + 1));
                set_target(&together[i], 1.0f / (float)(i + 1));
                alone[i].voice = together[i].voice = i == 1 ? "default" : NULL;
            }
            items[i] = &together[i];
            CHECK(type->run(encoder ? e : m, c, (hse_item *[]){&alone[i]}, 1) == HSE_OK && alone[i].status == HSE_OK, "%zu: %s", i,
                  alone[i].error.text);
        }
        CHECK(type->run(encoder ? e : m, c, items, COUNT(items)) == HSE_OK, "all");
        for (size_t i = 0; i < COUNT(sizes); i++) {
            const hse_item *a = &alone[i], *b = &together[i];

            CHECK(b->status == HSE_OK, "%zu: %s", i, b->error.text);
            if (encoder)
                CHECK(a->embedding_size == GIN && memcmp(a->embedding, b->embedding, GIN * sizeof(float)) == 0, "colour %zu differs", i);
            else
                CHECK(a->audio.n == b->audio.n && memcmp(a->audio.samples, b->audio.samples, a->audio.n * sizeof(float)) == 0,
                      "audio %zu differs", i);
            hse_item_free(&alone[i]);
            hse_item_free(&together[i]);
        }
    }
    hse_free(x);
    nn_close(&c);
    ov1_converter_type.close(&m);
    ov1_encoder_type.close(&e);
}

TEST(what_cannot_be_heard_or_converted_is_said)
{
    static const hse_transcript_segment short_one[] = {{.start = 0.1, .end = 0.3}}, outside[] = {{.start = 50, .end = 60}},
                                        again[] = {{.start = 0, .end = 3, .text = "a text"}};
    hse_transcript_segment many[200];
    void *m = open_type(&ov1_converter_type, HSE_OK, NULL), *e = open_type(&ov1_encoder_type, HSE_OK, NULL);
    nn_ctx *c = context();
    float *x = tones(4 * RATE);
    const struct {
        const char *name;
        size_t      n;
        const hse_transcript_segment *said;
        size_t      count;
        bool        has_said, convert, reference;
        float       bad;
        int         target;
        const char *voice;
        const char *words;
    } cases[] = {
        {"48 samples", 48, NULL, 0, false, false, false, 0, 0, NULL, "48 samples; the model needs more than 48"},
        {"speech too short", 4 * RATE, short_one, 1, true, false, false, 0, 0, NULL, "too short"},
        {"speech outside", 4 * RATE, outside, 1, true, false, false, 0, 0, NULL, "0.00 s of speech"},
        {"no speech", 4 * RATE, NULL, 0, true, false, false, 0, 0, NULL, "too short"},
        {"as HSE refuses it", 4 * RATE, short_one, 1, true, false, true, 0, 0, NULL, "no segment of speech"},
        {"the same again and again", 4 * RATE, many, COUNT(many), true, false, false, 0, 0, NULL, "overlap"},
        {"not a number", RATE, NULL, 0, false, false, false, NAN, 0, NULL, "sample 7"},
        {"48 samples to convert", 48, NULL, 0, false, true, false, 0, GIN, NULL, "48 samples; the model needs more than 48"},
        {"another model's embedding", RATE, NULL, 0, false, true, false, 0, 12, NULL, "12 numbers; this model's have 16"},
        {"no embedding", RATE, NULL, 0, false, true, false, 0, 0, NULL, "0 numbers; this model's have 16"},
        {"a voice nobody has", RATE, NULL, 0, false, true, false, 0, GIN, "nobody", "no tone colour of 'nobody'"},
        {"a voice whose file is not there", RATE, NULL, 0, false, true, false, 0, GIN, "sad", "en_style_se.pth"},
    };

    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = again[0];
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_item item = item_of(x, cases[i].n, RATE), good = item_of(x, RATE, RATE), *items[] = {&item, &good};

        item.said = cases[i].said;
        item.said_count = cases[i].count;
        item.has |= cases[i].has_said ? HSE_TRANSCRIPT : 0u;
        item.reference = cases[i].reference;
        item.voice = cases[i].voice;
        if (cases[i].bad != 0)
            item.audio.samples[7] = cases[i].bad;
        if (cases[i].target) {
            set_target(&item, 1);
            item.embedding_size = (size_t)cases[i].target;
        }
        set_target(&good, 1);
        const hse_model_type *type = cases[i].convert ? &ov1_converter_type : &ov1_encoder_type;
        CHECK(type->run(cases[i].convert ? m : e, c, items, 2) == HSE_OK, "%s: the batch failed", cases[i].name);
        CHECK(item.status != HSE_OK && strstr(item.error.text, cases[i].words), "%s: %d %s", cases[i].name, (int)item.status, item.error.text);
        CHECK(good.status == HSE_OK, "%s: its company failed: %s", cases[i].name, good.error.text);
        hse_item_free(&item);
        hse_item_free(&good);
    }
    hse_free(x);
    nn_close(&c);
    ov1_converter_type.close(&m);
    ov1_encoder_type.close(&e);
}

/* Segments as a recogniser gives them: too long for the original's rule, and used all the same. */
TEST(a_long_segment_is_heard_in_parts)
{
    enum { SECONDS = 27 };
    static const hse_transcript_segment all[] = {{.start = 0, .end = SECONDS, .text = " everything that was said"}};
    float *x = tones(SECONDS * RATE), *part;
    ov_recording r = {.samples = x, .n = SECONDS * RATE, .rate_hz = RATE, .said = all, .said_count = 1, .has_said = true};
    ov_parts p;
    size_t n, parts = 0, sum = 0;
    hse_error err = {0};

    CHECK(ov_parts_open(&p, &r, &err) == HSE_OK, "%s", err.text);
    while (ov_parts_next(&p, &part, &n, &err) == HSE_OK && part) {
        CHECK(n == r.n / 3, "part %zu has %zu samples", parts, n);
        parts++;
        sum += n;
        hse_free(part);
    }
    ov_parts_close(&p);
    CHECK(parts == 3 && sum == r.n, "%zu parts of %zu samples", parts, sum);
    r.strict = true;
    CHECK(ov_parts_open(&p, &r, &err) == HSE_E_ARG, "%s", err.text);
    hse_free(x);
}

TEST(folders_that_lack_files_or_hold_damaged_ones)
{
    static const struct {
        const char *name, *file, *with, *words;
        const hse_model_type *type;
    } cases[] = {
        {"a colour that is a checkpoint", "checkpoints/base_speakers/EN/en_default_se.pth", SMALL "checkpoint.pth", "en_default_se.pth",
         &ov1_converter_type},
        {"a colour that is JSON", "checkpoints/base_speakers/EN/en_default_se.pth", SMALL "config.json", "en_default_se.pth", &ov1_converter_type},
        {"a config that is a checkpoint", "checkpoints/converter/config.json", SMALL "se.pth", "config.json", &ov1_encoder_type},
        {"a checkpoint that is a colour", "checkpoints/converter/checkpoint.pth", SMALL "se.pth", NULL, &ov1_encoder_type},
        {"a checkpoint of a base speaker", "checkpoints/converter/checkpoint.pth", "tests/golden/openvoice/tts_small/checkpoint.pth",
         "ref_enc", &ov1_encoder_type},
    };

    repository();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *was = strstr(cases[i].file, "config") ? SMALL "config.json" : strstr(cases[i].file, "_se") ? SMALL "src_se.pth" : SMALL "checkpoint.pth";
        const hse_model_source source = {.dir = folder, .kernels = hse_kernels_get(~0u), .precision = K_F32};
        void *m = NULL;
        hse_error err = {0};

        put(cases[i].with, cases[i].file);
        hse_status s = cases[i].type->open(&m, &source, &err);
        CHECK(s != HSE_OK && !m && err.text[0] && (!cases[i].words || strstr(err.text, cases[i].words)), "%s: %d %s", cases[i].name, (int)s,
              err.text);
        put(was, cases[i].file);
    }
    void *m = NULL;
    hse_error err = {0};
    hse_model_source source = {.dir = folder, .kernels = hse_kernels_get(~0u), .load_format = "safetensors"};
    CHECK(ov1_encoder_type.open(&m, &source, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "load_format"), "%s", err.text);
    source = (hse_model_source){.dir = folder, .kernels = hse_kernels_get(~0u)};
    CHECK(ov2_encoder_type.open(&m, &source, &err) != HSE_OK && strstr(err.text, "converter"), "V2's files are not there: %s", err.text);
    m = open_type(&ov1_converter_type, HSE_OK, NULL);
    ov1_converter_type.close(&m);
}
