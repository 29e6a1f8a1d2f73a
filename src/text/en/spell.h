/* spell.h - initials and single letters by the names of their letters, for models that see no capitals. */
#ifndef HSE_TEXT_EN_SPELL_H
#define HSE_TEXT_EN_SPELL_H

#include "base/buf.h"

/* Append the text with "TV" as "tee vee", "x" as "ex". Words in capitals that can be read as words stay (NASA), and so
 * does a text that is all in capitals. Valid UTF-8 in, at most 12 bytes out for one in. */
void en_spell(const char *text, size_t size, hse_buf *out);

/* "ay", "bee", ...; NULL for what is no ASCII letter. */
const char *en_letter_name(char c);

#endif
