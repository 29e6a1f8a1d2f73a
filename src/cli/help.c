/* help.c - what is generated from the option tables: --help, the man page, shell completion. */
#include "cli/options.h"

#include "cli/commands.h"
#include "config/settings.h"

#include <string.h>

static const cli_option common_help[] = {
    {"help", 'h', CLI_FLAG, NULL, NULL, 0, 0, false, "show this help"},
};

static void option_words(char *out, size_t size, const cli_option *o)
{
    int n = o->letter ? snprintf(out, size, "-%c, --%s", o->letter, o->name) : snprintf(out, size, "    --%s", o->name);

    if (o->kind != CLI_FLAG && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, " %s", o->value);
}

static const char *default_of(const cli_option *o)
{
    return o->kind == CLI_FLAG ? NULL : cli_option_setting(o) ? cli_option_setting(o)->fallback : o->fallback;
}

static void option_line(FILE *to, const cli_option *o)
{
    char words[96];

    option_words(words, sizeof words, o);
    if (strlen(words) > 26)
        fprintf(to, "  %s\n%*s%s", words, 30, "", o->help);
    else
        fprintf(to, "  %-28s%s", words, o->help);
    if (default_of(o))
        fprintf(to, " (default: %s)", default_of(o));
    fputc('\n', to);
}

void cli_help(FILE *to, const cli_command *c)
{
    fprintf(to, "%s\n\nUsage: hse %s%s%s%s\n", c->summary, c->name, cli_option_at(c, 0) ? " [options]" : "", *c->operands ? " " : "",
            c->operands);
    fputs("\nOptions:\n", to);
    for (size_t i = 0; cli_option_at(c, i); i++)
        option_line(to, cli_option_at(c, i));
    for (size_t i = 0; i < COUNT(common_help); i++)
        option_line(to, &common_help[i]);
    if (c->details)
        fprintf(to, "\n%s", c->details);
}

/* roff treats a leading dot or quote, backslashes and hyphens specially. */
static void man_text(FILE *to, const char *s)
{
    for (bool start = true; *s; s++) {
        if (start && (*s == '.' || *s == '\''))
            fputs("\\&", to);
        if (*s == '\\' || *s == '-')
            fputc('\\', to);
        fputc(*s, to);
        start = *s == '\n';
    }
}

void cli_man(FILE *to, const cli_command *const *commands)
{
    fputs(".TH HSE 1 \"\" \"harmonyspeech " HSE_VERSION "\" \"User Commands\"\n.SH NAME\nhse \\- speak, transcribe, clone voices, restore, find speech\n"
          ".SH SYNOPSIS\n.B hse\n.I COMMAND\n[options] [operands]\n.SH COMMANDS\n", to);
    for (; *commands; commands++) {
        const cli_command *c = *commands;
        if (c->hidden)
            continue;
        fprintf(to, ".SS \"hse %s ", c->name);
        man_text(to, c->operands);
        fputs("\"\n", to);
        man_text(to, c->summary);
        fputc('\n', to);
        for (size_t i = 0; cli_option_at(c, i); i++) {
            const cli_option *o = cli_option_at(c, i);
            char words[96];
            option_words(words, sizeof words, o);
            fputs(".TP\n.B ", to);
            man_text(to, words + strspn(words, " "));
            fputc('\n', to);
            man_text(to, o->help);
            if (default_of(o))
                fprintf(to, " (default: %s)", default_of(o));
            fputc('\n', to);
        }
        if (c->details) {
            fputs(".PP\n.nf\n", to);
            man_text(to, c->details);
            fputs(".fi\n", to);
        }
    }
    fputs(".SH ENVIRONMENT\nEvery setting is a variable too. What is given on the command line counts first, then the variable, then\n"
          "the config, then the default.\n", to);
    for (const hse_setting *s = hse_settings; s->key; s++)
        if (s->variable)
            fprintf(to, ".TP\n.B %s%s%s\n\\-\\-%s; in a config %s\n", s->variable, s->foreign ? ", " : "", s->foreign ? s->foreign : "",
                    s->flag, s->key);
    fputs(".SH EXIT STATUS\n0 success, 1 failure (one line on standard error), 2 wrong usage.\n", to);
}

void cli_completion(FILE *to, const cli_command *const *commands)
{
    fputs("# bash completion for hse: source <(hse completion)\n_hse()\n{\n    local words\n    if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "        words=\"", to);
    for (const cli_command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            fprintf(to, "%s ", (*c)->name);
    fputs("--help --version\"\n    else\n        case \"${COMP_WORDS[1]}\" in\n", to);
    for (const cli_command *const *c = commands; *c; c++) {
        if ((*c)->hidden)
            continue;
        fprintf(to, "        %s) words=\"--help", (*c)->name);
        for (size_t i = 0; cli_option_at(*c, i); i++)
            fprintf(to, " --%s", cli_option_at(*c, i)->name);
        fputs("\" ;;\n", to);
    }
    fputs("        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
          "complete -o default -F _hse hse\n", to);
}
