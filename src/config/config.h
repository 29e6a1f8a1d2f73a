/* config.h - the configuration: HSE's model_configs, and the settings of the engine and the server.
 *
 * settings.h has the one table of settings: key, flag, HSE_* variable (and HSE's own), type, bounds, default. A file is read to
 * its end whatever is wrong with it, and every mistake is listed with line and column: unknown and repeated keys, wrong types,
 * values out of range, a model without a name. Models whose type is not built in are no mistake: they are refused when asked
 * for.
 *
 * Order      flag, variable, file, default. Every field below holds the value that counts: a setting that nobody gave has its
 *            default, which is written beside it.
 * Ownership  hse_config_load, _open and _parse give the object, all strings live in it until hse_config_close. */
#ifndef HSE_CONFIG_CONFIG_H
#define HSE_CONFIG_CONFIG_H

#include "base/buf.h"

typedef enum {
    HSE_DTYPE_DEFAULT, HSE_DTYPE_AUTO, HSE_DTYPE_FLOAT32, HSE_DTYPE_BFLOAT16, HSE_DTYPE_INT8,
    HSE_DTYPE_FLOAT16,                      /* HSE's, for GPUs: known, refused by name when a request needs the model */
} hse_dtype_choice;

/* keep_alive: seconds that a model stays in memory after its last request. */
#define HSE_KEEP_FOREVER (-1.0)
#define HSE_KEEP_ABSENT (-2.0)              /* of a model, a request: whatever the one above says */

/* The problem of a model that was found, but that a config with model_configs does not name: nothing to warn of. */
#define HSE_NOT_CONFIGURED "not in the config"

typedef struct {
    const char        *name, *model, *model_type;   /* never NULL */
    const char        *revision, *language, *load_format, *compute_type, *device, *device_map;  /* NULL when absent */
    const char *const *voices;
    size_t             voice_count;
    int64_t            max_batch_size;              /* 0 when absent */
    hse_dtype_choice   dtype;
    int64_t            watermark;                   /* -1 absent; HSE's key of models that are not built in */
    double             keep_alive;                  /* seconds; HSE_KEEP_FOREVER, 0 = unload at once, HSE_KEEP_ABSENT = hse_config's */
    int64_t            instances;                   /* copies that run at the same time; 0 when absent, which means 1 */
    int                line;                        /* where its list item begins */
} hse_model_config;

typedef struct {
    const char *alias, *model;
} hse_model_alias;

typedef struct {
    const char *name, *voice;               /* "alloy" -> a voice of the model */
} hse_voice_alias;

typedef struct {
    const hse_model_config *models;
    size_t                  model_count;
    bool                    has_models;             /* a model_configs key was there, be it empty */
    const hse_model_alias  *aliases;                /* further names of models: `aliases: {tts-1: harmonyspeech}` */
    size_t                  alias_count;

    /* The engine's. */
    const char        *models_dir;                  /* looked in first; NULL: the bundled ones and the user's cache */
    const char        *languages_dir;               /* of language packs (text/pack.h), looked in first; NULL: where they are made and installed */
    const char        *hf_home;                     /* Hugging Face's folder (HF_HOME); NULL: ~/.cache/huggingface */
    int64_t            offline;                     /* 0, 1: nothing may use the network (HF_HUB_OFFLINE) */
    const char        *state_dir;                   /* voice store and what else outlives the process; never NULL, may not exist yet */
    int64_t            threads;                     /* 0 = one per core */
    const char        *cpu;                         /* "auto", "generic", "avx2", ... */
    hse_dtype_choice   dtype;                       /* over every model's own; HSE_DTYPE_DEFAULT: theirs */
    const char        *device;                      /* over every model's own; NULL: theirs. "cpu", "cuda", "cuda:1", "auto" */
    int64_t            max_requests;                /* 256: waiting and running together; more get HSE_E_BUSY */
    double             timeout_s;                   /* 600: of a request that brings none */
    double             keep_alive;                  /* 300: as in hse_model_config, never HSE_KEEP_ABSENT */
    int64_t            memory_budget;               /* bytes of weights; above it the least recently used idle models go. 0 = none */
    const char *const *preload;                     /* names of models that are loaded at the start and stay */
    size_t             preload_count;
    double             batch_window_ms;             /* 20: at most this long a batch waits for company; 0 = never */
    int64_t            max_batch_size;              /* 16: of models that name none */
    const char        *vad_model;                   /* the model that finds speech for other tasks; NULL: the first that can */
    const char *const *lexicons;                    /* files of text/markup/pronunciations.h, for every request's text */
    size_t             lexicon_count;
    const char        *watermark;                   /* a message of audio/watermark.h in all that is spoken or converted; NULL: none */
    int64_t            max_text_kb;                 /* 1024: KiB of text in a request */
    double             max_audio_hours;             /* 4: of decoded audio in a request */

    /* The server's. */
    const char        *host;                        /* "127.0.0.1" */
    int64_t            port;                        /* 12080; 0 = any free one */
    int64_t            loops;                       /* threads that move bytes; 0 = one per core */
    const char        *tls_cert, *tls_key;          /* PEM files, both or none */
    const char *const *api_keys;                    /* with those of api_key_file; none: no key is asked for */
    size_t             api_key_count;
    const char        *api_key_file;                /* a key a line, # begins a comment */
    const char *const *cors_origins;                /* sites whose pages may call the server: "https://app.example"; "*": every site's */
    size_t             cors_origin_count;
    const char        *text_normalization;          /* "on", "reference", "off": of requests that do not say */
    const hse_voice_alias *openai_voices;           /* what OpenAI's voice names mean; one that is not here: the models' voices in turn */
    size_t             openai_voice_count;
    int64_t            max_upload_mb;               /* 100 */
    int64_t            max_header_kb, max_headers;  /* 16, 100 */
    int64_t            max_connections, max_connections_per_address;    /* 12000, 256 (loopback: no limit) */
    int64_t            max_buffered_mb;             /* 1024: request bodies in memory, all together */
    double             stream_stall_s;              /* 30: a client that takes no byte for so long is cut off */
    double             sse_ping_s;                  /* 15: a comment line in a silent event stream; 0 = never */

    const char        *log_level, *log_format;      /* "info,http=warn"; "auto", "json", "text" */
    double             log_interval_s;              /* 5: between lines that say how busy it is; 0 = never */
} hse_config;

/* A setting given on the command line: its key ("keep_alive"), its text, and how the user wrote it, for messages ("--keep-alive"). */
typedef struct {
    const char *key, *value, *where;
} hse_config_flag;

/* Everything together: the file (path NULL: none; at most 1 MiB), then the variables, then the flags. On HSE_E_FORMAT (file) and
 * HSE_E_ARG (variable, flag) the text of *err is the first mistake and how many there are, and *report (when not NULL) has one
 * line for each: "FILE:LINE:COLUMN: what is wrong", "HSE_PORT: what is wrong". */
hse_status hse_config_load(hse_config **out, const char *path, const hse_config_flag *flags, size_t n, hse_buf *report,
                           hse_error *err);
/* The same again, from the same file and flags and the variables of now; `old` stays as it is. For a running server. */
hse_status hse_config_reload(hse_config **out, const hse_config *old, hse_buf *report, hse_error *err);

/* A line for each setting that differs and is looked at only when the program starts: its key. */
void       hse_config_needs_restart(hse_buf *out, const hse_config *started, const hse_config *fresh);

/* The file (and its api_key_file) and the defaults alone. */
hse_status hse_config_open(hse_config **out, const char *path, hse_buf *report, hse_error *err);
/* The same of bytes; `name` stands for the file in messages. Nothing else is read: api_key_file stays a name. */
hse_status hse_config_parse(hse_config **out, hse_bytes yaml, const char *name, hse_buf *report, hse_error *err);
void       hse_config_close(hse_config **config);

/* "5m", "1h30m", "90s", "250ms", "300" (seconds), "-1" (forever), "0" -> seconds; the words of keep_alive in a request too.
 * False when it is none of these. */
bool hse_duration_parse(const char *text, double *seconds);

/* "float32", "bf16", "auto", ... -> choice; false when unknown. */
bool        hse_dtype_choice_parse(const char *word, hse_dtype_choice *out);
const char *hse_dtype_choice_name(hse_dtype_choice d);

#endif
