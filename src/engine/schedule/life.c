/* life.c - when a model is in memory: loaded by the first request that needs it, kept for keep_alive after its last user, given up
 * earlier for another one where there is a memory budget (least recently used first), loaded and unloaded by name.
 *
 * A slot's first worker thread does the loading and unloading, so that neither holds up another model. A model that has users
 * (jobs that are not done, live sessions, somebody who waits for it to load) is never taken away. What it held goes back to the
 * system: weights and activations are mappings, the rest is trimmed from the heap. */
#include "base/file.h"
#include "base/log.h"
#include "engine/internal.h"

#include <math.h>
#include <unistd.h>

size_t hse_resident_bytes(void)
{
    uint64_t pages[2];                                  /* all, resident */

    return hse_file_numbers(pages, 2, "/proc/self/statm") == 2 ? (size_t)pages[1] * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / 1048576;
}

/* ---- users (locked) ------------------------------------------------------------------------------------------------ */

void hse_slot_want(slot *s)
{
    if (s->model || s->load_wanted)
        return;
    s->load_wanted = true;
    pthread_cond_broadcast(&s->wake);
}

void hse_slot_use(slot *s)
{
    s->users++;
    s->expires_ns = 0;
    if (s->unload == UNLOAD_IDLE || s->unload == UNLOAD_BUDGET)
        s->unload = UNLOAD_NO;
}

/* When it goes, counted from its last use. */
static void set_expiry(slot *s)
{
    hse_engine *e = s->engine;
    double keep = s->keep_s;

    if (isnan(keep))
        keep = s->preload ? HSE_KEEP_FOREVER : s->keep_alive != HSE_KEEP_ABSENT ? s->keep_alive : e->keep_alive;
    s->expires_ns = keep < 0 || keep > 1e9 ? 0 : s->used_ns + (uint64_t)(keep * 1e9) + 1;
}

void hse_slot_leave(slot *s, double keep_s)
{
    if (!isnan(keep_s))
        s->keep_s = keep_s;
    s->used_ns = hse_now_ns();
    if (--s->users)
        return;
    set_expiry(s);
    if (s->unload)
        pthread_cond_broadcast(&s->wake);
    if (s->expires_ns)
        pthread_cond_signal(&s->engine->keeper_wake);
}

bool hse_slot_may_unload(const slot *s)
{
    if (!s->model || s->users || s->queue)
        return false;
    for (int i = 0; i < s->workers; i++)
        if (s->worker[i].busy)
            return false;
    return true;
}

uint64_t hse_slots_expire(hse_engine *e, uint64_t now)
{
    uint64_t next = 0;

    for (size_t i = 0; i < e->catalogue->slot_count; i++) {
        slot *s = e->catalogue->slots[i];

        if (!s->model || s->users || !s->expires_ns)
            continue;
        if (s->expires_ns <= now) {
            s->unload = s->unload ? s->unload : UNLOAD_IDLE;
            pthread_cond_broadcast(&s->wake);
        } else if (!next || s->expires_ns < next) {
            next = s->expires_ns;
        }
    }
    return next;
}

/* ---- the budget (locked) ------------------------------------------------------------------------------------------- */

uint64_t hse_slot_weight(const slot *s)
{
    return s->bytes ? s->bytes : s->file_bytes;
}

static bool have_companion(const slot *a, const slot *b)
{
    return a->companion && b->companion && a->companion_bytes && strcmp(a->companion, b->companion) == 0;
}

uint64_t hse_slots_weight(slot *const *list, size_t n, bool (*counts)(const slot *s, const void *user), const void *user,
                          slot *const *beside, size_t beside_n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        bool again = false;

        if (counts && !counts(list[i], user))
            continue;
        for (size_t k = 0; k < i && !again; k++)
            again = have_companion(list[i], list[k]) && (!counts || counts(list[k], user));
        for (size_t k = 0; k < beside_n && !again; k++)
            again = have_companion(list[i], beside[k]);
        sum += hse_slot_weight(list[i]) - (again ? list[i]->companion_bytes : 0);
    }
    return sum;
}

uint64_t hse_slot_bytes(const slot *s)
{
    const catalogue *c = s->engine->catalogue;
    bool again = false;

    if (!s->model)
        return 0;
    for (size_t i = 0; i < c->slot_count && c->slots[i] != s; i++)
        again |= c->slots[i]->model && have_companion(s, c->slots[i]);
    return s->bytes - (again ? s->companion_bytes : 0);
}

static slot *least_recently_used(hse_engine *e, const slot *but)
{
    slot *oldest = NULL;

    for (size_t i = 0; i < e->catalogue->slot_count; i++) {
        slot *s = e->catalogue->slots[i];

        if (s != but && !s->unload && hse_slot_may_unload(s) && (!oldest || s->used_ns < oldest->used_ns))
            oldest = s;
    }
    return oldest;
}

/* Those on their way out hold nothing any more. */
static bool stays(const slot *s, const void *comes)
{
    return s == comes || (s->model && !(s->unload && hse_slot_may_unload(s)));
}

/* Send idle models away until all that stay have room, and this one that comes (NULL: none). */
static void make_room(hse_engine *e, const slot *comes)
{
    const catalogue *c = e->catalogue;
    slot *s;

    while (e->memory_budget && hse_slots_weight(c->slots, c->slot_count, stays, comes, NULL, 0) > e->memory_budget &&
           (s = least_recently_used(e, comes))) {
        s->unload = UNLOAD_BUDGET;
        pthread_cond_broadcast(&s->wake);
    }
}

/* ---- loading and unloading (by the slot's first worker) ------------------------------------------------------------ */

static const char *const precision_names[K_WEIGHT_TYPES] = {[K_F32] = "float32", [K_BF16] = "bfloat16", [K_INT8] = "int8"};

/* Not locked. */
static hse_status load(slot *s, uint64_t budget, void **model, hse_error *err)
{
    hse_engine *e = s->engine;
    const hse_model_source source = {.dir = s->dir, .load_format = s->load_format, .kernels = e->kernels, .precision = s->precision,
                                     .as_stored = s->as_stored, .pool = e->pool, .lexicon = e->lexicon,
                                     .language = s->language_count ? s->languages[0] : NULL, .companion = s->companion,
                                     .parts = e->parts};
    hse_status status = HSE_OK;

    for (int i = 0; status == HSE_OK && i < s->workers; i++)
        status = hse_worker_open(&s->worker[i], budget, err);
    return status == HSE_OK ? s->type->open(model, &source, err) : status;
}

static void log_load(const slot *s, const void *model, const hse_error *err, uint64_t ns, uint64_t bytes, size_t before)
{
    if (model)
        hse_log(HSE_LOG_INFO, "engine", NULL,
                "model %s loaded from %s in %.0f ms, %llu bytes of weights, %s (auto would be %s), resident %.1f -> %.1f MiB", s->name,
                s->dir, (double)ns * 1e-6, (unsigned long long)bytes,
                precision_names[s->type->precision ? s->type->precision(model) : s->precision],
                precision_names[hse_auto_precision(s->engine, s->type)], mib(before), mib(hse_resident_bytes()));
    else
        hse_log(HSE_LOG_ERROR, "engine", NULL, "model %s did not load from %s: %s", s->name, s->dir, err->text);
}

/* Jobs whose split needs this model open go on; on a failure all that need it at any step end with the reason. */
static void tell_jobs(slot *s, hse_status status)
{
    for (hse_job *j = s->engine->jobs, *after; j; j = after) {
        bool needs = false;

        after = j->next;
        for (size_t i = 0; i < j->step_count; i++)
            needs |= j->step[i] == s;
        if (status != HSE_OK && needs) {
            hse_job_end(j, status, &s->load_error);
        } else if (j->waits_for == s) {
            j->waits_for = NULL;
            hse_job_advance(j);
        }
    }
}

/* On failure everybody who waits for this model gets the reason, and the next request tries again. */
void hse_slot_load(slot *s)
{
    hse_engine *e = s->engine;
    uint64_t budget = e->memory_budget;
    hse_error err = {0};
    void *model = NULL;

    s->loading = true;
    make_room(e, s);
    pthread_mutex_unlock(&e->lock);
    size_t before = hse_resident_bytes();
    uint64_t start = hse_now_ns();
    hse_status status = load(s, budget, &model, &err);
    uint64_t ns = hse_now_ns() - start, bytes = status == HSE_OK && s->type->bytes ? s->type->bytes(model) : 0;
    hse_mem_trim();                                     /* the checkpoint's tables are not needed any more */
    log_load(s, model, &err, ns, bytes, before);
    pthread_mutex_lock(&e->lock);

    s->loading = s->load_wanted = false;
    s->load_round++;
    s->load_status = status;
    s->load_error = err;
    s->load_s = (double)ns * 1e-9;
    if (status == HSE_OK) {
        s->model = model;
        s->bytes = bytes;
        s->companion_bytes = s->type->companion_bytes ? s->type->companion_bytes(model) : 0;
        s->loads++;
        s->used_ns = hse_now_ns();
        if (!s->users)
            set_expiry(s);
        make_room(e, s);
    } else {
        hse_fail_in(&s->load_error, status, "model '%s' does not load", s->name);
        while (s->queue)                                /* of jobs that have ended since, none is left */
            hse_job_end(s->queue->job, status, &s->load_error);
    }
    tell_jobs(s, status);
    pthread_cond_broadcast(&e->loaded);
    pthread_cond_broadcast(&s->wake);
    pthread_cond_signal(&e->keeper_wake);
}

void hse_slot_unload(slot *s)
{
    static const char *const why[UNLOAD_REASONS] = {[UNLOAD_IDLE] = "idle", [UNLOAD_BUDGET] = "memory_budget", [UNLOAD_ASKED] = "asked"};
    hse_engine *e = s->engine;
    unload_reason reason = s->unload;
    void *model = s->model;

    s->unloads[reason]++;
    s->unload = UNLOAD_NO;
    s->model = NULL;
    s->unloading = true;
    s->keep_s = NAN;
    s->expires_ns = 0;
    pthread_mutex_unlock(&e->lock);
    size_t before = hse_resident_bytes();
    s->type->close(&model);
    for (int i = 0; i < s->workers; i++)
        hse_worker_close(&s->worker[i]);
    hse_mem_trim();
    hse_log(HSE_LOG_INFO, "engine", NULL, "model %s unloaded (%s), %llu bytes of weights, resident %.1f -> %.1f MiB", s->name, why[reason],
            (unsigned long long)s->bytes, mib(before), mib(hse_resident_bytes()));
    pthread_mutex_lock(&e->lock);
    for (int i = 0; i < s->workers; i++)
        s->worker[i].main.held = s->worker[i].pass.held = 0;
    s->unloading = false;
    pthread_cond_broadcast(&e->loaded);
}

/* ---- by name ------------------------------------------------------------------------------------------------------- */

/* Takes the catalogue of now, so that a reload does not take it away. */
static hse_status find_parts(catalogue **c, slot *parts[MAX_PARTS], size_t *n, hse_engine *e, const char *model, hse_error *err)
{
    if (!model || !*model)
        return hse_fail(err, HSE_E_ARG, 0, "model: a name is needed");
    pthread_mutex_lock(&e->lock);
    *c = e->catalogue;
    (*c)->refs++;
    hse_status s = hse_target_parts(parts, n, *c, model, err);
    if (s != HSE_OK)
        hse_catalogue_unref(e, *c);
    pthread_mutex_unlock(&e->lock);
    return s;
}

/* Locked. */
static hse_status wait_loaded(hse_engine *e, slot *s, hse_error *err)
{
    unsigned round = s->load_round;

    hse_slot_want(s);
    while (!s->model && s->load_round == round && !e->stopping)
        pthread_cond_wait(&e->loaded, &e->lock);
    if (s->model)
        return HSE_OK;
    if (e->stopping)
        return hse_fail(err, HSE_E_CANCELLED, 0, "the engine is closing");
    if (err)
        *err = s->load_error;
    return s->load_status;
}

hse_status hse_engine_load(hse_engine *e, const char *model, double keep_alive_s, hse_error *err)
{
    slot *parts[MAX_PARTS];
    catalogue *c = NULL;
    size_t n;
    hse_status s = find_parts(&c, parts, &n, e, model, err);

    if (s != HSE_OK)
        return s;
    pthread_mutex_lock(&e->lock);
    s = hse_keeper_start(e, err);
    for (size_t i = 0; s == HSE_OK && i < n; i++)
        s = hse_slot_start(parts[i], err);
    if (s == HSE_OK) {
        for (size_t i = 0; i < n; i++) {                /* all at once */
            hse_slot_use(parts[i]);
            hse_slot_want(parts[i]);
        }
        for (size_t i = 0; s == HSE_OK && i < n; i++)
            s = wait_loaded(e, parts[i], err);
        for (size_t i = 0; i < n; i++)
            hse_slot_leave(parts[i], keep_alive_s);
    }
    hse_catalogue_unref(e, c);
    pthread_mutex_unlock(&e->lock);
    return s;
}

hse_status hse_engine_unload(hse_engine *e, const char *model, double timeout_s, hse_error *err)
{
    uint64_t until = hse_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0), 1e9) * 1e9) + 1;
    slot *parts[MAX_PARTS];
    catalogue *c = NULL;
    size_t n, loaded = 1;
    hse_status s = find_parts(&c, parts, &n, e, model, err);

    if (s != HSE_OK)
        return s;
    pthread_mutex_lock(&e->lock);
    for (bool time_left = true; loaded && time_left && !e->stopping;) {
        loaded = 0;
        for (size_t i = 0; i < n; i++) {
            if (!parts[i]->model && !parts[i]->unloading)
                continue;
            loaded++;
            if (parts[i]->model)
                parts[i]->unload = UNLOAD_ASKED;
            pthread_cond_broadcast(&parts[i]->wake);
        }
        if (loaded)
            time_left = hse_cond_wait_until(&e->loaded, &e->lock, until);
    }
    for (size_t i = 0; i < n; i++) {                    /* given up: not a moment later than somebody knows of */
        if (parts[i]->model && parts[i]->unload == UNLOAD_ASKED) {
            parts[i]->unload = UNLOAD_NO;
            s = hse_fail(err, HSE_E_BUSY, 0, "model '%.60s' is in use", parts[i]->name);
        }
    }
    hse_catalogue_unref(e, c);
    pthread_mutex_unlock(&e->lock);
    return s;
}

/* Locked. They stay in memory; what does not load is in the log, and the next request tries again. */
void hse_preload(hse_engine *e, const hse_config *config)
{
    for (size_t i = 0; i < e->catalogue->slot_count; i++)
        e->catalogue->slots[i]->preload = false;
    for (size_t i = 0; config && i < config->preload_count; i++) {
        slot *parts[MAX_PARTS];
        hse_error err;
        size_t n = 0;
        hse_status s = hse_target_parts(parts, &n, e->catalogue, config->preload[i], &err);

        for (size_t k = 0; s == HSE_OK && k < n; k++)
            s = hse_slot_start(parts[k], &err);
        for (size_t k = 0; s == HSE_OK && k < n; k++) {
            parts[k]->preload = true;
            parts[k]->expires_ns = 0;
            hse_slot_want(parts[k]);
        }
        if (s != HSE_OK)
            hse_log(HSE_LOG_ERROR, "engine", NULL, "preload: %s", err.text);
    }
}

void hse_slots_reconsider(hse_engine *e)
{
    for (size_t i = 0; i < e->catalogue->slot_count; i++)
        if (e->catalogue->slots[i]->model && !e->catalogue->slots[i]->users)
            set_expiry(e->catalogue->slots[i]);
    make_room(e, NULL);
}

bool hse_engine_ready(hse_engine *e)
{
    bool ready = true;

    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->catalogue->slot_count; i++) {
        const slot *s = e->catalogue->slots[i];

        ready &= !s->preload || s->model || s->load_round > 0;
    }
    pthread_mutex_unlock(&e->lock);
    return ready;
}
