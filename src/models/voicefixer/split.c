/* split.c - a recording as pieces that are restored one by one, and their answers joined in order.
 *
 * The recording is there as a whole, or comes by vf_split_feed as it is needed: then its length is unknown until the end, and a
 * piece is handed out once no length that is still possible would cut it otherwise. */
#include "audio/sliding.h"
#include "base/buf.h"
#include "base/mem.h"
#include "models/voicefixer/adapter.h"
#include "models/voicefixer/prefilter.h"
#include "models/voicefixer/spectrum.h"

#include <string.h>

typedef struct part {
    struct part *next;
    hse_item item;
    vf_piece piece;
    bool back; /* computed */
} part;

typedef struct {
    hse_split_input in;
    bool reference, ended;    /* ended: the length is known */
    size_t samples, count;    /* of the recording at 44.1 kHz, and its pieces; once ended */
    size_t next, given;       /* pieces: the next to hand out, the next to join */
    part *parts, **parts_end; /* handed out and not yet joined, in order */
    hse_sliding *audio;       /* at 44.1 kHz */
    float over[VF_FADE]; /* the end of the last joined part */
    hse_buf out;
    hse_error error;
} split;

static void know_length(split *s, size_t samples)
{
    s->ended = true;
    s->samples = samples;
    s->count = s->reference ? vf_reference_count(samples, VF_REFERENCE_PIECE) : vf_segment_count(samples);
}

hse_status vf_split_open(void **out, const void *model, const hse_split_input *in, hse_error *err)
{
    split *s = hse_calloc(1, sizeof *s);
    hse_status status;

    (void)model;
    if (s && (status = vf_mode_check(in->restore_mode, err)) != HSE_OK) {
        hse_free(s);
        return status;
    }
    if (!s)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a recording");
    s->in = *in;
    s->reference = in->reference;
    s->parts_end = &s->parts;
    hse_buf_init(&s->out, SIZE_MAX / 2);
    if ((status = hse_sliding_open(&s->audio, in->audio, VF_RATE, in->cancel, err)) != HSE_OK) {
        void *p = s;
        vf_split_close(&p);
        return status;
    }
    if (in->audio->samples)
        know_length(s, hse_sliding_length(s->audio));
    *out = s;
    return HSE_OK;
}

static void free_part(part *p)
{
    hse_item_free(&p->item);
    hse_free(p);
}

void vf_split_close(void **p)
{
    split *s = *p;

    if (!s)
        return;
    for (part *x = s->parts, *next; x; x = next) {
        next = x->next;
        free_part(x);
    }
    hse_sliding_close(&s->audio);
    hse_buf_free(&s->out);
    hse_free(s);
    *p = NULL;
}

/* Where a part's audio lies in the recording at 44.1 kHz. */
static vf_segment segment_of(const split *s, size_t i)
{
    vf_segment g = {.ends = i + 1 == s->count};
    size_t n;

    if (!s->reference)
        return vf_segment_at(s->ended ? s->samples : VF_LENGTH_UNKNOWN, i);
    vf_reference_at(s->samples, VF_REFERENCE_PIECE, i, &g.audio_from, &n);
    g.audio_to = g.audio_from + n;
    return g;
}

hse_status vf_split_feed(void *state, const float *samples, size_t n, bool end, hse_error *err)
{
    split *s = state;
    hse_status status = hse_sliding_feed(s->audio, samples, n, end, err);

    if (status == HSE_OK && end && hse_sliding_length(s->audio) == 0)
        status = hse_fail(err, HSE_E_ARG, 0, "source_audio has no samples");
    if (status == HSE_OK && end)
        know_length(s, hse_sliding_length(s->audio));
    return status;
}

/* Mode 1 on one piece, as the original does it on one piece of 30 s. Its filter works in steps of 512 samples: the piece is
 * lengthened by zeros, so that none is lost; as a reference it becomes as short as the original makes it. */
static hse_status without_highs(hse_audio *a, bool reference, hse_error *err)
{
    size_t n = a->n, longer = reference ? n : (n + 511) / 512 * 512;
    float *x, *y = NULL;
    hse_status s;

    if (longer != n) {
        if (!(x = hse_calloc(longer, sizeof *x)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", longer);
        memcpy(x, a->samples, n * sizeof *x);
        hse_free(a->samples);
        a->samples = x;
    }
    if ((s = vf_prefilter(&y, &longer, NULL, a->samples, longer, VF_PREFILTER_RATIO, err)) != HSE_OK)
        return s;
    hse_free(a->samples);
    a->samples = y;
    a->n = reference ? longer : n;
    return HSE_OK;
}

hse_item *vf_split_next(void *state)
{
    split *s = state;
    const float *x = NULL;
    hse_error err = {0};
    part *p;

    if ((s->ended ? s->next == s->count : !vf_segment_settled(hse_sliding_length(s->audio), s->next)) || s->error.status != HSE_OK)
        return NULL;
    if (!(p = hse_calloc(1, sizeof *p)))
        return NULL; /* asked again when another is back */
    hse_item_init(&p->item);
    p->item.reference = s->reference;
    p->item.own = &p->piece;
    p->piece = (vf_piece){.tag = VF_PIECE_TAG, .segment = segment_of(s, s->next), .whole = s->reference};
    size_t from = p->piece.segment.audio_from, n = p->piece.segment.audio_to - from;
    hse_status status = hse_sliding_get(s->audio, from, from + n, &x, &err);
    if (status == HSE_OK && !(p->item.audio.samples = hse_alloc((n + 1) * sizeof *x)))
        status = hse_fail(&err, HSE_E_NOMEM, 0, "no memory for a piece of %zu samples", n);
    if (status == HSE_OK) {
        memcpy(p->item.audio.samples, x, n * sizeof *x);
        p->item.audio.n = n;
        p->item.audio.rate_hz = VF_RATE;
        p->item.audio.channels = 1;
        p->item.has = HSE_AUDIO;
        if (s->in.restore_mode == 1)
            (void)without_highs(&p->item.audio, s->reference, &err);
    }
    p->piece.error = err; /* shows when the piece is computed */
    s->next++;
    *s->parts_end = p;
    s->parts_end = &p->next;
    return &p->item;
}

/* A part's samples to the end of what is given out now. */
static void join(split *s, size_t i, part *p)
{
    size_t n = p->item.audio.n, keep = 0, cut = 0;
    float *x = p->item.audio.samples;

    if (s->reference) {
        size_t want = p->piece.segment.audio_to - p->piece.segment.audio_from;
        if (s->count > 1 && n > want) { /* one piece alone is HSE's request, which is not cut */
            cut = vf_reference_cut(n, want);
            n = want;
        }
    } else {
        if (i > 0 && n >= VF_FADE)
            vf_fade(x, s->over, VF_FADE);
        keep = p->piece.segment.ends ? 0 : VF_FADE;
        if (keep && n >= keep)
            memcpy(s->over, x + n - keep, keep * sizeof *x);
        n -= n >= keep ? keep : 0;
    }
    hse_buf_append(&s->out, x + cut, n * sizeof *x);
}

hse_status vf_split_took(void *state, hse_item *item, hse_split_output *out, hse_error *err)
{
    split *s = state;
    hse_status status;

    *out = (hse_split_output){0};
    hse_buf_clear(&s->out);
    if (s->error.status != HSE_OK) {
        *err = s->error;
        return s->error.status;
    }
    for (part *p = s->parts; item && p; p = p->next)
        if (&p->item == item) {
            p->back = true;
            if (item->status != HSE_OK) {
                s->error = item->error;
                *err = s->error;
                return item->status;
            }
        }
    while (s->parts && s->parts->back) {
        part *p = s->parts;

        join(s, s->given++, p);
        if (!(s->parts = p->next))
            s->parts_end = &s->parts;
        free_part(p);
    }
    if ((status = hse_buf_status(&s->out, "the restored audio", err)) != HSE_OK) {
        s->error = *err;
        return status;
    }
    out->samples = (const float *)(const void *)s->out.data;
    out->sample_count = s->out.size / sizeof(float);
    out->done = s->ended && s->given == s->count;
    return HSE_OK;
}
