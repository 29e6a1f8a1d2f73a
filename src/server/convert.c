/* convert.c - audio to audio: POST /v1/voice/convert (another voice) and POST /v1/audio/convert (damaged speech made whole), in
 * HSE's JSON and as forms with a binary answer. */
#include "server/convert.h"
#include "server/filters.h"
#include "server/hearing.h"
#include "server/voice.h"

#include "base/mem.h"

#include <string.h>

typedef struct {
    api_call   *call;
    hse_request request;
    api_audio   out;
    api_voice   voice;
    api_hearing hearing;
    float      *embedding;
} conversion;

static void finish(conversion *v, hse_job **job)
{
    hse_audio_free(&v->request.audio);                  /* still here when no job was opened */
    hse_audio_free(&v->request.target);
    hse_job_close(job);
    api_stream_close(&v->out.wait);
    api_voice_free(&v->voice);
    api_hearing_free(&v->hearing);
    hse_free(v->embedding);
}

/* Format, rate, loudness, and whether it streams. A form is answered in bytes, JSON in JSON, unless Accept says otherwise. */
static bool choose_answer(conversion *v, const char *response_format, const char *normalize, const output_options *own)
{
    api_audio *a = &v->out;

    a->binary = api_wants_bytes(v->call, v->call->form != NULL);
    a->loudness = api_loudness(normalize);
    if (!api_audio_format(a, response_format, own, "wav"))
        return false;
    bool peak = a->loudness == HSE_LOUDNESS_PEAK;
    a->stream = a->binary && !peak && (own->stream.value || a->format != HSE_FORMAT_WAV);
    if (own->stream.value && !a->stream)
        return api_fail(&v->call->error, 400, "output_options.stream", "output_options.stream goes with a binary answer (Accept: audio/*) "
                        "and without normalize: peak");
    return true;
}

static void set_answer(conversion *v, hse_request *r)
{
    r->rate_hz = v->out.rate_hz;
    r->loudness = v->out.loudness;
    r->stream = v->out.stream;
}

static bool open_job(conversion *v, hse_request *r, hse_job **job)
{
    hse_error err = {0};

    hse_status status = hse_job_open(job, v->call->server->engine, r, &err);

    r->audio = r->target = (hse_audio){0};              /* the job's, or freed */
    if (status == HSE_OK)
        return true;
    return api_engine_error(v->call, &err, NULL);
}

/* ---- restoring ----------------------------------------------------------------------------------------------------- */

bool api_restore(api_call *c)
{
    const restore_request *b = c->body;
    conversion v = {.call = c, .out = {.call = c, .prefix = "ac", .wait = {.fd = -1}}};
    hse_job *job = NULL;
    hse_error err = {0};
    bool ok = api_stream_open(&v.out.wait, c, &err) == HSE_OK || api_engine_error(c, &err, NULL);

    hse_request_init(&v.request, HSE_JOB_RESTORE);
    v.request.restore_mode = (int)b->mode.value;
    api_common(c, &v.request, b->common.model, &b->common);
    api_audio_attach(&v.out, &v.request);
    ok = ok && choose_answer(&v, b->response_format, b->normalize, &b->output);
    set_answer(&v, &v.request);
    ok = ok && api_decode(c, &b->source_audio, "source_audio", 0, &v.request.audio) && open_job(&v, &v.request, &job) &&
         api_audio_answer(&v.out, job);
    finish(&v, &job);
    return ok;
}

/* ---- another voice ------------------------------------------------------------------------------------------------- */

static bool only_seed(conversion *v, const generation_options *g)
{
    const struct { const char *name; schema_number n; } fields[] = {
        {"generation_options.speed", g->speed}, {"generation_options.pitch", g->pitch}, {"generation_options.energy", g->energy}};

    for (size_t i = 0; i < COUNT(fields); i++)
        if (fields[i].n.given && fields[i].n.value != 0 && fields[i].n.value != 1) {
            api_fail(&v->call->error, 400, fields[i].name, "%s is not supported: a conversion keeps how it was said", fields[i].name);
            v->call->error.code = "unsupported";
            return false;
        }
    if (g->style && *g->style) {
        api_fail(&v->call->error, 400, "generation_options.style", "generation_options.style is not supported: a conversion keeps how it was said");
        v->call->error.code = "unsupported";
        return false;
    }
    v->request.has_seed = g->seed.given;
    v->request.seed = (uint64_t)g->seed.value;
    return true;
}

static bool take_target(conversion *v, const convert_request *b)
{
    hse_request *r = &v->request;
    hse_audio *target = &r->target;
    hse_error err = {0};
    int given = (b->target_audio.size != 0) + (b->target_embedding.size != 0) + (b->voice && *b->voice);

    if (given != 1)
        return api_fail(&v->call->error, 400, "target_audio", given ? "target_audio, target_embedding and voice exclude each other: send one of them"
                                                                    : "whose voice? send target_audio, target_embedding or voice");
    if (b->target_audio.size) {
        if (!api_decode(v->call, &b->target_audio, "target_audio", 0, target) ||
            !api_filters_run(&v->out, "pre_processing_filters", &b->pre_filters, b->pre_filters.count, &b->common, target))
            return false;
        if (target->n && hse_audio_first_bad(target->samples, target->n) == target->n) {
            if (hse_audio_quality_of(&v->out.quality, target, &err) != HSE_OK)
                return api_engine_error(v->call, &err, NULL);
            v->out.has_quality = true;
        }
    }
    if (!api_hearing_choose(v->call, b->vad_mode, b->vad_data, target, r, &v->hearing) ||
        !api_embedding(v->call, &b->target_embedding, "target_embedding", &v->embedding, &r->embedding_size))
        return false;
    r->embedding = v->embedding;
    return api_voice_choose(v->call, r, b->voice, &v->voice);
}

static bool prepare(conversion *v, const convert_request *b)
{
    hse_request *r = &v->request;

    api_common(v->call, r, b->common.model, &b->common);
    api_audio_attach(&v->out, r);
    if (!only_seed(v, &b->generation) || !choose_answer(v, b->response_format, b->normalize, &b->output) ||
        !api_filters_check(v->call, "pre_processing_filters", &b->pre_filters) ||
        !api_filters_check(v->call, "post_generation_filters", &b->post_filters))
        return false;
    set_answer(v, r);
    r->watermark = b->watermark;
    if (b->post_filters.count) {
        r->rate_hz = 0;
        r->loudness = v->out.loudness == HSE_LOUDNESS_AUTO ? HSE_LOUDNESS_AUTO : HSE_LOUDNESS_NONE;
        r->stream = false;
    }
    return api_decode(v->call, &b->source_audio, "source_audio", 0, &r->audio) &&
           api_filters_run(&v->out, "pre_processing_filters", &b->pre_filters, b->pre_filters.count, &b->common, &r->audio) &&
           take_target(v, b);
}

static bool filter(conversion *v, const convert_request *b, hse_job **job)
{
    size_t last = b->post_filters.count - 1;
    hse_audio audio = {0};
    hse_request r;
    hse_error err = {0};

    if (api_audio_collect(&v->out, *job, &audio, &err) != HSE_OK)
        return api_engine_error(v->call, &err, NULL);
    v->out.model = hse_job_result_get(*job)->model;
    hse_job_close(job);
    if (!api_filters_run(&v->out, "post_generation_filters", &b->post_filters, last, &b->common, &audio)) {
        hse_audio_free(&audio);
        return false;
    }
    api_filter_request(&v->out, &r, &b->post_filters, last, &b->common, &audio);
    set_answer(v, &r);
    return open_job(v, &r, job);
}

bool api_convert(api_call *c)
{
    const convert_request *b = c->body;
    conversion v = {.call = c, .out = {.call = c, .prefix = "vc", .wait = {.fd = -1}}};
    hse_job *job = NULL;
    hse_error err = {0};
    bool ok = api_stream_open(&v.out.wait, c, &err) == HSE_OK || api_engine_error(c, &err, NULL);

    hse_request_init(&v.request, HSE_JOB_CONVERT);
    ok = ok && prepare(&v, b) && open_job(&v, &v.request, &job);
    if (ok) {
        v.out.has_seed = true;
        v.out.seed = hse_job_result_get(job)->seed;
        ok = !b->post_filters.count || filter(&v, b, &job);
    }
    ok = ok && api_audio_answer(&v.out, job);
    finish(&v, &job);
    return ok;
}
