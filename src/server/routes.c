#include "server/api.h"

#include "server/audio_requests.h"
#include "server/convert.h"
#include "server/docs.h"
#include "server/transcribe.h"
#include "server/voice.h"

#define AUDIO_MEDIA "audio/mpeg|audio/ogg|audio/aac|audio/flac|audio/wav|audio/pcm"

const api_route api_routes[] = {
    /* Pages and what must never wait for a model. */
    {HTTP_GET, "/", "server", .quick = api_page, .flags = ROUTE_OPEN | ROUTE_HIDDEN, .summary = "A page to try it"},
    {HTTP_GET, "/health", "server", .quick = api_health, .answer = &status_answer, .flags = ROUTE_OPEN,
     .summary = "Are requests accepted?"},
    {HTTP_GET, "/health/live", "server", .quick = api_health, .answer = &status_answer, .flags = ROUTE_OPEN,
     .summary = "Does the process turn?"},
    {HTTP_GET, "/health/ready", "server", .quick = api_ready, .answer = &status_answer, .flags = ROUTE_OPEN,
     .summary = "Are the models loaded that shall be at the start? 503 until then"},
    {HTTP_GET, "/version", "server", .quick = api_version, .answer = &version_answer, .flags = ROUTE_OPEN,
     .summary = "The program's version"},
    {HTTP_GET, "/metrics", "server", .quick = api_metrics_page, .media = "text/plain", .flags = ROUTE_OPEN,
     .summary = "Figures in Prometheus' text form"},
    {HTTP_GET, "/openapi.json", "server", .quick = api_openapi, .flags = ROUTE_OPEN, .summary = "This document"},
    {HTTP_GET, "/docs", "server", .quick = api_docs, .flags = ROUTE_OPEN | ROUTE_HIDDEN,
     .summary = "This document to read and try"},
    {HTTP_GET, "/redoc", "server", .quick = api_redoc, .flags = ROUTE_OPEN | ROUTE_HIDDEN,
     .summary = "This document to read"},
    {HTTP_GET, "/docs/{file}", "server", .quick = api_docs_file, .flags = ROUTE_OPEN | ROUTE_HIDDEN,
     .summary = "What the two pages load"},

    /* Models. */
    {HTTP_GET, "/v1/models", "models", .query = &models_schema, .run = api_models, .answer = &model_list_answer,
     .summary = "Every model that can be used"},
    {HTTP_GET, "/v1/models/{id}", "models", .run = api_model, .answer = &model_card_answer, .summary = "One model"},
    {HTTP_POST, "/v1/models/load", "models", .body = &load_schema, .run = api_load, .answer = &model_state_answer,
     .summary = "Have a model in memory",
     .doc = "Answers when it is there. Loading never holds up requests to other models."},
    {HTTP_POST, "/v1/models/unload", "models", .body = &unload_schema, .run = api_unload, .answer = &model_state_answer,
     .summary = "Give a model's memory back",
     .doc = "Waits for requests that use it. The next request loads it again."},
    {HTTP_GET, "/v1/ps", "models", .query = &ps_schema, .run = api_ps, .answer = &ps_answer,
     .summary = "What is in memory"},
    {HTTP_POST, "/v1/config/reload", "models", .body = &nothing_schema, .run = api_reload, .answer = &reload_answer,
     .summary = "Read the config again",
     .doc = "As SIGHUP does. Requests under way end as they began; on a mistake nothing changes."},

    /* Speech. */
    {HTTP_POST, "/v1/audio/speech", "speech", "speak", .body = &speech_schema, .run = api_speech,
     .answer = &audio_answer, .media = AUDIO_MEDIA "|text/event-stream", .summary = "Text to speech",
     .doc = "Accept: audio/* or application/octet-stream gives the audio itself, Accept: application/json HSE's JSON; "
            "with any other "
            "the body decides: voice without a field of HSE's own gives audio."},
    {HTTP_GET, "/v1/audio/speech/models", "speech", .run = api_task_models, .answer = &model_list_answer,
     .summary = "Models that speak, with languages and voices"},

    /* Embeddings. */
    {HTTP_POST, "/v1/embed/speaker", "embeddings", "embed", .body = &embed_schema, .run = api_embed,
     .answer = &embed_answer, .summary = "A recording to its speaker's embedding"},
    {HTTP_GET, "/v1/embed/models", "embeddings", .run = api_task_models, .answer = &model_list_answer,
     .summary = "Models that embed speakers"},

    /* Transcription. */
    {HTTP_POST, "/v1/audio/transcriptions", "transcription", "transcribe", .body = &transcribe_schema,
     .form = &transcribe_form_schema, .run = api_transcribe, .answer = &transcribe_answer,
     .media = "text/plain|text/event-stream", .summary = "Speech to text",
     .doc = "A form is OpenAI's request, JSON with input_audio HSE's."},
    {HTTP_GET, "/v1/audio/transcriptions/models", "transcription", .run = api_task_models, .answer = &model_list_answer,
     .summary = "Models that transcribe"},
    {HTTP_POST, "/v1/audio/translations", "transcription", "transcribe", .form = &translate_form_schema,
     .run = api_translate, .answer = &transcribe_answer, .media = "text/plain|text/event-stream",
     .summary = "Speech to English text"},

    /* Audio to audio. */
    {HTTP_POST, "/v1/voice/convert", "conversion", "convert", .body = &convert_schema, .form = &convert_schema,
     .run = api_convert, .answer = &convert_answer, .media = AUDIO_MEDIA, .summary = "The same words in another voice",
     .doc = "JSON is answered with JSON, a form with the audio itself, unless Accept says otherwise."},
    {HTTP_GET, "/v1/voice/convert/models", "conversion", .run = api_task_models, .answer = &model_list_answer,
     .summary = "Models that convert voices"},
    {HTTP_POST, "/v1/audio/convert", "conversion", "restore", .body = &restore_schema, .form = &restore_schema,
     .run = api_restore, .answer = &convert_answer, .media = AUDIO_MEDIA, .summary = "Damaged speech made whole",
     .doc = "JSON is answered with JSON, a form with the audio itself, unless Accept says otherwise."},
    {HTTP_GET, "/v1/audio/convert/models", "conversion", .run = api_task_models, .answer = &model_list_answer,
     .summary = "Models that restore audio"},

    /* The voice store. */
    {HTTP_GET, "/v1/audio/voices", "voices", .query = &voices_query_schema, .run = api_voice_list,
     .answer = &voice_list_answer, .summary = "The voices of a model and of the voice store"},
    {HTTP_POST, "/v1/audio/voices", "voices", .body = &new_voice_schema, .form = &new_voice_schema,
     .run = api_voice_add, .answer = &voice_answer,
     .summary = "Store a recording under a name that requests can use as voice"},
    {HTTP_GET, "/v1/audio/voices/{id}", "voices", .run = api_voice_get, .answer = &voice_answer,
     .summary = "A stored voice, by id or name"},
    {HTTP_DELETE, "/v1/audio/voices/{id}", "voices", .run = api_voice_remove, .answer = &voice_deleted_answer,
     .summary = "Remove a stored voice, by id or name"},

    /* Voice activity. */
    {HTTP_POST, "/v1/audio/vad", "voice activity", "vad", .body = &vad_schema, .run = api_vad, .answer = &vad_answer,
     .summary = "Where is speech?"},
    {HTTP_GET, "/v1/audio/vad/models", "voice activity", .run = api_task_models, .answer = &model_list_answer,
     .summary = "Models that find speech"},
};
const size_t api_route_count = COUNT(api_routes);
