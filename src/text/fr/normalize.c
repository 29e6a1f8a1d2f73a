/* normalize.c - French: its words, ordinals, Roman numerals, abbreviations, and the order of its rules. */
#include "text/fr/fr.h"

static void say_number(text_scan *s, const text_number *n, unsigned use)
{
    say_gap(s->out);
    if (!fr_cardinal(s->out, n->n ? n->digits : "0", n->n ? n->n : 1, use == USE_FEMININE && !n->n_fraction))
        common_say_digits(s, n->digits, n->n);
    if (n->n_fraction) {
        say(s->out, s->text[n->fraction - 1] == '.' ? "point" : "virgule");
        common_say_decimals(s, n, USE_ALONE);
    }
}

/* Nouns that a number is often said with and that are feminine: vingt et une heures. */
static unsigned use_before(const text_scan *s, size_t i)
{
    static const char *const feminine[] = {"heure",   "minute", "seconde", "année",  "semaine", "fois",   "personne", "femme",
                                           "fille",   "page",   "place",   "voiture", "maison", "ville",  "pièce",    "chambre",
                                           "journée", "nuit",   "étape",   "œuvre",  "livre sterling", "tonne", "couronne", "roupie",
                                           "voix",    "école",  "entreprise", "victime", "équipe", "photo", "chose", "question"};

    for (size_t k = 0; k < COUNT(feminine) && scan_char(s, i) == ' '; k++) {
        size_t end = i + 1 + strlen(feminine[k]);
        if (scan_is(s, i + 1, feminine[k]) && (!scan_word_char(s, end) || (scan_char(s, end) == 's' && !scan_word_char(s, end + 1))))
            return USE_FEMININE;
    }
    return USE_ALONE;
}

static void say_fraction(text_scan *s, const text_number *whole, const text_number *n, const text_number *d)
{
    static const char *const names[] = {"", "", "demi", "tiers", "quart"};
    unsigned below = common_value(d);
    bool one = common_is_one(n);

    if (whole) {
        say_number(s, whole, USE_ALONE);
        say(s->out, "et");
    }
    if (!(whole && one && below == 2))
        say_number(s, n, USE_ALONE);
    if (below < 2 || below > 100) {
        say(s->out, "sur");
        say_number(s, d, USE_ALONE);
        return;
    }
    say_gap(s->out);
    if (below < COUNT(names))
        hse_buf_str(s->out, names[below]);
    else
        fr_ordinal(s->out, d->digits, d->n, false);
    if (!one && below != 3)
        hse_buf_byte(s->out, 's');
}

/* The ending of an ordinal at i: bytes. */
static size_t ending_at(const text_scan *s, size_t i, bool *feminine)
{
    static const struct {
        const char *written;
        bool feminine;
    } endings[] = {{"ièmes", false}, {"ième", false}, {"ieme", false}, {"èmes", false}, {"ème", false}, {"eme", false}, {"ère", true},
                   {"ere", true},    {"ers", false},  {"er", false},   {"res", true},   {"re", true},   {"nde", true},  {"nd", false},
                   {"es", false},    {"e", false},    {"d", false}};

    for (size_t k = 0; k < COUNT(endings); k++)
        if (scan_is(s, i, endings[k].written) && !scan_word_char(s, i + strlen(endings[k].written))) {
            if (scan_char(s, i) == 'D')
                return 0; /* 3D */
            *feminine = endings[k].feminine;
            return strlen(endings[k].written);
        }
    return 0;
}

/* 1er, 1re, 2e, 3ème, 2nd, 6° */
static size_t rule_ordinal(text_scan *s)
{
    static const char *const articles[] = {"le", "la", "du", NULL};
    text_number n;
    bool feminine = false;

    if (!common_number(s, s->at, &n) || n.n_fraction || n.n == 0)
        return 0;
    size_t at = s->at + n.len, len = ending_at(s, at, &feminine);
    if (!len && scan_is(s, at, "°") && !scan_word_char(s, at + strlen("°")) && common_degree_is_ordinal(s, articles))
        len = strlen("°");
    if (!len)
        return 0;
    bool second = common_value(&n) == 2 && n.n == 1 && (scan_is(s, at, "nd") || scan_char(s, at) == 'd');
    if (second) {
        say(s->out, feminine ? "seconde" : "second");
        return n.len + len;
    }
    say_gap(s->out);
    if (!fr_ordinal(s->out, n.digits, n.n, feminine))
        return 0;
    return n.len + len;
}

/* les 80s: the years of eighty */
static size_t rule_decade(text_scan *s)
{
    size_t before = scan_skip_space_back(s, s->at);

    if (scan_digits(s, s->at, 2) != 2 || scan_char(s, s->at + 1) != '0' || scan_char(s, s->at + 2) != 's' ||
        scan_word_char(s, s->at + 3) || !(scan_is_before(s, before, "les") || scan_is_before(s, before, "des")))
        return 0;
    say(s->out, "années");
    common_say_value(s, scan_value(s, s->at, 2), USE_ALONE);
    return 3;
}

/* XIXe siècle, François Ier, Louis XIV, chapitre IV */
static size_t rule_roman(text_scan *s)
{
    static const char *const numbered[] = {"chapitre", "tome",  "volume", "acte",   "partie", "titre",  "annexe", "article",
                                           "livre",    "scène", "guerre", "mondiale", "phase", "type",  "niveau", "an", "section", NULL};
    size_t n = 0;
    char digits[12];

    while (n < 16 && scan_char(s, s->at + n) && strchr("IVXLCDM", scan_char(s, s->at + n)))
        n++;
    unsigned v = n && n < 16 ? common_roman(s->text + s->at, n) : 0;
    bool feminine = false;
    if (!v)
        return 0;
    size_t end = s->at + n, len = ending_at(s, end, &feminine);
    /* "Le", "Ce", "Vers", "Mes" are words */
    bool ordinal = v == 1 ? scan_same(s, end, len, "er") || scan_same(s, end, len, "re") || scan_same(s, end, len, "ère")
                          : scan_same(s, end, len, "e") || scan_same(s, end, len, "ème") || scan_same(s, end, len, "ième");
    if (len && ordinal && (n > 1 || v <= 10)) {
        size_t count = 0;
        for (unsigned place = 1000; place; place /= 10)
            if (v >= place)
                digits[count++] = (char)('0' + v / place % 10);
        say_gap(s->out);
        fr_ordinal(s->out, digits, count, feminine);
        return n + len;
    }
    if (scan_word_char(s, end))
        return 0;
    size_t before_end = scan_skip_space_back(s, s->at), before = before_end < s->at ? common_word_before(s, before_end) : s->at;
    size_t before_len = before_end < s->at ? before_end - before : 0;
    bool stands = before_len > 2 && common_capital(s, before) && n > 1;
    if (!stands && !common_word_is(s, before, before_len, numbered))
        return 0;
    common_say_value(s, v, USE_ALONE);
    return n;
}

/* ---- abbreviations ---- */

enum { ANYWHERE, NAME /* in front of a capital letter */, NUMBER /* in front of a number */ };

static const struct {
    const char *written, *say;
    int where;
} abbreviations[] = {
    {"m.", "monsieur", NAME},     {"mm.", "messieurs", NAME},  {"mme", "madame", ANYWHERE},    {"mmes", "mesdames", ANYWHERE},
    {"mlle", "mademoiselle", ANYWHERE}, {"mlles", "mesdemoiselles", ANYWHERE}, {"dr", "docteur", NAME}, {"dr.", "docteur", NAME},
    {"pr", "professeur", NAME},   {"pr.", "professeur", NAME}, {"me", "maître", NAME},      {"st", "saint", NAME},
    {"ste", "sainte", NAME},      {"st-", "saint ", NAME},     {"ste-", "sainte ", NAME},   {"n°", "numéro", ANYWHERE},
    {"nº", "numéro", ANYWHERE},      {"n°s", "numéros", ANYWHERE},   {"p.ex.", "par exemple", ANYWHERE}, {"p. ex.", "par exemple", ANYWHERE},
    {"ex.", "exemple", ANYWHERE},    {"etc.", "et cetera", ANYWHERE}, {"c.-à-d.", "c'est-à-dire", ANYWHERE}, {"c-à-d", "c'est-à-dire", ANYWHERE},
    {"env.", "environ", ANYWHERE},   {"bd", "boulevard", NAME},   {"av.", "avenue", NAME},     {"tél.", "téléphone", ANYWHERE},
    {"art.", "article", ANYWHERE},   {"chap.", "chapitre", ANYWHERE}, {"vol.", "volume", ANYWHERE},  {"fig.", "figure", ANYWHERE},
    {"apr. j.-c.", "après Jésus-Christ", ANYWHERE}, {"av. j.-c.", "avant Jésus-Christ", ANYWHERE}, {"j.-c.", "Jésus-Christ", ANYWHERE},
    {"cf.", "confer", ANYWHERE},     {"vs.", "versus", ANYWHERE},    {"max.", "maximum", ANYWHERE},  {"min.", "minimum", ANYWHERE},
    {"cie", "compagnie", ANYWHERE},  {"s.a.", "société anonyme", ANYWHERE}, {"svp", "s'il vous plaît", ANYWHERE}, {"s.v.p.", "s'il vous plaît", ANYWHERE},
    {"p.", "page", NUMBER},         {"pp.", "pages", NUMBER},   
};

static size_t rule_abbreviation(text_scan *s)
{
    size_t best = 0;
    const char *say_it = NULL;

    for (size_t k = 0; k < COUNT(abbreviations); k++) {
        size_t n = strlen(abbreviations[k].written), end = s->at + n;
        char last = abbreviations[k].written[n - 1];
        if (n <= best || !scan_is(s, s->at, abbreviations[k].written) || (last != '-' && scan_word_char(s, end)))
            continue;
        size_t next = last == '-' ? end : common_skip_space(s, end);
        if ((abbreviations[k].where == NAME && (!scan_is_upper(s, s->at) || !scan_is_upper(s, next))) ||
            (abbreviations[k].where == NUMBER && !scan_is_digit(s, next)))
            continue;
        best = n;
        say_it = abbreviations[k].say;
    }
    if (!best)
        return 0;
    say(s->out, say_it);
    size_t end = s->at + best;
    if (s->text[end - 1] == '.' && (end >= s->size || scan_char(s, end) == '\n'))
        say_mark(s->out, '.');
    return best;
}

/* ---- words ---- */

static const char *const scales[] = {"quadrillions", "quadrillion", "trillions", "trillion", "billiards", "billiard", "billions",
                                     "billion",      "milliards",   "milliard",  "millions", "million",   NULL};
static const char *const prefixes[UNIT_PREFIXES] = {"",     "pico",  "nano", "micro", "milli", "centi",
                                                    "déci", "hecto", "kilo", "méga",  "giga",  "téra"};

static const text_noun units[UNITS] = {
    [UNIT_METRE] = {"mètre", "mètres", false},
    [UNIT_GRAM] = {"gramme", "grammes", false},
    [UNIT_LITRE] = {"litre", "litres", false},
    [UNIT_SECOND] = {"seconde", "secondes", true},
    [UNIT_HERTZ] = {"hertz", "hertz", false},
    [UNIT_BYTE] = {"octet", "octets", false},
    [UNIT_BIT] = {"bit", "bits", false},
    [UNIT_BIT_RATE] = {"bit par seconde", "bits par seconde", false},
    [UNIT_WATT] = {"watt", "watts", false},
    [UNIT_WATT_HOUR] = {"watt-heure", "watts-heures", false},
    [UNIT_VOLT] = {"volt", "volts", false},
    [UNIT_AMPERE] = {"ampère", "ampères", false},
    [UNIT_AMPERE_HOUR] = {"ampère-heure", "ampères-heures", false},
    [UNIT_PASCAL] = {"pascal", "pascals", false},
    [UNIT_JOULE] = {"joule", "joules", false},
    [UNIT_CALORIE] = {"calorie", "calories", true},
    [UNIT_NEWTON] = {"newton", "newtons", false},
    [UNIT_ELECTRONVOLT] = {"électronvolt", "électronvolts", false},
    [UNIT_OHM] = {"ohm", "ohms", false},
    [UNIT_FARAD] = {"farad", "farads", false},
    [UNIT_MOLE] = {"mole", "moles", true},
    [UNIT_BAR] = {"bar", "bars", false},
    [UNIT_DECIBEL] = {"décibel", "décibels", false},
    [UNIT_LUMEN] = {"lumen", "lumens", false},
    [UNIT_LUX] = {"lux", "lux", false},
    [UNIT_PIXEL] = {"pixel", "pixels", false},
    [UNIT_PERCENT] = {"pour cent", "pour cent", false},
    [UNIT_PER_MILLE] = {"pour mille", "pour mille", false},
    [UNIT_CELSIUS] = {"degré celsius", "degrés celsius", false},
    [UNIT_FAHRENHEIT] = {"degré fahrenheit", "degrés fahrenheit", false},
    [UNIT_DEGREE] = {"degré", "degrés", false},
    [UNIT_MINUTE] = {"minute", "minutes", true},
    [UNIT_HOUR] = {"heure", "heures", true},
    [UNIT_HECTARE] = {"hectare", "hectares", false},
    [UNIT_TONNE] = {"tonne", "tonnes", true},
    [UNIT_FOOT] = {"pied", "pieds", false},
    [UNIT_INCH] = {"pouce", "pouces", false},
    [UNIT_YARD] = {"yard", "yards", false},
    [UNIT_MILE] = {"mille", "milles", false},
    [UNIT_POUND] = {"livre", "livres", true},
    [UNIT_OUNCE] = {"once", "onces", true},
    [UNIT_GALLON] = {"gallon", "gallons", false},
    [UNIT_MILE_PER_HOUR] = {"mille par heure", "milles par heure", false},
    [UNIT_REVOLUTION] = {"tour par minute", "tours par minute", false},
    [UNIT_FRAME] = {"image par seconde", "images par seconde", true},
    [UNIT_BEAT] = {"battement par minute", "battements par minute", false},
    [UNIT_PART_PER_MILLION] = {"partie par million", "parties par million", true},
    [UNIT_HORSEPOWER] = {"cheval", "chevaux", false},
};

#define DOLLAR(kind) {"dollar" kind, "dollars" kind, false}, "cent", "cents"

static const text_currency currencies[] = {
    {"€", {"euro", "euros", false}, "centime", "centimes"},
    {"eur", {"euro", "euros", false}, "centime", "centimes"},
    {"m€", {"million d'euros", "millions d'euros", false}, NULL, NULL},
    {"md€", {"milliard d'euros", "milliards d'euros", false}, NULL, NULL},
    {"$", DOLLAR("")},
    {"us$", {"dollar américain", "dollars américains", false}, "cent", "cents"},
    {"usd", {"dollar américain", "dollars américains", false}, "cent", "cents"},
    {"$us", {"dollar américain", "dollars américains", false}, "cent", "cents"},
    {"$ca", {"dollar canadien", "dollars canadiens", false}, "cent", "cents"},
    {"cad", {"dollar canadien", "dollars canadiens", false}, "cent", "cents"},
    {"aud", {"dollar australien", "dollars australiens", false}, "cent", "cents"},
    {"nzd", {"dollar néo-zélandais", "dollars néo-zélandais", false}, "cent", "cents"},
    {"hkd", DOLLAR(" de Hong Kong")},
    {"sgd", DOLLAR(" de Singapour")},
    {"£", {"livre", "livres", true}, "penny", "pence"},
    {"gbp", {"livre sterling", "livres sterling", true}, "penny", "pence"},
    {"¥", {"yen", "yens", false}, NULL, NULL},
    {"jpy", {"yen", "yens", false}, NULL, NULL},
    {"cny", {"yuan", "yuans", false}, NULL, NULL},
    {"₩", {"won", "wons", false}, NULL, NULL},
    {"krw", {"won", "wons", false}, NULL, NULL},
    {"chf", {"franc suisse", "francs suisses", false}, "centime", "centimes"},
    {"frf", {"franc", "francs", false}, "centime", "centimes"},
    {"₣", {"franc", "francs", false}, "centime", "centimes"},
    {"fcfa", {"franc CFA", "francs CFA", false}, NULL, NULL},
    {"xof", {"franc CFA", "francs CFA", false}, NULL, NULL},
    {"xaf", {"franc CFA", "francs CFA", false}, NULL, NULL},
    {"mad", {"dirham marocain", "dirhams marocains", false}, "centime", "centimes"},
    {"dzd", {"dinar algérien", "dinars algériens", false}, "centime", "centimes"},
    {"tnd", {"dinar tunisien", "dinars tunisiens", false}, NULL, NULL},
    {"₽", {"rouble", "roubles", false}, "kopeck", "kopecks"},
    {"rub", {"rouble", "roubles", false}, "kopeck", "kopecks"},
    {"₹", {"roupie", "roupies", true}, NULL, NULL},
    {"inr", {"roupie indienne", "roupies indiennes", true}, NULL, NULL},
    {"sek", {"couronne suédoise", "couronnes suédoises", true}, NULL, NULL},
    {"nok", {"couronne norvégienne", "couronnes norvégiennes", true}, NULL, NULL},
    {"dkk", {"couronne danoise", "couronnes danoises", true}, NULL, NULL},
    {"pln", {"zloty", "zlotys", false}, NULL, NULL},
    {"brl", {"real", "réaux", false}, "centavo", "centavos"},
};

static const text_sign signs[] = {
    {"-", "moins", SIGN_LEADS},          {"+", "plus", SIGN_LEADS},          {"+", "plus", SIGN_BETWEEN},
    {"-", "moins", SIGN_BETWEEN},        {"±", "plus ou moins", SIGN_ALONE}, {"×", "fois", SIGN_ALONE},
    {"*", "fois", SIGN_BETWEEN},         {"÷", "divisé par", SIGN_ALONE},    {"/", "sur", SIGN_BETWEEN},
    {"<=", "inférieur ou égal à", SIGN_ALONE}, {">=", "supérieur ou égal à", SIGN_ALONE}, {"≤", "inférieur ou égal à", SIGN_ALONE},
    {"≥", "supérieur ou égal à", SIGN_ALONE}, {"≠", "différent de", SIGN_ALONE}, {"≈", "environ", SIGN_ALONE},
    {"=", "égale", SIGN_ALONE},          {"<", "inférieur à", SIGN_BETWEEN}, {">", "supérieur à", SIGN_BETWEEN},
    {"~", "environ", SIGN_LEADS},        {"#", "numéro", SIGN_LEADS},        {"№", "numéro", SIGN_ALONE},
    {"√", "racine de", SIGN_ALONE},      {"π", "pi", SIGN_ALONE},            {"∞", "l'infini", SIGN_ALONE},
    {"²", "au carré", SIGN_ALONE},       {"³", "au cube", SIGN_ALONE},       {"%", "pour cent", SIGN_ALONE},
    {"&", "et", SIGN_ALONE},             {"@", "arobase", SIGN_ALONE},       {"+", "plus", SIGN_ALONE},
    {"°", "degrés", SIGN_ALONE},         {"§", "paragraphe", SIGN_LEADS},    {"©", "", SIGN_ALONE},
    {"®", "", SIGN_ALONE},               {"™", "", SIGN_ALONE},
};

static const text_sign address_signs[] = {
    {".", "point", 0},      {"@", "arobase", 0}, {"/", "slash", 0}, {":", "deux points", 0}, {"-", "tiret", 0},
    {"_", "tiret bas", 0},  {"?", "point d'interrogation", 0}, {"=", "égal", 0}, {"&", "et", 0}, {"#", "dièse", 0},
    {"%", "pour cent", 0},  {"+", "plus", 0},    {"~", "tilde", 0},
};

static const text_words words = {
    .group = '.',
    .point = ',',
    .space_groups = true,
    .scales = scales,
    .digit = {"zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"},
    .spoken_point = "point",
    .minus = "moins",
    .range = "à",
    .ratio = "à",
    .per = "par",
    .of = "de",
    .of_vowel = "d'",
    .plural_from_two = true,
    .power = {{"carré", "carrés"}, {"cube", "cubes"}},
    .prefixes = prefixes,
    .units = units,
    .currencies = currencies,
    .n_currencies = COUNT(currencies),
    .signs = signs,
    .n_signs = COUNT(signs),
    .address_signs = address_signs,
    .n_address_signs = COUNT(address_signs),
    .clock_separators = ":",
    .phone_pairs = true,
    .number = say_number,
    .use = use_before,
    .fraction = say_fraction,
    .clock = fr_say_clock,
    .date = fr_say_date,
};

static const text_rule rules[] = {
    {"address", START_DIGIT | START_LETTER | START_SYMBOL, common_rule_address},
    {"numeric date", START_DIGIT, common_rule_date},
    {"day first", START_DIGIT, fr_rule_day_first},
    {"weekday", START_LETTER, fr_rule_weekday},
    {"decade", START_DIGIT, rule_decade},
    {"money", START_CURRENCY | START_LETTER | START_SYMBOL, common_rule_money},
    {"money, sign behind", START_DIGIT | START_SYMBOL, common_rule_money_behind},
    {"currency", START_CURRENCY, common_rule_currency},
    {"time", START_DIGIT, fr_rule_time},
    {"phone", START_DIGIT | START_SYMBOL, common_rule_phone},
    {"day and month", START_DIGIT, fr_rule_day_month},
    {"ordinal", START_DIGIT, rule_ordinal},
    {"dimension", START_DIGIT, common_rule_dimension},
    {"measure", START_DIGIT | START_SYMBOL, common_rule_measure},
    {"range", START_DIGIT, common_rule_range},
    {"fraction", START_DIGIT, common_rule_fraction},
    {"ratio", START_DIGIT, common_rule_ratio},
    {"version", START_DIGIT, common_rule_version},
    {"abbreviation", START_LETTER, rule_abbreviation},
    {"roman", START_LETTER, rule_roman},
    {"number", START_DIGIT, common_rule_number},
    {"code", START_DIGIT | START_INNER, common_rule_code},
    {"sign", START_SYMBOL, common_rule_sign},
};

static bool cue(const char *word, size_t n)
{
    text_scan s = {.text = word, .size = n};

    if (scan_class(*word) & SCAN_UPPER && n <= 8)
        return true; /* Mme, XIXe, Dr */
    return fr_is_cue(word, n) || scan_same(&s, 0, n, "svp") || (n <= 4 && common_is_code(&words, word, n));
}

static const text_written written = {.ordinal = {"", "e"}, .first_ordinal = "1er", .first_day = "1er", .months = fr_months, .between = " "};

const text_language text_language_fr = {.code = "fr", .rules = rules, .n_rules = COUNT(rules), .cue = cue, .words = &words,
                                        .written = &written};
