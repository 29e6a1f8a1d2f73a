/* OpenVoice and MeloTTS beyond what golden cases show: items in company and in windows on every instruction set and in every
 * type, what is asked of them and their checkpoints being wrong, and memory that runs out. */
#include "torture.h"
#include "vits_models.h"

static int instruction_sets(unsigned masks[4])
{
    const unsigned steps[] = {HSE_CPU_AVX2, HSE_CPU_AVX512 | HSE_CPU_AVX512_BF16, HSE_CPU_NEON | HSE_CPU_NEON_DOT | HSE_CPU_NEON_BF16};
    unsigned mask = 0;
    int n = 1;

    masks[0] = 0;
    for (size_t i = 0; i < COUNT(steps); i++)
        if (hse_cpu_detect() & steps[i])
            masks[n++] = mask |= hse_cpu_detect() & steps[i];
    return n;
}

/* ---- company ---- */

enum { ITEMS = 5 };
static const int lengths[ITEMS] = {9, 1, 33, 2, 17};

static void check_utterances(const vits_tts *m, const hse_kernels *k, const char *what)
{
    vits_utterance alone[ITEMS], item[ITEMS];
    hse_error err = {0};

    for (int i = 0; i < ITEMS; i++) {
        nn_ctx *c = vits_context(k, 1);
        alone[i] = item[i] = vits_say(m, i, lengths[i]);
        CHECK(vits_tts_run(m, c, &alone[i], 1, &err) == HSE_OK && alone[i].status == HSE_OK, "%s: %s%s", what, err.text,
              alone[i].error.text);
        size_t used = nn_peak(c), planned = vits_tts_plan(m, c, lengths[i], alone[i].frames);
        CHECK(planned >= used, "%s item %d: %zu bytes used, %zu planned", what, i, used, planned);
        nn_close(&c);
    }
    for (int threads = 1; threads <= 3; threads += 2) {
        nn_ctx *c = vits_context(k, threads);
        CHECK(vits_tts_run(m, c, item, ITEMS, &err) == HSE_OK, "%s: %s", what, err.text);
        for (int i = 0; i < ITEMS; i++) {
            CHECK(item[i].status == HSE_OK && item[i].frames == alone[i].frames &&
                      memcmp(item[i].z, alone[i].z, (size_t)item[i].frames * (size_t)m->dims.inter * sizeof(float)) == 0,
                  "%s item %d on %d threads: other bits in company", what, i, threads);
            vits_forget(&item[i]);
        }
        nn_close(&c);
    }
    for (int i = 0; i < ITEMS; i++)
        vits_forget(&alone[i]);
}

static void fill(float *x, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 2 * vits_noise(&seed);
}

/* Windows of an item and another item, in one call and alone. */
static void check_decoder(const vits_decoder *d, const hse_kernels *k, size_t frames, const char *what)
{
    size_t hop = (size_t)d->hop, inter = (size_t)d->dims.inter;
    float *z = hse_alloc(frames * inter * sizeof *z);
    vits_wave whole = {.z = z, .audio = {.frames = frames, .to = frames}}, part[8];
    nn_ctx *c = vits_context(k, 1), *two = vits_context(k, 2);
    hse_error err = {0};

    fill(z, frames * inter, 3);
    CHECK(vits_decode(d, c, &whole, 1, &err) == HSE_OK && whole.audio.status == HSE_OK, "%s: %s", what, err.text);
    CHECK(whole.audio.samples == frames * hop + (size_t)d->tail, "%s: %zu samples", what, whole.audio.samples);
    CHECK(vits_decode_plan(d, c, frames) >= nn_peak(c), "%s: planned too little", what);
    for (size_t size = 1; size < frames; size = size * 4 + 3) {
        int n = 0;
        for (size_t from = 0; from < frames && n < 7; from += size, n++)
            part[n] = (vits_wave){.z = z,
                                  .audio = {.frames = frames, .from = from, .to = from + size < frames ? from + size : frames}};
        part[n++] = (vits_wave){.z = z, .audio = {.frames = 1, .to = 1}};
        CHECK(vits_decode(d, two, part, n, &err) == HSE_OK, "%s: %s", what, err.text);
        for (int i = 0; i < n; i++) {
            const windows_audio *t = &part[i].audio;
            CHECK(t->status == HSE_OK && (i == n - 1 || memcmp(t->wave, whole.audio.wave + t->from * hop,
                                                               (t->to - t->from) * hop * sizeof(float)) == 0),
                  "%s: frames %zu to %zu of %zu differ from the whole", what, t->from, t->to, frames);
            hse_free(t->wave);
        }
    }
    hse_free(whole.audio.wave);
    hse_free(z);
    nn_close(&c);
    nn_close(&two);
}

TEST(synthesizers_have_their_bits_in_company_and_in_windows)
{
    const vits_folder *folders[] = {&vits_odd, &vits_resflow, &vits_base};
    unsigned masks[4];
    int n = instruction_sets(masks);

    for (size_t f = 0; f < COUNT(folders); f++)
        for (int i = 0; i < n; i++)
            for (int type = 0; type < K_WEIGHT_TYPES; type++) {
                const hse_kernels *k = hse_kernels_get(masks[i]);
                vits_tts *m = vits_load_tts(folders[f], k, (k_weight_type)type);
                char what[120];

                snprintf(what, sizeof what, "%s, %s, type %d", folders[f]->dir, k->name, type);
                check_utterances(m, k, what);
                check_decoder(&m->decoder, k, 61, what);
                vits_tts_close(&m);
            }
}

TEST(a_recording_of_any_length_is_decoded_in_windows)
{
    vits_tts *m = vits_load_tts(&vits_base, NULL, K_F32);
    size_t window = vits_decoder_window(&m->decoder), lengths_of[] = {window - 1, window, window + 1, 2 * window + 3};

    for (size_t i = 0; i < COUNT(lengths_of); i++)
        check_decoder(&m->decoder, NULL, lengths_of[i], "a long item");
    vits_tts_close(&m);
}

TEST(conversions_have_their_bits_in_company_and_in_windows)
{
    enum { SAMPLES = 9000 };
    static float samples[SAMPLES], source[256], target[256];
    unsigned masks[4];
    int n = instruction_sets(masks);

    fill(samples, SAMPLES, 1);
    fill(source, COUNT(source), 2);
    fill(target, COUNT(target), 3);
    for (int i = 0; i < n; i++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            const hse_kernels *k = hse_kernels_get(masks[i]);
            vits_conversion whole = {.source = source, .target = target, .tau = 0.3f, .seed = 5}, part[3];
            vits_converter *m = NULL;
            nn_ctx *c = vits_context(k, 1), *two = vits_context(k, 2);
            hse_error err = {0};
            float *spec = NULL;

            vits_load(&vits_colour, k, (k_weight_type)type, NULL, &m);
            CHECK(m->dims.gin <= 256 && vits_spectrogram(m, samples, SAMPLES, &spec, &whole.audio.frames, &err) == HSE_OK, "%s",
                  err.text);
            whole.spec = spec;
            whole.audio.to = whole.audio.frames;
            for (int p = 0; p < 3; p++)
                part[p] = whole;
            part[0].source = target;
            part[1].audio.to = part[2].audio.from = whole.audio.frames / 2;
            CHECK(vits_convert(m, c, &whole, 1, &err) == HSE_OK && whole.audio.status == HSE_OK, "%s", err.text);
            CHECK(vits_convert_plan(m, c, whole.audio.frames) >= nn_peak(c), "planned too little");
            CHECK(vits_convert(m, two, part, 3, &err) == HSE_OK, "%s", err.text);
            for (int p = 0; p < 3; p++) {
                const windows_audio *t = &part[p].audio;
                CHECK(t->status == HSE_OK &&
                          (p == 0) != (memcmp(t->wave, whole.audio.wave + t->from * (size_t)m->hop, t->samples * sizeof(float)) == 0),
                      "%s type %d: part %d", k->name, type, p);
                hse_free(t->wave);
            }
            hse_free(whole.audio.wave);
            hse_free(spec);
            vits_converter_close(&m);
            nn_close(&c);
            nn_close(&two);
        }
}

/* ---- reduced weights ---- */

TEST(reduced_weights_keep_their_floors)
{
    static const struct {
        const vits_folder *folder;
        k_weight_type      type;
        double             z, audio;
    } cases[] = {
        {&vits_odd, K_BF16, 35, 40},      {&vits_resflow, K_BF16, 35, 40}, {&vits_base, K_BF16, 35, 40},
        {&vits_odd, K_INT8, 20, 20},      {&vits_resflow, K_INT8, 20, 20}, {&vits_base, K_INT8, 20, 20},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        vits_tts *m[2] = {vits_load_tts(cases[i].folder, NULL, K_F32), vits_load_tts(cases[i].folder, NULL, cases[i].type)};
        vits_utterance u[2];
        vits_wave w[2];
        nn_ctx *c = vits_context(NULL, 1);

        for (int k = 0; k < 2; k++) {
            u[k] = vits_say(m[k], 0, 40);
            CHECK(vits_tts_run(m[k], c, &u[k], 1, NULL) == HSE_OK && u[k].status == HSE_OK, "%s", u[k].error.text);
            w[k] = (vits_wave){.z = u[0].z, .speaker = vits_tts_speaker(m[k], 0),
                               .audio = {.frames = (size_t)u[0].frames, .to = (size_t)u[0].frames}};
            CHECK(vits_decode(&m[k]->decoder, c, &w[k], 1, NULL) == HSE_OK && w[k].audio.status == HSE_OK, "decoder");
        }
        CHECK(u[0].frames == u[1].frames && memcmp(u[0].durations, u[1].durations, 40 * sizeof(int)) == 0,
              "%s: durations are float32 in every type", cases[i].folder->dir);
        double z = test_snr(u[1].z, u[0].z, (size_t)u[0].frames * (size_t)m[0]->dims.inter);
        double audio = test_snr(w[1].audio.wave, w[0].audio.wave, w[0].audio.samples);
        print_message("%s type %d: latent %.1f dB, audio of the same latent %.1f dB\n", cases[i].folder->dir,
                      (int)cases[i].type, z, audio);
        CHECK(z >= cases[i].z && audio >= cases[i].audio, "%s: under a floor", cases[i].folder->dir);
        for (int k = 0; k < 2; k++) {
            vits_forget(&u[k]);
            hse_free(w[k].audio.wave);
            vits_tts_close(&m[k]);
        }
        nn_close(&c);
    }
}

/* ---- what is asked ---- */

TEST(a_bad_utterance_does_not_fail_its_batch)
{
    static const int32_t below[] = {1, -1, 1}, beyond[] = {1, 1 << 20, 1}, good[] = {1, 2, 1}, none[] = {0, 0, 0};
    static float noise[1 << 12];
    vits_tts *m = vits_load_tts(&vits_odd, NULL, K_F32);
    nn_ctx *c = vits_context(NULL, 1);
    struct {
        const char    *name;
        vits_utterance u;
        hse_status     want;
    } cases[] = {
        {"good", {.n = 3}, HSE_OK},
        {"no symbols", {.n = 0}, HSE_E_ARG},
        {"fewer than none", {.n = -1}, HSE_E_ARG},
        {"a symbol below", {.n = 3, .symbols = below}, HSE_E_ARG},
        {"a symbol beyond", {.n = 3, .symbols = beyond}, HSE_E_ARG},
        {"a tone beyond", {.n = 3, .tones = beyond}, HSE_E_ARG},
        {"a language below", {.n = 3, .languages = below}, HSE_E_ARG},
        {"a speaker below", {.n = 3, .speaker = -1}, HSE_E_ARG},
        {"a speaker beyond", {.n = 3, .speaker = 1 << 16}, HSE_E_ARG},
        {"no length", {.n = 3, .length_scale = -1}, HSE_E_ARG},
        {"a length that is no number", {.n = 3, .length_scale = NAN}, HSE_E_ARG},
        {"an endless length", {.n = 3, .length_scale = INFINITY}, HSE_E_ARG},
        {"too long", {.n = 3, .length_scale = 1e6f}, HSE_E_LIMIT},
        {"noise of other frames", {.n = 3, .noise_z = noise, .noise_z_frames = 1 << 20}, HSE_E_ARG},
        {"noise that is no number", {.n = 3, .noise_scale_w = NAN}, HSE_E_FORMAT},
    };
    vits_utterance item[COUNT(cases)];

    for (size_t i = 0; i < COUNT(cases); i++) {
        vits_utterance *u = &cases[i].u;

        u->symbols = u->symbols ? u->symbols : good;
        u->tones = u->tones ? u->tones : none;
        u->languages = u->languages ? u->languages : none;
        u->length_scale = u->length_scale == 0 ? 1.0f : u->length_scale;
        item[i] = *u;
    }
    CHECK(vits_tts_run(m, c, item, COUNT(cases), NULL) == HSE_OK, "the batch");
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(item[i].status == cases[i].want && (item[i].status == HSE_OK || item[i].error.text[0]), "%s: got %d (%s)",
              cases[i].name, (int)item[i].status, item[i].error.text);
        CHECK((item[i].z != NULL) == (cases[i].want == HSE_OK) && (item[i].durations != NULL) == (cases[i].want == HSE_OK),
              "%s: results", cases[i].name);
        vits_forget(&item[i]);
    }
    vits_tts_close(&m);
    nn_close(&c);
}

TEST(a_bad_conversion_does_not_fail_its_batch)
{
    static float spec[40 * 4096], colour[256], bad[256] = {NAN}, wild[40 * 4096];
    vits_converter *m = NULL;
    nn_ctx *c = vits_context(NULL, 1);
    const struct {
        const char *name;
        vits_conversion t;
        hse_status want;
    } cases[] = {
        {"good", {.audio = {.frames = 20, .to = 20}}, HSE_OK},
        {"nothing is wanted", {.audio = {.frames = 20, .from = 5, .to = 5}}, HSE_E_ARG},
        {"backwards", {.audio = {.frames = 20, .from = 6, .to = 5}}, HSE_E_ARG},
        {"beyond the end", {.audio = {.frames = 20, .from = 6, .to = 21}}, HSE_E_ARG},
        {"no frames", {.audio = {.frames = 0}}, HSE_E_ARG},
        {"tau below 0", {.tau = -0.1f, .audio = {.frames = 20, .to = 20}}, HSE_E_ARG},
        {"tau that is no number", {.tau = NAN, .audio = {.frames = 20, .to = 20}}, HSE_E_ARG},
        {"a colour that is none", {.source = bad, .audio = {.frames = 20, .to = 20}}, HSE_E_ARG},
        {"a target that is none", {.target = bad, .audio = {.frames = 20, .to = 20}}, HSE_E_ARG},
        {"sound that is none", {.spec = wild, .audio = {.frames = 20, .to = 20}}, HSE_E_FORMAT},
        {"one frame", {.audio = {.frames = 1, .to = 1}}, HSE_OK},
    };
    vits_conversion item[COUNT(cases)];

    vits_load(&vits_colour, NULL, K_F32, NULL, &m);
    for (size_t i = 0; i < COUNT(wild); i++)
        wild[i] = NAN;
    for (size_t i = 0; i < COUNT(cases); i++) {
        item[i] = cases[i].t;
        item[i].spec = item[i].spec ? item[i].spec : spec;
        item[i].source = item[i].source ? item[i].source : colour;
        item[i].target = item[i].target ? item[i].target : colour;
    }
    CHECK(vits_convert(m, c, item, COUNT(cases), NULL) == HSE_OK, "the batch");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const windows_audio *t = &item[i].audio;
        CHECK(t->status == cases[i].want && (t->wave != NULL) == (t->status == HSE_OK) &&
                  (t->status == HSE_OK || t->error.text[0]),
              "%s: got %d (%s)", cases[i].name, (int)t->status, t->error.text);
        hse_free(t->wave);
    }
    vits_converter_close(&m);
    nn_close(&c);
}

/* ---- checkpoints ---- */

/* Dims that a config may have and the checkpoint has not: the message names a tensor. */
TEST(a_checkpoint_of_other_dims_is_refused_by_name)
{
    static const struct {
        const char *name;
        size_t      at;
        int         add;
        const char *says;
    } cases[] = {
        {"inter", offsetof(vits_config, dims.inter), 2, "enc_p.proj"},
        {"hidden", offsetof(vits_config, dims.hidden), 4, "enc_p.emb"},
        {"filter", offsetof(vits_config, dims.filter), 1, "ffn_layers"},
        {"kernel", offsetof(vits_config, dims.kernel), 1, "ffn_layers"},
        {"layers", offsetof(vits_config, dims.layers), 1, "missing"},
        {"gin", offsetof(vits_config, dims.gin), 1, "emb_g"},
        {"up_channels", offsetof(vits_config, dims.up_channels), 2, "dec."},
        {"up_channels odd", offsetof(vits_config, dims.up_channels), 1, ""},
        {"up_rate", offsetof(vits_config, dims.up_rate), 60, ""},
        {"up_kernel", offsetof(vits_config, dims.up_kernel), 2, "dec.ups.0"},
        {"block_kernel", offsetof(vits_config, dims.block_kernel), 2, "dec.resblocks.0"},
        {"stages", offsetof(vits_config, dims.stages), 1, "missing"},
        {"kernels", offsetof(vits_config, dims.kernels), 1, "missing"},
        {"resblock", offsetof(vits_config, dims.resblock), -1, "missing"},
        {"speakers", offsetof(vits_config, n_speakers), 1, "emb_g"},
        {"tones", offsetof(vits_config, tones), 1, "tone_emb"},
        {"languages", offsetof(vits_config, languages), 1, "language_emb"},
        {"flow layers", offsetof(vits_config, flow_layers), 1, "missing"},
    };
    size_t size;
    char *bytes = vits_read(&vits_odd, "checkpoint.pth", &size);

    for (size_t i = 0; i < COUNT(cases); i++) {
        vits_config *config = vits_read_config(&vits_odd);
        int *field = (int *)(void *)((char *)config + cases[i].at);
        vits_tts *m = NULL;
        hse_error err = {0};

        *field = strcmp(cases[i].name, "resblock") == 0 ? 3 - *field : *field + cases[i].add;
        if (strcmp(cases[i].name, "stages") == 0 || strcmp(cases[i].name, "kernels") == 0) {
            config->dims.up_rate[config->dims.stages - 1] = config->dims.up_kernel[config->dims.stages - 1] = 2;
            config->dims.block_kernel[config->dims.kernels - 1] = 3;
            for (int q = 0; q < VITS_MAX_DILATIONS; q++)
                config->dims.dilation[config->dims.kernels - 1][q] = 1;
        }
        hse_status s = vits_open_bytes(&vits_odd, config, bytes, size, NULL, K_F32, &m, NULL, &err);
        CHECK(s == HSE_E_FORMAT && !m && strstr(err.text, cases[i].says), "%s: got %d (%s)", cases[i].name, (int)s, err.text);
        vits_config_close(&config);
    }
    hse_free(bytes);
}

/* Numbers of the checkpoint replaced by NaN, infinity or huge ones here and there: an error or finite results. */
static void check_wild(const vits_folder *f, size_t step)
{
    static const float wild[] = {NAN, INFINITY, 3e38f, -1e20f}, still[4096];
    vits_config *config = vits_read_config(f);
    nn_ctx *c = vits_context(NULL, 1);
    size_t size;
    char *bytes = vits_read(f, "checkpoint.pth", &size);

    for (size_t at = 4096 + step / 2, k = 0; at + 4 <= size; at += step, k++) {
        char saved[4];
        vits_tts *m = NULL;
        vits_converter *v = NULL;
        hse_error err = {0};
        windows_audio out = {0};

        memcpy(saved, bytes + at, 4);
        memcpy(bytes + at, &wild[k % COUNT(wild)], 4);
        hse_status s = vits_open_bytes(f, config, bytes, size, NULL, K_F32, &m, &v, &err);
        if (s == HSE_OK && m) {
            vits_utterance u = vits_say(m, 0, 5);
            s = vits_tts_run(m, c, &u, 1, &err) == HSE_OK ? u.status : HSE_E_FORMAT;
            vits_wave w = {.z = u.z, .audio = {.frames = (size_t)u.frames, .to = (size_t)u.frames}};
            if (s == HSE_OK && u.frames < 500 && vits_decode(&m->decoder, c, &w, 1, &err) == HSE_OK)
                out = w.audio;
            vits_forget(&u);
        } else if (s == HSE_OK) {
            vits_conversion t = {.spec = still, .source = still, .target = still, .audio = {.frames = 4, .to = 4}};
            if (vits_convert(v, c, &t, 1, &err) == HSE_OK)
                out = t.audio;
        }
        for (size_t i = 0; i < out.samples; i++)
            CHECK(isfinite(out.wave[i]), "%s byte %zu: sample %zu", f->dir, at, i);
        hse_free(out.wave);
        vits_tts_close(&m);
        vits_converter_close(&v);
        memcpy(bytes + at, saved, 4);
    }
    hse_free(bytes);
    vits_config_close(&config);
    nn_close(&c);
}

TEST(checkpoints_with_wild_numbers_give_an_error_or_finite_audio)
{
    check_wild(&vits_base, 40 * 1021 * 4);
    check_wild(&vits_colour, 40 * 1021 * 4);
}

/* ---- memory ---- */

typedef struct {
    const vits_folder *folder;
    const vits_config *config;
    const char        *bytes;
    size_t             size;
    const vits_tts    *tts;
    const vits_converter *converter;
} tortured;

static hse_status torture_open(void *arg, hse_error *err)
{
    const tortured *t = arg;
    vits_tts *m = NULL;
    vits_converter *v = NULL;
    hse_status s = vits_open_bytes(t->folder, t->config, t->bytes, t->size, NULL, K_F32, &m, &v, err);

    CHECK((m || v) == (s == HSE_OK), "a model came with an error");
    vits_tts_close(&m);
    vits_converter_close(&v);
    return s;
}

static hse_status first(hse_status all, hse_status one, hse_error *err, const hse_error *item)
{
    if (all == HSE_OK && one != HSE_OK)
        *err = *item;
    return all != HSE_OK ? all : one;
}

static hse_status torture_run(void *arg, hse_error *err)
{
    const tortured *t = arg;
    nn_ctx *c = NULL;
    hse_status s = nn_open(&c, &(nn_options){0}, err);

    if (s == HSE_OK && t->tts) {
        vits_utterance u = vits_say(t->tts, 0, 5);
        s = vits_tts_run(t->tts, c, &u, 1, err);
        s = first(s, u.status, err, &u.error);
        if (s == HSE_OK) {
            vits_wave w = {.z = u.z, .audio = {.frames = (size_t)u.frames, .to = (size_t)u.frames}};
            s = vits_decode(&t->tts->decoder, c, &w, 1, err);
            s = first(s, w.audio.status, err, &w.audio.error);
            hse_free(w.audio.wave);
        }
        vits_forget(&u);
    } else if (s == HSE_OK) {
        static const float samples[4000] = {0.5f}, colour[256];
        vits_conversion v = {.source = colour, .target = colour, .tau = 0.3f};
        float *spec = NULL, *g = hse_alloc(1024 * sizeof *g);
        s = g ? vits_spectrogram(t->converter, samples, COUNT(samples), &spec, &v.audio.frames, err)
              : hse_fail(err, HSE_E_NOMEM, 0, "no memory for the test");
        int frames = (int)v.audio.frames;
        if (s == HSE_OK)
            s = vits_reference_run(t->converter, c, 1, (const float *const[]){spec}, &frames, &g, err);
        v.spec = spec;
        v.audio.to = v.audio.frames;
        if (s == HSE_OK) {
            s = vits_convert(t->converter, c, &v, 1, err);
            s = first(s, v.audio.status, err, &v.audio.error);
        }
        hse_free(v.audio.wave);
        hse_free(spec);
        hse_free(g);
    }
    nn_close(&c);
    return s;
}

TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    const vits_folder *folders[] = {&vits_resflow, &vits_colour};

    for (size_t i = 0; i < COUNT(folders); i++) {
        tortured t = {.folder = folders[i], .config = vits_read_config(folders[i])};
        vits_tts *m = NULL;
        vits_converter *v = NULL;

        t.bytes = vits_read(folders[i], "checkpoint.pth", &t.size);
        unsigned opening = test_torture("opening", torture_open, &t);
        vits_load(folders[i], NULL, K_F32, &m, &v);
        t.tts = m;
        t.converter = v;
        unsigned running = test_torture("running", torture_run, &t);
        print_message("%s: %u allocations while opening, %u while running\n", folders[i]->dir, opening, running);
        vits_tts_close(&m);
        vits_converter_close(&v);
        hse_free((void *)(uintptr_t)t.bytes);
        vits_config *config = (vits_config *)(uintptr_t)t.config;
        vits_config_close(&config);
    }
}
