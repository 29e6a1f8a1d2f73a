/* frontend.h - the text front end of Harmony Speech V1: what the original does to a text, quirks included.
 *
 * Strip, drop {...}, then for each piece: transliterate to ASCII, lower-case, spell out money, ordinals, numbers and
 * abbreviations, and map the characters to symbol ids. The product's own normaliser (text/normalize.h) runs before
 * this and leaves it nothing to spell out; the reference mode runs this alone.
 * Time and memory are linear in the text. Thread-safe: nothing is shared. */
#ifndef HSE_TEXT_HS1_FRONTEND_H
#define HSE_TEXT_HS1_FRONTEND_H

#include "base/buf.h"

enum { HS1_PAD = 0, HS1_END = 1, HS1_SYMBOLS = 66 };

typedef enum {
    HS1_STEP_ASCII,    /* transliterated, case kept                          */
    HS1_STEP_CURRENCY, /* lower case, commas of numbers gone, $ spelled out  */
    HS1_STEP_ORDINALS, /* " point ", ordinals in words                       */
    HS1_STEP_NUMBERS,  /* all digits in words                                */
    HS1_STEP_ABBREVIATIONS,
    HS1_STEP_CLEANED, /* white space collapsed                              */
    HS1_STEPS
} hs1_step;

/* "ascii", "currency", ...: the names of the golden cases. */
extern const char *const hs1_step_names[HS1_STEPS];

/* The symbol ids of a whole text, one byte each, ending with HS1_END; appended to `ids`. An empty text gives the end
 * alone. HSE_E_FORMAT: not UTF-8 (err->offset is the byte), or what the original refuses too: a number of 10^36 and
 * above, a comma inside a dollar amount. HSE_E_LIMIT: over the ceiling of ids. On failure `ids` is as before. */
hse_status hs1_text_ids(const char *text, size_t size, hse_buf *ids, hse_error *err);

/* Clean one piece (a text without braces, stripped). step[i], where not NULL, gets the text after step i. */
hse_status hs1_clean(const char *text, size_t size, hse_buf *const step[HS1_STEPS], hse_error *err);

/* id of an ASCII character, or -1 for what has none (and for `_` and `~`, which are control symbols). */
int hs1_symbol(unsigned char c);
/* The character of an id, 0 for an id out of range. */
char hs1_symbol_char(int id);

#endif
