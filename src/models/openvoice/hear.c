/* hear.c - the colour of recordings: their parts go through the reference encoder in ragged batches, whichever recording they
 * are of, and the plain mean of its parts is a recording's colour. */
#include "base/mem.h"
#include "models/openvoice/tone.h"

#include <math.h>

enum { TOGETHER = 16, FRAMES = 2048 };      /* parts, and frames unless one part has more, in one run */

typedef struct {
    const vits_converter *net;
    nn_ctx     *c;
    ov_heard   *of[TOGETHER];
    float      *spec[TOGETHER], *colour[TOGETHER];
    int         frames[TOGETHER], n, rows;
} hearing;

/* Run what has gathered, and add it up: in the order of the parts, so that the company does not count. */
static hse_status run(hearing *h, hse_error *err)
{
    size_t gin = (size_t)h->net->dims.gin;
    hse_status s = h->n ? vits_reference_run(h->net, h->c, h->n, (const float *const *)h->spec, h->frames, h->colour, err) : HSE_OK;

    for (int i = 0; i < h->n; i++) {
        for (size_t k = 0; s == HSE_OK && k < gin; k++)
            h->of[i]->embedding[k] += h->colour[i][k];
        hse_free(h->spec[i]);
        h->spec[i] = NULL;
    }
    h->n = h->rows = 0;
    return s;
}

static hse_status add(hearing *h, ov_heard *t, const float *samples, size_t n, hse_error *err)
{
    float *spec;
    size_t frames;
    hse_status s = HSE_OK;

    if ((t->status = vits_spectrogram(h->net, samples, n, &spec, &frames, &t->error)) != HSE_OK)
        return HSE_OK;
    if (h->n && (h->n == TOGETHER || h->rows + (int)frames > FRAMES))
        s = run(h, err);
    h->of[h->n] = t;
    h->spec[h->n] = spec;
    h->frames[h->n++] = (int)frames;
    h->rows += (int)frames;
    return s;
}

/* All parts of one recording; *parts is how many there were. */
static hse_status hear_one(hearing *h, ov_heard *t, size_t *parts, hse_error *err)
{
    ov_parts p;
    hse_status s = HSE_OK;

    *parts = 0;
    if ((t->status = ov_parts_open(&p, &t->recording, &t->error)) != HSE_OK)
        return HSE_OK;
    while (s == HSE_OK && t->status == HSE_OK) {
        float *part = NULL;
        size_t n = 0;

        if ((t->status = ov_parts_next(&p, &part, &n, &t->error)) != HSE_OK || !part)
            break;
        s = add(h, t, part, n, err);
        *parts += t->status == HSE_OK;
        hse_free(part);
    }
    ov_parts_close(&p);
    return s;
}

hse_status ov_hear(const vits_converter *net, nn_ctx *c, ov_heard *items, size_t n, hse_error *err)
{
    size_t gin = (size_t)net->dims.gin, *parts = hse_calloc(n + 1, sizeof *parts);
    float *block = hse_calloc(TOGETHER * gin, sizeof *block);
    hearing h = {.net = net, .c = c};
    hse_status s = parts && block ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory for tone colours");

    for (size_t i = 0; block && i < TOGETHER; i++)
        h.colour[i] = block + i * gin;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        for (size_t k = 0; k < gin; k++)
            items[i].embedding[k] = 0;
        s = hear_one(&h, &items[i], &parts[i], err);
    }
    if (s == HSE_OK)
        s = run(&h, err);
    for (int i = 0; i < h.n; i++)
        hse_free(h.spec[i]);
    for (size_t i = 0; s == HSE_OK && i < n; i++)
        for (size_t k = 0; items[i].status == HSE_OK && k < gin; k++) {
            items[i].embedding[k] /= (float)parts[i];
            if (!isfinite(items[i].embedding[k]))
                items[i].status = hse_fail(&items[i].error, HSE_E_FORMAT, 0, "number %zu of the tone colour is not one (a damaged checkpoint?)", k);
        }
    hse_free(parts);
    hse_free(block);
    return s;
}
