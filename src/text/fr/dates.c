/* dates.c - French dates, weekdays and times. */
#include "text/fr/fr.h"

const char *const fr_months[12] = {"janvier", "février", "mars",      "avril",   "mai",      "juin",
                                     "juillet", "août",    "septembre", "octobre", "novembre", "décembre"};

static const struct {
    const char *written;
    unsigned month;
} short_months[] = {{"janv", 0}, {"jan", 0},  {"févr", 1},   {"fév", 1},  {"fevrier", 1}, {"avr", 3},  {"juil", 6},
                    {"aout", 7}, {"sept", 8}, {"oct", 9},    {"nov", 10}, {"déc", 11},    {"dec", 11}, {"decembre", 11}};

static const struct {
    const char *written, *day;
} weekdays[] = {{"lun.", "lundi"},  {"mar.", "mardi"},    {"mer.", "mercredi"}, {"jeu.", "jeudi"},
                {"ven.", "vendredi"}, {"sam.", "samedi"}, {"dim.", "dimanche"}};

/* A month named at i; short forms with their dot. Its index, -1 for none. */
static int month_at(const text_scan *s, size_t i, size_t *len)
{
    for (size_t k = 0; k < COUNT(fr_months); k++) {
        *len = strlen(fr_months[k]);
        if (scan_is(s, i, fr_months[k]) && !scan_word_char(s, i + *len))
            return (int)k;
    }
    for (size_t k = 0; k < COUNT(short_months); k++) {
        *len = strlen(short_months[k].written);
        if (scan_is(s, i, short_months[k].written) && !scan_word_char(s, i + *len)) {
            *len += scan_char(s, i + *len) == '.';
            return (int)short_months[k].month;
        }
    }
    return -1;
}

bool fr_is_cue(const char *word, size_t n)
{
    text_scan s = {.text = word, .size = n};

    for (size_t k = 0; k < COUNT(weekdays) && n == 3; k++)
        if (memcmp(word, weekdays[k].written, 3) == 0 || scan_is(&s, 0, (char[]){weekdays[k].written[0], weekdays[k].written[1],
                                                                                 weekdays[k].written[2], '\0'}))
            return true;
    return false;
}

static void say_day(text_scan *s, unsigned day)
{
    if (day == 1)
        say(s->out, "premier");
    else
        common_say_value(s, day, USE_ALONE);
}

/* 02/03/2003, 2003-03-02 */
bool fr_say_date(text_scan *s, const text_date *d)
{
    int year = d->n[0] == 4 ? 0 : 2, day = year ? 0 : 2, month = 1;

    if (year && d->value[1] > 12 && d->value[0] <= 12) {
        day = 1;
        month = 0;
    }
    if ((d->n[year] != 4 && !(d->n[year] == 2 && d->n[0] == 2 && d->n[1] == 2)) || d->value[month] < 1 || d->value[month] > 12 ||
        d->value[day] < 1 || d->value[day] > 31)
        return false;
    /* 17/18/19 mars is three days */
    size_t len, behind = common_skip_space(s, s->at + d->len);
    if (d->n[year] == 2 && month_at(s, behind, &len) >= 0)
        return false;
    say_day(s, d->value[day]);
    say(s->out, fr_months[d->value[month] - 1]);
    common_say_value(s, d->value[year], USE_ALONE);
    return true;
}

/* " 2023" at i: bytes, said */
static size_t year_behind(text_scan *s, size_t i)
{
    if (scan_char(s, i) != ' ' || scan_digits(s, i + 1, 4) != 4 || !common_ends(s, i + 5) || scan_char(s, i + 1) == '0')
        return 0;
    common_say_value(s, scan_value(s, i + 1, 4), USE_ALONE);
    return 5;
}

/* 17 janvier, 1er mai 2020, 17/18/19 mars, 5-6 juin */
size_t fr_rule_day_first(text_scan *s)
{
    size_t at = s->at, len;
    int month, days = 0;

    for (;;) {
        size_t n = scan_digits(s, at, 2);
        if (n < 1 || n > 2 || scan_value(s, at, n) < 1 || scan_value(s, at, n) > 31 || ++days > 4)
            return 0;
        say_day(s, scan_value(s, at, n));
        at += n;
        at += scan_is(s, at, "er") && scan_value(s, at - n, n) == 1 ? 2 : 0;
        if (scan_char(s, at) != '/' && scan_char(s, at) != '-')
            break;
        at++;
    }
    if (scan_char(s, at) != ' ' || (month = month_at(s, at + 1, &len)) < 0)
        return 0;
    say(s->out, fr_months[month]);
    at += 1 + len;
    return at + year_behind(s, at) - s->at;
}

/* 17.06: a day and a month, both of two digits, where a decimal has a comma; 31/12; le 5/10 */
size_t fr_rule_day_month(text_scan *s)
{
    unsigned day, month;
    size_t n = common_day_month(s, &day, &month), before = scan_skip_space_back(s, s->at);
    bool article = scan_is_before(s, before, "le") || scan_is_before(s, before, "au") || scan_is_before(s, before, "du");

    bool slash = n && memchr(s->text + s->at, '/', n), whole = n == 5 && (!slash || day > 12);

    if (!n || !(whole || (article && slash)))
        return 0;
    say_day(s, day);
    say(s->out, fr_months[month - 1]);
    return n;
}

/* lun. 5 */
size_t fr_rule_weekday(text_scan *s)
{
    for (size_t k = 0; k < COUNT(weekdays); k++) {
        size_t n = strlen(weekdays[k].written);
        if (scan_is(s, s->at, weekdays[k].written) && scan_char(s, s->at + n) == ' ' && scan_is_digit(s, s->at + n + 1)) {
            say(s->out, weekdays[k].day);
            return n;
        }
    }
    return 0;
}

/* ---- times ---- */

static void say_part(text_scan *s, unsigned value, const char *one, const char *many)
{
    common_say_value(s, value, USE_FEMININE);
    say(s->out, value < 2 ? one : many);
}

void fr_say_clock(text_scan *s, const text_clock *c)
{
    say_part(s, c->hour, "heure", "heures");
    if (c->has_second) {
        say_part(s, c->minute, "minute", "minutes");
        say(s->out, "et");
        say_part(s, c->second, "seconde", "secondes");
    } else if (c->minute) {
        common_say_value(s, c->minute, USE_FEMININE);
    }
}

/* 14h30, 14 h 30 min, 9h, 14:30, 14:30:05 */
size_t fr_rule_time(text_scan *s)
{
    text_clock c;
    size_t n = scan_digits(s, s->at, 2), at = s->at + n, m;

    if (common_clock(s, s->at, ":", &c)) {
        at = s->at + c.len;
        size_t h = common_skip_space(s, at);
        if (scan_char(s, h) == 'h' && !scan_word_char(s, h + 1))
            at = h + 1;
        fr_say_clock(s, &c);
        return scan_word_char(s, at) ? 0 : at + common_clock_dash(s, at) - s->at;
    }
    size_t h = common_skip_space(s, at);
    if (n < 1 || n > 2 || (scan_char(s, h) != 'h' && scan_char(s, h) != 'H') || scan_is_letter(s, h + 1))
        return 0;
    c = (text_clock){.hour = scan_value(s, s->at, n)};
    at = h + 1;
    size_t minutes = common_skip_space(s, at);
    m = scan_digits(s, minutes, 2);
    if (m == 2 && scan_value(s, minutes, 2) < 60 && c.hour <= 24) {
        c.minute = scan_value(s, minutes, 2);
        at = minutes + 2;
        size_t unit = common_skip_space(s, at);
        if (scan_is(s, unit, "min") && !scan_word_char(s, unit + 3))
            at = unit + 3;
    }
    fr_say_clock(s, &c);
    if (scan_char(s, at) == '-' && scan_is_digit(s, at + 1)) { /* 18h-20h */
        say(s->out, s->language->words->range);
        at++;
    }
    return scan_word_char(s, at) && !scan_is_digit(s, at) ? 0 : at - s->at;
}
