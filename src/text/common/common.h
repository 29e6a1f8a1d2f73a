/* common.h - what languages share in the normaliser: finding numbers, dates, times, amounts, units and addresses, and the
 * rules that read them. A language brings its words (text_words) and names these rules in its list; the order is its own.
 *
 * Finding is bounded and writes nothing. A rule gives the bytes it took, 0 to decline. */
#ifndef HSE_TEXT_COMMON_COMMON_H
#define HSE_TEXT_COMMON_COMMON_H

#include "text/language.h"

/* ---- what is found ---- */

/* [-]number[ scale]: -1.234,5 millones */
typedef struct {
    size_t len;
    bool negative;
    text_number number;
    size_t scale, n_scale; /* the word of the scale as written; n_scale 0 when there is none */
} text_quantity;

typedef struct {
    size_t len;
    unsigned hour, minute, second;
    bool has_second, leading_zero; /* 03:05 */
} text_clock;

/* Three numbers with one kind of separator: 2024-01-30 */
typedef struct {
    size_t len;
    size_t at[3], n[3]; /* digits in the text */
    unsigned value[3];
} text_date;

enum { UNIT_PREFIXES = 12 }; /* "", p n µ m c d h k M G T: in this order */

typedef enum {
    UNIT_METRE,
    UNIT_GRAM,
    UNIT_LITRE,
    UNIT_SECOND,
    UNIT_HERTZ,
    UNIT_BYTE,
    UNIT_BIT,
    UNIT_BIT_RATE,
    UNIT_WATT,
    UNIT_WATT_HOUR,
    UNIT_VOLT,
    UNIT_AMPERE,
    UNIT_AMPERE_HOUR,
    UNIT_PASCAL,
    UNIT_JOULE,
    UNIT_CALORIE,
    UNIT_NEWTON,
    UNIT_ELECTRONVOLT,
    UNIT_OHM,
    UNIT_FARAD,
    UNIT_MOLE,
    UNIT_BAR,
    UNIT_DECIBEL,
    UNIT_LUMEN,
    UNIT_LUX,
    UNIT_PIXEL,
    UNIT_PERCENT,
    UNIT_PER_MILLE,
    UNIT_CELSIUS,
    UNIT_FAHRENHEIT,
    UNIT_DEGREE,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_HECTARE,
    UNIT_TONNE,
    UNIT_FOOT,
    UNIT_INCH,
    UNIT_YARD,
    UNIT_MILE,
    UNIT_POUND,
    UNIT_OUNCE,
    UNIT_GALLON,
    UNIT_MILE_PER_HOUR,
    UNIT_REVOLUTION,
    UNIT_FRAME,
    UNIT_BEAT,
    UNIT_PART_PER_MILLION,
    UNIT_HORSEPOWER,
    UNITS
} text_unit_id;

typedef struct {
    size_t len;
    text_unit_id id;
    unsigned prefix; /* index: 0 none */
    unsigned power;  /* 1, 2, 3 */
} text_unit;

/* A date whose format somebody names ("dmy", "ym", ...), between / - . or spaces; 0: that part is not there. */
typedef struct {
    unsigned year, month, day;
    bool has_year, day_first;
} text_parts;

bool common_parts(const char *format, const char *text, size_t size, text_parts *out);

/* ---- what a language brings ---- */

/* How a number is used. */
enum {
    USE_ALONE,     /* uno                        */
    USE_MASCULINE, /* before a noun: un dólar    */
    USE_FEMININE,  /* una libra                  */
};

typedef struct {
    const char *one, *many; /* many NULL: as one */
    bool feminine;
} text_noun;

typedef struct {
    unsigned prefix;
    text_unit_id id;
    text_noun noun;
} text_unit_name; /* a unit with a name of its own: kilómetro, 公里 */

typedef struct {
    const char *written; /* "$"; a code or letters in small ones: "usd" */
    text_noun noun;
    const char *cent, *cents; /* NULL: no hundredth part is said apart */
} text_currency;

enum {
    SIGN_LEADS,   /* in front of a number, behind no word: -5, #5 */
    SIGN_BETWEEN, /* between numbers, letters and brackets: 3 + 5 */
    SIGN_ALONE,   /* wherever it stands */
};

typedef struct {
    const char *written, *say;
    int where;
} text_sign;

struct text_words {
    char group, point;
    bool space_groups;         /* 1 000 000; and the two marks may be found the other way round: 1,234.5 */
    const char *const *scales; /* as written, the longest first; ends with NULL */
    const char *digit[10];     /* codes and telephone numbers */
    const char *spoken_point;  /* version 2.0 */
    const char *minus;
    const char *range;         /* 3-5 */
    const char *const *spans;  /* nouns behind which a dash and a number are a range: 1日-3日; ends with NULL; NULL: none */
    const char *ratio;         /* 3:2 */
    const char *per;           /* km/h */
    const char *percent, *per_mille; /* said before their number; NULL: they are units */
    const char *per_hour;      /* 毎時; NULL: `per` and the unit */
    const char *of;            /* dos millones de euros; NULL: nothing */
    const char *of_vowel;      /* d'euros; NULL: as `of` */
    bool plural_from_two;      /* 1,5 litre */
    const char *power[2][2];   /* square, cubic: for one, for many */
    bool power_first;          /* square metre, not metro cuadrado */
    const char *const *prefixes;      /* UNIT_PREFIXES of them */
    const text_noun *units;           /* UNITS of them; without a word: not a unit here */
    const text_unit_name *unit_names; /* ends with a noun without words; NULL: none */
    const text_currency *currencies;
    size_t n_currencies;
    const text_sign *signs;
    size_t n_signs;
    const text_sign *address_signs; /* of e-mail and web addresses; one character each */
    size_t n_address_signs;
    const char *clock_separators; /* ":" or ":." */
    const char *phone_groups;     /* lengths of a telephone number's groups with spaces: "333"; NULL: none of its own */
    bool mobile_11;               /* eleven digits from 13 on are a telephone number (China) */
    bool phone_pairs;             /* groups of two digits of a telephone number are said as numbers */

    /* The whole number with its fraction; no sign. */
    void (*number)(text_scan *s, const text_number *n, unsigned use);
    /* How a number is used in front of the word at i; NULL: always alone. */
    unsigned (*use)(const text_scan *s, size_t i);
    /* n/d, digits without leading zeros, d > 0. NULL digits of `whole`: none. */
    void (*fraction)(text_scan *s, const text_number *whole, const text_number *n, const text_number *d);
    void (*clock)(text_scan *s, const text_clock *c);
    /* False: no date in this language (its parts are out of range). */
    bool (*date)(text_scan *s, const text_date *d);
};

/* ---- saying ---- */

void common_say(text_scan *s, const char *words); /* with a space before it, where the language has spaces */
void common_say_n(text_scan *s, const char *words, size_t n);
void common_say_digits(text_scan *s, const char *digits, size_t n); /* one by one; what is no digit is skipped */
/* Behind a decimal comma: behind a zero one by one; else up to three as one number, more of them, or with a zero at the end, in pairs. */
void common_say_decimals(text_scan *s, const text_number *n, unsigned use);
void common_say_value(text_scan *s, unsigned value, unsigned use);  /* by `number` */
void common_say_quantity(text_scan *s, const text_quantity *q, unsigned use);
/* The unit behind one space or none at i, with what it is divided by, as of the quantity: bytes; 0 when there is none. */
size_t common_say_unit(text_scan *s, size_t i, const text_quantity *q);
/* The noun of a quantity in its number. */
void common_say_noun(text_scan *s, const text_quantity *q, const text_noun *noun);

/* ---- finding ---- */

bool common_number(const text_scan *s, size_t i, text_number *out);
bool common_quantity(const text_scan *s, size_t i, text_quantity *out);
bool common_clock(const text_scan *s, size_t i, const char *separators, text_clock *out);
bool common_date(const text_scan *s, size_t i, const char *separators, text_date *out);
/* Two numbers that can be a day and a month, "17.06" or "5/10", at s->at: bytes; 0 when they are not. */
size_t common_day_month(const text_scan *s, unsigned *day, unsigned *month);
bool common_unit(const text_scan *s, size_t i, text_unit *out);
const text_currency *common_currency(const text_scan *s, size_t i, size_t *len);
unsigned common_value(const text_number *n); /* of the whole part; of its first nine digits */
bool common_is_one(const text_number *n);
bool common_is_zero(const text_number *n); /* its whole part */
/* Nothing numeric, no letter of the number's own word goes on at i. */
bool common_ends(const text_scan *s, size_t i);
bool common_minus_stands(const text_scan *s, size_t i);
/* The word that ends at `end`, letters with accents included: its start. */
size_t common_word_before(const text_scan *s, size_t end);
/* The n bytes at i are a word of the list, which ends with NULL; case aside. */
bool common_word_is(const text_scan *s, size_t i, size_t n, const char *const *list);
/* "5°" is meant as an ordinal where a text begins or one of these articles stands before it. */
bool common_degree_is_ordinal(const text_scan *s, const char *const *articles);
/* A capital letter of Latin-1 at i. */
bool common_capital(const text_scan *s, size_t i);
/* i behind one space, if there is one. */
size_t common_skip_space(const text_scan *s, size_t i);
/* An e-mail or web address, a file or @name at s->at: bytes. */
size_t common_address(const text_scan *s);

enum { PHONE_GROUPS = 8 };

typedef struct {
    size_t at[PHONE_GROUPS], n[PHONE_GROUPS];
    int count;
    bool plus, area; /* +1, (123) */
    char sep;        /* the separator they share; '*' when they differ, 0 when there is none */
    size_t end;
} text_phone;

/* Groups of digits with single separators, an area code in brackets, a country code with a plus; the first max_groups. */
bool common_phone(const text_scan *s, size_t i, int max_groups, text_phone *out);
bool common_phone_shape(const text_phone *p, const char *lengths); /* "334": the groups have these lengths */

/* The value of a Roman numeral in its one right spelling, of any case; 0 for anything else. */
unsigned common_roman(const char *s, size_t n);
/* Letters of Roman numerals only, all of one case. */
bool common_is_roman(const char *word, size_t n);

/* ---- rules ---- */

size_t common_rule_address(text_scan *s);
size_t common_rule_phone(text_scan *s);
size_t common_rule_date(text_scan *s);
size_t common_rule_clock(text_scan *s);
/* A dash at i with a time behind it, said as the range's word: bytes. The time is the next rule's. */
size_t common_clock_dash(text_scan *s, size_t i);
size_t common_rule_money(text_scan *s);        /* $5 */
size_t common_rule_money_behind(text_scan *s); /* 5 $ */
size_t common_rule_currency(text_scan *s);     /* a sign alone */
size_t common_rule_measure(text_scan *s);
size_t common_rule_dimension(text_scan *s); /* 3 x 4 m */
size_t common_rule_range(text_scan *s);
size_t common_rule_span(text_scan *s); /* the dash of 1日-3日 */
size_t common_rule_fraction(text_scan *s);
size_t common_rule_ratio(text_scan *s);
size_t common_rule_version(text_scan *s);
size_t common_rule_sign(text_scan *s);
size_t common_rule_number(text_scan *s);
size_t common_rule_code(text_scan *s); /* the last: digits of any length, one by one */

/* A word of letters that is a currency's code. */
bool common_is_code(const text_words *w, const char *word, size_t n);

/* ---- numerals of Chinese, Japanese, Korean (asian.c) ---- */

typedef struct {
    const char *digit[10];
    const char *small[4];        /* "", ten, hundred, thousand */
    const char *const *large;    /* of each four digits: "", 10^4, 10^8 .. */
    size_t n_large;
    const char *two;             /* said for two thousand, two myriads; NULL: as digit[2] */
    bool zeros;                  /* zeros between digits are said, and ones before tens (Chinese) */
    bool one_thousand;           /* a one before thousand is said in front of a large unit (Japanese) */
    bool silent_myriad;          /* no one before a leading 10^4 (Korean) */
    const char *point;
} asian_numerals;

/* False, and nothing written, when there are no words for so many digits. Leading zeros drop. */
bool asian_cardinal(hse_buf *out, const char *digits, size_t n, const asian_numerals *a);
void asian_number(text_scan *s, const text_number *n, const asian_numerals *a); /* with its fraction; too long: digits */
void asian_digits(hse_buf *out, const text_scan *s, size_t i, size_t n, const asian_numerals *a);

#endif
