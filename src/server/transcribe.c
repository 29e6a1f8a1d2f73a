/* transcribe.c - speech to text: POST /v1/audio/transcriptions in OpenAI's form and HSE's JSON, POST /v1/audio/translations. */
#include "server/filters.h"
#include "server/sse.h"
#include "server/transcribe.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { RATE = 16000 };                      /* what recognisers hear; decoded to it at once, a long recording takes a third of the memory */

/* ---- options ------------------------------------------------------------------------------------------------------- */

/* HSE's codes that are no ISO codes. */
static const char *language_code(const char *s)
{
    static const char *const map[][2] = {{"JP", "ja"}, {"KR", "ko"}, {"SP", "es"}, {"zh_mix_en", "zh"}};

    for (size_t i = 0; i < COUNT(map); i++)
        if (strcasecmp(s, map[i][0]) == 0)
            return map[i][1];
    return s;
}

static bool take_languages(transcription *t, hse_transcribe_options *o)
{
    const schema_list *list = &t->body->languages;
    const char *one = t->body->language;

    if (one && *one && strcasecmp(one, "auto") != 0)
        o->language = language_code(one);
    if (list->count == 0)
        return true;
    if (o->language)
        return api_fail(&t->call->error, 400, "languages", "language and languages exclude each other: it is known, or one of several");
    t->languages = hse_calloc(list->count, sizeof *t->languages);
    if (!t->languages)
        return api_fail(&t->call->error, 500, NULL, "not enough memory for this request");
    for (size_t i = 0; i < list->count; i++)
        t->languages[i] = language_code(((const char *const *)list->items)[i]);
    o->languages = t->languages;
    o->language_count = list->count;
    return true;
}

static bool take_temperatures(transcription *t, hse_transcribe_options *o)
{
    const transcribe_request *b = t->body;
    double from = b->temperature.value, step = b->temperature_inc.given ? b->temperature_inc.value : from > 0 ? 0 : 0.2;

    o->temperature_count = 0;
    for (int i = 0; i == 0 || (step > 0 && from + step * i <= 1 + 1e-9); i++) {
        if (o->temperature_count == COUNT(o->temperatures))
            return api_fail(&t->call->error, 400, "temperature_inc", "temperature_inc %g gives more than %zu temperatures", step,
                            COUNT(o->temperatures));
        o->temperatures[o->temperature_count++] = fmin(from + step * i, 1);
    }
    return true;
}

/* keywords[] and hotwords are one text. */
static bool take_hotwords(transcription *t, hse_transcribe_options *o)
{
    const schema_list *list = &t->body->keywords;

    if (t->body->hotwords && *t->body->hotwords)
        hse_buf_str(&t->hotwords, t->body->hotwords);
    for (size_t i = 0; i < list->count; i++) {
        hse_buf_str(&t->hotwords, t->hotwords.size ? ", " : "");
        hse_buf_str(&t->hotwords, ((const char *const *)list->items)[i]);
    }
    if (t->hotwords.status != HSE_OK)
        return api_fail(&t->call->error, t->hotwords.status == HSE_E_NOMEM ? 500 : 413, "keywords", "keywords: too much text");
    o->hotwords = t->hotwords.size ? hse_buf_text(&t->hotwords) : NULL;
    return true;
}

static void take_chunking(const chunking_options *c, hse_transcribe_options *o)
{
    if (!c->type)
        return;
    o->batched = 1;
    o->vad_filter = 1;
    if (strcmp(c->type, "server_vad") != 0)
        return;
    o->vad.threshold = c->threshold.value;
    o->vad.min_silence_ms = c->silence_duration_ms.value;
    o->vad.pad_ms = c->prefix_padding_ms.value;
    o->vad_params_given = 1;
}

/* Who gives some of them has the rest as vad_filter has it, batched or not, as in faster-whisper. */
static bool take_vad(transcription *t, hse_transcribe_options *o)
{
    const vad_parameters *v = &t->body->vad;
    const struct { schema_number from; double *to; } rows[] = {
        {v->threshold, &o->vad.threshold},
        {v->neg_threshold, &o->vad.neg_threshold},
        {v->min_speech_duration_ms, &o->vad.min_speech_ms},
        {v->max_speech_duration_s, &o->vad.max_speech_s},
        {v->min_silence_duration_ms, &o->vad.min_silence_ms},
        {v->speech_pad_ms, &o->vad.pad_ms},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].from.given) {
            if (t->body->chunking.type && strcmp(t->body->chunking.type, "server_vad") == 0)
                return api_fail(&t->call->error, 400, "vad_parameters", "vad_parameters and chunking_strategy server_vad exclude each other");
            *rows[i].to = rows[i].from.value;
            o->vad_params_given = 1;
        }
    return true;
}

/* The ids as the engine takes them, in a list of the request's. */
static bool take_suppressed(transcription *t, hse_transcribe_options *o)
{
    const schema_list *list = &t->body->suppress_tokens;

    if (!list->items)
        return true;
    o->suppress_none = list->count == 0;
    if (!(t->suppress = hse_calloc(list->count + 1, sizeof *t->suppress)))
        return api_fail(&t->call->error, 500, NULL, "not enough memory for this request");
    for (size_t i = 0; i < list->count; i++)
        t->suppress[i] = (int32_t)((const int64_t *)list->items)[i];
    o->suppress_tokens = list->count ? t->suppress : NULL;
    o->suppress_token_count = list->count;
    return true;
}

static void take_decoding(const transcribe_request *b, hse_transcribe_options *o)
{
    const struct { schema_number from; double *to; } numbers[] = {
        {b->prompt_reset_on_temperature, &o->prompt_reset_on_temperature},
        {b->chunk_length, &o->chunk_length_s},
        {b->language_detection_threshold, &o->language_detection_threshold},
        {b->patience, &o->patience},
        {b->length_penalty, &o->length_penalty},
        {b->repetition_penalty, &o->repetition_penalty},
        {b->compression_ratio_threshold, &o->compression_ratio_threshold},
        {b->log_prob_threshold, &o->log_prob_threshold},
        {b->no_speech_threshold, &o->no_speech_threshold},
        {b->hallucination_silence_threshold, &o->hallucination_silence_threshold},
        {b->max_initial_timestamp, &o->max_initial_timestamp},
    };

    for (size_t i = 0; i < COUNT(numbers); i++)
        if (numbers[i].from.given)
            *numbers[i].to = numbers[i].from.value;
    o->beam_size = (int)b->beam_size.value;
    o->best_of = (int)b->best_of.value;
    o->no_repeat_ngram_size = (int)b->no_repeat_ngram_size.value;
    o->max_new_tokens = (int)b->max_new_tokens.value;
    o->language_detection_segments = (int)b->language_detection_segments.value;
    o->suppress_blank = b->suppress_blank.value;
    o->prepend_punctuations = b->prepend_punctuations;
    o->append_punctuations = b->append_punctuations;
    o->vad_filter = b->vad_filter.value;
    o->batched = b->batched.value;
    o->multilingual = b->multilingual.value;
    o->without_timestamps = b->without_timestamps.value;
    o->condition_on_previous_text = b->condition_on_previous_text.value;
    o->initial_prompt = b->prompt && *b->prompt ? b->prompt : NULL;
    o->prefix = b->prefix && *b->prefix ? b->prefix : NULL;
    o->clip_timestamps = b->clip_timestamps.count ? b->clip_timestamps.items : NULL;
    o->clip_count = b->clip_timestamps.count;
    o->has_seed = b->seed.given;
    o->seed = (uint64_t)b->seed.value;
}

static bool has_word(const schema_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(((const char *const *)list->items)[i], word) == 0)
            return true;
    return false;
}

/* Which answer, and what must not be asked for with it. */
static bool choose_answer(transcription *t)
{
    const transcribe_request *b = t->body;
    const char *format = b->response_format ? b->response_format : "json";
    api_error *e = &t->call->error;

    if (strcmp(format, "diarized_json") == 0) {
        api_fail(e, 400, "response_format", "response_format diarized_json is not supported: speakers are not told apart here");
        e->code = "unsupported";
        return false;
    }
    t->format = strcmp(format, "text") == 0           ? TRANSCRIPT_TEXT
                : strcmp(format, "srt") == 0          ? TRANSCRIPT_SRT
                : strcmp(format, "vtt") == 0          ? TRANSCRIPT_VTT
                : strcmp(format, "verbose_json") == 0 ? TRANSCRIPT_VERBOSE
                                                      : TRANSCRIPT_JSON;
    t->stream = b->stream.value;
    t->logprobs = has_word(&b->include, "logprobs");
    t->words = has_word(&b->granularities, "word");
    t->segments = b->granularities.count == 0 || has_word(&b->granularities, "segment");
    if (t->words && t->format != TRANSCRIPT_VERBOSE)        /* segment is the default: clients send it with any format */
        return api_fail(e, 400, "timestamp_granularities", "timestamp_granularities word needs response_format verbose_json, not %s", format);
    if (t->logprobs && t->format != TRANSCRIPT_JSON)
        return api_fail(e, 400, "include", "include logprobs needs response_format json, not %s", format);
    if (t->stream && t->format != TRANSCRIPT_JSON && t->format != TRANSCRIPT_TEXT)
        return api_fail(e, 400, "stream", "stream goes with response_format json or text, not %s", format);
    if (t->hse) {
        t->format = TRANSCRIPT_HSE;
        t->words = b->get_timestamps.value;
    }
    return true;
}

/* Before the recording is decoded: is the model there? */
static bool check_model(api_call *c, const char *name)
{
    hse_model_choice choice;
    hse_models *models = NULL;
    hse_error err = {0};

    hse_status s = hse_models_open(&models, c->server->engine, &err);
    if (s == HSE_OK)
        s = hse_models_find(&choice, models, c->server->engine, HSE_JOB_TRANSCRIBE, name, &err);
    hse_models_close(&models);
    return s == HSE_OK || api_engine_error(c, &err, NULL);
}

static bool prepare(transcription *t)
{
    const transcribe_request *b = t->body;
    hse_transcribe_options *o = &t->request.transcribe;

    if (!choose_answer(t) || !check_model(t->call, b->common.model))
        return false;
    api_common(t->call, &t->request, b->common.model, &b->common);
    hse_transcribe_options_init(o);
    take_decoding(b, o);
    take_chunking(&b->chunking, o);
    if (t->translate || b->translate.value || (b->task && strcmp(b->task, "translate") == 0))
        o->task = HSE_TRANSLATE;
    o->word_timestamps = t->words || isfinite(o->hallucination_silence_threshold);
    o->token_logprobs = t->logprobs;
    if (b->seed.given) {
        t->request.has_seed = true;
        t->request.seed = (uint64_t)b->seed.value;
    }
    t->request.notify = api_stream_notify;
    t->request.user = &t->wait;
    return take_languages(t, o) && take_temperatures(t, o) && take_hotwords(t, o) && take_vad(t, o) && take_suppressed(t, o) &&
           api_filters_decode(t->call, &b->audio, t->hse ? "input_audio" : "file", RATE, &b->pre_filters, &b->common, &t->request.audio);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* Every segment as it comes; the segments stay valid as long as the job. */
static hse_status read_segments(transcription *t, hse_job *job, hse_error *err)
{
    bool end = false;
    hse_status s = HSE_OK;

    while (s == HSE_OK && !end) {
        const hse_transcript_segment *segment = NULL;

        s = hse_job_segment(job, &segment, &end, false, err);
        if (s == HSE_OK && segment) {
            hse_buf_append(&t->list, segment, sizeof *segment);
            s = hse_buf_status(&t->list, "the transcript", err);
            if (s == HSE_OK && t->stream)
                s = transcript_delta(t, segment, err);
        } else if (s == HSE_OK && !end) {
            s = api_stream_wait(&t->wait, err);
        }
    }
    return s;
}

static bool answer(transcription *t, hse_job *job)
{
    hse_error err = {0};
    bool ok = true;

    t->wait.events = t->stream;
    hse_status s = read_segments(t, job, &err);
    if (s == HSE_OK) {
        const hse_job_result *got = hse_job_result_get(job);

        api_answered_by(t->call, got->model);
        t->model = got->model;
        if (got->transcript)
            t->whole = *got->transcript;
        t->whole.segments = (const hse_transcript_segment *)(const void *)t->list.data;
        t->whole.segment_count = t->list.size / sizeof(hse_transcript_segment);
        if (!t->stream)
            return transcript_answer(t);
        s = transcript_done(t, &err);
    }
    if (s == HSE_OK)
        http_job_finish(t->call->job);
    else if (t->wait.started)
        api_stream_fail(&t->wait, &err);
    else
        ok = api_engine_error(t->call, &err, NULL);
    return ok;
}

static bool run(api_call *c, bool hse, bool translate)
{
    transcription t = {.call = c, .body = c->body, .hse = hse, .translate = translate, .wait = {.fd = -1}};
    hse_job *job = NULL;
    hse_error err = {0};
    bool ok = false;

    hse_request_init(&t.request, HSE_JOB_TRANSCRIBE);
    hse_buf_init(&t.list, 256u << 20);
    hse_buf_init(&t.text, 64u << 20);
    hse_buf_init(&t.all_logprobs, 256u << 20);
    hse_buf_init(&t.hotwords, 1u << 18);
    if (api_stream_open(&t.wait, c, &err) != HSE_OK)
        api_engine_error(c, &err, NULL);
    else if (!prepare(&t))
        hse_audio_free(&t.request.audio);
    else if (hse_job_open(&job, c->server->engine, &t.request, &err) != HSE_OK)
        api_engine_error(c, &err, NULL);
    else
        ok = answer(&t, job);
    hse_job_close(&job);
    api_stream_close(&t.wait);
    hse_buf_free(&t.list);
    hse_buf_free(&t.text);
    hse_buf_free(&t.all_logprobs);
    hse_buf_free(&t.hotwords);
    hse_free(t.languages);
    hse_free(t.suppress);
    return ok;
}

bool api_transcribe(api_call *c)
{
    return run(c, c->schema == &transcribe_schema, false);
}

bool api_translate(api_call *c)
{
    return run(c, false, true);
}
