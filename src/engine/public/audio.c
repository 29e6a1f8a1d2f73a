/* audio.c - the calls of hse.h for recordings: text out of them, other audio out of them. */
#include "base/arena.h"
#include "engine/public/public.h"

enum { TRANSCRIPT_ARENA = 256 << 20 };

/* ---- speech to text ------------------------------------------------------------------------------------------------ */

static hse_status check_vad(hse_transcribe_options *o, hse_error *err)
{
    hse_vad_params p;
    hse_status s = hse_take_options(&p, sizeof p, &o->vad, "hse_vad_params", err);

    if (s == HSE_OK)
        o->vad = p;
    return s;
}

static hse_status open_transcription(hse_job **job, hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                                     const hse_transcribe_options *options, hse_error *err)
{
    hse_transcribe_options defaults;
    hse_request r;
    hse_status s;

    if (!engine)
        return hse_fail(err, HSE_E_ARG, 0, "engine is NULL");
    hse_request_init(&r, HSE_JOB_TRANSCRIBE);
    hse_transcribe_options_init(&defaults);
    options = options ? options : &defaults;
    if ((s = hse_take_options(&r.transcribe, sizeof r.transcribe, options, "hse_transcribe_options", err)) != HSE_OK ||
        (s = check_vad(&r.transcribe, err)) != HSE_OK || (s = hse_take_samples(&r, samples, count, rate_hz, err)) != HSE_OK)
        return s;
    r.model = r.transcribe.model;
    r.timeout_s = r.transcribe.timeout_s;
    r.cancel = r.transcribe.cancel;
    r.has_seed = r.transcribe.has_seed != 0;
    r.seed = r.transcribe.seed;
    return hse_job_open(job, engine, &r, err);
}

hse_status hse_transcribe_stream(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                                 const hse_transcribe_options *options, hse_transcript_fn fn, void *user, hse_error *err)
{
    hse_job *job = NULL;
    hse_error local;
    bool end = false;

    err = err ? err : &local;
    if (!fn)
        return hse_fail(err, HSE_E_ARG, 0, "fn is NULL");
    hse_status s = open_transcription(&job, engine, samples, count, rate_hz, options, err);
    while (s == HSE_OK && !end) {
        const hse_transcript_segment *segment = NULL;

        s = hse_job_segment(job, &segment, &end, true, err);
        if (s == HSE_OK && segment) {
            static const hse_transcript nothing;
            const hse_transcript *so_far = hse_job_result_get(job)->transcript;

            if (fn(user, segment, so_far ? so_far : &nothing) != 0)
                s = hse_fail(err, HSE_E_CANCELLED, 0, "the caller stopped listening");
        }
    }
    hse_job_close(&job);
    return s;
}

/* What hse_transcript_free gets: the transcript comes first. */
typedef struct {
    hse_transcript transcript;
    hse_arena      arena;
} transcript_box;

/* The job's own segments live as long as it, so all is copied once more. */
static hse_status fill_transcript(transcript_box *box, hse_job *job, hse_error *err)
{
    hse_buf list;
    bool end = false, ok = true;
    hse_status s = HSE_OK;

    hse_buf_init(&list, TRANSCRIPT_ARENA);
    while (s == HSE_OK && !end) {
        const hse_transcript_segment *segment = NULL;
        hse_transcript_segment copy;

        s = hse_job_segment(job, &segment, &end, true, err);
        if (s != HSE_OK || !segment)
            continue;
        if (!hse_transcript_segment_copy(&copy, segment, &box->arena))
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for the transcript");
        hse_buf_append(&list, &copy, sizeof copy);
    }
    if (s == HSE_OK)
        s = hse_buf_status(&list, "the transcript", err);
    if (s == HSE_OK) {
        const hse_job_result *result = hse_job_result_get(job);

        if (result->transcript)
            ok = hse_transcript_facts_copy(&box->transcript, result->transcript, &box->arena);
        if (!ok)
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for the transcript");
        box->transcript.segment_count = list.size / sizeof *box->transcript.segments;
        box->transcript.segments = (const hse_transcript_segment *)(const void *)hse_buf_take(&list, NULL);
    }
    hse_buf_free(&list);
    return s;
}

hse_status hse_transcribe(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                          const hse_transcribe_options *options, hse_transcript **out, hse_error *err)
{
    hse_job *job = NULL;
    hse_error local;

    err = err ? err : &local;
    if (!out)
        return hse_fail(err, HSE_E_ARG, 0, "out is NULL");
    hse_status s = open_transcription(&job, engine, samples, count, rate_hz, options, err);
    if (s != HSE_OK)
        return s;
    transcript_box *box = hse_calloc(1, sizeof *box);
    if (!box) {
        hse_job_close(&job);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the transcript");
    }
    hse_arena_init(&box->arena, TRANSCRIPT_ARENA);
    s = fill_transcript(box, job, err);
    hse_job_close(&job);
    hse_transcript *t = &box->transcript;
    if (s == HSE_OK)
        *out = t;
    else
        hse_transcript_free(&t);
    return s;
}

void hse_transcript_free(hse_transcript **transcript)
{
    transcript_box *box = (transcript_box *)(void *)*transcript;

    if (!box)
        return;
    hse_free((void *)(uintptr_t)box->transcript.segments);
    hse_arena_free(&box->arena);
    hse_free(box);
    *transcript = NULL;
}

/* ---- audio to audio ------------------------------------------------------------------------------------------------ */

static hse_status take_convert_options(hse_request *r, const hse_convert_options *options, hse_error *err)
{
    hse_convert_options o;
    hse_status s = hse_take_options(&o, sizeof o, options, "hse_convert_options", err);

    if (s != HSE_OK)
        return s;
    if (o.target && o.target_count == 0)
        return hse_fail(err, HSE_E_ARG, 0, "target has no samples");
    if (o.target_rate_hz > INT32_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "target_rate_hz is %u", o.target_rate_hz);
    if (r->kind == HSE_JOB_CONVERT) {
        r->voice = o.voice;
        r->embedding = o.embedding;
        r->embedding_size = o.embedding ? o.embedding_size : 0;
        r->target = (hse_audio){.samples = (float *)(uintptr_t)o.target, .n = o.target ? o.target_count : 0,
                                .rate_hz = (int)o.target_rate_hz, .channels = 1};
    }
    r->has_seed = r->kind == HSE_JOB_CONVERT && o.has_seed;
    r->seed = r->has_seed ? o.seed : 0;
    r->watermark = r->kind == HSE_JOB_CONVERT ? o.watermark : NULL;
    r->restore_mode = r->kind == HSE_JOB_RESTORE ? o.restore_mode : 0;
    r->model = o.model;
    r->rate_hz = o.rate_hz;
    r->loudness = o.loudness;
    r->timeout_s = o.timeout_s;
    r->cancel = o.cancel;
    return HSE_OK;
}

static hse_status change_audio(hse_job_kind kind, hse_engine *engine, const float *samples, size_t count, unsigned rate_hz,
                               const hse_convert_options *options, hse_pcm *out, hse_error *err)
{
    public_voices voices = {0};
    hse_request r;
    hse_job *job = NULL;
    hse_error local;
    hse_status s;

    err = err ? err : &local;
    if (!engine || !out)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "out" : "engine");
    hse_request_init(&r, kind);
    if ((s = take_convert_options(&r, options, err)) == HSE_OK && (s = hse_take_samples(&r, samples, count, rate_hz, err)) == HSE_OK &&
        (s = hse_public_voices_apply(&voices, engine, &r, err)) == HSE_OK && (s = hse_job_open(&job, engine, &r, err)) == HSE_OK)
        s = hse_read_pcm(job, out, err);
    hse_job_close(&job);
    hse_public_voices_free(&voices);
    return s;
}

hse_status hse_convert(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz, const hse_convert_options *options,
                       hse_pcm *out, hse_error *err)
{
    return change_audio(HSE_JOB_CONVERT, engine, samples, count, rate_hz, options, out, err);
}

hse_status hse_restore(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz, const hse_convert_options *options,
                       hse_pcm *out, hse_error *err)
{
    return change_audio(HSE_JOB_RESTORE, engine, samples, count, rate_hz, options, out, err);
}

/* ---- audio to audio, bit by bit ------------------------------------------------------------------------------------ */

struct hse_restore_session {
    hse_job *job;
    bool     finished;
};

hse_status hse_restore_session_open(hse_restore_session **out, hse_engine *engine, const hse_convert_options *options, unsigned rate_hz,
                                    hse_error *err)
{
    hse_request r;
    hse_error local;
    hse_status s;

    err = err ? err : &local;
    if (!engine || !out)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "out" : "engine");
    hse_request_init(&r, HSE_JOB_RESTORE);
    if ((s = take_convert_options(&r, options, err)) != HSE_OK || (s = hse_take_samples(&r, NULL, 0, rate_hz, err)) != HSE_OK)
        return s;
    r.fed = true;
    hse_restore_session *session = hse_calloc(1, sizeof *session);
    if (!session)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a session");
    if ((s = hse_job_open(&session->job, engine, &r, err)) != HSE_OK) {
        hse_free(session);
        return s;
    }
    *out = session;
    return HSE_OK;
}

static hse_status check_session(const hse_restore_session *session, hse_pcm_fn fn, hse_error *err)
{
    if (!session || !fn)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", session ? "fn" : "session");
    if (session->finished)
        return hse_fail(err, HSE_E_ARG, 0, "the session was finished");
    return HSE_OK;
}

hse_status hse_restore_session_push(hse_restore_session *session, const float *samples, size_t count, hse_pcm_fn fn, void *user,
                                    hse_error *err)
{
    hse_error local;

    err = err ? err : &local;
    hse_status s = check_session(session, fn, err);
    if (s == HSE_OK && count && !samples)
        s = hse_fail(err, HSE_E_ARG, 0, "samples is NULL");
    while (s == HSE_OK && count) {
        size_t took = 0;

        s = hse_job_feed(session->job, samples, count, &took, err);
        samples += took;
        count -= took;
        if (s == HSE_OK)
            s = hse_read_audio(session->job, fn, user, false, err);
    }
    return s;
}

hse_status hse_restore_session_finish(hse_restore_session *session, hse_pcm_fn fn, void *user, hse_error *err)
{
    size_t took;
    hse_error local;

    err = err ? err : &local;
    hse_status s = check_session(session, fn, err);
    if (s != HSE_OK)
        return s;
    session->finished = true;
    s = hse_job_feed(session->job, NULL, 0, &took, err);
    return s == HSE_OK ? hse_read_audio(session->job, fn, user, true, err) : s;
}

void hse_restore_session_close(hse_restore_session **session)
{
    if (!*session)
        return;
    hse_job_close(&(*session)->job);
    hse_free(*session);
    *session = NULL;
}
