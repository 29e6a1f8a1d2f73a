/* dictionary.h - what front ends ask third-party dictionaries and analysers: one question, a key, gives a list of strings.
 *
 * The product answers from language packs (text/lexicon.h); golden runs answer with what the original's libraries said. A
 * front end cannot tell the difference, so its rules are tested apart from the dictionaries. */
#ifndef HSE_TEXT_DICTIONARY_H
#define HSE_TEXT_DICTIONARY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>

typedef enum {
    TEXT_CMUDICT_REP,                       /* WORD -> phones with syllables ("AE1 K - M IY0"); item[0] is the line's value */
    TEXT_G2P_EN,                            /* a string -> ARPAbet phones and what else the library gives */
    TEXT_JIEBA_POSSEG,                      /* a text -> words (item) and their parts of speech (tag) */
    TEXT_JIEBA_SEARCH,                      /* a word -> the shorter words in it (cut_for_search) */
    TEXT_PINYIN_INITIALS,                   /* a word -> initials, one a syllable; INITIALS, strict */
    TEXT_PINYIN_FINALS,                     /* a word -> finals with tone; FINALS_TONE3, strict, neutral_tone_with_five */
    TEXT_CN2AN,                             /* digits -> a Chinese numeral */
    TEXT_GRUUT_ES, TEXT_GRUUT_FR,           /* a word -> its IPA string */
    TEXT_KAKASI,                            /* a text -> katakana */
    TEXT_NUM2WORDS_JA,                      /* digits -> a Japanese numeral */
    TEXT_MECAB_JA,                          /* a text -> words */
    TEXT_G2PK,                              /* a word -> its pronunciation in conjoining jamo */
    TEXT_IPA_EN,                            /* a word -> all its pronunciations in the CMU table, ARPAbet in lower case (OpenVoice) */
    TEXT_JIEBA,                             /* a text -> words (OpenVoice: default mode, no tags) */
    TEXT_BOPOMOFO,                          /* a text -> bopomofo, one a syllable; other runs as they are */
    TEXT_UNIDECODE,                         /* a text -> its ASCII form */
    TEXT_TABLES
} text_table;

typedef struct {
    const char *const *item, *const *tag;   /* tag: TEXT_JIEBA_POSSEG only; strings live in the arena or the dictionary */
    size_t             count;
    bool               found;               /* false: the dictionary does not know the key */
} text_answer;

/* An answer that grows. A failure is kept, and seen by text_list_give. */
typedef struct {
    hse_arena   *arena;
    const char **item, **tag;
    size_t       count, item_room, tag_room;
    bool         no_memory;
} text_list;

void       text_list_add(text_list *l, const char *text, size_t size, const char *tag);         /* copied; tag NULL: of all, or of none */
hse_status text_list_give(const text_list *l, const char *what, text_answer *out, hse_error *err);

/* The buffer's text as the one item; frees the buffer, also after a failure. */
hse_status text_answer_take(text_answer *out, hse_buf *b, hse_arena *arena, const char *what, hse_error *err);

typedef struct {
    /* HSE_E_NOT_FOUND: there is no such dictionary here; the text says which command makes it. */
    hse_status (*ask)(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out,
                      hse_error *err);
    void        *user;
} text_dictionary;

const char *text_table_name(text_table table);              /* "g2p_en", ...: as the parity kit calls it */

#endif
