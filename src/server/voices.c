/* voices.c - /v1/audio/voices: the voice store over HTTP. */
#include "server/audio_answer.h"
#include "server/audio_requests.h"
#include "server/voice.h"

#include "base/mem.h"

/* The store's errors as HTTP says them; texts of the store begin with the field. */
static bool store_error(api_call *c, const hse_error *err, const char *name)
{
    api_engine_error(c, err, NULL);
    if (err->status == HSE_E_NOT_FOUND) {
        api_fail(&c->error, 404, NULL, "no voice \"%.64s\" is stored; GET /v1/audio/voices lists what there is", name);
        c->error.code = "voice_not_found";
    } else if (err->status == HSE_E_BUSY) {
        api_fail(&c->error, 409, "name", "%s", err->text + (strncmp(err->text, "name: ", 6) == 0 ? 6 : 0));
        c->error.code = "voice_exists";
        http_job_header(c->job, "x-should-retry", "false");         /* SDKs try a 409 again; this one stays */
    } else if (err->status == HSE_E_IO) {
        api_fail(&c->error, 500, NULL, "the folder of stored voices cannot be used (--state); the server's log says why");
        c->error.code = "internal_error";
    } else if (err->status == HSE_E_LIMIT && strncmp(err->text, "audio_sample", 12) == 0) {
        api_engine_error(c, err, "audio_sample");
    }
    return false;
}

static void put_text(hse_buf *out, const char *name, const char *text)
{
    hse_buf_printf(out, ",\"%s\":", name);
    hse_buf_json(out, text, strlen(text));
}

static void put_voice(hse_buf *out, const hse_voice_info *v)
{
    hse_buf_str(out, "{\"object\":\"audio.voice\"");
    put_text(out, "id", v->id);
    put_text(out, "name", v->name);
    hse_buf_printf(out, ",\"type\":\"audio_sample\",\"created_at\":%lld", (long long)v->created_at);
    if (v->consent[0])
        put_text(out, "consent", v->consent);
    else
        hse_buf_str(out, ",\"consent\":null");
    api_quality_json(out, "quality", &v->quality);
    hse_buf_byte(out, '}');
}

static void put_own(hse_buf *out, const char *name)
{
    hse_buf_str(out, "{\"object\":\"audio.voice\"");
    put_text(out, "id", name);
    put_text(out, "name", name);
    hse_buf_str(out, ",\"type\":\"model\"}");
}

bool api_voice_add(api_call *c)
{
    const voice_request *body = c->body;
    hse_audio audio = {0};
    hse_voice_info v;
    hse_error err = {0};
    hse_buf out;

    if (hse_voice_name_free(c->server->engine, body->name, &err) != HSE_OK)
        return store_error(c, &err, body->name);
    if (!api_decode(c, &body->audio_sample, "audio_sample", 0, &audio))
        return false;
    hse_status s = hse_voice_store_add(c->server->voices, body->name, body->consent, &audio, &v, &err);
    hse_audio_free(&audio);
    if (s != HSE_OK)
        return store_error(c, &err, body->name);
    hse_buf_init(&out, 65536);
    put_voice(&out, &v);
    return api_answer_json(c, &out);
}

bool api_voice_get(api_call *c)
{
    const char *name = http_job_request(c->job)->rest;
    hse_voice_info v;
    hse_error err = {0}, own = {0};
    hse_buf out;
    hse_status s = hse_voice_store_get(c->server->voices, name, &v, &err);

    if (s == HSE_E_NOT_FOUND && hse_voice_name_free(c->server->engine, name, &own) == HSE_E_BUSY) {
        hse_buf_init(&out, 65536);
        put_own(&out, name);
        return api_answer_json(c, &out);
    }
    if (s == HSE_OK && v.problem[0])
        s = hse_fail(&err, HSE_E_FORMAT, 0, "this voice cannot be used: %.120s", v.problem);
    if (s != HSE_OK)
        return store_error(c, &err, name);
    hse_buf_init(&out, 65536);
    put_voice(&out, &v);
    return api_answer_json(c, &out);
}

bool api_voice_remove(api_call *c)
{
    const char *name = http_job_request(c->job)->rest;
    hse_voice_info v;
    hse_error err = {0};
    hse_buf out;

    if (hse_voice_store_remove(c->server->voices, name, &v, &err) != HSE_OK)
        return store_error(c, &err, name);
    hse_buf_init(&out, 65536);
    hse_buf_str(&out, "{\"object\":\"audio.voice.deleted\"");
    put_text(&out, "id", v.id);
    put_text(&out, "name", v.name);
    hse_buf_str(&out, ",\"deleted\":true}");
    return api_answer_json(c, &out);
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

/* The model that is asked for, or the default one that speaks. NULL with *ok: no model speaks, which leaves the stored voices. */
static const hse_model_info *listed_model(api_call *c, hse_models *models, const char *name, bool *ok)
{
    hse_model_choice m;
    hse_error err = {0};
    bool named = name && *name;
    hse_status s = named ? api_find_model(c, models, name, &m, &err) : hse_models_find(&m, models, c->server->engine, HSE_JOB_SPEAK, NULL, &err);

    if (s == HSE_OK)
        return m.info;
    if (named && s == HSE_E_NOT_FOUND) {
        *ok = api_fail(&c->error, 404, "model", "no model \"%.80s\" is here; GET /v1/models lists what there is", name);
        c->error.code = "model_not_found";
    } else if (named || s == HSE_E_NOMEM) {
        *ok = api_engine_error(c, &err, NULL);
    }
    return NULL;
}

typedef struct {
    const char           *id, *name;
    const hse_voice_info *stored;               /* NULL: the model's own */
} row;

/* The model's voices, then the stored ones that the model can take and that its own do not hide. */
static size_t gather(row *rows, const hse_model_info *m, const hse_voice_info *stored, size_t count)
{
    size_t n = 0, own = m ? m->voice_count : 0;
    bool takes = !m || m->embeds || m->converts || m->speaks;

    for (size_t i = 0; i < own; i++)
        rows[n++] = (row){m->voices[i], m->voices[i], NULL};
    for (size_t i = 0; takes && i < count; i++) {
        bool hidden = stored[i].problem[0] != 0;

        for (size_t k = 0; k < own; k++)
            hidden |= strcmp(m->voices[k], stored[i].name) == 0;
        if (!hidden)
            rows[n++] = (row){stored[i].id, stored[i].name, &stored[i]};
    }
    return n;
}

static void put_list(hse_buf *out, const row *rows, size_t from, size_t to, size_t all)
{
    hse_buf_str(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = from; i < to; i++) {
        hse_buf_str(out, i > from ? "," : "");
        if (rows[i].stored)
            put_voice(out, rows[i].stored);
        else
            put_own(out, rows[i].name);
    }
    hse_buf_printf(out, "],\"has_more\":%s", to < all ? "true" : "false");
    for (int last = 0; last < 2; last++) {
        const char *name = last ? "last_id" : "first_id";

        if (to > from)
            put_text(out, name, rows[last ? to - 1 : from].id);
        else
            hse_buf_printf(out, ",\"%s\":null", name);
    }
    hse_buf_str(out, ",\"voices\":[");
    for (size_t i = from; i < to; i++) {
        hse_buf_str(out, i > from ? ",{\"id\":" : "{\"id\":");
        hse_buf_json(out, rows[i].name, strlen(rows[i].name));
        put_text(out, "name", rows[i].name);
        hse_buf_byte(out, '}');
    }
    hse_buf_str(out, "]}");
}

static bool answer_list(api_call *c, const hse_model_info *m)
{
    const voices_query *q = c->body;
    hse_voice_info *stored = NULL;
    hse_error err = {0};
    size_t count = 0, from = 0;
    hse_buf out;

    if (hse_voice_store_list(c->server->voices, &stored, &count, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    row *rows = hse_calloc(count + (m ? m->voice_count : 0) + 1, sizeof *rows);
    if (!rows) {
        hse_free(stored);
        return api_fail(&c->error, 500, NULL, "not enough memory for this request");
    }
    size_t all = gather(rows, m, stored, count), limit = (size_t)q->limit.value;
    bool ok = true;
    if (q->after && *q->after) {
        while (from < all && strcmp(rows[from].id, q->after) != 0)
            from++;
        if (from++ == all) {
            api_fail(&c->error, 400, "after", "after: no voice with the id \"%.40s\" is in this list", q->after);
            ok = false;
        }
    }
    if (ok) {
        hse_buf_init(&out, 32u << 20);
        put_list(&out, rows, from, all - from > limit ? from + limit : all, all);
        ok = api_answer_json(c, &out);
    }
    hse_free(rows);
    hse_free(stored);
    return ok;
}

bool api_voice_list(api_call *c)
{
    const voices_query *q = c->body;
    hse_models *models = NULL;
    hse_error err = {0};
    bool ok = true;

    if (hse_models_open(&models, c->server->engine, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    const hse_model_info *m = listed_model(c, models, q->model, &ok);
    ok = ok && answer_list(c, m);
    hse_models_close(&models);
    return ok;
}
