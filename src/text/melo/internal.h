/* internal.h - what the languages' files share: growing lists in an arena, the row that describes a language. */
#ifndef HSE_TEXT_MELO_INTERNAL_H
#define HSE_TEXT_MELO_INTERNAL_H

#include "base/buf.h"
#include "base/utf8.h"
#include "text/ascii.h"
#include "text/melo/melo.h"
#include "text/melo/tables.h"

#include <stdio.h>
#include <string.h>

enum { MELO_TEXT_BYTES = 16 << 20, MELO_ARENA = 256 << 20, MELO_KEPT_PHONES = 256 };

/* Phones with tones, and how many each token (or character) has. no_memory once anything did not fit. */
typedef struct {
    hse_arena   *arena;
    const char **phone;
    int32_t     *tone, *word2ph;
    size_t       phones, phone_room, words, word_room;
    const char  *kept[MELO_KEPT_PHONES];    /* copies that are there */
    bool         no_memory;
} melo_phones;

void melo_phone_add(melo_phones *p, const char *phone, size_t size, int tone);  /* copied */
void melo_word_add(melo_phones *p, int phones);
/* Phones [from, to) were said for `tokens` tokens: shared out one by one, each to the token with the fewest, the first of
 * equals. Adds the counts. */
void melo_share(melo_phones *p, size_t phones, size_t tokens);

/* A group of BERT tokens that make up one word: those that begin with '#' continue the group before. */
typedef struct {
    const char *word;                       /* joined, without '#' */
    size_t      size, tokens;
    bool        unknown;                    /* "[UNK]" */
} melo_group;

/* HSE_E_ARG when the first token begins with '#': upstream raises. */
hse_status melo_groups(melo_group **out, size_t *count, const text_wordpiece *w, const int32_t *token, size_t tokens,
                       hse_arena *arena, hse_error *err);

/* One language. normalise: piece -> *norm in the arena. say: norm -> phones; the "_" at both ends are melo.c's. */
typedef struct {
    const char *name;
    int         language_id, tone_start;
    bool        ends;                       /* "_" at both ends */
    hse_status (*split)(const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count, hse_error *err);
    hse_status (*normalise)(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
    hse_status (*tokenise)(const melo_front *front, const char *norm, hse_arena *arena, int32_t **token, size_t *count,
                           hse_error *err);
    hse_status (*say)(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                      melo_phones *phones, hse_error *err);
} melo_rules;

hse_status melo_split_long(const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count, hse_error *err);
hse_status melo_split_short(const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count, hse_error *err);
/* Word pieces of the whole text. */
hse_status melo_tokenise(const melo_front *front, const char *norm, hse_arena *arena, int32_t **token, size_t *count,
                         hse_error *err);

hse_status melo_en_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
/* Also for the English runs of mixed text: tokenises by itself when token is NULL. */
hse_status melo_en_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err);

hse_status melo_zh_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
hse_status melo_zh_mix_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm,
                                 hse_error *err);
hse_status melo_zh_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err);
hse_status melo_zh_mix_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                           melo_phones *phones, hse_error *err);
hse_status melo_es_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
hse_status melo_es_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err);
hse_status melo_fr_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
hse_status melo_fr_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err);
hse_status melo_jp_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
hse_status melo_jp_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err);
hse_status melo_kr_normalise(const melo_front *front, const char *piece, hse_arena *arena, const char **norm, hse_error *err);
hse_status melo_kr_say(const melo_front *front, const char *norm, const int32_t *token, size_t tokens, hse_arena *arena,
                       melo_phones *phones, hse_error *err);
hse_status melo_jp_tokenise(const melo_front *front, const char *norm, hse_arena *arena, int32_t **token, size_t *count,
                            hse_error *err);

/* phones.c: a user's phones (IPA); p NULL: can they be said? */
hse_status melo_say_phones(melo_language language, const char *ipa, size_t size, melo_phones *p, hse_error *err);

static inline hse_status melo_no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a text's symbols");
}
/* Append the text in lower case, character by character. */
void melo_lower(hse_buf *out, const char *text, size_t size);

#endif
