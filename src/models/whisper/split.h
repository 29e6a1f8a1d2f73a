/* split.h - a transcription as a request of many pieces: what the sequential (transcribe.c) and the batched way (batched.c) share.
 * Internal to the adapter. */
#ifndef HSE_MODELS_WHISPER_SPLIT_H
#define HSE_MODELS_WHISPER_SPLIT_H

#include "audio/resample.h"
#include "models/whisper/pipeline.h"

/* ---- audio at 16 kHz ---- */

/* Of a recording at any rate. Stretches are read forwards, so that hours of another rate are never held at 16 kHz as a whole. */
typedef struct {
    const float   *in;
    size_t         n_in, fed;
    int            rate_hz;
    hse_resampler *resampler;               /* NULL at 16 kHz */
    hse_buf        out;                     /* float: samples from `at` on */
    int64_t        at;
    int64_t        count;                   /* samples at 16 kHz in all */
} whisper_source;

hse_status whisper_source_open(whisper_source *s, const hse_audio *audio, hse_error *err);
void       whisper_source_close(whisper_source *s);
/* Samples [from, to), valid until the next call; `from` is not before an earlier call's. */
hse_status whisper_source_get(whisper_source *s, int64_t from, int64_t to, const float **out, const atomic_bool *cancel,
                              hse_error *err);
/* A position in the recording at 16 kHz; the other way. */
int64_t    whisper_at_16k(int64_t position, int rate_hz, int64_t count);
int64_t    whisper_from_16k(int64_t position, int rate_hz, size_t n);

/* ---- the mel of a stretch ---- */

typedef struct {
    const whisper_mel *mel;
    const float *x;
    size_t       n;
    hse_pool    *pool;
    float       *all;                       /* of a short one; else frames are computed where they are asked for */
    float        peak;
    size_t       frames, used;              /* used: without the last one, where upstream leaves it out */
} whisper_spectrum;

hse_status whisper_spectrum_open(whisper_spectrum *s, const whisper_mel *mel, hse_pool *pool, const float *x, size_t n,
                                 const atomic_bool *cancel, hse_error *err);
void       whisper_spectrum_close(whisper_spectrum *s);
/* Frames [first, first + count) to out; frames there are not are 0. */
hse_status whisper_spectrum_get(const whisper_spectrum *s, size_t first, size_t count, float *out, hse_error *err);

/* ---- the language of the whole ---- */

typedef struct {
    bool    known;
    int32_t id;                             /* -1: none */
    double  probability;
    int32_t voted[64];                      /* the best of each window tried, in order of first appearance */
    int     votes[64], n_voted;
    double  best[64];
} whisper_ballot;

/* One more window's best. True when it decides; `last`: there are no more windows. */
bool whisper_vote(whisper_ballot *b, int32_t id, double probability, double threshold, bool last);

/* ---- the split ---- */

enum { WHISPER_UNDER_WAY = 32 };            /* pieces at the same time */

typedef struct {
    hse_split_input  in;
    hse_transcribe_options defaults;        /* where no text is wanted */
    whisper_request  request;
    whisper_source   source;
    whisper_ballot   ballot;
    hse_segment     *speech;                /* at 16 kHz */
    size_t           speech_count;
    bool             filtered;              /* speech is what there is to transcribe */
    hse_transcript   so_far;
    const hse_language_probability *languages;
    size_t           n_languages;
    hse_arena        kept;                  /* the language list */
    hse_arena        given;                 /* what the last took gave */
    hse_transcript_segment *text;
    hse_segment     *segments;
    size_t           n_text, text_capacity;
    int32_t          last_id;
    hse_item        *ready;
    hse_item        *out[WHISPER_UNDER_WAY];            /* handed out, not back yet */
    size_t           under_way;
    hse_status       failed;                /* of next, told by took */
    hse_error        error;
} whisper_split;

hse_status whisper_split_open(whisper_split *s, const whisper_model *m, const hse_split_input *in, hse_error *err);
void       whisper_split_close(whisper_split *s);
hse_status whisper_make_ready(whisper_split *s, whisper_piece **p, hse_error *err);         /* the item that is handed out next, with its empty piece */
hse_status whisper_ready_again(whisper_split *s, whisper_piece *p, hse_error *err);         /* ... with this one, which it owns on success */
void       whisper_item_free(hse_item **item);
static inline whisper_piece *whisper_piece_of(const hse_item *item)
{
    return item->own;
}
hse_item  *whisper_hand_out(whisper_split *s);             /* the one that is ready; NULL */
void       whisper_take_back(whisper_split *s, const hse_item *item);
void       whisper_given_clear(whisper_split *s);
hse_transcript_segment *whisper_given_add(whisper_split *s, hse_error *err);                /* NULL: no memory */
/* Segments as samples of the recording, the transcript so far. */
hse_status whisper_given_finish(whisper_split *s, hse_split_output *out, bool done, hse_error *err);
/* The language that the whole is in from now on; p brings the probabilities where it was detected. */
hse_status whisper_set_language(whisper_split *s, int32_t id, double probability, const whisper_piece *p, hse_error *err);
/* Times of a segment in the audio without silence to those in the recording. */
void       whisper_restore_times(hse_transcript_segment *g, hse_word *words, const hse_segment *speech, size_t n);
bool       whisper_cancelled(const hse_split_input *in);

typedef struct whisper_sequential whisper_sequential;
hse_status whisper_sequential_open(whisper_sequential **out, const whisper_model *m, const hse_split_input *in, hse_error *err);
hse_item  *whisper_sequential_next(whisper_sequential *t);
hse_status whisper_sequential_took(whisper_sequential *t, hse_item *item, hse_split_output *out, hse_error *err);
void       whisper_sequential_close(whisper_sequential **t);

typedef struct whisper_batched whisper_batched;
hse_status whisper_batched_open(whisper_batched **out, const whisper_model *m, const hse_split_input *in, hse_error *err);
hse_item  *whisper_batched_next(whisper_batched *t);
hse_status whisper_batched_took(whisper_batched *t, hse_item *item, hse_split_output *out, hse_error *err);
void       whisper_batched_close(whisper_batched **t);

#endif
