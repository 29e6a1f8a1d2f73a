/* markup.h - a request's text as one neutral thing, whoever wrote it how: spans that are spoken alike, words with their phones in them
 * (text/marks.h), pauses.
 *
 * Three ways in: plain text, in which [[word /fəʊnz/]] says how a word is said; SSML (the elements of ssml.c, the rest refused by name
 * with line and column); and plain text in which nothing is meant. In all of them pronunciations (pronunciations.h) replace words.
 *
 * Ownership  text_markup_free; what the spans point to lives in it.
 * Errors     HSE_E_ARG, HSE_E_FORMAT, HSE_E_LIMIT: "line 3, column 14: what is wrong"; err->offset is the byte. Depth, size and pauses
 *            are bounded, time and memory linear in the text.
 * Threads    nothing is shared. */
#ifndef HSE_TEXT_MARKUP_MARKUP_H
#define HSE_TEXT_MARKUP_MARKUP_H

#include "base/arena.h"
#include "text/markup/pronunciations.h"

enum {
    MARKUP_MAX_TEXT = 4 << 20,              /* bytes, once words are replaced */
    MARKUP_MAX_DEPTH = 32,                  /* of elements */
    MARKUP_MAX_SPANS = 100000,
    MARKUP_MAX_PAUSE_MS = 60000,            /* one after another count as one */
    MARKUP_MAX_SILENCE_MS = 600000,         /* all together */
};

/* How a span is spoken. Factors and the gain multiply those of the request. */
typedef struct {
    float       rate, pitch, gain;          /* 1: as the request has it; gain: of amplitude, 0 is silence */
    const char *language, *voice;           /* NULL: the request's */
    unsigned    line, column;               /* of the innermost element that chose it; for messages */
} text_style;

typedef enum {
    SPAN_ENDS_OPEN,                         /* the sentence goes on in the next span: no pause */
    SPAN_ENDS_SENTENCE, SPAN_ENDS_PARAGRAPH,                    /* as a full stop, an empty line does */
    SPAN_ENDS_PAUSE,                        /* exactly pause_ms */
} text_span_end;

typedef struct {
    size_t        from, to;                 /* of text; may be empty in front of a pause */
    text_style    style;
    text_span_end end;
    unsigned      pause_ms;
} text_markup_span;

typedef struct {
    const char             *text;           /* valid UTF-8, with marks */
    size_t                  size;
    const text_markup_span *span;
    size_t                  count;
    bool                    marked;         /* there are phones in it */
    hse_arena               arena;
} text_markup;

/* "auto", "text", "ssml"; NULL or "" is auto. HSE_E_ARG */
hse_status text_input_parse(const char *name, hse_input_type *out, hse_error *err);

/* language: what pronunciations for one language are chosen by, and how say-as speaks; NULL: "en". The two pronunciations may be NULL;
 * the request's win over the server's where both have a word. HSE_E_FORMAT: no UTF-8, a NUL in it. */
hse_status text_markup_read(text_markup *out, hse_input_type input, const char *text, size_t size, const char *language,
                            const text_pronunciations *request, const text_pronunciations *server, hse_error *err);
/* The text as it is, without any of this. HSE_E_FORMAT: as above. */
hse_status text_markup_plain(text_markup *out, const char *text, size_t size, hse_error *err);
void       text_markup_free(text_markup *m);

#endif
