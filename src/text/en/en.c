/* en.c - the rules of English in the order in which they are asked: what needs most around it comes first. */
#include "text/common/common.h"
#include "text/en/en.h"

static const text_rule rules[] = {
    {"electronic", START_DIGIT | START_LETTER | START_SYMBOL, en_rule_electronic},
    {"decade", START_DIGIT | START_SYMBOL, en_rule_decade},
    {"date", START_DIGIT, en_rule_date},
    {"time", START_DIGIT, en_rule_time},
    {"telephone", START_DIGIT | START_SYMBOL, en_rule_telephone},
    {"quarter", START_DIGIT | START_LETTER, en_rule_quarter},
    {"day first", START_DIGIT, en_rule_day_first},
    {"ordinal", START_DIGIT, en_rule_ordinal},
    {"address", START_DIGIT, en_rule_address},
    {"era", START_DIGIT, en_rule_era},
    {"feet and inches", START_DIGIT, en_rule_feet_inches},
    {"money", START_CURRENCY | START_LETTER | START_SYMBOL, en_rule_money},
    {"money, sign behind", START_DIGIT | START_SYMBOL, en_rule_money_suffix},
    {"dimension", START_DIGIT, en_rule_dimension},
    {"measure", START_DIGIT | START_SYMBOL, en_rule_measure},
    {"range", START_DIGIT, en_rule_range},
    {"fraction", START_DIGIT, en_rule_fraction},
    {"ratio", START_DIGIT, en_rule_ratio},
    {"version", START_DIGIT, en_rule_version},
    {"month first", START_LETTER, en_rule_month_first},
    {"count", START_DIGIT, en_rule_count},
    {"serial", START_DIGIT | START_LETTER, en_rule_serial},
    {"weekday", START_LETTER, en_rule_weekday},
    {"initialism", START_LETTER, en_rule_initialism},
    {"abbreviation", START_LETTER, en_rule_abbreviation},
    {"state", START_LETTER, en_rule_state_zip},
    {"roman", START_LETTER, en_rule_roman},
    {"greek", START_LETTER, en_rule_greek},
    {"sign", START_SYMBOL, en_rule_sign},
    {"number", START_DIGIT, en_rule_number},
    {"digits", START_DIGIT | START_INNER, en_rule_long_digits},
    {"symbol", START_SYMBOL | START_CURRENCY, en_rule_symbol},
};

static bool cue(const char *word, size_t n)
{
    text_scan s = {.text = word, .size = n};
    size_t len;

    if (n > 15)
        return false; /* asked for every word: the lengths first */
    bool capital = scan_is_upper(&s, 0);
    return (n <= 6 && en_is_abbreviation(word, n)) || (n <= 9 && en_month(&s, 0, &len)) ||
           (capital && n >= 2 && n <= 5) ||
           ((n > 1 || *word == 'I' || *word == 'V' || *word == 'X') && common_is_roman(word, n));
}

const text_language text_language_en = {.code = "en", .rules = rules, .n_rules = COUNT(rules), .cue = cue, .say_as = en_say_as};
