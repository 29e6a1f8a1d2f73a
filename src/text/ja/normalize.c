/* normalize.c - Japanese: numbers in kanji, dates and their weekdays, times, amounts, signs. */
#include "text/common/common.h"

static const char *const large[] = {"", "万", "億", "兆", "京", "垓", "𥝱", "穣"};

static const asian_numerals numerals = {
    .digit = {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"},
    .small = {"", "十", "百", "千"},
    .large = large,
    .n_large = COUNT(large),
    .one_thousand = true,
    .point = "点",
};

static void say_number(text_scan *s, const text_number *n, unsigned use)
{
    (void)use;
    asian_number(s, n, &numerals);
}

static void say_fraction(text_scan *s, const text_number *whole, const text_number *n, const text_number *d)
{
    if (whole) {
        asian_number(s, whole, &numerals);
        hse_buf_str(s->out, "と");
    }
    asian_number(s, d, &numerals);
    hse_buf_str(s->out, "分の");
    asian_number(s, n, &numerals);
}

static void say_part(text_scan *s, unsigned value, const char *unit)
{
    common_say_value(s, value, USE_ALONE);
    hse_buf_str(s->out, unit);
}

static void say_clock(text_scan *s, const text_clock *c)
{
    say_part(s, c->hour, "時");
    if (c->minute || c->has_second)
        say_part(s, c->minute, "分");
    if (c->has_second)
        say_part(s, c->second, "秒");
}

/* 2024/01/30; 30/1/2024 */
static bool say_date(text_scan *s, const text_date *d)
{
    int year = d->n[2] == 4 && d->n[0] <= 2 ? 2 : 0, day = year ? 0 : 2;

    if (d->n[year] != 4 || d->value[1] < 1 || d->value[1] > 12 || d->value[day] < 1 || d->value[day] > 31)
        return false;
    say_part(s, d->value[year], "年");
    say_part(s, d->value[1], "月");
    say_part(s, d->value[day], "日");
    return true;
}

/* A day of the week at i, or 祝 (a holiday): bytes; its word. */
static size_t weekday_at(const text_scan *s, size_t i, const char **word)
{
    static const char *const days[][2] = {{"月", "月曜日"}, {"火", "火曜日"}, {"水", "水曜日"}, {"木", "木曜日"},
                                          {"金", "金曜日"}, {"土", "土曜日"}, {"日", "日曜日"}, {"祝", "祝日"}};

    for (size_t k = 0; k < COUNT(days); k++)
        if (scan_is(s, i, days[k][0])) {
            *word = days[k][1];
            return strlen(days[k][0]);
        }
    return 0;
}

static size_t either(const text_scan *s, size_t i, const char *a, const char *b)
{
    return scan_is(s, i, a) ? strlen(a) : scan_is(s, i, b) ? strlen(b) : 0;
}

/* "(月)", "(月・祝)", "(月〜金)" behind a day */
static size_t rule_weekday(text_scan *s)
{
    const char *word;
    size_t at = s->at, n;

    if (!(n = either(s, at, "(", "（")) || !(scan_is_before(s, at, "日") || scan_is_digit(s, at - 1)))
        return 0;
    at += n;
    if (!(n = weekday_at(s, at, &word)))
        return 0;
    for (;;) {
        hse_buf_str(s->out, word);
        at += n;
        if ((n = either(s, at, ")", "）")))
            return at + n - s->at;
        if ((n = either(s, at, "・", "，")) == 0 && (n = either(s, at, "〜", "~")))
            hse_buf_str(s->out, "から");
        at += n;
        if (!n || !(n = weekday_at(s, at, &word)))
            return 0;
    }
}

/* A wave or a dash between two times or counts is "from": 1月〜3月, 70〜80年代 */
static size_t rule_wave(text_scan *s)
{
    static const char *const nouns[] = {"月", "日", "年", "代", "紀", "頃", "旬", "末", "時", "分", "期", "半", "人", "円", "頭", "盤", ")", "）"};
    static const char *const next[] = {"令和", "平成", "昭和", "大正", "明治", "西暦", "紀元", "同", "翌", "来", "午後", "午前", "上旬", "中旬", "下旬", "末"};
    size_t n = either(s, s->at, "〜", "~"), behind;
    n = n ? n : either(s, s->at, "-", "–");
    behind = s->at + n;
    bool left = n > 1 && s->at > 0 && scan_is_digit(s, s->at - 1), right = scan_is_digit(s, behind);

    for (size_t k = 0; k < COUNT(nouns) && !left; k++)
        left = scan_is_before(s, s->at, nouns[k]);
    for (size_t k = 0; k < COUNT(next) && !right; k++)
        right = scan_is(s, behind, next[k]);
    if (!n || !left || !right)
        return 0;
    hse_buf_str(s->out, "から");
    return n;
}

/* R.4, H31.4.30: the era by its letter */
static size_t rule_era(text_scan *s)
{
    static const struct {
        char letter;
        const char *name;
    } eras[] = {{'R', "令和"}, {'H', "平成"}, {'S', "昭和"}, {'T', "大正"}, {'M', "明治"}};
    static const char *const units[] = {"年", "月", "日"};
    size_t at = s->at + 1, n, parts = 0;
    bool dot = scan_char(s, at) == '.', found = false;

    for (size_t k = 0; k < COUNT(eras) && !found; k++)
        if ((found = eras[k].letter == s->text[s->at]))
            hse_buf_str(s->out, eras[k].name);
    if (!found)
        return 0;
    at += dot;
    while (parts < 3 && (n = scan_digits(s, at, 2)) >= 1 && n <= 2) {
        say_part(s, scan_value(s, at, n), units[parts++]);
        at += n;
        if (parts == 3 || scan_char(s, at) != '.' || !scan_is_digit(s, at + 1))
            break;
        at++;
    }
    bool year = parts == 1 && scan_is(s, at, units[0]);
    if (parts != 3 && !(parts == 1 && (dot || year)))
        return 0;
    if (year)
        at += strlen(units[0]);
    return scan_goes_on(s, at) || scan_is_digit(s, at) ? 0 : at - s->at;
}

static const char *const scales[] = {"千万", "百万", "万", "億", "兆", NULL};
static const char *const prefixes[UNIT_PREFIXES] = {"",       "ピコ",       "ナノ", "マイクロ", "ミリ", "センチ",
                                                    "デシ", "ヘクト", "キロ", "メガ",     "ギガ", "テラ"};

static const text_noun units[UNITS] = {
    [UNIT_METRE] = {.one = "メートル"},
    [UNIT_GRAM] = {.one = "グラム"},
    [UNIT_LITRE] = {.one = "リットル"},
    [UNIT_SECOND] = {.one = "秒"},
    [UNIT_HERTZ] = {.one = "ヘルツ"},
    [UNIT_BYTE] = {.one = "バイト"},
    [UNIT_BIT] = {.one = "ビット"},
    [UNIT_BIT_RATE] = {.one = "ビット毎秒"},
    [UNIT_WATT] = {.one = "ワット"},
    [UNIT_WATT_HOUR] = {.one = "ワット時"},
    [UNIT_VOLT] = {.one = "ボルト"},
    [UNIT_AMPERE] = {.one = "アンペア"},
    [UNIT_AMPERE_HOUR] = {.one = "アンペア時"},
    [UNIT_PASCAL] = {.one = "パスカル"},
    [UNIT_JOULE] = {.one = "ジュール"},
    [UNIT_CALORIE] = {.one = "カロリー"},
    [UNIT_NEWTON] = {.one = "ニュートン"},
    [UNIT_ELECTRONVOLT] = {.one = "電子ボルト"},
    [UNIT_OHM] = {.one = "オーム"},
    [UNIT_FARAD] = {.one = "ファラド"},
    [UNIT_MOLE] = {.one = "モル"},
    [UNIT_BAR] = {.one = "バール"},
    [UNIT_DECIBEL] = {.one = "デシベル"},
    [UNIT_LUMEN] = {.one = "ルーメン"},
    [UNIT_LUX] = {.one = "ルクス"},
    [UNIT_PIXEL] = {.one = "ピクセル"},
    [UNIT_PERCENT] = {.one = "パーセント"},
    [UNIT_PER_MILLE] = {.one = "パーミル"},
    [UNIT_CELSIUS] = {.one = "度"},
    [UNIT_FAHRENHEIT] = {.one = "度"},
    [UNIT_DEGREE] = {.one = "度"},
    [UNIT_MINUTE] = {.one = "分"},
    [UNIT_HOUR] = {.one = "時間"},
    [UNIT_HECTARE] = {.one = "ヘクタール"},
    [UNIT_TONNE] = {.one = "トン"},
    [UNIT_FOOT] = {.one = "フィート"},
    [UNIT_INCH] = {.one = "インチ"},
    [UNIT_YARD] = {.one = "ヤード"},
    [UNIT_MILE] = {.one = "マイル"},
    [UNIT_POUND] = {.one = "ポンド"},
    [UNIT_OUNCE] = {.one = "オンス"},
    [UNIT_GALLON] = {.one = "ガロン"},
    [UNIT_MILE_PER_HOUR] = {.one = "マイル毎時"},
    [UNIT_REVOLUTION] = {.one = "回転毎分"},
    [UNIT_FRAME] = {.one = "フレーム毎秒"},
    [UNIT_BEAT] = {.one = "拍毎分"},
    [UNIT_PART_PER_MILLION] = {.one = "ピーピーエム"},
    [UNIT_HORSEPOWER] = {.one = "馬力"},
};

static const text_currency currencies[] = {
    {"$", {.one = "ドル"}, NULL, NULL},         {"us$", {.one = "米ドル"}, NULL, NULL},
    {"usd", {.one = "米ドル"}, NULL, NULL},     {"hk$", {.one = "香港ドル"}, NULL, NULL},
    {"hkd", {.one = "香港ドル"}, NULL, NULL},   {"a$", {.one = "オーストラリアドル"}, NULL, NULL},
    {"aud", {.one = "オーストラリアドル"}, NULL, NULL}, {"c$", {.one = "カナダドル"}, NULL, NULL},
    {"cad", {.one = "カナダドル"}, NULL, NULL}, {"nzd", {.one = "ニュージーランドドル"}, NULL, NULL},
    {"sgd", {.one = "シンガポールドル"}, NULL, NULL}, {"nt$", {.one = "台湾ドル"}, NULL, NULL},
    {"twd", {.one = "台湾ドル"}, NULL, NULL},   {"€", {.one = "ユーロ"}, NULL, NULL},
    {"eur", {.one = "ユーロ"}, NULL, NULL},     {"£", {.one = "ポンド"}, NULL, NULL},
    {"\uFFE1", {.one = "ポンド"}, NULL, NULL},  {"gbp", {.one = "ポンド"}, NULL, NULL},
    {"¥", {.one = "円"}, NULL, NULL},           {"\uFFE5", {.one = "円"}, NULL, NULL},
    {"jpy", {.one = "円"}, NULL, NULL},         {"₩", {.one = "ウォン"}, NULL, NULL},
    {"krw", {.one = "ウォン"}, NULL, NULL},     {"cny", {.one = "人民元"}, NULL, NULL},
    {"rmb", {.one = "人民元"}, NULL, NULL},     {"₽", {.one = "ルーブル"}, NULL, NULL},
    {"rub", {.one = "ルーブル"}, NULL, NULL},   {"₹", {.one = "ルピー"}, NULL, NULL},
    {"inr", {.one = "ルピー"}, NULL, NULL},     {"chf", {.one = "スイスフラン"}, NULL, NULL},
    {"thb", {.one = "バーツ"}, NULL, NULL},     {"฿", {.one = "バーツ"}, NULL, NULL},
    {"vnd", {.one = "ドン"}, NULL, NULL},       {"₫", {.one = "ドン"}, NULL, NULL},
};

static const text_sign signs[] = {
    {"-", "マイナス", SIGN_LEADS},       {"+", "プラス", SIGN_LEADS},        {"+", "足す", SIGN_BETWEEN},
    {"-", "引く", SIGN_BETWEEN},         {"±", "プラスマイナス", SIGN_ALONE}, {"×", "掛ける", SIGN_BETWEEN},
    {"*", "掛ける", SIGN_BETWEEN},       {"÷", "割る", SIGN_BETWEEN},        {"<=", "以下", SIGN_BETWEEN},
    {">=", "以上", SIGN_BETWEEN},        {"≤", "以下", SIGN_BETWEEN},        {"≥", "以上", SIGN_BETWEEN},
    {"≦", "以下", SIGN_BETWEEN},         {"≧", "以上", SIGN_BETWEEN},        {"≠", "ノットイコール", SIGN_ALONE},
    {"≒", "ニアリーイコール", SIGN_ALONE}, {"≈", "ニアリーイコール", SIGN_ALONE}, {"=", "イコール", SIGN_BETWEEN},
    {"<", "小なり", SIGN_BETWEEN},       {">", "大なり", SIGN_BETWEEN},      {"~", "約", SIGN_LEADS},
    {"#", "シャープ", SIGN_LEADS},       {"№", "ナンバー", SIGN_LEADS},      {"√", "ルート", SIGN_ALONE},
    {"π", "パイ", SIGN_ALONE},           {"∞", "無限大", SIGN_ALONE},        {"²", "の二乗", SIGN_ALONE},
    {"³", "の三乗", SIGN_ALONE},         {"%", "パーセント", SIGN_ALONE},    {"&", "アンド", SIGN_ALONE},
    {"@", "アットマーク", SIGN_ALONE},   {"+", "プラス", SIGN_ALONE},        {"=", "イコール", SIGN_ALONE},
    {"°", "度", SIGN_ALONE},             {"〒", "郵便番号", SIGN_ALONE},     {"©", "", SIGN_ALONE},
    {"®", "", SIGN_ALONE},               {"™", "", SIGN_ALONE},
};

static const text_sign address_signs[] = {
    {".", "ドット", 0},          {"@", "アットマーク", 0}, {"/", "スラッシュ", 0}, {":", "コロン", 0},
    {"-", "ハイフン", 0},        {"_", "アンダーバー", 0}, {"?", "クエスチョン", 0}, {"=", "イコール", 0},
    {"&", "アンド", 0},          {"#", "シャープ", 0},     {"%", "パーセント", 0}, {"+", "プラス", 0},
    {"~", "チルダ", 0},
};

static const text_words words = {
    .group = ',',
    .point = '.',
    .scales = scales,
    .digit = {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"},
    .spoken_point = "点",
    .minus = "マイナス",
    .range = "から",
    .ratio = "対",
    .per = "毎",
    .per_hour = "毎時",
    .power = {{"平方", "平方"}, {"立方", "立方"}},
    .power_first = true,
    .prefixes = prefixes,
    .units = units,
    .currencies = currencies,
    .n_currencies = COUNT(currencies),
    .signs = signs,
    .n_signs = COUNT(signs),
    .address_signs = address_signs,
    .n_address_signs = COUNT(address_signs),
    .clock_separators = ":",
    .number = say_number,
    .fraction = say_fraction,
    .clock = say_clock,
    .date = say_date,
};

static const text_rule rules[] = {
    {"era", START_LETTER, rule_era},
    {"weekday", START_SYMBOL, rule_weekday},
    {"wave", START_SYMBOL, rule_wave},
    {"address", START_DIGIT | START_LETTER | START_SYMBOL, common_rule_address},
    {"numeric date", START_DIGIT, common_rule_date},
    {"clock", START_DIGIT, common_rule_clock},
    {"phone", START_DIGIT | START_SYMBOL, common_rule_phone},
    {"money", START_CURRENCY | START_LETTER | START_SYMBOL, common_rule_money},
    {"money, sign behind", START_DIGIT | START_SYMBOL, common_rule_money_behind},
    {"currency", START_CURRENCY, common_rule_currency},
    {"dimension", START_DIGIT, common_rule_dimension},
    {"measure", START_DIGIT | START_SYMBOL, common_rule_measure},
    {"range", START_DIGIT, common_rule_range},
    {"fraction", START_DIGIT, common_rule_fraction},
    {"ratio", START_DIGIT, common_rule_ratio},
    {"version", START_DIGIT, common_rule_version},
    {"number", START_DIGIT, common_rule_number},
    {"code", START_DIGIT | START_INNER, common_rule_code},
    {"sign", START_SYMBOL, common_rule_sign},
};

static bool cue(const char *word, size_t n)
{
    return n <= 3 && common_is_code(&words, word, n);
}

static const text_written written = {
    .ordinal = {"", "\u756A\u76EE"}, .year = "\u5E74", .month = "\u6708", .day = "\u65E5", .between = ""};

const text_language text_language_ja = {
    .written = &written,
    .code = "ja", .rules = rules, .n_rules = COUNT(rules), .cue = cue, .unspaced = true, .words = &words};
