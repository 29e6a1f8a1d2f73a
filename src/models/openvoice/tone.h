/* tone.h - OpenVoice's tone colours as the engine sees them, V1 and V2.
 *
 * ...ToneConverterEncoder  audio -> embedding: the tone colour. Which parts of the audio are heard, the item's `said` decides
 *                          (colour.h). Reference: HSE's rule alone, with its 16 bits.
 * ...ToneConverter         audio and embedding -> audio at the model's rate in that colour. Whose colour the audio has: that of the
 *                          base speaker whom the item names, else it is heard in the audio itself. Reference: without a name the
 *                          target's, as HSE does it.
 *
 * The converter splits long recordings (split.c): its first item hears the colour of the recording, each of the others is a window
 * of frames, with as many on both sides as it depends on, so that the windows joined are the whole, bit for bit. */
#ifndef HSE_MODELS_OPENVOICE_TONE_H
#define HSE_MODELS_OPENVOICE_TONE_H

#include "models/model.h"
#include "models/openvoice/colour.h"
#include "models/vits/converter.h"

extern const hse_model_type ov1_encoder_type, ov1_converter_type, ov2_encoder_type, ov2_converter_type;

#define OV_TAU 0.3f                         /* how much noise: fixed in HSE */

typedef struct {
    vits_converter *net;
    ov_colours      colours;                /* the converter's */
} ov_tone;

/* What an item has in `own`: of a split, or of a golden run that brings its noise. */
enum { OV_PIECE_TAG = 0x6f767063 };

typedef struct {
    unsigned     tag;                       /* OV_PIECE_TAG: it is ours */
    bool         hear;                      /* the colour of the audio is wanted, not another */
    bool         window;                    /* the audio is that of frames [first, last) of a recording of `frames`, */
    size_t       first, last, lead, frames; /* which stand at frame `lead` of it; */
    size_t       from, to;                  /* these are wanted */
    const float *source, *target;           /* colours of a window; golden: the source's */
    const float *noise;                     /* golden: [frames][inter] instead of what the seed gives */
    hse_error    error;                     /* its audio could not be made: shows when it is computed */
} ov_piece;

/* Colours of recordings at the model's rate: embedding[i] takes gin numbers, or status[i] and error[i] say why not. */
typedef struct {
    ov_recording recording;
    float       *embedding;
    hse_status   status;
    hse_error    error;
} ov_heard;

hse_status ov_hear(const vits_converter *net, nn_ctx *c, ov_heard *items, size_t n, hse_error *err);

hse_status ov_split_open(void **split, const void *model, const hse_split_input *in, hse_error *err);
hse_item  *ov_split_next(void *split);
hse_status ov_split_took(void *split, hse_item *item, hse_split_output *out, hse_error *err);
void       ov_split_close(void **split);

#endif
