/* admit.c - may a request come in? What cannot be done is refused before any work: too many requests, too much memory, too little
 * time. And whose share of the time it uses. */
#include "engine/internal.h"

#include <math.h>

/* ---- shares (locked) ----------------------------------------------------------------------------------------------- */

/* Every slot there is has a place in it. */
static bool reserve(flow *f, size_t slots)
{
    if (f->slots >= slots)
        return true;
    double *finish = hse_realloc(f->finish, (slots + 8) * sizeof *finish);
    if (!finish)
        return false;
    for (size_t i = f->slots; i < slots + 8; i++)
        finish[i] = 0;
    f->finish = finish;
    f->slots = slots + 8;
    return true;
}

static void flow_free(flow *f)
{
    hse_free(f->client);
    hse_free(f->finish);
    hse_free(f);
}

hse_status hse_flow_get(flow **out, hse_engine *e, const char *client, int priority, hse_error *err)
{
    flow *f = e->flows;

    while (client && f && !(f->client && f->priority == priority && strcmp(f->client, client) == 0))
        f = f->next;
    if (client && f) {
        if (!reserve(f, e->next_slot))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the request");
        f->refs++;
        *out = f;
        return HSE_OK;
    }
    f = hse_calloc(1, sizeof *f);
    if (!f || !reserve(f, e->next_slot) || (client && !(f->client = hse_strdup(client)))) {
        if (f)
            flow_free(f);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the request");
    }
    f->refs = 1;
    f->priority = priority;
    f->next = e->flows;
    e->flows = f;
    *out = f;
    return HSE_OK;
}

void hse_flow_put(hse_engine *e, flow *f)
{
    if (!f || --f->refs)
        return;
    for (flow **at = &e->flows; *at; at = &(*at)->next)
        if (*at == f) {
            *at = f->next;
            break;
        }
    flow_free(f);
}

/* ---- memory -------------------------------------------------------------------------------------------------------- */

/* One of those that speak its sentences. */
static bool speaks(const hse_job *job, const slot *s)
{
    return job->synthesizer && s->type == job->synthesizer->type;
}

/* The largest items that a job brings to a step, as far as its request says: at most two kinds, since a model may both make a mel and
 * decode it. A recording that comes bit by bit is planned as an hour. Only the text is theirs (hse_free). */
static size_t plan_items(const hse_job *job, const slot *s, hse_item item[2])
{
    enum { LETTERS = 13, FRAMES = 8 };                  /* a second; a letter: nobody speaks more slowly */
    const sentence *longest = job->sentence_count ? &job->sentences[0] : NULL;
    size_t n = 0;

    for (size_t i = 1; i < job->sentence_count; i++)
        if (job->sentences[i].to - job->sentences[i].from > longest->to - longest->from)
            longest = &job->sentences[i];
    hse_item_init(&item[0]);
    hse_item_init(&item[1]);
    if (s->type->takes & HSE_AUDIO || (job->kind == HSE_JOB_RESTORE && s->type->takes & HSE_MEL)) {
        item[n].has = HSE_AUDIO;
        item[n].audio = s == job->encoder && job->kind == HSE_JOB_CONVERT ? job->target : job->audio;
        if (job->fed)
            item[n].audio.n = (size_t)3600 * (size_t)item[n].audio.rate_hz;
        if (s == job->converter && longest)             /* of what was spoken */
            item[n].audio = (hse_audio){.n = (longest->to - longest->from) * 22050 / LETTERS, .rate_hz = 22050, .channels = 1};
        n++;
    }
    if (speaks(job, s) && longest && (item[n].text = hse_strndup(job->text + longest->from, longest->to - longest->from))) {
        item[n].has = HSE_TEXT;
        item[n].speed = (job->speed != 0 ? job->speed : 1) * longest->style->rate;
        n++;
    }
    if (s == job->vocoder || (job->vocoder == job->synthesizer && speaks(job, s))) {
        double speed = longest ? (job->speed != 0 ? job->speed : 1) * longest->style->rate : 1;
        double frames = longest ? (double)(longest->to - longest->from) * FRAMES / fmax(speed, 0.01) + FRAMES : (double)job->window;
        size_t most = hse_speak_most_frames(job);
        item[n].has = HSE_MEL;
        item[n++].mel_frames = frames < (double)most ? (size_t)frames : most;
    }
    for (size_t i = 0; i < n; i++)
        item[i].reference = job->reference;
    return n;
}

/* Its items that may be in one batch. */
static size_t own_items(const hse_job *job, const slot *s)
{
    size_t n = s == job->vocoder ? 4 : speaks(job, s) ? (job->sentence_count < LOOKAHEAD ? job->sentence_count : LOOKAHEAD)
               : s->type->split_open ? 8 : 1;

    return n < (size_t)s->max_batch ? n : (size_t)s->max_batch;
}

/* Not locked. Activations of a step for one item of this job, and for a batch of its items and of those who use the model now. By planning,
 * once the model is loaded; what cannot be planned by the largest batch so far. */
static void plan_step(hse_job *job, slot *s, size_t *one, size_t *batch)
{
    hse_engine *e = job->engine;
    hse_item item[2], *items[HSE_PLAN_ITEMS];

    *one = *batch = 0;
    pthread_mutex_lock(&e->lock);
    bool there = s->model != NULL;
    size_t n = own_items(job, s) * (s->users + 1), measured = s->most_held;
    if (there)
        hse_slot_use(s);
    pthread_mutex_unlock(&e->lock);
    if (!there)
        return;

    n = n < (size_t)s->max_batch ? n : (size_t)s->max_batch;
    n = n < HSE_PLAN_ITEMS ? n : HSE_PLAN_ITEMS;
    for (size_t kinds = s->type->plan ? plan_items(job, s, item) : 0, k = 0; k < kinds; k++) {
        for (size_t i = 0; i < n; i++)
            items[i] = &item[k];
        pthread_mutex_lock(&e->plan_lock);
        size_t alone = s->type->plan(s->model, e->plan, items, 1), all = s->type->plan(s->model, e->plan, items, n);
        pthread_mutex_unlock(&e->plan_lock);
        *one = alone > *one ? alone : *one;
        *batch = all > *batch ? all : *batch;
        hse_free(item[k].text);
    }
    if (*batch == 0)
        *batch = measured;
    pthread_mutex_lock(&e->lock);
    hse_slot_leave(s, NAN);
    pthread_mutex_unlock(&e->lock);
}

hse_status hse_admit(hse_job *job, hse_error *err)
{
    hse_engine *e = job->engine;
    uint64_t budget = job->budget, weights = 0, most = 0, batches = 0;

    if (!budget)
        return HSE_OK;
    for (size_t i = 0; i < job->step_count; i++) {
        size_t one, batch;

        plan_step(job, job->step[i], &one, &batch);
        most = one > most ? one : most;
        batches += batch;                               /* the steps run side by side */
    }
    pthread_mutex_lock(&e->lock);
    weights = hse_slots_weight(job->step, job->step_count, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&e->lock);
    if (weights + most > budget) {
        pthread_mutex_lock(&e->lock);
        e->stats.rejected_memory++;
        pthread_mutex_unlock(&e->lock);
        return hse_fail(err, HSE_E_LIMIT, 0, "the request needs %.1f MiB of memory (%.1f of them weights), memory_budget is %.1f MiB",
                        (double)(weights + most) / 1048576, (double)weights / 1048576, (double)budget / 1048576);
    }
    job->planned = weights + batches < budget ? weights + batches : budget;     /* where it is tight batches are run in halves */
    return HSE_OK;
}

static bool of_others(const slot *s, const void *user)
{
    const hse_job *job = user;
    bool mine = false;

    for (size_t k = 0; k < job->step_count; k++)
        mine |= job->step[k] == s;
    return !mine && s->users;
}

/* Locked. Models of others that cannot go now. */
static uint64_t in_use(const hse_job *job)
{
    const catalogue *c = job->engine->catalogue;
    uint64_t sum = hse_slots_weight(c->slots, c->slot_count, of_others, job, job->step, job->step_count);

    for (size_t i = 0; i < c->slot_count; i++)
        for (int k = 0; of_others(c->slots[i], job) && k < c->slots[i]->workers; k++)
            sum += hse_worker_held(&c->slots[i]->worker[k]);
    return sum;
}

/* ---- time (locked) ------------------------------------------------------------------------------------------------- */

/* Seconds that this job's own work takes at least, by what its models took for others: 0 while that is not known. */
static double own_seconds(const hse_job *job)
{
    const slot *s = job->kind == HSE_JOB_EMBED ? job->encoder : job->step_count ? job->step[job->main_from] : NULL;
    double cost = job->kind == HSE_JOB_SPEAK ? 0 : (double)job->audio.n;

    if (!s || s->type->split_open || s->max_batch < 1)
        return 0;
    return cost * s->ns_per_cost * 1e-9 / s->max_batch;
}

double hse_engine_retry_after(hse_engine *e, hse_job_kind kind)
{
    pthread_mutex_lock(&e->lock);
    double each = e->interval_s[kind], waiting = 0;
    for (const hse_job *j = e->jobs; j; j = j->next)
        waiting += j->kind == kind;
    pthread_mutex_unlock(&e->lock);
    /* Half of the queue: by then there is room, and not all come back for the same place. */
    return fmin(fmax(each * (waiting / 2 + 1), 1), 60);
}

hse_status hse_admit_now(hse_job *job, hse_error *err)
{
    hse_engine *e = job->engine;
    hse_kind_stats *k = &e->stats.kind[job->kind];
    uint64_t now = hse_now_ns();

    if (e->job_count >= (size_t)e->max_requests) {
        k->rejected++;
        e->stats.rejected_busy++;
        return hse_fail(err, HSE_E_BUSY, 0, "%zu requests are waiting or running, which is the limit (max_requests)", e->job_count);
    }
    if (e->memory_budget && job->planned + in_use(job) > e->memory_budget) {
        k->rejected++;
        e->stats.rejected_memory++;
        return hse_fail(err, HSE_E_BUSY, 0,
                        "there is no memory for it now: it needs %.1f MiB beside %.1f MiB in use, memory_budget is %.1f MiB",
                        (double)job->planned / 1048576, (double)in_use(job) / 1048576, (double)e->memory_budget / 1048576);
    }
    if (job->deadline_ns > now && own_seconds(job) * 1e9 > (double)(job->deadline_ns - now)) {
        k->rejected++;
        e->stats.rejected_deadline++;
        return hse_fail(err, HSE_E_DEADLINE, 0, "it takes at least %.1f s, which is more than timeout_s", own_seconds(job));
    }
    return HSE_OK;
}
