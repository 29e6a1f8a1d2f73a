/* config_doubts.h - what in a config is no mistake of the file, since models and voices come and go, but will be refused at a request:
 * models that cannot be used, names that stand for nothing. `hse config check` prints them, a server logs the names. */
#ifndef HSE_ENGINE_CONFIG_DOUBTS_H
#define HSE_ENGINE_CONFIG_DOUBTS_H

#include "engine/voices/store.h"

/* One such thing: a key, and a sentence without it. Of a model's: the key in model_configs (NULL: the model as a whole) and which model;
 * of a name: the setting, and its entry in a list or mapping (HSE_WHOLE_SETTING: it is neither). */
typedef void hse_doubt_fn(void *user, const char *key, size_t entry, const char *text);

/* The config's models that the engine cannot use. */
void hse_config_doubt_models(hse_engine *engine, const hse_config *config, hse_doubt_fn *fn, void *user);

/* Of aliases, preload, vad_model and openai_voices, by the models that the engine has and the voices that are stored. */
hse_status hse_config_doubt_names(hse_engine *engine, const hse_config *config, hse_voice_store *store, hse_doubt_fn *fn, void *user,
                                  hse_error *err);

#endif
