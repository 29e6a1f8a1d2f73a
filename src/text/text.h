/* text.h - from a request's text to pieces that a voice can speak. What the engine and `hse text` call.
 *
 * Modes  on         the product's default: sentences, each normalised for the language
 *        reference  what the original does: one piece, nothing changed before the model's front end
 *        off        sentences, nothing changed: for a caller that has normalised the text itself
 * Errors HSE_E_FORMAT: the text is not UTF-8, err->offset is the byte; HSE_E_ARG: an unknown language or mode, by name.
 * Threads nothing is shared; a reader belongs to one thread. */
#ifndef HSE_TEXT_TEXT_H
#define HSE_TEXT_TEXT_H

#include "base/buf.h"
#include "text/language.h"
#include "text/sentences.h"

typedef enum { TEXT_MODE_ON, TEXT_MODE_REFERENCE, TEXT_MODE_OFF } text_mode;

/* "on", "reference", "off"; NULL or "" is on. */
hse_status text_mode_parse(const char *name, text_mode *out, hse_error *err);
const char *text_mode_name(text_mode mode);

/* Append the spoken form of a whole text: `hse text --stage normal`. With mode reference or off: the text itself. */
hse_status text_prepare(const char *language, text_mode mode, const char *text, size_t size, hse_buf *out,
                        hse_error *err);

/* The HS1 symbol ids of a piece: `hse text --stage ids`, and what the synthesizer takes. In mode on initials are first
 * spelled by the names of their letters ("TV" -> "tee vee"), since HS1 sees no capitals. See hs1_text_ids. */
hse_status text_hs1_ids(const char *language, text_mode mode, const char *piece, size_t size, hse_buf *ids,
                        hse_error *err);

typedef struct {
    const char *words; /* the normalised piece; valid until the next call */
    size_t size;
    text_span source; /* the sentence of the text that it belongs to */
    text_pause pause; /* behind this piece */
} text_piece;

typedef struct {
    const text_language *language;
    text_mode mode;
    text_sentences source, inner; /* sentences of the text; pieces of a normalised sentence */
    text_span span;
    hse_buf words;
    size_t limit;
    bool first;
} text_reader;

/* The text is borrowed until the reader is closed. limit: characters a piece may have, 0 for the default. On failure
 * nothing needs to be closed. */
hse_status text_reader_open(text_reader *r, const char *language, text_mode mode, const char *text, size_t size,
                            size_t limit, hse_error *err);
/* *more is false at the end. Pieces in which nothing could be spoken are passed over; a text without any gives none. */
hse_status text_reader_next(text_reader *r, text_piece *out, bool *more, hse_error *err);
void text_reader_close(text_reader *r); /* takes a zeroed one */

#endif
