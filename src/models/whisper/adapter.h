/* adapter.h - Whisper as a model type, for registry.c. */
#ifndef HSE_MODELS_WHISPER_ADAPTER_H
#define HSE_MODELS_WHISPER_ADAPTER_H

#include "models/model.h"

extern const hse_model_type whisper_type;

/* The stretches of speech that a transcription of these options begins with, where the product finds them (models/model.h,
 * wants_speech): what a live session looks for, too. */
bool whisper_wants_speech(const hse_transcribe_options *o, bool reference, hse_vad_options *vad);

#endif
