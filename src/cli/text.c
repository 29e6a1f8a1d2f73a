/* text.c - hse text: what a text becomes on its way to a model, line by line. */
#include "cli/commands.h"
#include "cli/common.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "text/text.h"

#include <errno.h>
#include <string.h>

enum { MAX_LINE = 16 << 20 };

static const cli_option options[] = {
    {"lang", 'l', CLI_TEXT, "L", "en", 0, 0, false, "language of the text"},
    {"stage", 's', CLI_CHOICE, "normal|phonemes|ids", "normal", 0, 0, false, "normal: in words; ids: the demo model's symbols"},
    {"normalize", 0, CLI_CHOICE, "on|reference|off", "on", 0, 0, false, "off and reference: leave the text to the model's own front end"},
    {"file", 'f', CLI_TEXT, "FILE", NULL, 0, 0, false, "the lines of this file"},
};

typedef struct {
    const char *language;
    text_mode   mode;
    bool        ids;
    hse_buf     out, scratch;
} stage;

static hse_status one_line(stage *s, const char *line, size_t n, hse_error *err)
{
    hse_buf_clear(&s->out);
    hse_buf_clear(&s->scratch);
    if (strspn(line, " \t\r") >= n)             /* blank for blank, so that lines stay aligned */
        return HSE_OK;
    hse_status status = text_prepare(s->language, s->mode, line, n, &s->scratch, err);
    if (status == HSE_OK && s->ids) {
        hse_buf ids;
        hse_buf_init(&ids, MAX_LINE);
        status = text_hs1_ids(s->language, s->mode, hse_buf_text(&s->scratch), s->scratch.size, &ids, err);
        for (size_t i = 0; i < ids.size; i++)
            hse_buf_printf(&s->out, "%s%d", i ? " " : "", ids.data[i]);
        hse_buf_free(&ids);
    } else if (status == HSE_OK) {
        hse_buf_append(&s->out, s->scratch.data, s->scratch.size);
    }
    return status == HSE_OK ? hse_buf_status(&s->out, "the line", err) : status;
}

static int print_lines(stage *s, const char *text, size_t size, size_t *number)
{
    hse_error err = {0};

    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t n = end ? (size_t)(end - text) : size;

        ++*number;
        if (one_line(s, text, n, &err) != HSE_OK)
            return cli_fail_text("line %zu: %s", *number, err.text);
        fwrite(hse_buf_text(&s->out), 1, s->out.size, stdout);
        putchar('\n');
        text += n + (end != NULL);
        size -= n + (end != NULL);
    }
    return CLI_OK;
}

/* A pipe is answered line by line, so that a program on both ends can wait for each. */
static int from_stdin(stage *s)
{
    char *line = NULL;
    size_t capacity = 0, number = 0;
    int status = CLI_OK;

    for (ssize_t n; status == CLI_OK && (n = getline(&line, &capacity, stdin)) >= 0;) {
        if (n > MAX_LINE)
            status = cli_fail_text("line %zu is over %d bytes", number + 1, MAX_LINE);
        else
            status = print_lines(s, n ? line : "\n", n ? (size_t)n : 1, &number);
        fflush(stdout);
    }
    if (status == CLI_OK && ferror(stdin))
        status = cli_fail_text("standard input cannot be read");
    hse_free(line);                             /* getline's memory is malloc's, as hse_free's */
    return status;
}

static int run(const cli_args *a)
{
    const char *file = cli_text(a, "file"), *want = cli_text(a, "stage"), *lang = cli_text(a, "lang");
    stage s = {.language = lang, .ids = want[0] == 'i'};
    hse_error err = {0};
    size_t number = 0;
    int status = CLI_OK;

    if (want[0] == 'p')
        return cli_fail_text("the demo model reads characters: it has no phonemes; --stage ids shows its symbols");
    if (!text_language_code(lang))
        return cli_usage(a->command, "--lang: \"%s\" is no language (en zh zh_mix_en es fr ja ko)", lang);
    if (text_mode_parse(cli_text(a, "normalize"), &s.mode, &err) != HSE_OK)
        return cli_fail(&err);
    hse_buf_init(&s.out, (size_t)MAX_LINE * 8);
    hse_buf_init(&s.scratch, (size_t)MAX_LINE * 8);
    if (file) {
        char *text = NULL;
        size_t size = 0;
        if (hse_file_read(&text, &size, file, MAX_LINE, &err) != HSE_OK)
            status = cli_fail(&err);
        else
            status = print_lines(&s, text, size, &number);
        hse_free(text);
    } else if (a->n_operands == 0 || (a->n_operands == 1 && strcmp(a->operands[0], "-") == 0)) {
        status = from_stdin(&s);
    }
    for (int i = 0; !file && i < a->n_operands && status == CLI_OK && strcmp(a->operands[i], "-") != 0; i++)
        status = print_lines(&s, a->operands[i], strlen(a->operands[i]), &number);
    hse_buf_free(&s.out);
    hse_buf_free(&s.scratch);
    return status;
}

const cli_command cli_text_command = {
    .name = "text", .operands = "[TEXT...|-]", .summary = "Show what a text becomes: in words, or a model's symbols", .max_operands = -1,
    .options = options, .n_options = COUNT(options), .run = run,
    .details = "One line out for each line in, blank for blank. Without TEXT it reads standard input.\n\n"
               "Examples:\n  hse text \"Dr. Smith paid \\$5.20 on 3 May.\"\n  hse text --stage ids < lines.txt\n",
};
