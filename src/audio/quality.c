#include "audio/quality.h"

#include "audio/resample.h"
#include "audio/webrtc_vad.h"
#include "base/mem.h"

#include <math.h>

enum {
    RATE = 16000,
    MIN_PAUSE = 3,                          /* frames: less than 90 ms is no pause to measure in */
    FLAT_RUN = 3,                           /* equal samples in a row at the top that make a flat top */
};

/* A flat top: neighbours that are equal to within the step of a 16-bit file, close to the recording's peak. The top of a tone
 * of 100 Hz bends by twenty such steps from sample to sample. */
static double clipped_share(const hse_audio *a)
{
    float peak = 0;
    size_t clipped = 0, run = 1;

    for (size_t i = 0; i < a->n; i++)
        peak = fmaxf(peak, fabsf(a->samples[i]));
    if (peak < 0.05F)                       /* nobody's converter clips there; a rounded quiet hum has flat tops too */
        return 0;
    for (size_t i = 1; i <= a->n; i++) {
        bool flat = i < a->n && fabsf(a->samples[i]) >= 0.98F * peak && fabsf(a->samples[i] - a->samples[i - 1]) <= 1.01F / 32768;

        if (flat) {
            run++;
        } else {
            clipped += run >= FLAT_RUN ? run : 0;
            run = 1;
        }
    }
    return (double)clipped / (double)a->n;
}

typedef struct {
    float *power;                           /* mean square of each frame */
    bool  *speech;
    size_t n;
} frames;

static void look(frames *f, const float *x)
{
    hse_webrtc_vad vad;

    hse_webrtc_vad_init(&vad);
    for (size_t i = 0; i < f->n; i++, x += HSE_WEBRTC_FRAME) {
        int16_t pcm[HSE_WEBRTC_FRAME];
        double sum = 0;

        for (size_t k = 0; k < HSE_WEBRTC_FRAME; k++) {
            float v = fminf(fmaxf(x[k] * 32768, -32768), 32767);

            pcm[k] = (int16_t)lrintf(v);
            sum += (double)x[k] * (double)x[k];
        }
        f->speech[i] = hse_webrtc_vad_frame(&vad, pcm, NULL);
        f->power[i] = (float)(sum / HSE_WEBRTC_FRAME);
    }
}

/* Mean power of the frames without speech; digital silence, which is padding and no room, counts only where there is nothing
 * else. `away`: not those next to speech, which hold its onset and its echo. */
static bool pause_power(const frames *f, bool away, double *out)
{
    double sum = 0;
    size_t n = 0, silent = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (f->speech[i] || (away && ((i && f->speech[i - 1]) || (i + 1 < f->n && f->speech[i + 1]))))
            continue;
        if (f->power[i] > 0) {
            sum += (double)f->power[i];
            n++;
        } else {
            silent++;
        }
    }
    if (n < MIN_PAUSE && silent < MIN_PAUSE)
        return false;
    *out = n >= MIN_PAUSE ? sum / (double)n : 0;
    return true;
}

static double snr_db(const frames *f)
{
    double speech = 0, noise = 0;
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        if (f->speech[i]) {
            speech += (double)f->power[i];
            n++;
        }
    if (n == 0 || (!pause_power(f, true, &noise) && !pause_power(f, false, &noise)))
        return NAN;
    speech /= (double)n;
    if (noise <= speech * 1e-10)
        return 100;
    return fmin(fmax(10 * log10(fmax(speech - noise, noise * 0.01) / noise), -20), 100);
}

hse_status hse_audio_quality_of(hse_audio_quality *out, const hse_audio *audio, hse_error *err)
{
    float *x = NULL;
    size_t n = 0, heard = 0;
    frames f = {0};

    if (audio->n == 0) {
        *out = (hse_audio_quality){.snr_db = NAN};
        return HSE_OK;
    }
    hse_status s = hse_resample(&x, &n, audio->samples, audio->n, audio->rate_hz, RATE, err);
    if (s != HSE_OK)
        return s;
    f.n = n / HSE_WEBRTC_FRAME;
    f.power = hse_calloc(f.n + 1, sizeof *f.power);
    f.speech = hse_calloc(f.n + 1, sizeof *f.speech);
    if (f.power && f.speech) {
        look(&f, x);
        for (size_t i = 0; i < f.n; i++)
            heard += f.speech[i];
        *out = (hse_audio_quality){
            .seconds = (double)audio->n / audio->rate_hz,
            .speech_seconds = (double)heard * HSE_WEBRTC_FRAME / RATE,
            .snr_db = snr_db(&f),
            .clipped = clipped_share(audio),
        };
    } else {
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory to measure a recording");
    }
    hse_free(f.power);
    hse_free(f.speech);
    hse_free(x);
    return s;
}

double hse_embedding_similarity(const float *a, size_t na, const float *b, size_t nb)
{
    double dot = 0, aa = 0, bb = 0;

    if (na != nb)
        return NAN;
    for (size_t i = 0; i < na; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    if (!(aa > 0) || !(bb > 0))
        return NAN;
    return fmin(fmax(dot / sqrt(aa * bb), -1), 1);
}
