/* gruut.h - Spanish and French words to IPA, as gruut says them with its espeak lexicons: es.pack, fr.pack.
 *
 * A word is looked up as it is, in small letters, and without what is no letter or digit; a word that is in no lexicon goes
 * through a conditional random field over its letters. Numbers and amounts are spoken; in French their words are joined by liaison.
 *
 * Threads: read-only once open. */
#ifndef HSE_TEXT_GRUUT_GRUUT_H
#define HSE_TEXT_GRUUT_GRUUT_H

#include "text/dictionary.h"
#include "text/pack.h"

typedef struct text_gruut text_gruut;

typedef enum { GRUUT_ES, GRUUT_FR } gruut_language;

/* The pack outlives it. HSE_E_FORMAT: a section is missing or does not fit the others. */
hse_status text_gruut_open(text_gruut **out, const text_pack *pack, gruut_language language, hse_error *err);
void       text_gruut_close(text_gruut **gruut);

/* As the original, whose words share their phones as long as it runs: a French number's word that is linked once ("vingt et un") stays so
 * ("vingt-deux" with its t). What is said then depends on what was said before: for golden runs, in one thread. */
hse_status text_gruut_keep_links(text_gruut *gruut, hse_error *err);

/* One answer: the IPA of the text's words with spaces between them, its punctuation where it was. The answer lives in the arena.
 * Bounded: memory and time are linear in the text. */
hse_status text_gruut_say(const text_gruut *gruut, const char *text, size_t size, hse_arena *arena, text_answer *out,
                          hse_error *err);

#endif
