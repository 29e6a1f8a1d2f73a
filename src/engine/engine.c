/* engine.c - opening and closing, figures. */
#include "base/log.h"
#include "engine/internal.h"
#include "text/lexicon.h"

#include <stdlib.h>
#include <sys/random.h>

enum { DEFAULT_MAX_REQUESTS = 256, DEFAULT_TIMEOUT_S = 600, DEFAULT_WINDOW_US = 20000, DEFAULT_KEEP_ALIVE_S = 300 };

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

void hse_engine_limits(hse_engine *e, const hse_config *c)
{
    const hse_engine_setup *o = &e->setup;
    double window_us = o->batch_window_us ? o->batch_window_us : c ? c->batch_window_ms * 1000 : DEFAULT_WINDOW_US;

    e->max_requests = o->max_requests > 0 ? o->max_requests : c && c->max_requests > 0 ? (int)c->max_requests : DEFAULT_MAX_REQUESTS;
    e->timeout_s = o->timeout_s != 0 ? o->timeout_s : c && c->timeout_s > 0 ? c->timeout_s : DEFAULT_TIMEOUT_S;
    e->keep_alive = c && c->keep_alive != HSE_KEEP_ABSENT ? c->keep_alive : DEFAULT_KEEP_ALIVE_S;
    e->memory_budget = c && c->memory_budget > 0 ? (uint64_t)c->memory_budget : 0;
    e->window_ns = window_us > 0 ? (uint64_t)(window_us * 1000) : 0;
}

/* All that hse_engine_close undoes. */
static hse_status open_all(hse_engine *e, hse_error *err)
{
    const hse_config *config = e->setup.config;
    hse_status s = HSE_OK;

    if ((e->setup.models && !(e->models_dir = hse_strdup(e->setup.models))) ||
        (e->setup.model && !(e->model_path = hse_strdup(e->setup.model))))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an engine");
    if (config && config->state_dir && !(e->state_dir = hse_strdup(config->state_dir)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an engine");
    e->types = e->setup.types ? e->setup.types : hse_model_types;
    if (getrandom(e->hash_key, sizeof e->hash_key, GRND_NONBLOCK) < 0) {
        uint64_t now = hse_now_ns();                    /* early in a machine's boot; only the cache's keys depend on it */
        memcpy(e->hash_key, &now, sizeof now);
    }
    hse_engine_limits(e, config);
    if ((s = hse_parts_open(&e->parts, err)) != HSE_OK)
        return s;
    const char *languages = e->setup.languages ? e->setup.languages : config ? config->languages_dir : NULL;
    if ((s = text_lexicon_open(&e->lexicon, languages, e->setup.no_bundled, err)) != HSE_OK)
        return s;
    if ((s = open_compute(e, &e->setup, err)) != HSE_OK || (s = hse_catalogue_open(&e->catalogue, e, config, err)) != HSE_OK)
        return s;
    const nn_options o = {.kernels = e->kernels};
    if ((s = nn_open(&e->plan, &o, err)) != HSE_OK || !config || config->preload_count == 0)
        return s;
    pthread_mutex_lock(&e->lock);
    s = hse_keeper_start(e, err);
    if (s == HSE_OK)
        hse_preload(e, config);
    pthread_mutex_unlock(&e->lock);
    return s;
}

hse_status hse_engine_start(hse_engine **out, const hse_engine_setup *setup, hse_error *err)
{
    static const hse_engine_setup none;
    hse_error local;
    hse_engine *e = hse_calloc(1, sizeof *e);
    hse_status s;

    err = err ? err : &local;
    if (!e)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an engine");
    pthread_cond_t *const wakes[] = {&e->loaded, &e->keeper_wake, &e->split_wake};
    for (size_t i = 0; i < COUNT(wakes); i++)
        if ((s = hse_cond_init(wakes[i], err)) != HSE_OK) {
            while (i--)
                pthread_cond_destroy(wakes[i]);
            hse_free(e);
            return s;
        }
    pthread_mutex_init(&e->lock, NULL);
    pthread_mutex_init(&e->plan_lock, NULL);
    e->setup = setup ? *setup : none;
    e->refs = 1;
    e->to_split_end = &e->to_split;
    if ((s = open_all(e, err)) != HSE_OK) {
        hse_engine_close(&e);
        return s;
    }
    hse_log(HSE_LOG_INFO, "engine", NULL, "%zu models, %d threads, %s kernels, at most %d requests", e->catalogue->slot_count,
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
    while (e->retired) {
        slot *s = e->retired;

        e->retired = s->next_retired;
        hse_slot_free(s);
    }
    hse_parts_close(&e->parts);
    text_lexicon_close(&e->lexicon);
    hse_free(e->models_dir);
    hse_free(e->model_path);
    hse_free(e->state_dir);
    pthread_cond_destroy(&e->loaded);
    pthread_cond_destroy(&e->keeper_wake);
    pthread_cond_destroy(&e->split_wake);
    pthread_mutex_destroy(&e->plan_lock);
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
    for (slot *s = e->started; s; s = s->next_started)
        pthread_cond_broadcast(&s->wake);
    pthread_cond_broadcast(&e->keeper_wake);
    pthread_cond_broadcast(&e->loaded);
    pthread_mutex_unlock(&e->lock);

    hse_split_stop(e);                                  /* before any model closes: what it still holds points into them */
    if (e->keeper_started)
        pthread_join(e->keeper, NULL);
    for (slot *s = e->started; s; s = s->next_started)
        for (int i = 0; i < s->workers; i++)
            pthread_join(s->worker[i].thread, NULL);
    for (slot *s = e->started; s; s = s->next_started) {
        s->workers = 0;
        if (s->model)
            s->type->close(&s->model);
        for (int i = 0; i < MAX_INSTANCES; i++)
            hse_worker_close(&s->worker[i]);
    }
    nn_close(&e->plan);
    hse_pool_close(&e->pool);
    pthread_mutex_lock(&e->lock);
    hse_catalogue_unref(e, e->catalogue);
    e->catalogue = NULL;
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

/* ---- figures ------------------------------------------------------------------------------------------------------- */

/* Locked. */
static void model_stats(hse_model_stats *out, const slot *s, uint64_t now)
{
    *out = (hse_model_stats){.name = s->name, .type = s->type_name, .loaded = s->model || s->unloading, .loading = s->loading,
                             .problem = s->load_round && s->load_status != HSE_OK ? s->load_error.text : NULL,
                             .expires_s = s->expires_ns ? (s->expires_ns > now ? (double)(s->expires_ns - now) * 1e-9 : 0) : -1,
                             .requests = s->users, .loads = s->loads, .unloads_idle = s->unloads[UNLOAD_IDLE],
                             .unloads_budget = s->unloads[UNLOAD_BUDGET], .unloads_asked = s->unloads[UNLOAD_ASKED],
                             .bytes = hse_slot_bytes(s), .load_s = s->load_s, .waiting = s->waiting, .batches = s->batches,
                             .items = s->items_run, .held_open = s->held_open, .queue = s->queue_s, .run = s->run_s};
    for (int i = 0; i < s->workers; i++)
        out->activation_bytes += hse_worker_held(&s->worker[i]);
    memcpy(out->batch, s->batch_sizes, sizeof out->batch);
}

/* The names and problems are copied: a reload may take their models away. */
static size_t words(hse_model_stats *m, char *to)
{
    const char **const list[] = {&m->name, &m->type, &m->problem};
    size_t sum = 0;

    for (size_t i = 0; i < COUNT(list); i++) {
        size_t n = *list[i] ? strlen(*list[i]) + 1 : 0;

        if (to && n)
            *list[i] = memcpy(to + sum, *list[i], n);
        sum += n;
    }
    return sum;
}

/* Locked. One block with the list and its words. */
static hse_model_stats *all_models(const hse_engine *e)
{
    size_t n = e->catalogue->slot_count, size = (n + 1) * sizeof(hse_model_stats), at = size;
    uint64_t now = hse_now_ns();
    hse_model_stats one;

    for (size_t i = 0; i < n; i++) {
        model_stats(&one, e->catalogue->slots[i], now);
        size += words(&one, NULL);
    }
    hse_model_stats *list = hse_calloc(1, size);
    for (size_t i = 0; list && i < n; i++) {
        model_stats(&list[i], e->catalogue->slots[i], now);
        at += words(&list[i], (char *)list + at);
    }
    return list;
}

hse_status hse_engine_stats_get(hse_engine *e, hse_engine_stats *out, hse_error *err)
{
    pthread_mutex_lock(&e->lock);
    hse_model_stats *models = all_models(e);
    if (models) {
        *out = e->stats;
        out->models = models;
        out->model_count = e->catalogue->slot_count;
        out->memory_budget = e->memory_budget;
    }
    for (const hse_job *j = e->jobs; models && j; j = j->next) {
        if (j->running)
            out->kind[j->kind].running++;
        else
            out->kind[j->kind].waiting++;
    }
    pthread_mutex_unlock(&e->lock);
    if (!models)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the figures");
    out->resident_bytes = hse_resident_bytes();
    return HSE_OK;
}

void hse_engine_stats_free(hse_engine_stats *stats)
{
    hse_free(stats->models);
    stats->models = NULL;
    stats->model_count = 0;
}
