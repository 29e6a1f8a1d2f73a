/* split.c - audio, mel, language and results of a transcription in pieces. */
#include "models/whisper/split.h"

#include "base/mem.h"
#include "models/silero/segments.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 1 << 16,                        /* samples that go through the resampler at once */
    SHORT_FRAMES = 6100,                    /* a stretch of a minute: its mel is held as a whole */
    PEAK_FRAMES = 2000,                     /* between looks at whether to go on */
    GIVEN_BYTES = 256 << 20,
};

#define SOURCE_BYTES ((size_t)8 << 30)

bool whisper_cancelled(const hse_split_input *in)
{
    return in->cancel && atomic_load_explicit(in->cancel, memory_order_relaxed);
}

static bool raised(const atomic_bool *cancel)
{
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

/* ---- audio at 16 kHz ---- */

int64_t whisper_at_16k(int64_t position, int rate_hz, int64_t count)
{
    int64_t at = rate_hz == WHISPER_RATE ? position : (int64_t)llround((double)position * WHISPER_RATE / rate_hz);

    return at < 0 ? 0 : at > count ? count : at;
}

int64_t whisper_from_16k(int64_t position, int rate_hz, size_t n)
{
    int64_t at = rate_hz == WHISPER_RATE ? position : (int64_t)((double)position * rate_hz / WHISPER_RATE);

    return at < 0 ? 0 : at > (int64_t)n ? (int64_t)n : at;
}

hse_status whisper_source_open(whisper_source *s, const hse_audio *audio, hse_error *err)
{
    *s = (whisper_source){.in = audio->samples, .n_in = audio->n, .rate_hz = audio->rate_hz, .count = (int64_t)audio->n};
    hse_buf_init(&s->out, SOURCE_BYTES);
    if (audio->rate_hz == WHISPER_RATE)
        return HSE_OK;
    if (audio->rate_hz < HSE_RATE_MIN || audio->rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "the audio's rate is %d Hz; it must be from %d to %d", audio->rate_hz,
                        HSE_RATE_MIN, HSE_RATE_MAX);
    s->count = (int64_t)hse_resampled_length(audio->n, audio->rate_hz, WHISPER_RATE);
    return hse_resampler_open(&s->resampler, audio->rate_hz, WHISPER_RATE, err);
}

void whisper_source_close(whisper_source *s)
{
    if (s->resampler)
        hse_resampler_close(&s->resampler);
    hse_buf_free(&s->out);
}

hse_status whisper_source_get(whisper_source *s, int64_t from, int64_t to, const float **out, const atomic_bool *cancel,
                              hse_error *err)
{
    hse_status status = HSE_OK;

    if (to > s->count)
        to = s->count;
    if (!s->resampler) {
        *out = s->in + (from < to ? from : 0);
        return HSE_OK;
    }
    while (s->at + (int64_t)(s->out.size / sizeof(float)) < to && status == HSE_OK) {
        size_t n = s->n_in - s->fed < BLOCK ? s->n_in - s->fed : BLOCK, held = s->out.size / sizeof(float);

        if (s->at < from && held) { /* what nobody will ask for again */
            size_t drop = (size_t)(from - s->at) < held ? (size_t)(from - s->at) : held;
            hse_buf_consume(&s->out, drop * sizeof(float));
            s->at += (int64_t)drop;
        }
        if (raised(cancel))
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        if (n) {
            status = hse_resampler_push(s->resampler, s->in + s->fed, n, &s->out, err);
            s->fed += n;
        } else {
            size_t before = s->out.size;
            status = hse_resampler_finish(s->resampler, &s->out, err);
            if (status == HSE_OK && s->out.size == before)
                return hse_fail(err, HSE_E_FORMAT, 0, "the resampled audio is shorter than expected");
        }
    }
    if (status != HSE_OK)
        return status;
    *out = (const float *)(const void *)s->out.data + (from < to ? from - s->at : 0);
    return HSE_OK;
}

/* ---- the mel of a stretch ---- */

hse_status whisper_spectrum_open(whisper_spectrum *s, const whisper_mel *mel, hse_pool *pool, const float *x, size_t n,
                                 const atomic_bool *cancel, hse_error *err)
{
    size_t bands = (size_t)whisper_mel_bands(mel);

    *s = (whisper_spectrum){.mel = mel, .x = x, .n = n, .pool = pool, .frames = whisper_mel_count(n)};
    s->used = s->frames ? s->frames - 1 : 0;
    if (raised(cancel))
        return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
    s->peak = -HUGE_VALF;
    for (size_t first = 0; s->frames > SHORT_FRAMES && first < s->frames; first += PEAK_FRAMES) {
        float peak;
        hse_status status = whisper_mel_peak_of(mel, pool, x, n, first, PEAK_FRAMES, &peak, err);
        if (status != HSE_OK)
            return status;
        s->peak = peak > s->peak ? peak : s->peak;
        if (raised(cancel))
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
    }
    if (s->frames > SHORT_FRAMES)
        return HSE_OK;
    if (!(s->all = hse_alloc((s->frames * bands + 1) * sizeof *s->all)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu frames", s->frames);
    hse_status status = whisper_mel_run(mel, pool, x, n, s->all, err);
    if (status != HSE_OK)
        whisper_spectrum_close(s);
    return status;
}

void whisper_spectrum_close(whisper_spectrum *s)
{
    hse_free(s->all);
    s->all = NULL;
}

hse_status whisper_spectrum_get(const whisper_spectrum *s, size_t first, size_t count, float *out, hse_error *err)
{
    size_t bands = (size_t)whisper_mel_bands(s->mel), there = first < s->frames ? s->frames - first : 0;

    if (there > count)
        there = count;
    if (!s->all && there) {
        hse_status status = whisper_mel_frames(s->mel, s->pool, s->x, s->n, s->peak, first, there, out, err);
        if (status != HSE_OK)
            return status;
    } else if (there) {
        memcpy(out, s->all + first * bands, there * bands * sizeof *out);
    }
    memset(out + there * bands, 0, (count - there) * bands * sizeof *out);
    return HSE_OK;
}

/* ---- the language of the whole ---- */

bool whisper_vote(whisper_ballot *b, int32_t id, double probability, double threshold, bool last)
{
    int at = 0, most = 0;

    if (probability > threshold) {
        b->known = true;
        b->id = id;
        b->probability = probability;
        return true;
    }
    while (at < b->n_voted && b->voted[at] != id)
        at++;
    if (at < (int)COUNT(b->voted)) {
        if (at == b->n_voted) {
            b->voted[at] = id;
            b->votes[at] = 0;
            b->best[at] = probability;
            b->n_voted++;
        }
        b->votes[at]++;
        if (probability > b->best[at])
            b->best[at] = probability;
    }
    if (!last)
        return false;
    for (int i = 1; i < b->n_voted; i++)
        most = b->votes[i] > b->votes[most] ? i : most;
    b->known = true;
    b->id = b->n_voted ? b->voted[most] : id;
    b->probability = b->n_voted ? b->best[most] : probability;
    return true;
}

/* ---- the split ---- */

static hse_status take_speech(whisper_split *s, hse_error *err)
{
    const hse_split_input *in = &s->in;
    int64_t last = 0;

    s->filtered = in->has_speech;
    if (!in->has_speech || in->speech_count == 0)
        return HSE_OK;
    if (!(s->speech = hse_calloc(in->speech_count, sizeof *s->speech)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu segments of speech", in->speech_count);
    for (size_t i = 0; i < in->speech_count; i++) {
        int64_t from = whisper_at_16k(in->speech[i].start, s->source.rate_hz, s->source.count),
                to = whisper_at_16k(in->speech[i].end, s->source.rate_hz, s->source.count);
        if (from < last)
            from = last;
        if (to <= from)
            continue;
        s->speech[s->speech_count++] = (hse_segment){from, to};
        last = to;
    }
    return HSE_OK;
}

hse_status whisper_split_open(whisper_split *s, const whisper_model *m, const hse_split_input *in, hse_error *err)
{
    const hse_transcribe_options *o = in->transcribe;
    const whisper_special *special = whisper_specials(m->tokenizer);
    hse_status status;
    double n = (double)in->audio->n, samples = 0.0;

    s->in = *in;
    hse_arena_init(&s->kept, GIVEN_BYTES);
    hse_arena_init(&s->given, GIVEN_BYTES);
    hse_buf_init(&s->source.out, SOURCE_BYTES);
    if (!o) { /* where is speech? as Harmony Speech Engine asks it */
        hse_transcribe_options_init(&s->defaults);
        s->defaults.batched = s->defaults.without_timestamps = 1;
        s->defaults.temperature_count = 1;
        o = &s->defaults;
    }
    if ((status = whisper_request_open(&s->request, m, in, o, err)) != HSE_OK)
        return status;
    if ((status = whisper_source_open(&s->source, in->audio, err)) != HSE_OK)
        return status;
    if ((status = take_speech(s, err)) != HSE_OK)
        return status;
    s->so_far.duration = in->audio->rate_hz ? n / in->audio->rate_hz : 0.0;
    s->so_far.duration_after_vad = s->so_far.duration;
    if (s->filtered) {
        for (size_t i = 0; i < s->speech_count; i++)
            samples += (double)(s->speech[i].end - s->speech[i].start);
        s->so_far.duration_after_vad = samples / WHISPER_RATE;
    }
    s->ballot.id = -1;
    if (!special->multilingual)
        return whisper_set_language(s, -1, 1.0, NULL, err);
    if (o->language)
        return whisper_set_language(s, whisper_language_id(m->tokenizer, o->language), 1.0, NULL, err);
    return HSE_OK;
}

void whisper_split_close(whisper_split *s)
{
    whisper_request_close(&s->request);
    whisper_source_close(&s->source);
    hse_free(s->speech);
    hse_free(s->text);
    hse_free(s->segments);
    hse_arena_free(&s->kept);
    hse_arena_free(&s->given);
    whisper_item_free(&s->ready);
    for (size_t i = 0; i < s->under_way; i++)
        whisper_item_free(&s->out[i]);
    s->under_way = 0;
}

hse_status whisper_ready_again(whisper_split *s, whisper_piece *p, hse_error *err)
{
    hse_item *item = hse_alloc(sizeof *item);

    if (!item)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a window");
    hse_item_init(item);
    item->own = p;
    item->reference = s->request.reference;
    s->ready = item;
    return HSE_OK;
}

hse_status whisper_make_ready(whisper_split *s, whisper_piece **p, hse_error *err)
{
    hse_status status = whisper_piece_new(p, &s->request, err);

    if (status == HSE_OK && (status = whisper_ready_again(s, *p, err)) != HSE_OK)
        whisper_piece_free(p);
    return status;
}

void whisper_item_free(hse_item **item)
{
    whisper_piece *p;

    if (!*item)
        return;
    p = (*item)->own;
    whisper_piece_free(&p);
    (*item)->own = NULL;
    hse_item_free(*item);
    hse_free(*item);
    *item = NULL;
}

hse_item *whisper_hand_out(whisper_split *s)
{
    hse_item *item = s->under_way < WHISPER_UNDER_WAY ? s->ready : NULL;

    if (item) {
        s->out[s->under_way++] = item;
        s->ready = NULL;
    }
    return item;
}

void whisper_take_back(whisper_split *s, const hse_item *item)
{
    for (size_t i = 0; i < s->under_way; i++)
        if (s->out[i] == item) {
            s->out[i] = s->out[--s->under_way];
            return;
        }
}

void whisper_given_clear(whisper_split *s)
{
    hse_arena_free(&s->given);
    s->n_text = 0;
}

hse_transcript_segment *whisper_given_add(whisper_split *s, hse_error *err)
{
    if (s->n_text == s->text_capacity) {
        size_t capacity = s->text_capacity ? 2 * s->text_capacity : 16;
        hse_transcript_segment *text = hse_realloc(s->text, capacity * sizeof *text);
        hse_segment *segments;

        if (text)
            s->text = text;
        segments = text ? hse_realloc(s->segments, capacity * sizeof *segments) : NULL;
        if (!segments) {
            hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu segments", capacity);
            return NULL;
        }
        s->segments = segments;
        s->text_capacity = capacity;
    }
    s->text[s->n_text] = (hse_transcript_segment){0};
    return &s->text[s->n_text++];
}

static int64_t sample_at(const whisper_split *s, double seconds)
{
    double at = seconds * s->in.audio->rate_hz, n = (double)s->in.audio->n;

    return at > 0.0 ? (int64_t)(at < n ? at : n) : 0;
}

hse_status whisper_given_finish(whisper_split *s, hse_split_output *out, bool done, hse_error *err)
{
    (void)err;
    for (size_t i = 0; i < s->n_text; i++)
        s->segments[i] = (hse_segment){sample_at(s, s->text[i].start), sample_at(s, s->text[i].end)};
    s->so_far.languages = s->languages;
    s->so_far.language_count = s->n_languages;
    *out = (hse_split_output){.segments = s->segments,
                              .segment_count = s->n_text,
                              .text = s->text,
                              .text_count = s->n_text,
                              .transcript = &s->so_far,
                              .done = done};
    return HSE_OK;
}

hse_status whisper_set_language(whisper_split *s, int32_t id, double probability, const whisper_piece *p, hse_error *err)
{
    const char *code = id >= 0 ? whisper_language_of(s->request.model->tokenizer, id) : NULL;

    s->ballot.known = true;
    s->ballot.id = id;
    s->so_far.language = code ? code : "en";
    s->so_far.language_probability = probability;
    return p ? whisper_language_list(p, &s->kept, &s->languages, &s->n_languages, err) : HSE_OK;
}

/* Silence before segment i. */
static double silence_before(const hse_segment *speech, size_t i)
{
    int64_t before = 0, last = 0;

    for (size_t k = 0; k <= i; k++) {
        before += speech[k].start - last;
        last = speech[k].end;
    }
    return (double)before / WHISPER_RATE;
}

void whisper_restore_times(hse_transcript_segment *g, hse_word *words, const hse_segment *speech, size_t n)
{
    if (n == 0)
        return;
    for (size_t i = 0; i < g->word_count; i++) {
        double middle = (words[i].start + words[i].end) / 2.0,
               silence = silence_before(speech, silero_time_segment(speech, n, WHISPER_RATE, middle, false));
        words[i].start = silero_round(silence + words[i].start, 2);
        words[i].end = silero_round(silence + words[i].end, 2);
    }
    if (g->word_count) {
        g->start = words[0].start;
        g->end = words[g->word_count - 1].end;
    } else {
        g->start = silero_original_time(speech, n, WHISPER_RATE, g->start, false);
        g->end = silero_original_time(speech, n, WHISPER_RATE, g->end, true);
    }
}
