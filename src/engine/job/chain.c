/* chain.c - requests whose items all go the same way: embedding, voice activity, transcription, conversion, restoration.
 *
 * What is heard first (hear.c: speech, whose voice), then the route: either the type of its first step splits the request
 * (split.c), or one item goes through. */
#include "engine/internal.h"

/* ---- preparing (no lock) ------------------------------------------------------------------------------------------- */

/* The models of the request: one, or a toolchain's by its route. */
static hse_status choose_steps(hse_job *job, const hse_request *r, const target *t, hse_error *err)
{
    const hse_route *route;
    slot *s = NULL;
    unsigned has = (job->audio.n || job->fed ? HSE_AUDIO : 0u) | (r->embedding_size ? HSE_EMBEDDING : 0u) | hse_request_knows_speech(r);
    hse_status status;

    if (!t->toolchain) {
        status = hse_slot_usable(t->slot, err);
        return status == HSE_OK ? hse_job_add_step(job, t->slot, err) : status;
    }
    status = hse_route_find(&route, r->kind, t->toolchain->name, r->mode, has, r->reference, err);
    for (size_t i = 0; status == HSE_OK && route->step[i]; i++) {
        status = hse_target_slot(&s, job->catalogue, t, route->step[i], err);
        if (status == HSE_OK)
            status = hse_job_add_step(job, s, err);
    }
    return status;
}

/* A model of the same family that hears whose voice a recording is. */
static slot *listener(const catalogue *c, const slot *converter)
{
    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];

        if (!s->problem && hse_type_answers(s->type->takes, s->type->gives, HSE_JOB_EMBED) &&
            strcmp(s->type->family, converter->type->family) == 0)
            return s;
    }
    return NULL;
}

/* Conversion: the embedding, or the recording and who hears it. */
static hse_status choose_target(hse_job *job, const hse_request *r, const char *name, hse_error *err)
{
    slot *last = job->step[job->step_count - 1];
    bool named = r->voice && *r->voice, recording = job->target.n > 0;
    const voice *v = NULL;
    hse_status s;

    if (named + recording + (r->embedding_size > 0) != 1)
        return hse_fail(err, HSE_E_ARG, 0, named + recording + (r->embedding_size > 0) == 0
                            ? "somebody's voice must be given: send target_audio, target_embedding or voice"
                            : "target_audio, target_embedding and voice exclude each other: send one of them");
    if (r->embedding_size)
        return hse_job_take_embedding(job, r->embedding, r->embedding_size, "target_embedding", err);
    if (named) {
        if (!last->voices || !last->voices->count)
            return hse_fail(err, HSE_E_ARG, 0, "voice: '%.60s' is not in the voice store, and model '%.40s' has no voices; send target_audio or "
                            "target_embedding", r->voice, name);
        s = hse_voices_find(&v, last->voices, r->voice, name, err);
        return s == HSE_OK ? hse_job_take_embedding(job, v->embedding, v->size, "voice", err) : s;
    }
    for (size_t i = 0; i < job->step_count; i++)
        if (job->step[i]->type->gives & HSE_EMBEDDING)
            job->encoder = job->step[i];
    if (!job->encoder && !(job->encoder = listener(job->catalogue, last)))
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "target_audio: model '%.60s' needs an encoder of its family, and none is there", name);
    return HSE_OK;
}

/* What is heard before the route: the steps of that kind with which it begins, or what its model wants found. */
static hse_status choose_before(hse_job *job, const hse_request *r, hse_error *err)
{
    slot *given[COUNT(job->step)];
    size_t n = job->step_count, from = 0;
    hse_vad_options vad = {0};
    const hse_split_input in = {.audio = &job->audio, .vad = &job->vad, .reference = job->reference,
                                .transcribe = r->kind == HSE_JOB_TRANSCRIBE || r->kind == HSE_JOB_VAD ? &job->transcribe : NULL};
    hse_status s = HSE_OK;

    memcpy(given, job->step, sizeof given);
    if (n > 1 && given[0]->type->gives & HSE_SEGMENTS)
        job->finder = given[from++];
    if (given[from]->type->gives & HSE_EMBEDDING)
        job->encoder = given[from++];
    if (!job->encoder && !job->finder && given[0]->type->wants_speech && given[0]->type->wants_speech(&in, &vad)) {
        s = hse_target_finder(&job->finder, job->catalogue, &vad, err);
        job->find = vad;
    }
    job->step_count = 0;
    if (s == HSE_OK)
        s = hse_hear_prepare(job, r, err);
    for (; s == HSE_OK && from < n; from++)
        s = hse_job_add_step(job, given[from], err);
    return s;
}

static hse_status check_output(const hse_request *r, hse_error *err)
{
    if (r->rate_hz && (r->rate_hz < 8000 || r->rate_hz > 192000))
        return hse_fail(err, HSE_E_ARG, 0, "sample_rate: %u is not in 8000..192000", r->rate_hz);
    if ((unsigned)r->loudness > HSE_LOUDNESS_NONE)
        return hse_fail(err, HSE_E_ARG, 0, "loudness has no such value");
    if (r->stream && r->loudness == HSE_LOUDNESS_PEAK)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "stream: loudness by the peak needs the last sample first; send normalize: auto");
    return HSE_OK;
}

static hse_status check_mode(const hse_job *job, const hse_request *r, hse_error *err)
{
    const hse_model_type *first = job->step[0]->type;

    if (r->kind != HSE_JOB_RESTORE || r->restore_mode == 0)
        return HSE_OK;
    if (!first->check_mode)
        return hse_fail(err, HSE_E_ARG, 0, "mode: %d; %s has only 0", r->restore_mode, first->type);
    return first->check_mode(r->restore_mode, err);
}

static hse_status check_fed(const hse_job *job, hse_error *err)
{
    const slot *first = job->step[0];

    if (!first->type->split_feed || job->kind != HSE_JOB_RESTORE)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model '%.60s' needs the whole recording before it begins", first->name);
    return hse_rate_check(&job->audio, "source_audio", err);
}

hse_status hse_chain_prepare(hse_job *job, const hse_request *r, hse_error *err)
{
    static const char *const field[HSE_JOB_KINDS] = {[HSE_JOB_CONVERT] = "source_audio", [HSE_JOB_RESTORE] = "source_audio"};
    const char *model = r->model && *r->model ? r->model : r->kind == HSE_JOB_TRANSCRIBE ? r->transcribe.model : NULL;
    target t;
    hse_status s = hse_target_find(&t, job->catalogue, r->kind, model, err);

    if (s == HSE_OK)
        s = choose_steps(job, r, &t, err);
    if (s == HSE_OK)
        s = job->fed ? check_fed(job, err) : hse_audio_check(&job->audio, field[r->kind] ? field[r->kind] : "input_audio", err);
    if (s == HSE_OK && hse_kind_has_audio(r->kind))
        s = check_output(r, err);
    if (s == HSE_OK && r->kind == HSE_JOB_CONVERT)
        s = choose_target(job, r, t.name, err);
    if (s == HSE_OK)
        s = check_mode(job, r, err);
    job->vad = r->vad;
    if (s == HSE_OK && (r->kind == HSE_JOB_TRANSCRIBE || job->step[0]->type->gives & HSE_TRANSCRIPT))
        s = hse_transcribe_prepare(job, r, err);
    if (s == HSE_OK)
        s = choose_before(job, r, err);
    if (s != HSE_OK)
        return s;
    job->result.model = t.name;
    job->loudness = r->reference ? HSE_LOUDNESS_NONE : r->loudness;
    job->rate_hz = r->rate_hz;
    return HSE_OK;
}

/* ---- one item (locked) --------------------------------------------------------------------------------------------- */

static void take_audio(hse_job *job, hse_item *item)
{
    piece *p = hse_job_add_piece(job, item->audio.n);

    if (!p) {
        hse_job_no_memory(job);
        return;
    }
    hse_job_audio_begins(job, job->step[job->step_count - 1], (unsigned)item->audio.rate_hz);
    p->samples = item->audio.samples;
    p->count = item->audio.n;
    p->done = true;
    item->audio = (hse_audio){0};
    job->engine->stats.audio_out_s += (double)p->count / job->model_rate_hz;
}

static void take_result(hse_job *job, work *w)
{
    if (hse_kind_has_audio(job->kind)) {
        take_audio(job, w->item);
    } else {
        job->segments = w->item->segments;
        w->item->segments = NULL;
        job->result.segments = job->segments;
        job->result.segment_count = w->item->segment_count;
    }
    if (!job->ended)
        hse_job_end(job, HSE_OK, NULL);
}

static double cost(const hse_item *item)
{
    return 1 + (item->has & HSE_MEL ? (double)item->mel_frames : (double)item->audio.n);
}

/* One step is done: on to the next, or take what came. */
static bool stepped(work *w)
{
    hse_job *job = w->job;

    if (w->index + 1 < job->step_count) {
        w->item->has |= w->slot->type->gives;
        w->slot = job->step[++w->index];
        hse_work_post(w, cost(w->item));
        return true;
    }
    take_result(job, w);
    return false;
}

/* A model that gives audio puts it where the item's own was, so the item needs one of its own then. */
static bool give_audio(hse_job *job, work *w)
{
    w->item->has = HSE_AUDIO;
    w->item->audio = job->audio;
    if (!hse_kind_has_audio(job->kind)) {
        w->borrowed = HSE_AUDIO;
        return true;
    }
    if (!job->audio_borrowed) {
        job->audio = (hse_audio){0};
        return true;
    }
    if ((w->item->audio.samples = hse_alloc(job->audio.n * sizeof(float))))
        memcpy(w->item->audio.samples, job->audio.samples, job->audio.n * sizeof(float));
    return w->item->audio.samples != NULL;
}

static void post_item(hse_job *job, slot *s)
{
    work *w = hse_work_new(job, s, stepped);

    if (!w || !give_audio(job, w)) {
        if (w)
            hse_work_free(w);
        hse_job_no_memory(job);
        return;
    }
    w->item->vad = job->vad;
    w->item->reference = job->reference;
    w->item->seed = job->result.seed;
    w->index = job->main_from;
    if (job->kind == HSE_JOB_CONVERT) {
        w->item->has |= HSE_EMBEDDING;
        w->item->embedding = job->embedding;
        w->item->embedding_size = job->embedding_size;
        w->item->embedding_field = job->embedding_field;
        w->borrowed |= HSE_EMBEDDING;
    }
    if (job->finder && !job->encoder) {
        w->item->has |= HSE_SEGMENTS;
        w->item->segments = job->speech;
        w->item->segment_count = job->speech_count;
        w->borrowed |= HSE_SEGMENTS;
    }
    job->posted = true;
    hse_work_post(w, cost(w->item));
}

void hse_chain_advance(hse_job *job)
{
    slot *s = job->step[job->main_from];

    if (job->ended || job->posted)
        return;
    if (s->type->split_open)
        hse_split_advance(job);
    else
        post_item(job, s);
}
