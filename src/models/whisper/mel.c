/* mel.c - see mel.h. A frame depends on its 400 samples alone; frames are handed to the pool in blocks, each thread with
 * scratch of its own, so that the bits do not depend on how the work is cut. */
#include "models/whisper/mel.h"

#include "audio/audio.h"
#include "audio/fft.h"
#include "audio/mel.h"
#include "base/mem.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    PAD = WHISPER_FFT / 2,      /* reflected at both ends */
    BINS = WHISPER_FFT / 2 + 1,
    BLOCK = 128,                /* frames in a task */
    MAX_SAMPLES = 1 << 30,      /* 18 hours */
};

static const float floor_power = 1e-10f;

struct whisper_mel {
    hse_fft *fft;
    hse_mel *bank;
    int mels;
    float window[WHISPER_FFT];
};

hse_status whisper_mel_open(whisper_mel **out, int mels, hse_error *err)
{
    hse_mel_config bank = {.rate_hz = WHISPER_RATE, .n_fft = WHISPER_FFT, .n_mels = mels, .scale = HSE_MEL_SLANEY,
                           .norm = HSE_MEL_AREA_1};
    hse_status s;

    if (mels < 1 || mels > 512)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%d mels; 1 to 512 are possible", mels);
    whisper_mel *m = hse_calloc(1, sizeof *m);
    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a mel filter bank");
    m->mels = mels;
    for (int i = 0; i < WHISPER_FFT; i++)
        m->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * i / WHISPER_FFT));
    if ((s = hse_fft_open(&m->fft, WHISPER_FFT, err)) != HSE_OK || (s = hse_mel_open(&m->bank, &bank, err)) != HSE_OK) {
        whisper_mel_close(&m);
        return s;
    }
    *out = m;
    return HSE_OK;
}

void whisper_mel_close(whisper_mel **at)
{
    whisper_mel *m = *at;

    *at = NULL;
    if (!m)
        return;
    hse_fft_close(&m->fft);
    hse_mel_close(&m->bank);
    hse_free(m);
}

int whisper_mel_bands(const whisper_mel *m)
{
    return m->mels;
}

void whisper_mel_filters(const whisper_mel *m, float *out)
{
    memset(out, 0, (size_t)m->mels * BINS * sizeof *out);
    for (int k = 0; k < m->mels; k++) {
        const float *weights;
        int n, first = hse_mel_band(m->bank, k, &n, &weights);
        if (n > 0)
            memcpy(out + (size_t)k * BINS + first, weights, (size_t)n * sizeof *out);
    }
}

size_t whisper_mel_count(size_t samples)
{
    return (samples + WHISPER_HOP) / WHISPER_HOP;
}

/* ------------------------------------------------------------------------------------------------------ one block */

typedef struct {
    const whisper_mel *m;
    const float *samples;
    size_t n, first, frames;
    float peak;                 /* what to clip at; NAN: the powers as they are */
    float *out;                 /* NULL: only the largest power is wanted */
    float *scratch;             /* per task at most the pool's threads; see `free_scratch` */
    size_t scratch_size;
    _Atomic uint64_t free_scratch;
    _Atomic uint32_t largest;   /* bits of a float that is not negative: they sort as integers */
} job;

/* Sample i of the signal with its 160 zeros behind, reflected at both ends as often as it takes. */
static float reflected(const job *j, ptrdiff_t i)
{
    ptrdiff_t last = (ptrdiff_t)(j->n + WHISPER_HOP) - 1;

    while (i < 0 || i > last)
        i = i < 0 ? -i : 2 * last - i;
    return (size_t)i < j->n ? j->samples[i] : 0.0f;
}

static void power_of_frame(const job *j, size_t frame, float *windowed, float *bins, float *scratch, float *power)
{
    const whisper_mel *m = j->m;
    ptrdiff_t at = (ptrdiff_t)(frame * WHISPER_HOP) - PAD;

    if (at >= 0 && (size_t)at + WHISPER_FFT <= j->n)
        for (int k = 0; k < WHISPER_FFT; k++)
            windowed[k] = j->samples[at + k] * m->window[k];
    else
        for (int k = 0; k < WHISPER_FFT; k++)
            windowed[k] = reflected(j, at + k) * m->window[k];
    hse_fft_forward(m->fft, windowed, bins, scratch);
    for (int k = 0; k < BINS; k++)
        power[k] = bins[2 * k] * bins[2 * k] + bins[2 * k + 1] * bins[2 * k + 1];
}

static void note_largest(job *j, float value)
{
    uint32_t bits, seen = atomic_load_explicit(&j->largest, memory_order_relaxed);

    memcpy(&bits, &value, sizeof bits);
    while (bits > seen && !atomic_compare_exchange_weak(&j->largest, &seen, bits))
        continue;
}

static void to_log(float *mel, size_t n, float peak)
{
    for (size_t i = 0; i < n; i++) {
        float v = log10f(mel[i] > floor_power ? mel[i] : floor_power);
        v = v > peak - 8.0f ? v : peak - 8.0f;
        mel[i] = (v + 4.0f) / 4.0f;
    }
}

static size_t scratch_floats(const whisper_mel *m)
{
    return WHISPER_FFT + 2 * BINS + hse_fft_scratch(m->fft) + BINS + (size_t)m->mels * BLOCK;
}

static void run_block(void *arg, int task)
{
    job *j = arg;
    const whisper_mel *m = j->m;
    size_t from = (size_t)task * BLOCK, to = from + BLOCK < j->frames ? from + BLOCK : j->frames;
    size_t count = whisper_mel_count(j->n), mels = (size_t)m->mels;
    uint64_t free_now = atomic_load(&j->free_scratch);
    int mine;

    do
        mine = __builtin_ctzll(free_now);
    while (!atomic_compare_exchange_weak(&j->free_scratch, &free_now, free_now & (free_now - 1)));
    float *windowed = j->scratch + (size_t)mine * j->scratch_size, *bins = windowed + WHISPER_FFT;
    float *power = bins + 2 * BINS, *fft = power + BINS, *mel = fft + hse_fft_scratch(m->fft);
    float largest = 0;

    for (size_t f = from; f < to; f++) {
        float *row = j->out ? j->out + f * mels : mel;
        if (j->first + f >= count) {
            memset(row, 0, mels * sizeof *row);
            continue;
        }
        power_of_frame(j, j->first + f, windowed, bins, fft, power);
        hse_mel_run(m->bank, power, 1, row);
        for (size_t k = 0; k < mels; k++)
            largest = row[k] > largest ? row[k] : largest;
        if (j->out && !isnan(j->peak))
            to_log(row, mels, j->peak);
    }
    note_largest(j, largest);
    atomic_fetch_or(&j->free_scratch, (uint64_t)1 << mine);
}

/* ---------------------------------------------------------------------------------------------------------- a signal */

static hse_status check_samples(const float *samples, size_t n, size_t from, hse_error *err)
{
    size_t bad = from < n ? from + hse_audio_first_bad(samples + from, n - from) : n;

    if (bad == n)
        return HSE_OK;
    return hse_fail(err, HSE_E_FORMAT, bad, "sample %zu is %g: no sound has that", bad, (double)samples[bad]);
}

static hse_status run(job *j, hse_pool *pool, hse_error *err)
{
    int threads = hse_pool_threads(pool), blocks = (int)((j->frames + BLOCK - 1) / BLOCK);

    if (threads > 64)
        pool = NULL, threads = 1;
    if (threads > blocks)
        threads = blocks > 0 ? blocks : 1;
    j->scratch_size = scratch_floats(j->m);
    j->scratch = hse_alloc((size_t)threads * j->scratch_size * sizeof *j->scratch);
    if (!j->scratch)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for log-mel frames");
    atomic_store(&j->free_scratch, threads == 64 ? UINT64_MAX : ((uint64_t)1 << threads) - 1);
    hse_pool_run(pool, blocks, run_block, j);
    hse_free(j->scratch);
    return HSE_OK;
}

static float peak_of(job *j)
{
    uint32_t bits = atomic_load(&j->largest);
    float power;

    memcpy(&power, &bits, sizeof power);
    return log10f(power > floor_power ? power : floor_power);
}

static hse_status check(size_t n, hse_error *err)
{
    if (n > MAX_SAMPLES)
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu samples, the limit is %d", n, MAX_SAMPLES);
    return HSE_OK;
}

hse_status whisper_mel_peak(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, float *peak,
                            hse_error *err)
{
    job j = {.m = m, .samples = samples, .n = n, .frames = whisper_mel_count(n), .peak = NAN};
    hse_status s;

    if ((s = check(n, err)) != HSE_OK || (s = check_samples(samples, n, 0, err)) != HSE_OK ||
        (s = run(&j, pool, err)) != HSE_OK)
        return s;
    *peak = peak_of(&j);
    return HSE_OK;
}

hse_status whisper_mel_peak_of(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, size_t first,
                               size_t frames, float *peak, hse_error *err)
{
    size_t all = whisper_mel_count(n), from, to;
    job j = {.m = m, .samples = samples, .n = n, .first = first, .peak = NAN};
    hse_status s = check(n, err);

    if (s != HSE_OK)
        return s;
    if (first >= all)
        return hse_fail(err, HSE_E_ARG, 0, "frame %zu of a signal of %zu frames", first, all);
    j.frames = frames < all - first ? frames : all - first;
    from = first * WHISPER_HOP > PAD ? first * WHISPER_HOP - PAD : 0;
    to = (first + j.frames) * WHISPER_HOP + PAD;
    if ((s = check_samples(samples, to < n ? to : n, from < n ? from : n, err)) != HSE_OK || (s = run(&j, pool, err)) != HSE_OK)
        return s;
    *peak = peak_of(&j);
    return HSE_OK;
}

hse_status whisper_mel_frames(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, float peak,
                              size_t first, size_t frames, float *out, hse_error *err)
{
    job j = {.m = m, .samples = samples, .n = n, .first = first, .frames = frames, .peak = peak, .out = out};
    hse_status s = check(n, err);

    if (s != HSE_OK || first > MAX_SAMPLES || frames > MAX_SAMPLES || isnan(peak))
        return s != HSE_OK ? s
                           : hse_fail(err, HSE_E_ARG, 0, "frames %zu + %zu of a signal of %zu samples, peak %g", first,
                                      frames, n, (double)peak);
    size_t from = first * WHISPER_HOP, to = (first + frames) * WHISPER_HOP + PAD;
    from = from > PAD ? from - PAD : 0;
    if ((s = check_samples(samples, to < n ? to : n, from < n ? from : n, err)) != HSE_OK)
        return s;
    return run(&j, pool, err);
}

typedef struct {
    float *out;
    size_t n;
    float peak;
} log_job;

enum { LOG_BLOCK = 1 << 14 };

static void log_block(void *arg, int task)
{
    log_job *j = arg;
    size_t from = (size_t)task * LOG_BLOCK, n = j->n - from < LOG_BLOCK ? j->n - from : LOG_BLOCK;

    to_log(j->out + from, n, j->peak);
}

hse_status whisper_mel_run(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, float *out,
                           hse_error *err)
{
    job j = {.m = m, .samples = samples, .n = n, .frames = whisper_mel_count(n), .peak = NAN, .out = out};
    hse_status s;

    if ((s = check(n, err)) != HSE_OK || (s = check_samples(samples, n, 0, err)) != HSE_OK ||
        (s = run(&j, pool, err)) != HSE_OK)
        return s;
    log_job l = {out, j.frames * (size_t)m->mels, peak_of(&j)};
    hse_pool_run(pool, (int)((l.n + LOG_BLOCK - 1) / LOG_BLOCK), log_block, &l);
    return HSE_OK;
}
