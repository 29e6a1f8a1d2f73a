/* convert.c - hse convert: the same words in another voice; hse restore: damaged speech made whole. */
#include "cli/audio_out.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/common.h"

#include "audio/decode.h"
#include "base/clock.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define CLI_RESULT_OPTIONS                                                                                                     \
    {"format", 0, CLI_CHOICE, "wav|mp3|flac|opus|aac|pcm", NULL, 0, 0, false, "instead of what the file's name says"},         \
    {"rate", 0, CLI_INT, "HZ", "0", 0, 192000, false, "sample rate of the output; 0 = the model's"},                          \
    {"loudness", 0, CLI_CHOICE, "auto|peak|none", "auto", 0, 0, false, "gain and limiter, scaled to a peak of 0.97, or as it is"}, \
    CLI_MODEL_OPTION, CLI_REMOTE_OPTIONS, CLI_CONFIG_OPTION

static const cli_option convert_options[] = {
    {"to", 't', CLI_TEXT, "FILE", NULL, 0, 0, false, "a recording of the voice wanted"},
    {"voice", 'v', CLI_TEXT, "NAME", NULL, 0, 0, false, "or a stored voice (hse voices)"},
    {"embedding", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "or an embedding (from hse embed)"},
    {"output", 'o', CLI_TEXT, "FILE|DIR", NULL, 0, 0, false, "a file; for several recordings or a folder of them, a folder"},
    {"seed", 0, CLI_INT, "N", NULL, 0, INT_MAX, false, "of the noise: the same seed gives the same audio (default: drawn anew)"},
    {"watermark", 0, CLI_TEXT, "MESSAGE", NULL, 0, 0, false, "1 to 8 letters, digits or - hidden in the speech (hse watermark finds them)"},
    CLI_RESULT_OPTIONS,
};

static const cli_option restore_options[] = {
    {"output", 'o', CLI_TEXT, "FILE|DIR", NULL, 0, 0, false, "a file; for several recordings or a folder of them, a folder"},
    {"mode", 0, CLI_INT, "N", "0", 0, 2, false, "1: remove high frequencies first (noise there); 2 is refused"},
    CLI_RESULT_OPTIONS,
};

/* What both commands do with one recording after another. */
typedef struct {
    const cli_args     *args;
    bool                restore, remote;
    cli_remote          server;
    hse_engine         *engine;
    hse_convert_options options;
    hse_pcm             target;
    hse_embedding       embedding;
    double              audio_s;
    cli_progress        progress;               /* of several recordings; of one, the seconds that are made */
    bool                single;
} work;

typedef struct {
    cli_audio_out out;
    hse_status    status;
    hse_error     err;
    cli_progress *progress;                     /* NULL: not of its samples */
} sink;

static int take(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    sink *s = user;

    s->status = cli_audio_out_push(&s->out, samples, count, rate_hz, &s->err);
    if (s->progress)
        cli_progress_step(s->progress, s->out.seconds);
    return s->status != HSE_OK;
}

/* ---- one recording ------------------------------------------------------------------------------------------------- */

static hse_status convert_here(work *w, const char *path, sink *s, hse_error *err)
{
    hse_pcm in = {0}, out = {0};
    hse_status status = cli_read_audio(&in, path, err);

    if (status == HSE_OK) {
        w->audio_s += (double)in.count / in.rate_hz;
        status = hse_convert(w->engine, in.samples, in.count, in.rate_hz, &w->options, &out, err);
    }
    if (status == HSE_OK)
        (void)take(s, out.samples, out.count, out.rate_hz);
    hse_pcm_free(&in);
    hse_pcm_free(&out);
    return status;
}

/* A recording on its way from a file through the models to another, never in memory as a whole. */
typedef struct {
    work                *w;
    sink                *to;
    hse_audio            info;
    hse_restore_session *session;
} restoring;

static hse_status restore_block(void *arg, const float *x, size_t n, hse_error *err)
{
    restoring *r = arg;
    hse_status s = HSE_OK;

    if (!r->session)
        s = hse_restore_session_open(&r->session, r->w->engine, &r->w->options, (unsigned)r->info.rate_hz, err);
    return s == HSE_OK ? hse_restore_session_push(r->session, x, n, take, r->to, err) : s;
}

static hse_status restore_here(work *w, const char *path, sink *to, hse_error *err)
{
    static const hse_decode_options options = {.timeout_ms = INT_MAX};         /* it waits for the models */
    restoring r = {.w = w, .to = to};
    hse_status s = hse_audio_decode_file_stream(path, &options, restore_block, &r, &r.info, err);

    if (s == HSE_OK && !r.session)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s has no samples", path);
    if (s == HSE_OK)
        s = hse_restore_session_finish(r.session, take, to, err);
    if (s == HSE_OK)
        w->audio_s += (double)r.info.n / r.info.rate_hz;
    hse_restore_session_close(&r.session);
    return s;
}

static hse_status put_body(const work *w, hse_buf *body, const char *path, hse_error *err)
{
    const cli_args *a = w->args;

    hse_buf_str(body, "{\"output_options\":{\"format\":\"wav\"");
    if (cli_int(a, "rate"))
        hse_buf_printf(body, ",\"sample_rate\":%ld", cli_int(a, "rate"));
    hse_buf_byte(body, '}');
    if (!w->restore && cli_given(a, "seed"))
        hse_buf_printf(body, ",\"generation_options\":{\"seed\":%ld}", cli_int(a, "seed"));
    if (w->restore && cli_int(a, "mode"))
        hse_buf_printf(body, ",\"mode\":%ld", cli_int(a, "mode"));
    cli_json_text(body, "model", cli_text(a, "model"));
    cli_json_text(body, "normalize", cli_given(a, "loudness") ? cli_text(a, "loudness") : NULL);
    hse_status s = cli_json_file(body, "source_audio", path, err);
    if (!w->restore && s == HSE_OK && cli_text(a, "to"))
        s = cli_json_file(body, "target_audio", cli_text(a, "to"), err);
    if (!w->restore) {
        cli_json_text(body, "voice", cli_text(a, "voice"));
        cli_json_text(body, "watermark", cli_text(a, "watermark"));
    }
    if (w->embedding.count) {
        hse_buf_str(body, ",\"target_embedding\":\"");
        hse_buf_base64(body, w->embedding.values, w->embedding.count * sizeof(float));
        hse_buf_byte(body, '"');
    }
    hse_buf_byte(body, '}');
    return s == HSE_OK ? hse_buf_status(body, "the request", err) : s;
}

static hse_status by_server(work *w, const char *path, sink *s, hse_error *err)
{
    hse_buf body;

    hse_buf_init(&body, (size_t)512 << 20);
    hse_status status = put_body(w, &body, path, err);
    if (status == HSE_OK)
        status = cli_wav_call(&w->server, w->restore ? "/v1/audio/convert" : "/v1/voice/convert", &body, take, s, err);
    if (status == HSE_OK)
        w->audio_s += s->out.seconds;
    hse_buf_free(&body);
    return status;
}

/* Returns an exit status, having said what is wrong. */
static int one(work *w, const char *from, const char *to)
{
    sink s = {.status = HSE_OK, .progress = w->single ? &w->progress : NULL};
    hse_error err = {0};
    int bad = cli_audio_out_init(&s.out, w->args, to, cli_text(w->args, "format"), false);

    if (bad)
        return bad;
    s.out.whole = w->remote || !w->restore;             /* the length is known before anything is written */
    hse_status status = w->remote ? by_server(w, from, &s, &err) : w->restore ? restore_here(w, from, &s, &err) : convert_here(w, from, &s, &err);
    if (s.status != HSE_OK) {                           /* the output cannot be written: that ended the rest */
        err = s.err;
        status = s.status;
    }
    if (status == HSE_OK)
        status = cli_audio_out_finish(&s.out, &err);
    cli_audio_out_close(&s.out);
    if (status == HSE_OK)
        return CLI_OK;
    cli_name_file(&err, "source_audio", from);
    if (!w->restore) {
        cli_name_file(&err, "target_audio", cli_text(w->args, "to"));
        cli_name_file(&err, "target_embedding", cli_text(w->args, "embedding"));
    }
    if (!strstr(err.text, from))
        hse_fail_in(&err, status, "%s", from);
    return cli_fail(&err);
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */

static hse_status open_work(work *w, hse_error *err)
{
    static const char *const loudness[] = {"auto", "peak", "none"};
    const cli_args *a = w->args;
    hse_status s = cli_remote_find(&w->server, &w->remote, a, false, err);

    hse_convert_options_init(&w->options);
    w->options.model = cli_text(a, "model");
    w->options.rate_hz = (unsigned)cli_int(a, "rate");
    w->options.restore_mode = w->restore ? (int)cli_int(a, "mode") : 0;
    w->options.has_seed = !w->restore && cli_given(a, "seed");
    w->options.seed = w->options.has_seed ? (uint64_t)cli_int(a, "seed") : 0;
    w->options.cancel = cli_cancel_on_signal();
    for (int i = 0; i < 3; i++)
        if (strcmp(cli_text(a, "loudness"), loudness[i]) == 0)
            w->options.loudness = (hse_loudness)i;
    if (s == HSE_OK && !w->remote)
        s = cli_engine_open(&w->engine, a, err);
    return s;
}

static void close_work(work *w)
{
    hse_embedding_free(&w->embedding);
    hse_pcm_free(&w->target);
    cli_engine_close(&w->engine);
}

static int check_rate(const cli_args *a)
{
    return cli_int(a, "rate") != 0 && cli_int(a, "rate") < 8000 ? cli_usage(a->command, "--rate: %ld is below 8000", cli_int(a, "rate")) : CLI_OK;
}

/* ---- files and folders --------------------------------------------------------------------------------------------- */

enum { MAX_FILES = 100000 };

typedef struct {
    hse_buf    from, to;                    /* lists of char * */
    hse_status status;
} plan;

static void add(plan *p, const char *from, char *to)
{
    char *copy = hse_strdup(from);

    if (!copy || !to) {
        p->status = HSE_E_NOMEM;
        hse_free(copy);
        hse_free(to);
        return;
    }
    hse_buf_append(&p->from, &copy, sizeof copy);
    hse_buf_append(&p->to, &to, sizeof to);
    if (p->status == HSE_OK && p->from.status != HSE_OK)
        p->status = p->from.status;
    if (p->status == HSE_OK && p->to.status != HSE_OK)
        p->status = p->to.status;
}

/* DIR/STEM.FORMAT for a recording. */
static char *result_path(const char *dir, const char *from, const char *format)
{
    const char *base = strrchr(from, '/'), *dot;
    hse_buf path;

    base = strcmp(from, "-") == 0 ? "stdin" : base ? base + 1 : from;
    dot = strrchr(base, '.');
    hse_buf_init(&path, 1 << 16);
    hse_buf_printf(&path, "%s/%.*s.%s", dir, dot && dot != base ? (int)(dot - base) : (int)strlen(base), base, format);
    char *text = hse_buf_take(&path, NULL);
    hse_buf_free(&path);
    return text;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_recording(const char *name)
{
    static const char *const kinds[] = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".webm", ".m4a", ".aac", ".mp4"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < COUNT(kinds); i++)
        if (strcasecmp(dot, kinds[i]) == 0)
            return true;
    return false;
}

static hse_status add_folder(plan *p, const char *folder, const char *dir, const char *format, hse_error *err)
{
    DIR *d = opendir(folder);
    hse_buf names;

    if (!d)
        return hse_fail_sys(err, errno, "cannot read %s", folder);
    hse_buf_init(&names, MAX_FILES * sizeof(char *));
    for (struct dirent *e; (e = readdir(d));) {
        char path[4096];
        if (!is_recording(e->d_name) || snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
            continue;
        char *copy = hse_strdup(path);
        if (copy)
            hse_buf_append(&names, &copy, sizeof copy);
        if (!copy || names.status != HSE_OK)
            p->status = copy ? names.status : HSE_E_NOMEM;
    }
    closedir(d);
    char **list = (char **)(void *)names.data;
    size_t n = names.size / sizeof *list;
    if (n)
        qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < n; i++) {
        add(p, list[i], result_path(dir, list[i], format));
        hse_free(list[i]);
    }
    hse_buf_free(&names);
    return n ? HSE_OK : hse_fail(err, HSE_E_NOT_FOUND, 0, "%s holds no recordings", folder);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Which file goes where. One recording goes to the file that -o names, everything else into the folder. */
static hse_status make_plan(plan *p, const cli_args *a, hse_error *err)
{
    const char *to = cli_output(a), *format = cli_text(a, "format") ? cli_text(a, "format") : "wav";
    hse_status s = HSE_OK;

    if (a->n_operands == 1 && !is_folder(a->operands[0]) && (!to || !is_folder(to))) {
        char *copy = to ? hse_strdup(to) : hse_strdup("");
        add(p, a->operands[0], copy);
        return p->status == HSE_OK ? HSE_OK : hse_fail(err, p->status, 0, "no memory for the list of files");
    }
    if (!to)
        return hse_fail(err, HSE_E_ARG, 0, "several recordings need -o DIR");
    if (mkdir(to, 0777) != 0 && errno != EEXIST)
        return hse_fail_sys(err, errno, "cannot make the folder %s", to);
    for (int i = 0; i < a->n_operands && s == HSE_OK; i++)
        if (is_folder(a->operands[i]))
            s = add_folder(p, a->operands[i], to, format, err);
        else
            add(p, a->operands[i], result_path(to, a->operands[i], format));
    if (s == HSE_OK && p->status != HSE_OK)
        s = hse_fail(err, p->status, 0, "no memory for the list of files");
    char *const *from = (char *const *)(void *)p->from.data, *const *goes = (char *const *)(void *)p->to.data;
    for (size_t i = 0; s == HSE_OK && i < p->to.size / sizeof *goes; i++)
        for (size_t j = 0; j < i && s == HSE_OK; j++)
            if (strcmp(goes[i], goes[j]) == 0)
                s = hse_fail(err, HSE_E_ARG, 0, "%s and %s would write the same file", from[j], from[i]);
    return s;
}

static void free_plan(plan *p)
{
    for (size_t i = 0; i < p->from.size / sizeof(char *); i++)
        hse_free(((char **)(void *)p->from.data)[i]);
    for (size_t i = 0; i < p->to.size / sizeof(char *); i++)
        hse_free(((char **)(void *)p->to.data)[i]);
    hse_buf_free(&p->from);
    hse_buf_free(&p->to);
}

static int run_plan(work *w, const plan *p)
{
    char *const *from = (char *const *)(void *)p->from.data, *const *to = (char *const *)(void *)p->to.data;
    size_t n = p->from.size / sizeof *from;
    int status = CLI_OK;

    w->single = n == 1;
    cli_progress_start(&w->progress, w->restore ? "restoring" : "converting", w->single ? 0 : (double)n);
    for (size_t i = 0; i < n && !cli_cancelled(); i++) {
        if (!w->single)
            cli_progress_step(&w->progress, (double)i);
        int one_status = one(w, from[i], *to[i] ? to[i] : NULL);
        if (one_status != CLI_OK)
            status = one_status;
    }
    cli_progress_end(&w->progress);
    return status;
}

/* prepare: what the command needs beside the engine; NULL: nothing. */
static int run(work *w, hse_status (*prepare)(work *w, hse_error *err))
{
    plan p = {.status = HSE_OK};
    hse_error err = {0};
    int status = check_rate(w->args);

    if (status)
        return status;
    hse_buf_init(&p.from, MAX_FILES * sizeof(char *));
    hse_buf_init(&p.to, MAX_FILES * sizeof(char *));
    hse_status s = make_plan(&p, w->args, &err);
    if (s == HSE_OK)
        s = open_work(w, &err);
    bool usage = s == HSE_E_ARG;
    if (s == HSE_OK && prepare)
        s = prepare(w, &err);
    uint64_t began = hse_now_ns();
    status = s == HSE_OK ? run_plan(w, &p) : usage ? cli_usage(w->args->command, "%s", err.text) : cli_fail(&err);
    if (status == CLI_OK)
        cli_say_speed((double)(hse_now_ns() - began) * 1e-9, w->audio_s);
    free_plan(&p);
    close_work(w);
    return status;
}

/* Whose voice. */
static hse_status read_target(work *w, hse_error *err)
{
    const cli_args *a = w->args;
    hse_status s = HSE_OK;

    if (cli_text(a, "embedding"))
        s = cli_read_embedding(&w->embedding, cli_text(a, "embedding"), err);
    if (s == HSE_OK && cli_text(a, "to") && !w->remote)
        s = cli_read_audio(&w->target, cli_text(a, "to"), err);
    w->options.voice = cli_text(a, "voice");
    w->options.watermark = cli_text(a, "watermark");
    w->options.embedding = w->embedding.values;
    w->options.embedding_size = w->embedding.count;
    w->options.target = w->target.samples;
    w->options.target_count = w->target.count;
    w->options.target_rate_hz = w->target.rate_hz;
    return s;
}

static int run_convert(const cli_args *a)
{
    work w = {.args = a};

    if ((cli_text(a, "to") != NULL) + (cli_text(a, "voice") != NULL) + (cli_text(a, "embedding") != NULL) != 1)
        return cli_usage(a->command, "give the voice by one of --to, --voice, --embedding");
    return run(&w, read_target);
}

static int run_restore(const cli_args *a)
{
    work w = {.args = a, .restore = true};

    return run(&w, NULL);
}

const cli_command cli_convert = {
    .name = "convert", .operands = "FILE|DIR...", .summary = "The same words in another voice", .min_operands = 1, .max_operands = -1,
    .options = convert_options, .n_options = COUNT(convert_options), .settings = CLI_ENGINE_SETTINGS, .run = run_convert,
    .details = "A folder stands for the recordings in it (not for folders below it).\n\n"
               "Examples:\n  hse convert me.wav --to her.wav -o her-words.wav\n  hse convert me.wav --voice anna | aplay\n"
               "  hse convert takes/ --to her.wav -o hers/\n",
};

const cli_command cli_restore = {
    .name = "restore", .operands = "FILE|DIR...", .summary = "Make damaged speech whole: noise, clipping, missing highs", .min_operands = 1,
    .max_operands = -1, .options = restore_options, .n_options = COUNT(restore_options), .settings = CLI_ENGINE_SETTINGS, .run = run_restore,
    .details = "A folder stands for the recordings in it (not for folders below it).\n\n"
               "Examples:\n  hse restore old.mp3 -o clean.wav\n  hse restore tapes/ -o restored/ --format flac\n",
};
