#include "text/ascii.h"

#include "base/utf8.h"
#include "text/pinyin.h"

#include <utf8proc.h>

/* What compatibility decomposition and dropping of marks does not give. Sorted by code point. */
static const struct {
    uint16_t c;
    const char *ascii;
} table[] = {
    {0x00A1, "!"},    {0x00A2, "C/"},   {0x00A3, "PS"},  {0x00A4, "$?"},  {0x00A5, "Y="},   {0x00A6, "|"},
    {0x00A7, "SS"},   {0x00A8, "\""},   {0x00A9, "(c)"}, {0x00AA, "a"},   {0x00AB, "<<"},   {0x00AC, "!"},
    {0x00AE, "(r)"},  {0x00AF, "-"},    {0x00B0, "deg"}, {0x00B1, "+-"},  {0x00B4, "'"},    {0x00B5, "u"},
    {0x00B6, "P"},    {0x00B7, "*"},    {0x00B8, ","},   {0x00BA, "o"},   {0x00BB, ">>"},   {0x00BC, " 1/4"},
    {0x00BD, " 1/2"}, {0x00BE, " 3/4"}, {0x00BF, "?"},   {0x00C6, "AE"},  {0x00D0, "D"},    {0x00D7, "x"},
    {0x00D8, "O"},    {0x00DE, "Th"},   {0x00DF, "ss"},  {0x00E6, "ae"},  {0x00F0, "d"},    {0x00F7, "/"},
    {0x00F8, "o"},    {0x00FE, "th"},   {0x0110, "D"},   {0x0111, "d"},   {0x0126, "H"},    {0x0127, "h"},
    {0x0131, "i"},    {0x0138, "k"},    {0x013F, "L"},   {0x0140, "l"},   {0x0141, "L"},    {0x0142, "l"},
    {0x0149, "'n"},   {0x014A, "NG"},   {0x014B, "ng"},  {0x0152, "OE"},  {0x0153, "oe"},   {0x0166, "T"},
    {0x0167, "t"},    {0x0180, "b"},    {0x0181, "B"},   {0x0186, "O"},   {0x0187, "C"},    {0x0188, "c"},
    {0x0189, "D"},    {0x018A, "D"},    {0x018E, "E"},   {0x018F, "@"},   {0x0190, "E"},    {0x0191, "F"},
    {0x0192, "f"},    {0x0193, "G"},    {0x0197, "I"},   {0x0198, "K"},   {0x0199, "k"},    {0x019A, "l"},
    {0x019D, "N"},    {0x019E, "n"},    {0x019F, "O"},   {0x01A4, "P"},   {0x01A5, "p"},    {0x01AB, "t"},
    {0x01AC, "T"},    {0x01AD, "t"},    {0x01B2, "V"},   {0x01B3, "Y"},   {0x01B4, "y"},    {0x01B5, "Z"},
    {0x01B6, "z"},    {0x01DD, "@"},    {0x01E4, "G"},   {0x01E5, "g"},   {0x0221, "d"},    {0x0237, "j"},
    {0x023A, "A"},    {0x023B, "C"},    {0x023C, "c"},   {0x023D, "L"},   {0x0243, "B"},    {0x0246, "E"},
    {0x0247, "e"},    {0x0248, "J"},    {0x0249, "j"},   {0x024C, "R"},   {0x024D, "r"},    {0x024E, "Y"},
    {0x024F, "y"},    {0x0250, "a"},    {0x0251, "a"},   {0x0253, "b"},   {0x0254, "o"},    {0x0256, "d"},
    {0x0257, "d"},    {0x0259, "@"},    {0x025B, "e"},   {0x0261, "g"},   {0x0268, "i"},    {0x026A, "I"},
    {0x0272, "n"},    {0x0275, "o"},    {0x0283, "sh"},  {0x0288, "t"},   {0x0289, "u"},    {0x0292, "zh"},
    {0x02B0, "h"},    {0x02B9, "'"},    {0x02BA, "\""},  {0x02BB, "`"},   {0x02BC, "'"},    {0x02BD, "`"},
    {0x02C6, "^"},    {0x02C8, "'"},    {0x02CC, ","},   {0x02D0, ":"},   {0x02DC, "~"},    {0x037E, ";"},
    {0x0387, "."},    {0x058A, "-"},    {0x0490, "G"},   {0x0491, "g"},   {0x0492, "G"},    {0x0493, "g"},
    {0x0496, "Zh"},   {0x0497, "zh"},   {0x049A, "K"},   {0x049B, "k"},   {0x04A2, "N"},    {0x04A3, "n"},
    {0x04AE, "U"},    {0x04AF, "u"},    {0x04B0, "U"},   {0x04B1, "u"},   {0x04B2, "Kh"},   {0x04B3, "kh"},
    {0x04B6, "Ch"},   {0x04B7, "ch"},   {0x04BA, "H"},   {0x04BB, "h"},   {0x04D8, "@"},    {0x04D9, "@"},
    {0x04E8, "O"},    {0x04E9, "o"},    {0x05BE, "-"},   {0x05C3, "."},   {0x05F3, "'"},    {0x05F4, "\""},
    {0x060C, ","},    {0x061B, ";"},    {0x061F, "?"},   {0x066A, "%"},   {0x066B, "."},    {0x066C, ","},
    {0x067E, "p"},    {0x0686, "ch"},   {0x0698, "zh"},  {0x06A9, "k"},   {0x06AF, "g"},    {0x06CC, "y"},
    {0x06D4, "."},    {0x0964, "."},    {0x0965, "."},   {0x0E3F, "B"},   {0x1E9E, "SS"},   {0x200B, " "},
    {0x2010, "-"},    {0x2011, "-"},    {0x2012, "-"},   {0x2013, "-"},   {0x2014, "--"},   {0x2015, "--"},
    {0x2016, "||"},   {0x2017, "_"},    {0x2018, "'"},   {0x2019, "'"},   {0x201A, ","},    {0x201B, "'"},
    {0x201C, "\""},   {0x201D, "\""},   {0x201E, ",,"},  {0x201F, "\""},  {0x2020, "+"},    {0x2021, "++"},
    {0x2022, "*"},    {0x2023, "*>"},   {0x2027, "."},   {0x2028, "\n"},  {0x2029, "\n\n"}, {0x2030, "%0"},
    {0x2031, "%00"},  {0x2032, "'"},    {0x2033, "''"},  {0x2034, "'''"}, {0x2035, "`"},    {0x2036, "``"},
    {0x2037, "```"},  {0x2038, "^"},    {0x2039, "<"},   {0x203A, ">"},   {0x203B, "*"},    {0x203D, "?!"},
    {0x2043, "-"},    {0x2044, "/"},    {0x20A0, "ECU"}, {0x20A1, "CL"},  {0x20A2, "Cr"},   {0x20A3, "FF"},
    {0x20A4, "L"},    {0x20A5, "mil"},  {0x20A6, "N"},   {0x20A7, "Pts"}, {0x20A8, "Rs"},   {0x20A9, "W"},
    {0x20AA, "NS"},   {0x20AB, "D"},    {0x20AC, "EUR"}, {0x20AD, "K"},   {0x20AE, "T"},    {0x20AF, "Dr"},
    {0x20B1, "P"},    {0x20B4, "UAH"},  {0x20B9, "Rs"},  {0x20BA, "TL"},  {0x20BD, "R"},    {0x20BF, "BTC"},
    {0x2116, "No. "}, {0x2122, "(tm)"}, {0x2126, "ohm"}, {0x212E, "e"},   {0x2190, "-"},    {0x2192, "-"},
    {0x2212, "-"},    {0x2215, "/"},    {0x2216, "\\"},  {0x2217, "*"},   {0x2223, "|"},    {0x2236, ":"},
    {0x223C, "~"},    {0x2260, ""},     {0x2264, "<="},  {0x2265, ">="},  {0x25A0, "#"},    {0x25CB, "*"},
    {0x25CF, "*"},    {0x2605, ""},     {0x2606, ""},    {0x3001, ", "},  {0x3002, ". "},   {0x3008, "<"},
    {0x3009, "> "},   {0x300A, "<<"},   {0x300B, ">> "}, {0x300C, "["},   {0x300D, "] "},   {0x300E, "{"},
    {0x300F, "} "},   {0x3010, "[("},   {0x3011, ")] "}, {0x301C, "~"},   {0x30FB, " "},    {0x30FC, "-"},
};

static const char *const greek[] = {
    /* from U+0391 */
    "A", "B",  "G",  "D",  "E",  "Z", "E", "Th", "I", "K", "L", "M", "N", "Ks", "O", "P",  "R",  "",   "S",
    "T", "U",  "Ph", "Kh", "Ps", "O", "I", "U",  "a", "e", "e", "i", "u", "a",  "b", "g",  "d",  "e",  "z",
    "e", "th", "i",  "k",  "l",  "m", "n", "x",  "o", "p", "r", "s", "s", "t",  "u", "ph", "kh", "ps", "o",
};

static const char *const cyrillic[] = {
    /* from U+0400 */
    "Ie", "Io", "Dj", "Gj", "Ie", "Dz", "I",  "Yi", "J",  "Lj",   "Nj", "Tsh", "Kj", "I", "U",  "Dzh",
    "A",  "B",  "V",  "G",  "D",  "E",  "Zh", "Z",  "I",  "I",    "K",  "L",   "M",  "N", "O",  "P",
    "R",  "S",  "T",  "U",  "F",  "Kh", "Ts", "Ch", "Sh", "Shch", "'",  "Y",   "'",  "E", "Iu", "Ia",
    "a",  "b",  "v",  "g",  "d",  "e",  "zh", "z",  "i",  "i",    "k",  "l",   "m",  "n", "o",  "p",
    "r",  "s",  "t",  "u",  "f",  "kh", "ts", "ch", "sh", "shch", "'",  "y",   "'",  "e", "iu", "ia",
    "ie", "io", "dj", "gj", "ie", "dz", "i",  "yi", "j",  "lj",   "nj", "tsh", "kj", "i", "u",  "dzh",
};

static const char *const hebrew[] = {
    /* from U+05D0 */
    "A", "b", "g", "d", "h", "v", "z", "kh", "t",  "y", "k", "k",  "l", "m",
    "m", "n", "n", "s", "`", "p", "p", "ts", "ts", "q", "r", "sh", "t",
};

static const char *const arabic[] = {
    /* from U+0621 */
    "'", "a", "'", "w'", "",  "y'", "", "b", "@", "t", "th", "j", "H", "kh", "d", "dh", "r", "z", "s", "sh", "S",
    "D", "T", "Z", "`",  "G", "",   "", "",  "",  "",  "",   "f", "q", "k",  "l", "m",  "n", "h", "w", "~",  "y",
};

static const char *const kana[] = {
    /* from U+3041 (hiragana) and U+30A1 (katakana) */
    "a",  "a",  "i",  "i",  "u",   "u",  "e",  "e",  "o",  "o",  "ka", "ga", "ki", "gi", "ku",  "gu", "ke",  "ge",
    "ko", "go", "sa", "za", "shi", "ji", "su", "zu", "se", "ze", "so", "zo", "ta", "da", "chi", "ji", "tsu", "tsu",
    "zu", "te", "de", "to", "do",  "na", "ni", "nu", "ne", "no", "ha", "ba", "pa", "hi", "bi",  "pi", "fu",  "bu",
    "pu", "he", "be", "pe", "ho",  "bo", "po", "ma", "mi", "mu", "me", "mo", "ya", "ya", "yu",  "yu", "yo",  "yo",
    "ra", "ri", "ru", "re", "ro",  "wa", "wa", "wi", "we", "wo", "n",  "vu", "ka", "ke",
};

static const struct {
    uint16_t first;
    uint16_t count;
    const char *const *ascii;
} scripts[] = {
    {0x0391, COUNT(greek), greek},   {0x0400, COUNT(cyrillic), cyrillic}, {0x05D0, COUNT(hebrew), hebrew},
    {0x0621, COUNT(arabic), arabic}, {0x3041, COUNT(kana), kana},         {0x30A1, COUNT(kana), kana},
};

/* First of ten consecutive decimal digits (general category Nd), where they do not decompose to ASCII. */
static const uint16_t digit_zero[] = {
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
};

/* The short names of the conjoining jamo (Unicode, Jamo.txt). */
static const char *const jamo_lead[19] = {
    "g", "gg", "n", "d", "dd", "r", "m", "b", "bb", "s", "ss", "", "j", "jj", "c", "k", "t", "p", "h",
};
static const char *const jamo_vowel[21] = {
    "a",  "ae", "ya", "yae", "eo", "e",  "yeo", "ye", "o",  "wa", "wae",
    "oe", "yo", "u",  "weo", "we", "wi", "yu",  "eu", "yi", "i",
};
static const char *const jamo_tail[28] = {
    "",   "g",  "gg", "gs", "n",  "nj", "nh", "d",  "l", "lg", "lm", "lb", "ls", "lt",
    "lp", "lh", "m",  "b",  "bs", "s",  "ss", "ng", "j", "c",  "k",  "t",  "p",  "h",
};

bool text_is_space(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

const char *text_strip(const char *text, size_t *size)
{
    size_t n = *size, start = 0;
    uint32_t c;

    for (size_t len; start < n && (len = hse_utf8_next(text + start, n - start, &c)) && text_is_space(c);)
        start += len;
    while (n > start) {
        size_t at = n - 1;
        while (at > start && ((unsigned char)text[at] & 0xC0) == 0x80)
            at--;
        if (!hse_utf8_next(text + at, n - at, &c) || !text_is_space(c))
            break;
        n = at;
    }
    *size = n - start;
    return text + start;
}

bool text_is_word(uint32_t c)
{
    utf8proc_category_t k;

    if (c < 128)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    k = utf8proc_category((utf8proc_int32_t)c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

int text_digit_value(uint32_t c)
{
    if (c < 0x80)
        return c >= '0' && c <= '9' ? (int)(c - '0') : -1;
    if (c >= 0xFF10 && c <= 0xFF19)
        return (int)(c - 0xFF10);
    if (c >= 0x1D7CE && c <= 0x1D7FF)
        return (int)((c - 0x1D7CE) % 10);
    for (size_t i = 0; i < COUNT(digit_zero); i++)
        if (c >= digit_zero[i] && c - digit_zero[i] < 10)
            return (int)(c - digit_zero[i]);
    return -1;
}

static const char *in_table(uint32_t c)
{
    size_t low = 0, high = COUNT(table);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (table[mid].c == c)
            return table[mid].ascii;
        if (table[mid].c < c)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t i = 0; i < COUNT(scripts); i++)
        if (c >= scripts[i].first && c - scripts[i].first < scripts[i].count)
            return scripts[i].ascii[c - scripts[i].first];
    return NULL;
}

static void put_ideograph(uint32_t c, hse_buf *out)
{
    unsigned reading = pinyin_readings[c - PINYIN_FIRST];
    const char *syllable = reading / 8 < PINYIN_SYLLABLES ? pinyin_syllables[reading / 8] : "";

    if (!*syllable)
        return;
    hse_buf_byte(out, (uint8_t)(*syllable & ~0x20));
    for (const char *p = syllable + 1; *p; p++)
        hse_buf_byte(out, *p == 'v' ? 'u' : (uint8_t)*p);
    hse_buf_byte(out, ' ');
}

/* True when c is done: ASCII, in the tables, a syllable, a digit, or a mark to drop. */
static bool put_known(uint32_t c, hse_buf *out)
{
    const char *ascii = c < 0x80 ? NULL : in_table(c);

    if (c < 0x80) {
        hse_buf_byte(out, (uint8_t)c);
    } else if (ascii) {
        hse_buf_str(out, ascii);
    } else if (text_is_space(c)) {
        hse_buf_byte(out, ' ');
    } else if (c >= 0xAC00 && c < 0xAC00 + 19 * 21 * 28) {
        uint32_t s = c - 0xAC00;
        hse_buf_str(out, jamo_lead[s / (21 * 28)]);
        hse_buf_str(out, jamo_vowel[s / 28 % 21]);
        hse_buf_str(out, jamo_tail[s % 28]);
    } else if (c >= PINYIN_FIRST && c <= PINYIN_LAST) {
        put_ideograph(c, out);
    } else if (text_digit_value(c) >= 0) {
        hse_buf_byte(out, (uint8_t)('0' + text_digit_value(c)));
    } else {
        return false;
    }
    return true;
}

/* Vulgar fractions that decompose get spaces on both sides: "1" before U+2153 must not become "11/3". */
static bool is_fraction(uint32_t c)
{
    return c >= 0x2150 && c <= 0x215F;
}

static void put_decomposed(uint32_t c, hse_buf *out)
{
    utf8proc_int32_t part[32];
    int last_class = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, part, (utf8proc_ssize_t)COUNT(part),
                                                 UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &last_class);

    if (n < 1 || n > (utf8proc_ssize_t)COUNT(part) || (n == 1 && part[0] == (utf8proc_int32_t)c))
        return;
    if (is_fraction(c))
        hse_buf_byte(out, ' ');
    for (utf8proc_ssize_t i = 0; i < n; i++)
        put_known((uint32_t)part[i], out);
    if (is_fraction(c))
        hse_buf_byte(out, ' ');
}

hse_status text_to_ascii(const char *text, size_t size, hse_buf *out, hse_error *err)
{
    for (size_t i = 0, len; i < size; i += len) {
        uint32_t c;

        if (!(len = hse_utf8_next(text + i, size - i, &c)))
            return hse_fail(err, HSE_E_FORMAT, i, "the text is not UTF-8: wrong byte at position %zu", i);
        if (!put_known(c, out))
            put_decomposed(c, out);
    }
    return hse_buf_status(out, "the ASCII text", err);
}
