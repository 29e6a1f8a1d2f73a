/* output.c - from the model's samples to the answer's: gain and limiter, then the sample rate. */
#include "audio/limiter.h"
#include "audio/resample.h"
#include "audio/watermark.h"
#include "engine/internal.h"

enum { CEILING = 1 << 28, BLOCK = 4096 };           /* bytes of a stage's buffer; samples of a pause at once */

hse_status hse_output_open(output *o, const hse_job *job, unsigned rate_hz, float gain, hse_error *err)
{
    hse_status s = HSE_OK;

    hse_buf_init(&o->limited, CEILING);
    hse_buf_init(&o->resampled, CEILING);
    o->rate_hz = rate_hz;
    o->gain = gain;
    o->open = true;
    hse_buf_init(&o->marked, CEILING);
    if (job->watermark[0])
        s = hse_watermark_open(&o->watermark, (int)rate_hz, job->watermark, err);
    if (s == HSE_OK && job->loudness == HSE_LOUDNESS_AUTO)
        s = hse_limiter_open(&o->limiter, (int)rate_hz, gain, HSE_LIMITER_CEILING, err);
    if (s == HSE_OK && job->rate_hz && job->rate_hz != rate_hz)
        s = hse_resampler_open(&o->resampler, (int)rate_hz, (int)job->rate_hz, err);
    return s;
}

/* What the limiter has let go moves on to the resampler, where there is one. */
static hse_status move_on(output *o, hse_error *err)
{
    hse_status s = hse_buf_status(&o->limited, "audio", err);

    if (s != HSE_OK || !o->resampler)
        return s;
    s = hse_resampler_push(o->resampler, (const float *)(const void *)o->limited.data, o->limited.size / sizeof(float),
                           &o->resampled, err);
    hse_buf_clear(&o->limited);
    return s != HSE_OK ? s : hse_buf_status(&o->resampled, "audio", err);
}

/* Gain and limiter, and on. */
static hse_status push_marked(output *o, const float *samples, size_t count, hse_error *err)
{
    hse_status s = HSE_OK;

    if (o->limiter) {
        s = hse_limiter_push(o->limiter, samples, count, &o->limited, err);
    } else {
        float *to = hse_buf_extend(&o->limited, count * sizeof *to);

        for (size_t i = 0; to && i < count; i++)
            to[i] = samples[i] * o->gain;
    }
    return s != HSE_OK ? s : move_on(o, err);
}

/* What the watermark has let go. */
static hse_status move_marked(output *o, hse_error *err)
{
    hse_status s = push_marked(o, (const float *)(const void *)o->marked.data, o->marked.size / sizeof(float), err);

    hse_buf_clear(&o->marked);
    return s;
}

hse_status hse_output_push(output *o, const float *samples, size_t count, hse_error *err)
{
    if (!o->watermark)
        return push_marked(o, samples, count, err);
    hse_status s = hse_watermark_push(o->watermark, samples, count, &o->marked, err);
    return s == HSE_OK ? move_marked(o, err) : s;
}

hse_status hse_output_pause(output *o, unsigned ms, hse_error *err)
{
    static const float silence[BLOCK];
    hse_status s = HSE_OK;

    for (size_t left = (size_t)ms * o->rate_hz / 1000; left && s == HSE_OK;) {
        size_t n = left < BLOCK ? left : BLOCK;

        s = hse_output_push(o, silence, n, err);
        left -= n;
    }
    return s;
}

hse_status hse_output_finish(output *o, hse_error *err)
{
    hse_status s = HSE_OK;

    o->finished = true;
    if (!o->open)
        return HSE_OK;
    if (o->watermark && (s = hse_watermark_finish(o->watermark, &o->marked, err)) == HSE_OK)
        s = move_marked(o, err);
    if (s == HSE_OK && o->limiter)
        s = hse_limiter_finish(o->limiter, &o->limited, err);
    if (s == HSE_OK)
        s = move_on(o, err);
    if (s == HSE_OK && o->resampler)
        s = hse_resampler_finish(o->resampler, &o->resampled, err);
    return s;
}

size_t hse_output_take(output *o, float *out, size_t max)
{
    hse_buf *b = o->resampler ? &o->resampled : &o->limited;

    if (!o->open || max == 0)
        return 0;
    size_t have = b->size / sizeof(float) - o->taken, n = have < max ? have : max;
    if (n)
        memcpy(out, b->data + o->taken * sizeof(float), n * sizeof(float));
    o->taken += n;
    if (n == have) {                                    /* moved to the front only when empty: no copying back and forth */
        hse_buf_clear(b);
        o->taken = 0;
    }
    return n;
}

void hse_output_close(output *o)
{
    hse_watermark_close(&o->watermark);
    hse_limiter_close(&o->limiter);
    hse_resampler_close(&o->resampler);
    if (o->open) {
        hse_buf_free(&o->marked);
        hse_buf_free(&o->limited);
        hse_buf_free(&o->resampled);
    }
    o->open = false;
}
