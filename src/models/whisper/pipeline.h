/* pipeline.h - windows of audio to text: what the sequential and the batched transcription have in common.
 *
 * A piece is one window of at most 30 s with all that is asked of it: which language it is, its text with the fallback, its
 * segments, its words. Pieces of any requests run together (whisper_pieces_run); what comes before and after one another is the
 * business of transcribe.c and batched.c, which hand pieces out and take them back. */
#ifndef HSE_MODELS_WHISPER_PIPELINE_H
#define HSE_MODELS_WHISPER_PIPELINE_H

#include "models/model.h"
#include "models/whisper/mel.h"
#include "models/whisper/words.h"

typedef struct {
    whisper_config     config;
    whisper_network   *network;
    whisper_tokenizer *tokenizer;
    whisper_mel       *mel;
    const hse_kernels *kernels;
    int32_t           *languages;           /* ids that can be detected */
    size_t             n_languages;
    int32_t           *suppress_begin;
    size_t             n_suppress_begin;
} whisper_model;

hse_status whisper_model_open(whisper_model **out, const hse_model_source *source, hse_error *err);
void       whisper_model_close(whisper_model **m);
bool       whisper_can_detect(const whisper_model *m);          /* multilingual */
int        whisper_max_length(const whisper_model *m);          /* 448 */

/* What all pieces of a request share. */
typedef struct {
    const whisper_model          *model;
    const hse_transcribe_options *o;
    bool           batched, reference;
    int32_t       *suppress;                /* in full */
    size_t         n_suppress;
    int32_t       *languages;               /* to choose from */
    size_t         n_languages;
    const char    *prepended, *appended;
    uint64_t       seed;
} whisper_request;

hse_status whisper_request_open(whisper_request *r, const whisper_model *m, const hse_split_input *in,
                                const hse_transcribe_options *o, hse_error *err);
void       whisper_request_close(whisper_request *r);

/* Attempt number `attempt` of a window with this prompt. Returns false when there is no such attempt. */
bool whisper_attempt(const whisper_request *r, size_t prompt_count, size_t attempt, whisper_search *out);

typedef struct {
    const whisper_request *request;
    float    *mel;                          /* [3000][mels]; hse_free */
    bool      detect, transcribe;           /* asked for; both: the text is decoded in the language that was found */
    bool      split_words;                  /* words are wanted */
    bool      align;                        /* ... of the text that it holds already */
    size_t    padding;                      /* of the alignment (words.h) */
    bpe_ids   prompt;
    size_t    language_at;                  /* in the prompt; SIZE_MAX: nowhere */
    int32_t   language;                     /* its id; replaced by what was detected; -1: unknown */
    int32_t   whole_language;               /* a batch's, in which upstream finds words whatever a chunk's is; -1: the chunk's */
    int64_t   seek, segment_size;           /* frames: where it begins, how many hold audio */
    double    offset, duration;             /* seconds */
    uint64_t  number;                       /* of the request's windows: a stream of random numbers */

    /* given */
    float    *language_probs;               /* [request->n_languages] */
    bool      silent;                       /* no speech: no segments */
    whisper_rating rating;
    int32_t  *tokens;
    float    *logprobs;
    size_t    count;
    whisper_cut *cuts;                      /* segments; tokens of each */
    size_t    n_cuts;
    int64_t   next_seek;
    bool      single_ending;
    whisper_timed_word *words;
    size_t    n_words;
    hse_arena memory;                       /* of the words */
    size_t    order;                        /* the request's own */
} whisper_piece;

hse_status whisper_piece_new(whisper_piece **out, const whisper_request *r, hse_error *err);       /* with an empty mel */
void       whisper_piece_free(whisper_piece **p);

/* All of them; what they give does not depend on their company. An error concerns all. */
hse_status whisper_pieces_run(const whisper_model *m, nn_ctx *c, whisper_piece *const *p, size_t n, hse_error *err);
/* Bytes that a batch of n such pieces needs at most beside the weights; p[i] NULL: one of the usual options. c only plans. */
size_t     whisper_pieces_plan(const whisper_model *m, nn_ctx *c, whisper_piece *const *p, size_t n);

/* The best language of a piece, with its probability. */
int32_t    whisper_detected(const whisper_piece *p, double *probability);
/* *out (in the arena): all languages, best first. */
hse_status whisper_language_list(const whisper_piece *p, hse_arena *arena, const hse_language_probability **out, size_t *count,
                                 hse_error *err);

/* One segment of a finished piece as the product shows it, in the arena: text, tokens, ratings. Times, words and ids are the
 * caller's. compression_ratio: the window's; NaN: the segment's own. */
hse_status whisper_segment(const whisper_piece *p, const whisper_cut *cut, double compression_ratio, hse_arena *arena,
                           hse_transcript_segment *out, hse_error *err);

#endif
