/* speak.c - hse speak: a text to a file, a pipe or the loudspeaker. */
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/play.h"

#include "audio/encode.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TEXT = 16 << 20 };

static const cli_option options[] = {
    {"file", 'f', CLI_TEXT, "FILE", NULL, 0, 0, false, "speak the text in this file"},
    {"output", 'o', CLI_TEXT, "FILE", NULL, 0, 0, false, ".wav, .mp3, .flac, .opus (.ogg), .aac or .pcm"},
    {"format", 0, CLI_CHOICE, "wav|mp3|flac|opus|aac|pcm", NULL, 0, 0, false, "instead of what the file's name says"},
    {"raw", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "16-bit samples without a header to standard output"},
    {"voice", 'v', CLI_TEXT, "NAME", NULL, 0, 0, false, "a voice of the model (hse models lists them)"},
    {"clone", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "speak like this recording"},
    {"embedding", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "speak with this embedding (from hse embed)"},
    {"language", 'l', CLI_TEXT, "L", NULL, 0, 0, false, "en, ... (default: the model's)"},
    {"speed", 0, CLI_REAL, "X", "1", 0.1, 10, false, "2 = twice as fast"},
    {"pitch", 0, CLI_REAL, "X", "1", 0.1, 10, false, "factor"},
    {"energy", 0, CLI_REAL, "X", "1", 0.1, 10, false, "factor"},
    {"seed", 0, CLI_INT, "N", "0", 0, 9e15, false, "of random draws; the models that are built in draw none"},
    {"rate", 0, CLI_INT, "HZ", "0", 0, 192000, false, "sample rate of the output; 0 = the model's"},
    {"normalize", 0, CLI_CHOICE, "on|reference|off", "on", 0, 0, false, "numbers, dates, money to words; reference: as the original does"},
    {"loudness", 0, CLI_CHOICE, "auto|peak|none", "auto", 0, 0, false, "gain and limiter, scaled to a peak of 0.97, or as it is"},
    CLI_MODEL_OPTION,
    CLI_CONFIG_OPTION,
};

typedef struct {
    const cli_args *args;
    hse_audio_format format;
    bool            whole;          /* to a file: its header gets the length, so nothing is written before the end */
    int             fd, player;     /* where bytes go while it speaks; player: its pid, or 0 */
    hse_encoder    *encoder;
    hse_buf         out;
    double          audio_s;
    cli_progress    progress;
    hse_error       err;
    hse_status      status;
} sink;

static hse_status write_out(sink *s)
{
    size_t at = 0;

    while (at < s->out.size) {
        ssize_t n = write(s->fd, s->out.data + at, s->out.size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hse_fail_sys(&s->err, errno, s->player ? "the player" : "standard output");
        at += (size_t)n;
    }
    hse_buf_clear(&s->out);
    return HSE_OK;
}

static int take(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    sink *s = user;

    if (!s->encoder) {
        s->status = HSE_OK;
        if (s->fd < 0 && !s->whole)
            s->status = cli_play_open(&s->fd, &s->player, (int)rate_hz, &s->err);
        if (s->status == HSE_OK)
            s->status = hse_encoder_open(&s->encoder, s->format, (int)rate_hz, !s->whole, &s->err);
    }
    if (s->status == HSE_OK)
        s->status = hse_encoder_push(s->encoder, samples, count, &s->out, &s->err);
    if (s->status == HSE_OK && !s->whole)
        s->status = write_out(s);
    s->audio_s += (double)count / rate_hz;
    cli_progress_step(&s->progress, s->audio_s);
    return s->status != HSE_OK;
}

static hse_status finish(sink *s, const char *path)
{
    hse_status status = hse_encoder_finish(s->encoder, &s->out, &s->err);

    if (status == HSE_OK)
        status = hse_buf_status(&s->out, "the audio", &s->err);
    if (status == HSE_OK && s->whole && path)
        status = hse_file_write(path, hse_buf_text(&s->out), s->out.size, &s->err);
    else if (status == HSE_OK)
        status = write_out(s);
    if (status == HSE_OK && s->player)
        status = cli_play_close(s->fd, s->player, &s->err);
    return status;
}

/* The text: the words on the command line, a file, or standard input. */
static hse_status read_text(const cli_args *a, char **text, hse_error *err)
{
    const char *file = cli_text(a, "file");
    hse_buf joined;
    size_t size = 0;

    if (file || (a->n_operands == 1 && strcmp(a->operands[0], "-") == 0)) {
        hse_status s = hse_file_read(text, &size, file ? file : "-", MAX_TEXT, err);
        if (s == HSE_OK && strlen(*text) != size) {
            s = hse_fail(err, HSE_E_FORMAT, strlen(*text), "the text holds a NUL character at byte %zu", strlen(*text));
            hse_free(*text);
            *text = NULL;                               /* the caller frees what is there, error or not */
        }
        return s;
    }
    hse_buf_init(&joined, MAX_TEXT);
    for (int i = 0; i < a->n_operands; i++) {
        hse_buf_str(&joined, i ? " " : "");
        hse_buf_str(&joined, a->operands[i]);
    }
    hse_status s = hse_buf_status(&joined, "the text", err);
    if (s == HSE_OK && !(*text = hse_buf_take(&joined, NULL)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for the text");
    hse_buf_free(&joined);
    return s;
}

/* The format by --format, --raw, or the file's name. */
static int choose_format(const cli_args *a, sink *s)
{
    const char *path = cli_text(a, "output"), *name = cli_text(a, "format");
    const char *dot = path ? strrchr(path, '.') : NULL;

    if (cli_flag(a, "raw") && (name || path))
        return cli_usage(a->command, "--raw writes to standard output and has its own format");
    if (cli_flag(a, "raw"))
        name = "pcm";
    else if (!name && path && (!dot || strchr(dot, '/')))
        return cli_usage(a->command, "-o %s: the name does not say which format; add .wav or give --format", path);
    else if (!name)
        name = path ? dot + 1 : "wav";
    if (hse_audio_format_parse(name, &s->format) != HSE_OK)
        return cli_usage(a->command, "\"%s\" is no audio format; it must be wav, mp3, flac, opus, aac or pcm", name);
    s->whole = path != NULL;
    s->fd = -1;
    if (!path && (cli_flag(a, "raw") || !isatty(STDOUT_FILENO))) {
        s->fd = STDOUT_FILENO;
        s->whole = s->format != HSE_FORMAT_PCM;         /* into a pipe: whole, so that a wav header has its true length */
    } else if (!path) {
        s->format = HSE_FORMAT_PCM;                     /* the player */
    }
    return CLI_OK;
}

static hse_status speak(sink *s, const cli_args *a, const char *text)
{
    static const char *const modes[] = {"on", "reference", "off"}, *const loudness[] = {"auto", "peak", "none"};
    hse_engine *engine = NULL;
    hse_speak_options o;
    hse_embedding embedding = {0};
    hse_pcm clone = {0};
    hse_status status = cli_engine_open(&engine, a, &s->err);

    hse_speak_options_init(&o);
    o.model = cli_text(a, "model");
    o.language = cli_text(a, "language");
    o.voice = cli_text(a, "voice");
    o.speed = (float)cli_real(a, "speed");
    o.pitch = (float)cli_real(a, "pitch");
    o.energy = (float)cli_real(a, "energy");
    o.rate_hz = (unsigned)cli_int(a, "rate");
    o.cancel = cli_cancel_on_signal();
    for (int i = 0; i < 3; i++) {
        if (strcmp(cli_text(a, "normalize"), modes[i]) == 0)
            o.text_mode = (hse_text_mode)i;
        if (strcmp(cli_text(a, "loudness"), loudness[i]) == 0)
            o.loudness = (hse_loudness)i;
    }
    if (status == HSE_OK && cli_text(a, "clone")) {
        status = cli_read_audio(&clone, cli_text(a, "clone"), &s->err);
        o.reference = clone.samples;
        o.reference_count = clone.count;
        o.reference_rate_hz = clone.rate_hz;
    }
    if (status == HSE_OK && cli_text(a, "embedding")) {
        status = cli_read_embedding(&embedding, cli_text(a, "embedding"), &s->err);
        o.embedding = embedding.values;
        o.embedding_size = embedding.count;
    }
    if (status == HSE_OK && o.loudness == HSE_LOUDNESS_PEAK) {      /* the peak is known at the end only */
        hse_pcm all = {0};
        status = hse_speak(engine, text, &o, &all, &s->err);
        if (status == HSE_OK && take(s, all.samples, all.count, all.rate_hz))
            status = s->status;
        hse_pcm_free(&all);
    } else if (status == HSE_OK) {
        hse_error err = {0};
        status = hse_speak_stream(engine, text, &o, take, s, &err);
        if (status != HSE_OK && s->status == HSE_OK)
            s->err = err;
        else if (status != HSE_OK)
            status = s->status;
    }
    hse_embedding_free(&embedding);
    hse_pcm_free(&clone);
    cli_engine_close(&engine);
    return status;
}

static int run(const cli_args *a)
{
    sink s = {.args = a};
    char *text = NULL;
    bool file = cli_text(a, "file") != NULL;
    int bad = choose_format(a, &s);

    if (bad)
        return bad;
    if (file == (a->n_operands > 0))
        return cli_usage(a->command, file ? "give TEXT or --file, not both" : "TEXT is missing");
    if ((cli_text(a, "voice") != NULL) + (cli_text(a, "clone") != NULL) + (cli_text(a, "embedding") != NULL) > 1)
        return cli_usage(a->command, "--voice, --clone and --embedding exclude each other");
    if (cli_int(a, "rate") != 0 && cli_int(a, "rate") < 8000)
        return cli_usage(a->command, "--rate: %ld is below 8000", cli_int(a, "rate"));
    if (cli_given(a, "seed"))
        fputs("hse: note: the models that are built in draw nothing at random, so --seed changes nothing\n", stderr);

    hse_buf_init(&s.out, (size_t)2 << 30);
    uint64_t began = hse_now_ns();
    hse_status status = read_text(a, &text, &s.err);
    cli_progress_start(&s.progress, "speaking", 0);
    if (status == HSE_OK)
        status = speak(&s, a, text);
    cli_progress_end(&s.progress);
    double compute_s = (double)(hse_now_ns() - began) * 1e-9;
    if (status == HSE_OK)
        status = finish(&s, cli_text(a, "output"));
    if (status == HSE_OK)
        cli_say_speed(compute_s, s.audio_s);
    hse_encoder_close(&s.encoder);
    hse_buf_free(&s.out);
    hse_free(text);
    return status == HSE_OK ? CLI_OK : cli_fail(&s.err);
}

const cli_command cli_speak = {
    .name = "speak", .operands = "TEXT|-", .summary = "Speak a text", .max_operands = -1, .options = options,
    .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "Without -o: to a pipe as wav; on a terminal through pw-play, paplay or aplay.\n\n"
               "Examples:\n  hse speak \"Hello there.\" -o hello.wav\n  hse speak -f chapter.txt -o chapter.mp3 --speed 1.1\n"
               "  hse speak \"In your voice.\" --clone you.wav -o clone.wav\n  echo \"From a pipe.\" | hse speak - | aplay\n"
               "  hse speak \"Raw samples.\" --raw | aplay -f S16_LE -r 16000\n",
};
