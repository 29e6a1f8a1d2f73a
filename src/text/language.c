#include "text/language.h"

/* A new language: its folder, and a line here. */
static const text_language *const languages[] = {
    &text_language_en, &text_language_zh, &text_language_es, &text_language_fr, &text_language_ja, &text_language_ko,
};

static const struct {
    const char *name, *code;
} names[] = {
    {"en", "en"}, {"zh", "zh"}, {"zh_mix_en", "zh_mix_en"},
    {"es", "es"}, {"sp", "es"}, {"fr", "fr"},
    {"ja", "ja"}, {"jp", "ja"}, {"ko", "ko"},
    {"kr", "ko"},
};

const char *text_language_code(const char *name)
{
    text_scan s = {.text = name ? name : "", .size = name ? strlen(name) : 0};

    for (size_t i = 0; i < COUNT(names); i++)
        if (scan_same(&s, 0, s.size, names[i].name))
            return names[i].code;
    return NULL;
}

const text_language *text_language_find(const char *name)
{
    const char *code = text_language_code(name);

    if (code && strcmp(code, "zh_mix_en") == 0)
        code = "zh";
    for (size_t i = 0; code && i < COUNT(languages); i++)
        if (strcmp(languages[i]->code, code) == 0)
            return languages[i];
    return NULL;
}
