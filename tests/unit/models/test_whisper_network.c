/* Whisper's network on models made here: the same bits in any company, forks, limits, cancelling and damaged
 * files. What the numbers are, the golden cases hold (hse golden tests/golden/whisper). */
#include "torture.h"
#include "whisper_made.h"

#include <stdlib.h>

static const whisper_dims small_dims = {.mels = 8,
                                        .vocab = 61,
                                        .width = 24,
                                        .encoder_ffn = 96,
                                        .decoder_ffn = 77,
                                        .encoder_heads = 3,
                                        .encoder_layers = 2,
                                        .encoder_positions = 40,
                                        .decoder_heads = 2,
                                        .decoder_layers = 2,
                                        .decoder_positions = 20};

typedef struct {
    made made;
    hse_pool *pool;
    nn_ctx *ctx;
    whisper_network *net;
    whisper_decoding *d;
} rig;

static void rig_open(rig *r, const whisper_dims *dims, k_weight_type type, const char *cpu, int threads, int windows,
                     int sequences)
{
    hse_error err = {0};
    unsigned mask = 0;

    memset(r, 0, sizeof *r);
    make(&r->made, dims);
    CHECK(hse_cpu_mask(cpu, &mask, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_pool_open(&r->pool, threads, &err) == HSE_OK, "%s", err.text);
    CHECK(nn_open(&r->ctx, &(nn_options){.pool = r->pool, .kernels = hse_kernels_get(mask), .poison = true}, &err) ==
              HSE_OK,
          "%s", err.text);
    CHECK(open_made(&r->net, &r->made, type, hse_kernels_get(mask), r->pool, &err) == HSE_OK, "%s", err.text);
    CHECK(whisper_decoding_open(&r->d, r->net, r->ctx,
                                &(whisper_decoding_limits){.windows = windows, .sequences = sequences}, &err) == HSE_OK,
          "%s", err.text);
}

static void rig_close(rig *r)
{
    whisper_decoding_close(&r->d);
    whisper_network_close(&r->net);
    nn_close(&r->ctx);
    hse_pool_close(&r->pool);
    hse_buf_free(&r->made.file);
}

static int encode(rig *r, int frames, uint32_t seed)
{
    size_t n = (size_t)frames * (size_t)r->made.config.dims.mels;
    float *mel = malloc(n * sizeof *mel);
    const float *in = mel;
    hse_error err = {0};
    int window = -1;

    for (size_t i = 0; i < n; i++)
        mel[i] = noise(&seed);
    CHECK(whisper_encode_windows(r->d, 1, &in, &frames, &window, true, &err) == HSE_OK, "%s", err.text);
    free(mel);
    return window;
}

static void step(rig *r, const whisper_row *rows, int n)
{
    hse_error err = {0};

    CHECK(whisper_step(r->d, rows, n, &err) == HSE_OK, "%s", err.text);
}

/* ---- the same bits ---- */

enum { TOKENS = 9 };

static const int32_t tokens[TOKENS] = {1, 60, 17, 3, 3, 44, 0, 29, 8};

/* The logits of all tokens over a window of 75 frames, fed `each` at a time between rows of `others` other sequences.
 */
static void logits_of(rig *r, int others, int each, float *out)
{
    int vocab = r->made.config.dims.vocab, other[8], mine;
    whisper_row rows[64];

    for (int i = 0; i < others; i++)
        other[i] = whisper_sequence_new(r->d, encode(r, 3 + 11 * i, (uint32_t)i));
    mine = whisper_sequence_new(r->d, encode(r, 75, 99));
    for (int at = 0; at < TOKENS; at += each) {
        int n = 0, first = others / 2, count = TOKENS - at < each ? TOKENS - at : each;
        for (int i = 0; i < first; i++)
            rows[n++] = (whisper_row){other[i], 7 + i, true};
        for (int i = 0; i < count; i++)
            rows[n++] = (whisper_row){mine, tokens[at + i], true};
        for (int i = first; i < others; i++)
            rows[n++] = (whisper_row){other[i], 20 + i, false};
        step(r, rows, n);
        for (int i = 0; i < count; i++)
            memcpy(out + (at + i) * vocab, whisper_logits(r->d, first + i), (size_t)vocab * sizeof *out);
        for (int i = first; i < others; i++)
            CHECK(whisper_logits(r->d, count + i) == NULL, "logits that nobody wanted");
    }
}

TEST(company_threads_and_steps_change_no_bit)
{
    static const struct {
        int threads, others, each;
    } cases[] = {{1, 0, 1}, {1, 0, 4}, {1, 5, 2}, {4, 7, 3}, {3, 0, TOKENS}, {4, 6, 1}};
    static const char *const cpus[] = {"generic", "auto"};
    enum { MOST = TOKENS * 61 };
    static float want[MOST], got[MOST];

    for (size_t c = 0; c < COUNT(cpus); c++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            rig r;
            rig_open(&r, &small_dims, (k_weight_type)type, cpus[c], 1, 8, 8);
            logits_of(&r, 0, TOKENS, want);
            rig_close(&r);
            for (size_t i = 0; i < COUNT(cases); i++) {
                rig_open(&r, &small_dims, (k_weight_type)type, cpus[c], cases[i].threads, 8, 8);
                logits_of(&r, cases[i].others, cases[i].each, got);
                CHECK(memcmp(want, got, sizeof want) == 0, "%s type %d: %d threads, %d others, %d at a time", cpus[c],
                      type, cases[i].threads, cases[i].others, cases[i].each);
                rig_close(&r);
            }
        }
}

/* ---- sequences ---- */

TEST(a_fork_goes_on_as_its_own)
{
    enum { VOCAB = 61 };
    static float want[2][VOCAB];
    rig r;

    rig_open(&r, &small_dims, K_F32, "auto", 2, 2, 4);
    int window = encode(&r, 60, 1), a = whisper_sequence_new(r.d, window), b, c;
    step(&r, (whisper_row[]){{a, 4, false}, {a, 9, false}, {a, 2, true}}, 3);
    CHECK((b = whisper_sequence_fork(r.d, a)) >= 0 && whisper_sequence_length(r.d, b) == 3, "the fork");
    step(&r, (whisper_row[]){{a, 5, true}, {b, 6, true}}, 2);
    memcpy(want[0], whisper_logits(r.d, 0), sizeof want[0]);
    memcpy(want[1], whisper_logits(r.d, 1), sizeof want[1]);
    CHECK(memcmp(want[0], want[1], sizeof want[0]) != 0, "different tokens, the same logits");
    for (int i = 0; i < 2; i++) {
        c = whisper_sequence_new(r.d, window);
        step(&r, (whisper_row[]){{c, 4, false}, {c, 9, false}, {c, 2, false}, {c, i ? 6 : 5, true}}, 4);
        CHECK(memcmp(whisper_logits(r.d, 3), want[i], sizeof want[i]) == 0, "sequence %d, forked or fed anew", i);
        whisper_sequence_free(r.d, c);
    }
    whisper_sequence_free(r.d, a); /* b keeps what they share */
    c = whisper_sequence_new(r.d, window);
    step(&r, (whisper_row[]){{c, 30, false}, {c, 31, false}, {c, 32, false}, {c, 33, false}}, 4);
    step(&r, (whisper_row[]){{b, 7, true}}, 1);
    memcpy(want[0], whisper_logits(r.d, 0), sizeof want[0]);
    whisper_sequence_free(r.d, c);
    c = whisper_sequence_new(r.d, window);
    step(&r, (whisper_row[]){{c, 4, false}, {c, 9, false}, {c, 2, false}, {c, 6, false}, {c, 7, true}}, 5);
    CHECK(memcmp(whisper_logits(r.d, 4), want[0], sizeof want[0]) == 0, "what a freed sequence shared was overwritten");
    rig_close(&r);
}

/* Thousands of forks and ends: the cache's rows must come back. */
TEST(rows_come_back)
{
    rig r;

    rig_open(&r, &small_dims, K_INT8, "auto", 1, 1, 5);
    int window = encode(&r, 10, 1);
    for (int round = 0; round < 200; round++) {
        int s[5] = {whisper_sequence_new(r.d, window)};
        CHECK(s[0] >= 0, "round %d", round);
        for (int i = 1; i < 5; i++)
            s[i] = whisper_sequence_fork(r.d, s[0]);
        for (int p = 0; p < small_dims.decoder_positions; p++) {
            step(&r,
                 (whisper_row[]){
                     {s[0], 1, false}, {s[1], 2, false}, {s[2], 3, false}, {s[3], 4, false}, {s[4], 5, false}},
                 5);
            whisper_sequence_free(r.d, s[p % 4 + 1]);
            s[p % 4 + 1] = whisper_sequence_fork(r.d, s[p % 5 == p % 4 + 1 ? 0 : p % 5]);
            CHECK(s[p % 4 + 1] >= 0, "round %d position %d", round, p);
        }
        for (int i = 0; i < 5; i++)
            whisper_sequence_free(r.d, s[i]);
    }
    rig_close(&r);
}

TEST(limits_are_kept)
{
    hse_error err = {0};
    rig r;
    int window, s[3], frames;
    const float *mel = (const float[8]){0};

    rig_open(&r, &small_dims, K_F32, "auto", 1, 2, 2);
    window = encode(&r, 80, 1);
    encode(&r, 1, 1);
    frames = 1;
    CHECK(whisper_encode_windows(r.d, 1, &mel, &frames, &window, false, &err) == HSE_E_LIMIT, "a third window: %s",
          err.text);
    whisper_window_free(r.d, 1);
    for (frames = -1; frames <= 81; frames += frames < 0 ? 1 : 81)
        CHECK(whisper_encode_windows(r.d, 1, &mel, &frames, &s[0], false, &err) == HSE_E_ARG, "%d frames", frames);
    CHECK(whisper_sequence_new(r.d, 1) == -1 && whisper_sequence_new(r.d, -1) == -1, "a sequence over no window");
    s[0] = whisper_sequence_new(r.d, 0);
    s[1] = whisper_sequence_new(r.d, 0);
    CHECK(s[0] >= 0 && s[1] >= 0 && whisper_sequence_new(r.d, 0) == -1 && whisper_sequence_fork(r.d, s[0]) == -1,
          "a third sequence");
    whisper_window_free(r.d, 0);
    CHECK(whisper_window_positions(r.d, 0) == 40, "a window went while sequences stood on it");
    const struct {
        const char *what;
        whisper_row row;
    } wrong[] = {{"no such sequence", {2, 1, true}},
                 {"a negative sequence", {-1, 1, true}},
                 {"a negative token", {s[0], -1, true}},
                 {"a token behind the vocabulary", {s[0], 61, true}}};
    for (size_t i = 0; i < COUNT(wrong); i++)
        CHECK(whisper_step(r.d, &wrong[i].row, 1, &err) == HSE_E_ARG && err.text[0], "%s", wrong[i].what);
    CHECK(whisper_step(r.d, &wrong[0].row, 0, &err) == HSE_E_ARG, "no rows");
    for (int i = 0; i < 19; i++)
        step(&r, (whisper_row[]){{s[0], 1, false}}, 1);
    CHECK(whisper_step(r.d, (whisper_row[]){{s[1], 1, true}, {s[0], 1, true}, {s[0], 1, true}}, 3, &err) == HSE_E_LIMIT,
          "position 20");
    CHECK(whisper_sequence_length(r.d, s[0]) == 19 && whisper_sequence_length(r.d, s[1]) == 0 &&
              !whisper_logits(r.d, 0),
          "a refused step left something behind");
    step(&r, (whisper_row[]){{s[0], 1, true}}, 1);
    CHECK(whisper_logits(r.d, 0) && !whisper_logits(r.d, 1) && !whisper_logits(r.d, -1), "logits of rows");
    rig_close(&r);
}

TEST(a_raised_flag_ends_encoder_and_steps)
{
    atomic_bool flag = true;
    hse_error err = {0};
    rig r;
    float mel[8 * 8] = {0};
    const float *in = mel;
    int frames = 8, window, s;

    rig_open(&r, &small_dims, K_INT8, "auto", 2, 2, 2);
    s = whisper_sequence_new(r.d, encode(&r, 20, 1));
    nn_cancel_by(r.ctx, &flag, 0);
    CHECK(whisper_encode_windows(r.d, 1, &in, &frames, &window, false, &err) == HSE_E_CANCELLED, "%s", err.text);
    CHECK(whisper_step(r.d, (whisper_row[]){{s, 1, true}}, 1, &err) == HSE_E_CANCELLED &&
              whisper_sequence_length(r.d, s) == 0,
          "%s", err.text);
    nn_cancel_by(r.ctx, NULL, 1);
    CHECK(whisper_step(r.d, (whisper_row[]){{s, 1, true}}, 1, &err) == HSE_E_DEADLINE, "%s", err.text);
    nn_cancel_by(r.ctx, NULL, 0);
    step(&r, (whisper_row[]){{s, 1, true}}, 1);
    rig_close(&r);
}

/* Kept scores: softmax of them is the attention, whatever the steps; only of rows that came after heads were chosen. */
TEST(scores_are_kept)
{
    static const int heads[3][2] = {{1, 0}, {0, 1}, {1, 0}}, none[1][2] = {{2, 0}};
    static float want[3][TOKENS][30];
    hse_error err = {0};
    rig r;

    for (int each = TOKENS; each >= 1; each -= 4) {
        rig_open(&r, &small_dims, K_F32, "auto", 2, 2, 4);
        int s = whisper_sequence_new(r.d, encode(&r, 60, 3)), other = whisper_sequence_new(r.d, encode(&r, 9, 4));
        CHECK(whisper_keep_scores(r.d, none, 1, &err) == HSE_E_ARG, "a head that is not there");
        step(&r, (whisper_row[]){{s, 2, false}}, 1);
        CHECK(whisper_keep_scores(r.d, heads, 3, &err) == HSE_OK, "%s", err.text);
        for (int at = 0; at < TOKENS; at += each) {
            whisper_row rows[TOKENS + 1] = {{other, 1, false}};
            int n = 1;
            for (int i = at; i < TOKENS && i < at + each; i++)
                rows[n++] = (whisper_row){s, tokens[i], true};
            step(&r, rows, n);
        }
        CHECK(!whisper_cross_scores(r.d, s, 0, 0) && !whisper_cross_scores(r.d, s, TOKENS + 1, 0) &&
                  !whisper_cross_scores(r.d, s, 1, 3),
              "scores that were not kept");
        for (int h = 0; h < 3; h++)
            for (int i = 0; i < TOKENS; i++) {
                const float *got = whisper_cross_scores(r.d, s, i + 1, h);
                CHECK(got != NULL, "head %d position %d", h, i);
                if (each == TOKENS)
                    memcpy(want[h][i], got, sizeof want[h][i]);
                CHECK(memcmp(want[h][i], got, sizeof want[h][i]) == 0, "%d at a time: head %d position %d", each, h, i);
            }
        CHECK(memcmp(want[0], want[2], sizeof want[0]) == 0 && memcmp(want[0], want[1], sizeof want[0]) != 0,
              "which head is which");
        CHECK(whisper_keep_scores(r.d, NULL, 0, &err) == HSE_OK && !whisper_cross_scores(r.d, s, 1, 0), "no heads");
        rig_close(&r);
    }
}

/* ---- files that do not fit ---- */

TEST(damaged_models_are_refused_by_name)
{
    static const struct {
        const char *name, *without, *damage;
        int width, heads, layers, vocab;
        const char *says;
    } cases[] = {
        {"a missing matrix", "decoder/layer_1/attention/linear_1/weight", NULL, 24, 3, 2, 61, "attention/linear_1"},
        {"a missing bias", "encoder/layer_0/ffn/linear_0/bias", NULL, 24, 3, 2, 61, "ffn/linear_0/bias"},
        {"a missing norm", "decoder/layer_norm/gamma", NULL, 24, 3, 2, 61, "decoder/layer_norm/gamma"},
        {"NaN in a matrix", NULL, "encoder/layer_1/self_attention/linear_0/weight", 24, 3, 2, 61, "not finite"},
        {"NaN in a bias", NULL, "encoder/layer_1/self_attention/linear_0/bias", 24, 3, 2, 61, "not finite"},
        {"NaN in the embedding", NULL, "decoder/embeddings/weight", 24, 3, 2, 61, "not finite"},
        {"another width", NULL, NULL, 48, 3, 2, 61, "is expected"},
        {"heads that do not divide", NULL, NULL, 24, 5, 2, 61, "heads"},
        {"no heads", NULL, NULL, 24, 0, 2, 61, "heads"},
        {"a layer too many", NULL, NULL, 24, 3, 3, 61, "missing"},
        {"no layers", NULL, NULL, 24, 3, 0, 61, "layers"},
        {"another vocabulary", NULL, NULL, 24, 3, 2, 62, "is expected"},
        {"a huge vocabulary", NULL, NULL, 24, 3, 2, 1 << 30, "vocabulary"},
        {"a negative width", NULL, NULL, -24, 3, 2, 61, "width"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            made m = {.without = cases[i].without, .damage = cases[i].damage};
            whisper_network *net = NULL;
            hse_error err = {0};
            make(&m, &small_dims);
            m.config.dims.width = cases[i].width;
            m.config.dims.encoder_heads = cases[i].heads;
            m.config.dims.encoder_layers = cases[i].layers;
            m.config.dims.vocab = cases[i].vocab;
            hse_status s = open_made(&net, &m, (k_weight_type)type, NULL, NULL, &err);
            CHECK(s == HSE_E_FORMAT && !net && strstr(err.text, cases[i].says), "%s, type %d: status %d, \"%s\"",
                  cases[i].name, type, (int)s, err.text);
            hse_buf_free(&m.file);
        }
}

TEST(weights_over_the_limit_are_refused)
{
    made m = {0};
    whisper_network *net = NULL;
    hse_weights *w = NULL;
    hse_error err = {0};

    make(&m, &small_dims);
    CHECK(hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)m.file.data, m.file.size}, "made", NULL, &err) ==
              HSE_OK,
          "%s", err.text);
    CHECK(whisper_network_open(&net, &m.config, &(whisper_network_options){.weights = w, .max_bytes = 10000}, &err) ==
              HSE_E_LIMIT,
          "%s", err.text);
    hse_weights_close(&w);
    hse_buf_free(&m.file);
}

static hse_status whole_life(void *arg, hse_error *err)
{
    static const int heads[1][2] = {{0, 0}};
    const made *m = arg;
    float mel[6 * 8] = {0};
    const float *in = mel;
    whisper_network *net = NULL;
    whisper_decoding *d = NULL;
    nn_ctx *c = NULL;
    int frames = 6, window = -1;
    hse_status s = open_made(&net, m, K_INT8, NULL, NULL, err);

    if (s == HSE_OK && (s = nn_open(&c, &(nn_options){.pool = NULL}, err)) == HSE_OK &&
        (s = whisper_decoding_open(&d, net, c, &(whisper_decoding_limits){.windows = 1, .sequences = 2}, err)) ==
            HSE_OK &&
        (s = whisper_encode_windows(d, 1, &in, &frames, &window, true, err)) == HSE_OK &&
        (s = whisper_keep_scores(d, heads, 1, err)) == HSE_OK) {
        int a = whisper_sequence_new(d, window);
        s = whisper_step(d, (whisper_row[]){{a, 1, true}, {a, 2, true}}, 2, err);
        if (s == HSE_OK)
            s = whisper_step(d, (whisper_row[]){{whisper_sequence_fork(d, a), 1, true}, {a, 2, true}}, 2, err);
    }
    whisper_decoding_close(&d);
    nn_close(&c);
    whisper_network_close(&net);
    return s;
}

TEST(every_allocation_may_fail)
{
    made m = {0};

    make(&m, &small_dims);
    unsigned n = test_torture("a network's life", whole_life, &m);
    CHECK(n > 10, "only %u allocations", n);
    hse_buf_free(&m.file);
}

TEST(words_for_types)
{
    static const struct {
        const char *word;
        int plain, int8; /* -1: unknown */
    } cases[] = {{"int8", K_INT8, K_INT8},
                 {"int8_float32", K_INT8, K_INT8},
                 {"int8_float16", K_INT8, K_INT8},
                 {"auto", K_INT8, K_INT8},
                 {"int8_bfloat16", K_INT8, K_INT8},
                 {"float16", K_BF16, K_BF16},
                 {"bfloat16", K_BF16, K_BF16},
                 {"float32", K_F32, K_F32},
                 {"default", K_F32, K_INT8},
                 {"", -1, -1},
                 {"int16", -1, -1},
                 {"INT8", -1, -1}};

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int stored = 0; stored < 2; stored++) {
            k_weight_type got = K_WEIGHT_TYPES;
            int want = stored ? cases[i].int8 : cases[i].plain;
            CHECK(whisper_compute_type(cases[i].word, stored, &got) == (want >= 0) &&
                      (int)got == (want >= 0 ? want : K_WEIGHT_TYPES),
                  "%s, stored as int8: %d: %d, want %d", cases[i].word, stored, (int)got, want);
        }
}
