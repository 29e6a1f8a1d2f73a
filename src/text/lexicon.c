#include "text/lexicon.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "text/en/g2p.h"
#include "text/gruut/gruut.h"
#include "text/ja/ja.h"
#include "text/ko/ko.h"
#include "text/language.h"
#include "text/mecab.h"
#include "text/pack.h"
#include "text/zh/zh.h"

#include <pthread.h>
#include <string.h>

typedef enum { PACK_EN, PACK_ES, PACK_FR, PACK_JA, PACK_KO, PACK_ZH, PACKS } pack_id;      /* as in text_pack_languages */

/* What letters to sounds said last: the network takes a millisecond a word, and a text that has a word it must guess has it again
 * and again ("[UNK]", a name). One place a key, the latest wins. */
enum { SAID_PLACES = 1024, SAID_KEY = 48, SAID_ITEMS = 200, ASCII_BYTES = 16 << 20 };

typedef struct {
    uint8_t size, count;                    /* count 0: empty */
    char    key[SAID_KEY], items[SAID_ITEMS];           /* items: strings one after another */
} said_place;

struct text_lexicon {
    text_pack_dirs  dirs;
    pthread_mutex_t lock;
    text_pack      *pack[PACKS];
    text_map        rep, ipa, homograph, ascii;             /* ascii: its data are GPL, a pack that is passed on may be without */
    en_g2p_net      g2p;
    said_place      said[SAID_PLACES];
    pthread_mutex_t said_lock;
    text_zh        *zh;
    text_gruut     *es, *fr;
    text_ja         ja;
    text_mecab      ja_words;
    text_ko         ko;
    bool            ready[PACKS];
    bool            as_original;
};

/* ---- opening ---- */

hse_status text_lexicon_open(text_lexicon **out, const char *first, bool only, hse_error *err)
{
    text_lexicon *l = hse_calloc(1, sizeof *l);
    hse_status s;

    if (!l)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for dictionaries");
    if ((s = text_pack_dirs_find(&l->dirs, first, only, err)) == HSE_OK && pthread_mutex_init(&l->lock, NULL) != 0) {
        text_pack_dirs_free(&l->dirs);
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for a lock");
    }
    if (s != HSE_OK) {
        hse_free(l);
        return s;
    }
    pthread_mutex_init(&l->said_lock, NULL);            /* a default one cannot fail here */
    *out = l;
    return HSE_OK;
}

void text_lexicon_close(text_lexicon **lexicon)
{
    text_lexicon *l = *lexicon;

    if (!l)
        return;
    text_zh_close(&l->zh);
    text_gruut_close(&l->es);
    text_gruut_close(&l->fr);
    for (size_t i = 0; i < PACKS; i++)
        text_pack_close(&l->pack[i]);
    text_pack_dirs_free(&l->dirs);
    pthread_mutex_destroy(&l->said_lock);
    pthread_mutex_destroy(&l->lock);
    hse_free(l);
    *lexicon = NULL;
}

void text_lexicon_as_original(text_lexicon *lexicon)
{
    lexicon->as_original = true;
}

static hse_status open_file(text_lexicon *l, pack_id id, hse_error *err)
{
    char path[TEXT_PACK_PATH];
    hse_status s = text_pack_find(path, &l->dirs, &text_pack_languages[id], err);

    return s == HSE_OK ? text_pack_open(&l->pack[id], path, err) : s;
}

/* Locked. */
static hse_status open_pack(text_lexicon *l, pack_id id, hse_error *err)
{
    hse_status s = l->pack[id] ? HSE_OK : open_file(l, id, err);

    if (s == HSE_OK && id == PACK_EN)
        s = text_pack_map(&l->rep, l->pack[id], "rep", err);
    if (s == HSE_OK && id == PACK_EN)
        s = text_pack_map(&l->ipa, l->pack[id], "ipa", err);
    if (s == HSE_OK && id == PACK_EN)
        s = text_pack_map(&l->homograph, l->pack[id], "homograph", err);
    if (s == HSE_OK && id == PACK_EN && text_pack_bytes(l->pack[id], "ascii").data)
        s = text_pack_map(&l->ascii, l->pack[id], "ascii", err);
    if (s == HSE_OK && id == PACK_EN)
        s = en_g2p_read(&l->g2p, l->pack[id], err);
    if (s == HSE_OK && id == PACK_ZH)
        s = text_zh_open(&l->zh, l->pack[id], err);
    if (s == HSE_OK && id == PACK_JA)
        s = text_ja_read(&l->ja, l->pack[id], err);
    if (s == HSE_OK && id == PACK_JA)
        s = text_mecab_read(&l->ja_words, l->pack[id], err);
    if (s == HSE_OK && id == PACK_KO)
        s = text_ko_read(&l->ko, l->pack[id], err);
    if (s == HSE_OK && id == PACK_ES)
        s = text_gruut_open(&l->es, l->pack[id], GRUUT_ES, err);
    if (s == HSE_OK && id == PACK_FR)
        s = text_gruut_open(&l->fr, l->pack[id], GRUUT_FR, err);
    if (s == HSE_OK && id == PACK_FR && l->as_original)
        s = text_gruut_keep_links(l->fr, err);
    l->ready[id] = s == HSE_OK;
    return s;
}

static hse_status need(text_lexicon *l, pack_id id, hse_error *err)
{
    hse_status s = HSE_OK;

    pthread_mutex_lock(&l->lock);
    if (!l->ready[id])
        s = open_pack(l, id, err);
    pthread_mutex_unlock(&l->lock);
    return s;
}

hse_status text_lexicon_need(text_lexicon *lexicon, const char *language, hse_error *err)
{
    const char *code = text_language_code(language);
    hse_status s = HSE_OK;
    bool any = false;

    for (pack_id id = 0; code && id < PACKS && s == HSE_OK; id++)
        if (strstr(code, text_pack_languages[id].code)) {           /* zh_mix_en needs both */
            any = true;
            s = need(lexicon, id, err);
        }
    return any ? s : hse_fail(err, HSE_E_UNSUPPORTED, 0, "there is no language pack for '%.40s'", language ? language : "");
}

/* ---- answers ---- */

/* The value of a key, cut at `separator` (0: whole). */
static hse_status from_map(const text_map *map, const char *key, size_t size, char separator, hse_arena *arena, text_answer *out,
                           hse_error *err)
{
    const char **item;
    hse_bytes v;
    size_t n = 1, from = 0;

    *out = (text_answer){0};
    if (!text_map_get(map, key, size, &v))
        return HSE_OK;
    for (size_t i = 0; separator && i < v.size; i++)
        n += v.data[i] == (uint8_t)separator;
    if (!(item = hse_arena_array(arena, n, sizeof *item)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an answer");
    for (size_t i = 0; i < n; i++) {
        const uint8_t *end = separator ? memchr(v.data + from, separator, v.size - from) : NULL;
        size_t to = end ? (size_t)(end - v.data) : v.size;

        if (!(item[i] = hse_arena_strndup(arena, (const char *)v.data + from, to - from)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an answer");
        from = to + 1;
    }
    *out = (text_answer){.item = item, .count = n, .found = true};
    return HSE_OK;
}

/* The words that a letter-to-sound question looks up. */
typedef struct {
    text_lexicon *lexicon;
    hse_arena    *arena;
    bool          no_memory;                /* NULL was given for a word that is there */
} en_words;

static char *copy_value(en_words *w, const void *value, size_t size)
{
    char *copy = hse_arena_strndup(w->arena, value, size);

    w->no_memory |= !copy;
    return copy;
}

static const char *find_homograph(void *user, const char *word, size_t size)
{
    en_words *w = user;
    hse_bytes v;

    return text_map_get(&w->lexicon->homograph, word, size, &v) ? copy_value(w, v.data, v.size) : NULL;
}

static void to_upper(char *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
}

/* What NLTK's table says: of the words that are said as words (rep has those alone) the later table's first pronunciation, if it has one. */
static const char *find_word(void *user, const char *word, size_t size)
{
    en_words *w = user;
    char upper[64], *phones;
    hse_bytes v, later;

    if (size >= sizeof upper)
        return NULL;
    to_upper(upper, word, size);
    if (!text_map_get(&w->lexicon->rep, upper, size, &v))
        return NULL;
    if (text_map_get(&w->lexicon->ipa, word, size, &later)) {
        const uint8_t *end = later.size ? memchr(later.data, '|', later.size) : NULL;

        v = (hse_bytes){later.data, end ? (size_t)(end - later.data) : later.size};
    }
    if ((phones = copy_value(w, v.data, v.size)) != NULL)
        to_upper(phones, phones, strlen(phones));
    return phones;
}

static said_place *said_of(text_lexicon *l, const char *key, size_t size)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)key[i]) * 16777619u;
    return &l->said[h % SAID_PLACES];
}

/* False: not remembered (or no memory to say it, then it is said anew). */
static bool said_before(text_lexicon *l, const char *key, size_t size, hse_arena *arena, text_answer *out)
{
    text_list list = {.arena = arena};
    said_place p;

    if (size > SAID_KEY)
        return false;
    pthread_mutex_lock(&l->said_lock);
    p = *said_of(l, key, size);
    pthread_mutex_unlock(&l->said_lock);
    if (p.count == 0 || p.size != size || memcmp(p.key, key, size) != 0)
        return false;
    for (const char *item = p.items; list.count < p.count && !list.no_memory; item += strlen(item) + 1)
        text_list_add(&list, item, strlen(item), NULL);
    return text_list_give(&list, "a word's phones", out, NULL) == HSE_OK;
}

static void remember(text_lexicon *l, const char *key, size_t size, const text_answer *answer)
{
    said_place p = {.size = (uint8_t)size, .count = (uint8_t)answer->count};
    size_t at = 0;

    if (size > SAID_KEY || answer->count == 0 || answer->count > UINT8_MAX)
        return;
    memcpy(p.key, key, size);
    for (size_t i = 0; i < answer->count; i++) {
        size_t n = strlen(answer->item[i]) + 1;

        if (n > SAID_ITEMS - at)
            return;
        memcpy(p.items + at, answer->item[i], n);
        at += n;
    }
    pthread_mutex_lock(&l->said_lock);
    *said_of(l, key, size) = p;
    pthread_mutex_unlock(&l->said_lock);
}

static hse_status ask_g2p(text_lexicon *l, const char *key, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    en_words w = {.lexicon = l, .arena = arena};
    en_g2p g = {.net = &l->g2p, .homograph = find_homograph, .word = find_word, .user = &w};
    hse_status s = need(l, PACK_EN, err);

    if (s != HSE_OK || said_before(l, key, size, arena, out))
        return s;
    s = en_g2p_run(&g, key, size, arena, out, err);
    if (s == HSE_OK && w.no_memory)
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for an answer");
    if (s == HSE_OK)
        remember(l, key, size, out);
    return s;
}

/* Character by character: one that the table does not have gives nothing. Not found: the pack has no table. */
static hse_status ask_ascii(text_lexicon *l, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    hse_status s = need(l, PACK_EN, err);
    hse_buf b;

    if (s != HSE_OK || !l->ascii.count)
        return s;
    hse_buf_init(&b, ASCII_BYTES);
    for (size_t i = 0, n; s == HSE_OK && i < size; i += n) {
        hse_bytes v = {0};
        uint32_t c;

        if ((n = hse_utf8_next(text + i, size - i, &c)) == 0)
            s = hse_fail(err, HSE_E_FORMAT, i, "byte %zu of the text is not UTF-8", i);
        else if (c < 0x80)
            hse_buf_byte(&b, (uint8_t)c);
        else if (text_map_get(&l->ascii, text + i, n, &v))
            for (size_t k = 0; k < v.size; k++)
                hse_buf_byte(&b, v.data[k] & 0x7F);
    }
    if (s == HSE_OK)
        return text_answer_take(out, &b, arena, "the text", err);
    hse_buf_free(&b);
    return s;
}

static hse_status ask_zh(text_lexicon *l, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out,
                         hse_error *err)
{
    hse_status s = need(l, PACK_ZH, err);

    if (s != HSE_OK)
        return s;
    switch (table) {
    case TEXT_JIEBA: return text_zh_words(l->zh, key, size, arena, out, err);
    case TEXT_JIEBA_POSSEG: return text_zh_tags(l->zh, key, size, arena, out, err);
    case TEXT_JIEBA_SEARCH: return text_zh_search(l->zh, key, size, arena, out, err);
    case TEXT_PINYIN_INITIALS: return text_zh_readings(l->zh, ZH_INITIAL, key, size, arena, out, err);
    case TEXT_PINYIN_FINALS: return text_zh_readings(l->zh, ZH_FINAL, key, size, arena, out, err);
    default: return text_zh_readings(l->zh, ZH_BOPOMOFO, key, size, arena, out, err);
    }
}

static hse_status ask(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out,
                      hse_error *err)
{
    text_lexicon *l = user;
    hse_status s;

    *out = (text_answer){0};
    switch (table) {
    case TEXT_CMUDICT_REP:
        return (s = need(l, PACK_EN, err)) == HSE_OK ? from_map(&l->rep, key, size, '\0', arena, out, err) : s;
    case TEXT_IPA_EN:
        return (s = need(l, PACK_EN, err)) == HSE_OK ? from_map(&l->ipa, key, size, '|', arena, out, err) : s;
    case TEXT_GRUUT_ES:
        return (s = need(l, PACK_ES, err)) == HSE_OK ? text_gruut_say(l->es, key, size, arena, out, err) : s;
    case TEXT_GRUUT_FR:
        return (s = need(l, PACK_FR, err)) == HSE_OK ? text_gruut_say(l->fr, key, size, arena, out, err) : s;
    case TEXT_G2P_EN:
        return ask_g2p(l, key, size, arena, out, err);
    case TEXT_UNIDECODE:
        return ask_ascii(l, key, size, arena, out, err);
    case TEXT_CN2AN:
        return text_zh_numeral(key, size, arena, out, err);
    case TEXT_JIEBA:
    case TEXT_JIEBA_POSSEG:
    case TEXT_JIEBA_SEARCH:
    case TEXT_PINYIN_INITIALS:
    case TEXT_PINYIN_FINALS:
    case TEXT_BOPOMOFO:
        return ask_zh(l, table, key, size, arena, out, err);
    case TEXT_NUM2WORDS_JA:
        return text_ja_numeral(key, size, arena, out, err);
    case TEXT_KAKASI:
        return (s = need(l, PACK_JA, err)) == HSE_OK ? text_ja_katakana(&l->ja, key, size, arena, out, err) : s;
    case TEXT_MECAB_JA:
        return (s = need(l, PACK_JA, err)) == HSE_OK ? text_mecab_cut(&l->ja_words, key, size, arena, out, err) : s;
    case TEXT_G2PK:
        return (s = need(l, PACK_KO, err)) == HSE_OK ? text_ko_pronounce(&l->ko, key, size, arena, out, err) : s;
    default:
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "this build has no data for %s", text_table_name(table));
    }
}

text_dictionary text_lexicon_dictionary(text_lexicon *lexicon)
{
    return (text_dictionary){.ask = ask, .user = lexicon};
}
