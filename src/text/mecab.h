/* mecab.h - words of a text by a dictionary in MeCab's form: the cheapest path through the lattice of all dictionary words
 * and of what stands for unknown ones (Kudo, Yamamoto, Matsumoto 2004), ties broken as MeCab breaks them.
 *
 * Sections of a pack: mecab.trie (a double array: i32 base, u32 check), mecab.words (u16 left, u16 right, i16 cost, u16 tag),
 * mecab.matrix (u16, u16 sizes, i16 costs), mecab.chars (u32 categories, u32 the one of spaces, u32 of each code point below
 * 0xFFFF: 18 bits kinds, 8 own kind, 4 length, 1 group, 1 invoke), mecab.unk.at (u32 first word << 8 | count, per category),
 * mecab.unk (as mecab.words).
 *
 * A text is cut into runs of at most 4096 bytes, so time and memory are bounded. Spaces are between words, in none. A
 * damaged dictionary gives wrong words or an error, never a crash. Threads: read-only once read. */
#ifndef HSE_TEXT_MECAB_H
#define HSE_TEXT_MECAB_H

#include "text/dictionary.h"
#include "text/pack.h"

typedef struct {
    hse_bytes trie, words, matrix, chars, unknown_at, unknown;
    uint32_t  lefts, categories, space;
} text_mecab;

/* The pack outlives it. HSE_E_FORMAT: a section is missing or damaged. */
hse_status text_mecab_read(text_mecab *out, const text_pack *pack, hse_error *err);
/* Items are the words as they stand in the text; tag: the word's letter, "" for none. */
hse_status text_mecab_cut(const text_mecab *m, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

#endif
