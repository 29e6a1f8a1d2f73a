/* Harmony Speech V1 beyond what golden cases show: items in company and in windows, configs and checkpoints that are
 * wrong, audio and text that are hostile. Checkpoints are the small ones of tests/golden and tests/fuzz/seeds. */
#include "test.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/harmonyspeech/adapter.h"

#include <math.h>
#include <stdlib.h>

static nn_ctx *context(int threads, const hse_kernels *k)
{
    static hse_pool *pool[3];
    nn_ctx *c = NULL;

    if (!pool[threads])
        CHECK(hse_pool_open(&pool[threads], threads, NULL) == HSE_OK, "pool");
    CHECK(nn_open(&c, &(nn_options){.kernels = k, .pool = pool[threads], .poison = true}, NULL) == HSE_OK, "context");
    return c;
}

static void *load(const hse_model_type *type, const char *dir, k_weight_type precision)
{
    char path[300];
    void *m = NULL;
    hse_error err = {0};

    snprintf(path, sizeof path, "tests/golden/harmonyspeech/%s", dir);
    hse_model_source source = {.dir = test_path(path), .precision = precision};
    CHECK(type->open(&m, &source, &err) == HSE_OK, "%s: %s", dir, err.text);
    return m;
}

static float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)*seed / 2147483648.0f;
}

/* ---- seeds of the fuzz targets ---- */

static hse_status open_seed(const char *name, const uint8_t *bytes, size_t size, hse_error *err)
{
    size_t length = hse_get_u16le(bytes + 1);
    hse_weights *w = NULL;
    hse_status s = hse_weights_open_bytes(&w, (hse_bytes){bytes + 3 + length, size - 3 - length}, name, NULL, err);
    const char *config = (const char *)bytes + 3;

    if (s != HSE_OK)
        return s;
    if (bytes[0] == 0) {
        hs1_encoder *m = NULL;
        s = hs1_encoder_open(&m, w, config, length, NULL, K_F32, err);
        hs1_encoder_close(&m);
    } else if (bytes[0] == 1) {
        hs1_synthesizer *m = NULL;
        s = hs1_synthesizer_open(&m, w, config, length, NULL, K_F32, err);
        hs1_synthesizer_close(&m);
    } else {
        hs1_vocoder *m = NULL;
        s = hs1_vocoder_open(&m, w, config, length, NULL, K_F32, err);
        hs1_vocoder_close(&m);
    }
    hse_weights_close(&w);
    return s;
}

static uint8_t *read_seed(const char *name, size_t *size)
{
    char path[200], *bytes = NULL;

    snprintf(path, sizeof path, "tests/fuzz/seeds/model_hs1/%s", name);
    CHECK(hse_file_read(&bytes, size, test_path(path), 1 << 20, NULL) == HSE_OK, "%s", path);
    return (uint8_t *)bytes;
}

static const char *const seeds[] = {"encoder.bin", "synthesizer.bin", "vocoder.bin", "vocoder-causal.bin",
                                    "vocoder-plain.bin"};

TEST(seeds_open_and_cut_ones_do_not)
{
    for (size_t i = 0; i < COUNT(seeds); i++) {
        size_t size;
        uint8_t *bytes = read_seed(seeds[i], &size);
        hse_error err = {0};

        CHECK(open_seed(seeds[i], bytes, size, &err) == HSE_OK, "%s: %s", seeds[i], err.text);
        for (size_t cut = 3 + hse_get_u16le(bytes + 1); cut < size; cut += size / 97 + 1) {
            uint8_t *part = test_guarded(cut);
            err = (hse_error){0};
            memcpy(part, bytes, cut);
            CHECK(open_seed(seeds[i], part, cut, &err) != HSE_OK && err.text[0], "%s cut at %zu opened", seeds[i], cut);
        }
        hse_free(bytes);
    }
}

/* ---- configs ---- */

/* The seed with one piece of its config replaced by another. */
static hse_status open_changed(const char *seed, const char *from, const char *to, hse_error *err)
{
    size_t size, length, old = strlen(from), new = strlen(to), changed;
    uint8_t *bytes = read_seed(seed, &size), *out;
    char *at;

    length = hse_get_u16le(bytes + 1);
    at = memmem(bytes + 3, length, from, old);
    CHECK(at != NULL, "%s has no %s", seed, from);
    changed = length - old + new;
    out = hse_alloc(size + new);
    out[0] = bytes[0];
    hse_put_u16le(out + 1, (uint16_t)changed);
    size_t before = (size_t)((uint8_t *)at - bytes);
    memcpy(out + 3, bytes + 3, before - 3);
    memcpy(out + before, to, new);
    memcpy(out + before + new, bytes + before + old, size - before - old);
    hse_status s = open_seed(seed, out, size - old + new, err);
    hse_free(out);
    hse_free(bytes);
    return s;
}

TEST(configs_that_are_wrong_are_refused_by_name)
{
    static const struct {
        const char *seed, *from, *to, *says;
    } cases[] = {
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":0", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":-1", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":4294967300", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":9223372036854775807", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":4.5", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":\"4\"", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":null", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4,", "", "model_hidden_size"},
        {"encoder.bin", "\"model_hidden_size\":4", "\"model_hidden_size\":5", ""},
        {"encoder.bin", "\"model_num_layers\":2", "\"model_num_layers\":99", "model_num_layers"},
        {"encoder.bin", "\"model_num_layers\":2", "\"model_num_layers\":3", ""},
        {"encoder.bin", "\"model_num_layers\":2", "\"model_num_layers\":2,\"surprise\":1", "surprise"},
        {"encoder.bin", "{\"model\"", "{\"modem\"", "model"},
        {"encoder.bin", "{\"model\"", "[\"model\"", "JSON"},
        {"synthesizer.bin", "\"prenet_k\":2", "\"prenet_k\":65", "prenet_k"},
        {"synthesizer.bin", "\"prenet_k\":2", "\"prenet_k\":3", ""},
        {"synthesizer.bin", "\"num_chars\":4", "\"num_chars\":5", ""},
        {"synthesizer.bin", "\"pitch_strength\":1.0", "\"pitch_strength\":1e999", ""},
        {"synthesizer.bin", "\"pitch_strength\":1.0", "\"pitch_strength\":true", "pitch_strength"},
        {"synthesizer.bin", "\"durpred_dropout\":0.5,", "", "durpred_dropout"},
        {"vocoder.bin", "\"upsample_scales\":[2,3]", "\"upsample_scales\":[]", "upsample_scales"},
        {"vocoder.bin", "\"upsample_scales\":[2,3]", "\"upsample_scales\":[2,0]", "upsample_scales"},
        {"vocoder.bin", "\"upsample_scales\":[2,3]", "\"upsample_scales\":[2,3,2,2,2,2,2,2,2]", "upsample_scales"},
        {"vocoder.bin", "\"upsample_scales\":[2,3]", "\"upsample_scales\":[256,256]", "frame"},
        {"vocoder.bin", "\"upsample_scales\":[2,3]", "\"upsample_scales\":[3,2]", ""},
        {"vocoder.bin", "\"upsample_scales\":[2,3]", "\"upsample_scales\":6", "upsample_scales"},
        {"vocoder.bin", "\"channels\":8", "\"channels\":6", "channels"},
        {"vocoder.bin", "\"kernel_size\":3", "\"kernel_size\":4", "odd"},
        {"vocoder.bin", "\"stacks\":2", "\"stacks\":9", "stacks"},
        {"vocoder.bin", "\"LeakyReLU\"", "\"Softsign\"", "Softsign"},
        {"vocoder.bin", "\"negative_slope\"", "\"positive_slope\"", "positive_slope"},
        {"vocoder.bin", "\"ReflectionPad1d\"", "\"CircularPad1d\"", "CircularPad1d"},
        {"vocoder.bin", "\"ReflectionPad1d\"", "\"ConstantPad1d\"", "value"},
        {"vocoder.bin", "\"use_weight_norm\":true", "\"use_weight_norm\":false", ""},
        {"vocoder.bin", "\"use_weight_norm\":true", "\"use_weight_norm\":1", "use_weight_norm"},
        {"vocoder.bin", "\"bias\":true", "\"bias\":false", ""},
        {"vocoder.bin", "\"out_channels\":2", "\"out_channels\":65", "out_channels"},
        {"vocoder-causal.bin", "\"use_causal_conv\":true", "\"use_causal_conv\":false", ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        hse_status s = open_changed(cases[i].seed, cases[i].from, cases[i].to, &err);

        CHECK(s == HSE_E_FORMAT, "%s -> %s: got %d (%s)", cases[i].from, cases[i].to, (int)s, err.text);
        CHECK(strstr(err.text, cases[i].says), "%s -> %s: '%s' does not name %s", cases[i].from, cases[i].to, err.text,
              cases[i].says);
    }
}

/* ---- company and windows ---- */

static void fill_item(hse_item *item, const hse_model_type *type, const void *m, int i)
{
    uint32_t seed = (uint32_t)(100 + i);

    hse_item_init(item);
    item->speed = 1 + 0.1f * (float)i;
    if (type == &hs1_encoder_type) {
        size_t n = 9000 + 7000 * (size_t)i;
        item->reference = true; /* noise is no speech; the original embeds it all the same */
        item->audio = (hse_audio){
            .samples = hse_alloc(n * sizeof(float)), .n = n, .rate_hz = i % 2 ? 16000 : 22050, .channels = 1};
        for (size_t k = 0; k < n; k++)
            item->audio.samples[k] = 0.2f * noise(&seed) * sinf((float)k * 0.001f);
    } else if (type == &hs1_synthesizer_type) {
        static const char *const texts[] = {"a", "Hello there.", "",
                                            "One, two, three; and a longer sentence to end with!", "Yes?"};
        item->embedding_size = (size_t)((const hs1_synthesizer *)m)->cfg.speaker;
        item->embedding = hse_alloc(item->embedding_size * sizeof(float));
        item->text = hse_strdup(texts[i % 5]);
        for (size_t k = 0; k < item->embedding_size; k++)
            item->embedding[k] = 0.2f * noise(&seed);
    } else {
        item->mel_bands = ((const hs1_vocoder *)m)->cfg.in;
        item->mel_frames = 1 + 13 * (size_t)i;
        item->mel = hse_alloc(item->mel_frames * (size_t)item->mel_bands * sizeof(float));
        for (size_t k = 0; k < item->mel_frames * (size_t)item->mel_bands; k++)
            item->mel[k] = 3 * noise(&seed);
    }
}

static const float *result(const hse_model_type *type, const hse_item *item, size_t *n)
{
    *n = type == &hs1_encoder_type       ? item->embedding_size
         : type == &hs1_synthesizer_type ? item->mel_frames * (size_t)item->mel_bands
                                         : item->audio.n;
    return type == &hs1_encoder_type       ? item->embedding
           : type == &hs1_synthesizer_type ? item->mel
                                           : item->audio.samples;
}

static void check_company(const hse_model_type *type, const char *dir, k_weight_type precision)
{
    enum { N = 5 };
    void *m = load(type, dir, precision);
    hse_item alone[N], batch[N], *list[N], *one;

    for (int threads = 1; threads <= 2; threads++) {
        nn_ctx *c = context(threads, NULL);
        for (int i = 0; i < N; i++) {
            fill_item(&batch[i], type, m, i);
            list[i] = &batch[i];
            if (threads == 2)
                continue;
            fill_item(&alone[i], type, m, i);
            one = &alone[i];
            CHECK(type->run(m, c, &one, 1) == HSE_OK && alone[i].status == HSE_OK, "%s item %d: %s", dir, i,
                  alone[i].error.text);
        }
        CHECK(type->run(m, c, list, N) == HSE_OK, "%s: a batch", dir);
        for (int i = 0; i < N; i++) {
            size_t n, count;
            const float *want = result(type, &alone[i], &n), *got = result(type, &batch[i], &count);
            CHECK(batch[i].status == HSE_OK && n == count && n > 0 && memcmp(want, got, n * sizeof *got) == 0,
                  "%s type %d threads %d: item %d differs in a batch (%s)", dir, (int)precision, threads, i,
                  batch[i].error.text);
            hse_item_free(&batch[i]);
        }
        nn_close(&c);
    }
    for (int i = 0; i < N; i++)
        hse_item_free(&alone[i]);
    type->close(&m);
}

TEST(an_item_has_the_same_bits_alone_and_in_company_at_any_thread_count)
{
    for (int precision = 0; precision < K_WEIGHT_TYPES; precision++) {
        check_company(&hs1_encoder_type, "enc_16k_mono", (k_weight_type)precision);
        check_company(&hs1_synthesizer_type, "synth_base", (k_weight_type)precision);
        check_company(&hs1_vocoder_type, "voc_mb4_old_wn", (k_weight_type)precision);
        check_company(&hs1_vocoder_type, "voc_causal", (k_weight_type)precision);
    }
}

/* What admission counts, for items of equal length: no less than a run takes, and not much more. */
TEST(a_plan_of_the_synthesizer_holds_a_run)
{
    hs1_synthesizer *m = load(&hs1_synthesizer_type, "synth_base", K_F32);
    float embedding[4096] = {0};
    int32_t ids[400] = {0};
    hse_error err = {0};

    for (int n = 1; n <= 5; n += 2)
        for (int symbols = 40; symbols <= 400; symbols *= 10) {
            nn_ctx *c = context(1, NULL);
            hs1_mel t[5];
            for (int i = 0; i < n; i++)
                t[i] = (hs1_mel){.ids = ids, .n = symbols, .embedding = embedding};
            CHECK(hs1_synthesizer_run(m, c, t, n, false, &err) == HSE_OK && t[0].status == HSE_OK, "%s%s", err.text, t[0].error.text);
            size_t used = nn_peak(c), planned = hs1_synthesizer_plan(m, c, n, symbols, t[0].frames);
            CHECK(planned >= used && planned <= used + used / 8, "%d of %d symbols: %zu bytes used, %zu planned", n, symbols, used, planned);
            for (int i = 0; i < n; i++)
                hs1_mel_free(&t[i]);
            nn_close(&c);
        }
    void *model = m;
    hs1_synthesizer_type.close(&model);
}

static void check_windows(const char *dir, size_t frames, k_weight_type precision)
{
    hs1_vocoder *m = load(&hs1_vocoder_type, dir, precision);
    nn_ctx *c = context(1, NULL);
    size_t in = (size_t)m->cfg.in, hop = (size_t)m->cfg.hop;
    float *mel = hse_alloc(frames * in * sizeof *mel);
    uint32_t seed = 9;

    for (size_t i = 0; i < frames * in; i++)
        mel[i] = noise(&seed);
    hs1_wave whole = {.mel = mel, .audio = {.frames = frames, .to = frames}};
    CHECK(hs1_vocoder_run(m, c, &whole, 1, false, NULL) == HSE_OK && whole.audio.status == HSE_OK, "%s: %s", dir,
          whole.audio.error.text);
    for (size_t size = 1; size <= frames; size = size * 3 + 1)
        for (size_t from = 0; from < frames; from += size) {
            hs1_wave part = {
                .mel = mel,
                .audio = {.frames = frames, .from = from, .to = from + size < frames ? from + size : frames}};
            CHECK(hs1_vocoder_run(m, c, &part, 1, false, NULL) == HSE_OK && part.audio.status == HSE_OK, "%s: %s", dir,
                  part.audio.error.text);
            CHECK(memcmp(part.audio.wave, whole.audio.wave + from * hop, (part.audio.to - from) * hop * sizeof *mel) == 0,
                  "%s type %d: frames %zu to %zu of %zu differ from the whole", dir, (int)precision, from, part.audio.to,
                  frames);
            hse_free(part.audio.wave);
        }
    hse_free(whole.audio.wave);
    hse_free(mel);
    nn_close(&c);
    void *model = m;
    hs1_vocoder_type.close(&model);
}

TEST(windows_decode_to_their_part_of_the_whole)
{
    static const char *const dirs[] = {"voc_mb4_old_wn", "voc_causal", "voc_full_plain", "voc_full_hop200",
                                       "voc_mb4_new_wn"};

    for (size_t i = 0; i < COUNT(dirs); i++)
        check_windows(dirs[i], 97, K_F32);
    check_windows("voc_mb4_old_wn", 60, K_BF16);
    check_windows("voc_causal", 60, K_INT8);
    check_windows("voc_full_plain", 7, K_F32);
}

TEST(mels_of_any_length_decode)
{
    hs1_vocoder *m = load(&hs1_vocoder_type, "voc_full_plain", K_F32);
    nn_ctx *c = context(1, NULL);
    size_t lengths[] = {1, 2, (size_t)m->min_frames, (size_t)m->window, (size_t)m->window * 2 + 7};
    size_t most = (size_t)m->window * 2 + 7, in = (size_t)m->cfg.in, hop = (size_t)m->cfg.hop;
    float *mel = hse_alloc(most * in * sizeof *mel);
    uint32_t seed = 4;

    for (size_t i = 0; i < most * in; i++)
        mel[i] = noise(&seed);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        hs1_wave t = {.mel = mel, .audio = {.frames = lengths[i], .to = lengths[i]}}, strict = t;
        CHECK(hs1_vocoder_run(m, c, &t, 1, false, NULL) == HSE_OK && t.audio.status == HSE_OK, "%zu frames: %s", lengths[i],
              t.audio.error.text);
        for (size_t k = 0; k < lengths[i] * hop; k++)
            CHECK(isfinite(t.audio.wave[k]), "%zu frames: sample %zu", lengths[i], k);
        hse_free(t.audio.wave);
        CHECK(hs1_vocoder_run(m, c, &strict, 1, true, NULL) == HSE_OK, "%zu frames", lengths[i]);
        CHECK((strict.audio.status == HSE_OK) == (lengths[i] >= (size_t)m->min_frames), "%zu frames, reference: %s",
              lengths[i], strict.audio.error.text);
        hse_free(strict.audio.wave);
    }
    hse_free(mel);
    nn_close(&c);
    void *model = m;
    hs1_vocoder_type.close(&model);
}

/* ---- hostile input ---- */

TEST(a_bad_item_does_not_fail_its_batch)
{
    void *m = load(&hs1_synthesizer_type, "synth_base", K_F32);
    nn_ctx *c = context(1, NULL);
    static const struct {
        const char *name, *text;
        float embedding, speed;
        int size;
        hse_status want;
    } cases[] = {
        {"good", "Hello.", 0.1f, 1, 0, HSE_OK},
        {"embedding of another size", "Hello.", 0.1f, 1, -1, HSE_E_ARG},
        {"embedding not a number", "Hello.", NAN, 1, 0, HSE_E_ARG},
        {"endless", "Hello.", 0.1f, 1e-9f, 0, HSE_E_LIMIT},
        {"speed infinite", "Hello.", 0.1f, INFINITY, 0, HSE_E_ARG},
        {"speed not a number", "Hello.", 0.1f, NAN, 0, HSE_E_ARG},
        {"not UTF-8", "\xff\xfe", 0.1f, 1, 0, HSE_E_FORMAT},
        {"a number too big", "1111111111111111111111111111111111111", 0.1f, 1, 0, HSE_E_FORMAT},
        {"empty", "", 0.1f, 1, 0, HSE_OK},
        {"speed of 0 is 1", "Hello.", 0.1f, 0, 0, HSE_OK},
        {"negative speed", "Hello.", 0.1f, -1.5f, 0, HSE_OK},
    };
    hse_item items[COUNT(cases)], *list[COUNT(cases)];

    for (size_t i = 0; i < COUNT(cases); i++) {
        list[i] = &items[i];
        hse_item_init(&items[i]);
        items[i].text = hse_strdup(cases[i].text);
        items[i].speed = cases[i].speed;
        items[i].embedding_size = (size_t)(((hs1_synthesizer *)m)->cfg.speaker + cases[i].size);
        items[i].embedding = hse_alloc(items[i].embedding_size * sizeof(float));
        for (size_t k = 0; k < items[i].embedding_size; k++)
            items[i].embedding[k] = cases[i].embedding;
    }
    CHECK(hs1_synthesizer_type.run(m, c, list, COUNT(cases)) == HSE_OK, "the batch");
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(items[i].status == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)items[i].status,
              (int)cases[i].want, items[i].error.text);
        CHECK((items[i].mel != NULL) == (cases[i].want == HSE_OK) && (items[i].mel || items[i].error.text[0]), "%s",
              cases[i].name);
        hse_item_free(&items[i]);
    }
    nn_close(&c);
    hs1_synthesizer_type.close(&m);
}

TEST(a_text_that_is_too_long_for_one_piece_is_refused)
{
    void *m = load(&hs1_synthesizer_type, "synth_base", K_F32);
    nn_ctx *c = context(1, NULL);
    hse_item item, *list = &item;

    fill_item(&item, &hs1_synthesizer_type, m, 0);
    hse_free(item.text);
    item.text = hse_alloc(100001);
    memset(item.text, 'a', 100000);
    item.text[100000] = '\0';
    hs1_synthesizer_type.run(m, c, &list, 1);
    CHECK(item.status == HSE_E_LIMIT, "%d: %s", (int)item.status, item.error.text);
    hse_item_free(&item);
    nn_close(&c);
    hs1_synthesizer_type.close(&m);
}

TEST(recordings_without_speech_say_so)
{
    void *m = load(&hs1_encoder_type, "enc_16k_mono", K_F32);
    nn_ctx *c = context(1, NULL);
    static const struct {
        const char *name;
        size_t n;
        float level;
        bool reference;
        hse_status want;
        const char *says;
    } cases[] = {
        {"nothing", 0, 0, false, HSE_E_ARG, "too short"},
        {"one sample", 1, 0.5f, false, HSE_E_ARG, "too short"},
        {"10 ms", 160, 0.5f, false, HSE_E_ARG, "too short"},
        {"silence", 16000, 0, false, HSE_E_ARG, "no speech"},
        {"30 ms of noise", 480, 0.1f, false, HSE_E_ARG, "no speech"},
        {"not a number", 16000, NAN, false, HSE_E_FORMAT, "not a number"},
        {"too loud", 16000, 3e38f, false, HSE_E_FORMAT, "not a number"},
        {"nothing, reference", 0, 0, true, HSE_OK, ""},
        {"silence, reference", 16000, 0, true, HSE_OK, ""},
        {"one sample, reference", 1, 0.5f, true, HSE_OK, ""},
        {"not a number, reference", 16000, NAN, true, HSE_E_FORMAT, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_item item, *list = &item;
        uint32_t seed = 2;

        hse_item_init(&item);
        item.reference = cases[i].reference;
        item.audio = (hse_audio){
            .samples = hse_alloc((cases[i].n + 1) * sizeof(float)), .n = cases[i].n, .rate_hz = 16000, .channels = 1};
        for (size_t k = 0; k < cases[i].n; k++)
            item.audio.samples[k] = cases[i].level * noise(&seed);
        CHECK(hs1_encoder_type.run(m, c, &list, 1) == HSE_OK, "%s", cases[i].name);
        CHECK(item.status == cases[i].want && strstr(item.error.text, cases[i].says), "%s: got %d (%s)", cases[i].name,
              (int)item.status, item.error.text);
        hse_item_free(&item);
    }
    nn_close(&c);
    hs1_encoder_type.close(&m);
}

/* Every weight of the seed in turn replaced by NaN, infinity or a huge number: an error or finite results, never a
 * hang. */
TEST(checkpoints_with_wild_numbers_give_an_error_or_finite_audio)
{
    static const float wild[] = {NAN, INFINITY, 3e38f, -1e20f};
    size_t size;
    uint8_t *bytes = read_seed("vocoder.bin", &size);
    size_t length = hse_get_u16le(bytes + 1), header = 3 + length + 8 + (size_t)hse_get_u64le(bytes + 3 + length);
    nn_ctx *c = context(1, NULL);

    for (size_t at = header; at + 4 <= size; at += 4 * 53)
        for (size_t i = 0; i < COUNT(wild); i++) {
            uint8_t *copy = hse_alloc(size);
            hse_weights *w = NULL;
            hs1_vocoder *m = NULL;
            float mel[9 * 3];

            memcpy(copy, bytes, size);
            memcpy(copy + at, &wild[i], sizeof wild[i]);
            for (size_t k = 0; k < COUNT(mel); k++)
                mel[k] = 0.1f * (float)k;
            CHECK(hse_weights_open_bytes(&w, (hse_bytes){copy + 3 + length, size - 3 - length}, "wild", NULL, NULL) ==
                      HSE_OK,
                  "weights");
            if (hs1_vocoder_open(&m, w, (char *)copy + 3, length, NULL, K_F32, NULL) == HSE_OK) {
                hs1_wave t = {.mel = mel, .audio = {.frames = 9, .to = 9}};
                CHECK(hs1_vocoder_run(m, c, &t, 1, false, NULL) == HSE_OK, "byte %zu", at);
                for (size_t k = 0; t.audio.status == HSE_OK && k < 9 * (size_t)m->cfg.hop; k++)
                    CHECK(isfinite(t.audio.wave[k]), "byte %zu value %zu: sample %zu", at, i, k);
                CHECK(t.audio.status == HSE_OK || t.audio.error.text[0], "byte %zu: an error without words", at);
                hse_free(t.audio.wave);
            }
            hs1_vocoder_close(&m);
            hse_weights_close(&w);
            hse_free(copy);
        }
    hse_free(bytes);
    nn_close(&c);
}

/* ---- memory ---- */

TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    for (size_t i = 0; i < COUNT(seeds); i++) {
        size_t size;
        uint8_t *bytes = read_seed(seeds[i], &size);

        for (uint64_t n = 1; n < 5000; n++) {
            hse_error err = {0};
            hse_mem_fail_at(n, false);
            hse_status s = open_seed(seeds[i], bytes, size, &err);
            bool struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            if (!struck)
                break;
            CHECK(s == HSE_E_NOMEM, "%s, allocation %d: got %d (%s)", seeds[i], (int)n, (int)s, err.text);
        }
        hse_free(bytes);
    }
}
