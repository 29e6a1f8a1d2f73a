/* vad.c - POST /v1/audio/vad: where is speech? Times are samples at 16 kHz (or seconds), as HSE's. */
#include "server/filters.h"

#include <time.h>

/* HSE decodes to 16 kHz before it looks for speech, so its samples count at that rate whatever was sent. */
enum { VAD_RATE = 16000 };

static void options_from(hse_vad_options *o, const vad_request *body)
{
    const struct { schema_number from; double *to; } map[] = {
        {body->threshold, &o->threshold},
        {body->neg_threshold, &o->neg_threshold},
        {body->min_speech_duration_ms, &o->min_speech_ms},
        {body->min_silence_duration_ms, &o->min_silence_ms},
        {body->speech_pad_ms, &o->pad_ms},
        {body->max_speech_duration_s, &o->max_speech_s},
    };

    for (size_t i = 0; i < COUNT(map); i++)
        if (map[i].from.given)
            *map[i].to = map[i].from.value;
}

static void write_segments(hse_buf *out, const hse_job_result *got, bool seconds)
{
    hse_buf_str(out, ",\"timestamps\":[");
    for (size_t i = 0; i < got->segment_count; i++) {
        const hse_segment *s = &got->segments[i];
        if (seconds)                        /* tenths, as upstream's time_resolution of 1 */
            hse_buf_printf(out, "%s{\"start\":%.1f,\"end\":%.1f}", i ? "," : "", (double)s->start / VAD_RATE,
                           (double)s->end / VAD_RATE);
        else
            hse_buf_printf(out, "%s{\"start\":%lld,\"end\":%lld}", i ? "," : "", (long long)s->start, (long long)s->end);
    }
    hse_buf_str(out, "]");
}

bool api_vad(api_call *c)
{
    const vad_request *body = c->body;
    hse_request r;
    hse_job *job = NULL;
    hse_error err = {0};

    hse_request_init(&r, HSE_JOB_VAD);
    api_common(c, &r, body->common.model, &body->common);
    options_from(&r.vad, body);
    bool ok = api_filters_decode(c, &body->input_audio, "input_audio", VAD_RATE, &body->pre_filters, &body->common, &r.audio);
    if (ok && (hse_job_open(&job, c->server->engine, &r, &err) != HSE_OK || hse_job_wait(job, &err) != HSE_OK))
        ok = api_engine_error(c, &err, NULL);
    if (ok) {
        const hse_job_result *got = hse_job_result_get(job);
        hse_buf out;
        api_answered_by(c, got->model);
        hse_buf_init(&out, 64u << 20);
        hse_buf_printf(&out, "{\"id\":\"stt-%s\",\"created\":%lld,\"model\":", c->id, (long long)time(NULL));
        api_json_string(&out, got->model, strlen(got->model));
        hse_buf_printf(&out, ",\"speech_activity\":%s", got->segment_count ? "true" : "false");
        if (body->get_timestamps.value)
            write_segments(&out, got, body->return_seconds.value);
        else
            hse_buf_str(&out, ",\"timestamps\":null");
        hse_buf_str(&out, "}");
        ok = api_answer_json(c, &out);
    }
    hse_job_close(&job);
    return ok;
}
