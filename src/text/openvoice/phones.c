/* phones.c - phones of a user (IPA) as the symbols of OpenVoice's base speakers, which are IPA with spellings of their own. */
#include "text/openvoice/internal.h"

#include "text/phones.h"

static const text_phone english[] = {
    {"a", "a"},   {"b", "b"},   {"d", "d"},    {"e", "e"},   {"f", "f"},   {"h", "h"},   {"i", "i"},   {"j", "j"},   {"k", "k"},   {"l", "l"},
    {"m", "m"},   {"n", "n"},   {"o", "o"},    {"p", "p"},   {"s", "s"},   {"t", "t"},   {"u", "u"},   {"v", "v"},   {"w", "w"},   {"x", "x"},
    {"y", "y"},   {"z", "z"},   {"ɑ", "ɑ"},    {"æ", "æ"},   {"ʃ", "ʃ"},   {"ʑ", "ʑ"},   {"ç", "ç"},   {"ɯ", "ɯ"},   {"ɪ", "ɪ"},   {"ɔ", "ɔ"},
    {"ɛ", "ɛ"},   {"ɹ", "ɹ"},   {"ð", "ð"},    {"ə", "ə"},   {"ɫ", "ɫ"},   {"ɥ", "ɥ"},   {"ɸ", "ɸ"},   {"ʊ", "ʊ"},   {"ɾ", "ɾ"},   {"ʒ", "ʒ"},
    {"θ", "θ"},   {"β", "β"},   {"ŋ", "ŋ"},    {"ɦ", "ɦ"},   {"ɡ", "g"},   {"r", "ɹ"},   {"ɻ", "ɹ"},   {"ʌ", "ə"},   {"ɐ", "ə"},   {"ɚ", "əɹ"},
    {"ɝ", "əɹ"},  {"ɜ", "ə"},   {"ɜɹ", "əɹ"},  {"ɒ", "ɑ"},   {"ɨ", "ɪ"},   {"ʍ", "w"},   {"ʔ", ""},    {"ɕ", "ʃ"},
};

static const text_phone chinese[] = {
    {"p", "p⁼"},  {"pʰ", "pʰ"}, {"t", "t⁼"},   {"tʰ", "tʰ"}, {"k", "k⁼"},  {"kʰ", "kʰ"}, {"ts", "ts⁼"}, {"tsʰ", "tsʰ"}, {"tɕ", "tʃ⁼"},
    {"tɕʰ", "tʃʰ"}, {"tʃ", "tʃ⁼"}, {"tʃʰ", "tʃʰ"}, {"tʂ", "ts`⁼"}, {"tʂʰ", "ts`ʰ"}, {"ʂ", "s`"}, {"ʐ", "ɹ`"}, {"ɻ", "ɹ`"}, {"ɹ", "ɹ"},
    {"ɕ", "ʃ"},   {"ʃ", "ʃ"},   {"s", "s"},    {"f", "f"},   {"x", "x"},   {"h", "x"},   {"m", "m"},   {"n", "n"},   {"ŋ", "ŋ"},   {"l", "l"},
    {"a", "a"},   {"ɑ", "ɑ"},   {"o", "o"},    {"ɔ", "o"},   {"ə", "ə"},   {"ɤ", "ə"},   {"e", "e"},   {"ɛ", "ɛ"},   {"æ", "æ"},   {"i", "i"},
    {"ɪ", "ɪ"},   {"u", "u"},   {"ʊ", "ʊ"},    {"y", "ɥ"},   {"ɥ", "ɥ"},   {"j", "j"},   {"w", "w"},   {"ɨ", "ɹ"},
};

/* The four tones of Mandarin by the tone letters at their syllable's end; another run of them: by its first and last. */
static const char *tone_name(const char *letters, size_t size)
{
    unsigned first = size >= 2 ? (unsigned char)letters[1] : 0, last = size >= 2 ? (unsigned char)letters[size - 1] : 0;
    bool dips = false;

    for (size_t i = 1; i < size; i += 2)            /* U+02E5 (high) to U+02E9 (low): the second byte grows as the tone falls */
        dips = dips || ((unsigned char)letters[i] > first && (unsigned char)letters[i] > last);
    return dips ? "↓↑" : last < first ? "↑" : last > first ? "↓" : "→";
}

hse_status openvoice_phones(openvoice_language language, const char *ipa, size_t size, hse_buf *out, hse_error *err)
{
    const text_phone *table = language == OPENVOICE_EN ? english : chinese;
    size_t count = language == OPENVOICE_EN ? COUNT(english) : COUNT(chinese), at = 0, tone = 0;
    hse_status s = text_phones_check(table, count, language == OPENVOICE_EN ? "OpenVoice in EN" : "OpenVoice in ZH", ipa, size, err);
    text_phone_event e;

    while (s == HSE_OK && out && text_phones_next(table, count, ipa, size, &at, &e)) {
        size_t start = at - e.size;

        if (e.kind == PHONE_SOUND)
            hse_buf_str(out, e.to);
        else if (e.kind == PHONE_WORD)
            hse_buf_byte(out, ' ');
        else if ((e.kind == PHONE_PRIMARY || e.kind == PHONE_SECONDARY) && language == OPENVOICE_EN)
            hse_buf_append(out, e.ipa, e.size);
        if (e.kind != PHONE_TONE)
            tone = at;
        else if (language == OPENVOICE_ZH && (at >= size || !(size - at >= 2 && (uint8_t)ipa[at] == 0xCB && (uint8_t)ipa[at + 1] >= 0xA5)))
            hse_buf_str(out, tone_name(ipa + tone, start + e.size - tone));
    }
    return s == HSE_OK && out ? hse_buf_status(out, "phones", err) : s;
}

hse_status openvoice_check_phones(const char *language, const char *ipa, size_t size, hse_error *err)
{
    if (strcmp(language, "en") != 0 && strcmp(language, "zh") != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "language: '%.40s' is not spoken by this model", language);
    return openvoice_phones(*language == 'e' ? OPENVOICE_EN : OPENVOICE_ZH, ipa, size, NULL, err);
}
