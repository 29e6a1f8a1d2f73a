/* options.h - a command is a table of options; parsing, environment variables, help, shell completion and the man page all
 * come from it. getopt_long does the parsing.
 *
 * The settings of config/settings.h are options too, of the commands that say so; their values come out of cli_config_open,
 * which knows the order: command line, environment variable, config, default. Every other option with `env` set can be given
 * as HSE_<NAME>. A wrong word is exit status 2 with one line that names it. */
#ifndef HSE_CLI_OPTIONS_H
#define HSE_CLI_OPTIONS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_REAL, CLI_CHOICE } cli_kind;

typedef struct {
    const char *name;               /* "output": --output; CLI_FLAG also gives --no-output */
    char        letter;             /* 'o', or 0 */
    cli_kind    kind;
    const char *value;              /* what stands for the value in help: "FILE"; CLI_CHOICE: "on|off|auto" */
    const char *fallback;           /* default as text, or NULL: not given */
    double      min, max;           /* CLI_INT, CLI_REAL */
    bool        env;                /* HSE_<NAME> sets it too */
    const char *help;
} cli_option;

typedef enum { CLI_NO_SETTINGS, CLI_ENGINE_SETTINGS, CLI_ALL_SETTINGS } cli_settings;      /* ALL: the server's too */

typedef struct cli_args cli_args;

typedef struct {
    const char       *name;
    const char       *operands;     /* "TEXT|-" */
    const char       *summary;      /* one line */
    const char       *details;      /* paragraphs and examples under the options; may be NULL */
    const cli_option *options;
    size_t            n_options;
    int               min_operands, max_operands;       /* max < 0: any number */
    int             (*run)(const cli_args *args);
    bool              hidden;
    cli_settings      settings;     /* follow its own options */
} cli_command;

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_MAX_OPTIONS = 96 };

struct cli_args {
    const cli_command *command;
    const char        *value[CLI_MAX_OPTIONS];          /* NULL: not given and no default */
    bool               given[CLI_MAX_OPTIONS];          /* on the command line or in the environment */
    int                n_operands;
    char             **operands;
};

/* Option number i of a command: its own, then the settings; NULL at the end. */
const cli_option *cli_option_at(const cli_command *c, size_t i);
/* The key of an option that is a setting ("keep_alive"), its variable and default; NULL for others. */
const struct hse_setting *cli_option_setting(const cli_option *o);

/* Options every command has, appended to its own: --help, --log-level, --log-format. Runs the command and returns its status. */
int cli_run(const cli_command *command, int argc, char **argv);

/* Values by name; the name must be in the command's table. */
const char *cli_text(const cli_args *a, const char *name);                  /* NULL when not given */
/* What -o names; NULL: standard output, because it was not given or is "-". */
const char *cli_output(const cli_args *a);
bool        cli_flag(const cli_args *a, const char *name);
long        cli_int(const cli_args *a, const char *name);                   /* the default must exist or cli_given be true */
double      cli_real(const cli_args *a, const char *name);
bool        cli_given(const cli_args *a, const char *name);

void cli_help(FILE *to, const cli_command *command);
void cli_man(FILE *to, const cli_command *const *commands);
void cli_completion(FILE *to, const cli_command *const *commands);

/* "hse: text" on standard error; gives back CLI_FAILED, so that a command can return it. */
int cli_fail(const hse_error *err);
int cli_fail_text(const char *fmt, ...) HSE_PRINTF(1, 2);
int cli_usage(const cli_command *command, const char *fmt, ...) HSE_PRINTF(2, 3);

#endif
