/* voice.c - see voice.h. The numbers are the original's: scale to a peak of 0.9, raise (never lower) to -30 dBFS, drop
 * what the WebRTC detector does not take for speech, smoothed over 8 frames and widened by 3 on both sides. */
#include "models/harmonyspeech/voice.h"

#include "audio/resample.h"
#include "audio/webrtc_vad.h"
#include "base/mem.h"

#include <math.h>

enum {
    N_FFT = 400,
    FRAME = HSE_WEBRTC_FRAME,
    PARTIAL_SAMPLES = HS1_PARTIAL_FRAMES * HS1_VOICE_HOP,
    MEL_BLOCK = 256, /* spectra held at once */
};

const char *const hs1_voice_step_names[HS1_VOICE_STEPS] = {
    "wav_resampled", "wav_normalized",  "vad_pcm",  "vad_flags",
    "vad_features",  "vad_total_power", "vad_mask", "wav_trimmed",
};

void hs1_voice_trace_init(hs1_voice_trace *t)
{
    for (int i = 0; i < HS1_VOICE_STEPS; i++)
        hse_buf_init(&t->step[i], (size_t)1 << 30);
}

void hs1_voice_trace_free(hs1_voice_trace *t)
{
    for (int i = 0; i < HS1_VOICE_STEPS; i++)
        hse_buf_free(&t->step[i]);
}

static void note(hs1_voice_trace *t, int step, const float *x, size_t n)
{
    if (t)
        hse_buf_append(&t->step[step], x, n * sizeof *x);
}

static void note1(hs1_voice_trace *t, int step, float x)
{
    note(t, step, &x, 1);
}

hse_status hs1_voice_plan_open(hs1_voice_plan *p, hse_error *err)
{
    hse_stft_config stft = {.n_fft = N_FFT, .hop = HS1_VOICE_HOP, .pad = N_FFT / 2, .pad_with = HSE_STFT_ZEROS};
    hse_mel_config mel = {.rate_hz = HS1_VOICE_RATE,
                          .n_fft = N_FFT,
                          .n_mels = HS1_VOICE_MELS,
                          .scale = HSE_MEL_SLANEY,
                          .norm = HSE_MEL_AREA_1};
    hse_status s;

    *p = (hs1_voice_plan){0};
    if ((s = hse_stft_open(&p->stft, &stft, err)) == HSE_OK)
        s = hse_mel_open(&p->mel, &mel, err);
    if (s != HSE_OK)
        hs1_voice_plan_close(p);
    return s;
}

void hs1_voice_plan_close(hs1_voice_plan *p)
{
    hse_stft_close(&p->stft);
    hse_mel_close(&p->mel);
}

size_t hs1_voice_partials(size_t n, size_t *padded)
{
    size_t frames = (n + HS1_VOICE_HOP) / HS1_VOICE_HOP; /* ceil((n + 1) / hop) */
    size_t count = frames >= HS1_PARTIAL_STEP ? (frames - HS1_PARTIAL_STEP) / HS1_PARTIAL_STEP + 1 : 1;
    size_t last = (count - 1) * HS1_PARTIAL_STEP * HS1_VOICE_HOP;

    /* A last partial that is covered by less than three quarters is dropped, unless it is the only one. */
    if (count > 1 && (double)(n > last ? n - last : 0) / PARTIAL_SAMPLES < 0.75)
        last = (--count - 1) * HS1_PARTIAL_STEP * HS1_VOICE_HOP;
    *padded = last + PARTIAL_SAMPLES >= n ? last + PARTIAL_SAMPLES : n;
    return count;
}

/* Scale and volume, in place. False for digital silence. */
static bool set_level(float *x, size_t n)
{
    float peak = hse_audio_peak(x, n);
    double power = 0, gain;

    if (!(peak > 0))
        return false;
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] * 0.9f / peak;
        power += (double)x[i] * x[i];
    }
    gain = -30 - 10 * log10(power / (double)n);
    if (gain > 0)
        hse_audio_scale(x, n, (float)pow(10, gain / 20));
    return true;
}

/* The detector's flag for each whole frame. Values beyond 16 bits wrap around, as the original's conversion does. */
static void detect(const float *x, size_t frames, uint8_t *flags, hs1_voice_trace *trace)
{
    hse_webrtc_vad vad;

    hse_webrtc_vad_init(&vad);
    for (size_t f = 0; f < frames; f++) {
        int16_t pcm[FRAME];
        hse_webrtc_trace inner;

        for (size_t i = 0; i < FRAME; i++) {
            pcm[i] = (int16_t)(uint16_t)(uint32_t)llrintf(x[f * FRAME + i] * 32767.0f);
            note1(trace, HS1_VOICE_PCM, pcm[i]);
        }
        flags[f] = hse_webrtc_vad_frame(&vad, pcm, &inner);
        note1(trace, HS1_VOICE_FLAGS, flags[f]);
        for (int b = 0; b < HSE_WEBRTC_BANDS; b++)
            note1(trace, HS1_VOICE_FEATURES, inner.features[b]);
        note1(trace, HS1_VOICE_POWER, inner.total_power);
    }
}

/* Smooth over frames i-3..i+4 (more than 4 of 8), then keep a frame with a voiced one at i-3..i+3. mask is work space.
 */
static size_t keep_speech(float *x, size_t frames, const uint8_t *flags, uint8_t *mask, hs1_voice_trace *trace)
{
    size_t kept = 0;

    for (size_t i = 0; i < frames; i++) {
        int sum = 0;
        for (size_t k = i < 3 ? 0 : i - 3; k < frames && k <= i + 4; k++)
            sum += flags[k];
        mask[i] = sum > 4;
    }
    for (size_t i = 0; i < frames; i++) {
        bool keep = false;
        for (size_t k = i < 3 ? 0 : i - 3; k < frames && k <= i + 3; k++)
            keep = keep || mask[k];
        note1(trace, HS1_VOICE_MASK, keep);
        if (keep)
            memmove(x + FRAME * kept++, x + FRAME * i, FRAME * sizeof *x);
    }
    return kept * FRAME;
}

static hse_status make_mel(hs1_voice *out, const hs1_voice_plan *p, const float *x, size_t n, hse_error *err)
{
    size_t bins = (size_t)hse_stft_bins(p->stft), bytes;
    float *spec = NULL, *scratch = NULL;

    out->frames = hse_stft_frames(p->stft, n);
    if (hse_mul_size(out->frames, HS1_VOICE_MELS * sizeof(float), &bytes))
        out->mel = hse_alloc(bytes);
    spec = hse_alloc(MEL_BLOCK * bins * sizeof *spec);
    scratch = hse_alloc(hse_stft_scratch(p->stft) * sizeof *scratch);
    if (!out->mel || !spec || !scratch) {
        hse_free(spec);
        hse_free(scratch);
        hs1_voice_free(out);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu mel frames", out->frames);
    }
    for (size_t f = 0; f < out->frames; f += MEL_BLOCK) {
        size_t count = out->frames - f < MEL_BLOCK ? out->frames - f : MEL_BLOCK;
        hse_stft_run(p->stft, HSE_STFT_POWER, x, n, f, count, spec, scratch);
        hse_mel_run(p->mel, spec, count, out->mel + f * HS1_VOICE_MELS);
    }
    hse_free(spec);
    hse_free(scratch);
    return HSE_OK;
}

/* Everything between 16 kHz and the mel: returns the samples left in x, 0 for none. */
static hse_status keep_voiced(float *x, size_t n, size_t *kept, hs1_voice_trace *trace, hse_error *err)
{
    size_t frames = n / FRAME;
    uint8_t *flags;

    *kept = 0;
    note(trace, HS1_VOICE_RESAMPLED, x, n);
    if (!set_level(x, n))
        return HSE_OK;
    note(trace, HS1_VOICE_NORMALIZED, x, n);
    if (!(flags = hse_alloc(2 * frames + 1)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", frames);
    detect(x, frames, flags, trace);
    *kept = keep_speech(x, frames, flags, flags + frames, trace);
    note(trace, HS1_VOICE_TRIMMED, x, *kept);
    hse_free(flags);
    return HSE_OK;
}

hse_status hs1_voice_prepare(hs1_voice *out, const hs1_voice_plan *p, const hse_audio *audio, bool reference,
                             hs1_voice_trace *trace, hse_error *err)
{
    size_t n = 0, kept = 0, padded, bad = hse_audio_first_bad(audio->samples, audio->n);
    float *x = NULL, *longer;
    hse_status s = HSE_OK;

    *out = (hs1_voice){0};
    if (bad < audio->n)
        return hse_fail(err, HSE_E_FORMAT, bad, "sample %zu of the recording is not a number", bad);
    if (audio->n)
        s = hse_resample(&x, &n, audio->samples, audio->n, audio->rate_hz, HS1_VOICE_RATE, err);
    if (s == HSE_OK && n < FRAME && !reference)
        s = hse_fail(err, HSE_E_ARG, 0, "the recording is too short: %.1f ms, at least 30 ms are needed",
                     1000.0 * (double)n / HS1_VOICE_RATE);
    if (s == HSE_OK && n)
        s = keep_voiced(x, n, &kept, trace, err);
    if (s == HSE_OK && kept == 0 && !reference)
        s = hse_fail(err, HSE_E_ARG, 0, "the recording has no speech");
    if (s == HSE_OK) {
        out->partials = hs1_voice_partials(kept, &padded);
        if (!(longer = hse_realloc(x, (padded + 1) * sizeof *x))) {
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", padded);
        } else {
            x = longer;
            memset(x + kept, 0, (padded - kept) * sizeof *x);
            s = make_mel(out, p, x, padded, err);
        }
    }
    hse_free(x);
    return s;
}

void hs1_voice_free(hs1_voice *v)
{
    hse_free(v->mel);
    *v = (hs1_voice){0};
}
