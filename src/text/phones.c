#include "text/phones.h"

#include "base/utf8.h"

#include <string.h>
#include <strings.h>

static const char vowels[] = "aeiouyæɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵøœɶʉʊʌʏ";
static const char consonants[] = "bcdfhjklmnpqrstvwxzçðħŋɓɕɖɗɟɠɡɢɣɥɦɧɫɬɭɮɰɱɲɳɴɸɹɺɻɽɾʀʁʂʃʄʈʋʍʎʐʑʒʔʕʘʙʛʜʝʟʡʢǀǁǂǃβθχⱱɻ";
/* Behind a sound: aspirated, labialised, palatalised, velarised, pharyngealised, rhotic, half long, and the combining ones. */
static const char diacritics[] = "ʰʲʷˠˤⁿˡ˞ˑʼ\u0303\u0325\u0329\u032A\u032F\u0324\u0330\u033A\u031F\u0320\u0308\u031A\u031E\u031D\u0339"
                                 "\u031C\u0318\u0319\u0334\u032C\u033B\u033C\u031D\u0306\u030A";
static const char tones[] = "˥˦˧˨˩";

/* Other spellings; "" is dropped: ties, and length and stress as people type them. */
static const text_phone spellings[] = {
    {"g", "ɡ"},  {"ʧ", "tʃ"}, {"ʤ", "dʒ"}, {"ʦ", "ts"}, {"ʣ", "dz"}, {"ʨ", "tɕ"}, {"ʥ", "dʑ"}, {"'", "ˈ"}, {":", "ː"},
    {"’", "ˈ"},  {"ã", "a\u0303"}, {"ẽ", "e\u0303"}, {"ĩ", "i\u0303"}, {"õ", "o\u0303"}, {"ũ", "u\u0303"}, {"\u0361", ""},
    {"\u035C", ""}, {"‿", ""}, {"\u200D", ""}, {"|", "/"}, {"‖", "/"}, {"\u00A0", "/"}, {" ", "/"}, {"\t", "/"}, {"\n", "/"},
    {"\r", "/"}, {"ᵻ", "ɪ"}, {"ʱ", "ʰ"},
};

static const struct {
    const char   *name;
    text_alphabet alphabet;
} names[] = {{"ipa", TEXT_IPA},
             {"x-sampa", TEXT_X_SAMPA},
             {"xsampa", TEXT_X_SAMPA},
             {"cmu-arpabet", TEXT_ARPABET},
             {"arpabet", TEXT_ARPABET},
             {"x-arpabet", TEXT_ARPABET}};

bool text_alphabet_find(const char *name, text_alphabet *out)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcasecmp(names[i].name, name) == 0) {
            *out = names[i].alphabet;
            return true;
        }
    return false;
}

/* ---- IPA ----------------------------------------------------------------------------------------------------------- */

static size_t char_size(const char *text, size_t size)
{
    uint32_t c;
    size_t n = hse_utf8_next(text, size, &c);

    return n ? n : 1;
}

/* Is the character of n bytes one of the list? */
static bool one_of(const char *list, const char *c, size_t n)
{
    for (size_t m; *list; list += m)
        if ((m = char_size(list, 4)) == n && memcmp(list, c, n) == 0)
            return true;
    return false;
}

static bool is(const char *text, size_t size, const char *what)
{
    size_t n = strlen(what);

    return size >= n && memcmp(text, what, n) == 0;
}

static bool is_letter(const char *c, size_t n)
{
    return one_of(vowels, c, n) || one_of(consonants, c, n);
}

static bool is_known(const char *c, size_t n)
{
    return is_letter(c, n) || one_of(diacritics, c, n) || one_of(tones, c, n) || one_of("ˈˌː./", c, n);
}

static hse_status bad_phone(const char *text, size_t size, size_t at, const char *alphabet, hse_error *err)
{
    uint32_t c = 0;
    size_t n = hse_utf8_next(text + at, size - at, &c);

    return hse_fail(err, HSE_E_ARG, at, "'%.*s' (U+%04X) at character %zu is no sound or sign of %s", (int)(n ? n : 1), text + at, (unsigned)c,
                    at + 1, alphabet);
}

static hse_status read_ipa(const char *text, size_t size, hse_buf *out, hse_error *err)
{
    size_t before = out->size;

    for (size_t i = 0, n; i < size; i += n) {
        const char *to = NULL;

        n = char_size(text + i, size - i);
        for (size_t k = 0; k < COUNT(spellings) && !to; k++)
            if (strlen(spellings[k].ipa) == n && memcmp(spellings[k].ipa, text + i, n) == 0)
                to = spellings[k].to;
        bool gap = to && *to == '/', empty = out->size == before || out->data[out->size - 1] == '/';
        if (gap && empty)
            continue;
        if (to)
            hse_buf_str(out, to);
        else if (!is_known(text + i, n))
            return bad_phone(text, size, i, "the IPA", err);
        else
            hse_buf_append(out, text + i, n);
    }
    if (out->size > before && out->data[out->size - 1] == '/')
        out->data[--out->size] = '\0';
    return HSE_OK;
}

/* ---- X-SAMPA ------------------------------------------------------------------------------------------------------- */

static const text_phone x_sampa[] = {
    {"A", "ɑ"},   {"B", "β"},   {"C", "ç"},    {"D", "ð"},   {"E", "ɛ"},   {"F", "ɱ"},   {"G", "ɣ"},   {"H", "ɥ"},   {"I", "ɪ"},
    {"J", "ɲ"},   {"K", "ɬ"},   {"L", "ʎ"},    {"M", "ɯ"},   {"N", "ŋ"},   {"O", "ɔ"},   {"P", "ʋ"},   {"Q", "ɒ"},   {"R", "ʁ"},
    {"S", "ʃ"},   {"T", "θ"},   {"U", "ʊ"},    {"V", "ʌ"},   {"W", "ʍ"},   {"X", "χ"},   {"Y", "ʏ"},   {"Z", "ʒ"},   {"@", "ə"},
    {"{", "æ"},   {"}", "ʉ"},   {"1", "ɨ"},    {"2", "ø"},   {"3", "ɜ"},   {"4", "ɾ"},   {"5", "ɫ"},   {"6", "ɐ"},   {"7", "ɤ"},
    {"8", "ɵ"},   {"9", "œ"},   {"&", "ɶ"},    {"?", "ʔ"},   {"@`", "ɚ"},  {"3`", "ɝ"},  {"r\\", "ɹ"}, {"r\\`", "ɻ"}, {"R\\", "ʀ"},
    {"h\\", "ɦ"}, {"j\\", "ʝ"}, {"J\\", "ɟ"},  {"G\\", "ɢ"}, {"N\\", "ɴ"}, {"L\\", "ʟ"}, {"B\\", "ʙ"}, {"H\\", "ʜ"}, {"I\\", "ɪ"},
    {"K\\", "ɮ"}, {"M\\", "ɰ"}, {"X\\", "ħ"},  {"s\\", "ɕ"}, {"z\\", "ʑ"}, {"x\\", "ɧ"}, {"p\\", "ɸ"}, {"v\\", "ʋ"}, {"l\\", "ɺ"},
    {"@\\", "ɘ"}, {"3\\", "ɞ"}, {"?\\", "ʕ"},  {"d`", "ɖ"},  {"t`", "ʈ"},  {"n`", "ɳ"},  {"l`", "ɭ"},  {"r`", "ɽ"},  {"s`", "ʂ"},
    {"z`", "ʐ"},  {"\"", "ˈ"},  {"%", "ˌ"},    {":", "ː"},   {":\\", "ˑ"}, {"'", "ʲ"},   {"_j", "ʲ"},  {"_h", "ʰ"},  {"_w", "ʷ"},
    {"_G", "ˠ"},  {"~", "\u0303"}, {"_~", "\u0303"}, {"=", "\u0329"}, {"_=", "\u0329"}, {"_0", "\u0325"}, {"_d", "\u032A"},
    {"_^", "\u032F"}, {"`", "˞"}, {"-", "."}, {".", "."},   {"_", ""},    {" ", "/"},   {"_T", "˥"},  {"_H", "˦"},  {"_M", "˧"},
    {"_L", "˨"},  {"_B", "˩"},
};

/* The row whose text is the longest that stands at `text`; NULL: none. */
static const text_phone *longest(const text_phone *table, size_t count, const char *text, size_t size)
{
    const text_phone *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(table[i].ipa);

        if (n > most && n <= size && memcmp(table[i].ipa, text, n) == 0) {
            best = &table[i];
            most = n;
        }
    }
    return best;
}

static hse_status read_x_sampa(const char *text, size_t size, hse_buf *out, hse_error *err)
{
    for (size_t i = 0; i < size;) {
        const text_phone *row = longest(x_sampa, COUNT(x_sampa), text + i, size - i);

        if (row) {
            hse_buf_str(out, row->to);
            i += strlen(row->ipa);
        } else if (text[i] >= 'a' && text[i] <= 'z') {
            hse_buf_byte(out, (uint8_t)text[i++]);
        } else {
            return bad_phone(text, size, i, "X-SAMPA", err);
        }
    }
    return HSE_OK;
}

/* ---- ARPAbet ------------------------------------------------------------------------------------------------------- */

static const text_phone arpabet[] = {
    {"AA", "ɑ"}, {"AE", "æ"}, {"AH", "ʌ"}, {"AO", "ɔ"}, {"AW", "aʊ"}, {"AX", "ə"}, {"AXR", "ɚ"}, {"AY", "aɪ"}, {"B", "b"},
    {"CH", "tʃ"}, {"D", "d"}, {"DH", "ð"}, {"DX", "ɾ"}, {"EH", "ɛ"}, {"ER", "ɝ"}, {"EY", "eɪ"}, {"F", "f"}, {"G", "ɡ"},
    {"HH", "h"}, {"IH", "ɪ"}, {"IX", "ɨ"}, {"IY", "i"}, {"JH", "dʒ"}, {"K", "k"}, {"L", "l"}, {"M", "m"}, {"N", "n"},
    {"NG", "ŋ"}, {"OW", "oʊ"}, {"OY", "ɔɪ"}, {"P", "p"}, {"R", "ɹ"}, {"S", "s"}, {"SH", "ʃ"}, {"T", "t"}, {"TH", "θ"},
    {"UH", "ʊ"}, {"UW", "u"}, {"V", "v"}, {"W", "w"}, {"Y", "j"}, {"Z", "z"}, {"ZH", "ʒ"},
};

/* One phone of n letters and digits into `out`; the stress mark goes before its consonant (*onset), where one is there. */
static bool read_arpabet_phone(const char *p, size_t n, size_t *onset, hse_buf *out)
{
    char name[4];
    int stress = -1;

    if (n && p[n - 1] >= '0' && p[n - 1] <= '2')
        stress = p[--n] - '0';
    if (n == 0 || n >= sizeof name)
        return false;
    for (size_t i = 0; i < n; i++)
        name[i] = (char)(p[i] >= 'a' && p[i] <= 'z' ? p[i] - 32 : p[i]);
    name[n] = '\0';
    for (size_t i = 0; i < COUNT(arpabet); i++) {
        if (strcmp(arpabet[i].ipa, name) != 0)
            continue;
        const char *to = arpabet[i].to;
        bool vowel = one_of(vowels, to, char_size(to, strlen(to)));
        if (stress >= 0 && !vowel)
            return false;
        if (stress > 0) {
            hse_buf rest;
            hse_buf_init(&rest, TEXT_PHONES_MAX * 4);
            hse_buf_append(&rest, hse_buf_text(out) + *onset, out->size - *onset);
            out->size = *onset;
            hse_buf_str(out, stress == 1 ? "ˈ" : "ˌ");
            hse_buf_append(out, hse_buf_text(&rest), rest.size);
            if (rest.status != HSE_OK && out->status == HSE_OK)
                out->status = rest.status;
            hse_buf_free(&rest);
        }
        if (!vowel)
            *onset = out->size;
        hse_buf_str(out, stress == 0 && strcmp(to, "ʌ") == 0 ? "ə" : stress == 0 && strcmp(to, "ɝ") == 0 ? "ɚ" : to);
        if (vowel)
            *onset = out->size;
        return true;
    }
    return false;
}

static hse_status read_arpabet(const char *text, size_t size, hse_buf *out, hse_error *err)
{
    size_t onset = out->size;

    for (size_t i = 0; i < size;) {
        size_t n = 0;

        while (i + n < size && !strchr(" \t\r\n,-", text[i + n]))
            n++;
        if (n == 1 && text[i] == '/') {
            hse_buf_byte(out, '/');
            onset = out->size;
        } else if (n && !read_arpabet_phone(text + i, n, &onset, out)) {
            return hse_fail(err, HSE_E_ARG, i, "'%.*s' at character %zu is no phone of CMU's ARPAbet", (int)(n < 12 ? n : 12), text + i, i + 1);
        }
        i += n ? n : 1;
    }
    return HSE_OK;
}

hse_status text_phones_read(text_alphabet alphabet, const char *text, size_t size, hse_buf *out, hse_error *err)
{
    size_t before = out->size, bad;
    hse_status s;

    if (size > TEXT_PHONES_MAX)
        return hse_fail(err, HSE_E_LIMIT, 0, "a pronunciation of %zu bytes; at most %d", size, TEXT_PHONES_MAX);
    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the pronunciation is not UTF-8 at byte %zu", bad);
    if (alphabet == TEXT_ARPABET) {
        s = read_arpabet(text, size, out, err);
    } else if (alphabet == TEXT_X_SAMPA) {
        s = read_x_sampa(text, size, out, err);
    } else {
        s = read_ipa(text, size, out, err);
    }
    bool sound = false;
    for (size_t i = before, n; s == HSE_OK && i < out->size; i += n) {
        n = char_size(hse_buf_text(out) + i, out->size - i);
        sound = sound || is_letter(hse_buf_text(out) + i, n);
    }
    if (s == HSE_OK)
        s = hse_buf_status(out, "the pronunciation", err);
    if (s == HSE_OK && !sound)
        s = hse_fail(err, HSE_E_ARG, 0, "the pronunciation has no sound");
    if (s == HSE_OK && out->size - before > TEXT_PHONES_MAX)
        s = hse_fail(err, HSE_E_LIMIT, 0, "a pronunciation of %zu bytes; at most %d", out->size - before, TEXT_PHONES_MAX);
    if (s != HSE_OK)
        out->size = before;
    return s;
}

/* ---- walking ------------------------------------------------------------------------------------------------------- */

bool text_phones_next(const text_phone *table, size_t count, const char *ipa, size_t size, size_t *at, text_phone_event *out)
{
    const char *p = ipa + *at;
    size_t left = size - *at;

    if (*at >= size)
        return false;
    const text_phone *row = longest(table, count, p, left);
    size_t n = char_size(p, left);
    *out = (text_phone_event){.kind = PHONE_SOUND, .to = "", .ipa = p, .size = n, .vowel = one_of(vowels, p, n)};
    if (row) {
        out->to = row->to;
        out->size = strlen(row->ipa);
    } else if (is(p, left, "ˈ")) {
        out->kind = PHONE_PRIMARY;
    } else if (is(p, left, "ˌ")) {
        out->kind = PHONE_SECONDARY;
    } else if (is(p, left, "ː")) {
        out->kind = PHONE_LONG;
    } else if (*p == '.') {
        out->kind = PHONE_SYLLABLE;
    } else if (*p == '/') {
        out->kind = PHONE_WORD;
    } else if (one_of(tones, p, n)) {
        out->kind = PHONE_TONE;
    } else if (one_of(diacritics, p, n)) {
        out->kind = PHONE_MARK;
    } else {
        out->kind = PHONE_UNKNOWN;
        for (size_t more; out->size < left && one_of(diacritics, p + out->size, more = char_size(p + out->size, left - out->size));)
            out->size += more;
    }
    *at += out->size;
    return true;
}

hse_status text_phones_check(const text_phone *table, size_t count, const char *who, const char *ipa, size_t size, hse_error *err)
{
    text_phone_event e;
    size_t at = 0;

    while (text_phones_next(table, count, ipa, size, &at, &e))
        if (e.kind == PHONE_UNKNOWN)
            return hse_fail(err, HSE_E_UNSUPPORTED, at - e.size, "%s has no sound for '%.*s'", who, (int)e.size, e.ipa);
    return HSE_OK;
}
