/* keys.h - what the three checkpoints of the family share: a state dict under a prefix that is matched strictly, beside
 * things of training that nobody reads. */
#ifndef HSE_MODELS_HARMONYSPEECH_KEYS_H
#define HSE_MODELS_HARMONYSPEECH_KEYS_H

#include "nn/bind.h"

#include <string.h>

/* Everything that does not stand under `prefix`. */
static inline void hs1_ignore_outside(nn_binder *b, const hse_weights *w, const char *prefix)
{
    for (size_t i = 0; i < hse_weights_count(w); i++) {
        const char *name = hse_weights_at(w, i)->name;
        if (strncmp(name, prefix, strlen(prefix)) != 0)
            nn_bind_ignore(b, "%s", name);
    }
}

#endif
