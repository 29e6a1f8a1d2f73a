#include "audio/follow.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

enum { PIECE_TIMEOUT_MS = 30000, MOST_DECODED = 256 << 20 };

struct hse_follow {
    hse_audio_sink *sink;
    void           *arg;
    hse_audio      *info;
    hse_buf         samples;                /* of one message: the sink may take its time, the helper's is bounded */
    bool            acknowledged, started;
    media_job       job;
};

static hse_status take_format(void *arg, int rate_hz, int channels, hse_error *err)
{
    hse_follow *f = arg;

    (void)err;
    f->info->rate_hz = rate_hz;
    f->info->channels = channels;
    return HSE_OK;
}

static hse_status take_samples(void *arg, const float *x, size_t n, hse_error *err)
{
    hse_follow *f = arg;

    hse_buf_append(&f->samples, x, n * sizeof *x);
    return hse_buf_status(&f->samples, "decoded audio", err);
}

static void take_ack(void *arg)
{
    ((hse_follow *)arg)->acknowledged = true;
}

static hse_status start(hse_follow *f, hse_error *err)
{
    const media_events ev = {.arg = f, .format = take_format, .samples = take_samples, .ack = take_ack};
    const media_patience patience = {.deadline_ms = hse_now_ms() + PIECE_TIMEOUT_MS};
    const media_request request = {.op = MEDIA_FOLLOW, .max_ms = (uint64_t)1e15, .max_samples = UINT64_MAX};
    hse_status s = media_job_start(&f->job, &patience, request, -1, &ev, err);

    f->started = s == HSE_OK;
    return s;
}

hse_status hse_follow_open(hse_follow **out, hse_audio_sink *sink, void *arg, hse_audio *info, hse_error *err)
{
    hse_follow *f = hse_calloc(1, sizeof *f);

    if (!f)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to decode audio");
    f->sink = sink;
    f->arg = arg;
    f->info = info;
    *info = (hse_audio){0};
    hse_buf_init(&f->samples, MOST_DECODED);
    hse_status s = start(f, err);
    if (s != HSE_OK)
        hse_follow_close(&f);
    else
        *out = f;
    return s;
}

void hse_follow_close(hse_follow **f)
{
    if (!*f)
        return;
    if ((*f)->started)
        media_job_close(&(*f)->job);
    hse_buf_free(&(*f)->samples);
    hse_free(*f);
    *f = NULL;
}

/* Send one message of n bytes (0: the end) and hand on what comes out of it. */
static hse_status exchange(hse_follow *f, const void *data, uint32_t n, hse_error *err)
{
    const bool sent = true;
    hse_status s;

    f->job.patience.deadline_ms = hse_now_ms() + PIECE_TIMEOUT_MS;
    f->acknowledged = false;
    if ((s = media_job_run(&f->job, &n, sizeof n, &sent, err)) == HSE_OK)
        s = media_job_run(&f->job, data, n, n ? &f->acknowledged : NULL, err);
    size_t count = f->samples.size / sizeof(float);
    if (s == HSE_OK && count) {
        f->info->n += count;
        s = f->sink(f->arg, (const float *)(const void *)f->samples.data, count, err);
        hse_buf_clear(&f->samples);
    }
    if (s == HSE_OK && n && !f->acknowledged)
        s = hse_fail(err, HSE_E_FORMAT, 0, "the audio is damaged after %zu samples", f->info->n);
    return s;
}

hse_status hse_follow_push(hse_follow *f, const void *data, size_t n, hse_error *err)
{
    const uint8_t *p = data;
    hse_status s = HSE_OK;

    for (size_t at = 0; at < n && s == HSE_OK; at += MEDIA_MAX_FRAME)
        s = exchange(f, p + at, (uint32_t)(n - at < MEDIA_MAX_FRAME ? n - at : MEDIA_MAX_FRAME), err);
    return s;
}

hse_status hse_follow_finish(hse_follow *f, hse_error *err)
{
    return exchange(f, NULL, 0, err);
}
