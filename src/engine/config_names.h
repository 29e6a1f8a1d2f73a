/* config_names.h - names in a config that stand for nothing: no mistakes of the file, since models and voices come and go, but an
 * operator wants to know. `hse config check` prints them, a server logs them. */
#ifndef HSE_ENGINE_CONFIG_NAMES_H
#define HSE_ENGINE_CONFIG_NAMES_H

#include "engine/voice_store.h"

/* One such name: the setting's key, its entry in a list or mapping (HSE_WHOLE_SETTING: it is neither), and a sentence without the key. */
typedef void hse_doubt_fn(void *user, const char *key, size_t entry, const char *text);

/* Of aliases, preload, vad_model and openai_voices, by the models that the engine has and the voices that are stored. */
hse_status hse_config_check_names(hse_engine *engine, const hse_config *config, hse_voice_store *store, hse_doubt_fn *fn, void *user,
                                  hse_error *err);

#endif
