/* decode.h - the one way by which audio from outside becomes samples, for every caller.
 *
 * WAV is read in process (wav.h says how); FLAC, MP3, Ogg (Vorbis, Opus, FLAC), WebM/Matroska, M4A/MP4 and ADTS AAC go
 * through the sandboxed helper hse-media. What it is is told by its bytes, never by a name. Channels are averaged.
 * Limits are checked while decoding, in blocks, against what was really decoded; an honest recording that is too long
 * is refused before its first sample is kept. A recording that is cut off or damaged in places gives what can be
 * decoded of it; one of which nothing can be is HSE_E_FORMAT. No samples at all (a WAV of 0 frames) is HSE_OK with n =
 * 0: whether that is enough is for the caller to say. Thread-safe. */
#ifndef HSE_AUDIO_DECODE_H
#define HSE_AUDIO_DECODE_H

#include "audio/audio.h"
#include "audio/media_pool.h"

typedef struct {
    hse_audio_limits limits;      /* both 0: the defaults */
    int rate_hz;                  /* resample to this (resample.h); 0: keep the recording's */
    int timeout_ms;               /* 0: ten minutes */
    bool (*cancelled)(void *arg); /* may be NULL; asked several times a second */
    void *cancel_arg;
    hse_media *media; /* NULL: the process's own */
} hse_decode_options;

/* HSE_E_FORMAT, HSE_E_UNSUPPORTED (names the format or codec), HSE_E_LIMIT, HSE_E_DEADLINE, HSE_E_CANCELLED,
 * HSE_E_NOMEM, HSE_E_IO. options NULL: all defaults. A source descriptor must be a regular file (or memfd). */
hse_status hse_audio_decode(hse_audio *out, const hse_audio_source *src, const hse_decode_options *options,
                            hse_error *err);

/* A file by name; "-" is standard input. Pipes and the like are read into memory first, up to limits.max_bytes. */
hse_status hse_audio_decode_file(hse_audio *out, const char *path, const hse_decode_options *options, hse_error *err);

/* The same in pieces, in constant memory: max_bytes then counts nothing that is kept, and is not checked. info (may be
 * NULL) gets rate_hz and channels before the first call of sink, n at the end; samples stays NULL. What sink returns other
 * than HSE_OK ends it. */
typedef hse_status hse_audio_sink(void *arg, const float *x, size_t n, hse_error *err);
hse_status hse_audio_decode_stream(const hse_audio_source *src, const hse_decode_options *options, hse_audio_sink *sink,
                                   void *arg, hse_audio *info, hse_error *err);
hse_status hse_audio_decode_file_stream(const char *path, const hse_decode_options *options, hse_audio_sink *sink,
                                        void *arg, hse_audio *info, hse_error *err);

#endif
