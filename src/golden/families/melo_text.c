/* melo_text.c - adapters of family melo's text: splitting, and front ends with the answers that the case's dictionaries gave. */
#include "golden/families/melo.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/vits/config.h"
#include "formats/weights.h"
#include "text/en/g2p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 1 << 28, ARENA = 1 << 29 };

/* ---- splitting ---- */

static void split(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "expected"), *row;
    size_t i, n;

    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "language"));
        const json_t *text = json_object_get(row, "text");
        json_t *list = json_array();
        melo_language language;
        const char **piece;
        hse_arena arena;
        hse_error err = {0};

        hse_arena_init(&arena, ARENA);
        if (!name || !melo_language_find(name, &language))
            golden_fail(c, "row %zu: unknown language", i);
        else if (melo_split(language, json_string_value(text), json_string_length(text), &arena, &piece, &n, &err) != HSE_OK)
            golden_fail_error(c, "a text", &err);
        else
            for (size_t k = 0; k < n; k++)
                json_array_append_new(list, json_string(piece[k]));
        json_object_set_new(row, "pieces", list);
        hse_arena_free(&arena);
    }
    if (rows)
        golden_give_json(c, "expected", rows);
}

/* ---- dictionaries of the case ---- */

text_lexicon *golden_open_lexicon(golden_case *c)
{
    text_lexicon *l = NULL;
    hse_error err = {0};

    if (text_lexicon_open(&l, NULL, false, &err) == HSE_OK)
        text_lexicon_as_original(l);
    else
        golden_fail_error(c, "the language packs", &err);
    return l;
}

static void read_rep(golden_case *c, golden_answers *a)
{
    char path[GOLDEN_PATH];
    hse_error err = {0};
    size_t size;

    if (!json_object_get(json_object_get(c->json, "model"), "pronouncing_dictionary"))
        return;
    if (golden_model_path(c, "pronouncing_dictionary", path) &&
        (hse_file_read(&a->rep_text, &size, path, FILE_BYTES, &err) != HSE_OK ||
         melo_rep_open(&a->rep, (hse_bytes){(const uint8_t *)a->rep_text, size}, "cmudict.rep", &err) != HSE_OK))
        golden_fail_error(c, "the dictionary", &err);
}

bool golden_answers_open(golden_case *c, golden_answers *a)
{
    *a = (golden_answers){.own_data = c->options->own_data};
    a->lookups = golden_json(c, json_string_value(json_object_get(
                                    json_object_get(json_object_get(c->json, "inputs"), "lookups"), "file")));
    read_rep(c, a);
    a->own = golden_open_lexicon(c);
    return !c->failed;
}

void golden_answers_close(golden_answers *a)
{
    text_lexicon_close(&a->own);
    json_decref(a->lookups);
    melo_rep_close(&a->rep);
    hse_free(a->rep_text);
}

static hse_status give(text_answer *out, const json_t *value, hse_arena *arena, hse_error *err)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    const char **item = hse_arena_array(arena, n + 1, sizeof *item), **tag = hse_arena_array(arena, n + 1, sizeof *tag);

    if (!item || !tag)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an answer");
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_is_array(value) ? json_array_get(value, i) : value;

        item[i] = json_string_value(json_is_array(v) ? json_array_get(v, 0) : v);
        tag[i] = json_is_array(v) ? json_string_value(json_array_get(v, 1)) : NULL;
    }
    *out = (text_answer){.item = item, .tag = tag, .count = n, .found = true};
    return HSE_OK;
}

/* Of the original's dictionaries NLTK's is on no registry, and a case may bring another one of MeloTTS' own. The network that says what
 * neither knows is the same, so where its answer differs for a word that the product does not have either, NLTK has it. */
static hse_status ask_own(golden_answers *a, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out,
                          hse_error *err)
{
    const text_dictionary own = text_lexicon_dictionary(a->own);
    hse_status s = own.ask(own.user, table, key, size, arena, out, err);
    const json_t *want = json_object_getn(json_object_get(a->lookups, text_table_name(TEXT_G2P_EN)), key, size);
    text_answer word;

    if (s == HSE_OK && table == TEXT_CMUDICT_REP)
        a->unknown |= !out->found && a->rep && melo_rep_find(a->rep, key, size).data != NULL;
    if (s == HSE_OK && table == TEXT_G2P_EN && want && own.ask(own.user, TEXT_CMUDICT_REP, key, size, arena, &word, NULL) == HSE_OK) {
        bool equal = json_array_size(want) == out->count;

        for (size_t i = 0; equal && i < out->count; i++)
            equal = strcmp(json_string_value(json_array_get(want, i)), out->item[i]) == 0;
        a->unknown |= !equal && !word.found;
    }
    return s;
}

static hse_status give_phones(text_answer *out, hse_bytes phones, hse_arena *arena, hse_error *err)
{
    const char **item = hse_arena_array(arena, 1, sizeof *item);

    if (phones.data && (!item || !(item[0] = hse_arena_strndup(arena, (const char *)phones.data, phones.size))))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an answer");
    if (phones.data)
        *out = (text_answer){.item = item, .count = 1, .found = true};
    return HSE_OK;
}

static hse_status ask(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out,
                      hse_error *err)
{
    golden_answers *a = user;
    const json_t *list = json_object_get(a->lookups, text_table_name(table)), *value = json_object_getn(list, key, size);

    *out = (text_answer){0};
    if (table == TEXT_CMUDICT_REP && a->rep && !a->own_data)
        return give_phones(out, melo_rep_find(a->rep, key, size), arena, err);
    if (table == TEXT_MECAB_JA && a->mecab_words && !a->own_data)
        return give(out, a->mecab_words, arena, err);
    if (a->own_data || !list)
        return ask_own(a, table, key, size, arena, out, err);
    if (!value)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "the case has no answer of %s to '%.*s'", text_table_name(table),
                        (int)(size > 60 ? 60 : size), key);
    if (json_is_object(value))
        value = json_object_get(value, table == TEXT_G2PK ? "jamo" : "ipa");
    return give(out, value, arena, err);
}

text_dictionary golden_answers_dictionary(golden_answers *a)
{
    return (text_dictionary){ask, a};
}

/* ---- front ends ---- */

static int symbol_id(const void *symbols, const char *symbol, size_t size)
{
    return vits_symbol_id(symbols, symbol, size);
}

static bool open_config(golden_case *c, vits_config **config)
{
    char path[GOLDEN_PATH], *text = NULL;
    size_t size;
    hse_error err = {0};
    hse_status s = HSE_OK;

    if (!golden_model_path(c, "config", path))
        return false;
    if ((s = hse_file_read(&text, &size, path, FILE_BYTES, &err)) == HSE_OK)
        s = vits_config_open(config, (hse_bytes){(const uint8_t *)text, size}, "config.json", VITS_MELO, &err);
    hse_free(text);
    if (s != HSE_OK)
        golden_fail_error(c, "the config", &err);
    return s == HSE_OK;
}

static json_t *integers(const int32_t *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_integer(list[i]));
    return out;
}

/* [CLS], the tokens, [SEP]: ids, or the tokens' names without the two. */
static json_t *token_ids(const text_wordpiece *w, const melo_piece *p)
{
    json_t *out = integers(p->tokens, p->token_count);

    json_array_insert_new(out, 0, json_integer(text_wordpiece_find(w, "[CLS]")));
    json_array_append_new(out, json_integer(text_wordpiece_find(w, "[SEP]")));
    return out;
}

static json_t *token_names(const text_wordpiece *w, const melo_piece *p)
{
    json_t *out = json_array();

    for (size_t i = 0; i < p->token_count; i++)
        json_array_append_new(out, json_string(text_wordpiece_token(w, p->tokens[i])));
    return out;
}

static json_t *phone_names(const melo_piece *p)
{
    json_t *out = json_array();

    for (size_t i = 0; i < p->phone_count; i++)
        json_array_append_new(out, json_string(p->phone[i]));
    return out;
}

/* Replaces what the expected piece says by what came out. */
static void run_piece(const melo_front *front, golden_answers *a, json_t *row, const char *piece, hse_arena *arena)
{
    const char *alignment = json_string_value(json_object_get(row, "bert_alignment"));
    hse_error err = {0};
    melo_piece p;

    json_object_set_new(row, "piece", json_string(piece));
    a->mecab_words = json_object_get(row, "mecab_words");
    if (melo_piece_run(&p, front, piece, arena, &err) != HSE_OK) {
        if (!json_object_get(row, "error"))         /* an error that is expected passes in whatever words */
            json_object_set_new(row, "error", json_string(err.text));
        return;
    }
    json_object_set_new(row, "norm_text", json_string(p.norm));
    json_object_set_new(row, "tokens", token_names(front->tokens, &p));
    json_object_set_new(row, "token_ids", token_ids(front->tokens, &p));
    json_object_set_new(row, "phones", phone_names(&p));
    json_object_set_new(row, "tones", integers(p.tone, p.phone_count));
    json_object_set_new(row, "word2ph", integers(p.word2ph, p.word_count));
    json_object_set_new(row, "phone_ids", integers(p.symbol_ids, p.n));
    json_object_set_new(row, "tone_ids", integers(p.tone_ids, p.n));
    json_object_set_new(row, "lang_ids", integers(p.language_ids, p.n));
    json_object_set_new(row, "word2ph_blank", integers(p.spread, p.spread_count));
    if (melo_piece_check_bert(&p, front->language, NULL) != HSE_OK)
        json_object_set_new(row, "bert_alignment", json_string("AssertionError"));
    else if (alignment && strcmp(alignment, "AssertionError") == 0)
        json_object_set_new(row, "bert_alignment", json_string("ok"));
}

static void count_piece(const golden_case *c, const melo_front *front, golden_answers *a, json_t *row, const char *piece,
                        hse_arena *arena)
{
    json_t *want = json_deep_copy(row);
    char where[200];

    a->unknown = false;
    run_piece(front, a, row, piece, arena);
    bool equal = golden_same_json(row, want, where, sizeof where);
    if (a->own_data && !equal)
        golden_remark(c, "\"%.100s\"%s %s", piece, a->unknown ? " (a word that is on no registry)" : "", where);
    a->share.count++;
    a->share.equal += equal;
    a->share.known += !a->unknown;
    a->share.known_equal += !a->unknown && equal;
    json_decref(want);
}

/* Each piece compared with the case's. */
void golden_melo_row(golden_case *c, const melo_front *front, golden_answers *a, json_t *row, size_t index)
{
    json_t *pieces = json_object_get(row, "pieces"), *text = json_object_get(row, "text");
    const char **piece;
    hse_arena arena;
    hse_error err = {0};
    size_t n;

    hse_arena_init(&arena, ARENA);
    if (melo_split(front->language, json_string_value(text), json_string_length(text), &arena, &piece, &n, &err) != HSE_OK)
        golden_fail_error(c, "a text", &err);
    else if (n != json_array_size(pieces))
        golden_fail(c, "text %zu: %zu pieces, expected %zu", index, n, json_array_size(pieces));
    else
        for (size_t k = 0; k < n; k++)
            count_piece(c, front, a, json_array_get(pieces, k), piece[k], &arena);
    hse_arena_free(&arena);
}

/* In percent. */
static double wanted_share(melo_language language)
{
    return language == MELO_EN || language == MELO_ZH || language == MELO_ZH_MIX_EN ? 97 : 90;
}

static void front_end(golden_case *c)
{
    const char *language = json_string_value(json_object_get(json_object_get(c->json, "params"), "language"));
    json_t *rows = golden_expected_json(c, "expected"), *row;
    vits_config *config = NULL;
    golden_answers a = {0};
    melo_front front = {.dictionary = golden_answers_dictionary(&a), .symbol_id = symbol_id};
    text_wordpiece *tokens = golden_open_tokens(c);
    hse_error err = {0};
    size_t i;

    golden_answers_open(c, &a);
    if (!language || !melo_language_find(language, &front.language))
        golden_fail(c, "unknown language");
    else if (a.own_data && a.own && text_lexicon_need(a.own, language, &err) != HSE_OK)
        golden_fail_error(c, language, &err);
    if (rows && tokens && !c->failed && open_config(c, &config)) {
        front.tokens = tokens;
        front.symbols = config;
        front.add_blank = config->add_blank;
        json_array_foreach(rows, i, row) golden_melo_row(c, &front, &a, row, i);
        if (a.own_data) {
            golden_give_share(c, "expected", language, &a.share, wanted_share(front.language));
        } else {
            golden_give_json(c, "expected", rows);
            rows = NULL;
        }
    }
    json_decref(rows);
    golden_answers_close(&a);
    vits_config_close(&config);
    text_wordpiece_close(&tokens);
}

/* ---- letters to sounds ---- */

typedef struct {
    json_t   *words, *homographs;
    hse_arena arena;
} g2p_words;

static const char *case_word(void *user, const char *word, size_t size)
{
    g2p_words *w = user;
    json_t *list = json_object_getn(w->words, word, size), *v;
    size_t i, size_out = 4 * json_array_size(list) + 1, at = 0;     /* a phone has three letters at most */
    char *out = hse_arena_alloc(&w->arena, size_out);

    if (!list || !out)
        return NULL;
    json_array_foreach(list, i, v)
        at += (size_t)snprintf(out + at, size_out - at, "%s%.3s", i ? " " : "", json_string_value(v));
    return out;
}

static const char *no_homograph(void *user, const char *word, size_t size)
{
    (void)user;
    (void)word;
    (void)size;
    return NULL;
}

/* The arrays of a case's npz. */
static bool load_g2p(golden_case *c, en_g2p_net *net, hse_weights *w, hse_arena *arena)
{
    const struct {
        const char *name;
        en_matrix  *m;
    } parts[] = {{"enc_emb", &net->enc_emb},   {"enc_w_ih", &net->enc_w_ih}, {"enc_w_hh", &net->enc_w_hh},
                 {"enc_b_ih", &net->enc_b_ih}, {"enc_b_hh", &net->enc_b_hh}, {"dec_emb", &net->dec_emb},
                 {"dec_w_ih", &net->dec_w_ih}, {"dec_w_hh", &net->dec_w_hh}, {"dec_b_ih", &net->dec_b_ih},
                 {"dec_b_hh", &net->dec_b_hh}, {"fc_w", &net->fc_w},         {"fc_b", &net->fc_b}};
    hse_error err = {0};

    for (size_t i = 0; i < COUNT(parts); i++) {
        const hse_weight *t = hse_weights_find(w, parts[i].name);
        float *x = t ? hse_arena_array(arena, (size_t)t->count, sizeof *x) : NULL;

        if (!x || hse_weights_read_f32(w, t, x, &err) != HSE_OK) {
            golden_fail(c, "%s: %s", parts[i].name, x ? err.text : "is missing");
            return false;
        }
        *parts[i].m = (en_matrix){x, t->rank > 1 ? (int)t->dim[0] : 1, (int)t->dim[t->rank - 1]};
    }
    if (en_g2p_check(net, &err) == HSE_OK)
        return true;
    golden_fail_error(c, "the network", &err);
    return false;
}

static json_t *answer_json(const text_answer *a)
{
    json_t *out = json_array();

    for (size_t i = 0; i < a->count; i++)
        json_array_append_new(out, json_string(a->item[i]));
    return out;
}

static void run_predict(golden_case *c, const en_g2p_net *net, json_t *rows)
{
    float hidden[EN_G2P_HIDDEN], logits[EN_G2P_PHONES];
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_t *word = json_object_get(row, "word"), *list = json_array();
        int phone[EN_G2P_STEPS],
            n = en_g2p_predict(net, json_string_value(word), json_string_length(word), phone, hidden, logits);

        for (int k = 0; k < n; k++)
            json_array_append_new(list, json_string(en_g2p_phone(phone[k])));
        json_object_set_new(row, "predict", list);
        if (i == 0) {
            golden_give1(c, "encoder_last_hidden_0", hidden, (size_t)net->enc_w_hh.cols);
            golden_give1(c, "decoder_first_logits_0", logits, EN_G2P_PHONES);
        }
    }
}

static void letters(golden_case *c)
{
    json_t *want = golden_expected_json(c, "expected"), *row;
    g2p_words words = {.words = golden_json(c, json_string_value(json_object_get(
                           json_object_get(json_object_get(c->json, "inputs"), "nltk_cmudict"), "file")))};
    en_g2p_net net = {0};
    en_g2p g = {.net = &net, .homograph = no_homograph, .word = case_word, .user = &words};
    hse_weights *w = NULL;
    char path[GOLDEN_PATH];
    hse_error err = {0};
    size_t i;

    hse_arena_init(&words.arena, ARENA);
    if (golden_model_path(c, "checkpoint", path) && hse_weights_open(&w, path, NULL, &err) != HSE_OK)
        golden_fail_error(c, "the checkpoint", &err);
    if (w && load_g2p(c, &net, w, &words.arena)) {
        run_predict(c, &net, json_object_get(want, "predict"));
        json_array_foreach(json_object_get(want, "call"), i, row)
        {
            json_t *input = json_object_get(row, "input");
            text_answer a = {0};

            if (en_g2p_run(&g, json_string_value(input), json_string_length(input), &words.arena, &a, &err) != HSE_OK)
                golden_fail_error(c, "a text", &err);
            json_object_set_new(row, "output", answer_json(&a));
        }
        /* The tagger alone decides about homographs: a word that stands alone is a noun. */
        json_array_foreach(json_object_get(want, "homographs"), i, row)
        {
            const char *tag = json_string_value(json_object_get(row, "first_if_pos_starts_with"));

            json_object_set(row, "phones", json_object_get(row, tag && *tag == 'N' ? "first" : "second"));
        }
        golden_give_json(c, "expected", want);
        want = NULL;
    }
    if (w)
        hse_weights_close(&w);
    json_decref(want);
    json_decref(words.words);
    hse_arena_free(&words.arena);
}

const golden_kind golden_melo_text[] = {
    {"melo.g2p_en", letters},
    {"melo.split", split},
    {"melo.text", front_end},
    {NULL, NULL},
};
