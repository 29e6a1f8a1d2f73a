/* voice.h - from a recording to what the speaker encoder reads: 16 kHz, level, speech only, mel frames, partials.
 *
 * By default a recording without speech, or shorter than one frame of the voice detector, is an error that says so. The
 * reference instead goes on with silence, as the original does. */
#ifndef HSE_MODELS_HARMONYSPEECH_VOICE_H
#define HSE_MODELS_HARMONYSPEECH_VOICE_H

#include "audio/audio.h"
#include "audio/mel.h"
#include "audio/stft.h"
#include "base/buf.h"

enum {
    HS1_VOICE_RATE = 16000,
    HS1_VOICE_MELS = 40,
    HS1_PARTIAL_FRAMES = 160,               /* mel frames of a partial; the next begins half of that later */
    HS1_PARTIAL_STEP = 80,
    HS1_VOICE_HOP = 160,
};

typedef struct {                            /* read-only once open */
    hse_stft *stft;
    hse_mel  *mel;
} hs1_voice_plan;

hse_status hs1_voice_plan_open(hs1_voice_plan *p, hse_error *err);
void       hs1_voice_plan_close(hs1_voice_plan *p);

typedef struct {
    float *mel;                             /* [frames][40], power, no logarithm */
    size_t frames, partials;                /* partial i is frames [80 i, 80 i + 160) */
} hs1_voice;

/* Intermediate results for comparison, in the order of computation: arrays of float. */
enum {
    HS1_VOICE_RESAMPLED, HS1_VOICE_NORMALIZED, HS1_VOICE_PCM, HS1_VOICE_FLAGS, HS1_VOICE_FEATURES, HS1_VOICE_POWER, HS1_VOICE_MASK,
    HS1_VOICE_TRIMMED, HS1_VOICE_STEPS
};
typedef struct {
    hse_buf step[HS1_VOICE_STEPS];          /* from hs1_voice_trace_init */
} hs1_voice_trace;
extern const char *const hs1_voice_step_names[HS1_VOICE_STEPS];

void hs1_voice_trace_init(hs1_voice_trace *t);
void hs1_voice_trace_free(hs1_voice_trace *t);

/* trace may be NULL. HSE_E_ARG: no speech, too short. */
hse_status hs1_voice_prepare(hs1_voice *out, const hs1_voice_plan *p, const hse_audio *audio, bool reference, hs1_voice_trace *trace,
                             hse_error *err);
void       hs1_voice_free(hs1_voice *v);

/* How many partials n samples have, and the length that the audio is padded to for the last one. */
size_t hs1_voice_partials(size_t n, size_t *padded);

#endif
