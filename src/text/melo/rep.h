/* rep.h - cmudict.rep, the table of English pronunciations that MeloTTS brings: a word, two spaces, its phones in syllables.
 *
 * The lines are found where they lie: the file's bytes outlive the table. 48 lines of comment come first; of equal words the
 * last counts; a line without two spaces is none.
 *
 * Ownership  melo_rep_close.
 * Threads    read-only once open. */
#ifndef HSE_TEXT_MELO_REP_H
#define HSE_TEXT_MELO_REP_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>

typedef struct melo_rep melo_rep;

/* HSE_E_FORMAT: there is no line with a word in it; HSE_E_LIMIT: over 2^22 lines. */
hse_status melo_rep_open(melo_rep **out, hse_bytes file, const char *name, hse_error *err);
void       melo_rep_close(melo_rep **rep);

/* "AE1 K - M IY0"; {NULL, 0} where the word is not there. Words are in capitals. */
hse_bytes melo_rep_find(const melo_rep *rep, const char *word, size_t size);

#endif
