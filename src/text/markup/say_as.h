/* say_as.h - SSML's say-as: what kind of thing a text is, to words. */
#ifndef HSE_TEXT_MARKUP_SAY_AS_H
#define HSE_TEXT_MARKUP_SAY_AS_H

#include "base/buf.h"

/* Append the words. kind: interpret-as ("characters", "date", ...); format may be NULL. HSE_E_UNSUPPORTED: no such kind, or not in
 * this language; HSE_E_ARG: the text is no such thing. language is a code ("en"). */
hse_status text_say_as(hse_buf *out, const char *language, const char *kind, const char *format, const char *text, size_t size,
                       hse_error *err);

#endif
