/* admin.c - what an operator asks of a running server: load, unload, what is in memory, read the config again. */
#include "server/api.h"

#include "base/log.h"

#include <math.h>
#include <stdio.h>

static void count(hse_buf *out, const char *name, uint64_t n)
{
    hse_buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

static bool answer_state(api_call *c, const char *model, bool loaded)
{
    hse_engine_stats stats = {0};
    hse_error err = {0};
    hse_buf out;

    if (hse_engine_stats_get(c->server->engine, &stats, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    hse_buf_init(&out, 1u << 20);
    hse_buf_str(&out, "{\"id\":");
    api_json_string(&out, model, strlen(model));
    hse_buf_printf(&out, ",\"object\":\"model\",\"loaded\":%s", loaded ? "true" : "false");
    count(&out, "resident_bytes", stats.resident_bytes);
    hse_buf_str(&out, "}");
    hse_engine_stats_free(&stats);
    return api_answer_json(c, &out);
}

bool api_load(api_call *c)
{
    const model_request *body = c->body;
    hse_error err = {0};

    if (hse_engine_load(c->server->engine, body->model, body->keep_alive.given ? body->keep_alive.value : (double)NAN,
                        &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    return answer_state(c, body->model, true);
}

bool api_unload(api_call *c)
{
    const model_request *body = c->body;
    hse_error err = {0};

    if (hse_engine_unload(c->server->engine, body->model, body->timeout_s.value, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    return answer_state(c, body->model, false);
}

static void state(hse_buf *out, const hse_model_stats *m)
{
    hse_buf_str(out, "{\"id\":");
    api_json_string(out, m->name, strlen(m->name));
    hse_buf_str(out, ",\"object\":\"model\",\"type\":");
    api_json_string(out, m->type ? m->type : "", m->type ? strlen(m->type) : 0);
    hse_buf_printf(out, ",\"loaded\":%s,\"loading\":%s", m->loaded ? "true" : "false", m->loading ? "true" : "false");
    count(out, "bytes", m->loaded ? m->bytes : 0);
    count(out, "activation_bytes", m->activation_bytes);
    hse_buf_printf(out, ",\"load_s\":%.6f", m->load_s);
    if (m->loaded && m->expires_s >= 0)
        hse_buf_printf(out, ",\"expires_s\":%.3f", m->expires_s);
    else
        hse_buf_str(out, ",\"expires_s\":null");
    count(out, "requests", m->requests);
    count(out, "waiting", m->waiting);
    count(out, "batches", m->batches);
    count(out, "items", m->items);
    hse_buf_str(out, ",\"problem\":");
    if (m->problem) {
        char text[256];
        api_public_text(text, sizeof text, m->problem);
        api_json_string(out, text, strlen(text));
    } else {
        hse_buf_str(out, "null");
    }
    hse_buf_str(out, "}");
}

bool api_ps(api_call *c)
{
    const ps_request *query = c->body;
    hse_engine_stats stats = {0};
    hse_error err = {0};
    hse_buf out;
    bool first = true;

    if (hse_engine_stats_get(c->server->engine, &stats, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    hse_buf_init(&out, 16u << 20);
    hse_buf_str(&out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < stats.model_count; i++) {
        const hse_model_stats *m = &stats.models[i];
        if (!m->loaded && !m->loading && !query->all.value)
            continue;
        hse_buf_str(&out, first ? "" : ",");
        first = false;
        state(&out, m);
    }
    hse_buf_str(&out, "]");
    count(&out, "resident_bytes", stats.resident_bytes);
    if (stats.memory_budget)
        count(&out, "memory_budget", stats.memory_budget);
    else
        hse_buf_str(&out, ",\"memory_budget\":null");
    hse_buf_str(&out, "}");
    hse_engine_stats_free(&stats);
    return api_answer_json(c, &out);
}

static size_t usable_models(hse_engine *engine)
{
    hse_models *models = NULL;
    size_t n = 0;

    if (hse_models_open(&models, engine, NULL) != HSE_OK)
        return 0;
    for (size_t i = 0; i < hse_models_count(models); i++)
        n += hse_models_at(models, i)->problem == NULL;
    hse_models_close(&models);
    return n;
}

/* Every mistake goes to the log; the client, who may be somewhere else, gets the first without the file's name. */
bool api_reload(api_call *c)
{
    hse_error err = {0};
    hse_buf report, out;

    hse_buf_init(&report, 1u << 20);
    hse_buf_init(&out, 1u << 16);
    hse_status s = hse_server_reload(c->server, &report, &err);
    hse_buf_printf(&out, "{\"status\":\"ok\",\"models\":%zu,\"needs_restart\":[", usable_models(c->server->engine));
    for (const char *text = hse_buf_text(&report), *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        if (s == HSE_OK)
            hse_buf_printf(&out, "%s\"%.*s\"", line == text ? "" : ",", (int)n, line);
        else
            hse_log(HSE_LOG_ERROR, "server", c->id, "%.*s", (int)(n < 400 ? n : 400), line);
        line += n + (line[n] == '\n');
    }
    hse_buf_str(&out, "]}");
    hse_buf_free(&report);
    if (s == HSE_OK)
        return api_answer_json(c, &out);
    hse_buf_free(&out);
    if (s == HSE_E_NOT_FOUND)                           /* a folder that the config names: a mistake of it as others are */
        err.status = HSE_E_FORMAT;
    return api_engine_error(c, &err, NULL);
}
