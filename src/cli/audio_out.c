#include "cli/audio_out.h"

#include "cli/play.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_WHOLE = 1 << 30 };

int cli_audio_out_init(cli_audio_out *o, const cli_args *a, const char *path, const char *format, bool raw)
{
    const char *dot = path ? strrchr(path, '.') : NULL;

    *o = (cli_audio_out){.path = path, .fd = -1, .patch_at = -1};
    hse_buf_init(&o->bytes, MAX_WHOLE);
    if (raw && (format || path))
        return cli_usage(a->command, "--raw writes to standard output and has its own format");
    if (raw)
        format = "pcm";
    else if (!format && path && (!dot || strchr(dot, '/')))
        return cli_usage(a->command, "-o %s: the name does not say which format; add .wav or give --format", path);
    else if (!format)
        format = path ? dot + 1 : "wav";
    if (hse_audio_format_parse(format, &o->format) != HSE_OK)
        return cli_usage(a->command, "\"%s\" is no audio format; it must be wav, mp3, flac, opus, aac or pcm", format);
    o->play = !cli_given(a, "output") && !raw && isatty(STDOUT_FILENO);
    if (o->play)
        o->format = HSE_FORMAT_PCM;
    return CLI_OK;
}

static hse_status open_out(cli_audio_out *o, unsigned rate_hz, hse_error *err)
{
    struct stat st;
    hse_status s = HSE_OK;

    if (o->path) {
        if ((s = hse_file_out_open(&o->file, o->path, err)) == HSE_OK && o->file.beside)
            o->whole = false;                           /* its header is written again at the end */
    } else if (o->play) {
        s = cli_play_open(&o->fd, &o->player, (int)rate_hz, err);
    } else {
        o->fd = STDOUT_FILENO;
        if (fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) && !(fcntl(o->fd, F_GETFL) & O_APPEND))
            o->patch_at = lseek(o->fd, 0, SEEK_CUR);
        if (o->patch_at >= 0)
            o->whole = false;
    }
    if (s == HSE_OK)
        s = hse_encoder_open(&o->encoder, o->format, (int)rate_hz, !o->whole, err);
    return s;
}

static hse_status write_fd(cli_audio_out *o, hse_error *err)
{
    for (size_t at = 0; at < o->bytes.size;) {
        ssize_t n = write(o->fd, o->bytes.data + at, o->bytes.size - at);
        if (n < 0 && errno != EINTR)
            return hse_fail_sys(err, errno, "%s", o->player ? "the player" : "standard output");
        at += n > 0 ? (size_t)n : 0;
    }
    return HSE_OK;
}

static hse_status flush(cli_audio_out *o, hse_error *err)
{
    size_t n = sizeof o->head - o->head_size;

    n = o->bytes.size < n ? o->bytes.size : n;
    if (n)
        memcpy(o->head + o->head_size, o->bytes.data, n);
    o->head_size += n;
    hse_status s = !o->bytes.size ? HSE_OK
                   : o->path      ? hse_file_out_write(&o->file, o->bytes.data, o->bytes.size, err)
                                  : write_fd(o, err);
    hse_buf_clear(&o->bytes);
    return s;
}

hse_status cli_audio_out_push(cli_audio_out *o, const float *samples, size_t n, unsigned rate_hz, hse_error *err)
{
    hse_status s = o->encoder ? HSE_OK : open_out(o, rate_hz, err);

    if (s == HSE_OK)
        s = hse_encoder_push(o->encoder, samples, n, &o->bytes, err);
    if (s == HSE_OK && !o->whole)
        s = flush(o, err);
    o->seconds += (double)n / rate_hz;
    return s;
}

hse_status cli_audio_out_finish(cli_audio_out *o, hse_error *err)
{
    if (!o->encoder)
        return hse_fail(err, HSE_E_FORMAT, 0, "the answer has no samples");
    hse_status s = hse_encoder_finish(o->encoder, &o->bytes, err);
    if (s == HSE_OK)
        s = flush(o, err);
    bool again = s == HSE_OK && !o->whole && (o->file.beside || o->patch_at >= 0) &&
                 hse_encoder_length(o->encoder, o->head, o->head_size);
    if (again && o->path)
        s = hse_file_out_patch(&o->file, 0, o->head, o->head_size, err);
    else if (again && pwrite(o->fd, o->head, o->head_size, (off_t)o->patch_at) != (ssize_t)o->head_size)
        s = hse_fail_sys(err, errno, "standard output");
    if (s == HSE_OK && o->path)
        s = hse_file_out_commit(&o->file, err);
    if (s == HSE_OK && o->player) {
        int player = o->player;
        o->player = 0;
        s = cli_play_close(o->fd, player, err);
    }
    return s;
}

void cli_audio_out_close(cli_audio_out *o)
{
    hse_error ignored;

    if (o->player)                          /* it ends by itself when its pipe does */
        cli_play_close(o->fd, o->player, &ignored);
    o->player = 0;
    hse_file_out_abort(&o->file);
    hse_encoder_close(&o->encoder);
    hse_buf_free(&o->bytes);
}
