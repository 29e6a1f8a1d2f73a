/* Japanese and Korean language packs made of anything: wrong words or an error, never a crash, in bounded time. */
#include "base/arena.h"
#include "text/ja/ja.h"
#include "text/ko/ko.h"
#include "text/mecab.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char japanese[] = "今日は嶋ー アイウ カ", korean[] = "3시 닭을 file 감고 13명";
    text_pack *pack = NULL;
    hse_arena arena;
    text_answer out;
    text_mecab mecab;
    text_ja ja;
    text_ko ko;

    if (text_pack_open_bytes(&pack, (hse_bytes){data, size}, "fuzz", NULL) != HSE_OK)
        return 0;
    hse_arena_init(&arena, 1 << 24);
    if (text_ja_read(&ja, pack, NULL) == HSE_OK)
        (void)text_ja_katakana(&ja, japanese, strlen(japanese), &arena, &out, NULL);
    if (text_mecab_read(&mecab, pack, NULL) == HSE_OK)
        (void)text_mecab_cut(&mecab, japanese, strlen(japanese), &arena, &out, NULL);
    if (text_ko_read(&ko, pack, NULL) == HSE_OK)
        (void)text_ko_pronounce(&ko, korean, strlen(korean), &arena, &out, NULL);
    hse_arena_free(&arena);
    text_pack_close(&pack);
    return 0;
}
