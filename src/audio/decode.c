#include "audio/decode.h"

#include "audio/resample.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT_MS = 600000, TAG_MP3 = 0x55, WAV_BLOCK = 65536, HEAD = 12 };

/* One decoding under way: samples come in from a reader of either kind, and go resampled to the sink. */
typedef struct {
    const hse_decode_options *options;
    hse_audio_limits limits;
    hse_audio_sink *sink;
    void *arg;
    hse_audio *info; /* or NULL */
    media_patience patience;
    int rate_hz, channels;
    uint64_t in_n, out_n;
    hse_resampler *resampler;
    hse_buf resampled;
} decoding;

static hse_status set_format(void *arg, int rate_hz, int channels, hse_error *err)
{
    decoding *d = arg;

    d->rate_hz = rate_hz;
    d->channels = channels;
    if (d->info)
        *d->info = (hse_audio){.rate_hz = d->options->rate_hz ? d->options->rate_hz : rate_hz, .channels = channels};
    if (!d->options->rate_hz || d->options->rate_hz == rate_hz)
        return HSE_OK;
    return hse_resampler_open(&d->resampler, rate_hz, d->options->rate_hz, err);
}

static hse_status give(decoding *d, const float *x, size_t n, hse_error *err)
{
    d->out_n += n;
    return n ? d->sink(d->arg, x, n, err) : HSE_OK;
}

static hse_status take_samples(void *arg, const float *x, size_t n, hse_error *err)
{
    decoding *d = arg;

    d->in_n += n;
    if ((double)d->in_n > d->limits.max_seconds * d->rate_hz)
        return hse_fail(err, HSE_E_LIMIT, 0, "the audio is longer than the limit of %.1f s", d->limits.max_seconds);
    if (!d->resampler)
        return give(d, x, n, err);
    hse_buf_clear(&d->resampled);
    hse_status s = hse_resampler_push(d->resampler, x, n, &d->resampled, err);
    return s != HSE_OK ? s : give(d, (const float *)(void *)d->resampled.data, d->resampled.size / sizeof(float), err);
}

static hse_status finish(decoding *d, hse_error *err)
{
    if (!d->resampler)
        return HSE_OK;
    hse_buf_clear(&d->resampled);
    hse_status s = hse_resampler_finish(d->resampler, &d->resampled, err);
    return s != HSE_OK ? s : give(d, (const float *)(void *)d->resampled.data, d->resampled.size / sizeof(float), err);
}

static hse_status decode_wav(decoding *d, const hse_audio_source *src, const hse_wav_info *w, hse_error *err)
{
    const size_t most = WAV_BLOCK / w->frame_bytes;
    hse_status s = set_format(d, w->rate_hz, w->channels, err);
    uint8_t *block = hse_alloc(WAV_BLOCK);
    float *mono = hse_alloc(most * sizeof *mono);

    if (s == HSE_OK && (!block || !mono))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory to read a WAV file");
    if (s == HSE_OK && (double)w->frames > d->limits.max_seconds * w->rate_hz)
        s = hse_fail(err, HSE_E_LIMIT, 0, "the audio has %.1f s, the limit is %.1f s", (double)w->frames / w->rate_hz,
                     d->limits.max_seconds);
    for (uint64_t at = 0; s == HSE_OK && at < w->frames;) {
        uint64_t offset = w->data_offset + at * w->frame_bytes;
        size_t n = w->frames - at < most ? (size_t)(w->frames - at) : most, got;

        if (d->patience.cancelled && d->patience.cancelled(d->patience.cancel_arg))
            s = hse_fail(err, HSE_E_CANCELLED, 0, "cancelled while audio was being decoded");
        else if (hse_now_ms() >= d->patience.deadline_ms)
            s = hse_fail(err, HSE_E_DEADLINE, 0, "the time for decoding audio ran out");
        else if ((s = hse_source_read(src, offset, block, n * w->frame_bytes, &got, err)) == HSE_OK) {
            got /= w->frame_bytes; /* less than asked when the file was cut meanwhile */
            s = hse_pcm_to_mono(mono, block, got, w->coding, w->channels, at, offset, err);
            if (s == HSE_OK)
                s = take_samples(d, mono, got, err);
            if (got < n)
                break;
            at += n;
        }
    }
    hse_free(block);
    hse_free(mono);
    return s;
}

/* A descriptor for the helper, open for reading alone: with a writable one a taken-over worker could change the file.
 */
static hse_status read_only(int *out, const hse_audio_source *src, hse_error *err)
{
    char path[64];
    int flags;

    if (src->fd < 0)
        return media_memfd(out, src->bytes, err);
    if ((flags = fcntl(src->fd, F_GETFL)) >= 0 && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_PATH)) {
        *out = fcntl(src->fd, F_DUPFD_CLOEXEC, 0);
    } else {
        snprintf(path, sizeof path, "/proc/self/fd/%d", src->fd);
        *out = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    return *out < 0 ? hse_fail_sys(err, errno, "cannot hand audio to hse-media") : HSE_OK;
}

static hse_status decode_by_helper(decoding *d, const hse_audio_source *src, uint64_t size, hse_error *err)
{
    const media_events ev = {.arg = d, .format = set_format, .samples = take_samples};
    const uint64_t now = hse_now_ms(), left = d->patience.deadline_ms > now ? d->patience.deadline_ms - now : 1;
    const double max_ms = d->limits.max_seconds * 1000;
    media_request request = {
        .op = MEDIA_DECODE,
        .timeout_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
        .size = size,
        .max_ms = max_ms < 1e15 ? (uint64_t)max_ms : (uint64_t)1e15,
        .max_samples = d->resampler || d->options->rate_hz ? UINT64_MAX : d->limits.max_bytes / sizeof(float),
    };
    media_job *job = hse_alloc(sizeof *job);
    int fd = -1;
    bool again = false;
    hse_status s;

    if (!job)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to decode audio");
    if ((s = read_only(&fd, src, err)) == HSE_OK) {
        do {
            const bool first = !again;
            again = false;
            if ((s = media_job_start(job, &d->patience, request, fd, &ev, err)) == HSE_OK) {
                s = media_job_run(job, NULL, 0, NULL, err);
                again = s != HSE_OK && first && media_job_lost(job);
                media_job_close(job);
            }
        } while (again);
        close(fd);
    }
    hse_free(job);
    return s;
}

static hse_status decode_any(decoding *d, const hse_audio_source *src, hse_error *err)
{
    uint8_t head[HEAD];
    uint64_t size;
    size_t got;
    hse_status s;

    if ((s = hse_source_size(src, &size, err)) != HSE_OK ||
        (s = hse_source_read(src, 0, head, HEAD, &got, err)) != HSE_OK)
        return s;
    if (size == 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "the audio is empty: 0 bytes");
    if (hse_wav_is((hse_bytes){head, got})) {
        hse_wav_info w;
        hse_error why = {0};
        unsigned tag;
        s = hse_wav_open(&w, src, &tag, &why);
        if (s == HSE_OK)
            return decode_wav(d, src, &w, err);
        if (s != HSE_E_UNSUPPORTED || tag != TAG_MP3) {
            if (err)
                *err = why;
            return s;
        }
    }
    return decode_by_helper(d, src, size, err);
}

static hse_status run(const hse_audio_source *src, const hse_decode_options *options, bool keeps, hse_audio_sink *sink,
                      void *arg, hse_audio *info, hse_error *err)
{
    static const hse_decode_options none;
    decoding d = {.options = options ? options : &none, .sink = sink, .arg = arg, .info = info};
    hse_status s;

    d.limits = d.options->limits;
    if (d.limits.max_seconds == 0 && d.limits.max_bytes == 0)
        d.limits = HSE_AUDIO_LIMITS_DEFAULT;
    if (!keeps)
        d.limits.max_bytes = SIZE_MAX;
    if (!(d.limits.max_seconds >= 0) || d.options->timeout_ms < 0)
        return hse_fail(err, HSE_E_ARG, 0, "decoding: negative limits");
    d.patience = (media_patience){
        .media = d.options->media,
        .deadline_ms = hse_now_ms() + (uint64_t)(d.options->timeout_ms ? d.options->timeout_ms : DEFAULT_TIMEOUT_MS),
        .cancelled = d.options->cancelled,
        .cancel_arg = d.options->cancel_arg,
    };
    hse_buf_init(&d.resampled, SIZE_MAX / 2);
    s = decode_any(&d, src, err);
    if (s == HSE_OK)
        s = finish(&d, err);
    hse_resampler_close(&d.resampler);
    hse_buf_free(&d.resampled);
    if (s == HSE_OK && info)
        info->n = (size_t)d.out_n;
    return s;
}

hse_status hse_audio_decode_stream(const hse_audio_source *src, const hse_decode_options *options, hse_audio_sink *sink,
                                   void *arg, hse_audio *info, hse_error *err)
{
    return run(src, options, false, sink, arg, info, err);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* Bytes that may be held in memory. */
static size_t ceiling_of(const hse_decode_options *options)
{
    const bool given = options && (options->limits.max_seconds != 0 || options->limits.max_bytes != 0);

    return given ? options->limits.max_bytes : HSE_AUDIO_LIMITS_DEFAULT.max_bytes;
}

/* What cannot be read twice (a pipe, a socket) to its end. */
static hse_status read_stream(hse_buf *out, int fd, hse_error *err)
{
    uint8_t chunk[WAV_BLOCK];
    ssize_t n;

    for (;;) {
        n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hse_fail_sys(err, errno, "cannot read the audio");
        if (n == 0)
            return hse_buf_status(out, "the audio", err);
        hse_buf_append(out, chunk, (size_t)n);
        if (out->status != HSE_OK)
            return hse_buf_status(out, "the audio", err);
    }
}

/* A file by name as a source; what cannot be read twice is in `all` then. */
static hse_status open_source(hse_audio_source *src, hse_buf *all, const char *path, hse_error *err)
{
    const bool standard_input = strcmp(path, "-") == 0;
    struct stat st;
    hse_status s = HSE_OK;
    int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);

    *src = (hse_audio_source){.fd = fd};
    if (fd < 0)
        return hse_fail_sys(err, errno, "cannot be opened");       /* the caller names it */
    if (fstat(fd, &st) != 0)
        return hse_fail_sys(err, errno, "cannot be looked at");
    if (S_ISREG(st.st_mode) && (!standard_input || lseek(fd, 0, SEEK_CUR) == 0))
        return HSE_OK;
    if (S_ISDIR(st.st_mode)) {
        s = hse_fail(err, HSE_E_FORMAT, 0, "a directory, not an audio file");
    } else if ((s = read_stream(all, fd, err)) == HSE_OK) {
        close(fd);
        *src = hse_source_bytes((hse_bytes){all->data, all->size});
    }
    return s;
}

static void close_source(hse_audio_source *src)
{
    if (src->fd >= 0)
        close(src->fd);
}

hse_status hse_audio_decode_file_stream(const char *path, const hse_decode_options *options, hse_audio_sink *sink, void *arg,
                                        hse_audio *info, hse_error *err)
{
    hse_audio_source src;
    hse_buf all;

    hse_buf_init(&all, ceiling_of(options));
    hse_status s = open_source(&src, &all, path, err);
    if (s == HSE_OK)
        s = hse_audio_decode_stream(&src, options, sink, arg, info, err);
    close_source(&src);
    hse_buf_free(&all);
    return s == HSE_OK ? s : hse_fail_in(err, s, "%s", path);
}

/* ---- all at once ----------------------------------------------------------------------------------------------- */

static hse_status keep(void *arg, const float *x, size_t n, hse_error *err)
{
    hse_buf *b = arg;

    hse_buf_append(b, x, n * sizeof *x);
    return hse_buf_status(b, "the decoded audio", err);
}

hse_status hse_audio_decode(hse_audio *out, const hse_audio_source *src, const hse_decode_options *options,
                            hse_error *err)
{
    hse_audio a = {0};
    hse_buf kept;

    hse_buf_init(&kept, ceiling_of(options));
    hse_status s = run(src, options, true, keep, &kept, &a, err);
    if (s == HSE_OK) {
        if (a.n)
            a.samples = (float *)(void *)hse_buf_take(&kept, NULL);
        *out = a;
    }
    hse_buf_free(&kept);
    return s;
}

hse_status hse_audio_decode_file(hse_audio *out, const char *path, const hse_decode_options *options, hse_error *err)
{
    hse_audio_source src;
    hse_buf all;

    hse_buf_init(&all, ceiling_of(options));
    hse_status s = open_source(&src, &all, path, err);
    if (s == HSE_OK)
        s = hse_audio_decode(out, &src, options, err);
    close_source(&src);
    hse_buf_free(&all);
    return s == HSE_OK ? s : hse_fail_in(err, s, "%s", path);
}
