/* hearing.c - where in the recording that gives a voice is speech, as a request says it. */
#include "server/hearing.h"

#include "base/mem.h"
#include "formats/json.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { DATA_RATE = 16000, MAX_STRETCHES = 100000 };     /* rate of whole numbers in input_vad_data, as in /v1/audio/vad */

static const char data_field[] = "input_vad_data";

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
    hse_model_choice choice;
    hse_models *models = NULL;
    hse_error err = {0};
    bool found = false;
    char list[160] = "";

    if (hse_models_open(&models, c->server->engine, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    if (!type && hse_models_find(&choice, models, c->server->engine, HSE_JOB_VAD, mode, &err) == HSE_OK && !choice.info->problem) {
        snprintf(out, size, "%s", choice.name);
        found = true;
    }
    for (size_t i = 0, at = 0; !found && i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);

        if (!hse_model_does(m, HSE_JOB_VAD))
            continue;
        if (type && strcmp(m->type, type) == 0) {
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

/* A recogniser's segments may overlap, as it heard them; a detector's do not. */
static bool take_stretches(api_call *c, const json_t *list, hse_transcript_segment *out, const hse_audio *audio, size_t *count)
{
    double unit = in_samples(list, audio) ? DATA_RATE : 1, before = 0, length = (double)audio->n / audio->rate_hz;
    bool inside = false;

    *count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i), *start = json_object_get(entry, "start"), *end = json_object_get(entry, "end");
        hse_transcript_segment s = {.start = json_number_value(start) / unit, .end = json_number_value(end) / unit,
                                    .text = json_string_value(json_object_get(entry, "text"))};

        if (!json_is_number(start) || !json_is_number(end) || !(s.end > s.start) || (!s.text && !(s.start >= 0)))
            return api_fail(&c->error, 400, data_field, "input_vad_data: entry %zu has no start before its end", i);
        if (!s.text && s.start < before)
            return api_fail(&c->error, 400, data_field, "input_vad_data: entry %zu begins before the one before it ends", i);
        out[(*count)++] = s;
        before = s.end;
        inside |= s.start < length && s.end > 0;
    }
    return inside || api_fail(&c->error, 400, data_field, "input_vad_data has no stretch of speech that lies inside the recording");
}

static bool take_data(api_call *c, const char *data, const hse_audio *audio, hse_request *r, api_hearing *out)
{
    hse_error err = {0};

    if (hse_json_parse(&out->root, (hse_bytes){(const uint8_t *)data, strlen(data)}, data_field, NULL, &err) != HSE_OK)
        return api_engine_error(c, &err, data_field);
    const json_t *list = list_of(out->root);
    if (!list || json_array_size(list) > MAX_STRETCHES)
        return api_fail(&c->error, 400, data_field, "input_vad_data must be an answer of /v1/audio/vad with timestamps, a transcript with "
                        "segments, or such a list");
    if (!(out->said = hse_calloc(json_array_size(list) + 1, sizeof *out->said)))
        return api_fail(&c->error, 500, NULL, "not enough memory for this request");
    r->said = out->said;
    r->has_said = true;
    return take_stretches(c, list, out->said, audio, &r->said_count);
}

bool api_hearing_choose(api_call *c, const char *mode, const char *data, const hse_audio *audio, hse_request *r, api_hearing *out)
{
    bool has_mode = mode && *mode && strcasecmp(mode, "none") != 0, has_data = data && *data;

    if (has_mode && has_data)
        return api_fail(&c->error, 400, "input_vad_mode", "input_vad_mode and input_vad_data exclude each other: find the speech, or say where it is");
    if ((has_mode || has_data) && audio->n == 0)
        return api_fail(&c->error, 400, has_mode ? "input_vad_mode" : data_field, "%s needs a recording in the request to look at",
                        has_mode ? "input_vad_mode" : data_field);
    if (has_mode) {
        r->finder = out->finder;
        return choose_detector(c, mode, out->finder, sizeof out->finder);
    }
    return !has_data || take_data(c, data, audio, r, out);
}

void api_hearing_free(api_hearing *h)
{
    hse_free(h->said);
    json_decref(h->root);
    *h = (api_hearing){.root = NULL};
}
