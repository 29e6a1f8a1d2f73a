/* phones.h - how a word is said: alphabets that people write phones in, and the walk over phones that models' front ends make.
 *
 * Everything is IPA inside: sounds, diacritics behind them, U+02C8 and U+02CC before a stressed syllable, U+02D0 behind a long sound, "."
 * between syllables, tone letters behind a syllable, "/" between words (no blank, so that no splitter of texts cuts there).
 * X-SAMPA and CMU's ARPAbet are turned into it.
 *
 * Errors     HSE_E_ARG names the character or phone that is none; err->offset is its byte.
 * Threads    nothing is shared. */
#ifndef HSE_TEXT_PHONES_H
#define HSE_TEXT_PHONES_H

#include "base/buf.h"

#include <stdbool.h>

typedef enum { TEXT_IPA, TEXT_X_SAMPA, TEXT_ARPABET } text_alphabet;

enum { TEXT_PHONES_MAX = 512 };             /* bytes of one mark, as written and as IPA */

/* "ipa", "x-sampa", "cmu-arpabet" ("arpabet", "xsampa"); false: no such alphabet. */
bool text_alphabet_find(const char *name, text_alphabet *out);

/* Append a pronunciation as IPA in one spelling: no ties, no ligatures, one g. */
hse_status text_phones_read(text_alphabet alphabet, const char *text, size_t size, hse_buf *out, hse_error *err);

typedef enum {
    PHONE_SOUND,                            /* `to` of the table */
    PHONE_UNKNOWN,                          /* a sound that the table has not */
    PHONE_PRIMARY, PHONE_SECONDARY,         /* the syllable behind it is stressed */
    PHONE_LONG,                             /* the sound before it is long */
    PHONE_SYLLABLE, PHONE_WORD,             /* a boundary */
    PHONE_TONE,                             /* one tone letter */
    PHONE_MARK,                             /* a diacritic that the table has not: the sound before it is said without */
} text_phone_kind;

/* What a model calls a sound; the longest `ipa` that fits counts. */
typedef struct {
    const char *ipa, *to;
} text_phone;

typedef struct {
    text_phone_kind kind;
    const char     *to, *ipa;               /* ipa: its bytes in the text */
    size_t          size;
    bool            vowel;                  /* of a sound: it begins with one */
} text_phone_event;

bool text_phones_next(const text_phone *table, size_t count, const char *ipa, size_t size, size_t *at, text_phone_event *out);

/* HSE_OK when every sound is in the table; else HSE_E_UNSUPPORTED: "<who> has no sound for 'X'". */
hse_status text_phones_check(const text_phone *table, size_t count, const char *who, const char *ipa, size_t size, hse_error *err);

#endif
