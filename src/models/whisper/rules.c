/* rules.c - prompts, the rules of times, fallback, segments, punctuation. */
#include "models/whisper/rules.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- options ---- */

typedef struct {
    const char *name;
    double value, min, max;
    bool or_nan; /* NaN: none */
} range;

static hse_status check_ranges(const range *r, size_t n, hse_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (r[i].or_nan && isnan(r[i].value))
            continue;
        if (!(r[i].value >= r[i].min && r[i].value <= r[i].max))
            return hse_fail(err, HSE_E_ARG, 0, "%s is %g; it must be from %g to %g", r[i].name, r[i].value, r[i].min,
                            r[i].max);
    }
    return HSE_OK;
}

static hse_status check_numbers(const hse_transcribe_options *o, hse_error *err)
{
    const range r[] = {
        {"task", o->task, HSE_TRANSCRIBE, HSE_TRANSLATE, false},
        {"beam_size", o->beam_size, 1, WHISPER_MAX_BEAMS, false},
        {"best_of", o->best_of, 1, WHISPER_MAX_BEAMS, false},
        {"patience", o->patience, 0.01, WHISPER_MAX_PATIENCE, false},
        {"length_penalty", o->length_penalty, -10, 10, false},
        {"repetition_penalty", o->repetition_penalty, 0.01, 100, false},
        {"no_repeat_ngram_size", o->no_repeat_ngram_size, 0, 448, false},
        {"compression_ratio_threshold", o->compression_ratio_threshold, -HUGE_VAL, HUGE_VAL, true},
        {"log_prob_threshold", o->log_prob_threshold, -HUGE_VAL, HUGE_VAL, true},
        {"no_speech_threshold", o->no_speech_threshold, -HUGE_VAL, HUGE_VAL, true},
        {"prompt_reset_on_temperature", o->prompt_reset_on_temperature, -HUGE_VAL, HUGE_VAL, false},
        {"max_initial_timestamp", o->max_initial_timestamp, 0, 1e6, false},
        {"max_new_tokens", o->max_new_tokens, 0, 448, false},
        {"hallucination_silence_threshold", o->hallucination_silence_threshold, 0, 1e6, true},
        {"language_detection_threshold", o->language_detection_threshold, -HUGE_VAL, HUGE_VAL, false},
        {"language_detection_segments", o->language_detection_segments, 1, 1000, false},
    };
    hse_status s = check_ranges(r, COUNT(r), err);

    if (s != HSE_OK)
        return s;
    if (o->chunk_length_s != 0.0 && !(o->chunk_length_s >= 1.0 && o->chunk_length_s <= 30.0))
        return hse_fail(err, HSE_E_ARG, 0, "chunk_length is %g; it must be 0 or from 1 to 30 seconds", o->chunk_length_s);
    if (o->temperature_count < 1 || o->temperature_count > COUNT(o->temperatures))
        return hse_fail(err, HSE_E_ARG, 0, "temperature has %zu values; it must have 1 to %zu", o->temperature_count,
                        COUNT(o->temperatures));
    for (size_t i = 0; i < o->temperature_count; i++)
        if (!(o->temperatures[i] >= 0.0 && o->temperatures[i] <= 10.0))
            return hse_fail(err, HSE_E_ARG, 0, "temperature is %g; it must be from 0 to 10", o->temperatures[i]);
    return HSE_OK;
}

static hse_status check_ids(const char *name, const int32_t *ids, size_t n, bool minus_one, int32_t vocab, hse_error *err)
{
    if (n && !ids)
        return hse_fail(err, HSE_E_ARG, 0, "%s has a count of %zu, but no tokens", name, n);
    if (n > (size_t)vocab)
        return hse_fail(err, HSE_E_ARG, 0, "%s has %zu tokens; the model knows %d", name, n, (int)vocab);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < (minus_one ? -1 : 0) || ids[i] >= vocab)
            return hse_fail(err, HSE_E_ARG, i, "%s has the token %d; it must be from %d to %d", name, (int)ids[i],
                            minus_one ? -1 : 0, (int)vocab - 1);
    return HSE_OK;
}

static hse_status check_text(const char *name, const char *text, hse_error *err)
{
    if (text && strlen(text) > WHISPER_MAX_TEXT_OPTION)
        return hse_fail(err, HSE_E_ARG, 0, "%s has %zu bytes; at most %d are allowed", name, strlen(text),
                        WHISPER_MAX_TEXT_OPTION);
    return HSE_OK;
}

static hse_status check_language(const char *field, const char *language, const whisper_tokenizer *t, bool reference, hse_error *err)
{
    if (reference && !whisper_specials(t)->multilingual) /* upstream hears English all the same */
        return HSE_OK;
    if (!language || whisper_language_id(t, language) < 0)
        return hse_fail(err, HSE_E_ARG, 0, "%s \"%.40s\" is not one of this model's languages%s", field, language ? language : "",
                        whisper_specials(t)->multilingual ? ": a code (en, zh, de, ...) or a name (english) is expected"
                                                          : ": it knows English alone");
    return HSE_OK;
}

static hse_status check_clips(const hse_transcribe_options *o, bool reference, hse_error *err)
{
    if (o->clip_count > WHISPER_MAX_CLIPS || (o->clip_count && !o->clip_timestamps))
        return hse_fail(err, HSE_E_ARG, 0, "clip_timestamps has %zu times; at most %d are allowed", o->clip_count,
                        WHISPER_MAX_CLIPS);
    for (size_t i = 0; i < o->clip_count; i++) {
        double at = o->clip_timestamps[i];
        if (!(at >= 0.0 && at <= 1e7))
            return hse_fail(err, HSE_E_ARG, i, "clip_timestamps has the time %g; it must be from 0 to 10000000 seconds", at);
        if (i % 2 == 1 && at < o->clip_timestamps[i - 1] && (o->batched || !reference))  /* upstream skips it */
            return hse_fail(err, HSE_E_ARG, i, "clip_timestamps has a clip that ends at %g, before its start", at);
    }
    if (o->batched && o->clip_count % 2 == 1)
        return hse_fail(err, HSE_E_ARG, 0, "clip_timestamps of a batched transcription must be pairs of start and end");
    return HSE_OK;
}

hse_status whisper_options_check(const hse_transcribe_options *o, const whisper_tokenizer *t, bool reference, hse_error *err)
{
    int32_t vocab = whisper_specials(t)->vocab;
    hse_status s = check_numbers(o, err);

    if (s == HSE_OK && o->language)
        s = check_language("language", o->language, t, reference, err);
    if (o->language_count && !o->languages)
        return hse_fail(err, HSE_E_ARG, 0, "languages has a count of %zu, but no names", o->language_count);
    for (size_t i = 0; s == HSE_OK && i < o->language_count; i++)
        s = check_language("languages", o->languages[i], t, reference, err);
    if (s == HSE_OK)
        s = check_ids("initial_prompt", o->initial_prompt_tokens, o->initial_prompt_token_count, false, vocab, err);
    if (s == HSE_OK)
        s = check_ids("suppress_tokens", o->suppress_tokens, o->suppress_token_count, true, vocab, err);
    if (s == HSE_OK)
        s = check_text("initial_prompt", o->initial_prompt, err);
    if (s == HSE_OK)
        s = check_text("prefix", o->prefix, err);
    if (s == HSE_OK)
        s = check_text("hotwords", o->hotwords, err);
    if (s == HSE_OK)
        s = check_text("prepend_punctuations", o->prepend_punctuations, err);
    if (s == HSE_OK)
        s = check_text("append_punctuations", o->append_punctuations, err);
    return s == HSE_OK ? check_clips(o, reference, err) : s;
}

/* ---- prompts ---- */

static hse_status add_all(bpe_ids *out, const int32_t *ids, size_t n, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; i < n && s == HSE_OK; i++)
        s = bpe_ids_add(out, ids[i], err);
    return s;
}

/* A space and the text without the white space around it, as ids; what is over the limit is left out. */
static hse_status add_words(const whisper_tokenizer *t, const char *text, size_t limit, bpe_ids *out, hse_error *err)
{
    size_t size = strlen(text);
    bpe_ids ids = {0};
    hse_buf spaced;
    hse_status s;

    whisper_strip(&text, &size);
    hse_buf_init(&spaced, WHISPER_MAX_TEXT_OPTION + 2);
    hse_buf_byte(&spaced, ' ');
    hse_buf_append(&spaced, text, size);
    if ((s = hse_buf_status(&spaced, "a prompt", err)) == HSE_OK)
        s = whisper_encode(t, hse_buf_text(&spaced), spaced.size, &ids, err);
    if (s == HSE_OK)
        s = add_all(out, ids.id, ids.count >= limit ? limit - 1 : ids.count, err);
    bpe_ids_free(&ids);
    hse_buf_free(&spaced);
    return s;
}

hse_status whisper_prompt(const whisper_tokenizer *t, const whisper_prompt_parts *p, bpe_ids *out, size_t *language_at,
                          hse_error *err)
{
    const whisper_special *id = whisper_specials(t);
    bool prefixed = p->prefix && p->prefix[0], hot = p->hotwords && p->hotwords[0] && !prefixed;
    size_t half = (size_t)p->max_length / 2, most = half - 1, start = out->count, previous = p->previous_count;
    hse_status s = HSE_OK;

    if (language_at)
        *language_at = SIZE_MAX;
    if (previous || hot)
        s = bpe_ids_add(out, id->sot_prev, err);
    if (s == HSE_OK && hot)
        s = add_words(t, p->hotwords, half, out, err);
    /* Hotwords and earlier text together could fill all positions: a quarter is left to the result, but where upstream would leave less. */
    if (!p->reference && out->count - start + most + 32 > (size_t)p->max_length && previous > most / 2)
        most = (size_t)p->max_length * 3 / 4 > out->count - start ? (size_t)p->max_length * 3 / 4 - (out->count - start) : 0;
    if (previous > most)
        previous = most;
    if (s == HSE_OK && previous)
        s = add_all(out, p->previous + (p->previous_count - previous), previous, err);
    if (s == HSE_OK)
        s = bpe_ids_add(out, id->sot, err);
    if (s == HSE_OK && id->multilingual) {
        if (language_at)
            *language_at = out->count - start;
        s = bpe_ids_add(out, p->language, err);
        if (s == HSE_OK)
            s = bpe_ids_add(out, p->translate ? id->translate : id->transcribe, err);
    }
    if (s == HSE_OK && p->without_timestamps)
        s = bpe_ids_add(out, id->no_timestamps, err);
    if (s == HSE_OK && prefixed) {
        if (!p->without_timestamps)
            s = bpe_ids_add(out, id->timestamp_begin, err);
        if (s == HSE_OK)
            s = add_words(t, p->prefix, half, out, err);
    }
    return s;
}

/* ---- which tokens may follow ---- */

static void disable_range(float *logits, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to; i++)
        logits[i] = WHISPER_DISABLED;
}

void whisper_disable(float *logits, int32_t vocab, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= 0 && ids[i] < vocab)
            logits[ids[i]] = WHISPER_DISABLED;
}

bool whisper_time_rules(const whisper_time_ids *ids, float *logits, const int32_t *tokens, size_t n, size_t prefix,
                        int max_initial_timestamp)
{
    int32_t begin = ids->timestamp_begin, end = ids->timestamp_end + 1, last;

    logits[ids->no_timestamps] = WHISPER_DISABLED;
    if (prefix && n <= prefix)
        return false;
    tokens += prefix;
    n -= prefix;
    if (n == 0) {
        disable_range(logits, 0, begin);
        if (max_initial_timestamp < end - begin)
            disable_range(logits, begin + max_initial_timestamp + 1, end);
        return false;
    }
    last = tokens[n - 1];
    if (last >= begin && (n == 1 || tokens[n - 2] >= begin)) { /* a pair, or the first: text must follow */
        disable_range(logits, begin, end);
        return false;
    }
    if (last >= begin) { /* a time that closes a segment: another must follow, or the end */
        disable_range(logits, 0, ids->eot);
        disable_range(logits, begin, last < end ? last : end);
        return true;
    }
    for (size_t i = n; i-- > 0;)
        if (tokens[i] >= begin) {
            disable_range(logits, begin, tokens[i] < end ? tokens[i] + 1 : end);
            break;
        }
    return true;
}

bool whisper_times_win(const whisper_time_ids *ids, const float *p)
{
    enum { LANES = 16 };
    float lane[LANES] = {0}, best = 0.0f;
    double times = 0.0;
    int32_t k = 0;

    for (; k + LANES <= ids->timestamp_begin; k += LANES) /* side by side: as fast as memory */
        for (int l = 0; l < LANES; l++)
            lane[l] = p[k + l] > lane[l] ? p[k + l] : lane[l];
    for (; k < ids->timestamp_begin; k++)
        lane[0] = p[k] > lane[0] ? p[k] : lane[0];
    for (int l = 0; l < LANES; l++)
        best = lane[l] > best ? lane[l] : best;
    for (int32_t i = ids->timestamp_begin; i <= ids->timestamp_end; i++)
        times += (double)p[i];
    return times > (double)best;
}

void whisper_repetition_penalty(float *logits, int32_t vocab, const int32_t *tokens, size_t n, double penalty)
{
    float f = (float)penalty;

    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = tokens[k] == tokens[i];
        if (seen || tokens[i] < 0 || tokens[i] >= vocab)
            continue;
        logits[tokens[i]] = logits[tokens[i]] < 0.0f ? logits[tokens[i]] * f : logits[tokens[i]] / f;
    }
}

void whisper_no_repeat_ngram(float *logits, int32_t vocab, const int32_t *tokens, size_t n, int size)
{
    size_t head = (size_t)size - 1;

    if (size < 1 || n < head)
        return;
    for (size_t i = 0; i + head < n; i++)
        if (memcmp(tokens + i, tokens + (n - head), head * sizeof *tokens) == 0)
            whisper_disable(logits, vocab, &tokens[i + head], 1);
}

/* ---- from tokens to segments ---- */

size_t whisper_split_segments(const int32_t *tokens, size_t n, int32_t begin, double offset, int64_t segment_size,
                              double duration, int64_t *seek, bool *single_ending, whisper_cut *out)
{
    const double step = 0.02;
    size_t count = 0, from = 0;

    *single_ending = n >= 2 && tokens[n - 2] < begin && tokens[n - 1] >= begin;
    for (size_t i = 1; i <= n; i++) {
        bool cut = i < n ? tokens[i] >= begin && tokens[i - 1] >= begin : *single_ending && count > 0;
        if (!cut)
            continue;
        out[count++] = (whisper_cut){.start = offset + (double)(tokens[from] - begin) * step,
                                     .end = offset + (double)(tokens[i - 1] - begin) * step,
                                     .first = from,
                                     .count = i - from};
        from = i;
    }
    if (count > 0) {
        *seek += *single_ending ? segment_size : 2 * (int64_t)(tokens[from - 1] - begin);
        return count;
    }
    for (size_t i = n; i-- > 0;)
        if (tokens[i] >= begin) {
            if (tokens[i] != begin)
                duration = (double)(tokens[i] - begin) * step;
            break;
        }
    out[0] = (whisper_cut){.start = offset, .end = offset + duration, .first = 0, .count = n};
    *seek += segment_size;
    return 1;
}

/* ---- whether a result is good enough ---- */

double whisper_avg_logprob(double score, size_t tokens, double length_penalty)
{
    return score * pow((double)tokens, length_penalty) / ((double)tokens + 1.0);
}

/* A comparison with a threshold that is not given, or of an average that is none, is false: as Python's. */
bool whisper_needs_fallback(const hse_transcribe_options *o, const whisper_rating *r)
{
    bool unlikely = r->avg_logprob < o->log_prob_threshold;

    if (r->no_speech_prob > o->no_speech_threshold && unlikely)
        return false; /* silence */
    return r->compression_ratio > o->compression_ratio_threshold || unlikely;
}

size_t whisper_best_attempt(const hse_transcribe_options *o, const whisper_rating *r, size_t n)
{
    bool some = false;
    size_t best = 0;

    for (size_t i = 0; i < n; i++)
        some = some || (!isnan(o->compression_ratio_threshold) && !(r[i].compression_ratio > o->compression_ratio_threshold));
    for (size_t i = 0, first = 1; i < n; i++) {
        if (some && r[i].compression_ratio > o->compression_ratio_threshold)
            continue;
        if (first || r[i].avg_logprob > r[best].avg_logprob)
            best = i;
        first = 0;
    }
    return best;
}

bool whisper_is_silence(const hse_transcribe_options *o, const whisper_rating *r)
{
    return r->no_speech_prob > o->no_speech_threshold && !(r->avg_logprob > o->log_prob_threshold);
}

/* ---- words ---- */

static const char *join(hse_arena *arena, const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = hse_arena_alloc(arena, size);

    if (text)
        snprintf(text, size, "%s%s", a, b);
    return text;
}

/* `from` goes into `to`, whose tokens are its neighbours; the order of the texts is that of the words. */
static bool absorb(whisper_timed_word *to, whisper_timed_word *from, hse_arena *arena)
{
    bool before = from < to;
    const char *text = before ? join(arena, from->text, to->text) : join(arena, to->text, from->text);

    if (!text)
        return false;
    to->text = text;
    if (from->count && (before || !to->count))
        to->first = from->first;
    to->count += from->count;
    from->text = "";
    from->count = 0;
    return true;
}

/* Is the word, without the white space around it, part of the list? The empty one is, as in Python. */
static bool stripped_in(const char *word, const char *list, hse_arena *arena, bool *no_memory)
{
    size_t size = strlen(word);
    const char *text = word;
    char *copy;

    whisper_strip(&text, &size);
    if (!(copy = hse_arena_strndup(arena, text, size))) {
        *no_memory = true;
        return false;
    }
    return strstr(list, copy) != NULL;
}

hse_status whisper_merge_punctuations(whisper_timed_word *words, size_t n, const char *prepended, const char *appended,
                                      hse_arena *arena, hse_error *err)
{
    bool no_memory = false;

    for (size_t i = n, following = n; i-- > 0 && !no_memory;) {
        if (following < n && words[i].text[0] == ' ' && stripped_in(words[i].text, prepended, arena, &no_memory))
            no_memory = no_memory || !absorb(&words[following], &words[i], arena);
        else
            following = i;
    }
    for (size_t i = 0, j = 1; j < n && !no_memory; j++) {
        size_t size = strlen(words[i].text);
        if (!(size && words[i].text[size - 1] == ' ') && strstr(appended, words[j].text))
            no_memory = !absorb(&words[i], &words[j], arena);
        else
            i = j;
    }
    return no_memory ? hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", n) : HSE_OK;
}
