/* hse.h - public C API of the speech engine: text to speech, speaker embeddings, voice activity detection, speech to text,
 * voice conversion, restoration.
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

#include <math.h>
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
    const char *model;              /* a model's own folder or file, offered beside the others: its name in requests is
                                       this very path; NULL: none                                                        */
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
    HSE_INPUT_AUTO = 0,             /* SSML where the text begins with <speak; else text, in which [[word /phones/]] says
                                       how a word is said (docs/pronunciation.md)                                        */
    HSE_INPUT_TEXT = 1,             /* every character is meant as it is                                                 */
    HSE_INPUT_SSML = 2,
} hse_input_type;

typedef enum {
    HSE_LOUDNESS_AUTO = 0,          /* the model's fixed gain and a limiter at 0.97: the same streamed or not            */
    HSE_LOUDNESS_PEAK = 1,          /* scale the whole answer to a peak of 0.97; cannot be streamed                      */
    HSE_LOUDNESS_NONE = 2,          /* as the model gives it                                                             */
} hse_loudness;

typedef struct {
    size_t        size;
    const char   *model;            /* a name of hse_models_open(); NULL: the first that speaks                          */
    const char   *language;         /* "en", ...; NULL: the model's own                                                  */
    const char   *voice;            /* a name of the model's voices, or a stored one (hse voices); NULL: its first       */
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
    int           has_seed;         /* 1: draw noise by `seed`; 0: another one each time                                 */
    uint64_t      seed;
    hse_input_type input_type;      /* what the text is                                                                  */
    const char   *lexicon;          /* how words are said, lines or PLS as in docs/pronunciation.md; may be NULL         */
    const char   *watermark;        /* 1 to 8 letters, digits or '-' hidden in the speech (docs/watermark.md); NULL: the
                                       config's; "": none                                                                */
    const char   *style;            /* how the first voice speaks, of a model that has styles (hse_model_info.styles); may be NULL */
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

/* ---- speech to text ------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *word;                           /* with the space before it, where the language has one                  */
    double      start, end;                     /* seconds of the audio that was given                                   */
    double      probability;
} hse_word;

/* One stretch of text. The fields are faster-whisper's and OpenAI's. */
typedef struct {
    int32_t         id, seek;                   /* from 1; frames of 10 ms at which its window began                     */
    double          start, end;                 /* seconds                                                               */
    const char     *text;                       /* UTF-8, with its leading space                                         */
    const int32_t  *tokens;
    const float    *token_logprobs;             /* one a token; NULL unless asked for                                    */
    size_t          token_count;
    double          temperature, avg_logprob, compression_ratio, no_speech_prob;
    const hse_word *words;                      /* NULL unless asked for                                                 */
    size_t          word_count;
    const char     *language;                   /* of its window: differs from the whole's only with `multilingual`      */
    const char *const *token_texts;             /* the bytes of each token, which may be part of a character; NULL unless
                                                   token_logprobs are asked for                                          */
} hse_transcript_segment;

typedef struct {
    const char *code;                           /* "en" */
    double      probability;
} hse_language_probability;

typedef struct {
    const char                     *language;   /* "en"; NULL before it is known                                         */
    double                          language_probability;
    double                          duration, duration_after_vad;               /* seconds                               */
    const hse_language_probability *languages;  /* best first; NULL when it was not detected                             */
    size_t                          language_count;
    const hse_transcript_segment   *segments;
    size_t                          segment_count;
} hse_transcript;

typedef enum { HSE_TRANSCRIBE = 0, HSE_TRANSLATE = 1 } hse_transcribe_task;     /* translate: to English */

/* Fill with hse_transcribe_options_init, which sets the defaults named here (faster-whisper's, but for vad_filter); 0 is a
 * value like any other. */
typedef struct {
    size_t      size;
    const char *model;                          /* NULL: the first that transcribes                                      */
    const char *language;                       /* "en", "english"; NULL: detected                                       */
    const char *const *languages;               /* detect among these only; NULL: all                                    */
    size_t      language_count;
    hse_transcribe_task task;
    int         batched;                        /* 0. 1: chunks of speech decoded side by side, without earlier text:
                                                   faster for long files; vad_filter and without_timestamps are usual    */
    int         vad_filter;                     /* 1: cut silence out first; no speech gives no text                     */
    hse_vad_params vad;                         /* min_silence_ms 2000, pad_ms 400, min_speech_ms 0, the rest as above;
                                                   its model, timeout and cancel are not read                            */
    int         vad_params_given;               /* 0: batched uses its own (min_silence_ms 160, max_speech_s = chunk)    */
    int         beam_size, best_of;             /* 5, 5                                                                  */
    double      patience, length_penalty, repetition_penalty;                   /* 1, 1, 1                               */
    int         no_repeat_ngram_size;           /* 0                                                                     */
    double      temperatures[16];               /* 0, 0.2, ... 1: the next is tried when a window fails                  */
    size_t      temperature_count;              /* 6                                                                     */
    double      compression_ratio_threshold;    /* 2.4; NaN: none                                                        */
    double      log_prob_threshold;             /* -1; NaN: none                                                         */
    double      no_speech_threshold;            /* 0.6; NaN: none                                                        */
    int         condition_on_previous_text;     /* 1                                                                     */
    double      prompt_reset_on_temperature;    /* 0.5                                                                   */
    const char *initial_prompt;                 /* NULL                                                                  */
    const int32_t *initial_prompt_tokens;       /* behind the text, or without one; NULL                                 */
    size_t      initial_prompt_token_count;
    const char *prefix, *hotwords;              /* NULL                                                                  */
    int         suppress_blank;                 /* 1                                                                     */
    const int32_t *suppress_tokens;             /* NULL: -1, the model's own list                                        */
    size_t      suppress_token_count;
    int         suppress_none;                  /* 0. 1: an empty list                                                   */
    int         without_timestamps;             /* 0                                                                     */
    double      max_initial_timestamp;          /* 1                                                                     */
    int         word_timestamps;                /* 0                                                                     */
    const char *prepend_punctuations, *append_punctuations;                     /* NULL: Whisper's                       */
    int         multilingual;                   /* 0. 1: detect the language of every window                             */
    int         max_new_tokens;                 /* 0: as many as the model can                                           */
    double      chunk_length_s;                 /* 0: the model's 30                                                     */
    const double *clip_timestamps;              /* start, end, start, ...; an odd last one runs to the end. NULL: all    */
    size_t      clip_count;
    double      hallucination_silence_threshold;                                /* NaN: none                             */
    double      language_detection_threshold;   /* 0.5                                                                   */
    int         language_detection_segments;    /* 1                                                                     */
    int         token_logprobs;                 /* 0. 1: fill them                                                       */
    uint64_t    seed;                           /* of temperatures above 0                                               */
    int         has_seed;                       /* 0: always the same, so that the same audio gives the same text        */
    double      timeout_s;                      /* 0 = never                                                             */
    hse_cancel *cancel;
} hse_transcribe_options;

static inline void hse_transcribe_options_init(hse_transcribe_options *o)
{
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    hse_vad_params_init(&o->vad);
    o->vad.min_speech_ms = 0.0;
    o->vad.min_silence_ms = 2000.0;
    o->vad.pad_ms = 400.0;
    o->beam_size = o->best_of = 5;
    o->patience = o->length_penalty = o->repetition_penalty = 1.0;
    for (o->temperature_count = 0; o->temperature_count < 6; o->temperature_count++)
        o->temperatures[o->temperature_count] = (double)o->temperature_count / 5.0;
    o->compression_ratio_threshold = 2.4;
    o->log_prob_threshold = -1.0;
    o->no_speech_threshold = 0.6;
    o->vad_filter = o->condition_on_previous_text = o->suppress_blank = 1;
    o->prompt_reset_on_temperature = 0.5;
    o->max_initial_timestamp = 1.0;
    o->hallucination_silence_threshold = NAN;
    o->language_detection_threshold = 0.5;
    o->language_detection_segments = 1;
}

/* Mono samples in -1..1 at 1000 to 384000 Hz. *out is freed with hse_transcript_free. */
HSE_API hse_status hse_transcribe(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                                  const hse_transcribe_options *options, hse_transcript **out, hse_error *err);
HSE_API void       hse_transcript_free(hse_transcript **transcript);

/* The same, segment by segment as they are decoded. Return non-zero to stop (HSE_E_CANCELLED). `so_far` holds language and
 * durations; both are valid during the call. */
typedef int (*hse_transcript_fn)(void *user, const hse_transcript_segment *segment, const hse_transcript *so_far);

HSE_API hse_status hse_transcribe_stream(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                                         const hse_transcribe_options *options, hse_transcript_fn fn, void *user,
                                         hse_error *err);

/* Live: PCM as it comes. A partial is what is heard so far of what is being said: its first stable_bytes bytes agreed in two
 * passes and stay; a final never changes. Finals joined are the text that the file would give. */
typedef struct hse_transcribe_session hse_transcribe_session;

typedef struct {
    int                           final;        /* 1: this segment is done */
    size_t                        stable_bytes; /* of segment->text */
    const hse_transcript_segment *segment;
} hse_transcribe_event;

typedef void (*hse_transcribe_event_fn)(void *user, const hse_transcribe_event *event);

HSE_API hse_status hse_transcribe_session_open(hse_transcribe_session **out, hse_engine *engine,
                                               const hse_transcribe_options *options, unsigned rate_hz, hse_error *err);
/* Any number of samples; fn is called from inside, in this thread. */
HSE_API hse_status hse_transcribe_session_push(hse_transcribe_session *session, const float *samples, size_t count,
                                               hse_transcribe_event_fn fn, void *user, hse_error *err);
/* No more audio: the rest as finals. */
HSE_API hse_status hse_transcribe_session_finish(hse_transcribe_session *session, hse_transcribe_event_fn fn, void *user,
                                                 hse_error *err);
HSE_API void       hse_transcribe_session_close(hse_transcribe_session **session);

/* ---- audio to audio ------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t       size;
    const char  *model;                         /* NULL: the first that can                                              */
    const char  *voice;                         /* convert: a stored voice, or                                           */
    const float *embedding;                     /* the target's embedding (of this model), or                            */
    size_t       embedding_size;
    const float *target;                        /* a recording of the target, mono                                       */
    size_t       target_count;
    unsigned     target_rate_hz;
    unsigned     rate_hz;                       /* of the answer; 0 = the model's                                        */
    hse_loudness loudness;                      /* HSE_LOUDNESS_AUTO: as the model gives it, where it has no gain        */
    double       timeout_s;
    hse_cancel  *cancel;
    int          restore_mode;                  /* restore: 0, or 1: high frequencies are removed first (VoiceFixer)     */
    int          has_seed;                      /* convert: 0: its noise is drawn anew                                   */
    uint64_t     seed;                          /* ... or the same seed gives the same bits                              */
    const char  *watermark;                     /* convert: as in hse_speak_options                                      */
} hse_convert_options;

static inline void hse_convert_options_init(hse_convert_options *o)
{
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
}

/* The same words in another voice. */
HSE_API hse_status hse_convert(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                               const hse_convert_options *options, hse_pcm *out, hse_error *err);
/* Damaged speech made whole: noise, clipping, missing high frequencies. Of the options only model, rate_hz, loudness,
 * timeout_s, cancel and restore_mode are read; a mode that the model does not have is HSE_E_UNSUPPORTED or HSE_E_ARG. */
HSE_API hse_status hse_restore(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                               const hse_convert_options *options, hse_pcm *out, hse_error *err);

/* The same bit by bit: neither the recording nor the answer is ever in memory as a whole (but with HSE_LOUDNESS_PEAK the answer
 * is). What fn gets, joined, is bit for bit the answer of hse_restore. The session is one request: timeout_s counts from its
 * opening to its end, and its engine may be closed before it. Used by one thread at a time. */
typedef struct hse_restore_session hse_restore_session;

HSE_API hse_status hse_restore_session_open(hse_restore_session **out, hse_engine *engine, const hse_convert_options *options,
                                            unsigned rate_hz, hse_error *err);
/* Any number of samples. Waits while the models are behind; fn is called from inside, in this thread, with what is restored so
 * far (maybe nothing); its returning non-zero stops all (HSE_E_CANCELLED). After a failure only close it. */
HSE_API hse_status hse_restore_session_push(hse_restore_session *session, const float *samples, size_t count, hse_pcm_fn fn,
                                            void *user, hse_error *err);
/* No more audio: the rest. HSE_E_ARG when there was none at all. */
HSE_API hse_status hse_restore_session_finish(hse_restore_session *session, hse_pcm_fn fn, void *user, hse_error *err);
HSE_API void       hse_restore_session_close(hse_restore_session **session);

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
    int                transcribes, converts, restores;
    const char *const *voice_languages;     /* of each voice: the one that it speaks; NULL: all of them */
    int                styles;      /* 1: the voices behind the first of a language are its styles: hse_speak_options.style */
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
