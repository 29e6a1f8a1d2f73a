/* speak_prepare.c - a request to speak becomes a job, without the lock: what it may ask for, who speaks, by which models, its text as
 * sentences, each with its speaker and voice. */
#include "engine/internal.h"

#include "base/utf8.h"
#include "engine/job/prosody.h"
#include "text/marks.h"

#include <math.h>
#include <stdio.h>

enum { MAX_TEXT = 1 << 20 };                /* bytes of input */

static hse_status check_factor(float value, const char *field, bool reference, hse_error *err)
{
    if (!isfinite(value) || (!reference && value != 0 && !(value >= 0.1f && value <= 10.0f)))
        return hse_fail(err, HSE_E_ARG, 0, "%s: %g is not in 0.1..10", field, (double)value);
    return HSE_OK;
}

static hse_status check_text(const hse_request *r, hse_error *err)
{
    size_t bad = 0, i = 0;

    if (!r->text || r->text_size == 0)
        return hse_fail(err, HSE_E_ARG, 0, "input is empty");
    if (r->text_size > MAX_TEXT)
        return hse_fail(err, HSE_E_LIMIT, 0, "input has %zu bytes, the limit is %d", r->text_size, MAX_TEXT);
    if (!hse_utf8_valid(r->text, r->text_size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "input: byte %zu is not UTF-8", bad);
    while (i < r->text_size && (unsigned char)r->text[i] <= ' ')
        i++;
    if (i == r->text_size && !r->reference)
        return hse_fail(err, HSE_E_ARG, 0, "input is empty: it holds only white space");
    return HSE_OK;
}

static hse_status check_request(const hse_request *r, hse_error *err)
{
    hse_status s = check_text(r, err);

    if (s == HSE_OK)
        s = check_factor(r->speed, "speed", r->reference, err);
    if (s == HSE_OK)
        s = check_factor(r->pitch, "pitch", r->reference, err);
    if (s == HSE_OK)
        s = check_factor(r->energy, "energy", r->reference, err);
    if (s != HSE_OK)
        return s;
    if (r->rate_hz && (r->rate_hz < 8000 || r->rate_hz > 192000))
        return hse_fail(err, HSE_E_ARG, 0, "sample_rate: %u is not in 8000..192000", r->rate_hz);
    if (r->stream && (r->reference || r->loudness == HSE_LOUDNESS_PEAK))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "stream: loudness by the peak needs the last sample first; send normalize: auto");
    if ((unsigned)r->input > HSE_INPUT_SSML)
        return hse_fail(err, HSE_E_ARG, 0, "input_type has no such value");
    if ((unsigned)r->text_mode > HSE_TEXT_OFF || (unsigned)r->loudness > HSE_LOUDNESS_NONE)
        return hse_fail(err, HSE_E_ARG, 0, "text_mode or loudness has no such value");
    return HSE_OK;
}

static hse_status check_pitch(const hse_request *r, const slot *s, const char *model, hse_error *err)
{
    const char *field = r->pitch != 0 && r->pitch != 1 ? "pitch" : r->energy != 0 && r->energy != 1 ? "energy" : NULL;

    if (!field || !s->type->fixed_pitch || r->reference)        /* the original does not look at them */
        return HSE_OK;
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s: model '%.60s' speaks at its own; speed is what can be changed", field, model);
}

static hse_status check_language(const slot *s, const char *language, const char *model, hse_error *err)
{
    const char *code = text_language_code(language);
    char list[120] = "";
    size_t n = 0;

    if (code && hse_slot_speaks(s, code))
        return HSE_OK;
    for (size_t i = 0; i < s->language_count && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", s->languages[i]);
    if (!code)
        return hse_fail(err, HSE_E_ARG, 0, "language: '%.40s' is not known; model '%.40s' speaks %s", language, model, list);
    return s->language_count == 0 ? HSE_OK
               : hse_fail(err, HSE_E_UNSUPPORTED, 0, "language: model '%.40s' speaks %s, not '%.20s'", model, list, code);
}

static hse_status set_embedding(hse_job *job, const float *values, size_t n, const char *field, hse_error *err)
{
    if (!(job->embedding = hse_alloc(n * sizeof *values)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the speaker embedding");
    memcpy(job->embedding, values, n * sizeof *values);
    job->embedding_size = n;
    job->embedding_field = field;
    job->result.embedding = job->embedding;
    job->result.embedding_size = n;
    return HSE_OK;
}

hse_status hse_job_take_embedding(hse_job *job, const float *values, size_t n, const char *field, hse_error *err)
{
    if (n > 65536)
        return hse_fail(err, HSE_E_ARG, 0, "%s: %zu numbers are no speaker embedding", field, n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return hse_fail(err, HSE_E_ARG, i, "%s: number %zu is not finite", field, i);
    return set_embedding(job, values, n, field, err);
}

/* The voice that a style of the model's first stands for; or the one that was asked for. The original passes over styles. */
static hse_status choose_style(const char **out, const hse_request *r, const target *t, const slot *speaker, hse_error *err)
{
    const voice_set *set = speaker->voices;
    bool named = r->voice && *r->voice;
    char list[120] = "";
    size_t n = 0;

    *out = r->voice;
    if (!r->style || !*r->style || r->reference)
        return HSE_OK;
    if (!speaker->type->styled || !set || set->count == 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "style: '%.60s' is not offered; model '%.40s' has no styles", r->style, t->name);
    if (named && strcmp(r->voice, set->list[0].name) != 0 && strcmp(r->voice, r->style) != 0)
        return hse_fail(err, HSE_E_ARG, 0, "style: '%.40s' is one of the voice '%.40s', not of '%.40s'", r->style, set->list[0].name, r->voice);
    const voice *v = hse_voice_named(set, r->style);
    if (v) {
        *out = v->name;
        return HSE_OK;
    }
    for (size_t i = 0; i < set->count && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", set->list[i].name);
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "style: model '%.40s' has no style '%.40s'; there are: %s", t->name, r->style, list);
}

/* One of the model's own speakers. What else is brought colours the voice, where the toolchain can. */
static hse_status choose_own_voice(hse_job *job, const hse_request *r, const target *t, const slot *synthesizer, unsigned *has,
                                   hse_error *err)
{
    bool recording = job->audio.n > 0 || job->audio.samples;
    const voice *v = NULL;
    const char *name;
    hse_status s = choose_style(&name, r, t, synthesizer, err);

    if (s == HSE_OK)
        s = hse_voices_find(&v, synthesizer->voices, name, t->name, err);
    if (s != HSE_OK)
        return s;
    job->voice = v->name;
    if ((recording || r->embedding_size) && !t->toolchain)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s: model '%.40s' speaks with voices of its own alone; ask for a toolchain that "
                        "clones", recording ? "input_audio" : "input_embedding", t->name);
    *has |= (recording ? HSE_AUDIO : 0u) | (r->embedding_size ? HSE_EMBEDDING : 0u);
    if (r->embedding_size && !recording)
        return hse_job_take_embedding(job, r->embedding, r->embedding_size, "input_embedding", err);
    return HSE_OK;
}

/* Who speaks: an embedding, a recording, or a voice by name. Returns what the request brings, as fields of an item. */
static hse_status choose_speaker(hse_job *job, const hse_request *r, const target *t, const slot *synthesizer, unsigned *has,
                                 hse_error *err)
{
    bool recording = job->audio.n > 0 || job->audio.samples, named = r->voice && *r->voice;
    const voice *v = NULL;
    hse_status s;

    *has = HSE_TEXT | hse_request_knows_speech(r);
    if (synthesizer->own_voices)
        return choose_own_voice(job, r, t, synthesizer, has, err);
    if ((s = choose_style(&(const char *){NULL}, r, t, synthesizer, err)) != HSE_OK)
        return s;
    if (recording && named)
        return hse_fail(err, HSE_E_ARG, 0, "voice and input_audio exclude each other: send one of them");
    if (r->embedding_size && named)
        return hse_fail(err, HSE_E_ARG, 0, "voice and input_embedding exclude each other: send one of them");
    if (recording)
        *has |= HSE_AUDIO;
    if (r->embedding_size)
        *has |= HSE_EMBEDDING;
    if (r->mode == HSE_MODE_CLONING && !named && !(*has & (HSE_AUDIO | HSE_EMBEDDING)))
        return hse_fail(err, HSE_E_ARG, 0, "input_audio is missing: mode voice_cloning needs it, or input_embedding, or voice");
    if (!(synthesizer->type->takes & HSE_EMBEDDING) || recording)
        return HSE_OK;
    if (r->embedding_size)
        return hse_job_take_embedding(job, r->embedding, r->embedding_size, "input_embedding", err);
    if (r->reference && !named)
        return HSE_OK;                                  /* the original has no voices: the route refuses */
    s = hse_voices_find(&v, synthesizer->voices, r->voice, t->name, err);
    if (s == HSE_OK) {
        *has |= HSE_EMBEDDING;
        s = set_embedding(job, v->embedding, v->size, "voice", err);
    }
    return s;
}

/* What the route's steps are for; what is heard first comes first. A model that makes audio of its own mel, too, is its own
 * vocoder. */
static hse_status take_step(hse_job *job, slot *s, const target *t, hse_error *err)
{
    unsigned takes = s->type->takes, gives = s->type->gives;

    if (gives & HSE_SEGMENTS)
        job->finder = s;
    else if (gives & HSE_EMBEDDING)
        job->encoder = s;
    else if (takes & HSE_TEXT)
        job->synthesizer = s;
    else if ((takes & (HSE_AUDIO | HSE_EMBEDDING)) == (HSE_AUDIO | HSE_EMBEDDING))
        job->converter = s;
    else if (!(takes & HSE_MEL))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model: '%.60s' cannot speak by its %.60s", t->name, s->type_name);
    if (takes & HSE_MEL || (takes & HSE_TEXT && gives & HSE_MEL && gives & HSE_AUDIO))
        job->vocoder = s;
    return HSE_OK;
}

static hse_status choose_chain(hse_job *job, const hse_request *r, const target *t, slot *speaker, unsigned has, hse_error *err)
{
    const hse_route *route;
    slot *const *last[] = {&job->synthesizer, &job->vocoder, &job->converter};
    hse_status s = HSE_OK;

    if (!t->toolchain) {
        job->step[job->step_count++] = t->slot;
        job->phase = PHASE_MAIN;
        return take_step(job, t->slot, t, err);
    }
    s = hse_route_find(&route, HSE_JOB_SPEAK, t->toolchain->name, r->mode, has, r->reference, err);
    for (size_t i = 0; s == HSE_OK && route->step[i]; i++) {
        slot *sl = strcmp(route->step[i], speaker->type_name) == 0 ? speaker : NULL;

        if (sl || (s = hse_target_slot(&sl, job->catalogue, t, route->step[i], err)) == HSE_OK)
            s = take_step(job, sl, t, err);
    }
    if (s == HSE_OK)
        s = hse_hear_prepare(job, r, err);
    for (size_t i = 0; s == HSE_OK && i < COUNT(last); i++)
        if (*last[i] && (i == 0 || *last[i] != *last[i - 1]))
            s = hse_job_add_step(job, *last[i], err);
    if (s == HSE_OK && !job->vocoder && job->synthesizer && job->synthesizer->type->gives & HSE_MEL)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0,
                        "mode: in single_speaker_tts the original answers with a mel spectrogram; that is not offered");
    return s;
}

/* The text as spans. A request for the original's behaviour has its text as it is. */
static hse_status read_markup(hse_job *job, const hse_request *r, const char *language, hse_error *err)
{
    text_pronunciations *own = NULL;
    hse_status s = HSE_OK;

    if (r->reference && (r->lexicon || r->input == HSE_INPUT_SSML))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s: a reference request speaks its text as the original does",
                        r->lexicon ? "lexicon" : "input_type");
    if (r->reference)
        return text_markup_plain(&job->markup, r->text, r->text_size, err);
    if (r->lexicon) {
        s = text_pronunciations_new(&own, err);
        if (s == HSE_OK)
            s = text_pronunciations_add(own, (hse_bytes){(const uint8_t *)r->lexicon, r->lexicon_size}, err);
        if (s == HSE_OK)
            s = text_pronunciations_finish(own, err);
        if (s != HSE_OK)
            hse_fail_in(err, s, "lexicon");
    }
    if (s == HSE_OK && (s = text_markup_read(&job->markup, r->input, r->text, r->text_size, language, own, job->catalogue->pronunciations,
                                             err)) != HSE_OK)
        hse_fail_in(err, s, "input");
    text_pronunciations_close(&own);
    return s;
}

/* Can the model say the phones in the text? */
static hse_status check_marks(const hse_job *job, const slot *s, const char *language, const char *model, hse_error *err)
{
    const text_markup *m = &job->markup;

    for (size_t i = 0; m->marked && i < m->count; i++) {
        const text_markup_span *span = &m->span[i];
        const char *code = text_language_code(span->style.language ? span->style.language : language);
        size_t at = 0;

        for (text_part p; text_marks_next(m->text + span->from, span->to - span->from, &at, &p);) {
            if (!p.phones)
                continue;
            if (!s->type->check_phones)
                return hse_fail(err, HSE_E_UNSUPPORTED, 0, "input: model '%.40s' takes no phones; give '%.*s' a replacement text", model,
                                (int)(p.size < 60 ? p.size : 60), p.words);
            hse_status status = s->type->check_phones(code ? code : "en", p.phones, p.phones_size, err);
            if (status != HSE_OK)
                return hse_fail_in(err, status, "input: '%.*s'", (int)(p.size < 60 ? p.size : 60), p.words);
        }
    }
    return HSE_OK;
}

static hse_status check_product(float a, float b, const char *what, const text_style *style, hse_error *err)
{
    float value = (a != 0 ? a : 1) * b;

    if (style->rate == 1 && style->pitch == 1)
        return HSE_OK;
    return value >= 0.1f && value <= 10.0f
               ? HSE_OK : hse_fail(err, HSE_E_ARG, 0, "input: %s: prosody and the request make %g, which is not in 0.1..10", what, (double)value);
}

/* Who speaks this language: the job's own speaker, or where one network is one voice another of the toolchain. */
static hse_status speaker_of(slot **out, const hse_job *job, const target *t, const char *language, hse_error *err)
{
    const char *code = text_language_code(language);

    *out = job->synthesizer;
    if (!code || !t->toolchain || !job->synthesizer->own_voices || hse_slot_speaks(job->synthesizer, code))
        return check_language(job->synthesizer, language, t->name, err);
    return hse_target_speaker(out, job->catalogue, t, language, NULL, err);
}

/* What the spans ask of the model: languages and factors. */
static hse_status check_styles(const hse_job *job, const hse_request *r, const target *t, hse_error *err)
{
    slot *sl = job->synthesizer;
    const char *model = t->name;
    hse_status s = HSE_OK;

    for (size_t i = 0; i < job->markup.count && s == HSE_OK; i++) {
        const text_style *style = &job->markup.span[i].style;

        if (style->language && (s = speaker_of(&sl, job, t, style->language, err)) != HSE_OK)
            return hse_fail_in(err, s, "input: line %u, column %u", style->line, style->column);
        if (style->pitch != 1 && sl->type->fixed_pitch)
            return hse_fail(err, HSE_E_UNSUPPORTED, 0, "input: line %u, column %u: pitch: model '%.60s' speaks at its own; rate is what can "
                            "be changed", style->line, style->column, model);
        s = check_product(r->speed, style->rate, "rate", style, err);
        if (s == HSE_OK)
            s = check_product(r->pitch, style->pitch, "pitch", style, err);
    }
    return s;
}

/* One that the request brought under this name: an embedding for the job to keep. */
static hse_status bring_voice(hse_job *job, const hse_request *r, const char *name, const voice **out, const char *model, hse_error *err)
{
    const hse_named_voice *from = NULL;
    voice *v;

    for (size_t i = 0; i < r->voice_count && !from; i++)
        if (strcmp(r->voices[i].name, name) == 0)
            from = &r->voices[i];
    if (!from)
        return HSE_E_NOT_FOUND;
    if (job->synthesizer->own_voices && !job->converter)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "voice: '%.60s' is a stored voice, and model '%.40s' speaks here with its own alone: give the "
                        "request a voice to clone (voice, input_audio or input_embedding)", name, model);
    if (!(v = hse_arena_array(&job->text_arena, 1, sizeof *v)) ||
        !(v->embedding = hse_arena_array(&job->text_arena, from->size + 1, sizeof *v->embedding)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voices of a text");
    memcpy(v->embedding, from->embedding, from->size * sizeof *v->embedding);
    v->size = from->size;
    *out = v;
    return HSE_OK;
}

/* One that the text names: the model's own, what the request brought, OpenAI's names. */
static hse_status choose_voice(hse_job *job, const hse_request *r, const slot *sl, const char *name, const voice **out, const char *model,
                               hse_error *err)
{
    hse_status s = hse_voice_named(sl->voices, name) ? HSE_E_NOT_FOUND : bring_voice(job, r, name, out, model, err);

    if (s != HSE_E_NOT_FOUND)
        return s;
    if (!sl->own_voices && !(sl->type->takes & HSE_EMBEDDING))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "voice: model '%.40s' has one voice", model);
    return hse_voices_find(out, sl->voices, name, model, err);
}

static hse_status choose_voices(hse_job *job, const hse_request *r, const char *model, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; i < job->sentence_count && s == HSE_OK; i++) {
        sentence *of = &job->sentences[i];
        const slot *sl = of->by ? of->by : job->synthesizer;

        if (i && of->style->voice == of[-1].style->voice && of->by == of[-1].by)
            of->voice = of[-1].voice;
        else if (of->style->voice && (s = choose_voice(job, r, sl, of->style->voice, &of->voice, model, err)) != HSE_OK)
            hse_fail_in(err, s, "input: line %u, column %u", of->style->line, of->style->column);
    }
    return s;
}

/* Another speaker of the toolchain becomes a step of the job; what comes last stays last. */
static hse_status add_speaker(hse_job *job, slot *by, hse_error *err)
{
    slot *last = job->step[job->step_count - 1];

    for (size_t i = 0; i < job->step_count; i++)
        if (job->step[i] == by)
            return HSE_OK;
    if (last == job->synthesizer)
        return hse_job_add_step(job, by, err);
    job->step[job->step_count - 1] = by;
    return hse_job_add_step(job, last, err);
}

/* Who speaks each sentence. */
static hse_status choose_speakers(hse_job *job, const target *t, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; i < job->sentence_count && s == HSE_OK; i++) {
        sentence *of = &job->sentences[i];
        slot *by = NULL;

        if (!of->style->language)
            continue;
        if (i && of->style == of[-1].style) {
            of->by = of[-1].by;
            continue;
        }
        s = speaker_of(&by, job, t, of->style->language, err);
        of->by = by == job->synthesizer ? NULL : by;
        if (s == HSE_OK && of->by)
            s = add_speaker(job, of->by, err);
    }
    return s;
}

static hse_status write_text(hse_job *job, const hse_request *r, const target *t, hse_error *err)
{
    static const text_mode modes[] = {
        [HSE_TEXT_NORMALIZE] = TEXT_MODE_ON, [HSE_TEXT_REFERENCE] = TEXT_MODE_REFERENCE, [HSE_TEXT_OFF] = TEXT_MODE_OFF,
    };
    const slot *s = job->synthesizer;
    const char *model = t->name;
    const char *language = r->language && *r->language ? r->language : s->language_count ? s->languages[0] : "en";
    text_mode mode = r->reference ? TEXT_MODE_REFERENCE : modes[r->text_mode];
    hse_status status = read_markup(job, r, language, err);

    if (status == HSE_OK)
        status = check_styles(job, r, t, err);
    if (status == HSE_OK)
        status = check_marks(job, s, language, model, err);
    if (status == HSE_OK)
        status = hse_prosody_split(&job->text, &job->sentences, &job->sentence_count, &job->lead_ms, &job->markup, language, mode,
                                   s->type->cut, err);
    if (status == HSE_OK)
        status = choose_speakers(job, t, err);
    if (status == HSE_OK)
        status = choose_voices(job, r, model, err);
    job->spell = mode == TEXT_MODE_ON;
    if (status == HSE_OK && job->sentence_count == 0)
        return hse_fail(err, HSE_E_ARG, 0, "input has nothing that can be spoken");
    return status;
}

hse_status hse_speak_prepare(hse_job *job, const hse_request *r, hse_error *err)
{
    target t;
    slot *first = NULL;
    unsigned has = 0;
    hse_status s = check_request(r, err);

    if (s == HSE_OK)
        s = hse_target_find(&t, job->catalogue, HSE_JOB_SPEAK, r->model, err);
    if (s != HSE_OK)
        return s;
    s = hse_target_speaker(&first, job->catalogue, &t, r->language, r->style && *r->style ? r->style : r->voice, err);
    if (s == HSE_OK)
        s = check_pitch(r, first, t.name, err);
    if (s == HSE_OK && r->language && *r->language)
        s = check_language(first, r->language, t.name, err);
    if (s == HSE_OK)
        s = choose_speaker(job, r, &t, first, &has, err);
    if (s == HSE_OK)
        s = choose_chain(job, r, &t, first, has, err);
    if (s == HSE_OK)
        s = write_text(job, r, &t, err);
    if (s != HSE_OK)
        return s;
    job->result.model = t.name;
    job->speed = r->speed;
    job->pitch = r->pitch;
    job->energy = r->energy;
    job->loudness = r->reference ? HSE_LOUDNESS_NONE : r->loudness;         /* the models do as the original does */
    job->rate_hz = r->rate_hz;
    job->window = hse_speak_first_window(job);
    return HSE_OK;
}
