/* rules.h - what Whisper's decoding is told outside the network: prompts, which tokens may follow, when a result is tried again,
 * how tokens become segments, how words take their punctuation.
 *
 * All arithmetic is in double, as Python's. Nothing here is shared between threads. */
#ifndef HSE_MODELS_WHISPER_RULES_H
#define HSE_MODELS_WHISPER_RULES_H

#include "base/arena.h"
#include "models/whisper/tokenizer.h"

/* ---- options ---- */

/* HSE_E_ARG names the field that is out of its range, or not offered by this model. */
hse_status whisper_options_check(const hse_transcribe_options *o, const whisper_tokenizer *t, bool reference, hse_error *err);

enum {
    WHISPER_MAX_BEAMS = 64,                 /* beam_size, best_of */
    WHISPER_MAX_PATIENCE = 16,
    WHISPER_MAX_CLIPS = 65536,
    WHISPER_MAX_TEXT_OPTION = 1 << 16,      /* bytes of initial_prompt, prefix, hotwords */
};

/* ---- prompts ---- */

typedef struct {
    const int32_t *previous;                /* earlier text, times included */
    size_t         previous_count;
    const char    *prefix, *hotwords;       /* NULL: none */
    int32_t        language;                /* its id; not read for an English-only model */
    bool           translate, without_timestamps;
    bool           reference;               /* however little room that leaves */
    int            max_length;              /* of prompt and result: the decoder's positions */
} whisper_prompt_parts;

/* Append the prompt. language_at (may be NULL) is where the language stands; SIZE_MAX without one. Earlier text is cut where it
 * would leave no room for a result. */
hse_status whisper_prompt(const whisper_tokenizer *t, const whisper_prompt_parts *p, bpe_ids *out, size_t *language_at,
                          hse_error *err);

/* ---- which tokens may follow ---- */

/* Logits of tokens that may not follow get this value: a probability of 0 that no arithmetic makes infinite. */
#define WHISPER_DISABLED (-1e30f)

typedef struct {
    int32_t vocab, eot, no_timestamps, timestamp_begin, timestamp_end;      /* the last time's id */
} whisper_time_ids;

/* Times come in pairs and never go back. `tokens` is the result so far; prefix: how many of it were forced: the rules do not see
 * these, and anything may follow them. True when the probabilities decide whether a time must follow (whisper_times_win). */
bool whisper_time_rules(const whisper_time_ids *ids, float *logits, const int32_t *tokens, size_t n, size_t prefix,
                        int max_initial_timestamp);
/* All times together more likely than any single token below them? p: probabilities after the rules. */
bool whisper_times_win(const whisper_time_ids *ids, const float *p);

void whisper_repetition_penalty(float *logits, int32_t vocab, const int32_t *tokens, size_t n, double penalty);
void whisper_no_repeat_ngram(float *logits, int32_t vocab, const int32_t *tokens, size_t n, int size);
void whisper_disable(float *logits, int32_t vocab, const int32_t *ids, size_t n);

/* ---- from tokens to segments ---- */

typedef struct {
    double start, end;                      /* seconds */
    size_t first, count;                    /* tokens */
} whisper_cut;

/* The segments of a window that begins at `seek` (frames) and `offset` (seconds). *seek moves on to where the next one begins;
 * *single_ending: the tokens end with a single time. out has room for n + 1. */
size_t whisper_split_segments(const int32_t *tokens, size_t n, int32_t timestamp_begin, double offset, int64_t segment_size,
                              double duration, int64_t *seek, bool *single_ending, whisper_cut *out);

/* ---- whether a result is good enough ---- */

typedef struct {
    double temperature, avg_logprob, compression_ratio, no_speech_prob;
} whisper_rating;

double whisper_avg_logprob(double score, size_t tokens, double length_penalty);
bool   whisper_needs_fallback(const hse_transcribe_options *o, const whisper_rating *r);
/* Of n results that all failed, which one is taken. */
size_t whisper_best_attempt(const hse_transcribe_options *o, const whisper_rating *r, size_t n);
bool   whisper_is_silence(const hse_transcribe_options *o, const whisper_rating *r);

/* ---- words ---- */

#define WHISPER_PREPEND_PUNCTUATIONS "\"'\xe2\x80\x9c\xc2\xbf([{-"
#define WHISPER_APPEND_PUNCTUATIONS                                                                                            \
    "\"'.\xe3\x80\x82,\xef\xbc\x8c!\xef\xbc\x81?\xef\xbc\x9f:\xef\xbc\x9a\xe2\x80\x9d)]}\xe3\x80\x81"

typedef struct {
    const char *text;                       /* zero-terminated; "" when it went to a neighbour */
    size_t      first, count;               /* its tokens among those of the window's text */
    double      start, end, probability;
} whisper_timed_word;

/* Marks that stand alone join the word after or before them. New texts are in the arena. */
hse_status whisper_merge_punctuations(whisper_timed_word *words, size_t n, const char *prepended, const char *appended,
                                      hse_arena *arena, hse_error *err);

#endif
