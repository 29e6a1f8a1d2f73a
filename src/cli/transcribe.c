/* transcribe.c - hse transcribe: recordings, or what comes through a pipe, to text and subtitles. */
#include "cli/transcribe.h"

#include "cli/commands.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const cli_option options[] = {
    {"output", 'o', CLI_TEXT, "FILE|DIR", NULL, 0, 0, false, "a file, as talk.srt; else a folder of files named after the recordings (default: standard output)"},
    {"format", 0, CLI_TEXT, "F,...", "txt", 0, 0, false, "txt, srt, vtt, json, tsv, lrc; several need -o DIR"},
    {"language", 'l', CLI_TEXT, "L", NULL, 0, 0, false, "en, german, ...; auto or nothing: detected; en,de: detected among these"},
    {"task", 0, CLI_CHOICE, "transcribe|translate", "transcribe", 0, 0, false, "translate: to English"},
    {"words", 'w', CLI_FLAG, NULL, NULL, 0, 0, false, "times of every word; subtitles word by word"},
    {"vad", 0, CLI_FLAG, NULL, "on", 0, 0, false, "cut silence out first; --no-vad: hear all of it"},
    {"prompt", 0, CLI_TEXT, "TEXT", NULL, 0, 0, false, "text before the recording: its words and style are followed"},
    {"hotwords", 0, CLI_TEXT, "TEXT", NULL, 0, 0, false, "names and words to expect"},
    {"beam-size", 0, CLI_INT, "N", "5", 1, 16, false, "of beam search; 1: greedy"},
    {"temperature", 0, CLI_REAL, "T", NULL, 0, 1, false, "words are drawn at this temperature alone (default: 0, higher where a window fails)"},
    {"seed", 0, CLI_INT, "N", NULL, 0, 9e15, false, "of words that are drawn"},
    {"batched", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "chunks of speech side by side, without earlier text: faster for long recordings"},
    {"timestamps", 0, CLI_FLAG, NULL, "on", 0, 0, false, "--no-timestamps: one segment a window"},
    {"print-colors", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "words from red to green by how sure the model is"},
    {"jobs", 'j', CLI_INT, "N", "8", 1, CLI_MOST_AT_ONCE, false, "recordings under way at once; they share batches"},
    {"raw", 0, CLI_INT, "HZ", NULL, 1000, 384000, false, "standard input is 16-bit mono samples at this rate"},
    CLI_MODEL_OPTION,
    CLI_REMOTE_OPTIONS,
    CLI_CONFIG_OPTION,
};

/* ---- options ------------------------------------------------------------------------------------------------------- */

static int take_languages(cli_transcribe *t, const char *text)
{
    hse_transcribe_options *o = &t->options;
    size_t n = 0;

    if (!text || strcmp(text, "auto") == 0)
        return CLI_OK;
    if (!strchr(text, ',')) {
        o->language = text;
        return CLI_OK;
    }
    if (strlen(text) >= sizeof t->language_words)
        return cli_usage(t->args->command, "--language: the list has over %zu bytes", sizeof t->language_words - 1);
    snprintf(t->language_words, sizeof t->language_words, "%s", text);
    for (char *save = NULL, *word = strtok_r(t->language_words, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        if (n == COUNT(t->languages))
            return cli_usage(t->args->command, "--language: more than %zu languages", COUNT(t->languages));
        t->languages[n++] = word;
    }
    o->languages = t->languages;
    o->language_count = n;
    return n ? CLI_OK : cli_usage(t->args->command, "--language: the list is empty");
}

static int take_options(cli_transcribe *t)
{
    hse_transcribe_options *o = &t->options;
    const cli_args *a = t->args;

    hse_transcribe_options_init(o);
    o->model = cli_text(a, "model");
    o->task = strcmp(cli_text(a, "task"), "translate") == 0 ? HSE_TRANSLATE : HSE_TRANSCRIBE;
    o->word_timestamps = cli_flag(a, "words") || cli_flag(a, "print-colors");
    o->vad_filter = cli_flag(a, "vad");
    o->initial_prompt = cli_text(a, "prompt");
    o->hotwords = cli_text(a, "hotwords");
    o->beam_size = (int)cli_int(a, "beam-size");
    o->batched = cli_flag(a, "batched");
    o->without_timestamps = !cli_flag(a, "timestamps");
    o->cancel = cli_cancel_on_signal();
    if (cli_given(a, "temperature")) {
        o->temperatures[0] = cli_real(a, "temperature");
        o->temperature_count = 1;
    }
    if (cli_given(a, "seed")) {
        o->seed = (uint64_t)strtoull(cli_text(a, "seed"), NULL, 10);
        o->has_seed = 1;
    }
    t->style.words = cli_flag(a, "words");
    t->style.colors = cli_flag(a, "print-colors");
    int bad = cli_transcript_style_take(&t->style, a);
    if (bad)
        return bad;
    if (t->style.colors && t->style.output)
        return cli_usage(a->command, "--print-colors is for the terminal, -o for files");
    if (cli_given(a, "raw") && (a->n_operands != 1 || strcmp(a->operands[0], "-") != 0))
        return cli_usage(a->command, "--raw is about standard input: the operand must be -");
    return take_languages(t, cli_text(a, "language"));
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

/* Live audio has no route at a server yet, so a pipe is always heard here. */
static bool live_input(const cli_args *a)
{
    struct stat st;
    bool any = false;

    for (int i = 0; i < a->n_operands; i++)
        any = any || strcmp(a->operands[i], "-") == 0;
    return any && (cli_given(a, "raw") || fstat(STDIN_FILENO, &st) != 0 || !S_ISREG(st.st_mode));
}

static int run(const cli_args *a)
{
    cli_transcribe t = {.args = a};
    hse_engine *engine = NULL;
    cli_remote remote;
    hse_error err = {0};
    bool found = false;
    int status = take_options(&t);

    if (status)
        return status;
    if (cli_transcript_names(&t.style, a->operands, a->n_operands, &err) != HSE_OK)
        return cli_usage(a->command, "%s", err.text);
    if (live_input(a) && cli_text(a, "server"))
        return cli_usage(a->command, "a pipe is heard in this process: --server does not go with -");
    hse_status s = live_input(a) ? HSE_OK : cli_remote_find(&remote, &found, a, false, &err);
    if (s == HSE_E_ARG)
        return cli_usage(a->command, "%s", err.text);
    if (s == HSE_OK && t.style.output && !t.style.one_file && mkdir(t.style.output, 0777) != 0 && errno != EEXIST)
        s = hse_fail_sys(&err, errno, "cannot make the folder %s", t.style.output);
    if (s == HSE_OK && !found && (s = cli_engine_open(&engine, a, &err)) == HSE_E_ARG)
        return cli_config_fail(a, &err);
    if (s != HSE_OK)
        return cli_fail(&err);
    uint64_t began = hse_now_ns();
    status = cli_transcribe_files(&t, engine, found ? &remote : NULL, live_input(a) ? 1 : (int)cli_int(a, "jobs"));
    cli_say_speed((double)(hse_now_ns() - began) * 1e-9, t.done_s);
    cli_engine_close(&engine);
    return status;
}

const cli_command cli_transcribe_command = {
    .name = "transcribe", .operands = "FILE...|-", .summary = "Turn recordings into text or subtitles", .min_operands = 1, .max_operands = -1,
    .options = options, .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "Text goes to standard output as it is known, or with -o into files. - is standard input: what comes\n"
               "through a pipe is heard while it comes, be it raw samples, wav, flac, mp3, ogg, webm or aac; an mp4 when it ends.\n\n"
               "Examples:\n  hse transcribe talk.mp3\n  hse transcribe talk.mp3 -o talk.srt\n  hse transcribe -l de --words -o subtitles --format srt,vtt,json *.m4a\n"
               "  arecord -t raw -f S16_LE -r 16000 | hse transcribe - --raw 16000\n"
               "  cat talk.mp3 | hse transcribe -\n"
               "  hse transcribe --task translate interview.opus\n",
};
