/* prosody.h - where a text is cut into pieces that are spoken one by one, and how long the pauses between them are. */
#ifndef HSE_ENGINE_JOB_PROSODY_H
#define HSE_ENGINE_JOB_PROSODY_H

#include "engine/internal.h"
#include "text/text.h"

/* The spoken form of a whole text: *words (hse_free) has all pieces one after another, *out (hse_free) where each lies in it, how it is
 * spoken and the pause behind it; *lead_ms is the pause before the first. A text in which nothing can be spoken gives a count of 0.
 * language: of spans that have none of their own. cut: how the model wants it cut further (hse_model_type), or NULL. */
hse_status hse_prosody_split(char **words, sentence **out, size_t *count, unsigned *lead_ms, const text_markup *markup,
                             const char *language, text_mode mode, hse_cut_fn *cut, hse_error *err);

#endif
