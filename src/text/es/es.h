/* es.h - Spanish: numbers in words, and what the files of this folder share. */
#ifndef HSE_TEXT_ES_ES_H
#define HSE_TEXT_ES_ES_H

#include "text/common/common.h"

enum { ES_MAX_DIGITS = 36 };

/* `use` is one of USE_*, or ES_FULL: "uno" everywhere, also before thousands and millions. False, and nothing written, for
 * more than ES_MAX_DIGITS digits. Leading zeros drop. */
enum { ES_FULL = 3 };
bool es_cardinal(hse_buf *out, const char *digits, size_t n, unsigned use);

/* primero, primera, primer; up to 10^9. */
typedef enum { ES_PRIMERO, ES_PRIMERA, ES_PRIMER } es_ordinal_form;
bool es_ordinal(hse_buf *out, unsigned value, es_ordinal_form form);

extern const char *const es_months[12];

/* ---- dates.c, times.c ---- */

const char *es_month(const text_scan *s, size_t i, size_t *len); /* named at i; short forms with their dot; NULL: none */
bool es_say_date(text_scan *s, const text_date *d);
void es_say_clock(text_scan *s, const text_clock *c);

size_t es_rule_day_first(text_scan *s);
size_t es_rule_day_month(text_scan *s);
size_t es_rule_month_first(text_scan *s);
size_t es_rule_weekday(text_scan *s);
size_t es_rule_era(text_scan *s);
size_t es_rule_time(text_scan *s);
bool es_is_cue(const char *word, size_t n); /* a word that starts one of the rules of dates */

#endif
