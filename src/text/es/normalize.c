/* normalize.c - Spanish: its words, ordinals, Roman numerals, abbreviations, and the order of its rules. */
#include "text/es/es.h"

static void say_number(text_scan *s, const text_number *n, unsigned use)
{
    say_gap(s->out);
    if (!es_cardinal(s->out, n->n ? n->digits : "0", n->n ? n->n : 1, n->n_fraction ? USE_ALONE : use))
        common_say_digits(s, n->digits, n->n);
    if (n->n_fraction) {
        say(s->out, s->text[n->fraction - 1] == '.' ? "punto" : "coma");
        common_say_decimals(s, n, use);
    }
}

/* What stands behind a number tells its gender and that it is shortened: 21 libros, 200 personas; but 21 de mayo. */
static unsigned use_before(const text_scan *s, size_t i)
{
    static const char *const masculine[] = {"día", "días", "problema", "problemas", "programa", "programas", "sistema", "sistemas",
                                            "tema", "temas", "mapa", "mapas", "idioma", "idiomas", "poema", "poemas", "planeta",
                                            "planetas"};
    static const char *const others[] = {"que", "con", "por", "para", "pero", "como", "sin", "más", "menos", "entre", "fue", "son",
                                         "está", "están", "del", "desde", "hasta", "cuando", "si", "ni", "sobre", "antes", "era",
                                         "después", "contra", "según", "los", "las", "una", "ha", "han", "es", "coma", "punto"};
    static const char *const endings[] = {"a", "as", "ción", "ciones", "sión", "siones", "dad", "dades", "tud", "tudes"};
    size_t start = i + 1, n = 0;

    if (scan_char(s, i) != ' ')
        return USE_ALONE;
    while (n < SCAN_MAX_WORD && scan_class(scan_char(s, start + n)) & (SCAN_LOWER | SCAN_HIGH))
        n++;
    if (n < 3 || n == SCAN_MAX_WORD || scan_word_char(s, start + n))
        return USE_ALONE;
    for (size_t k = 0; k < COUNT(others); k++)
        if (scan_same(s, start, n, others[k]))
            return USE_ALONE;
    for (size_t k = 0; k < COUNT(masculine); k++)
        if (scan_same(s, start, n, masculine[k]))
            return USE_MASCULINE;
    for (size_t k = 0; k < COUNT(endings); k++)
        if (scan_is_before(s, start + n, endings[k]))
            return USE_FEMININE;
    return USE_MASCULINE;
}

/* Halves and thirds have names, twelfths and more end in -avo where they are short, ordinals otherwise. */
static void say_fraction(text_scan *s, const text_number *whole, const text_number *n, const text_number *d)
{
    static const char *const names[] = {"",       "",        "medio",   "tercio",  "cuarto",   "quinto",
                                        "sexto",  "séptimo", "octavo",  "noveno",  "décimo",   "onceavo",
                                        "doceavo", "treceavo", "catorceavo", "quinceavo", "dieciseisavo", "diecisieteavo",
                                        "dieciochoavo", "diecinueveavo", "veinteavo"};
    unsigned below = common_value(d);
    bool one = common_is_one(n);

    if (whole) {
        say_number(s, whole, USE_ALONE);
        say(s->out, "y");
    }
    if (!(one && below == 2))
        say_number(s, n, below > 1 ? USE_MASCULINE : USE_ALONE);
    say_gap(s->out);
    if (below >= 2 && below < COUNT(names)) {
        hse_buf_str(s->out, names[below]);
    } else if (below < 2 || !es_ordinal(s->out, below, ES_PRIMERO)) {
        say(s->out, "sobre");
        say_number(s, d, USE_ALONE);
        return;
    }
    if (!one)
        hse_buf_byte(s->out, 's');
}

/* 1.º, 2.ª, 3.er, 1º, 1er, 1ra, 5to, 28° */
static size_t rule_ordinal(text_scan *s)
{
    static const char *const articles[] = {"el", "la", "del", NULL};
    static const struct {
        const char *written;
        es_ordinal_form form;
        bool letters;
    } endings[] = {{"º", ES_PRIMERO, false}, {"ª", ES_PRIMERA, false}, {"°", ES_PRIMERO, false}, {"er", ES_PRIMER, true},
                   {"ro", ES_PRIMERO, true}, {"ra", ES_PRIMERA, true}, {"do", ES_PRIMERO, true}, {"da", ES_PRIMERA, true},
                   {"to", ES_PRIMERO, true}, {"ta", ES_PRIMERA, true}, {"mo", ES_PRIMERO, true}, {"ma", ES_PRIMERA, true},
                   {"vo", ES_PRIMERO, true}, {"va", ES_PRIMERA, true}, {"no", ES_PRIMERO, true}, {"na", ES_PRIMERA, true}};
    text_number n;
    size_t before = s->out->size;

    if (!common_number(s, s->at, &n) || n.n_fraction || n.n == 0 || n.n > 9)
        return 0;
    size_t at = s->at + n.len, dot = scan_char(s, at) == '.';
    for (size_t k = 0; k < COUNT(endings); k++) {
        size_t len = strlen(endings[k].written), end = at + dot + len;
        if (!scan_is(s, at + dot, endings[k].written) || scan_word_char(s, end))
            continue;
        if (*endings[k].written == '\xC2' && endings[k].written[1] == '\xB0' && !dot && !common_degree_is_ordinal(s, articles))
            continue;
        say_gap(s->out);
        if (es_ordinal(s->out, common_value(&n), endings[k].form))
            return end - s->at;
        s->out->size = before;
    }
    return 0;
}

/* los 80s */
static size_t rule_decade(text_scan *s)
{
    size_t before = scan_skip_space_back(s, s->at);

    if (scan_digits(s, s->at, 2) != 2 || scan_char(s, s->at + 1) != '0' || scan_char(s, s->at + 2) != 's' ||
        scan_word_char(s, s->at + 3) || !scan_is_before(s, before, "los"))
        return 0;
    common_say_value(s, scan_value(s, s->at, 2), USE_ALONE);
    return 3;
}

/* ---- Roman numerals ---- */

/* siglo XIX, año MCMXLV: numbers; María VII, el XI apóstol, V: ordinals; Luis XIV: a number from eleven on */
static size_t rule_roman(text_scan *s)
{
    static const char *const numbered[] = {"siglo",  "siglos", "año",   "capítulo", "tomo",  "volumen", "acto",  "escena",
                                           "parte",  "título", "anexo", "apartado", "fase",  "tipo",    "nivel", "guerra",
                                           "libro",  "canto",  "serie", "episodio", "sección",  "cap",   "vol",     "art",   "núm", NULL};
    static const char *const words[] = {"mi", "di", "mil", "mix", "lid", "cd", "dc", "dl", "mm", "cm", "ml", "cc", "mc", NULL};
    size_t n = scan_letters(s, s->at), end = s->at + n;
    unsigned v = common_is_roman(s->text + s->at, n) ? common_roman(s->text + s->at, n) : 0;

    if (!v || scan_word_char(s, end))
        return 0;
    bool upper = scan_is_upper(s, s->at);
    size_t before_end = scan_skip_space_back(s, s->at);
    bool spaced = before_end < s->at, dot = spaced && before_end && s->text[before_end - 1] == '.';
    before_end -= dot; /* vol. III */
    size_t before = spaced ? common_word_before(s, before_end) : s->at, next = common_skip_space(s, end), next_end = next;
    size_t len = before_end < s->at ? before_end - before : 0;
    bool named = len > 2 && common_capital(s, before) && upper && !dot;
    while (next_end - next < SCAN_MAX_WORD && scan_class(scan_char(s, next_end)) & (SCAN_LOWER | SCAN_UPPER | SCAN_HIGH))
        next_end++;
    bool before_noun = !named && next > end && next_end > next + 3 && (s->text[next_end - 1] | 0x20) == 'a'; /* II Guerra */
    bool feminine = before_noun || (len > 2 && before_end && (s->text[before_end - 1] | 0x20) == 'a') || scan_same(s, before, len, "la") ||
                    scan_same(s, before, len, "isabel") || scan_same(s, before, len, "beatriz");

    if (len && common_word_is(s, before, len, numbered)) {
        common_say_value(s, v, USE_ALONE);
        return n;
    }
    /* a letter alone, and a word that means something else, are what they look like but behind a name */
    bool alone = s->size == n && upper && v <= 10; /* the number of a part of a book, a line for itself */
    bool word = common_word_is(s, s->at, n, words) || (!upper && (scan_same(s, s->at, n, "vi") || scan_same(s, s->at, n, "xi")));
    if (!named && (word || (n < 2 && !alone)))
        return 0;
    if (named && v > 10) {
        common_say_value(s, v, USE_ALONE);
        return n;
    }
    say_gap(s->out);
    return es_ordinal(s->out, v, feminine ? ES_PRIMERA : ES_PRIMERO) ? n : 0;
}

/* ---- abbreviations ---- */

static const struct {
    const char *written, *say;
} abbreviations[] = {
    {"sr.", "señor"},        {"sra.", "señora"},       {"srta.", "señorita"},    {"sres.", "señores"},    {"sras.", "señoras"},
    {"dr.", "doctor"},       {"dra.", "doctora"},      {"prof.", "profesor"},    {"profa.", "profesora"}, {"lic.", "licenciado"},
    {"ing.", "ingeniero"},   {"arq.", "arquitecto"},   {"gral.", "general"},     {"cnel.", "coronel"},    {"cap.", "capítulo"},
    {"dña.", "doña"},        {"ud.", "usted"},         {"uds.", "ustedes"},      {"vd.", "usted"},        {"vds.", "ustedes"},
    {"sto.", "santo"},       {"sta.", "santa"},        {"p. ej.", "por ejemplo"}, {"p.ej.", "por ejemplo"}, {"ej.", "ejemplo"},
    {"etc.", "etcétera"},    {"núm.", "número"},       {"nro.", "número"},       {"n.º", "número"},       {"nº", "número"},
    {"n°", "número"},        {"pág.", "página"},       {"págs.", "páginas"},     {"vol.", "volumen"},     {"art.", "artículo"},
    {"fig.", "figura"},      {"tel.", "teléfono"},     {"tfno.", "teléfono"},    {"avda.", "avenida"},    {"av.", "avenida"},
    {"aprox.", "aproximadamente"}, {"máx.", "máximo"}, {"mín.", "mínimo"},       {"ee. uu.", "Estados Unidos"}, {"ee.uu.", "Estados Unidos"},
    {"eeuu", "Estados Unidos"}, {"dpto.", "departamento"}, {"depto.", "departamento"}, {"admón.", "administración"}, {"c/", "calle"},
    {"s.a.", "sociedad anónima"}, {"s. a.", "sociedad anónima"}, {"cía.", "compañía"}, {"hnos.", "hermanos"}, {"vs.", "versus"},
    {"p.", "página"},        {"pp.", "páginas"},
};

static size_t rule_abbreviation(text_scan *s)
{
    for (size_t k = 0; k < COUNT(abbreviations); k++) {
        size_t n = strlen(abbreviations[k].written), end = s->at + n;
        if (!scan_is(s, s->at, abbreviations[k].written) || scan_word_char(s, end))
            continue;
        /* a letter alone needs what it stands for behind it: c/ Mayor, p. 21 */
        bool page = s->text[s->at] == 'p' && scan_is(s, end - 2, "p.") && !scan_is(s, s->at, "p. ej.");
        if ((abbreviations[k].written[1] == '/' && scan_char(s, end) != ' ') ||
            (page && !scan_is_digit(s, common_skip_space(s, end))))
            continue;
        say(s->out, abbreviations[k].say);
        /* the last dot of a sentence stays one */
        if (s->text[end - 1] == '.' && (end >= s->size || scan_char(s, end) == '\n') && n > 1)
            say_mark(s->out, '.');
        return n;
    }
    return 0;
}

/* ---- words ---- */

static const char *const scales[] = {"quintillones", "quintillón", "cuatrillones", "cuatrillón", "trillones", "trillón",
                                     "billones",     "billón",     "millones",     "millón",     "millon",    NULL};
static const char *const prefixes[UNIT_PREFIXES] = {"",     "pico",  "nano", "micro", "mili", "centi",
                                                    "deci", "hecto", "kilo", "mega",  "giga", "tera"};

static const text_noun units[UNITS] = {
    [UNIT_METRE] = {"metro", "metros", false},
    [UNIT_GRAM] = {"gramo", "gramos", false},
    [UNIT_LITRE] = {"litro", "litros", false},
    [UNIT_SECOND] = {"segundo", "segundos", false},
    [UNIT_HERTZ] = {"hercio", "hercios", false},
    [UNIT_BYTE] = {"byte", "bytes", false},
    [UNIT_BIT] = {"bit", "bits", false},
    [UNIT_BIT_RATE] = {"bit por segundo", "bits por segundo", false},
    [UNIT_WATT] = {"vatio", "vatios", false},
    [UNIT_WATT_HOUR] = {"vatio hora", "vatios hora", false},
    [UNIT_VOLT] = {"voltio", "voltios", false},
    [UNIT_AMPERE] = {"amperio", "amperios", false},
    [UNIT_AMPERE_HOUR] = {"amperio hora", "amperios hora", false},
    [UNIT_PASCAL] = {"pascal", "pascales", false},
    [UNIT_JOULE] = {"julio", "julios", false},
    [UNIT_CALORIE] = {"caloría", "calorías", true},
    [UNIT_NEWTON] = {"newton", "newtons", false},
    [UNIT_ELECTRONVOLT] = {"electronvoltio", "electronvoltios", false},
    [UNIT_OHM] = {"ohmio", "ohmios", false},
    [UNIT_FARAD] = {"faradio", "faradios", false},
    [UNIT_MOLE] = {"mol", "moles", false},
    [UNIT_BAR] = {"bar", "bares", false},
    [UNIT_DECIBEL] = {"decibelio", "decibelios", false},
    [UNIT_LUMEN] = {"lumen", "lúmenes", false},
    [UNIT_LUX] = {"lux", "lux", false},
    [UNIT_PIXEL] = {"píxel", "píxeles", false},
    [UNIT_PERCENT] = {"por ciento", "por ciento", false},
    [UNIT_PER_MILLE] = {"por mil", "por mil", false},
    [UNIT_CELSIUS] = {"grado celsius", "grados celsius", false},
    [UNIT_FAHRENHEIT] = {"grado fahrenheit", "grados fahrenheit", false},
    [UNIT_DEGREE] = {"grado", "grados", false},
    [UNIT_MINUTE] = {"minuto", "minutos", false},
    [UNIT_HOUR] = {"hora", "horas", true},
    [UNIT_HECTARE] = {"hectárea", "hectáreas", true},
    [UNIT_TONNE] = {"tonelada", "toneladas", true},
    [UNIT_FOOT] = {"pie", "pies", false},
    [UNIT_INCH] = {"pulgada", "pulgadas", true},
    [UNIT_YARD] = {"yarda", "yardas", true},
    [UNIT_MILE] = {"milla", "millas", true},
    [UNIT_POUND] = {"libra", "libras", true},
    [UNIT_OUNCE] = {"onza", "onzas", true},
    [UNIT_GALLON] = {"galón", "galones", false},
    [UNIT_MILE_PER_HOUR] = {"milla por hora", "millas por hora", true},
    [UNIT_REVOLUTION] = {"revolución por minuto", "revoluciones por minuto", true},
    [UNIT_FRAME] = {"fotograma por segundo", "fotogramas por segundo", false},
    [UNIT_BEAT] = {"latido por minuto", "latidos por minuto", false},
    [UNIT_PART_PER_MILLION] = {"parte por millón", "partes por millón", true},
    [UNIT_HORSEPOWER] = {"caballo de vapor", "caballos de vapor", false},
};

/* The stress of these is on the prefix. */
static const text_unit_name unit_names[] = {
    {2, UNIT_METRE, {"nanómetro", "nanómetros", false}},   {3, UNIT_METRE, {"micrómetro", "micrómetros", false}},
    {4, UNIT_METRE, {"milímetro", "milímetros", false}},   {5, UNIT_METRE, {"centímetro", "centímetros", false}},
    {6, UNIT_METRE, {"decímetro", "decímetros", false}},   {7, UNIT_METRE, {"hectómetro", "hectómetros", false}},
    {8, UNIT_METRE, {"kilómetro", "kilómetros", false}},   {0, UNITS, {0}},
};

#define DOLLARS(of) {"dólar " of, "dólares " of, false}, "centavo", "centavos"

static const text_currency currencies[] = {
    {"$", {"dólar", "dólares", false}, "centavo", "centavos"},
    {"us$", {"dólar estadounidense", "dólares estadounidenses", false}, "centavo", "centavos"},
    {"usd", {"dólar estadounidense", "dólares estadounidenses", false}, "centavo", "centavos"},
    {"€", {"euro", "euros", false}, "céntimo", "céntimos"},
    {"m€", {"millón de euros", "millones de euros", false}, NULL, NULL},
    {"eur", {"euro", "euros", false}, "céntimo", "céntimos"},
    {"£", {"libra", "libras", true}, "penique", "peniques"},
    {"gbp", {"libra esterlina", "libras esterlinas", true}, "penique", "peniques"},
    {"¥", {"yen", "yenes", false}, "centavo", "centavos"},
    {"jpy", {"yen", "yenes", false}, "centavo", "centavos"},
    {"cny", {"yuan", "yuanes", false}, NULL, NULL},
    {"₩", {"won", "wones", false}, NULL, NULL},
    {"krw", {"won surcoreano", "wones surcoreanos", false}, NULL, NULL},
    {"₡", {"colón", "colones", false}, "céntimo", "céntimos"},
    {"crc", {"colón costarricense", "colones costarricenses", false}, "céntimo", "céntimos"},
    {"svc", {"colón salvadoreño", "colones salvadoreños", false}, "centavo", "centavos"},
    {"₧", {"peseta", "pesetas", true}, "céntimo", "céntimos"},
    {"pta", {"peseta", "pesetas", true}, "céntimo", "céntimos"},
    {"ptas", {"peseta", "pesetas", true}, "céntimo", "céntimos"},
    {"nio", {"córdoba", "córdobas", false}, "centavo", "centavos"},
    {"c$", {"córdoba", "córdobas", false}, "centavo", "centavos"},
    {"pab", {"balboa", "balboas", false}, "centésimo", "centésimos"},
    {"b/.", {"balboa", "balboas", false}, "centésimo", "centésimos"},
    {"rs", {"rupia", "rupias", true}, NULL, NULL},
    {"₹", {"rupia", "rupias", true}, NULL, NULL},
    {"inr", {"rupia india", "rupias indias", true}, NULL, NULL},
    {"ttd", DOLLARS("de Trinidad y Tobago")},
    {"bop", {"peso boliviano", "pesos bolivianos", false}, "centavo", "centavos"},
    {"bob", {"boliviano", "bolivianos", false}, "centavo", "centavos"},
    {"chf", {"franco suizo", "francos suizos", false}, "céntimo", "céntimos"},
    {"fr", {"franco", "francos", false}, "céntimo", "céntimos"},
    {"hnl", {"lempira", "lempiras", false}, "centavo", "centavos"},
    {"kr", {"corona", "coronas", true}, NULL, NULL},
    {"sek", {"corona sueca", "coronas suecas", true}, NULL, NULL},
    {"nok", {"corona noruega", "coronas noruegas", true}, NULL, NULL},
    {"dkk", {"corona danesa", "coronas danesas", true}, NULL, NULL},
    {"mk", {"marco", "marcos", false}, NULL, NULL},
    {"q", {"quetzal", "quetzales", false}, "centavo", "centavos"},
    {"gtq", {"quetzal", "quetzales", false}, "centavo", "centavos"},
    {"hkd", DOLLARS("de Hong Kong")},
    {"hk$", DOLLARS("de Hong Kong")},
    {"cad", {"dólar canadiense", "dólares canadienses", false}, "centavo", "centavos"},
    {"aud", {"dólar australiano", "dólares australianos", false}, "centavo", "centavos"},
    {"nzd", {"dólar neozelandés", "dólares neozelandeses", false}, "centavo", "centavos"},
    {"awg", {"florín arubeño", "florines arubeños", false}, NULL, NULL},
    {"r$", {"real", "reales", false}, "centavo", "centavos"},
    {"brl", {"real brasileño", "reales brasileños", false}, "centavo", "centavos"},
    {"mex$", {"peso mexicano", "pesos mexicanos", false}, "centavo", "centavos"},
    {"mxn", {"peso mexicano", "pesos mexicanos", false}, "centavo", "centavos"},
    {"ars", {"peso argentino", "pesos argentinos", false}, "centavo", "centavos"},
    {"clp", {"peso chileno", "pesos chilenos", false}, NULL, NULL},
    {"cop", {"peso colombiano", "pesos colombianos", false}, "centavo", "centavos"},
    {"cup", {"peso cubano", "pesos cubanos", false}, "centavo", "centavos"},
    {"dop", {"peso dominicano", "pesos dominicanos", false}, "centavo", "centavos"},
    {"uyu", {"peso uruguayo", "pesos uruguayos", false}, "centésimo", "centésimos"},
    {"php", {"peso filipino", "pesos filipinos", false}, "centavo", "centavos"},
    {"pen", {"sol", "soles", false}, "céntimo", "céntimos"},
    {"s/", {"sol", "soles", false}, "céntimo", "céntimos"},
    {"pyg", {"guaraní", "guaraníes", false}, NULL, NULL},
    {"₲", {"guaraní", "guaraníes", false}, NULL, NULL},
    {"vef", {"bolívar", "bolívares", false}, "céntimo", "céntimos"},
    {"ves", {"bolívar", "bolívares", false}, "céntimo", "céntimos"},
    {"₽", {"rublo", "rublos", false}, "kopek", "kopeks"},
    {"rub", {"rublo", "rublos", false}, "kopek", "kopeks"},
    {"pln", {"esloti", "eslotis", false}, NULL, NULL},
};

static const text_sign signs[] = {
    {"-", "menos", SIGN_LEADS},          {"+", "más", SIGN_LEADS},           {"+", "más", SIGN_BETWEEN},
    {"-", "menos", SIGN_BETWEEN},        {"±", "más menos", SIGN_ALONE},     {"×", "por", SIGN_ALONE},
    {"*", "por", SIGN_BETWEEN},          {"÷", "entre", SIGN_ALONE},         {"/", "entre", SIGN_BETWEEN},
    {"<=", "menor o igual que", SIGN_ALONE}, {">=", "mayor o igual que", SIGN_ALONE}, {"≤", "menor o igual que", SIGN_ALONE},
    {"≥", "mayor o igual que", SIGN_ALONE}, {"≠", "distinto de", SIGN_ALONE}, {"≈", "aproximadamente", SIGN_ALONE},
    {"=", "igual a", SIGN_ALONE},        {"<", "menor que", SIGN_BETWEEN},   {">", "mayor que", SIGN_BETWEEN},
    {"~", "aproximadamente", SIGN_LEADS}, {"#", "número", SIGN_LEADS},       {"№", "número", SIGN_ALONE},
    {"√", "raíz de", SIGN_ALONE},        {"π", "pi", SIGN_ALONE},            {"∞", "infinito", SIGN_ALONE},
    {"²", "al cuadrado", SIGN_ALONE},    {"³", "al cubo", SIGN_ALONE},       {"%", "por ciento", SIGN_ALONE},
    {"&", "y", SIGN_ALONE},              {"@", "arroba", SIGN_ALONE},        {"+", "más", SIGN_ALONE},
    {"°", "grados", SIGN_ALONE},         {"§", "sección", SIGN_LEADS},       {"©", "", SIGN_ALONE},
    {"®", "", SIGN_ALONE},               {"™", "", SIGN_ALONE},
};

static const text_sign address_signs[] = {
    {".", "punto", 0},       {"@", "arroba", 0}, {"/", "barra", 0}, {":", "dos puntos", 0}, {"-", "guion", 0},
    {"_", "guion bajo", 0},  {"?", "interrogación", 0}, {"=", "igual", 0}, {"&", "y", 0}, {"#", "almohadilla", 0},
    {"%", "por ciento", 0},  {"+", "más", 0},    {"~", "tilde", 0},
};

static const text_words words = {
    .group = '.',
    .point = ',',
    .space_groups = true,
    .scales = scales,
    .digit = {"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"},
    .spoken_point = "punto",
    .minus = "menos",
    .range = "a",
    .ratio = "a",
    .per = "por",
    .of = "de",
    .power = {{"cuadrado", "cuadrados"}, {"cúbico", "cúbicos"}},
    .prefixes = prefixes,
    .units = units,
    .unit_names = unit_names,
    .currencies = currencies,
    .n_currencies = COUNT(currencies),
    .signs = signs,
    .n_signs = COUNT(signs),
    .address_signs = address_signs,
    .n_address_signs = COUNT(address_signs),
    .clock_separators = ":.",
    .phone_groups = "333",
    .number = say_number,
    .use = use_before,
    .fraction = say_fraction,
    .clock = es_say_clock,
    .date = es_say_date,
};

static const text_rule rules[] = {
    {"address", START_DIGIT | START_LETTER | START_SYMBOL, common_rule_address},
    {"numeric date", START_DIGIT, common_rule_date},
    {"day first", START_DIGIT, es_rule_day_first},
    {"day and month", START_DIGIT, es_rule_day_month},
    {"month first", START_LETTER, es_rule_month_first},
    {"weekday", START_LETTER, es_rule_weekday},
    {"era", START_LETTER, es_rule_era},
    {"decade", START_DIGIT, rule_decade},
    {"money", START_CURRENCY | START_LETTER | START_SYMBOL, common_rule_money},
    {"money, sign behind", START_DIGIT | START_SYMBOL, common_rule_money_behind},
    {"currency", START_CURRENCY, common_rule_currency},
    {"time", START_DIGIT, es_rule_time},
    {"phone", START_DIGIT | START_SYMBOL, common_rule_phone},
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

    if (n <= 3 && strchr("aAdDeE", *word) && (n == 1 || (word[n - 1] | 0x20) == 'c'))
        return true; /* a. C., ec */
    for (size_t k = 0; k < COUNT(abbreviations) && n <= 6; k++)
        if (scan_is(&s, 0, abbreviations[k].written))
            return true;
    return common_is_roman(word, n) || es_is_cue(word, n) || (n <= 4 && common_is_code(&words, word, n));
}

static const text_written written = {.ordinal = {"", ".\u00BA"}, .months = es_months, .between = " de "};

const text_language text_language_es = {.code = "es", .rules = rules, .n_rules = COUNT(rules), .cue = cue, .words = &words,
                                        .written = &written};
