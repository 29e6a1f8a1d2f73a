/* The English rules, a table for each category; texts of our own. */
#include "test.h"

#include "base/mem.h"
#include "text/normalize.h"

typedef struct {
    const char *written, *spoken;
} pair;

static void check_pairs(const pair *rows, size_t n)
{
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        hse_buf out;
        hse_error err = {0};
        hse_buf_init(&out, 1 << 20);
        hse_status s = text_normalize(text_language_find("en"), rows[i].written, strlen(rows[i].written), &out, &err);
        CHECK(s == HSE_OK, "'%s': %s", rows[i].written, err.text);
        if (strcmp(hse_buf_text(&out), rows[i].spoken) != 0) {
            print_message("  '%s': got '%s', want '%s'\n", rows[i].written, hse_buf_text(&out), rows[i].spoken);
            wrong++;
        }
        hse_buf_free(&out);
    }
    CHECK(wrong == 0, "%zu of %zu differ", wrong, n);
}

#define TABLE(name, ...)                                                                                               \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        static const pair rows[] = {__VA_ARGS__};                                                                      \
        check_pairs(rows, COUNT(rows));                                                                                \
    }

TABLE(cardinals, {"I have 3 of 21.", "I have three of twenty one."},
      {"100,000 and 1,000,000.50", "one hundred thousand and one million point five zero"},
      {"-7, - 7", "minus seven, - seven"}, {"007 and 00", "zero zero seven and zero zero"},
      {"12345 is 12,345", "twelve thousand three hundred forty five is twelve thousand three hundred forty five"},
      {"1,2,3", "one, two, three"}, {"7 thousand, 2.5 billion people", "seven thousand, two point five billion people"},
      {"1.2M users", "one point two million users"},
      {"9781234567897", "nine seven eight one two three four five six seven eight nine seven"},
      {"999999999999", "nine hundred ninety nine billion nine hundred ninety nine million nine hundred ninety nine "
                       "thousand nine hundred ninety nine"})

TABLE(decimals, {"3.14 is pi", "three point one four is pi"}, {".75", "point seven five"},
      {"0.05", "zero point zero five"}, {"-0.5", "minus zero point five"},
      {"1,234.5", "one thousand two hundred thirty four point five"})

TABLE(ordinals, {"1st 2nd 3rd 4th", "first second third fourth"}, {"the 21st century", "the twenty first century"},
      {"1,001st", "one thousand first"}, {"11TH", "eleventh"}, {"5th-grade", "fifth-grade"},
      {"112th", "one hundred twelfth"}, {"22th", "twenty two th"}, {"1\xCB\xA2\xE1\xB5\x97", "first"})

TABLE(money, {"$5", "five dollars"},
      {"\xC2\xA3"
       "5 and \xE2\x82\xAC"
       "20",
       "five pounds and twenty euros"},
      {"$1,234.56", "one thousand two hundred thirty four dollars fifty six cents"},
      {"$0.01 to $0.99", "one cent to ninety nine cents"}, {"$3.141", "three point one four one dollars"},
      {"-$3.50", "minus three dollars fifty cents"}, {"($5)", "(five dollars)"},
      {"20 USD, USD 20", "twenty us dollars, twenty us dollars"}, {"$12.5k", "twelve point five thousand dollars"},
      {"$10-20", "ten to twenty dollars"}, {"$1-2 million", "one to two million dollars"},
      {"50\xC2\xA2 or 5\xE2\x82\xAC", "fifty cents or five euros"},
      {"$5/GB, $1/lb", "five dollars per gigabyte, one dollar per pound"},
      {"\xE2\x82\xAC"
       "1.234,56",
       "one thousand two hundred thirty four euros fifty six cents"},
      {"A$5 R$10", "five australian dollars ten brazilian reals"}, {"It costs $100.", "It costs one hundred dollars."},
      {"Ke$ha", "Ke$ha"})

TABLE(dates, {"12/25/1990", "December twenty fifth nineteen ninety"}, {"2021-03-09", "March ninth twenty twenty one"},
      {"31.12.1999", "the thirty first of December nineteen ninety nine"},
      {"Dec. 7th, 1941, was", "December seventh, nineteen forty one, was"}, {"the 4th of July", "the fourth of July"},
      {"7 Dec 1941", "the seventh of December nineteen forty one"}, {"Jan 5-10", "January fifth to tenth"},
      {"May 2020", "May twenty twenty"}, {"May I go?", "May I go?"}, {"march 5 miles", "march five miles"},
      {"due by 5/6", "due by May sixth"}, {"10/2005", "October two thousand five"},
      {"Sat., Dec. 7", "Saturday, December seventh"}, {"class of '99", "class of ninety nine"},
      {"2005/06", "two thousand five oh six"},
      {"in 1066, 2001 and 2050", "in ten sixty six, two thousand one and twenty fifty"},
      {"300 B.C.E. and 79 AD", "three hundred BCE and seventy nine AD"},
      {"the 1800s, '60s, mid-1980s, 1980's",
       "the eighteen hundreds, sixties, mid-nineteen eighties, nineteen eighties"},
      {"Q2 2022", "the second quarter of twenty twenty two"})

TABLE(times, {"at 9:00AM", "at nine AM"}, {"8:05 pm", "eight oh five PM"}, {"3:15pm PST", "three fifteen PM PST"},
      {"13:00", "thirteen o'clock"}, {"7:00 o'clock", "seven o'clock"}, {"11 a.m.-2 p.m.", "eleven AM to two PM."},
      {"6:30-7:30 pm", "six thirty to seven thirty PM"}, {"3-5 p.m. daily", "three to five PM daily"},
      {"12:30:45", "twelve hours thirty minutes and forty five seconds"},
      {"2023-01-05T10:30:00Z", "January fifth twenty twenty three ten hours thirty minutes and zero seconds UTC"})

TABLE(measures, {"5 kg, 1 lb", "five kilograms, one pound"},
      {"25\xC2\xB0"
       "C",
       "twenty five degrees celsius"},
      {"-40 \xC2\xB0"
       "F",
       "minus forty degrees fahrenheit"},
      {"200 km/h", "two hundred kilometers per hour"}, {"10 m/s\xC2\xB2", "ten meters per second squared"},
      {"5 kg/m\xC2\xB3", "five kilograms per cubic meter"}, {"7.5 km2", "seven point five square kilometers"},
      {"10-20%", "ten to twenty percent"}, {"2-3 kg", "two to three kilograms"}, {"1/2 kg", "one half kilogram"},
      {"A 10-ft pole", "A ten foot pole"}, {"5'10\"", "five feet ten inches"},
      {"I said \"give me 12\".", "I said \"give me twelve\"."},
      {"2.4 GHz, 500 Mbps, 4 GB", "two point four gigahertz, five hundred megabits per second, four gigabytes"},
      {"We ran 5 mi. in 40 min. and", "We ran five miles in forty minutes and"},
      {"1 in 5 people", "one in five people"}, {"3 x 4 m", "three by four meters"},
      {"1920x1080", "nineteen twenty by ten eighty"}, {"10x faster", "ten times faster"})

TABLE(fractions_and_ratios, {"1/2 cup", "one half cup"}, {"3/4", "three quarters"}, {"2/3", "two thirds"},
      {"1 1/2 hours", "one and a half hours"}, {"2\xC2\xBD cups", "two and a half cups"},
      {"23 5/8", "twenty three and five eighths"}, {"24/7", "twenty four seven"}, {"50/50", "fifty fifty"},
      {"5/16", "five sixteenths"}, {"16:9", "sixteen to nine"}, {"1/2/3", "one two thirds"})

TABLE(ranges, {"10-15 people", "ten to fifteen people"},
      {"pages 10\xE2\x80\x93"
       "20",
       "pages ten to twenty"},
      {"1990-2000", "nineteen ninety to two thousand"}, {"1914-18", "nineteen fourteen to eighteen"},
      {"2 - 8", "two minus eight"}, {"5-3", "five - three"}, {"1-2-3", "one-two-three"})

TABLE(mathematics, {"1 + 2 = 3", "one plus two equals three"}, {"x^2 + y^2", "x squared plus y squared"},
      {"3 <= 4", "three is less than or equal to four"}, {"50 > 40", "fifty is greater than forty"},
      {"y = 2x + 3", "y equals two x plus three"}, {"2^10", "two to the power of ten"},
      {"10 - 5 = 5", "ten minus five equals five"}, {"3*3", "three times three"},
      {"5 \xC2\xB1 2", "five plus or minus two"},
      {"10\xC3\xB7"
       "2",
       "ten divided by two"},
      {"\xCF\x80 r\xC2\xB2", "pi r squared"}, {"=====", ""}, {"C++", "C plus plus"})

TABLE(electronic, {"abc@gmail.com", "abc at gmail dot com"},
      {"john.smith_1@nvidia.co.uk", "john dot smith underscore one at nvidia dot co dot uk"},
      {"https://www.example.com/a-b/", "https colon slash slash www dot example dot com slash a dash b slash"},
      {"See example.org.", "See example dot org."}, {"www.a.com, b", "www dot a dot com, b"},
      {"localhost.Then", "localhost.Then"}, {"I said so.No more", "I said so.No more"},
      {"report_2.pdf", "report underscore two dot pdf"}, {"a.tar.gz", "a dot tar dot gz"},
      {"@user #tag", "at user hashtag tag"}, {"10.0.0.1:80", "one zero dot zero dot zero dot one colon eight zero"})

TABLE(telephone, {"+1 123-456-7890", "plus one, one two three, four five six, seven eight nine zero"},
      {"(555) 123-4567 ext. 89", "five five five, one two three, four five six seven, extension eight nine"},
      {"1-800-555-1234", "one, eight hundred, five five five, one two three four"},
      {"1-800-GOT-JUNK", "one, eight hundred, GOT JUNK"},
      {"call 555-0100 now", "call five five five, zero one zero zero now"},
      {"+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"},
      {"123-45-6789", "one two three, four five, six seven eight nine"},
      {"4111 1111 1111 1111", "four one one one, one one one one, one one one one, one one one one"},
      {"100-2000", "one hundred to two thousand"})

TABLE(addresses,
      {"350 5th Ave, New York, NY 10118", "three fifty fifth Avenue, New York, New York one zero one one eight"},
      {"123 N. Main St. and", "one twenty three North Main Street and"},
      {"Cupertino, CA; or", "Cupertino, California; or"}, {"5 Big Men went", "five Big Men went"},
      {"OK 12345", "Oklahoma one two three four five"}, {"I am OK.", "I am OK."})

TABLE(roman_numerals, {"Chapter IV", "Chapter four"}, {"Henry VIII's wives", "Henry the eighth's wives"},
      {"World War II", "World War two"}, {"Louis XIV", "Louis the fourteenth"},
      {"the XXI century", "the twenty first century"}, {"Pope John XXIII", "Pope John the twenty third"},
      {"I am", "I am"}, {"Sam I am", "Sam I am"}, {"Vitamin C", "Vitamin C"}, {"a CD and a DVD", "a CD and a DVD"},
      {"volume iii", "volume three"}, {"MIX", "MIX"}, {"IIII", "IIII"}, {"John Smith III", "John Smith the third"})

TABLE(abbreviations, {"Dr. Smith and Mr. Jones", "Doctor Smith and Mister Jones"}, {"mr. smith", "mister smith"},
      {"St. James St.", "Saint James Street."}, {"Mulholland Dr. is", "Mulholland Drive is"},
      {"e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."},
      {"cats vs. dogs", "cats versus dogs"}, {"No. 5 and no. 7", "Number five and number seven"},
      {"No. It is not.", "No. It is not."}, {"U.S. troops", "US troops"}, {"at 5 p.m.", "at five PM."},
      {"the F.B.I. and", "the FBI and"}, {"Acme Inc. and Foo Ltd.", "Acme Incorporated and Foo Limited."},
      {"p. 5, pp. 10-12, vol. 3", "page five, pages ten to twelve, volume three"},
      {"w/o sugar w/ milk", "without sugar with milk"}, {"Gen. Grant, in general", "General Grant, in general"},
      {"J. R. R. Tolkien", "J. R. R. Tolkien"}, {"c. 1900", "circa nineteen hundred"}, {"R&D", "R and D"},
      {"in /etc only", "in /etc only"}, {"(e.g. it)", "(for example it)"}, {"a.x = a.y", "a.x equals a.y"},
      {"he/she and/or", "he she and or"})

TABLE(codes, {"B2B, mp3, H2O", "B two B, mp three, H two O"}, {"COVID-19", "COVID-nineteen"}, {"R2-D2", "R two-D two"},
      {"MH370", "MH three seventy"}, {"a 20-year-old", "a twenty-year-old"}, {"v2.0.1", "v two point zero point one"},
      {"2.0.1", "two point zero point one"}, {"1080p", "ten eighty p"}, {"A-1", "A-one"}, {"5G", "five G"},
      {"FY2021", "FY twenty twenty one"}, {"x1y02", "x one y zero two"})

TABLE(odd_characters, {"", ""}, {" ", " "}, {"\n\n", "\n\n"}, {"{braces} stay", "(braces) stay"},
      {"under_score", "under score"}, {"a|b", "a b"}, {"\xEF\xBC\x91\xEF\xBC\x92 \xEF\xBC\xA1", "twelve A"},
      {"\xEF\xAC\x81ne", "fine"},
      {"so\xC2\xAD"
       "ft",
       "soft"},
      {"e\xCC\x81", "\xC3\xA9"}, {"5\xC2\xA0kg", "five kilograms"}, {"\xE2\x84\xA2", ""},
      {"\xC2\xA7 5", "section five"}, {"\xD9\xA3", "three"}, {"x\xE2\x81\xB5", "x five"},
      {"50% % &amp; @", "fifty percent percent and at"}, {"[a] (b) <i>", "[a] (b) <i>"})

TABLE(plain_text_stays, {"Hello, world!", "Hello, world!"},
      {"It's a dog's life; isn't it?", "It's a dog's life; isn't it?"},
      {"\xE2\x80\x9CWhy?\xE2\x80\x9D he asked \xE2\x80\x94 twice\xE2\x80\xA6",
       "\xE2\x80\x9CWhy?\xE2\x80\x9D he asked \xE2\x80\x94 twice\xE2\x80\xA6"},
      {"na\xC3\xAFve caf\xC3\xA9", "na\xC3\xAFve caf\xC3\xA9"},
      {"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"},
      {"A well-known, two-part plan -- really.", "A well-known, two-part plan -- really."}, {"THE END", "THE END"},
      {"  two  spaces\tand a tab\r\n", "  two  spaces\tand a tab\r\n"})

TEST(control_characters_are_spaces)
{
    hse_buf out;

    hse_buf_init(&out, 4096);
    CHECK(text_normalize(text_language_find("en"),
                         "a\0"
                         "5\x07"
                         "b\0",
                         6, &out, NULL) == HSE_OK,
          "status");
    CHECK(out.size == 9 && strcmp(hse_buf_text(&out), "a five b ") == 0, "%zu bytes: '%s'", out.size,
          hse_buf_text(&out));
    hse_buf_free(&out);
}

TEST(numbers_without_words_are_said_digit_by_digit)
{
    char digits[201], *at = digits;
    hse_buf out;

    memset(at, '7', 200);
    hse_buf_init(&out, 1 << 16);
    CHECK(text_normalize(text_language_find("en"), digits, 200, &out, NULL) == HSE_OK, "status");
    CHECK(strncmp(hse_buf_text(&out), "seven seven seven", 17) == 0 && out.size > 200 * 5, "%.60s", hse_buf_text(&out));
    hse_buf_free(&out);
}
