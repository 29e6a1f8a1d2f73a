#include "models/windows.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

static windows_audio *item_at(windows_audio *first, size_t stride, size_t i)
{
    return (windows_audio *)(void *)((char *)first + i * stride);
}

static hse_status prepare(const windows *w, windows_audio *t)
{
    size_t bytes, tail;

    t->wave = NULL;
    t->samples = 0;
    if (t->status != HSE_OK)
        return t->status;
    if (t->from >= t->to || t->to > t->frames)
        return hse_fail(&t->error, HSE_E_ARG, 0, "frames %zu to %zu of %zu", t->from, t->to, t->frames);
    tail = t->to == t->frames ? w->tail : 0;
    if (!hse_mul_size(t->to - t->from, w->hop * sizeof(float), &bytes) ||
        !hse_add_size(bytes, tail * sizeof(float), &bytes) || !(t->wave = hse_alloc(bytes)))
        return hse_fail(&t->error, HSE_E_NOMEM, 0, "no memory for %zu frames of audio", t->to - t->from);
    t->samples = bytes / sizeof(float);
    return HSE_OK;
}

static hse_status check_wave(windows_audio *t)
{
    for (size_t i = 0; i < t->samples; i++)
        if (!isfinite(t->wave[i]))
            return hse_fail(&t->error, HSE_E_FORMAT, 0, "sample %zu of the audio is not a number (a damaged checkpoint?)", i);
    return HSE_OK;
}

void windows_take(const windows *w, const windows_piece *p, const float *wave, size_t first)
{
    size_t tail = p->to == p->audio->frames ? w->tail : 0;

    memcpy(p->audio->wave + (p->from - p->audio->from) * w->hop, wave + (p->from - first) * w->hop,
           ((p->to - p->from) * w->hop + tail) * sizeof *wave);
}

nn_tensor windows_cut(nn_ctx *c, nn_tensor x, int rate, int reach, const windows_piece *p, windows_span *s)
{
    int from[WINDOWS_PIECES], count[WINDOWS_PIECES], cut = 0;

    for (int i = 0; i < nn_items(x); i++) {
        windows_span keep = {(int)(p[i].from - p[i].first) - reach, (int)(p[i].to - p[i].first) + reach};

        keep.from = keep.from > s[i].from ? keep.from : s[i].from;
        keep.to = keep.to < s[i].to ? keep.to : s[i].to;
        from[i] = (keep.from - s[i].from) * rate;
        count[i] = keep.to < s[i].to ? (keep.to - keep.from) * rate : nn_rows(c, x, i) - from[i];
        cut += (s[i].to - s[i].from) - (keep.to - keep.from);
        s[i] = keep;
    }
    return cut ? nn_slice_rows(c, x, from, count) : x;
}

hse_status windows_run(const windows *w, windows_audio *first, size_t stride, size_t n, hse_error *err)
{
    windows_piece p[WINDOWS_PIECES];
    hse_status s = HSE_OK;
    size_t rows = 0;
    int waiting = 0;

    for (size_t i = 0; i < n; i++)
        item_at(first, stride, i)->status = prepare(w, item_at(first, stride, i));
    for (size_t i = 0; i < n && s == HSE_OK; i++) {
        windows_audio *t = item_at(first, stride, i);

        for (size_t from = t->from; t->status == HSE_OK && from < t->to && s == HSE_OK; from += w->window) {
            windows_piece q = {.audio = t, .item = i, .from = from};

            q.to = t->to - from < w->window ? t->to : from + w->window;
            q.first = from < w->context ? 0 : from - w->context;
            q.last = t->frames - q.to < w->context ? t->frames : q.to + w->context;
            if (waiting && (waiting == WINDOWS_PIECES || rows + q.last - q.first > w->window + 2 * w->context)) {
                s = w->run(w->user, p, waiting, err);
                waiting = 0;
                rows = 0;
            }
            p[waiting++] = q;
            rows += q.last - q.first;
        }
    }
    if (waiting && s == HSE_OK)
        s = w->run(w->user, p, waiting, err);
    for (size_t i = 0; i < n; i++) {
        windows_audio *t = item_at(first, stride, i);

        if (s == HSE_OK && t->status == HSE_OK)
            t->status = check_wave(t);
        if (s != HSE_OK || t->status != HSE_OK) {
            hse_free(t->wave);
            t->wave = NULL;
            t->samples = 0;
        }
    }
    return s;
}
