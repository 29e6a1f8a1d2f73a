/* lexicon.h - the product's answers to front ends: language packs, opened when they are first asked, and what is computed from
 * them.
 *
 * Ownership  text_lexicon_close, after the last question.
 * Threads    any number at once. */
#ifndef HSE_TEXT_LEXICON_H
#define HSE_TEXT_LEXICON_H

#include "text/dictionary.h"

typedef struct text_lexicon text_lexicon;

/* Packs (en.pack, zh.pack, ...) are looked for in these folders in turn; the strings are copied. */
hse_status text_lexicon_open(text_lexicon **out, const char *const *dirs, size_t count, hse_error *err);
void       text_lexicon_close(text_lexicon **lexicon);

/* HSE_E_NOT_FOUND names the pack, where it was looked for, and the command that makes it. */
text_dictionary text_lexicon_dictionary(text_lexicon *lexicon);

#endif
