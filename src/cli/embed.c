/* embed.c - hse embed: the speaker embedding of a recording, for --embedding or the API's input_embedding. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/common.h"

#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "formats/embedding.h"

#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    {"output", 'o', CLI_TEXT, "FILE", NULL, 0, 0, false, ".json (a voice file), .npy, .pth (as OpenVoice has it) or raw float32; default: base64 on standard output"},
    CLI_MODEL_OPTION,
    CLI_REMOTE_OPTIONS,
    CLI_CONFIG_OPTION,
};

static bool ends_in(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && strcmp(s + n - m, tail) == 0;
}

enum { NAME = 128 };

/* The layout of a model's voices/NAME.json, so that the file can be put there. */
static void voice_json(hse_buf *out, const char *path, const char *model, const hse_embedding *e)
{
    const char *base = strrchr(path, '/');

    base = base ? base + 1 : path;
    hse_buf_printf(out, "{\"name\": \"");
    for (const char *p = base; *p && strcmp(p, ".json") != 0; p++)
        if (*p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
            hse_buf_byte(out, (uint8_t)*p);
    hse_buf_str(out, "\", \"model\": ");
    hse_buf_json(out, model, strlen(model));
    hse_buf_printf(out, ", \"dim\": %zu, \"embedding\": [", e->count);
    for (size_t i = 0; i < e->count; i++)
        hse_buf_printf(out, "%s%.9g", i ? ", " : "", (double)e->values[i]);
    hse_buf_str(out, "], \"embedding_base64\": \"");
    hse_buf_base64(out, e->values, e->count * sizeof *e->values);
    hse_buf_str(out, "\"}\n");
}

/* NumPy's format, version 1.0: the header is padded so that the data begins at a multiple of 64. */
static void npy(hse_buf *out, const hse_embedding *e)
{
    char header[128];
    int n = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,), }", e->count);

    hse_buf_append(out, "\x93NUMPY\x01\x00\x76\x00", 10);
    hse_buf_append(out, header, (size_t)n);
    for (; n < 117; n++)
        hse_buf_byte(out, ' ');
    hse_buf_byte(out, '\n');
    hse_buf_append(out, e->values, e->count * sizeof *e->values);
}

static hse_status write_embedding(const char *path, const char *model, const hse_embedding *e, hse_error *err)
{
    hse_buf out;
    hse_status s;

    hse_buf_init(&out, 16u << 20);
    if (!path)
        hse_buf_base64(&out, e->values, e->count * sizeof *e->values), hse_buf_byte(&out, '\n');
    else if (ends_in(path, ".json"))
        voice_json(&out, path, model, e);
    else if (ends_in(path, ".npy"))
        npy(&out, e);
    else if (ends_in(path, ".pth"))
        hse_embedding_write_torch(&out, e->values, e->count);
    else
        hse_buf_append(&out, e->values, e->count * sizeof *e->values);
    s = hse_buf_status(&out, "the embedding", err);
    if (s == HSE_OK && path)
        s = hse_file_write(path, hse_buf_text(&out), out.size, err);
    else if (s == HSE_OK && fwrite(hse_buf_text(&out), 1, out.size, stdout) != out.size)
        s = hse_fail(err, HSE_E_IO, 0, "standard output cannot be written");
    hse_buf_free(&out);
    return s;
}

/* Who answers; "" where nobody does, which is then the request's error. */
static void name_model(char model[NAME], hse_engine *engine, const char *asked)
{
    hse_model_choice choice;
    hse_models *models = NULL;
    hse_error err;

    if (hse_models_open(&models, engine, &err) != HSE_OK)
        return;
    if (hse_models_find(&choice, models, engine, HSE_JOB_EMBED, asked, &err) == HSE_OK)
        snprintf(model, NAME, "%s", choice.info->name);
    hse_models_close(&models);
}

static hse_status embed_local(hse_embedding *e, char model[NAME], const cli_args *a, hse_error *err)
{
    hse_engine *engine = NULL;
    hse_embed_options o;
    hse_pcm pcm = {0};
    hse_status s = cli_engine_open(&engine, a, err);

    hse_embed_options_init(&o);
    o.model = cli_text(a, "model");
    o.cancel = cli_cancel_on_signal();
    if (s == HSE_OK)
        s = cli_read_audio(&pcm, a->operands[0], err);
    if (s == HSE_OK)
        name_model(model, engine, o.model);
    if (s == HSE_OK)
        s = hse_embed(engine, pcm.samples, pcm.count, pcm.rate_hz, &o, e, err);
    hse_pcm_free(&pcm);
    cli_engine_close(&engine);
    return s;
}

static hse_status embed_remote(hse_embedding *e, char model[NAME], const cli_remote *remote, const cli_args *a, hse_error *err)
{
    json_t *root = NULL;
    hse_buf body, bytes;

    hse_buf_init(&body, (size_t)256 << 20);
    hse_buf_init(&bytes, 16u << 20);
    hse_buf_str(&body, "{\"priority\":5");
    cli_json_text(&body, "model", cli_text(a, "model"));
    hse_status s = cli_json_file(&body, "input_audio", a->operands[0], err);
    hse_buf_byte(&body, '}');
    if (s == HSE_OK)
        s = cli_http_json(remote, "POST", "/v1/embed/speaker", &body, &root, err);
    const char *data = json_string_value(json_object_get(root, "data"));
    if (s == HSE_OK && (!data || hse_buf_unbase64(&bytes, data, strlen(data), false, err) != HSE_OK ||
                        hse_embedding_read(&e->values, &e->count, (hse_bytes){bytes.data, bytes.size}, "data", err) != HSE_OK))
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s: its answer is no embedding", remote->url);
    const char *name = json_string_value(json_object_get(root, "model"));
    snprintf(model, NAME, "%s", name ? name : "");
    json_decref(root);
    hse_buf_free(&body);
    hse_buf_free(&bytes);
    return s;
}

static int run(const cli_args *a)
{
    hse_embedding e = {0};
    cli_remote remote;
    hse_error err = {0};
    char model[NAME] = "";
    const char *path = cli_output(a);
    bool found = false;
    hse_status s = cli_remote_find(&remote, &found, a, false, &err);

    if (s == HSE_E_ARG)
        return cli_usage(a->command, "%s", err.text);
    if (s == HSE_OK)
        s = found ? embed_remote(&e, model, &remote, a, &err) : embed_local(&e, model, a, &err);
    if (s == HSE_OK)
        s = write_embedding(path, model, &e, &err);
    if (s == HSE_OK && path)
        fprintf(stderr, "%s: %zu numbers by %s\n", path, e.count, model);
    hse_embedding_free(&e);
    cli_name_file(&err, "input_audio", a->operands[0]);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

const cli_command cli_embed = {
    .name = "embed", .operands = "FILE|-", .summary = "Compute the speaker embedding of a recording", .min_operands = 1, .max_operands = 1,
    .options = options, .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "Without --model the encoder of the voice that hse speak takes by itself hears the recording, so that hse speak --embedding fits;\n"
               "other models' embeddings are other numbers (hse models; --model openvoice_v2, ...). With -o standard error says which model it was.\n\n"
               "Examples:\n  hse embed me.wav -o me.json\n  hse speak \"In my voice.\" --embedding me.json -o out.wav\n"
               "  hse embed me.mp3            # base64, as the API's input_embedding takes it\n",
};
