/* tokenizer.h - Whisper's vocabulary: text to ids and back, special ids, languages, words.
 *
 * Read from whatever a model folder has: tokenizer.json (merges as "a b" or ["a", "b"], added tokens), vocab.json with
 * merges.txt (and added_tokens.json), CTranslate2's vocabulary.json or vocabulary.txt (no merges there: the id is the rank,
 * as in tiktoken; Whisper's vocabularies are in the order of their merges, so the ids come out the same), or a tiktoken
 * file (base64 and rank).
 *
 * Ids in order: text, <|endoftext|>, <|startoftranscript|>, languages, <|translate|>, <|transcribe|>, <|startoflm|>,
 * <|startofprev|>, <|nospeech|>, <|notimestamps|>, 1501 times from 0.00 to 30.00.
 *
 * Threads    read-only once open. */
#ifndef HSE_MODELS_WHISPER_TOKENIZER_H
#define HSE_MODELS_WHISPER_TOKENIZER_H

#include "text/bpe.h"

enum { WHISPER_TIMES = 1501, WHISPER_LANGUAGES = 100 };

typedef struct {
    const char *code, *name;                /* "en", "english" */
} whisper_language;

/* In the order of the ids; "yue" (the hundredth) is known since large-v3. */
extern const whisper_language whisper_languages[WHISPER_LANGUAGES];

/* Index of a code or a name, case aside ("en", "English", "castilian", "pt-BR"); -1. */
int whisper_find_language(const char *code_or_name);

typedef struct {
    bool    multilingual;
    int     languages;                      /* 99 or 100; an English-only model has their ids, too, without a use */
    int32_t vocab;                          /* rows of the embedding: above all ids below */
    int32_t eot, sot, translate, transcribe, sot_lm, sot_prev, no_speech, no_timestamps, timestamp_begin;
    int32_t language_begin;                 /* the first language's; language i has language_begin + i */
} whisper_special;

/* Where the vocabulary is; what is not there is NULL. */
typedef struct {
    const char *tokenizer_json;
    const char *vocab_json, *merges_txt, *added_tokens_json;
    const char *vocabulary;                 /* CTranslate2: vocabulary.json or vocabulary.txt */
    const char *tiktoken;
    int32_t     vocab;                      /* the model's number of ids (rows of the embedding); 0: the file's */
} whisper_tokenizer_files;

typedef struct whisper_tokenizer whisper_tokenizer;

/* The first of tokenizer_json, vocab_json, vocabulary, tiktoken that is given. HSE_E_NOT_FOUND: none is, or a file is gone. */
hse_status whisper_tokenizer_open(whisper_tokenizer **out, const whisper_tokenizer_files *files, hse_error *err);
void       whisper_tokenizer_close(whisper_tokenizer **t);

const whisper_special *whisper_specials(const whisper_tokenizer *t);
/* The id of a language of this model; -1: not one of its languages, or an English-only model's other than "en". */
int32_t     whisper_language_id(const whisper_tokenizer *t, const char *code_or_name);
/* The code of a language id; NULL. */
const char *whisper_language_of(const whisper_tokenizer *t, int32_t id);

/* Append the ids of a text. Names of special tokens in it (<|...|>) are recognized as the file's rules say: times only where the
 * file lists them as tokens (large-v3). */
hse_status whisper_encode(const whisper_tokenizer *t, const char *text, size_t size, bpe_ids *out, hse_error *err);

/* Append the text of the ids below <|endoftext|>; the others are dropped. Invalid UTF-8 becomes U+FFFD. */
void whisper_decode(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out);
/* The same with times as <|1.08|>. Bytes before and after a time do not join to a character. */
void whisper_decode_with_timestamps(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out);
/* All ids that have a text, <|...|> included where `special`; a file can list tokens that are not special (large-v3's times). */
void whisper_decode_all(const whisper_tokenizer *t, const int32_t *ids, size_t n, bool special, hse_buf *out);
/* The bytes of one id below <|endoftext|> (no UTF-8 by itself); empty for others. For "bytes" fields. */
hse_bytes whisper_token_bytes(const whisper_tokenizer *t, int32_t id);

/* Ids one at a time to text that is whole characters: what is put out in all equals whisper_decode. */
typedef struct {
    uint8_t held[4];
    size_t  n_held;
} whisper_stream;                           /* zeroed to begin with */
void whisper_stream_put(const whisper_tokenizer *t, whisper_stream *s, int32_t id, hse_buf *out);
void whisper_stream_end(whisper_stream *s, hse_buf *out);

typedef struct {
    const char *text;                       /* UTF-8, zero-terminated; may hold zeros inside */
    size_t      size;
    size_t      first, count;               /* its ids among those given */
} whisper_word;

typedef struct {
    whisper_word *word;
    size_t        count;
    char         *text;                     /* what the words point into */
} whisper_words;

/* Ids (which may end with <|endoftext|>: a last word without text) to words: pieces between spaces, or, for zh ja th lo my
 * yue, what is whole in Unicode. Ids without a text of their own count as text "". */
hse_status whisper_split_words(const whisper_tokenizer *t, const char *language, const int32_t *ids, size_t n,
                               whisper_words *out, hse_error *err);
void       whisper_words_free(whisper_words *w);

/* Ids that stand for no speech: brackets, notes, symbols (sorted). */
const int32_t *whisper_non_speech(const whisper_tokenizer *t, size_t *n);
/* suppress_tokens as faster-whisper completes it: -1 stands for the ids above; transcribe, translate, sot, sot_prev, sot_lm and
 * no_speech always join; sorted, each once. NULL: [-1]. */
hse_status whisper_suppressed(const whisper_tokenizer *t, const int32_t *tokens, size_t n, bpe_ids *out, hse_error *err);

/* Bytes of text / bytes of zlib's (level 6) output; 0 for none. */
hse_status whisper_compression_ratio(const char *text, size_t size, double *out, hse_error *err);
/* White space of Unicode at both ends cut off, as Python's strip does it. */
void whisper_strip(const char **text, size_t *size);
/* A decoded text as a C string in the arena: its NULs, at which that would end, are U+FFFD. NULL: no memory. */
char *whisper_keep_text(hse_arena *arena, const char *text, size_t size);

#endif
