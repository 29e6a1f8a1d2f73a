/* mel.h - Whisper's log-mel spectrogram of 16 kHz mono samples, as faster-whisper's FeatureExtractor computes it.
 *
 * n samples give floor((n + 160) / 160) frames of 10 ms: 160 zeros are appended, the signal is reflected by 200 samples at
 * both ends, and the last frame is dropped. Values are log10 of the mel power, clipped from below at the maximum of the whole
 * call minus 8, then (x + 4) / 4. Layout: [frame][mel].
 *
 * A whole signal in one call (whisper_mel_run), or, for hours of audio, its maximum first (whisper_mel_peak) and then any frames
 * of it by themselves (whisper_mel_frames): both give the same bits, on any number of threads.
 *
 * Errors     HSE_E_FORMAT for a sample that is not a number or beyond +-1e9, with its position in err->offset.
 * Threads    read-only once open. The pool may be NULL. */
#ifndef HSE_MODELS_WHISPER_MEL_H
#define HSE_MODELS_WHISPER_MEL_H

#include "base/pool.h"
#include "base/status.h"

#include <stddef.h>

enum { WHISPER_RATE = 16000, WHISPER_HOP = 160, WHISPER_FFT = 400, WHISPER_WINDOW_FRAMES = 3000 };

typedef struct whisper_mel whisper_mel;

hse_status whisper_mel_open(whisper_mel **out, int mels, hse_error *err);          /* 1 to 512; 80 and 128 are in use */
void       whisper_mel_close(whisper_mel **m);
int        whisper_mel_bands(const whisper_mel *m);

/* The filters themselves: [mels][201]. */
void       whisper_mel_filters(const whisper_mel *m, float *out);

size_t     whisper_mel_count(size_t samples);                                       /* frames */

/* All frames: out has whisper_mel_count(n) * mels floats. */
hse_status whisper_mel_run(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, float *out, hse_error *err);

/* The largest log10 of all frames: what clips. */
hse_status whisper_mel_peak(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, float *peak, hse_error *err);
/* The same of frames [first, first + frames) alone: the largest of several parts is the peak of the whole, to the bit. */
hse_status whisper_mel_peak_of(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, size_t first,
                               size_t frames, float *peak, hse_error *err);
/* Frames [first, first + frames) of the signal, clipped by `peak`. Frames beyond the last one are 0.0, which is how the encoder's
 * windows are padded. */
hse_status whisper_mel_frames(const whisper_mel *m, hse_pool *pool, const float *samples, size_t n, float peak, size_t first,
                              size_t frames, float *out, hse_error *err);

#endif
