/* entry.h - what lies in a voice store's files, as bytes in and bytes out: the entry, the recording, an embedding.
 *
 * The files may have been changed by anybody, so every field is checked as if it came from a stranger. */
#ifndef HSE_ENGINE_VOICES_ENTRY_H
#define HSE_ENGINE_VOICES_ENTRY_H

#include "engine/voices/store.h"

#include "base/buf.h"

enum {
    VOICE_ID_SIZE = 22,                     /* "voice_" and 16 digits */
    VOICE_ENTRY_MAX = 16384,                /* bytes of an entry's file */
    VOICE_SAMPLES_MAX = 16 << 20,           /* of a recording: 64 MiB */
    VOICE_EMBEDDING_MAX = 65536,            /* numbers */
};

typedef struct {
    hse_voice_info info;
    uint64_t       samples, checksum;       /* of the recording */
} voice_entry;

bool voice_id_valid(const char *id, size_t size);
/* 1 to HSE_VOICE_NAME_MAX bytes of UTF-8 without control characters, '/' and '\', spaces only inside. HSE_E_ARG. */
hse_status voice_name_check(const char *name, hse_error *err);

void       voice_entry_write(hse_buf *out, const voice_entry *e);
/* id: what the file's name says; the text must agree. HSE_E_FORMAT. */
hse_status voice_entry_read(voice_entry *out, hse_bytes text, const char *id, hse_error *err);

uint64_t   voice_checksum(const float *samples, size_t n);
/* A float32 WAV file. */
void       voice_recording_write(hse_buf *out, const hse_audio *a);
hse_status voice_recording_read(hse_audio *out, hse_bytes file, const voice_entry *e, hse_error *err);

/* `owner`: the checksum of the recording that it was made of. */
void       voice_embedding_write(hse_buf *out, const float *x, size_t n, uint64_t owner);
hse_status voice_embedding_read(float **out, size_t *n, hse_bytes file, uint64_t owner, hse_error *err);

#endif
