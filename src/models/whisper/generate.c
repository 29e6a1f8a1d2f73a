/* generate.c - the jobs of a decoding, step by step. */
#include "models/whisper/generate.h"

#include "base/mem.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

enum { SCORED_ROWS = 32, LANES = 16, DRAWS_A_HYPOTHESIS = 1 << 12 };

struct whisper_searcher {
    whisper_decoding *d;
    nn_ctx *c;
    const hse_kernels *k;
    whisper_time_ids ids;
    int32_t vocab, sot, no_speech, positions;
    int32_t *begin; /* what may not come first */
    size_t n_begin;
    float *p; /* probabilities of one row */
    float *drawn, *x;
    whisper_row *rows;
    int rows_capacity, n_rows;
};

typedef struct {
    whisper_hypothesis h;
    int sequence; /* -1: the prompt's */
    int id;       /* which of those drawn */
    int32_t next;
} branch;

typedef struct {
    double total, logprob;
    int32_t token;
    int origin;
} candidate;

struct whisper_growth {
    int base;
    size_t fed;
    float *first; /* logits after the prompt */
    bool has_first;
    int width, limit, n_live, n_done, done_capacity;
    size_t start, sot_at, prefix;
    branch *live, *spare;
    whisper_hypothesis *done;
    candidate *candidates;
    int n_candidates, max_candidates;
    int32_t *tokens; /* one block for all hypotheses */
    float *logprobs;
    bool top_ended;
    int row, n_row;
};

typedef struct whisper_growth growth;

/* ---- opening ---- */

hse_status whisper_searcher_open(whisper_searcher **out, whisper_decoding *d, nn_ctx *c, const hse_kernels *k,
                                 const whisper_dims *dims, const whisper_special *special, const int32_t *suppress_begin,
                                 size_t n_suppress_begin, hse_error *err)
{
    whisper_searcher *s = hse_calloc(1, sizeof *s);
    int32_t last = special->timestamp_begin + WHISPER_TIMES - 1;

    if (!s)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a search");
    *out = s;
    s->d = d;
    s->c = c;
    s->k = k;
    s->vocab = dims->vocab;
    s->sot = special->sot;
    s->no_speech = special->no_speech;
    s->positions = dims->decoder_positions;
    s->ids = (whisper_time_ids){.vocab = dims->vocab,
                                .eot = special->eot,
                                .no_timestamps = special->no_timestamps,
                                .timestamp_begin = special->timestamp_begin,
                                .timestamp_end = last < dims->vocab ? last : dims->vocab - 1};
    s->n_begin = n_suppress_begin;
    s->begin = hse_alloc((n_suppress_begin + 1) * sizeof *s->begin);
    s->p = hse_alloc((size_t)dims->vocab * sizeof *s->p);
    s->drawn = hse_alloc((size_t)dims->vocab * sizeof *s->drawn);
    s->x = hse_alloc((size_t)dims->vocab * sizeof *s->x);
    if (!s->begin || !s->p || !s->drawn || !s->x) {
        whisper_searcher_close(out);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a search over %d tokens", dims->vocab);
    }
    if (n_suppress_begin)
        memcpy(s->begin, suppress_begin, n_suppress_begin * sizeof *s->begin);
    if (special->timestamp_begin < 1 || special->timestamp_begin >= dims->vocab || special->no_timestamps >= dims->vocab ||
        special->eot >= dims->vocab || special->sot >= dims->vocab || special->no_speech >= dims->vocab) {
        whisper_searcher_close(out);
        return hse_fail(err, HSE_E_FORMAT, 0, "the vocabulary's times begin at %d, the model has %d tokens",
                        (int)special->timestamp_begin, dims->vocab);
    }
    return HSE_OK;
}

void whisper_searcher_close(whisper_searcher **s)
{
    if (!*s)
        return;
    hse_free((*s)->begin);
    hse_free((*s)->p);
    hse_free((*s)->drawn);
    hse_free((*s)->x);
    hse_free((*s)->rows);
    hse_free(*s);
    *s = NULL;
}

static int width_of(const whisper_search *o)
{
    return o->temperature > 0.0 ? o->hypotheses : o->beam_size;
}

int whisper_search_sequences(const whisper_search *o)
{
    return width_of(o) + 1;
}

/* ---- one row of logits ---- */

/* The first of the largest. */
static int32_t arg_max(const whisper_searcher *s, const float *x, int32_t n)
{
    float top = s->k->largest(x, n);
    int32_t i = 0;

    for (int found = 0; i + LANES <= n; i += LANES) {
        for (int l = 0; l < LANES; l++)
            found |= x[i + l] == top;
        if (found)
            break;
    }
    for (; i < n; i++)
        if (x[i] == top)
            return i;
    return 0; /* nothing but NaN */
}

/* The logarithm of the sum of e^x: x[i] less that is a log-probability. */
static double log_sum(const whisper_searcher *s, const float *x, int32_t n)
{
    float top = s->k->largest(x, n);

    return (double)top + log((double)s->k->exp_sum(x, top, n));
}

/* The same, and the probabilities in s->p. */
static double normalize(whisper_searcher *s, const float *x, int32_t n)
{
    memcpy(s->p, x, (size_t)n * sizeof *x);
    s->k->softmax(s->p, (size_t)n, 1, n);
    return log_sum(s, x, n);
}

/* What may follow h; the probabilities of it. */
static double weigh(whisper_searcher *s, const whisper_job *job, float *x, const whisper_hypothesis *h)
{
    const growth *g = job->growth;
    const whisper_search *o = &job->search;
    double lse;

    if (o->repetition_penalty != 1.0)
        whisper_repetition_penalty(x, s->vocab, h->tokens, h->count, o->repetition_penalty);
    if (o->no_repeat_ngram_size > 0)
        whisper_no_repeat_ngram(x, s->vocab, h->tokens, h->count, o->no_repeat_ngram_size);
    whisper_disable(x, s->vocab, o->suppress, o->suppress_count);
    if (o->suppress_blank && h->count == g->prefix)
        whisper_disable(x, s->vocab, s->begin, s->n_begin);
    if (job->prompt[g->start] == s->ids.no_timestamps)
        return log_sum(s, x, s->vocab);
    if (!whisper_time_rules(&s->ids, x, h->tokens, h->count, g->prefix, o->max_initial_timestamp))
        return log_sum(s, x, s->vocab);
    lse = normalize(s, x, s->vocab);
    if (!whisper_times_win(&s->ids, s->p))
        return lse;
    for (int32_t i = 0; i < s->ids.timestamp_begin; i++)
        x[i] = WHISPER_DISABLED;
    return log_sum(s, x, s->vocab);
}

/* ---- growing ---- */

static void push(whisper_hypothesis *h, int32_t token, double logprob)
{
    h->tokens[h->count] = token;
    h->logprobs[h->count++] = (float)logprob;
    h->sum += logprob;
}

static void copy(whisper_hypothesis *to, const whisper_hypothesis *from)
{
    memcpy(to->tokens, from->tokens, from->count * sizeof *to->tokens);
    memcpy(to->logprobs, from->logprobs, from->count * sizeof *to->logprobs);
    to->count = from->count;
    to->sum = from->sum;
}

/* A finished hypothesis in its place among the others: better ones first, of equals the earlier. */
static void finish(const whisper_job *job, const whisper_hypothesis *from, const int32_t *last, double logprob, bool eot)
{
    growth *g = job->growth;
    int at = g->n_done < g->done_capacity ? g->n_done : g->done_capacity - 1; /* the worst makes room */
    whisper_hypothesis h = g->done[at];

    copy(&h, from);
    if (eot)
        h.sum += logprob;
    else if (last)
        push(&h, *last, logprob);
    h.score = h.sum / pow((double)h.count, job->search.length_penalty);
    if (g->n_done < g->done_capacity)
        g->n_done++;
    for (; at > 0 && h.score > g->done[at - 1].score; at--)
        g->done[at] = g->done[at - 1];
    g->done[at] = h;
}

/* The hypotheses of the next step: candidate chosen[i] each. Sequences that nobody goes on with are free first. */
static bool branch_out(whisper_searcher *s, growth *g, const int *chosen, int n)
{
    branch *swap = g->live;

    for (int o = 0; o < g->n_live; o++) {
        bool used = false;
        for (int i = 0; i < n; i++)
            used = used || g->candidates[chosen[i]].origin == o;
        if (!used && g->live[o].sequence >= 0)
            whisper_sequence_free(s->d, g->live[o].sequence);
    }
    for (int i = 0; i < n; i++) {
        const candidate *c = &g->candidates[chosen[i]];
        branch *to = &g->spare[i], *from = &g->live[c->origin];
        bool first = true;

        for (int k = 0; k < i; k++)
            first = first && g->candidates[chosen[k]].origin != c->origin;
        copy(&to->h, &from->h);
        push(&to->h, c->token, c->logprob);
        to->next = c->token;
        to->id = from->id;
        to->sequence = from->sequence < 0 ? whisper_sequence_fork(s->d, g->base)
                       : first            ? from->sequence
                                          : whisper_sequence_fork(s->d, from->sequence);
        if (to->sequence < 0) {
            for (int k = 0; k < i; k++)
                if (g->spare[k].sequence >= 0)
                    g->spare[k].sequence = -1; /* the decoding is given up as a whole */
            return false;
        }
    }
    g->live = g->spare;
    g->spare = swap;
    g->n_live = n;
    return true;
}

static bool better(const candidate *a, const candidate *b)
{
    if (a->total != b->total)
        return a->total > b->total;
    return a->origin != b->origin ? a->origin < b->origin : a->token < b->token;
}

static void offer(growth *g, const candidate *c)
{
    int at;

    if (g->n_candidates == g->max_candidates) {
        if (!better(c, &g->candidates[g->n_candidates - 1]))
            return;
        g->n_candidates--;
    }
    for (at = g->n_candidates++; at > 0 && better(c, &g->candidates[at - 1]); at--)
        g->candidates[at] = g->candidates[at - 1];
    g->candidates[at] = *c;
}

/* The best continuations of one hypothesis among those of all. */
static void offer_row(growth *g, const float *x, int32_t n, double lse, int origin)
{
    double sum = g->live[origin].h.sum;

    for (int32_t i = 0; i < n; i += LANES) {
        int32_t to = n - i < LANES ? n : i + LANES;
        float most = WHISPER_DISABLED, least = WHISPER_DISABLED;

        for (int32_t k = i; k < to; k++)
            most = x[k] > most ? x[k] : most;
        if (g->n_candidates == g->max_candidates)
            least = (float)(g->candidates[g->n_candidates - 1].total - sum + lse - 1e-3);
        if (!(most > least) || !(most > 0.5f * WHISPER_DISABLED))
            continue;
        for (int32_t k = i; k < to; k++)
            if (x[k] > 0.5f * WHISPER_DISABLED)
                offer(g, &(candidate){.total = sum + ((double)x[k] - lse),
                                      .logprob = (double)x[k] - lse,
                                      .token = k,
                                      .origin = origin});
    }
}

/* What became of the candidates of a beam: true when the search is over. */
static hse_status choose_beams(whisper_searcher *s, whisper_job *job, bool *over)
{
    growth *g = job->growth;
    const whisper_search *o = &job->search;
    size_t count = g->live[0].h.count;
    bool last = (int)count + 1 >= g->limit, after_prefix = g->prefix > 0 && count == g->prefix;
    int chosen[WHISPER_MAX_BEAMS], n = 0, secondary = o->beam_size;

    for (int k = 0; k < o->beam_size && k < g->n_candidates; k++) {
        const candidate *c = &g->candidates[k];
        bool eot = c->token == s->ids.eot;

        if (eot && after_prefix && k > 0)
            continue;
        if (!eot && !last) {
            chosen[n++] = k;
            continue;
        }
        g->top_ended = g->top_ended || k == 0;
        finish(job, &g->live[c->origin].h, &c->token, c->logprob, eot);
        while (secondary < g->n_candidates && g->candidates[secondary].token == s->ids.eot)
            secondary++;
        if (secondary < g->n_candidates)
            chosen[n++] = secondary++;
    }
    *over = last || n == 0 ||
            (o->length_penalty == 0.0 ? g->top_ended && g->n_done >= o->hypotheses
                                      : g->n_done >= (int)lround((double)o->beam_size * o->patience));
    if (!*over && !branch_out(s, g, chosen, n))
        return HSE_E_LIMIT;
    return HSE_OK;
}

/* One token for each hypothesis: the likeliest, or drawn. */
static int32_t choose_one(whisper_searcher *s, const whisper_job *job, const float *x, const branch *b)
{
    double u, sum = 0.0;
    int32_t top = arg_max(s, x, s->vocab), last = top;
    float t = (float)job->search.temperature;

    if (job->search.temperature <= 0.0)
        return top;
    for (int32_t i = 0; i < s->vocab; i++)
        s->drawn[i] = x[i] > 0.5f * WHISPER_DISABLED ? (x[i] - x[top]) / t : WHISPER_DISABLED;
    s->k->softmax(s->drawn, (size_t)s->vocab, 1, s->vocab);
    u = hse_random_unit(job->search.seed, job->search.stream, (uint64_t)b->id * DRAWS_A_HYPOTHESIS + b->h.count);
    for (int32_t i = 0; i < s->vocab; i++) {
        if (!(x[i] > 0.5f * WHISPER_DISABLED))
            continue;
        sum += (double)s->drawn[i];
        last = i;
        if (sum > u)
            break;
    }
    return last;
}

static hse_status choose_each(whisper_searcher *s, whisper_job *job, bool *over)
{
    growth *g = job->growth;
    int chosen[WHISPER_MAX_BEAMS], n = 0;

    for (int i = 0; i < g->n_candidates; i++) {
        const candidate *c = &g->candidates[i];
        const whisper_hypothesis *h = &g->live[c->origin].h;
        bool eot = c->token == s->ids.eot;

        if (eot || (int)h->count + 1 >= g->limit)
            finish(job, h, &c->token, c->logprob, eot);
        else
            chosen[n++] = i;
    }
    *over = n == 0;
    if (!*over && !branch_out(s, g, chosen, n))
        return HSE_E_LIMIT;
    return HSE_OK;
}

/* All hypotheses have their logits. The first step's are the same for all of them. */
static hse_status grow(whisper_searcher *s, whisper_job *job, float *first, bool *over)
{
    growth *g = job->growth;
    const whisper_search *o = &job->search;
    bool beams = o->temperature <= 0.0 && o->beam_size > 1;
    double lse = 0.0;

    g->n_candidates = 0;
    for (int i = 0; i < g->n_live; i++) {
        float *x = first ? first : whisper_logits(s->d, g->row + i);

        if (!x)
            return HSE_E_LIMIT;
        if (!first || i == 0)
            lse = weigh(s, job, x, &g->live[i].h);
        if (beams) {
            offer_row(g, x, s->vocab, lse, i);
            continue;
        }
        int32_t token = choose_one(s, job, x, &g->live[i]);
        bool possible = x[token] > 0.5f * WHISPER_DISABLED;
        g->candidates[g->n_candidates++] = (candidate){.token = possible ? token : s->ids.eot,
                                                       .logprob = possible ? (double)x[token] - lse : 0.0,
                                                       .origin = i};
    }
    return beams ? choose_beams(s, job, over) : choose_each(s, job, over);
}

/* ---- a job's life ---- */

static void release(whisper_searcher *s, growth *g, bool keep_prompt)
{
    for (int i = 0; i < g->n_live; i++)
        if (g->live[i].sequence >= 0)
            whisper_sequence_free(s->d, g->live[i].sequence);
    g->n_live = 0;
    if (!keep_prompt && g->base >= 0) {
        whisper_sequence_free(s->d, g->base);
        g->base = -1;
    }
}

static void free_hypotheses(growth *g)
{
    hse_free(g->live < g->spare ? g->live : g->spare);
    hse_free(g->done);
    hse_free(g->candidates);
    hse_free(g->tokens);
    hse_free(g->logprobs);
    g->live = g->spare = NULL;
    g->done = NULL;
    g->candidates = NULL;
    g->tokens = NULL;
    g->logprobs = NULL;
    g->n_done = 0;
}

void whisper_job_free(whisper_job *job)
{
    if (!job->growth)
        return;
    free_hypotheses(job->growth);
    hse_free(job->growth->first);
    hse_free(job->growth);
    job->growth = NULL;
    job->hypothesis = NULL;
    job->hypothesis_count = 0;
}

static hse_status make_hypotheses(const whisper_job *job, growth *g, hse_error *err)
{
    const whisper_search *o = &job->search;
    int n;
    size_t one = (size_t)g->limit + 1;

    g->width = width_of(o);
    if (g->width < 1 || g->width > WHISPER_MAX_BEAMS || !(o->patience > 0.0 && o->patience <= WHISPER_MAX_PATIENCE))
        return hse_fail(err, HSE_E_ARG, 0, "a search with %d hypotheses and a patience of %g", g->width, o->patience);
    g->done_capacity = (int)lround((double)g->width * (o->patience > 1.0 ? o->patience : 1.0)) + g->width + o->hypotheses;
    n = 2 * g->width + g->done_capacity;
    g->max_candidates = 2 * g->width;
    g->live = hse_calloc(2 * (size_t)g->width, sizeof *g->live);
    g->spare = g->live ? g->live + g->width : NULL;
    g->done = hse_calloc((size_t)g->done_capacity, sizeof *g->done);
    g->candidates = hse_calloc((size_t)g->max_candidates, sizeof *g->candidates);
    g->tokens = hse_alloc((size_t)n * one * sizeof *g->tokens);
    g->logprobs = hse_alloc((size_t)n * one * sizeof *g->logprobs);
    if (!g->live || !g->done || !g->candidates || !g->tokens || !g->logprobs)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d hypotheses of %d tokens", n, g->limit);
    for (int i = 0; i < n; i++) {
        whisper_hypothesis *h = i < 2 * g->width ? &g->live[i].h : &g->done[i - 2 * g->width];
        h->tokens = g->tokens + (size_t)i * one;
        h->logprobs = g->logprobs + (size_t)i * one;
    }
    return HSE_OK;
}

/* Where the forced prefix begins, how long the result may be. */
static hse_status read_prompt(const whisper_searcher *s, const whisper_job *job, growth *g, hse_error *err)
{
    const whisper_search *o = &job->search;
    int length = o->max_length < s->positions ? o->max_length : s->positions, left;

    if (job->prompt_count < 1 || job->prompt_count > (size_t)s->positions)
        return hse_fail(err, HSE_E_ARG, 0, "a prompt of %zu tokens; the model has %d positions", job->prompt_count,
                        (int)s->positions);
    for (size_t i = 0; i < job->prompt_count; i++)
        if (job->prompt[i] < 0 || job->prompt[i] >= s->vocab)
            return hse_fail(err, HSE_E_ARG, i, "a prompt with the token %d; the model knows %d", (int)job->prompt[i],
                            (int)s->vocab);
    g->start = job->prompt_count - 1;
    g->sot_at = SIZE_MAX;
    if (job->task != WHISPER_GENERATE)
        return HSE_OK;
    for (size_t i = 0; i < job->prompt_count && g->sot_at == SIZE_MAX; i++)
        if (job->prompt[i] == s->sot)
            g->sot_at = g->start = i;
    while (g->sot_at != SIZE_MAX && g->start + 1 < job->prompt_count && job->prompt[g->start + 1] >= s->sot &&
           job->prompt[g->start + 1] <= s->ids.no_timestamps)
        g->start++;
    g->prefix = job->prompt_count - 1 - g->start;
    left = length - (int)g->start;
    g->limit = length / 2 < left ? length / 2 : left;
    if (g->limit < 1)
        return hse_fail(err, HSE_E_ARG, 0, "a prompt of %zu tokens leaves no room for a result within %d",
                        job->prompt_count, length);
    return HSE_OK;
}

static void begin(const whisper_job *job, growth *g)
{
    bool drawn = job->search.temperature > 0.0;
    size_t prefix = g->prefix < (size_t)g->limit ? g->prefix : (size_t)g->limit;

    g->n_live = drawn ? g->width : 1;
    for (int i = 0; i < g->n_live; i++) {
        branch *b = &g->live[i];
        b->h.count = 0;
        b->h.sum = 0.0;
        b->sequence = -1;
        b->id = i;
        for (size_t k = 0; k < prefix; k++)
            push(&b->h, job->prompt[g->start + 1 + k], 0.0);
    }
    g->n_done = 0;
    g->top_ended = false;
}

static hse_status job_start(whisper_searcher *s, whisper_job *job, hse_error *err)
{
    growth *g = job->growth;
    bool again = g && g->has_first && g->base >= 0;
    hse_status status;

    if (!g) {
        if (!(g = job->growth = hse_calloc(1, sizeof *g)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a search");
        g->base = -1;
    }
    free_hypotheses(g);
    job->hypothesis = NULL;
    job->hypothesis_count = 0;
    if ((status = read_prompt(s, job, g, err)) != HSE_OK)
        return status;
    if (job->task == WHISPER_GENERATE) {
        if ((status = make_hypotheses(job, g, err)) != HSE_OK)
            return status;
        if (!g->first && !(g->first = hse_alloc((size_t)s->vocab * sizeof *g->first)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d logits", (int)s->vocab);
    }
    if (again)
        return HSE_OK;
    g->has_first = false;
    g->fed = 0;
    if ((g->base = whisper_sequence_new(s->d, job->window)) < 0)
        return hse_fail(err, HSE_E_LIMIT, 0, "more sequences than the decoding has room for");
    return HSE_OK;
}

/* The result of a search that is over. */
static void job_end(whisper_searcher *s, whisper_job *job)
{
    growth *g = job->growth;

    release(s, g, true);
    if (job->task != WHISPER_GENERATE)
        return;
    if (g->n_done == 0) {
        g->done[0].count = 0;
        g->done[0].sum = 0.0;
        g->done[0].score = -HUGE_VAL;
        g->n_done = 1;
    }
    job->hypothesis = g->done;
    job->hypothesis_count = (size_t)(g->n_done < job->search.hypotheses ? g->n_done : job->search.hypotheses);
    job->ended = (int)g->done[0].count < g->limit;
}

/* From the logits after the prompt, which stay as they are for another attempt. */
static hse_status first_step(whisper_searcher *s, whisper_job *job, bool *over)
{
    growth *g = job->growth;

    begin(job, g);
    if (g->prefix >= (size_t)g->limit) {
        finish(job, &g->live[0].h, NULL, 0.0, false);
        *over = true;
        return HSE_OK;
    }
    memcpy(s->x, g->first, (size_t)s->vocab * sizeof *s->x);
    return grow(s, job, s->x, over);
}

static void language_probs(whisper_searcher *s, whisper_job *job, const float *x)
{
    float *p = job->language_probs;

    for (size_t i = 0; i < job->language_count; i++)
        p[i] = job->languages[i] >= 0 && job->languages[i] < s->vocab ? x[job->languages[i]] : WHISPER_DISABLED;
    if (job->language_count)
        s->k->softmax(p, job->language_count, 1, (int)job->language_count);
}

/* ---- steps ---- */

static void add_row(whisper_searcher *s, growth *g, int sequence, int32_t token, bool logits)
{
    if (g->n_row == 0)
        g->row = s->n_rows;
    s->rows[s->n_rows++] = (whisper_row){.sequence = sequence, .token = token, .logits = logits};
    g->n_row++;
}

static bool wants_logits(const whisper_job *job, size_t i)
{
    const growth *g = job->growth;

    if (job->task == WHISPER_SCORE)
        return job->text_probs && i >= job->score_from && i < job->score_from + job->text_count;
    return i + 1 == job->prompt_count || i == g->sot_at;
}

/* The job's rows of this step: its hypotheses' last tokens, or a part of its prompt. */
static void add_rows(whisper_searcher *s, const whisper_job *job, int room)
{
    growth *g = job->growth;
    int most = job->task == WHISPER_SCORE && room > SCORED_ROWS ? SCORED_ROWS : room;

    g->n_row = 0;
    if (g->fed == job->prompt_count) {
        for (int i = 0; i < g->n_live; i++)
            add_row(s, g, g->live[i].sequence, g->live[i].next, true);
        return;
    }
    for (; most > 0 && g->fed < job->prompt_count; most--, g->fed++)
        add_row(s, g, g->base, job->prompt[g->fed], wants_logits(job, g->fed));
}

/* Rows from..from + n of the prompt are through. */
static hse_status took_prompt(whisper_searcher *s, whisper_job *job, size_t from, bool *over)
{
    growth *g = job->growth;

    for (int i = 0; i < g->n_row; i++) {
        size_t at = from + (size_t)i;
        float *x = wants_logits(job, at) ? whisper_logits(s->d, g->row + i) : NULL;

        if (job->task == WHISPER_SCORE && job->scored)
            job->scored(job, s->d, g->base, at);
        if (!x)
            continue;
        if (job->task == WHISPER_SCORE) {
            int32_t token = job->text[at - job->score_from];
            double lse = log_sum(s, x, s->ids.eot);
            job->text_probs[at - job->score_from] = token < s->ids.eot ? exp((double)x[token] - lse) : 0.0;
        } else if (job->task == WHISPER_LANGUAGE) {
            language_probs(s, job, x);
        } else {
            if (at + 1 == job->prompt_count && g->first)
                memcpy(g->first, x, (size_t)s->vocab * sizeof *x);
            if (at == g->sot_at)
                job->no_speech_prob = exp((double)x[s->no_speech] - log_sum(s, x, s->vocab));
        }
    }
    *over = false;
    if (g->fed < job->prompt_count)
        return HSE_OK;
    if (job->task != WHISPER_GENERATE) {
        *over = true;
        return HSE_OK;
    }
    g->has_first = true;
    return first_step(s, job, over);
}

/* The job has ended: on with its next task, which may be over at once. */
static hse_status go_on(whisper_searcher *s, whisper_job *job, bool *done, hse_error *err)
{
    for (;;) {
        const int32_t *prompt = job->prompt;
        size_t count = job->prompt_count;
        int window = job->window;
        hse_status status = HSE_OK;
        bool over = false, again;

        job_end(s, job);
        if (!job->next || !job->next(job, &status, err)) {
            *done = true;
            release(s, job->growth, false);
            return status;
        }
        again = job->task == WHISPER_GENERATE && job->prompt == prompt && job->prompt_count == count &&
                job->window == window && job->growth->has_first;
        if (!again) {
            release(s, job->growth, false);
            job->growth->has_first = false;
        }
        if ((status = job_start(s, job, err)) != HSE_OK)
            return status;
        if (!again)
            return HSE_OK;
        if ((status = first_step(s, job, &over)) != HSE_OK)
            return hse_fail(err, status, 0, "more sequences than the decoding has room for");
        if (!over)
            return HSE_OK;
    }
}

static hse_status took_rows(whisper_searcher *s, whisper_job *job, bool *done, hse_error *err)
{
    growth *g = job->growth;
    bool over = false;
    hse_status status;

    if (g->n_row == 0)
        return HSE_OK;
    if (g->n_live > 0)
        status = grow(s, job, NULL, &over);
    else
        status = took_prompt(s, job, g->fed - (size_t)g->n_row, &over);
    if (status != HSE_OK)
        return hse_fail(err, status, 0, "more sequences than the decoding has room for");
    return over ? go_on(s, job, done, err) : HSE_OK;
}

/* Hypotheses first, then prompts as far as there is room. */
static int collect(whisper_searcher *s, whisper_job *const *jobs, const bool *done, size_t n, int rows)
{
    s->n_rows = 0;
    for (int prompts = 0; prompts < 2; prompts++)
        for (size_t i = 0; i < n; i++) {
            growth *g = jobs[i]->growth;
            if (done[i] || (g->fed < jobs[i]->prompt_count) != (prompts == 1))
                continue;
            g->n_row = 0;
            if (prompts == 0 || s->n_rows < rows)
                add_rows(s, jobs[i], rows - s->n_rows);
        }
    return s->n_rows;
}

static hse_status steps(whisper_searcher *s, whisper_job *const *jobs, bool *done, size_t n, int rows, hse_error *err)
{
    hse_status status;

    while (collect(s, jobs, done, n, rows) > 0) {
        if ((status = whisper_step(s->d, s->rows, s->n_rows, err)) != HSE_OK)
            return status;
        if (nn_stopped(s->c))
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        for (size_t i = 0; i < n; i++)
            if (!done[i] && (status = took_rows(s, jobs[i], &done[i], err)) != HSE_OK)
                return status;
    }
    return HSE_OK;
}

hse_status whisper_jobs_run(whisper_searcher *s, whisper_job *const *jobs, size_t n, int rows, hse_error *err)
{
    bool *done = hse_calloc(n + 1, sizeof *done);
    int most = rows < 1 ? 1 : rows;
    hse_status status = done ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu jobs", n);

    for (size_t i = 0; i < n && status == HSE_OK; i++)
        status = job_start(s, jobs[i], err);
    if (status == HSE_OK && most > s->rows_capacity) {
        whisper_row *grown = hse_realloc(s->rows, (size_t)most * sizeof *grown);
        if (grown) {
            s->rows = grown;
            s->rows_capacity = most;
        } else {
            status = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d rows", most);
        }
    }
    if (status == HSE_OK)
        status = steps(s, jobs, done, n, most, err);
    if (status != HSE_OK)
        for (size_t i = 0; i < n; i++)
            if (jobs[i]->growth && !(done && done[i]))
                release(s, jobs[i]->growth, false);
    hse_free(done);
    return status;
}
