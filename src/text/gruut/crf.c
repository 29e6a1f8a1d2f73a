/* crf.c - letters to sounds: a conditional random field of the first order over a word's letters, the most probable labels by
 * Viterbi's method. What a letter is judged by: itself, the three before, the three after, and both ends of the word. */
#include "base/mem.h"
#include "base/utf8.h"
#include "text/gruut/internal.h"


enum { MAX_LABELS = 4096, WINDOW = 3, RUN = 256 };      /* longer words are labelled in runs */

/* ---- opening ---- */

hse_status gruut_crf_open(gruut_crf *crf, const text_pack *pack, hse_error *err)
{
    hse_bytes labels = text_pack_bytes(pack, "crf.labels"), moves = text_pack_bytes(pack, "crf.moves");
    hse_status s = text_pack_map(&crf->attributes, pack, "crf.attributes", err);
    size_t n = 0;

    if (s != HSE_OK)
        return s;
    for (size_t i = 0; i < labels.size; i++)
        n += labels.data[i] == 0;
    if (n == 0 || n > MAX_LABELS || labels.data[labels.size - 1] != 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's section crf.labels has %zu labels, not 1 to %d", n, MAX_LABELS);
    if (!hse_utf8_valid((const char *)labels.data, labels.size, NULL))
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's section crf.labels is not UTF-8");
    if (moves.size != n * n * sizeof(double))
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's section crf.moves has %zu bytes, not 8 for each of %zu x %zu",
                        moves.size, n, n);
    crf->label = hse_calloc(n, sizeof *crf->label);
    crf->move = hse_calloc(n * n, sizeof *crf->move);
    if (!crf->label || !crf->move)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for letters to sounds");
    memcpy(crf->move, moves.data, moves.size);
    crf->labels = n;
    crf->label[0] = (const char *)labels.data;
    for (size_t i = 1; i < n; i++)
        crf->label[i] = crf->label[i - 1] + strlen(crf->label[i - 1]) + 1;
    return HSE_OK;
}

void gruut_crf_close(gruut_crf *crf)
{
    hse_free(crf->label);
    hse_free(crf->move);
    *crf = (gruut_crf){0};
}

/* ---- labelling ---- */

static void add_weights(const gruut_crf *crf, const char *key, size_t size, double *score)
{
    hse_bytes v;

    if (!text_map_get(&crf->attributes, key, size, &v))
        return;
    for (size_t i = 0; i + 12 <= v.size; i += 12) {
        uint32_t label = hse_get_u32le(v.data + i);
        double w;

        memcpy(&w, v.data + i + 4, sizeof w);
        if (label < crf->labels)
            score[label] += w;
    }
}

/* The key of the letter `at` seen from a place: the place's digit and the letter. */
static void add_letter(const gruut_crf *crf, const uint32_t *letter, size_t at, int place, double *score)
{
    char key[8];

    key[0] = (char)('0' + WINDOW + place);
    add_weights(crf, key, 1 + hse_utf8_put(key + 1, letter[at]), score);
}

/* The weights of letter i, summed in the order in which the model's own program sums them. */
static void judge(const gruut_crf *crf, const uint32_t *letter, size_t n, size_t i, double *score)
{
    add_weights(crf, "i", 1, score);
    add_letter(crf, letter, i, 0, score);
    if (i == 0)
        add_weights(crf, "b", 1, score);
    for (size_t j = 1; j <= WINDOW && j <= i; j++)
        add_letter(crf, letter, i - j, -(int)j, score);
    for (size_t j = 1; j <= WINDOW && i + j < n; j++)
        add_letter(crf, letter, i + j, (int)j, score);
    if (i + 1 == n)
        add_weights(crf, "e", 1, score);
}

/* score += the best of before[from] + move[from][to]; from[to]: the first of the best. */
static void step(const gruut_crf *crf, const double *before, double *best, double *score, uint16_t *from)
{
    size_t n = crf->labels;

    for (size_t j = 0; j < n; j++)
        best[j] = -1e300;
    for (size_t i = 0; i < n; i++) {
        const double *move = crf->move + i * n;

        for (size_t j = 0; j < n; j++)
            if (before[i] + move[j] > best[j]) {
                best[j] = before[i] + move[j];
                from[j] = (uint16_t)i;
            }
    }
    for (size_t j = 0; j < n; j++)
        score[j] += best[j];
}

/* Room: 3 * labels doubles, RUN * labels numbers. */
static void label_run(const gruut_crf *crf, const uint32_t *letter, size_t n, double *room, uint16_t *from, hse_buf *out)
{
    size_t labels = crf->labels, best = 0;
    double *score = room, *before = room + labels;
    uint16_t path[RUN];

    for (size_t i = 0; i < n; i++) {
        double *swap = score;

        score = before;
        before = swap;
        memset(score, 0, labels * sizeof *score);
        memset(from + i * labels, 0, labels * sizeof *from);
        judge(crf, letter, n, i, score);
        if (i)
            step(crf, before, room + 2 * labels, score, from + i * labels);
    }
    for (size_t j = 1; j < labels; j++)
        if (score[j] > score[best])
            best = j;
    for (size_t i = n; i-- > 0; best = from[i * labels + best])
        path[i] = (uint16_t)best;
    for (size_t i = 0; i < n; i++)
        if (*crf->label[path[i]]) {
            hse_buf_str(out, out->size ? " " : "");
            hse_buf_str(out, crf->label[path[i]]);
        }
}

hse_status gruut_crf_guess(const gruut_crf *crf, const char *word, size_t size, hse_buf *out, hse_error *err)
{
    uint32_t letter[RUN];
    double *room = hse_calloc(3 * crf->labels, sizeof *room);
    uint16_t *from = hse_calloc((size < RUN ? size : RUN) * crf->labels + 1, sizeof *from);
    size_t n = 0;

    if (!room || !from) {
        hse_free(room);
        hse_free(from);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for letters to sounds");
    }
    for (size_t i = 0; i < size;) {
        size_t width = hse_utf8_next(word + i, size - i, &letter[n]);

        if (!width)
            break;
        i += width;
        n++;
        if (n == RUN || i == size) {
            label_run(crf, letter, n, room, from, out);
            n = 0;
        }
    }
    hse_free(room);
    hse_free(from);
    return hse_buf_status(out, "a word's phones", err);
}
