/* sliding.h - stretches of a recording at another rate, one behind the other, without the whole of it at that rate in memory. The
 * recording is there as a whole, or (samples NULL) comes by hse_sliding_feed.
 *
 * Ownership  the recording outlives the object; what get shows is valid until the next call.
 * Threads    one at a time. */
#ifndef HSE_AUDIO_SLIDING_H
#define HSE_AUDIO_SLIDING_H

#include "audio/audio.h"
#include "base/status.h"

#include <stdatomic.h>

typedef struct hse_sliding hse_sliding;

/* cancel: looked at while it resamples; may be NULL. */
hse_status hse_sliding_open(hse_sliding **out, const hse_audio *recording, int rate_hz, const atomic_bool *cancel, hse_error *err);
void       hse_sliding_close(hse_sliding **s);

/* The next samples of a recording that is fed; `end`: these are the last. */
hse_status hse_sliding_feed(hse_sliding *s, const float *samples, size_t n, bool end, hse_error *err);
size_t     hse_sliding_length(const hse_sliding *s);        /* samples at the new rate: of the recording, or of what was fed so far */
/* Samples [from, to), to <= length. What lies before `from` is dropped: no later call may ask for it. */
hse_status hse_sliding_get(hse_sliding *s, size_t from, size_t to, const float **x, hse_error *err);

#endif
