/* internal.h - what the files of the engine share: slots (a model and its queue), work (one item on its way through one
 * slot), flows (whose share of the time it is), jobs.
 *
 * One lock, engine->lock, guards all of it; it is never held while a model loads or computes, nor while audio is filtered
 * for a reader. Functions say "locked" when the caller holds it. */
#ifndef HSE_ENGINE_INTERNAL_H
#define HSE_ENGINE_INTERNAL_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine/catalogue/discover.h"
#include "engine/engine.h"

#include <pthread.h>

typedef struct slot slot;
typedef struct work work;
typedef struct flow flow;

/* ---- voices of a model folder -------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    float      *embedding;                  /* NULL when the file is bad */
    size_t      size;
    char        problem[160];
} voice;

typedef struct {
    const char *dir;
    voice      *list;                       /* the default first */
    size_t      count;
} voice_set;

/* Read dir/voices/ (none is fine) into the arena. A bad file is a voice with a problem. */
hse_status hse_voices_read(voice_set *out, const char *dir, hse_arena *arena, hse_error *err);
/* A voice of the set (NULL: none) by its name, or NULL. */
const voice *hse_voice_named(const voice_set *set, const char *name);
/* By name, or by one of OpenAI's 13 names, which stand for the voices in turn; NULL or "": the first. HSE_E_ARG lists the
 * voices, or says what to send where there are none. */
hse_status hse_voices_find(const voice **out, const voice_set *set, const char *name, const char *model, hse_error *err);

/* Embeddings of recordings that were heard lately. */
enum { VOICE_CACHE = 64 };

typedef struct {
    uint8_t  hash[16];
    unsigned slot;                          /* index + 1; 0 = free */
    uint64_t used;
    float   *embedding;
    size_t   size;
} voice_cache_entry;

/* Keyed 128-bit hash (SipHash-2-4): somebody who does not know the key cannot make two recordings collide. */
void hse_siphash128(uint8_t out[16], const uint8_t key[16], const void *data, size_t size);

/* ---- slots: a model and its queue ---------------------------------------------------------------------------------- */

enum { MAX_INSTANCES = 16 };

/* A batch under way, with activations of its own. */
typedef struct {
    nn_ctx      *nn;                        /* there while the model is loaded */
    work       **batch;                     /* what runs now: max_batch entries */
    hse_item   **items;                     /* their items */
    size_t       batch_n;
    atomic_bool  cancel;
    bool         away;                      /* it gives way */
    uint64_t     charged_ns, ran_ns;        /* until when its time is in its jobs' accounts; how much it was */
    uint64_t     held;                      /* bytes of activations, as of the last batch */
} lane;

/* A thread that runs batches of a slot. The first one also loads and unloads. */
typedef struct {
    slot        *slot;
    pthread_t    thread;
    lane         main, pass;                /* pass: what goes first while main, between two operations, gives way */
    atomic_bool  asked;                     /* main is to give way */
    bool         busy;                      /* computes; the lock is not held */
    uint64_t     rested_ns;                 /* since when it has nothing to do */
} worker;

typedef enum { UNLOAD_NO, UNLOAD_IDLE, UNLOAD_BUDGET, UNLOAD_ASKED, UNLOAD_REASONS } unload_reason;

struct slot {
    hse_engine           *engine;
    unsigned              index;            /* of all slots there ever were */
    int                   refs;             /* catalogues */
    hse_arena             arena;            /* its strings and voices */
    const char           *name, *type_name, *repo, *dir, *load_format, *problem;    /* dir "" and problem: not usable */
    const char           *companion;        /* the second folder that it reads; NULL: none */
    bool                  own_voices;       /* voices are names of the model's own, no embeddings */
    hse_status            problem_status;
    const char           *problem_key;      /* of its entry in model_configs; NULL: the model as a whole */
    bool                  hidden;           /* not configured: only for other models' sake, never listed or a default */
    const hse_model_type *type;             /* NULL: not built in */
    const char *const    *languages;
    size_t                language_count;
    const char *const    *config_voices;
    size_t                config_voice_count;
    const voice_set      *voices;
    int                   max_batch, instances;
    k_weight_type         precision;
    bool                  as_stored;        /* int8 where the checkpoint is, else `precision` */
    double                keep_alive;       /* of the config; HSE_KEEP_ABSENT: the engine's */
    uint64_t              file_bytes;       /* of its checkpoints: what it may weigh, before it was ever loaded */
    uint64_t              companion_bytes;  /* of these, or of `bytes`, what all with this companion have in common */
    slot                 *next_retired, *next_started;

    worker         worker[MAX_INSTANCES];
    int            workers;                 /* that were started */
    pthread_cond_t wake;                    /* work came, or a wish, or the engine closes */
    work          *queue;                   /* by tag */
    size_t         waiting;
    double         waiting_cost;
    double         clock;                   /* virtual time: the tag of what was served last */

    /* Life: see life.c. */
    void          *model;                   /* written by the first worker under the lock; read without by who uses it */
    size_t         users;                   /* jobs, sessions, who waits for it: they may hold what points into the model */
    bool           load_wanted, retired;
    bool           loading, unloading;      /* its first worker is at it */
    unload_reason  unload;                  /* as soon as it has no users */
    bool           preload;
    double         keep_s;                  /* what its last user asked for; < 0: for ever */
    uint64_t       used_ns, expires_ns;     /* when it had its last user; when it goes; 0: never */
    unsigned       load_round;              /* one more after each attempt */
    hse_status     load_status;
    hse_error      load_error;

    uint64_t              most_held;        /* bytes of activations that a worker ever held */
    uint64_t              bytes, batches, items_run, batch_sizes[HSE_BATCH_BUCKETS], held_open, loads, unloads[UNLOAD_REASONS];
    double                load_s;
    uint64_t              usual_ns;         /* what a batch takes: a running mean */
    double                ns_per_cost;      /* the same for its work */
    hse_seconds_histogram queue_s, run_s;
};

/* Which models there are, by one config. Jobs keep the one that they began with. */
typedef struct {
    int              refs;
    hse_arena        arena;
    hse_config      *own_config;            /* closed with it */
    hse_roots        roots;
    slot           **slots;
    size_t           slot_count;
    hse_found       *found;                 /* listed, but no slot: why something does not load */
    size_t           found_count;
    const hse_model_alias *aliases;
    size_t           alias_count;
    const char      *vad_model, *watermark; /* watermark NULL: none */
    text_pronunciations *pronunciations;    /* of the config's lexicon files; or NULL */
} catalogue;

/* catalogue.c */
hse_status hse_catalogue_open(catalogue **out, hse_engine *e, const hse_config *config, hse_error *err);    /* not locked */
void       hse_catalogue_unref(hse_engine *e, catalogue *c);                /* locked */
void       hse_slot_free(slot *s);                          /* not locked: its workers have ended */
/* What dtype `auto` stands for: the type's own choice where this machine has the instructions that make it fast. */
k_weight_type hse_auto_precision(const hse_engine *e, const hse_model_type *type);

/* life.c, all locked */
void hse_slot_want(slot *s);                                /* load it soon */
void hse_slot_use(slot *s);
void hse_slot_leave(slot *s, double keep_s);                /* NAN: as configured */
void hse_slot_load(slot *s);                                /* by its first worker; lets go of the lock meanwhile */
void hse_slot_unload(slot *s);                              /* the same */
bool hse_slot_may_unload(const slot *s);
uint64_t hse_slots_expire(hse_engine *e, uint64_t now);     /* mark what is idle too long; when the next one will be, 0: never */
uint64_t hse_slot_weight(const slot *s);                    /* bytes: what it has, had, or may have */
/* Of those that count (NULL: all), what several have in common once; nothing of what they have in common with `beside`. */
uint64_t hse_slots_weight(slot *const *list, size_t n, bool (*counts)(const slot *s, const void *user), const void *user,
                          slot *const *beside, size_t beside_n);
uint64_t hse_slot_bytes(const slot *s);                     /* what it holds; what several hold in common is the first one's */
void hse_preload(hse_engine *e, const hse_config *config);
void hse_slots_reconsider(hse_engine *e);                   /* locked: by other settings idle models may go now, or later */
size_t hse_resident_bytes(void);                            /* no lock needed */

/* ---- work ---------------------------------------------------------------------------------------------------------- */

struct work {
    work     *next;
    hse_job  *job;
    slot     *slot;
    hse_item *item;                         /* &own, or an item of a split */
    hse_item  own;
    unsigned  borrowed;                     /* HSE_AUDIO, HSE_MEL, HSE_EMBEDDING, HSE_SEGMENTS: these fields are not its own */
    double    tag, cost;
    uint64_t  queued_ns;
    size_t    index;                        /* of the sentence; of the step */
    void     *piece;
    /* Locked; the item was computed: takes from it what it wants to keep. True: the work is on its way again and not to be freed. */
    bool    (*done)(work *w);
};

struct flow {
    flow   *next;
    char   *client;                         /* NULL: one job alone */
    int     priority;                       /* a client's requests of one priority are one flow */
    int     refs;
    double *finish;                         /* by slot->index: when its last item ends in virtual time */
    size_t  slots;
};

work *hse_work_new(hse_job *job, slot *s, bool (*done)(work *w));
void  hse_work_post(work *w, double cost);                  /* locked; the queue owns it now */
void  hse_work_free(work *w);                               /* locked; lets its job go too */

enum { SPLITTERS = 2 };                     /* threads that serve splits: one long recording does not hold up the next */

/* ---- the engine ---------------------------------------------------------------------------------------------------- */

struct hse_engine {
    pthread_mutex_t lock;
    int             refs;                   /* the handle and every job */
    bool            stopping;
    hse_engine_setup setup;                 /* what it was started with; config is not looked at again */
    char           *models_dir, *model_path;            /* setup.models, setup.model */
    char           *state_dir;              /* the config's; NULL: where it is by itself */
    hse_parts      *parts;                  /* what several models have in common */
    struct text_lexicon *lexicon;           /* all models' answers about words; packs are opened when first asked */
    catalogue      *catalogue;
    unsigned        next_slot;
    slot           *started;                /* all that have threads */
    slot           *retired;                /* in no catalogue: the keeper ends their workers */
    const hse_model_type *const *types;
    const hse_kernels *kernels;
    hse_pool       *pool;
    int             max_requests;
    double          timeout_s, keep_alive;
    uint64_t        window_ns, memory_budget;

    hse_job        *jobs;                   /* unfinished */
    size_t          job_count;
    flow           *flows;
    pthread_cond_t  loaded;                 /* a model was loaded, or not, or unloaded */
    pthread_t       keeper;
    bool            keeper_started;
    pthread_cond_t  keeper_wake;
    pthread_t       splitter[SPLITTERS];
    int             splitters;              /* that run */
    hse_job        *to_split, **to_split_end;           /* jobs whose split has something to do, in order */
    pthread_cond_t  split_wake;
    pthread_mutex_t plan_lock;              /* not held together with lock */
    nn_ctx         *plan;
    uint64_t        ended_ns[HSE_JOB_KINDS];            /* when the last one ended */
    double          interval_s[HSE_JOB_KINDS];          /* between two that ended: a running mean */

    uint8_t           hash_key[16];
    voice_cache_entry cache[VOICE_CACHE];
    uint64_t          cache_clock;
    hse_engine_stats  stats;                /* models stays NULL here */
};

/* engine.c */
void       hse_engine_limits(hse_engine *e, const hse_config *config);      /* locked, or before there are threads */
hse_status hse_keeper_start(hse_engine *e, hse_error *err); /* keeper.c, locked: what happens at a time */
hse_status hse_slot_start(slot *s, hse_error *err);         /* schedule.c, locked: its threads */
hse_status hse_worker_open(worker *w, uint64_t budget, hse_error *err);     /* not locked: its contexts, when the model is loaded */
void       hse_worker_close(worker *w);                     /* not locked: gives them back */
uint64_t   hse_worker_held(const worker *w);                /* locked: bytes of activations */
bool       hse_job_can_wait(const hse_job *j, uint64_t now);            /* locked: it is long, and shorter ones can go first */
bool       hse_short_ones(const hse_engine *e);             /* locked: does somebody compute whose end is near? */
void       hse_slot_cancel_dead(slot *s);                   /* locked: stop batches that nobody wants any more */
/* admit.c */
enum { HSE_PLAN_ITEMS = 64 };               /* of a planned batch at most */
hse_status hse_admit(hse_job *job, hse_error *err);         /* not locked: can this be computed at all? */
hse_status hse_admit_now(hse_job *job, hse_error *err);     /* locked: is there room for it now? */
hse_status hse_flow_get(flow **out, hse_engine *e, const char *client, int priority, hse_error *err);       /* locked */
void       hse_flow_put(hse_engine *e, flow *f);            /* locked */
void       hse_engine_unref(hse_engine *e);                 /* locked on entry, not on return */
void       hse_seconds_add(hse_seconds_histogram *h, uint64_t ns);
hse_status hse_cond_init(pthread_cond_t *c, hse_error *err);                /* on the monotonic clock */
/* Wait until signalled or `until_ns` (0: for ever); false when the time has come. */
bool       hse_cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ns);

/* ---- choosing models ----------------------------------------------------------------------------------------------- */

typedef struct {
    const hse_toolchain *toolchain;         /* or NULL: */
    slot                *slot;              /* one model, or the toolchain's first part */
    const char          *name;
} target;

/* What answers a request of this kind under this name (aliases, NULL = default). Not locked: a catalogue does not change. */
hse_status hse_target_find(target *out, const catalogue *c, hse_job_kind kind, const char *model, hse_error *err);
/* The slot of a type for this target: in its folder, else the first that can be used. */
hse_status hse_target_slot(slot **out, const catalogue *c, const target *t, const char *type, hse_error *err);
/* Who speaks a language (NULL or "": any; then who has the voice named, if somebody has) for this target. */
hse_status hse_target_speaker(slot **out, const catalogue *c, const target *t, const char *language, const char *named,
                              hse_error *err);
hse_status hse_slot_usable(const slot *s, hse_error *err);
bool       hse_slot_speaks(const slot *s, const char *code);
/* What finds speech for another model's request; what vad_model says that shall, which must not be NULL. */
hse_status hse_target_finder(slot **out, const catalogue *c, const hse_vad_options *o, hse_error *err);
hse_status hse_target_vad_model(slot **out, const catalogue *c, hse_error *err);
/* All parts that a name stands for, whatever the task: at most `room`. HSE_E_NOT_FOUND. */
enum { MAX_PARTS = HSE_MAX_STEPS + 1 };
hse_status hse_target_parts(slot *parts[MAX_PARTS], size_t *n, const catalogue *c, const char *model, hse_error *err);

/* The copy of Silero's network that Whisper's own programs find speech with; used without being configured. */
#define HSE_SPEECH_FINDER "SileroVADV6"

/* ---- jobs ---------------------------------------------------------------------------------------------------------- */

/* A stretch of audio in order: computed (or being computed) samples, then a pause. */
typedef struct piece {
    struct piece *next;
    float        *samples;
    size_t        count, frames;
    unsigned      pause_ms;
    float         gain;                     /* of its samples */
    bool          done;
} piece;

typedef struct {
    size_t   from, to;                      /* bytes of the job's text */
    unsigned pause_ms;                      /* behind it */
    const text_style *style;                /* of the job's markup */
    const voice *voice;                     /* another than the request's; or NULL */
    slot  *by;                              /* another base speaker than the job's synthesizer, for <lang>; or NULL */
} sentence;

enum { LONG_TEXT = 8, LONG_S = 30 };        /* sentences; seconds of a recording: what is longer lets others in between */
enum { MAX_LANGUAGES = 8 };                 /* of one text, beside the request's own */
enum { LOOKAHEAD = 4 };                     /* sentences that are synthesised ahead of the one that is being decoded */

typedef struct {
    bool   busy, ready;                     /* in the synthesizer; its mel is here */
    float *mel;
    size_t frames, posted, windows;         /* frames given to the vocoder; windows that are still there */
    int    bands;
} spoken;

/* A segment of text, copied out of the split. */
typedef struct said {
    struct said           *next;
    hse_transcript_segment segment;
} said;

/* A request of many items under way: see split.c. */
typedef struct {
    void   *state;                          /* the type's; used by one thread at a time, without the lock */
    work   *back, **back_end;               /* computed, not yet taken */
    size_t  under_way;                      /* in queues, batches and `back` */
    bool    opened, done;
    hse_buf segments;                       /* of hse_segment: what it has found */
} split_run;

typedef enum {
    PHASE_FIND,                             /* where is speech? by job->finder */
    PHASE_TARGET,                           /* whose voice? by job->encoder */
    PHASE_MAIN,                             /* step[main_from] and those behind it */
} job_phase;

/* Gain, limiter, rate conversion: run by the reader, outside the lock. */
typedef struct {
    struct hse_watermark *watermark;
    struct hse_limiter   *limiter;
    struct hse_resampler *resampler;
    hse_buf  marked, limited, resampled;
    size_t   taken;                         /* floats of the last stage that were read */
    unsigned rate_hz, rate_out_hz;          /* of the pieces; of what is read */
    float    gain;                          /* where there is no limiter */
    bool     open, finished;
} output;

struct hse_job {
    hse_engine    *engine;
    catalogue     *catalogue;
    double         keep_alive_s;
    hse_job       *next, *prev;             /* engine->jobs */
    int            refs, outstanding;       /* the handle and its work; work alone */
    int            running;                 /* work that is in a batch now */
    uint64_t       served_ns;               /* its share of what was computed, its split's work included */
    hse_job_kind   kind;
    char          *request_id;
    flow          *flow;
    double         weight;
    uint64_t       opened_ns, deadline_ns;
    hse_cancel    *cancel;
    void         (*notify)(void *user);
    void          *user;
    pthread_cond_t changed;
    bool           ended;
    hse_status     status;
    hse_error      error;
    hse_job_result result, given;           /* given: the caller's copy */
    slot          *step[HSE_MAX_STEPS + 2 + MAX_LANGUAGES];      /* all that it may use, in order */
    size_t         step_count;
    bool           held;                    /* its steps count it as a user */
    double         timeout_s;               /* the engine's, as of the beginning; the next too */
    uint64_t       budget;
    uint64_t       planned;                 /* bytes of its models and of their batches with its items, where there is a budget */
    size_t         works;                   /* that exist: queued, running, waiting to be taken */
    bool           reference, stream, spell;
    int            restore_mode;
    hse_audio      audio;                   /* taken over, or borrowed */
    bool           audio_borrowed;

    /* hear.c: before the route */
    slot          *finder;                  /* of speech; or NULL */
    slot          *encoder;                 /* of voices; or NULL */
    hse_vad_options find;                   /* for the finder */
    job_phase      phase;
    bool           posted;                  /* this phase's one item is on its way */
    hse_transcript_segment *stretches;      /* of speech in the recording that gives a voice; in text_arena */
    size_t         stretch_count;
    bool           has_stretches, looked_up;            /* looked_up: in the cache of embeddings */
    hse_audio      cut;                     /* that recording's speech alone, where the encoder wants it so */
    uint8_t        audio_hash[16];
    float         *embedding;
    size_t         embedding_size;
    const char    *embedding_field;         /* of the request, for messages; static; NULL: it was heard */
    hse_segment   *segments;
    hse_vad_options vad;

    /* all but speak */
    hse_segment   *speech;                  /* what the finder found for the route */
    size_t         speech_count;
    size_t         main_from;
    hse_audio      target;                  /* convert: whose voice. As audio, taken over or borrowed */
    split_run      split[2];                /* the finder's, the main one */
    slot          *waits_for;               /* a split that cannot begin before this is loaded */
    hse_job       *next_split;              /* engine->to_split */
    bool           in_split_list, splitting, split_again;
    atomic_bool    stop_split;
    bool           fed, fed_all, fed_on;    /* the audio comes by hse_job_feed; all of it came; the split has all of it */
    uint64_t       fed_count;               /* samples */
    hse_buf        feed;                    /* floats that the split has not got yet: at most FEED_S of them */
    hse_arena      text_arena;              /* segments of text, the options */
    hse_transcribe_options transcribe;
    hse_transcript transcript, given_transcript;
    said          *said, **said_end, *unread;

    /* speak */
    slot          *synthesizer, *vocoder, *converter;   /* the first two may be the same */
    const char    *voice;                   /* the synthesizer's own, where it has some */
    float          speed, pitch, energy;
    hse_loudness   loudness;
    unsigned       rate_hz;                 /* asked for; 0 = the model's */
    char           watermark[16];           /* "": none */
    text_markup    markup;
    unsigned       lead_ms;                 /* a pause before the first word */
    char          *text;
    sentence      *sentences;
    size_t         sentence_count, next_synth, next_decode;
    spoken         spoken[LOOKAHEAD];
    piece         *first, *last;
    size_t         ahead_frames;            /* in pieces that nobody has read */
    size_t         window;                  /* frames of the next one */
    double         made_s;                  /* audio computed */
    unsigned       model_rate_hz;           /* of the first piece; 0 before it */
    float          gain;
    output         out;                     /* the reader's alone */
};

void hse_job_unref(hse_job *job);                           /* locked */
/* Locked: no more work; what is queued is dropped, what runs is stopped. The first call counts. */
void hse_job_end(hse_job *job, hse_status status, const hse_error *error);
void hse_job_signal(hse_job *job);                          /* locked: wake readers, call notify */

void hse_job_advance(hse_job *job);                         /* locked: whatever comes next */
void hse_job_no_memory(hse_job *job);                       /* locked: end it so */
/* Locked: nothing of an ended job is computed any more, so it lets its models go. */
void hse_job_settle(hse_job *job);
/* Locked: the first samples are known, and by which model: rate and gain of the answer. */
void hse_job_audio_begins(hse_job *job, const slot *s, unsigned rate_hz);
piece *hse_job_add_piece(hse_job *job, size_t frames);      /* locked; NULL: no memory */
bool hse_kind_has_audio(hse_job_kind kind);                 /* is hse_job_read for it? */

/* hear.c: what a request hears before its route */
/* Not locked: the finder and the encoder that the route has chosen, or that the request wants, are the job's first steps. */
hse_status hse_hear_prepare(hse_job *job, const hse_request *r, hse_error *err);
void       hse_hear_advance(hse_job *job);                  /* locked: PHASE_FIND, PHASE_TARGET */
void       hse_hear_found(hse_job *job, const hse_segment *speech, size_t n);           /* locked: PHASE_FIND is over */
const char *hse_heard_field(const hse_job *job);            /* what the request calls the recording that gives a voice */
/* HSE_TRANSCRIPT when the request says where speech is, or who finds it: a field of routes. */
unsigned   hse_request_knows_speech(const hse_request *r);
const hse_audio *hse_heard_audio(const hse_job *job);       /* the recording that gives a voice, else that of the request */
hse_status hse_job_add_step(hse_job *job, slot *s, hse_error *err);         /* not locked */

/* chain.c: requests whose items all go the same way */
hse_status hse_chain_prepare(hse_job *job, const hse_request *r, hse_error *err);       /* not locked */
void       hse_chain_advance(hse_job *job);                 /* locked */

enum { FEED_S = 8 };                        /* seconds of a fed recording that wait for the split */

/* split.c */
hse_status hse_split_start(hse_engine *e, hse_error *err);  /* locked: the threads */
void       hse_split_stop(hse_engine *e);                   /* not locked: after engine->stopping was set */
void       hse_split_advance(hse_job *job);                 /* locked */
void       hse_split_drop(hse_job *job);                    /* locked: what came back and was not taken */
void       hse_split_close(hse_job *job);                   /* when nothing uses it */

/* transcribe.c */
hse_status hse_transcribe_prepare(hse_job *job, const hse_request *r, hse_error *err);  /* not locked: checks, copies the options */
/* Copies what a split has said into the job's arena; *list gets the new segments. Not locked; one thread at a time. */
hse_status hse_transcribe_copy(hse_job *job, const hse_split_output *out, said **list, hse_error *err);
hse_status hse_transcribe_copy_facts(hse_job *job, const hse_transcript *t, hse_error *err);    /* locked: language, durations */

/* job.c: samples there, a rate in range, every sample a number. `field` is what the request calls it. */
hse_status hse_audio_check(const hse_audio *a, const char *field, hse_error *err);
hse_status hse_rate_check(const hse_audio *a, const char *field, hse_error *err);       /* the rate alone */

void hse_voice_hash(hse_job *job, const hse_audio *audio);  /* voices.c: into job->audio_hash */
/* voices.c: locked. get copies (hse_free) and is false when it is not there or there is no memory. */
bool hse_voice_cache_get(hse_engine *e, const uint8_t hash[16], unsigned slot, float **embedding, size_t *size);
void hse_voice_cache_put(hse_engine *e, const uint8_t hash[16], unsigned slot, const float *embedding, size_t size);

/* speak_prepare.c: not locked */
hse_status hse_job_take_embedding(hse_job *job, const float *values, size_t n, const char *field, hse_error *err);
hse_status hse_speak_prepare(hse_job *job, const hse_request *r, hse_error *err);

/* speak.c */
size_t     hse_speak_first_window(const hse_job *job);      /* frames: for job->window */
size_t     hse_speak_most_frames(const hse_job *job);       /* that a window will have */
void       hse_speak_advance(hse_job *job);                 /* locked: post what can be posted */
void       hse_speak_free(hse_job *job);

/* output.c */
hse_status hse_output_open(output *o, const hse_job *job, unsigned rate_hz, float gain, hse_error *err);
hse_status hse_output_push(output *o, const float *samples, size_t count, hse_error *err);
hse_status hse_output_pause(output *o, unsigned ms, hse_error *err);
hse_status hse_output_finish(output *o, hse_error *err);
size_t     hse_output_take(output *o, float *out, size_t max);
void       hse_output_close(output *o);

/* cancel.c: see hse.h */
bool hse_cancelled(const hse_cancel *c);                    /* NULL: false */

#endif
