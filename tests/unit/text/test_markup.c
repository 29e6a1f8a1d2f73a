/* A request's text as spans: SSML, [[word /phones/]], pronunciations of users; and phones in their alphabets. */
#include "test.h"
#include "torture.h"

#include "text/hs1/respell.h"
#include "text/markup/markup.h"
#include "text/markup/say_as.h"
#include "text/marks.h"
#include "text/phones.h"
#include "text/text.h"

/* "say |hello=həˈloʊ| now{1 1 1}sentence ...": each span's text with its marks, its style where it is not plain, its end. */
static void print_markup(const text_markup *m, hse_buf *out)
{
    static const char *const ends[] = {"open", "sentence", "paragraph", "pause"};

    for (size_t i = 0; i < m->count; i++) {
        const text_markup_span *span = &m->span[i];
        const text_style *style = &span->style;
        size_t at = 0;

        for (text_part p; text_marks_next(m->text + span->from, span->to - span->from, &at, &p);)
            if (p.phones)
                hse_buf_printf(out, "|%.*s=%.*s|", (int)p.size, p.words, (int)p.phones_size, p.phones);
            else
                hse_buf_append(out, p.words, p.size);
        if (style->rate != 1 || style->pitch != 1 || style->gain != 1)
            hse_buf_printf(out, "{%.3g %.3g %.3g}", (double)style->rate, (double)style->pitch, (double)style->gain);
        if (style->language)
            hse_buf_printf(out, "(%s)", style->language);
        if (style->voice)
            hse_buf_printf(out, "(%s)", style->voice);
        hse_buf_printf(out, "<%s", ends[span->end]);
        if (span->end == SPAN_ENDS_PAUSE)
            hse_buf_printf(out, " %u", span->pause_ms);
        hse_buf_byte(out, '>');
    }
}

static hse_status lexicon_of(text_pronunciations **p, const char *text, hse_error *err)
{
    hse_status s = text_pronunciations_new(p, err);

    if (s == HSE_OK)
        s = text_pronunciations_add(*p, (hse_bytes){(const uint8_t *)text, strlen(text)}, err);
    return s == HSE_OK ? text_pronunciations_finish(*p, err) : s;
}

/* The text as it is read, or the error's words. */
static const char *read_as(hse_input_type input, const char *text, size_t size, const char *lexicon, const char *server, hse_status *status)
{
    static char result[4096];
    text_pronunciations *own = NULL, *theirs = NULL;
    text_markup m = {0};
    hse_error err = {0};
    hse_buf out;
    hse_status s = lexicon ? lexicon_of(&own, lexicon, &err) : HSE_OK;

    hse_buf_init(&out, sizeof result - 1);
    if (s == HSE_OK && server)
        s = lexicon_of(&theirs, server, &err);
    if (s == HSE_OK)
        s = text_markup_read(&m, input, text, size, "en", own, theirs, &err);
    if (s == HSE_OK)
        print_markup(&m, &out);
    snprintf(result, sizeof result, "%s", s == HSE_OK ? hse_buf_text(&out) : err.text);
    hse_buf_free(&out);
    text_markup_free(&m);
    text_pronunciations_close(&own);
    text_pronunciations_close(&theirs);
    *status = s;
    return result;
}

typedef struct {
    const char *text, *want;
} row;

static void check_rows(hse_input_type input, const row *rows, size_t n, const char *lexicon, const char *server)
{
    for (size_t i = 0; i < n; i++) {
        hse_status s;
        const char *got = read_as(input, rows[i].text, strlen(rows[i].text), lexicon, server, &s);

        CHECK(s == HSE_OK && strcmp(got, rows[i].want) == 0, "'%.100s'\n  gives '%.180s'\n  want  '%.180s'", rows[i].text, got, rows[i].want);
    }
}

TEST(phones_are_written_in_the_text)
{
    static const row rows[] = {
        {"Say [[tomato /təˈmɑːtəʊ/]] now.", "Say |tomato=təˈmɑːtəʊ| now.<sentence>"},
        {"[[/həˈloʊ/]]", "|=həˈloʊ|<sentence>"},
        {"[[New York /nuː jɔːk/]]!", "|New York=nuː/jɔːk|!<sentence>"},
        {"[[a /t͡ʃ ʧ g ãː'/]]", "|a=tʃ/tʃ/ɡ/a\u0303ːˈ|<sentence>"},
        {"plain", "plain<sentence>"},
        {"[[Foo]] [[/]] [[a/b]] [[ [[", "[[Foo]] [[/]] [[a/b]] [[ [[<sentence>"},
        {"[[[x /a/]]]", "[|x=a|]<sentence>"},
        {"\xEF\xBF\xB9no\xEF\xBF\xBAmark\xEF\xBF\xBB", "nomark<sentence>"},
        {"<p>no SSML</p>", "<p>no SSML</p><sentence>"},
        {"", ""},
    };

    check_rows(HSE_INPUT_AUTO, rows, COUNT(rows), NULL, NULL);
    static const row plain[] = {{"[[a /a/]] <speak>x</speak>", "[[a /a/]] <speak>x</speak><sentence>"}, {"<speak>x</speak>", "<speak>x</speak><sentence>"}};
    check_rows(HSE_INPUT_TEXT, plain, COUNT(plain), NULL, NULL);
}

TEST(ssml_becomes_spans)
{
    static const row rows[] = {
        {"<speak>Hello  there\n world.</speak>", "Hello there world.<sentence>"},
        {"<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n<speak version=\"1.1\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"en-GB\">A</speak>",
         "A(en)<sentence>"},
        {"<speak>a<break/>b<break time='1.5s'/>c<break time=\"20ms\"/><break strength='strong'/>d</speak>",
         "a<pause 300>b<pause 1500>c<pause 620>d<sentence>"},
        {"<speak><break time='1s'/>a<break strength='none'/> b</speak>", "<pause 1000>a<pause 0> b<sentence>"},
        {"<speak>a <prosody rate='slow'>b <prosody rate='50%' pitch='-12st'>c</prosody></prosody> d</speak>",
         "a <open>b {0.75 1 1}<open>c{0.375 0.5 1}<open> d<sentence>"},
        {"<speak><prosody volume='+6dB'>a</prosody><prosody volume='silent'>b</prosody><prosody rate='+20%' pitch='high'>c</prosody></speak>",
         "a{1 1 2}<open>b{1 1 0}<open>c{1.2 1.15 1}<sentence>"},
        {"<speak><p>a</p><p><s>b</s><s>c</s></p>d</speak>", "a<paragraph>b<sentence>c<paragraph>d<sentence>"},
        {"<speak><sub alias='World Wide Web'>WWW</sub> x</speak>", "World Wide Web x<sentence>"},
        {"<speak>a<phoneme alphabet='ipa' ph='təˈmɑːtəʊ'>tomato</phoneme>s</speak>", "a|tomato=təˈmɑːtəʊ|s<sentence>"},
        {"<speak><phoneme alphabet='x-sampa' ph='t@&quot;mA:t@U'>tomato</phoneme></speak>", "|tomato=təˈmɑːtəʊ|<sentence>"},
        {"<speak><phoneme alphabet='cmu-arpabet' ph='T AH0 M EY1 T OW2'>tomato</phoneme></speak>", "|tomato=təˈmeɪˌtoʊ|<sentence>"},
        {"<speak>a<lang xml:lang='fr-FR'>b</lang><voice name='slt'>c</voice></speak>", "a<open>b(fr)<open>c(slt)<sentence>"},
        {"<speak><voice name='slt'><prosody rate='1'>same</prosody> span</voice></speak>", "same span(slt)<sentence>"},
        {"<speak><!-- nothing --><![CDATA[1 < 2 & ]]>&lt;&#x41;&amp;</speak>", "1 < 2 & <A&<sentence>"},
        {"<speak/>", ""},
        {"\xEF\xBB\xBF <speak>BOM</speak>", "BOM<sentence>"},
    };

    check_rows(HSE_INPUT_AUTO, rows, COUNT(rows), NULL, NULL);
    check_rows(HSE_INPUT_SSML, rows, COUNT(rows) - 1, NULL, NULL);
}

TEST(say_as_is_words)
{
    static const struct {
        const char *kind, *format, *text, *want;
    } rows[] = {
        {"characters", NULL, "aB-1", "ay bee dash one"},
        {"spell-out", NULL, "HSE é", "aitch ess ee, é"},
        {"digits", NULL, "2024", "two zero two four"},
        {"cardinal", NULL, "1984", "one thousand nine hundred eighty four"},
        {"cardinal", NULL, "-1,234.50", "minus one thousand two hundred thirty four point five zero"},
        {"number", NULL, "7", "seven"},
        {"ordinal", NULL, "21", "twenty first"},
        {"ordinal", NULL, "3rd", "third"},
        {"date", "dmy", "3/5/2024", "the third of May twenty twenty four"},
        {"date", "mdy", "3-5-2024", "March fifth, twenty twenty four"},
        {"date", "ymd", "1905.12.31", "December thirty first, nineteen oh five"},
        {"date", "y", "1984", "nineteen eighty four"},
        {"date", "md", "12/24", "December twenty fourth"},
        {"telephone", NULL, "+1 (555) 010-99", "plus one, five five five, zero one zero, nine nine"},
        {"currency", NULL, "$5.20", "five dollars twenty cents"},
        {"unit", NULL, "5 km", "five kilometers"},
        {"fraction", NULL, "3/4", "three quarters"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        hse_status s;

        snprintf(text, sizeof text, "<speak><say-as interpret-as=\"%s\"%s%s%s>%s</say-as></speak>", rows[i].kind,
                 rows[i].format ? " format=\"" : "", rows[i].format ? rows[i].format : "", rows[i].format ? "\"" : "", rows[i].text);
        const char *got = read_as(HSE_INPUT_SSML, text, strlen(text), NULL, NULL, &s);
        size_t n = strlen(rows[i].want);
        CHECK(s == HSE_OK && strncmp(got, rows[i].want, n) == 0 && strcmp(got + n, "<sentence>") == 0, "%s: '%s' is '%s', want '%s'", rows[i].kind,
              rows[i].text, got, rows[i].want);
    }
}

TEST(say_as_in_other_languages)
{
    static const struct {
        const char *language, *kind, *format, *text, *want;     /* want NULL: refused */
    } rows[] = {
        {"es", "ordinal", NULL, "21", "vigesimoprimero"}, {"es", "ordinal", NULL, "3.\u00AA", "tercera"},
        {"es", "date", "dmy", "3/5/2024", "tres de mayo de dos mil veinticuatro"}, {"es", "date", "mdy", "5-3-2024", "tres de mayo de dos mil veinticuatro"},
        {"es", "date", "ymd", "2024.05.01", "primero de mayo de dos mil veinticuatro"}, {"es", "date", "my", "5/2024", "mayo de dos mil veinticuatro"},
        {"es", "date", "m", "5", "mayo"}, {"es", "date", "y", "1999", "mil novecientos noventa y nueve"}, {"es", "date", "d", "31", "treinta y uno"},
        {"fr", "ordinal", NULL, "1", "premier"}, {"fr", "ordinal", NULL, "21.", "vingt et uni\u00E8me"}, {"fr", "ordinal", NULL, "3e", "troisi\u00E8me"},
        {"fr", "date", "dmy", "1/5/2024", "premier mai deux mille vingt-quatre"}, {"fr", "date", "md", "12/24", "vingt-quatre d\u00E9cembre"},
        {"fr", "cardinal", NULL, "80", "quatre-vingts"},
        {"zh", "ordinal", NULL, "3", "\u7B2C\u4E09"}, {"zh", "date", "dmy", "3/5/2024", "\u4E8C\u96F6\u4E8C\u56DB\u5E74\u4E94\u6708\u4E09\u65E5"},
        {"zh", "date", "md", "5/3", "\u4E94\u6708\u4E09\u65E5"}, {"zh_mix_en", "date", "y", "2024", "\u4E8C\u96F6\u4E8C\u56DB\u5E74"},
        {"ja", "ordinal", NULL, "3", "\u4E09\u756A\u76EE"}, {"ja", "date", "ymd", "2024/5/20", "\u4E8C\u5343\u4E8C\u5341\u56DB\u5E74\u4E94\u6708\u4E8C\u5341\u65E5"},
        {"ko", "ordinal", NULL, "3", "\uC138\uBC88\uC9F8"}, {"ko", "date", "mdy", "6/3/2024", "\uC774\uCC9C\uC774\uC2ED\uC0AC\uB144 \uC720\uC6D4 \uC0BC\uC77C"},
        {"es", "date", "dmy", "3/13/2024", NULL}, {"fr", "date", "dmy", "3/5", NULL}, {"zh", "date", "dym", "3/5/2024", NULL},
        {"ko", "date", "m", "0", NULL}, {"ja", "ordinal", NULL, "x", NULL}, {"es", "cardinal", "dmy", "3", NULL},
        {"ja", "date", "y", "99999", NULL}, {"es", "date", "dmy", "3/5/2024/1", NULL},
        {"ko", "date", "ymd", "2024. 6. 3.", "\uC774\uCC9C\uC774\uC2ED\uC0AC\uB144 \uC720\uC6D4 \uC0BC\uC77C"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_error err = {0};
        hse_buf out;

        hse_buf_init(&out, 4096);
        hse_status s = text_say_as(&out, rows[i].language, rows[i].kind, rows[i].format, rows[i].text, strlen(rows[i].text), &err);
        CHECK((s == HSE_OK) == (rows[i].want != NULL) && (s == HSE_OK || err.text[0]), "%s %s '%s': %d %s '%s'", rows[i].language, rows[i].kind, rows[i].text,
              (int)s, err.text, hse_buf_text(&out));
        CHECK(!rows[i].want || strcmp(hse_buf_text(&out), rows[i].want) == 0, "%s %s '%s' is '%s', want '%s'", rows[i].language, rows[i].kind, rows[i].text,
              hse_buf_text(&out), rows[i].want);
        hse_buf_free(&out);
    }
}

TEST(damaged_and_hostile_markup_is_refused_with_its_place)
{
    static const struct {
        const char *name, *text, *words;
        hse_status  want;
    } rows[] = {
        {"no end", "<speak>a", "line 1, column 9: expected </speak>, found the end of the text", HSE_E_FORMAT},
        {"wrong end", "<speak>\n <s>a</p></speak>", "line 2, column 8: expected </s>, found </p>", HSE_E_FORMAT},
        {"two roots", "<speak/><speak/>", "line 1, column 9: expected nothing more, found '<speak/'", HSE_E_FORMAT},
        {"speak in speak", "<speak><speak/></speak>", "<speak> inside", HSE_E_FORMAT},
        {"other root", "<p>a</p>", "expected <speak>, found <p>", HSE_E_FORMAT},
        {"no xml at all", "hello you", "line 1, column 1: expected <speak>, found 'hello'", HSE_E_FORMAT},
        {"empty", "", "expected <speak>, found the end of the text", HSE_E_FORMAT},
        {"no quotation mark", "<speak><break time=1s/></speak>", "column 20: expected a quotation mark, found '1s/'", HSE_E_FORMAT},
        {"no value", "<speak>\n<break time/></speak>", "line 2, column 12: expected an attribute, name=\"value\", or '>', found '/'", HSE_E_FORMAT},
        {"single and", "<speak>AT & T</speak>", "expected an entity and ';' behind '&' (a single & is written &amp;), found ' '", HSE_E_FORMAT},
        {"and in a name", "<speak>AT&T</speak>", "(a single & is written &amp;), found '</speak'", HSE_E_FORMAT},
        {"less than", "<speak>3 < 5</speak>", "expected the name of an element behind '<' (a single < is written &lt;), found ' '", HSE_E_FORMAT},
        {"tag in a tag", "<speak><s <p>a</p></s></speak>", "expected '>' (in an attribute < is written &lt;), found '<p'", HSE_E_FORMAT},
        {"no end of a tag", "<speak>a<break", "column 9: expected '>' behind what begins here, found the end of the text", HSE_E_FORMAT},
        {"no end of an entity", "<speak>a&amp", "column 9: expected ';' behind what begins here", HSE_E_FORMAT},
        {"text behind", "<speak>a</speak> b", "expected nothing more, found 'b'", HSE_E_FORMAT},
        {"no end of CDATA", "<speak><![CDATA[a", "expected ]]> behind <![CDATA[", HSE_E_FORMAT},
        {"end of CDATA alone", "<speak>a]]></speak>", "expected ]]&gt; for ]]> in a text", HSE_E_FORMAT},
        {"control character", "<speak>a\x01</speak>", "expected a character that XML allows, found U+0001", HSE_E_FORMAT},
        {"late declaration", " <?xml version='1.0'?><speak/>", "expected <?xml ...?> before everything else", HSE_E_FORMAT},
        {"declaration inside", "<speak><?xml version='1.0'?></speak>", "expected <?xml ...?> before everything else", HSE_E_FORMAT},
        {"unknown element", "<speak>\n\n  <audio src='x'/></speak>", "line 3, column 3: <audio> is not offered", HSE_E_UNSUPPORTED},
        {"other namespace", "<speak><ssml:break/></speak>", "<ssml:break> is not offered", HSE_E_UNSUPPORTED},
        {"unknown attribute", "<speak><prosody contour='x'>a</prosody></speak>", "the attribute 'contour' of <prosody>", HSE_E_UNSUPPORTED},
        {"document type", "<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>", "document type", HSE_E_UNSUPPORTED},
        {"billion laughs",
         "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]><speak>&c;</speak>", "document type", HSE_E_UNSUPPORTED},
        {"external entity", "<!DOCTYPE s SYSTEM 'file:///etc/passwd'><speak/>", "document type", HSE_E_UNSUPPORTED},
        {"unknown entity", "<speak>&nbsp;</speak>", "expected &lt; &gt; &amp; &quot; &apos; or a number as in &#160;, found '&nbsp;'", HSE_E_FORMAT},
        {"instruction", "<speak><?php x?></speak>", "<?php is not offered", HSE_E_UNSUPPORTED},
        {"attribute twice", "<speak><break time='1s' time='2s'/></speak>", "expected each attribute once, found 'time='2s'/'", HSE_E_FORMAT},
        {"no number", "<speak>&#0;</speak>", "line 1, column 8: expected the number of a character, found '&#0;'", HSE_E_FORMAT},
        {"rate of nothing", "<speak><prosody rate=''>a</prosody></speak>", "rate=\"\": expected", HSE_E_ARG},
        {"rate of zero", "<speak><prosody rate='0%'>a</prosody></speak>", "it must stay in 0.1..10", HSE_E_ARG},
        {"rate of much", "<speak><prosody rate='4'><prosody rate='4'>a</prosody></prosody></speak>", "makes 16 of it all", HSE_E_ARG},
        {"rate in words", "<speak><prosody rate='1e3'>a</prosody></speak>", "expected", HSE_E_ARG},
        {"rate not finite", "<speak><prosody rate='-100%'>a</prosody></speak>", "it must stay", HSE_E_ARG},
        {"pitch in Hz", "<speak><prosody pitch='200Hz'>a</prosody></speak>", "pitch=\"200Hz\": expected", HSE_E_ARG},
        {"loud", "<speak><prosody volume='+40dB'>a</prosody></speak>", "volume=\"+40dB\": expected", HSE_E_ARG},
        {"louder and louder", "<speak><prosody volume='+20dB'><prosody volume='+1dB'>a</prosody></prosody></speak>", "over 20 dB", HSE_E_ARG},
        {"long pause", "<speak>a<break time='61s'/></speak>", "at most 60 s", HSE_E_LIMIT},
        {"endless pause", "<speak>a<break time='1e9s'/></speak>", "expected seconds", HSE_E_ARG},
        {"pause of pauses", "<speak>a<break time='50s'/><break time='50s'/></speak>", "a pause of 100000 ms", HSE_E_LIMIT},
        {"negative pause", "<speak>a<break time='-1s'/></speak>", "expected seconds", HSE_E_ARG},
        {"text in break", "<speak><break>x</break></speak>", "<break> holds no text", HSE_E_FORMAT},
        {"element in sub", "<speak><sub alias='x'><s>x</s></sub></speak>", "<s> inside <sub>", HSE_E_FORMAT},
        {"sub without alias", "<speak><sub>x</sub></speak>", "needs alias", HSE_E_ARG},
        {"phoneme without ph", "<speak><phoneme>x</phoneme></speak>", "needs ph", HSE_E_ARG},
        {"no alphabet", "<speak><phoneme alphabet='kirshenbaum' ph='x'>x</phoneme></speak>", "alphabet 'kirshenbaum'", HSE_E_UNSUPPORTED},
        {"no phones", "<speak><phoneme ph='7'>x</phoneme></speak>", "'7' (U+0037) at character 1 is no sound", HSE_E_ARG},
        {"no sound", "<speak><phoneme ph='ˈ.'>x</phoneme></speak>", "has no sound", HSE_E_ARG},
        {"no kind", "<speak><say-as interpret-as='poem'>x</say-as></speak>", "interpret-as 'poem' is not offered", HSE_E_UNSUPPORTED},
        {"no date", "<speak><say-as interpret-as='date' format='dmy'>99/99/9</say-as></speak>", "cannot be said as date", HSE_E_ARG},
        {"no number to say", "<speak><say-as interpret-as='cardinal'>x</say-as></speak>", "cannot be said as cardinal", HSE_E_ARG},
        {"format of nothing", "<speak><say-as interpret-as='digits' format='x'>1</say-as></speak>", "has no format", HSE_E_UNSUPPORTED},
        {"no language", "<speak xml:lang='tlh'>x</speak>", "xml:lang: 'tlh'", HSE_E_ARG},
        {"lang without it", "<speak><lang>x</lang></speak>", "needs xml:lang", HSE_E_ARG},
        {"voice without name", "<speak><voice>x</voice></speak>", "needs a name", HSE_E_ARG},
        {"voice by sex", "<speak><voice gender='f' name='x'>x</voice></speak>", "'gender' of <voice>", HSE_E_UNSUPPORTED},
        {"version", "<speak version='9'>x</speak>", "version '9'", HSE_E_UNSUPPORTED},
        {"bytes", "<speak>\xC3\x28</speak>", "not UTF-8: wrong byte at position 7", HSE_E_FORMAT},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_status s;
        const char *got = read_as(HSE_INPUT_SSML, rows[i].text, strlen(rows[i].text), NULL, NULL, &s);

        CHECK(s == rows[i].want && strstr(got, rows[i].words), "%s: %d '%.200s', want %d '%s'", rows[i].name, (int)s, got, (int)rows[i].want,
              rows[i].words);
    }
}

TEST(a_nul_in_a_text_is_refused_with_its_place)
{
    static const hse_input_type inputs[] = {HSE_INPUT_AUTO, HSE_INPUT_TEXT, HSE_INPUT_SSML};
    text_markup m;
    hse_error err;

    for (size_t i = 0; i < COUNT(inputs); i++) {
        hse_status s;
        const char *got = read_as(inputs[i], "ab\0cd", 5, NULL, NULL, &s);
        CHECK(s == HSE_E_FORMAT && strstr(got, "NUL (U+0000) at position 2"), "%d '%s'", (int)s, got);
    }
    CHECK(text_markup_plain(&m, "a\0b", 3, &err) == HSE_E_FORMAT && strstr(err.text, "at position 1"), "%s", err.text);
}

static char *repeat(const char *head, const char *unit, size_t times, const char *tail, size_t *size)
{
    size_t n = strlen(unit), h = strlen(head), t = strlen(tail);
    char *text = malloc(h + n * times + t + 1);

    assert_non_null(text);
    memcpy(text, head, h);
    for (size_t i = 0; i < times; i++)
        memcpy(text + h + i * n, unit, n);
    memcpy(text + h + n * times, tail, t + 1);
    *size = h + n * times + t;
    return text;
}

TEST(large_markup_is_bounded)
{
    static const struct {
        const char *name, *head, *unit, *tail, *words;
        size_t      times;
        hse_status  want;
    } rows[] = {
        {"deep", "<speak>", "<s>", "", "nested over 32 deep", 1000, HSE_E_LIMIT},
        {"attributes", "<speak ", "xmlns:a='' ", "/>", "each attribute once", 100, HSE_E_FORMAT},
        {"a huge attribute", "<speak><sub alias='", "x", "'/></speak>", "", 1000000, HSE_OK},
        {"pauses", "<speak>", "a<break time='60s'/>", "</speak>", "at most", 100, HSE_E_LIMIT},
        {"spans", "<speak>", "a<break time='0s'/>", "</speak>", "over 100000", 100100, HSE_E_LIMIT},
        {"no pairs", "", "[[", "", "", 500000, HSE_OK},
        {"pairs", "", "[[a /a/]]", "", "", 100000, HSE_OK},
        {"a brand of marks", "", "\xEF\xBF\xB9", "", "", 300000, HSE_OK},
        {"angles", "", "<", "", "", 1 << 20, HSE_OK},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t size;
        char *text = repeat(rows[i].head, rows[i].unit, rows[i].times, rows[i].tail, &size);
        text_markup m = {0};
        hse_error err = {0};
        hse_status s = text_markup_read(&m, HSE_INPUT_AUTO, text, size, "en", NULL, NULL, &err);

        CHECK(s == rows[i].want && strstr(err.text, rows[i].words), "%s: %d '%s'", rows[i].name, (int)s, err.text);
        text_markup_free(&m);
        free(text);
    }
}

TEST(pronunciations_replace_whole_words_the_longest_first)
{
    static const char lexicon[] = "# comment\n\nSQL = sequel\r\nnginx = /ˈɛndʒɪnɛks/\nnew york = the Big Apple\nnew = /njuː/\nPolish = /ˈpoʊlɪʃ/\n"
                                  "C++ = see plus plus\ntomato = {T AH0 M AA1 T OW2}\n重庆 = /tʂʰʊŋtɕʰiŋ/\n[fr]\nchat = cat\n[*]\nart=painting\nart=craft\n"
                                  ".NET = dot net\n";
    static const row rows[] = {
        {"SQL, sql and SQLite", "sequel, sql and SQLite<sentence>"},
        {"NGINX Nginx", "|NGINX=ˈɛndʒɪnɛks| |Nginx=ˈɛndʒɪnɛks|<sentence>"},
        {"New York, new\n york; new yorker", "the Big Apple, the Big Apple; |new=njuː| yorker<sentence>"},
        {"Polish polish", "|Polish=ˈpoʊlɪʃ| polish<sentence>"},
        {"C++ c++ C+", "see plus plus c++ C+<sentence>"},
        {"tomato's tomatoes", "|tomato=təˈmɑˌtoʊ|'s tomatoes<sentence>"},
        {"我在重庆。", "我在|重庆=tʂʰʊŋtɕʰiŋ|。<sentence>"},
        {"chat art artist art'n", "chat craft artist art'n<sentence>"},
        {"ASP.NET .NET", "ASPdot net dot net<sentence>"},
        {"[[art /ɑːt/]] art", "|art=ɑːt| craft<sentence>"},
    };
    static const row ssml[] = {
        {"<speak><lang xml:lang='fr'>chat</lang> chat <sub alias='SQL'>x</sub> <phoneme ph='a'>SQL</phoneme></speak>",
         "cat(fr)<open> chat SQL |SQL=a|<sentence>"},
    };
    static const row both[] = {{"SQL nginx other", "S Q L |nginx=ˈɛndʒɪnɛks| stuff<sentence>"}};

    check_rows(HSE_INPUT_AUTO, rows, COUNT(rows), lexicon, NULL);
    check_rows(HSE_INPUT_AUTO, rows, COUNT(rows), NULL, lexicon);
    check_rows(HSE_INPUT_AUTO, ssml, COUNT(ssml), lexicon, NULL);
    check_rows(HSE_INPUT_AUTO, both, COUNT(both), "SQL = S Q L\nother = stuff", lexicon);
}

static const char pls[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<lexicon version=\"1.0\" xmlns=\"http://www.w3.org/2005/01/pronunciation-lexicon\" alphabet=\"ipa\" xml:lang=\"en-US\">\n"
    "  <lexeme><grapheme>Newton</grapheme><grapheme>I. Newton</grapheme><phoneme>ˈnjuːtən</phoneme><phoneme>x</phoneme></lexeme>\n"
    "  <lexeme><grapheme>W3C</grapheme><alias>World Wide Web\n Consortium</alias></lexeme>\n"
    "  <lexeme><grapheme>hello</grapheme><phoneme alphabet=\"x-sampa\">h@\"l@U</phoneme></lexeme>\n"
    "</lexicon>\n";

TEST(pls_is_read)
{
    static const row rows[] = {
        {"Newton of the W3C says Hello", "|Newton=ˈnjuːtən| of the World Wide Web  Consortium says |Hello=həˈləʊ|<sentence>"},
        {"I. Newton", "|I. Newton=ˈnjuːtən|<sentence>"},
    };

    check_rows(HSE_INPUT_AUTO, rows, COUNT(rows), pls, NULL);
}

TEST(damaged_pronunciations_are_refused_with_their_line)
{
    static const struct {
        const char *name, *text, *words;
        hse_status  want;
    } rows[] = {
        {"no equals", "a = b\nc d\n", "line 2: expected 'word = what", HSE_E_FORMAT},
        {"no word", " = b", "line 1: a word has", HSE_E_ARG},
        {"no value", "a =", "line 1: what stands for 'a' has", HSE_E_ARG},
        {"no phones", "a = /7/", "line 1: '7' (U+0037)", HSE_E_ARG},
        {"no ARPAbet", "a = {HH XX1}", "line 1: 'XX1' at character 4", HSE_E_ARG},
        {"stress on a consonant", "a = {HH1}", "'HH1'", HSE_E_ARG},
        {"no language", "[xx]\na = b", "line 1: '[xx]' is no language", HSE_E_ARG},
        {"control", "a = b\x01", "line 1: a control character", HSE_E_FORMAT},
        {"mark", "a = \xEF\xBF\xBB", "line 1: a control character", HSE_E_FORMAT},
        {"bytes", "a = \xFF", "byte 4 is not", HSE_E_FORMAT},
        {"PLS root", "<speak/>", "expected <lexicon>", HSE_E_FORMAT},
        {"PLS end", "<lexicon><lexeme>", "expected </lexeme>, found the end of the text", HSE_E_FORMAT},
        {"PLS empty lexeme", "<lexicon>\n<lexeme></lexeme></lexicon>", "line 2, column 9: a <lexeme> needs", HSE_E_FORMAT},
        {"PLS element", "<lexicon><meta/></lexicon>", "<meta> is not offered", HSE_E_UNSUPPORTED},
        {"PLS nested", "<lexicon><lexeme><grapheme><alias/></grapheme></lexeme></lexicon>", "inside another", HSE_E_FORMAT},
        {"PLS alphabet", "<lexicon alphabet='sampa'/>", "alphabet 'sampa'", HSE_E_UNSUPPORTED},
        {"PLS text", "<lexicon>x</lexicon>", "text between", HSE_E_FORMAT},
        {"PLS version", "<lexicon version='2'/>", "version '2'", HSE_E_UNSUPPORTED},
        {"PLS language", "<lexicon xml:lang='tlh'/>", "xml:lang: 'tlh'", HSE_E_UNSUPPORTED},
        {"PLS phones", "<lexicon><lexeme><grapheme>a</grapheme><phoneme>7</phoneme></lexeme></lexicon>", "U+0037", HSE_E_ARG},
        {"PLS document type", "<!DOCTYPE lexicon><lexicon/>", "document type", HSE_E_UNSUPPORTED},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        text_pronunciations *p = NULL;
        hse_error err = {0};
        hse_status s = lexicon_of(&p, rows[i].text, &err);

        CHECK(s == rows[i].want && strstr(err.text, rows[i].words), "%s: %d '%s'", rows[i].name, (int)s, err.text);
        text_pronunciations_close(&p);
    }
}

TEST(large_lexicons_are_bounded)
{
    static const struct {
        const char *name, *unit, *words;
        size_t      times;
        hse_status  want;
    } rows[] = {
        {"file", "# x\n", "bytes of pronunciations", 300000, HSE_E_LIMIT},
        {"alike", "same = x\n", "over 64 entries begin with 'same'", 65, HSE_E_LIMIT},
        {"word", "aaaaaaaaaa", "expected", 20, HSE_E_FORMAT},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t size;
        char *text = repeat("", rows[i].unit, rows[i].times, "", &size);
        text_pronunciations *p = NULL;
        hse_error err = {0};
        hse_status s = lexicon_of(&p, text, &err);

        CHECK(s == rows[i].want && strstr(err.text, rows[i].words), "%s: %d '%s'", rows[i].name, (int)s, err.text);
        text_pronunciations_close(&p);
        free(text);
    }

    hse_buf many;
    text_pronunciations *p = NULL;
    hse_error err = {0};
    hse_buf_init(&many, 1 << 20);
    for (int i = 0; i < 20001; i++)
        hse_buf_printf(&many, "w%d=x\n", i);
    CHECK(lexicon_of(&p, hse_buf_text(&many), &err) == HSE_E_LIMIT && strstr(err.text, "over 20000"), "'%s'", err.text);
    text_pronunciations_close(&p);
    hse_buf_free(&many);
}

/* A megabyte of one word that 512 bytes stand for: refused, not half a gigabyte. */
TEST(what_words_become_is_bounded)
{
    char lexicon[600];
    size_t size;
    char *text = repeat("", "a ", 500000, "", &size);
    text_pronunciations *p = NULL;
    text_markup m = {0};
    hse_error err = {0};

    snprintf(lexicon, sizeof lexicon, "a = %0500d", 7);
    assert_int_equal(lexicon_of(&p, lexicon, &err), HSE_OK);
    hse_status s = text_markup_read(&m, HSE_INPUT_TEXT, text, size, "en", p, NULL, &err);
    CHECK(s == HSE_E_LIMIT && strstr(err.text, "pronunciations"), "%d '%s'", (int)s, err.text);
    text_pronunciations_close(&p);
    free(text);
}

TEST(alphabets_give_the_same_phones)
{
    static const struct {
        text_alphabet alphabet;
        const char   *text, *want;
    } rows[] = {
        {TEXT_IPA, "həˈloʊ", "həˈloʊ"},         {TEXT_X_SAMPA, "h@\"loU", "həˈloʊ"},    {TEXT_ARPABET, "HH AH0 L OW1", "həˈloʊ"},
        {TEXT_ARPABET, "hh ah l ow", "hʌloʊ"},  {TEXT_X_SAMPA, "r\\i:d", "ɹiːd"},       {TEXT_ARPABET, "AH0 B AW1 T", "əˈbaʊt"},
        {TEXT_X_SAMPA, "s`_h", "ʂʰ"},           {TEXT_ARPABET, "B ER1 D / N EH1 S T", "ˈbɝd/ˈnɛst"},
        {TEXT_IPA, "  a  b ", "a/b"},           {TEXT_IPA, "e\u0303", "e\u0303"},       {TEXT_IPA, "ẽ", "e\u0303"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_error err = {0};
        hse_buf out;

        hse_buf_init(&out, 4096);
        hse_status s = text_phones_read(rows[i].alphabet, rows[i].text, strlen(rows[i].text), &out, &err);
        CHECK(s == HSE_OK && strcmp(hse_buf_text(&out), rows[i].want) == 0, "'%s': '%s', want '%s' %s", rows[i].text, hse_buf_text(&out),
              rows[i].want, err.text);
        hse_buf_free(&out);
    }
}

TEST(hs1_reads_phones_as_letters)
{
    static const row rows[] = {
        {"həˈloʊ", "huh-loh"}, {"ˈnjuːtən", "nyootuhn"}, {"dʒɪf", "jihf"}, {"θɪŋk", "thihnk"}, {"njuː/jɔːk", "nyoo yawk"}, {"ˈbɝd", "berd"},
    };
    static const row bad[] = {{"jœʁk", "no sound for 'œ'"}, {"ʁ", "'ʁ'"}, {"ʘa", "'ʘ'"}, {"bɔ\u0303", "nasal"}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_error err = {0};
        hse_buf out;

        hse_buf_init(&out, 4096);
        hse_status s = hs1_respell(rows[i].text, strlen(rows[i].text), &out, &err);
        CHECK(s == HSE_OK && strcmp(hse_buf_text(&out), rows[i].want) == 0, "'%s': '%s', want '%s'", rows[i].text, hse_buf_text(&out), rows[i].want);
        hse_buf_free(&out);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        hse_error err = {0};
        hse_buf out;

        hse_buf_init(&out, 4096);
        hse_status s = hs1_respell(bad[i].text, strlen(bad[i].text), &out, &err);
        CHECK(s == HSE_E_UNSUPPORTED && strstr(err.text, bad[i].want), "'%s': %d '%s'", bad[i].text, (int)s, err.text);
        hse_buf_free(&out);
    }
}

/* Marks go through the normaliser and the splitter in one piece, and change nothing around them. */
TEST(marks_pass_the_normaliser_and_the_splitter)
{
    static const char text[] = "It costs $5, said \xEF\xBF\xB9Mr. X\xEF\xBF\xBAm\u026A.st\u0259/\u025Bks\xEF\xBF\xBB. Then 3 more.";
    text_reader r;
    text_piece p;
    hse_error err = {0};
    bool more = false;

    assert_int_equal(text_reader_open(&r, "en", TEXT_MODE_ON, text, sizeof text - 1, 0, &err), HSE_OK);
    assert_int_equal(text_reader_next(&r, &p, &more, &err), HSE_OK);
    static const char first[] = "It costs five dollars, said \xEF\xBF\xB9Mr. X\xEF\xBF\xBAm\u026A.st\u0259/\u025Bks\xEF\xBF\xBB.";
    CHECK(more && p.size == sizeof first - 1 && memcmp(p.words, first, p.size) == 0, "'%.*s'", (int)p.size, p.words);
    assert_int_equal(text_reader_next(&r, &p, &more, &err), HSE_OK);
    CHECK(more && p.size == 16 && memcmp(p.words, "Then three more.", 16) == 0, "'%.*s'", (int)p.size, p.words);
    text_reader_close(&r);
}

static hse_status tortured(void *arg, hse_error *err)
{
    static const char ssml[] = "<speak>SQL <break/> <phoneme ph='a'>x</phoneme><sub alias='y'>z</sub><voice name='v'>nginx</voice>"
                               "<say-as interpret-as='date' format='dmy'>1/2/2003</say-as><say-as interpret-as='unit'>5 km</say-as></speak>";
    static const char lines[] = "nginx = /ˈɛndʒɪnɛks/\nSQL = sequel\ntomato = {T AH0 M AA1 T OW2}\n";
    text_pronunciations *own = NULL, *server = NULL;
    text_markup m = {0};
    hse_status s = lexicon_of(&own, lines, err);

    (void)arg;
    if (s == HSE_OK)
        s = lexicon_of(&server, pls, err);
    if (s == HSE_OK)
        s = text_markup_read(&m, HSE_INPUT_AUTO, ssml, sizeof ssml - 1, "en", own, server, err);
    text_markup_free(&m);
    if (s == HSE_OK)
        s = text_markup_read(&m, HSE_INPUT_AUTO, "[[a /a/]] SQL", 13, "en", own, server, err);
    text_markup_free(&m);
    text_pronunciations_close(&own);
    text_pronunciations_close(&server);
    return s;
}

TEST(every_allocation_may_fail)
{
    test_torture("markup", tortured, NULL);
}
