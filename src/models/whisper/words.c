/* words.c - words and their times. */
#include "models/whisper/words.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char sentence_ends[] = ".\xe3\x80\x82!\xef\xbc\x81?\xef\xbc\x9f";

/* Two decimals, half to even. */
static double centi(double x)
{
    return rint(x * 100.0) / 100.0;
}

/* Time index at which each token, and <|endoftext|> behind them, begins. */
static int *token_begins(const whisper_alignment *a)
{
    int *at = hse_calloc(a->count + 2, sizeof *at);
    size_t n = 0;

    for (size_t i = 0; at && i < a->path_count; i++) {
        if (i > 0 && a->path[i][0] == a->path[i - 1][0])
            continue;
        if (n <= a->count)
            at[n++] = a->path[i][1];
    }
    for (; at && n > 0 && n <= a->count; n++)
        at[n] = at[n - 1];
    return at;
}

hse_status whisper_find_words(const whisper_tokenizer *t, const char *language, const whisper_alignment *a, hse_arena *arena,
                              whisper_timed_word **out, size_t *count, hse_error *err)
{
    whisper_words w = {0};
    whisper_timed_word *words;
    bpe_ids ids = {0};
    int *begins = NULL;
    hse_status s = HSE_OK;

    *out = NULL;
    *count = 0;
    for (size_t i = 0; i < a->count && s == HSE_OK; i++)
        s = bpe_ids_add(&ids, a->text[i], err);
    if (s == HSE_OK)
        s = bpe_ids_add(&ids, whisper_specials(t)->eot, err);
    if (s == HSE_OK)
        s = whisper_split_words(t, language, ids.id, ids.count, &w, err);
    if (s != HSE_OK || w.count <= 1) /* <|endoftext|> alone */
        goto done;
    begins = token_begins(a);
    words = hse_arena_array(arena, w.count, sizeof *words);
    if (!begins || !words) {
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", w.count);
        goto done;
    }
    for (size_t i = 0; i + 1 < w.count; i++) {
        size_t first = w.word[i].first, end = first + w.word[i].count;
        double sum = 0.0;

        if (end > a->count)
            end = a->count;
        for (size_t k = first; k < end; k++)
            sum += a->probs[k];
        words[i] = (whisper_timed_word){.text = whisper_keep_text(arena, w.word[i].text, w.word[i].size),
                                        .first = first,
                                        .count = w.word[i].count,
                                        .start = begins[first < a->count ? first : a->count] / 50.0,
                                        .end = begins[end] / 50.0,
                                        .probability = end > first ? sum / (double)(end - first) : 0.0};
        if (!words[i].text) {
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", w.count);
            goto done;
        }
    }
    *out = words;
    *count = w.count - 1;
done:
    hse_free(begins);
    whisper_words_free(&w);
    bpe_ids_free(&ids);
    return s;
}

/* ---- durations ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median of the durations that are not 0, at most 0.7; *some: there are any. */
static hse_status median_duration(const whisper_timed_word *words, size_t n, double *median, bool *some, hse_error *err)
{
    double *d = hse_alloc((n + 1) * sizeof *d);
    size_t count = 0;

    if (!d)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", n);
    for (size_t i = 0; i < n; i++)
        if (words[i].end != words[i].start)
            d[count++] = words[i].end - words[i].start;
    *some = count > 0;
    *median = 0.0;
    if (count) {
        qsort(d, count, sizeof *d, by_value);
        *median = count % 2 ? d[count / 2] : (d[count / 2 - 1] + d[count / 2]) / 2.0;
    }
    if (*median > 0.7)
        *median = 0.7;
    hse_free(d);
    return HSE_OK;
}

/* A word at the end of a sentence is not longer than `most`, nor the one after it. */
static void cut_sentences(whisper_timed_word *words, size_t n, double most)
{
    for (size_t i = 1; i < n; i++) {
        if (!(words[i].end - words[i].start > most))
            continue;
        if (strstr(sentence_ends, words[i].text))
            words[i].end = words[i].start + most;
        else if (strstr(sentence_ends, words[i - 1].text))
            words[i].start = words[i].end - most;
    }
}

static double larger(double a, double b)
{
    return b > a ? b : a;
}

static double smaller(double a, double b)
{
    return b < a ? b : a;
}

/* Words of one segment and its times: the first ones after a pause are not too long, and where word and segment disagree by much,
 * the segment is believed. */
static void fit(whisper_worded *g, double median, double most, double last_speech)
{
    hse_word *w = g->words, *last = &w[g->word_count - 1];

    if (w[0].end - last_speech > median * 4.0 &&
        (w[0].end - w[0].start > most || (g->word_count > 1 && w[1].end - w[0].start > most * 2.0))) {
        if (g->word_count > 1 && w[1].end - w[1].start > most)
            w[0].end = w[1].start = larger(w[1].end / 2.0, w[1].end - most);
        w[0].start = larger(0.0, w[0].end - most);
    }
    if (g->start < w[0].end && g->start - 0.5 > w[0].start)
        w[0].start = larger(0.0, smaller(w[0].end - median, g->start));
    else
        g->start = w[0].start;
    if (g->end > last->start && g->end + 0.5 < last->end)
        last->end = larger(last->start + median, g->end);
    else
        g->end = last->end;
}

hse_status whisper_place_words(whisper_timed_word *words, size_t n, double offset, const char *prepended, const char *appended,
                               whisper_worded *segments, size_t n_segments, double *last_speech, hse_arena *arena,
                               hse_error *err)
{
    double median = 0.0, most;
    size_t at = 0;
    bool some = false;
    hse_status s = median_duration(words, n, &median, &some, err);

    if (s != HSE_OK)
        return s;
    most = median * 2.0;
    if (some)
        cut_sentences(words, n, most);
    if ((s = whisper_merge_punctuations(words, n, prepended, appended, arena, err)) != HSE_OK)
        return s;
    for (size_t i = 0; i < n_segments; i++) {
        whisper_worded *g = &segments[i];
        size_t saved = 0;

        g->word_count = 0;
        if (!(g->words = hse_arena_array(arena, n - at + 1, sizeof *g->words)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", n);
        for (; at < n && saved < g->text_tokens; at++) {
            const char *text = hse_arena_strndup(arena, words[at].text, strlen(words[at].text));
            if (!text)
                return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu words", n);
            if (text[0])
                g->words[g->word_count++] = (hse_word){.word = text,
                                                       .start = centi(offset + words[at].start),
                                                       .end = centi(offset + words[at].end),
                                                       .probability = words[at].probability};
            saved += words[at].count;
        }
        if (g->word_count == 0)
            continue;
        fit(g, median, most, *last_speech);
        *last_speech = g->end;
    }
    return HSE_OK;
}

/* ---- suspicion ---- */

static double word_anomaly(const hse_word *w)
{
    double duration = w->end - w->start, score = w->probability < 0.15 ? 1.0 : 0.0;

    if (duration < 0.133)
        score += (0.133 - duration) * 15.0;
    if (duration > 2.0)
        score += duration - 2.0;
    return score;
}

bool whisper_is_anomaly(const whisper_worded *segment)
{
    static const char punctuation[] = WHISPER_PREPEND_PUNCTUATIONS WHISPER_APPEND_PUNCTUATIONS;
    double score = 0.0;
    int n = 0;

    if (!segment || segment->word_count == 0)
        return false;
    for (size_t i = 0; i < segment->word_count && n < 8; i++)
        if (!strstr(punctuation, segment->words[i].word)) {
            score += word_anomaly(&segment->words[i]);
            n++;
        }
    return score >= 3.0 || score + 0.01 >= (double)n;
}
