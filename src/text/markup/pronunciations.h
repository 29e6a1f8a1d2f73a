/* pronunciations.h - how a user wants words said: a word, or several, and what stands for it: other text, or phones.
 *
 * Two file formats. Lines:
 *
 *     # names of the house
 *     SQL = sequel                      replacement text, read as if it stood there
 *     GIF = /dʒɪf/                      IPA between slashes
 *     nginx = {EH1 N JH IH0 N EH0 K S}  CMU's ARPAbet in braces
 *     New York = /nuː jɔːk/             several words
 *     [fr]                              what follows is for French alone; [*] for all again
 *     chat = /ʃa/
 *
 * and W3C PLS 1.0: lexicon, lexeme, grapheme, phoneme (alphabet), alias; the first pronunciation counts; anything else is refused.
 *
 * Case       an entry without a capital letter fits any spelling of it ("nginx", "NGINX"), one with a capital that spelling alone.
 * Words      an entry fits whole words: "art" is not found in "artist"; a blank fits any white space. In scripts without
 *            blanks, and in Hangul, it fits anywhere. Where several fit the longest counts. Of two entries alike the later counts.
 * Bounds     1 MiB, 20,000 entries, 128 bytes a word, 512 of what stands for it, 64 entries with the same first word.
 * Errors     HSE_E_FORMAT, HSE_E_ARG, HSE_E_LIMIT: "line 3: ..." or "line 3, column 7: ...".
 * Threads    read-only once open. */
#ifndef HSE_TEXT_MARKUP_PRONUNCIATIONS_H
#define HSE_TEXT_MARKUP_PRONUNCIATIONS_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>

enum {
    PRONUNCIATIONS_MAX_FILE = 1 << 20, PRONUNCIATIONS_MAX_ENTRIES = 20000, PRONUNCIATIONS_MAX_WORD = 128,
    PRONUNCIATIONS_MAX_VALUE = 512, PRONUNCIATIONS_MAX_SAME = 64,
};

typedef struct text_pronunciations text_pronunciations;

typedef struct {
    const char *word, *value;               /* value: text, or phones as IPA */
    size_t      word_size, value_size;
    bool        phones;
    const char *language;                   /* a code ("fr"); NULL: all */
} text_pronunciation;

hse_status text_pronunciations_new(text_pronunciations **out, hse_error *err);
/* Add a file's entries, of either format. On failure the object has none of them or some; it can only be closed. */
hse_status text_pronunciations_add(text_pronunciations *p, hse_bytes file, hse_error *err);
/* After the last file, before the first question. */
hse_status text_pronunciations_finish(text_pronunciations *p, hse_error *err);
void       text_pronunciations_close(text_pronunciations **p);
size_t     text_pronunciations_count(const text_pronunciations *p);

/* The longest entry that fits at `at`, where a word begins; *end is behind it. NULL: none. */
const text_pronunciation *text_pronunciations_find(const text_pronunciations *p, const char *language, const char *text, size_t size,
                                                   size_t at, size_t *end);
/* Can a word begin at `at`? What comes before is looked at. */
bool text_word_begins(const char *text, size_t size, size_t at);

#endif
