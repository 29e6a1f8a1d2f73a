/* media_reader.h - takes apart what hse-media answers, in pieces of any size, and believes none of it.
 *
 * Order, sizes, counts, rates, samples and texts are checked; the first fault ends the job with HSE_E_IO (the helper
 * broke the protocol) or with the error that the helper sent. No I/O here. One reader belongs to one job. */
#ifndef HSE_AUDIO_MEDIA_READER_H
#define HSE_AUDIO_MEDIA_READER_H

#include "audio/audio.h"
#include "audio/media_protocol.h"

#include <stdbool.h>

typedef struct {
    void *arg;
    /* Any of them may be NULL, which makes that frame a fault. An error they return ends the job. */
    hse_status (*format)(void *arg, int rate_hz, int channels, hse_error *err);
    hse_status (*samples)(void *arg, const float *x, size_t n, hse_error *err);
    hse_status (*bytes)(void *arg, const uint8_t *data, size_t n, hse_error *err);
    void (*ack)(void *arg);
} media_events;

typedef struct {
    media_events ev;
    bool have_format, done;
    uint64_t samples;
    size_t have; /* bytes of the frame that is being collected */
    media_head head;
    _Alignas(8) uint8_t payload[MEDIA_MAX_FRAME];
} media_reader;

void media_reader_init(media_reader *r, const media_events *ev);
hse_status media_reader_feed(media_reader *r, const uint8_t *data, size_t n, hse_error *err);
/* The pipe has ended: HSE_OK only after DONE. */
hse_status media_reader_end(const media_reader *r, hse_error *err);

#endif
