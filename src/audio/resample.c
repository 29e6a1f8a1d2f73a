#include "audio/resample.h"

#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <soxr.h>

struct hse_resampler {
    soxr_t soxr; /* NULL when the rates are equal */
    int in_hz, out_hz;
    uint64_t in_n, out_n; /* samples so far */
};

enum { OUT_BLOCK = 4096, FINISH_BLOCK = 4096 };

/* soxr_create and soxr_delete write tables that all its objects share. */
static pthread_mutex_t soxr_lock = PTHREAD_MUTEX_INITIALIZER;

size_t hse_resampled_length(size_t n, int in_hz, int out_hz)
{
    /* In double and in this order, as the reference computes it: a product that is not exact may round up by one. */
    return in_hz == out_hz ? n : (size_t)ceil((double)n * ((double)out_hz / (double)in_hz));
}

hse_status hse_resampler_open(hse_resampler **out, int in_hz, int out_hz, hse_error *err)
{
    if (in_hz < HSE_RATE_MIN || in_hz > HSE_RATE_MAX || out_hz < HSE_RATE_MIN || out_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "cannot resample from %d to %d Hz: rates are %d to %d Hz", in_hz, out_hz,
                        HSE_RATE_MIN, HSE_RATE_MAX);
    hse_resampler *r = hse_calloc(1, sizeof *r);

    if (!r)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a resampler");
    r->in_hz = in_hz;
    r->out_hz = out_hz;
    if (in_hz != out_hz) {
        soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
        soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
        soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
        soxr_error_t why = NULL;

        pthread_mutex_lock(&soxr_lock);
        r->soxr = soxr_create(in_hz, out_hz, 1, &why, &io, &quality, &runtime);
        pthread_mutex_unlock(&soxr_lock);
        if (!r->soxr) {
            hse_free(r);
            return hse_fail(err, HSE_E_NOMEM, 0, "no resampler from %d to %d Hz: %s", in_hz, out_hz,
                            why ? why : "unknown reason");
        }
    }
    *out = r;
    return HSE_OK;
}

void hse_resampler_close(hse_resampler **r)
{
    if (!*r)
        return;
    if ((*r)->soxr) {
        pthread_mutex_lock(&soxr_lock);
        soxr_delete((*r)->soxr);
        pthread_mutex_unlock(&soxr_lock);
    }
    hse_free(*r);
    *r = NULL;
}

/* x NULL: the end of the signal. Takes all input and all output that is ready. */
static hse_status run(hse_resampler *r, const float *x, size_t n, hse_buf *out, hse_error *err)
{
    float y[OUT_BLOCK];
    size_t used, made, done = 0;

    do {
        soxr_error_t why = soxr_process(r->soxr, x ? x + done : NULL, n - done, &used, y, OUT_BLOCK, &made);
        if (why)
            return hse_fail(err, HSE_E_NOMEM, 0, "resampling from %d to %d Hz: %s", r->in_hz, r->out_hz, why);
        done += used;
        hse_buf_append(out, y, made * sizeof *y);
        r->out_n += made;
    } while (done < n || made == OUT_BLOCK);
    return hse_buf_status(out, "the resampled audio", err);
}

hse_status hse_resampler_push(hse_resampler *r, const float *x, size_t n, hse_buf *out, hse_error *err)
{
    r->in_n += n;
    if (!r->soxr) {
        hse_buf_append(out, x, n * sizeof *x);
        return hse_buf_status(out, "the audio", err);
    }
    return n ? run(r, x, n, out, err) : HSE_OK;
}

hse_status hse_resampler_finish(hse_resampler *r, hse_buf *out, hse_error *err)
{
    const uint64_t want = hse_resampled_length((size_t)r->in_n, r->in_hz, r->out_hz);
    hse_status s = HSE_OK;

    if (r->soxr) {
        if (r->in_n)
            s = run(r, NULL, 0, out, err);
        for (const float zero = 0; s == HSE_OK && r->out_n < want; r->out_n++) {
            hse_buf_append(out, &zero, sizeof zero);
            s = hse_buf_status(out, "the resampled audio", err);
        }
        if (s == HSE_OK && r->out_n > want && out->size / sizeof(float) >= r->out_n - want)
            out->size -= (size_t)(r->out_n - want) * sizeof(float);
        if (s == HSE_OK && soxr_clear(r->soxr) != NULL)
            s = hse_fail(err, HSE_E_NOMEM, 0, "the resampler cannot be used again");
    }
    r->in_n = r->out_n = 0;
    return s;
}

hse_status hse_resample(float **out, size_t *out_n, const float *x, size_t n, int in_hz, int out_hz, hse_error *err)
{
    hse_resampler *r = NULL;
    hse_buf b;
    hse_status s;

    hse_buf_init(&b, SIZE_MAX / 2);
    s = hse_resampler_open(&r, in_hz, out_hz, err);
    if (r) {
        s = hse_resampler_push(r, x, n, &b, err);
        if (s == HSE_OK)
            s = hse_resampler_finish(r, &b, err);
    }
    hse_resampler_close(&r);
    if (s == HSE_OK) {
        *out_n = b.size / sizeof(float);
        *out = b.size ? (float *)(void *)hse_buf_take(&b, NULL) : NULL;
    }
    hse_buf_free(&b);
    return s;
}
