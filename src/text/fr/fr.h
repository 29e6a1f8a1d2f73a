/* fr.h - French: numbers in words, and what the files of this folder share. */
#ifndef HSE_TEXT_FR_FR_H
#define HSE_TEXT_FR_FR_H

#include "text/common/common.h"

enum { FR_MAX_DIGITS = 36 };

/* "vingt et un", with `feminine` "vingt et une". False, and nothing written, for more than FR_MAX_DIGITS digits. */
bool fr_cardinal(hse_buf *out, const char *digits, size_t n, bool feminine);
/* "premier", "vingt et unième" */
bool fr_ordinal(hse_buf *out, const char *digits, size_t n, bool feminine);

extern const char *const fr_months[12];

/* ---- dates.c ---- */

bool fr_say_date(text_scan *s, const text_date *d);
void fr_say_clock(text_scan *s, const text_clock *c);

size_t fr_rule_day_first(text_scan *s);
size_t fr_rule_day_month(text_scan *s);
size_t fr_rule_weekday(text_scan *s);
size_t fr_rule_time(text_scan *s);
bool fr_is_cue(const char *word, size_t n);

#endif
