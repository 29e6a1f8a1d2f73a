#include "text/hs1/respell.h"

#include "text/phones.h"

/* British and American vowels fall together where English letters cannot tell them apart. */
static const text_phone spellings[] = {
    {"i", "ee"},   {"ɪ", "ih"},  {"e", "ay"},  {"eɪ", "ay"}, {"ɛ", "eh"},  {"ɛə", "air"}, {"eə", "air"}, {"æ", "ah"},  {"a", "ah"},  {"ɑ", "ah"},
    {"ɒ", "o"},    {"ɔ", "aw"},  {"o", "oh"},  {"oʊ", "oh"}, {"əʊ", "oh"}, {"ʊ", "u"},    {"u", "oo"},   {"ʌ", "uh"},  {"ə", "uh"},  {"ɐ", "uh"},
    {"ɜ", "er"},   {"ɝ", "er"},  {"ɚ", "er"},  {"əɹ", "er"}, {"ɜɹ", "er"}, {"aɪ", "igh"}, {"aʊ", "ow"},  {"ɔɪ", "oy"}, {"ɪə", "eer"}, {"ʊə", "oor"},
    {"ɨ", "ih"},   {"ju", "yoo"}, {"ɑɹ", "ar"}, {"ɔɹ", "or"}, {"ɛɹ", "air"},
    {"p", "p"},    {"b", "b"},   {"t", "t"},   {"d", "d"},   {"k", "k"},   {"ɡ", "g"},    {"tʃ", "ch"},  {"dʒ", "j"},  {"f", "f"},   {"v", "v"},
    {"θ", "th"},   {"ð", "th"},  {"s", "s"},   {"z", "z"},   {"ʃ", "sh"},  {"ʒ", "zh"},   {"h", "h"},    {"ɦ", "h"},   {"m", "m"},   {"n", "n"},
    {"ŋ", "ng"},   {"ŋk", "nk"}, {"l", "l"},   {"ɫ", "l"},   {"ɹ", "r"},   {"r", "r"},    {"ɾ", "d"},    {"ɻ", "r"},   {"j", "y"},   {"w", "w"},
    {"ʍ", "wh"},   {"ʔ", ""},    {"x", "kh"},  {"n\u0329", "un"}, {"l\u0329", "ul"}, {"m\u0329", "um"},
    /* what the table has not: nasal vowels are sounds of their own, not an a with a mark */
};

/* A nasal vowel would be said as another word. */
static bool nasal(const text_phone_event *e)
{
    return e->kind == PHONE_MARK && e->size == 2 && memcmp(e->ipa, "\u0303", 2) == 0;
}

hse_status hs1_respell(const char *ipa, size_t size, hse_buf *out, hse_error *err)
{
    size_t at = 0, start = out->size;
    hse_status s = text_phones_check(spellings, COUNT(spellings), "this model, which reads English letters,", ipa, size, err);
    bool in_word = false;

    for (text_phone_event e; s == HSE_OK && text_phones_next(spellings, COUNT(spellings), ipa, size, &at, &e);) {
        if (nasal(&e))
            return hse_fail(err, HSE_E_UNSUPPORTED, at - e.size, "this model, which reads English letters, has no sound for a nasal vowel");
        bool boundary = e.kind == PHONE_PRIMARY || e.kind == PHONE_SECONDARY || e.kind == PHONE_SYLLABLE;
        char last = out->size > start ? (char)out->data[out->size - 1] : ' ';

        if (e.kind == PHONE_WORD)
            hse_buf_byte(out, ' ');
        else if (boundary && in_word && last != '-')
            hse_buf_byte(out, '-');
        else if (e.kind == PHONE_SOUND)
            hse_buf_str(out, e.to);
        in_word = e.kind == PHONE_WORD ? false : in_word || e.kind == PHONE_SOUND;
    }
    return s == HSE_OK ? hse_buf_status(out, "the spelling of phones", err) : s;
}
