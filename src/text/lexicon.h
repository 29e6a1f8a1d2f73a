/* lexicon.h - the product's answers to front ends: language packs, opened when they are first asked, and what is computed from
 * them.
 *
 * Ownership  text_lexicon_close, after the last question.
 * Threads    any number at once. */
#ifndef HSE_TEXT_LEXICON_H
#define HSE_TEXT_LEXICON_H

#include "text/dictionary.h"

typedef struct text_lexicon text_lexicon;

/* Packs are looked for as text/pack.h says: in `first` (NULL: HSE_LANGUAGES), then, unless `only`, where they are made and
 * installed. None is opened yet. HSE_E_NOT_FOUND: `first` is no folder. */
hse_status text_lexicon_open(text_lexicon **out, const char *first, bool only, hse_error *err);
void       text_lexicon_close(text_lexicon **lexicon);

/* Before the first question: what the originals' libraries remember from one question to the next is remembered
 * (text_gruut_keep_links). For golden runs, in one thread. */
void       text_lexicon_as_original(text_lexicon *lexicon);

/* Opens the packs that a language ("en", "zh_mix_en", "JP", ...: text_language_code) is answered from, so that what is missing
 * is said before the first text. HSE_E_NOT_FOUND names the pack, where it was looked for, and the command that makes it;
 * HSE_E_UNSUPPORTED: there are no packs of such a language. */
hse_status text_lexicon_need(text_lexicon *lexicon, const char *language, hse_error *err);

/* Answers; of a pack that is missing the same HSE_E_NOT_FOUND. */
text_dictionary text_lexicon_dictionary(text_lexicon *lexicon);

#endif
