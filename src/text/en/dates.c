/* dates.c - dates, decades, eras, quarters, days of the week. */
#include "text/en/en.h"
#include "text/en/number.h"

#define SPACE_OR_DASH(c) ((c) == ' ' || (c) == '-')

static const struct {
    const char *name;
    unsigned month;
    bool word; /* also an ordinary word: needs a capital or a clear context */
} months[] = {
    {"apr", 4, false},      {"april", 4, false},     {"aug", 8, false},       {"august", 8, false},
    {"dec", 12, false},     {"december", 12, false}, {"feb", 2, false},       {"february", 2, false},
    {"jan", 1, false},      {"january", 1, false},   {"jul", 7, false},       {"july", 7, false},
    {"jun", 6, false},      {"june", 6, false},      {"mar", 3, true},        {"march", 3, true},
    {"may", 5, true},       {"nov", 11, false},      {"november", 11, false}, {"oct", 10, false},
    {"october", 10, false}, {"sep", 9, false},       {"sept", 9, false},      {"september", 9, false},
};

static const char *const month_names[] = {
    "",     "January", "February",  "March",   "April",    "May",      "June",
    "July", "August",  "September", "October", "November", "December",
};

static const unsigned char month_days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static const struct {
    const char *shortened, *name;
} weekdays[] = {
    {"fri", "Friday"},  {"mon", "Monday"},   {"sat", "Saturday"},  {"sun", "Sunday"},
    {"th", "Thursday"}, {"thu", "Thursday"}, {"thur", "Thursday"}, {"thurs", "Thursday"},
    {"tu", "Tuesday"},  {"tue", "Tuesday"},  {"tues", "Tuesday"},  {"wed", "Wednesday"},
};

const char *en_month_name(unsigned month)
{
    return month_names[month <= 12 ? month : 0];
}

static bool valid_day(unsigned month, unsigned day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= month_days[month];
}

static unsigned month_at(const text_scan *s, size_t i, size_t *len, bool *doubtful)
{
    size_t n = scan_letters(s, i);
    int k = scan_find(months, COUNT(months), sizeof months[0], s->text + i, n);

    if (k < 0 || scan_word_char(s, i + n))
        return 0;
    *len = n;
    if (n <= 4 && months[k].month != 5 && n < strlen(month_names[months[k].month]) && scan_char(s, i + n) == '.')
        (*len)++;
    if (doubtful)
        *doubtful = months[k].word && !scan_is_upper(s, i);
    return months[k].month;
}

unsigned en_month(const text_scan *s, size_t i, size_t *len)
{
    return month_at(s, i, len, NULL);
}

/* The name as it was written when it was written in full, so that its case stays. */
static void say_month(text_scan *s, size_t i, size_t n, unsigned month)
{
    if (scan_same(s, i, n, "may") || n == strlen(month_names[month]))
        say_n(s->out, s->text + i, n);
    else
        say(s->out, month_names[month]);
}

/* A year of four digits at i, that no digit, letter or decimal follows. */
static bool year_at(const text_scan *s, size_t i, unsigned *year)
{
    if (scan_digits(s, i, 4) != 4 || scan_word_char(s, i + 4) || scan_char(s, i) == '0')
        return false;
    if ((scan_char(s, i + 4) == '.' || scan_char(s, i + 4) == ',') && scan_is_digit(s, i + 5))
        return false;
    *year = scan_value(s, i, 4);
    return true;
}

/* ", 2012", " 2012", " of 2012", " '99": bytes, with the year said. */
static size_t say_year_behind(text_scan *s, size_t i)
{
    size_t at = i;
    unsigned year;

    if (scan_char(s, at) == ',')
        at++;
    if (SPACE_OR_DASH(scan_char(s, at)))
        at++;
    if (scan_is(s, at, "of "))
        at += 3;
    if (at == i)
        return 0;
    if (year_at(s, at, &year)) {
        if (scan_char(s, i) == ',')
            say_mark(s->out, ',');
        en_say_year(s->out, year);
        return at + 4 - i;
    }
    if (scan_char(s, at) == '\'' && scan_digits(s, at + 1, 2) == 2 && !scan_word_char(s, at + 3)) {
        en_say_two(s->out, scan_value(s, at + 1, 2), "oh");
        return at + 3 - i;
    }
    return 0;
}

static size_t ordinal_suffix(const text_scan *s, size_t i)
{
    bool is = scan_is(s, i, "st") || scan_is(s, i, "nd") || scan_is(s, i, "rd") || scan_is(s, i, "th");

    return is && !scan_word_char(s, i + 2) ? 2 : 0;
}

/* A day of the month at i: its digits and suffix; 0 when there is none. */
static size_t day_at(const text_scan *s, size_t i, unsigned month, unsigned *day)
{
    size_t n = scan_digits(s, i, 2), len;

    if (n < 1 || n > 2)
        return 0;
    *day = scan_value(s, i, n);
    len = n + ordinal_suffix(s, i + n);
    char next = scan_char(s, i + len);
    if (scan_word_char(s, i + len) ||
        ((next == '.' || next == ',' || next == ':' || next == '/') && scan_is_digit(s, i + len + 1)))
        return 0;
    return valid_day(month ? month : 1, *day) ? len : 0;
}

/* July 25 2012, Jan. 15, JAN-15-2020, May 5-7, July 1506 */
size_t en_rule_month_first(text_scan *s)
{
    size_t n = 0, at, len;
    bool doubtful = false;
    unsigned day, year, month = month_at(s, s->at, &n, &doubtful);

    if (!month || doubtful)
        return 0;
    at = s->at + n;
    if (!SPACE_OR_DASH(scan_char(s, at)))
        return 0;
    at++;
    if (scan_is(s, at, "the "))
        return 0;
    size_t letters = scan_letters(s, s->at);
    if ((len = day_at(s, at, month, &day))) {
        say_month(s, s->at, letters, month);
        en_say_value_ordinal(s->out, day);
        at += len;
        unsigned last;
        size_t range = scan_char(s, at) == '-' ? day_at(s, at + 1, month, &last) : 0;
        if (range && last > day && scan_char(s, at + 1 + range) != '-') {
            say(s->out, "to");
            en_say_value_ordinal(s->out, last);
            at += 1 + range;
        }
        at += say_year_behind(s, at);
        return at - s->at;
    }
    if (scan_char(s, at - 1) == ' ' && year_at(s, at, &year) && year >= 1000) {
        say_month(s, s->at, letters, month);
        en_say_year(s->out, year);
        return at + 4 - s->at;
    }
    return 0;
}

/* 25 July 2012, 25th of July, 15-Jan-2020, 25 sept. */
size_t en_rule_day_first(text_scan *s)
{
    size_t n = scan_digits(s, s->at, 2), at, len = 0, suffix;
    unsigned month, day = scan_value(s, s->at, n);
    bool doubtful = false;

    if (n < 1 || n > 2)
        return 0;
    suffix = ordinal_suffix(s, s->at + n);
    at = s->at + n + suffix;
    if (!SPACE_OR_DASH(scan_char(s, at)))
        return 0;
    at++;
    if (scan_is(s, at, "of "))
        at += 3;
    size_t name = at;
    if (!(month = month_at(s, at, &len, &doubtful)) || !valid_day(month, day))
        return 0;
    at += len;
    bool dot = scan_char(s, at - 1) == '.';
    /* "5 may come": a lower-case word that is also a month needs a year, a suffix or an end behind it. */
    if (doubtful && !suffix && scan_char(s, at) == ' ' && !scan_is_digit(s, at + 1))
        return 0;
    if (!en_follows_the(s))
        say(s->out, "the");
    en_say_value_ordinal(s->out, day);
    say(s->out, "of");
    say_month(s, name, scan_letters(s, name), month);
    size_t year = say_year_behind(s, at);
    if (year == 0 && dot && en_sentence_ends(s, at))
        say_mark(s->out, '.');
    return at + year - s->at;
}

static size_t say_time_behind(text_scan *s, size_t i)
{
    size_t sep = scan_char(s, i) == 'T' ? 1 : 0;
    size_t len = sep ? en_time_at(s, i + sep, s->out) : 0;

    if (len == 0)
        return 0;
    if (scan_char(s, i + sep + len) == 'Z' && !scan_word_char(s, i + sep + len + 1)) {
        say(s->out, "UTC");
        len++;
    }
    return sep + len;
}

static void say_month_day(text_scan *s, unsigned month, unsigned day)
{
    say(s->out, en_month_name(month));
    en_say_value_ordinal(s->out, day);
}

/* "in", "on", a weekday: what is in front of 3/4 when it is a date. */
static bool date_cue(const text_scan *s)
{
    size_t at = s->at;

    if (at > 0 && scan_char(s, at - 1) == '(')
        at--;
    return en_word_before(s, at,
                          "on by until till since before after dated due "
                          "mon tu tue tues wed thu thur thurs fri sat sun "
                          "monday tuesday wednesday thursday friday saturday sunday");
}

/* 2006-08-05, 10/06/2005, 15.01.2020, 11/17/05, 2016-03, 2016-11-03T10:30:00Z; 2/22 behind a cue */
size_t en_rule_date(text_scan *s)
{
    size_t n1 = scan_digits(s, s->at, 4), n2, n3;
    char sep = scan_char(s, s->at + n1);

    if (n1 < 1 || n1 > 4 || n1 == 3 || (sep != '-' && sep != '/' && sep != '.'))
        return 0;
    size_t at2 = s->at + n1 + 1;
    n2 = scan_digits(s, at2, 4);
    if (n2 < 1 || n2 == 3 || n2 > 4)
        return 0;
    size_t at3 = at2 + n2 + 1, end;
    unsigned a = scan_value(s, s->at, n1), b = scan_value(s, at2, n2), c;
    n3 = scan_char(s, at2 + n2) == sep ? scan_digits(s, at3, 4) : 0;
    if (n3 == 0) {
        end = at2 + n2;
        char next = scan_char(s, end);
        if (scan_word_char(s, end) || next == '/' ||
            ((next == '.' || next == '-' || next == ',') && scan_is_digit(s, end + 1)))
            return 0;
        if (n1 == 4 && sep == '-' && n2 == 2 && scan_char(s, at2) == '0' && b >= 1 && a >= 1000) {
            say(s->out, en_month_name(b));
            en_say_year(s->out, a);
            return end - s->at;
        }
        if (sep == '/' && n1 <= 2 && n2 == 4 && a >= 1 && a <= 12 && b >= 1900 && b < 2100) {
            say(s->out, en_month_name(a));
            en_say_year(s->out, b);
            return end - s->at;
        }
        if (sep == '/' && n1 <= 2 && valid_day(a, b) && date_cue(s)) {
            say_month_day(s, a, b);
            return end - s->at;
        }
        return 0;
    }
    if (n2 > 2)
        return 0;
    end = at3 + n3;
    c = scan_value(s, at3, n3);
    if (((scan_char(s, end) == sep && sep != '.') || (sep == '.' && scan_char(s, end) == '.')) &&
        scan_is_digit(s, end + 1))
        return 0;
    if (scan_word_char(s, end) && scan_char(s, end) != 'T')
        return 0;
    if (n1 == 4 && n3 <= 2 && b >= 1 && b <= 12 && c >= 1 && c <= 31) { /* also February 30: it is written so */
        say_month_day(s, b, c);
        en_say_year(s->out, a);
        return end + say_time_behind(s, end) - s->at;
    }
    if (n1 > 2 || (n3 != 4 && (n3 != 2 || (sep == '.' && (n1 != 2 || n2 != 2)))))
        return 0;
    if (valid_day(a, b)) {
        say_month_day(s, a, b);
    } else if (valid_day(b, a)) {
        say(s->out, "the");
        en_say_value_ordinal(s->out, a);
        say(s->out, "of");
        say(s->out, en_month_name(b));
    } else {
        return 0;
    }
    if (n3 == 4)
        en_say_year(s->out, c);
    else
        en_say_two(s->out, c, c < 10 ? "zero" : "");
    return end - s->at;
}

/* 1980s, 1980 s, '80s, 80's, 2000s */
size_t en_rule_decade(text_scan *s)
{
    bool quote = scan_char(s, s->at) == '\'';
    size_t at = s->at + quote, n = scan_digits(s, at, 4);
    unsigned v = scan_value(s, at, n);

    /* class of '99 */
    if (quote && n == 2 && !scan_word_char(s, at + 2) && scan_char(s, at + 2) != '\'' && !scan_word_before(s, s->at)) {
        en_say_two(s->out, v, "oh");
        return 3;
    }
    if ((n != 2 && n != 4) || v % 10 || (n == 4 && (quote || v < 1000 || v > 2990)) || (n == 2 && v == 0))
        return 0;
    at += n;
    if (scan_char(s, at) == '\'' || (n == 4 && scan_char(s, at) == ' '))
        at++;
    if (scan_char(s, at) != 's' || scan_word_char(s, at + 1))
        return 0;
    /* "10s" is a time unless something says that it is not */
    if (n == 2 && !quote && v < 20 && !en_word_before(s, s->at, "the early late mid"))
        return 0;
    en_say_year(s->out, v);
    en_make_plural(s->out);
    return at + 1 - s->at;
}

static size_t era_at(const text_scan *s, size_t i, const char **name)
{
    static const struct {
        const char *written, *name;
    } eras[] = {
        {"A.D.", "AD"}, {"A.D", "AD"}, {"AD", "AD"}, {"B.C.E.", "BCE"}, {"B.C.E", "BCE"}, {"BCE", "BCE"},
        {"B.C.", "BC"}, {"B.C", "BC"}, {"BC", "BC"}, {"C.E.", "CE"},    {"C.E", "CE"},    {"CE", "CE"},
    };

    for (size_t k = 0; k < COUNT(eras); k++) {
        size_t n = strlen(eras[k].written);
        bool upper = scan_is_upper(s, i);
        if (upper && scan_is(s, i, eras[k].written) && !scan_word_char(s, i + n)) {
            *name = eras[k].name;
            return n;
        }
    }
    return 0;
}

/* 340 A.D., 44 BC, 2500 BCE */
size_t en_rule_era(text_scan *s)
{
    size_t n = scan_digits(s, s->at, 4), at = s->at + n, len;
    const char *era = NULL;

    if (n < 1 || n > 4)
        return 0;
    if (scan_char(s, at) == ' ')
        at++;
    if (!(len = era_at(s, at, &era)))
        return 0;
    en_say_year(s->out, scan_value(s, s->at, n));
    say(s->out, era);
    if (scan_char(s, at + len - 1) == '.' && en_sentence_ends(s, at + len))
        say_mark(s->out, '.');
    return at + len - s->at;
}

/* 2Q22, Q3 2021, 1H 2020 */
size_t en_rule_quarter(text_scan *s)
{
    bool number_first = scan_is_digit(s, s->at);
    char letter = scan_char(s, s->at + number_first), digit = scan_char(s, s->at + !number_first);
    size_t at = s->at + 2, n;

    if ((letter != 'Q' && letter != 'H') || digit < '1' || digit > (letter == 'Q' ? '4' : '2'))
        return 0;
    if (scan_char(s, at) == ' ' || scan_char(s, at) == '\'' || scan_char(s, at) == '-')
        at++;
    n = scan_digits(s, at, 4);
    if ((n != 2 && n != 4) || scan_word_char(s, at + n) || (n == 2 && scan_char(s, at - 1) == ' '))
        return 0;
    if (!en_follows_the(s))
        say(s->out, "the");
    en_say_value_ordinal(s->out, (unsigned)(digit - '0'));
    say(s->out, letter == 'Q' ? "quarter of" : "half of");
    if (n == 4)
        en_say_year(s->out, scan_value(s, at, n));
    else
        en_say_two(s->out, scan_value(s, at, n), "oh");
    return at + n - s->at;
}

/* Tu, Wed. and the like, where a day or a time follows: alone they may be words */
size_t en_rule_weekday(text_scan *s)
{
    size_t n = scan_letters(s, s->at), at = s->at + n, len;
    int k = scan_is_upper(s, s->at) ? scan_find(weekdays, COUNT(weekdays), sizeof weekdays[0], s->text + s->at, n) : -1;

    if (k < 0)
        return 0;
    size_t dot = scan_char(s, at) == '.';
    size_t next = at + dot;
    if (scan_char(s, next) == ',')
        next++;
    if (scan_char(s, next) != ' ')
        return 0;
    next++;
    if (scan_char(s, next) == '(')
        next++;
    if (!scan_is_digit(s, next) && !en_month(s, next, &len))
        return 0;
    say(s->out, weekdays[k].name);
    return n + dot;
}
