/* melo.h - MeloTTS' text front ends: a text to pieces, a piece to symbols, tones, languages and the tokens of its BERT.
 *
 * What the original does, quirks included (the product's normaliser runs before it, see text/text.h). A language is a row in
 * melo.c and a file; dictionaries are asked through text/dictionary.h.
 *
 * Ownership  everything a call gives lives in the caller's arena.
 * Errors     HSE_E_ARG where upstream raises for this text (a symbol the model does not have, counts that do not fit);
 *            HSE_E_NOT_FOUND where a language pack is missing. Time and memory are linear in the text.
 * Threads    a front is read-only; calls with arenas of their own may run side by side. */
#ifndef HSE_TEXT_MELO_MELO_H
#define HSE_TEXT_MELO_MELO_H

#include "base/bytes.h"
#include "text/dictionary.h"
#include "text/wordpiece.h"

typedef enum { MELO_EN, MELO_ZH, MELO_ZH_MIX_EN, MELO_ES, MELO_FR, MELO_JP, MELO_KR, MELO_LANGUAGES } melo_language;

/* HSE's and MeloTTS' names (EN, EN_V2, ZH, ZH_MIX_EN, ES, SP, FR, JP, KR) and ISO ones (en, zh, es, fr, ja, ko), any case. */
bool        melo_language_find(const char *name, melo_language *out);
const char *melo_language_name(melo_language language);     /* "EN" */

typedef struct {
    melo_language         language;
    const text_wordpiece *tokens;           /* of the language's BERT; needed by EN, ES, FR, JP, KR and ZH_MIX_EN also without BERT */
    text_dictionary       dictionary;
    int                 (*symbol_id)(const void *symbols, const char *symbol, size_t size);     /* the config's; -1: none */
    const void           *symbols;
    bool                  add_blank;
    bool                  lenient;          /* a symbol that the model does not have counts as its UNK, instead of an error */
} melo_front;

/* The pieces that are spoken one by one: *out has *count strings. A text without any gives none. */
hse_status melo_split(melo_language language, const char *text, size_t size, hse_arena *arena, const char ***out,
                      size_t *count, hse_error *err);

typedef struct {
    const char         *norm;               /* normalised */
    const int32_t      *tokens;             /* of BERT, without [CLS] and [SEP] */
    size_t              token_count;
    const char *const  *phone;              /* with the "_" at both ends where the language has them */
    const int32_t      *tone, *word2ph;
    size_t              phone_count, word_count;
    /* what the network takes, n each; spread: how often each row of BERT's features stands for a symbol */
    const int32_t      *symbol_ids, *tone_ids, *language_ids, *spread;
    size_t              n, spread_count;
} melo_piece;

hse_status melo_piece_run(melo_piece *out, const melo_front *front, const char *piece, hse_arena *arena, hse_error *err);

/* Can phones (IPA as text/phones.h has it) be said in this language? HSE_E_UNSUPPORTED names the sound that cannot. A piece may have
 * marks (text/marks.h) with such phones. */
hse_status melo_check_phones(const char *language, const char *ipa, size_t size, hse_error *err);

/* The text with a space for each character that is no letter, digit or plain mark, and without marks (text/marks.h);
 * NULL: no memory. */
const char *melo_plain(const char *text, hse_arena *arena);

/* Do tokens and word2ph correspond, as BERT's features demand? HSE_E_ARG where upstream raises. */
hse_status melo_piece_check_bert(const melo_piece *piece, melo_language language, hse_error *err);

#endif
