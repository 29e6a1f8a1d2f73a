/* encode.h - samples to a file of a given format, at once or as they come.
 *
 * wav and pcm (16 bits, wav.h) in process; flac (16 bits), mp3 (128 kbit/s), opus in Ogg (48 kbit/s) and aac (ADTS, 96
 * kbit/s) through hse-media. Where a codec does not know the rate, samples are resampled to the next higher one that it
 * knows: hse_audio_format_rate. An encoder belongs to one thread at a time. */
#ifndef HSE_AUDIO_ENCODE_H
#define HSE_AUDIO_ENCODE_H

#include "audio/audio.h"
#include "audio/media_pool.h"
#include "base/buf.h"

typedef enum {
    HSE_FORMAT_WAV,
    HSE_FORMAT_PCM,
    HSE_FORMAT_FLAC,
    HSE_FORMAT_MP3,
    HSE_FORMAT_OPUS,
    HSE_FORMAT_AAC,
} hse_audio_format;

/* "wav", "pcm", "flac", "mp3", "opus", "aac" ("ogg" is opus); HSE_E_ARG for anything else. */
hse_status hse_audio_format_parse(const char *name, hse_audio_format *out);
const char *hse_audio_format_name(hse_audio_format format);
const char *hse_audio_format_mime(hse_audio_format format);
int hse_audio_format_rate(hse_audio_format format, int rate_hz); /* the rate that is written */

typedef struct hse_encoder hse_encoder;

/* stream: bytes may leave before the end is known, so a wav gets the largest size in its header and a flac no length.
 * Otherwise keep all output in one buffer until the end: hse_encoder_finish then puts the length into the header there.
 */
hse_status hse_encoder_open(hse_encoder **out, hse_audio_format format, int rate_hz, bool stream, hse_error *err);
void hse_encoder_close(hse_encoder **e); /* at any time */

/* Append to `out` all bytes that the n samples complete; finish appends the rest. A sample that is not finite is
 * HSE_E_FORMAT; values beyond -1..1 are clipped. After a failure the encoder can only be closed. */
hse_status hse_encoder_push(hse_encoder *e, const float *x, size_t n, hse_buf *out, hse_error *err);
hse_status hse_encoder_finish(hse_encoder *e, hse_buf *out, hse_error *err);

/* Of a finished `stream` whose first n bytes stand in `head` (HSE_ENCODER_HEAD are enough): put the length there after all. True
 * when that changed something, so that they must be written again; for files that are written while they grow. */
enum { HSE_ENCODER_HEAD = 64 };
bool hse_encoder_length(const hse_encoder *e, uint8_t *head, size_t n);

/* A whole file. */
hse_status hse_audio_encode(hse_buf *out, hse_audio_format format, const float *x, size_t n, int rate_hz,
                            hse_error *err);

#endif
