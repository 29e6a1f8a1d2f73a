/* align.c - tokens to times: cross-attention of the alignment heads, and the cheapest path through it. */
#include "models/whisper/words.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_HEADS = 32, GROUP_WINDOWS = 4, MEDIAN = 7, MAX_MEDIAN = 31 };

/* ---- dynamic time warping ---- */

hse_status whisper_warp(const float *x, int rows, int cols, int (**path)[2], size_t *count, hse_error *err)
{
    enum { DIAGONAL, UP, LEFT };
    size_t width = (size_t)cols + 1, n = 0, cells;
    double *before = NULL, *now = NULL;     /* sums of hundreds: in float, near equals would change places */
    uint8_t *move = NULL;
    int(*p)[2] = NULL, i = rows, j = cols;

    *path = NULL;
    *count = 0;
    if (rows < 1 || cols < 1)
        return HSE_OK;
    if (hse_mul_size((size_t)rows + 1, width, &cells)) {
        move = hse_alloc(cells);
        before = hse_alloc(width * sizeof *before);
        now = hse_alloc(width * sizeof *now);
        p = hse_alloc(((size_t)rows + (size_t)cols) * sizeof *p);
    }
    if (!move || !before || !now || !p) {
        hse_free(move);
        hse_free(before);
        hse_free(now);
        hse_free(p);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to align %d tokens", rows);
    }
    for (size_t k = 0; k < width; k++)
        before[k] = HUGE_VAL;
    before[0] = 0.0;
    for (int r = 1; r <= rows; r++) {
        double *swap;
        now[0] = HUGE_VAL;
        for (int k = 1; k <= cols; k++) {
            double diagonal = before[k - 1], up = before[k], left = now[k - 1], least;
            uint8_t m;
            if (diagonal < up && diagonal < left)
                least = diagonal, m = DIAGONAL;
            else if (up < diagonal && up < left)
                least = up, m = UP;
            else
                least = left, m = LEFT;
            now[k] = least - (double)x[(size_t)(r - 1) * (size_t)cols + (size_t)(k - 1)];
            move[(size_t)r * width + (size_t)k] = m;
        }
        swap = before;
        before = now;
        now = swap;
    }
    while (i > 0 && j > 0 && n < (size_t)rows + (size_t)cols) {
        uint8_t m = i == 1 ? (j == 1 ? DIAGONAL : LEFT) : j == 1 ? UP : move[(size_t)i * width + (size_t)j];
        p[n][0] = i - 1;
        p[n++][1] = j - 1;
        i -= m != LEFT;
        j -= m != UP;
    }
    for (size_t k = 0; k < n / 2; k++)
        for (int part = 0; part < 2; part++) {
            int swap = p[k][part];
            p[k][part] = p[n - 1 - k][part];
            p[n - 1 - k][part] = swap;
        }
    hse_free(move);
    hse_free(before);
    hse_free(now);
    *path = p;
    *count = n;
    return HSE_OK;
}

/* ---- attention ---- */

typedef struct {
    whisper_alignment *a;
    whisper_job job;
    int32_t *tokens; /* start, <|notimestamps|>, text, <|endoftext|> */
    size_t rows;
    int cols;
    float *scores; /* [heads of the group][rows][cols] */
    float *mean;   /* [count + 1][cols] */
    int heads;     /* of the group */
} aligner;

static void keep_scores(whisper_job *job, const whisper_decoding *d, int sequence, size_t row)
{
    aligner *g = job->user;

    for (int h = 0; h < g->heads && g->cols; h++) {
        const float *from = whisper_cross_scores(d, sequence, (int)row, h);
        float *to = g->scores + ((size_t)h * g->rows + row) * (size_t)g->cols;
        if (from)
            memcpy(to, from, (size_t)g->cols * sizeof *to);
        else
            memset(to, 0, (size_t)g->cols * sizeof *to);
    }
}

static void softmax(float *x, int n)
{
    float top = x[0];
    double sum = 0.0;

    for (int i = 1; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (int i = 0; i < n; i++) {
        x[i] = expf(x[i] - top);
        sum += (double)x[i];
    }
    for (int i = 0; i < n; i++)
        x[i] = (float)((double)x[i] / sum);
}

/* Over the tokens, for each time; the last row counts `padding` times more. */
static void standardize(float *x, size_t rows, int cols, size_t padding)
{
    const float *end = x + (rows - 1) * (size_t)cols;
    double all = (double)(rows + padding), again = (double)padding;

    for (int k = 0; k < cols; k++) {
        double sum = again * (double)end[k], squares, mean, deviation;

        for (size_t r = 0; r < rows; r++)
            sum += (double)x[r * (size_t)cols + (size_t)k];
        mean = sum / all;
        squares = again * ((double)end[k] - mean) * ((double)end[k] - mean);
        for (size_t r = 0; r < rows; r++) {
            double off = (double)x[r * (size_t)cols + (size_t)k] - mean;
            squares += off * off;
        }
        deviation = sqrt(squares / all);
        for (size_t r = 0; r < rows; r++) {
            float *v = &x[r * (size_t)cols + (size_t)k];
            *v = (float)(((double)*v - mean) / deviation);
        }
    }
}

/* Median of the `width` around each value, reflected at the ends; added to out. */
static void add_median(float *out, const float *x, int n, int width)
{
    int half = width / 2;

    for (int i = 0; i < n; i++) {
        float w[MAX_MEDIAN];
        if (n <= half) {
            out[i] += x[i];
            continue;
        }
        for (int k = 0; k < width; k++) {
            int at = abs(i + k - half), m;
            float v = x[at < n ? at : 2 * (n - 1) - at];
            for (m = k; m > 0 && v < w[m - 1]; m--)
                w[m] = w[m - 1];
            w[m] = v;
        }
        out[i] += w[half];
    }
}

static void add_heads(aligner *g)
{
    size_t cols = (size_t)g->cols;
    int width = g->a->median >= 1 && g->a->median <= MAX_MEDIAN ? g->a->median : MEDIAN;

    for (int h = 0; h < g->heads && g->cols; h++) {
        float *x = g->scores + (size_t)h * g->rows * cols;

        for (size_t r = 0; r < g->rows; r++)
            softmax(x + r * cols, g->cols);
        standardize(x, g->rows, g->cols, g->a->padding);
        for (size_t r = 0; r <= g->a->count; r++)
            add_median(g->mean + r * cols, x + (g->a->start_count + r) * cols, g->cols, width);
    }
}

static hse_status prepare(aligner *g, whisper_alignment *a, const whisper_special *special, const whisper_dims *dims,
                          int group, hse_error *err)
{
    size_t n = 0, cols;

    g->a = a;
    g->rows = a->start_count + 1 + a->count + 1;
    g->cols = a->frames / 2 < dims->encoder_positions ? a->frames / 2 : dims->encoder_positions;
    if (g->cols < 0)
        g->cols = 0;
    cols = (size_t)g->cols;
    a->probs = hse_calloc(a->count + 1, sizeof *a->probs);
    g->tokens = hse_alloc(g->rows * sizeof *g->tokens);
    g->scores = hse_alloc((size_t)group * g->rows * cols * sizeof *g->scores + 1);
    g->mean = hse_calloc((a->count + 1) * cols + 1, sizeof *g->mean);
    if (!a->probs || !g->tokens || !g->scores || !g->mean)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to align %zu tokens", a->count);
    memcpy(g->tokens, a->start, a->start_count * sizeof *g->tokens);
    n = a->start_count;
    g->tokens[n++] = special->no_timestamps;
    if (a->count)
        memcpy(g->tokens + n, a->text, a->count * sizeof *g->tokens);
    n += a->count;
    g->tokens[n] = special->eot;
    g->job = (whisper_job){.task = WHISPER_SCORE,
                           .window = a->window,
                           .prompt = g->tokens,
                           .prompt_count = g->rows,
                           .score_from = a->start_count,
                           .text = a->text,
                           .text_count = a->count,
                           .scored = keep_scores,
                           .user = g};
    return HSE_OK;
}

static hse_status run_group(whisper_searcher *s, whisper_decoding *d, const whisper_config *config,
                            const whisper_special *special, whisper_alignment *const *a, size_t n, int rows, hse_error *err)
{
    int heads = (int)config->n_alignment_heads, pick[GROUP_HEADS][2] = {{0}};
    aligner g[GROUP_WINDOWS] = {0};
    whisper_job *jobs[GROUP_WINDOWS] = {0};
    hse_status status = HSE_OK;

    for (size_t i = 0; i < n && status == HSE_OK; i++) {
        status = prepare(&g[i], a[i], special, &config->dims, heads < GROUP_HEADS ? heads : GROUP_HEADS, err);
        jobs[i] = &g[i].job;
    }
    for (int from = 0; from < heads && status == HSE_OK; from += GROUP_HEADS) {
        int count = heads - from < GROUP_HEADS ? heads - from : GROUP_HEADS;
        for (int h = 0; h < count; h++) {
            pick[h][0] = config->alignment_heads[from + h].layer;
            pick[h][1] = config->alignment_heads[from + h].head;
        }
        for (size_t i = 0; i < n; i++) {
            g[i].heads = count;
            g[i].job.text_probs = from == 0 ? a[i]->probs : NULL;
        }
        status = whisper_keep_scores(d, pick, count, err);
        if (status == HSE_OK)
            status = whisper_jobs_run(s, jobs, n, rows, err);
        for (size_t i = 0; i < n && status == HSE_OK; i++)
            add_heads(&g[i]);
    }
    for (size_t i = 0; i < n && status == HSE_OK; i++) {
        float *mean = g[i].mean;
        for (size_t k = 0; k < (a[i]->count + 1) * (size_t)g[i].cols; k++)
            mean[k] /= (float)heads;
        status = whisper_warp(mean, (int)a[i]->count + 1, g[i].cols, &a[i]->path, &a[i]->path_count, err);
    }
    if (heads > 0 && whisper_keep_scores(d, NULL, 0, NULL) != HSE_OK && status == HSE_OK)
        status = hse_fail(err, HSE_E_LIMIT, 0, "the decoder's scores could not be dropped");
    for (size_t i = 0; i < n; i++) {
        whisper_job_free(&g[i].job);
        hse_free(g[i].tokens);
        hse_free(g[i].scores);
        hse_free(g[i].mean);
    }
    return status;
}

int whisper_align_sequences(size_t n)
{
    return n < GROUP_WINDOWS ? (int)n : GROUP_WINDOWS;
}

hse_status whisper_align(whisper_searcher *s, whisper_decoding *d, const whisper_config *config,
                         const whisper_special *special, whisper_alignment *const *a, size_t n, int rows, hse_error *err)
{
    hse_status status = HSE_OK;

    if (config->n_alignment_heads == 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "this model has no alignment heads: no times of words");
    for (size_t i = 0; i < n && status == HSE_OK; i += GROUP_WINDOWS)
        status = run_group(s, d, config, special, a + i, n - i < GROUP_WINDOWS ? n - i : GROUP_WINDOWS, rows, err);
    return status;
}

void whisper_alignment_free(whisper_alignment *a)
{
    hse_free(a->probs);
    hse_free(a->path);
    a->probs = NULL;
    a->path = NULL;
    a->path_count = 0;
}
