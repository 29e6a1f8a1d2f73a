/* audio.h - what all audio code shares: a decoded recording, its limits, where bytes come from, levels.
 *
 * Audio in memory is mono float32, full scale -1..1, at a rate of its own. */
#ifndef HSE_AUDIO_AUDIO_H
#define HSE_AUDIO_AUDIO_H

#include "base/bytes.h"
#include "base/status.h"

enum { HSE_RATE_MIN = 1000, HSE_RATE_MAX = 384000, HSE_CHANNELS_MAX = 8 };

/* A sample above this is no audio: its power would overflow the float32 of a spectrum. */
#define HSE_SAMPLE_MAX 1e9f

typedef struct {
    float *samples; /* hse_audio_free */
    size_t n;
    int rate_hz;
    int channels; /* of the file; the samples are their mean */
} hse_audio;

void hse_audio_free(hse_audio *a); /* takes a zeroed or freed one */

/* Both bounds are checked against what was really decoded, block by block, never against what a header claims. */
typedef struct {
    double max_seconds; /* of the recording */
    size_t max_bytes;   /* of float32 samples handed out (4 a sample); what is held in memory at once */
} hse_audio_limits;

#define HSE_AUDIO_LIMITS_DEFAULT ((hse_audio_limits){.max_seconds = 4 * 3600.0, .max_bytes = (size_t)1 << 30})

/* Bytes in memory (fd < 0), or a readable, seekable descriptor that stays the caller's. A descriptor is read with
 * pread: its position is neither used nor moved, and a file that is cut while it is read just ends earlier. */
typedef struct {
    hse_bytes bytes;
    int fd;
} hse_audio_source;

static inline hse_audio_source hse_source_bytes(hse_bytes bytes)
{
    return (hse_audio_source){.bytes = bytes, .fd = -1};
}

/* Read up to `size` bytes at `offset`; *got is less only at the end. */
hse_status hse_source_read(const hse_audio_source *src, uint64_t offset, void *out, size_t size, size_t *got,
                           hse_error *err);
hse_status hse_source_size(const hse_audio_source *src, uint64_t *size, hse_error *err);

float hse_audio_peak(const float *x, size_t n); /* max |x|, 0 for none */
void hse_audio_scale(float *x, size_t n, float gain);

/* The first sample that is not finite or beyond HSE_SAMPLE_MAX, or n. */
size_t hse_audio_first_bad(const float *x, size_t n);

#endif
