/* models.c - the lists: /v1/models, and per task with languages and voices. */
#include "server/api.h"

#include <stdio.h>
#include <time.h>

typedef enum { ANY, SPEAKS, EMBEDS, DETECTS } ability;

static bool able(const hse_model_info *m, ability a)
{
    if (m->problem)
        return false;
    return a == SPEAKS ? m->speaks : a == EMBEDS ? m->embeds : a == DETECTS ? m->detects : m->speaks || m->embeds || m->detects;
}

static void card(hse_buf *out, const hse_model_info *m, bool languages)
{
    hse_buf_str(out, "{\"id\":");
    api_json_string(out, m->name, strlen(m->name));
    hse_buf_printf(out, ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"harmonyspeech\"", (long long)time(NULL));
    if (languages && m->language_count) {
        hse_buf_str(out, ",\"languages\":[");
        for (size_t l = 0; l < m->language_count; l++) {
            hse_buf_printf(out, "%s{\"language\":", l ? "," : "");
            api_json_string(out, m->languages[l], strlen(m->languages[l]));
            hse_buf_str(out, ",\"voices\":[");
            for (size_t v = 0; v < m->voice_count; v++) {
                hse_buf_printf(out, "%s{\"voice\":", v ? "," : "");
                api_json_string(out, m->voices[v], strlen(m->voices[v]));
                hse_buf_str(out, ",\"styles\":[]}");
            }
            hse_buf_str(out, "]}");
        }
        hse_buf_str(out, "]");
    } else if (languages) {
        hse_buf_str(out, ",\"languages\":null");
    }
    hse_buf_str(out, "}");
}

static void answer(http_job *job, hse_buf *out)
{
    api_error e;

    if (out->status == HSE_OK) {
        http_job_answer(job, 200, "application/json", hse_buf_text(out), out->size);
    } else {
        api_fail(&e, 500, NULL, "not enough memory for this request");
        api_error_answer(job, &e);
    }
    hse_buf_free(out);
}

static void list(http_job *job, hse_server *server, ability a)
{
    hse_models *models = NULL;
    hse_error err = {0};
    hse_buf out;
    bool first = true;

    if (hse_models_open(&models, server->engine, &err) != HSE_OK) {
        api_error e;
        api_error_from(&e, &err, http_job_request(job)->id);
        api_error_answer(job, &e);
        return;
    }
    hse_buf_init(&out, 16u << 20);
    hse_buf_str(&out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        if (!able(m, a))
            continue;
        if (!first)
            hse_buf_byte(&out, ',');
        first = false;
        card(&out, m, a != ANY);
    }
    hse_buf_str(&out, "]}");
    hse_models_close(&models);
    answer(job, &out);
}

void api_models(http_job *job, void *arg)
{
    list(job, arg, ANY);
}

void api_speech_models(http_job *job, void *arg)
{
    list(job, arg, SPEAKS);
}

void api_embed_models(http_job *job, void *arg)
{
    list(job, arg, EMBEDS);
}

void api_vad_models(http_job *job, void *arg)
{
    list(job, arg, DETECTS);
}

void api_model(http_job *job, void *arg)
{
    const char *id = http_job_request(job)->rest;
    hse_server *server = arg;
    hse_models *models = NULL;
    hse_error err = {0};
    api_error e;
    hse_buf out;

    hse_buf_init(&out, 1u << 20);
    if (hse_models_open(&models, server->engine, &err) != HSE_OK) {
        api_error_from(&e, &err, http_job_request(job)->id);
        api_error_answer(job, &e);
        return;
    }
    for (size_t i = 0; i < hse_models_count(models) && out.size == 0; i++) {
        const hse_model_info *m = hse_models_at(models, i);
        if (able(m, ANY) && strcmp(m->name, id) == 0)
            card(&out, m, true);
    }
    hse_models_close(&models);
    if (out.size) {
        answer(job, &out);
        return;
    }
    hse_buf_free(&out);
    api_fail(&e, 404, "model", "no model \"%.80s\" is here; GET /v1/models lists what there is", id);
    e.code = "model_not_found";
    api_error_answer(job, &e);
}
