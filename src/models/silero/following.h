/* following.h - faster-whisper's stretches of speech on a live stream: the very ones that the finished recording would give, each
 * start and end told as soon as nothing that comes later can change it. */
#ifndef HSE_MODELS_SILERO_FOLLOWING_H
#define HSE_MODELS_SILERO_FOLLOWING_H

#include "models/model.h"
#include "models/silero/silero.h"

typedef struct silero_following silero_following;

/* 16 kHz. The options have been checked. */
hse_status silero_following_open(silero_following **out, const silero_net *net, const hse_vad_options *o, hse_error *err);
void       silero_following_close(silero_following **f);
void       silero_following_reset(silero_following *f);
hse_status silero_following_push(silero_following *f, const float *samples, size_t n, hse_vad_event_fn fn, void *user,
                                 hse_error *err);
/* The end of the stream: what is open ends. The stream begins anew after it. */
hse_status silero_following_finish(silero_following *f, hse_vad_event_fn fn, void *user, hse_error *err);

#endif
