/* fold.h - one spelling for characters that mean the same, before any rule looks at a text. */
#ifndef HSE_TEXT_FOLD_H
#define HSE_TEXT_FOLD_H

#include "base/buf.h"

/* True when the text has something to fold; then the folded text was appended to `out` (whose status the caller asks).
 * Full-width and styled letters and digits, ligatures, fractions become plain ones; special spaces a space; minus,
 * hyphens and the dash between numbers '-'; marks join their letter (at most 8, the rest is dropped); what is invisible
 * is dropped, control characters become spaces. Quotes, dashes between words and letters of every script stay as they
 * are; with `wide` so does full-width punctuation that is not between digits. The text is valid UTF-8. */
bool text_fold(const char *text, size_t size, bool wide, hse_buf *out);

#endif
