/* units.c - units of measurement as written: one table for all languages, each of which brings its own nouns. */
#include "text/common/common.h"

#include <stdio.h>

/* Prefixes that a unit may have. BOUND: and it needs one, since bare it is rather a letter: 2B, 5A. */
enum { NONE = 0, ALL = 1, BIG = 2, BOUND = 4 };

static const struct {
    const char *written;
    text_unit_id id;
    int prefixes;
} units[] = {
    {"%", UNIT_PERCENT, NONE},
    {"‰", UNIT_PER_MILLE, NONE},
    {"°C", UNIT_CELSIUS, NONE},
    {"° C", UNIT_CELSIUS, NONE},
    {"ºC", UNIT_CELSIUS, NONE},
    {"℃", UNIT_CELSIUS, NONE},
    {"°F", UNIT_FAHRENHEIT, NONE},
    {"° F", UNIT_FAHRENHEIT, NONE},
    {"ºF", UNIT_FAHRENHEIT, NONE},
    {"℉", UNIT_FAHRENHEIT, NONE},
    {"°", UNIT_DEGREE, NONE},
    {"m", UNIT_METRE, ALL},
    {"g", UNIT_GRAM, ALL},
    {"gr", UNIT_GRAM, NONE},
    {"l", UNIT_LITRE, ALL},
    {"L", UNIT_LITRE, ALL},
    {"s", UNIT_SECOND, ALL},
    {"sec", UNIT_SECOND, NONE},
    {"seg", UNIT_SECOND, NONE},
    {"Hz", UNIT_HERTZ, ALL},
    {"hz", UNIT_HERTZ, ALL},
    {"B", UNIT_BYTE, BIG | BOUND},
    {"KB", UNIT_BYTE, NONE},
    {"o", UNIT_BYTE, BIG | BOUND},
    {"bit", UNIT_BIT, BIG},
    {"b", UNIT_BIT, BIG | BOUND},
    {"bps", UNIT_BIT_RATE, BIG},
    {"W", UNIT_WATT, ALL},
    {"Wh", UNIT_WATT_HOUR, BIG},
    {"wh", UNIT_WATT_HOUR, BIG},
    {"V", UNIT_VOLT, ALL},
    {"v", UNIT_VOLT, NONE},
    {"A", UNIT_AMPERE, ALL | BOUND},
    {"Ah", UNIT_AMPERE_HOUR, ALL},
    {"Pa", UNIT_PASCAL, ALL},
    {"J", UNIT_JOULE, ALL | BOUND},
    {"cal", UNIT_CALORIE, BIG},
    {"N", UNIT_NEWTON, BIG | BOUND},
    {"eV", UNIT_ELECTRONVOLT, BIG},
    {"Ω", UNIT_OHM, ALL},
    {"\u2126", UNIT_OHM, ALL},
    {"F", UNIT_FARAD, ALL | BOUND},
    {"mol", UNIT_MOLE, ALL},
    {"bar", UNIT_BAR, ALL},
    {"dB", UNIT_DECIBEL, NONE},
    {"db", UNIT_DECIBEL, NONE},
    {"lm", UNIT_LUMEN, NONE},
    {"lx", UNIT_LUX, NONE},
    {"px", UNIT_PIXEL, NONE},
    {"min", UNIT_MINUTE, NONE},
    {"h", UNIT_HOUR, NONE},
    {"hr", UNIT_HOUR, NONE},
    {"ha", UNIT_HECTARE, NONE},
    {"t", UNIT_TONNE, NONE},
    {"ft", UNIT_FOOT, NONE},
    {"in", UNIT_INCH, NONE},
    {"yd", UNIT_YARD, NONE},
    {"mi", UNIT_MILE, NONE},
    {"lb", UNIT_POUND, NONE},
    {"lbs", UNIT_POUND, NONE},
    {"oz", UNIT_OUNCE, NONE},
    {"gal", UNIT_GALLON, NONE},
    {"mph", UNIT_MILE_PER_HOUR, NONE},
    {"rpm", UNIT_REVOLUTION, NONE},
    {"fps", UNIT_FRAME, NONE},
    {"bpm", UNIT_BEAT, NONE},
    {"ppm", UNIT_PART_PER_MILLION, NONE},
    {"hp", UNIT_HORSEPOWER, NONE},
    {"ch", UNIT_HORSEPOWER, NONE},
    {"cv", UNIT_HORSEPOWER, NONE},
    {"CV", UNIT_HORSEPOWER, NONE},
};

static const struct {
    const char *written;
    unsigned index;
    bool big;
} prefixes[] = {
    {"p", 1, false}, {"n", 2, false}, {"µ", 3, false}, {"μ", 3, false}, {"m", 4, false}, {"c", 5, false}, {"d", 6, false},
    {"h", 7, false}, {"k", 8, true},  {"K", 8, true},  {"M", 9, true},  {"G", 10, true}, {"T", 11, true},
};

static size_t exact(const text_scan *s, size_t i, const char *word)
{
    if (i >= s->size || s->text[i] != *word)
        return 0;
    size_t n = strlen(word);

    return n <= s->size - i && memcmp(s->text + i, word, n) == 0 ? n : 0;
}

/* "²", "2", "^3" at i: bytes, 2 or 3 in *power; 1 when there is none */
static size_t power_at(const text_scan *s, size_t i, unsigned *power)
{
    size_t at = i + (scan_char(s, i) == '^');
    char c = scan_char(s, at);

    *power = 1;
    if (scan_is(s, i, "²") || scan_is(s, i, "³")) {
        *power = scan_is(s, i, "²") ? 2 : 3;
        return strlen("²");
    }
    if ((c == '2' || c == '3') && common_ends(s, at + 1)) {
        *power = (unsigned)(c - '0');
        return at + 1 - i;
    }
    return 0;
}

/* A unit written `len` bytes at i is whole: no letter goes on behind it and its power. */
static bool complete(const text_scan *s, size_t i, size_t len, text_unit *u)
{
    size_t end = i + len;

    end += power_at(s, end, &u->power);
    if (u->power == 1 && scan_word_before(s, end) && scan_goes_on(s, end))
        return false;
    u->len = end - i;
    return true;
}

static void consider(const text_scan *s, size_t i, size_t len, text_unit_id id, unsigned prefix, text_unit *best)
{
    text_unit u = {.id = id, .prefix = prefix};

    if (len && s->language->words->units[id].one && complete(s, i, len, &u) && u.len > best->len)
        *best = u;
}

bool common_unit(const text_scan *s, size_t i, text_unit *out)
{
    unsigned class = i < s->size ? scan_class(s->text[i]) : 0;

    *out = (text_unit){0};
    if (!(class & (SCAN_LOWER | SCAN_UPPER | SCAN_HIGH)) && scan_char(s, i) != '%')
        return false;
    for (size_t k = 0; k < COUNT(units); k++)
        if (!(units[k].prefixes & BOUND))
            consider(s, i, exact(s, i, units[k].written), units[k].id, 0, out);
    for (size_t p = 0; p < COUNT(prefixes); p++) {
        size_t n = exact(s, i, prefixes[p].written), unit;
        for (size_t k = 0; n && k < COUNT(units); k++)
            if ((units[k].prefixes & ALL || (units[k].prefixes & BIG && prefixes[p].big)) &&
                (unit = exact(s, i + n, units[k].written)))
                consider(s, i, n + unit, units[k].id, prefixes[p].index, out);
    }
    return out->len > 0;
}

/* The noun of a unit with its prefix: a name of its own, or the two joined. */
static void say_name(text_scan *s, const text_quantity *q, const text_unit *u)
{
    const text_words *w = s->language->words;
    const text_noun *noun = &w->units[u->id];
    const char *prefix = w->prefixes[u->prefix];
    char one[96], many[96];

    for (const text_unit_name *own = w->unit_names; own && own->noun.one; own++)
        if (own->id == u->id && own->prefix == u->prefix) {
            common_say_noun(s, q, &own->noun);
            return;
        }
    if (!*prefix) {
        common_say_noun(s, q, noun);
        return;
    }
    bool plural = noun->many && *noun->many;
    int n = snprintf(one, sizeof one, "%s%s", prefix, noun->one);
    int m = snprintf(many, sizeof many, "%s%s", prefix, plural ? noun->many : "");
    if (n < (int)sizeof one && m < (int)sizeof many)
        common_say_noun(s, q, &(text_noun){.one = one, .many = plural ? many : NULL});
}

static void say_power(text_scan *s, const text_quantity *q, const text_unit *u)
{
    const text_words *w = s->language->words;
    bool many = q->n_scale || !common_is_one(&q->number);

    if (u->power > 1)
        common_say(s, w->power[u->power - 2][many]);
}

static void say_unit(text_scan *s, const text_quantity *q, const text_unit *u)
{
    const text_words *w = s->language->words;

    if (w->power_first)
        say_power(s, q, u);
    say_name(s, q, u);
    if (!w->power_first)
        say_power(s, q, u);
}

/* What follows the first unit: "/h". Bytes. */
static size_t say_per(text_scan *s, size_t i)
{
    static const text_quantity one = {.number = {.n = 1, .digits = "1"}};
    text_unit u;

    if (scan_char(s, i) != '/' || !common_unit(s, i + 1, &u))
        return 0;
    if (u.id == UNIT_HOUR && s->language->words->per_hour) {
        common_say(s, s->language->words->per_hour);
    } else {
        common_say(s, s->language->words->per);
        say_unit(s, &one, &u);
    }
    return 1 + u.len;
}

size_t common_say_unit(text_scan *s, size_t i, const text_quantity *q)
{
    text_unit u;
    size_t at = common_skip_space(s, i);

    if (!common_unit(s, at, &u))
        return 0;
    say_unit(s, q, &u);
    at += u.len;
    return at + say_per(s, at) - i;
}

static unsigned use_of(const text_scan *s, const text_unit *u)
{
    return s->language->words->units[u->id].feminine ? USE_FEMININE : USE_MASCULINE;
}

static bool find_measure(const text_scan *s, size_t i, text_quantity *q, text_unit *u, size_t *end)
{
    if (!common_quantity(s, i, q))
        return false;
    size_t at = i + q->len, unit = common_skip_space(s, at);
    if (!common_unit(s, unit, u))
        return false;
    *end = unit + u->len;
    return true;
}

static const char *leading_word(const text_words *w, const text_unit *u)
{
    return u->id == UNIT_PERCENT ? w->percent : u->id == UNIT_PER_MILLE ? w->per_mille : NULL;
}

/* 5%, in a language that says the per cent first */
static size_t percent_first(text_scan *s, const text_quantity *q, const text_unit *u, size_t end)
{
    const text_words *w = s->language->words;
    text_quantity plain = *q;

    if (!leading_word(w, u))
        return 0;
    if (q->negative)
        common_say(s, w->minus);
    common_say(s, leading_word(w, u));
    plain.negative = false;
    common_say_quantity(s, &plain, USE_ALONE);
    return end - s->at;
}

/* 3-5 km, 10%-20%, 10~20% */
static size_t measure_range(text_scan *s)
{
    const text_words *w = s->language->words;
    text_quantity a, b;
    text_unit u, v;
    size_t end, at;

    if (!common_quantity(s, s->at, &a) || a.negative)
        return 0;
    at = s->at + a.len;
    size_t unit = common_skip_space(s, at);
    bool both = common_unit(s, unit, &v);
    if (both)
        at = unit + v.len;
    size_t dash = scan_is(s, at, "\u301C") || scan_is(s, at, "\u2013") ? strlen("\u2013") : scan_char(s, at) == '-' || scan_char(s, at) == '~';
    if (!dash || !find_measure(s, at + dash, &b, &u, &end) || b.negative || (both && (u.id != v.id || u.prefix != v.prefix)))
        return 0;
    if (leading_word(w, &u)) {
        percent_first(s, &a, &u, at);
        common_say(s, w->range);
        percent_first(s, &b, &u, end);
        return end - s->at;
    }
    common_say_quantity(s, &a, use_of(s, &u));
    if (both)
        say_unit(s, &a, &u);
    common_say(s, w->range);
    common_say_quantity(s, &b, use_of(s, &u));
    say_unit(s, &b, &u);
    return end + say_per(s, end) - s->at;
}

/* Between the sides of a dimension at i, "x", " × ", "*" with a digit behind: bytes. */
static size_t cross_at(const text_scan *s, size_t i)
{
    size_t op = common_skip_space(s, i), n = scan_is(s, op, "×") ? strlen("×") : 1;
    char c = scan_char(s, op);

    if (n == 1 && c != 'x' && c != 'X' && c != '*')
        return 0;
    size_t next = common_skip_space(s, op + n);
    return scan_is_digit(s, next) ? next - i : 0;
}

/* 3x4, 1920 x 1080, 3 × 4 × 5 m */
size_t common_rule_dimension(text_scan *s)
{
    const text_words *w = s->language->words;
    text_quantity q = {0};
    size_t at = s->at, cross;
    int count = 0;

    for (;;) {
        if (!common_number(s, at, &q.number) || ++count > 8)
            return 0;
        w->number(s, &q.number, USE_ALONE);
        at += q.number.len;
        if (!(cross = cross_at(s, at)))
            break;
        for (size_t k = 0; k < w->n_signs; k++)
            if (strcmp(w->signs[k].written, "×") == 0)
                common_say(s, w->signs[k].say);
        at += cross;
    }
    if (count < 2)
        return 0;
    at += common_say_unit(s, at, &q);
    return scan_goes_on(s, at) ? 0 : at - s->at;
}

/* 5 kg, -5°C, 2,5 millones km, 100 km/h, 80% */
size_t common_rule_measure(text_scan *s)
{
    text_quantity q;
    text_unit u;
    size_t end, before = s->out->size, taken;

    if (scan_is_digit(s, s->at) && (taken = measure_range(s)))
        return taken;
    s->out->size = before;
    if (!find_measure(s, s->at, &q, &u, &end) || (q.negative && !common_minus_stands(s, s->at)))
        return 0;
    if ((taken = percent_first(s, &q, &u, end)))
        return taken;
    common_say_quantity(s, &q, use_of(s, &u));
    say_unit(s, &q, &u);
    end += say_per(s, end);
    return end - s->at;
}
