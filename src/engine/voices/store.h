/* store.h - voices that people brought: a recording under a name, on disk, usable wherever a request takes a voice.
 *
 *     STATE/voices/ID.json               name, consent, figures, checksum of the recording: the entry exists once this is here
 *     STATE/voices/audio/ID.wav          the recording, mono float32 at its own rate: the samples a request would have brought
 *     STATE/voices/embeddings/ID.KEY     what a model's encoder made of it; KEY tells model and weights apart
 *
 * Every file is written beside, synced and renamed, so a crash leaves the old state or the new one. Names are data, never part
 * of a path. Any number of processes may use one folder: writers hold a lock file, readers need none. A damaged entry is
 * logged once, listed with its problem, and otherwise skipped; it can be removed by its id.
 *
 * Threads    a store may be used by any number of threads. The folder is made by the first voice that is added. */
#ifndef HSE_ENGINE_VOICES_STORE_H
#define HSE_ENGINE_VOICES_STORE_H

#include "audio/quality.h"
#include "engine/engine.h"

enum {
    HSE_VOICE_NAME_MAX = 64,                /* bytes of UTF-8 */
    HSE_VOICE_CONSENT_MAX = 1024,
    HSE_VOICES_MAX = 1000,                  /* in one store */
    HSE_VOICE_SECONDS_MAX = 300,            /* of one recording */
};

typedef struct hse_voice_store hse_voice_store;

typedef struct {
    char    id[32];                         /* "voice_" and 16 hexadecimal digits */
    char    name[HSE_VOICE_NAME_MAX + 1];   /* "" in a damaged entry */
    char    consent[HSE_VOICE_CONSENT_MAX + 1];         /* what the client sent, "" for nothing */
    int64_t created_at;                     /* seconds since 1970 */
    int     rate_hz;
    hse_audio_quality quality;
    char    problem[160];                   /* "": none */
} hse_voice_info;

/* state_dir: hse_config.state_dir; NULL: HSE_STATE, else XDG_STATE_HOME/hse, else ~/.local/state/hse. Opening touches nothing. */
hse_status hse_voice_store_open(hse_voice_store **out, const char *state_dir, hse_error *err);
void       hse_voice_store_close(hse_voice_store **store);

/* HSE_E_ARG (words begin with the field: "name", "audio_sample"), also when there is no speech in the recording; HSE_E_BUSY:
 * the name is taken; HSE_E_LIMIT. consent may be NULL, out too. */
hse_status hse_voice_store_add(hse_voice_store *store, const char *name, const char *consent, const hse_audio *recording,
                               hse_voice_info *out, hse_error *err);
/* HSE_E_BUSY where a model of the engine has a voice of that name itself: a stored one could not be reached by it. Ask before adding. */
hse_status hse_voice_name_free(hse_engine *engine, const char *name, hse_error *err);
/* By name or id, here and below. HSE_E_NOT_FOUND. */
hse_status hse_voice_store_get(hse_voice_store *store, const char *name, hse_voice_info *out, hse_error *err);
hse_status hse_voice_store_audio(hse_voice_store *store, const char *name, hse_audio *out, hse_error *err);
/* *out (may be NULL): what was removed. */
hse_status hse_voice_store_remove(hse_voice_store *store, const char *name, hse_voice_info *out, hse_error *err);
/* All of them by name, damaged ones last; *list is freed with hse_free. */
hse_status hse_voice_store_list(hse_voice_store *store, hse_voice_info **list, size_t *count, hse_error *err);

/* When request->voice (SPEAK, CONVERT) is a stored voice and not one of the model's own, put what stands for it in its place:
 * the embedding by the model's own encoder, from disk or computed now (which waits for an embed job, cancelled by
 * request->cancel), else the recording. Everything else is left as it is, with HSE_OK. Call it before hse_job_open;
 * *embedding, which the request then points to, is freed with hse_free afterwards (NULL: none was needed). */
hse_status hse_voice_store_apply(hse_voice_store *store, hse_engine *engine, hse_request *request, float **embedding,
                                 hse_error *err);

/* The stored voices that <voice> names in request->text (SPEAK) and the model does not have itself, as request->voices: embeddings by the
 * model's own encoder, as above. A text that cannot be read, and a model without an encoder, are left for the engine to refuse. `out`,
 * which the request then points to, is freed afterwards. */
typedef struct {
    hse_named_voice *list;
    size_t           count;
} hse_named_voices;

hse_status hse_voice_store_apply_text(hse_voice_store *store, hse_engine *engine, hse_request *request, hse_named_voices *out,
                                      hse_error *err);
void       hse_named_voices_free(hse_named_voices *voices);

#endif
