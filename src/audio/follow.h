/* follow.h - compressed audio that comes bit by bit: bytes in, samples out as soon as they can be decoded.
 *
 * FLAC, MP3, Ogg, WebM and ADTS AAC, by hse-media as decode.h says; a WAV is read by wav.h, an MP4 needs its end first. There is no
 * limit on its length and nothing of it is kept. It belongs to one thread at a time. */
#ifndef HSE_AUDIO_FOLLOW_H
#define HSE_AUDIO_FOLLOW_H

#include "audio/decode.h"

typedef struct hse_follow hse_follow;

/* info gets rate_hz and channels before sink is called first, n with each call. What sink returns other than HSE_OK ends it. */
hse_status hse_follow_open(hse_follow **out, hse_audio_sink *sink, void *arg, hse_audio *info, hse_error *err);
/* Any bytes; the first ones say what it is (some hundred are enough). HSE_E_UNSUPPORTED, HSE_E_FORMAT as in decode.h. */
hse_status hse_follow_push(hse_follow *f, const void *data, size_t n, hse_error *err);
hse_status hse_follow_finish(hse_follow *f, hse_error *err);
void       hse_follow_close(hse_follow **f);            /* at any time */

#endif
