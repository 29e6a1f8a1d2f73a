#include "audio/encode.h"

#include "audio/resample.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

enum { PIECE_TIMEOUT_MS = 30000, FLAC_LENGTH_AT = 21 };

struct hse_encoder {
    hse_audio_format format;
    int rate_hz; /* written */
    bool stream, started, helped;
    uint64_t in_n, out_n; /* samples taken, and written after resampling */
    size_t start;         /* where in the output buffer the file begins */
    hse_resampler *resampler;
    hse_buf resampled;
    hse_buf *out; /* during a call */
    hse_buf head; /* bytes from before the first call */
    bool acknowledged;
    media_job job;
};

static const struct {
    const char *name, *mime;
    uint32_t codec; /* 0: in process */
} formats[] = {
    [HSE_FORMAT_WAV] = {"wav", "audio/wav", 0},
    [HSE_FORMAT_PCM] = {"pcm", "audio/pcm", 0},
    [HSE_FORMAT_FLAC] = {"flac", "audio/flac", MEDIA_FLAC},
    [HSE_FORMAT_MP3] = {"mp3", "audio/mpeg", MEDIA_MP3},
    [HSE_FORMAT_OPUS] = {"opus", "audio/ogg", MEDIA_OPUS},
    [HSE_FORMAT_AAC] = {"aac", "audio/aac", MEDIA_AAC},
};

hse_status hse_audio_format_parse(const char *name, hse_audio_format *out)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(name, formats[i].name) == 0) {
            *out = (hse_audio_format)i;
            return HSE_OK;
        }
    if (strcmp(name, "ogg") != 0)
        return HSE_E_ARG;
    *out = HSE_FORMAT_OPUS;
    return HSE_OK;
}

const char *hse_audio_format_name(hse_audio_format format)
{
    return formats[format].name;
}

const char *hse_audio_format_mime(hse_audio_format format)
{
    return formats[format].mime;
}

int hse_audio_format_rate(hse_audio_format format, int rate_hz)
{
    static const int opus[] = {8000, 12000, 16000, 24000, 48000, 0};
    static const int mp3[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 0};
    /* below 16 kHz a frame of 96 kbit/s would be larger than AAC allows */
    static const int aac[] = {16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 0};
    const int *known = format == HSE_FORMAT_OPUS  ? opus
                       : format == HSE_FORMAT_MP3 ? mp3
                       : format == HSE_FORMAT_AAC ? aac
                                                  : NULL;

    if (!known)
        return rate_hz;
    while (*known < rate_hz && known[1])
        known++;
    return *known;
}

static hse_status take_bytes(void *arg, const uint8_t *data, size_t n, hse_error *err)
{
    hse_encoder *e = arg;

    hse_buf *to = e->out ? e->out : &e->head; /* a file's head may come before the first push */
    hse_buf_append(to, data, n);
    return hse_buf_status(to, "the encoded audio", err);
}

static void take_ack(void *arg)
{
    ((hse_encoder *)arg)->acknowledged = true;
}

static hse_status start_helper(hse_encoder *e, hse_error *err)
{
    const media_events ev = {.arg = e, .bytes = take_bytes, .ack = take_ack};
    const media_patience patience = {.deadline_ms = hse_now_ms() + PIECE_TIMEOUT_MS};
    const media_request request = {
        .op = MEDIA_ENCODE,
        .codec = formats[e->format].codec,
        .rate_hz = (uint32_t)e->rate_hz,
    };
    bool again = false;
    hse_status s;

    do {
        const bool first = !again;
        again = false;
        if ((s = media_job_start(&e->job, &patience, request, -1, &ev, err)) == HSE_OK) {
            s = media_job_run(&e->job, NULL, 0, &e->acknowledged, err); /* it acknowledges that it is ready */
            again = s != HSE_OK && first && media_job_lost(&e->job);
            if (s != HSE_OK)
                media_job_close(&e->job);
        }
    } while (again);
    e->helped = s == HSE_OK;
    return s;
}

hse_status hse_encoder_open(hse_encoder **out, hse_audio_format format, int rate_hz, bool stream, hse_error *err)
{
    hse_encoder *e = NULL;
    hse_status s = HSE_OK;

    if (rate_hz < HSE_RATE_MIN || rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "cannot encode audio of %d Hz: rates are %d to %d Hz", rate_hz, HSE_RATE_MIN,
                        HSE_RATE_MAX);
    if (!(e = hse_calloc(1, sizeof *e)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an encoder");
    e->format = format;
    e->stream = stream;
    e->rate_hz = hse_audio_format_rate(format, rate_hz);
    hse_buf_init(&e->resampled, SIZE_MAX / 2);
    hse_buf_init(&e->head, MEDIA_MAX_FRAME);
    if (e->rate_hz != rate_hz)
        s = hse_resampler_open(&e->resampler, rate_hz, e->rate_hz, err);
    if (s == HSE_OK && formats[format].codec)
        s = start_helper(e, err);
    if (s != HSE_OK) {
        hse_encoder_close(&e);
        return s;
    }
    *out = e;
    return HSE_OK;
}

void hse_encoder_close(hse_encoder **e)
{
    if (!*e)
        return;
    if ((*e)->helped)
        media_job_close(&(*e)->job);
    hse_resampler_close(&(*e)->resampler);
    hse_buf_free(&(*e)->resampled);
    hse_buf_free(&(*e)->head);
    hse_free(*e);
    *e = NULL;
}

/* Send one message of n samples (0: the end) and take what comes back. */
static hse_status exchange(hse_encoder *e, const float *x, uint32_t n, hse_error *err)
{
    hse_status s;

    e->job.patience.deadline_ms = hse_now_ms() + PIECE_TIMEOUT_MS;
    e->acknowledged = false;
    const bool sent = true;
    if ((s = media_job_run(&e->job, &n, sizeof n, &sent, err)) != HSE_OK)
        return s;
    return media_job_run(&e->job, x, n * sizeof *x, n ? &e->acknowledged : NULL, err);
}

static hse_status write_samples(hse_encoder *e, const float *x, size_t n, hse_error *err)
{
    hse_status s = HSE_OK;

    e->out_n += n;
    if (e->helped) {
        for (size_t at = 0; s == HSE_OK && at < n; at += MEDIA_BLOCK)
            s = exchange(e, x + at, (uint32_t)(n - at < MEDIA_BLOCK ? n - at : MEDIA_BLOCK), err);
        return s;
    }
    size_t bytes;
    uint8_t *p = n && hse_mul_size(n, 2, &bytes) ? hse_buf_extend(e->out, bytes) : NULL;
    if (p)
        hse_pcm16_put(p, x, n);
    return hse_buf_status(e->out, "the encoded audio", err);
}

static hse_status start(hse_encoder *e, hse_buf *out, hse_error *err)
{
    e->out = out;
    if (e->started)
        return HSE_OK;
    e->started = true;
    e->start = out->size;
    if (e->format == HSE_FORMAT_WAV) {
        uint8_t *p = hse_buf_extend(out, HSE_WAV_HEADER);
        if (p)
            hse_wav_header(p, e->rate_hz, HSE_WAV_STREAM);
    }
    hse_buf_append(out, e->head.data, e->head.size);
    return hse_buf_status(out, "the encoded audio", err);
}

hse_status hse_encoder_push(hse_encoder *e, const float *x, size_t n, hse_buf *out, hse_error *err)
{
    size_t bad = hse_audio_first_bad(x, n);
    hse_status s;

    if (bad < n) {
        const uint64_t at = e->in_n + bad;
        return hse_fail(err, HSE_E_FORMAT, at, "sample %llu is not a finite number of at most 1e9",
                        (unsigned long long)at);
    }
    e->in_n += n;
    if ((s = start(e, out, err)) != HSE_OK || n == 0)
        return s;
    if (!e->resampler)
        return write_samples(e, x, n, err);
    hse_buf_clear(&e->resampled);
    if ((s = hse_resampler_push(e->resampler, x, n, &e->resampled, err)) != HSE_OK)
        return s;
    return write_samples(e, (const float *)(void *)e->resampled.data, e->resampled.size / sizeof(float), err);
}

bool hse_encoder_length(const hse_encoder *e, uint8_t *head, size_t n)
{
    if (e->format == HSE_FORMAT_WAV && n >= HSE_WAV_HEADER) {
        hse_wav_header(head, e->rate_hz, e->out_n);
    } else if (e->format == HSE_FORMAT_FLAC && n >= FLAC_LENGTH_AT + 5 && memcmp(head, "fLaC", 4) == 0 && e->out_n < (uint64_t)1 << 36) {
        /* STREAMINFO: 36 bits of length, the first four share a byte with the sample size */
        head[FLAC_LENGTH_AT] = (uint8_t)((head[FLAC_LENGTH_AT] & 0xF0) | (uint8_t)(e->out_n >> 32));
        for (int i = 0; i < 4; i++)
            head[FLAC_LENGTH_AT + 1 + i] = (uint8_t)(e->out_n >> (24 - 8 * i));
    } else {
        return false;
    }
    return true;
}

hse_status hse_encoder_finish(hse_encoder *e, hse_buf *out, hse_error *err)
{
    hse_status s = start(e, out, err);

    if (s == HSE_OK && e->resampler) {
        hse_buf_clear(&e->resampled);
        s = hse_resampler_finish(e->resampler, &e->resampled, err);
        if (s == HSE_OK)
            s = write_samples(e, (const float *)(void *)e->resampled.data, e->resampled.size / sizeof(float), err);
    }
    if (s == HSE_OK && e->helped)
        s = exchange(e, NULL, 0, err);
    if (s == HSE_OK && !e->stream && out->size > e->start)
        hse_encoder_length(e, out->data + e->start, out->size - e->start);
    return s;
}

hse_status hse_audio_encode(hse_buf *out, hse_audio_format format, const float *x, size_t n, int rate_hz,
                            hse_error *err)
{
    hse_encoder *e = NULL;
    hse_status s = hse_encoder_open(&e, format, rate_hz, false, err);

    if (e) {
        s = hse_encoder_push(e, x, n, out, err);
        if (s == HSE_OK)
            s = hse_encoder_finish(e, out, err);
    }
    hse_encoder_close(&e);
    return s;
}
