/* generate.h - tokens out of encoded windows: greedy, beam search, sampling, the language, the score of given text.
 *
 * Many jobs with options of their own run on one decoding: every step feeds one row for each hypothesis that is alive, whatever
 * job it belongs to, so the weights are read once for all of them. A job that ends may begin anew at once (fallback, the next
 * task of its window); it drops out when it does not. A job's bits do not depend on its company.
 *
 * Bounds     a job takes at most min(max_length / 2, max_length - prompt) steps; its hypotheses are at most
 *            beam_size or hypotheses.
 * Threads    a searcher belongs to the thread of its decoding. */
#ifndef HSE_MODELS_WHISPER_GENERATE_H
#define HSE_MODELS_WHISPER_GENERATE_H

#include "models/whisper/network.h"
#include "models/whisper/rules.h"

typedef struct {
    int    beam_size;                       /* 1: the most likely token at each step */
    int    hypotheses;                      /* at most so many are given; temperature > 0: so many are drawn */
    double patience, length_penalty, repetition_penalty;
    int    no_repeat_ngram_size;
    double temperature;                     /* 0: nothing is drawn */
    int    max_length;                      /* of prompt and result; the result has at most half of it */
    int    max_initial_timestamp;           /* index of a time */
    bool   suppress_blank;
    const int32_t *suppress;
    size_t   suppress_count;
    uint64_t seed, stream;                  /* numbers drawn: of this seed and stream, by hypothesis and step */
} whisper_search;

typedef struct {
    int32_t *tokens;                        /* the prompt's prefix included */
    float   *logprobs;
    size_t   count;
    double   sum, score;                    /* of log-probabilities; sum / tokens ^ length_penalty */
} whisper_hypothesis;

typedef enum {
    WHISPER_LANGUAGE,                       /* which language: one step */
    WHISPER_GENERATE,
    WHISPER_SCORE,                          /* given tokens: the probability of each, and the scores of cross-attention */
} whisper_task;

typedef struct whisper_job whisper_job;

struct whisper_job {
    whisper_task   task;
    int            window;
    const int32_t *prompt;                  /* GENERATE: prompt and forced prefix; SCORE: all tokens that are fed */
    size_t         prompt_count;
    whisper_search search;

    /* LANGUAGE */
    const int32_t *languages;               /* ids to choose from */
    size_t         language_count;
    float         *language_probs;          /* the caller's, one for each */

    /* SCORE: the probability of token k of `text` after row score_from + k, among the ids below <|endoftext|> */
    size_t         score_from;
    const int32_t *text;
    size_t         text_count;
    double        *text_probs;              /* the caller's; NULL: not wanted */
    void         (*scored)(whisper_job *job, const whisper_decoding *d, int sequence, size_t row);      /* NULL, or after each row */

    /* GENERATE gives, until the job is used again or freed: the best first */
    whisper_hypothesis *hypothesis;
    size_t         hypothesis_count;
    double         no_speech_prob;
    bool           ended;                   /* the best ended by itself */

    void          *user;
    /* The job is done: fill it for another task and return true, or false. An error ends the run. */
    bool         (*next)(whisper_job *job, hse_status *s, hse_error *err);

    struct whisper_growth *growth;          /* internal */
};

typedef struct whisper_searcher whisper_searcher;

hse_status whisper_searcher_open(whisper_searcher **out, whisper_decoding *d, nn_ctx *c, const hse_kernels *k,
                                 const whisper_dims *dims, const whisper_special *special, const int32_t *suppress_begin,
                                 size_t n_suppress_begin, hse_error *err);
void       whisper_searcher_close(whisper_searcher **s);

/* Sequences that a job needs at the same time, for whisper_decoding_limits. */
int        whisper_search_sequences(const whisper_search *search);

/* Until all jobs are done. rows: at most so many are fed in a step (at least one for each job's hypotheses). */
hse_status whisper_jobs_run(whisper_searcher *s, whisper_job *const *jobs, size_t n, int rows, hse_error *err);
void       whisper_job_free(whisper_job *job);              /* what it gave */

#endif
