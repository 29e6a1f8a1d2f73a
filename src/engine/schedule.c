/* schedule.c - queues, fair shares, batches, and the worker threads of each model. */
#include "engine/internal.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>

static const uint64_t REST_NS = 3000000000u;     /* after which a worker's activations go back */

static const double QUANTUM_NS = 30e6;
static const double AHEAD_S = 1;                 /* of audio that a long text has, before it gives way */
static const uint64_t GIVE_WAY_NS = 3000000;     /* who gave way looks again */

enum { MAX_STOPS = 3 };                          /* of one item, in the middle of a batch, for others' sake */

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

/* A long text that is ahead of a listener can wait; being only that much ahead, it never falls behind for others' sake. */
static bool can_wait(const hse_job *j, uint64_t now)
{
    double heard_s = (double)(now - j->opened_ns - j->result.first_ns) * 1e-9;

    return j->sentence_count > LONG_TEXT && j->made_s > heard_s + AHEAD_S;
}

/* Locked. Is somebody computing anywhere, whose end is near? All models share the threads. */
static bool short_ones(const hse_engine *e)
{
    for (const hse_job *j = e->jobs; j; j = j->next) {
        bool loaded = true;

        for (size_t i = 0; i < j->step_count; i++)
            loaded &= j->step[i]->model != NULL;
        if (j->outstanding > 0 && j->sentence_count <= LONG_TEXT && loaded)
            return true;
    }
    return false;
}

/* Locked. Stop batches of which all can wait; their items go back into the queue, but not again and again. */
static void stop_those_who_can_wait(hse_engine *e)
{
    uint64_t now = hse_now_ns();

    for (slot *s = e->started; s; s = s->next_started)
        for (int i = 0; i < s->workers; i++) {
            worker *w = &s->worker[i];
            bool all = w->batch_n > 0;

            for (size_t k = 0; k < w->batch_n; k++)
                all &= w->batch[k]->stopped < MAX_STOPS && can_wait(w->batch[k]->job, now);
            if (all)
                atomic_store(&w->cancel, true);
        }
}

static void enqueue(work *w)
{
    slot *s = w->slot;
    work **at = &s->queue;

    while (*at && (*at)->tag <= w->tag)
        at = &(*at)->next;
    w->next = *at;
    *at = w;
    s->waiting++;
    s->waiting_cost += w->cost;
}

/* Start-time fair queueing: an item starts, in virtual time, when its flow's last one ends, but not before now; the queue is
 * served by start time. A flow that sends much falls behind by what it has sent; one that comes after a pause starts at
 * now, and so passes what others have queued ahead of their share. */
void hse_work_post(work *w, double cost)
{
    slot *s = w->slot;
    double *finish = &w->job->flow->finish[s->index];

    w->cost = cost;
    w->tag = fmax(s->clock, *finish);
    *finish = w->tag + cost / w->job->weight;
    w->queued_ns = hse_now_ns();
    enqueue(w);
    w->job->outstanding++;
    pthread_cond_broadcast(&s->wake);
    if (w->job->sentence_count <= LONG_TEXT && short_ones(s->engine))
        stop_those_who_can_wait(s->engine);
}

void hse_slot_cancel_dead(slot *s)
{
    for (int i = 0; i < s->workers; i++) {
        worker *w = &s->worker[i];
        bool dead = w->batch_n > 0;

        for (size_t k = 0; k < w->batch_n; k++)
            dead &= w->batch[k]->job->ended;
        if (dead)
            atomic_store(&w->cancel, true);
    }
}

/* ---- the worker ---------------------------------------------------------------------------------------------------- */

/* Locked. The first of the queue that has not to give way. */
static work **first_in_turn(slot *s)
{
    uint64_t now = hse_now_ns();
    work **at = &s->queue;

    if (*at && short_ones(s->engine))
        while (*at && can_wait((*at)->job, now))
            at = &(*at)->next;
    return at;
}

/* Jobs that compute elsewhere now and will come here: worth a short wait. */
static size_t others_coming(const slot *s)
{
    uint64_t now = hse_now_ns();
    size_t n = 0;

    for (const hse_job *j = s->engine->jobs; j; j = j->next) {
        bool comes = false;

        for (size_t i = 0; i < j->step_count; i++)
            comes |= j->step[i] == s;
        for (const work *w = s->queue; comes && w; w = w->next)
            comes = w->job != j;
        n += comes && j->outstanding > 0 && !can_wait(j, now);
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

/* Several sentences or windows of one long text go together only while that is quick: who comes meanwhile waits for the whole batch. */
static bool too_much_of_one(const slot *s, const worker *by, const work *w, double cost)
{
    bool there = false;

    for (size_t i = 0; i < by->batch_n; i++)
        there |= by->batch[i]->job == w->job;
    return there && w->job->sentence_count > LONG_TEXT && (cost + w->cost) * s->ns_per_cost > QUANTUM_NS;
}

/* Locked. The first items of the queue become the batch; its cost is returned. */
static double take_batch(slot *s, worker *by)
{
    uint64_t now = hse_now_ns();
    bool hurry = short_ones(s->engine);
    double cost = 0;

    by->batch_n = 0;
    atomic_store(&by->cancel, false);
    for (work **at = &s->queue; *at && by->batch_n < (size_t)s->max_batch;) {
        work *w = *at;

        if ((hurry && can_wait(w->job, now)) || too_much_of_one(s, by, w, cost)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = NULL;
        s->waiting--;
        s->waiting_cost = s->waiting ? s->waiting_cost - w->cost : 0;
        s->clock = fmax(s->clock, w->tag);
        w->job->running++;
        w->job->result.queue_ns += now - w->queued_ns;
        hse_seconds_add(&s->queue_s, now - w->queued_ns);
        cost += w->cost;
        by->items[by->batch_n] = w->item;
        by->batch[by->batch_n++] = w;
    }
    return cost;
}

/* Not locked. A batch that does not fit into memory is tried in halves. */
static void run_items(const slot *s, nn_ctx *nn, hse_item **items, size_t n)
{
    hse_status status = s->type->run(s->model, nn, items, n);

    if (status == HSE_OK)
        return;
    if ((status == HSE_E_NOMEM || status == HSE_E_LIMIT) && n > 1) {
        for (size_t i = 0; i < n; i++)
            items[i]->status = HSE_OK;
        run_items(s, nn, items, n / 2);
        run_items(s, nn, items + n / 2, n - n / 2);
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
static void count_batch(slot *s, size_t n, double cost, uint64_t ns)
{
    int i = 0;

    while ((size_t)hse_batch_bucket[i] < n)
        i++;
    s->batch_sizes[i]++;
    s->batches++;
    s->items_run += n;
    hse_seconds_add(&s->run_s, ns);
    s->usual_ns = s->usual_ns ? (3 * s->usual_ns + ns) / 4 : ns;
    if (cost > 0)
        s->ns_per_cost = s->ns_per_cost > 0 ? 0.9 * s->ns_per_cost + 0.1 * ((double)ns / cost) : (double)ns / cost;
}

/* Locked. Back into the queue, as if it had not been computed. */
static void begin_again(work *w)
{
    if (!(w->borrowed & HSE_AUDIO))
        hse_audio_free(&w->item->audio);
    if (!(w->borrowed & HSE_MEL)) {
        hse_free(w->item->mel);
        w->item->mel = NULL;
    }
    w->item->status = HSE_OK;
    w->item->error = (hse_error){0};
    w->stopped++;
    w->queued_ns = hse_now_ns();
    enqueue(w);
}

/* Locked. Hand the items back: each to its job, which says what comes next. */
static void finish_batch(worker *by, uint64_t ns)
{
    bool stopped = atomic_load(&by->cancel);
    size_t n = by->batch_n;

    by->batch_n = 0;                                    /* a job that ends from here on has nothing to stop */
    for (size_t i = 0; i < n; i++) {
        work *w = by->batch[i];
        hse_job *job = w->job;

        job->running--;
        job->result.run_ns += ns / n;
        if (stopped && !job->ended && w->item->status == HSE_E_CANCELLED && w->job->sentence_count > LONG_TEXT) {
            begin_again(w);
            continue;
        }
        job->outstanding--;
        if (!job->ended && w->item->status != HSE_OK)
            hse_job_end(job, w->item->status, &w->item->error);
        if (job->ended || !w->done(w))
            hse_work_free(w);
    }
}

/* Locked; lets go of the lock while it computes. */
static void run_batch(slot *s, worker *w)
{
    hse_engine *e = s->engine;
    double cost = take_batch(s, w);

    w->busy = true;
    pthread_mutex_unlock(&e->lock);
    uint64_t start = hse_now_ns();
    run_items(s, w->nn, w->items, w->batch_n);
    uint64_t end = hse_now_ns(), held = nn_held(w->nn);
    pthread_mutex_lock(&e->lock);
    w->busy = false;
    w->held = held;
    w->rested_ns = end;
    if (!atomic_load(&w->cancel))
        count_batch(s, w->batch_n, cost, end - start);
    finish_batch(w, end - start);
}

/* Locked; lets go of the lock. Activations that nobody has needed for a while go back to the system. */
static void trim(slot *s, worker *w)
{
    hse_engine *e = s->engine;

    w->held = 0;
    w->busy = true;
    pthread_mutex_unlock(&e->lock);
    nn_trim(w->nn, 0);
    malloc_trim(0);
    pthread_mutex_lock(&e->lock);
    w->busy = false;
}

/* Locked. Until there is something to do, or it has rested for so long that its activations can go. */
static void rest(slot *s, worker *w)
{
    uint64_t until = w->held && s->model ? w->rested_ns + REST_NS : 0;

    if (until && until <= hse_now_ns())
        trim(s, w);
    else
        hse_cond_wait_until(&s->wake, &s->engine->lock, until);
}

static void *run(void *arg)
{
    worker *w = arg;
    slot *s = w->slot;
    hse_engine *e = s->engine;
    bool first = w == &s->worker[0];

    pthread_mutex_lock(&e->lock);
    while (!e->stopping && !s->retired) {
        if (first && s->unload && hse_slot_may_unload(s)) {
            hse_slot_unload(s);
        } else if (first && !s->model && (s->queue || s->load_wanted)) {
            hse_slot_load(s);
        } else if (s->model && w->nn && *first_in_turn(s)) {
            wait_for_company(s);
            if (s->model && *first_in_turn(s))
                run_batch(s, w);
        } else if (s->model && w->nn && s->queue) {
            hse_cond_wait_until(&s->wake, &e->lock, hse_now_ns() + GIVE_WAY_NS);
        } else {
            rest(s, w);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

hse_status hse_slot_start(slot *s, hse_error *err)
{
    bool first = s->workers == 0;

    while (s->workers < s->instances) {
        worker *w = &s->worker[s->workers];

        w->slot = s;
        if ((!w->batch && !(w->batch = hse_calloc((size_t)s->max_batch, sizeof *w->batch))) ||
            (!w->items && !(w->items = hse_calloc((size_t)s->max_batch, sizeof *w->items))))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the batches of model '%s'", s->name);
        int e = pthread_create(&w->thread, NULL, run, w);
        if (e)
            return hse_fail_sys(err, e, "cannot start a thread of model '%s'", s->name);
        s->workers++;
        if (first && s->workers == 1) {
            s->next_started = s->engine->started;
            s->engine->started = s;
        }
    }
    return HSE_OK;
}
