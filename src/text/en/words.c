/* words.c - abbreviations, initialisms, Roman numerals, signs that stand for words. */
#include "text/common/common.h"
#include "text/en/en.h"

/* Where an abbreviation is one. */
enum {
    DOT = 1,      /* with its dot              */
    BARE = 2,     /* and without               */
    NAME = 4,     /* in front of a name        */
    NUMBER = 8,   /* in front of a number      */
    BEHIND = 16,  /* behind a name             */
    CAPITAL = 32, /* with a capital letter     */
    TITLE = 64,   /* with its dot it needs nothing else: "mr. smith" */
};

static const struct {
    const char *shortened, *full;
    int where;
} abbreviations[] = {
    {"adm", "admiral", DOT | BARE | NAME | CAPITAL},
    {"approx", "approximately", DOT},
    {"apr", "april", DOT | CAPITAL},
    {"apt", "apartment", DOT | BARE | NUMBER | CAPITAL},
    {"assn", "association", DOT},
    {"asst", "assistant", DOT},
    {"attn", "attention", DOT | BARE},
    {"aug", "august", DOT | CAPITAL},
    {"ave", "avenue", DOT | BARE | BEHIND | CAPITAL},
    {"blvd", "boulevard", DOT | BARE},
    {"bros", "brothers", DOT | BEHIND},
    {"c", "circa", DOT | NUMBER},
    {"ca", "circa", DOT | NUMBER},
    {"capt", "captain", DOT | BARE | NAME | CAPITAL},
    {"cf", "compare", DOT},
    {"ch", "chapter", DOT | NUMBER},
    {"cmdr", "commander", DOT | BARE | NAME | CAPITAL},
    {"co", "company", DOT | BEHIND | CAPITAL},
    {"col", "colonel", DOT | BARE | NAME | CAPITAL},
    {"corp", "corporation", DOT | BARE | BEHIND | CAPITAL},
    {"cpl", "corporal", DOT | BARE | NAME | CAPITAL},
    {"dec", "december", DOT | CAPITAL},
    {"dept", "department", DOT | BARE},
    {"det", "detective", DOT | NAME | CAPITAL},
    {"drs", "doctors", DOT | BARE | NAME | CAPITAL},
    {"eq", "equation", DOT | NUMBER},
    {"esq", "esquire", DOT | BARE | BEHIND},
    {"est", "established", DOT | NUMBER},
    {"etc", "et cetera", DOT | BARE},
    {"ext", "extension", DOT | NUMBER},
    {"feb", "february", DOT | CAPITAL},
    {"fig", "figure", DOT | NUMBER},
    {"figs", "figures", DOT | NUMBER},
    {"ft", "fort", DOT | NAME | CAPITAL},
    {"gen", "general", DOT | BARE | NAME | CAPITAL},
    {"gov", "governor", DOT | BARE | NAME | CAPITAL},
    {"hon", "honorable", DOT | NAME | CAPITAL},
    {"hwy", "highway", DOT | BARE},
    {"inc", "incorporated", DOT | BARE | BEHIND | CAPITAL},
    {"jan", "january", DOT | CAPITAL},
    {"jr", "junior", DOT | BARE | BEHIND | CAPITAL},
    {"lt", "lieutenant", DOT | BARE | NAME | CAPITAL},
    {"ltd", "limited", DOT | BARE | BEHIND | CAPITAL},
    {"maj", "major", DOT | BARE | NAME | CAPITAL},
    {"messrs", "messieurs", DOT | BARE | NAME},
    {"mfg", "manufacturing", DOT},
    {"mgr", "manager", DOT},
    {"misc", "miscellaneous", DOT},
    {"mr", "mister", DOT | BARE | TITLE},
    {"mrs", "misses", DOT | BARE | TITLE},
    {"ms", "miss", DOT | BARE | TITLE | NAME | CAPITAL},
    {"mt", "mount", DOT | BARE | NAME | CAPITAL},
    {"mts", "mountains", DOT | BEHIND | CAPITAL},
    {"no", "number", DOT | NUMBER},
    {"nos", "numbers", DOT | NUMBER},
    {"nov", "november", DOT | CAPITAL},
    {"oct", "october", DOT | CAPITAL},
    {"op", "opus", DOT | NUMBER},
    {"p", "page", DOT | NUMBER},
    {"para", "paragraph", DOT | NUMBER},
    {"pp", "pages", DOT | NUMBER},
    {"pres", "president", DOT | NAME | CAPITAL},
    {"prof", "professor", DOT | BARE | TITLE | NAME | CAPITAL},
    {"pt", "part", DOT | NUMBER | CAPITAL},
    {"pvt", "private", DOT | BARE | NAME | CAPITAL},
    {"rep", "representative", DOT | NAME | CAPITAL},
    {"rev", "reverend", DOT | BARE | NAME | CAPITAL},
    {"sec", "section", DOT | NUMBER | CAPITAL},
    {"sen", "senator", DOT | BARE | NAME | CAPITAL},
    {"sep", "september", DOT | CAPITAL},
    {"sept", "september", DOT | BARE | CAPITAL},
    {"sgt", "sergeant", DOT | BARE | NAME | CAPITAL},
    {"sr", "senior", DOT | BARE | BEHIND | CAPITAL},
    {"ste", "suite", DOT | BARE | NUMBER | CAPITAL},
    {"supt", "superintendent", DOT | BARE | NAME | CAPITAL},
    {"tel", "telephone", DOT | NUMBER},
    {"univ", "university", DOT},
    {"ver", "version", DOT | NUMBER},
    {"viz", "namely", DOT},
    {"vol", "volume", DOT | NUMBER},
    {"vols", "volumes", DOT | NUMBER},
    {"vs", "versus", DOT | BARE},
};

/* The dots between letters are part of these. */
static const struct {
    const char *written, *full;
} dotted[] = {
    {"e.g.", "for example"},

    {"i.e.", "that is"},     {"a.k.a.", "also known as"}, {"ph.d.", "PhD"},       {"ph.d", "PhD"},    {"m.sc.", "MSc"},
    {"b.sc.", "BSc"},        {"et al.", "et al"},         {"e.g", "for example"}, {"i.e", "that is"},
};

static bool name_follows(const text_scan *s, size_t i)
{
    return scan_char(s, i) == ' ' && (scan_is_upper(s, i + 1) || (scan_class(scan_char(s, i + 1)) & SCAN_HIGH));
}

/* A word with a capital letter, a space or a comma and a space away. */
static bool name_before(const text_scan *s)
{
    size_t end = scan_skip_space_back(s, s->at);

    if (end > 0 && end < s->at && scan_char(s, end - 1) == ',')
        end--;
    size_t start = scan_word_start(s, end);
    bool ordinal = end - start == 2 && start > 0 && scan_is_digit(s, start - 1); /* 5th Ave. */
    return end < s->at && start < end && (scan_is_upper(s, start) || ordinal);
}

static bool number_follows(const text_scan *s, size_t i)
{
    size_t at = i + (scan_char(s, i) == ' ');

    return scan_is_digit(s, at) || ((scan_char(s, at) == '+' || scan_char(s, at) == '(' || scan_char(s, at) == '#') &&
                                    scan_is_digit(s, at + 1));
}

/* With the capital letter that the abbreviation has. */
static void say_cased(text_scan *s, const char *full)
{
    say(s->out, full);
    size_t n = strlen(full);
    if (scan_is_upper(s, s->at) && s->out->size >= n && *full >= 'a' && *full <= 'z')
        s->out->data[s->out->size - n] = (uint8_t)(*full & ~0x20);
}

/* St. and Dr. are two words each: what is around them decides. */
static size_t saint_or_street(text_scan *s, size_t n)
{
    bool saint = scan_same(s, s->at, n, "st"), dot = scan_char(s, s->at + n) == '.';
    bool ahead = name_follows(s, s->at + n + dot), behind = name_before(s);

    if ((!dot && !ahead && !behind) || (!scan_is_upper(s, s->at) && !(dot && (ahead || !saint))))
        return 0;
    if (saint && !ahead && !behind)
        return 0;
    say_cased(s, ahead || !behind ? (saint ? "saint" : "doctor") : saint ? "street" : "drive");
    if (dot && !ahead && s->at + n + 1 >= s->size)
        return n; /* the dot ends the sentence too */
    return n + dot;
}

bool en_is_abbreviation(const char *word, size_t n)
{
    return scan_find(abbreviations, COUNT(abbreviations), sizeof abbreviations[0], word, n) >= 0 ||
           (n == 2 && (memcmp(word, "St", 2) == 0 || memcmp(word, "Dr", 2) == 0));
}

size_t en_rule_abbreviation(text_scan *s)
{
    size_t n = scan_letters(s, s->at);

    if (scan_same(s, s->at, n, "w") && scan_char(s, s->at + 1) == '/') {
        bool without = (scan_char(s, s->at + 2) | 0x20) == 'o' && !scan_word_char(s, s->at + 3);
        if (without || scan_char(s, s->at + 2) == ' ') {
            say(s->out, without ? "without" : "with");
            return without ? 3 : 2;
        }
    }
    if (n == 0 || scan_word_char(s, s->at + n) || (s->at > 0 && strchr("/\\._@", s->text[s->at - 1])))
        return 0; /* "/etc" is a path */
    if (scan_same(s, s->at, n, "st") || scan_same(s, s->at, n, "dr"))
        return saint_or_street(s, n);
    int k = scan_find(abbreviations, COUNT(abbreviations), sizeof abbreviations[0], s->text + s->at, n);
    if (k < 0)
        return 0;
    int where = abbreviations[k].where;
    bool dot = scan_char(s, s->at + n) == '.';
    if (where & TITLE && dot && scan_char(s, s->at + n + 1) == ' ')
        where &= ~(NAME | CAPITAL);
    else if (where & TITLE)
        where |= CAPITAL;
    size_t end = s->at + n + dot;
    if ((!dot && !(where & BARE)) || (where & CAPITAL && !scan_is_upper(s, s->at)) ||
        (where & NAME && !name_follows(s, end)) || (where & NUMBER && !number_follows(s, end)) ||
        (where & BEHIND && !name_before(s)))
        return 0;
    say_cased(s, abbreviations[k].full);
    /* the dot stays where it also ends the sentence */
    bool last = where & BEHIND || strcmp(abbreviations[k].shortened, "etc") == 0;
    bool ends = end >= s->size || (last && en_sentence_ends(s, end));
    return dot && ends && !(where & (NAME | NUMBER | TITLE)) ? n : end - s->at;
}

/* U.S.A., e.g., 5 p.m. without its number, Ph.D. */
size_t en_rule_initialism(text_scan *s)
{
    size_t at = s->at, count = 0;

    if (!(s->run_has & SCAN_DOT) || (at > 0 && s->text[at - 1] == '.'))
        return 0;
    for (size_t k = 0; k < COUNT(dotted); k++)
        if (scan_is(s, at, dotted[k].written) && !scan_word_char(s, at + strlen(dotted[k].written))) {
            say_cased(s, dotted[k].full);
            return strlen(dotted[k].written);
        }
    while (count < 10 && scan_is_letter(s, at) && scan_char(s, at + 1) == '.') {
        at += 2;
        count++;
    }
    if (count < 2 && !(count == 1 && scan_is_letter(s, at) && !scan_word_char(s, at + 1)))
        return 0;
    if (scan_is_letter(s, at) && !scan_word_char(s, at + 1)) {
        if (count == 1 && !(scan_is_upper(s, s->at) && scan_is_upper(s, at)) && !scan_is(s, at, "m"))
            return 0; /* "a.x" is a name in a program */
        at++;         /* "a.m" */
    } else if (scan_word_char(s, at)) {
        return 0;
    }
    say_gap(s->out);
    for (size_t i = s->at; i < at; i++)
        if (scan_is_letter(s, i))
            hse_buf_byte(s->out, (uint8_t)(s->text[i] & ~0x20));
    bool dot = s->text[at - 1] == '.';
    return dot && at >= s->size ? at - 1 - s->at : at - s->at;
}

/* --- Roman numerals ------------------------------------------------------------------------------------------------
 */

/* Words whose number is a plain one: chapter four. */
static const char *const numbered[] = {
    "act",      "annex",    "apollo",  "appendix",  "article", "book",     "bowl",     "canto",   "case",
    "category", "chapter",  "class",   "column",    "day",     "division", "episode",  "exhibit", "fig",
    "figure",   "game",     "grade",   "group",     "level",   "line",     "mark",     "mk",      "model",
    "note",     "number",   "page",    "paragraph", "part",    "period",   "phase",    "plate",   "problem",
    "quarter",  "question", "rocky",   "round",     "rule",    "scene",    "schedule", "season",  "section",
    "sonata",   "stage",    "step",    "symphony",  "table",   "theorem",  "tier",     "title",   "type",
    "unit",     "verse",    "version", "volume",    "war",     "week",     "year",
};

/* Given names of rulers and people: Henry the eighth. */
static const char *const names[] = {
    "abdul",       "abdullah",  "adrian",     "albert",    "alexander", "alfonso",   "amenhotep", "andrew",
    "anthony",     "antiochus", "arthur",     "baldwin",   "baudouin",  "benedict",  "boniface",  "carl",
    "carol",       "casimir",   "catherine",  "celestine", "charles",   "christian", "clement",   "cleopatra",
    "constantine", "cosimo",    "cyrus",      "darius",    "david",     "duncan",    "edgar",     "edmund",
    "edward",      "elizabeth", "emmanuel",   "eric",      "ernest",    "eugene",    "ferdinand", "francis",
    "francisco",   "franz",     "frederick",  "friedrich", "george",    "gregory",   "gustav",    "gustavus",
    "haakon",      "hadrian",   "harald",     "harold",    "hassan",    "henri",     "henry",     "hussein",
    "innocent",    "isabella",  "ivan",       "jacob",     "james",     "john",      "joseph",    "juan",
    "julius",      "justin",    "justinian",  "karl",      "kenneth",   "leo",       "leopold",   "lothar",
    "louis",       "ludwig",    "magnus",     "manuel",    "margaret",  "maria",     "martin",    "mary",
    "maximilian",  "mehmed",    "michael",    "mohammed",  "muhammad",  "murad",     "napoleon",  "nicholas",
    "olaf",        "oscar",     "otto",       "paul",      "pedro",     "peter",     "philip",    "philippe",
    "pius",        "ptolemy",   "rama",       "ramesses",  "ramses",    "rene",      "reza",      "richard",
    "robert",      "rudolf",    "sam",        "samuel",    "selim",     "sigismund", "sixtus",    "stephen",
    "suleiman",    "theodore",  "theodosius", "thomas",    "thutmose",  "umberto",   "urban",     "valentinian",
    "victor",      "victoria",  "vittorio",   "vladimir",  "walter",    "wilhelm",   "willem",    "william",
    "xerxes",
};

size_t en_rule_roman(text_scan *s)
{
    size_t n = scan_letters(s, s->at), end = s->at + n;

    if (!common_is_roman(s->text + s->at, n) || scan_word_char(s, end) ||
        (scan_char(s, end) == '\'' && scan_is_letter(s, end + 1) && !(n > 1 && scan_is(s, end, "'s"))))
        return 0;
    unsigned v = common_roman(s->text + s->at, n);
    bool upper = scan_is_upper(s, s->at);
    size_t before_end = scan_skip_space_back(s, s->at), before = scan_word_start(s, before_end),
           len = before_end - before;
    bool spaced = before_end < s->at;
    if (v == 0)
        return 0;
    bool section = spaced && scan_find(numbered, COUNT(numbered), sizeof numbered[0], s->text + before, len) >= 0;
    if (section && (upper || n > 1)) {
        /* "Part I went to": a pronoun has a verb behind it */
        if (n == 1 && (v == 1 || !upper) && scan_char(s, end) == ' ' && scan_is_letter(s, end + 1) &&
            !scan_is_upper(s, end + 1))
            return 0;
        en_say_value(s->out, v);
        return n;
    }
    if (!upper)
        return 0;
    if (scan_is(s, end, " century") || scan_is(s, end, " centuries") || scan_is(s, end, " dynasty")) {
        en_say_value_ordinal(s->out, v);
        return n;
    }
    bool capital = spaced && len > 0 && scan_is_upper(s, before) && (len > 1 && !scan_is_upper(s, before + 1));
    bool name = capital && scan_find(names, COUNT(names), sizeof names[0], s->text + before, len) >= 0;
    if (capital && !name && n > 1) {
        /* John Smith III */
        size_t e2 = scan_skip_space_back(s, before), b2 = scan_word_start(s, e2);
        name = e2 < before && b2 < e2 && scan_is_upper(s, b2) &&
               scan_find(names, COUNT(names), sizeof names[0], s->text + b2, e2 - b2) >= 0;
    }
    if (name && v <= 50) {
        if (n == 1 && v == 1 && scan_char(s, end) == ' ' && scan_is_letter(s, end + 1) && !scan_is_upper(s, end + 1) &&
            !scan_is(s, end, " of "))
            return 0; /* "Sam I am" */
        if (n == 1 && v != 1 && v != 5 && v != 10)
            return 0;
        say(s->out, "the");
        en_say_value_ordinal(s->out, v);
        return n;
    }
    /* alone: two letters or more that are no word, no code and no set of initials */
    for (size_t i = 0; i < n; i++)
        if (common_roman(s->text + s->at + i, 1) > 10)
            return 0;
    if (n < 2)
        return 0;
    en_say_value(s->out, v);
    return n;
}

/* --- signs ---------------------------------------------------------------------------------------------------------
 */

static size_t operand_before(const text_scan *s)
{
    size_t at = scan_skip_space_back(s, s->at);

    return at > 0 && (scan_word_before(s, at) || s->text[at - 1] == ')') ? 1 : 0;
}

static bool operand_after(const text_scan *s, size_t i)
{
    size_t at = i + (scan_char(s, i) == ' ');

    return scan_word_char(s, at) || scan_char(s, at) == '(' || (scan_char(s, at) == '-' && scan_is_digit(s, at + 1)) ||
           (scan_char(s, at) == '.' && scan_is_digit(s, at + 1));
}

/* What a sign needs around it. */
enum { ANYWHERE, BETWEEN, FIRST, EVEN }; /* EVEN: between numbers, or with a space on both sides */

static const struct {
    const char *sign, *say;
    int where;
} signs[] = {
    {"&amp;", "and", ANYWHERE},
    {"&lt;", "less than", BETWEEN},
    {"&gt;", "greater than", BETWEEN},
    {"&nbsp;", "", ANYWHERE},
    {"<=", "is less than or equal to", BETWEEN},
    {">=", "is greater than or equal to", BETWEEN},
    {"!=", "is not equal to", BETWEEN},
    {"==", "equals", BETWEEN},
    {"+/-", "plus or minus", ANYWHERE},
    {"%", "percent", ANYWHERE},
    {"&", "and", ANYWHERE},
    {"+", "plus", ANYWHERE},
    {"=", "equals", BETWEEN},
    {"<", "is less than", EVEN},
    {">", "is greater than", EVEN},
    {"@", "at", ANYWHERE},
    {"×", "times", BETWEEN},
    {"÷", "divided by", ANYWHERE},
    {"±", "plus or minus", ANYWHERE},
    {"≈", "is approximately", ANYWHERE},
    {"≠", "is not equal to", ANYWHERE},
    {"≤", "is less than or equal to", ANYWHERE},
    {"≥", "is greater than or equal to", ANYWHERE},
    {"√", "square root of", ANYWHERE},
    {"∞", "infinity", ANYWHERE},
    {"∑", "sum", ANYWHERE},
    {"∫", "integral", ANYWHERE},
    {"∆", "delta", ANYWHERE},
    {"°C", "degrees celsius", ANYWHERE},
    {"°F", "degrees fahrenheit", ANYWHERE},
    {"°", "degrees", ANYWHERE},
    {"§§", "sections", ANYWHERE},
    {"§", "section", ANYWHERE},
    {"¶", "paragraph", ANYWHERE},
    {"©", "copyright", ANYWHERE},
    {"®", "", ANYWHERE},
    {"™", "", ANYWHERE},
    {"№", "number", ANYWHERE},
    {"‰", "per mille", ANYWHERE},
    {"²", "squared", FIRST},
    {"³", "cubed", FIRST},
    {"^2", "squared", FIRST},
    {"^3", "cubed", FIRST},
    {"^", "to the power of", BETWEEN},
    {"→", "to", BETWEEN},
    {"⇒", "implies", BETWEEN},
    {"·", "times", BETWEEN},
    {"$", "dollar", ANYWHERE},
    {"£", "pound", ANYWHERE},
    {"€", "euro", ANYWHERE},
    {"¥", "yen", ANYWHERE},
    {"¢", "cents", ANYWHERE},
    {"₩", "won", ANYWHERE},
    {"₹", "rupee", ANYWHERE},
    {"₽", "ruble", ANYWHERE},
};

/* A run of one sign is a line or an ornament: "=====", "+++". */
static size_t ornament(const text_scan *s)
{
    char c = s->text[s->at];
    size_t n = 1;

    if (c & 0x80 || !strchr("+=<>&@%$^#*_|~", c))
        return 0;
    while (s->at + n < s->size && s->text[s->at + n] == c)
        n++;
    return n >= 3 ? n : 0;
}

size_t en_rule_symbol(text_scan *s)
{
    char c = s->text[s->at];
    size_t n = ornament(s);

    if (n) {
        if (operand_before(s) && operand_after(s, s->at + n))
            say_gap(s->out);
        return n;
    }
    if (c == '_' || c == '|') {
        if (operand_before(s) && operand_after(s, s->at + 1))
            say_gap(s->out);
        return 1;
    }
    if (c == '/' && scan_word_before(s, s->at) && scan_word_char(s, s->at + 1)) {
        say_gap(s->out);
        return 1;
    }
    if (c == '*') {
        bool digits = s->at > 0 && scan_is_digit(s, scan_skip_space_back(s, s->at) - 1) &&
                      scan_is_digit(s, s->at + 1 + (scan_char(s, s->at + 1) == ' '));
        if (digits)
            say(s->out, "times");
        return digits;
    }
    if (c == '-') {
        bool minus = scan_is(s, s->at, "- ") && s->at > 1 && s->text[s->at - 1] == ' ' && scan_is_digit(s, s->at - 2) &&
                     (scan_is_digit(s, s->at + 2) || scan_is(s, s->at + 2, "-"));
        if (minus)
            say(s->out, "minus");
        return minus;
    }
    if (c == '#' && s->at + 1 < s->size && scan_char(s, s->at + 1) == ' ')
        return 0; /* a heading */
    if (scan_word_before(s, s->at) && c == '$' && scan_is_letter(s, s->at + 1))
        return 0; /* a letter in disguise */
    for (size_t k = 0; k < COUNT(signs); k++) {
        if (*signs[k].sign != c || !scan_is(s, s->at, signs[k].sign))
            continue;
        size_t len = strlen(signs[k].sign);
        bool before = operand_before(s), after = operand_after(s, s->at + len);
        bool spaces = s->at > 0 && s->text[s->at - 1] == ' ' && scan_char(s, s->at + len) == ' ';
        bool numbers = s->at > 0 && scan_is_digit(s, s->at - 1) && scan_is_digit(s, s->at + len);
        if (signs[k].where == EVEN && !(before && after && (spaces || numbers)))
            continue;
        if ((signs[k].where == BETWEEN && !(before && after)) ||
            (signs[k].where == FIRST && (!before || scan_word_char(s, s->at + len))))
            continue;
        if (*signs[k].say)
            say(s->out, signs[k].say);
        return len;
    }
    return 0;
}

/* A Greek letter by itself is a symbol: alpha, pi. */
size_t en_rule_greek(text_scan *s)
{
    static const char *const letters[] = {
        "alpha", "beta",   "gamma",   "delta", "epsilon", "zeta",    "eta",   "theta", "iota",
        "kappa", "lambda", "mu",      "nu",    "xi",      "omicron", "pi",    "rho",   "sigma",
        "sigma", "tau",    "upsilon", "phi",   "chi",     "psi",     "omega",
    };
    unsigned char a = (unsigned char)scan_char(s, s->at), b = (unsigned char)scan_char(s, s->at + 1);
    unsigned c = (a & 0x1Fu) << 6 | (b & 0x3Fu);

    if (a < 0xCE || a > 0xCF)
        return 0;
    if (c >= 0x391 && c <= 0x3A9)
        c += 0x20;
    if (c < 0x3B1 || c > 0x3C9 || (scan_word_char(s, s->at + 2) && !scan_is_digit(s, s->at + 2)))
        return 0;
    say(s->out, letters[c - 0x3B1]);
    return 2;
}
