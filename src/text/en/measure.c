/* measure.c - numbers with units. */
#include "text/en/en.h"

/* How a unit may be written behind its number. */
enum { FREE, EXACT }; /* EXACT: case counts */

typedef struct {
    const char *written, *one, *many;
    int how;
} unit;

/* Compound units (km/h, m/s2, kWh/year) are made from these. */
static const unit units[] = {
    {"%", "percent", "percent", FREE},
    {"‰", "per mille", "per mille", FREE},
    {"°C", "degree celsius", "degrees celsius", EXACT},
    {"°F", "degree fahrenheit", "degrees fahrenheit", EXACT},
    {"° C", "degree celsius", "degrees celsius", EXACT},
    {"° F", "degree fahrenheit", "degrees fahrenheit", EXACT},
    {"℃", "degree celsius", "degrees celsius", FREE},
    {"℉", "degree fahrenheit", "degrees fahrenheit", FREE},
    {"°", "degree", "degrees", FREE},
    {"µm", "micrometer", "micrometers", FREE},
    {"μm", "micrometer", "micrometers", FREE},
    {"µg", "microgram", "micrograms", FREE},
    {"μg", "microgram", "micrograms", FREE},
    {"µs", "microsecond", "microseconds", FREE},
    {"μs", "microsecond", "microseconds", FREE},
    {"µl", "microliter", "microliters", FREE},
    {"μl", "microliter", "microliters", FREE},
    {"kΩ", "kiloohm", "kiloohms", FREE},
    {"MΩ", "megaohm", "megaohms", FREE},
    {"Ω", "ohm", "ohms", FREE},
    {"Ω", "ohm", "ohms", FREE},
    {"sq ft", "square foot", "square feet", FREE},
    {"sq. ft.", "square foot", "square feet", FREE},
    {"sq. ft", "square foot", "square feet", FREE},
    {"sq m", "square meter", "square meters", FREE},
    {"sq km", "square kilometer", "square kilometers", FREE},
    {"sq mi", "square mile", "square miles", FREE},
    {"sq in", "square inch", "square inches", FREE},
    {"cu ft", "cubic foot", "cubic feet", FREE},
    {"cu m", "cubic meter", "cubic meters", FREE},
    {"fl oz", "fluid ounce", "fluid ounces", FREE},
    {"fl. oz.", "fluid ounce", "fluid ounces", FREE},
    {"km", "kilometer", "kilometers", FREE},
    {"cm", "centimeter", "centimeters", FREE},
    {"mm", "millimeter", "millimeters", FREE},
    {"dm", "decimeter", "decimeters", FREE},
    {"nm", "nanometer", "nanometers", FREE},
    {"m", "meter", "meters", EXACT},
    {"mi", "mile", "miles", FREE},
    {"yd", "yard", "yards", FREE},
    {"yds", "yard", "yards", FREE},
    {"ft", "foot", "feet", FREE},
    {"kg", "kilogram", "kilograms", FREE},
    {"kgs", "kilogram", "kilograms", FREE},
    {"mg", "milligram", "milligrams", FREE},
    {"mcg", "microgram", "micrograms", FREE},
    {"g", "gram", "grams", EXACT},
    {"lb", "pound", "pounds", FREE},
    {"lbs", "pound", "pounds", FREE},
    {"oz", "ounce", "ounces", FREE},
    {"ml", "milliliter", "milliliters", FREE},
    {"cl", "centiliter", "centiliters", FREE},
    {"dl", "deciliter", "deciliters", FREE},
    {"l", "liter", "liters", EXACT},
    {"L", "liter", "liters", EXACT},
    {"gal", "gallon", "gallons", FREE},
    {"qt", "quart", "quarts", FREE},
    {"pt", "pint", "pints", EXACT},
    {"tbsp", "tablespoon", "tablespoons", FREE},
    {"tsp", "teaspoon", "teaspoons", FREE},
    {"cc", "c c", "c c", EXACT},
    {"ha", "hectare", "hectares", EXACT},
    {"ac", "acre", "acres", EXACT},
    {"mph", "mile per hour", "miles per hour", FREE},
    {"kph", "kilometer per hour", "kilometers per hour", FREE},
    {"kmh", "kilometer per hour", "kilometers per hour", FREE},
    {"kt", "knot", "knots", EXACT},
    {"kn", "knot", "knots", EXACT},
    {"rpm", "revolution per minute", "revolutions per minute", FREE},
    {"bpm", "beat per minute", "beats per minute", FREE},
    {"fps", "frame per second", "frames per second", FREE},
    {"ppm", "part per million", "parts per million", FREE},
    {"ppb", "part per billion", "parts per billion", FREE},
    {"dpi", "dot per inch", "dots per inch", FREE},
    {"ppi", "pixel per inch", "pixels per inch", FREE},
    {"mpg", "mile per gallon", "miles per gallon", FREE},
    {"px", "pixel", "pixels", FREE},
    {"Hz", "hertz", "hertz", FREE},
    {"kHz", "kilohertz", "kilohertz", FREE},
    {"MHz", "megahertz", "megahertz", FREE},
    {"GHz", "gigahertz", "gigahertz", FREE},
    {"THz", "terahertz", "terahertz", FREE},
    {"W", "watt", "watts", EXACT},
    {"mW", "milliwatt", "milliwatts", EXACT},
    {"kW", "kilowatt", "kilowatts", FREE},
    {"MW", "megawatt", "megawatts", EXACT},
    {"GW", "gigawatt", "gigawatts", FREE},
    {"TW", "terawatt", "terawatts", EXACT},
    {"Wh", "watt hour", "watt hours", EXACT},
    {"kWh", "kilowatt hour", "kilowatt hours", FREE},
    {"MWh", "megawatt hour", "megawatt hours", EXACT},
    {"GWh", "gigawatt hour", "gigawatt hours", FREE},
    {"TWh", "terawatt hour", "terawatt hours", FREE},
    {"hp", "horsepower", "horsepower", EXACT},
    {"V", "volt", "volts", EXACT},
    {"mV", "millivolt", "millivolts", EXACT},
    {"kV", "kilovolt", "kilovolts", EXACT},
    {"mA", "milliampere", "milliamperes", EXACT},
    {"kA", "kiloampere", "kiloamperes", EXACT},
    {"mAh", "milliampere hour", "milliampere hours", FREE},
    {"Ah", "ampere hour", "ampere hours", EXACT},
    {"nF", "nanofarad", "nanofarads", EXACT},
    {"pF", "picofarad", "picofarads", EXACT},
    {"Pa", "pascal", "pascals", EXACT},
    {"kPa", "kilopascal", "kilopascals", EXACT},
    {"hPa", "hectopascal", "hectopascals", FREE},
    {"MPa", "megapascal", "megapascals", EXACT},
    {"GPa", "gigapascal", "gigapascals", EXACT},
    {"mbar", "millibar", "millibars", FREE},
    {"psi", "pound per square inch", "pounds per square inch", FREE},
    {"atm", "atmosphere", "atmospheres", EXACT},
    {"mmHg", "millimeter of mercury", "millimeters of mercury", FREE},
    {"kJ", "kilojoule", "kilojoules", FREE},
    {"MJ", "megajoule", "megajoules", EXACT},
    {"cal", "calorie", "calories", EXACT},
    {"kcal", "kilocalorie", "kilocalories", FREE},
    {"eV", "electron volt", "electron volts", EXACT},
    {"keV", "kiloelectron volt", "kiloelectron volts", EXACT},
    {"MeV", "megaelectron volt", "megaelectron volts", EXACT},
    {"GeV", "gigaelectron volt", "gigaelectron volts", EXACT},
    {"kN", "kilonewton", "kilonewtons", EXACT},
    {"Nm", "newton meter", "newton meters", EXACT},
    {"dB", "decibel", "decibels", FREE},
    {"dBm", "decibel milliwatt", "decibel milliwatts", EXACT},
    {"lm", "lumen", "lumens", EXACT},
    {"lx", "lux", "lux", EXACT},
    {"cd", "candela", "candelas", EXACT},
    {"mol", "mole", "moles", EXACT},
    {"kB", "kilobyte", "kilobytes", EXACT},
    {"KB", "kilobyte", "kilobytes", EXACT},
    {"MB", "megabyte", "megabytes", EXACT},
    {"GB", "gigabyte", "gigabytes", EXACT},
    {"TB", "terabyte", "terabytes", EXACT},
    {"PB", "petabyte", "petabytes", EXACT},
    {"KiB", "kibibyte", "kibibytes", EXACT},
    {"MiB", "mebibyte", "mebibytes", EXACT},
    {"GiB", "gibibyte", "gibibytes", EXACT},
    {"TiB", "tebibyte", "tebibytes", EXACT},
    {"kb", "kilobyte", "kilobytes", EXACT},
    {"mb", "megabyte", "megabytes", EXACT},
    {"gb", "gigabyte", "gigabytes", EXACT},
    {"tb", "terabyte", "terabytes", EXACT},
    {"Kb", "kilobit", "kilobits", EXACT},
    {"Mb", "megabit", "megabits", EXACT},
    {"Gb", "gigabit", "gigabits", EXACT},
    {"kbit", "kilobit", "kilobits", FREE},
    {"Mbit", "megabit", "megabits", FREE},
    {"Gbit", "gigabit", "gigabits", FREE},
    {"kbps", "kilobit per second", "kilobits per second", FREE},
    {"Mbps", "megabit per second", "megabits per second", FREE},
    {"Gbps", "gigabit per second", "gigabits per second", FREE},
    {"s", "second", "seconds", EXACT},
    {"sec", "second", "seconds", FREE},
    {"secs", "second", "seconds", FREE},
    {"ms", "millisecond", "milliseconds", FREE},
    {"ns", "nanosecond", "nanoseconds", EXACT},
    {"min", "minute", "minutes", FREE},
    {"mins", "minute", "minutes", FREE},
    {"h", "hour", "hours", EXACT},
    {"hr", "hour", "hours", FREE},
    {"hrs", "hour", "hours", FREE},
    {"wk", "week", "weeks", FREE},
    {"wks", "week", "weeks", FREE},
    {"mo", "month", "months", FREE},
    {"mos", "month", "months", FREE},
    {"yr", "year", "years", FREE},
    {"yrs", "year", "years", FREE},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Length of the unit as written at i, 0 when it is not there. */
static size_t matches(const text_scan *s, size_t i, const unit *u)
{
    size_t n = 0;

    for (; u->written[n]; n++)
        if (scan_char(s, i + n) != u->written[n] &&
            (u->how == EXACT || lower(scan_char(s, i + n)) != lower(u->written[n])))
            return 0;
    return n;
}

/* The longest unit at i with a boundary or an exponent behind it. */
static const unit *find(const text_scan *s, size_t i, size_t *len)
{
    const unit *best = NULL;
    char first = lower(scan_char(s, i));

    *len = 0;
    if (!(first >= 'a' && first <= 'z') && !(first & 0x80) && first != '%')
        return NULL;
    for (size_t k = 0; k < COUNT(units); k++) {
        const unit *u = &units[k];
        size_t n;

        if (lower(u->written[0]) != first || (n = matches(s, i, u)) <= *len)
            continue;
        bool exponent = scan_is(s, i + n, "²") || scan_is(s, i + n, "³") || scan_char(s, i + n) == '^' ||
                        ((scan_char(s, i + n) == '2' || scan_char(s, i + n) == '3') && !scan_word_char(s, i + n + 1));
        if (scan_word_before(s, i + n) && scan_word_char(s, i + n) && !exponent)
            continue;
        best = u;
        *len = n;
    }
    return best;
}

/* "²", "2", "^3" behind a unit: bytes, 2 or 3 in *power */
static size_t exponent_at(const text_scan *s, size_t i, int *power)
{
    size_t at = i + (scan_char(s, i) == '^');

    *power = 0;
    if (scan_is(s, i, "²") || scan_is(s, i, "³")) {
        *power = scan_is(s, i, "²") ? 2 : 3;
        return strlen("²");
    }
    if ((scan_char(s, at) == '2' || scan_char(s, at) == '3') && !scan_word_char(s, at + 1)) {
        *power = scan_char(s, at) - '0';
        return at + 1 - i;
    }
    return 0;
}

size_t en_unit(const text_scan *s, size_t i, const char **one, const char **many)
{
    size_t len;
    const unit *u = i < s->size ? find(s, i, &len) : NULL;

    if (!u)
        return 0;
    *one = u->one;
    *many = u->many;
    return len;
}

static void say_power(hse_buf *out, int power)
{
    if (power)
        say(out, power == 2 ? "square" : "cubic");
}

/* The unit of a number at i, with what it is divided by, said. Bytes; 0 when there is no unit. */
static size_t say_unit(text_scan *s, size_t i, bool single)
{
    const char *one, *many;
    int power;
    size_t n = en_unit(s, i, &one, &many), at = i + n;

    if (n == 0)
        return 0;
    at += exponent_at(s, at, &power);
    say_power(s->out, power);
    say(s->out, single ? one : many);
    if (scan_char(s, at) == '/' && (n = en_unit(s, at + 1, &one, &many)) > 0) {
        at += 1 + n;
        say(s->out, "per");
        at += exponent_at(s, at, &power);
        bool time = strcmp(one, "second") == 0; /* per second squared, but per square meter */
        if (!time)
            say_power(s->out, power);
        say(s->out, one);
        if (time && power)
            say(s->out, power == 2 ? "squared" : "cubed");
    } else if (scan_is(s, at, "/day") && !scan_word_char(s, at + 4)) {
        at += 4;
        say(s->out, "per day");
    }
    return at - i;
}

/* "5 in the": an inch only with its dot, or attached, or before "x", "by" or an end */
static size_t inch_at(const text_scan *s, size_t i, bool attached)
{
    if (!scan_is(s, i, "in") || scan_word_char(s, i + 2))
        return 0;
    if (scan_char(s, i + 2) == '.')
        return en_sentence_ends(s, i + 3) ? 2 : 3;
    return attached || i + 2 >= s->size || scan_is(s, i + 2, " x ") || scan_is(s, i + 2, " by ") ||
                   scan_char(s, i + 2) == ','
               ? 2
               : 0;
}

static size_t number_end(const text_scan *s, size_t i, text_number *n, bool *negative)
{
    *negative = scan_char(s, i) == '-';
    if (!en_number(s, i + *negative, n))
        return 0;
    return i + *negative + n->len;
}

static size_t unit_behind(text_scan *s, size_t at, bool single)
{
    char c = scan_char(s, at);
    size_t space = c == ' ', len;
    /* "25-lb bag", "5-km run": the unit stands in front of a noun, in the singular */
    bool hyphen = c == '-' && scan_letters(s, at + 1) >= 2;
    size_t i = at + (space || hyphen);

    if ((len = inch_at(s, i, !space && !hyphen))) {
        say(s->out, single || hyphen ? "inch" : "inches");
    } else {
        len = say_unit(s, i, single || hyphen);
        if (len && scan_char(s, i + len) == '.' && !en_sentence_ends(s, i + len + 1) && scan_is_letter(s, i))
            len += scan_char(s, i + len + 1) == ' ' || scan_char(s, i + len + 1) == ',';
    }
    return len ? i + len - at : 0;
}

/* Does the last quotation mark before `i` on this line open a quotation? Then a mark behind a number closes it. */
static bool inside_quotes(const text_scan *s, size_t i)
{
    for (size_t k = i; k-- > 0 && i - k < SCAN_REACH && s->text[k] != '\n';)
        if (s->text[k] == '"')
            return k == 0 || scan_class(s->text[k - 1]) & SCAN_SPACE || s->text[k - 1] == '(' || s->text[k - 1] == '[';
    return false;
}

/* 12", 5'10", 6' 2" */
size_t en_rule_feet_inches(text_scan *s)
{
    text_number feet, inches;
    size_t at = s->at, n;

    if (!en_number(s, at, &feet))
        return 0;
    at += feet.len;
    if (scan_char(s, at) == '"' && !inside_quotes(s, at) && !scan_word_char(s, at + 1)) {
        en_say_number(s->out, s, &feet);
        say(s->out, en_is_one(s, &feet) ? "inch" : "inches");
        return at + 1 - s->at;
    }
    if (scan_char(s, at) != '\'')
        return 0;
    n = at + 1 + (scan_char(s, at + 1) == ' ');
    if (!en_number(s, n, &inches) || inches.n > 2 ||
        (scan_char(s, n + inches.len) != '"' && scan_word_char(s, n + inches.len)))
        return 0;
    if (scan_char(s, n + inches.len) != '"' && n != at + 1)
        return 0;
    en_say_number(s->out, s, &feet);
    say(s->out, en_is_one(s, &feet) ? "foot" : "feet");
    en_say_number(s->out, s, &inches);
    n += inches.len;
    if (scan_char(s, n) == '"') {
        say(s->out, en_is_one(s, &inches) ? "inch" : "inches");
        n++;
    }
    return n - s->at;
}

/* 5 kg, -5°C, 2-3 kg, 1/2 lb, 2.5 million km, 80% */
size_t en_rule_measure(text_scan *s)
{
    text_number n, last;
    bool negative, none;
    size_t end = number_end(s, s->at, &n, &negative), len, second;
    const char *scale = NULL;

    if (end == 0 || (negative && !en_minus_stands(s)))
        return 0;
    if (negative)
        say(s->out, "minus");
    /* a range shares its unit: 2-3 kg, 5 - 10% */
    size_t dash = scan_char(s, end) == '-' && scan_is_digit(s, end + 1) ? 1 : scan_is(s, end, " - ") ? 3 : 0;
    if (dash && !negative && (second = number_end(s, end + dash, &last, &none)) && !none) {
        en_say_number(s->out, s, &n);
        say(s->out, "to");
        en_say_number(s->out, s, &last);
        second += en_scale(s, second, false, &scale);
        if (scale)
            say(s->out, scale);
        return (len = unit_behind(s, second, false)) ? second + len - s->at : 0;
    }
    /* 1/2 kg */
    if (scan_char(s, end) == '/' && !negative && n.n_fraction == 0 && n.n <= 2 && scan_digits(s, end + 1, 2) >= 1) {
        size_t saved = s->out->size, taken = en_rule_fraction(s);
        if (taken && (len = unit_behind(s, s->at + taken, true)))
            return taken + len;
        s->out->size = saved;
        return 0;
    }
    en_say_number(s->out, s, &n);
    end += en_scale(s, end, false, &scale);
    if (scale)
        say(s->out, scale);
    /* "1980 s" is a decade, "$5m" money: their rules come first */
    len = unit_behind(s, end, !scale && en_is_one(s, &n));
    if (len == 0)
        return 0;
    end += len;
    /* 5%-10%: the same unit twice */
    if (scan_char(s, end - 1) == '%' && scan_char(s, end) == '-' && (second = number_end(s, end + 1, &last, &none)) &&
        !none && scan_char(s, second) == '%') {
        say(s->out, "to");
        en_say_number(s->out, s, &last);
        say(s->out, "percent");
        end = second + 1;
    }
    return end - s->at;
}
