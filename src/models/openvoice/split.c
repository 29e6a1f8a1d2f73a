/* split.c - a recording that changes its voice window by window, in bounded memory: first its own colour is heard, then windows
 * are handed out, small ones first so that something can be heard soon. */
#include "audio/sliding.h"
#include "base/buf.h"
#include "base/mem.h"
#include "models/openvoice/tone.h"

#include <string.h>

enum { HEARD_S = 60, FIRST_FRAMES = 64 };   /* of the recording, for its colour; of the first window */

typedef struct part part;
struct part {
    hse_item item;
    ov_piece piece;
    part    *next;
    bool     back;
};

typedef struct {
    const ov_tone  *m;
    hse_split_input in;
    hse_sliding    *audio;                  /* at the model's rate */
    float          *colours;                /* source, target */
    bool            asked, heard;           /* the item that hears the source: handed out; back */
    size_t          samples, frames, at, window;        /* of the recording; handed out up to here; frames of the next window */
    part           *first, **end;           /* handed out and not yet joined, in order */
    hse_buf         out;
    hse_error       error;
} split;

hse_status ov_split_open(void **out, const void *model, const hse_split_input *in, hse_error *err)
{
    const ov_tone *m = model;
    size_t gin = (size_t)m->net->dims.gin;
    hse_status status = HSE_OK;

    if ((status = hse_embedding_check(in->embedding_field, in->embedding_size, gin, err)) != HSE_OK)
        return status;
    split *s = hse_calloc(1, sizeof *s);
    if (!s || !(s->colours = hse_calloc(2 * gin, sizeof *s->colours))) {
        hse_free(s);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a recording");
    }
    s->m = m;
    s->in = *in;
    s->end = &s->first;
    s->window = FIRST_FRAMES;
    memcpy(s->colours + gin, in->embedding, gin * sizeof *s->colours);
    if (in->reference) {
        memcpy(s->colours, in->embedding, gin * sizeof *s->colours);
        s->asked = s->heard = true;
    }
    hse_buf_init(&s->out, SIZE_MAX / 2);
    if ((status = hse_sliding_open(&s->audio, in->audio, m->net->rate_hz, in->cancel, err)) == HSE_OK) {
        s->samples = hse_sliding_length(s->audio);
        if ((s->frames = vits_frames(m->net, s->samples)) == 0)
            status = hse_fail(err, HSE_E_ARG, 0, "source_audio is too short: %zu samples at %d Hz; the model needs more than %d", s->samples,
                              m->net->rate_hz, m->net->pad);
    }
    void *state = s;
    if (status != HSE_OK)
        ov_split_close(&state);
    else
        *out = state;
    return status;
}

static void free_part(part *p)
{
    hse_item_free(&p->item);
    hse_free(p);
}

void ov_split_close(void **state)
{
    split *s = *state;

    if (!s)
        return;
    for (part *p = s->first, *next; p; p = next) {
        next = p->next;
        free_part(p);
    }
    hse_sliding_close(&s->audio);
    hse_buf_free(&s->out);
    hse_free(s->colours);
    hse_free(s);
    *state = NULL;
}

/* What comes next, and the samples [from, to) that it is made of. */
static void choose(split *s, ov_piece *p, size_t *from, size_t *to)
{
    const vits_converter *net = s->m->net;
    size_t reach = vits_convert_reach(net), most = vits_decoder_window(&net->decoder);

    *p = (ov_piece){.tag = OV_PIECE_TAG, .hear = !s->asked};
    if (!s->asked) {
        size_t n = (size_t)HEARD_S * (size_t)net->rate_hz;

        *from = 0;
        *to = n < s->samples ? n : s->samples;
        return;
    }
    size_t wanted = s->window < most ? s->window : most;
    p->window = true;
    p->from = s->at;
    p->to = s->frames - s->at < wanted + wanted / 2 ? s->frames : s->at + wanted;       /* no crumb at the end */
    p->first = p->from < reach ? 0 : p->from - reach;
    p->last = s->frames - p->to < reach ? s->frames : p->to + reach;
    p->frames = s->frames;
    p->source = s->colours;
    p->target = s->colours + net->dims.gin;
    vits_samples_of(net, s->samples, p->first, p->last, from, to, &p->lead);
}

hse_item *ov_split_next(void *state)
{
    split *s = state;
    const float *x = NULL;
    size_t from, to;
    part *p;

    if (s->error.status != HSE_OK || (s->asked && (!s->heard || s->at == s->frames)) || !(p = hse_calloc(1, sizeof *p)))
        return NULL;
    hse_item_init(&p->item);
    choose(s, &p->piece, &from, &to);
    p->item.own = &p->piece;
    p->item.reference = s->in.reference;
    p->item.seed = s->in.seed;
    hse_error *err = &p->piece.error;
    if (hse_sliding_get(s->audio, from, to, &x, err) == HSE_OK && !(p->item.audio.samples = hse_alloc((to - from + 1) * sizeof *x)))
        hse_fail(err, HSE_E_NOMEM, 0, "no memory for a window of %zu samples", to - from);
    if (err->status == HSE_OK) {
        memcpy(p->item.audio.samples, x, (to - from) * sizeof *x);
        p->item.audio.n = to - from;
        p->item.audio.rate_hz = s->m->net->rate_hz;
        p->item.audio.channels = 1;
        p->item.has = HSE_AUDIO;
    }
    if (s->asked) {
        s->at = p->piece.to;
        s->window *= s->window < s->frames ? 2 : 1;
    }
    s->asked = true;
    *s->end = p;
    s->end = &p->next;
    return &p->item;
}

/* What is done at the front, in order. */
static void join(split *s)
{
    while (s->first && s->first->back) {
        part *p = s->first;

        if (p->piece.hear) {
            memcpy(s->colours, p->item.embedding, (size_t)s->m->net->dims.gin * sizeof *s->colours);
            s->heard = true;
        } else {
            hse_buf_append(&s->out, p->item.audio.samples, p->item.audio.n * sizeof(float));
        }
        if (!(s->first = p->next))
            s->end = &s->first;
        free_part(p);
    }
}

hse_status ov_split_took(void *state, hse_item *item, hse_split_output *out, hse_error *err)
{
    split *s = state;

    *out = (hse_split_output){0};
    hse_buf_clear(&s->out);
    for (part *p = s->first; item && p; p = p->next)
        if (&p->item == item) {
            p->back = true;
            if (item->status != HSE_OK && s->error.status == HSE_OK)
                s->error = item->error;
        }
    if (s->error.status == HSE_OK)
        join(s);
    if (s->error.status == HSE_OK && hse_buf_status(&s->out, "the converted audio", err) != HSE_OK)
        s->error = *err;
    if (s->error.status != HSE_OK) {
        *err = s->error;
        return s->error.status;
    }
    out->samples = (const float *)(const void *)s->out.data;
    out->sample_count = s->out.size / sizeof(float);
    out->done = s->heard && s->at == s->frames && !s->first;
    return HSE_OK;
}
