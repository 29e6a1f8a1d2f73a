/* The YAML config: everything HSE's own examples say, and every kind of mistake with its line and column. */
#include "base/mem.h"
#include "config/settings.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

static hse_status parse(const char *yaml, hse_config **c, hse_buf *report, hse_error *err)
{
    return hse_config_parse(c, (hse_bytes){(const uint8_t *)yaml, strlen(yaml)}, "f.yml", report, err);
}

/* A complete model after what the case brings. */
#define MODEL "model_configs:\n  - name: a\n    model: m\n    model_type: T\n"

TEST(hses_own_configs_are_read)
{
    static const struct { const char *file; size_t models; } files[] = {
        {"tests/data/config/hse-config.yml", 25}, {"tests/data/config/hse-config.gpu.yml", 20},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        hse_config *c = NULL;
        hse_error err = {0};
        hse_buf report;

        hse_buf_init(&report, 1 << 20);
        CHECK(hse_config_open(&c, test_path(files[i].file), &report, &err) == HSE_OK, "%s: %s", files[i].file, err.text);
        CHECK(report.size == 0, "%s: %s", files[i].file, hse_buf_text(&report));
        CHECK(c->has_models && strcmp(c->models[0].name, "hs1-encoder") == 0, "%s: first model", files[i].file);
        CHECK(strcmp(c->models[0].model, "harmony-ai/harmony-speech-v1") == 0 && c->models[0].max_batch_size == 10 &&
                  c->models[0].dtype == HSE_DTYPE_FLOAT32 && strcmp(c->models[0].device, "cpu") == 0, "%s: its fields", files[i].file);
        CHECK(c->models[3].voice_count == 9 && strcmp(c->models[3].voices[8], "friendly") == 0, "%s: voices", files[i].file);
        CHECK(c->model_count == files[i].models, "%s: %zu models", files[i].file, c->model_count);
        hse_config_close(&c);
        CHECK(c == NULL, "close left the pointer");
        hse_buf_free(&report);
    }
}

TEST(all_keys_arrive)
{
    hse_config *c = NULL;
    hse_error err = {0};

    CHECK(parse(MODEL "    revision: abc\n    language: EN\n    voices: [x, 'y']\n    max_batch_size: 7\n    dtype: bf16\n"
                "    load_format: onnx\n    compute_type: int8\n    device_config:\n      device: cuda\n      device_map: auto\n"
                "    watermark: false\n"
                "aliases: {tts-1: a, other: b}\nmodels: /m\nthreads: 3\nmax_requests: 9\ncpu: avx2\ndtype: int8\ntimeout_s: 2.5\n"
                "host: 0.0.0.0\nport: 0\napi_keys:\n  - k1\n  - k2\nlog_level: debug\ntext_normalization: off\nmax_upload_mb: 5\n",
                &c, NULL, &err) == HSE_OK, "%s", err.text);
    const hse_model_config *m = &c->models[0];
    CHECK(c->model_count == 1 && strcmp(m->revision, "abc") == 0 && strcmp(m->language, "EN") == 0 && m->voice_count == 2 &&
              m->max_batch_size == 7 && m->dtype == HSE_DTYPE_BFLOAT16 && strcmp(m->load_format, "onnx") == 0 &&
              strcmp(m->compute_type, "int8") == 0 && strcmp(m->device, "cuda") == 0 && strcmp(m->device_map, "auto") == 0 &&
              m->watermark == 0 && m->line == 2, "a model's keys");
    CHECK(c->alias_count == 2 && strcmp(c->aliases[0].alias, "tts-1") == 0 && strcmp(c->aliases[1].model, "b") == 0, "aliases");
    CHECK(strcmp(c->models_dir, "/m") == 0 && c->threads == 3 && c->max_requests == 9 && strcmp(c->cpu, "avx2") == 0 &&
              c->dtype == HSE_DTYPE_INT8 && c->timeout_s == 2.5 && strcmp(c->host, "0.0.0.0") == 0 && c->port == 0 &&
              c->api_key_count == 2 && strcmp(c->api_keys[1], "k2") == 0 && strcmp(c->log_level, "debug") == 0 &&
              strcmp(c->text_normalization, "off") == 0 && c->max_upload_mb == 5, "the file's keys");
    hse_config_close(&c);
}

TEST(mistakes_are_listed_with_line_and_column)
{
    static const struct { const char *name, *yaml, *want; } cases[] = {
        {"nothing", "", NULL},
        {"a comment", "# nothing here\n", NULL},
        {"null", "~\n", NULL},
        {"no models", "model_configs:\n", NULL},
        {"an empty list", "model_configs: []\n", NULL},
        {"smallest", MODEL, NULL},
        {"null for an option", MODEL "    language: ~\n", NULL},
        {"a list", "- a\n", "f.yml:1:1: the file: expected a mapping with model_configs, found a list\n"},
        {"a text", "hello\n", "f.yml:1:1: the file: expected a mapping with model_configs, found a single value\n"},
        {"models are a mapping", "model_configs: {a: 1}\n", "f.yml:1:16: model_configs: expected a list, found a mapping\n"},
        {"a model is a text", "model_configs: [x]\n", "f.yml:1:17: model_configs: expected a mapping, found a single value\n"},
        {"unknown key", MODEL "    colour: red\n", "f.yml:5:5: unknown key 'colour' in model_configs\n"},
        {"nearly a key", MODEL "    langauge: EN\n", "f.yml:5:5: unknown key 'langauge' in model_configs (did you mean 'language'?)\n"},
        {"unknown key at the top", "modelconfigs: []\n", "f.yml:1:1: unknown key 'modelconfigs' in the file (did you mean 'model_configs'?)\n"},
        {"unknown key below", MODEL "    device_config: {devcie: cpu}\n", "f.yml:5:21: unknown key 'devcie' in device_config (did you mean 'device'?)\n"},
        {"twice", MODEL "    model: n\n", "f.yml:5:5: the key 'model' is there twice\n"},
        {"missing", "model_configs:\n  - name: a\n    model_type: T\n", "f.yml:2:5: model_configs: the key 'model' is missing\n"},
        {"all missing", "model_configs:\n  - {}\n",
         "f.yml:2:5: model_configs: the key 'name' is missing\nf.yml:2:5: model_configs: the key 'model' is missing\n"
         "f.yml:2:5: model_configs: the key 'model_type' is missing\n"},
        {"null for a name", "model_configs:\n  - name:\n    model: m\n    model_type: T\n", "f.yml:2:10: name: a value is needed\n"},
        {"an empty name", "model_configs:\n  - name: ''\n    model: m\n    model_type: T\n", "f.yml:2:11: name: the text is empty\n"},
        {"control character", "model_configs:\n  - name: \"a\\tb\"\n    model: m\n    model_type: T\n",
         "f.yml:2:11: name: a control character (0x09) in the text\n"},
        {"a list for a text", MODEL "    language: [EN]\n", "f.yml:5:15: language: expected a text, found a list\n"},
        {"a text for a list", MODEL "    voices: x\n", "f.yml:5:13: voices: expected a list of texts, found a single value\n"},
        {"a list in the list", MODEL "    voices: [a, [b]]\n", "f.yml:5:17: voices: expected a text, found a list\n"},
        {"a text for a mapping", MODEL "    device_config: cpu\n", "f.yml:5:20: device_config: expected a mapping, found a single value\n"},
        {"batch 0", MODEL "    max_batch_size: 0\n", "f.yml:5:21: max_batch_size: 0 is not in 1..256\n"},
        {"batch 1", MODEL "    max_batch_size: 1\n", NULL},
        {"batch 256", MODEL "    max_batch_size: 256\n", NULL},
        {"batch 257", MODEL "    max_batch_size: 257\n", "f.yml:5:21: max_batch_size: 257 is not in 1..256\n"},
        {"batch -1", MODEL "    max_batch_size: -1\n", "f.yml:5:21: max_batch_size: -1 is not in 1..256\n"},
        {"batch 2^64", MODEL "    max_batch_size: 18446744073709551616\n",
         "f.yml:5:21: max_batch_size: expected a whole number, found '18446744073709551616'\n"},
        {"batch 1.5", MODEL "    max_batch_size: 1.5\n", "f.yml:5:21: max_batch_size: expected a whole number, found '1.5'\n"},
        {"batch in quotes", MODEL "    max_batch_size: \"5\"\n", "f.yml:5:21: max_batch_size: expected a whole number, found '5'\n"},
        {"batch as a word", MODEL "    max_batch_size: many\n", "f.yml:5:21: max_batch_size: expected a whole number, found 'many'\n"},
        {"dtype", MODEL "    dtype: fp8\n", "f.yml:5:12: dtype: 'fp8' is none of auto, float32, bfloat16, int8, float16\n"},
        {"boolean", MODEL "    watermark: maybe\n", "f.yml:5:16: watermark: expected true or false, found 'maybe'\n"},
        {"time", "timeout_s: .inf\n", "f.yml:1:12: timeout_s: expected a number, found '.inf'\n"},
        {"time 0", "timeout_s: 0\n", "f.yml:1:12: timeout_s: 0 is not in 0.001..86400\n"},
        {"time nan", "timeout_s: nan\n", "f.yml:1:12: timeout_s: expected a number, found 'nan'\n"},
        {"port", "port: 65536\n", "f.yml:1:7: port: 65536 is not in 0..65535\n"},
        {"same name", MODEL "  - name: a\n    model: n\n    model_type: U\n", "f.yml:5:5: the name 'a' is used twice, first in line 2\n"},
        {"an alias of YAML", "model_configs: *x\n", NULL},
        {"key is a list", "[a]: 1\n", "f.yml:1:1: the file: expected a key, found a list\n"},
        {"aliases", "aliases: [a]\n", "f.yml:1:10: aliases: expected a mapping of names, found a list\n"},
        {"alias of a list", "aliases: {a: [b]}\n", "f.yml:1:14: aliases: expected a name, found a list\n"},
        {"two documents", "threads: 1\n---\nthreads: 2\n", "f.yml:2:1: a second document begins here; one is expected\n"},
        {"several", "port: x\nthreads: 257\ncolour: red\n",
         "f.yml:1:7: port: expected a whole number, found 'x'\nf.yml:2:10: threads: 257 is not in 0..256\nf.yml:3:1: unknown key 'colour' in the file\n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_config *c = NULL;
        hse_error err = {0};
        hse_buf report;

        hse_buf_init(&report, 1 << 20);
        hse_status s = parse(cases[i].yaml, &c, &report, &err);
        if (strcmp(cases[i].name, "an alias of YAML") == 0) {
            CHECK(s == HSE_E_FORMAT && strstr(err.text, "f.yml:1:"), "%s: %s", cases[i].name, err.text);
        } else {
            CHECK(s == (cases[i].want ? HSE_E_FORMAT : HSE_OK), "%s: %d %s", cases[i].name, (int)s, err.text);
            CHECK(strcmp(hse_buf_text(&report), cases[i].want ? cases[i].want : "") == 0, "%s: %s", cases[i].name, hse_buf_text(&report));
        }
        CHECK((c != NULL) == (s == HSE_OK), "%s: object and status disagree", cases[i].name);
        hse_config_close(&c);
        hse_buf_free(&report);
    }
}

TEST(what_is_not_yaml_is_said_to_be_so)
{
    static const char *const cases[] = {"model_configs: [", "a: b: c", "\t- x", "a: \"\xff\"", "{{{{{{", "%YAML 9.9\n---\na: b", "a: 'b", "@"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_config *c = NULL;
        hse_error err = {0};

        CHECK(parse(cases[i], &c, NULL, &err) == HSE_E_FORMAT && !c, "%s: %s", cases[i], err.text);
        CHECK(strncmp(err.text, "f.yml:", 6) == 0, "%s: %s", cases[i], err.text);
    }
}

TEST(size_and_depth_are_bounded)
{
    char *big = malloc((1 << 20) + 2);
    hse_config *c = NULL;
    hse_error err = {0};

    memset(big, ' ', (1 << 20) + 1);
    big[(1 << 20) + 1] = '\0';
    big[0] = '#';
    CHECK(hse_config_parse(&c, (hse_bytes){(uint8_t *)big, (1 << 20) + 1}, "f.yml", NULL, &err) == HSE_E_LIMIT, "%s", err.text);
    CHECK(hse_config_parse(&c, (hse_bytes){(uint8_t *)big, 1 << 20}, "f.yml", NULL, &err) == HSE_OK, "%s", err.text);
    hse_config_close(&c);
    memcpy(big, "x: ", 3);
    memset(big + 3, '[', 20000);
    big[20003] = '\0';
    CHECK(parse(big, &c, NULL, &err) == HSE_E_FORMAT && !c, "20,000 brackets: %s", err.text);
    free(big);
    CHECK(hse_config_open(&c, "/nonexistent/x.yml", NULL, &err) == HSE_E_NOT_FOUND, "%s", err.text);
}

/* ---- all sources together ------------------------------------------------------------------------------------------ */

static void clear_variables(void)
{
    for (const hse_setting *s = hse_settings; s->key; s++) {
        if (s->variable)
            unsetenv(s->variable);
        if (s->foreign)
            unsetenv(s->foreign);
    }
}

static char *write_file(const char *text)
{
    static char path[64];
    int fd;

    snprintf(path, sizeof path, "/tmp/hse-config-XXXXXX");
    fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
    close(fd);
    return path;
}

TEST(flag_before_variable_before_file_before_default)
{
    hse_config_flag flags[] = {{"port", "4", "--port"}, {"keep_alive", "2h", "--keep-alive"}};
    char *path = write_file("port: 2\nthreads: 7\nkeep_alive: 9m\n"), want[100];
    hse_config *c = NULL, *again = NULL;
    hse_error err = {0};

    clear_variables();
    CHECK(hse_config_load(&c, NULL, NULL, 0, NULL, &err) == HSE_OK && c->port == 12080 && c->keep_alive == 300 && c->max_batch_size == 16 &&
              strcmp(c->host, "127.0.0.1") == 0 && strcmp(hse_config_origin(c, "port"), "default") == 0, "defaults: %s", err.text);
    hse_config_close(&c);
    CHECK(hse_config_load(&c, path, NULL, 0, NULL, &err) == HSE_OK && c->port == 2, "file: %s", err.text);
    snprintf(want, sizeof want, "%s:1", path);
    CHECK(strcmp(hse_config_origin(c, "port"), want) == 0, "%s", hse_config_origin(c, "port"));
    hse_config_close(&c);
    setenv("HSE_PORT", "3", 1);
    setenv("MAX_JOBS", "5", 1);
    CHECK(hse_config_load(&c, path, NULL, 0, NULL, &err) == HSE_OK && c->port == 3 && c->threads == 5, "variables: %s", err.text);
    CHECK(strcmp(hse_config_origin(c, "port"), "HSE_PORT") == 0 && strcmp(hse_config_origin(c, "threads"), "MAX_JOBS") == 0, "origins");
    hse_config_close(&c);
    setenv("HSE_THREADS", "6", 1);
    CHECK(hse_config_load(&c, path, flags, 2, NULL, &err) == HSE_OK && c->port == 4 && c->threads == 6 && c->keep_alive == 7200, "flags: %s",
          err.text);
    CHECK(strcmp(hse_config_origin(c, "port"), "--port") == 0 && strcmp(hse_config_origin(c, "threads"), "HSE_THREADS") == 0, "origins");
    CHECK(hse_config_reload(&again, c, NULL, &err) == HSE_OK && again->port == 4 && again->threads == 6, "%s", err.text);
    hse_config_close(&again);
    FILE *f = fopen(path, "w");
    fputs("port: 2\nmax_requests: 99\n", f);
    fclose(f);
    CHECK(hse_config_reload(&again, c, NULL, &err) == HSE_OK && again->port == 4 && again->max_requests == 99, "%s", err.text);
    hse_config_close(&again);
    unlink(path);
    CHECK(hse_config_reload(&again, c, NULL, &err) == HSE_E_NOT_FOUND && !again, "%s", err.text);
    hse_config_close(&c);
    clear_variables();
}

TEST(hses_own_variables_work)
{
    hse_config *c = NULL;
    hse_error err = {0};

    clear_variables();
    setenv("HARMONYSPEECH_TARGET_DEVICE", "cpu", 1);
    setenv("HARMONYSPEECH_LOCAL_LOGGING_INTERVAL_SEC", "2.5", 1);
    setenv("HARMONYSPEECH_API_KEY", "secret", 1);
    setenv("VERBOSE", "1", 1);
    setenv("HF_HOME", "/hf", 1);
    setenv("HF_HUB_OFFLINE", "1", 1);
    CHECK(hse_config_load(&c, NULL, NULL, 0, NULL, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(c->device, "cpu") == 0 && c->log_interval_s == 2.5 && c->api_key_count == 1 && strcmp(c->api_keys[0], "secret") == 0 &&
              strcmp(c->log_level, "debug") == 0 && strcmp(c->hf_home, "/hf") == 0 && c->offline == 1, "values");
    hse_config_close(&c);
    setenv("VERBOSE", "perhaps", 1);            /* other programs' words */
    setenv("MAX_JOBS", "many", 1);
    CHECK(hse_config_load(&c, NULL, NULL, 0, NULL, &err) == HSE_OK && strcmp(c->log_level, "info,http=warn") == 0 && c->threads == 0, "%s",
          err.text);
    hse_config_close(&c);
    clear_variables();
}

TEST(wrong_variables_and_flags_are_all_named)
{
    hse_config_flag flags[] = {{"max_requests", "0", "--max-requests"}, {"models", "", "--models"}};
    hse_config *c = NULL;
    hse_error err = {0};
    hse_buf report;

    clear_variables();
    setenv("HSE_PORT", "many", 1);
    hse_buf_init(&report, 1 << 16);
    CHECK(hse_config_load(&c, NULL, flags, 2, &report, &err) == HSE_E_ARG && !c, "%s", err.text);
    CHECK(strcmp(err.text, "HSE_PORT: expected a whole number, found 'many' (and 2 more)") == 0, "%s", err.text);
    CHECK(strcmp(hse_buf_text(&report), "HSE_PORT: expected a whole number, found 'many'\n--max-requests: 0 is not in 1..4096\n"
                                        "--models: the text is empty\n") == 0, "%s", hse_buf_text(&report));
    hse_buf_free(&report);
    clear_variables();
}

/* Every setting: its default is what its own reader takes, and what is printed is read back as the same. */
TEST(every_setting_prints_what_it_reads)
{
    hse_config *c = NULL, *back = NULL;
    hse_error err = {0};
    hse_buf text, twice;

    clear_variables();
    CHECK(parse("aliases: {tts-1: a, 'b c': d}\npreload: [x, \"y z\"]\nopenai_voices: {alloy: slt}\nmemory_budget: 2GiB\nkeep_alive: 1h30m\n"
                "dtype: bf16\nhost: '::1'\nmodels: \"a\\\"b\"\nbatch_window_ms: 2.5\ninstances: 3\n", &c, NULL, &err) == HSE_E_FORMAT &&
              strstr(err.text, "unknown key 'instances'"), "instances belongs to a model: %s", err.text);
    CHECK(parse("aliases: {tts-1: a, 'b c': d}\npreload: [x, \"y z\"]\nopenai_voices: {alloy: slt}\nmemory_budget: 2GiB\nkeep_alive: 1h30m\n"
                "dtype: bf16\nhost: '::1'\nmodels: \"a\\\"b\"\nbatch_window_ms: 2.5\n", &c, NULL, &err) == HSE_OK, "%s", err.text);
    CHECK(c->memory_budget == (int64_t)2 << 30 && c->keep_alive == 5400 && c->openai_voice_count == 1 && c->preload_count == 2, "values");
    hse_buf_init(&text, 1 << 16);
    hse_buf_init(&twice, 1 << 16);
    for (int i = 0; i < 2; i++) {
        for (const hse_setting *s = hse_settings; s->key; s++)
            if (s->type != HSE_SET_MODELS) {
                hse_buf_printf(i ? &twice : &text, "%s: ", s->key);
                hse_setting_print(s, i ? back : c, i ? &twice : &text);
                hse_buf_str(i ? &twice : &text, "\n");
            }
        if (i == 0)
            CHECK(parse(hse_buf_text(&text), &back, NULL, &err) == HSE_OK, "%s: %s", err.text, hse_buf_text(&text));
    }
    CHECK(strcmp(hse_buf_text(&text), hse_buf_text(&twice)) == 0, "%s, then %s", hse_buf_text(&text), hse_buf_text(&twice));
    hse_buf_free(&text);
    hse_buf_free(&twice);
    hse_config_close(&c);
    hse_config_close(&back);
}

TEST(durations_and_sizes)
{
    static const struct { const char *text; bool ok; double s; } durations[] = {
        {"300", true, 300}, {"5m", true, 300}, {"1h30m", true, 5400}, {"90s", true, 90}, {"250ms", true, 0.25}, {"1.5h", true, 5400},
        {"0", true, 0}, {"0s", true, 0}, {"-1", true, HSE_KEEP_FOREVER}, {"-5m", true, HSE_KEEP_FOREVER}, {"2d", true, 172800},
        {"", false, 0}, {"m", false, 0}, {"5x", false, 0}, {"5 m", false, 0}, {"--1", false, 0}, {"-0", false, 0}, {"1.2.3s", false, 0},
        {"5m3", false, 0}, {"0x5", false, 0}, {"inf", false, 0}, {"1e3", false, 0}, {"99999999999999999999999999999999999s", false, 0},
    };
    static const struct { const char *yaml, *want; int64_t bytes; } sizes[] = {
        {"0", NULL, 0}, {"1024", NULL, 1024}, {"512MiB", NULL, 512 << 20}, {"1.5GiB", NULL, (int64_t)3 << 29}, {"2G", NULL, (int64_t)2 << 30},
        {"1GB", NULL, 1000000000}, {"64 KiB", NULL, 65536}, {"101%", "expected a size", 0}, {"-1", "expected a size", 0},
        {"lots", "expected a size", 0}, {"5XiB", "expected a size", 0}, {"1e30", "expected a size", 0}, {"'%'", "expected a size", 0},
    };

    for (size_t i = 0; i < COUNT(durations); i++) {
        double s = -9;
        bool ok = hse_duration_parse(durations[i].text, &s);
        CHECK(ok == durations[i].ok && (!ok || s == durations[i].s), "%s: %d %g", durations[i].text, (int)ok, s);
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        hse_config *c = NULL;
        hse_error err = {0};
        char yaml[64];
        snprintf(yaml, sizeof yaml, "memory_budget: %s\n", sizes[i].yaml);
        hse_status s = parse(yaml, &c, NULL, &err);
        CHECK(sizes[i].want ? s == HSE_E_FORMAT && strstr(err.text, sizes[i].want) != NULL : s == HSE_OK && c->memory_budget == sizes[i].bytes,
              "%s: %d %s", sizes[i].yaml, (int)s, err.text);
        hse_config_close(&c);
    }
    hse_config *c = NULL;
    hse_error err = {0};
    CHECK(parse("memory_budget: 50%\n", &c, NULL, &err) == HSE_OK && c->memory_budget > 0, "a share of the memory: %s", err.text);
    hse_config_close(&c);
}

TEST(the_host_may_bring_its_port)
{
    static const struct { const char *yaml, *host; int64_t port; } cases[] = {
        {"host: 0.0.0.0", "0.0.0.0", 12080}, {"host: '127.0.0.1:99'", "127.0.0.1", 99}, {"host: 'http://[::1]:8'", "::1", 8},
        {"host: '::1'", "::1", 12080}, {"host: 'localhost:7'\nport: 9", "localhost", 9}, {"host: /run/hse.sock", "/run/hse.sock", 12080},
        {"host: 'http://a/'", "a", 12080}, {"host: 'a:b'", NULL, 0}, {"host: 'a:70000'", NULL, 0}, {"host: 'http://'", NULL, 0}, {"host: '[::1]x'", NULL, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_config *c = NULL;
        hse_error err = {0};
        hse_status s = parse(cases[i].yaml, &c, NULL, &err);
        CHECK(s == (cases[i].host ? HSE_OK : HSE_E_FORMAT) && (s == HSE_OK || strstr(err.text, "f.yml:1:7: host: ")), "%s: %s", cases[i].yaml, err.text);
        CHECK(!c || (strcmp(c->host, cases[i].host) == 0 && c->port == cases[i].port), "%s: %s %d", cases[i].yaml, c->host, (int)c->port);
        hse_config_close(&c);
    }
}

TEST(keys_of_a_file_are_added)
{
    char path[64], yaml[200], *file;
    hse_config *c = NULL;
    hse_error err = {0};

    snprintf(path, sizeof path, "%s", write_file("# people\nanna\n\n  bert  # his\r\n"));
    snprintf(yaml, sizeof yaml, "api_keys: [zoe]\napi_key_file: %s\n", path);
    CHECK(parse(yaml, &c, NULL, &err) == HSE_OK && c->api_key_count == 1, "bytes alone read no file: %s", err.text);
    hse_config_close(&c);
    file = write_file(yaml);
    CHECK(hse_config_open(&c, file, NULL, &err) == HSE_OK && c->api_key_count == 3 && strcmp(c->api_keys[0], "zoe") == 0 &&
              strcmp(c->api_keys[1], "anna") == 0 && strcmp(c->api_keys[2], "bert") == 0, "%s", err.text);
    hse_config_close(&c);
    FILE *f = fopen(path, "w");
    fputs("# nobody\n", f);
    fclose(f);
    CHECK(hse_config_open(&c, file, NULL, &err) == HSE_E_FORMAT && !c, "a file without a key opens no door: %s", err.text);
    unlink(path);
    CHECK(hse_config_open(&c, file, NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "api_key_file"), "%s", err.text);
    unlink(file);
}

TEST(marks_show_where_a_key_stands)
{
    hse_config *c = NULL;
    hse_error err = {0};
    unsigned line = 0, column = 0;

    CHECK(parse(MODEL "    keep_alive: -1\n    instances: 2\n", &c, NULL, &err) == HSE_OK, "%s", err.text);
    CHECK(c->models[0].keep_alive == HSE_KEEP_FOREVER && c->models[0].instances == 2, "its values");
    hse_config_mark(c, 0, "model_type", &line, &column);
    CHECK(line == 4 && column == 17, "%u:%u", line, column);
    hse_config_mark(c, 0, "revision", &line, &column);
    CHECK(line == 2 && column == 5, "%u:%u", line, column);
    hse_config_close(&c);
}

static void torture(const char *yaml, hse_status want)
{
    for (uint64_t n = 1;; n++) {
        hse_config *c = NULL;
        hse_error err = {0};
        hse_buf report;

        hse_buf_init(&report, 1 << 16);
        hse_mem_fail_at(n, false);
        hse_status s = parse(yaml, &c, &report, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(struck ? s == HSE_E_NOMEM || s == want : s == want, "allocation %d: %d %s", (int)n, (int)s, err.text);
        CHECK((c != NULL) == (s == HSE_OK) && (s == HSE_OK || err.text[0]), "allocation %d: object and status disagree", (int)n);
        hse_config_close(&c);
        hse_buf_free(&report);
        if (!struck)
            break;
        CHECK(n < 1000, "endless");
    }
}

/* Every allocation of ours fails once; libyaml's own are not counted. (A report that cannot grow is only shorter.) */
TEST(torture_config)
{
    torture(MODEL "    voices: [a, b]\naliases: {x: a}\nport: 1\n", HSE_OK);
    torture(MODEL "    voices: [a, b]\naliases: {x: a}\nport: 1\nbad: 2\n", HSE_E_FORMAT);
}

TEST(torture_config_load)
{
    hse_config_flag flags[] = {{"port", "4", "--port"}, {"api_keys", "a,b", "--api-keys"}};

    clear_variables();
    setenv("HSE_ALIASES", "x=y,z=w", 1);
    for (uint64_t n = 1;; n++) {
        hse_config *c = NULL;
        hse_error err = {0};

        hse_mem_fail_at(n, false);
        hse_status s = hse_config_load(&c, NULL, flags, 2, NULL, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(s == (struck ? HSE_E_NOMEM : HSE_OK), "allocation %d: %d %s", (int)n, (int)s, err.text);
        CHECK((c != NULL) == (s == HSE_OK), "allocation %d: object and status disagree", (int)n);
        hse_config_close(&c);
        if (!struck)
            break;
        CHECK(n < 1000, "endless");
    }
    clear_variables();
}
