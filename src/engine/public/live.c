/* live.c - transcription of a stream: speech is followed as it comes, each stretch of it is transcribed when it ends, and now and
 * then before.
 *
 * A recogniser takes every stretch of speech by itself (models/whisper/transcribe.c), so a final is the transcription of its
 * stretch, with what goes from one to the next handed on: the language, the earlier text, the number of the stretch. The finder
 * tells the very stretches of the finished recording. So finals joined are the text of the file, and nothing but the stretch that
 * is open has to be kept.
 *
 * A partial is the same for what is open, with the quickest search. Its stable part is what two passes in a row agree on. */
#include "base/arena.h"
#include "engine/public/public.h"

#include "audio/resample.h"

#include <math.h>

enum {
    RATE = 16000, HOP = 160,
    BLOCKS_A_SECOND = 4,                    /* in which input is taken: bounds what one push keeps */
    EARLIER = 448,                          /* tokens of earlier text that are handed on: more than any prompt takes */
    MOST_EVENTS = 64,                       /* of one block */
    TEXT_BYTES = 1 << 24,
};

#define PARTIAL_S 1.0                       /* new audio between partials, at least */

typedef struct {
    hse_vad_event list[MOST_EVENTS];
    size_t        count;
} events;

struct hse_transcribe_session {
    hse_engine   *engine;
    catalogue    *catalogue;
    slot         *finder;                   /* used: its model stays */
    void         *live;
    hse_transcribe_options o;               /* own copies */
    hse_arena     arena;
    hse_resampler *resampler;               /* NULL at 16 kHz */
    unsigned      rate_hz;
    hse_buf       block, pcm;               /* float at 16 kHz: of this block; from `at` on */
    int64_t       at, heard, pushed;        /* samples at 16 kHz; pushed: at the stream's rate */
    int64_t       margin;                   /* how far back a stretch may begin */
    events        events;
    bool          open, finished;
    int64_t       start;                    /* of the stretch that is open */
    uint64_t      stretch;
    int32_t       earlier[EARLIER];
    size_t        earlier_count;
    bool          reset;                    /* the initial prompt counts no more */
    int32_t       last_id;
    int64_t       next_partial;             /* not before so much was heard */
    hse_buf       text, stable;             /* of the last partial */
};

typedef struct hse_transcribe_session session;

/* ---- options ------------------------------------------------------------------------------------------------------- */

static const char *keep(session *v, const char *text, bool *ok)
{
    char *p = text ? hse_arena_strndup(&v->arena, text, strlen(text)) : NULL;

    *ok &= !text || p;
    return p;
}

static const int32_t *keep_ids(session *v, const int32_t *ids, size_t n, bool *ok)
{
    int32_t *p = ids ? hse_arena_array(&v->arena, n + 1, sizeof *p) : NULL;

    *ok &= !ids || p;
    if (p && n)
        memcpy(p, ids, n * sizeof *p);
    return p;
}

static hse_status keep_options(session *v, hse_error *err)
{
    hse_transcribe_options *o = &v->o;
    const char **languages = NULL;
    bool ok = true;

    o->model = keep(v, o->model, &ok);
    o->language = keep(v, o->language, &ok);
    o->initial_prompt = keep(v, o->initial_prompt, &ok);
    o->prefix = keep(v, o->prefix, &ok);
    o->hotwords = keep(v, o->hotwords, &ok);
    o->prepend_punctuations = keep(v, o->prepend_punctuations, &ok);
    o->append_punctuations = keep(v, o->append_punctuations, &ok);
    o->suppress_tokens = keep_ids(v, o->suppress_tokens, o->suppress_token_count, &ok);
    if (o->languages && (languages = hse_arena_array(&v->arena, o->language_count + 1, sizeof *languages)) != NULL)
        for (size_t i = 0; i < o->language_count; i++)
            languages[i] = keep(v, o->languages[i], &ok);
    ok &= !o->languages || languages;
    o->languages = languages;
    for (size_t i = 0; o->initial_prompt_tokens && i < o->initial_prompt_token_count; i++) {
        if (v->earlier_count == EARLIER)
            memmove(v->earlier, v->earlier + 1, --v->earlier_count * sizeof *v->earlier);
        v->earlier[v->earlier_count++] = o->initial_prompt_tokens[i];
    }
    if (v->earlier_count == EARLIER)
        o->initial_prompt = NULL;
    return ok ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory for a session's options");
}

/* What a stream cannot have. */
static hse_status check(const hse_transcribe_options *o, hse_error *err)
{
    const char *wrong = o->batched ? "batched" : o->clip_count ? "clip_timestamps" : NULL;

    if (wrong)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s is not offered on a live stream", wrong);
    if (!o->vad_filter)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "a live stream is cut where speech ends: vad_filter cannot be off");
    if (o->initial_prompt_token_count && !o->initial_prompt_tokens)
        return hse_fail(err, HSE_E_ARG, 0, "initial_prompt has a count of %zu, but no tokens", o->initial_prompt_token_count);
    if (o->suppress_token_count > 65536 || o->language_count > 65536 || o->initial_prompt_token_count > 65536)
        return hse_fail(err, HSE_E_LIMIT, 0, "a list of the options has over 65536 entries");
    if (o->language_count && !o->languages)
        return hse_fail(err, HSE_E_ARG, 0, "languages has a count of %zu, but no names", o->language_count);
    return HSE_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static hse_status open_finder(session *v, const hse_model_type *type, hse_error *err)
{
    hse_split_input in = {.transcribe = &v->o};
    hse_vad_options vad;
    slot *finder;
    hse_status s;

    if (!type->wants_speech || !type->wants_speech(&in, &vad))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model: %.60s cannot transcribe a live stream", type->type);
    if ((s = hse_target_finder(&finder, v->catalogue, &vad, err)) != HSE_OK)
        return s;
    v->finder = finder;
    pthread_mutex_lock(&v->engine->lock);
    hse_slot_use(finder);                               /* from before it is loaded: nothing takes it away in between */
    pthread_mutex_unlock(&v->engine->lock);
    if ((s = hse_engine_load(v->engine, v->finder->name, NAN, err)) != HSE_OK)
        return s;
    if (!v->finder->type->live_open || !v->finder->type->live_finish)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model '%.60s' cannot follow a live stream", v->finder->name);
    v->margin = (int64_t)((vad.pad_ms + vad.min_speech_ms + vad.min_silence_ms + 1000.0) * RATE / 1000.0);
    return v->finder->type->live_open(&v->live, v->finder->model, &vad, RATE, err);
}

static hse_status open_all(session *v, hse_error *err)
{
    target t = {0};
    hse_status s = keep_options(v, err);

    if (s == HSE_OK && v->rate_hz != RATE)
        s = hse_resampler_open(&v->resampler, (int)v->rate_hz, RATE, err);
    if (s == HSE_OK)
        s = hse_target_find(&t, v->catalogue, HSE_JOB_TRANSCRIBE, v->o.model, err);
    if (s == HSE_OK && !t.slot)
        s = hse_fail(err, HSE_E_UNSUPPORTED, 0, "model: a live stream is transcribed by one model, not by a toolchain");
    if (s == HSE_OK)
        s = open_finder(v, t.slot->type, err);
    if (s == HSE_OK) /* what is wrong with the options or the model is told now, and the first words wait for nothing */
        s = hse_engine_load(v->engine, t.slot->name, NAN, err);
    return s;
}

static void close_all(session *v)
{
    hse_engine *e = v->engine;

    if (v->live)
        v->finder->type->live_close(&v->live);
    if (v->resampler)
        hse_resampler_close(&v->resampler);
    hse_buf_free(&v->block);
    hse_buf_free(&v->pcm);
    hse_buf_free(&v->text);
    hse_buf_free(&v->stable);
    hse_arena_free(&v->arena);
    pthread_mutex_lock(&e->lock);
    if (v->finder)
        hse_slot_leave(v->finder, NAN);
    hse_catalogue_unref(e, v->catalogue);
    hse_engine_unref(e);
    hse_free(v);
}

hse_status hse_transcribe_session_open(hse_transcribe_session **out, hse_engine *engine, const hse_transcribe_options *options,
                                       unsigned rate_hz, hse_error *err)
{
    hse_transcribe_options o, defaults;
    hse_error local;
    hse_status s;

    err = err ? err : &local;
    if (!engine || !out)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", engine ? "out" : "engine");
    if (rate_hz < HSE_RATE_MIN || rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "rate_hz is %u; it must be from %d to %d", rate_hz, HSE_RATE_MIN, HSE_RATE_MAX);
    hse_transcribe_options_init(&defaults);
    if ((s = hse_take_options(&o, sizeof o, options ? options : &defaults, "hse_transcribe_options", err)) != HSE_OK ||
        (s = check(&o, err)) != HSE_OK)
        return s;
    session *v = hse_calloc(1, sizeof *v);
    if (!v)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a session");
    v->o = o;
    v->rate_hz = rate_hz;
    v->engine = engine;
    hse_arena_init(&v->arena, TEXT_BYTES);
    hse_buf_init(&v->block, SIZE_MAX / 2);
    hse_buf_init(&v->pcm, SIZE_MAX / 2);
    hse_buf_init(&v->text, TEXT_BYTES);
    hse_buf_init(&v->stable, TEXT_BYTES);
    pthread_mutex_lock(&engine->lock);
    engine->refs++;
    v->catalogue = engine->catalogue;
    v->catalogue->refs++;
    pthread_mutex_unlock(&engine->lock);
    if ((s = open_all(v, err)) == HSE_OK)
        *out = v;
    else
        close_all(v);
    return s;
}

void hse_transcribe_session_close(hse_transcribe_session **s)
{
    if (!s || !*s)
        return;
    close_all(*s);
    *s = NULL;
}

/* ---- what is said -------------------------------------------------------------------------------------------------- */

/* A position that the finder gives is one in the recording, as a file's would be: there and back. */
static int64_t through_rate(const session *v, int64_t at)
{
    int64_t there;

    if (v->rate_hz == RATE)
        return at;
    there = llround((double)at * v->rate_hz / RATE);
    there = there > v->pushed ? v->pushed : there;
    at = llround((double)there * RATE / v->rate_hz);
    return at > v->heard ? v->heard : at;
}

static const float *samples_from(const session *v, int64_t from)
{
    return (const float *)(const void *)v->pcm.data + (from - v->at);
}

/* Options of one stretch by itself, which is all of its audio. */
static hse_transcribe_options of_stretch(const session *v)
{
    hse_transcribe_options o = v->o;

    o.vad_filter = 0;
    o.initial_prompt = v->reset ? NULL : v->o.initial_prompt;
    o.initial_prompt_tokens = v->earlier;
    o.initial_prompt_token_count = v->earlier_count;
    o.prefix = v->stretch ? NULL : v->o.prefix;
    o.seed = (v->o.has_seed ? v->o.seed : 0) + v->stretch;
    o.has_seed = 1;
    return o;
}

static void add_earlier(session *v, const int32_t *tokens, size_t n)
{
    if (n >= EARLIER) {
        tokens += n - EARLIER;
        n = EARLIER;
    }
    if (v->earlier_count + n > EARLIER) {
        size_t drop = v->earlier_count + n - EARLIER;
        memmove(v->earlier, v->earlier + drop, (v->earlier_count - drop) * sizeof *v->earlier);
        v->earlier_count -= drop;
    }
    if (n)
        memcpy(v->earlier + v->earlier_count, tokens, n * sizeof *tokens);
    v->earlier_count += n;
    if (v->earlier_count == EARLIER)
        v->o.initial_prompt = NULL;
}

/* The earlier text after these segments: what one window says after another, as in a file. */
static void hand_on(session *v, const hse_transcript *t)
{
    for (size_t i = 0; i < t->segment_count; i++) {
        const hse_transcript_segment *g = &t->segments[i];
        bool last = i + 1 == t->segment_count || t->segments[i + 1].seek != g->seek;

        add_earlier(v, g->tokens, g->token_count);
        if (last && (!v->o.condition_on_previous_text || g->temperature > v->o.prompt_reset_on_temperature)) {
            v->earlier_count = 0;
            v->reset = true;
        }
    }
    if (!v->o.language && t->language) {
        bool ok = true;
        v->o.language = keep(v, t->language, &ok);
    }
}

static void tell(hse_transcribe_event_fn fn, void *user, bool final, size_t stable, const hse_transcript_segment *g)
{
    fn(user, &(hse_transcribe_event){.final = final, .stable_bytes = stable, .segment = g});
}

/* A segment at its place in the stream. The words are the transcript's own memory, which is about to be freed. */
static hse_transcript_segment moved(const session *v, const hse_transcript_segment *from, int32_t id)
{
    hse_transcript_segment g = *from;
    double base = (double)v->start / RATE;

    g.id = id;
    g.seek += (int32_t)(v->start / HOP);
    g.start += base;
    g.end += base;
    for (size_t i = 0; i < g.word_count; i++) {
        hse_word *w = (hse_word *)(uintptr_t)&g.words[i];
        w->start += base;
        w->end += base;
    }
    return g;
}

static hse_status end_stretch(session *v, int64_t end, hse_transcribe_event_fn fn, void *user, hse_error *err)
{
    hse_transcribe_options o = of_stretch(v);
    hse_transcript *t = NULL;
    hse_status s;

    v->open = false;
    hse_buf_clear(&v->text);
    hse_buf_clear(&v->stable);
    if (end <= v->start)
        return HSE_OK;
    s = hse_transcribe(v->engine, samples_from(v, v->start), (size_t)(end - v->start), RATE, &o, &t, err);
    if (s != HSE_OK)
        return s;
    v->stretch++;
    for (size_t i = 0; i < t->segment_count; i++) {
        hse_transcript_segment g = moved(v, &t->segments[i], ++v->last_id);
        tell(fn, user, true, strlen(g.text), &g);
    }
    hand_on(v, t);
    hse_transcript_free(&t);
    return HSE_OK;
}

/* How many bytes at the beginning are the same, whole characters. */
static size_t agreed(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0;

    while (i < n && i < m && a[i] == b[i])
        i++;
    while (i > 0 && i < n && ((unsigned char)a[i] & 0xc0) == 0x80)
        i--;
    return i;
}

static hse_status partial(session *v, hse_transcribe_event_fn fn, void *user, hse_error *err)
{
    hse_transcribe_options o = of_stretch(v);
    hse_transcript *t = NULL;
    hse_transcript_segment g = {0};
    hse_buf text;
    hse_status s;

    o.beam_size = o.best_of = 1;
    o.temperature_count = 1;
    o.temperatures[0] = 0.0;
    o.word_timestamps = o.token_logprobs = 0;
    o.hallucination_silence_threshold = NAN;
    s = hse_transcribe(v->engine, samples_from(v, v->start), (size_t)(v->heard - v->start), RATE, &o, &t, err);
    if (s != HSE_OK)
        return s;
    hse_buf_init(&text, TEXT_BYTES);
    for (size_t i = 0; i < t->segment_count; i++)
        hse_buf_str(&text, t->segments[i].text);
    if ((s = hse_buf_status(&text, "a partial", err)) == HSE_OK && t->segment_count) {
        size_t same = agreed(hse_buf_text(&text), text.size, hse_buf_text(&v->text), v->text.size),
               kept = agreed(hse_buf_text(&text), text.size, hse_buf_text(&v->stable), v->stable.size);
        bool begins = kept == v->stable.size;

        g = moved(v, &t->segments[0], v->last_id + 1);
        g.end = (double)v->heard / RATE;
        g.tokens = NULL;
        g.token_count = 0;
        if (begins && same > v->stable.size) { /* more has become stable */
            hse_buf_clear(&v->stable);
            hse_buf_append(&v->stable, hse_buf_text(&text), same);
        }
        hse_buf_clear(&v->text);
        hse_buf_append(&v->text, hse_buf_text(&text), text.size);
        g.text = begins ? hse_buf_text(&text) : hse_buf_text(&v->stable); /* what was stable stays, whatever this pass heard */
        tell(fn, user, false, v->stable.size, &g);
    }
    hse_buf_free(&text);
    hse_transcript_free(&t);
    return s;
}

/* ---- the stream ---------------------------------------------------------------------------------------------------- */

static void note(void *user, const hse_vad_event *event)
{
    events *e = user;

    if (e->count < MOST_EVENTS)
        e->list[e->count++] = *event;
}

/* Audio that no stretch can reach any more. */
static void forget(session *v)
{
    int64_t from = v->open ? v->start : v->heard - v->margin, drop = from - v->at,
            held = (int64_t)(v->pcm.size / sizeof(float));

    drop = drop > held ? held : drop;
    if (drop < RATE)
        return;
    hse_buf_consume(&v->pcm, (size_t)drop * sizeof(float));
    v->at += drop;
}

static hse_status take_events(session *v, hse_transcribe_event_fn fn, void *user, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; i < v->events.count && s == HSE_OK; i++) {
        int64_t at = through_rate(v, v->events.list[i].at);

        if (v->events.list[i].start) {
            v->open = true;
            v->start = at < v->at ? v->at : at;
            v->next_partial = v->start + (int64_t)(PARTIAL_S * RATE);
        } else {
            s = end_stretch(v, at, fn, user, err);
        }
    }
    v->events.count = 0;
    return s;
}

/* What the block gave, at 16 kHz. */
static hse_status take_block(session *v, hse_transcribe_event_fn fn, void *user, hse_error *err)
{
    size_t n = v->block.size / sizeof(float);
    hse_status s;

    hse_buf_append(&v->pcm, v->block.data, v->block.size);
    if ((s = hse_buf_status(&v->pcm, "audio", err)) != HSE_OK)
        return s;
    v->heard += (int64_t)n;
    s = v->finder->type->live_push(v->live, (const float *)(const void *)v->block.data, n, note, &v->events, err);
    hse_buf_clear(&v->block);
    if (s == HSE_OK)
        s = take_events(v, fn, user, err);
    if (s == HSE_OK && v->open && v->heard >= v->next_partial) {
        uint64_t began = hse_now_ns();
        s = partial(v, fn, user, err);
        /* A slow machine makes fewer: at most half of the time goes into them. */
        double took = (double)(hse_now_ns() - began) / 1e9;
        v->next_partial = v->heard + (int64_t)((took * 2.0 > PARTIAL_S ? took * 2.0 : PARTIAL_S) * RATE);
    }
    forget(v);
    return s;
}

hse_status hse_transcribe_session_push(hse_transcribe_session *v, const float *samples, size_t count, hse_transcribe_event_fn fn,
                                       void *user, hse_error *err)
{
    hse_error local;
    hse_status s = HSE_OK;

    err = err ? err : &local;
    if (!v || (!samples && count) || !fn)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", !v ? "session" : !fn ? "fn" : "samples");
    if (v->finished)
        return hse_fail(err, HSE_E_ARG, 0, "the session is finished");
    size_t bad = hse_audio_first_bad(samples, count);
    if (bad < count)
        return hse_fail(err, HSE_E_FORMAT, bad, "sample %zu is not a finite number in range", bad);
    for (size_t i = 0, n; i < count && s == HSE_OK; i += n) {
        size_t block = v->rate_hz / BLOCKS_A_SECOND;

        n = count - i < block ? count - i : block;
        v->pushed += (int64_t)n;
        if (v->resampler)
            s = hse_resampler_push(v->resampler, samples + i, n, &v->block, err);
        else
            hse_buf_append(&v->block, samples + i, n * sizeof *samples);
        if (s == HSE_OK)
            s = hse_buf_status(&v->block, "audio", err);
        if (s == HSE_OK && v->block.size)
            s = take_block(v, fn, user, err);
    }
    return s;
}

hse_status hse_transcribe_session_finish(hse_transcribe_session *v, hse_transcribe_event_fn fn, void *user, hse_error *err)
{
    hse_error local;
    hse_status s = HSE_OK;

    err = err ? err : &local;
    if (!v || !fn)
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", v ? "fn" : "session");
    if (v->finished)
        return hse_fail(err, HSE_E_ARG, 0, "the session is finished");
    if (v->resampler)
        s = hse_resampler_finish(v->resampler, &v->block, err);
    if (s == HSE_OK && v->block.size)
        s = take_block(v, fn, user, err);
    if (s == HSE_OK)
        s = v->finder->type->live_finish(v->live, note, &v->events, err);
    if (s == HSE_OK)
        s = take_events(v, fn, user, err);
    v->finished = s == HSE_OK;
    return s;
}
