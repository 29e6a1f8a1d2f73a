/* whisper_rules.c - adapter of Whisper's golden cases of the logic outside the network. */
#include "golden/families/whisper.h"

#include "base/mem.h"
#include "models/whisper/pipeline.h"

#include <math.h>
#include <string.h>

static bool ids_of(golden_case *c, const json_t *list, bpe_ids *out)
{
    hse_error err = {0};

    out->count = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (bpe_ids_add(out, (int32_t)json_integer_value(json_array_get(list, i)), &err) != HSE_OK) {
            golden_fail_error(c, "ids", &err);
            return false;
        }
    return true;
}

/* ---- segments ---- */

static void split_row(golden_case *c, const whisper_tokenizer *t, json_t *row)
{
    bpe_ids tokens = {0};
    int64_t seek = (int64_t)golden_number(row, "seek", 0), begins = seek;
    whisper_cut *cuts = NULL;
    json_t *list = json_array();
    bool single = false;

    if (ids_of(c, json_object_get(row, "tokens"), &tokens) &&
        (cuts = hse_calloc(tokens.count + 1, sizeof *cuts)) != NULL) {
        size_t n = whisper_split_segments(tokens.id, tokens.count, whisper_specials(t)->timestamp_begin,
                                          golden_number(row, "time_offset", 0),
                                          (int64_t)golden_number(row, "segment_size", 0),
                                          golden_number(row, "segment_duration", 0), &seek, &single, cuts);
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, json_pack("{s:I,s:f,s:f,s:o}", "seek", (json_int_t)begins, "start", cuts[i].start,
                                                  "end", cuts[i].end, "tokens",
                                                  golden_whisper_ids(tokens.id + cuts[i].first, cuts[i].count)));
    }
    json_object_set_new(row, "segments", list);
    json_object_set_new(row, "new_seek", json_integer(seek));
    json_object_set_new(row, "single_timestamp_ending", json_boolean(single));
    hse_free(cuts);
    bpe_ids_free(&tokens);
}

/* ---- prompts ---- */

static void prompt_row(golden_case *c, const whisper_tokenizer *t, json_t *row)
{
    const json_t *params = json_object_get(row, "params");
    bpe_ids previous = {0}, prompt = {0};
    hse_error err = {0};

    if (ids_of(c, json_object_get(row, "previous_tokens"), &previous)) {
        whisper_prompt_parts parts = {.previous = previous.id,
                                      .previous_count = previous.count,
                                      .prefix = json_string_value(json_object_get(params, "prefix")),
                                      .hotwords = json_string_value(json_object_get(params, "hotwords")),
                                      .language = whisper_language_id(t, "en"),
                                      .without_timestamps = json_is_true(json_object_get(params, "without_timestamps")),
                                      .reference = true,
                                      .max_length = 448};
        if (whisper_prompt(t, &parts, &prompt, NULL, &err) != HSE_OK)
            golden_fail_error(c, "get_prompt", &err);
    }
    json_object_set_new(row, "prompt", golden_whisper_ids(prompt.id, prompt.count));
    bpe_ids_free(&previous);
    bpe_ids_free(&prompt);
}

/* ---- fallback ---- */

static double threshold(const json_t *params, const char *name, double otherwise)
{
    return json_is_null(json_object_get(params, name)) ? NAN : golden_number(params, name, otherwise);
}

static void read_options(hse_transcribe_options *o, const json_t *params)
{
    const json_t *temperatures = json_object_get(params, "temperatures");

    hse_transcribe_options_init(o);
    o->compression_ratio_threshold = threshold(params, "compression_ratio_threshold", o->compression_ratio_threshold);
    o->log_prob_threshold = threshold(params, "log_prob_threshold", o->log_prob_threshold);
    o->no_speech_threshold = threshold(params, "no_speech_threshold", o->no_speech_threshold);
    o->length_penalty = golden_number(params, "length_penalty", o->length_penalty);
    o->beam_size = (int)golden_number(params, "beam_size", o->beam_size);
    o->best_of = (int)golden_number(params, "best_of", o->best_of);
    o->patience = golden_number(params, "patience", o->patience);
    o->max_initial_timestamp = golden_number(params, "max_initial_timestamp", o->max_initial_timestamp);
    if (json_array_size(temperatures) > 0 && json_array_size(temperatures) <= COUNT(o->temperatures)) {
        o->temperature_count = json_array_size(temperatures);
        for (size_t i = 0; i < o->temperature_count; i++)
            o->temperatures[i] = json_number_value(json_array_get(temperatures, i));
    }
}

static double ratio_of(golden_case *c, const whisper_tokenizer *t, const bpe_ids *ids)
{
    hse_error err = {0};
    double ratio = 0.0;
    const char *text;
    size_t size;
    hse_buf b;

    hse_buf_init(&b, 1 << 20);
    whisper_decode(t, ids->id, ids->count, &b);
    text = hse_buf_text(&b);
    size = b.size;
    whisper_strip(&text, &size);
    if (whisper_compression_ratio(text, size, &ratio, &err) != HSE_OK)
        golden_fail_error(c, "compression_ratio", &err);
    hse_buf_free(&b);
    return ratio;
}

static json_t *call_json(const whisper_search *s)
{
    json_t *call = json_pack("{s:f,s:i,s:i,s:i}", "length_penalty", s->length_penalty, "max_length", s->max_length,
                             "max_initial_timestamp_index", s->max_initial_timestamp, "beam_size", s->beam_size);

    if (s->temperature > 0.0) {
        json_object_set_new(call, "num_hypotheses", json_integer(s->hypotheses));
        json_object_set_new(call, "sampling_topk", json_integer(0));
        json_object_set_new(call, "sampling_temperature", json_real(s->temperature));
    } else {
        json_object_set_new(call, "patience", json_real(s->patience));
    }
    return call;
}

static void fallback_row(golden_case *c, const whisper_tokenizer *t, json_t *row)
{
    const json_t *params = json_object_get(row, "params"), *results = json_object_get(row, "results_per_call");
    whisper_model model = {.config.dims.decoder_positions = 448};
    hse_transcribe_options o;
    whisper_request request = {.model = &model, .o = &o};
    whisper_rating rating[16];
    whisper_search search;
    json_t *calls = json_array();
    size_t n = 0, chosen = 0;
    bool accepted = false;

    read_options(&o, params);
    while (!accepted && n < json_array_size(results) && whisper_attempt(&request, 3, n, &search)) {
        const json_t *result = json_array_get(results, n);
        bpe_ids tokens = {0};

        json_array_append_new(calls, call_json(&search));
        if (!ids_of(c, json_object_get(result, "tokens"), &tokens))
            break;
        rating[n] = (whisper_rating){.temperature = search.temperature,
                                     .avg_logprob = whisper_avg_logprob(golden_number(result, "score", 0), tokens.count,
                                                                        o.length_penalty),
                                     .no_speech_prob = golden_number(result, "no_speech_prob", 0),
                                     .compression_ratio = ratio_of(c, t, &tokens)};
        bpe_ids_free(&tokens);
        accepted = !whisper_needs_fallback(&o, &rating[n]);
        chosen = n++;
    }
    if (!accepted && n)
        chosen = whisper_best_attempt(&o, rating, n);
    json_object_set_new(row, "number_of_calls", json_integer((json_int_t)n));
    json_object_set_new(row, "calls", calls);
    json_object_set_new(row, "chosen", json_integer((json_int_t)chosen));
    json_object_set_new(row, "avg_logprob", n ? json_real(rating[chosen].avg_logprob) : json_null());
    json_object_set_new(row, "temperature", n ? json_real(rating[n - 1].temperature) : json_null());
    json_object_set_new(row, "compression_ratio", n ? json_real(rating[chosen].compression_ratio) : json_null());
    json_object_set_new(row, "segment_skipped_as_silence",
                        isnan(o.no_speech_threshold) ? json_null() : json_boolean(n && whisper_is_silence(&o, &rating[chosen])));
}

/* ---- punctuation ---- */

/* Words of one made-up token each, numbered. */
static void punctuation_row(golden_case *c, json_t *row)
{
    const json_t *words = json_object_get(row, "words");
    size_t n = json_array_size(words);
    whisper_timed_word *w = hse_calloc(n + 1, sizeof *w);
    json_t *merged = json_array(), *tokens = json_array();
    hse_error err = {0};
    hse_arena arena;

    hse_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < n && w; i++)
        w[i] = (whisper_timed_word){.text = json_string_value(json_array_get(words, i)), .first = i, .count = 1};
    if (!w || whisper_merge_punctuations(w, n, WHISPER_PREPEND_PUNCTUATIONS, WHISPER_APPEND_PUNCTUATIONS, &arena, &err) != HSE_OK)
        golden_fail(c, "merge_punctuations: no memory");
    for (size_t i = 0; i < n && w; i++) {
        json_t *own = json_array();
        for (size_t k = 0; k < w[i].count; k++)
            json_array_append_new(own, json_integer((json_int_t)w[i].first + (json_int_t)k));
        json_array_append_new(merged, json_string(w[i].text));
        json_array_append_new(tokens, own);
    }
    json_object_set_new(row, "merged", merged);
    json_object_set_new(row, "tokens", tokens);
    hse_arena_free(&arena);
    hse_free(w);
}

static void rules(golden_case *c)
{
    static const char *const names[] = {"split_segments", "get_prompt", "fallback", "merge_punctuations"};
    whisper_tokenizer *t = golden_whisper_tokenizer(c);
    size_t k;

    if (!t)
        return;
    golden_whisper_text_rules(c, t);
    for (size_t i = 0; i < COUNT(names); i++) {
        json_t *rows = golden_wants(c, names[i]) ? golden_expected_json(c, names[i]) : NULL, *row;

        json_array_foreach(rows, k, row)
        {
            if (i == 0)
                split_row(c, t, row);
            else if (i == 1)
                prompt_row(c, t, row);
            else if (i == 2)
                fallback_row(c, t, row);
            else
                punctuation_row(c, row);
        }
        if (rows)
            golden_give_json(c, names[i], rows);
    }
    whisper_tokenizer_close(&t);
}

const golden_kind golden_whisper_rules[] = {
    {"whisper.rules", rules},
    {NULL, NULL},
};
