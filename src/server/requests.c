#include "server/requests.h"

#include "http/url.h"

#include <strings.h>

/* Upload limit of an audio field in bytes (docs/api.md, limits); the route's body limit follows from it. */
#define MAX_AUDIO  (100.0 * 1024 * 1024)
#define MAX_TEXT   (1024.0 * 1024)
#define MAX_NAME   256.0

#define PRIORITY(type)                                                                                                     \
    {"priority", FIELD_INTEGER, false, offsetof(type, priority), 0, 9, NULL, NULL, "0 to 9, 5 is normal"},                \
    {"timeout_s", FIELD_NUMBER, false, offsetof(type, timeout_s), 0.001, 86400, NULL, NULL, "give up after this long"}

#define S(member) offsetof(speech_request, member)

static const schema_field generation_fields[] = {
    {"seed", FIELD_INTEGER, false, S(generation.seed) - S(generation), 0, 9007199254740992.0, NULL, NULL,
     "of random draws; returned as x-hse-seed"},
    {"style", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "no model that is built in has styles"},
    {"speed", FIELD_NUMBER, false, S(generation.speed) - S(generation), 0, 10, NULL, NULL, "2 = twice as fast; 0 = 1"},
    {"pitch", FIELD_NUMBER, false, S(generation.pitch) - S(generation), 0, 10, NULL, NULL, "factor; 0 = 1"},
    {"energy", FIELD_NUMBER, false, S(generation.energy) - S(generation), 0, 10, NULL, NULL, "factor; 0 = 1"},
};
static const schema generation_schema = {"GenerationOptions", generation_fields, COUNT(generation_fields), 0};

static const schema_field output_fields[] = {
    {"format", FIELD_CHOICE, false, S(output.format) - S(output), 0, 8, "wav|mp3|opus|aac|flac|pcm", NULL, "of the audio"},
    {"sample_rate", FIELD_INTEGER, false, S(output.sample_rate) - S(output), 8000, 192000, NULL, NULL, "of the audio, in Hz"},
    {"stream", FIELD_BOOL, false, S(output.stream) - S(output), 0, 0, NULL, NULL, "send audio while it is computed"},
};
static const schema output_schema = {"OutputOptions", output_fields, COUNT(output_fields), 0};

static const schema_field speech_fields[] = {
    {"model", FIELD_TEXT, false, S(model), 0, MAX_NAME, NULL, NULL, "a name of /v1/audio/speech/models; the first when absent"},
    {"input", FIELD_TEXT, true, S(input), 1, MAX_TEXT, NULL, NULL, "the text to speak, UTF-8"},
    {"voice", FIELD_ID, false, S(voice), 0, MAX_NAME, NULL, NULL, "a name of the model's voices, or one of OpenAI's thirteen"},
    {"language", FIELD_TEXT, false, S(language), 0, 32, NULL, NULL, "en, ..."},
    {"mode", FIELD_CHOICE, false, S(mode), 0, 32, "single_speaker_tts|voice_cloning", NULL, "HSE's"},
    {"response_format", FIELD_CHOICE, false, S(response_format), 0, 8, "mp3|opus|aac|flac|wav|pcm", NULL, "OpenAI's; default mp3"},
    {"stream_format", FIELD_CHOICE, false, S(stream_format), 0, 8, "audio|sse", NULL, "audio"},
    {"speed", FIELD_NUMBER, false, S(speed), 0.25, 4, NULL, NULL, "OpenAI's; 2 = twice as fast"},
    {"input_audio", FIELD_BASE64, false, S(input_audio), 0, MAX_AUDIO, NULL, NULL, "a recording of the voice to clone"},
    {"input_embedding", FIELD_BASE64, false, S(input_embedding), 0, 1 << 20, NULL, NULL, "float32, little-endian"},
    {"input_vad_mode", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "this model's encoder finds speech by itself"},
    {"input_vad_data", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "this model's encoder finds speech by itself"},
    {"generation_options", FIELD_OBJECT, false, S(generation), 0, 0, NULL, &generation_schema, ""},
    {"output_options", FIELD_OBJECT, false, S(output), 0, 0, NULL, &output_schema, ""},
    {"pre_processing_filters", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "no filter model is built in"},
    {"post_generation_filters", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "no filter model is built in"},
    {"instructions", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "no model that is built in follows instructions"},
    {"text_normalization", FIELD_CHOICE, false, S(text_normalization), 0, 16, "on|reference|off", NULL,
     "on: numbers, dates, money become words; reference: as the original; default on"},
    {"normalize", FIELD_CHOICE, false, S(normalize), 0, 8, "auto|peak|none", NULL, "loudness: gain and limiter, peak 0.97, as it is"},
    PRIORITY(speech_request),
};
const schema speech_schema = {"TextToSpeechRequest", speech_fields, COUNT(speech_fields), sizeof(speech_request)};

#define E(member) offsetof(embed_request, member)
static const schema_field embed_fields[] = {
    {"model", FIELD_TEXT, false, E(model), 0, MAX_NAME, NULL, NULL, "a name of /v1/embed/models"},
    {"input_audio", FIELD_BASE64, true, E(input_audio), 0, MAX_AUDIO, NULL, NULL, "a recording of the voice"},
    {"input_vad_mode", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "this model's encoder finds speech by itself"},
    {"input_vad_data", FIELD_REFUSED, false, 0, 0, 0, NULL, NULL, "this model's encoder finds speech by itself"},
    PRIORITY(embed_request),
};
const schema embed_schema = {"EmbedSpeakerRequest", embed_fields, COUNT(embed_fields), sizeof(embed_request)};

#define V(member) offsetof(vad_request, member)
static const schema_field vad_fields[] = {
    {"model", FIELD_TEXT, false, V(model), 0, MAX_NAME, NULL, NULL, "a name of /v1/audio/vad/models"},
    {"input_audio", FIELD_BASE64, true, V(input_audio), 0, MAX_AUDIO, NULL, NULL, "the recording"},
    {"get_timestamps", FIELD_BOOL, false, V(get_timestamps), 0, 0, NULL, NULL, "list the segments too"},
    {"return_seconds", FIELD_BOOL, false, V(return_seconds), 0, 0, NULL, NULL, "times in seconds, else in samples at 16 kHz"},
    {"threshold", FIELD_NUMBER, false, V(threshold), 0, 1, NULL, NULL, "probability at which speech begins; 0.5"},
    {"neg_threshold", FIELD_NUMBER, false, V(neg_threshold), 0, 1, NULL, NULL, "below it speech ends; max(threshold - 0.15, 0.01)"},
    {"min_speech_duration_ms", FIELD_NUMBER, false, V(min_speech_duration_ms), 0, 1e7, NULL, NULL, "250"},
    {"min_silence_duration_ms", FIELD_NUMBER, false, V(min_silence_duration_ms), 0, 1e7, NULL, NULL, "100"},
    {"speech_pad_ms", FIELD_NUMBER, false, V(speech_pad_ms), 0, 1e7, NULL, NULL, "30"},
    {"max_speech_duration_s", FIELD_NUMBER, false, V(max_speech_duration_s), 0.1, 1e7, NULL, NULL, "no limit"},
    PRIORITY(vad_request),
};
const schema vad_schema = {"VoiceActivityRequest", vad_fields, COUNT(vad_fields), sizeof(vad_request)};

/* Does the Accept value itself name one of these types? "*" and "*" alone says nothing about what the client is. */
static bool accept_names(http_slice accept, const char *prefix)
{
    size_t n = strlen(prefix);

    for (size_t i = 0; i + n <= accept.size; i++)
        if (strncasecmp(accept.data + i, prefix, n) == 0 && (i == 0 || accept.data[i - 1] == ',' || accept.data[i - 1] == ' '))
            return true;
    return false;
}

bool speech_wants_binary(http_slice accept, const json_t *body)
{
    static const char *const own[] = {"mode", "language", "input_audio", "input_embedding", "input_vad_mode", "input_vad_data",
                                      "generation_options", "output_options", "pre_processing_filters", "post_generation_filters"};

    if (accept.data && (accept_names(accept, "audio/") || accept_names(accept, "application/octet-stream")))
        return true;
    if (accept.data && accept_names(accept, "application/json"))
        return false;
    for (size_t i = 0; i < COUNT(own); i++)
        if (json_object_get(body, own[i]))
            return false;
    return schema_has(body, "voice");
}
