/* narrator_adapter.h - voices that read texts aloud as model types: a text becomes a latent (a mel of the model's own), windows of
 * which become audio. Behind the last window of a piece comes the silence that the original leaves there. */
#ifndef HSE_MODELS_VITS_NARRATOR_ADAPTER_H
#define HSE_MODELS_VITS_NARRATOR_ADAPTER_H

#include "models/model.h"

extern const hse_model_type melo_type, openvoice_v1_type;

#endif
