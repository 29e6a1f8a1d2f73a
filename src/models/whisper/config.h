/* config.h - what a Whisper model is, whatever format its folder has: CTranslate2 (model.bin), Hugging Face
 * (model.safetensors, or its index and shards; pytorch_model.bin), OpenAI (x.pt).
 *
 * Dims come from the weights' shapes (CTranslate2, OpenAI's "dims") or config.json (Hugging Face), and are checked against the
 * shapes, so that the network can rely on them. */
#ifndef HSE_MODELS_WHISPER_CONFIG_H
#define HSE_MODELS_WHISPER_CONFIG_H

#include "base/arena.h"
#include "formats/weights.h"
#include "models/whisper/tokenizer.h"

enum {
    WHISPER_MAX_LAYERS = 128, WHISPER_MAX_HEADS = 128, WHISPER_MAX_WIDTH = 8192, WHISPER_MAX_VOCAB = 1 << 20,
    WHISPER_MAX_ALIGNMENT_HEADS = 4096, WHISPER_MAX_IDS = 4096, WHISPER_MAX_POSITIONS = 65536,
};

typedef enum { WHISPER_CT2, WHISPER_HF, WHISPER_OPENAI } whisper_format;

typedef struct {
    int mels;                               /* 80 or 128 */
    int vocab;
    int width;                              /* d_model of both halves */
    int encoder_heads, encoder_layers, encoder_positions, encoder_ffn;  /* positions: 1500; ffn: 4 x width in all published models */
    int decoder_heads, decoder_layers, decoder_positions, decoder_ffn;  /* 448 */
} whisper_dims;

typedef struct {
    int layer, head;
} whisper_head;

typedef struct {
    whisper_format format;
    const char    *weights;                 /* path for hse_weights_open: a file, or an index of shards */
    whisper_dims   dims;
    whisper_head  *alignment_heads;         /* sorted as given; without any in the files: those of OpenAI's checkpoint of that name, else
                                               all heads of the upper half of the layers */
    size_t         n_alignment_heads;
    int32_t       *suppress, *suppress_begin;       /* the files' lists; n 0: none given. Without suppress_begin in the files of a
                                               published vocabulary: space and <|endoftext|> */
    size_t         n_suppress, n_suppress_begin;
    int32_t       *languages;               /* CTranslate2's lang_ids or generation_config's lang_to_id, sorted; without them those of a published
                                               vocabulary; n 0: none */
    size_t         n_languages;
    int            binary_version;          /* model.bin's: below 5 it was quantized by cutting off; else 0 */
    whisper_tokenizer_files tokenizer;
    const char    *missing_tokenizer;       /* where nothing was found: a sentence about what to place where; else NULL */
    hse_arena      memory;                  /* of all lists and paths above */
} whisper_config;

/* `path` is a folder, or a .pt file. load_format: "auto" or NULL, "ctranslate2", "safetensors", "huggingface", "torch",
 * "openai": where a folder has more than one. `data` is a folder for shared data files (OpenAI's multilingual.tiktoken and
 * gpt2.tiktoken), or NULL. A folder without a vocabulary opens: missing_tokenizer says what is missing. */
hse_status whisper_config_open(whisper_config *out, const char *path, const char *load_format, const char *data,
                               const hse_weights_limits *limits, hse_error *err);
/* The same, giving the opened weights away, too (hse_weights_close), so that they are not opened twice. */
hse_status whisper_config_open_weights(whisper_config *out, hse_weights **weights, const char *path, const char *load_format,
                                       const char *data, const hse_weights_limits *limits, hse_error *err);
/* Is it a .pt file of OpenAI's, or a folder with one? *problem (static): what is missing beside it, or NULL. */
bool       whisper_holds_openai(const char *path, const char **problem);
void       whisper_config_close(whisper_config *c);

/* The tokenizer of the model; HSE_E_NOT_FOUND with missing_tokenizer's sentence. */
hse_status whisper_config_tokenizer(const whisper_config *c, whisper_tokenizer **out, hse_error *err);

/* Repositories that a model name of faster-whisper stands for ("small" -> Systran/faster-whisper-small, then others that hold the
 * same model in another format), to be looked for below the model roots; NULL-terminated; NULL for another name. */
const char *const *whisper_repos_of(const char *name);
/* The first of them, which is what faster-whisper downloads; NULL. */
const char *whisper_repo_of(const char *name);
/* Name number i, for lists and completion; NULL at the end. */
const char *whisper_model_name(size_t i);

#endif
