/* Which models an engine has: folders, configs, names, voices; and why a thing cannot be used. */
#include "engine/fake.h"

#include "models/whisper/adapter.h"

static const hse_model_info *find(const hse_models *m, const char *name)
{
    for (size_t i = 0; i < hse_models_count(m); i++)
        if (strcmp(hse_models_at(m, i)->name, name) == 0)
            return hse_models_at(m, i);
    return NULL;
}

static hse_models *list(hse_engine *e)
{
    hse_models *m = NULL;
    hse_error err = {0};

    CHECK(hse_models_open(&m, e, &err) == HSE_OK, "%s", err.text);
    return m;
}

static hse_config *config(const char *yaml)
{
    hse_config *c = NULL;
    hse_error err = {0};

    CHECK(hse_config_parse(&c, (hse_bytes){(const uint8_t *)yaml, strlen(yaml)}, "f.yml", NULL, &err) == HSE_OK, "%s", err.text);
    return c;
}

static hse_status try_speak(hse_engine *e, const char *model, const char *voice, hse_error *err)
{
    hse_request r = fake_speech("Hello.");
    hse_job *job = NULL;
    float *x = NULL;
    size_t n;

    r.model = model;
    r.voice = voice;
    hse_status s = hse_job_open(&job, e, &r, err);
    if (s == HSE_OK)
        s = fake_read_all(job, &x, &n, err);
    free(x);
    hse_job_close(&job);
    return s;
}

TEST(folders_are_searched)
{
    hse_engine *e;
    const char *dir = fake_models("fake-models");
    char path[600];

    fake_reset();
    snprintf(path, sizeof path, "%s/org/half", dir);
    mkdir(path, 0755);
    fake_file(path, "synthesizer.fake", "");
    snprintf(path, sizeof path, "%s/org/strange", dir);
    mkdir(path, 0755);
    fake_file(path, "model.safetensors", "");
    snprintf(path, sizeof path, "%s/.hidden", dir);
    mkdir(path, 0755);
    fake_file(path, "vad.fake", "");
    e = fake_engine(&(hse_engine_setup){.models = dir});
    hse_models *m = list(e);
    const hse_model_info *i = find(m, "harmonyspeech");
    CHECK(i && i->speaks && i->embeds && !i->problem && !i->loaded && i->voice_count == 3 && strcmp(i->voices[0], "bert") == 0, "the toolchain");
    i = find(m, "hs1-encoder");
    CHECK(i && i->embeds && !i->speaks && strstr(i->path, "/org/voice"), "the encoder");
    i = find(m, "silero-vad");
    CHECK(i && i->detects, "the detector");
    i = find(m, "org/strange");
    CHECK(i && i->problem && strstr(i->problem, "no built-in"), "the stranger: %s", i ? i->problem : "");
    i = find(m, "hs1-synthesizer");         /* org/half comes first, but the toolchain begins where all its parts are */
    CHECK(i && !i->problem && strstr(i->path, "/org/half"), "the first synthesizer");
    i = find(m, "org/voice:hs1-synthesizer");
    CHECK(i && !i->problem, "the second synthesizer");
    hse_models_close(&m);
    hse_error err = {0};
    CHECK(hse_engine_load(e, "hs1-encoder", NAN, &err) == HSE_OK, "%s", err.text);
    m = list(e);
    hse_engine_close(&e);
    CHECK(find(m, "hs1-encoder")->loaded && !find(m, "hs1-vocoder")->loaded, "loaded");
    hse_models_close(&m);
}

TEST(an_incomplete_folder_is_listed_with_what_it_lacks)
{
    char path[600];
    const char *dir = fake_models("fake-models");

    fake_reset();
    snprintf(path, sizeof path, "%s/org/voice/vocoder.other", dir);
    unlink(path);
    hse_engine *e = fake_engine(&(hse_engine_setup){.models = dir});
    hse_models *m = list(e);
    CHECK(!find(m, "harmonyspeech") && !find(m, "hs1-vocoder"), "a vocoder without a file is offered");
    hse_models_close(&m);
    hse_error err = {0};
    CHECK(try_speak(e, NULL, NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "speak"), "%s", err.text);
    CHECK(try_speak(e, "tts-1", NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "--models"), "%s", err.text);
    hse_engine_close(&e);
    hse_engine_setup bad = {.types = fake_types, .models = "/nonexistent"};
    CHECK(hse_engine_start(&e, &bad, &err) == HSE_E_NOT_FOUND && strstr(err.text, "/nonexistent"), "%s", err.text);
}

TEST(a_config_chooses_and_renames)
{
    hse_config *c = config("model_configs:\n"
                           "- {name: foreign, model: x/y, model_type: KittenTTS}\n"
                           "- {name: lost, model: no/where, model_type: HarmonySpeechSynthesizer}\n"
                           "- {name: voc, model: org/voice, model_type: HarmonySpeechVocoder, max_batch_size: 2}\n"
                           "- {name: syn, model: org/voice, model_type: HarmonySpeechSynthesizer, voices: [anna, zoe], language: EN}\n"
                           "- {name: gpu, model: org/voice, model_type: HarmonySpeechEncoder, device_config: {device: cuda}}\n"
                           "- {name: map, model: org/voice, model_type: HarmonySpeechEncoder, device_config: {device: cpu, device_map: 'cuda:1'}}\n"
                           "- {name: half, model: vad, model_type: SileroVAD, dtype: float16}\n"
                           "aliases: {speaker: harmonyspeech}\n");
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(&(hse_engine_setup){.config = c});
    static const struct { const char *model, *voice; hse_status want; const char *word; } cases[] = {
        {NULL, NULL, HSE_OK, ""},
        {"harmonyspeech", "anna", HSE_OK, ""},
        {"speaker", NULL, HSE_OK, ""},
        {"tts-1", "alloy", HSE_OK, ""},
        {"org/voice", NULL, HSE_OK, ""},
        {"harmonyspeech", "bert", HSE_E_ARG, "anna, zoe"},
        {"harmonyspeech", "zoe", HSE_E_FORMAT, "zoe.json"},
        {"foreign", NULL, HSE_E_UNSUPPORTED, "not built in"},
        {"lost", NULL, HSE_E_NOT_FOUND, "no folder of that name"},
        {"syn", NULL, HSE_E_UNSUPPORTED, "ask for harmonyspeech"},
        {"nobody", NULL, HSE_E_NOT_FOUND, "nobody"},
        {"../../etc/passwd", NULL, HSE_E_NOT_FOUND, "passwd"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(&err, 0, sizeof err);
        hse_status s = try_speak(e, cases[i].model, cases[i].voice, &err);
        CHECK(s == cases[i].want, "%s: %d %s", cases[i].model, (int)s, err.text);
        CHECK(strstr(err.text, cases[i].word), "%s: '%s' does not say '%s'", cases[i].model, err.text, cases[i].word);
    }
    CHECK(hse_engine_load(e, "gpu", NAN, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "device"), "%s", err.text);
    CHECK(hse_engine_load(e, "map", NAN, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "device_map"), "%s", err.text);
    CHECK(hse_engine_load(e, "half", NAN, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "float16"), "%s", err.text);
    hse_models *m = list(e);
    CHECK(find(m, "foreign")->problem && find(m, "lost")->problem && !find(m, "voc")->problem, "problems");
    CHECK(find(m, "syn")->voice_count == 2 && strcmp(find(m, "syn")->languages[0], "en") == 0, "what a config says of a model");
    static const struct { const char *model, *info, *name; hse_status want; } names[] = {
        {NULL, "harmonyspeech", "harmonyspeech", HSE_OK}, {"", "harmonyspeech", "harmonyspeech", HSE_OK}, {"tts-1", "harmonyspeech", "harmonyspeech", HSE_OK},
        {"speaker", "harmonyspeech", "harmonyspeech", HSE_OK}, {"org/voice", "harmonyspeech", "org/voice", HSE_OK}, {"lost", "lost", "lost", HSE_OK},
        {"syn", NULL, NULL, HSE_E_UNSUPPORTED}, {"whisper-1", NULL, NULL, HSE_E_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        hse_model_choice got;

        CHECK(hse_models_find(&got, m, e, HSE_JOB_SPEAK, names[i].model, &err) == names[i].want, "%s: %s", names[i].model, err.text);
        CHECK(names[i].info ? got.info && strcmp(got.info->name, names[i].info) == 0 && strcmp(got.name, names[i].name) == 0 : !got.info,
              "%s is %s, %s", names[i].model, got.info ? got.info->name : "nobody", got.name);
    }
    hse_models_close(&m);
    hse_engine_close(&e);
    hse_config_close(&c);
}

/* The fake transcriber with the words of Whisper's: what its open is told. */
static hse_model_source opened_with;

static hse_status open_noting(void **out, const hse_model_source *source, hse_error *err)
{
    (void)err;
    opened_with = *source;
    *out = &opened_with;
    return HSE_OK;
}

static void close_noting(void **model)
{
    *model = NULL;
}

static size_t no_bytes(const void *model)
{
    (void)model;
    return 1;
}

TEST(compute_type_and_dtype_choose_the_precision)
{
    static const struct {
        const char *line;
        hse_dtype_choice all;
        int precision; /* -1: refused */
        bool as_stored;
        const char *word;
    } rows[] = {
        {"compute_type: int8", HSE_DTYPE_DEFAULT, K_INT8, false, ""},
        {"compute_type: int8_float32", HSE_DTYPE_DEFAULT, K_INT8, false, ""},
        {"compute_type: int8_float16", HSE_DTYPE_DEFAULT, K_INT8, false, ""},
        {"compute_type: float16", HSE_DTYPE_DEFAULT, K_BF16, false, ""},
        {"compute_type: bfloat16", HSE_DTYPE_DEFAULT, K_BF16, false, ""},
        {"compute_type: float32", HSE_DTYPE_DEFAULT, K_F32, false, ""},
        {"compute_type: default", HSE_DTYPE_DEFAULT, K_F32, true, ""},
        {"compute_type: int8, dtype: float32", HSE_DTYPE_DEFAULT, K_INT8, false, ""},
        {"compute_type: default", HSE_DTYPE_BFLOAT16, K_BF16, false, ""},
        {"compute_type: int16", HSE_DTYPE_DEFAULT, -1, false, "int8_float16"},
        {"compute_type: int16", HSE_DTYPE_INT8, -1, false, "int8_float16"},
        {"dtype: float16", HSE_DTYPE_DEFAULT, K_BF16, false, ""},
        {"dtype: int8", HSE_DTYPE_DEFAULT, K_INT8, false, ""},
        {"dtype: int8", HSE_DTYPE_FLOAT32, K_F32, false, ""},
    };
    bool fast = hse_kernels_get(hse_cpu_detect())->cpu & (HSE_CPU_AVX512_BF16 | HSE_CPU_NEON_DOT);
    hse_model_type noting = whisper_type;
    const hse_model_type *const types[] = {&noting, NULL};

    noting.open = open_noting;
    noting.close = close_noting;
    noting.bytes = no_bytes;
    noting.precision = NULL;
    noting.describe = NULL;
    for (int i = -2; i < (int)COUNT(rows); i++) {
        char text[300];
        hse_error err = {0};
        snprintf(text, sizeof text, "model_configs:\n- {name: w, model: ml/ct2_float16, model_type: FasterWhisper%s%s}\n",
                 i < -1 ? "" : ", ", i < -1 ? "" : i < 0 ? "compute_type: auto, dtype: float32" : rows[i].line);
        hse_config *c = config(text);
        hse_engine *e = NULL;
        CHECK(hse_engine_start(&e, &(hse_engine_setup){.types = types, .config = c, .models = test_path("tests/golden/whisper/models"),
                                                       .dtype = i < 0 ? HSE_DTYPE_DEFAULT : rows[i].all}, &err) == HSE_OK, "%s", err.text);
        hse_status s = hse_engine_load(e, "w", NAN, &err);
        if (i >= 0 && rows[i].precision < 0)
            CHECK(s == HSE_E_UNSUPPORTED && strstr(err.text, rows[i].word), "%s: %s", rows[i].line, err.text);
        else
            CHECK(s == HSE_OK, "%.200s: %.200s", text, err.text);
        if (i >= 0 && rows[i].precision >= 0)
            CHECK((int)opened_with.precision == rows[i].precision && opened_with.as_stored == rows[i].as_stored, "%s: %d, as stored %d",
                  rows[i].line, (int)opened_with.precision, opened_with.as_stored);
        if (i < 0)
            CHECK((int)opened_with.precision == (fast ? K_INT8 : K_F32) && !opened_with.as_stored, "auto is %d",
                  (int)opened_with.precision);
        hse_engine_close(&e);
        hse_config_close(&c);
    }
}

static void copy(const char *from, const char *to)
{
    char line[1200];

    snprintf(line, sizeof line, "cp '%.400s' '%.700s'", test_path(from), to);
    CHECK(system(line) == 0, "cannot copy %s", from);
}

/* OpenAI's checkpoints have no config beside them: single files, by what is in them. */
TEST(a_single_file_of_openais_is_a_model)
{
    static const hse_model_type *const types[] = {&whisper_type, NULL};
    char dir[300], path[1000];
    hse_error err = {0};
    hse_engine *e = NULL;

    snprintf(dir, sizeof dir, "%.250s/fake-openai", HSE_BINARY_DIR);
    snprintf(path, sizeof path, "rm -rf '%s' && mkdir -p '%s/org/whisper' '%s/zoo/mixed'", dir, dir, dir);
    CHECK(system(path) == 0, "cannot make the folders");
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, k ? "%s/org/whisper/a.pt" : "%s/alone.pt", dir);
        copy("tests/golden/whisper/models/ml/openai_pt/ml.pt", path);
    }
    snprintf(path, sizeof path, "%s/org/whisper/tokenizer.json", dir);
    copy("tests/golden/whisper/models/ml/ct2_float16/tokenizer.json", path);
    static const char *const mixed[] = {"openai_pt/ml.pt", "ct2_float16/tokenizer.json", "ct2_float16/preprocessor_config.json"};
    for (size_t k = 0; k < COUNT(mixed); k++) {         /* with a file that folders of other forms have */
        char from[200];
        snprintf(from, sizeof from, "tests/golden/whisper/models/ml/%s", mixed[k]);
        snprintf(path, sizeof path, "%s/zoo/mixed%s", dir, strchr(mixed[k], '/'));
        copy(from, path);
    }
    fake_file(dir, "broken.pt", "PK");
    CHECK(hse_engine_start(&e, &(hse_engine_setup){.types = types, .models = dir, .threads = 1}, &err) == HSE_OK, "%s", err.text);
    hse_models *m = list(e);
    const hse_model_info *i = find(m, "whisper");
    CHECK(i && i->transcribes && !i->problem && strstr(i->path, "/org/whisper/a.pt"), "the one with its vocabulary");
    i = find(m, "zoo/mixed:whisper");
    CHECK(i && i->transcribes && !i->problem, "beside another form's file: %s", i && i->problem ? i->problem : "not listed");
    i = find(m, "alone");
    CHECK(i && i->problem && strstr(i->problem, "multilingual.tiktoken"), "the one without: %s", i ? i->problem : "not listed");
    CHECK(!find(m, "broken"), "a file that is no checkpoint is offered");
    hse_models_close(&m);
    CHECK(hse_engine_load(e, "whisper", NAN, &err) == HSE_OK, "%s", err.text);
    hse_engine_close(&e);

    static const struct { const char *model; hse_status want; const char *word; } cases[] = {
        {"org/whisper", HSE_OK, ""},
        {"org/whisper/a.pt", HSE_OK, ""},
        {"alone.pt", HSE_E_NOT_FOUND, "multilingual.tiktoken"},
        {"broken.pt", HSE_E_NOT_FOUND, "another kind"},
        {"org", HSE_E_NOT_FOUND, "none of its files"},
    };
    for (size_t k = 0; k < COUNT(cases); k++) {
        snprintf(path, sizeof path, "model_configs: [{name: w, model: %s, model_type: FasterWhisper, dtype: int8}]", cases[k].model);
        hse_config *c = config(path);
        CHECK(hse_engine_start(&e, &(hse_engine_setup){.types = types, .config = c, .models = dir, .threads = 1}, &err) == HSE_OK, "%s", err.text);
        hse_status s = hse_engine_load(e, "w", NAN, &err);
        CHECK(s == cases[k].want && (s == HSE_OK || strstr(err.text, cases[k].word)), "%s: %d %s", cases[k].model, (int)s, err.text);
        hse_engine_close(&e);
        hse_config_close(&c);
    }
}

/* What a request's `model` finds: the name it is answered by, or why not. */
static const char *answered_by(hse_engine *e, const char *model, char out[240])
{
    hse_request r;
    hse_job *job = NULL;
    hse_error err = {0};

    hse_request_init(&r, HSE_JOB_TRANSCRIBE);
    hse_transcribe_options_init(&r.transcribe);
    r.transcribe.vad_filter = 0;
    r.audio = (hse_audio){.samples = hse_calloc(16000, sizeof(float)), .n = 16000, .rate_hz = 16000, .channels = 1};
    r.model = model;
    hse_status s = hse_job_open(&job, e, &r, &err);
    snprintf(out, 240, "%s", s == HSE_OK ? hse_job_result_get(job)->model : err.text);
    hse_job_close(&job);
    return out;
}

static void recogniser(const char *dir)
{
    char command[600];

    snprintf(command, sizeof command, "mkdir -p '%s'", dir);
    CHECK(system(command) == 0, "cannot make %s", dir);
    fake_file(dir, "model.bin", "");
    fake_file(dir, "config.json", "{}");
    fake_file(dir, "vocabulary.json", "[]");
}

TEST(recognisers_by_repository_by_short_name_and_by_path)
{
    static const hse_model_type *const types[] = {&whisper_type, NULL};
    static const char *const folders[] = {"models/Systran/faster-whisper-tiny", "models/faster-whisper-small", "models/org/base", "apart/mine"};
    static const struct { const char *model, *want; } cases[] = {
        {"whisper", "whisper"}, {"tiny", "whisper"}, {"Systran/faster-whisper-tiny", "whisper"}, {"whisper-1", "whisper"}, {NULL, "whisper"},
        {"small", "faster-whisper-small:whisper"}, {"faster-whisper-small", "faster-whisper-small:whisper"},
        {"base", "org/base:whisper"}, {"org/base", "org/base:whisper"},
        {"large-v3", "no model 'large-v3'"}, {"tiny.en", "no model"}, {"Systran/faster-whisper-small", "no model"}, {"bas", "no model"},
        {"org", "no model"}, {"../apart/mine", "no model"},
    };
    char dir[300], path[600], said[240];
    hse_error err = {0};
    hse_engine *e = NULL;

    snprintf(dir, sizeof dir, "%.250s/fake-names", HSE_BINARY_DIR);
    snprintf(path, sizeof path, "rm -rf '%s'", dir);
    CHECK(system(path) == 0, "cannot clear the folder");
    for (size_t i = 0; i < COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        recogniser(path);
    }
    char models[400];
    snprintf(models, sizeof models, "%s/models", dir);
    hse_engine_setup setup = {.types = types, .models = models, .threads = 1, .no_bundled = true};
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK(strstr(answered_by(e, cases[i].model, said), cases[i].want), "%s: %s", cases[i].model, said);
    CHECK(hse_engine_load(e, "tiny", NAN, &err) != HSE_E_NOT_FOUND && hse_engine_load(e, "large-v3", NAN, &err) == HSE_E_NOT_FOUND, "%s", err.text);
    snprintf(path, sizeof path, "%s/apart/mine", dir);
    CHECK(strstr(answered_by(e, path, said), "no model"), "a path that nobody offered: %s", said);
    hse_engine_close(&e);

    setup.model = path;                                 /* beside the others, and the first */
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(answered_by(e, path, said), "whisper") == 0, "%s", said);
    CHECK(strcmp(answered_by(e, "tiny", said), "Systran/faster-whisper-tiny:whisper") == 0, "%s", said);
    hse_engine_close(&e);
    hse_config *c = config("model_configs: [{name: w, model: small, model_type: FasterWhisper}]");
    setup.config = c;                                   /* beside those of a config */
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(answered_by(e, path, said), "whisper") == 0 && strcmp(answered_by(e, NULL, said), "w") == 0, "%s", said);
    hse_engine_close(&e);
    hse_config_close(&c);

    static const struct { const char *name, *word; } bad[] = {
        {"nowhere", "there is no folder"}, {"models/org", "no built-in model type"}, {"half", "none of its files"},
    };
    snprintf(path, sizeof path, "%s/half", dir);
    mkdir(path, 0755);
    fake_file(path, "config.json", "{}");
    setup.config = NULL;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, bad[i].name);
        setup.model = path;
        CHECK(hse_engine_start(&e, &setup, &err) == HSE_E_NOT_FOUND && strstr(err.text, bad[i].word), "%s: %s", bad[i].name, err.text);
    }
}

/* A config's `model` may be a short name: the folder of the repository, in a folder of models or in Hugging Face's cache. */
TEST(a_configs_model_by_its_short_name)
{
    static const hse_model_type *const types[] = {&whisper_type, NULL};
    static const struct { const char *model; bool found; } cases[] = {{"small", true}, {"turbo", true}, {"medium", false}, {"smal", false}};
    char home[300], path[900], models[400];
    hse_error err = {0};

    snprintf(home, sizeof home, "%.200s/fake-short", HSE_BINARY_DIR);
    snprintf(path, sizeof path, "rm -rf '%s'", home);
    CHECK(system(path) == 0, "cannot clear the folder");
    snprintf(path, sizeof path, "%s/models/openai/whisper-small", home);
    recogniser(path);
    snprintf(path, sizeof path, "%s/hub/models--deepdml--faster-whisper-large-v3-turbo-ct2/snapshots/0123abc", home);
    recogniser(path);
    snprintf(path, sizeof path, "%s/hub/models--deepdml--faster-whisper-large-v3-turbo-ct2/refs", home);
    mkdir(path, 0755);
    fake_file(path, "main", "0123abc");
    snprintf(models, sizeof models, "%s/models", home);
    snprintf(path, sizeof path, "%s/hub", home);
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        bool direct = i >= COUNT(cases);                        /* as huggingface_hub: the cache itself, or the folder that holds it */
        const char *name = cases[i % COUNT(cases)].model;
        char yaml[200];
        hse_engine *e = NULL;

        setenv(direct ? "HF_HUB_CACHE" : "HF_HOME", direct ? path : home, 1);
        snprintf(yaml, sizeof yaml, "model_configs: [{name: w, model: %s, model_type: FasterWhisper}]", name);
        hse_config *c = config(yaml);
        CHECK(hse_engine_start(&e, &(hse_engine_setup){.types = types, .config = c, .models = models, .threads = 1}, &err) == HSE_OK, "%s", err.text);
        hse_status s = hse_engine_load(e, "w", NAN, &err);      /* these files are empty */
        CHECK((s != HSE_E_NOT_FOUND) == cases[i % COUNT(cases)].found, "%s: %d %s", name, (int)s, err.text);
        hse_engine_close(&e);
        hse_config_close(&c);
        unsetenv("HF_HOME");
        unsetenv("HF_HUB_CACHE");
    }
}

TEST(hses_own_config_starts_and_refuses_by_name)
{
    hse_config *c = NULL;
    hse_error err = {0};

    fake_reset();
    CHECK(hse_config_open(&c, test_path("tests/data/config/hse-config.yml"), NULL, &err) == HSE_OK, "%s", err.text);
    hse_engine *e = fake_engine(&(hse_engine_setup){.config = c});
    CHECK(try_speak(e, "kitten-tts-mini", NULL, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "KittenTTSSynthesizer"), "%s", err.text);
    CHECK(try_speak(e, "harmonyspeech", NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "hs1-synthesizer"), "%s", err.text);
    hse_engine_close(&e);
    hse_config_close(&c);
}

TEST(voices_by_name)
{
    static const struct { const char *voice; hse_status want; const char *word; } cases[] = {
        {NULL, HSE_OK, ""}, {"", HSE_OK, ""}, {"bert", HSE_OK, ""}, {"anna", HSE_OK, ""},
        {"alloy", HSE_OK, ""}, {"ash", HSE_OK, ""},
        {"ballad", HSE_E_FORMAT, "cora"}, {"cora", HSE_E_FORMAT, "number"},
        {"dora", HSE_E_ARG, "bert, anna, cora"}, {"../voices/bert", HSE_E_ARG, "bert, anna, cora"},
    };
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(&err, 0, sizeof err);
        hse_status s = try_speak(e, "harmonyspeech", cases[i].voice, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].word), "%s: %d '%s'", cases[i].voice, (int)s, err.text);
    }
    hse_engine_close(&e);
}

/* A damaged voice file is a voice with a reason, never a crash, and never in the way of the others. */
TEST(damaged_voice_files)
{
    static const struct { const char *content, *word; } cases[] = {
        {"", "JSON"}, {"[", "JSON"}, {"[]", "neither"}, {"{}", "neither"}, {"{\"embedding\": 5}", "neither"},
        {"{\"embedding\": []}", "0 numbers"}, {"{\"embedding\": [1, \"x\"]}", "entry 1"}, {"{\"embedding\": [null]}", "entry 0"},
        {"{\"embedding_base64\": \"AAA\"}", "base64"}, {"{\"embedding_base64\": \"AAAA\"}", "3 bytes"},
        {"{\"embedding_base64\": \"AADAfw==\"}", "entry 0"}, {"{\"embedding_base64\": \"!!\"}", "base64"},
        {"{\"embedding\": [1e39]}", "entry 0"}, {"\xff\xfe", "JSON"},
    };
    const char *dir = fake_models("fake-models");
    char path[600];
    hse_error err;

    fake_reset();
    snprintf(path, sizeof path, "%s/org/voice/voices", dir);
    for (size_t i = 0; i < COUNT(cases); i++) {
        fake_file(path, "bad.json", cases[i].content);
        hse_engine *e = fake_engine(&(hse_engine_setup){.models = dir});
        CHECK(try_speak(e, NULL, "bad", &err) == HSE_E_FORMAT && strstr(err.text, cases[i].word), "%s: %s", cases[i].content, err.text);
        CHECK(try_speak(e, NULL, "anna", &err) == HSE_OK, "%s", err.text);
        hse_engine_close(&e);
    }
}

/* The published vectors of SipHash-2-4 with 128 bits of output: key 00..0f, input 00.. of 0 and 15 bytes. */
TEST(siphash_of_the_published_vectors)
{
    extern void hse_siphash128(uint8_t out[16], const uint8_t key[16], const void *data, size_t size);
    static const uint8_t want0[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    static const uint8_t want1[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
    uint8_t key[16], in[16], out[16];

    for (int i = 0; i < 16; i++)
        key[i] = in[i] = (uint8_t)i;
    hse_siphash128(out, key, in, 0);
    CHECK(memcmp(out, want0, 16) == 0, "0 bytes");
    hse_siphash128(out, key, in, 1);
    CHECK(memcmp(out, want1, 16) == 0, "1 byte");
}

/* hub layout: models--org--name/snapshots/<revision>, found by the repository's name. */
TEST(the_hugging_face_cache_is_looked_into)
{
    char home[300], path[1400];
    hse_error err = {0};

    fake_reset();
    snprintf(home, sizeof home, "%.200s/fake-hf", HSE_BINARY_DIR);
    snprintf(path, sizeof path, "rm -rf '%.250s' && mkdir -p '%s/hub/models--some--voice/snapshots/0123abc' '%s/hub/models--some--voice/refs'",
             home, home, home);
    CHECK(system(path) == 0, "cannot make the folders");
    fake_file(home, "hub/models--some--voice/snapshots/0123abc/vad.fake", "");
    fake_file(home, "hub/models--some--voice/refs/main", "0123abc");
    setenv("HF_HOME", home, 1);
    static const struct { const char *yaml; hse_status want; } cases[] = {
        {"model_configs: [{name: v, model: some/voice, model_type: SileroVAD}]", HSE_OK},
        {"model_configs: [{name: v, model: some/voice, model_type: SileroVAD, revision: 0123abc}]", HSE_OK},
        {"model_configs: [{name: v, model: some/voice, model_type: SileroVAD, revision: other}]", HSE_E_NOT_FOUND},
        {"model_configs: [{name: v, model: some/voice, model_type: SileroVAD, revision: ../refs}]", HSE_E_NOT_FOUND},
        {"model_configs: [{name: v, model: other/voice, model_type: SileroVAD}]", HSE_E_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_config *c = config(cases[i].yaml);
        hse_engine *e = NULL;
        hse_engine_setup setup = {.types = fake_types, .config = c, .threads = 1};

        CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
        hse_status s = hse_engine_load(e, "v", NAN, &err);
        CHECK(s == cases[i].want, "%s: %d %s", cases[i].yaml, (int)s, err.text);
        hse_engine_close(&e);
        hse_config_close(&c);
    }
    unsetenv("HF_HOME");
}
