/* audio_requests.c - conversions, filters, the voice store. */
#include "server/audio_requests.h"

#define AUDIO_FORMATS "wav|mp3|opus|aac|flac|pcm"
#define MAX_SAMPLE (10.0 * 1024 * 1024)
#define ANSWER(title, table, ...) {title, table, COUNT(table), 0, "" __VA_ARGS__}

/* ---- filters ------------------------------------------------------------------------------------------------------- */

static const schema_field filter_fields[] = {
    {"model", FIELD_TEXT, offsetof(filter_request, model), .doc = "a name of /v1/audio/convert/models; absent: the first", .max = MAX_NAME},
    {"source_audio", FIELD_REFUSED, 0, .doc = "a filter works on the audio of the request that it stands in"},
    {"target_audio", FIELD_REFUSED, 0, .doc = "a filter restores audio; it does not change the voice"},
    {"target_embedding", FIELD_REFUSED, 0, .doc = "a filter restores audio; it does not change the voice"},
    {"generation_options", FIELD_REFUSED, 0, .doc = "restoring audio has no such options"},
    {"output_options", FIELD_REFUSED, 0, .doc = "the output_options of the request say what the answer is"},
};
const schema filter_schema = SCHEMA("AudioFilter", filter_fields, filter_request, "An audio conversion that runs before or after.");

/* ---- conversions --------------------------------------------------------------------------------------------------- */

#define C(member) offsetof(convert_request, member)
static const schema_field convert_fields[] = {
    MODEL_ROW(convert_request, "a name of /v1/voice/convert/models; absent: the first"),
    {"source_audio", FIELD_BASE64, C(source_audio), .doc = "the recording whose words stay", .required = true},
    {"target_audio", FIELD_BASE64, C(target_audio), .doc = "a recording of the voice wanted"},
    {"target_embedding", FIELD_BASE64, C(target_embedding), .doc = "the voice as /v1/embed/speaker gives it", .max = 1 << 20},
    {"voice", FIELD_ID, C(voice), .doc = "or a voice of the voice store", .max = MAX_NAME},
    {"generation_options", FIELD_OBJECT, C(generation), .doc = "of these, seed is what a conversion has", .object = &generation_schema},
    {"output_options", FIELD_OBJECT, C(output), .doc = "what the audio is", .object = &output_schema},
    {"response_format", FIELD_CHOICE, C(response_format), .doc = "another name of output_options.format; default wav", .choices = AUDIO_FORMATS},
    FILTERS_ROW("pre_processing_filters", convert_request, pre_filters, "run on source_audio and target_audio first"),
    FILTERS_ROW("post_generation_filters", convert_request, post_filters, "run on what was made"),
    {"input_vad_mode", FIELD_TEXT, C(vad_mode), .doc = "keep only the speech of target_audio: silero, whisper, or a name of "
     "/v1/audio/vad/models; none", .max = MAX_NAME},
    {"input_vad_data", FIELD_TEXT, C(vad_data), .doc = "the same by stretches: the JSON text of a /v1/audio/vad answer or of its timestamps",
     .max = MAX_TEXT},
    {"watermark", FIELD_TEXT, C(watermark), .doc = "a message hidden in the answer, as of /v1/audio/speech", .max = 16},
    {"normalize", FIELD_CHOICE, C(normalize), .doc = "loudness, as of /v1/audio/speech", .choices = "auto|peak|none", .def = "auto"},
    COMMON_ROWS(convert_request),
};
const schema convert_schema = SCHEMA("VoiceConversionRequest", convert_fields, convert_request, "The same words in another voice.");

#define R(member) offsetof(restore_request, member)
static const schema_field restore_fields[] = {
    MODEL_ROW(restore_request, "a name of /v1/audio/convert/models; absent: the first"),
    {"source_audio", FIELD_BASE64, R(source_audio), .doc = "the recording to restore", .required = true},
    {"output_options", FIELD_OBJECT, R(output), .doc = "what the audio is", .object = &output_schema},
    {"response_format", FIELD_CHOICE, R(response_format), .doc = "another name of output_options.format; default wav", .choices = AUDIO_FORMATS},
    {"normalize", FIELD_CHOICE, R(normalize), .doc = "loudness, as of /v1/audio/speech", .choices = "auto|peak|none", .def = "auto"},
    {"mode", FIELD_INTEGER, R(mode), .doc = "VoiceFixer: 1 removes high frequencies first, for recordings with noise there; 2 (the "
     "networks as in training) has no reproducible answer and is refused", .min = 0, .max = 2, .def = "0"},
    COMMON_ROWS(restore_request),
};
const schema restore_schema = SCHEMA("AudioConversionRequest", restore_fields, restore_request, "Damaged speech made whole.");

static const schema_field audio_answer_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "vc- or ac- and the request's id", .required = true},
    {"model", FIELD_TEXT, 0, .doc = "the model that answered", .required = true},
    {"created", FIELD_INTEGER, 0, .doc = "Unix time", .required = true},
    {"data", FIELD_TEXT, 0, .doc = "a complete audio file in base64", .required = true},
    {"input_quality", FIELD_OBJECT, 0, .doc = "of target_audio", .object = &quality_schema},
};
const schema convert_answer = ANSWER("VoiceConversionResponse", audio_answer_fields);

/* ---- the voice store ----------------------------------------------------------------------------------------------- */

#define V(member) offsetof(voice_request, member)
static const schema_field voice_fields[] = {
    {"name", FIELD_TEXT, V(name), .doc = "what a request's voice will say: up to 64 bytes", .required = true, .min = 1, .max = 64},
    {"audio_sample", FIELD_BASE64, V(audio_sample), .doc = "a recording of the voice: up to 10 MiB and 300 s", .required = true, .max = MAX_SAMPLE},
    {"consent", FIELD_TEXT, V(consent), .doc = "kept with the voice, and returned: a consent's id or words", .max = 1024},
    {"type", FIELD_CHOICE, V(type), .doc = "OpenAI's", .choices = "audio_sample", .def = "audio_sample"},
    {"prompt", FIELD_REFUSED, 0, .doc = "no model that is built in makes a voice from a description"},
};
const schema new_voice_schema = SCHEMA("CreateVoiceRequest", voice_fields, voice_request, "A voice for the voice store.");

#define Q(member) offsetof(voices_query, member)
static const schema_field voices_query_fields[] = {
    {"model", FIELD_TEXT, Q(model), .doc = "of which model; absent: the first that speaks", .max = MAX_NAME},
    {"limit", FIELD_INTEGER, Q(limit), .doc = "at most so many", .min = 1, .max = 2000, .def = "2000"},
    {"after", FIELD_TEXT, Q(after), .doc = "those behind the voice with this id", .max = MAX_NAME},
};
const schema voices_query_schema = SCHEMA("VoicesQuery", voices_query_fields, voices_query);

static const schema_field quality_fields[] = {
    {"seconds", FIELD_NUMBER, 0, .doc = "of the recording", .required = true},
    {"speech_seconds", FIELD_NUMBER, 0, .doc = "of it, where there is speech", .required = true},
    {"snr_db", FIELD_NUMBER, 0, .doc = "speech over the noise in the pauses; null where there is none of either"},
    {"clipped", FIELD_NUMBER, 0, .doc = "share of samples at flat tops, 0 to 1", .required = true},
};
const schema quality_schema = ANSWER("AudioQuality", quality_fields);

static const schema_field voice_answer_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "voice_ and 16 digits; of a model's own voice its name", .required = true},
    {"object", FIELD_CHOICE, 0, .doc = "always audio.voice", .required = true, .choices = "audio.voice"},
    {"name", FIELD_TEXT, 0, .doc = "what a request's voice says (the id does too)", .required = true},
    {"type", FIELD_CHOICE, 0, .doc = "where it comes from", .required = true, .choices = "audio_sample|model"},
    {"created_at", FIELD_INTEGER, 0, .doc = "Unix time; of a stored voice"},
    {"consent", FIELD_TEXT, 0, .doc = "as it was sent, or null; of a stored voice"},
    {"quality", FIELD_OBJECT, 0, .doc = "of the recording; of a stored voice", .object = &quality_schema},
};
const schema voice_answer = ANSWER("Voice", voice_answer_fields);

static const schema_field short_voice_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "as above", .required = true},
    {"name", FIELD_TEXT, 0, .doc = "as above", .required = true},
};
static const schema short_voice_schema = ANSWER("VoiceName", short_voice_fields);
static const schema_field voice_list_fields[] = {
    {"object", FIELD_CHOICE, 0, .doc = "always list", .required = true, .choices = "list"},
    {"data", FIELD_LIST, 0, .doc = "the model's own first, then the stored ones", .required = true, .item = FIELD_OBJECT, .object = &voice_answer},
    {"has_more", FIELD_BOOL, 0, .doc = "are there voices behind the last one?", .required = true},
    {"first_id", FIELD_TEXT, 0, .doc = "of data; or null"},
    {"last_id", FIELD_TEXT, 0, .doc = "of data; or null"},
    {"voices", FIELD_LIST, 0, .doc = "the same voices in the short form that some clients read", .required = true, .item = FIELD_OBJECT,
     .object = &short_voice_schema},
};
const schema voice_list_answer = ANSWER("VoiceList", voice_list_fields);

static const schema_field voice_deleted_fields[] = {
    {"id", FIELD_TEXT, 0, .doc = "of the voice that is gone", .required = true},
    {"object", FIELD_CHOICE, 0, .doc = "always audio.voice.deleted", .required = true, .choices = "audio.voice.deleted"},
    {"name", FIELD_TEXT, 0, .doc = "its name", .required = true},
    {"deleted", FIELD_BOOL, 0, .doc = "always true", .required = true},
};
const schema voice_deleted_answer = ANSWER("VoiceDeleted", voice_deleted_fields);
