/* transcript_out.h - where a command's text goes: standard output as it comes, a file, or files beside each other in a folder. */
#ifndef HSE_CLI_TRANSCRIPT_OUT_H
#define HSE_CLI_TRANSCRIPT_OUT_H

#include "cli/options.h"

#include "engine/subtitle.h"

enum { CLI_TEXT_FORMATS = 6 };

typedef struct {
    hse_text_format format[CLI_TEXT_FORMATS];
    size_t          formats;
    const char     *output;         /* a folder, or one file; NULL: standard output. Several formats need a folder */
    bool            one_file;
    bool            words, colors;  /* cues a word; words coloured by how sure the model is */
} cli_transcript_style;

/* --format and -o of the command: "srt,vtt" -> formats, each once; "-o talk.srt" is one file in that format, all else a folder.
 * Returns an exit status. */
int  cli_transcript_style_take(cli_transcript_style *style, const cli_args *a);
/* Two inputs whose files would be the same ("a/x.wav", "b/x.mp3")? Then one would overwrite the other: the name is in *err. */
hse_status cli_transcript_names(const cli_transcript_style *style, char *const *inputs, int n, hse_error *err);

typedef struct {
    const cli_transcript_style *style;
    const char  *input;
    FILE        *to;                /* standard output; tests give their own */
    bool         held;              /* others print: what comes is kept until cli_transcript_release */
    hse_subtitle subtitle[CLI_TEXT_FORMATS];
    hse_buf      text[CLI_TEXT_FORMATS];
} cli_transcript_out;

void       cli_transcript_begin(cli_transcript_out *o, const cli_transcript_style *style, const char *input, FILE *to);
hse_status cli_transcript_segment(cli_transcript_out *o, const hse_transcript_segment *s, hse_error *err);
hse_status cli_transcript_release(cli_transcript_out *o, hse_error *err);
/* Writes the files. */
hse_status cli_transcript_end(cli_transcript_out *o, const hse_transcript *whole, hse_error *err);
void       cli_transcript_close(cli_transcript_out *o);

/* Where FORMAT's file of this input goes: "DIR/STEM.srt", or the one file. Free with hse_free; NULL: no memory. */
char      *cli_transcript_path(const cli_transcript_style *style, const char *input, hse_text_format format);

#endif
