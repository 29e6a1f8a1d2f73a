/* batched.c - the batched transcription: chunks of speech side by side, none told of another.
 *
 * Speech is collected to chunks of at most 30 s; each is one window, with one attempt. They are handed out as fast as they are
 * taken and may come back in any order; segments are given in order. */
#include "models/whisper/split.h"

#include "base/mem.h"
#include "models/silero/segments.h"

#include <math.h>
#include <string.h>

typedef struct {
    size_t  first, count;                   /* segments of speech joined, or: */
    int64_t from, to;                       /* samples at 16 kHz */
    double  offset, duration;               /* seconds */
    whisper_piece *done;                    /* waits for those before it */
} chunk;

struct whisper_batched {
    whisper_split s;
    bool      clips;                        /* chunks are clips: times are those of the recording */
    hse_segment *map;                       /* what times are mapped back by */
    size_t    n_map;
    chunk    *chunks;
    size_t    n_chunks, next, shown;        /* handed out; given */
    size_t    decoded, aligned;             /* reference: chunks with their text; handed out again for their words */
    int       tried;
    double    last_speech;
    float    *joined;                       /* samples of one chunk */
    float    *look;                         /* mel of all that the language is looked for in */
    size_t    look_frames;
};

typedef struct whisper_batched state;

/* ---- chunks ---- */

static double chunk_seconds(const hse_transcribe_options *o)
{
    return o->chunk_length_s > 0.0 ? o->chunk_length_s : 30.0;
}

static hse_status chunks_of_speech(state *t, hse_error *err)
{
    whisper_split *s = &t->s;
    silero_piece *pieces = NULL;
    size_t n = 0;
    hse_status status = silero_collect(t->map, t->n_map, chunk_seconds(s->request.o) * WHISPER_RATE, &pieces, &n, err);

    if (status != HSE_OK)
        return status;
    if (!(t->chunks = hse_calloc(n + 1, sizeof *t->chunks))) {
        hse_free(pieces);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu chunks", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].count == 0 && (!s->request.reference || t->n_map == 0))
            continue;
        t->chunks[t->n_chunks++] = (chunk){.first = pieces[i].first,
                                           .count = pieces[i].count,
                                           .offset = (double)pieces[i].offset / WHISPER_RATE,
                                           .duration = (double)pieces[i].samples / WHISPER_RATE};
    }
    hse_free(pieces);
    return HSE_OK;
}

static hse_status chunks_of_clips(state *t, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    double after = 0.0;

    t->clips = true;
    if (!(t->chunks = hse_calloc(o->clip_count / 2 + 1, sizeof *t->chunks)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu clips", o->clip_count / 2);
    for (size_t i = 0; i + 1 < o->clip_count; i += 2) {
        int64_t from = (int64_t)(o->clip_timestamps[i] * WHISPER_RATE), to = (int64_t)(o->clip_timestamps[i + 1] * WHISPER_RATE);
        chunk *c = &t->chunks[t->n_chunks++];

        after += (double)(to - from) / WHISPER_RATE;
        c->offset = (double)from / WHISPER_RATE;
        c->duration = (double)(to - from) / WHISPER_RATE;
        c->to = to < t->s.source.count ? to : t->s.source.count;
        c->from = from < c->to ? from : c->to;
    }
    t->s.so_far.duration_after_vad = after;
    if (!(after > 0.0))     /* nothing but empty clips has no text */
        t->n_chunks = 0;
    return HSE_OK;
}

/* Nobody looked for speech: the whole, in equal parts where it is longer than a chunk. */
static hse_status chunks_of_all(state *t, hse_error *err)
{
    whisper_split *s = &t->s;
    double length = chunk_seconds(s->request.o);
    int64_t most = (int64_t)(length * WHISPER_RATE), n = (s->source.count + most - 1) / most;

    if (s->request.reference && s->so_far.duration >= length)
        return hse_fail(err, HSE_E_ARG, 0, "a batched transcription of %g seconds needs vad_filter or clip_timestamps",
                        s->so_far.duration);
    if (s->source.count == 0)
        return HSE_OK;
    t->map = hse_calloc((size_t)n, sizeof *t->map);
    if (!t->map)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %lld chunks", (long long)n);
    for (int64_t i = 0; i < n; i++)
        t->map[t->n_map++] = (hse_segment){i * most, (i + 1) * most < s->source.count ? (i + 1) * most : s->source.count};
    return chunks_of_speech(t, err);
}

static hse_status make_chunks(state *t, hse_error *err)
{
    whisper_split *s = &t->s;

    if (s->request.o->clip_count)
        return chunks_of_clips(t, err);
    if (!s->filtered)
        return chunks_of_all(t, err);
    t->map = s->speech;
    t->n_map = s->speech_count;
    s->speech = NULL;
    return t->n_map ? chunks_of_speech(t, err) : HSE_OK;
}

/* The samples of a chunk; valid until the next one's. */
static hse_status samples_of(state *t, const chunk *c, const float **x, size_t *n, hse_error *err)
{
    whisper_split *s = &t->s;
    size_t total = 0, at = 0;

    if (t->clips || c->count == 1) {
        int64_t from = t->clips ? c->from : t->map[c->first].start, to = t->clips ? c->to : t->map[c->first].end;
        *n = (size_t)(to - from);
        return whisper_source_get(&s->source, from, to, x, s->in.cancel, err);
    }
    for (size_t i = 0; i < c->count; i++)
        total += (size_t)(t->map[c->first + i].end - t->map[c->first + i].start);
    hse_free(t->joined);
    if (!(t->joined = hse_alloc((total + 1) * sizeof *t->joined)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", total);
    for (size_t i = 0; i < c->count; i++) {
        const hse_segment *g = &t->map[c->first + i];
        size_t count = (size_t)(g->end - g->start);
        const float *from;
        hse_status status = whisper_source_get(&s->source, g->start, g->end, &from, s->in.cancel, err);
        if (status != HSE_OK)
            return status;
        memcpy(t->joined + at, from, count * sizeof *from);
        at += count;
    }
    *x = t->joined;
    *n = total;
    return HSE_OK;
}

/* The mel of a chunk without its last frame, at most `most` frames of it. */
static hse_status mel_of(state *t, const chunk *c, size_t most, float *out, size_t *frames, hse_error *err)
{
    const whisper_model *m = t->s.request.model;
    whisper_spectrum spectrum;
    const float *x = NULL;
    size_t n = 0;
    hse_status s = samples_of(t, c, &x, &n, err);

    if (s != HSE_OK)
        return s;
    if ((s = whisper_spectrum_open(&spectrum, m->mel, t->s.in.pool, x, n, t->s.in.cancel, err)) != HSE_OK)
        return s;
    *frames = spectrum.used < most ? spectrum.used : most;
    s = whisper_spectrum_get(&spectrum, 0, *frames, out, err);
    whisper_spectrum_close(&spectrum);
    return s;
}

/* ---- the language ---- */

/* The mel of all chunks one after another, as far as it is looked at, and one frame of silence. A clip may be rewound to: the
 * recording is read anew for the chunks themselves. */
static hse_status look_at_speech(state *t, hse_error *err)
{
    const whisper_model *m = t->s.request.model;
    size_t bands = (size_t)m->config.dims.mels, most = (size_t)t->s.request.o->language_detection_segments * WHISPER_WINDOW_FRAMES,
           at = 0;
    hse_status s = HSE_OK;

    if (!(t->look = hse_alloc((most + 1) * bands * sizeof *t->look)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", most);
    for (size_t i = 0; i < t->n_chunks && at < most && s == HSE_OK; i++) {
        size_t frames = 0;
        if (t->s.so_far.duration_after_vad > 0.0)
            s = mel_of(t, &t->chunks[i], most - at, t->look + at * bands, &frames, err);
        at += frames;
    }
    for (size_t k = 0; k < bands && at < most; k++)
        t->look[at * bands + k] = -1.5f;
    t->look_frames = at < most ? at + 1 : at;
    if (s == HSE_OK && t->s.source.resampler) {
        whisper_source_close(&t->s.source);
        s = whisper_source_open(&t->s.source, t->s.in.audio, err);
    }
    return s;
}

static hse_status make_detection(state *t, hse_error *err)
{
    size_t bands = (size_t)t->s.request.model->config.dims.mels, at = (size_t)t->tried * WHISPER_WINDOW_FRAMES, count;
    whisper_piece *p;
    hse_status s;

    if (!t->look && (s = look_at_speech(t, err)) != HSE_OK)
        return s;
    if ((s = whisper_make_ready(&t->s, &p, err)) != HSE_OK)
        return s;
    p->detect = true;
    count = t->look_frames - at < WHISPER_WINDOW_FRAMES ? t->look_frames - at : WHISPER_WINDOW_FRAMES;
    memcpy(p->mel, t->look + at * bands, count * bands * sizeof *p->mel);
    return HSE_OK;
}

static hse_status took_language(state *t, const whisper_piece *p, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    double probability = 0.0;
    int32_t id = whisper_detected(p, &probability);

    if (p->transcribe)
        return whisper_set_language(&t->s, id, probability, p, err);
    t->tried++;
    if (!whisper_vote(&t->s.ballot, id, probability, o->language_detection_threshold,
                      t->tried >= o->language_detection_segments ||
                          (size_t)t->tried * WHISPER_WINDOW_FRAMES >= t->look_frames))
        return HSE_OK;
    hse_free(t->look);
    t->look = NULL;
    return whisper_set_language(&t->s, t->s.ballot.id, t->s.ballot.probability, p, err);
}

/* ---- pieces ---- */

/* All chunks have the same prompt. */
static hse_status prompt_of(state *t, whisper_piece *p, hse_error *err)
{
    const whisper_request *r = &t->s.request;
    const hse_transcribe_options *o = r->o;
    bpe_ids previous = {0};
    whisper_prompt_parts parts = {.hotwords = o->hotwords,
                                  .language = t->s.ballot.id,
                                  .translate = o->task == HSE_TRANSLATE,
                                  .without_timestamps = o->without_timestamps != 0,
                                  .reference = r->reference,
                                  .max_length = whisper_max_length(r->model)};
    hse_status s = HSE_OK;

    if (parts.language < 0)
        parts.language = whisper_specials(r->model->tokenizer)->language_begin;
    if (o->initial_prompt)
        s = whisper_encode(r->model->tokenizer, o->initial_prompt, strlen(o->initial_prompt), &previous, err);
    for (size_t i = 0; i < o->initial_prompt_token_count && s == HSE_OK; i++)
        s = bpe_ids_add(&previous, o->initial_prompt_tokens[i], err);
    parts.previous = previous.id;
    parts.previous_count = previous.count;
    if (s == HSE_OK)
        s = whisper_prompt(r->model->tokenizer, &parts, &p->prompt, &p->language_at, err);
    bpe_ids_free(&previous);
    return s;
}

/* Upstream aligns the chunks of a batch together, and what a chunk is padded by shows in its words: these wait until all texts are
 * known. The product's chunks do not see each other. */
static bool aligns_batches(const state *t)
{
    return t->s.request.reference && t->s.request.o->word_timestamps;
}

static hse_status make_chunk(state *t, bool detect, hse_error *err)
{
    const whisper_request *r = &t->s.request;
    const chunk *c = &t->chunks[t->next];
    whisper_piece *p;
    size_t frames;
    hse_status s = whisper_make_ready(&t->s, &p, err);

    if (s != HSE_OK)
        return s;
    p->transcribe = true;
    p->detect = (detect || r->o->multilingual) && whisper_can_detect(r->model);
    p->split_words = r->o->word_timestamps && !aligns_batches(t);
    p->language = p->whole_language = t->s.ballot.id;
    p->seek = 0;
    p->segment_size = (int64_t)ceil(c->duration) * 100;
    p->offset = c->offset;
    p->duration = c->duration;
    p->number = p->order = t->next;
    if ((s = prompt_of(t, p, err)) == HSE_OK)
        s = mel_of(t, c, WHISPER_WINDOW_FRAMES, p->mel, &frames, err);
    if (s == HSE_OK)
        t->next++;
    return s;
}

static size_t aligned_tokens(const whisper_piece *p)
{
    int32_t eot = whisper_specials(p->request->model->tokenizer)->eot;
    size_t n = 0;

    for (size_t i = 0; i < p->n_cuts; i++)
        for (size_t k = 0; k < p->cuts[i].count; k++)
            n += p->tokens[p->cuts[i].first + k] < eot;
    return n;
}

/* Chunks first..end are a batch. One whose chunks are all as long is aligned as a whole, each text padded to the longest. */
static void pad_batch(state *t, size_t first, size_t end)
{
    const chunk *c = t->chunks;
    size_t longest = 0;

    for (size_t i = first; i < end; i++) {
        size_t n = aligned_tokens(c[i].done);
        if (c[i].done->segment_size != c[first].done->segment_size)
            return;
        longest = n > longest ? n : longest;
    }
    for (size_t i = first; i < end; i++)
        c[i].done->padding = longest - aligned_tokens(c[i].done);
}

/* All texts are known. */
static void pad_batches(state *t)
{
    enum { USUAL_BATCH = 8 };
    size_t batch = t->s.in.reference_batch > 0 ? (size_t)t->s.in.reference_batch : USUAL_BATCH;

    for (size_t i = 0; i < t->n_chunks; i += batch)
        pad_batch(t, i, t->n_chunks - i < batch ? t->n_chunks : i + batch);
}

static hse_status make_alignment(state *t, hse_error *err)
{
    whisper_piece *p = t->chunks[t->aligned].done;
    hse_status s = whisper_ready_again(&t->s, p, err);

    if (s != HSE_OK)
        return s;
    p->detect = p->transcribe = false;
    p->align = p->split_words = true;
    t->chunks[t->aligned++].done = NULL;
    return HSE_OK;
}

/* Makes the next piece ready, where one can go. */
static hse_status advance(state *t, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    bool fused = !t->s.ballot.known && !t->s.request.reference && o->language_detection_segments == 1 && t->n_chunks == 1;
    hse_status s = HSE_OK;

    if (t->s.ready || t->s.under_way >= WHISPER_UNDER_WAY)
        return HSE_OK;
    if (whisper_cancelled(&t->s.in))
        return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
    if (!t->s.ballot.known && !fused) {
        if (t->s.under_way == 0 && (t->n_chunks > 0 || t->s.request.reference))
            s = make_detection(t, err);
    } else if (t->next < t->n_chunks) {
        s = make_chunk(t, fused, err);
    } else if (aligns_batches(t) && t->decoded == t->n_chunks && t->aligned < t->n_chunks) {
        s = make_alignment(t, err);
    }
    if (s != HSE_OK)
        whisper_item_free(&t->s.ready);
    return s;
}

/* ---- what came of a chunk ---- */

static hse_status show_segment(state *t, const chunk *c, const whisper_piece *p, const whisper_cut *cut, whisper_worded *worded,
                               hse_error *err)
{
    hse_transcript_segment g, *to;
    whisper_cut timed = *cut;
    hse_status s;

    timed.start = worded->start;
    timed.end = worded->end;
    if ((s = whisper_segment(p, &timed, NAN, &t->s.given, &g, err)) != HSE_OK)
        return s;
    if (!(to = whisper_given_add(&t->s, err)))
        return HSE_E_NOMEM;
    g.id = ++t->s.last_id;
    g.seek = (int32_t)(c->offset * 100.0);
    g.start = silero_round(g.start, 3);
    g.end = silero_round(g.end, 3);
    if (p->split_words) {
        g.words = worded->words;
        g.word_count = worded->word_count;
    }
    if (!t->clips)
        whisper_restore_times(&g, worded->words, t->map, t->n_map);
    *to = g;
    return HSE_OK;
}

static hse_status show_chunk(state *t, const chunk *c, hse_error *err)
{
    const whisper_piece *p = c->done;
    int32_t eot = whisper_specials(p->request->model->tokenizer)->eot;
    whisper_worded *worded = hse_arena_array(&t->s.given, p->n_cuts + 1, sizeof *worded);
    hse_status s = HSE_OK;

    if (!worded)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu segments", p->n_cuts);
    for (size_t i = 0; i < p->n_cuts; i++) {
        worded[i] = (whisper_worded){.start = p->cuts[i].start, .end = p->cuts[i].end};
        for (size_t k = 0; k < p->cuts[i].count; k++)
            worded[i].text_tokens += p->tokens[p->cuts[i].first + k] < eot;
    }
    if (p->split_words)
        s = whisper_place_words(p->words, p->n_words, floor(c->offset * 100.0) / 100.0, t->s.request.prepended,
                                t->s.request.appended, worded, p->n_cuts, &t->last_speech, &t->s.given, err);
    for (size_t i = 0; i < p->n_cuts && s == HSE_OK; i++) {
        const whisper_cut *cut = &p->cuts[i];
        bool blank = false;

        if (!t->s.request.reference) { /* upstream shows segments without text, too */
            blank = true;
            for (size_t k = 0; k < cut->count && blank; k++)
                blank = p->tokens[cut->first + k] >= eot;
        }
        if (!blank)
            s = show_segment(t, c, p, cut, &worded[i], err);
    }
    return s;
}

static hse_status show_ready(state *t, hse_error *err)
{
    hse_status s = HSE_OK;

    for (; t->shown < t->n_chunks && s == HSE_OK; t->shown++) {
        const whisper_piece *p = t->chunks[t->shown].done;

        if (!p || (aligns_batches(t) && !p->align))
            break;
        s = show_chunk(t, &t->chunks[t->shown], err);
        whisper_piece_free(&t->chunks[t->shown].done);
    }
    return s;
}

/* ---- the split ---- */

hse_status whisper_batched_open(whisper_batched **out, const whisper_model *m, const hse_split_input *in, hse_error *err)
{
    state *t = hse_calloc(1, sizeof *t);
    hse_status s;

    if (!t)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a transcription");
    s = whisper_split_open(&t->s, m, in, err);
    if (s == HSE_OK)
        s = make_chunks(t, err);
    if (s == HSE_OK)
        s = advance(t, err);
    if (s != HSE_OK) {
        whisper_batched_close(&t);
        return s;
    }
    *out = t;
    return HSE_OK;
}

hse_item *whisper_batched_next(whisper_batched *t)
{
    hse_item *item = whisper_hand_out(&t->s);

    if (item && t->s.failed == HSE_OK) /* what goes wrong is told by took: an item is under way */
        t->s.failed = advance(t, &t->s.error);
    return item;
}

hse_status whisper_batched_took(whisper_batched *t, hse_item *item, hse_split_output *out, hse_error *err)
{
    hse_status s = t->s.failed;

    whisper_given_clear(&t->s);
    if (s != HSE_OK && err)
        *err = t->s.error;
    if (item) {
        whisper_piece *p = whisper_piece_of(item);

        whisper_take_back(&t->s, item);
        if (s == HSE_OK && item->status != HSE_OK) {
            if (err)
                *err = item->error;
            s = item->status;
        }
        if (s == HSE_OK && p->detect && !t->s.ballot.known)
            s = took_language(t, p, err);
        if (s == HSE_OK && (p->transcribe || p->align)) {
            t->chunks[p->order].done = p;
            item->own = NULL;
            if (p->transcribe && ++t->decoded == t->n_chunks && aligns_batches(t))
                pad_batches(t);
            s = show_ready(t, err);
        }
        if (s == HSE_OK)
            s = advance(t, err);
        whisper_item_free(&item);
    }
    return s == HSE_OK ? whisper_given_finish(&t->s, out, !t->s.ready && !t->s.under_way && t->shown == t->n_chunks, err) : s;
}

void whisper_batched_close(whisper_batched **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < (*t)->n_chunks; i++)
        whisper_piece_free(&(*t)->chunks[i].done);
    hse_free((*t)->chunks);
    hse_free((*t)->map);
    hse_free((*t)->joined);
    hse_free((*t)->look);
    whisper_split_close(&(*t)->s);
    hse_free(*t);
    *t = NULL;
}
