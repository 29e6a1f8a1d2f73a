/* wav.h - WAV (RIFF, RF64, BW64) and raw PCM, read and written in process.
 *
 * Read: 8-bit unsigned, 16/24/32-bit integer, 32/64-bit float, A-law, mu-law, also as WAVE_FORMAT_EXTENSIBLE. Integers
 * are divided by 2^(bits-1), channels are averaged, the rate is kept.
 *
 * Not quite right files: a data chunk that is longer than the file (a cut download, a stream's 0xFFFFFFFF, a size of 0
 * in a header that was never finished) gives the whole frames that are there; an incomplete last frame is dropped. A
 * file without any samples gives 0 samples and no error. A NaN, an infinity or a value above 1e9 is an error that names
 * the sample: no model has an answer to it. All functions may be called from any thread. */
#ifndef HSE_AUDIO_WAV_H
#define HSE_AUDIO_WAV_H

#include "audio/audio.h"
#include "base/buf.h"

typedef enum {
    HSE_PCM_U8,
    HSE_PCM_S16,
    HSE_PCM_S24,
    HSE_PCM_S32,
    HSE_PCM_F32,
    HSE_PCM_F64,
    HSE_PCM_ALAW,
    HSE_PCM_ULAW,
} hse_pcm_coding;

size_t hse_pcm_sample_bytes(hse_pcm_coding coding);

typedef struct {
    hse_pcm_coding coding;
    int rate_hz, channels;
    size_t frame_bytes;
    uint64_t data_offset, frames; /* frames: whole ones that are in the file */
    bool cut;                     /* the header promises more than there is */
} hse_wav_info;

/* True when the first bytes say RIFF/RF64/BW64 ... WAVE. */
bool hse_wav_is(hse_bytes head);

/* Read the header. HSE_E_FORMAT with the offset of the wrong field; HSE_E_UNSUPPORTED for a coding that is not listed
 * above (*coding_tag, if given, is its format tag); HSE_E_IO. */
hse_status hse_wav_open(hse_wav_info *out, const hse_audio_source *src, unsigned *coding_tag, hse_error *err);

/* Convert `frames` little-endian frames to mono. first_frame and offset are where they stand in the file, for the
 * error. */
hse_status hse_pcm_to_mono(float *mono, const uint8_t *in, size_t frames, hse_pcm_coding coding, int channels,
                           uint64_t first_frame, uint64_t offset, hse_error *err);

/* A whole WAV file; out->samples is NULL when there are none. limits NULL: the defaults. */
hse_status hse_wav_decode(hse_audio *out, const hse_audio_source *src, const hse_audio_limits *limits, hse_error *err);

/* Raw frames without a header. */
hse_status hse_pcm_decode(hse_audio *out, hse_bytes in, hse_pcm_coding coding, int channels, int rate_hz,
                          const hse_audio_limits *limits, hse_error *err);

/* 16-bit little-endian samples: floor(32768 x), clipped to -32768..32767; not a number becomes 0. out: 2 n bytes. */
void hse_pcm16_put(uint8_t *out, const float *x, size_t n);

/* The 44-byte header of a mono 16-bit file. HSE_WAV_STREAM frames: the sizes are the largest there are (0xFFFFFFFF),
 * as readers expect of a stream. More frames than a RIFF header can count are written in the same way. */
#define HSE_WAV_STREAM UINT64_MAX
enum { HSE_WAV_HEADER = 44 };
void hse_wav_header(uint8_t out[HSE_WAV_HEADER], int rate_hz, uint64_t frames);

/* Append a whole mono 16-bit file to `out`. */
hse_status hse_wav_encode(hse_buf *out, const float *x, size_t n, int rate_hz, hse_error *err);

#endif
