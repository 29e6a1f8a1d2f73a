/* engine.h - requests become jobs, jobs become work items, items of many jobs run together in batches.
 *
 * The same hse_engine as in hse.h, as the server, the command line and the golden runner use it: they open a job, get told
 * when there is something to fetch, fetch audio piece by piece in a thread of their own, and may cancel at any time. The
 * blocking calls of hse.h are a few lines on top.
 *
 * How it works. Every model that is asked for has one worker thread, which loads it (others are not held up), then takes up
 * to max_batch_size items from the model's queue, runs them as one ragged batch, and hands each back to its job, which says
 * what comes next. A worker waits for company for at most half the time of a batch, and only while other jobs are on their
 * way to its queue. The queue is served by fair shares (start-time fair queueing over clients, weighted by priority), and a long
 * text puts only a few sentences at a time into it, so a short request passes. A job computes only a few seconds ahead of
 * its reader: that is the back-pressure, and the bound of its memory.
 *
 * Ownership  hse_job_open takes the audio of the request (also on failure it is freed); hse_job_close ends the job,
 *            cancelling what still runs. A job may be closed after its engine: it then answers HSE_E_CANCELLED.
 * Threads    an engine is shared by all threads; a job may be read by one thread at a time, hse_job_cancel by any. */
#ifndef HSE_ENGINE_ENGINE_H
#define HSE_ENGINE_ENGINE_H

#include "config/config.h"
#include "engine/catalogue/route.h"
#include "text/markup/markup.h"

/* ---- opening ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const hse_config *config;               /* NULL: every model found; must outlive the engine */
    const char  *models;                    /* folder looked in first; NULL: HSE_MODELS, then config.models_dir */
    const char  *model;                     /* a model's own folder or file, offered beside the others under this very path; NULL: none */
    const char  *languages;                 /* folder of language packs; NULL: HSE_LANGUAGES, then config.languages_dir */
    int          threads, max_requests;     /* 0: config, else one per core, 256 */
    const char  *cpu;                       /* NULL: config, HSE_CPU, auto */
    hse_dtype_choice dtype;                 /* HSE_DTYPE_DEFAULT: HSE_DTYPE, config, each model's own */
    double       timeout_s;                 /* of a request that brings none; 0: config, else 600; < 0: never */
    int          batch_window_us;           /* at most this long a batch waits for company; 0 = 20000; < 0: never */
    const hse_model_type *const *types;     /* the models that are built in; NULL = hse_model_types. Tests pass fakes */
    bool         no_bundled;                /* look only in `models`, and for packs in `languages` (tests) */
} hse_engine_setup;

hse_status hse_engine_start(hse_engine **out, const hse_engine_setup *setup, hse_error *err);

/* ---- requests ------------------------------------------------------------------------------------------------------ */

/* A voice that a text's <voice> may name beside the model's own. */
typedef struct {
    const char  *name;
    const float *embedding;
    size_t       size;
} hse_named_voice;

/* A request's strings are borrowed for hse_job_open only. */
typedef struct {
    hse_job_kind kind;
    const char  *model, *language, *voice, *style;      /* NULL or "": the default */
    hse_mode     mode;
    const char  *client;                    /* whose share it uses (an API key's name, an address); NULL: its own */
    const char  *request_id;                /* for the log */
    int          priority;                  /* 0-9, 5 is normal; 9 gets most */
    double       timeout_s;                 /* 0: the engine's */
    hse_cancel  *cancel;                    /* looked at while somebody reads or waits; borrowed until hse_job_close */

    const char  *text;                      /* speak */
    size_t       text_size;
    hse_input_type   input;                     /* what the text is: text/markup/markup.h */
    const char  *lexicon;                   /* the request's own pronunciations: a file's text, of either format; NULL: none */
    size_t       lexicon_size;
    const char  *watermark;                 /* speak, convert: a message of audio/watermark.h; NULL: the config's; "": none */
    hse_text_mode text_mode;
    float        speed, pitch, energy;      /* 0 = 1 */
    bool         has_seed;
    uint64_t     seed;                      /* returned in the result; drawn when there is none */
    unsigned     rate_hz;                   /* of the answer; 0 = the model's */
    hse_loudness loudness;
    bool         stream;                    /* small first pieces; else large ones, which cost less. The bits are the same */
    bool         reference;                 /* exactly the original: one piece, peak loudness; refuses stream */
    const float *embedding;
    size_t       embedding_size;
    const hse_named_voice *voices;          /* speak: borrowed for hse_job_open */
    size_t       voice_count;
    hse_audio    audio;                     /* speak: the recording to clone; embed, vad: the input. Taken over */
    bool         audio_borrowed;            /* audio stays the caller's and outlives the job instead */
    bool         fed;                       /* restore: audio is a rate alone, its samples come by hse_job_feed */
    hse_vad_options vad;
    hse_transcribe_options transcribe;      /* model, language list, prompts, ...: borrowed for hse_job_open only */
    hse_audio    target;                    /* convert: a recording of the voice wanted. Taken over, unless audio_borrowed */
    /* Where in the recording that gives a voice is speech: */
    const hse_transcript_segment *said;     /* these stretches, in seconds; text NULL where it is not known. Borrowed for hse_job_open */
    size_t       said_count;
    bool         has_said;
    const char  *finder;                    /* or as this model finds it; NULL: as the route or the encoder wants it */
    int          restore_mode;              /* restore: what the model does first; 0 is nothing */
    double       keep_alive_s;              /* how long its models stay after it: < 0 for ever, 0 unload at once; NAN: the config's */

    void       (*notify)(void *user);       /* something can be fetched, or the job ended. From an engine thread, under its
                                               lock: must only signal (write an eventfd), never call the engine */
    void        *user;
} hse_request;

void hse_request_init(hse_request *r, hse_job_kind kind);               /* the defaults */

typedef struct hse_job hse_job;

/* Checks everything that can be checked without a model, takes a place in the queue and returns. HSE_E_ARG names the wrong
 * field first ("input is empty"), HSE_E_NOT_FOUND the model or voice, HSE_E_BUSY when max_requests are waiting. */
hse_status hse_job_open(hse_job **out, hse_engine *engine, hse_request *request, hse_error *err);
void       hse_job_close(hse_job **job);
void       hse_job_cancel(hse_job *job);

/* Speak: the next at most `max` samples (after gain, limiter and rate conversion, which run here, in the caller's thread).
 * *got = 0 with HSE_OK and *end: all was read. Without `wait`, *got = 0 and !*end means: nothing yet, wait for notify. */
hse_status hse_job_read(hse_job *job, float *out, size_t max, size_t *got, bool *end, bool wait, hse_error *err);
/* A job that was opened `fed`: the next samples of its recording. Waits until some of them could be taken or there is audio to
 * read; *took says how many. With n = 0 the recording ends. */
hse_status hse_job_feed(hse_job *job, const float *samples, size_t n, size_t *took, hse_error *err);
/* Embed, vad: until the result is there. Speak: until the rate is known (the first audio, or the end). */
hse_status hse_job_wait(hse_job *job, hse_error *err);
bool       hse_job_ready(hse_job *job);                                 /* would hse_job_wait return at once? */

/* What there is so far: a copy that the next call overwrites; what it points to is valid until hse_job_close. */
typedef struct {
    const char  *model;                     /* the name it was answered by */
    unsigned     rate_hz;                   /* of hse_job_read's audio; 0 before the first */
    uint64_t     seed;
    const float *embedding;                 /* embed; speak: the speaker that was used */
    size_t       embedding_size;
    bool         embedding_is_torch;        /* its model's embeddings travel as files of torch.save */
    const hse_segment *segments;            /* in samples of the audio that was given */
    size_t       segment_count;
    uint64_t     queue_ns, run_ns, first_ns;            /* waiting and computing, summed; open to first audio */
    double       audio_in_s, audio_out_s;
    const hse_transcript *transcript;       /* transcribe: language and durations so far; segments come by hse_job_segment */
} hse_job_result;

const hse_job_result *hse_job_result_get(hse_job *job);

/* Transcribe: the next segment, valid until hse_job_close. NULL in *out with HSE_OK and *end: all were read. Without `wait`,
 * NULL and !*end: nothing yet. */
hse_status hse_job_segment(hse_job *job, const hse_transcript_segment **out, bool *end, bool wait, hse_error *err);

/* When it is worth to come back after HSE_E_BUSY, in seconds (1 to 60): by how fast requests of this kind end. */
double hse_engine_retry_after(hse_engine *engine, hse_job_kind kind);

/* ---- voices and models --------------------------------------------------------------------------------------------- */

/* Make sure a model's weights are in memory (a toolchain: all its parts). */
hse_status hse_engine_load(hse_engine *engine, const char *model, double keep_alive_s, hse_error *err);
/* Give its memory back as soon as nothing runs on it (waits for that, at most timeout_s, then HSE_E_BUSY). Loaded again by
 * the next request. Models that a loaded toolchain shares stay while another configured one uses them in a request. */
hse_status hse_engine_unload(hse_engine *engine, const char *model, double timeout_s, hse_error *err);
/* Read the config again: models that stay the same stay loaded, requests under way end on what they began with, new ones see
 * the new config. On any mistake nothing changes. `config` is taken over on success only. */
hse_status hse_engine_reload(hse_engine *engine, hse_config *config, hse_error *err);
bool       hse_engine_ready(hse_engine *engine);                        /* preloads are done (or have failed, which is logged) */

/* Which listed model answers a request of this kind for `model`: its name, an alias of it, its repository's name, NULL or one of
 * OpenAI's names for the default. HSE_E_NOT_FOUND, HSE_E_UNSUPPORTED with words for the client. */
typedef struct {
    const hse_model_info *info;             /* in `models`; with its problem, where it cannot be used */
    const char           *name;             /* info's, or the repository's where that was asked for: names it in other requests */
} hse_model_choice;

hse_status hse_models_find(hse_model_choice *out, hse_models *models, hse_engine *engine, hse_job_kind kind, const char *model,
                           hse_error *err);

/* Of a list: by its listed name; NULL: there is none. Has it a voice of that name? Can it be used for such
 * requests (HSE_JOB_KINDS: for any)? */
const hse_model_info *hse_models_named(const hse_models *models, const char *name);
bool                  hse_model_has_voice(const hse_model_info *m, const char *name);
bool                  hse_model_does(const hse_model_info *m, hse_job_kind kind);
/* Which of OpenAI's thirteen names of voices this is, from 0: they stand for a model's voices in turn. -1: none of them. */
int                   hse_openai_voice(const char *name);

/* ---- live voice activity ------------------------------------------------------------------------------------------- */

/* hse_vad_session of hse.h. */

/* ---- figures ------------------------------------------------------------------------------------------------------- */

enum { HSE_BATCH_BUCKETS = 8 };             /* 1, 2, 3-4, 5-8, 9-16, 17-32, 33-64, more */
enum { HSE_SECONDS_BUCKETS = 16 };
extern const double hse_seconds_bucket[HSE_SECONDS_BUCKETS];            /* upper bounds; what is above counts in `count` only */
extern const int    hse_batch_bucket[HSE_BATCH_BUCKETS];

typedef struct {
    uint64_t bucket[HSE_SECONDS_BUCKETS], count;        /* not cumulative */
    double   sum;
} hse_seconds_histogram;

typedef struct {
    const char *name, *type;
    bool        loaded, loading;
    const char *problem;                    /* why the last load failed, NULL: it did not */
    double      expires_s;                  /* from now until it is unloaded; < 0: never; meaningless when not loaded */
    uint64_t    requests;                   /* jobs that use it now */
    uint64_t    loads, unloads_idle, unloads_budget, unloads_asked;
    uint64_t    activation_bytes;           /* of its batches, held now */
    uint64_t    bytes;                      /* weights */
    double      load_s;                     /* of the last load */
    uint64_t    waiting, batches, items;    /* items / batches = mean batch size */
    uint64_t    batch[HSE_BATCH_BUCKETS];
    uint64_t    held_open;                  /* batches that waited a moment for others who may come */
    hse_seconds_histogram queue, run;       /* per item, per batch */
} hse_model_stats;

typedef struct {
    uint64_t started, done, failed, cancelled, expired, rejected;
    uint64_t running, waiting;              /* jobs of which an item is being computed; other unfinished ones */
    hse_seconds_histogram total, first_audio;
} hse_kind_stats;

typedef struct {
    hse_kind_stats   kind[HSE_JOB_KINDS];
    uint64_t         characters_in;
    double           audio_in_s, audio_out_s;
    uint64_t         voice_cache_hits, voice_cache_misses;
    uint64_t         resident_bytes;        /* the process, as the system counts it */
    uint64_t         memory_budget;         /* bytes; 0: none */
    uint64_t         rejected_busy, rejected_memory, rejected_deadline;
    size_t           model_count;
    hse_model_stats *models;
} hse_engine_stats;

hse_status hse_engine_stats_get(hse_engine *engine, hse_engine_stats *out, hse_error *err);
void       hse_engine_stats_free(hse_engine_stats *stats);

const hse_kernels *hse_engine_kernels(const hse_engine *engine);
int                hse_engine_threads(const hse_engine *engine);

#endif
