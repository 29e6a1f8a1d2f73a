/* audio_requests.h - the bodies of transcriptions, conversions and the voice store; their fields are the tables in
 * audio_requests.c and transcribe_requests.c. */
#ifndef HSE_SERVER_AUDIO_REQUESTS_H
#define HSE_SERVER_AUDIO_REQUESTS_H

#include "server/requests.h"

/* One filter: HSE's audio conversion request, of which the model counts; the audio is the request's own. */
typedef struct {
    const char *model;
} filter_request;

enum { MAX_FILTERS = 8 };

/* A list of filters as the member `member` of its struct. */
#define FILTERS_ROW(name, type, member, words)                                                                         \
    {name, FIELD_LIST, offsetof(type, member), .doc = words, .item = FIELD_OBJECT, .object = &filter_schema, .max_items = MAX_FILTERS}

typedef struct {
    common_fields      common;
    hse_buf            source_audio, target_audio, target_embedding;
    const char        *voice;                               /* a stored one */
    generation_options generation;
    output_options     output;
    const char        *response_format, *normalize, *watermark;
    schema_list        pre_filters, post_filters;           /* filter_request */
    const char        *vad_mode, *vad_data;                 /* of target_audio */
} convert_request;

typedef struct {
    common_fields  common;
    hse_buf        source_audio;
    output_options output;
    const char    *response_format, *normalize;
    schema_integer mode;
} restore_request;

typedef struct {
    const char *type;                                       /* auto, server_vad */
    schema_number prefix_padding_ms, silence_duration_ms, threshold;
} chunking_options;

/* faster-whisper's VadOptions. */
typedef struct {
    schema_number threshold, neg_threshold, min_speech_duration_ms, max_speech_duration_s, min_silence_duration_ms, speech_pad_ms;
} vad_parameters;

typedef struct {
    common_fields    common;
    hse_buf          audio;
    schema_list      pre_filters;                           /* filter_request */
    schema_bool      get_language, get_timestamps;          /* HSE's */
    const char      *language, *prompt, *response_format, *task;
    schema_list      languages, keywords, granularities, include;      /* const char * */
    schema_number    temperature, temperature_inc;
    schema_bool      stream, translate;
    chunking_options chunking;
    /* faster-whisper's */
    const char      *hotwords, *prefix, *prepend_punctuations, *append_punctuations;
    schema_bool      vad_filter, batched, multilingual, without_timestamps, condition_on_previous_text, suppress_blank;
    schema_integer   beam_size, best_of, no_repeat_ngram_size, max_new_tokens, seed, language_detection_segments;
    vad_parameters   vad;
    schema_number    patience, length_penalty, repetition_penalty, compression_ratio_threshold, log_prob_threshold, no_speech_threshold,
                     hallucination_silence_threshold, max_initial_timestamp, prompt_reset_on_temperature, chunk_length,
                     language_detection_threshold;
    schema_list      clip_timestamps;                       /* double */
    schema_list      suppress_tokens;                       /* int64_t */
} transcribe_request;

typedef struct {
    const char *name, *type, *consent;
    hse_buf     audio_sample;
} voice_request;

typedef struct {
    const char    *model, *after;
    schema_integer limit;
} voices_query;

extern const schema filter_schema, convert_schema, restore_schema, transcribe_schema, transcribe_form_schema, translate_form_schema,
    new_voice_schema, voices_query_schema;
/* Answers. */
extern const schema quality_schema, convert_answer, transcribe_answer, voice_answer, voice_list_answer, voice_deleted_answer;

#endif
