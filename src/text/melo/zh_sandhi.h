/* zh_sandhi.h - how Mandarin tones change in company, as MeloTTS' copy of PaddleSpeech's rules has it. */
#ifndef HSE_TEXT_MELO_ZH_SANDHI_H
#define HSE_TEXT_MELO_ZH_SANDHI_H

#include "text/melo/internal.h"

/* A word that may grow by what follows it. */
typedef struct {
    const char *text, *tag;
    size_t      chars;
} zh_word;

/* Join words that are spoken as one: in place, *count shrinks. */
hse_status melo_zh_merge(const melo_front *front, zh_word *word, size_t *count, hse_arena *arena, hse_error *err);

/* The finals of a word, one a syllable with its tone behind it ("ao3"), changed as the word's neighbourhood of tones demands.
 * HSE_E_ARG where upstream raises: fewer syllables than characters. */
hse_status melo_zh_tones(const melo_front *front, const zh_word *word, const char **final, size_t count, hse_arena *arena,
                         hse_error *err);

#endif
