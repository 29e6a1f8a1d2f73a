/* transcribe_requests.c - speech to text: OpenAI's form, HSE's JSON, and the options of decoding that both take. */
#include "server/audio_requests.h"

#define T(member) offsetof(transcribe_request, member)
#define ANSWER(title, table, ...) {title, table, COUNT(table), 0, "" __VA_ARGS__}

static const schema_field chunking_fields[] = {
    {"type", FIELD_CHOICE, offsetof(chunking_options, type), .doc = "auto: chunks of speech decoded side by side; server_vad: the same, cut as the "
     "other fields say", .choices = "auto|server_vad", .required = true},
    {"prefix_padding_ms", FIELD_NUMBER, offsetof(chunking_options, prefix_padding_ms), .doc = "of server_vad: added around speech", .min = 0,
     .max = 10000, .def = "300"},
    {"silence_duration_ms", FIELD_NUMBER, offsetof(chunking_options, silence_duration_ms), .doc = "of server_vad: a shorter pause does not end a chunk",
     .min = 0, .max = 100000, .def = "200"},
    {"threshold", FIELD_NUMBER, offsetof(chunking_options, threshold), .doc = "of server_vad: probability at which speech begins", .min = 0, .max = 1,
     .def = "0.5"},
};
static const schema chunking_schema = SCHEMA("ChunkingStrategy", chunking_fields, chunking_options);

#define V(member) offsetof(vad_parameters, member)
static const schema_field vad_fields[] = {
    {"threshold", FIELD_NUMBER, V(threshold), .doc = "probability at which speech begins", .min = 0, .max = 1},
    {"neg_threshold", FIELD_NUMBER, V(neg_threshold), .doc = "below it speech ends", .min = 0, .max = 1},
    {"min_speech_duration_ms", FIELD_NUMBER, V(min_speech_duration_ms), .doc = "shorter speech is none", .min = 0, .max = 100000},
    {"max_speech_duration_s", FIELD_NUMBER, V(max_speech_duration_s), .doc = "longer speech is cut", .min = 0.1, .max = 100000},
    {"min_silence_duration_ms", FIELD_NUMBER, V(min_silence_duration_ms), .doc = "a shorter pause does not end speech", .min = 0, .max = 100000},
    {"speech_pad_ms", FIELD_NUMBER, V(speech_pad_ms), .doc = "added around speech", .min = 0, .max = 10000},
};
static const schema vad_parameters_schema = SCHEMA("VadParameters", vad_fields, vad_parameters);

#define PROMPT_ROW {"prompt", FIELD_TEXT, T(prompt), .doc = "text before the recording: its words and style are followed", .max = 65536}

#define PRE_FILTERS_ROW FILTERS_ROW("pre_processing_filters", transcribe_request, pre_filters, "run on the recording first")

#define TEMPERATURE_ROWS                                                                                                      \
    {"temperature", FIELD_NUMBER, T(temperature), .doc = "0: the best words, and higher temperatures where a window fails; above: drawn at this " \
     "temperature alone", .min = 0, .max = 1, .def = "0"},                                                                    \
    {"temperature_inc", FIELD_NUMBER, T(temperature_inc), .doc = "step from temperature to 1 where a window fails; 0: no second try; default 0.2 " \
     "where temperature is 0", .min = 0, .max = 1}

#define LANGUAGE_ROWS                                                                                                          \
    {"language", FIELD_TEXT, T(language), .doc = "en, english, EN, ...; absent or auto: detected", .max = 32},                     \
    {"languages", FIELD_LIST, T(languages), .doc = "detect among these only", .item = FIELD_TEXT, .min = 1, .max = 32, .min_items = 1,       \
     .max_items = 100}

/* What faster-whisper and whisper.cpp call so. */
#define DECODING_ROWS                                                                                                          \
    {"keywords", FIELD_LIST, T(keywords), .doc = "words to expect", .item = FIELD_TEXT, .min = 1, .max = 256, .max_items = 256},           \
    {"hotwords", FIELD_TEXT, T(hotwords), .doc = "the same as one text", .max = 65536},                                            \
    {"prefix", FIELD_TEXT, T(prefix), .doc = "text with which the first window begins", .max = 4096},                               \
    {"vad_filter", FIELD_BOOL, T(vad_filter), .doc = "cut silence out first; no speech gives no text", .def = "true"},                \
    {"batched", FIELD_BOOL, T(batched), .doc = "chunks of speech decoded side by side, without earlier text", .def = "false"},         \
    {"multilingual", FIELD_BOOL, T(multilingual), .doc = "detect the language of every window", .def = "false"},                     \
    {"without_timestamps", FIELD_BOOL, T(without_timestamps), .doc = "one segment a window", .def = "false"},                        \
    {"no_timestamps", FIELD_BOOL, T(without_timestamps), .doc = "whisper.cpp's name of without_timestamps", .def = "false"},           \
    {"condition_on_previous_text", FIELD_BOOL, T(condition_on_previous_text), .doc = "a window sees the text before it", .def = "true"}, \
    {"beam_size", FIELD_INTEGER, T(beam_size), .doc = "of beam search; 1: greedy", .min = 1, .max = 16, .def = "5"},                   \
    {"best_of", FIELD_INTEGER, T(best_of), .doc = "candidates where words are drawn", .min = 1, .max = 16, .def = "5"},                \
    {"patience", FIELD_NUMBER, T(patience), .doc = "of beam search", .min = 0.1, .max = 10, .def = "1"},                             \
    {"length_penalty", FIELD_NUMBER, T(length_penalty), .doc = "of beam search", .min = -10, .max = 10, .def = "1"},                  \
    {"repetition_penalty", FIELD_NUMBER, T(repetition_penalty), .doc = "above 1: words that were said are less likely", .min = 0.1, .max = 10,   \
     .def = "1"},                                                                                                             \
    {"no_repeat_ngram_size", FIELD_INTEGER, T(no_repeat_ngram_size), .doc = "so many words in a row are never said twice; 0: any", .min = 0,      \
     .max = 100, .def = "0"},                                                                                                 \
    {"compression_ratio_threshold", FIELD_NUMBER, T(compression_ratio_threshold), .doc = "a window above it has failed", .min = 0.1, .max = 1000, \
     .def = "2.4"},                                                                                                           \
    {"log_prob_threshold", FIELD_NUMBER, T(log_prob_threshold), .doc = "a window below it has failed", .min = -100, .max = 0, .def = "-1"},     \
    {"no_speech_threshold", FIELD_NUMBER, T(no_speech_threshold), .doc = "a failed window above it is silence", .min = 0, .max = 1, .def = "0.6"}, \
    {"hallucination_silence_threshold", FIELD_NUMBER, T(hallucination_silence_threshold), .doc = "seconds of silence around what is taken for "   \
     "invented words, which are dropped; needs word times", .min = 0.1, .max = 1000},                                          \
    {"max_initial_timestamp", FIELD_NUMBER, T(max_initial_timestamp), .doc = "latest start of the first segment, in seconds", .min = 0, .max = 1e6, \
     .def = "1"},                                                                                                             \
    {"max_new_tokens", FIELD_INTEGER, T(max_new_tokens), .doc = "of a window; 0: as many as the model can", .min = 0, .max = 448, .def = "0"},   \
    {"prompt_reset_on_temperature", FIELD_NUMBER, T(prompt_reset_on_temperature), .doc = "above it what follows does not see this window's text", \
     .min = 0, .max = 1, .def = "0.5"},                                                                                        \
    {"suppress_blank", FIELD_BOOL, T(suppress_blank), .doc = "a window does not begin with a space or its end", .def = "true"},         \
    {"suppress_tokens", FIELD_LIST, T(suppress_tokens), .doc = "ids that are never said; -1: the model's list; [] (JSON): none", .item = FIELD_INTEGER, \
     .min = -1, .max = 1000000, .max_items = 1024},                                                                            \
    {"prepend_punctuations", FIELD_TEXT, T(prepend_punctuations), .doc = "marks that belong to the word behind them", .max = 256},      \
    {"append_punctuations", FIELD_TEXT, T(append_punctuations), .doc = "marks that belong to the word before them", .max = 256},        \
    {"chunk_length", FIELD_NUMBER, T(chunk_length), .doc = "seconds of a window, of a chunk", .min = 1, .max = 30, .def = "30"},       \
    {"language_detection_threshold", FIELD_NUMBER, T(language_detection_threshold), .doc = "a language less likely is looked for in the next "  \
     "window", .min = 0, .max = 1, .def = "0.5"},                                                                              \
    {"language_detection_segments", FIELD_INTEGER, T(language_detection_segments), .doc = "windows that are looked at for it", .min = 1,      \
     .max = 100, .def = "1"},                                                                                                  \
    {"vad_parameters", FIELD_OBJECT, T(vad), .doc = "how vad_filter finds speech; absent members are as usual", .object = &vad_parameters_schema},     \
    {"clip_timestamps", FIELD_LIST, T(clip_timestamps), .doc = "start, end, start, ... in seconds: only these parts", .item = FIELD_NUMBER,     \
     .min = 0, .max = 1e6, .max_items = 256},                                                                                  \
    {"seed", FIELD_INTEGER, T(seed), .doc = "of words that are drawn", .min = 0, .max = 9007199254740992.0}

static const schema_field json_fields[] = {
    MODEL_ROW(transcribe_request, "a name of /v1/audio/transcriptions/models; absent: the first"),
    {"input_audio", FIELD_BASE64, T(audio), .doc = "the recording", .required = true},
    PRE_FILTERS_ROW,
    {"get_language", FIELD_BOOL, T(get_language), .doc = "say which language it is", .def = "false"},
    {"get_timestamps", FIELD_BOOL, T(get_timestamps), .doc = "list the segments with their words and times", .def = "false"},
    {"task", FIELD_CHOICE, T(task), .doc = "translate: to English", .choices = "transcribe|translate", .def = "transcribe"},
    LANGUAGE_ROWS, PROMPT_ROW, TEMPERATURE_ROWS, DECODING_ROWS, COMMON_ROWS(transcribe_request),
};
const schema transcribe_schema = SCHEMA("SpeechTranscribeRequest", json_fields, transcribe_request, "HSE's form.");

#define GRANULARITY_ROW                                                                                                        \
    {"timestamp_granularities", FIELD_LIST, T(granularities), .doc = "of verbose_json, which word needs; segment when absent", \
     .item = FIELD_CHOICE,                                                                                                     \
     .choices = "word|segment", .max_items = 2}

static const schema_field form_fields[] = {
    MODEL_ROW(transcribe_request, "a name of /v1/audio/transcriptions/models; absent, whisper-1, gpt-4o-transcribe, ...: the first"),
    {"file", FIELD_BASE64, T(audio), .doc = "the recording", .required = true},
    PRE_FILTERS_ROW,
    LANGUAGE_ROWS, PROMPT_ROW, TEMPERATURE_ROWS,
    {"response_format", FIELD_CHOICE, T(response_format), .doc = "of the answer", .choices = "json|text|srt|vtt|verbose_json|diarized_json",
     .def = "json"},
    GRANULARITY_ROW,
    {"include", FIELD_LIST, T(include), .doc = "logprobs: of every token, with json", .item = FIELD_CHOICE, .choices = "logprobs", .max_items = 1},
    {"stream", FIELD_BOOL, T(stream), .doc = "events with the text as it is decoded; with json and text", .def = "false"},
    {"chunking_strategy", FIELD_OBJECT, T(chunking), .doc = "how a long recording is cut", .object = &chunking_schema, .word = "type"},
    {"translate", FIELD_BOOL, T(translate), .doc = "whisper.cpp's: to English", .def = "false"},
    {"known_speaker_names", FIELD_REFUSED, 0, .doc = "speakers are not told apart here"},
    {"known_speaker_references", FIELD_REFUSED, 0, .doc = "speakers are not told apart here"},
    DECODING_ROWS, COMMON_ROWS(transcribe_request),
};
const schema transcribe_form_schema = SCHEMA("CreateTranscriptionRequest", form_fields, transcribe_request, "OpenAI's form.");

static const schema_field translate_fields[] = {
    MODEL_ROW(transcribe_request, "a name of /v1/audio/transcriptions/models; absent, whisper-1: the first"),
    {"file", FIELD_BASE64, T(audio), .doc = "the recording", .required = true},
    PRE_FILTERS_ROW,
    LANGUAGE_ROWS, PROMPT_ROW, TEMPERATURE_ROWS,
    {"response_format", FIELD_CHOICE, T(response_format), .doc = "of the answer", .choices = "json|text|srt|vtt|verbose_json", .def = "json"},
    GRANULARITY_ROW,
    {"stream", FIELD_BOOL, T(stream), .doc = "events with the text as it is decoded; with json and text", .def = "false"},
    DECODING_ROWS, COMMON_ROWS(transcribe_request),
};
const schema translate_form_schema = SCHEMA("CreateTranslationRequest", translate_fields, transcribe_request, "Speech in any language to English text.");

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

static const schema_field word_fields[] = {
    {"word", FIELD_TEXT, 0, .doc = "without the space before it", .required = true},
    {"start", FIELD_NUMBER, 0, .doc = "seconds", .required = true},
    {"end", FIELD_NUMBER, 0, .doc = "seconds", .required = true},
};
static const schema word_schema = ANSWER("TranscriptionWord", word_fields);

static const schema_field segment_fields[] = {
    {"id", FIELD_INTEGER, 0, .doc = "from 0", .required = true},
    {"seek", FIELD_INTEGER, 0, .doc = "where its window began, in hundredths of a second", .required = true},
    {"start", FIELD_NUMBER, 0, .doc = "seconds", .required = true},
    {"end", FIELD_NUMBER, 0, .doc = "seconds", .required = true},
    {"text", FIELD_TEXT, 0, .doc = "with its leading space", .required = true},
    {"tokens", FIELD_LIST, 0, .doc = "ids", .required = true, .item = FIELD_INTEGER},
    {"temperature", FIELD_NUMBER, 0, .doc = "at which its window was decoded", .required = true},
    {"avg_logprob", FIELD_NUMBER, 0, .doc = "of its window", .required = true},
    {"compression_ratio", FIELD_NUMBER, 0, .doc = "of its window", .required = true},
    {"no_speech_prob", FIELD_NUMBER, 0, .doc = "of its window", .required = true},
};
static const schema segment_schema = ANSWER("TranscriptionSegment", segment_fields);

static const schema_field logprob_fields[] = {
    {"token", FIELD_TEXT, 0, .doc = "its text", .required = true},
    {"bytes", FIELD_LIST, 0, .doc = "its bytes, which may be a part of a character", .required = true, .item = FIELD_INTEGER},
    {"logprob", FIELD_NUMBER, 0, .doc = "natural logarithm of its probability", .required = true},
};
static const schema logprob_schema = ANSWER("TranscriptionLogprob", logprob_fields);

static const schema_field answer_fields[] = {
    {"text", FIELD_TEXT, 0, .doc = "everything that was said", .required = true},
    {"id", FIELD_TEXT, 0, .doc = "stt- and the request's id; of HSE's form"},
    {"model", FIELD_TEXT, 0, .doc = "the model that answered; of HSE's form"},
    {"created", FIELD_INTEGER, 0, .doc = "Unix time; of HSE's form"},
    {"language", FIELD_TEXT, 0, .doc = "en with get_language, english in verbose_json"},
    {"timestamps", FIELD_LIST, 0, .doc = "null unless get_timestamps; of HSE's form", .item = FIELD_ANY},
    {"task", FIELD_TEXT, 0, .doc = "of verbose_json"},
    {"duration", FIELD_NUMBER, 0, .doc = "seconds; of verbose_json"},
    {"segments", FIELD_LIST, 0, .doc = "of verbose_json", .item = FIELD_OBJECT, .object = &segment_schema},
    {"words", FIELD_LIST, 0, .doc = "of verbose_json with the granularity word", .item = FIELD_OBJECT, .object = &word_schema},
    {"languages", FIELD_LIST, 0, .doc = "[{code}]: what was spoken; of json", .item = FIELD_ANY},
    {"logprobs", FIELD_LIST, 0, .doc = "of json with include logprobs", .item = FIELD_OBJECT, .object = &logprob_schema},
    {"usage", FIELD_ANY, 0, .doc = "{type: duration, seconds}"},
};
const schema transcribe_answer = ANSWER("SpeechToTextResponse", answer_fields);
