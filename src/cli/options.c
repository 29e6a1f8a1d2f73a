#include "cli/options.h"

#include "base/log.h"
#include "config/settings.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A command's one line of failure says what its user needs; the log would say it twice. */
static const cli_option common[] = {
    {"log-level", 0, CLI_TEXT, "LEVELS", "off", 0, 0, true, "off, error, warn, info, debug or component=level, separated by commas"},
    {"log-format", 0, CLI_CHOICE, "auto|json|text", "auto", 0, 0, true, "lines on standard error: text on a terminal, else JSON"},
    {"help", 'h', CLI_FLAG, NULL, NULL, 0, 0, false, "show this help"},
};

/* ---- settings as options ------------------------------------------------------------------------------------------- */

static cli_option setting_options[HSE_MAX_SETTINGS];

/* "hse help", the man page and the completion ask for many commands, so all are made once. */
static void make_setting_options(void)
{
    static const cli_kind kinds[] = {[HSE_SET_CHOICE] = CLI_CHOICE, [HSE_SET_DTYPE] = CLI_CHOICE, [HSE_SET_INTEGER] = CLI_INT,
                                     [HSE_SET_NUMBER] = CLI_REAL, [HSE_SET_BOOLEAN] = CLI_FLAG, [HSE_SET_MODELS] = CLI_TEXT};

    if (setting_options[0].name)
        return;
    for (size_t i = 0; hse_settings[i].key; i++) {
        const hse_setting *s = &hse_settings[i];
        cli_kind kind = kinds[s->type] == CLI_FLAG && s->type != HSE_SET_BOOLEAN ? CLI_TEXT : kinds[s->type];

        setting_options[i] = (cli_option){s->flag ? s->flag : "", strcmp(s->key, "port") == 0 ? 'p' : 0, kind, s->words, NULL, s->min, s->max,
                                          false, s->help};
    }
}

const hse_setting *cli_option_setting(const cli_option *o)
{
    return o >= setting_options && o < setting_options + HSE_MAX_SETTINGS ? &hse_settings[o - setting_options] : NULL;
}

const cli_option *cli_option_at(const cli_command *c, size_t i)
{
    if (i < c->n_options)
        return &c->options[i];
    i -= c->n_options;
    make_setting_options();
    for (size_t j = 0; c->settings && hse_settings[j].key; j++)
        if (hse_settings[j].flag && (c->settings == CLI_ALL_SETTINGS || !hse_settings[j].server) && i-- == 0)
            return &setting_options[j];
    return NULL;
}

/* A command's own options and settings come first, so their --log-level replaces the common one. */
static const cli_option *option_at(const cli_command *c, size_t i)
{
    static const cli_command *counted;
    static size_t count;
    const cli_option *o = cli_option_at(c, i);

    if (o)
        return o;
    if (counted != c) {
        for (count = c->n_options; cli_option_at(c, count);)
            count++;
        counted = c;
    }
    return i - count < COUNT(common) ? &common[i - count] : NULL;
}

static size_t option_index(const cli_command *c, const char *name)
{
    for (size_t i = 0; option_at(c, i); i++)
        if (strcmp(option_at(c, i)->name, name) == 0)
            return i;
    abort();                                /* a command asked for an option that its own table lacks */
}

int cli_fail(const hse_error *err)
{
    fprintf(stderr, "hse: %s\n", err->text[0] ? err->text : hse_status_name(err->status));
    return CLI_FAILED;
}

int cli_fail_text(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("hse: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_FAILED;
}

int cli_usage(const cli_command *command, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fprintf(stderr, "hse %s: ", command->name);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "; see hse %s --help\n", command->name);
    va_end(args);
    return CLI_USAGE;
}

static int check_value(const cli_command *c, const cli_option *o, const char *value, const char *where)
{
    char *end = NULL;

    if (o->kind == CLI_INT || o->kind == CLI_REAL) {
        errno = 0;
        double v = o->kind == CLI_INT ? (double)strtol(value, &end, 10) : strtod(value, &end);
        if (!*value || *end || errno || !(v >= o->min && v <= o->max))
            return cli_usage(c, "%s: \"%s\" is not %s from %.16g to %.16g", where, value,
                             o->kind == CLI_INT ? "a whole number" : "a number", o->min, o->max);
    } else if (o->kind == CLI_CHOICE && !hse_word_in(o->value, value)) {
        return cli_usage(c, "%s: \"%s\" is not one of %s", where, value, o->value);
    } else if (o->kind == CLI_FLAG && !hse_word_in("0|1|on|off|true|false|yes|no", value)) {
        return cli_usage(c, "%s: \"%s\" is neither on nor off", where, value);
    }
    return CLI_OK;
}

static void env_name(char *out, size_t size, const char *name)
{
    snprintf(out, size, "HSE_%s", name);
    for (char *p = out; *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static int take_environment(cli_args *a)
{
    for (size_t i = 0; option_at(a->command, i); i++) {
        const cli_option *o = option_at(a->command, i);
        char name[64];
        const char *value;

        if (cli_option_setting(o)) {            /* cli_config_open takes it; here it is only checked, for the exit status */
            snprintf(name, sizeof name, "%s", cli_option_setting(o)->variable);
            if ((value = getenv(name)) && *value && check_value(a->command, o, value, name))
                return CLI_USAGE;
            continue;
        }
        a->value[i] = o->fallback;
        env_name(name, sizeof name, o->name);
        if (!o->env || !(value = getenv(name)) || !*value)
            continue;
        int bad = check_value(a->command, o, value, name);
        if (bad)
            return bad;
        a->value[i] = value;
        a->given[i] = true;
    }
    return CLI_OK;
}

/* getopt's value of long option i; short letters are below 256, the --no- form is above. */
enum { LONG_BASE = 1000, NO_BASE = 2000 };

static int take_command_line(cli_args *a, int argc, char **argv)
{
    struct option longs[2 * CLI_MAX_OPTIONS + 1] = {0};
    char shorts[2 * CLI_MAX_OPTIONS + 2] = ":", no[CLI_MAX_OPTIONS][40];
    size_t n = 0, s = 1;

    for (int i = 0; option_at(a->command, (size_t)i); i++) {
        const cli_option *o = option_at(a->command, (size_t)i);
        int arg = o->kind == CLI_FLAG ? no_argument : required_argument;
        longs[n++] = (struct option){o->name, arg, NULL, LONG_BASE + i};
        if (o->kind == CLI_FLAG) {
            snprintf(no[i], sizeof no[i], "no-%s", o->name);
            longs[n++] = (struct option){no[i], no_argument, NULL, NO_BASE + i};
        }
        if (o->letter) {
            shorts[s++] = o->letter;
            if (arg == required_argument)
                shorts[s++] = ':';
        }
    }
    shorts[s] = '\0';
    optind = 1;
    opterr = 0;
    for (int got; (got = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        size_t i = 0;
        if (got == '?' && optopt > ' ' && optopt < 127)     /* one letter of several: its word is not behind us yet */
            return cli_usage(a->command, "unknown option -%c (an operand that begins with - goes behind --)", optopt);
        if (got == ':' || got == '?')
            return cli_usage(a->command, got == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
        if (got >= LONG_BASE)
            i = (size_t)(got >= NO_BASE ? got - NO_BASE : got - LONG_BASE);
        else
            while (option_at(a->command, i)->letter != got)
                i++;
        const cli_option *o = option_at(a->command, i);
        const char *value = o->kind != CLI_FLAG ? optarg : got >= NO_BASE ? "off" : "on";
        char where[48];
        snprintf(where, sizeof where, "--%s", o->name);
        int bad = check_value(a->command, o, value, where);
        if (bad)
            return bad;
        a->value[i] = value;
        a->given[i] = true;
    }
    a->n_operands = argc - optind;
    a->operands = argv + optind;
    return CLI_OK;
}

int cli_run(const cli_command *command, int argc, char **argv)
{
    static const char *const formats[] = {"auto", "json", "text"};
    cli_args a = {.command = command};
    hse_error err = {0};
    int bad;

    if ((bad = take_environment(&a)) || (bad = take_command_line(&a, argc, argv)))
        return bad;
    if (cli_flag(&a, "help")) {
        cli_help(stdout, command);
        return CLI_OK;
    }
    if (a.n_operands < command->min_operands)
        return cli_usage(command, "%s is missing", command->operands);
    if (command->max_operands >= 0 && a.n_operands > command->max_operands)
        return cli_usage(command, "unexpected \"%s\"", a.operands[command->max_operands]);

    if (command->settings == CLI_ALL_SETTINGS)  /* the log is a setting: the command opens it */
        return command->run(&a);
    hse_log_format format = HSE_LOG_AUTO;
    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(cli_text(&a, "log-format"), formats[i]) == 0)
            format = (hse_log_format)i;
    if (hse_log_open(STDERR_FILENO, format, cli_text(&a, "log-level"), &err) != HSE_OK)
        return cli_usage(command, "--log-level: %s", err.text);
    return command->run(&a);
}

const char *cli_text(const cli_args *a, const char *name)
{
    return a->value[option_index(a->command, name)];
}

const char *cli_output(const cli_args *a)
{
    const char *path = cli_text(a, "output");

    return path && strcmp(path, "-") == 0 ? NULL : path;
}

bool cli_flag(const cli_args *a, const char *name)
{
    const char *v = cli_text(a, name);

    return v && hse_word_in("1|on|true|yes", v);
}

long cli_int(const cli_args *a, const char *name)
{
    return strtol(cli_text(a, name), NULL, 10);
}

double cli_real(const cli_args *a, const char *name)
{
    return strtod(cli_text(a, name), NULL);
}

bool cli_given(const cli_args *a, const char *name)
{
    return a->given[option_index(a->command, name)];
}
