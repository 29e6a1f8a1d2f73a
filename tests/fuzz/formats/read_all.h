/* read_all.h - what every checkpoint target does with its input: open it under small limits, then read all of it. */
#ifndef FUZZ_READ_ALL_H
#define FUZZ_READ_ALL_H

#include "base/mem.h"
#include "formats/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUZZ_TENSORS = 256, FUZZ_ELEMENTS = 1 << 16 };

static inline void fuzz_check(bool ok)
{
    if (!ok)
        abort();
}

/* Every tensor as floats and as integers, into memory of exactly its size. */
static inline void fuzz_read(const hse_weights *w)
{
    size_t left = FUZZ_ELEMENTS;

    for (size_t i = 0; i < hse_weights_count(w); i++) {
        const hse_weight *t = hse_weights_at(w, i);
        hse_error err = {0};
        fuzz_check(hse_weights_find(w, t->name) == t && hse_dtype_size(t->dtype) > 0);
        if (t->count > left)
            continue;
        left -= (size_t)t->count;
        float *out = hse_alloc((size_t)t->count * sizeof *out);
        if (!out)
            continue;
        hse_status s = hse_weights_read_f32(w, t, out, &err);
        fuzz_check((s == HSE_OK) == (err.text[0] == '\0'));
        err = (hse_error){0};
        s = hse_weights_read_i32(w, t, (int32_t *)(void *)out, &err);
        fuzz_check((s == HSE_OK) == (err.text[0] == '\0'));
        if (i & 1)
            hse_weights_drop(w, t);
        hse_free(out);
    }
}

static inline void fuzz_open(const uint8_t *data, size_t size)
{
    static const hse_weights_limits limits = {FUZZ_TENSORS, 1 << 16, 1 << 20};
    hse_weights *w = NULL;
    hse_error err = {0};
    hse_status s = hse_weights_open_bytes(&w, (hse_bytes){data, size}, "input", &limits, &err);

    fuzz_check((s == HSE_OK) == (w != NULL) && (s == HSE_OK || err.text[0]));
    if (w) {
        int64_t n;
        double r;
        const char *text;
        fuzz_read(w);
        hse_weights_int(w, "n", &n);
        hse_weights_real(w, "r", &r);
        hse_weights_text(w, "__metadata__.format", &text);
    }
    hse_weights_close(&w);
}

#endif
