/* Any text through every front end of MeloTTS and OpenVoice: the first byte chooses which. Dictionaries answer with what they are
 * asked, cut at spaces, so that rules see odd answers too. */
#include "base/utf8.h"
#include "text/melo/melo.h"
#include "text/openvoice/openvoice.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hse_status echo(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_list l = {.arena = arena};

    (void)user;
    *out = (text_answer){0};
    if (table == TEXT_UNIDECODE)            /* then the rules for it are asked */
        return HSE_OK;
    for (size_t i = 0; i < size;) {
        size_t n = 0;

        while (i + n < size && key[i + n] != ' ')
            n++;
        if (n)
            text_list_add(&l, key + i, n, table == TEXT_JIEBA_POSSEG ? (n % 2 ? "n" : "v") : NULL);
        i += n + 1;
    }
    return text_list_give(&l, "an answer", out, err);
}

static int symbol_id(const void *symbols, const char *symbol, size_t size)
{
    (void)symbols;
    return size ? (uint8_t)symbol[0] : -1;
}

static text_wordpiece *tokens(void)
{
    static const char vocabulary[] = "[UNK]\n[CLS]\n[SEP]\nhello\nworld\n##s\na\n##a\n1\n##1\n.\n,\n#\n'\nel\nle\n今\n日\nア\n##ア\n가\n##나\n";
    static text_wordpiece *w;

    if (!w && text_wordpiece_open(&w, (hse_bytes){(const uint8_t *)vocabulary, sizeof vocabulary - 1}, "fuzz",
                                  &(text_wordpiece_options){.lower = true}, NULL) != HSE_OK)
        abort();
    return w;
}

static void melo(melo_language language, const char *text, size_t size, hse_arena *arena)
{
    const melo_front front = {.language = language, .tokens = tokens(), .dictionary = {echo, NULL}, .symbol_id = symbol_id, .add_blank = true};
    const char **piece;
    size_t n;

    if (melo_split(language, text, size, arena, &piece, &n, NULL) != HSE_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        melo_piece p;
        size_t spread = 0;

        if (melo_piece_run(&p, &front, piece[i], arena, NULL) != HSE_OK)
            continue;
        for (size_t k = 0; k < p.spread_count; k++)
            spread += (size_t)p.spread[k];
        if (spread != p.n)                  /* every symbol has its row of features */
            abort();
    }
}

static void openvoice(openvoice_language language, const char *text, size_t size, hse_arena *arena)
{
    const openvoice_front front = {.language = language, .dictionary = {echo, NULL}, .symbol_id = symbol_id, .add_blank = true};
    const char **piece;
    size_t n;

    if (openvoice_split(language, text, size, arena, &piece, &n, NULL) != HSE_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        openvoice_piece p;

        if (openvoice_piece_run(&p, &front, piece[i], arena, NULL) == HSE_OK && (p.n != 2 * p.n_no_blank + 1 || !hse_utf8_valid(p.cleaned, strlen(p.cleaned), NULL)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hse_arena arena;
    int which = size ? data[0] % (MELO_LANGUAGES + 2) : 0;
    const char *text = size ? (const char *)data + 1 : "";

    hse_arena_init(&arena, 1 << 26);
    if (which < MELO_LANGUAGES)
        melo((melo_language)which, text, size ? size - 1 : 0, &arena);
    else
        openvoice(which == MELO_LANGUAGES ? OPENVOICE_EN : OPENVOICE_ZH, text, size ? size - 1 : 0, &arena);
    hse_arena_free(&arena);
    return 0;
}
