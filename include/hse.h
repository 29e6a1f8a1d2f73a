/* hse.h - public C API of the speech engine: text to speech, speaker embeddings, voice activity detection.
 *
 *     hse_engine *engine = NULL;
 *     hse_error err;
 *     hse_pcm speech = {0};
 *     if (hse_engine_open(&engine, NULL, &err) || hse_speak(engine, "Hello there.", NULL, &speech, &err))
 *         return fprintf(stderr, "%s\n", err.text), 1;
 *     ... speech.samples[0 .. speech.count), mono, speech.rate_hz ...
 *     hse_pcm_free(&speech);
 *     hse_engine_close(&engine);
 *
 * Ownership  hse_x_open() gives an object; hse_x_close() takes it back and sets your pointer to NULL; both closing NULL and
 *            closing twice are fine. What you pass in is borrowed for the call only. Results that hold memory (hse_pcm,
 *            hse_embedding, hse_segments) are freed with their own hse_x_free().
 * Errors     0 is success. On failure no output is written and *err, if given, says what and where.
 *            Nothing in the library calls abort(), exit() or prints.
 * Threads    an hse_engine may be used by any number of threads at once: it queues their requests, runs them in batches,
 *            and each gets the same bits as if it had been alone. Every other object belongs to one thread at a time, except
 *            hse_cancel_now().
 * Versions   an options struct begins with its size: start with its hse_x_init(), so that a program built against this header
 *            works with later libraries, which only ever add fields at the end. Zero in any other field means its default,
 *            unless the field says otherwise. The library's file name carries the ABI version (libhse.so.0). */
#ifndef HSE_H
#define HSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HSE_API __attribute__((visibility("default")))
#else
#define HSE_API
#endif

#define HSE_ABI_VERSION 0                   /* changes when a built program must be built again */

typedef enum {
    HSE_OK = 0,
    HSE_E_ARG = -1,         /* the caller broke the contract, or a request field is wrong    */
    HSE_E_NOMEM = -2,       /* an allocation failed; nothing leaked                          */
    HSE_E_IO = -3,          /* the system refused; err.sys holds errno                       */
    HSE_E_FORMAT = -4,      /* the file or audio is malformed                                */
    HSE_E_LIMIT = -5,       /* well-formed, but over a limit that the operator set           */
    HSE_E_CANCELLED = -6,   /* cancelled by the caller                                       */
    HSE_E_DEADLINE = -7,    /* the request's time ran out                                    */
    HSE_E_UNSUPPORTED = -8, /* understood, but not offered; the text names it                */
    HSE_E_NOT_FOUND = -9,   /* no such model, voice or file                                  */
    HSE_E_BUSY = -10,       /* the queue is full; try again later                            */
} hse_status;

typedef struct {
    hse_status status;
    int        sys;         /* errno of a failed system call, else 0                         */
    uint64_t   offset;      /* byte offset in the input, where it is known                   */
    char       text[232];   /* one sentence for a person; never a memory address             */
} hse_error;

HSE_API const char *hse_version(void);                      /* "0.1.0" */
HSE_API unsigned    hse_abi_version(void);                  /* HSE_ABI_VERSION of the library that is running */
HSE_API const char *hse_status_name(hse_status status);     /* "busy", "malformed", ...: a constant word */

/* ---- the engine ---------------------------------------------------------------------------------------------------- */

typedef struct hse_engine hse_engine;

typedef struct {
    size_t      size;
    const char *config;             /* a YAML file of model_configs; NULL: every model found in the folders below         */
    const char *models;             /* a folder of models, looked in first. NULL: HSE_MODELS, then the bundled ones       */
    int         threads;            /* compute threads; 0 = one per core this process may use                             */
    const char *cpu;                /* "generic", "avx2", "avx512", "neon"; NULL or "auto": HSE_CPU, else what is there   */
    const char *dtype;              /* "float32", "bfloat16", "int8", "auto": over the config's; NULL: HSE_DTYPE, config  */
    int         max_requests;       /* waiting and running together; more get HSE_E_BUSY. 0 = 256                         */
} hse_engine_options;

static inline void hse_engine_options_init(hse_engine_options *o)
{
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
}

/* Reads the config and looks at the model folders; a model is loaded by the first request that needs it, so this takes
 * milliseconds. options may be NULL. */
HSE_API hse_status hse_engine_open(hse_engine **out, const hse_engine_options *options, hse_error *err);

/* Cancels what still runs and waits for it. No other thread may be inside a call on this engine; sessions opened on it
 * are closed first. */
HSE_API void hse_engine_close(hse_engine **engine);

/* ---- giving up ----------------------------------------------------------------------------------------------------- */

/* Handed to a blocking call through its options, it lets another thread (or a signal handler) end that call within
 * 100 ms with HSE_E_CANCELLED. One object may serve several calls; it stays cancelled. */
typedef struct hse_cancel hse_cancel;

HSE_API hse_status hse_cancel_open(hse_cancel **out, hse_error *err);
HSE_API void       hse_cancel_now(hse_cancel *cancel);      /* any thread; async-signal-safe */
HSE_API void       hse_cancel_close(hse_cancel **cancel);

/* ---- speaking ------------------------------------------------------------------------------------------------------ */

typedef struct {
    float   *samples;               /* mono, -1..1 */
    size_t   count;
    unsigned rate_hz;
} hse_pcm;

HSE_API void hse_pcm_free(hse_pcm *pcm);

typedef enum {
    HSE_TEXT_NORMALIZE = 0,         /* numbers, money, dates, abbreviations ... become words; long text is spoken sentence
                                       by sentence                                                                       */
    HSE_TEXT_REFERENCE = 1,         /* only what the original model's front end does                                     */
    HSE_TEXT_OFF = 2,               /* no normaliser; split into sentences as usual                                      */
} hse_text_mode;

typedef enum {
    HSE_LOUDNESS_AUTO = 0,          /* the model's fixed gain and a limiter at 0.97: the same streamed or not            */
    HSE_LOUDNESS_PEAK = 1,          /* scale the whole answer to a peak of 0.97; cannot be streamed                      */
    HSE_LOUDNESS_NONE = 2,          /* as the model gives it                                                             */
} hse_loudness;

typedef struct {
    size_t        size;
    const char   *model;            /* a name of hse_models_open(); NULL: the first that speaks                          */
    const char   *language;         /* "en", ...; NULL: the model's own                                                  */
    const char   *voice;            /* a name of the model's voices; NULL: its first                                     */
    const float  *embedding;        /* speak with this speaker embedding instead of a voice                              */
    size_t        embedding_size;   /* in floats                                                                         */
    const float  *reference;        /* ... or with the voice of this recording, mono                                     */
    size_t        reference_count;
    unsigned      reference_rate_hz;
    float         speed;            /* 0.1 to 10, 2 = twice as fast; 0 = 1                                               */
    float         pitch;            /* 0.1 to 10, factor; 0 = 1                                                          */
    float         energy;           /* 0.1 to 10, factor; 0 = 1                                                          */
    unsigned      rate_hz;          /* of the answer, 8000 to 192000; 0 = the model's own                                */
    hse_text_mode text_mode;
    hse_loudness  loudness;
    int           reference_mode;   /* 1: exactly what the original computes: text in one piece, peak loudness           */
    double        timeout_s;        /* HSE_E_DEADLINE after this long; 0 = never                                         */
    hse_cancel   *cancel;           /* may be NULL                                                                       */
} hse_speak_options;

static inline void hse_speak_options_init(hse_speak_options *o)
{
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
}

/* The whole answer at once. text is UTF-8; an empty one is HSE_E_ARG, err->offset shows the first wrong byte of another. */
HSE_API hse_status hse_speak(hse_engine *engine, const char *text, const hse_speak_options *options, hse_pcm *out,
                             hse_error *err);

/* Audio as it becomes ready, the first after a fraction of a sentence; the pieces joined are bit for bit the answer of
 * hse_speak. Runs in your thread: while it works, at most a few seconds more are computed ahead. Return non-zero to stop
 * (HSE_E_CANCELLED). */
typedef int (*hse_pcm_fn)(void *user, const float *samples, size_t count, unsigned rate_hz);

HSE_API hse_status hse_speak_stream(hse_engine *engine, const char *text, const hse_speak_options *options, hse_pcm_fn fn,
                                    void *user, hse_error *err);

/* ---- speaker embeddings -------------------------------------------------------------------------------------------- */

typedef struct {
    float *values;
    size_t count;
} hse_embedding;

HSE_API void hse_embedding_free(hse_embedding *embedding);

typedef struct {
    size_t      size;
    const char *model;              /* NULL: the first that embeds                                                       */
    double      timeout_s;
    hse_cancel *cancel;
} hse_embed_options;

static inline void hse_embed_options_init(hse_embed_options *o)
{
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
}

/* Mono samples in -1..1 at 1000 to 384000 Hz. Audio without speech, or too short, is HSE_E_ARG with words. */
HSE_API hse_status hse_embed(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                             const hse_embed_options *options, hse_embedding *out, hse_error *err);

/* ---- voice activity ------------------------------------------------------------------------------------------------ */

typedef struct {
    int64_t start, end;             /* in samples of the audio that was given; end is exclusive */
} hse_segment;

typedef struct {
    hse_segment *items;
    size_t       count;
} hse_segments;

HSE_API void hse_segments_free(hse_segments *segments);

/* Fill with hse_vad_params_init, which sets the defaults named here; 0 is a value like any other. */
typedef struct {
    size_t      size;
    const char *model;                          /* NULL: the first that detects                                          */
    double      threshold;                      /* 0.5: probability at which speech begins                               */
    double      neg_threshold;                  /* -1: below it speech ends; negative = max(threshold - 0.15, 0.01)      */
    double      min_speech_ms;                  /* 250                                                                   */
    double      min_silence_ms;                 /* 100                                                                   */
    double      pad_ms;                         /* 30                                                                    */
    double      max_speech_s;                   /* 0 = no limit                                                          */
    double      min_silence_at_max_speech_ms;   /* 98                                                                    */
    int         longest_silence_at_max_speech;  /* 1: cut a too long segment at its longest silence                      */
    double      timeout_s;                      /* 0 = never                                                             */
    hse_cancel *cancel;
} hse_vad_params;

static inline void hse_vad_params_init(hse_vad_params *p)
{
    static const hse_vad_params defaults = {sizeof(hse_vad_params), NULL, 0.5, -1.0, 250.0, 100.0, 30.0, 0.0, 98.0, 1,
                                            0.0, NULL};
    *p = defaults;
}

/* Where somebody speaks. params NULL: the defaults. No speech gives a count of 0, which is not an error. */
HSE_API hse_status hse_vad(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                           const hse_vad_params *params, hse_segments *out, hse_error *err);

/* The same on a live stream: events as they are known. Uses threshold, min_silence_ms and pad_ms (upstream's iterator has
 * no others: a session is refused when another differs from its default). */
typedef struct hse_vad_session hse_vad_session;

typedef struct {
    int     start;                  /* 1: speech began, 0: it ended */
    int64_t at;                     /* sample since the session's start, at its rate */
} hse_vad_event;

typedef void (*hse_vad_event_fn)(void *user, const hse_vad_event *event);

HSE_API hse_status hse_vad_session_open(hse_vad_session **out, hse_engine *engine, const hse_vad_params *params,
                                        unsigned rate_hz, hse_error *err);      /* 16000 k or 8000 Hz */
/* Any number of samples; fn is called from inside. */
HSE_API hse_status hse_vad_session_push(hse_vad_session *session, const float *samples, size_t count, hse_vad_event_fn fn,
                                        void *user, hse_error *err);
HSE_API void       hse_vad_session_reset(hse_vad_session *session);
HSE_API void       hse_vad_session_close(hse_vad_session **session);

/* ---- what is there ------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t             size;
    const char        *name;        /* what a request's `model` says */
    const char        *type;        /* "HarmonySpeechSynthesizer", ...; "toolchain" for a chain of models */
    const char        *path;        /* its folder; "" where there is none */
    const char        *problem;     /* why it cannot be used; NULL when it can (as far as is known before loading it) */
    int                speaks, embeds, detects;     /* what requests it answers */
    int                loaded;      /* weights are in memory now */
    const char *const *languages;
    size_t             language_count;
    const char *const *voices;      /* the default voice first */
    size_t             voice_count;
} hse_model_info;

typedef struct hse_models hse_models;           /* a snapshot; outlives the engine */

HSE_API hse_status hse_models_open(hse_models **out, hse_engine *engine, hse_error *err);
HSE_API size_t     hse_models_count(const hse_models *models);
/* NULL when i is out of range; valid until hse_models_close. */
HSE_API const hse_model_info *hse_models_at(const hse_models *models, size_t i);
HSE_API void       hse_models_close(hse_models **models);

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* A recording as mono floats at its own rate: wav in-process; flac, mp3, ogg, opus, webm, m4a, aac by the helper program
 * hse-media. At most 4 hours. */
HSE_API hse_status hse_pcm_read(hse_pcm *out, const char *path, hse_error *err);
/* 16-bit wav; a failure leaves no half-written file. */
HSE_API hse_status hse_pcm_write_wav(const char *path, const float *samples, size_t count, unsigned rate_hz, hse_error *err);

#ifdef __cplusplus
}
#endif
#endif
