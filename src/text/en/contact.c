/* contact.c - web and e-mail addresses, files, telephone numbers, postal addresses. */
#include "text/common/common.h"
#include "text/en/en.h"

static void say_sign(hse_buf *out, char c)
{
    static const struct {
        char c;
        const char *say;
    } signs[] = {
        {'.', "dot"},           {'@', "at"},
        {'/', "slash"},         {':', "colon"},
        {'-', "dash"},          {'_', "underscore"},
        {'?', "question mark"}, {'=', "equals"},
        {'&', "and"},           {'#', "hash"},
        {'%', "percent"},       {'+', "plus"},
        {'~', "tilde"},         {'!', "exclamation mark"},
        {'$', "dollar"},        {'*', "asterisk"},
        {'\\', "backslash"},    {',', "comma"},
        {';', "semicolon"},     {'\'', "quote"},
    };

    for (size_t i = 0; i < COUNT(signs); i++)
        if (signs[i].c == c)
            say(out, signs[i].say);
}

/* Letters as they are, digits one by one, signs by name. */
static void say_address(text_scan *s, size_t i, size_t n)
{
    size_t end = i + n, len;

    while (i < end) {
        if (scan_is_digit(s, i)) {
            en_say_digits(s->out, s->text + i, 1);
            i++;
        } else if (scan_is_letter(s, i)) {
            for (len = 0; i + len < end && scan_is_letter(s, i + len); len++)
                ;
            say_n(s->out, s->text + i, len);
            i += len;
        } else {
            say_sign(s->out, s->text[i]);
            i++;
        }
    }
}

size_t en_rule_electronic(text_scan *s)
{
    size_t n;

    if (scan_char(s, s->at) == '#' && scan_is_letter(s, s->at + 1) && !scan_word_before(s, s->at)) {
        say(s->out, "hashtag");
        for (n = 1; n < SCAN_MAX_WORD && (scan_is_letter(s, s->at + n) || scan_is_digit(s, s->at + n) ||
                                          scan_char(s, s->at + n) == '-' || scan_char(s, s->at + n) == '_');
             n++)
            ;
        say_address(s, s->at + 1, n - 1);
        return n;
    }
    if ((n = common_address(s)))
        say_address(s, s->at, n);
    return n;
}

/* --- telephone -----------------------------------------------------------------------------------------------------
 */

/* A group of digits of a telephone number; "800" is said as eight hundred. */
static void say_group(text_scan *s, size_t i, size_t n)
{
    if (n == 3 && scan_char(s, i) != '0' && scan_is(s, i + 1, "00"))
        en_say_cardinal(s->out, s->text + i, n);
    else
        en_say_digits(s->out, s->text + i, n);
}

/* ext. 12, x12: bytes, said */
static size_t say_extension(text_scan *s, size_t i)
{
    static const char *const words[] = {"extension ", "ext. ", "ext ", "ext.", "ext", "x"};
    size_t at = i;

    if (scan_char(s, at) == ',')
        at++;
    if (scan_char(s, at) == ' ')
        at++;
    for (size_t k = 0; k < COUNT(words) && at > i; k++)
        if (scan_is(s, at, words[k])) {
            size_t start = at + strlen(words[k]), n = scan_digits(s, start, 6);
            if (n >= 1 && n <= 6 && !scan_word_char(s, start + n)) {
                say_mark(s->out, ',');
                say(s->out, "extension");
                en_say_digits(s->out, s->text + start, n);
                return start + n - i;
            }
        }
    return 0;
}

static size_t ip_address(text_scan *s)
{
    size_t at = s->at, n;

    for (int part = 0; part < 4; part++) {
        n = scan_digits(s, at, 3);
        if (n < 1 || n > 3 || scan_value(s, at, n) > 255)
            return 0;
        if (part)
            say(s->out, "dot");
        en_say_digits(s->out, s->text + at, n);
        at += n;
        if (part < 3 && scan_char(s, at++) != '.')
            return 0;
    }
    if (scan_word_char(s, at) || (scan_char(s, at) == '.' && scan_is_digit(s, at + 1)))
        return 0;
    n = scan_char(s, at) == ':' ? scan_digits(s, at + 1, 5) : 0;
    if (n >= 1 && n <= 5) {
        say(s->out, "colon");
        en_say_digits(s->out, s->text + at + 1, n);
        at += 1 + n;
    }
    return at - s->at;
}

static bool is_phone(const text_scan *s, const text_phone *p)
{
    size_t digits = 0;

    for (int k = 0; k < p->count; k++)
        digits += p->n[k];
    if (p->plus)
        return digits >= 8 && digits <= 15 && (p->count > 1 || digits >= 10);
    if (p->area)
        return digits >= 7 && p->count >= 2 && p->count <= 4;
    if (p->sep == '-' || p->sep == '.') {
        if (common_phone_shape(p, "334") || common_phone_shape(p, "1334") || common_phone_shape(p, "4444") || common_phone_shape(p, "44444"))
            return true;
        if (p->sep == '-' && (common_phone_shape(p, "324") || common_phone_shape(p, "3333")))
            return true;
        /* 555-1234, but 100-2000 is a range */
        if (p->sep == '-' && common_phone_shape(p, "34"))
            return scan_char(s, p->at[0] + 2) != '0' || scan_char(s, p->at[1] + 3) != '0';
        return false;
    }
    if (p->sep == ' ')
        return common_phone_shape(p, "334") || common_phone_shape(p, "1334") || common_phone_shape(p, "4444");
    return p->sep == '*' && (common_phone_shape(p, "1334") || common_phone_shape(p, "334"));
}

/* 1-800-GO-FEDEX: bytes, said */
static size_t vanity(text_scan *s)
{
    size_t at = s->at, letters = 0;
    bool long_distance = scan_is(s, at, "1-");

    if (long_distance)
        at += 2;
    if (scan_digits(s, at, 3) != 3 || scan_char(s, at + 3) != '-')
        return 0;
    size_t area = at, end = at + 3;
    for (at = end; scan_char(s, at) == '-' && at - s->at < 32;) {
        size_t n = scan_letters(s, at + 1), d = n ? 0 : scan_digits(s, at + 1, 7);
        if (n + d == 0 || n > 12 || scan_word_char(s, at + 1 + n + d))
            return 0;
        letters += n;
        at += 1 + n + d;
    }
    if (letters < 3 || !(long_distance || scan_is(s, area + 1, "00") || scan_is_upper(s, end + 1)))
        return 0;
    if (long_distance) {
        say(s->out, "one");
        say_mark(s->out, ',');
    }
    say_group(s, area, 3);
    say_mark(s->out, ',');
    for (size_t i = end; i < at;) {
        size_t n = scan_letters(s, i + 1), d = n ? 0 : scan_digits(s, i + 1, 7);
        if (n)
            say_n(s->out, s->text + i + 1, n);
        else
            en_say_digits(s->out, s->text + i + 1, d);
        i += 1 + n + d;
    }
    return at - s->at;
}

/* +1 (123) 456-7890 ext. 5, 555-1234, 123-45-6789, 4111-1111-1111-1111, 192.168.0.1, 1-800-FLOWERS */
size_t en_rule_telephone(text_scan *s)
{
    text_phone p;
    size_t n;

    hse_buf *out = s->out;
    size_t before = out->size;
    if ((n = ip_address(s)))
        return n;
    out->size = before;
    if (scan_is_digit(s, s->at) && (n = vanity(s)))
        return n;
    if (!common_phone(s, s->at, PHONE_GROUPS, &p) || !is_phone(s, &p))
        return 0;
    if (p.plus)
        say(out, "plus");
    for (int k = 0; k < p.count; k++) {
        if (k)
            say_mark(out, ',');
        say_group(s, p.at[k], p.n[k]);
    }
    return p.end + say_extension(s, p.end) - s->at;
}

/* --- postal addresses ----------------------------------------------------------------------------------------------
 */

static const struct {
    const char *shortened, *full;
} streets[] = {
    {"alley", "Alley"},
    {"aly", "Alley"},
    {"ave", "Avenue"},
    {"avenue", "Avenue"},
    {"blvd", "Boulevard"},
    {"boulevard", "Boulevard"},
    {"cir", "Circle"},
    {"circle", "Circle"},
    {"court", "Court"},
    {"ct", "Court"},
    {"dr", "Drive"},
    {"drive", "Drive"},
    {"expressway", "Expressway"},
    {"expy", "Expressway"},
    {"freeway", "Freeway"},
    {"fwy", "Freeway"},
    {"highway", "Highway"},
    {"hwy", "Highway"},
    {"lane", "Lane"},
    {"ln", "Lane"},
    {"parkway", "Parkway"},
    {"pkwy", "Parkway"},
    {"pl", "Place"},
    {"place", "Place"},
    {"plz", "Plaza"},
    {"rd", "Road"},
    {"road", "Road"},
    {"sq", "Square"},
    {"square", "Square"},
    {"st", "Street"},
    {"street", "Street"},
    {"ter", "Terrace"},
    {"terrace", "Terrace"},
    {"trail", "Trail"},
    {"trl", "Trail"},
    {"way", "Way"},
};

static const struct {
    const char *shortened, *full;
} directions[] = {
    {"e", "East"},  {"n", "North"},      {"ne", "Northeast"}, {"nw", "Northwest"},
    {"s", "South"}, {"se", "Southeast"}, {"sw", "Southwest"}, {"w", "West"},
};

static const struct {
    const char *shortened, *full;
} states[] = {
    {"ak", "Alaska"},         {"al", "Alabama"},       {"ar", "Arkansas"},      {"az", "Arizona"},
    {"ca", "California"},     {"co", "Colorado"},      {"ct", "Connecticut"},   {"dc", "D C"},
    {"de", "Delaware"},       {"fl", "Florida"},       {"ga", "Georgia"},       {"hi", "Hawaii"},
    {"ia", "Iowa"},           {"id", "Idaho"},         {"il", "Illinois"},      {"in", "Indiana"},
    {"ks", "Kansas"},         {"ky", "Kentucky"},      {"la", "Louisiana"},     {"ma", "Massachusetts"},
    {"md", "Maryland"},       {"me", "Maine"},         {"mi", "Michigan"},      {"mn", "Minnesota"},
    {"mo", "Missouri"},       {"ms", "Mississippi"},   {"mt", "Montana"},       {"nc", "North Carolina"},
    {"nd", "North Dakota"},   {"ne", "Nebraska"},      {"nh", "New Hampshire"}, {"nj", "New Jersey"},
    {"nm", "New Mexico"},     {"nv", "Nevada"},        {"ny", "New York"},      {"oh", "Ohio"},
    {"ok", "Oklahoma"},       {"or", "Oregon"},        {"pa", "Pennsylvania"},  {"ri", "Rhode Island"},
    {"sc", "South Carolina"}, {"sd", "South Dakota"},  {"tn", "Tennessee"},     {"tx", "Texas"},
    {"ut", "Utah"},           {"va", "Virginia"},      {"vt", "Vermont"},       {"wa", "Washington"},
    {"wi", "Wisconsin"},      {"wv", "West Virginia"}, {"wy", "Wyoming"},
};

#define IN(list, s, i, n) (scan_find(list, COUNT(list), sizeof list[0], (s)->text + (i), n) >= 0)

/* States whose two letters are also a word. */
static const char *const state_words[] = {"hi", "id", "in", "la", "ma", "me", "oh", "ok", "or", "pa"};

/* The street's name behind a house number: words with capitals or an ordinal, a direction, and the kind of street. */
static size_t street(text_scan *s, size_t i, bool say_it)
{
    size_t at = i;

    for (int word = 0; word < 6; word++) {
        if (scan_char(s, at) != ' ')
            return 0;
        at++;
        size_t n = scan_letters(s, at), dot;
        if (n == 0 || n > SCAN_MAX_WORD) {
            /* 5th Avenue */
            size_t d = scan_digits(s, at, 4);
            if (d < 1 || d > 4 || scan_letters(s, at + d) != 2)
                return 0;
            if (say_it)
                en_say_ordinal(s->out, s->text + at, d);
            at += d + 2;
            continue;
        }
        if (!scan_is_upper(s, at))
            return 0;
        dot = scan_char(s, at + n) == '.';
        int k = scan_find(streets, COUNT(streets), sizeof streets[0], s->text + at, n);
        if (k >= 0 && word > 0) {
            if (say_it)
                say(s->out, streets[k].full);
            at += n;
            if (dot && !en_sentence_ends(s, at + 1))
                at++;
            return at - i;
        }
        int d = n <= 2 ? scan_find(directions, COUNT(directions), sizeof directions[0], s->text + at, n) : -1;
        if (say_it && d >= 0)
            say(s->out, directions[d].full);
        else if (say_it)
            say_n(s->out, s->text + at, n);
        at += n;
        if (d >= 0 && dot)
            at++;
    }
    return 0;
}

/* 2788 San Tomas Expy */
size_t en_rule_address(text_scan *s)
{
    size_t n = scan_digits(s, s->at, 5), len;

    if (n < 1 || n > 5 || scan_char(s, s->at + n) != ' ' || !(len = street(s, s->at + n, false)))
        return 0;
    en_say_pairs(s->out, s->text + s->at, n);
    street(s, s->at + n, true);
    return n + len;
}

/* CA 95051, CA 95051-1234; a state alone behind a city and a comma */
size_t en_rule_state_zip(text_scan *s)
{
    size_t at = s->at;
    int k;

    if (scan_letters(s, at) != 2 || !scan_is_upper(s, at) || !scan_is_upper(s, at + 1) || scan_word_char(s, at + 2))
        return 0;
    k = scan_find(states, COUNT(states), sizeof states[0], s->text + at, 2);
    if (k < 0)
        return 0;
    size_t zip = at + 2;
    if (scan_char(s, zip) == ',')
        zip++;
    while (zip < at + 5 && scan_char(s, zip) == ' ')
        zip++;
    bool has_zip = zip > at + 2 && scan_digits(s, zip, 5) == 5 && !scan_word_char(s, zip + 5);
    /* "Portland, OR." but not "LOSS, OR PROFITS": a city is no shouting, and a state that is a word ends something */
    size_t before = at >= 3 && scan_is(s, at - 2, ", ") ? scan_word_start(s, at - 2) : at;
    bool city = before + 3 < at && scan_is_upper(s, before) && !scan_is_upper(s, before + 1);
    bool word = IN(state_words, s, at, 2);
    if (word && scan_char(s, at + 2) == ' ')
        city = false;
    if (!has_zip && !city)
        return 0;
    say(s->out, states[k].full);
    if (!has_zip)
        return 2;
    en_say_digits(s->out, s->text + zip, 5);
    at = zip + 5;
    if (scan_char(s, at) == '-' && scan_digits(s, at + 1, 4) == 4 && !scan_word_char(s, at + 5)) {
        say(s->out, "dash");
        en_say_digits(s->out, s->text + at + 1, 4);
        at += 5;
    }
    return at - s->at;
}
