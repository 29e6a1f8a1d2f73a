/* Whisper's rules beyond what golden cases show: every option out of its range is refused by name, prompts that would leave no
 * room, tokens that may not follow, words without times. */
#include "models/whisper/rules.h"
#include "models/whisper/words.h"
#include "test.h"

#include "base/mem.h"

#include <math.h>

static whisper_tokenizer *tokenizer(const char *model)
{
    char path[200];
    whisper_tokenizer *t = NULL;
    whisper_tokenizer_files files = {.tokenizer_json = path};
    hse_error err = {0};

    snprintf(path, sizeof path, "%s", test_path(model));
    CHECK(whisper_tokenizer_open(&t, &files, &err) == HSE_OK, "%s: %s", model, err.text);
    return t;
}

#define ML "tests/golden/whisper/models/ml/ct2_float16/tokenizer.json"
#define EN "tests/golden/whisper/models/en/ct2_int8_float16/tokenizer.json"

/* ---- options ---- */

static const char *const no_language[] = {"en", "qq"};
static const int32_t wrong_ids[] = {5, 999999}, negative_ids[] = {-1};
static const double backwards[] = {5, 2}, negative_clip[] = {-1}, one_clip[] = {1}, nan_clip[] = {NAN};

typedef struct {
    const char *field;
    void (*set)(hse_transcribe_options *o);
} wrong_option;

#define WRONG(id, field, ...)                                                                                          \
    static void wrong_##id(hse_transcribe_options *o)                                                                  \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }
#define WRONGS(X)                                                                                                      \
    X(language, "language", o->language = "klingon")                                                                   \
    X(languages, "languages", o->languages = no_language; o->language_count = 2)                                       \
    X(languages_null, "languages", o->language_count = 2)                                                              \
    X(task, "task", o->task = (hse_transcribe_task)2)                                                                  \
    X(beam_0, "beam_size", o->beam_size = 0)                                                                           \
    X(beam_65, "beam_size", o->beam_size = 65)                                                                         \
    X(best_0, "best_of", o->best_of = 0)                                                                               \
    X(best_65, "best_of", o->best_of = 65)                                                                             \
    X(patience, "patience", o->patience = 0)                                                                           \
    X(patience_nan, "patience", o->patience = NAN)                                                                     \
    X(patience_17, "patience", o->patience = 17)                                                                       \
    X(length, "length_penalty", o->length_penalty = 11)                                                                \
    X(length_nan, "length_penalty", o->length_penalty = NAN)                                                           \
    X(repetition, "repetition_penalty", o->repetition_penalty = 0)                                                     \
    X(ngram, "no_repeat_ngram_size", o->no_repeat_ngram_size = -1)                                                     \
    X(ngram_449, "no_repeat_ngram_size", o->no_repeat_ngram_size = 449)                                                \
    X(temperature, "temperature", o->temperatures[2] = -0.1)                                                           \
    X(temperature_nan, "temperature", o->temperatures[0] = NAN)                                                        \
    X(temperature_11, "temperature", o->temperatures[5] = 11)                                                          \
    X(temperatures_0, "temperature", o->temperature_count = 0)                                                         \
    X(temperatures_17, "temperature", o->temperature_count = 17)                                                       \
    X(reset, "prompt_reset_on_temperature", o->prompt_reset_on_temperature = NAN)                                      \
    X(initial_time, "max_initial_timestamp", o->max_initial_timestamp = 1.1e6)                                         \
    X(initial_time_nan, "max_initial_timestamp", o->max_initial_timestamp = NAN)                                       \
    X(initial_time_0, "max_initial_timestamp", o->max_initial_timestamp = -0.1)                                        \
    X(new_tokens, "max_new_tokens", o->max_new_tokens = -1)                                                            \
    X(new_tokens_449, "max_new_tokens", o->max_new_tokens = 449)                                                       \
    X(chunk, "chunk_length", o->chunk_length_s = 0.5)                                                                  \
    X(chunk_31, "chunk_length", o->chunk_length_s = 31)                                                                \
    X(chunk_nan, "chunk_length", o->chunk_length_s = NAN)                                                              \
    X(hallucination, "hallucination_silence_threshold", o->hallucination_silence_threshold = -1)                       \
    X(detection, "language_detection_threshold", o->language_detection_threshold = NAN)                                \
    X(detections, "language_detection_segments", o->language_detection_segments = 0)                                   \
    X(detections_1001, "language_detection_segments", o->language_detection_segments = 1001)                           \
    X(prompt_ids, "initial_prompt", o->initial_prompt_tokens = wrong_ids; o->initial_prompt_token_count = 2)           \
    X(prompt_negative, "initial_prompt", o->initial_prompt_tokens = negative_ids; o->initial_prompt_token_count = 1)   \
    X(prompt_null, "initial_prompt", o->initial_prompt_token_count = 1)                                                \
    X(suppress_ids, "suppress_tokens", o->suppress_tokens = wrong_ids; o->suppress_token_count = 2)                    \
    X(clips_backwards, "clip_timestamps", o->clip_timestamps = backwards; o->clip_count = 2)                           \
    X(clips_negative, "clip_timestamps", o->clip_timestamps = negative_clip; o->clip_count = 1)                        \
    X(clips_nan, "clip_timestamps", o->clip_timestamps = nan_clip; o->clip_count = 1)                                  \
    X(clips_null, "clip_timestamps", o->clip_count = 1)                                                                \
    X(clips_odd, "clip_timestamps", o->clip_timestamps = one_clip; o->clip_count = 1; o->batched = 1)
WRONGS(WRONG)
#define ROW(id, field, ...) {field, wrong_##id},
static const wrong_option wrongs[] = {WRONGS(ROW)};

TEST(every_option_out_of_range_is_refused_by_name)
{
    whisper_tokenizer *t = tokenizer(ML);
    hse_transcribe_options o;
    hse_error err = {0};

    hse_transcribe_options_init(&o);
    CHECK(whisper_options_check(&o, t, false, &err) == HSE_OK, "the defaults: %s", err.text);
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        hse_transcribe_options_init(&o);
        wrongs[i].set(&o);
        err = (hse_error){0};
        CHECK(whisper_options_check(&o, t, false, &err) == HSE_E_ARG, "case %zu, %s: it was taken", i, wrongs[i].field);
        CHECK(strstr(err.text, wrongs[i].field), "case %zu, %s: \"%s\"", i, wrongs[i].field, err.text);
    }
    whisper_tokenizer_close(&t);
}

TEST(long_texts_are_refused_and_no_thresholds_are_taken)
{
    whisper_tokenizer *t = tokenizer(ML);
    char *text = hse_alloc(WHISPER_MAX_TEXT_OPTION + 2);
    hse_transcribe_options o;
    hse_error err = {0};

    memset(text, 'x', WHISPER_MAX_TEXT_OPTION + 1);
    text[WHISPER_MAX_TEXT_OPTION + 1] = '\0';
    for (int i = 0; i < 3; i++) {
        hse_transcribe_options_init(&o);
        *(i == 0 ? &o.initial_prompt : i == 1 ? &o.prefix : &o.hotwords) = text;
        CHECK(whisper_options_check(&o, t, false, &err) == HSE_E_ARG, "text %d was taken", i);
    }
    hse_transcribe_options_init(&o);
    o.compression_ratio_threshold = o.log_prob_threshold = o.no_speech_threshold = o.hallucination_silence_threshold = NAN;
    CHECK(whisper_options_check(&o, t, false, &err) == HSE_OK, "no thresholds: %s", err.text);
    o.language = "Castilian";
    CHECK(whisper_options_check(&o, t, false, &err) == HSE_OK, "a language's other name: %s", err.text);
    hse_free(text);
    whisper_tokenizer_close(&t);
}

TEST(an_english_only_model_says_that_it_knows_no_other_language)
{
    whisper_tokenizer *t = tokenizer(EN);
    hse_transcribe_options o;
    hse_error err = {0};

    hse_transcribe_options_init(&o);
    o.language = "en";
    CHECK(whisper_options_check(&o, t, false, &err) == HSE_OK, "%s", err.text);
    o.language = "de";
    CHECK(whisper_options_check(&o, t, false, &err) == HSE_E_ARG && strstr(err.text, "English"), "\"%s\"", err.text);
    CHECK(whisper_options_check(&o, t, true, &err) == HSE_OK, "upstream hears English all the same: %s", err.text);
    whisper_tokenizer_close(&t);
}

/* ---- prompts ---- */

TEST(a_prompt_always_leaves_room_for_a_result)
{
    whisper_tokenizer *t = tokenizer(ML);
    int32_t earlier[1000];
    char words[4000];
    hse_error err = {0};

    for (int i = 0; i < 1000; i++)
        earlier[i] = 1000 + i;
    for (size_t i = 0; i + 6 < sizeof words; i += 5)
        memcpy(words + i, " word", 6);
    for (size_t previous = 0; previous <= 1000; previous += 125)
        for (int mask = 0; mask < 8; mask++) {
            whisper_prompt_parts p = {.previous = earlier,
                                      .previous_count = previous,
                                      .prefix = mask & 1 ? words : NULL,
                                      .hotwords = mask & 2 ? words : NULL,
                                      .language = whisper_language_id(t, "en"),
                                      .without_timestamps = mask & 4,
                                      .max_length = 448};
            bpe_ids out = {0};
            size_t at = 0;

            CHECK(whisper_prompt(t, &p, &out, &at, &err) == HSE_OK, "%s", err.text);
            size_t start = at + 1 + (mask & 4 ? 1 : 0);
            CHECK(start < 448 - 32 && out.count <= 447 + 224, "earlier %zu, mask %d: %zu tokens, the start at %zu", previous, mask,
                  out.count, start);
            CHECK(out.id[at] == p.language && out.id[at - 1] == whisper_specials(t)->sot, "the language is at %zu", at);
            bpe_ids_free(&out);
        }
    whisper_tokenizer_close(&t);
}

/* ---- tokens that may follow ---- */

TEST(times_come_in_pairs_and_never_go_back)
{
    static const whisper_time_ids ids = {.vocab = 60, .eot = 20, .no_timestamps = 29, .timestamp_begin = 30, .timestamp_end = 49};
    static const struct {
        const char *name;
        int32_t tokens[4];
        size_t n, prefix;
        int32_t allowed_from[2], allowed_to[2]; /* two ranges that are allowed */
        bool decides;
    } rows[] = {
        {"at first a time up to the limit", {0}, 0, 0, {30, 0}, {36, 0}, false},
        {"after the first time: text", {33}, 1, 0, {0, 50}, {29, 60}, false},
        {"after two times: text", {1, 33, 33}, 3, 0, {0, 50}, {29, 60}, false},
        {"after text and a time: a time from it on, or the end", {33, 1, 35}, 3, 0, {20, 35}, {29, 60}, true},
        {"after text: later times alone", {33, 1, 2}, 3, 0, {0, 34}, {29, 60}, true},
        {"after text without any time", {1, 2}, 2, 0, {0, 30}, {29, 60}, true},
        {"after a prefix of text: anything", {1, 2}, 2, 2, {0, 30}, {29, 60}, false},
        {"after a prefix of a time and text: anything", {35, 1}, 2, 2, {0, 30}, {29, 60}, false},
        {"after a prefix and a time: text", {30, 1, 40}, 3, 2, {0, 50}, {29, 60}, false},
        {"after a prefix, a time and text: times after the time behind the prefix", {39, 1, 33, 2}, 4, 2, {0, 34}, {29, 60}, true},
        {"the last time there is", {49, 1}, 2, 0, {0, 50}, {29, 60}, true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        float x[60] = {0};
        bool decides = whisper_time_rules(&ids, x, rows[i].tokens, rows[i].n, rows[i].prefix, 5);

        CHECK(decides == rows[i].decides, "%s: the probabilities decide: %d", rows[i].name, decides);
        for (int32_t k = 0; k < 60; k++) {
            bool allowed = (k >= rows[i].allowed_from[0] && k < rows[i].allowed_to[0]) ||
                           (k >= rows[i].allowed_from[1] && k < rows[i].allowed_to[1]) || (i == 0 && k >= 50);
            allowed = allowed && k != ids.no_timestamps;
            CHECK((x[k] == 0.0f) == allowed, "%s: token %d is %g", rows[i].name, (int)k, (double)x[k]);
        }
    }
}

TEST(repetitions_are_held_down)
{
    static const int32_t tokens[] = {3, 5, 3, 7, 3, 5}, outside[] = {-4, 100};
    float x[10] = {0, 0, 0, 2, 0, -2, 0, 1, 1, 1};

    whisper_repetition_penalty(x, 10, tokens, 4, 2);
    CHECK(x[3] == 1.0f && x[5] == -4.0f && x[7] == 0.5f && x[8] == 1.0f, "%g %g %g %g", (double)x[3], (double)x[5],
          (double)x[7], (double)x[8]);
    whisper_no_repeat_ngram(x, 10, tokens, 6, 3); /* "3 5" was followed by 3 */
    CHECK(x[3] == WHISPER_DISABLED && x[7] == 0.5f, "%g %g", (double)x[3], (double)x[7]);
    whisper_no_repeat_ngram(x, 10, tokens, 2, 3);
    whisper_no_repeat_ngram(x, 10, tokens, 0, 1);
    whisper_disable(x, 10, outside, 2);
    CHECK(x[8] == 1.0f && x[9] == 1.0f, "what is left");
    whisper_no_repeat_ngram(x, 10, tokens, 6, 1);
    CHECK(x[5] == WHISPER_DISABLED && x[7] == WHISPER_DISABLED, "single tokens");
}

/* ---- aligning ---- */

TEST(a_path_goes_from_corner_to_corner)
{
    uint32_t seed = 5;

    for (int rows = 1; rows <= 9; rows++)
        for (int cols = 1; cols <= 30; cols += 1 + cols / 4) {
            float x[270];
            int(*path)[2] = NULL;
            size_t n = 0;
            hse_error err = {0};

            for (int i = 0; i < rows * cols; i++) {
                seed = seed * 1664525u + 1013904223u;
                x[i] = (float)(seed >> 16) / 65536.0f - 0.5f;
            }
            if (cols == 4)
                x[0] = NAN;
            CHECK(whisper_warp(x, rows, cols, &path, &n, &err) == HSE_OK && n >= 1, "%d x %d: %s", rows, cols, err.text);
            CHECK(path[0][0] == 0 && path[0][1] == 0 && path[n - 1][0] == rows - 1 && path[n - 1][1] == cols - 1,
                  "%d x %d: from %d,%d to %d,%d", rows, cols, path[0][0], path[0][1], path[n - 1][0], path[n - 1][1]);
            for (size_t i = 1; i < n; i++) {
                int down = path[i][0] - path[i - 1][0], right = path[i][1] - path[i - 1][1];
                CHECK(down >= 0 && down <= 1 && right >= 0 && right <= 1 && down + right > 0, "%d x %d, step %zu", rows, cols, i);
            }
            hse_free(path);
        }
}

TEST(words_of_nothing_and_words_without_times)
{
    whisper_worded g[2] = {{.start = 1, .end = 2, .text_tokens = 3}, {.start = 3, .end = 3, .text_tokens = 2}};
    whisper_timed_word w[] = {{.text = " a", .count = 2}, {.text = ".", .first = 2, .count = 1}, {.text = " b", .first = 3, .count = 2}};
    hse_error err = {0};
    hse_arena arena;
    double last = 0.0;

    hse_arena_init(&arena, 1 << 20);
    CHECK(whisper_place_words(NULL, 0, 0, "", "", g, 2, &last, &arena, &err) == HSE_OK && g[0].word_count == 0 && g[0].start == 1,
          "%s", err.text);
    CHECK(whisper_place_words(w, 3, 7, WHISPER_PREPEND_PUNCTUATIONS, WHISPER_APPEND_PUNCTUATIONS, g, 2, &last, &arena, &err) ==
              HSE_OK && g[0].word_count == 1 && g[1].word_count == 1 && strcmp(g[0].words[0].word, " a.") == 0,
          "%zu and %zu words", g[0].word_count, g[1].word_count);
    CHECK(g[0].start == 7.0 && last == g[1].end, "%g, %g", g[0].start, last);
    CHECK(!whisper_is_anomaly(NULL), "nothing is suspect");
    hse_arena_free(&arena);
}
