/* whisper_generate.c - adapter of Whisper's golden cases of decoding: searches, alignment, language. */
#include "golden/families/whisper.h"

#include "base/mem.h"
#include "models/whisper/pipeline.h"

#include <math.h>
#include <string.h>

enum { ROWS = 96, MAX_RUNS = 64, MAX_BATCH = 16 };

typedef struct {
    golden_case      *c;
    whisper_model    *m;
    whisper_decoding *d;
    whisper_searcher *s;
    int               window;
    bpe_ids           prompt[MAX_RUNS], suppress[MAX_RUNS];
    whisper_job       job[MAX_RUNS];
} bench;

json_t *golden_whisper_number(double x)
{
    return isfinite(x) ? json_real(x) : json_string(isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

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

whisper_model *golden_whisper_model(golden_case *c)
{
    char path[GOLDEN_PATH];
    whisper_model *m = NULL;
    hse_error err = {0};

    if (!golden_model_path(c, "checkpoint", path))
        return NULL;
    if (whisper_model_open(&m, &(hse_model_source){.dir = path, .kernels = c->kernels, .precision = c->options->dtype}, &err) !=
        HSE_OK)
        golden_fail_error(c, path, &err);
    return m;
}

/* ---- opening ---- */

static bool encode_file(bench *b)
{
    golden_case *c = b->c;
    const char *name = json_object_iter_key(json_object_iter(json_object_get(c->json, "inputs")));
    size_t mels = (size_t)b->m->config.dims.mels, frames;
    float *mel = hse_calloc(WHISPER_WINDOW_FRAMES * mels, sizeof *mel), *all = NULL;
    golden_array x = {0};
    unsigned rate = 0;
    hse_error err = {0};

    if (name && mel && golden_wav(c, name, &x, &rate)) {
        frames = whisper_mel_count(x.count);
        all = hse_alloc((frames * mels + 1) * sizeof *all);
        if (!all || whisper_mel_run(b->m->mel, NULL, x.data, x.count, all, &err) != HSE_OK) {
            golden_fail_error(c, "log-mel", &err);
        } else {
            frames = frames - 1 < WHISPER_WINDOW_FRAMES ? frames - 1 : WHISPER_WINDOW_FRAMES;
            memcpy(mel, all, frames * mels * sizeof *mel);
            if (whisper_encode_windows(b->d, 1, (const float *const[]){mel}, (int[]){WHISPER_WINDOW_FRAMES}, &b->window, false,
                                       &err) != HSE_OK)
                golden_fail_error(c, "encoder", &err);
        }
    } else {
        golden_fail(c, "the case has no audio");
    }
    hse_free(mel);
    hse_free(all);
    golden_free_array(&x);
    return !c->failed;
}

static bool bench_open(bench *b)
{
    whisper_decoding_limits limits = {.windows = 1, .sequences = MAX_BATCH * 12, .rows = ROWS + MAX_BATCH * 12};
    hse_error err = {0};

    if (!(b->m = golden_whisper_model(b->c)))
        return false;
    if (whisper_decoding_open(&b->d, b->m->network, b->c->nn, &limits, &err) != HSE_OK ||
        whisper_searcher_open(&b->s, b->d, b->c->nn, b->m->kernels, &b->m->config.dims, whisper_specials(b->m->tokenizer),
                              b->m->suppress_begin, b->m->n_suppress_begin, &err) != HSE_OK) {
        golden_fail_error(b->c, "decoder", &err);
        return false;
    }
    return encode_file(b);
}

static void bench_close(bench *b)
{
    for (size_t i = 0; i < MAX_RUNS; i++) {
        whisper_job_free(&b->job[i]);
        bpe_ids_free(&b->prompt[i]);
        bpe_ids_free(&b->suppress[i]);
    }
    whisper_searcher_close(&b->s);
    whisper_decoding_close(&b->d);
    whisper_model_close(&b->m);
}

/* ---- searches ---- */

static bool job_of(bench *b, size_t i, const json_t *row)
{
    const json_t *params = json_object_get(row, "params"), *defaults = json_object_get(json_object_get(b->c->json, "params"), "defaults"),
                 *list = json_object_get(params, "suppress_tokens");
    const whisper_config *config = &b->m->config;
    whisper_search *s = &b->job[i].search;

#define OPTION(name, otherwise) golden_number(params, name, golden_number(defaults, name, otherwise))
    *s = (whisper_search){.beam_size = (int)OPTION("beam_size", 5),
                          .hypotheses = (int)OPTION("num_hypotheses", 1),
                          .patience = OPTION("patience", 1),
                          .length_penalty = OPTION("length_penalty", 1),
                          .repetition_penalty = OPTION("repetition_penalty", 1),
                          .no_repeat_ngram_size = (int)OPTION("no_repeat_ngram_size", 0),
                          .max_length = (int)OPTION("max_length", 448),
                          .max_initial_timestamp = (int)OPTION("max_initial_timestamp_index", 50),
                          .suppress_blank = !json_is_false(json_object_get(params, "suppress_blank"))};
#undef OPTION
    if (!ids_of(b->c, json_object_get(row, "prompt"), &b->prompt[i]) || !ids_of(b->c, list, &b->suppress[i]))
        return false;
    s->suppress = b->suppress[i].id;
    s->suppress_count = b->suppress[i].count;
    if (!list || (s->suppress_count == 1 && s->suppress[0] == -1)) {
        s->suppress = config->suppress;
        s->suppress_count = config->n_suppress;
    }
    b->job[i].task = WHISPER_GENERATE;
    b->job[i].window = b->window;
    b->job[i].prompt = b->prompt[i].id;
    b->job[i].prompt_count = b->prompt[i].count;
    return true;
}

static void give_run(const bench *b, size_t i, json_t *row)
{
    const whisper_job *job = &b->job[i];
    const json_t *prefix = json_object_get(row, "agreeing_prefix"), *wanted = json_object_get(row, "sequences_ids");
    json_t *sequences = json_array(), *scores = json_array();
    bool exact = b->c->options->dtype == K_F32;

    for (size_t k = 0; k < job->hypothesis_count; k++) {
        json_array_append_new(sequences, golden_whisper_ids(job->hypothesis[k].tokens, job->hypothesis[k].count));
        json_array_append_new(scores, golden_whisper_number(job->hypothesis[k].score));
    }
    json_object_set_new(row, "no_speech_prob", exact ? json_real(job->no_speech_prob)
                                                     : json_incref(json_object_get(row, "no_speech_prob")));
    if (!exact || prefix) { /* what a tiny noise changes is not compared */
        size_t n = exact && json_is_integer(prefix) ? (size_t)json_integer_value(prefix) : 0;
        json_t *mine = json_deep_copy(wanted), *first = json_array_get(mine, 0), *got = json_array_get(sequences, 0);
        for (size_t k = 0; k < n && k < json_array_size(first); k++)
            json_array_set_new(first, k, k < json_array_size(got) ? json_incref(json_array_get(got, k)) : json_null());
        json_object_set_new(row, "sequences_ids", mine);
        json_decref(sequences);
        json_decref(scores);
        return;
    }
    json_object_set_new(row, "sequences_ids", sequences);
    json_object_set_new(row, "scores", scores);
    json_object_set_new(row, "ended_before_max_length", json_boolean(job->ended));
}

static bool same(const whisper_hypothesis *a, const whisper_hypothesis *b)
{
    return a->count == b->count && a->score == b->score &&
           memcmp(a->tokens, b->tokens, a->count * sizeof *a->tokens) == 0 &&
           memcmp(a->logprobs, b->logprobs, a->count * sizeof *a->logprobs) == 0;
}

/* Jobs first .. first + n - 1 again, together: the bits must be the same. */
static void run_together(bench *b, size_t first, size_t n)
{
    whisper_job again[MAX_BATCH] = {0}, *list[MAX_BATCH] = {0};
    hse_error err = {0};

    for (size_t i = 0; i < n; i++) {
        again[i] = b->job[first + i];
        again[i].growth = NULL;
        list[i] = &again[i];
    }
    if (whisper_jobs_run(b->s, list, n, ROWS + MAX_BATCH * 12, &err) != HSE_OK)
        golden_fail_error(b->c, "a batch of searches", &err);
    for (size_t i = 0; i < n && !b->c->failed; i++) {
        bool equal = again[i].hypothesis_count == b->job[first + i].hypothesis_count;
        for (size_t k = 0; equal && k < again[i].hypothesis_count; k++)
            equal = same(&again[i].hypothesis[k], &b->job[first + i].hypothesis[k]);
        if (!equal)
            golden_fail(b->c, "run %zu differs in a batch", first + i);
    }
    for (size_t i = 0; i < n; i++)
        whisper_job_free(&again[i]);
}

static void runs(bench *b)
{
    json_t *rows = golden_expected_json(b->c, "runs"), *row;
    size_t batch = b->c->options->batch > 1 ? (size_t)b->c->options->batch : 0, n = json_array_size(rows), i;
    hse_error err = {0};

    if (n > MAX_RUNS)
        golden_fail(b->c, "%zu runs; at most %d are expected", n, MAX_RUNS);
    json_array_foreach(rows, i, row)
    {
        whisper_job *job = &b->job[i < MAX_RUNS ? i : 0];
        if (b->c->failed || !job_of(b, i, row))
            break;
        if (whisper_jobs_run(b->s, &job, 1, ROWS, &err) != HSE_OK)
            golden_fail_error(b->c, json_string_value(json_object_get(row, "name")), &err);
        else
            give_run(b, i, row);
    }
    batch = batch > MAX_BATCH ? MAX_BATCH : batch;
    for (i = 0; batch && i < n && !b->c->failed; i += batch)
        run_together(b, i, n - i < batch ? n - i : batch);
    golden_give_json(b->c, "runs", rows);
}

/* ---- language and alignment ---- */

static void detect_language(bench *b)
{
    json_t *got = json_array();
    size_t n = b->m->n_languages;
    float *p = hse_alloc((n + 1) * sizeof *p);
    int32_t sot = whisper_specials(b->m->tokenizer)->sot;
    whisper_job job = {.task = WHISPER_LANGUAGE,
                       .window = b->window,
                       .prompt = &sot,
                       .prompt_count = 1,
                       .languages = b->m->languages,
                       .language_count = n,
                       .language_probs = p},
                *list = &job;
    hse_error err = {0};

    if (!p || whisper_jobs_run(b->s, &list, 1, ROWS, &err) != HSE_OK) {
        golden_fail_error(b->c, "language", &err);
        n = 0;
    }
    for (size_t i = 0; i < n; i++) { /* the best of those that are left */
        size_t best = 0;
        json_t *name;
        for (size_t k = 1; k < n; k++)
            best = p[k] > p[best] ? k : best;
        name = json_sprintf("<|%s|>", whisper_language_of(b->m->tokenizer, b->m->languages[best]));
        json_array_append_new(got, json_pack("[o,f]", name, (double)p[best]));
        p[best] = -1.0f;
    }
    if (b->c->options->dtype == K_F32) {
        golden_give_json(b->c, "detect_language", got);
    } else {
        golden_covered(b->c, "detect_language");
        json_decref(got);
    }
    whisper_job_free(&job);
    hse_free(p);
}

static void align_row(bench *b, json_t *row)
{
    bpe_ids start = {0}, text = {0};
    json_t *path = json_array(), *probs = json_array();
    hse_error err = {0};

    if (ids_of(b->c, json_object_get(row, "start_sequence"), &start) && ids_of(b->c, json_object_get(row, "text_tokens"), &text)) {
        whisper_alignment a = {.window = b->window,
                               .frames = (int)golden_number(row, "num_frames", 0),
                               .start = start.id,
                               .start_count = start.count,
                               .text = text.id,
                               .count = text.count,
                               .median = (int)golden_number(row, "median_filter_width", 7)},
                          *list = &a;
        if (whisper_align(b->s, b->d, &b->m->config, whisper_specials(b->m->tokenizer), &list, 1, ROWS, &err) != HSE_OK)
            golden_fail_error(b->c, "align", &err);
        for (size_t i = 0; i < a.path_count; i++)
            json_array_append_new(path, json_pack("[i,i]", a.path[i][0], a.path[i][1]));
        for (size_t i = 0; i < a.count && a.probs; i++)
            json_array_append_new(probs, json_real(a.probs[i]));
        whisper_alignment_free(&a);
    }
    if (!json_is_false(json_object_get(row, "path_survives_noise")) && b->c->options->dtype == K_F32)
        json_object_set(row, "alignments", path);
    if (b->c->options->dtype == K_F32)
        json_object_set(row, "text_token_probs", probs);
    json_decref(path);
    json_decref(probs);
    bpe_ids_free(&start);
    bpe_ids_free(&text);
}

static void align(bench *b)
{
    const json_t *outputs = json_object_get(b->c->json, "outputs"),
                 *heads = json_object_get(json_object_get(outputs, "align"), "alignment_heads");
    json_t *rows = golden_expected_json(b->c, "align"), *row;
    size_t i;

    for (i = 0; i < json_array_size(heads); i++) {
        const json_t *h = json_array_get(heads, i);
        const whisper_head *mine = i < b->m->config.n_alignment_heads ? &b->m->config.alignment_heads[i] : NULL;
        if (!mine || mine->layer != json_integer_value(json_array_get(h, 0)) ||
            mine->head != json_integer_value(json_array_get(h, 1)))
            golden_fail(b->c, "alignment head %zu differs", i);
    }
    json_array_foreach(rows, i, row) if (!b->c->failed) align_row(b, row);
    golden_give_json(b->c, "align", rows);
}

static void generate(golden_case *c)
{
    bench *b = hse_calloc(1, sizeof *b);

    if (!b) {
        golden_fail(c, "no memory");
        return;
    }
    b->c = c;
    if (bench_open(b)) {
        if (golden_wants(c, "runs"))
            runs(b);
        if (golden_wants(c, "align"))
            align(b);
        if (golden_wants(c, "detect_language"))
            detect_language(b);
    }
    bench_close(b);
    hse_free(b);
}

const golden_kind golden_whisper_generate[] = {
    {"whisper.generate", generate},
    {NULL, NULL},
};
