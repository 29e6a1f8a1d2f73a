/* scan.h - what a normaliser's rule sees of a text, and what rules share: looking at characters and saying words.
 *
 * Every look is bounded (SCAN_REACH bytes at most) so that a text of any shape takes linear time. Positions beyond the
 * end are fine: they read as 0. Nothing here fails; a full buffer is noticed by the engine at the end. */
#ifndef HSE_TEXT_SCAN_H
#define HSE_TEXT_SCAN_H

#include "base/buf.h"

enum { SCAN_REACH = 512, SCAN_MAX_WORD = 40, SCAN_MAX_DIGITS = 63 };

/* Classes of a byte; those of a run between white space are ORed. A letter outside ASCII, and any other such byte, is
 * SCAN_HIGH. The plain punctuation , ; : ! ? ' " ( ) - has none. */
enum {
    SCAN_SPACE = 1,
    SCAN_LOWER = 2,
    SCAN_UPPER = 4,
    SCAN_DIGIT = 8,
    SCAN_HIGH = 16,
    SCAN_DOT = 32,
    SCAN_AT = 64,
    SCAN_SIGNAL = 128, /* every other ASCII character */
};

typedef struct text_language text_language;

typedef struct {
    const text_language *language;
    const char *text; /* valid UTF-8 */
    size_t size;
    size_t at;           /* where the rule is asked */
    size_t run, run_end; /* the run between white space around `at` */
    unsigned run_has;    /* its classes */
    hse_buf *out;
} text_scan;

/* A number as written: -1,234.50, .5, 007 */
typedef struct {
    size_t len; /* bytes */
    size_t n;   /* digits of the whole part, separators left out; 0 for ".5" */
    char digits[SCAN_MAX_DIGITS + 1];
    size_t fraction, n_fraction; /* position in the text, length; 0 when there is none */
    bool grouped;                /* 1,234 */
} text_number;

unsigned scan_class(char c);
char scan_char(const text_scan *s, size_t i);
bool scan_is_digit(const text_scan *s, size_t i);
bool scan_is_letter(const text_scan *s, size_t i); /* ASCII */
bool scan_is_upper(const text_scan *s, size_t i);
/* Length of the letter, digit or mark at i (any script); 0 when there is none. */
size_t scan_word_char(const text_scan *s, size_t i);
bool scan_word_before(const text_scan *s, size_t i);          /* such a character ends at i */
/* Length of the ideograph, kana or Hangul letter at i, or that ends at i; 0 when there is none. Numbers and Latin words
 * follow and precede these without a space. */
size_t scan_wide(const text_scan *s, size_t i);
size_t scan_wide_before(const text_scan *s, size_t i);
/* A word ends at i, so that what starts there is a part of it; in an unspaced language wide letters are none. */
bool scan_joined(const text_scan *s, size_t i);
bool scan_goes_on(const text_scan *s, size_t i); /* the same of the letter or digit at i and the word before it */
size_t scan_digits(const text_scan *s, size_t i, size_t max); /* count of digits; max + 1 when there are more */
size_t scan_letters(const text_scan *s, size_t i);            /* ASCII letters, up to SCAN_MAX_WORD + 1 */
unsigned scan_value(const text_scan *s, size_t i, size_t n);  /* of n <= 9 digits */
/* True when the bytes at i are `word`; letters of any case when `word` is lower case. */
bool scan_is(const text_scan *s, size_t i, const char *word);
bool scan_is_before(const text_scan *s, size_t i, const char *word); /* the bytes that end at i */
bool scan_same(const text_scan *s, size_t i, size_t n, const char *lower); /* n letters equal the word, case aside */
/* The ASCII letters that end at `end`, at most SCAN_MAX_WORD: their start; == end when there are none. */
size_t scan_word_start(const text_scan *s, size_t end);
/* i without one space before it (or i itself). */
size_t scan_skip_space_back(const text_scan *s, size_t i);

/* The language's number at i: digits, or groups of three between `group`, then `point` and digits. False when there is
 * none or it is longer than SCAN_MAX_DIGITS. */
bool scan_number(const text_scan *s, size_t i, char group, char point, text_number *out);

/* Index of the word in a sorted table of `n` entries of `size` bytes that start with a const char * in lower case; -1
 * when it is not there. The word's case does not count. */
int scan_find(const void *table, size_t n, size_t size, const char *word, size_t len);

/* Append words, with a space first where one is needed: behind a letter, a digit or closing punctuation. */
void say_gap(hse_buf *out);
void say(hse_buf *out, const char *words);
void say_n(hse_buf *out, const char *words, size_t n);
void say_mark(hse_buf *out, char mark); /* punctuation, directly behind what is there */

#endif
