/* voice.h - from the name of a voice in a request to what the engine takes. */
#ifndef HSE_SERVER_VOICE_H
#define HSE_SERVER_VOICE_H

#include "engine/voices/store.h"
#include "server/api.h"

/* What the request points to; zeroed before, freed after the job was opened. */
typedef struct {
    char   name[256];               /* the model's own name of one of OpenAI's voices */
    float *embedding;               /* of a stored voice */
    hse_named_voices in_text;       /* of those that <voice> names */
} api_voice;

/* Puts `voice` (NULL or "": the default) into r, whose kind and model are set: the model's own voices first, then stored ones, then
 * OpenAI's thirteen names (config `openai_voices`, else the model's voices in turn). Another name is refused with the list. */
bool api_voice_choose(api_call *call, hse_request *r, const char *voice, api_voice *out);
/* The same for the names in r's text, behind whose name the stored voices stand. */
bool api_voice_choose_in_text(api_call *call, hse_request *r, api_voice *out);
void api_voice_free(api_voice *v);

/* The numbers of an embedding, float32 or a file of torch.save, into memory of their own (hse_free); none where the field is empty. */
bool api_embedding(api_call *call, const hse_buf *bytes, const char *param, float **out, size_t *count);

/* POST, GET, DELETE /v1/audio/voices. */
bool api_voice_add(api_call *call);
bool api_voice_list(api_call *call);
bool api_voice_get(api_call *call);
bool api_voice_remove(api_call *call);

#endif
