#ifndef HSE_TEXT_OPENVOICE_INTERNAL_H
#define HSE_TEXT_OPENVOICE_INTERNAL_H

#include "base/buf.h"
#include "base/utf8.h"
#include "text/openvoice/openvoice.h"

#include <string.h>

enum { OPENVOICE_TEXT_BYTES = 16 << 20 };

hse_status openvoice_no_memory(hse_error *err);

/* phones.c: a user's phones (IPA) as symbols; out NULL: can they be said? */
hse_status openvoice_phones(openvoice_language language, const char *ipa, size_t size, hse_buf *out, hse_error *err);

hse_status openvoice_english(openvoice_piece *out, const openvoice_front *front, const char *text, hse_arena *arena,
                             const char **phonetic, hse_error *err);
hse_status openvoice_chinese(openvoice_piece *out, const openvoice_front *front, const char *text, hse_arena *arena,
                             const char **phonetic, hse_error *err);

#endif
