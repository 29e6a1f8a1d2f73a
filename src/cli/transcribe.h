/* transcribe.h - the parts of hse transcribe: a file here, a file by a server, standard input as it comes. */
#ifndef HSE_CLI_TRANSCRIBE_H
#define HSE_CLI_TRANSCRIBE_H

#include "cli/client.h"
#include "cli/common.h"
#include "cli/transcript_out.h"

typedef struct {
    const cli_args        *args;
    hse_transcribe_options options;
    const char            *languages[32];   /* what options.languages points to */
    char                   language_words[256];
    cli_transcript_style   style;
    double                 done_s;          /* of the files that are done */
} cli_transcribe;

enum { CLI_MOST_AT_ONCE = 64 };

/* All operands, so many at once; by `remote`, where it is not NULL, else by the engine. Says what is wrong and returns an exit status. */
int cli_transcribe_files(cli_transcribe *t, hse_engine *engine, const cli_remote *remote, int at_once);
/* From a pipe: 16-bit mono samples at raw_hz, or (0) a wav or compressed audio. *whole: it can be heard at its end only (mp4), and all its
 * bytes are in *rest. */
hse_status cli_transcribe_live(const cli_transcribe *t, hse_engine *engine, unsigned raw_hz, cli_transcript_out *out, double *seconds,
                               bool *whole, hse_buf *rest, hse_error *err);

/* verbose_json of a server as segments with their words; valid until cli_transcript_json_free. */
typedef struct {
    hse_transcript transcript;
    void          *memory;                  /* an arena */
    json_t        *root;
} cli_transcript_json;

/* Events of a server's answer are not asked for: one answer with everything. Release it also after a failure. */
hse_status cli_transcribe_remote(const cli_transcribe *t, const cli_remote *remote, const char *path, cli_transcript_json *answer,
                                 hse_error *err);
hse_status cli_transcript_json_read(cli_transcript_json *out, json_t *root, hse_error *err);       /* takes root, also on failure */
void       cli_transcript_json_free(cli_transcript_json *t);

#endif
