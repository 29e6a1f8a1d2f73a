/* marks.h - a text in which some words have their phones behind them: "anchor word separator phones terminator", with the three
 * characters that Unicode has for annotations (U+FFF9, U+FFFA, U+FFFB).
 *
 * So what is to be said travels with the text through sentences, the normaliser and the queues to the model's front end, which alone
 * knows how to say it. Phones are IPA as text_phones_read gives it, "/" between words. A text from outside has no such character:
 * whoever lets it in takes them out (markup.h).
 *
 * Threads    nothing is shared. */
#ifndef HSE_TEXT_MARKS_H
#define HSE_TEXT_MARKS_H

#include "base/buf.h"

#include <stdbool.h>

typedef struct {
    const char *words;
    size_t      size;
    const char *phones;                     /* NULL: plain words */
    size_t      phones_size;
} text_part;

enum { TEXT_MARK_WORDS = 256, TEXT_MARK_BYTES = 1024 };            /* bytes of its words; of the whole mark */

/* Bytes of the mark that begins at `text`; 0: none does. */
size_t text_mark_size(const char *text, size_t size);
/* The part at *at, which moves behind it; false at the end. What is no whole mark is plain. */
bool text_marks_next(const char *text, size_t size, size_t *at, text_part *out);
bool text_has_marks(const char *text, size_t size);
/* size is at most TEXT_MARK_WORDS, phones_size at most TEXT_PHONES_MAX. */
void text_mark_put(hse_buf *out, const char *words, size_t size, const char *phones, size_t phones_size);
/* Does one of the three characters stand here (3 bytes)? */
bool text_mark_char(const char *text, size_t size);

/* Appends what becomes of plain words. */
typedef hse_status text_plain_fn(void *user, const char *words, size_t size, hse_buf *out, hse_error *err);
/* Append the text with every plain part changed by `plain`, and its marks as they are. */
hse_status text_marks_map(const char *text, size_t size, text_plain_fn *plain, void *user, hse_buf *out, hse_error *err);

#endif
