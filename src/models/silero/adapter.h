/* adapter.h - the model types of the Silero family, for registry.c. */
#ifndef HSE_MODELS_SILERO_ADAPTER_H
#define HSE_MODELS_SILERO_ADAPTER_H

#include "models/model.h"

extern const hse_model_type silero_vad_type, silero_vad_v6_type;

#endif
