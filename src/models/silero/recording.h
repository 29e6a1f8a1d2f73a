/* recording.h - a whole recording through Silero, as one piece of work or part by part.
 *
 * The parts are some seconds each and carry the network's state, so that a long recording lets short ones pass; the bits are
 * the same. The functions are those of a split (models/model.h); its items have `own` set to the split. */
#ifndef HSE_MODELS_SILERO_RECORDING_H
#define HSE_MODELS_SILERO_RECORDING_H

#include "models/model.h"
#include "models/silero/silero.h"

hse_status silero_split_open(void **split, const void *model, const hse_split_input *in, hse_error *err);
hse_item  *silero_split_next(void *split);
hse_status silero_split_took(void *split, hse_item *item, hse_split_output *out, hse_error *err);
void       silero_split_close(void **split);

/* Compute the part that split_next has given. alone: other work may come in between (nn_pause), on this thread. */
hse_status silero_part_run(void *split, nn_ctx *c, bool alone, hse_error *err);

/* All parts one after the other. *out is the caller's (hse_free). */
hse_status silero_find_speech(const silero *m, nn_ctx *c, const hse_item *item, hse_segment **out, size_t *count, hse_error *err);

#endif
