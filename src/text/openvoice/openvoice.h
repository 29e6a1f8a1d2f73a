/* openvoice.h - the text front ends of OpenVoice V1's base speakers: English and Chinese to IPA symbols.
 *
 * What the original does, quirks included (the product's normaliser runs before it). Dictionaries are asked through
 * text/dictionary.h: TEXT_IPA_EN; TEXT_JIEBA, TEXT_BOPOMOFO, TEXT_CN2AN.
 *
 * Ownership  everything a call gives lives in the caller's arena.
 * Errors     HSE_E_ARG where upstream raises (a number of more than 16 digits in Chinese); HSE_E_NOT_FOUND: a pack is missing.
 * Threads    nothing is shared. Time and memory are linear in the text. */
#ifndef HSE_TEXT_OPENVOICE_OPENVOICE_H
#define HSE_TEXT_OPENVOICE_OPENVOICE_H

#include "base/bytes.h"
#include "text/dictionary.h"

typedef enum { OPENVOICE_EN, OPENVOICE_ZH } openvoice_language;

typedef struct {
    openvoice_language language;
    text_dictionary    dictionary;
    int              (*symbol_id)(const void *symbols, const char *symbol, size_t size);        /* the config's; -1: none */
    const void        *symbols;
    bool               add_blank;
} openvoice_front;

/* The pieces that are spoken one by one; a blank text has none. */
hse_status openvoice_split(openvoice_language language, const char *text, size_t size, hse_arena *arena, const char ***out,
                           size_t *count, hse_error *err);

enum { OPENVOICE_STEPS = 6 };

typedef struct {
    const char        *marked;              /* "[EN]...[EN]" */
    const char        *step_name[OPENVOICE_STEPS], *step[OPENVOICE_STEPS];      /* NULL behind the last */
    const text_answer *words;               /* Chinese: jieba's words, and the readings of each */
    const text_answer *readings;
    const char        *cleaned;
    const int32_t     *ids_no_blank, *ids;
    size_t             n_no_blank, n;
} openvoice_piece;

hse_status openvoice_piece_run(openvoice_piece *out, const openvoice_front *front, const char *piece, hse_arena *arena,
                               hse_error *err);

/* Can phones (IPA as text/phones.h has it) be said in this language ("en", "zh")? HSE_E_UNSUPPORTED names the sound that cannot. A piece may
 * have marks (text/marks.h) with such phones. */
hse_status openvoice_check_phones(const char *language, const char *ipa, size_t size, hse_error *err);

/* The rules for numbers alone, and all pronunciations of an English word ("ah0 b aw1 t") as IPA. */
hse_status openvoice_numbers(const openvoice_front *front, const char *text, size_t size, hse_arena *arena, const char **out,
                             hse_error *err);
hse_status openvoice_ipa(const char *arpabet, hse_arena *arena, const char **out, hse_error *err);

#endif
