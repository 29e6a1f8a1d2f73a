/* speak.c - text to audio, under the lock: sentences, mel spectrograms, decoder windows, pieces of audio in order; or, with a model that
 * speaks in one step, audio of each sentence, which a converter may give another voice.
 *
 * At any time a job has at most LOOKAHEAD sentences synthesised or being so, and decodes windows of the first of them as
 * long as its reader keeps up. So memory is bounded whatever the text's length, and other jobs' items come in between. */
#include "engine/internal.h"

enum {
    FIRST_WINDOW = 16, LAST_WINDOW = 256,   /* frames: streamed windows double, so that the first comes soon */
    WHOLE_WINDOW = 1024,
    STREAM_AHEAD = 512, WHOLE_AHEAD = 8192, /* frames computed that nobody has read */
    STREAM_WINDOWS = 2, WHOLE_WINDOWS = 4,  /* in the vocoder's queue at once */
};

void hse_speak_free(hse_job *job)
{
    for (size_t i = 0; i < LOOKAHEAD; i++)
        hse_free(job->spoken[i].mel);
    hse_free(job->text);
    hse_free(job->sentences);
    text_markup_free(&job->markup);
}

/* Audio of a piece is there: from the vocoder, or from a model that speaks in one step. */
static void fill_piece(hse_job *job, piece *p, hse_item *item)
{
    if (!job->result.rate_hz)
        hse_job_audio_begins(job, job->step[job->step_count - 1], (unsigned)item->audio.rate_hz);
    if ((unsigned)item->audio.rate_hz != job->model_rate_hz) {
        hse_error err;

        hse_fail(&err, HSE_E_UNSUPPORTED, 0, "input: its languages are spoken at %u and %d Hz, which cannot be joined", job->model_rate_hz, item->audio.rate_hz);
        hse_job_end(job, HSE_E_UNSUPPORTED, &err);
        return;
    }
    p->samples = item->audio.samples;
    p->count = item->audio.n;
    p->done = true;
    item->audio = (hse_audio){0};
    job->engine->stats.audio_out_s += (double)p->count / job->model_rate_hz;
    job->made_s += (double)p->count / job->model_rate_hz;
    if (p == job->first)
        hse_job_signal(job);
}

static slot *speaker(const hse_job *job, const sentence *s)
{
    return s->by ? s->by : job->synthesizer;
}

/* Who speaks a sentence, and where its random draws come from. */
static void set_speaker(work *w, const sentence *s)
{
    const hse_job *job = w->job;
    const slot *by = speaker(job, s);
    bool own = s->voice && s->voice->name && job->voice;

    w->item->language = by->language_count ? by->languages[0] : NULL;
    w->item->voice = own ? s->voice->name : s->by && s->by->voices && s->by->voices->count ? s->by->voices->list[0].name : job->voice;
    w->item->seed = job->result.seed;
    w->item->stream = w->index;
}

/* Audio of a piece goes on, to become the same words in another voice. */
static bool converts(work *w)
{
    hse_job *job = w->job;
    const voice *own = job->sentences[w->index].voice;

    if (!job->converter || w->slot == job->converter)
        return false;
    w->slot = job->converter;
    w->item->has |= HSE_EMBEDDING;
    w->item->embedding = own && own->embedding ? own->embedding : job->embedding;
    w->item->embedding_size = own && own->embedding ? own->size : job->embedding_size;
    w->item->embedding_field = own && own->embedding ? "voice" : job->embedding_field;
    w->borrowed |= HSE_EMBEDDING;
    hse_work_post(w, 1 + (double)w->item->audio.n);
    return true;
}

static bool synthesized(work *w)
{
    hse_job *job = w->job;
    spoken *sp = &job->spoken[w->index % LOOKAHEAD];

    if (w->piece && converts(w))
        return true;
    if (w->piece) {                                     /* one step: text to audio */
        fill_piece(job, w->piece, w->item);
        sp->busy = false;
    } else {
        sp->ready = true;
        sp->mel = w->item->mel;
        sp->frames = w->item->mel_frames;
        sp->bands = w->item->mel_bands;
        w->item->mel = NULL;
    }
    hse_speak_advance(job);
    return false;
}

/* One model for both: what is heard first would wait for sentences behind it that share its batch. */
static bool waits_for_first_audio(const hse_job *job)
{
    return job->stream && job->vocoder == job->synthesizer && job->next_synth > 0 && job->made_s == 0;
}

/* The next sentence into the synthesizer; false when there is no room or no memory. */
static bool post_sentence(hse_job *job)
{
    spoken *sp = &job->spoken[job->next_synth % LOOKAHEAD];
    const sentence *s = &job->sentences[job->next_synth];

    if (sp->busy || waits_for_first_audio(job) || (!job->vocoder && job->loudness != HSE_LOUDNESS_PEAK && job->ahead_frames >= STREAM_AHEAD))
        return false;
    work *w = hse_work_new(job, speaker(job, s), synthesized);
    if (!w || !(w->item->text = hse_strndup(job->text + s->from, s->to - s->from))) {
        if (w)
            hse_work_free(w);
        hse_job_no_memory(job);
        return false;
    }
    if (!job->vocoder) {
        piece *p = hse_job_add_piece(job, STREAM_AHEAD / 8);   /* at most 8 unread */

        if (!p) {
            hse_work_free(w);
            hse_job_no_memory(job);
            return false;
        }
        p->pause_ms = s->pause_ms;
        p->gain = s->style->gain;
        w->piece = p;
    }
    w->index = job->next_synth++;
    bool embedded = s->voice && s->voice->embedding;
    w->item->embedding = embedded ? s->voice->embedding : job->embedding;
    w->item->embedding_size = embedded ? s->voice->size : job->embedding_size;
    w->item->embedding_field = embedded ? "voice" : job->embedding_field;
    w->item->has = HSE_TEXT | (w->item->embedding ? HSE_EMBEDDING : 0);
    w->borrowed = HSE_EMBEDDING;
    w->item->speed = (job->speed != 0 ? job->speed : 1) * s->style->rate;
    w->item->pitch = (job->pitch != 0 ? job->pitch : 1) * s->style->pitch;
    w->item->energy = job->energy != 0 ? job->energy : 1;
    w->item->reference = job->reference;
    w->item->spell = job->spell;
    set_speaker(w, s);
    sp->busy = true;
    sp->frames = sp->posted = sp->windows = 0;
    hse_work_post(w, (double)(s->to - s->from) + 1);
    return true;
}

static void release_spoken(spoken *sp)
{
    hse_free(sp->mel);
    *sp = (spoken){0};
}

static bool decoded(work *w)
{
    hse_job *job = w->job;
    spoken *sp = &job->spoken[w->index % LOOKAHEAD];

    if (converts(w))
        return true;
    fill_piece(job, w->piece, w->item);
    sp->windows--;
    if (sp->posted == sp->frames && sp->windows == 0)
        release_spoken(sp);
    hse_speak_advance(job);
    return false;
}

/* Sentence by sentence: so the original does, and a converter hears a sentence at once. */
static bool decodes_whole(const hse_job *job)
{
    return job->reference || job->converter;
}

size_t hse_speak_first_window(const hse_job *job)
{
    return job->stream ? FIRST_WINDOW : job->sentence_count > LONG_TEXT ? LAST_WINDOW : WHOLE_WINDOW;
}

size_t hse_speak_most_frames(const hse_job *job)
{
    size_t most = job->stream ? LAST_WINDOW : job->window;

    return decodes_whole(job) ? SIZE_MAX : most + most / 2;
}

/* How many frames the next window has: small ones first, and no crumb at the end. */
static size_t next_window(hse_job *job, size_t left)
{
    size_t n = job->window;

    if (decodes_whole(job) || left - (n < left ? n : left) < n / 2)
        n = left;
    if (job->stream && job->window < LAST_WINDOW)
        job->window *= 2;
    return n;
}

/* A window of the sentence that is being decoded into the vocoder; false when there is none to post now. */
static bool post_window(hse_job *job)
{
    spoken *sp = &job->spoken[job->next_decode % LOOKAHEAD];
    size_t open = 0;

    for (size_t i = 0; i < LOOKAHEAD; i++)
        open += job->spoken[i].windows;
    /* where all windows are posted and not all are back, the place is still that of the sentence LOOKAHEAD before */
    if (job->next_decode >= job->sentence_count || !sp->ready || sp->posted == sp->frames || open >= (job->stream ? STREAM_WINDOWS : WHOLE_WINDOWS) ||
        (job->loudness != HSE_LOUDNESS_PEAK && job->ahead_frames >= (job->stream ? STREAM_AHEAD : WHOLE_AHEAD)))
        return false;

    const sentence *of = &job->sentences[job->next_decode];
    size_t n = next_window(job, sp->frames - sp->posted);
    work *w = hse_work_new(job, job->vocoder == job->synthesizer ? speaker(job, of) : job->vocoder, decoded);
    piece *p = w ? hse_job_add_piece(job, n) : NULL;
    if (!p) {
        if (w)
            hse_work_free(w);
        hse_job_no_memory(job);
        return false;
    }
    w->piece = p;
    p->gain = of->style->gain;
    w->index = job->next_decode;
    w->item->has = HSE_MEL;
    w->item->mel = sp->mel;
    w->item->mel_frames = sp->frames;
    w->item->mel_bands = sp->bands;
    w->borrowed = HSE_MEL;
    w->item->reference = job->reference;
    set_speaker(w, of);
    w->item->speed = (job->speed != 0 ? job->speed : 1) * of->style->rate;
    w->item->frame_from = job->reference ? 0 : sp->posted;
    w->item->frame_to = job->reference ? 0 : sp->posted + n;
    sp->posted += n;
    sp->windows++;
    if (sp->posted == sp->frames) {
        p->pause_ms = of->pause_ms;
        job->next_decode++;
    }
    hse_work_post(w, (double)n);
    return true;
}

/* A sentence of which the model makes no frame at all has no window to wait for. */
static void skip_silent(hse_job *job)
{
    while (job->vocoder && job->next_decode < job->sentence_count) {
        spoken *sp = &job->spoken[job->next_decode % LOOKAHEAD];

        if (!sp->ready || sp->frames)
            return;
        release_spoken(sp);
        job->next_decode++;
    }
}

static bool all_done(const hse_job *job)
{
    if (job->next_synth < job->sentence_count)
        return false;
    for (size_t i = 0; i < LOOKAHEAD; i++)
        if (job->spoken[i].busy)
            return false;
    return true;
}

void hse_speak_advance(hse_job *job)
{
    bool moved = true;

    while (moved && !job->ended) {
        moved = false;
        while (!job->ended && job->next_synth < job->sentence_count && post_sentence(job))
            moved = true;
        skip_silent(job);
        while (!job->ended && job->vocoder && post_window(job))
            moved = true;
    }
    if (!job->ended && all_done(job))
        hse_job_end(job, HSE_OK, NULL);
}
