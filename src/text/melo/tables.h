/* tables.h - see tables.c. */
#ifndef HSE_TEXT_MELO_TABLES_H
#define HSE_TEXT_MELO_TABLES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *from, *to;                  /* several symbols are separated by spaces */
} melo_pair;

/* A word that begins at a word's beginning: '.' stands for any character, "\\." for a dot. */
typedef struct {
    const char *word;
    bool        any_case;
    const char *to;
} melo_pattern;

extern const char *const melo_symbols[];
extern const size_t melo_symbols_count;
extern const char *const melo_punctuation[];
extern const size_t melo_punctuation_count;
extern const char *const melo_arpabet[];
extern const size_t melo_arpabet_count;
extern const char *const melo_zh_neutral[];
extern const size_t melo_zh_neutral_count;
extern const char *const melo_zh_not_neutral[];
extern const size_t melo_zh_not_neutral_count;
extern const melo_pair melo_en_replacements[];
extern const size_t melo_en_replacements_count;
extern const melo_pair melo_zh_punctuation[];
extern const size_t melo_zh_punctuation_count;
extern const melo_pair melo_zh_mix_punctuation[];
extern const size_t melo_zh_mix_punctuation_count;
extern const melo_pair melo_zh_pinyin[];
extern const size_t melo_zh_pinyin_count;
extern const melo_pair melo_kana_1[];
extern const size_t melo_kana_1_count;
extern const melo_pair melo_kana_2[];
extern const size_t melo_kana_2_count;
extern const melo_pair melo_kana_punctuation[];
extern const size_t melo_kana_punctuation_count;
extern const melo_pair melo_kr_etc[];
extern const size_t melo_kr_etc_count;
extern const melo_pair melo_kr_english[];
extern const size_t melo_kr_english_count;
extern const melo_pair melo_es_punctuation[];
extern const size_t melo_es_punctuation_count;
extern const melo_pair melo_fr_punctuation[];
extern const size_t melo_fr_punctuation_count;
extern const melo_pattern melo_fr_abbreviations[];
extern const size_t melo_fr_abbreviations_count;

/* In a sorted list? */
bool        melo_in(const char *const *list, size_t count, const char *word);
/* NULL: not there. */
const char *melo_map(const melo_pair *list, size_t count, const char *from);

#endif
