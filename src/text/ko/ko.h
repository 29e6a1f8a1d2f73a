/* ko.h - Korean: the pronunciation of one group of letters, by the rules of standard pronunciation (phonology.c), with the words
 * of ko.pack: irregular ones, English ones in Hangul, and an analyser's parts of speech.
 *
 * Answers live in the arena. Time is linear in the text. Threads: read-only once read. */
#ifndef HSE_TEXT_KO_KO_H
#define HSE_TEXT_KO_KO_H

#include "text/dictionary.h"
#include "text/mecab.h"

typedef struct {
    text_mecab mecab;
    text_map   english;                     /* a word in small letters -> Hangul */
    hse_bytes  idioms, counted;             /* pairs of strings; nouns that native numerals count */
} text_ko;

/* The pack outlives it. HSE_E_FORMAT: a section is missing or damaged. */
hse_status text_ko_read(text_ko *out, const text_pack *pack, hse_error *err);

/* One answer: conjoining jamo (U+1100..), and what is no Hangul as it is. HSE_E_LIMIT: over 64 KiB. */
hse_status text_ko_pronounce(const text_ko *ko, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

/* ---- shared by the files of this folder ---- */

/* What the rules want to know of a word's last character, kept beside its code point: an ending's rieul, a stem's nasal or
 * cluster, a counting noun. */
typedef enum { KO_NO_MARK, KO_ENDING, KO_STEM, KO_COUNTER } ko_mark;

static inline uint32_t ko_code(uint32_t c)
{
    return c & 0x1FFFFF;
}

static inline ko_mark ko_mark_of(uint32_t c)
{
    return (ko_mark)(c >> 24);
}

static inline uint32_t ko_marked(uint32_t c, ko_mark mark)
{
    return ko_code(c) | (uint32_t)mark << 24;
}

/* A text as code points with marks. The first failure is kept; what follows does nothing. */
typedef struct {
    uint32_t  *c;
    size_t     n, room;
    hse_arena *arena;
    bool       no_memory, full;
} ko_text;

void ko_put(ko_text *t, uint32_t c);
void ko_put_utf8(ko_text *t, const char *s, size_t size);
/* Replaces every occurrence, from left to right. */
void ko_replace(ko_text *t, const char *from, size_t from_size, const char *to, size_t to_size);

/* Digits in words, before marked nouns that count as numbers. HSE_E_ARG: over 16 digits before such a noun. */
hse_status ko_say_numbers(ko_text *t, hse_bytes counted, hse_error *err);

/* Syllables become conjoining jamo, spoken as their neighbours demand. */
void ko_say_sounds(ko_text *t);

#endif
