/* narrator.h - a voice that reads texts aloud: OpenVoice V1's base speakers and MeloTTS. Front end, BERT (MeloTTS) and VITS in a
 * row, from the words of a piece to the decoder's input; from there vits_decode speaks any window of it.
 *
 * What a request's text is cut into, which constants the original uses and what silence it leaves behind a piece is here, too.
 *
 * Ownership  vits_narrator_open gives the object; vits_told_free what was told.
 * Threads    an open narrator is read-only and shared. */
#ifndef HSE_MODELS_VITS_NARRATOR_H
#define HSE_MODELS_VITS_NARRATOR_H

#include "models/bert/bert.h"
#include "models/parts.h"
#include "models/vits/tts.h"
#include "text/melo/melo.h"
#include "text/openvoice/openvoice.h"

typedef struct {
    vits_config_kind kind;                  /* VITS_MELO, VITS_OPENVOICE_BASE */
    const char      *config, *checkpoint;   /* files */
    const char      *bert;                  /* MeloTTS: a BERT's folder; only its word pieces are read where the config needs no more */
    const char      *rep;                   /* MeloTTS: its own table of English words, which wins; NULL: none */
    const char      *language;              /* "en", "EN", ... */
    text_dictionary  dictionary;            /* outlives the narrator */
    const hse_kernels *kernels;
    k_weight_type    type;                  /* of flow and decoder; durations and BERT are float32 */
    const hse_weights_limits *limits;       /* may be NULL */
    hse_parts       *parts;                 /* where others find the same BERT; may be NULL */
} vits_narrator_source;

typedef struct {
    vits_config_kind kind;
    vits_config     *config;
    vits_tts        *tts;
    hse_part        *bert_part;
    const bert      *bert;                  /* its own or the one of all; NULL: none is needed */
    text_wordpiece  *tokens;                /* where there is no bert */
    char            *rep_text;
    struct melo_rep *rep;
    text_dictionary  inner;
    melo_front       melo;                  /* the one of `kind` */
    openvoice_front  openvoice;
} vits_narrator;

hse_status vits_narrator_open(vits_narrator **out, const vits_narrator_source *source, hse_error *err);
void       vits_narrator_close(vits_narrator **m);
size_t     vits_narrator_bytes(const vits_narrator *m);

/* Does the kind speak this language? */
bool vits_narrator_speaks(vits_config_kind kind, const char *language);
/* The pieces of a text, in the arena; a text in which there is nothing to say gives none. */
hse_status vits_narrator_cut(vits_config_kind kind, const char *language, const char *text, size_t size, hse_arena *arena,
                             const char ***out, size_t *count, hse_error *err);
/* Samples of silence behind each piece. */
size_t vits_narrator_gap(const vits_narrator *m, float speed);

typedef struct {
    const char  *text;                      /* a piece */
    int          speaker;
    float        speed;
    bool         lenient;                   /* where the original raises for a text, say of it what can be said */
    uint64_t     seed, stream;              /* of the noise: one stream a piece */
    const float *noise_w, *noise_z;         /* instead, as in vits_utterance */
    int          noise_z_frames;

    hse_arena    arena;                     /* results: what follows lies here or is the piece's own */
    const int32_t *symbols, *tones, *languages;
    int          n;
    float       *features;                  /* BERT's, a row a symbol; NULL: none */
    int          feature_width;
    int         *durations;
    float       *z;                         /* [frames][inter] */
    int          frames;
    hse_status   status;
    hse_error    error;
} vits_told;

/* All pieces, their results empty before; the return value is for what concerns all. */
hse_status vits_narrator_tell(const vits_narrator *m, nn_ctx *c, vits_told *items, int n, hse_error *err);
void       vits_told_free(vits_told *item);

#endif
