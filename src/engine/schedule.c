/* schedule.c - queues, fair shares, batches, and the worker thread of each model. */
#include "base/log.h"
#include "engine/internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

const double hse_seconds_bucket[HSE_SECONDS_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1,
                                                        0.25,  0.5,    1,     2.5,  5,    10,   30,   60};
const int    hse_batch_bucket[HSE_BATCH_BUCKETS] = {1, 2, 4, 8, 16, 32, 64, INT32_MAX};

void hse_seconds_add(hse_seconds_histogram *h, uint64_t ns)
{
    double s = (double)ns * 1e-9;

    h->count++;
    h->sum += s;
    for (int i = 0; i < HSE_SECONDS_BUCKETS; i++)
        if (s <= hse_seconds_bucket[i]) {
            h->bucket[i]++;
            return;
        }
}

hse_status hse_cond_init(pthread_cond_t *c, hse_error *err)
{
    pthread_condattr_t attr;
    int e = pthread_condattr_init(&attr);

    if (e == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        e = pthread_cond_init(c, &attr);
        pthread_condattr_destroy(&attr);
    }
    return e ? hse_fail_sys(err, e, "cannot make a condition variable") : HSE_OK;
}

bool hse_cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ns)
{
    if (until_ns == 0) {
        pthread_cond_wait(c, lock);
        return true;
    }
    struct timespec t = {.tv_sec = (time_t)(until_ns / 1000000000u), .tv_nsec = (long)(until_ns % 1000000000u)};
    return pthread_cond_timedwait(c, lock, &t) != ETIMEDOUT;
}

/* ---- work ---------------------------------------------------------------------------------------------------------- */

work *hse_work_new(hse_job *job, slot *s, bool (*done)(work *w))
{
    work *w = hse_calloc(1, sizeof *w);

    if (!w)
        return NULL;
    hse_item_init(&w->own);
    w->item = &w->own;
    w->job = job;
    w->slot = s;
    w->done = done;
    job->refs++;
    job->works++;
    return w;
}

void hse_work_free(work *w)
{
    hse_job *job = w->job;

    if (w->borrowed & HSE_AUDIO)
        w->own.audio = (hse_audio){0};
    if (w->borrowed & HSE_MEL)
        w->own.mel = NULL;
    if (w->borrowed & HSE_EMBEDDING)
        w->own.embedding = NULL;
    if (w->borrowed & HSE_SEGMENTS)
        w->own.segments = NULL;
    hse_item_free(&w->own);
    hse_free(w);
    job->works--;
    hse_job_settle(job);
    hse_job_unref(job);
}

/* Start-time fair queueing: an item starts, in virtual time, when its flow's last one ends, but not before now; the queue is
 * served by start time. A flow that sends much falls behind by what it has sent; one that comes after a pause starts at
 * now, and so passes what others have queued ahead of their share. */
void hse_work_post(work *w, double cost)
{
    slot *s = w->slot;
    double *finish = &w->job->flow->finish[s->index];
    work **at = &s->queue;

    w->cost = cost;
    w->tag = fmax(s->clock, *finish);
    *finish = w->tag + cost / w->job->weight;
    w->queued_ns = hse_now_ns();
    while (*at && (*at)->tag <= w->tag)
        at = &(*at)->next;
    w->next = *at;
    *at = w;
    s->waiting++;
    w->job->outstanding++;
    pthread_cond_signal(&s->wake);
}

void hse_slot_cancel_dead(slot *s)
{
    for (size_t i = 0; i < s->batch_n; i++)
        if (!s->batch[i]->job->ended)
            return;
    if (s->batch_n)
        atomic_store(&s->cancel_batch, true);
}

/* ---- the worker ---------------------------------------------------------------------------------------------------- */

/* Jobs that compute elsewhere now and will come here: worth a short wait. */
static size_t others_coming(const slot *s)
{
    size_t n = 0;

    for (const hse_job *j = s->engine->jobs; j; j = j->next) {
        bool comes = false;

        for (size_t i = 0; i < j->step_count; i++)
            comes |= j->step[i] == s;
        for (const work *w = s->queue; comes && w; w = w->next)
            comes = w->job != j;
        n += comes && j->outstanding > 0;
    }
    return n;
}

/* Locked. Give a batch a moment to fill, while somebody is on the way: at most half of what a batch takes to compute, so that
 * waiting costs less than the larger batch wins. */
static void wait_for_company(slot *s)
{
    hse_engine *e = s->engine;
    uint64_t window = s->usual_ns / 2 < e->window_ns ? s->usual_ns / 2 : e->window_ns, until = hse_now_ns() + window;

    while (window && !e->stopping && s->queue && s->waiting < (size_t)s->max_batch && hse_now_ns() < until && others_coming(s) > 0)
        hse_cond_wait_until(&s->wake, &e->lock, until);
}

/* Locked. The first items of the queue become the batch. */
static void take_batch(slot *s)
{
    uint64_t now = hse_now_ns();

    s->batch_n = 0;
    atomic_store(&s->cancel_batch, false);
    while (s->queue && s->batch_n < (size_t)s->max_batch) {
        work *w = s->queue;

        s->queue = w->next;
        w->next = NULL;
        s->waiting--;
        s->clock = fmax(s->clock, w->tag);
        w->job->running++;
        w->job->result.queue_ns += now - w->queued_ns;
        hse_seconds_add(&s->queue_s, now - w->queued_ns);
        s->batch[s->batch_n++] = w;
    }
}

/* Not locked. A batch that does not fit into memory is tried in halves. */
static void run_items(slot *s, hse_item **items, size_t n)
{
    hse_status status = s->type->run(s->model, s->nn, items, n);

    if (status == HSE_OK)
        return;
    if ((status == HSE_E_NOMEM || status == HSE_E_LIMIT) && n > 1) {
        for (size_t i = 0; i < n; i++)
            items[i]->status = HSE_OK;
        run_items(s, items, n / 2);
        run_items(s, items + n / 2, n - n / 2);
        return;
    }
    hse_error err;
    hse_fail(&err, status, 0, "model '%s': %s", s->name, hse_status_name(status));
    for (size_t i = 0; i < n; i++)
        if (items[i]->status == HSE_OK) {
            items[i]->status = status;
            items[i]->error = err;
        }
}

/* Locked. Count one batch. */
static void count_batch(slot *s, uint64_t ns)
{
    int i = 0;

    while ((size_t)hse_batch_bucket[i] < s->batch_n)
        i++;
    s->batch_sizes[i]++;
    s->batches++;
    s->items_run += s->batch_n;
    hse_seconds_add(&s->run_s, ns);
}

/* Locked. Hand the items back: each to its job, which says what comes next. */
static void finish_batch(slot *s, uint64_t ns)
{
    size_t n = s->batch_n;

    count_batch(s, ns);
    s->usual_ns = s->usual_ns ? (3 * s->usual_ns + ns) / 4 : ns;
    s->batch_n = 0;                                     /* a job that ends from here on has nothing to stop */
    for (size_t i = 0; i < n; i++) {
        work *w = s->batch[i];
        hse_job *job = w->job;

        job->running--;
        job->outstanding--;
        job->result.run_ns += ns / n;
        if (!job->ended && w->item->status != HSE_OK)
            hse_job_end(job, w->item->status, &w->item->error);
        if (job->ended || !w->done(w))
            hse_work_free(w);
    }
}

/* Locked; lets go of the lock while it computes. */
static void run_batch(slot *s)
{
    hse_engine *e = s->engine;

    take_batch(s);
    for (size_t i = 0; i < s->batch_n; i++)
        s->items[i] = s->batch[i]->item;
    pthread_mutex_unlock(&e->lock);
    uint64_t start = hse_now_ns();
    run_items(s, s->items, s->batch_n);
    uint64_t ns = hse_now_ns() - start;
    pthread_mutex_lock(&e->lock);
    finish_batch(s, ns);
}

/* Not locked. */
static hse_status load(slot *s, void **model, hse_error *err)
{
    hse_model_source source = {.dir = s->dir, .load_format = s->load_format, .kernels = s->engine->kernels,
                               .precision = s->precision};
    hse_status status = HSE_OK;

    if (!s->nn) {
        nn_options o = {.kernels = s->engine->kernels, .pool = s->engine->pool};

        status = nn_open(&s->nn, &o, err);
        if (status == HSE_OK)
            nn_cancel_by(s->nn, &s->cancel_batch, 0);
    }
    if (status == HSE_OK)
        status = s->type->open(model, &source, err);
    return status;
}

static const char *const precision_names[K_WEIGHT_TYPES] = {[K_F32] = "float32", [K_BF16] = "bfloat16", [K_INT8] = "int8"};

/* Locked. Jobs whose split needs this model open go on; on a failure all that need it at any step end with the reason. */
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

/* Locked; lets go of the lock while it loads. On failure everybody who waits for this model gets the reason, and the next
 * request tries again. */
static void load_and_tell(slot *s)
{
    hse_engine *e = s->engine;
    hse_error err = {0};
    void *model = NULL;

    pthread_mutex_unlock(&e->lock);
    uint64_t start = hse_now_ns();
    hse_status status = load(s, &model, &err);
    uint64_t ns = hse_now_ns() - start;
    if (status == HSE_OK)
        hse_log(HSE_LOG_INFO, "engine", NULL, "model %s loaded from %s in %.0f ms, %zu bytes of weights, %s (auto would be %s)", s->name,
                s->dir, (double)ns * 1e-6, s->type->bytes ? s->type->bytes(model) : 0, precision_names[s->precision],
                precision_names[hse_auto_precision(s->engine, s->type)]);
    else
        hse_log(HSE_LOG_ERROR, "engine", NULL, "model %s did not load from %s: %s", s->name, s->dir, err.text);
    pthread_mutex_lock(&e->lock);

    s->load_wanted = 0;
    s->load_round++;
    s->load_status = status;
    s->load_error = err;
    s->load_s = (double)ns * 1e-9;
    if (status == HSE_OK) {
        s->model = model;
        s->bytes = s->type->bytes ? s->type->bytes(model) : 0;
    } else {
        hse_fail_in(&s->load_error, status, "model '%s' does not load", s->name);
    }
    tell_jobs(s, status);
    pthread_cond_broadcast(&e->loaded);
}

static void *worker(void *arg)
{
    slot *s = arg;
    hse_engine *e = s->engine;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        if (!s->queue && !(s->load_wanted && !s->model)) {
            pthread_cond_wait(&s->wake, &e->lock);
        } else if (!s->model) {
            load_and_tell(s);
        } else {
            wait_for_company(s);
            if (s->queue)
                run_batch(s);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

hse_status hse_slot_start(slot *s, hse_error *err)
{
    if (s->started)
        return HSE_OK;
    if (!s->batch && !(s->batch = hse_calloc((size_t)s->max_batch, sizeof(work *))))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the batches of model '%s'", s->name);
    if (!s->items && !(s->items = hse_calloc((size_t)s->max_batch, sizeof(hse_item *))))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the batches of model '%s'", s->name);

    int e = pthread_create(&s->thread, NULL, worker, s);
    if (e)
        return hse_fail_sys(err, e, "cannot start the thread of model '%s'", s->name);
    s->started = true;
    return HSE_OK;
}
