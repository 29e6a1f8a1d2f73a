/* test_gruut.c - Spanish and French words to IPA, over a small pack made here. */
#include "base/buf.h"
#include "test.h"
#include "text/gruut/gruut.h"
#include "torture.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *key;
    const void *value;
    size_t      size;
} entry;

static uint64_t fnv1a(const char *key)
{
    uint64_t h = 0xCBF29CE484222325u;

    for (; *key; key++)
        h = (h ^ (uint8_t)*key) * 0x100000001B3u;
    return h;
}

static void put_u32(hse_buf *out, uint32_t v)
{
    uint8_t b[4];

    hse_put_u32le(b, v);
    hse_buf_append(out, b, 4);
}

/* A map of up to 32 entries, as pack.h describes it. */
static void put_map(hse_buf *out, const entry *e, uint32_t count)
{
    uint32_t slot[64] = {0}, at = 0;

    put_u32(out, count);
    put_u32(out, 64);
    for (uint32_t i = 0; i <= count; i++) {
        put_u32(out, at);
        at += i < count ? (uint32_t)(strlen(e[i].key) + 1 + e[i].size) : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t s = (uint32_t)fnv1a(e[i].key) & 63;

        while (slot[s])
            s = (s + 1) & 63;
        slot[s] = i + 1;
    }
    for (size_t i = 0; i < 64; i++)
        put_u32(out, slot[i]);
    for (uint32_t i = 0; i < count; i++) {
        hse_buf_append(out, e[i].key, strlen(e[i].key) + 1);
        hse_buf_append(out, e[i].value, e[i].size);
    }
}

static void put_weight(uint8_t out[12], uint32_t label, double w)
{
    hse_put_u32le(out, label);
    memcpy(out + 4, &w, sizeof w);
}

#define WORD(key, phones) {key, phones, sizeof(phones) - 1}

/* Labels: nothing, "a", "b", "tʃ" of 'c' before 'h'. 'h' has no sound, and after "tʃ" neither has "a". */
static void make_pack(hse_buf *out)
{
    static const entry words[] = {
        WORD("uno", "ˈu n o"), WORD("dos", "d ˈo s"), WORD("mil", "m ˈi l"), WORD("vingt", "v ˈɛ̃"), WORD("huit", "y ˈi t"),
        WORD("et", "e"), WORD("un", "œ̃ n"), WORD("onze", "ˈɔ̃ z"), WORD("cent", "s ˈɑ̃"), WORD("1er", "p ʁ ə"),
        WORD("niño", "n ˈi ɲ o"), WORD("quatre", "k ˈa t ʁ"), WORD("dix", "d ˈi"), WORD("trois", "t ʁ w ˈa"),
        WORD("euro", "ø ʁ ˈo"), WORD("euros", "ø ʁ ˈo z"), WORD("libras", "l ˈi β ɾ a s"), WORD("una", "ˈu n a"), WORD("libra", "l ˈi β ɾ a"),
        WORD("livres", "l ˈi v ʁ"), WORD("deux", "d ˈø")};
    static const double moves[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -9, 0, 0};
    static const char labels[] = "\0a\0b\0t ʃ";
    uint8_t a[12], b[12], c[24], h[12], e[12];
    const entry attributes[] = {{"3a", a, 12}, {"3b", b, 12}, {"3c", c, 24}, {"4h", h, 12}, {"e", e, 12}};
    hse_buf part[4];
    static const char *const name[4] = {"words", "crf.labels", "crf.attributes", "crf.moves"};
    uint64_t at = 16 + 4 * 40;

    put_weight(a, 1, 1);
    put_weight(b, 2, 1);
    put_weight(c, 0, 1);
    put_weight(c + 12, 3, 0.5);
    put_weight(h, 3, 1);
    put_weight(e, 7, 5);                    /* there is no label 7 */
    for (size_t i = 0; i < 4; i++)
        hse_buf_init(&part[i], 1 << 20);
    put_map(&part[0], words, sizeof words / sizeof *words);
    hse_buf_append(&part[1], labels, sizeof labels);
    put_map(&part[2], attributes, 5);
    hse_buf_append(&part[3], moves, sizeof moves);
    hse_buf_append(out, "HSEPACK1", 8);
    put_u32(out, TEXT_PACK_VERSION);
    put_u32(out, 4);
    for (size_t i = 0; i < 4; i++) {
        char field[24] = "";

        memcpy(field, name[i], strlen(name[i]));
        hse_buf_append(out, field, sizeof field);
        put_u32(out, (uint32_t)at);
        put_u32(out, 0);
        put_u32(out, (uint32_t)part[i].size);
        put_u32(out, 0);
        at += part[i].size;
    }
    for (size_t i = 0; i < 4; i++) {
        hse_buf_append(out, part[i].data, part[i].size);
        hse_buf_free(&part[i]);
    }
}

/* True when the language says `text` so. */
static bool says(hse_bytes file, gruut_language language, const char *text, const char *want)
{
    text_pack *pack = NULL;
    text_gruut *g = NULL;
    text_answer a = {0};
    hse_arena arena;
    hse_error err;
    bool same;

    hse_arena_init(&arena, 1 << 20);
    same = text_pack_open_bytes(&pack, file, "small", &err) == HSE_OK && text_gruut_open(&g, pack, language, &err) == HSE_OK &&
           text_gruut_say(g, text, strlen(text), &arena, &a, &err) == HSE_OK && a.found && a.count == 1 &&
           strcmp(a.item[0], want) == 0;
    hse_arena_free(&arena);
    text_gruut_close(&g);
    text_pack_close(&pack);
    return same;
}

#define SAYS(file, language, text, want) CHECK(says(file, language, text, want), "%s is not said %s", text, want)

TEST(words_are_looked_up_as_they_are_then_small_then_bare)
{
    hse_buf file;
    hse_bytes f;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    f = (hse_bytes){file.data, file.size};
    SAYS(f, GRUUT_ES, "uno", "ˈuno");
    SAYS(f, GRUUT_ES, "NIÑO", "nˈiɲo");
    SAYS(f, GRUUT_ES, "dos°", "dˈos");
    SAYS(f, GRUUT_ES, "¿uno, dos?", "¿ˈuno,dˈos?");
    SAYS(f, GRUUT_ES, "uno-dos", "ˈuno dˈos");
    SAYS(f, GRUUT_ES, "...", "...");
    SAYS(f, GRUUT_ES, "", "");
    SAYS(f, GRUUT_FR, "1er", "pʁə");
    hse_buf_free(&file);
}

TEST(letters_to_sounds_take_the_best_path)
{
    hse_buf file;
    hse_bytes f;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    f = (hse_bytes){file.data, file.size};
    SAYS(f, GRUUT_ES, "ab", "ab");
    SAYS(f, GRUUT_ES, "BaB", "bab");
    SAYS(f, GRUUT_ES, "cab", "ab");
    SAYS(f, GRUUT_ES, "chab", "tʃab");
    SAYS(f, GRUUT_ES, "zz", "");
    hse_buf_free(&file);
}

TEST(numbers_are_spoken_and_french_ones_linked)
{
    hse_buf file;
    hse_bytes f;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    f = (hse_bytes){file.data, file.size};
    SAYS(f, GRUUT_ES, "2001", "dˈos mˈil ˈuno");
    SAYS(f, GRUUT_ES, "1e3", "mˈil");
    SAYS(f, GRUUT_ES, "0002", "dˈos");
    SAYS(f, GRUUT_ES, "2222222222222222222", "dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos dˈos "
                                                   "dˈos dˈos dˈos dˈos");
    SAYS(f, GRUUT_FR, "21", "vˈɛ̃t e œ̃n");
    SAYS(f, GRUUT_FR, "28", "vˈɛ̃t yˈit");
    SAYS(f, GRUUT_FR, "111", "sˈɑ̃ ˈɔ̃z");
    SAYS(f, GRUUT_FR, "98", "kˈatʁ vˈɛ̃ dˈiz yˈit");
    SAYS(f, GRUUT_FR, "81", "kˈatʁ vˈɛ̃t œ̃n");
    hse_buf_free(&file);
}

TEST(a_sign_before_digits_is_an_amount)
{
    hse_buf file;
    hse_bytes f;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    f = (hse_bytes){file.data, file.size};
    SAYS(f, GRUUT_FR, "€1", "œ̃n øʁˈo");
    SAYS(f, GRUUT_FR, "€2", "dˈøz øʁˈoz");
    SAYS(f, GRUUT_FR, "€20", "vˈɛ̃t øʁˈoz");
    SAYS(f, GRUUT_FR, "£20", "vˈɛ̃ lˈivʁ");
    SAYS(f, GRUUT_ES, "€2", "dˈos øʁˈoz");
    SAYS(f, GRUUT_ES, "£1", "ˈuna lˈiβɾa");
    SAYS(f, GRUUT_ES, "£002", "dˈos lˈiβɾas");
    SAYS(f, GRUUT_FR, "¥1er", "pʁə");           /* no amount: the word without what is no letter */
    SAYS(f, GRUUT_ES, "2€", "");
    SAYS(f, GRUUT_ES, "€", "");
    hse_buf_free(&file);
}

/* What is said of each text, one after another. */
static void in_a_row(bool keep, const char *const *texts, const char *const *want)
{
    text_pack *pack = NULL;
    text_gruut *g = NULL;
    hse_arena arena;
    hse_error err = {0};
    hse_buf file;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    hse_arena_init(&arena, 1 << 20);
    CHECK(text_pack_open_bytes(&pack, (hse_bytes){file.data, file.size}, "small", &err) == HSE_OK &&
          text_gruut_open(&g, pack, GRUUT_FR, &err) == HSE_OK && (!keep || text_gruut_keep_links(g, &err) == HSE_OK), "%s", err.text);
    for (; *texts; texts++, want++) {
        text_answer a = {0};

        CHECK(text_gruut_say(g, *texts, strlen(*texts), &arena, &a, &err) == HSE_OK && strcmp(a.item[0], *want) == 0, "%s: %s, want %s", *texts,
              a.count ? a.item[0] : err.text, *want);
    }
    hse_arena_free(&arena);
    text_gruut_close(&g);
    text_pack_close(&pack);
    hse_buf_free(&file);
}

TEST(links_are_kept_only_as_in_the_original)
{
    static const char *const texts[] = {"20", "102", "21", "20", "vingt", "101", "102", NULL};
    static const char *const said[] = {"vˈɛ̃", "sˈɑ̃ dˈø", "vˈɛ̃t e œ̃n", "vˈɛ̃", "vˈɛ̃", "sˈɑ̃t œ̃n", "sˈɑ̃ dˈø"};
    static const char *const kept[] = {"vˈɛ̃", "sˈɑ̃ dˈø", "vˈɛ̃t e œ̃n", "vˈɛ̃t", "vˈɛ̃t", "sˈɑ̃t œ̃n", "sˈɑ̃t dˈø"};

    in_a_row(false, texts, said);
    in_a_row(true, texts, kept);
}

TEST(a_damaged_pack_gives_an_error_or_other_words)
{
    hse_buf file;
    uint8_t *copy;
    uint32_t random = 7;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    copy = malloc(file.size);
    CHECK(copy != NULL, "no memory");
    for (size_t n = 0; copy && n < file.size; n += 3) {
        memcpy(copy, file.data, n);
        CHECK(!says((hse_bytes){copy, n}, GRUUT_FR, "chab", "tʃab"), "the first %zu bytes are taken", n);
    }
    for (size_t i = 0; copy && i < 2000; i++) {
        memcpy(copy, file.data, file.size);
        for (size_t k = 0; k < 1 + i % 8; k++) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 8) % file.size] ^= (uint8_t)(1u << (random >> 29));
        }
        says((hse_bytes){copy, file.size}, i & 1 ? GRUUT_ES : GRUUT_FR, "chab 21 vingt niño", "");
    }
    free(copy);
    hse_buf_free(&file);
}

TEST(what_is_not_utf8_is_refused)
{
    hse_buf file;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    CHECK(!says((hse_bytes){file.data, file.size}, GRUUT_ES, "a\xC3", ""), "it is said");
    CHECK(!says((hse_bytes){file.data, file.size}, GRUUT_ES, "\xFF", ""), "it is said");
    hse_buf_free(&file);
}

static hse_status open_and_say(void *arg, hse_error *err)
{
    const hse_bytes *file = arg;
    text_pack *pack = NULL;
    text_gruut *g = NULL;
    text_answer a = {0};
    hse_arena arena;
    hse_status s = text_pack_open_bytes(&pack, *file, "small", err);

    hse_arena_init(&arena, 1 << 20);
    if (s == HSE_OK)
        s = text_gruut_open(&g, pack, GRUUT_FR, err);
    if (s == HSE_OK)
        s = text_gruut_keep_links(g, err);
    if (s == HSE_OK)
        s = text_gruut_say(g, "21 chab dos\u00B0 \u20AC20", 19, &arena, &a, err);
    hse_arena_free(&arena);
    text_gruut_close(&g);
    text_pack_close(&pack);
    return s;
}

TEST(every_allocation_may_fail)
{
    hse_buf file;
    hse_bytes f;

    hse_buf_init(&file, 1 << 20);
    make_pack(&file);
    f = (hse_bytes){file.data, file.size};
    test_torture("gruut", open_and_say, &f);
    hse_buf_free(&file);
}
