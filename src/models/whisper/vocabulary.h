/* vocabulary.h - the files that a Whisper vocabulary comes in, each read into a BPE. Internal to the tokenizer; for its tests
 * and fuzz targets, too.
 *
 * Which of the readers a model needs and in which order is tokenizer.c's affair. Errors have the place in the file, not its
 * name. */
#ifndef HSE_MODELS_WHISPER_VOCABULARY_H
#define HSE_MODELS_WHISPER_VOCABULARY_H

#include "models/whisper/tokenizer.h"

enum { VOCABULARY_MAX_FILE = 64 << 20 };

typedef struct {
    bpe    *b;
    bpe_ids plain;              /* ids of added tokens that the file does not call special */
} vocabulary;

hse_status vocabulary_open(vocabulary *v, hse_error *err);
void       vocabulary_close(vocabulary *v);

hse_status vocabulary_tokenizer_json(vocabulary *v, hse_bytes text, hse_error *err);
hse_status vocabulary_vocab_json(vocabulary *v, hse_bytes text, hse_error *err);           /* {"name": id} */
hse_status vocabulary_merges_txt(vocabulary *v, hse_bytes text, hse_error *err);           /* after vocab.json */
hse_status vocabulary_added_json(vocabulary *v, hse_bytes text, hse_error *err);           /* {"<|name|>": id} */
hse_status vocabulary_list(vocabulary *v, hse_bytes text, hse_error *err);      /* CTranslate2: a JSON list, or lines */
hse_status vocabulary_tiktoken(vocabulary *v, hse_bytes text, hse_error *err);

/* Takes the vocabulary over, in any case. vocab: rows of the model's embedding, 0 when not known. */
hse_status whisper_tokenizer_from(whisper_tokenizer **out, vocabulary *v, int32_t vocab, hse_error *err);

#endif
