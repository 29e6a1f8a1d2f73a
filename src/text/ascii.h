/* ascii.h - transliteration to ASCII and the notion of white space that goes with it. */
#ifndef HSE_TEXT_ASCII_H
#define HSE_TEXT_ASCII_H

#include "base/buf.h"

/* Append the ASCII form of a UTF-8 text to `out`. ASCII, control characters included, stays as it is. Latin letters
 * lose their marks; Greek, Cyrillic, Hebrew, Arabic, kana, Hangul and ideographs (one Latin letters; compatibility
 * forms (full width, ligatures, circled and Roman numerals, fractions) become what they stand for. What has no ASCII
 * form (emoji, most symbols, other scripts) is dropped. A character gives at most 32 bytes. HSE_E_FORMAT: not UTF-8,
 * err->offset is the byte. */
hse_status text_to_ascii(const char *text, size_t size, hse_buf *out, hse_error *err);

/* 0-9 of a decimal digit of any script, -1 for anything else. */
int text_digit_value(uint32_t c);

/* White space of Unicode, and the separators 0x1C-0x1F. */
bool text_is_space(uint32_t c);

/* A letter or digit of any script, or "_" (Python's \w). */
bool text_is_word(uint32_t c);

/* The text without white space at both ends; *size becomes its length. */
const char *text_strip(const char *text, size_t *size);

#endif
