/* prosody.h - where a text is cut into sentences that are spoken one by one, and how long the pauses between them are. */
#ifndef HSE_ENGINE_PROSODY_H
#define HSE_ENGINE_PROSODY_H

#include "engine/internal.h"

/* *out (hse_free) has the sentences that hold something to speak; none gives a count of 0. whole: the text is one piece. */
hse_status hse_prosody_split(sentence **out, size_t *count, const char *text, size_t size, const char *language, bool whole,
                             hse_error *err);

#endif
