/* model.h - what the engine knows of a model: what it takes and gives, how to open it, how to run a batch of items.
 *
 * A family's folder has networks with typed functions of their own (hs1_vocoder_run, silero_run, ...); each family ends in
 * an adapter that puts one hse_model_type per network into the table of registry.c. The engine never looks past this
 * header: a route is a list of model types, an item carries typed fields from one to the next.
 *
 * Ownership  an item owns its fields (hse_free); a model's run replaces the ones it gives and leaves the others.
 * Threads    an open model is read-only and shared by all; everything that changes lives in the item or the nn_ctx. */
#ifndef HSE_MODELS_MODEL_H
#define HSE_MODELS_MODEL_H

#include "audio/audio.h"                    /* hse_audio */
#include "base/arena.h"
#include "base/status.h"                    /* and hse.h: hse_segment */
#include "formats/weights.h"
#include "models/parts.h"
#include "nn/nn.h"

enum {                                      /* the typed fields of an item, as bits */
    HSE_AUDIO = 1,                          /* mono samples at a rate                                  */
    HSE_TEXT = 2,                           /* UTF-8, already normalised, one sentence; may have marks (text/marks.h) */
    HSE_EMBEDDING = 4,                      /* a speaker                                               */
    HSE_MEL = 8,                            /* frames x bands                                          */
    HSE_SEGMENTS = 16,                      /* speech from-to, in samples of the audio                 */
    HSE_TRANSCRIPT = 32,                    /* what was said, and when: comes out of a split (below)   */
};

/* get_speech_timestamps' parameters; silero_vad_defaults() gives upstream's. NaN or negative is refused where opened. */
typedef struct {
    double threshold, neg_threshold;        /* neg_threshold < 0: max(threshold - 0.15, 0.01) */
    double min_speech_ms, min_silence_ms, pad_ms, max_speech_s, min_silence_at_max_speech_ms;
    bool  longest_silence_at_max_speech;
    bool  faster_whisper;                   /* its copy of the algorithm over its copy of the network (SileroVADV6) */
} hse_vad_options;

/* ---- requests of many items ----------------------------------------------------------------------------------------
 *
 * A long recording is not one item: it is transcribed window by window, restored segment by segment. The type of a route's
 * first step can split such a request: it hands out items, each of which travels through all the steps in whatever company
 * the engine finds for it, takes them back in any order, and says what came of it. How many are under way at once is the
 * engine's choice (fairness, memory); an item is never run twice.
 *
 * Ownership  a split's items belong to it and are freed by it; the audio and options it was opened with outlive it.
 * Threads    a split belongs to one thread at a time; its items may be computed while it is asked for others. next and took
 *            may take milliseconds (a log-mel): the engine calls them without its lock. */

typedef struct {
    const hse_audio   *audio;               /* mono at any rate; checked: finite, not empty (but see split_feed) */
    const hse_segment *speech;              /* of the audio, when wants_speech asked for them and has_speech */
    size_t             speech_count;
    bool               has_speech;
    const hse_transcribe_options *transcribe;           /* NULL where no text is wanted */
    const hse_vad_options *vad;             /* how speech is to be found, where it is */
    const float       *embedding;           /* of the voice wanted, where the type takes one */
    size_t             embedding_size;
    const char        *embedding_field;     /* as an item's */
    uint64_t           seed;
    bool               reference;
    int                reference_batch;     /* chunks that the original decodes together, where that shows; 0: its usual number */
    int                restore_mode;        /* 0, or what check_mode allows */
    hse_pool          *pool;                /* for what open, next and took compute; may be NULL */
    const atomic_bool *cancel;              /* long work in open, next and took ends when it is raised; may be NULL */
} hse_split_input;

/* What is new since the last call; valid until the next call on the split. */
typedef struct {
    const float *samples;                   /* audio in order, at the type's rate */
    size_t       sample_count;
    const hse_segment *segments;            /* speech from-to, in samples of the input */
    size_t       segment_count;
    const hse_transcript_segment *text;
    size_t       text_count;
    const hse_transcript *transcript;       /* language, durations so far; its segments are not looked at. May be NULL */
    bool         done;                      /* nothing more will come */
} hse_split_output;

typedef struct {
    unsigned    has;                        /* HSE_AUDIO | ... : which fields below are filled */
    hse_audio   audio;                      /* samples are the item's (hse_free) */
    char       *text;
    float      *embedding;
    size_t      embedding_size;
    const char *embedding_field;            /* of the request, for messages; borrowed; NULL: it was computed */
    float      *mel;                        /* [frames][bands] */
    size_t      mel_frames;
    int         mel_bands;
    hse_segment *segments;
    size_t      segment_count;

    /* options of the request that models read */
    float       speed, pitch, energy;       /* 1 = as the model does by itself */
    size_t      frame_from, frame_to;       /* decoder window over mel in frames: the audio given is exactly that window's
                                               part of the one-shot audio; 0, 0 = all */
    hse_vad_options vad;
    bool        reference;                  /* the original's behaviour, quirks included (golden runs) */
    const char *language, *voice;           /* borrowed: of the base speaker who is to speak, or has spoken the audio; NULL: of nobody
                                               that is known by name */
    uint64_t    seed, stream;               /* of random draws: the request's, and which of its items this is */
    const hse_transcript_segment *said;     /* HSE_TRANSCRIPT: what a recogniser heard in the audio; borrowed */
    size_t      said_count;
    void       *own;                        /* of an item of a split: whatever the type hands from the split to run and back */
    bool        spell;                      /* say initials letter by letter ("TV"): the text went through the normaliser */

    hse_status  status;                     /* of this item alone: one bad item does not fail its batch */
    hse_error   error;
} hse_item;

/* For who takes embeddings of `want` numbers: HSE_E_ARG names the request's field. */
hse_status hse_embedding_check(const char *field, size_t size, size_t want, hse_error *err);

void hse_item_init(hse_item *item);         /* empty, neutral options */
void hse_item_free(hse_item *item);

typedef struct {
    const char *dir;                        /* the model's folder; the type knows the files below it */
    const char *load_format;                /* "auto", "onnx", "safetensors", ... of the config; NULL = auto */
    const hse_kernels *kernels;
    k_weight_type precision;                /* of the matrix layers; what a model keeps in float32 is its own affair */
    bool as_stored;                         /* int8 where the checkpoint's matrices are int8, else `precision` */
    hse_pool *pool;                         /* packs the weights; NULL: one thread */
    hse_weights_limits limits;
    struct text_lexicon *lexicon;           /* answers of the language packs (text/lexicon.h), for as long as the model; NULL: none */
    const char *language;                   /* that this model of the folder speaks; NULL where it is of no matter */
    const char *companion;                  /* where hse_model_facts.companion was found; NULL: it names none */
    hse_parts *parts;                       /* what it has in common with others; NULL: nothing */
} hse_model_source;

/* What a folder holds, as can be told without its weights. Strings live in the caller's arena, or for ever. */
typedef struct {
    const char        *languages[9];        /* that it speaks, each as a model of its own; NULL-terminated */
    const char *const *voices;              /* the default first */
    size_t             voice_count;
    const char        *companion;           /* the names under which a second folder is known that it reads: "a|org/a". NULL: none */
    const char        *companion_files[4];  /* below that one, as hse_model_type.files */
    const char        *companion_what;      /* for messages: "BERT" */
} hse_model_facts;

/* A text, or a sentence of one, to the pieces that a model speaks one by one; in the arena. */
typedef hse_status hse_cut_fn(const char *language, const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count,
                              hse_error *err);

typedef struct hse_model_type {
    const char *type;                       /* "HarmonySpeechSynthesizer": the name used in configs */
    const char *family;                     /* "harmonyspeech" */
    unsigned    takes, gives;               /* HSE_AUDIO | ... */
    bool        embedding_is_torch;         /* its embeddings travel as a file of torch.save, not as plain float32 */
    k_weight_type auto_precision;           /* the fastest type that keeps the floors of docs/precision.md */
    /* The precision that a compute_type of CTranslate2 stands for; false: no such word. NULL: the type has dtype alone. */
    bool       (*compute_type)(const char *word, bool stored_int8, k_weight_type *out);

    hse_status (*open)(void **out, const hse_model_source *source, hse_error *err);
    void       (*close)(void **model);
    /* Run all items as one ragged batch. Item errors go to the items; the return value is for what concerns all of them
     * (cancelled, no memory). Results are bit-identical however the items are grouped. */
    hse_status (*run)(const void *model, nn_ctx *c, hse_item *const *items, size_t n);
    /* Peak bytes for running these items beside the weights, by planning; 0 when it cannot be known yet. Before a request is split
     * an item is its whole recording (no `own`) and stands for the largest that the split will hand out. */
    size_t     (*plan)(const void *model, nn_ctx *c, hse_item *const *items, size_t n);
    size_t     (*bytes)(const void *model);         /* weights held */
    size_t     (*companion_bytes)(const void *model);           /* those of the companion among them, which all that name it share; NULL: none */
    k_weight_type (*precision)(const void *model);  /* of its matrices; NULL: what it was opened with */
    unsigned   (*rate_hz)(const void *model);       /* of the audio it takes or gives; 0 when any */
    /* Fixed gain of the product's loudness stage, from the model's config (gain_db); NULL or 0 = none. */
    float      (*gain_db)(const void *model);
    /* One line about dims for `hse check` and `hse models`. */
    void       (*describe)(const void *model, char *out, size_t size);

    /* How the engine finds and offers it. */
    const char *name;                       /* "hs1-synthesizer": what it is called where no config names it */
    const char *files[5];                   /* below dir, all must be there ("a|b": one of these); NULL-terminated */
    /* A file, or a folder of other files than those, that is a model of this type too: looks into it. *problem (static) says what it
     * lacks. NULL: there is no such thing. */
    bool       (*holds)(const char *path, const char **problem);
    /* Repositories that a short name of its models stands for ("small": Systran/faster-whisper-small, ...), best first, NULL-terminated;
     * NULL: no such name, or (the function) none at all. */
    const char *const *(*repos_of)(const char *name);
    const char *languages[9];               /* "en", ...; none: any, or of no matter; NULL-terminated */
    /* Languages and voices of this very folder; `language`: the one of them that is asked for, NULL: the first. HSE_E_FORMAT or
     * HSE_E_UNSUPPORTED say why it cannot be used. NULL: voices are embeddings, languages those above. */
    hse_status (*look)(hse_model_facts *out, const char *dir, const char *language, hse_arena *arena, hse_error *err);

    /* A type that takes text and gives a mel as well as audio does both itself: an item with a text gets a mel, one with a mel is
     * a window of it that becomes audio. How it wants a text cut, behind the product's normaliser; NULL: as that has cut it. */
    hse_cut_fn *cut;
    bool        styled;                     /* its voices behind the first of a language are styles of that one */
    bool        lets_go;                    /* activations go back to the system behind each batch: large, and cheap beside what a batch computes */
    bool        fixed_pitch;                /* pitch and energy are as they are: requests that want others are refused */

    /* Requests of many items: see above. NULL: a request is one item. */
    bool       (*wants_speech)(const hse_split_input *in, hse_vad_options *vad);    /* segments first, found like this? NULL: no */
    hse_status (*split_open)(void **split, const void *model, const hse_split_input *in, hse_error *err);
    /* A recording that comes bit by bit: in->audio is then a rate alone, and the split is fed whenever split_next has nothing. `end`:
     * these are the last. NULL: the type needs the whole recording from the start. */
    hse_status (*split_feed)(void *split, const float *samples, size_t n, bool end, hse_error *err);
    hse_item  *(*split_next)(void *split);              /* NULL: nothing now: what is under way must come back first, or all is done */
    hse_status (*split_took)(void *split, hse_item *item, hse_split_output *out, hse_error *err);   /* item NULL: what is there at the start, or after the end was fed */
    void       (*split_close)(void **split);
    size_t     split_most;                  /* items of one recording that are worth having under way at once; 0: as many as may be */

    /* Voice activity on a live stream, where the model can: events as they are known (VADIterator; with o->faster_whisper the
     * stretches of speech that the finished recording would give). NULL where it cannot. live_finish: the end of the stream,
     * whose last events come now. One stream belongs to one thread; the model outlives it. */
    hse_status (*live_open)(void **live, const void *model, const hse_vad_options *o, unsigned rate_hz, hse_error *err);
    hse_status (*live_push)(void *live, const float *samples, size_t n, hse_vad_event_fn fn, void *user, hse_error *err);
    void       (*live_reset)(void *live);
    void       (*live_close)(void **live);
    hse_status (*live_finish)(void *live, hse_vad_event_fn fn, void *user, hse_error *err);

    /* Can it say these phones (IPA as text/phones.h has it) in this language (a code)? HSE_E_UNSUPPORTED names the sound that it cannot.
     * A type that has this takes texts with marks (text/marks.h), unless the item is `reference`. NULL: it takes no phones. */
    hse_status (*check_phones)(const char *language, const char *ipa, size_t size, hse_error *err);

    hse_status (*check_mode)(int mode, hse_error *err);     /* of restoring; NULL: there is only 0 */
} hse_model_type;

/* registry.c: the one line a new model adds. NULL-terminated. */
extern const hse_model_type *const hse_model_types[];
const hse_model_type *hse_model_type_find(const char *type);

#endif
