/* webrtc_vad.h - the WebRTC voice detector, mode 3, for 30 ms frames at 16 kHz, in integers throughout.
 *
 * A frame is halved to 8 kHz and split into six bands; the log energy of each is scored under a two-Gaussian model of
 * noise and one of speech, which then adapt to the frame. Plain data, no allocation: copy it, drop it. One detector
 * belongs to one signal. */
#ifndef HSE_AUDIO_WEBRTC_VAD_H
#define HSE_AUDIO_WEBRTC_VAD_H

#include <stdbool.h>
#include <stdint.h>

enum { HSE_WEBRTC_BANDS = 6, HSE_WEBRTC_FRAME = 480, HSE_WEBRTC_MINIMA = 16 };

typedef struct {
    int32_t halve_a, halve_b;   /* all-pass states of the step to 8 kHz */
    int16_t upper[5], lower[5]; /* all-pass states of the five splitters */
    int16_t hp_x[2], hp_y[2];   /* high pass of the lowest band */
    int16_t noise_mean[2][HSE_WEBRTC_BANDS], speech_mean[2][HSE_WEBRTC_BANDS];
    int16_t noise_std[2][HSE_WEBRTC_BANDS], speech_std[2][HSE_WEBRTC_BANDS];
    int16_t low[HSE_WEBRTC_BANDS][HSE_WEBRTC_MINIMA]; /* smallest features of the last 100 frames, sorted */
    int16_t low_age[HSE_WEBRTC_BANDS][HSE_WEBRTC_MINIMA];
    int16_t low_mean[HSE_WEBRTC_BANDS];
    int counted, run, hangover;
} hse_webrtc_vad;

typedef struct {
    int16_t features[HSE_WEBRTC_BANDS];
    int16_t total_power;
} hse_webrtc_trace;

void hse_webrtc_vad_init(hse_webrtc_vad *v);

/* True when the frame counts as speech. trace may be NULL. */
bool hse_webrtc_vad_frame(hse_webrtc_vad *v, const int16_t pcm[HSE_WEBRTC_FRAME], hse_webrtc_trace *trace);

#endif
