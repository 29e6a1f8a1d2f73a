/* ja.h - Japanese: readings of kanji from ja.pack, and numerals.
 *
 * All answers live in the arena. Time is linear in the text. Threads: read-only once read. */
#ifndef HSE_TEXT_JA_JA_H
#define HSE_TEXT_JA_JA_H

#include "text/dictionary.h"
#include "text/pack.h"

typedef struct {
    text_map words, variants;               /* kanji and what follows them -> katakana; old forms -> their new ones */
    uint32_t longest;                       /* word, in characters */
} text_ja;

/* The pack outlives it. HSE_E_FORMAT: a section is missing or damaged. */
hse_status text_ja_read(text_ja *out, const text_pack *pack, hse_error *err);

/* One answer: the text with the longest dictionary words and all hiragana as katakana; the rest as it is. */
hse_status text_ja_katakana(const text_ja *ja, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

/* "305", "1.5" -> kanji. HSE_E_ARG: no number, or 10^51 and more. Needs no pack. */
hse_status text_ja_numeral(const char *digits, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

#endif
