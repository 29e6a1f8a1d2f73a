/* tokenizer_internal.h - what tokenizer.c and split_words.c share. */
#ifndef HSE_MODELS_WHISPER_TOKENIZER_INTERNAL_H
#define HSE_MODELS_WHISPER_TOKENIZER_INTERNAL_H

#include "models/whisper/vocabulary.h"

struct whisper_tokenizer {
    bpe            *b;
    whisper_special special;
    bpe_ids         plain;          /* sorted: added tokens that are not special */
    bpe_ids         non_speech;     /* sorted */
};

#endif
