/* keeper.c - the thread for what happens at a time: requests whose time has run out, models that are idle for long enough, and
 * threads of models that no config names any more. */
#include "engine/internal.h"

/* Locked. The next deadline, 0: none. */
static uint64_t end_late_jobs(hse_engine *e, uint64_t now)
{
    uint64_t next = 0;

    for (hse_job *j = e->jobs, *after; j; j = after) {
        after = j->next;
        if (j->deadline_ns && j->deadline_ns <= now) {
            hse_error err;

            hse_fail(&err, HSE_E_DEADLINE, 0, "the request's time ran out (timeout_s)");
            hse_job_end(j, HSE_E_DEADLINE, &err);
        } else if (j->deadline_ns && (!next || j->deadline_ns < next)) {
            next = j->deadline_ns;
        }
    }
    return next;
}

/* Locked; lets go of the lock. */
static void bury(hse_engine *e)
{
    slot *s = e->retired;

    e->retired = s->next_retired;
    for (slot **at = &e->started; *at; at = &(*at)->next_started)
        if (*at == s) {
            *at = s->next_started;
            break;
        }
    pthread_mutex_unlock(&e->lock);
    for (int i = 0; i < s->workers; i++)
        pthread_join(s->worker[i].thread, NULL);
    hse_slot_free(s);
    pthread_mutex_lock(&e->lock);
}

static void *run(void *arg)
{
    hse_engine *e = arg;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        uint64_t now = hse_now_ns(), job = end_late_jobs(e, now), idle = hse_slots_expire(e, now);

        if (e->retired)
            bury(e);
        else
            hse_cond_wait_until(&e->keeper_wake, &e->lock, !job || (idle && idle < job) ? idle : job);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

hse_status hse_keeper_start(hse_engine *e, hse_error *err)
{
    if (e->keeper_started)
        return HSE_OK;
    int failed = pthread_create(&e->keeper, NULL, run, e);
    if (failed)
        return hse_fail_sys(err, failed, "cannot start the thread that watches the time");
    e->keeper_started = true;
    return HSE_OK;
}
