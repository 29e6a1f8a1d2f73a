/* Whisper's files and text: every form of a vocabulary gives the same ids, damaged ones are refused with words, a model's folder of
 * any format is read for what it says. */
#include "test.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "models/whisper/config.h"
#include "models/whisper/vocabulary.h"
#include "torture.h"
#include "whisper_folder.h"

#include <stdlib.h>

#define SEEDS "tests/fuzz/seeds/whisper_vocabulary/"

static whisper_tokenizer *open_files(const whisper_tokenizer_files *files)
{
    whisper_tokenizer *t = NULL;
    hse_error err = {0};

    must(whisper_tokenizer_open(&t, files, &err), &err);
    return t;
}

static whisper_tokenizer *open_json(const char *model)
{
    char path[512];

    snprintf(path, sizeof path, "%s", test_path(model));
    return open_files(&(whisper_tokenizer_files){.tokenizer_json = path});
}

/* ---- one vocabulary in every form ---- */

/* vocab.json, merges.txt, added_tokens.json, a tiktoken file and a list, all made of one tokenizer.json. */
static void write_forms(const char *tokenizer_json, const whisper_tokenizer *t)
{
    json_t *root = NULL, *added = json_object(), *list = json_array();
    hse_error err = {0};
    hse_buf text;
    const whisper_special *sp = whisper_specials(t);

    must(hse_json_load(&root, test_path(tokenizer_json), NULL, &err), &err);
    json_t *model = json_object_get(root, "model"), *merges = json_object_get(model, "merges"),
           *tokens = json_object_get(root, "added_tokens");
    char *dump = json_dumps(json_object_get(model, "vocab"), JSON_COMPACT);
    write_text("vocab.json", dump);
    free(dump);
    for (size_t i = 0; i < json_array_size(tokens); i++)
        json_object_set(added, json_string_value(json_object_get(json_array_get(tokens, i), "content")),
                        json_object_get(json_array_get(tokens, i), "id"));
    dump = json_dumps(added, JSON_COMPACT);
    write_text("added_tokens.json", dump);
    free(dump);
    hse_buf_init(&text, 64 << 20);
    hse_buf_str(&text, "#version: 0.2\n");
    for (size_t i = 0; i < json_array_size(merges); i++)
        hse_buf_printf(&text, "%s\n", json_string_value(json_array_get(merges, i)));
    write_file("merges.txt", text.data, text.size);
    hse_buf_clear(&text);
    for (int32_t id = 0; id < sp->eot; id++) {
        hse_bytes bytes = whisper_token_bytes(t, id);
        hse_buf name;
        hse_buf_init(&name, 4096);
        for (size_t i = 0; i < bytes.size; i++) {
            char c[4];
            hse_buf_append(&name, c, hse_utf8_put(c, bpe_char_of_byte(bytes.data[i])));
        }
        json_array_append_new(list, json_string(hse_buf_text(&name)));
        hse_buf_free(&name);
        if (bytes.size)
            hse_buf_base64(&text, bytes.data, bytes.size);
        else
            hse_buf_byte(&text, '=');
        hse_buf_printf(&text, " %d\n", id);
    }
    write_file("x.tiktoken", text.data, text.size);
    json_array_append_new(list, json_string("<|endoftext|>"));
    dump = json_dumps(list, JSON_INDENT(1));
    write_text("list.json", dump);
    free(dump);
    hse_buf_free(&text);
    json_decref(list);
    json_decref(added);
    json_decref(root);
}

static void check_same(const char *what, const whisper_tokenizer *a, const whisper_tokenizer *b, const json_t *texts)
{
    const whisper_special *x = whisper_specials(a), *y = whisper_specials(b);

    CHECK(x->eot == y->eot && x->sot == y->sot && x->languages == y->languages && x->no_speech == y->no_speech &&
              x->translate == y->translate && x->timestamp_begin == y->timestamp_begin && x->vocab == y->vocab &&
              x->multilingual == y->multilingual && x->language_begin == y->language_begin,
          "%s: special ids differ: eot %d %d, sot %d %d, languages %d %d, times %d %d, vocab %d %d, multilingual %d %d", what,
          x->eot, y->eot, x->sot, y->sot, x->languages, y->languages, x->timestamp_begin, y->timestamp_begin, x->vocab,
          y->vocab, x->multilingual, y->multilingual);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_object_get(json_array_get(texts, i), "text");
        bpe_ids p = {0}, q = {0};
        hse_error err = {0};
        if (strstr(json_string_value(text), "<|noc")) /* listed in some of the files, and only there a token */
            continue;
        must(whisper_encode(a, json_string_value(text), json_string_length(text), &p, &err), &err);
        must(whisper_encode(b, json_string_value(text), json_string_length(text), &q, &err), &err);
        CHECK(p.count == q.count && (p.count == 0 || memcmp(p.id, q.id, p.count * sizeof *p.id) == 0), "%s: \"%s\"", what,
              json_string_value(text));
        bpe_ids_free(&p);
        bpe_ids_free(&q);
    }
}

TEST(every_form_of_a_vocabulary_gives_the_same_ids)
{
    static const char json[] = KIT "models/ml/ct2_float16/tokenizer.json";
    whisper_tokenizer *t = open_json(json), *other;
    json_t *texts;

    texts = json_load_file(test_path(KIT "tokenizer_ml/encode.json"), JSON_ALLOW_NUL, NULL);
    CHECK(json_array_size(texts) > 100, "%zu texts", json_array_size(texts));
    make_folder();
    write_forms(json, t);
    const whisper_tokenizer_files forms[] = {
        {.vocab_json = in_folder("vocab.json"), .merges_txt = in_folder("merges.txt"),
         .added_tokens_json = in_folder("added_tokens.json"), .vocab = 51865},
        {.tiktoken = in_folder("x.tiktoken"), .vocab = 51865},
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        other = open_files(&forms[i]);
        check_same(i ? "tiktoken" : "vocab.json", t, other, texts);
        whisper_tokenizer_close(&other);
    }
    other = open_files(&(whisper_tokenizer_files){.vocabulary = in_folder("list.json"), .vocab = 51865});
    check_same("a list", t, other, texts);
    whisper_tokenizer_close(&other);
    other = open_files(&(whisper_tokenizer_files){.vocab_json = in_folder("vocab.json"), .merges_txt = in_folder("merges.txt")});
    check_same("vocab.json alone", t, other, texts);
    whisper_tokenizer_close(&other);
    char lines[512];
    snprintf(lines, sizeof lines, "%s", test_path(KIT "models/ml/ct2_int8/vocabulary.txt"));
    other = open_files(&(whisper_tokenizer_files){.vocabulary = lines, .vocab = 51865});
    check_same("vocabulary.txt", t, other, texts);
    whisper_tokenizer_close(&other);
    /* a model of 100 languages with the same text tokens */
    other = open_files(&(whisper_tokenizer_files){.tiktoken = in_folder("x.tiktoken"), .vocab = 51866});
    CHECK(whisper_specials(other)->languages == 100 && whisper_language_id(other, "yue") == 50358 &&
              whisper_specials(other)->timestamp_begin == 50365,
          "%d languages", whisper_specials(other)->languages);
    whisper_tokenizer_close(&other);
    remove_folder();
    json_decref(texts);
    whisper_tokenizer_close(&t);
}

/* ---- damaged vocabularies ---- */

typedef hse_status reader(vocabulary *v, hse_bytes text, hse_error *err);

static hse_status read_all(reader *f, const char *text, size_t size, int32_t vocab, hse_error *err)
{
    vocabulary v;
    whisper_tokenizer *t = NULL;
    hse_status s = vocabulary_open(&v, err);

    if (s != HSE_OK)
        return s;
    if ((s = f(&v, (hse_bytes){(const uint8_t *)text, size}, err)) != HSE_OK) {
        vocabulary_close(&v);
        return s;
    }
    s = whisper_tokenizer_from(&t, &v, vocab, err);
    whisper_tokenizer_close(&t);
    return s;
}

/* Enough bytes that the symbols of no speech can be encoded. */
static hse_status merges_over_letters(vocabulary *v, hse_bytes text, hse_error *err)
{
    static const char letters[] = "{\"a\":0,\"b\":1,\"ab\":2,\"\xC4\xA0\":3}";
    hse_status s = vocabulary_vocab_json(v, (hse_bytes){(const uint8_t *)letters, sizeof letters - 1}, err);

    return s == HSE_OK ? vocabulary_merges_txt(v, text, err) : s;
}

TEST(damaged_vocabularies)
{
#define VOCAB "{\"model\":{\"vocab\":"
    static const struct {
        reader *f;
        const char *text;
        hse_status want;
        const char *words;
    } cases[] = {
        {vocabulary_tokenizer_json, "", HSE_E_FORMAT, "ends"},
        {vocabulary_tokenizer_json, "[]", HSE_E_FORMAT, "'{'"},
        {vocabulary_tokenizer_json, "{}", HSE_E_FORMAT, "string"},
        {vocabulary_tokenizer_json, "{\"x\":1}", HSE_E_FORMAT, "no model.vocab"},
        {vocabulary_tokenizer_json, "{\"model\":{}}", HSE_E_FORMAT, "no model.vocab"},
        {vocabulary_tokenizer_json, "{\"model\":{\"type\":\"Unigram\"}}", HSE_E_UNSUPPORTED, "Unigram"},
        {vocabulary_tokenizer_json, "{\"model\":{\"dropout\":0.1}}", HSE_E_UNSUPPORTED, "model.dropout"},
        {vocabulary_tokenizer_json, "{\"model\":{\"ignore_merges\":true}}", HSE_E_UNSUPPORTED, "ignore_merges"},
        {vocabulary_tokenizer_json, "{\"model\":{\"end_of_word_suffix\":\"x\"}}", HSE_E_UNSUPPORTED, "end_of_word"},
        {vocabulary_tokenizer_json, VOCAB "[]}}", HSE_E_FORMAT, "'{'"},
        {vocabulary_tokenizer_json, VOCAB "{},\"vocab\":{}}}", HSE_E_FORMAT, "twice"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":-1}}}", HSE_E_FORMAT, "integer"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":1.5}}}", HSE_E_FORMAT, "integer"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":4294967296}}}", HSE_E_FORMAT, "no id"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":2000000}}}", HSE_E_FORMAT, "ids are 0 to"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0,\"b\":0}}}", HSE_E_FORMAT, "have the id 0"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0,\"a\":1}}}", HSE_E_FORMAT, "are the same"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[\"aa\"]}}", HSE_E_FORMAT, "no pair"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[\"a b\"]}}", HSE_E_FORMAT, "right side"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[\"a a\"]}}", HSE_E_FORMAT, "result"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[[\"a\"]]}}", HSE_E_FORMAT, "','"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[[\"a\",\"a\",\"a\"]]}}", HSE_E_FORMAT, "more than two"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[1]}}", HSE_E_FORMAT, "[\"a\", \"b\"]"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0},\"merges\":[\"\xE2\x82\xAC a\"]}}", HSE_E_FORMAT, "no pair of tokens"},
        {vocabulary_tokenizer_json, "{\"model\":{\"merges\":[\"a a\"],\"vocab\":{\"a\":0}}}", HSE_E_FORMAT, "result"},
        {vocabulary_tokenizer_json, "{\"added_tokens\":[{}]," "\"model\":{\"vocab\":{}}}", HSE_E_FORMAT, "string"},
        {vocabulary_tokenizer_json, "{\"added_tokens\":[{\"id\":1}],\"model\":{\"vocab\":{}}}", HSE_E_FORMAT, "without content"},
        {vocabulary_tokenizer_json, "{\"added_tokens\":[{\"content\":\"x\"}],\"model\":{\"vocab\":{}}}", HSE_E_FORMAT,
         "without id"},
        {vocabulary_tokenizer_json, "{\"added_tokens\":[{\"id\":1,\"content\":\"x\",\"lstrip\":true}],\"model\":{\"vocab\":{}}}",
         HSE_E_UNSUPPORTED, "lstrip"},
        {vocabulary_tokenizer_json, "{\"added_tokens\":[{\"id\":1,\"content\":\"x\",\"special\":1}],\"model\":{\"vocab\":{}}}",
         HSE_E_FORMAT, "true or false"},
        {vocabulary_tokenizer_json, "{\"added_tokens\":[{\"id\":1,\"content\":\"\"}],\"model\":{\"vocab\":{}}}", HSE_E_FORMAT,
         "0 bytes"},
        {vocabulary_tokenizer_json, VOCAB "{\"a\":0}}} x", HSE_E_FORMAT, "follows"},
        {vocabulary_vocab_json, "{\"a\":0} 1", HSE_E_FORMAT, "follows"},
        {vocabulary_vocab_json, "{\"a\":}", HSE_E_FORMAT, "integer"},
        {vocabulary_added_json, "{\"<|x|>\":99999999999}", HSE_E_FORMAT, "no id"},
        {merges_over_letters, "ab\n", HSE_E_FORMAT, "line 1"},
        {merges_over_letters, "#version: 0.2\na b\nb a\n", HSE_E_FORMAT, "line 3"},
        {merges_over_letters, "#version: 0.2\na  b\n", HSE_E_FORMAT, "no pair"},
        {vocabulary_list, "[\"a\",1]", HSE_E_FORMAT, "string"},
        {vocabulary_list, "[\"a\",\"a\"]", HSE_E_FORMAT, "are the same"},
        {vocabulary_list, "[\"a\"", HSE_E_FORMAT, "',' or ']'"},
        {vocabulary_list, "a\n\xFF\n", HSE_E_FORMAT, "UTF-8"},
        {vocabulary_list, "a\nb\na\n", HSE_E_FORMAT, "line 3"},
        {vocabulary_tiktoken, "YQ==\n", HSE_E_FORMAT, "line 1"},
        {vocabulary_tiktoken, " 0\n", HSE_E_FORMAT, "base64, a space and a rank"},
        {vocabulary_tiktoken, "= 0\n", HSE_E_FORMAT, "no token for the byte"},
        {vocabulary_tiktoken, "YQ== x\n", HSE_E_FORMAT, "base64, a space and a rank"},
        {vocabulary_tiktoken, "YQ== 1234567890\n", HSE_E_FORMAT, "a rank"},
        {vocabulary_tiktoken, "Y*== 0\n", HSE_E_FORMAT, "not base64"},
        {vocabulary_tiktoken, "YQ== 0\nYQ== 1\n", HSE_E_FORMAT, "line 2"},
        {vocabulary_tiktoken, "YQ== 0\nYg== 0\n", HSE_E_FORMAT, "have the id 0"},
        /* whole files that make no vocabulary of Whisper's */
        {vocabulary_vocab_json, "{\"a\":0}", HSE_E_FORMAT, "no token for the byte"},
        {vocabulary_vocab_json, "{\"<|endoftext|>\":300,\"<|startoftranscript|>\":3}", HSE_E_FORMAT, "is not between"},
        {vocabulary_vocab_json, "{\"<|endoftext|>\":0,\"<|startoftranscript|>\":5,\"<|en|>\":3,\"<|translate|>\":6,\"<|transcribe|>\":7,\"<|startoflm|>\":8,"
         "\"<|startofprev|>\":9,\"<|nospeech|>\":10,\"<|notimestamps|>\":11}", HSE_E_FORMAT, "not before"},
        {vocabulary_vocab_json,
         "{\"a\":5000,\"<|endoftext|>\":0,\"<|startoftranscript|>\":2,\"<|en|>\":3,\"<|translate|>\":6,\"<|transcribe|>\":7,"
         "\"<|startoflm|>\":8,\"<|startofprev|>\":9,\"<|nospeech|>\":10,\"<|notimestamps|>\":11}",
         HSE_E_FORMAT, "do not belong together"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        hse_status s = read_all(cases[i].f, cases[i].text, strlen(cases[i].text), 0, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].words), "case %zu %s: %d %s", i, cases[i].text, (int)s, err.text);
    }
}

TEST(files_that_are_not_there_or_too_many)
{
    whisper_tokenizer *t = NULL;
    hse_error err = {0};

    CHECK(whisper_tokenizer_open(&t, &(whisper_tokenizer_files){0}, &err) == HSE_E_NOT_FOUND && !t, "%s", err.text);
    CHECK(whisper_tokenizer_open(&t, &(whisper_tokenizer_files){.vocab_json = "/x/vocab.json"}, &err) == HSE_E_NOT_FOUND &&
              strstr(err.text, "merges.txt"),
          "%s", err.text);
    CHECK(whisper_tokenizer_open(&t, &(whisper_tokenizer_files){.tiktoken = "/x/y"}, &err) == HSE_E_NOT_FOUND &&
              strstr(err.text, "/x/y"),
          "%s", err.text);
    char path[512];
    snprintf(path, sizeof path, "%s", test_path(KIT "models/ml/ct2_float16/tokenizer.json"));
    whisper_tokenizer_files files = {.tokenizer_json = path, .vocab = 51000};
    CHECK(whisper_tokenizer_open(&t, &files, &err) == HSE_E_FORMAT && strstr(err.text, "do not belong together"), "%s",
          err.text);
    files.vocab = 52000; /* more rows than ids: fine */
    must(whisper_tokenizer_open(&t, &files, &err), &err);
    CHECK(whisper_specials(t)->vocab == 52000, "%d", whisper_specials(t)->vocab);
    whisper_tokenizer_close(&t);
}

/* Every seed of the fuzzer whole, cut at every place, with every byte changed. */
static const struct {
    const char *name;
    reader *f;
} seeds[] = {
    {SEEDS "tokenizer-strings", vocabulary_tokenizer_json}, {SEEDS "tokenizer-pairs", vocabulary_tokenizer_json},
    {SEEDS "list", vocabulary_list},                        {SEEDS "lines", vocabulary_list},
    {SEEDS "vocab", vocabulary_vocab_json},                 {SEEDS "tiktoken", vocabulary_tiktoken},
};

TEST(cut_and_changed_vocabularies)
{
    for (size_t i = 0; i < COUNT(seeds); i++) {
        char *text = NULL;
        size_t size;
        hse_error err = {0};
        must(hse_file_read(&text, &size, test_path(seeds[i].name), 1 << 20, &err), &err);
        must(read_all(seeds[i].f, text + 1, size - 1, 0, &err), &err);
        bool json = text[1] == '{' || text[1] == '[';
        for (size_t n = 1; n < size - 1; n += 7) {
            char *part = hse_alloc(n); /* exactly: a byte too far is seen */
            memcpy(part, text + 1, n);
            hse_status s = read_all(seeds[i].f, part, n, 0, &err);
            CHECK(s != HSE_OK || !json, "%s cut to %zu bytes", seeds[i].name, n);
            hse_free(part);
        }
        for (size_t at = 1; at < size; at += 5)
            for (int change = 1; change < 256; change *= 16) {
                text[at] ^= (char)change;
                read_all(seeds[i].f, text + 1, size - 1, 0, &err);
                text[at] ^= (char)change;
            }
        hse_free(text);
    }
}

typedef struct {
    reader *f;
    const char *text;
    size_t size;
} tortured;

static hse_status read_tortured(void *arg, hse_error *err)
{
    const tortured *a = arg;

    return read_all(a->f, a->text, a->size, 0, err);
}

TEST(each_allocation_of_a_vocabulary_fails_once)
{
    for (size_t i = 0; i < COUNT(seeds); i++) {
        char *text = NULL;
        size_t size;
        hse_error err = {0};
        must(hse_file_read(&text, &size, test_path(seeds[i].name), 1 << 20, &err), &err);
        tortured a = {seeds[i].f, text + 1, size - 1};
        CHECK(test_torture(seeds[i].name, read_tortured, &a) > 10, "%s: few allocations", seeds[i].name);
        hse_free(text);
    }
}

/* ---- languages, suppressed ids, measures ---- */

TEST(languages_by_code_and_name)
{
    static const struct {
        const char *name, *code;
    } cases[] = {
        {"en", "en"}, {"EN", "en"}, {"English", "en"}, {"castilian", "es"}, {"Mandarin", "zh"}, {"pt-BR", "pt"}, {"zh_TW", "zh"},
        {"haitian creole", "ht"}, {"burmese", "my"}, {"yue", "yue"}, {"cantonese", "yue"}, {"jv", "jw"}, {"haw", "haw"},
        {"", NULL}, {"-", NULL}, {"xx", NULL}, {"englis", NULL}, {"en ", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int n = whisper_find_language(cases[i].name);
        CHECK(cases[i].code ? n >= 0 && strcmp(whisper_languages[n].code, cases[i].code) == 0 : n < 0, "%s: %d",
              cases[i].name, n);
    }
    for (int i = 0; i < WHISPER_LANGUAGES; i++)
        CHECK(whisper_find_language(whisper_languages[i].code) == i && whisper_find_language(whisper_languages[i].name) == i,
              "%s", whisper_languages[i].code);
}

TEST(ids_of_an_english_only_model)
{
    whisper_tokenizer *t = open_json(KIT "models/en/ct2_int8_float16/tokenizer.json");

    CHECK(!whisper_specials(t)->multilingual && whisper_language_id(t, "en") == 50258 && whisper_language_id(t, "de") == -1 &&
              whisper_language_id(t, "nothing") == -1,
          "languages");
    CHECK(whisper_token_bytes(t, 50256).size == 0 && whisper_token_bytes(t, -1).size == 0 &&
              whisper_token_bytes(t, 0).size == 1 && whisper_language_of(t, 50256) == NULL,
          "bytes");
    whisper_tokenizer_close(&t);
}

TEST(what_is_suppressed)
{
    whisper_tokenizer *t = open_json(KIT "models/ml/ct2_float16/tokenizer.json");
    hse_error err = {0};
    bpe_ids usual = {0}, given = {0}, none = {0};
    const int32_t minus = -1, wrong[] = {-2, 51865};

    must(whisper_suppressed(t, NULL, 0, &usual, &err), &err);
    must(whisper_suppressed(t, &minus, 1, &given, &err), &err);
    CHECK(usual.count == given.count && usual.count == 88 && memcmp(usual.id, given.id, usual.count * 4) == 0, "%zu",
          usual.count);
    must(whisper_suppressed(t, &minus, 0, &none, &err), &err);
    CHECK(none.count == 6, "%zu", none.count);
    for (size_t i = 0; i < COUNT(wrong); i++)
        CHECK(whisper_suppressed(t, &wrong[i], 1, &none, &err) == HSE_E_ARG && strstr(err.text, "suppress_tokens"), "%s",
              err.text);
    bpe_ids_free(&usual);
    bpe_ids_free(&given);
    bpe_ids_free(&none);
    whisper_tokenizer_close(&t);
}

TEST(white_space_at_both_ends)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""}, {" ", ""}, {" a ", "a"}, {"\t\n a b \x1C", "a b"}, {"\xC2\xA0x\xE3\x80\x80", "x"}, {"\xE2\x80\x83", ""},
        {"\xFF ", "\xFF"}, {" \xE3\x80", "\xE3\x80"}, {"x\xC2\x85", "x"}, {"\xE2\x80\x8Bx", "\xE2\x80\x8Bx"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].in;
        size_t n = strlen(text);
        whisper_strip(&text, &n);
        CHECK(n == strlen(cases[i].want) && memcmp(text, cases[i].want, n) == 0, "case %zu: %zu bytes", i, n);
    }
}

TEST(a_nul_does_not_end_a_text)
{
    hse_arena arena;

    hse_arena_init(&arena, 1 << 10);
    CHECK(strcmp(whisper_keep_text(&arena, "a\0\0b", 4), "a\xEF\xBF\xBD\xEF\xBF\xBD" "b") == 0, "in the middle");
    CHECK(strcmp(whisper_keep_text(&arena, "\0", 1), "\xEF\xBF\xBD") == 0, "alone");
    CHECK(strcmp(whisper_keep_text(&arena, "", 0), "") == 0, "nothing");
    CHECK(!whisper_keep_text(&arena, (const char[600]){0}, 600), "three bytes each are over the ceiling");
    hse_arena_free(&arena);
}

static hse_status measure(void *arg, hse_error *err)
{
    double ratio;

    return whisper_compression_ratio(arg, strlen(arg), &ratio, err);
}

TEST(compression_ratio_without_memory)
{
    static char text[] = "some text that is to be measured";

    test_torture("ratio", measure, text);
}

/* ---- decoding piece by piece ---- */

TEST(a_stream_gives_what_decoding_at_once_gives)
{
    whisper_tokenizer *t = open_json(KIT "models/v3/ct2_float16/tokenizer.json");
    uint32_t seed = 1;

    for (int round = 0; round < 300; round++) {
        int32_t ids[24];
        whisper_stream s = {0};
        hse_buf whole, parts;
        hse_buf_init(&whole, 1 << 16);
        hse_buf_init(&parts, 1 << 16);
        for (size_t i = 0; i < COUNT(ids); i++) {
            seed = seed * 1664525 + 1013904223;
            ids[i] = (int32_t)(seed >> 8) % (round % 2 ? 256 : 51900) - 3; /* single bytes break more characters */
        }
        whisper_decode(t, ids, COUNT(ids), &whole);
        for (size_t i = 0; i < COUNT(ids); i++) {
            whisper_stream_put(t, &s, ids[i], &parts);
            CHECK(hse_utf8_valid(hse_buf_text(&parts), parts.size, NULL), "round %d: half a character", round);
        }
        whisper_stream_end(&s, &parts);
        CHECK(whole.size == parts.size && (whole.size == 0 || memcmp(whole.data, parts.data, whole.size) == 0), "round %d",
              round);
        hse_buf_free(&whole);
        hse_buf_free(&parts);
    }
    whisper_tokenizer_close(&t);
}

/* Words hold every id but those of an unfinished character at the end, in order. */
TEST(words_of_any_ids)
{
    whisper_tokenizer *t = open_json(KIT "models/ml/ct2_float16/tokenizer.json");
    hse_error err = {0};
    uint32_t seed = 7;
    whisper_words w = {0};

    for (int round = 0; round < 300; round++) {
        int32_t ids[40];
        size_t at = 0;
        for (size_t i = 0; i < COUNT(ids); i++) {
            seed = seed * 1664525 + 1013904223;
            ids[i] = (int32_t)(seed >> 8) % (round % 3 == 0 ? 256 : 51900) - 3;
        }
        must(whisper_split_words(t, round % 2 ? "en" : "ja", ids, COUNT(ids), &w, &err), &err);
        for (size_t i = 0; i < w.count; i++) {
            CHECK(w.word[i].first == at && w.word[i].count > 0 && w.word[i].text[w.word[i].size] == '\0' &&
                      hse_utf8_valid(w.word[i].text, w.word[i].size, NULL),
                  "round %d, word %zu", round, i);
            at += w.word[i].count;
        }
        CHECK(at <= COUNT(ids), "round %d", round);
        whisper_words_free(&w);
    }
    must(whisper_split_words(t, NULL, NULL, 0, &w, &err), &err);
    CHECK(w.count == 0, "%zu", w.count);
    whisper_words_free(&w);
    int32_t *many = hse_calloc(8193, sizeof *many);
    CHECK(whisper_split_words(t, "en", many, 8193, &w, &err) == HSE_E_LIMIT, "%s", err.text);
    hse_free(many);
    whisper_tokenizer_close(&t);
}

static hse_status split_tortured(void *arg, hse_error *err)
{
    int32_t ids[100];
    whisper_words w = {0};

    for (int32_t i = 0; i < 100; i++)
        ids[i] = 200 + 37 * i;
    hse_status s = whisper_split_words(arg, "en", ids, COUNT(ids), &w, err);
    whisper_words_free(&w);
    return s;
}

TEST(each_allocation_of_words_fails_once)
{
    whisper_tokenizer *t = open_json(KIT "models/ml/ct2_float16/tokenizer.json");

    CHECK(test_torture("words", split_tortured, t) > 3, "few allocations");
    whisper_tokenizer_close(&t);
}
