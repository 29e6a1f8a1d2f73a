#include "server/audio_answer.h"

#include "base/log.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

enum {
    PIECE = 2048,                           /* samples taken from the engine at a time */
    GROW_TO = 32768,                        /* samples of the largest chunk that is sent in one */
    ANSWER_MAX = 1 << 30,
    TOKENS_A_SECOND = 20,                   /* of audio, in the usage: OpenAI's 50 ms a token */
};

/* ---- what is asked for --------------------------------------------------------------------------------------------- */

bool api_audio_format(api_audio *a, const char *openai, const output_options *own, const char *fallback)
{
    const char *name = openai ? openai : own->format ? own->format : fallback;
    api_error *e = &a->call->error;

    if (openai && own->format && strcmp(openai, own->format) != 0)
        return api_fail(e, 400, "response_format", "response_format is %s but output_options.format is %s", openai, own->format);
    if (hse_audio_format_parse(name, &a->format) != HSE_OK)
        return api_fail(e, 400, "response_format", "response_format %s is not known", name);
    /* What was asked for, else 24 kHz where clients assume it, else the model's own. */
    a->rate_hz = own->sample_rate.given                                            ? (unsigned)own->sample_rate.value
                 : a->format == HSE_FORMAT_PCM || a->format == HSE_FORMAT_OPUS ? 24000
                                                                               : 0;
    return true;
}

/* Is there a type in the Accept value that begins so? */
static bool accept_names(http_slice accept, const char *prefix)
{
    size_t n = strlen(prefix);

    for (size_t i = 0; i + n <= accept.size; i++)
        if (strncasecmp(accept.data + i, prefix, n) == 0 && (i == 0 || accept.data[i - 1] == ',' || accept.data[i - 1] == ' '))
            return true;
    return false;
}

bool api_wants_bytes(const api_call *call, bool fallback)
{
    const http_request *r = http_job_request(call->job);
    http_slice accept = http_request_header(r, "accept");

    if (accept_names(accept, "audio/") || accept_names(accept, "application/octet-stream"))
        return true;
    if (accept_names(accept, "application/json") && !accept_names(accept, "*/*") && !http_request_header(r, "x-stainless-lang").data)
        return false;
    return fallback;
}

hse_loudness api_loudness(const char *normalize)
{
    return !normalize || strcmp(normalize, "auto") == 0 ? HSE_LOUDNESS_AUTO
           : strcmp(normalize, "none") == 0             ? HSE_LOUDNESS_NONE
                                                        : HSE_LOUDNESS_PEAK;
}

void api_audio_attach(api_audio *a, hse_request *r)
{
    r->notify = api_stream_notify;
    r->user = &a->wait;
}

/* ---- to the client ------------------------------------------------------------------------------------------------- */

static void put_headers(const api_audio *a, const hse_job_result *got)
{
    http_job *job = a->call->job;
    char text[64];

    if (a->has_seed) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)a->seed);
        http_job_header(job, "x-hse-seed", text);
    }
    http_job_header(job, "x-hse-model", a->model ? a->model : got->model);
    if (!a->has_quality)
        return;
    snprintf(text, sizeof text, "%.2f", a->quality.speech_seconds);
    http_job_header(job, "x-hse-input-speech-seconds", text);
    snprintf(text, sizeof text, "%.5f", a->quality.clipped);
    http_job_header(job, "x-hse-input-clipped", text);
    if (isfinite(a->quality.snr_db)) {
        snprintf(text, sizeof text, "%.1f", a->quality.snr_db);
        http_job_header(job, "x-hse-input-snr-db", text);
    }
}

/* What was encoded so far leaves, as bytes or as an event. */
static hse_status send(api_audio *a, hse_job *job, hse_buf *out, hse_error *err)
{
    hse_status s;
    hse_buf event;

    if (!a->wait.started) {
        put_headers(a, hse_job_result_get(job));
        api_answered_by(a->call, hse_job_result_get(job)->model);
    }
    if (!a->sse) {
        s = api_stream_write(&a->wait, hse_audio_format_mime(a->format), out->data, out->size, err);
    } else {
        hse_buf_init(&event, ANSWER_MAX);
        hse_buf_str(&event, "data: {\"type\":\"speech.audio.delta\",\"audio\":\"");
        hse_buf_base64(&event, out->data, out->size);
        hse_buf_str(&event, "\"}");
        s = api_stream_event(&a->wait, &event, err);
        hse_buf_free(&event);
    }
    hse_buf_clear(out);
    return s;
}

static hse_status wait_ready(api_audio *a, hse_job *job, hse_error *err)
{
    hse_status s = HSE_OK;

    while (s == HSE_OK && !hse_job_ready(job))
        s = api_stream_wait(&a->wait, err);
    return s == HSE_OK ? hse_job_wait(job, err) : s;
}

/* Everything the engine gives, through the encoder. When streaming, the first samples leave at once and each later chunk may be
 * twice as large as the one before, but nothing that is there waits for what is not: a player that has begun never runs dry
 * because of the size of a chunk. */
static hse_status pump(api_audio *a, hse_job *job, hse_buf *out, size_t *samples, hse_error *err)
{
    hse_encoder *encoder = NULL;
    float piece[PIECE];
    size_t n = 0, held = 0, target = PIECE;
    bool end = false;
    hse_status s = wait_ready(a, job, err);

    if (s == HSE_OK)
        s = hse_encoder_open(&encoder, a->format, (int)hse_job_result_get(job)->rate_hz, a->stream, err);
    while (s == HSE_OK && !end) {
        s = hse_job_read(job, piece, PIECE, &n, &end, false, err);
        if (s == HSE_OK)
            s = end ? hse_encoder_finish(encoder, out, err) : hse_encoder_push(encoder, piece, n, out, err);
        held += n;
        *samples += n;
        if (s == HSE_OK && a->stream && out->size && (end || n == 0 || held >= target)) {
            s = send(a, job, out, err);
            held = 0;
            target = target < GROW_TO ? 2 * target : GROW_TO;
        }
        if (s == HSE_OK && n == 0 && !end)
            s = api_stream_wait(&a->wait, err);
    }
    hse_encoder_close(&encoder);
    return s;
}

/* speech.audio.done, with OpenAI's usage: characters in, stretches of 50 ms out. */
static hse_status finish_events(api_audio *a, double seconds, hse_error *err)
{
    size_t out_tokens = (size_t)ceil(seconds * TOKENS_A_SECOND);
    hse_buf event;

    hse_buf_init(&event, 4096);
    hse_buf_printf(&event, "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":%zu,\"output_tokens\":%zu,\"total_tokens\":%zu}}",
                   a->input_tokens, out_tokens, a->input_tokens + out_tokens);
    hse_status s = api_stream_event(&a->wait, &event, err);
    hse_buf_free(&event);
    return s;
}

void api_quality_json(hse_buf *out, const char *name, const hse_audio_quality *q)
{
    hse_buf_printf(out, ",\"%s\":{\"seconds\":%.3f,\"speech_seconds\":%.2f,\"snr_db\":", name, q->seconds, q->speech_seconds);
    if (isfinite(q->snr_db))
        hse_buf_printf(out, "%.1f", q->snr_db);
    else
        hse_buf_str(out, "null");
    hse_buf_printf(out, ",\"clipped\":%.5f}", q->clipped);
}

static bool answer_json(api_audio *a, hse_job *job, const hse_buf *audio)
{
    const hse_job_result *got = hse_job_result_get(job);
    const char *model = a->model ? a->model : got->model;
    hse_buf out;

    put_headers(a, got);
    hse_buf_init(&out, (size_t)ANSWER_MAX * 2);
    hse_buf_printf(&out, "{\"id\":\"%s-%s\",\"created\":%lld,\"model\":", a->prefix, a->call->id, (long long)time(NULL));
    api_json_string(&out, model, strlen(model));
    hse_buf_str(&out, ",\"data\":\"");
    hse_buf_base64(&out, audio->data, audio->size);
    hse_buf_byte(&out, '"');
    if (a->has_quality)
        api_quality_json(&out, "input_quality", &a->quality);
    hse_buf_byte(&out, '}');
    return api_answer_json(a->call, &out);
}

static bool answer_whole(api_audio *a, hse_job *job, hse_buf *audio)
{
    size_t size = 0;

    api_answered_by(a->call, hse_job_result_get(job)->model);
    if (!a->binary)
        return answer_json(a, job, audio);
    put_headers(a, hse_job_result_get(job));
    char *data = hse_buf_take(audio, &size);
    if (!data)
        return api_fail(&a->call->error, 500, NULL, "not enough memory for this request");
    http_job_answer_take(a->call->job, 200, hse_audio_format_mime(a->format), data, size, hse_free);
    return true;
}

bool api_audio_answer(api_audio *a, hse_job *job)
{
    hse_error err = {0};
    hse_buf out;
    size_t samples = 0;
    bool ok = true;

    a->wait.events = a->sse;
    hse_buf_init(&out, ANSWER_MAX);
    hse_status s = pump(a, job, &out, &samples, &err);
    if (s == HSE_OK && a->sse)
        s = finish_events(a, (double)samples / fmax(hse_job_result_get(job)->rate_hz, 1), &err);
    if (s != HSE_OK && a->wait.started)
        api_stream_fail(&a->wait, &err);
    else if (s != HSE_OK)
        ok = api_engine_error(a->call, &err, NULL);
    else if (a->stream)
        http_job_finish(a->call->job);
    else
        ok = answer_whole(a, job, &out);
    hse_buf_free(&out);
    return ok;
}

hse_status api_audio_collect(api_audio *a, hse_job *job, hse_audio *out, hse_error *err)
{
    hse_buf all;
    size_t n = 0, size = 0;
    bool end = false;
    hse_status s = wait_ready(a, job, err);

    hse_buf_init(&all, ANSWER_MAX);
    while (s == HSE_OK && !end) {
        float piece[PIECE];

        s = hse_job_read(job, piece, PIECE, &n, &end, false, err);
        if (s == HSE_OK)
            hse_buf_append(&all, piece, n * sizeof *piece);
        if (s == HSE_OK)
            s = hse_buf_status(&all, "the audio", err);
        if (s == HSE_OK && n == 0 && !end)
            s = api_stream_wait(&a->wait, err);
    }
    if (s == HSE_OK) {
        char *data = hse_buf_take(&all, &size);

        *out = (hse_audio){.samples = (float *)(void *)data, .n = size / sizeof(float), .rate_hz = (int)hse_job_result_get(job)->rate_hz,
                           .channels = 1};
    }
    hse_buf_free(&all);
    return s;
}
