#include "audio/limiter.h"

#include "audio/audio.h"
#include "base/mem.h"

#include <math.h>

/* Per sample: need = min(1, ceiling/|x|), the largest gain it bears. low = the smallest need of this sample and the
 * `ahead` next ones. held = low, rising only slowly back to 1 (release). The gain applied is the mean of held over the
 * last ahead + 1 samples: each of those held values is at most the need of the sample that now leaves, so their mean is
 * too, and the mean moves in a ramp where low jumps. All gains are integers in units of 2^-30, so the running sum of
 * the mean is exact and nothing depends on where a block began. */
enum { UNIT_BITS = 30, AHEAD_MS = 5, RELEASE_MS = 50 };

static const uint32_t one = 1u << UNIT_BITS;

struct hse_limiter {
    float gain, ceiling;
    size_t ahead, window; /* window = ahead + 1 */
    uint32_t release;     /* share of the way back to 1 in one sample, in units */
    uint64_t in_n, out_n;
    float *delayed; /* the last `window` amplified samples, a ring */
    uint32_t *held; /* the last `window` held gains, a ring */
    uint64_t held_sum;
    uint32_t last_held;
    struct {
        uint64_t at;
        uint32_t need;
    } * queue; /* candidates for the smallest need, rising: a ring of `window` */
    size_t queue_head, queue_n;
};

static void restart(hse_limiter *l)
{
    l->in_n = l->out_n = 0;
    l->queue_head = l->queue_n = 0;
    l->last_held = one;
    for (size_t i = 0; i < l->window; i++)
        l->held[i] = one;
    l->held_sum = (uint64_t)one * l->window;
}

hse_status hse_limiter_open(hse_limiter **out, int rate_hz, float gain, float ceiling, hse_error *err)
{
    if (rate_hz < HSE_RATE_MIN || rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "limiter: a rate of %d Hz, expected %d to %d", rate_hz, HSE_RATE_MIN,
                        HSE_RATE_MAX);
    if (!(gain > 0) || !isfinite(gain) || !(ceiling > 0 && ceiling <= 1))
        return hse_fail(err, HSE_E_ARG, 0, "limiter: a gain of %g and a ceiling of %g make no sense", (double)gain,
                        (double)ceiling);
    hse_limiter *l = hse_calloc(1, sizeof *l);

    if (!l)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a limiter");
    l->gain = gain;
    l->ceiling = ceiling;
    l->ahead = (size_t)rate_hz * AHEAD_MS / 1000;
    l->window = l->ahead + 1;
    l->release = (uint32_t)((1 - exp(-1000.0 / ((double)RELEASE_MS * rate_hz))) * one);
    l->delayed = hse_alloc(l->window * sizeof *l->delayed);
    l->held = hse_alloc(l->window * sizeof *l->held);
    l->queue = hse_alloc(l->window * sizeof *l->queue);
    if (!l->delayed || !l->held || !l->queue) {
        hse_limiter_close(&l);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a limiter");
    }
    restart(l);
    *out = l;
    return HSE_OK;
}

void hse_limiter_close(hse_limiter **l)
{
    if (!*l)
        return;
    hse_free((*l)->delayed);
    hse_free((*l)->held);
    hse_free((*l)->queue);
    hse_free(*l);
    *l = NULL;
}

static uint32_t need_of(const hse_limiter *l, float x)
{
    float size = fabsf(x);

    return size <= l->ceiling ? one : (uint32_t)((double)l->ceiling / (double)size * one);
}

/* Take the need of sample in_n and return the smallest of the window that ends with it. */
static uint32_t smallest_need(hse_limiter *l, uint32_t need)
{
    if (l->queue_n && l->queue[l->queue_head].at + l->window <= l->in_n) {
        l->queue_head = (l->queue_head + 1) % l->window;
        l->queue_n--;
    }
    while (l->queue_n && l->queue[(l->queue_head + l->queue_n - 1) % l->window].need >= need)
        l->queue_n--;
    size_t at = (l->queue_head + l->queue_n++) % l->window;
    l->queue[at].at = l->in_n;
    l->queue[at].need = need;
    return l->queue[l->queue_head].need;
}

/* Take one amplified sample; true when *y is the sample that leaves. */
static bool step(hse_limiter *l, float x, float *y)
{
    uint32_t low = smallest_need(l, need_of(l, x));
    size_t slot = (size_t)(l->in_n % l->window);

    l->delayed[slot] = x;
    l->in_n++;
    if (l->in_n < l->window)
        return false; /* the window is not full: the first sample still waits */

    uint64_t risen = l->last_held + ((uint64_t)(one - l->last_held) * l->release >> UNIT_BITS) + 1;
    uint32_t held = risen < low ? (uint32_t)risen : low;
    size_t oldest = (size_t)(l->out_n % l->window);
    if (l->out_n == 0) { /* before the signal, as at its start: a ramp would begin too late */
        held = low;
        for (size_t i = 0; i < l->window; i++)
            l->held[i] = low;
        l->held_sum = (uint64_t)low * l->window;
    }
    l->last_held = held;
    l->held_sum += held;
    l->held_sum -= l->held[oldest];
    l->held[oldest] = held;

    float g = (float)((double)l->held_sum / ((double)l->window * one));
    float v = l->delayed[(size_t)(l->out_n % l->window)] * g;
    /* the last bit of the product may be rounded up */
    *y = v > l->ceiling ? l->ceiling : v < -l->ceiling ? -l->ceiling : v;
    l->out_n++;
    return true;
}

hse_status hse_limiter_push(hse_limiter *l, const float *x, size_t n, hse_buf *out, hse_error *err)
{
    float block[1024];

    for (size_t done = 0; done < n;) {
        size_t made = 0;
        for (; done < n && made < COUNT(block); done++) {
            float v = x[done] * l->gain;
            if (!(fabsf(v) <= HSE_SAMPLE_MAX))
                return hse_fail(err, HSE_E_FORMAT, l->in_n, "sample %llu is not a finite number of at most 1e9",
                                (unsigned long long)l->in_n);
            made += step(l, v, &block[made]);
        }
        hse_buf_append(out, block, made * sizeof *block);
    }
    return hse_buf_status(out, "the audio", err);
}

hse_status hse_limiter_finish(hse_limiter *l, hse_buf *out, hse_error *err)
{
    const uint64_t total = l->in_n;

    while (l->out_n < total) {
        float y;
        if (step(l, 0, &y))
            hse_buf_append(out, &y, sizeof y);
    }
    restart(l);
    return hse_buf_status(out, "the audio", err);
}

hse_status hse_limit(float *x, size_t n, int rate_hz, float gain, float ceiling, hse_error *err)
{
    hse_limiter *l = NULL;
    hse_buf b;
    hse_status s;

    hse_buf_init(&b, SIZE_MAX / 2);
    s = hse_limiter_open(&l, rate_hz, gain, ceiling, err);
    if (l) {
        s = hse_limiter_push(l, x, n, &b, err);
        if (s == HSE_OK)
            s = hse_limiter_finish(l, &b, err);
    }
    if (s == HSE_OK && n)
        memcpy(x, b.data, n * sizeof *x);
    hse_limiter_close(&l);
    hse_buf_free(&b);
    return s;
}
