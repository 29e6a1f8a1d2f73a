/* dates.c - Spanish dates: days and months in words, eras, weekdays. */
#include "text/es/es.h"

const char *const es_months[12] = {"enero", "febrero", "marzo",      "abril",   "mayo",      "junio",
                                     "julio", "agosto",  "septiembre", "octubre", "noviembre", "diciembre"};

static const struct {
    const char *written;
    unsigned month;
} short_months[] = {{"ene", 0},  {"feb", 1},  {"mar", 2}, {"abr", 3}, {"may", 4}, {"jun", 5},  {"jul", 6},
                    {"ago", 7},  {"sept", 8}, {"sep", 8}, {"set", 8}, {"oct", 9}, {"nov", 10}, {"dic", 11}, {"setiembre", 8}};

static const struct {
    const char *written, *day;
} weekdays[] = {{"lun", "lunes"},      {"mar", "martes"},   {"mié", "miércoles"}, {"mier", "miércoles"}, {"miérc", "miércoles"},
                {"mie", "miércoles"}, {"jue", "jueves"},   {"juev", "jueves"},    {"vie", "viernes"},     {"vier", "viernes"},
                {"sáb", "sábado"},    {"sab", "sábado"}, {"dom", "domingo"}};

const char *es_month(const text_scan *s, size_t i, size_t *len)
{
    for (size_t k = 0; k < COUNT(es_months); k++) {
        *len = strlen(es_months[k]);
        if (scan_is(s, i, es_months[k]) && !scan_word_char(s, i + *len))
            return es_months[k];
    }
    for (size_t k = 0; k < COUNT(short_months); k++) {
        *len = strlen(short_months[k].written);
        if (scan_is(s, i, short_months[k].written) && !scan_word_char(s, i + *len)) {
            *len += scan_char(s, i + *len) == '.';
            return es_months[short_months[k].month];
        }
    }
    return NULL;
}

bool es_is_cue(const char *word, size_t n)
{
    text_scan s = {.text = word, .size = n};
    size_t len;

    if (n > 10)
        return false;
    for (size_t k = 0; k < COUNT(weekdays); k++)
        if (scan_same(&s, 0, n, weekdays[k].written))
            return true;
    return es_month(&s, 0, &len) != NULL;
}

static void say_day(text_scan *s, unsigned day)
{
    if (day == 1)
        say(s->out, "primero");
    else
        common_say_value(s, day, USE_ALONE);
}

static void say_year(text_scan *s, size_t at, size_t n)
{
    say_gap(s->out);
    es_cardinal(s->out, s->text + at, n, USE_ALONE);
}

/* " de 1990", " del 2020", ", 1990", " 1990" at i: bytes, said */
static size_t year_behind(text_scan *s, size_t i)
{
    static const char *const links[] = {" de ", " del ", ", ", " "};

    for (size_t k = 0; k < COUNT(links); k++) {
        size_t at = i + strlen(links[k]);
        if (!scan_is(s, i, links[k]) || scan_digits(s, at, 4) != 4 || !common_ends(s, at + 4) || scan_char(s, at) == '0')
            continue;
        say(s->out, k == 1 ? "del" : "de");
        say_year(s, at, 4);
        return at + 4 - i;
    }
    return 0;
}

/* 1990-02-30, 30.2.1990: the year has four digits, or is the last */
bool es_say_date(text_scan *s, const text_date *d)
{
    int year = d->n[0] == 4 ? 0 : 2, day = year ? 0 : 2, month = 1;

    if (year && d->value[1] > 12 && d->value[0] <= 12) {
        day = 1;
        month = 0;
    }
    if ((d->n[year] != 4 && d->n[year] != 2) || d->value[month] < 1 || d->value[month] > 12 || d->value[day] < 1 ||
        d->value[day] > 31)
        return false;
    say_day(s, d->value[day]);
    say(s->out, "de");
    say(s->out, es_months[d->value[month] - 1]);
    say(s->out, "de");
    say_year(s, d->at[year], d->n[year]);
    return true;
}

/* 20 de marzo, 10 mayo 1990, 1 ene. */
size_t es_rule_day_first(text_scan *s)
{
    size_t n = scan_digits(s, s->at, 2), len, at = s->at + n;
    unsigned day = scan_value(s, s->at, n <= 2 ? n : 0);
    const char *month;

    if (n < 1 || n > 2 || day < 1 || day > 31)
        return 0;
    at += scan_is(s, at, "º") || scan_is(s, at, "°") ? strlen("º") : 0;
    at += scan_is(s, at, " de ") ? 4 : scan_char(s, at) == ' ' || scan_char(s, at) == '-' ? 1 : 0;
    if (at == s->at + n || !(month = es_month(s, at, &len)))
        return 0;
    say_day(s, day);
    say(s->out, "de");
    say(s->out, month);
    at += len;
    return at + year_behind(s, at) - s->at;
}

/* 31/12, el 5/10 */
size_t es_rule_day_month(text_scan *s)
{
    unsigned day, month;
    size_t n = common_day_month(s, &day, &month), before = scan_skip_space_back(s, s->at);
    bool article = scan_is_before(s, before, "el") || scan_is_before(s, before, "del") || scan_is_before(s, before, "al");

    if (!n || !memchr(s->text + s->at, '/', n) || !(article || (day > 12 && n == 5)))
        return 0;
    say_day(s, day);
    say(s->out, "de");
    say(s->out, es_months[month - 1]);
    return n;
}

/* abril 30, junio 11 2000, abr. 22 */
size_t es_rule_month_first(text_scan *s)
{
    size_t len, n, at;
    const char *month = es_month(s, s->at, &len);

    if (!month || scan_char(s, s->at + len) != ' ')
        return 0;
    at = s->at + len + 1;
    n = scan_digits(s, at, 2);
    if (n < 1 || n > 2 || scan_value(s, at, n) < 1 || scan_value(s, at, n) > 31 || !common_ends(s, at + n) ||
        scan_char(s, at + n) == ':' || scan_char(s, at + n) == '%')
        return 0;
    say_day(s, scan_value(s, at, n));
    say(s->out, "de");
    say(s->out, month);
    at += n;
    return at + year_behind(s, at) - s->at;
}

/* vier. 10 */
size_t es_rule_weekday(text_scan *s)
{
    for (size_t k = 0; k < COUNT(weekdays); k++) {
        size_t n = strlen(weekdays[k].written);
        if (scan_is(s, s->at, weekdays[k].written) && scan_char(s, s->at + n) == '.' &&
            (scan_is_digit(s, s->at + n + 2) || scan_char(s, s->at + n + 1) == ',')) {
            say(s->out, weekdays[k].day);
            return n + 1;
        }
    }
    return 0;
}

/* a. C., d.C., e. c. behind a year or a century */
size_t es_rule_era(text_scan *s)
{
    static const struct {
        const char *written, *say;
    } eras[] = {{"a. de c.", "antes de Cristo"},
                {"d. de c.", "después de Cristo"},
                {"a. e. c.", "antes de la era común"},
                {"a.e.c.", "antes de la era común"},
                {"a. c.", "antes de Cristo"},
                {"d. c.", "después de Cristo"},
                {"e. c.", "era común"},
                {"a.c.", "antes de Cristo"},
                {"d.c.", "después de Cristo"},
                {"e.c.", "era común"},
                {"aec", "antes de la era común"},
                {"ac", "antes de Cristo"},
                {"dc", "después de Cristo"},
                {"ec", "era común"}};
    size_t end = scan_skip_space_back(s, s->at), start = scan_word_start(s, end);

    if (end == s->at || !(scan_is_digit(s, end - 1) || common_is_roman(s->text + start, end - start)))
        return 0;
    for (size_t k = 0; k < COUNT(eras); k++) {
        size_t n = strlen(eras[k].written);
        if (scan_is(s, s->at, eras[k].written) && !scan_word_char(s, s->at + n)) {
            say(s->out, eras[k].say);
            return n;
        }
    }
    return 0;
}
