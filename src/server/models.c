/* models.c - the lists: /v1/models, and per task with languages and voices. */
#include "server/api.h"

#include <stdio.h>

/* The lists by task. */
static const struct {
    const char *path;
    hse_job_kind kind;
} tasks[] = {
    {"/v1/audio/speech/models", HSE_JOB_SPEAK},          {"/v1/embed/models", HSE_JOB_EMBED},
    {"/v1/audio/vad/models", HSE_JOB_VAD},               {"/v1/audio/transcriptions/models", HSE_JOB_TRANSCRIBE},
    {"/v1/voice/convert/models", HSE_JOB_CONVERT},       {"/v1/audio/convert/models", HSE_JOB_RESTORE},
};

static bool speaks(const hse_model_info *m, size_t v, const char *language)
{
    return !m->voice_languages[v] || strcmp(m->voice_languages[v], language) == 0;
}

/* Of the first voice of a language: the others. */
static void styles(hse_buf *out, const hse_model_info *m, size_t of, const char *language)
{
    for (size_t v = of + 1, n = 0; v < m->voice_count; v++)
        if (speaks(m, v, language)) {
            hse_buf_str(out, n++ ? "," : "");
            api_json_string(out, m->voices[v], strlen(m->voices[v]));
        }
}

static void voices(hse_buf *out, const hse_model_info *m, const char *language)
{
    hse_buf_str(out, "{\"language\":");
    api_json_string(out, language, strlen(language));
    hse_buf_str(out, ",\"voices\":[");
    for (size_t v = 0, n = 0; v < m->voice_count; v++) {
        if (!speaks(m, v, language))
            continue;
        hse_buf_printf(out, "%s{\"voice\":", n ? "," : "");
        api_json_string(out, m->voices[v], strlen(m->voices[v]));
        hse_buf_str(out, ",\"styles\":[");
        if (m->styles && n == 0)
            styles(out, m, v, language);
        hse_buf_str(out, "]}");
        n++;
    }
    hse_buf_str(out, "]}");
}

static void problem(hse_buf *out, const hse_model_info *m)
{
    char text[256];

    hse_buf_str(out, ",\"problem\":");
    if (m->problem)
        api_public_text(text, sizeof text, m->problem);
    if (m->problem)
        api_json_string(out, text, strlen(text));
    else
        hse_buf_str(out, "null");
}

/* id: under which name it was asked for. all: of a list that also has what cannot be used. */
static void card(hse_buf *out, const hse_server *server, const hse_model_info *m, const char *id, bool languages, bool all)
{
    hse_buf_str(out, "{\"id\":");
    api_json_string(out, id, strlen(id));
    hse_buf_printf(out, ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"harmonyspeech\",\"root\":",
                   (long long)server->started);
    api_json_string(out, m->name, strlen(m->name));
    hse_buf_str(out, ",\"parent\":null");
    if (languages && (m->language_count || m->voice_count)) {
        hse_buf_str(out, ",\"languages\":[");
        for (size_t l = 0; l < m->language_count; l++) {
            hse_buf_str(out, l ? "," : "");
            voices(out, m, m->languages[l]);
        }
        if (!m->language_count)
            voices(out, m, "default"); /* HSE's word for a model that names none */
        hse_buf_str(out, "]");
    } else if (languages) {
        hse_buf_str(out, ",\"languages\":null");
    }
    if (all)
        problem(out, m);
    hse_buf_str(out, "}");
}

static bool open_list(api_call *c, hse_models **models)
{
    hse_error err = {0};

    return hse_models_open(models, c->server->engine, &err) == HSE_OK || api_engine_error(c, &err, NULL);
}

/* kind: of the requests that they are for, and what answers one without a model comes first; HSE_JOB_KINDS: of any. all: also what
 * cannot be used. */
static bool list(api_call *c, hse_job_kind kind, bool all)
{
    hse_model_choice choice;
    hse_models *models = NULL;
    hse_error err = {0};
    hse_buf out;

    if (!open_list(c, &models))
        return false;
    bool task = kind != HSE_JOB_KINDS;
    const hse_model_info *first = task && hse_models_find(&choice, models, c->server->engine, kind, NULL, &err) == HSE_OK ? choice.info : NULL;
    if (first && !hse_model_does(first, kind))
        first = NULL;
    hse_buf_init(&out, 16u << 20);
    hse_buf_str(&out, "{\"object\":\"list\",\"data\":[");
    if (first)
        card(&out, c->server, first, first->name, true, all);
    bool any = first != NULL;
    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        if ((!all && !hse_model_does(m, kind)) || m == first)
            continue;
        hse_buf_str(&out, any ? "," : "");
        any = true;
        card(&out, c->server, m, m->name, task, all);
    }
    hse_buf_str(&out, "]}");
    hse_models_close(&models);
    return api_answer_json(c, &out);
}

bool api_models(api_call *c)
{
    return list(c, HSE_JOB_KINDS, ((const ps_request *)c->body)->all.value);
}

bool api_task_models(api_call *c)
{
    for (size_t i = 0; i < COUNT(tasks); i++)
        if (strcmp(tasks[i].path, c->route->path) == 0)
            return list(c, tasks[i].kind, false);
    return api_fail(&c->error, 404, NULL, "there is no such list");
}

bool api_model(api_call *c)
{
    const char *id = http_job_request(c->job)->rest;
    hse_models *models = NULL;
    const hse_model_info *m;
    hse_model_choice choice;
    hse_error err = {0};
    char text[160] = "";
    hse_buf out;

    if (!open_list(c, &models))
        return false;
    if (!(m = hse_models_named(models, id)) && api_find_model(c, models, id, &choice, &err) == HSE_OK)
        m = choice.info;
    bool usable = m && hse_model_does(m, HSE_JOB_KINDS);
    if (usable) {
        hse_buf_init(&out, 1u << 20);
        card(&out, c->server, m, id, true, false);
    } else if (m && m->problem) {
        api_public_text(text, sizeof text, m->problem);
    }
    hse_models_close(&models);
    if (usable)
        return api_answer_json(c, &out);
    if (*text)
        api_fail(&c->error, 404, "model", "the model \"%.80s\" cannot be used: %s", id, text);
    else
        api_fail(&c->error, 404, "model", "no model \"%.80s\" is here; GET /v1/models lists what there is", id);
    c->error.code = "model_not_found";
    return false;
}
