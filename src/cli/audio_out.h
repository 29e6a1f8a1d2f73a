/* audio_out.h - where a command's audio goes while it is made: a file, a pipe, or the loudspeaker. Memory does not grow with it.
 *
 * A file is written beside and renamed at the end, when its header has got its length. Into a pipe a wav is either kept until its
 * length is known (`whole`: short answers) or streamed with the largest sizes in its header, as the server does; standard output
 * that is a file gets its true length in both cases. */
#ifndef HSE_CLI_AUDIO_OUT_H
#define HSE_CLI_AUDIO_OUT_H

#include "cli/options.h"

#include "audio/encode.h"
#include "base/file.h"

typedef struct {
    hse_audio_format format;
    const char  *path;              /* NULL: standard output or the loudspeaker */
    bool         whole, play;

    hse_encoder *encoder;
    hse_buf      bytes;             /* made and not yet written */
    hse_file_out file;
    int          fd, player;        /* standard output or the player's pipe; its pid */
    int64_t      patch_at;          /* where the file begins in standard output; -1: it cannot be written again */
    uint8_t      head[HSE_ENCODER_HEAD];
    size_t       head_size;
    double       seconds;
} cli_audio_out;

/* Which format: --format, or the file's name; `raw`: samples without a header. Nothing is opened before the first samples. Returns
 * an exit status. */
int        cli_audio_out_init(cli_audio_out *o, const cli_args *a, const char *path, const char *format, bool raw);
hse_status cli_audio_out_push(cli_audio_out *o, const float *samples, size_t n, unsigned rate_hz, hse_error *err);
/* The end: the file is there, or everything was heard. No samples at all is HSE_E_FORMAT. */
hse_status cli_audio_out_finish(cli_audio_out *o, hse_error *err);
void       cli_audio_out_close(cli_audio_out *o);       /* before the end: nothing is left behind */

#endif
