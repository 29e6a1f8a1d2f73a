/* abbreviations.h - the abbreviations of the cleaners that Harmony Speech, MeloTTS and OpenVoice have in common (the product's
 * normaliser has rules of its own, words.c). */
#ifndef HSE_TEXT_EN_ABBREVIATIONS_H
#define HSE_TEXT_EN_ABBREVIATIONS_H

#include "base/buf.h"

enum { EN_TITLES = 18, EN_ABBREVIATIONS = 28 };             /* the first 18: titles, streets, companies; then "mk" and months */

/* The first `count` of them, a word in small letters before a dot: the dot goes, too. One after the other over the whole text, so
 * a later one sees what an earlier one wrote ("mr.st." is "misterst."). The text is replaced; `work` is empty, before
 * and after. The first failure stays in `text`. */
void en_expand_abbreviations(hse_buf *text, hse_buf *work, size_t count);

#endif
