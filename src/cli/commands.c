#include "cli/commands.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

const cli_command *const cli_commands[] = {
    &cli_speak, &cli_transcribe_command, &cli_convert, &cli_restore, &cli_embed, &cli_vad, &cli_watermark, &cli_text_command, &cli_voices, &cli_serve,
    &cli_models, &cli_languages, &cli_ps, &cli_load, &cli_stop, &cli_reload, &cli_config_command, &cli_check, &cli_golden, &cli_bench, &cli_version,
    &cli_completion_command, &cli_man_command, NULL,
};

const cli_command *cli_command_find(const char *name)
{
    for (const cli_command *const *c = cli_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static void overview(FILE *to)
{
    fputs("hse - speak, transcribe, clone voices, restore, find speech; a server for all of it\n\nUsage: hse COMMAND [options] [operands]\n\nCommands:\n", to);
    for (const cli_command *const *c = cli_commands; *c; c++)
        if (!(*c)->hidden)
            fprintf(to, "  %-12s%s\n", (*c)->name, (*c)->summary);
    fputs("\nFirst steps:\n"
          "  hse speak \"Hello there.\" -o hello.wav\n"
          "  hse transcribe talk.mp3\n"
          "  hse serve\n"
          "  hse COMMAND --help\n", to);
}

static int list_completion(const cli_args *a)
{
    (void)a;
    cli_completion(stdout, cli_commands);
    return CLI_OK;
}

static int print_man(const cli_args *a)
{
    (void)a;
    cli_man(stdout, cli_commands);
    return CLI_OK;
}

const cli_command cli_completion_command = {
    .name = "completion", .operands = "", .summary = "Print a bash completion script", .run = list_completion,
    .details = "Examples:\n  source <(hse completion)\n",
};
const cli_command cli_man_command = {
    .name = "man", .operands = "", .summary = "Print the manual page (roff)", .run = print_man, .hidden = true,
};

static int unknown_command(const char *name)
{
    fprintf(stderr, "hse: unknown command \"%s\"; see hse --help\n", name);
    return CLI_USAGE;
}

static int dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;

    if (!name) {
        overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        const cli_command *of = argc > 2 ? cli_command_find(argv[2]) : NULL;
        if (of)
            cli_help(stdout, of);
        else if (argc > 2)
            return unknown_command(argv[2]);
        else
            overview(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const cli_command *c = cli_command_find(name);
    if (!c)
        return unknown_command(name);
    return cli_run(c, argc - 1, argv + 1);
}

/* As in `hse man | head -1`: nobody wants to hear that. */
static bool reader_left(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int cli_main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);               /* a reader that goes away is an error of the write, not our end */
    int status = dispatch(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_OK)
        return reader_left() ? CLI_FAILED : cli_fail_text("standard output cannot be written");
    return status;
}
