/* names.h - what is known of the published checkpoints by their names alone. Internal to the family. */
#ifndef HSE_MODELS_WHISPER_NAMES_H
#define HSE_MODELS_WHISPER_NAMES_H

#include "models/whisper/config.h"

/* The alignment heads of OpenAI's checkpoint file ("/models/small.pt"); NULL for any other name. */
const whisper_head *whisper_published_heads(const char *file, size_t *n);

#endif
