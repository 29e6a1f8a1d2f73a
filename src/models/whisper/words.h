/* words.h - when each word was said: text aligned to audio through cross-attention, and what faster-whisper makes of it.
 *
 * Some heads of the decoder attend to the audio that belongs to a token. Their scores over a window, averaged, are a matrix
 * [token][time of 0.02 s]; the cheapest path through it (dynamic time warping) says where each token begins. */
#ifndef HSE_MODELS_WHISPER_WORDS_H
#define HSE_MODELS_WHISPER_WORDS_H

#include "models/whisper/generate.h"

typedef struct {
    int            window;
    int            frames;                  /* of 10 ms that hold audio */
    const int32_t *start;                   /* <|startoftranscript|>, language, task */
    size_t         start_count;
    const int32_t *text;                    /* ids below <|endoftext|> */
    size_t         count;
    size_t         padding;                 /* rows of <|endoftext|> more that count where scores are standardized: CTranslate2's in a batch */
    int            median;                  /* of how many times scores are the median: odd, to 31; 0 = 7 */

    /* given; whisper_alignment_free */
    double        *probs;                   /* of each token */
    int          (*path)[2];                /* token (`count`: <|endoftext|>), time index; none for frames < 2 */
    size_t         path_count;
} whisper_alignment;

/* All of them on one decoding, on which nothing else runs meanwhile. */
hse_status whisper_align(whisper_searcher *s, whisper_decoding *d, const whisper_config *config,
                         const whisper_special *special, whisper_alignment *const *a, size_t n, int rows, hse_error *err);
void       whisper_alignment_free(whisper_alignment *a);
int        whisper_align_sequences(size_t n);               /* that it needs at the same time */

/* The cheapest way through x[rows][cols] (costs -x) from the first cell to the last; *path (hse_free) has at most rows + cols. */
hse_status whisper_warp(const float *x, int rows, int cols, int (**path)[2], size_t *count, hse_error *err);

/* The words of an aligned text, times in seconds of the window; texts and words are in the arena. */
hse_status whisper_find_words(const whisper_tokenizer *t, const char *language, const whisper_alignment *a, hse_arena *arena,
                              whisper_timed_word **out, size_t *count, hse_error *err);

/* A segment with its words. */
typedef struct {
    double    start, end;
    size_t    text_tokens;                  /* of its tokens, those below <|endoftext|> */
    hse_word *words;
    size_t    word_count;
} whisper_worded;

/* Words go to their segments (those of one window, in order), too long ones are cut, punctuation joins, segments take the times of
 * their words. *last_speech: where the word before this window ended. */
hse_status whisper_place_words(whisper_timed_word *words, size_t n, double offset, const char *prepended, const char *appended,
                               whisper_worded *segments, size_t n_segments, double *last_speech, hse_arena *arena,
                               hse_error *err);

/* Very long, very short or improbable words make a segment suspect (hallucination_silence_threshold). */
bool whisper_is_anomaly(const whisper_worded *segment);

#endif
