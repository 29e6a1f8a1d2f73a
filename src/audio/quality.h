/* quality.h - how good a recording of a voice is: what somebody who clones a voice wants to know before they blame the model. */
#ifndef HSE_AUDIO_QUALITY_H
#define HSE_AUDIO_QUALITY_H

#include "audio/audio.h"

typedef struct {
    double seconds;             /* of the whole recording */
    double speech_seconds;      /* of it, where the WebRTC detector hears speech */
    double snr_db;              /* level of speech over that of the pauses, in -20..100; NaN: no speech, or no pause to compare with */
    double clipped;             /* share of samples that stand at a flat top, 0..1 */
} hse_audio_quality;

/* Samples must be finite. HSE_E_NOMEM; the figures of an empty recording are zero. */
hse_status hse_audio_quality_of(hse_audio_quality *out, const hse_audio *audio, hse_error *err);

/* Cosine of two embeddings, -1..1; NaN when a length differs or one is zero. */
double hse_embedding_similarity(const float *a, size_t na, const float *b, size_t nb);

#endif
