#include "cli/common.h"

#include "audio/decode.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/settings.h"
#include "engine/catalogue/discover.h"
#include "engine/engine.h"
#include "formats/embedding.h"
#include "formats/json.h"
#include "formats/weights.h"

#include <signal.h>
#include <string.h>

enum { MAX_EMBEDDING_FILE = 1 << 20 };

hse_status cli_config_open(hse_config **out, const cli_args *a, hse_error *err)
{
    hse_config_flag flags[CLI_MAX_OPTIONS];
    char where[CLI_MAX_OPTIONS][40];
    size_t n = 0;
    hse_buf report;

    for (size_t i = 0; cli_option_at(a->command, i); i++) {
        const hse_setting *s = cli_option_setting(cli_option_at(a->command, i));
        if (!s || !a->given[i])
            continue;
        snprintf(where[n], sizeof where[n], "--%s", s->flag);
        flags[n] = (hse_config_flag){s->key, a->value[i], where[n]};
        n++;
    }
    hse_buf_init(&report, 1u << 20);
    hse_status status = hse_config_load(out, cli_text(a, "config"), flags, n, &report, err);
    const char *line = hse_buf_text(&report), *end = strchr(line, '\n');
    if (status == HSE_E_FORMAT && end && end[1])        /* one mistake is in *err */
        fputs(line, stderr);
    hse_buf_free(&report);
    return status;
}

int cli_config_fail(const cli_args *a, const hse_error *err)
{
    return err->status == HSE_E_ARG ? cli_usage(a->command, "%s", err->text) : cli_fail(err);
}

const char *cli_model_path(const cli_args *a)
{
    for (size_t i = 0; cli_option_at(a->command, i); i++)
        if (strcmp(cli_option_at(a->command, i)->name, "model") == 0)
            return a->value[i] && hse_model_is_path(a->value[i]) ? a->value[i] : NULL;
    return NULL;
}

static hse_config *engine_config;                       /* of the one engine that a command opens */

hse_status cli_engine_open(hse_engine **out, const cli_args *a, hse_error *err)
{
    hse_status s = cli_config_open(&engine_config, a, err);
    hse_engine_setup setup = {.config = engine_config, .model = cli_model_path(a), .timeout_s = -1};

    if (s == HSE_OK)
        s = hse_engine_start(out, &setup, err);
    if (s != HSE_OK)
        hse_config_close(&engine_config);
    return s;
}

void cli_engine_close(hse_engine **engine)
{
    hse_engine_close(engine);
    hse_config_close(&engine_config);
}

hse_status cli_read_audio(hse_pcm *out, const char *path, hse_error *err)
{
    hse_audio audio = {0};
    hse_status s = hse_audio_decode_file(&audio, path, NULL, err);

    if (s != HSE_OK)
        return s;
    if (!audio.n) {
        hse_audio_free(&audio);
        return hse_fail(err, HSE_E_FORMAT, 0, "%s has no samples", path);
    }
    *out = (hse_pcm){audio.samples, audio.n, (unsigned)audio.rate_hz};
    return HSE_OK;
}

static hse_status from_json(hse_embedding *out, hse_bytes bytes, const char *path, hse_error *err)
{
    json_t *root = NULL;
    hse_status s = hse_json_parse(&root, bytes, path, NULL, err);

    if (s != HSE_OK)
        return s;
    const json_t *list = json_is_array(root) ? root : json_object_get(root, "embedding");
    size_t n = json_array_size(list);
    float *values = n ? hse_alloc(n * sizeof *values) : NULL;
    if (!n)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s has no list \"embedding\"", path);
    else if (!values)
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", path);
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_number(v))
            s = hse_fail(err, HSE_E_FORMAT, 0, "%s: embedding[%zu] is not a number", path, i);
        else
            values[i] = (float)json_number_value(v);
    }
    json_decref(root);
    if (s == HSE_OK)
        *out = (hse_embedding){values, n};
    else
        hse_free(values);
    return s;
}

static hse_status from_npy(hse_embedding *out, hse_bytes bytes, const char *path, hse_error *err)
{
    hse_weights *w = NULL;
    float *values = NULL;
    hse_status s = hse_weights_open_bytes(&w, bytes, path, NULL, err);

    if (s != HSE_OK)
        return s;
    const hse_weight *t = hse_weights_at(w, 0);
    if (!(values = hse_alloc((size_t)t->count * sizeof *values)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", path);
    else
        s = hse_weights_read_f32(w, t, values, err);
    if (s == HSE_OK)
        *out = (hse_embedding){values, (size_t)t->count};
    else
        hse_free(values);
    hse_weights_close(&w);
    return s;
}

hse_status cli_read_embedding(hse_embedding *out, const char *path, hse_error *err)
{
    char *data = NULL;
    size_t size = 0;
    hse_buf decoded;
    hse_status s = hse_file_read(&data, &size, path, MAX_EMBEDDING_FILE, err);

    if (s != HSE_OK)
        return s;
    hse_bytes bytes = {(const uint8_t *)data, size};
    size_t first = strspn(data, " \t\r\n");
    hse_buf_init(&decoded, MAX_EMBEDDING_FILE);
    if (size > 6 && memcmp(data, "\x93NUMPY", 6) == 0)
        s = from_npy(out, bytes, path, err);
    else if (first < size && (data[first] == '{' || data[first] == '['))
        s = from_json(out, bytes, path, err);
    else if (size && hse_buf_unbase64(&decoded, data, size, true, NULL) == HSE_OK)
        s = hse_embedding_read(&out->values, &out->count, (hse_bytes){decoded.data, decoded.size}, path, err);
    else
        s = hse_embedding_read(&out->values, &out->count, bytes, path, err);
    hse_buf_free(&decoded);
    hse_free(data);
    return s;
}

static hse_cancel *on_signal;
static volatile sig_atomic_t signalled;

static void raise_cancel(int signal_number)
{
    hse_cancel_now(on_signal);      /* NOLINT(bugprone-signal-handler): an atomic store; hse.h promises that it may be called here */
    signalled = 1;
    signal(signal_number, SIG_DFL);
}

hse_cancel *cli_cancel_on_signal(void)
{
    if (!on_signal && hse_cancel_open(&on_signal, NULL) == HSE_OK) {
        signal(SIGINT, raise_cancel);
        signal(SIGTERM, raise_cancel);
    }
    return on_signal;
}

bool cli_cancelled(void)
{
    return signalled != 0;
}
