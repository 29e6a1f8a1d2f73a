/* internal.h - what the files of Chinese share. */
#ifndef HSE_TEXT_ZH_INTERNAL_H
#define HSE_TEXT_ZH_INTERNAL_H

#include "text/zh/zh.h"

enum { ZH_RUN = 4096, ZH_STRETCH = 3072, ZH_STATES = 256 };     /* characters; bytes; at most */

/* One state after another that can be: some five thousand of the pairs. */
typedef struct {
    double  log_p;
    uint8_t before;
} zh_pair;

struct text_zh {
    text_map  words, cut_emit, tag_emit, tag_chars, reading, phrase, syllable;
    hse_bytes cut, tag_names, tag_start, tag_trans;
    zh_pair  *pair;                         /* those that end in state y: pair_from[y] to pair_from[y + 1], in order */
    uint32_t  pair_from[ZH_STATES + 1];
    double    log_total;
    size_t    states;
    const char **name;                      /* of each state: "Bn": B, E, M or S and the part of speech */
    bool     *leads;                        /* some state can follow it */
};

/* A text as characters. */
typedef struct {
    const char *text;
    uint32_t   *at, *code;                  /* at[n] = the end */
    size_t      n;
} zh_chars;

hse_status zh_chars_cut(zh_chars *c, const char *text, size_t size, hse_arena *arena, hse_error *err);
bool       zh_is_han(uint32_t c);           /* U+4E00..U+9FD5 */
double     zh_number(hse_bytes b, size_t index);            /* a double of a list; -inf outside it */

#endif
