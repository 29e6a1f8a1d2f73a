/* zh.h - Chinese words, parts of speech, readings and numerals, from zh.pack.
 *
 * Words: the most probable path through all dictionary words, and a hidden Markov model for what is in no dictionary (jieba's
 * method and data). Readings: the longest phrase of the phrase table, else each character's first (pypinyin's data).
 *
 * All answers live in the arena. Time is linear in the text; characters that no dictionary word covers are cut into runs of at
 * most 4096 for the model. Threads: read-only once open. */
#ifndef HSE_TEXT_ZH_ZH_H
#define HSE_TEXT_ZH_ZH_H

#include "text/dictionary.h"
#include "text/pack.h"

typedef struct text_zh text_zh;

hse_status text_zh_open(text_zh **out, const text_pack *pack, hse_error *err);         /* the pack outlives it */
void       text_zh_close(text_zh **zh);

hse_status text_zh_words(const text_zh *zh, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);
/* With parts of speech. */
hse_status text_zh_tags(const text_zh *zh, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);
/* Each word, and before it the words of two and of three characters in it. */
hse_status text_zh_search(const text_zh *zh, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

typedef enum { ZH_INITIAL, ZH_FINAL, ZH_BOPOMOFO } text_zh_part;

/* One answer a syllable; a run of characters without readings is one answer, as it is. */
hse_status text_zh_readings(const text_zh *zh, text_zh_part part, const char *text, size_t size, hse_arena *arena,
                            text_answer *out, hse_error *err);

/* Where the stretch that begins at `from` ends, between characters: what front ends ask about at once, so that a text without any mark
 * costs memory for a stretch of it. */
size_t text_zh_stretch(const char *text, size_t size, size_t from);

/* "305" -> a numeral of ten thousands ("low": small characters), one fraction allowed. HSE_E_ARG over 16 digits. Needs no pack. */
hse_status text_zh_numeral(const char *digits, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

/* Appends the text, each number in it (digits, full width too, and one dot with digits behind it) as TEXT_CN2AN says it. */
hse_status text_zh_spell_numbers(const text_dictionary *dictionary, const char *text, size_t size, hse_arena *arena, hse_buf *out,
                                 hse_error *err);

#endif
