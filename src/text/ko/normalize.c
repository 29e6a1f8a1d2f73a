/* normalize.c - Korean: sino-Korean and native numbers, dates, times, amounts, signs, in Hangul. */
#include "text/common/common.h"

static const char *const large[] = {"", "만", "억", "조", "경", "해", "자", "양"};

static const asian_numerals numerals = {
    .digit = {"영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"},
    .small = {"", "십", "백", "천"},
    .large = large,
    .n_large = COUNT(large),
    .silent_myriad = true,
    .point = "점",
};

/* Native numbers in front of what they count. */
static const char *const native[] = {"", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"};
static const char *const native_tens[] = {"", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"};

static void say_native(hse_buf *out, unsigned value)
{
    if (value == 20) {
        hse_buf_str(out, "스무");
        return;
    }
    hse_buf_str(out, native_tens[value / 10 % 10]);
    hse_buf_str(out, native[value % 10]);
}

static void say_number(text_scan *s, const text_number *n, unsigned use)
{
    (void)use;
    asian_number(s, n, &numerals);
}

static void say_fraction(text_scan *s, const text_number *whole, const text_number *n, const text_number *d)
{
    if (whole) {
        asian_number(s, whole, &numerals);
        hse_buf_str(s->out, "와 ");
    }
    asian_number(s, d, &numerals);
    hse_buf_str(s->out, "분의 ");
    asian_number(s, n, &numerals);
}

static void say_part(text_scan *s, unsigned value, const char *unit)
{
    common_say_value(s, value, USE_ALONE);
    hse_buf_str(s->out, unit);
}

/* A space before a part of a date or time that follows another word. */
static void gap(text_scan *s)
{
    if (scan_wide_before(s, s->at))
        hse_buf_byte(s->out, ' ');
}

static void say_month(text_scan *s, unsigned month)
{
    if (month == 6)
        hse_buf_str(s->out, "유월"); /* these two lose their finals */
    else if (month == 10)
        hse_buf_str(s->out, "시월");
    else
        say_part(s, month, "월");
}

/* Hours of half a day are native, those of the whole day are not. */
static void say_hour(text_scan *s, unsigned hour)
{
    if (hour >= 1 && hour <= 12)
        say_native(s->out, hour);
    else
        common_say_value(s, hour, USE_ALONE);
    hse_buf_str(s->out, "시");
}

static void say_clock(text_scan *s, const text_clock *c)
{
    gap(s);
    say_hour(s, c->hour);
    if (c->minute) {
        hse_buf_byte(s->out, ' ');
        say_part(s, c->minute, "분");
    }
    if (c->second) {
        hse_buf_byte(s->out, ' ');
        say_part(s, c->second, "초");
    }
}

/* 2024-07-23, 10/30/2024, 29/12/2000: the year has four digits; of the others the month is the one that can be */
static bool say_date(text_scan *s, const text_date *d)
{
    int year = d->n[0] == 4 ? 0 : 2, month = year ? 0 : 1, day = year ? 1 : 2;

    if (year && d->value[month] > 12) {
        month = 1;
        day = 0;
    }
    if (d->n[year] != 4 || d->value[month] < 1 || d->value[month] > 12 || d->value[day] < 1 || d->value[day] > 31)
        return false;
    gap(s);
    say_part(s, d->value[year], "년 ");
    say_month(s, d->value[month]);
    hse_buf_byte(s->out, ' ');
    say_part(s, d->value[day], "일");
    return true;
}

/* 6월, 10월: the month has its own sound; 12월 is a number with its noun */
static size_t rule_month(text_scan *s)
{
    size_t n = scan_digits(s, s->at, 2);

    if (n < 1 || n > 2 || !scan_is(s, s->at + n, "월") || scan_value(s, s->at, n) < 1 || scan_value(s, s->at, n) > 12)
        return 0;
    gap(s);
    say_month(s, scan_value(s, s->at, n));
    return n + strlen("월");
}

/* Numbers of a date or time keep apart from the word before: 2024년 1월, 3월 5일 */
static size_t rule_part(text_scan *s)
{
    static const char *const parts[] = {"년", "일", "분", "초", "세기", "\u301C"};
    text_number n;

    if (!common_number(s, s->at, &n) || n.n_fraction || n.n == 0)
        return 0;
    for (size_t k = 0; k < COUNT(parts); k++)
        if (scan_is(s, s->at + n.len, parts[k])) {
            gap(s);
            asian_number(s, &n, &numerals);
            return n.len;
        }
    return 0;
}

/* 3시, 15시: of up to twelve hours native */
static size_t rule_hour(text_scan *s)
{
    size_t n = scan_digits(s, s->at, 2);

    if (n < 1 || n > 2 || !scan_is(s, s->at + n, "시") || scan_is(s, s->at + n, "시간") || scan_value(s, s->at, n) > 24)
        return 0;
    gap(s);
    say_hour(s, scan_value(s, s->at, n));
    return n + strlen("시");
}

/* 3번째: native up to ninety-nine; in larger numbers not */
static size_t rule_ordinal(text_scan *s)
{
    text_number n;

    if (!common_number(s, s->at, &n) || n.n_fraction || n.n == 0)
        return 0;
    size_t at = common_skip_space(s, s->at + n.len);
    if (!scan_is(s, at, "번째") && !scan_is(s, at, "째"))
        return 0;
    static const char *const alone[] = {"", "첫", "둘", "셋", "넷"};
    unsigned value = n.n <= 2 ? common_value(&n) : 0;
    if (value == 1 || (value && value < COUNT(alone) && scan_is(s, at, "째")))
        hse_buf_str(s->out, alone[value]);
    else if (value)
        say_native(s->out, value);
    else
        asian_number(s, &n, &numerals);
    return n.len;
}

/* 3명, 5개, 2시간: nouns that native numbers count, up to ninety-nine */
static size_t rule_count(text_scan *s)
{
    static const char *const counters[] = {"개월", "개국", "개소", "번지", "번길", "번호", "번 ", "대대", "권역", "장관"};
    static const char *const nouns[] = {"개", "명", "사람", "분의", "마리", "시간", "살", "장", "권", "대", "잔", "병", "그루",
                                        "송이", "켤레", "벌", "채", "척", "통", "군데", "가지", "달", "곳", "쌍", "번", "자루",
                                        "그릇", "조각", "방울", "판", "팀", "집", "차례", "가구", "배", "돌"};
    size_t n = scan_digits(s, s->at, 2), at = s->at + n;

    if (n < 1 || n > 2 || scan_char(s, s->at) == '0')
        return 0;
    at = common_skip_space(s, at);
    for (size_t k = 0; k < COUNT(counters); k++)
        if (scan_is(s, at, counters[k]))
            return 0;
    for (size_t k = 0; k < COUNT(nouns); k++)
        if (scan_is(s, at, nouns[k])) {
            say_native(s->out, scan_value(s, s->at, n));
            return n;
        }
    return 0;
}

/* A day of the week at i, one letter: bytes. */
static size_t weekday_at(const text_scan *s, size_t i)
{
    static const char *const days[] = {"월", "화", "수", "목", "금", "토", "일"};

    for (size_t k = 0; k < COUNT(days); k++)
        if (scan_is(s, i, days[k]))
            return strlen(days[k]);
    return 0;
}

static size_t wave_at(const text_scan *s, size_t i)
{
    return scan_is(s, i, "〜") ? strlen("〜") : scan_char(s, i) == '~' ? 1 : 0;
}

/* "(월)", "(월〜금)" behind a day */
static size_t rule_weekday(text_scan *s)
{
    size_t at = s->at + 1, n;

    if (scan_char(s, s->at) != '(' || !(n = weekday_at(s, at)) || !scan_is_before(s, s->at, "일"))
        return 0;
    for (bool more = true; more;) {
        hse_buf_byte(s->out, ' ');
        hse_buf_append(s->out, s->text + at, n);
        hse_buf_str(s->out, "요일");
        at += n;
        size_t wave = wave_at(s, at);
        more = wave && (n = weekday_at(s, at + wave));
        if (more) {
            hse_buf_str(s->out, " 부터");
            at += wave;
        }
    }
    return scan_char(s, at) == ')' ? at + 1 - s->at : 0;
}

/* A wave between two times: 1일〜3일, 80〜90년대 */
static size_t rule_wave(text_scan *s)
{
    size_t n = wave_at(s, s->at);
    char before = s->at ? s->text[s->at - 1] : '\0';

    if (!n || !scan_is_digit(s, s->at + n) || !(scan_is_digit(s, s->at - 1) || before == ')' || scan_wide_before(s, s->at)))
        return 0;
    hse_buf_str(s->out, " 부터 ");
    return n;
}

static const char *const spans[] = {"년", "월", "일", "시", "분", "초", "세", "명", "원", "층", "도", "개", "%", NULL};
static const char *const scales[] = {"천만", "백만", "만", "천억", "억", "조", "천", NULL};
static const char *const prefixes[UNIT_PREFIXES] = {"",       "피코",   "나노",   "마이크로", "밀리", "센티",
                                                    "데시", "헥토", "킬로", "메가",     "기가", "테라"};

static const text_noun units[UNITS] = {
    [UNIT_METRE] = {.one = "미터"},
    [UNIT_GRAM] = {.one = "그램"},
    [UNIT_LITRE] = {.one = "리터"},
    [UNIT_SECOND] = {.one = "초"},
    [UNIT_HERTZ] = {.one = "헤르츠"},
    [UNIT_BYTE] = {.one = "바이트"},
    [UNIT_BIT] = {.one = "비트"},
    [UNIT_BIT_RATE] = {.one = "비피에스"},
    [UNIT_WATT] = {.one = "와트"},
    [UNIT_WATT_HOUR] = {.one = "와트시"},
    [UNIT_VOLT] = {.one = "볼트"},
    [UNIT_AMPERE] = {.one = "암페어"},
    [UNIT_AMPERE_HOUR] = {.one = "암페어시"},
    [UNIT_PASCAL] = {.one = "파스칼"},
    [UNIT_JOULE] = {.one = "줄"},
    [UNIT_CALORIE] = {.one = "칼로리"},
    [UNIT_NEWTON] = {.one = "뉴턴"},
    [UNIT_ELECTRONVOLT] = {.one = "전자볼트"},
    [UNIT_OHM] = {.one = "옴"},
    [UNIT_FARAD] = {.one = "패럿"},
    [UNIT_MOLE] = {.one = "몰"},
    [UNIT_BAR] = {.one = "바"},
    [UNIT_DECIBEL] = {.one = "데시벨"},
    [UNIT_LUMEN] = {.one = "루멘"},
    [UNIT_LUX] = {.one = "럭스"},
    [UNIT_PIXEL] = {.one = "픽셀"},
    [UNIT_PERCENT] = {.one = "퍼센트"},
    [UNIT_PER_MILLE] = {.one = "퍼밀"},
    [UNIT_CELSIUS] = {.one = "도"},
    [UNIT_FAHRENHEIT] = {.one = "도"},
    [UNIT_DEGREE] = {.one = "도"},
    [UNIT_MINUTE] = {.one = "분"},
    [UNIT_HOUR] = {.one = "시간"},
    [UNIT_HECTARE] = {.one = "헥타르"},
    [UNIT_TONNE] = {.one = "톤"},
    [UNIT_FOOT] = {.one = "피트"},
    [UNIT_INCH] = {.one = "인치"},
    [UNIT_YARD] = {.one = "야드"},
    [UNIT_MILE] = {.one = "마일"},
    [UNIT_POUND] = {.one = "파운드"},
    [UNIT_OUNCE] = {.one = "온스"},
    [UNIT_GALLON] = {.one = "갤런"},
    [UNIT_MILE_PER_HOUR] = {.one = "마일 매 시"},
    [UNIT_REVOLUTION] = {.one = "알피엠"},
    [UNIT_FRAME] = {.one = "에프피에스"},
    [UNIT_BEAT] = {.one = "비피엠"},
    [UNIT_PART_PER_MILLION] = {.one = "피피엠"},
    [UNIT_HORSEPOWER] = {.one = "마력"},
};

static const text_currency currencies[] = {
    {"₩", {.one = "원"}, NULL, NULL},
    {"\uFFE6", {.one = "원"}, NULL, NULL},
    {"krw", {.one = "원"}, NULL, NULL},
    {"$", {.one = " 달러"}, NULL, NULL},
    {"us$", {.one = " 달러"}, NULL, NULL},
    {"usd", {.one = " 달러"}, NULL, NULL},
    {"hk$", {.one = " 홍콩 달러"}, NULL, NULL},
    {"hkd", {.one = " 홍콩 달러"}, NULL, NULL},
    {"cad", {.one = " 캐나다 달러"}, NULL, NULL},
    {"c$", {.one = " 캐나다 달러"}, NULL, NULL},
    {"aud", {.one = " 호주 달러"}, NULL, NULL},
    {"a$", {.one = " 호주 달러"}, NULL, NULL},
    {"nzd", {.one = " 뉴질랜드 달러"}, NULL, NULL},
    {"nz$", {.one = " 뉴질랜드 달러"}, NULL, NULL},
    {"sgd", {.one = " 싱가포르 달러"}, NULL, NULL},
    {"s$", {.one = " 싱가포르 달러"}, NULL, NULL},
    {"twd", {.one = " 대만 달러"}, NULL, NULL},
    {"nt$", {.one = " 대만 달러"}, NULL, NULL},
    {"€", {.one = " 유로"}, NULL, NULL},
    {"eur", {.one = " 유로"}, NULL, NULL},
    {"£", {.one = " 파운드"}, NULL, NULL},
    {"gbp", {.one = " 파운드"}, NULL, NULL},
    {"¥", {.one = " 엔"}, NULL, NULL},
    {"\uFFE5", {.one = " 엔"}, NULL, NULL},
    {"jpy", {.one = " 엔"}, NULL, NULL},
    {"cny", {.one = " 위안"}, NULL, NULL},
    {"rmb", {.one = " 위안"}, NULL, NULL},
    {"chf", {.one = " 스위스 프랑"}, NULL, NULL},
    {"aed", {.one = " 아랍에미리트 디르함"}, NULL, NULL},
    {"₹", {.one = " 루피"}, NULL, NULL},
    {"inr", {.one = " 인도 루피"}, NULL, NULL},
    {"₽", {.one = " 루블"}, NULL, NULL},
    {"rub", {.one = " 러시아 루블"}, NULL, NULL},
    {"฿", {.one = " 바트"}, NULL, NULL},
    {"thb", {.one = " 태국 바트"}, NULL, NULL},
    {"₫", {.one = " 동"}, NULL, NULL},
    {"vnd", {.one = " 베트남 동"}, NULL, NULL},
    {"brl", {.one = " 브라질 헤알"}, NULL, NULL},
    {"mxn", {.one = " 멕시코 페소"}, NULL, NULL},
    {"php", {.one = " 필리핀 페소"}, NULL, NULL},
    {"idr", {.one = " 인도네시아 루피아"}, NULL, NULL},
    {"myr", {.one = " 말레이시아 링깃"}, NULL, NULL},
    {"sek", {.one = " 스웨덴 크로나"}, NULL, NULL},
    {"nok", {.one = " 노르웨이 크로네"}, NULL, NULL},
    {"dkk", {.one = " 덴마크 크로네"}, NULL, NULL},
    {"pln", {.one = " 폴란드 즐로티"}, NULL, NULL},
    {"try", {.one = " 튀르키예 리라"}, NULL, NULL},
    {"zar", {.one = " 남아프리카 랜드"}, NULL, NULL},
    {"sar", {.one = " 사우디 리얄"}, NULL, NULL},
};

static const text_sign signs[] = {
    {"-", "마이너스 ", SIGN_LEADS},      {"+", "플러스 ", SIGN_LEADS},     {"+", " 더하기 ", SIGN_BETWEEN},
    {"-", " 빼기 ", SIGN_BETWEEN},         {"±", "플러스마이너스", SIGN_ALONE}, {"×", " 곱하기 ", SIGN_BETWEEN},
    {"*", " 곱하기 ", SIGN_BETWEEN},       {"÷", " 나누기 ", SIGN_BETWEEN},    {"/", " 나누기 ", SIGN_BETWEEN},
    {"<=", " 이하 ", SIGN_BETWEEN},        {">=", " 이상 ", SIGN_BETWEEN},     {"≤", " 이하 ", SIGN_BETWEEN},
    {"≥", " 이상 ", SIGN_BETWEEN},         {"≠", "같지 않다", SIGN_ALONE},   {"≈", "약", SIGN_ALONE},
    {"=", " 은 ", SIGN_BETWEEN},           {"<", "보다 작은 ", SIGN_BETWEEN}, {">", "보다 큰 ", SIGN_BETWEEN},
    {"~", "약 ", SIGN_LEADS},            {"#", "샵 ", SIGN_LEADS},         {"№", "넘버 ", SIGN_LEADS},
    {"√", "루트", SIGN_ALONE},           {"π", "파이", SIGN_ALONE},        {"∞", "무한대", SIGN_ALONE},
    {"²", "제곱", SIGN_ALONE},           {"³", "세제곱", SIGN_ALONE},      {"%", "퍼센트", SIGN_ALONE},
    {"&", "앤드", SIGN_ALONE},           {"@", "골뱅이", SIGN_ALONE},      {"+", "플러스", SIGN_ALONE},
    {"=", "은", SIGN_ALONE},             {"°", "도", SIGN_ALONE},          {"©", "", SIGN_ALONE},
    {"®", "", SIGN_ALONE},               {"™", "", SIGN_ALONE},
};

static const text_sign address_signs[] = {
    {".", " 점 ", 0},        {"@", " 골뱅이 ", 0}, {"/", " 슬래시 ", 0}, {":", " 콜론 ", 0},     {"-", " 하이픈 ", 0},
    {"_", " 언더바 ", 0},    {"?", " 물음표 ", 0}, {"=", " 이퀄 ", 0},   {"&", " 앤드 ", 0},     {"#", " 샵 ", 0},
    {"%", " 퍼센트 ", 0},    {"+", " 플러스 ", 0}, {"~", " 물결 ", 0},
};

static const text_words words = {
    .group = ',',
    .point = '.',
    .scales = scales,
    .digit = {"공", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"},
    .spoken_point = "점",
    .minus = "마이너스 ",
    .range = "에서 ",
    .spans = spans,
    .ratio = "대 ",
    .per = " 매 ",
    .power = {{"제곱", "제곱"}, {"세제곱", "세제곱"}},
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
    {"weekday", START_SYMBOL, rule_weekday},
    {"wave", START_SYMBOL, rule_wave},
    {"span", START_SYMBOL, common_rule_span},
    {"address", START_DIGIT | START_LETTER | START_SYMBOL, common_rule_address},
    {"numeric date", START_DIGIT, common_rule_date},
    {"clock", START_DIGIT, common_rule_clock},
    {"phone", START_DIGIT | START_SYMBOL, common_rule_phone},
    {"money", START_CURRENCY | START_LETTER | START_SYMBOL, common_rule_money},
    {"money, sign behind", START_DIGIT | START_SYMBOL, common_rule_money_behind},
    {"currency", START_CURRENCY, common_rule_currency},
    {"dimension", START_DIGIT, common_rule_dimension},
    {"measure", START_DIGIT | START_SYMBOL, common_rule_measure},
    {"month", START_DIGIT, rule_month},
    {"hour", START_DIGIT, rule_hour},
    {"part", START_DIGIT, rule_part},
    {"ordinal", START_DIGIT, rule_ordinal},
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
    .ordinal = {"", "\uBC88\uC9F8"}, .year = "\uB144", .month = "\uC6D4", .day = "\uC77C", .between = " "};

const text_language text_language_ko = {
    .written = &written,
    .code = "ko", .rules = rules, .n_rules = COUNT(rules), .cue = cue, .unspaced = true, .words = &words};
