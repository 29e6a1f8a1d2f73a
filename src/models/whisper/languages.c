/* languages.c - Whisper's languages in the order of their ids, and what else people call them. */
#include "models/whisper/tokenizer.h"

#include <string.h>
#include <strings.h>

const whisper_language whisper_languages[WHISPER_LANGUAGES] = {
    {"en", "english"},       {"zh", "chinese"},      {"de", "german"},     {"es", "spanish"},     {"ru", "russian"},
    {"ko", "korean"},        {"fr", "french"},       {"ja", "japanese"},   {"pt", "portuguese"},  {"tr", "turkish"},
    {"pl", "polish"},        {"ca", "catalan"},      {"nl", "dutch"},      {"ar", "arabic"},      {"sv", "swedish"},
    {"it", "italian"},       {"id", "indonesian"},   {"hi", "hindi"},      {"fi", "finnish"},     {"vi", "vietnamese"},
    {"he", "hebrew"},        {"uk", "ukrainian"},    {"el", "greek"},      {"ms", "malay"},       {"cs", "czech"},
    {"ro", "romanian"},      {"da", "danish"},       {"hu", "hungarian"},  {"ta", "tamil"},       {"no", "norwegian"},
    {"th", "thai"},          {"ur", "urdu"},         {"hr", "croatian"},   {"bg", "bulgarian"},   {"lt", "lithuanian"},
    {"la", "latin"},         {"mi", "maori"},        {"ml", "malayalam"},  {"cy", "welsh"},       {"sk", "slovak"},
    {"te", "telugu"},        {"fa", "persian"},      {"lv", "latvian"},    {"bn", "bengali"},     {"sr", "serbian"},
    {"az", "azerbaijani"},   {"sl", "slovenian"},    {"kn", "kannada"},    {"et", "estonian"},    {"mk", "macedonian"},
    {"br", "breton"},        {"eu", "basque"},       {"is", "icelandic"},  {"hy", "armenian"},    {"ne", "nepali"},
    {"mn", "mongolian"},     {"bs", "bosnian"},      {"kk", "kazakh"},     {"sq", "albanian"},    {"sw", "swahili"},
    {"gl", "galician"},      {"mr", "marathi"},      {"pa", "punjabi"},    {"si", "sinhala"},     {"km", "khmer"},
    {"sn", "shona"},         {"yo", "yoruba"},       {"so", "somali"},     {"af", "afrikaans"},   {"oc", "occitan"},
    {"ka", "georgian"},      {"be", "belarusian"},   {"tg", "tajik"},      {"sd", "sindhi"},      {"gu", "gujarati"},
    {"am", "amharic"},       {"yi", "yiddish"},      {"lo", "lao"},        {"uz", "uzbek"},       {"fo", "faroese"},
    {"ht", "haitian creole"}, {"ps", "pashto"},      {"tk", "turkmen"},    {"nn", "nynorsk"},     {"mt", "maltese"},
    {"sa", "sanskrit"},      {"lb", "luxembourgish"}, {"my", "myanmar"},   {"bo", "tibetan"},     {"tl", "tagalog"},
    {"mg", "malagasy"},      {"as", "assamese"},     {"tt", "tatar"},      {"haw", "hawaiian"},   {"ln", "lingala"},
    {"ha", "hausa"},         {"ba", "bashkir"},      {"jw", "javanese"},   {"su", "sundanese"},   {"yue", "cantonese"},
};

static const whisper_language other_names[] = {
    {"my", "burmese"}, {"ca", "valencian"}, {"nl", "flemish"},   {"ht", "haitian"},   {"lb", "letzeburgesch"},
    {"ps", "pushto"},  {"pa", "panjabi"},   {"ro", "moldavian"}, {"ro", "moldovan"},  {"si", "sinhalese"},
    {"es", "castilian"}, {"zh", "mandarin"}, {"jw", "jv"},       {"he", "iw"},        {"tl", "fil"},
};

static int find_code(const char *code, size_t n)
{
    for (int i = 0; i < WHISPER_LANGUAGES; i++)
        if (strlen(whisper_languages[i].code) == n && strncasecmp(whisper_languages[i].code, code, n) == 0)
            return i;
    return -1;
}

static int find_name(const char *name, size_t n)
{
    for (int i = 0; i < WHISPER_LANGUAGES; i++)
        if (strlen(whisper_languages[i].name) == n && strncasecmp(whisper_languages[i].name, name, n) == 0)
            return i;
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (strlen(other_names[i].name) == n && strncasecmp(other_names[i].name, name, n) == 0)
            return find_code(other_names[i].code, strlen(other_names[i].code));
    return -1;
}

int whisper_find_language(const char *code_or_name)
{
    size_t n = strlen(code_or_name), base = strcspn(code_or_name, "-_");
    int i = find_code(code_or_name, n);

    if (i < 0)
        i = find_name(code_or_name, n);
    if (i < 0 && base < n && (i = find_code(code_or_name, base)) < 0) /* "pt-BR": the region does not matter */
        i = find_name(code_or_name, base);
    return i;
}
