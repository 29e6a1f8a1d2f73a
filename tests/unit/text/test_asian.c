/* Japanese and Korean from packs: numerals, katakana, word cuts, pronunciation; damaged packs, hostile texts, no memory. */
#include "test.h"

#include "base/arena.h"
#include "base/mem.h"
#include "text/ja/ja.h"
#include "text/ko/ko.h"
#include "text/mecab.h"
#include "text/tiny_pack.h"

#include <stdlib.h>
#include <utf8proc.h>
#include "torture.h"

typedef enum { KATAKANA, WORDS, SPOKEN } question;

static const tiny_word ja_words[] = {{"アイ", 100, 0}, {"ア", 80, 0}, {"イ", 80, 0}, {"アイウ", 400, 0}, {"ウ", 250, 0}};
static const tiny_word ko_words[] = {{"시", 10, 'B'}, {"명", 10, 'B'}, {"할", 10, 'E'}, {"감", 10, 'V'}, {"고", 10, 'E'},
                                     {"앉", 10, 'V'}, {"닭", 10, 'N'}, {"걸", 10, 'N'}, {"밟", 10, 'V'}, {"다", 10, 'E'}};

static void add_strings(tiny_pack *p, const char *name, const char *const *strings)
{
    hse_buf *b = tiny_section(p, name);

    for (; *strings; strings++)
        hse_buf_append(b, *strings, strlen(*strings) + 1);
}

static void make(question q, hse_buf *out)
{
    static const char *const kanji[] = {"今", "イマ", "今日", "キョウ", "今日は", "コンニチハ", "木ッ端", "コッパ", "島", "シマ", NULL};
    static const char *const variants[] = {"嶋", "島", "\uFE00", "", NULL};
    static const char *const english[] = {"file", "파일", NULL};
    static const char *const idioms[] = {"mp3", "엠피쓰리", "10월", "시월", NULL};
    tiny_pack p = {.count = 0};

    if (q == SPOKEN) {
        tiny_map(&p, "english", english);
        add_strings(&p, "idioms", idioms);
        hse_buf_str(tiny_section(&p, "counted"), "개 시 마리");
        tiny_mecab(&p, ko_words, COUNT(ko_words));
    } else {
        tiny_map(&p, "kanji", kanji);
        tiny_map(&p, "kanji.variants", variants);
        tiny_number(tiny_section(&p, "kanji.longest"), 3, 4);
        tiny_mecab(&p, ja_words, COUNT(ja_words));
    }
    tiny_finish(&p, out);
}

static hse_status ask(question q, hse_bytes file, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_pack *pack = NULL;
    hse_status s = text_pack_open_bytes(&pack, file, "test", err);
    text_mecab mecab;
    text_ja ja;
    text_ko ko;

    if (s == HSE_OK && q == KATAKANA && (s = text_ja_read(&ja, pack, err)) == HSE_OK)
        s = text_ja_katakana(&ja, text, size, arena, out, err);
    else if (s == HSE_OK && q == WORDS && (s = text_mecab_read(&mecab, pack, err)) == HSE_OK)
        s = text_mecab_cut(&mecab, text, size, arena, out, err);
    else if (s == HSE_OK && q == SPOKEN && (s = text_ko_read(&ko, pack, err)) == HSE_OK)
        s = text_ko_pronounce(&ko, text, size, arena, out, err);
    text_pack_close(&pack);
    return s;
}

typedef struct {
    const char *text, *want;                /* words: '/' between them */
} sample;

static void check_all(question q, const sample *samples, size_t count)
{
    hse_buf file;

    make(q, &file);
    for (size_t i = 0; i < count; i++) {
        hse_arena arena;
        hse_error err = {0};
        text_answer a = {0};
        hse_buf got;

        hse_arena_init(&arena, 1 << 26);
        hse_buf_init(&got, 1 << 16);
        hse_status s = ask(q, (hse_bytes){file.data, file.size}, samples[i].text, strlen(samples[i].text), &arena, &a, &err);
        for (size_t k = 0; s == HSE_OK && k < a.count; k++) {
            hse_buf_str(&got, k ? "/" : "");
            hse_buf_str(&got, a.item[k]);
        }
        CHECK(s == HSE_OK && strcmp(hse_buf_text(&got), samples[i].want) == 0, "\"%s\": \"%s\", not \"%s\" (%s)",
              samples[i].text, hse_buf_text(&got), samples[i].want, err.text);
        hse_buf_free(&got);
        hse_arena_free(&arena);
    }
    hse_buf_free(&file);
}

TEST(japanese_numerals)
{
    static const struct {
        const char *digits, *want;          /* NULL: refused */
    } cases[] = {{"0", "零"}, {"007", "七"}, {"10", "十"}, {"110", "百十"}, {"1001", "千一"}, {"10000", "一万"},
                 {"11000000", "千百万"}, {"123456789012345678", "十二京三千四百五十六兆七千八百九十億千二百三十四万五千六百七十八"},
                 {"3.14", "三点一四"}, {"1.50", "一点五"}, {"3.0", "三"}, {"10.05", "十点零五"}, {"0.000001", "零点零零零零零一"},
                 {"0.0", "零"}, {"", NULL}, {"a", NULL}, {"1.2.3", NULL}, {"-1", NULL},
                 {"1000000000000000000000000000000000000000000000000000", NULL},
                 {"100000000000000000000000000000000000000000000000000", "百極"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_arena arena;
        hse_error err = {0};
        text_answer a = {0};

        hse_arena_init(&arena, 1 << 16);
        hse_status s = text_ja_numeral(cases[i].digits, strlen(cases[i].digits), &arena, &a, &err);
        CHECK((s == HSE_OK) == (cases[i].want != NULL) && (s == HSE_OK || err.text[0]), "%s: %d", cases[i].digits, (int)s);
        CHECK(s != HSE_OK || strcmp(a.item[0], cases[i].want) == 0, "%s: %s", cases[i].digits, a.item[0]);
        hse_arena_free(&arena);
    }
}

TEST(the_longest_word_of_kanji_is_read)
{
    static const sample samples[] = {
        {"今日は", "コンニチハ"}, {"今日わ", "キョウワ"}, {"今今", "イマイマ"}, {"嶋", "シマ"}, {"嶋\uFE00あ", "シマア"},
        {"木ッ端", "コッパ"}, {"木", "木"}, {"ああー", "アアア"}, {"アーー", "アー-"}, {"今ー", "イマ-"}, {"ーあ", "-ア"},
        {"・ー", "・ー"}, {"ゝー", "ゝ-"}, {"", ""}, {"x", "x"}, {"\xE4\xBB", "\xE4\xBB"},
    };

    check_all(KATAKANA, samples, COUNT(samples));
}

TEST(the_cheapest_path_of_words_wins)
{
    static const sample samples[] = {
        {"アイ", "アイ"}, {"アイウ", "アイ/ウ"}, {"アア", "ア/ア"}, {"カキク", "カキク"}, {"アカ", "アカ"}, {"  ア イ ", "ア/イ"},
        {"xy", "x/y"}, {"", ""}, {"   ", ""}, {"\xFFア", "\xFF/ア"}, {"😀", "😀"},
    };

    check_all(WORDS, samples, COUNT(samples));
}

TEST(korean_is_spoken_by_its_rules)
{
    static const sample samples[] = {
        {"3시", "\u1109\u1166\u1109\u1175"},                                     /* counted: native */
        {"13명", "\u1109\u1175\u11B8\u110A\u1161\u11B7\u1106\u1167\u11BC"},      /* another noun: sino-Korean */
        {"20시", "\u1109\u1173\u1106\u116E\u1109\u1175"},
        {"30", "\u1109\u1161\u1106\u1167\u11BC"},                                /* alone: digit by digit, linked */
        {"10월", "\u1109\u1175\u110B\u116F\u11AF"},
        {"mp3", "\u110B\u1166\u11B7\u1111\u1175\u110A\u1173\u1105\u1175"},
        {"FILE", "\u1111\u1161\u110B\u1175\u11AF"},
        {"abc", "abc"},
        {"감고", "\u1100\u1161\u11B7\u1101\u1169"},                              /* 24 */
        {"앉고", "\u110B\u1161\u11AB\u1101\u1169"},
        {"갈걸", "\u1100\u1161\u11AF\u1101\u1165\u11AF"},                        /* 27 */
        {"할걸", "\u1112\u1161\u11AF\u1100\u1165\u11AF"},                        /* not behind the mark of an ending */
        {"닭", "\u1103\u1161\u11A8"},                                            /* 11 */
        {"닭을", "\u1103\u1161\u11AF\u1100\u1173\u11AF"},                        /* 14 */
        {"밟다", "\u1107\u1161\u11B8\u1104\u1161"},                              /* 10.1 */
        {"밟아", "\u1107\u1161\u1107\u1161"},                                  /* its parts of speech: the stem ends there */
        {"\uFF14\uFF17명", "\u1109\u1175\u11B7\u1106\u1167\u11BC"},               /* digits without names */
        {"\uFF14\uFF17", "\uFF14\uFF17"},
        {"같이", "\u1100\u1161\u110E\u1175"},                                    /* 17 */
        {"가져", "\u1100\u1161\u110C\u1165"},                                    /* 5.1 */
        {"무늬", "\u1106\u116E\u1102\u1175"},                                    /* 5.3 */
        {"신라", "\u1109\u1175\u11AF\u1105\u1161"},
        {"넣어", "\u1102\u1165\u110B\u1165"},                                    /* 12.4 */
        {"\u1161", "\u110B\u1161"},
        {"", ""},
    };

    check_all(SPOKEN, samples, COUNT(samples));
}

/* By the articles of the standard pronunciation, spoken forms as syllables. */
TEST(korean_sounds_follow_the_articles)
{
    static const struct { int article; const char *text, *spoken; } cases[] = {
        {5, "쳐", "처"}, {5, "희", "히"}, {5, "의사", "의사"}, {9, "닦다", "닥따"}, {9, "꽃", "꼳"}, {9, "앞", "압"}, {9, "키읔", "키윽"},
        {10, "넋", "넉"}, {10, "외곬", "외골"}, {10, "값", "갑"}, {10, "여덟", "여덜"}, {10, "밟다", "밥따"},
        {10, "넓죽", "넙쭉"}, {11, "흙과", "흑꽈"}, {11, "삶", "삼"}, {11, "읊다", "읍따"}, {12, "놓고", "노코"}, {12, "많고", "만코"},
        {12, "닳지", "달치"}, {12, "각하", "가카"}, {12, "맏형", "마텽"}, {12, "꽂히다", "꼬치다"}, {12, "닿소", "다쏘"}, {12, "놓는", "논는"},
        {12, "않네", "안네"}, {12, "뚫네", "뚤레"}, {12, "낳은", "나은"}, {12, "싫어", "시러"}, {13, "옷이", "오시"}, {13, "있어", "이써"},
        {14, "앉아", "안자"}, {14, "값을", "갑쓸"}, {14, "없어", "업써"}, {15, "옷 안", "오 단"}, {15, "값 없는", "가 범는"}, {16, "디귿이", "디그시"},
        {16, "키읔이", "키으기"}, {16, "피읖이", "피으비"}, {17, "굳이", "구지"}, {17, "밭이", "바치"}, {17, "벼훑이", "벼훌치"}, {17, "묻히다", "무치다"},
        {18, "국물", "궁물"}, {18, "닫는", "단는"}, {18, "앞마당", "암마당"}, {18, "흙만", "흥만"}, {18, "책 넣는다", "챙 넌는다"}, {19, "담력", "담녁"},
        {19, "막론", "망논"}, {19, "협력", "혐녁"}, {20, "난로", "날로"}, {20, "칼날", "칼랄"}, {20, "핥네", "할레"}, {23, "국밥", "국빱"},
        {23, "옷고름", "옫꼬름"}, {23, "값지다", "갑찌다"}, {27, "할 것을", "할 꺼슬"}, {27, "갈지라도", "갈찌라도"}, {29, "", ""},
        /* the reference's departures */
        {19, "앞라인", "안나인"}, {11, "닭튀김", "닥퓌김"}, {11, "값칼", "갑팔"}, {11, "값표", "값표"}, {11, "넓탁", "넓탁"}, {11, "흙파", "흙파"},
    };
    hse_buf file;

    make(SPOKEN, &file);
    for (size_t i = 0; i < COUNT(cases); i++) {
        utf8proc_uint8_t *want = utf8proc_NFD((const utf8proc_uint8_t *)cases[i].spoken);
        hse_arena arena;
        hse_error err = {0};
        text_answer a = {0};

        hse_arena_init(&arena, 1 << 20);
        hse_status s = ask(SPOKEN, (hse_bytes){file.data, file.size}, cases[i].text, strlen(cases[i].text), &arena, &a, &err);
        CHECK(s == HSE_OK && strcmp(a.item[0], (const char *)want) == 0, "article %d: %s: %s, want %s", cases[i].article, cases[i].text,
              s == HSE_OK ? a.item[0] : err.text, (const char *)want);
        hse_arena_free(&arena);
        free(want);                         /* utf8proc's memory is the C library's */
    }
    hse_buf_free(&file);
}

/* Long texts take several runs: nothing is lost between them. */
TEST(long_texts_are_cut_whole)
{
    enum { TIMES = 5000 };
    static char text[TIMES * 6 + 1];
    hse_arena arena;
    hse_error err = {0};
    text_answer a = {0};
    hse_buf file;
    size_t size = 0;

    for (size_t i = 0; i < TIMES; i++)
        memcpy(text + 6 * i, "アイ", 7);
    make(WORDS, &file);
    hse_arena_init(&arena, 1 << 26);
    CHECK(ask(WORDS, (hse_bytes){file.data, file.size}, text, 6 * TIMES, &arena, &a, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < a.count; i++)
        size += strlen(a.item[i]);
    CHECK(size == 6 * TIMES && a.count >= TIMES && a.count < TIMES + 20, "%zu words, %zu bytes", a.count, size);
    hse_arena_free(&arena);
    hse_buf_free(&file);
}

TEST(damaged_packs_give_errors_or_other_words)
{
    static const char *const text[] = {"今日は嶋ー", "アイウ カ\xE3xアア", "3시 닭을 file 감고 13명"};

    for (question q = KATAKANA; q <= SPOKEN; q++) {
        uint64_t seed = 88172645463325252u;
        hse_buf file;

        make(q, &file);
        for (size_t i = 0; i < 1500; i++) {
            size_t at[2];
            uint8_t was[2];
            hse_arena arena;
            hse_error err = {0};
            text_answer a = {0};

            for (size_t k = 0; k < 2; k++) {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                at[k] = (size_t)(seed >> 16) % (i % 3 ? 1400 : file.size);      /* the heads and maps more often */
                was[k] = file.data[at[k]];
                file.data[at[k]] = (uint8_t)(i % 2 ? 0xFF : seed >> 8);
            }
            hse_arena_init(&arena, 1 << 26);
            hse_status s = ask(q, (hse_bytes){file.data, i % 7 ? file.size : at[0]}, text[q], strlen(text[q]), &arena, &a, &err);
            CHECK(s == HSE_OK || err.text[0], "damage %zu: an error without words", i);
            hse_arena_free(&arena);
            for (size_t k = 2; k-- > 0;)
                file.data[at[k]] = was[k];
        }
        hse_buf_free(&file);
    }
}

typedef struct {
    question    q;
    hse_bytes   file;
    const char *text;
} asked;

static hse_status run_once(void *arg, hse_error *err)
{
    const asked *a = arg;
    hse_arena arena;
    text_answer out;

    hse_arena_init(&arena, 1 << 26);
    hse_status s = ask(a->q, a->file, a->text, strlen(a->text), &arena, &out, err);
    hse_arena_free(&arena);
    return s;
}

TEST(every_allocation_may_fail)
{
    static const char *const text[] = {"今日は嶋ー", "アイウ カア", "3시 닭을 file 감고"};

    for (question q = KATAKANA; q <= SPOKEN; q++) {
        hse_buf file;

        make(q, &file);
        asked a = {q, {file.data, file.size}, text[q]};
        test_torture(text[q], run_once, &a);
        hse_buf_free(&file);
    }
}
