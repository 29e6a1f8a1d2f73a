#include "server/filters.h"

#include "base/mem.h"
#include "formats/json.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { DATA_RATE = 16000, MAX_STRETCHES = 100000 };     /* rate of whole numbers in input_vad_data, as in /v1/audio/vad */

/* ---- filters ------------------------------------------------------------------------------------------------------- */

static const char *filter_model(const schema_list *filters, size_t i)
{
    const char *name = ((const filter_request *)filters->items)[i].model;

    return name && *name ? name : NULL;
}

static bool check_one(api_call *c, const hse_models *models, const char *param, const char *name)
{
    bool known = false, any = false;

    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);

        any |= m->restores && !m->problem;
        if (!name || strcmp(m->name, name) != 0)
            continue;
        if (m->restores && !m->problem)
            return true;
        known = true;
    }
    if (!name && any)
        return true;
    if (known)
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

/* ---- which detector ------------------------------------------------------------------------------------------------ */

/* "silero" and "whisper" stand for the first of that family, any other word is a model's name. */
static const char *detector_type(const char *mode)
{
    if (strcasecmp(mode, "silero") == 0)
        return "SileroVAD";
    if (strcasecmp(mode, "whisper") == 0 || strcasecmp(mode, "faster-whisper") == 0)
        return "FasterWhisper";
    return NULL;
}

/* The model's name, copied into out. */
static bool choose_detector(api_call *c, const char *mode, char *out, size_t size)
{
    const char *type = detector_type(mode);
    hse_models *models = NULL;
    hse_error err = {0};
    bool found = false;
    char list[160] = "";

    if (hse_models_open(&models, c->server->engine, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    for (size_t i = 0, at = 0; !found && i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);

        if (!m->detects || m->problem)
            continue;
        if (type ? strcmp(m->type, type) == 0 : strcmp(m->name, mode) == 0) {
            snprintf(out, size, "%s", m->name);
            found = true;
        } else if (at + 2 < sizeof list) {
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", m->name);
        }
    }
    hse_models_close(&models);
    return found || api_fail(&c->error, 400, "input_vad_mode", "input_vad_mode %.40s: no such detector is here; there are: %s", mode,
                             list[0] ? list : "none");
}

/* ---- stretches ----------------------------------------------------------------------------------------------------- */

/* Keep the stretches, which are in order, one after another. */
static void keep(hse_audio *audio, const hse_segment *s, size_t count)
{
    size_t to = 0;

    for (size_t i = 0; i < count; i++) {
        size_t from = (size_t)s[i].start, n = (size_t)(s[i].end - s[i].start);

        memmove(audio->samples + to, audio->samples + from, n * sizeof *audio->samples);
        to += n;
    }
    audio->n = to;
}

static bool detect(api_call *c, const char *mode, const common_fields *common, hse_audio *audio)
{
    char model[256];
    hse_request r;
    hse_job *job = NULL;
    hse_error err = {0};
    bool ok = true;

    if (!choose_detector(c, mode, model, sizeof model))
        return false;
    hse_request_init(&r, HSE_JOB_VAD);
    api_common(c, &r, model, common);
    r.audio = *audio;
    r.audio_borrowed = true;
    if (hse_job_open(&job, c->server->engine, &r, &err) != HSE_OK || hse_job_wait(job, &err) != HSE_OK) {
        ok = api_engine_error(c, &err, NULL);
    } else {
        const hse_job_result *got = hse_job_result_get(job);
        if (got->segment_count == 0)
            ok = api_fail(&c->error, 400, "input_audio", "input_audio: %.60s hears no speech in it", model);
        else
            keep(audio, got->segments, got->segment_count);
    }
    hse_job_close(&job);
    return ok;
}

static const char data_field[] = "input_vad_data";

static const json_t *list_of(const json_t *root)
{
    static const char *const names[] = {"timestamps", "segments"};

    if (json_is_array(root))
        return root;
    for (size_t i = 0; i < COUNT(names); i++)
        if (json_is_array(json_object_get(root, names[i])))
            return json_object_get(root, names[i]);
    return NULL;
}

/* Whole numbers that reach beyond the recording's seconds are samples at 16 kHz, all else is seconds. */
static bool in_samples(const json_t *list, const hse_audio *audio)
{
    double last = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *start = json_object_get(json_array_get(list, i), "start"), *end = json_object_get(json_array_get(list, i), "end");

        if (!json_is_integer(start) || !json_is_integer(end))
            return false;
        last = fmax(last, json_number_value(end));
    }
    return last > ceil((double)audio->n / audio->rate_hz);
}

static bool take_stretches(api_call *c, const json_t *list, hse_segment *out, const hse_audio *audio, size_t *count)
{
    double unit = in_samples(list, audio) ? (double)audio->rate_hz / DATA_RATE : audio->rate_hz;
    int64_t before = 0;

    *count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *start = json_object_get(json_array_get(list, i), "start"), *end = json_object_get(json_array_get(list, i), "end");
        double from = json_number_value(start) * unit, to = json_number_value(end) * unit;

        if (!json_is_number(start) || !json_is_number(end) || !(from >= 0) || !(to > from))
            return api_fail(&c->error, 400, data_field, "input_vad_data: entry %zu has no start before its end", i);
        hse_segment s = {(int64_t)llround(fmin(from, (double)audio->n)), (int64_t)llround(fmin(to, (double)audio->n))};
        if (s.start < before)
            return api_fail(&c->error, 400, data_field, "input_vad_data: entry %zu begins before the one before it ends", i);
        if (s.end > s.start)
            out[(*count)++] = s;
        before = s.end;
    }
    return *count || api_fail(&c->error, 400, data_field, "input_vad_data has no stretch of speech that lies inside the recording");
}

static bool cut(api_call *c, const char *data, hse_audio *audio)
{
    json_t *root = NULL;
    hse_error err = {0};
    size_t count = 0;

    if (hse_json_parse(&root, (hse_bytes){(const uint8_t *)data, strlen(data)}, data_field, NULL, &err) != HSE_OK)
        return api_engine_error(c, &err, data_field);
    const json_t *list = list_of(root);
    hse_segment *s = list && json_array_size(list) <= MAX_STRETCHES ? hse_calloc(json_array_size(list) + 1, sizeof *s) : NULL;
    bool ok = false;
    if (!list || json_array_size(list) > MAX_STRETCHES)
        api_fail(&c->error, 400, data_field, "input_vad_data must be an answer of /v1/audio/vad with timestamps, or such a list");
    else if (!s)
        api_fail(&c->error, 500, NULL, "not enough memory for this request");
    else
        ok = take_stretches(c, list, s, audio, &count);
    if (ok)
        keep(audio, s, count);
    hse_free(s);
    json_decref(root);
    return ok;
}

bool api_keep_speech(api_call *c, const char *mode, const char *data, const common_fields *common, hse_audio *audio)
{
    bool has_mode = mode && *mode && strcasecmp(mode, "none") != 0, has_data = data && *data;

    if (has_mode && has_data)
        return api_fail(&c->error, 400, "input_vad_mode", "input_vad_mode and input_vad_data exclude each other: find the speech, or say where it is");
    if ((has_mode || has_data) && audio->n == 0)
        return api_fail(&c->error, 400, has_mode ? "input_vad_mode" : data_field, "%s needs a recording in the request to look at",
                        has_mode ? "input_vad_mode" : data_field);
    if (has_mode)
        return detect(c, mode, common, audio);
    return !has_data || cut(c, data, audio);
}
