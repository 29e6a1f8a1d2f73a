/* watermark.h - a message of up to 8 characters hidden in speech, and found again without the original.
 *
 * A mark of our own: the original OpenVoice has wavmark's network for this, whose weights are nobody's to describe here; neither finds the
 * other's marks. Stripes of four bins between 375 and 4375 Hz are tilted by a little more than a decibel, by a pattern that only the
 * message changes (Cox et al. 1997: spread spectrum over the log spectrum). It bears other rates, 16 bits, mp3, noise below the speech and cuts;
 * it needs some seconds of speech, and somebody who knows this file can take it out: it says where audio came from to who wants to know.
 *
 * Samples come out as many and at the same place; the same bits however the input is cut. One mark belongs to one signal and one thread. */
#ifndef HSE_AUDIO_WATERMARK_H
#define HSE_AUDIO_WATERMARK_H

#include "base/buf.h"

#include <stdbool.h>

enum { HSE_WATERMARK_CHARS = 8, HSE_WATERMARK_RATE_MIN = 16000 };

typedef struct hse_watermark hse_watermark;

/* HSE_E_ARG: a message has 1 to 8 of A-Z a-z 0-9 and '-'. */
hse_status hse_watermark_check(const char *message, hse_error *err);
hse_status hse_watermark_open(hse_watermark **out, int rate_hz, const char *message, hse_error *err);
void       hse_watermark_close(hse_watermark **w);
hse_status hse_watermark_push(hse_watermark *w, const float *x, size_t n, hse_buf *out, hse_error *err);
hse_status hse_watermark_finish(hse_watermark *w, hse_buf *out, hse_error *err);

typedef struct {
    bool  found;
    char  message[HSE_WATERMARK_CHARS + 1];
    float strength;                         /* how well the pattern fits; about 1 by chance, more the surer */
} hse_watermark_result;

/* A whole recording. By chance a message is found in fewer than one of a thousand. */
hse_status hse_watermark_find(const float *x, size_t n, int rate_hz, hse_watermark_result *out, hse_error *err);

#endif
