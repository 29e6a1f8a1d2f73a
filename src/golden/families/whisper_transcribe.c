/* whisper_transcribe.c - adapter of Whisper's golden cases of whole transcriptions, sequential and batched, through the same
 * split that the engine uses. */
#include "golden/families/whisper.h"

#include "base/mem.h"
#include "engine/catalogue/discover.h"
#include "models/silero/segments.h"
#include "models/silero/silero.h"
#include "models/whisper/adapter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ROWS = 256, MAX_INPUTS = 32, MAX_BATCH = 16, MAX_ITEMS = 64, MAX_CLIPS = 64 };

typedef struct {
    const char  *name;
    golden_array x;
    unsigned     rate;
} sound;

/* One row: its options, and what came of it. */
typedef struct {
    hse_transcribe_options o;
    int32_t  prompt[512], suppress[1024];
    double   clips[MAX_CLIPS];
    hse_split_input in;
    hse_audio audio;
    hse_segment *speech;
    void    *split;
    bool     open, done, failed;
    hse_error error;
    json_t  *segments, *info;
} transcription;

typedef struct {
    golden_case *c;
    whisper_model *m;
    silero      *vad;
    sound        sounds[MAX_INPUTS];
    size_t       n_sounds;
    bool         batched;
} bench;

/* ---- options ---- */

static bool string_is(const json_t *v, const char *text)
{
    return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

static double threshold(const json_t *p, const char *name, double otherwise)
{
    return json_is_null(json_object_get(p, name)) ? NAN : golden_number(p, name, otherwise);
}

static int flag(const json_t *p, const char *name, int otherwise)
{
    const json_t *v = json_object_get(p, name);

    return v ? json_is_true(v) : otherwise;
}

static void read_temperatures(hse_transcribe_options *o, const json_t *v)
{
    if (json_is_number(v)) {
        o->temperature_count = 1;
        o->temperatures[0] = json_number_value(v);
    }
    if (json_array_size(v) > 0 && json_array_size(v) <= COUNT(o->temperatures)) {
        o->temperature_count = json_array_size(v);
        for (size_t i = 0; i < o->temperature_count; i++)
            o->temperatures[i] = json_number_value(json_array_get(v, i));
    }
}

static size_t read_ids(int32_t *out, size_t most, const json_t *list)
{
    size_t n = json_array_size(list) < most ? json_array_size(list) : most;

    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return n;
}

/* "start,end,start", [start, end], or [{"start": .., "end": ..}]. */
static size_t read_clips(double *out, const json_t *v)
{
    size_t n = 0;

    if (json_is_string(v) && !string_is(v, "0")) {
        const char *p = json_string_value(v);
        while (*p && n < MAX_CLIPS) {
            char *end;
            out[n++] = strtod(p, &end);
            if (end == p)
                return 0;
            p = *end == ',' ? end + 1 : end;
        }
    }
    for (size_t i = 0; i < json_array_size(v) && n + 1 < MAX_CLIPS; i++) {
        const json_t *one = json_array_get(v, i);
        out[n++] = json_is_object(one) ? golden_number(one, "start", 0) : json_number_value(one);
        if (json_is_object(one))
            out[n++] = golden_number(one, "end", 0);
    }
    return n;
}

static void read_vad(hse_transcribe_options *o, const json_t *p)
{
    if (!json_is_object(p))
        return;
    o->vad_params_given = 1;
    o->vad.threshold = golden_number(p, "threshold", o->vad.threshold);
    o->vad.neg_threshold = golden_number(p, "neg_threshold", o->vad.neg_threshold);
    o->vad.min_speech_ms = golden_number(p, "min_speech_duration_ms", o->vad.min_speech_ms);
    o->vad.max_speech_s = golden_number(p, "max_speech_duration_s", o->vad.max_speech_s);
    o->vad.min_silence_ms = golden_number(p, "min_silence_duration_ms", o->vad.min_silence_ms);
    o->vad.pad_ms = golden_number(p, "speech_pad_ms", o->vad.pad_ms);
}

static void read_options(transcription *t, const json_t *p, bool batched)
{
    hse_transcribe_options *o = &t->o;
    const json_t *prompt = json_object_get(p, "initial_prompt"), *suppress = json_object_get(p, "suppress_tokens");

    hse_transcribe_options_init(o);
    o->batched = batched;
    o->vad_filter = flag(p, "vad_filter", batched);
    o->without_timestamps = flag(p, "without_timestamps", batched);
    read_temperatures(o, json_object_get(p, "temperature"));
    read_vad(o, json_object_get(p, "vad_parameters"));
    o->language = json_string_value(json_object_get(p, "language"));
    o->task = string_is(json_object_get(p, "task"), "translate") ? HSE_TRANSLATE : HSE_TRANSCRIBE;
    o->beam_size = (int)golden_number(p, "beam_size", o->beam_size);
    o->best_of = (int)golden_number(p, "best_of", o->best_of);
    o->patience = golden_number(p, "patience", o->patience);
    o->length_penalty = golden_number(p, "length_penalty", o->length_penalty);
    o->repetition_penalty = golden_number(p, "repetition_penalty", o->repetition_penalty);
    o->no_repeat_ngram_size = (int)golden_number(p, "no_repeat_ngram_size", o->no_repeat_ngram_size);
    o->compression_ratio_threshold = threshold(p, "compression_ratio_threshold", o->compression_ratio_threshold);
    o->log_prob_threshold = threshold(p, "log_prob_threshold", o->log_prob_threshold);
    o->no_speech_threshold = threshold(p, "no_speech_threshold", o->no_speech_threshold);
    o->condition_on_previous_text = flag(p, "condition_on_previous_text", 1);
    o->prompt_reset_on_temperature = golden_number(p, "prompt_reset_on_temperature", o->prompt_reset_on_temperature);
    o->initial_prompt = json_string_value(prompt);
    o->initial_prompt_tokens = t->prompt;
    o->initial_prompt_token_count = read_ids(t->prompt, COUNT(t->prompt), prompt);
    o->prefix = json_string_value(json_object_get(p, "prefix"));
    o->hotwords = json_string_value(json_object_get(p, "hotwords"));
    o->suppress_blank = flag(p, "suppress_blank", 1);
    o->suppress_none = suppress && json_array_size(suppress) == 0;   /* [] or null */
    if (json_array_size(suppress) > 0) {
        o->suppress_tokens = t->suppress;
        o->suppress_token_count = read_ids(t->suppress, COUNT(t->suppress), suppress);
    }
    o->max_initial_timestamp = golden_number(p, "max_initial_timestamp", o->max_initial_timestamp);
    o->word_timestamps = flag(p, "word_timestamps", 0);
    o->prepend_punctuations = json_string_value(json_object_get(p, "prepend_punctuations"));
    o->append_punctuations = json_string_value(json_object_get(p, "append_punctuations"));
    o->multilingual = flag(p, "multilingual", 0);
    o->max_new_tokens = (int)golden_number(p, "max_new_tokens", 0);
    o->chunk_length_s = golden_number(p, "chunk_length", 0);
    o->clip_timestamps = t->clips;
    o->clip_count = read_clips(t->clips, json_object_get(p, "clip_timestamps"));
    o->hallucination_silence_threshold = golden_number(p, "hallucination_silence_threshold", NAN);
    o->language_detection_threshold = golden_number(p, "language_detection_threshold", o->language_detection_threshold);
    o->language_detection_segments = (int)golden_number(p, "language_detection_segments", 1);
}

/* ---- results ---- */

static json_t *text_json(const char *text)
{
    return json_string(text ? text : "");
}

static json_t *words_json(const hse_transcript_segment *g)
{
    json_t *list = json_array();

    for (size_t i = 0; i < g->word_count; i++)
        json_array_append_new(list, json_pack("{s:f,s:f,s:o,s:f}", "start", g->words[i].start, "end", g->words[i].end, "word",
                                              text_json(g->words[i].word), "probability", g->words[i].probability));
    return list;
}

static json_t *segment_json(const hse_transcript_segment *g, bool words)
{
    json_t *v = json_object();

    json_object_set_new(v, "id", json_integer(g->id));
    json_object_set_new(v, "seek", json_integer(g->seek));
    json_object_set_new(v, "start", golden_whisper_number(g->start));
    json_object_set_new(v, "end", golden_whisper_number(g->end));
    json_object_set_new(v, "text", text_json(g->text));
    json_object_set_new(v, "tokens", golden_whisper_ids(g->tokens, g->token_count));
    json_object_set_new(v, "avg_logprob", golden_whisper_number(g->avg_logprob));
    json_object_set_new(v, "compression_ratio", golden_whisper_number(g->compression_ratio));
    json_object_set_new(v, "no_speech_prob", golden_whisper_number(g->no_speech_prob));
    json_object_set_new(v, "words", words ? words_json(g) : json_null());
    json_object_set_new(v, "temperature", golden_whisper_number(g->temperature));
    return v;
}

static json_t *info_json(const hse_transcript *t)
{
    json_t *v = json_object(), *all = t->languages ? json_array() : json_null();

    for (size_t i = 0; t->languages && i < t->language_count; i++)
        json_array_append_new(all, json_pack("[s,f]", t->languages[i].code, t->languages[i].probability));
    json_object_set_new(v, "language", json_string(t->language));
    json_object_set_new(v, "language_probability", json_real(t->language_probability));
    json_object_set_new(v, "duration", json_real(t->duration));
    json_object_set_new(v, "duration_after_vad", json_real(t->duration_after_vad));
    json_object_set_new(v, "all_language_probs", all);
    return v;
}

/* ---- running ---- */

static bool find_speech(bench *b, transcription *t, const hse_vad_options *o)
{
    const silero_net *net = silero_at(b->vad, WHISPER_RATE);
    size_t chunks = silero_fw_chunks(net, t->audio.n), count = 0;
    float *p = hse_alloc((chunks + 1) * sizeof *p);
    silero_segmenter seg;
    hse_error err = {0};
    hse_status s = p ? silero_fw_file(net, t->audio.samples, t->audio.n, p, &err) : HSE_E_NOMEM;

    if (s == HSE_OK) {
        silero_segmenter_init(&seg, o, WHISPER_RATE, silero_chunk(net));
        for (size_t i = 0; i < chunks; i++)
            silero_segmenter_push(&seg, p[i]);
        s = silero_segmenter_finish(&seg, (int64_t)t->audio.n, &t->speech, &count, &err);
    }
    hse_free(p);
    t->in.speech = t->speech;
    t->in.speech_count = count;
    t->in.has_speech = true;
    if (s != HSE_OK)
        golden_fail_error(b->c, "voice activity", &err);
    return s == HSE_OK;
}

static void took(transcription *t, hse_item *item)
{
    hse_split_output out = {0};

    if (whisper_type.split_took(t->split, item, &out, &t->error) != HSE_OK) {
        t->failed = t->done = true;
        return;
    }
    for (size_t i = 0; i < out.text_count; i++)
        json_array_append_new(t->segments, segment_json(&out.text[i], t->o.word_timestamps != 0));
    t->done = out.done;
    if (out.done)
        t->info = info_json(out.transcript);
}

static void start(bench *b, transcription *t, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "audio"));
    const sound *x = NULL;
    hse_vad_options vad;

    for (size_t i = 0; i < b->n_sounds && name; i++)
        if (strcmp(b->sounds[i].name, name) == 0)
            x = &b->sounds[i];
    if (!x) {
        golden_fail(b->c, "no input is called %.40s", name ? name : "");
        t->done = true;
        return;
    }
    read_options(t, json_object_get(row, "params"), b->batched);
    t->segments = json_array();
    t->audio = (hse_audio){.samples = x->x.data, .n = x->x.count, .rate_hz = (int)x->rate, .channels = 1};
    t->in = (hse_split_input){.audio = &t->audio, .transcribe = &t->o, .reference = true, .seed = 1,
                              .reference_batch = (int)golden_number(json_object_get(row, "params"), "batch_size", 0)};
    if (whisper_type.wants_speech(&t->in, &vad) && !find_speech(b, t, &vad)) {
        t->done = true;
        return;
    }
    t->open = whisper_type.split_open(&t->split, b->m, &t->in, &t->error) == HSE_OK;
    t->failed = t->done = !t->open;
    if (t->open)
        took(t, NULL);
}

static void finish(transcription *t)
{
    if (t->open)
        whisper_type.split_close(&t->split);
    hse_free(t->speech);
    json_decref(t->segments);
    json_decref(t->info);
}

/* n transcriptions side by side, each step of them one run of the model. */
static void run_all(bench *b, transcription *t, size_t n)
{
    hse_item *items[MAX_ITEMS];
    size_t owner[MAX_ITEMS], count;

    do {
        count = 0;
        for (size_t i = 0; i < n; i++) {
            hse_item *item;
            while (!t[i].done && count < MAX_ITEMS && (item = whisper_type.split_next(t[i].split)) != NULL) {
                owner[count] = i;
                items[count++] = item;
            }
        }
        if (count && whisper_type.run(b->m, b->c->nn, items, count) != HSE_OK)
            golden_fail(b->c, "the model: %s", items[0]->error.text);
        for (size_t k = 0; k < count; k++)
            took(&t[owner[k]], items[k]);
    } while (count && !b->c->failed);
}

/* ---- comparing ---- */

/* A NUL of the wanted text is U+FFFD where text is a C string. */
static void forgive_nuls(json_t *got, const json_t *want, const char *key)
{
    const json_t *text = json_object_get(want, key), *mine = json_object_get(got, key);
    hse_arena arena;

    if (!json_is_string(text) || !json_is_string(mine) || strlen(json_string_value(text)) == json_string_length(text))
        return;
    hse_arena_init(&arena, 1 << 20);
    const char *shown = whisper_keep_text(&arena, json_string_value(text), json_string_length(text));
    if (shown && strcmp(shown, json_string_value(mine)) == 0)
        json_object_set(got, key, json_object_get(want, key));
    hse_arena_free(&arena);
}

/* Times of words may differ by one step of the decoder. */
static void forgive_words(json_t *got, const json_t *want)
{
    json_t *word;
    size_t i;

    json_array_foreach(got, i, word)
    {
        const json_t *other = json_array_get(want, i);
        static const char *const names[] = {"start", "end"};

        forgive_nuls(word, other, "word");
        for (size_t k = 0; k < COUNT(names); k++)
            if (fabs(golden_number(word, names[k], 0) - golden_number(other, names[k], NAN)) <= 0.0201)
                json_object_set(word, names[k], json_object_get(other, names[k]));
    }
}

static bool may_compare(const json_t *row, size_t i)
{
    const json_t *indices = json_object_get(row, "agreeing_segment_indices"), *count = json_object_get(row, "agreeing_segments");

    if (!json_is_false(json_object_get(row, "survives_noise")))
        return true;
    for (size_t k = 0; k < json_array_size(indices); k++)
        if ((size_t)json_integer_value(json_array_get(indices, k)) == i)
            return true;
    return json_is_integer(count) && i < (size_t)json_integer_value(count);
}

static void give_row(bench *b, transcription *t, json_t *row)
{
    json_t *want = json_object_get(row, "segments"), *mine = json_array();
    size_t n = json_array_size(t->segments), i;
    bool whole = !json_is_false(json_object_get(row, "survives_noise"));

    if (b->c->options->dtype != K_F32) { /* it runs; what is exact is exact in float32 */
        json_decref(mine);
        return;
    }
    if (t->failed || json_is_string(json_object_get(row, "error"))) { /* what is right where upstream fails, it does not say */
        if (t->failed)
            json_object_set_new(row, "error", json_string(t->error.text));
        json_decref(mine);
        return;
    }
    for (i = 0; i < (whole ? n : json_array_size(want)); i++) {
        json_t *wanted = json_array_get(want, i), *got = json_array_get(t->segments, i);
        if (!may_compare(row, i)) {
            json_array_append(mine, wanted);
            continue;
        }
        forgive_nuls(got, wanted, "text");
        forgive_words(json_object_get(got, "words"), json_object_get(wanted, "words"));
        json_array_append_new(mine, got ? json_incref(got) : json_null());
    }
    json_object_set_new(row, "segments", mine);
    json_object_set_new(row, "error", json_null());
    if (t->info)
        json_object_set(row, "info", t->info);
}

/* Rows from..from + n again, together. */
static void check_batch(bench *b, transcription *alone, json_t *rows, size_t from, size_t n)
{
    transcription *t = hse_calloc(n, sizeof *t);

    if (!t) {
        golden_fail(b->c, "no memory");
        return;
    }
    for (size_t i = 0; i < n; i++)
        start(b, &t[i], json_array_get(rows, from + i));
    run_all(b, t, n);
    for (size_t i = 0; i < n && !b->c->failed; i++) {
        if (t[i].failed != alone[from + i].failed || !json_equal(t[i].segments, alone[from + i].segments) ||
            (t[i].info && !json_equal(t[i].info, alone[from + i].info)))
            golden_fail(b->c, "entry %zu differs in a batch", from + i);
    }
    for (size_t i = 0; i < n; i++)
        finish(&t[i]);
    hse_free(t);
}

static void run_rows(bench *b, json_t *rows)
{
    size_t n = json_array_size(rows), batch = b->c->options->batch > 1 ? (size_t)b->c->options->batch : 0;
    json_t *asked = json_deep_copy(rows), *row;
    transcription *t = hse_calloc(n + 1, sizeof *t);
    size_t i;

    if (!t || !asked || n > MAX_ROWS) {
        golden_fail(b->c, "%zu entries cannot be run", n);
        n = 0;
    }
    for (i = 0; i < n && !b->c->failed; i++) {
        start(b, &t[i], json_array_get(asked, i));
        run_all(b, &t[i], 1);
    }
    batch = batch > MAX_BATCH ? MAX_BATCH : batch;
    for (i = 0; batch && i < n && !b->c->failed; i += batch)
        check_batch(b, t, asked, i, n - i < batch ? n - i : batch);
    json_array_foreach(rows, i, row) if (i < n && !b->c->failed) give_row(b, &t[i], row);
    for (i = 0; i < n; i++)
        finish(&t[i]);
    hse_free(t);
    json_decref(asked);
}

/* faster-whisper's copy of Silero: of the family beside this one, or the program's own. */
static bool find_vad(golden_case *c, char path[GOLDEN_PATH])
{
    static const char *const places[] = {"../../silero/models/silero_vad_v6.onnx", "../silero/models/silero_vad_v6.onnx"};
    hse_arena arena;
    hse_roots roots = {0};
    bool found = false;

    for (size_t i = 0; i < COUNT(places) && !found; i++)
        found = golden_path(c, places[i], path) && access(path, R_OK) == 0;
    hse_arena_init(&arena, 1 << 20);
    if (!found && hse_roots_find(&roots, NULL, true, &arena, NULL) == HSE_OK)
        for (size_t i = 0; i < roots.count && !found; i++)
            found = snprintf(path, GOLDEN_PATH, "%s/demo/silero/silero_vad_v6.onnx", roots.dir[i]) < GOLDEN_PATH &&
                    access(path, R_OK) == 0;
    hse_arena_free(&arena);
    if (!found)
        golden_fail(c, "silero_vad_v6.onnx is neither beside these cases (%s) nor among the program's models", places[0]);
    return found;
}

static bool open_vad(bench *b)
{
    char path[GOLDEN_PATH];
    hse_weights *w = NULL;
    hse_error err = {0};
    hse_status s;

    if (!find_vad(b->c, path))
        return false;
    s = hse_weights_open(&w, path, NULL, &err);
    if (s == HSE_OK)
        s = silero_open(&b->vad, w, "silero_vad_v6.onnx", b->c->kernels, &err);
    if (w)
        hse_weights_close(&w);
    if (s != HSE_OK)
        golden_fail_error(b->c, path, &err);
    return s == HSE_OK;
}

static void whole(golden_case *c, bool batched)
{
    bench *b = hse_calloc(1, sizeof *b);
    json_t *rows = b ? golden_expected_json(c, "results") : NULL, *input;
    const char *name;

    if (!b || !rows)
        goto done;
    b->c = c;
    b->batched = batched;
    json_object_foreach(json_object_get(c->json, "inputs"), name, input)
    {
        sound *x = &b->sounds[b->n_sounds];
        x->name = name;
        if (b->n_sounds + 1 >= MAX_INPUTS || !golden_wav(c, name, &x->x, &x->rate))
            break;
        b->n_sounds++;
    }
    if (!c->failed && (b->m = golden_whisper_model(c)) != NULL && open_vad(b)) {
        run_rows(b, rows);
        if (!c->failed)
            golden_give_json(c, "results", json_incref(rows));
    }
done:
    for (size_t i = 0; b && i < b->n_sounds; i++)
        golden_free_array(&b->sounds[i].x);
    if (b) {
        silero_close(&b->vad);
        whisper_model_close(&b->m);
    } else {
        golden_fail(c, "no memory");
    }
    hse_free(b);
    json_decref(rows);
}

static void transcribe(golden_case *c)
{
    whole(c, false);
}

static void batched(golden_case *c)
{
    whole(c, true);
}

const golden_kind golden_whisper_transcribe[] = {
    {"whisper.transcribe", transcribe},
    {"whisper.batched", batched},
    {NULL, NULL},
};
