/* wordpiece.h - BERT's tokenizer (Devlin et al. 2018; Schuster & Nakajima 2012): words, cut greedily into the longest pieces
 * that the vocabulary has.
 *
 * Control characters are dropped, ideographs and punctuation stand alone, accents and case are folded as the options say;
 * names of special tokens ([UNK], [CLS], ...) in the text are kept whole. Time is linear in the text.
 *
 * Ownership  text_wordpiece_close. Tokens are pointers into the vocabulary.
 * Threads    read-only once open. */
#ifndef HSE_TEXT_WORDPIECE_H
#define HSE_TEXT_WORDPIECE_H

#include "base/buf.h"

#include <stdbool.h>

typedef struct text_wordpiece text_wordpiece;

typedef struct {
    bool lower, strip_accents;              /* strip_accents: also NFD, so that Hangul becomes its letters */
    bool join_ideographs;                   /* they do not stand alone (tokenize_chinese_chars: false) */
} text_wordpiece_options;

/* vocab.txt: a token a line, its id is the number of the line; of equal ones the last counts. HSE_E_FORMAT: [UNK] is missing,
 * a token is no UTF-8; HSE_E_LIMIT: over 2^20 tokens or 64 MiB. */
hse_status text_wordpiece_open(text_wordpiece **out, hse_bytes vocabulary, const char *name,
                               const text_wordpiece_options *options, hse_error *err);
void       text_wordpiece_close(text_wordpiece **w);

/* Append the ids (int32_t) of a text, without [CLS] and [SEP]. Bytes that are no UTF-8 count as U+FFFD. */
hse_status text_wordpiece_run(const text_wordpiece *w, const char *text, size_t size, hse_buf *ids, hse_error *err);
/* The same for one word that somebody else has cut off (Japanese: MeCab): only the search for pieces. */
hse_status text_wordpiece_word(const text_wordpiece *w, const char *word, size_t size, hse_buf *ids, hse_error *err);

const char *text_wordpiece_token(const text_wordpiece *w, int32_t id);         /* NULL: no such id */
int32_t     text_wordpiece_find(const text_wordpiece *w, const char *token);    /* -1 */
size_t      text_wordpiece_count(const text_wordpiece *w);

#endif
