/* respell.h - phones for Harmony Speech V1, which reads letters: an English spelling that it is likely to say so.
 *
 * "həˈloʊ" is "huh-loh". It is an approximation: stress is not marked (a hyphen stands where a stressed syllable begins), length and
 * diacritics are ignored, and only the sounds of English have a spelling; any other is an error that names it. */
#ifndef HSE_TEXT_HS1_RESPELL_H
#define HSE_TEXT_HS1_RESPELL_H

#include "base/buf.h"

/* HSE_E_UNSUPPORTED names the sound that has no spelling. */
hse_status hs1_respell(const char *ipa, size_t size, hse_buf *out, hse_error *err);

#endif
