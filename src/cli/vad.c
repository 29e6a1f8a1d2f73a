/* vad.c - hse vad: where in these recordings does somebody speak? */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/common.h"

#include "base/clock.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, false, "a JSON object a file; times in samples of the file"},
    {"seconds", 's', CLI_FLAG, NULL, NULL, 0, 0, false, "with --json: times in seconds"},
    {"rttm", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "RTTM lines"},
    {"audacity", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "an Audacity label track"},
    {"threshold", 0, CLI_REAL, "P", "0.5", 0, 1, false, "probability at which speech begins"},
    {"neg-threshold", 0, CLI_REAL, "P", NULL, 0, 1, false, "below it speech ends (default: threshold - 0.15, at least 0.01)"},
    {"min-speech-ms", 0, CLI_REAL, "MS", "250", 0, 1e7, false, "shorter speech is dropped"},
    {"min-silence-ms", 0, CLI_REAL, "MS", "100", 0, 1e7, false, "shorter silence does not end speech"},
    {"pad-ms", 0, CLI_REAL, "MS", "30", 0, 1e7, false, "added on both sides"},
    {"max-speech-s", 0, CLI_REAL, "S", NULL, 0.1, 1e7, false, "longer speech is cut at a silence"},
    CLI_MODEL_OPTION,
    CLI_REMOTE_OPTIONS,
    CLI_CONFIG_OPTION,
};

static void params_from(hse_vad_params *p, const cli_args *a)
{
    hse_vad_params_init(p);
    p->model = cli_text(a, "model");
    p->threshold = (float)cli_real(a, "threshold");
    if (cli_given(a, "neg-threshold"))
        p->neg_threshold = (float)cli_real(a, "neg-threshold");
    p->min_speech_ms = (float)cli_real(a, "min-speech-ms");
    p->min_silence_ms = (float)cli_real(a, "min-silence-ms");
    p->pad_ms = (float)cli_real(a, "pad-ms");
    if (cli_given(a, "max-speech-s"))
        p->max_speech_s = (float)cli_real(a, "max-speech-s");
}

static void print_json(const char *file, const hse_pcm *pcm, const hse_segments *s, bool seconds)
{
    json_t *times = json_array();

    for (size_t i = 0; i < s->count; i++) {
        double rate = pcm->rate_hz;
        json_array_append_new(times, seconds ? json_pack("{s:f s:f}", "start", (double)s->items[i].start / rate, "end",
                                                         (double)s->items[i].end / rate)
                                             : json_pack("{s:I s:I}", "start", (json_int_t)s->items[i].start, "end",
                                                         (json_int_t)s->items[i].end));
    }
    json_t *o = json_pack("{s:s s:i s:f s:b s:o}", "file", file, "sample_rate", (int)pcm->rate_hz, "duration",
                          (double)pcm->count / pcm->rate_hz, "speech_activity", s->count > 0, "timestamps", times);
    char *text = o ? json_dumps(o, JSON_REAL_PRECISION(9)) : NULL;
    puts(text ? text : "null");
    free(text); /* jansson's own allocation */
    json_decref(o);
}

/* RTTM separates fields by spaces, so a name must not hold any. */
static void print_rttm_name(const char *file)
{
    const char *base = strrchr(file, '/');

    for (base = base ? base + 1 : file; *base; base++)
        putchar(*base == ' ' || *base == '\t' ? '_' : *base);
}

static void print_lines(const cli_args *a, const char *file, const hse_pcm *pcm, const hse_segments *s)
{
    double rate = pcm->rate_hz;

    if (a->n_operands > 1 && !cli_flag(a, "rttm") && !cli_flag(a, "audacity"))
        printf("%s:%s\n", file, s->count ? "" : " no speech");
    for (size_t i = 0; i < s->count; i++) {
        double from = (double)s->items[i].start / rate, to = (double)s->items[i].end / rate;
        if (cli_flag(a, "rttm")) {
            fputs("SPEAKER ", stdout);
            print_rttm_name(file);
            printf(" 1 %.3f %.3f <NA> <NA> speech <NA> <NA>\n", from, to - from);
        } else if (cli_flag(a, "audacity")) {
            printf("%.6f\t%.6f\tspeech\n", from, to);
        } else {
            printf("%9.3f %9.3f\n", from, to);
        }
    }
}

/* The server counts at 16 kHz, whatever the recording's rate; here times are in samples of the file. */
static hse_status take_segments(hse_segments *out, const json_t *list, const hse_pcm *pcm, hse_error *err)
{
    size_t n = json_array_size(list);
    hse_segment *items = hse_alloc((n + 1) * sizeof *items);

    if (!items)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the answer");
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(list, i);
        double factor = pcm->rate_hz / 16000.0;
        items[i].start = llround(json_number_value(json_object_get(s, "start")) * factor);
        items[i].end = llround(json_number_value(json_object_get(s, "end")) * factor);
        if (items[i].end > (int64_t)pcm->count)
            items[i].end = (int64_t)pcm->count;
    }
    *out = (hse_segments){items, n};
    return HSE_OK;
}

static hse_status vad_remote(const cli_remote *r, const cli_args *a, const char *file, const hse_pcm *pcm, hse_segments *out,
                             hse_error *err)
{
    static const struct { const char *option, *field; } map[] = {
        {"threshold", "threshold"}, {"neg-threshold", "neg_threshold"}, {"min-speech-ms", "min_speech_duration_ms"},
        {"min-silence-ms", "min_silence_duration_ms"}, {"pad-ms", "speech_pad_ms"}, {"max-speech-s", "max_speech_duration_s"},
    };
    json_t *root = NULL;
    hse_buf body;

    hse_buf_init(&body, (size_t)256 << 20);
    hse_buf_str(&body, "{\"get_timestamps\":true");
    cli_json_text(&body, "model", cli_text(a, "model"));
    for (size_t i = 0; i < COUNT(map); i++)
        if (cli_given(a, map[i].option))
            hse_buf_printf(&body, ",\"%s\":%.9g", map[i].field, cli_real(a, map[i].option));
    hse_status s = cli_json_file(&body, "input_audio", file, err);
    hse_buf_byte(&body, '}');
    if (s == HSE_OK)
        s = cli_http_json(r, "POST", "/v1/audio/vad", &body, &root, err);
    if (s == HSE_OK)
        s = take_segments(out, json_object_get(root, "timestamps"), pcm, err);
    json_decref(root);
    hse_buf_free(&body);
    return s;
}

typedef struct {
    const cli_args  *args;
    const cli_remote *remote;               /* NULL: in this process */
    hse_engine      *engine;
    hse_vad_params   params;
    double           audio_s;
} vad_work;

static hse_status one_file(vad_work *w, const char *file, hse_error *err)
{
    hse_pcm pcm = {0};
    hse_segments segments = {0};
    hse_status s = cli_read_audio(&pcm, file, err);

    if (s == HSE_OK) {
        s = w->remote ? vad_remote(w->remote, w->args, file, &pcm, &segments, err)
                      : hse_vad(w->engine, pcm.samples, pcm.count, pcm.rate_hz, &w->params, &segments, err);
        if (s != HSE_OK)
            hse_fail_in(err, s, "%s", file);
    }
    if (s == HSE_OK) {
        w->audio_s += (double)pcm.count / pcm.rate_hz;
        if (cli_flag(w->args, "json"))
            print_json(file, &pcm, &segments, cli_flag(w->args, "seconds"));
        else
            print_lines(w->args, file, &pcm, &segments);
    }
    hse_segments_free(&segments);
    hse_pcm_free(&pcm);
    return s;
}

/* Standard input can be read once, and a server needs the bytes beside the samples. */
static bool reads_stdin(const cli_args *a)
{
    for (int i = 0; i < a->n_operands; i++)
        if (strcmp(a->operands[i], "-") == 0)
            return true;
    return false;
}

static int run(const cli_args *a)
{
    vad_work w = {.args = a};
    cli_remote remote;
    hse_error err = {0};
    bool found = false;
    int status = CLI_OK;

    if (cli_flag(a, "json") + cli_flag(a, "rttm") + cli_flag(a, "audacity") > 1)
        return cli_usage(a->command, "--json, --rttm and --audacity exclude each other");
    if (cli_flag(a, "seconds") && !cli_flag(a, "json"))
        return cli_usage(a->command, "--seconds goes with --json");
    if (reads_stdin(a) && cli_text(a, "server"))
        return cli_usage(a->command, "standard input is read in this process: --server does not go with -");
    hse_status s = reads_stdin(a) ? HSE_OK : cli_remote_find(&remote, &found, a, false, &err);
    if (s == HSE_E_ARG)
        return cli_usage(a->command, "%s", err.text);
    if (s == HSE_OK && !found)
        s = cli_engine_open(&w.engine, a, &err);
    if (s != HSE_OK)
        return cli_fail(&err);
    params_from(&w.params, a);
    w.params.cancel = cli_cancel_on_signal();
    w.remote = found ? &remote : NULL;
    uint64_t began = hse_now_ns();
    for (int i = 0; i < a->n_operands && s != HSE_E_CANCELLED; i++)
        if ((s = one_file(&w, a->operands[i], &err)) != HSE_OK)
            status = cli_fail(&err);
    cli_say_speed((double)(hse_now_ns() - began) * 1e-9, w.audio_s);
    cli_engine_close(&w.engine);
    return status;
}

const cli_command cli_vad = {
    .name = "vad", .operands = "FILE...", .summary = "Find speech in recordings", .min_operands = 1, .max_operands = -1,
    .options = options, .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "Prints start and end in seconds, a line for each stretch of speech. FILE may be - (standard input).\n\n"
               "Examples:\n  hse vad meeting.mp3\n  hse vad --json *.wav\n  hse vad --audacity talk.flac > labels.txt\n",
};
