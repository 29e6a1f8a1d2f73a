/* public.h - what the files behind hse.h share. */
#ifndef HSE_ENGINE_PUBLIC_PUBLIC_H
#define HSE_ENGINE_PUBLIC_PUBLIC_H

#include "engine/internal.h"
#include "engine/voices/store.h"

/* The caller's struct may be of an older header (shorter: the rest is zero) or a newer one (its tail must be zero, or it asks
 * for something that this library does not know). `in` NULL: all zero. */
hse_status hse_take_options(void *out, size_t size, const void *in, const char *name, hse_error *err);
hse_status hse_take_samples(hse_request *r, const float *samples, size_t count, unsigned rate_hz, hse_error *err);
/* What the stored voices that a request names have become in it. Freed after its job was closed, which may read the recording. */
typedef struct {
    float           *embedding;
    hse_named_voices in_text;
    hse_audio        recording;
} public_voices;

hse_status hse_public_voices_apply(public_voices *out, hse_engine *engine, hse_request *r, hse_error *err);
void       hse_public_voices_free(public_voices *v);
/* A job's audio, block by block, to its end; without `wait` what there is now. */
hse_status hse_read_audio(hse_job *job, hse_pcm_fn fn, void *user, bool wait, hse_error *err);
/* The same as one recording. */
hse_status hse_read_pcm(hse_job *job, hse_pcm *out, hse_error *err);

/* Deep copies into an arena; false: no memory. The second copies all but the segments. */
bool hse_transcript_segment_copy(hse_transcript_segment *out, const hse_transcript_segment *from, hse_arena *arena);
bool hse_transcript_facts_copy(hse_transcript *out, const hse_transcript *from, hse_arena *arena);

#endif
