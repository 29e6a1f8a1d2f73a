/* The normalisers of Chinese, Japanese, Korean, Spanish and French: a table for each, texts of our own; then what must hold in
 * every language: hostile texts take linear time, no allocation may fail unnoticed, text without anything to say stays. */
#include "test.h"
#include "torture.h"

#include "base/clock.h"
#include "base/mem.h"
#include "text/normalize.h"

static const char *const codes[] = {"zh", "ja", "ko", "es", "fr"};

typedef struct {
    const char *written, *spoken;
} pair;

static void check_pairs(const char *code, const pair *rows, size_t n)
{
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        hse_buf out;
        hse_error err = {0};
        hse_buf_init(&out, 1 << 20);
        hse_status s = text_normalize(text_language_find(code), rows[i].written, strlen(rows[i].written), &out, &err);
        CHECK(s == HSE_OK, "'%s': %s", rows[i].written, err.text);
        if (strcmp(hse_buf_text(&out), rows[i].spoken) != 0) {
            print_message("  %s '%s': got '%s', want '%s'\n", code, rows[i].written, hse_buf_text(&out), rows[i].spoken);
            wrong++;
        }
        hse_buf_free(&out);
    }
    CHECK(wrong == 0, "%zu of %zu differ", wrong, n);
}

#define TABLE(name, code, ...)                                                                                         \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        static const pair rows[] = {__VA_ARGS__};                                                                      \
        check_pairs(code, rows, COUNT(rows));                                                                          \
    }

TABLE(chinese, "zh", {"我跑了5km，体重60kg，温度是-5℃。", "我跑了五千米，体重六十千克，温度是负五摄氏度。"},
      {"速度100km/h，面积30m²，体积5m3", "速度一百千米每小时，面积三十平方米，体积五立方米"},
      {"3.5%，10%-20%，5‰", "百分之三点五，百分之十到百分之二十，千分之五"}, {"1/2的人，2又3/4", "二分之一的人，二又四分之三"},
      {"比分3:2，13:00出发，10:30-12:00", "比分三比二，十三点零分出发，十点三十分到十二点零分"},
      {"电话13812345678或010-12345678", "电话一三八一二三四五六七八或零一零,一二三四五六七八"},
      {"13800138000 400-800-8888，(010)12345678", "一三八零零一三八零零零 四零零,八零零,八八八八，零一零,一二三四五六七八"},
      {"1月1日-3日，-3日，5°-10°", "一月一日到三日，负三日，五度到十度"}, {"维生素B12，iPhone15", "维生素B十二，iPhone十五"},
      {"+86 138 1234 5678", "加八六,一三八,一二三四,五六七八"}, {"发到abc@gmail.com。", "发到abc艾特gmail点com。"},
      {"1+1=2，5-3=2，x>3", "一加一等于二，五减三等于二，x大于三"}, {"2个人，2点，2月2日，第2名", "两个人，两点，二月二日，第二名"},
      {"20000元，2亿，102，1000000000000", "两万元，两亿，一百零二，一万亿"},
      {"2019-2020年，过了10年，50年代", "二零一九到二零二零年，过了十年，五十年代"}, {"6号楼，6号早上", "六号楼，六日早上"},
      {"2.0.1，192.168.1.1", "二点零点一，一九二点一六八点一点一"}, {"A4纸，MP3，5G，COVID-19", "A四纸，MP三，五G，COVID-十九"},
      {"￥1,234.56，USD 100，-$5", "一千二百三十四点五六人民币，一百美元，负五美元"}, {"007，2B铅笔", "零零七，二B铅笔"},
      {"１２：３０，共１２３", "十二点三十分，共一百二十三"}, {"3x4m，1920×1080", "三乘四米，一千九百二十乘一千零八十"},
      {"2点2分2秒，2秒，2 12 220 1002 1200", "两点二分二秒，两秒，二 十二 二百二十 一千零二 一千二百"},
      {"1,2,3和1,234", "一,二,三和一千二百三十四"}, {"你好，世界！（好）", "你好，世界！（好）"})

TABLE(japanese, "ja", {"5km走って60kg、-5℃です。", "五キロメートル走って六十キログラム、マイナス五度です。"},
      {"100km/h、30m²", "百キロメートル毎時、三十平方メートル"}, {"3.5%、10%〜20%", "三点五パーセント、十パーセントから二十パーセント"},
      {"1/2、3:2、13:00、9:05:30", "二分の一、三対二、十三時、九時五分三十秒"},
      {"03-1234-5678です", "零三,一二三四,五六七八です"}, {"abc@gmail.comへ", "abcアットマークgmailドットcomへ"},
      {"¥1,234、$5.50、USD 100、3万5千円", "千二百三十四円、五点五零ドル、百米ドル、三万五千円"},
      {"R5.4.1に、H30年、R.5", "令和五年四月一日に、平成三十年、令和五年"}, {"9〜17時、ね〜3人", "九から十七時、ね〜三人"},
      {"5日(金)、(月)は、5日（月・祝）", "五日金曜日、(月)は、五日月曜日祝日"}, {"0 11 20 100、6月上旬〜中旬", "零 十一 二十 百、六月上旬から中旬"},
      {"A4用紙、3Dの007", "A四用紙、三Dの零零七"},
      {"11000、10100万", "一万千、一万百万"}, {"2024/2/30", "二千二十四年二月三十日"})

TABLE(korean, "ko", {"5km, 60kg, -5℃.", "오킬로미터, 육십킬로그램, 마이너스 오도."}, {"3.5%, 1/2, 3:2", "삼점오퍼센트, 이분의 일, 삼대 이"},
      {"010-1234-5678입니다", "공일공,일이삼사,오육칠팔입니다"}, {"1588-1234", "일오팔팔,일이삼사"},
      {"1+1=2", "일 더하기 일 은 이"}, {"사과 3개, 20명, 2시간 30분", "사과 세개, 스무명, 두시간 삼십분"},
      {"3개월, 15층, 3학년", "삼개월, 십오층, 삼학년"}, {"6월 10일, 2024년10월", "유월 십일, 이천이십사년 시월"},
      {"오후3시30분, 15시, 13:00", "오후 세시 삼십분, 십오시, 십삼시"}, {"₩1,234, $5, 100 EUR", "천이백삼십사원, 오 달러, 백 유로"},
      {"10000, 20000, 11만", "만, 이만, 십일만"}, {"0 10 11 20 101, ₩5천", "영 십 십일 이십 백일, 오천원"},
      {"2번째, 40번째", "두번째, 마흔번째"})

TABLE(spanish, "es", {"5 km, 21 kg, -5 °C", "cinco kilómetros, veintiún kilogramos, menos cinco grados celsius"},
      {"100 km/h, 30 m², 1 m3", "cien kilómetros por hora, treinta metros cuadrados, un metro cúbico"},
      {"21 libros, 200 personas, 31 de mayo", "veintiún libros, doscientas personas, treinta y uno de mayo"},
      {"21 h, las 9:15 h, de 10:00-12:00", "veintiuna horas, las nueve y cuarto, de diez a doce"},
      {"3,5%, 0,05, 12.5", "tres coma cinco por ciento, cero coma cero cinco, doce punto cinco"},
      {"1,012, 1,200, 1,205, 1,0175 €", "uno coma cero uno dos, uno coma veinte cero, uno coma doscientos cinco, uno coma cero uno siete cinco euros"},
      {"6:05 p.m., 7:05 p.m.", "seis y cinco de la tarde, siete y cinco de la noche"},
      {"612 345 678 y 1 034 068", "seis uno dos, tres cuatro cinco, seis siete ocho y un millón treinta y cuatro mil sesenta y ocho"},
      {"abc@gmail.com", "abc arroba gmail punto com"}, {"3 x 4 = 12", "tres por cuatro igual a doce"},
      {"Sr. García, c/ Mayor, nº 5, p. 21", "señor García, calle Mayor, número cinco, página veintiuno"},
      {"Luis XIV, Isabel II, capítulo IV, siglo XXI", "Luis catorce, Isabel segunda, capítulo cuatro, siglo veintiuno"},
      {"$1,234.56, 1.234,56 €, 1 USD", "mil doscientos treinta y cuatro dólares cincuenta y seis centavos, mil doscientos treinta y "
                                       "cuatro euros cincuenta y seis céntimos, un dólar estadounidense"},
      {"€3 millones, 3-5 días", "tres millones de euros, tres a cinco días"}, {"la 2ª vez, el 3er piso", "la segunda vez, el tercer piso"},
      {"1.000.000 €, 1/2 kg, II Guerra Mundial", "un millón de euros, medio kilogramo, segunda Guerra Mundial"},
      {"el 3/4, 31/12, 10:00-12:00", "el tres de abril, treinta y uno de diciembre, diez a doce"},
      {"hace 30°, el 5°", "hace treinta grados, el quinto"}, {"500 a. C., va a casa", "quinientos antes de Cristo, va a casa"},
      {"MIL, mi vida, di que vi un CD", "MIL, mi vida, di que vi un CD"}, {"¿Qué? ¡Sí! «Ñu»", "¿Qué? ¡Sí! «Ñu»"},
      {"1/3, 2 1/2, 3/100", "un tercio, dos y medio, tres centésimos"})

TABLE(french, "fr", {"5 km, 60 kg, -5 °C", "cinq kilomètres, soixante kilogrammes, moins cinq degrés celsius"},
      {"1,5 litre, 1,5 l, 2 l, 0 m", "un virgule cinq litre, un virgule cinq litre, deux litres, zéro mètre"},
      {"21 heures, 1 h, 14h30, 14 h 30, 14:30", "vingt et une heures, une heure, quatorze heures trente, quatorze heures trente, "
                                               "quatorze heures trente"},
      {"06 12 34 56 78", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"},
      {"1,012 ; 2,500 ; 1,001 km", "un virgule zéro un deux ; deux virgule cinquante zéro ; un virgule zéro zéro un kilomètre"},
      {"3,5 %, 1/2, 3/4, 2/3", "trois virgule cinq pour cent, un demi, trois quarts, deux tiers"},
      {"M. Dupont, Mme X, n° 5, St-Jean", "monsieur Dupont, madame X, numéro cinq, saint Jean"},
      {"XXIe siècle, Louis XIV, François Ier, Le Ve", "vingt et unième siècle, Louis quatorze, François premier, Le cinquième"},
      {"1 234,56 €, 3 millions €, 21 £", "mille deux cent trente-quatre euros cinquante-six centimes, trois millions d'euros, vingt et "
                                         "une livres"},
      {"1re, 2e, 2nd, 21ème, 80e, 3D", "première, deuxième, second, vingt et unième, quatre-vingtième, trois D"},
      {"le 1er mai, le 5 mai 2020, 12/10/2023", "le premier mai, le cinq mai deux mille vingt, douze octobre deux mille vingt-trois"},
      {"80, 200, 201, 80 000, 1 000 000", "quatre-vingts, deux cents, deux cent un, quatre-vingt mille, un million"},
      {"Vers midi, Mes amis, Le Cid", "Vers midi, Mes amis, Le Cid"}, {"16 Go, 5 Mo/s", "seize gigaoctets, cinq mégaoctets par seconde"},
      {"le 5/10, 31/12, 18h-20h, 2 M€", "le cinq octobre, trente et un décembre, dix-huit heures à vingt heures, deux millions d'euros"},
      {"2010-2015, 16:9", "deux mille dix à deux mille quinze, seize à neuf"}, {"« Où ? » — là…", "« Où ? » — là…"})

TEST(numbers_without_words_are_said_digit_by_digit)
{
    char digits[201];

    memset(digits, '7', 200);
    for (size_t i = 0; i < COUNT(codes); i++)
        for (size_t n = 1; n <= 200; n++) {
            hse_buf out;
            hse_buf_init(&out, 1 << 16);
            CHECK(text_normalize(text_language_find(codes[i]), digits, n, &out, NULL) == HSE_OK && out.size >= 3, "%s %zu", codes[i], n);
            CHECK(!strpbrk(hse_buf_text(&out), "0123456789"), "%s %zu: %s", codes[i], n, hse_buf_text(&out));
            CHECK(n < 70 || out.size >= n * 3, "%s %zu: %zu bytes", codes[i], n, out.size);
            hse_buf_free(&out);
        }
}

TEST(what_is_not_utf8_is_refused_with_its_place)
{
    static const struct {
        const char *text;
        size_t size, bad;
    } rows[] = {{"12 \xC3\x28", 5, 3}, {"5\xE4\xBD", 3, 1}, {"\xED\xA0\x80", 3, 0}, {"3\xF5\x80\x80\x80", 5, 1}, {"\xC0\xB1", 2, 0}};

    for (size_t i = 0; i < COUNT(codes); i++)
        for (size_t k = 0; k < COUNT(rows); k++) {
            hse_error err = {0};
            hse_buf out;
            hse_buf_init(&out, 1 << 16);
            hse_status s = text_normalize(text_language_find(codes[i]), rows[k].text, rows[k].size, &out, &err);
            CHECK(s == HSE_E_FORMAT && err.offset == rows[k].bad && out.size == 0, "%s row %zu: %d at %llu", codes[i], k, (int)s,
                  (unsigned long long)err.offset);
            hse_buf_free(&out);
        }
}

/* Sixteen kibibytes of each, then a mebibyte of them all. */
TEST(hostile_texts_take_linear_time)
{
    static const char *const units[] = {"1",   "1.",  "1,",    "1-",  "1/", "1:1", "1 000", " 1", "$",      "€1",   "1€",  "a@",   "www.", "IV ",
                                        "a1",  "年1", "1年",   "1月", "第", "〜1", "1〜",   "(月", "1日(月〜", "１",   "，1", "負", "公元",  "1h",
                                        "1 x ", "1km", "1km/", "a. ", "Sr", "1er", "V",     "1º", "C",     "가1",  "1번", "①",   "½",    "e\xCC\x81",
                                        "%",   "- ",  "= ",    "12:3", "@", "1 de ", "mayo ", "lun.", "R.1", "12/12/", "+1 ", "\xF0\x9F\x98\x80"};
    size_t size = 1 << 20, part = 1 << 14;
    char *text = hse_alloc(size);

    assert_non_null(text);
    for (size_t i = 0; i < COUNT(codes); i++)
        for (size_t k = 0; k <= COUNT(units); k++) {
            size_t total = 0;
            hse_buf out;
            hse_error err = {0};
            hse_buf_init(&out, 64u << 20);
            for (size_t next = 0; total + 16 < (k < COUNT(units) ? part : size); next = (next + 1) % COUNT(units)) {
                const char *unit = units[k < COUNT(units) ? k : next];
                memcpy(text + total, unit, strlen(unit));
                total += strlen(unit);
            }
            const char *name = k < COUNT(units) ? units[k] : "all";
            uint64_t start = hse_now_ms();
            CHECK(text_normalize(text_language_find(codes[i]), text, total, &out, &err) == HSE_OK, "%s '%s': %s", codes[i], name,
                  err.text);
            uint64_t ms = hse_now_ms() - start;
            CHECK(ms < 8000, "%s '%s': %llu ms", codes[i], name, (unsigned long long)ms);
            if (ms > 400)
                print_message("  %s '%s': %llu ms, %zu bytes\n", codes[i], name, (unsigned long long)ms, out.size);
            hse_buf_free(&out);
        }
    hse_free(text);
}

typedef struct {
    const char *code, *text;
} job;

static hse_status normalize(void *arg, hse_error *err)
{
    const job *j = arg;
    hse_buf out;

    hse_buf_init(&out, 1 << 20);
    hse_status s = text_normalize(text_language_find(j->code), j->text, strlen(j->text), &out, err);
    hse_buf_free(&out);
    return s;
}

TEST(every_allocation_may_fail)
{
    for (size_t i = 0; i < COUNT(codes); i++) {
        job j = {codes[i], "Ａ 1.234.567,89 € el 3.ª 500.001.ª vez, 2024年5月3日(月) 오후3시30분 10:30 5 km/h abc@gmail.com 1/200 XXIe"};
        CHECK(test_torture(codes[i], normalize, &j) >= 3, "%s: too few allocations", codes[i]);
    }
}

TEST(plain_text_passes_unchanged)
{
    static const char *const texts[] = {"今天天气很好，我们去公园散步吧。他说：“好的！”", "今日はいい天気ですね。「そうですね」と彼は言った。",
                                        "오늘은 날씨가 좋습니다. 공원에 갈까요?", "El perro duerme; ¿y tú qué haces aquí, mi vida?",
                                        "L'été, c'est la saison où l'on rêve — n'est-ce pas ?"};

    for (size_t i = 0; i < COUNT(codes); i++) {
        size_t n = strlen(texts[i]), copies = (1u << 20) / n;
        char *text = hse_alloc(copies * n);
        hse_buf out;
        assert_non_null(text);
        for (size_t k = 0; k < copies; k++)
            memcpy(text + k * n, texts[i], n);
        hse_buf_init(&out, 64u << 20);
        uint64_t start = hse_now_ns();
        CHECK(text_normalize(text_language_find(codes[i]), text, copies * n, &out, NULL) == HSE_OK, "status");
        print_message("  %s: %.1f MB/s of plain text\n", codes[i], (double)(copies * n) / (double)(hse_now_ns() - start) * 1e3);
        CHECK(out.size == copies * n && memcmp(out.data, text, copies * n) == 0, "%s: the text changed", codes[i]);
        hse_buf_free(&out);
        hse_free(text);
    }
}
