/* route.h - which models a request passes through, as data.
 *
 * A row says: a request of this kind, to this toolchain, in this mode, that brings these inputs, goes through these model
 * types in this order; or it is refused, with the sentence that says what would work. A new toolchain is new rows. */
#ifndef HSE_ENGINE_CATALOGUE_ROUTE_H
#define HSE_ENGINE_CATALOGUE_ROUTE_H

#include "models/model.h"

typedef enum {
    HSE_JOB_SPEAK,                          /* text (and a voice, embedding or recording) -> audio */
    HSE_JOB_EMBED,                          /* audio -> embedding */
    HSE_JOB_VAD,                            /* audio -> segments */
    HSE_JOB_TRANSCRIBE,                     /* audio -> text */
    HSE_JOB_CONVERT,                        /* audio and whose voice -> audio in that voice */
    HSE_JOB_RESTORE,                        /* damaged audio -> audio */
    HSE_JOB_SYNTHESIZE,                     /* text and embedding -> mel; no HTTP route, for golden runs */
    HSE_JOB_VOCODE,                         /* mel -> audio; the same */
    HSE_JOB_KINDS
} hse_job_kind;

typedef enum {
    HSE_MODE_ANY,
    HSE_MODE_CLONING,                       /* HSE's "voice_cloning" */
    HSE_MODE_SINGLE,                        /* HSE's "single_speaker_tts" */
} hse_mode;

enum { HSE_MAX_STEPS = 4 };

typedef struct {
    hse_job_kind kind;
    const char  *toolchain;                 /* "harmonyspeech" */
    hse_mode     mode;                      /* HSE_MODE_ANY matches every mode */
    bool         reference;                 /* only for requests that want exactly the original */
    unsigned     has, without;              /* HSE_AUDIO | ... that must be there, that must not be */
    const char  *step[HSE_MAX_STEPS + 1];   /* model types, NULL-terminated */
    const char  *refusal;                   /* instead of steps */
} hse_route;

extern const hse_route hse_routes[];
extern const size_t    hse_route_count;

/* Toolchains: a name, what it can be asked for, and the types that must be configured for it to be offered. */
typedef struct {
    const char *name, *family;
    unsigned    kinds;                      /* 1u << HSE_JOB_SPEAK | ... */
    const char *needs[HSE_MAX_STEPS + 1];
} hse_toolchain;

extern const hse_toolchain hse_toolchains[];
extern const size_t        hse_toolchain_count;

/* The first matching row of a toolchain. HSE_E_ARG with the row's sentence when it refuses, HSE_E_UNSUPPORTED when there is
 * no row. */
hse_status hse_route_find(const hse_route **out, hse_job_kind kind, const char *toolchain, hse_mode mode, unsigned has,
                          bool reference, hse_error *err);
/* Whether one model that takes and gives these fields answers such a request alone: no rows are needed for that. */
bool hse_type_answers(unsigned takes, unsigned gives, hse_job_kind kind);
const hse_toolchain *hse_toolchain_find(const char *name);
const char *hse_job_kind_name(hse_job_kind kind);           /* "speak", "embed", "vad", ...: the label `task` of metrics */

#endif
