#include "text/dictionary.h"

const char *text_table_name(text_table table)
{
    static const char *const names[TEXT_TABLES] = {
        [TEXT_CMUDICT_REP] = "cmudict.rep",
        [TEXT_G2P_EN] = "g2p_en",
        [TEXT_JIEBA_POSSEG] = "jieba_posseg",
        [TEXT_JIEBA_SEARCH] = "jieba_cut_for_search",
        [TEXT_PINYIN_INITIALS] = "pypinyin_initials",
        [TEXT_PINYIN_FINALS] = "pypinyin_finals_tone3",
        [TEXT_CN2AN] = "cn2an",
        [TEXT_GRUUT_ES] = "gruut_es",
        [TEXT_GRUUT_FR] = "gruut_fr",
        [TEXT_KAKASI] = "pykakasi_katakana",
        [TEXT_NUM2WORDS_JA] = "num2words_ja",
        [TEXT_MECAB_JA] = "mecab",
        [TEXT_G2PK] = "g2pkk",
        [TEXT_IPA_EN] = "eng_to_ipa",
        [TEXT_JIEBA] = "jieba",
        [TEXT_BOPOMOFO] = "bopomofo",
    };

    return names[table];
}
