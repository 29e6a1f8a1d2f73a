#include "models/vits/narrator.h"

#include "base/file.h"
#include "base/mem.h"
#include "text/melo/rep.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum {
    FILE_BYTES = 64 << 20, PIECE_ARENA = 64 << 20,
    TOGETHER = 2048,                        /* symbols that go through the networks in one pass, unless one piece has more */
};

/* What the original's engine calls its models with. */
static const struct {
    float noise_scale, noise_scale_w, sdp_ratio;
} scales[] = {[VITS_OPENVOICE_BASE] = {0.667f, 0.6f, 0.2f}, [VITS_MELO] = {0.6f, 0.8f, 0.2f}};

/* ---- languages and texts ---- */

static bool openvoice_language_find(const char *name, openvoice_language *out)
{
    *out = strcasecmp(name, "zh") == 0 ? OPENVOICE_ZH : OPENVOICE_EN;
    return *out == OPENVOICE_ZH || strcasecmp(name, "en") == 0;
}

bool vits_narrator_speaks(vits_config_kind kind, const char *language)
{
    melo_language melo;
    openvoice_language openvoice;

    return kind == VITS_MELO ? melo_language_find(language, &melo) : openvoice_language_find(language, &openvoice);
}

hse_status vits_narrator_cut(vits_config_kind kind, const char *language, const char *text, size_t size, hse_arena *arena,
                             const char ***out, size_t *count, hse_error *err)
{
    melo_language melo;
    openvoice_language openvoice;

    if (kind == VITS_MELO && melo_language_find(language, &melo))
        return melo_split(melo, text, size, arena, out, count, err);
    if (kind == VITS_OPENVOICE_BASE && openvoice_language_find(language, &openvoice))
        return openvoice_split(openvoice, text, size, arena, out, count, err);
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "language: '%.40s' is not spoken by this model", language);
}

/* Speeds come as float32 of what somebody wrote with a few digits: the original reckons with the digits. */
static double speed_of(float speed)
{
    double written = nearbyint((double)speed * 1e6) / 1e6;

    return written > 0 ? written : (double)speed;
}

size_t vits_narrator_gap(const vits_narrator *m, float speed)
{
    return (size_t)(m->config->rate_hz * 0.05 / speed_of(speed));
}

/* ---- opening ---- */

static int symbol_id(const void *symbols, const char *symbol, size_t size)
{
    return vits_symbol_id(symbols, symbol, size);
}

/* The model's own table before the language pack. */
static hse_status ask(void *user, text_table table, const char *key, size_t size, hse_arena *arena, text_answer *out,
                      hse_error *err)
{
    const vits_narrator *m = user;
    const char **item;
    hse_bytes phones;

    if (table != TEXT_CMUDICT_REP || !m->rep)
        return m->inner.ask(m->inner.user, table, key, size, arena, out, err);
    *out = (text_answer){0};
    if (!(phones = melo_rep_find(m->rep, key, size)).data)
        return HSE_OK;
    if (!(item = hse_arena_array(arena, 1, sizeof *item)) ||
        !(item[0] = hse_arena_strndup(arena, (const char *)phones.data, phones.size)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a pronunciation");
    *out = (text_answer){.item = item, .count = 1, .found = true};
    return HSE_OK;
}

static hse_status open_config(vits_narrator *m, const vits_narrator_source *source, hse_error *err)
{
    char *text = NULL;
    size_t size;
    hse_status s = hse_file_read(&text, &size, source->config, FILE_BYTES, err);

    if (s == HSE_OK)
        s = vits_config_open(&m->config, (hse_bytes){(const uint8_t *)text, size}, "config.json", m->kind, err);
    hse_free(text);
    return s;
}

static hse_status open_bert_part(void **out, const void *how, hse_error *err)
{
    bert *b = NULL;
    hse_status s = bert_open(&b, how, err);

    *out = b;
    return s;
}

static void close_bert_part(void *object)
{
    bert *b = object;

    bert_close(&b);
}

static hse_status open_bert(vits_narrator *m, const vits_narrator_source *source, hse_error *err)
{
    static const hse_part_type part = {"BERT", open_bert_part, close_bert_part};
    const bert_source from = {.dir = source->bert, .kernels = source->kernels, .type = K_F32, .limits = source->limits};
    bool zh = m->melo.language == MELO_ZH;
    int width = zh ? VITS_BERT : VITS_JA_BERT;
    hse_status s;

    if (!source->bert)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "there is no BERT for %s", melo_language_name(m->melo.language));
    if (m->config->disable_bert)
        return bert_open_tokens(&m->tokens, source->bert, err);
    if ((s = hse_part_take(&m->bert_part, source->parts, &part, source->bert, &from, err)) != HSE_OK)
        return s;
    m->bert = hse_part_object(m->bert_part);
    if (m->bert->hidden != width)
        s = hse_fail(err, HSE_E_FORMAT, 0, "the BERT in %.120s has %d channels; %s takes %d", source->bert, m->bert->hidden,
                     melo_language_name(m->melo.language), width);
    return s;
}

static hse_status open_front(vits_narrator *m, const vits_narrator_source *source, hse_error *err)
{
    hse_status s = HSE_OK;
    size_t size;

    m->inner = source->dictionary;
    m->openvoice.dictionary = m->melo.dictionary = (text_dictionary){ask, m};
    m->openvoice.symbol_id = m->melo.symbol_id = symbol_id;
    m->openvoice.symbols = m->melo.symbols = m->config;
    m->openvoice.add_blank = m->melo.add_blank = m->config->add_blank;
    if (m->kind == VITS_OPENVOICE_BASE ? !openvoice_language_find(source->language, &m->openvoice.language)
                                       : !melo_language_find(source->language, &m->melo.language))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "language: '%.40s' is not spoken by this model", source->language);
    if (m->kind == VITS_OPENVOICE_BASE)
        return HSE_OK;
    if (source->rep && (s = hse_file_read(&m->rep_text, &size, source->rep, FILE_BYTES, err)) == HSE_OK)
        s = melo_rep_open(&m->rep, (hse_bytes){(const uint8_t *)m->rep_text, size}, "cmudict.rep", err);
    if (s == HSE_OK)
        s = open_bert(m, source, err);
    m->melo.tokens = m->bert ? m->bert->tokens : m->tokens;
    return s;
}

hse_status vits_narrator_open(vits_narrator **out, const vits_narrator_source *source, hse_error *err)
{
    vits_narrator *m = hse_calloc(1, sizeof *m);
    hse_weights *w = NULL;
    hse_status s;

    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    m->kind = source->kind;
    if ((s = open_config(m, source, err)) == HSE_OK)
        s = open_front(m, source, err);
    if (s == HSE_OK)
        s = hse_weights_open(&w, source->checkpoint, source->limits, err);
    if (s == HSE_OK)
        s = vits_tts_open(&m->tts, w, m->config, m->kind, source->kernels, source->type, err);
    if (w)
        hse_weights_close(&w);
    if (s != HSE_OK)
        vits_narrator_close(&m);
    else
        *out = m;
    return s;
}

void vits_narrator_close(vits_narrator **narrator)
{
    vits_narrator *m = *narrator;

    if (!m)
        return;
    vits_tts_close(&m->tts);
    hse_part_leave(&m->bert_part);
    text_wordpiece_close(&m->tokens);
    melo_rep_close(&m->rep);
    hse_free(m->rep_text);
    vits_config_close(&m->config);
    hse_free(m);
    *narrator = NULL;
}

size_t vits_narrator_bytes(const vits_narrator *m)
{
    return vits_tts_bytes(m->tts) + (m->bert ? bert_bytes(m->bert) : 0);
}

/* ---- from a piece to symbols ---- */

static hse_status no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a piece of text");
}

/* ids: the piece for BERT, with [CLS] and [SEP]; spread: how often each of its rows stands for a symbol. */
typedef struct {
    int32_t       *ids;
    const int32_t *spread;
    size_t         tokens, rows;
} bert_words;

/* What upstream raises for is, where the item is lenient, said without its odd characters, or else as a pause. */
static hse_status read_piece(melo_piece *p, const vits_narrator *m, vits_told *t)
{
    melo_front front = m->melo;
    const char *words;

    front.lenient = t->lenient;
    hse_status s = melo_piece_run(p, &front, t->text, &t->arena, &t->error);
    if (s != HSE_E_ARG || !t->lenient)
        return s;
    if (!(words = melo_plain(t->text, &t->arena)))
        return no_memory(&t->error);
    s = melo_piece_run(p, &front, words, &t->arena, &t->error);
    return s == HSE_E_ARG ? melo_piece_run(p, &front, ".", &t->arena, &t->error) : s;
}

static hse_status read_melo(const vits_narrator *m, vits_told *t, bert_words *words)
{
    size_t symbols = 0;
    melo_piece p;
    hse_status s = read_piece(&p, m, t);
    bool features = m->bert != NULL;

    if (s == HSE_OK && features && (s = melo_piece_check_bert(&p, m->melo.language, &t->error)) == HSE_OK &&
        p.token_count + 2 > (size_t)m->bert->positions)
        s = hse_fail(&t->error, HSE_E_LIMIT, 0, "%zu tokens; BERT takes %d", p.token_count + 2, m->bert->positions);
    if (features && t->lenient && (s == HSE_E_ARG || s == HSE_E_LIMIT)) {
        features = false;                   /* spoken without, as of a model that has none */
        s = HSE_OK;
    }
    if (s != HSE_OK)
        return s;
    if (p.n > INT32_MAX / 4)
        return hse_fail(&t->error, HSE_E_LIMIT, 0, "a piece of %zu symbols", p.n);
    t->symbols = p.symbol_ids;
    t->tones = p.tone_ids;
    t->languages = p.language_ids;
    t->n = (int)p.n;
    if (!features)
        return HSE_OK;
    for (size_t i = 0; i < p.spread_count; i++)
        symbols += (size_t)p.spread[i];
    if (symbols != p.n)
        return hse_fail(&t->error, HSE_E_ARG, 0, "the words stand for %zu symbols, there are %zu", symbols, p.n);
    *words = (bert_words){.spread = p.spread, .rows = p.spread_count, .tokens = p.token_count + 2};
    if (!(words->ids = hse_arena_array(&t->arena, words->tokens, sizeof *words->ids)))
        return no_memory(&t->error);
    words->ids[0] = text_wordpiece_find(m->bert->tokens, "[CLS]");
    memcpy(words->ids + 1, p.tokens, p.token_count * sizeof *words->ids);
    words->ids[words->tokens - 1] = text_wordpiece_find(m->bert->tokens, "[SEP]");
    return HSE_OK;
}

static hse_status read_openvoice(const vits_narrator *m, vits_told *t)
{
    openvoice_piece p;
    hse_status s = openvoice_piece_run(&p, &m->openvoice, t->text, &t->arena, &t->error);

    if (s != HSE_OK)
        return s;
    if (p.n > INT32_MAX / 4)
        return hse_fail(&t->error, HSE_E_LIMIT, 0, "a piece of %zu symbols", p.n);
    t->symbols = p.ids;
    t->n = (int)p.n;
    return HSE_OK;
}

/* ---- through the networks ---- */

/* Row i of BERT's states for spread[i] symbols. */
static hse_status spread_features(vits_told *t, const bert_words *words, const float *states, int width)
{
    size_t row = (size_t)width;
    float *out;

    if (!(t->features = out = hse_alloc(((size_t)t->n * row + 1) * sizeof *out)))
        return no_memory(&t->error);
    t->feature_width = width;
    for (size_t i = 0; i < words->rows; i++)
        for (int32_t k = 0; k < words->spread[i]; k++, out += row)
            memcpy(out, states + i * row, row * sizeof *out);
    return HSE_OK;
}

static hse_status run_bert(const vits_narrator *m, nn_ctx *c, vits_told *const *items, const bert_words *words, int n, hse_error *err)
{
    bert_text *texts = hse_calloc((size_t)n + 1, sizeof *texts);
    int some = 0;
    hse_status s;

    if (!texts)
        return no_memory(err);
    for (int i = 0; i < n; i++)
        if (words[i].ids)
            texts[some++] = (bert_text){.ids = words[i].ids, .n = (int)words[i].tokens};
    s = some ? bert_run(m->bert, c, texts, some, err) : HSE_OK;
    for (int i = 0, at = 0; i < n; i++) {
        vits_told *t = items[i];

        if (!words[i].ids)
            continue;
        if (s == HSE_OK && texts[at].status != HSE_OK) {
            t->status = texts[at].status;
            t->error = texts[at].error;
        } else if (s == HSE_OK) {
            t->status = spread_features(t, &words[i], texts[at].features, m->bert->hidden);
        }
        hse_free(texts[at++].features);
    }
    hse_free(texts);
    return s;
}

static hse_status run_tts(const vits_narrator *m, nn_ctx *c, vits_told *const *items, int n, hse_error *err)
{
    vits_utterance *u = hse_calloc((size_t)n + 1, sizeof *u);
    bool zh = m->kind == VITS_MELO && m->melo.language == MELO_ZH;
    int good = 0;
    hse_status s = HSE_OK;

    if (!u)
        return no_memory(err);
    for (int i = 0; i < n; i++) {
        const vits_told *t = items[i];

        if (t->status == HSE_OK)
            u[good++] = (vits_utterance){
                .symbols = t->symbols, .tones = t->tones, .languages = t->languages, .n = t->n,
                .bert = zh ? t->features : NULL, .ja_bert = zh ? NULL : t->features, .speaker = t->speaker,
                .noise_scale = scales[m->kind].noise_scale, .noise_scale_w = scales[m->kind].noise_scale_w,
                .sdp_ratio = scales[m->kind].sdp_ratio, .length_scale = (float)(1 / speed_of(t->speed)), .seed = t->seed,
                .stream = t->stream, .noise_w = t->noise_w, .noise_z = t->noise_z, .noise_z_frames = t->noise_z_frames,
            };
    }
    if (good)
        s = vits_tts_run(m->tts, c, u, good, err);
    for (int i = 0, at = 0; i < n; i++) {
        vits_told *t = items[i];

        if (t->status != HSE_OK || s != HSE_OK)
            continue;
        t->status = u[at].status;
        t->error = u[at].error;
        t->durations = u[at].durations;
        t->z = u[at].z;
        t->frames = u[at++].frames;
    }
    hse_free(u);
    return s;
}

hse_status vits_narrator_tell(const vits_narrator *m, nn_ctx *c, vits_told *items, int n, hse_error *err)
{
    vits_told **pass = hse_calloc((size_t)n + 1, sizeof *pass);
    bert_words *words = hse_calloc((size_t)n + 1, sizeof *words);
    hse_status s = pass && words ? HSE_OK : no_memory(err);

    for (int i = 0; i < n && s == HSE_OK;) {
        int together = 0;

        for (int symbols = 0; i < n && (!together || symbols < TOGETHER); i++) {
            vits_told *t = &items[i];

            hse_arena_init(&t->arena, PIECE_ARENA);
            words[together] = (bert_words){0};
            t->status = m->kind == VITS_MELO ? read_melo(m, t, &words[together]) : read_openvoice(m, t);
            if (t->status == HSE_OK) {
                pass[together++] = t;
                symbols += t->n;
            }
        }
        if (together && m->bert)
            s = run_bert(m, c, pass, words, together, err);
        if (together && s == HSE_OK)
            s = run_tts(m, c, pass, together, err);
    }
    hse_free(pass);
    hse_free(words);
    return s;
}

void vits_told_free(vits_told *t)
{
    hse_arena_free(&t->arena);
    hse_free(t->features);
    hse_free(t->durations);
    hse_free(t->z);
    t->features = t->z = NULL;
    t->durations = NULL;
}
