/* voices.c - hse voices: recordings under a name, usable wherever a request or a command takes a voice. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/common.h"

#include "base/mem.h"
#include "engine/voices/store.h"

#include <math.h>
#include <string.h>

static const cli_option options[] = {
    {"consent", 0, CLI_TEXT, "TEXT", NULL, 0, 0, false, "add: kept with the voice: who agreed to what"},
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, false, "ls: JSON"},
    CLI_REMOTE_OPTIONS,
    CLI_CONFIG_OPTION,
};

static void print_header(void)
{
    printf("%-24s %-24s %8s %8s %8s\n", "NAME", "ID", "SECONDS", "SPEECH", "SNR dB");
}

static void print_voice(const char *name, const char *id, double seconds, double speech, double snr)
{
    char text[16] = "-";

    if (isfinite(snr))
        snprintf(text, sizeof text, "%.0f", snr);
    printf("%-24s %-24s %8.1f %8.1f %8s\n", name, id, seconds, speech, text);
}

/* ---- a server's ---------------------------------------------------------------------------------------------------- */

static double figure(const json_t *voice, const char *name)
{
    const json_t *v = json_object_get(json_object_get(voice, "quality"), name);

    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static void print_json_voice(const json_t *v)
{
    const char *name = json_string_value(json_object_get(v, "name")), *id = json_string_value(json_object_get(v, "id"));

    print_voice(name ? name : "?", id ? id : "?", fmax(figure(v, "seconds"), 0), fmax(figure(v, "speech_seconds"), 0), figure(v, "snr_db"));
}

static hse_status remote_list(const cli_remote *r, const cli_args *a, hse_error *err)
{
    json_t *root = NULL;
    hse_status s = cli_http_json(r, "GET", "/v1/audio/voices", NULL, &root, err);
    const json_t *list = json_object_get(root, "data");

    if (s == HSE_OK && cli_flag(a, "json")) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        puts("");
    } else if (s == HSE_OK) {
        print_header();
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *v = json_array_get(list, i);
            const char *type = json_string_value(json_object_get(v, "type"));
            if (!type || strcmp(type, "model") != 0)    /* a model's own voices are hse models' */
                print_json_voice(v);
        }
    }
    json_decref(root);
    return s;
}

static hse_status remote_add(const cli_remote *r, const cli_args *a, hse_error *err)
{
    json_t *root = NULL;
    hse_buf body;

    hse_buf_init(&body, (size_t)256 << 20);
    hse_buf_str(&body, "{\"name\":");
    hse_buf_json(&body, a->operands[1], strlen(a->operands[1]));
    cli_json_text(&body, "consent", cli_text(a, "consent"));
    hse_status s = cli_json_file(&body, "audio_sample", a->operands[2], err);
    hse_buf_byte(&body, '}');
    if (s == HSE_OK)
        s = cli_http_json(r, "POST", "/v1/audio/voices", &body, &root, err);
    if (s == HSE_OK) {
        print_header();
        print_json_voice(root);
    }
    json_decref(root);
    hse_buf_free(&body);
    return s;
}

static hse_status remote_remove(const cli_remote *r, const char *name, hse_error *err)
{
    hse_buf path;

    hse_buf_init(&path, 4096);
    hse_buf_str(&path, "/v1/audio/voices/");
    cli_url_escape(&path, name);
    hse_status s = hse_buf_status(&path, "the name", err);
    if (s == HSE_OK)
        s = cli_http_json(r, "DELETE", hse_buf_text(&path), NULL, NULL, err);
    hse_buf_free(&path);
    return s;
}

/* ---- the folder's -------------------------------------------------------------------------------------------------- */

static void print_info(const hse_voice_info *v)
{
    if (v->problem[0])
        printf("%-24s %-24s %s\n", v->name[0] ? v->name : "?", v->id, v->problem);
    else
        print_voice(v->name, v->id, v->quality.seconds, v->quality.speech_seconds, v->quality.snr_db);
}

static void print_json_list(const hse_voice_info *list, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        const hse_voice_info *v = &list[i];
        json_t *o = json_pack("{s:s s:s s:s s:I s:{s:f s:f s:f}}", "object", "audio.voice", "id", v->id, "name", v->name, "created_at",
                              (json_int_t)v->created_at, "quality", "seconds", v->quality.seconds, "speech_seconds",
                              v->quality.speech_seconds, "clipped", v->quality.clipped);
        json_object_set_new(o, "problem", v->problem[0] ? json_string(v->problem) : json_null());
        json_array_append_new(all, o);
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    puts("");
    json_decref(all);
}

static hse_status local_list(hse_voice_store *store, const cli_args *a, hse_error *err)
{
    hse_voice_info *list = NULL;
    size_t n = 0;
    hse_status s = hse_voice_store_list(store, &list, &n, err);

    if (s == HSE_OK && cli_flag(a, "json")) {
        print_json_list(list, n);
    } else if (s == HSE_OK) {
        print_header();
        for (size_t i = 0; i < n; i++)
            print_info(&list[i]);
    }
    hse_free(list);
    return s;
}

static hse_status local_add(hse_voice_store *store, const cli_args *a, hse_error *err)
{
    hse_engine *engine = NULL;
    hse_pcm pcm = {0};
    hse_voice_info info;
    hse_status s = cli_engine_open(&engine, a, err);

    if (s == HSE_OK)
        s = hse_voice_name_free(engine, a->operands[1], err);
    cli_engine_close(&engine);
    if (s == HSE_OK)
        s = cli_read_audio(&pcm, a->operands[2], err);
    if (s == HSE_OK) {
        hse_audio audio = {.samples = pcm.samples, .n = pcm.count, .rate_hz = (int)pcm.rate_hz, .channels = 1};
        s = hse_voice_store_add(store, a->operands[1], cli_text(a, "consent"), &audio, &info, err);
    }
    if (s == HSE_OK) {
        print_header();
        print_info(&info);
    }
    hse_pcm_free(&pcm);
    return s;
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */

static hse_status act(const cli_args *a, const cli_remote *r, hse_voice_store *store, hse_error *err)
{
    const char *what = a->operands[0];
    hse_status s = HSE_OK;

    if (what[0] == 'l')
        return r ? remote_list(r, a, err) : local_list(store, a, err);
    if (what[0] == 'a')
        return r ? remote_add(r, a, err) : local_add(store, a, err);
    for (int i = 1; i < a->n_operands && s == HSE_OK; i++) {
        s = r ? remote_remove(r, a->operands[i], err) : hse_voice_store_remove(store, a->operands[i], NULL, err);
        if (s == HSE_OK)
            printf("%s is removed\n", a->operands[i]);
    }
    return s;
}

static int check_words(const cli_args *a)
{
    const char *what = a->operands[0];
    bool ls = strcmp(what, "ls") == 0 || strcmp(what, "list") == 0, add = strcmp(what, "add") == 0, rm = strcmp(what, "rm") == 0;

    if (!ls && !add && !rm)
        return cli_usage(a->command, "\"%s\" is none of add, ls, rm", what);
    if (ls && a->n_operands != 1)
        return cli_usage(a->command, "ls takes no operand");
    if (add && a->n_operands != 3)
        return cli_usage(a->command, "add takes a NAME and a FILE");
    if (rm && a->n_operands < 2)
        return cli_usage(a->command, "rm takes a NAME");
    if (cli_given(a, "consent") && !add)
        return cli_usage(a->command, "--consent goes with add");
    return CLI_OK;
}

static int run(const cli_args *a)
{
    hse_config *config = NULL;
    hse_voice_store *store = NULL;
    cli_remote remote;
    hse_error err = {0};
    bool found = false;
    int bad = check_words(a);

    if (bad)
        return bad;
    hse_status s = cli_remote_find(&remote, &found, a, false, &err);
    if (s == HSE_E_ARG)
        return cli_usage(a->command, "%s", err.text);
    if (s == HSE_OK && !found) {
        if (cli_config_open(&config, a, &err) != HSE_OK)
            return cli_config_fail(a, &err);
        s = hse_voice_store_open(&store, config->state_dir, &err);
    }
    if (s == HSE_OK)
        s = act(a, found ? &remote : NULL, store, &err);
    hse_voice_store_close(&store);
    hse_config_close(&config);
    cli_name_file(&err, "audio_sample", a->n_operands == 3 ? a->operands[2] : NULL);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

const cli_command cli_voices = {
    .name = "voices", .operands = "add NAME FILE|ls|rm NAME...", .summary = "Store voices by name, list and remove them", .min_operands = 1,
    .max_operands = -1, .options = options, .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "A running server's where there is one, else those in the state folder (--state, HSE_STATE), which a server reads too.\n\n"
               "Examples:\n  hse voices add anna anna.wav\n  hse speak \"In my voice.\" --voice anna -o anna-says.wav\n  hse voices rm anna\n",
};
