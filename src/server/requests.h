/* requests.h - the bodies of the POST routes as structs; their fields are the tables in requests.c. */
#ifndef HSE_SERVER_REQUESTS_H
#define HSE_SERVER_REQUESTS_H

#include "server/schema.h"

typedef struct {
    const char    *model, *input, *voice, *language, *mode;
    const char    *response_format, *stream_format;         /* OpenAI's */
    schema_number  speed;
    hse_buf        input_audio, input_embedding;            /* HSE's, decoded */
    struct {
        schema_integer seed;
        schema_number  speed, pitch, energy;
    } generation;
    struct {
        const char    *format;
        schema_integer sample_rate;
        schema_bool    stream;
    } output;
    const char    *text_normalization, *normalize;          /* ours */
    schema_integer priority;
    schema_number  timeout_s;
} speech_request;

typedef struct {
    const char    *model;
    hse_buf        input_audio;
    schema_integer priority;
    schema_number  timeout_s;
} embed_request;

typedef struct {
    const char    *model;
    hse_buf        input_audio;
    schema_bool    get_timestamps, return_seconds;
    schema_number  threshold, neg_threshold, min_speech_duration_ms, min_silence_duration_ms, speech_pad_ms, max_speech_duration_s;
    schema_integer priority;
    schema_number  timeout_s;
} vad_request;

extern const schema speech_schema, embed_schema, vad_schema;

/* Which answer a speech request gets: OpenAI's binary or HSE's JSON. docs/api.md has the table, a test each row.
 * Accept names audio or octet-stream: binary; names application/json: JSON; else binary when `voice` is there and none of HSE's
 * own fields. */
bool speech_wants_binary(http_slice accept, const json_t *body);

#endif
