/* spectrum.h - VoiceFixer's front: audio at 44.1 kHz -> linear mel. Window 2048, hop 441, reflected at both ends, magnitudes
 * of at least 1e-4, 128 triangles on the HTK scale. Read-only once open. */
#ifndef HSE_MODELS_VOICEFIXER_SPECTRUM_H
#define HSE_MODELS_VOICEFIXER_SPECTRUM_H

#include "audio/mel.h"
#include "audio/stft.h"

enum {
    VF_RATE = 44100,
    VF_WINDOW = 2048,
    VF_HOP = 441,                           /* samples a frame: frame t is centred on sample 441 t */
    VF_BANDS = 128,
    VF_LEAST_SAMPLES = VF_WINDOW / 2 + 1,   /* fewer cannot be reflected */
};

typedef struct {
    hse_stft *stft;
    hse_mel  *mel;
} vf_spectrum;

/* Another rate is for tests: the original runs 16 kHz as well. */
hse_status vf_spectrum_open(vf_spectrum *s, int rate_hz, int window, int hop, int bands, hse_error *err);
void       vf_spectrum_close(vf_spectrum *s);
size_t     vf_spectrum_frames(const vf_spectrum *s, size_t samples);    /* 0: too short */
/* Frames [first, first + frames) of the samples. magnitude: [frames][bins], may be NULL; mel: [frames][bands]. */
hse_status vf_spectrum_run(const vf_spectrum *s, const float *x, size_t n, size_t first, size_t frames, float *magnitude,
                           float *mel, hse_error *err);

#endif
