/* en.h - English: how numbers are said, and the rules of the normaliser. American reading where the two differ. */
#ifndef HSE_TEXT_EN_EN_H
#define HSE_TEXT_EN_EN_H

#include "text/language.h"

/* --- say.c: words for parsed things --------------------------------------------------------------------------------
 */
void en_say_cardinal(hse_buf *out, const char *digits, size_t n); /* digit by digit when there are no words for it */
void en_say_ordinal(hse_buf *out, const char *digits, size_t n);
void en_say_digits(hse_buf *out, const char *digits, size_t n); /* one two three; other characters are skipped */
void en_say_value(hse_buf *out, unsigned v);
void en_say_value_ordinal(hse_buf *out, unsigned v);
void en_say_year(hse_buf *out, unsigned year);                 /* nineteen oh five; below 1000: three forty */
void en_say_two(hse_buf *out, unsigned v, const char *zero);   /* 00-99; below ten with `zero` before it */
void en_say_pairs(hse_buf *out, const char *digits, size_t n); /* house numbers, codes: twenty seven eighty eight */
void en_say_number(hse_buf *out, const text_scan *s, const text_number *n); /* the whole of it, with its fraction */
bool en_say_as(hse_buf *out, text_say_kind kind, const char *format, const char *text, size_t size); /* see text_language */
void en_make_plural(hse_buf *out);                                          /* of the last word: sixty -> sixties */
bool en_is_one(const text_scan *s, const text_number *n);

/* --- shared looks --------------------------------------------------------------------------------------------------
 */
bool en_number(const text_scan *s, size_t i, text_number *out);
/* thousand, million, ... at i after an optional space: bytes, and its word; 0 when there is none. With `letters` also
 * the attached or spaced k, m, mn, b, bn, t, tn of amounts of money. */
size_t en_scale(const text_scan *s, size_t i, bool letters, const char **word);
/* Month 1-12 named at i (full or short, a dot of a short one included in *len); 0 when there is none. */
unsigned en_month(const text_scan *s, size_t i, size_t *len);
const char *en_month_name(unsigned month);
/* A unit of measurement at i: bytes; singular and plural words. 0 when there is none. */
size_t en_unit(const text_scan *s, size_t i, const char **one, const char **many);
/* The sentence may end at the dot that closes the abbreviation ending at `end`. */
bool en_sentence_ends(const text_scan *s, size_t end);
bool en_follows_the(const text_scan *s);
/* A '-' at s->at can be a minus: "5-6", "a-1" and "--5" have dashes. */
bool en_minus_stands(const text_scan *s);
/* True when the word before s->at (one space between) is one of a list of words, each with a space behind it. */
bool en_word_before(const text_scan *s, size_t at, const char *words);
/* Time of day at i: bytes; with `say`, its words. 0 when there is none. */
size_t en_time_at(const text_scan *s, size_t i, hse_buf *out);

/* --- rules: bytes taken, 0 to decline ------------------------------------------------------------------------------
 */
size_t en_rule_electronic(text_scan *s);
size_t en_rule_telephone(text_scan *s);
size_t en_rule_address(text_scan *s);
size_t en_rule_state_zip(text_scan *s);
size_t en_rule_date(text_scan *s);
size_t en_rule_month_first(text_scan *s);
size_t en_rule_day_first(text_scan *s);
size_t en_rule_decade(text_scan *s);
size_t en_rule_era(text_scan *s);
size_t en_rule_quarter(text_scan *s);
size_t en_rule_weekday(text_scan *s);
size_t en_rule_time(text_scan *s);
size_t en_rule_money(text_scan *s);
size_t en_rule_money_suffix(text_scan *s);
size_t en_rule_measure(text_scan *s);
size_t en_rule_feet_inches(text_scan *s);
size_t en_rule_ordinal(text_scan *s);
size_t en_rule_dimension(text_scan *s);
size_t en_rule_range(text_scan *s);
size_t en_rule_fraction(text_scan *s);
size_t en_rule_ratio(text_scan *s);
size_t en_rule_version(text_scan *s);
size_t en_rule_serial(text_scan *s);
size_t en_rule_sign(text_scan *s);
size_t en_rule_number(text_scan *s);
size_t en_rule_count(text_scan *s);
size_t en_rule_long_digits(text_scan *s);
size_t en_rule_abbreviation(text_scan *s);
size_t en_rule_initialism(text_scan *s);
size_t en_rule_roman(text_scan *s);
size_t en_rule_symbol(text_scan *s);
size_t en_rule_greek(text_scan *s);

/* Words that start a rule without a digit or sign near them. */
bool en_is_abbreviation(const char *word, size_t n);

#endif
