/* adapter.h - VoiceFixer as the engine sees it.
 *
 * VoiceFixerRestorer  audio -> mel. Audio at another rate is resampled to 44.1 kHz, audio of less than 1025 samples lengthened
 *                     with zeros (reference: an error). item.frame_from/to: of these frames only; the rest of the audio is
 *                     there for their spectrum.
 * VoiceFixerVocoder   mel -> audio at 44.1 kHz: 441 samples a frame from frame 0 on, cut to the item's audio where that is what
 *                     the mel was made from, so that answer and recording have one length. Reference: 441 (T + 4 + T % 2)
 *                     samples, as the network gives them; loudness is the caller's. frame_from/to: the audio of these frames.
 *
 * The restorer splits long recordings (split.c): each item is a piece (segments.h) that goes through both. */
#ifndef HSE_MODELS_VOICEFIXER_ADAPTER_H
#define HSE_MODELS_VOICEFIXER_ADAPTER_H

#include "models/model.h"
#include "models/voicefixer/segments.h"

extern const hse_model_type vf_restorer_type, vf_vocoder_type;

/* The networks from checkpoints that are open already (golden runs, which make weights by recipe). */
hse_status vf_load(void **model, const hse_model_type *type, const hse_weights *w, const char *name,
                   const hse_kernels *k, k_weight_type precision, hse_error *err);

/* What an item of a split has in `own`. */
enum { VF_PIECE_TAG = 0x76667063 };

typedef struct {
    unsigned   tag;                         /* VF_PIECE_TAG: it is ours */
    vf_segment segment;
    hse_error  error;                       /* its audio could not be made: shows when it is computed */
    bool       whole;                       /* reference: no window, cut in the middle */
} vf_piece;

hse_status vf_split_open(void **split, const void *model, const hse_split_input *in, hse_error *err);
hse_status vf_split_feed(void *split, const float *samples, size_t n, bool end, hse_error *err);
hse_item  *vf_split_next(void *split);
hse_status vf_split_took(void *split, hse_item *item, hse_split_output *out, hse_error *err);
void       vf_split_close(void **split);

#endif
