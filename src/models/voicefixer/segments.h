/* segments.h - how a long recording is restored in pieces: pure functions of its length.
 *
 * A recording of up to VF_MOST_FRAMES frames (23.2 s) is one piece. A longer one is cut into cores of VF_CORE frames, each of
 * which is restored with VF_CONTEXT frames of the recording on either side:
 *
 *     recording  |------------------------------------------------------------------------|
 *     piece 1                      |== context ==|##### core #####|== context ==|
 *
 * The vocoder sees 585 frames far, so with this context its samples are exactly those of the whole mel; the restorer's own
 * mel differs a little near a window's edges (its recurrent layers have seen less), and what of that reaches a core is the
 * seam error of docs/models.md. Windows start at multiples of 64 frames, where the UNet's levels fall on the same frames as in
 * the whole. Each piece but the last gives VF_FADE samples more than its core, over which the next is faded in. A last piece
 * of less than half a core is part of the one before it. */
#ifndef HSE_MODELS_VOICEFIXER_SEGMENTS_H
#define HSE_MODELS_VOICEFIXER_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VF_CORE = 1024,
    VF_CONTEXT = 640,
    VF_MOST_FRAMES = VF_CORE + 2 * VF_CONTEXT,
    VF_FADE = 882,                          /* 20 ms */
    VF_MARGIN = 3,                          /* frames of audio beyond a window, so that its spectrum is that of the whole */
};

#define VF_LENGTH_UNKNOWN (SIZE_MAX / 2)

typedef struct {
    size_t core_from, core_to;              /* frames whose audio this piece is responsible for */
    size_t mel_from, mel_to;                /* frames that the networks see */
    size_t audio_from, audio_to;            /* samples that their spectrum needs; frame mel_from is number `skip` of these */
    size_t skip;
    size_t out_from, out_to;                /* samples of the result that it gives, VF_FADE of the next one's included */
    bool   ends, mel_ends;                  /* the recording's last piece; the window reaches the recording's end */
} vf_segment;

size_t     vf_segment_count(size_t samples);                    /* of a recording at 44.1 kHz; at least 1 */
vf_segment vf_segment_at(size_t samples, size_t i);             /* i < count */
/* Is piece i the same, and not the last, in every recording of `samples` or more? Then vf_segment_at(VF_LENGTH_UNKNOWN, i) gives it. */
bool       vf_segment_settled(size_t samples, size_t i);
/* What stands in `over` (the end of the piece before) goes over into `x` (the beginning of the next), in place. */
void       vf_fade(float *x, const float *over, size_t n);

/* The original's way, for reference runs: pieces of 30 s without context, each answer cut to its length in the middle. */
enum { VF_REFERENCE_PIECE = 1323000, VF_REFERENCE_LEAST = 1025 };

size_t vf_reference_count(size_t samples, size_t piece);        /* a last piece that is too short belongs to the one before */
void   vf_reference_at(size_t samples, size_t piece, size_t i, size_t *from, size_t *count);
size_t vf_reference_cut(size_t answer, size_t count);           /* samples dropped in front of an answer to be `count` long */

#endif
