/* engine.c - opening and closing, figures, loading by name. */
#include "base/log.h"
#include "engine/internal.h"

#include <stdlib.h>
#include <sys/random.h>

enum { ENGINE_ARENA = 64 << 20, DEFAULT_MAX_REQUESTS = 256, DEFAULT_TIMEOUT_S = 600, DEFAULT_WINDOW_US = 20000 };

static hse_status open_compute(hse_engine *e, const hse_engine_setup *setup, hse_error *err)
{
    const hse_config *c = setup->config;
    const char *cpu = setup->cpu ? setup->cpu : getenv("HSE_CPU") ? NULL : c ? c->cpu : NULL;
    int threads = setup->threads > 0 ? setup->threads : c && c->threads > 0 ? (int)c->threads : 0;
    unsigned mask = 0;
    hse_status s = hse_cpu_mask(cpu, &mask, err);

    if (s != HSE_OK)
        return s;
    e->kernels = hse_kernels_get(mask);
    return hse_pool_open(&e->pool, threads, err);
}

static void set_limits(hse_engine *e, const hse_engine_setup *setup)
{
    const hse_config *c = setup->config;

    e->max_requests = setup->max_requests > 0 ? setup->max_requests : c && c->max_requests > 0 ? (int)c->max_requests : DEFAULT_MAX_REQUESTS;
    e->timeout_s = setup->timeout_s != 0 ? setup->timeout_s : c && c->timeout_s > 0 ? c->timeout_s : DEFAULT_TIMEOUT_S;
    int us = setup->batch_window_us ? setup->batch_window_us : DEFAULT_WINDOW_US;
    e->window_ns = us > 0 ? (uint64_t)us * 1000 : 0;
    e->aliases = c ? c->aliases : NULL;
    e->alias_count = c ? c->alias_count : 0;
    e->vad_model = c ? c->vad_model : NULL;
    e->types = setup->types ? setup->types : hse_model_types;
    if (getrandom(e->hash_key, sizeof e->hash_key, GRND_NONBLOCK) < 0) {
        uint64_t now = hse_now_ns();                    /* early in a machine's boot; only the cache's keys depend on it */
        memcpy(e->hash_key, &now, sizeof now);
    }
}

hse_status hse_engine_start(hse_engine **out, const hse_engine_setup *setup, hse_error *err)
{
    static const hse_engine_setup none;
    hse_error local;
    hse_engine *e = hse_calloc(1, sizeof *e);
    hse_status s;

    setup = setup ? setup : &none;
    err = err ? err : &local;
    if (!e)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an engine");
    if ((s = hse_cond_init(&e->loaded, err)) != HSE_OK) {
        hse_free(e);
        return s;
    }
    if ((s = hse_cond_init(&e->timer_wake, err)) != HSE_OK) {
        pthread_cond_destroy(&e->loaded);
        hse_free(e);
        return s;
    }
    pthread_cond_init(&e->split_wake, NULL);
    pthread_mutex_init(&e->lock, NULL);
    e->refs = 1;
    e->to_split_end = &e->to_split;
    hse_arena_init(&e->arena, ENGINE_ARENA);
    set_limits(e, setup);
    if ((s = open_compute(e, setup, err)) != HSE_OK || (s = hse_slots_build(e, setup, err)) != HSE_OK) {
        hse_engine_close(&e);
        return s;
    }
    hse_log(HSE_LOG_INFO, "engine", NULL, "%zu models, %d threads, %s kernels, at most %d requests", e->slot_count,
            hse_pool_threads(e->pool), e->kernels->name, e->max_requests);
    *out = e;
    return HSE_OK;
}

static void engine_free(hse_engine *e)
{
    for (size_t i = 0; i < VOICE_CACHE; i++)
        hse_free(e->cache[i].embedding);
    for (flow *f = e->flows, *next; f; f = next) {
        next = f->next;
        hse_free(f->client);
        hse_free(f->finish);
        hse_free(f);
    }
    hse_arena_free(&e->arena);
    hse_config_close(&e->own_config);
    pthread_cond_destroy(&e->loaded);
    pthread_cond_destroy(&e->timer_wake);
    pthread_cond_destroy(&e->split_wake);
    pthread_mutex_destroy(&e->lock);
    hse_free(e);
}

void hse_engine_unref(hse_engine *e)
{
    bool last = --e->refs == 0;

    pthread_mutex_unlock(&e->lock);
    if (last)
        engine_free(e);
}

/* Everything that computes ends here; jobs that somebody still holds keep the rest. */
static void stop_slot(slot *s)
{
    if (s->model)
        s->type->close(&s->model);
    nn_close(&s->nn);
    hse_free(s->batch);
    hse_free(s->items);
    pthread_cond_destroy(&s->wake);
}

void hse_engine_close(hse_engine **engine)
{
    hse_engine *e = *engine;
    hse_error err;

    if (!e)
        return;
    hse_fail(&err, HSE_E_CANCELLED, 0, "the engine was closed");
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    while (e->jobs)
        hse_job_end(e->jobs, HSE_E_CANCELLED, &err);
    for (size_t i = 0; i < e->slot_count; i++)
        pthread_cond_broadcast(&e->slots[i].wake);
    pthread_cond_broadcast(&e->timer_wake);
    pthread_mutex_unlock(&e->lock);

    hse_split_stop(e);                                  /* before any model closes: what it still holds points into them */
    for (size_t i = 0; i < e->slot_count; i++)
        if (e->slots[i].started)
            pthread_join(e->slots[i].thread, NULL);
    for (size_t i = 0; i < e->slot_count; i++)
        stop_slot(&e->slots[i]);
    if (e->timer_started)
        pthread_join(e->timer, NULL);
    hse_pool_close(&e->pool);
    pthread_mutex_lock(&e->lock);
    hse_engine_unref(e);
    *engine = NULL;
}

const hse_kernels *hse_engine_kernels(const hse_engine *e)
{
    return e->kernels;
}

int hse_engine_threads(const hse_engine *e)
{
    return hse_pool_threads(e->pool);
}

/* ---- loading by name ----------------------------------------------------------------------------------------------- */

static hse_status load_slot(hse_engine *e, slot *s, hse_error *err)
{
    hse_status status = hse_slot_usable(s, err);

    if (status != HSE_OK)
        return status;
    pthread_mutex_lock(&e->lock);
    if (!s->model && (status = hse_slot_start(s, err)) == HSE_OK) {
        unsigned round = s->load_round;

        s->load_wanted++;
        pthread_cond_signal(&s->wake);
        while (!s->model && s->load_round == round && !e->stopping)
            pthread_cond_wait(&e->loaded, &e->lock);
        if (!s->model) {
            status = e->stopping ? HSE_E_CANCELLED : s->load_status;
            if (err)
                *err = s->load_error;
        }
    }
    pthread_mutex_unlock(&e->lock);
    return status;
}

hse_status hse_engine_load(hse_engine *e, const char *model, double keep_alive_s, hse_error *err)
{
    (void)keep_alive_s;
    const hse_toolchain *t = hse_toolchain_find(model);
    hse_status s = HSE_OK;

    for (size_t i = 0; !t && i < e->slot_count; i++)
        if (strcmp(e->slots[i].name, model) == 0)
            return load_slot(e, &e->slots[i], err);
    if (!t)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: there is no model '%.80s'", model);
    target any = {.toolchain = t, .name = t->name};
    for (size_t i = 0; s == HSE_OK && t->needs[i]; i++) {
        slot *part = NULL;

        s = hse_target_slot(&part, e, &any, t->needs[i], err);
        if (s == HSE_OK)
            any.slot = any.slot ? any.slot : part;
        if (s == HSE_OK)
            s = load_slot(e, part, err);
    }
    return s;
}

/* ---- figures ------------------------------------------------------------------------------------------------------- */

/* The first argument is a copy made under the lock. */
static void model_stats(hse_model_stats *out, const slot *s)
{
    *out = (hse_model_stats){.name = s->name, .type = s->type_name, .loaded = s->model != NULL, .bytes = s->bytes,
                             .load_s = s->load_s, .waiting = s->waiting, .batches = s->batches, .items = s->items_run,
                             .queue = s->queue_s, .run = s->run_s};
    memcpy(out->batch, s->batch_sizes, sizeof out->batch);
}

hse_status hse_engine_stats_get(hse_engine *e, hse_engine_stats *out, hse_error *err)
{
    hse_model_stats *models = hse_calloc(e->slot_count + 1, sizeof *models);

    if (!models)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the figures");
    pthread_mutex_lock(&e->lock);
    *out = e->stats;
    out->models = models;
    out->model_count = e->slot_count;
    for (size_t i = 0; i < e->slot_count; i++)
        model_stats(&models[i], &e->slots[i]);
    for (const hse_job *j = e->jobs; j; j = j->next) {
        if (j->running)
            out->kind[j->kind].running++;
        else
            out->kind[j->kind].waiting++;
    }
    pthread_mutex_unlock(&e->lock);
    return HSE_OK;
}

void hse_engine_stats_free(hse_engine_stats *stats)
{
    hse_free(stats->models);
    stats->models = NULL;
    stats->model_count = 0;
}
