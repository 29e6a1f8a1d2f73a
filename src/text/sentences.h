/* sentences.h - a text cut into sentences, and over-long sentences at clauses or between words.
 *
 * An iterator without memory of its own: it yields byte ranges of the text, in order, without the white space between
 * them, so a text of any length costs the same. Nothing but white space is left out. The text is valid UTF-8 and
 * outlives the iterator. Time is linear. */
#ifndef HSE_TEXT_SENTENCES_H
#define HSE_TEXT_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

/* What a voice does behind a piece. Commas and clauses inside a piece are the model's own affair. */
typedef enum {
    TEXT_PAUSE_NONE,   /* cut between two words because the sentence is too long */
    TEXT_PAUSE_COMMA,  /* cut behind a comma */
    TEXT_PAUSE_CLAUSE, /* cut behind ; : or a dash */
    TEXT_PAUSE_SENTENCE,
    TEXT_PAUSE_PARAGRAPH, /* an empty line follows */
} text_pause;

typedef struct {
    size_t start, end; /* bytes [start, end) */
    text_pause pause;
} text_span;

typedef struct {
    const char *text;
    size_t size, at;
    size_t limit; /* characters a piece may have; a longer one is a single word without a break */
} text_sentences;

enum { TEXT_SENTENCE_LIMIT = 400, TEXT_SENTENCE_LIMIT_MIN = 16 };

/* limit 0: TEXT_SENTENCE_LIMIT. */
void text_sentences_start(text_sentences *it, const char *text, size_t size, size_t limit);
bool text_sentences_next(text_sentences *it, text_span *out); /* false at the end */

/* "none", "comma", "clause", "sentence", "paragraph" */
const char *text_pause_name(text_pause pause);

#endif
