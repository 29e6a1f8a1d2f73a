/* openvoice_text.c - adapters of OpenVoice's text front ends, with the product's own language packs: the cases bring none. */
#include "golden/case.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/vits/config.h"
#include "text/lexicon.h"
#include "text/openvoice/openvoice.h"

#include <string.h>

enum { FILE_BYTES = 1 << 28, ARENA = 1 << 29 };

static int symbol_id(const void *symbols, const char *symbol, size_t size)
{
    return vits_symbol_id(symbols, symbol, size);
}

static json_t *strings(const text_answer *a)
{
    json_t *out = json_array();

    for (size_t i = 0; i < a->count; i++)
        json_array_append_new(out, json_string(a->item[i]));
    return out;
}

static json_t *integers(const int32_t *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_integer(list[i]));
    return out;
}

static json_t *stages(const openvoice_piece *p)
{
    json_t *out = json_object(), *readings = json_array();

    for (size_t i = 0; i < OPENVOICE_STEPS && p->step[i]; i++)
        json_object_set_new(out, p->step_name[i], json_string(p->step[i]));
    for (size_t i = 0; p->words && i < p->words->count; i++)
        json_array_append_new(readings, strings(&p->readings[i]));
    if (p->words) {
        json_object_set_new(out, "words", strings(p->words));
        json_object_set(out, "pinyin", readings);
    }
    json_decref(readings);
    return out;
}

static json_t *run_text(golden_case *c, const openvoice_front *front, const char *text, size_t size)
{
    json_t *out = json_array();
    const char **piece;
    hse_arena arena;
    hse_error err = {0};
    size_t n;

    hse_arena_init(&arena, ARENA);
    if (openvoice_split(front->language, text, size, &arena, &piece, &n, &err) != HSE_OK) {
        golden_fail_error(c, "a text", &err);
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        openvoice_piece p;
        json_t *row = json_object();

        json_array_append_new(out, row);
        json_object_set_new(row, "piece", json_string(piece[i]));
        if (openvoice_piece_run(&p, front, piece[i], &arena, &err) != HSE_OK) {
            json_object_set_new(row, "error", json_string(err.text));
            continue;
        }
        json_object_set_new(row, "marked", json_string(p.marked));
        json_object_set_new(row, "stages", stages(&p));
        json_object_set_new(row, "cleaned", json_string(p.cleaned));
        json_object_set_new(row, "ids_no_blank", integers(p.ids_no_blank, p.n_no_blank));
        json_object_set_new(row, "ids", integers(p.ids, p.n));
    }
    hse_arena_free(&arena);
    return out;
}

/* An error that is expected passes in whatever words. */
static void run_cases(golden_case *c, const openvoice_front *front)
{
    json_t *rows = golden_expected_json(c, "cases"), *row, *piece;
    size_t i, k;

    json_array_foreach(rows, i, row)
    {
        json_t *text = json_object_get(row, "text"), *pieces = json_object_get(row, "pieces");
        json_t *got = run_text(c, front, json_string_value(text), json_string_length(text));

        json_array_foreach(got, k, piece)
        {
            const json_t *want = json_array_get(pieces, k);

            if (json_object_get(piece, "error") && json_object_get(want, "error"))
                json_array_set(got, k, json_array_get(pieces, k));
        }
        if (pieces)
            json_object_set(row, "pieces", got);
        json_decref(got);
    }
    if (rows)
        golden_give_json(c, "cases", rows);
}

static void run_numbers(golden_case *c, const openvoice_front *front)
{
    json_t *map = golden_wants(c, "numbers") ? golden_expected_json(c, "numbers") : NULL, *value;
    const char *key;
    void *next;

    json_object_foreach_safe(map, next, key, value)
    {
        const char *words;
        hse_arena arena;
        hse_error err = {0};

        hse_arena_init(&arena, ARENA);
        if (openvoice_numbers(front, key, strlen(key), &arena, &words, &err) == HSE_OK)
            json_object_set_new(map, key, json_string(words));
        else if (!json_is_object(value))
            json_object_set_new(map, key, json_string(err.text));
        hse_arena_free(&arena);
    }
    if (map)
        golden_give_json(c, "numbers", map);
}

/* Every word of the table: its pronunciations as the pack has them, and what becomes of them. */
static void run_words(golden_case *c, const openvoice_front *front)
{
    json_t *map = golden_wants(c, "word_ipa") ? golden_expected_json(c, "word_ipa") : NULL, *value, *form;
    const char *word;
    size_t i;

    json_object_foreach(map, word, value)
    {
        const char *ipa, *best = NULL;
        json_t *all = json_array();
        text_answer a = {0};
        hse_arena arena;
        hse_error err = {0};

        hse_arena_init(&arena, ARENA);
        if (front->dictionary.ask(front->dictionary.user, TEXT_IPA_EN, word, strlen(word), &arena, &a, &err) != HSE_OK)
            golden_fail_error(c, word, &err);
        json_object_set_new(value, "phonemes", strings(&a));
        for (i = 0; i < a.count; i++)
            if (openvoice_ipa(a.item[i], &arena, &ipa, &err) == HSE_OK) {
                size_t at = 0;

                while (at < json_array_size(all) && strcmp(json_string_value(json_array_get(all, at)), ipa) < 0)
                    at++;
                form = json_array_get(all, at);
                if (!form || strcmp(json_string_value(form), ipa) != 0)
                    json_array_insert_new(all, at, json_string(ipa));
                best = best && strcmp(best, ipa) > 0 ? best : ipa;
            }
        json_object_set_new(value, "all", all);
        json_object_set_new(value, "ipa", json_string(best ? best : ""));
        hse_arena_free(&arena);
    }
    if (map)
        golden_give_json(c, "word_ipa", map);
}

static void text(golden_case *c, openvoice_language language)
{
    openvoice_front front = {.language = language, .symbol_id = symbol_id};
    text_lexicon *lexicon = golden_open_lexicon(c);
    vits_config *config = NULL;
    char path[GOLDEN_PATH], *bytes = NULL;
    hse_error err = {0};
    size_t size;

    if (lexicon && golden_model_path(c, "config", path)) {
        if (hse_file_read(&bytes, &size, path, FILE_BYTES, &err) != HSE_OK ||
            vits_config_open(&config, (hse_bytes){(const uint8_t *)bytes, size}, "config.json", VITS_OPENVOICE_BASE, &err) !=
                HSE_OK)
            golden_fail_error(c, "the config", &err);
        hse_free(bytes);
    }
    if (config) {
        front.dictionary = text_lexicon_dictionary(lexicon);
        front.symbols = config;
        front.add_blank = config->add_blank;
        run_cases(c, &front);
        run_numbers(c, &front);
        run_words(c, &front);
    }
    vits_config_close(&config);
    text_lexicon_close(&lexicon);
}

static void text_en(golden_case *c)
{
    text(c, OPENVOICE_EN);
}

static void text_zh(golden_case *c)
{
    text(c, OPENVOICE_ZH);
}

const golden_kind golden_openvoice_text[] = {
    {"openvoice.text_en", text_en},
    {"openvoice.text_zh", text_zh},
    {NULL, NULL},
};
