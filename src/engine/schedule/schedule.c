/* schedule.c - queues, fair shares, batches, and the worker threads of each model. */
#include "engine/internal.h"

#include <errno.h>
#include <math.h>

static const uint64_t REST_NS = 3000000000u;     /* after which a worker's activations go back */

static const double QUANTUM_NS = 30e6;
static const double AHEAD_S = 1;                 /* of audio that a long text has, before it gives way */
static const uint64_t LONG_NS = 50000000;        /* of computing, after which a long recording lets others in between */
static const double LEAST_SHARE = 1.0 / 16;      /* of the time since it came, which a long recording has before it gives way */
static const uint64_t GIVE_WAY_NS = 3000000;     /* who gave way looks again */

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

/* A long recording is only so once it has been computed for a while: a quick model is done with it before that. */
static bool is_long(const hse_job *j)
{
    return j->kind == HSE_JOB_SPEAK ? j->sentence_count > LONG_TEXT : j->result.audio_in_s > LONG_S && j->served_ns > LONG_NS;
}

/* A long text that is ahead of a listener can wait; being only that much ahead, it never falls behind for others' sake. To a recording
 * nobody listens while it is computed: it can wait once it has had its least share of the time. */
bool hse_job_can_wait(const hse_job *j, uint64_t now)
{
    if (!is_long(j))
        return false;
    if (j->kind == HSE_JOB_SPEAK)
        return j->made_s > (double)(now - j->opened_ns - j->result.first_ns) * 1e-9 + AHEAD_S;
    return (double)j->served_ns > (double)(now - j->opened_ns) * LEAST_SHARE;
}

static bool under_way(const hse_job *j)
{
    return j->outstanding > 0 || j->splitting || j->in_split_list;
}

/* All models share the threads, so it does not matter which of them computes. */
bool hse_short_ones(const hse_engine *e)
{
    for (const hse_job *j = e->jobs; j; j = j->next) {
        bool loaded = true;

        for (size_t i = 0; i < j->step_count; i++)
            loaded &= j->step[i]->model != NULL;
        if (loaded && !is_long(j) && under_way(j))
            return true;
    }
    return false;
}

/* Locked. What it has computed since the last time goes into its jobs' accounts. */
static void charge(lane *l, uint64_t now)
{
    uint64_t ns = l->away || now < l->charged_ns ? 0 : now - l->charged_ns;

    l->charged_ns = now;
    l->ran_ns += ns;
    for (size_t i = 0; i < l->batch_n; i++)
        l->batch[i]->job->served_ns += ns / l->batch_n;
}

/* Locked. */
static bool all_can_wait(lane *l, uint64_t now)
{
    bool all = l->batch_n > 0;

    charge(l, now);
    for (size_t i = 0; i < l->batch_n; i++)
        all &= hse_job_can_wait(l->batch[i]->job, now);
    return all;
}

/* Locked. Batches of which all can wait pause at their next operation. */
static void ask_to_give_way(hse_engine *e)
{
    uint64_t now = hse_now_ns();

    for (slot *s = e->started; s; s = s->next_started)
        for (int i = 0; i < s->workers; i++)
            if (all_can_wait(&s->worker[i].main, now))
                atomic_store(&s->worker[i].asked, true);
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
    if (!is_long(w->job) && hse_short_ones(s->engine))
        ask_to_give_way(s->engine);
}

void hse_slot_cancel_dead(slot *s)
{
    for (int i = 0; i < s->workers; i++) {
        lane *both[] = {&s->worker[i].main, &s->worker[i].pass};

        for (size_t k = 0; k < COUNT(both); k++) {
            bool dead = both[k]->batch_n > 0;

            for (size_t j = 0; j < both[k]->batch_n; j++)
                dead &= both[k]->batch[j]->job->ended;
            if (dead)
                atomic_store(&both[k]->cancel, true);
        }
    }
}

/* ---- the worker ---------------------------------------------------------------------------------------------------- */

/* Locked. The first of the queue that has not to give way. */
static work **first_in_turn(slot *s)
{
    uint64_t now = hse_now_ns();
    work **at = &s->queue;

    if (*at && hse_short_ones(s->engine))
        while (*at && hse_job_can_wait((*at)->job, now))
            at = &(*at)->next;
    return at;
}

/* Locked. Is there something that may pass a batch that gives way? */
static bool short_in_queue(const slot *s)
{
    const work *w = s->queue;

    while (w && is_long(w->job))
        w = w->next;
    return w != NULL;
}

/* Locked. Does it compute now, and may come here, itself or its client's next one? What only stands in another queue does not count: it
 * may wait for us as we wait for it. */
static bool comes_soon(const hse_job *j, const slot *s)
{
    bool comes = false;

    for (size_t i = 0; i < j->step_count; i++)
        comes |= j->step[i] == s;
    for (const work *w = s->queue; comes && w; w = w->next)
        comes = w->job != j;
    return comes && (j->running > 0 || j->splitting || j->in_split_list);
}

/* Locked. Jobs that compute elsewhere now, and so use the time, and will come here: worth a short wait. */
static bool others_coming(const slot *s)
{
    uint64_t now = hse_now_ns();

    for (const hse_job *j = s->engine->jobs; j; j = j->next)
        if (comes_soon(j, s) && !hse_job_can_wait(j, now))
            return true;
    return false;
}

/* Locked. Give a batch a moment to fill, while somebody computes who may come: at most what a batch takes to compute. Meanwhile they
 * have all threads, so that waiting costs less than the larger batch wins. */
static void wait_for_company(slot *s)
{
    hse_engine *e = s->engine;
    uint64_t window = s->usual_ns < e->window_ns ? s->usual_ns : e->window_ns, until = hse_now_ns() + window;
    bool held = false;

    for (; window && !e->stopping && s->queue && s->waiting < (size_t)s->max_batch && hse_now_ns() < until && others_coming(s); held = true)
        hse_cond_wait_until(&s->wake, &e->lock, until);
    s->held_open += held;
}

/* Several sentences or windows of one long text go together only while that is quick: who comes meanwhile waits for the whole batch. */
static bool too_much_of_one(const slot *s, const lane *l, const work *w, double cost)
{
    bool there = false;

    for (size_t i = 0; i < l->batch_n; i++)
        there |= l->batch[i]->job == w->job;
    return there && w->job->sentence_count > LONG_TEXT && (cost + w->cost) * s->ns_per_cost > QUANTUM_NS;
}

/* Locked. The first items of the queue become the batch; its cost is returned. passing: the short ones' alone. */
static double take_batch(slot *s, lane *l, bool passing)
{
    uint64_t now = hse_now_ns();
    bool hurry = hse_short_ones(s->engine);
    double cost = 0;

    l->batch_n = 0;
    l->charged_ns = now;
    l->ran_ns = 0;
    atomic_store(&l->cancel, false);
    for (work **at = &s->queue; *at && l->batch_n < (size_t)s->max_batch;) {
        work *w = *at;

        if ((passing && is_long(w->job)) || (hurry && hse_job_can_wait(w->job, now)) || too_much_of_one(s, l, w, cost)) {
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
        l->items[l->batch_n] = w->item;
        l->batch[l->batch_n++] = w;
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

/* Locked. Hand the items back: each to its job, which says what comes next. */
static void finish_batch(lane *l)
{
    size_t n = l->batch_n;

    l->batch_n = 0;                                     /* a job that ends from here on has nothing to stop */
    for (size_t i = 0; i < n; i++) {
        work *w = l->batch[i];
        hse_job *job = w->job;

        job->running--;
        job->result.run_ns += l->ran_ns / n;
        job->outstanding--;
        if (!job->ended && w->item->status != HSE_OK) {
            if (w->slot == job->encoder && w->item->status == HSE_E_ARG)
                hse_fail_in(&w->item->error, w->item->status, "%s", hse_heard_field(job));
            hse_job_end(job, w->item->status, &w->item->error);
        }
        if (job->ended || !w->done(w))
            hse_work_free(w);
    }
}

/* Locked; lets go of the lock while it computes. */
static void run_batch(slot *s, lane *l, bool passing)
{
    hse_engine *e = s->engine;
    double cost = take_batch(s, l, passing);

    pthread_mutex_unlock(&e->lock);
    run_items(s, l->nn, l->items, l->batch_n);
    uint64_t end = hse_now_ns(), held = nn_held(l->nn);
    if (s->type->lets_go)
        nn_trim(l->nn, 0);
    pthread_mutex_lock(&e->lock);
    charge(l, end);
    l->held = s->type->lets_go ? 0 : held;
    s->most_held = held > s->most_held ? held : s->most_held;
    if (!atomic_load(&l->cancel))
        count_batch(s, l->batch_n, cost, l->ran_ns);
    finish_batch(l);
}

/* Not locked: between two operations of a batch. While shorter requests are computed and this one can wait, it stands still; what
 * is short and wants the same model passes it, on this very thread, with activations of its own. So nothing is computed twice. */
static void give_way(void *arg)
{
    worker *w = arg;
    slot *s = w->slot;
    hse_engine *e = s->engine;

    if (!atomic_load_explicit(&w->asked, memory_order_relaxed))
        return;
    pthread_mutex_lock(&e->lock);
    for (uint64_t now = hse_now_ns(); !e->stopping && !atomic_load(&w->main.cancel) && all_can_wait(&w->main, now) && hse_short_ones(e);
         now = hse_now_ns()) {
        w->main.away = true;
        if (short_in_queue(s))
            run_batch(s, &w->pass, true);
        else
            hse_cond_wait_until(&s->wake, &e->lock, now + GIVE_WAY_NS);
    }
    charge(&w->main, hse_now_ns());                     /* up to here it was away */
    w->main.away = false;
    atomic_store(&w->asked, false);
    pthread_mutex_unlock(&e->lock);
}

static hse_status lane_open(lane *l, const slot *s, uint64_t budget, hse_error *err)
{
    const nn_options o = {.kernels = s->engine->kernels, .pool = s->engine->pool, .max_bytes = budget};
    hse_status status = l->nn ? HSE_OK : nn_open(&l->nn, &o, err);

    if (status == HSE_OK)
        nn_cancel_by(l->nn, &l->cancel, 0);
    return status;
}

hse_status hse_worker_open(worker *w, uint64_t budget, hse_error *err)
{
    hse_status status = lane_open(&w->main, w->slot, budget, err);

    if (status == HSE_OK)
        nn_between_by(w->main.nn, give_way, w);
    return status == HSE_OK ? lane_open(&w->pass, w->slot, budget, err) : status;
}

void hse_worker_close(worker *w)
{
    nn_close(&w->main.nn);
    nn_close(&w->pass.nn);
}

uint64_t hse_worker_held(const worker *w)
{
    return w->main.held + w->pass.held;
}

/* Locked; lets go of the lock. Activations that nobody has needed for a while go back to the system. */
static void trim(slot *s, worker *w)
{
    hse_engine *e = s->engine;

    w->main.held = w->pass.held = 0;
    w->busy = true;
    pthread_mutex_unlock(&e->lock);
    nn_trim(w->main.nn, 0);
    nn_trim(w->pass.nn, 0);
    hse_mem_trim();
    pthread_mutex_lock(&e->lock);
    w->busy = false;
}

/* Locked. Until there is something to do, or it has rested for so long that its activations can go. */
static void rest(slot *s, worker *w)
{
    uint64_t until = hse_worker_held(w) && s->model ? w->rested_ns + REST_NS : 0;

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
        } else if (s->model && w->main.nn && *first_in_turn(s)) {
            wait_for_company(s);
            if (s->model && *first_in_turn(s)) {
                w->busy = true;
                run_batch(s, &w->main, false);
                w->busy = false;
                w->rested_ns = hse_now_ns();
            }
        } else if (s->model && w->main.nn && s->queue) {
            hse_cond_wait_until(&s->wake, &e->lock, hse_now_ns() + GIVE_WAY_NS);
        } else {
            rest(s, w);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static bool lane_reserve(lane *l, int max_batch)
{
    l->batch = l->batch ? l->batch : hse_calloc((size_t)max_batch, sizeof *l->batch);
    l->items = l->items ? l->items : hse_calloc((size_t)max_batch, sizeof *l->items);
    return l->batch && l->items;
}

hse_status hse_slot_start(slot *s, hse_error *err)
{
    bool first = s->workers == 0;

    while (s->workers < s->instances) {
        worker *w = &s->worker[s->workers];

        w->slot = s;
        if (!lane_reserve(&w->main, s->max_batch) || !lane_reserve(&w->pass, s->max_batch))
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
