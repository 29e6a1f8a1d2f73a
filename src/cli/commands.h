/* commands.h - the commands of the program: one file each, one line in commands.c. */
#ifndef HSE_CLI_COMMANDS_H
#define HSE_CLI_COMMANDS_H

#include "cli/options.h"

extern const cli_command cli_speak, cli_transcribe_command, cli_convert, cli_restore, cli_embed, cli_vad, cli_watermark, cli_text_command, cli_voices, cli_serve,
    cli_models, cli_languages, cli_ps, cli_load, cli_stop, cli_reload, cli_config_command, cli_check, cli_golden, cli_bench, cli_version,
    cli_completion_command, cli_man_command;

extern const cli_command *const cli_commands[];             /* NULL-terminated, in the order of the help */
const cli_command *cli_command_find(const char *name);

/* main() of the program. */
int cli_main(int argc, char **argv);

#endif
