/* normalize.h - written text to spoken words: numbers, money, dates, units, abbreviations, symbols.
 *
 * The text keeps its punctuation, line ends and every word; what is replaced is said in words. Braces become
 * parentheses and characters that nobody can see or say are dropped, so that no front end behind it loses a word.
 * A text with nothing to normalise comes out byte for byte. Time and memory are linear in the text, whatever it holds.
 * Thread-safe. */
#ifndef HSE_TEXT_NORMALIZE_H
#define HSE_TEXT_NORMALIZE_H

#include "text/language.h"

/* Append the spoken form of a text to `out`. HSE_E_FORMAT: not UTF-8, err->offset is the byte. On failure what was
 * appended is taken back. */
hse_status text_normalize(const text_language *language, const char *text, size_t size, hse_buf *out, hse_error *err);

#endif
