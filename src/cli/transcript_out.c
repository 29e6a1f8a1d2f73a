#include "cli/transcript_out.h"

#include "base/file.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_TEXT = 256 << 20 };

static const char *const names[CLI_TEXT_FORMATS] = {
    [HSE_TEXT_TXT] = "txt", [HSE_TEXT_SRT] = "srt", [HSE_TEXT_VTT] = "vtt", [HSE_TEXT_TSV] = "tsv", [HSE_TEXT_LRC] = "lrc",
    [HSE_TEXT_JSON] = "json",
};

static int take_formats(cli_transcript_style *style, const cli_args *a)
{
    for (const char *p = cli_text(a, "format"); *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        char word[16] = "";
        hse_text_format f = HSE_TEXT_TXT;

        if (n < sizeof word)
            memcpy(word, p, n);
        if (n >= sizeof word || !hse_text_format_parse(word, &f))
            return cli_usage(a->command, "--format: \"%.*s\" is none of txt, srt, vtt, tsv, lrc, json", (int)(n < 40 ? n : 40), p);
        bool known = false;
        for (size_t i = 0; i < style->formats; i++)
            known = known || style->format[i] == f;
        if (!known)
            style->format[style->formats++] = f;
        p += n;
    }
    if (!style->formats)
        return cli_usage(a->command, "--format names no format");
    if (!style->output && style->formats > 1)
        return cli_usage(a->command, "several formats need -o DIR");
    return CLI_OK;
}

int cli_transcript_style_take(cli_transcript_style *style, const cli_args *a)
{
    const char *output = style->output = cli_output(a), *dot = output ? strrchr(output, '.') : NULL;
    hse_text_format format = HSE_TEXT_TXT;
    struct stat st;
    int bad = take_formats(style, a);

    if (bad || !dot || !hse_text_format_parse(dot + 1, &format) || (stat(output, &st) == 0 && S_ISDIR(st.st_mode)))
        return bad;
    if (a->n_operands != 1)
        return cli_usage(a->command, "-o %s is one file, for %d recordings; give a folder", output, a->n_operands);
    if (cli_given(a, "format") && (style->formats != 1 || style->format[0] != format))
        return cli_usage(a->command, "-o %s does not go with --format %s; give a folder, or one of the two", output, cli_text(a, "format"));
    style->one_file = true;
    style->formats = 1;
    style->format[0] = format;
    return CLI_OK;
}

/* "talks/x.y.wav" -> "x.y"; "-" -> "stdin". */
static const char *stem(const char *input, size_t *n)
{
    const char *base = strrchr(input, '/'), *dot;

    if (strcmp(input, "-") == 0)
        input = "stdin";
    base = base ? base + 1 : input;
    dot = strrchr(base, '.');
    *n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    return base;
}

char *cli_transcript_path(const cli_transcript_style *style, const char *input, hse_text_format format)
{
    size_t n;
    const char *name = stem(input, &n);
    hse_buf path;

    hse_buf_init(&path, 1 << 16);
    if (style->one_file)
        hse_buf_printf(&path, "%s", style->output);
    else
        hse_buf_printf(&path, "%s/%.*s.%s", style->output, (int)n, name, names[format]);
    char *text = hse_buf_take(&path, NULL);
    hse_buf_free(&path);
    return text;
}

hse_status cli_transcript_names(const cli_transcript_style *style, char *const *inputs, int n, hse_error *err)
{
    for (int i = 0; style->output && i < n; i++)
        for (int j = 0; j < i; j++) {
            size_t a, b;
            const char *x = stem(inputs[i], &a), *y = stem(inputs[j], &b);
            if (a == b && memcmp(x, y, a) == 0)
                return hse_fail(err, HSE_E_ARG, 0, "%s and %s would write the same file", inputs[j], inputs[i]);
        }
    return HSE_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static hse_status to_stdout(cli_transcript_out *o, hse_error *err)
{
    hse_buf *b = &o->text[0];
    hse_status s = hse_buf_status(b, "the text", err);

    if (o->held)
        return s;
    if (s == HSE_OK && (fwrite(hse_buf_text(b), 1, b->size, o->to) != b->size || fflush(o->to) != 0))
        s = hse_fail(err, HSE_E_IO, 0, "standard output cannot be written");
    hse_buf_clear(b);
    return s;
}

void cli_transcript_begin(cli_transcript_out *o, const cli_transcript_style *style, const char *input, FILE *to)
{
    *o = (cli_transcript_out){.style = style, .input = input, .to = to};
    for (size_t i = 0; i < style->formats; i++) {
        hse_buf_init(&o->text[i], MAX_TEXT);
        o->subtitle[i] = (hse_subtitle){.format = style->format[i], .words = style->words};
        hse_subtitle_begin(&o->subtitle[i], &o->text[i]);
    }
}

/* From red to green, as xterm counts its colours. */
static void put_colored(hse_buf *out, const char *word, double probability)
{
    static const int colors[] = {196, 202, 208, 214, 220, 226, 190, 154, 118, 82};
    const int n = (int)COUNT(colors);
    int i = probability > 0 ? (int)(probability * probability * probability * n) : 0;

    hse_buf_printf(out, "\x1b[38;5;%dm%s\x1b[0m", colors[i < n ? i : n - 1], word);
}

static void put_colored_segment(hse_buf *out, const hse_transcript_segment *s)
{
    for (size_t i = 0; i < s->word_count; i++)
        put_colored(out, s->words[i].word + (i == 0 ? strspn(s->words[i].word, " ") : 0), s->words[i].probability);
    if (!s->word_count)
        put_colored(out, s->text + strspn(s->text, " "), exp(s->avg_logprob));
    hse_buf_byte(out, '\n');
}

hse_status cli_transcript_segment(cli_transcript_out *o, const hse_transcript_segment *s, hse_error *err)
{
    hse_status status = HSE_OK;

    for (size_t i = 0; i < o->style->formats && status == HSE_OK; i++) {
        if (o->style->colors && !o->style->output && o->style->format[i] == HSE_TEXT_TXT)
            put_colored_segment(&o->text[i], s);
        else
            hse_subtitle_segment(&o->subtitle[i], s, &o->text[i]);
        status = hse_buf_status(&o->text[i], "the text", err);
    }
    return status == HSE_OK && !o->style->output ? to_stdout(o, err) : status;
}

hse_status cli_transcript_release(cli_transcript_out *o, hse_error *err)
{
    o->held = false;
    return o->style->output ? HSE_OK : to_stdout(o, err);
}

hse_status cli_transcript_end(cli_transcript_out *o, const hse_transcript *whole, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; i < o->style->formats && s == HSE_OK; i++) {
        hse_subtitle_end(&o->subtitle[i], whole, &o->text[i]);
        if (!o->style->output)
            return to_stdout(o, err);
        char *path = cli_transcript_path(o->style, o->input, o->style->format[i]);
        s = path ? hse_buf_status(&o->text[i], path, err) : hse_fail(err, HSE_E_NOMEM, 0, "no memory for a path");
        if (s == HSE_OK)
            s = hse_file_write(path, hse_buf_text(&o->text[i]), o->text[i].size, err);
        hse_free(path);
    }
    return s;
}

void cli_transcript_close(cli_transcript_out *o)
{
    for (size_t i = 0; i < CLI_TEXT_FORMATS; i++)
        hse_buf_free(&o->text[i]);
}
