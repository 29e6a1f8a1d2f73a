/* speech.c - POST /v1/audio/speech, in OpenAI's form (binary, streamed) and in HSE's (JSON with base64). */
#include "server/api.h"

#include "audio/encode.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

enum {
    PIECE = 4096,                   /* samples taken from the engine at a time */
    WRITE_TIMEOUT_MS = 30000,
    WHOLE_WAV_TEXT = 1000,          /* a wav answer to a text up to this long is sent whole, so that its header has the true sizes */
    ANSWER_MAX = 1 << 30,
};

typedef struct {
    api_call      *call;
    const speech_request *body;
    hse_request    request;
    bool           binary, stream;
    hse_audio_format format;
    char           voice[128];      /* the model's own name of one of OpenAI's voices */
} speech;

/* OpenAI's thirteen names stand for the model's voices in turn, in this order. */
static const char *const openai_voices[] = {"alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer",
                                            "verse", "marin", "cedar"};

static const hse_model_info *speech_model(const hse_models *models, const char *name)
{
    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        if (m->speaks && !m->problem && (!name || strcmp(m->name, name) == 0))
            return m;
    }
    return NULL;
}

/* Check the voice against the model's list; a model that is not there is left to the engine, which says so. */
static bool choose_voice(speech *s)
{
    const char *want = s->body->voice;
    hse_models *models = NULL;
    hse_error err = {0};
    bool ok = true;

    if (!want || !*want)
        return true;
    if (hse_models_open(&models, s->call->server->engine, &err) != HSE_OK)
        return api_engine_error(s->call, &err, NULL);
    const hse_model_info *m = speech_model(models, s->request.model);
    bool found = !m;
    for (size_t i = 0; m && i < m->voice_count; i++)
        found = found || strcmp(m->voices[i], want) == 0;
    for (size_t i = 0; m && !found && i < COUNT(openai_voices); i++)
        if (strcmp(openai_voices[i], want) == 0 && m->voice_count) {
            snprintf(s->voice, sizeof s->voice, "%s", m->voices[i % m->voice_count]);
            want = s->voice;
            found = true;
        }
    if (!found && m->voice_count == 0) {
        ok = api_fail(&s->call->error, 400, "voice", "this model has no voices; send input_audio, a recording to clone");
    } else if (!found) {
        char list[160] = "";
        for (size_t i = 0, at = 0; i < m->voice_count && at + 2 < sizeof list; i++)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", m->voices[i]);
        ok = api_fail(&s->call->error, 400, "voice", "voice \"%.40s\" is not known; this model has %s", s->body->voice, list);
    }
    s->request.voice = want;
    hse_models_close(&models);
    return ok;
}

static bool choose_format(speech *s)
{
    const char *openai = s->body->response_format, *own = s->body->output.format;
    const char *name = openai ? openai : own ? own : s->binary ? "mp3" : "wav";

    if (openai && own && strcmp(openai, own) != 0)
        return api_fail(&s->call->error, 400, "response_format", "response_format is %s but output_options.format is %s", openai, own);
    if (hse_audio_format_parse(name, &s->format) != HSE_OK)
        return api_fail(&s->call->error, 400, "response_format", "response_format %s is not known", name);
    if (s->body->stream_format && strcmp(s->body->stream_format, "sse") == 0) {
        api_fail(&s->call->error, 400, "stream_format", "stream_format sse is not supported yet; audio is");
        s->call->error.code = "unsupported";
        return false;
    }
    return true;
}

/* Rates: what was asked for, else 24 kHz where clients assume it, else the model's own (0). */
static unsigned choose_rate(const speech *s)
{
    if (s->body->output.sample_rate.given)
        return (unsigned)s->body->output.sample_rate.value;
    return s->format == HSE_FORMAT_PCM || s->format == HSE_FORMAT_OPUS ? 24000 : 0;
}

/* HSE's zero and OpenAI's absent both mean "as it is". */
static float factor(schema_number a, schema_number b)
{
    return (float)(a.given && a.value > 0 ? a.value : b.given && b.value > 0 ? b.value : 1);
}

static bool take_embedding(speech *s)
{
    const hse_buf *b = &s->body->input_embedding;

    if (b->size == 0)
        return true;
    if (b->size % sizeof(float))
        return api_fail(&s->call->error, 400, "input_embedding", "input_embedding has %zu bytes, not a whole number of float32", b->size);
    float *values = hse_alloc(b->size);
    if (!values)
        return api_fail(&s->call->error, 500, NULL, "not enough memory for this request");
    memcpy(values, b->data, b->size);
    s->request.embedding = values;
    s->request.embedding_size = b->size / sizeof(float);
    return true;
}

static bool check(speech *s)
{
    const speech_request *b = s->body;
    hse_request *r = &s->request;
    const char *text_mode = b->text_normalization ? b->text_normalization : atomic_load(&s->call->server->text_normalization);

    api_common(s->call, r, api_model_name(b->common.model), &b->common);
    r->language = b->language;
    r->text = b->input;
    r->text_size = strlen(b->input);
    r->mode = !b->mode ? HSE_MODE_ANY : strcmp(b->mode, "voice_cloning") == 0 ? HSE_MODE_CLONING : HSE_MODE_SINGLE;
    r->speed = factor(b->generation.speed, b->speed);
    r->pitch = factor(b->generation.pitch, (schema_number){0});
    r->energy = factor(b->generation.energy, (schema_number){0});
    r->text_mode = !text_mode || strcmp(text_mode, "on") == 0 ? HSE_TEXT_NORMALIZE
                   : strcmp(text_mode, "off") == 0            ? HSE_TEXT_OFF
                                                              : HSE_TEXT_REFERENCE;
    r->loudness = !b->normalize || strcmp(b->normalize, "auto") == 0 ? HSE_LOUDNESS_AUTO
                  : strcmp(b->normalize, "none") == 0                ? HSE_LOUDNESS_NONE
                                                                     : HSE_LOUDNESS_PEAK;
    if (strspn(b->input, " \t\r\n") == r->text_size)
        return api_fail(&s->call->error, 400, "input", "input is empty");
    if (b->generation.speed.given && b->speed.given)
        return api_fail(&s->call->error, 400, "speed", "speed is there twice: at the top and in generation_options");
    if (!choose_format(s) || !choose_voice(s) || !take_embedding(s))
        return false;
    r->rate_hz = choose_rate(s);
    /* Peak loudness needs the last sample before the first; JSON needs the whole file. */
    s->stream = s->binary && r->loudness != HSE_LOUDNESS_PEAK &&
                (b->output.stream.value || s->format != HSE_FORMAT_WAV || r->text_size > WHOLE_WAV_TEXT);
    if (b->output.stream.value && !s->stream)
        return api_fail(&s->call->error, 400, "output_options.stream", "output_options.stream goes with a binary answer (Accept: audio/*) "
                        "and without normalize: peak");
    r->stream = s->stream;
    if (b->generation.seed.given) {
        r->has_seed = true;
        r->seed = (uint64_t)b->generation.seed.value;
    }
    return b->input_audio.size == 0 || api_decode(s->call, &b->input_audio, "input_audio", 0, &r->audio);
}

static bool start_answer(speech *s, hse_job *job)
{
    const hse_job_result *got = hse_job_result_get(job);
    char seed[32];

    snprintf(seed, sizeof seed, "%llu", (unsigned long long)got->seed);
    http_job_header(s->call->job, "x-hse-seed", seed);
    http_job_header(s->call->job, "x-hse-model", got->model);
    api_answered_by(s->call, got->model);
    return !s->stream || http_job_start(s->call->job, 200, hse_audio_format_mime(s->format)) == HSE_OK;
}

/* Everything the engine gives, through the encoder: written as it comes when streaming, else collected in `out`. */
static hse_status pump(speech *s, hse_job *job, hse_buf *out, bool *started, hse_error *err)
{
    hse_encoder *encoder = NULL;
    float piece[PIECE];
    size_t n = 0;
    bool end = false;
    hse_status status = hse_job_wait(job, err);

    if (status == HSE_OK)
        status = hse_encoder_open(&encoder, s->format, (int)hse_job_result_get(job)->rate_hz, s->stream, err);
    while (status == HSE_OK && !end) {
        status = hse_job_read(job, piece, PIECE, &n, &end, true, err);
        if (status == HSE_OK)
            status = end ? hse_encoder_finish(encoder, out, err) : hse_encoder_push(encoder, piece, n, out, err);
        if (status != HSE_OK || !s->stream || out->size == 0)
            continue;
        if (!*started && !(*started = start_answer(s, job)))
            status = hse_fail(err, HSE_E_CANCELLED, 0, "the client has gone");
        else
            status = http_job_write(s->call->job, hse_buf_text(out), out->size, WRITE_TIMEOUT_MS);
        hse_buf_clear(out);
    }
    hse_encoder_close(&encoder);
    return status;
}

static bool answer_json(speech *s, hse_job *job, const hse_buf *audio)
{
    const hse_job_result *got = hse_job_result_get(job);
    hse_buf out;

    hse_buf_init(&out, (size_t)ANSWER_MAX * 2);
    hse_buf_printf(&out, "{\"id\":\"tts-%s\",\"created\":%lld,\"model\":", s->call->id, (long long)time(NULL));
    api_json_string(&out, got->model, strlen(got->model));
    hse_buf_str(&out, ",\"data\":\"");
    hse_buf_base64(&out, audio->data, audio->size);
    hse_buf_str(&out, "\"}");
    return api_answer_json(s->call, &out);
}

static bool answer(speech *s, hse_job *job)
{
    hse_error err = {0};
    hse_buf out;
    bool started = false;

    hse_buf_init(&out, ANSWER_MAX);
    hse_status status = pump(s, job, &out, &started, &err);
    if (status != HSE_OK) {
        hse_buf_free(&out);
        if (!started)
            return api_engine_error(s->call, &err, NULL);
        hse_log(HSE_LOG_WARN, "server", s->call->id, "the answer was cut: %s", err.text);
        http_job_fail(s->call->job, 500, "the answer was cut");
        return true;
    }
    if (s->stream) {
        http_job_finish(s->call->job);
    } else if (start_answer(s, job)) {
        size_t size = 0;
        if (!s->binary) {
            bool ok = answer_json(s, job, &out);
            hse_buf_free(&out);
            return ok;
        }
        char *data = hse_buf_take(&out, &size);
        http_job_answer_take(s->call->job, 200, hse_audio_format_mime(s->format), data, size, hse_free);
    }
    hse_buf_free(&out);
    return true;
}

bool api_speech(api_call *c)
{
    speech s = {.call = c, .body = c->body};
    hse_job *job = NULL;
    hse_error err = {0};

    hse_request_init(&s.request, HSE_JOB_SPEAK);
    s.binary = speech_wants_binary(http_request_header(http_job_request(c->job), "accept"), c->root);
    bool ok = check(&s);
    if (!ok)
        hse_audio_free(&s.request.audio);
    else if (hse_job_open(&job, c->server->engine, &s.request, &err) != HSE_OK)
        ok = api_engine_error(c, &err, err.status == HSE_E_NOT_FOUND ? "model" : NULL);
    else
        ok = answer(&s, job);
    hse_job_close(&job);
    union { const float *c; void *v; } embedding = {.c = s.request.embedding};
    hse_free(embedding.v);
    return ok;
}
