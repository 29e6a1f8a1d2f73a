/* requests.h - the bodies of the POST routes as structs; their fields are the tables in requests.c. */
#ifndef HSE_SERVER_REQUESTS_H
#define HSE_SERVER_REQUESTS_H

#include "server/schema.h"

#include <stddef.h>

/* Upload limit of an audio field in bytes is --max-upload: .max = 0. */
#define MAX_TEXT   (1024.0 * 1024)
#define MAX_NAME   256.0
#define MAX_KEEP   (86400.0 * 366)

/* What every request to a model has, as the member `common` of its struct. */
typedef struct {
    const char    *model;
    schema_integer priority;
    schema_number  timeout_s, keep_alive;
} common_fields;

/* The rows of common_fields: MODEL_ROW(speech_request, "a name of ..."), COMMON_ROWS(speech_request). */
#define MODEL_ROW(type, words) {"model", FIELD_TEXT, offsetof(type, common.model), .doc = words, .max = MAX_NAME}
#define COMMON_ROWS(type)                                                                                              \
    {"priority", FIELD_INTEGER, offsetof(type, common.priority), .min = 0, .max = 9, .def = "5",                       \
     .doc = "0 to 9; a higher one gets more of the machine; also the header x-hse-priority"},                          \
    {"timeout_s", FIELD_NUMBER, offsetof(type, common.timeout_s), .min = 0.001, .max = 86400,                          \
     .doc = "give up after so many seconds, with 504"},                                                                \
    {"keep_alive", FIELD_DURATION, offsetof(type, common.keep_alive), .max = MAX_KEEP,                                 \
     .doc = "how long its models stay in memory after it: seconds or a duration like \"5m\"; 0: unload at once; "      \
            "-1: for ever; absent: as configured"}

typedef struct {
    schema_integer seed;
    const char    *style;
    schema_number  speed, pitch, energy;
} generation_options;

typedef struct {
    const char    *format;
    schema_integer sample_rate;
    schema_bool    stream;
} output_options;

typedef struct {
    common_fields      common;
    const char        *input, *voice, *language, *mode;
    const char        *response_format, *stream_format;     /* OpenAI's */
    schema_number      speed;
    hse_buf            input_audio, input_embedding;        /* HSE's, decoded */
    generation_options generation;
    output_options     output;
    const char        *text_normalization, *normalize, *input_type, *lexicon, *watermark;      /* ours */
    schema_list        pre_filters, post_filters;           /* filter_request */
    const char        *vad_mode, *vad_data;                 /* of input_audio */
} speech_request;

typedef struct {
    common_fields  common;
    hse_buf        input_audio, reference_audio, reference_embedding;
    const char    *reference_voice;
    const char    *vad_mode, *vad_data;
    schema_list    pre_filters;                             /* filter_request */
} embed_request;

typedef struct {
    common_fields  common;
    hse_buf        input_audio;
    schema_list    pre_filters;
    schema_bool    get_timestamps, return_seconds;
    schema_number  threshold, neg_threshold, min_speech_duration_ms, min_silence_duration_ms, speech_pad_ms, max_speech_duration_s;
} vad_request;

typedef struct {
    const char   *model;
    schema_number keep_alive, timeout_s;
} model_request;                    /* load, unload */

typedef struct {
    schema_bool all;
} ps_request;                       /* ps, models */

extern const schema load_schema, unload_schema, ps_schema, models_schema, nothing_schema;
extern const schema speech_schema, embed_schema, vad_schema, generation_schema, output_schema;
/* Answers, for the OpenAPI document. */
extern const schema audio_answer, embed_answer, vad_answer, model_card_answer, model_list_answer, model_state_answer, ps_answer, reload_answer,
    status_answer, version_answer, error_answer;

/* Which answer a speech request gets whose Accept leaves it open (api_wants_bytes): OpenAI's binary when `voice` is there and none
 * of HSE's own fields, else HSE's JSON. docs/api.md has the table, a test each row. */
bool speech_wants_binary(const json_t *body);

#endif
