/* times.c - Spanish times of the day, with their halves and zones, and durations of hours and minutes. */
#include "text/es/es.h"

/* a.m., p. m., am, PM behind one space or none at i: bytes up to its end. */
static size_t half_at(const text_scan *s, size_t i, bool *pm)
{
    static const char *const forms[] = {"a. m.", "p. m.", "a.m.", "p.m.", "a.m", "p.m", "am", "pm"};
    size_t at = common_skip_space(s, i);

    for (size_t k = 0; k < COUNT(forms); k++) {
        size_t n = strlen(forms[k]);
        if (scan_is(s, at, forms[k]) && !scan_word_char(s, at + n)) {
            *pm = k % 2;
            return at + n - i;
        }
    }
    return 0;
}

static void say_half(text_scan *s, unsigned hour, bool pm)
{
    if (hour == 12)
        say(s->out, pm ? "del mediodía" : "de la noche");
    else if (pm)
        say(s->out, hour >= 7 ? "de la noche" : "de la tarde");
    else
        say(s->out, "de la mañana");
}

static void spell(text_scan *s, size_t i, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        say_gap(s->out);
        hse_buf_byte(s->out, (uint8_t)(s->text[i + k] | 0x20));
    }
}

/* The distance from UTC at i, "-3", "+1:30": bytes, said */
static size_t say_offset(text_scan *s, size_t i)
{
    size_t at = common_skip_space(s, i), n = scan_digits(s, at + 1, 2);
    char sign = scan_char(s, at);

    if ((sign != '+' && sign != '-') || n < 1 || n > 2)
        return 0;
    bool minutes = scan_char(s, at + 1 + n) == ':' && scan_digits(s, at + 2 + n, 2) == 2;
    say(s->out, sign == '+' ? "más" : "menos");
    common_say_value(s, scan_value(s, at + 1, n), minutes ? USE_FEMININE : USE_ALONE);
    at += 1 + n;
    if (minutes) {
        if (scan_value(s, at + 1, 2))
            common_say_value(s, scan_value(s, at + 1, 2), USE_ALONE);
        at += 3;
    }
    return at - i;
}

/* A time zone at i: bytes, said; 0 when there is none */
static size_t say_zone(text_scan *s, size_t i)
{
    static const char *const zones[] = {"utc", "gmt", "est", "edt", "cst", "cdt", "mst", "mdt",
                                        "pst", "pdt", "cet", "cest", "wet", "west"};
    static const struct {
        const char *zone, *country;
    } countries[] = {{"art", "Argentina"}, {"bot", "Bolivia"}, {"brt", "Brasilia"}, {"clt", "Chile"}, {"cot", "Colombia"},
                     {"ect", "Ecuador"},   {"gyt", "Guyana"},  {"pet", "Perú"},    {"pyt", "Paraguay"}, {"srt", "Surinam"},
                     {"uyt", "Uruguay"},   {"vet", "Venezuela"}};
    size_t at = common_skip_space(s, i), n = scan_letters(s, at);

    if (scan_word_char(s, at + n) && !scan_is_digit(s, at + n))
        return 0;
    for (size_t k = 0; k < COUNT(zones); k++)
        if (scan_same(s, at, n, zones[k])) {
            spell(s, at, n);
            at += n;
            return at + (k < 2 ? say_offset(s, at) : 0) - i;
        }
    for (size_t k = 0; k < COUNT(countries); k++)
        if (scan_same(s, at, n, countries[k].zone)) {
            say(s->out, "hora estándar de");
            say(s->out, countries[k].country);
            return at + n - i;
        }
    return 0;
}

static void say_count(text_scan *s, unsigned value, const char *one, const char *many, bool feminine)
{
    common_say_value(s, value, feminine ? USE_FEMININE : USE_MASCULINE);
    say(s->out, value == 1 ? one : many);
}

void es_say_clock(text_scan *s, const text_clock *c)
{
    if (c->second) {
        say_count(s, c->hour, "hora", "horas", true);
        say_count(s, c->minute, "minuto", "minutos", false);
        say(s->out, "y");
        say_count(s, c->second, "segundo", "segundos", false);
        return;
    }
    common_say_value(s, c->hour, USE_FEMININE);
    if (c->minute == 0)
        return;
    say(s->out, "y");
    if (c->minute == 15 || c->minute == 30)
        say(s->out, c->minute == 15 ? "cuarto" : "media");
    else
        common_say_value(s, c->minute, USE_ALONE);
}

/* n digits (one or two) and one of the words behind them, after one space or none: bytes; 0 when it is not there */
static size_t part_at(const text_scan *s, size_t i, const char *const *words, unsigned max, unsigned *value)
{
    size_t n = scan_digits(s, i, 2), at = common_skip_space(s, i + n);

    if (n < 1 || n > 2 || (*value = scan_value(s, i, n)) > max)
        return 0;
    for (; *words; words++)
        if (scan_is(s, at, *words) && !scan_is_letter(s, at + strlen(*words)))
            return at + strlen(*words) + (scan_char(s, at + strlen(*words)) == '.' && scan_char(s, at + strlen(*words) + 1) == ' ') - i;
    return 0;
}

/* 2 h 30 min, 12h02m00s, 14h30, 01 h, 10 h utc: bytes of the clock; "3 h" is a duration */
static size_t letters_at(const text_scan *s, size_t i, text_clock *c)
{
    static const char *const hours[] = {"h", "hrs", "hs", NULL}, *const minutes[] = {"min", "m", NULL},
                             *const seconds[] = {"seg", "s", NULL};
    size_t at = i, n;

    *c = (text_clock){.leading_zero = scan_char(s, i) == '0'};
    if (!(n = part_at(s, at, hours, 24, &c->hour)))
        return 0;
    at += n;
    size_t next = common_skip_space(s, at), digits = scan_digits(s, next, 2);
    if ((n = part_at(s, next, minutes, 59, &c->minute))) {
        at = next + n;
        next = common_skip_space(s, at);
        if ((n = part_at(s, next, seconds, 59, &c->second)))
            at = next + n;
        return at - i;
    }
    if (next == at && digits == 2 && scan_value(s, at, 2) < 60 && !scan_word_char(s, at + 2)) {
        c->minute = scan_value(s, at, 2);
        return at + 2 - i;
    }
    return scan_word_char(s, at) ? 0 : at - i;
}

/* 1.05 h, 12:30 p.m., 3:00 utc+1, 10 h est, 12h02 */
size_t es_rule_time(text_scan *s)
{
    text_clock c;
    size_t at = s->at, len;
    bool pm = false, letters = false, alone;

    if (common_clock(s, at, ":.", &c)) {
        at += c.len;
        size_t h = common_skip_space(s, at);
        if (scan_char(s, h) == 'h' && !scan_word_char(s, h + 1))
            at = h + 1;
        else if (scan_is(s, h, "hrs") && !scan_word_char(s, h + 3))
            at = h + 3;
    } else if ((len = letters_at(s, at, &c))) {
        at += len;
        letters = true;
    } else {
        /* 5 pm */
        size_t n = scan_digits(s, at, 2);
        c = (text_clock){.hour = scan_value(s, at, n <= 2 ? n : 0)};
        if (n < 1 || n > 2 || c.hour < 1 || c.hour > 12 || !half_at(s, at + n, &pm))
            return 0;
        at += n;
    }
    alone = letters && c.minute == 0 && c.second == 0 && !c.leading_zero;
    es_say_clock(s, &c);
    if (c.hour <= 12 && (len = half_at(s, at, &pm))) {
        say_half(s, c.hour, pm);
        at += len;
        alone = false;
    }
    if ((len = say_zone(s, at))) {
        at += len;
        alone = false;
    }
    return alone || (scan_word_char(s, at) && !letters) ? 0 : at + common_clock_dash(s, at) - s->at;
}
