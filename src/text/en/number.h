/* number.h - English number words from decimal digits. Digits are ASCII and may start with zeros, which drop. */
#ifndef HSE_TEXT_EN_NUMBER_H
#define HSE_TEXT_EN_NUMBER_H

#include "base/buf.h"

enum {
    EN_HYPHEN = 1, /* thirty-four, else thirty four                                        */
    EN_COMMA = 2,  /* one million, two thousand: groups are joined by ", " (a last group below 100 by a space) */
    EN_AND = 4,    /* one hundred and one, one thousand and one                            */
    EN_OH = 8,     /* pairs: nineteen oh five                                              */
};

/* Digits that number words exist for: up to 999 decillion. */
enum { EN_MAX_DIGITS = 36 };

/* "forty two". False, with nothing written, when the number is 10^36 or more, or n is 0. */
bool en_cardinal(hse_buf *out, const char *digits, size_t n, int flags);
/* The same with hyphens and commas, but 1001 to 2999 as the text cleaners of Tacotron's heirs read them: "nineteen oh five",
 * "two thousand one", "twelve hundred". */
bool en_with_years(hse_buf *out, const char *digits, size_t n);
/* "forty second" */
bool en_ordinal(hse_buf *out, const char *digits, size_t n, int flags);

/* Number words of a value below 100; 0 is "zero". */
void en_below_100(hse_buf *out, unsigned v, int flags);

/* Turn the last word that was written since `from` into its ordinal: "two" -> "second". */
void en_make_ordinal(hse_buf *out, size_t from);

#endif
