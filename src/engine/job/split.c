/* split.c - requests of many items: a long recording is handed out part by part; each part goes through all steps of the route in
 * whatever company it finds there, and comes back.
 *
 * What a type does to split (models/model.h) may take milliseconds and belongs to one thread at a time, so threads of the
 * engine's own, the splitters, serve the jobs that have something to do: open the split, take back what was computed, hand out
 * more while few enough are under way. Few are, so that other requests' items come in between, and none while a reader of
 * audio is far behind. */
#include "engine/internal.h"

enum {
    FEW = 4, MANY = 8,                      /* items under way of one job: among others, alone */
    AHEAD_S = 60,                           /* seconds of audio that nobody has read */
    SEGMENTS_BYTES = 1 << 28,
};

static const uint64_t GIVE_WAY_NS = 3000000;            /* who gave way looks again */

/* ---- one job's split ----------------------------------------------------------------------------------------------- */

static split_run *current(hse_job *job)
{
    return &job->split[job->phase == PHASE_FIND ? 0 : 1];
}

static slot *splitter(hse_job *job)
{
    return job->phase == PHASE_FIND ? job->finder : job->step[job->main_from];
}

static bool room(hse_job *job, const split_run *r)
{
    const slot *s = splitter(job);
    size_t most = s->users > 1 ? FEW : MANY, wanted = s->type->split_most;

    if (wanted && wanted < most)
        most = wanted;

    if (job->model_rate_hz && job->loudness != HSE_LOUDNESS_PEAK && job->ahead_frames >= (size_t)AHEAD_S * job->model_rate_hz)
        return false;
    return r->under_way < most && r->under_way < (size_t)s->max_batch;
}

/* What came of a call, in the engine's own memory: made without the lock, linked with it. */
typedef struct {
    float   *samples;
    size_t   sample_count;
    unsigned rate_hz;
    said    *text;
    bool     done;
} fresh;

/* A recogniser that is asked where speech is says it by what it heard. */
static void keep_segments(hse_job *job, split_run *r, const hse_split_output *out)
{
    hse_buf_append(&r->segments, out->segments, out->segment_count * sizeof *out->segments);
    if (job->kind != HSE_JOB_VAD && job->phase != PHASE_FIND)
        return;
    for (size_t i = 0; i < out->text_count && out->segment_count == 0; i++) {
        const hse_audio *a = job->phase == PHASE_FIND ? hse_heard_audio(job) : &job->audio;
        int64_t n = (int64_t)a->n, from = (int64_t)(out->text[i].start * a->rate_hz), to = (int64_t)(out->text[i].end * a->rate_hz);
        hse_segment s = {.start = from < 0 ? 0 : from < n ? from : n, .end = to < 0 ? 0 : to < n ? to : n};

        hse_buf_append(&r->segments, &s, sizeof s);
    }
}

/* Text is the answer, or tells an encoder where speech is. */
static bool keeps_text(const hse_job *job)
{
    return job->phase == PHASE_MAIN ? job->kind == HSE_JOB_TRANSCRIBE : job->encoder != NULL;
}

/* Not locked. */
static hse_status keep(hse_job *job, split_run *r, const slot *s, const hse_split_output *out, fresh *f, hse_error *err)
{
    hse_status status = HSE_OK;

    f->done |= out->done;
    keep_segments(job, r, out);
    if ((status = hse_buf_status(&r->segments, "segments of speech", err)) != HSE_OK)
        return status;
    if (keeps_text(job))
        status = hse_transcribe_copy(job, out, &f->text, err);
    if (status != HSE_OK || out->sample_count == 0 || job->phase != PHASE_MAIN || !hse_kind_has_audio(job->kind))
        return status;

    const slot *last = job->step[job->step_count - 1];
    unsigned rate = s->type->rate_hz ? s->type->rate_hz(s->model) : 0;
    if (!rate && last->model && last->type->rate_hz)
        rate = last->type->rate_hz(last->model);
    f->rate_hz = rate ? rate : (unsigned)job->audio.rate_hz;
    if (!(f->samples = hse_alloc(out->sample_count * sizeof *f->samples)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", out->sample_count);
    memcpy(f->samples, out->samples, out->sample_count * sizeof *f->samples);
    f->sample_count = out->sample_count;
    return HSE_OK;
}

/* Locked. */
static void link_fresh(hse_job *job, split_run *r, const hse_transcript *facts, fresh *f)
{
    hse_error err;

    r->done |= f->done;
    if (job->kind == HSE_JOB_TRANSCRIBE && job->phase == PHASE_MAIN && facts) {
        hse_status s = hse_transcribe_copy_facts(job, facts, &err);

        if (s != HSE_OK)
            hse_job_end(job, s, &err);
    }
    if (f->text && !job->ended) {
        *job->said_end = f->text;
        while (*job->said_end)
            job->said_end = &(*job->said_end)->next;
    }
    if (f->text && !job->ended && job->phase == PHASE_MAIN) {
        if (!job->result.first_ns)
            job->result.first_ns = hse_now_ns() - job->opened_ns;
        if (!job->unread)
            job->unread = f->text;
        hse_job_signal(job);
    }
    if (!f->samples)
        return;
    piece *p = job->ended ? NULL : hse_job_add_piece(job, f->sample_count);
    if (!p) {
        hse_free(f->samples);
        if (!job->ended)
            hse_job_no_memory(job);
        return;
    }
    if (!job->result.rate_hz)
        hse_job_audio_begins(job, job->step[job->step_count - 1], f->rate_hz);
    p->samples = f->samples;
    p->count = f->sample_count;
    p->done = true;
    job->engine->stats.audio_out_s += (double)p->count / job->model_rate_hz;
    hse_job_signal(job);
}

/* Locked on entry and on return: one call on the split, and what came of it. */
static void take(hse_job *job, split_run *r, hse_item *item)
{
    hse_engine *e = job->engine;
    const slot *s = splitter(job);
    hse_split_output out = {0};
    hse_error err = {0};
    fresh f = {0};

    pthread_mutex_unlock(&e->lock);
    hse_status status = s->type->split_took(r->state, item, &out, &err);
    if (status == HSE_OK)
        status = keep(job, r, s, &out, &f, &err);
    pthread_mutex_lock(&e->lock);
    if (status == HSE_OK) {
        link_fresh(job, r, out.transcript, &f);
    } else {
        hse_free(f.samples);
        hse_job_end(job, status, &err);
    }
}

/* Locked on entry and on return. */
static void open_split(hse_job *job, split_run *r)
{
    hse_engine *e = job->engine;
    const slot *s = splitter(job);
    bool find = job->phase == PHASE_FIND;
    hse_split_input in = {.audio = find ? hse_heard_audio(job) : &job->audio, .speech = find ? NULL : job->speech,
                          .speech_count = find ? 0 : job->speech_count, .has_speech = !find && job->finder && !job->encoder,
                          .embedding = job->embedding, .embedding_size = job->embedding_size,
                          .embedding_field = job->embedding_field, .seed = job->result.seed, .reference = job->reference,
                          .restore_mode = job->restore_mode,
                          .transcribe = s->type->gives & HSE_TRANSCRIPT ? &job->transcribe : NULL,
                          .vad = find ? &job->find : &job->vad, .pool = e->pool, .cancel = &job->stop_split};
    hse_error err = {0};

    hse_buf_init(&r->segments, SEGMENTS_BYTES);
    r->back_end = &r->back;
    r->opened = true;
    pthread_mutex_unlock(&e->lock);
    hse_status status = s->type->split_open(&r->state, s->model, &in, &err);
    pthread_mutex_lock(&e->lock);
    if (status != HSE_OK)
        hse_job_end(job, status, &err);
    else if (!job->ended)
        take(job, r, NULL);
}

static double cost(const hse_item *item)
{
    double n = (item->has & HSE_MEL ? (double)item->mel_frames : 0) + (item->has & HSE_AUDIO ? (double)item->audio.n : 0);

    return n > 0 ? n : 1;
}

/* Locked: an item has been through one step. */
static bool stepped(work *w)
{
    hse_job *job = w->job;
    split_run *r = current(job);

    if (job->phase == PHASE_MAIN && w->index + 1 < job->step_count) {
        w->slot = job->step[++w->index];
        hse_work_post(w, cost(w->item));
        return true;
    }
    w->next = NULL;
    *r->back_end = w;
    r->back_end = &w->next;
    hse_split_advance(job);
    return true;
}

/* Locked on entry and on return. False: the split has nothing to hand out now. */
static bool hand_out(hse_job *job, split_run *r)
{
    hse_engine *e = job->engine;
    slot *s = splitter(job);

    pthread_mutex_unlock(&e->lock);
    hse_item *item = s->type->split_next(r->state);
    pthread_mutex_lock(&e->lock);
    if (!item || job->ended)
        return false;
    work *w = hse_work_new(job, s, stepped);
    if (!w) {
        hse_job_no_memory(job);
        return false;
    }
    item->status = HSE_OK;
    w->item = item;
    w->index = job->main_from;
    r->under_way++;
    hse_work_post(w, cost(item));
    return true;
}

/* Locked on entry and on return: what came of the recording goes to the split. False: nothing new. */
static bool feed(hse_job *job, split_run *r)
{
    hse_engine *e = job->engine;
    const slot *s = splitter(job);
    hse_buf block = job->feed;
    hse_error err;

    if (!job->fed || job->fed_on || (block.size == 0 && !job->fed_all))
        return false;
    job->fed_on = job->fed_all;
    hse_buf_init(&job->feed, block.ceiling);
    pthread_mutex_unlock(&e->lock);
    hse_status status = s->type->split_feed(r->state, (const float *)(const void *)block.data, block.size / sizeof(float), job->fed_on, &err);
    hse_buf_free(&block);
    pthread_mutex_lock(&e->lock);
    if (status != HSE_OK)
        hse_job_end(job, status, &err);
    else if (job->fed_on && !job->ended)
        take(job, r, NULL);                             /* maybe that was all */
    hse_job_signal(job);                                /* there is room again */
    return status == HSE_OK;
}

/* Locked: the split has said all. */
static void finish(hse_job *job, split_run *r)
{
    const hse_segment *found = (const hse_segment *)(const void *)r->segments.data;
    size_t n = r->segments.size / sizeof *found;

    if (job->phase == PHASE_FIND) {
        splitter(job)->type->split_close(&r->state);    /* it may hold the whole recording once more */
        hse_hear_found(job, found, n);
        return;
    }
    if (job->kind == HSE_JOB_VAD) {
        job->result.segments = job->segments = (hse_segment *)(void *)hse_buf_take(&r->segments, NULL);
        job->result.segment_count = n;
    }
    hse_job_end(job, HSE_OK, NULL);
}

/* Locked on entry and on return: everything that can be done for this job now. */
static void serve(hse_job *job)
{
    split_run *r = current(job);
    bool more = true;

    if (!r->opened)
        open_split(job, r);
    while (!job->ended && more) {
        work *w = r->back;

        if (w) {
            if (!(r->back = w->next))
                r->back_end = &r->back;
            r->under_way--;
            take(job, r, w->item);
            hse_work_free(w);
        } else {
            more = !r->done && room(job, r) && (hand_out(job, r) || (!job->ended && feed(job, r)));
        }
    }
    if (job->ended || r->under_way)
        return;
    if (r->done) {
        finish(job, r);
    } else if (room(job, r) && (!job->fed || job->fed_on)) {
        hse_error err;

        hse_job_end(job, hse_fail(&err, HSE_E_FORMAT, 0, "the model stopped before the end of the recording"), &err);
    }
}

/* ---- the splitters ------------------------------------------------------------------------------------------------- */

static void enlist(hse_job *job)
{
    hse_engine *e = job->engine;

    job->in_split_list = true;
    job->next_split = NULL;
    job->refs++;
    *e->to_split_end = job;
    e->to_split_end = &job->next_split;
    pthread_cond_signal(&e->split_wake);
}

static hse_job *delist(hse_engine *e, hse_job **at)
{
    hse_job *job = *at;

    if (!(*at = job->next_split))
        e->to_split_end = at;
    job->in_split_list = false;
    return job;
}

/* Locked. The first that has not to give way; NULL: there is none now. */
static hse_job **first_in_turn(hse_engine *e)
{
    uint64_t now = hse_now_ns();
    hse_job **at = &e->to_split;

    if (*at && hse_short_ones(e))
        while (*at && hse_job_can_wait(*at, now))
            at = &(*at)->next_split;
    return *at ? at : NULL;
}

static void *run(void *arg)
{
    hse_engine *e = arg;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping) {
        hse_job **first = first_in_turn(e);
        if (!first) {
            hse_cond_wait_until(&e->split_wake, &e->lock, e->to_split ? hse_now_ns() + GIVE_WAY_NS : 0);
            continue;
        }
        hse_job *job = delist(e, first);
        uint64_t began = hse_now_ns();

        job->splitting = true;
        do {
            job->split_again = false;
            if (!job->ended)
                serve(job);
        } while (job->split_again && !job->ended);
        job->splitting = false;
        job->served_ns += hse_now_ns() - began;
        hse_job_settle(job);
        hse_job_unref(job);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

hse_status hse_split_start(hse_engine *e, hse_error *err)
{
    while (e->splitters < SPLITTERS) {
        int failed = pthread_create(&e->splitter[e->splitters], NULL, run, e);

        if (failed)
            return hse_fail_sys(err, failed, "cannot start a thread for long recordings");
        e->splitters++;
    }
    return HSE_OK;
}

void hse_split_stop(hse_engine *e)
{
    pthread_mutex_lock(&e->lock);
    pthread_cond_broadcast(&e->split_wake);
    pthread_mutex_unlock(&e->lock);
    for (int i = 0; i < e->splitters; i++)
        pthread_join(e->splitter[i], NULL);
    pthread_mutex_lock(&e->lock);
    while (e->to_split) {
        hse_job *job = delist(e, &e->to_split);

        hse_job_settle(job);
        hse_job_unref(job);
    }
    pthread_mutex_unlock(&e->lock);
}

void hse_split_advance(hse_job *job)
{
    slot *s = splitter(job);

    if (job->ended)
        return;
    if (!s->model) {
        job->waits_for = s;
        hse_slot_want(s);
    } else if (job->splitting) {
        job->split_again = true;
    } else if (!job->in_split_list) {
        enlist(job);
    }
}

void hse_split_drop(hse_job *job)
{
    for (size_t i = 0; i < COUNT(job->split); i++) {
        split_run *r = &job->split[i];

        for (work *w = r->back, *next; w; w = next) {
            next = w->next;
            hse_work_free(w);
        }
        r->back = NULL;
        r->back_end = &r->back;
        r->under_way = 0;
    }
}

void hse_split_close(hse_job *job)
{
    for (size_t i = 0; i < COUNT(job->split); i++) {
        split_run *r = &job->split[i];
        const slot *s = i == 0 ? job->finder : job->step[job->main_from];

        if (r->state)
            s->type->split_close(&r->state);
        if (r->opened)
            hse_buf_free(&r->segments);
    }
}
