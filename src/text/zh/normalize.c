/* normalize.c - Chinese: how numbers, dates, times, amounts and signs are said (Mandarin, simplified characters). */
#include "text/common/common.h"

static const char *const large[] = {"", "万", "亿", "万"};

static const asian_numerals numerals = {
    .digit = {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"},
    .small = {"", "十", "百", "千"},
    .large = large,
    .n_large = COUNT(large),
    .two = "两",
    .zeros = true,
    .point = "点",
};

static void say_number(text_scan *s, const text_number *n, unsigned use)
{
    /* two of something, but second, the second of the month, two point five */
    bool two = use != USE_ALONE && n->n == 1 && n->digits[0] == '2' && !n->n_fraction;

    if (two)
        hse_buf_str(s->out, "两");
    else
        asian_number(s, n, &numerals);
}

static void say_fraction(text_scan *s, const text_number *whole, const text_number *n, const text_number *d)
{
    if (whole) {
        asian_number(s, whole, &numerals);
        hse_buf_str(s->out, "又");
    }
    asian_number(s, d, &numerals);
    hse_buf_str(s->out, "分之");
    asian_number(s, n, &numerals);
}

static void say_clock(text_scan *s, const text_clock *c)
{
    common_say_value(s, c->hour, USE_MASCULINE);
    hse_buf_str(s->out, "点");
    common_say_value(s, c->minute, USE_ALONE);
    hse_buf_str(s->out, "分");
    if (c->has_second) {
        common_say_value(s, c->second, USE_ALONE);
        hse_buf_str(s->out, "秒");
    }
}

static void say_unit(text_scan *s, unsigned value, const char *unit)
{
    common_say_value(s, value, USE_ALONE);
    hse_buf_str(s->out, unit);
}

/* "ad", "a.d.", "bc", "b.c." behind a year at i: bytes; which in *before. */
static size_t era_at(const text_scan *s, size_t i, bool *before)
{
    static const struct {
        const char *written;
        bool before;
    } eras[] = {{"a.d.", false}, {"ad", false}, {"b.c.", true}, {"bc", true}, {"b.c.e.", true}, {"bce", true}};

    i = common_skip_space(s, i);
    for (size_t k = COUNT(eras); k-- > 0;)
        if (scan_is(s, i, eras[k].written) && !scan_goes_on(s, i + strlen(eras[k].written))) {
            *before = eras[k].before;
            return strlen(eras[k].written);
        }
    return 0;
}

/* 2024/1/30, 12.2.3, 2019·2·10: the year first; two of its digits are enough. 30/1/2024 too. */
static bool say_date(text_scan *s, const text_date *d)
{
    int year = d->n[2] == 4 && d->n[0] <= 2 ? 2 : 0, day = year ? 0 : 2;

    if ((d->n[year] != 2 && d->n[year] != 4) || d->value[1] < 1 || d->value[1] > 12 || d->value[day] < 1 || d->value[day] > 31 ||
        d->n[1] > 2 || d->n[day] > 2)
        return false;
    asian_digits(s->out, s, d->at[year], d->n[year], &numerals);
    hse_buf_str(s->out, "年");
    say_unit(s, d->value[1], "月");
    say_unit(s, d->value[day], "日");
    return true;
}

/* Is the year of n digits at i, with its 年 behind it, a name and not a count? "50年" and "2015年" are; "过了50年" counts. */
static bool names_year(const text_scan *s, size_t i, size_t n)
{
    static const char *const counts[] = {"过", "有", "近", "约", "第", "每", "这", "那", "的", "了", "共", "隔", "达", "满"};
    static const char *const spans[] = {"前", "后", "来", "内", "间", "代", "多", "以", "之", "左", "的", "时"};

    if (n == 4 || scan_char(s, i) == '0' || scan_is_before(s, i, "公元前") || scan_is_before(s, i, "公元") ||
        scan_is_before(s, i, "纪元"))
        return true;
    if (n != 2)
        return false;
    for (size_t k = 0; k < COUNT(counts); k++)
        if (scan_is_before(s, i, counts[k]))
            return false;
    for (size_t k = 0; k < COUNT(spans); k++)
        if (scan_is(s, i + n + strlen("年"), spans[k]))
            return false;
    return true;
}

/* A day "6号" is a date, "6号楼" and "6号线" are not: what follows a day goes on with a sentence or a time. */
static bool names_day(const text_scan *s, size_t behind)
{
    static const char *const things[] = {"楼", "线", "房", "店", "门", "车", "馆", "院", "井", "机", "球", "文", "令", "码",
                                         "位", "厅", "室", "桌", "床", "仓", "坑", "舰", "艇", "病", "公", "地", "桥", "种"};

    for (size_t k = 0; k < COUNT(things); k++)
        if (scan_is(s, behind, things[k]))
            return false;
    return true;
}

/* n digits with `unit` behind them and a value of 1 to max: bytes. */
static size_t part_at(const text_scan *s, size_t i, const char *unit, unsigned max, unsigned *value)
{
    size_t n = scan_digits(s, i, 2);

    if (n < 1 || n > 2 || !scan_is(s, i + n, unit))
        return 0;
    *value = scan_value(s, i, n);
    return *value >= 1 && *value <= max ? n + strlen(unit) : 0;
}

/* The day of a date at i, said. */
static size_t say_day(text_scan *s, size_t i)
{
    unsigned day;
    size_t n = part_at(s, i, "日", 31, &day);

    if (!n && (n = part_at(s, i, "号", 31, &day)) && !names_day(s, i + n))
        return 0;
    if (n)
        say_unit(s, day, "日");
    return n;
}

/* 2015年08月08号, 05年, 02月3日, 6号; with an era behind: 1823年3月bc */
static size_t rule_date(text_scan *s)
{
    size_t at = s->at, year = at, n = scan_digits(s, at, 4), len, month_len;
    bool before = false, has_year = n >= 2 && n <= 4 && scan_is(s, at + n, "年") && names_year(s, at, n);
    unsigned month = 0, day;

    if (n >= 3 && n <= 4 && (len = era_at(s, at + n, &before))) {
        hse_buf_str(s->out, before ? "公元前" : "公元");
        asian_digits(s->out, s, at, n, &numerals);
        hse_buf_str(s->out, "年");
        return common_skip_space(s, at + n) + len - s->at;
    }
    if (has_year)
        at += n + strlen("年");
    if ((month_len = part_at(s, at, "月", 12, &month)))
        at += month_len;
    size_t day_len = part_at(s, at, "日", 31, &day) ? part_at(s, at, "日", 31, &day) : part_at(s, at, "号", 31, &day);
    if ((len = era_at(s, at + day_len, &before)) && has_year)
        hse_buf_str(s->out, before ? "公元前" : "公元");
    else
        len = 0;
    if (has_year) {
        asian_digits(s->out, s, year, n, &numerals);
        hse_buf_str(s->out, "年");
    }
    if (month_len)
        say_unit(s, month, "月");
    at += say_day(s, at);
    if (len)
        at = common_skip_space(s, at) + len;
    return at - s->at;
}

/* 2019-2020年 */
static size_t rule_years(text_scan *s)
{
    size_t dash = scan_digits(s, s->at, 4) == 4 ? 1 : 0, second = s->at + 4 + dash;

    if (!dash || !(scan_char(s, s->at + 4) == '-' || scan_char(s, s->at + 4) == '~') || scan_digits(s, second, 4) != 4 ||
        !scan_is(s, second + 4, "年"))
        return 0;
    asian_digits(s->out, s, s->at, 4, &numerals);
    hse_buf_str(s->out, "到");
    asian_digits(s->out, s, second, 4, &numerals);
    return second + 4 - s->at;
}

/* 3点4分5秒, 2点半: the hour is counted, the rest are numbers */
static size_t rule_hour(text_scan *s)
{
    unsigned hour;
    size_t n = scan_digits(s, s->at, 2);

    if (n < 1 || n > 2 || !scan_is(s, s->at + n, "点") || (hour = scan_value(s, s->at, n)) > 24)
        return 0;
    common_say_value(s, hour, USE_MASCULINE);
    return n;
}

/* 2个, 2千克: what is counted follows; but 2月, 2号, 2班, 第2 */
static size_t rule_count(text_scan *s)
{
    static const char *const counters[] = {"个", "位", "名", "只", "条", "张", "本", "辆", "次", "天", "年", "周", "件", "台",
                                           "座", "家", "间", "套", "双", "杯", "瓶", "碗", "块", "角", "毛", "种", "份", "颗", "头", "匹",
                                           "棵", "朵", "架", "艘", "把", "支", "枝", "袋", "盒", "包", "箱", "桶", "壶", "斤",
                                           "公", "米", "千", "小", "秒", "分钟", "倍", "代", "点", "边", "岁", "万", "亿", "元"};

    bool clock = scan_is_before(s, s->at, "分") || scan_is_before(s, s->at, "点"); /* 2点2分2秒 */
    if (scan_char(s, s->at) != '2' || scan_is_digit(s, s->at + 1) || scan_is_before(s, s->at, "第") || clock)
        return 0;
    for (size_t k = 0; k < COUNT(counters); k++)
        if (scan_is(s, s->at + 1, counters[k])) {
            hse_buf_str(s->out, "两");
            return 1;
        }
    return 0;
}

static const char *const spans[] = {"年", "月", "日", "号", "时", "点", "分", "岁", "元", "人", "个", "天", "周", "度", "°", "℃", "米", "%", NULL};
static const char *const scales[] = {"万亿", "千万", "百万", "万", "亿", NULL};
static const char *const prefixes[UNIT_PREFIXES] = {"", "皮", "纳", "微", "毫", "厘", "分", "百", "千", "兆", "吉", "太"};

static const text_noun units[UNITS] = {
    [UNIT_METRE] = {.one = "米"},
    [UNIT_GRAM] = {.one = "克"},
    [UNIT_LITRE] = {.one = "升"},
    [UNIT_SECOND] = {.one = "秒"},
    [UNIT_HERTZ] = {.one = "赫兹"},
    [UNIT_BYTE] = {.one = "字节"},
    [UNIT_BIT] = {.one = "比特"},
    [UNIT_BIT_RATE] = {.one = "比特每秒"},
    [UNIT_WATT] = {.one = "瓦"},
    [UNIT_WATT_HOUR] = {.one = "瓦时"},
    [UNIT_VOLT] = {.one = "伏"},
    [UNIT_AMPERE] = {.one = "安"},
    [UNIT_AMPERE_HOUR] = {.one = "安时"},
    [UNIT_PASCAL] = {.one = "帕"},
    [UNIT_JOULE] = {.one = "焦耳"},
    [UNIT_CALORIE] = {.one = "卡"},
    [UNIT_NEWTON] = {.one = "牛"},
    [UNIT_ELECTRONVOLT] = {.one = "电子伏"},
    [UNIT_OHM] = {.one = "欧姆"},
    [UNIT_FARAD] = {.one = "法拉"},
    [UNIT_MOLE] = {.one = "摩尔"},
    [UNIT_BAR] = {.one = "巴"},
    [UNIT_DECIBEL] = {.one = "分贝"},
    [UNIT_LUMEN] = {.one = "流明"},
    [UNIT_LUX] = {.one = "勒克斯"},
    [UNIT_PIXEL] = {.one = "像素"},
    [UNIT_PERCENT] = {.one = "百分比"},
    [UNIT_PER_MILLE] = {.one = "千分比"},
    [UNIT_CELSIUS] = {.one = "摄氏度"},
    [UNIT_FAHRENHEIT] = {.one = "华氏度"},
    [UNIT_DEGREE] = {.one = "度"},
    [UNIT_MINUTE] = {.one = "分钟"},
    [UNIT_HOUR] = {.one = "小时"},
    [UNIT_HECTARE] = {.one = "公顷"},
    [UNIT_TONNE] = {.one = "吨"},
    [UNIT_FOOT] = {.one = "英尺"},
    [UNIT_INCH] = {.one = "英寸"},
    [UNIT_YARD] = {.one = "码"},
    [UNIT_MILE] = {.one = "英里"},
    [UNIT_POUND] = {.one = "磅"},
    [UNIT_OUNCE] = {.one = "盎司"},
    [UNIT_GALLON] = {.one = "加仑"},
    [UNIT_MILE_PER_HOUR] = {.one = "英里每小时"},
    [UNIT_REVOLUTION] = {.one = "转每分钟"},
    [UNIT_FRAME] = {.one = "帧每秒"},
    [UNIT_BEAT] = {.one = "拍每分钟"},
    [UNIT_PART_PER_MILLION] = {.one = "百万分率"},
    [UNIT_HORSEPOWER] = {.one = "马力"},
};

static const text_currency currencies[] = {
    {"$", {.one = "美元"}, NULL, NULL},      {"us$", {.one = "美元"}, NULL, NULL},    {"usd", {.one = "美元"}, NULL, NULL},
    {"hk$", {.one = "港元"}, NULL, NULL},    {"hkd", {.one = "港元"}, NULL, NULL},    {"nt$", {.one = "新台币"}, NULL, NULL},
    {"twd", {.one = "新台币"}, NULL, NULL},  {"a$", {.one = "澳元"}, NULL, NULL},     {"aud", {.one = "澳元"}, NULL, NULL},
    {"c$", {.one = "加元"}, NULL, NULL},     {"cad", {.one = "加元"}, NULL, NULL},    {"s$", {.one = "新加坡元"}, NULL, NULL},
    {"sgd", {.one = "新加坡元"}, NULL, NULL}, {"nzd", {.one = "新西兰元"}, NULL, NULL}, {"€", {.one = "欧元"}, NULL, NULL},
    {"eur", {.one = "欧元"}, NULL, NULL},    {"£", {.one = "英镑"}, NULL, NULL},      {"gbp", {.one = "英镑"}, NULL, NULL},
    {"\uFFE1", {.one = "英镑"}, NULL, NULL}, {"₩", {.one = "韩元"}, NULL, NULL},      {"krw", {.one = "韩元"}, NULL, NULL},
    {"¥", {.one = "人民币"}, NULL, NULL},    {"\uFFE5", {.one = "人民币"}, NULL, NULL}, {"cny", {.one = "人民币"}, NULL, NULL},
    {"rmb", {.one = "人民币"}, NULL, NULL},  {"jp¥", {.one = "日元"}, NULL, NULL},    {"jpy", {.one = "日元"}, NULL, NULL},
    {"₽", {.one = "卢布"}, NULL, NULL},      {"rub", {.one = "卢布"}, NULL, NULL},    {"₹", {.one = "印度卢比"}, NULL, NULL},
    {"inr", {.one = "印度卢比"}, NULL, NULL}, {"chf", {.one = "瑞士法郎"}, NULL, NULL}, {"thb", {.one = "泰铢"}, NULL, NULL},
    {"฿", {.one = "泰铢"}, NULL, NULL},      {"₫", {.one = "越南盾"}, NULL, NULL},    {"vnd", {.one = "越南盾"}, NULL, NULL},
    {"brl", {.one = "巴西雷亚尔"}, NULL, NULL}, {"mop", {.one = "澳门元"}, NULL, NULL}, {"sek", {.one = "瑞典克朗"}, NULL, NULL},
};

static const text_sign signs[] = {
    {"-", "负", SIGN_LEADS},      {"+", "正", SIGN_LEADS},        {"+", "加", SIGN_BETWEEN},    {"-", "减", SIGN_BETWEEN},
    {"±", "正负", SIGN_LEADS},    {"±", "加减", SIGN_BETWEEN},    {"×", "乘", SIGN_BETWEEN},    {"*", "乘", SIGN_BETWEEN},
    {"÷", "除以", SIGN_BETWEEN},  {"/", "除以", SIGN_BETWEEN},    {"<=", "小于等于", SIGN_ALONE}, {">=", "大于等于", SIGN_ALONE},
    {"≤", "小于等于", SIGN_ALONE}, {"≥", "大于等于", SIGN_ALONE}, {"!=", "不等于", SIGN_ALONE}, {"≠", "不等于", SIGN_ALONE},
    {"≈", "约等于", SIGN_ALONE},  {"==", "等于", SIGN_BETWEEN},   {"=", "等于", SIGN_BETWEEN},  {"<", "小于", SIGN_BETWEEN},
    {">", "大于", SIGN_BETWEEN},  {"~", "约", SIGN_LEADS},        {"#", "井号", SIGN_LEADS},    {"№", "第", SIGN_LEADS},
    {"√", "根号", SIGN_ALONE},    {"π", "派", SIGN_ALONE},        {"∞", "无穷大", SIGN_ALONE},  {"²", "的平方", SIGN_ALONE},
    {"³", "的立方", SIGN_ALONE},  {"%", "百分号", SIGN_ALONE},    {"&", "和", SIGN_ALONE},      {"@", "艾特", SIGN_ALONE},
    {"+", "加", SIGN_ALONE},      {"=", "等于", SIGN_ALONE},      {"°", "度", SIGN_ALONE},      {"§", "节", SIGN_LEADS},
    {"©", "", SIGN_ALONE},        {"®", "", SIGN_ALONE},          {"™", "", SIGN_ALONE},
};

static const text_sign address_signs[] = {
    {".", "点", 0},   {"@", "艾特", 0}, {"/", "斜杠", 0}, {":", "冒号", 0}, {"-", "杠", 0},     {"_", "下划线", 0},
    {"?", "问号", 0}, {"=", "等于", 0}, {"&", "和", 0},   {"#", "井号", 0}, {"%", "百分号", 0}, {"+", "加", 0},
    {"~", "波浪号", 0},
};

static const text_unit_name unit_names[] = {
    {8, UNIT_METRE, {.one = "千米"}},
    {0, UNITS, {0}},
};

static const text_words words = {
    .group = ',',
    .point = '.',
    .scales = scales,
    .digit = {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"},
    .spoken_point = "点",
    .minus = "负",
    .range = "到",
    .spans = spans,
    .ratio = "比",
    .per = "每",
    .percent = "百分之",
    .per_mille = "千分之",
    .power = {{"平方", "平方"}, {"立方", "立方"}},
    .power_first = true,
    .prefixes = prefixes,
    .units = units,
    .unit_names = unit_names,
    .currencies = currencies,
    .n_currencies = COUNT(currencies),
    .signs = signs,
    .n_signs = COUNT(signs),
    .address_signs = address_signs,
    .n_address_signs = COUNT(address_signs),
    .clock_separators = ":",
    .mobile_11 = true,
    .number = say_number,
    .fraction = say_fraction,
    .clock = say_clock,
    .date = say_date,
};

static const text_rule rules[] = {
    {"span", START_SYMBOL, common_rule_span},
    {"address", START_DIGIT | START_LETTER | START_SYMBOL, common_rule_address},
    {"numeric date", START_DIGIT, common_rule_date},
    {"years", START_DIGIT, rule_years},
    {"date", START_DIGIT, rule_date},
    {"clock", START_DIGIT, common_rule_clock},
    {"phone", START_DIGIT | START_SYMBOL, common_rule_phone},
    {"money", START_CURRENCY | START_LETTER | START_SYMBOL, common_rule_money},
    {"money, sign behind", START_DIGIT | START_SYMBOL, common_rule_money_behind},
    {"currency", START_CURRENCY, common_rule_currency},
    {"dimension", START_DIGIT, common_rule_dimension},
    {"measure", START_DIGIT | START_SYMBOL, common_rule_measure},
    {"hour", START_DIGIT, rule_hour},
    {"count", START_DIGIT, rule_count},
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
    .ordinal = {"\u7B2C", ""}, .year = "\u5E74", .month = "\u6708", .day = "\u65E5", .between = ""};

const text_language text_language_zh = {
    .written = &written,
    .code = "zh", .rules = rules, .n_rules = COUNT(rules), .cue = cue, .unspaced = true, .words = &words};
