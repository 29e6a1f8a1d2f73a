/* public.c - the calls of hse.h: options in, a job, its result out. */
#include "audio/decode.h"
#include "audio/wav.h"
#include "base/file.h"
#include "engine/public/public.h"

#include <math.h>
#include <stdlib.h>

const char *hse_version(void)
{
    return HSE_VERSION;
}

unsigned hse_abi_version(void)
{
    return HSE_ABI_VERSION;
}

hse_status hse_take_options(void *out, size_t size, const void *in, const char *name, hse_error *err)
{
    size_t given = 0;

    memset(out, 0, size);
    if (!in)
        return HSE_OK;
    memcpy(&given, in, sizeof given);
    if (given < sizeof given || given > 65536)
        return hse_fail(err, HSE_E_ARG, 0, "%s.size is %zu: fill the struct by %s_init", name, given, name);
    for (size_t i = size; i < given; i++)
        if (((const uint8_t *)in)[i])
            return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s: a field of a later version is set, this is %s", name, HSE_VERSION);
    memcpy(out, in, given < size ? given : size);
    return HSE_OK;
}

/* ---- engine -------------------------------------------------------------------------------------------------------- */

/* The config's strings are used by the engine, so the two live together. */
static hse_status open_with_config(hse_engine **out, hse_engine_setup *setup, const char *path, hse_error *err)
{
    hse_config *config = NULL;
    hse_status s = hse_config_load(&config, path, NULL, 0, NULL, err);

    if (s != HSE_OK)
        return s;
    setup->config = config;
    s = hse_engine_start(out, setup, err);
    if (s == HSE_OK)
        (*out)->catalogue->own_config = config;
    else
        hse_config_close(&config);
    return s;
}

hse_status hse_engine_open(hse_engine **out, const hse_engine_options *options, hse_error *err)
{
    hse_engine_options o;
    hse_engine_setup setup = {0};
    hse_error local;
    hse_status s;

    err = err ? err : &local;
    if (!out)
        return hse_fail(err, HSE_E_ARG, 0, "out is NULL");
    if ((s = hse_take_options(&o, sizeof o, options, "hse_engine_options", err)) != HSE_OK)
        return s;
    if (o.threads < 0 || o.max_requests < 0)
        return hse_fail(err, HSE_E_ARG, 0, "%s is negative", o.threads < 0 ? "threads" : "max_requests");
    if (o.dtype && !hse_dtype_choice_parse(o.dtype, &setup.dtype))
        return hse_fail(err, HSE_E_ARG, 0, "dtype: '%.40s' is none of auto, float32, bfloat16, int8", o.dtype);
    setup.models = o.models;
    setup.model = o.model;
    setup.threads = o.threads;
    setup.cpu = o.cpu;
    setup.max_requests = o.max_requests;
    setup.timeout_s = -1;
    return o.config ? open_with_config(out, &setup, o.config, err) : hse_engine_start(out, &setup, err);
}

/* ---- giving up ----------------------------------------------------------------------------------------------------- */

struct hse_cancel {
    atomic_bool now;
};

hse_status hse_cancel_open(hse_cancel **out, hse_error *err)
{
    hse_cancel *c = hse_calloc(1, sizeof *c);

    if (!c)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a cancel object");
    *out = c;
    return HSE_OK;
}

void hse_cancel_now(hse_cancel *cancel)
{
    if (cancel)
        atomic_store(&cancel->now, true);
}

void hse_cancel_close(hse_cancel **cancel)
{
    hse_free(*cancel);
    *cancel = NULL;
}

bool hse_cancelled(const hse_cancel *c)
{
    return c && atomic_load(&c->now);
}

/* ---- speaking ------------------------------------------------------------------------------------------------------ */

void hse_pcm_free(hse_pcm *pcm)
{
    hse_free(pcm->samples);
    *pcm = (hse_pcm){0};
}

/* As the server does with its store: the request gets an embedding, or the recording. */
hse_status hse_public_voices_apply(public_voices *v, hse_engine *engine, hse_request *r, hse_error *err)
{
    hse_audio *recording = r->kind == HSE_JOB_CONVERT ? &r->target : &r->audio;
    const float *own = recording->samples;
    hse_voice_store *store = NULL;
    hse_status s;

    *v = (public_voices){0};
    if (!(r->voice && *r->voice) && !(r->kind == HSE_JOB_SPEAK && strstr(r->text, "<voice")))
        return HSE_OK;
    if ((s = hse_voice_store_open(&store, engine->state_dir, err)) != HSE_OK)
        return s;
    if ((s = hse_voice_store_apply(store, engine, r, &v->embedding, err)) == HSE_OK)
        s = hse_voice_store_apply_text(store, engine, r, &v->in_text, err);
    if (recording->samples != own)
        v->recording = *recording;
    hse_voice_store_close(&store);
    return s;
}

void hse_public_voices_free(public_voices *v)
{
    hse_free(v->embedding);
    hse_named_voices_free(&v->in_text);
    hse_audio_free(&v->recording);
}

static hse_status open_speech(hse_job **job, public_voices *voices, hse_engine *engine, const char *text, const hse_speak_options *options,
                              bool stream, hse_error *err)
{
    hse_speak_options o;
    hse_request r;
    hse_status s;

    if (!engine || !text)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "text" : "engine");
    if ((s = hse_take_options(&o, sizeof o, options, "hse_speak_options", err)) != HSE_OK)
        return s;
    if (o.reference && o.reference_count == 0)
        return hse_fail(err, HSE_E_ARG, 0, "reference has no samples");
    if (o.reference_rate_hz > INT32_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "reference_rate_hz is %u", o.reference_rate_hz);
    hse_request_init(&r, HSE_JOB_SPEAK);
    r.model = o.model;
    r.language = o.language;
    r.voice = o.voice;
    r.style = o.style;
    r.text = text;
    r.text_size = strlen(text);
    r.embedding = o.embedding;
    r.embedding_size = o.embedding ? o.embedding_size : 0;
    r.audio = (hse_audio){.samples = (float *)(uintptr_t)o.reference, .n = o.reference ? o.reference_count : 0,
                          .rate_hz = (int)o.reference_rate_hz, .channels = 1};
    r.audio_borrowed = true;
    r.speed = o.speed;
    r.pitch = o.pitch;
    r.energy = o.energy;
    r.rate_hz = o.rate_hz;
    r.input = o.input_type;
    r.lexicon = o.lexicon;
    r.lexicon_size = o.lexicon ? strlen(o.lexicon) : 0;
    r.watermark = o.watermark;
    r.text_mode = o.text_mode;
    r.loudness = o.loudness;
    r.reference = o.reference_mode != 0;
    r.timeout_s = o.timeout_s;
    r.cancel = o.cancel;
    r.has_seed = o.has_seed != 0;
    r.seed = o.seed;
    r.stream = stream;
    s = hse_public_voices_apply(voices, engine, &r, err);
    return s == HSE_OK ? hse_job_open(job, engine, &r, err) : s;
}

hse_status hse_read_audio(hse_job *job, hse_pcm_fn fn, void *user, bool wait, hse_error *err)
{
    enum { BLOCK = 4096 };
    float *block = hse_alloc(BLOCK * sizeof *block);
    hse_status s = HSE_OK;
    bool end = false, more = true;

    if (!block)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a block of audio");
    while (s == HSE_OK && !end && more) {
        size_t n = 0;

        s = hse_job_read(job, block, BLOCK, &n, &end, wait, err);
        more = wait || n > 0;
        if (s == HSE_OK && n && fn(user, block, n, hse_job_result_get(job)->rate_hz) != 0)
            s = hse_fail(err, HSE_E_CANCELLED, 0, "the caller stopped listening");
    }
    hse_free(block);
    return s;
}

static int collect(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    hse_buf *b = user;

    (void)rate_hz;
    hse_buf_append(b, samples, count * sizeof *samples);
    return b->status != HSE_OK;
}

hse_status hse_read_pcm(hse_job *job, hse_pcm *out, hse_error *err)
{
    hse_buf b;

    hse_buf_init(&b, (size_t)1 << 34);
    hse_status s = hse_read_audio(job, collect, &b, true, err);
    if (b.status != HSE_OK)
        s = hse_buf_status(&b, "audio", err);
    if (s == HSE_OK) {
        out->count = b.size / sizeof(float);
        out->rate_hz = hse_job_result_get(job)->rate_hz;
        out->samples = (float *)(void *)hse_buf_take(&b, NULL);
    }
    hse_buf_free(&b);
    return s;
}

hse_status hse_speak(hse_engine *engine, const char *text, const hse_speak_options *options, hse_pcm *out, hse_error *err)
{
    public_voices voices = {0};
    hse_job *job = NULL;
    hse_error local;

    err = err ? err : &local;
    if (!out)
        return hse_fail(err, HSE_E_ARG, 0, "out is NULL");
    hse_status s = open_speech(&job, &voices, engine, text, options, false, err);
    if (s == HSE_OK)
        s = hse_read_pcm(job, out, err);
    hse_job_close(&job);
    hse_public_voices_free(&voices);
    return s;
}

hse_status hse_speak_stream(hse_engine *engine, const char *text, const hse_speak_options *options, hse_pcm_fn fn, void *user,
                            hse_error *err)
{
    public_voices voices = {0};
    hse_job *job = NULL;
    hse_error local;

    err = err ? err : &local;
    if (!fn)
        return hse_fail(err, HSE_E_ARG, 0, "fn is NULL");
    hse_status s = open_speech(&job, &voices, engine, text, options, true, err);
    if (s == HSE_OK)
        s = hse_read_audio(job, fn, user, true, err);
    hse_job_close(&job);
    hse_public_voices_free(&voices);
    return s;
}

/* ---- embedding, voice activity ------------------------------------------------------------------------------------- */

void hse_embedding_free(hse_embedding *embedding)
{
    hse_free(embedding->values);
    *embedding = (hse_embedding){0};
}

void hse_segments_free(hse_segments *segments)
{
    hse_free(segments->items);
    *segments = (hse_segments){0};
}

hse_status hse_take_samples(hse_request *r, const float *samples, size_t count, unsigned rate_hz, hse_error *err)
{
    if (!samples && count)
        return hse_fail(err, HSE_E_ARG, 0, "samples is NULL");
    if (rate_hz > INT32_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "rate_hz is %u", rate_hz);
    r->audio = (hse_audio){.samples = (float *)(uintptr_t)samples, .n = count, .rate_hz = (int)rate_hz, .channels = 1};
    r->audio_borrowed = true;
    return HSE_OK;
}

/* A copy that the caller owns; n = 0 gives NULL. */
static hse_status give(void **out, const void *data, size_t n, size_t size, hse_error *err)
{
    *out = n ? hse_alloc(n * size) : NULL;
    if (n && !*out)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the result");
    if (n)
        memcpy(*out, data, n * size);
    return HSE_OK;
}

hse_status hse_embed(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz, const hse_embed_options *options,
                     hse_embedding *out, hse_error *err)
{
    hse_embed_options o;
    hse_request r;
    hse_job *job = NULL;
    hse_error local;
    void *values = NULL;
    hse_status s;

    err = err ? err : &local;
    if (!engine || !out)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "out" : "engine");
    hse_request_init(&r, HSE_JOB_EMBED);
    if ((s = hse_take_options(&o, sizeof o, options, "hse_embed_options", err)) != HSE_OK ||
        (s = hse_take_samples(&r, samples, count, rate_hz, err)) != HSE_OK)
        return s;
    r.model = o.model;
    r.timeout_s = o.timeout_s;
    r.cancel = o.cancel;
    if ((s = hse_job_open(&job, engine, &r, err)) != HSE_OK)
        return s;
    s = hse_job_wait(job, err);
    const hse_job_result *result = hse_job_result_get(job);
    if (s == HSE_OK && (s = give(&values, result->embedding, result->embedding_size, sizeof(float), err)) == HSE_OK)
        *out = (hse_embedding){.values = values, .count = result->embedding_size};
    hse_job_close(&job);
    return s;
}

/* hse.h's parameters as the models read them. */
static hse_status take_vad(hse_vad_params *p, hse_vad_options *o, const hse_vad_params *params, hse_error *err)
{
    hse_vad_params defaults;
    hse_status s;

    hse_vad_params_init(&defaults);
    if ((s = hse_take_options(p, sizeof *p, params ? params : &defaults, "hse_vad_params", err)) != HSE_OK)
        return s;
    if (!(p->max_speech_s >= 0))
        return hse_fail(err, HSE_E_ARG, 0, "max_speech_s: %g is not 0 or above", p->max_speech_s);
    *o = (hse_vad_options){.threshold = p->threshold, .neg_threshold = p->neg_threshold, .min_speech_ms = p->min_speech_ms,
                           .min_silence_ms = p->min_silence_ms, .pad_ms = p->pad_ms,
                           .max_speech_s = p->max_speech_s == 0 ? INFINITY : p->max_speech_s,
                           .min_silence_at_max_speech_ms = p->min_silence_at_max_speech_ms,
                           .longest_silence_at_max_speech = p->longest_silence_at_max_speech != 0};
    return HSE_OK;
}

hse_status hse_vad(hse_engine *engine, const float *samples, size_t count, unsigned rate_hz, const hse_vad_params *params,
                   hse_segments *out, hse_error *err)
{
    hse_vad_params p;
    hse_request r;
    hse_job *job = NULL;
    hse_error local;
    void *items = NULL;
    hse_status s;

    err = err ? err : &local;
    if (!engine || !out)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "out" : "engine");
    hse_request_init(&r, HSE_JOB_VAD);
    if ((s = take_vad(&p, &r.vad, params, err)) != HSE_OK || (s = hse_take_samples(&r, samples, count, rate_hz, err)) != HSE_OK)
        return s;
    r.model = p.model;
    r.timeout_s = p.timeout_s;
    r.cancel = p.cancel;
    if ((s = hse_job_open(&job, engine, &r, err)) != HSE_OK)
        return s;
    s = hse_job_wait(job, err);
    const hse_job_result *result = hse_job_result_get(job);
    if (s == HSE_OK && (s = give(&items, result->segments, result->segment_count, sizeof(hse_segment), err)) == HSE_OK)
        *out = (hse_segments){.items = items, .count = result->segment_count};
    hse_job_close(&job);
    return s;
}

/* ---- live voice activity ------------------------------------------------------------------------------------------- */

struct hse_vad_session {
    hse_engine *engine;
    catalogue  *catalogue;
    slot       *slot;                       /* used: its model stays */
    void       *live;
};

static hse_status check_live(const hse_vad_params *p, hse_error *err)
{
    hse_vad_params d;

    hse_vad_params_init(&d);
    const char *wrong = p->min_speech_ms != d.min_speech_ms ? "min_speech_ms" : p->max_speech_s != d.max_speech_s ? "max_speech_s"
                        : p->neg_threshold != d.neg_threshold ? "neg_threshold"
                        : p->min_silence_at_max_speech_ms != d.min_silence_at_max_speech_ms ? "min_silence_at_max_speech_ms"
                        : p->longest_silence_at_max_speech != d.longest_silence_at_max_speech ? "longest_silence_at_max_speech" : NULL;
    return wrong ? hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s is not offered on a live stream", wrong) : HSE_OK;
}

static void close_session(hse_vad_session *v)
{
    hse_engine *e = v->engine;

    if (v->live)
        v->slot->type->live_close(&v->live);
    pthread_mutex_lock(&e->lock);
    if (v->slot)
        hse_slot_leave(v->slot, NAN);
    hse_catalogue_unref(e, v->catalogue);
    hse_engine_unref(e);
    hse_free(v);
}

static hse_status open_session(hse_vad_session *v, const hse_vad_params *p, const hse_vad_options *o, unsigned rate_hz, hse_error *err)
{
    target t = {0};
    hse_status s = hse_target_find(&t, v->catalogue, HSE_JOB_VAD, p->model, err);

    if (s != HSE_OK)
        return s;
    pthread_mutex_lock(&v->engine->lock);
    v->slot = t.slot;
    hse_slot_use(v->slot);                              /* from before it is loaded: nothing takes it away in between */
    pthread_mutex_unlock(&v->engine->lock);
    if ((s = hse_engine_load(v->engine, t.slot->name, NAN, err)) != HSE_OK)
        return s;
    if (!t.slot->type->live_open)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model '%.60s' cannot follow a live stream", t.slot->name);
    return t.slot->type->live_open(&v->live, t.slot->model, o, rate_hz, err);
}

hse_status hse_vad_session_open(hse_vad_session **out, hse_engine *engine, const hse_vad_params *params, unsigned rate_hz,
                                hse_error *err)
{
    hse_vad_params p;
    hse_vad_options o;
    hse_error local;
    hse_status s;

    err = err ? err : &local;
    if (!engine || !out)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "out" : "engine");
    if ((s = take_vad(&p, &o, params, err)) != HSE_OK || (s = check_live(&p, err)) != HSE_OK)
        return s;
    hse_vad_session *v = hse_calloc(1, sizeof *v);
    if (!v)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a session");
    v->engine = engine;
    pthread_mutex_lock(&engine->lock);
    engine->refs++;
    v->catalogue = engine->catalogue;
    v->catalogue->refs++;
    pthread_mutex_unlock(&engine->lock);
    if ((s = open_session(v, &p, &o, rate_hz, err)) == HSE_OK)
        *out = v;
    else
        close_session(v);
    return s;
}

hse_status hse_vad_session_push(hse_vad_session *session, const float *samples, size_t count, hse_vad_event_fn fn, void *user,
                                hse_error *err)
{
    hse_error local;

    err = err ? err : &local;
    if (!session || (!samples && count) || !fn)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", !session ? "session" : !fn ? "fn" : "samples");
    size_t bad = hse_audio_first_bad(samples, count);
    if (bad < count)
        return hse_fail(err, HSE_E_FORMAT, bad, "sample %zu is not a finite number in range", bad);
    return session->slot->type->live_push(session->live, samples, count, fn, user, err);
}

void hse_vad_session_reset(hse_vad_session *session)
{
    if (session)
        session->slot->type->live_reset(session->live);
}

void hse_vad_session_close(hse_vad_session **session)
{
    hse_vad_session *v = *session;

    if (!v)
        return;
    close_session(v);
    *session = NULL;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

hse_status hse_pcm_write_wav(const char *path, const float *samples, size_t count, unsigned rate_hz, hse_error *err)
{
    hse_error local;
    hse_buf b;

    err = err ? err : &local;
    if (!path || (!samples && count))
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", path ? "samples" : "path");
    if (rate_hz < HSE_RATE_MIN || rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "rate_hz: %u is not in %d..%d", rate_hz, HSE_RATE_MIN, HSE_RATE_MAX);
    hse_buf_init(&b, SIZE_MAX / 2);
    hse_status s = hse_wav_encode(&b, samples, count, (int)rate_hz, err);
    if (s == HSE_OK)
        s = hse_file_write(path, b.data, b.size, err);
    hse_buf_free(&b);
    return s;
}

hse_status hse_pcm_read(hse_pcm *out, const char *path, hse_error *err)
{
    hse_error local;
    hse_audio a = {0};

    err = err ? err : &local;
    if (!out || !path)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", path ? "out" : "path");
    hse_status s = hse_audio_decode_file(&a, path, NULL, err);
    if (s != HSE_OK)
        return s;
    *out = (hse_pcm){.samples = a.samples, .count = a.n, .rate_hz = (unsigned)a.rate_hz};
    return HSE_OK;
}
