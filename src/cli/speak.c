/* speak.c - hse speak: a text to a file, a pipe or the loudspeaker. */
#include "cli/audio_out.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/common.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <string.h>

enum {
    MAX_TEXT = 16 << 20,
    WHOLE_TEXT = 1000,          /* a wav of up to this many bytes of text goes into a pipe with its true length, as from the server */
};

static const cli_option options[] = {
    {"file", 'f', CLI_TEXT, "FILE", NULL, 0, 0, false, "speak the text in this file"},
    {"output", 'o', CLI_TEXT, "FILE", NULL, 0, 0, false, ".wav, .mp3, .flac, .opus (.ogg), .aac or .pcm; - is standard output"},
    {"format", 0, CLI_CHOICE, "wav|mp3|flac|opus|aac|pcm", NULL, 0, 0, false, "instead of what the file's name says"},
    {"raw", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "16-bit samples without a header to standard output"},
    {"voice", 'v', CLI_TEXT, "NAME", NULL, 0, 0, false, "a voice of the model (hse models lists them) or a stored one (hse voices)"},
    {"clone", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "speak like this recording"},
    {"embedding", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "speak with this embedding (from hse embed)"},
    {"style", 0, CLI_TEXT, "NAME", NULL, 0, 0, false, "how the voice speaks, of models that have styles (OpenVoice V1: cheerful, sad, ...)"},
    {"language", 'l', CLI_TEXT, "L", NULL, 0, 0, false, "en, ... (default: the model's)"},
    {"speed", 0, CLI_REAL, "X", "1", 0.1, 10, false, "2 = twice as fast"},
    {"pitch", 0, CLI_REAL, "X", "1", 0.1, 10, false, "factor"},
    {"energy", 0, CLI_REAL, "X", "1", 0.1, 10, false, "factor"},
    {"seed", 0, CLI_INT, "N", NULL, 0, 9e15, false, "of random draws, for models that draw (default: another each time)"},
    {"rate", 0, CLI_INT, "HZ", "0", 0, 192000, false, "sample rate of the output; 0 = the model's"},
    {"normalize", 0, CLI_CHOICE, "on|reference|off", "on", 0, 0, false, "numbers, dates, money to words; reference: as the original does"},
    {"ssml", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "the text is SSML (a text that begins with <speak is, anyway)"},
    {"plain", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "the text is no SSML and has no [[word /phones/]]"},
    {"lexicon", 0, CLI_TEXT, "FILE", NULL, 0, 0, false, "how words are said: lines of word = text or word = /phones/, or W3C PLS"},
    {"watermark", 0, CLI_TEXT, "MESSAGE", NULL, 0, 0, false, "1 to 8 letters, digits or - hidden in the speech (hse watermark finds them)"},
    {"loudness", 0, CLI_CHOICE, "auto|peak|none", "auto", 0, 0, false, "gain and limiter, scaled to a peak of 0.97, or as it is"},
    CLI_MODEL_OPTION,
    CLI_REMOTE_OPTIONS,
    CLI_CONFIG_OPTION,
};

typedef struct {
    cli_audio_out out;
    cli_progress  progress;
    hse_error     err;
    hse_status    status;
} sink;

static int take(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    sink *s = user;

    s->status = cli_audio_out_push(&s->out, samples, count, rate_hz, &s->err);
    cli_progress_step(&s->progress, s->out.seconds);
    return s->status != HSE_OK;
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

/* --lexicon's text; NULL: none. */
static hse_status read_lexicon(const cli_args *a, char **text, hse_error *err)
{
    size_t size = 0;
    hse_status s = cli_text(a, "lexicon") ? hse_file_read(text, &size, cli_text(a, "lexicon"), MAX_TEXT, err) : HSE_OK;

    if (s == HSE_OK && *text && strlen(*text) != size) {
        s = hse_fail(err, HSE_E_FORMAT, strlen(*text), "%s: a NUL character at byte %zu", cli_text(a, "lexicon"), strlen(*text));
        hse_free(*text);
        *text = NULL;
    }
    return s;
}

static hse_status speak(sink *s, const cli_args *a, const char *text)
{
    static const char *const modes[] = {"on", "reference", "off"}, *const loudness[] = {"auto", "peak", "none"};
    hse_engine *engine = NULL;
    hse_speak_options o;
    hse_embedding embedding = {0};
    hse_pcm clone = {0};
    char *lexicon = NULL;
    hse_status status = read_lexicon(a, &lexicon, &s->err);

    if (status == HSE_OK)
        status = cli_engine_open(&engine, a, &s->err);

    hse_speak_options_init(&o);
    o.model = cli_text(a, "model");
    o.language = cli_text(a, "language");
    o.voice = cli_text(a, "voice");
    o.style = cli_text(a, "style");
    o.speed = (float)cli_real(a, "speed");
    o.pitch = (float)cli_real(a, "pitch");
    o.energy = (float)cli_real(a, "energy");
    o.rate_hz = (unsigned)cli_int(a, "rate");
    o.has_seed = cli_given(a, "seed");
    o.seed = o.has_seed ? (uint64_t)cli_int(a, "seed") : 0;
    o.cancel = cli_cancel_on_signal();
    o.input_type = cli_flag(a, "ssml") ? HSE_INPUT_SSML : cli_flag(a, "plain") ? HSE_INPUT_TEXT : HSE_INPUT_AUTO;
    o.lexicon = lexicon;
    o.watermark = cli_text(a, "watermark");
    for (int i = 0; i < 3; i++) {
        if (strcmp(cli_text(a, "normalize"), modes[i]) == 0)
            o.text_mode = (hse_text_mode)i;
        if (strcmp(cli_text(a, "loudness"), loudness[i]) == 0)
            o.loudness = (hse_loudness)i;
    }
    if (status == HSE_OK && cli_text(a, "clone"))
        status = cli_read_audio(&clone, cli_text(a, "clone"), &s->err);
    if (status == HSE_OK && clone.count) {
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
    hse_free(lexicon);
    cli_engine_close(&engine);
    return status;
}

/* ---- by a server --------------------------------------------------------------------------------------------------- */

static hse_status put_embedding(hse_buf *body, const char *path, hse_error *err)
{
    hse_embedding e = {0};
    hse_status s = cli_read_embedding(&e, path, err);

    if (s == HSE_OK) {
        hse_buf_str(body, ",\"input_embedding\":\"");
        hse_buf_base64(body, e.values, e.count * sizeof *e.values);
        hse_buf_byte(body, '"');
    }
    hse_embedding_free(&e);
    return s;
}

static hse_status put_body(hse_buf *body, const cli_args *a, const char *text, hse_error *err)
{
    bool peak = strcmp(cli_text(a, "loudness"), "peak") == 0;
    char *lexicon = NULL;
    hse_status s = read_lexicon(a, &lexicon, err);

    hse_buf_str(body, "{\"input\":");
    hse_buf_json(body, text, strlen(text));
    cli_json_text(body, "model", cli_text(a, "model"));
    cli_json_text(body, "voice", cli_text(a, "voice"));
    cli_json_text(body, "language", cli_text(a, "language"));
    cli_json_text(body, "text_normalization", cli_text(a, "normalize"));
    cli_json_text(body, "normalize", cli_text(a, "loudness"));
    cli_json_text(body, "input_type", cli_flag(a, "ssml") ? "ssml" : cli_flag(a, "plain") ? "text" : NULL);
    cli_json_text(body, "lexicon", lexicon);
    cli_json_text(body, "watermark", cli_text(a, "watermark"));
    hse_free(lexicon);
    hse_buf_printf(body, ",\"generation_options\":{\"speed\":%.9g,\"pitch\":%.9g,\"energy\":%.9g", cli_real(a, "speed"), cli_real(a, "pitch"),
                   cli_real(a, "energy"));
    if (cli_given(a, "seed"))
        hse_buf_printf(body, ",\"seed\":%s", cli_text(a, "seed"));
    cli_json_text(body, "style", cli_text(a, "style"));
    hse_buf_printf(body, "},\"output_options\":{\"format\":\"wav\",\"stream\":%s", peak ? "false" : "true");
    if (cli_int(a, "rate"))
        hse_buf_printf(body, ",\"sample_rate\":%ld", cli_int(a, "rate"));
    hse_buf_byte(body, '}');
    if (s == HSE_OK && cli_text(a, "clone"))
        s = cli_json_file(body, "input_audio", cli_text(a, "clone"), err);
    if (s == HSE_OK && cli_text(a, "embedding"))
        s = put_embedding(body, cli_text(a, "embedding"), err);
    hse_buf_byte(body, '}');
    return s == HSE_OK ? hse_buf_status(body, "the request", err) : s;
}

/* The server sends 16-bit samples, so a wav file has the bytes that this process would have written. */
static hse_status speak_remote(sink *s, const cli_remote *remote, const cli_args *a, const char *text)
{
    hse_buf body;

    hse_buf_init(&body, (size_t)512 << 20);
    hse_status status = put_body(&body, a, text, &s->err);
    if (status == HSE_OK) {
        hse_error err = {0};
        status = cli_wav_call(remote, "/v1/audio/speech", &body, take, s, &err);
        if (status != HSE_OK && s->status == HSE_OK)
            s->err = err;
        else if (status != HSE_OK)
            status = s->status;                         /* take's own words */
    }
    hse_buf_free(&body);
    return status;
}

static int check_words(const cli_args *a)
{
    bool file = cli_text(a, "file") != NULL;

    if (file == (a->n_operands > 0))
        return cli_usage(a->command, file ? "give TEXT or --file, not both" : "TEXT is missing");
    if ((cli_text(a, "voice") != NULL) + (cli_text(a, "clone") != NULL) + (cli_text(a, "embedding") != NULL) > 1)
        return cli_usage(a->command, "--voice, --clone and --embedding exclude each other");
    if (cli_flag(a, "ssml") && cli_flag(a, "plain"))
        return cli_usage(a->command, "--ssml and --plain exclude each other");
    if (cli_int(a, "rate") != 0 && cli_int(a, "rate") < 8000)
        return cli_usage(a->command, "--rate: %ld is below 8000", cli_int(a, "rate"));
    return CLI_OK;
}

static int run(const cli_args *a)
{
    sink s = {.status = HSE_OK};
    cli_remote remote;
    char *text = NULL;
    bool found = false;
    int bad = cli_audio_out_init(&s.out, a, cli_output(a), cli_text(a, "format"), cli_flag(a, "raw"));

    if (bad || (bad = check_words(a)))
        return bad;
    hse_status status = read_text(a, &text, &s.err);
    if (status == HSE_OK && (status = cli_remote_find(&remote, &found, a, false, &s.err)) == HSE_E_ARG) {
        hse_free(text);
        return cli_usage(a->command, "%s", s.err.text);
    }
    s.out.whole = status == HSE_OK && strlen(text) <= WHOLE_TEXT;
    uint64_t began = hse_now_ns();
    cli_progress_start(&s.progress, "speaking", 0);
    if (status == HSE_OK)
        status = found ? speak_remote(&s, &remote, a, text) : speak(&s, a, text);
    cli_progress_end(&s.progress);
    double compute_s = (double)(hse_now_ns() - began) * 1e-9;
    if (status == HSE_OK)
        status = cli_audio_out_finish(&s.out, &s.err);
    if (status == HSE_OK)
        cli_say_speed(compute_s, s.out.seconds);
    cli_audio_out_close(&s.out);
    hse_free(text);
    cli_name_file(&s.err, "input_audio", cli_text(a, "clone"));
    cli_name_file(&s.err, "input_embedding", cli_text(a, "embedding"));
    cli_name_file(&s.err, "lexicon", cli_text(a, "lexicon"));
    return status == HSE_OK ? CLI_OK : cli_fail(&s.err);
}

const cli_command cli_speak = {
    .name = "speak", .operands = "TEXT|-", .summary = "Speak a text", .max_operands = -1, .options = options,
    .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "Without -o: to a pipe as wav (of a long text with the largest length in its header, so that it can be heard at once);\n"
               "on a terminal through pw-play, paplay or aplay. A running server does the work where there is one.\n\n"
               "Examples:\n  hse speak \"Hello there.\" -o hello.wav\n  hse speak -f chapter.txt -o chapter.mp3 --speed 1.1\n"
               "  hse speak \"In your voice.\" --clone you.wav -o clone.wav\n  echo \"From a pipe.\" | hse speak - | aplay\n"
               "  hse speak \"Raw samples.\" --raw | aplay -f S16_LE -r 16000\n",
};
