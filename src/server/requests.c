#include "server/requests.h"

#include "server/audio_requests.h"

/* Of a recording that gives a voice. */
#define VAD_ROWS(type)                                                                                                 \
    {"input_vad_mode", FIELD_TEXT, offsetof(type, vad_mode), .max = MAX_NAME,                                          \
     .doc = "keep only the speech of input_audio: silero, whisper, or a name of /v1/audio/vad/models; none"},          \
    {"input_vad_data", FIELD_TEXT, offsetof(type, vad_data), .max = MAX_TEXT,                                          \
     .doc = "the same by stretches: the JSON text of a /v1/audio/vad answer or of its timestamps"}

#define G(member) offsetof(generation_options, member)
static const schema_field generation_fields[] = {
    {"seed", FIELD_INTEGER, G(seed), .doc = "of random draws; returned as x-hse-seed", .min = 0,
     .max = 9007199254740992.0},
    {"style", FIELD_NAME, G(style), .doc = "of the first voice, where the list of models has styles (OpenVoice V1); empty, 0: as it is by itself", .max = MAX_NAME},
    {"speed", FIELD_NUMBER, G(speed), .doc = "2 = twice as fast; 0 = 1", .min = 0, .max = 10},
    {"pitch", FIELD_NUMBER, G(pitch), .doc = "factor; 0 = 1", .min = 0, .max = 10},
    {"energy", FIELD_NUMBER, G(energy), .doc = "factor; 0 = 1", .min = 0, .max = 10},
};
const schema generation_schema = SCHEMA("GenerationOptions", generation_fields, generation_options);

#define O(member) offsetof(output_options, member)
static const schema_field output_fields[] = {
    {"format", FIELD_CHOICE, O(format), .doc = "of the audio; wav in JSON answers, mp3 in binary ones",
     .choices = "wav|mp3|opus|aac|flac|pcm"},
    {"sample_rate", FIELD_INTEGER, O(sample_rate),
     .doc = "of the audio, in Hz; default: pcm and opus 24000, else the model's", .min = 8000, .max = 192000},
    {"stream", FIELD_BOOL, O(stream), .doc = "send audio while it is computed (binary answers)", .def = "false"},
};
const schema output_schema = SCHEMA("AudioOutputOptions", output_fields, output_options);

#define S(member) offsetof(speech_request, member)
static const schema_field speech_fields[] = {
    MODEL_ROW(speech_request,
              "a name of /v1/audio/speech/models; absent, \"\" or tts-1, tts-1-hd, gpt-4o-mini-tts: the first of them"),
    {"input", FIELD_TEXT, S(input), .doc = "the text to speak, UTF-8", .required = true, .min = 1, .max = MAX_TEXT},
    {"voice", FIELD_ID, S(voice),
     .doc = "a name of the model's voices, of the voice store, or one of OpenAI's thirteen; default: the model's first",
     .max = MAX_NAME},
    {"language", FIELD_TEXT, S(language), .doc = "en, ...; default: the model's", .max = 32},
    {"mode", FIELD_CHOICE, S(mode),
     .doc = "HSE's: speak with a voice of the model, or with that of input_audio or input_embedding",
     .choices = "single_speaker_tts|voice_cloning"},
    {"response_format", FIELD_CHOICE, S(response_format), .doc = "OpenAI's name of output_options.format; default mp3",
     .choices = "mp3|opus|aac|flac|wav|pcm"},
    {"stream_format", FIELD_CHOICE, S(stream_format),
     .doc = "OpenAI's: sse sends speech.audio.delta events, then speech.audio.done with the usage",
     .choices = "audio|sse", .def = "audio"},
    {"speed", FIELD_NUMBER, S(speed), .doc = "OpenAI's; 2 = twice as fast", .min = 0.25, .max = 4, .def = "1"},
    {"input_audio", FIELD_BASE64, S(input_audio), .doc = "a recording of the voice to clone"},
    {"input_embedding", FIELD_BASE64, S(input_embedding), .doc = "the voice as /v1/embed/speaker gives it",
     .max = 1 << 20},
    VAD_ROWS(speech_request),
    {"generation_options", FIELD_OBJECT, S(generation), .doc = "how it is spoken", .object = &generation_schema},
    {"output_options", FIELD_OBJECT, S(output), .doc = "what the audio is", .object = &output_schema},
    FILTERS_ROW("pre_processing_filters", speech_request, pre_filters, "run on input_audio first"),
    FILTERS_ROW("post_generation_filters", speech_request, post_filters, "run on what was spoken"),
    {"instructions", FIELD_REFUSED, 0, .doc = "no model that is built in follows instructions"},
    {"text_normalization", FIELD_CHOICE, S(text_normalization),
     .doc = "on: numbers, dates, money become words; reference: as the original model "
            "does; default: the server's --text-normalization",
     .choices = "on|reference|off"},
    {"input_type", FIELD_CHOICE, S(input_type),
     .doc = "ssml; text: every character as it is; auto: SSML where input begins with <speak, else text in which "
            "[[word /phones/]] says how a word is said",
     .choices = "auto|text|ssml", .def = "auto"},
    {"watermark", FIELD_TEXT, S(watermark),
     .doc = "a message hidden in the speech, 1 to 8 letters, digits or '-'; \"\": none; default: the server's --watermark",
     .max = 16},
    {"lexicon", FIELD_TEXT, S(lexicon),
     .doc = "how words are said: lines of word = text or word = /phones/, or a W3C PLS document; wins over the server's",
     .max = MAX_TEXT},
    {"normalize", FIELD_CHOICE, S(normalize),
     .doc = "loudness: the model's gain and a limiter, the whole scaled to a peak of 0.97, or as it is",
     .choices = "auto|peak|none", .def = "auto"},
    COMMON_ROWS(speech_request),
};
const schema speech_schema =
    SCHEMA("TextToSpeechRequest", speech_fields, speech_request, "OpenAI's speech request and HSE's in one.");

#define E(member) offsetof(embed_request, member)
static const schema_field embed_fields[] = {
    MODEL_ROW(embed_request, "a name of /v1/embed/models; absent: the first"),
    {"input_audio", FIELD_BASE64, E(input_audio), .doc = "a recording of the voice", .required = true},
    VAD_ROWS(embed_request),
    FILTERS_ROW("pre_processing_filters", embed_request, pre_filters, "run on input_audio and reference_audio first"),
    {"reference_audio", FIELD_BASE64, E(reference_audio),
     .doc = "a recording of a second voice: the answer says how alike they are"},
    {"reference_embedding", FIELD_BASE64, E(reference_embedding), .doc = "or its embedding", .max = 1 << 20},
    {"reference_voice", FIELD_ID, E(reference_voice), .doc = "or a stored voice", .max = MAX_NAME},
    COMMON_ROWS(embed_request),
};
const schema embed_schema = SCHEMA("EmbedSpeakerRequest", embed_fields, embed_request);

#define V(member) offsetof(vad_request, member)
static const schema_field vad_fields[] = {
    MODEL_ROW(vad_request, "a name of /v1/audio/vad/models; absent: the first"),
    {"input_audio", FIELD_BASE64, V(input_audio), .doc = "the recording", .required = true},
    FILTERS_ROW("pre_processing_filters", vad_request, pre_filters, "run on input_audio first"),
    {"get_timestamps", FIELD_BOOL, V(get_timestamps), .doc = "list the segments too", .def = "false"},
    {"return_seconds", FIELD_BOOL, V(return_seconds), .doc = "times in seconds, else in samples at 16 kHz",
     .def = "false"},
    {"threshold", FIELD_NUMBER, V(threshold), .doc = "probability at which speech begins", .min = 0, .max = 1,
     .def = "0.5"},
    {"neg_threshold", FIELD_NUMBER, V(neg_threshold),
     .doc = "below it speech ends; default: threshold - 0.15, at least 0.01", .min = 0, .max = 1},
    {"min_speech_duration_ms", FIELD_NUMBER, V(min_speech_duration_ms), .doc = "shorter speech is dropped", .min = 0,
     .max = 1e7, .def = "250"},
    {"min_silence_duration_ms", FIELD_NUMBER, V(min_silence_duration_ms), .doc = "a shorter pause does not end speech",
     .min = 0, .max = 1e7, .def = "100"},
    {"speech_pad_ms", FIELD_NUMBER, V(speech_pad_ms), .doc = "added on both sides", .min = 0, .max = 1e7, .def = "30"},
    {"max_speech_duration_s", FIELD_NUMBER, V(max_speech_duration_s),
     .doc = "longer speech is cut at a pause; default: no limit", .min = 0.1, .max = 1e7},
    COMMON_ROWS(vad_request),
};
const schema vad_schema = SCHEMA("DetectVoiceActivityRequest", vad_fields, vad_request);

#define M(member) offsetof(model_request, member)
static const schema_field load_fields[] = {
    {"model", FIELD_TEXT, M(model), .doc = "a name of /v1/models; a toolchain: all its parts", .required = true,
     .min = 1, .max = MAX_NAME},
    {"keep_alive", FIELD_DURATION, M(keep_alive),
     .doc = "how long it stays without requests: seconds or \"5m\"; -1: for ever; absent: as "
            "configured",
     .max = MAX_KEEP},
};
const schema load_schema = SCHEMA("LoadModelRequest", load_fields, model_request);
static const schema_field unload_fields[] = {
    {"model", FIELD_TEXT, M(model), .doc = "a name of /v1/models", .required = true, .min = 1, .max = MAX_NAME},
    {"timeout_s", FIELD_NUMBER, M(timeout_s), .doc = "how long to wait for requests that use it; then 503", .min = 0,
     .max = 600, .def = "30"},
};
const schema unload_schema = SCHEMA("UnloadModelRequest", unload_fields, model_request);
static const schema_field ps_fields[] = {
    {"all", FIELD_BOOL, offsetof(ps_request, all), .doc = "also models that are not in memory", .def = "false"},
};
const schema ps_schema = SCHEMA("ListLoadedRequest", ps_fields, ps_request);
static const schema_field models_fields[] = {
    {"all", FIELD_BOOL, offsetof(ps_request, all), .doc = "also what was found and cannot be used, with the reason as problem", .def = "false"},
};
const schema models_schema = SCHEMA("ListModelsRequest", models_fields, ps_request);
const schema nothing_schema = {"NoFields", NULL, 0, 1, ""};

/* ---- answers -------------------------------------------------------------------------------------------------------
 */

#define ANSWER_ROWS(prefix)                                                                                            \
    {"id", FIELD_TEXT, 0, .doc = prefix "- and the request's id", .required = true},                                   \
    {"model", FIELD_TEXT, 0, .doc = "the model that answered", .required = true},                                      \
    {"created", FIELD_INTEGER, 0, .doc = "Unix time", .required = true}

static const schema_field audio_answer_fields[] = {
    ANSWER_ROWS("tts"),
    {"data", FIELD_TEXT, 0, .doc = "a complete audio file in base64", .required = true},
    {"input_quality", FIELD_OBJECT, 0, .doc = "of input_audio", .object = &quality_schema},
};
const schema audio_answer = {"TextToSpeechResponse", audio_answer_fields, COUNT(audio_answer_fields), 0, ""};

static const schema_field embed_answer_fields[] = {
    ANSWER_ROWS("embed"),
    {"data", FIELD_TEXT, 0, .doc = "base64, as HSE hands it out for the model: little-endian float32, or a file of torch.save", .required = true},
    {"quality", FIELD_OBJECT, 0, .doc = "of input_audio", .required = true, .object = &quality_schema},
    {"similarity", FIELD_NUMBER, 0, .doc = "cosine of the two embeddings, -1 to 1; with a reference"},
};
const schema embed_answer = {"EmbedSpeakerResponse", embed_answer_fields, COUNT(embed_answer_fields), 0, ""};

static const schema_field stretch_fields[] = {
    {"start", FIELD_NUMBER, 0, .doc = "in samples at 16 kHz, or seconds", .required = true},
    {"end", FIELD_NUMBER, 0, .doc = "the same", .required = true},
};
static const schema stretch_schema = {"VoiceActivityStretch", stretch_fields, COUNT(stretch_fields), 0, ""};
static const schema_field vad_answer_fields[] = {
    ANSWER_ROWS("stt"),
    {"speech_activity", FIELD_BOOL, 0, .doc = "is there speech?", .required = true},
    {"timestamps", FIELD_LIST, 0, .doc = "null unless get_timestamps", .item = FIELD_OBJECT, .object = &stretch_schema},
};
const schema vad_answer = {"DetectVoiceActivityResponse", vad_answer_fields, COUNT(vad_answer_fields), 0, ""};

static const schema_field voice_fields[] = {
    {"voice", FIELD_TEXT, 0, .doc = "what a request's voice says", .required = true},
    {"styles", FIELD_LIST, 0, .doc = "what generation_options.style may say", .item = FIELD_TEXT},
};
static const schema voice_schema = {"VoiceOptions", voice_fields, COUNT(voice_fields), 0, ""};
static const schema_field language_fields[] = {
    {"language", FIELD_TEXT, 0, .doc = "what a request's language says", .required = true},
    {"voices", FIELD_LIST, 0, .doc = "the default first", .item = FIELD_OBJECT, .object = &voice_schema},
};
static const schema language_schema = {"LanguageOptions", language_fields, COUNT(language_fields), 0, ""};
static const schema_field card_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "what a request's model says", .required = true},
    {"object", FIELD_CHOICE, 0, .doc = "always model", .required = true, .choices = "model"},
    {"created", FIELD_INTEGER, 0, .doc = "Unix time", .required = true},
    {"owned_by", FIELD_TEXT, 0, .doc = "whose it is", .required = true},
    {"languages", FIELD_LIST, 0, .doc = "null where a model has none; on lists of a task", .item = FIELD_OBJECT,
     .object = &language_schema},
    {"root", FIELD_TEXT, 0, .doc = "its own name, where id is an alias; else the same as id"},
    {"parent", FIELD_TEXT, 0, .doc = "always null"},
    {"problem", FIELD_TEXT, 0, .doc = "why it cannot be used, or null; on the list with all"},
};
const schema model_card_answer = {"ModelCard", card_fields, COUNT(card_fields), 0, ""};
static const schema_field list_fields[] = {
    {"object", FIELD_CHOICE, 0, .doc = "always list", .required = true, .choices = "list"},
    {"data", FIELD_LIST, 0, .doc = "the models", .required = true, .item = FIELD_OBJECT, .object = &model_card_answer},
};
const schema model_list_answer = {"ModelList", list_fields, COUNT(list_fields), 0, ""};

static const schema_field state_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "its name", .required = true},
    {"object", FIELD_CHOICE, 0, .doc = "always model", .required = true, .choices = "model"},
    {"type", FIELD_TEXT, 0, .doc = "HarmonySpeechSynthesizer, ...", .required = true},
    {"loaded", FIELD_BOOL, 0, .doc = "its weights are in memory", .required = true},
    {"loading", FIELD_BOOL, 0, .doc = "it is being loaded", .required = true},
    {"bytes", FIELD_INTEGER, 0, .doc = "of its weights", .required = true},
    {"activation_bytes", FIELD_INTEGER, 0, .doc = "of what it computes now", .required = true},
    {"load_s", FIELD_NUMBER, 0, .doc = "how long the last load took", .required = true},
    {"expires_s", FIELD_NUMBER, 0, .doc = "seconds until it is unloaded, if nobody asks for it; null: never"},
    {"requests", FIELD_INTEGER, 0, .doc = "that use it now", .required = true},
    {"waiting", FIELD_INTEGER, 0, .doc = "items in its queue", .required = true},
    {"batches", FIELD_INTEGER, 0, .doc = "runs of its network so far", .required = true},
    {"items", FIELD_INTEGER, 0, .doc = "computed in them: items / batches is the mean batch", .required = true},
    {"problem", FIELD_TEXT, 0, .doc = "why its last load failed"},
};
static const schema state_schema = {"ModelState", state_fields, COUNT(state_fields), 0, ""};
static const schema_field ps_answer_fields[] = {
    {"object", FIELD_CHOICE, 0, .doc = "always list", .required = true, .choices = "list"},
    {"data", FIELD_LIST, 0, .doc = "the models", .required = true, .item = FIELD_OBJECT, .object = &state_schema},
    {"resident_bytes", FIELD_INTEGER, 0, .doc = "the process's memory", .required = true},
    {"memory_budget", FIELD_INTEGER, 0, .doc = "what models may hold together; null: no bound"},
};
const schema ps_answer = {"LoadedList", ps_answer_fields, COUNT(ps_answer_fields), 0, ""};
static const schema_field model_state_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "as it was asked for", .required = true},
    {"object", FIELD_CHOICE, 0, .doc = "always model", .required = true, .choices = "model"},
    {"loaded", FIELD_BOOL, 0, .doc = "is it now?", .required = true},
    {"resident_bytes", FIELD_INTEGER, 0, .doc = "the process's memory after it", .required = true},
};
const schema model_state_answer = {"LoadedModel", model_state_fields, COUNT(model_state_fields), 0, ""};
static const schema_field reload_fields[] = {
    {"status", FIELD_CHOICE, 0, .doc = "always ok", .required = true, .choices = "ok"},
    {"models", FIELD_INTEGER, 0, .doc = "how many can be used now", .required = true},
    {"needs_restart", FIELD_LIST, 0, .doc = "settings that differ but are looked at only when the server starts", .required = true,
     .item = FIELD_TEXT},
};
const schema reload_answer = {"ReloadResponse", reload_fields, COUNT(reload_fields), 0, ""};
static const schema_field status_fields[] = {
    {"status", FIELD_CHOICE, 0, .doc = "always ok", .required = true, .choices = "ok"},
};
const schema status_answer = {"HealthResponse", status_fields, COUNT(status_fields), 0, ""};
static const schema_field version_fields[] = {
    {"version", FIELD_TEXT, 0, .doc = "the program's", .required = true},
};
const schema version_answer = {"VersionResponse", version_fields, COUNT(version_fields), 0, ""};

static const schema_field openai_error_fields[] = {
    {"message", FIELD_TEXT, 0, .doc = "one sentence", .required = true},
    {"type", FIELD_TEXT, 0, .doc = "invalid_request_error, authentication_error, rate_limit_error, server_error",
     .required = true},
    {"param", FIELD_TEXT, 0, .doc = "the field that is wrong, or null"},
    {"code", FIELD_TEXT, 0, .doc = "model_not_found, unknown_parameter, unsupported, overloaded, ... or null"},
};
static const schema openai_error_schema = {"ErrorDetail", openai_error_fields, COUNT(openai_error_fields), 0, ""};
static const schema_field error_fields[] = {
    {"error", FIELD_OBJECT, 0, .doc = "OpenAI's form", .required = true, .object = &openai_error_schema},
    {"object", FIELD_CHOICE, 0, .doc = "HSE's form from here on", .required = true, .choices = "error"},
    {"message", FIELD_TEXT, 0, .doc = "the same sentence", .required = true},
    {"type", FIELD_TEXT, 0, .doc = "BadRequestError, NotFoundError, InternalServerError", .required = true},
    {"param", FIELD_TEXT, 0, .doc = "the field that is wrong, or null"},
    {"code", FIELD_INTEGER, 0, .doc = "the HTTP status", .required = true},
};
const schema error_answer = {"ErrorResponse", error_fields, COUNT(error_fields), 0, ""};

/* ---- choosing the answer -------------------------------------------------------------------------------------------
 */

bool speech_wants_binary(const json_t *body)
{
    static const char *const own[] = {
        "mode",           "language",           "input_audio",    "input_embedding",        "input_vad_mode",
        "input_vad_data", "generation_options", "output_options", "pre_processing_filters", "post_generation_filters"};

    for (size_t i = 0; i < COUNT(own); i++)
        if (schema_has(body, own[i]))
            return false;
    return schema_has(body, "voice");
}
