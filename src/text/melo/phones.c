/* phones.c - phones of a user (IPA) as MeloTTS' symbols: CMU's for English, IPA itself for Spanish and French, kana's sounds for
 * Japanese. Chinese and Korean symbols are syllables' halves and letters, which IPA does not give: refused. */
#include "text/melo/internal.h"

#include "text/phones.h"

static const text_phone english[] = {
    {"ɑ", "aa"},  {"ɒ", "aa"},  {"a", "aa"},   {"æ", "ae"},  {"ʌ", "ah"},  {"ə", "ah"},  {"ɐ", "ah"},  {"ɔ", "ao"},  {"aʊ", "aw"}, {"aɪ", "ay"},
    {"ɛ", "eh"},  {"ɜ", "er"},  {"ɝ", "er"},   {"ɚ", "er"},  {"əɹ", "er"}, {"ɜɹ", "er"}, {"e", "ey"},  {"eɪ", "ey"}, {"ɪ", "ih"},  {"ɨ", "ih"},
    {"i", "iy"},  {"o", "ow"},  {"oʊ", "ow"},  {"əʊ", "ow"}, {"ɔɪ", "oy"}, {"ʊ", "uh"},  {"u", "uw"},  {"ʉ", "uw"},
    {"ɪə", "ih r"}, {"eə", "eh r"}, {"ɛə", "eh r"}, {"ʊə", "uh r"}, {"n\u0329", "ah n"}, {"l\u0329", "ah l"}, {"m\u0329", "ah m"},
    {"b", "b"},   {"tʃ", "ch"}, {"d", "d"},    {"ð", "dh"},  {"f", "f"},   {"ɡ", "g"},   {"h", "hh"},  {"ɦ", "hh"},  {"dʒ", "jh"}, {"k", "k"},
    {"l", "l"},   {"ɫ", "l"},   {"m", "m"},    {"n", "n"},   {"ŋ", "ng"},  {"p", "p"},   {"ɹ", "r"},   {"r", "r"},   {"ɻ", "r"},   {"ɾ", "d"},
    {"s", "s"},   {"ʃ", "sh"},  {"t", "t"},    {"θ", "th"},  {"v", "V"},   {"w", "w"},   {"ʍ", "w"},   {"j", "y"},   {"z", "z"},   {"ʒ", "zh"},
    {"ʔ", ""},    {"x", "k"},
};

static const text_phone japanese[] = {
    {"a", "a"},   {"i", "i"},   {"ɯ", "u"},    {"u", "u"},   {"e", "e"},   {"o", "o"},   {"aː", "a:"}, {"iː", "i:"}, {"ɯː", "u:"}, {"uː", "u:"},
    {"eː", "e:"}, {"oː", "o:"}, {"k", "k"},    {"ɡ", "g"},   {"ŋ", "g"},   {"s", "s"},   {"z", "z"},   {"dz", "z"},  {"ɕ", "sh"},  {"ʃ", "sh"},
    {"ʑ", "j"},   {"ʒ", "j"},   {"dʑ", "j"},   {"dʒ", "j"},  {"t", "t"},   {"tɕ", "ch"}, {"tʃ", "ch"}, {"ts", "ts"}, {"d", "d"},   {"n", "n"},
    {"ɲ", "ny"},  {"ɴ", "N"},   {"h", "h"},    {"ç", "hy"},  {"ɸ", "f"},   {"f", "f"},   {"b", "b"},   {"p", "p"},   {"m", "m"},   {"j", "y"},
    {"ɾ", "r"},   {"r", "r"},   {"ɹ", "r"},    {"l", "r"},   {"w", "w"},   {"v", "v"},   {"kj", "ky"}, {"ɡj", "gy"}, {"nj", "ny"}, {"hj", "hy"},
    {"bj", "by"}, {"pj", "py"}, {"mj", "my"},  {"ɾj", "ry"}, {"rj", "ry"}, {"kʲ", "ky"}, {"ɡʲ", "gy"}, {"bʲ", "by"}, {"pʲ", "py"}, {"mʲ", "my"},
    {"ɾʲ", "ry"}, {"ʔ", "q"},
};

/* English vowels carry the tone: 1 unstressed, 2 and 3 with primary and secondary stress. */
static void say_mapped(const text_phone *table, size_t count, bool stress, const char *ipa, size_t size, melo_phones *p)
{
    size_t at = 0;
    int tone = 1;

    for (text_phone_event e; text_phones_next(table, count, ipa, size, &at, &e);) {
        if (e.kind == PHONE_PRIMARY || e.kind == PHONE_SECONDARY)
            tone = e.kind == PHONE_PRIMARY ? 2 : 3;
        if (e.kind != PHONE_SOUND)
            continue;
        for (const char *to = e.to; *to;) {
            size_t n = strcspn(to, " ");
            bool vowel = stress && strchr("aeiou", *to);

            melo_phone_add(p, to, n, vowel ? tone : 0);
            tone = vowel ? 1 : tone;
            to += n + (to[n] == ' ');
        }
    }
}

/* Spanish and French: every character that the model has. `p` NULL: only look. */
static hse_status say_characters(const char *name, const char *ipa, size_t size, melo_phones *p, hse_error *err)
{
    size_t at = 0;

    for (text_phone_event e; text_phones_next(NULL, 0, ipa, size, &at, &e);) {
        char one[8];

        if (e.kind == PHONE_SYLLABLE || e.kind == PHONE_WORD || e.kind == PHONE_TONE)
            continue;
        for (size_t i = 0, n; i < e.size; i += n) {
            uint32_t c;

            n = hse_utf8_next(e.ipa + i, e.size - i, &c);
            n = n ? n : 1;
            memcpy(one, e.ipa + i, n);
            one[n] = '\0';
            if (melo_in(melo_symbols, melo_symbols_count, one) && p)
                melo_phone_add(p, one, n, 0);
            else if (i == 0 && e.kind == PHONE_UNKNOWN && !melo_in(melo_symbols, melo_symbols_count, one))
                return hse_fail(err, HSE_E_UNSUPPORTED, at - e.size, "MeloTTS in %s has no sound for '%.*s'", name, (int)e.size, e.ipa);
        }
    }
    return HSE_OK;
}

hse_status melo_say_phones(melo_language language, const char *ipa, size_t size, melo_phones *p, hse_error *err)
{
    const char *name = melo_language_name(language);
    char who[40];

    snprintf(who, sizeof who, "MeloTTS in %s", name);
    if (language == MELO_EN || language == MELO_JP) {
        const text_phone *table = language == MELO_EN ? english : japanese;
        size_t count = language == MELO_EN ? COUNT(english) : COUNT(japanese);
        hse_status s = text_phones_check(table, count, who, ipa, size, err);

        if (s == HSE_OK && p)
            say_mapped(table, count, language == MELO_EN, ipa, size, p);
        return s;
    }
    if (language == MELO_ES || language == MELO_FR)
        return say_characters(name, ipa, size, p, err);
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "MeloTTS in %s takes no phones; a replacement text it does", name);
}

hse_status melo_check_phones(const char *language, const char *ipa, size_t size, hse_error *err)
{
    melo_language l;

    if (!melo_language_find(language, &l))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "language: '%.40s' is not spoken by this model", language);
    return melo_say_phones(l, ipa, size, NULL, err);
}
