/* English, Chinese and Spanish language packs made of anything: wrong words or an error, never a crash, in bounded time. */
#include "base/arena.h"
#include "text/en/g2p.h"
#include "text/gruut/gruut.h"
#include "text/zh/zh.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void english(const text_pack *pack, hse_arena *arena)
{
    text_map rep;
    hse_bytes v;
    en_g2p_net net;
    int phone[EN_G2P_STEPS];

    (void)arena;
    if (text_pack_map(&rep, pack, "rep", NULL) == HSE_OK)
        (void)text_map_get(&rep, "AND", 3, &v);
    if (en_g2p_read(&net, pack, NULL) == HSE_OK)
        (void)en_g2p_predict(&net, "blorf", 5, phone, NULL, NULL);
}

static void chinese(const text_pack *pack, hse_arena *arena)
{
    static const char text[] = "今天我们去a1，公园。";
    text_answer a;
    text_zh *zh = NULL;

    if (text_zh_open(&zh, pack, NULL) != HSE_OK)
        return;
    (void)text_zh_words(zh, text, strlen(text), arena, &a, NULL);
    (void)text_zh_tags(zh, text, strlen(text), arena, &a, NULL);
    (void)text_zh_search(zh, text, strlen(text), arena, &a, NULL);
    for (text_zh_part part = ZH_INITIAL; part <= ZH_BOPOMOFO; part++)
        (void)text_zh_readings(zh, part, text, strlen(text), arena, &a, NULL);
    text_zh_close(&zh);
}

static void spanish(const text_pack *pack, hse_arena *arena)
{
    static const char *const texts[] = {"hola", "Él-y_21", "3.5", "qu'une"};
    text_answer a;
    text_gruut *g = NULL;

    if (text_gruut_open(&g, pack, GRUUT_ES, NULL) != HSE_OK)
        return;
    for (size_t i = 0; i < COUNT(texts); i++)
        (void)text_gruut_say(g, texts[i], strlen(texts[i]), arena, &a, NULL);
    text_gruut_close(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text_pack *pack = NULL;
    hse_arena arena;

    if (text_pack_open_bytes(&pack, (hse_bytes){data, size}, "fuzz", NULL) != HSE_OK)
        return 0;
    hse_arena_init(&arena, 1 << 24);
    english(pack, &arena);
    chinese(pack, &arena);
    spanish(pack, &arena);
    hse_arena_free(&arena);
    text_pack_close(&pack);
    return 0;
}
