/* registry.c - every model type there is, and the items that pass through them. */
#include "base/mem.h"
#include "models/harmonyspeech/adapter.h"
#include "models/openvoice/tone.h"
#include "models/silero/adapter.h"
#include "models/silero/segments.h"
#include "models/vits/narrator_adapter.h"
#include "models/voicefixer/adapter.h"
#include "models/whisper/adapter.h"

#include <string.h>

const hse_model_type *const hse_model_types[] = {
    &hs1_encoder_type, &hs1_synthesizer_type, &hs1_vocoder_type,
    &silero_vad_type,  &silero_vad_v6_type,   &whisper_type,
    &vf_restorer_type, &vf_vocoder_type,      &melo_type,
    &openvoice_v1_type, &ov1_encoder_type,    &ov1_converter_type,
    &ov2_encoder_type, &ov2_converter_type,   NULL,
};

const hse_model_type *hse_model_type_find(const char *type)
{
    for (size_t i = 0; hse_model_types[i]; i++)
        if (strcmp(hse_model_types[i]->type, type) == 0)
            return hse_model_types[i];
    return NULL;
}

hse_status hse_embedding_check(const char *field, size_t size, size_t want, hse_error *err)
{
    return size == want ? HSE_OK
                        : hse_fail(err, HSE_E_ARG, 0, "%s: the embedding has %zu numbers; this model's have %zu (another model's encoder made it)",
                                   field ? field : "the voice", size, want);
}

void hse_item_init(hse_item *item)
{
    *item = (hse_item){.speed = 1, .pitch = 1, .energy = 1};
    silero_vad_defaults(&item->vad);
}

void hse_item_free(hse_item *item)
{
    hse_audio_free(&item->audio);
    hse_free(item->text);
    hse_free(item->embedding);
    hse_free(item->mel);
    hse_free(item->segments);
    hse_item_init(item);
}
