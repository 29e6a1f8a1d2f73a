/* hear.c - what a request hears before its route begins: where in the recording that gives a voice is speech (PHASE_FIND, by
 * job->finder), and whose voice is it (PHASE_TARGET, by job->encoder).
 *
 * Where speech is can be said by the request, by a detector that it names, by the route's recogniser, or by what the encoder wants
 * found. An encoder that reads stretches (HSE_TRANSCRIPT) gets them; for any other the recording is cut to its speech. */
#include "engine/internal.h"

#include <math.h>

enum { MAX_STRETCHES = 100000 };

const hse_audio *hse_heard_audio(const hse_job *job)
{
    if (job->cut.samples)
        return &job->cut;
    return job->kind == HSE_JOB_CONVERT && job->encoder ? &job->target : &job->audio;
}

unsigned hse_request_knows_speech(const hse_request *r)
{
    return r->has_said || (r->finder && *r->finder) ? HSE_TRANSCRIPT : 0;
}

const char *hse_heard_field(const hse_job *job)
{
    return job->kind == HSE_JOB_CONVERT ? "target_audio" : "input_audio";
}

hse_status hse_job_add_step(hse_job *job, slot *s, hse_error *err)
{
    if (job->step_count == COUNT(job->step))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model: the route has too many steps");
    job->step[job->step_count++] = s;
    return HSE_OK;
}

/* ---- stretches ----------------------------------------------------------------------------------------------------- */

static hse_status copy_stretches(hse_job *job, const hse_request *r, hse_error *err)
{
    hse_transcript_segment *list = hse_arena_array(&job->text_arena, r->said_count + 1, sizeof *list);

    if (r->said_count > MAX_STRETCHES)
        return hse_fail(err, HSE_E_LIMIT, 0, "input_vad_data has %zu entries, the limit is %d", r->said_count, MAX_STRETCHES);
    for (size_t i = 0; list && i < r->said_count; i++) {
        const hse_transcript_segment *s = &r->said[i];

        if (!isfinite(s->start) || !isfinite(s->end) || fabs(s->start) > 1e9 || fabs(s->end) > 1e9)
            return hse_fail(err, HSE_E_ARG, i, "input_vad_data: entry %zu has no start and end in seconds", i);
        list[i] = (hse_transcript_segment){.start = s->start, .end = s->end};
        if (s->text && !(list[i].text = hse_arena_strndup(&job->text_arena, s->text, strlen(s->text))))
            list = NULL;
    }
    if (!list)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the request");
    job->stretches = list;
    job->stretch_count = r->said_count;
    job->has_stretches = true;
    return HSE_OK;
}

/* What the finder found: with its words, where it heard some. */
static bool found_stretches(hse_job *job, const hse_segment *speech, size_t n)
{
    double rate = hse_heard_audio(job)->rate_hz;
    bool words = job->finder->type->gives & HSE_TRANSCRIPT;
    size_t count = 0;

    for (const said *t = job->said; words && t; t = t->next)
        count++;
    count = words ? count : n;
    job->stretches = hse_arena_array(&job->text_arena, count + 1, sizeof *job->stretches);
    if (!job->stretches)
        return false;
    for (const said *t = job->said; words && t; t = t->next)
        job->stretches[job->stretch_count++] = t->segment;
    for (size_t i = 0; !words && i < n; i++)
        job->stretches[job->stretch_count++] = (hse_transcript_segment){.start = (double)speech[i].start / rate,
                                                                        .end = (double)speech[i].end / rate};
    job->has_stretches = true;
    return true;
}

static size_t sample_at(double seconds, const hse_audio *a)
{
    double at = rint(seconds * a->rate_hz);

    return at <= 0 ? 0 : at >= (double)a->n ? a->n : (size_t)at;
}

/* The speech alone, one stretch after another, each sample once. */
static hse_status cut(hse_job *job, hse_error *err)
{
    const hse_audio *a = hse_heard_audio(job);
    hse_audio out = {.rate_hz = a->rate_hz, .channels = 1};
    size_t before = 0;

    if (!(out.samples = hse_alloc((a->n + 1) * sizeof *out.samples)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the speech of a recording");
    for (size_t i = 0; i < job->stretch_count; i++) {
        size_t from = sample_at(job->stretches[i].start, a), to = sample_at(job->stretches[i].end, a);

        from = from > before ? from : before;
        if (from >= to)
            continue;
        memcpy(out.samples + out.n, a->samples + from, (to - from) * sizeof *out.samples);
        out.n += to - from;
        before = to;
    }
    if (out.n == 0) {
        hse_audio_free(&out);
        return hse_fail(err, HSE_E_ARG, 0, "input_vad_data has no stretch of speech that lies inside the recording");
    }
    job->cut = out;
    return HSE_OK;
}

static hse_status use_stretches(hse_job *job, hse_error *err)
{
    return job->encoder->type->takes & HSE_TRANSCRIPT ? HSE_OK : cut(job, err);
}

/* ---- preparing (no lock) ------------------------------------------------------------------------------------------- */

/* Who finds speech for the encoder. */
static hse_status choose_finder(hse_job *job, const hse_request *r, hse_error *err)
{
    const hse_model_type *type = job->encoder->type;
    hse_vad_options vad = r->vad;
    const hse_split_input in = {.audio = hse_heard_audio(job), .vad = &r->vad, .reference = job->reference};
    target t;
    hse_status s = HSE_OK;

    if (r->has_said) {
        job->finder = NULL;
        if ((s = copy_stretches(job, r, err)) == HSE_OK)
            s = use_stretches(job, err);
    } else if (r->finder && *r->finder) {
        if ((s = hse_target_find(&t, job->catalogue, HSE_JOB_VAD, r->finder, err)) == HSE_OK && !t.slot)
            s = hse_fail(err, HSE_E_UNSUPPORTED, 0, "input_vad_mode: '%.60s' is a chain of models", t.name);
        if (s == HSE_OK && (s = hse_slot_usable(t.slot, err)) == HSE_OK)
            job->finder = t.slot;
    } else if (!job->finder && type->wants_speech && type->wants_speech(&in, &vad)) {
        s = hse_target_finder(&job->finder, job->catalogue, &vad, err);
    }
    job->find = vad;
    if (s == HSE_OK && job->finder && job->finder->type->gives & HSE_TRANSCRIPT)
        s = hse_transcribe_prepare(job, r, err);
    return s;
}

/* What was heard in which way, as the key of an embedding. */
static void hash(hse_job *job)
{
    hse_voice_hash(job, hse_heard_audio(job));
    if (job->finder)
        hse_siphash128(job->audio_hash, job->audio_hash, &job->finder->index, sizeof job->finder->index);
    for (size_t i = 0; i < job->stretch_count; i++) {
        const hse_transcript_segment *s = &job->stretches[i];
        const double at[2] = {s->start, s->end};

        hse_siphash128(job->audio_hash, job->audio_hash, at, sizeof at);
        hse_siphash128(job->audio_hash, job->audio_hash, s->text ? s->text : "", s->text ? strlen(s->text) + 1 : 0);
    }
}

hse_status hse_hear_prepare(hse_job *job, const hse_request *r, hse_error *err)
{
    hse_status s = HSE_OK;

    if (job->encoder && (s = hse_audio_check(hse_heard_audio(job), hse_heard_field(job), err)) == HSE_OK)
        s = choose_finder(job, r, err);
    if (s == HSE_OK && job->finder)
        s = hse_job_add_step(job, job->finder, err);
    if (s == HSE_OK && job->encoder)
        s = hse_job_add_step(job, job->encoder, err);
    if (s == HSE_OK && job->encoder)
        hash(job);
    job->main_from = job->step_count;
    job->phase = job->finder ? PHASE_FIND : job->encoder ? PHASE_TARGET : PHASE_MAIN;
    return s;
}

/* ---- advancing (locked) -------------------------------------------------------------------------------------------- */

/* The voice is known: on to the route, or that was all. */
static void know(hse_job *job)
{
    job->result.embedding = job->embedding;
    job->result.embedding_size = job->embedding_size;
    job->result.embedding_is_torch = job->encoder->type->embedding_is_torch;
    job->phase = PHASE_MAIN;
    job->posted = false;
    if (job->kind == HSE_JOB_EMBED)
        hse_job_end(job, HSE_OK, NULL);
    else
        hse_job_advance(job);
}

static bool heard(work *w)
{
    hse_job *job = w->job;

    hse_free(job->embedding);
    job->embedding = w->item->embedding;
    job->embedding_size = w->item->embedding_size;
    w->item->embedding = NULL;
    hse_voice_cache_put(job->engine, job->audio_hash, job->encoder->index, job->embedding, job->embedding_size);
    know(job);
    return false;
}

void hse_hear_found(hse_job *job, const hse_segment *speech, size_t n)
{
    hse_error err;
    hse_status s = HSE_OK;

    job->posted = false;
    if (!job->encoder) {
        if (n && !(job->speech = hse_calloc(n, sizeof *speech))) {
            hse_job_no_memory(job);
            return;
        }
        if (n)
            memcpy(job->speech, speech, n * sizeof *speech);
        job->speech_count = n;
        job->phase = PHASE_MAIN;
    } else if (!found_stretches(job, speech, n)) {
        hse_job_no_memory(job);
        return;
    } else {
        job->phase = PHASE_TARGET;
        s = job->stretch_count ? use_stretches(job, &err)
                               : hse_fail(&err, HSE_E_ARG, 0, "%s: %.60s hears no speech in it", hse_heard_field(job), job->finder->name);
    }
    if (s != HSE_OK)
        hse_job_end(job, s, &err);
    else
        hse_job_advance(job);
}

static bool found(work *w)
{
    hse_hear_found(w->job, w->item->segments, w->item->segment_count);
    return false;
}

static void post(hse_job *job, slot *s, bool (*done)(work *w))
{
    work *w = hse_work_new(job, s, done);

    if (!w) {
        hse_job_no_memory(job);
        return;
    }
    w->item->has = w->borrowed = HSE_AUDIO;
    w->item->audio = *hse_heard_audio(job);
    w->item->vad = job->find;
    w->item->reference = job->reference;
    if (s->type->takes & HSE_TRANSCRIPT && job->has_stretches) {
        w->item->has |= HSE_TRANSCRIPT;
        w->item->said = job->stretches;
        w->item->said_count = job->stretch_count;
    }
    job->posted = true;
    hse_work_post(w, 1 + (double)w->item->audio.n);
}

void hse_hear_advance(hse_job *job)
{
    if (job->ended || job->posted)
        return;
    if (job->encoder && !job->looked_up) {
        job->looked_up = true;
        if (hse_voice_cache_get(job->engine, job->audio_hash, job->encoder->index, &job->embedding, &job->embedding_size)) {
            know(job);
            return;
        }
    }
    if (job->phase == PHASE_FIND && job->finder->type->split_open)
        hse_split_advance(job);
    else if (job->phase == PHASE_FIND)
        post(job, job->finder, found);
    else if (job->encoder)
        post(job, job->encoder, heard);
}
