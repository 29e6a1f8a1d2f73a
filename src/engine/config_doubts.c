#include "config/settings.h"
#include "engine/config_doubts.h"
#include "engine/internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT = 400 };

typedef struct {
    hse_engine       *engine;
    hse_models       *models;
    hse_voice_info   *stored;
    size_t            stored_count;
    hse_doubt_fn     *fn;
    void             *user;
} checking;

static void doubt(const checking *c, const char *key, size_t entry, const char *fmt, ...) HSE_PRINTF(4, 5);

static void doubt(const checking *c, const char *key, size_t entry, const char *fmt, ...)
{
    char text[TEXT];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->fn(c->user, key, entry, text);
}

/* Names that fit, as a list to choose from. */
typedef struct {
    char   text[200];
    size_t n;
} choice;

static void offer(choice *list, const char *name)
{
    if (list->n + strlen(name) + 8 < sizeof list->text)
        list->n += (size_t)snprintf(list->text + list->n, sizeof list->text - list->n, "%s%s", list->n ? ", " : "", name);
}

/* What a request may say. */
static const char *usable_models(const checking *c, choice *list)
{
    for (size_t i = 0; i < hse_models_count(c->models); i++) {
        const hse_model_info *m = hse_models_at(c->models, i);

        if (hse_model_does(m, HSE_JOB_KINDS))
            offer(list, m->name);
    }
    return list->n ? list->text : "none";
}

/* Does any request find a model by this name? One that cannot be used is a model too: why is said elsewhere. */
static bool known_model(const checking *c, const char *name)
{
    bool known = false;

    pthread_mutex_lock(&c->engine->lock);
    for (int kind = 0; kind < HSE_JOB_KINDS && !known; kind++) {
        hse_error err = {0};
        target t;

        known = hse_target_find(&t, c->engine->catalogue, (hse_job_kind)kind, name, &err) != HSE_E_NOT_FOUND;
    }
    pthread_mutex_unlock(&c->engine->lock);
    return known;
}

/* Asked for by the alias, as a request does: an alias of an alias is none. */
static void check_aliases(const checking *c, const hse_config *config)
{
    for (size_t i = 0; i < config->alias_count; i++) {
        choice list = {.n = 0};

        if (!known_model(c, config->aliases[i].alias))
            doubt(c, "aliases", i, "'%.60s' stands for '%.60s', and no such model is here; there are: %s", config->aliases[i].alias,
                  config->aliases[i].model, usable_models(c, &list));
    }
}

static void check_preload(const checking *c, const hse_config *config)
{
    for (size_t i = 0; i < config->preload_count; i++) {
        slot *parts[MAX_PARTS];
        choice list = {.n = 0};
        hse_error err = {0};
        size_t n;

        pthread_mutex_lock(&c->engine->lock);
        hse_status s = hse_target_parts(parts, &n, c->engine->catalogue, config->preload[i], &err);
        pthread_mutex_unlock(&c->engine->lock);
        if (s == HSE_E_NOT_FOUND && !known_model(c, config->preload[i]))
            doubt(c, "preload", i, "there is no model '%.60s'; there are: %s", config->preload[i], usable_models(c, &list));
        else if (s != HSE_OK)
            doubt(c, "preload", i, "'%.60s' cannot be loaded: %s", config->preload[i], err.text);
    }
}

static void check_vad_model(const checking *c, const hse_config *config)
{
    hse_error err = {0};
    slot *finder;

    if (!config->vad_model)
        return;
    pthread_mutex_lock(&c->engine->lock);
    hse_status s = hse_target_vad_model(&finder, c->engine->catalogue, &err);
    pthread_mutex_unlock(&c->engine->lock);
    if (s != HSE_OK)
        doubt(c, "vad_model", HSE_WHOLE_SETTING, "%s", err.text + strlen("vad_model: "));
}

static bool is_voice(const checking *c, const char *name, choice *list)
{
    for (size_t i = 0; i < hse_models_count(c->models); i++)
        for (size_t v = 0; v < hse_models_at(c->models, i)->voice_count; v++) {
            const char *own = hse_models_at(c->models, i)->voices[v];

            if (strcmp(own, name) == 0)
                return true;
            if (!strstr(list->text, own))               /* of a chain and of its parts: once */
                offer(list, own);
        }
    for (size_t i = 0; i < c->stored_count; i++) {
        if (strcmp(c->stored[i].name, name) == 0 || strcmp(c->stored[i].id, name) == 0)
            return true;
        if (c->stored[i].name[0])
            offer(list, c->stored[i].name);
    }
    return false;
}

static void check_voices(const checking *c, const hse_config *config)
{
    for (size_t i = 0; i < config->openai_voice_count; i++) {
        const hse_voice_alias *a = &config->openai_voices[i];
        choice list = {.n = 0};

        if (!is_voice(c, a->voice, &list))
            doubt(c, "openai_voices", i, "'%.60s' stands for '%.60s', which is neither a model's voice nor stored; there are: %s", a->name,
                  a->voice, list.n ? list.text : "none");
    }
}

void hse_config_doubt_models(hse_engine *engine, const hse_config *config, hse_doubt_fn *fn, void *user)
{
    pthread_mutex_lock(&engine->lock);
    const catalogue *c = engine->catalogue;
    for (size_t i = 0; i < config->model_count; i++)
        for (size_t k = 0; k < c->slot_count; k++) {
            const slot *s = c->slots[k];

            if (!s->hidden && s->problem && strcmp(s->name, config->models[i].name) == 0)
                fn(user, s->problem_key, i, s->problem);
        }
    pthread_mutex_unlock(&engine->lock);
}

hse_status hse_config_doubt_names(hse_engine *engine, const hse_config *config, hse_voice_store *store, hse_doubt_fn *fn, void *user,
                                  hse_error *err)
{
    checking c = {.engine = engine, .fn = fn, .user = user};
    hse_error unread;
    hse_status s = hse_models_open(&c.models, engine, err);

    if (s != HSE_OK)
        return s;
    if (store && hse_voice_store_list(store, &c.stored, &c.stored_count, &unread) != HSE_OK)
        c.stored_count = 0;                             /* a store that cannot be read is not the config's matter */
    check_aliases(&c, config);
    check_preload(&c, config);
    check_vad_model(&c, config);
    check_voices(&c, config);
    hse_free(c.stored);
    hse_models_close(&c.models);
    return HSE_OK;
}
