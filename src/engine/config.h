/* config.h - the YAML configuration: HSE's model_configs, and the settings of the engine and the server.
 *
 * One table (config.c) declares every key: its name, type, bounds and where it goes. A file is read to its end whatever is
 * wrong with it, and every mistake is listed with line and column: unknown and repeated keys, wrong types, values out of
 * range, a model without a name. Models whose type is not built in are no mistake: they are refused when asked for.
 *
 * Ownership  hse_config_open gives the object, all strings live in it until hse_config_close. */
#ifndef HSE_ENGINE_CONFIG_H
#define HSE_ENGINE_CONFIG_H

#include "base/buf.h"

typedef enum {
    HSE_DTYPE_DEFAULT, HSE_DTYPE_AUTO, HSE_DTYPE_FLOAT32, HSE_DTYPE_BFLOAT16, HSE_DTYPE_INT8,
    HSE_DTYPE_FLOAT16,                      /* HSE's, for GPUs: known, refused by name when a request needs the model */
} hse_dtype_choice;

typedef struct {
    const char        *name, *model, *model_type;   /* never NULL */
    const char        *revision, *language, *load_format, *compute_type, *device, *device_map;  /* NULL when absent */
    const char *const *voices;
    size_t             voice_count;
    int64_t            max_batch_size;              /* 0 when absent */
    hse_dtype_choice   dtype;
    int64_t            watermark;                   /* -1 absent; HSE's key of models that are not built in */
    int                line;                        /* where its list item begins */
} hse_model_config;

typedef struct {
    const char *alias, *model;
} hse_model_alias;

typedef struct {
    const hse_model_config *models;
    size_t                  model_count;
    bool                    has_models;             /* a model_configs key was there, be it empty */
    const hse_model_alias  *aliases;                /* further names of models: `aliases: {tts-1: harmonyspeech}` */
    size_t                  alias_count;

    const char        *models_dir;                  /* each NULL, 0 or -1 when absent; a flag or a variable wins over it */
    int64_t            threads, max_requests;
    const char        *cpu;
    hse_dtype_choice   dtype;                       /* over every model's own */
    double             timeout_s;                   /* of a request that brings none */

    const char        *host;                        /* the server's */
    int64_t            port;
    const char *const *api_keys;
    size_t             api_key_count;
    const char        *log_level, *text_normalization;
    int64_t            max_upload_mb;
} hse_config;

/* Read a file (at most 1 MiB). On HSE_E_FORMAT the text of *err is the first mistake and how many there are, and *report
 * (when not NULL) has one line for each: "FILE:LINE:COLUMN: what is wrong". */
hse_status hse_config_open(hse_config **out, const char *path, hse_buf *report, hse_error *err);
/* The same of bytes; `name` stands for the file in messages. */
hse_status hse_config_parse(hse_config **out, hse_bytes yaml, const char *name, hse_buf *report, hse_error *err);
void       hse_config_close(hse_config **config);

/* "float32", "bf16", "auto", ... -> choice; false when unknown. */
bool        hse_dtype_choice_parse(const char *word, hse_dtype_choice *out);
const char *hse_dtype_choice_name(hse_dtype_choice d);

#endif
