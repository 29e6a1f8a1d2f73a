#include "text/dictionary.h"

#include <string.h>

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
        [TEXT_UNIDECODE] = "unidecode",
    };

    return names[table];
}

void text_list_add(text_list *l, const char *text, size_t size, const char *tag)
{
    if (l->no_memory)                       /* the rooms may be those of lists that were not kept */
        return;
    bool tagged = l->count ? l->tag != NULL : tag != NULL;      /* all are, or none is */
    const char **item = hse_arena_grow(l->arena, l->item, l->count, &l->item_room, sizeof *item);
    const char **tags = tagged ? hse_arena_grow(l->arena, l->tag, l->count, &l->tag_room, sizeof *tags) : NULL;
    const char *copy = hse_arena_strndup(l->arena, text, size), *tag_copy = tagged && tag ? hse_arena_strndup(l->arena, tag, strlen(tag)) : NULL;

    if (!item || (tagged && !tags) || !copy || (tagged && tag && !tag_copy)) {
        l->no_memory = true;
        return;
    }
    l->item = item;
    l->tag = tags;
    l->item[l->count] = copy;
    if (tagged)
        l->tag[l->count] = tag_copy;
    l->count++;
}

hse_status text_list_give(const text_list *l, const char *what, text_answer *out, hse_error *err)
{
    if (l->no_memory)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", what);
    *out = (text_answer){.item = l->item, .tag = l->tag, .count = l->count, .found = true};
    return HSE_OK;
}

hse_status text_answer_take(text_answer *out, hse_buf *b, hse_arena *arena, const char *what, hse_error *err)
{
    const char **item = hse_arena_array(arena, 1, sizeof *item);
    hse_status s;

    *out = (text_answer){0};
    if (!item) {
        hse_buf_free(b);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", what);
    }
    if ((s = hse_buf_to_arena(b, arena, what, item, err)) == HSE_OK)
        *out = (text_answer){.item = item, .count = 1, .found = true};
    return s;
}
