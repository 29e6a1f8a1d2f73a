/* speech.c - POST /v1/audio/speech, in OpenAI's form (binary or events, streamed) and in HSE's (JSON with base64). */
#include "server/filters.h"
#include "server/hearing.h"
#include "server/voice.h"

#include "base/mem.h"
#include "base/utf8.h"

enum { WHOLE_WAV_TEXT = 1000 };     /* a wav answer to a text up to this long is sent whole, so that its header has the true sizes */

typedef struct {
    api_call             *call;
    const speech_request *body;
    hse_request           request;
    api_audio             out;
    api_voice             voice;
    api_hearing           hearing;
    float                *embedding;        /* of input_embedding */
} speech;

/* HSE's zero and OpenAI's absent both mean "as it is". */
static float factor(schema_number a, schema_number b)
{
    return (float)(a.given && a.value > 0 ? a.value : b.given && b.value > 0 ? b.value : 1);
}

static size_t characters(const char *s, size_t n)
{
    size_t count = 0;

    for (size_t i = 0, length; i < n; i += length, count++) {
        uint32_t c;

        length = hse_utf8_next(s + i, n - i, &c);
        length = length ? length : 1;
    }
    return count;
}

static hse_text_mode text_mode(const speech *s)
{
    const char *mode = s->body->text_normalization ? s->body->text_normalization : atomic_load(&s->call->server->text_normalization);

    return !mode || strcmp(mode, "on") == 0 ? HSE_TEXT_NORMALIZE : strcmp(mode, "off") == 0 ? HSE_TEXT_OFF : HSE_TEXT_REFERENCE;
}

static bool take_text(speech *s)
{
    const speech_request *b = s->body;
    hse_request *r = &s->request;

    r->language = b->language;
    r->text = b->input;
    r->text_size = strlen(b->input);
    r->text_mode = text_mode(s);
    r->input = !b->input_type || strcmp(b->input_type, "auto") == 0 ? HSE_INPUT_AUTO
               : strcmp(b->input_type, "ssml") == 0                 ? HSE_INPUT_SSML : HSE_INPUT_TEXT;
    r->watermark = b->watermark;
    r->lexicon = b->lexicon;
    r->lexicon_size = b->lexicon ? strlen(b->lexicon) : 0;
    r->mode = !b->mode ? HSE_MODE_ANY : strcmp(b->mode, "voice_cloning") == 0 ? HSE_MODE_CLONING : HSE_MODE_SINGLE;
    r->speed = factor(b->generation.speed, b->speed);
    r->pitch = factor(b->generation.pitch, (schema_number){0});
    r->energy = factor(b->generation.energy, (schema_number){0});
    r->style = b->generation.style;
    if (b->generation.seed.given) {
        r->has_seed = true;
        r->seed = (uint64_t)b->generation.seed.value;
    }
    s->out.input_tokens = characters(b->input, r->text_size);
    if (strspn(b->input, " \t\r\n") == r->text_size)
        return api_fail(&s->call->error, 400, "input", "input is empty");
    if (s->call->server->config && r->text_size > (size_t)s->call->server->config->max_text_kb << 10)
        return api_fail(&s->call->error, 413, "input", "input has %zu bytes, the limit is %lld KiB (--max-text)", r->text_size,
                        (long long)s->call->server->config->max_text_kb);
    if (b->generation.speed.given && b->speed.given)
        return api_fail(&s->call->error, 400, "speed", "speed is there twice: at the top and in generation_options");
    return true;
}

/* Whether bytes leave early. Peak loudness needs the last sample before the first; JSON needs the whole file; a filter behind the model
 * needs all its audio, but what it makes can leave as it is made. */
static bool choose_stream(speech *s)
{
    const speech_request *b = s->body;
    api_audio *a = &s->out;
    bool peak = a->loudness == HSE_LOUDNESS_PEAK;

    a->sse = b->stream_format && strcmp(b->stream_format, "sse") == 0;
    a->stream = a->sse || (a->binary && !peak &&
                           (b->output.stream.value || a->format != HSE_FORMAT_WAV || s->request.text_size > WHOLE_WAV_TEXT));
    if (b->output.stream.value && !a->stream)
        return api_fail(&s->call->error, 400, "output_options.stream", "output_options.stream goes with a binary answer (Accept: audio/*) "
                        "and without normalize: peak");
    s->request.stream = a->stream && !peak;
    return true;
}

/* The recording to clone, as the model shall hear it. */
static bool take_recording(speech *s)
{
    const speech_request *b = s->body;
    hse_audio *audio = &s->request.audio;
    hse_error err = {0};

    if (b->input_audio.size == 0 && b->pre_filters.count)
        return api_fail(&s->call->error, 400, "pre_processing_filters", "pre_processing_filters need input_audio, a recording to work on");
    if (b->input_audio.size) {
        if (!api_decode(s->call, &b->input_audio, "input_audio", 0, audio) ||
            !api_filters_run(&s->out, "pre_processing_filters", &b->pre_filters, b->pre_filters.count, &b->common, audio))
            return false;
        if (audio->n && hse_audio_first_bad(audio->samples, audio->n) == audio->n) {
            if (hse_audio_quality_of(&s->out.quality, audio, &err) != HSE_OK)
                return api_engine_error(s->call, &err, NULL);
            s->out.has_quality = true;
        }
    }
    return api_hearing_choose(s->call, b->vad_mode, b->vad_data, audio, &s->request, &s->hearing);
}

static bool prepare(speech *s)
{
    const speech_request *b = s->body;
    hse_request *r = &s->request;
    api_audio *a = &s->out;

    api_common(s->call, r, b->common.model, &b->common);
    api_audio_attach(a, r);
    a->binary = api_wants_bytes(s->call, speech_wants_binary(s->call->root));
    a->loudness = api_loudness(b->normalize);
    if (!take_text(s) || !api_audio_format(a, b->response_format, &b->output, a->binary || (b->stream_format && strcmp(b->stream_format, "sse") == 0)
                                                                                  ? "mp3" : "wav") ||
        !choose_stream(s) || !api_filters_check(s->call, "pre_processing_filters", &b->pre_filters) ||
        !api_filters_check(s->call, "post_generation_filters", &b->post_filters))
        return false;
    r->rate_hz = a->rate_hz;
    r->loudness = a->loudness;
    if (b->post_filters.count) {                        /* the filters get it as the model gives it; the last one makes the answer */
        r->rate_hz = 0;
        r->loudness = a->loudness == HSE_LOUDNESS_AUTO ? HSE_LOUDNESS_AUTO : HSE_LOUDNESS_NONE;
        r->stream = false;
    }
    if (!take_recording(s) || !api_embedding(s->call, &b->input_embedding, "input_embedding", &s->embedding, &r->embedding_size))
        return false;
    r->embedding = s->embedding;
    return api_voice_choose(s->call, r, b->voice, &s->voice) && api_voice_choose_in_text(s->call, r, &s->voice);
}

static bool open_job(speech *s, hse_request *r, hse_job **job)
{
    hse_error err = {0};

    hse_status status = hse_job_open(job, s->call->server->engine, r, &err);

    r->audio = (hse_audio){0};                          /* the job's, or freed */
    if (status == HSE_OK)
        return true;
    return api_engine_error(s->call, &err, NULL);
}

/* The speech through the filters behind it; *job becomes the last one's. */
static bool filter(speech *s, hse_job **job)
{
    const schema_list *filters = &s->body->post_filters;
    hse_audio audio = {0};
    hse_request r;
    hse_error err = {0};

    if (api_audio_collect(&s->out, *job, &audio, &err) != HSE_OK)
        return api_engine_error(s->call, &err, NULL);
    s->out.model = hse_job_result_get(*job)->model;     /* a slot's name: it outlives the job */
    hse_job_close(job);
    if (!api_filters_run(&s->out, "post_generation_filters", filters, filters->count - 1, &s->body->common, &audio)) {
        hse_audio_free(&audio);
        return false;
    }
    api_filter_request(&s->out, &r, filters, filters->count - 1, &s->body->common, &audio);
    r.rate_hz = s->out.rate_hz;
    r.loudness = s->out.loudness;
    r.stream = s->out.stream && s->out.loudness != HSE_LOUDNESS_PEAK;
    return open_job(s, &r, job);
}

bool api_speech(api_call *c)
{
    speech s = {.call = c, .body = c->body, .out = {.call = c, .prefix = "tts", .wait = {.fd = -1}}};
    hse_job *job = NULL;
    hse_error err = {0};
    bool ok = api_stream_open(&s.out.wait, c, &err) == HSE_OK || api_engine_error(c, &err, NULL);

    hse_request_init(&s.request, HSE_JOB_SPEAK);
    ok = ok && prepare(&s);
    if (!ok)
        hse_audio_free(&s.request.audio);
    ok = ok && open_job(&s, &s.request, &job);
    if (ok) {
        s.out.has_seed = true;
        s.out.seed = hse_job_result_get(job)->seed;
        ok = !s.body->post_filters.count || filter(&s, &job);
    }
    ok = ok && api_audio_answer(&s.out, job);
    hse_job_close(&job);
    api_stream_close(&s.out.wait);
    api_voice_free(&s.voice);
    api_hearing_free(&s.hearing);
    hse_free(s.embedding);
    return ok;
}
