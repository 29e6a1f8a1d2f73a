/* pipeline.c - windows of audio to text: language, text with the fallback, segments, words. */
#include "models/whisper/pipeline.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum {
    MAX_ATTEMPTS = 16,
    GROUP = 32,                             /* windows on one decoding */
    ROWS = 128,                             /* of prompts in a step, beside those of hypotheses */
    USUAL_SEQUENCES = 6,                    /* five beams and the prompt's */
    PIECE_BYTES = 64 << 20,                 /* of one piece's words */
};

#define GROUP_BYTES ((size_t)1 << 30)       /* of a group's keys and values */

/* ---- requests ---- */

static hse_status choose_languages(whisper_request *r, hse_error *err)
{
    const whisper_model *m = r->model;
    size_t n = 0, given = r->o->language_count;

    if (!(r->languages = hse_alloc((m->n_languages + given + 1) * sizeof *r->languages)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu languages", m->n_languages);
    for (size_t i = 0; i < m->n_languages; i++) {
        bool in = given == 0;
        for (size_t k = 0; k < given && !in; k++)
            in = whisper_language_id(m->tokenizer, r->o->languages[k]) == m->languages[i];
        if (in)
            r->languages[n++] = m->languages[i];
    }
    r->n_languages = n;
    if (n == 0 && m->n_languages)
        return hse_fail(err, HSE_E_ARG, 0, "languages names none that this model can detect");
    return HSE_OK;
}

hse_status whisper_request_open(whisper_request *r, const whisper_model *m, const hse_split_input *in,
                                const hse_transcribe_options *o, hse_error *err)
{
    static const int32_t usual = -1;
    const int32_t *ids = o->suppress_tokens && o->suppress_token_count ? o->suppress_tokens : &usual;
    bpe_ids all = {0};
    hse_status s;

    *r = (whisper_request){.model = m,
                           .o = o,
                           .batched = o->batched != 0,
                           .reference = in->reference,
                           .prepended = o->prepend_punctuations ? o->prepend_punctuations : WHISPER_PREPEND_PUNCTUATIONS,
                           .appended = o->append_punctuations ? o->append_punctuations : WHISPER_APPEND_PUNCTUATIONS,
                           .seed = o->has_seed ? in->seed : 0};         /* the same audio, the same text */
    if ((s = whisper_options_check(o, m->tokenizer, in->reference, err)) != HSE_OK)
        return s;
    if (o->word_timestamps && m->config.n_alignment_heads == 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "word_timestamps: this model has no alignment heads");
    if (!o->suppress_none) /* none at all: not even <|startoftranscript|> */
        s = whisper_suppressed(m->tokenizer, ids, ids == &usual ? 1 : o->suppress_token_count, &all, err);
    if (s == HSE_OK)
        s = choose_languages(r, err);
    if (s != HSE_OK) {
        bpe_ids_free(&all);
        whisper_request_close(r);
        return s;
    }
    r->suppress = all.id;
    r->n_suppress = all.count;
    return HSE_OK;
}

void whisper_request_close(whisper_request *r)
{
    hse_free(r->suppress);
    hse_free(r->languages);
    r->suppress = r->languages = NULL;
}

bool whisper_attempt(const whisper_request *r, size_t prompt_count, size_t attempt, whisper_search *out)
{
    const hse_transcribe_options *o = r->o;
    int most = whisper_max_length(r->model), length = most;
    double t;

    if (attempt >= (r->batched ? 1 : o->temperature_count) || attempt >= MAX_ATTEMPTS)
        return false;
    t = o->temperatures[attempt];
    if (o->max_new_tokens > 0 && (int)prompt_count + o->max_new_tokens < most)
        length = (int)prompt_count + o->max_new_tokens;
    if (r->batched && r->reference)
        t = 0.0; /* upstream's batches take the best beam at any temperature */
    *out = (whisper_search){.beam_size = t > 0.0 ? 1 : o->beam_size,
                            .hypotheses = t > 0.0 ? o->best_of : 1,
                            .patience = t > 0.0 ? 1.0 : o->patience,
                            .length_penalty = o->length_penalty,
                            .repetition_penalty = o->repetition_penalty,
                            .no_repeat_ngram_size = o->no_repeat_ngram_size,
                            .temperature = t,
                            .max_length = length,
                            .max_initial_timestamp = r->batched ? 50 : (int)rint(o->max_initial_timestamp / 0.02),
                            .suppress_blank = o->suppress_blank != 0,
                            .suppress = r->suppress,
                            .suppress_count = r->n_suppress,
                            .seed = r->seed,
                            .stream = attempt};
    return true;
}

/* ---- pieces ---- */

hse_status whisper_piece_new(whisper_piece **out, const whisper_request *r, hse_error *err)
{
    whisper_piece *p = hse_calloc(1, sizeof *p);
    size_t mels = (size_t)r->model->config.dims.mels;

    if (p) {
        hse_arena_init(&p->memory, PIECE_BYTES);
        p->mel = hse_calloc(WHISPER_WINDOW_FRAMES * mels, sizeof *p->mel);
        p->language_probs = hse_calloc(r->n_languages + 1, sizeof *p->language_probs);
    }
    if (!p || !p->mel || !p->language_probs) {
        whisper_piece_free(&p);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a window of %zu mels", mels);
    }
    p->request = r;
    p->language = p->whole_language = -1;
    p->language_at = SIZE_MAX;
    *out = p;
    return HSE_OK;
}

void whisper_piece_free(whisper_piece **p)
{
    if (!*p)
        return;
    hse_free((*p)->mel);
    hse_free((*p)->language_probs);
    bpe_ids_free(&(*p)->prompt);
    hse_free((*p)->tokens);
    hse_free((*p)->logprobs);
    hse_free((*p)->cuts);
    hse_arena_free(&(*p)->memory);
    hse_free(*p);
    *p = NULL;
}

int32_t whisper_detected(const whisper_piece *p, double *probability)
{
    const whisper_request *r = p->request;
    size_t best = 0;

    if (r->n_languages == 0)
        return -1;
    for (size_t i = 1; i < r->n_languages; i++)
        if (p->language_probs[i] > p->language_probs[best])
            best = i;
    *probability = (double)p->language_probs[best];
    return r->languages[best];
}

hse_status whisper_language_list(const whisper_piece *p, hse_arena *arena, const hse_language_probability **out, size_t *count,
                                 hse_error *err)
{
    const whisper_request *r = p->request;
    hse_language_probability *list = hse_arena_array(arena, r->n_languages + 1, sizeof *list);

    if (!list)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu languages", r->n_languages);
    for (size_t i = 0; i < r->n_languages; i++) {
        hse_language_probability one = {whisper_language_of(r->model->tokenizer, r->languages[i]),
                                        (double)p->language_probs[i]};
        size_t at = i;
        for (; at > 0 && one.probability > list[at - 1].probability; at--)
            list[at] = list[at - 1];
        list[at] = one;
    }
    *out = list;
    *count = r->n_languages;
    return HSE_OK;
}

/* ---- one piece's tasks on the decoding ---- */

typedef struct {
    int32_t *tokens;
    float   *logprobs;
    size_t   count;
    double   score;
} attempt_result;

typedef struct {
    const whisper_model *model;
    whisper_piece       *piece;
    whisper_job          job;
    size_t               attempt;
    attempt_result       result[MAX_ATTEMPTS];
    whisper_rating       rating[MAX_ATTEMPTS];
    whisper_alignment    alignment;
    bpe_ids              text;              /* of all segments */
    int32_t              start[3];          /* of the alignment */
} runner;

/* Bytes of text / bytes packed; `strip` as for whole windows. */
static hse_status ratio_of(const whisper_tokenizer *t, const int32_t *tokens, size_t n, bool strip, double *out, hse_error *err)
{
    const char *text;
    size_t size;
    hse_buf b;
    hse_status s;

    hse_buf_init(&b, PIECE_BYTES);
    whisper_decode(t, tokens, n, &b);
    text = hse_buf_text(&b);
    size = b.size;
    if (strip)
        whisper_strip(&text, &size);
    if ((s = hse_buf_status(&b, "a text", err)) == HSE_OK)
        s = whisper_compression_ratio(text, size, out, err);
    hse_buf_free(&b);
    return s;
}

static hse_status keep_result(attempt_result *to, const whisper_hypothesis *h, hse_error *err)
{
    to->tokens = hse_alloc((h->count + 1) * sizeof *to->tokens);
    to->logprobs = hse_alloc((h->count + 1) * sizeof *to->logprobs);
    if (!to->tokens || !to->logprobs)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu tokens", h->count);
    memcpy(to->tokens, h->tokens, h->count * sizeof *to->tokens);
    memcpy(to->logprobs, h->logprobs, h->count * sizeof *to->logprobs);
    to->count = h->count;
    to->score = h->score;
    return HSE_OK;
}

/* The attempt that counts becomes the piece's. */
static void choose_result(runner *r, size_t chosen)
{
    whisper_piece *p = r->piece;

    p->tokens = r->result[chosen].tokens;
    p->logprobs = r->result[chosen].logprobs;
    p->count = r->result[chosen].count;
    p->rating = r->rating[chosen];
    p->rating.temperature = r->rating[r->attempt].temperature; /* of the last, which is what resets the earlier text */
    r->result[chosen].tokens = NULL;
    r->result[chosen].logprobs = NULL;
}

static bool start_attempt(runner *r)
{
    whisper_piece *p = r->piece;

    r->job.task = WHISPER_GENERATE;
    r->job.prompt = p->prompt.id;
    r->job.prompt_count = p->prompt.count;
    if (!whisper_attempt(p->request, p->prompt.count, r->attempt, &r->job.search))
        return false;
    r->job.search.stream += p->number * MAX_ATTEMPTS;
    return true;
}

/* true: the next attempt goes on. */
static bool took_attempt(runner *r, hse_status *s, hse_error *err)
{
    whisper_piece *p = r->piece;
    const whisper_request *q = p->request;
    const whisper_hypothesis *h = &r->job.hypothesis[0];
    whisper_rating *rating = &r->rating[r->attempt];

    *rating = (whisper_rating){.temperature = q->o->temperatures[r->attempt],
                               .avg_logprob = whisper_avg_logprob(h->score, h->count, q->o->length_penalty),
                               .no_speech_prob = r->job.no_speech_prob};
    *s = ratio_of(r->model->tokenizer, h->tokens, h->count, true, &rating->compression_ratio, err);
    if (*s == HSE_OK)
        *s = keep_result(&r->result[r->attempt], h, err);
    if (*s != HSE_OK)
        return false;
    if (q->batched || !whisper_needs_fallback(q->o, rating)) {
        choose_result(r, r->attempt);
        return false;
    }
    r->attempt++;
    if (start_attempt(r))
        return true;
    r->attempt--;
    choose_result(r, whisper_best_attempt(q->o, r->rating, r->attempt + 1));
    return false;
}

static bool next_task(whisper_job *job, hse_status *s, hse_error *err)
{
    runner *r = job->user;
    whisper_piece *p = r->piece;
    double probability;

    if (job->task == WHISPER_GENERATE)
        return took_attempt(r, s, err);
    p->language = whisper_detected(p, &probability);
    if (!p->transcribe)
        return false;
    if (p->language_at < p->prompt.count)
        p->prompt.id[p->language_at] = p->language;
    return start_attempt(r);
}

static void start(runner *r, const whisper_model *m, whisper_piece *p, int window)
{
    r->model = m;
    r->piece = p;
    r->job.window = window;
    r->job.user = r;
    r->job.next = next_task;
    if (!p->detect) {
        if (p->transcribe)
            (void)start_attempt(r);
        return;
    }
    r->job.task = WHISPER_LANGUAGE;
    r->job.prompt = &whisper_specials(m->tokenizer)->sot;
    r->job.prompt_count = 1;
    r->job.languages = p->request->languages;
    r->job.language_count = p->request->n_languages;
    r->job.language_probs = p->language_probs;
}

/* ---- segments and words of a decoded piece ---- */

static hse_status cut_segments(runner *r, hse_error *err)
{
    whisper_piece *p = r->piece;
    const whisper_special *special = whisper_specials(r->model->tokenizer);

    p->next_seek = p->seek;
    p->silent = !p->request->batched && whisper_is_silence(p->request->o, &p->rating);
    if (p->silent) {
        p->next_seek = p->seek + p->segment_size;
        return HSE_OK;
    }
    if (!(p->cuts = hse_calloc(p->count + 2, sizeof *p->cuts)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for segments of %zu tokens", p->count);
    p->n_cuts = whisper_split_segments(p->tokens, p->count, special->timestamp_begin, p->offset, p->segment_size, p->duration,
                                       &p->next_seek, &p->single_ending, p->cuts);
    return HSE_OK;
}

static int32_t language_of_words(const whisper_piece *p)
{
    return p->request->batched && p->whole_language >= 0 ? p->whole_language : p->language;
}

static hse_status prepare_alignment(runner *r, hse_error *err)
{
    whisper_piece *p = r->piece;
    const whisper_special *special = whisper_specials(r->model->tokenizer);
    hse_status s = HSE_OK;

    for (size_t i = 0; i < p->n_cuts; i++)
        for (size_t k = 0; k < p->cuts[i].count && s == HSE_OK; k++) {
            int32_t token = p->tokens[p->cuts[i].first + k];
            if (token < special->eot)
                s = bpe_ids_add(&r->text, token, err);
        }
    r->start[0] = special->sot;
    r->start[1] = language_of_words(p);
    r->start[2] = p->request->o->task == HSE_TRANSLATE ? special->translate : special->transcribe;
    r->alignment = (whisper_alignment){.window = r->job.window,
                                       .frames = (int)(p->segment_size < WHISPER_WINDOW_FRAMES ? p->segment_size
                                                                                               : WHISPER_WINDOW_FRAMES),
                                       .start = r->start,
                                       .start_count = special->multilingual ? COUNT(r->start) : 1,
                                       .padding = p->padding,
                                       .text = r->text.id,
                                       .count = r->text.count};
    return s;
}

static const char *code_of(const whisper_piece *p, int32_t language)
{
    const char *code = language >= 0 ? whisper_language_of(p->request->model->tokenizer, language) : NULL;

    return code ? code : "en";
}

static hse_status find_words(const whisper_model *m, whisper_searcher *search, whisper_decoding *d, runner *r, size_t n, int rows,
                             hse_error *err)
{
    whisper_alignment *list[GROUP] = {0};
    size_t count = 0;
    hse_status s = HSE_OK;

    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        if (!r[i].piece->split_words || !(r[i].piece->transcribe || r[i].piece->align) || r[i].piece->silent)
            continue;
        s = prepare_alignment(&r[i], err);
        if (r[i].text.count)
            list[count++] = &r[i].alignment;
    }
    if (s == HSE_OK && count)
        s = whisper_align(search, d, &m->config, whisper_specials(m->tokenizer), list, count, rows, err);
    for (size_t i = 0; i < n && s == HSE_OK; i++)
        if (r[i].text.count)
            s = whisper_find_words(m->tokenizer, code_of(r[i].piece, language_of_words(r[i].piece)), &r[i].alignment, &r[i].piece->memory,
                                   &r[i].piece->words, &r[i].piece->n_words, err);
    return s;
}

/* ---- a group of pieces on one decoding ---- */

/* That it needs at the same time, in whichever attempt. */
static int sequences_of(const whisper_piece *p)
{
    whisper_search search;
    int most = 1;

    for (size_t k = 0; p->transcribe && whisper_attempt(p->request, p->prompt.count, k, &search); k++) {
        int here = whisper_search_sequences(&search);
        most = here > most ? here : most;
    }
    return most;
}

static void limits_of(const whisper_model *m, whisper_piece *const *p, size_t n, whisper_decoding_limits *limits)
{
    *limits = (whisper_decoding_limits){.windows = (int)n, .positions = m->config.dims.decoder_positions};
    for (size_t i = 0; i < n; i++)
        limits->sequences += sequences_of(p[i]);
    limits->rows = limits->sequences + ROWS;
}

static hse_status encode(whisper_decoding *d, whisper_piece *const *p, size_t n, int *windows, hse_error *err)
{
    const float *mel[GROUP] = {0};
    int frames[GROUP] = {0};

    for (size_t i = 0; i < n; i++) {
        mel[i] = p[i]->mel;
        frames[i] = WHISPER_WINDOW_FRAMES;
    }
    return whisper_encode_windows(d, (int)n, mel, frames, windows, false, err);
}

static hse_status run_group(const whisper_model *m, nn_ctx *c, whisper_piece *const *p, size_t n, hse_error *err)
{
    whisper_decoding *d = NULL;
    whisper_searcher *search = NULL;
    whisper_decoding_limits limits;
    whisper_job *jobs[GROUP] = {0};
    int windows[GROUP] = {0};
    size_t n_jobs = 0;
    runner *r = hse_calloc(n, sizeof *r);
    hse_status s;

    if (!r)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu windows", n);
    limits_of(m, p, n, &limits);
    s = whisper_decoding_open(&d, m->network, c, &limits, err);
    if (s == HSE_OK)
        s = whisper_searcher_open(&search, d, c, m->kernels, &m->config.dims, whisper_specials(m->tokenizer),
                                  m->suppress_begin, m->n_suppress_begin, err);
    if (s == HSE_OK)
        s = encode(d, p, n, windows, err);
    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        start(&r[i], m, p[i], windows[i]);
        if (p[i]->detect || p[i]->transcribe)
            jobs[n_jobs++] = &r[i].job;
    }
    if (s == HSE_OK)
        s = whisper_jobs_run(search, jobs, n_jobs, limits.rows, err);
    for (size_t i = 0; i < n && s == HSE_OK; i++)
        if (p[i]->transcribe)
            s = cut_segments(&r[i], err);
    if (s == HSE_OK)
        s = find_words(m, search, d, r, n, limits.rows, err);
    for (size_t i = 0; i < n; i++) {
        whisper_job_free(&r[i].job);
        whisper_alignment_free(&r[i].alignment);
        bpe_ids_free(&r[i].text);
        for (size_t k = 0; k < MAX_ATTEMPTS; k++) {
            hse_free(r[i].result[k].tokens);
            hse_free(r[i].result[k].logprobs);
        }
    }
    whisper_searcher_close(&search);
    whisper_decoding_close(&d);
    hse_free(r);
    return s;
}

/* Its mel, and what its search keeps of the vocabulary. */
static size_t piece_bytes(const whisper_model *m)
{
    const whisper_dims *d = &m->config.dims;

    return ((size_t)WHISPER_WINDOW_FRAMES * (size_t)d->mels + (size_t)d->vocab) * sizeof(float);
}

/* Keys and values of one window: of every layer, twice, in float32. */
static size_t window_bytes(const whisper_model *m)
{
    const whisper_dims *d = &m->config.dims;

    return (size_t)d->encoder_positions * (size_t)d->width * (size_t)d->decoder_layers * 2 * sizeof(float);
}

static size_t group_size(const whisper_model *m)
{
    size_t group = GROUP_BYTES / window_bytes(m);

    return group < 1 ? 1 : group > GROUP ? GROUP : group;
}

size_t whisper_pieces_plan(const whisper_model *m, nn_ctx *c, whisper_piece *const *p, size_t n)
{
    size_t group = group_size(m), most = 0;

    for (size_t i = 0; i < n; i += group) {
        size_t count = n - i < group ? n - i : group, bytes;
        whisper_decoding_limits limits = {.windows = (int)count};

        for (size_t k = i; k < i + count; k++)
            limits.sequences += p[k] ? sequences_of(p[k]) : USUAL_SEQUENCES;
        bytes = whisper_decoding_plan(m->network, c, &limits) + count * piece_bytes(m);
        most = bytes > most ? bytes : most;
    }
    return most;
}

hse_status whisper_pieces_run(const whisper_model *m, nn_ctx *c, whisper_piece *const *p, size_t n, hse_error *err)
{
    size_t group = group_size(m);
    hse_status s = HSE_OK;

    for (size_t i = 0; i < n && s == HSE_OK; i += group)
        s = run_group(m, c, p + i, n - i < group ? n - i : group, err);
    return s;
}

/* ---- what is shown ---- */

hse_status whisper_segment(const whisper_piece *p, const whisper_cut *cut, double compression_ratio, hse_arena *arena,
                           hse_transcript_segment *out, hse_error *err)
{
    const whisper_tokenizer *t = p->request->model->tokenizer;
    int32_t *tokens = hse_arena_array(arena, cut->count + 1, sizeof *tokens);
    char *text = NULL;
    hse_status s;
    hse_buf b;

    hse_buf_init(&b, PIECE_BYTES);
    whisper_decode(t, p->tokens + cut->first, cut->count, &b);
    if ((s = hse_buf_status(&b, "a text", err)) == HSE_OK)
        text = whisper_keep_text(arena, hse_buf_text(&b), b.size);
    hse_buf_free(&b);
    if (s != HSE_OK)
        return s;
    *out = (hse_transcript_segment){.seek = (int32_t)p->seek,
                                    .start = cut->start,
                                    .end = cut->end,
                                    .text = text,
                                    .tokens = tokens,
                                    .token_count = cut->count,
                                    .temperature = p->rating.temperature,
                                    .avg_logprob = p->rating.avg_logprob,
                                    .compression_ratio = compression_ratio,
                                    .no_speech_prob = p->rating.no_speech_prob,
                                    .language = code_of(p, p->language)};
    if (!text || !tokens)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a segment of %zu tokens", cut->count);
    memcpy(tokens, p->tokens + cut->first, cut->count * sizeof *tokens);
    if (isnan(compression_ratio))
        s = ratio_of(t, p->tokens + cut->first, cut->count, false, &out->compression_ratio, err);
    if (s == HSE_OK && p->request->o->token_logprobs) {
        float *logprobs = hse_arena_array(arena, cut->count + 1, sizeof *logprobs);
        const char **texts = hse_arena_array(arena, cut->count + 1, sizeof *texts);
        if (!logprobs || !texts)
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a segment of %zu tokens", cut->count);
        memcpy(logprobs, p->logprobs + cut->first, cut->count * sizeof *logprobs);
        for (size_t i = 0; i < cut->count; i++) {
            hse_bytes bytes = whisper_token_bytes(t, tokens[i]);
            if (!(texts[i] = hse_arena_strndup(arena, bytes.data ? (const char *)bytes.data : "", bytes.size)))
                return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a segment of %zu tokens", cut->count);
        }
        out->token_logprobs = logprobs;
        out->token_texts = texts;
    }
    return s;
}
