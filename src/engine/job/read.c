/* read.c - a job's recording comes from its caller, where it comes bit by bit, and what it has computed goes to its reader: audio (gain, limiter and rate conversion run here, in the reader's
 * thread), segments of text, results. */
#include "engine/internal.h"

#include <math.h>

enum { POLL_MS = 10 };                      /* how often a waiting reader looks at its hse_cancel */

/* ---- filling (locked) ---------------------------------------------------------------------------------------------- */

bool hse_kind_has_audio(hse_job_kind kind)
{
    return kind == HSE_JOB_SPEAK || kind == HSE_JOB_CONVERT || kind == HSE_JOB_RESTORE;
}

piece *hse_job_add_piece(hse_job *job, size_t frames)
{
    piece *p = hse_calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->frames = frames;
    p->gain = 1;
    if (job->last)
        job->last->next = p;
    else
        job->first = p;
    job->last = p;
    job->ahead_frames += frames;
    return p;
}

/* A model without a gain of its own is left as it is; only speech is limited without one, since it may clip. */
void hse_job_audio_begins(hse_job *job, const slot *s, unsigned rate_hz)
{
    float db = s->type->gain_db && job->loudness == HSE_LOUDNESS_AUTO ? s->type->gain_db(s->model) : 0;

    if (job->loudness == HSE_LOUDNESS_AUTO && !s->type->gain_db && job->kind != HSE_JOB_SPEAK)
        job->loudness = HSE_LOUDNESS_NONE;
    job->model_rate_hz = rate_hz;
    job->gain = powf(10.0f, db / 20.0f);
    job->result.rate_hz = job->rate_hz ? job->rate_hz : rate_hz;
    job->result.first_ns = hse_now_ns() - job->opened_ns;
    hse_seconds_add(&job->engine->stats.kind[job->kind].first_audio, job->result.first_ns);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* Locked. Wait for a change; ends the job when its caller has given up. */
static void wait_change(hse_job *job)
{
    uint64_t until = job->cancel ? hse_now_ns() + POLL_MS * 1000000ull : 0;

    if (hse_cancelled(job->cancel)) {
        hse_error err;

        hse_fail(&err, HSE_E_CANCELLED, 0, "the request was cancelled");
        hse_job_end(job, HSE_E_CANCELLED, &err);
    } else {
        hse_cond_wait_until(&job->changed, &job->engine->lock, until);
    }
}

/* Locked. Is there audio at the head, or is it known that none will come? With peak loudness all of it must be there. */
static bool readable(const hse_job *job)
{
    if (job->ended)
        return true;
    return job->loudness != HSE_LOUDNESS_PEAK && job->first && job->first->done;
}

bool hse_job_ready(hse_job *job)
{
    pthread_mutex_lock(&job->engine->lock);
    bool ready = job->ended || (hse_kind_has_audio(job->kind) && readable(job));
    pthread_mutex_unlock(&job->engine->lock);
    return ready;
}

hse_status hse_job_wait(hse_job *job, hse_error *err)
{
    hse_engine *e = job->engine;

    pthread_mutex_lock(&e->lock);
    while (!job->ended && !(hse_kind_has_audio(job->kind) && readable(job)))
        wait_change(job);
    hse_status s = job->ended ? job->status : HSE_OK;
    if (s != HSE_OK && err)
        *err = job->error;
    pthread_mutex_unlock(&e->lock);
    return s;
}

const hse_job_result *hse_job_result_get(hse_job *job)
{
    pthread_mutex_lock(&job->engine->lock);
    job->given = job->result;
    job->given_transcript = job->transcript;            /* the other one changes while it is read */
    if (job->result.transcript)
        job->given.transcript = &job->given_transcript;
    pthread_mutex_unlock(&job->engine->lock);
    return &job->given;
}

/* Locked. The next computed piece, taken out of the list; NULL when there is none. *all: none will come. */
static piece *next_piece(hse_job *job, bool wait, bool *all)
{
    piece *p = NULL;

    while (wait && !readable(job))
        wait_change(job);
    if (readable(job) && job->first && job->first->done) {
        p = job->first;
        job->first = p->next;
        if (!job->first)
            job->last = NULL;
        job->ahead_frames -= p->frames;
        if (!job->ended)
            hse_job_advance(job);
    }
    *all = job->ended && !p && !job->first;
    return p;
}

/* Largest absolute sample of all pieces; only once the job has ended, when nothing else touches them. */
static float peak_of(const hse_job *job)
{
    float peak = 0;

    for (const piece *p = job->first; p; p = p->next)
        peak = fmaxf(peak, p->count ? p->gain * hse_audio_peak(p->samples, p->count) : 0);
    return peak;
}

static hse_status feed(hse_job *job, piece *p, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; p->gain != 1 && i < p->count; i++)
        p->samples[i] *= p->gain;
    if (p->count)
        s = hse_output_push(&job->out, p->samples, p->count, err);
    if (s == HSE_OK && p->pause_ms)
        s = hse_output_pause(&job->out, p->pause_ms, err);
    return s;
}

static hse_status failed_read(hse_job *job, hse_status s, const hse_error *err)
{
    pthread_mutex_lock(&job->engine->lock);
    hse_job_end(job, s, err);
    job->status = s;                        /* also when everything had been computed */
    if (err)
        job->error = *err;
    pthread_mutex_unlock(&job->engine->lock);
    return s;
}

hse_status hse_job_read(hse_job *job, float *out, size_t max, size_t *got, bool *end, bool wait, hse_error *err)
{
    hse_engine *e = job->engine;
    hse_error local;

    err = err ? err : &local;
    *got = 0;
    *end = false;
    if (!hse_kind_has_audio(job->kind))
        return hse_fail(err, HSE_E_ARG, 0, "a job of kind '%s' has no audio to read", hse_job_kind_name(job->kind));
    for (;;) {
        bool all = false;
        hse_status s = HSE_OK;

        *got = hse_output_take(&job->out, out, max);
        if (*got || max == 0) {
            if (job->out.open)
                job->result.audio_out_s += (double)*got / job->out.rate_out_hz;
            return HSE_OK;
        }
        if (job->out.finished) {
            *end = true;
            return HSE_OK;
        }
        pthread_mutex_lock(&e->lock);
        piece *p = next_piece(job, wait, &all);
        s = job->ended ? job->status : HSE_OK;
        if (s != HSE_OK)
            *err = job->error;
        unsigned rate = job->model_rate_hz, rate_out = job->result.rate_hz;
        float gain = job->gain;
        pthread_mutex_unlock(&e->lock);
        if (s != HSE_OK) {
            if (p)
                hse_free(p->samples);
            hse_free(p);
            return s;
        }
        if (!p && !all)
            return HSE_OK;
        if (!job->out.open && rate) {
            float peak = job->loudness == HSE_LOUDNESS_PEAK
                             ? fmaxf(peak_of(job), p && p->count ? p->gain * hse_audio_peak(p->samples, p->count) : 0) : 0;
            if (job->loudness == HSE_LOUDNESS_PEAK)
                gain = peak > 0 ? 0.97f / peak : 1;
            s = hse_output_open(&job->out, job, rate, gain, err);
            job->out.rate_out_hz = rate_out;
            if (s == HSE_OK && job->lead_ms)
                s = hse_output_pause(&job->out, job->lead_ms, err);
        }
        if (s == HSE_OK && p)
            s = feed(job, p, err);
        if (s == HSE_OK && all)
            s = hse_output_finish(&job->out, err);
        if (p)
            hse_free(p->samples);
        hse_free(p);
        if (s != HSE_OK)
            return failed_read(job, s, err);
    }
}

/* ---- feeding ------------------------------------------------------------------------------------------------------- */

/* Locked. */
static size_t feed_room(const hse_job *job)
{
    size_t most = (size_t)FEED_S * (size_t)job->audio.rate_hz, n = job->feed.size / sizeof(float);

    return n < most ? most - n : 0;
}

hse_status hse_job_feed(hse_job *job, const float *samples, size_t n, size_t *took, hse_error *err)
{
    hse_engine *e = job->engine;
    hse_status s;

    *took = 0;
    if (!job->fed || job->fed_all)
        return hse_fail(err, HSE_E_ARG, 0, job->fed ? "the recording has already ended" : "the recording was given as a whole");
    size_t bad = hse_audio_first_bad(samples, n);
    if (bad < n)
        return hse_fail(err, HSE_E_FORMAT, bad, "source_audio: sample %zu is not a finite number in range", (size_t)job->fed_count + bad);
    pthread_mutex_lock(&e->lock);
    while (n && !readable(job) && feed_room(job) == 0)
        wait_change(job);
    size_t room = feed_room(job);
    if (!job->ended) {
        *took = n < room ? n : room;
        hse_buf_append(&job->feed, samples, *took * sizeof *samples);
        job->fed_all = n == 0;
        job->fed_count += *took;
        job->result.audio_in_s = (double)job->fed_count / job->audio.rate_hz;
        e->stats.audio_in_s += (double)*took / job->audio.rate_hz;
        if (job->feed.status != HSE_OK)
            hse_job_no_memory(job);
        else
            hse_job_advance(job);
    }
    s = job->ended ? job->status : HSE_OK;
    if (s != HSE_OK && err)
        *err = job->error;
    pthread_mutex_unlock(&e->lock);
    return s;
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

hse_status hse_job_segment(hse_job *job, const hse_transcript_segment **out, bool *end, bool wait, hse_error *err)
{
    hse_engine *e = job->engine;
    hse_status s = HSE_OK;

    *out = NULL;
    *end = false;
    if (job->kind != HSE_JOB_TRANSCRIBE)
        return hse_fail(err, HSE_E_ARG, 0, "a job of kind '%s' has no text to read", hse_job_kind_name(job->kind));
    pthread_mutex_lock(&e->lock);
    while (wait && !job->unread && !job->ended)
        wait_change(job);
    if (job->unread) {                                  /* an error comes after what was understood before it */
        *out = &job->unread->segment;
        job->unread = job->unread->next;
    } else if (job->ended) {
        s = job->status;
        if (s != HSE_OK && err)
            *err = job->error;
        *end = s == HSE_OK;
    }
    pthread_mutex_unlock(&e->lock);
    return s;
}
