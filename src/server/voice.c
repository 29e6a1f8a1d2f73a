#include "server/voice.h"

#include "base/mem.h"
#include "formats/embedding.h"

#include <math.h>
#include <stdio.h>

/* What the config says that a name stands for. */
static const char *configured_voice(const hse_server *server, const char *name)
{
    const hse_config *config = server->options.config;

    for (size_t i = 0; config && i < config->openai_voice_count; i++)
        if (strcmp(config->openai_voices[i].name, name) == 0)
            return config->openai_voices[i].voice;
    return NULL;
}

/* The model's own voice of that name stays r->voice, a stored one takes its place; *taken: somebody has it. */
static hse_status take_voice(api_call *c, const hse_model_info *m, hse_request *r, const char *name, api_voice *out, bool *taken,
                             hse_error *err)
{
    r->voice = name;
    if ((*taken = hse_model_has_voice(m, name)))
        return HSE_OK;
    hse_status s = hse_voice_store_apply(c->server->voices, c->server->engine, r, &out->embedding, err);
    *taken = !r->voice;
    return s;
}

/* The names that would have worked, as far as they fit. */
static bool refuse(api_call *c, const hse_model_info *m, const hse_request *r, const char *voice)
{
    hse_voice_info *stored = NULL;
    size_t count = 0, at = 0;
    hse_error err;
    char list[160] = "";

    if (hse_voice_store_list(c->server->voices, &stored, &count, &err) != HSE_OK)
        count = 0;
    for (size_t i = 0; i < m->voice_count + count && at + 2 < sizeof list; i++) {
        const char *name = i < m->voice_count ? m->voices[i] : stored[i - m->voice_count].name;

        if (*name)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", name);
    }
    hse_free(stored);
    if (!at)
        return api_fail(&c->error, 400, "voice", "voice \"%.40s\": this model has no voices; send %s, a recording of it, or add a voice to "
                        "the voice store (POST /v1/audio/voices)", voice, r->kind == HSE_JOB_CONVERT ? "target_audio" : "input_audio");
    return api_fail(&c->error, 400, "voice", "voice \"%.40s\" is not known; there are: %s", voice, list);
}

/* The voice that is asked for; else what the config says that the name means; else, of OpenAI's names, the model's in turn. */
static bool choose(api_call *c, const hse_model_info *m, hse_request *r, const char *voice, api_voice *out)
{
    const char *meant = configured_voice(c->server, voice);
    hse_error err = {0};
    bool taken = false;
    hse_status s = take_voice(c, m, r, voice, out, &taken, &err);

    if (s == HSE_OK && !taken && meant)
        s = take_voice(c, m, r, meant, out, &taken, &err);
    if (s != HSE_OK)
        return api_engine_error(c, &err, err.status == HSE_E_FORMAT || err.status == HSE_E_ARG ? "voice" : NULL);
    if (taken)
        return true;
    r->voice = voice;
    int turn = m->voice_count ? hse_openai_voice(voice) : -1;
    if (turn < 0)
        return refuse(c, m, r, voice);
    snprintf(out->name, sizeof out->name, "%s", m->voices[(size_t)turn % m->voice_count]);
    r->voice = out->name;
    return true;
}

bool api_voice_choose(api_call *c, hse_request *r, const char *voice, api_voice *out)
{
    hse_model_choice choice = {NULL, NULL};
    hse_models *models = NULL;
    hse_error err = {0};
    bool ok = true;

    if (!voice || !*voice)
        return true;
    if (hse_models_open(&models, c->server->engine, &err) != HSE_OK)
        return api_engine_error(c, &err, NULL);
    r->voice = voice;
    if (hse_models_find(&choice, models, c->server->engine, r->kind, r->model, &err) != HSE_OK)
        choice.info = NULL;                             /* for the engine to refuse, with its words */
    if (choice.info && !choice.info->problem)
        ok = choose(c, choice.info, r, voice, out);
    hse_models_close(&models);
    return ok;
}

bool api_voice_choose_in_text(api_call *c, hse_request *r, api_voice *out)
{
    hse_error err = {0};

    return hse_voice_store_apply_text(c->server->voices, c->server->engine, r, &out->in_text, &err) == HSE_OK ||
           api_engine_error(c, &err, "input");
}

void api_voice_free(api_voice *v)
{
    hse_named_voices_free(&v->in_text);
    hse_free(v->embedding);
    v->embedding = NULL;
}

bool api_embedding(api_call *c, const hse_buf *b, const char *param, float **out, size_t *count)
{
    if (b->size == 0)
        return true;
    hse_error err = {0};
    return hse_embedding_read(out, count, (hse_bytes){b->data, b->size}, param, &err) == HSE_OK ||
           api_engine_error(c, &err, param);
}
