#include "server/filters.h"

#include "audio/resample.h"
#include "base/mem.h"

#include <stdio.h>

/* ---- filters ------------------------------------------------------------------------------------------------------- */

static const char *filter_model(const schema_list *filters, size_t i)
{
    const char *name = ((const filter_request *)filters->items)[i].model;

    return name && *name ? name : NULL;
}

static bool check_one(api_call *c, hse_models *models, const char *param, const char *name)
{
    hse_model_choice m;
    hse_error err = {0};
    hse_status s = hse_models_find(&m, models, c->server->engine, HSE_JOB_RESTORE, name, &err);

    if (s == HSE_OK && m.info->problem)
        return api_fail(&c->error, 400, param, "%.60s cannot be used; GET /v1/models/%.60s says why", m.info->name, m.info->name);
    if (s == HSE_OK)
        return true;
    if (s == HSE_E_UNSUPPORTED && name)
        return api_fail(&c->error, 400, param, "%.60s does not restore audio; filters are models of /v1/audio/convert/models", name);
    if (name)
        api_fail(&c->error, 404, param, "no model \"%.60s\" is here; filters are models of /v1/audio/convert/models", name);
    else
        api_fail(&c->error, 404, param, "no model that restores audio is here, so there is nothing to filter with");
    c->error.code = "model_not_found";
    return false;
}

bool api_filters_check(api_call *c, const char *field, const schema_list *filters)
{
    hse_models *models = NULL;
    hse_error err = {0};
    bool ok = true;

    if (filters->count == 0)
        return true;
    if (hse_models_open(&models, c->server->engine, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    for (size_t i = 0; ok && i < filters->count; i++) {
        char param[64];

        snprintf(param, sizeof param, "%s[%zu].model", field, i);
        ok = check_one(c, models, param, filter_model(filters, i));
    }
    hse_models_close(&models);
    return ok;
}

void api_filter_request(api_audio *a, hse_request *r, const schema_list *filters, size_t i, const common_fields *common,
                        hse_audio *audio)
{
    hse_request_init(r, HSE_JOB_RESTORE);
    api_common(a->call, r, filter_model(filters, i), common);
    api_audio_attach(a, r);
    r->audio = *audio;
    *audio = (hse_audio){0};
}

bool api_filters_run(api_audio *a, const char *field, const schema_list *filters, size_t count, const common_fields *common,
                     hse_audio *audio)
{
    bool ok = true;

    for (size_t i = 0; ok && i < count; i++) {
        hse_request r;
        hse_job *job = NULL;
        hse_error err = {0};
        char param[64];

        snprintf(param, sizeof param, "%s[%zu]", field, i);
        api_filter_request(a, &r, filters, i, common, audio);
        if (hse_job_open(&job, a->call->server->engine, &r, &err) != HSE_OK || api_audio_collect(a, job, audio, &err) != HSE_OK)
            ok = api_engine_error(a->call, &err, err.status == HSE_E_ARG ? param : NULL);
        hse_job_close(&job);
    }
    return ok;
}

static bool at_rate(api_call *c, int rate_hz, hse_audio *audio)
{
    hse_audio out = {.rate_hz = rate_hz, .channels = 1};
    hse_error err = {0};

    if (rate_hz == 0 || audio->rate_hz == rate_hz)
        return true;
    if (hse_resample(&out.samples, &out.n, audio->samples, audio->n, audio->rate_hz, rate_hz, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    hse_audio_free(audio);
    *audio = out;
    return true;
}

bool api_filters_decode(api_call *c, const hse_buf *bytes, const char *param, int rate_hz, const schema_list *filters,
                        const common_fields *common, hse_audio *out)
{
    static const char field[] = "pre_processing_filters";
    api_audio a = {.call = c, .wait = {.fd = -1}};
    hse_error err = {0};

    if (filters->count == 0)
        return api_decode(c, bytes, param, rate_hz, out);
    if (!api_filters_check(c, field, filters) || !api_decode(c, bytes, param, 0, out))
        return false;
    bool ok = api_stream_open(&a.wait, c, &err) == HSE_OK || api_engine_error(c, &err, NULL);
    ok = ok && api_filters_run(&a, field, filters, filters->count, common, out) && at_rate(c, rate_hz, out);
    api_stream_close(&a.wait);
    if (!ok)
        hse_audio_free(out);
    return ok;
}
