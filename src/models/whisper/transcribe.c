/* transcribe.c - the sequential transcription: window after window, each told what came before it.
 *
 * Audio comes in stretches. As the reference does it there is one: the whole recording, or all its speech joined. The product
 * takes each stretch of speech by itself, with a mel and windows of its own: no window mixes what lies far apart, nothing
 * depends on what comes later, so a live session gives the very text of the file (engine/public/live.c), and hours take no more
 * memory than a minute. What goes from one stretch to the next is the language, the earlier text and the number of the
 * stretch. */
#include "models/whisper/split.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { KEPT_TOKENS = 4096, WINDOWS_BESIDE = 16, WINDOWS_A_LENGTH = 12 };

struct whisper_sequential {
    whisper_split    s;
    bool             utterances;            /* a stretch for each segment of speech */
    size_t           stretch;               /* the next one */
    bool             open;
    float           *joined;                /* all speech, as the reference joins it */
    whisper_spectrum spectrum;
    double           base;                  /* seconds at which the stretch begins */
    int64_t          base_frames;
    int64_t          content;               /* frames that are transcribed */
    int64_t          window;                /* frames of a window: 3000 */
    int64_t         *clips;                 /* start, end, ... in frames */
    size_t           n_clips, clip;
    int64_t          seek;
    int64_t          windows_left;          /* so that windows that hardly move on cannot stall a stretch */
    int              tried;                 /* windows whose language was looked at */
    bool             first_done;            /* the prefix has been used */
    bpe_ids          tokens;                /* earlier text */
    size_t           reset;                 /* what counts of it begins here */
    uint64_t         number, seed;
    double           last_speech;
    bool             done;
};

typedef struct whisper_sequential state;

/* ---- stretches ---- */

static hse_status join_speech(state *t, const float **x, size_t *n, hse_error *err)
{
    whisper_split *s = &t->s;
    size_t at = 0, total = 0;

    for (size_t i = 0; i < s->speech_count; i++)
        total += (size_t)(s->speech[i].end - s->speech[i].start);
    if (!(t->joined = hse_alloc((total + 1) * sizeof *t->joined)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples of speech", total);
    for (size_t i = 0; i < s->speech_count; i++) {
        size_t count = (size_t)(s->speech[i].end - s->speech[i].start);
        const float *from;
        hse_status status = whisper_source_get(&s->source, s->speech[i].start, s->speech[i].end, &from, s->in.cancel, err);
        if (status != HSE_OK)
            return status;
        memcpy(t->joined + at, from, count * sizeof *from);
        at += count;
    }
    *x = t->joined;
    *n = total;
    return HSE_OK;
}

static hse_status read_clips(state *t, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    bool all = t->utterances || o->clip_count == 0;
    size_t n = all ? 2 : o->clip_count + o->clip_count % 2;

    hse_free(t->clips);
    t->clip = 0;
    t->n_clips = n;
    if (!(t->clips = hse_calloc(n, sizeof *t->clips)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu clips", n);
    if (all) {
        t->clips[1] = t->content;
        return HSE_OK;
    }
    for (size_t i = 0; i < o->clip_count; i++)
        t->clips[i] = (int64_t)rint(o->clip_timestamps[i] * 100.0);
    if (o->clip_count % 2)
        t->clips[n - 1] = t->content;
    return HSE_OK;
}

/* The next stretch; t->open stays false when there is none. */
static hse_status open_stretch(state *t, hse_error *err)
{
    whisper_split *s = &t->s;
    size_t n = 0, stretches = t->utterances ? s->speech_count : 1;
    const float *x = NULL;
    hse_status status;

    if (t->stretch >= stretches)
        return HSE_OK;
    if (t->utterances) {
        const hse_segment *g = &s->speech[t->stretch];
        n = (size_t)(g->end - g->start);
        status = whisper_source_get(&s->source, g->start, g->end, &x, s->in.cancel, err);
        t->base = (double)g->start / WHISPER_RATE;
        t->base_frames = g->start / WHISPER_HOP;
    } else if (s->filtered) {
        status = join_speech(t, &x, &n, err);
    } else {
        n = (size_t)s->source.count;
        status = whisper_source_get(&s->source, 0, s->source.count, &x, s->in.cancel, err);
    }
    if (status == HSE_OK)
        status = whisper_spectrum_open(&t->spectrum, s->request.model->mel, s->in.pool, x, n, s->in.cancel, err);
    if (status != HSE_OK)
        return status;
    t->content = (int64_t)t->spectrum.used;
    if ((status = read_clips(t, err)) != HSE_OK)
        return status;
    t->seek = t->clips[0];
    t->windows_left = s->request.reference ? INT64_MAX : WINDOWS_BESIDE + WINDOWS_A_LENGTH * (t->content / t->window);
    t->last_speech = 0.0;
    t->number = 0;
    t->s.request.seed = t->seed + t->stretch;
    t->stretch++;
    t->open = true;
    return HSE_OK;
}

static void close_stretch(state *t)
{
    whisper_spectrum_close(&t->spectrum);
    hse_free(t->joined);
    t->joined = NULL;
    t->open = false;
}

/* Is there a window left in this stretch? Its clip is t->clip then. */
static bool find_window(state *t, int64_t *size)
{
    while (2 * t->clip + 1 < t->n_clips) {
        int64_t start = t->clips[2 * t->clip], end = t->clips[2 * t->clip + 1];

        end = end > t->content ? t->content : end;
        t->seek = t->seek < start ? start : t->seek;
        if (t->seek < end) {
            *size = t->window < end - t->seek ? t->window : end - t->seek;
            return true;
        }
        t->clip++;
        if (2 * t->clip + 1 < t->n_clips)
            t->seek = t->clips[2 * t->clip];
    }
    return false;
}

/* ---- pieces ---- */

/* The frame from which on the language is looked at: the first clip's. */
static size_t first_looked_at(const state *t)
{
    const hse_transcribe_options *o = t->s.request.o;
    double start = o->clip_count && !t->utterances ? o->clip_timestamps[0] * 100.0 : 0.0;

    return start < (double)t->content ? (size_t)start : 0;
}

/* The next window whose language is looked at. */
static hse_status make_detection(state *t, bool *made, hse_error *err)
{
    size_t first = first_looked_at(t), frames = t->spectrum.frames - first, at = (size_t)t->tried * (size_t)t->window, count;
    whisper_piece *p;
    hse_status s;

    *made = at < frames && t->tried < t->s.request.o->language_detection_segments;
    if (!*made)
        return HSE_OK;
    if ((s = whisper_make_ready(&t->s, &p, err)) != HSE_OK)
        return s;
    p->detect = true;
    count = frames - at < (size_t)t->window ? frames - at : (size_t)t->window;
    return whisper_spectrum_get(&t->spectrum, first + at, count, p->mel, err);
}

static hse_status make_window(state *t, int64_t size, bool detect, hse_error *err)
{
    const whisper_request *r = &t->s.request;
    const hse_transcribe_options *o = r->o;
    whisper_prompt_parts parts = {.previous = t->tokens.id + t->reset,
                                  .previous_count = t->tokens.count - t->reset,
                                  .prefix = t->seek == 0 && !t->first_done ? o->prefix : NULL,
                                  .hotwords = o->hotwords,
                                  .language = t->s.ballot.id,
                                  .translate = o->task == HSE_TRANSLATE,
                                  .without_timestamps = o->without_timestamps != 0,
                                  .reference = r->reference,
                                  .max_length = whisper_max_length(r->model)};
    whisper_piece *p;
    hse_status s;

    if (parts.language < 0) /* replaced by what is found */
        parts.language = whisper_specials(r->model->tokenizer)->language_begin;
    if ((s = whisper_make_ready(&t->s, &p, err)) != HSE_OK)
        return s;
    p->transcribe = true;
    p->detect = (detect || o->multilingual) && whisper_can_detect(r->model);
    p->split_words = o->word_timestamps != 0;
    p->language = t->s.ballot.id;
    p->seek = t->seek;
    p->segment_size = size;
    p->offset = (double)t->seek * 0.01;
    p->duration = (double)size * 0.01;
    p->number = t->number++;
    if ((s = whisper_prompt(r->model->tokenizer, &parts, &p->prompt, &p->language_at, err)) != HSE_OK)
        return s;
    return whisper_spectrum_get(&t->spectrum, (size_t)t->seek, (size_t)size, p->mel, err);
}

/* Makes the next piece ready, where there is one. */
static hse_status advance(state *t, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    hse_status s;

    while (!t->s.ready && !t->done) {
        int64_t size;
        bool fused, made = false;

        if (whisper_cancelled(&t->s.in))
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        if (!t->open && (s = open_stretch(t, err)) != HSE_OK)
            return s;
        if (!t->open) {
            t->done = true;
            return HSE_OK;
        }
        /* One window decides and is decoded at once; as the reference counts, it is one frame longer to look at. A clip may be shorter
         * than what the language is found in. */
        fused = !t->s.ballot.known && !t->s.request.reference && o->language_detection_segments == 1 &&
                (t->utterances || o->clip_count == 0);
        if (!t->s.ballot.known && !fused && (t->content > 0 || t->s.request.reference)) {
            if ((s = make_detection(t, &made, err)) != HSE_OK)
                return s;
            if (made)
                return HSE_OK;
        }
        if (find_window(t, &size))
            return make_window(t, size, fused, err);
        close_stretch(t);
        t->first_done = true;
    }
    return HSE_OK;
}

/* ---- what came of a window ---- */

static double last_end(const whisper_worded *g, size_t n)
{
    for (size_t i = n; i-- > 0;)
        if (g[i].word_count)
            return g[i].words[g[i].word_count - 1].end;
    return n ? g[n - 1].end : -1.0;
}

static const whisper_worded *next_worded(const whisper_worded *g, size_t from, size_t n)
{
    for (size_t i = from; i < n; i++)
        if (g[i].word_count)
            return &g[i];
    return NULL;
}

/* Text that is surrounded by silence and looks made up is dropped, and the window moved behind the silence before it. Returns
 * false when the whole window is to be decoded again from *seek. */
static bool skip_hallucinations(const state *t, const whisper_piece *p, const whisper_worded *g, size_t *n, int64_t *seek)
{
    double threshold = t->s.request.o->hallucination_silence_threshold, window_end = (double)(p->seek + t->window) * 0.01,
           end = t->last_speech;
    const whisper_worded *first = next_worded(g, 0, *n);

    if (first && whisper_is_anomaly(first) && first->start - p->offset > threshold) {
        *seek = p->seek + (int64_t)rint((first->start - p->offset) * 100.0);
        return false;
    }
    for (size_t i = 0; i < *n; i++) {
        const whisper_worded *next;
        double next_start;

        if (g[i].word_count == 0)
            continue;
        if (whisper_is_anomaly(&g[i])) {
            next = next_worded(g, i + 1, *n);
            next_start = next ? next->words[0].start : p->offset + p->duration;
            if ((g[i].start - end > threshold || g[i].start < threshold || g[i].start - p->offset < 2.0) &&
                (next_start - g[i].end > threshold || whisper_is_anomaly(next) || window_end - g[i].end < 2.0)) {
                double from = g[i].start > p->offset + 1.0 ? g[i].start : p->offset + 1.0;
                *seek = (int64_t)rint(from * 100.0);
                if ((double)t->content * 0.01 - g[i].end < threshold)
                    *seek = t->content;
                *n = i;
                break;
            }
        }
        end = g[i].end;
    }
    return true;
}

static bool is_blank(const char *text)
{
    size_t size = strlen(text);

    whisper_strip(&text, &size);
    return size == 0;
}

static hse_status add_tokens(state *t, const whisper_piece *p, const whisper_cut *cut, hse_error *err)
{
    hse_status s = HSE_OK;

    if (t->tokens.count > 2 * KEPT_TOKENS) { /* no prompt reaches further back */
        size_t drop = t->tokens.count - KEPT_TOKENS;
        memmove(t->tokens.id, t->tokens.id + drop, KEPT_TOKENS * sizeof *t->tokens.id);
        t->tokens.count = KEPT_TOKENS;
        t->reset = t->reset > drop ? t->reset - drop : 0;
    }
    for (size_t i = 0; i < cut->count && s == HSE_OK; i++)
        s = bpe_ids_add(&t->tokens, p->tokens[cut->first + i], err);
    return s;
}

static void shift(state *t, hse_transcript_segment *g, hse_word *words)
{
    if (t->utterances) {
        g->seek += (int32_t)t->base_frames;
        g->start += t->base;
        g->end += t->base;
        for (size_t i = 0; i < g->word_count; i++) {
            words[i].start += t->base;
            words[i].end += t->base;
        }
    } else if (t->s.filtered) {
        whisper_restore_times(g, words, t->s.speech, t->s.speech_count);
    }
}

static hse_status emit(state *t, const whisper_piece *p, const whisper_worded *worded, size_t n, size_t *emitted, hse_error *err)
{
    whisper_split *s = &t->s;

    for (size_t i = 0; i < n; i++) {
        whisper_cut cut = p->cuts[i];
        hse_transcript_segment g, *to;
        hse_status status;

        cut.start = worded[i].start;
        cut.end = worded[i].end;
        if ((status = whisper_segment(p, &cut, p->rating.compression_ratio, &s->given, &g, err)) != HSE_OK)
            return status;
        if (cut.start == cut.end || is_blank(g.text))
            continue;
        if ((status = add_tokens(t, p, &cut, err)) != HSE_OK)
            return status;
        if (!(to = whisper_given_add(s, err)))
            return HSE_E_NOMEM;
        g.id = ++s->last_id;
        hse_word *words = p->split_words ? worded[i].words : NULL;
        g.words = words;
        g.word_count = words ? worded[i].word_count : 0;
        shift(t, &g, words);
        *to = g;
        ++*emitted;
    }
    return HSE_OK;
}

static hse_status took_window(state *t, const whisper_piece *p, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    int64_t seek = p->next_seek;
    size_t n = p->n_cuts, emitted = 0;
    whisper_worded *worded;
    hse_status s = HSE_OK;
    bool again = false;

    if (p->silent) {
        t->seek = p->next_seek;
        return HSE_OK;
    }
    if (!(worded = hse_arena_array(&t->s.given, n + 1, sizeof *worded)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu segments", n);
    for (size_t i = 0; i < n; i++) {
        worded[i] = (whisper_worded){.start = p->cuts[i].start, .end = p->cuts[i].end};
        for (size_t k = 0; k < p->cuts[i].count; k++)
            worded[i].text_tokens += p->tokens[p->cuts[i].first + k] < whisper_specials(p->request->model->tokenizer)->eot;
    }
    if (p->split_words) {
        double end;
        s = whisper_place_words(p->words, p->n_words, (double)p->seek / 100.0, t->s.request.prepended, t->s.request.appended,
                                worded, n, &(double){t->last_speech}, &t->s.given, err);
        if (s != HSE_OK)
            return s;
        end = last_end(worded, n);
        if (!p->single_ending && end > p->offset)
            seek = (int64_t)rint(end * 100.0);
        if (!isnan(o->hallucination_silence_threshold))
            again = !skip_hallucinations(t, p, worded, &n, &seek);
        if (!again && n)
            t->last_speech = last_end(worded, n);
    }
    if (!again)
        s = emit(t, p, worded, n, &emitted, err);
    if (s == HSE_OK && !again && (t->s.request.reference || emitted) &&
        (!o->condition_on_previous_text || p->rating.temperature > o->prompt_reset_on_temperature))
        t->reset = t->tokens.count;
    /* No window stands still, and not too many creep. */
    t->seek = seek > p->seek && --t->windows_left > 0 ? seek : p->seek + p->segment_size;
    return s;
}

static hse_status took_language(state *t, const whisper_piece *p, hse_error *err)
{
    const hse_transcribe_options *o = t->s.request.o;
    double probability = 0.0;
    int32_t id = whisper_detected(p, &probability);
    size_t next;

    if (p->transcribe) { /* this window alone decides */
        return whisper_set_language(&t->s, id, probability, p, err);
    }
    t->tried++;
    next = (size_t)t->tried * (size_t)t->window;
    if (whisper_vote(&t->s.ballot, id, probability, o->language_detection_threshold,
                     t->tried >= o->language_detection_segments || next >= t->spectrum.frames - first_looked_at(t)))
        return whisper_set_language(&t->s, t->s.ballot.id, t->s.ballot.probability, p, err);
    return HSE_OK;
}

/* ---- the split ---- */

hse_status whisper_sequential_open(whisper_sequential **out, const whisper_model *m, const hse_split_input *in, hse_error *err)
{
    state *t = hse_calloc(1, sizeof *t);
    const hse_transcribe_options *o;
    hse_status s;

    if (!t)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a transcription");
    s = whisper_split_open(&t->s, m, in, err);
    o = t->s.request.o;
    if (s == HSE_OK) {
        t->seed = t->s.request.seed;
        t->utterances = t->s.filtered && !in->reference;
        t->window = o->chunk_length_s > 0.0 ? (int64_t)(o->chunk_length_s * 100.0) : WHISPER_WINDOW_FRAMES;
    }
    if (s == HSE_OK && o->initial_prompt) {
        const char *text = o->initial_prompt;
        size_t size = strlen(text);
        hse_buf b;

        whisper_strip(&text, &size);
        hse_buf_init(&b, WHISPER_MAX_TEXT_OPTION + 2);
        hse_buf_byte(&b, ' ');
        hse_buf_append(&b, text, size);
        if ((s = hse_buf_status(&b, "a prompt", err)) == HSE_OK)
            s = whisper_encode(m->tokenizer, hse_buf_text(&b), b.size, &t->tokens, err);
        hse_buf_free(&b);
    }
    for (size_t i = 0; s == HSE_OK && i < o->initial_prompt_token_count; i++)
        s = bpe_ids_add(&t->tokens, o->initial_prompt_tokens[i], err);
    if (s == HSE_OK)
        s = advance(t, err);
    if (s != HSE_OK) {
        whisper_sequential_close(&t);
        return s;
    }
    *out = t;
    return HSE_OK;
}

hse_item *whisper_sequential_next(whisper_sequential *t)
{
    return whisper_hand_out(&t->s);
}

hse_status whisper_sequential_took(whisper_sequential *t, hse_item *item, hse_split_output *out, hse_error *err)
{
    hse_status s = HSE_OK;

    whisper_given_clear(&t->s);
    if (item) {
        const whisper_piece *p = whisper_piece_of(item);

        whisper_take_back(&t->s, item);
        if (item->status != HSE_OK) {
            if (err)
                *err = item->error;
            s = item->status;
        }
        if (s == HSE_OK && p->detect && !t->s.ballot.known)
            s = took_language(t, p, err);
        if (s == HSE_OK && p->transcribe)
            s = took_window(t, p, err);
        if (s == HSE_OK)
            s = advance(t, err);
        whisper_item_free(&item);
    }
    return s == HSE_OK ? whisper_given_finish(&t->s, out, t->done && !t->s.ready && !t->s.under_way, err) : s;
}

void whisper_sequential_close(whisper_sequential **t)
{
    if (!*t)
        return;
    close_stretch(*t);
    hse_free((*t)->clips);
    bpe_ids_free(&(*t)->tokens);
    whisper_split_close(&(*t)->s);
    hse_free(*t);
    *t = NULL;
}
