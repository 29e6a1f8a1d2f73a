/* language.h - what a language brings to the normaliser: tables and rules, no code path of its own.
 *
 * A language is one folder below text/ with one text_language, named in the list in language.c. The engine
 * (normalize.c) walks over the text and asks the rules, in order, wherever one could start. */
#ifndef HSE_TEXT_LANGUAGE_H
#define HSE_TEXT_LANGUAGE_H

#include "text/scan.h"

/* Where a rule may start. */
enum {
    START_DIGIT = 1,    /* a digit that does not follow a letter or digit */
    START_LETTER = 2,   /* a letter that does not follow a letter or digit */
    START_CURRENCY = 4, /* a currency sign */
    START_SYMBOL = 8,   /* any other sign, punctuation included */
    START_INNER = 16,   /* a digit behind a letter: no rule took the whole word */
};

typedef struct {
    const char *name;
    unsigned starts;
    /* Bytes taken at s->at, with their words said to s->out; 0 to decline (what was said is taken back). */
    size_t (*match)(text_scan *s);
} text_rule;

typedef struct text_words text_words;

/* What SSML's say-as calls a text. */
typedef enum {
    SAY_CHARACTERS, SAY_DIGITS, SAY_CARDINAL, SAY_ORDINAL, SAY_FRACTION, SAY_DATE, SAY_TIME, SAY_TELEPHONE, SAY_CURRENCY, SAY_UNIT,
} text_say_kind;

/* How a language writes what say-as names, so that its rules read it. */
typedef struct {
    const char *ordinal[2];         /* before and behind the digits */
    const char *first_ordinal, *first_day;          /* of the number one; NULL: as any other */
    const char *const *months;      /* twelve names in a date of day, month, year; NULL: numbers with a sign behind them, the year first */
    const char *year, *month, *day; /* these signs */
    const char *between;            /* parts of a date */
} text_written;

struct text_language {
    const char *code;
    const text_rule *rules;
    size_t n_rules;
    /* Could a rule start at this word although nothing near it is a digit or a sign? ("July", "Mr", "III") */
    bool (*cue)(const char *word, size_t n);
    bool unspaced;                  /* no spaces between words: a number may follow a letter, and words are not put apart */
    const text_words *words;        /* for the rules of common/; NULL when none of them is used */
    /* Append the words of a text whose kind the writer names; format ("dmy", "hms12") may be NULL. False: it is no such thing, or its look
     * is enough for the rules. NULL: letters and digits are said one by one, dates and ordinals as `written`, the rest by the rules. */
    bool (*say_as)(hse_buf *out, text_say_kind kind, const char *format, const char *text, size_t size);
    const text_written *written;
};

/* Each in its own folder. */
extern const text_language text_language_en, text_language_zh, text_language_es, text_language_fr, text_language_ja,
    text_language_ko;

/* By the project's code (en zh zh_mix_en es fr ja ko) or Harmony Speech Engine's (EN ZH ES FR JP KR SP); any case.
 * NULL when unknown. */
const text_language *text_language_find(const char *code);

/* The project's code of a name that is accepted anywhere; NULL when unknown. */
const char *text_language_code(const char *name);

#endif
