/* ko.h - Korean: the pronunciation of one group of letters, from ko.pack, by the rules of standard pronunciation in the order
 * in which g2pkk applies them: irregular words, English words in Hangul, numerals, stems and endings by their part of speech,
 * finals before initials, linking.
 *
 * Answers live in the arena. Time is linear in the text. Threads: read-only once read. */
#ifndef HSE_TEXT_KO_KO_H
#define HSE_TEXT_KO_KO_H

#include "text/dictionary.h"
#include "text/mecab.h"

typedef struct {
    text_mecab mecab;
    text_map   english;                     /* a word in small letters -> Hangul */
    hse_bytes  idioms, table, counted;      /* pairs of strings; pairs of patterns; nouns that native numerals count */
} text_ko;

/* The pack outlives it. HSE_E_FORMAT: a section is missing or damaged. */
hse_status text_ko_read(text_ko *out, const text_pack *pack, hse_error *err);

/* One answer: conjoining jamo (U+1100..), and what is no Hangul as it is. HSE_E_LIMIT: over 64 KiB. */
hse_status text_ko_pronounce(const text_ko *ko, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

/* ---- shared by the files of this folder ---- */

/* A text as code points. The first failure is kept; what follows does nothing. */
typedef struct {
    uint32_t  *c;
    size_t     n, room;
    hse_arena *arena;
    bool       no_memory, full;
} ko_text;

void ko_put(ko_text *t, uint32_t c);
void ko_put_utf8(ko_text *t, const char *s, size_t size);

/* Replaces every match, from left to right. A pattern is a row of characters and captures: [..] one of these, [^..] none of
 * these (or the end), ? a space or nothing, ! no letter (or the end). In a replacement \1 and \2 are what was captured. */
void ko_replace(ko_text *t, const char *from, const char *to);
void ko_replace_plain(ko_text *t, const char *from, size_t from_size, const char *to, size_t to_size);

/* Digits in words. `t` holds marks: "/B" behind a noun that counts. HSE_E_ARG: over 16 digits before such a noun. */
hse_status ko_say_numbers(ko_text *t, hse_bytes counted, hse_error *err);

#endif
