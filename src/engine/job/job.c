/* job.c - the life of a job: opened and checked, taken in, ended, closed. */
#include "engine/internal.h"

#include "audio/watermark.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { TEXT_ARENA = 256 << 20 };            /* bytes of a transcript at most */

void hse_request_init(hse_request *r, hse_job_kind kind)
{
    *r = (hse_request){.kind = kind, .priority = 5, .keep_alive_s = NAN};
    r->vad = (hse_vad_options){.threshold = 0.5, .neg_threshold = -1, .min_speech_ms = 250, .min_silence_ms = 100,
                               .pad_ms = 30, .max_speech_s = INFINITY, .min_silence_at_max_speech_ms = 98,
                               .longest_silence_at_max_speech = true};
    hse_transcribe_options_init(&r->transcribe);
}

/* ---- ending -------------------------------------------------------------------------------------------------------- */

void hse_job_signal(hse_job *job)
{
    pthread_cond_broadcast(&job->changed);
    if (job->notify)
        job->notify(job->user);
}

static void job_free(hse_job *job)
{
    hse_speak_free(job);
    for (piece *p = job->first, *next; p; p = next) {
        next = p->next;
        hse_free(p->samples);
        hse_free(p);
    }
    hse_output_close(&job->out);
    if (!job->audio_borrowed) {
        hse_audio_free(&job->audio);
        hse_audio_free(&job->target);
    }
    hse_audio_free(&job->cut);
    hse_free(job->embedding);
    hse_free(job->segments);
    hse_free(job->speech);
    hse_arena_free(&job->text_arena);
    hse_buf_free(&job->feed);
    hse_free(job->request_id);
    pthread_cond_destroy(&job->changed);
    hse_free(job);
}

void hse_job_unref(hse_job *job)
{
    hse_engine *e = job->engine;

    if (--job->refs)
        return;
    hse_flow_put(e, job->flow);
    hse_catalogue_unref(e, job->catalogue);
    e->refs--;                              /* never the last one: whoever holds the lock keeps the engine */
    job_free(job);
}

void hse_job_settle(hse_job *job)
{
    if (!job->ended || job->works || job->splitting || !job->held)
        return;
    job->held = false;
    hse_split_close(job);
    for (size_t i = 0; i < job->step_count; i++)
        hse_slot_leave(job->step[i], job->keep_alive_s);
    pthread_cond_broadcast(&job->changed);
}

static void drop_queued(hse_job *job)
{
    hse_split_drop(job);
    for (size_t i = 0; i < job->step_count; i++) {
        slot *s = job->step[i];

        for (work **at = &s->queue; *at;) {
            work *w = *at;

            if (w->job != job) {
                at = &w->next;
                continue;
            }
            *at = w->next;
            s->waiting--;
            job->outstanding--;
            hse_work_free(w);
        }
    }
}

static void count_end(const hse_job *job)
{
    hse_kind_stats *k = &job->engine->stats.kind[job->kind];

    switch (job->status) {
    case HSE_OK: k->done++; break;
    case HSE_E_CANCELLED: k->cancelled++; break;
    case HSE_E_DEADLINE: k->expired++; break;
    default: k->failed++;
    }
    uint64_t now = hse_now_ns();
    hse_seconds_add(&k->total, now - job->opened_ns);

    hse_engine *e = job->engine;
    if (e->ended_ns[job->kind]) {                       /* how fast places become free: see hse_engine_retry_after */
        double *mean = &e->interval_s[job->kind], gap = fmin((double)(now - e->ended_ns[job->kind]) * 1e-9, 60);
        *mean = *mean > 0 ? 0.8 * *mean + 0.2 * gap : gap;
    }
    e->ended_ns[job->kind] = now;
}

void hse_job_end(hse_job *job, hse_status status, const hse_error *error)
{
    hse_engine *e = job->engine;

    if (job->ended)
        return;
    job->ended = true;
    job->status = status;
    if (error)
        job->error = *error;
    if (job->next)
        job->next->prev = job->prev;
    if (job->prev)
        job->prev->next = job->next;
    else
        e->jobs = job->next;
    e->job_count--;
    count_end(job);

    job->refs++;                            /* dropping its work must not free it under our feet */
    atomic_store(&job->stop_split, true);
    drop_queued(job);
    for (size_t i = 0; i < job->step_count; i++)
        hse_slot_cancel_dead(job->step[i]);
    hse_job_settle(job);
    hse_job_signal(job);
    hse_job_unref(job);
}

void hse_job_no_memory(hse_job *job)
{
    hse_error err;

    hse_fail(&err, HSE_E_NOMEM, 0, "no memory for the request");
    hse_job_end(job, HSE_E_NOMEM, &err);
}

void hse_job_advance(hse_job *job)
{
    if (job->phase != PHASE_MAIN)
        hse_hear_advance(job);
    else if (job->kind == HSE_JOB_SPEAK)
        hse_speak_advance(job);
    else
        hse_chain_advance(job);
}

static void end_with(hse_job *job, hse_status status, const char *text)
{
    hse_error err;

    hse_fail(&err, status, 0, "%s", text);
    hse_job_end(job, status, &err);
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

hse_status hse_rate_check(const hse_audio *a, const char *field, hse_error *err)
{
    if (a->rate_hz < HSE_RATE_MIN || a->rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "%s: a rate of %d Hz is not in %d..%d", field, a->rate_hz, HSE_RATE_MIN, HSE_RATE_MAX);
    return HSE_OK;
}

hse_status hse_audio_check(const hse_audio *a, const char *field, hse_error *err)
{
    if (a->n == 0 || !a->samples)
        return hse_fail(err, HSE_E_ARG, 0, "%s has no samples", field);
    hse_status s = hse_rate_check(a, field, err);
    if (s != HSE_OK)
        return s;
    size_t bad = hse_audio_first_bad(a->samples, a->n);
    if (bad < a->n)
        return hse_fail(err, HSE_E_FORMAT, bad, "%s: sample %zu is not a finite number in range", field, bad);
    return HSE_OK;
}

static hse_status prepare(hse_job *job, const hse_request *r, hse_error *err)
{
    if (r->request_id && !(job->request_id = hse_strdup(r->request_id)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the request");
    if (r->priority < 0 || r->priority > 9)
        return hse_fail(err, HSE_E_ARG, 0, "priority: %d is not in 0..9", r->priority);
    if (!(r->timeout_s >= 0) || r->timeout_s > 1e9)
        return hse_fail(err, HSE_E_ARG, 0, "timeout_s: %g is not in 0..1e9", r->timeout_s);
    job->weight = exp2(r->priority - 5);
    double timeout = r->timeout_s > 0 ? r->timeout_s : job->timeout_s;
    if (timeout > 0)
        job->deadline_ns = job->opened_ns + (uint64_t)(timeout * 1e9);
    job->result.seed = r->seed;
    if (!r->has_seed && getrandom(&job->result.seed, sizeof job->result.seed, GRND_NONBLOCK) < 0)
        job->result.seed = job->opened_ns;
    job->result.seed &= r->has_seed ? UINT64_MAX : 0x7FFFFFFF;          /* drawn ones fit into every JSON reader's number */

    bool voiced = r->kind == HSE_JOB_SPEAK || r->kind == HSE_JOB_CONVERT;
    const char *watermark = r->watermark ? r->watermark : voiced && !r->reference ? job->catalogue->watermark : NULL;
    if (watermark && *watermark) {
        hse_status s = hse_watermark_check(watermark, err);
        if (s != HSE_OK)
            return s;
        snprintf(job->watermark, sizeof job->watermark, "%s", watermark);
    }

    switch (r->kind) {
    case HSE_JOB_SPEAK: return hse_speak_prepare(job, r, err);
    case HSE_JOB_EMBED:
    case HSE_JOB_VAD:
    case HSE_JOB_TRANSCRIBE:
    case HSE_JOB_CONVERT:
    case HSE_JOB_RESTORE: return hse_chain_prepare(job, r, err);
    default: return hse_fail(err, HSE_E_UNSUPPORTED, 0, "there are no jobs of kind '%s'", hse_job_kind_name(r->kind));
    }
}

/* Locked. Take the job in, start what it needs, post its first work. */
static hse_status admit(hse_job *job, const hse_request *r, hse_error *err)
{
    hse_engine *e = job->engine;
    hse_status s = HSE_OK;

    if (e->stopping)
        return hse_fail(err, HSE_E_CANCELLED, 0, "the engine is closing");
    s = hse_admit_now(job, err);
    if (s == HSE_OK)
        s = hse_flow_get(&job->flow, e, r->client, r->priority, err);
    for (size_t i = 0; s == HSE_OK && i < job->step_count; i++)
        s = hse_slot_start(job->step[i], err);
    if (s == HSE_OK)
        s = hse_keeper_start(e, err);
    for (size_t i = 0; s == HSE_OK && i < job->step_count; i++)
        if (job->step[i]->type->split_open)
            s = hse_split_start(e, err);
    if (s != HSE_OK)
        return s;

    job->held = true;
    for (size_t i = 0; i < job->step_count; i++) {      /* all models of the route load side by side */
        hse_slot_use(job->step[i]);
        hse_slot_want(job->step[i]);
    }
    e->stats.kind[job->kind].started++;
    e->stats.characters_in += job->kind == HSE_JOB_SPEAK ? r->text_size : 0;
    e->stats.audio_in_s += job->result.audio_in_s;
    e->job_count++;
    job->next = e->jobs;
    if (e->jobs)
        e->jobs->prev = job;
    e->jobs = job;
    hse_job_advance(job);
    if (job->deadline_ns)
        pthread_cond_signal(&e->keeper_wake);
    return HSE_OK;
}

hse_status hse_job_open(hse_job **out, hse_engine *e, hse_request *r, hse_error *err)
{
    hse_error local;
    hse_job *job = hse_calloc(1, sizeof *job);
    hse_status s = HSE_E_NOMEM;

    err = err ? err : &local;
    if (job) {
        *job = (hse_job){.engine = e, .refs = 1, .kind = r->kind, .opened_ns = hse_now_ns(), .audio = r->audio,
                         .target = r->target, .audio_borrowed = r->audio_borrowed, .reference = r->reference,
                         .restore_mode = r->restore_mode, .fed = r->fed, .stream = r->stream, .cancel = r->cancel, .notify = r->notify, .user = r->user};
        hse_arena_init(&job->text_arena, TEXT_ARENA);
        hse_buf_init(&job->feed, (size_t)FEED_S * HSE_RATE_MAX * sizeof(float));
        if ((s = hse_cond_init(&job->changed, err)) != HSE_OK) {
            hse_free(job);
            job = NULL;
        }
    } else {
        hse_fail(err, s, 0, "no memory for the request");
    }
    if (!job) {
        if (!r->audio_borrowed) {
            hse_audio_free(&r->audio);
            hse_audio_free(&r->target);
        }
        return s;
    }
    r->audio = r->target = (hse_audio){0};
    if (job->audio.rate_hz > 0)
        job->result.audio_in_s = (double)job->audio.n / job->audio.rate_hz;
    job->keep_alive_s = r->keep_alive_s;
    pthread_mutex_lock(&e->lock);
    e->refs++;
    job->catalogue = e->catalogue;
    job->catalogue->refs++;
    job->timeout_s = e->timeout_s;
    job->budget = e->memory_budget;
    pthread_mutex_unlock(&e->lock);

    s = prepare(job, r, err);
    if (s == HSE_OK)
        s = hse_admit(job, err);
    pthread_mutex_lock(&e->lock);
    if (s == HSE_OK)
        s = admit(job, r, err);
    if (s == HSE_OK)
        *out = job;
    else
        hse_job_unref(job);
    pthread_mutex_unlock(&e->lock);
    return s;
}

void hse_job_cancel(hse_job *job)
{
    hse_engine *e = job->engine;

    pthread_mutex_lock(&e->lock);
    end_with(job, HSE_E_CANCELLED, "the request was cancelled");
    pthread_mutex_unlock(&e->lock);
}

void hse_job_close(hse_job **job)
{
    hse_job *j = *job;

    if (!j)
        return;
    hse_engine *e = j->engine;
    pthread_mutex_lock(&e->lock);
    j->notify = NULL;
    end_with(j, HSE_E_CANCELLED, "the request was given up");
    while (j->audio_borrowed && j->held)    /* what computes now may still read the caller's audio */
        hse_cond_wait_until(&j->changed, &e->lock, 0);
    e->refs++;                              /* the job may be the engine's last user */
    hse_job_unref(j);
    hse_engine_unref(e);
    *job = NULL;
}
