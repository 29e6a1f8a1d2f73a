/* adapter.h - the model types of Harmony Speech V1, for registry.c. */
#ifndef HSE_MODELS_HARMONYSPEECH_ADAPTER_H
#define HSE_MODELS_HARMONYSPEECH_ADAPTER_H

#include "models/harmonyspeech/encoder.h"
#include "models/harmonyspeech/synthesizer.h"
#include "models/harmonyspeech/vocoder.h"
#include "models/model.h"

extern const hse_model_type hs1_encoder_type, hs1_synthesizer_type, hs1_vocoder_type;

/* From two files, wherever they are; *model is an hs1_encoder, hs1_synthesizer or hs1_vocoder. */
hse_status hs1_load(void **model, const hse_model_type *type, const char *checkpoint, const char *config,
                    const hse_model_source *source, hse_error *err);

#endif
