/* Language packs: what a file may say, look-ups, damage, where packs are found, what a missing one says. */
#include "test.h"
#include "torture.h"

#include "base/file.h"
#include "text/lexicon.h"
#include "text/pack.h"
#include "text/tiny_pack.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void make(hse_buf *file, size_t words)
{
    static char name[60][24];
    static const char *pairs[122] = {"", "empty", "apple", "one", "banana", "", "\u732B", "cat"};
    tiny_pack p = {.count = 0};

    for (size_t i = 4; i < words; i++) {
        snprintf(name[i], sizeof name[i], "w%zu", i);
        pairs[2 * i] = pairs[2 * i + 1] = name[i];
    }
    pairs[2 * words] = NULL;
    hse_buf_str(tiny_section(&p, "about"), "{}");
    tiny_map(&p, "words", pairs);
    tiny_finish(&p, file);
}

static hse_status open_map(text_pack **pack, text_map *map, hse_bytes file, hse_error *err)
{
    hse_status s = text_pack_open_bytes(pack, file, "test.pack", err);

    return s == HSE_OK ? text_pack_map(map, *pack, "words", err) : s;
}

TEST(values_are_found_by_their_whole_keys)
{
    static const struct { const char *key; size_t size; const char *value; } cases[] = {
        {"apple", 5, "one"}, {"banana", 6, ""}, {"", 0, "empty"}, {"\u732B", 3, "cat"}, {"w59", 3, "w59"},
        {"appl", 4, NULL}, {"apples", 6, NULL}, {"apple\0one", 9, NULL}, {"Apple", 5, NULL}, {"w60", 3, NULL}, {"\u732B", 2, NULL},
    };
    hse_error err = {0};
    text_pack *pack = NULL;
    text_map map;
    hse_buf file;

    make(&file, 60);
    CHECK(open_map(&pack, &map, (hse_bytes){file.data, file.size}, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_bytes v = {0};
        bool found = text_map_get(&map, cases[i].key, cases[i].size, &v);

        CHECK(found == (cases[i].value != NULL), "case %zu: %s", i, found ? "found" : "not found");
        CHECK(!found || (v.size == strlen(cases[i].value) && memcmp(v.data, cases[i].value, v.size) == 0), "case %zu", i);
        CHECK(text_map_has(&map, cases[i].key, cases[i].size) == found, "case %zu", i);
    }
    CHECK(text_pack_bytes(pack, "about").size == 2 && text_pack_bytes(pack, "nothing").data == NULL, "sections");
    text_pack_close(&pack);
    CHECK(pack == NULL, "close left the pointer");
    text_pack_close(&pack);
    hse_buf_free(&file);
}

TEST(a_damaged_file_is_refused_with_its_place)
{
    enum { ENTRY = 16 + 40 };               /* the second section's: its map */
    static const struct { const char *name; size_t at, bytes; uint64_t value; size_t cut; hse_status want; const char *says; } cases[] = {
        {"as it is", 0, 0, 0, 0, HSE_OK, ""},
        {"empty", 0, 0, 0, 1, HSE_E_FORMAT, "HSEPACK1"},
        {"cut in the head", 0, 0, 0, 16, HSE_E_FORMAT, "HSEPACK1"},
        {"another magic", 0, 1, 'X', 0, HSE_E_FORMAT, "HSEPACK1"},
        {"version 0", 8, 4, 0, 0, HSE_E_FORMAT, "version 0"},
        {"a newer version", 8, 4, TEXT_PACK_VERSION + 1, 0, HSE_E_FORMAT, "scripts/language-data"},
        {"too many sections", 12, 4, TEXT_PACK_SECTIONS + 1, 0, HSE_E_FORMAT, "sections"},
        {"2^32-1 sections", 12, 4, 0xFFFFFFFF, 0, HSE_E_FORMAT, "sections"},
        {"no sections", 12, 4, 0, 0, HSE_E_FORMAT, "no table"},
        {"cut among the sections", 0, 0, 0, 16 + 41, HSE_E_FORMAT, "sections"},
        {"a section behind the end", ENTRY + 24, 8, 1u << 30, 0, HSE_E_FORMAT, "outside"},
        {"a section at 2^64-1", ENTRY + 24, 8, UINT64_MAX, 0, HSE_E_FORMAT, "outside"},
        {"a section too long", ENTRY + 32, 8, 1u << 30, 0, HSE_E_FORMAT, "outside"},
        {"a length that wraps", ENTRY + 32, 8, UINT64_MAX - 8, 0, HSE_E_FORMAT, "outside"},
        {"an empty section", ENTRY + 32, 8, 0, 0, HSE_E_FORMAT, "no table"},
        {"7 bytes", ENTRY + 32, 8, 7, 0, HSE_E_FORMAT, "no table"},
        {"2^32-1 entries", 98, 4, 0xFFFFFFFF, 0, HSE_E_FORMAT, "damaged"},
        {"no slots", 102, 4, 0, 0, HSE_E_FORMAT, "damaged"},
        {"slots no power of two", 102, 4, 127, 0, HSE_E_FORMAT, "damaged"},
        {"as many slots as entries", 102, 4, 4, 0, HSE_E_FORMAT, "damaged"},
        {"2^31 slots", 102, 4, 0x80000000, 0, HSE_E_FORMAT, "damaged"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        text_pack *pack = NULL;
        text_map map;
        hse_buf file;

        make(&file, 4);
        for (size_t k = 0; k < cases[i].bytes; k++)
            file.data[cases[i].at + k] = (uint8_t)(cases[i].value >> 8 * k);
        size_t size = cases[i].cut ? cases[i].cut - 1 : file.size;
        hse_status s = open_map(&pack, &map, (hse_bytes){file.data, size}, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].says), "%s: %d %s", cases[i].name, (int)s, err.text);
        text_pack_close(&pack);
        hse_buf_free(&file);
    }
}

/* Every look-up ends, whatever the table says. */
TEST(damaged_tables_give_nothing_or_something_else)
{
    uint64_t seed = 88172645463325252u;
    hse_buf file;

    make(&file, 60);
    for (int i = 0; i < 20000; i++) {
        text_pack *pack = NULL;
        text_map map;
        hse_bytes v;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        size_t at = 98 + (size_t)(seed >> 16) % (file.size - 98);
        uint8_t was = file.data[at];
        file.data[at] = i % 2 ? 0xFF : (uint8_t)(seed >> 8);
        if (open_map(&pack, &map, (hse_bytes){file.data, file.size}, NULL) == HSE_OK)
            for (const char *const *w = (const char *const[]){"apple", "w17", "nothing", "", NULL}; *w; w++)
                if (text_map_get(&map, *w, strlen(*w), &v) && v.size)
                    CHECK(v.data >= file.data && v.data + v.size <= file.data + file.size, "a value outside the file");
        file.data[at] = was;
        text_pack_close(&pack);
    }
    hse_buf_free(&file);
}

/* ---- where packs are ---- */

typedef struct {
    char dir[64], pack[128];
} place;

/* A folder with one pack of Spanish. */
static void furnish(place *p, bool with_pack)
{
    char version[96];
    hse_buf file;

    snprintf(p->dir, sizeof p->dir, "/tmp/hse-packs-XXXXXX");
    CHECK(mkdtemp(p->dir), "no folder");
    snprintf(version, sizeof version, "%s/v%d", p->dir, TEXT_PACK_VERSION);
    snprintf(p->pack, sizeof p->pack, "%s/es.pack", version);
    mkdir(version, 0700);
    make(&file, 4);
    if (with_pack)
        CHECK(hse_file_write(p->pack, file.data, file.size, NULL) == HSE_OK, "no file");
    hse_buf_free(&file);
}

static void clear(place *p)
{
    char *version = strrchr(p->pack, '/');

    unlink(p->pack);
    *version = '\0';
    rmdir(p->pack);
    rmdir(p->dir);
}

static const text_pack_language spanish = {"es", "Spanish"};

TEST(the_folder_that_the_user_names_counts_first)
{
    place given, variable;
    char path[TEXT_PACK_PATH];
    text_pack_dirs dirs;
    hse_error err = {0};

    furnish(&given, true);
    furnish(&variable, true);
    setenv("HSE_LANGUAGES", variable.dir, 1);
    CHECK(text_pack_dirs_find(&dirs, given.dir, false, &err) == HSE_OK && text_pack_find(path, &dirs, &spanish, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(path, given.pack) == 0, "%.200s", path);
    CHECK(dirs.count > 3, "%zu folders", dirs.count);
    text_pack_dirs_free(&dirs);

    CHECK(text_pack_dirs_find(&dirs, NULL, false, &err) == HSE_OK && text_pack_find(path, &dirs, &spanish, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(path, variable.pack) == 0, "%.200s", path);
    text_pack_dirs_free(&dirs);
    unsetenv("HSE_LANGUAGES");

    setenv("XDG_CACHE_HOME", variable.dir, 1);              /* DIR/hse/languages */
    CHECK(text_pack_dirs_find(&dirs, NULL, false, &err) == HSE_OK, "%s", err.text);
    size_t cache = 0;
    for (size_t i = 0; i < dirs.count; i++)
        cache += strncmp(dirs.dir[i], variable.dir, strlen(variable.dir)) == 0 && strstr(dirs.dir[i], "/hse/languages");
    CHECK(cache == 1, "the user's cache is not looked in");
    text_pack_dirs_free(&dirs);
    unsetenv("XDG_CACHE_HOME");

    CHECK(text_pack_dirs_find(&dirs, "/nonexistent", false, &err) == HSE_E_NOT_FOUND && strstr(err.text, "/nonexistent"), "%s", err.text);
    clear(&given);
    clear(&variable);
}

TEST(a_missing_pack_names_language_command_and_folder)
{
    static const struct { const char *language; hse_status want; const char *says[3]; } cases[] = {
        {"ES", HSE_E_NOT_FOUND, {"Spanish", "scripts/language-data es", "v1/es.pack"}},
        {"sp", HSE_E_NOT_FOUND, {"Spanish", "scripts/language-data es", "v1/es.pack"}},
        {"ZH_MIX_EN", HSE_E_NOT_FOUND, {"English", "scripts/language-data en", "v1/en.pack"}},
        {"JP", HSE_E_NOT_FOUND, {"Japanese", "scripts/language-data ja", "v1/ja.pack"}},
        {"tlh", HSE_E_UNSUPPORTED, {"'tlh'", "", ""}},
        {NULL, HSE_E_UNSUPPORTED, {"", "", ""}},
    };
    static const text_table tables[] = {TEXT_CMUDICT_REP, TEXT_G2P_EN, TEXT_IPA_EN, TEXT_JIEBA, TEXT_GRUUT_ES, TEXT_GRUUT_FR, TEXT_KAKASI,
                                        TEXT_MECAB_JA, TEXT_G2PK};
    place p;
    text_lexicon *l = NULL;
    hse_error err = {0};

    furnish(&p, false);
    CHECK(text_lexicon_open(&l, p.dir, true, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_status s = text_lexicon_need(l, cases[i].language, &err);

        CHECK(s == cases[i].want, "case %zu: %d %s", i, (int)s, err.text);
        for (size_t k = 0; k < 3; k++)
            CHECK(strstr(err.text, cases[i].says[k]), "case %zu: \"%s\" is not in \"%s\"", i, cases[i].says[k], err.text);
        CHECK(s == HSE_E_UNSUPPORTED || strstr(err.text, p.dir), "case %zu: not where was looked: %s", i, err.text);
    }
    text_dictionary d = text_lexicon_dictionary(l);
    for (size_t i = 0; i < COUNT(tables); i++) {
        hse_arena arena;
        text_answer a;

        hse_arena_init(&arena, 1 << 16);
        CHECK(d.ask(d.user, tables[i], "x", 1, &arena, &a, &err) == HSE_E_NOT_FOUND && strstr(err.text, "scripts/language-data"),
              "%s: %s", text_table_name(tables[i]), err.text);
        hse_arena_free(&arena);
    }
    text_lexicon_close(&l);
    clear(&p);
}

/* A pack may be made while the program runs. */
TEST(a_pack_that_comes_later_is_found)
{
    place p;
    char path[TEXT_PACK_PATH];
    text_pack_dirs dirs;
    hse_buf file;

    furnish(&p, false);
    CHECK(text_pack_dirs_find(&dirs, p.dir, true, NULL) == HSE_OK, "folders");
    CHECK(text_pack_find(path, &dirs, &spanish, NULL) == HSE_E_NOT_FOUND, "a pack out of nothing");
    make(&file, 4);
    CHECK(hse_file_write(p.pack, file.data, file.size, NULL) == HSE_OK, "no file");
    CHECK(text_pack_find(path, &dirs, &spanish, NULL) == HSE_OK, "not found");
    hse_buf_free(&file);
    text_pack_dirs_free(&dirs);
    clear(&p);
}

/* ---- English ---- */

/* A network of one neuron, all zeros. */
static void letters_to_sounds(tiny_pack *p)
{
    static const struct { const char *name; uint32_t rows; } parts[] = {
        {"g2p.enc_emb", 29}, {"g2p.enc_w_ih", 3}, {"g2p.enc_w_hh", 3}, {"g2p.dec_emb", 74}, {"g2p.dec_w_ih", 3}, {"g2p.dec_w_hh", 3},
        {"g2p.fc_w", 74}, {"g2p.enc_b_ih", 3}, {"g2p.enc_b_hh", 3}, {"g2p.dec_b_ih", 3}, {"g2p.dec_b_hh", 3}, {"g2p.fc_b", 74}};

    for (size_t i = 0; i < COUNT(parts); i++) {
        hse_buf *b = tiny_section(p, parts[i].name);

        tiny_number(b, i < 7 ? parts[i].rows : 1, 4);
        tiny_number(b, i < 7 ? 1 : parts[i].rows, 4);
        for (uint32_t k = 0; k < parts[i].rows; k++)
            tiny_number(b, 0, 4);
    }
}

static void make_english(hse_buf *file)
{
    static const char *const ascii[] = {"\u4F60", "Ni ", "\u00E9", "e", "\u2191", "|", NULL};
    static const char *const rep[] = {"THIRTY", "TH ER1 D IY0", "MYTHOLOGY", "M IH0", NULL};
    static const char *const ipa[] = {"thirty", "th er1 d iy2|th er1 t iy2", "nba", "eh1 n b iy2 ey1", NULL};
    static const char *const none[] = {NULL};
    tiny_pack p = {.count = 0};

    tiny_map(&p, "rep", rep);
    tiny_map(&p, "ipa", ipa);
    tiny_map(&p, "homograph", none);
    tiny_map(&p, "ascii", ascii);
    letters_to_sounds(&p);
    tiny_finish(&p, file);
}

/* A folder with one pack of English. */
static void furnish_english(place *at)
{
    hse_buf file;

    make_english(&file);
    furnish(at, false);
    memcpy(strrchr(at->pack, '/'), "/en.pack", 9);
    CHECK(hse_file_write(at->pack, file.data, file.size, NULL) == HSE_OK, "no file");
    hse_buf_free(&file);
}

/* MeloTTS' own dictionary and the one that its letters to sounds look into are of two ages. */
TEST(english_words_have_two_dictionaries)
{
    static const struct { text_table table; const char *key, *says; } cases[] = {
        {TEXT_CMUDICT_REP, "THIRTY", "TH ER1 D IY0"}, {TEXT_G2P_EN, "thirty", "TH ER1 D IY2"}, {TEXT_G2P_EN, "\u20ACthirty", "TH ER1 D IY2"},
        {TEXT_G2P_EN, "mythology", "M IH0"}, {TEXT_G2P_EN, "nba", NULL}, {TEXT_IPA_EN, "nba", "eh1 n b iy2 ey1"},
        {TEXT_IPA_EN, "thirty", "th er1 d iy2 th er1 t iy2"}, {TEXT_UNIDECODE, "a\u4F60\u4E00\u00E9\u2191Z", "aNi e|Z"},
        {TEXT_UNIDECODE, "", ""},
    };
    place at;
    text_lexicon *l = NULL;
    hse_arena arena;
    hse_error err = {0};

    furnish_english(&at);
    CHECK(text_lexicon_open(&l, at.dir, true, &err) == HSE_OK, "%s", err.text);
    text_dictionary d = text_lexicon_dictionary(l);
    hse_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        text_answer a = {0};
        char said[128] = "";

        CHECK(d.ask(d.user, cases[i].table, cases[i].key, strlen(cases[i].key), &arena, &a, &err) == HSE_OK, "%s", err.text);
        for (size_t k = 0; k < a.count && k < 8; k++)
            snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", k ? " " : "", a.item[k]);
        if (cases[i].says)
            CHECK(strcmp(said, cases[i].says) == 0, "%s: \"%s\"", cases[i].key, said);
        else                                /* the network of zeros says the same phone again and again */
            CHECK(a.count == 20, "%s: %zu phones", cases[i].key, a.count);
    }
    hse_arena_free(&arena);
    text_lexicon_close(&l);
    clear(&at);
}

/* ---- no memory ---- */

static hse_status open_and_look(void *arg, hse_error *err)
{
    const place *p = arg;
    char path[TEXT_PACK_PATH];
    text_pack_dirs dirs;
    text_pack *pack = NULL;
    text_map map;
    hse_status s = text_pack_dirs_find(&dirs, p->dir, false, err);

    if (s == HSE_OK)
        s = text_pack_find(path, &dirs, &spanish, err);
    if (s == HSE_OK)
        s = text_pack_open(&pack, path, err);
    if (s == HSE_OK)
        s = text_pack_map(&map, pack, "words", err);
    text_pack_close(&pack);
    text_pack_dirs_free(&dirs);
    return s;
}

TEST(every_allocation_may_fail)
{
    place p;

    furnish(&p, true);
    CHECK(test_torture("open and look", open_and_look, &p) >= 3, "nothing was allocated");
    clear(&p);
}

static hse_status ask_english(void *arg, hse_error *err)
{
    static const struct { text_table table; const char *key; } asked[] = {
        {TEXT_CMUDICT_REP, "THIRTY"}, {TEXT_G2P_EN, "thirty"}, {TEXT_G2P_EN, "mythology"}, {TEXT_UNIDECODE, "a\u4F60"}};
    const place *at = arg;
    text_lexicon *l = NULL;
    hse_arena arena;
    hse_status s = text_lexicon_open(&l, at->dir, true, err);

    hse_arena_init(&arena, 1 << 20);
    for (size_t i = 0; s == HSE_OK && i < COUNT(asked); i++) {
        text_dictionary d = text_lexicon_dictionary(l);
        text_answer a;

        s = d.ask(d.user, asked[i].table, asked[i].key, strlen(asked[i].key), &arena, &a, err);
    }
    hse_arena_free(&arena);
    text_lexicon_close(&l);
    return s;
}

TEST(every_allocation_of_an_answer_may_fail)
{
    place at;

    furnish_english(&at);
    CHECK(test_torture("ask in English", ask_english, &at) >= 3, "nothing was allocated");
    clear(&at);
}
