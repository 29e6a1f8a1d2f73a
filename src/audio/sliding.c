#include "audio/sliding.h"

#include "audio/resample.h"
#include "base/buf.h"
#include "base/mem.h"

enum { STEP = 1 << 15 };                    /* input samples that are resampled at a time */

struct hse_sliding {
    const hse_audio   *in;
    const atomic_bool *cancel;
    hse_resampler     *resampler;
    size_t             length, pushed;      /* input samples, and one more behind the end */
    hse_buf            kept;                /* floats from sample `from` on */
    size_t             from;
};

hse_status hse_sliding_open(hse_sliding **out, const hse_audio *recording, int rate_hz, const atomic_bool *cancel, hse_error *err)
{
    hse_sliding *s = hse_calloc(1, sizeof *s);

    if (!s)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a recording");
    *s = (hse_sliding){.in = recording, .cancel = cancel,
                       .length = recording->samples ? hse_resampled_length(recording->n, recording->rate_hz, rate_hz) : 0};
    hse_buf_init(&s->kept, SIZE_MAX / 2);
    hse_status status = hse_resampler_open(&s->resampler, recording->rate_hz, rate_hz, err);
    if (status != HSE_OK)
        hse_sliding_close(&s);
    else
        *out = s;
    return status;
}

void hse_sliding_close(hse_sliding **s)
{
    if (!*s)
        return;
    if ((*s)->resampler)
        hse_resampler_close(&(*s)->resampler);
    hse_buf_free(&(*s)->kept);
    hse_free(*s);
    *s = NULL;
}

static size_t kept_to(const hse_sliding *s)
{
    return s->from + s->kept.size / sizeof(float);
}

size_t hse_sliding_length(const hse_sliding *s)
{
    return s->in->samples ? s->length : kept_to(s);
}

hse_status hse_sliding_feed(hse_sliding *s, const float *samples, size_t n, bool end, hse_error *err)
{
    hse_status status = n ? hse_resampler_push(s->resampler, samples, n, &s->kept, err) : HSE_OK;

    if (status == HSE_OK && end)
        status = hse_resampler_finish(s->resampler, &s->kept, err);
    return status == HSE_OK ? hse_buf_status(&s->kept, "a stretch of the recording", err) : status;
}

hse_status hse_sliding_get(hse_sliding *s, size_t from, size_t to, const float **x, hse_error *err)
{
    hse_status status = HSE_OK;

    if (from > s->from && s->kept.size >= (from - s->from) * sizeof(float)) {
        hse_buf_consume(&s->kept, (from - s->from) * sizeof(float));
        s->from = from;
    }
    while (status == HSE_OK && s->in->samples && kept_to(s) < to && s->pushed <= s->in->n) {
        size_t n = s->in->n - s->pushed < STEP ? s->in->n - s->pushed : STEP;

        if (s->cancel && atomic_load(s->cancel))
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        if (n)
            status = hse_sliding_feed(s, s->in->samples + s->pushed, n, false, err);
        else
            status = hse_sliding_feed(s, NULL, 0, true, err);
        s->pushed += n ? n : 1;
    }
    if (status == HSE_OK && kept_to(s) < to)
        status = hse_fail(err, HSE_E_ARG, 0, "the recording has fewer samples than its length says");
    *x = (const float *)(const void *)s->kept.data + (from - s->from);
    return status;
}
